//! As `std::sync::mpsc`: a queue behind a lock.

use super::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::collections::VecDeque;
use std::fmt;
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError};
use std::time::Duration;

struct Channel<T> {
    queue: Mutex<Queue<T>>,
    changed: Condvar,
}

struct Queue<T> {
    messages: VecDeque<T>,
    senders: usize,
    has_receiver: bool,
}

impl<T> Channel<T> {
    #[track_caller]
    fn queue(&self) -> MutexGuard<'_, Queue<T>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A channel of any capacity.
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let queue = Mutex::new(Queue { messages: VecDeque::new(), senders: 1, has_receiver: true });
    let channel = Arc::new(Channel { queue, changed: Condvar::new() });
    (Sender(channel.clone()), Receiver(channel))
}

/// The side that sends.
pub struct Sender<T>(Arc<Channel<T>>);

/// The side that receives.
pub struct Receiver<T>(Arc<Channel<T>>);

impl<T> Sender<T> {
    /// Sends a message.
    ///
    /// # Errors
    /// The message, if there is no receiver.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let mut queue = self.0.queue();
        if !queue.has_receiver {
            return Err(SendError(message));
        }
        queue.messages.push_back(message);
        drop(queue);
        self.0.changed.notify_one();
        Ok(())
    }
}

impl<T> Receiver<T> {
    /// Waits for a message.
    ///
    /// # Errors
    /// If there is none, and no sender.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        let mut queue = self.0.queue();
        loop {
            match queue.messages.pop_front() {
                Some(message) => return Ok(message),
                None if queue.senders == 0 => return Err(RecvError),
                None => queue = self.0.changed.wait(queue).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// As [`recv`](Self::recv): the time never comes.
    ///
    /// # Errors
    /// As there.
    #[track_caller]
    pub fn recv_timeout(&self, _time: Duration) -> Result<T, RecvTimeoutError> {
        self.recv().map_err(|_| RecvTimeoutError::Disconnected)
    }

    /// A message, if there is one.
    ///
    /// # Errors
    /// If there is none.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        let mut queue = self.0.queue();
        match queue.messages.pop_front() {
            Some(message) => Ok(message),
            None if queue.senders == 0 => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }
}

impl<T> Clone for Sender<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.0.queue().senders += 1;
        Sender(self.0.clone())
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.senders -= 1;
        let was_last = queue.senders == 0;
        drop(queue);
        if was_last {
            self.0.changed.notify_all();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let messages = {
            let mut queue = self.0.queue();
            queue.has_receiver = false;
            std::mem::take(&mut queue.messages)
        };
        drop(messages);
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}

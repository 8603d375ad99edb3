//! [`Condvar`]: a queue of those who wait.
//!
//! Who waits leaves a token in the queue, gives the mutex back, and waits for the token. The lock of the queue orders it.

use super::notify::Token;
use super::{LockResult, MutexGuard};
use lkmm::check::hook;
use lkmm::lock::SpinLock;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// As `std::sync::Condvar`: those who wait are woken in the order in which they came, and only if they are notified.
#[derive(Default)]
pub struct Condvar {
    waiting: SpinLock<VecDeque<Waiting>>,
}

/// An object that is there until the end of the run.
struct Waiting(*const Token);

// SAFETY: it is a shared reference to something that is `Sync`.
unsafe impl Send for Waiting {}

/// Was it the time that ended the wait?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitTimeoutResult(bool);

impl WaitTimeoutResult {
    /// Was it? Never.
    pub fn timed_out(&self) -> bool {
        self.0
    }
}

impl Condvar {
    /// Nobody waits.
    pub fn new() -> Self {
        Condvar::default()
    }

    /// Gives the mutex back, waits to be notified, and takes it again.
    ///
    /// # Errors
    /// None.
    #[track_caller]
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let model = hook::model().expect("threads wait in a model");
        let token = Box::into_raw(Box::new(Token::new()));
        // SAFETY: it was just made. (Who of the two is the last to use it, nobody knows.)
        model.defer_drop(unsafe { Box::from_raw(token) });
        self.waiting.lock().push_back(Waiting(token));
        let mutex = guard.mutex;
        drop(guard);
        // SAFETY: it is there until the end of the run.
        unsafe { &*token }.take();
        mutex.lock()
    }

    /// As [`wait`](Self::wait): the time never comes.
    ///
    /// # Errors
    /// None.
    #[track_caller]
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        _time: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        match self.wait(guard) {
            Ok(guard) => Ok((guard, WaitTimeoutResult(false))),
            Err(_) => unreachable!("nothing is poisoned"),
        }
    }

    /// Wakes who has waited longest.
    #[track_caller]
    pub fn notify_one(&self) {
        let first = self.waiting.lock().pop_front();
        first.inspect(Waiting::wake);
    }

    /// Wakes all who wait.
    #[track_caller]
    pub fn notify_all(&self) {
        let all = std::mem::take(&mut *self.waiting.lock());
        all.iter().for_each(Waiting::wake);
    }
}

impl Waiting {
    fn wake(&self) {
        // SAFETY: it is there until the end of the run.
        unsafe { &*self.0 }.give();
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Condvar").finish_non_exhaustive()
    }
}

//! As `std::thread`.

use crate::state;
use lkmm::check::hook;
use std::fmt;
use std::io;
use std::panic::Location;
use std::sync::Arc;

pub use lkmm::thread::{AccessError, LocalKey};
pub use std::thread::panicking;

/// A thread that can be joined.
pub struct JoinHandle<T> {
    handle: hook::JoinHandle<T>,
    thread: Thread,
}

/// A thread.
#[derive(Clone, Debug)]
pub struct Thread {
    id: ThreadId,
    name: Option<Arc<str>>,
}

/// Which thread of an execution it is: its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId(u32);

/// A thread that is not yet there.
#[derive(Debug, Default)]
pub struct Builder {
    name: Option<String>,
}

/// Starts a thread.
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    start(None, f)
}

#[track_caller]
fn start<T: Send + 'static>(name: Option<String>, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    let model = hook::model().expect("threads are started in a model");
    state::step(model);
    // SAFETY: the closure borrows nothing.
    let handle = unsafe { model.spawn(move || state::run(f), Location::caller()) };
    let thread = Thread { id: ThreadId(handle.thread()), name: name.map(Into::into) };
    JoinHandle { handle, thread }
}

/// The thread that calls this. (Its name is not known.)
pub fn current() -> Thread {
    let model = hook::model_of_guard().expect("the thread of a model is asked for in the model");
    Thread { id: ThreadId(model.thread()), name: None }
}

/// Waits until another thread has [unparked](Thread::unpark) this one.
#[track_caller]
pub fn park() {
    let model = hook::model().expect("threads wait in a model");
    state::step(model);
    model.park(Location::caller());
}

/// Lets other threads run. In a loop that waits for another thread this, or [`spin_loop`](crate::hint::spin_loop), *must* be called.
#[track_caller]
pub fn yield_now() {
    match hook::model() {
        Some(model) => model.yield_now(Location::caller()),
        None => std::thread::yield_now(),
    }
}

impl Thread {
    /// Which one it is.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// The name that it was given.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Lets the thread's [`park`] return: this one or, if it does not wait, the next.
    #[track_caller]
    pub fn unpark(&self) {
        if let Some(model) = hook::model() {
            state::step(model);
            model.unpark(self.id.0, Location::caller());
        }
    }
}

impl<T> JoinHandle<T> {
    /// Waits until the thread has ended. Yields what it returned.
    ///
    /// # Errors
    /// What it panicked with.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        let Some(model) = hook::model() else {
            return Err(Box::new("a thread that panics cannot wait for another one"));
        };
        state::step(model);
        self.handle.join(Location::caller())
    }

    /// The thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

impl Builder {
    /// A thread without a name.
    pub fn new() -> Self {
        Builder::default()
    }

    /// Gives it a name.
    pub fn name(mut self, name: String) -> Self {
        self.name = Some(name);
        self
    }

    /// Does nothing.
    pub fn stack_size(self, _size: usize) -> Self {
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// None.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Ok(start(self.name, f))
    }
}

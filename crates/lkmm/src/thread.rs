//! Threads, as in `std::thread`.
//!
//! In a model, they are threads of the model. What comes before a spawn is ordered before all that the thread does, and
//! that before what comes after its join.

use crate::in_model;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex};

pub use std::thread::Result;

/// A thread that can be joined.
pub struct JoinHandle<T>(Handle<T>);

enum Handle<T> {
    Real(std::thread::JoinHandle<T>),
    #[cfg(feature = "check")]
    InModel(lkmm_check::hook::JoinHandle<T>),
}

/// A thread, for [`unpark`](Thread::unpark).
#[derive(Clone, Debug)]
pub struct Thread(Identity);

#[derive(Clone, Debug)]
enum Identity {
    Real(std::thread::Thread),
    #[cfg(feature = "check")]
    InModel(u32),
}

/// Starts a thread.
#[cfg_attr(feature = "check", track_caller)]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    // SAFETY: the closure borrows nothing.
    in_model!(model, place => JoinHandle(Handle::InModel(unsafe { model.spawn(f, place) })));
    JoinHandle(Handle::Real(std::thread::spawn(f)))
}

/// Starts `n` threads that are told nothing that differs.
///
/// In a model, executions that differ in nothing but which of the threads did what are explored once: `n` threads that each increment a
/// counter have 1 execution, and not `n!`. That is sound only if no thread does anything else because it is another one (by
/// [`current`], by its address, by how often the closure was called), and if nothing depends on which thread returned what.
///
/// ```
/// use lkmm::atomic::{Atomic, Relaxed};
/// use lkmm::thread;
///
/// static COUNT: Atomic<u32> = Atomic::new(0);
/// thread::spawn_symmetric(3, || COUNT.add(1, Relaxed)).join().unwrap();
/// assert_eq!(COUNT.load(Relaxed), 3);
/// ```
#[cfg_attr(feature = "check", track_caller)]
pub fn spawn_symmetric<F, T>(n: usize, f: F) -> Symmetric<T>
where
    F: Fn() -> T + Send + Sync + 'static,
    T: Send + 'static,
{
    let f = Arc::new(f);
    let mut threads: Vec<JoinHandle<T>> = Vec::with_capacity(n);
    for _ in 0..n {
        let f = f.clone();
        threads.push(spawn_alike(move || f(), threads.first()));
    }
    Symmetric(threads)
}

#[cfg_attr(feature = "check", track_caller)]
#[cfg_attr(not(feature = "check"), allow(unused_variables, reason = "only a model asks"))]
fn spawn_alike<F, T>(f: F, first: Option<&JoinHandle<T>>) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    in_model!(model, place => {
        let first = first.and_then(|first| match &first.0 {
            Handle::InModel(handle) => Some(handle.thread()),
            Handle::Real(_) => None,
        });
        // SAFETY: the closure borrows nothing.
        JoinHandle(Handle::InModel(unsafe { model.spawn_alike(f, first, place) }))
    });
    spawn(f)
}

/// Threads that were started by [`spawn_symmetric`].
#[derive(Debug)]
pub struct Symmetric<T>(Vec<JoinHandle<T>>);

impl<T> Symmetric<T> {
    /// Waits until all of the threads have ended. Yields what they returned, in an order that says nothing.
    ///
    /// # Errors
    /// What one of them panicked with.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn join(self) -> Result<Vec<T>> {
        let place = Location::caller();
        // All are waited for, whatever came of the others.
        let results: Vec<Result<T>> = self.0.into_iter().map(|thread| thread.join_at(place)).collect();
        results.into_iter().collect()
    }
}

/// The thread that calls this.
pub fn current() -> Thread {
    in_model!(model, _place => Thread(Identity::InModel(model.thread())));
    Thread(Identity::Real(std::thread::current()))
}

/// Waits until another thread has [unparked](Thread::unpark) this one. There are no spurious wakeups in a model.
#[cfg_attr(feature = "check", track_caller)]
pub fn park() {
    in_model!(model, place => model.park(place));
    std::thread::park();
}

/// Lets other threads run.
///
/// In a model that changes nothing, but that a loop that yields in each turn may wait for another thread: when a second turn does nothing but
/// read the same values, the execution ends for this thread, and others show how it goes on. A loop that can only wait is explored sooner with
/// [`spin_loop`](crate::hint::spin_loop), which says so in its first turn.
#[cfg_attr(feature = "check", track_caller)]
pub fn yield_now() {
    in_model!(model, place => model.yield_now(place));
    std::thread::yield_now();
}

impl Thread {
    /// Lets the thread's [`park`] return: this one or, if it does not wait, the next.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn unpark(&self) {
        match &self.0 {
            Identity::Real(thread) => thread.unpark(),
            #[cfg(feature = "check")]
            Identity::InModel(thread) => {
                in_model!(model, place => model.unpark(*thread, place));
            }
        }
    }
}

impl<T> JoinHandle<T> {
    /// Waits until the thread has ended. Yields what it returned.
    ///
    /// # Errors
    /// What it panicked with.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn join(self) -> Result<T> {
        self.join_at(Location::caller())
    }

    #[cfg_attr(not(feature = "check"), allow(unused_variables, reason = "only a model asks"))]
    fn join_at(self, place: &'static Location<'static>) -> Result<T> {
        match self.0 {
            Handle::Real(handle) => handle.join(),
            #[cfg(feature = "check")]
            Handle::InModel(_) if lkmm_check::hook::model().is_none() => {
                Err(Box::new("a thread that panics cannot wait for another one"))
            }
            #[cfg(feature = "check")]
            Handle::InModel(handle) => handle.join(place),
        }
    }

    /// The thread.
    pub fn thread(&self) -> Thread {
        Thread(match &self.0 {
            Handle::Real(handle) => Identity::Real(handle.thread().clone()),
            #[cfg(feature = "check")]
            Handle::InModel(handle) => Identity::InModel(handle.thread()),
        })
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").finish_non_exhaustive()
    }
}

/// A scope: its threads may borrow from outside of it, since they end before it does.
pub struct Scope<'scope, 'env: 'scope> {
    /// Its threads; those that nobody has joined are joined when it ends. What they return may borrow for `'scope`.
    threads: Mutex<Vec<Arc<dyn Joinable>>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// A thread of a [`Scope`] that can be joined.
pub struct ScopedJoinHandle<'scope, T> {
    handle: Arc<Mutex<Option<JoinHandle<T>>>>,
    scope: PhantomData<&'scope ()>,
}

trait Joinable: Send + Sync {
    /// Waits for the thread if nobody has. Yields what it panicked with.
    fn join_at(&self, place: &'static Location<'static>) -> Option<Box<dyn Any + Send>>;
}

impl<T> Joinable for Mutex<Option<JoinHandle<T>>> {
    fn join_at(&self, place: &'static Location<'static>) -> Option<Box<dyn Any + Send>> {
        take(self)?.join_at(place).err()
    }
}

/// Takes what is there. The mutex is not held when this returns.
fn take<T>(handle: &Mutex<Option<T>>) -> Option<T> {
    handle.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take()
}

/// Calls a function with a scope for threads, and waits for those.
///
/// ```
/// use lkmm::atomic::{Atomic, Relaxed};
/// use lkmm::thread;
///
/// let x = Atomic::new(0);
/// thread::scope(|s| {
///     s.spawn(|| x.add(1, Relaxed));
///     s.spawn(|| x.add(1, Relaxed));
/// });
/// assert_eq!(x.load(Relaxed), 2);
/// ```
///
/// # Panics
/// If the function does, or a thread that it has not joined.
#[cfg_attr(feature = "check", track_caller)]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope = Scope { threads: Mutex::new(Vec::new()), scope: PhantomData, env: PhantomData };
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    let mut panicked = false;
    let threads = std::mem::take(&mut *scope.threads.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    for thread in threads {
        panicked |= thread.join_at(Location::caller()).is_some();
    }
    match result {
        Err(payload) => resume_unwind(payload),
        Ok(_) if panicked => panic!("a scoped thread panicked"),
        Ok(result) => result,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a thread.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn spawn<F, T>(&'scope self, f: F) -> ScopedJoinHandle<'scope, T>
    where
        F: FnOnce() -> T + Send + 'scope,
        T: Send + 'scope,
    {
        // SAFETY: the scope does not end before the thread has been joined.
        let handle = unsafe { spawn_borrowing(f) };
        let handle = Arc::new(Mutex::new(Some(handle)));
        let erased: Arc<dyn Joinable + 'scope> = handle.clone();
        // SAFETY: only the lifetime differs, and the list is emptied before `'scope` ends.
        let erased: Arc<dyn Joinable> = unsafe { std::mem::transmute(erased) };
        self.threads.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(erased);
        ScopedJoinHandle { handle, scope: PhantomData }
    }
}

/// # Safety
/// The thread is joined before what it borrows ends.
#[cfg_attr(feature = "check", track_caller)]
unsafe fn spawn_borrowing<'scope, F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'scope,
    T: Send + 'scope,
{
    // SAFETY: the caller's promise.
    in_model!(model, place => JoinHandle(Handle::InModel(unsafe { model.spawn(f, place) })));
    // SAFETY: the caller's promise.
    let handle = unsafe { std::thread::Builder::new().spawn_unchecked(f) };
    JoinHandle(Handle::Real(handle.expect("a thread")))
}

impl<T> ScopedJoinHandle<'_, T> {
    /// Waits until the thread has ended. Yields what it returned.
    ///
    /// # Errors
    /// What it panicked with.
    ///
    /// # Panics
    /// Never: a thread can be joined once only.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn join(self) -> Result<T> {
        take(&self.handle).expect("the scope has not ended").join()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoinHandle").finish_non_exhaustive()
    }
}

/// A variable of which each thread has its own, made by [`thread_local!`](crate::thread_local!).
///
/// It is made when it is first used, and dropped when the thread ends. In a model, each thread of each execution has its own, and
/// they are dropped in the model, the last one first.
pub struct LocalKey<T: 'static> {
    make: fn() -> T,
    real: &'static std::thread::LocalKey<T>,
}

/// A thread-local was used when it had been dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError;

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(make: fn() -> T, real: &'static std::thread::LocalKey<T>) -> Self {
        LocalKey { make, real }
    }

    /// Does something with the variable of the running thread.
    ///
    /// # Panics
    /// If it has been dropped.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.try_with(f).expect("a thread-local is used when it has been dropped")
    }

    /// Does something with the variable of the running thread.
    ///
    /// # Errors
    /// If it has been dropped.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> core::result::Result<R, AccessError> {
        #[cfg(feature = "check")]
        if let Some(model) = lkmm_check::hook::model_of_guard() {
            let value = model.local(std::ptr::from_ref(self) as usize, self.make).ok_or(AccessError)?;
            // SAFETY: it is alive until its thread ends, which runs this.
            return Ok(f(unsafe { &*value }));
        }
        let _ = self.make;
        self.real.try_with(f).map_err(|_| AccessError)
    }
}

impl<T: 'static> LocalKey<Cell<T>> {
    /// Gives it another value.
    pub fn set(&'static self, value: T) {
        self.with(|cell| cell.set(value));
    }

    /// Its value.
    pub fn get(&'static self) -> T
    where
        T: Copy,
    {
        self.with(Cell::get)
    }

    /// Its value, in whose place comes the default.
    pub fn take(&'static self) -> T
    where
        T: Default,
    {
        self.with(Cell::take)
    }

    /// Its value, in whose place comes another one.
    pub fn replace(&'static self, value: T) -> T {
        self.with(|cell| cell.replace(value))
    }
}

impl<T: 'static> LocalKey<RefCell<T>> {
    /// Does something with its value.
    ///
    /// # Panics
    /// If it is borrowed mutably.
    pub fn with_borrow<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        self.with(|cell| f(&cell.borrow()))
    }

    /// Does something with its value.
    ///
    /// # Panics
    /// If it is borrowed.
    pub fn with_borrow_mut<R>(&'static self, f: impl FnOnce(&mut T) -> R) -> R {
        self.with(|cell| f(&mut cell.borrow_mut()))
    }
}

impl<T> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the thread-local has been dropped")
    }
}

impl std::error::Error for AccessError {}

/// As `std::thread_local!`. In a model, each thread of each execution has its own.
///
/// ```
/// use lkmm::thread;
/// use std::cell::Cell;
///
/// lkmm::thread_local! {
///     /// How much this thread has done.
///     static DONE: Cell<u32> = const { Cell::new(0) };
/// }
///
/// lkmm::check::model(|| {
///     let t = thread::spawn(|| DONE.replace(7));
///     DONE.set(DONE.get() + 1);
///     assert_eq!((DONE.get(), t.join().unwrap()), (1, 0));
/// });
/// ```
#[macro_export]
macro_rules! thread_local {
    ($($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty = const $value:block);* $(;)?) => {
        $crate::thread_local! { $($(#[$attribute])* $vis static $name: $type = $value);* }
    };
    ($($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty = $value:expr);* $(;)?) => {
        $($(#[$attribute])* $vis static $name: $crate::thread::LocalKey<$type> = {
            fn make() -> $type {
                $value
            }
            ::std::thread_local!(static REAL: $type = make());
            $crate::thread::LocalKey::new(make, &REAL)
        };)*
    };
}

//! Locks.
//!
//! In a model, a lock is the LKMM's: the checker knows what holds it, and explores each order of the critical sections
//! once. Outside of one, it spins on a word; there is no fairness.

use crate::atomic::{Acquire, Atomic, Relaxed, Release};
use crate::{cell::Shared, in_model};
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

macro_rules! locks {
    ($($(#[$doc:meta])* $name:ident $guard:ident $raw:literal may_sleep $may_sleep:literal;)*) => {
        $($(#[$doc])*
        pub struct $name<T> {
            lock: Lock<$may_sleep>,
            data: Shared<T>,
        }

        // SAFETY: only one thread at a time has the data.
        unsafe impl<T: Send> Sync for $name<T> {}

        #[doc = concat!("A [`", stringify!($name), "`] that is held: until this is dropped.")]
        #[must_use]
        pub struct $guard<'a, T> {
            lock: &'a $name<T>,
            data: *mut T,
            /// Where it was locked, if that was in a model.
            held: Held,
            /// It is unlocked in the thread that locked it.
            not_send: PhantomData<*mut ()>,
        }

        // SAFETY: a shared guard is a shared reference to the data.
        unsafe impl<T: Sync> Sync for $guard<'_, T> {}

        impl<T> $name<T> {
            /// A lock that is free, and what it protects.
            pub const fn new(data: T) -> Self {
                $name { lock: Lock::new(), data: Shared::new(data) }
            }

            #[doc = concat!("Waits until the lock is free, and takes it (`", $raw, "_lock`).")]
            #[inline]
            #[cfg_attr(feature = "check", track_caller)]
            pub fn lock(&self) -> $guard<'_, T> {
                let held = self.lock.lock();
                $guard { lock: self, data: self.data(), held, not_send: PhantomData }
            }

            /// Where the data is; the lock is held.
            fn data(&self) -> *mut T {
                // SAFETY: it is there, and this is where those who hold the lock look for it.
                in_model!(model, _place => unsafe { model.object(self.data.as_ptr()) });
                self.data.as_ptr()
            }

            #[doc = concat!("Takes the lock if it is free (`", $raw, "_trylock`).")]
            #[inline]
            #[cfg_attr(feature = "check", track_caller)]
            pub fn try_lock(&self) -> Option<$guard<'_, T>> {
                let held = self.lock.try_lock()?;
                Some($guard { lock: self, data: self.data(), held, not_send: PhantomData })
            }

            #[doc = concat!("Does somebody hold the lock (`", $raw, "_is_locked`)?")]
            #[inline]
            #[cfg_attr(feature = "check", track_caller)]
            pub fn is_locked(&self) -> bool {
                self.lock.is_locked()
            }

            /// The data: nobody else can have it now.
            pub fn get_mut(&mut self) -> &mut T {
                self.data.get_mut()
            }

            /// The data.
            pub fn into_inner(self) -> T {
                self.data.into_inner()
            }
        }

        impl<T> Deref for $guard<'_, T> {
            type Target = T;

            fn deref(&self) -> &T {
                // SAFETY: the lock is held.
                unsafe { &*self.data }
            }
        }

        impl<T> DerefMut for $guard<'_, T> {
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: the lock is held.
                unsafe { &mut *self.data }
            }
        }

        impl<T> Drop for $guard<'_, T> {
            #[inline]
            fn drop(&mut self) {
                self.lock.lock.unlock(self.held);
            }
        }

        impl<T: Default> Default for $name<T> {
            fn default() -> Self {
                $name::new(T::default())
            }
        }

        impl<T> fmt::Debug for $name<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }

        impl<T: fmt::Debug> fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                (**self).fmt(f)
            }
        })*
    };
}

locks! {
    /// A spinlock and what it protects.
    ///
    /// ```
    /// use lkmm::lock::SpinLock;
    /// use lkmm::thread;
    /// use std::sync::Arc;
    ///
    /// lkmm::check::model(|| {
    ///     let sum = Arc::new(SpinLock::new(0));
    ///     let t = thread::spawn({
    ///         let sum = sum.clone();
    ///         move || *sum.lock() += 1
    ///     });
    ///     *sum.lock() += 1;
    ///     t.join().unwrap();
    ///     assert_eq!(*sum.lock(), 2);
    /// });
    /// ```
    SpinLock SpinLockGuard "spin" may_sleep false;
    /// A mutex and what it protects. To the model it is a [`SpinLock`], but for this: who holds it may
    /// wait for a grace period.
    Mutex MutexGuard "mutex" may_sleep true;
}

/// A lock that readers share, and what it protects.
///
/// Its state is the number of readers, or that there is a writer. Taking it is an acquire, and releasing it a release, which
/// pairs with the next one to take it: a writer's after the last reader, since each reader's release goes on the chain of
/// updates that began with those before. In a model it is what it is otherwise: atomic operations, and loops that wait.
/// Nobody is preferred, and readers that keep coming keep writers out.
///
/// ```
/// use lkmm::lock::RwLock;
/// use lkmm::thread;
///
/// static PAIR: RwLock<(u32, u32)> = RwLock::new((1, 1));
///
/// lkmm::check::model(|| {
///     thread::spawn(|| {
///         let mut pair = PAIR.write();
///         pair.0 = 2;
///         pair.1 = 2;
///     });
///     let pair = PAIR.read();
///     assert_eq!(pair.0, pair.1);
/// });
/// ```
pub struct RwLock<T> {
    state: Atomic<u32>,
    data: Shared<T>,
}

/// [`RwLock::state`] while a writer has the lock.
const WRITER: u32 = u32::MAX;

// SAFETY: a writer has the data alone, and readers share it.
unsafe impl<T: Send + Sync> Sync for RwLock<T> {}

/// An [`RwLock`] that is held for reading: until this is dropped.
#[must_use]
pub struct ReadGuard<'a, T> {
    lock: &'a RwLock<T>,
    /// A pointer, so that the guard stays in its thread.
    data: *const T,
}

/// An [`RwLock`] that is held for writing: until this is dropped.
#[must_use]
pub struct WriteGuard<'a, T> {
    lock: &'a RwLock<T>,
    data: *mut T,
}

// SAFETY: a shared guard is a shared reference to the data.
unsafe impl<T: Sync> Sync for ReadGuard<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for WriteGuard<'_, T> {}

/// Waits for others to release a lock.
#[cfg_attr(feature = "check", track_caller)]
fn wait() {
    in_model!(model, place => model.wait_for_lock(place));
    core::hint::spin_loop();
}

impl<T> RwLock<T> {
    /// A lock that is free, and what it protects.
    pub const fn new(data: T) -> Self {
        RwLock { state: Atomic::new(0), data: Shared::new(data) }
    }

    /// Waits until there is no writer, and reads (`read_lock`).
    #[doc(alias("read_lock", "down_read"))]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn read(&self) -> ReadGuard<'_, T> {
        loop {
            if let Some(guard) = self.try_read() {
                return guard;
            }
            while self.state.load(Relaxed) == WRITER {
                wait();
            }
        }
    }

    /// Reads if there is no writer (`read_trylock`).
    ///
    /// # Panics
    /// If there are as many readers as can be counted.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        let mut readers = 0;
        while readers != WRITER {
            assert!(readers + 1 != WRITER, "too many readers");
            match self.state.cmpxchg(readers, readers + 1, Acquire) {
                Ok(_) => return Some(ReadGuard { lock: self, data: self.data() }),
                Err(found) => readers = found,
            }
        }
        None
    }

    /// Waits until the lock is free, and writes (`write_lock`).
    #[doc(alias("write_lock", "down_write"))]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn write(&self) -> WriteGuard<'_, T> {
        loop {
            if let Some(guard) = self.try_write() {
                return guard;
            }
            while self.state.load(Relaxed) != 0 {
                wait();
            }
        }
    }

    /// Writes if the lock is free (`write_trylock`).
    #[cfg_attr(feature = "check", track_caller)]
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        self.state.cmpxchg(0, WRITER, Acquire).ok()?;
        Some(WriteGuard { lock: self, data: self.data() })
    }

    /// Where the data is; the lock is held.
    fn data(&self) -> *mut T {
        // SAFETY: it is there, and this is where those who hold the lock look for it.
        in_model!(model, _place => unsafe { model.object(self.data.as_ptr()) });
        self.data.as_ptr()
    }

    /// The data: nobody else can have it now.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// The data.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: there is no writer.
        unsafe { &*self.data }
    }
}

impl<T> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.state.fetch_sub(1, Release);
    }
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the only guard.
        unsafe { &*self.data }
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard.
        unsafe { &mut *self.data }
    }
}

impl<T> Drop for WriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.state.store(0, Release);
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A lock without data.
struct Lock<const MAY_SLEEP: bool>(AtomicU32);

/// Where a lock was taken, if that was in a model.
#[cfg(feature = "check")]
type Held = Option<lkmm_check::hook::Place>;
#[cfg(not(feature = "check"))]
type Held = Option<core::convert::Infallible>;

impl<const MAY_SLEEP: bool> Lock<MAY_SLEEP> {
    const fn new() -> Self {
        Lock(AtomicU32::new(0))
    }

    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    fn lock(&self) -> Held {
        in_model!(model, place => {
            // SAFETY: this is such a `u32`.
            unsafe { model.lock(self.0.as_ptr() as usize, MAY_SLEEP, place) };
            Some(place)
        });
        while self.0.compare_exchange_weak(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            while self.0.load(Ordering::Relaxed) != 0 {
                core::hint::spin_loop();
            }
        }
        None
    }

    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    fn try_lock(&self) -> Option<Held> {
        in_model!(model, place => {
            // SAFETY: this is such a `u32`.
            unsafe { model.try_lock(self.0.as_ptr() as usize, MAY_SLEEP, place) }.then_some(Some(place))
        });
        self.0.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok().then_some(None)
    }

    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    fn is_locked(&self) -> bool {
        // SAFETY: this is such a `u32`.
        in_model!(model, place => unsafe { model.is_locked(self.0.as_ptr() as usize, place) });
        self.0.load(Ordering::Acquire) != 0
    }

    #[inline]
    fn unlock(&self, held: Held) {
        #[cfg(feature = "check")]
        if let (Some(place), Some(model)) = (held, lkmm_check::hook::model_of_guard()) {
            // SAFETY: this is such a `u32`.
            return unsafe { model.unlock(self.0.as_ptr() as usize, place) };
        }
        #[cfg(not(feature = "check"))]
        let _ = held;
        self.0.store(0, Ordering::Release);
    }
}

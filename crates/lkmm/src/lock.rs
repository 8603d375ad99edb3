//! Locks.
//!
//! In a model, a lock is the LKMM's: the checker knows what holds it, and explores each order of the critical sections
//! once. Outside of one, it spins on a word; there is no fairness.
//!
//! In the kernel, who waits for a [`SpinLock`] or an [`RwLock`] spins, so who holds one may not sleep: not do what may put the thread to
//! sleep, as taking a [`Mutex`] or an [`RwSemaphore`] does, or waiting for a thread or a grace period. Nor may a reader of RCU. The checker
//! finds who does, whether or not there would be anything to wait for. To try to take a lock never sleeps.

mod rw;

pub use rw::{ReadGuard, RwLock, RwSemaphore, WriteGuard};

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

        impl<'a, T> $guard<'a, T> {
            /// A guard for a lock that is held already, by one that was forgotten: so a lock is released elsewhere than where it
            /// was taken.
            ///
            /// # Safety
            /// This thread holds the lock, and no other guard of it is there.
            #[cfg_attr(feature = "check", track_caller)]
            pub unsafe fn new(lock: &'a $name<T>) -> Self {
                $guard { lock, data: lock.data(), held: held_here(), not_send: PhantomData }
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
    /// A mutex and what it protects. To the model it is a [`SpinLock`], but for this: who holds it may sleep
    /// (wait for a grace period, join a thread, take another mutex), and it is not taken where one may not.
    Mutex MutexGuard "mutex" may_sleep true;
}

/// A lock without data.
struct Lock<const MAY_SLEEP: bool>(AtomicU32);

/// Where a lock was taken, if that was in a model.
#[cfg(feature = "check")]
type Held = Option<lkmm_check::hook::Place>;
#[cfg(not(feature = "check"))]
type Held = Option<core::convert::Infallible>;

/// Of a lock that is held already.
#[inline]
#[cfg_attr(feature = "check", track_caller)]
fn held_here() -> Held {
    in_model!(_model, place => Some(place));
    None
}

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

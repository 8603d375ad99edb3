//! Locks that readers share.
//!
//! The state is the number of readers, or that there is a writer. Taking the lock is an acquire, and releasing it a release, which
//! pairs with the next one to take it: a writer's after the last reader, since each reader's release goes on the chain of
//! updates that began with those before. In a model it is what it is otherwise: atomic operations, and loops that wait.
//! Nobody is preferred, and readers that keep coming keep writers out.

use crate::atomic::{Acquire, Atomic, Relaxed, Release};
use crate::{cell::Shared, in_model};
use core::fmt;
use core::ops::{Deref, DerefMut};

/// The state while a writer has the lock.
const WRITER: u32 = u32::MAX;

/// A lock of either kind.
struct Rw<T, const MAY_SLEEP: bool> {
    state: Atomic<u32>,
    data: Shared<T>,
}

// SAFETY: a writer has the data alone, and readers share it.
unsafe impl<T: Send + Sync, const MAY_SLEEP: bool> Sync for Rw<T, MAY_SLEEP> {}

/// An [`RwLock`] (or an [`RwSemaphore`]: one that may sleep) that is held for reading, until this is dropped.
#[must_use]
pub struct ReadGuard<'a, T, const MAY_SLEEP: bool = false> {
    lock: &'a Rw<T, MAY_SLEEP>,
    /// A pointer, so that the guard stays in its thread.
    data: *const T,
}

/// An [`RwLock`] (or an [`RwSemaphore`]: one that may sleep) that is held for writing, until this is dropped.
#[must_use]
pub struct WriteGuard<'a, T, const MAY_SLEEP: bool = false> {
    lock: &'a Rw<T, MAY_SLEEP>,
    data: *mut T,
}

// SAFETY: a shared guard is a shared reference to the data.
unsafe impl<T: Sync, const MAY_SLEEP: bool> Sync for ReadGuard<'_, T, MAY_SLEEP> {}
// SAFETY: as above.
unsafe impl<T: Sync, const MAY_SLEEP: bool> Sync for WriteGuard<'_, T, MAY_SLEEP> {}

/// Waits for others to release a lock.
#[cfg_attr(feature = "check", track_caller)]
fn wait() {
    in_model!(model, place => model.wait_for_lock(place));
    core::hint::spin_loop();
}

impl<T, const MAY_SLEEP: bool> Rw<T, MAY_SLEEP> {
    const fn new(data: T) -> Self {
        Rw { state: Atomic::new(0), data: Shared::new(data) }
    }

    #[cfg_attr(feature = "check", track_caller)]
    fn read(&self) -> ReadGuard<'_, T, MAY_SLEEP> {
        self.might_sleep();
        loop {
            if let Some(guard) = self.try_read() {
                return guard;
            }
            while self.state.load(Relaxed) == WRITER {
                wait();
            }
        }
    }

    #[cfg_attr(feature = "check", track_caller)]
    fn try_read(&self) -> Option<ReadGuard<'_, T, MAY_SLEEP>> {
        let mut readers = 0;
        while readers != WRITER {
            assert!(readers + 1 != WRITER, "too many readers");
            match self.state.cmpxchg(readers, readers + 1, Acquire) {
                Ok(_) => return Some(ReadGuard { lock: self, data: self.taken() }),
                Err(found) => readers = found,
            }
        }
        None
    }

    #[cfg_attr(feature = "check", track_caller)]
    fn write(&self) -> WriteGuard<'_, T, MAY_SLEEP> {
        self.might_sleep();
        loop {
            if let Some(guard) = self.try_write() {
                return guard;
            }
            while self.state.load(Relaxed) != 0 {
                wait();
            }
        }
    }

    #[cfg_attr(feature = "check", track_caller)]
    fn try_write(&self) -> Option<WriteGuard<'_, T, MAY_SLEEP>> {
        self.state.cmpxchg(0, WRITER, Acquire).ok()?;
        Some(WriteGuard { lock: self, data: self.taken() })
    }

    #[cfg_attr(feature = "check", track_caller)]
    fn might_sleep(&self) {
        if MAY_SLEEP {
            in_model!(model, place => model.might_sleep(place));
        }
    }

    /// The lock has been taken. Yields where the data is.
    #[cfg_attr(feature = "check", track_caller)]
    fn taken(&self) -> *mut T {
        in_model!(model, place => {
            if !MAY_SLEEP {
                model.hold(self.state.as_ptr() as usize, place);
            }
            // SAFETY: it is there, and this is where those who hold the lock look for it.
            unsafe { model.object(self.data.as_ptr()) }
        });
        self.data.as_ptr()
    }

    /// The lock is about to be released.
    fn leave(&self) {
        #[cfg(feature = "check")]
        if let (false, Some(model)) = (MAY_SLEEP, lkmm_check::hook::model_of_guard()) {
            model.let_go(self.state.as_ptr() as usize);
        }
    }
}

impl<T, const MAY_SLEEP: bool> Deref for ReadGuard<'_, T, MAY_SLEEP> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: there is no writer.
        unsafe { &*self.data }
    }
}

impl<T, const MAY_SLEEP: bool> Drop for ReadGuard<'_, T, MAY_SLEEP> {
    #[inline]
    fn drop(&mut self) {
        self.lock.leave();
        self.lock.state.fetch_sub(1, Release);
    }
}

impl<T, const MAY_SLEEP: bool> Deref for WriteGuard<'_, T, MAY_SLEEP> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the only guard.
        unsafe { &*self.data }
    }
}

impl<T, const MAY_SLEEP: bool> DerefMut for WriteGuard<'_, T, MAY_SLEEP> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard.
        unsafe { &mut *self.data }
    }
}

impl<T, const MAY_SLEEP: bool> Drop for WriteGuard<'_, T, MAY_SLEEP> {
    #[inline]
    fn drop(&mut self) {
        self.lock.leave();
        self.lock.state.store(0, Release);
    }
}

impl<T: fmt::Debug, const MAY_SLEEP: bool> fmt::Debug for ReadGuard<'_, T, MAY_SLEEP> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: fmt::Debug, const MAY_SLEEP: bool> fmt::Debug for WriteGuard<'_, T, MAY_SLEEP> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

macro_rules! locks {
    ($($(#[$doc:meta])* $name:ident may_sleep $may_sleep:literal
        $read:literal $try_read:literal $write:literal $try_write:literal;)*) => {
        $($(#[$doc])*
        pub struct $name<T>(Rw<T, $may_sleep>);

        impl<T> $name<T> {
            /// A lock that is free, and what it protects.
            pub const fn new(data: T) -> Self {
                $name(Rw::new(data))
            }

            #[doc = concat!("Waits until there is no writer, and reads (`", $read, "`).")]
            #[doc(alias = $read)]
            #[cfg_attr(feature = "check", track_caller)]
            pub fn read(&self) -> ReadGuard<'_, T, $may_sleep> {
                self.0.read()
            }

            #[doc = concat!("Reads if there is no writer (`", $try_read, "`).")]
            ///
            /// # Panics
            /// If there are as many readers as can be counted.
            #[doc(alias = $try_read)]
            #[cfg_attr(feature = "check", track_caller)]
            pub fn try_read(&self) -> Option<ReadGuard<'_, T, $may_sleep>> {
                self.0.try_read()
            }

            #[doc = concat!("Waits until the lock is free, and writes (`", $write, "`).")]
            #[doc(alias = $write)]
            #[cfg_attr(feature = "check", track_caller)]
            pub fn write(&self) -> WriteGuard<'_, T, $may_sleep> {
                self.0.write()
            }

            #[doc = concat!("Writes if the lock is free (`", $try_write, "`).")]
            #[doc(alias = $try_write)]
            #[cfg_attr(feature = "check", track_caller)]
            pub fn try_write(&self) -> Option<WriteGuard<'_, T, $may_sleep>> {
                self.0.try_write()
            }

            /// The data: nobody else can have it now.
            pub fn get_mut(&mut self) -> &mut T {
                self.0.data.get_mut()
            }

            /// The data.
            pub fn into_inner(self) -> T {
                self.0.data.into_inner()
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
        })*
    };
}

locks! {
    /// A lock that readers share, and what it protects. Who waits for it spins, so who holds it may not sleep.
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
    RwLock may_sleep false "read_lock" "read_trylock" "write_lock" "write_trylock";
    /// An [`RwLock`] whose holders may sleep, and that is not taken where one may not.
    ///
    /// ```
    /// use lkmm::lock::RwSemaphore;
    /// use lkmm::rcu::synchronize_rcu;
    ///
    /// static CONFIG: RwSemaphore<u32> = RwSemaphore::new(1);
    ///
    /// lkmm::check::model(|| {
    ///     let mut config = CONFIG.write();
    ///     *config += 1;
    ///     synchronize_rcu();
    /// });
    /// ```
    RwSemaphore may_sleep true "down_read" "down_read_trylock" "down_write" "down_write_trylock";
}

//! [`Mutex`]: the LKMM's lock, and data beside it.

use super::{LockResult, TryLockError, TryLockResult};
use crate::state;
use lkmm::check::hook;
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// As `std::sync::Mutex`, but never poisoned.
pub struct Mutex<T: ?Sized> {
    lock: lkmm::lock::Mutex<()>,
    data: UnsafeCell<T>,
}

/// A [`Mutex`] that is held: until this is dropped.
#[must_use]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) mutex: &'a Mutex<T>,
    _held: lkmm::lock::MutexGuard<'a, ()>,
}

// SAFETY: only one thread at a time has the data.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

impl<T> Mutex<T> {
    /// A lock that is free, and what it protects.
    pub const fn new(data: T) -> Self {
        Mutex { lock: lkmm::lock::Mutex::new(()), data: UnsafeCell::new(data) }
    }

    /// The data.
    ///
    /// # Errors
    /// None.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.data.into_inner())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Waits until the lock is free, and takes it.
    ///
    /// # Errors
    /// None.
    #[track_caller]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        hook::model().inspect(|&model| state::step(model));
        Ok(MutexGuard { mutex: self, _held: self.lock.lock() })
    }

    /// Takes the lock if it is free.
    ///
    /// # Errors
    /// If it is held.
    #[track_caller]
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let held = self.lock.try_lock();
        if let Some(model) = hook::model() {
            state::step(model);
        }
        held.map(|held| MutexGuard { mutex: self, _held: held }).ok_or(TryLockError::WouldBlock)
    }

    /// The data: nobody else can have it now.
    ///
    /// # Errors
    /// None.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.data.get_mut())
    }
}

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.mutex.data.get() }
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held.
        unsafe { &mut *self.mutex.data.get() }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Mutex::new(T::default())
    }
}

impl<T> From<T> for Mutex<T> {
    fn from(data: T) -> Self {
        Mutex::new(data)
    }
}

impl<T: ?Sized> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

//! [`RwLock`]: that of crate `lkmm`, and data beside it.

use super::{LockResult, TryLockError, TryLockResult};
use crate::state;
use lkmm::check::hook;
use std::cell::UnsafeCell;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// As `std::sync::RwLock`, but never poisoned.
pub struct RwLock<T: ?Sized> {
    lock: lkmm::lock::RwSemaphore<()>,
    data: UnsafeCell<T>,
}

/// An [`RwLock`] that is held for reading: until this is dropped.
#[must_use]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    _held: lkmm::lock::ReadGuard<'a, (), true>,
}

/// An [`RwLock`] that is held for writing: until this is dropped.
#[must_use]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    _held: lkmm::lock::WriteGuard<'a, (), true>,
}

// SAFETY: a writer has the data alone, and readers share it.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

impl<T> RwLock<T> {
    /// A lock that is free, and what it protects.
    pub const fn new(data: T) -> Self {
        RwLock { lock: lkmm::lock::RwSemaphore::new(()), data: UnsafeCell::new(data) }
    }

    /// The data.
    ///
    /// # Errors
    /// None.
    pub fn into_inner(self) -> LockResult<T> {
        Ok(self.data.into_inner())
    }
}

fn note() {
    hook::model().inspect(|&model| state::step(model));
}

impl<T: ?Sized> RwLock<T> {
    /// Waits until there is no writer, and reads.
    ///
    /// # Errors
    /// None.
    #[track_caller]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        note();
        Ok(RwLockReadGuard { lock: self, _held: self.lock.read() })
    }

    /// Waits until the lock is free, and writes.
    ///
    /// # Errors
    /// None.
    #[track_caller]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        note();
        Ok(RwLockWriteGuard { lock: self, _held: self.lock.write() })
    }

    /// Reads if there is no writer.
    ///
    /// # Errors
    /// If there is one.
    #[track_caller]
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        note();
        let held = self.lock.try_read().ok_or(TryLockError::WouldBlock)?;
        Ok(RwLockReadGuard { lock: self, _held: held })
    }

    /// Writes if the lock is free.
    ///
    /// # Errors
    /// If it is not.
    #[track_caller]
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        note();
        let held = self.lock.try_write().ok_or(TryLockError::WouldBlock)?;
        Ok(RwLockWriteGuard { lock: self, _held: held })
    }

    /// The data: nobody else can have it now.
    ///
    /// # Errors
    /// None.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        Ok(self.data.get_mut())
    }
}

impl<T: ?Sized> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: there is no writer.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: this is the only guard.
        unsafe { &*self.lock.data.get() }
    }
}

impl<T: ?Sized> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: this is the only guard.
        unsafe { &mut *self.lock.data.get() }
    }
}

impl<T: Default> Default for RwLock<T> {
    fn default() -> Self {
        RwLock::new(T::default())
    }
}

impl<T: ?Sized> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").finish_non_exhaustive()
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

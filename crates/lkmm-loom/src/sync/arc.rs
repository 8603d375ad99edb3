//! [`Arc`]: a counted reference, whose count is an atomic of the model.
//!
//! A clone adds to the count, relaxed; a drop subtracts, as a release, and the last one stands before a fence and the drop of the value. Who is
//! last is what the model says, not what really happens to be done last, so the value is in a reference of the
//! standard library whose own count stays one.

use super::atomic::{AtomicUsize, Ordering, fence};
use crate::state;
use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::pin::Pin;

/// As `std::sync::Arc`.
pub struct Arc<T: ?Sized> {
    /// A box that all references have.
    count: *const AtomicUsize,
    /// The same in all references. The last one drops it.
    value: ManuallyDrop<std::sync::Arc<T>>,
}

// SAFETY: as for `std::sync::Arc`, which is what this is.
unsafe impl<T: ?Sized + Sync + Send> Send for Arc<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync + Send> Sync for Arc<T> {}

impl<T> Arc<T> {
    /// The first reference to a value.
    pub fn new(value: T) -> Self {
        Arc::from_std(std::sync::Arc::new(value))
    }

    /// The first reference to a value that does not move.
    pub fn pin(value: T) -> Pin<Self> {
        // SAFETY: it never moves out of where it is, but by `try_unwrap` and `get_mut`, which are no functions of what is pinned.
        unsafe { Pin::new_unchecked(Arc::new(value)) }
    }

    /// The value, if this is the only reference.
    ///
    /// # Errors
    /// The reference, if it is not.
    #[track_caller]
    pub fn try_unwrap(this: Self) -> Result<T, Self> {
        if this.count().compare_exchange(1, 0, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            return Err(this);
        }
        fence(Ordering::Acquire);
        let mut this = ManuallyDrop::new(this);
        // SAFETY: this was the last reference, and is not dropped.
        unsafe {
            drop(Box::from_raw(this.count.cast_mut()));
            let value = ManuallyDrop::take(&mut this.value);
            Ok(std::sync::Arc::into_inner(value).expect("one reference of the standard library"))
        }
    }

    /// Where the value is, from which [`from_raw`](Self::from_raw) makes the reference again.
    pub fn into_raw(this: Self) -> *const T {
        let this = ManuallyDrop::new(this);
        state::note_count(Arc::as_ptr(&this) as usize, this.count);
        Arc::as_ptr(&this)
    }

    /// A reference that was made a pointer.
    ///
    /// # Safety
    /// It was, by [`into_raw`](Self::into_raw), and this happens once for each time (or each [increment](Self::increment_strong_count)).
    pub unsafe fn from_raw(value: *const T) -> Self {
        let count = state::count_of(value as usize).expect("a pointer that comes from `into_raw`");
        // SAFETY: the caller's promise.
        Arc { count, value: ManuallyDrop::new(unsafe { std::sync::Arc::from_raw(value) }) }
    }

    /// Adds to the count of a reference that was made a pointer.
    ///
    /// # Safety
    /// As for [`from_raw`](Self::from_raw), and there is still a reference.
    #[track_caller]
    pub unsafe fn increment_strong_count(value: *const T) {
        // SAFETY: the caller's promise.
        let this = ManuallyDrop::new(unsafe { Arc::from_raw(value) });
        let _ = ManuallyDrop::new((*this).clone());
    }

    /// Drops a reference that was made a pointer.
    ///
    /// # Safety
    /// As for [`from_raw`](Self::from_raw).
    pub unsafe fn decrement_strong_count(value: *const T) {
        // SAFETY: the caller's promise.
        drop(unsafe { Arc::from_raw(value) });
    }
}

impl<T: ?Sized> Arc<T> {
    /// The only reference of the standard library becomes the first one.
    ///
    /// # Panics
    /// If it is not the only one.
    pub fn from_std(mut std: std::sync::Arc<T>) -> Self {
        assert!(std::sync::Arc::get_mut(&mut std).is_some(), "a value to which there are other references");
        Arc { count: Box::into_raw(Box::new(AtomicUsize::new(1))), value: ManuallyDrop::new(std) }
    }

    fn count(&self) -> &AtomicUsize {
        // SAFETY: it is there as long as there is a reference.
        unsafe { &*self.count }
    }

    /// How many references there are.
    #[track_caller]
    pub fn strong_count(this: &Self) -> usize {
        this.count().load(Ordering::SeqCst)
    }

    /// The value, if this is the only reference.
    #[track_caller]
    pub fn get_mut(this: &mut Self) -> Option<&mut T> {
        if this.count().load(Ordering::Acquire) == 1 { std::sync::Arc::get_mut(&mut this.value) } else { None }
    }

    /// Are they references to the same value?
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&this.value, &other.value)
    }

    /// Where the value is.
    pub fn as_ptr(this: &Self) -> *const T {
        std::sync::Arc::as_ptr(&this.value)
    }
}

impl<T: ?Sized> Clone for Arc<T> {
    #[track_caller]
    fn clone(&self) -> Self {
        self.count().fetch_add(1, Ordering::Relaxed);
        // SAFETY: only the last of all copies is dropped.
        Arc { count: self.count, value: unsafe { std::ptr::read(&self.value) } }
    }
}

impl<T: ?Sized> Drop for Arc<T> {
    fn drop(&mut self) {
        if self.count().fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: this was the last reference.
        unsafe {
            ManuallyDrop::drop(&mut self.value);
            drop(Box::from_raw(self.count.cast_mut()));
        }
    }
}

impl<T: ?Sized> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> AsRef<T> for Arc<T> {
    fn as_ref(&self) -> &T {
        self
    }
}

impl<T: Default> Default for Arc<T> {
    fn default() -> Self {
        Arc::new(T::default())
    }
}

impl<T> From<T> for Arc<T> {
    fn from(value: T) -> Self {
        Arc::new(value)
    }
}

impl<T: ?Sized + PartialEq> PartialEq for Arc<T> {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl<T: ?Sized + Eq> Eq for Arc<T> {}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Arc<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

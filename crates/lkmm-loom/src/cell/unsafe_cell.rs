//! [`UnsafeCell`]: memory whose value the model does not know.
//!
//! For the model, an access is one to a byte beside the value: a plain read, or a plain write. So two accesses that race are
//! found, and the value is whatever was put there last in the order of exploration, which is the right one as long as what threads read
//! from each other orders all accesses. That the byte is not *in* the value lets the value hold atomics.

use crate::state;
use lkmm::check::hook::{self, Place};
use std::fmt;
use std::panic::Location;

/// As `std::cell::UnsafeCell`, but accessed by closures.
pub struct UnsafeCell<T: ?Sized> {
    beside: u8,
    value: std::cell::UnsafeCell<T>,
}

/// An access that is going on.
struct Access {
    address: usize,
    is_write: bool,
    place: Place,
    /// How many operations the thread had done.
    since: Option<u32>,
}

impl Access {
    fn begin(address: usize, is_write: bool, place: Place) -> Self {
        let since = hook::model().map(|model| {
            Self::happen(model, address, is_write, place);
            state::operations(model)
        });
        Access { address, is_write, place, since }
    }

    fn happen(model: hook::Model, address: usize, is_write: bool, place: Place) {
        let object = model.opaque(address);
        match is_write {
            true => model.overwrite(object, place),
            false => _ = model.look(object, place),
        }
        state::step(model);
    }
}

impl Drop for Access {
    fn drop(&mut self) {
        let (Some(model), Some(since)) = (hook::model(), self.since) else { return };
        if state::operations(model) != since {
            Self::happen(model, self.address, self.is_write, self.place);
        }
    }
}

impl<T> UnsafeCell<T> {
    /// A cell with this value.
    pub fn new(value: T) -> Self {
        UnsafeCell { beside: 0, value: std::cell::UnsafeCell::new(value) }
    }

    /// The value.
    #[track_caller]
    pub fn into_inner(self) -> T {
        self.begin(true);
        self.value.into_inner()
    }
}

impl<T: ?Sized> UnsafeCell<T> {
    #[track_caller]
    fn begin(&self, is_write: bool) -> Access {
        Access::begin(&raw const self.beside as usize, is_write, Location::caller())
    }

    /// Reads the value.
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        let _access = self.begin(false);
        f(self.value.get())
    }

    /// Writes the value.
    #[track_caller]
    pub fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        let _access = self.begin(true);
        f(self.value.get())
    }

    /// A pointer for reads, which go on until it is dropped.
    #[track_caller]
    pub fn get(&self) -> ConstPtr<T> {
        ConstPtr { pointer: self.value.get(), _access: self.begin(false) }
    }

    /// A pointer for writes, which go on until it is dropped.
    #[track_caller]
    pub fn get_mut(&self) -> MutPtr<T> {
        MutPtr { pointer: self.value.get(), _access: self.begin(true) }
    }
}

/// A pointer for reads.
pub struct ConstPtr<T: ?Sized> {
    pointer: *const T,
    _access: Access,
}

/// A pointer for writes.
pub struct MutPtr<T: ?Sized> {
    pointer: *mut T,
    _access: Access,
}

impl<T: ?Sized> ConstPtr<T> {
    /// The value.
    ///
    /// # Safety
    /// Nobody writes it meanwhile.
    pub unsafe fn deref(&self) -> &T {
        // SAFETY: the caller's promise.
        unsafe { &*self.pointer }
    }

    /// The pointer itself.
    pub fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
        f(self.pointer)
    }
}

impl<T: ?Sized> MutPtr<T> {
    /// The value.
    ///
    /// # Safety
    /// Nobody accesses it meanwhile.
    #[allow(clippy::mut_from_ref, reason = "so it is in loom")]
    pub unsafe fn deref(&self) -> &mut T {
        // SAFETY: the caller's promise.
        unsafe { &mut *self.pointer }
    }

    /// The pointer itself.
    pub fn with<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
        f(self.pointer)
    }
}

impl<T: Default> Default for UnsafeCell<T> {
    fn default() -> Self {
        UnsafeCell::new(T::default())
    }
}

impl<T> From<T> for UnsafeCell<T> {
    fn from(value: T) -> Self {
        UnsafeCell::new(value)
    }
}

impl<T: ?Sized> fmt::Debug for UnsafeCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnsafeCell").finish_non_exhaustive()
    }
}

impl<T: ?Sized> fmt::Debug for ConstPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pointer.fmt(f)
    }
}

impl<T: ?Sized> fmt::Debug for MutPtr<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pointer.fmt(f)
    }
}

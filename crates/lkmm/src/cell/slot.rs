//! Variables that are not initialised at first.

#[cfg(feature = "check")]
use super::{checked, from_bits, into_bits, opaque};
use crate::in_model;
use core::cell::UnsafeCell;
use core::fmt;
use core::mem::MaybeUninit;

/// A variable that threads share, as [`Shared`](super::Shared), but not initialised at first: an element of a ring buffer, say. As with
/// [`MaybeUninit`], nothing that is in it is ever dropped, and a value that is read is still there.
///
/// In a model, a read is a failure that reads what was there before the first write. (A value that was read and
/// is read once more is no such failure.)
///
/// ```
/// use lkmm::atomic::{Acquire, Atomic, Release};
/// use lkmm::cell::Slot;
/// use lkmm::thread;
///
/// static MESSAGE: Slot<u32> = Slot::uninit();
/// static SENT: Atomic<bool> = Atomic::new(false);
///
/// lkmm::check::model(|| {
///     thread::spawn(|| {
///         // SAFETY: the other thread looks at it only after it has seen the flag.
///         unsafe { MESSAGE.write(42) };
///         SENT.store(true, Release);
///     });
///     if SENT.load(Acquire) {
///         // SAFETY: it was written before the flag.
///         assert_eq!(unsafe { MESSAGE.assume_init_read() }, 42);
///     }
/// });
/// ```
pub struct Slot<T> {
    value: UnsafeCell<MaybeUninit<T>>,
    #[cfg(feature = "check")]
    is_init: UnsafeCell<bool>,
}

// SAFETY: whoever accesses the value promises that there is no race; by then it may have been sent.
unsafe impl<T: Send> Sync for Slot<T> {}

impl<T> Slot<T> {
    /// A variable without a value.
    pub const fn uninit() -> Self {
        Slot {
            value: UnsafeCell::new(MaybeUninit::uninit()),
            #[cfg(feature = "check")]
            is_init: UnsafeCell::new(false),
        }
    }

    /// A variable with this value.
    pub const fn new(value: T) -> Self {
        Slot {
            value: UnsafeCell::new(MaybeUninit::new(value)),
            #[cfg(feature = "check")]
            is_init: UnsafeCell::new(true),
        }
    }

    /// Writes a value. What was there is not dropped.
    ///
    /// # Safety
    /// No access by another thread races with it.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub unsafe fn write(&self, value: T) {
        in_model!(model, place => {
            let (address, is_init) = (self.value.get() as usize, self.is_init.get());
            // SAFETY: the caller's promise, as far as real memory goes; the rest is for the model to find out.
            unsafe {
                match checked::<T>() {
                    Some(size) => model.store_slot(address, size, is_init, into_bits(value), place),
                    None => {
                        let (object, at) = (model.opaque_slot(address, is_init), model.object(self.value.get()));
                        model.set_init(object, is_init);
                        opaque::change(model, object, at.cast::<T>(), None, place, |at| at.write(value));
                    }
                }
            }
        });
        // SAFETY: the caller's promise.
        unsafe {
            self.value.get().write(MaybeUninit::new(value));
            #[cfg(feature = "check")]
            self.is_init.get().write(true);
        }
    }

    /// Reads the value: a bitwise copy, as of [`MaybeUninit::assume_init_read`].
    ///
    /// # Safety
    /// There is a value, and no write by another thread races with the read. If the type is not `Copy`, the value is used as one's own
    /// once only.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub unsafe fn assume_init_read(&self) -> T {
        // SAFETY: the caller's promise.
        unsafe { self.assume_init_with(|value| core::ptr::read(value)) }
    }

    /// Reads the value in place.
    ///
    /// # Safety
    /// There is a value, and no write by another thread races with the read, until `read` returns.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub unsafe fn assume_init_with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        in_model!(model, place => {
            let (address, is_init) = (self.value.get() as usize, self.is_init.get());
            // SAFETY: the caller's promise; who reads what was never written does not come back from there.
            unsafe {
                match checked::<T>() {
                    Some(size) => read(&from_bits(model.load_slot(address, size, is_init, place))),
                    None => {
                        let (object, at) = (model.opaque_slot(address, is_init), model.object(self.value.get()));
                        opaque::read(model, object, at.cast::<T>(), place, read)
                    }
                }
            }
        });
        // SAFETY: the caller's promise.
        read(unsafe { (*self.value.get()).assume_init_ref() })
    }
}

impl<T> fmt::Debug for Slot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}

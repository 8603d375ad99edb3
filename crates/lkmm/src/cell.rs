//! Plain shared data: what is protected by something else than being atomic.
//!
//! A [`Shared`] is a variable as in C. Outside of a model, its accesses are just that. In a model, they are plain
//! accesses of the LKMM, and the checker finds two that race.
//!
//! The value is part of the model if it is no larger than eight bytes, aligned to its size, and needs no drop: integers,
//! `bool`, pointers, references, field-less enums. Of any other type the model knows only *that* it is accessed. If it needs
//! no drop and has at most 4 KiB, a read finds what the write has left that it reads from, as a copy if need be. Any other
//! has the content that was put there last in the order of exploration; for a program without data races in which only locks
//! or what threads read orders its accesses, this is the right one.
//!
//! A [`Slot`] is a variable that is not initialised at first. The checker finds who reads it then.

#[cfg(feature = "check")]
mod opaque;
mod slot;

pub use slot::Slot;

use crate::in_model;
use core::cell::UnsafeCell;
use core::fmt;

/// A variable that threads share, and that something protects: a lock, a flag, RCU.
///
/// ```
/// use lkmm::atomic::{Acquire, Atomic, Release};
/// use lkmm::cell::Shared;
/// use lkmm::thread;
///
/// static DATA: Shared<u32> = Shared::new(0);
/// static READY: Atomic<bool> = Atomic::new(false);
///
/// lkmm::check::model(|| {
///     thread::spawn(|| {
///         // SAFETY: the other thread looks at it only after it has seen the flag.
///         unsafe { DATA.set(42) };
///         READY.store(true, Release);
///     });
///     if READY.load(Acquire) {
///         // SAFETY: the write came before the flag.
///         assert_eq!(unsafe { DATA.get() }, 42);
///     }
/// });
/// ```
#[repr(transparent)]
pub struct Shared<T>(UnsafeCell<T>);

// SAFETY: whoever accesses the value promises that there is no race; by then it may have been sent.
unsafe impl<T: Send> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// A variable with this value.
    pub const fn new(value: T) -> Self {
        Shared(UnsafeCell::new(value))
    }

    /// Where it is.
    pub const fn as_ptr(&self) -> *mut T {
        self.0.get()
    }

    /// The value: nobody else can access it now.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn get_mut(&mut self) -> &mut T {
        #[cfg(feature = "check")]
        if let Some(model) = lkmm_check::hook::model() {
            let place = core::panic::Location::caller();
            match checked::<T>() {
                // SAFETY: `self` is such an object.
                Some(size) => unsafe { model.settle(self.address(), size, Mode::Plain, place) },
                // SAFETY: as above.
                None => unsafe { opaque::settle(model, model.opaque(self.address()), self.0.get(), place) },
            }
        }
        self.0.get_mut()
    }

    /// The value.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn into_inner(mut self) -> T {
        #[cfg(feature = "check")]
        if checked::<T>().is_none() {
            // It is elsewhere now.
            return self.0.into_inner();
        }
        self.get_mut();
        self.0.into_inner()
    }

    /// Reads the value.
    ///
    /// # Safety
    /// No write by another thread races with it.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub unsafe fn get(&self) -> T
    where
        T: Copy,
    {
        // SAFETY: the caller's promise.
        unsafe { self.with(|value| *value) }
    }

    /// Writes a value. The old one is dropped after that.
    ///
    /// # Safety
    /// No access by another thread races with it.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub unsafe fn set(&self, value: T) {
        in_model!(model, place => {
            // SAFETY: the caller's promise, as far as real memory goes; the rest is for the model to find out.
            unsafe {
                match checked::<T>() {
                    Some(size) => model.store(self.address(), size, into_bits(value), Mode::Plain, place),
                    None => {
                        let at = model.object(self.0.get());
                        drop(opaque::change(model, model.opaque(self.address()), at, None, place, |at| at.replace(value)));
                    }
                }
            }
        });
        // SAFETY: the caller's promise.
        drop(unsafe { self.0.get().replace(value) });
    }

    /// Reads the value in place.
    ///
    /// # Safety
    /// No write by another thread races with it, until `read` returns.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub unsafe fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        in_model!(model, place => {
            // SAFETY: as above.
            unsafe {
                match checked::<T>() {
                    Some(size) => read(&from_bits(model.load(self.address(), size, Mode::Plain, place))),
                    None => opaque::read(model, model.opaque(self.address()), model.object(self.0.get()), place, read),
                }
            }
        });
        // SAFETY: the caller's promise.
        read(unsafe { &*self.0.get() })
    }

    /// Changes the value in place: for the model a write, and a read before that, unless the value needs drop or has more than 4 KiB.
    ///
    /// # Safety
    /// No access by another thread races with it, until `change` returns.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub unsafe fn with_mut<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        in_model!(model, place => {
            // SAFETY: as above.
            unsafe {
                match checked::<T>() {
                    Some(size) => {
                        let mut value = from_bits(model.load(self.address(), size, Mode::Plain, place));
                        let result = change(&mut value);
                        model.store(self.address(), size, into_bits(value), Mode::Plain, place);
                        result
                    }
                    None => {
                        let (object, at) = (model.opaque(self.address()), model.object(self.0.get()));
                        let after = opaque::is_kept::<T>().then(|| model.look(object, place));
                        opaque::change(model, object, at, after, place, |at| change(&mut *at))
                    }
                }
            }
        });
        // SAFETY: the caller's promise.
        change(unsafe { &mut *self.0.get() })
    }

    #[cfg(feature = "check")]
    fn address(&self) -> usize {
        self.0.get() as usize
    }
}

impl<T: Default> Default for Shared<T> {
    fn default() -> Self {
        Shared::new(T::default())
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

#[cfg(feature = "check")]
pub(crate) use checked::{checked, from_bits, into_bits};
#[cfg(feature = "check")]
use lkmm_check::hook::Mode;

/// Values that the model knows.
#[cfg(feature = "check")]
mod checked {
    use core::mem::{ManuallyDrop, needs_drop};
    use lkmm_check::Size;

    /// The size of a type whose values the model knows.
    pub(crate) const fn checked<T>() -> Option<Size> {
        match size_of::<T>() == align_of::<T>() && !needs_drop::<T>() {
            true => Size::of::<T>(),
            false => None,
        }
    }

    #[repr(C)]
    union Bits<T> {
        value: ManuallyDrop<T>,
        bits: u64,
    }

    /// The bits of a value of a checked type.
    pub(crate) fn into_bits<T>(value: T) -> u64 {
        let mut bits = Bits { bits: 0 };
        bits.value = ManuallyDrop::new(value);
        // SAFETY: all eight bytes have been written.
        let bits = unsafe { bits.bits };
        if cfg!(target_endian = "big") { bits >> (64 - 8 * size_of::<T>()) } else { bits }
    }

    /// The value of a checked type that has these bits.
    ///
    /// # Safety
    /// They are those of a value.
    pub(crate) unsafe fn from_bits<T>(bits: u64) -> T {
        let bits = if cfg!(target_endian = "big") { bits << (64 - 8 * size_of::<T>()) } else { bits };
        // SAFETY: the caller's promise.
        ManuallyDrop::into_inner(unsafe { Bits { bits }.value })
    }
}

//! What stands in memory, and the real operations on it.

use super::ordering::OrderingType;
use core::ffi::c_void;
use core::sync::atomic::{AtomicI8, AtomicI16, AtomicI32, AtomicI64, AtomicPtr, Ordering, fence};

mod sealed {
    pub trait Sealed {}
}

/// The representations of atomics: what the machine has operations for.
pub trait AtomicImpl: Sized + Copy + sealed::Sealed {
    /// What can be added.
    type Delta;

    /// Its size.
    #[cfg(feature = "check")]
    #[doc(hidden)]
    const SIZE: lkmm_check::Size;

    /// As the model has it.
    #[doc(hidden)]
    fn into_bits(self) -> u64;
    /// From what the model has.
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Self;

    /// # Safety
    /// Like that of all operations here: the pointer is aligned and valid, and nobody accesses it but atomically.
    #[doc(hidden)]
    unsafe fn load(at: *mut Self) -> Self;
    /// # Safety
    /// See [`load`](Self::load).
    #[doc(hidden)]
    unsafe fn store(at: *mut Self, value: Self, ordering: OrderingType);
    /// # Safety
    /// See [`load`](Self::load).
    #[doc(hidden)]
    unsafe fn xchg(at: *mut Self, value: Self, ordering: OrderingType) -> Self;
    /// # Safety
    /// See [`load`](Self::load).
    #[doc(hidden)]
    unsafe fn cmpxchg(at: *mut Self, old: Self, new: Self, ordering: OrderingType) -> Result<Self, Self>;
}

/// The representations that can be added to.
pub trait AtomicArithmeticOps: AtomicImpl {
    /// As the model has it.
    #[doc(hidden)]
    fn delta_into_bits(delta: Self::Delta) -> u64;
    /// # Safety
    /// See [`load`](AtomicImpl::load).
    #[doc(hidden)]
    unsafe fn fetch_add(at: *mut Self, delta: Self::Delta, ordering: OrderingType) -> Self;
    /// # Safety
    /// See [`load`](AtomicImpl::load).
    #[doc(hidden)]
    unsafe fn fetch_sub(at: *mut Self, delta: Self::Delta, ordering: OrderingType) -> Self;
}

/// Does a read-modify-write. Its read is an acquire at least, so that what depends on it is ordered.
#[inline(always)]
fn ordered<R>(ordering: OrderingType, operation: impl FnOnce(Ordering) -> R) -> R {
    match ordering {
        OrderingType::Relaxed | OrderingType::Acquire => operation(Ordering::Acquire),
        OrderingType::Release => operation(Ordering::AcqRel),
        OrderingType::Full => {
            fence(Ordering::SeqCst);
            let result = operation(Ordering::AcqRel);
            fence(Ordering::SeqCst);
            result
        }
    }
}

/// The operations that all representations have, by way of an atomic of `core`.
macro_rules! operations {
    ($atomic:ident, $into:expr, $from:expr) => {
        #[inline(always)]
        unsafe fn load(at: *mut Self) -> Self {
            // SAFETY: the caller's promise.
            $from(unsafe { $atomic::from_ptr(at.cast()) }.load(Ordering::Acquire))
        }

        #[inline(always)]
        unsafe fn store(at: *mut Self, value: Self, ordering: OrderingType) {
            let release = ordering == OrderingType::Release;
            // SAFETY: the caller's promise.
            let atomic = unsafe { $atomic::from_ptr(at.cast()) };
            atomic.store($into(value), if release { Ordering::Release } else { Ordering::Relaxed });
        }

        #[inline(always)]
        unsafe fn xchg(at: *mut Self, value: Self, ordering: OrderingType) -> Self {
            // SAFETY: the caller's promise.
            let atomic = unsafe { $atomic::from_ptr(at.cast()) };
            $from(ordered(ordering, |ordering| atomic.swap($into(value), ordering)))
        }

        #[inline(always)]
        unsafe fn cmpxchg(at: *mut Self, old: Self, new: Self, ordering: OrderingType) -> Result<Self, Self> {
            // SAFETY: the caller's promise.
            let atomic = unsafe { $atomic::from_ptr(at.cast()) };
            let exchange = |ordering| atomic.compare_exchange($into(old), $into(new), ordering, Ordering::Acquire);
            ordered(ordering, exchange).map($from).map_err($from)
        }
    };
}

macro_rules! integers {
    ($($int:ident $unsigned:ident $atomic:ident $size:ident;)*) => {
        $(impl sealed::Sealed for $int {}
        impl AtomicImpl for $int {
            type Delta = $int;

            #[cfg(feature = "check")]
            const SIZE: lkmm_check::Size = lkmm_check::Size::$size;

            #[inline(always)]
            fn into_bits(self) -> u64 {
                self as $unsigned as u64
            }

            #[inline(always)]
            fn from_bits(bits: u64) -> Self {
                bits as $int
            }

            operations!($atomic, core::convert::identity, core::convert::identity);
        })*
    };
}

integers! {
    i8 u8 AtomicI8 One;
    i16 u16 AtomicI16 Two;
    i32 u32 AtomicI32 Four;
    i64 u64 AtomicI64 Eight;
}

macro_rules! arithmetic {
    ($($int:ident $atomic:ident;)*) => {
        $(impl AtomicArithmeticOps for $int {
            #[inline(always)]
            fn delta_into_bits(delta: $int) -> u64 {
                delta.into_bits()
            }

            #[inline(always)]
            unsafe fn fetch_add(at: *mut Self, delta: $int, ordering: OrderingType) -> Self {
                // SAFETY: the caller's promise.
                let atomic = unsafe { $atomic::from_ptr(at) };
                ordered(ordering, |ordering| atomic.fetch_add(delta, ordering))
            }

            #[inline(always)]
            unsafe fn fetch_sub(at: *mut Self, delta: $int, ordering: OrderingType) -> Self {
                // SAFETY: the caller's promise.
                let atomic = unsafe { $atomic::from_ptr(at) };
                ordered(ordering, |ordering| atomic.fetch_sub(delta, ordering))
            }
        })*
    };
}

arithmetic! {
    i32 AtomicI32;
    i64 AtomicI64;
}

impl sealed::Sealed for *const c_void {}

impl AtomicImpl for *const c_void {
    type Delta = isize;

    #[cfg(feature = "check")]
    const SIZE: lkmm_check::Size = lkmm_check::Size::Pointer;

    #[inline(always)]
    fn into_bits(self) -> u64 {
        self.expose_provenance() as u64
    }

    #[inline(always)]
    fn from_bits(bits: u64) -> Self {
        core::ptr::with_exposed_provenance(bits as usize)
    }

    operations!(AtomicPtr, <*const c_void>::cast_mut, <*mut c_void>::cast_const);
}

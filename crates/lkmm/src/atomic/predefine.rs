//! The types that are atomic without further ado.

use super::{AtomicAdd, AtomicType};
use core::ffi::c_void;

#[cfg(target_pointer_width = "64")]
type Word = i64;
#[cfg(target_pointer_width = "32")]
type Word = i32;

macro_rules! atomic {
    ($($type:ty: $repr:ty $(, adds $delta:ident)?;)*) => {
        $(const _: () = assert!(size_of::<$type>() == size_of::<$repr>() && align_of::<$type>() == align_of::<$repr>());

        // SAFETY: both are numbers of the same size and alignment (a `bool` is 0 or 1), and all such numbers are `Send`.
        unsafe impl AtomicType for $type {
            type Repr = $repr;
        }

        $(
            // SAFETY: integers wrap.
            unsafe impl AtomicAdd for $type {
                #[inline(always)]
                fn rhs_into_delta($delta: Self) -> $repr {
                    $delta as $repr
                }
            }
        )?)*
    };
}

atomic! {
    bool: i8;
    i8: i8;
    u8: i8;
    i16: i16;
    u16: i16;
    i32: i32, adds delta;
    u32: i32, adds delta;
    i64: i64, adds delta;
    u64: i64, adds delta;
    isize: Word, adds delta;
    usize: Word, adds delta;
}

// SAFETY: pointers to sized types are alike in memory, and to hand one over is safe: to use it is not.
unsafe impl<T> AtomicType for *mut T {
    type Repr = *const c_void;
}

// SAFETY: as above.
unsafe impl<T> AtomicType for *const T {
    type Repr = *const c_void;
}

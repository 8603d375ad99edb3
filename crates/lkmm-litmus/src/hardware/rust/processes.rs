//! The processes of a litmus test that are in Rust.
#![allow(unused, non_snake_case, unsafe_op_in_unsafe_fn, clippy::all)]

use core::ffi::c_void;
use core::mem::forget;
use core::{mem, ptr};
use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use lkmm::barrier::*;
use lkmm::cell::Shared;
use lkmm::lock::{Mutex, MutexGuard, SpinLock, SpinLockGuard};
use lkmm::rcu::synchronize_rcu;
use lkmm::srcu::Domain;
use lkmm::{atomic, cell as cells, dep, hint, lock, rcu, srcu};

/// The largest of what lies in a cell.
const _: () = assert!(size_of::<Domain>() <= 32 && size_of::<SpinLock<()>>() == 4);

/// The row of final registers of an instance.
#[derive(Clone, Copy)]
struct Registers(*mut i64);

impl Registers {
    fn set(self, at: usize, value: i64) {
        // SAFETY: the row has an element for each register that is asked for.
        unsafe { self.0.add(at).write(value) }
    }
}

/// What a register may hold.
trait IntoRegister {
    fn into_register(self) -> i64;
}

macro_rules! registers {
    ($($int:ty)*) => {
        $(impl IntoRegister for $int {
            fn into_register(self) -> i64 {
                self as i64
            }
        })*
    };
}

registers! { bool i8 u8 i16 u16 i32 i64 u64 isize usize }

impl IntoRegister for u32 {
    /// The model's values have a sign.
    fn into_register(self) -> i64 {
        (self as i32).into()
    }
}

impl<T> IntoRegister for *mut T {
    fn into_register(self) -> i64 {
        self.expose_provenance() as i64
    }
}

impl<T> IntoRegister for *const T {
    fn into_register(self) -> i64 {
        self.expose_provenance() as i64
    }
}

/// What a parameter of a process may be: a way to a location.
trait Location {
    /// # Safety
    /// The cell holds what the type says, zeros at first.
    unsafe fn of(cell: *mut c_void) -> Self;
}

impl<T> Location for &T {
    unsafe fn of(cell: *mut c_void) -> Self {
        // SAFETY: the caller's promise.
        unsafe { &*cell.cast::<T>() }
    }
}

impl<T> Location for *mut T {
    unsafe fn of(cell: *mut c_void) -> Self {
        cell.cast::<T>()
    }
}

impl<T> Location for *const T {
    unsafe fn of(cell: *mut c_void) -> Self {
        cell.cast::<T>().cast_const()
    }
}

/// # Safety
/// See [`Location::of`].
unsafe fn cell<L: Location>(cell: *mut c_void) -> L {
    // SAFETY: the caller's promise.
    unsafe { L::of(cell) }
}

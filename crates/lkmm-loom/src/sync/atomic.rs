//! As `std::sync::atomic`. What the orderings mean is in the documentation of [the crate](crate).

use crate::state;
use lkmm::check::Size;
use lkmm::check::hook::{self, Fence, Mode, Model, Place, Update};
use std::cell::UnsafeCell;
use std::fmt;
use std::panic::Location;

pub use std::sync::atomic::Ordering;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

/// All accesses before it come before all accesses after it, whatever the ordering.
///
/// # Panics
/// If the ordering is relaxed.
#[track_caller]
pub fn fence(order: Ordering) {
    assert!(order != Relaxed, "a relaxed fence orders nothing");
    match hook::model() {
        Some(model) => full(model, Location::caller()),
        None => std::sync::atomic::fence(order),
    }
}

/// As [`spin_loop`](crate::hint::spin_loop).
#[track_caller]
pub fn spin_loop_hint() {
    crate::thread::yield_now();
}

fn full(model: Model, place: Place) {
    state::step(model);
    model.fence(Fence::Mb, place);
}

/// How a load reads, after the fence that a sequentially consistent one begins with.
fn reads(order: Ordering) -> Mode {
    match order {
        Relaxed => Mode::Once,
        Acquire | SeqCst => Mode::Acquire,
        _ => panic!("a load cannot be a release"),
    }
}

fn updates(order: Ordering) -> hook::Ordering {
    match order {
        Relaxed => hook::Ordering::Relaxed,
        Acquire => hook::Ordering::Acquire,
        Release => hook::Ordering::Release,
        _ => hook::Ordering::AcquireRelease,
    }
}

/// What the model has as bits.
trait Value: Copy + PartialEq {
    const SIZE: Size;
    fn into_bits(self) -> u64;
    /// The value with these bits, which came from one.
    fn from_bits(bits: u64) -> Self;
}

/// An atomic of any type.
struct Atomic<T>(UnsafeCell<T>);

// SAFETY: accesses are operations of the model, or done by one thread alone. Only values whose types are `Send` are here, and pointers.
unsafe impl<T> Send for Atomic<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Atomic<T> {}

impl<T: Value> Atomic<T> {
    const fn new(value: T) -> Self {
        Atomic(UnsafeCell::new(value))
    }

    fn address(&self) -> usize {
        self.0.get() as usize
    }

    /// Without a model (where code of a model unwinds, or makes what it will share) there is one thread.
    fn alone<R>(&self, then: impl FnOnce(&mut T) -> R) -> R {
        assert!(hook::model_of_guard().is_some(), "an atomic is used outside of a model");
        // SAFETY: all threads of a model are on one thread of the system, and `then` uses nothing else.
        then(unsafe { &mut *self.0.get() })
    }

    #[track_caller]
    fn load(&self, order: Ordering) -> T {
        let (mode, place) = (reads(order), Location::caller());
        let Some(model) = hook::model() else { return self.alone(|value| *value) };
        if order == SeqCst {
            full(model, place);
        }
        // SAFETY: this is such an object.
        let bits = unsafe { model.load(self.address(), T::SIZE, mode, place) };
        state::step(model);
        T::from_bits(bits)
    }

    #[track_caller]
    fn store(&self, value: T, order: Ordering) {
        let mode = match order {
            Relaxed => Mode::Once,
            Release | SeqCst => Mode::Release,
            _ => panic!("a store cannot be an acquire"),
        };
        let place = Location::caller();
        let Some(model) = hook::model() else { return self.alone(|old| *old = value) };
        if order == SeqCst {
            full(model, place);
        }
        state::step(model);
        // SAFETY: this is such an object, and that a value of it.
        unsafe { model.store(self.address(), T::SIZE, value.into_bits(), mode, place) };
    }

    /// `new` is what the update does, where there is no model to do it.
    #[track_caller]
    fn update(&self, update: Update, order: Ordering, new: impl FnOnce(T) -> T) -> T {
        let place = Location::caller();
        let Some(model) = hook::model() else { return self.alone(|value| std::mem::replace(value, new(*value))) };
        if order == SeqCst {
            full(model, place);
        }
        // SAFETY: this is such an object, and the update makes values of it.
        let bits = unsafe { model.rust_update(self.address(), T::SIZE, update, (updates(order), Mode::Once), place) };
        let old = T::from_bits(bits);
        state::step(model);
        old
    }

    #[track_caller]
    fn swap(&self, value: T, order: Ordering) -> T {
        self.update(Update::Exchange(value.into_bits()), order, |_| value)
    }

    #[track_caller]
    fn compare_exchange(&self, old: T, new: T, success: Ordering, failure: Ordering) -> Result<T, T> {
        let (ordering, place) = ((updates(success), reads(failure)), Location::caller());
        let Some(model) = hook::model() else {
            return self.alone(|value| if *value == old { Ok(std::mem::replace(value, new)) } else { Err(*value) });
        };
        if success == SeqCst || failure == SeqCst {
            full(model, place);
        }
        let values = (old.into_bits(), new.into_bits());
        // SAFETY: this is such an object, and that a value of it.
        let bits = unsafe {
            let update = Update::CompareExchange(values.0, values.1);
            model.rust_update(self.address(), T::SIZE, update, ordering, place)
        };
        state::step(model);
        if bits == values.0 { Ok(T::from_bits(bits)) } else { Err(T::from_bits(bits)) }
    }

    #[track_caller]
    fn try_update(&self, success: Ordering, failure: Ordering, mut change: impl FnMut(T) -> Option<T>) -> Result<T, T> {
        let mut old = self.load(failure);
        while let Some(new) = change(old) {
            match self.compare_exchange(old, new, success, failure) {
                Ok(_) => return Ok(old),
                Err(found) => old = found,
            }
        }
        Err(old)
    }

    /// The value, which nobody else can have now.
    #[track_caller]
    fn with_mut<R>(&mut self, then: impl FnOnce(&mut T) -> R) -> R {
        if let Some(model) = hook::model() {
            state::step(model);
            // SAFETY: this is such an object.
            unsafe { model.settle(self.address(), T::SIZE, Mode::Once, Location::caller()) };
        }
        then(self.0.get_mut())
    }

    #[track_caller]
    fn unsync_load(&self) -> T {
        let Some(model) = hook::model() else { return self.alone(|value| *value) };
        let place = Location::caller();
        // SAFETY: this is such an object.
        let bits = unsafe { model.load(self.address(), T::SIZE, Mode::Plain, place) };
        state::step(model);
        T::from_bits(bits)
    }
}

macro_rules! atomics {
    ($($(#[$doc:meta])* $name:ident$(<$parameter:ident>)?: $type:ty;)*) => {
        $($(#[$doc])*
        #[repr(transparent)]
        pub struct $name$(<$parameter>)?(Atomic<$type>);

        impl$(<$parameter>)? $name$(<$parameter>)? {
            /// An atomic with this value.
            pub const fn new(value: $type) -> Self {
                $name(Atomic::new(value))
            }

            /// Reads the value, by a plain access.
            ///
            /// # Safety
            /// No write races with it.
            #[track_caller]
            pub unsafe fn unsync_load(&self) -> $type {
                self.0.unsync_load()
            }

            /// Does something with the value, which nobody else can have now.
            #[track_caller]
            pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut $type) -> R) -> R {
                self.0.with_mut(f)
            }

            /// The value.
            #[track_caller]
            pub fn into_inner(mut self) -> $type {
                self.0.with_mut(|value| *value)
            }

            /// Reads the value.
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $type {
                self.0.load(order)
            }

            /// Writes a value.
            #[track_caller]
            pub fn store(&self, value: $type, order: Ordering) {
                self.0.store(value, order);
            }

            /// Writes a value, and yields that which was there.
            #[track_caller]
            pub fn swap(&self, value: $type, order: Ordering) -> $type {
                self.0.swap(value, order)
            }

            /// Writes `new` if the value is `current`. Yields the value that was there.
            #[track_caller]
            pub fn compare_and_swap(&self, current: $type, new: $type, order: Ordering) -> $type {
                let failure = match order {
                    Relaxed | Release => Relaxed,
                    Acquire | AcqRel => Acquire,
                    _ => SeqCst,
                };
                self.0.compare_exchange(current, new, order, failure).unwrap_or_else(|found| found)
            }

            /// Writes `new` if the value is `current`.
            ///
            /// # Errors
            /// The value that was found, if it was not `current`.
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $type,
                new: $type,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$type, $type> {
                self.0.compare_exchange(current, new, success, failure)
            }

            /// As [`compare_exchange`](Self::compare_exchange): it does not fail without a reason.
            ///
            /// # Errors
            /// As there.
            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $type,
                new: $type,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$type, $type> {
                self.0.compare_exchange(current, new, success, failure)
            }

            /// Writes what the function makes of the value, until it makes nothing of it.
            ///
            /// # Errors
            /// The value of which it makes nothing.
            #[track_caller]
            pub fn fetch_update<F>(&self, success: Ordering, failure: Ordering, change: F) -> Result<$type, $type>
            where
                F: FnMut($type) -> Option<$type>,
            {
                self.0.try_update(success, failure, change)
            }

            /// As [`fetch_update`](Self::fetch_update).
            ///
            /// # Errors
            /// As there.
            #[track_caller]
            pub fn try_update(
                &self,
                success: Ordering,
                failure: Ordering,
                change: impl FnMut($type) -> Option<$type>,
            ) -> Result<$type, $type> {
                self.0.try_update(success, failure, change)
            }

            /// Writes what the function makes of the value. Yields the value before.
            #[track_caller]
            pub fn update(
                &self,
                success: Ordering,
                failure: Ordering,
                mut change: impl FnMut($type) -> $type,
            ) -> $type {
                self.0.try_update(success, failure, |value| Some(change(value))).unwrap_or_else(|found| found)
            }
        }

        impl$(<$parameter>)? From<$type> for $name$(<$parameter>)? {
            fn from(value: $type) -> Self {
                Self::new(value)
            }
        }

        impl$(<$parameter>)? fmt::Debug for $name$(<$parameter>)? {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.load(Relaxed).fmt(f)
            }
        })*
    };
}

macro_rules! integers {
    ($($name:ident: $type:ident, $unsigned:ident, $size:ident;)*) => {
        atomics! {
            $(#[doc = concat!("An atomic `", stringify!($type), "`.")] $name: $type;)*
        }
        $(impl Value for $type {
            const SIZE: Size = Size::$size;

            fn into_bits(self) -> u64 {
                // (Without sign.)
                (self as $unsigned) as u64
            }

            fn from_bits(bits: u64) -> Self {
                bits as $type
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self::new(0)
            }
        }

        impl $name {
            /// Adds to the value, wrapping. Yields what it was before.
            #[track_caller]
            pub fn fetch_add(&self, value: $type, order: Ordering) -> $type {
                self.0.update(Update::Add(value.into_bits()), order, |old| old.wrapping_add(value))
            }

            /// Subtracts from the value, wrapping. Yields what it was before.
            #[track_caller]
            pub fn fetch_sub(&self, value: $type, order: Ordering) -> $type {
                self.0.update(Update::Sub(value.into_bits()), order, |old| old.wrapping_sub(value))
            }

            /// Keeps the bits that both have. Yields what it was before.
            #[track_caller]
            pub fn fetch_and(&self, value: $type, order: Ordering) -> $type {
                self.0.update(Update::And(value.into_bits()), order, |old| old & value)
            }

            /// Sets the bits that one of them has. Yields what it was before.
            #[track_caller]
            pub fn fetch_or(&self, value: $type, order: Ordering) -> $type {
                self.0.update(Update::Or(value.into_bits()), order, |old| old | value)
            }

            /// Sets the bits that differ. Yields what it was before.
            #[track_caller]
            pub fn fetch_xor(&self, value: $type, order: Ordering) -> $type {
                self.0.update(Update::Xor(value.into_bits()), order, |old| old ^ value)
            }

            /// Sets the bits that not both have. Yields what it was before. (A load and a `compare_exchange`, as the next ones.)
            #[track_caller]
            pub fn fetch_nand(&self, value: $type, order: Ordering) -> $type {
                self.update(order, Relaxed, |old| !(old & value))
            }

            /// Writes the larger one. Yields what it was before.
            #[track_caller]
            pub fn fetch_max(&self, value: $type, order: Ordering) -> $type {
                self.update(order, Relaxed, |old| old.max(value))
            }

            /// Writes the smaller one. Yields what it was before.
            #[track_caller]
            pub fn fetch_min(&self, value: $type, order: Ordering) -> $type {
                self.update(order, Relaxed, |old| old.min(value))
            }
        })*
    };
}

integers! {
    AtomicU8: u8, u8, One;
    AtomicI8: i8, u8, One;
    AtomicU16: u16, u16, Two;
    AtomicI16: i16, u16, Two;
    AtomicU32: u32, u32, Four;
    AtomicI32: i32, u32, Four;
    AtomicU64: u64, u64, Eight;
    AtomicI64: i64, u64, Eight;
    AtomicUsize: usize, usize, Pointer;
    AtomicIsize: isize, usize, Pointer;
}

atomics! {
    /// An atomic `bool`.
    AtomicBool: bool;
    /// An atomic pointer.
    AtomicPtr<T>: *mut T;
}

impl Value for bool {
    const SIZE: Size = Size::One;

    fn into_bits(self) -> u64 {
        self.into()
    }

    fn from_bits(bits: u64) -> Self {
        bits != 0
    }
}

impl<T> Value for *mut T {
    const SIZE: Size = Size::Pointer;

    fn into_bits(self) -> u64 {
        self.expose_provenance() as u64
    }

    fn from_bits(bits: u64) -> Self {
        std::ptr::with_exposed_provenance_mut(bits as usize)
    }
}

impl Default for AtomicBool {
    fn default() -> Self {
        AtomicBool::new(false)
    }
}

impl<T> Default for AtomicPtr<T> {
    fn default() -> Self {
        AtomicPtr::new(std::ptr::null_mut())
    }
}

impl AtomicBool {
    /// True if both are. Yields what it was before.
    #[track_caller]
    pub fn fetch_and(&self, value: bool, order: Ordering) -> bool {
        self.0.update(Update::And(value.into_bits()), order, |old| old & value)
    }

    /// True unless both are. Yields what it was before.
    #[track_caller]
    pub fn fetch_nand(&self, value: bool, order: Ordering) -> bool {
        if value { self.0.update(Update::Xor(1), order, |old| !old) } else { self.swap(true, order) }
    }

    /// True if one is. Yields what it was before.
    #[track_caller]
    pub fn fetch_or(&self, value: bool, order: Ordering) -> bool {
        self.0.update(Update::Or(value.into_bits()), order, |old| old | value)
    }

    /// True if they differ. Yields what it was before.
    #[track_caller]
    pub fn fetch_xor(&self, value: bool, order: Ordering) -> bool {
        self.0.update(Update::Xor(value.into_bits()), order, |old| old ^ value)
    }
}

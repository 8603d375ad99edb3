//! Atomics, as the kernel's `kernel::sync::atomic` has them.
//!
//! The names, the orderings and what they mean are those of the kernel: code that uses them can be pasted here, and code
//! that was checked here can be pasted there. (`u8` and `u16` are atomic here and not there.)
//!
//! Outside of a model, an operation is one of `core::sync::atomic` that is at least as strong. In particular, a
//! [`Relaxed`] load is an acquire: `Relaxed` keeps dependencies ordered, which those of `core` do not promise. [`Full`] is a
//! sequentially consistent fence before and after.

mod internal;
pub mod ordering;
mod predefine;

pub use internal::{AtomicArithmeticOps, AtomicImpl};
pub use ordering::{Acquire, Full, Relaxed, Release};

use crate::in_model;
use core::cell::UnsafeCell;
use core::fmt;
use ordering::OrderingType;

/// A value that several threads may access at once.
///
/// It has the size and the alignment of a `T`, and holds a valid `T`.
///
/// ```
/// use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
///
/// static READY: Atomic<bool> = Atomic::new(false);
/// READY.store(true, Release);
/// assert!(READY.load(Acquire));
///
/// let x = Atomic::new(1);
/// assert_eq!(x.cmpxchg(1, 2, Acquire), Ok(1));
/// assert_eq!(x.fetch_add(3, Relaxed), 2);
/// ```
///
/// An ordering that an operation does not have is a type error:
///
/// ```compile_fail
/// use lkmm::atomic::{Atomic, Release};
/// Atomic::new(0).load(Release);
/// ```
#[repr(transparent)]
pub struct Atomic<T: AtomicType>(UnsafeCell<T::Repr>);

// SAFETY: all accesses are atomic; see `AtomicType` for the values.
unsafe impl<T: AtomicType> Sync for Atomic<T> {}
// SAFETY: see `AtomicType`.
unsafe impl<T: AtomicType> Send for Atomic<T> {}

/// Types of which there are atomics.
///
/// ```
/// use lkmm::atomic::{Atomic, AtomicType, Relaxed};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// #[repr(i32)]
/// enum State {
///     Idle,
///     Working,
/// }
///
/// // SAFETY: a `State` is an `i32` in memory, and each value is that of the `i32` it is stored as.
/// unsafe impl AtomicType for State {
///     type Repr = i32;
/// }
///
/// let state = Atomic::new(State::Idle);
/// assert_eq!(state.xchg(State::Working, Relaxed), State::Idle);
/// ```
///
/// # Safety
/// `Self` has the size and the alignment of `Repr`; each of its values is, as bits, a value of `Repr`, and those bits are
/// that value again. A value may go from one thread to another.
pub unsafe trait AtomicType: Sized + Copy {
    /// What stands in memory.
    type Repr: AtomicImpl;
}

/// Types to whose atomics something can be added.
///
/// # Safety
/// Whatever is added to a value (wrapping), it is a value of the type.
pub unsafe trait AtomicAdd<Rhs = Self>: AtomicType {
    /// What is added to the representation.
    fn rhs_into_delta(rhs: Rhs) -> <Self::Repr as AtomicImpl>::Delta;
}

const fn into_repr<T: AtomicType>(value: T) -> T::Repr {
    // SAFETY: as bits, a value is one of its representation, says `AtomicType`.
    unsafe { core::mem::transmute_copy(&value) }
}

/// # Safety
/// The representation is that of a value.
const unsafe fn from_repr<T: AtomicType>(repr: T::Repr) -> T {
    // SAFETY: the caller's promise.
    unsafe { core::mem::transmute_copy(&repr) }
}

/// An ordering as the model has it.
#[cfg(feature = "check")]
fn modelled(ordering: OrderingType) -> lkmm_check::hook::Ordering {
    use lkmm_check::hook::Ordering;
    match ordering {
        OrderingType::Relaxed => Ordering::Relaxed,
        OrderingType::Acquire => Ordering::Acquire,
        OrderingType::Release => Ordering::Release,
        OrderingType::Full => Ordering::Full,
    }
}

impl<T: AtomicType> Atomic<T> {
    /// An atomic with this value.
    pub const fn new(value: T) -> Self {
        Atomic(UnsafeCell::new(into_repr(value)))
    }

    /// An atomic that lies where a pointer points to.
    ///
    /// # Safety
    /// The pointer is aligned, and valid for reads and writes, for as long as the reference is used; and meanwhile no other
    /// access races with those through the reference.
    pub const unsafe fn from_ptr<'a>(ptr: *mut T) -> &'a Self {
        // SAFETY: the caller's promise; `T` and `Atomic<T>` have the same layout.
        unsafe { &*ptr.cast::<Self>() }
    }

    /// Where the value is. Accesses through the pointer must not race with others. In a model they are not seen: what they find is the
    /// coherence-last value if all that have written it have been joined, and the model heap is there.
    pub const fn as_ptr(&self) -> *mut T {
        self.0.get().cast()
    }

    /// The value: nobody else can access it now.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn get_mut(&mut self) -> &mut T {
        #[cfg(feature = "check")]
        if let Some(model) = lkmm_check::hook::model() {
            let (mode, place) = (lkmm_check::hook::Mode::Once, core::panic::Location::caller());
            // SAFETY: `self` is such an object.
            unsafe { model.settle(self.0.get() as usize, T::Repr::SIZE, mode, place) };
        }
        // SAFETY: it holds a valid `T`, and the reference to `self` is the only one.
        unsafe { &mut *self.as_ptr() }
    }

    /// Reads the value.
    #[doc(alias("READ_ONCE", "smp_load_acquire", "atomic_read", "atomic_read_acquire", "atomic64_read"))]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn load<Ordering: ordering::AcquireOrRelaxed>(&self, _: Ordering) -> T {
        in_model!(model, place => {
            use lkmm_check::hook::Mode;
            let mode = if Ordering::TYPE == OrderingType::Acquire { Mode::Acquire } else { Mode::Once };
            // SAFETY: `self` is such an object; what is read from it is a value of it.
            unsafe { from_repr(T::Repr::from_bits(model.load(self.0.get() as usize, T::Repr::SIZE, mode, place))) }
        });
        // SAFETY: it holds a representation of a `T`.
        unsafe { from_repr(T::Repr::load(self.0.get())) }
    }

    /// Writes a value.
    #[doc(alias("WRITE_ONCE", "smp_store_release", "atomic_set", "atomic_set_release", "atomic64_set"))]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn store<Ordering: ordering::ReleaseOrRelaxed>(&self, value: T, _: Ordering) {
        let repr = into_repr(value);
        in_model!(model, place => {
            use lkmm_check::hook::Mode;
            let mode = if Ordering::TYPE == OrderingType::Release { Mode::Release } else { Mode::Once };
            // SAFETY: `self` is such an object, and this a value of it.
            unsafe { model.store(self.0.get() as usize, T::Repr::SIZE, repr.into_bits(), mode, place) }
        });
        // SAFETY: `self` is such an object.
        unsafe { T::Repr::store(self.0.get(), repr, Ordering::TYPE) }
    }

    /// Writes a value, and yields that which was there.
    #[doc(alias("atomic_xchg", "atomic64_xchg", "swap"))]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn xchg<Ordering: ordering::Ordering>(&self, value: T, _: Ordering) -> T {
        let repr = into_repr(value);
        in_model!(model, place => {
            let update = lkmm_check::hook::Update::Exchange(repr.into_bits());
            // SAFETY: `self` is such an object, and this a value of it.
            unsafe { from_repr(self.update(model, update, Ordering::TYPE, place)) }
        });
        // SAFETY: it holds a representation of a `T`.
        unsafe { from_repr(T::Repr::xchg(self.0.get(), repr, Ordering::TYPE)) }
    }

    /// Writes `new` if the value is `old`, bit by bit. Yields the value that was there: `Ok` if it was `old`.
    ///
    /// If it fails, it is a [`Relaxed`] load.
    #[doc(alias("atomic_cmpxchg", "atomic_try_cmpxchg", "atomic64_cmpxchg", "compare_exchange"))]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn cmpxchg<Ordering: ordering::Ordering>(&self, old: T, new: T, _: Ordering) -> Result<T, T> {
        let (old, new) = (into_repr(old), into_repr(new));
        in_model!(model, place => {
            let (old, new) = (old.into_bits(), new.into_bits());
            let update = lkmm_check::hook::Update::CompareExchange(old, new);
            // SAFETY: `self` is such an object, and this a value of it.
            unsafe {
                let found = self.update(model, update, Ordering::TYPE, place);
                let succeeded = found.into_bits() == old;
                let found = from_repr(found);
                if succeeded { Ok(found) } else { Err(found) }
            }
        });
        // SAFETY: it holds a representation of a `T`.
        unsafe {
            match T::Repr::cmpxchg(self.0.get(), old, new, Ordering::TYPE) {
                Ok(found) => Ok(from_repr(found)),
                Err(found) => Err(from_repr(found)),
            }
        }
    }

    /// # Safety
    /// What the update makes of a value is a value of `T`.
    #[cfg(feature = "check")]
    unsafe fn update(
        &self,
        model: lkmm_check::hook::Model,
        update: lkmm_check::hook::Update,
        ordering: OrderingType,
        place: lkmm_check::hook::Place,
    ) -> T::Repr {
        // SAFETY: `self` is an object of this size; the caller promises the rest.
        let found = unsafe { model.update(self.0.get() as usize, T::Repr::SIZE, update, modelled(ordering), place) };
        T::Repr::from_bits(found)
    }
}

impl<T: AtomicType<Repr: AtomicArithmeticOps>> Atomic<T> {
    /// Adds to the value, wrapping.
    #[doc(alias("atomic_add", "atomic_inc", "atomic64_add"))]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn add<Rhs>(&self, rhs: Rhs, _: Relaxed)
    where
        T: AtomicAdd<Rhs>,
    {
        let delta = T::rhs_into_delta(rhs);
        in_model!(model, place => {
            let update = lkmm_check::hook::Update::Add(T::Repr::delta_into_bits(delta));
            // SAFETY: `self` is such an object; `AtomicAdd` says that the sum is a value of it.
            unsafe { model.void_update(self.0.get() as usize, T::Repr::SIZE, update, place) }
        });
        // SAFETY: `self` is such an object; `AtomicAdd` says that the sum is a value of it.
        unsafe { T::Repr::fetch_add(self.0.get(), delta, OrderingType::Relaxed) };
    }

    /// Adds to the value, wrapping, unless it is `unless`. Did it add? If not, it is a [`Relaxed`] load.
    ///
    /// ```
    /// use lkmm::atomic::{Atomic, Full, Relaxed};
    ///
    /// let users = Atomic::new(1);
    /// assert!(users.add_unless(1, 0, Full));
    /// users.store(0, Relaxed);
    /// assert!(!users.add_unless(1, 0, Full));
    /// ```
    #[doc(alias("atomic_add_unless", "atomic_inc_not_zero"))]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn add_unless<Rhs>(&self, rhs: Rhs, unless: T, _: Full) -> bool
    where
        T: AtomicAdd<Rhs>,
    {
        let delta = T::Repr::delta_into_bits(T::rhs_into_delta(rhs));
        let unless = into_repr(unless).into_bits();
        in_model!(model, place => {
            let update = lkmm_check::hook::Update::AddUnless(delta, unless);
            // SAFETY: `AtomicAdd` says that the sum is a value of `T`.
            unsafe { self.update(model, update, OrderingType::Full, place).into_bits() != unless }
        });
        // SAFETY: `self` is such an object; `AtomicAdd` says that the sum is a value of it.
        unsafe {
            let mut known = T::Repr::load(self.0.get());
            loop {
                let bits = known.into_bits();
                if bits == unless {
                    return false;
                }
                let sum = T::Repr::from_bits(bits.wrapping_add(delta));
                match T::Repr::cmpxchg(self.0.get(), known, sum, OrderingType::Full) {
                    Ok(_) => return true,
                    Err(found) => known = found,
                }
            }
        }
    }

    /// Adds to the value, wrapping, and yields what it was before.
    #[doc(alias("atomic_fetch_add", "atomic_fetch_inc", "atomic64_fetch_add"))]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn fetch_add<Rhs, Ordering: ordering::Ordering>(&self, rhs: Rhs, _: Ordering) -> T
    where
        T: AtomicAdd<Rhs>,
    {
        let delta = T::rhs_into_delta(rhs);
        in_model!(model, place => {
            let update = lkmm_check::hook::Update::Add(T::Repr::delta_into_bits(delta));
            // SAFETY: `AtomicAdd` says that the sum is a value of `T`.
            unsafe { from_repr(self.update(model, update, Ordering::TYPE, place)) }
        });
        // SAFETY: `self` is such an object; `AtomicAdd` says that the sum is a value of it.
        unsafe { from_repr(T::Repr::fetch_add(self.0.get(), delta, Ordering::TYPE)) }
    }

    /// Subtracts from the value, wrapping, and yields what it was before.
    #[doc(alias("atomic_fetch_sub", "atomic_fetch_dec", "atomic64_fetch_sub"))]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn fetch_sub<Rhs, Ordering: ordering::Ordering>(&self, rhs: Rhs, _: Ordering) -> T
    where
        T: AtomicAdd<Rhs>,
    {
        let delta = T::rhs_into_delta(rhs);
        in_model!(model, place => {
            let update = lkmm_check::hook::Update::Sub(T::Repr::delta_into_bits(delta));
            // SAFETY: to subtract is to add something else.
            unsafe { from_repr(self.update(model, update, Ordering::TYPE, place)) }
        });
        // SAFETY: `self` is such an object; to subtract is to add something else.
        unsafe { from_repr(T::Repr::fetch_sub(self.0.get(), delta, Ordering::TYPE)) }
    }
}

impl<T: AtomicType + fmt::Debug> fmt::Debug for Atomic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.load(Relaxed).fmt(f)
    }
}

/// A flag, for those who exchange it: its representation is one for which the machine has such operations.
pub struct AtomicFlag(Atomic<bool>);

impl AtomicFlag {
    /// A flag with this value.
    pub const fn new(flag: bool) -> Self {
        AtomicFlag(Atomic::new(flag))
    }

    /// The flag: nobody else can access it now.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn get_mut(&mut self) -> &mut bool {
        self.0.get_mut()
    }

    /// Reads the flag.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn load<Ordering: ordering::AcquireOrRelaxed>(&self, ordering: Ordering) -> bool {
        self.0.load(ordering)
    }

    /// Writes the flag.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn store<Ordering: ordering::ReleaseOrRelaxed>(&self, flag: bool, ordering: Ordering) {
        self.0.store(flag, ordering);
    }

    /// As [`Atomic::xchg`].
    #[cfg_attr(feature = "check", track_caller)]
    pub fn xchg<Ordering: ordering::Ordering>(&self, flag: bool, ordering: Ordering) -> bool {
        self.0.xchg(flag, ordering)
    }

    /// As [`Atomic::cmpxchg`].
    ///
    /// # Errors
    /// The value that was found, if it was not `old`.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn cmpxchg<Ordering: ordering::Ordering>(&self, old: bool, new: bool, o: Ordering) -> Result<bool, bool> {
        self.0.cmpxchg(old, new, o)
    }
}

/// [`Atomic::load`] from where a pointer points to.
///
/// # Safety
/// As for [`Atomic::from_ptr`].
#[doc(alias("READ_ONCE", "smp_load_acquire"))]
#[cfg_attr(feature = "check", track_caller)]
pub unsafe fn atomic_load<T: AtomicType, Ordering: ordering::AcquireOrRelaxed>(ptr: *mut T, ordering: Ordering) -> T {
    // SAFETY: the caller's promise.
    unsafe { Atomic::from_ptr(ptr) }.load(ordering)
}

/// [`Atomic::store`] to where a pointer points to.
///
/// # Safety
/// As for [`Atomic::from_ptr`].
#[doc(alias("WRITE_ONCE", "smp_store_release"))]
#[cfg_attr(feature = "check", track_caller)]
pub unsafe fn atomic_store<T: AtomicType, Ordering: ordering::ReleaseOrRelaxed>(
    ptr: *mut T,
    value: T,
    ordering: Ordering,
) {
    // SAFETY: the caller's promise.
    unsafe { Atomic::from_ptr(ptr) }.store(value, ordering);
}

/// [`Atomic::xchg`] where a pointer points to.
///
/// # Safety
/// As for [`Atomic::from_ptr`].
#[cfg_attr(feature = "check", track_caller)]
pub unsafe fn xchg<T: AtomicType, Ordering: ordering::Ordering>(ptr: *mut T, value: T, ordering: Ordering) -> T {
    // SAFETY: the caller's promise.
    unsafe { Atomic::from_ptr(ptr) }.xchg(value, ordering)
}

/// [`Atomic::cmpxchg`] where a pointer points to.
///
/// # Errors
/// The value that was found, if it was not `old`.
///
/// # Safety
/// As for [`Atomic::from_ptr`].
#[doc(alias("try_cmpxchg"))]
#[cfg_attr(feature = "check", track_caller)]
pub unsafe fn cmpxchg<T: AtomicType, Ordering: ordering::Ordering>(
    ptr: *mut T,
    old: T,
    new: T,
    ordering: Ordering,
) -> Result<T, T> {
    // SAFETY: the caller's promise.
    unsafe { Atomic::from_ptr(ptr) }.cmpxchg(old, new, ordering)
}

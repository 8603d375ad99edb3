//! Read-copy-update.
//!
//! A reader holds a [`Guard`]. Whoever removes what readers may look at waits for a grace period
//! ([`synchronize_rcu`]) before it is freed: then every reader that began before the removal has ended. [`Rcu`] is a
//! pointer that is used so, and cannot be used otherwise.
//!
//! Outside of a model, RCU is one [SRCU domain](crate::srcu).

use crate::atomic::{Atomic, Full, Relaxed, Release};
use crate::{in_model, srcu};
use core::fmt;
use core::marker::{PhantomData, PhantomPinned};
use core::ops::Deref;
use core::pin::Pin;
use core::ptr;

static DOMAIN: srcu::Domain = srcu::Domain::new();

/// A reader, until it is dropped. Readers nest.
///
/// It ends in the thread in which it began:
///
/// ```compile_fail
/// let guard = lkmm::rcu::read_lock();
/// lkmm::thread::spawn(move || drop(guard));
/// ```
#[must_use]
#[derive(Debug)]
pub struct Guard {
    /// None in a model.
    _reader: Option<srcu::Guard<'static>>,
    /// Where it began, if that was in a model.
    #[cfg(feature = "check")]
    place: Option<lkmm_check::hook::Place>,
    not_send: PhantomData<*mut ()>,
}

impl Guard {
    /// Begins to read.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn new() -> Self {
        read_lock()
    }

    /// Ends the reader.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn unlock(self) {}
}

impl Default for Guard {
    #[cfg_attr(feature = "check", track_caller)]
    fn default() -> Self {
        read_lock()
    }
}

#[cfg(feature = "check")]
impl Drop for Guard {
    #[inline]
    fn drop(&mut self) {
        if let (Some(place), Some(model)) = (self.place, lkmm_check::hook::model_of_guard()) {
            model.fence(lkmm_check::hook::Fence::RcuUnlock, place);
        }
    }
}

/// Begins to read (`rcu_read_lock`).
#[doc(alias = "rcu_read_lock")]
#[inline]
#[cfg_attr(feature = "check", track_caller)]
pub fn read_lock() -> Guard {
    in_model!(model, place => {
        model.fence(lkmm_check::hook::Fence::RcuLock, place);
        Guard { _reader: None, place: Some(place), not_send: PhantomData }
    });
    Guard {
        _reader: Some(DOMAIN.read_lock()),
        #[cfg(feature = "check")]
        place: None,
        not_send: PhantomData,
    }
}

/// Waits until every reader that has begun has ended.
#[cfg_attr(feature = "check", track_caller)]
pub fn synchronize_rcu() {
    in_model!(model, place => model.fence(lkmm_check::hook::Fence::SyncRcu, place));
    DOMAIN.synchronize();
}

/// A pointer that readers follow, as it is now (`rcu_dereference`): what is done through it comes after.
///
/// It is for pointers that own nothing; what they point to is kept by whoever publishes it. [`Rcu`] is safer.
///
/// ```
/// use lkmm::atomic::Atomic;
/// use lkmm::rcu;
///
/// let number = Atomic::new(1);
/// let current = Atomic::new(std::ptr::null_mut());
/// rcu::assign(&current, number.as_ptr());
/// let reader = rcu::read_lock();
/// assert_eq!(rcu::dereference(&current), number.as_ptr());
/// # drop(reader);
/// ```
#[doc(alias = "rcu_dereference")]
#[inline]
#[cfg_attr(feature = "check", track_caller)]
pub fn dereference<T>(pointer: &Atomic<*mut T>) -> *mut T {
    let raw = pointer.load(Relaxed);
    #[cfg(feature = "check")]
    if let (Some(model), false) = (lkmm_check::hook::model(), raw.is_null()) {
        model.follow(raw as usize, size_of::<T>());
    }
    raw
}

/// Has readers follow another pointer from now on (`rcu_assign_pointer`): what was done before comes before.
#[doc(alias = "rcu_assign_pointer")]
#[inline]
#[cfg_attr(feature = "check", track_caller)]
pub fn assign<T>(pointer: &Atomic<*mut T>, to: *mut T) {
    pointer.store(to, Release);
}

/// Pointers that own what they point to.
///
/// # Safety
/// What [`into_raw`](Self::into_raw) yields points to a `Target` until it goes back into [`from_raw`](Self::from_raw).
pub unsafe trait Pointer {
    /// What it points to.
    type Target;

    /// Gives the object away.
    fn into_raw(self) -> *mut Self::Target;

    /// Takes it back.
    ///
    /// # Safety
    /// It has been given away by `into_raw`, and is taken back once.
    unsafe fn from_raw(raw: *mut Self::Target) -> Self;
}

// SAFETY: so says `Box`.
#[cfg(any(feature = "std", feature = "check"))]
unsafe impl<T> Pointer for Box<T> {
    type Target = T;

    fn into_raw(self) -> *mut T {
        Box::into_raw(self)
    }

    unsafe fn from_raw(raw: *mut T) -> Self {
        // SAFETY: the caller's promise.
        unsafe { Box::from_raw(raw) }
    }
}

// SAFETY: so says `Arc`.
#[cfg(any(feature = "std", feature = "check"))]
unsafe impl<T> Pointer for std::sync::Arc<T> {
    type Target = T;

    fn into_raw(self) -> *mut T {
        std::sync::Arc::into_raw(self).cast_mut()
    }

    unsafe fn from_raw(raw: *mut T) -> Self {
        // SAFETY: the caller's promise.
        unsafe { std::sync::Arc::from_raw(raw) }
    }
}

/// A pointer that readers follow while updaters replace it.
///
/// ```standalone_crate
/// use lkmm::rcu::{self, Rcu};
/// use lkmm::thread;
///
/// lkmm::check::heap!();
///
/// # fn main() {
/// lkmm::check::model(|| {
///     let config = Rcu::new(Box::new((1, 1)));
///     thread::scope(|s| {
///         s.spawn(|| {
///             let guard = rcu::read_lock();
///             let (a, b) = config.dereference(&guard).expect("there always is one");
///             assert_eq!(a, b);
///         });
///         // The old one is dropped after the readers that may see it.
///         drop(config.xchg(Some(Box::new((2, 2)))));
///     });
/// });
/// # }
/// ```
pub struct Rcu<P: Pointer> {
    pointer: Atomic<*mut P::Target>,
    owner: PhantomData<P>,
    /// Readers look at it while an updater has it by `Pin<&mut Self>`.
    _pinned: PhantomPinned,
}

// SAFETY: readers share the object, and an updater in any thread may drop it.
unsafe impl<P: Pointer<Target: Sync> + Send> Sync for Rcu<P> {}
// SAFETY: it owns the object.
unsafe impl<P: Pointer + Send> Send for Rcu<P> {}

/// What an [`Rcu`] pointed to. When this is dropped, it waits for the readers that may still see it, and then drops it.
#[must_use]
pub struct RcuOld<P: Pointer + 'static> {
    raw: *mut P::Target,
    owner: PhantomData<P>,
}

// SAFETY: it shares the object with readers, and drops it.
unsafe impl<P: Pointer<Target: Sync> + Send> Send for RcuOld<P> {}
// SAFETY: a shared reference to it is one to the object.
unsafe impl<P: Pointer<Target: Sync> + Send> Sync for RcuOld<P> {}

impl<P: Pointer> Rcu<P> {
    /// Points to this.
    pub fn new(pointer: P) -> Self {
        Rcu { pointer: Atomic::new(pointer.into_raw()), owner: PhantomData, _pinned: PhantomPinned }
    }

    /// Points to nothing.
    pub const fn empty() -> Self {
        Rcu { pointer: Atomic::new(ptr::null_mut()), owner: PhantomData, _pinned: PhantomPinned }
    }

    /// What it points to now, for as long as the reader lasts.
    #[doc(alias = "rcu_dereference")]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn dereference<'r>(&'r self, _reader: &'r Guard) -> Option<&'r P::Target> {
        let raw = self.pointer.load(Relaxed);
        #[cfg(feature = "check")]
        if let (Some(model), false) = (lkmm_check::hook::model(), raw.is_null()) {
            model.follow(raw as usize, size_of::<P::Target>());
        }
        // SAFETY: who replaces it waits for this reader; and who drops the `Rcu` has it alone.
        unsafe { raw.as_ref() }
    }
}

impl<P: Pointer + 'static> Rcu<P> {
    /// Points to something else, or nothing, from now on. Yields what it pointed to. Updaters need not exclude each other.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn xchg(&self, new: Option<P>) -> Option<RcuOld<P>> {
        RcuOld::new(self.pointer.xchg(new.map_or(ptr::null_mut(), P::into_raw), Full))
    }

    /// Points to something else from now on. Yields what it pointed to.
    #[doc(alias = "rcu_assign_pointer")]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn replace(self: Pin<&mut Self>, new: P) -> Option<RcuOld<P>> {
        self.copy_update(|_| Some(new))
    }

    /// Points to something else, which is made from what it pointed to, from now on; or to nothing. Yields what it pointed
    /// to.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn copy_update(self: Pin<&mut Self>, make: impl FnOnce(Option<&P::Target>) -> Option<P>) -> Option<RcuOld<P>> {
        // Nobody else writes it: this is the only updater.
        let old = self.pointer.load(Relaxed);
        // SAFETY: it is dropped when it has been replaced.
        let new = make(unsafe { old.as_ref() });
        self.pointer.store(new.map_or(ptr::null_mut(), P::into_raw), Release);
        RcuOld::new(old)
    }
}

impl<P: Pointer> Drop for Rcu<P> {
    fn drop(&mut self) {
        let raw = *self.pointer.get_mut();
        if !raw.is_null() {
            // SAFETY: it was given away to this pointer, of which no reader is left.
            drop(unsafe { P::from_raw(raw) });
        }
    }
}

impl<P: Pointer> fmt::Debug for Rcu<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rcu").finish_non_exhaustive()
    }
}

impl<P: Pointer> RcuOld<P> {
    fn new(raw: *mut P::Target) -> Option<Self> {
        if raw.is_null() { None } else { Some(RcuOld { raw, owner: PhantomData }) }
    }

    /// The pointer, without waiting for readers: for those who remove several objects, and wait once.
    ///
    /// # Safety
    /// Every reader that may see the object has ended before it is used as one's own, or dropped: a grace period has passed
    /// ([`synchronize_rcu`]).
    pub unsafe fn into_inner(self) -> P {
        let raw = core::mem::ManuallyDrop::new(self).raw;
        // SAFETY: an `Rcu` gave it away, and does not point to it any more.
        unsafe { P::from_raw(raw) }
    }
}

impl<P: Pointer> Deref for RcuOld<P> {
    type Target = P::Target;

    fn deref(&self) -> &P::Target {
        // SAFETY: it has not been dropped yet.
        unsafe { &*self.raw }
    }
}

impl<P: Pointer> Drop for RcuOld<P> {
    fn drop(&mut self) {
        // SAFETY: an `Rcu` gave it away, and does not point to it any more.
        let pointer = unsafe { P::from_raw(self.raw) };
        synchronize_rcu();
        #[cfg(feature = "check")]
        if let Some(model) = lkmm_check::hook::model() {
            // Readers may not have run yet.
            return model.defer_drop(pointer);
        }
        drop(pointer);
    }
}

impl<P: Pointer> fmt::Debug for RcuOld<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RcuOld").finish_non_exhaustive()
    }
}

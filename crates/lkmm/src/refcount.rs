//! Counts of references, as in the kernel's `refcount_t`, and [`Arc`], a reference that is counted.
//!
//! **Orderings** are those of the kernel (`Documentation/core-api/refcount-vs-atomic.rst`). Who adds to a count has a reference already, from which
//! he knows the object, so nothing is ordered: [`inc`](Refcount::inc) is relaxed. Who gives a reference back has done with the object what he
//! wanted, so that comes before: [`dec`](Refcount::dec) and [`dec_and_test`](Refcount::dec_and_test) are releases. Who gives back the last one is
//! going to free the object, so all that others did comes before that: `dec_and_test` is an acquire then, which pairs with their releases. (In a
//! model it always is. Nobody can tell: who does not have the last reference does nothing with the object after.)
//!
//! **A count saturates.** One that has overflown, or went below zero, says no longer how many references there are. It then stays far below
//! zero, and the object is never freed: a leak is better than a use after free. In a model and with `debug_assertions` it panics instead.

use crate::atomic::{Atomic, Relaxed, Release};
use crate::in_model;
use core::sync::atomic::{Ordering, fence};

/// Where a count goes that is wrong: so far from zero that nothing which happens at the same time gets it back.
const SATURATED: i32 = i32::MIN / 2;

/// A count of references.
///
/// ```
/// use lkmm::refcount::Refcount;
///
/// let count = Refcount::new(1);
/// count.inc();
/// assert!(!count.dec_and_test());
/// assert!(count.dec_and_test());
/// ```
#[doc(alias = "refcount_t")]
#[derive(Debug)]
pub struct Refcount {
    count: Atomic<i32>,
}

impl Refcount {
    /// So many references.
    #[doc(alias = "REFCOUNT_INIT")]
    pub const fn new(references: i32) -> Self {
        Refcount { count: Atomic::new(references) }
    }

    /// How many there are, or were a moment ago (`refcount_read`).
    #[doc(alias = "refcount_read")]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn read(&self) -> i32 {
        self.count.load(Relaxed)
    }

    /// There are so many from now on; nobody else changes it at the same time (`refcount_set`).
    #[doc(alias = "refcount_set")]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn set(&self, references: i32) {
        self.count.store(references, Relaxed);
    }

    /// One more; there is one already (`refcount_inc`).
    ///
    /// # Panics
    /// In a model and with `debug_assertions`, if there is none, or there are too many.
    #[doc(alias = "refcount_inc")]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn inc(&self) {
        match self.count.fetch_add(1, Relaxed) {
            0 => self.saturate("addition on 0; use after free"),
            i32::MIN..0 | i32::MAX => self.saturate("saturated; leaking memory"),
            _ => {}
        }
    }

    /// One more, if there is one already (`refcount_inc_not_zero`). Was there?
    ///
    /// # Panics
    /// In a model and with `debug_assertions`, if there are too many.
    #[doc(alias = "refcount_inc_not_zero")]
    #[must_use]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn inc_not_zero(&self) -> bool {
        let mut known = self.count.load(Relaxed);
        while known != 0 {
            match self.count.cmpxchg(known, known.wrapping_add(1), Relaxed) {
                Ok(_) => {
                    if known < 0 || known == i32::MAX {
                        self.saturate("saturated; leaking memory");
                    }
                    return true;
                }
                Err(found) => known = found,
            }
        }
        false
    }

    /// One less, and not the last one (`refcount_dec`).
    ///
    /// # Panics
    /// In a model and with `debug_assertions`, if it was the last one, or there is none.
    #[doc(alias = "refcount_dec")]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn dec(&self) {
        if self.count.fetch_sub(1, Release) <= 1 {
            self.saturate("decrement hit 0; leaking memory");
        }
    }

    /// One less (`refcount_dec_and_test`). Was it the last one?
    ///
    /// # Panics
    /// In a model and with `debug_assertions`, if there is none.
    #[doc(alias = "refcount_dec_and_test")]
    #[must_use]
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn dec_and_test(&self) -> bool {
        match self.sub_ordered() {
            1 => {
                fence(Ordering::Acquire);
                true
            }
            i32::MIN..1 => {
                self.saturate("underflow; use after free");
                false
            }
            _ => false,
        }
    }

    /// Subtracts one: a release, and in a model an acquire.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    fn sub_ordered(&self) -> i32 {
        in_model!(model, place => {
            use lkmm_check::hook::{Ordering, Update};
            let update = Update::Sub(1);
            // SAFETY: it is a live `i32`, which is accessed as an atomic alone.
            unsafe { model.update(self.count.as_ptr() as usize, lkmm_check::Size::Four, update, Ordering::AcquireRelease, place) as i32 }
        });
        self.count.fetch_sub(1, Release)
    }

    /// The count is wrong.
    #[cold]
    #[cfg_attr(feature = "check", track_caller)]
    fn saturate(&self, why: &str) {
        #[cfg(feature = "check")]
        {
            assert!(lkmm_check::hook::model().is_none(), "refcount: {why}");
            // What a thread does then is done for real, and others have counted in another order.
            if lkmm_check::hook::unwinds() {
                return;
            }
        }
        debug_assert!(false, "refcount: {why}");
        self.count.store(SATURATED, Relaxed);
    }
}

#[cfg(any(feature = "std", feature = "check"))]
pub use arc::Arc;

#[cfg(any(feature = "std", feature = "check"))]
mod arc {
    use super::Refcount;
    use crate::rcu::Pointer;
    use std::fmt;
    use std::marker::PhantomData;
    use std::mem::{ManuallyDrop, offset_of};
    use std::ops::Deref;
    use std::ptr::NonNull;

    /// An object and its references.
    #[repr(C)]
    struct Counted<T: ?Sized> {
        references: Refcount,
        object: T,
    }

    /// A reference to an object that is freed with the last one, as the kernel's `Arc`: its count is a [`Refcount`], and there are no weak ones.
    ///
    /// In a model, the checker sees the count (it does not see that of `std::sync::Arc`), and so that the order of a free is right, and in every
    /// execution.
    ///
    /// ```
    /// use lkmm::atomic::{Atomic, Relaxed};
    /// use lkmm::refcount::Arc;
    /// use lkmm::{check, thread};
    ///
    /// check::model(|| {
    ///     let here = Arc::new(Atomic::new(1));
    ///     let there = here.clone();
    ///     let t = thread::spawn(move || there.store(2, Relaxed));
    ///     drop(here);
    ///     t.join().unwrap();
    /// });
    /// ```
    pub struct Arc<T: ?Sized> {
        counted: NonNull<Counted<T>>,
        owner: PhantomData<Counted<T>>,
    }

    // SAFETY: any thread may have a shared reference, and any may be the last.
    unsafe impl<T: ?Sized + Send + Sync> Send for Arc<T> {}
    // SAFETY: as above: who has a reference to it can make another one.
    unsafe impl<T: ?Sized + Send + Sync> Sync for Arc<T> {}

    impl<T> Arc<T> {
        /// The first reference to an object.
        pub fn new(object: T) -> Self {
            let counted = Box::new(Counted { references: Refcount::new(1), object });
            Arc { counted: NonNull::from(Box::leak(counted)), owner: PhantomData }
        }

        /// Gives the reference back. Yields the object if it was the last one.
        #[cfg_attr(feature = "check", track_caller)]
        pub fn into_inner(this: Self) -> Option<T> {
            let this = ManuallyDrop::new(this);
            // SAFETY: if it was the last reference, nobody else has the box.
            this.references().dec_and_test().then(|| unsafe { Box::from_raw(this.counted.as_ptr()) }.object)
        }

        /// Where the object is, from which [`from_raw`](Self::from_raw) makes the reference again.
        pub fn into_raw(this: Self) -> *const T {
            let this = ManuallyDrop::new(this);
            Arc::as_ptr(&this)
        }

        /// A reference that was made a pointer.
        ///
        /// # Safety
        /// It was, by [`into_raw`](Self::into_raw), and this happens once for each time.
        pub unsafe fn from_raw(object: *const T) -> Self {
            // SAFETY: the caller's promise: the object is that of a `Counted`.
            let counted = unsafe { object.byte_sub(offset_of!(Counted<T>, object)) }.cast_mut().cast::<Counted<T>>();
            // SAFETY: as above.
            Arc { counted: unsafe { NonNull::new_unchecked(counted) }, owner: PhantomData }
        }
    }

    impl<T: ?Sized> Arc<T> {
        fn references(&self) -> &Refcount {
            // SAFETY: it is there as long as there is a reference.
            unsafe { &self.counted.as_ref().references }
        }

        /// Are they references to the same object?
        pub fn ptr_eq(this: &Self, other: &Self) -> bool {
            std::ptr::addr_eq(this.counted.as_ptr(), other.counted.as_ptr())
        }

        /// Where the object is.
        pub fn as_ptr(this: &Self) -> *const T {
            // SAFETY: it is there as long as there is a reference.
            unsafe { &raw const (*this.counted.as_ptr()).object }
        }
    }

    impl<T: ?Sized> Clone for Arc<T> {
        #[inline]
        #[cfg_attr(feature = "check", track_caller)]
        fn clone(&self) -> Self {
            self.references().inc();
            Arc { counted: self.counted, owner: PhantomData }
        }
    }

    impl<T: ?Sized> Drop for Arc<T> {
        #[inline]
        #[cfg_attr(feature = "check", track_caller)]
        fn drop(&mut self) {
            if self.references().dec_and_test() {
                // SAFETY: it was the last reference, so nobody else has the box.
                drop(unsafe { Box::from_raw(self.counted.as_ptr()) });
            }
        }
    }

    impl<T: ?Sized> Deref for Arc<T> {
        type Target = T;

        #[inline]
        fn deref(&self) -> &T {
            // SAFETY: it is there as long as there is a reference.
            unsafe { &self.counted.as_ref().object }
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
        fn from(object: T) -> Self {
            Arc::new(object)
        }
    }

    impl<T: ?Sized + fmt::Debug> fmt::Debug for Arc<T> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (**self).fmt(f)
        }
    }

    // SAFETY: a reference that was made a pointer is there until it is one again.
    unsafe impl<T> Pointer for Arc<T> {
        type Target = T;

        fn into_raw(self) -> *mut T {
            Arc::into_raw(self).cast_mut()
        }

        unsafe fn from_raw(raw: *mut T) -> Self {
            // SAFETY: the caller's promise.
            unsafe { Arc::from_raw(raw) }
        }
    }
}

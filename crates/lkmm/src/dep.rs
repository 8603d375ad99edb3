//! Dependencies that are declared.
//!
//! The kernel's relaxed loads order what depends on them: an access through a pointer that was loaded, a store of a value
//! that was computed from one, a store that happens only if one was as it should be. A compiler knows nothing of that, and keeps a
//! dependency only as long as it carries something. A [`Dep`] is a value that knows the load that it comes from, and what is
//! done by its functions depends on that load: in a model, and, since the load is at least as strong as it must be, in the
//! machine code.
//!
//! | what depends | how | in the model |
//! |---|---|---|
//! | an access through the pointer | [`Dep::deref`], [`Dep::index_into`] | `addr` |
//! | a store of the value | [`Dep::store_dep`] | `data` |
//! | stores that happen or do not | [`Dep::branch`], until it returns | `ctrl` |

use crate::atomic::{Atomic, AtomicType, Relaxed};
use core::fmt;
use core::marker::PhantomData;

/// A value that a load has returned, or that was computed from it.
///
/// ```
/// use lkmm::atomic::{Atomic, Relaxed};
/// use lkmm::{barrier, dep, thread};
///
/// static SLOTS: [Atomic<i32>; 2] = [Atomic::new(1), Atomic::new(0)];
/// static CURRENT: Atomic<usize> = Atomic::new(0);
///
/// lkmm::check::model(|| {
///     thread::spawn(|| {
///         SLOTS[1].store(2, Relaxed);
///         barrier::smp_wmb();
///         CURRENT.store(1, Relaxed);
///     });
///     let current = dep::load(&CURRENT);
///     assert_ne!(current.index_into(&SLOTS).load(Relaxed), 0);
/// });
/// ```
///
/// It belongs to the thread that has loaded it:
///
/// ```compile_fail
/// let x = lkmm::atomic::Atomic::new(1);
/// let loaded = lkmm::dep::load(&x);
/// lkmm::thread::spawn(move || loaded.into_inner());
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct Dep<T> {
    value: T,
    /// The number of the load, if that was in a model.
    #[cfg(feature = "check")]
    head: Option<u32>,
    not_send: PhantomData<*mut ()>,
}

/// Loads a value on which something will depend. It is [`Relaxed`] but for that.
#[doc(alias("READ_ONCE", "rcu_dereference"))]
#[inline]
#[cfg_attr(feature = "check", track_caller)]
pub fn load<T: AtomicType>(from: &Atomic<T>) -> Dep<T> {
    let value = from.load(Relaxed);
    Dep {
        value,
        #[cfg(feature = "check")]
        head: lkmm_check::hook::model().map(lkmm_check::hook::Model::answered),
        not_send: PhantomData,
    }
}

impl<T> Dep<T> {
    /// What is computed from the value, and from nothing else that was loaded.
    #[inline]
    pub fn map<U>(self, compute: impl FnOnce(T) -> U) -> Dep<U> {
        Dep {
            value: compute(self.value),
            #[cfg(feature = "check")]
            head: self.head,
            not_send: PhantomData,
        }
    }

    /// The value alone: nothing depends on the load any more, as far as it is declared.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// Does something that depends on the value: the stores in it happen after the load.
    #[inline]
    pub fn branch<R>(self, then: impl FnOnce(T) -> R) -> R {
        #[cfg(feature = "check")]
        if let (Some(model), Some(head)) = (lkmm_check::hook::model(), self.head) {
            return model.branch(head, || then(self.value));
        }
        then(self.value)
    }
}

impl<T: AtomicType> Dep<T> {
    /// Stores the value: after the load, and [`Relaxed`] but for that.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn store_dep(self, to: &Atomic<T>) {
        #[cfg(feature = "check")]
        if let (Some(model), Some(head)) = (lkmm_check::hook::model(), self.head) {
            return model.carry(head, || to.store(self.value, Relaxed));
        }
        to.store(self.value, Relaxed);
    }
}

impl<T> Dep<*mut T> {
    /// What the pointer points to, unless it is null. Accesses to it come after the load.
    ///
    /// # Safety
    /// As for [`pointer::as_ref`](https://doc.rust-lang.org/std/primitive.pointer.html#method.as_ref).
    #[inline]
    pub unsafe fn deref<'a>(self) -> Option<&'a T> {
        #[cfg(feature = "check")]
        if !self.value.is_null() {
            self.follow(self.value as usize, size_of::<T>());
        }
        // SAFETY: the caller's promise.
        unsafe { self.value.as_ref() }
    }
}

impl Dep<usize> {
    /// An element. Accesses to it come after the load.
    ///
    /// # Panics
    /// If there is none of this number.
    #[inline]
    #[track_caller]
    pub fn index_into<T>(self, slice: &[T]) -> &T {
        let element = &slice[self.value];
        #[cfg(feature = "check")]
        self.follow(core::ptr::from_ref(element) as usize, size_of::<T>());
        element
    }
}

#[cfg(feature = "check")]
impl<T> Dep<T> {
    fn follow(&self, address: usize, bytes: usize) {
        if let (Some(model), Some(head)) = (lkmm_check::hook::model(), self.head) {
            model.follow_from(head, address, bytes);
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Dep<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

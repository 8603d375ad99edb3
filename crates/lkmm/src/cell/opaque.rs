//! Values that the model does not know: it knows that they are accessed, and memory holds them.

use core::mem::{MaybeUninit, forget, needs_drop};
use lkmm_check::hook::{LARGE, Memory, Model, Opaque, Place, model_of_guard};

/// The memory of an object, if what it held is kept.
fn memory_of<T>(at: *mut T) -> Option<Memory> {
    is_kept::<T>().then_some(Memory { at: at.cast(), size: size_of::<T>() })
}

/// Is it kept what an object of this type held? There is something to it, but not too much, and it has no drop glue.
pub(crate) const fn is_kept<T>() -> bool {
    size_of::<T>() > 0 && size_of::<T>() <= LARGE && !needs_drop::<T>()
}

/// A change that is not over yet.
struct Change(Opaque);

impl Drop for Change {
    /// Who changes it panics.
    fn drop(&mut self) {
        if let Some(model) = model_of_guard() {
            model.give_up_change(self.0);
        }
    }
}

/// Reads an object: in place, or a copy of what the write has left that is read from.
///
/// # Safety
/// There is a value, and nobody writes to it but by these functions.
pub(crate) unsafe fn read<T, R>(
    model: Model,
    object: Opaque,
    at: *mut T,
    place: Place,
    read: impl FnOnce(&T) -> R,
) -> R {
    if size_of::<T>() > 0 {
        let version = model.look(object, place);
        if let Some(memory) = memory_of(at) {
            // SAFETY: the caller's promise.
            return unsafe { read_version(model, object, version, memory, at, read) };
        }
    }
    // SAFETY: the caller's promise.
    read(unsafe { &*at })
}

/// Reads a small object as a write has left it.
///
/// # Safety
/// As for [`read`].
#[inline(never)]
unsafe fn read_version<T, R>(
    model: Model,
    object: Opaque,
    version: u64,
    memory: Memory,
    at: *mut T,
    read: impl FnOnce(&T) -> R,
) -> R {
    let mut copy = MaybeUninit::<T>::uninit();
    // SAFETY: the caller's promise. What is copied is a value that was there, without drop glue.
    unsafe {
        match model.copy(object, version, memory, copy.as_mut_ptr().cast()) {
            true => read(copy.assume_init_ref()),
            false => read(&*at),
        }
    }
}

/// Changes an object in place, after a write if one is named.
///
/// # Safety
/// As for [`read`], and nobody else accesses it meanwhile.
pub(crate) unsafe fn change<T, R>(
    model: Model,
    object: Opaque,
    at: *mut T,
    after: Option<u64>,
    place: Place,
    change: impl FnOnce(*mut T) -> R,
) -> R {
    let Some(memory) = memory_of(at) else {
        if size_of::<T>() > 0 {
            model.overwrite(object, place);
        }
        return change(at);
    };
    // SAFETY: the caller's promise.
    unsafe {
        model.begin_change(object, after, memory);
        let unfinished = Change(object);
        let result = change(at);
        forget(unfinished);
        model.end_change(object, place);
        result
    }
}

/// Has memory hold what the last write has left in an object of which the running thread has become the only owner.
///
/// # Safety
/// As for [`change`].
pub(crate) unsafe fn settle<T>(model: Model, object: Opaque, at: *mut T, place: Place) {
    if memory_of(at).is_some() {
        let version = model.look(object, place);
        // SAFETY: the caller's promise.
        unsafe { model.settle_opaque(object, version) };
    }
}

//! Values that the model does not know: it knows that they are accessed, and memory holds them.

use core::mem::{MaybeUninit, needs_drop};
use lkmm_check::hook::{Memory, Model, Opaque, Place};

/// The memory of an object, if there is something to it and it has no drop glue.
fn memory_of<T>(at: *mut T) -> Option<Memory> {
    (size_of::<T>() > 0 && !needs_drop::<T>()).then_some(Memory { at: at.cast(), size: size_of::<T>() })
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
            let mut copy = MaybeUninit::<T>::uninit();
            // SAFETY: the caller's promise. What is copied is a value that was there, without drop glue.
            unsafe {
                if model.copy(object, version, memory, copy.as_mut_ptr().cast()) {
                    return read(copy.assume_init_ref());
                }
            }
        }
    }
    // SAFETY: the caller's promise.
    read(unsafe { &*at })
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
        let result = change(at);
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

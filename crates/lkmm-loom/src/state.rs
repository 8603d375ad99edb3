//! What is kept of the threads of the run that is going on: how much they have done, and their thread-locals.
//!
//! All threads of a model run on one thread of the operating system, so a variable of that is theirs.

use crate::sync::atomic::AtomicUsize;
use lkmm::check::hook::{self, Model};
use lkmm::check::outside;
use std::cell::RefCell;

/// A thread-local of one thread.
struct Local {
    key: usize,
    value: *mut (),
    drop: unsafe fn(*mut ()),
}

/// What is known of a thread.
#[derive(Default)]
struct Thread {
    /// How many operations it has done.
    operations: u32,
    locals: Vec<Local>,
    has_ended: bool,
}

thread_local! {
    static THREADS: RefCell<Vec<Thread>> = const { RefCell::new(Vec::new()) };
    /// The counts of what has been made a raw pointer.
    static COUNTS: RefCell<Vec<(usize, *const AtomicUsize)>> = const { RefCell::new(Vec::new()) };
}

/// Something with the state of the running thread. `then` does nothing in the model.
fn with<R>(model: Model, then: impl FnOnce(&mut Thread) -> R) -> R {
    outside(|| {
        THREADS.with_borrow_mut(|threads| {
            let number = model.thread() as usize;
            if threads.len() <= number {
                threads.resize_with(number + 1, Thread::default);
            }
            then(&mut threads[number])
        })
    })
}

/// Runs the code of a thread.
pub(crate) fn run<R>(code: impl FnOnce() -> R) -> R {
    if let Some(model) = hook::model() {
        if model.thread() == 0 {
            COUNTS.with_borrow_mut(Vec::clear);
        }
        // (What an earlier run left is gone with its heap.)
        with(model, |thread| *thread = Thread::default());
    }
    let result = code();
    if let Some(model) = hook::model() {
        drop_locals(model);
    }
    result
}

fn drop_locals(model: Model) {
    while let Some(local) = with(model, |thread| thread.locals.pop()) {
        // SAFETY: it was put there with the value, and is called once.
        unsafe { (local.drop)(local.value) };
    }
    with(model, |thread| thread.has_ended = true);
}

/// The running thread has done something in the model.
pub(crate) fn step(model: Model) {
    with(model, |thread| thread.operations += 1);
}

/// How many operations the running thread has done.
pub(crate) fn operations(model: Model) -> u32 {
    with(model, |thread| thread.operations)
}

/// A thread-local of the running thread, which is made if there is none. `None` when they have been dropped.
pub(crate) fn local<T: 'static>(key: usize, init: fn() -> T) -> Option<*const T> {
    unsafe fn drop_boxed<T>(value: *mut ()) {
        // SAFETY: it was a box of this type, and is dropped once.
        drop(unsafe { Box::from_raw(value.cast::<T>()) });
    }
    let model = hook::model_of_guard().expect("a thread-local of a model is used in the model");
    let find = |thread: &mut Thread| thread.locals.iter().find(|local| local.key == key).map(|local| local.value);
    if let Some(value) = with(model, find) {
        return Some(value.cast());
    }
    if with(model, |thread| thread.has_ended) {
        return None;
    }
    let value = Box::into_raw(Box::new(init()));
    with(model, |thread| thread.locals.push(Local { key, value: value.cast(), drop: drop_boxed::<T> }));
    Some(value)
}

/// Notes where the count of an object is.
pub(crate) fn note_count(object: usize, count: *const AtomicUsize) {
    outside(|| {
        COUNTS.with_borrow_mut(|counts| {
            counts.retain(|&(known, _)| known != object);
            counts.push((object, count));
        })
    });
}

/// Where the count of an object is.
pub(crate) fn count_of(object: usize) -> Option<*const AtomicUsize> {
    COUNTS.with_borrow(|counts| counts.iter().find(|&&(known, _)| known == object).map(|&(_, count)| count))
}

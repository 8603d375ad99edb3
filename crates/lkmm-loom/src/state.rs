//! What is kept of the run that is going on: how much its threads have done, and the counts of raw pointers.
//!
//! All threads of a model run on one thread of the operating system, so a variable of that is theirs.

use crate::sync::atomic::AtomicUsize;
use lkmm::check::hook::{self, Model};
use lkmm::check::outside;
use std::cell::RefCell;

thread_local! {
    /// How many operations each thread has done.
    static OPERATIONS: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
    /// The counts of what has been made a raw pointer.
    static COUNTS: RefCell<Vec<(usize, *const AtomicUsize)>> = const { RefCell::new(Vec::new()) };
}

/// Something with the number of operations that the running thread has done. `then` does nothing in the model.
fn with<R>(model: Model, then: impl FnOnce(&mut u32) -> R) -> R {
    outside(|| {
        OPERATIONS.with_borrow_mut(|operations| {
            let number = model.thread() as usize;
            if operations.len() <= number {
                operations.resize(number + 1, 0);
            }
            then(&mut operations[number])
        })
    })
}

/// Runs the code of a thread.
pub(crate) fn run<R>(code: impl FnOnce() -> R) -> R {
    if let Some(model) = hook::model() {
        if model.thread() == 0 {
            COUNTS.with_borrow_mut(Vec::clear);
        }
        with(model, |operations| *operations = 0);
    }
    code()
}

/// The running thread has done something in the model.
pub(crate) fn step(model: Model) {
    with(model, |operations| *operations += 1);
}

/// How many operations the running thread has done.
pub(crate) fn operations(model: Model) -> u32 {
    with(model, |operations| *operations)
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

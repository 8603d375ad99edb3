//! Runs Rust closures as the threads of a program whose every execution is explored.
//!
//! Code is written against crate `lkmm`, whose operations come here ([`hook`]) when they run in a model. [`ClosureProgram`]
//! is the closure as the search sees it.

#![deny(unsafe_op_in_unsafe_fn)]

mod blocked;
mod check;
mod cycle;
mod draw;
mod environment;
mod explain;
mod fault;
mod files;
mod heap;
mod history;
pub mod hook;
mod invalid;
mod json;
mod life;
mod lifetimes;
mod locations;
mod memory;
mod names;
mod operation;
mod ordered;
mod overlap;
mod panics;
mod picture;
mod progress;
mod replay;
mod report;
mod runtime;
mod sources;
mod stack;
mod statics;
mod summary;
mod table;
mod versions;
mod wording;
mod work;

pub use check::{Builder, model};
pub use heap::{Heap, outside};
pub use lkmm_model::models;
pub use lkmm_search::open::{DependencyMode, Strategy};
pub use memory::Size;
pub use panics::{Panic, SourcePlace};
pub use report::{Failure, FailureKind, Report};
pub use runtime::ClosureProgram;

/// Any number of a range: each is explored.
///
/// # Panics
/// If the range is empty or larger than `u32::MAX`, and outside of a model.
#[track_caller]
pub fn any(range: std::ops::Range<usize>) -> usize {
    let place = std::panic::Location::caller();
    let model = hook::model().expect("`check::any` outside of a model");
    assert!(!range.is_empty(), "`check::any` of nothing");
    range.start + model.choose(u32::try_from(range.len()).expect("fewer choices"), place) as usize
}

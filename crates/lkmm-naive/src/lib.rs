//! The oracle: a deliberately naive enumerator and judge of executions.
//!
//! For tests only. It shares with the searches nothing but the types of `lkmm-model` (programs, events, executions), is
//! written for clarity, and is slow: [`enumerate`] builds every candidate execution whole, and [`judge`] evaluates the
//! model's definitions on it one by one. A search that disagrees with it is wrong, or it is.
#![forbid(unsafe_code)]

mod enumerate;
mod model;
mod relation;
mod values;

pub use enumerate::{Counts, Limits, NaiveError, count_candidates, enumerate, enumerate_with};
pub use model::{Judgement, judge};

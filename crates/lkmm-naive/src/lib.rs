//! The oracle: a deliberately naive enumerator and judge of executions, and random programs to try them on.
//!
//! For tests only. It shares with the searches nothing but the types of `lkmm-model` (programs, events, executions), is
//! written for clarity, and is slow: [`enumerate`] builds every candidate execution whole, and [`judge`] evaluates the
//! model's definitions on it one by one. A search that disagrees with it on a [generated](generate_from_seed) program,
//! or on a [shrunk](shrink) one, is wrong, or it is.
#![forbid(unsafe_code)]

mod enumerate;
mod generate;
mod grounded;
mod litmus;
mod model;
mod relation;
mod shrink;
mod syntax;
#[cfg(test)]
mod tests;
mod unfold;
mod values;

pub use enumerate::{Counts, Limits, NaiveError, count_candidates, enumerate, enumerate_with};
pub use generate::{Config, generate, generate_from_seed};
pub use grounded::{TooManyGraphs, enumerate_grounded, goes_wrong, has_cycle};
pub use litmus::{Litmus, generate_litmus};
pub use model::{Judgement, Relations, judge, relations};
pub use shrink::{describe, shrink};

//! Searches of the executions that a memory model allows.
#![forbid(unsafe_code)]

mod outcome;

pub use outcome::{Outcome, SearchError, Verdict};

//! What a check found, and its renderings.
//!
//! A [`Report`] is everything that is known about one test after it was checked: what it asks, what its author
//! expects, and the [`Answer`]. Each rendering is a module and a function from a report to text:
//!
//! | module | for |
//! |---|---|
//! | [`human`] | people: a line per test, mismatches in full, a [`Summary`](human::Summary) |
//! | [`herd`] | scripts that read herd7's output (`mcompare7`, the kernel's `judgelitmus.sh`) |
//! | [`json`] | programs: one object a line |
//! | [`witness`] | people: one execution, thread by thread |
//! | [`explain`] | people: why the verdict is what it is |
//! | [`pictures`] | an execution as a [`diagram`], which the following draw |
//! | [`svg`] | people: a picture |
//! | [`html`] | people: pictures to step through |
//! | [`dot`] | Graphviz |
//!
//! Every rendering writes to a [`std::io::Write`] and returns its errors. Nothing here reads a file, a clock or a
//! terminal, and nothing knows a source language or judges an execution: a report says what the search answered. (Words for the names
//! that models give to relations and axioms are here; a name without words stands for itself.)
//!
//! Pictures are of use without reports of litmus tests: without feature `litmus`, which is on by default, only [`diagram`], [`svg`], [`html`] and [`dot`]
//! are there, and this crate depends on nothing.
//!
//! ```
//! use lkmm_report::{Answer, Report, Test};
//! use lkmm_search::Outcome;
//!
//! let report = Report {
//!     file: "empty.litmus".into(),
//!     model: "sc".into(),
//!     test: Some(Test { name: "empty".into(), condition: "exists (true)".into(), ..Test::default() }),
//!     answer: Answer::Executions(Outcome { positive: 1, ..Outcome::default() }),
//!     ..Report::default()
//! };
//! assert!(report.is_ok());
//! let mut text = Vec::new();
//! lkmm_report::herd::write(&mut text, &report).unwrap();
//! assert!(String::from_utf8(text).unwrap().contains("Observation empty Always 1 0"));
//! ```
#![forbid(unsafe_code)]

pub mod diagram;
pub mod dot;
#[cfg(feature = "litmus")]
pub mod explain;
#[cfg(feature = "litmus")]
pub mod explanation;
#[cfg(feature = "litmus")]
pub mod herd;
pub mod html;
#[cfg(feature = "litmus")]
pub mod human;
#[cfg(feature = "litmus")]
pub mod json;
#[cfg(feature = "litmus")]
mod palette;
#[cfg(feature = "litmus")]
pub mod pictures;
#[cfg(feature = "litmus")]
mod problem;
#[cfg(feature = "litmus")]
mod report;
#[cfg(feature = "litmus")]
mod state;
pub mod svg;
#[cfg(feature = "litmus")]
pub mod witness;
#[cfg(feature = "litmus")]
mod wording;

#[cfg(feature = "litmus")]
pub use palette::Palette;
#[cfg(feature = "litmus")]
pub use problem::{Position, Problem};
#[cfg(feature = "litmus")]
pub use report::{
    Answer, Dependencies, Expectation, FalseDependency, Format, Mismatch, Observed, Origin, Quantifier, Report, Test,
};
#[cfg(feature = "litmus")]
pub use state::States;

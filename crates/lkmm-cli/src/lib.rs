//! What the command `lkmm` is made of, for programs that want to run litmus tests themselves.
//!
//! [`files`] turns what a user names (files, directories, lists) into inputs; [`runner`] checks them, on as many threads as wanted, and
//! hands over the [reports](lkmm_report::Report) in the order of the inputs. The rest is the command itself: its
//! [arguments](args), and [what it prints](check).
//!
//! ```
//! use lkmm_cli::{files::Input, runner::{self, Settings}};
//! use std::ops::ControlFlow;
//!
//! let model = lkmm_model::models::by_name("lkmm").expect("lkmm is always there");
//! let inputs = [Input::file("no/such.litmus")];
//! runner::run(&inputs, &Settings::new(model), |report| {
//!     assert!(!report.is_ok(), "{} does not exist", report.file);
//!     ControlFlow::Continue(())
//! });
//! ```
#![forbid(unsafe_code)]

pub mod args;
pub mod check;
pub mod diagnostics;
pub mod files;
mod progress;
pub mod runner;

//! The commands `lkmm` and [`cargo lkmm`](cargo). Of `lkmm`: its [arguments](args), what a user names as [inputs](files), the [threads](runner) that check them, and
//! [what it prints](check), tests [in the other language](convert), [with more order](repair) and [with less](weaken), [pictures](draw), and tests
//! [on this machine](run).
//!
//! This is a library so that tests and fuzz targets reach these parts, and no interface for others. Programs that want to check
//! litmus tests call [`lkmm_litmus::check`], and render its report with [`lkmm_report`].
#![forbid(unsafe_code)]

pub mod args;
pub mod cargo;
pub mod change_args;
mod changes;
pub mod check;
pub mod convert;
pub mod diagnostics;
pub mod draw;
pub mod files;
mod progress;
pub mod repair;
pub mod run;
pub mod runner;
pub mod weaken;

//! The command, run as users run it.

mod check;
mod convert;
mod folder;
mod paths;
mod run;

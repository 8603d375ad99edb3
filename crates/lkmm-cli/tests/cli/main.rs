//! The command, run as users run it.

mod check;
mod convert;
mod draw;
mod folder;
mod guide;
mod paths;
mod repair;
mod run;

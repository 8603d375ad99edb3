//! The command, run as users run it.

mod check;
mod folder;
mod paths;

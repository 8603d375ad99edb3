//! Events, relations and memory models.
//!
//! This crate knows no source language, does no I/O and spawns no threads.
#![forbid(unsafe_code)]

pub mod event;
pub mod graph;
pub mod program;

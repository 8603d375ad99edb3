//! Events, relations and memory models.
//!
//! This crate knows no source language, does no I/O and spawns no threads.
#![forbid(unsafe_code)]

pub mod algebra;
pub mod build;
pub mod change;
pub mod cost;
pub mod event;
pub mod event_set;
pub mod explain;
pub mod graph;
pub mod minimal;
pub mod missing;
pub mod models;
pub mod plan;
pub mod program;
pub mod relation;

//! C litmus tests: from source text to a closed [`Program`].
//!
//! [`parse`] reads the language that herd7 reads with the definitions of the Linux-kernel memory model, and in addition
//! `for` and `do … while`. The way of a test through this crate:
//!
//! 1. `sections` cuts it into header, initial state, program and final condition;
//! 2. `state` reads the two outer sections, `lexer`, `primitives` and `parse` the program, into the tree of `ast`;
//! 3. `lower` unfolds each process into its control paths, with events, values and dependencies.
//!
//! Nothing here decides what an execution may do: that is for the memory models.
//!
//! ```
//! use lkmm_litmus::{parse, Options};
//! let source = "C MP
//! {}
//! P0(int *x, int *y) { WRITE_ONCE(*x, 1); smp_wmb(); WRITE_ONCE(*y, 1); }
//! P1(int *x, int *y) { int r1 = READ_ONCE(*y); smp_rmb(); int r2 = READ_ONCE(*x); }
//! exists (1:r1=1 /\\ 1:r2=0)";
//! let test = parse(source, &Options::default())?;
//! assert_eq!(test.program.threads.len(), 2);
//! assert_eq!(test.observed, ["1:r1", "1:r2"]);
//! # Ok::<(), lkmm_litmus::Diagnostic>(())
//! ```

#![forbid(unsafe_code)]

mod ast;
mod diagnostic;
mod expected;
mod lexer;
mod lower;
mod parse;
mod primitives;
mod sections;
mod state;

pub use diagnostic::Diagnostic;
pub use expected::{Expected, ExpectedVerdict};
use lkmm_model::program::Program;
use state::Cursor;
use std::ops::Range;
use std::time::Instant;

/// How to read a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How many turns of a loop a control path may take; a path that needs more is truncated.
    pub unroll: u32,
    /// When to give up unfolding. A test of a few lines can have tens of thousands of control paths.
    pub deadline: Option<Instant>,
}

impl Default for Options {
    /// Two turns, as herd7, and no deadline.
    fn default() -> Self {
        Options { unroll: 2, deadline: None }
    }
}

/// What a test asks about the executions that satisfy its condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quantifier {
    /// Is there one?
    Exists,
    /// Is there none?
    NotExists,
    /// Do all?
    Forall,
}

/// Where events come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The bytes of the statement in the source.
    pub span: Range<usize>,
    /// Its text.
    pub text: String,
}

/// A litmus test that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct LitmusTest {
    /// Its name.
    pub name: String,
    /// What it executes.
    pub program: Program,
    /// What it asks about the condition.
    pub quantifier: Quantifier,
    /// The quantified condition, as herd7 prints it after the word `Condition`.
    pub condition: String,
    /// The observables of [`Program::observed`], as herd7 prints them: `0:r1`, `[x]`.
    pub observed: Vec<String>,
    /// What its author expects, if a comment says so.
    pub expected: Option<Expected>,
    /// What is suspicious, and no reason to refuse it.
    pub warnings: Vec<Diagnostic>,
    /// What [`EventTemplate::origin`](lkmm_model::program::EventTemplate::origin) refers to; the first entry stands for
    /// the initial writes.
    pub origins: Vec<Origin>,
}

/// Reads a test.
///
/// # Errors
/// The first thing that is wrong with it: another dialect, a syntax error, an unknown primitive, or a process with too
/// many control paths.
pub fn parse(source: &str, options: &Options) -> Result<LitmusTest, Diagnostic> {
    let sections = sections::split(source)?;
    let (processes, origins) = parse::program(source, sections.program)?;
    let init = Cursor::new(source, sections.init, processes.len())?.init()?;
    let asked = Cursor::new(source, sections.condition, processes.len())?.condition()?;
    let lowered = lower::lower(&processes, &init, &asked, options)?;
    Ok(LitmusTest {
        name: sections.name,
        program: lowered.program,
        quantifier: asked.quantifier,
        condition: asked.text(),
        observed: lowered.observed,
        expected: expected::find(source),
        warnings: Vec::new(),
        origins,
    })
}

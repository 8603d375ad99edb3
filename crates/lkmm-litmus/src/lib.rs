//! C litmus tests: from source text to a closed [`Program`].
//!
//! [`parse`] reads the language that herd7 (7.57) reads with the definitions of the Linux-kernel memory model. The way of
//! a test through this crate:
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
//! { int a[2] = {0,7}; }
//! P0(int *a, int *y) { WRITE_ONCE(*(a + 4), 1); smp_wmb(); WRITE_ONCE(*y, 1); }
//! P1(int *a, int *y) { int r1 = READ_ONCE(*y); smp_rmb(); int r2 = READ_ONCE(*(a + 4)); }
//! exists (1:r1=1 /\\ 1:r2=7 /\\ a[1]=1)";
//! let test = parse(source, &Options::default())?;
//! assert_eq!(test.program.threads.len(), 2);
//! assert_eq!(test.observed, ["1:r1", "1:r2", "a[1]"]);
//! # Ok::<(), lkmm_litmus::Diagnostic>(())
//! ```
//!
//! # What is read
//!
//! * **Header**: `C name`, with a description in quotes, lines `Key=value` and comments `(* … *)` behind it.
//! * **Initial state**: `x=1`, `x=y` (the address of `y`), `int *p = &x`, `atomic_t x = ATOMIC_INIT(1)`, `0:r1=2`,
//!   `int a[2] = {1,2}`. What is not initialised is 0. A type decides how integers are shown (an `atomic_t` without sign)
//!   and to what width an *initial* value is cut; the program computes with signed 32 bits.
//! * **Program**: processes `P0(int *x, …) { … }` whose parameters are the locations of the same name; locals, with or
//!   without declaration; plain accesses `*x`; casts, which do nothing; the operators `* / + - == != < > <= >= & ^ |`,
//!   which bind as in C, but comparisons do not chain; `if`, `else`, `while`, and the kernel's primitives. A minus sign
//!   that touches a number belongs to it: `r-1` is no expression. Addresses count bytes: the second element of
//!   `int a[2]` is `*(a + 4)`.
//! * **Condition**: `locations [x; 0:r1; a]`, `filter`, `exists`, `~exists`, `forall`, `observed`; atoms `0:r1=1`, `x!=1`,
//!   `a[1]=2`, `a={1,2}`, `x=y` (the address of `y`), `[x]=[y]`, `0:r1=1:r1`; `~`, `=>`, `/\`, `\/`, from the tightest to
//!   the loosest.
//!
//! # What differs from herd7
//!
//! More is read:
//! * `for` and `do … while`, with the bound of `while`. So neither word can name a local.
//! * What makes herd7 crash: divisions by zero are refused, a choice inside a `cmpxchg()` that is an argument of another
//!   is unfolded, a blank before the `C` of the header is skipped.
//!
//! Less is read, and said so:
//! * C11's operations (`atomic_load_explicit()`, `mtx_lock()`), to which the kernel's model gives no meaning.
//! * herd7's internal operations (`__load{once}(*x)`), which are not the kernel's API either.
//! * Values of other architectures: `fault(…)`, `PTE(x)`, `x:tag`.
//! * `spin_lock(*x)` where `*x` is no address, and writes to an offset that is no element of an array; herd7 makes up a
//!   location. An array without elements.
//! * Every brace without counterpart in a comment, of which herd7 lets some pass.
//!
//! Otherwise the same text means something else in one case: an initial value that its type cuts compares as cut, where
//! herd7 shows it cut but compares it uncut until it is overwritten.

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

/// How the integers of a place are shown, which its type in the initial state decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntegerType {
    /// The width: 8, 16 or 32.
    pub bits: u32,
    /// Does the highest bit mean minus?
    pub signed: bool,
}

impl IntegerType {
    /// `int`, which everything is that has no type.
    pub const INT: Self = IntegerType { bits: 32, signed: true };
}

/// How the values of an observable are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The type of its integers.
    pub integer: IntegerType,
    /// Its index in an array, and the array's length, if the array is shown as a whole.
    pub element: Option<(u32, u32)>,
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
    /// The observables of [`Program::observed`], in the order and spelling of herd7: `0:r1`, `[x]`, `x[1]`; each element
    /// of an array that is shown as a whole has the name of the array, `x`.
    pub observed: Vec<String>,
    /// How the values of each of them are shown.
    pub formats: Vec<Format>,
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
    let parse::Parsed { processes, origins, warnings } = parse::program(source, sections.program)?;
    let init = Cursor::new(source, sections.init, processes.len())?.init()?;
    let asked = Cursor::new(source, sections.condition, processes.len())?.condition()?;
    let lowered = lower::lower(&processes, &origins, &init, &asked, options)?;
    Ok(LitmusTest {
        name: sections.name,
        program: lowered.program,
        quantifier: asked.quantifier,
        condition: asked.text(),
        observed: lowered.observed,
        formats: lowered.formats,
        expected: expected::find(source),
        warnings,
        origins,
    })
}

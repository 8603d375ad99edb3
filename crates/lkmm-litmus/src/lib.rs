//! C litmus tests: from source text to a closed [`Program`](lkmm_model::program::Program), and to a [`Report`](lkmm_report::Report).
//!
//! [`parse`] reads the language that herd7 (7.57) reads with the definitions of the Linux-kernel memory model. The way of
//! a test through this crate:
//!
//! 1. `sections` cuts it into header, initial state, program and final condition;
//! 2. `state` reads the two outer sections, `lexer`, `primitives` and `parse` the program, into the tree of `ast` (how they walk
//!    over their `tokens` is the same);
//! 3. `lower` unfolds each process into its control paths, with events, values and dependencies.
//!
//! Nothing here decides what an execution may do: that is for the memory models. [`check`] reads a test, has its executions
//! searched, and reports what came of it:
//!
//! ```
//! use lkmm_litmus::{check, Settings};
//! use lkmm_model::models;
//!
//! let source = "C CoRR
//! {}
//! P0(int *x) { WRITE_ONCE(*x, 1); }
//! P1(int *x) { int r1 = READ_ONCE(*x); int r2 = READ_ONCE(*x); }
//! exists (1:r1=1 /\\ 1:r2=0)";
//! let model = models::by_name("lkmm").expect("lkmm is always there");
//! let report = check("CoRR.litmus", source, &Settings::new(model));
//! assert_eq!(report.outcome().map(|outcome| (outcome.positive, outcome.negative)), Some((0, 3)));
//! lkmm_report::herd::write(&mut std::io::stdout(), &report)?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! [`parse`] is its first half:
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
//! # Ok::<(), lkmm_report::Problem>(())
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
//!   is unfolded, a blank before the `C` of the header is skipped. (So an operation without result is an error even if
//!   the filter drops all executions that do it.)
//! * `$1` as an initial value, a name like any other.
//!
//! Less is read, and said so:
//! * C11's operations (`atomic_load_explicit()`, `mtx_lock()`), to which the kernel's model gives no meaning.
//! * herd7's internal operations (`__load{once}(*x)`), which are not the kernel's API either.
//! * Values of other architectures: `fault(…)`, `PTE(x)`, `x:tag`.
//! * `spin_lock(*x)` where `*x` is no address, and writes to an offset that is no element of an array; herd7 makes up a
//!   location. An array without elements.
//! * Every brace without counterpart in a comment, of which herd7 lets some pass.
//! * `regions: …` after the condition.
//!
//! Otherwise the same text means something else in two cases: an initial value that its type cuts compares as cut, where
//! herd7 shows it cut but compares it uncut until it is overwritten; and a `Mapping=` in the header renames nothing.

#![forbid(unsafe_code)]

mod ast;
mod check;
mod convert;
mod expected;
mod large;
mod lexer;
mod lower;
mod operations;
mod parse;
mod primitives;
mod processes;
mod rust;
mod sections;
mod state;
mod text;
mod tokens;

pub use check::{Settings, check};
pub use convert::{Language, convert, convert_process};
use lkmm_report::{Problem, Test};
use lower::{Budget, MAX_TOTAL};
use operations::Operations;
use processes::Parsed;
use state::Cursor;
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

/// Reads a test. Its observables are in the order and spelling of herd7: `0:r1`, `[x]`, `x[1]`; each element of an array that is
/// shown as a whole has the name of the array, `x`. Its first origin stands for the initial writes.
///
/// # Errors
/// The first thing that is wrong with it: another dialect, a syntax error, an unknown primitive, or a process with too
/// many control paths. The problem has a span.
///
/// ```
/// use lkmm_litmus::{parse, Options};
/// use lkmm_report::Position;
///
/// let source = "C broken\n{}\nP0() { int r = !1; }\nexists (0:r=0)\n";
/// let span = parse(source, &Options::default()).unwrap_err().span.unwrap();
/// assert_eq!(Position::of(source, span.start), Position { line: 3, column: 16 });
/// ```
pub fn parse(source: &str, options: &Options) -> Result<Test, Problem> {
    read(source, &mut Budget::new(options, MAX_TOTAL)).map(|(test, _)| test)
}

/// Reads a test, and where its operators stand.
fn read(source: &str, budget: &mut Budget) -> Result<(Test, Operations), Problem> {
    let sections = sections::split(source)?;
    let Parsed { processes, origins, warnings } = processes::read(source, sections.program)?;
    let init = Cursor::new(source, sections.init, &processes)?.init()?;
    let asked = Cursor::new(source, sections.condition, &processes)?.condition()?;
    let lowered = lower::lower(&processes, &origins, &init, &asked, budget)?;
    let test = Test {
        name: sections.name,
        program: lowered.program,
        quantifier: asked.quantifier,
        condition: asked.text(),
        observed: lowered.observed,
        formats: lowered.formats,
        origins,
        expectation: expected::find(source),
        warnings,
    };
    Ok((test, Operations::of(&processes)))
}

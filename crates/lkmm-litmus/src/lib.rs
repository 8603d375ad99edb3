//! Litmus tests in C and in Rust: from source text to a closed [`Program`](lkmm_model::program::Program), and to a [`Report`](lkmm_report::Report).
//!
//! [`parse`] reads the language that herd7 (7.57) reads with the definitions of the Linux-kernel memory model. The way of
//! a test through this crate:
//!
//! 1. `sections` cuts it into header, initial state, program and final condition, `processes` the program into processes;
//! 2. `state` reads the two outer sections, `lexer`, `primitives` and `parse` what is C (how they walk over their `tokens` is the
//!    same), `rust` what is Rust, both into the tree of `ast`;
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
//! [`convert`] writes a test in the other language, [`hardware`] as a program for real machines; [`repair`] changes its orderings: to forbid what it does not want, or to
//! leave out what it does not need; [`draw`] draws its executions.
//!
//! # What is read
//!
//! * **Header**: `C name` or `Rust name`, with a description in quotes, lines `Key=value` and comments `(* … *)` behind it.
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
//! # Rust
//!
//! A process may be a Rust function, whichever word the header begins with, and beside processes in C:
//!
//! ```
//! use lkmm_litmus::{check, Settings};
//!
//! let source = "Rust MP
//! {}
//! fn P0(buf: &Atomic<i32>, flag: &Atomic<i32>) { buf.store(1, Relaxed); flag.store(1, Release); }
//! P1(int *buf, int *flag) { int r0 = smp_load_acquire(flag); int r1 = READ_ONCE(*buf); }
//! exists (1:r0=1 /\\ 1:r1=0)";
//! let report = check("MP.litmus", source, &Settings::new(lkmm_model::models::lkmm()));
//! assert_eq!(report.outcome().map(|outcome| (outcome.positive, outcome.negative)), Some((0, 3)));
//! ```
//!
//! The names are those of crate `lkmm`, which are the kernel's; nothing is imported, and a path before a name is
//! not looked at. The initial state and the condition are as in C. Events and dependencies are those of the C beside each line:
//!
//! | Rust | C |
//! |---|---|
//! | `x: &Atomic<i32>`, `p: &Atomic<*mut i32>`, `x: *mut i32`, `x: &Shared<i32>` | `int *x`, `int **p` |
//! | `s: &SpinLock<()>` (or `&Mutex<()>`), `d: &srcu::Domain` | `spinlock_t *s`, `struct srcu_struct *d` |
//! | `x.load(Relaxed)`, `x.load(Acquire)` | `READ_ONCE(*x)`, `smp_load_acquire(x)` |
//! | `x.store(v, Relaxed)`, `x.store(v, Release)` | `WRITE_ONCE(*x, v)`, `smp_store_release(x, v)` |
//! | `x.xchg(v, Acquire)`, with all of `Relaxed`, `Acquire`, `Release`, `Full` | `xchg_acquire(x, v)` |
//! | `x.cmpxchg(old, new, Full).unwrap_or_else(\|old\| old)` | `cmpxchg(x, old, new)` |
//! | `.is_ok()`, `.is_err()`, `matches!`, `match`, `if let Ok(v)`, `while let Err(_)` of a `cmpxchg` | `cmpxchg(…) == old` |
//! | `x.add(v, Relaxed)`, `x.fetch_add(v, Full)`, `x.fetch_sub(v, Full)` | `atomic_add(v, x)`, `atomic_fetch_add(v, x)`, … |
//! | `x.add_unless(v, u, Full)` | `atomic_add_unless(x, v, u)` |
//! | `unsafe { *p }`, `unsafe { *p = v }`, `p.read()`, `p.write(v)`, `s.get()`, `s.set(v)` | `*p`, `*p = v` |
//! | `p.read_volatile()`, `p.write_volatile(v)` | `READ_ONCE(*p)`, `WRITE_ONCE(*p, v)` |
//! | `x.as_ptr()`, `Atomic::from_ptr(p)`, `p.wrapping_byte_add(4)`, `p.is_null()`, `ptr::null_mut()`, `p as usize` | `x`, `p`, `p + 4`, `p == 0`, `0`, `p` |
//! | `smp_mb()` and all of `lkmm::barrier`, `synchronize_rcu()` | the same |
//! | `let g = s.lock();`, `s.try_lock()`, `s.is_locked()` | `spin_lock(s)`, `spin_trylock(s)`, `spin_is_locked(s)` |
//! | `drop(g)`, or the end of the scope of `g` | `spin_unlock(s)` |
//! | `let g = rcu::read_lock();`, `drop(g)` | `rcu_read_lock()`, `rcu_read_unlock()` |
//! | `rcu::dereference(p)`, `rcu::assign(p, v)` | `rcu_dereference(*p)`, `rcu_assign_pointer(*p, v)` |
//! | `let g = d.read_lock();`, `drop(g)`, `d.synchronize()` | `srcu_read_lock(d)`, `srcu_read_unlock(d, g)`, `synchronize_srcu(d)` |
//! | `d.down_read()`, `unsafe { d.up_read(i) }` | `srcu_down_read(d)`, `srcu_up_read(d, i)` |
//! | `forget(g)`, `unsafe { SpinLockGuard::new(s) }` | nothing: a lock that is kept, or that is held already |
//! | `if`, `match` on integers, `bool`s, `Ok`/`Err`, `Some`/`None`, as statements and as values | `if` |
//! | `while`, `loop`; with `if c { break; }` as its first or last statement, `loop` is as in C | `while`, `do … while` |
//! | `for i in 0..3`, whose bounds are numbers | as many copies of the body |
//! | `return`, `break`, `continue`, `'a: { … break 'a v; }`, `let … else { return; }` | `goto`, if there was one |
//! | `+ - * / & \| ^`, comparisons, `!`, `&&` and `\|\|` of what does nothing, casts | the same |
//! | `&&` and `\|\|` of what does something | `if` |
//! | `%`, `<<` and `>>` by a number, `wrapping_add`, `wrapping_sub`, `wrapping_mul` | `*`, `/`, `-` and `&` |
//!
//! * **Bindings**: each `let` is a register of its own. In a condition, `1:r0` is the last binding of that name in the outermost scope of
//!   `P1`. It must have a value on every way to the end, and be a number, a `bool` or an address; guards are none.
//! * **Guards** are dropped as in Rust: at the end of their scope, the last first; a name that is hidden lives on, `_` drops at once.
//!   Whether one is held must not depend on the way taken where its scope ends.
//! * **Types** are those of Rust, and one location has one type: in all processes in Rust, in those in C as far as it is about
//!   widths, pointers and locks, and in the initial state. The type of a local may follow from its uses. (`AtomicFlag` is
//!   `Atomic<bool>`.)
//! * **Overflow** wraps at the width of the type, as without `overflow-checks`; nothing panics. What overflows between numbers
//!   that are written down is an error, as it is for the compiler. Numbers of 64 bits are the exception: the model has 32 bits, so
//!   that theirs wrap there, and no literal is beyond. A `u32` from 2^31 on is shown as the negative number of the same bits, and
//!   compared as unsigned; it is divided by powers of two only.
//! * **Ways out** of a process or a block, such as `return`, drop the guards of the scopes that they leave. What comes behind
//!   depends on the condition that decided not to leave: that is a control dependency.
//! * **What Rust rejects** is rejected, with the reason: plain accesses through `&Atomic<T>`, raw pointers outside of `unsafe`, orderings that
//!   an operation does not have, uses of what was moved or has no value yet, second values for what is not `mut`, types that
//!   do not fit. (Lifetimes play no role: what a reference refers to is there as long as the test is.)
//! * **What is missing** is refused, with what to write instead: functions, items, closures (but for `|old| old`), structures,
//!   arrays, tuples (but for `let (a, b) = (…, …)`), `?`, macros (but for `matches!`), shifts by what is not a number, conditions
//!   behind patterns (`n if …`), `let` chains, `|` of patterns that are no numbers, comparing a `Result`, guards that are held on
//!   one way and not on another, guards that are assigned, arithmetic on pointers but in bytes, and an `if` or the like as an
//!   argument after one that does something. No process has more than 16,384 tokens, or as many statements once loops are
//!   unrolled.
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
mod draw;
mod expected;
mod explain;
pub mod hardware;
mod large;
mod lexer;
mod locations;
mod lower;
mod operations;
mod parse;
mod primitives;
mod processes;
pub mod repair;
mod rust;
mod sections;
mod sites;
mod state;
mod text;
mod tokens;

use ast::Process;
pub use check::{Settings, check};
pub use convert::{Language, convert, convert_process};
pub use draw::{Which, draw};
use lkmm_report::{Problem, Test};
use lower::{Budget, MAX_TOTAL};
use operations::Operations;
use processes::Parsed;
use sites::Sites;
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
    read(source, &mut Budget::new(options, MAX_TOTAL)).map(|read| read.test)
}

/// Reads a test, and where its operators stand.
fn read(source: &str, budget: &mut Budget) -> Result<Read, Problem> {
    read_processes(source, budget).map(|(test, processes, _)| Read {
        test,
        operations: Operations::of(&processes),
        has_rust: processes.iter().any(|process| process.language == Language::Rust),
    })
}

/// A test, and what is asked about its source later.
struct Read {
    test: Test,
    operations: Operations,
    has_rust: bool,
}

/// Reads a test, with the tree that it was made from, and where its orderings stand.
fn read_processes(source: &str, budget: &mut Budget) -> Result<(Test, Vec<Process>, Sites), Problem> {
    let sections = sections::split(source)?;
    let Parsed { processes, origins, warnings, mut sites } = processes::read(source, sections.program)?;
    let init = Cursor::new(source, sections.init, &processes)?.init()?;
    let asked = Cursor::new(source, sections.condition, &processes)?.condition()?;
    locations::check(source, &processes, &init)?;
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
    sites.settle();
    Ok((test, processes, sites))
}

//! Tests as programs for real machines: `lkmm run`.
//!
//! A test becomes the sources of a program. Most of them are the same for all tests: the harness, which runs the test again and again on
//! threads that start at the same time and counts the final states, and the kernel's primitives on each machine (`c/`). The rest
//! is written from the tree that both languages have in common:
//!
//! * `processes`: each process in C, as a function of C;
//! * `rust`: each process in Rust, with its own text;
//! * `tables`: what there is in memory, what is observed, and which states the model allows.
//!
//! So the program judges by itself what it sees, wherever it runs. Nothing is compiled or run here.
//!
//! What cannot run is refused:
//!
//! * what the checker refuses;
//! * more than 64 processes;
//! * a test of which no execution completes;
//! * arrays whose elements do not have four bytes, or hold addresses; the difference of two addresses;
//! * locks whose value is looked at, for the model has values of its own for them;
//! * RCU or SRCU in C and in Rust at the same time, for each has its own;
//! * atomics of 8 or 16 bits with a sign, in Rust;
//! * a process in Rust that returns early.
//!
//! Loops turn as often as they have to: they wait. The checker unrolls them, so that of a test with a loop that it has cut, states that the model does not
//! list are not judged. Nor is a test in Rust that compares or divides numbers without a sign, or of 64 bits: all are 32 bits with a sign to the model.

mod processes;
mod project;
mod rust;
mod tables;

use crate::ast::{Language, Process};
use crate::convert::infer::{Type, Types};
use crate::convert::{Kind, kinds};
use crate::processes::Parsed;
use crate::state::condition::Final;
use crate::state::init::Entry;
use crate::state::types::Declared;
use crate::state::{Cursor, Literal, Place};
use crate::{Settings, check, sections};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{Expr, Observable, Value};
use lkmm_report::{Answer, Dependencies, Origin, Problem, Report, Test};
pub use project::cargo_project;
use std::collections::BTreeSet;
use std::ops::Range;

/// The sources of a test's program: the path of each file, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sources {
    /// The test's name.
    pub name: String,
    /// What is the same for all tests, in C: headers, and files to be compiled.
    pub harness: Vec<(&'static str, &'static str)>,
    /// The rest of the test, in C: `test.c`.
    pub test: String,
    /// The processes in Rust, if there are any: `processes.rs`, over crate `lkmm`.
    pub processes: Option<String>,
}

/// The file of a program in which it starts, in Rust, if a part of it is in Rust.
pub const MAIN: &str = include_str!("rust/main.rs");

/// What is the same for all tests.
const HARNESS: &[(&str, &str)] = &[
    ("kernel.h", include_str!("c/kernel.h")),
    ("x86_64.h", include_str!("c/x86_64.h")),
    ("aarch64.h", include_str!("c/aarch64.h")),
    ("riscv64.h", include_str!("c/riscv64.h")),
    ("harness.h", include_str!("c/harness.h")),
    ("harness.c", include_str!("c/harness.c")),
    ("histogram.h", include_str!("c/histogram.h")),
    ("histogram.c", include_str!("c/histogram.c")),
];

/// How many processes a test may have that is run.
const MAX_PROCESSES: usize = 64;

/// Checks a test, and writes its program.
///
/// ```
/// use lkmm_litmus::{Settings, hardware};
///
/// let source = "C SB\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); int r0 = READ_ONCE(*y); }\n\
///     P1(int *x, int *y) { WRITE_ONCE(*y, 1); int r0 = READ_ONCE(*x); }\nexists (0:r0=0 /\\ 1:r0=0)";
/// let sources = hardware::sources("SB.litmus", source, &Settings::new(lkmm_model::models::lkmm()))?;
/// assert!(sources.test.contains("WRITE_ONCE4("));
/// # Ok::<(), lkmm_report::Problem>(())
/// ```
///
/// # Errors
/// What is wrong with the test, or what in it cannot run.
pub fn sources(file: &str, source: &str, settings: &Settings) -> Result<Sources, Problem> {
    // Trees are walked in depth, so that takes a stack of known size.
    crate::rust::with_stack(|| {
        let settings = Settings { verdict: false, dependencies: Dependencies::Syntactic, ..settings.clone() };
        let report = check(file, source, &settings);
        let test = match (&report.answer, &report.test) {
            (Answer::Error(problem), _) => return Err(problem.clone()),
            (_, Some(test)) => test,
            (Answer::Timeout(why), None) => return Err(Problem::new(why.clone())),
            (_, None) => return Err(Problem::new("not read")),
        };
        if report.executions().is_some_and(|outcome| outcome.positive + outcome.negative == 0) {
            return Err(Problem::new("cannot run on hardware: the model has no execution of it that completes")
                .with_help("it would hang, or every state would be dropped by its filter"));
        }
        let sections = sections::split(source)?;
        let Parsed { processes, origins, .. } = crate::processes::read(source, sections.program.clone())?;
        let init = Cursor::new(source, sections.init.clone(), &processes)?.init()?;
        let asked = Cursor::new(source, sections.condition.clone(), &processes)?.condition()?;
        let observed = observed_dependencies(file, source, &report, &settings);
        let mut parts = Parts::new(source, test, &processes, &origins, &init, &asked, sections.condition)?;
        let mut text = format!("/*\n * Litmus test {}.\n */\n#include \"harness.h\"\n\n", test.name);
        for (number, process) in processes.iter().enumerate() {
            text += &match process.language {
                Language::C => processes::function(&mut parts, number)?,
                Language::Rust => rust::declaration(number),
            };
            text += &processes::rounds(&parts, number);
        }
        text += &tables::tables(&parts, &report, observed.as_ref());
        let processes = parts.has(Language::Rust).then(|| rust::file(&parts)).transpose()?;
        Ok(Sources { name: test.name.clone(), harness: HARNESS.to_vec(), test: text, processes })
    })
}

/// What the model allows if only those dependencies count that show, if that is known and may be more.
fn observed_dependencies(file: &str, source: &str, report: &Report, settings: &Settings) -> Option<Report> {
    let paths = report.test.iter().flat_map(|test| &test.program.threads).flat_map(|thread| &thread.paths);
    let depends =
        |path: &lkmm_model::program::Path| !(path.addr.is_empty() && path.data.is_empty() && path.ctrl.is_empty());
    let depends = paths.into_iter().any(depends);
    let settings = Settings { dependencies: Dependencies::Observed, ..settings.clone() };
    let observed = depends.then(|| check(file, source, &settings))?;
    observed.executions().is_some().then_some(observed)
}

/// What the parts of a program are written from.
struct Parts<'a> {
    source: &'a str,
    test: &'a Test,
    processes: &'a [Process],
    origins: &'a [Origin],
    init: &'a [Entry],
    types: Types,
    /// What each location holds.
    contents: Vec<Type>,
    /// The locations that are objects of their own, and no elements of arrays, in the order of their cells.
    objects: Vec<u32>,
    /// Where the condition stands.
    condition: Range<usize>,
    /// Does any location or local hold an address?
    has_addresses: bool,
}

impl<'a> Parts<'a> {
    fn new(
        source: &'a str,
        test: &'a Test,
        processes: &'a [Process],
        origins: &'a [Origin],
        init: &'a [Entry],
        asked: &Final,
        condition: Range<usize>,
    ) -> Result<Parts<'a>, Problem> {
        if let Some(process) = processes.get(MAX_PROCESSES) {
            return Err(refused(format!("more than {MAX_PROCESSES} processes"), process.name.clone()));
        }
        let mut types = Types::of(processes, init, asked);
        let program = &test.program;
        let elements: BTreeSet<u32> = program.elements.iter().map(|element| element.location).collect();
        let objects: Vec<u32> = (0..program.locations.len() as u32).filter(|l| !elements.contains(l)).collect();
        let contents: Vec<Type> = program.locations.iter().map(|location| types.content(&location.name)).collect();
        let mut has_addresses = contents.iter().any(Type::is_pointer);
        for (number, process) in processes.iter().enumerate() {
            let locals = process.parameters.len() as u32..process.registers.len() as u32;
            has_addresses |= locals.into_iter().any(|register| types.register(number, register).is_pointer());
            has_addresses |= process.language == Language::Rust && source[process.text.clone()].contains("*mut");
        }
        let parts =
            Parts { source, test, processes, origins, init, types, contents, objects, condition, has_addresses };
        parts.check()
    }

    /// Refuses what cannot run.
    fn check(self) -> Result<Parts<'a>, Problem> {
        let program = &self.test.program;
        for entry in self.init {
            let (Place::Global(name), Declared::Array(integer, _)) = (&entry.place, entry.declared) else { continue };
            if integer.bytes() != 4 {
                return Err(refused("an array whose elements do not have four bytes".into(), entry.span.clone()));
            }
            let location = program.locations.iter().position(|location| location.name == *name);
            let is_address = |value: &Literal| matches!(value, Literal::Address(..));
            if location.is_some_and(|location| self.contents[location].is_pointer())
                || entry.values.iter().any(is_address)
            {
                return Err(refused("an array that holds addresses".into(), entry.span.clone()));
            }
        }
        for entry in self.init {
            let Place::Global(name) = &entry.place else { continue };
            let location = program.locations.iter().position(|location| location.name == *name);
            let is_narrow = location.is_some_and(|location| self.width_of(location as u32) < 8);
            if is_narrow && matches!(entry.values.first(), Some(Literal::Address(..))) {
                return Err(refused(format!("`{name}` holds an address, and is used as a number"), entry.span.clone()));
            }
        }
        self.check_locks()?;
        let mut language = None;
        for (process, thread) in self.processes.iter().zip(&program.threads) {
            let mut events = thread.paths.iter().flat_map(|path| &path.events);
            let has_rcu = events.any(|event| is_of_rcu(event.label));
            if has_rcu && language.replace(process.language).is_some_and(|other| other != process.language) {
                return Err(refused("RCU in C and in Rust in one test".into(), process.name.clone())
                    .with_help("lkmm convert writes the whole test in one language"));
            }
        }
        Ok(self)
    }

    /// The model has values of its own for locks.
    fn check_locks(&self) -> Result<(), Problem> {
        let program = &self.test.program;
        let kinds = kinds(self.processes);
        let is_lock = |location: &u32| kinds.get(&program.locations[*location as usize].name) == Some(&Kind::Lock);
        let observed = program.observed.iter().filter_map(|observable| match observable {
            Observable::Location(location) => Some(*location),
            Observable::Register(..) => None,
        });
        let mut locks: BTreeSet<u32> = observed.filter(is_lock).collect();
        let mut span = self.condition.clone();
        for path in program.threads.iter().flat_map(|thread| &thread.paths) {
            for event in &path.events {
                let Some(Expr::Const(Value::Address(location, 0))) = event.address.map(|at| path.exprs[at as usize])
                else {
                    continue;
                };
                if matches!(event.label, Label::Read(_) | Label::Write(_)) && is_lock(&location) {
                    locks.insert(location);
                    span = self.test.origins.get(event.origin as usize).map_or(span, |origin| origin.span.clone());
                }
            }
        }
        match locks.first() {
            None => Ok(()),
            Some(lock) => {
                let name = &program.locations[*lock as usize].name;
                Err(refused(format!("lock `{name}` is used as a number"), span))
            }
        }
    }

    fn has(&self, language: Language) -> bool {
        self.processes.iter().any(|process| process.language == language)
    }

    /// The cell of a location, and where in it the location is.
    fn cell(&self, location: u32) -> (usize, i32) {
        let element = self.test.program.elements.iter().find(|element| element.location == location);
        let (object, offset) = element.map_or((location, 0), |element| (element.array, element.offset));
        (self.objects.binary_search(&object).unwrap_or(0), offset)
    }

    /// The cell of the location of a name.
    fn cell_of(&self, name: &str) -> usize {
        let locations = &self.test.program.locations;
        locations.iter().position(|location| location.name == name).map_or(0, |location| self.cell(location as u32).0)
    }

    /// Bytes of the values that a location holds.
    fn width_of(&self, location: u32) -> u32 {
        width(&self.contents[location as usize])
    }
}

/// Bytes of a value of a type.
fn width(ty: &Type) -> u32 {
    if ty.is_pointer() { 8 } else { 4 }
}

fn is_of_rcu(label: Label) -> bool {
    matches!(
        label,
        Label::Fence(Fence::RcuLock | Fence::RcuUnlock | Fence::SyncRcu)
            | Label::SyncSrcu
            | Label::Read(Mode::SrcuLock)
            | Label::Write(Mode::SrcuUnlock)
    )
}

/// A test that can be checked, but not run.
fn refused(what: String, span: Range<usize>) -> Problem {
    Problem::at(format!("cannot run on hardware: {what}"), span)
        .with_help("the documentation of `lkmm_litmus::hardware` lists what cannot run")
}

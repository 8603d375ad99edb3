//! Tests written again in the other language: `lkmm convert`.
//!
//! Both languages are read into one [tree](crate::ast), so each is written from that: the header, the initial state and the
//! condition are copied, and each process that is in the other language is written anew. Reading what was written gives the same
//! events, dependencies and values, and so the same verdict, states and counts.
//!
//! * `infer`: the types that the tree does not have;
//! * `scopes`: where registers are declared; `names`: what they are called;
//! * `guards`: which critical sections and readers are held by guards;
//! * `rust`, `rust_signature`, `rust_guards`, `rust_expr`, `c`, `c_expr`: the text.

mod c;
mod c_expr;
mod guards;
pub(crate) mod infer;
mod names;
mod rust;
mod rust_expr;
mod rust_guards;
mod rust_signature;
mod scopes;

pub use crate::ast::Language;
use crate::ast::{self, Process};
use crate::processes::{self, Parsed};
use crate::sections;
use crate::state::condition::{Final, Side};
use crate::state::init::Entry;
use crate::state::{Cursor, Place};
pub(crate) use c::{Kind, has_operator, kinds};
use infer::Types;
use lkmm_report::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Writes a test again, with all processes in one language. Those that are in it already stay as they are.
///
/// What comes of it has the same events, dependencies and values, and so the same verdict, states, counts and flags. Header, initial state,
/// condition and names stay; so do comments, before the statement that they stand before.
///
/// # What has no counterpart
///
/// In Rust:
/// 1. `__atomic_add_unless()`, which yields the value that it found;
/// 2. the value that `atomic_add_return()` and its like write, if they are fully ordered and add what is no number: it depends on
///    nothing, and the sum of `fetch_add` and what was added would;
/// 3. a reader of RCU that does not end in the function in which it begins, or ends in one of two branches;
/// 4. locks and SRCU domains that are reached through a pointer, or whose address is a value;
/// 5. a location that is used as a lock or an SRCU domain, and otherwise;
/// 6. `spin_trylock()` in the middle of an expression;
/// 7. an atomic addition through a pointer to what holds addresses;
/// 8. names that Rust does not have (`self`, `crate`, `_`, `r.1`), of a location or in the condition.
///
/// In C, `return`, and `break` and `continue` but for `if … { break; }` at the beginning or the end of a `loop`; types of which the other processes in Rust
/// do not see an `int`; names that herd7 reserves; and a local that hides the parameter of its name, if the condition asks for it.
///
/// # Errors
/// What is wrong with the test, or what in it the other language lacks.
///
/// ```
/// use lkmm_litmus::{Language, convert};
///
/// let c = "C CoRR\n\n{}\n\nP0(int *x)\n{\n\tWRITE_ONCE(*x, 1);\n}\n\nexists (x=1)\n";
/// let rust = convert(c, Language::Rust)?;
/// assert_eq!(rust, "Rust CoRR\n\n{}\n\nfn P0(x: &Atomic<i32>) {\n    x.store(1, Relaxed);\n}\n\nexists (x=1)\n");
/// assert_eq!(convert(&rust, Language::C)?, c);
/// # Ok::<(), lkmm_report::Problem>(())
/// ```
pub fn convert(source: &str, to: Language) -> Result<String, Problem> {
    rust_stack(source, &|_, _| to)
}

/// Writes a test again, with one process in a language and the others as they are.
///
/// # Errors
/// As for [`convert`].
pub fn convert_process(source: &str, process: usize, to: Language) -> Result<String, Problem> {
    rust_stack(source, &|number, language| if number == process { to } else { language })
}

/// Trees are walked in depth, so that takes a stack of known size.
fn rust_stack(source: &str, to: &(dyn Fn(usize, Language) -> Language + Sync)) -> Result<String, Problem> {
    crate::rust::with_stack(|| convert_some(source, to))
}

/// `to` says of each process, by its number and its language, what it becomes.
fn convert_some(source: &str, to: &dyn Fn(usize, Language) -> Language) -> Result<String, Problem> {
    let sections = sections::split(source)?;
    let Parsed { processes, origins, .. } = processes::read(source, sections.program.clone())?;
    let init = Cursor::new(source, sections.init.clone(), &processes)?.init()?;
    let asked = Cursor::new(source, sections.condition.clone(), &processes)?.condition()?;
    let observed = Observed::new(&asked, processes.len());
    let mut types = Types::of(&processes, &init, &asked);
    let (mut texts, mut languages, mut moved) = (Vec::new(), BTreeSet::new(), Vec::new());
    for (number, process) in processes.iter().enumerate() {
        let language = to(number, process.language);
        languages.insert(language == Language::Rust);
        let text = match language {
            _ if language != process.language && ast::leaves(&process.body).is_some() => {
                let origin = ast::leaves(&process.body).and_then(|leave| origins.get(leave.origin as usize));
                let span = origin.map_or(process.name.clone(), |origin| origin.span.clone());
                return Err(refused("a `return`, or a `break` or `continue` within a loop".into(), span));
            }
            _ if language == process.language => source[process.text.clone()].trim_end().to_string() + "\n",
            Language::Rust => {
                moved.push(number as u32);
                rust::process(&mut types, (number, process), &init, &observed, &origins, source)?
            }
            Language::C => c::process(&mut types, (number, process), &observed, &processes, &origins, source)?,
        };
        texts.push(text);
    }
    let dialect = match (languages.contains(&true), languages.contains(&false)) {
        (true, false) => "Rust",
        (false, _) => "C",
        (true, true) => &source[sections.dialect.clone()],
    };
    let mut out = source[..sections.dialect.start].to_string();
    out.push_str(dialect);
    out.push_str(&source[sections.dialect.end..sections.init.start]);
    out.push_str(&initial_state(source, sections.init.clone(), &init, &moved));
    out.push_str("}\n");
    let mut at = sections.program.start;
    for (process, text) in processes.iter().zip(&texts) {
        // What stands between processes: blanks and comments.
        out.push('\n');
        out.push_str(&aside(&source[at..process.text.start]));
        out.push_str(text);
        at = process.text.end;
    }
    let rest = aside(&source[at..sections.program.end]);
    let condition = source[sections.condition.start..].trim_start();
    for text in [&rest[..], condition] {
        if !text.is_empty() {
            out.push('\n');
            out.push_str(text);
        }
    }
    agree(&out, &processes)?;
    Ok(out)
}

/// Refuses what has become two types of one location.
fn agree(converted: &str, processes: &[Process]) -> Result<(), Problem> {
    let Ok(sections) = sections::split(converted) else { return Ok(()) };
    let Ok(parsed) = processes::read(converted, sections.program) else { return Ok(()) };
    let init = Cursor::new(converted, sections.init, &parsed.processes)?.init()?;
    let span = processes.first().map_or(0..0, |process| process.name.clone());
    crate::locations::check(converted, &parsed.processes, &init)
        .map_err(|problem| refused(format!("in the other language, {}", problem.message), span))
}

/// The comments in a text, with a line to themselves.
fn aside(text: &str) -> String {
    let text = text.trim();
    if text.is_empty() { String::new() } else { format!("{text}\n") }
}

/// The initial state, without what locals of processes that are in Rust now are given: those have it from a `let`.
fn initial_state(source: &str, section: Range<usize>, init: &[Entry], moved: &[u32]) -> String {
    let mut out = String::new();
    let mut at = section.start;
    for entry in init {
        if matches!(&entry.place, Place::Register(process, _) if moved.contains(process)) {
            out.push_str(&source[at..entry.text.start]);
            at = entry.text.end.min(section.end);
        }
    }
    out.push_str(&source[at..section.end]);
    out
}

/// What a test that cannot be converted says.
fn refused(what: String, span: Range<usize>) -> Problem {
    Problem::at(format!("not converted: {what}"), span)
        .with_help("the documentation of `lkmm_litmus::convert` lists what the languages lack")
}

/// The registers that a test asks for, by process.
struct Observed(Vec<BTreeSet<String>>);

impl Observed {
    fn new(asked: &Final, processes: usize) -> Observed {
        let mut observed = vec![BTreeSet::new(); processes];
        let mut add = |place: &Place| {
            if let Place::Register(process, name) = place {
                if let Some(names) = observed.get_mut(*process as usize) {
                    names.insert(name.clone());
                }
            }
        };
        asked.locations.iter().for_each(&mut add);
        for prop in asked.filter.iter().chain([&asked.prop]) {
            prop.for_each_atom(&mut |place, side| {
                add(place);
                if let Side::Place(other) = side {
                    add(other);
                }
            });
        }
        Observed(observed)
    }

    fn of(&self, process: usize) -> Option<&BTreeSet<String>> {
        self.0.get(process)
    }
}

/// The comments of a process, written before the statement that follows them.
struct Comments<'s> {
    source: &'s str,
    at: usize,
    end: usize,
}

impl<'s> Comments<'s> {
    fn new(source: &'s str, process: &Process) -> Comments<'s> {
        let open = source[process.text.clone()].find('{').map_or(process.text.end, |n| process.text.start + n + 1);
        Comments { source, at: open, end: process.text.end.max(open) - 1 }
    }

    /// Writes the comments that stand before a place and were not written yet.
    fn before(&mut self, span: &Range<usize>, out: &mut String, indent: usize) {
        if span.start < self.at || span.end > self.end {
            return;
        }
        for comment in comments(&self.source[self.at..span.start]) {
            self.write(&comment, out, indent);
        }
        self.at = span.end;
    }

    /// Writes those that are left.
    fn rest(&mut self, out: &mut String, indent: usize) {
        if self.at < self.end {
            for comment in comments(&self.source[self.at..self.end]) {
                self.write(&comment, out, indent);
            }
            self.at = self.end;
        }
    }

    fn write(&self, comment: &str, out: &mut String, indent: usize) {
        for line in comment.lines() {
            let line = line.trim();
            let star = if line.starts_with('*') { " " } else { "" };
            out.push_str(&format!("{:width$}{star}{line}\n", "", width = indent * 4));
        }
    }
}

/// The comments in a piece of a process that holds no statement.
fn comments(text: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), text);
    while let Some(start) = rest.find('/') {
        rest = &rest[start..];
        let end = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |n| n + 2)
        } else {
            rest = &rest[1..];
            continue;
        };
        found.push(rest[..end].trim_end().to_string());
        rest = &rest[end..];
    }
    found
}

/// Which locations are used as atomics by some process, and need their type.
pub(crate) type Kinds = BTreeMap<String, c::Kind>;

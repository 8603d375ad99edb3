//! What a location holds, by what the parameters and the initial state say of it.
//!
//! C of a litmus test has one type, so that processes in C may call a location what they like. In Rust a type decides what its values are:
//! that which two processes call `x` must be the same for both, and so must what a process in C calls it. Between Rust and Rust
//! types are equal; C knows no `isize`, and its `unsigned` is seldom meant, so between C and Rust what counts is whether
//! it is a number of so many bits, a pointer, a lock or an SRCU domain. (`long` and `intptr_t` are as wide as the other side says.)

use crate::ast::{Language, Process};
use crate::state::init::Entry;
use crate::state::types::Declared;
use crate::state::{Literal, Place};
use crate::text::quoted;
use lkmm_report::{Position, Problem};
use std::collections::BTreeMap;
use std::ops::Range;

/// How far pointers are compared. (What points to itself has no type in Rust, so that one ends somewhere.)
const MAX_DEPTH: u32 = 4;

/// What a location holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// `void`, or a type that is left to be inferred.
    Unknown,
    /// A number: its type in Rust, and its width in C.
    Int {
        name: Option<&'static str>,
        bits: Option<u32>,
        signed: bool,
    },
    Bool,
    Pointer(Box<Content>),
    /// The type of the lock.
    Lock(&'static str),
    Domain,
}

/// What a parameter says of its location.
#[derive(Clone, Debug)]
pub(crate) struct Declaration {
    pub(crate) content: Content,
    /// The type, as it is written.
    pub(crate) span: Range<usize>,
}

impl Content {
    fn agrees(&self, other: &Content) -> bool {
        self.agrees_down_to(other, MAX_DEPTH)
    }

    fn agrees_down_to(&self, other: &Content, depth: u32) -> bool {
        match (self, other) {
            (Content::Unknown, _) | (_, Content::Unknown) => true,
            (Content::Int { name: a, bits: m, .. }, Content::Int { name: b, bits: n, .. }) => match (a, b) {
                (Some(a), Some(b)) => a == b,
                _ => m.is_none() || n.is_none() || m == n,
            },
            // As wide as a pointer, in C.
            (Content::Int { name: None, bits: None, .. }, Content::Pointer(_))
            | (Content::Pointer(_), Content::Int { name: None, bits: None, .. }) => true,
            (Content::Int { name: None, bits: Some(8), .. }, Content::Bool)
            | (Content::Bool, Content::Int { name: None, bits: Some(8), .. }) => true,
            (Content::Pointer(a), Content::Pointer(b)) => depth == 0 || a.agrees_down_to(b, depth - 1),
            (Content::Lock(a), Content::Lock(b)) => a == b,
            (a, b) => a == b,
        }
    }

    /// Why an initial value cannot be one of these.
    fn refuses(&self, value: &Literal, of: &dyn Fn(&str) -> Option<Content>) -> Option<String> {
        match (self, value) {
            (Content::Int { bits: Some(bits), signed, .. }, Literal::Int(value)) => {
                let (low, high) = match (bits, signed) {
                    (32.., true) => (i64::from(i32::MIN), i64::from(i32::MAX)),
                    (32.., false) => (0, i64::from(i32::MAX)),
                    (bits, true) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
                    (bits, false) => (0, (1 << bits) - 1),
                };
                let fits = (low..=high).contains(&i64::from(*value));
                (!fits).then(|| format!("{value} is no value of its type"))
            }
            (Content::Bool, Literal::Int(value)) if !(0..=1).contains(value) => {
                Some(format!("{value} is neither `false` (0) nor `true` (1)"))
            }
            (Content::Pointer(_), Literal::Int(value)) if *value != 0 => Some(format!("{value} is no address")),
            (Content::Pointer(to), Literal::Address(name, _)) => {
                let agrees = of(name).is_none_or(|content| to.agrees(&content));
                (!agrees).then(|| format!("{} is of another type than what it points to", quoted(name)))
            }
            (Content::Int { name: Some(_), .. } | Content::Bool, Literal::Address(name, _)) => {
                Some(format!("the address of {} is no number", quoted(name)))
            }
            _ => None,
        }
    }
}

/// What C declares: the words of a type, and its asterisks.
pub(crate) fn of_c(text: &str) -> Content {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let qualifier = |word: &&str| matches!(*word, "" | "const" | "volatile" | "_Atomic" | "atomic" | "struct");
    let word = text.split(|c| !is_word(c)).find(|word| !qualifier(word)).unwrap_or("");
    let int = |bits| Content::Int { name: None, bits, signed: true };
    let base = match word {
        "char" | "int8_t" | "uint8_t" => int(Some(8)),
        "int16_t" | "uint16_t" => int(Some(16)),
        "int" | "int32_t" | "uint32_t" | "atomic_t" | "atomic_int" => int(Some(32)),
        "int64_t" | "uint64_t" => int(Some(64)),
        "long" | "intptr_t" | "uintptr_t" => int(None),
        "spinlock_t" => Content::Lock("SpinLock"),
        "mtx_t" => Content::Lock("Mutex"),
        "srcu_struct" => Content::Domain,
        _ => Content::Unknown,
    };
    let stars = text.matches('*').count();
    (1..stars.min(8)).fold(base, |content, _| Content::Pointer(Box::new(content)))
}

/// Refuses processes of which one is in Rust that take a location for different things, and initial values that it cannot have.
pub(crate) fn check(source: &str, processes: &[Process], init: &[Entry]) -> Result<(), Problem> {
    if processes.iter().all(|process| process.language == Language::C) {
        return Ok(());
    }
    // Of each location, what was said of it in each language: C may say several things.
    let mut known: BTreeMap<&str, Vec<(usize, &Declaration)>> = BTreeMap::new();
    for (number, process) in processes.iter().enumerate() {
        for ((register, _), declaration) in process.parameters.iter().zip(&process.declared) {
            let said = known.entry(&process.registers[*register as usize]).or_default();
            let other = said.iter().find(|(other, first)| {
                let both_c = process.language == Language::C && processes[*other].language == Language::C;
                !both_c && !first.content.agrees(&declaration.content)
            });
            if let Some((other, first)) = other {
                let name = &process.registers[*register as usize];
                let text = |span: &Range<usize>| source.get(span.clone()).unwrap_or("").trim().to_string();
                let line = Position::of(source, first.span.start).line;
                return Err(Problem::at(
                    format!(
                        "{} is one location, and has two types: in P{other} it is {} (line {line})",
                        quoted(name),
                        quoted(&text(&first.span))
                    ),
                    declaration.span.clone(),
                )
                .with_label(format!("not {}", quoted(&text(&first.span))))
                .with_help("give it the same type in each process, or each of the two a name of its own"));
            }
            said.push((number, declaration));
        }
    }
    let of = |name: &str| {
        let said = known.get(name)?;
        let in_rust = said.iter().find(|(number, _)| processes[*number].language == Language::Rust);
        in_rust.map(|(_, declaration)| declaration.content.clone())
    };
    init.iter().try_for_each(|entry| initial(source, entry, &known, processes, &of))
}

/// Compares what the initial state says of a location.
fn initial(
    source: &str,
    entry: &Entry,
    known: &BTreeMap<&str, Vec<(usize, &Declaration)>>,
    processes: &[Process],
    of: &dyn Fn(&str) -> Option<Content>,
) -> Result<(), Problem> {
    let Place::Global(name) = &entry.place else { return Ok(()) };
    let rust = |(number, _): &&(usize, &Declaration)| processes[*number].language == Language::Rust;
    let Some((number, declaration)) = known.get(name.as_str()).and_then(|said| said.iter().find(rust)) else {
        return Ok(());
    };
    let text = source.get(declaration.span.clone()).unwrap_or("").trim();
    let line = Position::of(source, declaration.span.start).line;
    let is_said = match (entry.declared, &declaration.content) {
        (Declared::Untyped, _) | (_, Content::Unknown) => true,
        (Declared::Integer(integer) | Declared::Array(integer, _), Content::Int { bits: Some(bits), .. }) => {
            integer.bits <= *bits
        }
        (Declared::Integer(integer) | Declared::Array(integer, _), Content::Bool) => integer.bits == 8,
        // `intptr_t`, say.
        (Declared::Integer(integer), Content::Pointer(_)) => integer.bits == 32,
        (Declared::Pointer | Declared::UntypedPointer | Declared::Array(..), Content::Pointer(_)) => true,
        _ => false,
    };
    let why = match is_said {
        false => Some("it is declared as something wider, or something else, here".to_string()),
        // Elements may hold what the first does not.
        true if matches!(entry.declared, Declared::Array(..)) => None,
        true => entry.values.iter().find_map(|value| declaration.content.refuses(value, of)),
    };
    match why {
        None => Ok(()),
        Some(why) => Err(Problem::at(
            format!("{} is {} in P{number} (line {line}): {why}", quoted(name), quoted(text)),
            entry.span.clone(),
        )
        .with_help("without a type here, a location has that of the processes: `x = 1;`")),
    }
}

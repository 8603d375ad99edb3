//! Names of registers and guards in the text that is written.

use crate::ast::Process;
use std::collections::{BTreeMap, BTreeSet};

/// Keywords of Rust. Those that have no raw form are not among the names that can be kept.
const RUST: &[&str] = &[
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false", "fn", "for", "gen",
    "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref", "return", "static", "struct",
    "trait", "true", "type", "unsafe", "use", "where", "while", "abstract", "become", "box", "do", "final", "macro",
    "override", "priv", "try", "typeof", "unsized", "virtual", "yield",
];

/// Words of Rust that no name can be.
const NOT_RAW: &[&str] = &["self", "Self", "super", "crate", "_"];

/// Is it a name in Rust, perhaps a raw one?
pub(super) fn rust(name: &str) -> Option<String> {
    if !is_identifier(name) || NOT_RAW.contains(&name) {
        return None;
    }
    Some(if RUST.contains(&name) { format!("r#{name}") } else { name.to_string() })
}

/// Is it a name in C?
pub(super) fn c(name: &str) -> Option<String> {
    (is_identifier(name) && crate::parse::can_be_local(name)).then(|| name.to_string())
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_')
}

/// The names of a process's registers, and which others are taken.
pub(super) struct Names {
    of: Vec<String>,
    taken: BTreeSet<String>,
    kept: BTreeSet<String>,
    /// The last number that was given to a name.
    numbers: BTreeMap<String, u32>,
}

impl Names {
    /// Keeps names that are allowed and different; what is `kept` must be, and the error is what cannot be.
    pub(super) fn new(
        process: &Process,
        kept: &BTreeSet<&str>,
        allowed: fn(&str) -> Option<String>,
    ) -> Result<Names, String> {
        let mut names = Names {
            of: vec![String::new(); process.registers.len()],
            taken: BTreeSet::new(),
            kept: kept.iter().map(ToString::to_string).collect(),
            numbers: BTreeMap::new(),
        };
        let parameters = process.parameters.len();
        let mut numbers: Vec<usize> = (0..process.registers.len()).collect();
        // Parameters and what a condition asks for come first.
        numbers.sort_by_key(|&n| (n >= parameters, !kept.contains(process.registers[n].as_str())));
        for number in numbers {
            let name = &process.registers[number];
            let must = number < parameters || kept.contains(name.as_str());
            let found = allowed(name).filter(|name| !names.taken.contains(name));
            names.of[number] = match found {
                Some(found) => {
                    names.taken.insert(found.clone());
                    found
                }
                None if must => return Err(name.clone()),
                None => names.fresh(name.split('#').next().unwrap_or("r"), allowed),
            };
        }
        Ok(names)
    }

    pub(super) fn register(&self, register: u32) -> &str {
        &self.of[register as usize]
    }

    /// Does a condition ask for it?
    pub(super) fn is_kept(&self, register: u32) -> bool {
        self.kept.contains(self.register(register))
    }

    pub(super) fn is_taken(&self, name: &str) -> bool {
        self.taken.contains(name)
    }

    /// A name like the given one that is not taken yet, which it is then.
    pub(super) fn fresh(&mut self, like: &str, allowed: fn(&str) -> Option<String>) -> String {
        let mut like: String = like.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        if !like.starts_with(|c: char| c.is_ascii_alphabetic()) || allowed(&like).is_none() {
            like = format!("r_{like}");
        }
        let number = self.numbers.entry(like.clone()).or_insert(0);
        loop {
            *number += 1;
            let name = if *number == 1 { like.clone() } else { format!("{like}_{number}") };
            if self.taken.insert(name.clone()) {
                return name;
            }
        }
    }
}

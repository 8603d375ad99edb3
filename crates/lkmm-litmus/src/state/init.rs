//! The initial state: `{ x=1; int *p = &x; 0:r1=2; atomic_t a = ATOMIC_INIT(3); int b[2] = {4,5}; }`.
//!
//! A name as a value is the address of the location of that name.

use super::types::{self, Declared};
use super::{Cursor, Literal, Place};
use crate::tokens::{Reader, Token};
use lkmm_report::Problem;
use std::ops::Range;

/// The largest array; herd7 sets no limit.
const MAX_ELEMENTS: u32 = 256;

/// An initial value, and where it is given.
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) declared: Declared,
    /// One value, or those of an array's elements.
    pub(crate) values: Vec<Literal>,
    pub(crate) span: Range<usize>,
    /// The whole entry.
    pub(crate) text: Range<usize>,
}

impl Cursor<'_> {
    /// The entries of the initial state.
    pub(crate) fn init(mut self) -> Result<Vec<Entry>, Problem> {
        self.is_initial = true;
        let mut entries: Vec<Entry> = Vec::new();
        // Sorted by place, to find a second entry for the same one.
        let mut seen = std::collections::BTreeSet::new();
        while self.token(0) != Token::End {
            if self.eat(";") {
                // As in herd7's grammar, an empty entry ends the section.
                self.expect_end()?;
                break;
            }
            let start = self.span().start;
            let mut entry = self.entry()?;
            if !seen.insert(entry.place.clone()) {
                return Err(Problem::at(format!("{} is initialised twice", entry.place), entry.span));
            }
            if !self.eat(";") {
                self.expect_end()?;
            }
            entry.text = start..self.last_end();
            entries.push(entry);
        }
        Ok(entries)
    }

    fn expect_end(&self) -> Result<(), Problem> {
        if self.token(0) == Token::End {
            return Ok(());
        }
        let error = self.unexpected("`;`");
        Err(if self.is(0, ",") {
            error.with_help("initialise one location at a time, each followed by `;`")
        } else if matches!(self.token(0), Token::Name | Token::Process | Token::Symbol("*")) {
            error.with_help("a type is one word, and at most one `*`: `int x;`, `int *p;`")
        } else {
            error
        })
    }

    fn entry(&mut self) -> Result<Entry, Problem> {
        let atomic = self.is_word(0, "_Atomic");
        if atomic {
            self.advance();
        }
        if atomic || self.at_type() {
            return self.typed(atomic);
        }
        if self.eat("*") {
            return self.pointer(Declared::UntypedPointer);
        }
        let bracketed = self.is(0, "[");
        let (span, place) = (self.span(), self.place(true)?);
        if self.is(0, "[") {
            return Err(self
                .unexpected("`=` or `;`")
                .with_help("initialise the elements of an array together: `int x[2] = {1,2};`"));
        }
        if bracketed && !self.is(0, "=") {
            return Err(self.unexpected("`=`").with_help("without a value, write `x` for `[x]`"));
        }
        let value = if self.eat("=") { self.initial_value(false)? } else { Literal::Int(0) };
        Ok(Entry { place, declared: Declared::Untyped, values: vec![value], span, text: 0..0 })
    }

    /// Does an entry start with a type here?
    fn at_type(&self) -> bool {
        let named = matches!(self.token(1), Token::Name | Token::Process | Token::Number);
        self.token(0) == Token::Name
            && (named || self.is(1, "*") || self.is(1, "%") || self.is(1, "[") && self.token(2) == Token::Name)
    }

    fn typed(&mut self, atomic: bool) -> Result<Entry, Problem> {
        let type_span = self.span();
        let name = self.name("a type")?;
        if !atomic && self.eat("*") {
            return self.pointer(Declared::Pointer);
        }
        let integer = types::integer(name, type_span)?;
        if !atomic && self.token(0) == Token::Name && self.is(1, "[") {
            return self.array(integer);
        }
        let (span, place) = (self.span(), self.place(true)?);
        let value = if self.eat("=") { self.initial_value(!atomic)? } else { Literal::Int(0) };
        // As in herd7, the initial write to a location is cut to the location's width, and a register's value is not.
        let value = match value {
            Literal::Int(value) if matches!(place, Place::Global(_)) => Literal::Int(integer.cut(value)),
            other => other,
        };
        Ok(Entry { place, declared: Declared::Integer(integer), values: vec![value], span, text: 0..0 })
    }

    fn pointer(&mut self, declared: Declared) -> Result<Entry, Problem> {
        let (span, place) = (self.span(), self.place(true)?);
        let value = if self.eat("=") {
            self.eat("&");
            self.literal()?
        } else {
            Literal::Int(0)
        };
        Ok(Entry { place, declared, values: vec![value], span, text: 0..0 })
    }

    fn array(&mut self, integer: types::IntegerType) -> Result<Entry, Problem> {
        let start = self.span().start;
        let name = self.name("an array")?.to_string();
        let length = self.brackets()?;
        let span = start..self.last_end();
        if length == 0 || length > MAX_ELEMENTS {
            return Err(Problem::at(format!("an array has between 1 and {MAX_ELEMENTS} elements"), span));
        }
        let values = if self.eat("=") { self.vector()? } else { vec![Literal::Int(0); length as usize] };
        if values.len() != length as usize {
            let message = format!("`{name}` has {length} elements, and {} initial values", values.len());
            return Err(Problem::at(message, span));
        }
        let cut = |value| match value {
            Literal::Int(value) => Literal::Int(integer.cut(value)),
            other => other,
        };
        let values = values.into_iter().map(cut).collect();
        Ok(Entry { place: Place::Global(name), declared: Declared::Array(integer, length), values, span, text: 0..0 })
    }

    fn initial_value(&mut self, typed: bool) -> Result<Literal, Problem> {
        if self.is_word(0, "ATOMIC_INIT") {
            if !typed {
                return Err(self
                    .unexpected("a value")
                    .with_help("give the location its type: `atomic_t x = ATOMIC_INIT(0);`"));
            }
            self.advance();
            self.expect("(")?;
            let value = self.literal()?;
            self.expect(")")?;
            return Ok(value);
        }
        if self.is(0, "&") {
            return Err(self
                .unexpected("a value")
                .with_help("give the location a pointer type, `int *p = &x;`, or leave the `&` out"));
        }
        self.literal()
    }
}

//! The initial state: `{ x=1; int *p = &x; 0:r1=2; atomic_t a = ATOMIC_INIT(3); }`.
//!
//! A name as a value is the address of the location of that name. Types are read and dropped.

use super::lexer::Token;
use super::{Cursor, Literal, Place};
use crate::diagnostic::Diagnostic;
use std::ops::Range;

/// An initial value, and where it is given.
pub(crate) struct Entry {
    pub(crate) place: Place,
    pub(crate) value: Literal,
    pub(crate) span: Range<usize>,
}

impl Cursor<'_> {
    /// The entries of the initial state.
    pub(crate) fn init(mut self) -> Result<Vec<Entry>, Diagnostic> {
        let mut entries: Vec<Entry> = Vec::new();
        // Sorted by place, to find a second entry for the same one.
        let mut seen = std::collections::BTreeSet::new();
        if self.eat(";") {
            self.expect_end()?;
            return Ok(entries);
        }
        while self.token(0) != Token::End {
            let entry = self.entry()?;
            if !seen.insert(entry.place.clone()) {
                return Err(Diagnostic::new(format!("{} is initialised twice", entry.place), entry.span));
            }
            entries.push(entry);
            if !self.eat(";") {
                self.expect_end()?;
            }
        }
        Ok(entries)
    }

    fn expect_end(&self) -> Result<(), Diagnostic> {
        if self.token(0) == Token::End {
            return Ok(());
        }
        let error = self.unexpected("`;`");
        Err(if self.is(0, ",") {
            error.help("initialise one location at a time, each followed by `;`")
        } else if matches!(self.token(0), Token::Name | Token::Process | Token::Symbol("*")) {
            error.help("a type is one word, and at most one `*`: `int x;`, `int *p;`")
        } else {
            error
        })
    }

    fn entry(&mut self) -> Result<Entry, Diagnostic> {
        if self.is_word("_Atomic") {
            self.advance();
        }
        let typed = self.token(0) == Token::Name
            && (matches!(self.token(1), Token::Name | Token::Process | Token::Number) || self.is(1, "*"));
        let bracketed = self.token(0) == Token::Name && self.is(1, "[") && matches!(self.token(2), Token::Name);
        if typed || bracketed {
            self.advance();
        }
        let pointer = self.eat("*");
        let span = self.span();
        let place = self.place(true)?;
        if !self.eat("=") {
            return Ok(Entry { place, value: Literal::Int(0), span });
        }
        let value = self.initial_value(pointer)?;
        Ok(Entry { place, value, span })
    }

    fn initial_value(&mut self, pointer: bool) -> Result<Literal, Diagnostic> {
        if self.is_word("ATOMIC_INIT") {
            self.advance();
            self.expect("(")?;
            let value = self.literal()?;
            self.expect(")")?;
            return Ok(value);
        }
        if self.is(0, "&") && !pointer {
            return Err(self
                .unexpected("a value")
                .help("give the location a pointer type, `int *p = &x;`, or leave the `&` out"));
        }
        self.eat("&");
        self.literal()
    }
}

//! The two sections around the program: the initial state, and what is asked of the final one.
//!
//! They share a lexical syntax that is not C's: `(* … *)` are comments, names may hold `-`, `.` and `/`, numbers may be
//! hexadecimal, and `/\`, `\/`, `=>` are operators.

pub(crate) mod condition;
pub(crate) mod init;
mod lexer;
pub(crate) mod types;

use crate::ast::{Language, Process};
use crate::text::quoted;
use crate::tokens::{Reader, Token, Tokens};

use lkmm_report::Problem;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

/// A register of a process, a shared location, or an element of an array. They are ordered as herd7 orders the columns
/// of its state lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Place {
    Register(u32, String),
    Global(String),
    Element(String, u32),
}

/// A value as a test writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    Int(i32),
    /// The address of a location, and the offset of `x[1]` (which herd7 does not scale).
    Address(String, i32),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Register(process, name) => write!(f, "{process}:{name}"),
            Place::Global(name) => write!(f, "[{name}]"),
            Place::Element(name, index) => write!(f, "{name}[{index}]"),
        }
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Int(value) => write!(f, "{value}"),
            Literal::Address(name, 0) => f.write_str(name),
            Literal::Address(name, offset) => write!(f, "{name}+{offset}"),
        }
    }
}

/// The parser of a section.
pub(crate) struct Cursor<'s> {
    tokens: Tokens<'s>,
    /// How many processes there are.
    processes: usize,
    /// Those in Rust, with the names that a condition may ask for.
    rust: BTreeMap<usize, BTreeMap<String, Option<String>>>,
    /// Is it the initial state that is read?
    is_initial: bool,
    /// The elements of arrays that were named, and where.
    elements: Vec<(Place, Range<usize>)>,
}

impl<'s> Reader<'s> for Cursor<'s> {
    const SECTION: &'static str = "section";

    fn tokens(&self) -> &Tokens<'s> {
        &self.tokens
    }

    fn tokens_mut(&mut self) -> &mut Tokens<'s> {
        &mut self.tokens
    }
}

impl<'s> Cursor<'s> {
    /// Starts on a section of a test that has these processes.
    pub(crate) fn new(source: &'s str, section: Range<usize>, processes: &[Process]) -> Result<Self, Problem> {
        let tokens = Tokens { source, lexemes: lexer::tokens(source, section)?, at: 0 };
        let rust = processes.iter().enumerate().filter(|(_, process)| process.language == Language::Rust);
        let rust = rust.map(|(number, process)| (number, process.locals.clone())).collect();
        Ok(Cursor { tokens, processes: processes.len(), rust, is_initial: false, elements: Vec::new() })
    }

    fn name(&mut self, what: &str) -> Result<&'s str, Problem> {
        if self.token(0) != Token::Name {
            let error = self.unexpected(what);
            return Err(match self.token(0) {
                Token::Keyword => {
                    error.with_help(format!("{} is a reserved word; choose another name", quoted(self.text(0))))
                }
                _ => error,
            });
        }
        let text = self.text(0);
        self.advance();
        Ok(text)
    }

    /// A register of a process (`0:r1`, `P0:r1`) or a location (`x`, and where `brackets` allow it `[x]`).
    fn place(&mut self, brackets: bool) -> Result<Place, Problem> {
        match self.token(0) {
            Token::Number | Token::Process if self.is(1, ":") => self.register(),
            Token::Symbol("[") if brackets => {
                self.advance();
                let name = self.name("a location")?.to_string();
                self.expect("]")?;
                Ok(Place::Global(name))
            }
            Token::Symbol("%") => {
                Err(Problem::at("symbolic registers do not exist in C", self.span()).with_help("write `0:r1`"))
            }
            _ => Ok(Place::Global(self.name("a location, as `x`, or a register, as `0:r1`")?.to_string())),
        }
    }

    fn register(&mut self) -> Result<Place, Problem> {
        let span = self.span();
        let number = self.text(0).trim_start_matches('P').parse::<u32>().ok();
        let Some(process) = number.filter(|&n| (n as usize) < self.processes) else {
            return Err(Problem::at(format!("there is no process {}", self.text(0)), span));
        };
        self.advance();
        self.expect(":")?;
        self.eat("%");
        let name_span = self.span();
        let name = self.name("a register")?.to_string();
        if let Some(locals) = self.rust.get(&(process as usize)) {
            if self.is_initial {
                let help = format!("give it its value in the process: `let {name} = …;`");
                return Err(Problem::at("a local of a process in Rust has no initial state", span).with_help(help));
            }
            match locals.get(&name) {
                Some(None) => {}
                Some(Some(why)) => return Err(Problem::at(why.clone(), name_span)),
                None => {
                    let message = format!("process {process} has no local {} at its end", quoted(&name));
                    return Err(Problem::at(message, name_span)
                        .with_help("what a condition asks for is bound by a `let` that stands in no inner block"));
                }
            }
        }
        Ok(Place::Register(process, name))
    }

    fn literal(&mut self) -> Result<Literal, Problem> {
        match self.token(0) {
            Token::Number => {
                let value =
                    int32(self.text(0)).ok_or_else(|| Problem::at("this number does not fit 32 bits", self.span()))?;
                self.advance();
                Ok(Literal::Int(value))
            }
            Token::Quoted => {
                let text = self.text(0).trim_matches('`');
                let value = int32(text).ok_or_else(|| Problem::at("not a number of 32 bits", self.span()))?;
                self.advance();
                Ok(Literal::Int(value))
            }
            _ => {
                let name = self.name("a number or the name of a location")?.to_string();
                let offset = if self.is(0, "[") { self.brackets()? } else { 0 };
                Ok(Literal::Address(name, offset as i32))
            }
        }
    }

    /// `{1,2}`: the values of an array.
    fn vector(&mut self) -> Result<Vec<Literal>, Problem> {
        self.expect("{")?;
        let mut values = vec![self.literal()?];
        while self.eat(",") {
            values.push(self.literal()?);
        }
        self.expect("}")?;
        Ok(values)
    }
}

/// A number of 32 bits; a hexadecimal one may use the sign bit.
fn int32(text: &str) -> Option<i32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok().map(|bits| bits as i32),
        None => text.parse().ok(),
    }
}

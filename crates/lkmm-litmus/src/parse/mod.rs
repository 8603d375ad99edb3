//! The parser of processes in C: recursive descent over the tokens.
//!
//! It accepts what herd7's grammar accepts, and in addition `for` and `do … while`. What herd7 refuses it refuses, with a
//! reason. Nesting is limited, so that neither this parser nor what walks its trees can exhaust the stack.

mod braces;
mod call;
mod expr;
mod stmt;
mod types;

use crate::ast::{Language, Process, Register};
use crate::lexer::tokens;
use crate::locations::{self, Declaration};
use crate::processes::Parsed;
use crate::sites::Sites;
use crate::text::quoted;
use crate::tokens::{Reader, Token, Tokens};
use lkmm_report::{Origin, Problem};
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

/// How deep statements and parentheses may nest, and how high an expression may be.
const MAX_DEPTH: u32 = 200;

/// How many operands a statement may have. Their causality is a relation between all of them, so that it costs their square.
const MAX_OPERANDS: u32 = 256;

/// Words that cannot name a local: herd7 reads them as something else. (`for` and `do` are words of ours.)
const RESERVED: &[&str] = &[
    "volatile",
    "const",
    "_Atomic",
    "atomic",
    "char",
    "int",
    "long",
    "struct",
    "void",
    "lock",
    "unlock",
    "mtx_lock",
    "mtx_unlock",
    "if",
    "else",
    "while",
    "regions",
    "srcu_struct",
    "for",
    "do",
    "atomic_add_unless",
    "__fence",
    "__load",
    "__store",
    "__srcu",
    "__xchg",
    "__cmpxchg",
    "__lock",
    "__trylock",
    "__islocked",
    "__unlock",
    "__atomic_op",
    "__atomic_op_return",
    "__atomic_fetch_op",
    "__atomic_add_unless",
];

/// Reads processes in C behind those that were read before; at least one.
pub(crate) fn processes(source: &str, section: Range<usize>, parsed: &mut Parsed) -> Result<(), Problem> {
    let mut parser = Parser {
        tokens: Tokens { source, lexemes: tokens(source, section.clone())?, at: 0 },
        depth: 0,
        operands: 0,
        origins: std::mem::take(&mut parsed.origins),
        registers: Vec::new(),
        register_ids: HashMap::new(),
        extents: Vec::new(),
        warnings: Vec::new(),
        sites: std::mem::take(&mut parsed.sites),
        process: 0,
    };
    while parser.token(0) != Token::End || parser.extents.is_empty() {
        parsed.processes.push(parser.process(parsed.processes.len())?);
    }
    braces::check(source, section, &parser.extents)?;
    parsed.origins = parser.origins;
    parsed.sites = parser.sites;
    parsed.warnings.append(&mut parser.warnings);
    Ok(())
}

struct Parser<'s> {
    tokens: Tokens<'s>,
    depth: u32,
    /// Operands of the statement being parsed.
    operands: u32,
    origins: Vec<Origin>,
    /// Of the process being parsed.
    registers: Vec<String>,
    register_ids: HashMap<&'s str, Register>,
    extents: Vec<braces::Extent>,
    warnings: Vec<Problem>,
    sites: Sites,
    /// The number of the process being parsed.
    process: usize,
}

impl<'s> Reader<'s> for Parser<'s> {
    const SECTION: &'static str = "program";

    fn tokens(&self) -> &Tokens<'s> {
        &self.tokens
    }

    fn tokens_mut(&mut self) -> &mut Tokens<'s> {
        &mut self.tokens
    }

    fn unexpected(&self, expected: &str) -> Problem {
        let error = self.problem_here(expected);
        if self.token(0) == Token::Number && self.text(0).starts_with('-') {
            error.with_help(
                "a minus sign that touches a number belongs to it: write a blank between them, as in `r - 1`",
            )
        } else {
            error
        }
    }
}

impl<'s> Parser<'s> {
    /// Is the word a name that a local may have? (`P0` names a process.)
    fn is_name(&self, ahead: usize) -> bool {
        if self.token(ahead) != Token::Word {
            return false;
        }
        can_be_local(self.text(ahead))
    }

    fn name(&mut self, what: &str) -> Result<&'s str, Problem> {
        if self.is_name(0) {
            let text = self.text(0);
            self.advance();
            return Ok(text);
        }
        let error = self.unexpected(what);
        Err(if self.token(0) == Token::Word {
            error.with_help(format!("{} is a reserved word; choose another name", quoted(self.text(0))))
        } else {
            error
        })
    }

    fn register(&mut self, name: &'s str) -> Register {
        let next = self.registers.len() as Register;
        *self.register_ids.entry(name).or_insert_with(|| {
            self.registers.push(name.to_string());
            next
        })
    }

    fn origin(&mut self, span: Range<usize>) -> u32 {
        let text = self.tokens.source[span.clone()].trim().to_string();
        self.origins.push(Origin { span, text });
        (self.origins.len() - 1) as u32
    }

    /// Runs a part of the parser one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, Problem>) -> Result<T, Problem> {
        if self.depth >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn too_deep(&self) -> Problem {
        Problem::at(format!("nested more than {MAX_DEPTH} levels deep"), self.span())
    }

    fn process(&mut self, number: usize) -> Result<Process, Problem> {
        self.process = number;
        self.registers.clear();
        self.register_ids.clear();
        let start = self.span().start;
        if self.is_word(0, "void") {
            self.advance();
            self.eat("*");
        }
        let name = self.span();
        match process_number(self.text(0)) {
            Some(n) if n == number as u64 => self.advance(),
            Some(_) => {
                return Err(Problem::at("processes must be P0, P1, … in this order", name)
                    .with_label(format!("expected `P{number}`")));
            }
            None => return Err(self.not_a_process(number)),
        }
        self.expect("(")?;
        let (parameters, declared) = self.parameters()?.into_iter().unzip();
        self.expect(")")?;
        let open = self.span().start;
        self.expect("{")?;
        let mut body = Vec::new();
        while !self.is(0, "}") || body.is_empty() {
            body.push(self.statement_or_declaration()?);
        }
        self.expect("}")?;
        self.extents.push(braces::Extent { header: start..open, body: open..self.last_end() });
        Ok(Process {
            language: Language::C,
            text: start..self.last_end(),
            name,
            registers: std::mem::take(&mut self.registers),
            parameters,
            declared,
            body,
            locals: BTreeMap::new(),
        })
    }

    fn not_a_process(&self, number: usize) -> Problem {
        let error = self.unexpected(&format!("process `P{number}`"));
        match self.token(0) {
            Token::Symbol("{") => {
                error.with_help("locations are initialised in the one block before the first process")
            }
            Token::Symbol("(") if self.is(1, "*") => {
                error.with_help("`(* … *)` is no comment in the program section: write `/* … */`")
            }
            Token::Word => error.with_help(format!("a process is written `P{number}(int *x) {{ … }}`")),
            _ => error,
        }
    }

    #[allow(clippy::type_complexity, reason = "the two parts of what a parameter is")]
    fn parameters(&mut self) -> Result<Vec<((Register, Range<usize>), Declaration)>, Problem> {
        let mut parameters = Vec::new();
        if self.is(0, ")") {
            return Ok(parameters);
        }
        loop {
            let start = self.span().start;
            self.pointer_type()?;
            let declared = start..self.last_end();
            let span = self.span();
            let name = self.name("the parameter's name")?;
            let register = self.register(name);
            // Registers are numbered in the order in which they appear, and there are none yet but parameters.
            if register as usize != parameters.len() {
                return Err(Problem::at(format!("two parameters are named {}", quoted(name)), span));
            }
            let content = locations::of_c(&self.tokens.source[declared.clone()]);
            parameters.push(((register, span), Declaration { content, span: declared }));
            // As in herd7's grammar, a comma may end the list.
            if !self.eat(",") || self.is(0, ")") {
                return Ok(parameters);
            }
        }
    }
}

/// Is a word a name that a local may have?
pub(crate) fn can_be_local(text: &str) -> bool {
    !RESERVED.contains(&text) && !call::is_c11(text) && !types::is_type_word(text) && process_number(text).is_none()
}

/// The number of a process by its name.
fn process_number(text: &str) -> Option<u64> {
    let digits = text.strip_prefix('P')?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

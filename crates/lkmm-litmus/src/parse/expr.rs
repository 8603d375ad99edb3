//! Expressions.
//!
//! Binary operators from the loosest: `|`, `^`, `&`, the comparisons (which do not chain), `+ -`, `* /`: as in C, but
//! that all comparisons bind alike. There are no unary operators but `*` and casts.

use super::{MAX_DEPTH, MAX_OPERANDS, Parser};
use crate::ast::{Expr, ExprKind};
use crate::tokens::{Reader, Token};
use lkmm_model::event::Mode;
use lkmm_model::program::Operator;
use lkmm_report::Problem;

const COMPARISON: u32 = 4;

impl Parser<'_> {
    pub(super) fn expr(&mut self) -> Result<Expr, Problem> {
        self.nested(|parser| parser.binary(1))
    }

    /// Operators that bind at least as tightly as `level`.
    fn binary(&mut self, level: u32) -> Result<Expr, Problem> {
        let left = self.operand()?;
        self.binary_after(left, level)
    }

    /// What may follow a left operand.
    pub(super) fn binary_after(&mut self, mut left: Expr, level: u32) -> Result<Expr, Problem> {
        let mut compared = false;
        while let Some((op, at)) = self.operator() {
            if at < level {
                break;
            }
            if at == COMPARISON && std::mem::replace(&mut compared, true) {
                return Err(self
                    .unexpected("no second comparison")
                    .with_help("comparisons do not chain: use parentheses"));
            }
            compared &= at >= COMPARISON;
            self.advance();
            let right = self.binary(at + 1)?;
            let height = left.height.max(right.height);
            if height >= MAX_DEPTH {
                return Err(self.too_deep());
            }
            left = Expr::node(ExprKind::Binary { op, left: Box::new(left), right: Box::new(right) }, height);
        }
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u32)> {
        let Token::Symbol(symbol) = self.token(0) else { return None };
        Some(match symbol {
            "|" => (Operator::Or, 1),
            "^" => (Operator::Xor, 2),
            "&" => (Operator::And, 3),
            "==" => (Operator::Eq, COMPARISON),
            "!=" => (Operator::Ne, COMPARISON),
            "<" => (Operator::Lt, COMPARISON),
            "<=" => (Operator::Le, COMPARISON),
            ">" => (Operator::Gt, COMPARISON),
            ">=" => (Operator::Ge, COMPARISON),
            "+" => (Operator::Add, 5),
            "-" => (Operator::Sub, 5),
            "*" => (Operator::Mul, 6),
            "/" => (Operator::Div, 6),
            _ => return None,
        })
    }

    fn operand(&mut self) -> Result<Expr, Problem> {
        self.operands += 1;
        if self.operands > MAX_OPERANDS {
            return Err(Problem::at(format!("a statement with more than {MAX_OPERANDS} operands"), self.span())
                .with_help("compute parts of it into locals first"));
        }
        match self.token(0) {
            Token::Number => {
                let value = int32(self.text(0)).ok_or_else(|| too_large(self.span()))?;
                self.advance();
                Ok(Expr::leaf(ExprKind::Const(value)))
            }
            Token::Word if self.is(1, "(") && !self.at_type(0) => self.nested(Self::value_call),
            Token::Word => {
                let name = self.name("an expression")?;
                Ok(Expr::leaf(ExprKind::Register(self.register(name))))
            }
            Token::Symbol("*") => {
                self.advance();
                self.nested(Self::dereferenced)
            }
            Token::Symbol("(") if self.at_type(1) => {
                self.advance();
                self.full_type()?;
                self.expect(")")?;
                self.nested(Self::operand)
            }
            Token::Symbol("(") => {
                self.advance();
                let inner = self.expr()?;
                self.expect(")")?;
                Ok(inner)
            }
            _ => Err(self.not_an_operand()),
        }
    }

    fn not_an_operand(&self) -> Problem {
        let error = self.unexpected("an expression");
        match self.token(0) {
            Token::Symbol("&") => {
                error.with_help("there is no address operator: a parameter of the process is the address")
            }
            Token::Symbol("-") => error.with_help("there is no unary minus: write `0 - r`"),
            _ => error,
        }
    }

    /// What follows a `*`: a name, a parenthesised expression, or a cast of a name.
    fn dereferenced(&mut self) -> Result<Expr, Problem> {
        let pointer = if self.is(0, "(") && self.at_type(1) {
            self.advance();
            self.full_type()?;
            self.expect(")")?;
            self.pointer_name()?
        } else if self.eat("(") {
            let inner = self.expr()?;
            self.expect(")")?;
            inner
        } else {
            self.pointer_name()?
        };
        let height = pointer.height;
        if height >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        Ok(Expr::node(ExprKind::Load { address: Box::new(pointer), mode: Mode::Plain }, height))
    }

    fn pointer_name(&mut self) -> Result<Expr, Problem> {
        if self.is(0, "*") || self.token(0) == Token::Word && self.is(1, "(") {
            return Err(self
                .unexpected("the name of a pointer")
                .with_help("put what is dereferenced into parentheses: `*(…)`"));
        }
        let name = self.name("the name of a pointer")?;
        Ok(Expr::leaf(ExprKind::Register(self.register(name))))
    }

    /// The condition of a `while`: an atom, in practice a parenthesised expression. (A name is not called here, even if
    /// a parenthesis follows.)
    pub(super) fn atom(&mut self) -> Result<Expr, Problem> {
        let dereferenced = self.is(0, "*") && self.is_name(1);
        if dereferenced || self.is_name(0) {
            if dereferenced {
                self.advance();
            }
            let name = self.name("a condition")?;
            let register = Expr::leaf(ExprKind::Register(self.register(name)));
            let load = |pointer| ExprKind::Load { address: Box::new(pointer), mode: Mode::Plain };
            return Ok(if dereferenced { Expr::node(load(register), 0) } else { register });
        }
        if self.is(0, "(") && self.at_type(1) {
            return Err(self.unexpected("a condition in parentheses"));
        }
        self.operand()
    }
}

/// A decimal number of 32 bits.
pub(crate) fn int32(text: &str) -> Option<i32> {
    text.parse().ok()
}

fn too_large(span: std::ops::Range<usize>) -> Problem {
    Problem::at("this number does not fit 32 bits", span).with_help("values are 32-bit integers with a sign")
}

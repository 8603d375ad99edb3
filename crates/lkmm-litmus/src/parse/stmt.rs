//! Statements.

use super::Parser;
use crate::ast::{Expr, ExprKind, Stmt, StmtKind};
use crate::primitives;
use crate::sites::{Gap, Side};
use crate::tokens::{Reader, Token};
use lkmm_model::event::Mode;
use lkmm_report::Problem;
use std::ops::Range;

impl Parser<'_> {
    /// A statement or a declaration without a value; the latter only stands in blocks.
    pub(super) fn statement_or_declaration(&mut self) -> Result<Stmt, Problem> {
        self.placed(true)
    }

    fn statement(&mut self) -> Result<Stmt, Problem> {
        self.placed(false)
    }

    /// A statement, before which another one may be put.
    fn placed(&mut self, declarations: bool) -> Result<Stmt, Problem> {
        let start = self.span().start;
        let statement = self.nested(|parser| parser.statement_here(declarations))?;
        // (What may be put before a block may be put before its first statement.)
        if !self.source_at(start).starts_with('{') {
            let side = if declarations { Side::Before } else { Side::InBraces };
            self.gap(start..self.last_end(), side);
        }
        Ok(statement)
    }

    fn gap(&mut self, statement: Range<usize>, side: Side) {
        self.sites.gaps.push(Gap { process: self.process, statement, side });
    }

    fn source_at(&self, at: usize) -> &str {
        self.tokens.source.get(at..).unwrap_or("")
    }

    fn statement_here(&mut self, declarations: bool) -> Result<Stmt, Problem> {
        let start = self.span().start;
        self.operands = 0;
        match self.token(0) {
            Token::Symbol("{") => self.block(),
            Token::Symbol("*") => self.store_or_evaluation(),
            Token::Symbol("(") if self.is_word(1, "void") && self.is(2, ")") => {
                self.tokens.at += 3;
                let value = self.expr()?;
                self.evaluation(start, value)
            }
            Token::Word => self.statement_at_word(declarations),
            Token::Symbol(";") => {
                Err(self.unexpected("a statement").with_help("herd7 has no empty statement: remove it"))
            }
            Token::Symbol("}") => Err(self.unexpected("a statement").with_help("herd7 accepts no empty block")),
            _ => {
                let value = self.expr()?;
                self.evaluation(start, value)
            }
        }
    }

    fn statement_at_word(&mut self, declarations: bool) -> Result<Stmt, Problem> {
        let start = self.span().start;
        match self.text(0) {
            "if" => return self.if_statement(),
            "while" => return self.while_statement(),
            "do" => return self.do_statement(),
            "for" if self.is(1, "(") => return self.for_statement(),
            "goto" | "switch" if !self.is(1, "=") => {
                return Err(self.unexpected("a statement").with_help("of C's control flow there are `if` and loops"));
            }
            word @ ("break" | "continue" | "return") if self.is(1, ";") => {
                // herd7 evaluates a local of this name, and goes on.
                let warning = Problem::at(format!("`{word}` does nothing here"), self.span());
                self.warnings
                    .push(warning.with_label("read as the name of a local").with_help("end a loop by its condition"));
            }
            _ => {}
        }
        if self.at_type(0) {
            return self.declaration(declarations);
        }
        self.refuse_unknown_type()?;
        if self.is(1, "=") {
            let assignment = self.assignment()?;
            self.expect(";")?;
            return Ok(assignment);
        }
        if self.is(1, "(") && (primitives::statement(self.text(0)).is_some() || self.is_lone_call()) {
            return self.statement_call();
        }
        let value = self.expr()?;
        self.evaluation(start, value)
    }

    /// A call that is the whole statement: herd7 looks its name up among the statements only, but for one.
    fn is_lone_call(&self) -> bool {
        !matches!(self.text(0), "atomic_add_unless" | "__atomic_add_unless") && self.at_whole_call()
    }

    fn evaluation(&mut self, start: usize, value: Expr) -> Result<Stmt, Problem> {
        self.expect(";")?;
        let origin = self.origin(start..self.last_end());
        Ok(Stmt { kind: StmtKind::Assign { register: None, value }, origin })
    }

    fn block(&mut self) -> Result<Stmt, Problem> {
        self.expect("{")?;
        let (mut body, mut last) = (Vec::new(), 0);
        while !self.is(0, "}") || body.is_empty() {
            last = self.span().start;
            body.push(self.statement_or_declaration()?);
        }
        self.gap(last..self.last_end(), Side::After);
        self.expect("}")?;
        Ok(Stmt { kind: StmtKind::Block(body), origin: 0 })
    }

    fn declaration(&mut self, declarations: bool) -> Result<Stmt, Problem> {
        let start = self.span().start;
        self.full_type()?;
        let name = self.name("the name of a local")?;
        let register = self.register(name);
        if self.is(0, ",") {
            return Err(self.unexpected("`=` or `;`").with_help("declare one local at a time"));
        }
        if declarations && self.eat(";") {
            return Ok(Stmt { kind: StmtKind::Declare, origin: 0 });
        }
        self.expect("=")?;
        let value = self.expr()?;
        if self.is(0, ",") {
            return Err(self.unexpected("`;`").with_help("declare one local at a time"));
        }
        self.expect(";")?;
        let origin = self.origin(start..self.last_end());
        Ok(Stmt { kind: StmtKind::Assign { register: Some(register), value }, origin })
    }

    /// `r = e`, without the semicolon.
    fn assignment(&mut self) -> Result<Stmt, Problem> {
        let start = self.span().start;
        let name = self.name("the name of a local")?;
        let register = self.register(name);
        self.expect("=")?;
        let value = self.expr()?;
        let origin = self.origin(start..self.last_end() + usize::from(self.is(0, ";")));
        Ok(Stmt { kind: StmtKind::Assign { register: Some(register), value }, origin })
    }

    /// `*p = e;`, or an expression that starts with a dereference.
    fn store_or_evaluation(&mut self) -> Result<Stmt, Problem> {
        let start = self.span().start;
        let back = self.tokens.at;
        self.advance();
        if let Ok(address) = self.store_address() {
            if self.eat("=") {
                let value = self.expr()?;
                self.expect(";")?;
                let origin = self.origin(start..self.last_end());
                return Ok(Stmt { kind: StmtKind::Store { address, value, mode: Mode::Plain }, origin });
            }
        }
        self.tokens.at = back;
        self.operands = 0;
        let value = self.expr()?;
        self.evaluation(start, value)
    }

    /// What follows the first `*` on the left of an assignment.
    fn store_address(&mut self) -> Result<Expr, Problem> {
        let mut stars = 0;
        while self.eat("*") {
            stars += 1;
        }
        let mut address = if self.eat("(") {
            let inner = self.expr()?;
            self.expect(")")?;
            inner
        } else {
            let name = self.name("a pointer")?;
            Expr::leaf(ExprKind::Register(self.register(name)))
        };
        for _ in 0..stars {
            let height = address.height;
            if height >= super::MAX_DEPTH {
                return Err(self.too_deep());
            }
            address = Expr::node(ExprKind::Load { address: Box::new(address), mode: Mode::Plain }, height);
        }
        Ok(address)
    }

    fn if_statement(&mut self) -> Result<Stmt, Problem> {
        let start = self.span().start;
        self.advance();
        self.expect("(")?;
        let condition = self.expr()?;
        self.expect(")")?;
        let origin = self.origin(start..self.last_end());
        let then = Box::new(self.statement()?);
        let otherwise = if self.is_word(0, "else") {
            self.advance();
            Some(Box::new(self.statement()?))
        } else {
            None
        };
        Ok(Stmt { kind: StmtKind::If { condition, then, otherwise }, origin })
    }

    fn while_statement(&mut self) -> Result<Stmt, Problem> {
        let start = self.span().start;
        self.advance();
        let condition = self.atom()?;
        let origin = self.origin(start..self.last_end());
        let body = Box::new(self.statement()?);
        Ok(Stmt { kind: StmtKind::Loop { condition, body, body_first: false }, origin })
    }

    fn do_statement(&mut self) -> Result<Stmt, Problem> {
        self.advance();
        let body = Box::new(self.statement()?);
        let start = self.span().start;
        if !self.is_word(0, "while") {
            return Err(self.unexpected("`while`"));
        }
        self.advance();
        self.expect("(")?;
        let condition = self.expr()?;
        self.expect(")")?;
        let origin = self.origin(start..self.last_end());
        self.expect(";")?;
        Ok(Stmt { kind: StmtKind::Loop { condition, body, body_first: true }, origin })
    }

    /// `for (a; c; s) b` is `{ a; while (c) { b s } }`.
    fn for_statement(&mut self) -> Result<Stmt, Problem> {
        let start = self.span().start;
        self.advance();
        self.expect("(")?;
        let mut statements = Vec::new();
        if !self.eat(";") {
            statements.push(if self.at_type(0) { self.declaration(false)? } else { self.assignment_and_semicolon()? });
        }
        let condition = if self.is(0, ";") { Expr::leaf(ExprKind::Const(1)) } else { self.expr()? };
        self.expect(";")?;
        let step = if self.is(0, ")") { None } else { Some(self.assignment()?) };
        self.expect(")")?;
        let origin = self.origin(start..self.last_end());
        let mut body = vec![self.statement()?];
        body.extend(step);
        let body = Box::new(Stmt { kind: StmtKind::Block(body), origin });
        statements.push(Stmt { kind: StmtKind::Loop { condition, body, body_first: false }, origin });
        Ok(Stmt { kind: StmtKind::Block(statements), origin })
    }

    fn assignment_and_semicolon(&mut self) -> Result<Stmt, Problem> {
        let assignment = self.assignment()?;
        self.expect(";")?;
        Ok(assignment)
    }
}

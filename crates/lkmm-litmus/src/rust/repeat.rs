//! Loops. `while` is that of C, with its bound; `for` over a range of numbers is unrolled as it stands.

use super::types::Type;
use super::{Front, State};
use crate::ast::{Expr, ExprKind, Stmt, StmtKind};
use lkmm_report::Problem;
use syn::ext::IdentExt;
use syn::{Expr as Syntax, ExprForLoop, ExprLoop, ExprWhile, Pat, RangeLimits};

impl Front<'_> {
    pub(super) fn while_statement(&mut self, repeated: &ExprWhile) -> Result<(), Problem> {
        let header = super::branch::header(self.at(repeated.while_token.span), self.range(&repeated.cond));
        self.begin(header);
        self.loops += 1;
        let condition = self.loop_condition(&repeated.cond)?;
        self.repeat(condition, &repeated.body, &repeated.body.stmts, false)
    }

    /// `loop { if c { break; } … }` is `while !c { … }`; `loop { … if c { break; } }` asks after each turn.
    pub(super) fn loop_statement(&mut self, repeated: &ExprLoop) -> Result<(), Problem> {
        let stmts = &repeated.body.stmts;
        let keyword = self.at(repeated.loop_token.span);
        let (first, last) = (stmts.first().and_then(breaks), stmts.last().and_then(breaks));
        self.loops += 1;
        let (end, rest, body_first) = match (first, last) {
            (_, Some(condition)) => (Some(condition), &stmts[..stmts.len() - 1], true),
            (Some(condition), None) => (Some(condition), &stmts[1..], false),
            (None, None) => (None, &stmts[..], false),
        };
        // A loop that only asks does nothing in its turns.
        let body_first = body_first && !rest.is_empty();
        match end {
            Some(end) if body_first => {
                // What the body declares is not seen by C's condition; registers know no scopes.
                let before = self.scopes.states();
                self.scopes.enter();
                let (condition, statements) = self.collect(|front| {
                    front.statements(rest)?;
                    front.begin(keyword.clone());
                    let condition = front.loop_condition(end)?;
                    front.negated(condition, &keyword)
                })?;
                let ended = self.scopes.leave();
                let close = self.at(repeated.body.brace_token.span.close());
                if ended.iter().any(|&id| {
                    let binding = &self.scopes.bindings[id];
                    matches!(binding.ty, Type::Guard(_) | Type::MaybeGuard) && binding.state == State::Live
                }) {
                    return Err(Problem::at("a guard is held where the loop may end", close)
                        .with_help("drop it before the last `if`"));
                }
                drop(before);
                self.loops -= 1;
                let origin = self.origin;
                let body = Box::new(Stmt { kind: StmtKind::Block(statements), origin });
                self.emit(StmtKind::Loop { condition, body, body_first: true })
            }
            Some(end) => {
                self.begin(keyword.clone());
                let condition = self.loop_condition(end)?;
                let condition = self.negated(condition, &keyword)?;
                self.repeat(condition, &repeated.body, rest, false)
            }
            None => {
                self.begin(keyword);
                self.repeat(Expr::leaf(ExprKind::Const(1)), &repeated.body, rest, false)
            }
        }
    }

    /// A condition that is asked in each turn: an expression, and nothing before it.
    fn loop_condition(&mut self, condition: &Syntax) -> Result<Expr, Problem> {
        let ((expr, bound), before) = self.collect(|front| front.condition(condition))?;
        if before.is_empty() && bound.is_none() {
            return Ok(expr);
        }
        let message =
            if bound.is_some() { "a loop whose condition binds a name" } else { "a condition with statements" };
        Err(Problem::at(message, self.range(condition))
            .with_help("bind it in the loop, and assign to a `let mut` that the condition compares"))
    }

    fn repeat(
        &mut self,
        condition: Expr,
        block: &syn::Block,
        statements: &[syn::Stmt],
        body_first: bool,
    ) -> Result<(), Problem> {
        let origin = self.origin;
        let before = self.scopes.states();
        let close = self.at(block.brace_token.span.close());
        let ((), statements) = self.collect(|front| {
            front.scopes.enter();
            front.statements(statements)?;
            let ended = front.scopes.leave();
            front.drop_all(&ended, &close)
        })?;
        self.loops -= 1;
        self.scopes.join(&before);
        self.origin = origin;
        let body = Box::new(Stmt { kind: StmtKind::Block(statements), origin });
        self.emit(StmtKind::Loop { condition, body, body_first })
    }

    pub(super) fn for_statement(&mut self, repeated: &ExprForLoop) -> Result<(), Problem> {
        let span = super::branch::header(self.at(repeated.for_token.span), self.range(&repeated.expr));
        self.begin(span.clone());
        let name = match &*repeated.pat {
            Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => {
                (ident.ident.unraw().to_string(), ident.mutability.is_some())
            }
            Pat::Wild(_) => ("_".to_string(), false),
            pattern => return Err(Problem::at("the variable of a loop is a name", self.range(pattern))),
        };
        let Syntax::Range(range) = super::place::unwrapped(&repeated.expr) else {
            return Err(Problem::at("a loop over what is no range", self.range(&repeated.expr))
                .with_help("write `for i in 0..3`"));
        };
        let (low, ty) = self.bound(range.start.as_deref(), &span)?;
        let (high, _) = self.bound(range.end.as_deref(), &span)?;
        let high = match range.limits {
            RangeLimits::HalfOpen(_) => i64::from(high),
            RangeLimits::Closed(_) => i64::from(high) + 1,
        };
        self.loops += 1;
        let close = self.at(repeated.body.brace_token.span.close());
        for turn in i64::from(low)..high {
            self.begin(span.clone());
            let origin = self.origin;
            let ((), statements) = self.collect(|front| {
                front.scopes.enter();
                let id = front.bind(&name.0, ty.clone(), name.1, State::Live);
                let register = Some(front.scopes.bindings[id].register);
                front.emit(StmtKind::Assign { register, value: Expr::leaf(ExprKind::Const(turn as i32)) })?;
                front.statements(&repeated.body.stmts)?;
                let ended = front.scopes.leave();
                front.drop_all(&ended, &close)
            })?;
            self.origin = origin;
            self.emit(StmtKind::Block(statements))?;
        }
        self.loops -= 1;
        Ok(())
    }

    /// A bound of a range: a number.
    fn bound(&mut self, bound: Option<&Syntax>, span: &std::ops::Range<usize>) -> Result<(i32, Type), Problem> {
        let help = "write numbers, as in `for i in 0..3`; other loops are written with `while`";
        let Some(bound) = bound else {
            return Err(Problem::at("a range without an end", span.clone()).with_help(help));
        };
        let value = self.value(bound, None)?;
        match (value.expr.kind, value.ty) {
            (ExprKind::Const(number), ty @ Type::Int(_)) => Ok((number, ty)),
            _ => Err(Problem::at("a range whose bounds are not known", value.span).with_help(help)),
        }
    }
}

/// The condition, if it is `if c { break; }`.
fn breaks(statement: &syn::Stmt) -> Option<&Syntax> {
    let syn::Stmt::Expr(Syntax::If(branch), _) = statement else { return None };
    let alone = match &branch.then_branch.stmts[..] {
        [syn::Stmt::Expr(Syntax::Break(end), _)] => end.label.is_none() && end.expr.is_none(),
        _ => false,
    };
    (alone && branch.else_branch.is_none()).then_some(&*branch.cond)
}

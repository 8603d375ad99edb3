//! Loops. `while` is that of C, with its bound; `for` over a range of numbers is unrolled as it stands.

use super::arithmetic::known;
use super::leave::{Left, Target, Way};
use super::scope::State;
use super::types::Type;
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Register, StmtKind};
use lkmm_report::Problem;
use std::ops::Range;
use syn::ext::IdentExt;
use syn::{Expr as Syntax, ExprForLoop, ExprLoop, ExprWhile, Pat, RangeLimits, Stmt};

/// How a `loop` is written in terms of `while`.
enum Form<'s> {
    /// `loop { if c { break; } … }` is `while !c { … }`.
    AskFirst(&'s Syntax, &'s [Stmt]),
    /// `loop { … if c { break; } }` asks after each turn.
    AskLast(&'s Syntax, &'s [Stmt]),
    Endless,
}

impl Front<'_> {
    pub(super) fn while_statement(&mut self, repeated: &ExprWhile) -> Result<(), Problem> {
        let header = super::branch::header(self.at(repeated.while_token.span), self.range(&repeated.cond));
        self.begin(header.clone());
        let (label, body) = (repeated.label.as_ref(), &repeated.body);
        self.loops += 1;
        let before = self.scopes.states();
        let ((condition, bound), asked) = self.collect(|front| front.condition(&repeated.cond))?;
        let is_expression = asked.is_empty() && bound.is_none();
        self.leavable(Target::new(Way::Break, label), |front| {
            if is_expression {
                return front.repeat(Some(condition), (label, body), &body.stmts);
            }
            // What comes before the condition is done in each turn.
            let origin = front.origin;
            let turn = |front: &mut Self| {
                front.out.extend(asked);
                let lower = &mut |front: &mut Self| front.arm(bound.as_ref(), None, None, body);
                let leave = |front: &mut Self| front.leave(Way::Break, None, &header).map(|()| None);
                front.fork(condition, origin, lower, Some(leave)).map(drop)
            };
            front.turns(None, label, &before, turn)
        })?;
        self.loops -= 1;
        Ok(())
    }

    pub(super) fn loop_statement(&mut self, repeated: &ExprLoop) -> Result<(), Problem> {
        self.begin(self.at(repeated.loop_token.span));
        self.loop_to(repeated, None, None).map(drop)
    }

    /// A `loop` as a value: that of its `break`.
    pub(super) fn loop_into(
        &mut self,
        register: Register,
        repeated: &ExprLoop,
        wanted: Option<&Type>,
    ) -> Result<Value, Problem> {
        let span = self.range(repeated);
        let left = self.loop_to(repeated, Some(register), wanted)?;
        self.left_value(register, left.value, span)
    }

    fn left_value(&self, register: Register, ty: Option<Type>, span: Range<usize>) -> Result<Value, Problem> {
        match ty {
            _ if !self.reachable => Ok(Value { expr: Expr::leaf(ExprKind::Const(0)), ty: Type::Never, of: None, span }),
            Some(ty) => Ok(Value { expr: Expr::leaf(ExprKind::Register(register)), ty, of: None, span }),
            None => Err(Problem::at("this has no value", span).with_help("leave it by `break …;`")),
        }
    }

    /// `'a: { … }` as a value.
    pub(super) fn labelled_into(
        &mut self,
        register: Register,
        block: &syn::ExprBlock,
        wanted: Option<&Type>,
    ) -> Result<Value, Problem> {
        let span = self.range(block);
        let target = Target::new(Way::Block, block.label.as_ref()).with_value(Some(register), wanted);
        let mut tail = None;
        let left = self.leavable(target, |front| {
            tail = Some(front.block_into(register, &block.block, wanted)?);
            Ok(())
        })?;
        let ty = match (tail, left.value) {
            (Some(tail), Some(ty)) if tail.ty != Type::Never => {
                self.require(&tail, &ty)?;
                Some(ty.joined(&tail.ty))
            }
            (Some(tail), None) if tail.ty != Type::Never => Some(tail.ty),
            (_, ty) => ty,
        };
        self.left_value(register, ty, span)
    }

    fn loop_to(
        &mut self,
        repeated: &ExprLoop,
        register: Option<Register>,
        wanted: Option<&Type>,
    ) -> Result<Left, Problem> {
        let (label, body) = (repeated.label.as_ref(), &repeated.body);
        let keyword = self.at(repeated.loop_token.span);
        let continues = self.text(&self.range(body)).contains("continue");
        self.loops += 1;
        let target = Target::new(Way::Break, label).with_value(register, wanted);
        let form = if register.is_none() { form(&body.stmts, continues) } else { Form::Endless };
        let left = self.leavable(target, |front| match form {
            Form::AskFirst(end, rest) => {
                let before = front.scopes.states();
                let ((condition, bound), asked) = front.collect(|front| front.condition(end))?;
                if asked.is_empty() && bound.is_none() {
                    let condition = front.negated(condition, &keyword)?;
                    return front.repeat(Some(condition), (label, body), rest);
                }
                let (origin, close) = (front.origin, front.at(body.brace_token.span.close()));
                front.turns(None, label, &before, |front| {
                    front.out.extend(asked);
                    let leave = &mut |front: &mut Self| front.leave(Way::Break, None, &keyword).map(|()| None);
                    let go_on = |_: &mut Self| Ok(None);
                    front.fork(condition, origin, leave, Some(go_on))?;
                    front.inside(rest, &close)
                })
            }
            Form::AskLast(end, rest) => front.repeat_first(end, rest, body, &keyword),
            Form::Endless => front.repeat(None, (label, body), &body.stmts),
        })?;
        self.loops -= 1;
        Ok(left)
    }

    /// A loop that asks after each turn.
    fn repeat_first(
        &mut self,
        end: &Syntax,
        rest: &[Stmt],
        body: &syn::Block,
        keyword: &Range<usize>,
    ) -> Result<(), Problem> {
        self.scopes.enter();
        // What the body declares is not seen by C's condition; registers know no scopes.
        let (condition, statements) = self.collect(|front| {
            front.statements(rest)?;
            front.begin(keyword.clone());
            let (condition, _) = front.condition(end)?;
            front.negated(condition, keyword)
        })?;
        let ended = self.scopes.leave();
        let close = self.at(body.brace_token.span.close());
        if ended.iter().any(|&id| {
            let binding = &self.scopes.bindings[id];
            matches!(binding.ty, Type::Guard(_) | Type::MaybeGuard) && binding.state == State::Live
        }) {
            return Err(
                Problem::at("a guard is held where the loop may end", close).with_help("drop it before the last `if`")
            );
        }
        let origin = self.origin;
        let body = Box::new(crate::ast::Stmt { kind: StmtKind::Block(statements), origin });
        self.emit(StmtKind::Loop { condition, body, body_first: true })
    }

    /// Statements in a scope of their own.
    fn inside(&mut self, statements: &[Stmt], close: &Range<usize>) -> Result<(), Problem> {
        self.scopes.enter();
        self.statements(statements)?;
        let ended = self.scopes.leave();
        self.drop_all(&ended, close)
    }

    /// Turns with these statements, as long as a condition holds, or for ever.
    fn repeat(
        &mut self,
        condition: Option<Expr>,
        (label, block): (Option<&syn::Label>, &syn::Block),
        statements: &[Stmt],
    ) -> Result<(), Problem> {
        let close = self.at(block.brace_token.span.close());
        let before = self.scopes.states();
        self.turns(condition, label, &before, |front| front.inside(statements, &close))
    }

    fn turns(
        &mut self,
        condition: Option<Expr>,
        label: Option<&syn::Label>,
        before: &[State],
        turn: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<(), Problem> {
        let (origin, reachable) = (self.origin, self.reachable);
        let ((), statements) =
            self.collect(|front| front.leavable(Target::new(Way::Continue, label), turn).map(drop))?;
        match (&condition, self.reachable) {
            (None, _) => self.reachable = false,
            (Some(_), true) => self.scopes.join(before),
            (Some(_), false) => self.scopes.restore(before),
        }
        self.reachable = reachable && condition.is_some();
        self.origin = origin;
        let body = Box::new(crate::ast::Stmt { kind: StmtKind::Block(statements), origin });
        let condition = condition.unwrap_or(Expr::leaf(ExprKind::Const(1)));
        self.emit(StmtKind::Loop { condition, body, body_first: false })
    }

    pub(super) fn for_statement(&mut self, repeated: &ExprForLoop) -> Result<(), Problem> {
        let span = super::branch::header(self.at(repeated.for_token.span), self.range(&repeated.expr));
        self.begin(span.clone());
        let name = match &*repeated.pat {
            Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => {
                (ident.ident.unraw().to_string(), ident.mutability.is_some(), self.at(ident.ident.span()).start)
            }
            Pat::Wild(_) => ("_".to_string(), false, span.start),
            pattern => return Err(Problem::at("the variable of a loop is a name", self.range(pattern))),
        };
        let Syntax::Range(range) = super::place::unwrapped(&repeated.expr) else {
            return Err(Problem::at("a loop over what is no range", self.range(&repeated.expr))
                .with_help("write `for i in 0..3`"));
        };
        let learnt = self.learnt(name.2);
        let low = self.bound(range.start.as_deref(), learnt.as_ref(), &span)?;
        let high = self.bound(range.end.as_deref(), Some(&low.ty), &span)?;
        self.unify(&low, &high)?;
        let ty = low.ty.joined(&high.ty);
        let (low, high) = (known(&low.expr).unwrap_or(0), known(&high.expr).unwrap_or(0));
        let high = match range.limits {
            RangeLimits::HalfOpen(_) => i64::from(high),
            RangeLimits::Closed(_) => i64::from(high) + 1,
        };
        self.loops += 1;
        let (label, close) = (repeated.label.as_ref(), self.at(repeated.body.brace_token.span.close()));
        self.leavable(Target::new(Way::Break, label), |front| {
            for turn in i64::from(low)..high {
                front.begin(span.clone());
                let origin = front.origin;
                let ((), statements) = front.collect(|front| {
                    let lower = |front: &mut Self| {
                        front.scopes.enter();
                        let id = front.bind((&name.0, name.2), ty.clone(), name.1, State::Live);
                        let register = Some(front.scopes.bindings[id].register);
                        front.emit(StmtKind::Assign { register, value: Expr::leaf(ExprKind::Const(turn as i32)) })?;
                        front.statements(&repeated.body.stmts)?;
                        let ended = front.scopes.leave();
                        front.drop_all(&ended, &close)
                    };
                    front.leavable(Target::new(Way::Continue, label), lower).map(drop)
                })?;
                front.origin = origin;
                front.emit(StmtKind::Block(statements))?;
            }
            Ok(())
        })?;
        self.loops -= 1;
        Ok(())
    }

    /// A bound of a range: a number.
    fn bound(&mut self, bound: Option<&Syntax>, wanted: Option<&Type>, span: &Range<usize>) -> Result<Value, Problem> {
        let help = "write numbers, as in `for i in 0..3`; other loops are written with `while`";
        let Some(bound) = bound else {
            return Err(Problem::at("a range without an end", span.clone()).with_help(help));
        };
        let value = self.value(bound, wanted)?;
        match (&value.expr.kind, &value.ty) {
            (ExprKind::Const(_), Type::Int(_)) => Ok(value),
            _ => Err(Problem::at("a range whose bounds are not known", value.span).with_help(help)),
        }
    }
}

fn form(statements: &[Stmt], continues: bool) -> Form<'_> {
    match statements {
        // A loop that only asks does nothing in its turns.
        [rest @ .., last] if !rest.is_empty() && !continues && breaks(last).is_some() => {
            breaks(last).map_or(Form::Endless, |end| Form::AskLast(end, rest))
        }
        [first, rest @ ..] => breaks(first).map_or(Form::Endless, |end| Form::AskFirst(end, rest)),
        [] => Form::Endless,
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

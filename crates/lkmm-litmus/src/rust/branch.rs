//! `if`, as a statement and as a value.

use super::leave::least;
use super::matching::Name;
use super::types::Type;
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Register, Stmt, StmtKind};
use lkmm_report::Problem;
use std::ops::Range;
use syn::{Expr as Syntax, ExprIf};

/// What a condition binds where it holds.
pub(super) struct Bound {
    pub(super) name: Name,
    pub(super) register: Register,
    pub(super) value: Value,
}

/// One of the ways that a statement goes.
pub(super) struct Way {
    pub(super) statements: Vec<Stmt>,
    /// Its value, if it has one.
    pub(super) value: Option<Value>,
}

impl Front<'_> {
    pub(super) fn if_statement(&mut self, branch: &ExprIf) -> Result<(), Problem> {
        self.if_else(branch, None, None).map(drop)
    }

    /// An `if` as a value, each arm of which goes into a register.
    pub(super) fn if_into(
        &mut self,
        register: Register,
        branch: &ExprIf,
        wanted: Option<&Type>,
    ) -> Result<Value, Problem> {
        let span = self.range(branch);
        if branch.else_branch.is_none() {
            return Err(Problem::at("an `if` without `else` has no value", span).with_help("write the `else`"));
        }
        let value = self.if_else(branch, Some(register), wanted)?;
        value.ok_or_else(|| Problem::at("this `if` has no value", span))
    }

    fn if_else(
        &mut self,
        branch: &ExprIf,
        register: Option<Register>,
        wanted: Option<&Type>,
    ) -> Result<Option<Value>, Problem> {
        let header = self.at(branch.if_token.span).start..self.range(&branch.cond).end;
        self.begin(header);
        let (condition, bound) = self.condition(&branch.cond)?;
        let origin = self.origin;
        let otherwise = branch.else_branch.as_ref().map(|(_, otherwise)| &**otherwise);
        self.fork(
            condition,
            origin,
            &mut |front| front.arm(bound.as_ref(), register, wanted, &branch.then_branch),
            otherwise.map(|otherwise| {
                move |front: &mut Self| match (otherwise, register) {
                    (Syntax::If(branch), _) => front.if_else(branch, register, wanted),
                    (Syntax::Block(block), _) => front.arm(None, register, wanted, &block.block),
                    (other, _) => Err(Problem::at("expected a block or an `if`", front.range(other))),
                }
            }),
        )
    }

    /// A block with what the condition before it binds.
    pub(super) fn arm(
        &mut self,
        bound: Option<&Bound>,
        register: Option<Register>,
        wanted: Option<&Type>,
        block: &syn::Block,
    ) -> Result<Option<Value>, Problem> {
        self.scopes.enter();
        if let Some(bound) = bound {
            self.bind_pattern(bound)?;
        }
        let value = match register {
            Some(register) => Some(self.block_into(register, block, wanted)?),
            None => {
                self.statements(&block.stmts)?;
                None
            }
        };
        let ended = self.scopes.leave();
        let close = self.at(block.brace_token.span.close());
        self.drop_all(&ended, &close)?;
        Ok(value)
    }

    /// Two ways, of which a condition decides. The value is of the type that both have.
    pub(super) fn fork<E>(
        &mut self,
        condition: Expr,
        origin: u32,
        then: &mut dyn FnMut(&mut Self) -> Result<Option<Value>, Problem>,
        otherwise: Option<E>,
    ) -> Result<Option<Value>, Problem>
    where
        E: FnOnce(&mut Self) -> Result<Option<Value>, Problem>,
    {
        let (before, reachable) = (self.scopes.states(), self.reachable);
        let outer = self.leaves.take();
        let (value, statements) = self.collect(then)?;
        let then = Way { statements, value };
        let (after, then_ends) = (self.scopes.states(), self.reachable);
        self.scopes.restore(&before);
        self.reachable = reachable;
        let otherwise = match otherwise {
            Some(lower) => {
                let (value, statements) = self.collect(lower)?;
                Some(Way { statements, value })
            }
            None => None,
        };
        match (then_ends, self.reachable) {
            (true, true) => self.scopes.join(&after),
            (true, false) => self.scopes.restore(&after),
            (false, _) => {}
        }
        self.reachable |= then_ends;
        let leaves = self.leaves.take();
        self.leaves = least(outer, leaves);
        self.origin = origin;
        let block = |statements| Box::new(Stmt { kind: StmtKind::Block(statements), origin });
        let (rest, other_value) = match otherwise {
            Some(Way { mut statements, value }) => {
                let single = statements.len() == 1 && matches!(statements[0].kind, StmtKind::If { .. });
                let rest = if single { statements.pop().map(Box::new) } else { Some(block(statements)) };
                (rest, value)
            }
            None => (None, None),
        };
        self.emit_branch(StmtKind::If { condition, then: block(then.statements), otherwise: rest }, leaves)?;
        match (then.value, other_value) {
            (Some(a), Some(b)) => self.both(a, b).map(Some),
            _ => Ok(None),
        }
    }

    /// The value of one way or the other.
    fn both(&mut self, a: Value, b: Value) -> Result<Value, Problem> {
        if a.ty == Type::Never {
            return Ok(b);
        }
        if b.ty == Type::Never {
            return Ok(a);
        }
        for value in [&a, &b] {
            if matches!(value.ty, Type::Guard(_) | Type::MaybeGuard | Type::Exchanged(_)) {
                return Err(Problem::at(
                    format!("a `{}` that comes from one way or another", value.ty),
                    value.span.clone(),
                )
                .with_help("use it on the way that it comes from"));
            }
        }
        self.require(&b, &a.ty)?;
        let ty = a.ty.clone().joined(&b.ty);
        if a.ty == Type::Int(None) {
            self.require(&a, &ty)?;
        }
        Ok(Value { ty, ..a })
    }

    /// A condition, and what it binds.
    pub(super) fn condition(&mut self, condition: &Syntax) -> Result<(Expr, Option<Bound>), Problem> {
        let span = self.range(condition);
        let Syntax::Let(found) = super::place::unwrapped(condition) else {
            let value = self.value(condition, Some(&Type::Bool))?;
            self.require(&value, &Type::Bool)?;
            return Ok((value.expr, None));
        };
        let value = self.scrutinee(&found.expr)?;
        let shape = self.shape(&found.pat, &value.ty)?;
        let (value, register) = self.held(value, &shape, false)?;
        let test = match self.test(&shape, &value, &span)? {
            Some(test) => test,
            None => Expr::leaf(ExprKind::Const(1)),
        };
        let bound = shape.name().cloned().map(|name| Bound { name, register, value });
        Ok((test, bound))
    }

    /// Binds the name in a pattern to what it matches.
    pub(super) fn bind_pattern(&mut self, bound: &Bound) -> Result<(), Problem> {
        let Bound { name, register, value } = bound;
        let ty = match &value.ty {
            Type::MaybeGuard if name.inner => Type::Guard(super::types::Ended::CriticalSection),
            Type::Exchanged(of) if name.inner => (**of).clone(),
            ty => ty.clone(),
        };
        let value = Value { expr: value.expr.clone(), ty, of: value.of.clone(), span: name.span.clone() };
        // What changes, or what is matched and changes, has a register of its own.
        let changes = self.scopes.bindings.iter().any(|binding| binding.register == *register && binding.mutable);
        if name.mutable || changes {
            let own = self.hidden(&name.text);
            self.emit(StmtKind::Assign { register: Some(own), value: value.expr.clone() })?;
            return self.bind_value((&name.text, name.span.start), own, name.mutable, None, value);
        }
        self.bind_value((&name.text, name.span.start), *register, false, None, value)
    }
}

/// The header of a statement, without its blocks.
pub(super) fn header(start: Range<usize>, end: Range<usize>) -> Range<usize> {
    start.start..end.end
}

//! Guards: what they end is ended where they are dropped. That is where their scope ends, the last bound first, or where they
//! are moved into `drop`.
//!
//! Each guard is known by its binding, so where it ends is known without running the program, or else the program is refused.

use super::scope::{BindingId, State};
use super::types::{Ended, Type};
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Stmt, StmtKind};
use crate::text::quoted;
use lkmm_model::event::{Fence, Mode};
use lkmm_report::Problem;
use std::ops::Range;

impl Front<'_> {
    /// Begins a critical section: a statement of its own, as the guard is no number.
    pub(super) fn lock(&mut self, address: Expr, span: Range<usize>) -> Result<Value, Problem> {
        self.detach(&span)?;
        self.require_stable(&address, &span)?;
        self.emit(StmtKind::Lock(address.clone()))?;
        self.guard(Ended::CriticalSection, Some(address), span)
    }

    /// Begins a reader of RCU.
    pub(super) fn rcu_reader(&mut self, span: Range<usize>) -> Result<Value, Problem> {
        self.detach(&span)?;
        self.emit(StmtKind::Fence(Fence::RcuLock))?;
        self.guard(Ended::RcuReader, None, span)
    }

    /// Begins a reader of SRCU, whose guard holds the index that ends it.
    pub(super) fn srcu_reader(&mut self, domain: Expr, span: Range<usize>) -> Result<Value, Problem> {
        self.require_stable(&domain, &span)?;
        let load = ExprKind::Load { address: Box::new(domain.clone()), mode: Mode::SrcuLock };
        let expr = self.node(load, domain.height, &span)?;
        self.effects = true;
        Ok(Value { expr, ty: Type::Guard(Ended::SrcuReader), of: Some(domain), span })
    }

    fn guard(&mut self, ended: Ended, of: Option<Expr>, span: Range<usize>) -> Result<Value, Problem> {
        Ok(Value { expr: Expr::leaf(ExprKind::Const(0)), ty: Type::Guard(ended), of, span })
    }

    /// What a guard is for must be found again when it is dropped.
    pub(super) fn require_stable(&self, address: &Expr, span: &Range<usize>) -> Result<(), Problem> {
        let stable = match address.kind {
            ExprKind::Const(_) => true,
            ExprKind::Register(register) => {
                !self.scopes.bindings.iter().any(|binding| binding.register == register && binding.mutable)
            }
            _ => false,
        };
        if stable {
            return Ok(());
        }
        Err(Problem::at("what this is about must be known until it ends", span.clone())
            .with_help("bind it with `let`, without `mut`, in a statement of its own first"))
    }

    /// What looks at a guard that nothing binds drops it as well, which is hardly what is meant.
    pub(super) fn require_bound(&self, guard: &Value) -> Result<(), Problem> {
        if matches!(guard.expr.kind, ExprKind::Register(_)) {
            return Ok(());
        }
        Err(Problem::at("this guard is dropped where it is looked at", guard.span.clone())
            .with_help("bind it with `let`, or by `if let Some(guard) = …`"))
    }

    /// Drops a value that is no binding's any more.
    pub(super) fn drop_value(&mut self, value: &Value) -> Result<(), Problem> {
        let expr = match value.expr.kind {
            ExprKind::Register(_) | ExprKind::Const(_) => value.expr.clone(),
            _ => {
                // It was not bound: the statement ends with its beginning and its end.
                let register = self.hidden("guard");
                self.emit(StmtKind::Assign { register: Some(register), value: value.expr.clone() })?;
                Expr::leaf(ExprKind::Register(register))
            }
        };
        self.end(&value.ty, value.of.as_ref(), expr)
    }

    /// Ends what a guard of this type, and with this value, holds.
    fn end(&mut self, ty: &Type, of: Option<&Expr>, value: Expr) -> Result<(), Problem> {
        let address = || of.cloned().unwrap_or(Expr::leaf(ExprKind::Const(0)));
        match ty {
            Type::Guard(Ended::CriticalSection) => self.emit(StmtKind::Unlock(address())),
            Type::Guard(Ended::RcuReader) => self.emit(StmtKind::Fence(Fence::RcuUnlock)),
            Type::Guard(Ended::SrcuReader) => {
                self.emit(StmtKind::Store { address: address(), value, mode: Mode::SrcuUnlock })
            }
            Type::MaybeGuard => {
                let unlock = Stmt { kind: StmtKind::Unlock(address()), origin: self.origin };
                let then = Box::new(Stmt { kind: StmtKind::Block(vec![unlock]), origin: self.origin });
                self.emit(StmtKind::If { condition: value, then, otherwise: None })
            }
            _ => Ok(()),
        }
    }

    /// Drops what was bound in a scope that ends here.
    pub(super) fn drop_all(&mut self, bound: &[BindingId], close: &Range<usize>) -> Result<(), Problem> {
        if !self.reachable {
            return Ok(());
        }
        for &id in bound {
            let binding = &self.scopes.bindings[id];
            if !matches!(binding.ty, Type::Guard(_) | Type::MaybeGuard) {
                continue;
            }
            match &binding.state {
                State::Live => {
                    let (ty, of, name) = (binding.ty.clone(), binding.of.clone(), binding.name.clone());
                    let value = Expr::leaf(ExprKind::Register(binding.register));
                    self.begin_as(close.clone(), format!("drop({name})"));
                    self.end(&ty, of.as_ref(), value)?;
                    self.scopes.bindings[id].state = State::Moved(close.clone());
                }
                State::Unset | State::Moved(_) => {}
                State::Perhaps => {
                    let message = format!("whether {} is still held here depends on the way", quoted(&binding.name));
                    return Err(Problem::at(message, close.clone()).with_help("drop it on each way, or on none"));
                }
            }
        }
        Ok(())
    }
}

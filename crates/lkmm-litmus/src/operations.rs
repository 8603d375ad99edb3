//! Where the operators of a program stand, to tell which of them was applied to what it is not defined on.
//!
//! A control path keeps values and no statements, so an [`IllegalOperation`] does not say where it was written. It names the
//! operator and the operands, and a constant operand is the same in the source: mostly one statement is left.

use crate::ast::{Expr, ExprKind, Process, Stmt, StmtKind};
use lkmm_model::program::{IllegalOperation, Operator, Value};

/// The operators of a program.
pub(crate) struct Operations(Vec<Operation>);

struct Operation {
    op: Operator,
    left: Option<i32>,
    right: Option<i32>,
    origin: u32,
}

impl Operations {
    /// Those of some processes.
    pub(crate) fn of(processes: &[Process]) -> Operations {
        let mut operations = Operations(Vec::new());
        processes.iter().for_each(|process| operations.add_block(&process.body));
        operations
    }

    /// The origin of the statement that must have applied an operator, if it is the only one that can have.
    pub(crate) fn origin(&self, illegal: &IllegalOperation) -> Option<u32> {
        let fits = |constant: Option<i32>, value| constant.is_none_or(|c| Value::Int(c) == value);
        // A condition that fails is the opposite comparison.
        let ops = [Some(illegal.op), illegal.op.opposite()];
        let applied =
            |o: &&Operation| ops.contains(&Some(o.op)) && fits(o.left, illegal.left) && fits(o.right, illegal.right);
        let mut origins = self.0.iter().filter(applied).map(|o| o.origin);
        let origin = origins.next()?;
        origins.all(|other| other == origin).then_some(origin)
    }

    fn add_block(&mut self, body: &[Stmt]) {
        body.iter().for_each(|statement| self.add_statement(statement));
    }

    fn add_statement(&mut self, Stmt { kind, origin }: &Stmt) {
        let origin = *origin;
        match kind {
            StmtKind::Declare | StmtKind::Fence(_) | StmtKind::Leave(_) => {}
            StmtKind::Block(body) | StmtKind::Labelled { body, .. } => self.add_block(body),
            StmtKind::Leaving { branch, .. } => self.add_statement(branch),
            StmtKind::If { condition, then, otherwise } => {
                self.add(condition, origin);
                self.add_statement(then);
                otherwise.iter().for_each(|otherwise| self.add_statement(otherwise));
            }
            StmtKind::Loop { condition, body, .. } => {
                self.add(condition, origin);
                self.add_statement(body);
            }
            StmtKind::Assign { value, .. } => self.add(value, origin),
            StmtKind::Store { address, value, .. } => {
                self.add(address, origin);
                self.add(value, origin);
            }
            StmtKind::Lock(expr) | StmtKind::Unlock(expr) | StmtKind::SyncSrcu(expr) => self.add(expr, origin),
            StmtKind::AtomicOp { address, op, value } => {
                self.add(address, origin);
                self.add_update(*op, value, origin);
            }
        }
    }

    fn add(&mut self, expr: &Expr, origin: u32) {
        match &expr.kind {
            ExprKind::Const(_) | ExprKind::Register(_) => {}
            ExprKind::Load { address, .. } | ExprKind::TryLock(address) | ExprKind::IsLocked(address) => {
                self.add(address, origin);
            }
            ExprKind::Binary { op, left, right } => {
                self.0.push(Operation { op: *op, left: constant(left), right: constant(right), origin });
                self.add(left, origin);
                self.add(right, origin);
            }
            ExprKind::Exchange { address, value, .. } => {
                self.add(address, origin);
                self.add(value, origin);
            }
            ExprKind::CompareExchange { address, old, new, .. } => {
                [address, old, new].into_iter().for_each(|operand| self.add(operand, origin));
            }
            ExprKind::AtomicOp { address, op, value, .. } => {
                self.add(address, origin);
                self.add_update(*op, value, origin);
            }
            ExprKind::AddUnless { address, add, unless, .. } => {
                self.add(address, origin);
                self.add_update(Operator::Add, add, origin);
                self.add(unless, origin);
            }
        }
    }

    /// The operator of an atomic operation, whose left operand is what memory holds.
    fn add_update(&mut self, op: Operator, value: &Expr, origin: u32) {
        self.0.push(Operation { op, left: None, right: constant(value), origin });
        self.add(value, origin);
    }
}

fn constant(expr: &Expr) -> Option<i32> {
    if let ExprKind::Const(value) = expr.kind { Some(value) } else { None }
}

//! Where the registers of a process are declared. A register is one for the whole process; in a text it has a scope.
//!
//! It is declared where it is first assigned, if that stands before everything else that is done with it, in the same block or
//! around it; else at the beginning, with the value 0 that it has there.

use crate::ast::{Expr, ExprKind, Register, Stmt, StmtKind};
use std::collections::BTreeMap;

/// The statements of a block, with those of the blocks in it that are nothing but blocks.
pub(super) fn flat(statements: &[Stmt]) -> Vec<&Stmt> {
    let mut found = Vec::new();
    for statement in statements {
        match &statement.kind {
            StmtKind::Block(inner) => found.extend(flat(inner)),
            StmtKind::Declare => {}
            _ => found.push(statement),
        }
    }
    found
}

/// The statements of an arm or of a body.
pub(super) fn body(statement: &Stmt) -> Vec<&Stmt> {
    match &statement.kind {
        StmtKind::Block(inner) => flat(inner),
        StmtKind::Declare => Vec::new(),
        _ => vec![statement],
    }
}

/// What is done with a register.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses {
    pub(super) assigned: u32,
    pub(super) read: u32,
    /// The statement that declares it, by its place in memory; none if it is declared at the beginning.
    pub(super) declared_by: Option<*const Stmt>,
    /// The block of that statement.
    block: u32,
    /// Is everything else behind that statement, and in its block?
    dominated: bool,
}

impl Uses {
    /// Does it get a value more than once?
    pub(super) fn is_mutable(&self) -> bool {
        self.assigned > u32::from(self.declared_by.is_some())
    }
}

/// Looks at what is done with the registers of a process.
pub(super) fn uses(statements: &[Stmt], parameters: usize) -> BTreeMap<Register, Uses> {
    let mut walk = Walk { uses: BTreeMap::new(), open: vec![0], blocks: 0 };
    walk.block(&flat(statements));
    let is_parameter = |register: &Register| (*register as usize) < parameters;
    walk.uses.retain(|register, _| !is_parameter(register));
    for uses in walk.uses.values_mut().filter(|uses| !uses.dominated) {
        uses.declared_by = None;
    }
    walk.uses
}

/// Is a register declared in the outermost block, where a condition finds it?
pub(super) fn is_outermost(uses: &Uses) -> bool {
    uses.declared_by.is_none() || uses.block == 0
}

struct Walk {
    uses: BTreeMap<Register, Uses>,
    /// The blocks that are open, the outermost first.
    open: Vec<u32>,
    blocks: u32,
}

impl Walk {
    fn inside(&mut self, statements: &[&Stmt]) {
        self.blocks += 1;
        self.open.push(self.blocks);
        self.block(statements);
        self.open.pop();
    }

    fn block(&mut self, statements: &[&Stmt]) {
        for &statement in statements {
            match &statement.kind {
                StmtKind::Declare | StmtKind::Fence(_) | StmtKind::Block(_) => {}
                // Refused before.
                StmtKind::Labelled { .. } | StmtKind::Leave(_) | StmtKind::Leaving { .. } => {}
                StmtKind::If { condition, then, otherwise } => {
                    self.read(condition);
                    self.inside(&body(then));
                    otherwise.iter().for_each(|otherwise| self.inside(&body(otherwise)));
                }
                StmtKind::Loop { condition, body: turn, body_first } => {
                    if !body_first {
                        self.read(condition);
                    }
                    self.blocks += 1;
                    self.open.push(self.blocks);
                    self.block(&body(turn));
                    if *body_first {
                        self.read(condition);
                    }
                    self.open.pop();
                }
                StmtKind::Assign { register, value } => {
                    self.read(value);
                    if let Some(register) = register {
                        self.assign(*register, statement);
                    }
                }
                StmtKind::Store { address, value, .. } | StmtKind::AtomicOp { address, value, .. } => {
                    self.read(address);
                    self.read(value);
                }
                StmtKind::Lock(expr) | StmtKind::Unlock(expr) | StmtKind::SyncSrcu(expr) => self.read(expr),
            }
        }
    }

    fn assign(&mut self, register: Register, statement: &Stmt) {
        let here = self.open[self.open.len() - 1];
        match self.uses.get_mut(&register) {
            Some(uses) => {
                uses.assigned += 1;
                uses.dominated &= self.open.contains(&uses.block);
            }
            None => {
                let declared_by = Some(std::ptr::from_ref(statement));
                let uses = Uses { assigned: 1, read: 0, declared_by, block: here, dominated: true };
                self.uses.insert(register, uses);
            }
        }
    }

    fn read(&mut self, expr: &Expr) {
        for_each_register(expr, &mut |register| {
            let uses = self.uses.entry(register).or_default();
            uses.read += 1;
            uses.dominated &= self.open.contains(&uses.block);
        });
    }
}

/// Visits the registers of an expression.
pub(super) fn for_each_register(expr: &Expr, visit: &mut impl FnMut(Register)) {
    if let ExprKind::Register(register) = expr.kind {
        visit(register);
    }
    operands(expr).into_iter().for_each(|operand| for_each_register(operand, visit));
}

/// The operands of an expression.
pub(super) fn operands(expr: &Expr) -> Vec<&Expr> {
    match &expr.kind {
        ExprKind::Const(_) | ExprKind::Register(_) => Vec::new(),
        ExprKind::Load { address, .. } | ExprKind::TryLock(address) | ExprKind::IsLocked(address) => vec![address],
        ExprKind::Binary { left, right, .. } => vec![left, right],
        ExprKind::Exchange { address, value, .. } | ExprKind::AtomicOp { address, value, .. } => vec![address, value],
        ExprKind::CompareExchange { address, old, new, .. } => vec![address, old, new],
        ExprKind::AddUnless { address, add, unless, .. } => vec![address, add, unless],
    }
}

//! What becomes a guard. C begins and ends critical sections and readers by calls; Rust begins them by taking a guard, and ends
//! them where the guard is dropped. That fits where each end belongs to one beginning, in the same block or around it. Where it
//! does not, a lock is taken and its guard forgotten, and one is made where it is unlocked.

use super::scopes::{body, flat, for_each_register, operands};
use crate::ast::{Expr, ExprKind, Process, Register, Stmt, StmtKind};
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::Operator;
use std::collections::BTreeSet;

/// What a guard holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    /// The lock that a parameter is.
    Lock(Register),
    Rcu,
    /// A reader of SRCU, by the register that has its index.
    Srcu(Register),
}

/// What a statement does to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begin(Held),
    End(Held),
}

/// What a statement begins or ends.
pub(super) fn step(statement: &Stmt) -> Option<Step> {
    match &statement.kind {
        StmtKind::Lock(Expr { kind: ExprKind::Register(lock), .. }) => Some(Step::Begin(Held::Lock(*lock))),
        StmtKind::Unlock(Expr { kind: ExprKind::Register(lock), .. }) => Some(Step::End(Held::Lock(*lock))),
        StmtKind::Fence(Fence::RcuLock) => Some(Step::Begin(Held::Rcu)),
        StmtKind::Fence(Fence::RcuUnlock) => Some(Step::End(Held::Rcu)),
        StmtKind::Assign { register: Some(index), value } => match value.kind {
            ExprKind::Load { mode: Mode::SrcuLock, .. } => Some(Step::Begin(Held::Srcu(*index))),
            _ => None,
        },
        StmtKind::Store { value: Expr { kind: ExprKind::Register(index), .. }, mode: Mode::SrcuUnlock, .. } => {
            Some(Step::End(Held::Srcu(*index)))
        }
        _ => None,
    }
}

/// The lock of a `spin_trylock` that a condition asks for, and whether the condition holds if it was taken.
pub(super) fn tried(condition: &Expr) -> Option<(Register, bool)> {
    let (asked, holds) = asked(condition);
    match &asked.kind {
        ExprKind::TryLock(address) => match address.kind {
            ExprKind::Register(lock) => Some((lock, holds)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a condition holds where a register is 1, and not where it is 0.
pub(super) fn asks_for(condition: &Expr, register: Register) -> Option<bool> {
    let (asked, holds) = asked(condition);
    matches!(asked.kind, ExprKind::Register(r) if r == register).then_some(holds)
}

/// What is compared with 0 or 1, and whether the condition holds where it is 1.
fn asked(condition: &Expr) -> (&Expr, bool) {
    if let ExprKind::Binary { op, left, right } = &condition.kind {
        match (op, &right.kind) {
            (Operator::Ne, ExprKind::Const(0)) | (Operator::Eq, ExprKind::Const(1)) => return (left, true),
            (Operator::Eq, ExprKind::Const(0)) => return (left, false),
            _ => {}
        }
    }
    (condition, true)
}

/// The lock and the register of `r = spin_trylock(l)`.
pub(super) fn try_assignment(statement: &Stmt) -> Option<(Register, Register)> {
    match &statement.kind {
        StmtKind::Assign { register: Some(register), value } => match &value.kind {
            ExprKind::TryLock(address) => match address.kind {
                ExprKind::Register(lock) => Some((lock, *register)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// What of a process is held by guards.
pub(super) fn held_by_guards(process: &Process, observed: &BTreeSet<&str>) -> BTreeSet<Held> {
    let statements = flat(&process.body);
    let mut candidates = BTreeSet::new();
    for_each_statement(&statements, &mut |statement| {
        if let Some(Step::Begin(held) | Step::End(held)) = step(statement) {
            candidates.insert(held);
        }
        if let Some((lock, _)) = try_assignment(statement) {
            candidates.insert(Held::Lock(lock));
        }
        if let StmtKind::If { condition, .. } = &statement.kind {
            candidates.extend(tried(condition).map(|(lock, _)| Held::Lock(lock)));
        }
    });
    candidates.retain(|held| match *held {
        Held::Srcu(index) => {
            let name = process.registers[index as usize].as_str();
            !observed.contains(name) && only_an_index(&statements, index) && is_nested(&statements, *held)
        }
        _ => is_nested(&statements, *held),
    });
    candidates
}

/// Visits all statements that are no blocks.
pub(super) fn for_each_statement<'s>(statements: &[&'s Stmt], visit: &mut impl FnMut(&'s Stmt)) {
    for statement in statements {
        visit(statement);
        match &statement.kind {
            StmtKind::If { then, otherwise, .. } => {
                for_each_statement(&body(then), visit);
                otherwise.iter().for_each(|otherwise| for_each_statement(&body(otherwise), visit));
            }
            StmtKind::Loop { body: turn, .. } => for_each_statement(&body(turn), visit),
            _ => {}
        }
    }
}

/// The expressions of a statement, without those of the blocks in it.
pub(super) fn expressions(statement: &Stmt) -> Vec<&Expr> {
    match &statement.kind {
        StmtKind::If { condition, .. } | StmtKind::Loop { condition, .. } => vec![condition],
        StmtKind::Assign { value, .. } => vec![value],
        StmtKind::Store { address, value, .. } | StmtKind::AtomicOp { address, value, .. } => vec![address, value],
        StmtKind::Lock(expr) | StmtKind::Unlock(expr) | StmtKind::SyncSrcu(expr) => vec![expr],
        StmtKind::Declare
        | StmtKind::Block(_)
        | StmtKind::Fence(_)
        | StmtKind::Labelled { .. }
        | StmtKind::Leave(_)
        | StmtKind::Leaving { .. } => Vec::new(),
    }
}

/// Is a register assigned by `srcu_read_lock` alone, always of one domain, and read by `srcu_read_unlock` of that alone?
fn only_an_index(statements: &[&Stmt], index: Register) -> bool {
    let (mut fits, mut domains) = (true, BTreeSet::new());
    for_each_statement(statements, &mut |statement| {
        let mut reads = 0;
        expressions(statement).into_iter().for_each(|expr| {
            for_each_register(expr, &mut |register| reads += u32::from(register == index));
        });
        let held = Held::Srcu(index);
        let address = match (&statement.kind, step(statement)) {
            (StmtKind::Assign { value, .. }, Some(Step::Begin(begun))) if begun == held => {
                fits &= reads == 0;
                operands(value).first().copied()
            }
            (StmtKind::Store { address, .. }, Some(Step::End(ended))) if ended == held => {
                fits &= reads == 1;
                Some(address)
            }
            (StmtKind::Assign { register: Some(register), .. }, _) if *register == index => {
                fits = false;
                None
            }
            _ => {
                fits &= reads == 0;
                None
            }
        };
        match address.map(|address| &address.kind) {
            Some(ExprKind::Register(domain)) => drop(domains.insert(*domain)),
            Some(_) => fits = false,
            None => {}
        }
    });
    fits && domains.len() == 1
}

/// Where something that is held began: the block, and how many loops there are around it.
type Begun = (u32, u32);

struct Nesting {
    held: Held,
    blocks: u32,
    loops: u32,
}

/// Does each end belong to one beginning, whatever way is taken?
fn is_nested(statements: &[&Stmt], held: Held) -> bool {
    let mut nesting = Nesting { held, blocks: 0, loops: 0 };
    nesting.block(statements, Vec::new()).is_some_and(|open| open.is_empty())
}

impl Nesting {
    /// What is open behind a block, if it fits.
    fn block(&mut self, statements: &[&Stmt], mut open: Vec<Begun>) -> Option<Vec<Begun>> {
        self.blocks += 1;
        let block = self.blocks;
        // The lock that the statement before this one has tried, and its register.
        let mut tried_before = None;
        for statement in statements {
            let before = tried_before.take();
            if before.is_some() && step(statement).is_some() {
                return None;
            }
            match step(statement) {
                Some(Step::Begin(held)) if held == self.held => {
                    let nests = self.held == Held::Rcu;
                    if !nests && !open.is_empty() {
                        return None;
                    }
                    open.push((block, self.loops));
                    continue;
                }
                Some(Step::End(held)) if held == self.held => {
                    open.pop().filter(|(_, loops)| *loops == self.loops)?;
                    continue;
                }
                _ => {}
            }
            tried_before = try_assignment(statement).filter(|(lock, _)| Held::Lock(*lock) == self.held);
            if tried_before.is_none() && !matches!(statement.kind, StmtKind::If { .. }) && self.tries(statement) {
                return None;
            }
            match &statement.kind {
                StmtKind::If { condition, then, otherwise } => {
                    let taken = match before {
                        Some((_, register)) => Some(asks_for(condition, register)?),
                        None => {
                            let direct = tried(condition).filter(|(lock, _)| Held::Lock(*lock) == self.held);
                            if direct.is_none() && self.tries(statement) {
                                return None;
                            }
                            direct.map(|(_, holds)| holds)
                        }
                    };
                    if taken.is_some() && !open.is_empty() {
                        return None;
                    }
                    let other = otherwise.as_deref().map_or_else(Vec::new, body);
                    let then = self.arm(&body(then), &open, taken == Some(true))?;
                    let otherwise = self.arm(&other, &open, taken == Some(false))?;
                    if then != otherwise {
                        return None;
                    }
                    open = then;
                }
                StmtKind::Loop { body: turn, .. } => {
                    self.loops += 1;
                    let after = self.block(&body(turn), open.clone());
                    self.loops -= 1;
                    if after? != open {
                        return None;
                    }
                }
                // A `spin_trylock` whose register nothing asks right away.
                _ if before.is_some() => return None,
                _ => {}
            }
        }
        // Whatever begins here ends here, but for what the process holds at its end.
        if tried_before.is_some() || block > 1 && open.iter().any(|(begun, _)| *begun == block) {
            return None;
        }
        Some(open)
    }

    fn arm(&mut self, statements: &[&Stmt], open: &[Begun], taken: bool) -> Option<Vec<Begun>> {
        let mut open = open.to_vec();
        if taken {
            // In the block that comes next.
            open.push((self.blocks + 1, self.loops));
        }
        self.block(statements, open)
    }

    /// Does an expression of a statement try to take the lock?
    fn tries(&self, statement: &Stmt) -> bool {
        fn tries(expr: &Expr, held: Held) -> bool {
            let here = match &expr.kind {
                ExprKind::TryLock(address) => {
                    matches!(address.kind, ExprKind::Register(lock) if Held::Lock(lock) == held)
                }
                _ => false,
            };
            here || operands(expr).into_iter().any(|operand| tries(operand, held))
        }
        expressions(statement).into_iter().any(|expr| tries(expr, self.held))
    }
}

/// The ends that need no `drop`, for the block ends behind them and drops in the same order; and their beginnings. `before` is
/// held by the block from its beginning.
pub(super) fn implicit(statements: &[&Stmt], guarded: &BTreeSet<Held>, before: Option<Held>) -> BTreeSet<*const Stmt> {
    let guarded_step = |statement: &Stmt| {
        step(statement).filter(|step| {
            let (Step::Begin(held) | Step::End(held)) = step;
            guarded.contains(held)
        })
    };
    let is_end = |statement: &&&Stmt| matches!(guarded_step(statement), Some(Step::End(_)));
    let tail = statements.iter().rev().take_while(is_end).count();
    let (front, tail) = statements.split_at(statements.len() - tail);
    let mut open: Vec<(Held, *const Stmt)> = before.map(|held| (held, std::ptr::null())).into_iter().collect();
    for statement in front {
        match guarded_step(statement) {
            Some(Step::Begin(held)) => open.push((held, std::ptr::from_ref(*statement))),
            Some(Step::End(held)) => {
                if let Some(at) = open.iter().rposition(|(h, _)| *h == held) {
                    open.remove(at);
                }
            }
            None => {}
        }
    }
    let ends: Vec<Held> = tail
        .iter()
        .filter_map(|s| match guarded_step(s) {
            Some(Step::End(held)) => Some(held),
            _ => None,
        })
        .collect();
    let begun: Vec<Held> = open.iter().rev().map(|(held, _)| *held).collect();
    if ends != begun {
        return BTreeSet::new();
    }
    let begins = open.iter().map(|(_, statement)| *statement);
    begins.chain(tail.iter().map(|statement| std::ptr::from_ref(*statement))).collect()
}

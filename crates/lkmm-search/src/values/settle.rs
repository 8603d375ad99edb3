//! Settling: the equations that are left when every read has its source.
//!
//! What is still unknown then is determined by nothing but itself. The equations between the open reads are solved by
//! unification, as herd7 does: reads that copy each other in a circle are one class, and a class that no equation gives a
//! value is a symbol (out of thin air). An equation that is no copy (`x = x + 1`) has no solution. An equation may turn into a
//! copy when others have been solved, so they are gone over until nothing changes.

use super::facts::holds;
use super::{Contradiction, Known, Source, Values};
use crate::run::{Run, Stop};
use lkmm_model::program::{Constraint, Expr, ExprId, Operator, Value};
use rustc_hash::{FxHashMap, FxHashSet};

impl Values<'_, '_> {
    /// Solves what is left when every read has its source: copies in a circle become symbols. Undone by
    /// [`undo`](Self::undo) like any other step. False if there is no solution.
    pub(crate) fn settle(&mut self, run: &Run<'_>) -> Result<bool, Stop> {
        match self.solve(run) {
            Ok(()) => Ok(true),
            Err(Unsolved::Contradiction) => Ok(false),
            Err(Unsolved::Stopped(stop)) => Err(stop),
        }
    }

    fn solve(&mut self, run: &Run<'_>) -> Result<(), Unsolved> {
        let n = self.reads.len();
        let open: Vec<usize> = (0..n).filter(|&e| self.sources[e].is_some() && self.reads[e] == Known::Open).collect();
        let mut classes = Classes { parent: (0..n).collect(), value: vec![None; n] };
        // An equation may become a copy only when others have been solved (`x = (y ^ y) + 1`).
        let mut equations = self.open_equations(&open);
        loop {
            let before = equations.len();
            let mut left = Vec::new();
            for (a, b) in equations {
                run.check_deadline()?;
                match (self.side(&mut classes, a), self.side(&mut classes, b)) {
                    (Some(a), Some(b)) => equate(&mut classes, a, b)?,
                    _ => left.push((a, b)),
                }
            }
            equations = left;
            if equations.is_empty() {
                break;
            }
            if equations.len() == before {
                return Err(Unsolved::Contradiction);
            }
        }
        let mut symbols = Vec::new();
        for &read in &open {
            let root = classes.root(read);
            let value = classes.value[root].unwrap_or_else(|| {
                let number = symbols.iter().position(|&r| r == root).unwrap_or_else(|| {
                    symbols.push(root);
                    symbols.len() - 1
                });
                Value::Symbol(number as u32)
            });
            self.queue.clear();
            self.queue.push((read, Known::Is(value)));
            self.propagate()?;
        }
        Ok(self.verify()?)
    }

    /// The equations between open reads and what they read, and of `cmpxchg`s that succeed.
    fn open_equations(&self, open: &[usize]) -> Vec<(Operand, Operand)> {
        let mut equations = Vec::new();
        for &read in open {
            if let Some(Source::Write(write)) = self.sources[read] {
                let (template, thread) = self.combination.template(write);
                if let Some(value) = template.value {
                    equations.push((Operand::Read(read), Operand::Expr(thread, value)));
                }
            }
        }
        for (thread, path) in self.combination.paths.iter().enumerate() {
            for constraint in &path.constraints {
                if let Constraint::Equal(a, b) = *constraint {
                    if self.expr(thread, a) == Known::Open || self.expr(thread, b) == Known::Open {
                        equations.push((Operand::Expr(thread, a), Operand::Expr(thread, b)));
                    }
                }
            }
        }
        equations
    }

    /// What an operand is, if that can be said: a value, or a copy of a read.
    fn side(&self, classes: &mut Classes, operand: Operand) -> Option<Side> {
        let (thread, id) = match operand {
            Operand::Read(read) => return Some(classes.side(read)),
            Operand::Expr(thread, id) => (thread, id),
        };
        if let Some(side) = self.leaf(classes, thread, id) {
            return side;
        }
        // Operands have lower numbers, so they are done first, each once however often it is used.
        let exprs = &self.combination.paths[thread].exprs;
        let mut below = vec![id];
        let mut seen: FxHashSet<ExprId> = below.iter().copied().collect();
        let mut at = 0;
        while let Some(&expr) = below.get(at) {
            at += 1;
            if let (Expr::Op(_, a, b), None) = (exprs[expr as usize], self.leaf(classes, thread, expr)) {
                let operands = match self.combination.facts[thread].copy_of[expr as usize] {
                    Some(original) => [original, original],
                    None => [a, b],
                };
                below.extend(operands.into_iter().filter(|&operand| seen.insert(operand)));
            }
        }
        below.sort_unstable();
        let mut sides: FxHashMap<ExprId, Option<Side>> = FxHashMap::default();
        for expr in below {
            let side = self.leaf(classes, thread, expr).unwrap_or_else(|| {
                let of = |operand: ExprId| sides.get(&operand).copied().flatten();
                match (exprs[expr as usize], self.combination.facts[thread].copy_of[expr as usize]) {
                    (_, Some(original)) => of(original),
                    (Expr::Op(op, a, b), None) => combined(op, of(a)?, of(b)?),
                    _ => None,
                }
            });
            sides.insert(expr, side);
        }
        sides.get(&id).copied().flatten()
    }

    /// What an expression is that needs no other to be said first. `None` for an operator whose value is open.
    fn leaf(&self, classes: &mut Classes, thread: usize, id: ExprId) -> Option<Option<Side>> {
        if let Known::Is(value) = self.expr(thread, id) {
            return Some(Some(Side::Value(value)));
        }
        match self.combination.paths[thread].exprs[id as usize] {
            Expr::Const(value) => Some(Some(Side::Value(value))),
            Expr::Read(event) => Some(Some(classes.side(self.combination.events[thread] + event as usize))),
            Expr::Op(..) => None,
        }
    }

    /// Every equation must have come out: no expression open, no constraint open, each read equal to its write.
    fn verify(&self) -> Result<(), Contradiction> {
        for (thread, path) in self.combination.paths.iter().enumerate() {
            for (id, _) in path.exprs.iter().enumerate() {
                if self.expr(thread, id as ExprId) == Known::Open {
                    return Err(Contradiction);
                }
            }
            for constraint in &path.constraints {
                if !holds(constraint, |e| self.expr(thread, e))? {
                    return Err(Contradiction);
                }
            }
        }
        for (read, source) in self.sources.iter().enumerate() {
            if let Some(Source::Write(write)) = *source {
                if self.written(write) != self.reads[read] {
                    return Err(Contradiction);
                }
            }
        }
        Ok(())
    }
}

/// An operator applied to two terms.
fn combined(op: Operator, a: Side, b: Side) -> Option<Side> {
    use Operator::{Eq, Ne, Xor};
    match (op, a, b) {
        (_, Side::Value(a), Side::Value(b)) => Value::apply(op, a, b).ok().flatten().map(Side::Value),
        (Xor | Ne, a, b) if a == b => Some(Side::Value(Value::Int(0))),
        (Eq, a, b) if a == b => Some(Side::Value(Value::Int(1))),
        _ => None,
    }
}

/// Why equations have not been solved.
enum Unsolved {
    /// They have no solution.
    Contradiction,
    /// The search is over.
    Stopped(Stop),
}

impl From<Contradiction> for Unsolved {
    fn from(_: Contradiction) -> Self {
        Unsolved::Contradiction
    }
}

impl From<Stop> for Unsolved {
    fn from(stop: Stop) -> Self {
        Unsolved::Stopped(stop)
    }
}

/// A term of an equation.
#[derive(Clone, Copy)]
enum Operand {
    Read(usize),
    Expr(usize, ExprId),
}

/// What a term is: a value, or equal to a class of reads (named by its root).
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Read(usize),
    Value(Value),
}

fn equate(classes: &mut Classes, a: Side, b: Side) -> Result<(), Contradiction> {
    match (a, b) {
        (Side::Value(a), Side::Value(b)) if a == b => Ok(()),
        (Side::Value(_), Side::Value(_)) => Err(Contradiction),
        (Side::Read(read), Side::Value(value)) | (Side::Value(value), Side::Read(read)) => {
            let root = classes.root(read);
            classes.fix(root, value)
        }
        (Side::Read(a), Side::Read(b)) => classes.unite(a, b),
    }
}

/// Union-find over reads.
struct Classes {
    parent: Vec<usize>,
    value: Vec<Option<Value>>,
}

impl Classes {
    fn side(&mut self, read: usize) -> Side {
        let root = self.root(read);
        self.value[root].map_or(Side::Read(root), Side::Value)
    }

    fn root(&mut self, mut a: usize) -> usize {
        while self.parent[a] != a {
            self.parent[a] = self.parent[self.parent[a]];
            a = self.parent[a];
        }
        a
    }

    fn fix(&mut self, root: usize, value: Value) -> Result<(), Contradiction> {
        match self.value[root].replace(value) {
            Some(old) if old != value => Err(Contradiction),
            _ => Ok(()),
        }
    }

    fn unite(&mut self, a: usize, b: usize) -> Result<(), Contradiction> {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.parent[b] = a;
            if let Some(value) = self.value[b] {
                self.fix(a, value)?;
            }
        }
        Ok(())
    }
}

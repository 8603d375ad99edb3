//! Settling: the equations that are left when every read has its source.
//!
//! What is still unknown then is determined by nothing but itself. The equations are solved by unification, as herd7 does:
//! open reads and operators are variables; reads that copy each other in a circle are one class, and a class that no equation
//! gives a value is a symbol (out of thin air). An operator whose operands stay unknown (`x = x + 1`) is an equation without
//! solution.

use super::facts::holds;
use super::{Contradiction, Known, Source, Values};
use crate::run::{Run, Stop};
use lkmm_model::program::{Constraint, Expr, ExprId, Value};

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
        let mut classes = Classes::new(n + self.exprs.len());
        for (a, b) in self.open_equations(&open) {
            classes.equate(a, b)?;
        }
        // An operator may get its value only when others have (`x = (y ^ y) + 1`).
        let mut operators = self.open_operators();
        loop {
            let before = operators.len();
            let mut left = Vec::new();
            for (thread, id) in operators {
                run.check_deadline()?;
                match self.evaluated(&mut classes, thread, id) {
                    Some(value) => classes.equate(self.term(thread, id), value)?,
                    None => left.push((thread, id)),
                }
            }
            operators = left;
            if operators.is_empty() {
                break;
            }
            if operators.len() == before {
                return Err(Unsolved::Contradiction);
            }
        }
        let mut symbols = Vec::new();
        for &read in &open {
            let value = match classes.resolve(Value::Symbol(read as u32)) {
                Value::Symbol(root) => {
                    let number = symbols.iter().position(|&r| r == root).unwrap_or_else(|| {
                        symbols.push(root);
                        symbols.len() - 1
                    });
                    Value::Symbol(number as u32)
                }
                value => value,
            };
            self.queue.clear();
            self.queue.push((read, Known::Is(value)));
            self.propagate()?;
        }
        Ok(self.verify()?)
    }

    /// The equations between open reads and what they read, and of `cmpxchg`s that succeed.
    fn open_equations(&self, open: &[usize]) -> Vec<(Value, Value)> {
        let mut equations = Vec::new();
        for &read in open {
            if let Some(Source::Write(write)) = self.sources[read] {
                let (template, thread) = self.combination.template(write);
                if let Some(value) = template.value {
                    equations.push((Value::Symbol(read as u32), self.term(thread, value)));
                }
            }
        }
        for (thread, path) in self.combination.paths.iter().enumerate() {
            for constraint in &path.constraints {
                if let Constraint::Equal(a, b) = *constraint {
                    equations.push((self.term(thread, a), self.term(thread, b)));
                }
            }
        }
        equations
    }

    /// The operators that have no value and are no copies, operands first.
    fn open_operators(&self) -> Vec<(usize, ExprId)> {
        let mut operators = Vec::new();
        for (thread, path) in self.combination.paths.iter().enumerate() {
            let copy_of = &self.combination.facts[thread].copy_of;
            let is_open = |&id: &usize| {
                matches!(path.exprs[id], Expr::Op(..))
                    && copy_of[id].is_none()
                    && self.expr(thread, id as ExprId) == Known::Open
            };
            operators.extend((0..path.exprs.len()).filter(is_open).map(|id| (thread, id as ExprId)));
        }
        operators
    }

    /// An expression as a term of equations: its value, or the number of its variable as a symbol. Reads are the first
    /// variables; after them comes one for each expression, of which those of operators count.
    fn term(&self, thread: usize, id: ExprId) -> Value {
        if let Known::Is(value) = self.expr(thread, id) {
            return value;
        }
        match self.combination.facts[thread].variable(self.combination.paths[thread], id) {
            Expr::Const(value) => value,
            Expr::Read(event) => Value::Symbol((self.combination.events[thread] + event as usize) as u32),
            Expr::Op(_, id, _) => {
                Value::Symbol((self.reads.len() + self.combination.exprs[thread] + id as usize) as u32)
            }
        }
    }

    /// The value of an operator, if its operands give it one. (If it is yet another variable's, that is an open equation.)
    fn evaluated(&self, classes: &mut Classes, thread: usize, id: ExprId) -> Option<Value> {
        let Expr::Op(operator, a, b) = self.combination.paths[thread].exprs[id as usize] else { return None };
        let [a, b] = [a, b].map(|operand| classes.resolve(self.term(thread, operand)));
        Value::apply(operator, a, b).ok().flatten().filter(|value| !matches!(value, Value::Symbol(_)))
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

/// Union-find over variables.
struct Classes {
    /// Of each variable: its value, or a variable of its class (as a symbol): itself, if it is the class's first.
    known: Vec<Value>,
}

impl Classes {
    fn new(variables: usize) -> Self {
        Classes { known: (0..variables as u32).map(Value::Symbol).collect() }
    }

    /// What is known of a term: a value, or the first variable of its class.
    fn resolve(&mut self, mut term: Value) -> Value {
        while let Value::Symbol(variable) = term {
            let next = self.known[variable as usize];
            if next == term {
                break;
            }
            if let Value::Symbol(next) = next {
                self.known[variable as usize] = self.known[next as usize];
            }
            term = next;
        }
        term
    }

    fn equate(&mut self, a: Value, b: Value) -> Result<(), Contradiction> {
        match (self.resolve(a), self.resolve(b)) {
            (a, b) if a == b => Ok(()),
            (Value::Symbol(variable), other) | (other, Value::Symbol(variable)) => {
                self.known[variable as usize] = other;
                Ok(())
            }
            _ => Err(Contradiction),
        }
    }
}

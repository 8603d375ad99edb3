//! The value equations of one choice of control paths and `rf`, solved by brute iteration.
//!
//! Every read event and every operator of a path is a variable. A read equals what its write writes, and its address
//! equals the write's; an operator equals its result as soon as its operands are known. Equations between two
//! variables unify them, so that values may be copied in a circle; a variable that nothing determines is a symbol.
//!
//! As in herd7, there are two rounds, and what counts as a copy is settled between them. The first looks at the paths
//! alone: an operator that yields one of its operands whatever that is (`r + 0`) is a copy. The second has `rf` too: an
//! operator whose result is still a variable then (`r + s`, where `s` reads 0) is no copy but an open equation, and if
//! nothing determines it there is no solution.

use lkmm_model::program::{Constraint, Expr, ExprId, IllegalOperation, Path, Value};

/// What is known of the expressions of one path per thread.
#[derive(Clone)]
pub(crate) struct Solver<'p> {
    paths: &'p [&'p Path],
    /// Of each thread, its first variable. A path's variables are its events (those that are reads count), then its
    /// expressions (those that are operators count).
    first: Vec<u32>,
    /// Of each variable: its value, or a variable that it equals (a smaller one), or, if it is that number, nothing.
    known: Vec<Value>,
    /// An operator was applied to values on which it is not defined.
    pub(crate) illegal: Option<IllegalOperation>,
    /// Operators that are not yet evaluated.
    open: Vec<(usize, ExprId)>,
}

/// The equations have no solution.
#[derive(Debug)]
pub(crate) struct Contradiction;

impl<'p> Solver<'p> {
    /// The first round: the equations of the paths themselves.
    pub(crate) fn new(paths: &'p [&'p Path]) -> Result<Solver<'p>, Contradiction> {
        let mut first = Vec::with_capacity(paths.len());
        let mut next = 0;
        let mut open = Vec::new();
        for (thread, path) in paths.iter().enumerate() {
            first.push(next);
            next += (path.events.len() + path.exprs.len()) as u32;
            let operators = (0..path.exprs.len()).filter(|&e| matches!(path.exprs[e], Expr::Op(..)));
            open.extend(operators.map(|e| (thread, e as ExprId)));
        }
        let mut solver = Solver { paths, first, known: (0..next).map(Value::Symbol).collect(), illegal: None, open };
        for (thread, path) in paths.iter().enumerate() {
            for constraint in &path.constraints {
                if let Constraint::Equal(a, b) = *constraint {
                    solver.unify(solver.expr(thread, a), solver.expr(thread, b))?;
                }
            }
        }
        let copies = solver.evaluate_all()?;
        for (result, value) in copies {
            solver.unify(result, value)?;
        }
        Ok(solver)
    }

    /// What is known of the value that a read event returns. A symbol is the number of a variable.
    pub(crate) fn read(&self, thread: usize, event: u32) -> Value {
        self.resolve(Value::Symbol(self.first[thread] + event))
    }

    /// What is known of an expression.
    pub(crate) fn expr(&self, thread: usize, expr: ExprId) -> Value {
        match self.paths[thread].exprs[expr as usize] {
            Expr::Const(value) => self.resolve(value),
            Expr::Read(event) => self.read(thread, event),
            Expr::Op(..) => self.resolve(self.result(thread, expr)),
        }
    }

    /// The variable of an operator.
    fn result(&self, thread: usize, expr: ExprId) -> Value {
        Value::Symbol(self.first[thread] + self.paths[thread].events.len() as u32 + expr)
    }

    fn resolve(&self, mut value: Value) -> Value {
        while let Value::Symbol(variable) = value {
            let next = self.known[variable as usize];
            if next == value {
                break;
            }
            value = next;
        }
        value
    }

    /// Adds the equation `a = b`.
    pub(crate) fn unify(&mut self, a: Value, b: Value) -> Result<(), Contradiction> {
        match (self.resolve(a), self.resolve(b)) {
            (a, b) if a == b => Ok(()),
            (Value::Symbol(x), Value::Symbol(y)) => {
                self.known[x.max(y) as usize] = Value::Symbol(x.min(y));
                Ok(())
            }
            (Value::Symbol(variable), value) | (value, Value::Symbol(variable)) => {
                self.known[variable as usize] = value;
                Ok(())
            }
            _ => Err(Contradiction),
        }
    }

    /// The second round: with the equations that were added.
    ///
    /// Fails if they contradict each other, or if an operator or a branch is left whose operands nothing determines.
    /// (After an illegal operation, whose result stays open, such leftovers are let pass.)
    pub(crate) fn solve(&mut self) -> Result<(), Contradiction> {
        let late_copies = self.evaluate_all()?;
        if !(self.open.is_empty() && late_copies.is_empty()) && self.illegal.is_none() {
            return Err(Contradiction);
        }
        for (thread, path) in self.paths.iter().enumerate() {
            for constraint in &path.constraints {
                if let Constraint::Branch(condition, taken) = *constraint {
                    match self.expr(thread, condition).is_true() {
                        Some(truth) if truth == taken => {}
                        None if self.illegal.is_some() => {}
                        _ => return Err(Contradiction),
                    }
                }
            }
        }
        Ok(())
    }

    /// Evaluates open operators as long as one has a value. Returns those that equal another variable, with it.
    fn evaluate_all(&mut self) -> Result<Vec<(Value, Value)>, Contradiction> {
        let mut open = std::mem::take(&mut self.open);
        loop {
            let before = open.len();
            let mut left = Vec::new();
            let mut copies = Vec::new();
            for (thread, expr) in open {
                match self.evaluate(thread, expr) {
                    Some(symbol @ Value::Symbol(_)) => copies.push((thread, expr, symbol)),
                    Some(value) => self.unify(self.result(thread, expr), value)?,
                    None => left.push((thread, expr)),
                }
            }
            if left.len() + copies.len() == before {
                self.open = left;
                return Ok(copies.iter().map(|&(thread, expr, value)| (self.result(thread, expr), value)).collect());
            }
            left.extend(copies.iter().map(|&(thread, expr, _)| (thread, expr)));
            open = left;
        }
    }

    /// Applies an operator, if its operands allow it. After an illegal operation, nothing is known.
    fn evaluate(&mut self, thread: usize, expr: ExprId) -> Option<Value> {
        let Expr::Op(operator, a, b) = self.paths[thread].exprs[expr as usize] else { return None };
        match Value::apply(operator, self.expr(thread, a), self.expr(thread, b)) {
            Ok(value) => value,
            Err(illegal) => {
                self.illegal.get_or_insert(illegal);
                None
            }
        }
    }
}

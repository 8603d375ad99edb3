//! The value equations of one choice of control paths and `rf`, solved by brute iteration.
//!
//! Every read event and every operator of a path is a variable. A read equals what its write writes, and its address
//! equals the write's; an operator equals its result as soon as its operands are known. Equations between two
//! variables unify them, so that values may be copied in a circle; a variable that nothing determines is a symbol.

use lkmm_model::program::{Constraint, Expr, ExprId, IllegalOperation, Path, Value};

/// What is known of the expressions of one path per thread.
pub(crate) struct Solver<'p> {
    paths: &'p [&'p Path],
    /// Of each thread, its first variable. A path's variables are its events (those that are reads count), then its
    /// expressions (those that are operators count).
    first: Vec<u32>,
    /// Of each variable: its value, or a variable that it equals (a smaller one), or, if it is that number, nothing.
    known: Vec<Value>,
    /// An operator was applied to values on which it is not defined.
    pub(crate) illegal: Option<IllegalOperation>,
}

/// The equations have no solution.
#[derive(Debug)]
pub(crate) struct Contradiction;

impl<'p> Solver<'p> {
    pub(crate) fn new(paths: &'p [&'p Path]) -> Solver<'p> {
        let mut first = Vec::with_capacity(paths.len());
        let mut next = 0;
        for path in paths {
            first.push(next);
            next += (path.events.len() + path.exprs.len()) as u32;
        }
        Solver { paths, first, known: (0..next).map(Value::Symbol).collect(), illegal: None }
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

    /// Solves the paths' own equations, together with those that were added.
    ///
    /// Fails if they contradict each other, or if an operator or a branch is left whose operands nothing determines.
    /// (After an illegal operation, whose result stays open, such leftovers are let pass.)
    pub(crate) fn solve(&mut self) -> Result<(), Contradiction> {
        let paths = self.paths;
        for (thread, path) in paths.iter().enumerate() {
            for constraint in &path.constraints {
                if let Constraint::Equal(a, b) = *constraint {
                    self.unify(self.expr(thread, a), self.expr(thread, b))?;
                }
            }
        }
        let mut open: Vec<(usize, ExprId)> = Vec::new();
        for (thread, path) in paths.iter().enumerate() {
            let operators = (0..path.exprs.len()).filter(|&e| matches!(path.exprs[e], Expr::Op(..)));
            open.extend(operators.map(|e| (thread, e as ExprId)));
        }
        loop {
            let before = open.len();
            let mut left = Vec::new();
            for (thread, expr) in open {
                if !self.evaluate(thread, expr)? {
                    left.push((thread, expr));
                }
            }
            open = left;
            if open.len() == before {
                break;
            }
        }
        if !open.is_empty() && self.illegal.is_none() {
            return Err(Contradiction);
        }
        for (thread, path) in paths.iter().enumerate() {
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

    /// Applies an operator, if its operands allow it: `false` if they do not yet.
    fn evaluate(&mut self, thread: usize, expr: ExprId) -> Result<bool, Contradiction> {
        let Expr::Op(operator, a, b) = self.paths[thread].exprs[expr as usize] else { return Ok(true) };
        match Value::apply(operator, self.expr(thread, a), self.expr(thread, b)) {
            Ok(Some(value)) => self.unify(self.result(thread, expr), value).map(|()| true),
            Ok(None) => Ok(false),
            Err(illegal) => {
                self.illegal.get_or_insert(illegal);
                Ok(true)
            }
        }
    }
}

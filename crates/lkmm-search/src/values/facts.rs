//! What is known of a control path before any read: its expressions evaluated as far as constants go, and who has to hear
//! when a read becomes known.
//!
//! All combinations with a path share these tables, so a value that becomes known is followed along lists that exist already.

use super::Contradiction;
use crate::outcome::SearchError;
use lkmm_model::program::{Constraint, Expr, ExprId, IllegalOperation, LocationId, Operator, Path, Program, Value};

/// What is known of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Known {
    Open,
    Is(Value),
    /// It applies an operator to values that it is not defined on.
    Illegal(IllegalOperation),
}

impl Known {
    /// The location that this is known to be the address of.
    pub(crate) fn location_in(self, program: &Program) -> Option<LocationId> {
        match self {
            Known::Is(address) => program.location_at(address),
            Known::Open | Known::Illegal(_) => None,
        }
    }
}

/// Facts about a path that every combination with it shares.
#[derive(Debug)]
pub(crate) struct PathFacts {
    /// For each event that is a read: the expressions above it, operands first.
    pub(super) dependents: Vec<Vec<ExprId>>,
    /// For each expression: the constraints that mention it.
    pub(super) constraints: Vec<Vec<u32>>,
    /// For each expression: the events that write its value.
    pub(super) writers: Vec<Vec<u32>>,
    /// What is known without any read.
    pub(super) constant: Vec<Known>,
    /// Operators that yield one operand whatever it is (`r + 0`), with that operand, or what that is a copy of.
    pub(super) copy_of: Vec<Option<ExprId>>,
    /// For each expression: the reads below it.
    pub(crate) support: Vec<Vec<u32>>,
    /// Entries of `support` over all expressions: by far the largest of these tables can be that.
    pub(crate) size: usize,
}

impl PathFacts {
    /// `None` if the path's constraints contradict each other whatever the reads return.
    ///
    /// # Errors
    /// [`TooManyDependencies`](SearchError::TooManyDependencies) if the size is beyond `limit`.
    pub(crate) fn new(path: &Path, limit: usize) -> Result<Option<Self>, SearchError> {
        let n = path.exprs.len();
        let mut facts = PathFacts {
            dependents: vec![Vec::new(); path.events.len()],
            constraints: vec![Vec::new(); n],
            writers: vec![Vec::new(); n],
            constant: vec![Known::Open; n],
            copy_of: vec![None; n],
            support: vec![Vec::new(); n],
            size: 0,
        };
        for (id, expr) in path.exprs.iter().enumerate() {
            match *expr {
                Expr::Const(value) => facts.constant[id] = Known::Is(value),
                Expr::Read(event) => facts.support[id].push(event),
                Expr::Op(op, a, b) => {
                    facts.constant[id] = facts.constant_of(path, op, a, b);
                    facts.copy_of[id] = facts.operand_copied(op, a, b);
                    if facts.constant[id] == Known::Open {
                        let mut support = facts.support[a as usize].clone();
                        support.extend(&facts.support[b as usize]);
                        support.sort_unstable();
                        support.dedup();
                        facts.support[id] = support;
                    }
                }
            }
            facts.size += facts.support[id].len();
            if facts.size > limit {
                return Err(SearchError::TooManyDependencies);
            }
            for &read in &facts.support[id] {
                facts.dependents[read as usize].push(id as ExprId);
            }
        }
        for (event, template) in path.events.iter().enumerate() {
            if let (true, Some(value)) = (template.label.is_write(), template.value) {
                facts.writers[value as usize].push(event as u32);
            }
        }
        for (number, constraint) in path.constraints.iter().enumerate() {
            let (a, b) = operands(constraint);
            facts.constraints[a as usize].push(number as u32);
            if a != b {
                facts.constraints[b as usize].push(number as u32);
            }
            if holds(constraint, |e| facts.constant[e as usize]).is_err() {
                return Ok(None);
            }
        }
        Ok(Some(facts))
    }

    /// What an operator yields whatever the reads return. An expression is equal to itself without being known.
    fn constant_of(&self, path: &Path, op: Operator, a: ExprId, b: ExprId) -> Known {
        let same = self.variable(path, a) == self.variable(path, b);
        match op {
            Operator::Xor | Operator::Ne if same => Known::Is(Value::Int(0)),
            Operator::Eq if same => Known::Is(Value::Int(1)),
            _ => apply(op, self.constant[a as usize], self.constant[b as usize]),
        }
    }

    fn operand_copied(&self, op: Operator, a: ExprId, b: ExprId) -> Option<ExprId> {
        let zero = Known::Is(Value::Int(0));
        let operand = match op {
            Operator::Add | Operator::Or if self.constant[a as usize] == zero => b,
            Operator::Add | Operator::Or if self.constant[b as usize] == zero => a,
            _ => return None,
        };
        // A copy of a copy is one of the original, so that no chain of them is ever walked.
        Some(self.copy_of[operand as usize].unwrap_or(operand))
    }

    /// The expression that an expression is a copy of.
    pub(super) fn variable(&self, path: &Path, expr: ExprId) -> Expr {
        let expr = self.copy_of[expr as usize].unwrap_or(expr);
        match path.exprs[expr as usize] {
            // Operators are told apart by where they stand.
            Expr::Op(op, ..) => Expr::Op(op, expr, expr),
            leaf => leaf,
        }
    }
}

fn operands(constraint: &Constraint) -> (ExprId, ExprId) {
    match *constraint {
        Constraint::Branch(e, _) => (e, e),
        Constraint::Equal(a, b) => (a, b),
    }
}

/// Does a constraint hold? `Ok(false)` if that is still open.
pub(super) fn holds(constraint: &Constraint, known: impl Fn(ExprId) -> Known) -> Result<bool, Contradiction> {
    let verdict = match *constraint {
        Constraint::Branch(e, taken) => match known(e) {
            Known::Is(value) => value.is_true().map(|v| v == taken),
            Known::Open => None,
            Known::Illegal(_) => Some(true),
        },
        Constraint::Equal(a, b) => match (known(a), known(b)) {
            (Known::Is(a), Known::Is(b)) => Some(a == b),
            (Known::Illegal(_), _) | (_, Known::Illegal(_)) => Some(true),
            _ => None,
        },
    };
    match verdict {
        Some(false) => Err(Contradiction),
        Some(true) => Ok(true),
        None => Ok(false),
    }
}

pub(super) fn apply(op: Operator, a: Known, b: Known) -> Known {
    match (a, b) {
        // Only what is a copy whatever the reads return is one; see `copy_of`.
        (Known::Is(Value::Symbol(_)), Known::Is(Value::Int(0)))
        | (Known::Is(Value::Int(0)), Known::Is(Value::Symbol(_))) => Known::Open,
        (Known::Is(a), Known::Is(b)) => match Value::apply(op, a, b) {
            Ok(Some(value)) => Known::Is(value),
            Ok(None) => Known::Open,
            Err(illegal) => Known::Illegal(illegal),
        },
        (Known::Illegal(i), _) | (_, Known::Illegal(i)) => Known::Illegal(i),
        _ => Known::Open,
    }
}

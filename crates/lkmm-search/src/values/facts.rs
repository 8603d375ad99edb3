//! What is known of a control path before any read: its expressions evaluated as far as constants go, and who has to hear
//! when a read becomes known.
//!
//! All combinations with a path share these tables, so a value that becomes known is followed along lists that exist already.

use super::Contradiction;
use crate::outcome::SearchError;
use lkmm_model::program::{
    Constraint, EventTemplate, Expr, ExprId, IllegalOperation, LocationId, Operator, Path, Program, Value,
};

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
    /// Expressions that may apply an operator to values that it is not defined on.
    pub(crate) fallible: Vec<ExprId>,
    /// Some write or lock operation may go to what is no location.
    may_go_astray: bool,
    /// Entries of `support` over all expressions: by far the largest of these tables can be that.
    pub(crate) size: usize,
}

impl PathFacts {
    /// `None` if the path's constraints contradict each other whatever the reads return. `pointers`: [`has_pointers`].
    ///
    /// # Errors
    /// [`TooManyDependencies`](SearchError::TooManyDependencies) if the size is beyond `limit`.
    pub(crate) fn new(
        path: &Path,
        program: &Program,
        pointers: bool,
        limit: usize,
    ) -> Result<Option<Self>, SearchError> {
        let n = path.exprs.len();
        let mut facts = PathFacts {
            dependents: vec![Vec::new(); path.events.len()],
            constraints: vec![Vec::new(); n],
            writers: vec![Vec::new(); n],
            constant: vec![Known::Open; n],
            copy_of: vec![None; n],
            support: vec![Vec::new(); n],
            fallible: Vec::new(),
            may_go_astray: false,
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
        facts.fallible = facts.fallible_of(path, pointers);
        facts.may_go_astray = path
            .events
            .iter()
            .filter(|event| !event.label.is_read())
            .any(|event| event.address.is_some_and(|a| facts.constant[a as usize].location_in(program).is_none()));
        Ok(Some(facts))
    }

    /// May an execution that takes this path end in an error?
    pub(crate) fn may_fail(&self) -> bool {
        self.may_go_astray || !self.fallible.is_empty()
    }

    fn fallible_of(&self, path: &Path, pointers: bool) -> Vec<ExprId> {
        let address = may_be_address(path, pointers, |e| self.constant[e as usize]);
        let may_fail = |&id: &ExprId| match (path.exprs[id as usize], self.constant[id as usize]) {
            (_, Known::Illegal(_)) => true,
            (Expr::Op(op, a, b), Known::Open) => {
                let divisor = self.constant[b as usize];
                let (a, b) = (address[a as usize], address[b as usize]);
                match op {
                    Operator::Eq | Operator::Ne => false,
                    Operator::Div => a || matches!(divisor, Known::Open | Known::Is(Value::Int(0))),
                    Operator::Add => a && b,
                    Operator::Sub => b,
                    _ => a || b,
                }
            }
            _ => false,
        };
        (0..path.exprs.len() as ExprId).filter(may_fail).collect()
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

/// Can a read of the program return an address? Not if no location holds one, and none is made up: an address that a read
/// decides may come out of thin air.
pub(crate) fn has_pointers(program: &Program) -> bool {
    let in_path = |path: &Path| {
        let constant = |e: ExprId| match path.exprs[e as usize] {
            Expr::Const(value) => Known::Is(value),
            _ => Known::Open,
        };
        let address = may_be_address(path, false, constant);
        let is_written = |e: &EventTemplate| e.label.is_write() && e.value.is_some_and(|v| address[v as usize]);
        let is_read = |e: &EventTemplate| e.address.is_some_and(|a| constant(a) == Known::Open);
        path.events.iter().any(|event| is_written(event) || is_read(event))
    };
    program.locations.iter().any(|location| !matches!(location.init, Value::Int(_)))
        || program.threads.iter().flat_map(|thread| &thread.paths).any(in_path)
}

/// Of each expression: may it be an address, if reads may return addresses or may not?
fn may_be_address(path: &Path, pointers: bool, constant: impl Fn(ExprId) -> Known) -> Vec<bool> {
    use Operator::{Eq, Ge, Gt, Le, Lt, Ne};
    let mut address: Vec<bool> = Vec::with_capacity(path.exprs.len());
    for (id, expr) in path.exprs.iter().enumerate() {
        address.push(match (*expr, constant(id as ExprId)) {
            (_, Known::Is(value)) => !matches!(value, Value::Int(_)),
            (Expr::Const(_) | Expr::Op(Eq | Ne | Lt | Le | Gt | Ge, ..), _) => false,
            (Expr::Read(_), _) => pointers,
            (Expr::Op(_, a, b), _) => address[a as usize] || address[b as usize],
        });
    }
    address
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

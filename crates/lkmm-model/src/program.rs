//! Programs: closed code, unfolded into control paths, that a search turns into executions.
//!
//! A [`Program`] is what is left of a litmus test when its syntax is gone. Each [`Thread`] is the set of its *control
//! paths*, one per way through its branches and bounded loops (and per outcome of each conditional operation:
//! `cmpxchg`, `spin_trylock`, …). On a path the events, `po`, `rmw` and the dependencies are known; the values, and
//! perhaps some addresses, are [expressions](Expr) over what the path's own reads return, and the path is taken only by
//! executions that satisfy its [`Constraint`]s.
//!
//! An execution is a path for each thread, a write for each read (`rf`), and a coherence order for each location
//! (`co`), such that all equations hold.

use crate::event::Label;
use std::fmt;

/// Index of a location in [`Program::locations`].
pub type LocationId = u32;
/// Index of an expression in [`Path::exprs`].
pub type ExprId = u32;
/// Index of an event in [`Path::events`].
pub type PathEvent = u32;

/// A value: a 32-bit integer (as in herd7's C), or the address of a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    /// An integer; arithmetic wraps at 32 bits.
    Int(i32),
    /// The address of a location, plus an offset. An offset other than 0 can be compared; it can be accessed only where
    /// [`Program::elements`] has a location.
    Address(LocationId, i32),
    /// A value that nothing determines: reads and writes copy it in a circle (out of thin air). Equal numbers within
    /// one execution are equal values.
    Symbol(u32),
    /// The bits of a value of a program that is run. Closed programs have none, and no operator applies to them.
    Bits(u64),
}

/// A binary operator. Comparisons and the logical operators yield 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    And,
    Or,
    Xor,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Operator {
    /// Of a comparison, the one that holds just where this one does not; `None` of other operators.
    ///
    /// ```
    /// use lkmm_model::program::Operator;
    /// assert_eq!((Operator::Lt.opposite(), Operator::Add.opposite()), (Some(Operator::Ge), None));
    /// ```
    pub const fn opposite(self) -> Option<Operator> {
        Some(match self {
            Operator::Eq => Operator::Ne,
            Operator::Ne => Operator::Eq,
            Operator::Lt => Operator::Ge,
            Operator::Ge => Operator::Lt,
            Operator::Gt => Operator::Le,
            Operator::Le => Operator::Gt,
            _ => return None,
        })
    }
}

/// An expression over the values that the reads of one path return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Expr {
    /// A constant.
    Const(Value),
    /// The value that a read event of this path returns.
    Read(PathEvent),
    /// An operator applied to two earlier expressions of the same path.
    Op(Operator, ExprId, ExprId),
}

/// What must hold for a path to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constraint {
    /// A branch: the expression is non-zero (`true`) or zero (`false`). It filters, and determines nothing.
    Branch(ExprId, bool),
    /// Two expressions are the same value (a `cmpxchg` that succeeds). As an equation it may determine a value.
    Equal(ExprId, ExprId),
}

/// An event of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTemplate {
    /// What it is.
    pub label: Label,
    /// Its location, for every label that [has one](Label::has_location): an expression whose value is an address.
    pub address: Option<ExprId>,
    /// What an ordinary write writes; `None` for every other event.
    pub value: Option<ExprId>,
    /// Part of an atomic read-modify-write (the set `RMW`).
    pub atomic: bool,
    /// Where it stands in the source: an index that only the producer of the program understands.
    pub origin: u32,
}

/// One way through a thread.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Path {
    /// The events, in an order that extends `po`.
    pub events: Vec<EventTemplate>,
    /// Pairs (lower index first) that `po` does *not* order, though it orders all others: operands of one C expression.
    pub unordered: Vec<(PathEvent, PathEvent)>,
    /// Expressions; an operator's operands come before it. Each is an equation, whether something uses it or not: one
    /// that has no solution rules the execution out.
    pub exprs: Vec<Expr>,
    /// What must hold for the path to be taken.
    pub constraints: Vec<Constraint>,
    /// Address dependencies, from a read to an event that has a location.
    pub addr: Vec<(PathEvent, PathEvent)>,
    /// Data dependencies, from a read to a write.
    pub data: Vec<(PathEvent, PathEvent)>,
    /// Control dependencies, from a read to a later event.
    pub ctrl: Vec<(PathEvent, PathEvent)>,
    /// Read-modify-write pairs. (Those of locks are derived by the model, and are not listed.)
    pub rmw: Vec<(PathEvent, PathEvent)>,
    /// Final values, one for each of [`Thread::registers`].
    pub finals: Vec<ExprId>,
    /// The path was cut at the unroll bound of a loop: its executions are incomplete and do not count.
    pub truncated: bool,
}

/// A thread: a name for each observable register, and its control paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Thread {
    /// The registers whose final values can be asked for.
    pub registers: Vec<String>,
    /// The control paths. A thread always has at least one.
    pub paths: Vec<Path>,
}

/// A shared location.
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    /// Its name.
    pub name: String,
    /// Its initial value.
    pub init: Value,
}

/// An element of an array other than the first: a location with an address of its own, at an offset from another one's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// The element.
    pub location: LocationId,
    /// The first element.
    pub array: LocationId,
    /// How far apart their addresses are.
    pub offset: i32,
}

/// Something whose final value can be observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Observable {
    /// A register: thread, index in [`Thread::registers`].
    Register(u32, u32),
    /// A location.
    Location(LocationId),
}

/// One side of an atom of a [`Proposition`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    /// A final value.
    Final(Observable),
    /// A constant.
    Const(Value),
}

/// A proposition over a final state.
#[derive(Clone, Debug, PartialEq)]
pub enum Proposition {
    /// Equality (`true`) or inequality (`false`) of two terms.
    Equal(Term, Term, bool),
    /// All hold; the empty conjunction is true.
    And(Vec<Proposition>),
    /// One holds; the empty disjunction is false.
    Or(Vec<Proposition>),
    /// It does not hold.
    Not(Box<Proposition>),
}

impl Proposition {
    /// Its value where perhaps not all final values are known: `None` if the answer depends on one that is not.
    pub fn evaluate(&self, known: &impl Fn(Observable) -> Option<Value>) -> Option<bool> {
        match self {
            Proposition::Equal(a, b, equal) => {
                let term = |t: &Term| match *t {
                    Term::Const(value) => Some(value),
                    Term::Final(observable) => known(observable),
                };
                Some((term(a)? == term(b)?) == *equal)
            }
            Proposition::Not(p) => p.evaluate(known).map(|holds| !holds),
            Proposition::And(all) => Self::fold(all, false, known),
            Proposition::Or(any) => Self::fold(any, true, known),
        }
    }

    /// A conjunction is decided by its first `false`, a disjunction by its first `true`.
    fn fold(parts: &[Self], decides: bool, known: &impl Fn(Observable) -> Option<Value>) -> Option<bool> {
        let mut open = false;
        for part in parts {
            match part.evaluate(known) {
                Some(holds) if holds == decides => return Some(decides),
                Some(_) => {}
                None => open = true,
            }
        }
        if open { None } else { Some(!decides) }
    }
}

/// A closed program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// The shared locations.
    pub locations: Vec<Location>,
    /// Those of them that are elements of arrays, other than first elements.
    pub elements: Vec<Element>,
    /// The threads.
    pub threads: Vec<Thread>,
    /// Executions whose final state violates it do not count (litmus `filter`).
    pub filter: Option<Proposition>,
    /// What the executions are counted for; `true` when a test asks nothing.
    pub condition: Option<Proposition>,
    /// What a final state consists of.
    pub observed: Vec<Observable>,
}

impl Program {
    /// The location whose address a value is, if any.
    pub fn location_at(&self, address: Value) -> Option<LocationId> {
        match address {
            Value::Address(location, 0) => Some(location),
            Value::Address(array, offset) => {
                let element = self.elements.iter().find(|e| (e.array, e.offset) == (array, offset));
                element.map(|e| e.location)
            }
            Value::Int(_) | Value::Symbol(_) | Value::Bits(_) => None,
        }
    }

    /// The address of a location.
    pub fn address_of(&self, location: LocationId) -> Value {
        let element = self.elements.iter().find(|e| e.location == location);
        element.map_or(Value::Address(location, 0), |e| Value::Address(e.array, e.offset))
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Value::Int(value)
    }
}

impl Value {
    /// Applies an operator as herd7's C semantics does.
    ///
    /// `Ok(None)` means that a [`Symbol`](Value::Symbol) leaves the result open.
    ///
    /// # Errors
    /// [`IllegalOperation`] for an operation that has no meaning on addresses, and for a division by zero.
    pub fn apply(op: Operator, a: Value, b: Value) -> Result<Option<Value>, IllegalOperation> {
        use Operator::*;
        use Value::*;
        let illegal = || IllegalOperation { op, left: a, right: b };
        let flag = |b: bool| Ok(Some(Int(b.into())));
        match (op, a, b) {
            (Add | Or, Int(0), v) | (Add | Or, v, Int(0)) => Ok(Some(v)),
            (Xor, a, b) if a == b => Ok(Some(Int(0))),
            (Eq, Symbol(x), Symbol(y)) if x == y => flag(true),
            (Ne, Symbol(x), Symbol(y)) if x == y => flag(false),
            (_, Symbol(_), _) | (_, _, Symbol(_)) => Ok(None),
            (Eq, a, b) => flag(a == b),
            (Ne, a, b) => flag(a != b),
            (Add, Int(x), Int(y)) => Ok(Some(Int(x.wrapping_add(y)))),
            (Sub, Int(x), Int(y)) => Ok(Some(Int(x.wrapping_sub(y)))),
            (Mul, Int(x), Int(y)) => Ok(Some(Int(x.wrapping_mul(y)))),
            (Div, Int(_), Int(0)) => Err(illegal()),
            (Div, Int(x), Int(y)) => Ok(Some(Int(x.wrapping_div(y)))),
            (And, Int(x), Int(y)) => Ok(Some(Int(x & y))),
            (Or, Int(x), Int(y)) => Ok(Some(Int(x | y))),
            (Xor, Int(x), Int(y)) => Ok(Some(Int(x ^ y))),
            (Lt, Int(x), Int(y)) => flag(x < y),
            (Le, Int(x), Int(y)) => flag(x <= y),
            (Gt, Int(x), Int(y)) => flag(x > y),
            (Ge, Int(x), Int(y)) => flag(x >= y),
            (Add, Address(l, o), Int(k)) | (Add, Int(k), Address(l, o)) => Ok(Some(Address(l, o.wrapping_add(k)))),
            (Sub, Address(l, o), Int(k)) => Ok(Some(Address(l, o.wrapping_sub(k)))),
            (Sub, Address(..), Address(..)) => Ok(Some(Int(match a.cmp(&b) {
                std::cmp::Ordering::Less => -1,
                std::cmp::Ordering::Equal => 0,
                std::cmp::Ordering::Greater => 1,
            }))),
            // herd7 orders an address after zero, whichever side it is on, and refuses other comparisons.
            (Lt, Address(..), Int(0)) | (Gt, Int(0), Address(..)) => flag(false),
            (Lt, Int(0), Address(..)) | (Gt, Address(..), Int(0)) => flag(true),
            _ => Err(illegal()),
        }
    }

    /// Is it an integer other than zero, or an address? `None` for a symbol.
    pub fn is_true(self) -> Option<bool> {
        match self {
            Value::Int(i) => Some(i != 0),
            Value::Address(..) => Some(true),
            Value::Bits(bits) => Some(bits != 0),
            Value::Symbol(_) => None,
        }
    }
}

/// An operation that herd7's C semantics refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IllegalOperation {
    /// The operator.
    pub op: Operator,
    /// Its left operand.
    pub left: Value,
    /// Its right operand.
    pub right: Value,
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::And => "&",
            Operator::Or => "|",
            Operator::Xor => "^",
            Operator::Eq => "==",
            Operator::Ne => "!=",
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
        })
    }
}

impl fmt::Display for IllegalOperation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |v: Value| match v {
            Value::Int(i) => i.to_string(),
            Value::Address(..) => "an address".to_string(),
            Value::Symbol(_) => "an undetermined value".to_string(),
            Value::Bits(bits) => format!("{bits:#x}"),
        };
        write!(f, "illegal operation {} on {} and {}", self.op, side(self.left), side(self.right))
    }
}

impl std::error::Error for IllegalOperation {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn propositions_are_decided_by_what_is_known() {
        let is = |location, n| {
            Proposition::Equal(Term::Final(Observable::Location(location)), Term::Const(Value::Int(n)), true)
        };
        // The first location is 1 at the end; of the second one nothing is known.
        let known = |observable| (observable == Observable::Location(0)).then_some(Value::Int(1));
        let value = |p: Proposition| p.evaluate(&known);
        let not = |p| Proposition::Not(Box::new(p));
        assert_eq!(value(Proposition::And(vec![is(0, 1), not(is(0, 2))])), Some(true));
        assert_eq!(value(Proposition::Or(vec![is(0, 0), is(0, 2)])), Some(false));
        assert_eq!(value(Proposition::And(vec![is(1, 1), is(0, 2)])), Some(false));
        assert_eq!(value(Proposition::Or(vec![is(1, 1), is(0, 1)])), Some(true));
        assert_eq!(value(Proposition::And(vec![is(1, 1), is(0, 1)])), None);
        assert_eq!(value(not(is(1, 1))), None);
    }
}

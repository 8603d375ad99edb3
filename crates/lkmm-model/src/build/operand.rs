//! What programs are built from: values computed from registers, places, and propositions over final states.

use crate::program::{LocationId, Observable, Operator, Proposition, Term, Value};
use std::ops::{Add, BitAnd, BitOr, BitXor, Mul, Not, Sub};

/// A register of a thread.
///
/// Within its thread it stands for the value that it holds at that point; in a proposition, for its final value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Register {
    pub(super) thread: u32,
    pub(super) index: u32,
}

/// A value to be computed: a constant, a register, or an operator applied to two of them.
///
/// What an event computes from a register depends on the reads that the register was loaded by. As in C, this is a matter
/// of syntax: `r0 ^ r0` is always 0, and depends on the read all the same.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// A constant.
    Const(Value),
    /// What a register holds.
    Register(Register),
    /// An operator applied to two operands.
    Op(Operator, Box<Operand>, Box<Operand>),
}

/// Where an access goes: a location, or what a pointer points to.
#[derive(Clone, Debug, PartialEq)]
pub struct Place(pub(super) Operand);

/// How an atomic operation is ordered: the suffix of its name in the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ordering {
    /// `_relaxed`
    Relaxed,
    /// `_acquire`, which is said of the read.
    Acquire,
    /// `_release`, which is said of the write.
    Release,
    /// No suffix: a full fence on both sides.
    Full,
}

/// The address of a location, as a value.
pub fn address_of(location: LocationId) -> Operand {
    Operand::Const(Value::Address(location, 0))
}

/// The final value of a location is this one.
pub fn finally(location: LocationId, value: impl Into<Value>) -> Proposition {
    Proposition::Equal(Term::Final(Observable::Location(location)), Term::Const(value.into()), true)
}

impl Register {
    /// The final value of the register is this one.
    pub fn is(self, value: impl Into<Value>) -> Proposition {
        Proposition::Equal(Term::Final(Observable::Register(self.thread, self.index)), Term::Const(value.into()), true)
    }

    /// An operator applied to the register and something else; a comparison yields 0 or 1.
    pub fn op(self, operator: Operator, right: impl Into<Operand>) -> Operand {
        Operand::from(self).op(operator, right)
    }
}

impl Operand {
    /// An operator applied to this and something else; a comparison yields 0 or 1.
    pub fn op(self, operator: Operator, right: impl Into<Operand>) -> Operand {
        Operand::Op(operator, Box::new(self), Box::new(right.into()))
    }
}

impl From<i32> for Operand {
    fn from(value: i32) -> Self {
        Operand::Const(Value::Int(value))
    }
}

impl From<Register> for Operand {
    fn from(register: Register) -> Self {
        Operand::Register(register)
    }
}

impl From<LocationId> for Place {
    fn from(location: LocationId) -> Self {
        Place(address_of(location))
    }
}

impl From<Register> for Place {
    fn from(pointer: Register) -> Self {
        Place(pointer.into())
    }
}

impl From<Operand> for Place {
    fn from(pointer: Operand) -> Self {
        Place(pointer)
    }
}

macro_rules! operators {
    ($($trait:ident $method:ident),+) => { $(
        impl<T: Into<Operand>> $trait<T> for Register {
            type Output = Operand;
            fn $method(self, right: T) -> Operand {
                self.op(operators!($trait), right)
            }
        }
        impl<T: Into<Operand>> $trait<T> for Operand {
            type Output = Operand;
            fn $method(self, right: T) -> Operand {
                self.op(operators!($trait), right)
            }
        }
    )+ };
    (BitAnd) => { Operator::And };
    (BitOr) => { Operator::Or };
    (BitXor) => { Operator::Xor };
    ($trait:ident) => { Operator::$trait };
}
operators!(Add add, Sub sub, Mul mul, BitAnd bitand, BitOr bitor, BitXor bitxor);

impl BitAnd for Proposition {
    type Output = Proposition;
    /// Both hold.
    fn bitand(self, other: Proposition) -> Proposition {
        Proposition::And(vec![self, other])
    }
}

impl BitOr for Proposition {
    type Output = Proposition;
    /// One holds.
    fn bitor(self, other: Proposition) -> Proposition {
        Proposition::Or(vec![self, other])
    }
}

impl Not for Proposition {
    type Output = Proposition;
    /// It does not hold.
    fn not(self) -> Proposition {
        Proposition::Not(Box::new(self))
    }
}

//! The little syntax trees of generated threads.

use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::{LocationId, Operator, Value};

/// A register of a thread.
pub(crate) type Register = usize;

/// Where a statement accesses memory.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    Static(LocationId),
    /// `&x + (r ^ r)`: an address dependency that changes nothing.
    Dependent(LocationId, Register),
    /// `*r`
    Deref(Register),
}

/// What a statement computes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Operand {
    Const(Value),
    Register(Register),
    /// `r op k`
    Op(Operator, Register, i32),
    /// `(r ^ r) + v`: a dependency that changes nothing.
    Dependent(Register, Value),
}

/// How an atomic operation is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ordering {
    Full,
    Relaxed,
    Acquire,
    Release,
}

/// What an atomic operation does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Atomic {
    /// `xchg`
    Exchange(Operand),
    /// `cmpxchg`: the expected value, and the new one.
    CompareExchange(Operand, Operand),
    /// `atomic_fetch_add`
    FetchAdd(Operand),
    /// `atomic_add_return`
    AddReturn(Operand),
    /// `atomic_add`, which returns nothing.
    Add(Operand),
    /// `atomic_add_unless`: what to add, and unless the value is this.
    AddUnless(Operand, Operand),
}

#[derive(Clone, Debug)]
pub(crate) enum Statement {
    Load(Mode, Place, Register),
    Store(Mode, Place, Operand),
    Fence(Fence),
    Atomic(Atomic, Ordering, Place, Register),
    Lock(LocationId),
    Unlock(LocationId),
    TryLock(LocationId, Register, Vec<Statement>),
    IsLocked(LocationId, Register),
    SrcuLock(LocationId, Register),
    SrcuUnlock(LocationId, Operand),
    SyncSrcu(LocationId),
    If(Operand, Vec<Statement>, Vec<Statement>),
    /// The sum of two loads, whose order `po` leaves open.
    LoadBoth([(Mode, LocationId); 2], Register),
    /// A loop met its bound: nothing follows on this path.
    Cut,
}

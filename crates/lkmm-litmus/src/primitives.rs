//! The kernel's primitives: which names there are, what each takes, and what it means.
//!
//! As in the definitions file of the reference, a name is known either as an expression (it has a value, which must be
//! used or cast to `(void)`) or as a statement. The `_relaxed`, `_acquire` and `_release` variants of the read-modify-writes are
//! derived from the name.

use crate::ast::{Ordering, Yields};
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::Operator;

/// What the location argument of a load or store must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// An lvalue `*p`, as for `READ_ONCE`.
    Lvalue,
    /// A pointer, as for `smp_load_acquire`.
    Pointer,
}

/// Where an atomic arithmetic operation takes its operand from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operand {
    /// The first argument; the pointer is the second.
    First,
    /// It is 1; the pointer is the only argument.
    One,
}

/// A primitive that has a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Load(Mode, Place),
    Exchange(Ordering),
    CompareExchange(Ordering),
    /// With a comparison of the result with 0, for the `…_and_test` family.
    AtomicOp(Operator, Operand, Yields, Ordering, Option<Operator>),
    AddUnless {
        boolean: bool,
    },
    TryLock,
    IsLocked,
}

/// A primitive that is a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statement {
    Store(Mode, Place),
    /// A `Once` store, then a full barrier.
    StoreMb,
    Fence(Fence),
    Lock,
    Unlock,
    AtomicOp(Operator, Operand),
    SyncSrcu,
}

impl Value {
    pub(crate) fn arity(self) -> usize {
        match self {
            Value::Load(..) | Value::TryLock | Value::IsLocked => 1,
            Value::Exchange(_) => 2,
            Value::CompareExchange(_) | Value::AddUnless { .. } => 3,
            Value::AtomicOp(_, operand, ..) => operand.arity(),
        }
    }
}

impl Statement {
    pub(crate) fn arity(self) -> usize {
        match self {
            Statement::Fence(_) => 0,
            Statement::Lock | Statement::Unlock | Statement::SyncSrcu => 1,
            Statement::Store(..) | Statement::StoreMb => 2,
            Statement::AtomicOp(_, operand) => operand.arity(),
        }
    }
}

impl Operand {
    fn arity(self) -> usize {
        match self {
            Operand::First => 2,
            Operand::One => 1,
        }
    }
}

/// Looks up a primitive that has a value.
pub(crate) fn value(name: &str) -> Option<Value> {
    use Operand::{First, One};
    use Operator::{Add, Eq, Lt, Sub};
    let tested = |op, operand, test| Some(Value::AtomicOp(op, operand, Yields::New, Ordering::Full, Some(test)));
    match name {
        "READ_ONCE" | "rcu_dereference" => Some(Value::Load(Mode::Once, Place::Lvalue)),
        "atomic_read" => Some(Value::Load(Mode::Once, Place::Pointer)),
        "smp_load_acquire" | "atomic_read_acquire" => Some(Value::Load(Mode::Acquire, Place::Pointer)),
        "srcu_read_lock" | "srcu_down_read" => Some(Value::Load(Mode::SrcuLock, Place::Pointer)),
        "spin_trylock" => Some(Value::TryLock),
        "spin_is_locked" => Some(Value::IsLocked),
        "atomic_add_unless" => Some(Value::AddUnless { boolean: true }),
        "__atomic_add_unless" => Some(Value::AddUnless { boolean: false }),
        "atomic_sub_and_test" => tested(Sub, First, Eq),
        "atomic_dec_and_test" => tested(Sub, One, Eq),
        "atomic_inc_and_test" => tested(Add, One, Eq),
        "atomic_add_negative" => tested(Add, First, Lt),
        _ => ordered_value(name),
    }
}

const SUFFIXES: [(&str, Ordering); 3] =
    [("_relaxed", Ordering::Relaxed), ("_acquire", Ordering::Acquire), ("_release", Ordering::Release)];

/// The read-modify-writes that come in four orderings.
fn ordered_value(name: &str) -> Option<Value> {
    let (stem, ordering) = SUFFIXES
        .iter()
        .find_map(|&(suffix, ordering)| Some((name.strip_suffix(suffix)?, ordering)))
        .unwrap_or((name, Ordering::Full));
    let arithmetic = |op, operand, yields| Some(Value::AtomicOp(op, operand, yields, ordering, None));
    match stem {
        "xchg" | "atomic_xchg" => Some(Value::Exchange(ordering)),
        "cmpxchg" | "atomic_cmpxchg" => Some(Value::CompareExchange(ordering)),
        "atomic_add_return" => arithmetic(Operator::Add, Operand::First, Yields::New),
        "atomic_sub_return" => arithmetic(Operator::Sub, Operand::First, Yields::New),
        "atomic_inc_return" => arithmetic(Operator::Add, Operand::One, Yields::New),
        "atomic_dec_return" => arithmetic(Operator::Sub, Operand::One, Yields::New),
        "atomic_fetch_add" => arithmetic(Operator::Add, Operand::First, Yields::Old),
        "atomic_fetch_sub" => arithmetic(Operator::Sub, Operand::First, Yields::Old),
        "atomic_fetch_inc" => arithmetic(Operator::Add, Operand::One, Yields::Old),
        "atomic_fetch_dec" => arithmetic(Operator::Sub, Operand::One, Yields::Old),
        _ => None,
    }
}

/// Looks up a primitive that is a statement.
pub(crate) fn statement(name: &str) -> Option<Statement> {
    use Statement::{AtomicOp, Fence as F, Store};
    Some(match name {
        "WRITE_ONCE" => Store(Mode::Once, Place::Lvalue),
        "rcu_assign_pointer" => Store(Mode::Release, Place::Lvalue),
        "smp_store_release" | "atomic_set_release" => Store(Mode::Release, Place::Pointer),
        "atomic_set" => Store(Mode::Once, Place::Pointer),
        "srcu_read_unlock" | "srcu_up_read" => Store(Mode::SrcuUnlock, Place::Pointer),
        "smp_store_mb" => Statement::StoreMb,
        "smp_mb" => F(Fence::Mb),
        "smp_rmb" => F(Fence::Rmb),
        "smp_wmb" => F(Fence::Wmb),
        "barrier" => F(Fence::Barrier),
        "smp_mb__before_atomic" => F(Fence::BeforeAtomic),
        "smp_mb__after_atomic" => F(Fence::AfterAtomic),
        "smp_mb__after_spinlock" => F(Fence::AfterSpinlock),
        "smp_mb__after_unlock_lock" => F(Fence::AfterUnlockLock),
        "smp_mb__after_srcu_read_unlock" => F(Fence::AfterSrcuReadUnlock),
        "rcu_read_lock" => F(Fence::RcuLock),
        "rcu_read_unlock" => F(Fence::RcuUnlock),
        "synchronize_rcu" | "synchronize_rcu_expedited" => F(Fence::SyncRcu),
        "synchronize_srcu" | "synchronize_srcu_expedited" => Statement::SyncSrcu,
        "spin_lock" => Statement::Lock,
        "spin_unlock" => Statement::Unlock,
        "atomic_add" => AtomicOp(Operator::Add, Operand::First),
        "atomic_sub" => AtomicOp(Operator::Sub, Operand::First),
        "atomic_inc" => AtomicOp(Operator::Add, Operand::One),
        "atomic_dec" => AtomicOp(Operator::Sub, Operand::One),
        _ => return None,
    })
}

/// Names to suggest for a misspelt one: every statement and value, without the ordered variants.
const NAMES: &[&str] = &[
    "READ_ONCE",
    "WRITE_ONCE",
    "rcu_dereference",
    "rcu_assign_pointer",
    "smp_load_acquire",
    "smp_store_release",
    "smp_store_mb",
    "smp_mb",
    "smp_rmb",
    "smp_wmb",
    "barrier",
    "smp_mb__before_atomic",
    "smp_mb__after_atomic",
    "smp_mb__after_spinlock",
    "smp_mb__after_unlock_lock",
    "smp_mb__after_srcu_read_unlock",
    "rcu_read_lock",
    "rcu_read_unlock",
    "synchronize_rcu",
    "synchronize_rcu_expedited",
    "srcu_read_lock",
    "srcu_read_unlock",
    "srcu_down_read",
    "srcu_up_read",
    "synchronize_srcu",
    "synchronize_srcu_expedited",
    "spin_lock",
    "spin_unlock",
    "spin_trylock",
    "spin_is_locked",
    "atomic_read",
    "atomic_set",
    "atomic_read_acquire",
    "atomic_set_release",
    "atomic_add",
    "atomic_sub",
    "atomic_inc",
    "atomic_dec",
    "atomic_add_return",
    "atomic_sub_return",
    "atomic_inc_return",
    "atomic_dec_return",
    "atomic_fetch_add",
    "atomic_fetch_sub",
    "atomic_fetch_inc",
    "atomic_fetch_dec",
    "atomic_sub_and_test",
    "atomic_dec_and_test",
    "atomic_inc_and_test",
    "atomic_add_negative",
    "atomic_add_unless",
    "xchg",
    "cmpxchg",
    "atomic_xchg",
    "atomic_cmpxchg",
];

/// The known name that a misspelt one is nearest to, if it is near.
pub(crate) fn nearest(name: &str) -> Option<&'static str> {
    if name.len() > 64 {
        return None;
    }
    let (distance, nearest) = NAMES.iter().map(|known| (edit_distance(name, known), *known)).min()?;
    (distance <= 2 && distance * 3 <= name.len()).then_some(nearest)
}

/// Levenshtein's distance.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<u8> = b.bytes().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_to_suggest_is_known() {
        for name in NAMES {
            assert!(value(name).is_some() ^ statement(name).is_some(), "{name}");
        }
    }

    #[test]
    fn suggests_only_near_names() {
        assert_eq!(nearest("READ_ONE"), Some("READ_ONCE"));
        assert_eq!(nearest("smp_memb"), Some("smp_mb"));
        assert_eq!(nearest("kfree"), None);
    }

    #[test]
    fn only_read_modify_writes_have_ordered_variants() {
        assert_eq!(value("xchg_acquire"), Some(Value::Exchange(Ordering::Acquire)));
        assert!(value("atomic_fetch_dec_release").is_some());
        assert!(value("atomic_inc_and_test_relaxed").is_none());
        assert!(value("READ_ONCE_acquire").is_none());
    }
}

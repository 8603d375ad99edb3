//! Words for what models name: axioms, and the relations of which cycles consist.

use crate::diagram::Relation;
use lkmm_model::change::Change;
use lkmm_model::event::{Fence, Label};

/// What an axiom says.
pub(crate) fn axiom(name: &str) -> Option<&'static str> {
    Some(match name {
        "coherence" | "observed-coherence" => {
            "one location is read and written in one order, which agrees with program order"
        }
        "atomic" => "no write of another CPU comes between the halves of a read-modify-write",
        "happens-before" => "nothing is executed before itself",
        "propagation" => {
            "what is before a strong fence is seen by all CPUs before what comes after it, and nothing is so before itself"
        }
        "rcu" => {
            "a grace period waits for readers: no chain with as many grace periods as readers leads back to its start"
        }
        "plain-coherence" => "memory does not contradict the order of plain accesses",
        "lock-nest" => "who takes a lock that he holds waits for himself",
        "nested-is-locked" => "to its holder, a lock is not free",
        "unmatched-locks" => "a lock that is never given back is not taken again",
        "sc" => "operations take turns in program order",
        "tso" => "stores reach memory in order, one after the other for all CPUs",
        _ => return None,
    })
}

/// How an edge leads to what comes next. `by` is what it passes: `smp_wmb() (line 4)`.
pub(crate) fn edge(relation: &str, inverted: bool, by: &str) -> String {
    let of = |words: &str| if by.is_empty() { words.to_string() } else { format!("{words}, by {by}") };
    match (relation, inverted) {
        ("acq_po", false) => "is an acquire, so before".into(),
        ("po_rel", false) => "is before the release".into(),
        ("mb", false) if by.is_empty() => "is fully ordered before".into(),
        ("rmb" | "wmb" | "mb" | "gp" | "po_unlock_lock_po" | "mfence" | "implied", false) => of("is before"),
        ("po_ghb", false) => "is before".into(),
        ("rf" | "rfe" | "rfi", false) => "is read by".into(),
        ("co", false) => "is overwritten by".into(),
        ("fr" | "fre", false) => "reads what was there before".into(),
        ("addr", false) => "gives the address to".into(),
        ("data", false) => "gives the value to".into(),
        ("ctrl", false) => "decides whether there is".into(),
        ("po", false) => "stands before".into(),
        ("po_loc", false) => "stands before, at the same location".into(),
        ("rmw", false) => "is one operation with".into(),
        ("rcu_rscs" | "srcu_rscs", false) => "begins the reader that ends with".into(),
        ("rcu_rscs" | "srcu_rscs", true) => "ends the reader that began with".into(),
        (_, false) => of("is before"),
        (_, true) => of("is after"),
    }
}

/// What kind of arrow shows a relation, by its name; `is_atom` says whether the model takes it apart.
pub(crate) fn kind(relation: &str, is_atom: bool) -> Relation {
    match relation.trim_end_matches("^-1") {
        "rf" | "rfe" | "rfi" => Relation::Rf,
        "co" | "coe" | "coi" => Relation::Co,
        "fr" | "fre" | "fri" => Relation::Fr,
        "addr" | "data" | "ctrl" => Relation::Dependency,
        "po_loc" => Relation::Derived,
        _ if is_atom => Relation::Fence,
        _ => Relation::Derived,
    }
}

/// A fence as it is written.
pub(crate) fn fence(label: Label) -> &'static str {
    match label {
        Label::Fence(Fence::Wmb) => "smp_wmb()",
        Label::Fence(Fence::Rmb) => "smp_rmb()",
        Label::Fence(Fence::SyncRcu) => "synchronize_rcu()",
        _ => "smp_mb()",
    }
}

/// What a change would be, in a sentence.
pub(crate) fn change(change: Change, place: &dyn Fn(u32) -> String) -> String {
    match change {
        Change::Fence(kind, _) => format!("{} between them", fence(Label::Fence(kind))),
        Change::Release(event) => format!("a release at {}", place(event)),
        Change::Acquire(event) => format!("an acquire at {}", place(event)),
        Change::Addr(..) => "an address dependency".into(),
        Change::Ctrl(..) => "a control or data dependency".into(),
    }
}

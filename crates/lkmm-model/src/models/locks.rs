//! Spinlocks: what any model must ask of their events, so that critical sections exclude one another.
//!
//! A lock is a location with events of its own (`LKR`, `LKW`, `UL`, `LF`, `RL`, `RU`). What `lock.cat` derives while
//! executions are generated comes with the execution here: each `LKR` reads from the write just before its `LKW`, and
//! each `UL` stands in `co` right behind the `LKW` of its section, so that sections follow one another as wholes. What is
//! left are axioms. They say which executions there *are*, not how they are ordered; that is for each model to say.
//!
//! Source: `tools/memory-model/lock.cat` of Linux 6.12 (Stern), and `cos-opt.cat` of herd7.
#![allow(non_snake_case)]

use crate::algebra::{Arena, BaseRelation, BaseSet, Rel, Stage, id};
use crate::seq;

/// Each `LKW` with the `UL` that ends its critical section: the next lock operation of its thread, if that is an unlock.
pub(super) fn critical(m: &Arena) -> Rel<'_> {
    let [LKW, UL] = [BaseSet::LKW, BaseSet::UL].map(|s| m.set(s));
    let po_loc = m.relation(BaseRelation::Po) & m.relation(BaseRelation::Loc);
    seq!(id(LKW), po_loc, id(UL)) - seq!(po_loc, id(LKW | UL), po_loc)
}

/// The axioms that hold under every model.
pub(super) fn axioms(m: &Arena) {
    let [LKW, LKR, UL, RU] = [BaseSet::LKW, BaseSet::LKR, BaseSet::UL, BaseSet::RU].map(|s| m.set(s));
    let [po, loc] = [BaseRelation::Po, BaseRelation::Loc].map(|r| m.relation(r));
    let po_loc = po & loc;
    let across_unlock = seq!(po_loc, id(UL), po_loc);

    // A CPU that takes a lock which it holds waits for itself: `locks/self-deadlock`.
    m.empty(seq!(id(LKW), po_loc, id(LKR)) - across_unlock, "lock-nest");

    // To its holder a lock is not free: `locks/is-locked-inside-own-section`.
    m.empty(seq!(id(LKW), po_loc, id(RU)) - across_unlock, "nested-is-locked");

    // At most one section of a lock stays open, or whoever came later waits for ever: `locks/never-unlocked`. (In an
    // execution that is not complete, a section may just not have ended yet.)
    let critical = critical(m);
    let UNMATCHED_LKW = LKW - critical.domain();
    let two_unmatched = seq!(id(UNMATCHED_LKW), loc, id(UNMATCHED_LKW)) - id(m.set(BaseSet::All));
    m.empty(two_unmatched, "unmatched-locks").of(Stage::Complete);

    // An unlock without lock has no place in co. What is observed of it must agree all the same (cos-opt.cat, ConsCo).
    let UNMATCHED_UL = UL - critical.range();
    let [rf, co] = [BaseRelation::Rf, BaseRelation::Co].map(|r| m.relation(r));
    let [R, W] = [BaseSet::R, BaseSet::W].map(|s| m.set(s));
    let [LF, RL] = [BaseSet::LF, BaseSet::RL].map(|s| m.set(s));
    let (R, W) = (R | LF | RL | RU, W | LKW);
    let rf = seq!(rf, id(R));
    let identity = id(m.set(BaseSet::All));
    let rw = seq!(rf, po_loc, id(W));
    let wr = seq!(id(W), po_loc, rf.inverse()) - identity;
    let rr = seq!(rf, po_loc, rf.inverse()) - identity;
    m.irreflexive(seq!(id(UNMATCHED_UL), (rw | wr | rr | co).plus()), "observed-coherence");
}

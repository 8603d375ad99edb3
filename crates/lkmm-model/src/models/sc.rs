//! Sequential consistency: every execution is an interleaving (Lamport, IEEE Trans. Computers C-28(9), 1979).
//!
//! Fences order nothing that program order does not, and RCU and SRCU are not modelled.

use crate::algebra::{Arena, BaseRelation::*, Definition};

pub(super) fn definition() -> Definition {
    let arena = Arena::default();
    {
        let [po, loc, rmw, rf, co] = [Po, Loc, Rmw, Rf, Co].map(|r| arena.relation(r));
        let ext = arena.relation(Ext);
        let fr = rf.inverse().then(co).named("fr").atom();
        super::locks::axioms(&arena);
        let po_loc = (po & loc).named("po_loc").atom();
        arena.acyclic(po_loc | rf | co | fr, "coherence").per_location();
        arena.empty(rmw & (fr & ext).then(co & ext), "atomic");
        arena.acyclic(po | rf | co | fr, "sc");
    }
    arena.finish()
}

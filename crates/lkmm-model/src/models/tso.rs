//! Total store order, the model of x86 (Owens, Sarkar, Sewell: A Better x86 Memory Model, TPHOLs 2009; the axiomatic
//! form is that of Alglave, Maranget, Tautschnig: Herding Cats, TOPLAS 2014).
//!
//! The kernel's primitives map to it as its x86 port does: `smp_mb()` and every atomic operation that is not a plain
//! load or store are full fences, all other fences are compiler barriers. Of RCU and SRCU a grace period counts as a full
//! fence, and no more: what readers may rely on is not part of the hardware's model.

use crate::algebra::{Arena, BaseRelation::*, BaseSet, Definition, id};
use crate::event::Fence;
use crate::seq;

pub(super) fn definition() -> Definition {
    let arena = Arena::default();
    {
        let [po, loc, rmw, rf, co, ext] = [Po, Loc, Rmw, Rf, Co, Ext].map(|r| arena.relation(r));
        let set = |s| arena.set(s);
        let fr = rf.inverse().then(co).named("fr").atom();
        let po_loc = (po & loc).named("po_loc").atom();
        super::locks::axioms(&arena);
        arena.acyclic(po_loc | rf | co | fr, "coherence").per_location();
        arena.empty(rmw & (fr & ext).then(co & ext), "atomic");

        let reads = set(BaseSet::R) | set(BaseSet::LKR) | set(BaseSet::LF) | set(BaseSet::RL) | set(BaseSet::RU);
        let writes = set(BaseSet::W) | set(BaseSet::LKW) | set(BaseSet::UL);
        let memory = reads | writes;
        let full = set(BaseSet::Fence(Fence::Mb)) | set(BaseSet::Fence(Fence::SyncRcu)) | set(BaseSet::SyncSrcu);
        let mfence = seq!(id(memory), po, id(full), po, id(memory)).named("mfence").atom();
        // A `lock cmpxchg` that fails is a fence too.
        let locked = set(BaseSet::RMW) | set(BaseSet::LKR) | set(BaseSet::LKW);
        let implied = (seq!(id(memory), po, id(locked)) | seq!(id(locked), po, id(memory))).named("implied").atom();
        let po_ghb = (seq!(id(writes), po, id(writes)) | seq!(id(reads), po, id(memory))).named("po_ghb").atom();
        let rfe = (rf & ext).named("rfe").atom();
        arena.acyclic((mfence | implied | po_ghb | rfe | fr | co).named("ghb"), "tso");
    }
    arena.finish()
}

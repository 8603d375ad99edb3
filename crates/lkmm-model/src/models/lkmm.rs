//! The Linux-kernel memory model of Linux 6.12.
//!
//! Source: `tools/memory-model/{linux-kernel.bell, linux-kernel.cat, lock.cat}` (Stern, Parri, Alglave, Maranget,
//! McKenney), and `Documentation/explanation.txt` beside them for the reasons. Sets and relations have the names and the
//! order of those files, with `_` for `-`. What is derived there while executions are generated (the `rf` of locks, the
//! place of `UL` in `co`) comes here with the execution.
#![allow(non_snake_case)]

use crate::algebra::{Arena, BaseRelation, BaseSet, Definition, Rel, Stage, id};
use crate::event::Fence;
use crate::seq;

pub(super) fn definition() -> Definition {
    let arena = Arena::default();
    define(&arena);
    arena.finish()
}

/// Requirements on locks that hold under every model: a lock is not taken twice by its holder, `spin_is_locked` is true
/// for the holder, and at most one critical section of a lock stays open.
pub(super) fn lock_axioms(m: &Arena) {
    let [LKW, LKR, UL, RU] = [BaseSet::LKW, BaseSet::LKR, BaseSet::UL, BaseSet::RU].map(|s| m.set(s));
    let [po, loc] = [BaseRelation::Po, BaseRelation::Loc].map(|r| m.relation(r));
    let po_loc = po & loc;
    let across_unlock = seq!(po_loc, id(UL), po_loc);
    m.empty(seq!(id(LKW), po_loc, id(LKR)) - across_unlock, "lock-nest");
    m.empty(seq!(id(LKW), po_loc, id(RU)) - across_unlock, "nested-is-locked");
    let critical = critical(m);
    let UNMATCHED_LKW = LKW - critical.domain();
    // (In an execution that is not complete, a section may just not have ended yet.)
    m.empty(seq!(id(UNMATCHED_LKW), loc, id(UNMATCHED_LKW)) - id(m.set(BaseSet::All)), "unmatched-locks");
    m.restrict_last(Stage::Complete);

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

/// Each `LKW` with the `UL` that ends its critical section.
fn critical(m: &Arena) -> Rel<'_> {
    let [LKW, UL] = [BaseSet::LKW, BaseSet::UL].map(|s| m.set(s));
    let po_loc = m.relation(BaseRelation::Po) & m.relation(BaseRelation::Loc);
    seq!(id(LKW), po_loc, id(UL)) - seq!(po_loc, id(LKW | UL), po_loc)
}

fn define(m: &Arena) {
    let set = |s| m.set(s);
    let fence_set = |f| m.set(BaseSet::Fence(f));
    let relation = |r| m.relation(r);
    let identity = id(set(BaseSet::All));

    let [All, IW, RMW] = [BaseSet::All, BaseSet::IW, BaseSet::RMW].map(set);
    let Noreturn = set(BaseSet::Noreturn);
    let [Srcu_lock, Srcu_unlock, Sync_srcu] = [BaseSet::SrcuLock, BaseSet::SrcuUnlock, BaseSet::SyncSrcu].map(set);
    let [LKR, LKW, UL, RL, RU] = [BaseSet::LKR, BaseSet::LKW, BaseSet::UL, BaseSet::RL, BaseSet::RU].map(set);
    let [Rcu_lock, Rcu_unlock, Sync_rcu] = [Fence::RcuLock, Fence::RcuUnlock, Fence::SyncRcu].map(fence_set);
    let [Mb, Rmb, Wmb, Barrier] = [Fence::Mb, Fence::Rmb, Fence::Wmb, Fence::Barrier].map(fence_set);
    let [Before_atomic, After_atomic] = [Fence::BeforeAtomic, Fence::AfterAtomic].map(fence_set);
    let [After_spinlock, After_unlock_lock, After_srcu_read_unlock] =
        [Fence::AfterSpinlock, Fence::AfterUnlockLock, Fence::AfterSrcuReadUnlock].map(fence_set);
    let [po, loc, int, ext] = [BaseRelation::Po, BaseRelation::Loc, BaseRelation::Int, BaseRelation::Ext].map(relation);
    let [rf, co, rmw] = [BaseRelation::Rf, BaseRelation::Co, BaseRelation::Rmw].map(relation);
    let [addr, data, ctrl] = [BaseRelation::Addr, BaseRelation::Data, BaseRelation::Ctrl].map(relation);
    let po_loc = po & loc;
    let rfe = (rf & ext).named("rfe");
    let rfi = (rf & int).named("rfi");

    // ---- linux-kernel.bell

    // Matching pairs of nested rcu_read_lock() and rcu_read_unlock().
    let rcu_rscs = Rcu_lock.brackets(Rcu_unlock).named("rcu_rscs");
    m.flag(Rcu_lock - rcu_rscs.domain(), "unmatched-rcu-lock");
    m.flag(Rcu_unlock - rcu_rscs.range(), "unmatched-rcu-unlock");

    // An srcu_read_unlock() belongs to the srcu_read_lock() whose index reaches it, perhaps through memory.
    let carry_srcu_data = seq!(data, id(!Srcu_unlock), rf).star();
    let srcu_rscs = (seq!(id(Srcu_lock), carry_srcu_data, data, id(Srcu_unlock)) & loc).named("srcu_rscs");
    m.flag(Srcu_lock - srcu_rscs.domain(), "unmatched-srcu-lock");
    m.flag(Srcu_unlock - srcu_rscs.range(), "unmatched-srcu-unlock");
    m.flag(srcu_rscs.inverse().then(srcu_rscs) - identity, "multiple-srcu-matches");

    // No synchronize_srcu() within an RCU reader.
    m.flag(rcu_rscs & seq!(po, id(Sync_srcu), po), "invalid-sleep");
    m.flag(srcu_rscs & relation(BaseRelation::DifferentValues), "srcu-bad-value-match");

    // Marked and plain accesses.
    let Plain = set(BaseSet::Plain);
    let Marked = All - Plain;

    // Dependencies, and those carried through memory.
    let carry_dep = seq!(data, id(!Srcu_unlock), rfi).star();
    let addr = carry_dep.then(addr).named("addr");
    let ctrl = carry_dep.then(ctrl).named("ctrl");
    let data = carry_dep.then(data).named("data");

    // ---- lock.cat

    let LF = set(BaseSet::LF) | RL;
    let ALL_LOCKS = LKR | LKW | UL | LF | RU | Srcu_lock | Srcu_unlock | Sync_srcu;
    let ordinary = set(BaseSet::R) | set(BaseSet::W);
    m.flag(seq!(id(ordinary - IW - ALL_LOCKS), loc, id(ALL_LOCKS)), "mixed-lock-accesses");
    let lk_rmw = seq!(id(LKR), po_loc, id(LKW)) - po.then(po);
    let rmw = rmw | lk_rmw;
    m.flag(LKW - lk_rmw.range(), "unpaired-LKW");
    m.flag(LKR - lk_rmw.domain(), "unpaired-LKR");
    lock_axioms(m);
    m.flag(seq!(id(set(BaseSet::ObservedInit)), loc, id(ALL_LOCKS)), "lock-final");
    let R = set(BaseSet::R) | LKR | LF | RU;
    let W = set(BaseSet::W) | LKW | UL;
    let M = R | W;
    let Release = set(BaseSet::Release) | UL;
    let Acquire = set(BaseSet::Acquire) | LKR;
    m.flag(UL - critical(m).range(), "unmatched-unlock");

    let coe = co & ext;
    let fr = rf.inverse().then(co).named("fr");
    let fre = (fr & ext).named("fre");

    // ---- linux-kernel.cat

    // Basic relations.
    let fencerel = |b| seq!(po, id(b), po);

    // Release and acquire.
    let acq_po = seq!(id(Acquire), po, id(M)).named("acq_po");
    let po_rel = seq!(id(M), po, id(Release)).named("po_rel");
    let po_unlock_lock_po = seq!(po, id(UL), po | rf, id(LKR), po).named("po_unlock_lock_po");

    // Fences.
    let R4rmb = R - Noreturn;
    let rmb = seq!(id(R4rmb), fencerel(Rmb), id(R4rmb)).named("rmb");
    let wmb = seq!(id(W), fencerel(Wmb), id(W)).named("wmb");
    let mb = (seq!(id(M), fencerel(Mb), id(M))
        | seq!(id(M), fencerel(Before_atomic), id(RMW), po.opt(), id(M))
        | seq!(id(M), po.opt(), id(RMW), fencerel(After_atomic), id(M))
        | seq!(id(M), po.opt(), id(LKW), fencerel(After_spinlock), id(M))
        | seq!(id(M), po_unlock_lock_po, id(After_unlock_lock), po, id(M))
        | seq!(id(M), po.opt(), id(Srcu_unlock), fencerel(After_srcu_read_unlock), id(M)))
    .named("mb");
    let gp = seq!(po, id(Sync_rcu | Sync_srcu), po.opt()).named("gp");
    let strong_fence = mb | gp;
    let nonrw_fence = strong_fence | po_rel | acq_po;
    let fence = nonrw_fence | wmb | rmb;
    let barriers = Barrier | Rmb | Wmb | Mb | Sync_rcu | Sync_srcu | Before_atomic | After_atomic | Acquire | Release;
    let barrier = fencerel(barriers | Rcu_lock | Rcu_unlock | Srcu_lock | Srcu_unlock)
        | po.then(id(Release))
        | id(Acquire).then(po);

    // Sequential consistency per variable.
    let com = rf | co | fr;
    m.acyclic(po_loc | com, "coherence");

    // Atomic read-modify-write.
    m.empty(rmw & fre.then(coe), "atomic");

    // Preserved program order.
    let dep = addr | data;
    let rwdep = seq!(dep | ctrl, id(W));
    let overwrite = co | fr;
    let to_w = rwdep | (overwrite & int) | seq!(addr, id(Plain), wmb);
    let to_r = seq!(addr, id(R)) | seq!(dep, id(Marked), rfi);
    let ppo = (to_r | to_w | (fence & int) | (po_unlock_lock_po & int)).named("ppo");

    // Propagation: ordering from release operations and strong fences.
    let A_cumul = |r| seq!(seq!(rfe, id(Marked)).opt(), r);
    let rmw_sequence = rf.then(rmw).star();
    let cumul_fence =
        seq!(id(Marked), A_cumul(strong_fence | po_rel) | wmb | po_unlock_lock_po, id(Marked), rmw_sequence)
            .named("cumul_fence");
    let prop =
        seq!(id(Marked), (overwrite & ext).opt(), cumul_fence.star(), id(Marked), rfe.opt(), id(Marked)).named("prop");

    // Happens before: ordering from the passage of time.
    let hb = seq!(id(Marked), ppo | rfe | ((prop - identity) & int), id(Marked)).named("hb");
    m.acyclic(hb, "happens-before");

    // Propagation: each link that is not rf needs a strong fence.
    let pb = seq!(prop, strong_fence, hb.star(), id(Marked)).named("pb");
    m.acyclic(pb, "propagation");

    // RCU: at least as many grace periods as readers between them make a strong fence.
    let rcu_gp = id(Sync_rcu);
    let srcu_gp = id(Sync_srcu);
    let rcu_rscsi = rcu_rscs.inverse();
    let srcu_rscsi = srcu_rscs.inverse();
    let rcu_link = seq!(po.opt(), hb.star(), pb.star(), prop, po).named("rcu_link");
    let rcu_order = m
        .fixpoint(|rcu_order| {
            rcu_gp
                | srcu_gp
                | seq!(rcu_gp, rcu_link, rcu_rscsi)
                | (seq!(srcu_gp, rcu_link, srcu_rscsi) & loc)
                | seq!(rcu_rscsi, rcu_link, rcu_gp)
                | (seq!(srcu_rscsi, rcu_link, srcu_gp) & loc)
                | seq!(rcu_gp, rcu_link, rcu_order, rcu_link, rcu_rscsi)
                | (seq!(srcu_gp, rcu_link, rcu_order, rcu_link, srcu_rscsi) & loc)
                | seq!(rcu_rscsi, rcu_link, rcu_order, rcu_link, rcu_gp)
                | (seq!(srcu_rscsi, rcu_link, rcu_order, rcu_link, srcu_gp) & loc)
                | seq!(rcu_order, rcu_link, rcu_order)
        })
        .named("rcu_order");
    let rcu_fence = seq!(po, rcu_order, po.opt()).named("rcu_fence");
    let fence = (fence | rcu_fence).named("fence");
    let strong_fence = (strong_fence | rcu_fence).named("strong_fence");
    let rb = seq!(prop, rcu_fence, hb.star(), pb.star(), id(Marked)).named("rb");
    // Under a partial execution there may be no way to go on that satisfies this, whatever is read last.
    m.irreflexive(rb, "rcu");
    m.restrict_last(Stage::Complete);

    // Plain accesses: plain writes and marked accesses in the same region.
    let plain_write = id(Plain & W);
    let same_region = po_loc - barrier;
    m.flag(seq!(plain_write, same_region, id(Marked)) | seq!(id(Marked), same_region, plain_write), "mixed-accesses");

    // Executes-before and visibility.
    let xbstar = (hb | pb | rb).star();
    let vis = seq!(cumul_fence.star(), rfe.opt(), id(Marked), seq!(strong_fence, id(Marked), xbstar) | (xbstar & int))
        .named("vis");

    // Boundaries for the lifetimes of plain accesses.
    let w_pre_bounded = seq!(id(Marked), (addr | fence).opt());
    let r_pre_bounded = seq!(id(Marked), (addr | nonrw_fence | seq!(id(R4rmb), fencerel(Rmb), id(!Noreturn))).opt());
    let w_post_bounded = seq!(fence.opt(), id(Marked), rmw_sequence);
    let r_post_bounded = seq!((nonrw_fence | seq!(id(!Noreturn), fencerel(Rmb), id(R4rmb))).opt(), id(Marked));

    // Visibility and executes-before for plain accesses.
    let ww_vis =
        (fence | seq!(strong_fence, xbstar, w_pre_bounded) | seq!(w_post_bounded, vis, w_pre_bounded)).named("ww_vis");
    let wr_vis =
        (fence | seq!(strong_fence, xbstar, r_pre_bounded) | seq!(w_post_bounded, vis, r_pre_bounded)).named("wr_vis");
    let rw_xbstar = (fence | seq!(r_post_bounded, xbstar, w_pre_bounded)).named("rw_xbstar");

    // Potential races.
    let pre_race = ext & (Plain.cross(M) | (M - IW).cross(Plain));

    // Coherence requirements for plain accesses.
    let wr_incoh = pre_race & rf & rw_xbstar.inverse();
    let rw_incoh = pre_race & fr & wr_vis.inverse();
    let ww_incoh = pre_race & co & ww_vis.inverse();
    m.empty(wr_incoh | rw_incoh | ww_incoh, "plain-coherence");
    m.restrict_last(Stage::PartialWithoutGracePeriod); // It builds on rb.

    // Actual races.
    let ww_nonrace = ww_vis & (Marked.cross(W) | rw_xbstar) & (W.cross(Marked) | wr_vis);
    let ww_race = ((pre_race & co) - ww_nonrace).named("ww_race");
    let wr_race = ((pre_race & co.opt().then(rf)) - wr_vis - rw_xbstar.inverse()).named("wr_race");
    let rw_race = ((pre_race & fr) - rw_xbstar).named("rw_race");
    m.flag(ww_race | wr_race | rw_race, "data-race");
}

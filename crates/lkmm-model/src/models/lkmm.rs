//! The Linux-kernel memory model of Linux 6.12.
//!
//! Source: `tools/memory-model/{linux-kernel.bell, linux-kernel.cat, lock.cat}` (Stern, Parri, Alglave, Maranget,
//! McKenney), and `Documentation/explanation.txt` beside them for the reasons. Sets and relations have the names and the
//! order of those files, with `_` for `-`. What is derived there while executions are generated (the `rf` of locks, the
//! place of `UL` in `co`) comes here with the execution.
//!
//! A comment says what the relation below it is for, by what rule, and, as in `fences/MP+wmb+rmb`, in which test of
//! `litmus/` it decides; after "not" comes a test that is like it, but without the relation.
#![allow(non_snake_case)]

use super::locks;
use crate::algebra::{Arena, BaseRelation, BaseSet, Definition, Stage, id};
use crate::event::Fence;
use crate::seq;

pub(super) fn definition() -> Definition {
    let arena = Arena::default();
    define(&arena);
    arena.finish()
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

    // Reads-from between two CPUs, `fences/LB+acquire+acquire`, and within one, `dependencies/MP+wmb+data-rfi-acquire`.
    let rfe = (rf & ext).named("rfe").atom();
    let rfi = (rf & int).named("rfi").atom();

    // ---- linux-kernel.bell

    // RCU readers: rcu_read_lock() with the rcu_read_unlock() that ends it. They nest like brackets, thread by thread, and
    // an inner unlock does not end the outer reader: `rcu/nested-readers+sync`, not `rcu/two-sections+sync`. What has no
    // partner is flagged: `flags/unmatched-rcu-lock`, `flags/unmatched-rcu-unlock`.
    let rcu_rscs = Rcu_lock.brackets(Rcu_unlock).named("rcu_rscs").atom();
    m.flag(Rcu_lock - rcu_rscs.domain(), "unmatched-rcu-lock");
    m.flag(Rcu_unlock - rcu_rscs.range(), "unmatched-rcu-unlock");

    // The way of an SRCU index: data dependencies, and memory between them. What one section leaves in the domain at its
    // end belongs to no other: `srcu/index-through-plain-memory`, not `srcu/sections-in-a-row`.
    let carry_srcu_data = seq!(data, id(!Srcu_unlock), rf).star();

    // SRCU readers: an srcu_read_unlock() ends the srcu_read_lock() of its domain whose index it is given, so they need not
    // nest: `srcu/overlapping-readers`. Flags: `flags/unmatched-srcu-lock`, `flags/unmatched-srcu-unlock`, `flags/multiple-srcu-matches`.
    let srcu_rscs = (seq!(id(Srcu_lock), carry_srcu_data, data, id(Srcu_unlock)) & loc).named("srcu_rscs").atom();
    m.flag(Srcu_lock - srcu_rscs.domain(), "unmatched-srcu-lock");
    m.flag(Srcu_unlock - srcu_rscs.range(), "unmatched-srcu-unlock");
    m.flag(srcu_rscs.inverse().then(srcu_rscs) - identity, "multiple-srcu-matches");

    // No synchronize_srcu() within an RCU reader, for it sleeps: `flags/invalid-sleep`.
    m.flag(rcu_rscs & seq!(po, id(Sync_srcu), po), "invalid-sleep");

    // The index comes back unchanged: `flags/srcu-bad-value-match`.
    m.flag(srcu_rscs & relation(BaseRelation::DifferentValues), "srcu-bad-value-match");

    // Marked accesses are done by the machine as written. Plain ones are C, which a compiler may tear, repeat or drop, so
    // hardly anything orders them: `thin-air/LB+marked-data+marked-data`, not `thin-air/LB+plain-data+plain-data`.
    let Plain = set(BaseSet::Plain);
    let Marked = All - Plain;

    // A dependency goes on through a store and an own load that reads it, as through a local variable:
    // `dependencies/carry-dep-plain-memory`, not `dependencies/carry-dep-constant`. So do those that end as an address or a
    // condition: `dependencies/carry-dep-into-addr`, `dependencies/carry-dep-into-ctrl`.
    let carry_dep = seq!(data, id(!Srcu_unlock), rfi).star();
    let addr = carry_dep.then(addr).named("addr");
    let ctrl = carry_dep.then(ctrl).named("ctrl");
    let data = carry_dep.then(data).named("data");

    // ---- lock.cat

    // A lock is for lock operations alone: `flags/mixed-lock-accesses`.
    let LF = set(BaseSet::LF) | RL;
    let ALL_LOCKS = LKR | LKW | UL | LF | RU | Srcu_lock | Srcu_unlock | Sync_srcu;
    let ordinary = set(BaseSet::R) | set(BaseSet::W);
    m.flag(seq!(id(ordinary - IW - ALL_LOCKS), loc, id(ALL_LOCKS)), "mixed-lock-accesses");

    // Taking a lock is a read-modify-write: the LKR, and the LKW right behind it. With `atomic`, nobody takes it in between:
    // `locks/mutual-exclusion`.
    let lk_rmw = seq!(id(LKR), po_loc, id(LKW)) - po.then(po);
    let rmw = rmw | lk_rmw;
    m.flag(LKW - lk_rmw.range(), "unpaired-LKW");
    m.flag(LKR - lk_rmw.domain(), "unpaired-LKR");
    locks::axioms(m);

    // The final value of a lock means nothing: `flags/lock-final`.
    m.flag(seq!(id(set(BaseSet::ObservedInit)), loc, id(ALL_LOCKS)), "lock-final");

    // From here on lock operations are accesses like others; to take a lock acquires, to give it back releases:
    // `locks/trylock-success-acquires`, not `locks/trylock-failure-orders-nothing`.
    let R = set(BaseSet::R) | LKR | LF | RU;
    let W = set(BaseSet::W) | LKW | UL;
    let M = R | W;
    let Release = set(BaseSet::Release) | UL;
    let Acquire = set(BaseSet::Acquire) | LKR;

    // Who gives a lock back holds it: `flags/unmatched-unlock`.
    m.flag(UL - locks::critical(m).range(), "unmatched-unlock");

    // From-read: a read comes before the writes that are co-later than the one it saw, or it would have seen them:
    // `coherence/CoRR`, `atomicity/xchg+store-between`.
    let coe = co & ext;
    let fr = rf.inverse().then(co).named("fr").atom();
    let fre = (fr & ext).named("fre");

    // ---- linux-kernel.cat

    // ---- Basic relations

    // From before a fence to behind it.
    let fencerel = |b| seq!(po, id(b), po);

    // An acquire comes before all behind it: `fences/LB+acquire+acquire`.
    let acq_po = seq!(id(Acquire), po, id(M)).named("acq_po").atom();

    // A release comes after all before it: `fences/LB+release+release`.
    let po_rel = seq!(id(M), po, id(Release)).named("po_rel").atom();

    // An unlock, then a lock, of one CPU or (the same lock) of the next holder: a release that meets an acquire. So what
    // stands before the one comes before what stands behind the other: `fences/LB+unlock-lock+data`,
    // `fences/WRC+unlock-lock+rmb`, not `fences/WRC+unlock-lock-two-locks+rmb`.
    let po_unlock_lock_po = seq!(po, id(UL), po | rf, id(LKR), po).named("po_unlock_lock_po").atom();

    // smp_rmb() orders reads with reads: `fences/MP+wmb+rmb`, not `fences/MP+wmb+once`. A read whose value nobody gets is
    // none of them: `fences/MP+wmb+rmb-noreturn`.
    let R4rmb = R - Noreturn;
    let rmb = seq!(id(R4rmb), fencerel(Rmb), id(R4rmb)).named("rmb").atom();

    // smp_wmb() orders writes with writes: `fences/MP+wmb+rmb`, not `fences/MP+once+rmb`.
    let wmb = seq!(id(W), fencerel(Wmb), id(W)).named("wmb").atom();

    // smp_mb() orders everything, even a write with a later read: `fences/SB+mb+mb`. The others do the same beside the
    // operation that their name says: `fences/SB+before-atomic`, `fences/SB+after-atomic`, `fences/SB+after-spinlock`,
    // `fences/SB+after-unlock-lock`, `fences/SB+after-srcu-read-unlock`.
    let mb = (seq!(id(M), fencerel(Mb), id(M))
        | seq!(id(M), fencerel(Before_atomic), id(RMW), po.opt(), id(M))
        | seq!(id(M), po.opt(), id(RMW), fencerel(After_atomic), id(M))
        | seq!(id(M), po.opt(), id(LKW), fencerel(After_spinlock), id(M))
        | seq!(id(M), po_unlock_lock_po, id(After_unlock_lock), po, id(M))
        | seq!(id(M), po.opt(), id(Srcu_unlock), fencerel(After_srcu_read_unlock), id(M)))
    .named("mb")
    .atom();

    // To wait for a grace period is a full fence, readers or not: `fences/SB+sync-rcu+mb`, `fences/SB+sync-srcu+mb`. (The
    // axiom rcu says that of marked accesses as well. What it does not say is when a plain read has ended:
    // `plain/handover-read-then-write+sync-rcu`, not `plain/handover-read-then-write+rcu-reader`.)
    let gp = seq!(po, id(Sync_rcu | Sync_srcu), po.opt()).named("gp").atom();

    // Strong fences: what their CPU has done or seen is everywhere before it goes on. Without one, CPUs need not agree on
    // who was first: `propagation/IRIW+mb+mb`, not `propagation/IRIW+acquire+acquire`.
    let strong_fence = mb | gp;

    // Everything that orders two accesses of a CPU without regard to values.
    let nonrw_fence = strong_fence | po_rel | acq_po;
    let fence = nonrw_fence | wmb | rmb;

    // What a compiler does not move accesses across: `flags/mixed-accesses-barrier`, not `flags/mixed-accesses-read`. To
    // the CPU barrier() is nothing: `fences/MP+barrier+barrier`.
    let barriers = Barrier | Rmb | Wmb | Mb | Sync_rcu | Sync_srcu | Before_atomic | After_atomic | Acquire | Release;
    let barrier = fencerel(barriers | Rcu_lock | Rcu_unlock | Srcu_lock | Srcu_unlock)
        | po.then(id(Release))
        | id(Acquire).then(po);

    // ---- Fundamental coherence ordering

    // One location by itself is sequentially consistent: what CPUs tell one another of it (rf, co, fr) never contradicts
    // their program order. `coherence/CoRR`, not `coherence/CoRR+two-locations`.
    let po_loc = po_loc.named("po_loc").atom();
    let com = rf | co | fr;
    m.acyclic(po_loc | com, "coherence").per_location();

    // No foreign write comes between the halves of a read-modify-write: `atomicity/xchg+store-between`, not
    // `atomicity/load-store+store-between`.
    m.empty(rmw & fre.then(coe), "atomic");

    // ---- Instruction execution ordering

    // A value that is needed (as an address, or to be stored) must be there first: `dependencies/LB+ctrl+data`.
    let dep = addr | data;

    // A store waits for what it is computed from, and until it is certain to be reached: `dependencies/LB+ctrl+ctrl`.
    // Loads may be speculated: `dependencies/MP+wmb+ctrl`.
    let rwdep = seq!(dep | ctrl, id(W));

    // Before the write that replaces what was read or written: `dependencies/LB+fri-wmb+data`.
    let overwrite = co | fr;

    // What a write of the same CPU waits for: dependencies, `dependencies/LB+addr+data`; the access that it overwrites,
    // `dependencies/LB+data-coi+acquire`; and behind smp_wmb(), the addresses of the writes before it, even of plain ones,
    // `dependencies/LB+addr-plain-wmb+data`, not `dependencies/LB+addr-plain+data`.
    let to_w = rwdep | (overwrite & int) | seq!(addr, id(Plain), wmb);

    // What a read waits for: its address, `dependencies/MP+wmb+addr`; and if it is served from an own store, what that
    // one's address and value come from, `dependencies/MP+wmb+data-rfi-acquire`, but not the branch before the store,
    // `dependencies/MP+wmb+ctrl-rfi-acquire`.
    let to_r = seq!(addr, id(R)) | seq!(dep, id(Marked), rfi);

    // Preserved program order: what a CPU executes in order. The sum of the above; bare program order is not in it:
    // `fences/LB+acquire+acquire`, not `classics/LB`.
    let ppo = (to_r | to_w | (fence & int) | (po_unlock_lock_po & int)).named("ppo");

    // A release or a strong fence also orders what its CPU has read from others: it is A-cumulative.
    // `propagation/WRC+release+rmb`, not `propagation/WRC+data+rmb`.
    let A_cumul = |r| seq!(seq!(rfe, id(Marked)).opt(), r);

    // Read-modify-writes, each of what the one before wrote, stand for the first of them:
    // `propagation/MP+release+rmw-sequence+acquire`, not `propagation/MP+release+load-store+acquire`.
    let rmw_sequence = rf.then(rmw).star();

    // The first write reaches every CPU before the second one does: `propagation/ISA2+release+release+acquire`. Fences
    // without A-cumulativity order own writes only: `propagation/WRC+data-wmb+rmb`.
    let cumul_fence =
        seq!(id(Marked), A_cumul(strong_fence | po_rel) | wmb | po_unlock_lock_po, id(Marked), rmw_sequence)
            .named("cumul_fence");

    // What is before the first of a chain of such writes, by overwriting or not seeing it yet, and what has read the last:
    // if both are of one CPU, they must have been executed in this order. `propagation/S+wmb+data`.
    let prop =
        seq!(id(Marked), (overwrite & ext).opt(), cumul_fence.star(), id(Marked), rfe.opt(), id(Marked)).named("prop");

    // Happens-before: executed earlier, in time. A CPU's preserved order, a read after the write it reads from, and prop
    // where it comes back to its CPU (elsewhere it speaks of arrival, not of execution). Time has no cycles:
    // `classics/3.LB+acquire+acquire+acquire`, not `fences/LB+release+once`.
    let hb = seq!(id(Marked), ppo | rfe | ((prop - identity) & int), id(Marked)).named("hb");
    m.acyclic(hb, "happens-before");

    // ---- Write and fence propagation ordering

    // Propagates-before: what stands before a strong fence is everywhere before what comes after the fence is executed. No
    // cycles either, so each link that is not rf needs a strong fence behind it: `propagation/R+mb+mb`, not
    // `propagation/R+wmb+mb`.
    let pb = seq!(prop, strong_fence, hb.star(), id(Marked)).named("pb");
    m.acyclic(pb, "propagation");

    // ---- RCU

    // A grace period waits for every reader that was there when it began. So either the reader ends before the grace
    // period does, or it begins after the grace period began: `rcu/MP+reader+sync`, not `rcu/MP+no-reader+sync`. (A
    // reader is taken from its end to its beginning.)
    let rcu_gp = id(Sync_rcu);
    let srcu_gp = id(Sync_srcu);
    let rcu_rscsi = rcu_rscs.inverse();
    let srcu_rscsi = srcu_rscs.inverse();

    // From a grace period or reader to the next one, by whatever orders: `rcu/ring-G-R-mb`, not `rcu/ring-G-R-once`.
    // Inside a reader any access will do, wherever it stands: `rcu/MP+reader+sync-other-order`.
    let rcu_link = seq!(po.opt(), hb.star(), pb.star(), prop, po).named("rcu_link");

    // A chain with at least as many grace periods as readers, paired like brackets: from the beginning of the first to the
    // end of the last a whole grace period has passed. `rcu/ring-G-G-R-R`, not `rcu/ring-G-R-R`. A grace period of SRCU is
    // paired with readers of its own domain: `srcu/ring-two-domains-nested`, not `srcu/ring-two-domains-crossed`.
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

    // Such a chain is a strong fence that begins on one CPU and ends on another: `rcu/ring-G-R`.
    let rcu_fence = seq!(po, rcu_order, po.opt()).named("rcu_fence");

    // From here on, which is for plain accesses, it counts among the fences, `plain/phased-state-change`, and the strong
    // ones, `plain/reader-then-SB+sync+mb`.
    let fence = (fence | rcu_fence).named("fence");
    let strong_fence = (strong_fence | rcu_fence).named("strong_fence");

    // RCU-before: as pb, with such a chain for the fence. Nothing comes before itself: `rcu/MP+reader+sync`. And who waits
    // for a grace period inside a reader waits for himself: `rcu/sync-in-reader`.
    let rb = seq!(prop, rcu_fence, hb.star(), pb.star(), id(Marked)).named("rb");
    // Under a partial execution there may be no way to go on that satisfies this, whatever is read last.
    m.irreflexive(rb, "rcu").of(Stage::Complete);

    // ---- Plain accesses and data races

    // A plain write beside a marked access to the same location with no compiler barrier between may be moved or torn:
    // `flags/mixed-accesses`.
    let plain_write = id(Plain & W);
    let same_region = po_loc - barrier;
    m.flag(seq!(plain_write, same_region, id(Marked)) | seq!(id(Marked), same_region, plain_write), "mixed-accesses");

    // Executes-before, of marked accesses: all that hb, `plain/handover-read-then-write`, pb, `plain/announced-write+mb`, and
    // rb, `plain/announced-write+sync`, say together.
    let xbstar = (hb | pb | rb).named("xb").star();

    // A write is visible to whatever a CPU does later: it was seen there, `plain/MP-plain+release+acquire`, not
    // `plain/MP-plain+once+acquire`, also along a chain of fences, `plain/ISA2-plain+release+release+acquire`; or a strong
    // fence has passed, `plain/RWC-plain+mb+mb`, not `plain/RWC-plain+rmb+mb`.
    let vis = seq!(cumul_fence.star(), rfe.opt(), id(Marked), seq!(strong_fence, id(Marked), xbstar) | (xbstar & int))
        .named("vis");

    // A plain access happens at some time between the marked accesses that bound it. So does a plain write begin after a
    // marked access before it, if a fence or its address says so: `plain/handover-write-then-write`,
    // `plain/handover-write-then-write+addr`, not `plain/handover-write-then-write+rmb`. (A marked access bounds itself:
    // `plain/handover-write-then-marked-write+ctrl`. So below.)
    let w_pre_bounded = seq!(id(Marked), (addr | fence).opt());

    // A plain read likewise; here smp_rmb() counts: `plain/MP-plain+wmb+rmb`, not `plain/MP-plain+release+ctrl`.
    let r_pre_bounded = seq!(id(Marked), (addr | nonrw_fence | seq!(id(R4rmb), fencerel(Rmb), id(!Noreturn))).opt());

    // A plain write has ended before a marked access behind it, and what is done to that one in a sequence of
    // read-modify-writes: `plain/MP-plain+release+acquire`, not `plain/MP-plain+once+acquire`.
    let w_post_bounded = seq!(fence.opt(), id(Marked), rmw_sequence);

    // A plain read likewise, but not by smp_wmb(): `plain/handover-read-then-write`, not
    // `plain/handover-read-then-write+wmb`.
    let r_post_bounded = seq!((nonrw_fence | seq!(id(!Noreturn), fencerel(Rmb), id(R4rmb))).opt(), id(Marked));

    // Visibility and executes-before for plain accesses: the same for the marked accesses that bound them. A write before
    // a write, `plain/handover-write-then-write`; a write before a read, `plain/MP-plain+wmb+addr`; a read before a write,
    // `plain/handover-read-then-write`.
    let ww_vis =
        (fence | seq!(strong_fence, xbstar, w_pre_bounded) | seq!(w_post_bounded, vis, w_pre_bounded)).named("ww_vis");
    let wr_vis =
        (fence | seq!(strong_fence, xbstar, r_pre_bounded) | seq!(w_post_bounded, vis, r_pre_bounded)).named("wr_vis");
    let rw_xbstar = (fence | seq!(r_post_bounded, xbstar, w_pre_bounded)).named("rw_xbstar");

    // Candidates for a race: accesses of two CPUs, of which one is plain: `plain/ww-race-marked-and-plain`, not
    // `plain/ww-no-race-marked`. (That one of them is a write comes with co, rf and fr below.) Initialisation is over
    // before: `plain/initial-value-no-race`.
    let pre_race = ext & (Plain.cross(M) | (M - IW).cross(Plain));

    // Coherence for plain accesses, which are in no hb: memory must not contradict the order of the accesses.
    // A read does not see a later write, `plain/handover-read-then-write`; nor miss one that was visible,
    // `plain/MP-plain+release+acquire`; and co is no other than that of the hand-over, `plain/handover-write-then-write`.
    let wr_incoh = pre_race & rf & rw_xbstar.inverse();
    let rw_incoh = pre_race & fr & wr_vis.inverse();
    let ww_incoh = pre_race & co & ww_vis.inverse();
    let incoherent = wr_incoh | rw_incoh | ww_incoh;
    m.empty(incoherent, "plain-coherence").of(Stage::PartialWithoutGracePeriod); // It builds on rb.

    // Races: candidates that no order keeps apart. A plain write may come with reads by the compiler, so it must be kept
    // apart as if it were a read, too: `plain/handover-write-then-write+wmb`, not
    // `plain/handover-write-then-write+wmb-marked`.
    let ww_nonrace = ww_vis & (Marked.cross(W) | rw_xbstar) & (W.cross(Marked) | wr_vis);

    // The other write first, `plain/ww-race`; the read of a write that is seen, `plain/wr-race-only`; the read that misses
    // it, `plain/rw-race-only`.
    let ww_race = ((pre_race & co) - ww_nonrace).named("ww_race");
    let wr_race = ((pre_race & co.opt().then(rf)) - wr_vis - rw_xbstar.inverse()).named("wr_race");
    let rw_race = ((pre_race & fr) - rw_xbstar).named("rw_race");
    m.flag(ww_race | wr_race | rw_race, "data-race");
}

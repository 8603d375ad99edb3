//! The Linux-kernel memory model of Linux 6.12, once more: judged definition by definition, on a whole execution.
//!
//! Each line follows one definition of `linux-kernel.bell`, `lock.cat` or `linux-kernel.cat` (`tools/memory-model`), in
//! their order and under their names, with `_` for `-`. Nothing is done to make it fast but to stop at the first axiom
//! that fails. It exists to check the model that the searches use.

use crate::relation::{Relation, Set, seq};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::graph::Execution;

/// What the model says of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The model allows it.
    pub consistent: bool,
    /// The first axiom that it violates.
    pub violated: Option<&'static str>,
    /// The flags that it raises, in alphabetical order; none for an execution that is not consistent.
    pub flags: Vec<&'static str>,
}

impl Judgement {
    /// The judgement of an execution that violates an axiom.
    pub fn violates(axiom: &'static str) -> Judgement {
        Judgement { consistent: false, violated: Some(axiom), flags: Vec::new() }
    }
}

/// Judges an execution by LKMM 6.12.
///
/// # Panics
/// On an execution of more than 128 events.
pub fn judge(x: &Execution) -> Judgement {
    let base = Base::new(x);
    let mut flags = Vec::new();
    match axioms(x, &base, &mut flags, None) {
        Err(axiom) => Judgement::violates(axiom),
        Ok(()) => {
            flags.sort_unstable();
            Judgement { consistent: true, violated: None, flags }
        }
    }
}

/// The pairs of the model's relations, by name, of any execution: also of one that the model forbids.
///
/// # Panics
/// On an execution of more than 128 events.
pub fn relations(x: &Execution) -> Relations {
    let mut relations = Vec::new();
    // What the axioms say is not asked.
    let _ = axioms(x, &Base::new(x), &mut Vec::new(), Some(&mut relations));
    relations
}

/// Relations by name.
pub type Relations = Vec<(&'static str, Vec<(u32, u32)>)>;

/// What an execution gives: labels as sets, and base relations.
struct Base<'x> {
    x: &'x Execution,
    len: usize,
    iw: Set,
    lkr: Set,
    lkw: Set,
    ul: Set,
    /// `LF`, which `lock.cat` makes `LF | RL`.
    lf: Set,
    ru: Set,
    srcu_lock: Set,
    srcu_unlock: Set,
    sync_srcu: Set,
    po: Relation,
    loc: Relation,
    po_loc: Relation,
    int: Relation,
    ext: Relation,
}

impl<'x> Base<'x> {
    fn new(x: &'x Execution) -> Base<'x> {
        let len = x.events.len();
        let labelled = |label: Label| Set::new(len, |e| x.events[e].label == label);
        let thread = |e: usize| x.events[e].thread;
        let po = Relation::from_pairs(len, &x.po);
        let loc =
            Relation::new(len, |a, b| x.events[a].location.is_some() && x.events[a].location == x.events[b].location);
        Base {
            x,
            len,
            iw: labelled(Label::Init),
            lkr: labelled(Label::LockRead),
            lkw: labelled(Label::LockWrite),
            ul: labelled(Label::Unlock),
            lf: labelled(Label::LockFail) | labelled(Label::ReadLocked),
            ru: labelled(Label::ReadUnlocked),
            srcu_lock: labelled(Label::Read(Mode::SrcuLock)),
            srcu_unlock: labelled(Label::Write(Mode::SrcuUnlock)),
            sync_srcu: labelled(Label::SyncSrcu),
            po_loc: &po & &loc,
            po,
            loc,
            int: Relation::new(len, |a, b| thread(a).is_some() && thread(a) == thread(b)),
            ext: Relation::new(len, |a, b| thread(a) != thread(b)),
        }
    }

    fn labelled(&self, member: impl Fn(Label) -> bool) -> Set {
        Set::new(self.len, |e| member(self.x.events[e].label))
    }

    fn mode(&self, mode: Mode) -> Set {
        self.labelled(|label| label == Label::Read(mode) || label == Label::Write(mode))
    }

    fn fence(&self, fence: Fence) -> Set {
        self.labelled(|label| label == Label::Fence(fence))
    }

    /// `fencerel(S)`
    fn fencerel(&self, fences: Set) -> Relation {
        seq!(self.po, fences.id(), self.po)
    }
}

/// `rcu-rscs`: each outermost or nested `rcu_read_lock` with its `rcu_read_unlock`, as the least fixed point.
fn rcu_rscs(b: &Base) -> Relation {
    let rcu_lock = b.fence(Fence::RcuLock);
    let rcu_unlock = b.fence(Fence::RcuUnlock);
    let mut matched = Relation::empty(b.len);
    loop {
        let unmatched_locks = rcu_lock - matched.domain();
        let unmatched_unlocks = rcu_unlock - matched.range();
        let unmatched = unmatched_locks | unmatched_unlocks;
        let unmatched_po = seq!(unmatched.id(), b.po, unmatched.id());
        let unmatched_locks_to_unlocks = seq!(unmatched_locks.id(), b.po, unmatched_unlocks.id());
        let next = &matched | (unmatched_locks_to_unlocks - seq!(unmatched_po, unmatched_po));
        if next == matched {
            return matched;
        }
        matched = next;
    }
}

/// The pairs of LKR and LKW that make up one acquisition (`lk-rmw`).
fn lk_rmw(b: &Base) -> Relation {
    seq!(b.lkr.id(), b.po_loc, b.lkw.id()) - seq!(b.po, b.po)
}

/// Each LKW with its UL (`critical`).
fn critical(b: &Base) -> Relation {
    seq!(b.lkw.id(), b.po_loc, b.ul.id()) - seq!(b.po_loc, (b.lkw | b.ul).id(), b.po_loc)
}

/// `ConsCo` of `cos-opt.cat`, which herd7's standard library adds to lock.cat: what `po-loc` and `rf` tell of `co`
/// before there is a `co`, which then extends it. It says no more than the coherence axiom, but for a UL without its LKW,
/// which no `co` orders.
fn cons_co(b: &Base, rf: &Relation, co: &Relation, unmatched_lkw: Set) -> bool {
    let ordinary = b.labelled(|label| label.is_write());
    let w = b.iw | ordinary | b.lkw;
    let r = b.labelled(|label| label.is_read()) | b.lkr | b.lf | b.ru;
    let rf = rf - b.iw.times(b.lkr) - b.ul.times(b.lkr); // Those of LKR are derived from co, later.
    let invrf = rf.inverse();
    let id = Relation::identity(b.len);
    let within = |from: Set, to: Set| &b.po_loc & from.times(to);
    let obsco = within(w, w)
        | seq!(rf, within(r, w))
        | (seq!(within(w, r), invrf) - &id)
        | (seq!(rf, within(r, r), invrf) - &id);
    let co0 = (&b.loc & b.iw.times(ordinary | b.lkw)) | ((&b.loc & b.lkw.times(unmatched_lkw)) - unmatched_lkw.id());
    (obsco | co0 | (co & &w.times(w))).is_acyclic()
}

/// Goes through the model. If relations are to be noted, no axiom ends that.
fn axioms(
    x: &Execution,
    b: &Base,
    flags: &mut Vec<&'static str>,
    mut noted: Option<&mut Relations>,
) -> Result<(), &'static str> {
    let mut flag = |raised: bool, name: &'static str| {
        if raised {
            flags.push(name);
        }
    };
    let is_noted = noted.is_some();
    let axiom = |holds: bool, name: &'static str| if holds || is_noted { Ok(()) } else { Err(name) };
    let mut note = |named: &[(&'static str, &Relation)]| {
        if let Some(relations) = &mut noted {
            relations.extend(named.iter().map(|(name, relation)| (*name, relation.pairs().collect())));
        }
    };
    let Base { len, iw, lkr, lkw, ul, lf, ru, srcu_lock, srcu_unlock, sync_srcu, .. } = *b;
    let Base { po, loc, po_loc, int, ext, .. } = b;
    let id = Relation::identity(len);
    let rmw = Relation::from_pairs(len, &x.rmw);
    let rf = Relation::from_pairs(len, &x.rf);
    let co = Relation::from_pairs(len, &x.co);
    let lk_rmw = lk_rmw(b);
    let critical = critical(b);

    // The axioms that cost little come first: those of lock.cat, coherence and atomicity.

    let through_unlock = seq!(po_loc, ul.id(), po_loc);
    axiom((seq!(lkw.id(), po_loc, lkr.id()) - &through_unlock).is_empty(), "lock-nest")?;
    axiom((seq!(lkw.id(), po_loc, ru.id()) - &through_unlock).is_empty(), "nested-is-locked")?;
    let unmatched_lkw = lkw - critical.domain();
    axiom((seq!(unmatched_lkw.id(), loc, unmatched_lkw.id()) - &id).is_empty(), "unmatched-locks")?;

    let fr = seq!(rf.inverse(), co);
    let com = &rf | &co | &fr;
    note(&[("po", po), ("po_loc", po_loc), ("loc", loc), ("rf", &rf), ("co", &co), ("fr", &fr)]);
    axiom((po_loc | &com).is_acyclic(), "coherence")?;
    axiom(cons_co(b, &rf, &co, unmatched_lkw), "coherence")?;
    axiom(((&rmw | &lk_rmw) & seq!(&fr & ext, &co & ext)).is_empty(), "atomic")?;

    // linux-kernel.bell

    let rcu_rscs = rcu_rscs(b);
    flag(!(b.fence(Fence::RcuLock) - rcu_rscs.domain()).is_empty(), "unmatched-rcu-lock");
    flag(!(b.fence(Fence::RcuUnlock) - rcu_rscs.range()).is_empty(), "unmatched-rcu-unlock");

    let rfe = &rf & ext;
    let rfi = &rf & int;
    let data = Relation::from_pairs(len, &x.data);
    let not_srcu_unlock = srcu_unlock.not().id();
    let carry_srcu_data = seq!(data, not_srcu_unlock, rf).star();
    let srcu_rscs = seq!(srcu_lock.id(), carry_srcu_data, data, srcu_unlock.id()) & loc;
    flag(!(srcu_lock - srcu_rscs.domain()).is_empty(), "unmatched-srcu-lock");
    flag(!(srcu_unlock - srcu_rscs.range()).is_empty(), "unmatched-srcu-unlock");
    flag(!(seq!(srcu_rscs.inverse(), srcu_rscs) - &id).is_empty(), "multiple-srcu-matches");
    flag(!(&rcu_rscs & seq!(po, sync_srcu.id(), po)).is_empty(), "invalid-sleep");
    let same_value = |a: u32, b: u32| {
        let value = |e: u32| x.events[e as usize].value;
        value(a).is_some() && value(a) == value(b)
    };
    flag(srcu_rscs.pairs().any(|(a, b)| !same_value(a, b)), "srcu-bad-value-match");

    // The ordinary accesses, which are all that R, W and M are until lock.cat adds to them.
    let r = b.labelled(|label| label.is_read());
    let w = b.labelled(|label| label.is_write()) | iw;
    let m = r | w;
    let once = b.mode(Mode::Once);
    let release = b.mode(Mode::Release);
    let acquire = b.mode(Mode::Acquire);
    let marked = m.not() | iw | once | release | acquire | rmw.domain() | rmw.range() | srcu_lock | srcu_unlock;
    let plain = m - marked;

    let carry_dep = seq!(data, not_srcu_unlock, rfi).star();
    let addr = seq!(carry_dep, Relation::from_pairs(len, &x.addr));
    let ctrl = seq!(carry_dep, Relation::from_pairs(len, &x.ctrl));
    let data = seq!(carry_dep, data);
    note(&[("rfe", &rfe), ("rfi", &rfi), ("rcu_rscs", &rcu_rscs), ("srcu_rscs", &srcu_rscs)]);
    note(&[("addr", &addr), ("ctrl", &ctrl), ("data", &data)]);

    // lock.cat

    let all_locks = lkr | lkw | ul | lf | ru | srcu_lock | srcu_unlock | sync_srcu;
    flag(!seq!((m - iw - all_locks).id(), loc, all_locks.id()).is_empty(), "mixed-lock-accesses");
    flag(!(lkw - lk_rmw.range()).is_empty(), "unpaired-LKW");
    flag(!(lkr - lk_rmw.domain()).is_empty(), "unpaired-LKR");
    let observed = |e: usize| x.events[e].location.is_some_and(|l| x.observed_locations.contains(&l));
    flag((0..len).any(|e| all_locks.contains(e) && observed(e)), "lock-final");

    let rmw = rmw | lk_rmw;
    note(&[("rmw", &rmw), ("fre", &(&fr & ext))]);
    let r = r | lkr | lf | ru;
    let w = w | lkw;
    let release = release | ul;
    let acquire = acquire | lkr;
    flag(!(ul - critical.range()).is_empty(), "unmatched-unlock");
    let w = w | ul;
    let m = r | w;

    // linux-kernel.cat: basic relations

    let acq_po = seq!(acquire.id(), po, m.id());
    let po_rel = seq!(m.id(), po, release.id());
    let po_unlock_lock_po = seq!(po, ul.id(), po | &rf, lkr.id(), po);

    let noreturn = b.mode(Mode::Noreturn);
    let atomic = Set::new(len, |e| x.events[e].atomic);
    let r4rmb = r - noreturn;
    let fencerel_rmb = b.fencerel(b.fence(Fence::Rmb));
    let rmb = seq!(r4rmb.id(), fencerel_rmb, r4rmb.id());
    let wmb = seq!(w.id(), b.fencerel(b.fence(Fence::Wmb)), w.id());
    let po_opt = po.optional();
    let mb = seq!(m.id(), b.fencerel(b.fence(Fence::Mb)), m.id())
        | seq!(m.id(), b.fencerel(b.fence(Fence::BeforeAtomic)), atomic.id(), po_opt, m.id())
        | seq!(m.id(), po_opt, atomic.id(), b.fencerel(b.fence(Fence::AfterAtomic)), m.id())
        | seq!(m.id(), po_opt, lkw.id(), b.fencerel(b.fence(Fence::AfterSpinlock)), m.id())
        | seq!(m.id(), po_unlock_lock_po, b.fence(Fence::AfterUnlockLock).id(), po, m.id())
        | seq!(m.id(), po_opt, srcu_unlock.id(), b.fencerel(b.fence(Fence::AfterSrcuReadUnlock)), m.id());
    let gp = seq!(po, (b.fence(Fence::SyncRcu) | sync_srcu).id(), po_opt);
    let strong_fence = &mb | &gp;
    note(&[("acq_po", &acq_po), ("po_rel", &po_rel), ("po_unlock_lock_po", &po_unlock_lock_po), ("rmb", &rmb)]);
    note(&[("wmb", &wmb), ("mb", &mb), ("gp", &gp)]);

    let nonrw_fence = &strong_fence | &po_rel | &acq_po;
    let fence = &nonrw_fence | &wmb | &rmb;
    let compiler_fences = [
        Fence::Barrier,
        Fence::Rmb,
        Fence::Wmb,
        Fence::Mb,
        Fence::SyncRcu,
        Fence::BeforeAtomic,
        Fence::AfterAtomic,
        Fence::RcuLock,
        Fence::RcuUnlock,
    ]
    .into_iter()
    .fold(sync_srcu | acquire | release | srcu_lock | srcu_unlock, |set, f| set | b.fence(f));
    let barrier = b.fencerel(compiler_fences) | seq!(po, release.id()) | seq!(acquire.id(), po);

    // Instruction execution ordering

    let dep = &addr | &data;
    let rwdep = seq!(&dep | &ctrl, w.id());
    let overwrite = &co | &fr;
    let to_w = &rwdep | (&overwrite & int) | seq!(addr, plain.id(), wmb);
    let to_r = seq!(addr, r.id()) | seq!(dep, marked.id(), rfi);
    let ppo = to_r | to_w | (&fence & int) | (&po_unlock_lock_po & int);
    note(&[("ppo", &ppo)]);

    let id_marked = marked.id();
    let a_cumul = |r: &Relation| seq!(seq!(rfe, id_marked).optional(), r);
    let rmw_sequence = seq!(rf, rmw).star();
    let cumul_fence =
        seq!(id_marked, a_cumul(&(&strong_fence | &po_rel)) | &wmb | &po_unlock_lock_po, id_marked, rmw_sequence);
    let rfe_opt = rfe.optional();
    let prop = seq!(id_marked, (&overwrite & ext).optional(), cumul_fence.star(), id_marked, rfe_opt, id_marked);

    let hb = seq!(id_marked, ppo | &rfe | ((&prop - &id) & int), id_marked);
    note(&[("hb", &hb), ("prop", &prop), ("cumul_fence", &cumul_fence)]);
    axiom(hb.is_acyclic(), "happens-before")?;

    // Write and fence propagation ordering

    let hb_star = hb.star();
    let pb = seq!(prop, strong_fence, hb_star, id_marked);
    note(&[("pb", &pb)]);
    axiom(pb.is_acyclic(), "propagation")?;

    // RCU

    let pb_star = pb.star();
    let rcu_link = seq!(po_opt, hb_star, pb_star, prop, po);
    let rcu_gp = b.fence(Fence::SyncRcu).id();
    let srcu_gp = sync_srcu.id();
    let rcu_order = rcu_order(&rcu_gp, &srcu_gp, &rcu_link, &rcu_rscs.inverse(), &srcu_rscs.inverse(), loc);
    let rcu_fence = seq!(po, rcu_order, po_opt);
    let fence = fence | &rcu_fence;
    let strong_fence = strong_fence | &rcu_fence;
    let rb = seq!(prop, rcu_fence, hb_star, pb_star, id_marked);
    note(&[("rcu_link", &rcu_link), ("rcu_order", &rcu_order), ("rcu_fence", &rcu_fence), ("rb", &rb)]);
    note(&[("fence", &fence), ("strong_fence", &strong_fence)]);
    axiom(rb.is_irreflexive(), "rcu")?;

    // Plain accesses and data races

    let plain_writes = (plain & w).id();
    let unseparated = po_loc - &barrier;
    flag(
        !(seq!(plain_writes, unseparated, id_marked) | seq!(id_marked, unseparated, plain_writes)).is_empty(),
        "mixed-accesses",
    );

    let xb = hb | pb | rb;
    note(&[("xb", &xb)]);
    let xbstar = xb.star();
    let vis = seq!(cumul_fence.star(), rfe_opt, id_marked, seq!(strong_fence, id_marked, xbstar) | (&xbstar & int));

    let w_pre_bounded = seq!(id_marked, (&addr | &fence).optional());
    let r_pre_bounded =
        seq!(id_marked, (&addr | &nonrw_fence | seq!(r4rmb.id(), fencerel_rmb, noreturn.not().id())).optional());
    let w_post_bounded = seq!(fence.optional(), id_marked, rmw_sequence);
    let r_post_bounded =
        seq!((&nonrw_fence | seq!(noreturn.not().id(), fencerel_rmb, r4rmb.id())).optional(), id_marked);

    let ww_vis = &fence | seq!(strong_fence, xbstar, w_pre_bounded) | seq!(w_post_bounded, vis, w_pre_bounded);
    let wr_vis = &fence | seq!(strong_fence, xbstar, r_pre_bounded) | seq!(w_post_bounded, vis, r_pre_bounded);
    let rw_xbstar = &fence | seq!(r_post_bounded, xbstar, w_pre_bounded);
    note(&[("vis", &vis), ("ww_vis", &ww_vis), ("wr_vis", &wr_vis), ("rw_xbstar", &rw_xbstar)]);

    let pre_race = ext & (plain.times(m) | (m - iw).times(plain));

    let wr_incoh = &pre_race & &rf & rw_xbstar.inverse();
    let rw_incoh = &pre_race & &fr & wr_vis.inverse();
    let ww_incoh = &pre_race & &co & ww_vis.inverse();
    axiom((wr_incoh | rw_incoh | ww_incoh).is_empty(), "plain-coherence")?;

    let ww_nonrace = &ww_vis & (marked.times(w) | &rw_xbstar) & (w.times(marked) | &wr_vis);
    let ww_race = (&pre_race & &co) - ww_nonrace;
    let wr_race = (&pre_race & seq!(co.optional(), rf)) - &wr_vis - rw_xbstar.inverse();
    let rw_race = (&pre_race & &fr) - &rw_xbstar;
    flag(!(ww_race | wr_race | rw_race).is_empty(), "data-race");
    Ok(())
}

/// `rcu-order`: sequences with at least as many grace periods as read-side critical sections, as the least fixed point.
fn rcu_order(
    rcu_gp: &Relation,
    srcu_gp: &Relation,
    rcu_link: &Relation,
    rcu_rscsi: &Relation,
    srcu_rscsi: &Relation,
    loc: &Relation,
) -> Relation {
    let mut order = rcu_gp | srcu_gp;
    loop {
        // A link, or a chain of links with an rcu-order in the middle.
        let link = rcu_link | seq!(rcu_link, order, rcu_link);
        let next = &order
            | seq!(rcu_gp, link, rcu_rscsi)
            | (seq!(srcu_gp, link, srcu_rscsi) & loc)
            | seq!(rcu_rscsi, link, rcu_gp)
            | (seq!(srcu_rscsi, link, srcu_gp) & loc)
            | seq!(order, rcu_link, order);
        if next == order {
            return order;
        }
        order = next;
    }
}

/// `co` with unlocks merged into it, from the order `co0` of all other writes; and with it the `rf` of lock reads.
pub(crate) fn merge_locks(x: &mut Execution) {
    if !x.events.iter().any(|e| e.label == Label::LockWrite) {
        return;
    }
    let b = Base::new(x);
    let critical = critical(&b);
    let co0 = Relation::from_pairs(b.len, &x.co);
    let co = (&co0 | &critical | seq!(critical.inverse(), co0)).plus();
    let singlestep = &co - seq!(co, co);
    let lkr_rf = seq!((b.iw | b.ul).id(), singlestep, lk_rmw(&b).inverse());
    let mut rf: Vec<_> = (Relation::from_pairs(b.len, &x.rf) | lkr_rf).pairs().collect();
    rf.sort_unstable();
    x.co = co.pairs().collect();
    x.rf = rf;
}

//! Why a model allows an execution: which orders it lacks.
//!
//! A full fence is put (on paper: into the graph) between operations of a thread, and the model is asked again: at one place first, then at two,
//! then at three. The smallest sets of places that make the model forbid the execution are the orders that are missing. Each place is then
//! tried with less than a full fence: a fence for writes or for reads, a release, an acquire, a dependency.

use crate::change::{Change, apply};
use crate::event::{Fence, Label, Mode};
use crate::explain::{self, Violation};
use crate::graph::{EventId, Execution};
use crate::models::Model;
use std::time::Instant;

/// Sets of more places than this say nothing to a reader.
const MANY: usize = 4;

/// Sets of places that are looked for, at most.
const SETS: usize = 3;

/// An order that is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The event before which it would be told that something is ordered.
    pub gap: EventId,
    /// The accesses that would be ordered.
    pub ends: (EventId, EventId),
    /// Are they ordered, but by less than it takes?
    pub is_weak: bool,
    /// What would order them; one is enough. The first one stands with those of the other orders for all that is said.
    pub changes: Vec<Change>,
}

/// Orders that would forbid an execution together, each of which is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// The orders.
    pub missing: Vec<Missing>,
    /// Why the execution is forbidden then, in the events that it has [then](apply).
    pub violation: Option<Violation>,
    /// The execution with the first change for each order.
    pub execution: Execution,
    /// For each event of the execution as it is, the number that it has then.
    pub place: Vec<EventId>,
}

/// The least sets of orders that would make a model forbid an execution which it allows, those where there is no order at all first. None if no fences would, if more are needed than
/// can be told, or if there is no more time.
///
/// # Panics
/// As [`Model::judge`].
pub fn missing(model: &Model, execution: &Execution, until: Instant) -> Vec<Mend> {
    let search = Search { model, x: execution, until };
    let places = gaps(execution);
    let all: Vec<Change> = places.iter().map(|&gap| Change::Fence(Fence::Mb, gap)).collect();
    if execution.events.len() + places.len() > explain::MAX_EVENTS {
        return Vec::new();
    }
    let sets = if search.forbids(&all) { search.least(&all) } else { search.grace_periods(&places) };
    let mut mends: Vec<Mend> = sets.into_iter().map(|set| search.mend(&set)).collect();
    mends.sort_by_key(|mend| mend.missing.iter().any(|missing| missing.is_weak));
    mends
}

/// The events before which a fence may stand: those that begin an operation which is not the first one of its thread.
fn gaps(x: &Execution) -> Vec<EventId> {
    let reads = |label: Label| label.is_read() || matches!(label, Label::LockRead | Label::LockFail);
    let is_fence = |label: Label| matches!(label, Label::Fence(_));
    let begins = |&at: &usize| {
        let (before, event) = (&x.events[at - 1], &x.events[at]);
        let is_whole =
            !is_fence(before.label) && !is_fence(event.label) && (!reads(before.label) || reads(event.label));
        let is_full = [before, event].iter().any(|event| event.label == Label::Fence(Fence::Mb));
        event.thread.is_some()
            && before.thread == event.thread
            && !is_full
            && (before.origin != event.origin || is_whole)
            && x.po.binary_search(&((at - 1) as EventId, at as EventId)).is_ok()
    };
    (1..x.events.len()).filter(begins).map(|at| at as EventId).collect()
}

struct Search<'a> {
    model: &'a Model,
    x: &'a Execution,
    until: Instant,
}

impl Search<'_> {
    fn has_time(&self) -> bool {
        Instant::now() < self.until
    }

    fn forbids(&self, changes: &[Change]) -> bool {
        self.model.judge(&apply(self.x, changes).0).violated.is_some()
    }

    /// The smallest sets of changes, out of some, that are enough.
    fn least(&self, all: &[Change]) -> Vec<Vec<Change>> {
        let mut found = Vec::new();
        for size in 1..=MANY.min(all.len()) {
            self.choose(all, size, &mut Vec::new(), &mut found);
            if !found.is_empty() || !self.has_time() {
                break;
            }
        }
        found
    }

    fn choose(&self, all: &[Change], size: usize, chosen: &mut Vec<Change>, found: &mut Vec<Vec<Change>>) {
        if found.len() == SETS || !self.has_time() {
            return;
        }
        if size == 0 {
            if self.forbids(chosen) {
                found.push(chosen.clone());
            }
            return;
        }
        for (at, &change) in all.iter().enumerate() {
            chosen.push(change);
            self.choose(&all[at + 1..], size - 1, chosen, found);
            chosen.pop();
        }
    }

    /// Grace periods that are enough, where there are readers, and outside of them.
    fn grace_periods(&self, places: &[EventId]) -> Vec<Vec<Change>> {
        let is = |event: usize, fence: Fence| self.x.events[event].label == Label::Fence(fence);
        let is_outside = |&&gap: &&EventId| {
            let own =
                || (0..gap as usize).filter(|&event| self.x.events[event].thread == self.x.events[gap as usize].thread);
            let count = |fence: Fence| own().filter(|&event| is(event, fence)).count();
            count(Fence::RcuLock) == count(Fence::RcuUnlock)
        };
        if !(0..self.x.events.len()).any(|event| is(event, Fence::RcuLock)) {
            return Vec::new();
        }
        let changes = places.iter().filter(is_outside).map(|&gap| vec![Change::Fence(Fence::SyncRcu, gap)]);
        changes.filter(|set| self.has_time() && self.forbids(set)).take(SETS).collect()
    }

    /// What may do at the place of a fence, the best first.
    fn cheaper(&self, gap: EventId) -> Vec<Change> {
        let thread = self.x.events[gap as usize].thread;
        let own = |event: &usize| self.x.events[*event].thread == thread;
        let label = |event: usize| self.x.events[event].label;
        let is_access = |event: &usize| label(*event).is_read() || label(*event).is_write();
        let before = (0..gap as usize).rev().filter(own).find(is_access);
        let after = (gap as usize..self.x.events.len()).filter(own).find(is_access);
        let mut changes = vec![Change::Fence(Fence::Wmb, gap), Change::Fence(Fence::Rmb, gap)];
        let (Some(before), Some(after)) = (before, after) else { return changes };
        let (first, second) = (before as EventId, after as EventId);
        if label(after) == Label::Write(Mode::Once) {
            changes.push(Change::Release(second));
        }
        if label(before) == Label::Read(Mode::Once) {
            changes.push(Change::Acquire(first));
        }
        if label(before).is_read() && self.x.events[before].origin != self.x.events[after].origin {
            changes.push(if label(after).is_write() {
                Change::Ctrl(first, second)
            } else {
                Change::Addr(first, second)
            });
        }
        changes
    }

    /// Makes each of the changes as cheap as it can be.
    fn mend(&self, full: &[Change]) -> Mend {
        let mut chosen = full.to_vec();
        let with = |chosen: &[Change], at: usize, change: Change| {
            let mut changes = chosen.to_vec();
            changes[at] = change;
            self.has_time() && self.forbids(&changes)
        };
        let gaps: Vec<EventId> = full
            .iter()
            .filter_map(|change| if let Change::Fence(_, gap) = change { Some(*gap) } else { None })
            .collect();
        for (at, &gap) in gaps.iter().enumerate() {
            if let Some(change) = self.cheaper(gap).into_iter().find(|&change| with(&chosen, at, change)) {
                chosen[at] = change;
            }
        }
        let (execution, place) = apply(self.x, &chosen);
        let violation = explain::explain(self.model, &execution);
        let missing = gaps.iter().enumerate().map(|(at, &gap)| {
            let others =
                self.cheaper(gap).into_iter().filter(|&change| change != chosen[at] && with(&chosen, at, change));
            let full = (full[at] != chosen[at]).then_some(full[at]);
            let changes = std::iter::once(chosen[at]).chain(others).chain(full).collect();
            let is_new = |event: EventId| !place.contains(&event);
            let ends = violation.as_ref().and_then(|violation| ends(violation, chosen[at], &place, &is_new));
            let ends = ends.unwrap_or_else(|| self.around(gap));
            Missing { gap, ends, is_weak: self.orders(ends.0, ends.1), changes }
        });
        let missing = missing.collect();
        Mend { missing, violation, execution, place }
    }

    /// Is something between two accesses of a thread, or in them, that orders them?
    fn orders(&self, first: EventId, second: EventId) -> bool {
        let x = self.x;
        let label = |event: EventId| x.events[event as usize].label;
        let (a, b) = (label(first), label(second));
        let is_between = |fence: Fence| {
            let mut before = x.po.iter().filter(|pair| pair.0 == first && label(pair.1) == Label::Fence(fence));
            before.any(|pair| x.po.binary_search(&(pair.1, second)).is_ok())
        };
        let depends = |pairs: &[(EventId, EventId)]| pairs.contains(&(first, second));
        a == Label::Read(Mode::Acquire)
            || b == Label::Write(Mode::Release)
            || a.is_write() && b.is_write() && is_between(Fence::Wmb)
            || a.is_read() && b.is_read() && is_between(Fence::Rmb)
            || depends(&x.addr)
            || depends(&x.data)
            || b.is_write() && depends(&x.ctrl)
    }

    /// The accesses around a place.
    fn around(&self, gap: EventId) -> (EventId, EventId) {
        let own = |event: &EventId| self.x.events[*event as usize].thread == self.x.events[gap as usize].thread;
        let is_access = |event: &EventId| self.x.events[*event as usize].location.is_some();
        let before = (0..gap).rev().filter(own).find(is_access).unwrap_or(gap - 1);
        let after = (gap..self.x.events.len() as EventId).filter(own).find(is_access).unwrap_or(gap);
        (before, after)
    }
}

/// The accesses that a change orders, by the cycle that it closes, with the numbers that they had.
fn ends(
    violation: &Violation,
    change: Change,
    place: &[EventId],
    is_new: &dyn Fn(EventId) -> bool,
) -> Option<(EventId, EventId)> {
    let new = |event: EventId| place[event as usize];
    let edges = violation.edges();
    let edge = edges.iter().find(|edge| match change {
        Change::Acquire(read) => edge.relation == "acq_po" && edge.from == new(read),
        Change::Release(write) => edge.relation == "po_rel" && edge.to == new(write),
        Change::Addr(from, to) => edge.relation == "addr" && (edge.from, edge.to) == (new(from), new(to)),
        Change::Ctrl(from, to) => edge.relation == "ctrl" && (edge.from, edge.to) == (new(from), new(to)),
        // (A fence stands right before the event that it was put before.)
        Change::Fence(_, gap) => edge.via.contains(&(new(gap) - 1)) && is_new(new(gap) - 1),
    })?;
    let old = |event: EventId| place.iter().position(|&new| new == event).map(|event| event as EventId);
    Some((old(edge.from)?, old(edge.to)?))
}

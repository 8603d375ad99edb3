//! The strengthenings of a test: which there are, what each costs, and which is weaker than which.

use super::edit::{self, Edit, apply};
use super::oracle::{Oracle, Read, Stop};
use super::orders::{Orders, same_accesses};
use super::{Kind, Step};
use crate::ast::{Expr, ExprKind, Ordering, Process, Stmt, StmtKind};
use crate::sites::{self, Access, Gap, Side, Sites};
use lkmm_model::cost::{Architecture, Ordered};
use lkmm_model::event::Fence;
use lkmm_model::minimal::Order;
use lkmm_report::Origin;
use std::ops::Range;

/// One strengthening. (Full read-modify-writes are acquires and releases at once.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// The load of an access becomes an acquire.
    Acquire(usize),
    /// The store of an access becomes a release.
    Release(usize),
    /// A fence at a gap.
    Fence(Fence, usize),
    /// An access depends on a local that a load has set.
    Depend { access: usize, on: String },
}

/// All strengthenings of a test, and their order.
pub(super) struct Candidates<'a> {
    source: &'a str,
    sites: &'a Sites,
    arch: Architecture,
    pub(super) changes: Vec<Change>,
    pub(super) order: Order,
    /// What is left out, and what stands for it.
    #[cfg(test)]
    pub(super) same: Vec<(Change, Change)>,
}

/// What may be added at each gap, the weakest first.
const FENCES: [Fence; 3] = [Fence::Wmb, Fence::Rmb, Fence::Mb];

impl<'a> Candidates<'a> {
    /// Finds them: whatever the text can be changed to that can be read, and orders more than is ordered without it.
    pub(super) fn find(
        source: &'a str,
        read: &'a Read,
        arch: Architecture,
        oracle: &Oracle<'_>,
    ) -> Result<Candidates<'a>, Stop> {
        let threads = &read.test.program.threads;
        let mut candidates = Candidates {
            source,
            sites: &read.sites,
            arch,
            changes: Vec::new(),
            order: Order::new(0, |_, _| false),
            #[cfg(test)]
            same: Vec::new(),
        };
        let base: Vec<Option<Orders>> = threads.iter().map(Orders::of).collect();
        let mut kept: Vec<(Change, usize, Option<Orders>)> = Vec::new();
        for change in possible(read) {
            let process = candidates.process(&change);
            let Some(text) = candidates.source(std::slice::from_ref(&change)) else { continue };
            let changed = match oracle.read(&text) {
                Ok(changed) => changed,
                Err(Stop::Problem(_)) => continue,
                Err(Stop::Spent) => return Err(Stop::Spent),
            };
            let (old, new) = (&threads[process], &changed.test.program.threads[process]);
            // (A change of the text that is read as something else.)
            if !same_accesses(old, new) {
                continue;
            }
            let orders = Orders::of(new);
            let adds = match (&orders, &base[process]) {
                (Some(orders), Some(base)) => !orders.beyond(base).is_empty(),
                _ => true,
            };
            if adds {
                kept.push((change, process, orders));
            }
        }
        candidates.compare(kept, &base);
        Ok(candidates)
    }

    /// Orders them, and of those that order the same keeps the cheapest, and of these the last.
    fn compare(&mut self, kept: Vec<(Change, usize, Option<Orders>)>, base: &[Option<Orders>]) {
        let added = |n: usize| {
            let (_, process, orders) = &kept[n];
            Some(orders.as_ref()?.beyond(base[*process].as_ref()?))
        };
        let added: Vec<Option<Orders>> = (0..kept.len()).map(added).collect();
        let is_at_most = |a: usize, b: usize| match (&added[a], &kept[b].2) {
            (Some(added), Some(all)) => kept[a].1 == kept[b].1 && added.is_within(all),
            _ => false,
        };
        let cost: Vec<u32> = kept.iter().map(|(change, ..)| self.cost(std::slice::from_ref(change))).collect();
        let is_better = |a: usize, b: usize| (cost[a], kept.len() - a) < (cost[b], kept.len() - b);
        let is_kept =
            |&n: &usize| !(0..kept.len()).any(|m| m != n && is_at_most(m, n) && is_at_most(n, m) && is_better(m, n));
        let chosen: Vec<usize> = (0..kept.len()).filter(is_kept).collect();
        self.order = Order::new(chosen.len(), |a, b| a != b && is_at_most(chosen[a], chosen[b]));
        #[cfg(test)]
        for left_out in (0..kept.len()).filter(|n| !chosen.contains(n)) {
            let same = chosen.iter().find(|&&n| is_at_most(n, left_out) && is_at_most(left_out, n));
            let same = *same.expect("something stands for it");
            self.same.push((kept[left_out].0.clone(), kept[same].0.clone()));
        }
        self.changes = chosen.iter().map(|&n| kept[n].0.clone()).collect();
    }

    fn process(&self, change: &Change) -> usize {
        match change {
            Change::Acquire(access) | Change::Release(access) | Change::Depend { access, .. } => {
                self.sites.accesses[*access].process
            }
            Change::Fence(_, gap) => self.sites.gaps[*gap].process,
        }
    }

    /// Changes by their numbers.
    pub(super) fn chosen(&self, numbers: &[usize]) -> Vec<Change> {
        numbers.iter().map(|&n| self.changes[n].clone()).collect()
    }

    /// The source with changes. `None` if they cannot be written.
    pub(super) fn source(&self, changes: &[Change]) -> Option<String> {
        let edits: Vec<Edit> = self.steps(changes)?.into_iter().flat_map(|step| step.edits).collect();
        Some(apply(self.source, &edits))
    }

    /// The accesses whose ordering changes, and what it becomes.
    fn orderings(&self, changes: &[Change]) -> Vec<(usize, Ordering)> {
        let mut found: Vec<(usize, Ordering)> = Vec::new();
        for change in changes {
            let (at, half) = match change {
                Change::Acquire(at) => (*at, Ordering::Acquire),
                Change::Release(at) => (*at, Ordering::Release),
                _ => continue,
            };
            match found.iter_mut().find(|(other, _)| *other == at) {
                Some((_, ordering)) => *ordering = join(*ordering, half),
                None => found.push((at, join(self.sites.accesses[at].ordering, half))),
            }
        }
        found
    }

    /// What changes cost together.
    pub(super) fn cost(&self, changes: &[Change]) -> u32 {
        let ordering = |(at, ordering): (usize, Ordering)| self.ordering_cost(&self.sites.accesses[at], ordering);
        let orderings: u32 = self.orderings(changes).into_iter().map(ordering).sum();
        let others = changes.iter().map(|change| match change {
            Change::Fence(fence, _) => self.arch.cost(Ordered::Fence(*fence)).0,
            Change::Depend { .. } => self.arch.cost(Ordered::Dependency).0,
            Change::Acquire(_) | Change::Release(_) => 0,
        });
        orderings + others.sum::<u32>()
    }

    fn ordering_cost(&self, access: &Access, to: Ordering) -> u32 {
        ordering_cost(self.arch, access.kind, to).saturating_sub(ordering_cost(self.arch, access.kind, access.ordering))
    }

    /// Changes one by one, in the order of the source. `None` if one cannot be written.
    pub(super) fn steps(&self, changes: &[Change]) -> Option<Vec<Step>> {
        let mut steps = Vec::new();
        for (at, ordering) in self.orderings(changes) {
            let access = &self.sites.accesses[at];
            let edits = edit::order(self.source, access, ordering)?;
            steps.push(self.step(access, Kind::Ordering, edits, self.ordering_cost(access, ordering)));
        }
        for change in changes {
            match change {
                Change::Depend { access, on } => {
                    let access = &self.sites.accesses[*access];
                    let edits = edit::depend(self.source, access, on)?;
                    let cost = self.arch.cost(Ordered::Dependency).0;
                    steps.push(self.step(access, Kind::Dependency { on: on.clone() }, edits, cost));
                }
                Change::Fence(fence, gap) => steps.push(self.fence_step(*fence, &self.sites.gaps[*gap])),
                Change::Acquire(_) | Change::Release(_) => {}
            }
        }
        steps.sort_by_key(|step| step.span.start);
        Some(steps)
    }

    fn fence_step(&self, fence: Fence, gap: &Gap) -> Step {
        let first_line = self.source[gap.statement.clone()].lines().next().unwrap_or("");
        Step {
            kind: Kind::Fence { after: gap.side == Side::After },
            process: gap.process,
            span: gap.statement.clone(),
            before: first_line.trim_end().to_string(),
            after: format!("{}();", fence.function()),
            cost: self.arch.cost(Ordered::Fence(fence)).0,
            edits: edit::fence(self.source, gap, fence),
        }
    }

    fn step(&self, access: &Access, kind: Kind, edits: Vec<Edit>, cost: u32) -> Step {
        Step {
            kind,
            process: access.process,
            span: access.span.clone(),
            before: self.source[access.span.clone()].to_string(),
            after: edit::apply_within(self.source, &access.span, &edits),
            cost,
            edits,
        }
    }
}

/// The cost of an ordering of an access, beside the access itself.
pub(super) fn ordering_cost(arch: Architecture, kind: sites::Kind, ordering: Ordering) -> u32 {
    let ordered = match (kind, ordering) {
        (_, Ordering::Relaxed) => return 0,
        (sites::Kind::Load, _) => Ordered::Load,
        (sites::Kind::Store, Ordering::Full) => Ordered::Fence(Fence::Mb),
        (sites::Kind::Store, _) => Ordered::Store,
        (sites::Kind::Rmw, Ordering::Acquire) => Ordered::RmwAcquire,
        (sites::Kind::Rmw, Ordering::Release) => Ordered::RmwRelease,
        (sites::Kind::Rmw, Ordering::Full) => Ordered::RmwFull,
    };
    arch.cost(ordered).0
}

fn join(a: Ordering, b: Ordering) -> Ordering {
    match (a, b) {
        (Ordering::Relaxed, other) | (other, Ordering::Relaxed) => other,
        (a, b) if a == b => a,
        _ => Ordering::Full,
    }
}

/// Whatever might be changed.
fn possible(read: &Read) -> Vec<Change> {
    let mut changes = Vec::new();
    for (at, access) in read.sites.accesses.iter().enumerate() {
        let has = |half| join(access.ordering, half) == access.ordering;
        if access.kind != sites::Kind::Store && !has(Ordering::Acquire) {
            changes.push(Change::Acquire(at));
        }
        if access.kind != sites::Kind::Load && !has(Ordering::Release) {
            changes.push(Change::Release(at));
        }
    }
    for gap in 0..read.sites.gaps.len() {
        changes.extend(FENCES.iter().map(|&fence| Change::Fence(fence, gap)));
    }
    for (number, process) in read.processes.iter().enumerate() {
        for (on, from) in loaded(process, &read.test.origins) {
            let is_later = |access: &Access| access.process == number && access.span.start >= from.end;
            let later = read.sites.accesses.iter().enumerate().filter(|(_, access)| is_later(access));
            changes.extend(later.map(|(access, _)| Change::Depend { access, on: on.clone() }));
        }
    }
    changes
}

/// The locals that loads set, by name, and where.
fn loaded(process: &Process, origins: &[Origin]) -> Vec<(String, Range<usize>)> {
    let mut found = Vec::new();
    process.body.iter().for_each(|statement| collect(statement, process, origins, &mut found));
    found.sort_by_key(|(_, span): &(String, Range<usize>)| span.start);
    found.dedup();
    found
}

fn collect(statement: &Stmt, process: &Process, origins: &[Origin], found: &mut Vec<(String, Range<usize>)>) {
    match &statement.kind {
        StmtKind::Leaving { branch, .. } => collect(branch, process, origins, found),
        StmtKind::Block(body) | StmtKind::Labelled { body, .. } => {
            body.iter().for_each(|statement| collect(statement, process, origins, found))
        }
        StmtKind::If { then, otherwise, .. } => {
            collect(then, process, origins, found);
            otherwise.iter().for_each(|otherwise| collect(otherwise, process, origins, found));
        }
        StmtKind::Loop { body, .. } => collect(body, process, origins, found),
        StmtKind::Assign { register: Some(register), value } if loads(value) => {
            let name =
                process.registers.get(*register as usize).map_or("", |name| name.split('#').next().unwrap_or(""));
            if let (false, Some(origin)) = (name.is_empty(), origins.get(statement.origin as usize)) {
                found.push((name.to_string(), origin.span.clone()));
            }
        }
        _ => {}
    }
}

/// Is it the value of a load, or of an update?
fn loads(expr: &Expr) -> bool {
    !matches!(expr.kind, ExprKind::Const(_) | ExprKind::Register(_) | ExprKind::TryLock(_) | ExprKind::IsLocked(_))
        && match &expr.kind {
            ExprKind::Binary { left, right, .. } => loads(left) || loads(right),
            _ => true,
        }
}

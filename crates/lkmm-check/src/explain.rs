//! Why nothing forbids an execution, and what would.
//!
//! A fence is put between any two operations of each thread (on paper: into the execution graph), and the model is asked
//! again. If the failure is still there, no order within threads forbids it, and the code is wrong however it is ordered. Otherwise fences
//! are taken away as long as those that are left forbid it: one, if one is enough. What is left is made as cheap as it can
//! be, by the search for least sets and the costs of `lkmm repair`: a release or an acquire on one access before a fence. Each of these is an order that the code lacks: `wording.rs` says so, and `cycle.rs`
//! which axiom forbids the execution if it is there.

use crate::picture::{Picture, Row};
use lkmm_model::change::{Change, apply};
use lkmm_model::cost::Architecture;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::minimal::{Order, minimal_sets};
use lkmm_model::models::{self, Model};
use std::time::{Duration, Instant};

/// In executions with more events nothing is tried.
const MANY_EVENTS: usize = 128;

/// How long fences are taken away, and one alone is looked for. (Builds without optimisation take a few milliseconds to ask the
/// model about a hundred events.)
const TIME: Duration = Duration::from_secs(1);

/// Of more changes to choose from, the cheapest are not looked for.
const MANY_OPTIONS: usize = 32;

/// Whose costs count.
const COSTS: Architecture = Architecture::Aarch64;

/// More changes than this explain nothing.
const MANY_CHANGES: usize = 6;

/// What can be said on an execution that fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct Explanation {
    /// Why nothing forbids it: sentences.
    pub(crate) why: Vec<String>,
    /// Of the first of these sentences, the lines of source that each is about, with the numbers of the operations.
    pub(crate) code: Vec<Vec<String>>,
    /// What would: a sentence for each change, all of which are needed.
    pub(crate) mend: Vec<String>,
}

/// A place between two operations of a thread, by the numbers of their rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gap {
    pub(crate) before: usize,
    pub(crate) after: usize,
}

/// Is an execution (whose events that the failure is about are these) possible, and still wrong?
type Fails<'a> = &'a dyn Fn(&Execution, &[EventId]) -> bool;

/// Explains an execution that fails.
pub(crate) fn explain(picture: &Picture, model: &Model, fails: Fails<'_>) -> Explanation {
    if picture.execution.events.len() > MANY_EVENTS || !fails(&picture.execution, &picture.marked) {
        return Explanation::default();
    }
    let rows = picture.rows();
    Explainer { picture, model, fails, rows: &rows }.explain()
}

pub(crate) struct Explainer<'a> {
    pub(crate) picture: &'a Picture,
    pub(crate) model: &'a Model,
    fails: Fails<'a>,
    pub(crate) rows: &'a [Row],
}

impl Explainer<'_> {
    fn explain(&self) -> Explanation {
        let (gaps, mut changes): (Vec<Gap>, Vec<Change>) = match self.enough() {
            Some(gaps) => gaps.into_iter().map(|gap| (gap, self.full(gap))).unzip(),
            None => match self.grace_period() {
                Some((gap, change)) => (vec![gap], vec![change]),
                None => return self.unordered(),
            },
        };
        if changes.len() > MANY_CHANGES {
            return Explanation::default();
        }
        let orders = self.cheapest(&gaps, &changes).unwrap_or_else(|| {
            for (n, &gap) in gaps.iter().enumerate() {
                let cheaper = self.cheaper(gap).into_iter().find(|&change| {
                    let mut other = changes.clone();
                    other[n] = change;
                    self.forbids(&other)
                });
                changes[n] = cheaper.unwrap_or(changes[n]);
            }
            gaps.iter().copied().zip(changes.iter().copied()).collect()
        });
        let changes: Vec<Change> = orders.iter().map(|&(_, change)| change).collect();
        let (mut why, code) = self.missing(&orders);
        why.extend(self.then(&changes, why.len()));
        Explanation { why, code, mend: self.advice(&orders) }
    }

    /// The cheapest least set of changes at some gaps that forbids the failure, if that is quickly found: at each gap what is enough there, or
    /// less. (It is about this execution. Others may fail in the same way, and need more.)
    fn cheapest(&self, gaps: &[Gap], enough: &[Change]) -> Option<Vec<(Gap, Change)>> {
        let at = |(&gap, &enough): (&Gap, &Change)| {
            let changes = self.cheaper(gap).into_iter().filter(move |&change| change != enough).chain([enough]);
            changes.map(|change| (gap, change)).collect::<Vec<_>>()
        };
        let options: Vec<(Gap, Change)> = gaps.iter().zip(enough).flat_map(at).collect();
        if options.len() > MANY_OPTIONS {
            return None;
        }
        let is_weaker = |a: usize, b: usize| {
            let (a, b) = (options[a], options[b]);
            a.0 == b.0 && a.1 != b.1 && enough.contains(&b.1)
        };
        let changes = |set: &[usize]| set.iter().map(|&n| options[n].1).collect::<Vec<Change>>();
        let cost = |set: &[usize]| set.iter().map(|&n| u64::from(COSTS.cost(options[n].1.ordered()).0)).sum();
        let until = Instant::now() + TIME;
        let forbids = |set: &[usize]| (Instant::now() < until).then(|| self.forbids(&changes(set)));
        let order = Order::new(options.len(), is_weaker);
        let found = minimal_sets(&order, cost, forbids, MANY_OPTIONS);
        let best = found.sets.first().filter(|_| found.complete)?;
        Some(best.iter().map(|&n| options[n]).collect())
    }

    /// A least set of places for full fences that forbids the failure; one place, if one is enough. `None` if all together do not.
    fn enough(&self) -> Option<Vec<Gap>> {
        let mut gaps = self.gaps();
        let forbids = |gaps: &[Gap]| {
            let changes: Vec<Change> = gaps.iter().map(|&gap| self.full(gap)).collect();
            self.forbids(&changes)
        };
        if !forbids(&gaps) {
            return None;
        }
        let all = gaps.clone();
        let until = Instant::now() + TIME;
        let has_time = || Instant::now() < until;
        // Many at once, then fewer, in the end each.
        let mut many = gaps.len();
        while many > 0 && has_time() {
            let mut end = gaps.len();
            while end > 0 && has_time() {
                let start = end.saturating_sub(many);
                let fewer = [&gaps[..start], &gaps[end..]].concat();
                if forbids(&fewer) {
                    gaps = fewer;
                }
                end = start;
            }
            many /= 2;
        }
        // There may be one elsewhere that is enough.
        let alone = if gaps.len() > 1 { all.into_iter().find(|&gap| has_time() && forbids(&[gap])) } else { None };
        Some(alone.map_or(gaps, |gap| vec![gap]))
    }

    /// The places between operations of one thread.
    fn gaps(&self) -> Vec<Gap> {
        let thread = |n: usize| self.picture.event(self.rows[n].events[0]).thread;
        let is_fence = |n: usize| {
            let label = self.picture.event(self.rows[n].events[0]).label;
            self.rows[n].events.len() == 1 && label == Label::Fence(Fence::Mb)
        };
        let pairs = (1..self.rows.len()).filter(|&n| thread(n - 1) == thread(n));
        pairs.filter(|&n| !is_fence(n - 1) && !is_fence(n)).map(|n| Gap { before: n - 1, after: n }).collect()
    }

    /// A grace period that forbids the failure, where readers take part in it.
    fn grace_period(&self) -> Option<(Gap, Change)> {
        let label = |row: usize| self.picture.event(self.rows[row].events[0]).label;
        let count = |gap: Gap, fence: Fence| {
            let is_own = |row: &usize| self.picture.event(self.rows[*row].events[0]).thread == self.thread(gap);
            (0..=gap.before).filter(is_own).filter(|&row| label(row) == Label::Fence(fence)).count()
        };
        let is_outside = |gap: &Gap| count(*gap, Fence::RcuLock) == count(*gap, Fence::RcuUnlock);
        let has_readers = (0..self.rows.len()).any(|row| label(row) == Label::Fence(Fence::RcuLock));
        let gaps = self.gaps().into_iter().filter(|gap| has_readers && is_outside(gap));
        let mut changes = gaps.map(|gap| (gap, Change::Fence(Fence::SyncRcu, self.rows[gap.after].events[0])));
        changes.find(|&(_, change)| self.forbids(&[change]))
    }

    fn full(&self, gap: Gap) -> Change {
        Change::Fence(Fence::Mb, self.rows[gap.after].events[0])
    }

    /// The thread in which a gap is.
    pub(crate) fn thread(&self, gap: Gap) -> Option<u32> {
        self.picture.event(self.rows[gap.after].events[0]).thread
    }

    /// What may do instead of a full fence, the best first.
    fn cheaper(&self, gap: Gap) -> Vec<Change> {
        let event = |id: EventId| self.picture.event(id);
        let is_own = |row: &&Row| event(row.events[0]).thread == self.thread(gap);
        let find = |rows: &mut dyn Iterator<Item = &Row>, label: Label| -> Vec<EventId> {
            let own = rows.filter(is_own).flat_map(|row| row.events.iter().copied());
            own.filter(|&id| event(id).label == label).collect()
        };
        let releases = find(&mut self.rows[gap.after..].iter(), Label::Write(Mode::Once));
        let acquires = find(&mut self.rows[..=gap.before].iter().rev(), Label::Read(Mode::Once));
        let at = self.rows[gap.after].events[0];
        let fences = [Fence::Wmb, Fence::Rmb].map(|fence| Change::Fence(fence, at));
        let accesses = releases.into_iter().map(Change::Release).chain(acquires.into_iter().map(Change::Acquire));
        accesses.chain(fences).collect()
    }

    fn forbids(&self, changes: &[Change]) -> bool {
        let (execution, of_old) = apply(&self.picture.execution, changes);
        let marked: Vec<EventId> = self.picture.marked.iter().map(|&id| of_old[id as usize]).collect();
        !(self.fails)(&execution, &marked)
    }

    /// What to say if no order within threads is enough.
    fn unordered(&self) -> Explanation {
        let x = &self.picture.execution;
        let is_sequential = models::sc().judge(x).violated.is_none();
        let plain = |id: &&EventId| {
            matches!(self.picture.event(**id).label, Label::Read(Mode::Plain) | Label::Write(Mode::Plain))
        };
        let mut marked = x.clone();
        for &id in self.picture.marked.iter().filter(plain) {
            let event = &mut marked.events[id as usize];
            event.label = if event.label.is_read() { Label::Read(Mode::Once) } else { Label::Write(Mode::Once) };
        }
        let mut explanation = Explanation::default();
        if is_sequential {
            let why = "nothing is reordered: operations take turns as they stand, and no fence would change that";
            explanation.why.push(why.to_string());
        }
        if self.picture.marked.iter().any(|id| plain(&id)) && !(self.fails)(&marked, &self.picture.marked) {
            let both = "mark the accesses (`Atomic`, with Relaxed), or hold one lock around both";
            explanation.mend.push(both.to_string());
        }
        explanation
    }
}

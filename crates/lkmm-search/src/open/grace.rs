//! Deadlocks through grace periods.
//!
//! To the model, `synchronize_rcu` is an event, which forbids executions and waits for nothing; so no search that asks the
//! model gets stuck at one. Real ones wait for the readers that have begun, and these may wait for whoever waits for them:
//! a reader for a lock that is held during the grace period, for the end of a thread that waits for readers, or for a flag
//! that is set only afterwards.
//!
//! Such a deadlock leaves its traces in a complete execution, in which the grace period was let pass. Where all that a reader waits for comes
//! after the grace period, and that after the beginning of the reader, the model forbids it, but not on the way to it. So those that the model
//! forbids in the end are looked at as well. Let threads stop before a grace period each, and take away all that comes of what they do later. What
//! is left is an execution up to some point; it has to be a consistent one. The threads that are cut short now wait for a lock whose holder is cut short, for the end
//! of a thread that is, in a loop for a value that is not written yet; or, at a grace period, for a reader that is open. If
//! those that wait do so for each other only, this is a deadlock. (That the reader had begun before the grace period is always
//! possible, since nothing in what is left comes of the grace period.)
//!
//! Conversely, each deadlock is found so: where its grace periods are let pass, its threads go on, to a complete execution from which the same
//! threads can be cut back.

use super::explore::Explorer;
use super::graph::Graph;
use super::judge::Verdict;
use super::node::{Act, Id, Node, Source};
use super::observe::{Values, cut_back};
use super::program::{Answer, OpenError, OpenProgram, ReadKind, Step};
use super::{DependencyMode, Ending, Waiting};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{LocationId, Value};
use std::ops::ControlFlow;

/// So many choices of grace periods to stop at are tried for one execution.
const MOST_CHOICES: usize = 256;

/// RCU, or a domain of SRCU.
type Domain = Option<LocationId>;

/// What a thread that was cut short waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Readers {
        domain: Domain,
        origin: u32,
    },
    Lock {
        location: LocationId,
        holder: usize,
    },
    Join {
        child: usize,
        origin: u32,
    },
    /// Perhaps: whether it does is seen when it is run.
    Value,
    /// For a value, in vain.
    InVain {
        origin: u32,
    },
}

impl<P: OpenProgram> Explorer<'_, P> {
    /// Hands over the deadlocks that a complete execution shows, whether or not the model allows it.
    pub(super) fn find_deadlocks(&mut self, graph: &Graph) -> Result<ControlFlow<()>, OpenError> {
        if !self.has_grace_period(graph) {
            return Ok(ControlFlow::Continue(()));
        }
        for stops in choices(graph) {
            let mut kept: Vec<u32> = graph.threads.iter().map(|nodes| nodes.len() as u32).collect();
            for stop in &stops {
                kept[stop.thread as usize] = stop.index;
            }
            let kept = cut_back(graph, kept);
            if stops.iter().any(|stop| kept[stop.thread as usize] < stop.index) {
                continue;
            }
            let waits: Vec<Option<Wait>> =
                (0..graph.threads.len()).map(|thread| wait(graph, &kept, &stops, thread)).collect();
            let unfinished: Vec<bool> = (0..kept.len())
                .map(|t| (kept[t] as usize) < graph.threads[t].len() && has_started(graph, &kept, t))
                .collect();
            let stuck = stuck(graph, &kept, &waits, &unfinished);
            if !stops.iter().all(|stop| stuck[stop.thread as usize]) {
                continue;
            }
            if self.stop_at(graph, &kept, &stops, waits, &unfinished)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Does a thread wait for readers?
    pub(super) fn has_grace_period(&self, graph: &Graph) -> bool {
        let waits = |thread| graph.last_node(thread).is_some_and(|last| self.traces.has_grace_period(last.trace));
        (0..graph.threads.len()).any(waits)
    }

    /// Runs the program up to where it may be stuck, and hands that over if it is.
    fn stop_at(
        &mut self,
        graph: &Graph,
        kept: &[u32],
        stops: &[Id],
        mut waits: Vec<Option<Wait>>,
        unfinished: &[bool],
    ) -> Result<ControlFlow<()>, OpenError> {
        let mut cut = self.spare();
        cut.become_cut(graph, kept);
        let key = self.key(&cut);
        if !self.deadlocks.contains(&key) && self.is_allowed_so_far(&mut cut)? {
            self.run.replay(&mut cut)?;
            for thread in (0..waits.len()).filter(|&thread| unfinished[thread]) {
                self.run.step(thread);
                if waits[thread] == Some(Wait::Value) {
                    waits[thread] = self.waits_for_a_value(&cut, thread)?;
                }
            }
            let stuck = stuck(graph, kept, &waits, unfinished);
            if stops.iter().all(|stop| stuck[stop.thread as usize]) {
                self.deadlocks.insert(key);
                let waiting = waits.iter().enumerate().filter(|(thread, _)| stuck[*thread]);
                let waiting = waiting.filter_map(|(thread, wait)| Some((thread, wait.as_ref()?.waiting()?))).collect();
                self.run_to_the_end(&mut cut)?;
                self.statistics.stuck += 1;
                return self.hand_over(&cut, Ending::Blocked(waiting), Verdict::default(), false);
            }
        }
        self.give_back(cut);
        Ok(ControlFlow::Continue(()))
    }

    /// Does the model allow an execution up to some point?
    fn is_allowed_so_far(&mut self, graph: &mut Graph) -> Result<bool, OpenError> {
        if self.options.dependencies == DependencyMode::Observed {
            self.observe(graph, Values::InSight)?;
        }
        Ok(self.judge.judge_whole(&self.traces, graph)?.is_consistent)
    }

    /// Does a thread come to wait, and to wait again, if it reads the newest values?
    fn waits_for_a_value(&mut self, graph: &Graph, thread: usize) -> Result<Option<Wait>, OpenError> {
        let mut waited = Vec::new();
        // Who does so much between one wait and the next does something.
        for _ in 0..256 {
            match *self.run.step(thread) {
                Step::Wait { origin } if waited.contains(&origin) => return Ok(Some(Wait::InVain { origin })),
                Step::Wait { origin } => {
                    waited.push(origin);
                    self.run.take(thread);
                }
                Step::Read(kind, location) if kind != ReadKind::Lock => {
                    let newest = self.answer(graph, graph.last(location), location, kind);
                    let Some(access) = self.run.access(thread, newest)? else { return Ok(None) };
                    let changes = |(_, value): &(_, Option<Value>)| value.map(Answer::Value) != Some(newest);
                    if access.write.as_ref().is_some_and(changes) {
                        return Ok(None);
                    }
                    self.run.resume(thread, newest);
                }
                Step::Other(None, _) => drop(self.run.take(thread)),
                Step::Choose(1) => self.run.resume(thread, Answer::Choice(0)),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }
}

impl Wait {
    fn waiting(self) -> Option<Waiting> {
        match self {
            Wait::Readers { origin, .. } => Some(Waiting::Readers { origin }),
            Wait::Lock { location, .. } => Some(Waiting::Lock(location)),
            Wait::Join { child, origin } => Some(Waiting::Join { thread: child, origin }),
            Wait::InVain { origin } => Some(Waiting::Write { origin }),
            Wait::Value => None,
        }
    }
}

/// The grace periods at which threads may be stopped: at most one of each thread, those of few threads first.
fn choices(graph: &Graph) -> Vec<Vec<Id>> {
    let is_reader = |node: &Node| matches!(node.label, Label::Fence(Fence::RcuLock) | Label::Read(Mode::SrcuLock));
    let periods: Vec<Id> = graph.nodes().filter(|(_, node)| domain(node).is_some()).map(|(id, _)| id).collect();
    if periods.is_empty() || !graph.nodes().any(|(_, node)| is_reader(node)) {
        return Vec::new();
    }
    let mut all: Vec<Vec<Id>> = vec![Vec::new()];
    let mut at = 0;
    while at < all.len() && all.len() <= MOST_CHOICES {
        let last = all[at].last().copied();
        let next = periods.iter().filter(|period| last.is_none_or(|last| last.thread < period.thread));
        let more: Vec<Vec<Id>> = next.map(|&period| all[at].iter().copied().chain([period]).collect()).collect();
        all.extend(more);
        at += 1;
    }
    all.remove(0);
    all
}

/// The readers that a grace period waits for.
fn domain(node: &Node) -> Option<Domain> {
    match node.label {
        Label::Fence(Fence::SyncRcu) => Some(None),
        Label::SyncSrcu => Some(node.location),
        _ => None,
    }
}

fn has_started(graph: &Graph, kept: &[u32], thread: usize) -> bool {
    graph.start_of(thread).is_none_or(|start| start.is_within(kept))
}

/// Is a thread such a reader after its first events?
fn is_reader(graph: &Graph, kept: &[u32], thread: usize, domain: Domain) -> bool {
    let mut depth = 0_usize;
    for node in &graph.threads[thread][..kept[thread] as usize] {
        match node.label {
            Label::Fence(Fence::RcuLock) if domain.is_none() => depth += 1,
            Label::Fence(Fence::RcuUnlock) if domain.is_none() => depth = depth.saturating_sub(1),
            Label::Read(Mode::SrcuLock) if domain.is_some() && node.location == domain => depth += 1,
            Label::Write(Mode::SrcuUnlock) if domain.is_some() && node.location == domain => {
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
    }
    depth > 0
}

/// What a thread waits for at the first event that was taken away, if it may be waiting.
fn wait(graph: &Graph, kept: &[u32], stops: &[Id], thread: usize) -> Option<Wait> {
    let index = kept[thread];
    let node = graph.threads[thread].get(index as usize)?;
    if stops.contains(&Id { thread: thread as u32, index }) {
        return Some(Wait::Readers { domain: domain(node)?, origin: node.origin });
    }
    match node.act {
        Act::Read(ReadKind::Lock, _) => {
            let location = node.location?;
            let last = graph.co(location).iter().rev().find(|id| id.is_within(kept))?;
            let holder = last.thread as usize;
            (graph.node(*last).label == Label::LockWrite).then_some(Wait::Lock { location, holder })
        }
        Act::Read(_, Source::Event(_)) => Some(Wait::Value),
        Act::Join(child) => Some(Wait::Join { child: child as usize, origin: node.origin }),
        _ => None,
    }
}

/// The threads that wait for nothing but each other.
fn stuck(graph: &Graph, kept: &[u32], waits: &[Option<Wait>], unfinished: &[bool]) -> Vec<bool> {
    let mut stuck = unfinished.to_vec();
    loop {
        let all = stuck == unfinished;
        let is_stuck = |thread: usize| {
            stuck[thread]
                && match waits[thread] {
                    None => false,
                    Some(Wait::Readers { domain, .. }) => {
                        (0..stuck.len()).any(|t| t != thread && stuck[t] && is_reader(graph, kept, t, domain))
                    }
                    Some(Wait::Lock { holder, .. }) => stuck[holder],
                    Some(Wait::Join { child, .. }) => stuck[child] || !has_started(graph, kept, child),
                    // Whoever goes on might write it.
                    Some(Wait::Value | Wait::InVain { .. }) => all,
                }
        };
        let next: Vec<bool> = (0..stuck.len()).map(is_stuck).collect();
        if next == stuck {
            return stuck;
        }
        stuck = next;
    }
}

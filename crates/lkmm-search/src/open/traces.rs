//! Traces: what a memory model sees of a thread, apart from `rf` and `co`.
//!
//! Many graphs of a program differ in what reads what alone: their threads have performed the same events, at the same
//! locations, with the same dependencies. A *trace* stands for such a sequence, as a node of a tree in which each
//! sequence occurs once, so that threads can be compared, and plans found again ([`judge`](super::judge)), by number.
//!
//! A trace also remembers how it went on when it was last extended. The events that a graph does not have yet can so be
//! guessed, and one plan serves all graphs on the way.

use super::node::Node;
use super::program::{self, Dependencies};
use lkmm_model::event::{Fence, Label};
use lkmm_model::program::LocationId;
use rustc_hash::FxHashMap;

/// A node of the tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Trace(u32);

/// Dependencies, by number. 0: there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Reasons(u32);

/// What an event is besides an event of its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Links {
    None,
    /// It starts a thread.
    Spawn(u32),
    /// It waits for a thread to end.
    Join(u32),
    /// It is none: the model does not see it.
    Silent,
}

/// What the model sees of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Seen {
    pub(crate) label: Label,
    pub(crate) fence_before: Option<Fence>,
    pub(crate) atomic: bool,
    pub(crate) rmw: Option<u32>,
    pub(crate) location: Option<LocationId>,
    pub(crate) reasons: Reasons,
    /// Those of the fence before it.
    pub(crate) fence_reasons: Reasons,
    pub(crate) links: Links,
}

#[derive(Debug)]
struct Entry {
    before: Option<Trace>,
    thread: u32,
    seen: Seen,
    /// The longest trace that it was last extended to.
    after: Option<Trace>,
    /// There is a grace period in it.
    has_grace_period: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Traces {
    entries: Vec<Entry>,
    numbers: FxHashMap<(u32, Option<Trace>, Seen), Trace>,
    reasons: Vec<Dependencies>,
    reason_numbers: FxHashMap<Dependencies, Reasons>,
    /// The first event of each thread, as it last was.
    first: Vec<Option<Trace>>,
}

impl Traces {
    /// The trace of a thread that has a trace already (unless this is its first event), and performs an event.
    pub(crate) fn extend(&mut self, thread: usize, before: Option<Trace>, node: &Node) -> Trace {
        // Nearly always it goes on as it last did.
        let likely = match before {
            Some(before) => self.entries[before.0 as usize].after,
            None => self.first.get(thread).copied().flatten(),
        };
        match likely {
            Some(likely) if node.is_seen_as(&self.entries[likely.0 as usize].seen) => likely,
            _ => self.turn(thread, before, node.seen()),
        }
    }

    /// It goes on otherwise than it last did.
    fn turn(&mut self, thread: usize, before: Option<Trace>, seen: Seen) -> Trace {
        let next = Trace(self.entries.len() as u32);
        let trace = *self.numbers.entry((thread as u32, before, seen)).or_insert(next);
        if trace.0 as usize == self.entries.len() {
            let is_one = matches!(seen.label, Label::Fence(Fence::SyncRcu) | Label::SyncSrcu);
            let has_grace_period = is_one || before.is_some_and(|before| self.has_grace_period(before));
            self.entries.push(Entry { before, thread: thread as u32, seen, after: None, has_grace_period });
        }
        match before {
            Some(before) => self.entries[before.0 as usize].after = Some(trace),
            None => {
                if self.first.len() <= thread {
                    self.first.resize(thread + 1, None);
                }
                self.first[thread] = Some(trace);
            }
        }
        trace
    }

    /// Is there a grace period in a trace?
    pub(crate) fn has_grace_period(&self, trace: Trace) -> bool {
        self.entries[trace.0 as usize].has_grace_period
    }

    /// The number of dependencies.
    pub(crate) fn reasons(&mut self, dependencies: &Dependencies) -> Reasons {
        if dependencies.reasons().is_none() {
            return Reasons::default();
        }
        if let Some(&known) = self.reason_numbers.get(dependencies) {
            return known;
        }
        self.reasons.push(dependencies.clone());
        let number = Reasons(self.reasons.len() as u32);
        self.reason_numbers.insert(dependencies.clone(), number);
        number
    }

    /// What an event depends on.
    pub(crate) fn reasons_of(&self, reasons: Reasons) -> Option<&program::Reasons> {
        let at = reasons.0.checked_sub(1)?;
        self.reasons[at as usize].reasons()
    }

    /// The events that `po` leaves unordered with one.
    pub(crate) fn unordered(&self, reasons: Reasons) -> &[u32] {
        self.reasons_of(reasons).map_or(&[], |reasons| &reasons.unordered)
    }

    /// How a thread that got here may go on: as it last did. (A thread that has done nothing has no trace.)
    pub(crate) fn guess(&self, thread: usize, trace: Option<Trace>) -> Option<Trace> {
        let mut trace = match trace {
            Some(trace) => trace,
            None => self.first.get(thread).copied().flatten()?,
        };
        while let Some(after) = self.entries[trace.0 as usize].after {
            trace = after;
        }
        Some(trace)
    }

    /// The events of a trace.
    pub(crate) fn events(&self, trace: Option<Trace>) -> Vec<Seen> {
        let mut events = Vec::new();
        let mut at = trace;
        while let Some(trace) = at {
            let entry = &self.entries[trace.0 as usize];
            debug_assert!(entry.before.is_none_or(|before| self.entries[before.0 as usize].thread == entry.thread));
            events.push(entry.seen);
            at = entry.before;
        }
        events.reverse();
        events
    }
}

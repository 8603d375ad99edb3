//! The events of a graph.

use super::program::{Access, Answer, Event, ReadKind};
use super::traces::{Links, Reasons, Seen, Trace, Traces};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{LocationId, Value};

/// An event of the graph: thread, and number in its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) thread: u32,
    pub(crate) index: u32,
}

impl Id {
    pub(crate) fn new(thread: usize, index: usize) -> Id {
        Id { thread: thread as u32, index: index as u32 }
    }

    /// Is the event among the first events of its thread, of which there are so many of each?
    pub(crate) fn is_within(self, clock: &[u32]) -> bool {
        clock.get(self.thread as usize).is_some_and(|&n| self.index < n)
    }
}

/// A write that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Source {
    Initial,
    Event(Id),
}

/// What a thread did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Act {
    /// It read, from this write.
    Read(ReadKind, Source),
    /// It wrote.
    Write,
    /// It made the write of an atomic operation or of a lock, in one step with the read before it.
    WriteAtOnce,
    /// A fence, or what counts as one.
    Fence,
    /// It started a thread.
    Spawn(u32),
    /// It waited for a thread to end.
    Join(u32),
    /// It chose a number.
    Choose,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub(crate) act: Act,
    pub(crate) label: Label,
    pub(crate) fence_before: Option<Fence>,
    pub(crate) atomic: bool,
    /// The thread waits for a lock here, or cannot go on with what it read.
    pub(crate) stuck: bool,
    pub(crate) origin: u32,
    /// Where the fence before it stands.
    pub(crate) fence_origin: u32,
    /// What the fence before it depends on.
    pub(crate) fence_reasons: Reasons,
    pub(crate) rmw: Option<u32>,
    pub(crate) location: Option<LocationId>,
    /// What an ordinary write writes.
    pub(crate) value: Option<Value>,
    /// What the thread was told, if it asked.
    pub(crate) answer: Option<Answer>,
    pub(crate) reasons: Reasons,
    /// A write's place in the coherence order of its location, from 1.
    pub(crate) rank: u32,
    pub(crate) stamp: u32,
    /// What the model sees of the thread, up to here.
    pub(crate) trace: Trace,
}

impl Node {
    /// The write that it reads from.
    pub(crate) fn source(&self) -> Option<Source> {
        match self.act {
            Act::Read(_, source) => Some(source),
            _ => None,
        }
    }

    /// Does it read or write?
    pub(crate) fn is_access(&self) -> bool {
        self.is_write() || matches!(self.act, Act::Read(..))
    }

    pub(crate) fn is_write(&self) -> bool {
        matches!(self.act, Act::Write | Act::WriteAtOnce)
    }

    /// What the model sees of it.
    pub(super) fn seen(&self) -> Seen {
        let Node { label, fence_before, atomic, rmw, location, reasons, fence_reasons, .. } = *self;
        Seen { label, fence_before, atomic, rmw, location, reasons, fence_reasons, links: self.links() }
    }

    /// Is this what the model sees of it? (An event is asked that as soon as it has been made. To copy its parts first would mean to wait for them.)
    pub(super) fn is_seen_as(&self, seen: &Seen) -> bool {
        self.label == seen.label
            && self.location == seen.location
            && self.reasons == seen.reasons
            && self.atomic == seen.atomic
            && self.rmw == seen.rmw
            && self.fence_before == seen.fence_before
            && self.fence_reasons == seen.fence_reasons
            && self.links() == seen.links
    }

    fn links(&self) -> Links {
        match self.act {
            Act::Spawn(thread) => Links::Spawn(thread),
            Act::Join(thread) => Links::Join(thread),
            Act::Choose => Links::Silent,
            _ => Links::None,
        }
    }
}

impl Node {
    /// An event, as it is added to a graph.
    pub(crate) fn of(event: &Event, act: Act, traces: &mut Traces) -> Node {
        Node {
            act,
            label: event.label,
            fence_before: None,
            atomic: event.atomic,
            stuck: false,
            origin: event.origin,
            fence_origin: event.origin,
            fence_reasons: Reasons::default(),
            rmw: event.rmw,
            location: None,
            value: None,
            answer: None,
            reasons: traces.reasons(&event.dependencies),
            rank: 0,
            stamp: 0,
            trace: Trace::default(),
        }
    }

    /// A read that was answered.
    pub(crate) fn of_read(
        access: &Access,
        kind: ReadKind,
        location: LocationId,
        source: Source,
        answer: Answer,
        traces: &mut Traces,
    ) -> Node {
        let fence_before = access.fence_before.as_ref().and_then(|fence| match fence.label {
            Label::Fence(fence) => Some(fence),
            _ => None,
        });
        Node {
            location: Some(location),
            answer: Some(answer),
            fence_before,
            fence_origin: access.fence_before.as_ref().map_or(access.event.origin, |fence| fence.origin),
            fence_reasons: access
                .fence_before
                .as_ref()
                .map_or_else(Reasons::default, |f| traces.reasons(&f.dependencies)),
            ..Node::of(&access.event, Act::Read(kind, source), traces)
        }
    }
}

/// The label of a read whose thread is stuck at it.
pub(super) fn placeholder(kind: ReadKind) -> Label {
    match kind {
        ReadKind::Ordinary => Label::Read(Mode::Once),
        ReadKind::Lock | ReadKind::TryLock => Label::LockRead,
        ReadKind::IsLocked => Label::ReadUnlocked,
    }
}

//! Execution graphs: one execution of a program, whole, on the heap.
//!
//! This is the form in which executions are reported, drawn and judged one at a time. The searches use the bit matrices
//! of [`relation`](crate::relation) instead.

use crate::event::Label;
use crate::program::{LocationId, Value};

/// Index of an event in [`Execution::events`].
pub type EventId = u32;

/// An event of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is.
    pub label: Label,
    /// Its thread; `None` for an initial write.
    pub thread: Option<u32>,
    /// Its location; `None` for a fence.
    pub location: Option<LocationId>,
    /// The value read or written; `None` for fences and lock events.
    pub value: Option<Value>,
    /// Part of an atomic read-modify-write (the set `RMW`).
    pub atomic: bool,
    /// Where it stands in the source; 0 for an initial write.
    pub origin: u32,
}

/// A complete execution: events and the base relations, each a sorted list of pairs.
///
/// `co` is transitive and includes initial writes and unlocks; `rf` includes the derived edges of lock reads. Everything
/// else (`fr`, `hb`, …) is derived by a model.
///
/// Searches yield executions; one can also be written down.
///
/// ```
/// use lkmm_model::event::{Label, Mode};
/// use lkmm_model::graph::{Event, Execution};
/// use lkmm_model::models;
/// use lkmm_model::program::Value;
///
/// let x = |label, thread, value| Event {
///     label,
///     thread,
///     location: Some(0),
///     value: Some(Value::Int(value)),
///     atomic: false,
///     origin: 0,
/// };
/// // A thread writes 1 to x, then reads the initial 0.
/// let stale = Execution {
///     events: vec![
///         x(Label::Init, None, 0),
///         x(Label::Write(Mode::Once), Some(0), 1),
///         x(Label::Read(Mode::Once), Some(0), 0),
///     ],
///     po: vec![(1, 2)],
///     rf: vec![(0, 2)],
///     co: vec![(0, 1)],
///     ..Execution::default()
/// };
/// assert_eq!(models::lkmm().judge(&stale).violated, Some("coherence"));
///
/// let fresh = Execution { rf: vec![(1, 2)], ..stale };
/// assert_eq!(models::lkmm().judge(&fresh).violated, None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Execution {
    /// The events; those of one thread in an order that extends `po`, initial writes first.
    pub events: Vec<Event>,
    /// Program order (transitive).
    pub po: Vec<(EventId, EventId)>,
    /// Reads-from.
    pub rf: Vec<(EventId, EventId)>,
    /// Coherence order (transitive).
    pub co: Vec<(EventId, EventId)>,
    /// Read-modify-write pairs, those of locks excepted.
    pub rmw: Vec<(EventId, EventId)>,
    /// Address dependencies.
    pub addr: Vec<(EventId, EventId)>,
    /// Data dependencies.
    pub data: Vec<(EventId, EventId)>,
    /// Control dependencies.
    pub ctrl: Vec<(EventId, EventId)>,
    /// The locations whose final value the test observes (for the flag `lock-final`).
    pub observed_locations: Vec<LocationId>,
    /// The final state: the values of [`Program::observed`](crate::program::Program::observed), in that order. Models do
    /// not look at it.
    pub finals: Vec<Value>,
}

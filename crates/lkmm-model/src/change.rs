//! Executions with more order than they have: an access that becomes an acquire or a release, a fence, a dependency.

use crate::cost::Ordered;
use crate::event::{Fence, Label, Mode};
use crate::graph::{Event, EventId, Execution};

/// A change that orders more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A read becomes an acquire.
    Acquire(EventId),
    /// A write becomes a release.
    Release(EventId),
    /// A fence before an event.
    Fence(Fence, EventId),
    /// The address of the second event depends on the first one, a read.
    Addr(EventId, EventId),
    /// Whether there is the second event, a write, depends on the first one, a read.
    Ctrl(EventId, EventId),
}

impl Change {
    /// What it is in the table of costs.
    pub const fn ordered(self) -> Ordered {
        match self {
            Change::Acquire(_) => Ordered::Load,
            Change::Release(_) => Ordered::Store,
            Change::Fence(fence, _) => Ordered::Fence(fence),
            Change::Addr(..) | Change::Ctrl(..) => Ordered::Dependency,
        }
    }
}

/// An execution with changes, and where its events are then.
///
/// ```
/// use lkmm_model::change::{Change, apply};
/// use lkmm_model::event::{Fence, Label, Mode};
/// use lkmm_model::graph::{Event, Execution};
///
/// let event = |label| Event { label, thread: Some(0), location: Some(0), value: None, atomic: false, origin: 0 };
/// let old = Execution {
///     events: vec![event(Label::Write(Mode::Once)), event(Label::Read(Mode::Once))],
///     po: vec![(0, 1)],
///     ..Execution::default()
/// };
/// let (new, place) = apply(&old, &[Change::Fence(Fence::Mb, 1)]);
/// assert_eq!((place, new.events.len(), new.po), (vec![0, 2], 3, vec![(0, 1), (0, 2), (1, 2)]));
/// ```
///
/// # Panics
/// If a change is about an event that is not there.
pub fn apply(old: &Execution, changes: &[Change]) -> (Execution, Vec<EventId>) {
    let mut x = old.clone();
    let mut place: Vec<EventId> = (0..old.events.len() as EventId).collect();
    for change in changes {
        match *change {
            Change::Acquire(id) => x.events[place[id as usize] as usize].label = Label::Read(Mode::Acquire),
            Change::Release(id) => x.events[place[id as usize] as usize].label = Label::Write(Mode::Release),
            Change::Fence(fence, before) => {
                let at = place[before as usize];
                insert(&mut x, fence, at);
                place.iter_mut().filter(|id| **id >= at).for_each(|id| *id += 1);
            }
            Change::Addr(from, to) => add(&mut x.addr, (place[from as usize], place[to as usize])),
            Change::Ctrl(from, to) => add(&mut x.ctrl, (place[from as usize], place[to as usize])),
        }
    }
    (x, place)
}

fn add(pairs: &mut Vec<(EventId, EventId)>, pair: (EventId, EventId)) {
    if let Err(at) = pairs.binary_search(&pair) {
        pairs.insert(at, pair);
    }
}

/// Puts a fence before an event.
fn insert(x: &mut Execution, fence: Fence, at: EventId) {
    let thread = x.events[at as usize].thread;
    // (What is before it in `po` may be an event of another thread, with a larger number.)
    let moved = |id: EventId| id + EventId::from(id >= at);
    let before: Vec<EventId> = x.po.iter().filter(|pair| pair.1 == at).map(|pair| moved(pair.0)).collect();
    let after: Vec<EventId> = x.po.iter().filter(|pair| pair.0 == at).map(|pair| moved(pair.1)).collect();
    let event = Event { label: Label::Fence(fence), thread, location: None, value: None, atomic: false, origin: 0 };
    x.events.insert(at as usize, event);
    for pairs in [&mut x.po, &mut x.rf, &mut x.co, &mut x.rmw, &mut x.addr, &mut x.data, &mut x.ctrl] {
        for end in pairs.iter_mut().flat_map(|(a, b)| [a, b]) {
            *end = moved(*end);
        }
    }
    x.po.extend(before.into_iter().map(|id| (id, at)));
    x.po.push((at, at + 1));
    x.po.extend(after.into_iter().map(|id| (at, id)));
    x.po.sort_unstable();
    x.po.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_comes_after_what_was_before_its_place_in_any_thread() {
        let event = |label, thread| Event { label, thread, location: Some(0), value: None, atomic: false, origin: 0 };
        let once = Label::Write(Mode::Once);
        // The main thread goes on after it has joined the other one, whose event has the larger number.
        let old = Execution {
            events: vec![event(Label::Init, None), event(once, Some(0)), event(once, Some(0)), event(once, Some(1))],
            po: vec![(1, 2), (1, 3), (3, 2)],
            ..Execution::default()
        };
        let (x, of_old) = apply(&old, &[Change::Fence(Fence::Mb, 2), Change::Release(3)]);
        assert_eq!(of_old, [0, 1, 3, 4]);
        assert_eq!(x.po, [(1, 2), (1, 3), (1, 4), (2, 3), (4, 2), (4, 3)]);
        let labels: Vec<Label> = x.events.iter().map(|event| event.label).collect();
        assert_eq!(labels[2..], [Label::Fence(Fence::Mb), once, Label::Write(Mode::Release)]);
    }
}

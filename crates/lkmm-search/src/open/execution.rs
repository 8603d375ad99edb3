//! A graph as an [`Execution`]: with initial writes, `po` spelled out, `co` closed.

use super::graph::Graph;
use super::layout::Layout;
use super::node::{Act, Id, Source};
use super::program::Answer;
use super::traces::{Seen, Traces};
use lkmm_model::event::Label;
use lkmm_model::graph::{Event, EventId, Execution};
use lkmm_model::program::{LocationId, Value};

/// The execution that a graph is, or grows into.
pub(crate) fn execution(
    initial: &dyn Fn(LocationId) -> Value,
    observed: &[LocationId],
    traces: &Traces,
    graph: &Graph,
) -> Execution {
    let threads: Vec<Vec<Seen>> =
        (0..graph.threads.len()).map(|t| traces.events(graph.last_node(t).map(|node| node.trace))).collect();
    let layout = Layout::new(&threads);
    let mut x = Execution { observed_locations: observed.to_vec(), ..Execution::default() };
    x.events = layout.locations.iter().map(|&location| initial_write(location, initial(location))).collect();
    for (number, placed) in layout.events.iter().enumerate() {
        let at = x.events.len() as EventId;
        let id = Id { thread: placed.thread, index: placed.index };
        let node = graph.node(id);
        x.events.push(Event {
            label: placed.label,
            thread: Some(placed.thread),
            location: node.location.filter(|_| !placed.is_extra),
            value: node.known_value().filter(|_| !placed.is_extra),
            atomic: node.atomic && !placed.is_extra,
            origin: if placed.is_extra { node.fence_origin } else { node.origin },
        });
        x.po.extend(layout.before(number).map(|before| (before, at)));
        let place = |index: u32| layout.place(Id { index, ..id });
        let pairs = |from: &[u32]| from.iter().filter_map(|&i| place(i)).map(|e| (e, at)).collect::<Vec<_>>();
        if let Some(reasons) = traces.reasons_of(if placed.is_extra { node.fence_reasons } else { node.reasons }) {
            let unordered = pairs(&reasons.unordered);
            x.po.retain(|pair| !unordered.contains(pair));
            x.addr.extend(pairs(&reasons.addr));
            x.data.extend(pairs(&reasons.data));
            x.ctrl.extend(pairs(&reasons.ctrl));
        }
        if placed.is_extra {
            continue;
        }
        x.rmw.extend(pairs(node.rmw.as_slice()));
        if let (Act::Read(_, source), Some(location)) = (node.act, node.location) {
            let source = match source {
                Source::Initial => layout.initial(location),
                Source::Event(id) => layout.place(id).expect("a write is an event"),
            };
            x.rf.push((source, at));
        }
    }
    for writes in &graph.co {
        let writers = writes.order.iter().map(|&id| layout.place(id).expect("a write is an event"));
        let order: Vec<EventId> = std::iter::once(layout.initial(writes.location)).chain(writers).collect();
        x.co.extend(order.iter().enumerate().flat_map(|(i, &a)| order[i + 1..].iter().map(move |&b| (a, b))));
    }
    for pairs in [&mut x.po, &mut x.rf, &mut x.co, &mut x.rmw, &mut x.addr, &mut x.data, &mut x.ctrl] {
        pairs.sort_unstable();
    }
    x
}

fn initial_write(location: LocationId, value: Value) -> Event {
    Event { label: Label::Init, thread: None, location: Some(location), value: Some(value), atomic: false, origin: 0 }
}

impl super::node::Node {
    /// The value that it reads or writes.
    pub(crate) fn known_value(&self) -> Option<Value> {
        match (self.act, self.answer) {
            (Act::Read(..), Some(Answer::Value(value))) => Some(value),
            (Act::Read(..), _) => None,
            _ => self.value,
        }
    }
}

impl Layout {
    /// Where an event stands.
    pub(crate) fn place(&self, id: Id) -> Option<EventId> {
        self.places.get(id.thread as usize)?.get(id.index as usize).copied().flatten()
    }
}

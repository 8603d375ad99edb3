//! What the memory model is shown of a graph: an [`Execution`] with initial writes, `po` spelled out, `co` closed.

use super::graph::{Graph, Id, Node, Source};
use super::program::{Event, OpenProgram};
use lkmm_model::event::Label;
use lkmm_model::graph::{self, EventId, Execution};
use lkmm_model::program::LocationId;
use std::collections::BTreeSet;

/// Where the events of a graph stand in an execution.
struct Layout {
    locations: Vec<LocationId>,
    /// Of each thread and event.
    places: Vec<Vec<EventId>>,
}

impl Layout {
    fn new(graph: &Graph) -> Layout {
        let accessed: BTreeSet<LocationId> = graph.nodes().filter_map(|(_, node)| node.location).collect();
        let mut next = accessed.len() as EventId;
        let mut place = |node: &Node| {
            next += 1 + u32::from(node.fence_before.is_some());
            next - 1
        };
        let places = graph.threads.iter().map(|nodes| nodes.iter().map(&mut place).collect()).collect();
        Layout { locations: accessed.into_iter().collect(), places }
    }

    fn of(&self, id: Id) -> EventId {
        self.places[id.thread as usize][id.index as usize]
    }

    fn initial(&self, location: LocationId) -> EventId {
        self.locations.binary_search(&location).expect("an accessed location has an initial write") as EventId
    }
}

/// The execution that a graph is, or grows into.
pub(crate) fn execution<P: OpenProgram>(program: &P, graph: &Graph) -> Execution {
    let layout = Layout::new(graph);
    let initial = |&location: &LocationId| graph::Event {
        label: Label::Init,
        thread: None,
        location: Some(location),
        value: Some(program.initial(location)),
        atomic: false,
        origin: 0,
    };
    let mut x = Execution { observed_locations: program.observed_locations(), ..Execution::default() };
    x.events = layout.locations.iter().map(initial).collect();
    for (thread, nodes) in graph.threads.iter().enumerate() {
        let first = x.events.len() as EventId;
        for (index, node) in nodes.iter().enumerate() {
            if let Some(fence) = &node.fence_before {
                add(&mut x, &layout, thread, fence, first);
            }
            let at = add(&mut x, &layout, thread, &node.event, first);
            let event = &mut x.events[at as usize];
            event.location = node.location;
            event.value = match &node.reading {
                Some(reading) => match reading.answer {
                    super::program::Answer::Value(value) => Some(value),
                    _ => None,
                },
                None => node.value,
            };
            if let (Some(reading), Some(location)) = (&node.reading, node.location) {
                let source = match reading.source {
                    Source::Initial => layout.initial(location),
                    Source::Event(id) => layout.of(id),
                };
                x.rf.push((source, at));
            }
            debug_assert_eq!(at, layout.of(Id { thread: thread as u32, index: index as u32 }));
        }
    }
    for (&location, writes) in &graph.co {
        let order: Vec<EventId> =
            std::iter::once(layout.initial(location)).chain(writes.iter().map(|&w| layout.of(w))).collect();
        x.co.extend(order.iter().enumerate().flat_map(|(i, &a)| order[i + 1..].iter().map(move |&b| (a, b))));
    }
    for pairs in [&mut x.po, &mut x.rf, &mut x.co, &mut x.rmw, &mut x.addr, &mut x.data, &mut x.ctrl] {
        pairs.sort_unstable();
    }
    x
}

/// Adds an event of a thread whose first event is given, with `po` and what it depends on.
fn add(x: &mut Execution, layout: &Layout, thread: usize, event: &Event, first: EventId) -> EventId {
    let at = x.events.len() as EventId;
    x.events.push(graph::Event {
        label: event.label,
        thread: Some(thread as u32),
        location: None,
        value: None,
        atomic: event.atomic,
        origin: event.origin,
    });
    let place = |&index: &u32| layout.places[thread][index as usize];
    let pairs = |from: &[u32]| from.iter().map(place).map(|before| (before, at)).collect::<Vec<_>>();
    let unordered = pairs(&event.unordered);
    x.po.extend((first..at).map(|before| (before, at)).filter(|pair| !unordered.contains(pair)));
    x.addr.extend(pairs(&event.addr));
    x.data.extend(pairs(&event.data));
    x.ctrl.extend(pairs(&event.ctrl));
    x.rmw.extend(pairs(event.rmw.as_slice()));
    at
}

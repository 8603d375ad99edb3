//! One execution as a [`Diagram`]; how large it looks.

use crate::names;
use crate::panics::SourcePlace;
use crate::picture::{Picture, title};
use crate::sources::Sources;
use lkmm_model::graph::{EventId, Execution};
use lkmm_report::diagram::{Diagram, Edge, Node, Order, Relation};

/// How hard an execution is to understand; less is better.
///
/// First, how many of the arrows between threads point back in time, however the threads are interleaved: with none, the failure needs
/// no reordering. Then context switches, then events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size {
    backward: usize,
    switches: usize,
    events: usize,
}

impl Size {
    pub(crate) fn of(execution: &Execution) -> Self {
        let first = execution.events.iter().position(|event| event.thread.is_some()).unwrap_or(0);
        let columns: Vec<usize> =
            execution.events[first..].iter().map(|event| event.thread.unwrap_or(0) as usize).collect();
        let inside = edges(execution).into_iter().filter(|edge| edge.0 as usize >= first);
        let edges: Vec<Edge> = inside
            .map(|(from, to, relation)| Edge::new(from as usize - first, to as usize - first, relation))
            .collect();
        let order = Order::of(&columns, &edges);
        Size { backward: order.backward, switches: order.switches, events: columns.len() }
    }
}

/// What to draw between events: `rf`, and of `co` and `fr` the steps to the next write; spawns and joins.
pub(crate) fn edges(execution: &Execution) -> Vec<(EventId, EventId, Relation)> {
    let event = |id: EventId| &execution.events[id as usize];
    let mut edges: Vec<_> = execution.rf.iter().map(|&(write, read)| (write, read, Relation::Rf)).collect();
    // The writes of a location are in one order, so that the next one has one more before it.
    let mut before = vec![0; execution.events.len()];
    execution.co.iter().for_each(|&(_, write)| before[write as usize] += 1);
    for &(a, b) in &execution.co {
        let is_next = before[b as usize] == before[a as usize] + 1;
        if !is_next || !event(b).label.is_write() {
            continue;
        }
        edges.push((a, b, Relation::Co));
        let readers = execution.rf.iter().filter(|&&(write, read)| write == a && event(read).label.is_read());
        edges.extend(readers.filter(|&&(_, read)| read != b).map(|&(_, read)| (read, b, Relation::Fr)));
    }
    edges.extend(links(execution));
    edges.retain(|&(from, to, relation)| {
        let (a, b) = (event(from).thread, event(to).thread);
        a.is_some() && (a != b || relation == Relation::Rf)
    });
    edges
}

/// Program order from thread to thread, where nothing else implies it.
fn links(execution: &Execution) -> Vec<(EventId, EventId, Relation)> {
    let thread = |id: EventId| execution.events[id as usize].thread;
    let po: rustc_hash::FxHashSet<(EventId, EventId)> = execution.po.iter().copied().collect();
    let across = execution.po.iter().filter(|&&(a, b)| thread(a) != thread(b));
    let between = |&&(a, b): &&(EventId, EventId)| {
        (0..execution.events.len() as EventId).any(|middle| po.contains(&(a, middle)) && po.contains(&(middle, b)))
    };
    across.filter(|pair| !between(pair)).map(|&(a, b)| (a, b, Relation::Po)).collect()
}

impl Picture {
    /// The execution as boxes and arrows; what is shown above and below them is left to the caller.
    pub(crate) fn diagram(&self) -> Diagram {
        let mut sources = Sources::default();
        let rows = self.rows();
        let mut diagram = Diagram { columns: (0..self.threads()).map(title).collect(), ..Diagram::default() };
        let mut of_event: Vec<Option<usize>> = vec![None; self.execution.events.len()];
        for thread in 0..self.threads() {
            let own = rows.iter().filter(|row| self.event(row.events[0]).thread == Some(thread) && !self.waits(row));
            for row in own {
                for &event in &row.events {
                    of_event[event as usize] = Some(diagram.nodes.len());
                }
                let place: Option<&SourcePlace> = self.places[row.events[0] as usize].as_ref();
                diagram.nodes.push(Node {
                    column: thread as usize,
                    text: format!("{}  {}", row.number, caption(&self.text(&rows, row))),
                    source: place.and_then(|place| names::code(&mut sources, place)).unwrap_or_default(),
                    place: self.place(row),
                    is_marked: row.events.iter().any(|event| self.marked.contains(event)),
                    is_ending: false,
                });
            }
            for (_, ending) in self.endings.iter().filter(|ending| ending.0 == thread) {
                let (text, place) = ending.split_once(" at ").unwrap_or((ending, ""));
                diagram.nodes.push(Node {
                    column: thread as usize,
                    text: text.to_string(),
                    place: crate::picture::short(place).to_string(),
                    is_ending: true,
                    ..Node::default()
                });
            }
        }
        for &(thread, event) in &self.waits {
            let ending = diagram.nodes.iter().position(|node| node.is_ending && node.column == thread as usize);
            if let (Some(from), Some(to)) = (ending, of_event[event as usize]) {
                diagram.edges.push(Edge::new(from, to, Relation::Wait));
            }
        }
        for (from, to, relation) in edges(&self.execution) {
            let (Some(from), Some(to)) = (of_event[from as usize], of_event[to as usize]) else { continue };
            let edge = Edge::new(from, to, relation);
            let is_told = |other: &Edge| other.from == from && other.to == to;
            if from != to && !diagram.edges.iter().any(is_told) {
                diagram.edges.push(edge);
            }
        }
        diagram
    }
}

/// The text of an operation without what arrows say, and without runs of spaces.
fn caption(text: &str) -> String {
    let text = match text.find("  from ") {
        Some(end) => text[..end].to_string(),
        None if text.starts_with("lock ") => text.replace("  initial", ""),
        None => text.replace("  initial", " (initial)"),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

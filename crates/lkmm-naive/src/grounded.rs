//! The executions that can be built by running the program: the set that the open search explores, by its definition.
//!
//! An execution is *grounded* if it can be built step by step. A step adds the next event of a thread to the graph so far.
//! A read takes its value from any write that is there. A write goes anywhere in the coherence order of its location, and
//! may at that moment take over any reads of the location that are there, provided that all threads, run again, produce the
//! same labels (kind, location) for their events so far, and that each write which is read around a cycle of `po ∪ rf` still
//! writes the same value. What the other events write, and those who read from them read, is what comes out now. Each graph
//! on the way satisfies the axioms that a partial execution can be asked to satisfy: all but those on RCU and on locks that
//! are not unlocked; that on plain coherence, which builds on RCU, only if there is no grace period in the graph.
//!
//! So a read may be *late*: its write comes after it, and until then it has a stand-in. The value that it is then told is one
//! that some run of the program has written: nothing comes out of thin air. The `rf` of an `LKR` follows from `co`; it is
//! never late.
//!
//! [`enumerate_grounded`] takes this literally: it makes every step from every graph, and remembers the graphs it has seen.

use crate::model::judge;
use lkmm_model::event::{Fence, Label};
use lkmm_model::graph::{Event, EventId, Execution};
use lkmm_model::program::{Constraint, Expr, ExprId, LocationId, Observable, Path, PathEvent, Program, Value};
use std::collections::{BTreeMap, BTreeSet};

/// Is there a cycle of `po` and `rf`? (Threads run their events in the order in which they are listed.)
pub fn has_cycle(x: &Execution) -> bool {
    let same_thread = |a: usize, b: usize| x.events[a].thread.is_some() && x.events[a].thread == x.events[b].thread;
    let mut left: Vec<usize> = (0..x.events.len()).collect();
    loop {
        let waits = |&e: &usize| {
            left.iter().any(|&other| other < e && same_thread(other, e))
                || x.rf.iter().any(|&(w, r)| r as usize == e && left.contains(&(w as usize)))
        };
        let next: Vec<usize> = left.iter().copied().filter(waits).collect();
        if next.len() == left.len() {
            return !left.is_empty();
        }
        left = next;
    }
}

/// There are more graphs than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyGraphs;

/// Hands each grounded complete execution to `visit`, once. Executions that were cut at the unroll bound are left out.
///
/// # Errors
/// [`TooManyGraphs`] if there are more graphs on the way than `limit`.
pub fn enumerate_grounded(
    program: &Program,
    limit: usize,
    visit: &mut dyn FnMut(&Execution),
) -> Result<(), TooManyGraphs> {
    build(program, limit, &mut |graph| {
        if let Some(execution) = complete(program, graph) {
            visit(&execution);
        }
    })
}

/// Does a thread apply an operator to values that it is not defined on, whether the execution can be completed or not?
///
/// # Errors
/// [`TooManyGraphs`] if there are more graphs on the way than `limit`.
pub fn goes_wrong(program: &Program, limit: usize) -> Result<bool, TooManyGraphs> {
    let mut wrong = false;
    build(program, limit, &mut |graph| {
        wrong |= graph.threads.iter().enumerate().any(|(thread, events)| {
            let is_illegal = |path: &&Path| (0..path.exprs.len()).any(|expr| is_illegal(path, expr as ExprId, events));
            paths_of(program, thread, events).iter().any(is_illegal)
        });
    })?;
    Ok(wrong)
}

/// Hands each consistent graph to `visit`, once.
fn build(program: &Program, limit: usize, visit: &mut dyn FnMut(&Graph)) -> Result<(), TooManyGraphs> {
    let start = Graph { threads: vec![Vec::new(); program.threads.len()], co: BTreeMap::new() };
    let mut seen: BTreeSet<Graph> = BTreeSet::from([start.clone()]);
    let mut open = vec![start];
    while let Some(graph) = open.pop() {
        visit(&graph);
        for next in steps(program, &graph) {
            if seen.contains(&next) {
                continue;
            }
            let consistent = is_consistent(program, &next);
            seen.insert(next.clone());
            if seen.len() > limit {
                return Err(TooManyGraphs);
            }
            if consistent {
                open.push(next);
            }
        }
    }
    Ok(())
}

/// An event: thread, and number.
type Place = (usize, usize);

/// What a read reads: a write, or (`None`) the initial one.
type Source = Option<Place>;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Performed {
    /// The label, as text (labels have no order).
    label: String,
    location: Option<LocationId>,
    value: Option<Value>,
    source: Option<Source>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Graph {
    threads: Vec<Vec<Performed>>,
    co: BTreeMap<LocationId, Vec<Place>>,
}

impl Graph {
    fn writes_of(&self, label: &str, location: LocationId) -> Vec<Source> {
        let mut writes = Vec::new();
        for (t, events) in self.threads.iter().enumerate() {
            for (i, event) in events.iter().enumerate() {
                if event.label.starts_with(label) && event.location == Some(location) {
                    writes.push(Some((t, i)));
                }
            }
        }
        writes
    }

    /// The `LKW` of the critical section in which the event of a thread with this number stands.
    fn section(&self, thread: usize, index: usize, location: LocationId) -> Source {
        let is_of_lock = |e: &(usize, &Performed)| {
            e.1.location == Some(location) && ["LockWrite", "Unlock"].contains(&e.1.label.as_str())
        };
        let last = self.threads[thread].iter().enumerate().take(index).rfind(is_of_lock)?;
        (last.1.label == "LockWrite").then_some((thread, last.0))
    }

    /// The writes that are there and that a read with this label, place and location may read from.
    fn readable(&self, label: &str, (thread, index): Place, location: LocationId) -> Vec<Source> {
        let external = |source: &Source| source.is_some_and(|w| w.0 != thread);
        match label {
            "LockFail" | "ReadLocked" => match self.section(thread, index, location) {
                Some(own) => vec![Some(own)],
                None => self.writes_of("LockWrite", location).into_iter().filter(external).collect(),
            },
            "ReadUnlocked" | "LockRead" => [None].into_iter().chain(self.writes_of("Unlock", location)).collect(),
            _ => [None].into_iter().chain(self.writes_of("Write", location)).collect(),
        }
    }
}

/// The value of an expression of a path, if all reads that it needs are known and it has one.
fn evaluate(path: &Path, expr: ExprId, events: &[Performed]) -> Option<Value> {
    match path.exprs[expr as usize] {
        Expr::Const(value) => Some(value),
        Expr::Read(event) => events.get(event as usize)?.value,
        Expr::Op(operator, a, b) => {
            Value::apply(operator, evaluate(path, a, events)?, evaluate(path, b, events)?).ok().flatten()
        }
    }
}

/// Is an operator applied to values that it is not defined on?
fn is_illegal(path: &Path, expr: ExprId, events: &[Performed]) -> bool {
    match path.exprs[expr as usize] {
        Expr::Op(operator, a, b) => match (evaluate(path, a, events), evaluate(path, b, events)) {
            (Some(a), Some(b)) => Value::apply(operator, a, b).is_err(),
            _ => false,
        },
        _ => false,
    }
}

/// The event of a path that comes after so many, without source; a read's value is left open.
fn event_of(path: &Path, index: usize, events: &[Performed]) -> Option<Performed> {
    let template = path.events.get(index)?;
    let location = match template.address.map(|address| evaluate(path, address, events)) {
        None => None,
        Some(Some(Value::Address(location, 0))) => Some(location),
        Some(_) => return None,
    };
    let value = if template.label.is_write() { Some(evaluate(path, template.value?, events)?) } else { None };
    let atomic = if template.atomic { " atomic" } else { "" };
    Some(Performed { label: format!("{:?}{atomic}", template.label), location, value, source: None })
}

/// The paths on which a thread performs these events, given what they read.
fn paths_of<'p>(program: &'p Program, thread: usize, events: &[Performed]) -> Vec<&'p Path> {
    let comes_out = |path: &&Path| {
        let same = |index: usize, event: &Performed| {
            event_of(path, index, events).is_some_and(|again| {
                again.label == event.label
                    && again.location == event.location
                    && (event.source.is_some() || again.value == event.value)
            })
        };
        let value = |expr: ExprId| evaluate(path, expr, events);
        let holds = |constraint: &Constraint| match *constraint {
            Constraint::Branch(expr, taken) => value(expr).and_then(Value::is_true).is_none_or(|is| is == taken),
            Constraint::Equal(a, b) => value(a).is_none() || value(b).is_none() || value(a) == value(b),
        };
        events.iter().enumerate().all(|(index, event)| same(index, event)) && path.constraints.iter().all(holds)
    };
    program.threads[thread].paths.iter().filter(comes_out).collect()
}

/// The writes that are read around a cycle of `po` and `rf`.
fn read_around_cycles(graph: &Graph) -> BTreeSet<Place> {
    let source = |&(t, i): &Place| graph.threads[t][i].source.flatten();
    let leads_to = |from: Place, to: Place| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![to]);
        while let Some(place) = open.pop() {
            if reached.insert(place) {
                open.extend(place.1.checked_sub(1).map(|before| (place.0, before)));
                open.extend(source(&place));
            }
        }
        reached.contains(&from)
    };
    let places = graph.threads.iter().enumerate().flat_map(|(t, events)| (0..events.len()).map(move |i| (t, i)));
    places.filter_map(|read| source(&read).filter(|&write| leads_to(read, write))).collect()
}

/// The threads of a graph run again, with the sources that it has. `None` if a label comes out otherwise, or a value that is
/// read around a cycle.
fn run_again(program: &Program, graph: &Graph) -> Option<Graph> {
    let kept = read_around_cycles(graph);
    let mut again = graph.clone();
    let mut done = vec![0; graph.threads.len()];
    loop {
        let is_ready = |&thread: &usize| {
            let next = graph.threads[thread].get(done[thread]);
            next.is_some_and(|event| match event.source.flatten() {
                Some(write) => kept.contains(&write) || write.1 < done[write.0],
                None => true,
            })
        };
        let Some(thread) = (0..graph.threads.len()).find(is_ready) else { break };
        let place = (thread, done[thread]);
        let event = &graph.threads[thread][place.1];
        let so_far = &again.threads[thread][..place.1];
        let produces_it = |next: &Performed| next.label == event.label && next.location == event.location;
        let mut paths = paths_of(program, thread, so_far).into_iter();
        let mut next = paths.find_map(|path| event_of(path, place.1, so_far).filter(produces_it))?;
        if kept.contains(&place) && next.value != event.value {
            return None;
        }
        next.source = event.source;
        again.threads[thread][place.1] = next;
        if let Some(source) = event.source {
            again = read_from(program, &again, place, source);
        }
        done[thread] += 1;
    }
    Some(again)
}

/// Everything that one step leads to, consistent or not.
fn steps(program: &Program, graph: &Graph) -> Vec<Graph> {
    let mut steps = Vec::new();
    for (thread, events) in graph.threads.iter().enumerate() {
        for path in paths_of(program, thread, events) {
            let Some(event) = event_of(path, events.len(), events) else { continue };
            let mut next = graph.clone();
            next.threads[thread].push(event.clone());
            let place = (thread, events.len());
            match (path.events[events.len()].label, event.location) {
                (Label::Write(_) | Label::LockWrite | Label::Unlock, Some(location)) => {
                    steps.extend(writes(program, &next, place, location));
                }
                (label, Some(location)) if label != Label::SyncSrcu => {
                    for source in graph.readable(&event.label, place, location) {
                        steps.push(read_from(program, &next, place, source));
                    }
                }
                _ => steps.push(next),
            }
        }
    }
    steps.retain(|next| (0..next.threads.len()).all(|t| !paths_of(program, t, &next.threads[t]).is_empty()));
    steps
}

fn read_from(program: &Program, graph: &Graph, (thread, index): Place, source: Source) -> Graph {
    let mut graph = graph.clone();
    let value = match (source, graph.threads[thread][index].location) {
        (Some((t, i)), _) => graph.threads[t][i].value,
        (None, Some(location)) => Some(program.locations[location as usize].init),
        (None, None) => None,
    };
    let event = &mut graph.threads[thread][index];
    event.source = Some(source);
    if event.label.starts_with("Read(") {
        event.value = value;
    }
    graph
}

/// Every place in `co` for a write that was added, with every set of reads that it takes over.
fn writes(program: &Program, graph: &Graph, write: Place, location: LocationId) -> Vec<Graph> {
    let label = graph.threads[write.0][write.1].label.clone();
    let order = graph.co.get(&location).cloned().unwrap_or_default();
    let after = |source: Source| source.map_or(0, |w| order.iter().position(|&o| o == w).map_or(0, |at| at + 1));
    let places: Vec<usize> = match label.as_str() {
        // A critical section comes right after what its LKR reads from, and its unlock right after its lock.
        "LockWrite" => {
            let before = graph.threads[write.0][..write.1].iter().rev();
            let lock = before.clone().find(|e| e.label == "LockRead" && e.location == Some(location));
            lock.and_then(|e| e.source).map(after).into_iter().collect()
        }
        "Unlock" => graph.section(write.0, write.1, location).map(|lock| after(Some(lock))).into_iter().collect(),
        _ => (0..=order.len()).collect(),
    };
    let mut graphs = Vec::new();
    for place in places {
        let mut placed = graph.clone();
        placed.co.entry(location).or_default().insert(place, write);
        let mut all = vec![placed.clone()];
        for (thread, events) in placed.threads.iter().enumerate() {
            for (index, event) in events.iter().enumerate() {
                let may = |source| placed.readable(&event.label, (thread, index), location).contains(&source);
                if event.source.is_none() || event.label == "LockRead" || event.location != Some(location) {
                    continue;
                }
                if thread != write.0 && may(Some(write)) {
                    let taken: Vec<Graph> =
                        all.iter().map(|g| read_from(program, g, (thread, index), Some(write))).collect();
                    all.extend(taken);
                }
            }
        }
        graphs.extend(all.iter().filter_map(|graph| run_again(program, graph)));
    }
    graphs
}

fn is_consistent(program: &Program, graph: &Graph) -> bool {
    let paths: Option<Vec<&Path>> =
        (0..graph.threads.len()).map(|t| paths_of(program, t, &graph.threads[t]).first().copied()).collect();
    let Some(paths) = paths else { return false };
    let x = execution(program, graph, &paths);
    let is_grace_period = |event: &Event| matches!(event.label, Label::Fence(Fence::SyncRcu) | Label::SyncSrcu);
    match judge(&x).violated {
        None | Some("rcu" | "unmatched-locks") => true,
        Some("plain-coherence") => x.events.iter().any(is_grace_period),
        Some(_) => false,
    }
}

/// The execution, if all threads have ended and the model allows it.
fn complete(program: &Program, graph: &Graph) -> Option<Execution> {
    let ended = |t: usize| {
        let events = &graph.threads[t];
        paths_of(program, t, events).into_iter().find(|path| path.events.len() == events.len() && !path.truncated)
    };
    let paths: Vec<&Path> = (0..graph.threads.len()).map(ended).collect::<Option<_>>()?;
    let execution = execution(program, graph, &paths);
    judge(&execution).consistent.then_some(execution)
}

fn execution(program: &Program, graph: &Graph, paths: &[&Path]) -> Execution {
    let accessed: BTreeSet<LocationId> = graph.threads.iter().flatten().filter_map(|e| e.location).collect();
    let accessed: Vec<LocationId> = accessed.into_iter().collect();
    let initial = |location: LocationId| accessed.iter().position(|&l| l == location).map_or(0, |at| at as EventId);
    let mut x = Execution::default();
    for observable in &program.observed {
        if let Observable::Location(location) = *observable {
            x.observed_locations.push(location);
        }
    }
    x.observed_locations.sort_unstable();
    x.observed_locations.dedup();
    x.events.extend(accessed.iter().map(|&location| Event {
        label: Label::Init,
        thread: None,
        location: Some(location),
        value: Some(program.locations[location as usize].init),
        atomic: false,
        origin: 0,
    }));
    let mut first = Vec::new();
    for (thread, events) in graph.threads.iter().enumerate() {
        first.push(x.events.len() as EventId);
        x.events.extend(events.iter().zip(&paths[thread].events).map(|(event, template)| Event {
            label: template.label,
            thread: Some(thread as u32),
            location: event.location,
            value: event.value,
            atomic: template.atomic,
            origin: template.origin,
        }));
    }
    let id = |(thread, index): Place| first[thread] + index as EventId;
    for (thread, events) in graph.threads.iter().enumerate() {
        let path = paths[thread];
        let n = events.len() as PathEvent;
        let of = |pairs: &[(PathEvent, PathEvent)]| -> Vec<(EventId, EventId)> {
            let kept = pairs.iter().filter(|&&(a, b)| a < n && b < n);
            kept.map(|&(a, b)| (first[thread] + a, first[thread] + b)).collect()
        };
        let all: Vec<(PathEvent, PathEvent)> = (0..n).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
        let ordered: Vec<_> = all.into_iter().filter(|pair| !path.unordered.contains(pair)).collect();
        x.po.extend(of(&ordered));
        x.rmw.extend(of(&path.rmw));
        x.addr.extend(of(&path.addr));
        x.data.extend(of(&path.data));
        x.ctrl.extend(of(&path.ctrl));
        for (index, event) in events.iter().enumerate() {
            if let (Some(source), Some(location)) = (event.source, event.location) {
                x.rf.push((source.map_or_else(|| initial(location), id), id((thread, index))));
            }
        }
    }
    for (&location, writes) in &graph.co {
        let order: Vec<EventId> = [initial(location)].into_iter().chain(writes.iter().map(|&w| id(w))).collect();
        x.co.extend(order.iter().enumerate().flat_map(|(i, &a)| order[i + 1..].iter().map(move |&b| (a, b))));
    }
    for pairs in [&mut x.po, &mut x.rf, &mut x.co, &mut x.rmw, &mut x.addr, &mut x.data, &mut x.ctrl] {
        pairs.sort_unstable();
        pairs.dedup();
    }
    x
}

//! Executions of a test as pictures: what a [`Diagram`] shows of them.
//!
//! Each operation of the source is a box, as in the text of [`witness`](crate::witness). Arrows are what each read reads and does not see, the
//! order of the writes, dependencies, and what the model makes of them. If the model forbids the execution, the cycle that forbids it is bold.

use crate::diagram::{Diagram, Edge, Node, Relation};
use crate::explain::{Names, missing_sentence, turned};
use crate::palette::Palette;
use crate::report::{Report, Test};
use crate::state::States;
use crate::witness::{Picture, Step};
use crate::wording;
use lkmm_model::explain::{self, Form, Violation};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::missing::Mend;
use lkmm_model::program::Value;
use lkmm_search::Outcome;

/// An execution that is to be drawn, or a candidate that the model forbids.
#[derive(Clone, Debug, Default)]
pub struct Drawn {
    /// The execution.
    pub execution: Execution,
    /// Why the model forbids it; none if the model allows it.
    pub violation: Option<Violation>,
    /// Relations that the model derives, beside those that an execution comes with.
    pub relations: Vec<Pairs>,
    /// What would forbid it, if the model allows it and that is known.
    pub mend: Option<Mend>,
}

/// A relation of an execution, by its name.
#[derive(Clone, Debug)]
pub struct Pairs {
    /// As the model has it.
    pub name: &'static str,
    /// Does the model not take it apart?
    pub is_atom: bool,
    /// Is it to be shown, even if it is a derived one?
    pub is_wanted: bool,
    /// The pairs.
    pub pairs: Vec<(EventId, EventId)>,
}

static PLAIN: Palette = Palette::plain();

/// Arrows that a picture has, at most, but for the cycle: nobody can follow more.
const MOST: usize = 600;

/// The picture of an execution. None if there is no test.
pub fn diagram(report: &Report, drawn: &Drawn) -> Option<Diagram> {
    let test = report.test.as_ref()?;
    let picture = Picture::new(report, test, &drawn.execution, &PLAIN);
    let names = Names::new(report, test, &drawn.execution, &PLAIN);
    let mut boxes = vec![None; drawn.execution.events.len()];
    for (number, step) in picture.steps.iter().enumerate() {
        step.events.iter().for_each(|&event| boxes[event as usize] = Some(number));
    }
    let mut maker = Maker { drawn, picture, names, boxes, edges: Vec::new(), left_out: 0 };
    maker.add_communication();
    maker.add_cycle();
    maker.add_dependencies();
    maker.add_relations();
    let threads = maker.picture.steps.iter().map(|step| step.thread + 1).max().unwrap_or(0);
    Some(Diagram {
        title: test.name.clone(),
        subtitles: status(report, test, drawn),
        columns: (0..threads).map(|thread| format!("P{thread}")).collect(),
        nodes: maker.picture.steps.iter().map(|step| maker.node(step)).collect(),
        notes: maker.notes(),
        edges: maker.edges,
    })
}

/// A final state as herd7 spells it: `0:r1=0; [x]=1;`.
pub fn state(test: &Test, finals: &[Value]) -> String {
    let states = [(finals.to_vec(), 1)].into_iter().collect();
    let outcome = Outcome { states, ..Outcome::default() };
    States::new(test, &outcome).iter().map(|state| state.to_string()).collect()
}

/// What the model says of the execution, and its final state.
fn status(report: &Report, test: &Test, drawn: &Drawn) -> Vec<String> {
    let judgement = match &drawn.violation {
        None => format!("Allowed by {}", report.model),
        Some(violation) => {
            let says = wording::axiom(violation.axiom).map_or(String::new(), |says| format!(": {says}"));
            format!("Forbidden by {}, axiom {}{says}", report.model, violation.axiom)
        }
    };
    let state = state(test, &drawn.execution.finals);
    let state = (!state.is_empty()).then(|| format!("final state {state}"));
    [Some(test.condition.clone()), Some(judgement), state].into_iter().flatten().collect()
}

struct Maker<'a> {
    drawn: &'a Drawn,
    picture: Picture<'a>,
    names: Names<'a>,
    /// Of each event, if it has one.
    boxes: Vec<Option<usize>>,
    edges: Vec<Edge>,
    left_out: usize,
}

impl Maker<'_> {
    fn node(&self, step: &Step) -> Node {
        let execution = &self.drawn.execution;
        let is_initial = |write: EventId| execution.events[write as usize].thread.is_none();
        let reads = |&&(write, read): &&(EventId, EventId)| step.events.contains(&read) && is_initial(write);
        let has_value = |read: EventId| execution.events[read as usize].label.is_read();
        let from_initial = execution.rf.iter().any(|pair| reads(&pair) && has_value(pair.1));
        let initial = if from_initial { " (initial)" } else { "" };
        Node {
            column: step.thread as usize,
            text: step.text.clone(),
            source: format!("{}{initial}", self.picture.effect(step)),
            place: step.line.map_or(String::new(), |line| format!("line {line}")),
            ..Node::default()
        }
    }

    /// The box of an event.
    fn box_of(&self, event: EventId) -> Option<usize> {
        self.boxes.get(event as usize).copied().flatten()
    }

    /// An event in a sentence.
    fn quote(&self, event: EventId) -> String {
        let named = self.names.of(event);
        format!("{} {}", named.place, named.text)
    }

    /// Adds an arrow between the boxes of two events. None if it would be within one, or if one is not drawn.
    fn add(&mut self, (from, to): (EventId, EventId), relation: Relation, name: &str, rule: &str) -> Option<&mut Edge> {
        let (a, b) = (self.box_of(from)?, self.box_of(to)?);
        if a == b {
            return None;
        }
        let rule = format!("{} → {}: {rule}", self.quote(from), self.quote(to));
        let edge = Edge { name: name.to_string().into(), rule: rule.into(), ..Edge::new(a, b, relation) };
        self.edges.push(edge);
        self.edges.last_mut()
    }

    /// Is there no room for another arrow?
    fn is_full(&mut self) -> bool {
        let is_full = self.edges.len() >= MOST;
        self.left_out += usize::from(is_full);
        is_full
    }

    /// Is there an arrow between the boxes of two events?
    fn has(&self, (from, to): (EventId, EventId), test: impl Fn(&Edge) -> bool) -> bool {
        let ends = (self.box_of(from), self.box_of(to));
        self.edges.iter().any(|edge| (Some(edge.from), Some(edge.to)) == ends && test(edge))
    }

    /// What each read reads, the order of the writes, step by step, and the write that a read does not see.
    fn add_communication(&mut self) {
        let execution = &self.drawn.execution;
        for &pair in &execution.rf {
            self.add_known(pair, Relation::Rf);
        }
        for pair in self.picture.coherence.clone().iter().flat_map(|order| order.windows(2)) {
            self.add_known((pair[0], pair[1]), Relation::Co);
            for read in execution.rf.iter().filter(|edge| edge.0 == pair[0]).map(|edge| edge.1) {
                self.add_known((read, pair[1]), Relation::Fr);
            }
        }
    }

    fn add_known(&mut self, pair: (EventId, EventId), relation: Relation) {
        let event = |id: EventId| &self.drawn.execution.events[id as usize];
        let (from, to) = (event(pair.0), event(pair.1));
        // Within a thread, what is done with a lock is plain to see.
        let is_plain = from.thread == to.thread && from.label.is_lock_event();
        // (Who reads what another wrote and overwrites it, does so because it reads it.)
        if !is_plain && !self.has(pair, |_| true) && !self.is_full() {
            let how = wording::edge(relation.name(), false, "");
            self.add(pair, relation, relation.name(), &how);
        }
    }

    fn add_dependencies(&mut self) {
        let execution = &self.drawn.execution;
        for (name, pairs) in [("addr", &execution.addr), ("data", &execution.data), ("ctrl", &execution.ctrl)] {
            for &pair in pairs {
                if !self.is_full() && !self.has(pair, |edge| edge.name == name) {
                    self.add(pair, Relation::Dependency, name, &wording::edge(name, false, ""));
                }
            }
        }
    }

    /// The edges of the cycle; those that are there already become bold.
    fn add_cycle(&mut self) {
        let Some(violation) = &self.drawn.violation else { return };
        for edge in turned(violation).iter().chain(&violation.edges_besides()) {
            let (how, name, within) = self.names.rule(edge);
            let relation = wording::kind(edge.relation, true);
            let pair = (edge.from, edge.to);
            let ends = (self.box_of(edge.from), self.box_of(edge.to));
            let is_same = |known: &&mut Edge| {
                let is_kind = match relation {
                    Relation::Rf | Relation::Co | Relation::Fr => known.relation == relation && !edge.inverted,
                    _ => known.name == name,
                };
                (Some(known.from), Some(known.to)) == ends && is_kind
            };
            let within = if within.is_empty() { String::new() } else { format!(" in {within}") };
            let known = self.edges.iter_mut().find(is_same).is_some();
            if !known {
                self.add(pair, relation, &name, &how);
            }
            if let Some(bold) = self.edges.iter_mut().find(is_same) {
                bold.is_bold = true;
                bold.rule.to_mut().push_str(&format!("; {name}{within}"));
            }
        }
    }

    /// What the model makes of all that: of orders within a thread the innermost ones, which imply the others. What is more than such
    /// an order is for those who ask for it.
    fn add_relations(&mut self) {
        for relation in &self.drawn.relations {
            let kind = wording::kind(relation.name, relation.is_atom);
            if !matches!(kind, Relation::Fence | Relation::Derived) {
                continue;
            }
            let is_order = kind == Relation::Fence;
            let pairs =
                if is_order { innermost(&self.drawn.execution, &relation.pairs) } else { relation.pairs.clone() };
            let how = wording::edge(relation.name, false, "");
            for pair in pairs {
                let is_told = |edge: &Edge| edge.name == relation.name;
                let is_inverted = |edge: &Edge| edge.name.strip_suffix("^-1") == Some(relation.name);
                if self.is_full() || self.has(pair, is_told) || self.has((pair.1, pair.0), is_inverted) {
                    continue;
                }
                let thread = |id: EventId| self.drawn.execution.events[id as usize].thread;
                let is_extra = kind == Relation::Derived || thread(pair.0) != thread(pair.1);
                if let Some(edge) = self.add(pair, kind, relation.name, &how) {
                    edge.is_extra = is_extra && !relation.is_wanted;
                }
            }
        }
    }

    /// The cycle in words, or what would make one.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if let Some(violation) = &self.drawn.violation {
            let told = |edge: &explain::Edge<'_>| {
                let (how, name, within) = self.names.rule(edge);
                let within = if within.is_empty() { String::new() } else { format!(" in {within}") };
                let place = |event: EventId| self.names.of(event).place;
                format!("{} → {} {how}: {name}{within}", place(edge.from), place(edge.to))
            };
            notes.extend(turned(violation).iter().map(told));
            if violation.form == Form::Between {
                notes.push("with that between the two ends of".into());
                notes.extend(violation.edges_besides().iter().map(told));
            }
        }
        for missing in self.drawn.mend.iter().flat_map(|mend| &mend.missing) {
            let (sentence, would) = missing_sentence(missing, &self.names, &|event| self.quote(event));
            notes.push(format!("{sentence}: {would} would."));
        }
        if self.left_out > 0 {
            notes.push(format!("Left out: {} more arrows.", self.left_out));
        }
        notes
    }
}

/// The pairs with no other one between their ends in program order; those that lead from thread to thread are left as they are.
fn innermost(execution: &Execution, pairs: &[(EventId, EventId)]) -> Vec<(EventId, EventId)> {
    let thread = |id: EventId| execution.events[id as usize].thread;
    let (mut within, mut kept): (Vec<_>, Vec<_>) = pairs.iter().partition(|pair| thread(pair.0) == thread(pair.1));
    // (The events of a thread are in program order. Brackets may also lead back.)
    within.sort_by_key(|&(a, b)| (thread(a), std::cmp::Reverse(a.min(b)), a.max(b)));
    let mut last: Option<(EventId, EventId)> = None;
    for pair in within {
        let end = pair.0.max(pair.1);
        let is_inner = last.is_none_or(|(from, to)| thread(from) != thread(pair.0) || end < to);
        if is_inner {
            last = Some((pair.0, end));
            kept.push(pair);
        }
    }
    kept.sort_unstable();
    kept
}

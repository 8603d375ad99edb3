//! Why a model forbids an execution: a shortest cycle of the axiom that it violates, taken apart down to what a reader sees
//! in the source.
//!
//! The definition of the model is evaluated once more, with numbers for bits: what a pair of a relation costs is the number of
//! [atoms](crate::algebra::Definition::atoms) and base relations that it is made of, at least. Then each pair is taken apart along the
//! cheapest way: a pair of `a ; b` has an event in the middle, a pair of `a | b` is in one of the two, a pair of
//! `a+` is a path, a pair of a relation with a name is what that name stands for. So every model, also one of your own, is explained by its
//! own definition.
//!
//! ```
//! use lkmm_model::event::{Label, Mode};
//! use lkmm_model::explain::{Form, explain};
//! use lkmm_model::graph::{Event, Execution};
//! use lkmm_model::models;
//!
//! let event = |label, thread, location| Event {
//!     label, thread, location: Some(location), value: None, atomic: false, origin: 0,
//! };
//! // Message passing: the flag (location 1) is seen, the message (location 0) is not.
//! let execution = Execution {
//!     events: vec![
//!         event(Label::Init, None, 0),
//!         event(Label::Init, None, 1),
//!         event(Label::Write(Mode::Once), Some(0), 0),
//!         event(Label::Write(Mode::Release), Some(0), 1),
//!         event(Label::Read(Mode::Acquire), Some(1), 1),
//!         event(Label::Read(Mode::Once), Some(1), 0),
//!     ],
//!     po: vec![(2, 3), (4, 5)],
//!     rf: vec![(0, 5), (3, 4)],
//!     co: vec![(0, 2), (1, 3)],
//!     ..Execution::default()
//! };
//! let violation = explain(models::lkmm(), &execution).expect("it is forbidden");
//! assert_eq!((violation.axiom, violation.form), ("happens-before", Form::Cycle));
//! let edges = violation.edges();
//! let edges: Vec<_> = edges.iter().map(|edge| (edge.from, edge.relation, edge.to)).collect();
//! assert_eq!(edges, [(4, "acq_po", 5), (5, "fr", 2), (2, "po_rel", 3), (3, "rfe", 4)]);
//! ```

mod costs;
mod derive;

use crate::algebra::{Node, NodeId, Requirement, Test};
use crate::graph::{EventId, Execution};
use crate::models::Model;
use costs::{Costs, FAR};
use derive::Deriver;

/// Executions with more events are not explained.
pub const MAX_EVENTS: usize = 128;

/// A pair of a relation, and why it is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The relation, as the model names it.
    pub relation: &'static str,
    /// The first event; the second one, if the link is [inverted](Self::inverted).
    pub from: EventId,
    /// The second event; the first one, if the link is inverted.
    pub to: EventId,
    /// It is the pair (`to`, `from`) that is in the relation.
    pub inverted: bool,
    /// Of an atom: the events that it passes, as the fence between two accesses.
    pub via: Vec<EventId>,
    /// What the pair is made of: links from `from` to `to`, one after the other. None of an atom.
    pub parts: Vec<Link>,
}

/// What the links of a violation make together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// They lead from an event back to it.
    Cycle,
    /// They lead from one event to another, and so do [others](Violation::besides); no event may be on that way.
    Between,
    /// They lead from one event to another, which may not be.
    Path,
}

/// Why an execution is forbidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The axiom: the first one that the execution violates.
    pub axiom: &'static str,
    /// What the links make.
    pub form: Form,
    /// The links, each from the event to which the one before leads.
    pub links: Vec<Link>,
    /// Of [`Form::Between`]: the other links between the same two events.
    pub besides: Vec<Link>,
}

/// An atom of a violation, with the names of the relations that it is a part of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge<'a> {
    /// The relation, as the model names it.
    pub relation: &'static str,
    /// As in [`Link`].
    pub from: EventId,
    /// As in [`Link`].
    pub to: EventId,
    /// As in [`Link`].
    pub inverted: bool,
    /// As in [`Link`].
    pub via: &'a [EventId],
    /// What it is a part of, the outermost first.
    pub within: Vec<&'static str>,
}

impl Violation {
    /// The atoms of the [links](Self::links), in their order.
    pub fn edges(&self) -> Vec<Edge<'_>> {
        edges(&self.links)
    }

    /// The atoms of the links [besides](Self::besides).
    pub fn edges_besides(&self) -> Vec<Edge<'_>> {
        edges(&self.besides)
    }
}

fn edges(links: &[Link]) -> Vec<Edge<'_>> {
    let mut edges = Vec::new();
    let mut within = Vec::new();
    links.iter().for_each(|link| add_edges(link, &mut within, &mut edges));
    edges
}

fn add_edges<'a>(link: &'a Link, within: &mut Vec<&'static str>, edges: &mut Vec<Edge<'a>>) {
    if link.parts.is_empty() {
        let &Link { relation, from, to, inverted, ref via, .. } = link;
        edges.push(Edge { relation, from, to, inverted, via, within: within.clone() });
        return;
    }
    within.push(link.relation);
    link.parts.iter().for_each(|part| add_edges(part, within, edges));
    within.pop();
}

/// Explains why a model forbids an execution. `None` if the model allows it, or if it has more than [`MAX_EVENTS`] events.
///
/// # Panics
/// If the execution relates events that it does not have.
pub fn explain(model: &Model, execution: &Execution) -> Option<Violation> {
    if execution.events.len() > MAX_EVENTS {
        return None;
    }
    let name = model.judge(execution).violated?;
    let definition = model.definition();
    let mut deriver = Deriver { definition, costs: Costs::new(definition, execution), depth: 0 };
    definition.axioms.iter().filter(|axiom| axiom.name == name).find_map(|axiom| violation(&mut deriver, axiom))
}

fn violation(deriver: &mut Deriver<'_>, axiom: &Requirement) -> Option<Violation> {
    let violation = |form, links| Violation { axiom: axiom.name, form, links, besides: Vec::new() };
    match axiom.test {
        Test::Acyclic => {
            let table = deriver.costs.relation(axiom.node);
            let cycles = (0..table.len()).filter_map(|at| table.path(at, at));
            let (_, corners) = cycles.min_by_key(|(cost, corners)| (*cost, corners.len()))?;
            let steps = corners.windows(2).flat_map(|step| deriver.derive(axiom.node, step[0], step[1]));
            Some(violation(Form::Cycle, steps.collect()))
        }
        Test::Irreflexive => {
            let table = deriver.costs.relation(axiom.node);
            let at = (0..table.len()).filter(|&at| table.at(at, at) < FAR).min_by_key(|&at| table.at(at, at))?;
            Some(violation(Form::Cycle, deriver.derive(axiom.node, at, at)))
        }
        Test::Empty => {
            let table = deriver.costs.relation(axiom.node);
            let pairs = (0..table.len()).flat_map(|a| (0..table.len()).map(move |b| (a, b)));
            let (a, b) = pairs.filter(|&(a, b)| table.at(a, b) < FAR).min_by_key(|&(a, b)| table.at(a, b))?;
            let mut sides = Vec::new();
            conjuncts(deriver, axiom.node, (a, b), &mut sides);
            Some(match sides[..] {
                [first, second] => match deriver.definition.nodes[second as usize] {
                    Node::Inverse(back) => {
                        let way = [deriver.derive(first, a, b), deriver.derive(back, b, a)];
                        violation(Form::Cycle, way.concat())
                    }
                    _ => Violation {
                        besides: deriver.derive(first, a, b),
                        ..violation(Form::Between, deriver.derive(second, a, b))
                    },
                },
                _ => violation(Form::Path, deriver.derive(axiom.node, a, b)),
            })
        }
    }
}

/// The relations that a pair is in, all of which it takes to be in a relation that must be empty.
fn conjuncts(deriver: &mut Deriver<'_>, node: NodeId, pair: (usize, usize), sides: &mut Vec<NodeId>) {
    match deriver.definition.nodes[node as usize] {
        Node::And(a, b) => [a, b].into_iter().for_each(|side| conjuncts(deriver, side, pair, sides)),
        Node::Or(a, b) if sides.is_empty() => {
            let [first, second] = [a, b].map(|side| deriver.costs.relation(side).at(pair.0, pair.1));
            let side = if first <= second { a } else { b };
            conjuncts(deriver, side, pair, sides);
        }
        _ if deriver.costs.is_filter(node) => {}
        _ => sides.push(node),
    }
}

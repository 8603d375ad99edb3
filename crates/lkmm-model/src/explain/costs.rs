//! What the pairs of a relation cost: the least number of atoms that each is made of. Of ways with the same number, the one is cheaper on which the
//! atoms are parts of fewer relations.
//!
//! The algebra of relations is one of bits, with `or` for a choice and `and` for what goes together. With `min` and `+` in their places
//! the same definition yields lengths of shortest derivations.

use crate::algebra::{Definition, Node, NodeId};
use crate::event_set::EventSet;
use crate::graph::Execution;
use crate::models::frame_of;
use crate::plan::Frame;
use std::rc::Rc;

/// Atoms, [`ATOM`] for each, and with how many relations around them: so many for each atom.
pub(super) type Cost = u32;

/// What an atom costs.
const ATOM: Cost = 1 << 10;

/// The cost of a pair that is not in the relation.
pub(super) const FAR: Cost = Cost::MAX;

/// Words of a set of events.
pub(super) const WORDS: usize = super::MAX_EVENTS / 64;

/// The cost of every pair of events.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Table {
    events: usize,
    cells: Vec<Cost>,
}

impl Table {
    fn new(events: usize) -> Table {
        Table { events, cells: vec![FAR; events * events] }
    }

    fn of(events: usize, cost: impl Fn(usize, usize) -> Cost) -> Table {
        let cells = (0..events * events).map(|at| cost(at / events, at % events)).collect();
        Table { events, cells }
    }

    /// The number of events.
    pub(super) fn len(&self) -> usize {
        self.events
    }

    /// The cost of a pair.
    pub(super) fn at(&self, a: usize, b: usize) -> Cost {
        self.cells[a * self.events + b]
    }

    fn lower(&mut self, a: usize, b: usize, cost: Cost) {
        let cell = &mut self.cells[a * self.events + b];
        *cell = cost.min(*cell);
    }

    fn then(&self, next: &Table) -> Table {
        let mut result = Table::new(self.events);
        for a in 0..self.events {
            for middle in (0..self.events).filter(|&middle| self.at(a, middle) < FAR) {
                for b in 0..self.events {
                    result.lower(a, b, self.at(a, middle).saturating_add(next.at(middle, b)));
                }
            }
        }
        result
    }

    /// The costs of paths of one step or more (Floyd and Warshall).
    fn closure(&self) -> Table {
        let mut result = self.clone();
        for middle in 0..self.events {
            for a in 0..self.events {
                let first = result.at(a, middle);
                if first < FAR {
                    for b in 0..self.events {
                        let second = result.at(middle, b);
                        result.lower(a, b, first.saturating_add(second));
                    }
                }
            }
        }
        result
    }

    /// The cheapest path of one step or more (Dijkstra), with its cost: the events that it passes, both ends included.
    pub(super) fn path(&self, from: usize, to: usize) -> Option<(Cost, Vec<usize>)> {
        // An event is entered from the one before it; the first step leaves `from`, which may be entered again.
        let mut best: Vec<(Cost, usize)> = (0..self.events).map(|at| (self.at(from, at), usize::MAX)).collect();
        let mut done = vec![false; self.events];
        loop {
            let next = (0..self.events).filter(|&at| !done[at] && best[at].0 < FAR).min_by_key(|&at| best[at].0)?;
            done[next] = true;
            let cost = best[next].0;
            if next == to {
                let mut path = vec![to];
                let mut at = to;
                while best[at].1 != usize::MAX {
                    at = best[at].1;
                    path.push(at);
                }
                path.push(from);
                path.reverse();
                return Some((cost, path));
            }
            for after in 0..self.events {
                let whole = cost.saturating_add(self.at(next, after));
                if !done[after] && whole < best[after].0 {
                    best[after] = (whole, next);
                }
            }
        }
    }
}

/// The tables of one execution, each made when it is asked for.
pub(super) struct Costs<'a> {
    definition: &'a Definition,
    execution: &'a Execution,
    frame: Frame<WORDS>,
    tables: Vec<Option<Rc<Table>>>,
    /// The present values of the variables of fixed points.
    variables: Vec<(u32, Rc<Table>)>,
}

impl<'a> Costs<'a> {
    pub(super) fn new(definition: &'a Definition, execution: &'a Execution) -> Costs<'a> {
        let tables = vec![None; definition.nodes.len()];
        Costs { definition, execution, frame: frame_of(execution), tables, variables: Vec::new() }
    }

    /// Does the model name the relation, and not take it apart?
    pub(super) fn is_atom(&self, node: NodeId) -> bool {
        self.definition.atoms.contains(&node)
    }

    /// Does a relation only choose among the pairs of others, as that of the events of one thread does?
    pub(super) fn is_filter(&self, node: NodeId) -> bool {
        use crate::algebra::BaseRelation::{DifferentValues, Ext, Int, Loc};
        match self.definition.nodes[node as usize] {
            Node::Relation(relation) => matches!(relation, Int | Ext | Loc | DifferentValues),
            Node::Identity(_) | Node::Cross(..) => true,
            Node::Or(a, b) | Node::And(a, b) => self.is_filter(a) && self.is_filter(b),
            Node::Minus(a, _) | Node::Within(_, a) | Node::Into(a, _) => self.is_filter(a),
            _ => false,
        }
    }

    /// The costs of a relation.
    pub(super) fn relation(&mut self, node: NodeId) -> Rc<Table> {
        if let Some(known) = &self.tables[node as usize] {
            return known.clone();
        }
        let mut table = self.compute(node);
        if self.is_atom(node) {
            Rc::make_mut(&mut table).cells.iter_mut().filter(|cost| **cost < FAR).for_each(|cost| *cost = ATOM);
        } else if self.definition.names.iter().any(|name| name.1 == node) {
            let within = |cost: &mut Cost| *cost = cost.saturating_add(*cost / ATOM);
            Rc::make_mut(&mut table).cells.iter_mut().filter(|cost| **cost < FAR).for_each(within);
        }
        self.tables[node as usize] = Some(table.clone());
        table
    }

    fn events(&self) -> usize {
        self.execution.events.len()
    }

    fn compute(&mut self, node: NodeId) -> Rc<Table> {
        let n = self.events();
        Rc::new(match self.definition.nodes[node as usize] {
            Node::Relation(relation) => self.base(relation),
            Node::Identity(a) => {
                let set = self.set(a);
                Table::of(n, |a, b| if a == b && set.contains(a) { 0 } else { FAR })
            }
            Node::Cross(a, b) => {
                let (from, to) = (self.set(a), self.set(b));
                Table::of(n, |a, b| if from.contains(a) && to.contains(b) { ATOM } else { FAR })
            }
            Node::Or(a, b) => {
                let (a, b) = (self.relation(a), self.relation(b));
                Table::of(n, |i, j| a.at(i, j).min(b.at(i, j)))
            }
            Node::And(a, b) => {
                let second = self.shows_second(a, b);
                let (a, b) = (self.relation(a), self.relation(b));
                Table::of(n, |i, j| match (a.at(i, j), b.at(i, j)) {
                    (FAR, _) | (_, FAR) => FAR,
                    (a, b) => {
                        if second {
                            b
                        } else {
                            a
                        }
                    }
                })
            }
            Node::Minus(a, b) => {
                let (a, b) = (self.relation(a), self.relation(b));
                Table::of(n, |i, j| if b.at(i, j) == FAR { a.at(i, j) } else { FAR })
            }
            Node::Sequence(a, b) => self.relation(a).then(&self.relation(b)),
            Node::Within(s, a) => {
                let (set, a) = (self.set(s), self.relation(a));
                Table::of(n, |i, j| if set.contains(i) { a.at(i, j) } else { FAR })
            }
            Node::Into(a, s) => {
                let (a, set) = (self.relation(a), self.set(s));
                Table::of(n, |i, j| if set.contains(j) { a.at(i, j) } else { FAR })
            }
            Node::Inverse(a) => {
                let a = self.relation(a);
                Table::of(n, |i, j| a.at(j, i))
            }
            Node::Closure(a) => self.relation(a).closure(),
            Node::Brackets(open, close) => {
                let (open, close) = (self.set(open), self.set(close));
                let rows = self.frame.brackets(open, close);
                Table::of(n, |i, j| if rows[i].contains(j) { ATOM } else { FAR })
            }
            Node::Variable(number) => {
                let known = self.variables.iter().find(|(variable, _)| *variable == number);
                return known.map_or_else(|| Rc::new(Table::new(n)), |(_, table)| table.clone());
            }
            Node::Fixpoint(number, body) => return self.fixpoint(number, body),
            Node::Set(_)
            | Node::SetOr(..)
            | Node::SetAnd(..)
            | Node::SetMinus(..)
            | Node::Domain(_)
            | Node::Range(_) => {
                let set = self.set(node);
                Table::of(n, |a, b| if a == b && set.contains(a) { 0 } else { FAR })
            }
        })
    }

    /// Is a pair that is in two relations explained by the second one, because the first one only chooses?
    pub(super) fn shows_second(&self, a: NodeId, b: NodeId) -> bool {
        self.is_filter(a) && !self.is_filter(b)
    }

    fn base(&self, relation: crate::algebra::BaseRelation) -> Table {
        use crate::algebra::BaseRelation::{Co, DifferentValues, Rf};
        let x = self.execution;
        let listed = |pairs: &[(u32, u32)]| {
            let mut table = Table::new(x.events.len());
            pairs.iter().for_each(|&(a, b)| table.lower(a as usize, b as usize, ATOM));
            table
        };
        match relation {
            Rf => listed(&x.rf),
            Co => listed(&x.co),
            DifferentValues => {
                Table::of(x.events.len(), |a, b| if x.events[a].value == x.events[b].value { FAR } else { ATOM })
            }
            given => {
                let rows = self.frame.relation(given);
                Table::of(x.events.len(), |a, b| if rows[a].contains(b) { ATOM } else { FAR })
            }
        }
    }

    fn set(&mut self, node: NodeId) -> EventSet<WORDS> {
        match self.definition.nodes[node as usize] {
            Node::Set(set) => self.frame.set(set),
            Node::SetOr(a, b) => self.set(a) | self.set(b),
            Node::SetAnd(a, b) => self.set(a) & self.set(b),
            Node::SetMinus(a, b) => self.set(a) - self.set(b),
            Node::Domain(a) => {
                let a = self.relation(a);
                (0..a.events).filter(|&i| (0..a.events).any(|j| a.at(i, j) < FAR)).collect()
            }
            Node::Range(a) => {
                let a = self.relation(a);
                (0..a.events).filter(|&j| (0..a.events).any(|i| a.at(i, j) < FAR)).collect()
            }
            _ => EventSet::EMPTY,
        }
    }

    /// The least fixed point: pairs come, and get cheaper, until nothing changes.
    fn fixpoint(&mut self, number: u32, body: NodeId) -> Rc<Table> {
        let mut inside = vec![None; self.definition.nodes.len()];
        self.depends(body, number, &mut inside);
        let inside: Vec<usize> = (0..inside.len()).filter(|&node| inside[node] == Some(true)).collect();
        let mut value = Rc::new(Table::new(self.events()));
        loop {
            self.variables.retain(|(variable, _)| *variable != number);
            self.variables.push((number, value.clone()));
            inside.iter().for_each(|&node| self.tables[node] = None);
            let next = self.relation(body);
            if next == value {
                return value;
            }
            value = next;
        }
    }

    /// Does a relation depend on a variable? Notes the answer for all that it is made of.
    fn depends(&self, at: NodeId, number: u32, known: &mut Vec<Option<bool>>) -> bool {
        if let Some(known) = known[at as usize] {
            return known;
        }
        let operands = match self.definition.nodes[at as usize] {
            Node::Set(_) | Node::Relation(_) | Node::Variable(_) => [None, None],
            Node::Domain(a) | Node::Range(a) | Node::Identity(a) | Node::Inverse(a) | Node::Closure(a) => {
                [Some(a), None]
            }
            Node::Fixpoint(_, a) => [Some(a), None],
            Node::SetOr(a, b) | Node::SetAnd(a, b) | Node::SetMinus(a, b) => [Some(a), Some(b)],
            Node::Cross(a, b) | Node::Brackets(a, b) => [Some(a), Some(b)],
            Node::Or(a, b) | Node::And(a, b) | Node::Minus(a, b) => [Some(a), Some(b)],
            Node::Sequence(a, b) | Node::Within(a, b) | Node::Into(a, b) => [Some(a), Some(b)],
        };
        let mut depends = self.definition.nodes[at as usize] == Node::Variable(number);
        for operand in operands.into_iter().flatten() {
            depends |= self.depends(operand, number, known);
        }
        known[at as usize] = Some(depends);
        depends
    }
}

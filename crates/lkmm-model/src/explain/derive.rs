//! Taking a pair of a relation apart, along the cheapest way.

use super::Link;
use super::costs::{Costs, FAR};
use crate::algebra::{BaseRelation, Definition, Node, NodeId};

/// Takes pairs apart.
pub(super) struct Deriver<'a> {
    pub(super) definition: &'a Definition,
    pub(super) costs: Costs<'a>,
    /// How deep the derivation is.
    pub(super) depth: u32,
}

/// No derivation that says anything is deeper. (A relation that is defined by itself may go round in a circle at no cost.)
const DEEP: u32 = 2_000;

impl Deriver<'_> {
    /// The links that a pair of a relation is made of; none, if it is an event with itself for no other reason than that.
    pub(super) fn derive(&mut self, node: NodeId, a: usize, b: usize) -> Vec<Link> {
        if self.depth == DEEP {
            return Vec::new();
        }
        self.depth += 1;
        let parts = self.inside(node, a, b);
        self.depth -= 1;
        let Some(&(relation, _)) = self.definition.names.iter().find(|name| name.1 == node) else { return parts };
        let link = Link { relation, from: a as u32, to: b as u32, inverted: false, via: Vec::new(), parts: Vec::new() };
        if self.costs.is_atom(node) {
            let corners = super::edges(&parts);
            let passed = corners.iter().flat_map(|edge| std::iter::once(edge.from).chain(edge.via.iter().copied()));
            let mut via: Vec<_> = passed.filter(|&event| event != link.from && event != link.to).collect();
            via.dedup();
            return vec![Link { via, ..link }];
        }
        match &parts[..] {
            [] if a == b => parts,
            // A relation that goes on as another one by the same name.
            [part] if part.relation == relation && !part.inverted => parts,
            _ => vec![Link { parts, ..link }],
        }
    }

    fn inside(&mut self, node: NodeId, a: usize, b: usize) -> Vec<Link> {
        match self.definition.nodes[node as usize] {
            Node::Relation(relation) => vec![leaf(name(relation), a, b)],
            Node::Cross(..) => vec![leaf("*", a, b)],
            Node::Or(first, second) => {
                let [x, y] = [first, second].map(|side| self.costs.relation(side).at(a, b));
                self.derive(if x <= y { first } else { second }, a, b)
            }
            Node::And(first, second) => {
                let shown = if self.costs.shows_second(first, second) { second } else { first };
                self.derive(shown, a, b)
            }
            Node::Minus(inner, _) | Node::Within(_, inner) | Node::Into(inner, _) => self.derive(inner, a, b),
            Node::Sequence(first, second) => {
                let (x, y) = (self.costs.relation(first), self.costs.relation(second));
                let cost = |middle: usize| x.at(a, middle).saturating_add(y.at(middle, b));
                let Some(middle) = (0..x.len()).filter(|&middle| cost(middle) < FAR).min_by_key(|&middle| cost(middle))
                else {
                    return Vec::new();
                };
                [self.derive(first, a, middle), self.derive(second, middle, b)].concat()
            }
            Node::Inverse(inner) => self.derive(inner, b, a).into_iter().rev().map(turned).collect(),
            Node::Closure(inner) => {
                let Some((_, path)) = self.costs.relation(inner).path(a, b) else { return Vec::new() };
                path.windows(2).flat_map(|step| self.derive(inner, step[0], step[1])).collect()
            }
            Node::Fixpoint(_, body) => self.derive(body, a, b),
            Node::Variable(number) => {
                let is_it = |node: &Node| matches!(node, Node::Fixpoint(variable, _) if *variable == number);
                match self.definition.nodes.iter().position(is_it) {
                    Some(fixpoint) => self.derive(fixpoint as NodeId, a, b),
                    None => Vec::new(),
                }
            }
            Node::Brackets(..) => vec![leaf("brackets", a, b)],
            Node::Identity(_)
            | Node::Set(_)
            | Node::SetOr(..)
            | Node::SetAnd(..)
            | Node::SetMinus(..)
            | Node::Domain(_)
            | Node::Range(_) => Vec::new(),
        }
    }
}

fn leaf(relation: &'static str, a: usize, b: usize) -> Link {
    Link { relation, from: a as u32, to: b as u32, inverted: false, via: Vec::new(), parts: Vec::new() }
}

/// The link from the other end.
fn turned(link: Link) -> Link {
    let Link { relation, from, to, inverted, mut via, parts } = link;
    via.reverse();
    let parts = parts.into_iter().rev().map(turned).collect();
    Link { relation, from: to, to: from, inverted: !inverted, via, parts }
}

/// What a base relation is called.
fn name(relation: BaseRelation) -> &'static str {
    match relation {
        BaseRelation::Po => "po",
        BaseRelation::Loc => "loc",
        BaseRelation::Int => "int",
        BaseRelation::Ext => "ext",
        BaseRelation::Rmw => "rmw",
        BaseRelation::Addr => "addr",
        BaseRelation::Data => "data",
        BaseRelation::Ctrl => "ctrl",
        BaseRelation::Rf => "rf",
        BaseRelation::Co => "co",
        BaseRelation::DifferentValues => "different-values",
    }
}

//! What tells graphs apart.
//!
//! Executions without a cycle are found once, and nobody has to remember them. Those with one, and the cores that they grow from, are
//! kept in sets, as lists of numbers: of each thread, what its reads read from and returned (around a cycle, `rf` does not
//! determine the values), and the coherence orders.

use super::explore::Explorer;
use super::graph::Graph;
use super::node::{Id, Source};
use super::program::{Answer, OpenProgram};
use lkmm_model::program::{LocationId, Value};

impl<P: OpenProgram> Explorer<'_, P> {
    /// What tells a graph of the program from another, whatever order it was built in.
    pub(super) fn key(&self, graph: &Graph) -> Vec<u32> {
        self.key_under(graph, &(0..graph.threads.len() as u32).collect::<Vec<_>>())
    }

    /// The same of the graph whose threads have other numbers.
    pub(super) fn key_under(&self, graph: &Graph, names: &[u32]) -> Vec<u32> {
        let program = &*self.run.program;
        let pointers_move = program.pointers_move();
        let is_moving = |location, value| pointers_move && program.is_moving(location, value);
        let is_opaque = |location| program.is_opaque(location);
        graph.key_under(names, is_moving, is_opaque, |value| {
            if self.is_alone() {
                return value;
            }
            program.common(value).unwrap_or_else(|| {
                self.team.despair();
                value
            })
        })
    }
}

impl Graph {
    /// What tells it from others. Pointers that move are told from each other only.
    fn key_under(
        &self,
        names: &[u32],
        is_moving: impl Fn(LocationId, Value) -> bool,
        is_opaque: impl Fn(LocationId) -> bool,
        common: impl Fn(Value) -> Value,
    ) -> Vec<u32> {
        let number = |id: Id| 1 + names[id.thread as usize] + id.index * self.threads.len() as u32;
        let mut moving: Vec<Value> = Vec::new();
        // (A read has five numbers at most, a write has one.)
        let mut key = Vec::with_capacity(self.threads.len() + 5 * self.order.len());
        let mut threads: Vec<usize> = (0..names.len()).collect();
        threads.sort_unstable_by_key(|&thread| names[thread]);
        for nodes in threads.into_iter().map(|thread| &self.threads[thread]) {
            key.push(nodes.len() as u32);
            for node in nodes {
                if let Some(source) = node.source() {
                    key.push(match source {
                        Source::Initial => 0,
                        Source::Event(id) => number(id),
                    });
                }
                if node.location.is_some_and(&is_opaque) {
                    // Its value says no more than its source.
                    continue;
                }
                match node.answer.map(|answer| answer.map(&common)) {
                    Some(Answer::Value(value)) if node.location.is_some_and(|location| is_moving(location, value)) => {
                        let known = moving.iter().position(|&known| known == value);
                        key.extend([7, known.unwrap_or(moving.len()) as u32]);
                        if known.is_none() {
                            moving.push(value);
                        }
                    }
                    Some(Answer::Value(Value::Int(i))) => key.extend([0, i as u32]),
                    Some(Answer::Value(Value::Address(location, offset))) => key.extend([1, location, offset as u32]),
                    Some(Answer::Value(Value::Symbol(symbol))) => key.extend([2, symbol]),
                    Some(Answer::Value(Value::Bits(bits))) => key.extend([6, bits as u32, (bits >> 32) as u32]),
                    Some(Answer::Free) => key.push(3),
                    Some(Answer::Held) => key.push(4),
                    Some(Answer::Choice(choice)) => key.extend([5, choice]),
                    Some(Answer::Joined) | None => {}
                }
            }
        }
        // How many writes a location has follows from what its threads read, and its number is nothing but a name.
        let mut orders: Vec<&[Id]> = self.co.iter().map(|writes| &writes.order[..]).collect();
        orders.sort_unstable_by_key(|order| order.first().map(|&id| number(id)));
        key.extend(orders.into_iter().flatten().map(|&id| number(id)));
        key
    }
}

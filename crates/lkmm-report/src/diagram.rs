//! A picture of one execution, before it is drawn: columns, boxes in them, arrows between these.
//!
//! This is all that a drawing needs, and no more: whoever knows a test or a failure says what the boxes say. The
//! order of the boxes from top to bottom is found here.

use std::borrow::Cow;

/// A picture of one execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// What it shows, in a few words.
    pub title: String,
    /// Sentences on it, each a line, shown below the title.
    pub subtitles: Vec<String>,
    /// The title of each column: a thread.
    pub columns: Vec<String>,
    /// The boxes; those of one column in program order.
    pub nodes: Vec<Node>,
    /// The arrows.
    pub edges: Vec<Edge>,
    /// Sentences, each a line, shown at the foot.
    pub notes: Vec<String>,
}

/// A box: an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Its column.
    pub column: usize,
    /// What is done: `1  write x = 1`.
    pub text: String,
    /// The text of the source; empty if it is not known.
    pub source: String,
    /// Where that stands: `stack.rs:12`; empty if it is not known.
    pub place: String,
    /// Is it what the picture is about?
    pub is_marked: bool,
    /// Is it no operation, but how the thread ended?
    pub is_ending: bool,
}

/// An arrow from box to box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The box where it begins.
    pub from: usize,
    /// The box to which it points.
    pub to: usize,
    /// What it says.
    pub relation: Relation,
    /// What that is called: `rf`, `wmb`.
    pub name: Cow<'static, str>,
    /// By what rule it is there; shown to who points at it.
    pub rule: Cow<'static, str>,
    /// Is it a part of the cycle that forbids the execution?
    pub is_bold: bool,
    /// Is it shown to those alone who ask for what it is called?
    pub is_extra: bool,
}

impl Edge {
    /// An arrow that is called and explained as all that say this.
    pub fn new(from: usize, to: usize, relation: Relation) -> Edge {
        Edge {
            from,
            to,
            relation,
            name: relation.name().into(),
            rule: relation.meaning().into(),
            is_bold: false,
            is_extra: false,
        }
    }
}

/// What an arrow says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Relation {
    /// Program order from thread to thread: a spawn or a join. (Within a column it is the order of the boxes.)
    Po,
    /// From a write to a read of its value.
    Rf,
    /// From a write to the next write of the location.
    Co,
    /// From a read to the write after the one that it read.
    Fr,
    /// From a read to what depends on it.
    Dependency,
    /// From operation to operation of a thread that the model keeps in order.
    Fence,
    /// What a model derives from the others.
    Derived,
    /// From the end of a thread that waits for ever to the operation that keeps it waiting. It says nothing of the order.
    Wait,
}

impl Relation {
    /// What the literature calls it; kinds of relations have a word of our own.
    pub fn name(self) -> &'static str {
        match self {
            Relation::Po => "po",
            Relation::Rf => "rf",
            Relation::Co => "co",
            Relation::Fr => "fr",
            Relation::Dependency => "dependency",
            Relation::Fence => "order",
            Relation::Derived => "derived",
            Relation::Wait => "wait",
        }
    }

    /// What it means, in a few words, for legends.
    pub fn meaning(self) -> &'static str {
        match self {
            Relation::Po => "spawn, join",
            Relation::Rf => "is read by",
            Relation::Co => "is overwritten by",
            Relation::Fr => "reads before",
            Relation::Dependency => "dependency",
            Relation::Fence => "kept in order",
            Relation::Derived => "follows from others",
            Relation::Wait => "waits for",
        }
    }

    /// How much it tells of an order in time. (That a value is read before it is written is harder to imagine than that an
    /// old one is read.)
    fn weight(self) -> usize {
        match self {
            Relation::Wait | Relation::Dependency | Relation::Fence | Relation::Derived => 0,
            Relation::Po | Relation::Fr => 1,
            Relation::Co => 2,
            Relation::Rf => 3,
        }
    }
}

/// An order of boxes that respects each column, and arrows as far as it can.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// How much points backwards in it: 1 for an arrow of [`Relation::Fr`], 2 for one of [`Relation::Co`], 3 for one of
    /// [`Relation::Rf`]. 0 if the execution is sequentially consistent.
    pub backward: usize,
    /// How often the next box is in another column: context switches, were it a run.
    pub switches: usize,
    /// The numbers of the boxes.
    pub nodes: Vec<usize>,
}

impl Order {
    /// A good order: of those tried, the one with the least that points backwards, and then with the fewest switches.
    ///
    /// Boxes are given by their columns. Arrows of [`Relation::Po`] are always respected, if they have no cycle.
    ///
    /// ```
    /// use lkmm_report::diagram::{Edge, Order, Relation};
    ///
    /// // A message: the reader comes after the writer.
    /// let rf = Edge::new(1, 2, Relation::Rf);
    /// let order = Order::of(&[1, 1, 0, 0], &[rf]);
    /// assert_eq!((order.backward, order.switches, order.nodes), (0, 1, vec![0, 1, 2, 3]));
    /// ```
    pub fn of(columns: &[usize], edges: &[Edge]) -> Order {
        let edges: Vec<Edge> = edges.iter().filter(|edge| edge.relation.weight() > 0).cloned().collect();
        let count = columns.iter().max().map_or(0, |last| last + 1);
        let starts = (0..count).map(|start| Order::from_column(start, count, columns, &edges));
        // The first of the best.
        starts.reduce(|best, other| if other.key() < best.key() { other } else { best }).unwrap_or_default()
    }

    fn key(&self) -> (usize, usize) {
        (self.backward, self.switches)
    }

    /// Stays in a column as long as it can, then goes on with the next one that can go on, from `start` round.
    fn from_column(start: usize, count: usize, columns: &[usize], edges: &[Edge]) -> Order {
        let mut queues: Vec<std::collections::VecDeque<usize>> = vec![Default::default(); count];
        for (node, &column) in columns.iter().enumerate() {
            queues[column].push_back(node);
        }
        let mut is_done = vec![false; columns.len()];
        let mut order = Order::default();
        let mut current = start;
        while order.nodes.len() < columns.len() {
            let missing = |column: usize, is_po: bool| -> usize {
                let next = queues[column].front().copied();
                let is_missing = |edge: &&Edge| {
                    let is_kind = (edge.relation == Relation::Po) == is_po;
                    Some(edge.to) == next && edge.from != edge.to && !is_done[edge.from] && is_kind
                };
                edges.iter().filter(is_missing).map(|edge| edge.relation.weight()).sum()
            };
            let round = || (0..count).map(|n| (current + n) % count).filter(|&column| !queues[column].is_empty());
            let chosen = round().find(|&c| missing(c, true) == 0 && missing(c, false) == 0);
            let least = || round().min_by_key(|&c| (missing(c, true), missing(c, false)));
            let Some(column) = chosen.or_else(least) else { break };
            order.backward += missing(column, false);
            order.switches += usize::from(column != current && !order.nodes.is_empty());
            current = column;
            if let Some(node) = queues[column].pop_front() {
                is_done[node] = true;
                order.nodes.push(node);
            }
        }
        order
    }
}

impl Diagram {
    /// The order of the boxes.
    pub fn order(&self) -> Order {
        let columns: Vec<usize> = self.nodes.iter().map(|node| node.column).collect();
        Order::of(&columns, &self.edges)
    }

    /// The row of each box. Boxes in a row have no order that is to be seen, but for the arrows of [`Relation::Fr`].
    pub fn rows(&self) -> Vec<usize> {
        let mut rows: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut free = vec![0; self.columns.len()];
        let leads_down = |relation| matches!(relation, Relation::Po | Relation::Rf | Relation::Co);
        for node in self.order().nodes {
            let column = self.nodes[node].column;
            let above = self.edges.iter().filter(|edge| edge.to == node && leads_down(edge.relation));
            let below = above.filter_map(|edge| rows[edge.from]).map(|row| row + 1).max();
            let row = below.unwrap_or(0).max(free[column]);
            rows[node] = Some(row);
            free[column] = row + 1;
        }
        let mut rows: Vec<usize> = rows.into_iter().map(|row| row.unwrap_or(0)).collect();
        self.sink(&mut rows);
        rows
    }

    /// Moves boxes down to the next one of their column, as far as their arrows lead down still.
    fn sink(&self, rows: &mut [usize]) {
        let mut order = self.order().nodes;
        order.reverse();
        order.sort_by_key(|&node| std::cmp::Reverse(rows[node]));
        for node in order {
            let column = self.nodes[node].column;
            let next = (node + 1..self.nodes.len()).find(|&next| self.nodes[next].column == column);
            let Some(next) = next else { continue };
            let below = self.edges.iter().filter(|edge| edge.from == node && edge.relation.weight() > 0);
            let below = below.map(|edge| rows[edge.to]).filter(|&row| row > rows[node]);
            let row = below.chain([rows[next]]).min().unwrap_or(0);
            rows[node] = rows[node].max(row.saturating_sub(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(from: usize, to: usize, relation: Relation) -> Edge {
        Edge::new(from, to, relation)
    }

    #[test]
    fn store_buffering_has_one_arrow_backwards() {
        let order = Order::of(&[0, 0, 1, 1], &[edge(1, 2, Relation::Fr), edge(3, 0, Relation::Fr)]);
        assert_eq!((order.backward, order.switches), (1, 1));
    }

    #[test]
    fn a_stale_read_is_the_one_that_points_backwards() {
        // A message that overtakes itself: the writer in column 1 still comes first.
        let order = Order::of(&[0, 0, 1, 1], &[edge(3, 0, Relation::Rf), edge(1, 2, Relation::Fr)]);
        assert_eq!((order.backward, order.nodes), (1, vec![2, 3, 0, 1]));
    }

    #[test]
    fn rows_stand_side_by_side_unless_an_arrow_is_between_them() {
        let node = |column| Node { column, ..Node::default() };
        let mut diagram = Diagram {
            columns: vec!["a".into(), "b".into()],
            nodes: [0, 0, 1, 1].map(node).to_vec(),
            edges: vec![edge(1, 2, Relation::Fr), edge(3, 0, Relation::Fr)],
            ..Diagram::default()
        };
        assert_eq!(diagram.rows(), [0, 1, 0, 1]);
        diagram.edges = vec![edge(1, 2, Relation::Rf), edge(3, 0, Relation::Fr)];
        assert_eq!(diagram.rows(), [0, 1, 2, 3]);
    }

    #[test]
    fn a_box_without_arrows_stands_right_above_the_next_one() {
        let node = |column| Node { column, ..Node::default() };
        let diagram = Diagram {
            columns: vec!["a".into(), "b".into()],
            nodes: [0, 0, 1, 1].map(node).to_vec(),
            edges: vec![edge(1, 3, Relation::Rf)],
            ..Diagram::default()
        };
        assert_eq!(diagram.rows(), [0, 1, 1, 2]);
    }
}

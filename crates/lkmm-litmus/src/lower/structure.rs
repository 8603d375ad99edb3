//! The events of one statement and the order among them: herd7's *event structures*, on which its dependencies rest.
//!
//! A statement unfolds into *nodes*: its memory events and fences, and besides them a node for each local that it reads
//! and for the one that it writes. Nodes are ordered by *causality*, of two kinds: **data** (a value or an address flows) and
//! **control** (it only comes first). A composition adds edges from the *output* of its first part, or its maximal nodes,
//! to the minimal nodes of its second. What is minimal and maximal is therefore judged while the structure grows, and
//! each rule below says which it takes: the differences are what makes the result of a fully ordered operation carry no
//! dependency, and a `cmpxchg`'s expected value none either.
//!
//! A [`Part`] is a contiguous range of nodes, since parts are built one after the other. An edge is only ever added by the
//! composition that joins its ends, so whether a node has an edge at all answers whether it has one inside its part.

use super::sets::EventSet;

/// Index of a node of the current statement.
pub(super) type Node = u32;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A local is read.
    RegisterRead,
    /// A local is written.
    RegisterWrite(u32),
    /// An ordinary read of memory.
    Read,
    /// An ordinary write to memory.
    Write,
    /// `LF`, `RL`, `RU`: lock events that read.
    LockQuery,
    /// `LKR`, `LKW`, `UL`.
    LockEvent,
    /// A fence.
    Fence,
    /// `synchronize_srcu`, which herd7 keeps out of dependencies.
    SyncSrcu,
}

impl Kind {
    /// A memory event that dependencies start from.
    pub(super) fn is_source(self) -> bool {
        matches!(self, Kind::Read | Kind::LockQuery)
    }
}

/// A node.
#[derive(Clone, Debug)]
pub(super) struct NodeData {
    pub(super) kind: Kind,
    /// Its event on the path, if it is not about a local.
    pub(super) event: Option<u32>,
    /// It was evaluated for its value, not as an address or a condition.
    pub(super) data_port: bool,
    /// For a local that is read: the reads whose values it carries.
    pub(super) carried: EventSet,
    /// For a local that is read: the reads that control the choice of its value, or that it carries.
    pub(super) taint: EventSet,
    has_in: bool,
    has_data_in: bool,
    has_out: bool,
    has_data_out: bool,
}

impl NodeData {
    pub(super) fn new(kind: Kind, event: Option<u32>, data_port: bool) -> Self {
        NodeData {
            kind,
            event,
            data_port,
            carried: EventSet::default(),
            taint: EventSet::default(),
            has_in: false,
            has_data_in: false,
            has_out: false,
            has_data_out: false,
        }
    }
}

/// A contiguous part of the current statement.
#[derive(Clone, Debug)]
pub(super) struct Part {
    start: Node,
    end: Node,
    /// The nodes that its value comes from, where these are not the last ones by data.
    output: Option<Vec<Node>>,
}

/// The structure of the current statement.
#[derive(Debug, Default)]
pub(super) struct Structure {
    pub(super) nodes: Vec<NodeData>,
    /// Causality by data.
    pub(super) data: Vec<(Node, Node)>,
    /// Causality by control.
    pub(super) control: Vec<(Node, Node)>,
}

impl Structure {
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.data.clear();
        self.control.clear();
    }

    /// The part without nodes.
    pub(super) fn nothing(&self) -> Part {
        let at = self.nodes.len() as Node;
        Part { start: at, end: at, output: None }
    }

    /// The part of one new node.
    pub(super) fn single(&mut self, node: NodeData) -> Part {
        let start = self.nodes.len() as Node;
        self.nodes.push(node);
        Part { start, end: start + 1, output: None }
    }

    /// The part of one new node that no value comes from.
    pub(super) fn mute(&mut self, node: NodeData) -> Part {
        Part { output: Some(Vec::new()), ..self.single(node) }
    }

    fn select(&self, part: &Part, accept: impl Fn(&NodeData) -> bool) -> Vec<Node> {
        (part.start..part.end).filter(|&n| accept(&self.nodes[n as usize])).collect()
    }

    /// Where its value comes from.
    pub(super) fn output(&self, part: &Part) -> Vec<Node> {
        match &part.output {
            Some(output) => output.clone(),
            None => self.select(part, |n| !n.has_data_out),
        }
    }

    pub(super) fn maximals(&self, part: &Part) -> Vec<Node> {
        self.select(part, |n| !n.has_out)
    }

    pub(super) fn minimals(&self, part: &Part) -> Vec<Node> {
        self.select(part, |n| !n.has_in)
    }

    fn minimals_data(&self, part: &Part) -> Vec<Node> {
        self.select(part, |n| !n.has_data_in)
    }

    /// Adds data edges from each of the first to each of the second.
    pub(super) fn add_data(&mut self, from: &[Node], to: &[Node]) {
        for &a in from {
            for &b in to {
                self.data.push((a, b));
                let (a, b) = (a as usize, b as usize);
                (self.nodes[a].has_out, self.nodes[a].has_data_out) = (true, true);
                (self.nodes[b].has_in, self.nodes[b].has_data_in) = (true, true);
            }
        }
    }

    /// Adds control edges from each of the first to each of the second.
    pub(super) fn add_control(&mut self, from: &[Node], to: &[Node]) {
        for &a in from {
            for &b in to {
                self.control.push((a, b));
                self.nodes[a as usize].has_out = true;
                self.nodes[b as usize].has_in = true;
            }
        }
    }

    /// Two parts beside each other.
    pub(super) fn beside(&self, first: Part, second: Part) -> Part {
        let output = match (&first.output, &second.output) {
            (None, None) => None,
            _ => Some([self.output(&first), self.output(&second)].concat()),
        };
        Part { start: first.start, end: second.end, output }
    }

    /// The first part's value goes into the second, whose value is the result.
    pub(super) fn data(&mut self, first: Part, second: Part) -> Part {
        let output = match (&first.output, &second.output) {
            (_, Some(output)) => Some(output.clone()),
            (None, None) => None,
            (Some(output), None) => {
                let last = self.output(&second);
                Some(if last.is_empty() { output.clone() } else { last })
            }
        };
        let (from, to) = (self.output(&first), self.minimals_data(&second));
        self.add_data(&from, &to);
        Part { start: first.start, end: second.end, output }
    }

    /// The first part's value goes into the second, and stays the result.
    pub(super) fn data_keeping_first(&mut self, first: Part, second: Part) -> Part {
        let from = self.output(&first);
        let to = self.minimals_data(&second);
        self.add_data(&from, &to);
        Part { start: first.start, end: second.end, output: Some(from) }
    }

    /// The first part comes before the second, whose value is the result.
    pub(super) fn control(&mut self, first: Part, second: Part) -> Part {
        let output = Some(self.output(&second));
        let (from, to) = (self.maximals(&first), self.minimals(&second));
        self.add_control(&from, &to);
        Part { start: first.start, end: second.end, output }
    }

    /// A part that spans two and has a given output.
    pub(super) fn spanning(first: &Part, last: &Part, output: Vec<Node>) -> Part {
        Part { start: first.start, end: last.end, output: Some(output) }
    }

    /// What comes before each node by causality, in any number of steps.
    pub(super) fn before(&self) -> Vec<EventSet> {
        // Edges go from lower to higher nodes, so that one sweep in that order closes the relation.
        let mut before: Vec<EventSet> = vec![EventSet::default(); self.nodes.len()];
        let mut edges: Vec<(Node, Node)> = self.data.iter().chain(&self.control).copied().collect();
        edges.sort_unstable_by_key(|&(_, to)| to);
        for (from, to) in edges {
            let (lower, upper) = before.split_at_mut(to as usize);
            upper[0].union(&lower[from as usize]);
            upper[0].insert(from);
        }
        before
    }

    /// The nodes that are events, with their numbers on the path, in the order of both.
    pub(super) fn events(&self) -> impl Iterator<Item = (Node, u32)> + '_ {
        self.nodes.iter().zip(0..).filter_map(|(node, n)| Some((n, node.event?)))
    }
}

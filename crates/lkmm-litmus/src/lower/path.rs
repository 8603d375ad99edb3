//! One control path under construction: its events, expressions and constraints, and the choices that lead along it.
//!
//! Paths are enumerated by replay: a path is determined by the sequence of its choices, so the next path is found by
//! running the thread again with the last choice that has an alternative left taken the other way.

use super::sets::EventSet;
use super::structure::{Kind, Node, NodeData, Part, Structure};
use lkmm_model::event::Label;
use lkmm_model::program::{Constraint, EventTemplate, Expr, ExprId, Operator, Path, Value};

/// What the choices so far were: `true` is tried first.
#[derive(Debug, Default)]
pub(super) struct Choices {
    taken: Vec<bool>,
    next: usize,
}

impl Choices {
    /// The choice at this point.
    fn choose(&mut self) -> bool {
        if self.next == self.taken.len() {
            self.taken.push(true);
        }
        self.next += 1;
        self.taken[self.next - 1]
    }

    /// Turns to the next path. Is there one?
    pub(super) fn advance(&mut self) -> bool {
        self.next = 0;
        while let Some(last) = self.taken.pop() {
            if last {
                self.taken.push(false);
                return true;
            }
        }
        false
    }
}

/// What a local holds.
#[derive(Clone, Debug)]
pub(super) struct Local {
    pub(super) value: ExprId,
    /// The reads whose values it carries.
    pub(super) carried: EventSet,
    /// The reads that it carries, or that control the choice of its value.
    pub(super) taint: EventSet,
}

/// The conditions that are open where the path stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Control {
    /// The reads on which every event here depends by control.
    pub(super) sources: EventSet,
    /// The reads that taint every local assigned here.
    pub(super) taint: EventSet,
}

impl Control {
    pub(super) fn union(&mut self, other: &Control) {
        self.sources.union(&other.sources);
        self.taint.union(&other.taint);
    }
}

/// A path under construction.
pub(super) struct Builder<'c> {
    pub(super) path: Path,
    pub(super) locals: Vec<Local>,
    pub(super) structure: Structure,
    pub(super) control: Control,
    /// Of the statement being executed.
    pub(super) origin: u32,
    /// Statements executed and operands evaluated.
    pub(super) work: usize,
    choices: &'c mut Choices,
}

impl<'c> Builder<'c> {
    /// A path that starts with the given values of the locals.
    pub(super) fn new(initial: &[Value], choices: &'c mut Choices) -> Self {
        let mut builder = Builder {
            path: Path::default(),
            locals: Vec::with_capacity(initial.len()),
            structure: Structure::default(),
            control: Control::default(),
            origin: 0,
            work: 0,
            choices,
        };
        for &value in initial {
            let value = builder.constant(value);
            builder.locals.push(Local { value, carried: EventSet::default(), taint: EventSet::default() });
        }
        builder
    }

    pub(super) fn choose(&mut self) -> bool {
        self.choices.choose()
    }

    /// The number of an expression; equal ones get the same if the first is near.
    fn intern(&mut self, expr: Expr) -> ExprId {
        const WINDOW: usize = 64;
        let exprs = &mut self.path.exprs;
        let skip = exprs.len().saturating_sub(WINDOW);
        let found = exprs[skip..].iter().rposition(|e| *e == expr);
        let id = found.map_or(exprs.len(), |n| skip + n);
        if found.is_none() {
            exprs.push(expr);
        }
        id as ExprId
    }

    pub(super) fn constant(&mut self, value: Value) -> ExprId {
        self.intern(Expr::Const(value))
    }

    pub(super) fn int(&mut self, value: i32) -> ExprId {
        self.constant(Value::Int(value))
    }

    fn known(&self, expr: ExprId) -> Option<Value> {
        match self.path.exprs[expr as usize] {
            Expr::Const(value) => Some(value),
            _ => None,
        }
    }

    /// Applies an operator, at once if both operands are known and it is legal. (Where an illegal one stands on a path
    /// that no execution takes, nothing is said.)
    pub(super) fn apply(&mut self, op: Operator, left: ExprId, right: ExprId) -> ExprId {
        if let (Some(a), Some(b)) = (self.known(left), self.known(right)) {
            if let Ok(Some(value)) = Value::apply(op, a, b) {
                return self.constant(value);
            }
        }
        self.intern(Expr::Op(op, left, right))
    }

    /// Takes a branch: the one that the value of the condition or an earlier branch on it dictates, or either.
    pub(super) fn branch(&mut self, condition: ExprId) -> bool {
        if let Some(known) = self.known(condition).and_then(Value::is_true) {
            return known;
        }
        let decided = self.path.constraints.iter().find_map(|c| match *c {
            Constraint::Branch(expr, taken) if expr == condition => Some(taken),
            _ => None,
        });
        decided.unwrap_or_else(|| {
            let taken = self.choose();
            self.path.constraints.push(Constraint::Branch(condition, taken));
            taken
        })
    }

    pub(super) fn require_differ(&mut self, a: ExprId, b: ExprId) {
        let equal = self.apply(Operator::Eq, a, b);
        self.path.constraints.push(Constraint::Branch(equal, false));
    }

    pub(super) fn require_equal(&mut self, a: ExprId, b: ExprId) {
        self.path.constraints.push(Constraint::Equal(a, b));
    }

    fn event(&mut self, template: EventTemplate) -> u32 {
        let event = self.path.events.len() as u32;
        self.path.events.push(template);
        if template.label != Label::SyncSrcu {
            self.path.ctrl.extend(self.control.sources.iter().map(|source| (source, event)));
        }
        event
    }

    /// An event without value or location.
    pub(super) fn fence(&mut self, fence: lkmm_model::event::Fence) -> Part {
        let label = Label::Fence(fence);
        let event = self.event(EventTemplate { label, address: None, value: None, atomic: false, origin: self.origin });
        self.structure.mute(NodeData::new(Kind::Fence, Some(event), false))
    }

    /// An event at a location. Yields its number as well.
    pub(super) fn access(&mut self, access: Access) -> (u32, Part) {
        let Access { label, address, value, atomic, data_port } = access;
        let event = self.event(EventTemplate { label, address: Some(address), value, atomic, origin: self.origin });
        let kind = match label {
            Label::Read(_) => Kind::Read,
            Label::Write(_) => Kind::Write,
            Label::LockFail | Label::ReadLocked | Label::ReadUnlocked => Kind::LockQuery,
            Label::SyncSrcu => Kind::SyncSrcu,
            _ => Kind::LockEvent,
        };
        (event, self.structure.single(NodeData::new(kind, Some(event), data_port)))
    }

    /// A read; its value as well.
    pub(super) fn read(&mut self, access: Access) -> (ExprId, u32, Part) {
        let (event, part) = self.access(access);
        (self.intern(Expr::Read(event)), event, part)
    }

    /// Reads a local.
    pub(super) fn read_local(&mut self, register: u32, data_port: bool) -> (ExprId, Part) {
        let local = &self.locals[register as usize];
        let mut node = NodeData::new(Kind::RegisterRead, None, data_port);
        node.carried = local.carried.clone();
        node.taint = local.taint.clone();
        node.taint.union(&self.control.taint);
        let value = local.value;
        (value, self.structure.single(node))
    }

    /// Ends a statement: derives its dependencies, and forgets its structure.
    pub(super) fn end_statement(&mut self) {
        self.derive_dependencies();
        self.order_events();
        self.structure.clear();
    }

    /// Lists what causality leaves unordered, and the read-modify-writes that nested operations make together.
    fn order_events(&mut self) {
        let events: Vec<(Node, u32)> = self.structure.events().collect();
        if events.len() < 2 {
            return;
        }
        let before = self.structure.before();
        for (i, &(later, y)) in events.iter().enumerate() {
            let earlier = &events[..i];
            let unordered = earlier.iter().filter(|(n, _)| !before[later as usize].contains(*n));
            self.path.unordered.extend(unordered.map(|&(_, x)| (x, y)));
        }
        self.pair_nested_operations(&events, &before);
    }

    /// As in herd7, an atomic read and an atomic write of one statement and one location are a read-modify-write when
    /// the write comes after the read by causality and nothing atomic comes between, even if they belong to different
    /// operations. (Two addresses that only turn out equal when the program runs are not seen here.)
    fn pair_nested_operations(&mut self, events: &[(Node, u32)], before: &[EventSet]) {
        let path = &self.path;
        let template = |event: u32| &path.events[event as usize];
        let atomics: Vec<(Node, u32)> = events.iter().copied().filter(|&(_, e)| template(e).atomic).collect();
        if atomics.len() < 3 {
            return;
        }
        let mut pairs = Vec::new();
        for &(write, w) in atomics.iter().filter(|&&(_, e)| template(e).label.is_write()) {
            let earlier = &before[write as usize];
            for &(read, r) in atomics.iter().filter(|&&(n, e)| template(e).label.is_read() && earlier.contains(n)) {
                let between = |&(n, _): &(Node, u32)| earlier.contains(n) && before[n as usize].contains(read);
                if template(r).address == template(w).address && !atomics.iter().any(between) {
                    pairs.push((r, w));
                }
            }
        }
        self.path.rmw.extend(pairs);
    }

    /// Ends a condition: as a statement; then the events of its arms depend on it. Yields what was open before.
    pub(super) fn open_condition(&mut self) -> Control {
        self.derive_dependencies();
        let outer = self.control.clone();
        for (n, node) in self.structure.nodes.iter().enumerate() {
            match node.kind {
                Kind::RegisterRead => {
                    self.control.sources.union(&node.taint);
                    self.control.taint.union(&node.taint);
                }
                // A failed `spin_trylock` orders nothing by itself, though what its address depends on does.
                Kind::Read | Kind::LockQuery => {
                    self.control.sources.extend(node.event.filter(|_| node.kind == Kind::Read));
                    for &(from, _) in self.structure.data.iter().filter(|(_, to)| *to == n as Node) {
                        let from = &self.structure.nodes[from as usize];
                        let direct = from.event.filter(|_| from.kind.is_source());
                        self.control.sources.union(&from.carried);
                        self.control.sources.extend(direct);
                        self.control.taint.extend(direct.filter(|_| node.kind == Kind::Read));
                    }
                }
                _ => {}
            }
        }
        self.order_events();
        self.structure.clear();
        outer
    }

    /// Turns causality by data into dependencies, and updates the local that the statement writes.
    fn derive_dependencies(&mut self) {
        let Builder { path, locals, structure, control, .. } = self;
        for node in &structure.nodes {
            if let Kind::RegisterWrite(register) = node.kind {
                let local = &mut locals[register as usize];
                (local.carried, local.taint) = (EventSet::default(), control.taint.clone());
            }
        }
        for &(from, to) in &structure.data {
            let (from, to) = (&structure.nodes[from as usize], &structure.nodes[to as usize]);
            let mut sources = from.carried.clone();
            sources.extend(from.event.filter(|_| from.kind.is_source()));
            let relation = match (to.kind, to.event) {
                (Kind::RegisterWrite(register), _) => {
                    let local = &mut locals[register as usize];
                    local.carried.union(&sources);
                    local.taint.union(&sources);
                    local.taint.union(&from.taint);
                    continue;
                }
                (Kind::Write, Some(event)) if from.data_port => Some((&mut path.data, event)),
                (Kind::Read | Kind::Write | Kind::LockQuery | Kind::LockEvent, Some(event)) => {
                    Some((&mut path.addr, event))
                }
                _ => None,
            };
            if let Some((relation, event)) = relation {
                relation.extend(sources.iter().map(|source| (source, event)));
            }
        }
    }

    /// The finished path.
    pub(super) fn finish(mut self, registers: &[u32], truncated: bool) -> Path {
        self.path.finals = registers.iter().map(|&r| self.locals[r as usize].value).collect();
        self.path.truncated = truncated;
        for pairs in [
            &mut self.path.addr,
            &mut self.path.data,
            &mut self.path.ctrl,
            &mut self.path.rmw,
            &mut self.path.unordered,
        ] {
            pairs.sort_unstable();
            pairs.dedup();
        }
        self.path
    }

    /// A measure of the memory that the path takes.
    pub(super) fn size(&self) -> usize {
        /// What the lists of a path take when they are empty.
        const BASE: usize = 8;
        let path = &self.path;
        BASE + path.events.len()
            + path.constraints.len()
            + path.exprs.len()
            + path.ctrl.len()
            + path.addr.len()
            + path.data.len()
            + path.unordered.len()
    }
}

impl EventSet {
    fn extend(&mut self, event: Option<u32>) {
        if let Some(event) = event {
            self.insert(event);
        }
    }
}

/// An event at a location, to be.
pub(super) struct Access {
    pub(super) label: Label,
    pub(super) address: ExprId,
    pub(super) value: Option<ExprId>,
    pub(super) atomic: bool,
    pub(super) data_port: bool,
}

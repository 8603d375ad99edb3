//! One control path under construction: its events, and where their dependencies come from.
//!
//! The rules are herd7's. A register *carries* the reads that its value is computed from: an address or a stored value
//! depends on them. It is *tainted* by these, and by the reads that decided which value it got: a branch on it depends on
//! all of them, and what stands in the arms depends on the branch.

use super::operand::{Operand, Ordering, Register};
use crate::event::{Fence, Label, Mode};
use crate::program::{Constraint, EventTemplate, Expr, ExprId, Operator, Path, PathEvent, Value};
use std::collections::BTreeSet;

type Reads = BTreeSet<PathEvent>;

/// A value, and the reads that it depends on.
#[derive(Clone, Debug)]
pub(super) struct Evaluated {
    value: ExprId,
    carried: Reads,
    taint: Reads,
}

/// How an atomic operation is done: the modes of its two halves, and whether full fences stand around it.
#[derive(Clone, Copy)]
pub(super) struct Halves {
    pub(super) read: Mode,
    pub(super) write: Mode,
    pub(super) full: bool,
}

impl From<Ordering> for Halves {
    fn from(ordering: Ordering) -> Self {
        Halves {
            read: if ordering == Ordering::Acquire { Mode::Acquire } else { Mode::Once },
            write: if ordering == Ordering::Release { Mode::Release } else { Mode::Once },
            full: ordering == Ordering::Full,
        }
    }
}

/// What an atomic operation writes.
pub(super) enum Update {
    /// This, whatever was there.
    Replace(Operand),
    /// What was there, after an operation.
    Apply(Operator, Operand),
}

#[derive(Clone, Debug, Default)]
pub(super) struct PathBuilder {
    path: Path,
    locals: Vec<Option<Evaluated>>,
    /// The reads that decide whether the path comes here; an entry for each branch that is open.
    control: Vec<Reads>,
    /// Of the operation that is being done.
    pub(super) origin: u32,
}

impl PathBuilder {
    fn expr(&mut self, expr: Expr) -> ExprId {
        self.path.exprs.push(expr);
        (self.path.exprs.len() - 1) as ExprId
    }

    fn known(&self, value: ExprId) -> Option<Value> {
        match self.path.exprs[value as usize] {
            Expr::Const(value) => Some(value),
            _ => None,
        }
    }

    fn apply(&mut self, op: Operator, left: ExprId, right: ExprId) -> ExprId {
        let known = self.known(left).zip(self.known(right)).and_then(|(a, b)| Value::apply(op, a, b).ok().flatten());
        self.expr(known.map_or(Expr::Op(op, left, right), Expr::Const))
    }

    fn control(&self) -> Reads {
        self.control.last().cloned().unwrap_or_default()
    }

    pub(super) fn evaluate(&mut self, operand: &Operand) -> Evaluated {
        match operand {
            Operand::Const(value) => {
                Evaluated { value: self.expr(Expr::Const(*value)), carried: Reads::new(), taint: Reads::new() }
            }
            Operand::Register(register) => match self.locals.get(register.index as usize).cloned().flatten() {
                Some(local) => local,
                None => self.evaluate(&0.into()),
            },
            Operand::Op(op, left, right) => {
                let (left, right) = (self.evaluate(left), self.evaluate(right));
                Evaluated {
                    value: self.apply(*op, left.value, right.value),
                    carried: &left.carried | &right.carried,
                    taint: &left.taint | &right.taint,
                }
            }
        }
    }

    /// Assigns a value to a register.
    pub(super) fn assign(&mut self, register: Register, mut value: Evaluated) {
        value.taint.extend(self.control());
        let index = register.index as usize;
        self.locals.resize_with(self.locals.len().max(index + 1), || None);
        self.locals[index] = Some(value);
    }

    /// The value that a read returns.
    fn result_of(&mut self, read: PathEvent) -> Evaluated {
        let carried = Reads::from([read]);
        Evaluated { value: self.expr(Expr::Read(read)), taint: carried.clone(), carried }
    }

    /// Adds an event, with the dependencies that its place and its value make.
    fn event(&mut self, label: Label, place: Option<&Evaluated>, value: Option<&Evaluated>, atomic: bool) -> PathEvent {
        let event = self.path.events.len() as PathEvent;
        let control = self.control();
        let path = &mut self.path;
        let (address, value_expr) = (place.map(|p| p.value), value.map(|v| v.value));
        path.events.push(EventTemplate { label, address, value: value_expr, atomic, origin: self.origin });
        if label != Label::SyncSrcu {
            path.ctrl.extend(control.iter().map(|&read| (read, event)));
            path.addr.extend(place.iter().flat_map(|p| &p.carried).map(|&read| (read, event)));
        }
        path.data.extend(value.iter().flat_map(|v| &v.carried).map(|&read| (read, event)));
        event
    }

    pub(super) fn fence(&mut self, fence: Fence) {
        self.event(Label::Fence(fence), None, None, false);
    }

    pub(super) fn write(&mut self, mode: Mode, place: &Operand, value: &Operand) {
        let (place, value) = (self.evaluate(place), self.evaluate(value));
        self.event(Label::Write(mode), Some(&place), Some(&value), false);
    }

    pub(super) fn read(&mut self, mode: Mode, place: &Operand) -> Evaluated {
        let place = self.evaluate(place);
        let read = self.event(Label::Read(mode), Some(&place), None, false);
        self.result_of(read)
    }

    /// An event at a location that carries no value.
    pub(super) fn at(&mut self, label: Label, place: &Operand) -> PathEvent {
        let place = self.evaluate(place);
        self.event(label, Some(&place), None, false)
    }

    pub(super) fn lock(&mut self, place: &Operand) {
        self.at(Label::LockRead, place);
        self.at(Label::LockWrite, place);
    }

    /// The answer of an event that is no source of control by itself, as a failed `spin_trylock`.
    pub(super) fn answer(&mut self, answer: bool, source: Option<PathEvent>) -> Evaluated {
        let carried: Reads = source.into_iter().collect();
        Evaluated { value: self.expr(Expr::Const(Value::Int(answer.into()))), taint: carried.clone(), carried }
    }

    /// A read-modify-write; yields what was read. Behind the second of two full fences nothing depends on the read, for
    /// the fence orders it anyway.
    pub(super) fn update(
        &mut self,
        halves: Halves,
        place: &Operand,
        update: &Update,
        expected: Option<&Operand>,
    ) -> Evaluated {
        if halves.full {
            self.fence(Fence::Mb);
        }
        let mut place = self.evaluate(place);
        let read = self.event(Label::Read(halves.read), Some(&place), None, true);
        let mut old = self.result_of(read);
        if let Some(expected) = expected {
            let expected = self.evaluate(expected);
            self.path.constraints.push(Constraint::Equal(expected.value, old.value));
        }
        let new = match update {
            Update::Replace(new) => self.evaluate(new),
            Update::Apply(op, operand) => {
                let mut new = self.evaluate(operand);
                new.value = self.apply(*op, old.value, new.value);
                new.carried.insert(read);
                place.carried.clear(); // The address goes into the read, and with its value into the write.
                new
            }
        };
        let write = self.event(Label::Write(halves.write), Some(&place), Some(&new), true);
        self.path.rmw.push((read, write));
        if halves.full {
            self.fence(Fence::Mb);
            (old.carried, old.taint) = (Reads::new(), Reads::new());
        }
        old
    }

    /// A comparing exchange that does not find what it expects: a bare read.
    pub(super) fn failed_update(&mut self, place: &Operand, expected: &Operand) -> Evaluated {
        let (place, expected) = (self.evaluate(place), self.evaluate(expected));
        let read = self.event(Label::Read(Mode::Once), Some(&place), None, true);
        let found = self.result_of(read);
        let equal = self.apply(Operator::Eq, expected.value, found.value);
        self.path.constraints.push(Constraint::Branch(equal, false));
        found
    }

    /// Enters an arm of a branch. False if the path cannot come there.
    pub(super) fn enter(&mut self, condition: &Operand, taken: bool) -> bool {
        use Operator::{Eq, Ge, Gt, Le, Lt, Ne};
        let Evaluated { mut value, mut taint, .. } = self.evaluate(condition);
        if !matches!(condition, Operand::Op(Eq | Ne | Lt | Le | Gt | Ge, ..)) {
            let zero = self.expr(Expr::Const(Value::Int(0)));
            value = self.apply(Ne, value, zero);
        }
        taint.extend(self.control());
        self.control.push(taint);
        let known = self.known(value).and_then(Value::is_true);
        if known.is_none() {
            self.path.constraints.push(Constraint::Branch(value, taken));
        }
        known.is_none_or(|known| known == taken)
    }

    /// Leaves the innermost arm: behind the branch nothing depends on it, but for what the registers hold.
    pub(super) fn leave(&mut self) {
        self.control.pop();
    }

    /// The finished path of a thread with so many registers.
    pub(super) fn finish(mut self, registers: usize) -> Path {
        let zero = self.expr(Expr::Const(Value::Int(0)));
        self.locals.resize_with(registers, || None);
        self.path.finals = self.locals.iter().map(|local| local.as_ref().map_or(zero, |local| local.value)).collect();
        for pairs in [&mut self.path.addr, &mut self.path.data, &mut self.path.ctrl] {
            pairs.sort_unstable();
        }
        self.path
    }
}

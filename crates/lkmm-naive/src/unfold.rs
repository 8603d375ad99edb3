//! Unfolds a generated thread into its control paths, with the dependencies that its expressions have.

use crate::syntax::{Atomic, Operand, Ordering, Place, Register, Statement};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{Constraint, EventTemplate, Expr, ExprId, LocationId, Operator, Path, PathEvent, Value};
use std::collections::BTreeSet;

/// All paths of a thread that has this many registers.
pub(crate) fn unfold(body: &[Statement], registers: usize) -> Vec<Path> {
    let mut start = PathBuilder::default();
    let zero = start.constant(Value::Int(0));
    start.registers = vec![Computed { expr: zero, from: BTreeSet::new() }; registers];
    run(body, vec![start]).into_iter().map(PathBuilder::finish).collect()
}

/// An expression, and the events whose values went into it.
#[derive(Clone, Debug)]
struct Computed {
    expr: ExprId,
    from: BTreeSet<PathEvent>,
}

#[derive(Clone, Debug, Default)]
struct PathBuilder {
    path: Path,
    registers: Vec<Computed>,
    /// What the branches depend on in which this point lies.
    control: BTreeSet<PathEvent>,
}

fn run(body: &[Statement], mut builders: Vec<PathBuilder>) -> Vec<PathBuilder> {
    for statement in body {
        builders =
            builders.into_iter().flat_map(|b| if b.path.truncated { vec![b] } else { step(statement, b) }).collect();
    }
    builders
}

fn step(statement: &Statement, mut b: PathBuilder) -> Vec<PathBuilder> {
    match *statement {
        Statement::Load(mode, place, register) => {
            let place = b.place(place);
            let read = b.read(mode, &place, false);
            b.assign_read(register, read);
        }
        Statement::Store(mode, place, operand) => {
            let place = b.place(place);
            let value = b.operand(operand);
            b.write(mode, &place, &value, false);
        }
        Statement::Fence(fence) => b.fence(fence),
        Statement::Atomic(atomic, ordering, place, register) => return b.atomic(atomic, ordering, place, register),
        Statement::Lock(lock) => {
            b.lock(lock);
        }
        Statement::Unlock(lock) => {
            b.simple(Label::Unlock, lock);
        }
        Statement::TryLock(lock, register, ref body) => {
            let mut failed = b.clone();
            let failure = failed.simple(Label::LockFail, lock);
            failed.assign_constant(register, 0, failure);
            let success = b.lock(lock);
            b.assign_constant(register, 1, success);
            let outer = b.control.clone();
            b.control.insert(success);
            let mut taken = run(body, vec![b]);
            for path in taken.iter_mut().filter(|b| !b.path.truncated) {
                path.simple(Label::Unlock, lock);
                path.control = outer.clone();
            }
            taken.push(failed);
            return taken;
        }
        Statement::IsLocked(lock, register) => {
            let mut unlocked = b.clone();
            let event = unlocked.simple(Label::ReadUnlocked, lock);
            unlocked.assign_constant(register, 0, event);
            let event = b.simple(Label::ReadLocked, lock);
            b.assign_constant(register, 1, event);
            return vec![b, unlocked];
        }
        Statement::SrcuLock(domain, register) => {
            let place = b.place(Place::Static(domain));
            let read = b.read(Mode::SrcuLock, &place, false);
            b.assign_read(register, read);
        }
        Statement::SrcuUnlock(domain, operand) => {
            let place = b.place(Place::Static(domain));
            let value = b.operand(operand);
            b.write(Mode::SrcuUnlock, &place, &value, false);
        }
        Statement::SyncSrcu(domain) => {
            b.simple(Label::SyncSrcu, domain);
        }
        Statement::If(condition, ref taken, ref other) => return b.branch(condition, taken, other),
        Statement::LoadBoth(loads, register) => {
            let reads = loads.map(|(mode, location)| {
                let place = b.place(Place::Static(location));
                b.read(mode, &place, false)
            });
            b.path.unordered.push((reads[0], reads[1]));
            let [left, right] = reads.map(|read| b.value_of(read).expr);
            let sum = b.push(Expr::Op(Operator::Add, left, right));
            b.registers[register] = Computed { expr: sum, from: BTreeSet::from(reads) };
        }
        Statement::Cut => b.path.truncated = true,
    }
    vec![b]
}

impl PathBuilder {
    fn push(&mut self, expr: Expr) -> ExprId {
        let known = self.path.exprs.iter().position(|&e| e == expr);
        known.unwrap_or_else(|| {
            self.path.exprs.push(expr);
            self.path.exprs.len() - 1
        }) as ExprId
    }

    fn constant(&mut self, value: Value) -> ExprId {
        self.push(Expr::Const(value))
    }

    fn place(&mut self, place: Place) -> Computed {
        match place {
            Place::Static(location) => {
                Computed { expr: self.constant(Value::Address(location, 0)), from: BTreeSet::new() }
            }
            Place::Dependent(location, register) => self.dependent(register, Value::Address(location, 0)),
            Place::Deref(register) => self.registers[register].clone(),
        }
    }

    fn operand(&mut self, operand: Operand) -> Computed {
        match operand {
            Operand::Const(value) => Computed { expr: self.constant(value), from: BTreeSet::new() },
            Operand::Register(register) => self.registers[register].clone(),
            Operand::Op(operator, register, k) => {
                let Computed { expr, from } = self.registers[register].clone();
                let k = self.constant(Value::Int(k));
                Computed { expr: self.push(Expr::Op(operator, expr, k)), from }
            }
            Operand::Dependent(register, value) => self.dependent(register, value),
        }
    }

    /// `value + (r ^ r)`
    fn dependent(&mut self, register: Register, value: Value) -> Computed {
        let Computed { expr, from } = self.registers[register].clone();
        let zero = self.push(Expr::Op(Operator::Xor, expr, expr));
        let base = self.constant(value);
        Computed { expr: self.push(Expr::Op(Operator::Add, base, zero)), from }
    }

    fn event(&mut self, label: Label, address: Option<&Computed>, value: Option<&Computed>, atomic: bool) -> PathEvent {
        let event = self.path.events.len() as PathEvent;
        self.path.events.push(EventTemplate {
            label,
            address: address.map(|a| a.expr),
            value: value.map(|v| v.expr),
            atomic,
            origin: event,
        });
        self.path.ctrl.extend(self.control.iter().map(|&from| (from, event)));
        let from =
            |of: Option<&Computed>| of.iter().flat_map(|c| c.from.iter().map(|&f| (f, event))).collect::<Vec<_>>();
        self.path.addr.extend(from(address));
        self.path.data.extend(from(value));
        event
    }

    fn read(&mut self, mode: Mode, place: &Computed, atomic: bool) -> PathEvent {
        self.event(Label::Read(mode), Some(place), None, atomic)
    }

    fn write(&mut self, mode: Mode, place: &Computed, value: &Computed, atomic: bool) -> PathEvent {
        self.event(Label::Write(mode), Some(place), Some(value), atomic)
    }

    fn fence(&mut self, fence: Fence) {
        self.event(Label::Fence(fence), None, None, false);
    }

    fn simple(&mut self, label: Label, location: LocationId) -> PathEvent {
        let place = self.place(Place::Static(location));
        self.event(label, Some(&place), None, false)
    }

    fn lock(&mut self, lock: LocationId) -> PathEvent {
        self.simple(Label::LockRead, lock);
        self.simple(Label::LockWrite, lock)
    }

    fn value_of(&mut self, read: PathEvent) -> Computed {
        Computed { expr: self.push(Expr::Read(read)), from: BTreeSet::from([read]) }
    }

    fn assign_read(&mut self, register: Register, read: PathEvent) {
        self.registers[register] = self.value_of(read);
    }

    fn assign_constant(&mut self, register: Register, value: i32, from: PathEvent) {
        self.registers[register] = Computed { expr: self.constant(Value::Int(value)), from: BTreeSet::from([from]) };
    }

    fn branch(mut self, condition: Operand, taken: &[Statement], other: &[Statement]) -> Vec<PathBuilder> {
        let condition = self.operand(condition);
        let outer = self.control.clone();
        self.control.extend(condition.from);
        let mut paths = Vec::new();
        for (body, truth) in [(taken, true), (other, false)] {
            let mut arm = self.clone();
            arm.path.constraints.push(Constraint::Branch(condition.expr, truth));
            paths.extend(run(body, vec![arm]));
        }
        for path in &mut paths {
            path.control = outer.clone();
        }
        paths
    }

    /// An atomic operation: one path, or one in which it succeeds and one in which it does not.
    fn atomic(mut self, atomic: Atomic, ordering: Ordering, place: Place, register: Register) -> Vec<PathBuilder> {
        let place = self.place(place);
        match atomic {
            Atomic::Exchange(operand) => {
                let value = self.operand(operand);
                let read = self.read_modify_write(ordering, &place, |_, _| value);
                self.assign_read(register, read);
                vec![self]
            }
            Atomic::CompareExchange(expected, new) => {
                let expected = self.operand(expected);
                let mut failed = self.clone();
                let read = failed.read(Mode::Once, &place, true);
                failed.assign_read(register, read);
                failed.compare(read, &expected, false);
                let new = self.operand(new);
                let read = self.read_modify_write(ordering, &place, |_, _| new);
                self.assign_read(register, read);
                self.compare(read, &expected, true);
                vec![self, failed]
            }
            Atomic::FetchAdd(operand) => {
                let operand = self.operand(operand);
                let read = self.read_modify_write(ordering, &place, |b, read| b.sum(read, &operand));
                self.assign_read(register, read);
                vec![self]
            }
            Atomic::AddReturn(operand) => {
                let operand = self.operand(operand);
                let read = self.read_modify_write(ordering, &place, |b, read| b.sum(read, &operand));
                self.registers[register] = self.sum(read, &operand);
                vec![self]
            }
            Atomic::Add(operand) => {
                let operand = self.operand(operand);
                let read = self.read(Mode::Noreturn, &place, true);
                let sum = self.sum(read, &operand);
                let write = self.write(Mode::Once, &place, &sum, true);
                self.path.rmw.push((read, write));
                vec![self]
            }
            Atomic::AddUnless(operand, unless) => {
                let unless = self.operand(unless);
                let mut failed = self.clone();
                let read = failed.read(Mode::Once, &place, true);
                failed.compare(read, &unless, true);
                failed.assign_constant(register, 0, read);
                let operand = self.operand(operand);
                let read = self.read_modify_write(Ordering::Full, &place, |b, read| b.sum(read, &operand));
                self.compare(read, &unless, false);
                self.assign_constant(register, 1, read);
                vec![self, failed]
            }
        }
    }

    fn read_modify_write(
        &mut self,
        ordering: Ordering,
        place: &Computed,
        value: impl FnOnce(&mut PathBuilder, PathEvent) -> Computed,
    ) -> PathEvent {
        let full = ordering == Ordering::Full;
        if full {
            self.fence(Fence::Mb);
        }
        let read_mode = if ordering == Ordering::Acquire { Mode::Acquire } else { Mode::Once };
        let read = self.read(read_mode, place, true);
        let value = value(self, read);
        let write_mode = if ordering == Ordering::Release { Mode::Release } else { Mode::Once };
        let write = self.write(write_mode, place, &value, true);
        self.path.rmw.push((read, write));
        if full {
            self.fence(Fence::Mb);
        }
        read
    }

    fn sum(&mut self, read: PathEvent, operand: &Computed) -> Computed {
        let mut old = self.value_of(read);
        old.from.extend(&operand.from);
        Computed { expr: self.push(Expr::Op(Operator::Add, old.expr, operand.expr)), from: old.from }
    }

    /// The read returns this value (an equation), or another (a branch).
    fn compare(&mut self, read: PathEvent, value: &Computed, equal: bool) {
        let read = self.push(Expr::Read(read));
        let constraint = if equal {
            Constraint::Equal(read, value.expr)
        } else {
            Constraint::Branch(self.push(Expr::Op(Operator::Eq, read, value.expr)), false)
        };
        self.path.constraints.push(constraint);
    }

    fn finish(mut self) -> Path {
        self.path.finals = self.registers.iter().map(|register| register.expr).collect();
        for relation in [&mut self.path.addr, &mut self.path.data, &mut self.path.ctrl] {
            relation.sort_unstable();
            relation.dedup();
        }
        self.path
    }
}

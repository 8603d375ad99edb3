//! Expressions: evaluated into a value, and the part of the statement's structure that computes it.

use super::path::{Access, Builder};
use super::structure::Part;
use crate::ast::{Expr, ExprKind, Ordering, Yields};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{ExprId, Operator};

/// A value and the part that computes it.
pub(super) type Evaluated = (ExprId, Part);

impl Builder<'_> {
    /// Evaluates an expression; for its value if `data`, else as an address or a condition.
    pub(super) fn eval(&mut self, expr: &Expr, data: bool) -> Evaluated {
        self.work += 1;
        match &expr.kind {
            ExprKind::Const(value) => (self.int(*value), self.structure.nothing()),
            ExprKind::Register(register) => self.read_local(*register, data),
            ExprKind::Load { address, mode } => {
                let (address, first) = self.eval(address, data);
                let label = Label::Read(*mode);
                let (value, _, second) =
                    self.read(Access { label, address, value: None, atomic: false, data_port: data });
                (value, self.structure.data(first, second))
            }
            ExprKind::Binary { op, left, right } => {
                let (left, first) = self.eval(left, data);
                let (right, second) = self.eval(right, data);
                (self.apply(*op, left, right), self.structure.beside(first, second))
            }
            ExprKind::Exchange { address, value, ordering } => {
                self.ordered(*ordering, |b| b.exchange(address, value, *ordering, data))
            }
            ExprKind::CompareExchange { address, old, new, ordering } => {
                if self.choose() {
                    self.ordered(*ordering, |b| b.compare_exchange(address, old, new, *ordering))
                } else {
                    self.failed_compare_exchange(address, old)
                }
            }
            ExprKind::AtomicOp { address, op, value, yields, ordering } => self.ordered(*ordering, |b| {
                b.atomic_op(address, *op, value, *yields, (read_mode(*ordering), write_mode(*ordering)))
            }),
            ExprKind::AddUnless { address, add, unless, boolean } => {
                if self.choose() {
                    self.ordered(Ordering::Full, |b| b.add_unless(address, add, unless, *boolean))
                } else {
                    self.failed_add_unless(address, unless, *boolean)
                }
            }
            ExprKind::TryLock(address) => self.try_lock(address, data),
            ExprKind::IsLocked(address) => {
                let (address, first) = self.eval(address, data);
                let locked = self.choose();
                let label = if locked { Label::ReadLocked } else { Label::ReadUnlocked };
                let (_, second) = self.lock_event(label, address);
                (self.int(locked.into()), self.structure.data(first, second))
            }
        }
    }

    /// Puts full barriers around a fully ordered operation. The second of them hides where its result comes from, so
    /// that it carries no dependency, and is not ordered before what the same statement does with the result.
    fn ordered(&mut self, ordering: Ordering, operation: impl FnOnce(&mut Self) -> Evaluated) -> Evaluated {
        if ordering != Ordering::Full {
            return operation(self);
        }
        let first = self.fence(Fence::Mb);
        let (value, middle) = operation(self);
        let last = self.fence(Fence::Mb);
        let rest = self.structure.control(middle, last);
        (value, self.structure.control(first, rest))
    }

    /// The read half of a read-modify-write.
    fn atomic_read(&mut self, mode: Mode, address: ExprId, data_port: bool) -> (ExprId, u32, Part) {
        self.read(Access { label: Label::Read(mode), address, value: None, atomic: true, data_port })
    }

    /// The write half.
    fn atomic_write(&mut self, mode: Mode, address: ExprId, value: ExprId, read: u32) -> Part {
        let label = Label::Write(mode);
        let (write, part) = self.access(Access { label, address, value: Some(value), atomic: true, data_port: false });
        self.path.rmw.push((read, write));
        part
    }

    /// The address goes into both halves, the value into the write; the read comes before the write.
    fn exchange(&mut self, address: &Expr, value: &Expr, ordering: Ordering, data: bool) -> Evaluated {
        let (address, place) = self.eval(address, false);
        let (value, operand) = self.eval(value, true);
        let (old, event, read) = self.atomic_read(read_mode(ordering), address, data);
        let write = self.atomic_write(write_mode(ordering), address, value, event);
        let s = &mut self.structure;
        let (from_place, from_operand) = (s.maximals(&place), s.maximals(&operand));
        let (from_read, to_read, to_write) = (s.maximals(&read), s.minimals(&read), s.minimals(&write));
        let output = s.output(&read);
        s.add_data(&from_operand, &to_write);
        s.add_data(&from_place, &to_write);
        s.add_data(&from_place, &to_read);
        s.add_control(&from_read, &to_write);
        (old, Structure::spanning(&place, &write, output))
    }

    /// As an exchange; the expected value only comes before the write.
    fn compare_exchange(&mut self, address: &Expr, old: &Expr, new: &Expr, ordering: Ordering) -> Evaluated {
        let (address, place) = self.eval(address, false);
        let (expected, compared) = self.eval(old, true);
        let (new, operand) = self.eval(new, true);
        let (found, event, read) = self.atomic_read(read_mode(ordering), address, true);
        let write = self.atomic_write(write_mode(ordering), address, new, event);
        self.require_equal(expected, found);
        let s = &mut self.structure;
        let (from_place, from_operand) = (s.maximals(&place), s.maximals(&operand));
        let (from_compared, from_read) = (s.maximals(&compared), s.maximals(&read));
        let (to_read, to_write) = (s.minimals(&read), s.minimals(&write));
        let output = s.output(&read);
        s.add_data(&from_operand, &to_write);
        s.add_data(&from_place, &to_write);
        s.add_data(&from_place, &to_read);
        s.add_control(&from_compared, &to_write);
        s.add_control(&from_read, &to_write);
        (found, Structure::spanning(&place, &write, output))
    }

    /// Only a read, and never ordered.
    fn failed_compare_exchange(&mut self, address: &Expr, old: &Expr) -> Evaluated {
        let (address, place) = self.eval(address, false);
        let (expected, _) = self.eval(old, true);
        let (found, _, read) = self.atomic_read(Mode::Once, address, true);
        self.require_differ(expected, found);
        let s = &mut self.structure;
        let (from_place, to_read, output) = (s.maximals(&place), s.minimals(&read), s.output(&read));
        s.add_data(&from_place, &to_read);
        (found, Structure::spanning(&place, &read, output))
    }

    /// The value written is computed from the value read. The address only goes into the read.
    pub(super) fn atomic_op(
        &mut self,
        address: &Expr,
        op: Operator,
        value: &Expr,
        yields: Yields,
        (read_mode, write_mode): (Mode, Mode),
    ) -> Evaluated {
        let (operand, operand_part) = self.eval(value, true);
        let (address, place) = self.eval(address, false);
        let (old, event, read) = self.atomic_read(read_mode, address, true);
        let reading = self.structure.data(place, read);
        let first = self.structure.beside(operand_part, reading);
        let new = self.apply(op, old, operand);
        let write = self.atomic_write(write_mode, address, new, event);
        let part = self.structure.data_keeping_first(first, write);
        (if yields == Yields::New { new } else { old }, part)
    }

    /// The addition of `atomic_add_unless` when it happens.
    fn add_unless(&mut self, address: &Expr, add: &Expr, unless: &Expr, boolean: bool) -> Evaluated {
        let (address, place) = self.eval(address, false);
        let (added, operand) = self.eval(add, true);
        let (limit, compared) = self.eval(unless, true);
        let (old, event, read) = self.atomic_read(Mode::Once, address, true);
        let new = self.apply(Operator::Add, old, added);
        let write = self.atomic_write(Mode::Once, address, new, event);
        self.require_differ(old, limit);
        let s = &mut self.structure;
        let (from_place, from_operand) = (s.maximals(&place), s.maximals(&operand));
        let (from_compared, from_read) = (s.maximals(&compared), s.maximals(&read));
        let (to_read, to_write) = (s.minimals(&read), s.minimals(&write));
        let mut output = s.output(&read);
        if boolean {
            output.extend(s.output(&compared));
        }
        s.add_data(&from_place, &to_write);
        s.add_data(&from_place, &to_read);
        s.add_data(&from_operand, &to_write);
        s.add_data(&from_read, &to_write);
        s.add_control(&from_compared, &to_write);
        let value = if boolean { self.int(1) } else { old };
        (value, Structure::spanning(&place, &write, output))
    }

    /// `atomic_add_unless` when the limit was found: only a read, and never ordered.
    fn failed_add_unless(&mut self, address: &Expr, unless: &Expr, boolean: bool) -> Evaluated {
        let (address, place) = self.eval(address, false);
        let (limit, compared) = self.eval(unless, true);
        let (old, _, read) = self.atomic_read(Mode::Once, address, true);
        self.require_equal(old, limit);
        let s = &mut self.structure;
        let (from_place, to_read, mut output) = (s.maximals(&place), s.minimals(&read), s.output(&read));
        if boolean {
            output.extend(s.output(&compared));
        }
        s.add_data(&from_place, &to_read);
        let value = if boolean { self.int(0) } else { old };
        (value, Structure::spanning(&place, &read, output))
    }

    fn try_lock(&mut self, address: &Expr, data: bool) -> Evaluated {
        let (address, first) = self.eval(address, data);
        let taken = self.choose();
        let second = if taken { self.lock(address) } else { self.lock_event(Label::LockFail, address).1 };
        (self.int(taken.into()), self.structure.data(first, second))
    }

    /// `LKR`, then `LKW`.
    pub(super) fn lock(&mut self, address: ExprId) -> Part {
        let (_, read) = self.lock_event(Label::LockRead, address);
        let (_, write) = self.lock_event(Label::LockWrite, address);
        self.structure.control(read, write)
    }

    /// An event at a location that neither reads nor writes an ordinary value.
    pub(super) fn lock_event(&mut self, label: Label, address: ExprId) -> (u32, Part) {
        self.access(Access { label, address, value: None, atomic: false, data_port: false })
    }
}

use super::structure::Structure;

fn read_mode(ordering: Ordering) -> Mode {
    if ordering == Ordering::Acquire { Mode::Acquire } else { Mode::Once }
}

fn write_mode(ordering: Ordering) -> Mode {
    if ordering == Ordering::Release { Mode::Release } else { Mode::Once }
}

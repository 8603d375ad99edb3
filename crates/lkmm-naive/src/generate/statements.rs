//! The statements of each theme: what a thread may do next, given the registers that it has assigned and the sections it is in.

use super::{Generator, Scope, Theme};
use crate::syntax::{Atomic, Operand, Ordering, Place, Register, Statement};
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::{Operator, Value};

impl Generator<'_> {
    pub(super) fn marked(&mut self, scope: &mut Scope) -> Statement {
        match self.rng.u8(..16) {
            0..4 => self.fence(),
            4 if self.integers.len() > 1 => {
                let integers = self.integers.clone();
                let loads = [(); 2].map(|()| (self.load_mode(), self.pick(&integers)));
                let register = self.register();
                scope.integers.push(register);
                Statement::LoadBoth(loads, register)
            }
            5 => self.access(Mode::Acquire, scope),
            6 => self.access(Mode::Release, scope),
            _ => self.access(Mode::Once, scope),
        }
    }

    fn load_mode(&mut self) -> Mode {
        self.pick(&[Mode::Once, Mode::Once, Mode::Plain, Mode::Acquire])
    }

    fn fence(&mut self) -> Statement {
        use Fence::*;
        let mut fences = vec![Mb, Mb, Mb, Rmb, Rmb, Wmb, Wmb, Barrier];
        if self.has(Theme::Atomics) {
            fences.extend([BeforeAtomic, AfterAtomic]);
        }
        if self.has(Theme::Locks) {
            fences.extend([AfterSpinlock, AfterUnlockLock]);
        }
        if self.has(Theme::Srcu) {
            fences.push(AfterSrcuReadUnlock);
        }
        Statement::Fence(self.pick(&fences))
    }

    fn register(&mut self) -> Register {
        self.registers += 1;
        self.registers - 1
    }

    /// A load or a store of an integer location. The mode gives way where the direction does not have it.
    pub(super) fn access(&mut self, mode: Mode, scope: &mut Scope) -> Statement {
        let place = self.place(scope);
        let load = match mode {
            Mode::Acquire => true,
            Mode::Release => false,
            _ => self.rng.bool(),
        };
        if load {
            let register = self.register();
            scope.integers.push(register);
            Statement::Load(mode, place, register)
        } else {
            let operand = self.operand(scope);
            Statement::Store(mode, place, operand)
        }
    }

    fn place(&mut self, scope: &Scope) -> Place {
        let integers = self.integers.clone();
        let location = self.pick(&integers);
        if !scope.pointers.is_empty() && self.one_in(3) {
            Place::Deref(self.pick(&scope.pointers))
        } else if !scope.integers.is_empty() && self.one_in(8) {
            Place::Dependent(location, self.pick(&scope.integers))
        } else if self.mixed && self.one_in(4) {
            Place::Static(self.locks[0])
        } else if self.wild && self.one_in(40) && !self.domains.is_empty() {
            Place::Static(self.domains[0])
        } else {
            Place::Static(location)
        }
    }

    fn operand(&mut self, scope: &Scope) -> Operand {
        let constant = Value::Int(self.pick(&[1, 1, 2, 2, 3]));
        if scope.integers.is_empty() {
            return Operand::Const(constant);
        }
        let register = self.pick(&scope.integers);
        match self.rng.u8(..12) {
            0 | 1 => Operand::Register(register),
            2 => Operand::Op(self.pick(&[Operator::Add, Operator::Sub, Operator::Mul]), register, 1),
            3 => Operand::Op(self.pick(&[Operator::And, Operator::Or, Operator::Xor, Operator::Eq]), register, 1),
            4 => Operand::Dependent(register, constant),
            5 if self.wild => Operand::Op(Operator::Div, register, 0),
            _ => Operand::Const(constant),
        }
    }

    pub(super) fn atomic(&mut self, scope: &mut Scope) -> Statement {
        let place = self.place(scope);
        let operand = self.operand(scope);
        let register = self.register();
        let ordering = self.pick(&[Ordering::Full, Ordering::Relaxed, Ordering::Acquire, Ordering::Release]);
        let expected = self.expected(scope);
        let atomic = match self.rng.u8(..12) {
            0..3 => Atomic::Exchange(operand),
            3..6 => Atomic::CompareExchange(expected, operand),
            6 | 7 => Atomic::FetchAdd(operand),
            8 => Atomic::AddReturn(operand),
            9 => Atomic::AddUnless(operand, expected),
            _ => Atomic::Add(operand),
        };
        if matches!(atomic, Atomic::CompareExchange(..)) {
            scope.compared.push(register);
        }
        if !matches!(atomic, Atomic::Add(_)) {
            scope.integers.push(register);
        }
        Statement::Atomic(atomic, ordering, place, register)
    }

    /// What a `cmpxchg` expects: a constant, or what was read before, as in loops that try again.
    fn expected(&mut self, scope: &Scope) -> Operand {
        let known = |&register: &Register| self.stray || !scope.compared.contains(&register);
        let read: Vec<Register> = scope.integers.iter().copied().filter(known).collect();
        if read.is_empty() || self.rng.bool() {
            Operand::Const(Value::Int(self.small()))
        } else {
            Operand::Register(self.pick(&read))
        }
    }

    pub(super) fn lock(&mut self, scope: &mut Scope) -> Statement {
        let locks = self.locks.clone();
        let lock = self.pick(&locks);
        let held = scope.held.contains(&lock);
        match self.rng.u8(..8) {
            0 => {
                let register = self.register();
                scope.integers.push(register);
                Statement::IsLocked(lock, register)
            }
            1 => {
                let register = self.register();
                let mut inside = scope.clone();
                inside.held.clear();
                let body = self.closed_block(1, &inside);
                scope.integers.push(register);
                Statement::TryLock(lock, register, body)
            }
            2..6 if held => {
                scope.held.retain(|&l| l != lock);
                Statement::Unlock(lock)
            }
            6 | 7 if held => {
                let mode = if self.rng.bool() { Mode::Once } else { Mode::Plain };
                self.access(mode, scope)
            }
            7 if self.wild => Statement::Unlock(lock),
            _ => {
                scope.held.push(lock);
                Statement::Lock(lock)
            }
        }
    }

    pub(super) fn rcu(&mut self, scope: &mut Scope) -> Statement {
        match self.rng.u8(..6) {
            0 | 1 if scope.readers > 0 => {
                scope.readers -= 1;
                Statement::Fence(Fence::RcuUnlock)
            }
            0..3 if scope.readers < 2 => {
                scope.readers += 1;
                Statement::Fence(Fence::RcuLock)
            }
            3 | 4 if self.wild && self.one_in(8) => Statement::Fence(Fence::RcuUnlock),
            5 if scope.readers == 0 || self.one_in(4) => Statement::Fence(Fence::SyncRcu),
            _ => self.access(Mode::Once, scope),
        }
    }

    pub(super) fn srcu(&mut self, scope: &mut Scope) -> Statement {
        let domains = self.domains.clone();
        let domain = self.pick(&domains);
        match self.rng.u8(..6) {
            0 | 1 if !scope.indices.is_empty() => {
                let (domain, index) = scope.indices.swap_remove(self.rng.usize(..scope.indices.len()));
                let operand = match self.rng.u8(..6) {
                    0 if self.wild => self.operand(scope),
                    1 if self.wild => Operand::Op(Operator::Add, index, 1),
                    2 if self.wild => {
                        scope.indices.push((domain, index));
                        Operand::Register(index)
                    }
                    _ => Operand::Register(index),
                };
                Statement::SrcuUnlock(domain, operand)
            }
            0..3 if scope.indices.len() < 2 => {
                let register = self.register();
                scope.indices.push((domain, register));
                // An index is an integer: it may be handed on through memory.
                if self.one_in(3) {
                    scope.integers.push(register);
                }
                Statement::SrcuLock(domain, register)
            }
            3 if self.wild && !scope.integers.is_empty() => {
                Statement::SrcuUnlock(domain, Operand::Register(self.pick(&scope.integers)))
            }
            5 => Statement::SyncSrcu(domain),
            _ => self.access(Mode::Once, scope),
        }
    }

    pub(super) fn pointer_constant(&mut self) -> Value {
        if self.wild && self.one_in(20) {
            return Value::Int(0);
        }
        let integers = self.integers.clone();
        Value::Address(self.pick(&integers), 0)
    }

    pub(super) fn through_pointer(&mut self, scope: &mut Scope) -> Statement {
        let pointers = self.pointers.clone();
        let place = Place::Static(self.pick(&pointers));
        match self.rng.u8(..4) {
            0 | 1 => {
                let register = self.register();
                scope.pointers.push(register);
                Statement::Load(self.load_mode(), place, register)
            }
            2 => {
                let operand = if !scope.pointers.is_empty() && self.rng.bool() {
                    Operand::Register(self.pick(&scope.pointers))
                } else {
                    Operand::Const(self.pointer_constant())
                };
                Statement::Store(self.pick(&[Mode::Once, Mode::Release, Mode::Plain]), place, operand)
            }
            _ => self.access(self.themes_mode(), scope),
        }
    }

    fn themes_mode(&self) -> Mode {
        if self.has(Theme::Plain) { Mode::Plain } else { Mode::Once }
    }

    /// Copies a value through a register, often by plain accesses: what out-of-thin-air values are made of.
    pub(super) fn copy(&mut self, scope: &mut Scope) -> Statement {
        let integers = self.integers.clone();
        let place = Place::Static(self.pick(&integers));
        let mode = if self.one_in(3) { Mode::Once } else { Mode::Plain };
        match scope.integers.last() {
            Some(&register) if self.rng.bool() => Statement::Store(mode, place, Operand::Register(register)),
            _ => {
                let register = self.register();
                scope.integers.push(register);
                Statement::Load(mode, place, register)
            }
        }
    }
}

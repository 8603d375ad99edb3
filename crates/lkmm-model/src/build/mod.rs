//! Building programs in Rust, without a litmus file.
//!
//! A [`ProgramBuilder`] makes locations and threads, a [`ThreadBuilder`] the operations of a thread, with the kernel's
//! names and the kernel's meaning. Dependencies need not be declared: what is computed from a [`Register`] depends on the
//! reads that it was loaded by, as [an address](Place), as [a value](Operand), or as the condition of a
//! [branch](ThreadBuilder::branch).
//!
//! ```
//! use lkmm_model::build::ProgramBuilder;
//! use lkmm_model::event::{Fence, Mode};
//!
//! // Message passing: P0 writes data, then a flag; P1 reads the data if it sees the flag.
//! let mut program = ProgramBuilder::new();
//! let (data, flag) = (program.location("data", 0), program.location("flag", 0));
//! let mut writer = program.thread();
//! writer.write(Mode::Once, data, 1);
//! writer.fence(Fence::Wmb);
//! writer.write(Mode::Once, flag, 1);
//! let mut reader = program.thread();
//! let r0 = reader.read(Mode::Acquire, flag, "r0");
//! let r1 = reader.register("r1");
//! reader.when(r0, |reader| {
//!     reader.read(Mode::Once, data, "r1");
//! });
//! program.exists(r0.is(1) & r1.is(0));
//! let program = program.finish();
//! assert_eq!(program.threads[1].paths.len(), 2);
//! ```

mod operand;
mod path;

pub use operand::{Operand, Ordering, Place, Register, address_of, finally};

use crate::event::{Fence, Label, Mode};
use crate::program::{Location, LocationId, Observable, Operator, Program, Proposition, Term, Thread, Value};
use path::{Halves, PathBuilder, Update};

/// Builds a [`Program`].
#[derive(Debug, Default)]
pub struct ProgramBuilder {
    program: Program,
    threads: Vec<State>,
}

/// Builds one thread of a program.
#[derive(Debug)]
pub struct ThreadBuilder<'b> {
    state: &'b mut State,
}

#[derive(Debug)]
struct State {
    number: u32,
    registers: Vec<String>,
    /// The control paths that lead to where the thread stands.
    paths: Vec<PathBuilder>,
    operations: u32,
}

impl ProgramBuilder {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a location with its initial value.
    pub fn location(&mut self, name: &str, init: i32) -> LocationId {
        self.initialised(name, Value::Int(init))
    }

    /// Adds a location that holds the address of another one.
    pub fn pointer(&mut self, name: &str, to: LocationId) -> LocationId {
        self.initialised(name, Value::Address(to, 0))
    }

    fn initialised(&mut self, name: &str, init: Value) -> LocationId {
        self.program.locations.push(Location { name: name.into(), init });
        (self.program.locations.len() - 1) as LocationId
    }

    /// Adds a thread.
    pub fn thread(&mut self) -> ThreadBuilder<'_> {
        let number = self.threads.len() as u32;
        self.threads.push(State { number, registers: Vec::new(), paths: vec![PathBuilder::default()], operations: 0 });
        ThreadBuilder { state: &mut self.threads[number as usize] }
    }

    /// Asks for final states: the condition that executions are counted for, and that verdicts speak of.
    pub fn exists(&mut self, condition: Proposition) {
        self.program.condition = Some(condition);
    }

    /// The program. Every register is observed, and every location that the condition speaks of.
    pub fn finish(self) -> Program {
        let mut program = self.program;
        for State { number, registers, paths, .. } in self.threads {
            program.observed.extend((0..registers.len() as u32).map(|r| Observable::Register(number, r)));
            let paths = paths.into_iter().map(|path| path.finish(registers.len())).collect();
            program.threads.push(Thread { registers, paths });
        }
        if let Some(condition) = &program.condition {
            observe_locations(condition, &mut program.observed);
        }
        program
    }
}

fn observe_locations(condition: &Proposition, observed: &mut Vec<Observable>) {
    match condition {
        Proposition::Equal(left, right, _) => {
            for term in [left, right] {
                if let Term::Final(place @ Observable::Location(_)) = term {
                    if !observed.contains(place) {
                        observed.push(*place);
                    }
                }
            }
        }
        Proposition::And(parts) | Proposition::Or(parts) => {
            parts.iter().for_each(|part| observe_locations(part, observed));
        }
        Proposition::Not(part) => observe_locations(part, observed),
    }
}

/// Each operation is one statement of C; [`EventTemplate::origin`](crate::program::EventTemplate::origin) counts them from
/// 1. A register is made by its first use, and holds 0 until something is assigned to it.
///
/// # Panics
/// Every operation panics if it is given a register of another thread.
impl ThreadBuilder<'_> {
    /// Does an operation on every path that leads here.
    fn each(&mut self, operands: &[&Operand], mut operation: impl FnMut(&mut PathBuilder)) {
        operands.iter().for_each(|operand| self.expect_own(operand));
        self.state.operations += 1;
        for path in &mut self.state.paths {
            path.origin = self.state.operations;
            operation(path);
        }
    }

    /// Does an operation that has two outcomes on every path that leads here.
    fn either(&mut self, operands: &[&Operand], mut operation: impl FnMut(&mut PathBuilder, bool)) {
        let failing = self.state.paths.clone();
        let origin = self.state.operations;
        self.each(operands, |path| operation(path, true));
        let succeeded = std::mem::replace(&mut self.state.paths, failing);
        self.state.operations = origin;
        self.each(operands, |path| operation(path, false));
        self.state.paths.splice(0..0, succeeded);
    }

    fn expect_own(&self, operand: &Operand) {
        match operand {
            Operand::Const(_) => {}
            Operand::Register(register) => {
                assert_eq!(register.thread, self.state.number, "a thread can use its own registers only");
            }
            Operand::Op(_, left, right) => {
                self.expect_own(left);
                self.expect_own(right);
            }
        }
    }

    /// The register of this name.
    pub fn register(&mut self, name: &str) -> Register {
        let registers = &mut self.state.registers;
        let index = registers.iter().position(|known| known == name).unwrap_or(registers.len());
        if index == registers.len() {
            registers.push(name.into());
        }
        Register { thread: self.state.number, index: index as u32 }
    }

    /// Assigns a value to a register; no event.
    pub fn assign(&mut self, register: &str, value: impl Into<Operand>) -> Register {
        let (register, value) = (self.register(register), value.into());
        self.each(&[&value], |path| {
            let value = path.evaluate(&value);
            path.assign(register, value);
        });
        register
    }

    /// A store: `WRITE_ONCE`, `smp_store_release`, or a plain one.
    pub fn write(&mut self, mode: Mode, place: impl Into<Place>, value: impl Into<Operand>) {
        let (Place(place), value) = (place.into(), value.into());
        self.each(&[&place, &value], |path| path.write(mode, &place, &value));
    }

    /// A load into a register: `READ_ONCE`, `smp_load_acquire`, or a plain one.
    pub fn read(&mut self, mode: Mode, place: impl Into<Place>, register: &str) -> Register {
        let (Place(place), register) = (place.into(), self.register(register));
        self.each(&[&place], |path| {
            let value = path.read(mode, &place);
            path.assign(register, value);
        });
        register
    }

    /// A fence, or an RCU event.
    pub fn fence(&mut self, fence: Fence) {
        self.each(&[], |path| path.fence(fence));
    }

    /// `if`: a control path for each arm. Two branches in a row make four paths, ten make a thousand.
    ///
    /// All events in the arms depend, by control, on the reads that the condition is computed from.
    ///
    /// ```
    /// use lkmm_model::build::{Ordering, ProgramBuilder};
    /// use lkmm_model::event::Mode;
    /// use lkmm_model::program::Operator;
    ///
    /// let mut program = ProgramBuilder::new();
    /// let (x, y) = (program.location("x", 0), program.location("y", 0));
    /// let mut thread = program.thread();
    /// let r0 = thread.read(Mode::Once, x, "r0");
    /// thread.branch(
    ///     r0.op(Operator::Lt, 7),
    ///     |thread| thread.write(Mode::Once, y, r0 + 1),
    ///     |thread| {
    ///         thread.xchg(Ordering::Full, y, 0, "r1");
    ///     },
    /// );
    /// let program = program.finish();
    /// let [then, otherwise] = &program.threads[0].paths[..] else { panic!("there are two paths") };
    /// assert_eq!((&then.ctrl, &then.data), (&vec![(0, 1)], &vec![(0, 1)]));
    /// assert_eq!(otherwise.ctrl.len(), 4, "the two halves of the exchange, and its two fences");
    /// ```
    pub fn branch(
        &mut self,
        condition: impl Into<Operand>,
        then: impl FnOnce(&mut Self),
        otherwise: impl FnOnce(&mut Self),
    ) {
        let condition = condition.into();
        self.expect_own(&condition);
        let before = self.state.paths.clone();
        self.state.paths.retain_mut(|path| path.enter(&condition, true));
        then(self);
        let taken = std::mem::replace(&mut self.state.paths, before);
        self.state.paths.retain_mut(|path| path.enter(&condition, false));
        otherwise(self);
        self.state.paths.splice(0..0, taken);
        self.state.paths.iter_mut().for_each(PathBuilder::leave);
    }

    /// `if` without `else`.
    pub fn when(&mut self, condition: impl Into<Operand>, then: impl FnOnce(&mut Self)) {
        self.branch(condition, then, |_| {});
    }

    fn update(&mut self, halves: Halves, place: Place, update: Update, register: Option<&str>) -> Option<Register> {
        let register = register.map(|name| self.register(name));
        let (Update::Replace(operand) | Update::Apply(_, operand)) = &update;
        self.each(&[&place.0, operand], |path| {
            let old = path.update(halves, &place.0, &update, None);
            register.into_iter().for_each(|register| path.assign(register, old.clone()));
        });
        register
    }

    /// `xchg`, `atomic_xchg`: replaces a value, and yields the old one.
    pub fn xchg(
        &mut self,
        ordering: Ordering,
        place: impl Into<Place>,
        new: impl Into<Operand>,
        register: &str,
    ) -> Register {
        let old = self.update(ordering.into(), place.into(), Update::Replace(new.into()), Some(register));
        old.expect("a register was named")
    }

    /// `atomic_fetch_add`, `atomic_fetch_sub`, …: computes with a value, and yields the old one.
    pub fn fetch(
        &mut self,
        ordering: Ordering,
        op: Operator,
        place: impl Into<Place>,
        operand: impl Into<Operand>,
        register: &str,
    ) -> Register {
        let old = self.update(ordering.into(), place.into(), Update::Apply(op, operand.into()), Some(register));
        old.expect("a register was named")
    }

    /// `atomic_add`, `atomic_sub`, …: computes with a value, yields none, and orders nothing.
    pub fn atomic(&mut self, op: Operator, place: impl Into<Place>, operand: impl Into<Operand>) {
        let halves = Halves { read: Mode::Noreturn, write: Mode::Once, full: false };
        self.update(halves, place.into(), Update::Apply(op, operand.into()), None);
    }

    /// `cmpxchg`: replaces a value if it is the expected one, and yields the one it found. It is ordered if it replaces.
    pub fn cmpxchg(
        &mut self,
        ordering: Ordering,
        place: impl Into<Place>,
        expected: impl Into<Operand>,
        new: impl Into<Operand>,
        register: &str,
    ) -> Register {
        let (Place(place), expected, new) = (place.into(), expected.into(), new.into());
        let register = self.register(register);
        let update = Update::Replace(new.clone());
        self.either(&[&place, &expected, &new], |path, succeeds| {
            let found = if succeeds {
                path.update(ordering.into(), &place, &update, Some(&expected))
            } else {
                path.failed_update(&place, &expected)
            };
            path.assign(register, found);
        });
        register
    }

    /// `spin_lock`.
    pub fn lock(&mut self, lock: impl Into<Place>) {
        let Place(lock) = lock.into();
        self.each(&[&lock], |path| path.lock(&lock));
    }

    /// `spin_unlock`.
    pub fn unlock(&mut self, lock: impl Into<Place>) {
        self.at(Label::Unlock, lock.into());
    }

    /// `spin_trylock`: yields 1 if it takes the lock, 0 if not.
    pub fn try_lock(&mut self, lock: impl Into<Place>, register: &str) -> Register {
        let (Place(lock), register) = (lock.into(), self.register(register));
        self.either(&[&lock], |path, takes| {
            let failed = if takes {
                path.lock(&lock);
                None
            } else {
                Some(path.at(Label::LockFail, &lock))
            };
            let answer = path.answer(takes, failed);
            path.assign(register, answer);
        });
        register
    }

    /// `spin_is_locked`: yields 1 if the lock is held, 0 if not.
    pub fn is_locked(&mut self, lock: impl Into<Place>, register: &str) -> Register {
        let (Place(lock), register) = (lock.into(), self.register(register));
        self.either(&[&lock], |path, held| {
            let event = path.at(if held { Label::ReadLocked } else { Label::ReadUnlocked }, &lock);
            let answer = path.answer(held, Some(event));
            path.assign(register, answer);
        });
        register
    }

    fn at(&mut self, label: Label, Place(place): Place) {
        self.each(&[&place], |path| {
            path.at(label, &place);
        });
    }

    /// `rcu_read_lock`.
    pub fn rcu_read_lock(&mut self) {
        self.fence(Fence::RcuLock);
    }

    /// `rcu_read_unlock`.
    pub fn rcu_read_unlock(&mut self) {
        self.fence(Fence::RcuUnlock);
    }

    /// `synchronize_rcu`.
    pub fn synchronize_rcu(&mut self) {
        self.fence(Fence::SyncRcu);
    }

    /// `srcu_read_lock`: yields the index for the [unlock](Self::srcu_read_unlock).
    pub fn srcu_read_lock(&mut self, domain: impl Into<Place>, register: &str) -> Register {
        self.read(Mode::SrcuLock, domain, register)
    }

    /// `srcu_read_unlock`.
    pub fn srcu_read_unlock(&mut self, domain: impl Into<Place>, index: impl Into<Operand>) {
        self.write(Mode::SrcuUnlock, domain, index);
    }

    /// `synchronize_srcu`.
    pub fn synchronize_srcu(&mut self, domain: impl Into<Place>) {
        self.at(Label::SyncSrcu, domain.into());
    }
}

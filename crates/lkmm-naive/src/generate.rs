//! Random closed programs.
//!
//! A program is first drawn as a little syntax tree (loads, stores, atomic operations, locks, read-side critical
//! sections, branches, over registers that hold integers or pointers), whose [themes](Theme) are drawn before it so that
//! its parts have something to do with each other; then every thread is [unfolded](crate::unfold) into control paths,
//! as a front end would. Most programs are well-formed; some leave a lock open, hand a wrong index to `srcu_read_unlock`,
//! or hold dependencies that no expression explains, because the models say something about those as well.

use crate::enumerate::count_candidates;
use crate::syntax::{Atomic, Operand, Ordering, Place, Register, Statement};
use crate::unfold::unfold;
use fastrand::Rng;
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::{
    Location, LocationId, Observable, Operator, Path, Program, Proposition, Term, Thread, Value,
};

/// What programs to generate.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Fewest and most threads.
    pub threads: (usize, usize),
    /// Fewest and most statements, over all threads.
    pub statements: (usize, usize),
    /// No program has more candidate executions, as [`count_candidates`] bounds them; most have far fewer.
    pub candidates: u64,
    /// No path combination has more events, those of the initial writes excluded.
    pub events: usize,
}

impl Default for Config {
    fn default() -> Config {
        Config { threads: (2, 4), statements: (4, 12), candidates: 20_000, events: 40 }
    }
}

/// Generates the program of a seed: the same one each time, for the same configuration.
pub fn generate_from_seed(seed: u64, config: &Config) -> Program {
    generate(&mut Rng::with_seed(seed), config)
}

/// Generates a program.
pub fn generate(rng: &mut Rng, config: &Config) -> Program {
    draft(rng, config, true).program
}

/// A program, and what it was unfolded from.
pub(crate) struct Draft {
    pub(crate) program: Program,
    pub(crate) bodies: Vec<Vec<Statement>>,
    pub(crate) pointers: Vec<LocationId>,
    pub(crate) locks: Vec<LocationId>,
    pub(crate) domains: Vec<LocationId>,
}

/// Generates a program; with dependencies that no expression explains only if `stray`.
pub(crate) fn draft(rng: &mut Rng, config: &Config, stray: bool) -> Draft {
    // Most programs are to be small: the bound is drawn first, on a logarithmic scale.
    let bound = (config.candidates as f64).powf(0.4 + 0.6 * rng.f64()) as u64;
    loop {
        let draft = Generator::new(rng, config, stray).draft();
        let longest = |thread: &Thread| thread.paths.iter().map(|path| path.events.len()).max().unwrap_or(0);
        let events: usize = draft.program.threads.iter().map(longest).sum();
        if events <= config.events && count_candidates(&draft.program) <= bound {
            return draft;
        }
    }
}

/// What a program is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Theme {
    Marked,
    Plain,
    Atomics,
    Locks,
    Rcu,
    Srcu,
    Pointers,
    Copies,
}

const THEMES: [Theme; 8] = [
    Theme::Marked,
    Theme::Plain,
    Theme::Atomics,
    Theme::Locks,
    Theme::Rcu,
    Theme::Srcu,
    Theme::Pointers,
    Theme::Copies,
];

/// The registers that have been assigned so far, by what they hold.
#[derive(Clone, Default)]
struct Scope {
    integers: Vec<Register>,
    pointers: Vec<Register>,
    indices: Vec<(LocationId, Register)>,
    held: Vec<LocationId>,
    readers: usize,
}

struct Generator<'r> {
    rng: &'r mut Rng,
    config: &'r Config,
    themes: Vec<Theme>,
    locations: Vec<Location>,
    integers: Vec<LocationId>,
    pointers: Vec<LocationId>,
    locks: Vec<LocationId>,
    domains: Vec<LocationId>,
    /// The pieces of this program may be ill-formed.
    wild: bool,
    /// And may hold dependencies that no expression explains.
    stray: bool,
    registers: usize,
}

impl<'r> Generator<'r> {
    fn new(rng: &'r mut Rng, config: &'r Config, stray: bool) -> Generator<'r> {
        let mut themes = vec![Theme::Marked];
        for _ in 0..rng.usize(1..4) {
            themes.push(THEMES[rng.usize(..THEMES.len())]);
        }
        let wild = rng.u8(..6) == 0;
        let mut generator = Generator {
            rng,
            config,
            themes,
            locations: Vec::new(),
            integers: Vec::new(),
            pointers: Vec::new(),
            locks: Vec::new(),
            domains: Vec::new(),
            wild,
            stray,
            registers: 0,
        };
        generator.draw_locations();
        generator
    }

    fn draw_locations(&mut self) {
        for name in ["x", "y", "z"].iter().take(self.rng.usize(1..4)) {
            let init = if self.one_in(5) { 1 } else { 0 };
            let location = self.location(name, Value::Int(init));
            self.integers.push(location);
        }
        if self.has(Theme::Pointers) {
            for name in ["p", "q"].iter().take(self.rng.usize(1..3)) {
                let init = self.pointer_constant();
                let location = self.location(name, init);
                self.pointers.push(location);
            }
        }
        if self.has(Theme::Locks) {
            for name in ["l", "m"].iter().take(if self.one_in(4) { 2 } else { 1 }) {
                let location = self.location(name, Value::Int(0));
                self.locks.push(location);
            }
        }
        if self.has(Theme::Srcu) {
            for name in ["s", "t"].iter().take(self.rng.usize(1..3)) {
                let location = self.location(name, Value::Int(0));
                self.domains.push(location);
            }
        }
    }

    fn location(&mut self, name: &str, init: Value) -> LocationId {
        self.locations.push(Location { name: name.to_string(), init });
        self.locations.len() as LocationId - 1
    }

    fn has(&self, theme: Theme) -> bool {
        self.themes.contains(&theme)
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.rng.u32(..n) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.rng.usize(..from.len())]
    }

    fn draft(mut self) -> Draft {
        let threads = self.rng.usize(self.config.threads.0..=self.config.threads.1);
        let statements = self.rng.usize(self.config.statements.0..=self.config.statements.1).max(threads);
        let mut sizes = vec![1; threads];
        for _ in threads..statements {
            sizes[self.rng.usize(..threads)] += 1;
        }
        let mut program = Program::default();
        let mut bodies = Vec::new();
        for size in sizes {
            self.registers = 0;
            let mut scope = Scope::default();
            let mut body = self.block(size, &mut scope);
            self.close(&mut body, &mut scope);
            let registers: Vec<String> = (0..self.registers).map(|r| format!("r{r}")).collect();
            let mut paths = unfold(&body, registers.len());
            bodies.push(body);
            if self.stray && self.wild && self.one_in(2) {
                paths.iter_mut().for_each(|path| self.stray_dependencies(path));
            }
            program.threads.push(Thread { registers, paths });
        }
        program.locations = std::mem::take(&mut self.locations);
        self.draw_questions(&mut program);
        Draft { program, bodies, pointers: self.pointers, locks: self.locks, domains: self.domains }
    }

    /// Statements; those that open a section count for it as a whole.
    fn block(&mut self, size: usize, scope: &mut Scope) -> Vec<Statement> {
        let mut statements = Vec::new();
        let mut left = size;
        while left > 0 {
            left -= 1;
            if left > 0 && self.one_in(6) && !(scope.integers.is_empty() && scope.pointers.is_empty()) {
                let inner = self.rng.usize(1..=left);
                left -= inner;
                let statement = self.branch(inner, scope);
                statements.push(statement);
            } else {
                let statement = self.statement(scope);
                statements.push(statement);
            }
        }
        statements
    }

    /// Ends the sections that are still open, mostly.
    fn close(&mut self, statements: &mut Vec<Statement>, scope: &mut Scope) {
        let sloppy = self.wild && self.one_in(2);
        for lock in std::mem::take(&mut scope.held) {
            if !(sloppy && self.one_in(2)) {
                statements.push(Statement::Unlock(lock));
            }
        }
        for (domain, index) in std::mem::take(&mut scope.indices) {
            if !(sloppy && self.one_in(2)) {
                statements.push(Statement::SrcuUnlock(domain, Operand::Register(index)));
            }
        }
        for _ in 0..std::mem::take(&mut scope.readers) {
            if !(sloppy && self.one_in(2)) {
                statements.push(Statement::Fence(Fence::RcuUnlock));
            }
        }
    }

    /// A block with sections of its own, all closed at its end.
    fn closed_block(&mut self, size: usize, scope: &Scope) -> Vec<Statement> {
        let mut inner =
            Scope { integers: scope.integers.clone(), pointers: scope.pointers.clone(), ..Scope::default() };
        let mut statements = self.block(size, &mut inner);
        self.close(&mut statements, &mut inner);
        statements
    }

    fn branch(&mut self, size: usize, scope: &mut Scope) -> Statement {
        let condition = if !scope.integers.is_empty() && (scope.pointers.is_empty() || self.one_in(2)) {
            let register = self.pick(&scope.integers);
            match self.rng.u8(..4) {
                0 => Operand::Register(register),
                1 => Operand::Op(Operator::Ne, register, self.small()),
                2 if self.one_in(3) => Operand::Op(Operator::Lt, register, self.small()),
                _ => Operand::Op(Operator::Eq, register, self.small()),
            }
        } else {
            let register = self.pick(&scope.pointers);
            if self.one_in(2) { Operand::Register(register) } else { Operand::Op(Operator::Ne, register, 0) }
        };
        let taken = self.closed_block(size, scope);
        let other = if self.one_in(16) {
            vec![Statement::Cut]
        } else if self.one_in(3) {
            self.closed_block(1, scope)
        } else {
            Vec::new()
        };
        if self.one_in(2) { Statement::If(condition, taken, other) } else { Statement::If(condition, other, taken) }
    }

    fn small(&mut self) -> i32 {
        self.rng.i32(0..3)
    }

    fn statement(&mut self, scope: &mut Scope) -> Statement {
        let themes = self.themes.clone();
        match self.pick(&themes) {
            Theme::Marked => self.marked(scope),
            Theme::Plain => self.access(Mode::Plain, scope),
            Theme::Atomics => self.atomic(scope),
            Theme::Locks => self.lock(scope),
            Theme::Rcu => self.rcu(scope),
            Theme::Srcu => self.srcu(scope),
            Theme::Pointers => self.through_pointer(scope),
            Theme::Copies => self.copy(scope),
        }
    }

    fn marked(&mut self, scope: &mut Scope) -> Statement {
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
    fn access(&mut self, mode: Mode, scope: &mut Scope) -> Statement {
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
            5 if self.wild && self.one_in(4) => Operand::Op(Operator::Div, register, 0),
            _ => Operand::Const(constant),
        }
    }

    fn atomic(&mut self, scope: &mut Scope) -> Statement {
        let place = self.place(scope);
        let operand = self.operand(scope);
        let register = self.register();
        let ordering = self.pick(&[Ordering::Full, Ordering::Relaxed, Ordering::Acquire, Ordering::Release]);
        let expected = Operand::Const(Value::Int(self.small()));
        let atomic = match self.rng.u8(..12) {
            0..3 => Atomic::Exchange(operand),
            3..6 => Atomic::CompareExchange(expected, operand),
            6 | 7 => Atomic::FetchAdd(operand),
            8 => Atomic::AddReturn(operand),
            9 => Atomic::AddUnless(operand, expected),
            _ => Atomic::Add(operand),
        };
        if !matches!(atomic, Atomic::Add(_)) {
            scope.integers.push(register);
        }
        Statement::Atomic(atomic, ordering, place, register)
    }

    fn lock(&mut self, scope: &mut Scope) -> Statement {
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

    fn rcu(&mut self, scope: &mut Scope) -> Statement {
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

    fn srcu(&mut self, scope: &mut Scope) -> Statement {
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

    fn pointer_constant(&mut self) -> Value {
        if self.wild && self.one_in(20) {
            return Value::Int(0);
        }
        let integers = self.integers.clone();
        Value::Address(self.pick(&integers), 0)
    }

    fn through_pointer(&mut self, scope: &mut Scope) -> Statement {
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
    fn copy(&mut self, scope: &mut Scope) -> Statement {
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

    /// Adds dependencies that no expression explains.
    fn stray_dependencies(&mut self, path: &mut Path) {
        let reads: Vec<u32> =
            (0..path.events.len() as u32).filter(|&e| path.events[e as usize].label.is_read()).collect();
        for read in reads {
            let later: Vec<u32> = (read + 1..path.events.len() as u32)
                .filter(|&e| path.events[e as usize].label.has_location() && !path.unordered.contains(&(read, e)))
                .collect();
            if later.is_empty() || !self.one_in(3) {
                continue;
            }
            let to = self.pick(&later);
            let writes = path.events[to as usize].label.is_write();
            let relation = match self.rng.u8(..3) {
                0 => &mut path.addr,
                1 if writes => &mut path.data,
                _ => &mut path.ctrl,
            };
            relation.push((read, to));
            relation.sort_unstable();
            relation.dedup();
        }
    }

    fn draw_questions(&mut self, program: &mut Program) {
        let mut all: Vec<Observable> = Vec::new();
        for (t, thread) in program.threads.iter().enumerate() {
            all.extend((0..thread.registers.len()).map(|r| Observable::Register(t as u32, r as u32)));
        }
        let ordinary = self.integers.iter().chain(&self.pointers).copied();
        all.extend(ordinary.map(Observable::Location));
        if self.one_in(10) {
            all.extend(self.locks.iter().chain(&self.domains).copied().map(Observable::Location));
        }
        program.observed = all.iter().copied().filter(|_| !self.one_in(3)).collect();
        if all.is_empty() || self.one_in(16) {
            return;
        }
        // Registers differ more from one execution to another than locations do.
        let registers: Vec<Observable> =
            all.iter().copied().filter(|o| matches!(o, Observable::Register(..))).collect();
        let over = if registers.is_empty() || self.one_in(3) { &all } else { &registers };
        let depth = self.pick(&[0, 0, 1, 1, 2]);
        program.condition = Some(self.proposition(over, depth));
        if self.one_in(8) {
            program.filter = Some(self.proposition(&all, 1));
        }
        // A state holds whatever is asked about.
        let mut asked = Vec::new();
        program.condition.iter().chain(&program.filter).for_each(|p| mentioned(p, &mut asked));
        asked.retain(|o| !program.observed.contains(o));
        asked.sort_unstable();
        asked.dedup();
        program.observed.extend(asked);
    }

    fn proposition(&mut self, over: &[Observable], depth: usize) -> Proposition {
        if depth > 0 && self.one_in(2) {
            let parts = (0..2).map(|_| self.proposition(over, depth - 1)).collect();
            return match self.rng.u8(..5) {
                0 | 1 => Proposition::And(parts),
                2 | 3 => Proposition::Or(parts),
                _ => Proposition::Not(Box::new(Proposition::And(parts))),
            };
        }
        let left = Term::Final(self.pick(over));
        let right = match self.rng.u8(..8) {
            0 => Term::Final(self.pick(over)),
            1 if !self.pointers.is_empty() => Term::Const(self.pointer_constant()),
            _ => Term::Const(Value::Int(self.small())),
        };
        Proposition::Equal(left, right, !self.one_in(4))
    }
}

/// Collects the observables of a proposition.
fn mentioned(proposition: &Proposition, into: &mut Vec<Observable>) {
    match proposition {
        Proposition::Equal(a, b, _) => {
            for term in [a, b] {
                if let Term::Final(observable) = *term {
                    into.push(observable);
                }
            }
        }
        Proposition::And(parts) | Proposition::Or(parts) => parts.iter().for_each(|p| mentioned(p, into)),
        Proposition::Not(p) => mentioned(p, into),
    }
}

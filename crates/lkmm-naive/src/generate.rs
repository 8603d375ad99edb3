//! Random closed programs.
//!
//! A program is first drawn as a little syntax tree (loads, stores, atomic operations, locks, read-side critical
//! sections, branches, over registers that hold integers or pointers), whose [themes](Theme) are drawn before it so that
//! its parts have something to do with each other; then every thread is [unfolded](crate::unfold) into control paths,
//! as a front end would. Most programs are well-formed; some leave a lock open, hand a wrong index to `srcu_read_unlock`,
//! or hold dependencies that no expression explains, because the models say something about those as well.

mod questions;
mod statements;

use crate::enumerate::count_candidates;
use crate::syntax::{Operand, Register, Statement};
use crate::unfold::unfold;
use fastrand::Rng;
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::{Location, LocationId, Operator, Path, Program, Thread, Value};

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

/// Generates a program; with what herd7 cannot be asked about only if `stray`.
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
    /// Registers that a `cmpxchg` returned.
    compared: Vec<Register>,
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
    /// Locks are accessed like other locations, too.
    mixed: bool,
    /// The pieces of this program may be ill-formed.
    wild: bool,
    /// It may hold what herd7 has no word for, or gets wrong: dependencies that no expression explains, if it is wild, and
    /// chained `cmpxchg`s.
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
            mixed: false,
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
            self.mixed = self.one_in(6);
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
        let mut inner = Scope { held: Vec::new(), indices: Vec::new(), readers: 0, ..scope.clone() };
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
}

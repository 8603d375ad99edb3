//! Statements, and the control paths through them.

use super::path::{Access, Builder, Choices, Control};
use super::structure::{Kind, NodeData};
use crate::Options;
use crate::ast::{Expr, ExprKind, Process, Stmt, StmtKind, Yields};
use lkmm_model::event::{Label, Mode};
use lkmm_model::program::{Operator, Path, Value};
use lkmm_report::Problem;
use std::time::Instant;

/// Control paths per thread.
pub(crate) const MAX_PATHS: usize = 65_536;
/// Events per path.
pub(crate) const MAX_EVENTS: usize = 1_024;
/// Statements executed per path, those without events included.
const MAX_STEPS: u32 = 65_536;
/// Events, expressions and dependencies of all paths of all threads; and as many statements executed and operands evaluated.
pub(crate) const MAX_TOTAL: usize = 1 << 21;

/// What is said of a test that would take more.
const TOO_MUCH: &str = "the control paths of the processes are too long and too many";

/// What may be spent on the paths of a test.
pub(crate) struct Budget {
    unroll: u32,
    size: usize,
    work: usize,
    deadline: Option<Instant>,
    is_spent: bool,
}

impl Budget {
    /// A budget of so many events, expressions and dependencies ([`MAX_TOTAL`] at most), and as much work.
    pub(crate) fn new(options: &Options, size: usize) -> Self {
        Budget { unroll: options.unroll, size, work: size, deadline: options.deadline, is_spent: false }
    }

    /// Was it too small?
    pub(crate) fn is_spent(&self) -> bool {
        self.is_spent
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// Why a path goes no further.
enum Stop {
    /// On its way to the end of a labelled block.
    Leave(u32),
    /// At the unroll bound of a loop.
    Truncated,
    /// A limit was passed.
    Limit(String),
    /// The budget was.
    Spent,
}

/// All control paths of a process.
pub(super) fn paths(
    process: &Process,
    initial: &[Value],
    asked: &[u32],
    budget: &mut Budget,
) -> Result<Vec<Path>, Problem> {
    let limit =
        |what: String| Problem::at(what, process.name.clone()).with_help("lower the unroll bound, or split the test");
    let mut choices = Choices::default();
    let mut paths = Vec::new();
    loop {
        // A path costs something even if nothing is executed on it: its locals are set up.
        let mut run = Run { builder: Builder::new(initial, &mut choices), budget, steps: 0, held: Vec::new() };
        run.builder.work = 1 + initial.len() / 8;
        let truncated = match run.block(&process.body) {
            Ok(()) | Err(Stop::Leave(_)) => false,
            Err(Stop::Truncated) => true,
            Err(Stop::Limit(what)) => return Err(limit(what)),
            Err(Stop::Spent) => {
                budget.is_spent = true;
                return Err(limit(TOO_MUCH.to_string()));
            }
        };
        let (size, work) = (run.builder.size() + asked.len(), run.builder.work);
        paths.push(run.builder.finish(asked, truncated));
        if size > budget.size || work > budget.work {
            budget.is_spent = true;
            return Err(limit(TOO_MUCH.to_string()));
        }
        (budget.size, budget.work) = (budget.size - size, budget.work - work);
        if !choices.advance() {
            return Ok(paths);
        }
        if paths.len() >= MAX_PATHS {
            return Err(limit(format!("a process has more than {MAX_PATHS} control paths")));
        }
    }
}

struct Run<'c, 'b> {
    builder: Builder<'c>,
    budget: &'b Budget,
    steps: u32,
    /// The labelled blocks around, and the conditions on which all depends up to their ends.
    held: Vec<(u32, Control)>,
}

impl Run<'_, '_> {
    fn block(&mut self, statements: &[Stmt]) -> Result<(), Stop> {
        statements.iter().try_for_each(|s| self.statement(s))
    }

    fn step(&mut self) -> Result<(), Stop> {
        self.steps += 1;
        self.builder.work += 1;
        if self.builder.work > self.budget.work {
            return Err(Stop::Spent);
        }
        if self.steps % 16 == 1 && self.budget.is_late() {
            return Err(Stop::Limit("time was up before all control paths were found".to_string()));
        }
        if self.steps > MAX_STEPS {
            return Err(Stop::Limit(format!("a control path has more than {MAX_STEPS} statements")));
        }
        if self.builder.path.events.len() > MAX_EVENTS {
            return Err(Stop::Limit(format!("a control path has more than {MAX_EVENTS} events")));
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Stmt) -> Result<(), Stop> {
        self.step()?;
        self.builder.origin = statement.origin;
        match &statement.kind {
            StmtKind::Declare => return Ok(()),
            StmtKind::Block(body) => return self.block(body),
            StmtKind::If { condition, then, otherwise } => {
                return self.conditional(condition, |run, taken| match (taken, otherwise) {
                    (true, _) => run.statement(then),
                    (false, Some(otherwise)) => run.statement(otherwise),
                    (false, None) => Ok(()),
                });
            }
            StmtKind::Loop { condition, body, body_first } => {
                if *body_first {
                    self.statement(body)?;
                }
                return self.iterate(statement, condition, body, u32::from(*body_first));
            }
            StmtKind::Labelled { label, body } => return self.labelled(*label, body),
            StmtKind::Leave(label) => return Err(Stop::Leave(*label)),
            StmtKind::Leaving { label, branch } => return self.leaving(*label, branch),
            StmtKind::Assign { register, value } => self.assign(*register, value),
            StmtKind::Store { address, value, mode } => self.store(address, value, *mode),
            StmtKind::Fence(fence) => drop(self.builder.fence(*fence)),
            StmtKind::Lock(address) => {
                let (address, first) = self.builder.eval(address, false);
                let second = self.builder.lock(address);
                self.builder.structure.data(first, second);
            }
            StmtKind::Unlock(address) => self.at_location(Label::Unlock, address),
            StmtKind::AtomicOp { address, op, value } => {
                self.builder.atomic_op(address, *op, value, Yields::New, (Mode::Noreturn, Mode::Once));
            }
            StmtKind::SyncSrcu(address) => self.at_location(Label::SyncSrcu, address),
        }
        self.builder.end_statement();
        Ok(())
    }

    fn labelled(&mut self, label: u32, body: &[Stmt]) -> Result<(), Stop> {
        let before = self.builder.control.clone();
        self.held.push((label, Control::default()));
        let result = self.block(body);
        self.held.pop();
        match result {
            Err(Stop::Leave(to)) if to == label => {}
            other => other?,
        }
        self.restore(before);
        Ok(())
    }

    /// A branch whose condition decides whether what comes after it is done at all.
    fn leaving(&mut self, label: u32, branch: &Stmt) -> Result<(), Stop> {
        let StmtKind::If { condition, then, otherwise } = &branch.kind else { return self.statement(branch) };
        self.builder.origin = branch.origin;
        self.conditional(condition, |run, taken| {
            let control = run.builder.control.clone();
            if let Some((_, held)) = run.held.iter_mut().find(|(held, _)| *held == label) {
                held.union(&control);
            }
            match (taken, otherwise) {
                (true, _) => run.statement(then),
                (false, Some(otherwise)) => run.statement(otherwise),
                (false, None) => Ok(()),
            }
        })
    }

    /// Behind a condition, what was open before is open again, but for what may leave a block that is still open.
    fn restore(&mut self, before: Control) {
        self.builder.control = before;
        for (_, held) in &self.held {
            self.builder.control.union(held);
        }
    }

    fn assign(&mut self, register: Option<u32>, value: &Expr) {
        let (value, first) = self.builder.eval(value, true);
        if let Some(register) = register {
            let second = self.builder.structure.single(NodeData::new(Kind::RegisterWrite(register), None, false));
            self.builder.structure.data(first, second);
            self.builder.locals[register as usize].value = value;
        }
    }

    fn store(&mut self, address: &Expr, value: &Expr, mode: Mode) {
        let (address, place) = self.builder.eval(address, false);
        let (value, operand) = self.builder.eval(value, true);
        let first = self.builder.structure.beside(place, operand);
        let label = Label::Write(mode);
        let (_, second) =
            self.builder.access(Access { label, address, value: Some(value), atomic: false, data_port: false });
        self.builder.structure.data(first, second);
    }

    fn at_location(&mut self, label: Label, address: &Expr) {
        let (address, first) = self.builder.eval(address, false);
        let (_, second) = self.builder.lock_event(label, address);
        self.builder.structure.data(first, second);
    }

    /// Evaluates a condition, and runs what it controls.
    fn conditional(
        &mut self,
        condition: &Expr,
        arms: impl FnOnce(&mut Self, bool) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        let (mut value, _) = self.builder.eval(condition, false);
        if !is_comparison(condition) {
            let zero = self.builder.int(0);
            value = self.builder.apply(Operator::Ne, value, zero);
        }
        let outer = self.builder.open_condition();
        let taken = self.builder.branch(value);
        let result = arms(self, taken);
        self.restore(outer);
        result
    }

    /// The loop from its test on, of which `turn` turns are done. Each turn is inside the conditions of those before.
    fn iterate(&mut self, statement: &Stmt, condition: &Expr, body: &Stmt, turn: u32) -> Result<(), Stop> {
        let before = self.builder.control.clone();
        let mut turn = turn;
        loop {
            self.step()?;
            self.builder.origin = statement.origin;
            let mut again = false;
            let mut inside = None;
            self.conditional(condition, |run, taken| {
                again = taken;
                inside = Some(run.builder.control.clone());
                Ok(())
            })?;
            if !again {
                break;
            }
            if turn >= self.budget.unroll {
                return Err(Stop::Truncated);
            }
            if let Some(inside) = inside {
                self.builder.control = inside;
            }
            self.statement(body)?;
            turn += 1;
        }
        self.restore(before);
        Ok(())
    }
}

fn is_comparison(expr: &Expr) -> bool {
    use Operator::{Eq, Ge, Gt, Le, Lt, Ne};
    matches!(expr.kind, ExprKind::Binary { op: Eq | Ne | Lt | Le | Gt | Ge, .. })
}

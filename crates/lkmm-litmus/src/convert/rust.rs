//! Processes written in Rust: statements.

use super::guards::{self, Held, Step};
use super::infer::{Type, Types};
use super::names::{self, Names};
use super::rust_signature::initial;
use super::scopes::{self, Uses, body, flat};
use super::{Comments, Observed, refused};
use crate::ast::{Expr, ExprKind, Process, Register, Stmt, StmtKind};
use crate::state::init::Entry;
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::Operator;
use lkmm_report::{Origin, Problem};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// Columns that a signature may take.
const WIDTH: usize = 100;

/// What a parameter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Atomic,
    Pointer,
    Lock,
    Domain,
}

/// A process that is being written.
pub(super) struct Writer<'a> {
    pub(super) types: &'a mut Types,
    pub(super) number: usize,
    pub(super) names: Names,
    pub(super) kinds: Vec<Kind>,
    pub(super) origins: &'a [Origin],
    /// Of the statement that is being written.
    pub(super) origin: u32,
    pub(super) uses: BTreeMap<Register, Uses>,
    pub(super) guarded: BTreeSet<Held>,
    /// The names of the guards that are held.
    pub(super) guards: Vec<(Held, String)>,
    /// Statements that are not written, because a guard ends; and those whose guard is.
    pub(super) implicit: BTreeSet<*const Stmt>,
    pub(super) comments: Comments<'a>,
    pub(super) out: String,
    pub(super) indent: usize,
}

/// Writes a process.
pub(super) fn process(
    types: &mut Types,
    (number, process): (usize, &Process),
    init: &[Entry],
    observed: &Observed,
    origins: &[Origin],
    source: &str,
) -> Result<String, Problem> {
    let empty = BTreeSet::new();
    let kept: BTreeSet<&str> = observed.of(number).unwrap_or(&empty).iter().map(String::as_str).collect();
    let names = Names::new(process, &kept, names::rust)
        .map_err(|name| refused(format!("`{name}` is no name in Rust"), process.name.clone()))?;
    let mut uses = scopes::uses(&process.body, process.parameters.len());
    for (register, uses) in &mut uses {
        let name = process.registers[*register as usize].as_str();
        let given = initial(init, number, name).is_some();
        if given || kept.contains(name) && !scopes::is_outermost(uses) {
            uses.declared_by = None;
        }
    }
    let guarded = guards::held_by_guards(process, &kept);
    let mut writer = Writer {
        kinds: Vec::new(),
        types,
        number,
        names,
        origins,
        origin: 0,
        uses,
        implicit: guards::implicit(&flat(&process.body), &guarded, None),
        guarded,
        guards: Vec::new(),
        comments: Comments::new(source, process),
        out: String::new(),
        indent: 1,
    };
    writer.kinds = writer.parameter_kinds(process)?;
    let text = writer.process(process, init, &kept)?;
    Ok(text)
}

impl Writer<'_> {
    pub(super) fn problem(&self, what: impl Into<String>) -> Problem {
        refused(what.into(), self.origins.get(self.origin as usize).map_or(0..0, |origin| origin.span.clone()))
    }

    fn process(&mut self, process: &Process, init: &[Entry], kept: &BTreeSet<&str>) -> Result<String, Problem> {
        let mut parameters = Vec::new();
        for (index, (register, _)) in process.parameters.iter().enumerate() {
            let content = self.types.content(&process.registers[*register as usize]);
            let content = rust_type(&content);
            let ty = match self.kinds[index] {
                Kind::Atomic => format!("&Atomic<{content}>"),
                Kind::Pointer => format!("*mut {content}"),
                Kind::Lock => "&SpinLock<()>".into(),
                Kind::Domain => "&srcu::Domain".into(),
            };
            let mutable = if self.assigns(process, *register) { "mut " } else { "" };
            parameters.push(format!("{mutable}{}: {ty}", self.names.register(*register)));
        }
        self.declarations(process, init, kept, &mut parameters)?;
        let declared = std::mem::take(&mut self.out);
        self.statements(&flat(&process.body))?;
        self.comments.rest(&mut self.out, self.indent);
        let number = self.number;
        let mut text = format!("fn P{number}({}) {{\n", parameters.join(", "));
        if text.len() > WIDTH + 1 {
            text = format!("fn P{number}(\n    {},\n) {{\n", parameters.join(",\n    "));
        }
        text.push_str(&declared);
        text.push_str(&self.out);
        if declared.is_empty() && self.out.is_empty() {
            text.truncate(text.len() - 1);
        }
        text.push_str("}\n");
        Ok(text)
    }

    pub(super) fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:width$}{text}", "", width = self.indent * 4);
    }

    pub(super) fn statements(&mut self, statements: &[&Stmt]) -> Result<(), Problem> {
        let mut at = 0;
        while at < statements.len() {
            let statement = statements[at];
            at += 1;
            self.begin(statement);
            let next = statements.get(at).copied();
            match guards::try_assignment(statement) {
                Some((lock, register)) if self.guarded.contains(&Held::Lock(lock)) => {
                    // What follows asks for it.
                    at += 1;
                    self.tried(statement, lock, register, next)?;
                }
                Some((lock, register)) => self.tried_and_forgotten(statement, lock, register)?,
                None => self.statement(statement)?,
            }
        }
        Ok(())
    }

    fn begin(&mut self, statement: &Stmt) {
        self.origin = statement.origin;
        if let Some(origin) = self.origins.get(statement.origin as usize) {
            self.comments.before(&origin.span, &mut self.out, self.indent);
        }
    }

    fn statement(&mut self, statement: &Stmt) -> Result<(), Problem> {
        match guards::step(statement) {
            Some(Step::Begin(held)) if self.guarded.contains(&held) => return self.begin_guard(statement, held),
            Some(Step::End(held)) if self.guarded.contains(&held) => return self.end_guard(statement, held),
            _ => {}
        }
        match &statement.kind {
            // C has none of the last.
            StmtKind::Declare | StmtKind::Labelled { .. } | StmtKind::Leave(_) | StmtKind::Leaving { .. } => {}
            StmtKind::Block(inner) => self.statements(&flat(inner))?,
            StmtKind::If { condition, then, otherwise } => self.branch(condition, then, otherwise.as_deref(), "")?,
            StmtKind::Loop { condition, body, body_first } => self.repeat(condition, body, *body_first)?,
            StmtKind::Assign { register, value } => self.assign(statement, *register, value)?,
            StmtKind::Store { address, value, mode } => self.store(address, value, *mode)?,
            StmtKind::Fence(Fence::RcuLock | Fence::RcuUnlock) => {
                return Err(self.problem("a reader of RCU that does not end in the block in which it begins"));
            }
            StmtKind::Fence(fence) => {
                let name = fence.function();
                self.line(&format!("{name}();"));
            }
            StmtKind::Lock(address) => {
                let lock = self.lock(address)?;
                self.line(&format!("forget({lock}.lock());"));
            }
            StmtKind::Unlock(address) => {
                let lock = self.lock(address)?;
                self.line(&format!("drop(unsafe {{ SpinLockGuard::new({lock}) }});"));
            }
            StmtKind::AtomicOp { address, op, value } => {
                let content = self.number_at(address)?;
                let receiver = self.receiver(address, false)?;
                let value = match (op, &value.kind) {
                    (Operator::Add, _) => self.value(value, &content, false)?,
                    (Operator::Sub, ExprKind::Const(number)) => number.wrapping_neg().to_string(),
                    (Operator::Sub, _) => format!("0 - {}", self.operand(value, false)?),
                    _ => return Err(self.problem("an atomic operation that is neither an addition nor a subtraction")),
                };
                self.line(&format!("{receiver}.add({value}, Relaxed);"));
            }
            StmtKind::SyncSrcu(address) => {
                let domain = self.lock(address)?;
                self.line(&format!("{domain}.synchronize();"));
            }
        }
        Ok(())
    }

    fn assign(&mut self, statement: &Stmt, register: Option<Register>, value: &Expr) -> Result<(), Problem> {
        let Some(register) = register else {
            let ty = self.types.expr(self.number, value);
            let text = self.value(value, &ty, false)?;
            let bare =
                matches!(value.kind, ExprKind::Load { .. } | ExprKind::Exchange { .. } | ExprKind::AtomicOp { .. });
            let plain = matches!(value.kind, ExprKind::Load { mode: Mode::Plain, .. });
            self.line(&if bare && !plain { format!("{text};") } else { format!("let _ = {text};") });
            return Ok(());
        };
        let ty = self.types.register(self.number, register);
        let text = self.value(value, &ty, false)?;
        let name = self.names.register(register);
        let declares = self.declares(statement, register);
        let text = match declares {
            Some(mutable) => {
                let known = !matches!(value.kind, ExprKind::Const(0)) || !ty.is_pointer();
                let annotation = if known { String::new() } else { format!(": {}", rust_type(&ty)) };
                format!("let {mutable}{name}{annotation} = {text};")
            }
            None => format!("{name} = {text};"),
        };
        self.line(&text);
        Ok(())
    }

    /// Does a statement declare its register, and how?
    pub(super) fn declares(&self, statement: &Stmt, register: Register) -> Option<&'static str> {
        let uses = self.uses.get(&register)?;
        let here = uses.declared_by == Some(std::ptr::from_ref(statement));
        here.then(|| if uses.is_mutable() { "mut " } else { "" })
    }

    fn store(&mut self, address: &Expr, value: &Expr, mode: Mode) -> Result<(), Problem> {
        if mode == Mode::SrcuUnlock {
            let domain = self.lock(address)?;
            let value = self.value(value, &Type::Int, false)?;
            self.line(&format!("unsafe {{ {domain}.up_read({value}) }};"));
            return Ok(());
        }
        let content = self.pointee(address);
        let text = match mode {
            Mode::Plain => {
                let place = self.place(address)?;
                let value = self.value(value, &content, true)?;
                format!("unsafe {{ {place} = {value} }};")
            }
            _ => {
                let receiver = self.receiver(address, false)?;
                let assigns = self.origin_text().contains("rcu_assign_pointer") && content.is_pointer();
                let value = self.value(value, &content, false)?;
                match mode {
                    Mode::Release if assigns && self.is_atomic(address) => format!("rcu::assign({receiver}, {value});"),
                    Mode::Release => format!("{receiver}.store({value}, Release);"),
                    _ => format!("{receiver}.store({value}, Relaxed);"),
                }
            }
        };
        self.line(&text);
        Ok(())
    }

    pub(super) fn origin_text(&self) -> &str {
        self.origins.get(self.origin as usize).map_or("", |origin| origin.text.as_str())
    }

    /// A lock or a domain, on which a method is called.
    pub(super) fn lock(&self, address: &Expr) -> Result<String, Problem> {
        match address.kind {
            ExprKind::Register(register) => self.lock_named(register),
            _ => Err(self.problem("a lock or an SRCU domain behind a pointer")),
        }
    }

    pub(super) fn lock_named(&self, register: Register) -> Result<String, Problem> {
        match self.kinds.get(register as usize) {
            Some(Kind::Lock | Kind::Domain) => Ok(self.names.register(register).to_string()),
            _ => Err(self.problem("a lock or an SRCU domain behind a pointer")),
        }
    }

    fn branch(&mut self, condition: &Expr, then: &Stmt, otherwise: Option<&Stmt>, before: &str) -> Result<(), Problem> {
        if let Some((lock, holds)) = guards::tried(condition) {
            let attempt = format!("{}.try_lock()", self.lock_named(lock)?);
            return self.taken(lock, &attempt, holds, then, otherwise, before);
        }
        let condition = self.condition(condition, false)?;
        self.line(&format!("{before}if {condition} {{"));
        let guards = self.guards.clone();
        let after = self.block(&body(then))?;
        let other = otherwise.map_or(Vec::new(), body);
        self.guards = guards;
        match &other[..] {
            [] => self.line("}"),
            [Stmt { kind: StmtKind::If { condition, then, otherwise }, origin }]
                if guards::tried(condition).is_none() =>
            {
                self.origin = *origin;
                let before = self.out.len();
                self.branch(condition, then, otherwise.as_deref(), "} else ")?;
                debug_assert!(self.out.len() > before);
            }
            other => {
                self.line("} else {");
                self.block(other)?;
                self.line("}");
            }
        }
        self.guards = after;
        Ok(())
    }

    /// A block, one level deeper; the guards that are held behind it.
    fn block(&mut self, statements: &[&Stmt]) -> Result<Vec<(Held, String)>, Problem> {
        self.implicit.extend(guards::implicit(statements, &self.guarded, None));
        self.indent += 1;
        self.statements(statements)?;
        self.indent -= 1;
        Ok(self.guards.clone())
    }

    fn repeat(&mut self, condition: &Expr, turn: &Stmt, body_first: bool) -> Result<(), Problem> {
        if body_first && !body(turn).is_empty() {
            self.line("loop {");
            self.indent += 1;
            self.statements(&body(turn))?;
            let end = self.opposite(condition)?;
            self.line(&format!("if {end} {{"));
            self.line("    break;");
            self.line("}");
            self.indent -= 1;
            self.line("}");
            return Ok(());
        }
        let condition = self.condition(condition, false)?;
        if body(turn).is_empty() {
            self.line(&format!("while {condition} {{}}"));
            return Ok(());
        }
        let keyword = if condition == "true" { "loop".into() } else { format!("while {condition}") };
        self.line(&format!("{keyword} {{"));
        self.block(&body(turn))?;
        self.line("}");
        Ok(())
    }
}

pub(super) fn rust_type(ty: &Type) -> String {
    match ty {
        Type::Int => "i32".into(),
        Type::Pointer(to) => format!("*mut {}", rust_type(to)),
    }
}

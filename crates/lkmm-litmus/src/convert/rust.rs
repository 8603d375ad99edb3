//! Processes written in Rust: statements.

use super::guards::{self, Held, Step};
use super::infer::{Type, Types};
use super::names::{self, Names};
use super::scopes::{self, Uses, body, flat, operands};
use super::{Comments, Observed, refused};
use crate::ast::{Expr, ExprKind, Process, Register, Stmt, StmtKind};
use crate::state::init::Entry;
use crate::state::{Literal, Place};
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
    uses: BTreeMap<Register, Uses>,
    guarded: BTreeSet<Held>,
    /// The names of the guards that are held.
    guards: Vec<(Held, String)>,
    /// Statements that are not written, because a guard ends; and those whose guard is.
    implicit: BTreeSet<*const Stmt>,
    comments: Comments<'a>,
    out: String,
    indent: usize,
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

/// The initial value of a local.
fn initial<'i>(init: &'i [Entry], number: usize, name: &str) -> Option<&'i Literal> {
    let entry =
        init.iter().find(|entry| matches!(&entry.place, Place::Register(p, n) if *p as usize == number && n == name));
    entry.and_then(|entry| entry.values.first())
}

/// What is done with a parameter.
#[derive(Clone, Copy, Default)]
struct Done {
    marked: bool,
    plain: bool,
    locked: bool,
    domain: bool,
    value: bool,
    assigned: bool,
}

impl Writer<'_> {
    pub(super) fn problem(&self, what: impl Into<String>) -> Problem {
        refused(what.into(), self.origins.get(self.origin as usize).map_or(0..0, |origin| origin.span.clone()))
    }

    /// What each parameter is, from what is done with it.
    fn parameter_kinds(&mut self, process: &Process) -> Result<Vec<Kind>, Problem> {
        let mut found = vec![Done::default(); process.parameters.len()];
        guards::for_each_statement(&flat(&process.body), &mut |statement| {
            let mut at = |address: &Expr, set: fn(&mut Done)| {
                if let ExprKind::Register(register) = address.kind {
                    if let Some(uses) = found.get_mut(register as usize) {
                        set(uses);
                        return;
                    }
                }
                visit(address, &mut found);
            };
            match &statement.kind {
                StmtKind::Store { address, value, mode } => {
                    at(address, access(*mode));
                    visit(value, &mut found);
                }
                StmtKind::AtomicOp { address, value, .. } => {
                    at(address, |uses| uses.marked = true);
                    visit(value, &mut found);
                }
                StmtKind::Lock(address) | StmtKind::Unlock(address) => at(address, |uses| uses.locked = true),
                StmtKind::SyncSrcu(address) => at(address, |uses| uses.domain = true),
                StmtKind::Assign { register, value } => {
                    visit(value, &mut found);
                    if let Some(uses) = register.and_then(|register| found.get_mut(register as usize)) {
                        uses.assigned = true;
                    }
                }
                _ => guards::expressions(statement).into_iter().for_each(|expr| visit(expr, &mut found)),
            }
        });
        let kinds = process.parameters.iter().zip(&found).map(|((register, span), uses)| {
            let name = &process.registers[*register as usize];
            let accessed = uses.marked || uses.plain || uses.value || uses.assigned;
            match (uses.locked, uses.domain) {
                (true, true) => Err(refused(format!("`{name}` is a lock and an SRCU domain"), span.clone())),
                (true, false) | (false, true) if accessed => {
                    Err(refused(format!("`{name}` is a lock or an SRCU domain, and used otherwise"), span.clone()))
                }
                (true, false) => Ok(Kind::Lock),
                (false, true) => Ok(Kind::Domain),
                (false, false) if uses.assigned => Ok(Kind::Pointer),
                (false, false) if uses.marked || !uses.plain && !uses.value => Ok(Kind::Atomic),
                (false, false) => Ok(Kind::Pointer),
            }
        });
        kinds.collect()
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

    fn assigns(&self, process: &Process, register: Register) -> bool {
        let mut assigns = false;
        guards::for_each_statement(&flat(&process.body), &mut |statement| {
            assigns |= matches!(&statement.kind, StmtKind::Assign { register: Some(r), .. } if *r == register);
        });
        assigns
    }

    /// Declares what has its value from the beginning.
    fn declarations(
        &mut self,
        process: &Process,
        init: &[Entry],
        kept: &BTreeSet<&str>,
        parameters: &mut Vec<String>,
    ) -> Result<(), Problem> {
        let mut declared = BTreeSet::new();
        let first: Vec<Register> =
            self.uses.iter().filter(|(_, uses)| uses.declared_by.is_none()).map(|(register, _)| *register).collect();
        for register in first {
            let uses = self.uses[&register].clone();
            let name = self.names.register(register).to_string();
            let source_name = process.registers[register as usize].clone();
            let ty = self.types.register(self.number, register);
            let value = match initial(init, self.number, &source_name) {
                Some(literal) => self.literal(process, literal, &ty, parameters)?,
                None if ty.is_pointer() => "ptr::null_mut()".to_string(),
                None => "0".to_string(),
            };
            let annotation = if ty.is_pointer() { format!(": {}", rust_type(&ty)) } else { String::new() };
            let mutable = if uses.assigned > 0 { "mut " } else { "" };
            self.line(&format!("let {mutable}{name}{annotation} = {value};"));
            declared.insert(source_name);
        }
        // What the condition asks for, and nothing in the process names.
        for name in kept {
            if self.is_bound(process, name) {
                continue;
            }
            let Some(rust) = names::rust(name) else {
                return Err(refused(format!("`{name}` is no name in Rust"), process.name.clone()));
            };
            let value = match initial(init, self.number, name) {
                Some(literal) => self.literal(process, literal, &Type::Int, parameters)?,
                None => "0".into(),
            };
            self.line(&format!("let {rust} = {value};"));
        }
        Ok(())
    }

    /// Does something in the process give a name a value, or is it a parameter?
    fn is_bound(&self, process: &Process, name: &str) -> bool {
        let mut registers = (0..).zip(&process.registers).filter(|(_, register)| *register == name);
        registers
            .any(|(register, _)| (register as usize) < process.parameters.len() || self.uses.contains_key(&register))
    }

    /// An initial value; the address of a location that is no parameter makes it one.
    fn literal(
        &mut self,
        process: &Process,
        literal: &Literal,
        ty: &Type,
        parameters: &mut Vec<String>,
    ) -> Result<String, Problem> {
        let (name, offset) = match literal {
            Literal::Int(0) if ty.is_pointer() => return Ok("ptr::null_mut()".into()),
            Literal::Int(value) => return Ok(value.to_string()),
            Literal::Address(name, offset) => (name, *offset),
        };
        let known = process.parameters.iter().position(|(register, _)| process.registers[*register as usize] == *name);
        let pointer = match known {
            Some(index) if self.kinds[index] == Kind::Atomic => format!("{name}.as_ptr()"),
            Some(_) => name.clone(),
            None => {
                let content = rust_type(&self.types.content(name));
                let taken = process.registers.iter().any(|register| register == name);
                let Some(parameter) = names::rust(name).filter(|_| !taken) else {
                    return Err(refused(format!("`{name}` is a local and a location"), process.name.clone()));
                };
                let text = format!("{parameter}: *mut {content}");
                if !parameters.contains(&text) {
                    parameters.push(text);
                }
                parameter
            }
        };
        Ok(if offset == 0 { pointer } else { format!("{pointer}.wrapping_byte_add({offset})") })
    }

    pub(super) fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{:width$}{text}", "", width = self.indent * 4);
    }

    fn statements(&mut self, statements: &[&Stmt]) -> Result<(), Problem> {
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
            StmtKind::Declare => {}
            StmtKind::Block(inner) => self.statements(&flat(inner))?,
            StmtKind::If { condition, then, otherwise } => self.branch(condition, then, otherwise.as_deref(), "")?,
            StmtKind::Loop { condition, body, body_first } => self.repeat(condition, body, *body_first)?,
            StmtKind::Assign { register, value } => self.assign(statement, *register, value)?,
            StmtKind::Store { address, value, mode } => self.store(address, value, *mode)?,
            StmtKind::Fence(Fence::RcuLock | Fence::RcuUnlock) => {
                return Err(self.problem("a reader of RCU that does not end in the block in which it begins"));
            }
            StmtKind::Fence(fence) => {
                let name = fence_name(*fence);
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
                let content = self.pointee(address);
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
    fn declares(&self, statement: &Stmt, register: Register) -> Option<&'static str> {
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

    fn lock_named(&self, register: Register) -> Result<String, Problem> {
        match self.kinds.get(register as usize) {
            Some(Kind::Lock | Kind::Domain) => Ok(self.names.register(register).to_string()),
            _ => Err(self.problem("a lock or an SRCU domain behind a pointer")),
        }
    }

    /// A name for a guard.
    fn guard_name(&mut self, held: Held, statement: *const Stmt) -> String {
        let like = match held {
            Held::Srcu(register) => return self.names.register(register).to_string(),
            Held::Rcu => "reader".to_string(),
            Held::Lock(lock) => {
                let others = self.guarded.iter().any(|h| matches!(h, Held::Lock(other) if *other != lock));
                if others { format!("{}_guard", self.names.register(lock)) } else { "guard".into() }
            }
        };
        let underscore = if self.implicit.contains(&statement) { "_" } else { "" };
        let in_use = |name: &String| self.guards.iter().any(|(_, used)| used == name);
        let like = format!("{underscore}{like}");
        // The name of a guard that has been dropped is free again.
        if self.guards.iter().all(|(_, used)| *used != like) && self.is_guard_name(&like) {
            return like;
        }
        let numbered = (2..).map(|n| format!("{like}{n}"));
        let name = std::iter::once(like.clone()).chain(numbered).find(|name| !in_use(name) && self.is_guard_name(name));
        name.unwrap_or(like)
    }

    /// Is it no register's name?
    fn is_guard_name(&self, name: &str) -> bool {
        !self.names.is_taken(name)
    }

    fn begin_guard(&mut self, statement: &Stmt, held: Held) -> Result<(), Problem> {
        let text = match (&statement.kind, held) {
            (StmtKind::Lock(lock), _) => format!("{}.lock()", self.lock(lock)?),
            (StmtKind::Assign { value, .. }, _) => {
                let domain = operands(value).first().map(|address| self.lock(address));
                format!("{}.read_lock()", domain.unwrap_or(Ok(String::new()))?)
            }
            _ => "rcu::read_lock()".into(),
        };
        let name = self.guard_name(held, statement);
        self.guards.push((held, name.clone()));
        self.line(&format!("let {name} = {text};"));
        Ok(())
    }

    fn end_guard(&mut self, statement: &Stmt, held: Held) -> Result<(), Problem> {
        let at = self.guards.iter().rposition(|(h, _)| *h == held);
        let Some((_, name)) = at.map(|at| self.guards.remove(at)) else {
            return Err(self.problem("something ends here that did not begin"));
        };
        if !self.implicit.contains(&std::ptr::from_ref(statement)) {
            self.line(&format!("drop({name});"));
        }
        Ok(())
    }

    /// `r = spin_trylock(l); if (r) …`
    fn tried(
        &mut self,
        statement: &Stmt,
        lock: Register,
        register: Register,
        next: Option<&Stmt>,
    ) -> Result<(), Problem> {
        let Some(Stmt { kind: StmtKind::If { condition, then, otherwise }, .. }) = next else {
            return Err(self.problem("nothing asks whether this lock was taken"));
        };
        let lock_name = self.lock_named(lock)?;
        let attempt = self.names.fresh("attempt", names::rust);
        self.line(&format!("let {attempt} = {lock_name}.try_lock();"));
        let needed = self.uses.get(&register).is_some_and(|uses| uses.read > 1 || uses.assigned > 1)
            || self.is_observed(register);
        if needed {
            let text = format!("{attempt}.is_some() as i32");
            let name = self.names.register(register).to_string();
            let declares = self.declares(statement, register);
            self.line(&match declares {
                Some(mutable) => format!("let {mutable}{name} = {text};"),
                None => format!("{name} = {text};"),
            });
        }
        let holds = guards::asks_for(condition, register).unwrap_or(true);
        self.taken(lock, &attempt, holds, then, otherwise.as_deref(), "")
    }

    fn is_observed(&self, register: Register) -> bool {
        self.names.is_kept(register)
    }

    /// `if let Some(guard) = … { … } else { … }`
    fn taken(
        &mut self,
        lock: Register,
        attempt: &str,
        holds: bool,
        then: &Stmt,
        otherwise: Option<&Stmt>,
        before: &str,
    ) -> Result<(), Problem> {
        let nothing = Vec::new();
        let other = otherwise.map_or(nothing, body);
        let (taken, failed) = if holds { (body(then), other) } else { (other, body(then)) };
        let held = Held::Lock(lock);
        let ends = guards::implicit(&taken, &self.guarded, Some(held));
        let implicit = ends.contains(&std::ptr::null());
        self.implicit.extend(ends.into_iter().filter(|statement| !statement.is_null()));
        let guards = self.guards.clone();
        if implicit {
            self.implicit.insert(std::ptr::null());
        }
        let name = self.guard_name(held, std::ptr::null());
        self.implicit.remove(&std::ptr::null());
        let raw = !self.guarded.contains(&held);
        self.line(&format!("{before}if let Some({name}) = {attempt} {{"));
        self.indent += 1;
        if raw {
            self.line(&format!("forget({name});"));
        } else {
            self.guards.push((held, name));
        }
        self.statements(&taken)?;
        self.indent -= 1;
        let after = std::mem::replace(&mut self.guards, guards);
        if failed.is_empty() {
            self.line("}");
        } else {
            self.line("} else {");
            self.indent += 1;
            self.statements(&failed)?;
            self.indent -= 1;
            self.line("}");
        }
        self.guards = after;
        Ok(())
    }

    /// A `spin_trylock` whose lock is unlocked where its guard cannot be.
    fn tried_and_forgotten(&mut self, statement: &Stmt, lock: Register, register: Register) -> Result<(), Problem> {
        let lock = self.lock_named(lock)?;
        let attempt = self.names.fresh("attempt", names::rust);
        self.line(&format!("let {attempt} = {lock}.try_lock();"));
        let name = self.names.register(register).to_string();
        let declares = self.declares(statement, register);
        self.line(&match declares {
            Some(mutable) => format!("let {mutable}{name} = {attempt}.is_some() as i32;"),
            None => format!("{name} = {attempt}.is_some() as i32;"),
        });
        self.line(&format!("forget({attempt});"));
        Ok(())
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

fn access(mode: Mode) -> fn(&mut Done) {
    match mode {
        Mode::Plain => |uses| uses.plain = true,
        Mode::SrcuLock | Mode::SrcuUnlock => |uses| uses.domain = true,
        _ => |uses| uses.marked = true,
    }
}

/// Looks at what an expression does with parameters.
fn visit(expr: &Expr, found: &mut [Done]) {
    let (address, set): (Option<&Expr>, fn(&mut Done)) = match &expr.kind {
        ExprKind::Load { address, mode } => (Some(address), access(*mode)),
        ExprKind::Exchange { address, .. }
        | ExprKind::CompareExchange { address, .. }
        | ExprKind::AtomicOp { address, .. }
        | ExprKind::AddUnless { address, .. } => (Some(address), |uses| uses.marked = true),
        ExprKind::TryLock(address) | ExprKind::IsLocked(address) => (Some(address), |uses| uses.locked = true),
        ExprKind::Register(register) => {
            if let Some(uses) = found.get_mut(*register as usize) {
                uses.value = true;
            }
            (None, |_| {})
        }
        _ => (None, |_| {}),
    };
    let direct = address.and_then(|address| match address.kind {
        ExprKind::Register(register) if (register as usize) < found.len() => Some(register),
        _ => None,
    });
    if let Some(register) = direct {
        set(&mut found[register as usize]);
    }
    for operand in operands(expr) {
        let is_direct = direct.is_some() && address.is_some_and(|address| std::ptr::eq(address, operand));
        if !is_direct {
            visit(operand, found);
        }
    }
}

pub(super) fn rust_type(ty: &Type) -> String {
    match ty {
        Type::Int => "i32".into(),
        Type::Pointer(to) => format!("*mut {}", rust_type(to)),
    }
}

fn fence_name(fence: Fence) -> &'static str {
    match fence {
        Fence::Mb => "smp_mb",
        Fence::Rmb => "smp_rmb",
        Fence::Wmb => "smp_wmb",
        Fence::Barrier => "barrier",
        Fence::BeforeAtomic => "smp_mb__before_atomic",
        Fence::AfterAtomic => "smp_mb__after_atomic",
        Fence::AfterSpinlock => "smp_mb__after_spinlock",
        Fence::AfterUnlockLock => "smp_mb__after_unlock_lock",
        Fence::AfterSrcuReadUnlock => "smp_mb__after_srcu_read_unlock",
        Fence::RcuLock => "rcu_read_lock",
        Fence::RcuUnlock => "rcu_read_unlock",
        Fence::SyncRcu => "synchronize_rcu",
    }
}

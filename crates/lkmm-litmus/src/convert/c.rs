//! Processes written in C: statements.

use super::guards::{expressions, for_each_statement};
use super::infer::{Type, Types};
use super::names::{self, Names};
use super::scopes::{self, Uses, body, flat, operands};
use super::{Comments, Kinds, Observed, refused};
use crate::ast::{Expr, ExprKind, Process, Register, Stmt, StmtKind};
use lkmm_model::event::Mode;
use lkmm_model::program::Operator;
use lkmm_report::{Origin, Problem};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// What a location is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An `atomic_t`, to which something is added.
    Atomic,
    Lock,
    Domain,
}

/// What the locations of a test are, but for those that are numbers and pointers.
pub(crate) fn kinds(processes: &[Process]) -> Kinds {
    let mut kinds = BTreeMap::new();
    for process in processes {
        let mut add = |address: &Expr, kind: Kind| {
            if let ExprKind::Register(register) = address.kind {
                if (register as usize) < process.parameters.len() {
                    kinds.insert(process.registers[register as usize].clone(), kind);
                }
            }
        };
        for_each_statement(&flat(&process.body), &mut |statement| {
            match &statement.kind {
                StmtKind::Lock(address) | StmtKind::Unlock(address) => add(address, Kind::Lock),
                StmtKind::SyncSrcu(address) | StmtKind::Store { address, mode: Mode::SrcuUnlock, .. } => {
                    add(address, Kind::Domain);
                }
                StmtKind::AtomicOp { address, .. } => add(address, Kind::Atomic),
                _ => {}
            }
            expressions(statement).into_iter().for_each(|expr| {
                for_each_expression(expr, &mut |expr| match &expr.kind {
                    ExprKind::TryLock(address) | ExprKind::IsLocked(address) => add(address, Kind::Lock),
                    ExprKind::Load { address, mode: Mode::SrcuLock } => add(address, Kind::Domain),
                    ExprKind::AtomicOp { address, .. } | ExprKind::AddUnless { address, .. } => {
                        add(address, Kind::Atomic)
                    }
                    _ => {}
                })
            });
        });
    }
    kinds
}

/// Does a process use an operator of some kind?
pub(crate) fn has_operator(process: &Process, is_meant: impl Fn(Operator) -> bool) -> bool {
    let mut found = false;
    for_each_statement(&flat(&process.body), &mut |statement| {
        expressions(statement).into_iter().for_each(|expr| {
            for_each_expression(expr, &mut |expr| {
                found |= matches!(expr.kind, ExprKind::Binary { op, .. } if is_meant(op));
            })
        })
    });
    found
}

fn for_each_expression(expr: &Expr, visit: &mut impl FnMut(&Expr)) {
    visit(expr);
    operands(expr).into_iter().for_each(|operand| for_each_expression(operand, visit));
}

/// A process that is being written.
pub(super) struct Writer<'a> {
    pub(super) types: &'a mut Types,
    pub(super) number: usize,
    pub(super) names: Names,
    pub(super) process: &'a Process,
    pub(super) kinds: Kinds,
    origins: &'a [Origin],
    origin: u32,
    uses: BTreeMap<Register, Uses>,
    comments: Comments<'a>,
    out: String,
    indent: usize,
}

/// Writes a process.
pub(super) fn process(
    types: &mut Types,
    (number, process): (usize, &Process),
    observed: &Observed,
    processes: &[Process],
    origins: &[Origin],
    source: &str,
) -> Result<String, Problem> {
    let empty = BTreeSet::new();
    let kept: BTreeSet<&str> = observed.of(number).unwrap_or(&empty).iter().map(String::as_str).collect();
    let names = Names::new(process, &kept, names::c).map_err(|name| {
        refused(format!("`{name}` is a word that herd7 reserves, or names two things"), process.name.clone())
    })?;
    let mut writer = Writer {
        types,
        number,
        names,
        process,
        kinds: kinds(processes),
        origins,
        origin: 0,
        uses: scopes::uses(&process.body, process.parameters.len()),
        comments: Comments::new(source, process),
        out: String::new(),
        indent: 1,
    };
    let mut parameters = Vec::new();
    for (register, _) in &process.parameters {
        let name = &process.registers[*register as usize];
        let ty = match writer.kinds.get(name) {
            Some(Kind::Atomic) => "atomic_t *".to_string(),
            Some(Kind::Lock) => "spinlock_t *".into(),
            Some(Kind::Domain) => "struct srcu_struct *".into(),
            None => c_type(&Type::Pointer(Box::new(writer.types.content(name)))),
        };
        parameters.push(format!("{ty}{}", writer.names.register(*register)));
    }
    let first: Vec<Register> =
        writer.uses.iter().filter(|(_, uses)| uses.declared_by.is_none()).map(|(register, _)| *register).collect();
    for register in &first {
        let declaration = writer.declaration(*register);
        writer.line(&format!("{declaration};"));
    }
    if !first.is_empty() && !process.body.is_empty() {
        writer.out.push('\n');
    }
    writer.statements(&flat(&process.body))?;
    writer.comments.rest(&mut writer.out, 0);
    if flat(&process.body).is_empty() && first.is_empty() {
        writer.nothing();
    }
    Ok(format!("P{number}({})\n{{\n{}}}\n", parameters.join(", "), writer.out))
}

pub(super) fn c_type(ty: &Type) -> String {
    match ty {
        Type::Int => "int ".into(),
        Type::Pointer(to) => format!("{}*", c_type(to)),
    }
}

impl Writer<'_> {
    pub(super) fn origin_text(&self) -> &str {
        self.origins.get(self.origin as usize).map_or("", |origin| origin.text.as_str())
    }

    fn declaration(&mut self, register: Register) -> String {
        let ty = self.types.register(self.number, register);
        format!("{}{}", c_type(&ty), self.names.register(register))
    }

    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "\t".repeat(self.indent));
    }

    /// What stands in a block where there is nothing, for herd7 has no empty ones.
    fn nothing(&mut self) {
        let name = self.names.fresh("unused", names::c);
        self.line(&format!("int {name};"));
    }

    fn statements(&mut self, statements: &[&Stmt]) -> Result<(), Problem> {
        for statement in statements {
            self.origin = statement.origin;
            if let Some(origin) = self.origins.get(statement.origin as usize) {
                let mut comments = String::new();
                self.comments.before(&origin.span, &mut comments, 0);
                // herd7 counts braces in comments too.
                if !comments.contains(['{', '}']) {
                    comments.lines().for_each(|line| self.line(line));
                }
            }
            self.statement(statement)?;
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Stmt) -> Result<(), Problem> {
        let text = match &statement.kind {
            // The last are refused before.
            StmtKind::Declare | StmtKind::Labelled { .. } | StmtKind::Leave(_) | StmtKind::Leaving { .. } => {
                return Ok(());
            }
            StmtKind::Block(inner) => return self.statements(&flat(inner)),
            StmtKind::If { condition, then, otherwise } => {
                return self.branch(condition, then, otherwise.as_deref(), "");
            }
            StmtKind::Loop { condition, body, body_first } => return self.repeat(condition, body, *body_first),
            StmtKind::Assign { register: None, value } => match value.kind {
                ExprKind::Register(_) | ExprKind::Const(_) => return Ok(()),
                _ => format!("(void) {};", self.value(value)),
            },
            StmtKind::Assign { register: Some(register), value } => {
                let value = self.value(value);
                let declares = self.uses.get(register).and_then(|uses| uses.declared_by);
                match declares == Some(std::ptr::from_ref(statement)) {
                    true => format!("{} = {value};", self.declaration(*register)),
                    false => format!("{} = {value};", self.names.register(*register)),
                }
            }
            StmtKind::Store { address, value, mode } => self.store(address, value, *mode),
            StmtKind::Fence(fence) => format!("{}();", fence.function()),
            StmtKind::Lock(address) => format!("spin_lock({});", self.value(address)),
            StmtKind::Unlock(address) => format!("spin_unlock({});", self.value(address)),
            StmtKind::SyncSrcu(address) => format!("synchronize_srcu({});", self.value(address)),
            StmtKind::AtomicOp { address, op, value } => {
                let address = self.value(address);
                let name = if *op == Operator::Sub { "sub" } else { "add" };
                match value.kind {
                    ExprKind::Const(1) => format!("atomic_{}({address});", step_name(*op)),
                    _ => format!("atomic_{name}({}, {address});", self.value(value)),
                }
            }
        };
        self.line(&text);
        Ok(())
    }

    fn store(&mut self, address: &Expr, value: &Expr, mode: Mode) -> String {
        let assigns = self.origin_text().contains("rcu::assign") || self.origin_text().contains("rcu_assign_pointer");
        let atomic = self.kind(address) == Some(Kind::Atomic);
        let (pointer, value) = (self.value(address), self.value(value));
        let place = self.place(address);
        match mode {
            Mode::Plain => format!("{place} = {value};"),
            Mode::SrcuUnlock if self.origin_text().contains("up_read") => format!("srcu_up_read({pointer}, {value});"),
            Mode::SrcuUnlock => format!("srcu_read_unlock({pointer}, {value});"),
            Mode::Release if atomic => format!("atomic_set_release({pointer}, {value});"),
            Mode::Release if assigns => format!("rcu_assign_pointer({place}, {value});"),
            Mode::Release => format!("smp_store_release({pointer}, {value});"),
            _ if atomic => format!("atomic_set({pointer}, {value});"),
            _ => format!("WRITE_ONCE({place}, {value});"),
        }
    }

    fn branch(&mut self, condition: &Expr, then: &Stmt, otherwise: Option<&Stmt>, before: &str) -> Result<(), Problem> {
        let other = otherwise.map_or(Vec::new(), body);
        let condition = self.value(condition);
        self.line(&format!("{before}if ({condition}) {{"));
        self.block(&body(then))?;
        match &other[..] {
            [] => self.line("}"),
            [Stmt { kind: StmtKind::If { condition, then, otherwise }, origin }] => {
                self.origin = *origin;
                self.branch(condition, then, otherwise.as_deref(), "} else ")?;
            }
            other => {
                self.line("} else {");
                self.block(other)?;
                self.line("}");
            }
        }
        Ok(())
    }

    fn block(&mut self, statements: &[&Stmt]) -> Result<(), Problem> {
        self.indent += 1;
        let before = self.out.len();
        self.statements(statements)?;
        if self.out.len() == before {
            self.nothing();
        }
        self.indent -= 1;
        Ok(())
    }

    fn repeat(&mut self, condition: &Expr, turn: &Stmt, body_first: bool) -> Result<(), Problem> {
        let condition = self.value(condition);
        self.line(&if body_first { "do {".to_string() } else { format!("while ({condition}) {{") });
        self.block(&body(turn))?;
        self.line(&if body_first { format!("}} while ({condition});") } else { "}".to_string() });
        Ok(())
    }

    /// What a location is.
    pub(super) fn kind(&self, address: &Expr) -> Option<Kind> {
        match address.kind {
            ExprKind::Register(register) if (register as usize) < self.process.parameters.len() => {
                self.kinds.get(&self.process.registers[register as usize]).copied()
            }
            _ => None,
        }
    }
}

pub(super) fn step_name(op: Operator) -> &'static str {
    if op == Operator::Sub { "dec" } else { "inc" }
}

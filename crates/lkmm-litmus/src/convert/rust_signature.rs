//! Processes written in Rust: parameters, and the declarations of what has its value from the beginning.

use super::guards;
use super::infer::Type;
use super::names;
use super::refused;
use super::rust::{Kind, Writer, rust_type};
use super::scopes::{flat, operands};
use crate::ast::{Expr, ExprKind, Process, Register, StmtKind};
use crate::state::init::Entry;
use crate::state::{Literal, Place};
use lkmm_model::event::Mode;
use lkmm_report::Problem;
use std::collections::BTreeSet;

/// The initial value of a local.
pub(super) fn initial<'i>(init: &'i [Entry], number: usize, name: &str) -> Option<&'i Literal> {
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
    /// What each parameter is, from what is done with it.
    pub(super) fn parameter_kinds(&mut self, process: &Process) -> Result<Vec<Kind>, Problem> {
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

    pub(super) fn assigns(&self, process: &Process, register: Register) -> bool {
        let mut assigns = false;
        guards::for_each_statement(&flat(&process.body), &mut |statement| {
            assigns |= matches!(&statement.kind, StmtKind::Assign { register: Some(r), .. } if *r == register);
        });
        assigns
    }

    /// Declares what has its value from the beginning.
    pub(super) fn declarations(
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
    pub(super) fn is_bound(&self, process: &Process, name: &str) -> bool {
        let mut registers = (0..).zip(&process.registers).filter(|(_, register)| *register == name);
        registers
            .any(|(register, _)| (register as usize) < process.parameters.len() || self.uses.contains_key(&register))
    }

    /// An initial value; the address of a location that is no parameter makes it one.
    pub(super) fn literal(
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

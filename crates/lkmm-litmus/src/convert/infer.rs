//! Types for what has none in the tree: which registers and locations hold numbers, and which hold addresses, and of what.
//!
//! Unification: a register and what is assigned to it have one type, a location and what is stored there as well; what is followed is a
//! pointer. Where a test does both with the same value, the first use decides, and the printers convert at the others.

use crate::ast::{Expr, ExprKind, Process, Register, Stmt, StmtKind};
use crate::state::condition::{Final, Prop, Side};
use crate::state::init::Entry;
use crate::state::types::Declared;
use crate::state::{Literal, Place};
use lkmm_model::event::Mode;
use lkmm_model::program::Operator;
use std::collections::HashMap;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Int,
    Pointer(Box<Type>),
}

impl Type {
    pub(crate) fn is_pointer(&self) -> bool {
        matches!(self, Type::Pointer(_))
    }
}

/// How deep pointers are followed.
const MAX_DEPTH: u32 = 32;

type Variable = usize;

#[derive(Clone, Copy)]
enum Term {
    Unknown,
    Same(Variable),
    Int,
    Pointer(Variable),
}

/// The types of a test.
pub(crate) struct Types {
    terms: Vec<Term>,
    locations: HashMap<String, Variable>,
    registers: HashMap<(usize, Register), Variable>,
    /// Of expressions whose type other uses may decide, by their place in memory.
    pending: HashMap<*const Expr, Variable>,
}

impl Types {
    /// Infers the types of a test.
    pub(crate) fn of(processes: &[Process], init: &[Entry], asked: &Final) -> Types {
        let mut types =
            Types { terms: Vec::new(), locations: HashMap::new(), registers: HashMap::new(), pending: HashMap::new() };
        for (number, process) in processes.iter().enumerate() {
            for (register, _) in &process.parameters {
                let content = types.location(&process.registers[*register as usize]);
                let pointer = types.fresh(Term::Pointer(content));
                types.registers.insert((number, *register), pointer);
            }
        }
        // What is added to is a number, whatever it is declared as.
        for (name, kind) in super::c::kinds(processes) {
            if kind == super::c::Kind::Atomic {
                let location = types.location(&name);
                types.int(location);
            }
        }
        types.initial(processes, init);
        // What later statements say of a value decides on sums in earlier ones; what is asked, on what no statement decides.
        for round in 0..3 {
            for (number, process) in processes.iter().enumerate() {
                types.block(number, &process.body);
            }
            if round == 0 {
                types.asked(processes, asked);
            }
        }
        types
    }

    /// What a location holds.
    pub(crate) fn content(&mut self, location: &str) -> Type {
        let variable = self.location(location);
        self.resolve(variable, MAX_DEPTH)
    }

    /// What a register holds.
    pub(crate) fn register(&mut self, process: usize, register: Register) -> Type {
        let variable = self.register_variable(process, register);
        self.resolve(variable, MAX_DEPTH)
    }

    /// The type of an expression of a process.
    pub(crate) fn expr(&mut self, process: usize, expr: &Expr) -> Type {
        let variable = self.value(process, expr);
        self.resolve(variable, MAX_DEPTH)
    }

    fn fresh(&mut self, term: Term) -> Variable {
        self.terms.push(term);
        self.terms.len() - 1
    }

    fn root(&self, mut variable: Variable) -> Variable {
        while let Term::Same(next) = self.terms[variable] {
            variable = next;
        }
        variable
    }

    fn resolve(&self, variable: Variable, depth: u32) -> Type {
        match self.terms[self.root(variable)] {
            Term::Pointer(to) if depth > 0 => Type::Pointer(Box::new(self.resolve(to, depth - 1))),
            _ => Type::Int,
        }
    }

    fn location(&mut self, name: &str) -> Variable {
        if let Some(&variable) = self.locations.get(name) {
            return variable;
        }
        let variable = self.fresh(Term::Unknown);
        self.locations.insert(name.to_string(), variable);
        variable
    }

    fn register_variable(&mut self, process: usize, register: Register) -> Variable {
        if let Some(&variable) = self.registers.get(&(process, register)) {
            return variable;
        }
        let variable = self.fresh(Term::Unknown);
        self.registers.insert((process, register), variable);
        variable
    }

    /// Makes two types one, if they can be.
    fn unify(&mut self, a: Variable, b: Variable) {
        let mut left = vec![(a, b)];
        while let Some((a, b)) = left.pop() {
            let (a, b) = (self.root(a), self.root(b));
            if a == b {
                continue;
            }
            match (self.terms[a], self.terms[b]) {
                (Term::Unknown, _) => self.terms[a] = if self.leads_to(b, a) { Term::Int } else { Term::Same(b) },
                (_, Term::Unknown) => self.terms[b] = if self.leads_to(a, b) { Term::Int } else { Term::Same(a) },
                // (They stay two: what they point to may have to differ.)
                (Term::Pointer(x), Term::Pointer(y)) => left.push((x, y)),
                // Equal, or both a number and an address.
                _ => {}
            }
        }
    }

    /// Whether a pointer points to something else, over however many pointers. What would be a pointer to itself holds a number then.
    fn leads_to(&self, pointer: Variable, to: Variable) -> bool {
        let mut at = pointer;
        while let Term::Pointer(next) = self.terms[at] {
            at = self.root(next);
            if at == to {
                return true;
            }
        }
        false
    }

    /// What something that is followed points to.
    fn pointee(&mut self, pointer: Variable) -> Variable {
        let root = self.root(pointer);
        match self.terms[root] {
            Term::Pointer(to) => to,
            Term::Unknown => {
                let to = self.fresh(Term::Unknown);
                self.terms[root] = Term::Pointer(to);
                to
            }
            _ => self.fresh(Term::Unknown),
        }
    }

    fn is_pointer(&self, variable: Variable) -> bool {
        matches!(self.terms[self.root(variable)], Term::Pointer(_))
    }

    fn int(&mut self, variable: Variable) {
        let int = self.fresh(Term::Int);
        self.unify(variable, int);
    }

    fn literal(&mut self, variable: Variable, literal: &Literal) {
        match literal {
            Literal::Address(name, _) => {
                let content = self.location(name);
                let pointer = self.fresh(Term::Pointer(content));
                self.unify(variable, pointer);
            }
            Literal::Int(0) => {}
            Literal::Int(_) => self.int(variable),
        }
    }

    fn initial(&mut self, processes: &[Process], init: &[Entry]) {
        for entry in init {
            let variable = match &entry.place {
                Place::Global(name) | Place::Element(name, _) => Some(self.location(name)),
                Place::Register(process, name) => self.named(processes, *process as usize, name),
            };
            let Some(variable) = variable else { continue };
            if matches!(entry.declared, Declared::Pointer | Declared::UntypedPointer) {
                let to = self.fresh(Term::Unknown);
                let pointer = self.fresh(Term::Pointer(to));
                self.unify(variable, pointer);
            }
            entry.values.iter().for_each(|value| self.literal(variable, value));
        }
    }

    fn named(&mut self, processes: &[Process], process: usize, name: &str) -> Option<Variable> {
        let register = processes.get(process)?.registers.iter().rposition(|register| register == name)?;
        Some(self.register_variable(process, register as Register))
    }

    fn asked(&mut self, processes: &[Process], asked: &Final) {
        let mut atoms: Vec<(Place, Literal)> = Vec::new();
        let mut add = |prop: &Prop| {
            prop.for_each_atom(&mut |place, side| {
                if let Side::Literal(literal @ Literal::Address(..)) = side {
                    atoms.push((place.clone(), literal.clone()));
                }
            });
        };
        asked.filter.iter().for_each(&mut add);
        add(&asked.prop);
        for (place, literal) in atoms {
            let variable = match &place {
                Place::Global(name) | Place::Element(name, _) => Some(self.location(name)),
                Place::Register(process, name) => self.named(processes, *process as usize, name),
            };
            if let Some(variable) = variable {
                self.literal(variable, &literal);
            }
        }
    }

    fn block(&mut self, process: usize, statements: &[Stmt]) {
        statements.iter().for_each(|statement| self.statement(process, &statement.kind));
    }

    fn statement(&mut self, process: usize, kind: &StmtKind) {
        match kind {
            StmtKind::Declare | StmtKind::Fence(_) | StmtKind::Leave(_) => {}
            StmtKind::Block(body) | StmtKind::Labelled { body, .. } => self.block(process, body),
            StmtKind::Leaving { branch, .. } => self.statement(process, &branch.kind),
            StmtKind::If { condition, then, otherwise } => {
                self.value(process, condition);
                self.statement(process, &then.kind);
                otherwise.iter().for_each(|otherwise| self.statement(process, &otherwise.kind));
            }
            StmtKind::Loop { condition, body, .. } => {
                self.value(process, condition);
                self.statement(process, &body.kind);
            }
            StmtKind::Assign { register, value } => {
                let value = self.value(process, value);
                if let Some(register) = register {
                    let register = self.register_variable(process, *register);
                    self.unify(register, value);
                }
            }
            StmtKind::Store { address, value, mode } => {
                let (address, value) = (self.value(process, address), self.value(process, value));
                if *mode == Mode::SrcuUnlock {
                    return self.int(value);
                }
                let content = self.pointee(address);
                self.unify(content, value);
            }
            StmtKind::Lock(expr) | StmtKind::Unlock(expr) | StmtKind::SyncSrcu(expr) => {
                self.value(process, expr);
            }
            StmtKind::AtomicOp { address, value, .. } => {
                let (address, value) = (self.value(process, address), self.value(process, value));
                let content = self.pointee(address);
                self.int(content);
                self.int(value);
            }
        }
    }

    /// The type of a value.
    fn value(&mut self, process: usize, expr: &Expr) -> Variable {
        match &expr.kind {
            ExprKind::Const(0) => self.pending(expr),
            ExprKind::Const(_) => self.fresh(Term::Int),
            ExprKind::Register(register) => self.register_variable(process, *register),
            ExprKind::Load { address, mode } => {
                let address = self.value(process, address);
                if *mode == Mode::SrcuLock { self.fresh(Term::Int) } else { self.pointee(address) }
            }
            ExprKind::Binary { op, left, right } => self.operation(process, expr, *op, left, right),
            ExprKind::Exchange { address, value, .. } => {
                let (address, value) = (self.value(process, address), self.value(process, value));
                let content = self.pointee(address);
                self.unify(content, value);
                content
            }
            ExprKind::CompareExchange { address, old, new, .. } => {
                let (address, old, new) =
                    (self.value(process, address), self.value(process, old), self.value(process, new));
                let content = self.pointee(address);
                self.unify(content, old);
                self.unify(content, new);
                content
            }
            ExprKind::AtomicOp { address, value, .. } => {
                let (address, value) = (self.value(process, address), self.value(process, value));
                let content = self.pointee(address);
                self.int(content);
                self.int(value);
                content
            }
            ExprKind::AddUnless { address, add, unless, .. } => {
                let address = self.value(process, address);
                self.value(process, add);
                self.value(process, unless);
                let content = self.pointee(address);
                self.int(content);
                self.fresh(Term::Int)
            }
            ExprKind::TryLock(address) | ExprKind::IsLocked(address) => {
                self.value(process, address);
                self.fresh(Term::Int)
            }
        }
    }

    fn pending(&mut self, expr: &Expr) -> Variable {
        let key: *const Expr = expr;
        if let Some(&variable) = self.pending.get(&key) {
            return variable;
        }
        let variable = self.fresh(Term::Unknown);
        self.pending.insert(key, variable);
        variable
    }

    fn operation(&mut self, process: usize, expr: &Expr, op: Operator, left: &Expr, right: &Expr) -> Variable {
        let (a, b) = (self.value(process, left), self.value(process, right));
        match op {
            Operator::Add | Operator::Sub => {
                // An address and a number are an address; of two numbers none may be known to be one yet.
                let result = self.pending(expr);
                match (self.is_pointer(a), self.is_pointer(b)) {
                    (true, false) => self.unify(result, a),
                    (false, true) if op == Operator::Add => self.unify(result, b),
                    (true, true) | (false, true) => self.int(result),
                    (false, false) if self.is_pointer(result) => {}
                    (false, false) => {}
                }
                result
            }
            Operator::And | Operator::Or | Operator::Xor | Operator::Mul | Operator::Div => self.fresh(Term::Int),
            _ => {
                if self.is_pointer(a) || self.is_pointer(b) {
                    self.unify(a, b);
                }
                self.fresh(Term::Int)
            }
        }
    }
}

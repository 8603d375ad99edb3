//! Random tests in the C litmus language, with the program that each means.
//!
//! The same [trees](crate::syntax) as those of random programs, printed over the kernel's API. The text is for tools
//! that read litmus tests (herd7 as an outside oracle; a front end under test), the program is what they should make of
//! it. What the language cannot say (dependencies without an expression) is not generated.

use crate::generate::{Config, Draft, draft};
use crate::syntax::{Atomic, Operand, Ordering, Place, Register, Statement};
use fastrand::Rng;
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::{LocationId, Observable, Operator, Program, Proposition, Term, Value};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A litmus test in both forms.
#[derive(Clone, Debug, PartialEq)]
pub struct Litmus {
    /// The text.
    pub text: String,
    /// What it means.
    pub program: Program,
}

/// Generates the litmus test of a seed, named `random-SEED`: the same one each time, for the same configuration.
pub fn generate_litmus(seed: u64, config: &Config) -> Litmus {
    let draft = draft(&mut Rng::with_seed(seed), config, false);
    Litmus { text: Printer { draft: &draft }.print(seed), program: draft.program }
}

struct Printer<'d> {
    draft: &'d Draft,
}

impl Printer<'_> {
    fn print(&self, seed: u64) -> String {
        let program = &self.draft.program;
        let mut out = format!("C random-{seed}\n\n{{\n");
        for (l, location) in program.locations.iter().enumerate() {
            match location.init {
                Value::Int(0) => {}
                Value::Address(..) => {
                    let _ = writeln!(out, "\tint *{} = &{};", location.name, self.value(location.init));
                }
                init => {
                    let _ = writeln!(out, "\tint {} = {};", self.name(l as u32), self.value(init));
                }
            }
        }
        out.push_str("}\n");
        let parameters: Vec<String> = (0..program.locations.len() as u32)
            .map(|l| {
                let kind = if self.draft.pointers.contains(&l) {
                    "int **"
                } else if self.draft.locks.contains(&l) {
                    "spinlock_t *"
                } else if self.draft.domains.contains(&l) {
                    "struct srcu_struct *"
                } else {
                    "int *"
                };
                format!("{kind}{}", self.name(l))
            })
            .collect();
        for (t, body) in self.draft.bodies.iter().enumerate() {
            let _ = writeln!(out, "\nP{t}({})\n{{", parameters.join(", "));
            let mut pointers = BTreeSet::new();
            self.pointer_registers(body, &mut pointers);
            for r in 0..program.threads[t].registers.len() {
                let _ = writeln!(out, "\tint {}r{r};", if pointers.contains(&r) { "*" } else { "" });
            }
            self.block(&mut out, body, 1);
            out.push_str("}\n");
        }
        let observed: Vec<String> = program.observed.iter().map(|&o| format!("{};", observable(program, o))).collect();
        let _ = writeln!(out, "\nlocations [{}]", observed.join(" "));
        if let Some(filter) = &program.filter {
            let _ = writeln!(out, "filter ({})", self.proposition(filter));
        }
        let condition = program.condition.as_ref().map_or("true".to_string(), |c| self.proposition(c));
        let _ = writeln!(out, "exists ({condition})");
        out
    }

    fn name(&self, location: LocationId) -> &str {
        &self.draft.program.locations[location as usize].name
    }

    fn value(&self, value: Value) -> String {
        match value {
            Value::Int(i) => i.to_string(),
            Value::Address(l, _) => self.name(l).to_string(),
            Value::Symbol(_) | Value::Bits(_) => unreachable!("generated programs hold no such values"),
        }
    }

    fn pointer_registers(&self, body: &[Statement], pointers: &mut BTreeSet<Register>) {
        for statement in body {
            match statement {
                Statement::Load(_, Place::Static(l), register) if self.draft.pointers.contains(l) => {
                    pointers.insert(*register);
                }
                Statement::If(_, taken, other) => {
                    self.pointer_registers(taken, pointers);
                    self.pointer_registers(other, pointers);
                }
                Statement::TryLock(_, _, body) => self.pointer_registers(body, pointers),
                _ => {}
            }
        }
    }

    fn block(&self, out: &mut String, body: &[Statement], depth: usize) {
        for statement in body {
            self.statement(out, statement, depth);
        }
    }

    fn statement(&self, out: &mut String, statement: &Statement, depth: usize) {
        let tabs = "\t".repeat(depth);
        let line = match *statement {
            Statement::Load(mode, place, register) => format!("r{register} = {};", self.load(mode, place)),
            Statement::Store(mode, place, operand) => {
                let (pointer, value) = (self.pointer(place), self.operand(operand));
                match mode {
                    Mode::Plain => format!("*{pointer} = {value};"),
                    Mode::Release => format!("smp_store_release({pointer}, {value});"),
                    _ => format!("WRITE_ONCE(*{pointer}, {value});"),
                }
            }
            Statement::Fence(fence) => format!("{}();", fence_name(fence)),
            Statement::Atomic(atomic, ordering, place, register) => {
                let call = self.atomic(atomic, ordering, &self.pointer(place));
                if matches!(atomic, Atomic::Add(_)) { format!("{call};") } else { format!("r{register} = {call};") }
            }
            Statement::Lock(lock) => format!("spin_lock({});", self.name(lock)),
            Statement::Unlock(lock) => format!("spin_unlock({});", self.name(lock)),
            Statement::TryLock(lock, register, ref body) => {
                let lock = self.name(lock);
                let _ = writeln!(out, "{tabs}r{register} = spin_trylock({lock});\n{tabs}if (r{register}) {{");
                self.block(out, body, depth + 1);
                if !ends_cut(body) {
                    let _ = writeln!(out, "{tabs}\tspin_unlock({lock});");
                }
                "}".to_string()
            }
            Statement::IsLocked(lock, register) => format!("r{register} = spin_is_locked({});", self.name(lock)),
            Statement::SrcuLock(domain, register) => format!("r{register} = srcu_read_lock({});", self.name(domain)),
            Statement::SrcuUnlock(domain, operand) => {
                format!("srcu_read_unlock({}, {});", self.name(domain), self.operand(operand))
            }
            Statement::SyncSrcu(domain) => format!("synchronize_srcu({});", self.name(domain)),
            // The language has no empty blocks.
            Statement::If(condition, ref taken, ref other) if taken.is_empty() => {
                let _ = writeln!(out, "{tabs}if ({}) {{", self.negation(condition));
                self.block(out, other, depth + 1);
                "}".to_string()
            }
            Statement::If(condition, ref taken, ref other) => {
                let _ = writeln!(out, "{tabs}if ({}) {{", self.operand(condition));
                self.block(out, taken, depth + 1);
                if !other.is_empty() {
                    let _ = writeln!(out, "{tabs}}} else {{");
                    self.block(out, other, depth + 1);
                }
                "}".to_string()
            }
            Statement::LoadBoth([a, b], register) => {
                let load = |(mode, location)| self.load(mode, Place::Static(location));
                format!("r{register} = {} + {};", load(a), load(b))
            }
            Statement::Cut => format!("while (1) {{\n{tabs}\tbarrier();\n{tabs}}}"),
        };
        let _ = writeln!(out, "{tabs}{line}");
    }

    fn load(&self, mode: Mode, place: Place) -> String {
        let pointer = self.pointer(place);
        match mode {
            Mode::Plain => format!("*{pointer}"),
            Mode::Acquire => format!("smp_load_acquire({pointer})"),
            _ => format!("READ_ONCE(*{pointer})"),
        }
    }

    fn pointer(&self, place: Place) -> String {
        match place {
            Place::Static(location) => self.name(location).to_string(),
            Place::Dependent(location, register) => format!("({} + (r{register} ^ r{register}))", self.name(location)),
            Place::Deref(register) => format!("r{register}"),
        }
    }

    fn operand(&self, operand: Operand) -> String {
        match operand {
            Operand::Const(value) => self.value(value),
            Operand::Register(register) => format!("r{register}"),
            Operand::Op(operator, register, k) => format!("r{register} {operator} {k}"),
            Operand::Dependent(register, value) => format!("{} + (r{register} ^ r{register})", self.value(value)),
        }
    }

    fn negation(&self, condition: Operand) -> String {
        match condition {
            Operand::Op(Operator::Eq, register, k) => format!("r{register} != {k}"),
            Operand::Op(Operator::Ne, register, k) => format!("r{register} == {k}"),
            Operand::Op(Operator::Lt, register, k) => format!("r{register} >= {k}"),
            condition => format!("({}) == 0", self.operand(condition)),
        }
    }

    fn atomic(&self, atomic: Atomic, ordering: Ordering, pointer: &str) -> String {
        let suffix = match ordering {
            Ordering::Full => "",
            Ordering::Relaxed => "_relaxed",
            Ordering::Acquire => "_acquire",
            Ordering::Release => "_release",
        };
        match atomic {
            Atomic::Exchange(value) => format!("xchg{suffix}({pointer}, {})", self.operand(value)),
            Atomic::CompareExchange(old, new) => {
                format!("cmpxchg{suffix}({pointer}, {}, {})", self.operand(old), self.operand(new))
            }
            Atomic::FetchAdd(value) => format!("atomic_fetch_add{suffix}({}, {pointer})", self.operand(value)),
            Atomic::AddReturn(value) => format!("atomic_add_return{suffix}({}, {pointer})", self.operand(value)),
            Atomic::Add(value) => format!("atomic_add({}, {pointer})", self.operand(value)),
            Atomic::AddUnless(value, unless) => {
                format!("atomic_add_unless({pointer}, {}, {})", self.operand(value), self.operand(unless))
            }
        }
    }

    fn proposition(&self, proposition: &Proposition) -> String {
        let join = |parts: &[Proposition], with: &str| {
            let parts: Vec<String> = parts.iter().map(|p| self.proposition(p)).collect();
            format!("({})", parts.join(with))
        };
        match proposition {
            Proposition::Equal(a, b, true) => format!("{} = {}", self.term(a), self.term(b)),
            Proposition::Equal(a, b, false) => format!("~({} = {})", self.term(a), self.term(b)),
            Proposition::And(parts) => join(parts, " /\\ "),
            Proposition::Or(parts) => join(parts, " \\/ "),
            Proposition::Not(p) => format!("~({})", self.proposition(p)),
        }
    }

    fn term(&self, term: &Term) -> String {
        match *term {
            Term::Final(Observable::Location(l)) => format!("[{}]", self.name(l)),
            Term::Final(register) => observable(&self.draft.program, register),
            Term::Const(value) => self.value(value),
        }
    }
}

fn ends_cut(body: &[Statement]) -> bool {
    matches!(body.last(), Some(Statement::Cut))
}

fn observable(program: &Program, observable: Observable) -> String {
    match observable {
        Observable::Register(t, r) => format!("{t}:{}", program.threads[t as usize].registers[r as usize]),
        Observable::Location(l) => program.locations[l as usize].name.clone(),
    }
}

fn fence_name(fence: Fence) -> &'static str {
    match fence {
        Fence::Mb => "smp_mb",
        Fence::Rmb => "smp_rmb",
        Fence::Wmb => "smp_wmb",
        Fence::Barrier => "barrier",
        Fence::RcuLock => "rcu_read_lock",
        Fence::RcuUnlock => "rcu_read_unlock",
        Fence::SyncRcu => "synchronize_rcu",
        Fence::BeforeAtomic => "smp_mb__before_atomic",
        Fence::AfterAtomic => "smp_mb__after_atomic",
        Fence::AfterSpinlock => "smp_mb__after_spinlock",
        Fence::AfterUnlockLock => "smp_mb__after_unlock_lock",
        Fence::AfterSrcuReadUnlock => "smp_mb__after_srcu_read_unlock",
    }
}

//! A process in C, as a function of C; and the loop in which a thread runs its process, whichever language that is in.
//!
//! The function is written from the tree. All values are `int64_t`, so that a register may hold a number as well as an address; the
//! inferred type of what is accessed says how wide an access is, and that of a sum whether it is cut to 32 bits.

use super::{Parts, refused, width};
use crate::ast::{Expr, ExprKind, Language, Ordering, Process, Stmt, StmtKind, Yields};
use crate::convert::infer::Type;
use crate::state::{Literal, Place};
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::Operator;
use lkmm_report::Problem;
use std::fmt::Write;

/// A process that is being written.
struct Writer<'a, 'p> {
    parts: &'p mut Parts<'a>,
    number: usize,
    process: &'a Process,
    out: String,
    indent: usize,
    loops: u32,
    /// Of the statement that is being written.
    origin: u32,
}

/// The function of a process. It takes the address of each cell, and the row of final registers.
pub(super) fn function(parts: &mut Parts<'_>, number: usize) -> Result<String, Problem> {
    let process = &parts.processes[number];
    let mut writer = Writer { parts, number, process, out: String::new(), indent: 1, loops: 0, origin: 0 };
    writer.locals()?;
    for statement in &process.body {
        writer.statement(statement)?;
    }
    writer.finals()?;
    let cells: Vec<String> = (0..writer.parts.objects.len()).map(|cell| format!("int64_t c{cell}, ")).collect();
    Ok(format!(
        "static inline __attribute__((always_inline)) void P{number}({}int64_t *registers)\n{{\n{}}}\n\n",
        cells.concat(),
        writer.out
    ))
}

/// The loop in which a thread runs its process, an instance after the other.
pub(super) fn rounds(parts: &Parts<'_>, number: usize) -> String {
    let (cells, threads) = (parts.objects.len(), parts.processes.len());
    let registers = parts.test.program.threads[number].registers.len();
    let mut out = format!(
        "static void run_{number}(struct lkmm_thread *t)\n{{\n\tfor (uint32_t i = 0; i < t->instances; i++) {{\n\
         \t\tchar *const *cells = &t->cells[(size_t)i * {cells}];\n\
         \t\tint64_t *registers = &t->registers[(size_t)i * {registers}];\n"
    );
    let is_c = parts.processes[number].language == Language::C;
    if is_c {
        for cell in 0..cells {
            let _ = writeln!(out, "\t\tint64_t c{cell} = (int64_t)cells[{cell}];\n\t\tLKMM_AT_HAND(c{cell});");
        }
    }
    let _ = writeln!(out, "\t\tLKMM_AT_HAND(registers);\n\t\tlkmm_start(t, i, {threads});");
    let names: String = (0..cells).map(|cell| format!("c{cell}, ")).collect();
    let _ = match is_c {
        true => writeln!(out, "\t\tP{number}({names}registers);"),
        false => writeln!(out, "\t\tlkmm_rust_P{number}((char **)cells, registers);"),
    };
    out += "\t\tbarrier();\n\t}\n}\n\n";
    out
}

/// The name of a register: its own, so far as C has it, behind a number.
fn name(process: &Process, register: u32) -> String {
    let own = process.registers.get(register as usize).map_or("", String::as_str);
    let own: String = own.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("r{register}_{own}")
}

fn suffix(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Full => "",
        Ordering::Relaxed => "_relaxed",
        Ordering::Acquire => "_acquire",
        Ordering::Release => "_release",
    }
}

impl Writer<'_, '_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}{text}", "\t".repeat(self.indent));
    }

    /// What each local is at the beginning.
    fn locals(&mut self) -> Result<(), Problem> {
        for register in 0..self.process.registers.len() as u32 {
            let own = self.process.registers[register as usize].as_str();
            let initial = if (register as usize) < self.process.parameters.len() {
                format!("c{}", self.parts.cell_of(own))
            } else {
                self.given(own)
            };
            let name = name(self.process, register);
            self.line(&format!("int64_t {name} = {initial};"));
            self.line(&format!("(void){name};"));
        }
        Ok(())
    }

    /// What the initial state gives a local of this process.
    fn given(&self, local: &str) -> String {
        let place = Place::Register(self.number as u32, local.to_string());
        match self.parts.init.iter().find(|entry| entry.place == place).and_then(|entry| entry.values.first()) {
            Some(Literal::Int(value)) => value.to_string(),
            Some(Literal::Address(name, offset)) => format!("c{} + {offset}", self.parts.cell_of(name)),
            None => "0".into(),
        }
    }

    /// Keeps what is asked for.
    fn finals(&mut self) -> Result<(), Problem> {
        let asked = self.parts.test.program.threads[self.number].registers.clone();
        for (at, own) in asked.iter().enumerate() {
            let value = match self.process.registers.iter().position(|register| register == own) {
                Some(register) => name(self.process, register as u32),
                None => self.given(own),
            };
            self.line(&format!("registers[{at}] = {value};"));
        }
        Ok(())
    }

    fn statement(&mut self, statement: &Stmt) -> Result<(), Problem> {
        match &statement.kind {
            StmtKind::Declare => return Ok(()),
            StmtKind::Block(inner) => return inner.iter().try_for_each(|statement| self.statement(statement)),
            _ => self.comment(statement),
        }
        self.origin = statement.origin;
        let text = match &statement.kind {
            // C has none of the last, and Rust is not written here.
            StmtKind::Declare
            | StmtKind::Block(_)
            | StmtKind::Labelled { .. }
            | StmtKind::Leave(_)
            | StmtKind::Leaving { .. } => return Ok(()),
            StmtKind::If { condition, then, otherwise } => {
                let condition = self.value(condition)?;
                self.line(&format!("if ({condition}) {{"));
                self.block(then)?;
                if let Some(otherwise) = otherwise {
                    self.line("} else {");
                    self.block(otherwise)?;
                }
                "}".to_string()
            }
            StmtKind::Loop { condition, body, body_first } => return self.repeat(condition, body, *body_first),
            StmtKind::Assign { register: None, value } => format!("(void)({});", self.value(value)?),
            StmtKind::Assign { register: Some(register), value } => {
                format!("{} = {};", name(self.process, *register), self.value(value)?)
            }
            StmtKind::Store { address, value, mode } => self.store(address, value, *mode)?,
            StmtKind::Fence(Fence::RcuUnlock) => "rcu_read_unlock();".into(),
            StmtKind::Fence(fence) => format!("{}();", fence.function()),
            StmtKind::Lock(address) => format!("spin_lock({});", self.value(address)?),
            StmtKind::Unlock(address) => format!("spin_unlock({});", self.value(address)?),
            StmtKind::SyncSrcu(address) => format!("synchronize_srcu({});", self.value(address)?),
            StmtKind::AtomicOp { address, op, value } => {
                let (address, value) = (self.value(address)?, self.value(value)?);
                format!("atomic_add({}({value}), {address});", if *op == Operator::Sub { "-" } else { "" })
            }
        };
        self.line(&text);
        Ok(())
    }

    /// The source of a statement, as a comment.
    fn comment(&mut self, statement: &Stmt) {
        let text = self.parts.origins.get(statement.origin as usize).map_or("", |origin| origin.text.as_str());
        let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("*/", "").replace("/*", "");
        if !text.is_empty() {
            self.line(&format!("/* {text} */"));
        }
    }

    fn block(&mut self, statement: &Stmt) -> Result<(), Problem> {
        self.indent += 1;
        self.statement(statement)?;
        self.indent -= 1;
        Ok(())
    }

    /// A loop turns until its condition fails; one that turns often lets other threads run.
    fn repeat(&mut self, condition: &Expr, body: &Stmt, body_first: bool) -> Result<(), Problem> {
        self.loops += 1;
        let turns = format!("turns{}", self.loops);
        let condition = self.value(condition)?;
        self.line(&format!("uint32_t {turns} = 0;"));
        self.line(&if body_first { "do {".into() } else { format!("while ({condition}) {{") });
        self.block(body)?;
        self.line(&format!("\tlkmm_turn(&{turns});"));
        self.line(&if body_first { format!("}} while ({condition});") } else { "}".into() });
        Ok(())
    }

    /// Bytes of what lies at an address.
    fn width(&mut self, address: &Expr) -> u32 {
        match self.parts.types.expr(self.number, address) {
            Type::Pointer(to) => width(&to),
            Type::Int => 4,
        }
    }

    fn store(&mut self, address: &Expr, value: &Expr, mode: Mode) -> Result<String, Problem> {
        let width = self.width(address);
        let (address, value) = (self.value(address)?, self.value(value)?);
        Ok(match mode {
            Mode::Plain => format!("PLAIN_WRITE{width}({address}, {value});"),
            Mode::SrcuUnlock => format!("srcu_read_unlock({address}, {value});"),
            Mode::Release => format!("smp_store_release{width}({address}, {value});"),
            _ => format!("WRITE_ONCE{width}({address}, {value});"),
        })
    }

    /// An expression; it can stand as an argument and as an operand.
    fn value(&mut self, expr: &Expr) -> Result<String, Problem> {
        Ok(match &expr.kind {
            ExprKind::Const(value) => format!("INT64_C({value})"),
            ExprKind::Register(register) => name(self.process, *register),
            ExprKind::Load { address, mode } => {
                let width = self.width(address);
                let address = self.value(address)?;
                match mode {
                    Mode::Plain => format!("PLAIN_READ{width}({address})"),
                    Mode::SrcuLock => format!("srcu_read_lock({address})"),
                    Mode::Acquire => format!("smp_load_acquire{width}({address})"),
                    _ => format!("READ_ONCE{width}({address})"),
                }
            }
            ExprKind::Binary { op, left, right } => self.operation(expr, *op, left, right)?,
            ExprKind::Exchange { address, value, ordering } => {
                let width = self.width(address);
                format!("xchg{}{width}({}, {})", suffix(*ordering), self.value(address)?, self.value(value)?)
            }
            ExprKind::CompareExchange { address, old, new, ordering } => {
                let width = self.width(address);
                let (address, old, new) = (self.value(address)?, self.value(old)?, self.value(new)?);
                format!("cmpxchg{}{width}({address}, {old}, {new})", suffix(*ordering))
            }
            ExprKind::AtomicOp { address, op, value, yields, ordering } => {
                let width = self.width(address);
                let (address, value) = (self.value(address)?, self.value(value)?);
                let (stem, sign) = (
                    if *yields == Yields::Old { "atomic_fetch_add" } else { "atomic_add_return" },
                    if *op == Operator::Sub { "-" } else { "" },
                );
                format!("{stem}{}{width}({sign}({value}), {address})", suffix(*ordering))
            }
            ExprKind::AddUnless { address, add, unless, boolean } => {
                let unless = self.value(unless)?;
                let call = format!("atomic_fetch_add_unless({}, {}, {unless})", self.value(address)?, self.value(add)?);
                if *boolean { format!("({call} != {unless})") } else { call }
            }
            ExprKind::TryLock(address) => format!("spin_trylock({})", self.value(address)?),
            ExprKind::IsLocked(address) => format!("spin_is_locked({})", self.value(address)?),
        })
    }

    fn operation(&mut self, expr: &Expr, op: Operator, left: &Expr, right: &Expr) -> Result<String, Problem> {
        let mut is_address = |expr: &Expr| self.parts.types.expr(self.number, expr).is_pointer();
        if op == Operator::Sub && is_address(left) && is_address(right) {
            let span = self.parts.origins.get(self.origin as usize).map_or(0..0, |origin| origin.span.clone());
            return Err(refused("the difference of two addresses".into(), span));
        }
        let wide = is_address(expr);
        let (left, right) = (self.value(left)?, self.value(right)?);
        let symbol = match op {
            Operator::Add => "+",
            Operator::Sub => "-",
            Operator::Mul => "*",
            Operator::Div => "/",
            Operator::And => "&",
            Operator::Or => "|",
            Operator::Xor => "^",
            Operator::Eq => "==",
            Operator::Ne => "!=",
            Operator::Lt => "<",
            Operator::Le => "<=",
            Operator::Gt => ">",
            Operator::Ge => ">=",
        };
        let text = format!("({left} {symbol} {right})");
        let cut = matches!(op, Operator::Add | Operator::Sub | Operator::Mul | Operator::Div) && !wide;
        Ok(if cut { format!("LKMM_INT{text}") } else { text })
    }
}

//! Processes written in C: expressions.

use super::c::{Kind, Writer, step_name};
use crate::ast::{Expr, ExprKind, Ordering, Yields};
use lkmm_model::event::Mode;
use lkmm_model::program::Operator;

fn symbol(op: Operator) -> (u32, &'static str) {
    match op {
        Operator::Or => (1, "|"),
        Operator::Xor => (2, "^"),
        Operator::And => (3, "&"),
        Operator::Eq => (4, "=="),
        Operator::Ne => (4, "!="),
        Operator::Lt => (4, "<"),
        Operator::Le => (4, "<="),
        Operator::Gt => (4, ">"),
        Operator::Ge => (4, ">="),
        Operator::Add => (5, "+"),
        Operator::Sub => (5, "-"),
        Operator::Mul => (6, "*"),
        Operator::Div => (6, "/"),
    }
}

fn suffix(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Full => "",
        Ordering::Relaxed => "_relaxed",
        Ordering::Acquire => "_acquire",
        Ordering::Release => "_release",
    }
}

impl Writer<'_> {
    /// `*p`.
    pub(super) fn place(&mut self, address: &Expr) -> String {
        let text = self.value(address);
        if matches!(address.kind, ExprKind::Register(_)) { format!("*{text}") } else { format!("*({text})") }
    }

    /// An expression.
    pub(super) fn value(&mut self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Const(value) => value.to_string(),
            ExprKind::Register(register) => self.names.register(*register).to_string(),
            ExprKind::Load { address, mode } => self.load(address, *mode),
            ExprKind::Binary { op, left, right } => {
                let (level, symbol) = symbol(*op);
                let left = self.operand(left, level, true);
                let right = self.operand(right, level, false);
                format!("{left} {symbol} {right}")
            }
            ExprKind::Exchange { address, value, ordering } => {
                let prefix = self.prefix(address);
                let (address, value) = (self.value(address), self.value(value));
                format!("{prefix}xchg{}({address}, {value})", suffix(*ordering))
            }
            ExprKind::CompareExchange { address, old, new, ordering } => {
                let prefix = self.prefix(address);
                let (address, old, new) = (self.value(address), self.value(old), self.value(new));
                format!("{prefix}cmpxchg{}({address}, {old}, {new})", suffix(*ordering))
            }
            ExprKind::AtomicOp { address, op, value, yields, ordering } => {
                let address = self.value(address);
                let (fetch, returns) = match yields {
                    Yields::Old => ("fetch_", ""),
                    Yields::New => ("", "_return"),
                };
                let suffix = suffix(*ordering);
                let name = if *op == Operator::Sub { "sub" } else { "add" };
                match value.kind {
                    ExprKind::Const(1) => format!("atomic_{fetch}{}{returns}{suffix}({address})", step_name(*op)),
                    _ => format!("atomic_{fetch}{name}{returns}{suffix}({}, {address})", self.value(value)),
                }
            }
            ExprKind::AddUnless { address, add, unless, boolean } => {
                let prefix = if *boolean { "" } else { "__" };
                let (address, add, unless) = (self.value(address), self.value(add), self.value(unless));
                format!("{prefix}atomic_add_unless({address}, {add}, {unless})")
            }
            ExprKind::TryLock(address) => format!("spin_trylock({})", self.value(address)),
            ExprKind::IsLocked(address) => format!("spin_is_locked({})", self.value(address)),
        }
    }

    fn load(&mut self, address: &Expr, mode: Mode) -> String {
        let dereferences =
            self.origin_text().contains("rcu::dereference") || self.origin_text().contains("rcu_dereference");
        let atomic = self.kind(address) == Some(Kind::Atomic);
        let pointer = self.value(address);
        let place = self.place(address);
        match mode {
            Mode::Plain => place,
            Mode::SrcuLock if self.origin_text().contains("down_read") => format!("srcu_down_read({pointer})"),
            Mode::SrcuLock => format!("srcu_read_lock({pointer})"),
            Mode::Acquire if atomic => format!("atomic_read_acquire({pointer})"),
            Mode::Acquire => format!("smp_load_acquire({pointer})"),
            _ if atomic => format!("atomic_read({pointer})"),
            _ if dereferences => format!("rcu_dereference({place})"),
            _ => format!("READ_ONCE({place})"),
        }
    }

    fn prefix(&self, address: &Expr) -> &'static str {
        if self.kind(address) == Some(Kind::Atomic) { "atomic_" } else { "" }
    }

    /// An operand of an operator that binds so tightly; sums and products go from left to right without parentheses.
    fn operand(&mut self, expr: &Expr, level: u32, is_left: bool) -> String {
        let text = self.value(expr);
        let bare = match &expr.kind {
            ExprKind::Binary { op, .. } => {
                let (inner, _) = symbol(*op);
                level == 4 && inner > 4 || level >= 5 && inner >= 5 && (inner > level || is_left && inner == level)
            }
            ExprKind::Load { mode: Mode::Plain, .. } => level != 6,
            _ => true,
        };
        if bare { text } else { format!("({text})") }
    }
}

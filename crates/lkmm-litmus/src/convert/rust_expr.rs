//! Processes written in Rust: expressions.
//!
//! An expression is written as what it is wanted as: a number, a `bool`, or a pointer of some type. Where it is another one, it is
//! converted; conversions mean nothing to the model.

use super::infer::Type;
use super::rust::{Kind, Writer, rust_type};
use super::scopes::operands;
use crate::ast::{Expr, ExprKind, Ordering, Yields};
use lkmm_model::event::Mode;
use lkmm_model::program::Operator;
use lkmm_report::Problem;

/// How tightly a text binds; an operand binds at least as tightly as its operator wants.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    /// A cast, or a block: in parentheses as any operand.
    Loose,
    Comparison,
    Or,
    Xor,
    And,
    Sum,
    Product,
    Unary,
    Atom,
}

/// A text, and how it binds.
struct Text(String, Level);

impl Text {
    fn at(self, level: Level) -> String {
        if self.1 >= level { self.0 } else { format!("({})", self.0) }
    }
}

fn level(op: Operator) -> (Level, &'static str) {
    match op {
        Operator::Or => (Level::Or, "|"),
        Operator::Xor => (Level::Xor, "^"),
        Operator::And => (Level::And, "&"),
        Operator::Add => (Level::Sum, "+"),
        Operator::Sub => (Level::Sum, "-"),
        Operator::Mul => (Level::Product, "*"),
        Operator::Div => (Level::Product, "/"),
        Operator::Eq => (Level::Comparison, "=="),
        Operator::Ne => (Level::Comparison, "!="),
        Operator::Lt => (Level::Comparison, "<"),
        Operator::Le => (Level::Comparison, "<="),
        Operator::Gt => (Level::Comparison, ">"),
        Operator::Ge => (Level::Comparison, ">="),
    }
}

fn is_comparison(op: Operator) -> bool {
    op.opposite().is_some()
}

fn ordering_name(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Full => "Full",
        Ordering::Relaxed => "Relaxed",
        Ordering::Acquire => "Acquire",
        Ordering::Release => "Release",
    }
}

/// Is it a `bool` in Rust?
fn is_bool(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Binary { op: Operator::And | Operator::Or | Operator::Xor, left, right } => {
            is_bool(left) && is_bool(right)
        }
        ExprKind::Binary { op, .. } => is_comparison(*op),
        ExprKind::IsLocked(_) | ExprKind::AddUnless { boolean: true, .. } => true,
        _ => false,
    }
}

impl Writer<'_> {
    /// An expression as a value of a type.
    pub(super) fn value(&mut self, expr: &Expr, wanted: &Type, is_unsafe: bool) -> Result<String, Problem> {
        let text =
            if wanted.is_pointer() { self.pointer(expr, wanted, is_unsafe)? } else { self.int(expr, is_unsafe)? };
        Ok(text.0)
    }

    /// A number as an operand.
    pub(super) fn operand(&mut self, expr: &Expr, is_unsafe: bool) -> Result<String, Problem> {
        Ok(self.int(expr, is_unsafe)?.at(Level::Unary))
    }

    /// A condition.
    pub(super) fn condition(&mut self, expr: &Expr, is_unsafe: bool) -> Result<String, Problem> {
        Ok(self.bool(expr, is_unsafe)?.0)
    }

    /// The opposite of a condition.
    pub(super) fn opposite(&mut self, expr: &Expr) -> Result<String, Problem> {
        if let ExprKind::Binary { op, left, right } = &expr.kind {
            if let Some(op) = op.opposite() {
                return Ok(self.comparison(expr, op, left, right, false)?.0);
            }
        }
        if !is_bool(expr) && !matches!(expr.kind, ExprKind::Const(_)) {
            let number = self.int(expr, false)?;
            return Ok(format!("{} == 0", number.at(Level::Or)));
        }
        let text = self.bool(expr, false)?;
        Ok(match text.0.as_str() {
            "true" => "false".into(),
            "false" => "true".into(),
            _ => format!("!{}", text.at(Level::Unary)),
        })
    }

    /// Does it follow raw pointers?
    fn follows(&self, expr: &Expr) -> bool {
        let here = match &expr.kind {
            ExprKind::Load { mode: Mode::Plain, .. } => true,
            ExprKind::Load { address, mode } => *mode != Mode::SrcuLock && !self.is_atomic(address),
            ExprKind::Exchange { address, .. }
            | ExprKind::CompareExchange { address, .. }
            | ExprKind::AddUnless { address, .. }
            | ExprKind::AtomicOp { address, .. } => !self.is_atomic(address),
            _ => false,
        };
        here || operands(expr).into_iter().any(|operand| self.follows(operand))
    }

    /// Is it computed from numbers alone? (Its value may be used as an address for all that.)
    fn is_of_numbers(&mut self, expr: &Expr) -> bool {
        match &expr.kind {
            ExprKind::Binary { left, right, .. } => {
                !self.types.expr(self.number, left).is_pointer() && !self.types.expr(self.number, right).is_pointer()
            }
            _ => false,
        }
    }

    /// Is it a parameter that refers to an atomic?
    pub(super) fn is_atomic(&self, address: &Expr) -> bool {
        matches!(address.kind, ExprKind::Register(register) if self.kinds.get(register as usize) == Some(&Kind::Atomic))
    }

    /// The type of what an address points to.
    pub(super) fn pointee(&mut self, address: &Expr) -> Type {
        match self.types.expr(self.number, address) {
            Type::Pointer(to) => *to,
            Type::Int => Type::Int,
        }
    }

    /// The type of what is added to.
    pub(super) fn number_at(&mut self, address: &Expr) -> Result<Type, Problem> {
        match self.pointee(address) {
            Type::Int => Ok(Type::Int),
            Type::Pointer(_) => Err(self.problem("an addition to what holds addresses, behind a pointer")),
        }
    }

    /// What an atomic operation is called on.
    pub(super) fn receiver(&mut self, address: &Expr, is_unsafe: bool) -> Result<String, Problem> {
        if let ExprKind::Register(register) = address.kind {
            if self.is_atomic(address) {
                return Ok(self.names.register(register).to_string());
            }
        }
        let wanted = Type::Pointer(Box::new(self.pointee(address)));
        let pointer = self.pointer(address, &wanted, true)?.0;
        let text = format!("Atomic::from_ptr({pointer})");
        Ok(if is_unsafe { text } else { format!("unsafe {{ {text} }}") })
    }

    /// `*p`, which stands in `unsafe`.
    pub(super) fn place(&mut self, address: &Expr) -> Result<String, Problem> {
        let wanted = Type::Pointer(Box::new(self.pointee(address)));
        let pointer = self.pointer(address, &wanted, true)?.at(Level::Unary);
        Ok(format!("*{pointer}"))
    }

    /// A number.
    fn int(&mut self, expr: &Expr, is_unsafe: bool) -> Result<Text, Problem> {
        if let ExprKind::Const(value) = expr.kind {
            let level = if value < 0 { Level::Unary } else { Level::Atom };
            return Ok(Text(value.to_string(), level));
        }
        if is_bool(expr) {
            let text = self.bool(expr, is_unsafe)?.at(Level::Unary);
            return Ok(Text(format!("{text} as i32"), Level::Loose));
        }
        let ty = self.types.expr(self.number, expr);
        if ty.is_pointer() && !self.is_of_numbers(expr) {
            let text = self.pointer(expr, &ty, is_unsafe)?.at(Level::Unary);
            return Ok(Text(format!("{text} as usize as i32"), Level::Loose));
        }
        match &expr.kind {
            ExprKind::Binary { op, left, right } => {
                if self.follows(expr) && !is_unsafe {
                    let text = self.int(expr, true)?.0;
                    return Ok(Text(format!("unsafe {{ {text} }}"), Level::Loose));
                }
                let (level, symbol) = level(*op);
                let next = if level == Level::Product { Level::Unary } else { Level::Product };
                let left_level = if matches!(level, Level::Sum | Level::Product) { level } else { Level::Unary };
                let right_level = if matches!(level, Level::Sum | Level::Product) { next } else { Level::Unary };
                let left = self.int(left, is_unsafe)?.at(left_level);
                let right = self.int(right, is_unsafe)?.at(right_level);
                Ok(Text(format!("{left} {symbol} {right}"), level))
            }
            _ => self.simple(expr, is_unsafe),
        }
    }

    /// What is no operator, as the type that it has.
    fn simple(&mut self, expr: &Expr, is_unsafe: bool) -> Result<Text, Problem> {
        let text = match &expr.kind {
            ExprKind::Register(register) => {
                let name = self.names.register(*register).to_string();
                match self.kinds.get(*register as usize) {
                    Some(Kind::Atomic) => format!("{name}.as_ptr()"),
                    Some(Kind::Lock | Kind::Domain) => {
                        return Err(self.problem("the address of a lock or an SRCU domain as a value"));
                    }
                    _ => name,
                }
            }
            ExprKind::Load { address, mode: Mode::Plain } => {
                let place = self.place(address)?;
                if is_unsafe {
                    return Ok(Text(place, Level::Unary));
                }
                return Ok(Text(format!("unsafe {{ {place} }}"), Level::Loose));
            }
            ExprKind::Load { address, mode: Mode::SrcuLock } => format!("{}.down_read()", self.lock(address)?),
            ExprKind::Load { address, mode } => {
                let dereferences = self.origin_text().contains("rcu_dereference")
                    && self.is_atomic(address)
                    && self.pointee(address).is_pointer();
                let receiver = self.receiver(address, is_unsafe)?;
                match mode {
                    Mode::Acquire => format!("{receiver}.load(Acquire)"),
                    _ if dereferences => format!("rcu::dereference({receiver})"),
                    _ => format!("{receiver}.load(Relaxed)"),
                }
            }
            ExprKind::Exchange { address, value, ordering } => {
                let content = self.pointee(address);
                let receiver = self.receiver(address, is_unsafe)?;
                let value = self.value(value, &content, is_unsafe)?;
                format!("{receiver}.xchg({value}, {})", ordering_name(*ordering))
            }
            ExprKind::CompareExchange { .. } => {
                format!("{}.unwrap_or_else(|old| old)", self.compare_exchange(expr, is_unsafe)?)
            }
            ExprKind::AtomicOp { address, op, value, yields, ordering } => {
                return self.atomic_op(address, *op, value, (*yields, *ordering), is_unsafe);
            }
            ExprKind::IsLocked(address) => format!("{}.is_locked()", self.lock(address)?),
            ExprKind::AddUnless { boolean: false, .. } => {
                return Err(self.problem("`__atomic_add_unless`, which yields the value that it found"));
            }
            ExprKind::AddUnless { address, add, unless, .. } => {
                self.number_at(address)?;
                let receiver = self.receiver(address, is_unsafe)?;
                let add = self.value(add, &Type::Int, is_unsafe)?;
                let unless = self.value(unless, &Type::Int, is_unsafe)?;
                format!("{receiver}.add_unless({add}, {unless}, Full)")
            }
            ExprKind::TryLock(_) => {
                return Err(self.problem("a `spin_trylock` that is neither assigned nor asked for by an `if`"));
            }
            ExprKind::Const(_) | ExprKind::Binary { .. } => return self.int(expr, is_unsafe),
        };
        Ok(Text(text, Level::Atom))
    }

    /// The call alone, which yields a `Result`.
    fn compare_exchange(&mut self, expr: &Expr, is_unsafe: bool) -> Result<String, Problem> {
        let ExprKind::CompareExchange { address, old, new, ordering } = &expr.kind else {
            return Err(self.problem("no `cmpxchg`"));
        };
        let content = self.pointee(address);
        let receiver = self.receiver(address, is_unsafe)?;
        let old = self.value(old, &content, is_unsafe)?;
        let new = self.value(new, &content, is_unsafe)?;
        Ok(format!("{receiver}.cmpxchg({old}, {new}, {})", ordering_name(*ordering)))
    }

    fn atomic_op(
        &mut self,
        address: &Expr,
        op: Operator,
        value: &Expr,
        (yields, ordering): (Yields, Ordering),
        is_unsafe: bool,
    ) -> Result<Text, Problem> {
        let content = self.number_at(address)?;
        let receiver = self.receiver(address, is_unsafe)?;
        let (method, sign) = match op {
            Operator::Add => ("fetch_add", "+"),
            Operator::Sub => ("fetch_sub", "-"),
            _ => return Err(self.problem("an atomic operation that is neither an addition nor a subtraction")),
        };
        let argument = self.value(value, &content, is_unsafe)?;
        let call = format!("{receiver}.{method}({argument}, {})", ordering_name(ordering));
        if yields == Yields::Old {
            return Ok(Text(call, Level::Atom));
        }
        // The value that was written is that which was read, and what was added; the result of a full barrier depends on nothing.
        match value.kind {
            ExprKind::Const(_) => {}
            ExprKind::Register(_) if ordering != Ordering::Full => {}
            _ => return Err(self.problem("the value that an atomic operation writes, if it adds what is no number")),
        }
        let again = self.int(value, is_unsafe)?.at(Level::Product);
        Ok(Text(format!("{call} {sign} {again}"), Level::Sum))
    }

    /// An address, as a pointer of a type.
    fn pointer(&mut self, expr: &Expr, wanted: &Type, is_unsafe: bool) -> Result<Text, Problem> {
        if let ExprKind::Const(value) = expr.kind {
            return Ok(match value {
                0 => Text("ptr::null_mut()".into(), Level::Atom),
                1.. => Text(format!("{value}usize as {}", rust_type(wanted)), Level::Loose),
                _ => Text(format!("({value}) as usize as {}", rust_type(wanted)), Level::Loose),
            });
        }
        let ty = self.types.expr(self.number, expr);
        if !ty.is_pointer() || self.is_of_numbers(expr) {
            let number = self.int(expr, is_unsafe)?.at(Level::Unary);
            return Ok(Text(format!("{number} as usize as {}", rust_type(wanted)), Level::Loose));
        }
        let text = match &expr.kind {
            ExprKind::Binary { op, left, right } => {
                let (base, offset) = match self.types.expr(self.number, left).is_pointer() {
                    true => (left, right),
                    false => (right, left),
                };
                if self.follows(expr) && !is_unsafe {
                    let text = self.pointer(expr, wanted, true)?.0;
                    return Ok(Text(format!("unsafe {{ {text} }}"), Level::Loose));
                }
                let base_type = self.types.expr(self.number, base);
                let base = self.pointer(base, &base_type, is_unsafe)?.at(Level::Atom);
                let offset = match offset.kind {
                    ExprKind::Const(offset @ 0..) => offset.to_string(),
                    _ => format!("{} as usize", self.int(offset, is_unsafe)?.at(Level::Unary)),
                };
                let method = if *op == Operator::Sub { "wrapping_byte_sub" } else { "wrapping_byte_add" };
                Text(format!("{base}.{method}({offset})"), Level::Atom)
            }
            _ => self.simple(expr, is_unsafe)?,
        };
        if ty == *wanted {
            return Ok(text);
        }
        Ok(Text(format!("{}.cast()", text.at(Level::Atom)), Level::Atom))
    }

    /// A condition.
    fn bool(&mut self, expr: &Expr, is_unsafe: bool) -> Result<Text, Problem> {
        if let ExprKind::Const(value) = expr.kind {
            return Ok(Text((value != 0).to_string(), Level::Atom));
        }
        if !is_unsafe && self.follows(expr) && matches!(expr.kind, ExprKind::Binary { .. }) {
            let text = self.bool(expr, true)?.0;
            return Ok(Text(format!("unsafe {{ {text} }}"), Level::Loose));
        }
        match &expr.kind {
            ExprKind::Binary { op, left, right } if is_comparison(*op) => {
                self.comparison(expr, *op, left, right, is_unsafe)
            }
            ExprKind::Binary { op, left, right } if is_bool(expr) => {
                let (level, symbol) = level(*op);
                let (left, right) = (self.bool(left, is_unsafe)?, self.bool(right, is_unsafe)?);
                Ok(Text(format!("{} {symbol} {}", left.at(Level::Unary), right.at(Level::Unary)), level))
            }
            ExprKind::IsLocked(_) | ExprKind::AddUnless { boolean: true, .. } => self.simple(expr, is_unsafe),
            _ if self.types.expr(self.number, expr).is_pointer() => {
                let ty = self.types.expr(self.number, expr);
                let pointer = self.pointer(expr, &ty, is_unsafe)?.at(Level::Atom);
                Ok(Text(format!("!{pointer}.is_null()"), Level::Unary))
            }
            _ => {
                let number = self.int(expr, is_unsafe)?.at(Level::Or);
                Ok(Text(format!("{number} != 0"), Level::Comparison))
            }
        }
    }

    fn comparison(
        &mut self,
        expr: &Expr,
        op: Operator,
        left: &Expr,
        right: &Expr,
        is_unsafe: bool,
    ) -> Result<Text, Problem> {
        if !is_unsafe && self.follows(expr) {
            let text = self.comparison(expr, op, left, right, true)?.0;
            return Ok(Text(format!("unsafe {{ {text} }}"), Level::Loose));
        }
        let (_, symbol) = level(op);
        // Did a `cmpxchg` find what it expected?
        if let (ExprKind::CompareExchange { old, .. }, ExprKind::Const(compared)) = (&left.kind, &right.kind) {
            let method = match op {
                Operator::Eq => Some("is_ok"),
                Operator::Ne => Some("is_err"),
                _ => None,
            };
            if let (Some(method), ExprKind::Const(expected)) = (method, &old.kind) {
                if expected == compared {
                    let call = self.compare_exchange(left, is_unsafe)?;
                    return Ok(Text(format!("{call}.{method}()"), Level::Atom));
                }
            }
        }
        let (a, b) = (self.types.expr(self.number, left), self.types.expr(self.number, right));
        let is_null = matches!(right.kind, ExprKind::Const(0)) && matches!(op, Operator::Eq | Operator::Ne);
        if a.is_pointer() && is_null {
            let pointer = self.pointer(left, &a, is_unsafe)?.at(Level::Atom);
            let negation = if op == Operator::Ne { "!" } else { "" };
            return Ok(Text(format!("{negation}{pointer}.is_null()"), Level::Unary));
        }
        let (left, right) = if a.is_pointer() && b.is_pointer() {
            (self.pointer(left, &a, is_unsafe)?, self.pointer(right, &a, is_unsafe)?)
        } else {
            (self.int(left, is_unsafe)?, self.int(right, is_unsafe)?)
        };
        Ok(Text(format!("{} {symbol} {}", left.at(Level::Or), right.at(Level::Or)), Level::Comparison))
    }
}

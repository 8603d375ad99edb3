//! Operators.

use super::arithmetic::Arithmetic;
use super::types::Type;
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Stmt, StmtKind};
use lkmm_model::program::Operator;
use lkmm_report::Problem;
use std::ops::Range;
use syn::{BinOp, Expr as Syntax, Lit, UnOp};

/// What a binary operator is here.
enum Meaning {
    /// Between integers, or bit by bit between `bool`s.
    Number(Arithmetic),
    Comparison(Operator),
    /// `&&` and `||`.
    Lazy(Operator),
    Missing(&'static str),
}

impl Meaning {
    /// Are its operands of different types?
    fn is_shift(&self) -> bool {
        matches!(self, Meaning::Number(Arithmetic::ShiftLeft | Arithmetic::ShiftRight))
    }
}

fn meaning(op: &BinOp) -> Meaning {
    use Arithmetic::{Plain, Remainder, ShiftLeft, ShiftRight};
    use Meaning::{Comparison, Lazy, Missing, Number};
    match op {
        BinOp::Add(_) | BinOp::AddAssign(_) => Number(Plain(Operator::Add)),
        BinOp::Sub(_) | BinOp::SubAssign(_) => Number(Plain(Operator::Sub)),
        BinOp::Mul(_) | BinOp::MulAssign(_) => Number(Plain(Operator::Mul)),
        BinOp::Div(_) | BinOp::DivAssign(_) => Number(Plain(Operator::Div)),
        BinOp::BitAnd(_) | BinOp::BitAndAssign(_) => Number(Plain(Operator::And)),
        BinOp::BitOr(_) | BinOp::BitOrAssign(_) => Number(Plain(Operator::Or)),
        BinOp::BitXor(_) | BinOp::BitXorAssign(_) => Number(Plain(Operator::Xor)),
        BinOp::Eq(_) => Comparison(Operator::Eq),
        BinOp::Ne(_) => Comparison(Operator::Ne),
        BinOp::Lt(_) => Comparison(Operator::Lt),
        BinOp::Le(_) => Comparison(Operator::Le),
        BinOp::Gt(_) => Comparison(Operator::Gt),
        BinOp::Ge(_) => Comparison(Operator::Ge),
        BinOp::And(_) => Lazy(Operator::And),
        BinOp::Or(_) => Lazy(Operator::Or),
        BinOp::Rem(_) | BinOp::RemAssign(_) => Number(Remainder),
        BinOp::Shl(_) | BinOp::ShlAssign(_) => Number(ShiftLeft),
        BinOp::Shr(_) | BinOp::ShrAssign(_) => Number(ShiftRight),
        _ => Missing("there are `+ - * / % & | ^ << >>` and the comparisons"),
    }
}

/// Is it `+=`, or one like it?
pub(super) fn is_compound(op: &BinOp) -> bool {
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

/// Does evaluating it do anything?
pub(super) fn has_effect(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Const(_) | ExprKind::Register(_) => false,
        // By anything but a number, it may be by zero.
        ExprKind::Binary { op: Operator::Div, left, right } => {
            !matches!(right.kind, ExprKind::Const(divisor) if divisor != 0) || has_effect(left)
        }
        ExprKind::Binary { left, right, .. } => has_effect(left) || has_effect(right),
        _ => true,
    }
}

impl Front<'_> {
    pub(super) fn unary(
        &mut self,
        unary: &syn::ExprUnary,
        wanted: Option<&Type>,
        span: Range<usize>,
    ) -> Result<Value, Problem> {
        match unary.op {
            UnOp::Deref(_) => self.read_place(&unary.expr, span),
            UnOp::Not(_) => {
                let value = self.value(&unary.expr, wanted)?;
                let expr = match value.ty {
                    Type::Bool => self.negated(value.expr, &span)?,
                    Type::Int(_) => self.complement(value.expr, &value.ty, &span)?,
                    ty => return Err(Problem::at(format!("there is no `!` of a `{ty}`"), span)),
                };
                Ok(Value { expr, ty: value.ty, of: None, span })
            }
            UnOp::Neg(_) => {
                if let Syntax::Lit(syn::ExprLit { lit: Lit::Int(int), .. }) = super::place::unwrapped(&unary.expr) {
                    let value = int.base10_parse::<i64>().unwrap_or(i64::MAX);
                    return self.integer(-value, int.suffix(), wanted, span);
                }
                let value = self.value(&unary.expr, wanted)?;
                self.negative(value, span)
            }
            _ => Err(Problem::at("an operator that the dialect does not have", span)),
        }
    }

    /// The opposite of a `bool`.
    pub(super) fn negated(&self, expr: Expr, span: &Range<usize>) -> Result<Expr, Problem> {
        let Expr { kind, height } = expr;
        let kind = match kind {
            ExprKind::Const(value) => return Ok(Expr::leaf(ExprKind::Const(i32::from(value == 0)))),
            ExprKind::Binary { op, left, right } => match op.opposite() {
                Some(op) => return Ok(Expr { kind: ExprKind::Binary { op, left, right }, height }),
                None => ExprKind::Binary { op, left, right },
            },
            kind => kind,
        };
        let zero = Expr::leaf(ExprKind::Const(0));
        self.binary(Operator::Eq, Expr { kind, height }, zero, span)
    }

    pub(super) fn operation(
        &mut self,
        binary: &syn::ExprBinary,
        wanted: Option<&Type>,
        span: Range<usize>,
    ) -> Result<Value, Problem> {
        if is_compound(&binary.op) {
            return Err(Problem::at("an assignment has no value", span).with_help("write it as a statement of its own"));
        }
        let meaning = meaning(&binary.op);
        if let Meaning::Missing(help) = meaning {
            let op = self.range(&binary.op);
            return Err(Problem::at("an operator that the model does not have", op).with_help(help));
        }
        if let Meaning::Lazy(op) = meaning {
            return self.lazy(op, binary, span);
        }
        let left = self.value(&binary.left, wanted.filter(|_| matches!(meaning, Meaning::Number(_))))?;
        let (left, right) = self.right(left, &binary.right, &meaning)?;
        self.combined(&meaning, left, right, span)
    }

    fn right(&mut self, left: Value, right: &Syntax, meaning: &Meaning) -> Result<(Value, Value), Problem> {
        self.behind(left, |front, ty| front.value(right, Some(ty).filter(|_| !meaning.is_shift())))
    }

    /// A right operand, by the type of the left one. If statements come before it, they come behind the left one, which goes into a
    /// register then.
    pub(super) fn behind(
        &mut self,
        left: Value,
        right: impl FnOnce(&mut Self, &Type) -> Result<Value, Problem>,
    ) -> Result<(Value, Value), Problem> {
        let (effects, operands) = (std::mem::take(&mut self.effects), self.operands);
        let (right, statements) = self.collect(|front| right(front, &left.ty))?;
        if statements.is_empty() {
            self.effects |= effects;
            return Ok((left, right));
        }
        let left = match left.expr.kind {
            ExprKind::Const(_) => left,
            _ => {
                let register = self.hidden("left");
                self.emit(StmtKind::Assign { register: Some(register), value: left.expr })?;
                Value { expr: Expr::leaf(ExprKind::Register(register)), ..left }
            }
        };
        self.out.extend(statements);
        self.operands += operands;
        Ok((left, right))
    }

    /// `a && b` and `a || b`: if `b` does something, a branch, whose value goes into a register.
    fn lazy(&mut self, op: Operator, binary: &syn::ExprBinary, span: Range<usize>) -> Result<Value, Problem> {
        let before = self.effects;
        let left = self.value(&binary.left, None)?;
        self.require(&left, &Type::Bool)?;
        let states = self.scopes.states();
        let (outer, operands) = (self.effects, self.operands);
        self.effects = false;
        let (reachable, leaves) = (self.reachable, self.leaves.take());
        let (right, statements) = self.collect(|front| {
            let right = front.value(&binary.right, None)?;
            front.require(&right, &Type::Bool)?;
            Ok(right)
        })?;
        let inner = self.leaves.take();
        self.leaves = super::leave::least(leaves, inner);
        if reachable && !self.reachable {
            let operand = self.range(&binary.right);
            return Err(Problem::at("this never has a value", operand).with_help("write an `if`"));
        }
        self.effects = outer;
        self.operands += operands;
        self.scopes.join(&states);
        if statements.is_empty() && !has_effect(&right.expr) {
            let expr = self.binary(op, left.expr, right.expr, &span)?;
            return Ok(Value { expr, ty: Type::Bool, of: None, span });
        }
        if before {
            return Err(Problem::at(
                "this is evaluated only if the other operand says so, and something before both",
                span,
            )
            .with_help("bind it with `let` in a statement of its own first"));
        }
        let (register, origin) = (Some(self.hidden("both")), self.origin);
        let block = |statements| Box::new(Stmt { kind: StmtKind::Block(statements), origin });
        let assign = |value| Stmt { kind: StmtKind::Assign { register, value }, origin };
        let is_and = op == Operator::And;
        let mut asked = statements;
        asked.push(assign(right.expr));
        let known = vec![assign(Expr::leaf(ExprKind::Const(i32::from(!is_and))))];
        let (then, otherwise) = if is_and { (asked, known) } else { (known, asked) };
        let branch = StmtKind::If { condition: left.expr, then: block(then), otherwise: Some(block(otherwise)) };
        self.emit_branch(branch, inner)?;
        let expr = self.leaf(ExprKind::Register(register.unwrap_or(0)), &span)?;
        Ok(Value { expr, ty: Type::Bool, of: None, span })
    }

    fn combined(&mut self, meaning: &Meaning, left: Value, right: Value, span: Range<usize>) -> Result<Value, Problem> {
        match meaning {
            Meaning::Number(op) => {
                if let Type::Pointer { .. } = left.ty {
                    return Err(Problem::at("a pointer is no number", left.span)
                        .with_help("an offset in bytes is added by `….wrapping_byte_add(…)`"));
                }
                let bitwise = matches!(op, Arithmetic::Plain(Operator::And | Operator::Or | Operator::Xor));
                match left.ty {
                    Type::Int(_) if meaning.is_shift() => {
                        if !matches!(right.ty, Type::Int(_)) {
                            return Err(Problem::at(format!("a `{}` is no number", right.ty), right.span));
                        }
                    }
                    Type::Int(_) => self.unify(&left, &right)?,
                    Type::Bool if bitwise => self.require(&right, &Type::Bool)?,
                    ty => return Err(Problem::at(format!("a `{ty}` is no number"), left.span)),
                }
                let ty = match meaning.is_shift() {
                    true => left.ty,
                    false => left.ty.joined(&right.ty),
                };
                let expr = match (op, &ty) {
                    (Arithmetic::Plain(op), Type::Bool) => self.binary(*op, left.expr, right.expr, &span)?,
                    _ => self.arithmetic(*op, left.expr, right.expr, &ty, &span)?,
                };
                Ok(Value { expr, ty, of: None, span })
            }
            Meaning::Comparison(op) => {
                let comparable = matches!(left.ty, Type::Int(_) | Type::Bool | Type::Pointer { .. } | Type::Unknown);
                if !comparable {
                    return Err(self.incomparable(&left));
                }
                match (&left.ty, &right.ty) {
                    (Type::Pointer { to: a, .. }, Type::Pointer { to: b, .. }) if a.fits(b) => {}
                    _ => self.unify(&left, &right)?,
                }
                let ty = left.ty.joined(&right.ty);
                let expr = self.compared(*op, left.expr, right.expr, &ty, &span)?;
                Ok(Value { expr, ty: Type::Bool, of: None, span })
            }
            Meaning::Lazy(_) | Meaning::Missing(_) => Err(Problem::at("no such operator", span)),
        }
    }

    /// Both operands are of one type.
    pub(super) fn unify(&mut self, left: &Value, right: &Value) -> Result<(), Problem> {
        self.require(right, &left.ty)?;
        if left.ty == Type::Int(None) {
            self.require(left, &right.ty)?;
        }
        Ok(())
    }

    fn incomparable(&self, left: &Value) -> Problem {
        let problem = Problem::at(format!("a `{}` is not compared", left.ty), left.span.clone());
        match &left.ty {
            Type::Exchanged(_) => {
                problem.with_help("ask `.is_ok()`, or compare the value that was found: `.unwrap_or_else(|old| old)`")
            }
            Type::Reference(_) => problem.with_help("compare pointers: `….as_ptr()`"),
            Type::MaybeGuard => problem.with_help("ask `.is_some()`"),
            _ => problem,
        }
    }

    pub(super) fn compound_assignment(&mut self, binary: &syn::ExprBinary) -> Result<(), Problem> {
        let meaning = meaning(&binary.op);
        if let Meaning::Missing(help) = meaning {
            let op = self.range(&binary.op);
            return Err(Problem::at("an operator that the model does not have", op).with_help(help));
        }
        let span = self.range(binary);
        if let Syntax::Path(path) = super::place::unwrapped(&binary.left) {
            let (id, place) = self.local_of(path)?;
            let left = self.use_local(id, place.clone())?;
            self.assignable(id, &place)?;
            let (left, right) = self.right(left, &binary.right, &meaning)?;
            let ty = left.ty.clone();
            let value = self.combined(&meaning, left, right, span)?;
            let binding = &mut self.scopes.bindings[id];
            binding.ty = ty.joined(&value.ty);
            binding.of = None;
            let register = Some(binding.register);
            return self.emit(StmtKind::Assign { register, value: value.expr });
        }
        let place = self.place_to_write(&binary.left)?;
        let left = self.load_plain(&place)?;
        let (left, right) = self.right(left, &binary.right, &meaning)?;
        let value = self.combined(&meaning, left, right, span)?;
        self.store_plain(place, value)
    }
}

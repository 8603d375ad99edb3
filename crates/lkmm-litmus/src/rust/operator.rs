//! Operators.

use super::types::Type;
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, StmtKind};
use lkmm_model::program::Operator;
use lkmm_report::Problem;
use std::ops::Range;
use syn::{BinOp, Lit, UnOp};

/// What a binary operator is here.
enum Meaning {
    /// Between integers, or bit by bit between `bool`s.
    Arithmetic(Operator),
    Comparison(Operator),
    /// `&&` and `||`, where the right operand does nothing.
    Lazy(Operator),
    Missing(&'static str),
}

fn meaning(op: &BinOp) -> Meaning {
    use Meaning::{Arithmetic, Comparison, Lazy, Missing};
    match op {
        BinOp::Add(_) | BinOp::AddAssign(_) => Arithmetic(Operator::Add),
        BinOp::Sub(_) | BinOp::SubAssign(_) => Arithmetic(Operator::Sub),
        BinOp::Mul(_) | BinOp::MulAssign(_) => Arithmetic(Operator::Mul),
        BinOp::Div(_) | BinOp::DivAssign(_) => Arithmetic(Operator::Div),
        BinOp::BitAnd(_) | BinOp::BitAndAssign(_) => Arithmetic(Operator::And),
        BinOp::BitOr(_) | BinOp::BitOrAssign(_) => Arithmetic(Operator::Or),
        BinOp::BitXor(_) | BinOp::BitXorAssign(_) => Arithmetic(Operator::Xor),
        BinOp::Eq(_) => Comparison(Operator::Eq),
        BinOp::Ne(_) => Comparison(Operator::Ne),
        BinOp::Lt(_) => Comparison(Operator::Lt),
        BinOp::Le(_) => Comparison(Operator::Le),
        BinOp::Gt(_) => Comparison(Operator::Gt),
        BinOp::Ge(_) => Comparison(Operator::Ge),
        BinOp::And(_) => Lazy(Operator::And),
        BinOp::Or(_) => Lazy(Operator::Or),
        BinOp::Shl(_) | BinOp::ShlAssign(_) => Missing("multiply by a power of two instead"),
        BinOp::Shr(_) | BinOp::ShrAssign(_) => Missing("divide by a power of two instead"),
        _ => Missing("there are `+ - * / & | ^` and the comparisons"),
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
        ExprKind::Binary { op: Operator::Div, .. } => true,
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
                    Type::Int(_) => {
                        let ones = Expr::leaf(ExprKind::Const(-1));
                        self.binary(Operator::Xor, value.expr, ones, &span)?
                    }
                    ty => return Err(Problem::at(format!("there is no `!` of a `{ty}`"), span)),
                };
                Ok(Value { expr, ty: value.ty, of: None, span })
            }
            UnOp::Neg(_) => {
                if let syn::Expr::Lit(syn::ExprLit { lit: Lit::Int(int), .. }) = super::place::unwrapped(&unary.expr) {
                    let value = int.base10_parse::<i64>().unwrap_or(i64::MAX);
                    return self.integer(-value, int.suffix(), wanted, span);
                }
                let value = self.value(&unary.expr, wanted)?;
                let Type::Int(_) = value.ty else {
                    return Err(Problem::at(format!("there is no `-` of a `{}`", value.ty), span));
                };
                let zero = Expr::leaf(ExprKind::Const(0));
                let expr = self.binary(Operator::Sub, zero, value.expr, &span)?;
                Ok(Value { expr, ty: value.ty, of: None, span })
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
        let left = self.value(&binary.left, wanted.filter(|_| matches!(meaning, Meaning::Arithmetic(_))))?;
        let right = self.value(&binary.right, Some(&left.ty))?;
        self.combined(&meaning, left, right, span)
    }

    fn combined(&mut self, meaning: &Meaning, left: Value, right: Value, span: Range<usize>) -> Result<Value, Problem> {
        let (op, ty) = match meaning {
            Meaning::Arithmetic(op) => {
                if let Type::Pointer { .. } = left.ty {
                    return Err(Problem::at("a pointer is no number", left.span)
                        .with_help("an offset in bytes is added by `….wrapping_byte_add(…)`"));
                }
                let bitwise = matches!(op, Operator::And | Operator::Or | Operator::Xor);
                match left.ty {
                    Type::Int(_) => self.unify(&left, &right)?,
                    Type::Bool if bitwise => self.require(&right, &Type::Bool)?,
                    ty => return Err(Problem::at(format!("a `{ty}` is no number"), left.span)),
                }
                (*op, left.ty.clone().joined(&right.ty))
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
                (*op, Type::Bool)
            }
            Meaning::Lazy(op) => {
                self.require(&left, &Type::Bool)?;
                self.require(&right, &Type::Bool)?;
                if has_effect(&right.expr) {
                    return Err(Problem::at("this is evaluated only if the other operand says so", right.span)
                        .with_help("nest two `if`s, or bind it with `let` first"));
                }
                (*op, Type::Bool)
            }
            Meaning::Missing(help) => return Err(Problem::at("no such operator", span).with_help(*help)),
        };
        let expr = self.binary(op, left.expr, right.expr, &span)?;
        Ok(Value { expr, ty, of: None, span })
    }

    /// Both operands are of one type.
    fn unify(&mut self, left: &Value, right: &Value) -> Result<(), Problem> {
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
        if let syn::Expr::Path(path) = super::place::unwrapped(&binary.left) {
            let (id, place) = self.local_of(path)?;
            let left = self.use_local(id, place.clone())?;
            self.assignable(id, &place)?;
            let right = self.value(&binary.right, Some(&left.ty))?;
            let ty = left.ty.clone();
            let value = self.combined(&meaning, left, right, span)?;
            let binding = &mut self.scopes.bindings[id];
            binding.ty = ty.joined(&value.ty);
            let register = Some(binding.register);
            return self.emit(StmtKind::Assign { register, value: value.expr });
        }
        let place = self.place_to_write(&binary.left)?;
        let left = self.load_plain(&place)?;
        let right = self.value(&binary.right, Some(&place.ty))?;
        let value = self.combined(&meaning, left, right, span)?;
        self.store_plain(place, value)
    }
}

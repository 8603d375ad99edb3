//! What integers of each type are to a program that computes with 32 bits and a sign, and what operators make of them.
//!
//! A number of fewer bits is itself; a `u32` has its bits, so that from 2^31 on it is negative here, and compared as unsigned; one of 64 bits is
//! itself as long as 32 bits and a sign hold it, which is the program's limit. Results are cut to the width of their type, as they are
//! in a build without overflow checks, and as `wrapping_add` and its like do.

use super::operator::has_effect;
use super::types::{Integer, Type};
use super::{Front, Value};
use crate::ast::{Expr, ExprKind};
use lkmm_model::program::{Operator, Value as Number};
use lkmm_report::Problem;
use std::ops::Range;

/// An operator between two integers that yields one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arithmetic {
    Plain(Operator),
    Remainder,
    ShiftLeft,
    ShiftRight,
}

impl Integer {
    /// Does it go up to the highest bit?
    pub(super) fn is_unsigned_word(self) -> bool {
        !self.signed && self.bits >= 32
    }
}

fn number(value: i32) -> Expr {
    Expr::leaf(ExprKind::Const(value))
}

pub(super) fn known(expr: &Expr) -> Option<i32> {
    match expr.kind {
        ExprKind::Const(value) => Some(value),
        _ => None,
    }
}

impl Front<'_> {
    /// An operator applied, at once if both operands are known.
    fn folded(&self, op: Operator, left: Expr, right: Expr, span: &Range<usize>) -> Result<Expr, Problem> {
        if let (Some(a), Some(b)) = (known(&left), known(&right)) {
            if let Ok(Some(Number::Int(value))) = Number::apply(op, Number::Int(a), Number::Int(b)) {
                return Ok(number(value));
            }
        }
        self.binary(op, left, right, span)
    }

    /// The lowest bits of a value, as a number of the type.
    pub(super) fn cut(&self, value: Expr, integer: Integer, span: &Range<usize>) -> Result<Expr, Problem> {
        if integer.bits >= 32 {
            return Ok(value);
        }
        let cut = self.folded(Operator::And, value, number((1 << integer.bits) - 1), span)?;
        if !integer.signed {
            return Ok(cut);
        }
        let sign = || number(1 << (integer.bits - 1));
        let flipped = self.folded(Operator::Xor, cut, sign(), span)?;
        self.folded(Operator::Sub, flipped, sign(), span)
    }

    /// Every other bit.
    pub(super) fn complement(&self, value: Expr, ty: &Type, span: &Range<usize>) -> Result<Expr, Problem> {
        let ones = match ty {
            Type::Int(Some(integer)) if !integer.signed && integer.bits < 32 => (1 << integer.bits) - 1,
            _ => -1,
        };
        self.folded(Operator::Xor, value, number(ones), span)
    }

    pub(super) fn negative(&self, value: Value, span: Range<usize>) -> Result<Value, Problem> {
        let Type::Int(integer) = value.ty else {
            return Err(Problem::at(format!("there is no `-` of a `{}`", value.ty), span));
        };
        if let Some(integer) = integer.filter(|integer| !integer.signed) {
            return Err(Problem::at(format!("there is no `-` of a `{}`", integer.name), span)
                .with_help("it has no sign: `0.wrapping_sub(…)` is what is meant, if so"));
        }
        let expr = self.arithmetic(Arithmetic::Plain(Operator::Sub), number(0), value.expr, &value.ty, &span)?;
        Ok(Value { expr, ty: value.ty, of: None, span })
    }

    /// An operator between integers of a type; of a shift, the right one is of any.
    pub(super) fn arithmetic(
        &self,
        operator: Arithmetic,
        left: Expr,
        right: Expr,
        ty: &Type,
        span: &Range<usize>,
    ) -> Result<Expr, Problem> {
        let integer = match ty {
            Type::Int(Some(integer)) => *integer,
            _ => Integer::I32,
        };
        let op = match operator {
            Arithmetic::ShiftLeft | Arithmetic::ShiftRight => {
                return self.shifted(operator, left, right, integer, span);
            }
            Arithmetic::Remainder => return self.remainder(left, right, integer, span),
            Arithmetic::Plain(Operator::Div) => return self.quotient(left, right, integer, span),
            Arithmetic::Plain(op) => op,
        };
        if let (Some(a), Some(b)) = (known(&left), known(&right)) {
            let exact = |n: i32| if integer.name == "u32" { i64::from(n as u32) } else { n.into() };
            let (a, b) = (exact(a), exact(b));
            let exact = match op {
                Operator::Add => Some(a + b),
                Operator::Sub => Some(a - b),
                Operator::Mul => a.checked_mul(b),
                _ => Some(0),
            };
            if !exact.is_some_and(|exact| integer.holds(exact)) {
                return Err(Problem::at(format!("this overflows `{}`", integer.name), span.clone()).with_help(
                    if integer.bits == 64 {
                        "values are 32-bit integers with a sign, whatever their type"
                    } else {
                        "choose a wider type, or write `….wrapping_add(…)` or its like"
                    },
                ));
            }
        }
        self.wrapped(op, left, right, integer, span)
    }

    /// A sum, a difference, a product, or bits, cut to the width of the type.
    pub(super) fn wrapped(
        &self,
        op: Operator,
        left: Expr,
        right: Expr,
        integer: Integer,
        span: &Range<usize>,
    ) -> Result<Expr, Problem> {
        let grows = matches!(op, Operator::Add | Operator::Sub | Operator::Mul);
        let value = self.folded(op, left, right, span)?;
        if grows { self.cut(value, integer, span) } else { Ok(value) }
    }

    fn quotient(&self, left: Expr, right: Expr, integer: Integer, span: &Range<usize>) -> Result<Expr, Problem> {
        match known(&right) {
            Some(0) => return Err(Problem::at("a division by zero", span.clone())),
            Some(divisor) if integer.name == "u32" && divisor & divisor.wrapping_sub(1) == 0 => {
                let bits = divisor.trailing_zeros();
                return self.shifted(Arithmetic::ShiftRight, left, number(bits as i32), integer, span);
            }
            Some(divisor) if integer.name == "u32" && known(&left).is_some() => {
                let dividend = known(&left).unwrap_or(0);
                return Ok(number((dividend as u32 / divisor as u32) as i32));
            }
            _ if integer.name == "u32" => {
                return Err(Problem::at("a `u32` is divided by powers of two only", span.clone())
                    .with_help("values of 32 bits have a sign in the model: convert it to an `i32`"));
            }
            _ => {}
        }
        let value = self.folded(Operator::Div, left, right, span)?;
        self.cut(value, integer, span)
    }

    fn remainder(&self, left: Expr, right: Expr, integer: Integer, span: &Range<usize>) -> Result<Expr, Problem> {
        match known(&right) {
            Some(0) => return Err(Problem::at("a division by zero", span.clone())),
            // The lowest bits.
            Some(divisor) if !integer.signed && divisor & divisor.wrapping_sub(1) == 0 => {
                return self.folded(Operator::And, left, number(divisor.wrapping_sub(1)), span);
            }
            _ => {}
        }
        if has_effect(&left) || has_effect(&right) {
            return Err(Problem::at("the operands of a remainder are computed twice", span.clone())
                .with_help("bind them with `let` first"));
        }
        let quotient = self.quotient(left.clone(), right.clone(), integer, span)?;
        let product = self.wrapped(Operator::Mul, quotient, right, integer, span)?;
        self.wrapped(Operator::Sub, left, product, integer, span)
    }

    fn shifted(
        &self,
        operator: Arithmetic,
        left: Expr,
        right: Expr,
        integer: Integer,
        span: &Range<usize>,
    ) -> Result<Expr, Problem> {
        let Some(bits) = known(&right) else {
            return Err(Problem::at("a shift by a number of bits that is not written down", span.clone())
                .with_help("the model has no shifts; by a number, it is a product or a quotient"));
        };
        let Some(bits) = u32::try_from(bits).ok().filter(|&bits| bits < integer.bits) else {
            return Err(Problem::at(format!("a `{}` has no bit {bits}", integer.name), span.clone()));
        };
        if bits == 0 {
            return Ok(left);
        }
        if operator == Arithmetic::ShiftLeft {
            // What is shifted beyond 32 bits is lost, as what is added there.
            let factor = if bits < 32 { 1i32.wrapping_shl(bits) } else { 0 };
            return self.wrapped(Operator::Mul, left, number(factor), integer, span);
        }
        if bits >= 31 {
            let negative = self.folded(Operator::Lt, left, number(0), span)?;
            return match (integer.signed, integer.bits) {
                (true, _) => self.folded(Operator::Sub, number(0), negative, span),
                (false, 32) => Ok(negative),
                (false, _) => self.folded(Operator::Mul, negative, number(0), span),
            };
        }
        let low = (1i32 << bits) - 1;
        let high = self.folded(Operator::And, left, number(!low), span)?;
        let quotient = self.folded(Operator::Div, high, number(low + 1), span)?;
        if integer.name != "u32" {
            return Ok(quotient);
        }
        self.folded(Operator::And, quotient, number(i32::MAX >> (bits - 1)), span)
    }

    /// A comparison; of words without a sign, one of words with the highest bit the other way round.
    pub(super) fn compared(
        &self,
        op: Operator,
        left: Expr,
        right: Expr,
        ty: &Type,
        span: &Range<usize>,
    ) -> Result<Expr, Problem> {
        let unsigned = matches!(ty, Type::Int(Some(integer)) if integer.is_unsigned_word());
        if !unsigned || matches!(op, Operator::Eq | Operator::Ne) {
            return self.binary(op, left, right, span);
        }
        // An address is compared with zero only.
        match (op, known(&left), known(&right)) {
            (Operator::Gt, _, Some(0)) | (Operator::Lt, Some(0), _) => {
                return self.binary(Operator::Ne, left, right, span);
            }
            (Operator::Le, _, Some(0)) | (Operator::Ge, Some(0), _) => {
                return self.binary(Operator::Eq, left, right, span);
            }
            _ => {}
        }
        let left = self.folded(Operator::Xor, left, number(i32::MIN), span)?;
        let right = self.folded(Operator::Xor, right, number(i32::MIN), span)?;
        self.binary(op, left, right, span)
    }
}

//! Patterns, and `match`: a chain of `if`s, as one would write it in C.

use super::branch::Bound;
use super::place::unwrapped;
use super::types::{Integer, Type};
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Register, StmtKind};
use lkmm_model::program::Operator;
use lkmm_report::Problem;
use std::ops::Range;
use syn::ext::IdentExt;
use syn::{Arm, Expr as Syntax, ExprMatch, Lit, Pat, RangeLimits};

/// A name that a pattern binds.
#[derive(Clone)]
pub(super) struct Name {
    pub(super) text: String,
    pub(super) mutable: bool,
    pub(super) span: Range<usize>,
    /// Does it stand in `Ok(…)`, `Err(…)` or `Some(…)`?
    pub(super) inner: bool,
}

/// What a pattern matches.
pub(super) enum Shape {
    Any(Option<Name>),
    /// From one number to another, or another such range. Without a sign, the highest number is -1: that has its bits.
    Numbers(Vec<(i32, i32)>),
    Bool(bool),
    Some(Option<Name>),
    None,
    Ok(Option<Name>),
    Err(Option<Name>),
}

impl Shape {
    pub(super) fn name(&self) -> Option<&Name> {
        match self {
            Shape::Any(name) | Shape::Some(name) | Shape::Ok(name) | Shape::Err(name) => name.as_ref(),
            Shape::Numbers(_) | Shape::Bool(_) | Shape::None => None,
        }
    }

    /// Does it match whatever the other does not?
    fn completes(&self, other: &Shape) -> bool {
        match (self, other) {
            (Shape::Bool(a), Shape::Bool(b)) => a != b,
            (Shape::Some(_), Shape::None) | (Shape::None, Shape::Some(_)) => true,
            (Shape::Ok(_), Shape::Err(_)) | (Shape::Err(_), Shape::Ok(_)) => true,
            _ => false,
        }
    }

    /// Must the value that it is compared with stay where it is?
    fn keeps(&self) -> bool {
        match self {
            Shape::Some(_) | Shape::None | Shape::Bool(_) => false,
            Shape::Numbers(ranges) => ranges.len() > 1 || ranges.iter().any(|(low, high)| low != high),
            shape => shape.name().is_some(),
        }
    }
}

impl Front<'_> {
    /// The value that patterns are compared with. A guard that may be there is moved only if a pattern binds it.
    pub(super) fn scrutinee(&mut self, expr: &Syntax) -> Result<Value, Problem> {
        match unwrapped(expr) {
            Syntax::Path(_) => self.receiver(expr),
            _ => self.value(expr, None),
        }
    }

    /// Keeps a value in a register if it is asked for more than once.
    pub(super) fn held(&mut self, value: Value, shape: &Shape, always: bool) -> Result<(Value, Register), Problem> {
        if let (Type::MaybeGuard, Shape::Some(name)) = (&value.ty, shape) {
            match (name, &value.expr.kind) {
                (Some(_), ExprKind::Register(register)) => {
                    let register = *register;
                    if let Some(id) = self.scopes.bindings.iter().rposition(|b| b.register == register) {
                        self.use_local(id, value.span.clone())?;
                    }
                }
                (Some(_), _) => {}
                (None, _) => self.require_bound(&value)?,
            }
        } else if value.ty == Type::MaybeGuard {
            self.require_bound(&value)?;
        }
        if let ExprKind::Register(register) = value.expr.kind {
            return Ok((value, register));
        }
        let register = self.hidden("matched");
        if !always && !shape.keeps() {
            return Ok((value, register));
        }
        if let (Type::Exchanged(_), Some(old)) = (&value.ty, &value.of) {
            self.require_stable(old, &value.span)?;
        }
        self.emit(StmtKind::Assign { register: Some(register), value: value.expr })?;
        Ok((Value { expr: Expr::leaf(ExprKind::Register(register)), ..value }, register))
    }

    /// Reads a pattern for values of a type.
    pub(super) fn shape(&mut self, pattern: &Pat, ty: &Type) -> Result<Shape, Problem> {
        let span = self.range(pattern);
        let shape = match pattern {
            Pat::Paren(inner) => return self.shape(&inner.pat, ty),
            Pat::Guard(guarded) => {
                let guard = self.range(&guarded.guard);
                return Err(Problem::at("a condition behind a pattern", guard).with_help("compare in the arm"));
            }
            Pat::Wild(_) => Shape::Any(None),
            Pat::Ident(ident) if ident.ident == "None" && ident.subpat.is_none() => Shape::None,
            Pat::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "None") => Shape::None,
            Pat::Ident(_) => Shape::Any(self.pattern_name(pattern, false)?),
            Pat::TupleStruct(variant) if variant.elems.len() == 1 => {
                let name = match variant.elems.iter().next() {
                    Some(inner) => self.pattern_name(inner, true)?,
                    None => None,
                };
                let variant = variant.path.segments.last().map(|last| last.ident.to_string());
                match variant.as_deref() {
                    Some("Some") => Shape::Some(name),
                    Some("Ok") => Shape::Ok(name),
                    Some("Err") => Shape::Err(name),
                    _ => return Err(Problem::at("a pattern that the dialect does not have", span)),
                }
            }
            Pat::Lit(literal) if matches!(literal.lit, Lit::Bool(_)) => match &literal.lit {
                Lit::Bool(bool) => Shape::Bool(bool.value),
                _ => return Err(Problem::at("a pattern that the dialect does not have", span)),
            },
            _ => {
                let mut ranges = Vec::new();
                self.numbers(pattern, ty, &mut ranges)?;
                Shape::Numbers(ranges)
            }
        };
        let fits = match &shape {
            Shape::Any(_) => true,
            Shape::Numbers(_) => matches!(ty, Type::Int(_) | Type::Unknown),
            Shape::Bool(_) => *ty == Type::Bool,
            Shape::Some(_) | Shape::None => *ty == Type::MaybeGuard,
            Shape::Ok(_) | Shape::Err(_) => matches!(ty, Type::Exchanged(_)),
        };
        if fits { Ok(shape) } else { Err(Problem::at(format!("no pattern for a `{ty}`"), span)) }
    }

    fn pattern_name(&self, pattern: &Pat, inner: bool) -> Result<Option<Name>, Problem> {
        match pattern {
            Pat::Wild(_) => Ok(None),
            Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => Ok(Some(Name {
                text: ident.ident.unraw().to_string(),
                mutable: ident.mutability.is_some(),
                span: self.at(ident.ident.span()),
                inner,
            })),
            _ => Err(Problem::at("a pattern that the dialect does not have", self.range(pattern))
                .with_help("bind a name, or write `_`, and compare in the arm")),
        }
    }

    /// The numbers that a pattern names.
    fn numbers(&mut self, pattern: &Pat, ty: &Type, ranges: &mut Vec<(i32, i32)>) -> Result<(), Problem> {
        let span = self.range(pattern);
        match pattern {
            Pat::Paren(inner) => return self.numbers(&inner.pat, ty, ranges),
            Pat::Or(cases) => {
                return cases.cases.iter().try_for_each(|case| self.numbers(case, ty, ranges));
            }
            Pat::Lit(literal) => {
                let value = self.literal(&literal.lit, Some(ty), span)?;
                let value = self.known(value, ty)?;
                ranges.push((value, value));
                return Ok(());
            }
            Pat::Range(range) => {
                let integer = match ty {
                    Type::Int(Some(integer)) => *integer,
                    _ => Integer::I32,
                };
                let greatest = if integer.is_unsigned_word() { -1 } else { i32::MAX };
                let least = if integer.signed { i32::MIN } else { 0 };
                let low = range.start.as_ref().map_or(Ok(least), |low| self.number(low, ty))?;
                let high = range.end.as_ref().map_or(Ok(greatest), |high| self.number(high, ty))?;
                let high = match range.limits {
                    RangeLimits::HalfOpen(_) if range.end.is_some() => high.checked_sub(1),
                    _ => Some(high),
                };
                match high.filter(|high| low <= *high || range.end.is_none()) {
                    Some(high) => ranges.push((low, high)),
                    None => return Err(Problem::at("an empty range", span)),
                }
                return Ok(());
            }
            Pat::Const(_) | Pat::Verbatim(_) => {}
            _ => {}
        }
        Err(Problem::at("a pattern that the dialect does not have", span)
            .with_help("there are numbers, ranges of them, `|`, `true`, `false`, `Ok(…)`, `Err(…)`, `Some(…)`, `None`, names and `_`"))
    }

    fn number(&mut self, expr: &Syntax, ty: &Type) -> Result<i32, Problem> {
        let value = self.value(expr, Some(ty))?;
        self.known(value, ty)
    }

    fn known(&mut self, value: Value, ty: &Type) -> Result<i32, Problem> {
        self.require(&value, ty)?;
        match value.expr.kind {
            ExprKind::Const(number) => Ok(number),
            _ => Err(Problem::at("a pattern names numbers", value.span)),
        }
    }

    /// The condition under which a value is of a shape; none if it always is.
    pub(super) fn test(&mut self, shape: &Shape, value: &Value, span: &Range<usize>) -> Result<Option<Expr>, Problem> {
        let expr = || value.expr.clone();
        Ok(Some(match shape {
            Shape::Any(_) => return Ok(None),
            Shape::Bool(true) | Shape::Some(_) => expr(),
            Shape::Bool(false) | Shape::None => self.negated(expr(), span)?,
            Shape::Ok(_) => self.exchanged(value, true)?,
            Shape::Err(_) => self.exchanged(value, false)?,
            Shape::Numbers(ranges) => {
                let mut any: Option<Expr> = None;
                for &(low, high) in ranges {
                    let number = |n| Expr::leaf(ExprKind::Const(n));
                    let test = if low == high {
                        self.binary(Operator::Eq, expr(), number(low), span)?
                    } else {
                        let above = self.compared(Operator::Ge, expr(), number(low), &value.ty, span)?;
                        let below = self.compared(Operator::Le, expr(), number(high), &value.ty, span)?;
                        self.binary(Operator::And, above, below, span)?
                    };
                    any = Some(match any {
                        Some(any) => self.binary(Operator::Or, any, test, span)?,
                        None => test,
                    });
                }
                any.unwrap_or(Expr::leaf(ExprKind::Const(0)))
            }
        }))
    }

    pub(super) fn match_statement(&mut self, found: &ExprMatch) -> Result<(), Problem> {
        let header = super::branch::header(self.at(found.match_token.span), self.range(&found.expr));
        self.begin(header);
        self.matched(found, None, None).map(drop)
    }

    /// A `match` as a value, each arm of which goes into a register.
    pub(super) fn match_into(
        &mut self,
        register: Register,
        found: &ExprMatch,
        wanted: Option<&Type>,
    ) -> Result<Value, Problem> {
        let span = self.range(found);
        self.matched(found, Some(register), wanted)?.ok_or_else(|| Problem::at("this `match` has no value", span))
    }

    fn matched(
        &mut self,
        found: &ExprMatch,
        register: Option<Register>,
        wanted: Option<&Type>,
    ) -> Result<Option<Value>, Problem> {
        let value = self.scrutinee(&found.expr)?;
        let mut shapes = Vec::new();
        for arm in &found.arms {
            shapes.push(self.shape(&arm.pat, &value.ty)?);
        }
        let span = self.range(&found.expr);
        let Some(first) = shapes.first() else {
            return Err(Problem::at("a `match` without arms", span));
        };
        // Two arms ask once, more of them again and again.
        let keeps = shapes.len() > 2 || shapes.iter().any(Shape::keeps);
        let kept = shapes.iter().find(|shape| shape.name().is_some()).unwrap_or(first);
        let (value, held) = self.held(value, kept, keeps)?;
        let origin = self.origin;
        self.arms(&found.arms, &shapes, &value, held, register, wanted, origin, &span)
    }

    #[allow(clippy::too_many_arguments, reason = "they are the same for all arms")]
    fn arms(
        &mut self,
        arms: &[Arm],
        shapes: &[Shape],
        value: &Value,
        held: Register,
        register: Option<Register>,
        wanted: Option<&Type>,
        origin: u32,
        span: &Range<usize>,
    ) -> Result<Option<Value>, Problem> {
        let (Some((arm, rest)), Some((shape, others))) = (arms.split_first(), shapes.split_first()) else {
            return Err(Problem::at("this `match` leaves something out", span.clone()).with_help("add an arm `_ => …`"));
        };
        let bound = shape.name().cloned().map(|name| Bound {
            name,
            register: held,
            value: Value {
                expr: value.expr.clone(),
                ty: value.ty.clone(),
                of: value.of.clone(),
                span: value.span.clone(),
            },
        });
        let Some(test) = self.test(shape, value, span)? else {
            return self.arm_body(arm, bound.as_ref(), register, wanted);
        };
        // The last of two that leave nothing out needs no question.
        let complete = others.len() == 1 && others[0].completes(shape);
        self.fork(
            test,
            origin,
            &mut |front| front.arm_body(arm, bound.as_ref(), register, wanted),
            Some(|front: &mut Self| match (complete, rest.first()) {
                (true, Some(last)) => {
                    let value = Value {
                        expr: value.expr.clone(),
                        ty: value.ty.clone(),
                        of: value.of.clone(),
                        span: value.span.clone(),
                    };
                    let name = others[0].name().cloned();
                    let bound = name.map(|name| Bound { name, register: held, value });
                    front.arm_body(last, bound.as_ref(), register, wanted)
                }
                _ => front.arms(rest, others, value, held, register, wanted, origin, span),
            }),
        )
    }

    fn arm_body(
        &mut self,
        arm: &Arm,
        bound: Option<&Bound>,
        register: Option<Register>,
        wanted: Option<&Type>,
    ) -> Result<Option<Value>, Problem> {
        self.scopes.enter();
        if let Some(bound) = bound {
            self.bind_pattern(bound)?;
        }
        let body = self.range(&arm.body);
        let value = match register {
            Some(register) => {
                self.begin(body.clone());
                Some(self.value_into(register, &arm.body, wanted)?)
            }
            None => {
                self.expression_statement(&arm.body)?;
                None
            }
        };
        let ended = self.scopes.leave();
        self.drop_all(&ended, &(body.end.saturating_sub(1)..body.end))?;
        Ok(value)
    }
}

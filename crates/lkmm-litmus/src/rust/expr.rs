//! Expressions: what has a value.

use super::scope::{BindingId, State};
use super::types::{self, Integer, Type};
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Register, StmtKind};
use crate::text::quoted;
use lkmm_report::Problem;
use std::ops::Range;
use syn::Expr as Syntax;
use syn::ext::IdentExt;
use syn::{ExprPath, Lit, PathArguments};

impl Front<'_> {
    /// The value of an expression, of which a literal takes the type that is wanted.
    pub(super) fn value(&mut self, expr: &Syntax, wanted: Option<&Type>) -> Result<Value, Problem> {
        let span = self.range(expr);
        match expr {
            Syntax::Lit(literal) => self.literal(&literal.lit, wanted, span),
            Syntax::Path(path) => self.path(path, span),
            Syntax::Paren(inner) => self.value(&inner.expr, wanted),
            Syntax::Group(inner) => self.value(&inner.expr, wanted),
            Syntax::Unary(unary) => self.unary(unary, wanted, span),
            Syntax::Binary(binary) => self.operation(binary, wanted, span),
            Syntax::Cast(cast) => self.cast(cast, span),
            Syntax::MethodCall(call) => self.method(call, span),
            Syntax::Call(call) => self.call(call, wanted, span),
            Syntax::Reference(reference) => self.reference(reference, span),
            Syntax::RawAddr(address) => self.raw_address(address),
            Syntax::Macro(call) => self.macro_value(&call.mac, span),
            Syntax::Unsafe(block) if only_tail(&block.block).is_some() => {
                self.unsafe_depth += 1;
                let tail = only_tail(&block.block).map_or(expr, |tail| tail);
                let value = self.value(tail, wanted);
                self.unsafe_depth -= 1;
                value
            }
            Syntax::Block(block) if block.label.is_none() && only_tail(&block.block).is_some() => {
                self.value(only_tail(&block.block).map_or(expr, |tail| tail), wanted)
            }
            Syntax::Return(_) | Syntax::Break(_) | Syntax::Continue(_) => self.leaving(expr, span),
            Syntax::If(_) | Syntax::Match(_) | Syntax::Unsafe(_) | Syntax::Block(_) | Syntax::Loop(_) => {
                self.detach(&span)?;
                let (register, origin) = (self.hidden("value"), self.origin);
                let value = self.value_into(register, expr, wanted)?;
                self.origin = origin;
                Ok(value)
            }
            Syntax::Tuple(tuple) if tuple.elems.is_empty() => {
                Ok(Value { expr: Expr::leaf(ExprKind::Const(0)), ty: Type::Unit, of: None, span })
            }
            _ => Err(self.not_a_value(expr, span)),
        }
    }

    /// Evaluates an expression into a register, with the branches of an `if` or a `match` as branches.
    pub(super) fn value_into(
        &mut self,
        register: Register,
        expr: &Syntax,
        wanted: Option<&Type>,
    ) -> Result<Value, Problem> {
        match expr {
            Syntax::If(branch) => self.if_into(register, branch, wanted),
            Syntax::Match(found) => self.match_into(register, found, wanted),
            Syntax::Loop(repeated) => self.loop_into(register, repeated, wanted),
            Syntax::Block(block) if block.label.is_some() => self.labelled_into(register, block, wanted),
            Syntax::Paren(inner) => self.value_into(register, &inner.expr, wanted),
            Syntax::Unsafe(block) if only_tail(&block.block).is_none() => {
                self.unsafe_depth += 1;
                let value = self.block_into(register, &block.block, wanted);
                self.unsafe_depth -= 1;
                value
            }
            Syntax::Block(block) if block.label.is_none() && only_tail(&block.block).is_none() => {
                self.block_into(register, &block.block, wanted)
            }
            _ => {
                let value = self.value(expr, wanted)?;
                self.store_into(register, value, wanted)
            }
        }
    }

    fn store_into(&mut self, register: Register, mut value: Value, wanted: Option<&Type>) -> Result<Value, Problem> {
        use types::Ended::{CriticalSection, RcuReader};
        if matches!(value.ty, Type::Guard(CriticalSection | RcuReader) | Type::Unit | Type::Never) {
            return Ok(value);
        }
        if let (Type::Exchanged(_), Some(old)) = (&value.ty, &value.of) {
            self.require_stable(old, &value.span)?;
        }
        if let (Type::Int(None), Some(Type::Int(Some(integer)))) = (&value.ty, wanted) {
            if self.learn(&value.expr, *integer) {
                value.ty = Type::Int(Some(*integer));
            }
        }
        self.emit(StmtKind::Assign { register: Some(register), value: value.expr })?;
        Ok(Value { expr: Expr::leaf(ExprKind::Register(register)), ..value })
    }

    /// A block whose last expression is its value.
    pub(super) fn block_into(
        &mut self,
        register: Register,
        block: &syn::Block,
        wanted: Option<&Type>,
    ) -> Result<Value, Problem> {
        let span = self.range(block);
        let Some((syn::Stmt::Expr(tail, None), statements)) = block.stmts.split_last() else {
            self.scopes.enter();
            self.statements(&block.stmts)?;
            self.scopes.leave();
            if !self.reachable {
                return Ok(Value { expr: Expr::leaf(ExprKind::Const(0)), ty: Type::Never, of: None, span });
            }
            return Err(Problem::at("this block has no value", span)
                .with_help("end it with an expression, without a semicolon"));
        };
        self.scopes.enter();
        self.statements(statements)?;
        let tail_span = self.range(tail);
        self.begin(tail_span);
        let value = self.value_into(register, tail, wanted)?;
        let bound = self.scopes.leave();
        let close = self.at(block.brace_token.span.close());
        self.drop_all(&bound, &close)?;
        Ok(value)
    }

    pub(super) fn constant(&mut self, value: i32, ty: Type, span: Range<usize>) -> Result<Value, Problem> {
        Ok(Value { expr: self.leaf(ExprKind::Const(value), &span)?, ty, of: None, span })
    }

    pub(super) fn literal(
        &mut self,
        literal: &Lit,
        wanted: Option<&Type>,
        span: Range<usize>,
    ) -> Result<Value, Problem> {
        match literal {
            Lit::Bool(bool) => self.constant(bool.value.into(), Type::Bool, span),
            Lit::Int(int) => {
                let value = int.base10_parse::<i64>().unwrap_or(i64::MAX);
                self.integer(value, int.suffix(), wanted, span)
            }
            _ => Err(Problem::at("a literal that is neither an integer nor a `bool`", span)
                .with_help("values are integers of 32 bits, `bool`s and pointers")),
        }
    }

    /// An integer literal, with its sign.
    pub(super) fn integer(
        &mut self,
        value: i64,
        suffix: &str,
        wanted: Option<&Type>,
        span: Range<usize>,
    ) -> Result<Value, Problem> {
        let integer = match (suffix, wanted) {
            ("", Some(Type::Int(integer))) => *integer,
            ("", _) => None,
            (suffix, _) => match Integer::of(suffix) {
                Some(integer) => Some(integer),
                None => return Err(Problem::at(format!("unknown type {}", quoted(suffix)), span)),
            },
        };
        self.check_literal(value, integer, &span)?;
        self.constant(value as i32, Type::Int(integer), span)
    }

    /// Refuses a literal that does not fit its type, or the model's values.
    fn check_literal(&self, value: i64, integer: Option<Integer>, span: &Range<usize>) -> Result<(), Problem> {
        let integer = integer.or(Integer::of("i32"));
        let Some(integer) = integer.filter(|integer| !integer.fits(value)) else { return Ok(()) };
        let in_32_bits = i32::try_from(value).is_ok();
        let message = match integer.name {
            name if in_32_bits => format!("this number does not fit `{name}`"),
            _ => "this number does not fit 32 bits".into(),
        };
        Err(Problem::at(message, span.clone()).with_help(match in_32_bits {
            true => "choose a wider type",
            false => "values are 32-bit integers with a sign, whatever their type",
        }))
    }

    /// Does a value fit where something is wanted? A literal must fit the type that it has now, and a local without a known type
    /// gets one.
    pub(super) fn require(&mut self, value: &Value, wanted: &Type) -> Result<(), Problem> {
        if !value.ty.fits(wanted) {
            return Err(self.mismatch(value, wanted));
        }
        if let (Type::Int(None), Type::Int(Some(integer))) = (&value.ty, wanted) {
            match value.expr.kind {
                ExprKind::Const(constant) => self.check_literal(constant.into(), Some(*integer), &value.span)?,
                _ if self.learn(&value.expr, *integer) => {}
                _ if integer.bits < 32 || !integer.signed => return Err(self.computed_before(value, *integer)),
                _ => {}
            }
        }
        Ok(())
    }

    /// It was computed as what it is not.
    fn computed_before(&self, value: &Value, integer: Integer) -> Problem {
        let message = format!("nothing said that this is of type `{}` where it was computed", integer.name);
        Problem::at(message, value.span.clone()).with_help(format!("declare it: `let …: {} = …`", integer.name))
    }

    fn mismatch(&self, value: &Value, wanted: &Type) -> Problem {
        let problem = Problem::at(format!("expected `{wanted}`, found `{}`", value.ty), value.span.clone());
        match (&value.ty, wanted) {
            (Type::Int(_), Type::Bool) => problem.with_help("compare it: `… != 0`"),
            (Type::Bool, Type::Int(Some(integer))) => {
                problem.with_help(format!("convert it: `(…) as {}`", integer.name))
            }
            (Type::Bool, Type::Int(None)) => problem.with_help("convert it: `(…) as i32`"),
            (Type::Int(_), Type::Int(Some(integer))) => {
                problem.with_help(format!("convert it: `… as {}`", integer.name))
            }
            (Type::Int(_), Type::Pointer { .. }) => problem.with_help("a number is no address"),
            (Type::Reference(to), Type::Int(_)) => problem.with_help(match **to {
                Type::Atomic(_) => "read the location: `….load(Relaxed)`",
                _ => "this is the location, and not its value",
            }),
            (Type::Pointer { .. }, Type::Int(_)) => problem.with_help("read what it points to: `unsafe { *… }`"),
            (Type::Reference(_), Type::Pointer { .. }) => problem.with_help("a pointer to it is `….as_ptr()`"),
            (Type::Pointer { .. }, Type::Reference(_)) => {
                problem.with_help("a reference to it is `unsafe { Atomic::from_ptr(…) }`")
            }
            (Type::Exchanged(_), _) => problem.with_help(
                "`match` it, ask `.is_ok()`, or take the value that was found: `.unwrap_or_else(|old| old)`",
            ),
            _ => problem,
        }
    }

    fn path(&mut self, path: &ExprPath, span: Range<usize>) -> Result<Value, Problem> {
        let (id, span) = match self.local_of(path) {
            Ok(found) => found,
            Err(problem) => {
                return self.constant_path(path, span)?.ok_or(problem);
            }
        };
        self.use_local(id, span)
    }

    /// `i32::MAX` and its like.
    fn constant_path(&mut self, path: &ExprPath, span: Range<usize>) -> Result<Option<Value>, Problem> {
        let mut names = path.path.segments.iter().map(|segment| segment.ident.to_string());
        let (Some(ty), Some(name), None) = (names.next(), names.next(), names.next()) else { return Ok(None) };
        let Some(integer) = Integer::of(&ty) else { return Ok(None) };
        let value = match (name.as_str(), integer.signed) {
            ("MAX", true) => (1i64 << (integer.bits - 2)) - 1 + (1i64 << (integer.bits - 2)),
            ("MAX", false) if integer.bits < 64 => (1i64 << integer.bits) - 1,
            ("MAX", false) => i64::MAX,
            ("MIN", true) => -(1i64 << (integer.bits - 2)) - (1i64 << (integer.bits - 2)),
            ("MIN", false) => 0,
            _ => return Ok(None),
        };
        self.integer(value, integer.name, None, span).map(Some)
    }

    /// The binding that a path names.
    pub(super) fn local_of(&self, path: &ExprPath) -> Result<(BindingId, Range<usize>), Problem> {
        let span = self.range(path);
        let plain = path.path.segments.first().filter(|segment| {
            path.path.segments.len() == 1 && path.qself.is_none() && matches!(segment.arguments, PathArguments::None)
        });
        let name = plain.map(|segment| segment.ident.unraw().to_string());
        if let Some(id) = name.as_deref().and_then(|name| self.scopes.find(name)) {
            return Ok((id, span));
        }
        let problem = Problem::at(format!("there is no {} here", quoted(self.text(&span))), span);
        Err(match name.as_deref() {
            Some("Relaxed" | "Acquire" | "Release" | "Full") => {
                problem.with_help("an ordering is the last argument of an atomic operation")
            }
            Some("None" | "Some" | "Ok" | "Err") => {
                problem.with_help("only `try_lock()` yields an `Option`, and only `cmpxchg()` a `Result`")
            }
            _ => problem.with_help("declare it with `let`; a shared location is a parameter: `x: &Atomic<i32>`"),
        })
    }

    /// The value of a local; a guard is moved.
    pub(super) fn use_local(&mut self, id: BindingId, span: Range<usize>) -> Result<Value, Problem> {
        let binding = &self.scopes.bindings[id];
        let name = quoted(&binding.name);
        match &binding.state {
            State::Live => {}
            State::Unset => return Err(Problem::at(format!("{name} has no value yet"), span)),
            State::Moved(at) => {
                let line = lkmm_report::Position::of(self.source, at.start).line;
                return Err(Problem::at(format!("{name} was moved in line {line}, and is not there any more"), span)
                    .with_help("what is done before it is dropped stands before that line"));
            }
            State::Perhaps => {
                return Err(Problem::at(format!("{name} does not have a value on every way to here"), span)
                    .with_help("give it one where it is declared, or on each way"));
            }
        }
        let (ty, of, register, mutable) = (binding.ty.clone(), binding.of.clone(), binding.register, binding.mutable);
        if matches!(ty, Type::Guard(_) | Type::MaybeGuard) {
            if binding.loops < self.loops {
                let message = format!("{name} is moved in each turn of the loop, but bound outside of it");
                return Err(Problem::at(message, span).with_help("bind it in the loop"));
            }
            self.scopes.bindings[id].state = State::Moved(span.clone());
        }
        self.used.insert(register);
        // What a statement before this one would do to it comes too late.
        self.effects |= mutable;
        Ok(Value { expr: self.leaf(ExprKind::Register(register), &span)?, ty, of, span })
    }

    /// A cast cuts a value to the width of the type; one of 32 bits and more keeps it as it is.
    fn cast(&mut self, cast: &syn::ExprCast, span: Range<usize>) -> Result<Value, Problem> {
        let type_span = self.range(&cast.ty);
        let ty = types::read(&cast.ty).map_err(|error| types::problem(error, type_span.clone()))?;
        // A number without a type is of that type already.
        let wanted = Some(&ty).filter(|ty| matches!(ty, Type::Int(_)) && is_literal(&cast.expr));
        let value = self.value(&cast.expr, wanted)?;
        let refused = |help: &str| {
            Err(Problem::at(format!("`{}` cannot become a `{ty}`", value.ty), span.clone()).with_help(help))
        };
        match (&value.ty, &ty) {
            (Type::Int(_) | Type::Bool, Type::Int(Some(integer))) => {
                let expr = match value.ty {
                    Type::Int(Some(from)) if from == *integer => value.expr,
                    Type::Int(Some(from)) if from.bits <= integer.bits && from.signed == integer.signed => value.expr,
                    Type::Bool => value.expr,
                    _ => self.cut(value.expr, *integer, &span)?,
                };
                Ok(Value { expr, ty, of: None, span })
            }
            (Type::Pointer { .. }, Type::Int(Some(integer))) if integer.bits == 64 => Ok(Value { ty, span, ..value }),
            (Type::Int(_) | Type::Bool, Type::Bool) if value.ty != Type::Bool => refused("compare it: `… != 0`"),
            (Type::Int(Some(integer)), Type::Pointer { .. }) if integer.bits == 64 => Ok(Value { ty, span, ..value }),
            (Type::Int(_), Type::Pointer { .. }) => refused("cast it to a `usize` first"),
            (Type::Pointer { .. } | Type::Unknown, Type::Pointer { .. }) => Ok(Value { ty, span, ..value }),
            (Type::Pointer { .. }, _) => refused("an address is as wide as a `usize`"),
            (Type::Reference(_), Type::Pointer { .. }) => refused("a pointer to a location is `….as_ptr()`"),
            _ if value.ty == ty => Ok(Value { ty, span, ..value }),
            _ => refused("a cast is between integers, or between pointers"),
        }
    }

    fn not_a_value(&self, expr: &Syntax, span: Range<usize>) -> Problem {
        let (message, help) = match expr {
            Syntax::Assign(_) => ("an assignment has no value", "write it as a statement of its own"),
            Syntax::Closure(_) => ("a closure stands for itself only in `unwrap_or_else(|old| old)`", "write `match`"),
            Syntax::Try(_) => ("a process yields nothing, so there is no `?`", "write `match`"),
            Syntax::Field(_) => {
                ("a structure's fields are separate locations", "pass a reference to each of them to the process")
            }
            Syntax::Index(_) => ("an array's elements are separate locations", "use one location for each element"),
            Syntax::Let(_) => ("`let` in a condition stands alone", "nest two `if`s"),
            Syntax::While(_) | Syntax::ForLoop(_) => ("this loop has no value", "a `loop` has that of its `break`"),
            _ => {
                ("an expression that the dialect does not have", "the documentation of the dialect lists those it has")
            }
        };
        Problem::at(message, span).with_help(help)
    }
}

/// Is it a number as it stands, or a negative one?
fn is_literal(expr: &Syntax) -> bool {
    match super::place::unwrapped(expr) {
        Syntax::Lit(_) => true,
        Syntax::Unary(unary) => matches!(unary.op, syn::UnOp::Neg(_)) && is_literal(&unary.expr),
        _ => false,
    }
}

/// The value of a block that is nothing else.
fn only_tail(block: &syn::Block) -> Option<&Syntax> {
    match &block.stmts[..] {
        [syn::Stmt::Expr(expr, None)] => Some(expr),
        _ => None,
    }
}

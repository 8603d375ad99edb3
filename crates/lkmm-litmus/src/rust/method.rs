//! Methods: those of the types of crate `lkmm`, of raw pointers and of integers.

use super::types::{Ended, Integer, Type};
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Ordering, StmtKind, Yields};
use crate::sites::Kind;
use crate::text::quoted;
use lkmm_model::event::Mode;
use lkmm_model::program::Operator;
use lkmm_report::Problem;
use std::ops::Range;
use syn::{Expr as Syntax, ExprMethodCall};

/// A call whose receiver was evaluated.
pub(super) struct Call<'c> {
    pub(super) name: String,
    pub(super) name_span: Range<usize>,
    pub(super) arguments: Vec<&'c Syntax>,
    pub(super) span: Range<usize>,
}

impl Call<'_> {
    /// Refuses another number of arguments.
    pub(super) fn takes(&self, count: usize) -> Result<(), Problem> {
        if self.arguments.len() == count {
            return Ok(());
        }
        let plural = if count == 1 { "" } else { "s" };
        let message = format!("`{}` takes {count} argument{plural}, not {}", self.name, self.arguments.len());
        Err(Problem::at(message, self.span.clone()))
    }
}

impl Front<'_> {
    /// A method call whose value nobody wants; `None` if it is one for its value.
    pub(super) fn method_action(&mut self, call: &ExprMethodCall) -> Result<Option<()>, Problem> {
        let name = call.method.to_string();
        if !matches!(
            &name[..],
            "store" | "add" | "set" | "write" | "write_volatile" | "unlock" | "synchronize" | "up_read"
        ) {
            return Ok(None);
        }
        let receiver = self.receiver(&call.receiver)?;
        let call = Call {
            name_span: self.at(call.method.span()),
            name,
            arguments: call.args.iter().collect(),
            span: self.range(call),
        };
        match (&receiver.ty, &call.name[..]) {
            (Type::Reference(to), name) => match (&**to, name) {
                (Type::Atomic(of), "store") => self.atomic_store(receiver.expr, of, &call, 0)?,
                (Type::Atomic(of), "add") => {
                    call.takes(2)?;
                    self.addable(of, &call)?;
                    let value = self.argument(&call, 0, of)?;
                    self.only_relaxed(&call)?;
                    let (address, op) = (receiver.expr, Operator::Add);
                    self.emit(StmtKind::AtomicOp { address, op, value: value.expr })?;
                }
                (Type::Shared(of), "set") => {
                    call.takes(1)?;
                    self.require_unsafe("`Shared::set` is called", &call.span)?;
                    let value = self.argument(&call, 0, of)?;
                    self.emit(StmtKind::Store { address: receiver.expr, value: value.expr, mode: Mode::Plain })?;
                }
                (Type::Domain, "synchronize") => {
                    call.takes(0)?;
                    self.emit(StmtKind::SyncSrcu(receiver.expr))?;
                }
                (Type::Domain, "up_read") => {
                    call.takes(1)?;
                    self.require_unsafe("`up_read` is called", &call.span)?;
                    let value = self.argument(&call, 0, &Type::int("i32"))?.expr;
                    let (address, mode) = (receiver.expr, Mode::SrcuUnlock);
                    self.emit(StmtKind::Store { address, value, mode })?;
                }
                _ => return Err(self.no_method(&receiver.ty, &call)),
            },
            (Type::Pointer { to, mutable }, name @ ("write" | "write_volatile")) => {
                call.takes(1)?;
                self.require_unsafe("a raw pointer is dereferenced", &call.span)?;
                if !mutable {
                    return Err(
                        Problem::at("a write through a `*const` pointer", call.span).with_help("declare it as `*mut`")
                    );
                }
                let mode = if name == "write" { Mode::Plain } else { Mode::Once };
                let to = to.clone();
                let value = self.argument(&call, 0, &to)?;
                self.emit(StmtKind::Store { address: receiver.expr, value: value.expr, mode })?;
            }
            (Type::Guard(Ended::RcuReader), "unlock") => {
                call.takes(0)?;
                let moved = self.moved(receiver)?;
                self.drop_value(&moved)?;
            }
            _ => return Err(self.no_method(&receiver.ty, &call)),
        }
        Ok(Some(()))
    }

    /// A binding that was looked at, moved.
    fn moved(&mut self, value: Value) -> Result<Value, Problem> {
        let id = match value.expr.kind {
            ExprKind::Register(register) => self.scopes.bindings.iter().rposition(|b| b.register == register),
            _ => None,
        };
        match id {
            Some(id) => self.use_local(id, value.span.clone()),
            None => Ok(value),
        }
    }

    /// A method call for its value.
    pub(super) fn method(&mut self, call: &ExprMethodCall, span: Range<usize>) -> Result<Value, Problem> {
        let receiver = self.receiver(&call.receiver)?;
        let call = Call {
            name: call.method.to_string(),
            name_span: self.at(call.method.span()),
            arguments: call.args.iter().collect(),
            span,
        };
        let span = call.span.clone();
        match &receiver.ty {
            Type::Reference(to) => match &**to {
                Type::Atomic(of) => {
                    let of = (**of).clone();
                    self.atomic(receiver, of, call)
                }
                Type::Shared(of) => match &call.name[..] {
                    "get" => {
                        call.takes(0)?;
                        self.require_unsafe("`Shared::get` is called", &span)?;
                        self.load(receiver.expr, Mode::Plain, (**of).clone(), span)
                    }
                    "as_ptr" => Ok(Value { ty: Type::pointer((**of).clone()), span, ..receiver }),
                    _ => Err(self.no_method(&receiver.ty, &call)),
                },
                Type::Lock(_) => self.lock_method(receiver, &call),
                Type::Domain if call.name == "down_read" => {
                    call.takes(0)?;
                    self.load(receiver.expr, Mode::SrcuLock, Type::int("i32"), span)
                }
                Type::Domain if call.name == "read_lock" => {
                    call.takes(0)?;
                    self.srcu_reader(receiver.expr, span)
                }
                _ => Err(self.no_method(&receiver.ty, &call)),
            },
            Type::Pointer { .. } => self.pointer_method(receiver, &call),
            Type::MaybeGuard if matches!(&call.name[..], "is_some" | "is_none") => {
                call.takes(0)?;
                self.require_bound(&receiver)?;
                let expr = if call.name == "is_some" { receiver.expr } else { self.negated(receiver.expr, &span)? };
                Ok(Value { expr, ty: Type::Bool, of: None, span })
            }
            Type::Exchanged(of) => {
                let of = (**of).clone();
                self.exchanged_method(receiver, of, &call)
            }
            Type::Int(_) => self.integer_method(receiver, &call),
            _ => Err(self.no_method(&receiver.ty, &call)),
        }
    }

    fn lock_method(&mut self, lock: Value, call: &Call<'_>) -> Result<Value, Problem> {
        call.takes(0)?;
        let span = call.span.clone();
        match &call.name[..] {
            "lock" => self.lock(lock.expr, span),
            "try_lock" | "is_locked" => {
                let (height, tries) = (lock.expr.height, call.name == "try_lock");
                let address = Box::new(lock.expr.clone());
                let kind = if tries { ExprKind::TryLock(address) } else { ExprKind::IsLocked(address) };
                let expr = self.node(kind, height, &span)?;
                self.effects = true;
                if tries {
                    self.require_stable(&lock.expr, &span)?;
                }
                let ty = if tries { Type::MaybeGuard } else { Type::Bool };
                Ok(Value { expr, ty, of: Some(lock.expr).filter(|_| tries), span })
            }
            _ => Err(self.no_method(&lock.ty, call)),
        }
    }

    fn pointer_method(&mut self, pointer: Value, call: &Call<'_>) -> Result<Value, Problem> {
        let span = call.span.clone();
        let Type::Pointer { to, mutable } = pointer.ty.clone() else { return Err(self.no_method(&pointer.ty, call)) };
        match &call.name[..] {
            "is_null" => {
                call.takes(0)?;
                let null = Expr::leaf(ExprKind::Const(0));
                let expr = self.binary(Operator::Eq, pointer.expr, null, &span)?;
                Ok(Value { expr, ty: Type::Bool, of: None, span })
            }
            name @ ("read" | "read_volatile") => {
                call.takes(0)?;
                self.require_unsafe("a raw pointer is dereferenced", &span)?;
                let mode = if name == "read" { Mode::Plain } else { Mode::Once };
                self.load(pointer.expr, mode, *to, span)
            }
            name @ ("wrapping_byte_add" | "wrapping_byte_sub" | "byte_add" | "byte_sub") => {
                call.takes(1)?;
                if !name.starts_with("wrapping") {
                    self.require_unsafe(&format!("`{name}` is called"), &span)?;
                }
                let offset = self.argument(call, 0, &Type::int("usize"))?;
                let op = if name.ends_with("add") { Operator::Add } else { Operator::Sub };
                let expr = self.binary(op, pointer.expr, offset.expr, &span)?;
                Ok(Value { expr, ty: pointer.ty, of: None, span })
            }
            "cast" => Ok(Value { ty: Type::Pointer { to: Box::new(Type::Unknown), mutable }, span, ..pointer }),
            "cast_mut" => Ok(Value { ty: Type::Pointer { to, mutable: true }, span, ..pointer }),
            "cast_const" => Ok(Value { ty: Type::Pointer { to, mutable: false }, span, ..pointer }),
            "addr" | "expose_provenance" => Ok(Value { ty: Type::int("usize"), span, ..pointer }),
            "add" | "sub" | "offset" | "wrapping_add" | "wrapping_sub" | "wrapping_offset" => {
                Err(Problem::at("a pointer's offset in elements", call.name_span.clone())
                    .with_help("offsets are in bytes: `….wrapping_byte_add(4)`"))
            }
            _ => Err(self.no_method(&pointer.ty, call)),
        }
    }

    fn integer_method(&mut self, left: Value, call: &Call<'_>) -> Result<Value, Problem> {
        let op = match &call.name[..] {
            "wrapping_add" => Operator::Add,
            "wrapping_sub" => Operator::Sub,
            "wrapping_mul" => Operator::Mul,
            _ => return Err(self.no_method(&left.ty, call)),
        };
        call.takes(1)?;
        let (left, right) = self.behind(left, |front, ty| front.argument(call, 0, ty))?;
        let ty = left.ty.joined(&right.ty);
        let integer = match &ty {
            Type::Int(Some(integer)) => *integer,
            _ => Integer::I32,
        };
        let expr = self.wrapped(op, left.expr, right.expr, integer, &call.span)?;
        Ok(Value { expr, ty, of: None, span: call.span.clone() })
    }

    /// An argument of a type.
    pub(super) fn argument(&mut self, call: &Call<'_>, number: usize, wanted: &Type) -> Result<Value, Problem> {
        let Some(argument) = call.arguments.get(number) else {
            return Err(Problem::at("an argument is missing", call.span.clone()));
        };
        let value = self.value(argument, Some(wanted))?;
        self.require(&value, wanted)?;
        Ok(value)
    }

    pub(super) fn no_method(&self, ty: &Type, call: &Call<'_>) -> Problem {
        let problem = Problem::at(format!("a `{ty}` has no method {}", quoted(&call.name)), call.name_span.clone());
        match (ty, &call.name[..]) {
            (Type::Reference(to), _) => match &**to {
                Type::Atomic(_) => problem.with_help(
                    "it has `load`, `store`, `xchg`, `cmpxchg`, `add`, `fetch_add`, `fetch_sub`, `add_unless` and `as_ptr`",
                ),
                Type::Lock(_) => problem.with_help("it has `lock`, `try_lock` and `is_locked`"),
                Type::Domain => problem.with_help("it has `read_lock`, `synchronize`, `down_read` and `up_read`"),
                Type::Shared(_) => problem.with_help("it has `get`, `set` and `as_ptr`"),
                _ => problem,
            },
            (Type::Pointer { .. }, "load" | "store" | "xchg" | "cmpxchg" | "add" | "fetch_add" | "fetch_sub") => {
                problem.with_help("an atomic access is one of `unsafe { Atomic::from_ptr(…) }`")
            }
            (Type::Exchanged(_), _) => problem.with_help(
                "ask `.is_ok()` or `.is_err()`, take the value that was found by `.unwrap_or_else(|old| old)`, or `match` it",
            ),
            (Type::MaybeGuard, _) => problem.with_help("write `if let Some(guard) = …`, or ask `.is_some()`"),
            _ => problem,
        }
    }

    /// The operations of `Atomic<T>` that have a value.
    fn atomic(&mut self, atomic: Value, of: Type, call: Call<'_>) -> Result<Value, Problem> {
        let span = call.span.clone();
        match &call.name[..] {
            "load" => self.atomic_load(atomic.expr, of, &call, 0),
            "xchg" => {
                call.takes(2)?;
                let value = Box::new(self.argument(&call, 0, &of)?.expr);
                let ordering = self.update_ordering(&call, 1)?;
                let height = atomic.expr.height.max(value.height);
                let address = Box::new(atomic.expr);
                let expr = self.node(ExprKind::Exchange { address, value, ordering }, height, &span)?;
                self.effects = true;
                Ok(Value { expr, ty: of, of: None, span })
            }
            "cmpxchg" => self.compare_exchange(atomic.expr, of, &call),
            "fetch_add" | "fetch_sub" => {
                call.takes(2)?;
                self.addable(&of, &call)?;
                let value = Box::new(self.argument(&call, 0, &of)?.expr);
                let ordering = self.update_ordering(&call, 1)?;
                let op = if call.name == "fetch_add" { Operator::Add } else { Operator::Sub };
                let height = atomic.expr.height.max(value.height);
                let address = Box::new(atomic.expr);
                let kind = ExprKind::AtomicOp { address, op, value, yields: Yields::Old, ordering };
                let expr = self.node(kind, height, &span)?;
                self.effects = true;
                Ok(Value { expr, ty: of, of: None, span })
            }
            "add_unless" => {
                call.takes(3)?;
                self.addable(&of, &call)?;
                let add = Box::new(self.argument(&call, 0, &of)?.expr);
                let unless = Box::new(self.argument(&call, 1, &of)?.expr);
                if self.ordering(&call, 2)? != Ordering::Full {
                    let span = self.range(call.arguments[2]);
                    return Err(Problem::at(format!("`add_unless` is not `{}`", self.text(&span)), span)
                        .with_label("`add_unless` is `Full`")
                        .with_help("a loop of `cmpxchg` has all orderings"));
                }
                let height = atomic.expr.height.max(add.height).max(unless.height);
                let address = Box::new(atomic.expr);
                let expr = self.node(ExprKind::AddUnless { address, add, unless, boolean: true }, height, &span)?;
                self.effects = true;
                Ok(Value { expr, ty: Type::Bool, of: None, span })
            }
            "as_ptr" => {
                call.takes(0)?;
                Ok(Value { ty: Type::pointer(of), span, ..atomic })
            }
            "get_mut" => Err(Problem::at("nobody has a shared location for itself", call.name_span)
                .with_help("a plain access is `unsafe { *….as_ptr() }`")),
            "store" | "add" => Err(Problem::at(format!("`{}` has no value", call.name), span)
                .with_help("write it as a statement of its own")),
            _ => Err(self.no_method(&atomic.ty, &call)),
        }
    }

    /// A load whose ordering is the argument of this number, and the last.
    pub(super) fn atomic_load(
        &mut self,
        address: Expr,
        of: Type,
        call: &Call<'_>,
        first: usize,
    ) -> Result<Value, Problem> {
        call.takes(first + 1)?;
        let mode = match self.ordering(call, first)? {
            Ordering::Relaxed => Mode::Once,
            Ordering::Acquire => Mode::Acquire,
            _ => {
                let span = self.range(call.arguments[first]);
                return Err(Problem::at(format!("a load is not `{}`", self.text(&span)), span)
                    .with_label("a load is `Relaxed` or `Acquire`")
                    .with_help("a release orders what is before a write; for a full barrier write `smp_mb()`"));
            }
        };
        let ordering = if mode == Mode::Once { Ordering::Relaxed } else { Ordering::Acquire };
        self.note_access(Kind::Load, ordering, self.range(call.arguments[first]), &call.span, None);
        self.load(address, mode, of, call.span.clone())
    }

    /// A store whose value is the argument of this number, and whose ordering comes behind it.
    pub(super) fn atomic_store(
        &mut self,
        address: Expr,
        of: &Type,
        call: &Call<'_>,
        first: usize,
    ) -> Result<(), Problem> {
        call.takes(first + 2)?;
        let value = self.argument(call, first, of)?.expr;
        let mode = match self.ordering(call, first + 1)? {
            Ordering::Relaxed => Mode::Once,
            Ordering::Release => Mode::Release,
            _ => {
                let span = self.range(call.arguments[first + 1]);
                return Err(Problem::at(format!("a store is not `{}`", self.text(&span)), span)
                    .with_label("a store is `Relaxed` or `Release`")
                    .with_help("an acquire orders what is after a read; for a full barrier write `smp_mb()`"));
            }
        };
        let ordering = if mode == Mode::Once { Ordering::Relaxed } else { Ordering::Release };
        let (stored, argument) = (self.range(call.arguments[first]), self.range(call.arguments[first + 1]));
        self.note_access(Kind::Store, ordering, argument, &call.span, Some((stored, of)));
        self.emit(StmtKind::Store { address, value, mode })
    }

    /// Integers of 32 and 64 bits can be added to, as in the kernel.
    fn addable(&self, of: &Type, call: &Call<'_>) -> Result<(), Problem> {
        match of {
            Type::Int(Some(integer)) if integer.bits < 32 => {}
            Type::Int(_) | Type::Unknown => return Ok(()),
            _ => {}
        }
        Err(Problem::at(format!("an `Atomic<{of}>` has no `{}`", call.name), call.name_span.clone()).with_help(
            "`i32`, `u32`, `i64`, `u64`, `isize` and `usize` can be added to; others take a loop of `cmpxchg`",
        ))
    }

    fn only_relaxed(&mut self, call: &Call<'_>) -> Result<(), Problem> {
        if self.ordering(call, 1)? == Ordering::Relaxed {
            return Ok(());
        }
        let span = self.range(call.arguments[1]);
        Err(Problem::at(format!("`add` is not `{}`", self.text(&span)), span)
            .with_label("`add` is `Relaxed`")
            .with_help("`fetch_add` has all orderings"))
    }

    /// The ordering of a read-modify-write.
    pub(super) fn update_ordering(&mut self, call: &Call<'_>, number: usize) -> Result<Ordering, Problem> {
        let ordering = self.ordering(call, number)?;
        self.note_access(Kind::Rmw, ordering, self.range(call.arguments[number]), &call.span, None);
        Ok(ordering)
    }

    /// An argument that is an ordering.
    pub(super) fn ordering(&mut self, call: &Call<'_>, number: usize) -> Result<Ordering, Problem> {
        let Some(argument) = call.arguments.get(number) else {
            return Err(Problem::at(format!("`{}` lacks its ordering", call.name), call.span.clone()));
        };
        let span = self.range(argument);
        let name = match argument {
            Syntax::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        match name.as_deref() {
            Some("Relaxed") => Ok(Ordering::Relaxed),
            Some("Acquire") => Ok(Ordering::Acquire),
            Some("Release") => Ok(Ordering::Release),
            Some("Full") => Ok(Ordering::Full),
            Some("SeqCst" | "AcqRel") => {
                let text = quoted(self.text(&span));
                Err(Problem::at(format!("{text} is an ordering of Rust's own atomics"), span)
                    .with_help("the kernel's are `Relaxed`, `Acquire`, `Release` and `Full`"))
            }
            _ => Err(Problem::at("expected an ordering", span)
                .with_help("the orderings are `Relaxed`, `Acquire`, `Release` and `Full`")),
        }
    }
}

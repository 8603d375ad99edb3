//! Functions: barriers, RCU, what takes pointers, and `drop`.

use super::method::Call;
use super::types::{self, Ended, Type};
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Ordering, StmtKind};
use crate::sites::{Access, FenceSite, Kind, Spelling, Zero};
use crate::text::quoted;
use lkmm_model::event::{Fence, Mode};
use lkmm_report::Problem;
use std::ops::Range;
use syn::{Expr as Syntax, ExprCall, GenericArgument, PathArguments};

/// The functions of `lkmm::barrier`.
fn barrier(name: &str) -> Option<Fence> {
    Some(match name {
        "smp_mb" => Fence::Mb,
        "smp_rmb" => Fence::Rmb,
        "smp_wmb" => Fence::Wmb,
        "barrier" => Fence::Barrier,
        "smp_mb__before_atomic" => Fence::BeforeAtomic,
        "smp_mb__after_atomic" => Fence::AfterAtomic,
        "smp_mb__after_spinlock" => Fence::AfterSpinlock,
        "smp_mb__after_unlock_lock" => Fence::AfterUnlockLock,
        "smp_mb__after_srcu_read_unlock" => Fence::AfterSrcuReadUnlock,
        _ => return None,
    })
}

/// The function that is called: its name, and the type or the module before it.
struct Callee {
    within: Option<String>,
    name: String,
}

impl Front<'_> {
    fn callee(&self, call: &ExprCall) -> Result<Callee, Problem> {
        let Syntax::Path(path) = &*call.func else {
            return Err(Problem::at("this is no function", self.range(&call.func)));
        };
        let mut names = path.path.segments.iter().rev().map(|segment| segment.ident.to_string());
        let name = names.next().unwrap_or_default();
        Ok(Callee { within: names.next(), name })
    }

    /// A call whose value nobody wants; `None` if it is one for its value.
    pub(super) fn action(&mut self, expr: &ExprCall) -> Result<Option<()>, Problem> {
        let Callee { within, name } = self.callee(expr)?;
        let call = Call {
            name_span: self.range(&expr.func),
            name,
            arguments: expr.args.iter().collect(),
            span: self.range(expr),
        };
        if let Some(fence) = barrier(&call.name) {
            call.takes(0)?;
            let span = self.origins[self.origin as usize].span.clone();
            self.sites.fences.push(FenceSite { process: self.number, span, name: call.name_span, fence });
            return self.emit(StmtKind::Fence(fence)).map(Some);
        }
        match (within.as_deref(), &call.name[..]) {
            (_, "synchronize_rcu") => {
                call.takes(0)?;
                self.emit(StmtKind::Fence(Fence::SyncRcu))?;
            }
            (_, "synchronize_srcu") => {
                call.takes(1)?;
                let domain = self.argument(&call, 0, &Type::reference(Type::Domain))?;
                self.emit(StmtKind::SyncSrcu(domain.expr))?;
            }
            (Some("hint"), "spin_loop") => call.takes(0)?,
            (None | Some("mem"), "drop") => {
                call.takes(1)?;
                let value = self.value(call.arguments[0], None)?;
                match value.ty {
                    Type::Guard(_) | Type::MaybeGuard => self.drop_value(&value)?,
                    _ => self.emit(StmtKind::Assign { register: None, value: value.expr })?,
                }
            }
            (None | Some("mem"), "forget") => {
                call.takes(1)?;
                let value = self.value(call.arguments[0], None)?;
                if !matches!(value.expr.kind, ExprKind::Register(_) | ExprKind::Const(_)) {
                    self.emit(StmtKind::Assign { register: None, value: value.expr })?;
                }
            }
            (_, "assign") => {
                call.takes(2)?;
                let (address, to) = self.pointer_location(&call)?;
                let value = self.argument(&call, 1, &to)?.expr;
                self.emit(StmtKind::Store { address, value, mode: Mode::Release })?;
                self.sites.accesses.push(Access {
                    process: self.number,
                    span: call.span.clone(),
                    kind: Kind::Store,
                    ordering: Ordering::Release,
                    spelling: Spelling::Assign {
                        name: call.name_span.clone(),
                        arguments: [0, 1].map(|n| self.range(call.arguments[n])),
                    },
                    value: None,
                    zero: Zero::None,
                });
            }
            (_, "atomic_store") => {
                let (address, to) = self.pointee(&call)?;
                self.atomic_store(address, &to, &call, 1)?;
            }
            (Some("ptr"), "write") | (_, "write_volatile") => {
                call.takes(2)?;
                let (address, to) = self.pointee(&call)?;
                let value = self.argument(&call, 1, &to)?.expr;
                let mode = if call.name == "write" { Mode::Plain } else { Mode::Once };
                self.emit(StmtKind::Store { address, value, mode })?;
            }
            _ => return Ok(None),
        }
        Ok(Some(()))
    }

    /// A call for its value.
    pub(super) fn call(
        &mut self,
        expr: &ExprCall,
        wanted: Option<&Type>,
        span: Range<usize>,
    ) -> Result<Value, Problem> {
        let Callee { within, name } = self.callee(expr)?;
        let call =
            Call { name_span: self.range(&expr.func), name, arguments: expr.args.iter().collect(), span: span.clone() };
        match (within.as_deref(), &call.name[..]) {
            (Some("Guard"), "new") | (Some("rcu"), "read_lock") | (None, "read_lock" | "rcu_read_lock") => {
                call.takes(0)?;
                self.rcu_reader(span)
            }
            (Some("SpinLockGuard" | "MutexGuard"), "new") => {
                call.takes(1)?;
                self.require_unsafe("a guard of a lock that is held already is made", &span)?;
                let lock = self.value(call.arguments[0], None)?;
                match &lock.ty {
                    Type::Reference(to) if matches!(**to, Type::Lock(_)) => {}
                    ty => return Err(Problem::at(format!("expected `&SpinLock<()>`, found `{ty}`"), lock.span)),
                }
                self.require_stable(&lock.expr, &lock.span)?;
                let (expr, of) = (Expr::leaf(ExprKind::Const(0)), Some(lock.expr));
                Ok(Value { expr, ty: Type::Guard(Ended::CriticalSection), of, span })
            }
            (_, "dereference") => {
                call.takes(1)?;
                let (address, to) = self.pointer_location(&call)?;
                self.load(address, Mode::Once, to, span)
            }
            (Some("Atomic"), "from_ptr") => {
                call.takes(1)?;
                let (address, to) = self.pointee(&call)?;
                Ok(Value { expr: address, ty: Type::reference(Type::Atomic(Box::new(to))), of: None, span })
            }
            (_, "atomic_load") => {
                let (address, to) = self.pointee(&call)?;
                self.atomic_load(address, to, &call, 1)
            }
            (_, "xchg") => {
                call.takes(3)?;
                let (address, to) = self.pointee(&call)?;
                let value = Box::new(self.argument(&call, 1, &to)?.expr);
                let ordering: Ordering = self.update_ordering(&call, 2)?;
                let height = address.height.max(value.height);
                let kind = ExprKind::Exchange { address: Box::new(address), value, ordering };
                let expr = self.node(kind, height, &span)?;
                self.effects = true;
                Ok(Value { expr, ty: to, of: None, span })
            }
            (_, "cmpxchg") => {
                let (address, to) = self.pointee(&call)?;
                self.compare_exchange_at(address, to, &call, 1)
            }
            (Some("ptr"), "read") | (_, "read_volatile") => {
                call.takes(1)?;
                let (address, to) = self.pointee(&call)?;
                let mode = if call.name == "read" { Mode::Plain } else { Mode::Once };
                self.load(address, mode, to, span)
            }
            (_, "null_mut" | "null") => {
                call.takes(0)?;
                let mutable = call.name == "null_mut";
                let to = match (self.turbofish(expr)?, wanted) {
                    (Some(to), _) => to,
                    (None, Some(Type::Pointer { to, .. })) => (**to).clone(),
                    (None, _) => Type::Unknown,
                };
                self.constant(0, Type::Pointer { to: Box::new(to), mutable }, span)
            }
            (Some(name), "from") if types::Integer::of(name).is_some() => {
                call.takes(1)?;
                let value = self.value(call.arguments[0], None)?;
                let integer = types::Integer::of(name);
                match (&value.ty, integer) {
                    (Type::Bool, _) => {}
                    (Type::Int(Some(from)), Some(to))
                        if from == &to || from.bits < to.bits && (!from.signed || to.signed) => {}
                    (Type::Int(None), _) => self.require(&value, &Type::Int(integer))?,
                    (ty, _) => {
                        return Err(Problem::at(format!("there is no `{name}::from` of a `{ty}`"), value.span)
                            .with_help(format!("convert it: `… as {name}`")));
                    }
                }
                Ok(Value { ty: Type::Int(integer), span, ..value })
            }
            _ => Err(unknown(&call)),
        }
    }

    /// The type between `::<` and `>`.
    fn turbofish(&self, call: &ExprCall) -> Result<Option<Type>, Problem> {
        let Syntax::Path(path) = &*call.func else { return Ok(None) };
        let Some(PathArguments::AngleBracketed(arguments)) = path.path.segments.last().map(|last| &last.arguments)
        else {
            return Ok(None);
        };
        match arguments.args.iter().next() {
            Some(GenericArgument::Type(ty)) => {
                types::read(ty).map(Some).map_err(|error| types::problem(error, self.range(ty)))
            }
            _ => Ok(None),
        }
    }

    /// The first argument, a raw pointer to something that is accessed.
    fn pointee(&mut self, call: &Call<'_>) -> Result<(Expr, Type), Problem> {
        self.require_unsafe(&format!("`{}` is called", call.name), &call.span)?;
        let Some(argument) = call.arguments.first() else {
            return Err(Problem::at("an argument is missing", call.span.clone()));
        };
        let pointer = self.value(argument, None)?;
        match pointer.ty {
            // Only `ptr::read` and `ptr::read_volatile` take one that cannot be written through.
            Type::Pointer { mutable: false, .. } if !call.name.starts_with("read") => Err(Problem::at(
                format!("`{}` takes a `*mut` pointer, and this is a `*const` one", call.name),
                pointer.span,
            )
            .with_help("declare it as `*mut`, or convert it: `… as *mut i32`")),
            Type::Pointer { to, .. }
                if matches!(*to, Type::Int(_) | Type::Bool | Type::Pointer { .. } | Type::Unknown) =>
            {
                Ok((pointer.expr, *to))
            }
            ty => Err(Problem::at(format!("expected a raw pointer, found `{ty}`"), pointer.span)),
        }
    }

    /// The first argument, a location that holds a pointer.
    fn pointer_location(&mut self, call: &Call<'_>) -> Result<(Expr, Type), Problem> {
        let location = self.value(call.arguments[0], None)?;
        if let Type::Reference(to) = &location.ty {
            if let Type::Atomic(of) = &**to {
                if matches!(**of, Type::Pointer { .. } | Type::Unknown) {
                    return Ok((location.expr, (**of).clone()));
                }
            }
        }
        Err(Problem::at(format!("expected `&Atomic<*mut T>`, found `{}`", location.ty), location.span)
            .with_help("other values are read by `….load(Relaxed)` and written by `….store(…, Release)`"))
    }

    /// `matches!(value, pattern)`.
    pub(super) fn macro_value(&mut self, call: &syn::Macro, span: Range<usize>) -> Result<Value, Problem> {
        if !call.path.is_ident("matches") {
            let name = self.range(&call.path);
            return Err(Problem::at("a macro that the dialect does not have", name)
                .with_help("ask for values in the condition, as in `exists (1:r0=1)`"));
        }
        let parts = call.parse_body_with(|input: syn::parse::ParseStream<'_>| {
            let value: Syntax = input.parse()?;
            input.parse::<syn::Token![,]>()?;
            let pattern = syn::Pat::parse_multi_with_leading_vert(input)?;
            input.parse::<Option<syn::Token![,]>>()?;
            Ok((value, pattern))
        });
        let (value, pattern) = parts.map_err(|error| Problem::at(format!("not Rust: {error}"), span.clone()))?;
        let value = self.value(&value, None)?;
        let shape = self.shape(&pattern, &value.ty)?;
        if shape.name().is_some() {
            return Err(Problem::at("a pattern that binds a name, in `matches!`", self.range(&pattern))
                .with_help("write `_` instead of the name"));
        }
        if value.ty == Type::MaybeGuard {
            self.require_bound(&value)?;
        }
        let expr = match self.test(&shape, &value, &span)? {
            Some(test) => test,
            None => return Err(Problem::at("this always matches", span)),
        };
        Ok(Value { expr, ty: Type::Bool, of: None, span })
    }
}

fn unknown(call: &Call<'_>) -> Problem {
    let name = quoted(types::shortened(&call.name));
    if barrier(&call.name).is_some()
        || matches!(&call.name[..], "drop" | "forget" | "assign" | "atomic_store" | "synchronize_rcu")
    {
        return Problem::at(format!("{name} has no value"), call.span.clone())
            .with_help("write it as a statement of its own");
    }
    let problem = Problem::at(format!("unknown function {name}"), call.name_span.clone());
    match &call.name[..] {
        "rcu_read_unlock" => problem.with_help("a reader ends where its guard is dropped: `drop(guard)`"),
        "READ_ONCE" => problem.with_help("write `x.load(Relaxed)`"),
        "WRITE_ONCE" => problem.with_help("write `x.store(v, Relaxed)`"),
        "smp_load_acquire" => problem.with_help("write `x.load(Acquire)`"),
        "smp_store_release" => problem.with_help("write `x.store(v, Release)`"),
        "rcu_dereference" => problem.with_help("write `rcu::dereference(x)`"),
        "rcu_assign_pointer" => problem.with_help("write `rcu::assign(x, v)`"),
        "spin_lock" => problem.with_help("write `let guard = s.lock();`"),
        "spin_unlock" => problem.with_help("a lock is unlocked where its guard is dropped: `drop(guard)`"),
        "fence" => problem.with_help("write `smp_mb()`, `smp_rmb()` or `smp_wmb()`"),
        "Some" | "Ok" | "Err" => {
            problem.with_help("`match` what `try_lock()` or `cmpxchg()` yields, or ask `.is_ok()` or `.is_some()`")
        }
        name => match crate::primitives::nearest(name).filter(|near| barrier(near).is_some()) {
            Some(near) => problem.with_help(format!("did you mean `{near}`?")),
            None => problem.with_help("the names are those of crate `lkmm`, which follow the kernel's"),
        },
    }
}

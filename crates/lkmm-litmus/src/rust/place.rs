//! Places: what raw pointers point to, accessed plainly, and what references refer to.

use super::types::Type;
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, StmtKind};
use lkmm_model::event::Mode;
use lkmm_report::Problem;
use std::ops::Range;
use syn::{Expr as Syntax, UnOp};

/// Where something is read or written.
pub(super) struct Place {
    pub(super) address: Expr,
    pub(super) ty: Type,
    pub(super) span: Range<usize>,
}

/// An expression without the parentheses around it.
pub(super) fn unwrapped(mut expr: &Syntax) -> &Syntax {
    loop {
        expr = match expr {
            Syntax::Paren(inner) => &inner.expr,
            Syntax::Group(inner) => &inner.expr,
            _ => return expr,
        };
    }
}

impl Front<'_> {
    /// Does an expression name a place, so that it is not moved unless something wants its value?
    pub(super) fn is_place(&self, expr: &Syntax) -> bool {
        match unwrapped(expr) {
            Syntax::Path(path) => self.local_of(path).is_ok(),
            Syntax::Unary(unary) => matches!(unary.op, UnOp::Deref(_)),
            _ => false,
        }
    }

    pub(super) fn require_unsafe(&self, what: &str, span: &Range<usize>) -> Result<(), Problem> {
        if self.unsafe_depth > 0 {
            return Ok(());
        }
        Err(Problem::at(format!("{what} outside of `unsafe`"), span.clone())
            .with_help("write `unsafe { … }` around it: nothing but the test keeps other accesses from racing with it"))
    }

    /// `*p`, read.
    pub(super) fn read_place(&mut self, pointer: &Syntax, span: Range<usize>) -> Result<Value, Problem> {
        let pointer = self.value(pointer, None)?;
        let place = self.dereferenced(pointer, span)?;
        self.load_plain(&place)
    }

    /// What a pointer points to.
    fn dereferenced(&mut self, pointer: Value, span: Range<usize>) -> Result<Place, Problem> {
        match pointer.ty {
            Type::Pointer { to, .. } => {
                self.require_unsafe("a raw pointer is dereferenced", &span)?;
                match *to {
                    ty @ (Type::Int(_) | Type::Bool | Type::Pointer { .. } | Type::Unknown) => {
                        Ok(Place { address: pointer.expr, ty, span })
                    }
                    ty => Err(Problem::at(format!("the value of a whole `{ty}`"), span)
                        .with_help("access it by its methods, as in `(*p).load(Relaxed)`")),
                }
            }
            Type::Reference(to) => {
                Err(Problem::at(format!("`{to}` has no value to copy"), span).with_help(match *to {
                    Type::Atomic(_) => "read it by `….load(Relaxed)`; a plain read is `unsafe { *….as_ptr() }`",
                    _ => "call its methods",
                }))
            }
            Type::Guard(_) => Err(Problem::at("the lock protects nothing by itself", span)
                .with_help("what it protects is a location of its own, a parameter `*mut T`")),
            ty => Err(Problem::at(format!("a `{ty}` is no pointer"), span)),
        }
    }

    pub(super) fn load_plain(&mut self, place: &Place) -> Result<Value, Problem> {
        self.load(place.address.clone(), Mode::Plain, place.ty.clone(), place.span.clone())
    }

    pub(super) fn load(&mut self, address: Expr, mode: Mode, ty: Type, span: Range<usize>) -> Result<Value, Problem> {
        let height = address.height;
        let expr = self.node(ExprKind::Load { address: Box::new(address), mode }, height, &span)?;
        self.effects = true;
        Ok(Value { expr, ty, of: None, span })
    }

    /// The place on the left of an assignment.
    pub(super) fn place_to_write(&mut self, expr: &Syntax) -> Result<Place, Problem> {
        let span = self.range(expr);
        let Syntax::Unary(unary) = unwrapped(expr) else {
            return Err(Problem::at("nothing can be assigned to this", span)
                .with_help("assign to a local, or to what a raw pointer points to"));
        };
        let UnOp::Deref(_) = unary.op else {
            return Err(Problem::at("nothing can be assigned to this", span));
        };
        let pointer = self.value(&unary.expr, None)?;
        let written = self.text(&pointer.span).to_string();
        let written = super::types::shortened(&written).to_string();
        match &pointer.ty {
            Type::Reference(to) => {
                let problem =
                    Problem::at("a plain write through a shared reference, which safe Rust rejects", span.clone());
                Err(match **to {
                    Type::Atomic(_) => problem.with_label(format!("`{written}` is a `{}`", pointer.ty)).with_help(
                        format!(
                            "write `{written}.store(…, Relaxed)`; if the write is to be plain, `unsafe {{ *{written}.as_ptr() = … }}`"
                        ),
                    ),
                    _ => problem.with_label(format!("`{written}` is a `{}`", pointer.ty)),
                })
            }
            Type::Pointer { mutable: false, .. } => {
                Err(Problem::at("a write through a `*const` pointer", span).with_help("declare it as `*mut`"))
            }
            _ => self.dereferenced(pointer, span),
        }
    }

    pub(super) fn store_plain(&mut self, place: Place, value: Value) -> Result<(), Problem> {
        self.require(&value, &place.ty)?;
        self.emit(StmtKind::Store { address: place.address, value: value.expr, mode: Mode::Plain })
    }

    /// What a method is called on: a reference to a location, or a value. Of `(*p)` the address is taken.
    pub(super) fn receiver(&mut self, expr: &Syntax) -> Result<Value, Problem> {
        let span = self.range(expr);
        let value = match unwrapped(expr) {
            Syntax::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => {
                let pointer = self.value(&unary.expr, None)?;
                match &pointer.ty {
                    Type::Pointer { to, .. }
                        if matches!(**to, Type::Atomic(_) | Type::Shared(_) | Type::Lock(_) | Type::Domain) =>
                    {
                        self.require_unsafe("a raw pointer is dereferenced", &span)?;
                        Value { ty: Type::Reference(to.clone()), ..pointer }
                    }
                    Type::Reference(_) => pointer,
                    _ => {
                        let place = self.dereferenced(pointer, span.clone())?;
                        self.load_plain(&place)?
                    }
                }
            }
            Syntax::Reference(reference) => return self.receiver(&reference.expr),
            Syntax::Path(path) => {
                let (id, span) = self.local_of(path)?;
                // A method takes a guard by reference, but for one.
                let state = self.scopes.bindings[id].state.clone();
                let value = self.use_local(id, span)?;
                self.scopes.bindings[id].state = state;
                value
            }
            _ => self.value(expr, None)?,
        };
        Ok(value)
    }

    /// `&*p`, and `&x` of what is a reference already.
    pub(super) fn reference(&mut self, reference: &syn::ExprReference, span: Range<usize>) -> Result<Value, Problem> {
        if reference.mutability.is_some() {
            return Err(Problem::at("`&mut` promises that nobody else accesses it", span)
                .with_help("locations are shared: pass `&Atomic<T>` or `*mut T` on"));
        }
        let value = self.receiver(&reference.expr)?;
        match value.ty {
            Type::Reference(_) => Ok(Value { span, ..value }),
            ty => Err(Problem::at(format!("a reference to a `{ty}`"), span)
                .with_help("references are to locations: to what `&Atomic<T>` parameters refer to")),
        }
    }

    /// `&raw mut *p`.
    pub(super) fn raw_address(&mut self, address: &syn::ExprRawAddr) -> Result<Value, Problem> {
        let span = self.range(address);
        match unwrapped(&address.expr) {
            Syntax::Unary(unary) if matches!(unary.op, UnOp::Deref(_)) => {
                let pointer = self.value(&unary.expr, None)?;
                match pointer.ty {
                    Type::Pointer { .. } => Ok(Value { span, ..pointer }),
                    ty => Err(Problem::at(format!("a `{ty}` is no raw pointer"), span)),
                }
            }
            _ => Err(Problem::at("the address of a local", span)
                .with_help("other processes see parameters only: `x: *mut i32` is the address of the location `x`")),
        }
    }
}

//! Types of locals that are known by their uses only: `let r0 = 1;` is a `u8` if it is stored where a `u8` is.
//!
//! Where such a use is found, much has been lowered already as if the local were an `i32`. So the type is noted with the name that it
//! is for, and the whole process lowered again, in which the name has that type from the beginning. Each time there is
//! one name more, so this ends.

use super::Front;
use super::types::{Integer, Type};
use crate::ast::{Expr, ExprKind};

impl Front<'_> {
    /// The type that was learnt for the name that stands here.
    pub(super) fn learnt(&self, at: usize) -> Option<Type> {
        self.learnt.get(&at).map(|&integer| Type::Int(Some(integer)))
    }

    /// Numbers without a type that a value is made from are of this one; are there any?
    pub(super) fn learn(&mut self, value: &Expr, integer: Integer) -> bool {
        match &value.kind {
            ExprKind::Binary { left, right, .. } => {
                let left = self.learn(left, integer);
                self.learn(right, integer) || left
            }
            ExprKind::Register(register) => {
                let of = self.scopes.bindings.iter_mut().filter(|binding| binding.register == *register);
                let untyped: Vec<_> = of.filter(|binding| binding.ty == Type::Int(None)).collect();
                let found = !untyped.is_empty();
                for binding in untyped {
                    binding.ty = Type::Int(Some(integer));
                    self.again |= self.learnt.insert(binding.at, integer).is_none();
                }
                found
            }
            _ => false,
        }
    }
}

//! Names: each `let` binds one of its own, which hides those of the same name before it, and lives until its block ends.
//!
//! Each binding is a register. Whether it has a value is followed along the control flow: it may have none yet (`let r;`), and what is
//! moved (a guard that is dropped) has none any more. Where two branches meet that disagree, it has one perhaps.

use super::types::Type;
use crate::ast::{Expr, Register};
use std::ops::Range;

/// Index into [`Scopes::bindings`].
pub(super) type BindingId = usize;

/// Has a binding a value?
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    Live,
    /// Not yet.
    Unset,
    /// Not any more, since here.
    Moved(Range<usize>),
    /// It depends on the way taken.
    Perhaps,
}

/// A name and what it stands for.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    pub(super) name: String,
    /// Where the name stands.
    pub(super) at: usize,
    pub(super) ty: Type,
    pub(super) register: Register,
    pub(super) mutable: bool,
    pub(super) state: State,
    /// How deep in loops it is bound.
    pub(super) loops: u32,
    /// Of a guard, where what it holds is; of what a `cmpxchg` yields, the value that it expected.
    pub(super) of: Option<Expr>,
}

/// All bindings of a process, and the scopes that are open.
#[derive(Default)]
pub(super) struct Scopes {
    pub(super) bindings: Vec<Binding>,
    open: Vec<Vec<BindingId>>,
}

impl Scopes {
    pub(super) fn enter(&mut self) {
        self.open.push(Vec::new());
    }

    /// What was bound in the innermost scope, the last first.
    pub(super) fn leave(&mut self) -> Vec<BindingId> {
        let mut bound = self.open.pop().unwrap_or_default();
        bound.reverse();
        bound
    }

    /// How many scopes are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// What is bound in all scopes but so many, the last first.
    pub(super) fn bound_since(&self, depth: usize) -> Vec<BindingId> {
        self.open[depth.min(self.open.len())..].iter().flatten().rev().copied().collect()
    }

    pub(super) fn bind(&mut self, binding: Binding) -> BindingId {
        self.bindings.push(binding);
        let id = self.bindings.len() - 1;
        if let Some(scope) = self.open.last_mut() {
            scope.push(id);
        }
        id
    }

    pub(super) fn find(&self, name: &str) -> Option<BindingId> {
        self.open.iter().rev().flat_map(|scope| scope.iter().rev()).copied().find(|&id| self.bindings[id].name == name)
    }

    /// The states of all bindings, to come back to.
    pub(super) fn states(&self) -> Vec<State> {
        self.bindings.iter().map(|binding| binding.state.clone()).collect()
    }

    /// Comes back to them. (What was bound since is out of scope.)
    pub(super) fn restore(&mut self, states: &[State]) {
        for (binding, state) in self.bindings.iter_mut().zip(states) {
            binding.state = state.clone();
        }
    }

    /// Where the present branch meets one that ended so. (What it has not bound yet has no value there.)
    pub(super) fn join(&mut self, states: &[State]) {
        for binding in self.bindings.iter_mut().skip(states.len()) {
            if binding.state == State::Live {
                binding.state = State::Perhaps;
            }
        }
        for (binding, state) in self.bindings.iter_mut().zip(states) {
            let agree = match (&binding.state, state) {
                (State::Moved(_), State::Moved(_)) => true,
                (a, b) => a == b,
            };
            if !agree {
                binding.state = State::Perhaps;
            }
        }
    }
}

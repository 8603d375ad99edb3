//! Ways out of blocks: `return`, `break` and `continue`.
//!
//! What can be left is a labelled block of the tree. What leaves it drops the guards of all scopes on its way; where the block ends, the ways
//! to there meet, as they do behind an `if`.

use super::scope::State;
use super::types::Type;
use super::{Front, Value};
use crate::ast::{Expr, ExprKind, Register, Stmt, StmtKind};
use crate::text::quoted;
use lkmm_report::Problem;
use std::ops::Range;
use syn::{Expr as Syntax, Lifetime};

/// What leaves a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Return,
    Break,
    Continue,
    /// `break` with its label.
    Block,
}

/// A block that can be left.
pub(super) struct Target {
    way: Way,
    label: u32,
    name: Option<String>,
    /// How many scopes are open around it.
    scopes: usize,
    /// Where a value goes that a `break` has, and the type that it has.
    value: Option<(Register, Option<Type>)>,
    /// The states of bindings on each way out.
    left: Vec<Vec<State>>,
}

impl Target {
    pub(super) fn new(way: Way, name: Option<&syn::Label>) -> Target {
        let name = name.map(|label| label.name.ident.to_string());
        Target { way, label: 0, name, scopes: 0, value: None, left: Vec::new() }
    }

    pub(super) fn with_value(self, register: Option<Register>, ty: Option<&Type>) -> Target {
        Target { value: register.map(|register| (register, ty.cloned())), ..self }
    }
}

/// What became of a labelled block.
pub(super) struct Left {
    /// The type of its value.
    pub(super) value: Option<Type>,
}

impl Front<'_> {
    /// Lowers what stands in a block that can be left; it becomes one in the tree if it is.
    pub(super) fn leavable(
        &mut self,
        target: Target,
        lower: impl FnOnce(&mut Self) -> Result<(), Problem>,
    ) -> Result<Left, Problem> {
        let (label, origin) = (self.labels, self.origin);
        self.labels += 1;
        // The locals of a process share the scope of its parameters.
        let scopes = if target.way == Way::Return { 0 } else { self.scopes.depth() };
        self.targets.push(Target { label, scopes, ..target });
        let outer = self.leaves.take();
        let ((), body) = self.collect(lower)?;
        let inner = self.leaves.take().filter(|&to| to < label);
        self.leaves = least(outer, inner);
        let Some(target) = self.targets.pop() else { return Ok(Left { value: None }) };
        let value = target.value.and_then(|(_, ty)| ty);
        self.origin = origin;
        if target.left.is_empty() {
            self.out.extend(body);
            return Ok(Left { value });
        }
        for states in &target.left {
            if !self.reachable {
                self.scopes.restore(states);
            }
            self.scopes.join(states);
            self.reachable = true;
        }
        self.emit(StmtKind::Labelled { label, body })?;
        Ok(Left { value })
    }

    /// Leaves the block of a target.
    pub(super) fn leave(&mut self, way: Way, label: Option<&Lifetime>, span: &Range<usize>) -> Result<(), Problem> {
        let index = self.target(way, label, span)?;
        let (label, scopes) = (self.targets[index].label, self.targets[index].scopes);
        if self.reachable {
            self.drop_all(&self.scopes.bound_since(scopes), span)?;
            let states = self.scopes.states();
            self.targets[index].left.push(states);
            self.leaves = least(self.leaves, Some(label));
        }
        self.emit(StmtKind::Leave(label))?;
        self.reachable = false;
        Ok(())
    }

    fn target(&self, way: Way, label: Option<&Lifetime>, span: &Range<usize>) -> Result<usize, Problem> {
        let matches = |target: &Target| match label {
            None => target.way == way,
            Some(label) => {
                let named = target.name.as_deref().is_some_and(|name| label.ident == name);
                named && (target.way == way || way == Way::Break && target.way == Way::Block)
            }
        };
        self.targets.iter().rposition(matches).ok_or_else(|| match label {
            Some(label) => {
                Problem::at(format!("there is no loop {} around this", quoted(&label.to_string())), span.clone())
            }
            None => Problem::at("there is no loop around this", span.clone()),
        })
    }

    /// `return`, `break` and `continue`: expressions without a value.
    pub(super) fn leaving(&mut self, expr: &Syntax, span: Range<usize>) -> Result<Value, Problem> {
        self.detach(&span)?;
        match expr {
            Syntax::Return(end) => {
                if let Some(value) = &end.expr {
                    let span = self.range(value);
                    return Err(Problem::at("a process yields nothing", span)
                        .with_help("bind what is asked for with `let`; the condition names it"));
                }
                self.leave(Way::Return, None, &span)?;
            }
            Syntax::Break(end) => {
                match &end.expr {
                    Some(value) => self.break_with(value, end.label.as_ref(), &span)?,
                    None => {
                        let index = self.target(Way::Break, end.label.as_ref(), &span)?;
                        if self.targets[index].value.is_some() {
                            return Err(Problem::at("this `break` lacks the value of the loop", span));
                        }
                    }
                }
                self.leave(Way::Break, end.label.as_ref(), &span)?;
            }
            Syntax::Continue(end) => self.leave(Way::Continue, end.label.as_ref(), &span)?,
            _ => return Err(Problem::at("this leaves nothing", span)),
        }
        Ok(Value { expr: Expr::leaf(ExprKind::Const(0)), ty: Type::Never, of: None, span })
    }

    fn break_with(&mut self, value: &Syntax, label: Option<&Lifetime>, span: &Range<usize>) -> Result<(), Problem> {
        let index = self.target(Way::Break, label, span)?;
        let Some((register, wanted)) = self.targets[index].value.clone() else {
            return Err(Problem::at("nobody wants the value of this `break`", self.range(value))
                .with_help("bind the value of the `loop`: `let r0 = loop { … };`"));
        };
        let value = self.value_into(register, value, wanted.as_ref())?;
        if matches!(value.ty, Type::Guard(_) | Type::MaybeGuard | Type::Exchanged(_)) {
            return Err(Problem::at(format!("a `{}` that comes out of a loop", value.ty), value.span)
                .with_help("use it in the loop"));
        }
        let ty = match wanted {
            Some(wanted) => {
                self.require(&value, &wanted)?;
                wanted.joined(&value.ty)
            }
            None => value.ty,
        };
        self.targets[index].value = Some((register, Some(ty)));
        Ok(())
    }

    /// Adds a branch, of which the condition decides about what comes after it if one of its arms leaves a block.
    pub(super) fn emit_branch(&mut self, branch: StmtKind, leaves: Option<u32>) -> Result<(), Problem> {
        let origin = self.origin;
        match leaves {
            Some(label) => self.emit(StmtKind::Leaving { label, branch: Box::new(Stmt { kind: branch, origin }) }),
            None => self.emit(branch),
        }
    }
}

/// The outermost of two labels.
pub(super) fn least(a: Option<u32>, b: Option<u32>) -> Option<u32> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

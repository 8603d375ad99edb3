//! `cmpxchg`, and what becomes of the `Result` that it yields: the value that was found, `Ok` if it is the one that was expected.

use super::method::Call;
use super::operator::has_effect;
use super::types::Type;
use super::{Front, Value};
use crate::ast::{Expr, ExprKind};
use lkmm_model::program::Operator;
use lkmm_report::Problem;
use syn::{Expr as Syntax, Pat};

impl Front<'_> {
    pub(super) fn compare_exchange(&mut self, address: Expr, of: Type, call: &Call<'_>) -> Result<Value, Problem> {
        self.compare_exchange_at(address, of, call, 0)
    }

    /// A `cmpxchg` whose arguments begin at this number.
    pub(super) fn compare_exchange_at(
        &mut self,
        address: Expr,
        of: Type,
        call: &Call<'_>,
        first: usize,
    ) -> Result<Value, Problem> {
        call.takes(first + 3)?;
        let old = self.argument(call, first, &of)?;
        let new = self.argument(call, first + 1, &of)?.expr;
        let ordering = self.update_ordering(call, first + 2)?;
        let height = address.height.max(old.expr.height).max(new.height);
        let expected = old.expr.clone();
        let (address, old, new) = (Box::new(address), Box::new(old.expr), Box::new(new));
        let expr = self.node(ExprKind::CompareExchange { address, old, new, ordering }, height, &call.span)?;
        self.effects = true;
        Ok(Value { expr, ty: Type::Exchanged(Box::new(of)), of: Some(expected), span: call.span.clone() })
    }

    pub(super) fn exchanged_method(&mut self, result: Value, of: Type, call: &Call<'_>) -> Result<Value, Problem> {
        let span = call.span.clone();
        match &call.name[..] {
            "is_ok" | "is_err" => {
                call.takes(0)?;
                let expr = self.exchanged(&result, call.name == "is_ok")?;
                Ok(Value { expr, ty: Type::Bool, of: None, span })
            }
            "unwrap_or_else" => {
                call.takes(1)?;
                if !is_identity(call.arguments[0]) {
                    let span = self.range(call.arguments[0]);
                    return Err(Problem::at("a closure that does more than to yield what was found", span)
                        .with_help("write `.unwrap_or_else(|old| old)`, and go on with its value"));
                }
                Ok(Value { expr: result.expr, ty: of, of: None, span })
            }
            "unwrap" | "expect" | "unwrap_err" => Err(Problem::at("a process does not panic", call.name_span.clone())
                .with_help("`match` the result, or take the value that was found: `.unwrap_or_else(|old| old)`")),
            _ => Err(self.no_method(&result.ty, call)),
        }
    }

    /// Did it succeed, or did it fail?
    pub(super) fn exchanged(&mut self, result: &Value, succeeded: bool) -> Result<Expr, Problem> {
        let old = result.of.clone().unwrap_or(Expr::leaf(ExprKind::Const(0)));
        if has_effect(&old) {
            return Err(Problem::at("the value that this expects is computed twice", result.span.clone())
                .with_help("bind it with `let` first"));
        }
        let op = if succeeded { Operator::Eq } else { Operator::Ne };
        self.binary(op, result.expr.clone(), old, &result.span)
    }
}

/// Is it `|old| old`, or `identity`?
fn is_identity(expr: &Syntax) -> bool {
    match expr {
        Syntax::Closure(closure) => {
            let parameter = match closure.inputs.iter().next() {
                Some(Pat::Ident(ident)) if closure.inputs.len() == 1 => Some(&ident.ident),
                _ => None,
            };
            match &*closure.body {
                Syntax::Path(path) => path.path.get_ident().is_some_and(|body| Some(body) == parameter),
                _ => false,
            }
        }
        Syntax::Path(path) => path.path.segments.last().is_some_and(|segment| segment.ident == "identity"),
        _ => false,
    }
}

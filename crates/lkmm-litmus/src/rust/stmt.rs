//! Statements: `let`, assignments, expressions for what they do, and blocks.

use super::leave::{Target, Way};
use super::scope::State;
use super::types::{self, Type};
use super::{Front, Value};
use crate::ast::StmtKind;
use crate::sites::Side;
use crate::text::quoted;
use lkmm_report::Problem;
use syn::ext::IdentExt;
use syn::{Expr, Local, LocalModifiers, Pat, Stmt};

impl Front<'_> {
    /// The statements of a block, whose last expression has no value that anybody wants.
    pub(super) fn statements(&mut self, statements: &[Stmt]) -> Result<(), Problem> {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    /// A block in a scope of its own, as a statement.
    pub(super) fn block(&mut self, block: &syn::Block) -> Result<(), Problem> {
        self.scopes.enter();
        self.statements(&block.stmts)?;
        if let Some(last) = block.stmts.last() {
            self.note_gap(self.range(last), Side::After);
        }
        let bound = self.scopes.leave();
        let close = self.at(block.brace_token.span.close());
        self.drop_all(&bound, &close)
    }

    fn statement(&mut self, statement: &Stmt) -> Result<(), Problem> {
        let is_block = matches!(statement, Stmt::Expr(Expr::Block(_) | Expr::Unsafe(_), _));
        if !is_block {
            self.note_gap(self.range(statement), Side::Before);
        }
        match statement {
            Stmt::Local(local) => self.local(local),
            Stmt::Expr(expr, _) => self.expression_statement(expr),
            Stmt::Item(item) => Err(Problem::at("an item inside of a process", self.range(item))
                .with_help("a process has statements only; all names of crate `lkmm` are known")),
            Stmt::Macro(call) => Err(Problem::at("a macro that the dialect does not have", self.range(call))
                .with_help("ask for values in the condition, as in `exists (1:r0=1)`")),
        }
    }

    pub(super) fn expression_statement(&mut self, expr: &Expr) -> Result<(), Problem> {
        match expr {
            Expr::If(branch) => return self.if_statement(branch),
            Expr::Match(found) => return self.match_statement(found),
            Expr::While(repeated) => return self.while_statement(repeated),
            Expr::Loop(repeated) => return self.loop_statement(repeated),
            Expr::ForLoop(repeated) => return self.for_statement(repeated),
            Expr::Block(block) if block.label.is_none() => return self.block(&block.block),
            Expr::Block(block) => {
                let target = Target::new(Way::Block, block.label.as_ref());
                return self.leavable(target, |front| front.block(&block.block)).map(drop);
            }
            Expr::Unsafe(block) => {
                self.unsafe_depth += 1;
                let result = self.block(&block.block);
                self.unsafe_depth -= 1;
                return result;
            }
            Expr::Paren(inner) => return self.expression_statement(&inner.expr),
            _ => {}
        }
        let span = self.statement_span(self.range(expr));
        self.begin(span);
        match expr {
            Expr::Assign(assignment) => self.assignment(assignment),
            Expr::Binary(binary) if super::operator::is_compound(&binary.op) => self.compound_assignment(binary),
            Expr::Call(call) => match self.action(call)? {
                Some(()) => Ok(()),
                None => self.evaluated(expr),
            },
            Expr::MethodCall(call) => match self.method_action(call)? {
                Some(()) => Ok(()),
                None => self.evaluated(expr),
            },
            _ => self.evaluated(expr),
        }
    }

    /// Evaluates an expression, and drops its value.
    fn evaluated(&mut self, expr: &Expr) -> Result<(), Problem> {
        let value = self.value(expr, None)?;
        match value.ty {
            Type::Never | Type::Unit => Ok(()),
            Type::Guard(_) | Type::MaybeGuard => self.drop_value(&value),
            _ => self.emit(StmtKind::Assign { register: None, value: value.expr }),
        }
    }

    /// With the semicolon behind it.
    fn statement_span(&self, span: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let semicolon = self.source.as_bytes().get(span.end) == Some(&b';');
        span.start..span.end + usize::from(semicolon)
    }

    fn local(&mut self, local: &Local) -> Result<(), Problem> {
        let LocalModifiers { .. } = local.modifiers;
        self.begin(self.range(local));
        let (pattern, declared) = match &local.pat {
            Pat::Type(typed) => {
                let ty = types::read(&typed.ty).map_err(|error| types::problem(error, self.range(&typed.ty)))?;
                (&*typed.pat, Some(ty))
            }
            pattern => (pattern, None),
        };
        if let Some((_, diverge)) = local.init.as_ref().and_then(|init| init.diverge.as_ref()) {
            return self.let_else(pattern, local, diverge);
        }
        match pattern {
            Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => {
                let (name, mutable) = (ident.ident.unraw().to_string(), ident.mutability.is_some());
                let at = self.at(ident.ident.span()).start;
                let declared = declared.or_else(|| self.learnt(at));
                let Some(init) = &local.init else {
                    self.bind((&name, at), declared.unwrap_or(Type::Unknown), mutable, State::Unset);
                    return Ok(());
                };
                self.bind_to((&name, at), mutable, declared, &init.expr)
            }
            Pat::Tuple(names) => self.tuple(names, local),
            Pat::Wild(_) => match &local.init {
                // A place that is not moved is not dropped either.
                Some(init) if self.is_place(&init.expr) => Ok(()),
                Some(init) => {
                    let value = self.value(&init.expr, declared.as_ref())?;
                    match value.ty {
                        Type::Guard(_) | Type::MaybeGuard => self.drop_value(&value),
                        _ => self.emit(StmtKind::Assign { register: None, value: value.expr }),
                    }
                }
                None => Ok(()),
            },
            pattern => Err(Problem::at("a pattern that `let` does not have here", self.range(pattern))
                .with_help("bind a name: `let r0 = …;`")),
        }
    }

    /// `let (a, b) = (…, …);`
    fn tuple(&mut self, names: &syn::PatTuple, local: &Local) -> Result<(), Problem> {
        let init = local.init.as_ref().map(|init| super::place::unwrapped(&init.expr));
        let values = match init {
            Some(Expr::Tuple(values)) if values.elems.len() == names.elems.len() => values,
            _ => {
                return Err(Problem::at("a tuple is taken apart where it is made", self.range(names))
                    .with_help("write `let (a, b) = (…, …);`, or bind each name by a `let` of its own"));
            }
        };
        let mut bound = Vec::new();
        for (name, value) in names.elems.iter().zip(&values.elems) {
            let name = match name {
                Pat::Ident(ident) if ident.by_ref.is_none() && ident.subpat.is_none() => Some(ident),
                Pat::Wild(_) => None,
                other => {
                    return Err(Problem::at("a pattern that `let` does not have here", self.range(other))
                        .with_help("bind a name: `let r0 = …;`"));
                }
            };
            let register = self.hidden(&name.map_or("_".to_string(), |name| name.ident.unraw().to_string()));
            let learnt = name.and_then(|name| self.learnt(self.at(name.ident.span()).start));
            bound.push((name, register, self.value_into(register, value, learnt.as_ref())?));
        }
        for (name, register, value) in bound {
            match name {
                Some(name) => {
                    let (text, at) = (name.ident.unraw().to_string(), self.at(name.ident.span()).start);
                    self.bind_value((&text, at), register, name.mutability.is_some(), None, value)?;
                }
                None if matches!(value.ty, Type::Guard(_) | Type::MaybeGuard) => self.drop_value(&value)?,
                None => {}
            }
        }
        Ok(())
    }

    /// `let Some(guard) = … else { return; };`
    fn let_else(&mut self, pattern: &Pat, local: &Local, diverge: &Expr) -> Result<(), Problem> {
        let Some(init) = &local.init else { return Ok(()) };
        let value = self.scrutinee(&init.expr)?;
        let shape = self.shape(pattern, &value.ty)?;
        let (value, register) = self.held(value, &shape, false)?;
        let origin = self.origin;
        let Some(test) = self.test(&shape, &value, &value.span.clone())? else {
            return Err(Problem::at("this always matches", self.range(pattern)).with_help("leave the `else` out"));
        };
        let block = match diverge {
            Expr::Block(block) => &block.block,
            other => return Err(Problem::at("expected a block", self.range(other))),
        };
        let mut ends = false;
        self.fork(
            test,
            origin,
            &mut |_| Ok(None),
            Some(|front: &mut Self| {
                front.block(block)?;
                ends = front.reachable;
                Ok(None)
            }),
        )?;
        if ends {
            return Err(Problem::at("this `else` goes on behind the `let`", self.range(diverge))
                .with_help("end it with `return`, `break` or `continue`"));
        }
        match shape.name().cloned() {
            Some(name) => self.bind_pattern(&super::branch::Bound { name, register, value }),
            None => Ok(()),
        }
    }

    /// `let name = expr;`
    fn bind_to(
        &mut self,
        name: (&str, usize),
        mutable: bool,
        declared: Option<Type>,
        expr: &Expr,
    ) -> Result<(), Problem> {
        let register = self.hidden(name.0);
        let value = self.value_into(register, expr, declared.as_ref())?;
        self.bind_value(name, register, mutable, declared, value)
    }

    /// Binds a name to a register that holds a value.
    pub(super) fn bind_value(
        &mut self,
        (name, at): (&str, usize),
        register: u32,
        mutable: bool,
        declared: Option<Type>,
        value: Value,
    ) -> Result<(), Problem> {
        let ty = match declared.or_else(|| self.learnt(at).filter(|_| matches!(value.ty, Type::Int(_)))) {
            Some(declared) => {
                self.require(&value, &declared)?;
                declared.joined(&value.ty)
            }
            None => value.ty,
        };
        if mutable && matches!(ty, Type::Guard(_) | Type::MaybeGuard | Type::Exchanged(_)) {
            return Err(Problem::at(format!("a `{ty}` that changes"), value.span)
                .with_help("bind it without `mut`, and each other one under a name of its own"));
        }
        let loops = self.loops;
        self.scopes.bind(super::Binding {
            name: name.into(),
            at,
            ty,
            register,
            mutable,
            state: State::Live,
            loops,
            of: value.of,
        });
        Ok(())
    }

    fn assignment(&mut self, assignment: &syn::ExprAssign) -> Result<(), Problem> {
        match super::place::unwrapped(&assignment.left) {
            Expr::Infer(_) => self.evaluated(&assignment.right),
            Expr::Path(path) => {
                let (id, span) = self.local_of(path)?;
                self.assignable(id, &span)?;
                let binding = &self.scopes.bindings[id];
                let (register, ty) = (binding.register, binding.ty.clone());
                let value = self.value_into(register, &assignment.right, Some(&ty))?;
                self.require(&value, &ty)?;
                if let Type::Int(Some(integer)) = value.ty {
                    self.learn(&crate::ast::Expr::leaf(crate::ast::ExprKind::Register(register)), integer);
                }
                if matches!(value.ty, Type::Guard(_) | Type::MaybeGuard | Type::Exchanged(_)) {
                    return Err(Problem::at(format!("a `{}` is not assigned", value.ty), span)
                        .with_help("bind it with a `let` of its own"));
                }
                let binding = &mut self.scopes.bindings[id];
                binding.ty = ty.joined(&value.ty);
                binding.state = State::Live;
                binding.of = value.of;
                Ok(())
            }
            place => {
                let place = self.place_to_write(place)?;
                let value = self.value(&assignment.right, Some(&place.ty))?;
                self.require(&value, &place.ty)?;
                self.store_plain(place, value)
            }
        }
    }

    /// Refuses a second value for what is not `mut`.
    pub(super) fn assignable(&mut self, id: usize, span: &std::ops::Range<usize>) -> Result<(), Problem> {
        let binding = &self.scopes.bindings[id];
        let name = quoted(&binding.name);
        let first = binding.state == State::Unset && binding.loops == self.loops;
        if binding.mutable || first {
            return Ok(());
        }
        if let Type::Reference(to) = &binding.ty {
            return Err(Problem::at(format!("{name} is a reference, and not `mut`"), span.clone()).with_help(
                match **to {
                    Type::Atomic(_) => format!("a value goes to the location by `{}.store(…, Relaxed)`", binding.name),
                    _ => "give the other value a name of its own".into(),
                },
            ));
        }
        Err(Problem::at(format!("{name} gets a second value, but is not `mut`"), span.clone())
            .with_help(format!("declare it as `let mut {}`", types::shortened(&binding.name))))
    }
}

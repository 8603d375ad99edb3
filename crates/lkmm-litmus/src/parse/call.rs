//! Calls of primitives: names looked up, arguments counted, meaning put into the tree.

use super::{MAX_DEPTH, Parser};
use crate::ast::{Expr, ExprKind, Ordering, Stmt, StmtKind};
use crate::primitives::{self, Operand, Place, Statement, Value};
use crate::sites::{Access, FenceSite, Kind, Spelling, Zero};
use crate::text::quoted;
use crate::tokens::{Reader, Token};
use lkmm_model::event::{Fence, Mode};
use lkmm_report::Problem;
use std::ops::Range;

/// The arguments of a call, handed out one after the other.
struct Arguments {
    exprs: std::vec::IntoIter<Expr>,
    span: Range<usize>,
    /// Of each argument.
    spans: Vec<Range<usize>>,
    height: u32,
}

impl Arguments {
    fn next(&mut self) -> Box<Expr> {
        // The arity was checked; a constant can stand for nothing here.
        Box::new(self.exprs.next().unwrap_or(Expr::leaf(ExprKind::Const(0))))
    }

    /// The address that an access of the given kind of place goes to.
    fn address(&mut self, place: Place, name: &str) -> Result<Box<Expr>, Problem> {
        let argument = self.next();
        match (place, argument.kind) {
            (Place::Pointer, kind) => Ok(Box::new(Expr { kind, height: argument.height })),
            (Place::Lvalue, ExprKind::Load { address, mode: Mode::Plain }) => Ok(address),
            (Place::Lvalue, _) => {
                Err(Problem::at(format!("the argument of `{name}` must be an lvalue"), self.span.clone())
                    .with_help(format!("dereference the pointer: `{name}(*x…)`")))
            }
        }
    }

    /// Operand and pointer of an atomic arithmetic operation.
    fn operand(&mut self, operand: Operand) -> (Box<Expr>, Box<Expr>) {
        match operand {
            Operand::First => {
                let value = self.next();
                (value, self.next())
            }
            Operand::One => (Box::new(Expr::leaf(ExprKind::Const(1))), self.next()),
        }
    }
}

impl Parser<'_> {
    /// A call in an expression.
    pub(super) fn value_call(&mut self) -> Result<Expr, Problem> {
        let (name, span) = (self.text(0), self.span());
        let Some(primitive) = primitives::value(name) else {
            return Err(self.not_a_value(name, span));
        };
        self.advance();
        let mut arguments = self.arguments(name, primitive.arity())?;
        let height = arguments.height;
        self.note_value(primitive, &span, &arguments);
        let kind = match primitive {
            Value::Load(mode, place) => ExprKind::Load { address: arguments.address(place, name)?, mode },
            Value::Exchange(ordering) => {
                let address = arguments.next();
                ExprKind::Exchange { address, value: arguments.next(), ordering }
            }
            Value::CompareExchange(ordering) => {
                let (address, old) = (arguments.next(), arguments.next());
                ExprKind::CompareExchange { address, old, new: arguments.next(), ordering }
            }
            Value::AtomicOp(op, operand, yields, ordering, test) => {
                let (value, address) = arguments.operand(operand);
                let result = ExprKind::AtomicOp { address, op, value, yields, ordering };
                let Some(test) = test else { return Ok(Expr::node(result, height)) };
                let left = Box::new(Expr::node(result, height));
                let right = Box::new(Expr::leaf(ExprKind::Const(0)));
                return Ok(Expr::node(ExprKind::Binary { op: test, left, right }, height + 1));
            }
            Value::AddUnless { boolean } => {
                let (address, add) = (arguments.next(), arguments.next());
                ExprKind::AddUnless { address, add, unless: arguments.next(), boolean }
            }
            Value::TryLock => ExprKind::TryLock(arguments.next()),
            Value::IsLocked => ExprKind::IsLocked(arguments.next()),
        };
        Ok(Expr::node(kind, height))
    }

    /// Notes an access that has a value, if it has an ordering.
    fn note_value(&mut self, primitive: Value, name: &Range<usize>, arguments: &Arguments) {
        let (kind, ordering, place) = match primitive {
            Value::Load(Mode::Once, place) => (Kind::Load, Ordering::Relaxed, place),
            Value::Load(Mode::Acquire, place) => (Kind::Load, Ordering::Acquire, place),
            Value::Exchange(ordering) | Value::CompareExchange(ordering) => (Kind::Rmw, ordering, Place::Pointer),
            Value::AtomicOp(.., ordering, None) => (Kind::Rmw, ordering, Place::Pointer),
            _ => return,
        };
        self.note(kind, ordering, place, name, arguments);
    }

    /// Notes a fence, or an access without a value that has an ordering.
    fn note_statement(&mut self, primitive: Statement, name: &Range<usize>, arguments: &Arguments) {
        match primitive {
            Statement::Store(Mode::Once, place) => self.note(Kind::Store, Ordering::Relaxed, place, name, arguments),
            Statement::Store(Mode::Release, place) => {
                self.note(Kind::Store, Ordering::Release, place, name, arguments);
            }
            Statement::StoreMb => self.note(Kind::Store, Ordering::Full, Place::Lvalue, name, arguments),
            Statement::Fence(fence) => {
                let span = name.start..self.last_end();
                self.sites.fences.push(FenceSite { process: self.process, span, name: name.clone(), fence });
            }
            _ => {}
        }
    }

    fn note(&mut self, kind: Kind, ordering: Ordering, place: Place, name: &Range<usize>, arguments: &Arguments) {
        let Some(location) = arguments.spans.first().cloned() else { return };
        self.sites.accesses.push(Access {
            process: self.process,
            span: name.start..arguments.span.end,
            kind,
            ordering,
            spelling: Spelling::Name { name: name.clone(), place, location },
            value: if kind == Kind::Store { arguments.spans.get(1).cloned() } else { None },
            zero: Zero::Itself,
        });
    }

    fn not_a_value(&self, name: &str, span: Range<usize>) -> Problem {
        if primitives::statement(name).is_some() {
            return Problem::at(format!("`{name}` has no value"), span).with_label("this primitive is a statement");
        }
        unknown(name, span)
    }

    fn arguments(&mut self, name: &str, arity: usize) -> Result<Arguments, Problem> {
        let start = self.span().start;
        self.expect("(")?;
        let (mut exprs, mut spans) = (Vec::new(), Vec::new());
        if !self.is(0, ")") {
            loop {
                let from = self.span().start;
                exprs.push(self.expr()?);
                spans.push(from..self.last_end());
                if !self.eat(",") {
                    break;
                }
            }
        }
        self.expect(")")?;
        let span = start..self.last_end();
        let height = exprs.iter().map(|e| e.height).max().unwrap_or(0);
        if height >= MAX_DEPTH {
            return Err(self.too_deep());
        }
        if exprs.len() != arity {
            let plural = if arity == 1 { "" } else { "s" };
            let message = format!("`{name}` takes {arity} argument{plural}, not {}", exprs.len());
            return Err(Problem::at(message, span));
        }
        Ok(Arguments { exprs: exprs.into_iter(), span, spans, height })
    }

    /// A call that is a whole statement.
    pub(super) fn statement_call(&mut self) -> Result<Stmt, Problem> {
        let (name, span) = (self.text(0), self.span());
        let Some(primitive) = primitives::statement(name) else {
            return Err(not_a_statement(name, span));
        };
        self.advance();
        let mut arguments = self.arguments(name, primitive.arity())?;
        self.expect(";")?;
        self.note_statement(primitive, &span, &arguments);
        let origin = self.origin(span.start..self.last_end());
        let kind = match primitive {
            Statement::Store(mode, place) => {
                let address = *arguments.address(place, name)?;
                StmtKind::Store { address, value: *arguments.next(), mode }
            }
            Statement::StoreMb => {
                let address = *arguments.address(Place::Lvalue, name)?;
                let store = StmtKind::Store { address, value: *arguments.next(), mode: Mode::Once };
                let fence = StmtKind::Fence(Fence::Mb);
                StmtKind::Block(vec![Stmt { kind: store, origin }, Stmt { kind: fence, origin }])
            }
            Statement::Fence(fence) => StmtKind::Fence(fence),
            Statement::Lock => StmtKind::Lock(*arguments.next()),
            Statement::Unlock => StmtKind::Unlock(*arguments.next()),
            Statement::AtomicOp(op, operand) => {
                let (value, address) = arguments.operand(operand);
                StmtKind::AtomicOp { address: *address, op, value: *value }
            }
            Statement::SyncSrcu => StmtKind::SyncSrcu(*arguments.next()),
        };
        Ok(Stmt { kind, origin })
    }

    /// Is the statement that starts here a call and nothing else?
    pub(super) fn at_whole_call(&self) -> bool {
        let mut depth = 0usize;
        for ahead in 1.. {
            match self.token(ahead) {
                Token::Symbol("(") => depth += 1,
                Token::Symbol(")") => depth = depth.saturating_sub(1),
                Token::End => return false,
                _ => {}
            }
            if depth == 0 {
                return self.is(ahead + 1, ";");
            }
        }
        false
    }
}

fn not_a_statement(name: &str, span: Range<usize>) -> Problem {
    if primitives::value(name).is_some() {
        return Problem::at(format!("the value of `{name}` is not used"), span)
            .with_label("herd7 knows this name only as an expression")
            .with_help(format!("assign the value, or write `(void) {name}(…);`"));
    }
    unknown(name, span)
}

fn unknown(name: &str, span: Range<usize>) -> Problem {
    if is_c11(name) {
        return Problem::at(format!("{} is C11, not the kernel's API", quoted(name)), span).with_help(
            kernel_counterpart(name).unwrap_or("the Linux-kernel memory model gives C11 atomics no meaning"),
        );
    }
    let error = Problem::at(format!("unknown primitive {}", quoted(name)), span);
    match primitives::nearest(name) {
        Some(known) => error.with_help(format!("herd7 knows no macro of this name either; did you mean `{known}`?")),
        None => error.with_help("herd7 knows no macro of this name either"),
    }
}

/// What to write instead of a C11 operation.
fn kernel_counterpart(name: &str) -> Option<&'static str> {
    Some(match name {
        "atomic_load_explicit" => "write `READ_ONCE(*x)`, or `smp_load_acquire(x)` for an acquire",
        "atomic_store_explicit" => "write `WRITE_ONCE(*x, v)`, or `smp_store_release(x, v)` for a release",
        "atomic_exchange_explicit" => "write `xchg(x, v)`, `xchg_acquire`, `xchg_release` or `xchg_relaxed`",
        "atomic_thread_fence" => "write `smp_mb()`, `smp_rmb()` or `smp_wmb()`",
        "lock" | "mtx_lock" => "write `spin_lock(x)`",
        "unlock" | "mtx_unlock" => "write `spin_unlock(x)`",
        _ if name.starts_with("atomic_compare_exchange") => "write `cmpxchg(x, old, new)`",
        _ => return None,
    })
}

/// Is it an operation of C11, which herd7 knows, but for which its model of the kernel has no rule?
pub(super) fn is_c11(name: &str) -> bool {
    name.ends_with("_explicit")
        || matches!(
            name,
            "atomic_thread_fence"
                | "atomic_compare_exchange_weak"
                | "atomic_compare_exchange_strong"
                | "WCAS"
                | "SCAS"
                | "lock"
                | "unlock"
                | "mtx_lock"
                | "mtx_unlock"
        )
}

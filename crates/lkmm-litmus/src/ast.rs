//! The typed syntax tree of a program, with every primitive already recognised.
//!
//! C and Rust have this tree in common, so that all that comes after it is the same for both. Names of locals are numbers into
//! [`Process::registers`]; casts and types are gone, since herd7's C has one type. Each statement knows its number in the
//! table of origins.

use crate::locations::Declaration;
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::Operator;
use std::collections::BTreeMap;
use std::ops::Range;

/// Index into [`Process::registers`].
pub(crate) type Register = u32;

/// How an atomic read-modify-write is ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ordering {
    /// No suffix: a full barrier on both sides.
    Full,
    Relaxed,
    Acquire,
    Release,
}

/// What an atomic arithmetic operation yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yields {
    /// `atomic_…_return`: the value written.
    New,
    /// `atomic_fetch_…`: the value read.
    Old,
}

/// An expression.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    /// The longest way down to a leaf; bounded by the parser, so that recursion over expressions is.
    pub(crate) height: u32,
}

#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    Const(i32),
    Register(Register),
    Load {
        address: Box<Expr>,
        mode: Mode,
    },
    Binary {
        op: Operator,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    Exchange {
        address: Box<Expr>,
        value: Box<Expr>,
        ordering: Ordering,
    },
    CompareExchange {
        address: Box<Expr>,
        old: Box<Expr>,
        new: Box<Expr>,
        ordering: Ordering,
    },
    AtomicOp {
        address: Box<Expr>,
        op: Operator,
        value: Box<Expr>,
        yields: Yields,
        ordering: Ordering,
    },
    /// `boolean`: yields whether it added, instead of the value read.
    AddUnless {
        address: Box<Expr>,
        add: Box<Expr>,
        unless: Box<Expr>,
        boolean: bool,
    },
    TryLock(Box<Expr>),
    IsLocked(Box<Expr>),
}

impl Expr {
    pub(crate) fn leaf(kind: ExprKind) -> Self {
        Expr { kind, height: 0 }
    }

    /// A node; `height` is that of its highest operand.
    pub(crate) fn node(kind: ExprKind, height: u32) -> Self {
        Expr { kind, height: height + 1 }
    }
}

/// A statement.
#[derive(Debug)]
pub(crate) struct Stmt {
    pub(crate) kind: StmtKind,
    /// Index into the test's origins.
    pub(crate) origin: u32,
}

#[derive(Debug)]
pub(crate) enum StmtKind {
    /// A declaration without a value.
    Declare,
    Block(Vec<Stmt>),
    If {
        condition: Expr,
        then: Box<Stmt>,
        otherwise: Option<Box<Stmt>>,
    },
    /// `while`, and the loops that are written in terms of it.
    Loop {
        condition: Expr,
        body: Box<Stmt>,
        body_first: bool,
    },
    /// Evaluates; stores the value if there is somewhere to.
    Assign {
        register: Option<Register>,
        value: Expr,
    },
    Store {
        address: Expr,
        value: Expr,
        mode: Mode,
    },
    Fence(Fence),
    Lock(Expr),
    Unlock(Expr),
    AtomicOp {
        address: Expr,
        op: Operator,
        value: Expr,
    },
    SyncSrcu(Expr),
    /// A block that a [`Leave`](Self::Leave) in it may leave. Blocks within have higher labels.
    Labelled {
        label: u32,
        body: Vec<Stmt>,
    },
    /// Goes on behind the block of that label, which is around it.
    Leave(u32),
    /// A branch of which an arm may leave the block of that label, or others within: all that comes after it in that block is done
    /// because of its condition as well.
    Leaving {
        label: u32,
        branch: Box<Stmt>,
    },
}

/// The first statement of a process that goes on elsewhere than behind it.
pub(crate) fn leaves(statements: &[Stmt]) -> Option<&Stmt> {
    statements.iter().find_map(|statement| match &statement.kind {
        StmtKind::Leave(_) => Some(statement),
        StmtKind::Block(body) | StmtKind::Labelled { body, .. } => leaves(body),
        StmtKind::Loop { body, .. } => leaves(std::slice::from_ref(&**body)),
        StmtKind::Leaving { branch, .. } => leaves(std::slice::from_ref(&**branch)),
        StmtKind::If { then, otherwise, .. } => {
            let then = leaves(std::slice::from_ref(&**then));
            then.or_else(|| otherwise.as_deref().and_then(|otherwise| leaves(std::slice::from_ref(otherwise))))
        }
        _ => None,
    })
}

/// What a process is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// The C of herd7, with the kernel's macros.
    C,
    /// Rust, with the kernel's API.
    Rust,
}

/// A process.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) language: Language,
    /// Its whole text.
    pub(crate) text: Range<usize>,
    pub(crate) name: Range<usize>,
    /// Names of the locals and parameters.
    pub(crate) registers: Vec<String>,
    /// The parameters, and where they are named.
    pub(crate) parameters: Vec<(Register, Range<usize>)>,
    /// What each parameter says of its location.
    pub(crate) declared: Vec<Declaration>,
    pub(crate) body: Vec<Stmt>,
    /// In Rust, the names that the condition may ask for; of those that it may not, why.
    pub(crate) locals: BTreeMap<String, Option<String>>,
}

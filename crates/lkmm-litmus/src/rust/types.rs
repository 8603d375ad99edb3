//! The types of the dialect: those of crate `lkmm` that a process can meet.
//!
//! The types decide what is accepted, which literals fit, and by `arithmetic` what operators make of a value.

use crate::locations::Content;
use lkmm_report::Problem;
use std::fmt;
use syn::{GenericArgument, PathArguments, PointerMutability};

/// An integer type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Integer {
    pub(super) name: &'static str,
    pub(super) bits: u32,
    pub(super) signed: bool,
}

const INTEGERS: [Integer; 10] = [
    Integer { name: "i8", bits: 8, signed: true },
    Integer { name: "u8", bits: 8, signed: false },
    Integer { name: "i16", bits: 16, signed: true },
    Integer { name: "u16", bits: 16, signed: false },
    Integer { name: "i32", bits: 32, signed: true },
    Integer { name: "u32", bits: 32, signed: false },
    Integer { name: "i64", bits: 64, signed: true },
    Integer { name: "u64", bits: 64, signed: false },
    Integer { name: "isize", bits: 64, signed: true },
    Integer { name: "usize", bits: 64, signed: false },
];

impl Integer {
    /// What a literal is whose type nothing says.
    pub(super) const I32: Integer = INTEGERS[4];

    /// Is a result a value of this type, as far as the model can tell?
    pub(super) fn holds(self, value: i64) -> bool {
        match (self.bits, self.signed) {
            (32, false) => (0..1 << 32).contains(&value),
            _ => self.fits(value),
        }
    }

    pub(super) fn of(name: &str) -> Option<Integer> {
        INTEGERS.into_iter().find(|integer| integer.name == name)
    }

    /// Is it a value of this type, and one that the model has?
    pub(super) fn fits(self, value: i64) -> bool {
        let (low, high) = match (self.bits.min(32), self.signed) {
            (32, true) => (i64::from(i32::MIN), i64::from(i32::MAX)),
            // A number above that has the bits of a negative one, and compares as such.
            (32, false) => (0, i64::from(i32::MAX)),
            (bits, true) => (-(1 << (bits - 1)), (1 << (bits - 1)) - 1),
            (bits, false) => (0, (1 << bits) - 1),
        };
        (low..=high).contains(&value)
    }
}

/// A type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    /// `None`: that of a literal, which is yet to be known.
    Int(Option<Integer>),
    Bool,
    Unit,
    /// That of an expression that is not known, such as `ptr::null_mut()`.
    Unknown,
    Pointer {
        to: Box<Type>,
        mutable: bool,
    },
    Reference(Box<Type>),
    Atomic(Box<Type>),
    /// `cell::Shared`.
    Shared(Box<Type>),
    /// `SpinLock<()>`, or `Mutex<()>`, which is the same to the model.
    Lock(&'static str),
    /// An SRCU domain.
    Domain,
    /// What ends something when it is dropped.
    Guard(Ended),
    /// `Option<SpinLockGuard>`: what `try_lock` yields.
    MaybeGuard,
    /// `Result<T, T>`: what `cmpxchg` yields.
    Exchanged(Box<Type>),
    /// `!`: that of what goes on elsewhere.
    Never,
}

/// What a guard ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    CriticalSection,
    RcuReader,
    SrcuReader,
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Int(Some(integer)) => f.write_str(integer.name),
            Type::Int(None) => f.write_str("{integer}"),
            Type::Bool => f.write_str("bool"),
            Type::Unit => f.write_str("()"),
            Type::Unknown => f.write_str("_"),
            Type::Pointer { to, mutable: true } => write!(f, "*mut {to}"),
            Type::Pointer { to, mutable: false } => write!(f, "*const {to}"),
            Type::Reference(to) => write!(f, "&{to}"),
            Type::Atomic(of) => write!(f, "Atomic<{of}>"),
            Type::Shared(of) => write!(f, "Shared<{of}>"),
            Type::Lock(name) => write!(f, "{name}<()>"),
            Type::Domain => f.write_str("srcu::Domain"),
            Type::Guard(Ended::CriticalSection) => f.write_str("SpinLockGuard<()>"),
            Type::Guard(Ended::RcuReader) => f.write_str("rcu::Guard"),
            Type::Guard(Ended::SrcuReader) => f.write_str("srcu::Guard"),
            Type::MaybeGuard => f.write_str("Option<SpinLockGuard<()>>"),
            Type::Never => f.write_str("!"),
            Type::Exchanged(of) => write!(f, "Result<{of}, {of}>"),
        }
    }
}

impl Type {
    pub(super) fn pointer(to: Type) -> Type {
        Type::Pointer { to: Box::new(to), mutable: true }
    }

    pub(super) fn reference(to: Type) -> Type {
        Type::Reference(Box::new(to))
    }

    pub(super) fn int(name: &str) -> Type {
        Type::Int(Integer::of(name))
    }

    /// Can a value of this type stand where the other is wanted?
    pub(super) fn fits(&self, wanted: &Type) -> bool {
        match (self, wanted) {
            (Type::Unknown | Type::Never, _) | (_, Type::Unknown) => true,
            (Type::Int(None), Type::Int(_)) | (Type::Int(_), Type::Int(None)) => true,
            // A pointer loses the right to write without a cast, and does not get it.
            (Type::Pointer { to: a, mutable: m }, Type::Pointer { to: b, mutable: n }) => a.fits(b) && (*m || !*n),
            (Type::Reference(a), Type::Reference(b))
            | (Type::Atomic(a), Type::Atomic(b))
            | (Type::Exchanged(a), Type::Exchanged(b)) => a.fits(b),
            _ => self == wanted,
        }
    }

    /// What a value of either type is.
    pub(super) fn joined(self, other: &Type) -> Type {
        match (&self, other) {
            (Type::Unknown | Type::Int(None) | Type::Never, _) => other.clone(),
            (Type::Pointer { to, mutable }, Type::Pointer { to: other, .. }) => {
                Type::Pointer { to: Box::new((**to).clone().joined(other)), mutable: *mutable }
            }
            _ => self,
        }
    }

    /// What the location of a parameter of this type holds.
    pub(super) fn location(&self) -> Content {
        match self {
            Type::Pointer { to, .. } | Type::Reference(to) => to.content(),
            _ => Content::Unknown,
        }
    }

    fn content(&self) -> Content {
        match self {
            Type::Int(Some(integer)) => {
                Content::Int { name: Some(integer.name), bits: Some(integer.bits), signed: integer.signed }
            }
            Type::Bool => Content::Bool,
            Type::Atomic(of) | Type::Shared(of) => of.content(),
            Type::Pointer { to, .. } => Content::Pointer(Box::new(to.content())),
            Type::Lock(name) => Content::Lock(name),
            Type::Domain => Content::Domain,
            _ => Content::Unknown,
        }
    }

    /// Can a condition ask for it?
    pub(super) fn is_value(&self) -> bool {
        matches!(self, Type::Int(_) | Type::Bool | Type::Pointer { .. } | Type::Reference(_) | Type::Unknown)
    }
}

/// Reads a type; the error is its message and its help.
pub(super) fn read(ty: &syn::Type) -> Result<Type, (String, &'static str)> {
    const KNOWN: &str = "there are integers, `bool`, raw pointers, `&Atomic<T>`, `&SpinLock<()>`, `&srcu::Domain`";
    match ty {
        syn::Type::Paren(inner) => read(&inner.elem),
        syn::Type::Group(inner) => read(&inner.elem),
        syn::Type::Infer(_) => Ok(Type::Unknown),
        syn::Type::Tuple(tuple) if tuple.elems.is_empty() => Ok(Type::Unit),
        syn::Type::Ptr(pointer) => {
            let mutable = matches!(pointer.mutability, PointerMutability::Mut(_));
            Ok(Type::Pointer { to: Box::new(read(&pointer.elem)?), mutable })
        }
        syn::Type::Reference(reference) if reference.mutability.is_some() => Err((
            "a process has nothing for itself: `&mut` promises that nobody else accesses it".into(),
            "take `&Atomic<T>` for a location that is accessed atomically, `*mut T` for one that is not",
        )),
        syn::Type::Reference(reference) => Ok(Type::reference(read(&reference.elem)?)),
        syn::Type::Path(path) if path.qself.is_none() => named(&path.path),
        _ => Err(("a type that the dialect does not have".into(), KNOWN)),
    }
}

fn named(path: &syn::Path) -> Result<Type, (String, &'static str)> {
    const NO_SUCH: &str = "there are integers, `bool`, raw pointers, `Atomic<T>`, `SpinLock<()>`, `srcu::Domain`";
    let names: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
    let (name, last) = match (names.last(), path.segments.last()) {
        (Some(name), Some(last)) => (name.as_str(), last),
        _ => return Err(("a type without a name".into(), NO_SUCH)),
    };
    let argument = match &last.arguments {
        PathArguments::AngleBracketed(arguments) => match arguments.args.iter().next() {
            Some(GenericArgument::Type(ty)) if arguments.args.len() == 1 => Some(ty),
            _ => return Err((format!("`{name}` has one parameter, a type"), NO_SUCH)),
        },
        _ => None,
    };
    match (name, argument) {
        ("bool", None) => Ok(Type::Bool),
        ("i128" | "u128", None) => Err((format!("`{name}` is wider than an atomic"), NO_SUCH)),
        ("Atomic", Some(of)) => match read(of)? {
            of @ (Type::Int(_) | Type::Bool | Type::Pointer { .. } | Type::Unknown) => Ok(Type::Atomic(Box::new(of))),
            of => {
                Err((format!("there is no `Atomic<{of}>`"), "what is atomic is an integer, a `bool` or a raw pointer"))
            }
        },
        ("AtomicFlag", None) => Ok(Type::Atomic(Box::new(Type::Bool))),
        ("Shared", Some(of)) => Ok(Type::Shared(Box::new(read(of)?))),
        ("SpinLock" | "Mutex", Some(of)) => {
            let lock = if name == "Mutex" { "Mutex" } else { "SpinLock" };
            match read(of)? {
                Type::Unit => Ok(Type::Lock(lock)),
                _ => Err((
                    format!("a `{lock}` protects nothing by itself here: write `{lock}<()>`"),
                    "what it protects is a location of its own, a parameter `*mut T`",
                )),
            }
        }
        ("SpinLock" | "Mutex", None) => {
            Err((format!("`{name}` lacks what it protects: write `{name}<()>`"), "the lock is a location of its own"))
        }
        ("Domain" | "Srcu", None) => Ok(Type::Domain),
        ("Atomic", None) => Err(("`Atomic` lacks its type: write `Atomic<i32>`".into(), NO_SUCH)),
        (name, None) => match Integer::of(name) {
            Some(integer) => Ok(Type::Int(Some(integer))),
            None => Err((format!("unknown type `{}`", shortened(name)), NO_SUCH)),
        },
        (name, Some(_)) => Err((format!("unknown type `{}<…>`", shortened(name)), NO_SUCH)),
    }
}

/// A name for a message.
pub(super) fn shortened(name: &str) -> &str {
    name.char_indices().nth(64).map_or(name, |(end, _)| &name[..end])
}

/// A problem from a message and its help.
pub(super) fn problem((message, help): (String, &'static str), span: std::ops::Range<usize>) -> Problem {
    Problem::at(message, span).with_help(help)
}

//! Types of the initial state. They decide how integers are shown, and to what width an initial value is cut; the program
//! computes with signed integers of 32 bits whatever the types say.

use super::Cursor;
use crate::tokens::{Reader, Token};
use lkmm_report::Problem;
use std::ops::Range;

/// How the integers of a place are shown, which its type decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IntegerType {
    /// The width: 8, 16 or 32.
    pub(crate) bits: u32,
    /// Does the highest bit mean minus?
    pub(crate) signed: bool,
}

impl IntegerType {
    /// `int`, which everything is that has no type.
    pub(crate) const INT: Self = IntegerType { bits: 32, signed: true };
}

/// The integer type that a name stands for.
///
/// # Errors
/// Types that herd7 does not know, and those that are wider than its values.
pub(super) fn integer(name: &str, span: Range<usize>) -> Result<IntegerType, Problem> {
    let (bits, signed) = match name {
        "int" | "long" | "int32_t" | "intptr_t" => (32, true),
        // As in herd7, an `atomic_t` is shown without sign.
        "uint32_t" | "uintptr_t" | "atomic_t" | "pteval_t" => (32, false),
        "short" | "int16_t" => (16, true),
        "uint16_t" => (16, false),
        "char" | "int8_t" => (8, true),
        "uint8_t" => (8, false),
        "int64_t" | "uint64_t" | "__int128" | "__uint128" | "__int128_t" | "__uint128_t" | "int128_t" | "uint128_t" => {
            return Err(Problem::at(format!("`{name}` is wider than the values of a litmus test"), span)
                .with_label("values have 32 bits")
                .with_help("write `int`"));
        }
        _ => return Err(unknown(name, span)),
    };
    Ok(IntegerType { bits, signed })
}

fn unknown(name: &str, span: Range<usize>) -> Problem {
    let error = Problem::at(format!("herd7 cannot initialise a location of type `{name}`"), span);
    match name {
        "spinlock_t" | "srcu_struct" | "struct" | "mutex" | "mtx_t" => error
            .with_help("leave the declaration out: a location that is not initialised is 0, which is an unlocked lock"),
        "unsigned" | "u32" | "size_t" => error.with_help("write `uint32_t`"),
        "u8" | "bool" | "_Bool" => error.with_help("write `uint8_t`"),
        "u16" => error.with_help("write `uint16_t`"),
        "void" => error.with_help("a location holds a value: write `int`, or for a pointer `int *`"),
        "atomic_int" => error.with_help("write `atomic_t`"),
        _ => error
            .with_help("herd7 knows the integer types `int`, `char`, `short`, `long`, `uint32_t`, … and `atomic_t`"),
    }
}

/// The type of an entry, as far as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Declared {
    /// None: an `int`.
    Untyped,
    Integer(IntegerType),
    /// `int *x`.
    Pointer,
    /// `*x`.
    UntypedPointer,
    /// `int x[2]`; the number of elements.
    Array(IntegerType, u32),
}

impl Declared {
    /// The type of the integers in it, as they are shown.
    pub(crate) fn shown(self) -> IntegerType {
        match self {
            Declared::Untyped => IntegerType::INT,
            Declared::Integer(integer) | Declared::Array(integer, _) => integer,
            Declared::Pointer | Declared::UntypedPointer => IntegerType { bits: 32, signed: false },
        }
    }
}

impl IntegerType {
    /// Cuts an initial value to the width of the type, as herd7 does; the bits are not extended again.
    pub(crate) fn cut(self, value: i32) -> i32 {
        if self.bits < 32 { value & ((1 << self.bits) - 1) } else { value }
    }

    pub(crate) fn bytes(self) -> i32 {
        self.bits as i32 / 8
    }
}

impl Cursor<'_> {
    /// The number in `[2]`.
    pub(super) fn brackets(&mut self) -> Result<u32, Problem> {
        self.expect("[")?;
        let number = super::int32(self.text(0)).and_then(|n| u32::try_from(n).ok());
        let Some(number) = number.filter(|_| self.token(0) == Token::Number) else {
            return Err(self.unexpected("a number"));
        };
        self.advance();
        self.expect("]")?;
        Ok(number)
    }
}

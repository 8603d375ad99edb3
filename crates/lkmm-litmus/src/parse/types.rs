//! Types: read, checked against what herd7 knows, and dropped. All values are 32-bit integers or addresses.

use super::Parser;
use crate::text::quoted;
use crate::tokens::{Reader, Token};
use lkmm_report::Problem;

const BASE_TYPES: &[&str] = &[
    "char",
    "int",
    "long",
    "int8_t",
    "uint8_t",
    "int16_t",
    "uint16_t",
    "int32_t",
    "uint32_t",
    "int64_t",
    "uint64_t",
    "__int128_t",
    "__uint128_t",
    "__int128",
    "__uint128",
    "intptr_t",
    "uintptr_t",
    "mtx_t",
    "spinlock_t",
    "atomic_t",
    "atomic_int",
];

/// C types that herd7 does not know.
const UNKNOWN_TYPES: &[&str] =
    &["unsigned", "signed", "short", "bool", "_Bool", "float", "double", "size_t", "u8", "u16", "u32", "u64"];

/// Is the word part of the syntax of types, so that it cannot be a name?
pub(super) fn is_type_word(text: &str) -> bool {
    BASE_TYPES.contains(&text)
}

impl Parser<'_> {
    /// Does a type start here?
    pub(super) fn at_type(&self, ahead: usize) -> bool {
        self.token(ahead) == Token::Word
            && (is_type_word(self.text(ahead))
                || matches!(self.text(ahead), "void" | "volatile" | "const" | "_Atomic" | "struct" | "atomic"))
    }

    /// The type of a local or of a cast.
    pub(super) fn full_type(&mut self) -> Result<(), Problem> {
        if self.is_word(0, "void") {
            return self.pointer_type();
        }
        self.base_type()?;
        self.type_suffixes();
        Ok(())
    }

    /// The type of a parameter: a pointer.
    pub(super) fn pointer_type(&mut self) -> Result<(), Problem> {
        let start = self.span().start;
        if self.is_word(0, "void") {
            self.advance();
            self.expect("*")?;
            self.type_suffixes();
            return Ok(());
        }
        self.base_type()?;
        if self.type_suffixes() {
            return Ok(());
        }
        let span = start..self.last_end();
        Err(Problem::at("a parameter must be a pointer to a shared location", span)
            .with_help("declare a local in the body instead, and give it a value there"))
    }

    /// `*`, `const` and `volatile` after a type. Does it end as a pointer?
    fn type_suffixes(&mut self) -> bool {
        let mut pointer = false;
        loop {
            if self.eat("*") {
                pointer = true;
            } else if self.is_word(0, "const") || self.is_word(0, "volatile") {
                self.advance();
                pointer = false;
            } else {
                return pointer;
            }
        }
    }

    fn base_type(&mut self) -> Result<(), Problem> {
        let qualified = ["volatile", "const", "_Atomic"].iter().any(|word| self.is_word(0, word));
        if qualified {
            self.advance();
        }
        if qualified && self.eat("(") {
            self.nested(Self::full_type)?;
            return self.expect(")");
        }
        if self.is_word(0, "struct") {
            self.advance();
            if !self.is_word(0, "srcu_struct") {
                return Err(self.unexpected("`srcu_struct`").with_help("herd7 knows no other structure"));
            }
        } else if self.is_word(0, "atomic") && self.is(1, "<") {
            self.advance();
            self.advance();
            // As in herd7's grammar, types that are keywords of C do not go here.
            if matches!(self.text(0), "char" | "int" | "long" | "atomic_int") {
                return Err(self.unexpected("a type such as `int32_t`").with_help("write `atomic_t`"));
            }
            self.known_base_type()?;
            return self.expect(">");
        } else {
            return self.known_base_type();
        }
        self.advance();
        Ok(())
    }

    fn known_base_type(&mut self) -> Result<(), Problem> {
        if self.token(0) == Token::Word && is_type_word(self.text(0)) {
            self.advance();
            return Ok(());
        }
        let error = self.unexpected("a type");
        Err(if UNKNOWN_TYPES.contains(&self.text(0)) {
            error.with_help("herd7 does not know this type; write `int`")
        } else {
            error
        })
    }

    /// Refuses a declaration whose type herd7 does not know.
    pub(super) fn refuse_unknown_type(&self) -> Result<(), Problem> {
        if self.token(0) == Token::Word && self.token(1) == Token::Word {
            return Err(Problem::at(format!("unknown type {}", quoted(self.text(0))), self.span())
                .with_help("herd7 knows `int`, `long`, `char`, `intptr_t`, `atomic_t`, `spinlock_t` and their like"));
        }
        Ok(())
    }
}

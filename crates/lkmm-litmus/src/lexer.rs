//! Tokens of the program section: the small C that herd7 reads.
//!
//! Two things differ from C. A minus sign that touches digits belongs to the number, so `r-1` is a name followed by a
//! number; and there is no unary operator, no logical operator, no subscript, no member access. Each of the latter is
//! refused here, with what to write instead.

use crate::tokens::{Lexeme, Token};
use lkmm_report::Problem;
use std::ops::Range;

/// Longest first.
const SYMBOLS: &[&str] =
    &["==", "!=", "<=", ">=", ";", ":", ",", "|", "*", "/", "+", "-", "^", "&", "(", ")", "{", "}", "=", "<", ">"];

/// What herd7's grammar lacks, and what to write instead.
const REFUSED: &[(&str, &str)] = &[
    ("&&", "nest two `if`s, or multiply: `(a == 1) * (b == 1)`; `&` is the bitwise operator"),
    ("||", "use the bitwise `|` on comparisons: `(a == 1) | (b == 1)`"),
    ("++", "write `r = r + 1`"),
    ("->", "a structure's fields are separate locations: pass a pointer to each of them to the process"),
    ("+=", "write `r = r + …`"),
    ("-=", "write `r = r - …`"),
    ("*=", "write `r = r * …`"),
    ("|=", "write `r = r | …`"),
    ("&=", "write `r = r & …`"),
    ("^=", "write `r = r ^ …`"),
    ("<<", "multiply by a power of two instead"),
    (">>", "divide by a power of two instead"),
    ("!", "compare with zero: `r == 0`"),
    ("~", "there is no complement; use `^` with a constant"),
    ("[", "arrays are not indexed in a program: use one location for each element"),
    (".", "a structure's fields are separate locations: pass a pointer to each of them to the process"),
    ("?", "write `if (…) … else …`"),
    ("#", "litmus tests are not preprocessed"),
];

/// Cuts a section into tokens; the last one is [`Token::End`].
pub(crate) fn tokens(source: &str, section: Range<usize>) -> Result<Vec<Lexeme>, Problem> {
    let mut lexer = Lexer { source, bytes: source.as_bytes(), at: section.start, end: section.end };
    let mut lexemes = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let start = lexer.at;
        let token = lexer.token()?;
        lexemes.push(Lexeme { token, span: start..lexer.at });
        if token == Token::End {
            return Ok(lexemes);
        }
    }
}

struct Lexer<'s> {
    source: &'s str,
    bytes: &'s [u8],
    at: usize,
    end: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..self.end]
    }

    fn skip_blanks(&mut self) -> Result<(), Problem> {
        loop {
            let rest = self.rest();
            if rest.first().is_some_and(|c| b" \t\r\n".contains(c)) {
                self.at += 1;
            } else if rest.starts_with(b"//") {
                self.at += rest.iter().position(|&c| c == b'\n').unwrap_or(rest.len());
            } else if rest.starts_with(b"/*") {
                match rest[2..].windows(2).position(|w| w == b"*/") {
                    Some(n) => self.at += n + 4,
                    None => return Err(self.unclosed_comment()),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn unclosed_comment(&self) -> Problem {
        let error = Problem::at("this comment is not closed in the program section", self.at..self.at + 2);
        if self.end < self.bytes.len() {
            error.with_help("as in herd7, the program ends at the first `exists`, `forall`, `locations`, `filter` or `final`, even inside a comment")
        } else {
            error
        }
    }

    fn token(&mut self) -> Result<Token, Problem> {
        let rest = self.rest();
        let Some(&first) = rest.first() else { return Ok(Token::End) };
        let length = |from: usize, accept: fn(&u8) -> bool| {
            from + rest[from..].iter().position(|c| !accept(c)).unwrap_or(rest.len() - from)
        };
        let word: fn(&u8) -> bool = |c| c.is_ascii_alphanumeric() || *c == b'_';
        let starts_word = |c: Option<&u8>| c.is_some_and(|c| c.is_ascii_alphabetic() || *c == b'_');
        if starts_word(Some(&first)) {
            self.at += length(0, word);
            return Ok(Token::Word);
        }
        if first == b'%' && starts_word(rest.get(1)) {
            self.at += length(1, word);
            return Ok(Token::Word);
        }
        let digit: fn(&u8) -> bool = u8::is_ascii_digit;
        if digit(&first) || first == b'-' && rest.get(1).is_some_and(digit) {
            self.at += length(1, digit);
            return Ok(Token::Number);
        }
        if rest.starts_with(b"--") && !rest.get(2).is_some_and(digit) {
            return Err(self.refuse("--", "write `r = r - 1`"));
        }
        for (text, help) in REFUSED {
            if rest.starts_with(text.as_bytes()) && !(*text == "!" && rest.starts_with(b"!=")) {
                return Err(self.refuse(text, help));
            }
        }
        for symbol in SYMBOLS {
            if rest.starts_with(symbol.as_bytes()) {
                self.at += symbol.len();
                return Ok(Token::Symbol(symbol));
            }
        }
        Err(self.unknown())
    }

    fn refuse(&self, text: &str, help: &str) -> Problem {
        Problem::at(format!("`{text}` is not in the C that herd7 reads"), self.at..self.at + text.len()).with_help(help)
    }

    fn unknown(&self) -> Problem {
        // Lexemes are ASCII, so a token starts at a character boundary.
        let c = self.source[self.at..].chars().next().unwrap_or('\u{fffd}');
        Problem::at(format!("unexpected character `{}`", c.escape_debug()), self.at..self.at + c.len_utf8())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str) -> Vec<&str> {
        tokens(source, 0..source.len()).unwrap().into_iter().map(|l| &source[l.span]).collect()
    }

    #[test]
    fn a_minus_that_touches_digits_is_part_of_the_number() {
        assert_eq!(texts("r-1 - 2 --3"), ["r", "-1", "-", "2", "-", "-3", ""]);
    }

    #[test]
    fn skips_both_kinds_of_comment() {
        assert_eq!(texts("a /* * / x */ // y\n<= b"), ["a", "<=", "b", ""]);
        assert!(tokens("/*/", 0..3).is_err());
    }

    #[test]
    fn names_what_is_missing() {
        let error = tokens("a && b", 0..6).unwrap_err();
        assert_eq!(error.span, Some(2..4));
        assert!(error.help.is_some());
        assert!(tokens("é", 0..2).is_err());
    }
}

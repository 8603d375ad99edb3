//! Tokens of the initial state and of the final condition.

use crate::sections::end_of_comment;
use crate::tokens::{Lexeme, Token};
use lkmm_report::Problem;
use std::ops::Range;

/// Longest first.
const SYMBOLS: &[&str] =
    &["==", "!=", "<>", "=>", "/\\", "\\/", "=", "~", "%", ",", "&", ";", ":", "+", "[", "]", "(", ")", "{", "}", "*"];

const KEYWORDS: &[&str] = &[
    "NOP",
    "nop",
    "not",
    "true",
    "false",
    "observed",
    "Observed",
    "and",
    "exists",
    "forall",
    "final",
    "with",
    "locations",
    "filter",
    "fault",
    "Fault",
    "tag",
    "TAG",
    "attrs",
    "Attrs",
    "oa",
    "PTE",
    "TTD",
    "PA",
    "_Atomic",
    "ATOMIC_INIT",
];

/// Cuts a section into tokens; the last one is [`Token::End`].
pub(super) fn tokens(source: &str, section: Range<usize>) -> Result<Vec<Lexeme>, Problem> {
    let bytes = &source.as_bytes()[..section.end];
    let mut at = section.start;
    let mut lexemes = Vec::new();
    loop {
        while bytes.get(at).is_some_and(|c| b" \t\r\n".contains(c)) {
            at += 1;
        }
        if bytes[at..].starts_with(b"(*") {
            at = end_of_comment(&source[..section.end], at)?;
            continue;
        }
        let (token, end) = token(source, bytes, at)?;
        lexemes.push(Lexeme { token, span: at..end });
        if token == Token::End {
            return Ok(lexemes);
        }
        at = end;
    }
}

fn token(source: &str, bytes: &[u8], at: usize) -> Result<(Token, usize), Problem> {
    let run = |from: usize, accept: fn(&u8) -> bool| {
        from + bytes[from..].iter().position(|c| !accept(c)).unwrap_or(bytes.len() - from)
    };
    let Some(&first) = bytes.get(at) else { return Ok((Token::End, at)) };
    if first.is_ascii_alphabetic() || b"_.$".contains(&first) {
        let end = run(at, |c| c.is_ascii_alphanumeric() || b"_/.-$".contains(c));
        return Ok((word(&source[at..end]), end));
    }
    if first == b'`' {
        let end = run(at + 1, |c| *c != b'`');
        if end > at + 1 && end < bytes.len() {
            return Ok((Token::Quoted, end + 1));
        }
    }
    let digit: fn(&u8) -> bool = u8::is_ascii_digit;
    if first == b'0' && bytes.get(at + 1).is_some_and(|c| b"xX".contains(c)) {
        let end = run(at + 2, u8::is_ascii_hexdigit);
        if end > at + 2 {
            return Ok((Token::Number, end));
        }
    }
    if digit(&first) || first == b'-' && bytes.get(at + 1).is_some_and(digit) {
        return Ok((Token::Number, run(at + 1, digit)));
    }
    for symbol in SYMBOLS {
        if bytes[at..].starts_with(symbol.as_bytes()) {
            return Ok((Token::Symbol(symbol), at + symbol.len()));
        }
    }
    Err(unknown(source, bytes, at))
}

fn word(text: &str) -> Token {
    let is_process = text.strip_prefix('P').is_some_and(|n| !n.is_empty() && n.bytes().all(|c| c.is_ascii_digit()));
    if is_process {
        Token::Process
    } else if KEYWORDS.contains(&text) {
        Token::Keyword
    } else {
        Token::Name
    }
}

fn unknown(source: &str, bytes: &[u8], at: usize) -> Problem {
    if bytes[at..].starts_with(b"/*") || bytes[at..].starts_with(b"//") {
        return Problem::at("this kind of comment belongs to the program section only", at..at + 2)
            .with_help("write `(* … *)`");
    }
    let c = source[at..].chars().next().unwrap_or('\u{fffd}');
    let error = Problem::at(format!("unexpected character `{}`", c.escape_debug()), at..at + c.len_utf8());
    match c {
        '|' => error.with_help("write `\\/` for or"),
        '<' | '>' => error.with_help("a condition compares with `=` and `!=` only"),
        '!' => error.with_help("write `~` or `not`"),
        _ => error,
    }
}

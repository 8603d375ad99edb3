//! The program section, cut into processes in C and functions in Rust: `P0(int *x) { … }` is C, `fn P1(x: &Atomic<i32>) { … }`
//! is Rust, whatever the header says.
//!
//! A section without Rust goes to the parser of C as it is. Otherwise a function goes from its `fn` to the brace that closes its
//! body, and what is between functions is C.

use crate::ast::Process;
use crate::sites::Sites;
use crate::{parse, rust};
use lkmm_report::{Origin, Problem};
use std::ops::Range;

/// A program section that was read.
pub(crate) struct Parsed {
    pub(crate) processes: Vec<Process>,
    /// Of the statements.
    pub(crate) origins: Vec<Origin>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) sites: Sites,
}

/// Reads the program section of a test.
pub(crate) fn read(source: &str, section: Range<usize>) -> Result<Parsed, Problem> {
    let initial = Origin { span: 0..0, text: String::new() };
    let mut parsed =
        Parsed { processes: Vec::new(), origins: vec![initial], warnings: Vec::new(), sites: Sites::default() };
    let functions = functions(&source.as_bytes()[..section.end], section.start);
    if functions.is_empty() {
        parse::processes(source, section, &mut parsed)?;
        return Ok(parsed);
    }
    rust::with_stack(|| {
        let mut at = section.start;
        for function in functions {
            if skip_blanks(&source.as_bytes()[..function.start], at) < function.start {
                parse::processes(source, at..function.start, &mut parsed)?;
            }
            at = function.end;
            rust::process(source, function, &mut parsed)?;
        }
        if skip_blanks(&source.as_bytes()[..section.end], at) < section.end {
            parse::processes(source, at..section.end, &mut parsed)?;
        }
        Ok(parsed)
    })
}

/// The functions in Rust. One whose braces are not closed goes to the end.
fn functions(text: &[u8], from: usize) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), from);
    // Of the process that is being skipped: is it Rust, and where does it start?
    let mut function = None;
    let mut depth = 0usize;
    while at < text.len() {
        let next = skip_blanks(text, at);
        if next > at {
            at = next;
            continue;
        }
        match text[at] {
            b'{' => depth += 1,
            b'}' => {
                depth = depth.saturating_sub(1);
                if let (0, Some(start)) = (depth, function) {
                    found.push(start..at + 1);
                    function = None;
                }
            }
            b'"' if function.is_some() => at = end_of_string(text, at),
            c if c.is_ascii_alphabetic() || c == b'_' => {
                let end = text[at..].iter().position(|c| !c.is_ascii_alphanumeric() && *c != b'_');
                let end = end.map_or(text.len(), |n| at + n);
                let starts = matches!(&text[at..end], b"fn" | b"unsafe" | b"pub");
                if depth == 0 && function.is_none() && starts {
                    function = Some(at);
                }
                at = end;
                continue;
            }
            b'#' if depth == 0 && function.is_none() && text[at..].starts_with(b"#[") => function = Some(at),
            _ => {}
        }
        at += 1;
    }
    found.extend(function.map(|start| start..text.len()));
    found
}

/// The quote that closes a string, or the last byte.
fn end_of_string(text: &[u8], open: usize) -> usize {
    let mut at = open + 1;
    while at < text.len() && text[at] != b'"' {
        at += 1 + usize::from(text[at] == b'\\');
    }
    at.min(text.len() - 1)
}

/// Where blanks and comments end. (Those of Rust nest; what is behind an inner one is then for the parser to refuse.)
fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    loop {
        let rest = &text[at..];
        at += if rest.first().is_some_and(u8::is_ascii_whitespace) {
            1
        } else if rest.starts_with(b"//") {
            rest.iter().position(|&c| c == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            rest[2..].windows(2).position(|w| w == b"*/").map_or(rest.len(), |n| n + 4)
        } else {
            return at;
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        functions(text.as_bytes(), 0).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn functions_in_rust_are_told_from_processes_in_c() {
        let source =
            "P0(int *x) { if (1) { fn = 1; } } /* fn */\nfn P1() { { /* } */ } // }\n }\nP2() { r = 1; } fn P3() {}";
        assert_eq!(found(source), ["fn P1() { { /* } */ } // }\n }", "fn P3() {}"]);
        assert_eq!(found("fn P0() { \"}\" "), ["fn P0() { \"}\" "]);
        assert!(found("P0() { fn }").is_empty());
    }
}

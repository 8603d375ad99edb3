//! The first cut through a litmus test: header, initial state, program, final condition.
//!
//! The three parts have three different syntaxes, so they are found before any of them is read, and found as herd7
//! finds them: braces around the initial state are counted without regard to comments, and the program ends at the first
//! word that can open a condition, even inside a comment.

use lkmm_report::Problem;
use std::ops::Range;

/// Where the parts of a test are.
#[derive(Debug)]
pub(crate) struct Sections {
    /// The word that the file begins with.
    pub(crate) dialect: Range<usize>,
    pub(crate) name: String,
    pub(crate) init: Range<usize>,
    pub(crate) program: Range<usize>,
    pub(crate) condition: Range<usize>,
}

const OTHER_DIALECTS: &[&str] = &[
    "LISA", "Bell", "BELL", "AArch64", "ARM", "X86", "X86_64", "PPC", "MIPS", "RISCV", "RISC-V", "CPP", "C++", "JAVA",
    "ASL", "PTX", "BPF",
];

/// Cuts a test into its parts.
pub(crate) fn split(source: &str) -> Result<Sections, Problem> {
    let (dialect, name, header_end) = header(source)?;
    let bytes = source.as_bytes();
    let open = find_init(source, header_end)?;
    let close = end_of_init(bytes, open)?;
    let condition = find_condition(bytes, close + 1)?;
    let end = end_of_condition(source, condition)?;
    Ok(Sections { dialect, name, init: open + 1..close, program: close + 1..condition, condition: condition..end })
}

fn is_blank(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\r')
}

fn run(bytes: &[u8], from: usize, accept: impl Fn(u8) -> bool) -> usize {
    bytes[from..].iter().position(|&c| !accept(c)).map_or(bytes.len(), |n| from + n)
}

/// The first line: the dialect and the name; anything may follow on the line. Under both dialects a process may be in
/// either language.
fn header(source: &str) -> Result<(Range<usize>, String, usize), Problem> {
    let bytes = source.as_bytes();
    let start = run(bytes, 0, is_blank);
    let end = run(bytes, start, |c| !c.is_ascii_whitespace());
    let dialect = &source[start..end];
    if OTHER_DIALECTS.contains(&dialect) {
        return Err(Problem::at(format!("neither C nor Rust: this is a test in {dialect}"), start..end)
            .with_help("only tests in C and in Rust, whose first word is `C` or `Rust`, can be checked"));
    }
    if dialect != "C" && dialect != "Rust" {
        return Err(Problem::at("a litmus test starts with the line `C name` or `Rust name`", start..end.max(start))
            .with_label("expected `C` or `Rust`"));
    }
    let name_start = run(bytes, end, is_blank);
    let in_name = |c: u8| c.is_ascii_alphanumeric() || b"_/.-+[]".contains(&c);
    let name_end = run(bytes, name_start, in_name);
    if name_end == name_start {
        return Err(Problem::at("a litmus test starts with the line `C name`", name_start..name_start)
            .with_label("expected a name"));
    }
    let after = doc_string(bytes, name_end);
    let name = &source[name_start..name_end];
    Ok((start..end, name.strip_suffix(".litmus").unwrap_or(name).to_string(), after))
}

/// Skips a quoted description after the name, on the same line or the next.
fn doc_string(bytes: &[u8], name_end: usize) -> usize {
    let mut at = run(bytes, name_end, is_blank);
    if bytes.get(at) == Some(&b'(') {
        let close = run(bytes, at, |c| c != b')' && c != b'\n');
        if bytes.get(close) == Some(&b')') {
            at = run(bytes, close + 1, is_blank);
        }
    }
    if bytes.get(at) == Some(&b'\n') {
        at = run(bytes, at + 1, is_blank);
    }
    if bytes.get(at) != Some(&b'"') {
        return name_end;
    }
    let close = run(bytes, at + 1, |c| c != b'"');
    if close < bytes.len() { close + 1 } else { name_end }
}

/// Finds the brace that opens the initial state.
fn find_init(source: &str, from: usize) -> Result<usize, Problem> {
    let bytes = source.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'{' => return Ok(at),
            b'\n' => at += 1,
            _ => {
                let line_end = run(bytes, at, |c| c != b'\n');
                let text_end = run(bytes, at, |c| c != b'\n' && c != b'{');
                let text = source[at..text_end].trim_end_matches('\r');
                at = if text == "(*" {
                    end_of_comment(source, at)?
                } else if is_key_value(text) {
                    line_end
                } else {
                    text_end
                };
            }
        }
    }
    let end = source.trim_end().len();
    Err(Problem::at("there is no initial state", end..end).with_label("expected `{ … }` behind this"))
}

/// Is it a line `Key=value`? (It may hold braces.)
fn is_key_value(text: &str) -> bool {
    let key = text.split('=').next().unwrap_or("").trim_end_matches(['\t', ' ']);
    text.contains('=')
        && key.starts_with(|c: char| c.is_ascii_alphabetic())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || "_/.-".contains(c))
}

/// The end of the nested comment `(* … *)` that starts at `from`.
pub(crate) fn end_of_comment(source: &str, from: usize) -> Result<usize, Problem> {
    let bytes = source.as_bytes();
    let (mut at, mut depth) = (from, 0usize);
    while at < bytes.len() {
        if bytes[at..].starts_with(b"(*") {
            depth += 1;
            at += 2;
        } else if bytes[at..].starts_with(b"*)") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return Ok(at);
            }
        } else {
            at += 1;
        }
    }
    Err(Problem::at("this comment is never closed", from..(from + 2).min(bytes.len())))
}

fn end_of_init(bytes: &[u8], open: usize) -> Result<usize, Problem> {
    let mut depth = 0usize;
    for (at, &c) in bytes.iter().enumerate().skip(open) {
        match c {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            _ => {}
        }
    }
    Err(Problem::at("the initial state is never closed", open..open + 1).with_label("this brace"))
}

const OPENERS: &[&[u8]] =
    &[b"final", b"forall", b"exists", b"cases", b"observed", b"Observed", b"locations", b"filter"];

/// Finds the first word that opens a condition, else the end.
fn find_condition(bytes: &[u8], from: usize) -> Result<usize, Problem> {
    let mut at = from;
    while at < bytes.len() {
        let c = bytes[at];
        if c.is_ascii_alphabetic() {
            let end = run(bytes, at, |c| c.is_ascii_alphanumeric() || b"_/.-".contains(&c));
            if OPENERS.contains(&&bytes[at..end]) {
                return Ok(at);
            }
            at = end;
        } else if c == b'~' && word_at(bytes, run(bytes, at + 1, is_blank)) == b"exists" {
            return Ok(at);
        } else if c == b'"' {
            at = end_of_string(bytes, at)?;
        } else {
            at += 1;
        }
    }
    Ok(bytes.len())
}

fn word_at(bytes: &[u8], at: usize) -> &[u8] {
    &bytes[at..run(bytes, at, |c| c.is_ascii_alphanumeric() || b"_/.-".contains(&c))]
}

fn end_of_string(bytes: &[u8], open: usize) -> Result<usize, Problem> {
    let close = run(bytes, open + 1, |c| c != b'"');
    if close < bytes.len() { Ok(close + 1) } else { Err(Problem::at("this string is never closed", open..open + 1)) }
}

/// The condition ends at `<<` or with the file.
fn end_of_condition(source: &str, from: usize) -> Result<usize, Problem> {
    let bytes = source.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        if bytes[at..].starts_with(b"(*") {
            at = end_of_comment(source, at)?;
        } else if bytes[at..].starts_with(b"<<") {
            return Ok(at);
        } else {
            at += 1;
        }
    }
    Ok(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_at_the_braces_and_at_the_first_opening_word() {
        let source = "C a+b foo\n(*\n * { (* x *)\n *)\n\n{ x=1; }\nP0() { y_exists = 1; }\n~ exists (x=1)\n";
        let sections = split(source).unwrap();
        assert_eq!(sections.name, "a+b");
        assert_eq!(&source[sections.init], " x=1; ");
        assert_eq!(&source[sections.program], "\nP0() { y_exists = 1; }\n");
        assert_eq!(&source[sections.condition], "~ exists (x=1)\n");
    }

    #[test]
    fn refuses_other_dialects() {
        assert!(split("AArch64 foo\n{}\n").unwrap_err().message.starts_with("neither C nor Rust"));
        assert!(split("").unwrap_err().message.contains("starts with the line"));
    }
}

//! Braces in comments. herd7 reads the program twice: once as [this parser](super) does, and once for the names and
//! parameters of the processes alone, when it finds the end of a body by counting braces, those in comments included.
//! Where the two readings disagree it refuses the test, or runs another one; here it is refused.

use lkmm_report::Problem;
use std::ops::Range;

/// A process as it was parsed.
pub(super) struct Extent {
    /// From its first word to the brace that opens the body.
    pub(super) header: Range<usize>,
    /// From that brace to behind the one that closes it.
    pub(super) body: Range<usize>,
}

/// Compares the two readings.
pub(super) fn check(source: &str, section: Range<usize>, processes: &[Extent]) -> Result<(), Problem> {
    let text = &source.as_bytes()[..section.end];
    let mut at = section.start;
    let mut left = processes.iter();
    loop {
        at = skip_blanks(text, at).0;
        match text.get(at) {
            None if left.len() == 0 => return Ok(()),
            // A body without a name, which herd7 ignores.
            Some(b'{') if left.len() < processes.len() => {}
            Some(_) => match left.next() {
                Some(process) if process.header.start == at => at = process.body.start,
                _ => return Err(unbalanced(text, processes)),
            },
            None => return Err(unbalanced(text, processes)),
        }
        at = matching(text, at).ok_or_else(|| unbalanced(text, processes))?;
    }
}

/// Where a token starts, and the first brace of a comment on the way that leaves the count of braces changed.
fn skip_blanks(text: &[u8], mut at: usize) -> (usize, Option<usize>) {
    let mut brace = None;
    loop {
        let rest = &text[at..];
        let end = if rest.first().is_some_and(u8::is_ascii_whitespace) {
            1
        } else if rest.starts_with(b"//") {
            rest.iter().position(|&c| c == b'\n').unwrap_or(rest.len())
        } else if rest.starts_with(b"/*") {
            rest[2..].windows(2).position(|w| w == b"*/").map_or(rest.len(), |n| n + 4)
        } else {
            return (at, brace);
        };
        let count = |wanted: u8| rest[..end].iter().filter(|&&c| c == wanted).count();
        if count(b'{') != count(b'}') {
            let first = rest[..end].iter().position(|c| b"{}".contains(c));
            brace = brace.or(first.map(|n| at + n));
        }
        at += end;
    }
}

/// Behind the brace that closes the one at `open`, comments or not.
fn matching(text: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0usize;
    for (at, c) in text.iter().enumerate().skip(open) {
        match c {
            b'{' => depth += 1,
            b'}' if depth == 1 => return Some(at + 1),
            b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

fn unbalanced(text: &[u8], processes: &[Extent]) -> Problem {
    let found = processes.iter().find_map(|process| {
        let mut at = process.body.start;
        while at < process.body.end {
            let (token, brace) = skip_blanks(&text[..process.body.end], at);
            if brace.is_some() {
                return brace;
            }
            at = token + 1;
        }
        None
    });
    let at = found.unwrap_or_else(|| processes.first().map_or(0, |process| process.body.start));
    Problem::at("a brace without its counterpart in a comment", at..at + 1)
        .with_label("herd7 counts this brace")
        .with_help("herd7 counts braces even in comments when it looks for the end of a process: take it out")
}

//! Problems: why a test could not be checked, and where in its source.

use std::fmt;
use std::ops::Range;

/// Something wrong with an input, or worth a warning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where: a range of bytes of the source. `None` when no place in the source is at fault (a missing file).
    pub span: Option<Range<usize>>,
    /// A few words to stand under the place; may be empty.
    pub label: String,
    /// How to mend it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem without a place.
    pub fn new(message: impl Into<String>) -> Problem {
        Problem { message: message.into(), ..Problem::default() }
    }

    /// A problem at a place in the source: a range of its bytes.
    pub fn at(message: impl Into<String>, span: Range<usize>) -> Problem {
        Problem { span: Some(span), ..Problem::new(message) }
    }

    /// The same problem, with a few words under the place.
    pub fn with_label(self, label: impl Into<String>) -> Problem {
        Problem { label: label.into(), ..self }
    }

    /// The same problem, with advice.
    pub fn with_help(self, help: impl Into<String>) -> Problem {
        Problem { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// A place in a source text, as editors count: both numbers start at 1, and a column is a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

impl Position {
    /// The position of a byte offset. An offset past the end, or inside a character, counts as the nearest before it.
    ///
    /// ```
    /// # use lkmm_report::Position;
    /// assert_eq!(Position::of("C x\n\n{}", 5), Position { line: 3, column: 1 });
    /// ```
    pub fn of(source: &str, offset: usize) -> Position {
        let before = &source[..floor_boundary(source, offset)];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Position {
            line: 1 + before.bytes().filter(|&b| b == b'\n').count(),
            column: 1 + before[line_start..].chars().count(),
        }
    }
}

/// The nearest character boundary at or before an offset.
fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// A span cut to the text it points into, on character boundaries, never reversed.
pub(crate) fn clamp(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = floor_boundary(text, span.start);
    start..floor_boundary(text, span.end).max(start)
}

impl Problem {
    /// The span, cut so that it can index `source` without panicking.
    pub fn span_in(&self, source: &str) -> Option<Range<usize>> {
        self.span.as_ref().map(|span| clamp(source, span))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let text = "ä b\nc";
        assert_eq!(Position::of(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of(text, 3), Position { line: 1, column: 3 });
        assert_eq!(Position::of(text, 5), Position { line: 2, column: 1 });
        assert_eq!(Position::of(text, 99), Position { line: 2, column: 2 });
        assert_eq!(Position::of(text, 1), Position { line: 1, column: 1 }, "inside a character");
    }

    #[test]
    fn spans_are_cut_to_the_text() {
        let at = |span| Problem { span: Some(span), ..Problem::default() }.span_in("ä b");
        assert_eq!(at(1..9), Some(0..4));
        assert_eq!(at(Range { start: 9, end: 2 }), Some(4..4));
    }
}

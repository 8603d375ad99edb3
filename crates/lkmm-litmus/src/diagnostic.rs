//! What is wrong with a litmus test, and where.

use std::fmt;
use std::ops::Range;

/// A message about a place in the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// The bytes of the source that it is about.
    pub span: Range<usize>,
    /// A few words to stand under the caret; empty when the message says it all.
    pub label: String,
    /// What to write instead, if that is known.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A message about a place.
    pub(crate) fn new(message: impl Into<String>, span: Range<usize>) -> Self {
        Diagnostic { message: message.into(), span, label: String::new(), help: None }
    }

    /// Adds the words under the caret.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column (both from 1; columns count characters) of the first byte of the span.
    ///
    /// ```
    /// # use lkmm_litmus::{parse, Options};
    /// let source = "C broken\n{}\nP0() { int r = !1; }\nexists (0:r=0)\n";
    /// let diagnostic = parse(source, &Options::default()).unwrap_err();
    /// assert_eq!(diagnostic.position(source), (3, 16));
    /// ```
    pub fn position(&self, source: &str) -> (usize, usize) {
        let mut at = self.span.start.min(source.len());
        while !source.is_char_boundary(at) {
            at -= 1;
        }
        let before = &source[..at];
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        (line, column)
    }
}

/// A piece of source as it stands in a message: in backquotes, and not longer than one can read.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 64;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

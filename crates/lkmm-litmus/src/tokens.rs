//! Tokens, and how both parsers walk over them: the one of the program, and the one of the sections around it.
//!
//! The two have a lexer each, for their words and symbols differ, and share what comes after.

use crate::text::quoted;
use lkmm_report::Problem;
use std::ops::Range;

/// What a token is. Words, names and numbers are read off the source by their span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// In the program: a name or a keyword.
    Word,
    /// Around it: a word that can be a name.
    Name,
    /// Around it: a word that cannot be a name.
    Keyword,
    /// Around it: `P0`.
    Process,
    /// A number, perhaps negative, and around the program perhaps hexadecimal.
    Number,
    /// Around it: a number between backquotes.
    Quoted,
    /// Punctuation, by its text.
    Symbol(&'static str),
    /// The end of the section.
    End,
}

/// A token and its place.
#[derive(Clone, Debug)]
pub(crate) struct Lexeme {
    pub(crate) token: Token,
    pub(crate) span: Range<usize>,
}

/// The tokens of a section, of which the last is its [end](Token::End), and the one that is read next.
pub(crate) struct Tokens<'s> {
    pub(crate) source: &'s str,
    pub(crate) lexemes: Vec<Lexeme>,
    pub(crate) at: usize,
}

impl Tokens<'_> {
    fn lexeme(&self, ahead: usize) -> &Lexeme {
        &self.lexemes[(self.at + ahead).min(self.lexemes.len() - 1)]
    }
}

/// A parser over [`Tokens`].
pub(crate) trait Reader<'s> {
    /// What it reads, as it is called in messages.
    const SECTION: &'static str;

    fn tokens(&self) -> &Tokens<'s>;

    fn tokens_mut(&mut self) -> &mut Tokens<'s>;

    fn token(&self, ahead: usize) -> Token {
        self.tokens().lexeme(ahead).token
    }

    fn span(&self) -> Range<usize> {
        self.tokens().lexeme(0).span.clone()
    }

    /// The text of a token; that of the end is empty.
    fn text(&self, ahead: usize) -> &'s str {
        let tokens = self.tokens();
        &tokens.source[tokens.lexeme(ahead).span.clone()]
    }

    fn is(&self, ahead: usize, symbol: &str) -> bool {
        matches!(self.token(ahead), Token::Symbol(s) if s == symbol)
    }

    fn is_word(&self, ahead: usize, word: &str) -> bool {
        matches!(self.token(ahead), Token::Word | Token::Name | Token::Keyword) && self.text(ahead) == word
    }

    /// The end of the last token that was read.
    fn last_end(&self) -> usize {
        let tokens = self.tokens();
        tokens.lexemes[tokens.at.saturating_sub(1)].span.end
    }

    fn advance(&mut self) {
        let tokens = self.tokens_mut();
        tokens.at = (tokens.at + 1).min(tokens.lexemes.len() - 1);
    }

    fn eat(&mut self, symbol: &str) -> bool {
        let found = self.is(0, symbol);
        if found {
            self.advance();
        }
        found
    }

    fn expect(&mut self, symbol: &str) -> Result<(), Problem> {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    /// An error at the token that is next.
    fn unexpected(&self, expected: &str) -> Problem {
        self.problem_here(expected)
    }

    /// The same, as far as it is the same in all sections.
    fn problem_here(&self, expected: &str) -> Problem {
        let message = match self.token(0) {
            Token::End => format!("the {} ends too early", Self::SECTION),
            _ => format!("unexpected {}", quoted(self.text(0))),
        };
        Problem::at(message, self.span()).with_label(format!("expected {expected}"))
    }
}

//! Bounds on what is parsed. `syn` recurses wherever an expression, a type or a pattern stands in another one, and drops its trees the
//! same way; so tokens are counted before it sees them.
//!
//! What can nest stands within the same groups of parentheses, brackets and braces, and between the same semicolons. The tokens
//! on the way from the outermost group to the innermost bound how deep the grammar can go, whatever it is.

use super::MAX_TOKENS;
use lkmm_report::Problem;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Tokens that may stand in one another.
const MAX_DEPTH: usize = 800;

/// A group that is being looked at.
struct Level {
    tokens: proc_macro2::token_stream::IntoIter,
    /// Tokens of the groups around it, as far as they count.
    outer: usize,
    /// Tokens of this group since the last one that ends a statement.
    here: usize,
    after_braces: bool,
}

/// Refuses what is too long, or too deep; `at` says where a span is.
pub(super) fn check(
    tokens: TokenStream,
    at: impl Fn(proc_macro2::Span) -> std::ops::Range<usize>,
) -> Result<(), Problem> {
    let mut count = 0;
    let mut levels = vec![Level { tokens: tokens.into_iter(), outer: 0, here: 0, after_braces: false }];
    while let Some(level) = levels.last_mut() {
        let Some(token) = level.tokens.next() else {
            levels.pop();
            continue;
        };
        count += 1;
        // A statement may end behind braces; what goes on there is `else`, `as` or punctuation.
        if std::mem::take(&mut level.after_braces) {
            if let TokenTree::Ident(word) = &token {
                if word != "else" && word != "as" {
                    level.here = 0;
                }
            }
        }
        level.here += 1;
        let depth = level.outer + level.here;
        if count > MAX_TOKENS {
            let message = format!("a process with more than {MAX_TOKENS} tokens");
            return Err(Problem::at(message, at(token.span())).with_help("split the test"));
        }
        if depth > MAX_DEPTH {
            return Err(Problem::at("this statement is too long, or nested too deep", at(token.span()))
                .with_help("compute parts of it into locals first"));
        }
        match token {
            TokenTree::Group(group) => {
                level.after_braces = group.delimiter() == Delimiter::Brace;
                let inner = group.stream().into_iter();
                levels.push(Level { tokens: inner, outer: depth, here: 0, after_braces: false });
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => level.here = 0,
            _ => {}
        }
    }
    Ok(())
}

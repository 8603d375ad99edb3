//! The verdict that a test's author expects: the `Result:` line of a comment.

/// How often a condition is expected to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpectedVerdict {
    /// In no execution.
    Never,
    /// In some executions, and not in others.
    Sometimes,
    /// In every execution.
    Always,
}

/// What a `Result:` line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expected {
    /// The verdict. A deadlock has no execution, so it is [`Never`](ExpectedVerdict::Never).
    pub verdict: ExpectedVerdict,
    /// The line says `DEADLOCK`.
    pub deadlock: bool,
    /// The line says `DATARACE`: some execution is expected to race.
    pub data_race: bool,
}

/// Finds the first `Result:` that states a verdict.
pub(crate) fn find(source: &str) -> Option<Expected> {
    source.match_indices("Result:").find_map(|(at, word)| {
        let line = start_of_line(&source[at + word.len()..]);
        let mut words = line.split_whitespace();
        let first = words.next()?;
        let verdict = match first {
            "Never" | "DEADLOCK" => ExpectedVerdict::Never,
            "Sometimes" => ExpectedVerdict::Sometimes,
            "Always" => ExpectedVerdict::Always,
            _ => return None,
        };
        Some(Expected { verdict, deadlock: first == "DEADLOCK", data_race: words.any(|word| word == "DATARACE") })
    })
}

/// The first line of a text, as far as it can matter. (Not all of it: every other word of a long line might be `Result:`.)
fn start_of_line(text: &str) -> &str {
    const LONGEST: usize = 200;
    let end = text.char_indices().take(LONGEST).find(|&(_, c)| c == '\n').map(|(at, _)| at);
    let end = end.or_else(|| text.char_indices().nth(LONGEST).map(|(at, _)| at));
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_line() {
        let expected = find("(*\n * Result: Never DATARACE *)").unwrap();
        assert_eq!((expected.verdict, expected.data_race), (ExpectedVerdict::Never, true));
        assert!(find("Result: DEADLOCK").unwrap().deadlock);
        assert_eq!(find("Result: Maybe"), None);
    }
}

//! The verdict that a test's author expects: the `Result:` line of a comment.

use lkmm_report::Expectation;
use lkmm_search::Verdict;

/// Finds what the author expects, where the kernel's `judgelitmus.sh` finds it: in the first line that starts with ` * Result: ` or
/// `(* Result: `. (A mention of the word elsewhere is prose.) `DATARACE` may stand in any such line, behind the verdict.
pub(crate) fn find(source: &str) -> Option<Expectation> {
    let mut results = source.lines().filter_map(result).peekable();
    let first = results.peek()?.split_whitespace().next()?;
    let verdict = match first {
        "Never" | "DEADLOCK" => Verdict::Never,
        "Sometimes" => Verdict::Sometimes,
        "Always" => Verdict::Always,
        // `Maybe`, for one: whatever comes is right.
        _ => return None,
    };
    let data_race = results.any(|rest| rest.split_whitespace().skip(1).any(|word| word == "DATARACE"));
    Some(Expectation { verdict, deadlock: first == "DEADLOCK", data_race })
}

/// What a line says behind `Result:`, if it is such a line.
fn result(line: &str) -> Option<&str> {
    line.strip_prefix([' ', '('])?.strip_prefix("* Result: ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_line() {
        let expected = find("(*\n * Result: Never DATARACE\n *)").unwrap();
        assert_eq!((expected.verdict, expected.data_race), (Verdict::Never, true));
        assert!(find("(* Result: DEADLOCK *)").unwrap().deadlock);
    }

    #[test]
    fn the_first_line_decides() {
        assert_eq!(find(" * Result: Maybe\n * Result: Never"), None);
        let expected = find(" * Result: Always\n * Result: Never DATARACE").unwrap();
        assert_eq!((expected.verdict, expected.data_race), (Verdict::Always, true));
    }

    #[test]
    fn prose_is_no_expectation() {
        for prose in
            ["Result: Never", " * Result:Never", "  * Result: Never", " * The Result: Never", "// Result: Never"]
        {
            assert_eq!(find(prose), None, "{prose}");
        }
    }
}

//! Every file in `malformed/` is refused with the diagnostic in the text file beside it. With `UPDATE_EXPECT=1` in the
//! environment the text files are written instead.

use lkmm_litmus::{Options, parse};
use lkmm_report::{Position, Problem};
use std::path::Path;

/// `line:column: message`, the source line, and a caret under what is meant.
fn rendered(problem: &Problem, source: &str) -> String {
    let span = problem.span.clone().expect("it is in the source");
    let Position { line, column } = Position::of(source, span.start);
    let text = source.split('\n').nth(line - 1).unwrap_or("").replace('\t', " ");
    let text: String = text.chars().take(column + 60).collect();
    let width = source.get(span).and_then(|s| s.lines().next()).map_or(1, |s| s.chars().count().max(1));
    let carets = "^".repeat(width.min(60));
    let mut out =
        format!("{line}:{column}: {}\n{text}\n{}{carets} {}", problem.message, " ".repeat(column - 1), problem.label);
    out.truncate(out.trim_end().len());
    if let Some(help) = &problem.help {
        out.push_str(&format!("\nhelp: {help}"));
    }
    out + "\n"
}

#[test]
fn malformed_tests_are_refused_with_a_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/malformed");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let (mut count, mut failures) = (0, Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "litmus") {
            continue;
        }
        count += 1;
        let source = std::fs::read_to_string(&path).unwrap();
        let Err(problem) = parse(&source, &Options::default()) else {
            failures.push(format!("{}: accepted", path.display()));
            continue;
        };
        let (expect, actual) = (path.with_extension("txt"), rendered(&problem, &source));
        if update {
            std::fs::write(&expect, &actual).unwrap();
        } else if std::fs::read_to_string(&expect).unwrap_or_default() != actual {
            failures.push(format!("{}:\n{actual}", path.display()));
        }
    }
    assert!(count >= 50, "only {count} files");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

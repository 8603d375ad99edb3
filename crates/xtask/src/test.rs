//! `cargo xtask test`: everything that must hold before a commit.
//!
//! Every step runs, whatever came of those before it, so that one run shows all that is wrong.

use crate::browser;
use crate::corpus;
use crate::fresh;
use crate::guide;
use crate::hardware;
use crate::lkmm::{self, text};
use crate::msrv;
use crate::table::{self, Row};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

pub(crate) fn run() -> Result<bool, String> {
    let mut rows = vec![
        cargo("format", &["fmt", "--all", "--check"], Some("rustfmt")),
        cargo("clippy", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-Dwarnings"], Some("clippy")),
        cargo(
            "clippy, crate lkmm as it is shipped",
            &["clippy", "-p", "lkmm", "--lib", "--quiet", "--", "-Dwarnings"],
            Some("clippy"),
        ),
        cargo(
            "unit, property, snapshot, doc tests",
            &["test", "--workspace", "--profile", "checked", "--quiet", "--no-fail-fast"],
            None,
        ),
        cargo_with(
            "Rust code, three jobs a model",
            &[
                &["test", "--workspace", "--profile", "checked", "--quiet", "--no-fail-fast"][..],
                &["--test", "bugs", "--test", "checked", "--test", "counts", "--test", "heap", "--test", "lifetimes"],
                &["--test", "locks", "--test", "orbits", "--test", "dependencies", "--test", "reports"],
            ]
            .concat(),
            None,
            &[("LKMM_JOBS", "3")],
        ),
        cargo("documentation", &["doc", "--workspace", "--no-deps", "--quiet"], None),
        fresh::row(),
        guide::row(),
        msrv::row(),
    ];
    match lkmm::build() {
        Ok(lkmm) => {
            rows.push(own_tests(&lkmm));
            rows.push(browser::row(&lkmm));
            rows.extend(hardware::rows(&lkmm));
            rows.extend(corpus::rows(&lkmm));
        }
        Err(message) => rows.push(Row { suite: "litmus tests".into(), failed: 1, note: message, ..Row::default() }),
    }
    Ok(table::print(&rows))
}

/// Runs a command of cargo, lets it print, and counts the tests it reports (or itself as one).
fn cargo(suite: &str, args: &[&str], component: Option<&str>) -> Row {
    cargo_with(suite, args, component, &[])
}

/// The same, with something in the environment.
fn cargo_with(suite: &str, args: &[&str], component: Option<&str>, environment: &[(&str, &str)]) -> Row {
    println!("== {suite}: cargo {}", args.join(" "));
    let start = Instant::now();
    let mut row = Row { suite: suite.into(), ..Row::default() };
    if let Some(component) = component.filter(|_| !has_command(args[0])) {
        row.failed = 1;
        row.note = format!("cargo {} is missing: rustup component add {component}", args[0]);
        return row;
    }
    let child = lkmm::cargo()
        .args(args)
        .env("RUSTDOCFLAGS", "-Dwarnings")
        .envs(environment.iter().copied())
        .current_dir(lkmm::root())
        .stdout(Stdio::piped())
        .spawn();
    let ended = child.and_then(|mut child| {
        if let Some(out) = child.stdout.take() {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                println!("{line}");
                count(&line, &mut row);
            }
        }
        child.wait()
    });
    row.time = start.elapsed();
    let success = ended.is_ok_and(|status| status.success());
    match (success, row.passed + row.failed) {
        (true, 0) => row.passed = 1,
        (false, _) if row.failed == 0 => {
            row.failed = 1;
            row.note = "see above".into();
        }
        _ => {}
    }
    row
}

fn has_command(name: &str) -> bool {
    let mut probe = lkmm::cargo();
    probe.args([name, "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Adds the numbers of a line `test result: ok. 3 passed; 0 failed; 0 ignored; …`.
fn count(line: &str, row: &mut Row) {
    let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|l| l.split_once(". ")) else { return };
    for part in counts.split("; ") {
        match part.split_once(' ') {
            Some((n, "passed")) => row.passed += n.parse().unwrap_or(0),
            Some((n, "failed")) => row.failed += n.parse().unwrap_or(0),
            Some((n, "ignored")) => row.skipped += n.parse().unwrap_or(0),
            _ => {}
        }
    }
}

/// Checks the project's own litmus tests against `litmus/EXPECTED`, whose lines are
/// `path verdict positive negative flags`, with `-` for no flag.
fn own_tests(lkmm: &Path) -> Row {
    println!("== the project's litmus tests");
    let start = Instant::now();
    let mut row = Row { suite: "litmus/".into(), ..Row::default() };
    match compare_own_tests(lkmm, &lkmm::root().join("litmus")) {
        Ok(failures) => {
            row.passed = failures.checked - failures.messages.len() as u64;
            row.failed = failures.messages.len() as u64;
            failures.messages.iter().for_each(|m| println!("{m}"));
        }
        Err(message) => {
            row.failed = 1;
            row.note = message;
        }
    }
    row.time = start.elapsed();
    row
}

/// What differed, out of how many.
struct Failures {
    checked: u64,
    messages: Vec<String>,
}

fn compare_own_tests(lkmm: &Path, folder: &Path) -> Result<Failures, String> {
    let path = folder.join("EXPECTED");
    let expected = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let run = crate::lkmm::check(lkmm, &[], &[folder.to_path_buf()])?;
    let mut found: BTreeMap<PathBuf, &Value> = run.lines.iter().map(|l| (PathBuf::from(text(l, "file")), l)).collect();
    let mut failures = Failures { checked: 0, messages: Vec::new() };
    for line in expected.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#')) {
        failures.checked += 1;
        let (file, rest) = line.split_once(' ').unwrap_or((line, ""));
        let message = match found.remove(&folder.join(file)) {
            None => Some("is not there".to_string()),
            Some(object) => {
                let outcome = outcome_line(object);
                (outcome != rest).then(|| format!("expected {rest}, found {outcome}"))
            }
        };
        failures.messages.extend(message.map(|m| format!("litmus/{file}: {m}")));
    }
    for file in found.keys() {
        failures.checked += 1;
        failures.messages.push(format!("{}: has no line in EXPECTED", file.display()));
    }
    Ok(failures)
}

/// `verdict positive negative flags`, as in `EXPECTED`.
fn outcome_line(object: &Value) -> String {
    let flags: Vec<&str> = object["flags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let flags = if flags.is_empty() { "-".to_string() } else { flags.join(",") };
    format!("{} {} {} {flags}", text(object, "verdict"), object["positive"], object["negative"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_tests_are_counted() {
        let mut row = Row::default();
        count(
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            &mut row,
        );
        count("test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out", &mut row);
        count("running 3 tests", &mut row);
        assert_eq!((row.passed, row.failed, row.skipped), (4, 2, 1));
    }
}

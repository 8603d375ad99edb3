//! The corpora: tests that others wrote, with the results of herd7.
//!
//! They lie beside the repository, in `../shared/corpus`, and are no part of it. Each has a folder `tests` and a file
//! `expected.jsonl`; what the keys of its objects mean is in the corpus' own README.

use crate::lkmm::{self, text};
use crate::table::Row;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The longest that the verdict of one test may take, in microseconds.
const VERDICT_LIMIT: u64 = 1_000_000;
/// The options of a search of all executions: a test that hangs must not hang the run.
const ALL: &[&str] = &["--timeout", "60"];
/// The options of a search for verdicts.
const VERDICT: &[&str] = &["--verdict", "--timeout", "5"];

/// A test with what is recorded of it.
pub(crate) struct Entry {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// Its corpus and the top folder within: `sample/auto`.
    pub(crate) family: String,
    /// The object of `expected.jsonl`.
    pub(crate) recorded: Value,
}

impl Entry {
    /// What herd7 did: `ok`, `rejected`, `gave up`.
    pub(crate) fn herd(&self) -> &str {
        text(&self.recorded, "herd")
    }
}

/// The folder of the corpora.
pub(crate) fn folder() -> PathBuf {
    lkmm::root().join("../shared/corpus")
}

/// Reads every corpus.
///
/// # Errors
/// In words, when there is none or one cannot be read.
pub(crate) fn read() -> Result<Vec<(String, Vec<Entry>)>, String> {
    let folder = folder();
    let missing = |e| format!("{} is not there ({e}); unpack the corpora there", folder.display());
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .map_err(missing)?
        .filter_map(|entry| Some(entry.ok()?.file_name().to_str()?.to_string()))
        .filter(|name| folder.join(name).join("expected.jsonl").is_file())
        .collect();
    names.sort();
    names.into_iter().map(|name| Ok((name.clone(), read_one(&folder.join(&name), &name)?))).collect()
}

fn read_one(folder: &Path, name: &str) -> Result<Vec<Entry>, String> {
    let path = folder.join("expected.jsonl");
    let lines = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    let entry = |line: &str| {
        let recorded: Value = serde_json::from_str(line).map_err(|e| format!("{}: {e}", path.display()))?;
        let file = text(&recorded, "file");
        let family = format!("{name}/{}", file.split('/').next().unwrap_or(""));
        Ok(Entry { path: folder.join("tests").join(file), family, recorded })
    };
    lines.lines().map(entry).collect()
}

/// Checks every corpus: all executions against herd7's results, and the verdict alone, within its time limit.
pub(crate) fn rows(lkmm: &Path) -> Vec<Row> {
    match read() {
        Ok(corpora) => corpora.iter().flat_map(|(name, entries)| rows_of(lkmm, name, entries)).collect(),
        Err(message) => vec![Row { suite: "corpora".into(), skipped: 1, note: message, ..Row::default() }],
    }
}

fn rows_of(lkmm: &Path, name: &str, entries: &[Entry]) -> [Row; 2] {
    println!("== corpus {name}");
    let finished: Vec<&Entry> = entries.iter().filter(|e| e.herd() != "gave up").collect();
    let all = compare(lkmm, ALL, &finished, compare_all);
    let verdict = compare(lkmm, VERDICT, &entries.iter().collect::<Vec<_>>(), compare_verdict);
    [
        Row { suite: format!("corpus {name}, all executions"), ..all },
        Row { suite: format!("corpus {name}, --verdict, each < 1 s"), ..verdict },
    ]
}

/// Runs the tests in one process and compares each with its record.
fn compare(lkmm: &Path, options: &[&str], entries: &[&Entry], difference: fn(&Value, &Value) -> Difference) -> Row {
    let start = Instant::now();
    let mut row = Row::default();
    let files: Vec<PathBuf> = entries.iter().map(|e| e.path.clone()).collect();
    match lkmm::check(lkmm, options, &files) {
        Err(message) => {
            row.failed = entries.len() as u64;
            row.note = message;
        }
        Ok(run) => {
            let found: BTreeMap<&str, &Value> = run.lines.iter().map(|l| (text(l, "file"), l)).collect();
            for entry in entries {
                let name = entry.path.display().to_string();
                let difference = match found.get(name.as_str()) {
                    Some(object) => difference(&entry.recorded, object),
                    None => Difference::Is("was not reported".into()),
                };
                match difference {
                    Difference::None => row.passed += 1,
                    Difference::Unknown => {
                        row.skipped += 1;
                        row.note = "nothing is recorded of those skipped".into();
                    }
                    Difference::Is(what) => {
                        row.failed += 1;
                        println!("{}: {what}", entry.path.strip_prefix(folder()).unwrap_or(&entry.path).display());
                    }
                }
            }
        }
    }
    row.time = start.elapsed();
    row
}

/// In what a result differs from the record.
#[derive(Debug, PartialEq)]
enum Difference {
    None,
    /// The record does not say.
    Unknown,
    Is(String),
}

fn differs(what: &str, expected: impl std::fmt::Debug, found: impl std::fmt::Debug) -> Difference {
    Difference::Is(format!("{what}: expected {expected:?}, found {found:?}"))
}

fn compare_all(recorded: &Value, found: &Value) -> Difference {
    if text(recorded, "herd") == "rejected" {
        return match (text(found, "verdict"), text(&found["error"], "message")) {
            ("Error", message) if !message.is_empty() => Difference::None,
            (verdict, _) => differs("herd7 rejects it", "Error", verdict),
        };
    }
    for key in ["verdict", "positive", "negative", "flags"] {
        if recorded[key] != found[key] {
            let error = text(&found["error"], "message");
            return Difference::Is(format!("{key}: expected {}, found {} {error}", recorded[key], found[key]));
        }
    }
    let (expected, found) = (recorded_states(&recorded["states"]), found_states(&found["states"]));
    match expected == found {
        true => Difference::None,
        false => differs(
            "states",
            expected.difference(&found).collect::<Vec<_>>(),
            found.difference(&expected).collect::<Vec<_>>(),
        ),
    }
}

/// The recorded verdict counts; of a test that herd7 gave up on, what its author expects.
fn compare_verdict(recorded: &Value, found: &Value) -> Difference {
    let expected = match text(recorded, "herd") {
        "ok" => text(recorded, "verdict"),
        "rejected" => "Error",
        _ => match text(recorded, "result") {
            "DEADLOCK" => "Never",
            result => result,
        },
    };
    let verdict = text(found, "verdict");
    let time = found["time_us"].as_u64().unwrap_or(u64::MAX);
    if verdict == "Timeout" || time >= VERDICT_LIMIT {
        return Difference::Is(format!("{verdict} after {:.2} s", time as f64 / 1e6));
    }
    match expected {
        "" | "Maybe" => Difference::Unknown,
        _ if expected == verdict => Difference::None,
        _ => differs("verdict", expected, verdict),
    }
}

/// A state as text with its observables sorted, and its thin-air symbols numbered in that order, so that states which
/// differ in the names of symbols alone are equal.
fn canonical(cells: BTreeMap<String, String>) -> String {
    let mut symbols: Vec<String> = Vec::new();
    let mut text = String::new();
    for (name, value) in cells {
        let is_symbol = value.strip_prefix('S').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
        let value = if is_symbol {
            let known = symbols.iter().position(|s| *s == value);
            let index = known.unwrap_or_else(|| {
                symbols.push(value);
                symbols.len() - 1
            });
            format!("S{}", index + 1)
        } else {
            value
        };
        text += &format!("{name}={value};");
    }
    text
}

/// States in herd7's spelling: `0:r0=0; [x]=1;`.
fn recorded_states(states: &Value) -> BTreeSet<String> {
    let cells = |state: &str| {
        let cells = state.split(';').filter_map(|cell| cell.trim().split_once('='));
        canonical(cells.map(|(name, value)| (name.to_string(), value.to_string())).collect())
    };
    states.as_array().into_iter().flatten().filter_map(Value::as_str).map(cells).collect()
}

/// States as objects.
fn found_states(states: &Value) -> BTreeSet<String> {
    let cells = |state: &serde_json::Map<String, Value>| {
        canonical(state.iter().map(|(name, v)| (name.clone(), v.as_str().unwrap_or("?").to_string())).collect())
    };
    states.as_array().into_iter().flatten().filter_map(Value::as_object).map(cells).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn states_are_equal_up_to_order_and_names_of_symbols() {
        let recorded = recorded_states(&json!(["0:r1=S16; [x]=S16;", "0:r1=S3; [x]=S16;", "0:r1=0; [x]=y;"]));
        let found = found_states(&json!([
            {"[x]": "y", "0:r1": "0"},
            {"[x]": "S1", "0:r1": "S1"},
            {"[x]": "S1", "0:r1": "S2"},
        ]));
        assert_eq!(recorded, found);
        assert_ne!(recorded_states(&json!(["[x]=0;"])), found_states(&json!([{"[x]": "S1"}])));
        assert_ne!(recorded_states(&json!([])), found_states(&json!([{}])), "the empty state is one");
    }

    #[test]
    fn every_recorded_key_counts() {
        let recorded =
            json!({"herd": "ok", "verdict": "Never", "positive": 0, "negative": 2, "flags": [], "states": ["[x]=1;"]});
        let found = json!({"verdict": "Never", "positive": 0, "negative": 2, "flags": [], "states": [{"[x]": "1"}]});
        assert_eq!(compare_all(&recorded, &found), Difference::None);
        for (key, other) in [
            ("verdict", json!("Always")),
            ("positive", json!(1)),
            ("negative", json!(3)),
            ("flags", json!(["data-race"])),
            ("states", json!([])),
        ] {
            let mut changed = found.clone();
            changed[key] = other;
            assert_ne!(compare_all(&recorded, &changed), Difference::None, "{key}");
        }
    }

    #[test]
    fn what_herd7_rejects_must_be_rejected_with_a_reason() {
        let recorded = json!({"herd": "rejected"});
        let error = json!({"verdict": "Error", "error": {"message": "Unknown macro"}});
        assert_eq!(compare_all(&recorded, &error), Difference::None);
        assert_ne!(compare_all(&recorded, &json!({"verdict": "Never"})), Difference::None);
    }

    #[test]
    fn verdicts_are_compared_with_the_authors_when_herd7_gave_up() {
        let found = |verdict, us| json!({"verdict": verdict, "time_us": us});
        let gave_up = json!({"herd": "gave up", "result": "DEADLOCK"});
        assert_eq!(compare_verdict(&gave_up, &found("Never", 10)), Difference::None);
        assert_ne!(compare_verdict(&gave_up, &found("Sometimes", 10)), Difference::None);
        assert_ne!(compare_verdict(&gave_up, &found("Never", VERDICT_LIMIT)), Difference::None, "too slow");
        let unknown = json!({"herd": "gave up", "result": null});
        assert_eq!(compare_verdict(&unknown, &found("Never", 10)), Difference::Unknown);
        assert_ne!(compare_verdict(&unknown, &found("Timeout", 10)), Difference::Unknown);
    }
}

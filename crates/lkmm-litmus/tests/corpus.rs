//! Every test of the shared corpus is read, or refused where herd7 refuses it, and prints its condition as herd7 does.

use lkmm_litmus::{Options, parse};
use lkmm_report::{Expectation, Position, Test};
use lkmm_search::Verdict;
use serde_json::Value;
use std::path::{Path, PathBuf};

fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    Some(root.join("../shared/corpus")).filter(|path| path.is_dir())
}

fn check(folder: &Path, record: &Value) -> Result<(), String> {
    let file = record["file"].as_str().ok_or("no file")?;
    let source = std::fs::read_to_string(folder.join("tests").join(file)).map_err(|e| e.to_string())?;
    let refused = record["herd"] == "rejected";
    match parse(&source, &Options::default()) {
        Ok(_) if refused => Err(format!("{file}: accepted, though herd7 refuses it")),
        Ok(test) => agrees(&test, record).map_err(|e| format!("{file}: {e}")),
        Err(_) if refused => Ok(()),
        Err(e) => {
            let Position { line, column } = Position::of(&source, e.span.clone().map_or(0, |span| span.start));
            Err(format!("{file}:{line}:{column}: {e} ({}; {:?})", e.label, e.help))
        }
    }
}

fn agrees(test: &Test, record: &Value) -> Result<(), String> {
    if let Some(condition) = record["condition"].as_str() {
        if test.condition != condition {
            return Err(format!("prints {:?}, herd7 {condition:?}", test.condition));
        }
    }
    if let Some(state) = record["states"].as_array().and_then(|states| states.first()?.as_str()) {
        let parts = state.split_terminator(';');
        let names: Vec<&str> = parts.filter_map(|part| Some(part.split_once('=')?.0.trim())).collect();
        if test.observed != names {
            return Err(format!("observes {:?}, herd7 {state:?}", test.observed));
        }
    }
    let result = record["result"].as_str().and_then(|r| r.split_whitespace().next()).unwrap_or("");
    let states_verdict = ["Never", "Sometimes", "Always", "DEADLOCK"].contains(&result);
    if states_verdict && test.expectation.map(word) != Some(result) {
        return Err(format!("expects {:?}, its author {result}", test.expectation));
    }
    Ok(())
}

fn word(expected: Expectation) -> &'static str {
    match expected.verdict {
        _ if expected.deadlock => "DEADLOCK",
        Verdict::Never => "Never",
        Verdict::Sometimes => "Sometimes",
        Verdict::Always => "Always",
    }
}

#[test]
fn the_corpus_is_read() {
    let Some(corpus) = corpus() else {
        println!("SKIPPED: the shared corpus is not here");
        return;
    };
    let (mut count, mut failures) = (0, Vec::new());
    for part in ["kernel", "sample"] {
        let folder = corpus.join(part);
        let records = std::fs::read_to_string(folder.join("expected.jsonl")).unwrap();
        for line in records.lines() {
            count += 1;
            failures.extend(check(&folder, &serde_json::from_str(line).unwrap()).err());
        }
    }
    println!("{count} tests of the corpus, {} failures", failures.len());
    assert!(count > 0 && failures.is_empty(), "{}", failures.join("\n"));
}

//! Observed dependencies on the shared corpus: each is one that the syntax shows, and the tests that come out otherwise than
//! recorded are known, with the reason.
//!
//! The executions that the open search finds without the dependencies of the syntax are looked at one by one. Each test may take
//! `LKMM_SECONDS` (default 0.3); those that do not end are counted.

use lkmm_litmus::{Options, parse};
use lkmm_model::models;
use lkmm_model::program::{Observable, Program, Value};
use lkmm_search::open::{self, ClosedProgram, DependencyMode, Ending, Found, OpenError};
use lkmm_search::{Outcome, Verdict};
use serde_json::Value as Json;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::{Duration, Instant};

/// Tests of the corpus with another verdict, and why.
const OTHERWISE: [(&str, &str); 3] = [
    // Never. Data dependencies of `(r3 + 1) & r2` on the load behind `r3`: where `r2` is 0, the result is 0 without it.
    ("manual/oota/C-JO-OOTA-4.litmus", "Sometimes"),
    // Sometimes. No dependency: the store that is read stands behind one that there is only because it is read.
    ("manual/plain/C-non-race3.litmus", "Never"),
    // Sometimes. The same.
    ("manual/plain/C-wmb-race2.litmus", "Never"),
];

#[derive(Default)]
struct Tally {
    finished: u64,
    executions: u64,
    edges: u64,
    wrong: Vec<String>,
    late: Vec<String>,
    refused: Vec<String>,
}

/// Explores a test; the verdict, if it was refused or not finished why, and how many edges were looked at.
fn explore(program: &Program, limit: Duration, tally: &mut Tally) -> Result<Option<Verdict>, OpenError> {
    let options = open::Options {
        dependencies: DependencyMode::Observed,
        deadline: Some(Instant::now() + limit),
        ..open::Options::new(models::lkmm())
    };
    let (mut outcome, mut wrong) = (Outcome::default(), None);
    let statistics = open::explore(&mut ClosedProgram::without_dependencies(program), &options, &mut |found| {
        if *found.ending() == Ending::Complete {
            let execution = found.execution();
            let syntactic = open::syntactic_dependencies(program, &execution);
            for edge in open::dependencies(&execution) {
                tally.edges += 1;
                if !syntactic.contains(&edge) {
                    wrong.get_or_insert(format!("{edge:?} of {execution:?}; the syntax has {syntactic:?}"));
                }
            }
            let known = |observable| Some(final_value(program, found, observable));
            if program.filter.as_ref().is_none_or(|filter| filter.evaluate(&known) == Some(true)) {
                let holds = program.condition.as_ref().is_none_or(|c| c.evaluate(&known) == Some(true));
                *(if holds { &mut outcome.positive } else { &mut outcome.negative }) += 1;
            }
        }
        ControlFlow::Continue(())
    })?;
    tally.executions += statistics.executions;
    tally.wrong.extend(wrong);
    Ok(statistics.is_complete.then(|| outcome.verdict()))
}

fn final_value(program: &Program, found: &Found<'_>, observable: Observable) -> Value {
    let location = match observable {
        Observable::Register(thread, register) => return found.results(thread as usize)[register as usize],
        Observable::Location(location) => location,
    };
    let execution = found.execution();
    let is_write = |e: &usize| execution.events[*e].label.is_write() && execution.events[*e].location == Some(location);
    let is_last = |e: &usize| !execution.co.iter().any(|&(a, _)| a as usize == *e);
    let last = (0..execution.events.len()).filter(is_write).find(is_last);
    last.and_then(|e| execution.events[e].value).unwrap_or(program.locations[location as usize].init)
}

#[test]
fn what_shows_in_the_corpus_is_in_the_syntax() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        println!("SKIPPED: the shared corpus is not here");
        return;
    }
    let seconds = std::env::var("LKMM_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0.3);
    let limit = Duration::from_secs_f64(seconds);
    let (mut tally, mut otherwise) = (Tally::default(), Vec::new());
    for part in ["kernel", "sample"] {
        let folder = corpus.join(part);
        let records = std::fs::read_to_string(folder.join("expected.jsonl")).unwrap();
        for record in records.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()) {
            let (Some(file), "ok" | "gave up") = (record["file"].as_str(), record["herd"].as_str().unwrap()) else {
                continue;
            };
            let source = std::fs::read_to_string(folder.join("tests").join(file)).unwrap();
            let test = parse(&source, &Options::default()).expect("herd7 reads it");
            match explore(&test.program, limit, &mut tally) {
                Ok(None) => tally.late.push(file.into()),
                Err(OpenError::MixedLock(_) | OpenError::StrayUnlock { .. }) => tally.refused.push(file.into()),
                Err(error) => panic!("{file}: {error}"),
                Ok(Some(verdict)) => {
                    tally.finished += 1;
                    let found = format!("{verdict:?}");
                    if record["verdict"].as_str().is_some_and(|recorded| recorded != found) {
                        otherwise.push((file.to_string(), found));
                    }
                }
            }
        }
    }
    let Tally { finished, executions, edges, wrong, late, refused } = tally;
    println!("{finished} tests, {executions} executions, {edges} observed dependencies");
    assert!(wrong.is_empty(), "observed dependencies that the syntax does not show: {wrong:#?}");
    println!("not finished: {late:#?}\nrefused: {refused:#?}\notherwise: {otherwise:#?}");
    let expected = OTHERWISE.iter().filter(|(file, _)| !late.iter().any(|name| name == file));
    let expected: Vec<(String, String)> = expected.map(|&(file, verdict)| (file.into(), verdict.into())).collect();
    assert_eq!(otherwise, expected);
    assert!(finished > 1_000, "nearly all tests are small");
}

//! The tests in `litmus/` through the open search: the states, counts and flags of the closed search.
//!
//! The exceptions are tests that have executions out of thin air: those are not grounded, and the open search must find
//! the executions that `lkmm-naive` finds by the definition. `LKMM_LITMUS` names another folder of tests to run, of which
//! each may take `LKMM_SECONDS`.

use lkmm_litmus::parse;
use lkmm_model::models;
use lkmm_model::program::Program;
use lkmm_naive::enumerate_grounded;
use lkmm_search::open::{self, ClosedProgram, DependencyMode, OpenError};
use lkmm_search::{Options, Outcome, SearchError, search};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Tests of ordinary accesses to locks, and of an unlock without lock, outside of `flags/`.
const REFUSED: [&str; 3] = [
    "locks/is-locked-after-own-store.litmus",
    "locks/plain-store-inside-own-section.litmus",
    "locks/unlock-without-lock-tells-of-co.litmus",
];

/// The tests of `litmus/` in which the grounded executions are not those of the closed search.
const OUT_OF_THIN_AIR: [&str; 10] = [
    "dependencies/LB+addr-plain+data.litmus",
    "dependencies/LB+addr-plain-read-wmb+data.litmus",
    "dependencies/LB+ctrl-after-join+data.litmus",
    "plain/LB+ctrl-plain+ctrl.litmus",
    "thin-air/LB+plain-ctrl+plain-ctrl.litmus",
    "thin-air/LB+plain-data+plain-data-number.litmus",
    "thin-air/LB+plain-data+plain-data.litmus",
    "thin-air/cmpxchg-guesses.litmus",
    "thin-air/half-marked.litmus",
    "thin-air/operation-on-a-symbol.litmus",
];

fn litmus_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder of litmus tests can be read");
    for entry in entries {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            litmus_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "litmus") {
            into.push(path);
        }
    }
}

fn words(outcome: &Outcome) -> String {
    let Outcome { positive, negative, states, flags, truncated, .. } = outcome;
    format!("{positive} {negative} {states:?} {flags:?} truncated: {truncated}")
}

/// Does the open search find each execution that the definition allows, once?
fn follows_the_definition(program: &Program) -> bool {
    let mut executions: BTreeMap<String, u64> = BTreeMap::new();
    enumerate_grounded(program, 100_000, &mut |x| *executions.entry(format!("{x:?}")).or_default() += 1)
        .expect("these tests are small");
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    let options = open::Options::new(models::lkmm());
    let record = &mut |f: &open::Found<'_>| {
        *found.entry(format!("{:?}", f.execution())).or_default() += 1;
        ControlFlow::Continue(())
    };
    open::explore(&mut ClosedProgram::new(program), &options, record).is_ok() && found == executions
}

#[test]
fn litmus_tests_come_out_as_in_the_closed_search() {
    let other = std::env::var_os("LKMM_LITMUS").map(PathBuf::from);
    let root = other.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus"));
    let mut files = Vec::new();
    litmus_files(&root, &mut files);
    files.sort();
    let (mut same, mut refused, mut differ, mut late) = (0, Vec::new(), Vec::new(), Vec::new());
    for file in files {
        let source = std::fs::read_to_string(&file).expect("a litmus test can be read");
        let Ok(test) = parse(&source, &lkmm_litmus::Options::default()) else { continue };
        let Ok(closed) = search(&test.program, &Options::new(models::lkmm())) else { continue };
        let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        let seconds = std::env::var("LKMM_SECONDS").ok().and_then(|s| s.parse().ok());
        let options = Options { deadline: seconds.map(Duration::from_secs), ..Options::new(models::lkmm()) };
        match open::search(&test.program, &options, DependencyMode::Declared) {
            Err(SearchError::Timeout(_)) => late.push(name),
            Ok(open) if words(&open) == words(&closed) => same += 1,
            Ok(open) => {
                let (closed, open) = (words(&closed), words(&open));
                assert!(follows_the_definition(&test.program), "{name}\nclosed: {closed}\nopen:   {open}");
                differ.push(name);
            }
            Err(SearchError::Open(OpenError::MixedLock(_) | OpenError::StrayUnlock { .. })) => refused.push(name),
            Err(error) => panic!("{name}: {error}"),
        }
    }
    println!("{same} tests agree; {} are refused: {refused:?}; not grounded: {differ:?}", refused.len());
    println!("not finished in time: {late:#?}");
    if other.is_none() {
        assert_eq!(differ, OUT_OF_THIN_AIR);
        assert!(refused.iter().all(|name| name.starts_with("flags/") || REFUSED.contains(&&**name)), "{refused:?}");
    }
}

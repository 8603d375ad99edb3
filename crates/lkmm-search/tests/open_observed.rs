//! Observed dependencies, on the tests in `litmus/`.
//!
//! Every dependency that shows must be one that the syntax shows: an exploration that adds the observed ones to those of
//! the test finds the same executions. And where a test comes out otherwise with the observed dependencies alone, that is
//! because a dependency carries nothing: these tests are listed. `LKMM_LITMUS` names another folder of tests to run, of
//! which each may take `LKMM_SECONDS` (default 10).

use lkmm_litmus::parse;
use lkmm_model::models;
use lkmm_model::program::Program;
use lkmm_search::open::{self, ClosedProgram, DependencyMode, Ending};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Tests with dependencies that carry nothing: a branch that is always taken, or both arms of which do the same; a sum or a
/// product that is the same whatever the load returns; a pointer that is compared with the only address that it leads to.
const FALSE_DEPENDENCIES: [&str; 7] = [
    "dependencies/LB+ctrl+data.litmus",
    "dependencies/LB+ctrl-both-arms+data.litmus",
    "dependencies/false-ctrl-self-equal.litmus",
    "dependencies/false-data-minus.litmus",
    "dependencies/false-data-times-zero.litmus",
    "dependencies/false-data-xor.litmus",
    "plain/handover-write-then-write+addr.litmus",
];

fn litmus_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder of litmus tests can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() {
            litmus_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "litmus") {
            into.push(path);
        }
    }
}

/// The executions, with how often each was found, and the final values of threads and locations; `None` if that takes too long
/// or is refused.
fn explore(
    mut program: ClosedProgram<'_>,
    dependencies: DependencyMode,
) -> Option<(BTreeMap<String, u64>, BTreeSet<String>)> {
    let seconds = std::env::var("LKMM_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(10);
    let deadline = Some(Instant::now() + Duration::from_secs(seconds));
    let options = open::Options { dependencies, deadline, ..open::Options::new(models::lkmm()) };
    let (mut executions, mut results) = (BTreeMap::new(), BTreeSet::new());
    let statistics = open::explore(&mut program, &options, &mut |found| {
        if *found.ending() == Ending::Complete {
            *executions.entry(format!("{:?} {:?}", found.execution(), found.flags())).or_default() += 1;
            let threads: Vec<_> = (0..found.threads()).map(|thread| found.results(thread)).collect();
            let x = found.execution();
            let is_last = |e: &usize| !x.co.iter().any(|&(a, _)| a as usize == *e);
            let last = (0..x.events.len()).filter(is_last).map(|e| &x.events[e]).filter(|e| !e.label.is_read());
            let last: BTreeSet<_> = last.filter_map(|e| Some(format!("{:?} {:?}", e.location?, e.value?))).collect();
            results.insert(format!("{threads:?} {last:?}"));
        }
        ControlFlow::Continue(())
    });
    statistics.is_ok_and(|s| s.is_complete).then_some((executions, results))
}

#[test]
fn what_shows_is_in_the_syntax() {
    let other = std::env::var_os("LKMM_LITMUS").map(PathBuf::from);
    let root = other.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus"));
    let mut files = Vec::new();
    litmus_files(&root, &mut files);
    files.sort();
    let (mut compared, mut differ, mut wrong) = (0, Vec::new(), Vec::new());
    for file in files {
        let source = std::fs::read_to_string(&file).expect("a litmus test can be read");
        let Ok(test) = parse(&source, &lkmm_litmus::Options::default()) else { continue };
        let program: &Program = &test.program;
        let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
        let Some(syntactic) = explore(ClosedProgram::new(program), DependencyMode::Declared) else { continue };
        let Some(both) = explore(ClosedProgram::new(program), DependencyMode::Observed) else { continue };
        let none = ClosedProgram::without_dependencies(program);
        let Some(observed) = explore(none, DependencyMode::Observed) else { continue };
        compared += 1;
        if syntactic.0 != both.0 {
            wrong.push(name.clone());
        }
        assert!(observed.1.is_superset(&syntactic.1), "{name}: an observed dependency forbids what the syntax allows");
        if observed.1 != syntactic.1 {
            differ.push(name);
        }
    }
    println!("{compared} tests; otherwise with observed dependencies: {differ:#?}");
    assert_eq!(wrong, [""; 0], "observed dependencies that the syntax does not show");
    if other.is_none() {
        assert_eq!(differ, FALSE_DEPENDENCIES);
    }
}

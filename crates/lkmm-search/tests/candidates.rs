//! Candidates are those of the naive enumerator: all of them, and none twice.

use lkmm_model::algebra::{Arena, BaseRelation};
use lkmm_model::models::{self, Model};
use lkmm_naive::{Judgement, Limits, enumerate};
use lkmm_search::{Coherence, Options, candidates, executions};
use std::ops::ControlFlow;
use std::path::Path;

/// A model that asks for sequential consistency at each location, or for nothing.
fn model(coherence: Coherence) -> Model {
    let m = Arena::default();
    if coherence == Coherence::Kept {
        let [po, loc, rf, co] =
            [BaseRelation::Po, BaseRelation::Loc, BaseRelation::Rf, BaseRelation::Co].map(|r| m.relation(r));
        m.acyclic((po & loc) | rf | co | rf.inverse().then(co), "coherence");
    }
    Model::new("candidates", "", m.finish())
}

fn agree(folder: &str, coherence: Coherence) -> usize {
    let model = model(coherence);
    let judge = |execution: &_| {
        let violated = model.judge(execution).violated;
        Judgement { consistent: violated.is_none(), violated, flags: Vec::new() }
    };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus").join(folder);
    let mut compared = 0;
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        let source = std::fs::read_to_string(&path).expect("it is text");
        let test = lkmm_litmus::parse(&source, &lkmm_litmus::Options::default()).expect("it is well-formed");
        let Ok(expected) = enumerate(&test.program, &judge, &Limits { candidates: 20_000 }) else { continue };
        if expected.truncated {
            continue;
        }
        for (holds, expected) in [(true, expected.positive), (false, expected.negative)] {
            let (mut found, mut known) = (0, Vec::new());
            let options = Options::new(models::lkmm());
            let searched = candidates(&test.program, &options, holds, coherence, &mut |execution| {
                found += 1;
                if known.len() < 100 {
                    assert!(!known.contains(&execution), "{} twice", path.display());
                    known.push(execution);
                }
                ControlFlow::Continue(())
            });
            assert_eq!(searched, Ok(()), "{}", path.display());
            assert_eq!(found, expected, "{} {holds} {coherence:?}", path.display());
            compared += 1;
        }
    }
    compared
}

#[test]
fn coherent_candidates_are_all_there() {
    let folders = ["classics", "fences", "dependencies", "propagation", "rcu", "srcu", "atomicity", "rust"];
    let compared: usize = folders.into_iter().map(|folder| agree(folder, Coherence::Kept)).sum();
    assert!(compared > 200, "{compared}");
}

#[test]
fn incoherent_candidates_are_all_there() {
    let compared: usize = ["coherence", "classics"].into_iter().map(|folder| agree(folder, Coherence::Ignored)).sum();
    assert!(compared > 40, "{compared}");
}

#[test]
fn executions_are_those_that_are_counted() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus");
    let mut compared = 0;
    for file in
        ["classics/SB.litmus", "rcu/MP+reader+sync.litmus", "locks/mutual-exclusion.litmus", "coherence/CoRR.litmus"]
    {
        let source = std::fs::read_to_string(folder.join(file)).expect("it is text");
        let test = lkmm_litmus::parse(&source, &lkmm_litmus::Options::default()).expect("it is well-formed");
        let options = Options::new(models::lkmm());
        let outcome = lkmm_search::search(&test.program, &options).expect("it is small");
        let mut states = std::collections::BTreeMap::new();
        let searched = executions(&test.program, &options, &mut |execution| {
            assert_eq!(models::lkmm().judge(&execution).violated, None, "{file}");
            *states.entry(execution.finals).or_insert(0) += 1;
            ControlFlow::Continue(())
        });
        assert_eq!(searched, Ok(()), "{file}");
        assert_eq!(states, outcome.states, "{file}");
        compared += states.len();
    }
    assert!(compared > 8, "{compared}");
}

//! The tests named in the comments of `models/lkmm.rs` show what the comments say.
//!
//! Without the relation, the axiom or the flag below a comment, one of the tests named in it comes out otherwise.
//! Executions are enumerated naively, for the search takes coherence for granted.

use lkmm_model::algebra::{BaseRelation, Definition, Node};
use lkmm_model::models::{self, Model};
use lkmm_naive::{Counts, Judgement, Limits, enumerate};
use std::path::Path;

/// What is taken out of the model.
#[derive(Debug)]
enum Part {
    Relation(String),
    Axiom(String),
    Flag(String),
}

/// What no test can show: `spin_lock()` always makes both halves.
const NOT_SHOWN: [&str; 2] = ["unpaired-LKW", "unpaired-LKR"];

/// The tests that a line of a comment names.
fn named(comment: &str) -> impl Iterator<Item = String> {
    comment.split('`').skip(1).step_by(2).filter(|word| word.contains('/')).map(str::to_owned)
}

/// The parts of a model's source with the tests that the last comment above them which names any does.
fn parts(source: &str) -> Vec<(Part, Vec<String>)> {
    let mut found = Vec::new();
    let mut tests: Vec<String> = Vec::new();
    let mut fresh = true;
    for line in source.lines().map(str::trim) {
        if let Some(comment) = line.strip_prefix("// ") {
            if fresh && named(comment).next().is_some() {
                tests.clear();
                fresh = false;
            }
            tests.extend(named(comment));
        } else {
            fresh = true;
            let name = || line.rsplit('"').nth(1).expect("it is named").to_owned();
            let axiom = ["m.acyclic(", "m.irreflexive(", "m.empty("].iter().any(|start| line.starts_with(start));
            let part = if line.contains(".named(\"") {
                Some(Part::Relation(name()))
            } else if axiom {
                Some(Part::Axiom(name()))
            } else if line.starts_with("m.flag(") {
                Some(Part::Flag(name()))
            } else {
                None
            };
            found.extend(part.map(|part| (part, tests.clone())));
        }
    }
    found
}

/// The definition without a part of it.
fn without(mut definition: Definition, part: &Part) -> Definition {
    match part {
        Part::Axiom(name) => definition.axioms.retain(|axiom| axiom.name != name),
        Part::Flag(name) => definition.flags.retain(|flag| flag.name != name),
        Part::Relation(name) => {
            let po = Node::Relation(BaseRelation::Po);
            let po = definition.nodes.iter().position(|&node| node == po).expect("every model speaks of po") as u32;
            for &(_, node) in definition.names.iter().filter(|(known, _)| known == name) {
                definition.nodes[node as usize] = Node::Minus(po, po);
            }
        }
    }
    definition
}

fn answer(test: &str, model: &Model) -> Counts {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../litmus/{test}.litmus"));
    let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{test}: {error}"));
    let options = lkmm_litmus::Options::default();
    let test = lkmm_litmus::parse(&source, &options).expect("the tests in litmus/ are well-formed");
    let judge = |execution: &_| {
        let models::Judgement { violated, flags } = model.judge(execution);
        Judgement { consistent: violated.is_none(), violated, flags }
    };
    enumerate(&test.program, &judge, &Limits::default()).expect("the tests in litmus/ are small")
}

/// The source of a model.
fn source(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lkmm-model/src/models").join(file);
    std::fs::read_to_string(&path).expect("the model has a source")
}

#[test]
fn tests_named_beside_a_relation_show_it() {
    let parts = parts(&source("lkmm.rs"));
    assert!(parts.len() > 50, "the whole model is read");
    let is_shown = |(part, tests): &(Part, Vec<String>)| {
        let (Part::Relation(name) | Part::Axiom(name) | Part::Flag(name)) = part;
        let mutilated = Model::new("mutilated", "", without(models::lkmm().definition().clone(), part));
        let shows = |test: &String| answer(test, &mutilated) != answer(test, models::lkmm());
        tests.iter().any(shows) || NOT_SHOWN.contains(&&**name)
    };
    let wrong: Vec<_> = parts.iter().filter(|part| !is_shown(part)).collect();
    assert!(wrong.is_empty(), "no test shows {wrong:#?}");
}

#[test]
fn tests_named_beside_the_axioms_of_locks_are_there() {
    // Whether they show the axiom cannot be asked: no enumerator builds what these rule out.
    let source = source("locks.rs");
    let comments = source.lines().filter_map(|line| line.trim().strip_prefix("// "));
    let tests: Vec<_> = comments.flat_map(named).collect();
    assert!(tests.len() > 2);
    tests.iter().for_each(|test| drop(answer(test, models::lkmm())));
}

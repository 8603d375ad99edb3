//! Least sets by trying everything: what the search for them must come to.

use super::candidates::{Candidates, Change};
use super::oracle::Oracle;
use super::{Goal, Repaired, repair};
use crate::{Settings, check};
use lkmm_model::cost::Architecture;
use lkmm_model::models;
use lkmm_report::Quantifier;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Strengthenings that a test may have for this.
const MANY: usize = 10;

fn tests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        match path.is_dir() {
            true => found.extend(tests(&path)),
            false if path.extension().is_some_and(|extension| extension == "litmus") => found.push(path),
            false => {}
        }
    }
    found.sort();
    found
}

/// Does what a test does not want happen? By a search of all executions.
fn happens(text: &str, quantifier: Quantifier) -> bool {
    let report = check("changed.litmus", text, &Settings::new(models::lkmm()));
    let outcome = report.outcome().expect("it can be checked");
    (if quantifier == Quantifier::Forall { outcome.negative } else { outcome.positive }) > 0
}

/// The least sets of changes after which it does not, by trying all sets of changes; `None` for tests with too many of them.
/// Checks besides that a set that is at least as strong as one that is enough is enough.
fn by_force(source: &str) -> Option<BTreeSet<String>> {
    let settings = Settings::new(models::lkmm());
    let oracle = Oracle::new(&settings);
    let read = oracle.read(source).ok()?;
    let quantifier = read.test.quantifier;
    let candidates = Candidates::find(source, &read, Architecture::Aarch64, &oracle).ok()?;
    let count = candidates.order.count();
    if count > MANY || !happens(source, quantifier) {
        return None;
    }
    let is_at_most = |a: &[usize], b: &[usize]| candidates.order.is_at_most(a, b);
    // Of the sets that stand for the same, the one that has nothing to spare.
    let members = |bits: u32| (0..count).filter(|n| bits >> n & 1 == 1).collect::<Vec<usize>>();
    let has_spare = |set: &[usize]| set.iter().any(|&a| set.iter().any(|&b| a != b && is_at_most(&[a], &[b])));
    let sets: Vec<Vec<usize>> = (0..1u32 << count).map(members).filter(|set| !has_spare(set)).collect();
    let text = |set: &[usize]| candidates.source(&candidates.chosen(set)).expect("it can be written");
    let is_enough: Vec<bool> = sets.iter().map(|set| !happens(&text(set), quantifier)).collect();
    let mut least = BTreeSet::new();
    for (set, _) in sets.iter().zip(&is_enough).filter(|(_, enough)| **enough) {
        let mut is_least = true;
        for (other, &enough) in sets.iter().zip(&is_enough) {
            assert!(enough || !is_at_most(set, other), "{set:?} is enough, {other:?} not: {:?}", candidates.changes);
            is_least &= !(enough && other != set && is_at_most(other, set));
        }
        if is_least {
            least.insert(text(set));
        }
    }
    Some(least)
}

#[test]
fn all_least_sets_are_found() {
    let litmus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus");
    let (mut compared, mut sets) = (0, 0);
    for path in tests(&litmus) {
        let source = std::fs::read_to_string(&path).expect("it is text");
        let Some(least) = by_force(&source) else { continue };
        let found = repair(&source, &Settings::new(models::lkmm()), Architecture::Aarch64, Goal::Condition)
            .expect("it can be checked");
        let proposals = match found.result {
            Repaired::Proposals { proposals, complete: true } => proposals,
            Repaired::Proposals { complete: false, .. } => panic!("{}: there is no budget", path.display()),
            _ => Vec::new(),
        };
        let texts: BTreeSet<String> = proposals.into_iter().map(|proposal| proposal.source).collect();
        assert_eq!(texts, least, "{}", path.display());
        compared += 1;
        sets += least.len();
    }
    assert!(compared >= 100 && sets >= 200, "{compared} tests, {sets} sets");
}

#[test]
fn what_is_left_out_does_what_another_one_does() {
    // Of two that order the same pairs in the same way, one is left out: by themselves, and with each other strengthening, both must come to the same.
    let litmus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus");
    let settings = Settings::new(models::lkmm());
    let mut left_out = 0;
    for path in tests(&litmus) {
        let source = std::fs::read_to_string(&path).expect("it is text");
        let oracle = Oracle::new(&settings);
        let Ok(read) = oracle.read(&source) else { continue };
        let quantifier = read.test.quantifier;
        let candidates = Candidates::find(&source, &read, Architecture::Aarch64, &oracle).expect("there is no budget");
        if candidates.changes.len() > 3 * MANY || candidates.same.is_empty() || !happens(&source, quantifier) {
            continue;
        }
        for (change, kept) in &candidates.same {
            let others = std::iter::once(None).chain(candidates.changes.iter().map(Some));
            for other in others.filter(|other| *other != Some(kept)) {
                let with = |change: &Change| {
                    let changes: Vec<Change> = std::iter::once(change).chain(other).cloned().collect();
                    happens(&candidates.source(&changes).expect("it can be written"), quantifier)
                };
                assert_eq!(with(change), with(kept), "{}: {change:?} and {kept:?} with {other:?}", path.display());
            }
            left_out += 1;
        }
    }
    assert!(left_out >= 100, "{left_out} left out");
}

#[test]
fn a_strengthening_that_orders_the_same_as_another_is_left_out() {
    // Two places for a fence between the reads; between them is only a write.
    let source = "C MP\n{}\nP0(int *x, int *y) { smp_store_release(y, 1); }\n\
        P1(int *x, int *y) { int r0 = READ_ONCE(*y); WRITE_ONCE(*x, 1); int r1 = READ_ONCE(*y); }\nexists (1:r0=1 /\\ x=0)";
    let settings = Settings::new(models::lkmm());
    let oracle = Oracle::new(&settings);
    let read = oracle.read(source).expect("it can be read");
    let found = Candidates::find(source, &read, Architecture::Aarch64, &oracle).expect("there is no budget");
    let is = |fence| {
        found.changes.iter().filter(|change| matches!(change, Change::Fence(other, _) if *other == fence)).count()
    };
    use lkmm_model::event::Fence;
    assert_eq!((is(Fence::Rmb), is(Fence::Wmb), is(Fence::Mb)), (1, 0, 2));
}

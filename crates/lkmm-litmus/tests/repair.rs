//! Repairs and weakenings, checked again: each proposed text is read and searched like any other test, all executions of it. (That the least sets are
//! all of them is compared with trying everything, in `src/repair/force.rs`.)

use lkmm_litmus::repair::{Edit, Goal, Kind, Repair, Repaired, Step, apply, repair, weaken};
use lkmm_litmus::{Settings, check};
use lkmm_model::cost::Architecture;
use lkmm_model::models;
use lkmm_report::Quantifier;
use lkmm_search::Outcome;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Every test in a folder, and in those within.
fn tests(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(tests(&path));
        } else if path.extension().is_some_and(|extension| extension == "litmus") {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn own() -> Vec<PathBuf> {
    tests(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus"))
}

/// Some of the tests that others wrote, if they are there.
fn corpus() -> Vec<PathBuf> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        eprintln!("skipped: there is no {}", corpus.display());
        return Vec::new();
    }
    tests(&corpus).into_iter().step_by(13).collect()
}

fn settings() -> Settings {
    Settings { timeout: Some(Duration::from_secs(5)), ..Settings::new(models::lkmm()) }
}

/// All executions of a source.
fn searched(source: &str) -> Option<Outcome> {
    let report = check("changed.litmus", source, &settings());
    assert!(report.test.is_some(), "it cannot be read: {:?}\n{source}", report.answer);
    report.outcome().cloned()
}

/// Executions that a test does not want.
fn unwanted(outcome: &Outcome, quantifier: Quantifier) -> u64 {
    if quantifier == Quantifier::Forall { outcome.negative } else { outcome.positive }
}

fn happens(source: &str, quantifier: Quantifier) -> Option<bool> {
    searched(source).map(|outcome| unwanted(&outcome, quantifier) > 0)
}

/// A source with the changes of some steps.
fn with<'a>(source: &str, steps: impl Iterator<Item = &'a Step>) -> String {
    let edits: Vec<Edit> = steps.flat_map(|step| step.edits.clone()).collect();
    apply(source, &edits)
}

/// The same step with less: a weaker fence, half of a full read-modify-write.
fn weaker(step: &Step) -> Vec<Step> {
    let with = |from: &str, to: &str| Step {
        edits: step.edits.iter().map(|edit| Edit { text: edit.text.replace(from, to), ..edit.clone() }).collect(),
        ..step.clone()
    };
    if matches!(step.kind, Kind::Fence { .. }) && step.after == "smp_mb();" {
        return vec![with("smp_mb", "smp_wmb"), with("smp_mb", "smp_rmb")];
    }
    let is_full = |edit: &Edit| edit.text == "Full";
    if step.edits.iter().any(is_full) {
        let halves = ["Acquire", "Release"].into_iter().filter(|half| !step.before.contains(half));
        return halves.map(|half| with("Full", half)).collect();
    }
    Vec::new()
}

/// Looks for repairs of a test, checks the first of them, and returns how many.
fn check_repairs(path: &Path, most: usize) -> Option<(Repair, usize)> {
    let source = std::fs::read(path).expect("it can be read");
    let source = String::from_utf8_lossy(&source).into_owned();
    let name = path.display();
    let found = repair(&source, &settings(), Architecture::Aarch64, Goal::Condition).ok()?;
    let before = searched(&source)?;
    let quantifier = found.quantifier;
    assert_eq!(before.verdict(), found.verdict, "{name}");
    assert_eq!(before.flags.contains("data-race"), found.race, "{name}");
    let is_unwanted = unwanted(&before, quantifier) > 0;
    assert_eq!(is_unwanted, found.result != Repaired::Unneeded, "{name}");
    let Repaired::Proposals { proposals, .. } = &found.result else { return Some((found, 0)) };
    for proposal in proposals.iter().take(most) {
        assert_eq!(with(&source, proposal.steps.iter()), proposal.source, "{name}");
        let Some(after) = searched(&proposal.source) else { continue };
        assert_eq!(unwanted(&after, quantifier), 0, "{name} is not repaired:\n{}", proposal.source);
        assert_eq!(Some(after.flags.contains("data-race")), proposal.race, "{name}");
        assert!(found.race || proposal.race == Some(false), "{name}: a race is new:\n{}", proposal.source);
        assert!(after.flags.is_subset(&before.flags), "{name}: {:?}", after.flags);
        for (left_out, step) in proposal.steps.iter().enumerate() {
            let mut others = proposal.steps.clone();
            others.remove(left_out);
            let fewer = with(&source, others.iter());
            assert_ne!(happens(&fewer, quantifier), Some(false), "{name}: enough without {step:?}");
            for weaker in weaker(step) {
                let less = with(&source, others.iter().chain([&weaker]));
                assert_ne!(happens(&less, quantifier), Some(false), "{name}: enough with {weaker:?}");
            }
        }
    }
    assert!(proposals.windows(2).all(|pair| pair[0].cost <= pair[1].cost), "{name}: the cheapest first");
    let count = proposals.len();
    Some((found, count))
}

/// Looks for weakenings of a test, checks all of them, and returns how many.
fn check_weakenings(path: &Path) -> Option<usize> {
    let source = std::fs::read(path).expect("it can be read");
    let source = String::from_utf8_lossy(&source).into_owned();
    let name = path.display();
    let found = weaken(&source, &settings(), Architecture::Aarch64).ok()?;
    let before = searched(&source)?;
    let same = |text: &str| {
        let Some(after) = searched(text) else { return };
        assert_eq!((after.verdict(), &after.flags), (before.verdict(), &before.flags), "{name}:\n{text}");
    };
    assert_eq!(before.verdict(), found.verdict, "{name}");
    for weakening in &found.each {
        assert_eq!(with(&source, [&weakening.step].into_iter()), weakening.source, "{name}");
        same(&weakening.source);
    }
    assert_eq!(with(&source, found.together.iter()), found.source, "{name}");
    same(&found.source);
    if found.complete {
        let again = weaken(&found.source, &settings(), Architecture::Aarch64).expect("it could be checked before");
        assert!(again.each.is_empty() || !again.complete, "{name}: more can be relaxed: {:?}", again.each);
    }
    Some(found.each.len())
}

#[test]
fn proposals_forbid_and_nothing_less_does() {
    let (mut repaired, mut sequential) = (0, 0);
    for path in own() {
        let (found, count) = check_repairs(&path, 12).unwrap_or_else(|| panic!("{}", path.display()));
        repaired += usize::from(count > 0);
        sequential += usize::from(found.result == Repaired::Sequential);
        if let Repaired::Proposals { complete, .. } = found.result {
            assert!(complete, "{}", path.display());
        }
    }
    assert!(repaired >= 60 && sequential >= 60, "{repaired} repaired, {sequential} sequentially consistent");
}

#[test]
fn weakenings_keep_the_verdict() {
    let weakened = |path: &PathBuf| check_weakenings(path).unwrap_or_else(|| panic!("{}", path.display()));
    let count = own().iter().filter(|path| weakened(path) > 0).count();
    assert!(count >= 60, "{count} weakened");
}

#[test]
fn tests_of_others_are_repaired_and_weakened() {
    let corpus = corpus();
    let repaired = corpus.iter().filter_map(|path| check_repairs(path, 3)).filter(|(_, count)| *count > 0).count();
    let weakened = corpus.iter().filter_map(|path| check_weakenings(path)).filter(|count| *count > 0).count();
    assert!(corpus.is_empty() || repaired >= 20 && weakened >= 20, "{repaired} repaired, {weakened} weakened");
}

#[test]
fn costs_decide_what_comes_first() {
    let source = "C MP\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); WRITE_ONCE(*y, 1); }\n\
        P1(int *x, int *y) { int r0 = READ_ONCE(*y); int r1 = READ_ONCE(*x); }\nexists (1:r0=1 /\\ 1:r1=0)";
    let first = |arch| {
        let found = repair(source, &settings(), arch, Goal::Condition).expect("it can be checked");
        let Repaired::Proposals { proposals, .. } = found.result else { panic!("it can be repaired") };
        proposals[0].steps.iter().map(|step| step.after.clone()).collect::<Vec<_>>()
    };
    assert_eq!(first(Architecture::Aarch64), ["smp_store_release(y, 1)", "READ_ONCE(*(x + (r0 != r0)))"]);
    assert_eq!(first(Architecture::X86_64)[1], "smp_load_acquire(y)", "it costs nothing there");
}

#[test]
fn places_in_branches_and_in_both_languages_are_tried() {
    let rust = "Rust MP\n{}\nfn P0(x: &Atomic<i32>, y: &Atomic<i32>) {\n    x.store(1, Relaxed);\n    y.store(1, Relaxed);\n}\n\
        P1(int *x, int *y) {\n\tint r0;\n\tint r1;\n\tr0 = READ_ONCE(*y);\n\tif (r0)\n\t\tr1 = READ_ONCE(*x);\n}\n\
        exists (1:r0=1 /\\ 1:r1=0)";
    let found = repair(rust, &settings(), Architecture::Aarch64, Goal::Condition).expect("it can be checked");
    let Repaired::Proposals { proposals, .. } = found.result else { panic!("it can be repaired") };
    let has = |text: &str| proposals.iter().any(|proposal| proposal.source.contains(text));
    assert!(has("y.store(1, Release);") && has("    smp_wmb();\n    y.store"));
    assert!(has("{ smp_rmb();\n\t\tr1 = READ_ONCE(*x); }"), "a branch without braces gets some");
    assert!(proposals.iter().all(|proposal| searched(&proposal.source).is_some_and(|outcome| outcome.positive == 0)));
}

#[test]
fn races_are_ended_where_that_is_asked_for() {
    let race = "C race\n{}\nP0(int *x, int *y) { *x = 1; WRITE_ONCE(*y, 1); }\n\
        P1(int *x, int *y) { int r0 = READ_ONCE(*y); int r1 = 0; if (r0) { r1 = *x; } }\nexists (1:r0=2)";
    let found = repair(race, &settings(), Architecture::Aarch64, Goal::Condition).expect("it can be checked");
    assert_eq!((found.result, found.race), (Repaired::Unneeded, true));
    let found = repair(race, &settings(), Architecture::Aarch64, Goal::ConditionAndRaces).expect("it can be checked");
    let Repaired::Proposals { proposals, complete: true } = found.result else { panic!("it can be repaired") };
    assert!(!proposals.is_empty() && proposals.iter().all(|proposal| proposal.race == Some(false)));
    assert!(proposals.iter().all(|proposal| searched(&proposal.source).is_some_and(|found| found.flags.is_empty())));
}

#[test]
fn fences_go_from_where_nothing_else_stands() {
    let source = "C alone\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); if (1) { smp_mb(); } WRITE_ONCE(*y, 1); }\n\
        P1(int *x) {\n\tint r0 = READ_ONCE(*x);\n\tif (r0)\n\t\tsmp_mb();\n\tsmp_rmb(); /* why? */\n\tsmp_wmb();\n}\nexists (1:r0=2)";
    let found = weaken(source, &settings(), Architecture::Aarch64).expect("it can be checked");
    assert_eq!((found.orderings, found.together.len(), found.complete), (4, 4, true));
    // C has no empty block, and no empty branch.
    assert!(found.source.contains("if (1) { barrier(); }") && found.source.contains("if (r0)\n\t\tbarrier();"));
    assert!(found.source.contains("\n\t/* why? */\n}"), "{}", found.source);
}

#[test]
fn halves_of_an_update_are_enough_where_they_are() {
    let source = "C LB\n{}\nP0(int *x, int *y) { int r0 = READ_ONCE(*x); int r1 = xchg(y, 1); }\n\
        P1(int *x, int *y) { int r0 = xchg(y, 2); WRITE_ONCE(*x, 1); }\nexists (0:r0=1 /\\ 1:r0=1)";
    let found = weaken(source, &settings(), Architecture::Riscv64).expect("it can be checked");
    assert!(
        found.source.contains("xchg_release(y, 1)") && found.source.contains("xchg_acquire(y, 2)"),
        "{}",
        found.source
    );
    let relaxed = source.replace("xchg", "xchg_relaxed");
    let found = repair(&relaxed, &settings(), Architecture::Riscv64, Goal::Condition).expect("it can be checked");
    let Repaired::Proposals { proposals, complete: true } = found.result else { panic!("it can be repaired") };
    assert!(proposals.iter().any(|proposal| proposal.source.contains("xchg_release(y, 1)")));
    assert!(!proposals.iter().any(|proposal| proposal.source.contains("xchg(")), "one half is enough");
}

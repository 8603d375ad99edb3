//! Explanations, checked against a second implementation of the model: each edge is in its relation, edges follow each other, a cycle closes, and the
//! axiom is the one that is violated; what is said to be missing forbids the execution.

use lkmm_litmus::{Settings, check};
use lkmm_model::change::{Change, apply};
use lkmm_model::explain::{Form, Link, Violation};
use lkmm_model::graph::Execution;
use lkmm_model::missing::Mend;
use lkmm_model::models;
use lkmm_model::program::Observable;
use lkmm_naive::Relations;
use lkmm_report::explanation::{Allowed, Explanation, Forbidden};
use lkmm_report::{Palette, Report};
use lkmm_search::Verdict;
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

fn litmus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus")
}

fn explained(path: &Path, model: &str) -> Report {
    let source = std::fs::read_to_string(path).expect("it is text");
    let model = models::by_name(model).expect("there is such a model");
    check(path.display().to_string(), source, &Settings { explain: true, ..Settings::new(model) })
}

/// What needs no further reasons.
const ATOMS: [&str; 21] = [
    "po",
    "po_loc",
    "loc",
    "rf",
    "rfe",
    "rfi",
    "co",
    "fr",
    "rmw",
    "addr",
    "data",
    "ctrl",
    "acq_po",
    "po_rel",
    "rmb",
    "wmb",
    "mb",
    "gp",
    "po_unlock_lock_po",
    "rcu_rscs",
    "srcu_rscs",
];

/// Is a link, with all that it is made of, in the relation that it names?
fn check_link(link: &Link, relations: &Relations) -> Result<(), String> {
    let pair = if link.inverted { (link.to, link.from) } else { (link.from, link.to) };
    let known: Vec<_> = relations.iter().filter(|(name, _)| *name == link.relation).collect();
    if known.is_empty() {
        return Err(format!("no relation {}", link.relation));
    }
    if !known.iter().any(|(_, pairs)| pairs.contains(&pair)) {
        return Err(format!("{pair:?} is not in {}", link.relation));
    }
    if link.parts.is_empty() && !ATOMS.contains(&link.relation) {
        return Err(format!("no reason why {pair:?} is in {}", link.relation));
    }
    check_way(&link.parts, link.from, link.to, relations)
}

/// Do links lead from one event to another?
fn check_way(links: &[Link], from: u32, to: u32, relations: &Relations) -> Result<(), String> {
    let Some(last) = links.last() else { return Ok(()) };
    let follows = links.windows(2).all(|pair| pair[0].to == pair[1].from);
    if !follows || links[0].from != from || last.to != to {
        return Err(format!("a gap between {from} and {to}: {links:?}"));
    }
    links.iter().try_for_each(|link| check_link(link, relations))
}

fn check_violation(violation: &Violation, execution: &Execution) -> Result<(), String> {
    let relations = lkmm_naive::relations(execution);
    let judged = lkmm_naive::judge(execution).violated;
    // The second implementation has that axiom as a part of coherence.
    let named = if violation.axiom == "observed-coherence" { "coherence" } else { violation.axiom };
    if judged != Some(named) {
        return Err(format!("{named} is violated, and not {judged:?}"));
    }
    let (Some(first), Some(last)) = (violation.links.first(), violation.links.last()) else {
        return Err("no reason".into());
    };
    if (violation.form == Form::Cycle) != (first.from == last.to) {
        return Err(format!("{:?} that does not close", violation.form));
    }
    // What the axiom is about.
    let names: Vec<&str> = violation.links.iter().map(|link| link.relation).collect();
    let is_of_kind = match violation.axiom {
        "happens-before" => names.iter().all(|name| *name == "hb"),
        "propagation" => names.iter().all(|name| *name == "pb"),
        "rcu" => names == ["rb"],
        "coherence" => names.iter().all(|name| ["po_loc", "rf", "co", "fr"].contains(name)),
        "atomic" => violation.form == Form::Between && names[0] == "fre" && names[1] == "co",
        "plain-coherence" => names.iter().any(|name| ["ww_vis", "wr_vis", "rw_xbstar"].contains(name)),
        _ => true,
    };
    if !is_of_kind {
        return Err(format!("{} by {names:?}", violation.axiom));
    }
    check_way(&violation.links, first.from, last.to, &relations)?;
    check_way(&violation.besides, first.from, last.to, &relations)
}

fn check_forbidden(forbidden: &Forbidden) -> Result<(), String> {
    if let Some(cut) = &forbidden.cut {
        return if forbidden.kinds.is_empty() { Err(cut.clone()) } else { Ok(()) };
    }
    let told: u64 = forbidden.kinds.iter().map(|kind| kind.candidates).sum();
    if forbidden.kinds.len() as u64 == forbidden.all_kinds && told != forbidden.candidates {
        return Err(format!("{told} of {} candidates have a reason", forbidden.candidates));
    }
    for kind in &forbidden.kinds {
        check_violation(&kind.violation, &kind.execution)?;
    }
    Ok(())
}

fn check_allowed(allowed: &Allowed, report: &Report) -> Result<(), String> {
    let outcome = report.outcome().expect("it was answered");
    let execution = if allowed.satisfying { &outcome.witness } else { &outcome.counter_witness };
    let execution = execution.as_deref().ok_or("no execution")?;
    if !lkmm_naive::judge(execution).consistent {
        return Err("the witness is forbidden".into());
    }
    let program = &report.test.as_ref().expect("it was read").program;
    let known = |observable: Observable| {
        let at = program.observed.iter().position(|&observed| observed == observable)?;
        execution.finals.get(at).copied()
    };
    if program.condition.as_ref().and_then(|condition| condition.evaluate(&known)) == Some(!allowed.satisfying) {
        return Err("the witness does not answer the question".into());
    }
    for mend in &allowed.mends {
        let violation = mend.violation.as_ref().ok_or("no reason once it is mended")?;
        check_violation(violation, &mend.execution)?;
        check_mend(mend, execution)?;
    }
    Ok(())
}

/// Is every order needed, and does each way to make it do?
fn check_mend(mend: &Mend, execution: &Execution) -> Result<(), String> {
    let first: Vec<Change> = mend.missing.iter().map(|missing| missing.changes[0]).collect();
    let allows = |changes: &[Change]| lkmm_naive::judge(&apply(execution, changes).0).consistent;
    for (at, missing) in mend.missing.iter().enumerate() {
        let mut fewer = first.clone();
        fewer.remove(at);
        if !allows(&fewer) {
            return Err(format!("{missing:?} is not needed"));
        }
        for &change in &missing.changes {
            let mut changes = first.clone();
            changes[at] = change;
            if allows(&changes) {
                return Err(format!("{change:?} is not enough"));
            }
        }
    }
    Ok(())
}

fn check_report(report: &Report) -> Result<(), String> {
    match &report.explanation {
        Some(Explanation::Forbidden(forbidden)) => check_forbidden(forbidden),
        Some(Explanation::Allowed(allowed)) => check_allowed(allowed, report),
        None if report.outcome().is_none() => Ok(()),
        None => match &report.test {
            Some(test) if test.program.condition.is_some() => Err("no explanation".into()),
            _ => Ok(()),
        },
    }
}

#[test]
fn every_test_is_explained() {
    let paths = tests(&litmus());
    assert!(paths.len() > 300, "the tests are found");
    let (mut forbidden, mut mended) = (0, 0);
    let failed = |path: &PathBuf| {
        let report = explained(path, "lkmm");
        match &report.explanation {
            Some(Explanation::Forbidden(reasons)) => forbidden += usize::from(!reasons.kinds.is_empty()),
            Some(Explanation::Allowed(allowed)) => mended += usize::from(!allowed.mends.is_empty()),
            None => {}
        }
        // It can be told, whatever it is.
        let mut text = Vec::new();
        lkmm_report::explain::write(&mut text, &report, &Palette::plain()).expect("a vector takes all");
        check_report(&report).err().map(|why| format!("{}: {why}", report.file))
    };
    let failed: Vec<String> = paths.iter().filter_map(failed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(forbidden > 150 && mended > 100, "{forbidden} with cycles, {mended} with missing orders");
}

/// An explanation that is wrong does not pass.
#[test]
fn what_is_wrong_is_found_out() {
    let report = explained(&litmus().join("classics/MP+mb+mb.litmus"), "lkmm");
    let Some(Explanation::Forbidden(forbidden)) = report.explanation else { panic!("it is forbidden") };
    let kind = &forbidden.kinds[0];
    assert_eq!(check_violation(&kind.violation, &kind.execution), Ok(()));
    let wrong = |edit: fn(&mut Violation)| {
        let mut violation = kind.violation.clone();
        edit(&mut violation);
        assert!(check_violation(&violation, &kind.execution).is_err(), "{violation:?}");
    };
    wrong(|violation| violation.axiom = "propagation");
    wrong(|violation| violation.form = Form::Path);
    wrong(|violation| violation.links[0].relation = "pb");
    wrong(|violation| violation.links[0].parts[0].inverted = true);
    wrong(|violation| drop(violation.links.pop()));
    wrong(|violation| violation.links.iter_mut().for_each(|link| drop(link.parts.pop())));
}

/// The tests of others, if they are there: every seventh one, or all with `LKMM_CORPUS=all` in the environment.
#[test]
fn tests_of_the_corpus_are_explained() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus");
    if !corpus.is_dir() {
        return;
    }
    let step = if std::env::var_os("LKMM_CORPUS").is_some_and(|which| which == "all") { 1 } else { 7 };
    let paths: Vec<PathBuf> = tests(&corpus).into_iter().step_by(step).collect();
    assert!(paths.len() > 100, "the tests are found");
    let (mut forbidden, mut mended) = (0, 0);
    let failed = |path: &PathBuf| {
        let source = std::fs::read_to_string(path).unwrap_or_default();
        let timeout = Some(Duration::from_secs(30));
        let settings = Settings { explain: true, verdict: true, timeout, ..Settings::new(models::lkmm()) };
        let report = check(path.display().to_string(), source, &settings);
        match &report.explanation {
            Some(Explanation::Forbidden(reasons)) => forbidden += usize::from(!reasons.kinds.is_empty()),
            Some(Explanation::Allowed(allowed)) => mended += usize::from(!allowed.mends.is_empty()),
            None => {}
        }
        check_report(&report).err().map(|why| format!("{}: {why}", report.file))
    };
    let failed: Vec<String> = paths.iter().filter_map(failed).collect();
    assert!(failed.is_empty(), "{failed:#?}");
    println!("{} tests: {forbidden} with cycles, {mended} with missing orders", paths.len());
}

/// The other models are explained by their own definitions.
#[test]
fn each_model_gives_its_reasons() {
    for (model, test, axiom, relations) in [
        ("sc", "classics/SB.litmus", "sc", vec!["po", "fr", "po", "fr"]),
        ("tso", "classics/MP.litmus", "tso", vec!["po_ghb", "rfe", "po_ghb", "fr"]),
        ("tso", "fences/SB+mb+mb.litmus", "tso", vec!["mfence", "fr", "mfence", "fr"]),
    ] {
        let report = explained(&litmus().join(test), model);
        assert_eq!(report.outcome().map(|outcome| outcome.verdict()), Some(Verdict::Never), "{model} {test}");
        let Some(Explanation::Forbidden(forbidden)) = &report.explanation else { panic!("{model} forbids {test}") };
        let mut edges = forbidden.kinds[0].violation.edges();
        let first = (0..edges.len()).min_by_key(|&at| edges[at].from).expect("there are edges");
        edges.rotate_left(first);
        let names: Vec<&str> = edges.iter().map(|edge| edge.relation).collect();
        assert_eq!((forbidden.kinds[0].violation.axiom, names), (axiom, relations), "{model} {test}");
    }
}

/// The explanations of classics, word for word. With `UPDATE_GOLDEN` in the environment, they are written anew.
#[test]
fn classics_read_as_they_should() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/explain");
    for test in [
        "classics/MP",
        "classics/MP+mb+mb",
        "rust/MP+release+acquire",
        "rust/MP",
        "classics/SB",
        "fences/SB+mb+mb",
        "rust/SB+mb+mb",
        "rust/SB",
        "classics/LB",
        "fences/LB+acquire+acquire",
        "rust/LB+release+acquire",
        "rust/LB",
        "rcu/MP+reader+sync",
        "rcu/MP+no-reader+sync",
        "rust/MP+assign+dereference",
        "locks/mutual-exclusion",
        "fences/WRC+unlock-lock+rmb",
        "rust/MP+sections",
        "rust/LB+unlock-lock+acquire",
        "coherence/CoRR",
        "rcu/pointer-leaked-out-of-reader",
        "atomicity/xchg+store-between",
        "values/initial-values",
    ] {
        let report = explained(&litmus().join(format!("{test}.litmus")), "lkmm");
        let mut text = Vec::new();
        lkmm_report::explain::write(&mut text, &report, &Palette::plain()).expect("a vector takes all");
        let text = String::from_utf8(text).expect("it is text");
        let file = golden.join(format!("{}.txt", test.replace('/', "-")));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(&golden).expect("the folder can be made");
            std::fs::write(&file, &text).expect("it can be written");
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(text, expected, "{test}: see {}", file.display());
    }
}

#[test]
fn what_a_statement_reads_and_what_it_writes_are_two_operations() {
    let source = "C copy\n{ int y = 7; }\nP0(int *x, int *y) { WRITE_ONCE(*x, READ_ONCE(*y) + 2); int r0 = xchg(y, 1); }\n\
        P1(int *y) { WRITE_ONCE(*y, 3); }\nexists (x=9)\n";
    let settings = Settings { explain: true, ..Settings::new(models::lkmm()) };
    let report = check("copy.litmus", source, &settings);
    let mut text = Vec::new();
    lkmm_report::explain::write(&mut text, &report, &Palette::plain()).expect("a vector takes all");
    let text = String::from_utf8(text).expect("it is text");
    for effect in ["R y=7", "W x=9", "y: 7 → 1"] {
        assert!(text.contains(effect), "`{effect}`:\n{text}");
    }
}

#[test]
fn what_is_ordered_is_not_said_to_lack_an_order() {
    // The release orders what is before it; what is missing stands in P1, where the dependency is not cumulative.
    let source = "C chain\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); smp_store_release(y, 1); }\n\
        P1(int *y, int *z) { int r0 = READ_ONCE(*y); WRITE_ONCE(*z, r0); }\n\
        P2(int *x, int *z) { int r0 = smp_load_acquire(z); int r1 = READ_ONCE(*x); }\nexists (2:r0=1 /\\ 2:r1=0)\n";
    let settings = Settings { explain: true, ..Settings::new(models::lkmm()) };
    let report = check("chain.litmus", source, &settings);
    let mut text = Vec::new();
    lkmm_report::explain::write(&mut text, &report, &Palette::plain()).expect("a vector takes all");
    let text = String::from_utf8(text).expect("it is text");
    assert!(!text.contains("Nothing orders"), "{text}");
    assert!(
        text.contains("WRITE_ONCE(*x, 1) is ordered before P0:3 smp_store_release(y, 1), but not strongly enough"),
        "{text}"
    );
}

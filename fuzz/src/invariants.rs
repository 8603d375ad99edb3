//! What holds of every input, whatever it is. The fuzz targets check it on what the fuzzer invents, and
//! `crates/lkmm-cli/tests/mutations.rs` on a few thousand mutations of known tests.

use lkmm_cli::files::MAX_SOURCE;
use lkmm_litmus::repair::{self, Goal, Repair, Repaired};
use lkmm_litmus::{Language, Options, Settings};
use lkmm_model::cost::Architecture;
use lkmm_model::models;
use lkmm_report::{Answer, Palette, Problem, Report, Test, herd, human, json, witness};
use std::time::{Duration, Instant};

/// Time for a search.
const DEADLINE: Duration = Duration::from_secs(1);
/// Executions of a search. Few: what a long search finds, a short one nearly always does.
const MAX_EXECUTIONS: u64 = 10_000;

/// Repairs and weakens a source. What comes of it can be read; every budget is kept.
pub fn repair(source: &str) {
    let settings =
        Settings { timeout: Some(DEADLINE / 5), max_executions: Some(MAX_EXECUTIONS), ..Settings::new(models::lkmm()) };
    let readable = |text: &str| {
        let read = lkmm_litmus::parse(text, &Options::default());
        assert!(read.is_ok(), "{:?} in\n{text}\nwhich was\n{source}", read.err());
    };
    match repair::repair(source, &settings, Architecture::Aarch64, Goal::Condition) {
        Ok(Repair { result: Repaired::Proposals { proposals, .. }, .. }) => {
            proposals.iter().take(20).for_each(|proposal| readable(&proposal.source));
        }
        Ok(_) => {}
        Err(problem) if problem.span.is_some() => points_into(&problem, source),
        Err(_) => {}
    }
    match repair::weaken(source, &settings, Architecture::Aarch64) {
        Ok(found) => readable(&found.source),
        Err(problem) if problem.span.is_some() => points_into(&problem, source),
        Err(_) => {}
    }
}

/// Parses a source. A problem must point into it, at whole characters.
pub fn parse(source: &str) {
    let options = Options { deadline: Some(Instant::now() + DEADLINE), ..Options::default() };
    match lkmm_litmus::parse(source, &options) {
        Ok(test) => {
            test.warnings.iter().for_each(|warning| points_into(warning, source));
            assert_eq!(test.observed.len(), test.program.observed.len());
            for origin in &test.origins {
                assert!(source.get(origin.span.clone()).is_some(), "an origin outside of the source: {origin:?}");
            }
        }
        Err(problem) => points_into(&problem, source),
    }
}

/// Converts a source that can be read into both languages. What comes of it can be read, and has as many control paths.
pub fn convert(source: &str) {
    let options = Options { deadline: Some(Instant::now() + DEADLINE), ..Options::default() };
    let Ok(test) = lkmm_litmus::parse(source, &options) else { return };
    for language in [Language::Rust, Language::C] {
        match lkmm_litmus::convert(source, language) {
            Ok(text) => match lkmm_litmus::parse(&text, &options) {
                Ok(converted) => {
                    let paths = |test: &Test| test.program.threads.iter().map(|t| t.paths.len()).collect::<Vec<_>>();
                    assert_eq!(paths(&test), paths(&converted), "{source}\nbecame\n{text}");
                }
                Err(_) if Instant::now() >= options.deadline.unwrap_or_else(Instant::now) => {}
                Err(problem) => panic!("{problem:?} in\n{text}\nwhich was\n{source}"),
            },
            Err(problem) => points_into(&problem, source),
        }
    }
}

fn points_into(problem: &Problem, source: &str) {
    let span = problem.span.clone().expect("what is wrong with a source is somewhere in it");
    assert!(source.get(span).is_some(), "a span outside of the source: {problem:?}");
    assert!(!problem.message.is_empty());
}

/// Checks a source under every model, asking both questions, and renders the reports. The answers must agree, and come in
/// time.
pub fn check(source: &str) {
    if source.len() as u64 > MAX_SOURCE {
        return;
    }
    for model in models::all() {
        let settings = Settings {
            timeout: Some(DEADLINE),
            max_executions: Some(MAX_EXECUTIONS),
            witness: true,
            ..Settings::new(model)
        };
        let everything = run(source, &settings);
        let verdict = run(source, &Settings { verdict: true, ..settings });
        agree(&everything.answer, &verdict.answer);
        // What a model says of a test that cannot be checked, or not in time, the others need not repeat.
        if everything.test.is_none() || matches!(everything.answer, Answer::Timeout(_)) {
            return;
        }
    }
}

fn run(source: &str, settings: &Settings) -> Report {
    let mut report = Report::default();
    // The machine may have been busy with something else: only who is late again is late.
    for _ in 0..2 {
        let start = Instant::now();
        report = lkmm_litmus::check("fuzz.litmus", source, settings);
        if start.elapsed() < 2 * DEADLINE {
            render(&report);
            return report;
        }
    }
    panic!("a deadline of {DEADLINE:?} was kept after {:?}: {:?}", report.time, report.answer);
}

fn render(report: &Report) {
    let (out, palette) = (&mut Vec::new(), &Palette::plain());
    let written = herd::write(out, report)
        .and_then(|()| herd::write_warnings(out, report))
        .and_then(|()| json::write(out, report))
        .and_then(|()| human::write_line(out, report, palette))
        .and_then(|()| human::write_states(out, report, palette))
        .and_then(|()| human::write_mismatch(out, report, palette))
        .and_then(|()| witness::write(out, report, palette));
    assert!(written.is_ok(), "writing to memory failed: {written:?}");
    assert!(std::str::from_utf8(out).is_ok());
    if let Answer::Error(problem) = &report.answer {
        let _ = lkmm_cli::diagnostics::render(report, problem, false, false);
    }
}

/// Both questions have the same answer. The search for the verdict may end before it sees an error that the other sees.
fn agree(everything: &Answer, verdict: &Answer) {
    match (everything, verdict) {
        (Answer::Executions(all), Answer::Verdict(one)) => {
            assert_eq!(all.verdict(), one.verdict(), "the two questions have different answers");
            let states: u64 = all.states.values().sum();
            assert_eq!(states, all.positive + all.negative, "executions without a state");
        }
        (Answer::Timeout(_), _) | (_, Answer::Timeout(_)) | (Answer::Error(_), _) => {}
        (_, answer) => panic!("an error that only the search for the verdict sees: {answer:?}"),
    }
}

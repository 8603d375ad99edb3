//! herd7's text, byte for byte, so that the scripts that read herd7's output read ours.
//!
//! The model is herd7 7.57, function `run` of its `top_herd.ml`. `Hash=` lines, which fingerprint a test's source, are not
//! printed. After a search for the verdict alone there are no states and counts to print: the lines `States`, `Witnesses`,
//! `Positive` and `Flag` are left out, and the numbers on the `Observation` line are 0 and 1, enough for `judgelitmus.sh`.

use crate::problem::{Position, Problem};
use crate::report::{Answer, Quantifier, Report, Test, verdict_name};
use crate::state::States;
use lkmm_search::Outcome;
use std::io::{self, Write};

/// Writes what herd7 prints on its standard output. For a test without an answer that is nothing.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let Some(test) = &report.test else { return Ok(()) };
    let (outcome, all) = match &report.answer {
        Answer::Executions(outcome) => (outcome, true),
        Answer::Verdict(outcome) => (outcome, false),
        Answer::Timeout(_) | Answer::Error(_) => return Ok(()),
    };
    let name = &test.name;
    let kind = match test.quantifier {
        Quantifier::Exists => "Allowed",
        Quantifier::NotExists => "Forbidden",
        Quantifier::Forall => "Required",
    };
    writeln!(out, "Test {name} {kind}")?;
    if all {
        write_states(out, test, outcome)?;
    }
    let truncated = if outcome.truncated { "Loop " } else { "" };
    writeln!(out, "{truncated}{}", if report.holds() == Some(true) { "Ok" } else { "No" })?;
    if all {
        write_witnesses(out, test.quantifier, outcome)?;
    }
    writeln!(out, "Condition {}", test.condition)?;
    let verdict = verdict_name(outcome.verdict());
    writeln!(out, "Observation {name} {verdict} {} {}", outcome.positive, outcome.negative)?;
    writeln!(out, "Time {name} {:.2}", report.time.as_secs_f64())?;
    writeln!(out)
}

fn write_states(out: &mut dyn Write, test: &Test, outcome: &Outcome) -> io::Result<()> {
    let states = States::new(test, outcome);
    writeln!(out, "States {}", states.len())?;
    states.iter().try_for_each(|state| writeln!(out, "{state}"))
}

/// The counts of what proves the answer and what does not: for `~exists`, a witness is an execution *against* the condition.
fn write_witnesses(out: &mut dyn Write, quantifier: Quantifier, outcome: &Outcome) -> io::Result<()> {
    let (positive, negative) = match quantifier {
        Quantifier::Exists | Quantifier::Forall => (outcome.positive, outcome.negative),
        Quantifier::NotExists => (outcome.negative, outcome.positive),
    };
    writeln!(out, "Witnesses")?;
    writeln!(out, "Positive: {positive} Negative: {negative}")?;
    outcome.flags.iter().try_for_each(|flag| writeln!(out, "Flag {flag}"))
}

/// Writes what belongs on the standard error: the [warnings](Report::warnings), and why there is no answer. herd7 knows of
/// the warnings only that a loop was cut.
///
/// # Errors
/// Those of `out`.
pub fn write_warnings(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    let file = &report.file;
    for warning in report.warnings() {
        writeln!(out, "Warning: File \"{file}\"{}, {}.", place(report, &warning), warning.message)?;
    }
    match &report.answer {
        Answer::Executions(_) | Answer::Verdict(_) => Ok(()),
        Answer::Timeout(budget) => writeln!(out, "Warning: File \"{file}\": Timeout, {budget}"),
        Answer::Error(problem) => {
            let message = in_herds_words(&problem.message);
            writeln!(out, "Warning: File \"{file}\"{}: {message} (User error)", place(report, problem))
        }
    }
}

/// Where a problem is, in herd7's words: `, line 2, characters 2-3`.
fn place(report: &Report, problem: &Problem) -> String {
    let Some(span) = problem.span_in(&report.source) else { return String::new() };
    let start = Position::of(&report.source, span.start);
    let from = start.column - 1;
    let to = from + report.source[span].chars().count();
    format!(", line {}, characters {from}-{to}", start.line)
}

/// The kernel's scripts look for herd7's wording of one error.
fn in_herds_words(message: &str) -> String {
    let unknown = message.strip_prefix("unknown primitive `").and_then(|rest| rest.strip_suffix('`'));
    unknown.map_or_else(|| message.to_string(), |name| format!("Unknown macro {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warnings(report: &Report) -> String {
        let mut text = Vec::new();
        write_warnings(&mut text, report).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn errors_are_spelled_as_herd7_does() {
        let problem = Problem { span: Some(6..8), ..Problem::new("unexpected 'x'") };
        let report = Report {
            file: "a.litmus".into(),
            source: "C a\n{ x".into(),
            answer: Answer::Error(problem),
            ..Report::default()
        };
        assert_eq!(
            warnings(&report),
            "Warning: File \"a.litmus\", line 2, characters 2-3: unexpected 'x' (User error)\n"
        );
    }

    #[test]
    fn a_cut_loop_is_told() {
        let outcome = Outcome { truncated: true, ..Outcome::default() };
        let report = Report { file: "l".into(), answer: Answer::Executions(outcome), ..Report::default() };
        assert_eq!(
            warnings(&report),
            "Warning: File \"l\", unrolling limit exceeded, legal outcomes may be missing.\n"
        );
    }

    #[test]
    fn what_herd7_does_not_warn_of_is_told_in_its_form() {
        let outcome = Outcome { thin_air: true, ..Outcome::default() };
        let warning = Problem { span: Some(1..3), ..Problem::new("`if` is odd") };
        let report = Report {
            file: "l".into(),
            source: " if".into(),
            test: Some(Test { warnings: vec![warning], ..Test::default() }),
            answer: Answer::Executions(outcome),
            ..Report::default()
        };
        let text = warnings(&report);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Warning: File \"l\", line 1, characters 1-3, `if` is odd.");
        assert!(lines[1].starts_with("Warning: File \"l\", ") && lines[1].contains("thin air"), "{text}");
        assert_eq!(lines.len(), 2);
    }
}

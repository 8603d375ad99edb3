//! Lines for people: one a test, mismatches in full, and a summary.

use crate::palette::Palette;
use crate::problem::Position;
use crate::report::{Answer, Origin, Report, verdict_name};
use crate::state::{States, satisfies};
use lkmm_search::Outcome;
use std::io::{self, Write};
use std::time::Duration;

/// Writes the line of a test: whether it did as expected, the verdict, what that cost, and what stands out.
///
/// # Errors
/// Those of `out`.
pub fn write_line(out: &mut dyn Write, report: &Report, palette: &Palette) -> io::Result<()> {
    let (style, word, verdict) = match &report.answer {
        Answer::Executions(o) | Answer::Verdict(o) if report.is_ok() => (palette.good, "ok", verdict_name(o.verdict())),
        Answer::Executions(o) | Answer::Verdict(o) => (palette.bad, "MISMATCH", verdict_name(o.verdict())),
        Answer::Timeout(_) => (palette.warning, "timeout", "?"),
        Answer::Error(_) => (palette.bad, "error", "-"),
    };
    let (strong, faint) = (palette.strong, palette.faint);
    write!(out, "{style}{word:<8}{style:#}  {strong}{verdict:<9}{strong:#}  ")?;
    match report.executions() {
        Some(outcome) => write!(
            out,
            "{:>7} {}  {:>9} {}",
            outcome.states.len(),
            plural(outcome.states.len() as u64, "state ", "states"),
            outcome.positive + outcome.negative,
            plural(outcome.positive + outcome.negative, "execution ", "executions"),
        )?,
        None => write!(out, "{:36}", "")?,
    }
    write!(out, "  {faint}{:>9}{faint:#}  {}", duration(report.time), report.file)?;
    let mut marks: Vec<String> = marks(report).into_iter().map(String::from).collect();
    marks.extend(observed_mark(report));
    if !marks.is_empty() {
        write!(out, "  {}[{}]{:#}", palette.warning, marks.join(", "), palette.warning)?;
    }
    if let Answer::Error(problem) = &report.answer {
        if let Some(span) = &problem.span {
            let Position { line, column } = Position::of(&report.source, span.start);
            write!(out, ":{line}:{column}")?;
        }
        write!(out, ": {}", problem.message)?;
    }
    if let Answer::Timeout(budget) = &report.answer {
        write!(out, ": {budget}")?;
    }
    writeln!(out)
}

/// What stands out: flags, values out of thin air, cut loops.
fn marks(report: &Report) -> Vec<&'static str> {
    let Some(outcome) = report.outcome() else { return Vec::new() };
    let mut marks: Vec<&'static str> = Vec::new();
    if report.executions().is_some() {
        marks.extend(&outcome.flags);
        if outcome.thin_air {
            marks.push("thin-air");
        }
    }
    if outcome.positive + outcome.negative == 0 && !outcome.truncated {
        marks.push("deadlock");
    }
    if outcome.truncated {
        marks.push("loop cut, outcomes may be missing");
    }
    marks
}

/// What came of the test with observed dependencies, if that is not the same.
fn observed_mark(report: &Report) -> Option<String> {
    match (&report.observed.as_ref()?.answer, report.verdicts_that_differ()) {
        (Answer::Timeout(_), _) => Some("timeout with observed dependencies".into()),
        (Answer::Error(_), _) => Some("error with observed dependencies".into()),
        (_, Some((_, observed))) => Some(format!("{} with observed dependencies", verdict_name(observed))),
        (_, None) => None,
    }
}

/// Writes why the verdicts with syntactic and with observed dependencies differ, or why the latter is not known. Nothing when
/// they are the same.
///
/// # Errors
/// Those of `out`.
pub fn write_difference(out: &mut dyn Write, report: &Report, palette: &Palette) -> io::Result<()> {
    let Some(observed) = &report.observed else { return Ok(()) };
    let (warning, strong, faint) = (palette.warning, palette.strong, palette.faint);
    let mut write_head =
        |what: &str| writeln!(out, "{warning}dependencies{warning:#}: {strong}{}{strong:#}: {what}", report.file);
    match &observed.answer {
        Answer::Timeout(why) => return write_head(&format!("the observed ones: {why}")),
        Answer::Error(problem) => return write_head(&format!("the observed ones: {}", problem.message)),
        Answer::Executions(_) | Answer::Verdict(_) => {}
    }
    let Some((first, second)) = report.verdicts_that_differ() else { return Ok(()) };
    write_head(&format!("syntactic {}, observed {}", verdict_name(first), verdict_name(second)))?;
    if observed.carry_nothing.is_empty() {
        let why = "it takes a value that is there only because it is read (out of thin air); that is not looked for";
        return writeln!(out, "  {faint}{why}{faint:#}");
    }
    let why =
        "a compiler may drop these dependencies, for no other value of the load changes that address, value or branch:";
    writeln!(out, "  {faint}{why}{faint:#}")?;
    for dependency in &observed.carry_nothing {
        let line = |origin: &Origin| Position::of(&report.source, origin.span.start).line;
        let statement = |origin: &Origin| format!("{}  {}", line(origin), origin.text.trim_end_matches(';'));
        let (from, to) = (statement(&dependency.from), statement(&dependency.to));
        writeln!(out, "  {strong}{}{strong:#}  {from}  →  {to}", dependency.kind)?;
    }
    Ok(())
}

/// Writes the final states of a test, one a line with the number of its executions; those that satisfy the condition
/// are marked with `*>`. Nothing when all executions were not searched.
///
/// # Errors
/// Those of `out`.
pub fn write_states(out: &mut dyn Write, report: &Report, palette: &Palette) -> io::Result<()> {
    write_some_states(out, report, palette, usize::MAX)
}

fn write_some_states(out: &mut dyn Write, report: &Report, palette: &Palette, most: usize) -> io::Result<()> {
    let (Some(test), Some(outcome)) = (&report.test, report.executions()) else { return Ok(()) };
    let states = States::new(test, outcome);
    for state in states.iter().take(most) {
        let condition = test.program.condition.as_ref();
        let marked = condition.and_then(|c| satisfies(&test.program, state.values(), c)) == Some(true);
        let (mark, style) = if marked { ("*>", palette.strong) } else { ("  ", anstyle::Style::new()) };
        writeln!(out, "  {:>9} {style}{mark} {state}{style:#}", state.executions)?;
    }
    if states.len() > most {
        writeln!(out, "  … and {} more, which --states prints", states.len() - most)?;
    }
    Ok(())
}

/// The states of a mismatch that are printed.
const MISMATCH_STATES: usize = 1_000;

/// Writes in full in what a test differs from what its author expects. Nothing when it does not.
///
/// # Errors
/// Those of `out`.
pub fn write_mismatch(out: &mut dyn Write, report: &Report, palette: &Palette) -> io::Result<()> {
    let (Some(mismatch), Some(test), Some(outcome)) = (report.mismatch(), &report.test, report.outcome()) else {
        return Ok(());
    };
    let (bad, strong, faint) = (palette.bad, palette.strong, palette.faint);
    writeln!(out, "{bad}mismatch{bad:#}: {strong}{}{strong:#}: {mismatch}", report.file)?;
    writeln!(out, "  {faint}test{faint:#}       {}, under {}", test.name, report.model)?;
    writeln!(out, "  {faint}condition{faint:#}  {}", test.condition)?;
    if report.executions().is_none() {
        return Ok(());
    }
    let total = outcome.positive + outcome.negative;
    writeln!(out, "  {faint}satisfied{faint:#}  in {} of {} executions", outcome.positive, total)?;
    if !outcome.flags.is_empty() {
        let flags: Vec<&str> = outcome.flags.iter().copied().collect();
        writeln!(out, "  {faint}flags{faint:#}      {}", flags.join(", "))?;
    }
    writeln!(out, "  {faint}states{faint:#}     {}", outcome.states.len())?;
    write_some_states(out, report, palette, MISMATCH_STATES)
}

/// Totals over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Tests, whatever came of them.
    pub tests: u64,
    /// Those that did as expected.
    pub ok: u64,
    /// Those that did not.
    pub mismatched: u64,
    /// Those on which a budget ran out.
    pub timeouts: u64,
    /// Those that could not be checked.
    pub errors: u64,
    /// Executions of all tests.
    pub executions: u64,
}

impl Summary {
    /// Counts one more report.
    pub fn add(&mut self, report: &Report) {
        self.tests += 1;
        match (&report.answer, report.observed.as_ref().map(|observed| &observed.answer)) {
            (Answer::Error(_), _) | (_, Some(Answer::Error(_))) => self.errors += 1,
            (Answer::Timeout(_), _) | (_, Some(Answer::Timeout(_))) => self.timeouts += 1,
            _ if report.is_ok() => self.ok += 1,
            _ => self.mismatched += 1,
        }
        self.executions += report.executions().map_or(0, |o: &Outcome| o.positive + o.negative);
    }

    /// The exit code of the run: 0 when every test did as expected, 1 when some did not (one that ran out of its budget did not), 2
    /// when some could not be checked.
    pub fn exit_code(&self) -> u8 {
        match self {
            Summary { errors: 1.., .. } => 2,
            Summary { mismatched: 1.., .. } | Summary { timeouts: 1.., .. } => 1,
            _ => 0,
        }
    }

    /// Writes the totals on one line; `wall` is how long the run took.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, wall: Duration, palette: &Palette) -> io::Result<()> {
        let Palette { good, bad, warning, strong, .. } = palette;
        write!(out, "{strong}{} {}{strong:#}: ", self.tests, plural(self.tests, "test", "tests"))?;
        write!(out, "{good}{} ok{good:#}", self.ok)?;
        for (count, style, one, many) in [
            (self.mismatched, bad, "mismatch", "mismatches"),
            (self.timeouts, warning, "timeout", "timeouts"),
            (self.errors, bad, "error", "errors"),
        ] {
            if count > 0 {
                write!(out, ", {style}{count} {}{style:#}", plural(count, one, many))?;
            }
        }
        let executions = plural(self.executions, "execution", "executions");
        writeln!(out, "; {} {executions}, {}", self.executions, duration(wall))
    }
}

fn plural<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// A duration with three digits and a unit: `23 µs`, `1.52 ms`, `4.10 s`.
pub fn duration(time: Duration) -> String {
    let us = time.as_secs_f64() * 1e6;
    match us {
        _ if us < 1e3 => format!("{us:.0} µs"),
        _ if us < 1e4 => format!("{:.2} ms", us / 1e3),
        _ if us < 1e5 => format!("{:.1} ms", us / 1e3),
        _ if us < 1e6 => format!("{:.0} ms", us / 1e3),
        _ if us < 1e7 => format!("{:.2} s", us / 1e6),
        _ => format!("{:.1} s", us / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits() {
        let cases = [(7, "7 µs"), (1_520, "1.52 ms"), (15_200, "15.2 ms"), (152_000, "152 ms"), (61_000_000, "61.0 s")];
        for (us, text) in cases {
            assert_eq!(duration(Duration::from_micros(us)), text);
        }
    }

    #[test]
    fn errors_outweigh_mismatches() {
        let summary = Summary { tests: 3, ok: 1, ..Summary::default() };
        assert_eq!(summary.exit_code(), 0);
        assert_eq!(Summary { timeouts: 1, ..summary }.exit_code(), 1);
        assert_eq!(Summary { mismatched: 1, ..summary }.exit_code(), 1);
        assert_eq!(Summary { mismatched: 1, errors: 1, ..summary }.exit_code(), 2);
    }
}

//! The report: what one test asks, what its author expects, and what the search answered.

use crate::explanation::Explanation;
use crate::problem::Problem;
use lkmm_model::program::Program;
use lkmm_search::{Outcome, Verdict};
use std::fmt;
use std::ops::Range;
use std::time::Duration;

/// How a test asks for its condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quantifier {
    /// `exists`: is there an execution that satisfies it?
    #[default]
    Exists,
    /// `~exists`: is there none?
    NotExists,
    /// `forall`: do all?
    Forall,
}

/// A piece of source: what an event's `origin` stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Where it stands: bytes of [`Report::source`].
    pub span: Range<usize>,
    /// What it says, on one line: `r1 = READ_ONCE(*y)`.
    pub text: String,
}

/// How the values of an observable are spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// The width of integers; of one that is wider the low bits are spelled.
    pub bits: u32,
    /// Does the highest of the bits mean minus?
    pub signed: bool,
    /// The observable is an element of an array that is spelled as a whole: its index, and the number of elements. The
    /// elements follow each other.
    pub element: Option<(u32, u32)>,
}

impl Default for Format {
    fn default() -> Self {
        Format { bits: 32, signed: true, element: None }
    }
}

/// A test, as far as a report needs to know it. It does not say which language the test was written in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// The program that was checked.
    pub program: Program,
    /// How the condition is asked for.
    pub quantifier: Quantifier,
    /// The question as herd7 prints it, the quantifier included: `exists (0:r1=1 /\ [x]=2)`.
    pub condition: String,
    /// How to spell each of the program's [observables](Program::observed): `0:r1`, `[x]`.
    pub observed: Vec<String>,
    /// How to spell the values of each observable. Missing entries are signed integers of 32 bits.
    pub formats: Vec<Format>,
    /// What the [origins](lkmm_model::program::EventTemplate::origin) of the program's events stand for.
    pub origins: Vec<Origin>,
    /// What its author expects; `None` when that is not said.
    pub expectation: Option<Expectation>,
    /// What a reader should be told, though the test can be checked.
    pub warnings: Vec<Problem>,
}

/// What the author of a test expects (the comment `Result: …` of a litmus test).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expectation {
    /// The verdict.
    pub verdict: Verdict,
    /// `DEADLOCK`: no execution completes. (The verdict is then `Never`.)
    pub deadlock: bool,
    /// `DATARACE`: an execution has a data race.
    pub data_race: bool,
}

/// What came of checking a test.
#[derive(Clone, Debug)]
pub enum Answer {
    /// All executions were searched.
    Executions(Outcome),
    /// Only the verdict was asked for: the counts are 0 or 1, and the states and flags mean nothing.
    Verdict(Outcome),
    /// A budget (time, executions) ran out. The text says which.
    Timeout(String),
    /// The test could not be checked.
    Error(Problem),
}

impl Answer {
    /// What the search answered, if it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        match self {
            Answer::Executions(outcome) | Answer::Verdict(outcome) => Some(outcome),
            Answer::Timeout(_) | Answer::Error(_) => None,
        }
    }
}

impl Default for Answer {
    fn default() -> Self {
        Answer::Error(Problem::new("not checked"))
    }
}

/// Which dependencies order events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dependencies {
    /// Those of the syntax, as in herd7.
    #[default]
    Syntactic,
    /// Those that show: another value of one load changes what its thread does later. Executions out of thin air are not
    /// looked for.
    Observed,
    /// The answer is that with syntactic ones; the answer with observed ones is [compared](Report::observed).
    Both,
}

impl Dependencies {
    /// What they are called.
    pub fn name(self) -> &'static str {
        match self {
            Dependencies::Syntactic => "syntactic",
            Dependencies::Observed => "observed",
            Dependencies::Both => "both",
        }
    }
}

/// What came of a test with observed dependencies.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// The answer.
    pub answer: Answer,
    /// If an execution that they allow decides the verdict otherwise: the dependencies of the syntax that forbid it.
    pub carry_nothing: Vec<FalseDependency>,
}

/// A dependency of the syntax that carries nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FalseDependency {
    /// `addr`, `data` or `ctrl`.
    pub kind: &'static str,
    /// The load.
    pub from: Origin,
    /// What depends on it, as the syntax has it.
    pub to: Origin,
}

/// Everything that is known about one test after it was checked.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Where the test came from, as the user named it.
    pub file: String,
    /// The model it was checked under.
    pub model: String,
    /// Which dependencies order events.
    pub dependencies: Dependencies,
    /// Its source; empty when it could not be read.
    pub source: String,
    /// The test; `None` when it could not be understood.
    pub test: Option<Test>,
    /// What came of it.
    pub answer: Answer,
    /// With [`Dependencies::Both`], and if that could be answered: what came of it with observed dependencies.
    pub observed: Option<Observed>,
    /// Why the answer is what it is, if that was asked for and is known.
    pub explanation: Option<Explanation>,
    /// The time spent on reading, unfolding, searching and explaining it.
    pub time: Duration,
}

/// In what an answer differs from what the author expects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// Another verdict.
    Verdict {
        /// What the author expects.
        expected: Verdict,
        /// What was found.
        found: Verdict,
    },
    /// `DEADLOCK` is expected, and executions complete.
    NoDeadlock,
    /// A data race that the author does not expect.
    UnexpectedDataRace,
    /// No data race, and the author expects one.
    NoDataRace,
}

impl Report {
    /// The test's name; the stem of its file when it could not be understood.
    pub fn name(&self) -> &str {
        match &self.test {
            Some(test) => &test.name,
            None => {
                let base = self.file.rsplit('/').next().unwrap_or(&self.file);
                base.strip_suffix(".litmus").unwrap_or(base)
            }
        }
    }

    /// What the test's author expects, if that is said.
    pub fn expectation(&self) -> Option<Expectation> {
        self.test.as_ref()?.expectation
    }

    /// What the search answered, if it did.
    pub fn outcome(&self) -> Option<&Outcome> {
        self.answer.outcome()
    }

    /// What the search of all executions found, if that was asked for and it ended.
    pub fn executions(&self) -> Option<&Outcome> {
        match &self.answer {
            Answer::Executions(outcome) => Some(outcome),
            _ => None,
        }
    }

    /// Did the test do as expected? One of which nothing is expected did if it was checked to the end.
    pub fn is_ok(&self) -> bool {
        self.outcome().is_some() && self.mismatch().is_none()
    }

    /// In what the answer differs from what the author expects.
    ///
    /// Judged as the kernel's `judgelitmus.sh` does, but that a deadlock may also be expected as `Never`, which it is.
    /// A data race must be found exactly when it is expected, and one that is found as expected excuses another verdict: a test
    /// with a race means nothing, and authors differ in what they then write. When only the verdict was asked for,
    /// races are not known, and one that is expected excuses as well.
    pub fn mismatch(&self) -> Option<Mismatch> {
        let expected = self.expectation()?;
        let outcome = self.outcome()?;
        if let Answer::Executions(outcome) = &self.answer {
            match (expected.data_race, outcome.flags.contains("data-race")) {
                (true, false) => return Some(Mismatch::NoDataRace),
                (false, true) => return Some(Mismatch::UnexpectedDataRace),
                _ => {}
            }
            if expected.deadlock && outcome.positive + outcome.negative > 0 {
                return Some(Mismatch::NoDeadlock);
            }
        }
        let found = outcome.verdict();
        let differs = found != expected.verdict && !expected.data_race;
        differs.then_some(Mismatch::Verdict { expected: expected.verdict, found })
    }

    /// What a reader must know to trust the answer: what is suspicious in the source, that a loop was cut, that values came
    /// out of thin air.
    pub fn warnings(&self) -> Vec<Problem> {
        let mut warnings = self.test.as_ref().map_or(Vec::new(), |test| test.warnings.clone());
        if self.outcome().is_some_and(|outcome| outcome.truncated) {
            let cut = Problem::new("unrolling limit exceeded, legal outcomes may be missing");
            warnings.push(cut.with_help("raise --unroll, if the loop ends after more turns"));
        }
        if self.executions().is_some_and(|outcome| outcome.thin_air) {
            let thin_air = Problem::new("some execution holds values out of thin air, which nothing determines");
            warnings.push(thin_air.with_help("they are spelled S1, S2, … in the states; each may be any value"));
        }
        warnings
    }

    /// The verdicts with syntactic and with observed dependencies, if both are known and differ.
    pub fn verdicts_that_differ(&self) -> Option<(Verdict, Verdict)> {
        let syntactic = self.outcome()?.verdict();
        let observed = self.observed.as_ref()?.answer.outcome()?.verdict();
        (syntactic != observed).then_some((syntactic, observed))
    }

    /// Does the test get what it asks for (herd7's `Ok`)? `None` when there is no answer.
    pub fn holds(&self) -> Option<bool> {
        let outcome = self.outcome()?;
        Some(match self.test.as_ref()?.quantifier {
            Quantifier::Exists => outcome.positive > 0,
            Quantifier::NotExists => outcome.positive == 0,
            Quantifier::Forall => outcome.negative == 0,
        })
    }
}

impl fmt::Display for Quantifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Quantifier::Exists => "exists",
            Quantifier::NotExists => "~exists",
            Quantifier::Forall => "forall",
        })
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Verdict { expected, found } => {
                write!(f, "expected {}, found {}", verdict_name(*expected), verdict_name(*found))
            }
            Mismatch::NoDeadlock => f.write_str("expected a deadlock, and executions complete"),
            Mismatch::UnexpectedDataRace => f.write_str("a data race that is not expected"),
            Mismatch::NoDataRace => f.write_str("expected a data race, and there is none"),
        }
    }
}

/// A verdict as herd7 spells it.
pub(crate) fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Never => "Never",
        Verdict::Sometimes => "Sometimes",
        Verdict::Always => "Always",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(expectation: Expectation, positive: u64, negative: u64, race: bool) -> Report {
        let flags = race.then_some("data-race").into_iter().collect();
        Report {
            test: Some(Test { expectation: Some(expectation), ..Test::default() }),
            answer: Answer::Executions(Outcome { positive, negative, flags, ..Outcome::default() }),
            ..Report::default()
        }
    }

    fn never() -> Expectation {
        Expectation { verdict: Verdict::Never, deadlock: false, data_race: false }
    }

    #[test]
    fn verdicts_are_compared() {
        assert!(report(never(), 0, 3, false).is_ok());
        let wrong = Mismatch::Verdict { expected: Verdict::Never, found: Verdict::Sometimes };
        assert_eq!(report(never(), 1, 3, false).mismatch(), Some(wrong));
    }

    #[test]
    fn deadlocks_are_expected_or_not() {
        let deadlock = Expectation { deadlock: true, ..never() };
        assert!(report(deadlock, 0, 0, false).is_ok());
        assert_eq!(report(deadlock, 0, 1, false).mismatch(), Some(Mismatch::NoDeadlock));
        assert!(report(never(), 0, 0, false).is_ok(), "a deadlock is Never");
    }

    #[test]
    fn an_expected_race_excuses_the_verdict() {
        let race = Expectation { data_race: true, ..never() };
        assert!(report(race, 1, 3, true).is_ok());
        assert_eq!(report(race, 0, 3, false).mismatch(), Some(Mismatch::NoDataRace));
        assert_eq!(report(never(), 0, 3, true).mismatch(), Some(Mismatch::UnexpectedDataRace));
    }

    #[test]
    fn what_was_not_checked_is_not_ok() {
        assert!(!Report { answer: Answer::Timeout("5 s".into()), ..Report::default() }.is_ok());
        assert!(!Report::default().is_ok());
        assert!(
            Report { answer: Answer::Verdict(Outcome::default()), ..Report::default() }.is_ok(),
            "nothing is expected"
        );
    }

    #[test]
    fn an_unreadable_test_is_named_after_its_file() {
        assert_eq!(Report { file: "a/b.litmus".into(), ..Report::default() }.name(), "b");
    }
}

//! The whole way of a test: read, search, report.

use crate::explain::explain;
use crate::large;
use crate::lower::{Budget, MAX_TOTAL};
use crate::{Operations, Options, Read};
use lkmm_model::graph::Execution;
use lkmm_model::models::Model;
use lkmm_report::explanation::Explanation;
use lkmm_report::{Answer, Dependencies, FalseDependency, Observed, Problem, Report, Test};
use lkmm_search::open::{self, DependencyMode, Kind, OpenError};
use lkmm_search::{Outcome, Question, SearchError};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Held by the test that uses [`Settings::reserve`].
static RESERVE: Mutex<()> = Mutex::new(());

/// How long observed dependencies are looked for that nobody has asked for.
const COMPARED_FOR: Duration = Duration::from_secs(5);

/// How to check.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The memory model.
    pub model: &'static Model,
    /// Which dependencies order events.
    pub dependencies: Dependencies,
    /// If they are syntactic: [compare](Dependencies::Both) them with observed ones in tests with processes in Rust, and report it if the verdicts differ.
    pub compare_rust: bool,
    /// Search for the verdict alone.
    pub verdict: bool,
    /// Threads that a large search may use, at least 1.
    pub jobs: usize,
    /// Time for reading and searching a test.
    pub timeout: Option<Duration>,
    /// Executions that a test may have.
    pub max_executions: Option<u64>,
    /// How often loops are unrolled.
    pub unroll: u32,
    /// Bytes that final states may take, about.
    pub memory: u64,
    /// Where that is not enough: bytes that the tests of this process may use one after the other.
    pub reserve: u64,
    /// Keep an execution that answers the question.
    pub witness: bool,
    /// Explain the answer, if dependencies are [syntactic](Dependencies::Syntactic). That may take some seconds beside the search.
    pub explain: bool,
}

impl Settings {
    /// All executions, on one thread, without a budget but for 1 GiB of final states.
    pub fn new(model: &'static Model) -> Settings {
        let unroll = Options::default().unroll;
        Settings {
            model,
            dependencies: Dependencies::Syntactic,
            compare_rust: false,
            verdict: false,
            jobs: 1,
            timeout: None,
            max_executions: None,
            unroll,
            memory: 1 << 30,
            reserve: 0,
            witness: false,
            explain: false,
        }
    }
}

/// Checks a test; `file` is how the report calls it. Whatever is wrong with the test is in the report.
///
/// A test with large control paths may wait for others that are checked at the same time, so that they do not take all
/// memory together. That time does not count.
///
/// The crate's documentation has an [example](crate).
pub fn check(file: impl Into<String>, source: impl Into<String>, settings: &Settings) -> Report {
    let start = Instant::now();
    let mut report = Report {
        file: file.into(),
        model: settings.model.name().into(),
        dependencies: settings.dependencies,
        source: source.into(),
        ..Report::default()
    };
    (report.test, report.answer, report.observed, report.explanation) =
        read_and_search(&report.source, settings, start);
    report.time = start.elapsed();
    report
}

/// What came of a source: the test, if it could be read, the answer, the one that it is compared with, and why.
type Checked = (Option<Test>, Answer, Option<Observed>, Option<Explanation>);

fn read_and_search(source: &str, settings: &Settings, start: Instant) -> Checked {
    let deadline = settings.timeout.and_then(|limit| start.checked_add(limit));
    let options = Options { unroll: settings.unroll, deadline };
    let mut budget = Budget::new(&options, large::SMALL);
    let read = crate::read(source, &mut budget);
    if !budget.is_spent() {
        return search(read, settings, deadline);
    }
    let (source, settings, waiting) = (source.to_string(), settings.clone(), Instant::now());
    large::in_turn(move || {
        // The time that it waited for its turn does not count.
        let deadline = deadline.and_then(|deadline| deadline.checked_add(waiting.elapsed()));
        let read = crate::read(&source, &mut Budget::new(&Options { deadline, ..options }, MAX_TOTAL));
        search(read, &settings, deadline)
    })
}

/// Searches what was read.
fn search(read: Result<Read, Problem>, settings: &Settings, deadline: Option<Instant>) -> Checked {
    let Read { test, operations, has_rust } = match read {
        Ok(read) => read,
        Err(_) if deadline.is_some_and(|deadline| Instant::now() >= deadline) => {
            return (None, Answer::Timeout(out_of_time(settings)), None, None);
        }
        Err(problem) => return (None, Answer::Error(problem), None, None),
    };
    let mut deadline = deadline;
    let mode = match settings.dependencies {
        Dependencies::Syntactic | Dependencies::Both => DependencyMode::Declared,
        Dependencies::Observed => DependencyMode::Observed,
    };
    let answer = answer(&test, &operations, settings, mode, &mut deadline);
    let observed = match (settings.dependencies, answer.outcome()) {
        (Dependencies::Both, Some(outcome)) => Some(observed(&test, &operations, settings, outcome, &mut deadline)),
        (Dependencies::Syntactic, Some(outcome)) if settings.compare_rust && has_rust => {
            // Nobody has asked for it, so it is not to take long, nor to fail.
            let soon = Instant::now() + COMPARED_FOR;
            let mut deadline = Some(deadline.map_or(soon, |deadline| deadline.min(soon)));
            let observed = observed(&test, &operations, settings, outcome, &mut deadline);
            observed.answer.outcome().is_some().then_some(observed)
        }
        _ => None,
    };
    let explanation = match (settings.dependencies, answer.outcome()) {
        (Dependencies::Syntactic, Some(outcome)) if settings.explain => explain(&test, outcome, settings, deadline),
        _ => None,
    };
    (Some(test), answer, observed, explanation)
}

/// Searches a test; the deadline is put off by what it waits for its turn.
fn answer(
    test: &Test,
    operations: &Operations,
    settings: &Settings,
    mode: DependencyMode,
    deadline: &mut Option<Instant>,
) -> Answer {
    let ask = |options: &lkmm_search::Options| match mode {
        DependencyMode::Declared => lkmm_search::search(&test.program, options),
        DependencyMode::Observed => open::search(&test.program, options, mode),
    };
    let mut options = lkmm_search::Options {
        question: if settings.verdict { Question::Verdict } else { Question::AllExecutions },
        jobs: settings.jobs,
        deadline: deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())),
        max_executions: settings.max_executions,
        memory: settings.memory,
        witness: settings.witness || settings.explain,
        ..lkmm_search::Options::new(settings.model)
    };
    let mut result = ask(&options);
    if settings.reserve > settings.memory && result.as_ref().is_err_and(SearchError::is_of_memory) {
        let waiting = Instant::now();
        let _turn = RESERVE.lock().unwrap_or_else(PoisonError::into_inner);
        // The time that it waited for its turn does not count.
        *deadline = deadline.and_then(|deadline| deadline.checked_add(waiting.elapsed()));
        options.deadline = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        options.memory = settings.reserve;
        result = ask(&options);
    }
    match result {
        Ok(outcome) if settings.verdict => Answer::Verdict(outcome),
        Ok(outcome) => Answer::Executions(outcome),
        Err(SearchError::Timeout(_)) => Answer::Timeout(out_of_time(settings)),
        Err(error @ (SearchError::TooManyExecutions(_) | SearchError::TooManyStates { .. })) => {
            Answer::Timeout(error.to_string())
        }
        Err(error) => Answer::Error(problem(test, operations, &error)),
    }
}

/// What observed dependencies make of a test, and why, if that is another verdict.
fn observed(
    test: &Test,
    operations: &Operations,
    settings: &Settings,
    syntactic: &Outcome,
    deadline: &mut Option<Instant>,
) -> Observed {
    let settings = Settings { witness: true, ..settings.clone() };
    let answer = answer(test, operations, &settings, DependencyMode::Observed, deadline);
    let Some(outcome) = answer.outcome() else { return Observed { answer, ..Observed::default() } };
    let decides = match (syntactic.positive, syntactic.negative) {
        (0, _) => &outcome.witness,
        (_, 0) => &outcome.counter_witness,
        _ => &None,
    };
    let why = |execution: &Execution| {
        let origin = |event: u32| {
            let origin = execution.events[event as usize].origin;
            test.origins.get(origin as usize).cloned().unwrap_or_default()
        };
        let found = open::false_dependencies(&test.program, settings.model, execution);
        let named = found.into_iter().map(|dependency| FalseDependency {
            kind: match dependency.kind {
                Kind::Addr => "addr",
                Kind::Data => "data",
                Kind::Ctrl => "ctrl",
            },
            from: origin(dependency.from),
            to: origin(dependency.to),
        });
        named.collect()
    };
    let carry_nothing = decides.as_deref().map_or_else(Vec::new, why);
    Observed { answer, carry_nothing }
}

/// Of the time that the user asked for, and not of what was left of it after reading.
fn out_of_time(settings: &Settings) -> String {
    let limit = settings.timeout.unwrap_or_default().as_secs_f64();
    let otherwise = if settings.verdict { "" } else { ", or ask for --verdict alone" };
    format!("no answer within {limit} s; raise --timeout{otherwise}")
}

/// Why a search failed, with the place in the source if it is known.
pub(crate) fn problem(test: &Test, operations: &Operations, error: &SearchError) -> Problem {
    let origin = match error {
        SearchError::BadAddress { origin, .. } | SearchError::Open(OpenError::StrayUnlock { origin }) => Some(*origin),
        SearchError::Illegal(operation) => operations.origin(operation),
        _ => None,
    };
    let span = origin.and_then(|origin| test.origins.get(origin as usize)).map(|origin| origin.span.clone());
    let message = match error {
        SearchError::Open(OpenError::MixedLock(location)) => {
            let name = test.program.locations.get(*location as usize).map_or("?", |location| location.name.as_str());
            format!("`{name}` is used as a lock, and otherwise")
        }
        error => error.to_string(),
    };
    let problem = Problem { span, ..Problem::new(message) };
    match error {
        SearchError::Open(_) => problem.with_help("only --deps syntactic can check that"),
        _ => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_test_may_take_does_not_depend_on_its_part_of_the_memory() {
        let source = "C many\n{}\nP0(int *x) { int r0 = READ_ONCE(*x); int r1 = READ_ONCE(*x); int r2 = READ_ONCE(*x); }\n\
            P1(int *x) { WRITE_ONCE(*x, 1); WRITE_ONCE(*x, 2); WRITE_ONCE(*x, 3); }\nlocations [0:r0; 0:r1; 0:r2]";
        let checked = |memory, reserve| {
            let settings = Settings { memory, reserve, ..Settings::new(lkmm_model::models::lkmm()) };
            check("many.litmus", source, &settings).answer
        };
        let states = |answer: Answer| match answer {
            Answer::Executions(outcome) => Some(outcome.states.len()),
            _ => None,
        };
        assert_eq!(states(checked(1 << 20, 0)), Some(20));
        assert_eq!(states(checked(100, 0)), None);
        assert_eq!(states(checked(100, 1 << 20)), Some(20));
    }
}

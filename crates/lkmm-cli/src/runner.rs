//! Checks many inputs on many threads, and reports them in order.
//!
//! Threads take the inputs one by one, in order; a report is handed over as soon as all before it were. A thread does not
//! run further ahead of the first unfinished test than [`WINDOW`] tests, so that what waits behind a slow one stays small. When fewer tests are
//! left than threads, the searches themselves use the threads that are free.

use crate::files::Input;
use lkmm_litmus::{ExpectedVerdict, LitmusTest};
use lkmm_model::models::Model;
use lkmm_model::program::Value;
use lkmm_report::{Answer, Expectation, Format, Origin, Problem, Quantifier, Report, Test};
use lkmm_search::{Question, SearchError, Verdict};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::{Duration, Instant};

/// How many tests may be begun while the first of them is still running.
pub const WINDOW: usize = 1024;
/// What is said of a test on which the checker panicked.
pub const DEFECT: &str = "the checker failed on this test; this is a defect of lkmm";
/// Bytes that final states may take.
const MEMORY: u64 = 1 << 30;
/// Bytes of final states that may wait behind the first test that is still running.
const WAITING: u64 = 1 << 28;
/// The stack of each thread: source is nested, and so are the functions that read it.
const STACK: usize = 64 << 20;

/// How to check.
#[derive(Clone)]
pub struct Settings {
    /// The memory model.
    pub model: &'static Model,
    /// Search for the verdict alone.
    pub verdict: bool,
    /// Threads, at least 1.
    pub jobs: usize,
    /// Time for each test.
    pub timeout: Option<Duration>,
    /// Executions of each test.
    pub max_executions: Option<u64>,
    /// How often loops are unrolled.
    pub unroll: u32,
    /// Bytes that the final states of all tests that are checked at the same time may take, about.
    pub memory: u64,
    /// Keep an execution that answers the question.
    pub witness: bool,
}

impl Settings {
    /// All executions, on one thread, without a budget but for 1 GiB of final states.
    pub fn new(model: &'static Model) -> Settings {
        let unroll = lkmm_litmus::Options::default().unroll;
        Settings {
            model,
            verdict: false,
            jobs: 1,
            timeout: None,
            max_executions: None,
            unroll,
            memory: MEMORY,
            witness: false,
        }
    }
}

/// Where a run stands.
#[derive(Default)]
struct Progress {
    begun: usize,
    handed_over: usize,
    running: usize,
    /// Bytes of the reports that wait.
    waiting: u64,
    stopped: bool,
}

/// The inputs as a queue that several threads take from.
struct Queue<'a> {
    inputs: &'a [Input],
    progress: Mutex<Progress>,
    moved: Condvar,
}

impl<'a> Queue<'a> {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next input, and how many of `jobs` threads its search may use.
    fn take(&self, jobs: usize) -> Option<(usize, &'a Input, usize)> {
        let mut progress = self.lock();
        while !progress.stopped && (progress.begun >= progress.handed_over + WINDOW || progress.waiting > WAITING) {
            progress = self.moved.wait(progress).unwrap_or_else(PoisonError::into_inner);
        }
        let index = progress.begun;
        let input = self.inputs.get(index).filter(|_| !progress.stopped)?;
        progress.begun += 1;
        progress.running += 1;
        let unfinished = progress.running + self.inputs.len() - progress.begun;
        Some((index, input, (jobs / unfinished.min(jobs)).max(1)))
    }
}

/// Checks every input and hands over the reports in the order of the inputs, until `sink` breaks off.
pub fn run(inputs: &[Input], settings: &Settings, mut sink: impl FnMut(Report) -> ControlFlow<()>) {
    let queue = Queue { inputs, progress: Mutex::default(), moved: Condvar::new() };
    let jobs = settings.jobs.max(1);
    // Large searches at the same time have to do with a part each; a lone one has everything.
    let settings = &Settings { memory: settings.memory / jobs.min(inputs.len()).max(1) as u64, ..settings.clone() };
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for i in 0..jobs.min(inputs.len()) {
            let (queue, sender) = (&queue, sender.clone());
            let worker = move || {
                while let Some((index, input, share)) = queue.take(jobs) {
                    let report = check_input(input, &Settings { jobs: share, ..settings.clone() });
                    queue.lock().running -= 1;
                    if sender.send((index, report)).is_err() {
                        return;
                    }
                }
            };
            let spawned = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, worker);
            match spawned {
                Ok(_) => {}
                // Fewer threads than asked for are enough; none are not.
                Err(_) if i > 0 => break,
                Err(error) => {
                    let problem = Problem::new(format!("cannot start a thread: {error}"));
                    let failed = |input: &Input| report(input, settings, Answer::Error(problem.clone()));
                    let _ = inputs.iter().map(failed).try_for_each(&mut sink);
                    return;
                }
            }
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        for (index, report) in receiver {
            let mut next = {
                let mut progress = queue.lock();
                progress.waiting += footprint(&report);
                progress.handed_over
            };
            waiting.insert(index, report);
            while let Some(report) = waiting.remove(&next) {
                next += 1;
                queue.lock().waiting -= footprint(&report);
                if sink(report).is_break() {
                    queue.lock().stopped = true;
                    queue.moved.notify_all();
                    return;
                }
            }
            queue.lock().handed_over = next;
            queue.moved.notify_all();
        }
    });
}

/// Bytes that the final states of a report take, about.
fn footprint(report: &Report) -> u64 {
    let states = report.executions().map_or(0, |outcome| outcome.states.len());
    let observed = report.test.as_ref().map_or(0, |test| test.observed.len());
    (states * (64 + observed * size_of::<Value>())) as u64
}

fn report(input: &Input, settings: &Settings, answer: Answer) -> Report {
    Report { file: input.name.clone(), model: settings.model.name().to_string(), answer, ..Report::default() }
}

/// Reads and checks one input. Its time includes both.
pub fn check_input(input: &Input, settings: &Settings) -> Report {
    let start = Instant::now();
    let mut report = match input.read() {
        Ok(source) => check_source(&input.name, source, settings),
        Err(problem) => report(input, settings, Answer::Error(problem)),
    };
    report.time = start.elapsed();
    report
}

/// Checks one source text; `file` is how the report calls it.
pub fn check_source(file: &str, source: String, settings: &Settings) -> Report {
    let start = Instant::now();
    let mut report = Report { file: file.into(), model: settings.model.name().into(), source, ..Report::default() };
    // A defect in the engine must not cost the results of the other tests.
    let checked = catch_unwind(AssertUnwindSafe(|| parse_and_search(&report.source, settings)));
    match checked {
        Ok(Ok((test, expectation, answer))) => {
            report.test = test;
            report.expectation = expectation;
            report.answer = answer;
        }
        Ok(Err(problem)) => report.answer = Answer::Error(problem),
        Err(_) => {
            let problem = Problem::new(DEFECT);
            report.answer = Answer::Error(problem.with_help("report it, with the test and the message above"));
        }
    }
    report.time = start.elapsed();
    report
}

/// What came of a source: the test, unless time was up before it was read; what its author expects; the answer.
type Checked = (Option<Test>, Option<Expectation>, Answer);

fn parse_and_search(source: &str, settings: &Settings) -> Result<Checked, Problem> {
    let start = Instant::now();
    let deadline = settings.timeout.and_then(|limit| start.checked_add(limit));
    let reading = lkmm_litmus::Options { unroll: settings.unroll, deadline };
    let late = || deadline.is_some_and(|deadline| Instant::now() >= deadline);
    let litmus = match lkmm_litmus::parse(source, &reading) {
        Ok(litmus) => litmus,
        Err(_) if late() => return Ok((None, None, Answer::Timeout(out_of_time(settings)))),
        Err(diagnostic) => return Err(problem(diagnostic)),
    };
    let expectation = litmus.expected.as_ref().map(expectation);
    let test = test(litmus);
    let mut options = lkmm_search::Options::new(settings.model);
    options.question = if settings.verdict { Question::Verdict } else { Question::AllExecutions };
    options.jobs = settings.jobs;
    options.deadline = settings.timeout.map(|limit| limit.saturating_sub(start.elapsed()));
    options.max_executions = settings.max_executions;
    options.memory = settings.memory;
    options.witness = settings.witness;
    let answer = match lkmm_search::search(&test.program, &options) {
        Ok(outcome) if settings.verdict => Answer::Verdict(outcome),
        Ok(outcome) => Answer::Executions(outcome),
        Err(SearchError::Timeout(_)) => Answer::Timeout(out_of_time(settings)),
        Err(error @ (SearchError::TooManyExecutions(_) | SearchError::TooManyStates { .. })) => {
            Answer::Timeout(error.to_string())
        }
        Err(error) => Answer::Error(search_problem(&test, &error)),
    };
    Ok((Some(test), expectation, answer))
}

/// In the words of the search, but with the time that the user asked for: what was left of it after parsing is another.
fn out_of_time(settings: &Settings) -> String {
    SearchError::Timeout(settings.timeout.unwrap_or_default()).to_string()
}

/// Why a search failed, with the place in the source if the error has one.
fn search_problem(test: &Test, error: &SearchError) -> Problem {
    let span = match error {
        SearchError::BadAddress { origin, .. } => test.origins.get(*origin as usize).map(|o| o.span.clone()),
        _ => None,
    };
    Problem { span, ..Problem::new(error.to_string()) }
}

fn problem(diagnostic: lkmm_litmus::Diagnostic) -> Problem {
    let lkmm_litmus::Diagnostic { message, span, label, help } = diagnostic;
    Problem { message, span: Some(span), label, help }
}

fn test(litmus: LitmusTest) -> Test {
    Test {
        name: litmus.name,
        program: litmus.program,
        quantifier: match litmus.quantifier {
            lkmm_litmus::Quantifier::Exists => Quantifier::Exists,
            lkmm_litmus::Quantifier::NotExists => Quantifier::NotExists,
            lkmm_litmus::Quantifier::Forall => Quantifier::Forall,
        },
        condition: litmus.condition,
        observed: litmus.observed,
        formats: litmus.formats.iter().map(format).collect(),
        origins: litmus.origins.into_iter().map(|o| Origin { span: o.span, text: o.text }).collect(),
        warnings: litmus.warnings.into_iter().map(problem).collect(),
    }
}

fn format(format: &lkmm_litmus::Format) -> Format {
    let lkmm_litmus::IntegerType { bits, signed } = format.integer;
    Format { bits, signed, element: format.element }
}

/// What the `Result:` comment of a litmus test says.
fn expectation(expected: &lkmm_litmus::Expected) -> Expectation {
    let verdict = match expected.verdict {
        ExpectedVerdict::Never => Verdict::Never,
        ExpectedVerdict::Sometimes => Verdict::Sometimes,
        ExpectedVerdict::Always => Verdict::Always,
    };
    Expectation { verdict, deadlock: expected.deadlock, data_race: expected.data_race }
}

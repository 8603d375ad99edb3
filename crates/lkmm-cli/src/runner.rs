//! Checks many inputs on many threads, and reports them in order.
//!
//! Threads take the inputs one by one, in order; a report is handed over as soon as all before it were. A thread does not
//! run further ahead of the first unfinished test than [`WINDOW`] tests, so that what waits behind a slow one stays small. When fewer tests are
//! left than threads, the searches themselves use the threads that are free.

use crate::files::Input;
use lkmm_litmus::Settings;
use lkmm_model::program::Value;
use lkmm_report::{Answer, Problem, Report};
use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Instant;

/// How many tests may be begun while the first of them is still running.
pub const WINDOW: usize = 1024;
/// Bytes of reports that may wait behind the first test that is still running.
const WAITING: u64 = 1 << 27;
/// What the search of a large test takes beside its final states, in bytes, about.
const SEARCH: u64 = 16 << 20;
/// The stack of each thread: source is nested, and so are the functions that read it.
const STACK: usize = 64 << 20;

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
    // As the workers of one search, searches at the same time take half of what their states may take.
    let most = usize::try_from(settings.memory / 4 / SEARCH).unwrap_or(usize::MAX);
    let threads = jobs.min(inputs.len()).min(most.max(1));
    // Searches at the same time have a part of one half each. The other half is for one of them at a time, so that no test
    // depends on how many are checked beside it.
    let half = settings.memory / 2;
    let settings = &Settings { memory: half / threads.max(1) as u64, reserve: half, ..settings.clone() };
    let (sender, receiver) = mpsc::channel();
    std::thread::scope(|scope| {
        for i in 0..threads {
            let (queue, sender) = (&queue, sender.clone());
            let worker = move || {
                while let Some((index, input, share)) = queue.take(jobs) {
                    let mut report = check_input(input, &Settings { jobs: share, ..settings.clone() });
                    forget_paths(&mut report);
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

/// Does something on a thread with as large a stack as tests are checked on.
///
/// # Errors
/// That no thread can be started, or that it failed.
pub fn on_large_stack<T: Send>(work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work)?;
        thread.join().map_err(|_| io::Error::other("this is a defect of lkmm; report it, with the message above"))
    })
}

/// Leaves out of a report that may wait for long what may be a hundred megabytes, and no rendering looks at.
fn forget_paths(report: &mut Report) {
    for thread in report.test.iter_mut().flat_map(|test| &mut test.program.threads) {
        thread.paths = Vec::new();
    }
}

/// Bytes that a report takes, about.
fn footprint(report: &Report) -> u64 {
    let states = report.executions().map_or(0, |outcome| outcome.states.len());
    let observed = report.test.as_ref().map_or(0, |test| test.observed.len());
    // The statements are kept as text once more, as the origins of events, and the condition likewise.
    (states * (64 + observed * size_of::<Value>()) + 4 * report.source.len()) as u64
}

fn report(input: &Input, settings: &Settings, answer: Answer) -> Report {
    let (file, model) = (input.name.clone(), settings.model.name().to_string());
    Report { file, model, dependencies: settings.dependencies, answer, ..Report::default() }
}

/// Reads and checks one input. Its time includes both.
pub fn check_input(input: &Input, settings: &Settings) -> Report {
    let start = Instant::now();
    // A defect in the engine must not cost the results of the other tests.
    let checked = catch_unwind(AssertUnwindSafe(|| match input.read(settings.timeout) {
        Ok(source) => lkmm_litmus::check(&input.name, source, settings),
        Err(problem) => report(input, settings, Answer::Error(problem)),
    }));
    let mut report = checked.unwrap_or_else(|_| {
        let problem = Problem::new("the checker failed on this test; this is a defect of lkmm");
        report(input, settings, Answer::Error(problem.with_help("report it, with the test and the message above")))
    });
    report.time = start.elapsed();
    report
}

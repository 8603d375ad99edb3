//! One search by several workers, each with a copy of the program.
//!
//! A graph cannot go from one worker to another: its locations, its pointers and the traces of its threads have other numbers there. What
//! can go is the *way* to it. The search puts graphs by in an order that follows from the program alone. So a graph is known by
//! numbers: the how-manieth of those that the first one puts by, of those that this one puts by, and so on. A worker with
//! nothing left to do takes a way from the team, and goes it. That takes one run of the program for each of its numbers. A worker that
//! has several graphs left, while others wait, gives away the one that it put by first: it is near the beginning, so that the way is
//! short, and what lies behind it is much.
//!
//! Cores (of load buffering) are found in several ways, so that what they are known by is what they are. The team remembers which have been
//! explored. (If values are among that of which nobody knows what they are to others, one worker has to do it alone.) What grows from a core stays with the worker that has found it.
//!
//! Which executions count may depend on [what is written](super::written) in any of them. Before a worker waits it tells the team what
//! it has seen, and none judges what is doubtful before all graphs have been explored.

use super::Statistics;
use lkmm_model::program::Value;
use rustc_hash::{FxHashMap, FxHashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Workers that explore one program together, each a copy of it: [`explore_in`](super::explore_in) is what each of them does.
///
/// ```
/// use lkmm_model::build::ProgramBuilder;
/// use lkmm_model::event::Mode;
/// use lkmm_model::models;
/// use lkmm_search::open::{ClosedProgram, OpenError, Options, Team, explore_in};
/// use std::ops::ControlFlow;
/// use std::thread;
///
/// let mut program = ProgramBuilder::new();
/// let x = program.location("x", 0);
/// for value in 1..=6 {
///     program.thread().write(Mode::Once, x, value);
/// }
/// let (program, team, options) = (program.finish(), Team::new(2), Options::new(models::lkmm()));
/// let work = || explore_in(&team, &mut ClosedProgram::new(&program), &options, &mut |_| ControlFlow::Continue(()));
/// let (ours, theirs) = thread::scope(|scope| {
///     let other = scope.spawn(work);
///     (work(), other.join().unwrap())
/// });
/// let all = team.total(&[ours?, theirs?]);
/// assert_eq!((all.executions, all.is_complete), (720, true));
/// # Ok::<(), OpenError>(())
/// ```
#[derive(Debug)]
pub struct Team {
    is_alone: bool,
    ways: Mutex<Ways>,
    /// There is a way, or there will be none.
    woken: Condvar,
    /// Workers wait, and there are not as many ways.
    is_hungry: AtomicBool,
    /// A worker has come to an end before the search has.
    is_over: AtomicBool,
    /// What the workers know cannot be put together.
    is_at_odds: AtomicBool,
    /// The executions that all have found.
    executions: AtomicU64,
    cores: Mutex<FxHashSet<Vec<u32>>>,
    cyclic: Mutex<FxHashSet<Vec<u32>>>,
    /// What was written, by the names of locations.
    written: Mutex<FxHashMap<u64, Vec<Value>>>,
    walks: Mutex<Walks>,
}

/// The ways that can be gone.
#[derive(Debug, Default)]
struct Ways {
    /// The one to the first graph has been handed out.
    has_begun: bool,
    given: Vec<Way>,
    /// So many workers there are, and so many of them wait.
    workers: usize,
    waiting: usize,
    /// All wait: there will be no more ways.
    is_done: bool,
}

/// The way to a graph.
#[derive(Debug, Default)]
pub(super) struct Way {
    pub(super) branches: Vec<u32>,
    /// The [share](super::walk) of the graph.
    pub(super) share: f64,
}

/// The random walks of a team.
#[derive(Debug, Default)]
struct Walks {
    begun: u64,
    ended: u64,
    /// The sum of what they estimate.
    estimates: f64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Team {
    /// A team of so many workers, at least one. The others wait for who does not come, unless it [excuses itself](Self::excuse).
    pub fn new(workers: usize) -> Team {
        let ways = Ways { workers: workers.max(1), ..Ways::default() };
        Team {
            is_alone: ways.workers == 1,
            ways: Mutex::new(ways),
            woken: Condvar::new(),
            is_hungry: AtomicBool::new(false),
            is_over: AtomicBool::new(false),
            is_at_odds: AtomicBool::new(false),
            executions: AtomicU64::new(0),
            cores: Mutex::default(),
            cyclic: Mutex::default(),
            written: Mutex::default(),
            walks: Mutex::default(),
        }
    }

    /// One of the workers will not come.
    pub fn excuse(&self) {
        lock(&self.ways).workers -= 1;
        self.woken.notify_all();
    }

    /// Has the search ended because it needs one worker alone? An execution with load buffering has a value of which nobody knows what others
    /// [call](super::OpenProgram::common) it.
    pub fn is_at_odds(&self) -> bool {
        self.is_at_odds.load(Ordering::Relaxed)
    }

    /// What the workers have done together.
    pub fn total(&self, each: &[Statistics]) -> Statistics {
        let any = |is: fn(&Statistics) -> bool| each.iter().any(is);
        let all = |is: fn(&Statistics) -> bool| each.iter().all(is);
        let sum = |count: fn(&Statistics) -> u64| each.iter().map(count).sum();
        let executions = sum(|one| one.executions);
        let Walks { ended, estimates, .. } = *lock(&self.walks);
        let share = match ended {
            0 => each.iter().map(|one| one.share).sum(),
            _ if estimates > 0.0 => (executions * ended) as f64 / estimates,
            _ => 0.0,
        };
        Statistics {
            executions,
            share,
            cyclic: sum(|one| one.cyclic),
            stuck: sum(|one| one.stuck),
            checks: sum(|one| one.checks),
            judged: sum(|one| one.judged),
            runs: sum(|one| one.runs),
            is_complete: all(|one| one.is_complete),
            has_left_out: any(|one| one.has_left_out),
            has_symmetry: any(|one| one.has_symmetry),
            has_reached_bound: all(|one| one.has_reached_bound),
            has_sampled: all(|one| one.has_sampled),
        }
    }

    /// Is there but one worker?
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Is a graph wanted that another worker could explore?
    pub(super) fn is_hungry(&self) -> bool {
        self.is_hungry.load(Ordering::Relaxed)
    }

    /// Has another worker come to an end?
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// What the workers know cannot be put together.
    pub(super) fn despair(&self) {
        self.is_at_odds.store(true, Ordering::Relaxed);
        self.end();
    }

    /// A worker comes to an end, and so do all.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ways = lock(&self.ways);
        self.woken.notify_all();
    }

    /// Gives a way to whoever waits.
    pub(super) fn give(&self, way: Way) {
        let mut ways = lock(&self.ways);
        ways.given.push(way);
        self.is_hungry.store(ways.waiting > ways.given.len(), Ordering::Relaxed);
        self.woken.notify_one();
    }

    /// The way to a graph that is to be explored; waits for one if there is none now. `None` if there will be none.
    pub(super) fn take(&self) -> Option<Way> {
        let mut ways = lock(&self.ways);
        if !std::mem::replace(&mut ways.has_begun, true) {
            return Some(Way { branches: Vec::new(), share: 1.0 });
        }
        ways.waiting += 1;
        loop {
            if ways.waiting == ways.workers && ways.given.is_empty() {
                ways.is_done = true;
                self.woken.notify_all();
            }
            if self.is_over() || ways.is_done {
                return None;
            }
            let way = ways.given.pop();
            ways.waiting -= usize::from(way.is_some());
            self.is_hungry.store(ways.waiting > ways.given.len(), Ordering::Relaxed);
            if way.is_some() {
                return way;
            }
            ways = self.woken.wait(ways).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until all have come so far.
    pub(super) fn gather(&self) {
        lock(&self.ways).has_begun = true;
        let way = self.take();
        debug_assert!(way.is_none(), "nobody gives a way when all walk");
    }

    /// How many executions have been found.
    pub(super) fn executions(&self) -> u64 {
        self.executions.load(Ordering::Relaxed)
    }

    /// An execution has been found. Had there been fewer than that?
    pub(super) fn count(&self, most: Option<u64>) -> bool {
        let before = self.executions.fetch_add(1, Ordering::Relaxed);
        most.is_none_or(|most| before < most)
    }

    /// Is it known that this core is explored?
    pub(super) fn knows_core(&self, core: &[u32]) -> bool {
        lock(&self.cores).contains(core)
    }

    /// A core is explored, unless another worker does that.
    pub(super) fn take_core(&self, core: Vec<u32>) -> bool {
        lock(&self.cores).insert(core)
    }

    /// An execution with a cycle has been found, unless another worker has found it.
    pub(super) fn take_cyclic(&self, execution: Vec<u32>) -> bool {
        lock(&self.cyclic).insert(execution)
    }

    /// Something was written to a location of this name.
    pub(super) fn write(&self, written: impl Iterator<Item = (u64, Value)>) {
        let mut known = lock(&self.written);
        for (location, value) in written {
            let values: &mut Vec<Value> = known.entry(location).or_default();
            if !values.contains(&value) {
                values.push(value);
            }
        }
    }

    /// What was written to a location of this name.
    pub(super) fn written(&self, location: u64) -> Vec<Value> {
        lock(&self.written).get(&location).cloned().unwrap_or_default()
    }

    /// The number of the next random walk, of so many.
    pub(super) fn begin_walk(&self, of: u64) -> Option<u64> {
        let mut walks = lock(&self.walks);
        let number = walks.begun;
        let is_wanted = number < of;
        walks.begun += u64::from(is_wanted);
        is_wanted.then_some(number)
    }

    /// A random walk has come to an end, and estimates that there are so many executions. Yields how many have, and the sum of what they
    /// estimate.
    pub(super) fn end_walk(&self, estimate: f64) -> (u64, f64) {
        let mut walks = lock(&self.walks);
        walks.ended += 1;
        walks.estimates += estimate;
        (walks.ended, walks.estimates)
    }
}

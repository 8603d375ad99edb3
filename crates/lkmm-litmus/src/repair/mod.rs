//! Orderings that a test lacks, and orderings that it does not need.
//!
//! [`repair`] looks for all least sets of strengthenings after which what the test does not want no longer happens: executions that satisfy
//! its condition, or of `forall` those that do not. [`weaken`] looks for orderings that can be relaxed while the verdict stays.
//! Both change the text of the test, and ask the search about each changed text, so that what they say holds for all executions.
//!
//! # Strengthenings
//!
//! * A load becomes an acquire, a store a release; a read-modify-write becomes an acquire, a release, or fully ordered if it needs both.
//! * A fence `smp_wmb()`, `smp_rmb()` or `smp_mb()` between two statements, in branches and loops too.
//! * A dependency: the value of a store, or the address of a load, on a local that an earlier load has set. What the text gets is a value
//!   that is always 0 (`r0 != r0`); it stands for a dependency that the code really has. A compiler drops one that carries nothing.
//!
//! # Which are least
//!
//! A strengthening is *weaker* than another if every pair of accesses that it orders, on every control path, is ordered by the other one in the same
//! way (by an acquire, a release, a fence for reads or for writes, a dependency) or by a full fence. So an acquire is weaker than the
//! `smp_mb()` behind it, but not than the `smp_rmb()` there. Of those that order the same pairs in the same way there is one, the cheapest, and of these
//! the last in the text. A set of strengthenings stands for all of its members and all that are weaker; it is least if what it stands for is not
//! enough without one of them.
//!
//! # Data races
//!
//! A strengthening takes executions away, and orders in those that are left whatever was ordered in them. So none brings a race into a test, and every
//! weakening may: one that does changes the verdict. A race that a test has is told, and whether a repair ends it; with [`Goal::ConditionAndRaces`] each does.

mod candidates;
mod edit;
#[cfg(test)]
mod force;
mod oracle;
mod orders;
mod weaken;

pub use edit::{Edit, apply};
pub use weaken::{Weakened, Weakening, weaken};

use crate::Settings;
use candidates::Candidates;
use lkmm_model::cost::Architecture;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::minimal::minimal_sets;
use lkmm_model::models;
use lkmm_model::program::Program;
use lkmm_report::{Problem, Quantifier};
use lkmm_search::Verdict;
use oracle::{Answer, Oracle, Read, Stop};
use std::ops::Range;

/// Candidates that the search for least sets may keep at a time.
const MANY: usize = 8192;

/// One change of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What kind of change.
    pub kind: Kind,
    /// The number of the process.
    pub process: usize,
    /// What is changed, or the statement beside which a fence is put: bytes of the source.
    pub span: Range<usize>,
    /// The text there now; of a statement its first line.
    pub before: String,
    /// The text there afterwards; of a fence that is added, the fence. Empty if something is taken away.
    pub after: String,
    /// What it costs, or of a weakening, what it saves: a [rank](lkmm_model::cost).
    pub cost: u32,
    /// The change of the text. Those of all steps of a set can be [applied](apply) together, and also of some.
    pub edits: Vec<Edit>,
}

/// What kind of change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Another ordering of an access.
    Ordering,
    /// A fence is added, before a statement or after it.
    Fence {
        /// After it: it is the last one of a block.
        after: bool,
    },
    /// An access comes to depend on a local.
    Dependency {
        /// The local.
        on: String,
    },
    /// A fence is weakened, or taken away.
    WeakerFence,
}

/// A least set of strengthenings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The strengthenings, in the order of the text.
    pub steps: Vec<Step>,
    /// What they cost.
    pub cost: u32,
    /// The source with them.
    pub source: String,
    /// Is there a data race? `None` if the budget ran out before that was known.
    pub race: Option<bool>,
}

/// What a repair is to forbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// What the test does not want: that its condition holds, or of `forall` that it does not.
    Condition,
    /// That, and data races.
    ConditionAndRaces,
}

/// What came of [`repair`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The test's name.
    pub name: String,
    /// How the test asks for its condition.
    pub quantifier: Quantifier,
    /// The verdict of the test as it is.
    pub verdict: Verdict,
    /// Has it a data race?
    pub race: bool,
    /// Was a loop cut, so that the verdict is that of fewer turns?
    pub truncated: bool,
    /// Has it plain accesses, which acquires, releases and fences order only with marked ones?
    pub plain: bool,
    /// Has it readers of RCU or SRCU? Grace periods are not proposed.
    pub readers: bool,
    /// What can be done.
    pub result: Repaired,
}

/// What can be done about a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Repaired {
    /// Nothing is to be done: what it does not want does not happen.
    Unneeded,
    /// No ordering forbids it: it happens under sequential consistency.
    Sequential,
    /// All strengthenings together do not forbid it.
    Impossible,
    /// Least sets of strengthenings that forbid it, the cheapest first.
    Proposals {
        /// The sets.
        proposals: Vec<Proposal>,
        /// Are these all?
        complete: bool,
    },
}

/// Looks for all least sets of strengthenings after which what a test does not want no longer happens. Dependencies are those of the syntax.
///
/// ```
/// use lkmm_litmus::repair::{Goal, Repaired, repair};
/// use lkmm_litmus::Settings;
/// use lkmm_model::cost::Architecture;
///
/// let source = "C SB\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); int r0 = READ_ONCE(*y); }
/// P1(int *x, int *y) { WRITE_ONCE(*y, 1); int r0 = READ_ONCE(*x); }\nexists (0:r0=0 /\\ 1:r0=0)";
/// let found = repair(source, &Settings::new(lkmm_model::models::lkmm()), Architecture::Aarch64, Goal::Condition)?;
/// let Repaired::Proposals { proposals, complete: true } = found.result else { panic!("it can be repaired") };
/// assert_eq!((proposals.len(), proposals[0].steps.len()), (1, 2));
/// assert!(proposals[0].source.contains("WRITE_ONCE(*x, 1); smp_mb(); int r0"));
/// # Ok::<(), lkmm_report::Problem>(())
/// ```
///
/// # Errors
/// What is wrong with the test, or that the budget ran out before its verdict was known.
pub fn repair(source: &str, settings: &Settings, arch: Architecture, goal: Goal) -> Result<Repair, Problem> {
    let mut oracle = Oracle::new(settings);
    let spent = |stop| problem(stop, settings);
    let read = oracle.read(source).map_err(spent)?;
    let quantifier = read.test.quantifier;
    let now = oracle.answer(&read, true, settings.model).map_err(spent)?;
    let mut repair = Repair {
        name: read.test.name.clone(),
        quantifier,
        verdict: now.verdict,
        race: has_race(&now),
        truncated: now.truncated,
        plain: oracle::has_plain(&read.test.program),
        readers: has_readers(&read.test.program),
        result: Repaired::Unneeded,
    };
    let races = goal == Goal::ConditionAndRaces;
    let is_wanted = |answer: &Answer| !(answer.happens(quantifier) || races && has_race(answer));
    if is_wanted(&now) {
        return Ok(repair);
    }
    let candidates = match Candidates::find(source, &read, arch, &oracle) {
        Ok(candidates) => candidates,
        Err(Stop::Problem(problem)) => return Err(problem),
        Err(Stop::Spent) => {
            repair.result = Repaired::Proposals { proposals: Vec::new(), complete: false };
            return Ok(repair);
        }
    };
    let mut failed = None;
    let mut ask = |oracle: &mut Oracle<'_>, numbers: &[usize], flags: bool| -> Option<Answer> {
        let text = candidates.source(&candidates.chosen(numbers))?;
        let answered = oracle.read(&text).and_then(|read| oracle.answer(&read, flags, settings.model));
        match answered {
            Ok(answer) => Some(answer),
            Err(Stop::Spent) => None,
            Err(Stop::Problem(problem)) => {
                failed.get_or_insert(problem);
                None
            }
        }
    };
    let mut remains = None;
    let found = minimal_sets(
        &candidates.order,
        |numbers| u64::from(candidates.cost(&candidates.chosen(numbers))),
        |numbers| {
            let answer = ask(&mut oracle, numbers, races)?;
            let is_enough = is_wanted(&answer);
            if remains.is_none() {
                // The first question is about all strengthenings together.
                remains = Some(answer);
            }
            Some(is_enough)
        },
        MANY,
    );
    let mut proposals = Vec::new();
    for numbers in &found.sets {
        let changes = candidates.chosen(numbers);
        // (Without plain accesses there are no races.)
        let race = match repair.plain {
            true => ask(&mut oracle, numbers, true).map(|answer| has_race(&answer)),
            false => Some(false),
        };
        proposals.push(Proposal {
            steps: candidates.steps(&changes).unwrap_or_default(),
            cost: candidates.cost(&changes),
            source: candidates.source(&changes).unwrap_or_default(),
            race,
        });
    }
    if let (Some(problem), true) = (failed, proposals.is_empty()) {
        return Err(problem);
    }
    repair.result = match (proposals.is_empty() && found.complete, remains) {
        (true, Some(answer)) if is_sequential(&mut oracle, &answer, &read) => Repaired::Sequential,
        (true, _) => Repaired::Impossible,
        (false, _) => Repaired::Proposals { proposals, complete: found.complete },
    };
    Ok(repair)
}

fn has_readers(program: &Program) -> bool {
    let mut events = program.threads.iter().flat_map(|thread| &thread.paths).flat_map(|path| &path.events);
    events.any(|event| matches!(event.label, Label::Fence(Fence::RcuLock) | Label::Read(Mode::SrcuLock)))
}

fn has_race(answer: &Answer) -> bool {
    answer.flags.contains("data-race")
}

/// Is what remains with all strengthenings possible under sequential consistency? (That model knows no grace periods: where there are
/// some, the execution itself must be one that it allows.)
fn is_sequential(oracle: &mut Oracle<'_>, remains: &Answer, read: &Read) -> bool {
    let quantifier = read.test.quantifier;
    let sc = models::sc();
    let Some(execution) = remains.culprit(quantifier) else { return false };
    if sc.judge(execution).violated.is_none() {
        return true;
    }
    let threads = &read.test.program.threads;
    let mut events = threads.iter().flat_map(|thread| &thread.paths).flat_map(|path| &path.events);
    let waits = |label: Label| matches!(label, Label::Fence(Fence::SyncRcu) | Label::SyncSrcu);
    !events.any(|event| waits(event.label))
        && oracle.answer(read, false, sc).is_ok_and(|answer| answer.happens(quantifier))
}

/// Why there is no answer at all.
fn problem(stop: Stop, settings: &Settings) -> Problem {
    match stop {
        Stop::Problem(problem) => problem,
        Stop::Spent => {
            let limit = settings.timeout.unwrap_or_default().as_secs_f64();
            Problem::new(format!("no verdict within {limit} s or the other budgets")).with_help("raise --timeout")
        }
    }
}

//! What is asked of each changed source: does what is to be forbidden still happen?

use crate::ast::Process;
use crate::large;
use crate::lower::Budget;
use crate::sites::Sites;
use crate::{Operations, Options, Settings};
use lkmm_model::event::{Label, Mode};
use lkmm_model::graph::Execution;
use lkmm_model::models::Model;
use lkmm_model::program::Program;
use lkmm_report::{Problem, Quantifier, Test};
use lkmm_search::{Question, SearchError, Verdict, search};
use std::collections::BTreeSet;
use std::time::Instant;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(super) enum Stop {
    /// A budget ran out.
    Spent,
    /// The source cannot be checked.
    Problem(Problem),
}

/// What came of a source.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) verdict: Verdict,
    /// What the model complains of, a data race among them; only of tests with plain accesses.
    pub(super) flags: BTreeSet<&'static str>,
    pub(super) truncated: bool,
    pub(super) witness: Option<Box<Execution>>,
    pub(super) counter_witness: Option<Box<Execution>>,
}

/// A test that was read.
pub(super) struct Read {
    pub(super) test: Test,
    pub(super) processes: Vec<Process>,
    pub(super) sites: Sites,
}

/// Checks changed sources within a budget.
pub(super) struct Oracle<'a> {
    pub(super) settings: &'a Settings,
    pub(super) deadline: Option<Instant>,
    /// How many sources it has checked.
    pub(super) asked: u64,
}

impl<'a> Oracle<'a> {
    pub(super) fn new(settings: &'a Settings) -> Oracle<'a> {
        let deadline = settings.timeout.and_then(|limit| Instant::now().checked_add(limit));
        Oracle { settings, deadline, asked: 0 }
    }

    pub(super) fn read(&self, source: &str) -> Result<Read, Stop> {
        let options = Options { unroll: self.settings.unroll, deadline: self.deadline };
        let mut budget = Budget::new(&options, large::SMALL);
        match crate::read_processes(source, &mut budget) {
            Ok((test, processes, sites)) => Ok(Read { test, processes, sites }),
            Err(_) if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) => Err(Stop::Spent),
            Err(problem) if budget.is_spent() => {
                let large = Problem { message: "too large to be repaired or weakened".into(), ..problem };
                Err(Stop::Problem(large))
            }
            Err(problem) => Err(Stop::Problem(problem)),
        }
    }

    /// The verdict, and with plain accesses the flags.
    pub(super) fn answer(&mut self, read: &Read, flags: bool, model: &'static Model) -> Result<Answer, Stop> {
        let program = &read.test.program;
        self.asked += 1;
        let mut options = lkmm_search::Options {
            question: Question::Verdict,
            jobs: self.settings.jobs,
            deadline: self.left()?,
            max_executions: self.settings.max_executions,
            memory: self.settings.memory,
            witness: true,
            ..lkmm_search::Options::new(model)
        };
        let fails = |error: SearchError| match error {
            SearchError::Timeout(_) | SearchError::TooManyExecutions(_) | SearchError::TooManyStates { .. } => {
                Stop::Spent
            }
            error => Stop::Problem(crate::check::problem(&read.test, &Operations::of(&read.processes), &error)),
        };
        let outcome = search(program, &options).map_err(fails)?;
        let mut answer = Answer {
            verdict: outcome.verdict(),
            flags: BTreeSet::new(),
            truncated: outcome.truncated,
            witness: outcome.witness,
            counter_witness: outcome.counter_witness,
        };
        if flags && has_plain(program) {
            options.question = Question::AllExecutions;
            options.witness = false;
            options.deadline = self.left()?;
            answer.flags = search(program, &options).map_err(fails)?.flags;
        }
        Ok(answer)
    }

    fn left(&self) -> Result<Option<std::time::Duration>, Stop> {
        let left = self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_some_and(|left| left.is_zero()) { Err(Stop::Spent) } else { Ok(left) }
    }
}

/// Are there accesses that can race?
pub(super) fn has_plain(program: &Program) -> bool {
    let mut events = program.threads.iter().flat_map(|thread| &thread.paths).flat_map(|path| &path.events);
    events.any(|event| matches!(event.label, Label::Read(Mode::Plain) | Label::Write(Mode::Plain)))
}

impl Answer {
    /// Is there an execution of the kind that a test does not want: one that satisfies its condition, and of `forall` one that does not?
    pub(super) fn happens(&self, quantifier: Quantifier) -> bool {
        self.culprit(quantifier).is_some()
    }

    /// The first such execution.
    pub(super) fn culprit(&self, quantifier: Quantifier) -> Option<&Execution> {
        match quantifier {
            Quantifier::Forall => self.counter_witness.as_deref(),
            Quantifier::Exists | Quantifier::NotExists => self.witness.as_deref(),
        }
    }
}

//! Combinations of control paths, one for each thread, in a fixed order, so that a part of them can be named by a range.

use crate::outcome::SearchError;
use crate::run::Goal;
use crate::values::{PathFacts, has_pointers};
use crate::{MAX_EVENTS, Options};
use lkmm_model::program::{EventTemplate, Expr, ExprId, Observable, Path, Program, Proposition, Value};
use std::time::Instant;

/// What a read below an expression takes in the tables of [`PathFacts`], in bytes.
const SUPPORT: u64 = 8;

/// Bit matrices over the events of an execution that a worker has, at most: those of its plan, by far.
const MATRICES: u64 = 512;

/// Bytes that a worker has for each expression: its value, and how to take that back.
const EXPRESSION: u64 = 64;

/// The feasible paths of each thread.
pub(crate) struct Choices<'p> {
    threads: Vec<Vec<(&'p Path, PathFacts)>>,
}

impl<'p> Choices<'p> {
    pub(crate) fn new(program: &'p Program, options: &Options, started: Instant) -> Result<Self, SearchError> {
        let mut choices = Choices { threads: Vec::with_capacity(program.threads.len()) };
        let mut size = 0;
        let pointers = has_pointers(program);
        let limit = usize::try_from(options.memory / 4 / SUPPORT).unwrap_or(usize::MAX);
        for thread in &program.threads {
            let mut feasible = Vec::new();
            for path in &thread.paths {
                if let Some(limit) = options.deadline.filter(|&limit| started.elapsed() >= limit) {
                    return Err(SearchError::Timeout(limit));
                }
                if let Some(facts) = PathFacts::new(path, program, pointers, limit - size)? {
                    size += facts.size;
                    feasible.push((path, facts));
                }
            }
            choices.threads.push(feasible);
        }
        Ok(choices)
    }

    /// The number of combinations; saturates.
    pub(crate) fn len(&self) -> u64 {
        self.threads.iter().fold(1, |n, t| n.saturating_mul(t.len() as u64))
    }

    /// The workers that a search has memory for, of those that it is allowed: they take half of what states may take.
    pub(crate) fn workers(&self, options: &Options) -> u32 {
        let most = |of: fn(&Path) -> usize| -> u64 {
            self.threads.iter().map(|t| t.iter().map(|(path, _)| of(path) as u64).max().unwrap_or(0)).sum()
        };
        let (events, expressions) = (most(|path| path.events.len()), most(|path| path.exprs.len()));
        // A location is accessed by an event, and has an initial write.
        let events = events.saturating_mul(2).clamp(64, MAX_EVENTS as u64).next_power_of_two();
        let worker = MATRICES * events * events / 8 + EXPRESSION * expressions;
        let workers = (options.memory / 2 / worker).clamp(1, options.jobs.max(1) as u64);
        u32::try_from(workers).unwrap_or(u32::MAX)
    }

    /// May an execution end in an error?
    pub(crate) fn may_fail(&self) -> bool {
        self.threads.iter().flatten().any(|(_, facts)| facts.may_fail())
    }

    /// The combination of a number. `None` if the goal is out of reach on it, whatever the reads return.
    pub(crate) fn get<'s>(
        &'s self,
        mut number: u64,
        program: &Program,
        goal: Goal,
    ) -> Option<(Vec<&'p Path>, Vec<&'s PathFacts>)> {
        let mut paths = Vec::with_capacity(self.threads.len());
        let mut facts = Vec::with_capacity(self.threads.len());
        for thread in &self.threads {
            let (path, fact) = &thread[(number % thread.len() as u64) as usize];
            number /= thread.len() as u64;
            paths.push(*path);
            facts.push(fact);
        }
        if goal == Goal::Errors {
            return facts.iter().any(|facts| facts.may_fail()).then_some((paths, facts));
        }
        let truncated = paths.iter().any(|p| p.truncated);
        let known = |observable| constant(&paths, observable);
        let lost = |p: &Option<Proposition>, wanted: bool| {
            p.as_ref().is_some_and(|p| p.evaluate(&known).is_some_and(|holds| holds != wanted))
        };
        let lost = lost(&program.filter, true)
            || match goal {
                _ if truncated => false,
                Goal::Everything | Goal::Errors => false,
                Goal::Positive => lost(&program.condition, true),
                Goal::Negative => lost(&program.condition, false),
            };
        (!lost).then_some((paths, facts))
    }
}

/// The final value of a register that its path sets to a constant.
fn constant(paths: &[&Path], observable: Observable) -> Option<Value> {
    let Observable::Register(thread, register) = observable else { return None };
    let path = paths[thread as usize];
    match path.exprs[path.finals[register as usize] as usize] {
        Expr::Const(value) => Some(value),
        _ => None,
    }
}

/// The threads of a combination: which path each takes, and where its events and expressions begin.
pub(crate) struct Combination<'p> {
    pub(crate) program: &'p Program,
    pub(crate) paths: Vec<&'p Path>,
    pub(crate) facts: Vec<&'p PathFacts>,
    /// First event of each thread, among the events of all threads.
    pub(crate) events: Vec<usize>,
    /// First expression of each thread.
    pub(crate) exprs: Vec<usize>,
    /// The thread of each event.
    pub(crate) thread_of: Vec<u32>,
}

impl<'p> Combination<'p> {
    pub(crate) fn new(program: &'p Program, paths: Vec<&'p Path>, facts: Vec<&'p PathFacts>) -> Self {
        let (mut events, mut exprs, mut thread_of) = (vec![0], vec![0], Vec::new());
        for (thread, path) in paths.iter().enumerate() {
            events.push(events[thread] + path.events.len());
            exprs.push(exprs[thread] + path.exprs.len());
            thread_of.resize(events[thread + 1], thread as u32);
        }
        Combination { program, paths, facts, events, exprs, thread_of }
    }

    /// The number of events of all threads.
    pub(crate) fn len(&self) -> usize {
        self.thread_of.len()
    }

    /// The template of an event, and its thread.
    pub(crate) fn template(&self, event: usize) -> (&'p EventTemplate, usize) {
        let thread = self.thread_of[event] as usize;
        (&self.paths[thread].events[event - self.events[thread]], thread)
    }

    /// Are these the two halves of a read-modify-write? (Neither model nor herd7 lets the one read from the other.)
    pub(crate) fn is_pair(&self, read: usize, write: usize) -> bool {
        let thread = self.thread_of[read] as usize;
        let base = self.events[thread];
        self.paths[thread].rmw.iter().any(|&(r, w)| (base + r as usize, base + w as usize) == (read, write))
    }

    /// The reads below an expression of a thread, as events of the combination.
    pub(crate) fn support(&self, thread: usize, expr: ExprId) -> impl Iterator<Item = usize> + '_ {
        let base = self.events[thread];
        self.facts[thread].support[expr as usize].iter().map(move |&e| base + e as usize)
    }
}

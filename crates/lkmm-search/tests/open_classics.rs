//! Counts that theory gives, by the open search.

#[path = "common/counter.rs"]
mod counter;
#[path = "common/rings.rs"]
mod rings;

use counter::counter;
use lkmm_model::build::ProgramBuilder;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::models::{self, Model};
use lkmm_model::program::{Program, Value};
use lkmm_search::open::{self, Answer, ClosedProgram, OpenError, OpenProgram, Statistics, Step};
use rings::{critical_sections, factorial, load_buffering, store_buffering, writers};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

fn explore(program: &Program, model: &'static Model) -> Statistics {
    open::explore(&mut ClosedProgram::new(program), &open::Options::new(model), &mut |_| ControlFlow::Continue(()))
        .expect("the program has a meaning")
}

fn executions(program: &Program, model: &'static Model) -> u64 {
    explore(program, model).executions
}

#[test]
fn increments_of_a_counter_come_in_every_order() {
    for n in 1..=6 {
        let statistics = explore(&counter(n as usize), models::lkmm());
        assert_eq!((statistics.executions, statistics.stuck), (factorial(n), 0));
    }
}

#[test]
fn writers_of_one_location_come_in_every_order() {
    for n in 1..=6 {
        assert_eq!(executions(&writers(n), models::lkmm()), factorial(n));
    }
}

#[test]
fn critical_sections_come_in_every_order() {
    for n in 1..=4 {
        let mut flags = Vec::new();
        let program = critical_sections(n);
        let found = &mut |found: &open::Found<'_>| {
            flags.extend(found.flags().to_vec());
            ControlFlow::Continue(())
        };
        let statistics = open::explore(&mut ClosedProgram::new(&program), &open::Options::new(models::lkmm()), found)
            .expect("the program has a meaning");
        assert_eq!((statistics.executions, flags.len()), (factorial(n), 0));
    }
}

#[test]
fn store_buffering_rings() {
    for n in 2..=7 {
        assert_eq!(executions(&store_buffering(n, None), models::lkmm()), 1 << n);
        assert_eq!(executions(&store_buffering(n, Some(Fence::Mb)), models::lkmm()), (1 << n) - 1);
        assert_eq!(executions(&store_buffering(n, None), models::sc()), (1 << n) - 1);
        assert_eq!(executions(&store_buffering(n, None), models::tso()), 1 << n);
    }
}

#[test]
fn load_buffering_rings() {
    for n in 2..=7 {
        let statistics = explore(&load_buffering(n, None), models::lkmm());
        assert_eq!((statistics.executions, statistics.cyclic), (1 << n, 1));
        let statistics = explore(&load_buffering(n, Some(Fence::Mb)), models::lkmm());
        assert_eq!((statistics.executions, statistics.cyclic), ((1 << n) - 1, 0));
        assert_eq!(executions(&load_buffering(n, None), models::sc()), (1 << n) - 1);
    }
}

#[test]
fn who_waits_for_a_lock_that_is_never_released_does_not_count() {
    let mut program = ProgramBuilder::new();
    let lock = program.location("lock", 0);
    program.thread().lock(lock);
    let mut other = program.thread();
    other.lock(lock);
    other.unlock(lock);
    let statistics = explore(&program.finish(), models::lkmm());
    assert_eq!(statistics.executions, 1);
}

/// A program that exists only as code: one thread writes numbers, the other adds up what it reads until it reads zero.
#[derive(Default)]
struct Sum {
    threads: [Adding; 2],
}

#[derive(Clone, Copy, Default)]
struct Adding {
    steps: u32,
    sum: i32,
    done: bool,
}

impl OpenProgram for Sum {
    fn threads(&self) -> usize {
        2
    }

    fn restart(&mut self) {
        self.threads = [Adding::default(); 2];
    }

    fn next(&mut self, number: usize, _: Option<u32>) -> Step {
        let thread = &mut self.threads[number];
        thread.steps += 1;
        match (number, thread.steps) {
            (1, 1..=3) if !thread.done => Step::Read(open::ReadKind::Ordinary, 0),
            (0, n @ 1..=2) => Step::Write(0, Some(Value::Int(n as i32)), open::Event::new(Label::Write(Mode::Once), 0)),
            _ => Step::End { results: vec![Value::Int(thread.sum)], cut: false },
        }
    }

    fn access(&mut self, _: usize, _: Answer) -> Result<Option<open::Access>, open::OpenError> {
        Ok(Some(open::Access::new(open::Event::new(Label::Read(Mode::Once), 0))))
    }

    fn resume(&mut self, number: usize, answer: Answer) {
        if let Answer::Value(Value::Int(value)) = answer {
            let thread = &mut self.threads[number];
            thread.sum += value;
            thread.done = value == 0;
        }
    }

    fn initial(&self, _: u32) -> Value {
        Value::Int(0)
    }
}

#[test]
fn code_decides_how_often_it_reads() {
    let mut sums = Vec::new();
    let found = &mut |found: &open::Found<'_>| {
        sums.push(found.results(1)[0]);
        ControlFlow::Continue(())
    };
    open::explore(&mut Sum::default(), &open::Options::new(models::lkmm()), found).expect("the program has a meaning");
    sums.sort();
    // Of the ascending sequences over 0, 1 and 2: it stops at 0, or reads three times (111, 112, 122, 222).
    assert_eq!(sums, [0, 3, 4, 5, 6].map(Value::Int));
}

#[test]
fn the_size_of_a_search_is_estimated() {
    let program = counter(6);
    let explored = |max_executions| {
        let options = open::Options { max_executions, ..open::Options::new(models::lkmm()) };
        open::explore(&mut ClosedProgram::new(&program), &options, &mut |_| ControlFlow::Continue(()))
            .expect("the program has a meaning")
    };
    let all = explored(None);
    assert!(all.is_complete && (all.share - 1.0).abs() < 1e-9, "{all:?}");
    let half = explored(Some(360));
    let estimate = half.executions as f64 / half.share;
    // The first half of a search is a corner of it, so that only the order of magnitude can be expected.
    assert!(!half.is_complete && (72.0..7200.0).contains(&estimate), "{half:?} {estimate}");
}

#[test]
fn random_walks_come_to_every_corner() {
    let all_of = [(counter(4), 24), (store_buffering(4, None), 16), (load_buffering(3, None), 8)];
    for (program, executions) in all_of {
        let sample = |seed| {
            let strategy = open::Strategy::Random { seed, n: 2000 };
            let options = open::Options { strategy, ..open::Options::new(models::lkmm()) };
            let mut seen = Vec::new();
            let found = &mut |found: &open::Found<'_>| {
                seen.push(format!("{:?}", found.execution()));
                ControlFlow::Continue(())
            };
            let statistics =
                open::explore(&mut ClosedProgram::new(&program), &options, found).expect("the program has a meaning");
            (statistics, seen)
        };
        let (statistics, seen) = sample(1);
        assert!(statistics.has_sampled && !statistics.is_complete && statistics.executions <= 2000);
        assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), executions, "{statistics:?}");
        let estimate = statistics.executions as f64 / statistics.share;
        // Load buffering counts more than once in it.
        assert!((0.8..1.5).contains(&(estimate / executions as f64)), "{estimate} {statistics:?}");
        assert!(sample(2).1 != seen && sample(1) == (statistics, seen));
    }
}

#[test]
fn an_ordinary_read_of_a_lock_is_refused_whoever_comes_first() {
    let mut program = ProgramBuilder::new();
    let lock = program.location("lock", 0);
    program.thread().read(Mode::Once, lock, "r0");
    let mut thread = program.thread();
    thread.lock(lock);
    thread.unlock(lock);
    let program = program.finish();
    for schedule in [vec![0, 1], vec![1, 0]] {
        let options = open::Options { schedule, ..open::Options::new(models::lkmm()) };
        let answer = open::explore(&mut ClosedProgram::new(&program), &options, &mut |_| ControlFlow::Continue(()));
        assert_eq!(answer, Err(OpenError::MixedLock(lock)));
    }
}

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
use lkmm_search::open::{self, Answer, ClosedProgram, OpenProgram, Statistics, Step};
use rings::{critical_sections, factorial, load_buffering, store_buffering, writers};

fn explore(program: &Program, model: &'static Model) -> Statistics {
    open::explore(&ClosedProgram::new(program), &open::Options::new(model), &mut |_| {})
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
        let found = &mut |found: &open::Found| flags.extend(found.flags.clone());
        let program = critical_sections(n);
        let statistics = open::explore(&ClosedProgram::new(&program), &open::Options::new(models::lkmm()), found)
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
struct Sum;

#[derive(Default)]
struct Adding {
    reader: bool,
    steps: u32,
    sum: i32,
    done: bool,
}

fn event(label: Label) -> open::Event {
    open::Event {
        label,
        atomic: false,
        origin: 0,
        addr: Vec::new(),
        data: Vec::new(),
        ctrl: Vec::new(),
        unordered: Vec::new(),
        rmw: None,
    }
}

impl OpenProgram for Sum {
    type Thread = Adding;

    fn threads(&self) -> usize {
        2
    }

    fn initial(&self, _: u32) -> Value {
        Value::Int(0)
    }

    fn observed_locations(&self) -> Vec<u32> {
        Vec::new()
    }

    fn start(&self, thread: usize) -> Adding {
        Adding { reader: thread == 1, ..Adding::default() }
    }

    fn next(&self, thread: &mut Adding) -> Step {
        thread.steps += 1;
        match (thread.reader, thread.steps) {
            (true, 1..=3) if !thread.done => Step::Read(open::ReadKind::Ordinary, 0),
            (false, n @ 1..=2) => Step::Write(0, Some(Value::Int(n as i32)), event(Label::Write(Mode::Once))),
            _ => Step::End { results: vec![Value::Int(thread.sum)], cut: false },
        }
    }

    fn resume(&self, thread: &mut Adding, answer: Answer) -> Result<Option<open::Access>, open::OpenError> {
        if let Answer::Value(Value::Int(value)) = answer {
            thread.sum += value;
            thread.done = value == 0;
        }
        Ok(Some(open::Access { fence_before: None, event: event(Label::Read(Mode::Once)) }))
    }
}

#[test]
fn code_decides_how_often_it_reads() {
    let mut sums = Vec::new();
    let found = &mut |found: &open::Found| sums.push(found.results[1][0]);
    open::explore(&Sum, &open::Options::new(models::lkmm()), found).expect("the program has a meaning");
    sums.sort();
    // Of the ascending sequences over 0, 1 and 2: it stops at 0, or reads three times (111, 112, 122, 222).
    assert_eq!(sums, [0, 3, 4, 5, 6].map(Value::Int));
}

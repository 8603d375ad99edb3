//! Counts that theory gives, on programs built in Rust.

#[path = "common/rings.rs"]
mod rings;

use lkmm_model::build::ProgramBuilder;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::models::{self, Model};
use lkmm_model::program::{EventTemplate, Expr, Location, Operator, Path, Program, Thread, Value};
use lkmm_search::{Options, SearchError, search};
use rings::{critical_sections, factorial, load_buffering, store_buffering, writers};

fn executions(program: &Program, model: &'static Model) -> u64 {
    let outcome = search(program, &Options::new(model)).expect("no budget is set");
    outcome.positive + outcome.negative
}

#[test]
fn store_buffering_rings() {
    for n in 2..=8 {
        assert_eq!(executions(&store_buffering(n, None), models::lkmm()), 1 << n);
        assert_eq!(executions(&store_buffering(n, Some(Fence::Mb)), models::lkmm()), (1 << n) - 1);
        assert_eq!(executions(&store_buffering(n, None), models::sc()), (1 << n) - 1);
        assert_eq!(executions(&store_buffering(n, None), models::tso()), 1 << n);
        assert_eq!(executions(&store_buffering(n, Some(Fence::Mb)), models::tso()), (1 << n) - 1);
    }
}

#[test]
fn load_buffering_rings() {
    for n in 2..=8 {
        assert_eq!(executions(&load_buffering(n, None), models::lkmm()), 1 << n);
        assert_eq!(executions(&load_buffering(n, None), models::sc()), (1 << n) - 1);
        assert_eq!(executions(&load_buffering(n, None), models::tso()), (1 << n) - 1);
    }
}

#[test]
fn writers_of_one_location_come_in_every_order() {
    for n in 1..=5 {
        assert_eq!(executions(&writers(n), models::lkmm()), factorial(n));
    }
}

#[test]
fn critical_sections_come_in_every_order() {
    for n in 1..=4 {
        let outcome = search(&critical_sections(n), &Options::new(models::lkmm())).expect("no budget is set");
        assert_eq!(outcome.positive + outcome.negative, factorial(n));
        assert!(outcome.flags.is_empty(), "{:?}", outcome.flags);
    }
}

#[test]
fn unlocked_plain_writes_race() {
    let mut program = ProgramBuilder::new();
    let x = program.location("x", 0);
    program.thread().write(Mode::Plain, x, 1);
    program.thread().write(Mode::Plain, x, 2);
    let outcome = search(&program.finish(), &Options::new(models::lkmm())).expect("no budget is set");
    assert_eq!(outcome.flags.into_iter().collect::<Vec<_>>(), ["data-race"]);
}

#[test]
fn a_grace_period_waits_for_one_reader() {
    // A reader that sees the second write of a publisher that waits in between, and not the first.
    for (fence, executions_expected) in [(Some(Fence::SyncRcu), 3), (None, 4)] {
        let mut program = ProgramBuilder::new();
        let (x, y) = (program.location("x", 0), program.location("y", 0));
        let mut reader = program.thread();
        reader.fence(Fence::RcuLock);
        reader.read(Mode::Once, x, "r0");
        reader.read(Mode::Once, y, "r1");
        reader.fence(Fence::RcuUnlock);
        let mut updater = program.thread();
        updater.write(Mode::Once, y, 1);
        if let Some(fence) = fence {
            updater.fence(fence);
        }
        updater.write(Mode::Once, x, 1);
        assert_eq!(executions(&program.finish(), models::lkmm()), executions_expected);
    }
}

#[test]
fn sharing_a_search_out_changes_nothing() {
    let program = store_buffering(12, Some(Fence::Mb));
    let alone = search(&program, &Options::new(models::lkmm())).expect("no budget is set");
    let shared = search(&program, &Options { jobs: 3, ..Options::new(models::lkmm()) }).expect("no budget is set");
    assert_eq!(alone.states, shared.states);
    assert_eq!(alone.positive + alone.negative, shared.positive + shared.negative);
}

#[test]
fn tables_of_dependencies_are_bounded() {
    // Sums of more and more reads.
    let (reads, address) = (
        1_000,
        EventTemplate { label: Label::Read(Mode::Once), address: Some(0), value: None, atomic: false, origin: 0 },
    );
    let mut exprs = vec![Expr::Const(Value::Address(0, 0)), Expr::Read(0)];
    for read in 1..reads {
        exprs.push(Expr::Read(read));
        let last = exprs.len() as u32 - 1;
        exprs.push(Expr::Op(Operator::Add, last - 1, last));
    }
    let path = Path { events: vec![address; reads as usize], exprs, ..Path::default() };
    let program = Program {
        locations: vec![Location { name: "x".into(), init: Value::Int(0) }],
        threads: vec![Thread { registers: Vec::new(), paths: vec![path] }],
        ..Program::default()
    };
    let mut options = Options::new(models::lkmm());
    assert_eq!(search(&program, &options).map(|outcome| outcome.positive), Ok(1));
    // Half a million entries of eight bytes are more than a quarter of this.
    options.memory = 8 << 20;
    assert_eq!(search(&program, &options).map(|outcome| outcome.positive), Err(SearchError::TooManyDependencies));
}

#[test]
fn final_states_are_bounded() {
    let mut options = Options::new(models::lkmm());
    options.memory = 1_000;
    let error = search(&store_buffering(4, None), &options).unwrap_err();
    assert!(matches!(error, SearchError::TooManyStates { memory: 1_000, .. }), "{error}");
}

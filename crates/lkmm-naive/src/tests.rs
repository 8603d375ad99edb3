//! Known outcomes: small programs whose executions can be counted by hand, or are in the literature.

use crate::syntax::{Atomic, Operand, Ordering, Place, Statement};
use crate::unfold::unfold;
use crate::{Counts, Limits, NaiveError, describe, enumerate, judge};
use Mode::{Acquire, Once, Plain, Release, SrcuLock, SrcuUnlock};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{Location, Observable, Operator, Program, Thread, Value};

const X: u32 = 0;
const Y: u32 = 1;
const P: u32 = 2;
const L: u32 = 3;
const S: u32 = 4;

fn program(threads: &[Vec<Statement>]) -> Program {
    let location = |name: &str, init| Location { name: name.into(), init };
    let zero = Value::Int(0);
    let locations = vec![
        location("x", zero),
        location("y", zero),
        location("p", Value::Address(X, 0)),
        location("l", zero),
        location("s", zero),
    ];
    let mut program = Program { locations, ..Program::default() };
    for (t, body) in threads.iter().enumerate() {
        let paths = unfold(body, 2);
        program.threads.push(Thread { registers: vec!["r0".into(), "r1".into()], paths });
        program.observed.extend((0..2).map(|r| Observable::Register(t as u32, r)));
    }
    program
}

fn run(threads: &[Vec<Statement>]) -> Counts {
    let program = program(threads);
    enumerate(&program, &judge, &Limits::default()).unwrap_or_else(|error| panic!("{error}\n{}", describe(&program)))
}

/// The executions that end with these values of the registers `r0` and `r1` of each thread.
fn count(counts: &Counts, registers: &[i32]) -> u64 {
    let state: Vec<Value> = registers.iter().map(|&i| Value::Int(i)).collect();
    counts.states.get(&state).copied().unwrap_or(0)
}

fn read(mode: Mode, location: u32, register: usize) -> Statement {
    Statement::Load(mode, Place::Static(location), register)
}

fn write(mode: Mode, location: u32, value: i32) -> Statement {
    Statement::Store(mode, Place::Static(location), constant(value))
}

fn copy(mode: Mode, location: u32, register: usize) -> Statement {
    Statement::Store(mode, Place::Static(location), Operand::Register(register))
}

fn constant(value: i32) -> Operand {
    Operand::Const(Value::Int(value))
}

fn fence(fence: Fence) -> Statement {
    Statement::Fence(fence)
}

fn store_buffering(fence: Option<Fence>) -> Counts {
    let thread = |ours, theirs| {
        let fence = fence.map(Statement::Fence);
        [Some(write(Once, ours, 1)), fence, Some(read(Once, theirs, 0))].into_iter().flatten().collect()
    };
    run(&[thread(X, Y), thread(Y, X)])
}

#[test]
fn store_buffering_needs_full_fences() {
    let plain = store_buffering(None);
    assert_eq!((plain.positive, count(&plain, &[0; 4])), (4, 1));
    assert_eq!(store_buffering(Some(Fence::Wmb)).positive, 4);
    let fenced = store_buffering(Some(Fence::Mb));
    assert_eq!((fenced.positive, count(&fenced, &[0; 4])), (3, 0));
    assert_eq!(store_buffering(Some(Fence::SyncRcu)).positive, 3);
}

fn message_passing(writer: Option<Statement>, flag: Mode, reader: Option<Statement>) -> bool {
    let publish = write(if flag == Acquire { Release } else { Once }, Y, 1);
    let w = [Some(write(Once, X, 1)), writer, Some(publish)].into_iter().flatten().collect();
    let r = [Some(read(flag, Y, 0)), reader, Some(read(Once, X, 1))].into_iter().flatten().collect();
    count(&run(&[w, r]), &[0, 0, 1, 0]) > 0
}

#[test]
fn message_passing_needs_order_on_both_sides() {
    assert!(message_passing(None, Once, None));
    assert!(message_passing(Some(fence(Fence::Wmb)), Once, None));
    assert!(message_passing(None, Once, Some(fence(Fence::Rmb))));
    assert!(message_passing(Some(fence(Fence::Wmb)), Once, Some(fence(Fence::Wmb))));
    assert!(!message_passing(Some(fence(Fence::Wmb)), Once, Some(fence(Fence::Rmb))));
    assert!(!message_passing(None, Acquire, None));
}

#[test]
fn load_buffering_is_stopped_by_data_dependencies() {
    let independent = |from, to| vec![read(Once, from, 0), write(Once, to, 1)];
    let dependent = |from, to| {
        let value = Operand::Dependent(0, Value::Int(1));
        vec![read(Once, from, 0), Statement::Store(Once, Place::Static(to), value)]
    };
    assert_eq!(count(&run(&[independent(X, Y), independent(Y, X)]), &[1, 0, 1, 0]), 1);
    assert_eq!(count(&run(&[dependent(X, Y), independent(Y, X)]), &[1, 0, 1, 0]), 1);
    assert_eq!(count(&run(&[dependent(X, Y), dependent(Y, X)]), &[1, 0, 1, 0]), 0);
}

#[test]
fn a_control_dependency_orders_writes_and_not_reads() {
    let guarded =
        |then: Statement, from| vec![read(Once, from, 0), Statement::If(Operand::Register(0), vec![then], vec![])];
    let counts = run(&[guarded(write(Once, Y, 1), X), guarded(write(Once, X, 1), Y)]);
    assert_eq!((counts.positive, count(&counts, &[0; 4])), (1, 1));
    let writer = vec![write(Once, X, 1), fence(Fence::Mb), write(Once, Y, 1)];
    assert_eq!(count(&run(&[writer, guarded(read(Once, X, 1), Y)]), &[0, 0, 1, 0]), 1);
}

#[test]
fn coherence_forbids_reading_backwards() {
    let counts = run(&[vec![write(Once, X, 1)], vec![read(Once, X, 0), read(Once, X, 1)]]);
    assert_eq!((counts.positive, count(&counts, &[0, 0, 1, 0])), (3, 0));
}

#[test]
fn atomic_increments_do_not_get_lost() {
    let increment = |ordering| vec![Statement::Atomic(Atomic::FetchAdd(constant(1)), ordering, Place::Static(X), 0)];
    let mut program = program(&[increment(Ordering::Relaxed), increment(Ordering::Full), increment(Ordering::Release)]);
    program.observed = vec![Observable::Location(X)];
    let counts = enumerate(&program, &judge, &Limits::default()).expect("a plain program");
    assert_eq!(counts.states.into_iter().collect::<Vec<_>>(), [(vec![Value::Int(3)], 6)]);
}

#[test]
fn compare_and_exchange_succeeds_once() {
    let acquire = |value| {
        let exchange = Atomic::CompareExchange(constant(0), constant(value));
        vec![Statement::Atomic(exchange, Ordering::Acquire, Place::Static(X), 0)]
    };
    let counts = run(&[acquire(1), acquire(2)]);
    assert_eq!(counts.states.len(), 2);
    assert_eq!((count(&counts, &[0, 0, 1, 0]), count(&counts, &[2, 0, 0, 0])), (1, 1));
}

#[test]
fn critical_sections_come_in_every_order() {
    let section =
        |t: usize| vec![Statement::Lock(L), read(Plain, X, 0), write(Plain, X, t as i32 + 1), Statement::Unlock(L)];
    for n in 1..=3 {
        let counts = run(&(0..n).map(section).collect::<Vec<_>>());
        assert_eq!(counts.positive, (1..=n as u64).product::<u64>());
        assert_eq!(counts.states.len() as u64, counts.positive);
        assert!(counts.flags.is_empty(), "{:?}", counts.flags);
    }
}

#[test]
fn locks_that_deadlock_have_no_execution() {
    assert_eq!(run(&[vec![Statement::Lock(L), Statement::Lock(L)]]).positive, 0);
    assert_eq!(run(&[vec![Statement::Lock(L)], vec![Statement::Lock(L)]]).positive, 0);
    let open = run(&[vec![Statement::Lock(L)], vec![Statement::Lock(L), Statement::Unlock(L)]]);
    assert_eq!(open.positive, 1);
    assert!(run(&[vec![Statement::Unlock(L)]]).flags.contains("unmatched-unlock"));
}

#[test]
fn a_trylock_fails_only_if_another_thread_locks() {
    let alone = run(&[vec![Statement::TryLock(L, 0, vec![])]]);
    assert_eq!((alone.positive, count(&alone, &[1, 0])), (1, 1));
    // Both succeed in either order, or one fails and reads from the other.
    let two = run(&[vec![Statement::TryLock(L, 0, vec![])], vec![Statement::TryLock(L, 0, vec![])]]);
    assert_eq!((two.positive, count(&two, &[1, 0, 1, 0]), count(&two, &[1, 0, 0, 0])), (4, 2, 1));
}

#[test]
fn a_lock_is_seen_locked_inside_its_section() {
    let inside = run(&[vec![Statement::Lock(L), Statement::IsLocked(L, 0), Statement::Unlock(L)]]);
    assert_eq!((inside.positive, count(&inside, &[1, 0])), (1, 1));
    let outside = run(&[vec![Statement::Lock(L), Statement::Unlock(L)], vec![Statement::IsLocked(L, 0)]]);
    // Locked; unlocked before; unlocked after.
    assert_eq!((outside.positive, count(&outside, &[0, 0, 1, 0])), (3, 1));
}

/// An unlock without its lock is in no `co`, yet both sides of a section cannot read from the same one.
#[test]
fn a_stray_unlock_is_before_or_after_a_section() {
    let section = vec![Statement::IsLocked(L, 0), Statement::Lock(L), Statement::Unlock(L), Statement::IsLocked(L, 1)];
    let counts = run(&[section, vec![Statement::Unlock(L)]]);
    // First from the initial write or the stray unlock, then from the section's or the stray unlock; not twice stray.
    assert_eq!(counts.positive, 3);
}

#[test]
fn observing_a_lock_is_flagged() {
    let mut program = program(&[vec![Statement::Lock(L), Statement::Unlock(L)]]);
    program.observed.push(Observable::Location(L));
    let counts = enumerate(&program, &judge, &Limits::default()).expect("a plain program");
    assert!(counts.flags.contains("lock-final"));
}

#[test]
fn a_grace_period_waits_for_readers() {
    let reader = vec![fence(Fence::RcuLock), read(Once, X, 0), read(Once, Y, 1), fence(Fence::RcuUnlock)];
    let updater = vec![write(Once, X, 1), fence(Fence::SyncRcu), write(Once, Y, 1)];
    assert_eq!(count(&run(&[updater.clone(), reader.clone()]), &[0, 0, 0, 1]), 0);
    // The grace period may lie between two sections.
    let mut split = reader.clone();
    split.splice(2..2, [fence(Fence::RcuUnlock), fence(Fence::RcuLock)]);
    assert_eq!(count(&run(&[updater.clone(), split]), &[0, 0, 0, 1]), 1);
    // Nesting matches the outer lock with the outer unlock.
    let mut nested = reader;
    nested.splice(2..2, [fence(Fence::RcuLock), fence(Fence::RcuUnlock)]);
    let counts = run(&[updater, nested]);
    assert_eq!(count(&counts, &[0, 0, 0, 1]), 0);
    assert!(counts.flags.is_empty());
    assert!(run(&[vec![fence(Fence::RcuLock)]]).flags.contains("unmatched-rcu-lock"));
    assert!(run(&[vec![fence(Fence::RcuUnlock)]]).flags.contains("unmatched-rcu-unlock"));
}

#[test]
fn srcu_grace_periods_wait_for_readers_of_their_domain() {
    let forbidden = |domain: u32| {
        let reader = vec![
            Statement::SrcuLock(S, 0),
            read(Once, Y, 1),
            Statement::Store(Once, Place::Static(P), constant(0)),
            read(Once, X, 0),
            Statement::SrcuUnlock(S, constant(0)),
        ];
        let mut program = program(&[reader, vec![write(Once, X, 1), Statement::SyncSrcu(S), write(Once, Y, 1)]]);
        // The unlock gets its index by a data dependency from the lock.
        let path = &mut program.threads[0].paths[0];
        path.data.push((0, 4));
        program.locations.push(Location { name: "t".into(), init: Value::Int(0) });
        let other = &mut program.threads[1].paths[0];
        let address = other.exprs.len() as u32;
        other.exprs.push(lkmm_model::program::Expr::Const(Value::Address(domain, 0)));
        other.events[1].address = Some(address);
        let counts = enumerate(&program, &judge, &Limits::default()).expect("a plain program");
        assert!(counts.flags.is_empty(), "{:?}", counts.flags);
        count(&counts, &[0, 1, 0, 0]) == 0
    };
    assert!(forbidden(S));
    assert!(!forbidden(5));
}

#[test]
fn srcu_misuse_is_flagged() {
    let unmatched = run(&[vec![Statement::SrcuLock(S, 0)], vec![Statement::SrcuUnlock(S, constant(0))]]);
    assert!(unmatched.flags.contains("unmatched-srcu-lock") && unmatched.flags.contains("unmatched-srcu-unlock"));
    let twice = vec![
        Statement::SrcuLock(S, 0),
        Statement::SrcuUnlock(S, Operand::Register(0)),
        Statement::SrcuUnlock(S, Operand::Register(0)),
    ];
    assert!(run(&[twice]).flags.contains("multiple-srcu-matches"));
    let wrong = vec![Statement::SrcuLock(S, 0), Statement::SrcuUnlock(S, Operand::Op(Operator::Add, 0, 1))];
    assert!(run(&[wrong]).flags.contains("srcu-bad-value-match"));
    let sleeping = vec![fence(Fence::RcuLock), Statement::SyncSrcu(S), fence(Fence::RcuUnlock)];
    assert!(run(&[sleeping]).flags.contains("invalid-sleep"));
    let mixed = vec![Statement::SrcuLock(S, 0), write(Once, S, 1), Statement::SrcuUnlock(S, Operand::Register(0))];
    assert!(run(&[mixed]).flags.contains("mixed-lock-accesses"));
    assert_eq!(Label::Read(SrcuLock).is_read(), Label::Write(SrcuUnlock).is_write());
}

#[test]
fn plain_accesses_race_unless_ordered() {
    assert!(run(&[vec![write(Plain, X, 1)], vec![read(Once, X, 0)]]).flags.contains("data-race"));
    assert!(run(&[vec![write(Once, X, 1)], vec![read(Plain, X, 0)]]).flags.contains("data-race"));
    assert!(run(&[vec![read(Plain, X, 0)], vec![read(Plain, X, 0)]]).flags.is_empty());
    let guarded = vec![read(Acquire, Y, 0), Statement::If(Operand::Register(0), vec![read(Plain, X, 1)], vec![])];
    let published = |mode| vec![write(Plain, X, 1), write(mode, Y, 1)];
    assert!(run(&[published(Release), guarded.clone()]).flags.is_empty());
    assert!(run(&[published(Once), guarded]).flags.contains("data-race"));
    assert!(run(&[vec![write(Plain, X, 1), write(Once, X, 2)]]).flags.contains("mixed-accesses"));
}

#[test]
fn plain_copies_yield_values_out_of_thin_air() {
    let copier = |from, to| vec![read(Plain, from, 0), copy(Plain, to, 0)];
    let counts = run(&[copier(X, Y), copier(Y, X)]);
    assert!(counts.thin_air);
    let symbol = Value::Symbol(0);
    assert_eq!(counts.states.get(&vec![symbol, Value::Int(0), symbol, Value::Int(0)]), Some(&1));
    let adder = vec![read(Plain, Y, 0), Statement::Store(Plain, Place::Static(X), Operand::Op(Operator::Add, 0, 1))];
    assert!(!run(&[copier(X, Y), adder]).thin_air);
    // Adding zero is a copy; adding a read that happens to return zero is not.
    let sum = |operand| vec![read(Plain, Y, 0), Statement::Store(Plain, Place::Static(X), operand)];
    assert!(run(&[copier(X, Y), sum(Operand::Op(Operator::Add, 0, 0))]).thin_air);
    let both = vec![
        Statement::LoadBoth([(Plain, Y), (Plain, S)], 0),
        Statement::Store(Plain, Place::Static(X), Operand::Register(0)),
    ];
    assert!(!run(&[copier(X, Y), both]).thin_air);
    let marked = |from, to| vec![read(Once, from, 0), copy(Once, to, 0)];
    assert!(!run(&[marked(X, Y), marked(Y, X)]).thin_air);
}

#[test]
fn a_pointer_is_followed_to_what_it_points_to() {
    let publish =
        vec![write(Once, Y, 1), Statement::Store(Release, Place::Static(P), Operand::Const(Value::Address(Y, 0)))];
    let follow = vec![read(Once, P, 0), Statement::Load(Once, Place::Deref(0), 1)];
    let counts = run(&[publish, follow]);
    let state = |location, value| vec![Value::Int(0), Value::Int(0), Value::Address(location, 0), Value::Int(value)];
    // The address dependency orders the second load after the first.
    assert_eq!(counts.states.into_iter().collect::<Vec<_>>(), [(state(X, 0), 1), (state(Y, 1), 1)]);
}

#[test]
fn reading_through_a_pointer_may_determine_it() {
    // As herd7: the pointer comes out of thin air, and equals the address of what is read through it.
    let mut program = program(&[
        vec![read(Plain, P, 0), Statement::Load(Once, Place::Deref(0), 1), copy(Plain, L, 0)],
        vec![read(Plain, L, 0), copy(Plain, P, 0)],
    ]);
    program.locations[L as usize].init = Value::Address(X, 0);
    let counts = enumerate(&program, &judge, &Limits::default()).expect("no error");
    let ends: Vec<Value> = counts.states.keys().map(|state| state[0]).collect();
    assert!(ends.contains(&Value::Address(Y, 0)), "{ends:?}");
}

#[test]
fn bad_programs_are_errors() {
    let through_null = vec![read(Once, X, 0), Statement::Store(Once, Place::Deref(0), constant(1))];
    let error = enumerate(&program(&[through_null]), &judge, &Limits::default());
    assert!(matches!(error, Err(NaiveError::BadAddress { value: Value::Int(0), .. })));
    let divide = vec![read(Once, X, 0), Statement::Store(Once, Place::Static(Y), Operand::Op(Operator::Div, 0, 0))];
    let error = enumerate(&program(&[divide]), &judge, &Limits::default());
    assert!(matches!(error, Err(NaiveError::Illegal(_))));
    let error = enumerate(&program(&[vec![write(Once, X, 1); 5]]), &judge, &Limits { candidates: 20 });
    assert_eq!(error, Err(NaiveError::TooManyCandidates));
}

#[test]
fn a_truncated_path_counts_for_nothing() {
    let cut = vec![read(Once, X, 0), Statement::If(Operand::Register(0), vec![Statement::Cut], vec![])];
    let counts = run(&[cut, vec![write(Once, X, 1)]]);
    assert_eq!((counts.positive, counts.truncated), (1, true));
}

//! Programs built in Rust are the programs that the same C makes: the same control paths, and the same answers.

use Mode::{Acquire, Once, Plain, Release};
use lkmm_model::build::{Operand, Ordering, ProgramBuilder, ThreadBuilder, address_of, finally};
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::models;
use lkmm_model::program::{LocationId, Operator, PathEvent, Program, Value};
use lkmm_search::{Options, search};

type Pairs = Vec<(PathEvent, PathEvent)>;
type Shape = (Vec<(Label, bool)>, [Pairs; 4]);

/// The control paths of each thread, without the order in which they are found.
fn shapes(program: &Program) -> Vec<Vec<Shape>> {
    let shape = |path: &lkmm_model::program::Path| {
        let events = path.events.iter().map(|event| (event.label, event.atomic)).collect();
        (events, [&path.addr, &path.data, &path.ctrl, &path.rmw].map(Clone::clone))
    };
    let thread = |thread: &lkmm_model::program::Thread| {
        let mut paths: Vec<Shape> = thread.paths.iter().map(shape).collect();
        paths.sort_by_key(|path| format!("{path:?}"));
        paths
    };
    program.threads.iter().map(thread).collect()
}

/// Compares what `build` makes of the locations with a file in `litmus/`.
fn same_as<const N: usize>(file: &str, names: [&str; N], build: impl FnOnce(&mut ProgramBuilder, [LocationId; N])) {
    let path = format!("{}/../../litmus/{file}.litmus", env!("CARGO_MANIFEST_DIR"));
    let source = std::fs::read_to_string(&path).expect("the test is there");
    let expected = lkmm_litmus::parse(&source, &lkmm_litmus::Options::default()).expect("it is well-formed").program;
    let mut builder = ProgramBuilder::new();
    let locations = names.map(|name| builder.location(name, 0));
    build(&mut builder, locations);
    let program = builder.finish();
    assert_eq!(shapes(&program), shapes(&expected), "{file}");
    let answer = |program: &Program| {
        let outcome = search(program, &Options::new(models::lkmm())).expect("no budget is set");
        (outcome.verdict(), outcome.positive, outcome.negative, outcome.flags)
    };
    assert_eq!(answer(&program), answer(&expected), "{file}");
}

/// A message passed from one location to the next, with what a thread does around its two accesses.
fn write_both(thread: &mut ThreadBuilder<'_>, first: LocationId, second: LocationId, between: Option<Fence>) {
    thread.write(Once, first, 1);
    between.into_iter().for_each(|fence| thread.fence(fence));
    thread.write(Once, second, 1);
}

#[test]
fn dependencies_follow_registers() {
    same_as("dependencies/LB+data+acquire", ["x", "y"], |program, [x, y]| {
        let mut thread = program.thread();
        let r0 = thread.read(Once, x, "r0");
        thread.write(Once, y, r0);
        let mut thread = program.thread();
        let r1 = thread.read(Acquire, y, "r0");
        thread.write(Once, x, 1);
        program.exists(r0.is(1) & r1.is(1));
    });
    same_as("dependencies/LB+addr+data", ["z", "y"], |program, [z, y]| {
        let p = program.pointer("p", y);
        let mut thread = program.thread();
        let r0 = thread.read(Once, p, "r0");
        thread.write(Once, r0, 1);
        let mut thread = program.thread();
        let r1 = thread.read(Once, z, "r1");
        thread.when(r1, |thread| thread.write(Once, p, address_of(z)));
        program.exists(r0.is(Value::Address(z, 0)) & r1.is(1));
    });
    same_as("dependencies/carry-dep-into-ctrl", ["x", "y", "z"], |program, [x, y, z]| {
        let mut thread = program.thread();
        let r0 = thread.read(Once, x, "r0");
        thread.write(Plain, z, r0);
        let copy = thread.read(Plain, z, "r1");
        thread.when(copy, |thread| thread.write(Once, y, 1));
        let mut thread = program.thread();
        let r1 = thread.read(Acquire, y, "r0");
        thread.write(Once, x, 1);
        program.exists(r0.is(1) & r1.is(1));
    });
    same_as("dependencies/carry-dep-local", ["x", "y"], |program, [x, y]| {
        let mut thread = program.thread();
        let r0 = thread.read(Once, x, "r0");
        let r1 = thread.assign("r1", r0);
        let r2 = thread.assign("r2", r1 + 0);
        thread.write(Once, y, r2);
        let mut thread = program.thread();
        let r1 = thread.read(Acquire, y, "r0");
        thread.write(Once, x, 1);
        program.exists(r0.is(1) & r1.is(1));
    });
}

#[test]
fn control_ends_where_the_arms_join() {
    for (file, inside) in [("dependencies/LB+ctrl+data", true), ("dependencies/LB+ctrl-after-join+data", false)] {
        same_as(file, ["x", "y", "z"], |program, [x, y, z]| {
            let mut thread = program.thread();
            let r0 = thread.read(Once, x, "r0");
            if inside {
                thread.when(r0.op(Operator::Ge, 0), |thread| thread.write(Once, y, 1));
            } else {
                thread.when(r0, |thread| thread.write(Once, z, 1));
                thread.write(Once, y, 1);
            }
            let mut thread = program.thread();
            let r1 = thread.read(Once, y, "r0");
            thread.write(Once, x, r1);
            program.exists(r0.is(1) & r1.is(1));
        });
    }
    same_as("dependencies/LB+ctrl-both-arms+data", ["x", "y"], |program, [x, y]| {
        let mut thread = program.thread();
        let r0 = thread.read(Once, x, "r0");
        let store = |thread: &mut ThreadBuilder<'_>| thread.write(Once, y, 1);
        thread.branch(r0, store, store);
        let mut thread = program.thread();
        let r1 = thread.read(Once, y, "r0");
        thread.write(Once, x, r1);
        program.exists(r0.is(1) & r1.is(1));
    });
}

#[test]
fn atomic_operations_are_ordered_as_they_are_named() {
    for (file, first, second) in [
        ("atomics/SB+xchg+xchg", Ordering::Full, Ordering::Full),
        ("atomics/SB+xchg-relaxed+xchg", Ordering::Relaxed, Ordering::Full),
    ] {
        same_as(file, ["x", "y"], |program, [x, y]| {
            let [r0, r1] = [(first, x, y), (second, y, x)].map(|(ordering, own, other)| {
                let mut thread = program.thread();
                thread.xchg(ordering, own, 1, "r1");
                thread.read(Once, other, "r0")
            });
            program.exists(r0.is(0) & r1.is(0));
        });
    }
    same_as("atomics/MP+fetch-add-release+fetch-add-acquire", ["msg", "n"], |program, [msg, n]| {
        let mut thread = program.thread();
        thread.write(Once, msg, 1);
        thread.fetch(Ordering::Release, Operator::Add, n, 1, "r0");
        let mut thread = program.thread();
        let r0 = thread.fetch(Ordering::Acquire, Operator::Add, n, 1, "r0");
        let r1 = thread.read(Once, msg, "r1");
        program.exists(r0.is(1) & r1.is(0));
    });
    same_as("fences/SB+before-atomic", ["x", "n", "y"], |program, [x, n, y]| {
        let mut thread = program.thread();
        thread.write(Once, x, 1);
        thread.fence(Fence::BeforeAtomic);
        thread.atomic(Operator::Add, n, 1);
        let r0 = thread.read(Once, y, "r0");
        let mut thread = program.thread();
        thread.write(Once, y, 1);
        thread.fence(Fence::Mb);
        let r1 = thread.read(Once, x, "r0");
        program.exists(r0.is(0) & r1.is(0));
    });
    same_as("dependencies/data-through-xchg", ["x", "y"], |program, [x, y]| {
        let mut thread = program.thread();
        let r0 = thread.read(Once, x, "r0");
        thread.xchg(Ordering::Relaxed, y, r0, "r1");
        let mut thread = program.thread();
        let r1 = thread.read(Acquire, y, "r0");
        thread.write(Once, x, 1);
        program.exists(r0.is(1) & r1.is(1));
    });
}

#[test]
fn a_comparing_exchange_succeeds_or_is_a_load() {
    same_as("atomicity/cmpxchg+cmpxchg", ["x"], |program, [x]| {
        let [r0, r1] = [1, 2].map(|new| program.thread().cmpxchg(Ordering::Relaxed, x, 0, new, "r0"));
        program.exists(r0.is(0) & r1.is(0));
    });
    same_as("fences/SB+after-atomic-failed-cmpxchg", ["x", "n", "y"], |program, [x, n, y]| {
        let mut thread = program.thread();
        thread.write(Once, x, 1);
        thread.cmpxchg(Ordering::Relaxed, n, 7, 8, "r1");
        thread.fence(Fence::AfterAtomic);
        let r0 = thread.read(Once, y, "r0");
        let mut thread = program.thread();
        thread.write(Once, y, 1);
        thread.fence(Fence::Mb);
        let r1 = thread.read(Once, x, "r0");
        program.exists(r0.is(0) & r1.is(0));
    });
}

#[test]
fn locks_are_taken_or_not() {
    same_as("locks/trylock-success-acquires", ["s", "x", "y"], |program, [s, x, y]| {
        let mut thread = program.thread();
        thread.lock(s);
        write_both(&mut thread, x, y, None);
        thread.unlock(s);
        let mut thread = program.thread();
        let [r0, r1] = ["r0", "r1"].map(|name| thread.register(name));
        let r2 = thread.try_lock(s, "r2");
        thread.when(r2, |thread| {
            thread.read(Once, x, "r0");
            thread.read(Once, y, "r1");
            thread.unlock(s);
        });
        program.exists(r2.is(1) & r0.is(1) & r1.is(0));
    });
    same_as("locks/trylock-failure-orders-nothing", ["s", "x"], |program, [s, x]| {
        let mut thread = program.thread();
        thread.write(Once, x, 1);
        thread.lock(s);
        thread.unlock(s);
        let mut thread = program.thread();
        let r1 = thread.register("r1");
        let r0 = thread.try_lock(s, "r0");
        thread.branch(
            r0,
            |thread| thread.unlock(s),
            |thread| {
                thread.read(Once, x, "r1");
            },
        );
        program.exists(r0.is(0) & r1.is(0));
    });
    same_as("locks/is-locked-SB", ["s", "x"], |program, [s, x]| {
        let mut thread = program.thread();
        thread.lock(s);
        let r0 = thread.read(Once, x, "r0");
        let mut thread = program.thread();
        thread.write(Once, x, 1);
        thread.fence(Fence::Mb);
        let r1 = thread.is_locked(s, "r0");
        program.exists(r0.is(0) & r1.is(0));
    });
}

#[test]
fn grace_periods_wait_for_readers() {
    same_as("rcu/MP+reader+sync", ["x", "y"], |program, [x, y]| {
        let mut reader = program.thread();
        reader.rcu_read_lock();
        let (r0, r1) = (reader.read(Once, x, "r0"), reader.read(Once, y, "r1"));
        reader.rcu_read_unlock();
        write_both(&mut program.thread(), y, x, Some(Fence::SyncRcu));
        program.exists(r0.is(1) & r1.is(0));
    });
    same_as("srcu/overlapping-readers", ["dom", "x", "y"], |program, [dom, x, y]| {
        let mut reader = program.thread();
        let outer = reader.srcu_read_lock(dom, "r2");
        let r1 = reader.read(Once, y, "r1");
        let inner = reader.srcu_read_lock(dom, "r3");
        let r0 = reader.read(Once, x, "r0");
        reader.srcu_read_unlock(dom, outer);
        reader.srcu_read_unlock(dom, inner);
        let mut updater = program.thread();
        updater.write(Once, y, 1);
        updater.synchronize_srcu(dom);
        updater.write(Once, x, 1);
        program.exists(r0.is(1) & r1.is(0));
    });
    same_as("rcu/publish-subscribe", ["x"], |program, [x]| {
        let old = program.location("old", 0);
        let p = program.pointer("p", old);
        let mut publisher = program.thread();
        publisher.write(Once, x, 1);
        publisher.write(Release, p, address_of(x));
        let mut reader = program.thread();
        reader.rcu_read_lock();
        let r0 = reader.read(Once, p, "r0");
        let r1 = reader.read(Once, r0, "r1");
        reader.rcu_read_unlock();
        program.exists(r0.is(Value::Address(x, 0)) & r1.is(0));
    });
}

#[test]
fn what_is_known_is_not_branched_on() {
    let mut program = ProgramBuilder::new();
    let x = program.location("x", 0);
    let mut thread = program.thread();
    let r0 = thread.assign("r0", 2);
    let r1 = thread.register("r1");
    thread.branch(r0.op(Operator::Gt, r1), |thread| thread.write(Once, x, r0 * 3), |thread| thread.write(Once, x, 7));
    program.exists(finally(x, 6) & !r1.is(1));
    let program = program.finish();
    assert_eq!(program.threads[0].paths.len(), 1);
    let outcome = search(&program, &Options::new(models::lkmm())).expect("no budget is set");
    assert_eq!((outcome.positive, outcome.negative), (1, 0));
    assert_eq!(outcome.states.into_keys().collect::<Vec<_>>(), [[2, 0, 6].map(Value::Int)]);
}

#[test]
#[should_panic(expected = "a thread can use its own registers only")]
fn registers_belong_to_threads() {
    let mut program = ProgramBuilder::new();
    let x = program.location("x", 0);
    let r0 = program.thread().read(Once, x, "r0");
    program.thread().write(Once, x, Operand::from(r0) + 1);
}

//! Symmetric threads: one execution of each orbit, as all executions and all permutations of the threads tell.

use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use lkmm::check::{Builder, ClosureProgram, FailureKind, Strategy, any, models};
use lkmm::lock::SpinLock;
use lkmm::thread;
use lkmm_model::graph::Execution;
use lkmm_search::open::{self, Options, Statistics};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// The threads `1..=n` of an execution, in any order, in words: the first of these.
fn orbit(x: &Execution, n: usize) -> String {
    permutations(n).iter().map(|permutation| words(x, permutation)).min().expect("a permutation")
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    (1..=n).fold(vec![Vec::new()], |all, next| {
        let insert = |order: Vec<usize>| {
            (0..=order.len()).map(move |at| [&order[..at], &[next], &order[at..]].concat()).collect::<Vec<_>>()
        };
        all.into_iter().flat_map(insert).collect()
    })
}

/// An execution in words; thread `i` of those that are permuted gets another number. Locations are numbered as they turn up.
fn words(x: &Execution, permutation: &[usize]) -> String {
    let thread = |thread: u32| {
        let thread = thread as usize;
        thread.checked_sub(1).and_then(|at| permutation.get(at)).copied().unwrap_or(thread)
    };
    let mut events: Vec<usize> = (0..x.events.len()).collect();
    // (The sort is stable.)
    events.sort_by_key(|&id| x.events[id].thread.map(thread));
    let of_threads = events.iter().map(|&id| &x.events[id]).filter(|event| event.thread.is_some());
    let mut locations: Vec<u32> = Vec::new();
    for location in of_threads.filter_map(|event| event.location) {
        if !locations.contains(&location) {
            locations.push(location);
        }
    }
    let place = |location: u32| locations.iter().position(|&other| other == location);
    // Initial writes come first, and have no thread.
    events.sort_by_key(|&id| {
        (
            x.events[id].thread.map(thread),
            x.events[id].location.filter(|_| x.events[id].thread.is_none()).and_then(place),
        )
    });
    let name = |id: u32| events.iter().position(|&other| other == id as usize).expect("an event");
    let label = |&id: &usize| {
        let event = &x.events[id];
        let location = event.location.and_then(place);
        format!("{:?} {:?} {location:?} {:?}\n", event.thread.map(thread), event.label, event.value)
    };
    let pairs = |relation: &[(u32, u32)]| {
        let renamed = relation.iter().map(|&(a, b)| (name(a), name(b)));
        format!("{:?}\n", renamed.collect::<BTreeSet<_>>())
    };
    events.iter().map(label).chain([pairs(&x.rf), pairs(&x.co)]).collect()
}

fn explore(program: &mut ClosureProgram, symmetry: bool, n: usize, schedule: &[usize]) -> (Statistics, Vec<String>) {
    let options = Options { symmetry, schedule: schedule.to_vec(), ..Options::new(models::lkmm()) };
    let mut orbits = Vec::new();
    let found = &mut |found: &open::Found<'_>| {
        orbits.push(orbit(&found.execution(), n));
        ControlFlow::Continue(())
    };
    let statistics = open::explore(program, &options, found).expect("the program has a meaning");
    (statistics, orbits)
}

/// The numbers of executions and of orbits of a closure whose threads `1..=n` are symmetric.
fn compare(n: usize, f: impl Fn() + Send + Sync + 'static) -> (u64, u64) {
    let mut program = ClosureProgram::new(f);
    let (all, orbits) = explore(&mut program, false, n, &[]);
    let expected: BTreeSet<String> = orbits.into_iter().collect();
    for schedule in [&[][..], &[3, 2, 1, 0], &[2, 0, 3, 1], &[0, 4, 3, 2, 1]] {
        let (some, orbits) = explore(&mut program, true, n, schedule);
        let found: BTreeSet<String> = orbits.iter().cloned().collect();
        let missing: Vec<_> = expected.difference(&found).collect();
        assert!(missing.is_empty(), "{schedule:?}: not found: {missing:#?}");
        assert_eq!((orbits.len(), some.has_symmetry), (expected.len(), true), "{schedule:?}");
        assert_eq!(found, expected);
    }
    (all.executions, expected.len() as u64)
}

static X: Atomic<u32> = Atomic::new(0);
static Y: Atomic<u32> = Atomic::new(0);
static LOCK: SpinLock<u32> = SpinLock::new(0);

#[test]
fn increments_have_one_execution() {
    assert_eq!(compare(4, || drop(thread::spawn_symmetric(4, || X.add(1, Relaxed)).join())), (24, 1));
    let report = Builder::new().explore(|| {
        thread::spawn_symmetric(12, || X.add(1, Relaxed)).join().unwrap();
        assert_eq!(X.load(Relaxed), 12);
    });
    assert!(report.complete() && report.symmetric() && report.executions() == 1, "{report}");
    assert_eq!(report.to_string(), "1 execution (up to symmetry), and all went well");
    // In polynomial time.
    let mut program = ClosureProgram::new(|| drop(thread::spawn_symmetric(12, || X.add(1, Relaxed))));
    let options = Options::new(models::lkmm());
    let found = open::explore(&mut program, &options, &mut |_| ControlFlow::Continue(()));
    let found = found.expect("the program has a meaning");
    assert!(found.executions == 1 && found.runs < 1_000, "{found:?}");
}

#[test]
fn threads_that_do_more_are_one_of_each_orbit() {
    let twice = || {
        let read = X.fetch_add(1, Relaxed);
        (read, X.fetch_add(1, Relaxed))
    };
    assert_eq!(compare(3, move || drop(thread::spawn_symmetric(3, twice).join())), (90, 15));
    let store_buffering = || {
        X.store(1, Relaxed);
        Y.load(Relaxed);
        Y.store(1, Release);
        X.load(Acquire)
    };
    let (all, orbits) = compare(2, move || drop(thread::spawn_symmetric(2, store_buffering).join()));
    assert!(orbits < all && all <= 2 * orbits, "{all} {orbits}");
    let choices = || X.fetch_add(any(0..2) as u32, Full);
    let (all, orbits) = compare(3, move || drop(thread::spawn_symmetric(3, choices).join()));
    assert_eq!((all, orbits), (48, 8));
    let conditional = || {
        if X.cmpxchg(0, 1, Relaxed).is_ok() {
            Y.store(1, Relaxed);
        } else if Y.load(Relaxed) == 0 {
            X.store(0, Relaxed);
        }
    };
    compare(3, move || drop(thread::spawn_symmetric(3, conditional).join()));
}

#[test]
fn other_threads_are_not_symmetric() {
    let (all, orbits) = compare(2, || {
        let threads = thread::spawn_symmetric(2, || {
            X.fetch_add(1, Relaxed);
            Y.load(Relaxed)
        });
        let other = thread::spawn(|| {
            Y.store(1, Relaxed);
            X.fetch_add(1, Relaxed);
        });
        X.store(7, Relaxed);
        threads.join().unwrap();
        Y.store(2, Relaxed);
        other.join().unwrap();
    });
    assert!(orbits < all && all <= 2 * orbits, "{all} {orbits}");
    compare(3, || {
        let threads = thread::spawn_symmetric(3, || X.load(Relaxed));
        X.store(1, Relaxed);
        X.store(2, Relaxed);
        threads.join().unwrap();
    });
}

#[test]
fn load_buffering_is_found_once_in_each_orbit() {
    let crossed = || {
        drop(thread::spawn_symmetric(2, || {
            X.load(Relaxed);
            Y.store(1, Relaxed);
            Y.load(Relaxed);
            X.store(1, Relaxed);
        }));
    };
    let (all, orbits) = compare(2, crossed);
    assert!(orbits < all && all <= 2 * orbits, "{all} {orbits}");
    assert!(explore(&mut ClosureProgram::new(crossed), true, 2, &[]).0.cyclic > 0);
    compare(2, || {
        drop(thread::spawn_symmetric(2, || {
            X.load(Relaxed);
            Y.fetch_add(1, Relaxed);
        }));
        drop(thread::spawn(|| {
            Y.load(Relaxed);
            X.store(1, Relaxed);
        }));
    });
}

/// One of some operations.
fn operate(operation: u64) {
    let value = (operation / 16 % 3) as u32;
    match operation % 11 {
        0 | 1 => _ = X.load(Relaxed),
        2 => _ = Y.load(Acquire),
        3 => X.store(value, Relaxed),
        4 | 5 => Y.store(value, Release),
        6 => _ = X.fetch_add(1, Full),
        7 => _ = Y.fetch_add(1, Relaxed),
        8 => _ = X.cmpxchg(value, 1, Relaxed),
        9 => *LOCK.lock() += 1,
        _ => drop(LOCK.try_lock()),
    }
}

#[test]
fn whatever_threads_do_one_of_each_orbit_is_found() {
    let programs = std::env::var("LKMM_PROGRAMS").map_or(300, |n| n.parse().expect("LKMM_PROGRAMS is a number"));
    for seed in 1..=programs {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut some = |n: usize| -> Vec<u64> { (0..n).map(|_| random.u64(..)).collect() };
        let (n, operations, others) = if seed % 3 == 0 { (3, some(2), some(1)) } else { (2, some(3), some(2)) };
        println!("seed {seed}");
        compare(n, move || {
            let operations = operations.clone();
            let threads = thread::spawn_symmetric(n, move || operations.iter().copied().for_each(operate));
            others.iter().copied().for_each(operate);
            threads.join().unwrap();
        });
    }
}

#[test]
fn critical_sections_are_taken_in_one_order() {
    let locked = || *LOCK.lock() += 1;
    assert_eq!(compare(4, move || drop(thread::spawn_symmetric(4, locked).join())), (24, 1));
    compare(3, || {
        drop(thread::spawn_symmetric(3, || {
            if let Some(mut value) = LOCK.try_lock() {
                *value += 1;
            }
            X.load(Relaxed)
        }));
        drop(LOCK.lock());
        X.store(1, Relaxed);
    });
}

#[test]
fn a_failure_of_symmetric_threads_is_found_and_can_be_run_again() {
    let lost = || {
        thread::spawn_symmetric(3, || X.store(X.load(Relaxed) + 1, Relaxed)).join().unwrap();
        assert_eq!(X.load(Relaxed), 3);
    };
    let report = Builder::new().explore(lost);
    let failure = report.failure().expect("a failure");
    assert_eq!(failure.kind(), FailureKind::Panic);
    let again = Builder::new().replay(failure.replay_token().expect("a token")).explore(lost);
    assert_eq!(again.failure().map(|failure| failure.message()), Some(failure.message()));
    let bounded = Builder::new().strategy(Strategy::Preemptions(0)).explore(lost);
    assert!(bounded.executions() == 1 && bounded.preemptions() == Some(0), "{bounded}");
    let report = Builder::new().explore(|| {
        let threads = thread::spawn_symmetric(2, || assert_eq!(X.fetch_add(1, Relaxed), 0));
        assert!(threads.join().is_ok());
    });
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Panic));
}

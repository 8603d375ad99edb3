//! What fails is found, and said.

use super::{count, explore, kind, lines};
use lkmm::atomic::{Atomic, Relaxed};
use lkmm::cell::Shared;
use lkmm::check::FailureKind;
use lkmm::lock::SpinLock;
use lkmm::{check, rcu, thread};
use std::sync::Arc;

#[test]
fn a_failed_assertion_is_reported_with_its_place() {
    let line = line!() + 4;
    let report = explore(|| {
        let x = Arc::new(Atomic::new(0));
        let there = x.clone();
        thread::spawn(move || assert_eq!(there.load(Relaxed), 0, "{}", "not yet"));
        x.store(1, Relaxed);
    });
    let failure = report.failure().unwrap();
    assert_eq!((failure.kind(), lines(&report)), (FailureKind::Panic, vec![line]));
    assert!(failure.message().contains("not yet"));
    assert!(!report.complete());
    let text = report.to_string();
    for part in [
        "thread 0 (main)",
        "thread 1",
        "failures.rs:",
        "spawn",
        "write   x = 1",
        "read    x = 1  from 2",
        "x is there at failures.rs:",
        "panics at",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
}

#[test]
fn the_first_cause_is_reported_first() {
    let report = explore(|| {
        let t = thread::spawn(|| assert!(check::any(0..2) == 0, "the cause"));
        t.join().unwrap();
    });
    let failure = report.failure().unwrap();
    assert_eq!((failure.message(), lines(&report).len()), ("the cause", 2));
    let report = explore(|| thread::scope(|s| _ = s.spawn(|| panic!("the cause"))));
    assert_eq!(report.failure().unwrap().message(), "the cause");
}

#[test]
#[should_panic(expected = "three is a crowd")]
fn a_model_panics_with_the_report() {
    check::model(|| assert!(check::any(0..4) != 3, "three is a crowd"));
}

#[test]
fn plain_accesses_race() {
    fn two(locked: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let x = Arc::new((Shared::new(0_u32), SpinLock::new(())));
            let there = x.clone();
            let t = thread::spawn(move || {
                let _guard = locked.then(|| there.1.lock());
                // SAFETY: that is the question.
                unsafe { there.0.set(1) };
            });
            let guard = locked.then(|| x.1.lock());
            // SAFETY: that is the question.
            unsafe { x.0.with_mut(|x| *x += 1) };
            drop(guard);
            t.join().unwrap();
        }
    }
    assert_eq!(count(two(true)), 2);
    let report = explore(two(false));
    assert_eq!(kind(&report), Some(FailureKind::DataRace));
    assert_eq!(lines(&report).len(), 2);
}

#[test]
fn what_differs_from_run_to_run_is_found() {
    let report = explore(|| {
        static RUNS: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
        let x = Arc::new(Atomic::new(0));
        let there = x.clone();
        thread::spawn(move || there.store(1, Relaxed));
        x.store(RUNS.fetch_add(1, std::sync::atomic::Ordering::Relaxed), Relaxed);
        x.load(Relaxed);
        x.load(Relaxed);
    });
    assert_eq!(kind(&report), Some(FailureKind::Nondeterminism));
}

#[test]
fn pointers_without_the_model_heap_are_followed_as_long_as_each_run_has_them() {
    let report = explore(|| {
        let value = Arc::new(rcu::Rcu::new(Box::new(String::from("old"))));
        for _ in 0..2 {
            let there = value.clone();
            thread::spawn(move || {
                let guard = rcu::read_lock();
                assert_eq!(there.dereference(&guard).unwrap().len(), 3);
                drop(guard);
                drop(there.xchg(Some(Box::new(String::from("new")))));
            });
        }
    });
    match report.failure() {
        None => assert!(report.complete()),
        Some(failure) => {
            assert_eq!(failure.kind(), FailureKind::Nondeterminism);
            assert!(failure.message().contains("heap!"));
        }
    }
}

#[test]
fn no_pointer_of_another_run_is_followed() {
    let report = explore(|| {
        let slots: [Atomic<*mut Box<u32>>; 2] = std::array::from_fn(|_| Atomic::new(std::ptr::null_mut()));
        thread::scope(|s| {
            for n in 0..2 {
                let slots = &slots;
                s.spawn(move || {
                    let found = slots[n].load(Relaxed);
                    // So that no two runs have the same addresses.
                    std::mem::forget(vec![0_u8; 100]);
                    slots[1 - n].store(Box::into_raw(Box::new(Box::new(7))), Relaxed);
                    // SAFETY: what is published is not freed.
                    assert!(unsafe { found.as_ref() }.is_none_or(|number| **number == 7));
                });
            }
        });
    });
    // The execution in which each thread reads what the other one stores later is left out.
    assert!(report.failure().is_none() && !report.complete() && !report.out_of_budget());
    assert_eq!(report.executions(), 3);
    assert!(report.unchecked().iter().any(|what| what.contains("read before it is written")));
}

//! Counts of references, and variables of threads.

use lkmm::atomic::{Atomic, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::check::{Builder, FailureKind, Report};
use lkmm::refcount::{Arc, Refcount};
use lkmm::thread;
use std::cell::{Cell, RefCell};

lkmm::check::heap!();

fn explore(f: impl Fn() + Send + Sync + 'static) -> Report {
    let report = Builder::new().leaks(true).explore(f);
    println!("{report}");
    report
}

fn is_fine(f: impl Fn() + Send + Sync + 'static) -> u64 {
    let report = explore(f);
    assert!(report.complete() && report.failure().is_none());
    report.executions()
}

/// An object that is read until it is dropped, and written then.
struct Noisy(Shared<u32>);

impl Noisy {
    fn new() -> Arc<Self> {
        Arc::new(Noisy(Shared::new(5)))
    }

    fn read(&self) -> u32 {
        // SAFETY: whoever writes has it alone; that this is so is checked.
        unsafe { self.0.get() }
    }
}

impl Drop for Noisy {
    fn drop(&mut self) {
        // SAFETY: as above.
        unsafe { self.0.set(6) };
    }
}

#[test]
fn the_last_reference_frees_and_comes_last() {
    let executions = is_fine(|| {
        let here = Noisy::new();
        let threads = [(); 2].map(|()| {
            let there = here.clone();
            thread::spawn(move || there.read())
        });
        drop(here);
        threads.into_iter().for_each(|t| assert_eq!(t.join().unwrap(), 5));
    });
    // Of the count's changes, the second clone comes before the two that follow from it, and the first thread's drop anywhere.
    assert_eq!(executions, 8);
}

#[test]
fn a_reference_that_is_given_back_too_late_is_a_race() {
    let report = explore(|| {
        let here = Noisy::new();
        let there = here.clone();
        let seen = Arc::as_ptr(&there) as usize;
        thread::spawn(move || {
            drop(there);
            // SAFETY: none; this is the bug.
            unsafe { &*(seen as *const Noisy) }.read();
        });
        drop(here);
    });
    let kind = report.failure().map(|failure| failure.kind());
    assert!(matches!(kind, Some(FailureKind::DataRace | FailureKind::UseAfterFree)), "{kind:?}");
}

#[test]
fn nobody_gets_a_reference_to_what_has_none() {
    is_fine(|| {
        let count = Arc::new(Refcount::new(1));
        let there = count.clone();
        let t = thread::spawn(move || there.inc_not_zero());
        let was_last = count.dec_and_test();
        assert_eq!(t.join().unwrap(), !was_last);
    });
    let report = explore(|| {
        let count = Arc::new(Refcount::new(1));
        let there = count.clone();
        thread::spawn(move || there.inc());
        let _ = count.dec_and_test();
    });
    let failure = report.failure().expect("an addition on 0");
    assert_eq!((failure.kind(), failure.message().contains("addition on 0")), (FailureKind::Panic, true));
}

#[test]
fn into_inner_is_for_one() {
    is_fine(|| {
        let here = Arc::new(7);
        let there = here.clone();
        let t = thread::spawn(move || Arc::into_inner(there));
        assert_eq!(Arc::into_inner(here).or(t.join().unwrap()), Some(7));
    });
}

#[test]
fn references_leak_if_they_are_forgotten() {
    let report = explore(|| {
        let here = Arc::new(Atomic::new(0));
        std::mem::forget(here.clone());
        here.store(1, Relaxed);
    });
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Leak));
}

/// Outside of a model, counts that are wrong saturate in production, and panic here.
#[test]
fn references_are_counted_outside_of_a_model() {
    let here = Arc::new(Refcount::new(1));
    let there = here.clone();
    std::thread::spawn(move || there.inc()).join().unwrap();
    assert_eq!((here.read(), Arc::ptr_eq(&here, &here.clone())), (2, true));
    assert!(!here.dec_and_test() && here.inc_not_zero());
    here.dec();
    assert!(here.dec_and_test() && !here.inc_not_zero());
    let raw = Arc::into_raw(here);
    // SAFETY: it comes from there.
    assert_eq!(unsafe { Arc::from_raw(raw) }.read(), 0);
}

lkmm::thread_local! {
    static NUMBER: Cell<u32> = const { Cell::new(1) };
    static DROPPED: RefCell<Vec<Told>> = RefCell::new(Vec::new());
}

/// Tells an atomic when it is dropped.
struct Told(Arc<Atomic<u32>>);

impl Drop for Told {
    fn drop(&mut self) {
        self.0.store(self.0.load(Relaxed) + 1, Release);
    }
}

#[test]
fn each_thread_of_each_execution_has_its_own() {
    let executions = is_fine(|| {
        assert_eq!(NUMBER.replace(2), 1);
        let x = Arc::new(Atomic::new(0));
        let threads = [3, 4].map(|n| {
            let x = x.clone();
            thread::spawn(move || {
                NUMBER.set(NUMBER.get() + n);
                x.fetch_add(1, Relaxed);
                NUMBER.get()
            })
        });
        assert_eq!(threads.map(|t| t.join().unwrap()), [4, 5]);
        assert_eq!(NUMBER.take(), 2);
    });
    // Two orders of the additions, and three of the second clone and the drops; but if the first thread drops before the second one is
    // there, it adds before it, too.
    assert_eq!(executions, 5);
}

#[test]
fn they_are_dropped_before_the_thread_is_joined() {
    is_fine(|| {
        let x = Arc::new(Atomic::new(0));
        let there = x.clone();
        let t = thread::spawn(move || DROPPED.with_borrow_mut(|all| all.push(Told(there))));
        t.join().unwrap();
        assert_eq!(x.load(Relaxed), 1);
    });
}

//! The search as a whole: choices, budgets, sizes.

use super::executions::store_buffering;
use super::{count, kind};
use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use lkmm::check::Builder;
use lkmm::{check, thread};
use std::sync::Arc;

#[test]
fn choices_are_explored() {
    assert_eq!(count(|| assert!(check::any(2..5) + 2 * check::any(0..2) < 7)), 6);
}

#[test]
fn budgets_end_the_search() {
    let threads = || {
        thread::scope(|s| {
            static X: Atomic<u32> = Atomic::new(0);
            for _ in 0..4 {
                s.spawn(|| X.add(1, Relaxed));
            }
        })
    };
    let report = Builder::new().max_executions(10).explore(threads);
    assert_eq!((report.executions(), report.complete(), kind(&report)), (10, false, None));
    let report = Builder::new().timeout(std::time::Duration::ZERO).explore(threads);
    assert!(!report.complete());
}

#[test]
fn results_do_not_depend_on_what_ran_before() {
    let run = || {
        let report = Builder::new().explore(store_buffering(|| ()));
        report.to_string()
    };
    let first = run();
    assert!((0..20).all(|_| run() == first));
}

#[test]
fn twelve_threads_work() {
    let increments = |threads: usize| {
        move || {
            let count = Arc::new(Atomic::new(0));
            let threads: Vec<_> = (0..threads)
                .map(|_| {
                    let count = count.clone();
                    thread::spawn(move || count.fetch_add(1, Full))
                })
                .collect();
            let n = threads.len() as i32;
            for t in threads {
                t.join().unwrap();
            }
            assert_eq!(count.load(Relaxed), n);
        }
    };
    for threads in [12, 40] {
        let report = Builder::new().max_executions(500).explore(increments(threads));
        assert!(report.executions() == 500 && report.failure().is_none(), "{report}");
    }
}

#[test]
fn long_executions_are_explored() {
    // Some three hundred events, of which the last ones alone leave a choice.
    let report = Builder::new().explore(|| {
        let (x, y) = (Arc::new(Atomic::new(0)), Arc::new(Atomic::new(0)));
        let t = {
            let (x, y) = (x.clone(), y.clone());
            thread::spawn(move || {
                for i in 1..=140 {
                    x.store(i, Relaxed);
                }
                y.store(1, Release);
            })
        };
        for i in 1..=140 {
            let own = Atomic::new(0);
            own.store(i, Relaxed);
        }
        if y.load(Acquire) == 1 {
            assert_eq!(x.load(Relaxed), 140);
        }
        t.join().unwrap();
    });
    assert!(report.complete() && report.failure().is_none(), "{report}");
    assert_eq!(report.executions(), 2);
}

#[test]
fn threads_may_be_started_after_others_have_ended() {
    let report = Builder::new().explore(|| {
        let x = Arc::new(Atomic::new(0));
        let t = {
            let x = x.clone();
            thread::spawn(move || (x.load(Relaxed), x.load(Relaxed)))
        };
        x.store(1, Relaxed);
        x.store(2, Relaxed);
        let (first, second) = t.join().unwrap();
        assert!(first <= second);
        thread::spawn(|| ()).join().unwrap();
    });
    assert!(report.complete() && report.failure().is_none(), "{report}");
    assert_eq!(report.executions(), 6);
}

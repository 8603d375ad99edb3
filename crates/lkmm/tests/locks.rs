//! Locks that are built of atomics, in models.

use lkmm::check::{Builder, FailureKind, Report};
use lkmm::lock::{Mutex, RwLock};
use lkmm::thread;
use std::sync::Arc;

fn explore(f: impl Fn() + Send + Sync + 'static) -> Report {
    let report = Builder::new().explore(f);
    println!("{report}");
    report
}

fn is_fine(f: impl Fn() + Send + Sync + 'static) -> u64 {
    let report = explore(f);
    assert!(report.complete() && report.failure().is_none());
    report.executions()
}

#[test]
fn a_writer_is_alone() {
    let writers = || {
        let lock = Arc::new(RwLock::new(vec![0, 0]));
        let threads = [1, 2].map(|n| {
            let lock = lock.clone();
            thread::spawn(move || {
                let mut pair = lock.write();
                pair[0] += n;
                pair[1] += n;
            })
        });
        let seen = lock.read().clone();
        assert_eq!(seen[0], seen[1]);
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*lock.read(), [3, 3]);
    };
    // The reader comes first, between the writers, or last, in two orders of these.
    assert!(is_fine(writers) >= 6);
}

#[test]
fn readers_are_together() {
    // One finds the lock held, or not; it can take it in any case.
    is_fine(|| {
        let lock = Arc::new(RwLock::new(5));
        let there = lock.clone();
        let t = thread::spawn(move || there.try_read().map(|value| *value));
        let here = lock.try_read().map(|value| *value);
        assert_eq!((here, t.join().unwrap()), (Some(5), Some(5)));
    });
    let lock = RwLock::new(1);
    let first = lock.read();
    assert_eq!(*first + *lock.read(), 2);
    assert!(lock.try_write().is_none());
    drop(first);
    *lock.try_write().unwrap() += 1;
    assert_eq!(lock.into_inner(), 2);
}

#[test]
fn a_reader_that_wants_to_write_waits_for_ever() {
    let report = explore(|| {
        let lock = RwLock::new(1);
        let _reader = lock.read();
        *lock.write() = 2;
    });
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Deadlock));
}

#[test]
fn mutexes_are_locks_of_the_model() {
    static SUM: Mutex<u32> = Mutex::new(0);
    let adds = || {
        thread::scope(|s| (0..3).for_each(|_| _ = s.spawn(|| *SUM.lock() += 1)));
        assert_eq!(*SUM.lock(), 3);
    };
    assert_eq!(is_fine(adds), 6);
}

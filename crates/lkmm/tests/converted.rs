//! What code has that was converted from C: `add_unless`, guards of locks that are held already, SRCU readers without guards, and
//! pointers that own nothing. In models, and outside of them.

use lkmm::atomic::{Atomic, Full, Relaxed};
use lkmm::check::{Builder, FailureKind, Report};
use lkmm::lock::{SpinLock, SpinLockGuard};
use lkmm::srcu::Domain;
use lkmm::{rcu, thread};
use std::mem::forget;
use std::ptr;
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

/// Store buffering with `add_unless` between the store and the load: is a reference there to be had?
fn store_buffering(count: i32) -> Report {
    explore(move || {
        let x = Arc::new([Atomic::new(0), Atomic::new(0), Atomic::new(count), Atomic::new(count)]);
        let there = x.clone();
        let t = thread::spawn(move || {
            there[0].store(1, Relaxed);
            there[2].add_unless(1, 0, Full);
            there[1].load(Relaxed)
        });
        x[1].store(1, Relaxed);
        x[3].add_unless(1, 0, Full);
        let here = x[0].load(Relaxed);
        assert!(here == 1 || t.join().unwrap() == 1);
    })
}

#[test]
fn add_unless_is_a_full_barrier_if_it_adds() {
    assert!(store_buffering(1).failure().is_none());
    assert!(store_buffering(0).failure().is_some());
}

#[test]
fn add_unless_is_atomic() {
    let last_reference = || {
        let count = Arc::new(Atomic::new(1));
        let there = count.clone();
        let t = thread::spawn(move || there.add_unless(1, 0, Full));
        let was_last = count.fetch_sub(1, Full) == 1;
        assert!(t.join().unwrap() != was_last);
    };
    assert_eq!(is_fine(last_reference), 2);
    last_reference();
}

#[test]
fn a_lock_is_released_elsewhere() {
    fn take(lock: &SpinLock<i32>) {
        forget(lock.lock());
    }
    fn release(lock: &SpinLock<i32>) {
        // SAFETY: `take` has taken it, and forgot its guard.
        drop(unsafe { SpinLockGuard::new(lock) });
    }
    let sections = || {
        let lock = Arc::new(SpinLock::new(0));
        let there = lock.clone();
        let t = thread::spawn(move || {
            take(&there);
            release(&there);
        });
        take(&lock);
        release(&lock);
        t.join().unwrap();
        assert!(!lock.is_locked());
    };
    assert_eq!(is_fine(sections), 2);
    sections();
}

#[test]
fn a_lock_that_is_forgotten_stays_held() {
    let report = explore(|| {
        let lock = SpinLock::new(());
        forget(lock.lock());
        let _guard = lock.lock();
    });
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Deadlock));
}

#[test]
fn a_grace_period_waits_for_readers_without_guards() {
    let reader = || {
        let shared = Arc::new((Domain::new(), Atomic::new(0), Atomic::new(0)));
        let there = shared.clone();
        let t = thread::spawn(move || {
            let (domain, x, y) = &*there;
            let index = domain.down_read();
            let seen = (x.load(Relaxed), y.load(Relaxed));
            // SAFETY: it was returned in this thread, and is used once.
            unsafe { domain.up_read(index) };
            seen
        });
        let (domain, x, y) = &*shared;
        y.store(1, Relaxed);
        domain.synchronize();
        x.store(1, Relaxed);
        assert_ne!(t.join().unwrap(), (1, 0));
    };
    assert!(is_fine(reader) > 2);
    reader();
}

#[test]
fn what_is_assigned_is_followed() {
    static OBJECT: Atomic<i32> = Atomic::new(0);
    static CURRENT: Atomic<*mut i32> = Atomic::new(ptr::null_mut());
    let published = || {
        thread::scope(|s| {
            s.spawn(|| {
                OBJECT.store(1, Relaxed);
                rcu::assign(&CURRENT, OBJECT.as_ptr());
            });
            let _reader = rcu::read_lock();
            let found = rcu::dereference(&CURRENT);
            if !found.is_null() {
                // SAFETY: it points to `OBJECT`.
                assert_eq!(unsafe { Atomic::from_ptr(found) }.load(Relaxed), 1);
            }
        });
    };
    assert_eq!(is_fine(published), 2);
}

//! Declared dependencies, and what relies on those that are not.

use lkmm::atomic::{Atomic, Relaxed};
use lkmm::check::{Builder, DependencyMode, FailureKind, Report};
use lkmm::dep::{self, Dep};
use lkmm::{barrier, rcu, thread};
use std::ptr;

lkmm::check::heap!();

/// Explores a closure in the mode in which only declared dependencies order.
fn explore(f: impl Fn() + Send + Sync + 'static) -> Report {
    let report = Builder::new().dependencies(DependencyMode::Declared).explore(f);
    println!("{report}");
    report
}

fn kind(report: &Report) -> Option<FailureKind> {
    report.failure().map(|failure| failure.kind())
}

fn is_fine(f: impl Fn() + Send + Sync + 'static) {
    let report = explore(f);
    assert!(report.complete() && report.failure().is_none());
}

/// A thread that publishes something, and one that looks.
fn publish(look: fn(&Atomic<usize>, &[Atomic<i32>; 2]) -> i32) -> impl Fn() + Send + Sync + 'static {
    move || {
        let (slots, current) = ([Atomic::new(1), Atomic::new(0)], Atomic::new(0_usize));
        thread::scope(|s| {
            s.spawn(|| {
                slots[1].store(2, Relaxed);
                barrier::smp_wmb();
                current.store(1, Relaxed);
            });
            assert_ne!(look(&current, &slots), 0);
        });
    }
}

#[test]
fn addresses_depend() {
    is_fine(publish(|current, slots| dep::load(current).index_into(slots).load(Relaxed)));
    is_fine(publish(|current, slots| dep::load(current).map(|n| n & 1).index_into(slots).load(Relaxed)));
}

#[test]
fn pointers_depend() {
    fn published(declared: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let slot: Atomic<*mut [Atomic<i32>; 2]> = Atomic::new(ptr::null_mut());
            let new = Box::into_raw(Box::new([Atomic::new(0), Atomic::new(0)]));
            thread::scope(|s| {
                s.spawn(|| {
                    let _guard = rcu::read_lock();
                    // SAFETY: it is freed after the scope.
                    let pair = unsafe {
                        if declared { dep::load(&slot).deref() } else { dep::load(&slot).into_inner().as_ref() }
                    };
                    assert!(pair.is_none_or(|pair| pair[1].load(Relaxed) == 2));
                });
                // SAFETY: nobody has freed it.
                unsafe { (*new)[1].store(2, Relaxed) };
                barrier::smp_wmb();
                slot.store(new, Relaxed);
            });
            // SAFETY: it was a box, and no other thread is left.
            drop(unsafe { Box::from_raw(new) });
        }
    }
    is_fine(published(true));
    assert_eq!(kind(&explore(published(false))), Some(FailureKind::UndeclaredDependency));
}

/// Two threads in a ring, each of which passes on what it has read.
fn ring(pass: fn(Dep<i32>, &Atomic<i32>)) -> impl Fn() + Send + Sync + 'static {
    move || {
        let x = [Atomic::new(0), Atomic::new(0)];
        thread::scope(|s| {
            let there = s.spawn(|| {
                let seen = dep::load(&x[0]);
                pass(seen, &x[1]);
                seen.into_inner()
            });
            let seen = dep::load(&x[1]);
            seen.branch(|_| x[0].store(1, Relaxed));
            assert!(seen.into_inner() == 0 || there.join().unwrap() == 0);
        });
    }
}

#[test]
fn values_depend() {
    is_fine(ring(|seen, to| seen.map(|_| 1).store_dep(to)));
    assert_eq!(kind(&explore(ring(|_, to| to.store(1, Relaxed)))), Some(FailureKind::Panic));
}

#[test]
fn branches_end() {
    is_fine(ring(|seen, to| seen.branch(|_| to.store(1, Relaxed))));
    is_fine(ring(|seen, to| seen.branch(|_| seen.branch(|_| to.store(1, Relaxed)))));
    let after = |seen: Dep<i32>, to: &Atomic<i32>| {
        seen.branch(|_| ());
        to.store(1, Relaxed);
    };
    assert_eq!(kind(&explore(ring(after))), Some(FailureKind::Panic));
}

#[test]
fn what_is_not_declared_is_named() {
    let line = line!() + 2;
    let report = explore(publish(|current, slots| {
        let current = current.load(Relaxed);
        slots[current].load(Relaxed)
    }));
    assert_eq!(kind(&report), Some(FailureKind::UndeclaredDependency));
    let lines: Vec<u32> = report.failure().unwrap().locations().iter().map(|place| place.line).collect();
    assert_eq!(lines, [line, line + 1]);
    // What carries nothing is none.
    let report = explore(publish(|current, slots| slots[current.load(Relaxed).max(1)].load(Relaxed)));
    assert_eq!(kind(&report), Some(FailureKind::Panic));
}

#[test]
fn outside_of_models_a_dependency_is_a_value() {
    let (x, y) = (Atomic::new(1_usize), Atomic::new(0));
    dep::load(&x).store_dep(&y);
    assert_eq!(*dep::load(&y).index_into(&[5, 6]), 6);
    assert_eq!(dep::load(&y).branch(|y| y + 1), 2);
}

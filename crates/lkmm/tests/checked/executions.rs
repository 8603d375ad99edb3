//! Small programs have the executions that they have.

use super::{count, explore, kind};
use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::check::{Builder, DependencyMode, FailureKind};
use lkmm::{barrier, thread};
use std::sync::Arc;

#[test]
fn n_threads_that_increment_have_n_factorial_executions() {
    for (n, factorial) in [(1, 1), (2, 2), (3, 6), (4, 24), (5, 120), (6, 720)] {
        let increments = move || {
            let x = Arc::new(Atomic::new(0_u32));
            let threads: Vec<_> = (0..n)
                .map(|_| {
                    let x = x.clone();
                    thread::spawn(move || x.fetch_add(1, Relaxed))
                })
                .collect();
            threads.into_iter().for_each(|t| _ = t.join().unwrap());
        };
        assert_eq!(count(increments), factorial);
    }
}

#[test]
fn n_writers_have_n_factorial_executions() {
    for (n, factorial) in [(2, 2), (3, 6), (4, 24), (5, 120)] {
        let writers = move || {
            let x = Atomic::new(0);
            thread::scope(|s| {
                for i in 1..=n {
                    let x = &x;
                    s.spawn(move || x.store(i, Release));
                }
            });
        };
        assert_eq!(count(writers), factorial);
    }
}

/// Two threads that each write one variable, and then read the other. Do both read 0?
pub(super) fn store_buffering(fence: fn()) -> impl Fn() + Send + Sync + 'static {
    move || {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let there = x.clone();
        let t = thread::spawn(move || {
            there[0].store(1, Relaxed);
            fence();
            there[1].load(Relaxed)
        });
        x[1].store(1, Relaxed);
        fence();
        let here = x[0].load(Relaxed);
        assert!(here == 1 || t.join().unwrap() == 1);
    }
}

#[test]
fn store_buffering_needs_a_full_barrier() {
    assert_eq!(count(store_buffering(barrier::smp_mb)), 3);
    for weaker in [barrier::smp_wmb, barrier::smp_rmb, barrier::barrier, || ()] {
        assert_eq!(kind(&explore(store_buffering(weaker))), Some(FailureKind::Panic));
    }
}

#[test]
fn messages_need_release_and_acquire() {
    fn message(release: bool, acquire: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let x = Arc::new((Atomic::new(0), Atomic::new(false)));
            let there = x.clone();
            thread::spawn(move || {
                there.0.store(1, Relaxed);
                if release { there.1.store(true, Release) } else { there.1.store(true, Relaxed) }
            });
            if if acquire { x.1.load(Acquire) } else { x.1.load(Relaxed) } {
                assert_eq!(x.0.load(Relaxed), 1);
            }
        }
    }
    assert_eq!(count(message(true, true)), 2);
    for (release, acquire) in [(false, true), (true, false), (false, false)] {
        assert_eq!(kind(&explore(message(release, acquire))), Some(FailureKind::Panic));
    }
}

#[test]
fn load_buffering_is_explored() {
    let cyclic = || {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let there = x.clone();
        let t = thread::spawn(move || {
            let seen = there[0].load(Relaxed);
            there[1].store(1, Relaxed);
            seen
        });
        let seen = x[1].load(Relaxed);
        x[0].store(1, Relaxed);
        assert!(seen == 0 || t.join().unwrap() == 0);
    };
    assert_eq!(kind(&explore(cyclic)), Some(FailureKind::Panic));
}

/// `n` threads in a ring: each does something with its own variable and with that of the next.
fn ring(n: usize, each: fn(&Atomic<u32>, &Atomic<u32>) -> u32) -> impl Fn() + Send + Sync + 'static {
    move || {
        let x: [Atomic<u32>; 8] = std::array::from_fn(|_| Atomic::new(0));
        thread::scope(|s| {
            for i in 0..n {
                let (own, next) = (&x[i], &x[(i + 1) % n]);
                s.spawn(move || each(own, next));
            }
        });
    }
}

#[test]
fn rings_have_the_executions_that_they_have() {
    for n in 2..=5 {
        let all = 1 << n;
        let writes_first = |own: &Atomic<u32>, next: &Atomic<u32>| {
            own.store(1, Relaxed);
            next.load(Relaxed)
        };
        assert_eq!(count(ring(n, writes_first)), all);
        let writes_first_fenced = |own: &Atomic<u32>, next: &Atomic<u32>| {
            own.store(1, Relaxed);
            barrier::smp_mb();
            next.load(Relaxed)
        };
        assert_eq!(count(ring(n, writes_first_fenced)), all - 1);
        let reads_first = |own: &Atomic<u32>, next: &Atomic<u32>| {
            let seen = own.load(Relaxed);
            next.store(1, Relaxed);
            seen
        };
        assert_eq!(count(ring(n, reads_first)), all);
        let reads_first_ordered = |own: &Atomic<u32>, next: &Atomic<u32>| {
            let seen = own.load(Acquire);
            next.store(1, Relaxed);
            seen
        };
        assert_eq!(count(ring(n, reads_first_ordered)), all - 1);
    }
}

#[test]
fn numbers_out_of_order_may_be_large() {
    let large = |own: &Atomic<i64>, next: &Atomic<i64>| {
        let seen = own.load(Relaxed);
        next.store(-1, Relaxed);
        seen
    };
    let both = move || {
        let x = [Atomic::new(0_i64), Atomic::new(0)];
        thread::scope(|s| {
            s.spawn(|| large(&x[0], &x[1]));
            s.spawn(|| large(&x[1], &x[0]));
        });
    };
    assert_eq!(count(both), 4);
}

#[test]
fn dependencies_order_if_they_show() {
    fn publish(index: fn(usize) -> usize) -> impl Fn() + Send + Sync + 'static {
        move || {
            let x = [Atomic::new(1), Atomic::new(0)];
            let current = Atomic::new(0_usize);
            thread::scope(|s| {
                s.spawn(|| {
                    x[1].store(1, Relaxed);
                    barrier::smp_wmb();
                    current.store(1, Relaxed);
                });
                let seen = current.load(Relaxed);
                let found = x[index(seen)].load(Relaxed);
                assert!(seen == 0 || found == 1);
            });
        }
    }
    let carries: fn(usize) -> usize = |seen| seen;
    let carries_nothing: fn(usize) -> usize = |seen| seen.max(1);
    assert_eq!(count(publish(carries)), 2);
    assert_eq!(kind(&explore(publish(carries_nothing))), Some(FailureKind::Panic));
    let declared = Builder::new().dependencies(DependencyMode::Declared).explore(publish(carries));
    assert_eq!(kind(&declared), Some(FailureKind::UndeclaredDependency));
}

//! One search on several processors: what it finds is what one finds.

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::check::{Builder, DependencyMode, FailureKind, Report, Strategy, any};
use lkmm::lock::SpinLock;
use lkmm::{rcu, thread};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

#[path = "common/published.rs"]
mod published;

lkmm::check::heap!();

/// Explores with one job, and with some more, and compares. Yields how many executions there are.
fn executions(builder: &Builder, f: impl Fn() + Send + Sync + Clone + 'static) -> u64 {
    let alone = builder.explore(f.clone());
    let what = |report: &Report| {
        let bounds = (report.complete(), report.sampled(), report.preemptions(), report.symmetric());
        (report.executions(), bounds, report.failure().map(|failure| failure.kind()))
    };
    for jobs in [2, 3, 5] {
        let together = builder.clone().jobs(jobs).explore(f.clone());
        assert_eq!(what(&together), what(&alone), "{jobs} jobs: {together}");
        let share = together.estimate().zip(alone.estimate());
        assert!(share.is_none_or(|(ours, theirs)| (ours - theirs).abs() <= 1e-6 * theirs), "{share:?}");
    }
    alone.executions()
}

fn counter(threads: usize) -> impl Fn() + Send + Sync + Clone + 'static {
    move || {
        let count = Arc::new(Atomic::new(0));
        let threads: Vec<_> = (0..threads)
            .map(|_| {
                let count = count.clone();
                thread::spawn(move || count.fetch_add(1, Relaxed))
            })
            .collect();
        let sum: i32 = threads.into_iter().map(|t| t.join().unwrap()).sum();
        assert_eq!(sum, count.load(Relaxed) * (count.load(Relaxed) - 1) / 2);
    }
}

/// Each thread reads what the next one writes, and then writes.
fn ring(threads: usize) -> impl Fn() + Send + Sync + Clone + 'static {
    move || {
        let x: Arc<Vec<_>> = Arc::new((0..threads).map(|_| Atomic::new(0)).collect());
        for i in 0..threads {
            let x = x.clone();
            thread::spawn(move || {
                x[(i + 1) % threads].load(Relaxed);
                x[i].store(1, Relaxed);
            });
        }
    }
}

#[test]
fn counts_are_the_same() {
    assert_eq!(executions(&Builder::new(), counter(6)), 720);
    assert_eq!(executions(&Builder::new(), ring(6)), 64);
    assert_eq!(executions(&Builder::new(), || _ = (any(0..7), any(0..11), any(0..13))), 7 * 11 * 13);
    assert_eq!(executions(&Builder::new().strategy(Strategy::Preemptions(1)), ring(5)), {
        Builder::new().strategy(Strategy::Preemptions(1)).explore(ring(5)).executions()
    });
}

#[test]
fn locks_and_readers_are_the_same() {
    let locked = || {
        let sum = Arc::new(SpinLock::new(0));
        let threads = [1, 2, 3, 4].map(|n| {
            let sum = sum.clone();
            thread::spawn(move || *sum.lock() += n)
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*sum.lock(), 10);
    };
    assert_eq!(executions(&Builder::new(), locked), 24);
    let readers = || {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        for _ in 0..3 {
            let x = x.clone();
            thread::spawn(move || {
                let _reader = rcu::read_lock();
                assert!(x[1].load(Relaxed) == 0 || x[0].load(Relaxed) == 1);
            });
        }
        x[0].store(1, Relaxed);
        rcu::synchronize_rcu();
        x[1].store(1, Relaxed);
    };
    executions(&Builder::new(), readers);
}

/// What a dependency is may show in an execution that another worker has found.
#[test]
fn dependencies_are_the_same() {
    executions(&Builder::new(), published::by_index);
    let declared = Builder::new().dependencies(DependencyMode::Declared).jobs(2);
    let report = declared.explore(published::by_index);
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::UndeclaredDependency));
}

#[test]
fn what_fails_is_found_and_can_be_run_again() {
    let lossy = || {
        let count = Arc::new(Atomic::new(0));
        let threads = [(); 4].map(|()| {
            let count = count.clone();
            thread::spawn(move || {
                count.fetch_add(1, Relaxed);
                if count.load(Relaxed) == 2 {
                    count.store(9, Relaxed);
                }
            })
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert!(count.load(Relaxed) != 11, "two came after");
    };
    for jobs in [1, 2, 4] {
        let report = Builder::new().jobs(jobs).explore(lossy);
        let failure = report.failure().unwrap_or_else(|| panic!("{report}"));
        assert_eq!(failure.kind(), FailureKind::Panic, "{report}");
        let again = Builder::new().jobs(jobs).replay(failure.replay_token().unwrap()).explore(lossy);
        assert_eq!(again.failure().map(|failure| failure.message()), Some(failure.message()));
    }
}

#[test]
fn budgets_are_for_all_together() {
    for jobs in [1, 2, 4] {
        let report = Builder::new().jobs(jobs).max_executions(1000).explore(counter(7));
        assert_eq!((report.executions(), report.out_of_budget()), (1000, true), "{jobs} jobs");
        let exact = Builder::new().jobs(jobs).max_executions(120).explore(counter(5));
        assert_eq!(exact.executions(), 120, "{jobs} jobs");
        let walks = Builder::new().jobs(jobs).strategy(Strategy::Random { seed: 7, n: 200 }).explore(counter(9));
        assert_eq!((walks.executions(), walks.sampled()), (200, true), "{jobs} jobs");
        // The walks are the same, whoever takes them.
        let alone = Builder::new().strategy(Strategy::Random { seed: 7, n: 200 }).explore(counter(9));
        let estimates = walks.estimate().zip(alone.estimate()).expect("estimates");
        assert!((estimates.0 - estimates.1).abs() < 1e-6 * estimates.1, "{estimates:?}");
    }
}

/// A program that cannot be explored is refused by whoever notices, and nobody waits for anybody.
#[test]
fn who_is_refused_ends_the_search() {
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let moody = || {
        let x = Arc::new(Atomic::new(0));
        for n in 0..5 {
            let x = x.clone();
            thread::spawn(move || x.fetch_add(n, Relaxed));
        }
        if RUNS.fetch_add(1, Ordering::Relaxed) % 37 == 36 {
            x.store(1, Release);
        }
        x.load(Acquire);
    };
    let report = Builder::new().jobs(3).explore(moody);
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Nondeterminism), "{report}");
}

/// In a search of some length, others than the first run the closure.
#[test]
fn others_work_as_well() {
    static WORKERS: Mutex<Vec<std::thread::ThreadId>> = Mutex::new(Vec::new());
    let f = || {
        let here = std::thread::current().id();
        let mut workers = WORKERS.lock().unwrap();
        if !workers.contains(&here) {
            workers.push(here);
        }
        drop(workers);
        counter(7)();
    };
    let report = Builder::new().jobs(3).explore(f);
    assert_eq!((report.executions(), report.complete()), (5040, true), "{report}");
    assert!(WORKERS.lock().unwrap().len() > 1);
}

/// What is made of a pointer has no name that other workers know it by, so that one has to do it alone.
#[test]
fn what_is_made_of_pointers_is_the_same() {
    let ring = |disguise: fn(u64) -> u64| {
        move || {
            let x: Arc<Vec<Atomic<u64>>> = Arc::new((0..4).map(|_| Atomic::new(0)).collect());
            for i in 0..4 {
                let x = x.clone();
                thread::spawn(move || {
                    let object = Box::new(Atomic::new(0));
                    x[(i + 1) % 4].load(Relaxed);
                    x[i].store(disguise(&raw const *object as u64), Relaxed);
                });
            }
        }
    };
    assert_eq!(executions(&Builder::new(), ring(|pointer| pointer)), 16);
    assert_eq!(executions(&Builder::new(), ring(|pointer| pointer | 7 << 48)), 16);
    assert_eq!(executions(&Builder::new(), ring(|pointer| pointer >> 3)), 16);
}

/// What was made before the model belongs to all runs, so that one worker has to do it alone; and it is said.
#[test]
fn what_is_captured_is_no_ones_own() {
    let list = Arc::new(SpinLock::new(Vec::new()));
    let captured = move || {
        for n in 0..4 {
            let list = list.clone();
            thread::spawn(move || {
                let mut list = list.lock();
                lkmm::check::outside(|| {
                    list.clear();
                    list.push(n);
                });
            });
        }
    };
    assert_eq!(executions(&Builder::new(), captured.clone()), 24);
    let report = Builder::new().jobs(3).explore(captured);
    assert!(report.unchecked().iter().any(|what| what.contains("made before the model")), "{report}");
}

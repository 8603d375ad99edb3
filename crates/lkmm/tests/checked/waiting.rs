//! Threads that wait: for locks, for readers, in loops.

use super::{count, explore, kind, lines};
use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::check::{Builder, FailureKind};
use lkmm::lock::SpinLock;
use lkmm::{barrier, hint, rcu, srcu, thread};
use std::sync::Arc;

#[test]
fn a_lock_protects_what_is_in_it() {
    let adds = || {
        let sum = Arc::new(SpinLock::new(vec![0]));
        let threads: Vec<_> = (1..=3)
            .map(|n| {
                let sum = sum.clone();
                thread::spawn(move || sum.lock().push(n))
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(sum.lock().len(), 4);
    };
    assert_eq!(count(adds), 6);
}

#[test]
fn who_waits_for_locks_in_a_circle_waits_for_ever() {
    let circle = || {
        let locks = Arc::new([SpinLock::new(()), SpinLock::new(())]);
        let there = locks.clone();
        let t = thread::spawn(move || {
            let _first = there[0].lock();
            let _second = there[1].lock();
        });
        let second = locks[1].lock();
        let first = locks[0].lock();
        drop((first, second));
        t.join().unwrap();
    };
    let line = line!() - 4;
    let report = explore(circle);
    assert_eq!(kind(&report), Some(FailureKind::Deadlock));
    assert!(lines(&report).contains(&line), "where the first thread waits");
}

#[test]
fn a_loop_that_waits_ends_when_the_other_thread_writes() {
    fn wait(written: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let ready = Arc::new(Atomic::new(false));
            let there = ready.clone();
            thread::spawn(move || there.store(written, Release));
            while !ready.load(Acquire) {
                hint::spin_loop();
            }
        }
    }
    assert_eq!(count(wait(true)), 1);
    assert_eq!(kind(&explore(wait(false))), Some(FailureKind::Livelock));
}

#[test]
fn tokens_wake() {
    let parked = || {
        let data = Arc::new(Shared::new(0));
        let there = data.clone();
        let main = thread::current();
        thread::spawn(move || {
            // SAFETY: the other thread looks at it when it has been unparked.
            unsafe { there.set(1) };
            main.unpark();
        });
        thread::park();
        // SAFETY: the write came before that.
        assert_eq!(unsafe { data.get() }, 1);
    };
    assert_eq!(count(parked), 1);
    assert_eq!(kind(&explore(thread::park)), Some(FailureKind::Livelock));
}

#[test]
fn who_waits_for_readers_sees_none_that_began_before() {
    fn remove(wait: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let x = Arc::new((Atomic::new(0_usize), [Shared::new(1_u32), Shared::new(1_u32)]));
            let there = x.clone();
            thread::spawn(move || {
                let guard = rcu::read_lock();
                // SAFETY: it is overwritten only when no reader sees it.
                assert_eq!(unsafe { there.1[there.0.load(Acquire)].get() }, 1);
                drop(guard);
            });
            x.0.store(1, Release);
            if wait {
                rcu::synchronize_rcu();
            }
            // SAFETY: all readers see the other one.
            unsafe { x.1[0].set(0) };
        }
    }
    assert_eq!(count(remove(true)), 2);
    let report = explore(remove(false));
    assert!(matches!(kind(&report), Some(FailureKind::DataRace | FailureKind::Panic)));
}

#[test]
fn domains_have_readers_of_their_own() {
    static DOMAINS: [srcu::Domain; 2] = [srcu::Domain::new(), srcu::Domain::new()];
    fn remove(which: usize) -> impl Fn() + Send + Sync + 'static {
        move || {
            let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
            let there = x.clone();
            thread::spawn(move || {
                let guard = DOMAINS[0].read_lock();
                let second = there[1].load(Relaxed);
                let first = there[0].load(Relaxed);
                drop(guard);
                assert!(second == 0 || first == 1);
            });
            x[0].store(1, Relaxed);
            DOMAINS[which].synchronize();
            x[1].store(1, Relaxed);
        }
    }
    assert!(count(remove(0)) > 0);
    assert_eq!(kind(&explore(remove(1))), Some(FailureKind::Panic));
}

#[test]
fn a_ticket_lock_serves_in_order() {
    struct Ticket {
        next: Atomic<u32>,
        owner: Atomic<u32>,
        data: Shared<u32>,
    }
    fn lock(wait: fn(&Atomic<u32>) -> u32) -> impl Fn() + Send + Sync + 'static {
        move || {
            let lock = Ticket { next: Atomic::new(0), owner: Atomic::new(0), data: Shared::new(0) };
            thread::scope(|s| {
                for _ in 0..3 {
                    s.spawn(|| {
                        let ticket = lock.next.fetch_add(1, Relaxed);
                        while wait(&lock.owner) != ticket {
                            hint::spin_loop();
                        }
                        // SAFETY: that is the question.
                        unsafe { lock.data.with_mut(|data| *data += 1) };
                        lock.owner.store(ticket + 1, Release);
                    });
                }
            });
            assert_eq!(lock.data.into_inner(), 3);
        }
    }
    assert_eq!(count(lock(|owner| owner.load(Acquire))), 6);
    assert_eq!(kind(&explore(lock(|owner| owner.load(Relaxed)))), Some(FailureKind::DataRace));
}

#[test]
fn who_spins_on_an_atomic_operation_waits() {
    // Whoever takes the lock gives it back.
    let report = Builder::new().explore(|| {
        let lock = Arc::new(Atomic::new(0));
        let section = |lock: &Atomic<i32>| {
            while lock.cmpxchg(0, 1, Acquire).is_err() {
                hint::spin_loop();
            }
            lock.store(0, Release);
            while lock.xchg(1, Acquire) == 1 {
                hint::spin_loop();
            }
            lock.store(0, Release);
        };
        let t = {
            let lock = lock.clone();
            thread::spawn(move || section(&lock))
        };
        section(&lock);
        t.join().unwrap();
    });
    assert!(report.complete() && report.failure().is_none(), "{report}");
    // Nobody gives it back.
    let report = Builder::new().explore(|| {
        let lock = Arc::new(Atomic::new(0));
        let t = {
            let lock = lock.clone();
            thread::spawn(move || {
                while lock.xchg(1, Acquire) == 1 {
                    hint::spin_loop();
                }
            })
        };
        while lock.cmpxchg(0, 1, Acquire).is_err() {
            hint::spin_loop();
        }
        t.join().unwrap();
    });
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Livelock), "{report}");
}

#[test]
fn who_waits_in_vain_may_have_read_old_values_before() {
    let report = Builder::new().explore(|| {
        let [x, y, w] = [(); 3].map(|()| Arc::new(Atomic::new(0)));
        let t = {
            let (x, y, w) = (x.clone(), y.clone(), w.clone());
            thread::spawn(move || {
                x.store(1, Relaxed);
                if y.load(Relaxed) == 0 {
                    while w.load(Relaxed) == 0 {
                        hint::spin_loop();
                    }
                }
            })
        };
        y.store(1, Relaxed);
        if x.load(Relaxed) == 1 {
            w.store(1, Relaxed);
        }
        t.join().unwrap();
    });
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Livelock), "{report}");
}

#[test]
fn who_reads_twice_and_waits_waits_for_a_write() {
    let report = Builder::new().explore(|| {
        let x = Arc::new(Atomic::new(0));
        let t = {
            let x = x.clone();
            thread::spawn(move || x.store(1, Relaxed))
        };
        loop {
            let first = x.load(Acquire);
            barrier::smp_rmb();
            if x.load(Relaxed) == first {
                break;
            }
            hint::spin_loop();
        }
        t.join().unwrap();
    });
    assert!(report.complete() && report.failure().is_none(), "{report}");
    assert_eq!(report.executions(), 2);
}

#[test]
fn to_yield_outside_of_a_loop_hides_nothing() {
    let failing = |assertion: bool| {
        explore(move || {
            let values = Arc::new([Atomic::new(0), Atomic::new(0)]);
            let there = values.clone();
            let t = thread::spawn(move || {
                let seen = there[0].load(Relaxed);
                thread::yield_now();
                there[1].store(1, Relaxed);
                thread::yield_now();
                assert!(!(assertion && seen == 0));
            });
            t.join().unwrap();
            assert_eq!(values[1].load(Relaxed), 1);
        })
    };
    assert_eq!(kind(&failing(true)), Some(FailureKind::Panic));
    let report = failing(false);
    assert!(report.complete() && report.executions() == 1, "{report}");
}

#[test]
fn a_loop_that_yields_waits() {
    let waits = |is_told: bool, yields: fn()| {
        explore(move || {
            let flag = Arc::new(Atomic::new(0));
            let there = flag.clone();
            let t = thread::spawn(move || {
                // Two that are the same, and not in a row.
                while there.xchg(2, Relaxed) != 1 {
                    yields();
                }
            });
            if is_told {
                flag.store(1, Relaxed);
            }
            t.join().unwrap();
        })
    };
    for yields in [thread::yield_now, hint::spin_loop] {
        assert_eq!(kind(&waits(false, yields)), Some(FailureKind::Livelock));
    }
    let report = waits(true, thread::yield_now);
    assert!(report.complete(), "{report}");
}

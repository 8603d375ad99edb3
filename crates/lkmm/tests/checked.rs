//! What the checker finds, and how many executions there are.

use lkmm::atomic::{Acquire, Atomic, AtomicType, Full, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::check::{Builder, DependencyMode, FailureKind, Report};
use lkmm::lock::SpinLock;
use lkmm::{barrier, check, hint, rcu, srcu, thread};
use std::sync::Arc;

/// Explores a closure; the report is printed if the test fails.
fn explore(f: impl Fn() + Send + Sync + 'static) -> Report {
    let report = Builder::new().explore(f);
    println!("{report}");
    report
}

/// The number of executions, none of which fails.
fn count(f: impl Fn() + Send + Sync + 'static) -> u64 {
    let report = explore(f);
    assert!(report.failure().is_none() && report.complete());
    report.executions()
}

fn kind(report: &Report) -> Option<FailureKind> {
    report.failure().map(|failure| failure.kind())
}

/// The lines of the failure's places.
fn lines(report: &Report) -> Vec<u32> {
    let failure = report.failure().expect("a failure");
    assert!(failure.locations().iter().all(|place| place.file.ends_with("checked.rs") && place.column > 1));
    failure.locations().iter().map(|place| place.line).collect()
}

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

/// Two threads that each write one variable, and then read the other. Do both read 0?
fn store_buffering(fence: fn()) -> impl Fn() + Send + Sync + 'static {
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
    for part in
        ["thread 0 (main)", "thread 1", "checked.rs:", "spawn", "write   a = 1", "read    a = 1  from 2", "panics at"]
    {
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
fn choices_are_explored() {
    assert_eq!(count(|| assert!(check::any(2..5) + 2 * check::any(0..2) < 7)), 6);
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
fn statics_belong_to_each_model() {
    static X: Atomic<i64> = Atomic::new(1);
    assert_eq!(count(|| assert_eq!(X.fetch_sub(1, Full), 1)), 1);
    assert_eq!(X.load(Relaxed), 1);
}

#[test]
fn what_a_static_lock_protects_is_new_in_every_run() {
    static NUMBERS: SpinLock<[u64; 3]> = SpinLock::new([0; 3]);
    static OTHERS: Shared<[u64; 3]> = Shared::new([1; 3]);
    let adds = || {
        let t = thread::spawn(|| NUMBERS.lock()[1] += 1);
        NUMBERS.lock()[1] += 1;
        t.join().unwrap();
        assert_eq!(*NUMBERS.lock(), [0, 2, 0]);
        let increment = |others: &mut [u64; 3]| {
            others[2] += 1;
            others[2]
        };
        // SAFETY: there is no other thread.
        assert_eq!(unsafe { OTHERS.with_mut(increment) }, 2);
    };
    assert_eq!(count(adds), 2);
    assert_eq!(*NUMBERS.lock(), [0; 3]);
}

#[test]
fn who_owns_an_atomic_finds_the_last_value() {
    use std::sync::Mutex;
    let found = Arc::new(Mutex::new(Vec::new()));
    let there = found.clone();
    let two_writers = move || {
        let mut x = (Atomic::new(0), Shared::new(0));
        thread::scope(|s| {
            for n in [1, 2] {
                let x = &x;
                s.spawn(move || x.0.store(n, Relaxed));
            }
        });
        *x.1.get_mut() += *x.0.get_mut();
        *x.0.get_mut() += 1;
        assert_eq!(x.0.load(Relaxed), x.1.into_inner() + 1);
        there.lock().unwrap().push(x.0.load(Relaxed));
    };
    assert_eq!(count(two_writers), 2);
    let mut found = found.lock().unwrap().clone();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, [2, 3]);
}

#[test]
fn an_enum_may_be_atomic() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(i8)]
    enum State {
        Idle,
        Busy = -1,
    }
    // SAFETY: it is an `i8`.
    unsafe impl AtomicType for State {
        type Repr = i8;
    }
    let one_wins = || {
        let state = Arc::new(Atomic::new(State::Idle));
        let there = state.clone();
        let t = thread::spawn(move || there.cmpxchg(State::Idle, State::Busy, Acquire).is_ok());
        let here = state.cmpxchg(State::Idle, State::Busy, Acquire);
        assert_ne!(here.is_ok(), t.join().unwrap());
        assert_eq!(here.is_err(), here == Err(State::Busy));
    };
    assert_eq!(count(one_wins), 2);
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
fn pointers_without_the_model_heap_are_refused_if_they_differ() {
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
    assert_eq!(kind(&report), Some(FailureKind::Nondeterminism));
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

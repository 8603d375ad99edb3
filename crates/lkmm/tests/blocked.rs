//! What waits for a real lock in a model is told, and hangs nothing. (Elsewhere than on Linux, it does.)
#![cfg(target_os = "linux")]

use lkmm::atomic::{Atomic, Relaxed};
use lkmm::check::{Builder, FailureKind, Report};
use lkmm::thread;
use std::sync::{Arc, Mutex, Once, OnceLock, mpsc};
use std::time::{Duration, Instant};

lkmm::check::heap!();

/// Longer than a thread waits that is taken to be blocked.
const LONG: Duration = Duration::from_millis(2500);

/// The line of the call that never returns is the one that is marked.
#[track_caller]
fn is_told(report: &Report, line: u32) {
    println!("{report}");
    let failure = report.failure().expect("it is told");
    assert_eq!(failure.kind(), FailureKind::Deadlock);
    assert!(failure.message().contains("real lock"), "{failure}");
    let [place] = failure.locations() else { panic!("one place: {failure}") };
    assert!(place.file.ends_with("tests/blocked.rs"), "{failure}");
    assert_eq!(place.line, line, "{failure}");
    assert!(failure.mend()[0].contains("lkmm::lock::Mutex"));
}

#[test]
fn a_mutex_held_where_the_model_switches_threads() {
    let line = line!() + 6;
    let report = Builder::new().explore(|| {
        let shared = Arc::new((Mutex::new(()), Atomic::new(0_u32)));
        let there = shared.clone();
        let add = move || {
            // Who reads in the model leaves the processor to others.
            let _guard = there.0.lock();
            there.1.store(there.1.load(Relaxed) + 1, Relaxed);
        };
        let child = thread::spawn(add.clone());
        add();
        child.join().unwrap();
    });
    is_told(&report, line);
}

#[test]
fn what_a_mutex_prevents_is_not_told_instead_of_it() {
    // Each thread comes to its end before the next one begins, so that nobody is seen to wait.
    let line = line!() + 6;
    let report = Builder::new().explore(|| {
        let shared = Arc::new((Mutex::new(()), Atomic::new(0_u32)));
        let threads = [0, 1].map(|_| {
            let there = shared.clone();
            thread::spawn(move || {
                let _guard = there.0.lock();
                there.1.store(there.1.load(Relaxed) + 1, Relaxed);
            })
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(shared.1.load(Relaxed), 2);
    });
    is_told(&report, line);
}

#[test]
fn a_mutex_around_what_asks_nothing() {
    let line = line!() + 6;
    let report = Builder::new().explore(|| {
        let shared = Arc::new((Mutex::new(()), Atomic::new(0_u32), Atomic::new(0_u32)));
        let threads = [1, 2].map(|n| {
            let there = shared.clone();
            thread::spawn(move || {
                let _guard = there.0.lock();
                there.1.store(n, Relaxed);
                there.2.store(n, Relaxed);
            })
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(shared.1.load(Relaxed), shared.2.load(Relaxed));
    });
    is_told(&report, line);
}

#[test]
fn a_mutex_that_only_a_choice_leads_to() {
    let line = line!() + 7;
    let report = Builder::new().explore(|| {
        let shared = Arc::new((Mutex::new(()), Atomic::new(0_u32)));
        let chosen = lkmm::check::any(0..3);
        let threads = [0, 1].map(|_| {
            let there = shared.clone();
            thread::spawn(move || {
                let _guard = (chosen == 2).then(|| there.0.lock());
                there.1.store(there.1.load(Relaxed) + u32::from(chosen == 2), Relaxed);
            })
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert!(chosen < 2 || shared.1.load(Relaxed) == 2);
    });
    is_told(&report, line);
}

#[test]
fn data_in_a_mutex_that_differs_from_run_to_run() {
    let line = line!() + 6;
    let report = Builder::new().explore(|| {
        let shared = Arc::new((Mutex::new(0), Atomic::new(0_u32)));
        let threads = [1, 2].map(|n| {
            let there = shared.clone();
            thread::spawn(move || {
                let mut last = there.0.lock().unwrap();
                if *last == 0 {
                    there.1.store(n, Relaxed);
                }
                there.1.add(1, Relaxed);
                *last = there.1.load(Relaxed);
            })
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
    is_told(&report, line);
}

#[test]
fn what_fails_besides_a_mutex_is_told() {
    let report = Builder::new().explore(|| {
        let shared = Arc::new((Mutex::new(0), Atomic::new(0_u32)));
        let threads = [0, 1].map(|_| {
            let there = shared.clone();
            thread::spawn(move || {
                // Nobody else runs while this is held.
                *there.0.lock().unwrap() += 1;
                there.1.store(there.1.load(Relaxed) + 1, Relaxed);
            })
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(shared.1.load(Relaxed), 2);
    });
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Panic), "{report}");
}

#[test]
fn a_cell_made_by_who_asks_the_model() {
    let line = line!() + 4;
    let report = Builder::new().explore(|| {
        let shared = Arc::new((OnceLock::new(), Atomic::new(1_u32)));
        let there = shared.clone();
        let get = move || *there.0.get_or_init(|| there.1.load(Relaxed) + there.1.load(Relaxed));
        let child = thread::spawn({
            let (get, shared) = (get.clone(), shared.clone());
            move || {
                get();
                shared.1.store(2, Relaxed);
            }
        });
        get();
        child.join().unwrap();
    });
    is_told(&report, line);
}

#[test]
fn a_message_that_another_thread_of_the_model_would_send() {
    let line = line!() + 4;
    let report = Builder::new().explore(|| {
        let (sender, receiver) = mpsc::channel();
        let child = thread::spawn(move || sender.send(1).unwrap());
        assert_eq!(receiver.recv(), Ok(1));
        child.join().unwrap();
    });
    is_told(&report, line);
}

#[test]
fn a_model_that_blocks_leaves_others_alone() {
    let panicked = std::panic::catch_unwind(|| {
        lkmm::check::model(|| {
            let (_sender, receiver) = mpsc::channel::<()>();
            _ = receiver.recv();
        });
    });
    let message = panicked.unwrap_err().downcast::<String>().expect("the report");
    assert!(message.contains("real lock"), "{message}");
    let report = Builder::new().explore(|| {
        let x = Atomic::new(0);
        thread::scope(|s| (0..3).for_each(|_| _ = s.spawn(|| x.add(1, Relaxed))));
    });
    assert!(report.complete() && report.executions() == 6);
}

#[test]
fn locks_held_between_operations_disturb_nobody() {
    static LOG: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    let until = Instant::now() + LONG;
    while Instant::now() < until {
        let report = Builder::new().explore(|| {
            let x = Atomic::new(0);
            let add = || {
                let found = x.fetch_add(1, Relaxed);
                let mut log = LOG.lock().unwrap();
                log.clear();
                lkmm::check::outside(|| log.push(found));
            };
            thread::scope(|s| (0..4).for_each(|_| _ = s.spawn(add)));
        });
        assert!(report.complete() && report.executions() == 24);
    }
}

#[test]
fn who_computes_or_sleeps_or_waits_for_a_while_is_not_blocked() {
    static ONCE: Once = Once::new();
    let waits = || {
        let until = Instant::now() + LONG;
        while Instant::now() < until {
            std::hint::spin_loop();
        }
        let (_sender, receiver) = mpsc::channel::<()>();
        assert!(receiver.recv_timeout(LONG).is_err());
        // It is a real thread that is waited for, and comes to its end.
        std::thread::spawn(|| std::thread::sleep(LONG)).join().unwrap();
        std::thread::spawn(|| std::thread::park_timeout(LONG)).join().unwrap();
    };
    let report = Builder::new().explore(move || ONCE.call_once(waits));
    assert!(report.complete() && report.failure().is_none(), "{report}");
}

//! Budgets, and what is said of a search that ends before its time.

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::check::{self, Builder, FailureKind, Strategy};
use lkmm::{barrier, hint, thread};
use std::process::Command;
use std::sync::Arc;

/// Threads that each add one to a counter: as many executions as there are orders of the threads.
fn counter(threads: usize) -> impl Fn() + Send + Sync + Clone + 'static {
    move || {
        let count = Arc::new(Atomic::new(0));
        for _ in 0..threads {
            let count = count.clone();
            thread::spawn(move || count.add(1, Relaxed));
        }
    }
}

#[test]
fn what_is_left_is_estimated() {
    let all = Builder::new().explore(counter(5));
    assert_eq!((all.estimate(), all.out_of_budget()), (Some(120.0), false));
    let part = Builder::new().max_executions(60).explore(counter(5));
    assert!(part.out_of_budget() && !part.complete());
    let estimate = part.estimate().expect("an estimate");
    assert!((60.0..1200.0).contains(&estimate), "{estimate}");
    let text = part.to_string();
    assert!(
        text.starts_with("60 executions, and all went well; the budget ran out") && text.contains(" (about "),
        "{text}"
    );
    let none = Builder::new().timeout(std::time::Duration::ZERO).explore(counter(5));
    assert!(none.estimate().is_none() && none.to_string().ends_with("the others were explored"), "{none}");
}

#[test]
fn random_walks_stand_in_for_a_search_that_has_no_end() {
    // 12! executions.
    let random = |n| Builder::new().strategy(Strategy::Random { seed: 3, n });
    let report = random(300).explore(counter(12));
    assert!(report.sampled() && !report.complete() && !report.out_of_budget(), "{report}");
    assert!(report.estimate().is_some_and(|estimate| estimate > 1e6), "{report}");
    assert!(report.to_string().starts_with("300 random executions of about "), "{report}");
    random(20).check(counter(12));
    assert!(random(300).max_executions(10).explore(counter(12)).out_of_budget());
}

#[test]
fn what_a_random_walk_comes_to_can_be_run_again() {
    let race = || {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let there = x.clone();
        let t = thread::spawn(move || {
            there[0].store(1, Relaxed);
            there[1].load(Relaxed)
        });
        x[1].store(1, Relaxed);
        let here = x[0].load(Relaxed);
        assert!(here + t.join().unwrap() > 0, "store buffering");
    };
    let report = Builder::new().strategy(Strategy::Random { seed: 1, n: 1000 }).explore(race);
    let failure = report.failure().expect("a failure");
    assert!(report.executions() < 100 && failure.kind() == FailureKind::Panic, "{report}");
    let again = Builder::new().replay(failure.replay_token().expect("a token")).explore(race);
    assert_eq!(again.failure().map(|failure| failure.message()), Some(failure.message()));
}

/// Whoever adds in two steps may be interrupted in between, and then what others add is lost.
#[test]
fn preemptions_are_bounded() {
    let lossy = |preemptible: usize| {
        move || {
            let count = Arc::new(Atomic::new(0));
            let threads = [0, 1, 2].map(|i| {
                let count = count.clone();
                thread::spawn(move || match i < preemptible {
                    true => count.store(count.load(Relaxed) + 1, Relaxed),
                    false => count.add(1, Relaxed),
                })
            });
            threads.into_iter().for_each(|t| t.join().unwrap());
            assert_eq!(count.load(Relaxed), 3);
        }
    };
    let bounded = |most| Builder::new().strategy(Strategy::Preemptions(most));
    let report = bounded(0).explore(lossy(2));
    // Threads that run one after the other.
    assert_eq!((report.executions(), report.preemptions(), report.estimate()), (6, Some(0), None), "{report}");
    assert!(!report.complete() && !report.out_of_budget());
    let text = report.to_string();
    assert_eq!(text.lines().next(), Some("6 executions with at most 0 preemptions, and all went well"));
    let report = bounded(1).explore(lossy(2));
    let failure = report.failure().expect("a failure");
    assert_eq!((failure.kind(), report.preemptions()), (FailureKind::Panic, None));
    assert!(bounded(1).max_executions(5).explore(lossy(0)).out_of_budget());
}

#[test]
#[should_panic(expected = "nothing was checked")]
fn a_bound_that_no_execution_keeps_is_an_error() {
    Builder::new().strategy(Strategy::Preemptions(0)).check(|| {
        let (here, there) = (Atomic::new(0), Atomic::new(0));
        thread::scope(|s| {
            s.spawn(|| {
                here.store(1, Release);
                while there.load(Acquire) == 0 {
                    hint::spin_loop();
                }
            });
            s.spawn(|| {
                while here.load(Acquire) == 0 {
                    hint::spin_loop();
                }
                there.store(1, Release);
            });
        });
    });
}

/// Runs one test of this file with a variable of the environment set. Yields whether it passes, and what it prints.
fn with(variable: (&str, &str), test: &str) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().expect("this file"));
    let output = command.args(["--exact", test]).env(variable.0, variable.1).output().expect("this file runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Passes unless the environment sets a budget; the others run it so.
#[test]
fn a_counter_of_four_threads() {
    Builder::new().max_executions(1000).check(counter(4));
}

#[test]
fn budgets_come_from_the_environment_too() {
    let test = "a_counter_of_four_threads";
    let (passed, text) = with(("LKMM_MAX_EXECUTIONS", "10"), test);
    assert!(!passed && text.contains("10 executions, and all went well; the budget ran out"), "{text}");
    let (passed, text) = with(("LKMM_TIMEOUT", "0"), test);
    assert!(!passed && text.contains("the budget ran out"), "{text}");
    assert!(with(("LKMM_MAX_EXECUTIONS", "24"), test).0 && with(("LKMM_TIMEOUT", ""), test).0);
    assert!(with(("LKMM_RANDOM", "100"), test).0 && with(("LKMM_PREEMPTIONS", "0"), test).0);
    for (name, value, problem) in
        [("LKMM_TIMEOUT", "soon", "a number of seconds"), ("LKMM_MAX_EXECUTIONS", "-1", "a number of executions")]
    {
        let (passed, text) = with((name, value), test);
        assert!(!passed && text.contains(&format!("{name}={value} is not {problem}")), "{text}");
    }
}

/// Takes longer than a second.
#[test]
fn a_model_that_takes_long() {
    let report = Builder::new().timeout(std::time::Duration::from_millis(1600)).explore(counter(12));
    assert!(report.out_of_budget(), "{report}");
}

#[test]
fn a_line_says_how_far_a_long_search_is() {
    let shown = |when: &str| {
        let mut command = Command::new(std::env::current_exe().expect("this file"));
        command.args(["--exact", "a_model_that_takes_long", "--test-threads=2"]).env("LKMM_PROGRESS", when);
        String::from_utf8(command.output().expect("this file runs").stderr).expect("text")
    };
    // No terminal: not unless it is asked for.
    assert_eq!([shown("auto"), shown("never")], ["", ""]);
    let text = shown("always");
    assert!(text.contains("a_model_that_takes_long: ") && text.contains(" executions of about "), "{text:?}");
    // In the end there is an empty line.
    let (_, last) = text.rsplit_once("\x1b[?7l").expect("a line");
    assert_eq!(last, "\x1b[?7h\x1b8");
}

/// An execution that counts or not, as dependencies show that others may still bring to light, is not lost where a budget ends.
#[test]
fn what_is_in_doubt_is_out_of_budget() {
    let message = || {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let there = x.clone();
        thread::spawn(move || {
            let (flag, data) = (there[1].load(Relaxed), there[0].load(Relaxed));
            assert!(flag == 0 || data == 1, "a message overtook itself");
        });
        x[0].store(1, Relaxed);
        barrier::smp_wmb();
        x[1].store(1, Relaxed);
    };
    let report = Builder::new().max_executions(3).explore(message);
    assert!(report.out_of_budget() || report.failure().is_some(), "{report}");
    assert!(Builder::new().explore(message).failure().is_some());
}

#[test]
fn a_model_in_a_model_is_named() {
    let nested = Builder::new().explore(|| Builder::new().check(|| ()));
    let failure = nested.failure().expect("a model in a model");
    assert!(failure.message().contains("a model in a model"), "{failure}");
    assert!(failure.locations()[0].file.ends_with("budgets.rs"), "{failure}");
}

/// A loop that does not say that it waits is followed until no execution can be that long, and named.
#[test]
fn a_loop_without_end_is_named() {
    let waits = || {
        let flag = Arc::new(Atomic::new(0));
        let there = flag.clone();
        thread::spawn(move || there.store(1, Release));
        while flag.load(Acquire) == 0 {
            std::hint::spin_loop();
        }
    };
    for builder in [Builder::new(), Builder::new().strategy(Strategy::Random { seed: 1, n: 3 })] {
        let report = builder.explore(waits);
        let failure = report.failure().expect("a loop without end");
        assert_eq!(failure.kind(), FailureKind::TooLarge);
        assert!(failure.message().contains("lkmm::hint::spin_loop()"), "{failure}");
        assert!(failure.locations()[0].file.ends_with("budgets.rs"), "{failure}");
    }
}

/// Also one that ends when it reads the newest value, and goes on for ever with an older one.
#[test]
fn a_loop_without_end_on_an_old_value_is_named() {
    let report = Builder::new().explore(|| {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let y = x.clone();
        thread::spawn(move || y.iter().for_each(|y| y.store(1, Relaxed)));
        if x[1].load(Relaxed) == 1 {
            while x[0].load(Relaxed) == 0 {}
        }
    });
    let failure = report.failure().expect("a loop without end");
    assert_eq!(failure.kind(), FailureKind::TooLarge);
    assert!(failure.message().contains("lkmm::hint::spin_loop()"), "{failure}");
}

/// Threads that are started, and choices, are no events of the model: there may be any number.
#[test]
fn threads_and_choices_make_no_execution_long() {
    let many = || {
        for _ in 0..600 {
            assert_eq!(check::any(0..1), 0);
            thread::spawn(|| ());
        }
    };
    let report = Builder::new().stack_size(64 << 10).explore(many);
    assert_eq!((report.executions(), report.complete()), (1, true), "{report}");
}

/// Executions may have more than a thousand events.
#[test]
fn long_executions_are_no_more_than_that() {
    let long = || {
        let x = Arc::new(Atomic::new(0));
        let y = x.clone();
        let writes = thread::spawn(move || {
            let own = Atomic::new(0);
            (0..600).for_each(|_| own.add(1, Relaxed));
            y.store(own.load(Relaxed), Relaxed);
        });
        let seen = x.load(Relaxed);
        writes.join().unwrap();
        assert!((seen == 0 || seen == 600) && x.load(Relaxed) == 600);
    };
    let report = Builder::new().explore(long);
    assert_eq!((report.executions(), report.complete()), (2, true), "{report}");
}

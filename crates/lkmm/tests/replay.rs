//! Executions that are run again.

use lkmm::atomic::{Acquire, Atomic, Full, Relaxed};
use lkmm::check::{self, Builder, FailureKind, Report};
use lkmm::lock::SpinLock;
use lkmm::{barrier, hint, thread};
use std::process::Command;
use std::sync::Arc;

lkmm::check::heap!();

/// The failure as text, but for the token, and for addresses: those of the heap differ from model to model.
fn text(report: &Report) -> String {
    let text = report.failure().expect("a failure").to_string();
    let lines = text.lines().take_while(|line| !line.starts_with("run it again"));
    let words = lines.flat_map(|line| line.split(' ').chain(["\n"]));
    words.filter(|word| !word.starts_with("0x")).collect::<Vec<_>>().join(" ")
}

/// A failing execution is found again, and little else is run.
fn comes_again(f: impl Fn() + Send + Sync + Clone + 'static) {
    let first = Builder::new().explore(f.clone());
    let token = first.failure().expect("a failure").replay_token().expect("a token").to_string();
    assert!(token.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'), "{token}");
    let again = Builder::new().replay(&token).explore(f);
    println!("{first}\n{again}");
    assert_eq!(text(&first), text(&again));
    assert!(again.executions() <= 2);
}

#[test]
fn failures_come_again() {
    // Store buffering, among many executions.
    comes_again(|| {
        let x = Arc::new([Atomic::new(0), Atomic::new(0), Atomic::new(0)]);
        let threads = [0, 1].map(|n| {
            let x = x.clone();
            thread::spawn(move || {
                x[2].add(1, Relaxed);
                x[n].store(1, Relaxed);
                x[1 - n].load(Relaxed)
            })
        });
        let seen = threads.map(|t| t.join().unwrap());
        assert_ne!(seen, [0, 0]);
    });
    // Load buffering.
    comes_again(|| {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let threads = [0, 1].map(|n| {
            let x = x.clone();
            thread::spawn(move || {
                let seen = x[n].load(Relaxed);
                x[1 - n].store(1, Relaxed);
                seen
            })
        });
        assert_ne!(threads.map(|t| t.join().unwrap()), [1, 1]);
    });
    // Choices, and a message.
    comes_again(|| {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let there = x.clone();
        let number = check::any(1..9);
        thread::spawn(move || {
            there[0].store(number, Relaxed);
            there[1].store(1, Relaxed);
        });
        assert!(x[1].load(Acquire) == 0 || number != 5 || x[0].load(Relaxed) == number);
    });
    // Locks in a circle.
    comes_again(|| {
        let locks = Arc::new([SpinLock::new(()), SpinLock::new(())]);
        let there = locks.clone();
        let t = thread::spawn(move || drop((there[0].lock(), there[1].lock())));
        drop((locks[1].lock(), locks[0].lock()));
        t.join().unwrap();
    });
    // A loop that waits for ever.
    comes_again(|| {
        let x = Arc::new(Atomic::new(0));
        let there = x.clone();
        thread::spawn(move || there.store(check::any(0..3), Relaxed));
        while x.load(Relaxed) != 2 {
            hint::spin_loop();
        }
    });
    // Pointers.
    comes_again(|| {
        let slot = Arc::new(Atomic::new(Box::into_raw(Box::new(Atomic::new(1)))));
        let there = slot.clone();
        thread::spawn(move || {
            // SAFETY: that is the question.
            unsafe { &*there.load(Acquire) }.add(1, Relaxed);
        });
        let old = slot.xchg(Box::into_raw(Box::new(Atomic::new(1))), Full);
        barrier::smp_mb();
        // SAFETY: that is the question.
        drop(unsafe { Box::from_raw(old) });
    });
}

#[test]
fn a_token_that_does_not_fit_is_an_error() {
    let fails = || assert_eq!(check::any(0..3), 0, "another one");
    let report = Builder::new().explore(fails);
    let token = report.failure().and_then(|failure| failure.replay_token()).unwrap().to_string();
    let kind = |report: &Report| report.failure().map(|failure| failure.kind());
    assert_eq!(kind(&Builder::new().replay(&token).explore(|| ())), Some(FailureKind::Replay));
    assert_eq!(kind(&Builder::new().replay("what?").explore(fails)), Some(FailureKind::Replay));
    assert_eq!(kind(&Builder::new().replay(&token).explore(fails)), Some(FailureKind::Panic));
}

/// Two models of one test, explored from places of their own.
fn two_models() -> [Report; 2] {
    let fails = |with: usize| move || assert_ne!(check::any(0..8), with, "it fails");
    [Builder::new().explore(fails(4)), Builder::new().explore(fails(6))]
}

#[test]
fn both_models_fail() {
    let reports = two_models();
    assert!(reports.iter().all(|report| report.failure().is_some()));
    reports.iter().for_each(|report| println!("{report}"));
}

#[test]
fn who_is_not_replayed_says_so() {
    // `both_models_fail`, in a process of its own: its output and its errors.
    let run = |token: &str| {
        let this = std::env::current_exe().expect("this runs");
        let mut test = Command::new(this);
        test.args(["--exact", "both_models_fail", "--show-output"])
            .env("LKMM_REPLAY", token)
            .env_remove("LKMM_REPORTS");
        let output = test.output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let tokens = two_models().map(|report| report.failure().unwrap().replay_token().unwrap().to_string());
    let others = tokens.map(|token| {
        let [out, errors] = run(&token);
        assert_eq!(out.matches("Mind: LKMM_REPLAY is the token of another model").count(), 1, "{out}");
        assert!(out.contains("(1 execution explored)"), "{out}");
        let lines: Vec<&str> = errors.lines().filter(|line| line.contains("not replayed")).collect();
        assert!(lines.len() == 1 && lines[0].contains("tests/replay.rs:"), "{errors}");
        lines[0].to_string()
    });
    assert_ne!(others[0], others[1], "each is the model that is not replayed");
    // Of a model that is none of these: a model of another place.
    let elsewhere = Builder::new().explore(|| assert_ne!(check::any(0..8), 4));
    let [out, errors] = run(elsewhere.failure().unwrap().replay_token().unwrap());
    assert_eq!(errors.matches("lkmm: not replayed").count(), 2, "{errors}");
    assert_eq!(out.matches("Mind: LKMM_REPLAY").count(), 2, "{out}");
    // A variable that is empty says nothing.
    let [out, errors] = run("");
    assert!(!errors.contains("lkmm") && !out.contains("LKMM_REPLAY is"), "{out}{errors}");
}

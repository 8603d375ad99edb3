//! Failures as text, JSON and SVG, against the files in `tests/reports`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lkmm --test reports` rewrites the files; read the difference before you commit it.

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::check::{Builder, Failure, FailureKind};
use lkmm::lock::SpinLock;
use lkmm::thread;
use std::path::Path;
use std::sync::Arc;

lkmm::check::heap!();

fn failure(f: impl Fn() + Send + Sync + 'static) -> Failure {
    Builder::new().explore(f).failure().expect("a failure").clone()
}

fn check(name: &str, failure: &Failure) {
    let svg = failure.to_svg().expect("there is an execution");
    // Whether it was written to a folder (`LKMM_REPORTS`) makes no difference.
    let written = failure.file().map_or(String::new(), |file| format!("\ndrawn in {}\n", file.display()));
    let text = if written.is_empty() { failure.to_string() } else { failure.to_string().replace(&written, "") };
    let texts = [("txt", text), ("json", failure.to_json()), ("svg", svg)];
    for (kind, text) in texts {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(format!("{name}.{kind}"));
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &text).expect("the golden file can be written");
        }
        let golden = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, golden, "{name}.{kind} differs; UPDATE_GOLDEN=1 rewrites it");
    }
}

#[test]
fn a_message_that_overtakes_itself() {
    let failure = failure(|| {
        let (data, flag) = (Arc::new(Atomic::new(0)), Arc::new(Atomic::new(false)));
        let (there, ready) = (data.clone(), flag.clone());
        let writer = thread::spawn(move || {
            there.store(42, Relaxed);
            ready.store(true, Release);
        });
        let reader = thread::spawn(move || {
            if flag.load(Relaxed) {
                assert_eq!(data.load(Relaxed), 42);
            }
        });
        writer.join().unwrap();
        reader.join().unwrap();
    });
    assert_eq!(failure.kind(), FailureKind::Panic);
    assert_eq!(failure.mend().len(), 1, "{failure}");
    assert!(failure.mend()[0].contains("an acquire"), "{failure}");
    check("message", &failure);
}

#[test]
fn two_writes_that_race() {
    let failure = failure(|| {
        let (data, flag) = (Arc::new(Shared::new(0)), Arc::new(Atomic::new(0)));
        let (there, ready) = (data.clone(), flag.clone());
        let t = thread::spawn(move || {
            // SAFETY: that it is not is what is to be found.
            unsafe { there.set(1) };
            ready.store(1, Relaxed);
        });
        if flag.load(Acquire) == 1 {
            // SAFETY: as above.
            unsafe { data.set(2) };
        }
        t.join().unwrap();
    });
    assert_eq!(failure.kind(), FailureKind::DataRace);
    check("race", &failure);
}

#[test]
fn two_orders_that_are_missing() {
    let failure = failure(|| {
        let (data, flag) = (Arc::new(Atomic::new(0)), Arc::new(Atomic::new(false)));
        let writer = thread::spawn({
            let (data, flag) = (data.clone(), flag.clone());
            move || {
                data.store(1, Relaxed);
                flag.store(true, Relaxed);
                data.store(2, Relaxed);
            }
        });
        let seen = (flag.load(Relaxed), data.load(Relaxed));
        writer.join().unwrap();
        assert_ne!(seen, (true, 0));
    });
    assert_eq!(failure.mend().len(), 2, "{failure}");
    check("orders", &failure);
}

#[derive(Clone, Copy)]
struct Pointer(*mut Atomic<i32>);

// SAFETY: it is sent to where it is used, by which time the checker has to say whether it may be.
unsafe impl Send for Pointer {}

impl Pointer {
    /// # Safety
    /// The object is there.
    unsafe fn get(&self) -> &Atomic<i32> {
        // SAFETY: the caller's promise.
        unsafe { &*self.0 }
    }
}

#[test]
fn a_reader_whose_object_is_freed() {
    let failure = failure(|| {
        let object = Pointer(Box::into_raw(Box::new(Atomic::new(7))));
        let done = Arc::new(Atomic::new(false));
        let finished = done.clone();
        let reader = thread::spawn(move || {
            // SAFETY: the main thread frees the object when this one is done with it; or so it says.
            unsafe { object.get() }.load(Relaxed);
            finished.store(true, Relaxed);
        });
        if done.load(Acquire) {
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(object.0) });
        }
        reader.join().unwrap();
    });
    assert_eq!(failure.kind(), FailureKind::UseAfterFree);
    check("free", &failure);
}

#[test]
fn locks_taken_in_a_circle() {
    let failure = failure(|| {
        let locks = Arc::new([SpinLock::new(0), SpinLock::new(0)]);
        let threads = [0, 1].map(|n| {
            let locks = locks.clone();
            thread::spawn(move || {
                let _first = locks[n].lock();
                let _second = locks[1 - n].lock();
            })
        });
        for t in threads {
            t.join().unwrap();
        }
    });
    assert_eq!(failure.kind(), FailureKind::Deadlock);
    check("deadlock", &failure);
}

#[test]
fn what_needs_no_reordering_is_shown_first() {
    let failure = failure(|| {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let there = x.clone();
        let t = thread::spawn(move || {
            there[0].store(1, Relaxed);
            there[1].store(1, Relaxed);
        });
        // Both reads may be early, or only the first one, or the second one may overtake the first one.
        let seen = [x[1].load(Relaxed), x[0].load(Relaxed)];
        t.join().unwrap();
        assert_eq!(seen, [1, 1]);
    });
    assert!(failure.why()[0].contains("nothing is reordered"), "{failure}");
    assert!(failure.mend().is_empty(), "{failure}");
}

#[test]
fn changes_are_counted_and_as_cheap_as_they_can_be() {
    let both = |first: fn(&[Atomic<i32>; 2], usize) -> i32, bad: [i32; 2]| {
        failure(move || {
            let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
            let threads = [0, 1].map(|n| {
                let x = x.clone();
                thread::spawn(move || first(&x, n))
            });
            assert_ne!(threads.map(|t| t.join().unwrap()), bad);
        })
    };
    let store_buffering = both(
        |x, n| {
            x[n].store(1, Relaxed);
            x[1 - n].load(Relaxed)
        },
        [0, 0],
    );
    let mend = store_buffering.mend();
    // Both threads run the same code: one change of the source.
    assert!(
        mend.len() == 1 && mend[0].contains("smp_mb()") && mend[0].contains("are the same code"),
        "{store_buffering}"
    );
    let why = store_buffering.why();
    assert!(why.len() == 2 && why[0].contains(", nor "), "{store_buffering}");
    check("buffers", &store_buffering);
    assert!(store_buffering.why().iter().any(|why| why.contains("axiom `propagation`")), "{store_buffering}");
    let load_buffering = both(
        |x, n| {
            let seen = x[n].load(Relaxed);
            x[1 - n].store(1, Relaxed);
            seen
        },
        [1, 1],
    );
    let mend = load_buffering.mend();
    assert!(mend.len() == 1 && mend[0].contains("a release"), "{load_buffering}");
}

#[test]
fn a_folder_gets_the_reports() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("reports");
    let builder = Builder::new().reports(&folder);
    let explore = || builder.explore(|| assert!(lkmm::check::any(0..2) == 0));
    let report = explore();
    let file = report.failure().and_then(Failure::file).expect("it was written");
    assert_eq!(file, folder.join("a_folder_gets_the_reports.svg"));
    assert!(report.to_string().contains(&file.display().to_string()));
    for kind in ["txt", "json", "svg"] {
        let text = std::fs::read_to_string(file.with_extension(kind)).expect("it is there");
        assert!(text.contains("assertion"), "{text}");
    }
    // Another model of the same test does not take its place.
    let other = builder.explore(|| assert!(lkmm::check::any(0..2) == 1));
    let other = other.failure().and_then(Failure::file).expect("it was written");
    assert!(other != file && other.to_string_lossy().contains("a_folder_gets_the_reports-reports.rs-"), "{other:?}");
}

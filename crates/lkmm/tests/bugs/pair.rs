//! What the models are made of, and how a pair is judged.

pub(crate) use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
pub(crate) use lkmm::barrier::{barrier, smp_mb, smp_rmb, smp_wmb};
pub(crate) use lkmm::hint::spin_loop;

use lkmm::atomic::ordering::{AcquireOrRelaxed, Ordering, ReleaseOrRelaxed};
use lkmm::cell::Shared;
use lkmm::check::{Builder, Failure, FailureKind};
use lkmm::thread;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A test for each pair: `name: kind at [lines], bug => mended;`.
macro_rules! pairs {
    ($($(#[$doc:meta])* $name:ident: $kind:ident at [$($line:literal),+], $bug:expr => $mended:expr;)*) => {
        $($(#[$doc])*
        #[test]
        fn $name() {
            let failure = $crate::pair::pair(lkmm::check::FailureKind::$kind, &[$($line),+], $bug, $mended);
            $crate::pair::mend(stringify!($name), &failure);
        })*
    };
}

/// What is explored.
pub(crate) trait Model: Fn() + Send + Sync + 'static {}
impl<F: Fn() + Send + Sync + 'static> Model for F {}

/// The ordering of a load.
pub(crate) trait Load: AcquireOrRelaxed + Copy + Send + Sync + 'static {}
impl<O: AcquireOrRelaxed + Copy + Send + Sync + 'static> Load for O {}

/// The ordering of a store.
pub(crate) trait Store: ReleaseOrRelaxed + Copy + Send + Sync + 'static {}
impl<O: ReleaseOrRelaxed + Copy + Send + Sync + 'static> Store for O {}

/// The ordering of an atomic operation that reads and writes.
pub(crate) trait Update: Ordering + Copy + Send + Sync + 'static {}
impl<O: Ordering + Copy + Send + Sync + 'static> Update for O {}

/// A barrier, or [`nothing`].
pub(crate) type Fence = fn();

/// The barrier that is missing.
pub(crate) fn nothing() {}

/// Explores a bug and its mended twin. The failure is of this kind. Each of its places in a model is a line in which one of
/// the texts stands, and each text stands in one of them.
#[track_caller]
pub(crate) fn pair(kind: FailureKind, lines: &[&str], bug: impl Model, mended: impl Model) -> Failure {
    let report = Builder::new().timeout(Duration::from_secs(60)).explore(bug);
    let Some(failure) = report.failure().cloned() else { panic!("the bug is not found: {report}") };
    assert_eq!(failure.kind(), kind, "{report}");
    let found = source_lines(&failure);
    assert!(found.iter().all(|line| lines.iter().any(|text| line.contains(text))), "{found:#?}\n{report}");
    assert!(lines.iter().all(|text| found.iter().any(|line| line.contains(text))), "{found:#?}\n{report}");

    let report = Builder::new().timeout(Duration::from_secs(60)).explore(mended);
    assert!(report.failure().is_none() && report.complete(), "the twin is blamed: {report}");
    assert!(report.executions() > 0, "the twin does nothing");
    failure
}

/// What a bug lacks by its name is what the report says would mend it.
#[track_caller]
pub(crate) fn mend(name: &str, failure: &Failure) {
    let missing = [("_without_release", "a release"), ("_without_acquire", "an acquire"), ("_without_mb", "smp_mb()")];
    for (_, mend) in missing.iter().filter(|(end, _)| name.ends_with(end)) {
        assert!(failure.mend().iter().any(|change| change.contains(mend)), "not mended by {mend}: {failure}");
    }
}

/// The lines of a failure's places, but for those in the library and in this file (where panics are passed on).
fn source_lines(failure: &Failure) -> Vec<String> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = |file: &str| file.contains("tests/bugs/") && !file.ends_with("pair.rs");
    let places = failure.locations().iter().filter(|place| own(&place.file));
    let line = |file: &str, number: u32| {
        let text = std::fs::read_to_string(root.join(file)).expect("the source");
        text.lines().nth(number as usize - 1).expect("the line").trim().to_string()
    };
    places.map(|place| line(&place.file, place.line)).collect()
}

/// Plain shared data. Whether its accesses race is what the checker is asked.
#[derive(Default)]
pub(crate) struct Plain(Shared<u32>);

impl Plain {
    pub(crate) const fn new(value: u32) -> Self {
        Plain(Shared::new(value))
    }

    #[track_caller]
    pub(crate) fn get(&self) -> u32 {
        // SAFETY: there is no race in the mended twin; the other runs in the model only.
        unsafe { self.0.get() }
    }

    #[track_caller]
    pub(crate) fn set(&self, value: u32) {
        // SAFETY: as above.
        unsafe { self.0.set(value) }
    }

    #[track_caller]
    pub(crate) fn increment(&self) {
        // SAFETY: as above.
        unsafe { self.0.with_mut(|value| *value += 1) }
    }
}

/// Atomics that are zero.
pub(crate) fn zeros<const N: usize>() -> [Atomic<u32>; N] {
    std::array::from_fn(|_| Atomic::new(0))
}

/// Runs two threads. Yields what they return.
pub(crate) fn both<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|s| {
        let (a, b) = (s.spawn(a), s.spawn(b));
        (a.join().unwrap(), b.join().unwrap())
    })
}

/// Runs three threads. Yields what they return.
pub(crate) fn three<A: Send, B: Send, C: Send>(
    a: impl FnOnce() -> A + Send,
    b: impl FnOnce() -> B + Send,
    c: impl FnOnce() -> C + Send,
) -> (A, B, C) {
    thread::scope(|s| {
        let (a, b, c) = (s.spawn(a), s.spawn(b), s.spawn(c));
        (a.join().unwrap(), b.join().unwrap(), c.join().unwrap())
    })
}

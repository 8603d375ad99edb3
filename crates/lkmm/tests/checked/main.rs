//! What the checker finds, and how many executions there are.

mod executions;
mod failures;
mod memory;
mod search;
mod waiting;

use lkmm::check::{Builder, FailureKind, Report};

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
    assert!(failure.locations().iter().all(|place| place.file.contains("checked") && place.column > 1));
    failure.locations().iter().map(|place| place.line).collect()
}

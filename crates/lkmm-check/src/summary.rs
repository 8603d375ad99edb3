//! What a front end is told of each model of a test run.
//!
//! If the environment variable `LKMM_REPORTS` names a folder, each model that has been explored adds a line of JSON to `models.jsonl` there. (Those
//! that fail leave their [reports](crate::files) beside that.)
//!
//! | key | value |
//! |---|---|
//! | `binary`, `test` | the test binary, and the test that explored the model; a thread that has no name counts as `main` |
//! | `file`, `line` | where it was explored from |
//! | `executions`, `estimate` | how many were explored, and about how many there are, or null |
//! | `seconds` | how long it took |
//! | `outcome` | `complete`, `sampled` (by random walks), `bounded`, `out of budget` or `failed` |
//! | `preemptions` | the bound, if the outcome is `bounded`, or null |
//! | `unchecked` | what could not be checked, and whether `LKMM_REPLAY` is of another model, in sentences |
//! | `failure` | null, or `{"kind","message","places","report"}`: `kind` as in [`FailureKind`](crate::FailureKind), the path of the picture or text |

use crate::report::{Failure, Report};
use serde_json::json;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::panic::Location;
use std::path::Path;
use std::time::Duration;

/// Adds a model to the summary in a folder. What prevents that costs no result: it is printed.
pub(crate) fn add(folder: &Path, place: &Location<'_>, report: &Report, time: Duration) {
    if let Err(error) = write(folder, place, report, time) {
        eprintln!("lkmm: cannot write to {}: {error}", folder.display());
    }
}

fn write(folder: &Path, place: &Location<'_>, report: &Report, time: Duration) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let line = json!({
        "binary": binary(),
        "test": std::thread::current().name().unwrap_or("main"),
        "file": place.file(),
        "line": place.line(),
        "executions": report.executions(),
        "estimate": report.estimate(),
        "seconds": time.as_secs_f64(),
        "outcome": outcome(report),
        "preemptions": report.preemptions(),
        "unchecked": report.notes().collect::<Vec<_>>(),
        "failure": report.failure().map(describe),
    });
    // In one piece: other tests, and other processes, write as well.
    let mut lines = OpenOptions::new().create(true).append(true).open(folder.join("models.jsonl"))?;
    lines.write_all(format!("{line}\n").as_bytes())
}

fn outcome(report: &Report) -> &'static str {
    match report.failure() {
        Some(_) => "failed",
        None if report.complete() => "complete",
        None if report.sampled() => "sampled",
        None if report.preemptions().is_some() => "bounded",
        None => "out of budget",
    }
}

fn describe(failure: &Failure) -> serde_json::Value {
    let places: Vec<String> = failure.locations().iter().map(|place| place.to_string()).collect();
    json!({
        "kind": format!("{:?}", failure.kind()),
        "message": failure.message(),
        "places": places,
        "report": failure.file(),
    })
}

/// The name of the running binary, without the hash that cargo adds.
fn binary() -> String {
    let path = std::env::current_exe().unwrap_or_default();
    let name = path.file_stem().map_or(String::new(), |name| name.to_string_lossy().into_owned());
    match name.rsplit_once('-') {
        Some((name, hash)) if hash.len() == 16 && hash.bytes().all(|b| b.is_ascii_hexdigit()) => name.to_string(),
        _ => name,
    }
}

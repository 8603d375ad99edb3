//! What a front end is told of each model of a test run.
//!
//! If the environment variable `LKMM_REPORTS` names a folder, each model that has been explored adds a line of JSON to `models.jsonl` there,
//! and one that fails leaves its report beside that, as text.
//!
//! | key | value |
//! |---|---|
//! | `binary`, `test` | the test binary, and the test that explored the model; a thread that has no name counts as `main` |
//! | `file`, `line` | where it was explored from |
//! | `executions`, `estimate` | how many were explored, and about how many there are, or null |
//! | `seconds` | how long it took |
//! | `outcome` | `complete`, `sampled` (by random walks), `out of budget` or `failed` |
//! | `failure` | null, or `{"kind","message","places","report"}`: `kind` as in [`FailureKind`](crate::FailureKind), the path of the report |

use crate::report::{Failure, Report};
use serde_json::json;
use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Adds a model to the summary, if there is one. What prevents that costs no result: it is printed.
pub(crate) fn add(place: &Location<'_>, report: &Report, time: Duration) {
    let Some(folder) = std::env::var_os("LKMM_REPORTS").filter(|folder| !folder.is_empty()) else { return };
    if let Err(error) = write(Path::new(&folder), place, report, time) {
        eprintln!("lkmm: cannot write to {}: {error}", Path::new(&folder).display());
    }
}

fn write(folder: &Path, place: &Location<'_>, report: &Report, time: Duration) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let (binary, test) = (binary(), test());
    let failure = match report.failure() {
        None => json!(null),
        Some(failure) => {
            let path = unused(folder, &format!("{binary}-{test}"));
            fs::write(&path, format!("{report}\n"))?;
            describe(failure, &path)
        }
    };
    let line = json!({
        "binary": binary,
        "test": test,
        "file": place.file(),
        "line": place.line(),
        "executions": report.executions(),
        "estimate": report.estimate(),
        "seconds": time.as_secs_f64(),
        "outcome": outcome(report),
        "failure": failure,
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
        None => "out of budget",
    }
}

fn describe(failure: &Failure, path: &Path) -> serde_json::Value {
    let places: Vec<String> = failure.locations().iter().map(|place| place.to_string()).collect();
    json!({
        "kind": format!("{:?}", failure.kind()),
        "message": failure.message(),
        "places": places,
        "report": path,
    })
}

/// The path of a report that this process has not written yet. (Those of earlier runs are written over.)
fn unused(folder: &Path, name: &str) -> PathBuf {
    static WRITTEN: Mutex<Option<HashMap<String, u32>>> = Mutex::new(None);
    let clean = |c: char| if c.is_alphanumeric() || "_-".contains(c) { c } else { '-' };
    let name = name.replace("::", "-").chars().map(clean).collect::<String>();
    let mut written = WRITTEN.lock().unwrap_or_else(PoisonError::into_inner);
    let count = written.get_or_insert_default().entry(name.clone()).or_insert(0);
    *count += 1;
    let number = if *count == 1 { String::new() } else { format!("-{count}") };
    folder.join(format!("{name}{number}.txt"))
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

/// The name of the running test: the harness gives it to the thread.
fn test() -> String {
    std::thread::current().name().unwrap_or("main").to_string()
}

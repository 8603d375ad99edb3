//! The oldest compiler that the libraries promise to build with, when there is one on the machine.
//!
//! `rust-version` in the workspace's `Cargo.toml` is the promise. `LKMM_MSRV_RUSTC` names a compiler of that version; without
//! it, the `rustc` of the system (Debian's, for one, stands beside that of rustup) is taken if it is of that version.

use crate::lkmm;
use crate::table::Row;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

/// The crates that make the promise.
const LIBRARIES: &[&str] = &["lkmm-model", "lkmm-search", "lkmm-litmus", "lkmm-report"];
/// Where systems put their own compiler.
const SYSTEM: &str = "/usr/bin/rustc";

/// Checks the libraries with that compiler, or says that there is none.
pub(crate) fn row() -> Row {
    let start = Instant::now();
    let mut row = Row::default();
    match promised() {
        Err(message) => (row.failed, row.note) = (1, message),
        Ok(version) => {
            row.suite = format!("libraries with Rust {version}");
            match compiler(&version) {
                Err(message) => (row.failed, row.note) = (1, message),
                Ok(None) => {
                    row.skipped = 1;
                    row.note = format!("no rustc {version} here; name one in LKMM_MSRV_RUSTC");
                }
                Ok(Some(rustc)) if check(&rustc) => row.passed = 1,
                Ok(Some(_)) => (row.failed, row.note) = (1, "see above".into()),
            }
        }
    }
    row.time = start.elapsed();
    row
}

/// The `rust-version` of the workspace.
fn promised() -> Result<String, String> {
    let manifest = std::fs::read_to_string(lkmm::root().join("Cargo.toml")).map_err(|e| format!("Cargo.toml: {e}"))?;
    let line = manifest.lines().find_map(|l| l.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    line.map(String::from).ok_or_else(|| "Cargo.toml has no rust-version".into())
}

/// A compiler of a version, if there is one. One that is named must be of that version.
fn compiler(version: &str) -> Result<Option<PathBuf>, String> {
    let is_it = |rustc: &PathBuf| {
        let output = Command::new(rustc).arg("--version").stderr(Stdio::null()).output();
        output.is_ok_and(|o| String::from_utf8_lossy(&o.stdout).starts_with(&format!("rustc {version}.")))
    };
    match std::env::var_os("LKMM_MSRV_RUSTC").map(PathBuf::from) {
        Some(named) if is_it(&named) => Ok(Some(named)),
        Some(named) => Err(format!("LKMM_MSRV_RUSTC names {}, which is no rustc {version}", named.display())),
        None => Ok(Some(PathBuf::from(SYSTEM)).filter(is_it)),
    }
}

fn check(rustc: &PathBuf) -> bool {
    println!("== libraries with {}", rustc.display());
    let mut command = lkmm::cargo();
    command.args(["check", "--quiet"]).args(LIBRARIES.iter().flat_map(|name| ["--package", name]));
    // A folder of its own: the other compiler's results stay, and are not built again after this.
    command.args(["--target-dir", "target/msrv"]).env("RUSTC", rustc).current_dir(lkmm::root());
    command.status().is_ok_and(|status| status.success())
}

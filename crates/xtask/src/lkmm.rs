//! Runs `lkmm check --format json` and reads what it prints.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.ancestors().nth(2).unwrap_or(crate_dir).to_path_buf()
}

/// The target directory: we were built into a folder of it.
pub(crate) fn target() -> PathBuf {
    let own = std::env::current_exe().ok();
    own.as_deref().and_then(|own| own.ancestors().nth(2)).map_or_else(|| root().join("target"), Path::to_path_buf)
}

/// The cargo that runs us.
pub(crate) fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Builds the command, in the profile of release, and returns its path.
///
/// # Errors
/// In words, when it does not build.
pub(crate) fn build() -> Result<PathBuf, String> {
    let status = cargo()
        .args(["build", "--quiet", "--release", "--package", "lkmm-cli"])
        .current_dir(root())
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    if !status.success() {
        return Err("lkmm-cli does not build".into());
    }
    Ok(target().join(format!("release/lkmm{}", std::env::consts::EXE_SUFFIX)))
}

/// What a run printed: a JSON object a test.
pub(crate) struct Run {
    pub(crate) lines: Vec<Value>,
    pub(crate) wall: Duration,
}

/// Checks files in one process.
///
/// # Errors
/// In words, when the command does not run or prints something else than JSON.
pub(crate) fn check(lkmm: &Path, options: &[&str], files: &[PathBuf]) -> Result<Run, String> {
    let list: String = files.iter().map(|f| format!("{}\n", f.display())).collect();
    let path = std::env::temp_dir().join(format!("lkmm-xtask-{}.list", std::process::id()));
    std::fs::write(&path, list).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    let list = format!("@{}", path.display());
    let run = check_paths(lkmm, &[options, &[&list]].concat(), "");
    let _ = std::fs::remove_file(&path);
    run
}

/// Checks one source.
///
/// # Errors
/// As [`check`].
pub(crate) fn check_source(lkmm: &Path, options: &[&str], source: &str) -> Result<Run, String> {
    check_paths(lkmm, &[options, &["-"]].concat(), source)
}

fn check_paths(lkmm: &Path, args: &[&str], input: &str) -> Result<Run, String> {
    let start = Instant::now();
    let mut child = Command::new(lkmm)
        .args(["check", "--format", "json"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| format!("cannot run {}: {e}", lkmm.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        // It reads all of a source before it prints, so this does not block for ever.
        stdin.write_all(input.as_bytes()).map_err(|e| format!("cannot write to lkmm: {e}"))?;
    }
    let output = child.wait_with_output().map_err(|e| format!("cannot read from lkmm: {e}"))?;
    let wall = start.elapsed();
    if output.status.code().is_none_or(|code| code > 2) {
        return Err(format!("lkmm ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let parse = |line: &str| serde_json::from_str(line).map_err(|e| format!("lkmm printed no JSON: {e}: {line}"));
    Ok(Run { lines: text.lines().map(parse).collect::<Result<_, String>>()?, wall })
}

/// A text member of an object; empty when there is none.
pub(crate) fn text<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or("")
}

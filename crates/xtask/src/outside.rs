//! `cargo xtask bench outside`: what operations cost outside of a model, in a build with the checker and in one without it.
//!
//! Feature `check` may add one nanosecond to an operation at most. The two programs run in turns, so that what else the machine does
//! hits both, and the least of all times counts.

use crate::lkmm;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How often each program runs.
const TURNS: usize = 3;
/// So many nanoseconds more an operation may cost.
const MOST: f64 = 1.0;

/// Nanoseconds by operation.
type Times = BTreeMap<String, f64>;

/// Is no operation dearer by more than that?
pub(crate) fn run() -> Result<bool, String> {
    let programs = [build("without", &[])?, build("with", &["--features", "check"])?];
    let mut least = [Times::new(), Times::new()];
    for _ in 0..TURNS {
        for (program, least) in programs.iter().zip(&mut least) {
            for (name, time) in times(&output(program)?) {
                let known = least.entry(name).or_insert(f64::INFINITY);
                *known = known.min(time);
            }
        }
    }
    let [without, with] = least;
    println!("{:<26}{:>12}{:>12}{:>12}", "ns an operation", "without", "with", "difference");
    let mut all_well = true;
    for (name, plain) in &without {
        let checked = with.get(name).copied().unwrap_or(f64::INFINITY);
        let more = checked - plain;
        all_well &= more <= MOST;
        let note = if more > MOST { "  too much" } else { "" };
        println!("{name:<26}{plain:>12.2}{checked:>12.2}{more:>12.2}{note}");
    }
    Ok(all_well)
}

/// Builds the program. Yields its path.
fn build(folder: &str, features: &[&str]) -> Result<PathBuf, String> {
    let target = lkmm::target().join("outside").join(folder);
    let status = lkmm::cargo()
        .args(["build", "--quiet", "--release", "--package", "outside", "--target-dir"])
        .arg(&target)
        .args(features)
        .current_dir(lkmm::root().join("benches/check-comparison"))
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    if !status.success() {
        return Err("benches/check-comparison/outside does not build".into());
    }
    Ok(target.join(format!("release/outside{}", std::env::consts::EXE_SUFFIX)))
}

fn output(program: &Path) -> Result<String, String> {
    let output = Command::new(program).output().map_err(|e| format!("cannot run {}: {e}", program.display()))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Reads lines `nanoseconds name`.
fn times(text: &str) -> Times {
    let parse = |line: &str| line.split_once(' ').and_then(|(time, name)| Some((name.to_string(), time.parse().ok()?)));
    text.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        let expected = [("load".to_string(), 0.5), ("spin lock".to_string(), 12.0)];
        assert_eq!(times("12.0 spin lock\n0.5 load\nwhat\n"), Times::from(expected));
    }
}

//! `cargo xtask fuzz`: the fuzz targets, one after the other, on the seeds that the repository has.
//!
//! The targets use cargo-fuzz, whose instrumentation is a matter of unstable compiler flags. So that the project needs one
//! toolchain, these are allowed to the stable compiler, here and nowhere else.

use crate::lkmm;
use std::process::{Command, Stdio};

/// The fuzz targets.
const TARGETS: &[&str] = &["parse", "check", "convert", "repair"];
/// Folders whose files are where mutation begins.
const SEEDS: &[&str] = &["litmus", "crates/lkmm-litmus/tests/malformed"];
/// Seconds for each target, if none are asked for.
const SECONDS: u64 = 600;

pub(crate) fn run(args: &[&str]) -> Result<bool, String> {
    let seconds = seconds(args)?;
    if !is_installed() {
        return Err("cargo-fuzz is not installed; `cargo install cargo-fuzz` installs it".into());
    }
    let mut found = Vec::new();
    for target in TARGETS {
        println!("== fuzz {target}: {seconds} s");
        if !fuzz(target, seconds)? {
            found.push(*target);
        }
    }
    if found.is_empty() {
        println!("\nno finding in {}", TARGETS.join(", "));
    } else {
        println!("\nfindings in {}: the inputs are in fuzz/artifacts/", found.join(", "));
    }
    Ok(found.is_empty())
}

fn seconds(args: &[&str]) -> Result<u64, String> {
    match args {
        [] => Ok(SECONDS),
        ["--seconds", n] => n.parse().map_err(|_| format!("--seconds {n}: not a number of seconds")),
        _ => Err("usage: cargo xtask fuzz [--seconds N]".into()),
    }
}

fn is_installed() -> bool {
    let mut probe = lkmm::cargo();
    probe.args(["fuzz", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}

/// Builds and runs a target. Whether it found nothing.
fn fuzz(target: &str, seconds: u64) -> Result<bool, String> {
    let corpus = format!("fuzz/corpus/{target}");
    std::fs::create_dir_all(lkmm::root().join(&corpus)).map_err(|e| format!("cannot make {corpus}: {e}"))?;
    let mut command: Command = lkmm::cargo();
    // New inputs go to the first folder; the others are only read.
    command.args(["fuzz", "run", "--debug-assertions", target, &corpus]).args(SEEDS);
    command.args(["--", "-dict=fuzz/litmus.dict", "-rss_limit_mb=2048", "-timeout=60", "-print_final_stats=1"]);
    command.arg(format!("-max_total_time={seconds}"));
    let status = command.env("RUSTC_BOOTSTRAP", "1").current_dir(lkmm::root()).status();
    status.map(|status| status.success()).map_err(|e| format!("cannot run cargo fuzz: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_ten_minutes_unless_told() {
        assert_eq!(seconds(&[]), Ok(600));
        assert_eq!(seconds(&["--seconds", "5"]), Ok(5));
        assert!(seconds(&["--seconds", "soon"]).is_err() && seconds(&["5"]).is_err());
    }
}

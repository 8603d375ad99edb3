//! `cargo xtask run`: litmus tests on this machine, and emitted projects on an emulated one; `cargo xtask run-corpus`: the corpora's tests
//! of two processes, for some minutes.
//!
//! For aarch64 there have to be Debian's cross compiler, `qemu-aarch64`, and a compiler of Rust with a standard library for
//! that target: the one that `LKMM_AARCH64_RUSTC` names, or rustup's, or Debian's (`rustc-web` with `libstd-rust-web-dev:arm64`).
//! What is missing is installed with apt if we may do that.

use crate::corpus;
use crate::lkmm;
use crate::table::{self, Row};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Tests whose condition this machine shows, if it is an x86-64 or weaker.
const SHOWN: &[&str] = &["classics/SB.litmus", "rust/SB.litmus"];
/// Tests whose condition the model forbids.
const FORBIDDEN: &[&str] = &[
    "rust/SB+mb+mb.litmus",
    "rust/MP+release+acquire.litmus",
    "classics/MP+mb+mb.litmus",
    "classics/3.SB+mb+mb+mb.litmus",
    "locks/SB-in-one-lock.litmus",
    "rcu/MP+reader+sync.litmus",
];
/// The target of emitted projects.
const TARGET: &str = "aarch64-unknown-linux-gnu";
/// How long a command may take that is told to run for a second or so.
const PATIENCE: Duration = Duration::from_secs(120);

/// Only these suites.
pub(crate) fn run() -> Result<bool, String> {
    Ok(table::print(&rows(&lkmm::build()?)))
}

pub(crate) fn rows(lkmm: &Path) -> Vec<Row> {
    println!("== litmus tests on this machine");
    vec![here(lkmm), emulated(lkmm), riscv64(lkmm)]
}

/// Counts checks, and prints what failed.
fn suite(name: &str, check: impl FnOnce(&mut Row) -> Result<(), String>) -> Row {
    let start = Instant::now();
    let mut row = Row { suite: name.into(), ..Row::default() };
    if let Err(message) = check(&mut row) {
        println!("{message}");
        row.failed += 1;
        row.note = message.lines().next().unwrap_or("").into();
    }
    row.time = start.elapsed();
    row
}

fn here(lkmm: &Path) -> Row {
    suite("hardware runs", |row| {
        for (names, is_shown) in [(SHOWN, true), (FORBIDDEN, false)] {
            for name in names {
                let start = Instant::now();
                let output = output(Command::new(lkmm).args(["run", "--seconds", "0.5"]).arg(litmus(name)))?;
                let seen = positive(&output.0)?;
                if output.1 != Some(0) || (seen > 0) != is_shown {
                    return Err(format!("{name}: seen {seen} times, exit code {:?}:\n{}", output.1, output.0));
                }
                println!("{name}: seen {seen} times, after {:.1} s", start.elapsed().as_secs_f64());
                row.passed += 1;
            }
        }
        Ok(())
    })
}

fn litmus(name: &str) -> PathBuf {
    lkmm::root().join("litmus").join(name)
}

/// An emitted project, for aarch64: a test in C and one in Rust.
fn emulated(lkmm: &Path) -> Row {
    suite("hardware runs, emitted for aarch64", |row| {
        let rustc = match tools() {
            Ok(rustc) => rustc,
            Err(missing) => {
                row.skipped = 1;
                row.note = missing;
                return Ok(());
            }
        };
        for name in ["classics/SB.litmus", "rust/MP+release+acquire.litmus"] {
            let folder = emit(lkmm, name, "emitted")?;
            let mut build = lkmm::cargo();
            build.args(["build", "--release", "--offline", "--quiet", "--target", TARGET, "--target-dir", "target"]);
            build.env("RUSTC", &rustc).current_dir(&folder);
            build.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER", "aarch64-linux-gnu-gcc");
            expect_success(&mut build)?;
            let program = folder.join("target").join(TARGET).join("release/litmus");
            let mut emulated = Command::new("qemu-aarch64");
            if !Path::new("/lib/ld-linux-aarch64.so.1").exists() {
                // (Where it does, the libraries of both would be mixed.)
                emulated.args(["-L", "/usr/aarch64-linux-gnu"]);
            }
            let output = output(emulated.arg(program).args(["--seconds", "0.5"]))?;
            let seen = positive(&output.0)?;
            if output.1 != Some(0) {
                return Err(format!("{name} on aarch64: exit code {:?}:\n{}", output.1, output.0));
            }
            println!("{name} on aarch64: seen {seen} times");
            row.passed += 1;
        }
        Ok(())
    })
}

/// A program in C for riscv64: it compiles.
fn riscv64(lkmm: &Path) -> Row {
    suite("hardware runs, compiled for riscv64", |row| {
        let compiler = "riscv64-linux-gnu-gcc";
        if !has(compiler) && !install(&["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"]) {
            row.skipped = 1;
            row.note = format!("there is no {compiler}");
            return Ok(());
        }
        let folder = emit(lkmm, "classics/SB.litmus", "emitted-riscv64")?;
        let mut command = Command::new(compiler);
        command.args(["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-DLKMM_MAIN"]);
        command.args(["harness.c", "histogram.c", "test.c", "-o", "litmus"]).current_dir(folder.join("c"));
        expect_success(&mut command)?;
        row.passed = 1;
        Ok(())
    })
}

fn emit(lkmm: &Path, name: &str, to: &str) -> Result<PathBuf, String> {
    let folder = lkmm::target().join("hardware").join(to);
    let _ = std::fs::remove_dir_all(&folder);
    expect_success(Command::new(lkmm).arg("run").arg(litmus(name)).arg("--emit").arg(&folder))?;
    Ok(folder)
}

/// The compiler of Rust for the target, when the other tools are there as well.
fn tools() -> Result<PathBuf, String> {
    if !(has("aarch64-linux-gnu-gcc") && has("qemu-aarch64")) {
        install(&["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross", "qemu-user"]);
    }
    for tool in ["aarch64-linux-gnu-gcc", "qemu-aarch64"] {
        if !has(tool) {
            return Err(format!("there is no {tool}"));
        }
    }
    let named = std::env::var_os("LKMM_AARCH64_RUSTC").map(PathBuf::from);
    let candidates: Vec<PathBuf> = named.into_iter().chain(["rustc".into(), "/usr/bin/rustc".into()]).collect();
    let find = || candidates.iter().find(|rustc| builds_for_target(rustc)).cloned();
    if let Some(rustc) = find() {
        return Ok(rustc);
    }
    let may_install = Command::new("dpkg").args(["--add-architecture", "arm64"]).status().is_ok_and(|s| s.success());
    if may_install && quiet(Command::new("apt-get").arg("update")) {
        install(&["rustc-web", "libstd-rust-web-dev:arm64"]);
    }
    find().ok_or_else(|| format!("no standard library of Rust for {TARGET}; name a compiler in LKMM_AARCH64_RUSTC"))
}

fn builds_for_target(rustc: &Path) -> bool {
    let output = Command::new(rustc).args(["--print", "target-libdir", "--target", TARGET]).output();
    let folder = output.ok().filter(|output| output.status.success());
    folder.is_some_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout).trim().to_string();
        let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries.any(|entry| entry.file_name().to_string_lossy().starts_with("libstd"))
    })
}

fn has(tool: &str) -> bool {
    quiet(Command::new(tool).arg("--version"))
}

fn install(packages: &[&str]) -> bool {
    println!("== installing {}", packages.join(", "));
    quiet(Command::new("apt-get").args(["install", "-y", "--no-install-recommends"]).args(packages))
}

fn quiet(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn expect_success(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("cannot run {command:?}: {e}"))?;
    let complaint =
        || format!("{command:?} ended with {}:\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(()) } else { Err(complaint()) }
}

/// What a command prints, and its exit code. One that does not end is killed.
fn output(command: &mut Command) -> Result<(String, Option<i32>), String> {
    let failed = |e: std::io::Error| format!("cannot run it: {e}");
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.map_err(failed)?;
    let start = Instant::now();
    while child.try_wait().map_err(failed)?.is_none() {
        if start.elapsed() > PATIENCE {
            let _ = child.kill();
            let _ = child.wait();
            return Err(format!("{command:?} does not end"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let Output { status, stdout, stderr } = child.wait_with_output().map_err(failed)?;
    let text = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
    Ok((text, status.code()))
}

/// How often the condition was seen.
fn positive(text: &str) -> Result<u64, String> {
    let observation = text.lines().find_map(|line| line.strip_prefix("Observation "));
    let count = observation.and_then(|line| line.split(' ').nth_back(1)).and_then(|count| count.parse().ok());
    count.ok_or_else(|| format!("no line `Observation`:\n{text}"))
}

/// Runs the corpora's tests of two processes on this machine.
pub(crate) fn run_corpus(args: &[&str]) -> Result<bool, String> {
    let seconds: f64 = match args {
        [] => 300.0,
        ["--seconds", seconds] => seconds.parse().map_err(|_| "--seconds wants a number")?,
        _ => return Err("usage: cargo xtask run-corpus [--seconds N]".into()),
    };
    let lkmm = lkmm::build()?;
    let entries: Vec<_> = corpus::read()?.into_iter().flat_map(|(_, entries)| entries).collect();
    let files: Vec<PathBuf> = entries
        .iter()
        .filter(|entry| entry.herd() == "ok" && processes(&entry.path) == 2)
        .map(|e| e.path.clone())
        .collect();
    let each = (seconds / files.len().max(1) as f64).max(0.05);
    println!("{} tests of two processes, {each:.2} s each", files.len());
    let (mut rounds, mut states, mut unseen) = (0u64, BTreeMap::<&str, u64>::new(), 0u64);
    let mut forbidden = Vec::new();
    let start = Instant::now();
    for file in &files {
        let (text, code) = output(Command::new(&lkmm).args(["run", "--seconds", &each.to_string()]).arg(file))?;
        let counted = text
            .lines()
            .find_map(|line| line.strip_prefix("Rounds ")?.split(' ').nth(1)?.strip_suffix(',')?.parse::<u64>().ok());
        rounds += counted.unwrap_or(0);
        unseen += u64::from(text.contains("and not seen:"));
        let outcome = match code {
            Some(0) if text.contains("Not judged") => "not judged",
            Some(0) => "allowed",
            Some(1) => "forbidden",
            _ if text.contains("cannot run on hardware") => "refused",
            _ if text.contains(": hangs") => "hangs",
            _ => "failed",
        };
        *states.entry(outcome).or_default() += 1;
        if matches!(outcome, "forbidden" | "failed" | "hangs") {
            println!("{}: {outcome}\n{text}", file.display());
        }
        if matches!(outcome, "forbidden" | "failed") {
            forbidden.push(file);
        }
    }
    let spent = start.elapsed().as_secs_f64();
    println!(
        "{rounds} rounds in {spent:.0} s (compiling included); {states:?}; {unseen} tests with allowed states that were not seen"
    );
    Ok(forbidden.is_empty())
}

/// How many processes a test in C has.
fn processes(path: &Path) -> usize {
    let source = std::fs::read(path).unwrap_or_default();
    let source = String::from_utf8_lossy(&source);
    let is_process = |number: usize| {
        let name = format!("P{number}(");
        source.lines().any(|line| {
            let line = line.trim_start().trim_start_matches("void ").trim_start().replace(' ', "");
            line.starts_with(&name)
        })
    };
    (0..).take_while(|number| is_process(*number)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn witnesses_are_read() {
        assert_eq!(positive("Ok\nObservation SB+mb Sometimes 12 30\nTime SB 1.0\n"), Ok(12));
        assert!(positive("error").is_err());
    }

    #[test]
    fn processes_are_counted() {
        assert_eq!(processes(&litmus("classics/SB.litmus")), 2);
        assert_eq!(processes(&litmus("classics/IRIW.litmus")), 4);
    }
}

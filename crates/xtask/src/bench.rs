//! `cargo xtask bench litmus`: the corpus on one core, against herd7.
//!
//! One process checks every test that herd7 finished. What counts is the wall clock of that process, reading and printing
//! included, against the sum of the times that herd7 recorded for itself. If the environment variable `HERD7` holds a
//! command (`herd7`, or `/path/to/herd7 -I /path/to/libdir`), and `HERD7_MODEL` the folder of the model (`tools/memory-model` of a
//! kernel tree), herd7 runs as well, one process a test, and its own times are measured here and now.

use crate::corpus::{self, Entry};
use crate::lkmm::{self, text};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How often the tests are checked; the fastest run counts.
const RUNS: usize = 3;

/// Sums over a family of tests.
#[derive(Default)]
struct Sum {
    tests: u64,
    executions: u64,
    herd_s: f64,
    measured_s: f64,
    us: u64,
}

pub(crate) fn run() -> Result<bool, String> {
    let entries: Vec<Entry> =
        corpus::read()?.into_iter().flat_map(|(_, entries)| entries).filter(|e| e.herd() == "ok").collect();
    let lkmm = lkmm::build()?;
    let files: Vec<PathBuf> = entries.iter().map(|e| e.path.clone()).collect();
    let mut best = lkmm::check(&lkmm, &["--jobs", "1"], &files)?;
    for _ in 1..RUNS {
        let run = lkmm::check(&lkmm, &["--jobs", "1"], &files)?;
        if run.wall < best.wall {
            best = run;
        }
    }
    let herd7 = herd7()?;
    let found: BTreeMap<&str, &Value> = best.lines.iter().map(|l| (text(l, "file"), l)).collect();
    let mut families: BTreeMap<&str, Sum> = BTreeMap::new();
    let mut total = Sum::default();
    for entry in &entries {
        let Some(object) = found.get(entry.path.display().to_string().as_str()) else {
            return Err(format!("{} was not reported", entry.path.display()));
        };
        let measured = herd7.as_ref().map_or(Ok(0.0), |herd7| herd7.seconds(&entry.path))?;
        for sum in [families.entry(&entry.family).or_default(), &mut total] {
            sum.tests += 1;
            sum.executions += object["executions"].as_u64().unwrap_or(0);
            sum.herd_s += entry.recorded["herd_s"].as_f64().unwrap_or(0.0);
            sum.measured_s += measured;
            sum.us += object["time_us"].as_u64().unwrap_or(0);
        }
    }
    print(&families, &total, best.wall.as_secs_f64(), herd7.is_some());
    Ok(true)
}

fn print(families: &BTreeMap<&str, Sum>, total: &Sum, wall: f64, measured: bool) {
    let here = if measured { "herd7 here  " } else { "" };
    println!("family                     tests  executions  herd7 recorded  {here}    lkmm   ratio  µs/execution");
    let line = |name: &str, sum: &Sum, seconds: f64| {
        let here = if measured { format!("{:>8.2} s  ", sum.measured_s) } else { String::new() };
        println!(
            "{name:<25} {:>6}  {:>10}  {:>12.2} s  {here}{:>7.3} s  {:>6.0}  {:>12.2}",
            sum.tests,
            sum.executions,
            sum.herd_s,
            seconds,
            (if measured { sum.measured_s } else { sum.herd_s }) / seconds,
            seconds * 1e6 / sum.executions.max(1) as f64,
        );
    };
    for (name, sum) in families {
        line(name, sum, sum.us as f64 / 1e6);
    }
    line("all, with start and output", total, wall);
    let against = if measured { total.measured_s } else { total.herd_s };
    println!("\n{:.0} times as fast as herd7 on one core", against / wall);
}

/// A herd7 to run beside.
struct Herd7 {
    command: Vec<String>,
    model: PathBuf,
}

fn herd7() -> Result<Option<Herd7>, String> {
    let Ok(command) = std::env::var("HERD7") else { return Ok(None) };
    let command: Vec<String> = command.split_whitespace().map(String::from).collect();
    if command.is_empty() {
        return Ok(None);
    }
    let model = std::env::var("HERD7_MODEL").map(PathBuf::from).unwrap_or_default();
    if !model.join("linux-kernel.cfg").is_file() {
        return Err("HERD7 is set, but HERD7_MODEL names no folder with linux-kernel.cfg; set it to tools/memory-model of a kernel tree".into());
    }
    Ok(Some(Herd7 { command, model }))
}

impl Herd7 {
    /// The time that herd7 says it took.
    fn seconds(&self, test: &Path) -> Result<f64, String> {
        let test = test.canonicalize().map_err(|e| format!("{}: {e}", test.display()))?;
        let output = Command::new(&self.command[0])
            .args(&self.command[1..])
            .args(["-conf", "linux-kernel.cfg"])
            .arg(&test)
            .current_dir(&self.model)
            .output()
            .map_err(|e| format!("cannot run {}: {e}", self.command[0]))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let time = text.lines().find(|l| l.starts_with("Time ")).and_then(|l| l.rsplit(' ').next()?.parse().ok());
        time.ok_or_else(|| format!("herd7 has no result for {}", test.display()))
    }
}

//! `cargo lkmm`: cargo's own commands, with budgets for the models, and a summary of them.
//!
//! Models learn of budgets through the environment, and report through a folder that the environment names: what a test harness does with
//! its arguments and its output is its own affair.

pub mod args;
mod features;
mod models;

use args::{Bench, Command, Selection, Test};
use features::{Crate, Flags};
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{self, Stdio};

/// Why nothing was run.
#[derive(Debug)]
pub enum Problem {
    /// The crate does not depend on lkmm.
    NoDependency,
    /// It does where a `cfg` is set that is not.
    NoCfg,
    /// It does, but without the checker.
    NoChecker,
    /// It does not depend on lkmm for its tests alone: the checker would be shipped. With the path of dependencies.
    Shipped(String),
    /// A command did not run, or had something to say against it.
    Cargo(String),
    /// The summary cannot be written or read.
    Summary(io::Error),
}

impl std::error::Error for Problem {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Problem::NoDependency => f.write_str(
                "error: nothing that is tested here depends on lkmm\n\
                 help: add it for the tests: cargo add --dev lkmm --features check",
            ),
            Problem::NoCfg => f.write_str(
                "error: what is tested here depends on lkmm in another configuration only: under a `cfg` that is not set, or for another target\n\
                 help: set it as for loom: RUSTFLAGS=\"--cfg loom\" cargo lkmm test (or what the `cfg` is called)",
            ),
            Problem::NoChecker => f.write_str(
                "error: lkmm is there, but without its checker\n\
                 help: switch it on for the tests: cargo add --dev lkmm --features check\n\
                 (code that the tests use may depend on lkmm as usual, without the feature)",
            ),
            Problem::Shipped(path) => write!(
                f,
                "error: feature `check` of lkmm is on in builds that are no tests: the checker would be shipped\n\n\
                 {path}\n\n\
                 help: name the feature in [dev-dependencies] only, and let no feature of a crate switch it on;\n      \
                 a workspace with resolver = \"1\" mixes the features of tests into all builds: resolver = \"2\" does not",
            ),
            Problem::Cargo(message) => write!(f, "error: {message}"),
            Problem::Summary(error) => write!(f, "error: the summary of the models: {error}"),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Problem::Summary(error)
    }
}

/// Runs a command. Yields the exit code.
///
/// # Errors
/// If there is nothing to run.
pub fn run(command: &Command, out: &mut dyn Write) -> Result<u8, Problem> {
    match command {
        Command::Test(test) => run_tests(test, out),
        Command::Bench(bench) => run_benchmarks(bench),
    }
}

fn run_tests(test: &Test, out: &mut dyn Write) -> Result<u8, Problem> {
    let selection = &test.selection;
    features::check_shipped(selection, Flags::Ordinary)?;
    match features::tested(selection)? {
        Crate::Absent if features::is_conditional(selection)? => return Err(Problem::NoCfg),
        Crate::Absent => return Err(Problem::NoDependency),
        Crate::Unchecked => return Err(Problem::NoChecker),
        Crate::Checked => {}
    }
    let folder = target(selection)?.join("lkmm");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    let mut command = cargo("test");
    command.args(selection.build()).env("LKMM_REPORTS", &folder);
    command.args(test.test.iter().flat_map(|name| ["--test".into(), name.clone()]));
    let flags = [(test.lib, "--lib"), (test.doc, "--doc"), (test.no_fail_fast, "--no-fail-fast")];
    command.args(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag));
    command.args(&test.name).arg("--").args(&test.rest);
    let mut set = |name: &str, value: Option<String>| value.map(|value| _ = command.env(name, value));
    set("RUST_TEST_THREADS", test.jobs.map(|jobs| jobs.to_string()));
    set("LKMM_JOBS", test.model_jobs.map(|jobs| jobs.to_string()));
    set("LKMM_TIMEOUT", test.timeout.map(|timeout| timeout.as_secs_f64().to_string()));
    set("LKMM_MAX_EXECUTIONS", test.max_executions.map(|executions| executions.to_string()));
    set("LKMM_RANDOM", test.random.map(|walks| walks.to_string()));
    set("LKMM_SEED", test.seed.map(|seed| seed.to_string()));
    set("LKMM_PREEMPTIONS", test.preemptions.map(|preemptions| preemptions.to_string()));
    let status = command.status().map_err(cannot_run)?;
    models::print(out, &models::read(&folder)?)?;
    Ok(u8::from(!status.success()))
}

fn run_benchmarks(bench: &Bench) -> Result<u8, Problem> {
    let selection = &bench.selection;
    features::check_shipped(selection, Flags::Own)?;
    let mut command = cargo("bench");
    // Cargo builds benchmarks with the dependencies of tests: the checker is built, but no operation is to ask for it. A folder of its own,
    // since cargo need not see this in what it built before.
    command.args(selection.build()).env("LKMM_UNCHECKED", "1");
    command.arg("--target-dir").arg(target(selection)?.join("lkmm-bench"));
    command.args(bench.bench.iter().flat_map(|name| ["--bench".into(), name.clone()]));
    command.args(&bench.name).arg("--").args(&bench.rest);
    Ok(u8::from(!command.status().map_err(cannot_run)?.success()))
}

/// The target directory of the packages.
fn target(selection: &Selection) -> Result<PathBuf, Problem> {
    let mut command = cargo("metadata");
    command.args(selection.place()).args(["--no-deps", "--format-version", "1"]);
    let metadata: serde_json::Value = serde_json::from_str(&output("metadata", command)?)
        .map_err(|error| Problem::Cargo(format!("cargo metadata printed what is no JSON: {error}")))?;
    let target = metadata["target_directory"].as_str();
    target.map(PathBuf::from).ok_or_else(|| Problem::Cargo("cargo metadata names no target directory".into()))
}

fn cargo(command: &str) -> process::Command {
    let mut cargo = process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(command);
    cargo
}

/// What a command of cargo prints. What it complains of is shown as it is.
fn output(name: &str, mut command: process::Command) -> Result<String, Problem> {
    let output = command.stdin(Stdio::null()).output().map_err(cannot_run)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let complaint = complaint.trim_end();
            Err(Problem::Cargo(format!("cargo {name} failed: {}", complaint.trim_start_matches("error: "))))
        }
    }
}

fn cannot_run(error: io::Error) -> Problem {
    Problem::Cargo(format!("cannot run cargo: {error}"))
}

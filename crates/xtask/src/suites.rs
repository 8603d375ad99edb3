//! `cargo xtask bench loom [--seconds N] [--mutants] [crate…]`: the loom tests of published crates, under lkmm and under loom.
//!
//! `benches/loom-suites/manifests` has a manifest for each crate. Its sources and tests come from the registry, as they were
//! published, and are built twice, with a crate in place of loom that is one tool or the other. Each test is a process.
//!
//! With `--mutants`, each operation of a crate that has an ordering is given each weaker one in turn, and the tests that a tool passed in a tenth of the
//! time are run again by it, until one fails.

use crate::lkmm;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TOOLS: [&str; 2] = ["lkmm", "loom"];

/// How long a test may take longer than it is told.
const GRACE: Duration = Duration::from_secs(20);

/// A test is quick that takes no longer than this part of the time it may take.
const QUICK: f64 = 10.0;

/// A crate.
struct Suite {
    name: String,
    version: String,
    cfg: String,
    manifest: PathBuf,
}

/// What a test came to, or several.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    executions: u64,
    seconds: f64,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Passed,
    Unfinished,
    Failed,
}

/// An operation with a weaker ordering: `<place>=<ordering>`, with what it is.
struct Mutant {
    change: String,
    what: String,
}

pub(crate) fn run(args: &[&str]) -> Result<bool, String> {
    let mut seconds = 60;
    let mut with_mutants = false;
    let mut wanted = Vec::new();
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--seconds" => {
                seconds = args.next().and_then(|text| text.parse().ok()).ok_or("--seconds wants a number")?;
            }
            "--mutants" => with_mutants = true,
            name => wanted.push(name),
        }
    }
    let suites = suites()?;
    if let Some(unknown) = wanted.iter().find(|&&name| suites.iter().all(|suite| suite.name != name)) {
        return Err(format!("no suite of {unknown}"));
    }
    let suites: Vec<Suite> =
        suites.into_iter().filter(|suite| wanted.is_empty() || wanted.contains(&suite.name.as_str())).collect();
    let sources = fetch(&suites)?;
    for suite in &suites {
        compare(suite, &sources, seconds, with_mutants)?;
    }
    Ok(true)
}

fn compare(suite: &Suite, sources: &Path, seconds: u32, with_mutants: bool) -> Result<(), String> {
    println!("{} {}", suite.name, suite.version);
    let mut tests = Vec::new();
    for tool in TOOLS {
        tests.push(Binary::build(suite, sources, tool)?);
    }
    let columns = format!("{:>12}{:>9}  {:<11}", "executions", "s", "").repeat(2);
    println!("  {:<42}{:<34}loom", "", "lkmm");
    println!("  {:<40}{columns}executions; time", "test");
    let sites = fresh("sites")?;
    let mut passed = [Vec::new(), Vec::new()];
    for name in tests[0].names()? {
        let mut figures = Vec::new();
        for (at, binary) in tests.iter().enumerate() {
            let (figure, message) = binary.run(&name, seconds, &[("LOOM_SUITE_SITES", sites.as_os_str())])?;
            match figure.outcome {
                Outcome::Failed => eprintln!("    {name} under {}: {message}", TOOLS[at]),
                Outcome::Passed if figure.seconds <= f64::from(seconds) / QUICK => {
                    passed[at].push((figure.seconds, name.clone()));
                }
                _ => {}
            }
            figures.push(figure);
        }
        let shown: String = figures.iter().map(show).collect();
        println!("  {name:<40}{shown}{}", ratio(&figures[0], &figures[1]));
    }
    if with_mutants {
        passed.iter_mut().for_each(|tests| tests.sort_by(|a, b| a.0.total_cmp(&b.0)));
        mutants(&tests, &passed, seconds, &sites)?;
    }
    println!();
    Ok(())
}

/// Tries each weaker ordering.
fn mutants(tests: &[Binary], passed: &[Vec<(f64, String)>; 2], seconds: u32, sites: &Path) -> Result<(), String> {
    let text = fs::read_to_string(sites).unwrap_or_default();
    let lines: BTreeSet<&str> = text.lines().collect();
    let mut found = [0; 2];
    let all: Vec<Mutant> = lines.iter().flat_map(|line| weaker(line)).collect();
    println!("\n  {:<60}{:<22}loom", "weaker ordering", "lkmm");
    for mutant in &all {
        let mut words = Vec::new();
        for (at, binary) in tests.iter().enumerate() {
            let mut word = "-".to_string();
            for (_, name) in &passed[at] {
                let (figure, _) = binary.run(name, seconds, &[("LOOM_SUITE_MUTANT", mutant.change.as_ref())])?;
                match figure.outcome {
                    Outcome::Failed => {
                        found[at] += 1;
                        word = format!("{:.3} s", figure.seconds);
                        break;
                    }
                    Outcome::Unfinished => word = "unfinished".into(),
                    Outcome::Passed => {}
                }
            }
            words.push(word);
        }
        println!("  {:<60}{:<22}{}", mutant.what, words[0], words[1]);
    }
    println!("  found: {} of {} by lkmm, {} by loom", found[0], all.len(), found[1]);
    Ok(())
}

/// The weaker orderings of an operation: `<place>\t<word>\t<ordering>`.
fn weaker(line: &str) -> Vec<Mutant> {
    let mut parts = line.split('\t');
    let (Some(place), Some(word), Some(order)) = (parts.next(), parts.next(), parts.next()) else { return Vec::new() };
    let orders: &[&str] = match (order, word) {
        ("SeqCst", "load") => &["Acquire", "Relaxed"],
        ("SeqCst", "store") => &["Release", "Relaxed"],
        ("SeqCst", _) => &["AcqRel", "Relaxed"],
        ("AcqRel", _) => &["Acquire", "Release"],
        ("Acquire" | "Release", _) => &["Relaxed"],
        _ => &[],
    };
    let mutant =
        |to: &&str| Mutant { change: format!("{place}={to}"), what: format!("{place} {word} {order} -> {to}") };
    orders.iter().map(mutant).collect()
}

/// The tests of a crate under a tool.
struct Binary {
    path: PathBuf,
    folder: PathBuf,
}

impl Binary {
    fn build(suite: &Suite, sources: &Path, tool: &str) -> Result<Self, String> {
        let folder = workshop().join(tool).join(&suite.name);
        let _ = fs::remove_dir_all(&folder);
        copy(&sources.join(format!("{}-{}", suite.name, suite.version)), &folder)?;
        fs::copy(&suite.manifest, folder.join("Cargo.toml")).map_err(|e| format!("no manifest: {e}"))?;
        let instead = lkmm::root().join("benches/loom-suites").join(format!("under-{tool}"));
        let output = lkmm::cargo()
            .args(["test", "--release", "--no-run", "--config"])
            .arg(format!("patch.crates-io.loom.path='{}'", instead.display()))
            .env("RUSTFLAGS", &suite.cfg)
            .env("CARGO_TARGET_DIR", workshop().join("target").join(tool))
            .current_dir(&folder)
            .output()
            .map_err(|e| format!("cannot run cargo: {e}"))?;
        let text = String::from_utf8_lossy(&output.stderr);
        let path = text.lines().filter(|line| line.trim_start().starts_with("Executable")).find_map(executable);
        match path {
            Some(path) if output.status.success() => Ok(Binary { path: path.into(), folder }),
            _ => Err(format!("{} does not build for {tool}:\n{text}", suite.name)),
        }
    }

    /// The tests that use loom: all, or those whose names say so.
    fn names(&self) -> Result<Vec<String>, String> {
        let output = Command::new(&self.path).args(["--list", "--format", "terse"]).output();
        let output = output.map_err(|e| format!("cannot run {}: {e}", self.path.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let all: Vec<String> = text.lines().filter_map(|line| line.strip_suffix(": test")).map(String::from).collect();
        let chosen: Vec<String> = all.iter().filter(|name| name.contains("loom")).cloned().collect();
        Ok(if chosen.is_empty() { all } else { chosen })
    }

    /// Runs a test. Yields what its models came to, and what failed.
    fn run(&self, name: &str, seconds: u32, env: &[(&str, &std::ffi::OsStr)]) -> Result<(Figure, String), String> {
        let log = fresh("log")?;
        let mut child = Command::new(&self.path)
            .args(["--exact", name, "--test-threads", "1"])
            .env("LOOM_MAX_DURATION", seconds.to_string())
            .env("LOOM_SUITE_LOG", &log)
            .envs(env.iter().copied())
            .current_dir(&self.folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("cannot run {}: {e}", self.path.display()))?;
        let start = Instant::now();
        let limit = Duration::from_secs(seconds.into()) * 4 + GRACE;
        let status = loop {
            if let Some(status) = child.try_wait().map_err(|e| format!("cannot wait: {e}"))? {
                break Some(status);
            }
            if start.elapsed() > limit {
                let _ = child.kill();
                let _ = child.wait();
                break None;
            }
            std::thread::sleep(Duration::from_millis(2));
        };
        let text = fs::read_to_string(&log).unwrap_or_default();
        let (mut figure, message) = sum(&text);
        match status {
            None => figure.outcome = figure.outcome.max(Outcome::Unfinished),
            Some(status) if !status.success() => figure.outcome = Outcome::Failed,
            Some(_) => {}
        }
        if figure.seconds == 0.0 {
            figure.seconds = start.elapsed().as_secs_f64();
        }
        Ok((figure, message))
    }
}

/// What the models of a test came to altogether, and the first message of a failure.
fn sum(log: &str) -> (Figure, String) {
    let mut figure = Figure { executions: 0, seconds: 0.0, outcome: Outcome::Passed };
    let mut message = String::new();
    for line in log.lines() {
        let mut parts = line.split('\t').skip(1);
        let mut next = || parts.next().unwrap_or_default();
        figure.executions += next().parse::<u64>().unwrap_or(0);
        figure.seconds += next().parse::<f64>().unwrap_or(0.0);
        let outcome = match next() {
            "passed" => Outcome::Passed,
            "unfinished" => Outcome::Unfinished,
            _ => Outcome::Failed,
        };
        figure.outcome = figure.outcome.max(outcome);
        if outcome == Outcome::Failed && message.is_empty() {
            message = next().to_string();
        }
    }
    (figure, message)
}

/// The path in `Executable tests/loom.rs (<path>)`.
fn executable(line: &str) -> Option<&str> {
    Some(line.rsplit_once('(')?.1.trim_end().trim_end_matches(')'))
}

fn show(figure: &Figure) -> String {
    let more = if figure.outcome == Outcome::Unfinished { ">" } else { "" };
    let word = match figure.outcome {
        Outcome::Passed => "",
        Outcome::Unfinished => "unfinished",
        Outcome::Failed => "FAILS",
    };
    format!("{:>12}{:>9.3}  {word:<11}", format!("{more}{}", figure.executions), figure.seconds)
}

/// How many times as many executions, and as much time, loom needs, if lkmm finished.
fn ratio(own: &Figure, other: &Figure) -> String {
    match (own.outcome, other.outcome) {
        (Outcome::Passed, Outcome::Passed | Outcome::Unfinished) => {
            let more = if other.outcome == Outcome::Unfinished { ">" } else { "" };
            let executions = other.executions as f64 / own.executions.max(1) as f64;
            format!("{more}{executions:.1}; {more}{:.1}", other.seconds / own.seconds)
        }
        _ => "-".into(),
    }
}

/// The crates that there are manifests of.
fn suites() -> Result<Vec<Suite>, String> {
    let folder = lkmm::root().join("benches/loom-suites/manifests");
    let entries = fs::read_dir(&folder).map_err(|e| format!("cannot read {}: {e}", folder.display()))?;
    let mut suites = Vec::new();
    for entry in entries.flatten() {
        let manifest = entry.path();
        let text = fs::read_to_string(&manifest).map_err(|e| format!("cannot read {}: {e}", manifest.display()))?;
        let value = |key: &str| {
            let found = text.lines().find_map(|line| line.strip_prefix(key)?.trim_start().strip_prefix('='));
            let found = found.map(|value| value.trim().trim_matches('"').to_string());
            found.ok_or_else(|| format!("{} does not say its {key}", manifest.display()))
        };
        suites.push(Suite {
            name: value("name")?,
            version: value("version")?,
            cfg: value("flags")?,
            manifest: manifest.clone(),
        });
    }
    suites.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(suites)
}

/// Has cargo unpack the crates, as they were published. Yields the folder where they are.
fn fetch(suites: &[Suite]) -> Result<PathBuf, String> {
    let (folder, sources) = (workshop().join("list"), workshop().join("sources"));
    let dependencies: String =
        suites.iter().map(|suite| format!("{} = \"={}\"\n", suite.name, suite.version)).collect();
    let manifest = format!(
        "[package]\nname = \"list\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n[dependencies]\n{dependencies}"
    );
    let write = |path: &str, text: &str| -> std::io::Result<()> {
        fs::create_dir_all(folder.join("src"))?;
        fs::write(folder.join(path), text)
    };
    write("Cargo.toml", &manifest).and_then(|()| write("src/lib.rs", "")).map_err(|e| format!("cannot write: {e}"))?;
    let output = lkmm::cargo()
        .args(["vendor", "--quiet", "--versioned-dirs"])
        .arg(&sources)
        .current_dir(&folder)
        .output()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    match output.status.success() {
        true => Ok(sources),
        false => Err(format!("the crates are not to be had:\n{}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// Where this works.
fn workshop() -> PathBuf {
    lkmm::target().join("loom-suites")
}

/// The path of a file that is not there, in a folder that is.
fn fresh(name: &str) -> Result<PathBuf, String> {
    let path = workshop().join(name);
    fs::create_dir_all(workshop()).map_err(|e| format!("cannot make {}: {e}", workshop().display()))?;
    let _ = fs::remove_file(&path);
    Ok(path)
}

/// Copies what a crate is built from.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |e: std::io::Error| format!("cannot copy {}: {e}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target)?;
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "md") {
            fs::copy(&path, &target).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_added_up() {
        let (figure, message) = sum("a\t10\t0.5\tpassed\t\na\t5\t1.5\tunfinished\t\n");
        assert_eq!(figure, Figure { executions: 15, seconds: 2.0, outcome: Outcome::Unfinished });
        assert_eq!(message, "");
        let (figure, message) = sum("a\t10\t0.5\tfailed\tdata race\na\t5\t1.5\tpassed\t\n");
        assert_eq!((figure.outcome, message.as_str()), (Outcome::Failed, "data race"));
        assert_eq!(sum("").0.outcome, Outcome::Passed);
    }

    #[test]
    fn figures_are_compared() {
        let figure = |executions, outcome| Figure { executions, seconds: 1.0, outcome };
        assert_eq!(ratio(&figure(2, Outcome::Passed), &figure(9, Outcome::Passed)), "4.5; 1.0");
        assert_eq!(ratio(&figure(2, Outcome::Passed), &figure(9, Outcome::Unfinished)), ">4.5; >1.0");
        assert_eq!(ratio(&figure(2, Outcome::Failed), &figure(9, Outcome::Passed)), "-");
        assert_eq!(
            executable("  Executable tests/loom.rs (target/release/deps/loom-1)\n"),
            Some("target/release/deps/loom-1")
        );
    }

    #[test]
    fn orderings_are_weakened() {
        let all = |line| weaker(line).into_iter().map(|mutant| mutant.change).collect::<Vec<_>>();
        assert_eq!(all("src/a.rs:1:2\tload\tSeqCst"), ["src/a.rs:1:2=Acquire", "src/a.rs:1:2=Relaxed"]);
        assert_eq!(all("src/a.rs:1:2\tswap\tAcqRel"), ["src/a.rs:1:2=Acquire", "src/a.rs:1:2=Release"]);
        assert_eq!(all("src/a.rs:1:2\tfence\tAcquire"), ["src/a.rs:1:2=Relaxed"]);
        assert!(all("").is_empty());
    }

    #[test]
    fn manifests_say_what_they_are_of() {
        let suites = suites().expect("manifests");
        assert!(suites.len() >= 3 && suites.iter().all(|suite| suite.cfg.starts_with("--cfg ")));
    }
}

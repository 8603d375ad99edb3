//! What a user does first: a fresh crate outside of the workspace, `cargo add --dev`, the code of the guide, `cargo test`.
//!
//! Each block of Rust in `docs/guide` is a file of tests there. One that is marked `fails` must fail, with a report; all others must pass. The
//! first block of the guide comes first, alone: the time from the empty crate to its report, with the build, is what a user waits for.

use crate::lkmm;
use crate::table::Row;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The chapters, the first one first.
const CHAPTERS: [&str; 2] = ["checking-rust-code.md", "coming-from-loom.md"];
/// So many crates at most may come with the library.
const MOST_CRATES: usize = 40;
/// So long the first report may take, on a machine that has other things to do. (A user should wait less than a minute.)
const PATIENCE: Duration = Duration::from_secs(600);

/// A block of code of the guide.
#[derive(Debug, PartialEq)]
struct Block {
    code: String,
    fails: bool,
}

pub(crate) fn row() -> Row {
    println!("== the guide in a fresh crate");
    let start = Instant::now();
    let mut row = Row { suite: "the guide in a fresh crate".into(), ..Row::default() };
    if let Err(message) = run(&mut row) {
        row.failed += 1;
        row.note = message;
    }
    row.time = start.elapsed();
    row
}

fn run(row: &mut Row) -> Result<(), String> {
    let mut blocks = Vec::new();
    for chapter in CHAPTERS {
        let path = lkmm::root().join("docs/guide").join(chapter);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
        blocks.extend(blocks_of(&text));
    }
    let fresh = Fresh::new()?;
    let start = Instant::now();
    fresh.cargo(&["init", "--quiet", "--lib", "--vcs", "none", "--name", "fresh"])?;
    // The versions that this project is tested with: no network is needed.
    let lock = std::fs::copy(lkmm::root().join("Cargo.lock"), fresh.folder.join("Cargo.lock"));
    lock.map_err(|e| format!("cannot copy Cargo.lock: {e}"))?;
    let library = lkmm::root().join("crates/lkmm").display().to_string();
    fresh.cargo(&["add", "--quiet", "--offline", "--dev", "lkmm", "--path", &library, "--features", "check"])?;
    for (number, block) in blocks.iter().enumerate() {
        let problem = fresh.test(number, block)?;
        if number == 0 {
            let time = start.elapsed();
            let crates = fresh.crates()?;
            row.note = format!("first report after {:.1} s, {crates} crates", time.as_secs_f64());
            if time > PATIENCE || crates > MOST_CRATES {
                return Err(format!("{}: too much", row.note));
            }
        }
        match problem {
            None => row.passed += 1,
            Some(problem) => {
                println!("block {} of the guide {problem}", number + 1);
                row.failed += 1;
            }
        }
    }
    Ok(())
}

/// The blocks of Rust of a chapter.
fn blocks_of(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else { continue };
        let code: String = lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
        if language.split(',').next() == Some("rust") {
            blocks.push(Block { code, fails: language.ends_with(",fails") });
        }
    }
    blocks
}

/// A crate in a folder of its own, which goes with it.
struct Fresh {
    folder: PathBuf,
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

impl Fresh {
    fn new() -> Result<Fresh, String> {
        let folder = std::env::temp_dir().join(format!("lkmm-fresh-{}", std::process::id()));
        std::fs::create_dir_all(&folder).map_err(|e| format!("cannot create {}: {e}", folder.display()))?;
        Ok(Fresh { folder })
    }

    /// A command of cargo in the crate, as if nobody had ever built anything here.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = lkmm::cargo();
        command.args(args).current_dir(&self.folder).env("CARGO_TARGET_DIR", self.folder.join("target"));
        // Nothing of how we are built and run should be felt.
        let ours =
            |name: &str| name.starts_with("LKMM_") || name.starts_with("CARGO_PKG_") || name == "CARGO_MANIFEST_DIR";
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)).for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.stdin(Stdio::null());
        command
    }

    /// What a command of cargo prints.
    fn cargo(&self, args: &[&str]) -> Result<String, String> {
        let output = self.command(args).output().map_err(|e| format!("cannot run cargo: {e}"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("cargo {}: {}", args[0], String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    /// Runs a block as a file of tests. Yields what is wrong with it.
    fn test(&self, number: usize, block: &Block) -> Result<Option<String>, String> {
        let name = format!("block_{}", number + 1);
        let path = self.folder.join("tests").join(format!("{name}.rs"));
        write(&path, &block.code)?;
        let run = self.command(&["test", "--quiet", "--offline", "--test", &name]).output();
        let run = run.map_err(|e| format!("cannot run cargo: {e}"))?;
        let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
        let has_report = out.contains("LKMM_REPLAY=");
        Ok(match (block.fails, run.status.success()) {
            (false, true) if out.contains("test result: ok. 0 passed") => Some("has no test".into()),
            (false, true) => None,
            (true, false) if has_report => None,
            (true, true) => Some("should fail, and passes".into()),
            _ => Some(format!("fails:\n{out}\n{err}")),
        })
    }

    /// How many crates come with the library, itself among them.
    fn crates(&self) -> Result<usize, String> {
        let tree =
            self.cargo(&["tree", "--offline", "--edges", "normal,build,dev", "--prefix", "none", "--format", "{p}"])?;
        let crates: BTreeSet<&str> = tree.lines().filter(|line| !line.starts_with("fresh ")).collect();
        Ok(crates.iter().filter(|line| !line.is_empty()).count())
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let folder = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, text));
    written.map_err(|e| format!("cannot write {}: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found() {
        let text = "a\n```rust,fails\nlet x;\n```\n```sh\ncargo\n```\n```rust\n1\n2\n```\n";
        let block = |code: &str, fails| Block { code: code.into(), fails };
        assert_eq!(blocks_of(text), [block("let x;\n", true), block("1\n2\n", false)]);
    }
}

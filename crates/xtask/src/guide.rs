//! The guide as a book: mdBook builds it without a word, every chapter has a page, and every picture is where its page looks for it.
//!
//! mdBook is what `LKMM_MDBOOK` names, or what is on the path. Where there is none, cargo installs it below the target directory, once, which takes
//! about a minute. (What the guide says is checked elsewhere: its litmus tests by `lkmm-cli/tests/cli/guide.rs`, its Rust code by `cargo xtask fresh`.)

use crate::browser::on_path;
use crate::lkmm;
use crate::table::Row;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The version that is installed where there is none.
const VERSION: &str = "0.5.4";

pub(crate) fn row() -> Row {
    println!("== the guide as a book");
    let start = Instant::now();
    let mut row = Row { suite: "the guide as a book".into(), ..Row::default() };
    match mdbook() {
        Err(reason) => {
            row.skipped = 1;
            row.note = reason;
        }
        Ok(mdbook) => {
            if let Err(message) = run(&mdbook, &mut row) {
                row.failed += 1;
                row.note = message;
            }
        }
    }
    row.time = start.elapsed();
    row
}

/// The command that is named, is there, or can be had. Otherwise why not.
fn mdbook() -> Result<PathBuf, String> {
    let named = std::env::var_os("LKMM_MDBOOK").filter(|named| !named.is_empty()).map(PathBuf::from);
    let folder = lkmm::target().join("mdbook");
    let own = folder.join(format!("bin/mdbook{}", std::env::consts::EXE_SUFFIX));
    if let Some(there) = named.or_else(|| on_path(&["mdbook"])).or_else(|| own.is_file().then(|| own.clone())) {
        return Ok(there);
    }
    let how = format!("cargo install mdbook --locked --version {VERSION}, or name one in LKMM_MDBOOK");
    println!("== installing mdBook");
    let mut install = lkmm::cargo();
    install.args(["install", "mdbook", "--quiet", "--locked", "--debug", "--no-default-features"]);
    install.args(["--version", VERSION, "--root"]).arg(&folder).stdin(Stdio::null());
    match install.status().is_ok_and(|status| status.success()) {
        true => Ok(own),
        false => Err(format!("mdBook cannot be installed: {how}")),
    }
}

fn run(mdbook: &Path, row: &mut Row) -> Result<(), String> {
    let (guide, book) = (lkmm::root().join("docs/guide"), lkmm::target().join("guide"));
    let output = Command::new(mdbook)
        .arg("build")
        .arg(&guide)
        .arg("--dest-dir")
        .arg(&book)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("cannot run {}: {e}", mdbook.display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() || said.contains("WARN") || said.contains("ERROR") {
        print!("{said}");
        return Err("mdBook complains, see above".into());
    }
    let summary = read(&guide.join("SUMMARY.md"))?;
    for chapter in between(&summary, "](", ".md)") {
        let page = format!("{chapter}.html");
        let html = read(&book.join(&page))?;
        let missing: Vec<&str> = between(&html, "<img src=\"", "\"").filter(|src| !book.join(src).is_file()).collect();
        if missing.is_empty() {
            row.passed += 1;
        } else {
            println!("{page}: there is no {}", missing.join(", "));
            row.failed += 1;
        }
    }
    match row.passed + row.failed {
        0 => Err("the summary lists no chapter".into()),
        _ => Ok(()),
    }
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))
}

/// What stands between these two, each time.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split_once(after)).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found() {
        let html = "<p><img src=\"pictures/a.svg\" alt=\"x\"> <a href=\"b\"> <img src=\"c.svg\"></p>";
        assert_eq!(between(html, "<img src=\"", "\"").collect::<Vec<_>>(), ["pictures/a.svg", "c.svg"]);
    }
}

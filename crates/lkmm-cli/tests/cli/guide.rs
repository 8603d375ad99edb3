//! The guide is true: the chapter on litmus tests, and what links lead to.
//!
//! In `litmus-tests-in-rust.md` a block `litmus` is a test, which must come out as it says of itself; one that is marked `litmus,refused` must be
//! refused. Between a test and the next one stands its picture, which is what `lkmm draw` makes of it now (`UPDATE_GOLDEN=1` draws it again). A
//! block `console` is a command and what it prints, where `…` stands for lines that are left out. All commands run in one folder with all tests.

use crate::folder::Folder;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const CHAPTER: &str = "litmus-tests-in-rust.md";

/// What a chapter shows.
enum Part {
    Litmus {
        name: String,
        text: String,
        refused: bool,
    },
    Console {
        line: usize,
        lines: Vec<String>,
    },
    /// A link or a picture.
    Link {
        line: usize,
        target: String,
    },
}

fn guide() -> PathBuf {
    root().join("docs/guide")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of Markdown, by name.
fn chapters() -> Vec<(String, String)> {
    let entries = std::fs::read_dir(guide()).expect("there is a guide").map(|entry| entry.expect("it can be listed"));
    let names = entries.map(|entry| entry.file_name().into_string().expect("names are UTF-8"));
    let mut chapters: Vec<_> = names.filter(|name| name.ends_with(".md")).collect();
    chapters.sort();
    let read = |name: String| (name.clone(), std::fs::read_to_string(guide().join(name)).expect("it can be read"));
    chapters.into_iter().map(read).collect()
}

fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = text.lines().zip(1..);
    while let Some((line, number)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            parts.extend(links(line).map(|target| Part::Link { line: number, target: target.into() }));
            continue;
        };
        let block: Vec<String> =
            lines.by_ref().map(|(line, _)| line.to_string()).take_while(|line| line != "```").collect();
        match language {
            "console" => parts.push(Part::Console { line: number, lines: block }),
            "litmus" | "litmus,refused" => {
                let name = block.first().and_then(|header| header.split_once(' ')).expect("a test has a header").1;
                let (name, text) = (name.to_string(), block.join("\n") + "\n");
                parts.push(Part::Litmus { name, text, refused: language == "litmus,refused" });
            }
            _ => {}
        }
    }
    parts
}

/// The targets of links and pictures in a line, `](target)`.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target)
}

/// The chapter, and a folder with its tests.
fn chapter(test: &str) -> (Vec<Part>, Folder) {
    let parts = parts(&std::fs::read_to_string(guide().join(CHAPTER)).expect("there is a chapter"));
    let folder = Folder::new(test);
    for part in &parts {
        if let Part::Litmus { name, text, .. } = part {
            let file = format!("{name}.litmus");
            assert!(!folder.path().join(&file).exists(), "{name} is there twice");
            folder.write(&file, text);
        }
    }
    (parts, folder)
}

#[test]
fn tests_come_out_as_they_say() {
    let (parts, folder) = chapter("guide-verdicts");
    let mut count = 0;
    for part in &parts {
        let Part::Litmus { name, text, refused } = part else { continue };
        let run = folder.lkmm(&["check", &format!("{name}.litmus")]);
        if *refused {
            assert_eq!(run.code, 2, "{name} is refused: {}", run.out);
            continue;
        }
        assert!(text.contains("\n * Result: "), "{name} says how it comes out");
        assert_eq!(run.code, 0, "{name}: {}{}", run.out, run.err);
        assert!(run.out.starts_with("ok "), "{name}: {}", run.out);
        let own = root().join("litmus/rust").join(format!("{name}.litmus"));
        if let Ok(own) = std::fs::read_to_string(own) {
            assert_eq!(*text, own, "litmus/rust has the same test");
        }
        count += 1;
    }
    assert!(count >= 14, "only {count} tests are left");
}

#[test]
fn pictures_are_current() {
    let (parts, folder) = chapter("guide-pictures");
    let mut shown = BTreeSet::new();
    let tests = parts.iter().enumerate().filter_map(|(at, part)| match part {
        Part::Litmus { name, refused: false, .. } => Some((at, name)),
        _ => None,
    });
    for (at, name) in tests {
        let target = format!("pictures/{name}.svg");
        let mut after = parts[at + 1..].iter().take_while(|part| !matches!(part, Part::Litmus { .. }));
        let is_shown = after.any(|part| matches!(part, Part::Link { target: t, .. } if *t == target));
        assert!(is_shown, "{target} stands behind the test {name}");
        let drawn = folder.lkmm(&["draw", &format!("{name}.litmus")]);
        assert_eq!(drawn.code, 0, "{name}: {}", drawn.err);
        assert!(drawn.out.len() < 30_000, "{name}: {} bytes", drawn.out.len());
        let picture = guide().join(&target);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::create_dir_all(guide().join("pictures")).expect("it can be written");
            std::fs::write(&picture, &drawn.out).expect("it can be written");
        }
        let committed = std::fs::read_to_string(&picture).unwrap_or_default();
        assert_eq!(drawn.out, committed, "{target}: UPDATE_GOLDEN=1 draws it again");
        shown.insert(format!("{name}.svg"));
    }
    let entries = std::fs::read_dir(guide().join("pictures")).expect("there are pictures");
    let there: BTreeSet<_> = entries.map(|e| e.unwrap().file_name().into_string().expect("names are UTF-8")).collect();
    assert_eq!(there, shown, "every picture is shown");
}

#[test]
fn commands_print_what_is_shown() {
    let (parts, folder) = chapter("guide-commands");
    let mut count = 0;
    for part in &parts {
        let Part::Console { line, lines } = part else { continue };
        let command = lines[0].strip_prefix("$ lkmm ").expect("a block begins with a command");
        let run = folder.lkmm(&command.split_whitespace().collect::<Vec<_>>());
        let printed = without_times(&format!("{}{}", run.out, run.err));
        let shown = without_times(&lines[1..].join("\n"));
        if let Err(missing) = shows(&shown, &printed) {
            panic!("{CHAPTER}:{line}: lkmm {command} does not print\n{missing}\nbut\n{}", printed.join("\n"));
        }
        count += 1;
    }
    assert!(count >= 6, "only {count} commands are left");
}

/// Lines; those that tell the time of a test have none, and single blanks.
fn without_times(text: &str) -> Vec<String> {
    let line = |line: &str| {
        if !(line.starts_with("ok ") || line.starts_with("error ")) {
            return line.trim_end().to_string();
        }
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if let Some(unit) = words.iter().position(|word| ["ns", "µs", "ms", "s"].contains(word)) {
            words.drain(unit - 1..=unit);
        }
        words.join(" ")
    };
    text.trim().lines().map(line).collect()
}

/// Are these the lines that were printed, where `…` stands for any? Yields those that were not.
fn shows(shown: &[String], printed: &[String]) -> Result<(), String> {
    let pieces: Vec<&[String]> = shown.split(|line| line == "…").collect();
    let mut rest = printed;
    for (number, piece) in pieces.iter().enumerate() {
        let missing = || piece.join("\n");
        let (first, last) = (number == 0, number + 1 == pieces.len());
        let at = match (first, last) {
            (true, true) => (rest == *piece).then_some(0),
            (true, false) => rest.starts_with(piece).then_some(0),
            (false, true) => rest.ends_with(piece).then(|| rest.len() - piece.len()),
            (false, false) => (0..=rest.len()).find(|&at| rest[at..].starts_with(piece)),
        };
        rest = &rest[at.ok_or_else(missing)? + piece.len()..];
    }
    Ok(())
}

#[test]
fn lines_that_are_left_out_are_marked() {
    let lines = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
    for shown in ["a b c", "a …", "… c", "a … c", "… b …", "…"] {
        assert_eq!(shows(&lines(shown), &lines("a b c")), Ok(()), "{shown}");
    }
    for shown in ["a b", "b …", "… b", "… b … a …", "a x …"] {
        assert!(shows(&lines(shown), &lines("a b c")).is_err(), "{shown}");
    }
}

/// mdBook takes what lies in the folder, and nothing else.
#[test]
fn links_lead_into_the_guide() {
    for (name, text) in chapters() {
        for part in parts(&text) {
            let Part::Link { line, target } = part else { continue };
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.starts_with("https://") {
                continue;
            }
            assert!(!file.contains("..") && guide().join(file).is_file(), "{name}:{line}: {target} is not there");
        }
    }
}

#[test]
fn the_summary_lists_every_chapter() {
    let chapters = chapters();
    let summary = &chapters.iter().find(|(name, _)| name == "SUMMARY.md").expect("there is a summary").1;
    let mut listed: Vec<&str> = summary.lines().flat_map(links).collect();
    listed.sort_unstable();
    let there: Vec<&str> = chapters.iter().map(|(name, _)| &**name).filter(|&name| name != "SUMMARY.md").collect();
    assert_eq!(listed, there);
}

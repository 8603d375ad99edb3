//! `lkmm draw` from source to picture.

use crate::folder::Folder;
use std::path::{Path, PathBuf};

const SB: &str = "C SB
{}
P0(int *x, int *y) { WRITE_ONCE(*x, 1); int r0 = READ_ONCE(*y); }
P1(int *x, int *y) { WRITE_ONCE(*y, 1); int r0 = READ_ONCE(*x); }
exists (0:r0=0 /\\ 1:r0=0)
";

fn read(folder: &Folder, name: &str) -> String {
    std::fs::read_to_string(folder.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_suffix_says_what_is_drawn() {
    let folder = Folder::new("draw-suffix");
    folder.write("SB.litmus", SB);
    let out = folder.lkmm(&["draw", "SB.litmus"]);
    assert_eq!((out.code, &*out.err), (0, ""));
    assert!(out.out.starts_with("<svg ") && out.out.contains("WRITE_ONCE(*x, 1)"), "{}", out.out);
    for (name, start) in [
        ("a.svg", "<svg "),
        ("a.html", "<!doctype html>"),
        ("a.HTM", "<!doctype html>"),
        ("a.dot", "digraph "),
        ("a.gv", "digraph "),
    ] {
        let run = folder.lkmm(&["draw", "SB.litmus", "-o", name]);
        assert_eq!((run.code, &*run.out, &*run.err), (0, "", ""), "{name}");
        assert!(read(&folder, name).starts_with(start), "{name}");
    }
    assert_eq!(read(&folder, "a.svg"), out.out);
    let run = folder.lkmm(&["draw", "SB.litmus", "--format", "dot", "--output", "picture"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(read(&folder, "picture"), read(&folder, "a.dot"));
    let piped = folder.lkmm_with_input(&["draw", "-"], SB);
    assert_eq!(piped.out, out.out);
}

#[test]
fn other_suffixes_are_refused() {
    let folder = Folder::new("draw-unknown");
    folder.write("SB.litmus", SB);
    for (name, what) in [("a.png", "a.png ends in .png"), ("picture", "picture has no suffix")] {
        let run = folder.lkmm(&["draw", "SB.litmus", "-o", name]);
        assert_eq!((run.code, &*run.out), (2, ""));
        assert!(run.err.contains(what) && run.err.contains(".svg, .html or .dot, or add --format"), "{}", run.err);
        assert!(!folder.path().join(name).exists());
    }
}

#[test]
fn states_are_those_that_check_lists() {
    let folder = Folder::new("draw-states");
    folder.write("SB.litmus", SB);
    let listed = folder.lkmm(&["check", "--states", "SB.litmus"]).out;
    let states: Vec<&str> = listed.lines().filter_map(|line| line.find("0:r0=").map(|at| &line[at..])).collect();
    assert_eq!(states.len(), 4, "{listed}");
    for (number, state) in states.iter().enumerate() {
        let run = folder.lkmm(&["draw", "SB.litmus", "--state", &(number + 1).to_string()]);
        assert!(run.out.contains(&format!("final state {}</text>", state.trim())), "{number}: {}", run.out);
    }
    let run = folder.lkmm(&["draw", "SB.litmus", "--state", "5", "-o", "a.svg"]);
    assert_eq!((run.code, &*run.out), (2, ""));
    assert!(run.err.contains("the test has 4 final states, and no state 5"), "{}", run.err);
    assert!(run.err.contains("`lkmm check --states` lists them"), "{}", run.err);
}

#[test]
fn what_cannot_be_drawn_is_told() {
    let folder = Folder::new("draw-wrong");
    let run = folder.lkmm(&["draw", "none.litmus"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("none.litmus: cannot be read"), "{}", run.err);
    let run = folder.write("bad.litmus", SB.replace("READ_ONCE(*y)", "READ_TWICE(*y)")).lkmm(&["draw", "bad.litmus"]);
    assert_eq!((run.code, &*run.out), (2, ""));
    assert!(run.err.contains("bad.litmus:3:"), "{}", run.err);
    let never = SB.replace("0:r0=0", "0:r0=7");
    let run = folder.write("never.litmus", never).lkmm(&["draw", "never.litmus"]);
    assert_eq!((run.code, &*run.out), (2, ""));
    assert!(run.err.contains("no candidate execution answers the question"), "{}", run.err);
    assert!(run.err.contains("--state N"), "{}", run.err);
    let all = folder.lkmm(&["draw", "never.litmus", "-o", "never.html"]);
    assert_eq!(all.code, 0, "{}", all.err);
    let run = folder.write("SB.litmus", SB).lkmm(&["draw", "SB.litmus", "-o", "no/such/folder.svg"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("cannot write no/such/folder.svg"), "{}", run.err);
    let run = folder.lkmm(&["draw", "SB.litmus", "--show", "hb,nothing"]);
    assert!(run.err.contains("no relation `nothing`"), "{}", run.err);
}

#[test]
fn other_models_draw_other_cycles() {
    let folder = Folder::new("draw-models");
    folder.write("SB.litmus", SB);
    let axiom = |model: &str| folder.lkmm(&["draw", "SB.litmus", "--model", model]).out;
    assert!(axiom("lkmm").contains("Allowed by lkmm-6.12"));
    assert!(axiom("sc").contains("Forbidden by sc, axiom sc"));
    assert!(axiom("tso").contains("Allowed by tso"));
}

/// The picture at the beginning of the README is what its command draws.
#[test]
fn the_picture_of_the_readme_is_current() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).expect("there is a README");
    let command = readme.lines().find_map(|line| line.strip_prefix("$ lkmm draw ")).expect("it names its command");
    let words: Vec<&str> = command.split_whitespace().collect();
    let [test, "-o", picture] = words[..] else { panic!("{command}") };
    let shown = format!("]({picture})");
    assert!(readme.contains(&shown), "the README shows {picture}");
    let folder = Folder::new("draw-readme");
    let source = std::fs::read_to_string(root.join(test)).expect("the test is there");
    let drawn = folder.write("test.litmus", source).lkmm(&["draw", "test.litmus"]);
    let committed: PathBuf = root.join(picture);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&committed, &drawn.out).expect("it can be written");
    }
    let committed = std::fs::read_to_string(committed).unwrap_or_default();
    assert!(committed.len() < 60_000, "{}", committed.len());
    assert_eq!(drawn.out, committed, "UPDATE_GOLDEN=1 draws it again");
}

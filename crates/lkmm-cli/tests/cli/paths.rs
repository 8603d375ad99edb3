//! What users name, and what they are told when it cannot be checked.

use crate::folder::Folder;

const NOT_C: &str = "AArch64 other\n{}\n";

/// The files of JSON lines, in order.
fn files(out: &str) -> Vec<String> {
    out.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("every line is JSON"))
        .map(|object| object["file"].as_str().expect("`file` is text").to_string())
        .collect()
}

#[test]
fn directories_are_searched_in_order_and_lists_are_read() {
    let folder = Folder::new("paths");
    for name in ["d/b.litmus", "d/a/z.litmus", "d/notes.txt", "e.litmus"] {
        folder.write(name, NOT_C);
    }
    folder.write("d/list", "# comment\n\nb.litmus\n../e.litmus\ne.litmus\n");
    let run = folder.lkmm(&["check", "--format", "json", "d", "e.litmus", "@d/list"]);
    assert_eq!(files(&run.out), ["d/a/z.litmus", "d/b.litmus", "e.litmus", "d/b.litmus", "d/../e.litmus", "e.litmus"]);
}

#[test]
fn many_tests_on_many_threads_are_reported_in_order() {
    let folder = Folder::new("order");
    let names: Vec<String> = (0..3000).map(|i| format!("d/{i:04}.litmus")).collect();
    for name in &names {
        folder.write(name, NOT_C);
    }
    let run = folder.lkmm(&["check", "--format", "json", "--jobs", "8", "d"]);
    assert_eq!(files(&run.out), names);
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_checked() {
    let folder = Folder::new("errors");
    folder.write("a.litmus", NOT_C).write("big.litmus", vec![b' '; (1 << 20) + 1]).write("empty/readme", "");
    folder.write("loop", "@loop\n").write("void", "\n");
    let paths = ["none.litmus", "empty", "big.litmus", "@void", "@loop", "@none", "a.litmus"];
    let run = folder.lkmm(&[&["check"], &paths[..]].concat());
    assert_eq!(run.code, 2);
    assert_eq!(run.out.lines().filter(|l| l.starts_with("error")).count(), paths.len());
    for (message, help) in [
        ("none.litmus: cannot be read: no such file or directory", "name a .litmus file"),
        ("empty: no litmus test in this directory", "named *.litmus"),
        ("big.litmus: longer than 1 MiB", "a few lines of code"),
        ("void: the list is empty", "one path a line"),
        ("loop: the list names itself", "take its name out"),
        ("none: the list cannot be read", "one path a line"),
    ] {
        assert!(run.err.contains(message) && run.err.contains(help), "{message} in {}", run.err);
    }
}

#[test]
fn what_is_no_test_is_named() {
    let folder = Folder::new("no-test");
    folder.write("binary.litmus", b"\x7fELF\x02\x00\x00").write("empty.litmus", "");
    let run = folder.lkmm(&["check", "binary.litmus", "empty.litmus", "@no-list"]);
    assert_eq!(run.code, 2);
    for message in
        ["binary.litmus: not a text", "empty.litmus: a litmus test starts with", "no-list: the list cannot be read"]
    {
        assert!(run.err.contains(message), "{message}: {}", run.err);
    }
}

#[test]
fn lists_that_are_none_are_refused() {
    let folder = Folder::new("no-lists");
    folder.write("zeros", [0; 10]).write("line", vec![b'a'; 5000]);
    let run = folder.lkmm(&["check", "@zeros", "@line"]);
    for message in ["zeros: the list is not one of paths", "line: the list is not one of paths"] {
        assert!(run.code == 2 && run.err.contains(message), "{message}: {}", run.err);
    }
}

#[test]
#[cfg(unix)]
fn nobody_waits_for_a_pipe_longer_than_the_timeout() {
    let folder = Folder::new("fifo");
    folder.write("d/a.litmus", NOT_C);
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("d/b.litmus")).status();
    assert!(made.is_ok_and(|status| status.success()), "mkfifo is everywhere");
    let run = folder.lkmm(&["check", "--timeout", "0.2", "d", "d/b.litmus", "@d/b.litmus"]);
    assert_eq!(run.code, 2);
    assert_eq!(run.err.matches("b.litmus: is a pipe or a device").count(), 1, "{}", run.err);
    assert_eq!(run.err.matches("b.litmus: cannot be read: nothing came within 0.2 s").count(), 2, "{}", run.err);
}

#[test]
fn errors_in_a_source_have_a_line_and_a_caret() {
    let folder = Folder::new("caret");
    let run = folder.write("a.litmus", NOT_C).lkmm(&["check", "a.litmus"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("--> a.litmus:1:1") && run.err.contains("1 | AArch64 other"), "{}", run.err);
    assert!(run.err.contains("| ^^^^^^^"), "{}", run.err);
}

#[test]
fn an_operation_without_meaning_has_a_caret_if_its_statement_is_known() {
    let folder = Folder::new("illegal");
    let source = "C illegal
{ x=y; }
P0(int *x)
{
	int r0 = READ_ONCE(*x);
	int r1 = r0 + 1;
	int r2 = r0 * 3;
	SECOND
}
exists (0:r2=1)
";
    let run = folder.lkmm_with_input(&["check", "-"], &source.replace("SECOND", "int r3 = 2 * r1;"));
    assert_eq!(run.code, 2);
    assert!(run.err.contains("illegal operation * on an address and 3"), "{}", run.err);
    assert!(run.err.contains("--> <stdin>:7:2") && run.err.contains(" ^^^^^^^^^^^^^^^^\n"), "{}", run.err);
    let twice = folder.lkmm_with_input(&["check", "-"], &source.replace("SECOND", "int r4 = r0 * 3;"));
    assert!(twice.err.contains("illegal operation") && !twice.err.contains("-->"), "either of two: {}", twice.err);
}

#[test]
fn herd_mode_warns_as_herd7_does() {
    let folder = Folder::new("herd-errors");
    let run = folder.write("a.litmus", NOT_C).lkmm(&["check", "--format", "herd", "a.litmus"]);
    assert_eq!((run.code, run.out.as_str()), (2, ""));
    assert!(run.err.starts_with("Warning: File \"a.litmus\", line 1, characters 0-7: "), "{}", run.err);
    assert!(run.err.ends_with(" (User error)\n"), "{}", run.err);
}

#[test]
fn a_closed_pipe_ends_the_run_quietly() {
    let folder = Folder::new("pipe");
    for i in 0..2000 {
        folder.write(&format!("d/{i}.litmus"), NOT_C);
    }
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_lkmm"))
        .args(["check", "--format", "json", "d"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("lkmm is built");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("lkmm ends");
    assert!(output.status.success(), "{:?}", output.status);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn arguments_are_checked() {
    let folder = Folder::new("arguments");
    for args in [
        &["check"][..],
        &["check", "--model", "alpha", "x"],
        &["check", "--timeout", "0", "x"],
        &["check", "--jobs", "0", "x"],
        &["check", "--max-executions", "0", "x"],
        &["check", "--verdict", "--states", "x"],
        &["check", "--witness", "--format", "json", "x"],
        &["man", "nothing"],
    ] {
        let run = folder.lkmm(args);
        assert_eq!((run.code, run.out.as_str()), (2, ""), "{args:?}");
        assert!(!run.err.is_empty());
    }
}

#[test]
fn models_completions_and_man_pages_are_printed() {
    let folder = Folder::new("texts");
    for (args, expected) in [
        (&["list-models"][..], "lkmm-6.12"),
        (&["--version"], "lkmm 0."),
        (&["completions", "bash"], "complete -F _lkmm"),
        (&["man"], ".TH lkmm 1"),
        (&["man", "check"], "max\\-executions"),
    ] {
        let run = folder.lkmm(args);
        assert_eq!(run.code, 0, "{args:?}: {}", run.err);
        assert!(run.out.contains(expected), "{args:?}: {}", run.out);
    }
}

//! `lkmm run` from source to what a machine shows. (`cargo xtask run` asks more, and of more machines.)

use crate::folder::Folder;
use std::process::Command;

const SB: &str = "C SB\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); int r0 = READ_ONCE(*y); }\n\
    P1(int *x, int *y) { WRITE_ONCE(*y, 1); int r0 = READ_ONCE(*x); }\nexists (0:r0=0 /\\ 1:r0=0)\n";

const MP: &str = "Rust MP\n{}\nfn P0(x: &Atomic<i32>, y: &Atomic<i32>) { x.store(1, Relaxed); y.store(1, Release); }\n\
    fn P1(x: &Atomic<i32>, y: &Atomic<i32>) { let r0 = y.load(Acquire); let r1 = x.load(Relaxed); }\nexists (1:r0=1 /\\ 1:r1=0)\n";

#[test]
fn every_machine_reorders_a_store_and_a_load() {
    let folder = Folder::new("run-sb");
    folder.write("SB.litmus", SB);
    let run = folder.lkmm(&["run", "--seconds", "0.5", "SB.litmus"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(
        run.out.starts_with("Test SB Allowed\nHistogram (") && run.out.contains("\nObservation SB Sometimes "),
        "{}",
        run.out
    );
    // Sequential consistency forbids what this machine does.
    let run = folder.lkmm(&["run", "--seconds", "0.5", "--model", "sc", "SB.litmus"]);
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(run.out.starts_with("SEEN, and forbidden by sc:\n"), "{}", run.out);
    assert!(run.err.contains("SB: SEEN, and forbidden by sc: 0:r0=0; 1:r0=0;"), "{}", run.err);
}

#[test]
fn processes_in_rust_run_as_well() {
    let folder = Folder::new("run-mp");
    let run = folder.write("MP.litmus", MP).lkmm(&["run", "--seconds", "0.2", "MP.litmus"]);
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(run.out.contains("\nObservation MP Never 0 "), "{}", run.out);
}

#[test]
fn a_project_has_all_that_it_needs() {
    let folder = Folder::new("run-emit");
    let run = folder.write("MP.litmus", MP).lkmm(&["run", "--emit", "project", "MP.litmus"]);
    assert_eq!((run.code, &run.out[..]), (0, ""), "{}", run.err);
    for file in
        ["Cargo.toml", "build.rs", "README.md", "c/test.c", "c/harness.c", "src/processes.rs", "lkmm/src/lib.rs"]
    {
        assert!(folder.path().join("project").join(file).is_file(), "{file}");
    }
    let again = folder.lkmm(&["run", "--emit", "project", "MP.litmus"]);
    assert!(again.code == 2 && again.err.contains("project is not empty"), "{}", again.err);
}

#[test]
fn what_cannot_run_says_so() {
    let folder = Folder::new("run-refused");
    folder.write(
        "bytes.litmus",
        "C bytes\n{ char a[2] = {1,2}; }\nP0(char *a) { int r0 = READ_ONCE(*a); }\nexists (0:r0=1)\n",
    );
    let run = folder.lkmm(&["run", "bytes.litmus", "missing.litmus"]);
    assert_eq!(run.code, 2);
    assert!(run.err.contains("bytes.litmus:2:8") && run.err.contains("four bytes"), "{}", run.err);
    assert!(run.err.contains("missing.litmus"), "{}", run.err);
    let wrong = folder.lkmm(&["run", "--affinity", "somewhere", "bytes.litmus"]);
    assert!(wrong.code == 2 && wrong.err.contains("a list of CPUs"), "{}", wrong.err);
    let nowhere = folder.write("SB.litmus", SB).lkmm(&["run", "--affinity", "1023", "SB.litmus"]);
    assert!(nowhere.code == 2 && nowhere.err.contains("no CPU 1023"), "{} {}", nowhere.code, nowhere.err);
}

#[test]
fn a_compiler_that_is_missing_is_named() {
    let folder = Folder::new("run-no-compiler");
    folder.write("SB.litmus", SB);
    let output = Command::new(env!("CARGO_BIN_EXE_lkmm"))
        .args(["run", "SB.litmus"])
        .env("CC", "no-such-compiler")
        .current_dir(folder.path())
        .output()
        .expect("lkmm is built");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        complaint.contains("no-such-compiler cannot be run") && complaint.contains("apt install gcc"),
        "{complaint}"
    );
}

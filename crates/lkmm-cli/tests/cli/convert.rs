//! `lkmm convert` from source to output.

use crate::folder::Folder;

const C: &str = "C MP

(* A comment. *)

{}

P0(int *x, int *y)
{
	WRITE_ONCE(*x, 1);
	smp_store_release(y, 1);
}

P1(int *x, int *y)
{
	int r0;
	int r1;

	r0 = smp_load_acquire(y);
	/* It comes later. */
	r1 = READ_ONCE(*x);
}

exists (1:r0=1 /\\ 1:r1=0)
";

const RUST: &str = "Rust MP

(* A comment. *)

{}

fn P0(x: &Atomic<i32>, y: &Atomic<i32>) {
    x.store(1, Relaxed);
    y.store(1, Release);
}

fn P1(x: &Atomic<i32>, y: &Atomic<i32>) {
    let r0 = y.load(Acquire);
    /* It comes later. */
    let r1 = x.load(Relaxed);
}

exists (1:r0=1 /\\ 1:r1=0)
";

#[test]
fn one_test_goes_to_the_standard_output() {
    let folder = Folder::new("convert-one");
    let run = folder.write("MP.litmus", C).lkmm(&["convert", "--to", "rust", "MP.litmus"]);
    assert_eq!((run.code, &run.out[..]), (0, RUST), "{}", run.err);
    let back = folder.write("MP.litmus", RUST).lkmm(&["convert", "--to", "c", "MP.litmus"]);
    assert_eq!(back.code, 0, "{}", back.err);
    assert!(back.out.contains("\tint r1 = READ_ONCE(*x);\n"), "{}", back.out);
    let same = folder.lkmm(&["convert", "--to", "rust", "MP.litmus"]);
    assert_eq!(same.out, RUST);
}

#[test]
fn many_tests_go_to_a_folder() {
    let folder = Folder::new("convert-many");
    folder.write("in/a.litmus", C).write("in/b/c.litmus", C);
    let refused = folder.lkmm(&["convert", "--to", "rust", "in"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("name a folder with -o"), "{}", refused.err);
    let run = folder.lkmm(&["convert", "--to", "rust", "in", "-o", "out"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let checked = folder.lkmm(&["check", "out/a.litmus", "out/b/c.litmus"]);
    assert_eq!(checked.code, 0, "{}", checked.err);
    let over = folder.lkmm(&["convert", "--to", "rust", "in", "-o", "in"]);
    assert_eq!(over.code, 2);
    assert!(over.err.contains("would be overwritten"), "{}", over.err);
    let twice = folder.lkmm(&["convert", "--to", "rust", "in/a.litmus", "in/a.litmus", "-o", "out2"]);
    assert!(twice.err.contains("would be written where"), "{}", twice.err);
}

#[test]
fn what_has_no_counterpart_is_told_with_its_place() {
    let folder = Folder::new("convert-none");
    let source = C.replace("r1 = READ_ONCE(*x);", "r1 = __atomic_add_unless(x, 1, 0);");
    let run = folder.write("MP.litmus", &source).lkmm(&["convert", "--to", "rust", "MP.litmus"]);
    assert_eq!((run.code, &run.out[..]), (2, ""));
    assert!(run.err.contains("not converted: `__atomic_add_unless`"), "{}", run.err);
    assert!(run.err.contains("MP.litmus:20:"), "{}", run.err);
}

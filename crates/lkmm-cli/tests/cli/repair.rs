//! `lkmm repair` and `lkmm weaken` from source to output.

use crate::folder::Folder;

const MP: &str = "C MP

{}

P0(int *x, int *y)
{
	WRITE_ONCE(*x, 1);
	WRITE_ONCE(*y, 1); /* It is there. */
}

P1(int *x, int *y)
{
	int r0;
	int r1;

	r0 = READ_ONCE(*y);
	r1 = READ_ONCE(*x);
}

exists (1:r0=1 /\\ 1:r1=0)
";

#[test]
fn repairs_are_listed_with_places_and_costs() {
    let folder = Folder::new("repair-list");
    let run = folder.write("MP.litmus", MP).lkmm(&["repair", "MP.litmus"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.starts_with("MP: Sometimes; 6 least sets"), "{}", run.out);
    assert!(run.out.contains("MP.litmus:8:2  `WRITE_ONCE(*y, 1)` -> `smp_store_release(y, 1)`  (2)"), "{}", run.out);
    assert!(run.out.contains("MP.litmus:17:2  add `smp_rmb();` before `r1 = READ_ONCE(*x);`  (4)"), "{}", run.out);
    let few = folder.lkmm(&["repair", "--limit", "1", "MP.litmus"]);
    assert!(few.out.contains("5 more; raise --limit"), "{}", few.out);
    let costs = folder.lkmm(&["repair", "--costs"]);
    assert!(costs.code == 0 && costs.out.contains("4 dmb ishld"), "{}", costs.out);
}

#[test]
fn a_repair_is_written_into_the_test() {
    let folder = Folder::new("repair-apply");
    folder.write("MP.litmus", MP);
    let run = folder.lkmm(&["repair", "--apply", "4", "-o", "mended.litmus", "MP.litmus"]);
    assert_eq!((run.code, &run.out[..]), (0, ""), "{}", run.err);
    let mended = std::fs::read_to_string(folder.path().join("mended.litmus")).expect("it was written");
    let expected = MP
        .replace("\tWRITE_ONCE(*y, 1);", "\tsmp_wmb();\n\tWRITE_ONCE(*y, 1);")
        .replace("READ_ONCE(*y);", "smp_load_acquire(y);");
    assert_eq!(mended, expected, "all else stays, comments too");
    let again = folder.lkmm(&["repair", "mended.litmus"]);
    assert_eq!((again.code, &again.out[..]), (0, "MP: Never; nothing is to be repaired\n\n"));
    let none = folder.lkmm(&["repair", "--apply", "7", "MP.litmus"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("there is no set 7: there are 6"), "{}", none.err);
}

#[test]
fn json_has_every_set_and_every_edit() {
    let folder = Folder::new("repair-json");
    let run = folder.write("MP.litmus", MP).lkmm(&["repair", "--json", "--arch", "x86-64", "MP.litmus"]);
    let found: serde_json::Value = serde_json::from_str(&run.out).expect("it is JSON");
    assert_eq!((&found["result"], &found["complete"]), (&"proposals".into(), &true.into()));
    let proposals = found["proposals"].as_array().expect("a list");
    assert_eq!((proposals.len(), &proposals[0]["cost"]), (6, &0.into()));
    for proposal in proposals {
        let source = proposal["source"].as_str().expect("text");
        let checked = folder.lkmm_with_input(&["check", "--verdict", "-"], source);
        assert!(checked.out.contains("Never"), "{}\n{source}", checked.out);
        for step in proposal["steps"].as_array().expect("a list") {
            assert!(step["edits"].as_array().is_some_and(|edits| !edits.is_empty()), "{step}");
        }
    }
    let weakened = folder.lkmm(&["weaken", "--json", "MP.litmus"]);
    let found: serde_json::Value = serde_json::from_str(&weakened.out).expect("it is JSON");
    assert_eq!((&found["verdict"], &found["saves"]), (&"Sometimes".into(), &0.into()));
}

#[test]
fn what_no_ordering_forbids_is_told() {
    let folder = Folder::new("repair-none");
    folder.write("MP.litmus", MP.replace("1:r0=1 /\\ 1:r1=0", "1:r0=0"));
    let run = folder.lkmm(&["repair", "MP.litmus"]);
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(
        run.out.contains("no ordering forbids that the condition holds: it happens under sequential"),
        "{}",
        run.out
    );
    // Of `forall`, what violates it is forbidden.
    folder.write("MP.litmus", MP.replace("exists (1:r0=1 /\\ 1:r1=0)", "forall (1:r0=0 \\/ 1:r1=1)"));
    let run = folder.lkmm(&["repair", "MP.litmus"]);
    assert!(run.code == 0 && run.out.contains("6 least sets"), "{}", run.out);
    let broken = folder.write("MP.litmus", "C broken\n{}\nP0() { oops(); }\n").lkmm(&["repair", "MP.litmus"]);
    assert_eq!(broken.code, 2);
    assert!(broken.err.contains("unknown primitive `oops`"), "{}", broken.err);
    let late = folder.write("MP.litmus", MP).lkmm(&["repair", "--timeout", "0.000001", "MP.litmus"]);
    assert!(late.code == 1 || late.code == 2, "{}{}", late.out, late.err);
}

#[test]
fn orderings_that_are_not_needed_are_taken_out() {
    let folder = Folder::new("weaken");
    let source = MP
        .replace("WRITE_ONCE(*x, 1);", "WRITE_ONCE(*x, 1);\n\tsmp_mb();")
        .replace("r1 = READ", "smp_mb();\n\tr1 = READ");
    let run = folder.write("MP.litmus", &source).lkmm(&["weaken", "MP.litmus"]);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("MP.litmus:8:2  `smp_mb();` -> `smp_wmb();`  (5)"), "{}", run.out);
    assert!(run.out.contains("Together, which saves 9"), "{}", run.out);
    let written = folder.lkmm(&["weaken", "--apply", "MP.litmus"]);
    let expected = source.replacen("smp_mb", "smp_wmb", 1).replacen("smp_mb", "smp_rmb", 1);
    assert_eq!((written.code, written.out), (0, expected));
    // Of what happens sometimes, nothing is needed.
    let all = folder.write("MP.litmus", source.replace("1:r1=0", "1:r1=1")).lkmm(&["weaken", "--apply", "MP.litmus"]);
    assert_eq!(all.out, MP.replace("1:r1=0", "1:r1=1"));
}

//! `lkmm check` from source to output, in every format.

use crate::folder::Folder;

/// Store buffering: the smallest test that is `Sometimes`.
const SB: &str = "C SB

(*
 * Result: Sometimes
 *)

{}

P0(int *x, int *y)
{
	int r0;

	WRITE_ONCE(*x, 1);
	r0 = READ_ONCE(*y);
}

P1(int *x, int *y)
{
	int r0;

	WRITE_ONCE(*y, 1);
	r0 = READ_ONCE(*x);
}

exists (0:r0=0 /\\ 1:r0=0)
";

fn fenced() -> String {
    SB.replace("	r0 =", "	smp_mb();\n	r0 =").replace("C SB", "C SB+mbs")
}

#[test]
fn herd_text_is_herd7s() {
    let folder = Folder::new("herd");
    let run = folder.write("SB.litmus", SB).lkmm(&["check", "--format", "herd", "SB.litmus"]);
    assert_eq!(run.code, 0, "{}", run.err);
    let (before_time, _) = run.out.split_once("Time SB ").expect("the time is printed");
    assert_eq!(
        before_time,
        "Test SB Allowed
States 4
0:r0=0; 1:r0=0;
0:r0=0; 1:r0=1;
0:r0=1; 1:r0=0;
0:r0=1; 1:r0=1;
Ok
Witnesses
Positive: 1 Negative: 3
Condition exists (0:r0=0 /\\ 1:r0=0)
Observation SB Sometimes 1 3
"
    );
}

#[test]
fn exit_codes_tell_mismatches_from_errors() {
    let folder = Folder::new("codes");
    folder.write("ok.litmus", SB).write("wrong.litmus", fenced()).write("bad.litmus", SB.replace("{}", ""));
    assert_eq!(folder.lkmm(&["check", "ok.litmus"]).code, 0);
    let wrong = folder.lkmm(&["check", "ok.litmus", "wrong.litmus"]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.out.contains("mismatch: wrong.litmus: expected Sometimes, found Never"), "{}", wrong.out);
    assert!(wrong.out.contains("2 tests: 1 ok, 1 mismatch; 7 executions"), "{}", wrong.out);
    let bad = folder.lkmm(&["check", "."]);
    assert_eq!(bad.code, 2);
    assert!(bad.out.contains("3 tests: 1 ok, 1 mismatch, 1 error"), "{}", bad.out);
}

#[test]
fn json_keeps_its_schema() {
    let folder = Folder::new("json");
    let run = folder.lkmm_with_input(&["check", "--format", "json", "-"], SB);
    assert_eq!(run.code, 0, "{}", run.err);
    let (before_time, _) = run.out.split_once("\"time_us\":").expect("the time is there");
    assert_eq!(
        before_time,
        "{\"file\":\"<stdin>\",\"name\":\"SB\",\"model\":\"lkmm-6.12\",\"verdict\":\"Sometimes\",\"positive\":1,\"negative\":3,\
         \"states\":[{\"0:r0\":\"0\",\"1:r0\":\"0\"},{\"0:r0\":\"0\",\"1:r0\":\"1\"},\
         {\"0:r0\":\"1\",\"1:r0\":\"0\"},{\"0:r0\":\"1\",\"1:r0\":\"1\"}],\
         \"flags\":[],\"expected\":\"Sometimes\",\"ok\":true,\"executions\":4,"
    );
    assert!(run.out.ends_with(",\"error\":null}\n"), "{}", run.out);
}

#[test]
fn the_verdict_alone_comes_without_counts() {
    let folder = Folder::new("verdict");
    let run = folder.lkmm_with_input(&["check", "--format", "json", "--verdict", "-"], SB);
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(
        run.out.contains(
            "\"verdict\":\"Sometimes\",\"positive\":null,\"negative\":null,\"states\":null,\"flags\":null,\
             \"expected\":\"Sometimes\",\"ok\":true,\"executions\":null,"
        ),
        "{}",
        run.out
    );
}

#[test]
fn models_differ() {
    let folder = Folder::new("models");
    for (model, code) in [("lkmm", 0), ("lkmm-6.12", 0), ("tso", 0), ("sc", 1)] {
        assert_eq!(folder.lkmm_with_input(&["check", "--model", model, "-"], SB).code, code, "{model}");
    }
}

#[test]
fn a_witness_names_lines_and_values() {
    let folder = Folder::new("witness");
    let run = folder.lkmm_with_input(&["check", "--witness", "-"], SB);
    for line in ["13  WRITE_ONCE(*x, 1)", "R y=0", "reads 0, the initial value of y", "final state  0:r0=0; 1:r0=0;"] {
        assert!(run.out.contains(line), "{line} in {}", run.out);
    }
}

#[test]
fn states_show_which_satisfy_the_condition() {
    let folder = Folder::new("states");
    let run = folder.lkmm_with_input(&["check", "--states", "-"], SB);
    assert!(run.out.contains("1 *> 0:r0=0; 1:r0=0;"), "{}", run.out);
    assert!(run.out.contains("1    0:r0=1; 1:r0=1;"), "{}", run.out);
}

#[test]
fn a_budget_that_runs_out_is_no_verdict() {
    let folder = Folder::new("budget");
    let run = folder.lkmm_with_input(&["check", "--format", "json", "--max-executions", "1", "-"], SB);
    assert_eq!(run.code, 1);
    assert!(run.out.contains("\"verdict\":\"Timeout\"") && run.out.contains("more than 1 executions"), "{}", run.out);
}

/// The loop may need more turns than are unrolled, and the value of `r0` justifies itself.
const SUSPICIOUS: &str = "C suspicious

{}

P0(int *x, int *y, int *z)
{
	int r0 = *x;
	*y = r0;
	WRITE_ONCE(*z, 1);
}

P1(int *x, int *y, int *z)
{
	int r0 = *y;
	*x = r0;
	while (READ_ONCE(*z) == 0)
		break;
}

exists (0:r0=1)
";

#[test]
fn every_format_warns() {
    let folder = Folder::new("warnings");
    folder.write("a.litmus", SUSPICIOUS);
    for (format, place) in [("json", "a.litmus:17:3"), ("herd", "line 17, characters 2-7"), ("human", "a.litmus:17:3")]
    {
        let run = folder.lkmm(&["check", "--format", format, "a.litmus"]);
        assert!(run.err.contains("`break` does nothing here") && run.err.contains(place), "{format}: {}", run.err);
        let everything = if format == "human" { run.out } else { run.err };
        for warning in ["outcomes may be missing", "air"] {
            assert!(everything.contains(warning), "{format}, {warning}: {everything}");
        }
    }
    let verdict = folder.lkmm(&["check", "--format", "json", "--verdict", "a.litmus"]);
    assert!(verdict.err.contains("outcomes may be missing"), "{}", verdict.err);
}

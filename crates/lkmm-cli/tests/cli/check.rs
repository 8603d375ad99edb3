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
        "{\"file\":\"<stdin>\",\"name\":\"SB\",\"model\":\"lkmm-6.12\",\"deps\":\"syntactic\",\"verdict\":\"Sometimes\",\"positive\":1,\"negative\":3,\
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
fn an_explanation_names_what_is_missing_and_what_forbids() {
    let folder = Folder::new("explain");
    let run = folder.lkmm_with_input(&["check", "--explain", "-"], SB);
    for text in ["Nothing orders P0:13 WRITE_ONCE(*x, 1) before P0:14", "smp_mb() between them would", "  mb  in pb"] {
        assert!(run.out.contains(text), "{text} in {}", run.out);
    }
    let run = folder.lkmm_with_input(&["check", "--explain", "-"], &fenced());
    for text in ["forbidden by propagation", "is before, by smp_mb() (P0:14)", "(the first again)"] {
        assert!(run.out.contains(text), "{text} in {}", run.out);
    }
    let run = folder.lkmm_with_input(&["check", "--explain", "--verdict", "--format", "json", "-"], &fenced());
    for text in ["\"explanation\":{\"kind\":\"forbidden\"", "\"axiom\":\"propagation\"", "\"relation\":\"mb\""] {
        assert!(run.out.contains(text), "{text} in {}", run.out);
    }
    for other in [["--format", "herd"], ["--deps", "observed"]] {
        let run = folder.lkmm_with_input(&["check", "--explain", other[0], other[1], "-"], SB);
        assert!(run.code != 0 && run.err.contains("--explain"), "{}", run.err);
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

/// Load buffering, of which one side depends on its load by syntax alone.
const FALSE_DATA: &str = "C LB+false-data+data

{}

P0(int *x, int *y)
{
	int r0;

	r0 = READ_ONCE(*x);
	WRITE_ONCE(*y, r0 * 0 + 1);
}

P1(int *x, int *y)
{
	int r0;

	r0 = READ_ONCE(*y);
	WRITE_ONCE(*x, r0);
}

exists (0:r0=1 /\\ 1:r0=1)
";

#[test]
fn observed_dependencies_are_those_that_carry_something() {
    let folder = Folder::new("observed");
    let json = |deps: &str| folder.lkmm_with_input(&["check", "--format", "json", "--deps", deps, "-"], FALSE_DATA);
    let syntactic = json("syntactic");
    assert!(syntactic.out.contains("\"deps\":\"syntactic\",\"verdict\":\"Never\""), "{}", syntactic.out);
    let observed = json("observed");
    let wanted = "\"deps\":\"observed\",\"verdict\":\"Sometimes\",\"positive\":1,\"negative\":3,";
    assert!(observed.out.contains(wanted), "{}", observed.out);
    let verdict = folder.lkmm_with_input(&["check", "--verdict", "--deps", "observed", "-"], FALSE_DATA);
    assert!(verdict.out.starts_with("ok        Sometimes  "), "{}", verdict.out);
    let witness = folder.lkmm_with_input(&["check", "--witness", "--deps", "observed", "-"], FALSE_DATA);
    assert!(witness.out.contains("final state  0:r0=1; 1:r0=1;"), "{}", witness.out);
}

/// Of tests with processes in Rust, nobody has to ask for them.
#[test]
fn both_verdicts_of_rust_are_printed_if_they_differ() {
    let folder = Folder::new("both-rust");
    let test = |value: &str| {
        format!(
            "Rust LB\n{{}}\n\
             fn P0(x: &Atomic<i32>, y: &Atomic<i32>) {{ let r0 = x.load(Relaxed); y.store({value}, Relaxed); }}\n\
             P1(int *x, int *y) {{ int r0 = READ_ONCE(*y); WRITE_ONCE(*x, r0); }}\n\
             exists (0:r0=1 /\\ 1:r0=1)\n"
        )
    };
    let differs = folder.lkmm_with_input(&["check", "-"], &test("1 + (r0 & 0)"));
    assert_eq!(differs.code, 0, "{}", differs.err);
    assert!(differs.out.contains("[Sometimes with observed dependencies]"), "{}", differs.out);
    assert!(
        differs.out.contains("\n  data  3  let r0 = x.load(Relaxed)  →  3  y.store(1 + (r0 & 0), Relaxed)"),
        "{}",
        differs.out
    );
    for other in [["--deps", "syntactic"], ["--format", "json"]] {
        let alone = folder.lkmm_with_input(&["check", other[0], other[1], "-"], &test("1 + (r0 & 0)"));
        assert!(!alone.out.contains("observed"), "{}", alone.out);
    }
    let same = folder.lkmm_with_input(&["check", "-"], &test("1"));
    assert!(same.out.contains("Sometimes") && !same.out.contains("observed"), "{}", same.out);
}

#[test]
fn both_verdicts_come_with_the_reason() {
    let folder = Folder::new("both");
    let both = folder.lkmm_with_input(&["check", "--deps", "both", "-"], FALSE_DATA);
    assert_eq!(both.code, 0, "{}", both.err);
    let (line, why) = both.out.split_once('\n').expect("there is more than one line");
    assert!(
        line.starts_with("ok        Never  ") && line.ends_with("[Sometimes with observed dependencies]"),
        "{line}"
    );
    assert_eq!(
        why,
        "
dependencies: <stdin>: syntactic Never, observed Sometimes
  a compiler may drop these dependencies, for no other value of the load changes that address, value or branch:
  data  9  r0 = READ_ONCE(*x)  →  10  WRITE_ONCE(*y, r0 * 0 + 1)
"
    );
    let same = folder.lkmm_with_input(&["check", "--deps", "both", "-"], SB);
    assert!(!same.out.contains("dependencies"), "{}", same.out);
    let json = folder.lkmm_with_input(&["check", "--deps", "both", "--format", "json", "-"], SB);
    assert_eq!((json.code, json.out.as_str()), (2, ""));
}

#[test]
fn budgets_hold_with_observed_dependencies() {
    let folder = Folder::new("observed-budget");
    let observed = ["check", "--deps", "observed", "--max-executions", "1", "-"];
    let run = folder.lkmm_with_input(&observed, FALSE_DATA);
    assert!(run.code == 1 && run.out.starts_with("timeout"), "{}", run.out);
    let ring = |i: usize| format!("P{i}(int *x{i}, int *y) {{ int r1 = xchg(y, {i}); int r0 = READ_ONCE(*y); }}\n");
    let large = format!("C large\n{{}}\n{}exists (0:r0=0)\n", (0..12).map(ring).collect::<String>());
    let run = folder.lkmm_with_input(&["check", "--deps", "both", "--verdict", "--timeout", "0.2", "-"], &large);
    assert_eq!(run.code, 1, "{}", run.out);
    assert!(run.out.contains("no answer within 0.2 s"), "{}", run.out);
}

#[test]
fn what_only_syntax_can_check_says_so() {
    let folder = Folder::new("observed-refused");
    let mixed =
        "C mixed\n{}\nP0(spinlock_t *l, int *x) { spin_lock(l); spin_unlock(l); WRITE_ONCE(*l, 1); }\nexists (x=1)\n";
    let run = folder.lkmm_with_input(&["check", "--deps", "observed", "-"], mixed);
    assert_eq!(run.code, 2, "{}", run.out);
    assert!(run.err.contains("`l` is used as a lock, and otherwise"), "{}", run.err);
    assert!(run.err.contains("only --deps syntactic can check that"), "{}", run.err);
}

//! Tests that are small to write and large to check: each must end within twice its time, with an answer or a reason.

use lkmm_litmus::Settings;
use lkmm_model::models;
use lkmm_report::{Answer, Report};
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(2);

/// What came of a test whose processes have the given bodies.
fn check(verdict: bool, bodies: &[String], condition: &str) -> Report {
    let processes = bodies.iter().enumerate().map(|(i, body)| format!("P{i}(int *x, int *y) {{ {body} }}\n"));
    let source = format!("C hostile\n{{}}\n{}{condition}\n", processes.collect::<String>());
    let model = models::by_name("lkmm").unwrap();
    let settings = Settings { timeout: Some(TIMEOUT), verdict, ..Settings::new(model) };
    let start = Instant::now();
    let report = lkmm_litmus::check("hostile.litmus", source, &settings);
    assert!(start.elapsed() < 2 * TIMEOUT, "{:?} after {:?}", report.answer, start.elapsed());
    report
}

fn message(report: &Report) -> &str {
    match &report.answer {
        Answer::Error(problem) => &problem.message,
        Answer::Timeout(message) => message,
        answer => panic!("an answer: {answer:?}"),
    }
}

/// A balanced tree of sums, so that nesting does not bound it.
fn sum(leaf: &str, height: u32) -> String {
    (0..height).fold(leaf.to_string(), |half, _| format!("({half}+{half})"))
}

#[test]
fn expressions_that_double_at_every_step_are_solved_out_of_thin_air() {
    let double = format!("int r = READ_ONCE(*x); {} WRITE_ONCE(*y, r);", "r = r * r;".repeat(60));
    let back = "int r = READ_ONCE(*y); WRITE_ONCE(*x, r);".to_string();
    let report = check(false, &[double, back], "exists (0:r=2)");
    assert_eq!(report.executions().map(|o| (o.positive, o.negative)), Some((0, 3)), "{:?}", report.answer);
}

#[test]
fn long_chains_of_copies_are_followed_once() {
    let chain = format!("int r = READ_ONCE(*x); {} WRITE_ONCE(*x, r);", "r = r + 0;".repeat(60_000));
    let report = check(false, &[chain], "exists (0:r=0)");
    assert_eq!(report.executions().map(|o| (o.positive, o.negative)), Some((1, 0)), "{:?}", report.answer);
}

#[test]
fn a_thousand_writes_in_a_row_have_one_order() {
    let report = check(false, &["WRITE_ONCE(*x, 1);".repeat(1_000)], "exists (x=1)");
    assert_eq!(report.executions().map(|o| (o.positive, o.negative)), Some((1, 0)), "{:?}", report.answer);
}

#[test]
fn many_events_keep_to_the_deadline() {
    let section =
        "WRITE_ONCE(*x, 1); r = READ_ONCE(*y); smp_mb(); rcu_read_lock(); rcu_read_unlock(); synchronize_rcu();";
    for verdict in [false, true] {
        check(verdict, &vec![format!("int r; {}", section.repeat(80)); 2], "exists (x=2)");
        check(verdict, &vec!["*x = 1; int r = *y; *y = 1;".repeat(160); 2], "exists (x=2)");
    }
}

#[test]
fn more_events_than_fit_are_refused_before_they_are_searched() {
    let pointers = format!("int r = READ_ONCE(*x); {}", "r = READ_ONCE(*r);".repeat(1_000));
    let report = check(false, &vec![pointers; 20], "exists (x=1)");
    assert!(message(&report).contains("at most 1024"), "{}", message(&report));
}

#[test]
fn forty_writes_to_a_location_keep_to_the_deadline() {
    let bodies: Vec<String> = (1..=40).map(|i| format!("WRITE_ONCE(*x, {i});")).collect();
    assert!(message(&check(false, &bodies, "exists (x=41)")).contains("--timeout"));
}

#[test]
fn paths_of_all_processes_together_are_bounded() {
    let branches: String =
        (0..14).map(|i| format!("int q{i} = READ_ONCE(*y); if (q{i}) {{ WRITE_ONCE(*x, {i}); }}")).collect();
    let report = check(false, &vec![branches; 60], "exists (x=2)");
    assert!(message(&report).contains("too long and too many"), "{}", message(&report));
}

#[test]
fn wide_expressions_are_refused() {
    let report = check(false, &[format!("int r = {};", sum("*x", 15))], "exists (x=2)");
    assert!(message(&report).contains("operands"), "{}", message(&report));
}

#[test]
fn a_huge_condition_keeps_to_the_deadline() {
    let ring = ["WRITE_ONCE(*x, 1); int r = READ_ONCE(*y);", "WRITE_ONCE(*y, 1); int r = READ_ONCE(*x);"];
    let bodies: Vec<String> = ring.iter().cycle().take(10).map(ToString::to_string).collect();
    let atoms: Vec<String> = (0..30_000).map(|i| format!("(x={i} /\\ 0:r={i})")).collect();
    check(true, &bodies, &format!("exists ({})", atoms.join(" \\/ ")));
    check(false, &bodies, &format!("filter ({}) exists (x=1)", atoms.join(" \\/ ")));
}

#[test]
fn lines_of_a_long_comment_are_looked_at_once() {
    let lines = "\n * Result: Always".repeat(50_000);
    let report = check(false, &["WRITE_ONCE(*x, 1);".into()], &format!("exists (x=1) (*{lines} *)"));
    assert!(report.executions().is_some(), "{:?}", report.answer);
}

#[test]
fn arithmetic_at_the_limits_wraps_and_division_by_zero_is_an_error() {
    let limits =
        "int r = READ_ONCE(*x); int a = 2147483647 + 1; int b = -2147483648 / -1; int c = (r - 2147483647) - 2;";
    let report = check(false, &[limits.into()], "exists (0:a=-2147483648 /\\ 0:b=-2147483648 /\\ 0:c=2147483647)");
    assert_eq!(report.executions().map(|o| o.positive), Some(1), "{:?}", report.answer);
    let report = check(false, &["int r = READ_ONCE(*x); int a = 1 / r;".into()], "exists (0:a=1)");
    assert!(message(&report).contains("illegal operation / on 1 and 0"), "{}", message(&report));
}

//! Every rendering of a few hand-made reports, against the files in `tests/golden`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p lkmm-report` rewrites the files; read the difference before you commit it.

use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::graph::{Event, Execution};
use lkmm_model::program::{Location, Observable, Program, Proposition, Term, Thread, Value};
use lkmm_report::diagram::{Diagram, Node};
use lkmm_report::pictures::{self, Drawn};
use lkmm_report::{
    Answer, Expectation, Origin, Palette, Problem, Quantifier, Report, Test, dot, herd, html, human, json, svg, witness,
};
use lkmm_search::{Outcome, Verdict};
use std::io::Write;
use std::path::Path;
use std::time::Duration;

const SB: &str = "C SB

{}

P0(int *x, int *y)
{
	WRITE_ONCE(*x, 1);
	int r0 = READ_ONCE(*y);
}

P1(int *x, int *y)
{
	WRITE_ONCE(*y, 1);
	smp_mb();
	int r0 = READ_ONCE(*x);
}

exists (0:r0=0 /\\ 1:r0=0)
";

/// The first place where the source says `text`.
fn origin(source: &str, text: &str) -> Origin {
    let start = source.find(text).unwrap_or_else(|| panic!("`{text}` is in the source"));
    Origin { span: start..start + text.len(), text: text.into() }
}

fn location(name: &str) -> Location {
    Location { name: name.into(), init: Value::Int(0) }
}

fn register(thread: u32) -> Term {
    Term::Final(Observable::Register(thread, 0))
}

fn store_buffering() -> Test {
    let zero = |t| Proposition::Equal(register(t), Term::Const(Value::Int(0)), true);
    let thread = || Thread { registers: vec!["r0".into()], paths: Vec::new() };
    Test {
        name: "SB".into(),
        program: Program {
            locations: vec![location("x"), location("y")],
            threads: vec![thread(), thread()],
            condition: Some(Proposition::And(vec![zero(0), zero(1)])),
            observed: vec![Observable::Register(0, 0), Observable::Register(1, 0)],
            ..Program::default()
        },
        quantifier: Quantifier::Exists,
        condition: "exists (0:r0=0 /\\ 1:r0=0)".into(),
        observed: vec!["0:r0".into(), "1:r0".into()],
        formats: Vec::new(),
        origins: vec![
            Origin::default(),
            origin(SB, "WRITE_ONCE(*x, 1)"),
            origin(SB, "int r0 = READ_ONCE(*y)"),
            origin(SB, "WRITE_ONCE(*y, 1)"),
            origin(SB, "smp_mb()"),
            origin(SB, "int r0 = READ_ONCE(*x)"),
        ],
        expectation: Some(expected(Verdict::Sometimes)),
        warnings: Vec::new(),
    }
}

fn event(label: Label, thread: Option<u32>, location: Option<u32>, value: Option<i32>, origin: u32) -> Event {
    Event { label, thread, location, value: value.map(Value::Int), atomic: false, origin }
}

fn store_buffering_witness() -> Execution {
    let (read, write) = (Label::Read(Mode::Once), Label::Write(Mode::Once));
    Execution {
        events: vec![
            event(Label::Init, None, Some(0), Some(0), 0),
            event(Label::Init, None, Some(1), Some(0), 0),
            event(write, Some(0), Some(0), Some(1), 1),
            event(read, Some(0), Some(1), Some(0), 2),
            event(write, Some(1), Some(1), Some(1), 3),
            event(Label::Fence(Fence::Mb), Some(1), None, None, 4),
            event(read, Some(1), Some(0), Some(0), 5),
        ],
        po: vec![(2, 3), (4, 5), (4, 6), (5, 6)],
        rf: vec![(0, 6), (1, 3)],
        co: vec![(0, 2), (1, 4)],
        finals: vec![Value::Int(0), Value::Int(0)],
        ..Execution::default()
    }
}

fn outcome(states: &[&[i32]]) -> Outcome {
    let holds = |state: &[i32]| state.iter().all(|&v| v == 0);
    Outcome {
        positive: states.iter().filter(|s| holds(s)).count() as u64,
        negative: states.iter().filter(|s| !holds(s)).count() as u64,
        states: states.iter().map(|s| (s.iter().map(|&v| Value::Int(v)).collect(), 1)).collect(),
        ..Outcome::default()
    }
}

fn expected(verdict: Verdict) -> Expectation {
    Expectation { verdict, deadlock: false, data_race: false }
}

fn report(answer: Answer) -> Report {
    Report {
        file: "litmus/SB.litmus".into(),
        model: "lkmm-6.12".into(),
        source: SB.into(),
        test: Some(store_buffering()),
        answer,
        time: Duration::from_micros(15_234),
        ..Report::default()
    }
}

fn sometimes() -> Report {
    let mut outcome = outcome(&[&[1, 1], &[0, 1], &[1, 0], &[0, 0]]);
    outcome.witness = Some(Box::new(store_buffering_witness()));
    report(Answer::Executions(outcome))
}

fn mismatch() -> Report {
    let mut r = sometimes();
    if let Some(test) = &mut r.test {
        test.expectation = Some(expected(Verdict::Never));
    }
    if let Answer::Executions(outcome) = &mut r.answer {
        outcome.flags.insert("mixed-accesses");
        outcome.thin_air = true;
    }
    r
}

fn never() -> Report {
    let mut r = report(Answer::Executions(outcome(&[&[1, 1], &[0, 1], &[1, 0]])));
    if let Some(test) = &mut r.test {
        test.quantifier = Quantifier::NotExists;
        test.condition = "~exists (0:r0=0 /\\ 1:r0=0)".into();
        test.expectation = None;
    }
    r
}

fn verdict_only() -> Report {
    report(Answer::Verdict(Outcome { positive: 1, negative: 1, ..Outcome::default() }))
}

fn truncated() -> Report {
    let mut r = report(Answer::Executions(Outcome { truncated: true, ..Outcome::default() }));
    if let Some(test) = &mut r.test {
        test.expectation = None;
        test.quantifier = Quantifier::Forall;
        test.condition = "forall (0:r0=0)".into();
    }
    r
}

fn timeout() -> Report {
    report(Answer::Timeout("no answer within 5.0 s".into()))
}

fn error() -> Report {
    let at = SB.find("READ_ONCE").unwrap_or(0);
    let problem = Problem { span: Some(at..at + 9), ..Problem::new("Unknown macro READ_ONCE").with_help("mend it") };
    Report { test: None, ..report(Answer::Error(problem)) }
}

/// Lock hand-over, an atomic operation in a loop, and more text than fits side by side.
fn crowded() -> Report {
    let source =
        "\n\n\nspin_lock(s);\nr1 = atomic_add_return(1, a_counter_with_a_rather_long_name);\nspin_unlock(s);\n";
    let texts = ["spin_lock(s)", "r1 = atomic_add_return(1, a_counter_with_a_rather_long_name)", "spin_unlock(s)"];
    let mut x = Execution {
        events: vec![event(Label::Init, None, Some(0), None, 0), event(Label::Init, None, Some(1), Some(0), 0)],
        ..Execution::default()
    };
    for thread in 0..3 {
        let base = x.events.len() as u32;
        let step = |label, location, value, origin| event(label, Some(thread), location, value, origin);
        let before = thread as i32;
        x.events.extend([
            step(Label::LockRead, Some(0), None, 1),
            step(Label::LockWrite, Some(0), None, 1),
            step(Label::Fence(Fence::Mb), None, None, 2),
            step(Label::Read(Mode::Once), Some(1), Some(before), 2),
            step(Label::Write(Mode::Once), Some(1), Some(before + 1), 2),
            step(Label::Fence(Fence::Mb), None, None, 2),
            step(Label::Unlock, Some(0), None, 3),
        ]);
        x.rmw.push((base + 3, base + 4));
        let previous = base.checked_sub(7).filter(|_| thread > 0);
        x.rf.push((previous.map_or(0, |p| p + 6), base));
        x.rf.push((previous.map_or(1, |p| p + 4), base + 3));
    }
    let lock_order = [0, 3, 8, 10, 15, 17, 22];
    let counter_order = [1, 6, 13, 20];
    for order in [&lock_order[..], &counter_order[..]] {
        for (i, &a) in order.iter().enumerate() {
            x.co.extend(order[i + 1..].iter().map(|&b| (a, b)));
        }
    }
    let program = Program {
        locations: vec![location("s"), location("a_counter_with_a_rather_long_name")],
        observed: vec![Observable::Location(1)],
        ..Program::default()
    };
    let states = [(vec![Value::Int(3)], 6)].into_iter().collect();
    x.finals = vec![Value::Int(3)];
    let mut origins: Vec<Origin> = texts.iter().map(|t| origin(source, t)).collect();
    origins.insert(0, Origin::default());
    Report {
        source: source.into(),
        test: Some(Test {
            name: "crowded".into(),
            program,
            condition: "exists ([a_counter_with_a_rather_long_name]=3)".into(),
            observed: vec!["[a_counter_with_a_rather_long_name]".into()],
            origins,
            ..Test::default()
        }),
        answer: Answer::Executions(Outcome { positive: 6, states, witness: Some(Box::new(x)), ..Outcome::default() }),
        ..Report::default()
    }
}

fn check(name: &str, render: impl Fn(&mut dyn Write) -> std::io::Result<()>) {
    let mut text = Vec::new();
    render(&mut text).expect("a vector takes every write");
    let text = String::from_utf8(text).expect("renderings are UTF-8");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, golden, "{name} differs; UPDATE_GOLDEN=1 rewrites it");
}

fn all() -> [Report; 7] {
    [sometimes(), mismatch(), never(), verdict_only(), truncated(), timeout(), error()]
}

#[test]
fn herd_text() {
    check("herd.txt", |out| all().iter().try_for_each(|r| herd::write(out, r)));
    check("herd-warnings.txt", |out| all().iter().try_for_each(|r| herd::write_warnings(out, r)));
}

#[test]
fn json_lines() {
    check("lines.jsonl", |out| all().iter().try_for_each(|r| json::write(out, r)));
}

#[test]
fn human_lines() {
    let render = |out: &mut dyn Write, palette: &Palette| {
        let mut summary = human::Summary::default();
        for r in &all() {
            human::write_line(out, r, palette)?;
            summary.add(r);
        }
        writeln!(out)?;
        all().iter().try_for_each(|r| human::write_mismatch(out, r, palette))?;
        writeln!(out)?;
        summary.write(out, Duration::from_millis(1_234), palette)
    };
    check("human.txt", |out| render(out, &Palette::plain()));
    check("human-colours.txt", |out| render(out, &Palette::colours()));
}

#[test]
fn witnesses() {
    let palette = Palette::plain();
    check("witness.txt", |out| witness::write(out, &sometimes(), &palette));
    check("witness-none.txt", |out| witness::write(out, &never(), &palette));
    check("witness-crowded.txt", |out| witness::write(out, &crowded(), &palette));
}

#[test]
fn pictures() {
    let diagram = |report: &Report| {
        let execution = report.outcome().and_then(|outcome| outcome.witness.as_deref()).expect("there is a witness");
        let drawn = Drawn { execution: execution.clone(), ..Drawn::default() };
        pictures::diagram(report, &drawn).expect("there is a test")
    };
    for (name, report) in [("witness", sometimes()), ("witness-crowded", crowded())] {
        let diagram = diagram(&report);
        check(&format!("{name}.svg"), |out| out.write_all(svg::draw(&diagram).as_bytes()));
        check(&format!("{name}.dot"), |out| out.write_all(dot::draw(&diagram).as_bytes()));
        let page = html::Page { heading: "the witness".into(), diagram };
        let album = html::Album { title: name.into(), pages: vec![page], source: report.source, ..Default::default() };
        check(&format!("{name}.html"), |out| out.write_all(html::draw(&album).as_bytes()));
    }
}

#[test]
fn long_names_are_cut_and_told_in_full() {
    let long = "x".repeat(200);
    let node = Node { text: long.clone(), source: long.clone(), ..Node::default() };
    let diagram = Diagram { columns: vec!["P0".into()], nodes: vec![node], ..Diagram::default() };
    let picture = svg::draw(&diagram);
    assert_eq!(picture.matches(&long).count(), 2, "{picture}");
    assert_eq!(picture.matches("xxx…").count(), 2, "{picture}");
}

#[test]
fn witnesses_keep_to_a_hundred_columns() {
    for r in [sometimes(), crowded()] {
        let mut text = Vec::new();
        witness::write(&mut text, &r, &Palette::plain()).expect("a vector takes every write");
        let text = String::from_utf8(text).expect("renderings are UTF-8");
        let long: Vec<&str> = text.lines().filter(|l| l.chars().count() > 100).collect();
        assert!(long.is_empty(), "{long:#?}");
    }
}

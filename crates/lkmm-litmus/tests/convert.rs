//! Every test of the shared corpus and of the project, converted to Rust, and back to C, has the same verdict, states, counts and
//! flags; so have the kernel's own tests with each process once in Rust and the others in C. What cannot be converted is
//! on the list that `lkmm_litmus::convert` documents.
//!
//! Each check may take `LKMM_SECONDS` (default 0.5); of a test that does not end in that time, the control paths are compared
//! alone. `LKMM_CONVERTED=DIR` writes the converted tests there.

use lkmm_litmus::{Language, Options, Settings, check, convert, convert_process, parse};
use lkmm_model::models;
use lkmm_model::program::Path as ControlPath;
use lkmm_report::{Answer, Position, Problem, Report, Test};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// The tests of a folder that herd7 accepts.
fn corpus(part: &str) -> Option<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus").join(part);
    let records = std::fs::read_to_string(folder.join("expected.jsonl")).ok()?;
    let records = records.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let accepted = records.filter(|record| record["herd"] != "rejected");
    Some(accepted.map(|record| folder.join("tests").join(record["file"].as_str().unwrap())).collect())
}

/// The project's own tests.
fn own() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../litmus");
    let expected = std::fs::read_to_string(folder.join("EXPECTED")).unwrap();
    expected.lines().map(|line| folder.join(line.split_whitespace().next().unwrap())).collect()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

fn checked(source: &str) -> Report {
    let seconds = std::env::var("LKMM_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(0.5);
    let settings = Settings {
        timeout: Some(Duration::from_secs_f64(seconds)),
        ..Settings::new(models::by_name("lkmm").expect("it is always there"))
    };
    check("test", source, &settings)
}

/// What a test comes to, to compare.
#[derive(PartialEq)]
enum Result {
    Executions(Box<(u64, u64, Vec<String>, String)>),
    Error(String),
    Late,
}

fn result(report: &Report) -> Result {
    match &report.answer {
        Answer::Executions(outcome) | Answer::Verdict(outcome) => {
            let states = outcome.states.iter().map(|state| format!("{state:?}")).collect();
            let flags = format!("{:?} {:?}", outcome.flags, outcome.verdict());
            Result::Executions(Box::new((outcome.positive, outcome.negative, states, flags)))
        }
        Answer::Timeout(_) => Result::Late,
        Answer::Error(problem) => Result::Error(problem.message.clone()),
    }
}

/// What of a control path does not depend on how it is written: its events, dependencies and pairs.
fn shapes(test: &Test) -> Vec<Vec<String>> {
    let shape = |path: &ControlPath| {
        let events: Vec<_> = path.events.iter().map(|event| (event.label, event.atomic)).collect();
        let finals: Vec<_> = path.finals.iter().map(|&value| mem::discriminant(&path.exprs[value as usize])).collect();
        format!(
            "{events:?} {:?} {:?} {:?} {:?} {} {finals:?}",
            path.addr, path.data, path.ctrl, path.rmw, path.truncated
        )
    };
    let threads = test.program.threads.iter();
    threads
        .map(|thread| {
            let mut shapes: Vec<String> = thread.paths.iter().map(shape).collect();
            shapes.sort();
            shapes
        })
        .collect()
}

fn rendered(problem: &Problem, source: &str) -> String {
    let position = Position::of(source, problem.span.clone().map_or(0, |span| span.start));
    let line = source.lines().nth(position.line.saturating_sub(1)).unwrap_or("");
    format!("{}:{}: {} | {line}", position.line, position.column, problem.message)
}

/// Compares a converted test with the original.
fn compare(original: &str, expected: &Result, converted: &str) -> std::result::Result<(), String> {
    let report = checked(converted);
    match (expected, result(&report)) {
        (Result::Late, _) | (_, Result::Late) => {
            let read = |source: &str| parse(source, &Options::default()).map_err(|p| rendered(&p, source));
            if shapes(&read(original)?) == shapes(&read(converted)?) {
                Ok(())
            } else {
                Err("other control paths".into())
            }
        }
        (Result::Error(_), Result::Error(_)) => Ok(()),
        (_, Result::Error(message)) => {
            let span = match &report.answer {
                Answer::Error(problem) => rendered(problem, converted),
                _ => message,
            };
            Err(format!("is refused: {span}\n{converted}"))
        }
        (a, b) if *a == b => Ok(()),
        (Result::Executions(a), Result::Executions(b)) => {
            Err(format!("{} {} {:?} became {} {} {:?}\n{converted}", a.0, a.1, a.3, b.0, b.1, b.3))
        }
        _ => Err("another kind of answer".into()),
    }
}

#[derive(Default)]
struct Tally {
    tests: usize,
    converted: usize,
    late: usize,
    refused: BTreeMap<String, Vec<String>>,
    wrong: Vec<String>,
}

/// Converts tests there and back.
fn there_and_back(paths: &[PathBuf]) -> Tally {
    let (tally, next) = (Mutex::new(Tally::default()), AtomicUsize::new(0));
    let work = || {
        while let Some(path) = paths.get(next.fetch_add(1, Ordering::Relaxed)) {
            let source = read(path);
            let name = path.display().to_string();
            let expected = result(&checked(&source));
            let mut wrong = Vec::new();
            let rust = convert(&source, Language::Rust);
            if let Ok(rust) = &rust {
                write(path, rust, "rust");
                wrong.extend(compare(&source, &expected, rust).err().map(|e| format!("{name} in Rust {e}")));
                match convert(rust, Language::C) {
                    Ok(c) => {
                        write(path, &c, "c");
                        wrong.extend(compare(&source, &expected, &c).err().map(|e| format!("{name} back in C {e}")));
                    }
                    Err(problem) => wrong.push(format!("{name} back in C: {}\n{rust}", rendered(&problem, rust))),
                }
            }
            let mut tally = tally.lock().unwrap();
            tally.tests += 1;
            tally.late += usize::from(expected == Result::Late);
            match rust {
                Ok(_) => tally.converted += 1,
                Err(problem) => {
                    tally
                        .refused
                        .entry(problem.message.clone())
                        .or_default()
                        .push(format!("{name}:{}", rendered(&problem, &source)));
                }
            }
            tally.wrong.extend(wrong);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, |n| n.get()) {
            scope.spawn(work);
        }
    });
    tally.into_inner().unwrap()
}

fn write(path: &Path, text: &str, what: &str) {
    if let Some(folder) = std::env::var_os("LKMM_CONVERTED") {
        let folder = Path::new(&folder).join(what);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(path.file_name().unwrap()), text).unwrap();
    }
}

fn report(tally: &Tally, what: &str, least: f64) {
    let share = tally.converted as f64 / tally.tests as f64;
    println!(
        "{what}: {} tests, {} converted ({:.2} %), {} late",
        tally.tests,
        tally.converted,
        share * 100.0,
        tally.late
    );
    println!("refused: {:#?}", tally.refused);
    assert!(tally.wrong.is_empty(), "{} wrong:\n{}", tally.wrong.len(), tally.wrong.join("\n"));
    assert!(share >= least, "only {:.2} % of {what} convert", share * 100.0);
}

/// Tests whose text in both languages is kept in `tests/converted/`. With `UPDATE_EXPECT=1` in the environment it is written.
const KEPT: [&str; 10] = [
    "atomics/values-add-unless",
    "dependencies/LB+ctrl-after-join+data",
    "locks/trylock-may-fail",
    "plain/trylock-protected",
    "rcu/publish-subscribe",
    "rust/MP+sections",
    "rust/dep+plain",
    "srcu/down-up-two-cpus",
    "values/array-elements",
    "values/while-spin",
];

#[test]
fn what_is_written_reads_well() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut wrong = Vec::new();
    for name in KEPT {
        let source = read(&root.join("../../litmus").join(format!("{name}.litmus")));
        let rust = convert(&source, Language::Rust).unwrap();
        let texts = [("rust", rust.clone()), ("c", convert(&rust, Language::C).unwrap())];
        for (language, text) in texts {
            let kept = root.join(format!("tests/converted/{}.{language}.litmus", name.replace('/', "-")));
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                std::fs::write(kept, text).unwrap();
            } else if std::fs::read_to_string(&kept).unwrap_or_default() != text {
                wrong.push(format!("{}:\n{text}", kept.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_corpus_is_the_same_in_rust() {
    let (Some(mut paths), Some(sample)) = (corpus("kernel"), corpus("sample")) else {
        println!("SKIPPED: the shared corpus is not here");
        return;
    };
    paths.extend(sample);
    report(&there_and_back(&paths), "the corpus", 0.98);
}

#[test]
fn the_projects_tests_are_the_same_in_rust() {
    report(&there_and_back(&own()), "the project's tests", 0.9);
}

/// Where a location holds its own address, or one of what points back, no type of pointers fits every use.
#[test]
fn pointers_to_what_holds_pointers_of_the_same_kind() {
    let list = r"C list
{ int *head = &a; int *a = &b; int *b; }
P0(int **head, int **a, int **b) { int *r0; int *r1; rcu_read_lock(); r0 = rcu_dereference(*head); r1 = rcu_dereference(*r0); rcu_read_unlock(); }
P1(int **head, int **a, int **b) { rcu_assign_pointer(*head, b); synchronize_rcu(); WRITE_ONCE(*a, 0); }
exists (0:r0=a /\ 0:r1=0)";
    let own = r"C own
{ int *q = &x; int *p = &y; }
P0(int **q, int *y, int *z) { smp_store_release(q, z); WRITE_ONCE(*y, 3); }
P1(int **q, int *y) { int r0; int *r1; r0 = READ_ONCE(*y); r1 = smp_load_acquire(q); *y = r0; }
filter ([y] = y \/ [z] = 0)
exists (~(1:r0 = 1))";
    for source in [list, own] {
        let expected = result(&checked(source));
        assert!(matches!(expected, Result::Executions(_)), "{source}");
        let rust = convert(source, Language::Rust).unwrap();
        compare(source, &expected, &rust).unwrap();
        compare(source, &expected, &convert(&rust, Language::C).unwrap()).unwrap();
    }
}

#[test]
fn the_kernels_tests_are_the_same_with_each_process_in_rust() {
    let Some(paths) = corpus("kernel") else {
        println!("SKIPPED: the shared corpus is not here");
        return;
    };
    let (mut count, mut wrong) = (0, Vec::new());
    for path in paths {
        let source = read(&path);
        let expected = result(&checked(&source));
        let processes = parse(&source, &Options::default()).unwrap().program.threads.len();
        for process in 0..processes {
            let name = format!("{} with P{process} in Rust", path.display());
            match convert_process(&source, process, Language::Rust) {
                Ok(mixed) => wrong.extend(compare(&source, &expected, &mixed).err().map(|e| format!("{name} {e}"))),
                Err(problem) => wrong.push(format!("{name}: {}", rendered(&problem, &source))),
            }
            count += 1;
        }
    }
    println!("{count} mixed tests");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What a condition compares with an address need hold none: the statements decide on types, and no type contains itself.
#[test]
fn a_condition_decides_on_no_type_that_statements_decide_on() {
    let sources = [
        // Would be a pointer to itself by its condition.
        "C a\n{ int *p = &x; }\nP0(int *x, int **p) { int r0; r0 = READ_ONCE(*x); }\n\
         P1(int *x, int **p) { int *r0; r0 = READ_ONCE(*p); WRITE_ONCE(*x, 3); }\nlocations [x; p; 1:r0;]\nexists (0:r0 = x)\n",
        // By its statements.
        "C b\n{ int *p = &x; }\nP0(int *x, int **p, int *y) { int r0; int *r1; r1 = READ_ONCE(*p); r0 = READ_ONCE(*r1); r1 = r0; \
         WRITE_ONCE(*y, r1); }\nP1(int *x, int **p, int *y) { int r0; WRITE_ONCE(*x, 4); r0 = READ_ONCE(*y); WRITE_ONCE(*p, y); }\n\
         exists (1:r0 = 4 /\\ 0:r0 = 0)\n",
        // Holds numbers by its statements, and an address by its condition.
        "C c\n{ int *p = &z; int *q = &y; }\nP0(int *x, int *y, int *z, int **p, int **q) { WRITE_ONCE(*x, 2); *q = x; }\n\
         P1(int *x, int *y, int *z, int **p, int **q) { int r0; r0 = READ_ONCE(*z); WRITE_ONCE(*q, z); }\n\
         locations [1:r0; x; q; z;]\nexists (z = y)\n",
    ];
    for source in sources {
        let expected = result(&checked(source));
        assert!(matches!(expected, Result::Executions(_)), "{source}");
        let rust = convert(source, Language::Rust).unwrap();
        compare(source, &expected, &rust).unwrap();
        let back = convert(&rust, Language::C).unwrap();
        compare(source, &expected, &back).unwrap();
    }
}

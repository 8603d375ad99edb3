//! Tests as programs for real machines: what is generated, and what is refused. (`cargo xtask run` runs them.)

use lkmm_litmus::hardware::{Sources, cargo_project, sources};
use lkmm_litmus::{Language, Settings, convert};
use lkmm_report::Problem;

fn generated(source: &str) -> Result<Sources, Problem> {
    sources("test.litmus", source, &Settings::new(lkmm_model::models::lkmm()))
}

fn refusal(source: &str) -> (String, Option<String>) {
    let problem = generated(source).expect_err("refused");
    (problem.message, problem.span.map(|span| source[span].to_string()))
}

const MP: &str = "C MP\n{}\nP0(int *x, int *y) { *x = 1; smp_store_release(y, 1); }\n\
    P1(int *x, int *y) { int r0 = smp_load_acquire(y); int r1; if (r0) { r1 = READ_ONCE(*x); } }\nexists (1:r0=1 /\\ 1:r1=0)";

#[test]
fn statements_keep_their_source_and_their_width() {
    let test = generated(MP).expect("runs").test;
    for line in [
        "/* *x = 1; */",
        "PLAIN_WRITE4(r0_x, INT64_C(1));",
        "smp_store_release4(r1_y, INT64_C(1));",
        "= smp_load_acquire4(r1_y);",
        "registers[0] = r2_r0;",
        "return ((state[0] == INT64_C(1)) && (state[1] == INT64_C(0)));",
    ] {
        assert!(test.contains(line), "{line} is missing:\n{test}");
    }
}

#[test]
fn the_states_of_the_model_go_with_it() {
    let test = generated(MP).expect("runs").test;
    assert!(test.contains("static const int answers[] = { LKMM_ALLOWED, LKMM_ALLOWED };"), "{test}");
    let race = MP.replace("smp_store_release(y, 1)", "WRITE_ONCE(*y, 1)");
    let test = generated(&race).expect("runs").test;
    assert!(test.contains(".unjudged = \"the test has a data race"), "{test}");
}

#[test]
fn numbers_that_the_machine_compares_otherwise_than_the_model_are_not_judged() {
    let source = "Rust a\n{ x = 1 }\nfn P0(x: &Atomic<u64>) { let r0 = x.fetch_sub(1, Full); if r0 > 5 { x.store(7, Relaxed); } }\nexists (x=7)";
    let test = generated(source).expect("runs").test;
    assert!(test.contains(".unjudged = \"numbers without a sign"), "{test}");
    // All bits of it are set.
    let test = generated(&source.replace("u64", "i64").replace("x = 1 ", "x = -1 ")).expect("runs").test;
    assert!(test.contains(".unjudged = \"numbers without a sign"), "{test}");
    assert!(test.contains("PLAIN_WRITE8((int64_t)cells[0] + 0, INT64_C(-1));"), "{test}");
    for judged in [
        source.replace("u64", "i32"),
        source.replace("r0 > 5", "r0 == 5"),
        source.replace("u64", "u16").replace("fetch_sub(1, Full)", "load(Relaxed)"),
    ] {
        let test = generated(&judged).expect("runs").test;
        assert!(test.contains(".unjudged = NULL"), "{judged}");
    }
}

#[test]
fn addresses_are_wide() {
    let source = "C p\n{ int *p = &x; }\nP0(int **p, int *y) { rcu_assign_pointer(*p, y); }\n\
        P1(int **p) { int *r0 = rcu_dereference(*p); int r1 = READ_ONCE(*r0); }\nexists (1:r0=y)";
    let test = generated(source).expect("runs").test;
    for line in ["smp_store_release8(r0_p, r1_y);", "= READ_ONCE8(r0_p);", "= READ_ONCE4(r1_r0);", "LKMM_ADDRESS("] {
        assert!(test.contains(line), "{line} is missing:\n{test}");
    }
}

#[test]
fn processes_in_rust_keep_their_text() {
    let rust = convert(MP, Language::Rust).expect("Rust");
    let sources = generated(&rust).expect("runs");
    let processes = sources.processes.as_deref().expect("processes in Rust");
    assert!(processes.contains("fn P1(lkmm_registers: Registers, x: "), "{processes}");
    assert!(processes.contains("lkmm_registers.set(1, r1.into_register());"), "{processes}");
    assert!(sources.test.contains("lkmm_rust_P0((char **)cells, registers);"), "{}", sources.test);
    let project = cargo_project(&sources);
    let has = |path: &str| project.iter().any(|(known, _)| known == path);
    assert!(has("Cargo.toml") && has("build.rs") && has("src/processes.rs") && has("c/kernel.h"));
    assert!(generated(MP).expect("runs").processes.is_none());
}

#[test]
fn what_cannot_run_is_refused_with_its_place() {
    let bytes = "C a\n{ char a[2] = {1,2}; }\nP0(char *a) { int r0 = READ_ONCE(*a); }\nexists (0:r0=1)";
    assert_eq!(refusal(bytes).1.as_deref(), Some("a[2]"));
    let deadlock =
        "C d\n{}\nP0(spinlock_t *l, int *x) { spin_lock(l); spin_lock(l); WRITE_ONCE(*x, 1); }\nexists (x=1)";
    assert!(refusal(deadlock).0.contains("no execution"), "{}", refusal(deadlock).0);
    let lock = "C l\n{}\nP0(spinlock_t *l, int *x) { spin_lock(l); spin_unlock(l); }\nP1(spinlock_t *l) { int r0 = READ_ONCE(*l); }\nexists (1:r0=1)";
    assert!(refusal(lock).1.is_some_and(|place| place.contains("READ_ONCE(*l)")));
    let both = "C r\n{}\nP0(int *x) { rcu_read_lock(); WRITE_ONCE(*x, 1); rcu_read_unlock(); }\n\
        fn P1(x: &Atomic<i32>) { synchronize_rcu(); let r0 = x.load(Relaxed); }\nexists (1:r0=1)";
    assert_eq!(refusal(both).1.as_deref(), Some("P1"));
    let narrow = "Rust n\n{}\nfn P0(x: &Atomic<i8>) { x.store(1, Relaxed); }\nexists (x=1)";
    assert_eq!(refusal(narrow).1.as_deref(), Some("<i8>"));
    assert_eq!(refusal("C broken\n{}\nP0() { int r = !1; }").1.as_deref(), Some("!"));
}

//! What Rust comes to: each construct against C that means the same, by the control paths of both.

use lkmm_litmus::{Options, Settings, check, parse};
use lkmm_model::models;
use lkmm_model::program::Path;
use lkmm_report::{Position, Test};

fn read(source: &str) -> Test {
    parse(source, &Options::default()).unwrap_or_else(|e| {
        let position = Position::of(source, e.span.clone().map_or(0, |span| span.start));
        panic!("{}:{}: {e} ({:?})\n{source}", position.line, position.column, e.help)
    })
}

/// Events, dependencies, pairs and final values, by path.
fn shapes(test: &Test) -> Vec<String> {
    let shape = |path: &Path| {
        let events: Vec<_> = path.events.iter().map(|event| (event.label, event.atomic)).collect();
        let finals: Vec<_> = path.finals.iter().map(|&f| path.exprs[f as usize]).map(value).collect();
        format!(
            "{events:?} addr {:?} data {:?} ctrl {:?} rmw {:?} unordered {:?} cut {} {finals:?}",
            path.addr, path.data, path.ctrl, path.rmw, path.unordered, path.truncated
        )
    };
    let mut shapes: Vec<String> = test.program.threads[0].paths.iter().map(shape).collect();
    shapes.sort();
    shapes
}

/// A final value, as far as it does not depend on how expressions are numbered.
fn value(expr: lkmm_model::program::Expr) -> String {
    match expr {
        lkmm_model::program::Expr::Op(op, ..) => format!("{op:?}"),
        other => format!("{other:?}"),
    }
}

const C: &str = "int *x, int *y, int **q, spinlock_t *s, spinlock_t *t, struct srcu_struct *d";
const RUST: &str =
    "x: &Atomic<i32>, y: &Atomic<i32>, q: &Atomic<*mut i32>, s: &SpinLock<()>, t: &SpinLock<()>, d: &srcu::Domain";

/// Both bodies have the same control paths, and leave the same in `r0`.
#[track_caller]
fn same(c: &str, rust: &str) {
    let asked = |text: &str| if text.contains("r0") { "locations [0:r0]" } else { "" };
    let c = format!("C c\n{{ q=x; }}\nP0({C}) {{ {c} }}\n{}\n", asked(rust));
    let rust = format!("Rust rust\n{{ q=x; }}\nfn P0({RUST}) {{ {rust} }}\n{}\n", asked(rust));
    assert_eq!(shapes(&read(&c)), shapes(&read(&rust)), "\n{c}\n{rust}");
}

#[test]
fn atomics_are_the_kernels() {
    same("int r0 = READ_ONCE(*x);", "let r0 = x.load(Relaxed);");
    same("int r0 = smp_load_acquire(x);", "let r0 = x.load(Acquire);");
    same("WRITE_ONCE(*x, 1); smp_store_release(y, 1);", "x.store(1, Relaxed); y.store(1, ordering::Release);");
    for (c, rust) in [("", "Full"), ("_relaxed", "Relaxed"), ("_acquire", "Acquire"), ("_release", "Release")] {
        same(&format!("int r0 = xchg{c}(x, 1);"), &format!("let r0 = x.xchg(1, {rust});"));
        let found = format!("let r0 = x.cmpxchg(1, 2, {rust}).unwrap_or_else(|old| old);");
        same(&format!("int r0 = cmpxchg{c}(x, 1, 2);"), &found);
        same(&format!("int r0 = atomic_fetch_add{c}(2, x);"), &format!("let r0 = x.fetch_add(2, {rust});"));
        same(&format!("int r0 = atomic_fetch_sub{c}(2, x);"), &format!("let r0 = x.fetch_sub(2, {rust});"));
    }
    same("atomic_add(2, x);", "x.add(2, Relaxed);");
    same("int r0 = atomic_add_unless(x, 1, 5);", "let r0 = x.add_unless(1, 5, Full) as i32;");
    same("int r0 = atomic_dec_and_test(x);", "let r0 = x.fetch_sub(1, Full) == 1;");
    same("(void) xchg(x, 1);", "x.xchg(1, Full);");
}

#[test]
fn barriers_are_the_kernels() {
    for barrier in [
        "smp_mb",
        "smp_rmb",
        "smp_wmb",
        "barrier",
        "smp_mb__before_atomic",
        "smp_mb__after_atomic",
        "smp_mb__after_spinlock",
        "smp_mb__after_unlock_lock",
        "smp_mb__after_srcu_read_unlock",
        "synchronize_rcu",
    ] {
        same(&format!("{barrier}();"), &format!("{barrier}();"));
        same(&format!("{barrier}();"), &format!("lkmm::barrier::{barrier}();"));
    }
    same("synchronize_srcu(d);", "d.synchronize();");
}

#[test]
fn dependencies_are_those_of_the_syntax() {
    same("int r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0 * 0);", "let r0 = x.load(Relaxed); y.store(r0 * 0, Relaxed);");
    same("WRITE_ONCE(*y, READ_ONCE(*x));", "y.store(x.load(Relaxed), Relaxed);");
    same(
        "int r0 = READ_ONCE(*x); if (r0 == 1) *y = 1;",
        "let r0 = x.load(Relaxed); if r0 == 1 { unsafe { *y.as_ptr() = 1 } }",
    );
    same("int *r1 = READ_ONCE(*q); int r0 = *r1;", "let r1 = q.load(Relaxed); let r0 = unsafe { *r1 };");
    same(
        "int r1 = READ_ONCE(*x); int r0 = READ_ONCE(*(y + (r1 ^ r1)));",
        "let r1 = x.load(Relaxed); let p = y.as_ptr().wrapping_byte_add((r1 ^ r1) as usize); \
         let r0 = unsafe { Atomic::from_ptr(p) }.load(Relaxed);",
    );
    same(
        "if (READ_ONCE(*x)) smp_mb(); else WRITE_ONCE(*y, 1);",
        "if x.load(Relaxed) != 0 { smp_mb() } else { y.store(1, Relaxed) }",
    );
    same("if (READ_ONCE(*x) == 1 & 2 > 1) smp_mb();", "if x.load(Relaxed) == 1 && 2 > 1 { smp_mb(); }");
}

#[test]
fn raw_pointers_are_plain_or_volatile() {
    same("int r0 = *x; *y = r0;", "let p = x.as_ptr(); let r0 = unsafe { *p }; unsafe { *y.as_ptr() = r0 };");
    same("int r0 = *x; *y = 1;", "let r0 = unsafe { x.as_ptr().read() }; unsafe { y.as_ptr().write(1) };");
    same(
        "int r0 = READ_ONCE(*x); WRITE_ONCE(*y, 1);",
        "let r0 = unsafe { ptr::read_volatile(x.as_ptr()) }; unsafe { y.as_ptr().write_volatile(1) };",
    );
    same("*x = *x + 1;", "unsafe { *x.as_ptr() += 1 };");
    same(
        "int r0 = READ_ONCE(*x); smp_store_release(y, 1);",
        "let r0 = unsafe { atomic_load(x.as_ptr(), Relaxed) }; unsafe { atomic_store(y.as_ptr(), 1, Release) };",
    );
    same("int r0 = xchg(x, 1);", "let r0 = unsafe { atomic::xchg(x.as_ptr(), 1, Full) };");
    same(
        "int r0 = cmpxchg(x, 0, 1);",
        "let r0 = unsafe { atomic::cmpxchg(x.as_ptr(), 0, 1, Full) }.unwrap_or_else(|old| old);",
    );
    same(
        "int *r0 = rcu_dereference(*q); rcu_assign_pointer(*q, y);",
        "let r0 = rcu::dereference(q); rcu::assign(q, y.as_ptr());",
    );
}

#[test]
fn guards_end_where_they_are_dropped() {
    let two = "spin_lock(s); spin_lock(t); smp_mb();";
    same(&format!("{two} spin_unlock(t); spin_unlock(s);"), "let a = s.lock(); let b = t.lock(); smp_mb();");
    same(&format!("{two} spin_unlock(s); spin_unlock(t);"), "let a = s.lock(); let b = t.lock(); smp_mb(); drop(a);");
    // A name that is hidden is dropped no earlier.
    same(&format!("{two} spin_unlock(t); spin_unlock(s);"), "let a = s.lock(); let a = t.lock(); smp_mb();");
    same("spin_lock(s); spin_unlock(s); smp_mb();", "let _ = s.lock(); smp_mb();");
    same("spin_lock(s); spin_unlock(s); smp_mb();", "s.lock(); smp_mb();");
    same("spin_lock(s); smp_mb(); spin_unlock(s);", "let _guard = s.lock(); smp_mb();");
    same("spin_lock(s); smp_mb(); spin_unlock(s); smp_wmb();", "{ let _guard = s.lock(); smp_mb(); } smp_wmb();");
    same("spin_lock(s); smp_mb(); spin_unlock(s); smp_wmb();", "let a = s.lock(); { let b = a; smp_mb(); } smp_wmb();");
    same("spin_lock(s); smp_mb();", "let a = s.lock(); smp_mb(); forget(a);");
    same(
        "spin_lock(s); smp_mb(); spin_unlock(s);",
        "forget(s.lock()); smp_mb(); drop(unsafe { SpinLockGuard::new(s) });",
    );
    same(
        "spin_lock(s); int r0 = READ_ONCE(*x); if (r0) { spin_unlock(s); smp_mb(); } else { smp_wmb(); spin_unlock(s); }",
        "let a = s.lock(); let r0 = x.load(Relaxed); if r0 != 0 { drop(a); smp_mb(); } else { smp_wmb(); drop(a); }",
    );
    // The value of a block is read while its guards are held.
    same(
        "spin_lock(s); int r0 = READ_ONCE(*x); spin_unlock(s); smp_mb();",
        "let r0 = { let _a = s.lock(); x.load(Relaxed) }; smp_mb();",
    );
}

#[test]
fn readers_end_where_their_guards_are_dropped() {
    same("rcu_read_lock(); smp_mb(); rcu_read_unlock();", "let _reader = rcu::read_lock(); smp_mb();");
    same("rcu_read_lock(); rcu_read_unlock(); smp_mb();", "let reader = rcu::Guard::new(); reader.unlock(); smp_mb();");
    same(
        "rcu_read_lock(); rcu_read_lock(); rcu_read_unlock(); smp_mb(); rcu_read_unlock();",
        "let a = rcu::read_lock(); let b = rcu::read_lock(); drop(b); smp_mb();",
    );
    same("int i = srcu_read_lock(d); smp_mb(); srcu_read_unlock(d, i);", "let _reader = d.read_lock(); smp_mb();");
    same(
        "int i = srcu_down_read(d); smp_mb(); srcu_up_read(d, i);",
        "let i = d.down_read(); smp_mb(); unsafe { d.up_read(i) };",
    );
}

#[test]
fn locks_that_are_tried_have_guards_perhaps() {
    same(
        "if (spin_trylock(s)) { smp_mb(); spin_unlock(s); } else smp_wmb();",
        "if let Some(_a) = s.try_lock() { smp_mb(); } else { smp_wmb(); }",
    );
    same("if (spin_trylock(s)) { spin_unlock(s); smp_mb(); }", "if let Some(a) = s.try_lock() { drop(a); smp_mb(); }");
    same(
        "int r1 = spin_trylock(s); if (r1) { smp_mb(); spin_unlock(s); }",
        "let a = s.try_lock(); if let Some(_b) = a { smp_mb(); }",
    );
    same("int r1 = spin_trylock(s); smp_mb(); if (r1) { spin_unlock(s); }", "let _a = s.try_lock(); smp_mb();");
    same(
        "int r1 = spin_trylock(s); int r0 = r1; if (r1) { spin_unlock(s); }",
        "let a = s.try_lock(); let r0 = a.is_some();",
    );
    same(
        "if (spin_trylock(s)) { smp_mb(); spin_unlock(s); } else smp_wmb();",
        "match s.try_lock() { Some(_a) => smp_mb(), None => smp_wmb() }",
    );
    same("int r0 = spin_is_locked(s);", "let r0 = s.is_locked();");
}

#[test]
fn what_a_cmpxchg_yields_is_matched() {
    let c = "if (cmpxchg(x, 0, 1) == 0) smp_mb(); else smp_wmb();";
    same(c, "if x.cmpxchg(0, 1, Full).is_ok() { smp_mb(); } else { smp_wmb(); }");
    same(c, "if let Ok(_) = x.cmpxchg(0, 1, Full) { smp_mb(); } else { smp_wmb(); }");
    same(c, "match x.cmpxchg(0, 1, Full) { Ok(_) => smp_mb(), Err(_) => smp_wmb() }");
    same(c, "if matches!(x.cmpxchg(0, 1, Full), Ok(_)) { smp_mb(); } else { smp_wmb(); }");
    same("while (cmpxchg(x, 0, 1) != 0) smp_mb();", "while x.cmpxchg(0, 1, Full).is_err() { smp_mb(); }");
    same(
        "int r1 = cmpxchg_acquire(x, 0, 1); int r0; if (r1 == 0) r0 = 7; else r0 = r1;",
        "let r0 = match x.cmpxchg(0, 1, Acquire) { Ok(_) => 7, Err(found) => found };",
    );
    same(
        "int r1 = cmpxchg(x, 0, 1); int r0 = (r1 == 0);",
        "let result = x.cmpxchg(0, 1, Full); let r0 = result.is_ok();",
    );
}

#[test]
fn branches_have_values() {
    same(
        "int r1 = READ_ONCE(*x); int r0; if (r1 == 1) r0 = 2; else r0 = 3;",
        "let r1 = x.load(Relaxed); let r0 = if r1 == 1 { 2 } else { 3 };",
    );
    same(
        "int r1 = READ_ONCE(*x); int r0; if (r1 == 1 | r1 == 2) r0 = 2; else { if (r1 >= 3 & r1 <= 5) r0 = 3; else r0 = r1; }",
        "let r1 = x.load(Relaxed); let r0 = match r1 { 1 | 2 => 2, 3..=5 => 3, n => n };",
    );
    same(
        "int r1 = READ_ONCE(*x); int r0; if (r1) r0 = 2; else r0 = 3;",
        "let r1 = x.load(Relaxed); let r0; if r1 != 0 { r0 = 2; } else { r0 = 3; }",
    );
    same("int r0 = 1; if (READ_ONCE(*x) == 0) { r0 = 2; }", "let mut r0 = 1; if x.load(Relaxed) == 0 { r0 = 2; }");
}

#[test]
fn what_a_pattern_binds_stays_as_it_was() {
    let source = "Rust kept\n{}\nfn P0(x: &Atomic<i32>) { let mut r0 = 1; let r1 = match r0 { n => { r0 = 5; n } }; }\nlocations [0:r0; 0:r1]\n";
    let test = read(source);
    let path = &test.program.threads[0].paths[0];
    let finals: Vec<_> = path.finals.iter().map(|&f| value(path.exprs[f as usize])).collect();
    assert_eq!(finals, ["Const(Int(5))", "Const(Int(1))"]);
}

#[test]
fn loops_turn_as_in_c() {
    same("while (READ_ONCE(*x) == 0) smp_mb();", "while x.load(Relaxed) == 0 { smp_mb(); }");
    same("do { smp_mb(); } while (READ_ONCE(*x) == 0);", "loop { smp_mb(); if x.load(Relaxed) != 0 { break; } }");
    same("while (READ_ONCE(*x) == 0) smp_mb();", "loop { if x.load(Relaxed) != 0 { break; } smp_mb(); }");
    same("while (1) smp_mb();", "loop { smp_mb(); }");
    // A range is unrolled, however many turns it has.
    same("WRITE_ONCE(*x, 0); WRITE_ONCE(*x, 1); WRITE_ONCE(*x, 2);", "for i in 0..3 { x.store(i, Relaxed); }");
    same("WRITE_ONCE(*x, 1); WRITE_ONCE(*x, 2);", "for i in 1..=2 { x.store(i, Relaxed); }");
}

#[test]
fn what_leaves_decides_about_what_comes_behind() {
    let c = "if (READ_ONCE(*x) != 0) { WRITE_ONCE(*y, 1); }";
    same(c, "if x.load(Relaxed) == 0 { return; } y.store(1, Relaxed);");
    same(c, "'a: { if x.load(Relaxed) == 0 { break 'a; } y.store(1, Relaxed); }");
    same(c, "for _ in 0..1 { if x.load(Relaxed) == 0 { continue; } y.store(1, Relaxed); }");
    same(c, "match x.load(Relaxed) { 0 => return, _ => y.store(1, Relaxed) }");
    // Behind the block, nothing depends on it any more.
    same(
        "if (READ_ONCE(*x) != 0) { smp_mb(); } WRITE_ONCE(*y, 1);",
        "'a: { if x.load(Relaxed) == 0 { break 'a; } smp_mb(); } y.store(1, Relaxed);",
    );
    same(
        "int r1 = READ_ONCE(*x); int r0; if (r1 != 0) r0 = r1; else r0 = 7;",
        "let r0 = 'a: { let r1 = x.load(Relaxed); if r1 != 0 { break 'a r1; } 7 };",
    );
    same("while (READ_ONCE(*x) == 0) smp_mb();", "'a: while x.load(Relaxed) == 0 { smp_mb(); continue 'a; }");
}

#[test]
fn what_leaves_drops_guards() {
    same(
        "spin_lock(s); spin_lock(t); if (READ_ONCE(*x)) { spin_unlock(t); spin_unlock(s); } \
         else { smp_mb(); spin_unlock(t); spin_unlock(s); }",
        "let a = s.lock(); let b = t.lock(); if x.load(Relaxed) != 0 { return; } smp_mb();",
    );
    same(
        "spin_lock(s); if (READ_ONCE(*x)) { spin_unlock(s); } else { WRITE_ONCE(*y, 1); spin_unlock(s); }",
        "for _ in 0..1 { let _a = s.lock(); if x.load(Relaxed) != 0 { break; } y.store(1, Relaxed); }",
    );
    same(
        "if (spin_trylock(s)) { smp_mb(); spin_unlock(s); }",
        "let Some(_a) = s.try_lock() else { return }; smp_mb();",
    );
    // A temporary ends with its statement, before the next one.
    same("spin_lock(s); spin_unlock(s); smp_mb();", "drop(s.lock()); smp_mb();");
}

#[test]
fn the_second_operand_is_evaluated_if_the_first_says_so() {
    same(
        "if (READ_ONCE(*x) == 1) { if (READ_ONCE(*y) == 2) smp_mb(); }",
        "if x.load(Relaxed) == 1 { if y.load(Relaxed) == 2 { smp_mb(); } }",
    );
    same(
        "int a; if (READ_ONCE(*x) == 1) a = (READ_ONCE(*y) == 2); else a = 0; if (a) smp_mb();",
        "if x.load(Relaxed) == 1 && y.load(Relaxed) == 2 { smp_mb(); }",
    );
}

#[test]
fn integers_are_cut_by_casts() {
    let value = |rust: &str| {
        let source = format!("Rust cast\n{{}}\nfn P0() {{ let r0 = {rust}; }}\nlocations [0:r0]\n");
        let test = read(&source);
        let path = &test.program.threads[0].paths[0];
        format!("{:?}", path.exprs[path.finals[0] as usize])
    };
    assert_eq!(value("300i32 as u8 as i32"), "Const(Int(44))");
    assert_eq!(value("200u8 as i8"), "Const(Int(-56))");
    assert_eq!(value("-1i32 as u16"), "Const(Int(65535))");
    assert_eq!(value("(3 > 2) as i32 + i32::from(true)"), "Const(Int(2))");
    assert_eq!(value("-(5 - 7)"), "Const(Int(2))");
    assert_eq!(value("!0"), "Const(Int(-1))");
    assert_eq!(value("!(1 == 2)"), "Const(Int(1))");
    assert_eq!(value("i32::MAX"), "Const(Int(2147483647))");
    assert_eq!(value("250u8.wrapping_add(10)"), "Const(Int(4))");
    assert_eq!(value("(1 << 10) % 1000 >> 3"), "Const(Int(3))");
    assert_eq!(value("{ let a = 200; let b: u8 = a; a } as i8 as i32"), "Const(Int(-56))");
}

#[test]
fn a_condition_means_the_last_binding_of_a_name() {
    let source = "Rust shadow\n{}\nfn P0(x: &Atomic<i32>) { let r0 = 1; { let r0 = 5; } let r0 = r0 + 1; let x = 7; }\nlocations [0:r0; 0:x]\n";
    let report = check("shadow", source, &Settings::new(models::by_name("lkmm").unwrap()));
    let outcome = report.outcome().expect("it is checked");
    assert_eq!(outcome.states.len(), 1);
    let test = read(source);
    let path = &test.program.threads[0].paths[0];
    let finals: Vec<_> = path.finals.iter().map(|&f| format!("{:?}", path.exprs[f as usize])).collect();
    assert_eq!(finals, ["Const(Int(2))", "Const(Int(7))"]);
}

#[test]
fn both_languages_stand_in_one_file() {
    let source = "C mixed\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); smp_wmb(); WRITE_ONCE(*y, 1); }\n\
        // It reads.\nfn P1(x: &Atomic<i32>, y: &Atomic<i32>) { let r0 = y.load(Acquire); let r1 = x.load(Relaxed); }\n\
        P2(int *y) { int r0 = READ_ONCE(*y); }\nexists (1:r0=1 /\\ 1:r1=0 /\\ 2:r0=1)\n";
    let report = check("mixed", source, &Settings::new(models::by_name("lkmm").unwrap()));
    assert_eq!(report.outcome().map(|outcome| (outcome.positive, outcome.negative)), Some((0, 6)));
}

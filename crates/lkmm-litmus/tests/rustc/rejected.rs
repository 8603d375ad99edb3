//! What is no Rust: `rustc` rejects it, and so does the dialect, with a reason.

use crate::compiler::{PARAMETERS, PRELUDE, read, refused};

const BODIES: &[&str] = &[
    // Orderings that a method does not have.
    "let r0 = x.load(Release);",
    "let r0 = x.load(Full);",
    "x.store(1, Acquire);",
    "x.store(1, Full);",
    "x.add(1, Acquire);",
    "x.add_unless(1, 0, Relaxed);",
    "let r0 = x.load();",
    "let r0 = x.load(SeqCst);",
    "let r0 = x.cmpxchg(0, 1, Full, Relaxed);",
    "rcu::dereference(x);",
    // Methods and types.
    "x.swap(1, Full);",
    "let r0 = x.fetch_or(1, Full);",
    "flag.fetch_add(true, Full);",
    "a8.fetch_add(1, Full);",
    "q.fetch_add(1, Full);",
    "x.store(true, Relaxed);",
    "x.store(1u8, Relaxed);",
    "a8.store(300, Relaxed);",
    "a8.store(-1, Relaxed);",
    "au.store(-1, Relaxed);",
    "a8.store(x.load(Relaxed), Relaxed);",
    "let r0: u8 = x.load(Relaxed);",
    "let r0 = x.load(Relaxed) + a64.load(Relaxed);",
    "let r0 = x.load(Relaxed) == a8.load(Relaxed);",
    "let r0 = x.load(Relaxed) + true;",
    "if x.load(Relaxed) { smp_mb(); }",
    "let r0 = !x;",
    "let r0 = -a8.load(Relaxed);",
    "let r0 = x.load(Relaxed) as bool;",
    "let r0 = x.load(Relaxed) && true;",
    "let r0 = x + 1;",
    "q.store(1, Relaxed);",
    "q.store(x, Relaxed);",
    "x.store(p, Relaxed);",
    "let r0 = p + 1;",
    "let r0 = x.cmpxchg(0, 1, Full) + 1;",
    "if x.cmpxchg(0, 1, Full) { smp_mb(); }",
    "let r0: i32 = x.cmpxchg(0, 1, Full);",
    "let r0 = if flag.load(Relaxed) { 1 } else { true };",
    "let r0 = match x.load(Relaxed) { 0 => 1, _ => false };",
    "let r0 = match x.load(Relaxed) { true => 1, _ => 2 };",
    "let r0 = match x.load(Relaxed) { 0 => 1, 1 => 2 };",
    "match flag.load(Relaxed) { true => smp_mb() }",
    "let r0 = if flag.load(Relaxed) { 1 };",
    "let r0: i32 = { x.load(Relaxed); };",
    "let mut r0 = 0; r0 = 300; a8.store(r0, Relaxed);",
    "let mut r0 = 0; if flag.load(Relaxed) { r0 = 300; } else { r0 = 1; } a8.store(r0, Relaxed);",
    "let r0 = 1; a8.store(r0, Relaxed); a16.store(r0, Relaxed);",
    "let r0 = 1; let r1 = r0; a8.store(r1, Relaxed); a16.store(r0, Relaxed);",
    "for i in 0..300 { a8.store(i, Relaxed); }",
    "for i in 0..2u8 { x.store(i, Relaxed); }",
    "let r0 = x.load(Relaxed) << 32;",
    "let r0 = 2147483647 + 1;",
    "let r0 = 1 / 0;",
    "let r0 = 256u8;",
    "let r0 = i32::from(a64.load(Relaxed));",
    "let r0 = u8::from(x.load(Relaxed));",
    "let r0: i32 = flag.load(Relaxed);",
    "let r0 = flag.load(Relaxed) + flag.load(Relaxed);",
    "let r0 = flag.load(Relaxed) - true;",
    "let r0 = smp_mb() + 1;",
    "let r0: i32 = smp_mb();",
    "let r0 = x.store(1, Relaxed) + 1;",
    "x.store((), Relaxed);",
    "return 1;",
    "break;",
    "while flag.load(Relaxed) { break 1; }",
    "loop { break 'a; }",
    "let r0 = loop { if flag.load(Relaxed) { break 1; } else { break true; } };",
    // What safe Rust rejects.
    "*x = 1;",
    "let r0 = *x + 1;",
    "*p = 1;",
    "let r0 = *p;",
    "let r0 = p.read();",
    "let r0 = sh.get();",
    "sh.set(1);",
    "let r0 = Atomic::from_ptr(p).load(Relaxed);",
    "let r0 = atomic_load(p, Relaxed);",
    "d.up_read(0);",
    "drop(SpinLockGuard::new(s));",
    "let c = p as *const i32; unsafe { *c = 1 };",
    "let c: *const i32 = p; let m: *mut i32 = c;",
    "let c = p as *const i32; unsafe { atomic_store(c, 1, Relaxed) };",
    "let c = p as *const i32; unsafe { ptr::write(c, 1) };",
    "let r0 = p.wrapping_byte_add(x.load(Relaxed));",
    // Bindings.
    "let r0 = 1; r0 = 2;",
    "let r0 = 1; r0 += 2;",
    "let r0; r0 = 1; r0 = 2;",
    "let r0: i32; x.store(r0, Relaxed);",
    "let r0: i32; if flag.load(Relaxed) { r0 = 1; } x.store(r0, Relaxed);",
    "let r0: i32; while flag.load(Relaxed) { r0 = 1; }",
    "{ let r0 = 1; } x.store(r0, Relaxed);",
    "x.store(r9, Relaxed);",
    "x = y;",
    "5 = x.load(Relaxed);",
    "let r0 = x.load(Relaxed); r0.store(1, Relaxed);",
    // Guards.
    "let g = s.lock(); drop(g); drop(g);",
    "let g = s.lock(); let h = g; drop(g);",
    "let g = s.lock(); if flag.load(Relaxed) { drop(g); } drop(g);",
    "let g = s.lock(); while flag.load(Relaxed) { drop(g); }",
    "let g = s.lock(); for _ in 0..2 { drop(g); }",
    "let g = rcu::read_lock(); g.unlock(); g.unlock();",
    "let g = s.lock(); g.unlock();",
    "s.unlock();",
    "x.lock();",
    "let g = s.lock(); let r0 = g + 1;",
    "if let Some(g) = s.lock() { drop(g); }",
    "let r0: i32 = s.lock();",
    "let Some(g) = s.try_lock() else { smp_mb(); }; drop(g);",
    "let g = s.try_lock(); if let Some(h) = g { drop(h); } drop(g);",
    "s.read_lock();",
    "d.lock();",
    "foo();",
    "let r0 = x.cmpxchg(0, 1, Full).unwrap_or_else();",
    "match x.cmpxchg(0, 1, Full) { Ok(_) => smp_mb() }",
    "match s.try_lock() { Some(g) => drop(g) }",
    "match s.try_lock() { Ok(g) => drop(g), _ => {} }",
    "let r0 = x.cmpxchg(0, 1, Full) == 0;",
    "let r0 = match x.load(Relaxed) { 0 => 1, 5..=3 => 2, _ => 3 };",
    "let r0 = match a8.load(Relaxed) { 0 => 1, 300 => 2, _ => 3 };",
    "if let 1 = flag.load(Relaxed) { smp_mb(); }",
    "let (a, b) = (1, 2, 3);",
    "let r0 = smp_mb;  r0 + 1;",
    "synchronize_rcu(1);",
    "x.load(Relaxed) = 3;",
];

/// Processes whose parameters are none.
const PROCESSES: &[&str] = &[
    "pub fn P0(x: &Atomic<()>) {}",
    "pub fn P0(x: &Atomic<u7>) {}",
    "pub fn P0(x: &Atomic<f32>) {}",
    "pub fn P0(x: &Atomic<i32>, x: &Atomic<i32>) {}",
    "pub fn P0(x: &i32) { *x = 1; }",
    "pub fn P0(x: &Atomic) {}",
    "pub fn P0(x) {}",
    "pub fn P0(x: &Atomic<i32>) -> i32 {}",
    "pub fn P0(x: &Atomic<i32>) -> i32 { true }",
    "pub fn P0(x: &SpinLock<()>) { x.store(1, Relaxed); }",
];

#[test]
fn what_is_no_rust_is_rejected() {
    let whole = PROCESSES.iter().map(|process| (*process).to_string());
    let all: Vec<String> =
        BODIES.iter().map(|body| format!("pub fn P0({PARAMETERS}) {{ {body} }}")).chain(whole).collect();
    let failures = std::sync::Mutex::new(Vec::new());
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (all, failures, next) = (&all, &failures, &next);
            scope.spawn(move || {
                while let Some(process) = all.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    if refused(&format!("rejected{worker}"), &format!("{PRELUDE}{process}\n")).is_none() {
                        failures.lock().unwrap().push(format!("rustc accepts: {process}"));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.extend(all.iter().filter(|process| read(process).is_ok()).map(|process| format!("we accept: {process}")));
    assert!(failures.is_empty(), "{}", failures.join("\n").replace(PARAMETERS, "…"));
}

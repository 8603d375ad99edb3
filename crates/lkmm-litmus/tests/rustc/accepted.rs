//! Constructs of the dialect, each of which is Rust.

use crate::compiler::{PARAMETERS, PRELUDE, read, refused};
use std::fmt::Write;

/// Bodies of a process, by what they show.
const BODIES: &[&str] = &[
    // Atomics: every method, in each of its orderings, of each kind of type.
    "let r0 = x.load(Relaxed); let r1 = x.load(Acquire); x.store(1, Relaxed); x.store(r0, Release);",
    "let r0 = x.xchg(1, Relaxed); let r1 = x.xchg(1, Acquire); let r2 = x.xchg(1, Release); let r3 = x.xchg(1, Full);",
    "let r0 = x.cmpxchg(0, 1, Relaxed).is_ok(); let r1 = x.cmpxchg(0, 1, Acquire).is_err(); let r2 = x.cmpxchg(0, 1, Release).unwrap_or_else(|old| old);",
    "let r0 = x.fetch_add(1, Relaxed) + x.fetch_add(1, Acquire) + x.fetch_add(1, Release) + x.fetch_add(1, Full);",
    "let r0 = x.fetch_sub(1, Relaxed) + x.fetch_sub(1, Acquire) + x.fetch_sub(1, Release) + x.fetch_sub(1, Full);",
    "x.add(2, Relaxed); let r0 = x.add_unless(1, 5, Full);",
    "let r0 = a8.load(Relaxed); a8.store(r0, Release); let r1 = a8.xchg(7, Full); let r2 = a8.cmpxchg(1, 2, Full);",
    "let r0 = a16.load(Relaxed); a16.store(-5, Release); let r1 = a64.fetch_add(1, Full); let r2 = au.fetch_sub(3, Full);",
    "let r0 = flag.load(Acquire); flag.store(!r0, Release); let r1 = flag.xchg(true, Full); let r2 = flag.cmpxchg(false, true, Acquire).is_ok();",
    "let r0 = af.load(Acquire); af.store(true, Relaxed); let r1 = af.xchg(r0, Full); let r2 = af.cmpxchg(false, true, Full);",
    "let r0 = q.load(Relaxed); q.store(r0, Release); let r1 = q.xchg(ptr::null_mut(), Full); let r2 = q.cmpxchg(r0, r1, Full).is_ok(); let r3 = r0.is_null();",
    "q.store(x.as_ptr(), Release); q.store(p, Relaxed);",
    "let r0 = x.load(ordering::Acquire); let r1 = x.load(atomic::Relaxed); x.store(1, lkmm::atomic::Release);",
    "let r0 = unsafe { atomic_load(p, Acquire) }; unsafe { atomic_store(p, r0, Release) }; let r1 = unsafe { atomic::xchg(p, 1, Full) }; let r2 = unsafe { atomic::cmpxchg(p, 0, 1, Full) }.is_ok();",
    "let r0 = unsafe { Atomic::from_ptr(p) }.load(Relaxed); let a = unsafe { Atomic::from_ptr(p) }; a.store(1, Release);",
    // Barriers.
    "smp_mb(); smp_rmb(); smp_wmb(); barrier(); smp_mb__before_atomic(); smp_mb__after_atomic(); smp_mb__after_spinlock(); smp_mb__after_unlock_lock(); smp_mb__after_srcu_read_unlock(); lkmm::barrier::smp_mb();",
    "while x.load(Relaxed) == 0 { hint::spin_loop(); }",
    // Locks.
    "let g = s.lock(); x.store(1, Relaxed); drop(g);",
    "let _g = s.lock(); let _h = t.lock();",
    "let _ = s.lock(); x.store(1, Relaxed);",
    "let g = s.lock(); let g = t.lock(); drop(g);",
    "s.lock(); x.store(1, Relaxed);",
    "{ let _g = s.lock(); x.store(1, Relaxed); } y.store(1, Relaxed);",
    "if let Some(_g) = s.try_lock() { x.store(1, Relaxed); } else { y.store(1, Relaxed); }",
    "let Some(_g) = s.try_lock() else { return; }; x.store(1, Relaxed);",
    "match s.try_lock() { Some(g) => drop(g), None => {} }",
    "let g = s.try_lock(); let r0 = g.is_some(); drop(g);",
    "let r0 = s.is_locked(); let g = m.lock(); mem::drop(g);",
    "forget(s.lock()); drop(unsafe { SpinLockGuard::new(s) });",
    "let g = s.lock(); if x.load(Relaxed) == 0 { return; } drop(g);",
    "for i in 0..2 { let _g = s.lock(); if x.load(Relaxed) == i { continue; } y.store(i, Relaxed); }",
    "let g = s.lock(); let h = g; smp_mb(); mem::forget(h);",
    // RCU.
    "let g = rcu::read_lock(); let r0 = rcu::dereference(q); let r1 = unsafe { *r0 }; drop(g);",
    "let g = rcu::Guard::new(); g.unlock();",
    "rcu::assign(q, p); synchronize_rcu(); rcu::synchronize_rcu();",
    "let _a = d.read_lock(); let b = d.read_lock(); drop(b);",
    "d.synchronize(); let i = d.down_read(); unsafe { d.up_read(i) };",
    // Plain accesses.
    "unsafe { *p = 1; } let r0 = unsafe { *p }; unsafe { *p += 1 };",
    "unsafe { p.write(1); let r0 = p.read(); p.write_volatile(2); }",
    "let r0 = unsafe { ptr::read(p) }; unsafe { ptr::write(p, r0) }; let r1 = unsafe { ptr::read_volatile(p) }; unsafe { ptr::write_volatile(p, 3) };",
    "let r0 = unsafe { sh.get() }; unsafe { sh.set(r0 + 1) }; let r1 = unsafe { *sh.as_ptr() };",
    "let p = x.as_ptr(); unsafe { *p = 5; } let r0 = unsafe { *x.as_ptr() } + 1;",
    "let r0 = q.load(Relaxed); if !r0.is_null() { let r1 = unsafe { *r0 }; }",
    "let c: *const i32 = p; let r0 = unsafe { *c }; let r1 = c == p; let r2 = p as *const i32;",
    "let r0 = x.load(Relaxed); let e = p.wrapping_byte_add((r0 ^ r0) as usize); let r1 = unsafe { *e };",
    "let r1 = unsafe { let a = *p; a + 1 };",
    // Locals.
    "let r0 = 1; let r0 = r0 + 1; { let r0 = 7u8; a8.store(r0, Relaxed); } x.store(r0, Relaxed);",
    "let mut r0 = 0; r0 += 2; r0 = r0 * 3; r0 <<= 1; r0 >>= 1; r0 %= 4; r0 -= 1; r0 /= 2; r0 &= 3; r0 |= 1; r0 ^= 2;",
    "let r0; if x.load(Relaxed) == 1 { r0 = 2; } else { r0 = 3; } x.store(r0, Relaxed);",
    "let r0: u8 = 5; let r1: i64 = -7; let r2 = 3u16; let r3: bool = true; let r4: usize = 4;",
    "let (a, mut b) = (1, x.load(Relaxed)); b += a;",
    "let _ = x.load(Relaxed); _ = x.load(Acquire); x.load(Relaxed);",
    "let r0 = x.load(Relaxed) as u8 as i64; let r1 = i32::from(true) + (r0 == 3) as i32; let r2 = i64::from(x.load(Relaxed)); let r3 = u8::MAX;",
    "let r0 = 0x10 + 0b11 + 0o7 + 1_000; let r1 = -5i8; let r2 = !0u16;",
    "let r0 = x.load(Relaxed).wrapping_add(1).wrapping_mul(2).wrapping_sub(3);",
    "let r0 = 1; a8.store(r0, Relaxed);",
    "let r0 = 1; let r1: u8 = r0; a8.store(r0 + r1, Relaxed); let r2 = 5; let r3 = r2; let r4 = r3 + r2; a16.store(r4, Relaxed);",
    "let r0 = 1; let r1 = r0 + 2; a64.store(r1, Relaxed);",
    "let mut r0 = 0; while r0 < 2 { r0 += 1; } a16.store(r0, Relaxed);",
    "for i in 0..3 { a8.store(i, Relaxed); }",
    "for i in 1..=2u8 { a8.store(i + 1, Relaxed); }",
    "let r0 = if flag.load(Relaxed) { 1 } else { 2 }; a8.store(r0, Relaxed);",
    "let r0 = a8.load(Relaxed); let r1 = 1 + r0; let r2 = 3; let r3 = r0 < r2;",
    "let r0 = x.load(Relaxed); let r1 = r0 + if r0 == 1 { 2 } else { 3 };",
    "let mut r0 = 1; let r1 = r0 + match x.load(Relaxed) { 0 => 1, _ => { r0 = 3; r0 } };",
    // Control flow.
    "if x.load(Relaxed) == 1 && y.load(Relaxed) == 2 || flag.load(Relaxed) { smp_mb(); }",
    "if x.load(Relaxed) == 0 { return } y.store(1, Relaxed);",
    "let r0 = match x.load(Relaxed) { 0 => 1, 1 | 2 => 3, 3..=5 => 4, -3..0 => 6, ..=-4 => 8, n => n };",
    "match flag.load(Relaxed) { true => smp_mb(), false => {} }",
    "let r0 = match x.cmpxchg(0, 1, Full) { Ok(_) => 1, Err(found) => found };",
    "if let Err(found) = x.cmpxchg(0, 1, Full) { y.store(found, Relaxed); }",
    "while let Err(_) = x.cmpxchg(0, 1, Full) { hint::spin_loop(); }",
    "while x.load(Relaxed) == 0 {} loop { if y.load(Relaxed) == 1 { break; } }",
    "let r0 = loop { let seen = x.load(Relaxed); if seen != 0 { break seen; } };",
    "'outer: loop { loop { if x.load(Relaxed) == 1 { break 'outer; } if y.load(Relaxed) == 1 { continue 'outer; } } }",
    "let r0 = 'a: { if x.load(Relaxed) == 0 { break 'a 1; } 2 };",
    "for i in 0..3 { if x.load(Relaxed) == i { break; } }",
    "for _ in 0..2 { smp_mb(); } for i in (0..2) { x.store(i, Relaxed); }",
    "let r0 = matches!(x.load(Relaxed), 1 | 3..=4);",
    "if matches!(x.cmpxchg(0, 1, Full), Ok(_)) { smp_mb(); }",
    "if flag.load(Relaxed) && { if x.load(Relaxed) == 1 { return; } true } { y.store(1, Relaxed); }",
    "while let Some(g) = s.try_lock() { if x.load(Relaxed) == 1 { break; } drop(g); }",
    "let r0 = x.load(Relaxed) + { let _g = s.lock(); y.load(Relaxed) };",
    "x.store(if flag.load(Relaxed) { 1 } else { 2 }, Release);",
    "let r0 = x.load(Relaxed); match r0 { 0 => return, _ => y.store(r0, Relaxed) }",
    "if let 1 | 2 = x.load(Relaxed) { smp_mb(); }",
    "let x = &*x; let r0 = (*x).load(Relaxed); let r1 = (&x).load(Relaxed);",
];

/// Rust that the dialect refuses, with what it says.
const MISSING: &[(&str, &str)] = &[
    ("flag.load(Relaxed) && return;", "this never has a value"),
    ("let g = s.lock(); if flag.load(Relaxed) { drop(g); }", "depends on the way"),
    ("match s.try_lock() { Some(_) => smp_mb(), None => {} }", "dropped where it is looked at"),
    ("let r0 = 1 << x.load(Relaxed);", "a shift by a number of bits that is not written down"),
    ("let r0 = au.load(Relaxed) / 3;", "powers of two"),
    ("x.cmpxchg(x.load(Relaxed), if flag.load(Relaxed) { 2 } else { 3 }, Full);", "evaluated before it"),
    ("let r0 = x.cmpxchg(0, 1, Full) == Ok(0);", "is_ok"),
    ("let r0 = x.cmpxchg(0, 1, Full) != Err(3);", "is_ok"),
    ("let g; g = s.lock(); x.store(1, Relaxed);", "is not assigned"),
    ("let r0 = match x.cmpxchg(0, 1, Full) { Ok(old) | Err(old) => old };", "a pattern that the dialect does not have"),
    ("let r0 = match x.load(Relaxed) { n if n > 3 => 1, _ => 0 };", "a condition behind a pattern"),
    ("if let 3 = x.load(Relaxed) && flag.load(Relaxed) { smp_mb(); }", "nest two `if`s"),
    ("const N: i32 = 3; x.store(N, Relaxed);", "an item inside of a process"),
    ("let r0 = i32::min(x.load(Relaxed), 3);", "unknown function `min`"),
    ("assert!(x.load(Relaxed) < 3);", "a macro that the dialect does not have"),
    ("let r0 = u8::try_from(x.load(Relaxed));", "unknown function `try_from`"),
    ("let r0 = x.load(Relaxed).min(3).abs();", "has no method `min`"),
    ("use std::mem::drop; drop(s.lock());", "an item inside of a process"),
    ("let f = |n: i32| n + 1; let r0 = f(x.load(Relaxed));", "a closure"),
    ("let r0 = (x.load(Relaxed), y.load(Relaxed)); let r1 = r0.0;", "an expression that the dialect does not have"),
    ("let r0 = [1, 2]; let r1 = r0[0];", "an expression that the dialect does not have"),
];

#[test]
fn what_is_accepted_is_rust() {
    let mut all = String::from(PRELUDE);
    let (mut accepted, mut problems) = (0, Vec::new());
    for (number, body) in BODIES.iter().enumerate() {
        let _ = writeln!(all, "mod c{number} {{ use super::*; fn P0({PARAMETERS}) {{ {body} }} }}");
        match read(body) {
            Ok(()) => accepted += 1,
            Err(problem) => problems.push(format!("{body}\n    {problem}")),
        }
    }
    if let Some(why) = refused("accepted", &all) {
        problems.push(why);
    }
    assert!(problems.is_empty(), "{accepted} accepted\n{}", problems.join("\n"));
}

#[test]
fn what_is_missing_is_refused_with_a_reason() {
    let mut all = String::from(PRELUDE);
    for (number, (body, why)) in MISSING.iter().enumerate() {
        let _ = writeln!(all, "mod c{number} {{ use super::*; fn P0({PARAMETERS}) {{ {body} }} }}");
        let problem = read(body).expect_err(body);
        assert!(problem.contains(why), "{body}\n    {problem}");
    }
    assert_eq!(refused("missing", &all), None);
}

//! Prints what operations cost outside of a model: a line `nanoseconds name` each, the least of several rounds. Where several are measured
//! together, it is their mean.

use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::lock::SpinLock;
use lkmm::{barrier, rcu};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 15;
const OPERATIONS: u32 = 1_000_000;

fn main() {
    let x = Atomic::new(0_u64);
    let shared = Shared::new(0_u64);
    let lock = SpinLock::new(0_u64);
    measure("load relaxed", 1, || _ = black_box(black_box(&x).load(Relaxed)));
    measure("load acquire", 1, || _ = black_box(black_box(&x).load(Acquire)));
    measure("store relaxed", 1, || black_box(&x).store(1, Relaxed));
    measure("store release", 1, || black_box(&x).store(1, Release));
    measure("fetch_add relaxed", 1, || _ = black_box(black_box(&x).fetch_add(1, Relaxed)));
    measure("cmpxchg full", 1, || _ = black_box(black_box(&x).cmpxchg(0, 0, Full)));
    // (Barriers with nothing in between are one.)
    measure("store relaxed, smp_mb", 2, || {
        black_box(&x).store(1, Relaxed);
        barrier::smp_mb();
    });
    // SAFETY: there is one thread.
    measure("read of plain data", 1, || _ = black_box(unsafe { black_box(&shared).get() }));
    measure("spin lock, write, unlock", 3, || *black_box(&lock).lock() += 1);
    measure("RCU read lock, unlock", 2, || drop(black_box(rcu::read_lock())));
}

/// Measures so many operations, and prints what one of them costs.
fn measure(name: &str, together: u32, operations: impl Fn()) {
    let round = || {
        let start = Instant::now();
        (0..OPERATIONS).for_each(|_| operations());
        start.elapsed().as_secs_f64() * 1e9 / f64::from(OPERATIONS * together)
    };
    let least = (0..ROUNDS).map(|_| round()).fold(f64::INFINITY, f64::min);
    println!("{least:.3} {name}");
}

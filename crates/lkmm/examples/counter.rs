//! Explores threads that each increment one counter, and prints how fast that was: `counter [threads] [most executions]`,
//! up to eight threads if nothing is said.
//!
//! `cargo run --release -p lkmm --features check --example counter`

use lkmm::atomic::{Atomic, Relaxed};
use lkmm::{check, thread};
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let (threads, most) = (arguments.next(), arguments.next().unwrap_or(u64::MAX));
    for threads in threads.map_or(1..=8, |threads| threads..=threads) {
        let start = Instant::now();
        let report = check::Builder::new().max_executions(most).explore(move || {
            let x = Arc::new(Atomic::new(0));
            let threads: Vec<_> = (0..threads)
                .map(|_| {
                    let x = x.clone();
                    thread::spawn(move || x.fetch_add(1, Relaxed))
                })
                .collect();
            for t in threads {
                t.join().unwrap();
            }
        });
        let time = start.elapsed();
        let rate = report.executions() as f64 / time.as_secs_f64();
        println!("{threads} threads: {} executions in {time:.2?}, {rate:.0} a second", report.executions());
    }
}

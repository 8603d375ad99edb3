//! Explores executions of some two hundred events, and prints how long each takes and how much memory: `large [events of each thread]`.
//!
//! Four threads write to locations of their own and read them, with a full fence now and then, and increment one counter twice.
//!
//! `cargo run --release -p lkmm --features check --example large`

use lkmm::atomic::{Atomic, Relaxed};
use lkmm::{barrier, check, thread};
use std::time::Instant;

const THREADS: usize = 4;
/// Those of the two increments: a read and a write each.
const SHARED: usize = 4;

fn main() {
    let events: usize = std::env::args().nth(1).map_or(50, |argument| argument.parse().expect("a number"));
    let start = Instant::now();
    let report = check::Builder::new().explore(move || {
        let counter = Atomic::new(0);
        let own: [Atomic<i32>; THREADS] = std::array::from_fn(|_| Atomic::new(0));
        thread::scope(|s| {
            for own in &own {
                s.spawn(|| {
                    for n in 0..events - SHARED {
                        match n % 8 {
                            0 => barrier::smp_mb(),
                            odd if odd % 2 == 1 => own.store(n as i32, Relaxed),
                            _ => assert_eq!(own.load(Relaxed), n as i32 - 1),
                        }
                        if n == events / 2 {
                            counter.fetch_add(1, Relaxed);
                        }
                    }
                    counter.fetch_add(1, Relaxed);
                });
            }
        });
    });
    let time = start.elapsed();
    let each = time.as_secs_f64() * 1e6 / report.executions() as f64;
    println!("{report}: {} events each, {each:.0} µs each, {time:.2?} together", THREADS * events);
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    if let Some(peak) = status.lines().find(|line| line.starts_with("VmHWM")) {
        println!("most memory of the whole process: {}", peak.trim_start_matches("VmHWM:").trim());
    }
}

//! What each of the tools does with its arguments and its figures: `<program> <size> <seconds>` becomes
//! `<executions> <seconds> <finished>`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What is asked for.
pub struct Job {
    pub program: String,
    pub size: usize,
    pub limit: Duration,
}

/// How often a program has been run.
pub static RUNS: AtomicU64 = AtomicU64::new(0);

pub fn job() -> Job {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| args.get(at).and_then(|arg| arg.parse().ok()).expect("<program> <size> <seconds>");
    Job { program: args[0].clone(), size: number(1) as usize, limit: Duration::from_secs(number(2)) }
}

pub fn print(executions: u64, time: Duration, finished: bool) {
    println!("{executions} {} {finished}", time.as_secs_f64());
}

/// Explores a program whose runs count themselves, and gives up when the time has come.
#[allow(dead_code, reason = "not every tool needs it")]
pub fn measure(limit: Duration, explore: impl FnOnce()) {
    let start = Instant::now();
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        print(RUNS.load(Ordering::Relaxed), start.elapsed(), false);
        std::process::exit(0);
    });
    explore();
    print(RUNS.load(Ordering::Relaxed), start.elapsed(), true);
    // The other thread must not print any more.
    std::process::exit(0);
}

//! What each of the tools does with its arguments and its figures: `<program> <size> <seconds>` becomes
//! `<executions> <seconds> <finished>`.

use std::time::Duration;

/// What is asked for.
pub struct Job {
    pub program: String,
    pub size: usize,
    pub limit: Duration,
}

pub fn job() -> Job {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| args.get(at).and_then(|arg| arg.parse().ok()).expect("<program> <size> <seconds>");
    Job { program: args[0].clone(), size: number(1) as usize, limit: Duration::from_secs(number(2)) }
}

pub fn print(executions: u64, time: Duration, finished: bool) {
    println!("{executions} {} {finished}", time.as_secs_f64());
}

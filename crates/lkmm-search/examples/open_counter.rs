//! The speed of the open search on threads that each increment a counter: `open_counter [most threads]`.

#[path = "../tests/common/counter.rs"]
mod counter;

use counter::counter;
use lkmm_model::models;
use lkmm_search::open::{self, ClosedProgram};
use std::ops::ControlFlow;
use std::time::Instant;

fn main() {
    let most = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(8);
    for threads in 2..=most {
        let program = counter(threads);
        let start = Instant::now();
        let explored =
            open::explore(&mut ClosedProgram::new(&program), &open::Options::new(models::lkmm()), &mut |_| {
                ControlFlow::Continue(())
            });
        let time = start.elapsed().as_secs_f64();
        match explored {
            Ok(s) => println!(
                "{threads} threads: {} executions, {} runs, {} checks, {time:.3} s, {:.0} executions/s",
                s.executions,
                s.runs,
                s.checks,
                s.executions as f64 / time
            ),
            Err(error) => println!("{threads} threads: {error}"),
        }
    }
}

//! The speed of the open search itself: threads that each increment a counter, as a program that takes next to no time to
//! run. `open_counter [most threads]`.

use lkmm_model::event::{Label, Mode};
use lkmm_model::models;
use lkmm_model::program::{LocationId, Value};
use lkmm_search::open::{self, Access, Answer, Event, OpenError, OpenProgram, ReadKind, Step};
use std::ops::ControlFlow;
use std::time::Instant;

/// Which threads have incremented the counter.
struct Counter {
    done: Vec<bool>,
}

impl OpenProgram for Counter {
    fn threads(&self) -> usize {
        self.done.len()
    }

    fn restart(&mut self) {
        self.done.fill(false);
    }

    fn next(&mut self, thread: usize, _: Option<LocationId>) -> Step {
        match self.done[thread] {
            false => Step::Read(ReadKind::Ordinary, 0),
            true => Step::End { results: Vec::new(), cut: false },
        }
    }

    fn access(&mut self, _: usize, answer: Answer) -> Result<Option<Access>, OpenError> {
        let Answer::Value(Value::Bits(value)) = answer else { return Ok(None) };
        let half = |label| Event { atomic: true, ..Event::new(label, 0) };
        let write = Event { rmw: Some(0), ..half(Label::Write(Mode::Once)) };
        let read = half(Label::Read(Mode::Once));
        Ok(Some(Access { write: Some((write, Some(Value::Bits(value + 1)))), ..Access::new(read) }))
    }

    fn resume(&mut self, thread: usize, _: Answer) {
        self.done[thread] = true;
    }

    fn initial(&self, _: LocationId) -> Value {
        Value::Bits(0)
    }
}

fn main() {
    let most = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(8);
    for threads in 2..=most {
        let mut program = Counter { done: vec![false; threads] };
        let start = Instant::now();
        let options = open::Options::new(models::lkmm());
        let explored = open::explore(&mut program, &options, &mut |_| ControlFlow::Continue(()));
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

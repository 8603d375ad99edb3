//! The speed of the open search on threads that each increment a counter: `open_counter [most threads]`.

use lkmm_model::event::{Label, Mode};
use lkmm_model::models;
use lkmm_model::program::{EventTemplate, Expr, Location, Operator, Path, Program, Thread, Value};
use lkmm_search::open::{self, ClosedProgram};
use std::time::Instant;

fn counter(threads: usize) -> Program {
    let event = |label, value| EventTemplate { label, address: Some(0), value, atomic: true, origin: 0 };
    let path = Path {
        events: vec![event(Label::Read(Mode::Once), None), event(Label::Write(Mode::Once), Some(3))],
        exprs: vec![
            Expr::Const(Value::Address(0, 0)),
            Expr::Const(Value::Int(1)),
            Expr::Read(0),
            Expr::Op(Operator::Add, 2, 1),
        ],
        data: vec![(0, 1)],
        rmw: vec![(0, 1)],
        ..Path::default()
    };
    Program {
        locations: vec![Location { name: "counter".into(), init: Value::Int(0) }],
        threads: vec![Thread { registers: Vec::new(), paths: vec![path] }; threads],
        ..Program::default()
    }
}

fn main() {
    let most = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(8);
    for threads in 2..=most {
        let program = counter(threads);
        let start = Instant::now();
        let explored = open::explore(&ClosedProgram::new(&program), &open::Options::new(models::lkmm()), &mut |_| {});
        let time = start.elapsed().as_secs_f64();
        match explored {
            Ok(s) => println!(
                "{threads} threads: {} executions, {} checks, {time:.3} s, {:.0} executions/s",
                s.executions,
                s.checks,
                s.executions as f64 / time
            ),
            Err(error) => println!("{threads} threads: {error}"),
        }
    }
}

//! The program that the open search is measured with.

use lkmm_model::event::{Label, Mode};
use lkmm_model::program::{EventTemplate, Expr, Location, Operator, Path, Program, Thread, Value};

/// Threads that each increment a counter, atomically.
pub(crate) fn counter(threads: usize) -> Program {
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
        finals: vec![2],
        ..Path::default()
    };
    Program {
        locations: vec![Location { name: "counter".into(), init: Value::Int(0) }],
        threads: vec![Thread { registers: vec!["r0".into()], paths: vec![path] }; threads],
        ..Program::default()
    }
}

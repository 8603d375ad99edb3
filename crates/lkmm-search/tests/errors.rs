//! What has no meaning is an error, whatever else is asked of the program, and for any number of workers.

use lkmm_model::event::{Label, Mode};
use lkmm_model::models;
use lkmm_model::program::{
    Constraint, EventTemplate, Expr, IllegalOperation, Location, Observable, Operator, Path, Program, Proposition,
    Term, Thread, Value,
};
use lkmm_search::{Options, Outcome, Question, SearchError, search};

const X: Expr = Expr::Const(Value::Address(0, 0));
const R0: Term = Term::Final(Observable::Register(0, 0));
const R1: Term = Term::Final(Observable::Register(0, 1));
const R2: Term = Term::Final(Observable::Register(0, 2));

fn event(label: Label, address: u32, value: Option<u32>, origin: u32) -> EventTemplate {
    EventTemplate { label, address: Some(address), value, atomic: false, origin }
}

/// `r0 = READ_ONCE(*x); r1 = 1 / r0; r2 = 2 / r0`, beside `WRITE_ONCE(*x, 1)`.
fn divisions() -> Program {
    let divides = Path {
        events: vec![event(Label::Read(Mode::Once), 0, None, 0)],
        exprs: vec![
            X,
            Expr::Const(Value::Int(1)),
            Expr::Const(Value::Int(2)),
            Expr::Read(0),
            Expr::Op(Operator::Div, 1, 3),
            Expr::Op(Operator::Div, 2, 3),
        ],
        finals: vec![3, 4, 5],
        ..Path::default()
    };
    let writes = Path {
        events: vec![event(Label::Write(Mode::Once), 0, Some(1), 1)],
        exprs: vec![X, Expr::Const(Value::Int(1))],
        ..Path::default()
    };
    let registers = ["r0", "r1", "r2"].map(String::from).to_vec();
    Program {
        locations: vec![Location { name: "x".into(), init: Value::Int(0) }],
        threads: vec![
            Thread { registers, paths: vec![divides] },
            Thread { registers: Vec::new(), paths: vec![writes] },
        ],
        ..Program::default()
    }
}

fn answers(program: &Program) -> [Result<Outcome, SearchError>; 4] {
    [(Question::AllExecutions, 1), (Question::AllExecutions, 3), (Question::Verdict, 1), (Question::Verdict, 3)]
        .map(|(question, jobs)| search(program, &Options { question, jobs, ..Options::new(models::lkmm()) }))
}

fn assert_divides_by_zero(program: &Program) {
    for answer in answers(program) {
        match answer {
            Err(SearchError::Illegal(IllegalOperation { op: Operator::Div, right: Value::Int(0), .. })) => {}
            other => panic!("{other:?}"),
        }
    }
}

fn integer(value: i32) -> Term {
    Term::Const(Value::Int(value))
}

#[test]
fn a_division_by_zero_is_an_error_whatever_is_asked() {
    let mut program = divisions();
    for condition in [Proposition::Equal(R0, integer(1), true), Proposition::Equal(R1, integer(1), true)] {
        program.condition = Some(condition);
        assert_divides_by_zero(&program);
    }
}

#[test]
fn no_filter_hides_an_error() {
    let mut program = divisions();
    for filter in [
        Proposition::Equal(R1, R2, false),
        Proposition::Equal(R1, R2, true),
        Proposition::Equal(R1, integer(1), true),
        Proposition::Equal(R0, integer(1), true),
    ] {
        program.filter = Some(filter);
        assert_divides_by_zero(&program);
    }
}

#[test]
fn errors_on_truncated_paths_count() {
    let mut program = divisions();
    program.threads[0].paths[0].truncated = true;
    assert_divides_by_zero(&program);
}

#[test]
fn what_no_execution_does_is_no_error() {
    let mut program = divisions();
    program.threads[0].paths[0].constraints.push(Constraint::Branch(3, true));
    for answer in answers(&program) {
        let outcome = answer.expect("the division is guarded");
        assert_eq!((outcome.positive, outcome.negative), (1, 0));
    }
}

#[test]
fn an_access_through_an_illegal_value_is_an_illegal_operation() {
    for label in [Label::Read(Mode::Once), Label::Write(Mode::Once)] {
        let mut program = divisions();
        let value = label.is_write().then_some(1);
        program.threads[0].paths[0].events.push(event(label, 4, value, 7));
        // Where the division has a result, that is no address.
        program.threads[0].paths[0].constraints.push(Constraint::Branch(3, false));
        assert_divides_by_zero(&program);
    }
}

#[test]
fn a_write_through_a_null_pointer_is_an_error_whatever_is_asked() {
    let mut program = divisions();
    let path = &mut program.threads[0].paths[0];
    path.exprs.truncate(4);
    path.finals = vec![3, 3, 3];
    path.events.push(event(Label::Write(Mode::Once), 3, Some(1), 7));
    program.filter = Some(Proposition::Equal(integer(0), integer(1), true));
    for answer in answers(&program) {
        assert_eq!(answer.unwrap_err(), SearchError::BadAddress { value: Value::Int(0), origin: 7 });
    }
}

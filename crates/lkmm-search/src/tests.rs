//! Sharing a search out changes nothing, and keeps to the memory that there is.

use crate::combine::Choices;
use crate::{Options, Outcome, Question, SearchError, Verdict, search};
use lkmm_model::build::{ProgramBuilder, finally};
use lkmm_model::event::Mode;
use lkmm_model::models;
use lkmm_naive::{Config, generate_from_seed};
use std::time::Instant;

#[test]
fn the_outcome_is_the_same_for_any_number_of_jobs() {
    let (mut errors, mut truncated) = (0, 0);
    for seed in 0..3_000 {
        let program = generate_from_seed(seed, &Config::default());
        for question in [Question::AllExecutions, Question::Verdict] {
            let answer = |jobs| -> Result<Outcome, SearchError> {
                let options = Options { question, jobs, witness: true, ..Options::new(models::lkmm()) };
                search(&program, &options).map(|outcome| Outcome { judged: 0, ..outcome })
            };
            let alone = answer(1);
            errors += u32::from(alone.is_err());
            truncated += u32::from(alone.as_ref().is_ok_and(|outcome| outcome.truncated));
            assert_eq!(format!("{alone:?}"), format!("{:?}", answer(3)), "seed {seed}, {question:?}");
        }
    }
    assert!(errors > 0 && truncated > 0, "{errors} errors, {truncated} truncated");
}

#[test]
fn the_verdict_on_a_final_value_needs_no_order_of_its_writers() {
    let judged = |value| {
        let mut program = ProgramBuilder::new();
        let x = program.location("x", 0);
        (1..=20).for_each(|value| program.thread().write(Mode::Once, x, value));
        program.exists(finally(x, value));
        let options = Options { question: Question::Verdict, ..Options::new(models::lkmm()) };
        let outcome = search(&program.finish(), &options).expect("no budget is set");
        (outcome.verdict(), outcome.judged)
    };
    assert_eq!(judged(7), (Verdict::Sometimes, 2));
    // The initial value is overwritten. What is judged is the execution that shows it.
    assert_eq!(judged(0), (Verdict::Never, 1));
}

#[test]
fn there_are_as_many_workers_as_fit_into_memory() {
    let workers = |events: i32, jobs, memory| {
        let mut program = ProgramBuilder::new();
        let x = program.location("x", 0);
        let mut thread = program.thread();
        (0..events).for_each(|value| thread.write(Mode::Once, x, value));
        let program = program.finish();
        let options = Options { jobs, memory, ..Options::new(models::lkmm()) };
        Choices::new(&program, &options, Instant::now()).expect("a small program").workers(&options)
    };
    assert_eq!(workers(20, 1, 1 << 30), 1);
    assert_eq!(workers(20, 64, 1 << 30), 64);
    assert_eq!(workers(1_000, 64, 1 << 30), 7);
    assert_eq!(workers(1_000, 64, 1 << 20), 1);
}

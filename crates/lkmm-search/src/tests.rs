//! Sharing a search out changes nothing, on generated programs.

use crate::{Options, Outcome, Question, SearchError, search};
use lkmm_model::models;
use lkmm_naive::{Config, generate_from_seed};

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

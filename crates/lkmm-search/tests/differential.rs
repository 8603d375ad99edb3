//! The search against the naive enumerator, on generated programs.
//!
//! They share the types of `lkmm-model` and nothing else: the enumerator tries every choice and judges each execution
//! with its own implementation of the model. `LKMM_PROGRAMS` sets the number of programs (default 2,000), `LKMM_SEED` the
//! first seed. A disagreement is shrunk before it is reported.

use lkmm_model::models;
use lkmm_model::program::Program;
use lkmm_naive::{Config, Counts, Limits, NaiveError, describe, enumerate, generate_from_seed, judge, shrink};
use lkmm_search::{Options, Outcome, Question, SearchError, search};
use std::sync::atomic::{AtomicU64, Ordering};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name} is not a number: {v}")))
}

/// What both sides say of a program, in words; `None` if the enumerator gave up.
fn answers(program: &Program) -> Option<(String, String)> {
    let naive = match enumerate(program, &judge, &Limits::default()) {
        Err(NaiveError::TooManyCandidates) => return None,
        Err(NaiveError::Illegal(_)) => "illegal operation".to_string(),
        Err(NaiveError::BadAddress { .. }) => "bad address".to_string(),
        Ok(Counts { positive, negative, states, flags, truncated, thin_air }) => {
            format!("{positive} {negative} {states:?} {flags:?} {truncated} {thin_air}")
        }
    };
    let searched = match search(program, &Options::new(models::lkmm())) {
        Err(SearchError::Illegal(_)) => "illegal operation".to_string(),
        Err(SearchError::BadAddress { .. }) => "bad address".to_string(),
        Err(error) => error.to_string(),
        Ok(Outcome { positive, negative, states, flags, truncated, thin_air, .. }) => {
            format!("{positive} {negative} {states:?} {flags:?} {truncated} {thin_air}")
        }
    };
    Some((naive, searched))
}

/// Does the search for the verdict alone agree with the search for everything, errors included?
fn verdicts_agree(program: &Program) -> bool {
    let everything = search(program, &Options::new(models::lkmm()));
    let options = Options { question: Question::Verdict, ..Options::new(models::lkmm()) };
    match (everything, search(program, &options)) {
        (Ok(everything), Ok(verdict)) => everything.verdict() == verdict.verdict(),
        (Err(error), Err(same)) => error == same,
        _ => false,
    }
}

fn disagrees(program: &Program) -> bool {
    answers(program).is_some_and(|(naive, searched)| naive != searched) || !verdicts_agree(program)
}

#[test]
fn the_search_agrees_with_the_naive_enumerator() {
    let (count, first) = (setting("LKMM_PROGRAMS", 2_000), setting("LKMM_SEED", 1));
    let (next, compared) = (AtomicU64::new(first), AtomicU64::new(0));
    let work = || {
        let config = Config::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return;
            }
            let program = generate_from_seed(seed, &config);
            if disagrees(&program) {
                let small = shrink(program, &disagrees);
                let (naive, searched) = answers(&small).unwrap_or_default();
                panic!(
                    "seed {seed}\n{}\nnaive:    {naive}\nsearched: {searched}\nverdicts agree: {}",
                    describe(&small),
                    verdicts_agree(&small)
                );
            }
            compared.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    println!("{} programs compared", compared.load(Ordering::Relaxed));
}

//! A bound on preemptions: what is explored is what has no more, by another count.

#[path = "common/preemptions.rs"]
mod preemptions;

use lkmm_model::build::{Ordering, ProgramBuilder};
use lkmm_model::models;
use lkmm_model::program::{Operator, Program};
use lkmm_naive::{Config, describe, generate_from_seed};
use lkmm_search::open::{self, ClosedProgram, Ending, OpenError, Statistics, Strategy};
use preemptions::fewest_preemptions;
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Executions in words, with how often each was found and how many preemptions it has.
type Executions = BTreeMap<String, (u32, Option<u32>)>;

fn explore(program: &Program, strategy: Strategy, schedule: &[usize]) -> Result<(Statistics, Executions), OpenError> {
    let options = open::Options { strategy, schedule: schedule.to_vec(), ..open::Options::new(models::lkmm()) };
    let mut executions = Executions::new();
    let found = &mut |found: &open::Found<'_>| {
        if *found.ending() != Ending::Cut {
            let x = found.execution();
            let entry = executions.entry(format!("{x:?} {:?}", found.flags()));
            entry.or_insert_with(|| (0, fewest_preemptions(&x))).0 += 1;
        }
        ControlFlow::Continue(())
    };
    let statistics = open::explore(&mut ClosedProgram::new(program), &options, found)?;
    Ok((statistics, executions))
}

#[test]
fn what_is_explored_is_what_has_few_preemptions() {
    let setting = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name} is not a number: {v}")))
    };
    let (count, first) = (setting("LKMM_PROGRAMS", 1_000), setting("LKMM_SEED", 1));
    let mut tally: BTreeMap<Option<u32>, u64> = BTreeMap::new();
    for seed in first..first + count {
        let program = generate_from_seed(seed, &Config { candidates: 2_000, ..Config::default() });
        let program = &Program { filter: None, ..program };
        let Ok((_, all)) = explore(program, Strategy::Exhaustive, &[]) else { continue };
        all.values().for_each(|&(_, fewest)| *tally.entry(fewest).or_default() += 1);
        let forward: Vec<usize> = (0..program.threads.len()).collect();
        let backward: Vec<usize> = forward.iter().rev().copied().collect();
        for most in [0, 1, 2, 3, 100] {
            let mut expected = all.clone();
            expected.retain(|_, (_, fewest)| fewest.is_some_and(|n| n <= most));
            for schedule in [&forward, &backward] {
                let (statistics, found) =
                    explore(program, Strategy::Preemptions(most), schedule).expect("it has a meaning");
                assert!(statistics.has_reached_bound && !statistics.is_complete);
                if found != expected {
                    let differing = |(x, n): &(&String, &_)| expected.get(*x) != Some(*n);
                    let more: Vec<_> = found.iter().filter(differing).collect();
                    let less: Vec<_> = expected.iter().filter(|(x, n)| found.get(*x) != Some(*n)).collect();
                    let text = describe(program);
                    panic!("seed {seed}, at most {most}, {schedule:?}\n{text}\nfound {more:#?}\nnot found {less:#?}");
                }
            }
        }
    }
    println!("executions by preemptions: {tally:?}");
}

/// Threads that each add to a counter so many times.
fn adders(threads: usize, times: usize) -> Program {
    let mut program = ProgramBuilder::new();
    let x = program.location("x", 0);
    for _ in 0..threads {
        let mut thread = program.thread();
        for i in 0..times {
            thread.fetch(Ordering::Relaxed, Operator::Add, x, 1, &format!("r{i}"));
        }
    }
    program.finish()
}

#[test]
fn few_preemptions_are_few_executions() {
    let executions = |program: &Program, most| {
        let (statistics, _) = explore(program, Strategy::Preemptions(most), &[]).expect("it has a meaning");
        println!("{most}: {statistics:?}");
        // Most of the search is never entered.
        assert!(statistics.runs < 5_000);
        statistics.executions
    };
    // Of 12! / (4!)^3 = 34,650: threads that run one after the other; one of them in two parts.
    let program = adders(3, 4);
    assert_eq!(executions(&program, 0), 6);
    assert_eq!(executions(&program, 1), 6 + 3 * 3 * 6);
    // Of 24! / (8!)^3, some 9 thousand millions.
    assert_eq!(executions(&adders(3, 8), 0), 6);
}

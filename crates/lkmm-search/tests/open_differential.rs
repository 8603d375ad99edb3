//! The open search against the definition of what it explores, on generated programs.
//!
//! Executions without a cycle of `po ∪ rf` are all grounded: the open search must find those that the naive enumerator
//! finds, which builds every candidate execution and judges it with its own model. Executions with a cycle must be those
//! that `enumerate_grounded` finds, which makes every step of the definition from every graph. (The naive enumerator is of
//! no help there: what it says of values that are copied in a circle is what herd7 says, a symbol or nothing.) That is
//! slow, and done where one of the others has found such an execution, and for some other programs. Every other program is
//! robbed of its dependencies, so that more of them have such executions.
//!
//! Each execution must be found once, with the same relations, values and flags, whatever the order in which the search
//! prefers the threads, and, for one program of four, if three workers search it together. `LKMM_PROGRAMS` sets the number of programs (default 4,000), `LKMM_SEED` the first seed. A
//! disagreement is shrunk before it is reported.
//!
//! Not compared are programs that the open search refuses: those whose control paths part where no read decides (the
//! generator adds dependencies that no expression explains, different on each path), those that unlock a lock which
//! they do not hold, and those that use a lock otherwise. Nor are those whose answer is an error. (The open search meets
//! errors on the way to a deadlock, too, of which the naive enumerator does not know. Whether they are there, the definition
//! tells.)

use lkmm_model::graph::Execution;
use lkmm_model::models;
use lkmm_model::program::Program;
use lkmm_naive::{
    Config, Judgement, Limits, describe, enumerate_grounded, generate_from_seed, goes_wrong, has_cycle, judge, shrink,
};
use lkmm_search::open::{self, Ending, OpenError};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |v| v.parse().unwrap_or_else(|_| panic!("{name} is not a number: {v}")))
}

/// Executions without and with a cycle, in words, with how often each was found.
type Executions = BTreeMap<(bool, String), u64>;

/// The executions without a cycle, whether they are cut, and if there are others; `None` if that takes too long, or there
/// is none because the program is in error.
fn naive(program: &Program) -> Option<(Executions, bool, bool)> {
    let mut executions = Executions::new();
    let cyclic = Cell::new(false);
    let acyclic = |x: &Execution| match judge(x) {
        judgement if judgement.consistent && has_cycle(x) => {
            cyclic.set(true);
            Judgement::violates("no load buffering")
        }
        judgement => judgement,
    };
    // Counted with the flags that it raises.
    let record = &mut |x: &Execution, _: &[_]| {
        *executions.entry((false, format!("{x:?} {:?}", judge(x).flags))).or_default() += 1;
    };
    let counts = lkmm_naive::enumerate_with(program, &acyclic, &Limits::default(), record).ok()?;
    Some((executions, counts.truncated, cyclic.get()))
}

/// The executions with a cycle; `None` if that takes too long.
fn grounded(program: &Program) -> Option<Executions> {
    let mut executions = Executions::new();
    let visit = &mut |x: &Execution| {
        if has_cycle(x) {
            *executions.entry((true, format!("{x:?} {:?}", judge(x).flags))).or_default() += 1;
        }
    };
    enumerate_grounded(program, 30_000, visit).ok()?;
    Some(executions)
}

/// The executions that the open search finds, and whether one without a cycle is cut.
fn searched(program: &Program, schedule: &[usize]) -> Result<(Executions, bool), OpenError> {
    let options = open::Options { schedule: schedule.to_vec(), ..open::Options::new(models::lkmm()) };
    let alone = open::Team::new(1);
    let (executions, truncated, statistics) = searched_in(&alone, program, &options)?;
    assert!(alone.total(&[statistics]).is_complete);
    Ok((executions, truncated))
}

/// The same, by three workers.
fn searched_together(program: &Program) -> Result<(Executions, bool), OpenError> {
    let (options, team) = (open::Options::new(models::lkmm()), open::Team::new(3));
    let work = || searched_in(&team, program, &options);
    let parts = std::thread::scope(|scope| {
        let others = [scope.spawn(work), scope.spawn(work)];
        let ours = work();
        [ours].into_iter().chain(others.map(|other| other.join().expect("a worker"))).collect::<Result<Vec<_>, _>>()
    })?;
    let (mut executions, mut truncated, mut statistics) = (Executions::new(), false, Vec::new());
    for (part, cut, its) in parts {
        part.into_iter().for_each(|(execution, n)| *executions.entry(execution).or_default() += n);
        truncated |= cut;
        statistics.push(its);
    }
    let total = team.total(&statistics);
    assert!(total.is_complete && (total.share - 1.0).abs() < 1e-6, "{total:?}");
    Ok((executions, truncated))
}

/// What one worker finds.
fn searched_in(
    team: &open::Team,
    program: &Program,
    options: &open::Options,
) -> Result<(Executions, bool, open::Statistics), OpenError> {
    let (mut executions, mut truncated) = (Executions::new(), false);
    let statistics = open::explore_in(team, &mut open::ClosedProgram::new(program), options, &mut |found| {
        let mut flags = found.flags().to_vec();
        flags.sort_unstable();
        if *found.ending() == Ending::Cut {
            truncated |= !found.is_cyclic();
        } else {
            let execution = found.execution();
            assert_eq!(found.is_cyclic(), has_cycle(&execution));
            *executions.entry((found.is_cyclic(), format!("{execution:?} {flags:?}"))).or_default() += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok((executions, truncated, statistics))
}

/// How a program was compared.
enum Compared {
    Skipped(&'static str),
    Agrees { executions: u64, cyclic: u64, grounded: bool },
    Differs(String),
}

fn compare(program: &Program, always_ground: bool, together: bool) -> Compared {
    // A filter drops executions, of both kinds alike.
    let program = &Program { filter: None, ..program.clone() };
    let n = program.threads.len();
    let forward: Vec<usize> = (0..n).collect();
    let schedules = [forward.clone(), forward.iter().rev().copied().collect(), (1..n).chain([0]).collect()];
    let together = together.then(|| searched_together(program));
    let answers: Result<Vec<_>, OpenError> = schedules.iter().map(|s| searched(program, s)).chain(together).collect();
    let answers = match answers {
        Err(OpenError::NoTree { .. }) => return Compared::Skipped("no tree"),
        Err(OpenError::StrayUnlock { .. }) => return Compared::Skipped("stray unlock"),
        Err(OpenError::MixedLock(_)) => return Compared::Skipped("mixed lock"),
        answers => answers,
    };
    let Some((mut expected, truncated, others)) = naive(program) else { return Compared::Skipped("error") };
    let answers = match answers {
        Ok(answers) => answers,
        Err(error @ OpenError::Illegal(_)) => {
            return match goes_wrong(program, 30_000) {
                Ok(true) => Compared::Skipped("error before a deadlock"),
                Ok(false) => Compared::Differs(format!("open: {error}")),
                Err(_) => Compared::Skipped("error, and too many graphs to look for it"),
            };
        }
        Err(error) => return Compared::Differs(format!("open: {error}")),
    };
    let mut ground = always_ground || others || answers[0].0.keys().any(|(cyclic, _)| *cyclic);
    if ground {
        match grounded(program) {
            Some(cyclic) => expected.extend(cyclic),
            None => ground = false,
        }
    }
    let cyclic = expected.keys().filter(|(cyclic, _)| *cyclic).count() as u64;
    let how = schedules.iter().map(|schedule| format!("schedule {schedule:?}")).chain(["three workers".to_string()]);
    for ((mut found, cut), how) in answers.into_iter().zip(how) {
        if !ground {
            found.retain(|(cyclic, _), _| !cyclic);
        }
        if found != expected || cut != truncated {
            let keys: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
            let count = |of: &Executions, key| of.get(key).copied().unwrap_or(0);
            let lines = keys.iter().map(|&key| (count(&expected, key), count(&found, key), key));
            let lines = lines.filter(|(a, b, _)| a != b).map(|(a, b, x)| format!("expected {a}, found {b}: {x:?}\n"));
            return Compared::Differs(format!(
                "{how}; {} of {} found; truncated {cut}, expected {truncated}\n{}",
                found.len(),
                expected.len(),
                lines.collect::<String>()
            ));
        }
    }
    Compared::Agrees { executions: expected.len() as u64, cyclic, grounded: ground }
}

/// Without dependencies, that is, with values that flow and order nothing, far more programs have load buffering.
fn drop_dependencies(program: &mut Program) {
    for path in program.threads.iter_mut().flat_map(|thread| &mut thread.paths) {
        path.addr.clear();
        path.data.clear();
        path.ctrl.clear();
    }
}

fn differs(program: &Program) -> bool {
    matches!(compare(program, true, true), Compared::Differs(_))
}

#[test]
fn the_open_search_finds_each_grounded_execution_once() {
    let (count, first) = (setting("LKMM_PROGRAMS", 4_000), setting("LKMM_SEED", 1));
    let next = AtomicU64::new(first);
    let work = || {
        let config = Config { candidates: 2_000, ..Config::default() };
        let mut tally: BTreeMap<&'static str, u64> = BTreeMap::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return tally;
            }
            let mut program = generate_from_seed(seed, &config);
            if seed % 2 == 0 {
                drop_dependencies(&mut program);
            }
            match compare(&program, seed % 20 == 0, seed % 8 < 2) {
                Compared::Skipped(why) => *tally.entry(why).or_default() += 1,
                Compared::Agrees { executions, cyclic, grounded } => {
                    *tally.entry("compared").or_default() += 1;
                    *tally.entry("executions").or_default() += executions;
                    *tally.entry("executions with load buffering").or_default() += cyclic;
                    *tally.entry("compared with the definition").or_default() += u64::from(grounded);
                    *tally.entry("programs with load buffering").or_default() += u64::from(cyclic > 0);
                }
                Compared::Differs(first) => {
                    let small = shrink(program, &differs);
                    let how = match compare(&small, true, true) {
                        Compared::Differs(how) => how,
                        _ => first,
                    };
                    panic!("seed {seed}\n{}\n{how}", describe(&small));
                }
            }
        }
    };
    let mut tally: BTreeMap<&'static str, u64> = BTreeMap::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(part) => part.into_iter().for_each(|(what, n)| *tally.entry(what).or_default() += n),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    println!("{tally:?}");
}

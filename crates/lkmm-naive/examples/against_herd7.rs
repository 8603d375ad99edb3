//! Compares the oracle with herd7 on random litmus tests: `against_herd7 COUNT [FIRST_SEED]`.
//!
//! `HERD7` is the command, with the arguments that choose the 6.12 model; `HERD7_DIR` the folder to run it in (that of
//! the model files), if any. Prints what differs, and exits with 1 if anything does.

use lkmm_model::program::{Observable, Program, Value};
use lkmm_naive::{Config, Counts, Limits, Litmus, NaiveError, enumerate, generate_litmus, judge};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// How many tests one run of herd7 gets.
const BATCH: u64 = 200;

/// What herd7 prints of a test.
#[derive(Debug, Default, PartialEq)]
struct Answer {
    states: BTreeSet<BTreeMap<String, String>>,
    flags: BTreeSet<String>,
    positive: u64,
    negative: u64,
    truncated: bool,
}

fn main() -> std::io::Result<()> {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>().expect("a number"));
    let count = arguments.next().unwrap_or(1000);
    let first = arguments.next().unwrap_or(0);
    let herd7 = std::env::var("HERD7").expect("HERD7 is the command to run herd7");
    let directory = std::env::temp_dir().join(format!("against-herd7-{}", std::process::id()));
    std::fs::create_dir_all(&directory)?;
    let (mut compared, mut rejected, mut sometimes, mut different) = (0, 0, 0, 0);
    for start in (first..first + count).step_by(BATCH as usize) {
        let seeds = start..(start + BATCH).min(first + count);
        let tests: Vec<(u64, Litmus)> = seeds.map(|seed| (seed, generate_litmus(seed, &Config::default()))).collect();
        let mut answers = run_herd7(&herd7, &directory, &tests)?;
        // A test on which herd7 dies takes the rest of its batch with it.
        for test in &tests {
            if !answers.contains_key(&format!("random-{}", test.0)) {
                answers.extend(run_herd7(&herd7, &directory, std::slice::from_ref(test))?);
            }
        }
        for (seed, test) in &tests {
            let ours = enumerate(&test.program, &judge, &Limits::default());
            let theirs = answers.get(&format!("random-{seed}"));
            match (ours.map(|counts| answer(&test.program, &counts)), theirs) {
                (Ok(ours), Some(theirs)) if ours == *theirs => {
                    compared += 1;
                    sometimes += u64::from(ours.positive > 0 && ours.negative > 0);
                }
                (Err(NaiveError::Illegal(_) | NaiveError::BadAddress { .. }), None) => rejected += 1,
                (ours, theirs) => {
                    different += 1;
                    println!("{}ours   {ours:?}\nherd7  {theirs:?}\n", test.text);
                }
            }
        }
    }
    std::fs::remove_dir_all(&directory)?;
    println!("{compared} agree ({sometimes} sometimes), {rejected} rejected by both, {different} differ");
    std::process::exit(i32::from(different > 0));
}

fn run_herd7(herd7: &str, directory: &Path, tests: &[(u64, Litmus)]) -> std::io::Result<BTreeMap<String, Answer>> {
    let mut words = herd7.split_whitespace();
    let mut command = Command::new(words.next().expect("HERD7 is not empty"));
    command.args(words);
    for (seed, test) in tests {
        let file = directory.join(format!("random-{seed}.litmus"));
        std::fs::write(&file, &test.text)?;
        command.arg(file);
    }
    if let Ok(folder) = std::env::var("HERD7_DIR") {
        command.current_dir(folder);
    }
    let output = command.output()?;
    let mut answers = parse(&String::from_utf8_lossy(&output.stdout));
    for warning in String::from_utf8_lossy(&output.stderr).lines().filter(|l| l.contains("unrolling limit")) {
        for (name, answer) in &mut answers {
            answer.truncated |= warning.contains(&format!("{name}.litmus"));
        }
    }
    Ok(answers)
}

fn parse(output: &str) -> BTreeMap<String, Answer> {
    let mut answers = BTreeMap::new();
    let mut name = None;
    let mut answer = Answer::default();
    for line in output.lines() {
        if let Some(rest) = line.strip_prefix("Test ") {
            name = rest.split_whitespace().next().map(str::to_string);
            answer = Answer::default();
        } else if let Some(flag) = line.strip_prefix("Flag ") {
            answer.flags.insert(flag.to_string());
        } else if let Some(rest) = line.strip_prefix("Positive: ") {
            let mut numbers = rest.split(" Negative: ").map(|n| n.parse().expect("a count"));
            (answer.positive, answer.negative) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        } else if line.starts_with("Observation ") {
            if let Some(name) = name.take() {
                answers.insert(name, std::mem::take(&mut answer));
            }
        } else if name.is_some() && line.ends_with(';') {
            let pairs = line.split(';').filter_map(|pair| pair.trim().split_once('='));
            let state = pairs.map(|(what, value)| (what.trim_matches(['[', ']']).to_string(), value.to_string()));
            answer.states.insert(renumber(state.collect()));
        }
    }
    answers
}

fn answer(program: &Program, counts: &Counts) -> Answer {
    let name = |&observable: &Observable| match observable {
        Observable::Register(t, r) => format!("{t}:{}", program.threads[t as usize].registers[r as usize]),
        Observable::Location(l) => program.locations[l as usize].name.clone(),
    };
    let show = |&value: &Value| match value {
        Value::Int(i) => i.to_string(),
        Value::Address(l, _) => program.locations[l as usize].name.clone(),
        Value::Symbol(s) => format!("S{s}"),
        Value::Bits(bits) => format!("{bits:#x}"),
    };
    let state =
        |values: &Vec<Value>| renumber(program.observed.iter().map(name).zip(values.iter().map(show)).collect());
    Answer {
        states: counts.states.keys().filter(|_| !program.observed.is_empty()).map(state).collect(),
        flags: counts.flags.iter().map(|flag| flag.to_string()).collect(),
        positive: counts.positive,
        negative: counts.negative,
        truncated: counts.truncated,
    }
}

/// The state with its symbols (`S12`) numbered in the order in which they appear.
fn renumber(state: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut symbols: Vec<String> = Vec::new();
    let mut renumbered = BTreeMap::new();
    for (what, value) in state {
        let symbolic = value.strip_prefix('S').is_some_and(|n| n.parse::<u64>().is_ok());
        let value = if symbolic {
            let known = symbols.iter().position(|s| *s == value);
            format!(
                "S{}",
                known.unwrap_or_else(|| {
                    symbols.push(value);
                    symbols.len() - 1
                })
            )
        } else {
            value
        };
        renumbered.insert(what, value);
    }
    renumbered
}

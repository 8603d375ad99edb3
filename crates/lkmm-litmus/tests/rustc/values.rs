//! Programs made at random are run, and checked: there is one final state, the same.

use crate::compiler::{PRELUDE, compile, folder};
use crate::programs::{LOCATIONS, Program, REGISTERS, Random, TYPES, name, program};
use lkmm_litmus::{Settings, check};
use lkmm_model::models;
use lkmm_model::program::Value;
use std::fmt::Write;
use std::process::Command;

const PROGRAMS: usize = 400;

/// The final values when it is checked; `Err` has the reason if it is refused.
fn checked(program: &Program) -> Result<Vec<i32>, String> {
    let registers: Vec<String> = (0..REGISTERS).map(|register| format!("0:r{register};")).collect();
    let locations: Vec<String> = LOCATIONS.iter().map(|location| format!("{location};")).collect();
    let source = format!(
        "Rust random\n{{}}\nfn P0({}) {{\n{}}}\nlocations [{} {}]\n",
        program.parameters,
        program.body,
        registers.concat(),
        locations.concat()
    );
    let settings = Settings { unroll: 8, ..Settings::new(models::lkmm()) };
    let report = check("random", source.clone(), &settings);
    let Some(outcome) = report.outcome() else { return Err(format!("{:?}\n{source}", report.answer)) };
    let observed = &report.test.as_ref().expect("it was read").observed;
    assert_eq!(outcome.states.len(), 1, "{source}");
    assert!(!outcome.truncated, "{source}");
    let state = outcome.states.keys().next().expect("a state");
    let of = |what: &str| match state[observed.iter().position(|o| o == what).expect("it is observed")] {
        Value::Int(value) => value,
        other => panic!("{other:?}"),
    };
    let registers = (0..REGISTERS).map(|register| of(&format!("0:r{register}")));
    Ok(registers.chain(LOCATIONS.iter().map(|location| of(&format!("[{location}]")))).collect())
}

/// A program that runs all of them, and prints a line for each.
fn runner(programs: &[Program]) -> String {
    let mut out = format!("{PRELUDE}\nfn show(values: &[i128]) {{ println!(\"{{values:?}}\"); }}\n");
    for (number, program) in programs.iter().enumerate() {
        let all: Vec<String> = (0..REGISTERS)
            .map(|register| format!("r{register} as i128"))
            .chain(LOCATIONS.iter().map(|location| format!("{location}.load(Relaxed) as i128")))
            .collect();
        let show = format!("show(&[{}]);", all.join(", "));
        let body = program.body.replace("return;", &format!("{show} return;"));
        let _ = writeln!(out, "fn p{number}({}) {{\n{body}{show}\n}}", program.parameters);
    }
    let _ = writeln!(out, "fn main() {{");
    let fresh: Vec<&str> = (0..LOCATIONS.len())
        .map(|ty| if ty < TYPES.len() { "&Atomic::new(0)" } else { "&Atomic::new(false)" })
        .collect();
    for number in 0..programs.len() {
        let _ = writeln!(out, "p{number}({});", fresh.join(", "));
    }
    out + "}\n"
}

#[test]
fn what_runs_ends_as_what_is_checked() {
    let seed = std::env::var("LKMM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(20_261_123);
    let mut random = Random(seed);
    let (mut programs, mut expected, mut refusals) = (Vec::new(), Vec::new(), Vec::new());
    // What the compiler sees to overflow is an error to it as well. Few programs have more control paths than are unfolded.
    while programs.len() < PROGRAMS {
        let program = program(&mut random);
        match checked(&program) {
            Ok(values) => {
                programs.push(program);
                expected.push(values);
            }
            Err(why) if why.contains("this overflows") || why.contains("too many") => {}
            Err(why) => refusals.push(why),
        }
        assert!(refusals.len() < 20, "{}", refusals.join("\n"));
    }
    let flags = [
        "-Coverflow-checks=off",
        "-Copt-level=0",
        "-Cdebuginfo=0",
        "-Aarithmetic_overflow",
        "--crate-name=random",
        "--crate-type=bin",
    ];
    let output = compile("random", &runner(&programs), &flags);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let output = Command::new(folder().join("random")).output().expect("it runs");
    let text = String::from_utf8(output.stdout).expect("numbers");
    assert_eq!(text.lines().count(), programs.len(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut failures = Vec::new();
    for ((line, expected), program) in text.lines().zip(&expected).zip(&programs) {
        let run: Vec<i128> = line.trim_matches(['[', ']']).split(", ").map(|n| n.parse().expect("a number")).collect();
        let types = program.registers.iter().copied().chain(0..LOCATIONS.len());
        for (place, (ty, (run, checked))) in types.zip(run.iter().zip(expected)).enumerate() {
            // The model has 32 bits and a sign; narrower numbers are exactly what they are.
            let same = match TYPES.get(ty) {
                Some((_, 32.., _)) => *run as i32 == *checked,
                _ => *run == i128::from(*checked),
            };
            if !same {
                failures.push(format!(
                    "{} number {place}, a {}: run {run}, checked {checked}\n{}",
                    if place < REGISTERS { "register" } else { "location" },
                    name(ty),
                    program.body
                ));
                break;
            }
        }
    }
    failures.sort_by_key(String::len);
    refusals.sort_by_key(String::len);
    assert!(
        failures.is_empty(),
        "{} of {}:\n{}",
        failures.len(),
        programs.len(),
        failures[..failures.len().min(3)].join("\n")
    );
    assert!(refusals.is_empty(), "{}", refusals[..refusals.len().min(5)].join("\n"));
}

//! `lkmm weaken`: orderings that a test does not need, in lines, in JSON, or taken out of the test.

use crate::change_args::Weaken as Args;
use crate::changes::{self, Source, notes, step_json, step_line, verdict_name, write_test};
use lkmm_litmus::Settings;
use lkmm_litmus::repair::{Step, Weakened, weaken};
use lkmm_report::Problem;
use serde_json::json;
use std::io::{self, Write};

/// Weakens what the arguments name, and returns the exit code.
///
/// # Errors
/// Those of the standard output and of the file that is written, and contradictory arguments.
pub fn run(args: &Args) -> io::Result<u8> {
    changes::each(&args.common, args.apply, |source, settings, out| one(args, source, settings, out))
}

fn one(args: &Args, source: &Source, settings: &Settings, out: &mut dyn Write) -> io::Result<Result<u8, Problem>> {
    let found = match weaken(&source.text, settings, args.common.arch.table()) {
        Ok(found) => found,
        Err(problem) => return Ok(Err(problem)),
    };
    if args.apply {
        write_test(&args.common, &found.source, out)?;
    } else if args.common.json {
        write_json(args, source, &found, out)?;
    } else {
        write_lines(args, source, &found, out)?;
    }
    out.flush()?;
    Ok(Ok(u8::from(!found.complete)))
}

fn saved<'a>(steps: impl IntoIterator<Item = &'a Step>) -> u32 {
    steps.into_iter().map(|step| step.cost).sum()
}

fn write_lines(args: &Args, source: &Source, found: &Weakened, out: &mut dyn Write) -> io::Result<()> {
    let (verdict, arch) = (verdict_name(found.verdict), args.common.arch.table().name());
    let orderings = if found.orderings == 1 { "1 ordering".into() } else { format!("{} orderings", found.orderings) };
    let all = if found.complete { "" } else { " (the time ran out; there may be more)" };
    if found.each.is_empty() {
        let none = if found.orderings == 0 { "there is none to relax" } else { "none can be relaxed" };
        writeln!(out, "{}: {verdict}; {orderings}: {none}{all}", found.name)?;
    } else {
        writeln!(out, "{}: {verdict}; {orderings}. By themselves can be relaxed{all} (costs on {arch}):", found.name)?;
        for weakening in &found.each {
            writeln!(out, "     {}", step_line(source, &weakening.step))?;
        }
        writeln!(out, "  Together, which saves {}:", saved(&found.together))?;
        for step in &found.together {
            writeln!(out, "     {}", step_line(source, step))?;
        }
    }
    for note in notes(found.race, found.truncated) {
        writeln!(out, "  note: {note}")?;
    }
    writeln!(out)
}

fn write_json(args: &Args, source: &Source, found: &Weakened, out: &mut dyn Write) -> io::Result<()> {
    let steps =
        |steps: &mut dyn Iterator<Item = &Step>| -> Vec<_> { steps.map(|step| step_json(source, step)).collect() };
    let object = json!({
        "file": source.file, "test": found.name, "verdict": verdict_name(found.verdict),
        "quantifier": found.quantifier.to_string(), "race": found.race, "truncated": found.truncated,
        "arch": args.common.arch.table().name(), "orderings": found.orderings, "complete": found.complete,
        "each": steps(&mut found.each.iter().map(|weakening| &weakening.step)),
        "together": steps(&mut found.together.iter()), "saves": saved(&found.together), "source": found.source,
    });
    writeln!(out, "{object}")
}

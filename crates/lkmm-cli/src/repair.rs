//! `lkmm repair`: least sets of strengthenings, in lines, in JSON, or written into the test.

use crate::change_args::Repair as Args;
use crate::changes::{self, Source, notes, step_json, step_line, unwanted, verdict_name, write_test};
use lkmm_litmus::Settings;
use lkmm_litmus::repair::{Goal, Kind, Proposal, Repair, Repaired, repair};
use lkmm_report::Problem;
use serde_json::json;
use std::io::{self, Write};

/// Repairs what the arguments name, and returns the exit code.
///
/// # Errors
/// Those of the standard output and of the file that is written, and contradictory arguments.
pub fn run(args: &Args) -> io::Result<u8> {
    changes::each(&args.common, args.apply.is_some(), |source, settings, out| one(args, source, settings, out))
}

fn one(args: &Args, source: &Source, settings: &Settings, out: &mut dyn Write) -> io::Result<Result<u8, Problem>> {
    let goal = if args.races { Goal::ConditionAndRaces } else { Goal::Condition };
    let found = match repair(&source.text, settings, args.common.arch.table(), goal) {
        Ok(found) => found,
        Err(problem) => return Ok(Err(problem)),
    };
    if let Some(number) = args.apply {
        return apply(args, &found, number, out);
    }
    if args.common.json {
        write_json(args, source, &found, out)?;
    } else {
        write_lines(args, source, &found, out)?;
    }
    out.flush()?;
    Ok(Ok(match &found.result {
        Repaired::Unneeded => 0,
        Repaired::Proposals { proposals, .. } => u8::from(proposals.is_empty()),
        Repaired::Sequential | Repaired::Impossible => 1,
    }))
}

/// Writes the test with a set of changes.
fn apply(args: &Args, found: &Repair, number: u32, out: &mut dyn Write) -> io::Result<Result<u8, Problem>> {
    let proposals: &[Proposal] = match &found.result {
        Repaired::Proposals { proposals, .. } => proposals,
        _ => &[],
    };
    match proposals.get(number as usize - 1) {
        Some(proposal) => write_test(&args.common, &proposal.source, out).map(|()| Ok(0)),
        None => {
            let message = format!("there is no set {number}: there are {}", proposals.len());
            Ok(Err(
                Problem::new(message).with_help("lkmm repair without --apply lists them, or says why there are none")
            ))
        }
    }
}

fn write_lines(args: &Args, source: &Source, found: &Repair, out: &mut dyn Write) -> io::Result<()> {
    let verdict = verdict_name(found.verdict);
    let races = if args.races { ", and data races" } else { "" };
    let unwanted = format!("{}{races}", unwanted(found.quantifier));
    match &found.result {
        Repaired::Unneeded => {
            writeln!(out, "{}: {verdict}; nothing is to be repaired", found.name)?;
        }
        Repaired::Sequential => {
            writeln!(
                out,
                "{}: {verdict}; no ordering forbids {unwanted}: it happens under sequential consistency",
                found.name
            )?;
        }
        Repaired::Impossible => {
            writeln!(out, "{}: {verdict}; all strengthenings together do not forbid {unwanted}", found.name)?;
        }
        Repaired::Proposals { proposals, .. } if proposals.is_empty() => {
            writeln!(out, "{}: {verdict}; the budget ran out before anything was found; raise --timeout", found.name)?;
        }
        Repaired::Proposals { proposals, complete } => {
            let all = if *complete { "" } else { " (found before a budget ran out; there may be others)" };
            let (sets, forbid) = if proposals.len() == 1 { ("set", "forbids") } else { ("sets", "forbid") };
            let arch = args.common.arch.table().name();
            writeln!(
                out,
                "{}: {verdict}; {} least {sets} of strengthenings {forbid} {unwanted}{all} (costs on {arch})",
                found.name,
                proposals.len()
            )?;
            for (number, proposal) in (1..).zip(proposals).take(args.limit) {
                writeln!(out, "\n{number:3}. cost {}", proposal.cost)?;
                for step in &proposal.steps {
                    writeln!(out, "     {}", step_line(source, step))?;
                }
                if let (true, Some(race)) = (found.race, proposal.race) {
                    writeln!(out, "     the data race {}", if race { "remains" } else { "is gone" })?;
                }
            }
            let depends =
                |proposal: &Proposal| proposal.steps.iter().any(|step| matches!(step.kind, Kind::Dependency { .. }));
            if proposals.iter().take(args.limit).any(depends) {
                writeln!(
                    out,
                    "\n  note: a dependency stands as a value that is always 0; the code must really have it"
                )?;
            }
            if proposals.len() > args.limit {
                writeln!(out, "\n{} more; raise --limit", proposals.len() - args.limit)?;
            }
        }
    }
    let failed = matches!(found.result, Repaired::Sequential | Repaired::Impossible);
    if failed && found.plain {
        writeln!(
            out,
            "  note: plain accesses are ordered only together with marked ones; mark them (READ_ONCE, WRITE_ONCE)"
        )?;
    }
    if failed && found.readers {
        writeln!(out, "  note: grace periods (synchronize_rcu) are no ordering of accesses, and are not proposed")?;
    }
    for note in notes(found.race, found.truncated) {
        writeln!(out, "  note: {note}")?;
    }
    writeln!(out)
}

fn write_json(args: &Args, source: &Source, found: &Repair, out: &mut dyn Write) -> io::Result<()> {
    let (result, proposals, complete) = match &found.result {
        Repaired::Unneeded => ("unneeded", &[][..], true),
        Repaired::Sequential => ("sequential", &[][..], true),
        Repaired::Impossible => ("impossible", &[][..], true),
        Repaired::Proposals { proposals, complete } => ("proposals", &proposals[..], *complete),
    };
    let proposals: Vec<_> = proposals
        .iter()
        .map(|proposal| {
            let steps: Vec<_> = proposal.steps.iter().map(|step| step_json(source, step)).collect();
            json!({ "cost": proposal.cost, "steps": steps, "race": proposal.race, "source": proposal.source })
        })
        .collect();
    let object = json!({
        "file": source.file, "test": found.name, "verdict": verdict_name(found.verdict),
        "quantifier": found.quantifier.to_string(), "race": found.race, "truncated": found.truncated,
        "arch": args.common.arch.table().name(), "result": result, "complete": complete, "proposals": proposals,
    });
    writeln!(out, "{object}")
}

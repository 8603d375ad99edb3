//! What `lkmm repair` and `lkmm weaken` have in common: from arguments to tests, and steps in lines and in JSON.

use crate::change_args::Common;
use crate::check::processors;
use crate::diagnostics;
use crate::files::{self, Input};
use anstream::{AutoStream, ColorChoice};
use lkmm_litmus::Settings;
use lkmm_litmus::repair::{Kind, Step};
use lkmm_model::cost::{Architecture, Ordered};
use lkmm_model::models;
use lkmm_report::{Position, Problem, Quantifier, Report};
use lkmm_search::Verdict;
use serde_json::{Value, json};
use std::fs;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A test that was read.
pub(crate) struct Source {
    pub(crate) file: String,
    pub(crate) text: String,
}

/// Does something with each test, and returns the highest exit code. What is wrong with a test goes to the standard error.
pub(crate) fn each(
    common: &Common,
    apply: bool,
    mut with: impl FnMut(&Source, &Settings, &mut dyn Write) -> io::Result<Result<u8, Problem>>,
) -> io::Result<u8> {
    let out = &mut io::stdout().lock();
    if common.costs {
        write_costs(out)?;
        return Ok(0);
    }
    let model = models::by_name(common.model)
        .ok_or_else(|| io::Error::other(format!("no model {}; see lkmm list-models", common.model)))?;
    let settings = Settings {
        jobs: common.jobs.map_or_else(processors, usize::from),
        timeout: Some(common.timeout),
        unroll: common.unroll,
        ..Settings::new(model)
    };
    let inputs = files::expand(&common.paths, Some(common.timeout));
    if apply && (inputs.len() > 1 || common.json) {
        return Err(io::Error::other("--apply writes one test, and no list"));
    }
    let mut code = 0;
    for input in &inputs {
        let (text, done) = match read(input, common) {
            Ok(text) => {
                let source = Source { file: input.name.clone(), text };
                // A defect in the engine must not cost the results of the other tests.
                let done = catch_unwind(AssertUnwindSafe(|| with(&source, &settings, out)));
                let defect = || Problem::new("lkmm failed on this test; this is a defect of lkmm");
                (source.text, done.unwrap_or_else(|_| Ok(Err(defect())))?)
            }
            Err(problem) => (String::new(), Err(problem)),
        };
        code = code.max(done.unwrap_or_else(|problem| {
            let report = Report { file: input.name.clone(), source: text, ..Report::default() };
            let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
            // It may be closed, which matters not: the results are elsewhere.
            let _ = writeln!(io::stderr(), "{}\n", diagnostics::render(&report, &problem, false, colours));
            2
        }));
    }
    out.flush()?;
    Ok(code)
}

fn read(input: &Input, common: &Common) -> Result<String, Problem> {
    input.read(Some(common.timeout))
}

/// Writes a changed test where the arguments say.
pub(crate) fn write_test(common: &Common, text: &str, out: &mut dyn Write) -> io::Result<()> {
    match &common.output {
        None => out.write_all(text.as_bytes()),
        Some(path) => {
            fs::write(path, text).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        }
    }
}

/// What a test does not want.
pub(crate) fn unwanted(quantifier: Quantifier) -> &'static str {
    match quantifier {
        Quantifier::Exists | Quantifier::NotExists => "that the condition holds",
        Quantifier::Forall => "that the condition does not hold",
    }
}

pub(crate) fn verdict_name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Never => "Never",
        Verdict::Sometimes => "Sometimes",
        Verdict::Always => "Always",
    }
}

/// A step as a line: where, what becomes of what, and the rank of its cost.
pub(crate) fn step_line(source: &Source, step: &Step) -> String {
    let at = Position::of(&source.text, step.span.start);
    let (before, after) = (one_line(&step.before), one_line(&step.after));
    let change = match &step.kind {
        Kind::Fence { after: false } => format!("add `{after}` before `{before}`"),
        Kind::Fence { after: true } => format!("add `{after}` after `{before}`"),
        _ if after.is_empty() => format!("remove `{before}`"),
        Kind::Dependency { on } => format!("`{before}` -> `{after}`: depends on {on}"),
        _ => format!("`{before}` -> `{after}`"),
    };
    format!("{}:{}:{}  {change}  ({})", source.file, at.line, at.column, step.cost)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A step in JSON.
pub(crate) fn step_json(source: &Source, step: &Step) -> Value {
    let at = Position::of(&source.text, step.span.start);
    let (kind, on) = match &step.kind {
        Kind::Ordering => ("ordering", None),
        Kind::Fence { after: false } => ("fence-before", None),
        Kind::Fence { after: true } => ("fence-after", None),
        Kind::Dependency { on } => ("dependency", Some(on)),
        Kind::WeakerFence => ("weaker-fence", None),
    };
    let edits: Vec<Value> = step
        .edits
        .iter()
        .map(|edit| json!({ "start": edit.span.start, "end": edit.span.end, "text": edit.text }))
        .collect();
    json!({
        "edits": edits, "kind": kind, "process": step.process, "line": at.line, "column": at.column, "before": step.before,
        "after": step.after, "on": on, "cost": step.cost,
    })
}

/// What a reader must know beside the result.
pub(crate) fn notes(race: bool, truncated: bool) -> Vec<&'static str> {
    let race = race.then_some(
        "the test has a data race, so that its verdict means little: mark the accesses (READ_ONCE, WRITE_ONCE), or order them (lkmm repair --races)",
    );
    let truncated =
        truncated.then_some("a loop was cut: what is said holds for so many turns; raise --unroll for more");
    race.into_iter().chain(truncated).collect()
}

/// Writes the table of costs.
fn write_costs(out: &mut dyn Write) -> io::Result<()> {
    let cell = |arch: Architecture, ordered| match arch.cost(ordered) {
        (rank, "") => rank.to_string(),
        (rank, instructions) => format!("{rank} {instructions}"),
    };
    write!(out, "{:26}", "")?;
    for arch in Architecture::ALL {
        write!(out, "  {:24}", arch.name())?;
    }
    writeln!(out)?;
    for ordered in Ordered::ALL {
        write!(out, "{:26}", ordered.name())?;
        for arch in Architecture::ALL {
            write!(out, "  {:24}", cell(arch, ordered))?;
        }
        writeln!(out)?;
    }
    writeln!(
        out,
        "\nRanks, which measure nothing, and what an ordering adds to the instructions of a relaxed access, as in Linux 6.12:\n\
         arch/*/include/asm/{{barrier,atomic,cmpxchg}}.h. A rank of 0 adds none."
    )
}

//! JSON: one object a line, with a schema that is kept stable.
//!
//! | key | value |
//! |---|---|
//! | `file`, `name`, `model` | text |
//! | `deps` | which dependencies order events: `syntactic` (those of herd7) or `observed` |
//! | `verdict` | `Never`, `Sometimes`, `Always`, `Timeout` (a budget ran out) or `Error` |
//! | `positive`, `negative` | executions that satisfy the condition, and that do not |
//! | `states` | the final states, each an object from observable to value, all as text; the order is herd7's |
//! | `flags` | names, sorted |
//! | `expected` | the verdict that the author expects, or null |
//! | `ok` | whether the test did as expected |
//! | `executions` | `positive` and `negative` together |
//! | `time_us` | microseconds for reading, unfolding, searching and explaining |
//! | `error` | null, or `{"message","line","column","help"}`; `line` and `column` count from 1 and are null where no place is at fault |
//! | `explanation` | why the verdict is what it is; there only if that was asked for and is known |
//!
//! `positive`, `negative`, `states`, `flags` and `executions` are null when only the verdict was asked for, and when there is no answer.
//!
//! An explanation is an object:
//!
//! | key | value |
//! |---|---|
//! | `kind` | `forbidden`; `impossible` (no candidate execution has the values, whatever is ordered); `allowed` |
//! | `condition` | whether it is about executions by which the condition is `satisfied`, or `violated` |
//! | `candidates` | unless allowed: how many candidate executions were looked at |
//! | `cut` | why not all candidates were looked at or explained, or not all orders tried; there only if so |
//! | `coherent` | unless allowed: whether those alone that are sequentially consistent at each location, for there are some |
//! | `kinds`, `reasons` | unless allowed: how many kinds of reasons there are; up to 16 reasons, the shortest first, each with its number of `candidates` |
//! | `sequential` | if allowed: whether operations take turns in the execution as they stand in the source |
//! | `missing` | if allowed: sets of orders that would forbid the execution, each `{"orders":[{"before","after","would"}],"then"}`; `then` is a reason, or null |
//!
//! A reason has an `axiom` of the model, and `edges` that make the `form`: a `cycle`, a `path` that may not be, or one `between` the ends of the
//! edges `besides`. An edge is `{"from","to","relation","inverse","within","via"}`: a relation of the model (if `inverse`, from `to` to `from`), what relations it
//! is a part of, the outermost first, and the events that it passes. An event is `{"thread","line","text","effect"}`; `thread` and `line` are null for an
//! initial write.

mod explanation;

use crate::problem::{Position, Problem};
use crate::report::{Answer, Report, verdict_name};
use crate::state::{State, States};
use explanation::Why;
use lkmm_search::Outcome;
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use std::io::{self, Write};

/// Writes one report as one line.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line::new(report))?;
    writeln!(out)
}

#[derive(Serialize)]
struct Line<'a> {
    file: &'a str,
    name: &'a str,
    model: &'a str,
    deps: &'static str,
    verdict: &'static str,
    positive: Option<u64>,
    negative: Option<u64>,
    states: Option<StateList<'a>>,
    flags: Option<Vec<&'static str>>,
    expected: Option<&'static str>,
    ok: bool,
    executions: Option<u64>,
    time_us: u64,
    error: Option<Failure<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<Why>,
}

impl<'a> Line<'a> {
    fn new(report: &'a Report) -> Line<'a> {
        let all = report.executions();
        let states = |outcome: &'a Outcome| report.test.as_ref().map(|test| StateList(States::new(test, outcome)));
        Line {
            file: &report.file,
            name: report.name(),
            model: &report.model,
            deps: report.dependencies.name(),
            verdict: match &report.answer {
                Answer::Executions(outcome) | Answer::Verdict(outcome) => verdict_name(outcome.verdict()),
                Answer::Timeout(_) => "Timeout",
                Answer::Error(_) => "Error",
            },
            positive: all.map(|o| o.positive),
            negative: all.map(|o| o.negative),
            states: all.and_then(states),
            flags: all.map(|o| o.flags.iter().copied().collect()),
            expected: report.expectation().map(|e| verdict_name(e.verdict)),
            ok: report.is_ok(),
            executions: all.map(|o| o.positive + o.negative),
            time_us: u64::try_from(report.time.as_micros()).unwrap_or(u64::MAX),
            error: match &report.answer {
                Answer::Error(problem) => Some(Failure::new(problem, &report.source)),
                Answer::Timeout(budget) => Some(Failure { message: budget, line: None, column: None, help: None }),
                Answer::Executions(_) | Answer::Verdict(_) => None,
            },
            explanation: Why::new(report),
        }
    }
}

#[derive(Serialize)]
struct Failure<'a> {
    message: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    help: Option<&'a str>,
}

impl<'a> Failure<'a> {
    fn new(problem: &'a Problem, source: &str) -> Failure<'a> {
        let position = problem.span.as_ref().map(|span| Position::of(source, span.start));
        Failure {
            message: &problem.message,
            line: position.map(|p| p.line),
            column: position.map(|p| p.column),
            help: problem.help.as_deref(),
        }
    }
}

struct StateList<'a>(States<'a>);

impl Serialize for StateList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for state in self.0.iter() {
            list.serialize_element(&StateObject(state))?;
        }
        list.end()
    }
}

struct StateObject<'a>(State<'a>);

impl Serialize for StateObject<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_map(None)?;
        for (name, value) in self.0.cells() {
            object.serialize_entry(name, &format_args!("{value}"))?;
        }
        object.end()
    }
}

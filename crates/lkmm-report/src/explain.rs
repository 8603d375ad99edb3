//! Why a verdict is what it is, as text: cycles in the lines of the source, and orders that are missing.

use crate::explanation::{Allowed, Explanation, Forbidden, Kind};
use crate::palette::Palette;
use crate::report::{Report, Test};
use crate::witness::{self, Picture, Step, cut, pad, place, width};
use crate::wording;
use lkmm_model::change::Change;
use lkmm_model::explain::{Edge, Form, Violation};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::missing::{Mend, Missing};
use std::io::{self, Write};

/// Kinds of reasons that are printed.
const KINDS: usize = 4;

/// Relations that an edge is said to be a part of, the innermost ones.
const WITHIN: usize = 2;

/// The longest phrase to which others are aligned.
const PHRASE: usize = 64;

/// The longest piece of source in a line of a cycle.
const QUOTE: usize = 40;

/// Writes why the verdict is what it is; nothing, if that is not known. If an execution answers the question, it comes first.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &Report, palette: &Palette) -> io::Result<()> {
    let (Some(test), Some(explanation)) = (&report.test, &report.explanation) else { return Ok(()) };
    match explanation {
        Explanation::Forbidden(forbidden) => Writer { report, test, palette }.write_forbidden(out, forbidden),
        Explanation::Allowed(allowed) => {
            witness::write(out, report, palette)?;
            writeln!(out)?;
            Writer { report, test, palette }.write_allowed(out, allowed)
        }
    }
}

struct Writer<'a> {
    report: &'a Report,
    test: &'a Test,
    palette: &'a Palette,
}

/// An event as a line of a cycle names it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    /// `P0:7`.
    pub(crate) place: String,
    /// The statement.
    pub(crate) text: String,
    /// What it does to memory.
    pub(crate) effect: String,
    /// The thread and the line, if they are known.
    pub(crate) thread: Option<u32>,
    pub(crate) line: Option<usize>,
}

/// The names of the events of an execution; of some that were changed, the numbers that events have there.
pub(crate) struct Names<'a> {
    picture: Picture<'a>,
    changed: Option<(&'a Execution, &'a [EventId])>,
}

impl<'a> Names<'a> {
    pub(crate) fn new(report: &'a Report, test: &'a Test, execution: &'a Execution, palette: &'a Palette) -> Names<'a> {
        Names { picture: Picture::new(report, test, execution, palette), changed: None }
    }

    /// The same events, after a change.
    pub(crate) fn changed(self, mend: &'a Mend) -> Names<'a> {
        Names { changed: Some((&mend.execution, &mend.place)), ..self }
    }

    /// The number of an event before the change; `None` if it is new.
    fn old(&self, event: EventId) -> Option<EventId> {
        match self.changed {
            Some((_, place)) => place.iter().position(|&new| new == event).map(|old| old as EventId),
            None => Some(event),
        }
    }

    fn step(&self, event: EventId) -> Option<&Step> {
        self.old(event).and_then(|event| self.picture.step_of(event))
    }

    pub(crate) fn of(&self, event: EventId) -> Named {
        if let Some(step) = self.step(event) {
            let place = format!("P{}", place(step));
            let effect = self.picture.effect(step);
            return Named { place, text: step.text.clone(), effect, thread: Some(step.thread), line: step.line };
        }
        match (self.old(event), self.changed) {
            (None, Some((execution, _))) => {
                let text = wording::fence(execution.events[event as usize].label);
                Named { text: format!("the added {text}"), ..Named::default() }
            }
            _ => Named { text: "initial value".into(), effect: self.picture.initial(event), ..Named::default() },
        }
    }

    /// The rule of an edge: how it leads on, its relation, and the relations that it is a part of.
    pub(crate) fn rule(&self, edge: &Edge<'_>) -> (String, String, String) {
        let how = wording::edge(edge.relation, edge.inverted, &self.passed(edge));
        let inverse = if edge.inverted { "^-1" } else { "" };
        let within: Vec<&str> = edge.within.iter().rev().copied().take(WITHIN).collect();
        (how, format!("{}{inverse}", edge.relation), within.join(", "))
    }

    /// What an edge passes that is neither of its ends: `smp_wmb() (line 4)`.
    fn passed(&self, edge: &Edge<'_>) -> String {
        let is_end = |event: EventId| {
            let step = |event: EventId| self.step(event).map(std::ptr::from_ref);
            [edge.from, edge.to].into_iter().any(|end| step(end).is_some() && step(end) == step(event))
        };
        let mut passed: Vec<String> = Vec::new();
        // (What is between a read and a write that it does not see is the write that it sees: that is told by the values.)
        let events = edge.via.iter().copied().filter(|&event| edge.relation != "fr" && !is_end(event));
        for event in events {
            let named = self.of(event);
            let place = if named.place.is_empty() { named.text } else { format!("{} ({})", named.text, named.place) };
            if !passed.contains(&place) {
                passed.push(place);
            }
        }
        passed.join(" and ")
    }
}

/// The edges of a violation, the cycle from the first access of the first thread.
pub(crate) fn turned(violation: &Violation) -> Vec<Edge<'_>> {
    let mut edges = violation.edges();
    if violation.form == Form::Cycle {
        let first = (0..edges.len()).min_by_key(|&at| edges[at].from).unwrap_or(0);
        edges.rotate_left(first);
    }
    edges
}

/// An order in which operations take turns, if they can: `P0:3, P0:4; then P1:9; then P0:5`.
fn turns(x: &Execution, names: &Names<'_>) -> String {
    let number = |id: EventId| id as usize;
    let mut before: Vec<(EventId, EventId)> = [&x.po[..], &x.rf, &x.co].concat();
    for &(write, read) in &x.rf {
        before.extend(x.co.iter().filter(|pair| pair.0 == write && pair.1 != read).map(|pair| (read, pair.1)));
    }
    let mut left: Vec<EventId> = (0..x.events.len() as EventId).collect();
    let mut done = vec![false; x.events.len()];
    let (mut thread, mut places) = (None, Vec::new());
    while !left.is_empty() {
        let is_ready = |&&id: &&EventId| before.iter().all(|pair| pair.1 != id || done[number(pair.0)]);
        let ready: Vec<EventId> = left.iter().filter(is_ready).copied().collect();
        let own = ready.iter().find(|&&id| x.events[number(id)].thread == thread);
        let Some(&next) = own.or(ready.first()) else { break };
        done[number(next)] = true;
        left.retain(|&id| id != next);
        let place = names.of(next).place;
        let is_next = x.events[number(next)].thread != thread;
        thread = x.events[number(next)].thread;
        if thread.is_some() && places.last().is_none_or(|(_, last)| *last != place) {
            places.push((is_next, place));
        }
    }
    let mut text = String::new();
    for (is_next, place) in places {
        let and = match (text.is_empty(), is_next) {
            (true, _) => "",
            (false, true) => "; then ",
            (false, false) => ", ",
        };
        text.push_str(and);
        text.push_str(&place);
    }
    text
}

impl Writer<'_> {
    fn write_forbidden(&self, out: &mut dyn Write, forbidden: &Forbidden) -> io::Result<()> {
        let Palette { strong, faint, .. } = self.palette;
        let verb = if forbidden.satisfying { "satisfies" } else { "violates" };
        writeln!(out, "No execution {verb} {strong}{}{strong:#}", self.test.condition)?;
        let many = forbidden.candidates;
        let cut = forbidden.cut.as_ref().map_or(String::new(), |cut| format!(" ({cut})"));
        if many == 0 {
            let is_stuck = self.report.outcome().is_some_and(|outcome| outcome.positive + outcome.negative == 0);
            let why = match (is_stuck, cut.is_empty()) {
                (true, _) => {
                    "No execution completes: each waits for a lock for ever, or reads through no address, or the filter drops it."
                }
                (_, true) => {
                    "No candidate execution would, whatever is ordered: no choice of what each read sees, and of who takes a lock \
                     when, gives these values."
                }
                (_, false) => "None of the candidate executions that were looked at would, whatever is ordered.",
            };
            return writeln!(out, "\n  {why}{cut}");
        }
        let all = if forbidden.coherent { "" } else { ", if coherence did not count" };
        let (s, them) = if many == 1 { ("", "it") } else { ("s", "them") };
        writeln!(out, "\n  {many} candidate execution{s} would{all}{cut}; the model forbids {them}.")?;
        for kind in forbidden.kinds.iter().take(KINDS) {
            self.write_kind(out, kind, many)?;
        }
        let more = forbidden.all_kinds - forbidden.kinds.len().min(KINDS) as u64;
        if more > 0 {
            let s = if more == 1 { "" } else { "s" };
            writeln!(out, "\n  {faint}and {more} more kind{s} of reasons, with cycles that are not shorter{faint:#}")?;
        }
        Ok(())
    }

    fn write_kind(&self, out: &mut dyn Write, kind: &Kind, all: u64) -> io::Result<()> {
        let of = if all == 1 { String::new() } else { format!("{} of {all}: ", kind.candidates) };
        writeln!(out)?;
        self.write_axiom(out, &format!("{of}forbidden by"), &kind.violation)?;
        let names = Names::new(self.report, self.test, &kind.execution, self.palette);
        self.write_violation(out, &kind.violation, &names)
    }

    fn write_axiom(&self, out: &mut dyn Write, how: &str, violation: &Violation) -> io::Result<()> {
        let strong = self.palette.strong;
        let says = wording::axiom(violation.axiom).map_or(String::new(), |says| format!(": {says}"));
        writeln!(out, "  {how} {strong}{}{strong:#}{says}", violation.axiom)
    }

    fn write_violation(&self, out: &mut dyn Write, violation: &Violation, names: &Names<'_>) -> io::Result<()> {
        self.write_edges(out, &turned(violation), names, violation.form == Form::Cycle)?;
        if violation.form == Form::Between {
            writeln!(out, "  with that between the two ends of")?;
            self.write_edges(out, &violation.edges_besides(), names, false)?;
        }
        Ok(())
    }

    fn write_edges(&self, out: &mut dyn Write, edges: &[Edge<'_>], names: &Names<'_>, closed: bool) -> io::Result<()> {
        let Palette { faint, .. } = self.palette;
        let mut rows: Vec<(Named, String, String)> = edges
            .iter()
            .map(|edge| {
                let (how, relation, within) = names.rule(edge);
                let within = if within.is_empty() { String::new() } else { format!("  in {within}") };
                (names.of(edge.from), how, format!("{relation}{within}"))
            })
            .collect();
        let Some(last) = edges.last() else { return Ok(()) };
        let end = if closed { "(the first again)" } else { "" };
        rows.push((names.of(last.to), end.to_string(), String::new()));
        let widest =
            |of: &dyn Fn(&(Named, String, String)) -> String| rows.iter().map(|r| width(&of(r))).max().unwrap_or(0);
        let places = widest(&|row| row.0.place.clone());
        let texts = widest(&|row| cut(&row.0.text, QUOTE));
        let effects = widest(&|row| row.0.effect.clone());
        let hows = widest(&|row| row.1.clone()).min(PHRASE);
        for (named, how, relation) in &rows {
            let event = format!(
                "    {}  {}  {}",
                pad(&named.place, places),
                pad(&cut(&named.text, QUOTE), texts),
                pad(&named.effect, effects)
            );
            let line = format!("{event}  {}", pad(how, hows));
            match relation.is_empty() {
                true => writeln!(out, "{}", line.trim_end())?,
                false => writeln!(out, "{line}  {faint}{relation}{faint:#}")?,
            }
        }
        Ok(())
    }

    fn write_allowed(&self, out: &mut dyn Write, allowed: &Allowed) -> io::Result<()> {
        let outcome = self.report.outcome();
        let execution = outcome.and_then(|outcome| {
            if allowed.satisfying { outcome.witness.as_deref() } else { outcome.counter_witness.as_deref() }
        });
        let Some(execution) = execution else { return Ok(()) };
        match (allowed.sequential, allowed.mends.is_empty()) {
            (true, no_mends) => {
                let but = if no_mends { ", and no fence would forbid it" } else { "" };
                writeln!(out, "  Nothing is reordered: operations can take turns as they stand in the source{but}:")?;
                let names = Names::new(self.report, self.test, execution, self.palette);
                writeln!(out, "    {}", turns(execution, &names))?;
            }
            (false, true) => {
                writeln!(
                    out,
                    "  Fences between these operations would not forbid it, or it would take more than a few."
                )?;
            }
            (false, false) => {}
        }
        if let Some(cut) = &allowed.cut {
            writeln!(out, "  (Not all orders were tried: {cut}.)")?;
        }
        for (number, mend) in allowed.mends.iter().enumerate() {
            if number > 0 {
                writeln!(out, "\n  or else")?;
            }
            let names = Names::new(self.report, self.test, execution, self.palette);
            for missing in &mend.missing {
                self.write_missing(out, missing, &names)?;
            }
            if let Some(violation) = &mend.violation {
                let which = if mend.missing.len() == 1 { "With that order" } else { "With these orders" };
                self.write_axiom(out, &format!("{which}, this execution would be forbidden by"), violation)?;
                self.write_violation(out, violation, &names.changed(mend))?;
            }
        }
        Ok(())
    }

    fn write_missing(&self, out: &mut dyn Write, missing: &Missing, names: &Names<'_>) -> io::Result<()> {
        let strong = self.palette.strong;
        let quote = |event: EventId| {
            let named = names.of(event);
            format!("{strong}{}{strong:#} {}", named.place, named.text)
        };
        let (sentence, would) = missing_sentence(missing, names, &quote);
        writeln!(out, "  {sentence}:")?;
        writeln!(out, "    {would} would")
    }
}

/// What nothing orders, or not enough, and what would.
pub(crate) fn missing_sentence(
    missing: &Missing,
    names: &Names<'_>,
    quote: &dyn Fn(EventId) -> String,
) -> (String, String) {
    let place = |event: EventId| names.of(event).place;
    let would: Vec<String> = missing.changes.iter().map(|&change| wording::change(change, &place)).collect();
    let is_gp = matches!(missing.changes[..], [Change::Fence(lkmm_model::event::Fence::SyncRcu, _)]);
    let all = if is_gp { "" } else { " for other CPUs" };
    let (first, second) = (quote(missing.ends.0), quote(missing.ends.1));
    let sentence = if missing.is_weak && !is_gp {
        format!("{first} is ordered before {second}, but not strongly enough{all}")
    } else {
        format!("Nothing orders {first} before {second}{all}")
    };
    (sentence, would.join(", or "))
}

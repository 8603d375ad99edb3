//! One execution as text: what each thread does, what every read sees and why, and the order of the writes.
//!
//! The threads stand side by side, each in program order with line numbers. There is deliberately no order *between*
//! threads on the page: under a weak memory model there is none, beyond what the lines below the threads say. These name
//! the relations of the literature at their ends: `rf` (a read and the write it reads from), `fr` (a read and the next write, which it
//! does not see), `co` (the order of the writes to one location).

use crate::palette::Palette;
use crate::problem::Position;
use crate::report::{Quantifier, Report, Test};
use crate::state::{States, location_name, spell};
use lkmm_model::event::Label;
use lkmm_model::graph::{Event, EventId, Execution};
use lkmm_model::program::LocationId;
use std::io::{self, Write};

/// The width that the text keeps to, in characters.
const WIDTH: usize = 100;
/// Spaces between two threads that stand side by side.
const GAP: usize = 4;
/// The longest piece of source that stands in front of a sentence.
const QUOTE: usize = 36;

/// Writes the execution that answers the question: for `exists` and `~exists` one that satisfies the condition, for
/// `forall` one that does not. A line says so if there is none, or if the search was not asked to keep it.
///
/// # Errors
/// Those of `out`.
pub fn write(out: &mut dyn Write, report: &Report, palette: &Palette) -> io::Result<()> {
    let (Some(test), Some(outcome)) = (&report.test, report.outcome()) else { return Ok(()) };
    let (execution, found, none) = match test.quantifier {
        Quantifier::Exists => (&outcome.witness, "An execution that satisfies", "No execution satisfies"),
        Quantifier::NotExists => (&outcome.witness, "An execution that violates", "No execution violates"),
        Quantifier::Forall => (&outcome.counter_witness, "An execution that violates", "No execution violates"),
    };
    let strong = palette.strong;
    let Some(execution) = execution else { return writeln!(out, "{none} {}", test.condition) };
    writeln!(out, "{found} {strong}{}{strong:#}", test.condition)?;
    let picture = Picture::new(report, test, execution, palette);
    picture.write_threads(out)?;
    picture.write_reads(out)?;
    picture.write_coherence(out)?;
    picture.write_final_state(out)
}

/// One operation of the source with its events: an atomic operation has up to four.
pub(crate) struct Step {
    pub(crate) thread: u32,
    pub(crate) line: Option<usize>,
    pub(crate) text: String,
    pub(crate) events: Vec<EventId>,
}

pub(crate) struct Picture<'a> {
    report: &'a Report,
    test: &'a Test,
    execution: &'a Execution,
    palette: &'a Palette,
    pub(crate) steps: Vec<Step>,
    /// The writes of each location, initial writes and lock operations included, in coherence order.
    pub(crate) coherence: Vec<Vec<EventId>>,
}

impl<'a> Picture<'a> {
    pub(crate) fn new(
        report: &'a Report,
        test: &'a Test,
        execution: &'a Execution,
        palette: &'a Palette,
    ) -> Picture<'a> {
        let steps = steps(report, test, execution);
        let coherence = (0..test.program.locations.len() as LocationId).map(|l| coherence(execution, l)).collect();
        Picture { report, test, execution, palette, steps, coherence }
    }

    pub(crate) fn event(&self, id: EventId) -> Option<&Event> {
        self.execution.events.get(id as usize)
    }

    pub(crate) fn step_of(&self, id: EventId) -> Option<&Step> {
        self.steps.iter().find(|s| s.events.contains(&id))
    }

    fn location(&self, event: &Event) -> &str {
        event.location.map_or("?", |l| location_name(&self.test.program, l))
    }

    fn value(&self, event: &Event) -> String {
        event.value.map_or("?".into(), |v| spell(&self.test.program, v).to_string())
    }

    /// Writes the threads side by side, as many as fit, then the others below them.
    fn write_threads(&self, out: &mut dyn Write) -> io::Result<()> {
        let threads = self.steps.iter().map(|s| s.thread + 1).max().unwrap_or(0);
        let columns: Vec<Column> = (0..threads).map(|t| self.column(t)).filter(|c| !c.rows.is_empty()).collect();
        let mut rest = columns.as_slice();
        while let Some(first) = rest.first() {
            let mut used = 2 + first.width();
            let fits = rest[1..].iter().take_while(|c| {
                used += GAP + c.width();
                used <= WIDTH
            });
            let (band, after) = rest.split_at(1 + fits.count());
            writeln!(out)?;
            self.write_band(out, band)?;
            rest = after;
        }
        Ok(())
    }

    fn column(&self, thread: u32) -> Column {
        let steps = self.steps.iter().filter(|s| s.thread == thread);
        let mut rows: Vec<Row> = steps
            .map(|s| Row {
                line: s.line.map_or(String::new(), |l| l.to_string()),
                text: s.text.clone(),
                effect: self.effect(s),
            })
            .collect();
        let widest = |f: fn(&Row) -> &String| rows.iter().map(|r| width(f(r))).max().unwrap_or(0);
        let (line, effect) = (widest(|r| &r.line), widest(|r| &r.effect));
        let text = widest(|r| &r.text).min(WIDTH.saturating_sub(2 + line + 2 + 2 + effect));
        for row in &mut rows {
            row.text = cut(&row.text, text);
        }
        Column { thread, rows, line, text, effect }
    }

    fn write_band(&self, out: &mut dyn Write, band: &[Column]) -> io::Result<()> {
        let Palette { strong, faint, .. } = self.palette;
        let heads = band.iter().map(|c| (format!("P{}", c.thread), c.width(), strong));
        write_cells(out, heads.collect())?;
        write_cells(out, band.iter().map(|c| ("─".repeat(c.width()), c.width(), faint)).collect())?;
        for i in 0..band.iter().map(|c| c.rows.len()).max().unwrap_or(0) {
            let mut cells = Vec::new();
            let none = &self.palette.strong;
            for column in band {
                match column.rows.get(i) {
                    None => cells.push((String::new(), column.width(), none)),
                    Some(row) => cells.push((column.spell(row), column.width(), &PLAIN)),
                }
            }
            write_cells(out, cells)?;
        }
        Ok(())
    }

    /// What a step does to memory: `R x=1`, `W x=1`, `x: 0 → 1`, `lock s`.
    pub(crate) fn effect(&self, step: &Step) -> String {
        let events = || step.events.iter().filter_map(|&e| self.event(e));
        let read = events().find(|e| e.label.is_read());
        let write = events().find(|e| e.label.is_write());
        match (read, write) {
            (Some(r), Some(w)) => format!("{}: {} → {}", self.location(r), self.value(r), self.value(w)),
            (Some(r), None) => format!("R {}={}", self.location(r), self.value(r)),
            (None, Some(w)) => format!("W {}={}", self.location(w), self.value(w)),
            (None, None) => events().find_map(|e| self.lock_effect(e)).unwrap_or_default(),
        }
    }

    /// What an initial write gives: `x=0`.
    pub(crate) fn initial(&self, id: EventId) -> String {
        self.event(id).map_or(String::new(), |event| format!("W {}={}", self.location(event), self.value(event)))
    }

    fn lock_effect(&self, event: &Event) -> Option<String> {
        let lock = self.location(event);
        Some(match event.label {
            Label::LockRead | Label::LockWrite => format!("lock {lock}"),
            Label::Unlock => format!("unlock {lock}"),
            Label::LockFail | Label::ReadLocked => format!("{lock} is held"),
            Label::ReadUnlocked => format!("{lock} is free"),
            _ => return None,
        })
    }

    /// Writes for every read what it reads from, and which write it does not see.
    fn write_reads(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut sentences = Vec::new();
        for step in &self.steps {
            for &id in &step.events {
                if let Some(event) = self.event(id).filter(|e| reads(e.label)) {
                    sentences.push((
                        format!("P{}", place(step)),
                        cut(&step.text, QUOTE),
                        self.explain(id, event, step),
                    ));
                }
            }
        }
        if sentences.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        let places = sentences.iter().map(|s| width(&s.0)).max().unwrap_or(0);
        let quotes = sentences.iter().map(|s| width(&s.1)).max().unwrap_or(0);
        let room = WIDTH.saturating_sub(2 + places + 2 + quotes + 2 + 2 + "rf".len());
        let lines = sentences.iter().flat_map(|s| &s.2).map(|(line, _)| width(line)).max().unwrap_or(0).min(room);
        let faint = self.palette.faint;
        for (place, quote, explained) in &sentences {
            for (i, (line, relation)) in explained.iter().enumerate() {
                let (place, quote) = if i == 0 { (place.as_str(), quote.as_str()) } else { ("", "") };
                let line = pad(&cut(line, lines), lines);
                writeln!(out, "  {}  {}  {line}  {faint}{relation}{faint:#}", pad(place, places), pad(quote, quotes))?;
            }
        }
        Ok(())
    }

    /// What a read reads, and what comes too late for it, each with the name of the relation.
    fn explain(&self, read: EventId, event: &Event, step: &Step) -> Vec<(String, &'static str)> {
        let location = self.location(event);
        let mut lines = Vec::new();
        let source = self.execution.rf.iter().find(|&&(_, r)| r == read).map(|&(w, _)| w);
        let value = if event.value.is_some() { self.value(event) } else { location.to_string() };
        match source.map(|w| self.step_of(w)) {
            Some(Some(writer)) if event.label.is_lock_event() => {
                lines.push((format!("{} {}", lock_verb(event.label), self.quote(writer)), "rf"));
            }
            Some(None) if event.label.is_lock_event() => {
                let verb = if event.label == Label::LockRead { "takes" } else { "finds" };
                lines.push((format!("{verb} {location} in its initial state"), "rf"));
            }
            Some(Some(writer)) => lines.push((format!("reads {value} from {}", self.quote(writer)), "rf")),
            Some(None) => lines.push((format!("reads {value}, the initial value of {location}"), "rf")),
            None => lines.push((format!("reads {value}"), "")),
        }
        let order = event.location.and_then(|l| self.coherence.get(l as usize));
        let next = source.zip(order).and_then(|(w, order)| {
            let at = order.iter().position(|&e| e == w)?;
            order.get(at + 1).copied()
        });
        if let Some(writer) = next.and_then(|e| self.step_of(e)).filter(|s| !std::ptr::eq(*s, step)) {
            lines.push((format!("before {}", self.quote(writer)), "fr"));
        }
        lines
    }

    /// A step in a sentence: `P0:7 WRITE_ONCE(*x, 1)`.
    fn quote(&self, step: &Step) -> String {
        format!("P{} {}", place(step), step.text)
    }

    /// Writes the order of the writes of each location that more than one write changes.
    fn write_coherence(&self, out: &mut dyn Write) -> io::Result<()> {
        for order in &self.coherence {
            let writes: Vec<(&Event, &Step)> = order
                .iter()
                .filter_map(|&e| Some((self.event(e)?, self.step_of(e)?)))
                .filter(|(e, _)| e.label.is_write() || e.label == Label::LockWrite)
                .collect();
            let [(first, _), _, ..] = writes.as_slice() else { continue };
            let faint = self.palette.faint;
            let verb = if first.label == Label::LockWrite { "is taken" } else { "is written" };
            writeln!(out, "\n  {} {verb} in this order  {faint}co{faint:#}", self.location(first))?;
            let values: Vec<String> = writes.iter().map(|(e, _)| self.written(e)).collect();
            let column = values.iter().map(|v| width(v)).max().unwrap_or(0);
            for ((_, step), value) in writes.iter().zip(&values) {
                let line = format!("    {}  {}", pad(value, column), self.quote(step));
                writeln!(out, "{}", cut(line.trim_end(), WIDTH))?;
            }
        }
        Ok(())
    }

    fn written(&self, event: &Event) -> String {
        if event.value.is_some() { self.value(event) } else { String::new() }
    }

    fn write_final_state(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(outcome) = self.report.executions() else { return Ok(()) };
        let states = States::new(self.test, outcome);
        let Some(state) = states.iter().find(|state| state.values() == self.execution.finals) else { return Ok(()) };
        let strong = self.palette.strong;
        writeln!(out, "\n  final state  {strong}{state}{strong:#}")
    }
}

const PLAIN: anstyle::Style = anstyle::Style::new();

/// A thread as a column of text.
struct Column {
    thread: u32,
    rows: Vec<Row>,
    line: usize,
    text: usize,
    effect: usize,
}

struct Row {
    line: String,
    text: String,
    effect: String,
}

impl Column {
    fn width(&self) -> usize {
        let effect = if self.effect == 0 { 0 } else { 2 + self.effect };
        (self.line + 2 + self.text + effect).max(4)
    }

    fn spell(&self, row: &Row) -> String {
        format!("{:>line$}  {}  {}", row.line, pad(&row.text, self.text), row.effect, line = self.line)
    }
}

/// Writes one line of cells, each padded to its width; the styles do not count.
fn write_cells(out: &mut dyn Write, cells: Vec<(String, usize, &anstyle::Style)>) -> io::Result<()> {
    let last = cells.iter().rposition(|(text, ..)| !text.trim().is_empty()).map_or(0, |i| i + 1);
    write!(out, "  ")?;
    for (i, (text, cell, style)) in cells.iter().take(last).enumerate() {
        let text = text.trim_end();
        let gap = if i + 1 == last { 0 } else { cell.saturating_sub(width(text)) + GAP };
        write!(out, "{style}{text}{style:#}{:gap$}", "")?;
    }
    writeln!(out)
}

/// Groups the events of each thread into operations of the source.
fn steps(report: &Report, test: &Test, execution: &Execution) -> Vec<Step> {
    let mut ids: Vec<EventId> = (0..execution.events.len() as EventId).collect();
    ids.sort_by_key(|&id| execution.events[id as usize].thread);
    let mut steps: Vec<Step> = Vec::new();
    let mut origin_of_last = None;
    for id in ids {
        let event = &execution.events[id as usize];
        let Some(thread) = event.thread else { continue };
        let key = (thread, event.origin);
        match steps.last_mut() {
            Some(step) if origin_of_last == Some(key) && belongs(execution, step, id) => step.events.push(id),
            _ => {
                let origin = test.origins.get(event.origin as usize);
                let line = origin.map(|o| Position::of(&report.source, o.span.start).line);
                let text = origin.map_or_else(|| format!("{:?}", event.label), |o| one_line(&o.text));
                steps.push(Step { thread, line, text, events: vec![id] });
            }
        }
        origin_of_last = Some(key);
    }
    steps
}

/// Is an event a further part of the same operation, and not the same operation once more (in a loop), or another one of the statement?
///
/// An operation has at most one read and one write, and a fence at either end of them. The write of a read-modify-write is part of
/// it; that of `*x = *y + 1` is an operation of its own, to another location than the read.
fn belongs(execution: &Execution, step: &Step, id: EventId) -> bool {
    let Some(label) = execution.events.get(id as usize).map(|event| event.label) else { return false };
    let labels: Vec<Label> =
        step.events.iter().filter_map(|&e| Some(execution.events.get(e as usize)?.label)).collect();
    let fence = |l: &Label| matches!(l, Label::Fence(_));
    match label {
        Label::Fence(_) => labels.last().is_some_and(|l| !fence(l)),
        _ if reads(label) => labels.iter().all(fence),
        Label::LockWrite => labels.last() == Some(&Label::LockRead),
        _ => step.events.last().is_some_and(|&last| execution.rmw.contains(&(last, id))),
    }
}

/// Is it a read of some kind, with an `rf` edge to it?
fn reads(label: Label) -> bool {
    label.is_read() || matches!(label, Label::LockRead | Label::LockFail | Label::ReadLocked | Label::ReadUnlocked)
}

fn lock_verb(label: Label) -> &'static str {
    match label {
        Label::LockRead => "takes the lock after",
        Label::ReadUnlocked => "finds it free after",
        _ => "finds it held by",
    }
}

/// The events with a place in the coherence order of a location, in that order.
fn coherence(execution: &Execution, location: LocationId) -> Vec<EventId> {
    let here = |e: EventId| execution.events.get(e as usize).is_some_and(|e| e.location == Some(location));
    let mut order: Vec<EventId> = execution.co.iter().flat_map(|&(a, b)| [a, b]).filter(|&e| here(e)).collect();
    order.sort_unstable();
    order.dedup();
    order.sort_by_key(|&e| execution.co.iter().filter(|&&(_, after)| after == e).count());
    if order.is_empty() {
        // A location that is written once, by its initialisation, has no pair in the order.
        let init = execution.events.iter().position(|e| e.label == Label::Init && e.location == Some(location));
        order.extend(init.map(|e| e as EventId));
    }
    order
}

/// `0:7`: the thread and the line of a step.
pub(crate) fn place(step: &Step) -> String {
    match step.line {
        Some(line) => format!("{}:{line}", step.thread),
        None => step.thread.to_string(),
    }
}

/// A statement on one line, without what ends it.
fn one_line(text: &str) -> String {
    let words = text.trim_end_matches([';', ' ']).split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

pub(crate) fn pad(text: &str, to: usize) -> String {
    format!("{text:<to$}")
}

/// The text, cut to a width with an ellipsis.
pub(crate) fn cut(text: &str, to: usize) -> String {
    if width(text) <= to {
        return text.to_string();
    }
    let mut cut: String = text.chars().take(to.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

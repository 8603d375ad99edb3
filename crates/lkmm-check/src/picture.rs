//! One execution as text: what each thread does, where, and which write each read reads from.
//!
//! The threads stand side by side as far as they fit, each in program order. There is deliberately no order *between* threads on the
//! page: under a weak memory model there is none.

use crate::lifetimes::{ALLOCATE, DEREF, FREE};
use crate::names::Names;
use crate::panics::SourcePlace;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::graph::{Event, EventId, Execution};
use lkmm_model::program::{LocationId, Value};
use std::fmt;

/// The width that the text keeps to if a thread alone is not wider, in characters.
const WIDTH: usize = 120;
/// Spaces between two threads that stand side by side.
const GAP: usize = 4;

/// An execution, with the places of its events.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) execution: Execution,
    /// Of each event.
    pub(crate) places: Vec<Option<SourcePlace>>,
    /// Of the variables.
    names: Names,
    /// Of each event, what is done at its place.
    words: Vec<&'static str>,
    /// What comes after the last event of a thread.
    pub(crate) endings: Vec<(u32, String)>,
    /// The events that the failure is about.
    pub(crate) marked: Vec<EventId>,
    /// The threads that wait for ever, and the event that keeps each waiting, if it is one.
    pub(crate) waits: Vec<(u32, EventId)>,
}

/// An operation: its events, and the line that shows them.
pub(crate) struct Row {
    pub(crate) number: usize,
    pub(crate) events: Vec<EventId>,
}

impl Picture {
    pub(crate) fn new(
        execution: Execution,
        place: &dyn Fn(u32) -> Option<SourcePlace>,
        word: &dyn Fn(u32) -> &'static str,
        endings: Vec<(u32, String)>,
        marked: Vec<EventId>,
    ) -> Picture {
        let place_of = |event: &Event| event.thread.and_then(|_| place(event.origin));
        let places = execution.events.iter().map(place_of).collect();
        let names = Names::of(&execution, place, word);
        let words = execution.events.iter().map(|event| word(event.origin)).collect();
        Picture { execution, places, names, words, endings, marked, waits: Vec::new() }
    }

    pub(crate) fn event(&self, id: EventId) -> &Event {
        &self.execution.events[id as usize]
    }

    pub(crate) fn threads(&self) -> u32 {
        let running = self.execution.events.iter().filter_map(|event| event.thread);
        running.chain(self.endings.iter().map(|ending| ending.0)).max().map_or(0, |last| last + 1)
    }

    /// The operations of all threads: the events of one thread that stand together and come from one place, if they are
    /// the read and the write of an atomic operation or a lock, and the fences around it.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = Vec::new();
        for thread in 0..self.threads() {
            let of_thread = |&id: &EventId| self.event(id).thread == Some(thread);
            let mut previous: Option<EventId> = None;
            for id in (0..self.execution.events.len() as EventId).filter(of_thread) {
                let belongs = previous.is_some_and(|before| self.belong(before, id));
                match rows.last_mut().filter(|_| belongs) {
                    Some(row) => row.events.push(id),
                    None => rows.push(Row { number: rows.len() + 1, events: vec![id] }),
                }
                previous = Some(id);
            }
        }
        rows
    }

    fn belong(&self, before: EventId, id: EventId) -> bool {
        let (a, b) = (self.event(before), self.event(id));
        let mb = Label::Fence(Fence::Mb);
        a.origin == b.origin
            && (self.execution.rmw.contains(&(before, id))
                || a.label == Label::LockRead && b.label == Label::LockWrite
                || a.label == mb && b.atomic && b.label.is_read()
                || a.atomic && a.label.is_write() && b.label == mb)
    }

    /// Is it the fence that comes with a join? It stands at the operation that comes next.
    pub(crate) fn joins(&self, id: EventId) -> bool {
        let thread = self.event(id).thread;
        let is_other = |event: EventId| self.event(event).thread.is_some() && self.event(event).thread != thread;
        let before = |id: EventId| self.execution.po.iter().filter(move |pair| pair.1 == id).map(|pair| pair.0);
        let previous = id.checked_sub(1).filter(|&previous| self.event(previous).thread == thread);
        previous.is_some_and(|previous| {
            before(id).any(|event| is_other(event) && !self.execution.po.contains(&(event, previous)))
        })
    }

    pub(crate) fn row_of(rows: &[Row], id: EventId) -> Option<&Row> {
        rows.iter().find(|row| row.events.contains(&id))
    }

    /// Where a read reads from.
    fn source(&self, rows: &[Row], read: EventId) -> String {
        let Some(&(write, _)) = self.execution.rf.iter().find(|pair| pair.1 == read) else { return String::new() };
        match Self::row_of(rows, write) {
            Some(row) => format!("  from {}", row.number),
            None => "  initial".to_string(),
        }
    }

    pub(crate) fn text(&self, rows: &[Row], row: &Row) -> String {
        let find = |test: fn(Label) -> bool| row.events.iter().copied().find(|&id| test(self.event(id).label));
        let (read, write) = (find(Label::is_read), find(Label::is_write));
        // (Not by what stands before it: a join is drawn with what follows.)
        let fenced = match row.events[..] {
            [fence, first, ..] => {
                let (fence, first) = (self.event(fence), self.event(first));
                matches!(fence.label, Label::Fence(_)) && fence.origin == first.origin
            }
            _ => false,
        };
        match (read, write) {
            (Some(read), Some(write)) => {
                let ordering = match (self.event(read).label, self.event(write).label) {
                    _ if fenced => "full",
                    (Label::Read(Mode::Acquire), _) => "acquire",
                    (_, Label::Write(Mode::Release)) => "release",
                    (Label::Read(Mode::Noreturn), _) => "void",
                    _ => "relaxed",
                };
                let (from, to) = (self.value(read), self.value(write));
                let source = self.source(rows, read);
                let word = self.words[read as usize];
                format!("{word:7} {}: {from} -> {to}  ({ordering}){source}", self.name(read))
            }
            (Some(read), None) if self.words[read as usize] == DEREF => {
                format!("follow  {}", self.name(read))
            }
            (Some(read), None) => {
                let (name, value) = (self.name(read), self.value_of(read));
                let failed = self.event(read).atomic;
                let word = if failed { self.words[read as usize] } else { "read" };
                let fails = if failed { " fails" } else { "" };
                format!(
                    "{word:7} {name}{value}{fails}{}{}",
                    annotation(self.event(read).label),
                    self.source(rows, read)
                )
            }
            (None, Some(write)) if self.is_of_object(write) => {
                let word = self.words[write as usize];
                let others = self.marked.iter().filter(|&&id| !self.is_of_object(id));
                match others.filter_map(|&id| Self::row_of(rows, id)).next() {
                    Some(row) => format!("{word:7} the object of {}", row.number),
                    None => format!("{word:7} {}", self.name(write)),
                }
            }
            (None, Some(write)) => {
                format!("write   {}{}{}", self.name(write), self.value_of(write), annotation(self.event(write).label))
            }
            (None, None) => {
                let first = row.events[0];
                let word = match (self.event(first).label, self.words[first as usize]) {
                    (Label::Fence(Fence::Mb), _) if self.joins(first) => "join",
                    (Label::Fence(Fence::Mb), word @ ("spawn" | "join")) => word,
                    (label, _) => spell(label),
                };
                match self.event(first).location {
                    Some(_) => format!("{word}  {}{}", self.name(first), self.source(rows, first)),
                    None => word.to_string(),
                }
            }
        }
    }

    /// Is it the allocation of an object, or its end?
    fn is_of_object(&self, id: EventId) -> bool {
        matches!(self.words[id as usize], ALLOCATE | FREE)
    }

    pub(crate) fn name(&self, id: EventId) -> &str {
        self.event(id).location.map_or("", |location| self.location_name(location))
    }

    pub(crate) fn location_name(&self, location: LocationId) -> &str {
        self.names.name(location)
    }

    /// What variables are called elsewhere in the source: lines.
    pub(crate) fn other_names(&self) -> Vec<String> {
        self.names.others()
    }

    pub(crate) fn value(&self, id: EventId) -> String {
        match self.event(id).value {
            Some(Value::Bits(bits)) if bits > 0xffff_ffff => format!("{bits:#x}"),
            Some(Value::Bits(bits)) => bits.to_string(),
            Some(Value::Symbol(_)) => "uninitialised".to_string(),
            Some(other) => format!("{other:?}"),
            None => "?".to_string(),
        }
    }

    /// What a variable is read or written as: nothing if its value is not known.
    fn value_of(&self, id: EventId) -> String {
        self.event(id).value.map_or_else(String::new, |_| format!(" = {}", self.value(id)))
    }

    /// Is it the wait for a lock? That is said at the end of the thread.
    pub(crate) fn waits(&self, row: &Row) -> bool {
        row.events.len() == 1 && self.event(row.events[0]).label == Label::LockRead
    }

    /// The place of an operation, in short.
    pub(crate) fn place(&self, row: &Row) -> String {
        match &self.places[row.events[0] as usize] {
            Some(place) => format!("{}:{}", short(&place.file), place.line),
            None => String::new(),
        }
    }

    /// The lines of a thread.
    fn column(&self, rows: &[Row], thread: u32) -> Vec<String> {
        let is_own = |row: &&Row| self.event(row.events[0]).thread == Some(thread) && !self.waits(row);
        let own: Vec<&Row> = rows.iter().filter(is_own).collect();
        let width = own.iter().map(|row| self.place(row).len()).max().unwrap_or(0);
        let mut lines = vec![title(thread)];
        for row in own {
            let mark = if row.events.iter().any(|id| self.marked.contains(id)) { '>' } else { ' ' };
            lines.push(format!("{mark}{:>3}  {:width$}  {}", row.number, self.place(row), self.text(rows, row)));
        }
        let endings = self.endings.iter().filter(|ending| ending.0 == thread);
        lines.extend(endings.map(|(_, ending)| match ending.split_once(" at ") {
            Some((what, place)) => format!(">     {what} at {}", short(place)),
            None => format!(">     {ending}"),
        }));
        lines
    }

    /// The orders of writes, of locations that have more than one.
    fn coherence(&self, rows: &[Row]) -> Vec<String> {
        let mut lines = Vec::new();
        let is_write = |event: &Event| event.label.is_write();
        let mut locations: Vec<LocationId> = self.execution.events.iter().filter_map(|event| event.location).collect();
        locations.sort_unstable();
        locations.dedup();
        for location in locations {
            let at = |event: &Event| event.location == Some(location);
            let ids = (0..self.execution.events.len() as EventId).filter(|&id| !self.is_of_object(id));
            let mut writes: Vec<EventId> = ids.filter(|&id| at(self.event(id)) && is_write(self.event(id))).collect();
            if writes.len() < 2 {
                continue;
            }
            writes.sort_by_key(|&id| self.execution.co.iter().filter(|pair| pair.1 == id).count());
            let spell = |&id: &EventId| {
                let number = Self::row_of(rows, id).map_or(0, |row| row.number);
                match self.event(id).value {
                    Some(_) => format!("{number} ({})", self.value(id)),
                    None => number.to_string(),
                }
            };
            let order: Vec<String> = writes.iter().map(spell).collect();
            lines.push(format!("writes of {}: {}", self.location_name(location), order.join(", ")));
        }
        lines
    }
}

impl fmt::Display for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.rows();
        let columns: Vec<Vec<String>> = (0..self.threads()).map(|thread| self.column(&rows, thread)).collect();
        let width = |column: &Vec<String>| column.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let mut rest = columns.as_slice();
        while let Some(first) = rest.first() {
            let mut used = width(first);
            let fits = rest[1..].iter().take_while(|column| {
                used += GAP + width(column);
                used <= WIDTH
            });
            let (band, after) = rest.split_at(1 + fits.count());
            for n in 0..band.iter().map(Vec::len).max().unwrap_or(0) {
                let mut line = String::new();
                for column in band {
                    let cell = column.get(n).map_or("", String::as_str);
                    line.push_str(&format!("{cell:<width$}", width = width(column) + GAP));
                }
                writeln!(f, "{}", line.trim_end())?;
            }
            writeln!(f)?;
            rest = after;
        }
        for line in self.coherence(&rows).into_iter().chain(self.other_names()) {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

/// What a thread is called.
pub(crate) fn title(thread: u32) -> String {
    if thread == 0 { "thread 0 (main)".to_string() } else { format!("thread {thread}") }
}

/// The name of a file without its folders.
pub(crate) fn short(file: &str) -> &str {
    file.rsplit(['/', '\\']).next().unwrap_or(file)
}

fn annotation(label: Label) -> &'static str {
    match label {
        Label::Read(mode) | Label::Write(mode) => match mode {
            Mode::Plain => "  (plain)",
            Mode::Acquire => "  (acquire)",
            Mode::Release => "  (release)",
            Mode::SrcuLock => "  (srcu_read_lock)",
            Mode::SrcuUnlock => "  (srcu_read_unlock)",
            Mode::Once | Mode::Noreturn => "",
        },
        _ => "",
    }
}

/// What the kernel calls it.
pub(crate) fn spell(label: Label) -> &'static str {
    match label {
        Label::Fence(fence) => fence.function(),
        Label::LockRead | Label::LockWrite => "lock",
        Label::Unlock => "unlock",
        Label::LockFail => "try_lock fails",
        Label::ReadLocked => "is_locked: yes",
        Label::ReadUnlocked => "is_locked: no",
        Label::SyncSrcu => "synchronize_srcu",
        Label::Init | Label::Read(_) | Label::Write(_) => "",
    }
}

//! Which orders are missing, in words: a line for each, with the source lines that it is about, and a line for each change.
//!
//! Threads that run the same code lack the same order, and one change of the source mends all of them. So orders between the same places of the source
//! are told once.

use crate::draw;
use crate::explain::{Explainer, Gap};
use crate::names;
use crate::picture::{Picture, Row, spell};
use crate::sources::Sources;
use lkmm_model::change::Change;
use lkmm_model::event::{Fence, Label};
use lkmm_model::graph::EventId;
use lkmm_report::diagram::Relation;

/// The operations around an order, by the numbers of their rows.
type Ends = (usize, usize);

impl Explainer<'_> {
    /// The orders that are missing: sentences, and the lines of source of each.
    pub(crate) fn missing(&self, orders: &[(Gap, Change)]) -> (Vec<String>, Vec<Vec<String>>) {
        let mut missing: Vec<(&'static str, Vec<Ends>)> = Vec::new();
        for &(gap, change) in orders {
            let (relation, ends) = (relation(change), self.ends(gap, change));
            let same = |known: &&mut (&'static str, Vec<Ends>)| known.0 == relation && self.are_one(known.1[0], ends);
            match missing.iter_mut().find(same) {
                Some(known) => known.1.push(ends),
                None => missing.push((relation, vec![ends])),
            }
        }
        let number = |row: usize| self.rows[row].number;
        let sentence = |(relation, all): &(&str, Vec<Ends>)| {
            let pairs: Vec<String> = all.iter().map(|&(a, b)| format!("{} before {}", number(a), number(b))).collect();
            format!("nothing orders {} (`{relation}` would)", pairs.join(", nor "))
        };
        let mut sources = Sources::default();
        let code = missing.iter().map(|(_, all)| self.code(&mut sources, all[0])).collect();
        (missing.iter().map(sentence).collect(), code)
    }

    /// The changes that make these orders.
    pub(crate) fn advice(&self, orders: &[(Gap, Change)]) -> Vec<String> {
        let mut advice = Vec::new();
        let mut rest: Vec<(Gap, Change)> = orders.to_vec();
        while let Some(&first) = rest.first() {
            let (same, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|&other| self.is_one_change(first, other));
            advice.push(match first.1 {
                Change::Acquire(event) | Change::Release(event) => self.advise_access(event, &same),
                Change::Fence(fence, _) => self.advise_fence(fence, &same),
                Change::Addr(from, to) | Change::Ctrl(from, to) => {
                    let number = |event: EventId| self.rows[self.row_of(event)].number;
                    format!("have {} depend on {}", number(to), number(from))
                }
            });
            rest = others;
        }
        advice
    }

    /// Are two changes made by one change of the source?
    fn is_one_change(&self, (gap, change): (Gap, Change), (other_gap, other): (Gap, Change)) -> bool {
        match (change, other) {
            (Change::Fence(a, _), Change::Fence(b, _)) => {
                a == b && self.are_one((gap.before, gap.after), (other_gap.before, other_gap.after))
            }
            (Change::Acquire(a) | Change::Release(a), Change::Acquire(b) | Change::Release(b)) => {
                let (a, b) = (self.row_of(a), self.row_of(b));
                self.are_one((a, a), (b, b))
            }
            _ => false,
        }
    }

    fn advise_access(&self, event: EventId, same: &[(Gap, Change)]) -> String {
        let has = |is: fn(&Change) -> bool| same.iter().any(|(_, change)| is(change));
        let is_acquire = has(|change| matches!(change, Change::Acquire(_)));
        let is_release = has(|change| matches!(change, Change::Release(_)));
        let what = match (is_acquire, is_release) {
            (true, true) => "fully ordered",
            (true, false) => "an acquire",
            _ => "a release",
        };
        let rows = same.iter().map(|&(_, change)| match change {
            Change::Acquire(event) | Change::Release(event) => self.row_of(event),
            Change::Fence(_, event) | Change::Addr(_, event) | Change::Ctrl(_, event) => self.row_of(event),
        });
        let row = self.row_of(event);
        let place = self.picture.place(&self.rows[row]);
        let too = self.too(row, rows.map(|row| vec![row]).collect());
        format!("make {}{} {what}", self.rows[row].number, parentheses(&[place, too]))
    }

    fn advise_fence(&self, fence: Fence, same: &[(Gap, Change)]) -> String {
        let (name, gap) = (spell(Label::Fence(fence)), same[0].0);
        let number = |row: usize| self.rows[row].number;
        let is_weak = |row: &usize| {
            let mut labels = self.rows[*row].events.iter().map(|&id| self.picture.event(id).label);
            labels.all(|label| matches!(label, Label::Fence(Fence::Rmb | Fence::Wmb | Fence::Barrier)))
        };
        let place = |row: usize| self.picture.place(&self.rows[row]);
        if let Some(weak) = [gap.before, gap.after].into_iter().find(is_weak) {
            let what = spell(self.picture.event(self.rows[weak].events[0]).label);
            let of = |gap: Gap| if weak == same[0].0.before { gap.before } else { gap.after };
            let too = self.too(weak, same.iter().map(|&(gap, _)| vec![of(gap)]).collect());
            let place = format!("{what}(), {}", place(weak));
            return format!("put {name}() in the place of {}{}", number(weak), parentheses(&[place, too]));
        }
        let (from, to) = (place(gap.before), place(gap.after));
        let places = match (from.rsplit_once(':'), to.rsplit_once(':')) {
            _ if from == to => from,
            (Some((file, _)), Some((same, line))) if file == same => format!("{from} and {line}"),
            _ => format!("{from} and {to}"),
        };
        let too = self.too(gap.before, same.iter().map(|&(gap, _)| vec![gap.before, gap.after]).collect());
        format!("put {name}() between {} and {}{}", number(gap.before), number(gap.after), parentheses(&[places, too]))
    }

    /// Which other operations have the same place as one; of each, its group begins with one at that place.
    fn too(&self, row: usize, groups: Vec<Vec<usize>>) -> String {
        let mut numbers: Vec<String> = Vec::new();
        for group in groups.iter().filter(|group| group[0] != row) {
            let words: Vec<String> = group.iter().map(|&row| self.rows[row].number.to_string()).collect();
            let words = words.join(" and ");
            if !numbers.contains(&words) {
                numbers.push(words);
            }
        }
        match (numbers.len(), groups[0].len()) {
            (0, _) => String::new(),
            (1, 1) => format!("{} is the same code", numbers[0]),
            _ => format!("{} are the same code", numbers.join(", ")),
        }
    }

    /// Are two pairs of operations at the same places of the source? (A place that is not known is no other's.)
    fn are_one(&self, a: Ends, b: Ends) -> bool {
        let place = |row: usize| self.picture.places[self.rows[row].events[0] as usize].as_ref();
        let same = |a: usize, b: usize| a == b || place(a).is_some() && place(a) == place(b);
        same(a.0, b.0) && same(a.1, b.1)
    }

    /// The source lines of two operations.
    fn code(&self, sources: &mut Sources, (before, after): Ends) -> Vec<String> {
        let rows = [&self.rows[before], &self.rows[after]];
        let places = rows.map(|row| self.picture.place(row));
        let width = places.iter().map(String::len).max().unwrap_or(0);
        let text = rows.map(|row| {
            let place = self.picture.places[row.events[0] as usize].as_ref();
            let line = place.and_then(|place| names::code(sources, place)).filter(|line| !line.is_empty());
            line.unwrap_or_else(|| self.quote(row))
        });
        let [first, second] = rows.map(|row| row.number.to_string());
        if places[0] == places[1] && text[0] == text[1] && before != after {
            return vec![format!("{first}, {second}  {}  {}", places[0], text[0])];
        }
        let numbers = first.len().max(second.len());
        let lines = [first, second].into_iter().zip(places).zip(text);
        lines.map(|((number, place), text)| format!("{number:>numbers$}  {place:width$}  {text}")).collect()
    }

    /// An operation without how it is ordered, and from where it reads.
    fn quote(&self, row: &Row) -> String {
        let text = self.picture.text(self.rows, row);
        let end = ["  (", "  from", "  initial"].iter().filter_map(|part| text.find(part)).min();
        text[..end.unwrap_or(text.len())].split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The operations that a change orders: the nearest around a gap that other threads see or are seen by.
    fn ends(&self, gap: Gap, change: Change) -> Ends {
        let event = |id: EventId| self.picture.event(id);
        let met: Vec<EventId> = draw::edges(&self.picture.execution)
            .into_iter()
            .filter(|edge| edge.2 != Relation::Po)
            .flat_map(|(from, to, _)| [from, to])
            .collect();
        let is_met = |row: usize| {
            let mut own = self.rows[row].events.iter();
            own.any(|id| met.contains(id) || self.picture.marked.contains(id))
        };
        let is_own = |row: &usize| event(self.rows[*row].events[0]).thread == self.thread(gap);
        let mut before = (0..=gap.before).rev().filter(is_own).find(|&row| is_met(row)).unwrap_or(gap.before);
        let mut after = (gap.after..self.rows.len()).filter(is_own).find(|&row| is_met(row)).unwrap_or(gap.after);
        match change {
            Change::Acquire(read) => before = self.row_of(read),
            Change::Release(write) => after = self.row_of(write),
            Change::Fence(..) => {}
            Change::Addr(from, to) | Change::Ctrl(from, to) => (before, after) = (self.row_of(from), self.row_of(to)),
        }
        (before, after)
    }

    /// The row of an event.
    fn row_of(&self, id: EventId) -> usize {
        Picture::row_of(self.rows, id).map_or(0, |row| row.number - 1)
    }
}

/// The relation of the model that a change adds to.
fn relation(change: Change) -> &'static str {
    match change {
        Change::Acquire(_) => "acq_po",
        Change::Release(_) => "po_rel",
        Change::Addr(..) => "addr",
        Change::Ctrl(..) => "ctrl",
        Change::Fence(Fence::Wmb, _) => "wmb",
        Change::Fence(Fence::Rmb, _) => "rmb",
        Change::Fence(Fence::SyncRcu, _) => "gp",
        Change::Fence(..) => "mb",
    }
}

/// What there is to say in parentheses.
fn parentheses(parts: &[String]) -> String {
    let parts: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
}

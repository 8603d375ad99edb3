//! Candidates: control paths with known addresses, and the choices that make executions of them.
//!
//! With paths and addresses fixed, what is left to choose is `co` (an order of the *units* of each location: ordinary
//! writes, and critical sections as wholes) and `rf` (a write for each read). The `rf` of an `LKR` follows from `co`
//! (`lock.cat`: the immediate predecessor, if that is an unlock or the initial write), the `rf` of a failed
//! `spin_trylock` within its own critical section is fixed, and an unmatched `LKW` comes last: whoever waits for the lock
//! then waits for ever.

use crate::combine::Combination;
use crate::values::{Known, Values};
use lkmm_model::event::Label;
use lkmm_model::event_set::EventSet;
use lkmm_model::plan::Frame;
use lkmm_model::program::{IllegalOperation, LocationId, Observable, PathEvent, Value};

/// One step in the coherence order of a location.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    /// The write, or the `LKW` of a critical section.
    pub(crate) first: usize,
    /// The write again, or the `UL` of the critical section; an unmatched `LKW` itself.
    pub(crate) last: usize,
    /// The `LKR` whose `rf` the place of this unit decides.
    pub(crate) lock_read: Option<usize>,
    /// An `LKW` without unlock: nothing comes after it.
    pub(crate) open: bool,
}

/// The units of a location, other than its initial write.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) location: LocationId,
    pub(crate) initial: usize,
    pub(crate) units: Vec<Unit>,
    /// For each unit: those of its own thread that come before it.
    pub(crate) after: Vec<Vec<usize>>,
}

/// A read whose source is to be chosen.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) read: usize,
    /// Events it may read from; initial writes among them.
    pub(crate) sources: Vec<usize>,
}

/// Paths with known addresses.
pub(crate) struct Candidate<const W: usize> {
    pub(crate) frame: Frame<W>,
    /// Number of initial writes, which come first; event `e` of the combination is event `initial + e` here.
    pub(crate) initial: usize,
    pub(crate) initial_values: Vec<Value>,
    pub(crate) groups: Vec<Group>,
    pub(crate) choices: Vec<Choice>,
    /// `rf` that no choice decides (lock events within their own critical section).
    pub(crate) fixed_rf: Vec<(usize, usize)>,
    /// Same thread and location, in program order.
    pub(crate) po_loc: Vec<EventSet<W>>,
}

/// An event of the candidate whose address is the address of no location.
pub(crate) enum Unaddressed {
    /// A read: nothing can be read, so there is no execution.
    Read,
    /// A write or a lock operation.
    Write { event: usize, value: Value },
    /// Any of them, if its address is the result of an operator that is not defined on its operands.
    Illegal(IllegalOperation),
}

impl<const W: usize> Candidate<W> {
    /// Builds the candidate. No address may be open.
    pub(crate) fn new(combination: &Combination<'_>, values: &Values<'_, '_>) -> Result<Self, Unaddressed> {
        let mut locations: Vec<LocationId> = Vec::new();
        let mut event_locations = Vec::with_capacity(combination.len());
        let mut misplaced = Vec::new();
        for event in 0..combination.len() {
            let (template, _) = combination.template(event);
            let location = if template.label.has_location() {
                let address = values.address(event);
                let location = address.location_in(combination.program);
                if location.is_none() {
                    misplaced.push((event, template.label.is_read(), address));
                }
                location
            } else {
                None
            };
            if let Some(location) = location {
                if !locations.contains(&location) {
                    locations.push(location);
                }
            }
            event_locations.push(location);
        }
        check_places(combination, &misplaced)?;
        locations.sort_unstable();
        let frame = frame(combination, &locations, &event_locations);
        let initial = locations.len();
        let initial_values = locations.iter().map(|&l| combination.program.locations[l as usize].init).collect();
        let po_loc = po_loc(&frame);
        let mut candidate = Candidate {
            initial,
            initial_values,
            groups: Vec::new(),
            choices: Vec::new(),
            fixed_rf: Vec::new(),
            po_loc,
            frame,
        };
        candidate.find_groups(&locations);
        candidate.find_choices();
        Ok(candidate)
    }

    /// The number of events.
    pub(crate) fn len(&self) -> usize {
        self.frame.labels.len()
    }

    /// Does some lock have events whose place the search's own test of coherence does not know: an unlock that ends no critical
    /// section, or an ordinary access?
    pub(crate) fn has_irregular_lock(&self) -> bool {
        let labels = &self.frame.labels;
        let is_lock = |l| (self.initial..self.len()).any(|i| self.frame.locations[i] == l && labels[i].is_lock_event());
        let is_ordinary = |i: usize| matches!(labels[i], Label::Read(_) | Label::Write(_));
        if (self.initial..self.len()).any(|i| is_ordinary(i) && is_lock(self.frame.locations[i])) {
            return true;
        }
        let matched = |unlock: usize| self.groups.iter().any(|g| g.units.iter().any(|u| u.last == unlock));
        (self.initial..self.len()).any(|i| labels[i] == Label::Unlock && !matched(i))
    }

    fn find_groups(&mut self, locations: &[LocationId]) {
        for (initial, &location) in locations.iter().enumerate() {
            let here = |i: &usize| self.frame.locations[*i] == Some(location);
            let units: Vec<Unit> = (self.initial..self.len())
                .filter(here)
                .filter_map(|i| match self.frame.labels[i] {
                    Label::Write(_) => Some(Unit { first: i, last: i, lock_read: None, open: false }),
                    Label::LockWrite => {
                        let unlock = self.unlock_of(i);
                        let lock_read = (self.initial..i)
                            .rev()
                            .find(|&r| self.frame.labels[r] == Label::LockRead && self.po_loc[r].contains(i));
                        Some(Unit { first: i, last: unlock.unwrap_or(i), lock_read, open: unlock.is_none() })
                    }
                    _ => None,
                })
                .collect();
            let after = units
                .iter()
                .map(|u| (0..units.len()).filter(|&k| self.po_loc[units[k].first].contains(u.first)).collect())
                .collect();
            self.groups.push(Group { location, initial, units, after });
        }
    }

    /// The `UL` that ends the critical section of an `LKW`: the next lock write of its thread, if that is an unlock.
    fn unlock_of(&self, lock: usize) -> Option<usize> {
        let next =
            self.po_loc[lock].iter().find(|&i| matches!(self.frame.labels[i], Label::LockWrite | Label::Unlock))?;
        (self.frame.labels[next] == Label::Unlock).then_some(next)
    }

    fn find_choices(&mut self) {
        for read in self.initial..self.len() {
            let is_lock_read = matches!(self.frame.labels[read], Label::LockFail | Label::ReadLocked);
            let holders = if is_lock_read { self.holders(read) } else { Vec::new() };
            if !holders.is_empty() {
                self.fixed_rf.extend(holders.into_iter().map(|w| (w, read)));
            } else if is_lock_read
                || self.frame.labels[read].is_read()
                || self.frame.labels[read] == Label::ReadUnlocked
            {
                self.choices.push(Choice { read, sources: self.sources(read) });
            }
        }
    }

    /// Lets reads read from later writes of their own thread, but not from the other half of their own read-modify-write.
    pub(crate) fn ignore_coherence(&mut self, combination: &Combination<'_>) {
        let (labels, locations, initial) = (&self.frame.labels, &self.frame.locations, self.initial);
        for Choice { read, sources } in self.choices.iter_mut().filter(|choice| labels[choice.read].is_read()) {
            let is_pair = |write: usize| write >= initial && combination.is_pair(*read - initial, write - initial);
            let is_source = |&write: &usize| {
                let is_written = matches!(labels[write], Label::Init | Label::Write(_));
                is_written && locations[write] == locations[*read] && !is_pair(write)
            };
            *sources = (0..labels.len()).filter(is_source).collect();
        }
    }

    /// The events that a read may read from.
    fn sources(&self, read: usize) -> Vec<usize> {
        let labels = &self.frame.labels;
        let external = |w: usize| self.frame.threads[w] != self.frame.threads[read];
        let here = (0..self.len()).filter(|&w| self.frame.locations[w] == self.frame.locations[read]);
        match labels[read] {
            Label::Read(_) => here
                .filter(|&w| matches!(labels[w], Label::Init | Label::Write(_)) && !self.po_loc[read].contains(w))
                .collect(),
            Label::ReadUnlocked => {
                let own = (0..read).rev().find(|&w| labels[w] == Label::Unlock && self.po_loc[w].contains(read));
                here.filter(|&w| {
                    labels[w] == Label::Init || Some(w) == own || (labels[w] == Label::Unlock && external(w))
                })
                .collect()
            }
            _ => here.filter(|&w| labels[w] == Label::LockWrite && external(w)).collect(),
        }
    }

    /// The `LKW`s of the reader's own thread whose critical section it stands in (`rfi-lf`).
    fn holders(&self, read: usize) -> Vec<usize> {
        let labels = &self.frame.labels;
        (self.initial..read)
            .filter(|&w| labels[w] == Label::LockWrite && self.po_loc[w].contains(read))
            .filter(|&w| !self.po_loc[w].iter().any(|u| labels[u] == Label::Unlock && self.po_loc[u].contains(read)))
            .collect()
    }
}

/// What is to be said of events whose addresses are no locations. A read can read only from such a write, if from
/// anything, and not from the other half of its own read-modify-write.
fn check_places(combination: &Combination<'_>, misplaced: &[(usize, bool, Known)]) -> Result<(), Unaddressed> {
    let is_written = |read: usize, at: &Known| {
        misplaced.iter().any(|&(event, is_read, a)| !is_read && a == *at && !combination.is_pair(read, event))
    };
    let is_unread = |&(event, is_read, address): &(usize, bool, Known)| {
        is_read && matches!(address, Known::Is(_)) && !is_written(event, &address)
    };
    if misplaced.iter().any(is_unread) {
        return Err(Unaddressed::Read);
    }
    let written = misplaced.iter().find_map(|m| match *m {
        (event, false, Known::Is(value)) => Some(Unaddressed::Write { event, value }),
        _ => None,
    });
    let illegal = misplaced.iter().find_map(|m| match m.2 {
        Known::Illegal(operation) => Some(Unaddressed::Illegal(operation)),
        _ => None,
    });
    written.or(illegal).map_or(Ok(()), Err)
}

/// The events, the initial writes of the accessed locations first, and the relations that do not depend on choices.
fn frame<const W: usize>(
    combination: &Combination<'_>,
    locations: &[LocationId],
    event_locations: &[Option<LocationId>],
) -> Frame<W> {
    let initial = locations.len();
    let n = initial + combination.len();
    let empty = vec![EventSet::EMPTY; n];
    let mut frame = Frame {
        labels: vec![Label::Init; n],
        threads: vec![None; n],
        locations: locations.iter().copied().map(Some).chain(event_locations.iter().copied()).collect(),
        atomic: EventSet::EMPTY,
        observed_init: EventSet::EMPTY,
        po: empty.clone(),
        rmw: empty.clone(),
        addr: empty.clone(),
        data: empty.clone(),
        ctrl: empty,
    };
    for (thread, path) in combination.paths.iter().enumerate() {
        let base = initial + combination.events[thread];
        let mut later = EventSet::EMPTY;
        for (i, template) in path.events.iter().enumerate().rev() {
            frame.labels[base + i] = template.label;
            frame.threads[base + i] = Some(thread as u32);
            frame.po[base + i] = later;
            later.insert(base + i);
            if template.atomic {
                frame.atomic.insert(base + i);
            }
        }
        for &(a, b) in &path.unordered {
            frame.po[base + a as usize].remove(base + b as usize);
        }
        let add = |rows: &mut Vec<EventSet<W>>, pairs: &[(PathEvent, PathEvent)]| {
            for &(a, b) in pairs {
                rows[base + a as usize].insert(base + b as usize);
            }
        };
        add(&mut frame.rmw, &path.rmw);
        add(&mut frame.addr, &path.addr);
        add(&mut frame.data, &path.data);
        add(&mut frame.ctrl, &path.ctrl);
    }
    for (i, &location) in locations.iter().enumerate() {
        let observed = combination.program.observed.contains(&Observable::Location(location));
        if observed {
            frame.observed_init.insert(i);
        }
    }
    frame
}

fn po_loc<const W: usize>(frame: &Frame<W>) -> Vec<EventSet<W>> {
    let same: Vec<EventSet<W>> = {
        let mut by_location: Vec<(u32, EventSet<W>)> = Vec::new();
        for (i, location) in frame.locations.iter().enumerate() {
            if let Some(location) = *location {
                match by_location.iter_mut().find(|l| l.0 == location) {
                    Some((_, set)) => set.insert(i),
                    None => by_location.push((location, EventSet::of(i))),
                }
            }
        }
        let of = |l: &Option<u32>| by_location.iter().find(|b| Some(b.0) == *l).map_or(EventSet::EMPTY, |b| b.1);
        frame.locations.iter().map(of).collect()
    };
    frame.po.iter().zip(same).map(|(&po, same)| po & same).collect()
}

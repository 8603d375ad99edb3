//! Addresses that depend on reads: the sources of those reads are chosen first.
//!
//! Where a pointer is loaded and followed, the locations of later events are known only with the source of the load. Such
//! loads (and the loads that feed them) are given their sources here, by value alone; every way of doing so that makes all
//! addresses known is a [`Candidate`] for [`explore`](crate::explore), which then treats these sources like all others.

use crate::MAX_EVENTS;
use crate::candidate::{Candidate, Unaddressed};
use crate::combine::Combination;
use crate::explore::Explorer;
use crate::outcome::SearchError;
use crate::run::{Goal, Run, Stop};
use crate::values::{Contradiction, Known, Source, Values};
use lkmm_model::event::Label;
use lkmm_model::program::{LocationId, Value};

/// Explores every candidate of a combination of paths.
pub(crate) fn explore<'p>(combination: &Combination<'p>, run: &mut Run<'p>) -> Result<(), Stop> {
    let mut search =
        Addresses { combination, values: Values::new(combination), chosen: Vec::new(), assumed: Vec::new() };
    search.resolve(run)
}

struct Addresses<'c, 'p> {
    combination: &'c Combination<'p>,
    values: Values<'c, 'p>,
    /// Sources given to reads so far.
    chosen: Vec<(usize, Source)>,
    /// Addresses given to reads that copy each other in a circle.
    assumed: Vec<(usize, Value)>,
}

impl<'p> Addresses<'_, 'p> {
    fn resolve(&mut self, run: &mut Run<'p>) -> Result<(), Stop> {
        let open: Vec<usize> = self.open_addresses();
        if open.is_empty() {
            return self.explore_candidate(run);
        }
        match open.iter().find_map(|&event| self.deciding_read(event)) {
            Some(read) => self.choose_source(read, run),
            None => self.choose_location(&open, run),
        }
    }

    fn choose_source(&mut self, read: usize, run: &mut Run<'p>) -> Result<(), Stop> {
        for source in self.sources(read) {
            run.tick(Run::UNIT)?;
            let (mark, assumed) = (self.values.mark(), self.assumed.len());
            if self.values.assign(read, source).is_ok() && self.equate_addresses(read, source).is_ok() {
                self.chosen.push((read, source));
                self.resolve(run)?;
                self.chosen.pop();
            }
            self.assumed.truncate(assumed);
            self.values.undo(mark);
        }
        Ok(())
    }

    /// A read and its write have the same address, which may be news of the write.
    fn equate_addresses(&mut self, read: usize, source: Source) -> Result<(), Contradiction> {
        let (Source::Write(write), Known::Is(address)) = (source, self.values.address(read)) else { return Ok(()) };
        if self.values.address(write) != Known::Open {
            return Ok(());
        }
        if let Some(pointer) = self.values.address_copied_from(write) {
            self.assumed.push((pointer, address));
            self.values.assume(pointer, address)?;
        }
        Ok(())
    }

    /// The addresses that are left depend on themselves: pointers out of thin air. What is written through one is an error,
    /// unless some read has to read it, and so tells where it is; what is read through one is read from some location.
    fn choose_location(&mut self, open: &[usize], run: &mut Run<'p>) -> Result<(), Stop> {
        let circular = |event: &usize| Some((*event, self.values.circular_address(*event)?));
        let circular: Vec<(usize, usize)> = open.iter().filter_map(circular).collect();
        let is_read = |event: usize| self.combination.template(event).0.label.is_read();
        if run.goal == Goal::Errors {
            if let Some(&(event, _)) = circular.iter().find(|&&(event, _)| !is_read(event)) {
                if self.is_solvable(Some(event), run)? {
                    return Err(self.bad_address(event, Value::Symbol(0)));
                }
            }
        }
        let Some(&(_, read)) = circular.first() else { return Ok(()) };
        for location in 0..self.combination.program.locations.len() {
            run.tick(Run::UNIT)?;
            let mark = self.values.mark();
            let address = self.combination.program.address_of(location as u32);
            if self.values.assume(read, address).is_ok() {
                self.assumed.push((read, address));
                self.resolve(run)?;
                self.assumed.pop();
            }
            self.values.undo(mark);
        }
        Ok(())
    }

    fn bad_address(&self, event: usize, value: Value) -> Stop {
        Stop::Failed(SearchError::BadAddress { value, origin: self.combination.template(event).0.origin })
    }

    /// Fails if the equations have a solution, and if errors are looked for: to others, there is no execution here.
    fn fail(&mut self, error: Stop, run: &mut Run<'p>) -> Result<(), Stop> {
        if run.goal == Goal::Errors && self.is_solvable(None, run)? { Err(error) } else { Ok(()) }
    }

    /// Have the equations a solution, whatever the model says? If an event is named: one that leaves its address open?
    fn is_solvable(&mut self, unaddressed: Option<usize>, run: &mut Run<'p>) -> Result<bool, Stop> {
        if unaddressed.is_some_and(|event| self.values.address(event) != Known::Open) {
            return Ok(false);
        }
        let is_open = |e: &usize| self.combination.template(*e).0.label.is_read() && self.values.source(*e).is_none();
        let Some(read) = (0..self.combination.len()).find(is_open) else {
            let mark = self.values.mark();
            let solvable = self.values.settle(run)?;
            let program = self.combination.program;
            let lost = unaddressed.is_some_and(|event| self.values.address(event).location_in(program).is_some());
            self.values.undo(mark);
            return Ok(solvable && !lost);
        };
        for source in self.sources(read) {
            run.tick(Run::UNIT)?;
            let (mark, assumed) = (self.values.mark(), self.assumed.len());
            let solvable = self.values.assign(read, source).is_ok()
                && self.equate_addresses(read, source).is_ok()
                && self.is_solvable(unaddressed, run)?;
            self.assumed.truncate(assumed);
            self.values.undo(mark);
            if solvable {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The events whose address is not known.
    fn open_addresses(&self) -> Vec<usize> {
        let is_open =
            |e: &usize| self.combination.template(*e).0.label.has_location() && self.values.address(*e) == Known::Open;
        (0..self.combination.len()).filter(is_open).collect()
    }

    /// A read without source whose address is known and whose value the address of the event depends on.
    fn deciding_read(&self, event: usize) -> Option<usize> {
        let mut seen = vec![false; self.combination.len()];
        let mut stack = self.below_address(event);
        while let Some(read) = stack.pop() {
            if std::mem::replace(&mut seen[read], true) || self.values.read(read) != Known::Open {
                continue;
            }
            match self.values.source(read) {
                Some(Source::Write(write)) => {
                    let (template, thread) = self.combination.template(write);
                    stack.extend(template.value.into_iter().flat_map(|v| self.combination.support(thread, v)));
                }
                Some(Source::Initial(_)) => {}
                None if self.values.address(read) != Known::Open => return Some(read),
                None => stack.extend(self.below_address(read)),
            }
        }
        None
    }

    fn below_address(&self, event: usize) -> Vec<usize> {
        let (template, thread) = self.combination.template(event);
        template.address.into_iter().flat_map(|a| self.combination.support(thread, a)).collect()
    }

    /// What a read may read from: the initial write, and every write whose address is the same or still open, but not the
    /// other half of its own read-modify-write. (Later writes of its own thread too: the model rules them out, but not
    /// before they have had a say in what is an address.)
    fn sources(&self, read: usize) -> Vec<Source> {
        let address = self.values.address(read);
        let program = self.combination.program;
        // Where nobody can tell what is accessed, anything may be.
        let anywhere = matches!(address, Known::Illegal(_));
        let locations = (0..program.locations.len() as LocationId)
            .filter(|&location| anywhere || address.location_in(program) == Some(location));
        let initial = locations.map(|location| Source::Initial(program.locations[location as usize].init));
        let writes = (0..self.combination.len()).filter(|&w| {
            let at = self.values.address(w);
            self.combination.template(w).0.label.is_write()
                && (anywhere || at == address || at == Known::Open)
                && !self.combination.is_pair(read, w)
        });
        initial.chain(writes.map(Source::Write)).collect()
    }

    fn explore_candidate(&mut self, run: &mut Run<'p>) -> Result<(), Stop> {
        let same_place = self.chosen.iter().all(|&(read, source)| match source {
            Source::Initial(_) => true,
            Source::Write(write) => self.values.address(write) == self.values.address(read),
        });
        if !same_place {
            return Ok(());
        }
        run.check_deadline()?;
        let locations = (0..self.combination.len())
            .filter(|&e| self.combination.template(e).0.label.has_location())
            .map(|e| self.values.address(e).location_in(self.combination.program))
            .collect::<std::collections::BTreeSet<_>>()
            .len();
        match self.combination.len() + locations {
            0..=64 => self.explore_wide::<1>(run),
            65..=128 => self.explore_wide::<2>(run),
            129..=256 => self.explore_wide::<4>(run),
            257..=512 => self.explore_wide::<8>(run),
            513..=MAX_EVENTS => self.explore_wide::<16>(run),
            events => Err(Stop::Failed(SearchError::TooManyEvents { events, limit: MAX_EVENTS })),
        }
    }

    fn explore_wide<const W: usize>(&mut self, run: &mut Run<'p>) -> Result<(), Stop> {
        let mut candidate = match Candidate::<W>::new(self.combination, &self.values) {
            Ok(candidate) => candidate,
            Err(Unaddressed::Read) => return Ok(()),
            Err(Unaddressed::Write { event, value }) => return self.fail(self.bad_address(event, value), run),
            Err(Unaddressed::Illegal(operation)) => {
                return self.fail(Stop::Failed(SearchError::Illegal(operation)), run);
            }
        };
        if run.goal == Goal::Errors && !self.values.may_be_illegal() {
            return Ok(());
        }
        if run.ignores_coherence() {
            candidate.ignore_coherence(self.combination);
        }
        // The sources chosen here are no longer choices there. The values start afresh and come out the same.
        for &(read, source) in &self.chosen {
            let event = candidate.initial + read;
            for choice in candidate.choices.iter_mut().filter(|c| c.read == event) {
                choice.sources.retain(|&w| match source {
                    Source::Initial(_) => candidate.frame.labels[w] == Label::Init,
                    Source::Write(write) => w == candidate.initial + write,
                });
            }
        }
        let mut values = Values::new(self.combination);
        for &(read, address) in &self.assumed {
            if values.assume(read, address).is_err() {
                return Ok(());
            }
        }
        Explorer::explore(self.combination, candidate, values, &self.assumed, run)
    }
}

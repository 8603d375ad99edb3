//! Addresses that depend on reads: the sources of those reads are chosen first.
//!
//! Where a pointer is loaded and followed, the locations of later events are known only with the source of the load. Such
//! loads (and the loads that feed them) are given their sources here, by value alone; every way of doing so that makes all
//! addresses known is a [`Candidate`] for [`explore`](crate::explore), which then treats these sources like all others.

use crate::candidate::{Candidate, Unaddressed};
use crate::explore::{Explorer, Stop};
use crate::outcome::SearchError;
use crate::run::Run;
use crate::values::{Combination, Known, Source, Values};
use lkmm_model::event::Label;
use lkmm_model::program::Value;

/// Explores every candidate of a combination of paths.
pub(crate) fn explore<'p>(combination: &Combination<'p>, run: &mut Run<'p>) -> Result<(), Stop> {
    let mut search = Addresses { combination, values: Values::new(combination), chosen: Vec::new() };
    search.resolve(run)
}

struct Addresses<'c, 'p> {
    combination: &'c Combination<'p>,
    values: Values<'c, 'p>,
    chosen: Vec<(usize, Source)>,
}

impl<'p> Addresses<'_, 'p> {
    fn resolve(&mut self, run: &mut Run<'p>) -> Result<(), Stop> {
        let Some(open) = self.open_address() else {
            return self.explore_candidate(run);
        };
        let Some(read) = self.deciding_read(open) else {
            // The address depends on itself.
            if !self.combination.template(open).0.label.is_read() && self.values.is_circular(open) {
                let origin = self.combination.template(open).0.origin;
                return Err(Stop::Failed(SearchError::BadAddress { value: Value::Symbol(0), origin }));
            }
            return Ok(());
        };
        for source in self.sources(read) {
            run.tick()?;
            let mark = self.values.mark();
            if self.values.assign(read, source).is_ok() {
                self.chosen.push((read, source));
                self.resolve(run)?;
                self.chosen.pop();
            }
            self.values.undo(mark);
        }
        Ok(())
    }

    /// An event whose address is not known.
    fn open_address(&self) -> Option<usize> {
        (0..self.combination.len())
            .find(|&e| self.combination.template(e).0.label.has_location() && self.values.address(e) == Known::Open)
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

    /// What a read may read from: the initial write, and every write that does not follow it in its own thread and whose
    /// address is the same or still open.
    fn sources(&self, read: usize) -> Vec<Source> {
        let address = self.values.address(read);
        let Known::Is(Value::Address(location, 0)) = address else {
            return Vec::new();
        };
        let initial = Source::Initial(self.combination.program.locations[location as usize].init);
        let writes = (0..self.combination.len()).filter(|&w| {
            let at = self.values.address(w);
            let later = w > read && self.combination.thread_of[w] == self.combination.thread_of[read];
            self.combination.template(w).0.label.is_write() && !later && (at == address || at == Known::Open)
        });
        std::iter::once(initial).chain(writes.map(Source::Write)).collect()
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
            .map(|e| match self.values.address(e) {
                Known::Is(Value::Address(location, 0)) => Some(location),
                _ => None,
            })
            .collect::<std::collections::BTreeSet<_>>()
            .len();
        match self.combination.len() + locations {
            0..=64 => self.explore_wide::<1>(run),
            65..=128 => self.explore_wide::<2>(run),
            129..=256 => self.explore_wide::<4>(run),
            257..=512 => self.explore_wide::<8>(run),
            513..=1024 => self.explore_wide::<16>(run),
            events => Err(Stop::Failed(SearchError::TooManyEvents { events, limit: 1024 })),
        }
    }

    fn explore_wide<const W: usize>(&self, run: &mut Run<'p>) -> Result<(), Stop> {
        let mut candidate = match Candidate::<W>::new(self.combination, &self.values) {
            Ok(candidate) => candidate,
            Err(Unaddressed::Read) => return Ok(()),
            Err(Unaddressed::Write { value, origin }) => {
                return Err(Stop::Failed(SearchError::BadAddress { value, origin }));
            }
        };
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
        Explorer::explore(self.combination, candidate, Values::new(self.combination), run)
    }
}

//! Values: the equations of a candidate execution, propagated as `rf` grows and undone as it shrinks.
//!
//! A read is a variable; expressions over the reads of a thread are evaluated as soon as their operands are known, and a
//! write that becomes known hands its value to the reads that read from it. Nothing branches on values: a contradiction
//! (a branch not taken, a `cmpxchg` that should have succeeded) only tells the search that its last choice was wrong.
//!
//! What no read determines is known beforehand ([`facts`]); what is still unknown when every read has its write is
//! [settled](settle).

mod facts;
mod settle;

pub(crate) use facts::{Known, PathFacts, has_pointers};

use crate::combine::Combination;
use facts::{apply, holds};
use lkmm_model::program::{Expr, ExprId, IllegalOperation, Value};

/// A choice contradicts the equations.
#[derive(Debug)]
pub(crate) struct Contradiction;

/// Where a read reads from, for the propagation of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Source {
    /// A constant: the initial value of its location.
    Initial(Value),
    /// A write of some thread.
    Write(usize),
}

enum Undo {
    Expr(usize),
    Read(usize),
    Reader(usize),
    Source(usize),
}

/// The state of the propagation.
pub(crate) struct Values<'c, 'p> {
    combination: &'c Combination<'p>,
    exprs: Vec<Known>,
    /// Value of each read event.
    reads: Vec<Known>,
    sources: Vec<Option<Source>>,
    /// The reads that wait for the value of each write.
    readers: Vec<Vec<usize>>,
    trail: Vec<Undo>,
    queue: Vec<(usize, Known)>,
}

impl<'c, 'p> Values<'c, 'p> {
    pub(crate) fn new(combination: &'c Combination<'p>) -> Self {
        let mut exprs = Vec::with_capacity(*combination.exprs.last().expect("never empty"));
        for facts in &combination.facts {
            exprs.extend_from_slice(&facts.constant);
        }
        let n = combination.len();
        Values {
            combination,
            exprs,
            reads: vec![Known::Open; n],
            sources: vec![None; n],
            readers: vec![Vec::new(); n],
            trail: Vec::new(),
            queue: Vec::new(),
        }
    }

    /// A mark to come back to with [`undo`](Self::undo).
    pub(crate) fn mark(&self) -> usize {
        self.trail.len()
    }

    /// What is known of an expression of a thread.
    #[inline]
    pub(crate) fn expr(&self, thread: usize, expr: ExprId) -> Known {
        self.exprs[self.combination.exprs[thread] + expr as usize]
    }

    /// What is known of the value that a write writes.
    pub(crate) fn written(&self, event: usize) -> Known {
        let (template, thread) = self.combination.template(event);
        template.value.map_or(Known::Open, |value| self.expr(thread, value))
    }

    /// What is known of the value that a read returns.
    pub(crate) fn read(&self, event: usize) -> Known {
        self.reads[event]
    }

    /// What is known of the address of an event.
    pub(crate) fn address(&self, event: usize) -> Known {
        let (template, thread) = self.combination.template(event);
        template.address.map_or(Known::Open, |address| self.expr(thread, address))
    }

    /// Where a read reads from, if that has been chosen.
    pub(crate) fn source(&self, read: usize) -> Option<Source> {
        self.sources[read]
    }

    /// Lets a read read from a source, with all consequences. After a contradiction the state is in between: undo it.
    pub(crate) fn assign(&mut self, read: usize, source: Source) -> Result<(), Contradiction> {
        self.sources[read] = Some(source);
        self.trail.push(Undo::Source(read));
        let value = match source {
            Source::Initial(value) => Known::Is(value),
            Source::Write(write) => self.written(write),
        };
        match (value, source) {
            (Known::Open, Source::Write(write)) => {
                self.readers[write].push(read);
                self.trail.push(Undo::Reader(write));
                Ok(())
            }
            (value, _) => {
                self.queue.clear();
                self.queue.push((read, value));
                self.propagate()
            }
        }
    }

    fn propagate(&mut self) -> Result<(), Contradiction> {
        while let Some((read, value)) = self.queue.pop() {
            if self.reads[read] != Known::Open {
                if self.reads[read] != value {
                    return Err(Contradiction);
                }
                continue;
            }
            self.reads[read] = value;
            self.trail.push(Undo::Read(read));
            let thread = self.combination.thread_of[read] as usize;
            let facts = self.combination.facts[thread];
            let (events, exprs) = (self.combination.events[thread], self.combination.exprs[thread]);
            let path = self.combination.paths[thread];
            for &id in &facts.dependents[read - events] {
                let at = exprs + id as usize;
                if self.exprs[at] != Known::Open {
                    continue;
                }
                let known = match path.exprs[id as usize] {
                    Expr::Op(..) if facts.copy_of[id as usize].is_some() => {
                        facts.copy_of[id as usize].map_or(Known::Open, |operand| self.exprs[exprs + operand as usize])
                    }
                    Expr::Op(op, a, b) => apply(op, self.exprs[exprs + a as usize], self.exprs[exprs + b as usize]),
                    _ => value,
                };
                if known == Known::Open {
                    continue;
                }
                self.exprs[at] = known;
                self.trail.push(Undo::Expr(at));
                for &number in &facts.constraints[id as usize] {
                    holds(&path.constraints[number as usize], |e| self.exprs[exprs + e as usize])?;
                }
                for &write in &facts.writers[id as usize] {
                    let readers = &self.readers[events + write as usize];
                    self.queue.extend(readers.iter().map(|&reader| (reader, known)));
                }
            }
        }
        Ok(())
    }

    /// Takes back everything since the mark.
    pub(crate) fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            match self.trail.pop().expect("longer than the mark") {
                Undo::Expr(at) => self.exprs[at] = Known::Open,
                Undo::Read(read) => self.reads[read] = Known::Open,
                Undo::Source(read) => self.sources[read] = None,
                Undo::Reader(write) => {
                    self.readers[write].pop();
                }
            }
        }
    }

    /// The illegal operation of a candidate, if one of its expressions contains one.
    pub(crate) fn illegal(&self) -> Option<IllegalOperation> {
        self.fallible().find_map(|known| match known {
            Known::Illegal(illegal) => Some(illegal),
            _ => None,
        })
    }

    /// May there be an illegal operation yet, or is there one?
    pub(crate) fn may_be_illegal(&self) -> bool {
        self.fallible().any(|known| !matches!(known, Known::Is(_)))
    }

    /// Is there an illegal operation anywhere? For checks: [`illegal`](Self::illegal) looks where one can be.
    pub(crate) fn has_illegal(&self) -> bool {
        self.exprs.iter().any(|known| matches!(known, Known::Illegal(_)))
    }

    fn fallible(&self) -> impl Iterator<Item = Known> + '_ {
        let threads = self.combination.facts.iter().enumerate();
        threads.flat_map(move |(thread, facts)| facts.fallible.iter().map(move |&e| self.expr(thread, e)))
    }

    /// Is the value of every read in `reads` known?
    pub(crate) fn all_read(&self, reads: &[usize]) -> bool {
        reads.iter().all(|&read| self.reads[read] != Known::Open)
    }

    /// Is the address of the event one that nothing determines: a copy of reads that copy each other in a circle?
    ///
    /// If so, one of these reads.
    pub(crate) fn circular_address(&self, event: usize) -> Option<usize> {
        let (template, thread) = self.combination.template(event);
        let mut at = template.address.map(|address| (thread, address));
        let mut seen = vec![false; self.reads.len()];
        while let Some((thread, expr)) = at {
            let Expr::Read(read) = self.combination.facts[thread].variable(self.combination.paths[thread], expr) else {
                return None;
            };
            let read = self.combination.events[thread] + read as usize;
            if std::mem::replace(&mut seen[read], true) {
                return Some(read);
            }
            let Some(Source::Write(write)) = self.sources[read] else { return None };
            let (template, thread) = self.combination.template(write);
            at = template.value.map(|value| (thread, value));
        }
        None
    }

    /// The read whose value the address of an event is, if it is a mere copy.
    pub(crate) fn address_copied_from(&self, event: usize) -> Option<usize> {
        let (template, thread) = self.combination.template(event);
        match self.combination.facts[thread].variable(self.combination.paths[thread], template.address?) {
            Expr::Read(read) => Some(self.combination.events[thread] + read as usize),
            _ => None,
        }
    }

    /// Gives a read a value that its source does not give it, with all consequences.
    pub(crate) fn assume(&mut self, read: usize, value: Value) -> Result<(), Contradiction> {
        self.queue.clear();
        self.queue.push((read, Known::Is(value)));
        self.propagate()
    }
}

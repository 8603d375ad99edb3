//! Complete executions: settle what values are left, judge, count, and keep a witness.

use super::Explorer;
use crate::outcome::SearchError;
use crate::run::{Goal, Stop};
use crate::values::{Known, Source, Values};
use lkmm_model::event::Label;
use lkmm_model::event_set::EventSet;
use lkmm_model::graph::{Event, Execution};
use lkmm_model::program::{Observable, Value};

impl<const W: usize> Explorer<'_, '_, '_, W> {
    /// Every choice is made: settle the values, judge, count.
    pub(super) fn complete(&mut self) -> Result<(), Stop> {
        if !self.assumed.is_empty() && !self.justifies_addresses()? {
            return Ok(());
        }
        let initial = self.candidate.initial;
        let open = (0..self.reads.len()).any(|i| {
            let read = self.reads[i];
            self.candidate.frame.labels[read].is_read() && !self.values.all_read(&[read - initial])
        });
        if !open {
            return self.judge();
        }
        let mark = self.values.mark();
        let result = match self.values.settle(self.run) {
            Ok(true) => self.judge(),
            Ok(false) => Ok(()),
            Err(stop) => Err(stop),
        };
        self.values.undo(mark);
        result
    }

    /// Do the equations alone give the assumed addresses? A read and its write are at the same place, which tells where a
    /// pointer points that nothing else determines.
    fn justifies_addresses(&self) -> Result<bool, Stop> {
        let initial = self.candidate.initial;
        let program = self.combination.program;
        let mut values = Values::new(self.combination);
        let pairs: Vec<(usize, usize)> = (initial..self.candidate.len())
            .filter(|&read| self.candidate.frame.labels[read].is_read())
            .filter_map(|read| Some((read, self.rf[read]?)))
            .collect();
        for &(read, write) in &pairs {
            let source = match write.checked_sub(initial) {
                Some(write) => Source::Write(write),
                None => Source::Initial(self.candidate.initial_values[write]),
            };
            if values.assign(read - initial, source).is_err() {
                return Ok(false);
            }
        }
        loop {
            let mark = values.mark();
            for (open, known) in pairs.iter().flat_map(|&(read, write)| [(read, write), (write, read)]) {
                let address = |event: usize| match event.checked_sub(initial) {
                    Some(event) => values.address(event),
                    None => {
                        self.candidate.frame.locations[event].map_or(Known::Open, |l| Known::Is(program.address_of(l)))
                    }
                };
                let (Known::Open, Known::Is(place)) = (address(open), address(known)) else { continue };
                let Some(pointer) = values.address_copied_from(open - initial) else { continue };
                if values.assume(pointer, place).is_err() {
                    return Ok(false);
                }
            }
            if values.mark() == mark {
                break;
            }
        }
        let settled = values.settle(self.run)?;
        Ok(settled && self.assumed.iter().all(|&(read, address)| values.read(read) == Known::Is(address)))
    }

    fn judge(&mut self) -> Result<(), Stop> {
        if self.goal_is_lost() {
            return Ok(());
        }
        if !self.run.is_judged() {
            return self.hand_over();
        }
        self.run.outcome.judged += 1;
        let consistent = !self.unchecked || self.plan.check().is_ok();
        if self.plan.is_expired() {
            return self.run.check_deadline();
        }
        // The whole model, unspecialised, on the execution as a graph. (Beyond this size, that takes seconds.)
        debug_assert!(
            self.candidate.len() > 128
                || consistent == self.run.options.model.judge(&self.execution()).violated.is_none()
        );
        if !consistent {
            self.rejected += 1;
            return Ok(());
        }
        self.accepted += 1;
        if self.run.visitor.is_some() {
            return self.hand_over();
        }
        if self.run.goal == Goal::Errors {
            let illegal = self.values.illegal().map(SearchError::Illegal);
            return illegal.map_or(Ok(()), |error| Err(Stop::Failed(error)));
        }
        debug_assert!(!self.values.has_illegal(), "errors are looked for first");
        if self.truncated {
            self.run.truncate();
            return Err(Stop::Answered);
        }
        self.count()
    }

    /// Hands an execution or a candidate over, if it has a meaning and the condition comes out as asked.
    fn hand_over(&mut self) -> Result<(), Stop> {
        if self.truncated || self.values.has_illegal() {
            return Ok(());
        }
        let known = |observable| self.final_value(observable);
        let holds = self.run.program.condition.as_ref().is_none_or(|p| p.evaluate(&known).unwrap_or(false));
        if self.run.goal != Goal::Everything && holds != (self.run.goal == Goal::Positive) {
            return Ok(());
        }
        let mut finals: Vec<Value> =
            self.run.program.observed.iter().map(|&o| known(o).unwrap_or(Value::Int(0))).collect();
        number_symbols(&mut finals);
        let execution = Execution { finals, ..self.execution() };
        self.run.check_deadline()?;
        let goes_on = self.run.visitor.as_mut().is_none_or(|visitor| (visitor.visit)(execution).is_continue());
        if goes_on { Ok(()) } else { Err(Stop::Cancelled) }
    }

    /// Counts a consistent, complete execution.
    fn count(&mut self) -> Result<(), Stop> {
        let known = |observable| self.final_value(observable);
        let state = self.run.program.observed.iter().map(|&o| known(o));
        let mut state: Vec<Value> = state.map(|v| v.unwrap_or(Value::Int(0))).collect();
        let holds = match &self.run.program.condition {
            Some(p) => p.evaluate(&known).unwrap_or(false),
            None => true,
        };
        let thin_air = (0..self.combination.len()).any(|e| matches!(self.values.read(e), Known::Is(Value::Symbol(_))));
        number_symbols(&mut state);
        self.raise_flags();
        if self.plan.is_expired() {
            return self.run.check_deadline();
        }
        if self.run.wants_witness(holds) {
            let execution = Box::new(Execution { finals: state.clone(), ..self.execution() });
            self.run.keep_witness(holds, execution);
        }
        self.run.count(state, holds, thin_air)
    }

    fn raise_flags(&mut self) {
        if self.run.goal != Goal::Everything {
            return;
        }
        for name in self.plan.raised() {
            self.run.outcome.flags.insert(name);
        }
        if !self.plan.has_open_flags() {
            return;
        }
        if self.plan.needs_different_values() {
            let n = self.candidate.len();
            for a in 0..n {
                for b in 0..n {
                    let differ = self.value_of(a) != self.value_of(b);
                    self.plan.set_different_values(a, b, differ);
                }
            }
        }
        let flags = &mut self.run.outcome.flags;
        self.plan.flag(|name| {
            flags.insert(name);
        });
    }

    fn value_of(&self, event: usize) -> Option<Value> {
        let initial = self.candidate.initial;
        let known = match self.candidate.frame.labels[event] {
            Label::Init => Known::Is(self.candidate.initial_values[event]),
            Label::Read(_) => self.values.read(event - initial),
            Label::Write(_) => self.values.written(event - initial),
            _ => Known::Open,
        };
        match known {
            Known::Is(value) => Some(value),
            _ => None,
        }
    }

    /// The execution, for a witness.
    fn execution(&self) -> Execution {
        let frame = &self.candidate.frame;
        let pairs = |rows: &[EventSet<W>]| {
            rows.iter().enumerate().flat_map(|(i, row)| row.iter().map(move |j| (i as u32, j as u32))).collect()
        };
        let events = (0..self.candidate.len()).map(|e| Event {
            label: frame.labels[e],
            thread: frame.threads[e],
            location: frame.locations[e],
            value: self.value_of(e),
            atomic: frame.atomic.contains(e),
            origin: if e < self.candidate.initial {
                0
            } else {
                self.combination.template(e - self.candidate.initial).0.origin
            },
        });
        let mut rf: Vec<(u32, u32)> =
            (0..self.candidate.len()).filter_map(|r| self.rf[r].map(|w| (w as u32, r as u32))).collect();
        rf.extend(self.candidate.fixed_rf.iter().map(|&(w, r)| (w as u32, r as u32)));
        rf.sort_unstable();
        rf.dedup();
        Execution {
            events: events.collect(),
            po: pairs(&frame.po),
            rf,
            co: pairs(&self.co),
            rmw: pairs(&frame.rmw),
            addr: pairs(&frame.addr),
            data: pairs(&frame.data),
            ctrl: pairs(&frame.ctrl),
            observed_locations: self
                .run
                .program
                .observed
                .iter()
                .filter_map(|o| match o {
                    Observable::Location(l) => Some(*l),
                    Observable::Register(..) => None,
                })
                .collect(),
            finals: Vec::new(),
        }
    }
}

/// Numbers the symbols of a state in the order in which they appear, so that equal states are equal.
fn number_symbols(state: &mut [Value]) {
    let mut seen = Vec::new();
    for value in state {
        if let Value::Symbol(symbol) = value {
            let number = seen.iter().position(|s| s == symbol).unwrap_or_else(|| {
                seen.push(*symbol);
                seen.len() - 1
            });
            *symbol = number as u32;
        }
    }
}

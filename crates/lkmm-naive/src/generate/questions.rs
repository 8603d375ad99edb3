//! What is asked of a program: the observed part of its final states, a condition, and sometimes a filter.

use super::Generator;
use lkmm_model::program::{Observable, Program, Proposition, Term, Value};

impl Generator<'_> {
    pub(super) fn draw_questions(&mut self, program: &mut Program) {
        let mut all: Vec<Observable> = Vec::new();
        for (t, thread) in program.threads.iter().enumerate() {
            all.extend((0..thread.registers.len()).map(|r| Observable::Register(t as u32, r as u32)));
        }
        let ordinary = self.integers.iter().chain(&self.pointers).copied();
        all.extend(ordinary.map(Observable::Location));
        if self.one_in(10) {
            all.extend(self.locks.iter().chain(&self.domains).copied().map(Observable::Location));
        }
        program.observed = all.iter().copied().filter(|_| !self.one_in(3)).collect();
        if all.is_empty() || self.one_in(16) {
            return;
        }
        // Registers differ more from one execution to another than locations do.
        let registers: Vec<Observable> =
            all.iter().copied().filter(|o| matches!(o, Observable::Register(..))).collect();
        let over = if registers.is_empty() || self.one_in(3) { &all } else { &registers };
        let depth = self.pick(&[0, 0, 1, 1, 2]);
        program.condition = Some(self.proposition(over, depth));
        if self.one_in(8) {
            program.filter = Some(self.proposition(&all, 1));
        }
        // A state holds whatever is asked about.
        let mut asked = Vec::new();
        program.condition.iter().chain(&program.filter).for_each(|p| mentioned(p, &mut asked));
        asked.retain(|o| !program.observed.contains(o));
        asked.sort_unstable();
        asked.dedup();
        program.observed.extend(asked);
    }

    fn proposition(&mut self, over: &[Observable], depth: usize) -> Proposition {
        if depth > 0 && self.one_in(2) {
            let parts = (0..2).map(|_| self.proposition(over, depth - 1)).collect();
            return match self.rng.u8(..5) {
                0 | 1 => Proposition::And(parts),
                2 | 3 => Proposition::Or(parts),
                _ => Proposition::Not(Box::new(Proposition::And(parts))),
            };
        }
        let left = Term::Final(self.pick(over));
        let right = match self.rng.u8(..8) {
            0 => Term::Final(self.pick(over)),
            1 if !self.pointers.is_empty() => Term::Const(self.pointer_constant()),
            _ => Term::Const(Value::Int(self.small())),
        };
        Proposition::Equal(left, right, !self.one_in(4))
    }
}

/// Collects the observables of a proposition.
fn mentioned(proposition: &Proposition, into: &mut Vec<Observable>) {
    match proposition {
        Proposition::Equal(a, b, _) => {
            for term in [a, b] {
                if let Term::Final(observable) = *term {
                    into.push(observable);
                }
            }
        }
        Proposition::And(parts) | Proposition::Or(parts) => parts.iter().for_each(|p| mentioned(p, into)),
        Proposition::Not(p) => mentioned(p, into),
    }
}

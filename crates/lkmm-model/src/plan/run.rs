//! Running the steps of a plan.

use super::{Operation, Ran, Step};
use crate::algebra::Test;
use crate::event_set::EventSet;
use crate::relation;
use std::time::Instant;

/// Runs steps; stops at the first check that fails unless `go_on` says otherwise.
#[inline]
pub(super) fn run<const W: usize>(
    steps: &[Step<W>],
    n: usize,
    data: &mut [EventSet<W>],
    order: &mut Vec<u16>,
    deadline: Option<Instant>,
    go_on: &mut dyn FnMut(usize) -> bool,
) -> Ran {
    let mut at = 0;
    // The slot whose topological order `order` holds: an acyclic relation is often closed next.
    let mut ordered = usize::MAX;
    while let Some(step) = steps.get(at) {
        at += 1;
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ran::Expired;
        }
        let rows = step.rows;
        if let Operation::Check(test, a, requirement) = step.operation {
            let rows_of_a = &data[a * n..(a + 1) * n];
            let holds = match test {
                Test::Acyclic => relation::topological_order(rows_of_a, rows, order),
                Test::Irreflexive => relation::is_irreflexive(rows_of_a, rows),
                Test::Empty => rows.iter().all(|i| rows_of_a[i].is_empty()),
            };
            if test == Test::Acyclic {
                ordered = if holds { a } else { usize::MAX };
            }
            if !holds && !go_on(requirement) {
                return Ran::Failed(requirement);
            }
            continue;
        }
        if step.slot == ordered {
            ordered = usize::MAX;
        }
        let (lower, dst) = data.split_at_mut(step.slot * n);
        let slot = |s: usize| &lower[s * n..(s + 1) * n];
        match step.operation {
            Operation::Or(a, b) => pointwise(dst, slot(a), slot(b), step, |a, b| a | b),
            Operation::And(a, b) => pointwise(dst, slot(a), slot(b), step, |a, b| a & b),
            Operation::Minus(a, b) => pointwise(dst, slot(a), slot(b), step, |a, b| a - b),
            Operation::Sequence(a, b) => relation::sequence(dst, slot(a), slot(b), rows),
            Operation::InverseSequence(a, b) => relation::inverse_sequence(dst, slot(a), slot(b), rows),
            Operation::Inverse(a) => relation::inverse(dst, slot(a), rows),
            Operation::Within(set, a) => {
                let a = slot(a);
                for i in rows.iter() {
                    dst[i] = if set.contains(i) { a[i] } else { EventSet::EMPTY };
                }
            }
            Operation::Into(a, set) => pointwise(dst, slot(a), slot(a), step, |a, _| a & set),
            Operation::Closure(a, inner) => {
                let a_rows = slot(a);
                let acyclic = ordered == a || relation::topological_order(a_rows, inner, order);
                relation::closure(dst, a_rows, rows, inner, acyclic.then_some(&order[..]));
                ordered = if acyclic { a } else { usize::MAX };
            }
            Operation::DomainIdentity(a) => {
                let a = slot(a);
                for i in rows.iter() {
                    dst[i] = if a[i].is_empty() { EventSet::EMPTY } else { EventSet::of(i) };
                }
            }
            Operation::RangeIdentity(a) => {
                let range = relation::range(slot(a));
                for i in rows.iter() {
                    dst[i] = if range.contains(i) { EventSet::of(i) } else { EventSet::EMPTY };
                }
            }
            Operation::Enter => {
                for i in rows.iter() {
                    dst[i] = EventSet::EMPTY;
                }
            }
            Operation::Again(body, begin) => {
                // The body is above the variable.
                let (variable, above) = dst.split_at_mut(n);
                let offset = (body - step.slot - 1) * n;
                let mut grew = false;
                for i in rows.iter() {
                    grew |= variable[i] != above[offset + i];
                    variable[i] = above[offset + i];
                }
                if grew {
                    at = begin;
                }
            }
            Operation::Check(..) => {}
        }
    }
    Ran::Through
}

/// Combines two relations row by row. Rows outside of a relation's domain are empty in all operands, so a dense loop
/// keeps them empty.
#[inline]
fn pointwise<const W: usize>(
    dst: &mut [EventSet<W>],
    a: &[EventSet<W>],
    b: &[EventSet<W>],
    step: &Step<W>,
    combine: impl Fn(EventSet<W>, EventSet<W>) -> EventSet<W>,
) {
    if step.dense {
        for ((dst, &a), &b) in dst.iter_mut().zip(a).zip(b) {
            *dst = combine(a, b);
        }
    } else {
        for i in step.rows.iter() {
            dst[i] = combine(a[i], b[i]);
        }
    }
}

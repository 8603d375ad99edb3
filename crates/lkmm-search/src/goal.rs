//! Propositions over final states that are not complete yet, in three values: a search drops what can no longer succeed.

use lkmm_model::program::{Observable, Proposition, Term, Value};

/// Evaluates a proposition where only some final values are known: `None` if the answer still depends on the others.
pub(crate) fn evaluate(p: &Proposition, known: &impl Fn(Observable) -> Option<Value>) -> Option<bool> {
    match p {
        Proposition::Equal(a, b, equal) => {
            let term = |t: &Term| match *t {
                Term::Const(value) => Some(value),
                Term::Final(observable) => known(observable),
            };
            Some((term(a)? == term(b)?) == *equal)
        }
        Proposition::Not(p) => evaluate(p, known).map(|b| !b),
        Proposition::And(all) => fold(all, false, known),
        Proposition::Or(any) => fold(any, true, known),
    }
}

/// A conjunction is decided by its first `false`, a disjunction by its first `true`.
fn fold(parts: &[Proposition], decides: bool, known: &impl Fn(Observable) -> Option<Value>) -> Option<bool> {
    let mut open = false;
    for part in parts {
        match evaluate(part, known) {
            Some(b) if b == decides => return Some(decides),
            Some(_) => {}
            None => open = true,
        }
    }
    if open { None } else { Some(!decides) }
}

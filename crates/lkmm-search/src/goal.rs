//! Propositions over final states that are not complete yet.

use lkmm_model::program::{Observable, Proposition, Value};

/// [`Proposition::evaluate`].
pub(crate) fn evaluate(p: &Proposition, known: &impl Fn(Observable) -> Option<Value>) -> Option<bool> {
    p.evaluate(known)
}

//! Why a verdict is what it is, as data.

use lkmm_model::explain::Violation;
use lkmm_model::graph::Execution;
use lkmm_model::missing::Mend;

/// Why a verdict is what it is.
#[derive(Clone, Debug)]
pub enum Explanation {
    /// No execution satisfies the condition (or none violates it): why the model forbids those that would.
    Forbidden(Forbidden),
    /// Some do, and some do not: what the one lacks that answers the question.
    Allowed(Allowed),
}

/// Why no execution satisfies a condition, or violates it.
#[derive(Clone, Debug)]
pub struct Forbidden {
    /// Those that are looked for satisfy the condition; otherwise, they violate it.
    pub satisfying: bool,
    /// Candidates that were looked at: executions of the program, but for the axioms of the model.
    pub candidates: u64,
    /// Why there may be more candidates.
    pub cut: Option<String>,
    /// Are the candidates sequentially consistent at each location? Others are looked at only where there are none of these.
    pub coherent: bool,
    /// The kinds of reasons for which they are forbidden, those with the shortest cycles first.
    pub kinds: Vec<Kind>,
    /// How many kinds there are, also those that were not kept.
    pub all_kinds: u64,
}

/// Candidates that are forbidden for the same reason: by a cycle through the same places of the source.
#[derive(Clone, Debug)]
pub struct Kind {
    /// How many candidates.
    pub candidates: u64,
    /// The first of them.
    pub execution: Execution,
    /// Why it is forbidden.
    pub violation: Violation,
}

/// Why the execution that answers the question is allowed.
#[derive(Clone, Debug)]
pub struct Allowed {
    /// It satisfies the condition; otherwise, it violates it.
    pub satisfying: bool,
    /// Operations take turns in it, as they stand in the source.
    pub sequential: bool,
    /// Why there may be other sets of orders.
    pub cut: Option<String>,
    /// The least sets of orders that would forbid it.
    pub mends: Vec<Mend>,
}

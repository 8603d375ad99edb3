//! loom's API over lkmm, with counts and weaker orderings.

#[path = "../../atomics.rs"]
mod atomics;
#[path = "../../harness.rs"]
mod harness;
#[path = "../../modules.rs"]
mod modules;

pub use modules::*;

/// Explores a closure.
fn explore(builder: &harness::Builder, f: impl Fn() + Send + Sync + 'static) -> harness::Outcome {
    let mut own = tool::model::Builder::new();
    own.max_duration = builder.max_duration;
    own.max_permutations = builder.max_permutations;
    let report = own.explore(f);
    harness::Outcome {
        executions: report.executions(),
        finished: report.complete(),
        failure: report.failure().map(|failure| failure.to_string()),
    }
}

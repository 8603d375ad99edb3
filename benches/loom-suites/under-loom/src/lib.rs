//! loom, with counts and weaker orderings.

#[path = "../../atomics.rs"]
mod atomics;
#[path = "../../harness.rs"]
mod harness;
#[path = "../../modules.rs"]
mod modules;

pub use modules::*;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Explores a closure. (What loom says of a failure is on the standard error.)
fn explore(builder: &harness::Builder, f: impl Fn() + Send + Sync + 'static) -> harness::Outcome {
    let mut own = tool::model::Builder::new();
    own.max_duration = builder.max_duration;
    own.max_permutations = builder.max_permutations;
    own.preemption_bound = builder.preemption_bound;
    own.max_branches = builder.max_branches;
    let runs = Arc::new(AtomicU64::new(0));
    let (count, start) = (runs.clone(), Instant::now());
    let result = catch_unwind(AssertUnwindSafe(|| {
        own.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            f();
        });
    }));
    let failure = result.err().map(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| payload.downcast_ref().copied()).unwrap_or("a panic").to_string()
    });
    let in_time = builder.max_duration.is_none_or(|limit| start.elapsed() < limit);
    harness::Outcome { executions: runs.load(Ordering::Relaxed), finished: in_time, failure }
}

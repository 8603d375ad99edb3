//! Builds a program in Rust, asks for its executions, and reads the relations of one of them.
//!
//! Run with `cargo run --package lkmm-search --example store_buffering`.

use lkmm_model::build::ProgramBuilder;
use lkmm_model::event::{Fence, Mode};
use lkmm_model::models;
use lkmm_search::{Options, search};

fn main() -> Result<(), lkmm_search::SearchError> {
    let mut builder = ProgramBuilder::new();
    let (x, y) = (builder.location("x", 0), builder.location("y", 0));
    let [first, second] = [(x, y, Some(Fence::Mb)), (y, x, None)].map(|(own, other, fence)| {
        let mut thread = builder.thread();
        thread.write(Mode::Once, own, 1);
        if let Some(fence) = fence {
            thread.fence(fence);
        }
        thread.read(Mode::Once, other, "r0")
    });
    // Can both threads miss the other's write?
    builder.exists(first.is(0) & second.is(0));
    let program = builder.finish();

    let lkmm = models::lkmm();
    let outcome = search(&program, &Options { witness: true, ..Options::new(lkmm) })?;
    println!("{:?}: {} of {} executions", outcome.verdict(), outcome.positive, outcome.positive + outcome.negative);
    for (state, count) in &outcome.states {
        println!("  {state:?}: {count}");
    }

    let execution = outcome.witness.expect("one fence is not enough");
    for (number, event) in execution.events.iter().enumerate() {
        println!(
            "  e{number}: {:?} thread {:?} location {:?} value {:?}",
            event.label, event.thread, event.location, event.value
        );
    }
    for name in ["fr", "ppo", "prop", "hb"] {
        println!("  {name}: {:?}", lkmm.relation(&execution, name).expect("the model defines it"));
    }
    Ok(())
}

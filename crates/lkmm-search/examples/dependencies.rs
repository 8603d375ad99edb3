//! Load buffering with data dependencies: builds programs, asks for its executions, and reads the relations of one of them.
//!
//! Run with `cargo run --package lkmm-search --example dependencies`.

use lkmm_model::build::ProgramBuilder;
use lkmm_model::event::Mode;
use lkmm_model::models;
use lkmm_model::program::Program;
use lkmm_search::{Options, Verdict, search};

/// Each thread reads one location and writes 1 to the other, computed from what it read or not.
fn load_buffering(dependent: [bool; 2]) -> Program {
    let mut program = ProgramBuilder::new();
    let (x, y) = (program.location("x", 0), program.location("y", 0));
    let [first, second] = [(x, y, dependent[0]), (y, x, dependent[1])].map(|(from, to, dependent)| {
        let mut thread = program.thread();
        let r0 = thread.read(Mode::Once, from, "r0");
        if dependent {
            thread.write(Mode::Once, to, r0 * 0 + 1);
        } else {
            thread.write(Mode::Once, to, 1);
        }
        r0
    });
    // Do both threads see what the other one writes?
    program.exists(first.is(1) & second.is(1));
    program.finish()
}

fn main() -> Result<(), lkmm_search::SearchError> {
    let lkmm = models::lkmm();
    let options = Options { witness: true, ..Options::new(lkmm) };
    for (dependent, expected) in
        [([false, false], Verdict::Sometimes), ([true, false], Verdict::Sometimes), ([true, true], Verdict::Never)]
    {
        let outcome = search(&load_buffering(dependent), &options)?;
        println!("dependencies: {dependent:?}: {:?}", outcome.verdict());
        for (state, count) in &outcome.states {
            println!("  {state:?}: {count}");
        }
        assert_eq!(outcome.verdict(), expected);

        // One dependency leaves a hole in the cycle of hb: the thread without it may execute its write first.
        let execution = outcome.witness.or(outcome.counter_witness).expect("there are executions");
        for name in ["rfe", "data", "ppo", "hb"] {
            println!("  {name}: {:?}", lkmm.relation(&execution, name).expect("the model defines it"));
        }
    }
    Ok(())
}

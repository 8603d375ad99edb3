//! Programs whose executions theory counts.

use lkmm_model::build::{ProgramBuilder, ThreadBuilder};
use lkmm_model::event::{Fence, Mode};
use lkmm_model::program::Program;

/// A ring of threads; each does this with its own location and that of its neighbour.
fn ring(threads: usize, body: impl Fn(&mut ThreadBuilder<'_>, u32, u32)) -> Program {
    let mut program = ProgramBuilder::new();
    let locations: Vec<_> = (0..threads).map(|i| program.location(&format!("x{i}"), 0)).collect();
    for i in 0..threads {
        body(&mut program.thread(), locations[i], locations[(i + 1) % threads]);
    }
    program.finish()
}

/// A ring of threads that each write their own location, then read their neighbour's.
pub(crate) fn store_buffering(threads: usize, fence: Option<Fence>) -> Program {
    ring(threads, |thread, own, other| {
        thread.write(Mode::Once, own, 1);
        if let Some(fence) = fence {
            thread.fence(fence);
        }
        thread.read(Mode::Once, other, "r0");
    })
}

/// A ring of threads that each read their own location, then write their neighbour's.
pub(crate) fn load_buffering(threads: usize, fence: Option<Fence>) -> Program {
    ring(threads, |thread, own, other| {
        thread.read(Mode::Once, own, "r0");
        if let Some(fence) = fence {
            thread.fence(fence);
        }
        thread.write(Mode::Once, other, 1);
    })
}

/// Threads that each write the same location.
pub(crate) fn writers(threads: i32) -> Program {
    let mut program = ProgramBuilder::new();
    let x = program.location("x", 0);
    for i in 0..threads {
        program.thread().write(Mode::Once, x, i + 1);
    }
    program.finish()
}

/// Threads that each read and write a location under a lock.
pub(crate) fn critical_sections(threads: i32) -> Program {
    let mut program = ProgramBuilder::new();
    let (lock, x) = (program.location("lock", 0), program.location("x", 0));
    for i in 0..threads {
        let mut thread = program.thread();
        thread.lock(lock);
        thread.read(Mode::Plain, x, "r0");
        thread.write(Mode::Plain, x, i + 1);
        thread.unlock(lock);
    }
    program.finish()
}

/// `n!`: in how many orders things come.
pub(crate) fn factorial(n: i32) -> u64 {
    (1..=n as u64).product()
}

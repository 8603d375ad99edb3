//! What one execution costs without a search: a restart, and eight threads that each do one `fetch_add` and are joined,
//! answered as one thread after the other would be.
//!
//! `cargo run --release -p lkmm-check --example bare_run`

use lkmm::atomic::{Atomic, Relaxed};
use lkmm::thread;
use lkmm_check::ClosureProgram;
use lkmm_model::program::Value;
use lkmm_search::open::{Answer, OpenProgram, Step};
use std::hint::black_box;
use std::sync::Arc;

const THREADS: usize = 8;
const RUNS: u32 = 200_000;

fn run(program: &mut ClosureProgram) {
    program.restart();
    for _ in 0..THREADS {
        assert!(matches!(program.next(0, None), Step::Spawn { .. }));
    }
    for thread in 1..=THREADS {
        let Step::Read(..) = program.next(thread, None) else { panic!("a read was expected") };
        let answer = Answer::Value(Value::Bits(thread as u64 - 1));
        black_box(program.access(thread, answer)).unwrap();
        program.resume(thread, answer);
        assert!(matches!(program.next(thread, None), Step::End { .. }));
    }
    for _ in 0..THREADS {
        assert!(matches!(program.next(0, None), Step::Join { .. }));
        program.resume(0, Answer::Joined);
    }
    assert!(matches!(program.next(0, None), Step::End { .. }));
}

/// The least of some measurements, in nanoseconds of the processor for a run.
fn measure(mut run: impl FnMut()) -> f64 {
    let once = |_| {
        let start = processor_time();
        (0..RUNS).for_each(|_| run());
        (processor_time() - start) as f64 / f64::from(RUNS)
    };
    (0..5).map(once).fold(f64::MAX, f64::min)
}

fn processor_time() -> u64 {
    // SAFETY: zero is a time, and the pointer is to one.
    let time = unsafe {
        let mut time: libc::timespec = std::mem::zeroed();
        libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time);
        time
    };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

fn main() {
    let mut scoped = ClosureProgram::new(|| {
        let x = Arc::new(Atomic::new(0_u32));
        let threads: [_; THREADS] = std::array::from_fn(|_| {
            let x = x.clone();
            thread::spawn(move || x.fetch_add(1, Relaxed))
        });
        for t in threads {
            t.join().unwrap();
        }
    });
    println!("one run with {THREADS} threads: {:.0} ns", measure(|| run(&mut scoped)));
    let x = Atomic::new(0_u32);
    let operation = measure(|| _ = black_box(&x).load(Relaxed));
    let std = std::sync::atomic::AtomicU32::new(0);
    let real = measure(|| _ = black_box(&std).load(std::sync::atomic::Ordering::Acquire));
    println!("a load outside of a model: {operation:.2} ns, of core: {real:.2} ns");
}

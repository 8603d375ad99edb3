//! Explores Treiber's stack, and prints how fast that was: `stack [pushes pops] [most executions]`, up to three threads that
//! push and two that pop if nothing is said.
//!
//! `cargo run --release -p lkmm --features check --example stack`

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::{check, thread};
use std::ptr;
use std::time::Instant;

check::heap!();

struct Node {
    value: u32,
    next: *mut Node,
}

fn push(head: &Atomic<*mut Node>, value: u32) {
    let node = Box::into_raw(Box::new(Node { value, next: head.load(Relaxed) }));
    // SAFETY: nobody else knows the node yet.
    while let Err(found) = head.cmpxchg(unsafe { (*node).next }, node, Release) {
        // SAFETY: as above.
        unsafe { (*node).next = found };
    }
}

fn pop(head: &Atomic<*mut Node>) -> Option<u32> {
    let mut top = head.load(Acquire);
    loop {
        // SAFETY: nodes are never freed.
        let node = unsafe { top.as_ref() }?;
        match head.cmpxchg(top, node.next, Acquire) {
            Ok(_) => return Some(node.value),
            Err(found) => top = found,
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse().expect("a number"));
    let one = arguments.next().zip(arguments.next()).map(|(pushes, pops)| (pushes as u32, pops));
    let most = arguments.next().unwrap_or(u64::MAX);
    for (pushes, pops) in one.map_or(vec![(2, 1), (2, 2), (3, 1), (3, 2)], |one| vec![one]) {
        let start = Instant::now();
        let report = check::Builder::new().max_executions(most).explore(move || {
            let head = Atomic::new(ptr::null_mut());
            thread::scope(|s| {
                let head = &head;
                for value in 0..pushes {
                    s.spawn(move || push(head, value));
                }
                for _ in 0..pops {
                    s.spawn(move || pop(head));
                }
            });
        });
        let time = start.elapsed();
        let rate = report.executions() as f64 / time.as_secs_f64();
        println!("{pushes} push, {pops} pop: {report}, in {time:.2?}, {rate:.0} a second");
    }
}

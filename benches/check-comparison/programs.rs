//! The programs, for tools whose types have the names of the standard library.

use crate::measure::{Job, job, print};
use crate::tool::{AtomicPtr, AtomicUsize, Mutex, Ordering, explore, thread};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// How often a program has been run.
static RUNS: AtomicU64 = AtomicU64::new(0);

struct Node {
    value: usize,
    next: *mut Node,
}

fn push(head: &AtomicPtr<Node>, value: usize) {
    let node = Box::into_raw(Box::new(Node { value, next: head.load(Ordering::Relaxed) }));
    loop {
        // SAFETY: nobody else knows the node yet.
        let next = unsafe { (*node).next };
        match head.compare_exchange(next, node, Ordering::Release, Ordering::Relaxed) {
            Ok(_) => return,
            // SAFETY: as above.
            Err(found) => unsafe { (*node).next = found },
        }
    }
}

fn pop(head: &AtomicPtr<Node>) -> Option<usize> {
    let mut top = head.load(Ordering::Acquire);
    loop {
        // SAFETY: nodes are never freed.
        let node = unsafe { top.as_ref() }?;
        match head.compare_exchange(top, node.next, Ordering::Acquire, Ordering::Relaxed) {
            Ok(_) => return Some(node.value),
            Err(found) => top = found,
        }
    }
}

/// So many threads increment one counter.
fn counter(threads: usize) {
    let x = Arc::new(AtomicUsize::new(0));
    join((0..threads).map(|_| {
        let x = x.clone();
        thread::spawn(move || _ = x.fetch_add(1, Ordering::Relaxed))
    }));
}

/// Treiber's stack: so many threads push, another one and the first one pop.
fn stack(pushes: usize) {
    let head = Arc::new(AtomicPtr::new(ptr::null_mut()));
    let mut threads: Vec<_> = (0..pushes)
        .map(|value| {
            let head = head.clone();
            thread::spawn(move || push(&head, value))
        })
        .collect();
    let popped = head.clone();
    threads.push(thread::spawn(move || _ = pop(&popped)));
    pop(&head);
    join(threads.into_iter());
}

/// A ring of threads that each write their own variable, then read their neighbour's.
fn store_buffering(threads: usize) {
    let x: Arc<Vec<AtomicUsize>> = Arc::new((0..threads).map(|_| AtomicUsize::new(0)).collect());
    join((0..threads).map(|i| {
        let x = x.clone();
        thread::spawn(move || {
            x[i].store(1, Ordering::Relaxed);
            x[(i + 1) % x.len()].load(Ordering::Relaxed);
        })
    }));
}

/// So many threads take the tool's own lock once.
fn lock(threads: usize) {
    let x = Arc::new(Mutex::new(0));
    join((0..threads).map(|_| {
        let x = x.clone();
        thread::spawn(move || *x.lock().unwrap() += 1)
    }));
}

/// The handles are collected first, so that all threads run before one is joined.
fn join(threads: impl Iterator<Item = thread::JoinHandle<()>>) {
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

pub fn run() {
    let Job { program, size, limit } = job();
    let program: fn(usize) = match program.as_str() {
        "counter" => counter,
        "stack" => stack,
        "store-buffering" => store_buffering,
        "lock" => lock,
        other => panic!("no program {other}"),
    };
    measure(limit, || {
        explore(move || {
            RUNS.fetch_add(1, Relaxed);
            program(size);
        });
    });
}

/// Explores a program whose runs count themselves, and gives up when the time has come.
fn measure(limit: Duration, explore: impl FnOnce()) {
    let start = Instant::now();
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        print(RUNS.load(Relaxed), start.elapsed(), false);
        std::process::exit(0);
    });
    explore();
    print(RUNS.load(Relaxed), start.elapsed(), true);
    // The other thread must not print any more.
    std::process::exit(0);
}

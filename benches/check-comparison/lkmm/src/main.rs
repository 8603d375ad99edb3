//! Small programs under lkmm. An execution is one of the model, each counted once; the closure is run somewhat more often.

#[path = "../../measure.rs"]
mod measure;

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::lock::SpinLock;
use lkmm::{check, thread};
use measure::{Job, job, print};
use std::ptr;
use std::sync::Arc;
use std::time::{Duration, Instant};

check::heap!();

struct Node {
    value: usize,
    next: *mut Node,
}

fn push(head: &Atomic<*mut Node>, value: usize) {
    let node = Box::into_raw(Box::new(Node { value, next: head.load(Relaxed) }));
    // SAFETY: nobody else knows the node yet.
    while let Err(found) = head.cmpxchg(unsafe { (*node).next }, node, Release) {
        // SAFETY: as above.
        unsafe { (*node).next = found };
    }
}

fn pop(head: &Atomic<*mut Node>) -> Option<usize> {
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

/// So many threads increment one counter.
fn counter(threads: usize) {
    let x = Arc::new(Atomic::new(0_usize));
    join((0..threads).map(|_| {
        let x = x.clone();
        thread::spawn(move || _ = x.fetch_add(1, Relaxed))
    }));
}

/// Treiber's stack: so many threads push, another one and the first one pop.
fn stack(pushes: usize) {
    let head = Arc::new(Atomic::new(ptr::null_mut()));
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
    let x: Arc<Vec<Atomic<usize>>> = Arc::new((0..threads).map(|_| Atomic::new(0)).collect());
    join((0..threads).map(|i| {
        let x = x.clone();
        thread::spawn(move || {
            x[i].store(1, Relaxed);
            x[(i + 1) % x.len()].load(Relaxed);
        })
    }));
}

/// So many threads take a spin lock once.
fn lock(threads: usize) {
    let x = Arc::new(SpinLock::new(0));
    join((0..threads).map(|_| {
        let x = x.clone();
        thread::spawn(move || *x.lock() += 1)
    }));
}

fn join(threads: impl Iterator<Item = thread::JoinHandle<()>>) {
    let threads: Vec<_> = threads.collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
}

/// `memory <executions>`: explores so many of the counter with eleven threads, and prints the peak memory of the process.
fn memory(executions: u64) {
    let report = check::Builder::new().max_executions(executions).explore(|| counter(11));
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map_or("unknown", str::trim);
    println!("{} executions: {peak}", report.executions());
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [command, executions] = args.as_slice()
        && command == "memory"
    {
        return memory(executions.parse().expect("a number of executions"));
    }
    let Job { program, size, limit } = job();
    let program: fn(usize) = match program.as_str() {
        "counter" => counter,
        "stack" => stack,
        "store-buffering" => store_buffering,
        "lock" => lock,
        other => panic!("no program {other}"),
    };
    let start = Instant::now();
    let report = check::Builder::new().timeout(limit.max(Duration::from_millis(1))).explore(move || program(size));
    assert!(report.failure().is_none(), "{report}");
    print(report.executions(), start.elapsed(), report.complete());
}

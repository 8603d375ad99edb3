//! Code with pointers, without the model heap: what they point to is elsewhere in every run.

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::check::{Builder, FailureKind, Report};
use lkmm::rcu::{self, Rcu};
use lkmm::thread;
use std::ptr;
use std::sync::Arc;

#[path = "common/published.rs"]
mod published;

/// Explores a model; if nothing fails, by several workers as well, in whose copies of the program the pointers are others.
fn explore(f: impl Fn() + Send + Sync + Clone + 'static) -> Report {
    let report = Builder::new().explore(f.clone());
    println!("{report}");
    if report.failure().is_none() {
        let together = Builder::new().jobs(3).explore(f);
        assert_eq!((together.executions(), together.complete()), (report.executions(), report.complete()));
    }
    report
}

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

fn stack(pushes: u32, pops: u32) -> Report {
    explore(move || {
        let head = Atomic::new(ptr::null_mut());
        thread::scope(|s| {
            let head = &head;
            for value in 0..pushes {
                s.spawn(move || push(head, value));
            }
            for _ in 0..pops {
                s.spawn(move || assert!(pop(head).is_none_or(|value| value < pushes)));
            }
        });
    })
}

/// As many as under the model heap, and as an enumerator finds (see `counts.rs`).
#[test]
fn a_stack_has_the_executions_that_it_has_under_the_model_heap() {
    for (pushes, pops, executions) in [(2, 1, 20), (2, 2, 164), (3, 1, 600)] {
        let report = stack(pushes, pops);
        assert!(report.failure().is_none() && report.complete());
        assert_eq!(report.executions(), executions);
        assert!(report.to_string().contains("heap!()"), "what was not checked is said");
    }
}

struct Config {
    a: Atomic<i32>,
    b: Atomic<i32>,
}

/// Two threads publish a configuration each, and a third one looks at what is there.
fn publish(is_released: bool) -> Report {
    explore(move || {
        let slot = Arc::new(Atomic::new(ptr::null_mut::<Config>()));
        let writers = [1, 2].map(|value| {
            let slot = slot.clone();
            thread::spawn(move || {
                let config = Box::into_raw(Box::new(Config { a: Atomic::new(0), b: Atomic::new(0) }));
                // SAFETY: it is never freed.
                unsafe {
                    (*config).a.store(value, Relaxed);
                    (*config).b.store(value + 1, Relaxed);
                }
                match is_released {
                    true => slot.store(config, Release),
                    false => slot.store(config, Relaxed),
                }
            })
        });
        // SAFETY: as above.
        if let Some(config) = unsafe { slot.load(Acquire).as_ref() } {
            assert_eq!(config.a.load(Relaxed) + 1, config.b.load(Relaxed));
        }
        for writer in writers {
            writer.join().unwrap();
        }
    })
}

#[test]
fn what_is_published_is_whole_if_it_is_released() {
    let report = publish(true);
    assert!(report.failure().is_none() && report.complete());
    // Both stores in either order; each of the three sources of the load, with the only values that go with it.
    assert_eq!(report.executions(), 2 * 3);
    let failure = publish(false).failure().map(|failure| failure.kind());
    assert_eq!(failure, Some(FailureKind::Panic));
}

#[test]
fn a_pointer_that_a_box_held_at_first_is_followed() {
    let report = explore(|| {
        let shared = Rcu::new(Box::new(1));
        let read = || {
            let guard = rcu::read_lock();
            assert_eq!(shared.dereference(&guard), Some(&1));
        };
        thread::scope(|s| {
            s.spawn(read);
            s.spawn(read);
        });
    });
    assert!(report.failure().is_none() && report.complete());
    assert_eq!(report.executions(), 1);
}

/// The index is another one in executions that another worker may have found.
#[test]
fn what_is_written_elsewhere_shows_dependencies() {
    let report = explore(published::by_index);
    assert!(report.failure().is_none() && report.complete());
}

#[cfg(target_os = "linux")]
#[test]
fn a_real_lock_is_told_instead_of_what_it_prevents() {
    let line = line!() + 6;
    let report = Builder::new().explore(|| {
        let shared = Arc::new((std::sync::Mutex::new(()), Atomic::new(0_u32)));
        let threads = [0, 1].map(|_| {
            let there = shared.clone();
            thread::spawn(move || {
                let _guard = there.0.lock();
                there.1.store(there.1.load(Relaxed) + 1, Relaxed);
            })
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(shared.1.load(Relaxed), 2);
    });
    let failure = report.failure().expect("it is told");
    assert_eq!(failure.kind(), FailureKind::Deadlock, "{failure}");
    assert!(failure.message().contains("real lock") && failure.locations()[0].line == line, "{failure}");
}

//! Code with pointers, under the model heap.

use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::check::{Builder, FailureKind};
use lkmm::rcu::{self, Rcu};
use lkmm::{barrier, thread};
use std::collections::BTreeSet;
use std::ptr;
use std::sync::{Arc, Mutex};

lkmm::check::heap!();

/// Treiber's stack: a list whose head is exchanged. Nodes are freed by nobody.
struct Stack {
    head: Atomic<*mut Node>,
}

struct Node {
    value: u32,
    next: *mut Node,
}

impl Stack {
    fn new() -> Self {
        Stack { head: Atomic::new(ptr::null_mut()) }
    }

    fn push(&self, value: u32) {
        let node = Box::into_raw(Box::new(Node { value, next: ptr::null_mut() }));
        let mut head = self.head.load(Relaxed);
        loop {
            // SAFETY: nobody else knows the node yet.
            unsafe { (*node).next = head };
            match self.head.cmpxchg(head, node, Release) {
                Ok(_) => return,
                Err(other) => head = other,
            }
        }
    }

    fn pop(&self) -> Option<u32> {
        let mut head = self.head.load(Acquire);
        loop {
            // SAFETY: nodes are not freed.
            let node = unsafe { head.as_ref() }?;
            match self.head.cmpxchg(head, node.next, Acquire) {
                Ok(_) => return Some(node.value),
                Err(other) => head = other,
            }
        }
    }
}

#[test]
fn a_stack_gives_back_what_was_pushed() {
    let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = outcomes.clone();
    let report = Builder::new().explore(move || {
        let stack = Arc::new(Stack::new());
        let threads = [1, 2].map(|value| {
            let stack = stack.clone();
            thread::spawn(move || {
                stack.push(value);
                stack.pop()
            })
        });
        let mut popped = threads.map(|t| t.join().unwrap().expect("one was pushed before"));
        lkmm::check::outside(|| seen.lock().unwrap().insert(popped));
        popped.sort_unstable();
        assert_eq!(popped, [1, 2]);
        assert_eq!(stack.pop(), None);
    });
    println!("{report}");
    assert!(report.complete() && report.failure().is_none());
    assert!(report.executions() > 4);
    assert_eq!(*outcomes.lock().unwrap(), BTreeSet::from([[1, 2], [2, 1]]));
}

#[test]
fn pointers_are_the_same_in_every_run() {
    fn publish(mutate: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let slot: Arc<Atomic<*mut String>> = Arc::new(Atomic::new(ptr::null_mut()));
            let threads = ["one", "two", "three"].map(|text| {
                let slot = slot.clone();
                thread::spawn(move || {
                    let new = Box::into_raw(Box::new(text.to_string()));
                    let old = slot.xchg(new, Full);
                    // SAFETY: it was a box, and who exchanges it has it.
                    let old = (!old.is_null()).then(|| unsafe { Box::from_raw(old) });
                    assert!(!mutate || old.is_none_or(|old| *old != "two"));
                })
            });
            threads.into_iter().for_each(|t| t.join().unwrap());
            // SAFETY: as above.
            drop(unsafe { Box::from_raw(slot.load(Relaxed)) });
        }
    }
    let report = Builder::new().explore(publish(false));
    println!("{report}");
    assert_eq!((report.executions(), report.complete()), (6, true));
    let failed = Builder::new().explore(publish(true));
    assert_eq!(failed.failure().map(|failure| failure.kind()), Some(FailureKind::Panic));
}

#[test]
fn readers_see_what_was_written_before_it_was_published() {
    fn published(reader_follows: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let config = Rcu::new(Box::new([Atomic::new(1), Atomic::new(1)]));
            let side = Atomic::new(1);
            thread::scope(|s| {
                s.spawn(|| {
                    let guard = rcu::read_lock();
                    let values = config.dereference(&guard).unwrap();
                    let second = values[1].load(Relaxed);
                    let first = if reader_follows { values[0].load(Relaxed) } else { side.load(Relaxed) };
                    assert!(second != 2 || first == 2);
                });
                let new = Box::new([Atomic::new(0), Atomic::new(0)]);
                side.store(2, Relaxed);
                new[0].store(2, Relaxed);
                new[1].store(2, Relaxed);
                drop(config.xchg(Some(new)));
            });
        }
    }
    let report = Builder::new().explore(published(true));
    println!("{report}");
    assert_eq!((report.executions(), report.complete()), (2, true));
    let report = Builder::new().explore(published(false));
    println!("{report}");
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Panic));
}

#[test]
fn what_is_replaced_is_dropped_once() {
    static DROPS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    struct Counted(Box<u32>);
    impl Drop for Counted {
        fn drop(&mut self) {
            DROPS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let report = Builder::new().explore(|| {
        let mut value = Box::pin(Rcu::new(Arc::new(Counted(Box::new(1)))));
        let old = value.as_mut().copy_update(|old| old.map(|old| Arc::new(Counted(Box::new(*old.0 + 1)))));
        assert_eq!(old.map(|old| *old.0), Some(1));
        assert_eq!(value.as_mut().replace(Arc::new(Counted(Box::new(3)))).map(|old| *old.0), Some(2));
        barrier::smp_mb();
        assert_eq!(value.dereference(&rcu::read_lock()).map(|now| *now.0), Some(3));
    });
    assert!(report.complete() && report.failure().is_none());
    let drops = DROPS.load(std::sync::atomic::Ordering::Relaxed);
    assert!(drops > 0 && drops % 3 == 0, "{drops}");
}

#[test]
fn what_the_checker_notes_is_not_in_the_memory_of_a_thread() {
    let report = Builder::new().explore(|| {
        let x = Arc::new(Atomic::new(false));
        let other = x.clone();
        let writer = thread::spawn(move || other.store(true, Release));
        // What the thread keeps lies where the checker's notes would.
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(x.load(Acquire));
        }
        writer.join().unwrap();
        let next = Box::new(seen.len());
        drop(seen);
        assert_eq!(*next, 3);
    });
    assert!(report.failure().is_none(), "{report}");
    assert_eq!(report.executions(), 4);
}

/// A thread gives the last reference to an object back, and clears the table from which it had it. What would it do if it had read what it writes only then? It
/// would follow null, so nobody asks.
#[test]
fn nobody_follows_what_comes_of_following_it() {
    struct Object {
        references: Atomic<i32>,
    }
    let report = Builder::new().explore(|| {
        let object = Box::into_raw(Box::new(Object { references: Atomic::new(2) }));
        let table = Arc::new(Atomic::new(object));
        let put = |table: &Atomic<*mut Object>| {
            let object = table.load(Relaxed);
            // SAFETY: each thread has a reference, and who gives the last one back comes after the other.
            if unsafe { (*object).references.fetch_sub(1, Full) } == 1 {
                table.store(ptr::null_mut(), Relaxed);
            }
        };
        let threads = [(); 2].map(|()| {
            let table = table.clone();
            thread::spawn(move || put(&table))
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
    });
    assert!(report.failure().is_none() && report.complete(), "{report}");
    assert_eq!(report.executions(), 2);
}

/// Who has joined all others finds in memory what is coherence-last, also by means that the model does not see.
#[test]
fn memory_holds_what_is_coherence_last() {
    let report = Builder::new().explore(|| {
        let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
        let threads = [1, 2, 3].map(|n| {
            let x = x.clone();
            thread::spawn(move || {
                x[0].store(n, Relaxed);
                x[1].fetch_add(1, Relaxed);
            })
        });
        threads.into_iter().for_each(|t| t.join().unwrap());
        for _ in 0..2 {
            // SAFETY: nobody else accesses it any more.
            let raw = x.each_ref().map(|x| unsafe { *x.as_ptr() });
            assert_eq!(raw, x.each_ref().map(|x| x.load(Relaxed)));
        }
    });
    assert!(report.failure().is_none() && report.complete(), "{report}");
    assert_eq!(report.executions(), 36);
}

/// A pointer may be accessed as a number of its size. Other sizes are other variables, and the report says so.
#[test]
fn one_variable_has_one_size() {
    let marked = || {
        let head = Box::new(Atomic::new(ptr::null_mut::<u64>()));
        let mark = || {
            if head.load(Relaxed).addr() & 1 == 0 {
                // SAFETY: the pointer is never followed.
                unsafe { Atomic::<usize>::from_ptr(head.as_ptr().cast()) }.fetch_add(1, Full);
            }
        };
        thread::scope(|s| {
            s.spawn(mark);
            s.spawn(mark);
        });
        assert_eq!(head.load(Relaxed).addr(), 1);
    };
    let report = Builder::new().explore(marked);
    assert_eq!(report.failure().map(|failure| failure.kind()), Some(FailureKind::Panic), "{report}");
    assert!(report.unchecked().is_empty(), "{report}");

    let halves = || {
        let whole = Box::new(Atomic::new(0_u64));
        // SAFETY: nothing but atomics is there.
        unsafe { Atomic::<u32>::from_ptr(whole.as_ptr().cast::<u32>().add(1)) }.store(1, Relaxed);
        whole.load(Relaxed);
    };
    let report = Builder::new().explore(halves);
    assert!(report.unchecked().iter().any(|what| what.contains("different sizes")), "{report}");
}

/// What has no size is nowhere, and nobody else's.
#[test]
fn what_has_no_size_is_not_shared() {
    let report = Builder::new().explore(|| {
        let (a, b) = (Shared::new(()), Shared::new(()));
        thread::scope(|s| {
            // SAFETY: nothing is written.
            s.spawn(|| unsafe { a.set(()) });
            // SAFETY: as above.
            s.spawn(|| unsafe { b.set(()) });
        });
    });
    assert!(report.failure().is_none(), "{report}");
}

/// A thread may have as much on its stack as one of `std`.
#[test]
fn stacks_are_as_large_as_those_of_std() {
    let report = Builder::new().explore(|| {
        thread::spawn(|| assert_eq!(std::hint::black_box([1_u8; 1_000_000])[999_999], 1)).join().unwrap();
    });
    assert!(report.failure().is_none(), "{report}");
}

/// A thread that follows what was never a pointer is told, and ends nothing but its search. (Where debug assertions are on, null is found by the compiler's
/// own check, which ends the process.)
#[cfg(target_os = "linux")]
#[test]
fn a_pointer_that_is_none_is_told() {
    let follow = |publish_first: bool| {
        move || {
            let object = Box::new(3_u32);
            let (slot, is_ready) = (Atomic::new(ptr::without_provenance_mut::<u32>(4096)), Atomic::new(false));
            thread::scope(|s| {
                s.spawn(|| {
                    slot.store(ptr::from_ref(&*object).cast_mut(), Relaxed);
                    if publish_first {
                        barrier::smp_wmb();
                    }
                    is_ready.store(true, Relaxed);
                });
                s.spawn(|| {
                    if is_ready.load(Acquire) {
                        // SAFETY: as the test says, it is not always one.
                        assert_eq!(unsafe { *slot.load(Relaxed) }, 3);
                    }
                });
            });
        }
    };
    let line = line!() - 6;
    let report = Builder::new().explore(follow(false));
    let failure = report.failure().expect("a stale pointer");
    assert_eq!(failure.kind(), FailureKind::UseAfterFree, "{report}");
    assert!(failure.message().contains("0x1000"), "{report}");
    let [place] = failure.locations() else { panic!("{report}") };
    assert!(place.file.ends_with("tests/heap.rs") && place.line == line, "{report}");

    let report = Builder::new().explore(follow(true));
    assert!(report.failure().is_none() && report.complete(), "{report}");
}

/// Who drops the last reference to what does operations in its `drop` is part of the model, if the count is.
#[test]
fn the_last_reference_may_be_dropped_by_anybody() {
    struct Stack(Atomic<*mut Node>);
    struct Node(*mut Node);
    // SAFETY: the nodes are taken by one thread each.
    unsafe impl Send for Stack {}
    // SAFETY: as above.
    unsafe impl Sync for Stack {}
    impl Stack {
        fn push(&self) {
            let node = Box::into_raw(Box::new(Node(ptr::null_mut())));
            let mut head = self.0.load(Relaxed);
            loop {
                // SAFETY: nobody else knows it yet.
                unsafe { (*node).0 = head };
                match self.0.cmpxchg(head, node, Release) {
                    Ok(_) => return,
                    Err(now) => head = now,
                }
            }
        }

        fn pop(&self) -> bool {
            let mut head = self.0.load(Acquire);
            while !head.is_null() {
                // SAFETY: nothing is freed before it is taken.
                match self.0.cmpxchg(head, unsafe { (*head).0 }, Acquire) {
                    Ok(_) => {
                        // SAFETY: it was made so, and taken by this thread.
                        drop(unsafe { Box::from_raw(head) });
                        return true;
                    }
                    Err(now) => head = now,
                }
            }
            false
        }
    }
    impl Drop for Stack {
        fn drop(&mut self) {
            while self.pop() {}
        }
    }
    for (joins, pops) in [(true, true), (true, false), (false, false)] {
        let report = Builder::new().explore(move || {
            let stack = lkmm::refcount::Arc::new(Stack(Atomic::new(ptr::null_mut())));
            let other = stack.clone();
            let pusher = thread::spawn(move || other.push());
            stack.push();
            if joins {
                pusher.join().unwrap();
            }
            assert!(!pops || stack.pop());
        });
        assert!(report.failure().is_none() && report.complete(), "{report}");
    }
}

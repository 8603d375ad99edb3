//! Objects of the model heap that are used when they are gone, freed twice, or never freed.

use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::check::{Builder, FailureKind, Report};
use lkmm::lock::SpinLock;
use lkmm::rcu::{self, Rcu};
use lkmm::{barrier, hint, thread};
use std::ptr;
use std::sync::Arc;

lkmm::check::heap!();

fn explore(f: impl Fn() + Send + Sync + 'static) -> Report {
    let report = Builder::new().explore(f);
    println!("{report}");
    report
}

fn kind(report: &Report) -> Option<FailureKind> {
    report.failure().map(|failure| failure.kind())
}

fn is_fine(f: impl Fn() + Send + Sync + 'static) {
    let report = explore(f);
    assert!(report.complete() && report.failure().is_none());
}

struct Node {
    value: Atomic<u32>,
    next: *mut Node,
}

fn node(value: u32) -> *mut Node {
    Box::into_raw(Box::new(Node { value: Atomic::new(value), next: ptr::null_mut() }))
}

/// A reader follows a pointer that an updater removes and frees.
fn remove(reader: bool, wait: bool) -> impl Fn() + Send + Sync + 'static {
    move || {
        let slot = Arc::new(Atomic::new(node(1)));
        let there = slot.clone();
        thread::spawn(move || {
            let _guard = reader.then(rcu::read_lock);
            // SAFETY: that is the question.
            if let Some(node) = unsafe { there.load(Acquire).as_ref() } {
                node.value.load(Relaxed);
            }
        });
        let old = slot.xchg(ptr::null_mut(), Full);
        if wait {
            rcu::synchronize_rcu();
        }
        // SAFETY: that is the question.
        drop(unsafe { Box::from_raw(old) });
    }
}

#[test]
fn a_grace_period_must_pass_before_memory_is_freed() {
    is_fine(remove(true, true));
    for (reader, wait) in [(true, false), (false, true), (false, false)] {
        let report = explore(remove(reader, wait));
        assert_eq!(kind(&report), Some(FailureKind::UseAfterFree));
        assert_eq!(report.failure().unwrap().locations().len(), 2);
    }
}

#[test]
fn what_is_referred_to_is_used() {
    fn replace(wait: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let config = Arc::new(Rcu::new(Box::new([1, 1])));
            let there = config.clone();
            let t = thread::spawn(move || {
                let guard = rcu::read_lock();
                assert!(there.dereference(&guard).is_some_and(|pair| pair[0] == pair[1]));
            });
            let old = config.xchg(Some(Box::new([2, 2])));
            if wait {
                drop(old);
            } else {
                // SAFETY: that is the question.
                drop(old.map(|old| unsafe { old.into_inner() }));
            }
            t.join().unwrap();
        }
    }
    is_fine(replace(true));
    assert_eq!(kind(&explore(replace(false))), Some(FailureKind::UseAfterFree));
}

#[test]
fn counts_must_be_released_and_acquired() {
    struct Counted {
        count: Atomic<u32>,
        data: Shared<u32>,
    }
    fn two(release: bool, acquire: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let object = Box::into_raw(Box::new(Counted { count: Atomic::new(2), data: Shared::new(1) }));
            let address = object as usize;
            let put = move || {
                // SAFETY: that is the question.
                unsafe {
                    let object = address as *mut Counted;
                    assert_eq!((*object).data.get(), 1);
                    let last = match release {
                        true => (*object).count.fetch_sub(1, Release),
                        false => (*object).count.fetch_sub(1, Relaxed),
                    } == 1;
                    if last {
                        if acquire {
                            barrier::smp_mb();
                        }
                        drop(Box::from_raw(object));
                    }
                }
            };
            thread::spawn(put);
            put();
        }
    }
    is_fine(two(true, true));
    assert_eq!(kind(&explore(two(true, false))), Some(FailureKind::UseAfterFree));
    assert_eq!(kind(&explore(two(false, true))), Some(FailureKind::UseAfterFree));
}

#[test]
fn objects_are_freed_once() {
    fn give_back(atomically: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let slot = Arc::new(Atomic::new(node(1)));
            let there = slot.clone();
            let free = move |slot: &Atomic<*mut Node>| {
                let node = if atomically {
                    slot.xchg(ptr::null_mut(), Full)
                } else {
                    let node = slot.load(Relaxed);
                    slot.store(ptr::null_mut(), Relaxed);
                    node
                };
                if !node.is_null() {
                    // SAFETY: that is the question.
                    drop(unsafe { Box::from_raw(node) });
                }
            };
            let t = thread::spawn(move || free(&there));
            free(&slot);
            t.join().unwrap();
        }
    }
    is_fine(give_back(true));
    assert_eq!(kind(&explore(give_back(false))), Some(FailureKind::DoubleFree));
}

#[test]
fn what_is_counted_or_locked_or_joined_is_not_blamed() {
    struct List(Atomic<*mut Node>);
    impl Drop for List {
        fn drop(&mut self) {
            let mut at = *self.0.get_mut();
            while !at.is_null() {
                // SAFETY: nobody else has the list.
                let node = unsafe { Box::from_raw(at) };
                at = node.next;
            }
        }
    }
    // SAFETY: it owns its nodes, and they are shared by atomic operations only.
    unsafe impl Send for List {}
    // SAFETY: as above.
    unsafe impl Sync for List {}
    is_fine(|| {
        let list = Arc::new((List(Atomic::new(node(1))), vec![Atomic::new(0)], SpinLock::new(vec![1])));
        for _ in 0..2 {
            let there = list.clone();
            thread::spawn(move || {
                // SAFETY: nodes live as long as the list.
                unsafe { &*there.0.0.load(Acquire) }.value.add(1, Relaxed);
                there.1[0].add(1, Relaxed);
                there.2.lock().push(1);
            });
        }
    });
    is_fine(|| {
        let x = vec![Atomic::new(0), Atomic::new(1)];
        thread::scope(|s| {
            s.spawn(|| x[0].store(1, Relaxed));
            s.spawn(|| x[1].store(1, Relaxed));
        });
        drop(x);
        let boxed = Box::new(Atomic::new(1));
        let t = thread::spawn(move || {
            boxed.store(2, Relaxed);
            boxed
        });
        assert_eq!(t.join().unwrap().load(Relaxed), 2);
    });
}

#[test]
fn what_is_never_freed_is_a_leak_for_those_who_ask() {
    fn one(is_freed: bool) -> impl Fn() + Send + Sync + 'static {
        move || {
            let object = Box::new(Atomic::new(1));
            object.store(2, Relaxed);
            if !is_freed {
                std::mem::forget(object);
            }
        }
    }
    is_fine(one(false));
    let leaks = |is_freed| kind(&Builder::new().leaks(true).explore(one(is_freed)));
    assert_eq!((leaks(true), leaks(false)), (None, Some(FailureKind::Leak)));
}

/// What a thread did comes before the end of who joins it, and so before that of who joins that one.
#[test]
fn joins_are_handed_on() {
    is_fine(|| {
        let object = Box::new(Atomic::new(0));
        thread::scope(|outer| {
            outer.spawn(|| {
                thread::scope(|inner| {
                    inner.spawn(|| object.store(1, Relaxed));
                });
            });
        });
        drop(object);
    });
}

/// Objects that are used after they are freed are there as long as a run takes, also in the one that does not count.
#[test]
fn a_lock_that_is_freed_by_who_has_it_next() {
    struct Completion {
        is_done: Atomic<bool>,
        lock: SpinLock<()>,
    }
    let report = explore(|| {
        let raw = Box::into_raw(Box::new(Completion { is_done: Atomic::new(false), lock: SpinLock::new(()) })) as usize;
        // SAFETY: none: this is the bug.
        let completion = move || unsafe { &*(raw as *const Completion) };
        let t = thread::spawn(move || {
            completion().is_done.store(true, Release);
            drop(completion().lock.lock());
        });
        while !completion().is_done.load(Acquire) {
            hint::spin_loop();
        }
        drop(completion().lock.lock());
        // SAFETY: as above.
        drop(unsafe { Box::from_raw(raw as *mut Completion) });
        t.join().unwrap();
    });
    assert_eq!(kind(&report), Some(FailureKind::UseAfterFree));
}

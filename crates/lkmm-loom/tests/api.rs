//! Programs written for loom: right ones pass, in as many executions as there are, and wrong ones fail in the way that they do.

use lkmm::check::{FailureKind, Report};
use lkmm_loom as loom;
use loom::cell::{Cell, UnsafeCell};
use loom::model::Builder;
use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicUsize, Ordering, fence};
use loom::sync::{Arc, Condvar, Mutex, Notify, RwLock, mpsc};
use loom::thread;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

#[cfg(not(feature = "heap"))]
lkmm::check::heap!();

#[track_caller]
fn explore(f: impl Fn() + Send + Sync + 'static) -> Report {
    let report = Builder::new().explore(f);
    assert!(report.failure().is_some() || report.complete());
    report
}

/// A right program, with so many executions.
#[track_caller]
fn right(executions: u64, f: impl Fn() + Send + Sync + 'static) {
    let report = explore(f);
    assert!(report.failure().is_none(), "{report}");
    assert_eq!(report.executions(), executions);
}

#[track_caller]
fn wrong(kind: FailureKind, f: impl Fn() + Send + Sync + 'static) {
    let report = explore(f);
    assert_eq!(report.failure().map(lkmm::check::Failure::kind), Some(kind), "{report}");
}

/// Runs two threads, and yields what they return. What they share is not counted.
fn both<S: Send + Sync + 'static, A: Send + 'static, B>(
    shared: S,
    other: impl FnOnce(&S) -> A + Send + 'static,
    this: impl FnOnce(&S) -> B,
) -> (A, B) {
    let shared = std::sync::Arc::new(shared);
    let copy = shared.clone();
    let thread = thread::spawn(move || other(&copy));
    let here = this(&shared);
    (thread.join().unwrap(), here)
}

fn two() -> [AtomicUsize; 2] {
    [AtomicUsize::new(0), AtomicUsize::new(0)]
}

struct Message(UnsafeCell<u32>, AtomicBool);
// SAFETY: that is what the flag is for.
unsafe impl Sync for Message {}

fn message(publish: Ordering, look: Ordering) {
    both(
        Message(UnsafeCell::new(0), AtomicBool::new(false)),
        move |m| {
            // SAFETY: so the test is to find out.
            m.0.with_mut(|value| unsafe { *value = 1 });
            m.1.store(true, publish);
        },
        |m| {
            if m.1.load(look) {
                // SAFETY: as above.
                assert_eq!(m.0.with(|value| unsafe { *value }), 1);
            }
        },
    );
}

#[test]
fn messages_are_passed_from_release_to_acquire() {
    right(2, || message(Release, Acquire));
    right(2, || message(SeqCst, SeqCst));
    wrong(FailureKind::DataRace, || message(Relaxed, Acquire));
    wrong(FailureKind::DataRace, || message(Release, Relaxed));
}

/// An update goes on with the release sequence of what it reads from, and who acquires its value sees what was released: also the
/// thread of the update itself.
#[test]
fn updates_go_on_with_a_release_sequence() {
    struct Data(UnsafeCell<u32>, AtomicUsize);
    // SAFETY: so the test is to find out.
    unsafe impl Sync for Data {}
    let program = |by_itself: bool, acquire: Ordering| {
        both(
            Data(UnsafeCell::new(0), AtomicUsize::new(0)),
            |x| {
                x.0.with_mut(|_| ());
                x.1.store(1, Release);
            },
            move |x| {
                let update = |x: &Data| _ = x.1.compare_exchange(1, 2, Relaxed, Relaxed);
                if by_itself {
                    update(x);
                }
                if x.1.load(acquire) == 2 {
                    x.0.with(|_| ());
                }
            },
        );
    };
    right(3, move || program(true, Acquire));
    wrong(FailureKind::DataRace, move || program(true, Relaxed));
    right(2, move || program(false, Acquire));
}

#[test]
fn a_dependency_orders_nothing_unless_asked_for() {
    let program = || {
        let publish = |x: &(AtomicUsize, AtomicPtr<AtomicUsize>)| {
            let node = Box::new(AtomicUsize::new(0));
            node.store(1, Relaxed);
            x.1.store(Box::into_raw(node), Release);
        };
        both((AtomicUsize::new(0), AtomicPtr::default()), publish, |x| {
            let node = x.1.load(Relaxed);
            if !node.is_null() {
                // SAFETY: it is never freed.
                assert_eq!(unsafe { &*node }.load(Relaxed), 1);
            }
        });
    };
    wrong(FailureKind::UndeclaredDependency, program);
    let mut builder = Builder::new();
    builder.dependencies = lkmm::check::DependencyMode::Observed;
    builder.check(program);
}

#[test]
fn sequentially_consistent_accesses_are() {
    let store_buffering = |order: (Ordering, Ordering)| {
        let (a, b) = both(
            two(),
            move |x| {
                x[0].store(1, order.0);
                x[1].load(order.1)
            },
            move |x| {
                x[1].store(1, order.0);
                x[0].load(order.1)
            },
        );
        assert!(a == 1 || b == 1, "neither saw the other");
    };
    right(3, move || store_buffering((SeqCst, SeqCst)));
    wrong(FailureKind::Panic, move || store_buffering((Release, Acquire)));
    let updates = |order| {
        let (a, b) = both(
            two(),
            move |x| (x[0].swap(1, order), x[1].load(order_of_load(order))).1,
            move |x| {
                x[1].swap(1, order);
                x[0].load(order_of_load(order))
            },
        );
        assert!(a == 1 || b == 1, "neither saw the other");
    };
    right(3, move || updates(SeqCst));
    wrong(FailureKind::Panic, move || updates(AcqRel));
}

fn order_of_load(order: Ordering) -> Ordering {
    if order == SeqCst { SeqCst } else { Acquire }
}

#[test]
fn fences_are_full() {
    let program = |with: bool| {
        let step = move |x: &[AtomicUsize; 2], own: usize| {
            x[own].store(1, Relaxed);
            if with {
                fence(SeqCst);
            }
            x[1 - own].load(Relaxed)
        };
        let (a, b) = both(two(), move |x| step(x, 0), move |x| step(x, 1));
        assert!(a == 1 || b == 1);
    };
    right(3, move || program(true));
    wrong(FailureKind::Panic, move || program(false));
}

#[test]
fn a_compare_exchange_that_fails_is_a_load_of_its_own() {
    let program = |failure| {
        both(
            Message(UnsafeCell::new(0), AtomicBool::new(false)),
            |m| {
                // SAFETY: so the test is to find out.
                m.0.with_mut(|value| unsafe { *value = 1 });
                m.1.store(true, Release);
            },
            move |m| {
                if m.1.compare_exchange(false, false, Relaxed, failure).is_err() {
                    // SAFETY: as above.
                    m.0.with(|value| unsafe { assert_eq!(*value, 1) });
                }
            },
        );
    };
    right(2, move || program(Acquire));
    wrong(FailureKind::DataRace, move || program(Relaxed));
}

#[test]
fn load_buffering_is_explored() {
    wrong(FailureKind::Panic, || {
        let step = |x: &[AtomicUsize; 2], own: usize| {
            let seen = x[own].load(Relaxed);
            x[1 - own].store(1, Relaxed);
            seen
        };
        let (a, b) = both(two(), move |x| step(x, 0), move |x| step(x, 1));
        assert!(a == 0 || b == 0, "both read what comes later");
    });
}

#[test]
fn updates_compute() {
    right(1, || {
        let x = AtomicU8::new(250);
        assert_eq!(x.fetch_add(10, Relaxed), 250);
        assert_eq!(x.fetch_sub(5, AcqRel), 4);
        assert_eq!(x.fetch_and(0b1110, Relaxed), 255);
        assert_eq!(x.fetch_or(1, SeqCst), 0b1110);
        assert_eq!(x.fetch_xor(0b11, Relaxed), 0b1111);
        assert_eq!(x.fetch_nand(0b0100, Relaxed), 0b1100);
        assert_eq!(x.fetch_min(7, Relaxed), 251);
        assert_eq!(x.fetch_max(9, Relaxed), 7);
        assert_eq!(x.swap(1, AcqRel), 9);
        assert_eq!(x.fetch_update(Relaxed, Relaxed, |old| (old == 1).then_some(3)), Ok(1));
        assert_eq!(x.fetch_update(Relaxed, Relaxed, |old| (old == 1).then_some(4)), Err(3));
        assert_eq!(x.update(Relaxed, Relaxed, |old| old + 1), 3);
        assert_eq!(x.compare_and_swap(4, 5, AcqRel), 4);
        assert_eq!(x.compare_exchange_weak(4, 6, AcqRel, Acquire), Err(5));
        assert_eq!(x.into_inner(), 5);
        let flag = AtomicBool::new(true);
        assert!(flag.fetch_nand(true, Relaxed) && !flag.fetch_nand(false, Relaxed) && flag.fetch_and(false, Relaxed));
        assert!(!flag.fetch_or(true, Relaxed) && flag.fetch_xor(true, Relaxed) && !flag.load(Relaxed));
        let negative = loom::sync::atomic::AtomicI32::new(-1);
        assert_eq!(negative.fetch_add(-1, Relaxed), -1);
        assert_eq!(negative.load(Relaxed), -2);
    });
}

#[test]
fn threads_add_up() {
    right(6, || {
        let x = std::sync::Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let x = x.clone();
                thread::spawn(move || x.fetch_add(1, Relaxed))
            })
            .collect();
        threads.into_iter().for_each(|thread| _ = thread.join().unwrap());
        assert_eq!(x.load(Relaxed), 3);
    });
}

#[test]
fn the_last_reference_drops_what_all_have_done() {
    struct Dropped(UnsafeCell<u32>, AtomicBool);
    impl Drop for Dropped {
        fn drop(&mut self) {
            // SAFETY: nobody else has it.
            self.0.with_mut(|value| unsafe { *value += 1 });
            assert!(self.1.load(Relaxed), "dropped by who came first");
        }
    }
    // SAFETY: shared references do nothing with the cell.
    unsafe impl Sync for Dropped {}
    // Who drops first, and then what the last one reads.
    right(2, || {
        let one = Arc::new(Dropped(UnsafeCell::new(0), AtomicBool::new(false)));
        let other = one.clone();
        thread::spawn(move || {
            // SAFETY: this thread alone does so, until the drop.
            other.0.with_mut(|value| unsafe { *value += 1 });
            other.1.store(true, Relaxed);
        });
        drop(one);
    });
}

#[test]
fn references_are_counted() {
    right(1, || {
        let mut one = Arc::new(5);
        assert_eq!(Arc::get_mut(&mut one), Some(&mut 5));
        let two = one.clone();
        assert!(Arc::ptr_eq(&one, &two) && Arc::strong_count(&one) == 2 && Arc::get_mut(&mut one).is_none());
        let one = Arc::try_unwrap(one).expect_err("there are two");
        let raw = Arc::into_raw(two);
        // SAFETY: it comes from `into_raw`.
        let two = unsafe {
            Arc::increment_strong_count(raw);
            assert_eq!(Arc::strong_count(&one), 3);
            Arc::decrement_strong_count(raw);
            Arc::from_raw(raw)
        };
        drop(one);
        assert_eq!(Arc::try_unwrap(two), Ok(5));
        let of_slice: Arc<[u32]> = Arc::from_std(vec![1, 2].into());
        assert_eq!(of_slice.len(), 2);
    });
}

#[test]
fn locks_exclude() {
    right(2, || {
        let (_, ()) = both(
            Mutex::new(0),
            |m| {
                let mut value = m.lock().unwrap();
                *value += 1;
            },
            |m| *m.lock().unwrap() += 1,
        );
    });
    explore(|| {
        let lock = both(RwLock::new([0, 0]), |l| *l.write().unwrap() = [1, 1], |l| *l.read().unwrap()).1;
        assert_eq!(lock[0], lock[1]);
    });
    wrong(FailureKind::Deadlock, || {
        let two = (Mutex::new(()), Mutex::new(()));
        both(
            two,
            |m| {
                let _first = m.0.lock();
                let _second = m.1.lock();
            },
            |m| {
                let _second = m.1.lock();
                let _first = m.0.lock();
            },
        );
    });
}

#[test]
fn who_waits_is_woken() {
    let wait = |m: &(Mutex<bool>, Condvar)| {
        let mut ready = m.0.lock().unwrap();
        while !*ready {
            ready = m.1.wait(ready).unwrap();
        }
    };
    right(2, move || {
        both((Mutex::new(false), Condvar::new()), wait, |m| {
            *m.0.lock().unwrap() = true;
            m.1.notify_one();
        });
    });
    wrong(FailureKind::Livelock, move || {
        both((Mutex::new(false), Condvar::new()), wait, |m| *m.0.lock().unwrap() = true);
    });
    // With a spurious wakeup or without.
    right(2, || {
        both(Notify::new(), Notify::wait, Notify::notify);
    });
    wrong(FailureKind::Livelock, || Notify::new().wait());
    right(1, || {
        let waiter = thread::spawn(thread::park);
        waiter.thread().unpark();
        waiter.join().unwrap();
    });
}

#[test]
fn messages_arrive_in_order() {
    let report = explore(|| {
        let (send, receive) = mpsc::channel();
        thread::spawn(move || {
            send.send(1).unwrap();
            send.send(2).unwrap();
        });
        assert_eq!((receive.recv(), receive.recv()), (Ok(1), Ok(2)));
        assert!(receive.recv().is_err());
    });
    assert!(report.failure().is_none(), "{report}");
}

#[test]
fn a_loop_that_waits_ends() {
    right(2, || {
        both(
            AtomicBool::new(false),
            |x| x.store(true, Release),
            |x| {
                while !x.load(Acquire) {
                    thread::yield_now();
                }
            },
        );
    });
    wrong(FailureKind::Livelock, || {
        let x = AtomicBool::new(false);
        while !x.load(Acquire) {
            loom::hint::spin_loop();
        }
    });
}

#[test]
fn who_yields_may_go_on() {
    // Both threads yield outside of any loop, after a read that others would have to change.
    right(4, || {
        let step = |x: &[AtomicUsize; 2], own: usize| {
            let seen = x[own].load(Acquire);
            thread::yield_now();
            x[1 - own].store(1, Release);
            seen
        };
        both(two(), move |x| step(x, 0), move |x| x[1].load(Relaxed) + step(x, 1));
    });
}

loom::thread_local! {
    static OWN: std::cell::Cell<u32> = std::cell::Cell::new(1);
}

loom::lazy_static! {
    static ref SHARED: AtomicUsize = AtomicUsize::new(7);
}

#[test]
fn statics_begin_anew_in_each_execution() {
    let report = explore(|| {
        let step = || {
            assert_eq!(OWN.with(|own| own.replace(2)), 1);
            assert_eq!(OWN.with(std::cell::Cell::get), 2);
            SHARED.fetch_add(1, Relaxed)
        };
        let other = thread::spawn(step);
        let seen = step();
        let mut all = [seen, other.join().unwrap()];
        all.sort_unstable();
        assert_eq!(all, [7, 8]);
    });
    assert!(report.failure().is_none(), "{report}");
}

#[test]
fn cells_of_two_threads_race() {
    struct Shared(Cell<u32>);
    // SAFETY: it is not, and that is found.
    unsafe impl Sync for Shared {}
    wrong(FailureKind::DataRace, || {
        both(Shared(Cell::new(0)), |x| x.0.set(1), |x| x.0.get());
    });
    right(1, || {
        let cell = UnsafeCell::new(1);
        let pointer = cell.get_mut();
        // SAFETY: there is no other.
        unsafe { *pointer.deref() += 1 };
        drop(pointer);
        // SAFETY: as above.
        assert_eq!(unsafe { *cell.get().deref() }, 2);
    });
}

#[test]
fn a_pointer_is_an_access_until_it_is_dropped() {
    struct Shared(UnsafeCell<u32>, AtomicBool);
    // SAFETY: so the test is to find out.
    unsafe impl Sync for Shared {}
    wrong(FailureKind::DataRace, || {
        both(
            Shared(UnsafeCell::new(0), AtomicBool::new(false)),
            |x| {
                let pointer = x.0.get_mut();
                x.1.store(true, Release);
                drop(pointer);
            },
            |x| {
                if x.1.load(Acquire) {
                    x.0.with(|_| ());
                }
            },
        );
    });
}

#[test]
fn futures_are_woken() {
    use std::future::poll_fn;
    use std::task::Poll;
    let report = explore(|| {
        let shared = std::sync::Arc::new((loom::future::AtomicWaker::new(), AtomicBool::new(false)));
        let other = shared.clone();
        thread::spawn(move || {
            other.1.store(true, Release);
            other.0.wake();
        });
        loom::future::block_on(poll_fn(|cx| {
            shared.0.register_by_ref(cx.waker());
            if shared.1.load(Acquire) { Poll::Ready(()) } else { Poll::Pending }
        }));
    });
    assert!(report.failure().is_none(), "{report}");
}

#[test]
fn a_budget_ends_the_search() {
    let mut builder = Builder::new();
    builder.max_permutations = Some(3);
    builder.check(|| {
        let x = std::sync::Arc::new(AtomicUsize::new(0));
        for _ in 0..4 {
            let x = x.clone();
            thread::spawn(move || x.fetch_add(1, Relaxed));
        }
    });
}

//! The same code outside of a model, in threads of the system.

use lkmm::atomic::{Acquire, Atomic, AtomicFlag, Full, Relaxed, Release, atomic_load, atomic_store, cmpxchg, xchg};
use lkmm::cell::Shared;
use lkmm::lock::{Mutex, SpinLock};
use lkmm::{barrier, hint, rcu, srcu, thread};
use std::sync::Arc;

const ROUNDS: u32 = 2000;

#[test]
fn atomics_count() {
    let (a, b, c) = (Atomic::new(0_u32), Atomic::new(0_i64), Atomic::new(0_usize));
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..ROUNDS {
                    a.add(1, Relaxed);
                    b.fetch_sub(1, Full);
                    let mut old = c.load(Relaxed);
                    while let Err(found) = c.cmpxchg(old, old + 1, Acquire) {
                        old = found;
                    }
                }
            });
        }
    });
    let all = 4 * ROUNDS;
    assert_eq!((a.load(Relaxed), b.load(Acquire), c.load(Relaxed)), (all, -i64::from(all), all as usize));
}

#[test]
fn values_of_all_types_come_back() {
    macro_rules! check {
        ($($value:expr, $other:expr;)*) => {
            $(let mut x = Atomic::new($value);
            assert_eq!(x.load(Relaxed), $value);
            assert_eq!(x.xchg($other, Release), $value);
            assert_eq!(x.cmpxchg($value, $value, Full), Err($other));
            assert_eq!(x.cmpxchg($other, $value, Relaxed), Ok($other));
            x.store($other, Release);
            assert_eq!((*x.get_mut(), format!("{x:?}")), ($other, format!("{:?}", $other)));)*
        };
    }
    check! {
        true, false;
        -1_i8, 1;
        255_u8, 3;
        -1_i16, 1;
        65535_u16, 3;
        i32::MIN, -1;
        u32::MAX, 7;
        i64::MIN, -1;
        u64::MAX, 7;
        -1_isize, 1;
        usize::MAX, 7;
        std::ptr::null_mut::<u8>(), std::ptr::dangling_mut::<u8>();
        std::ptr::null::<u64>(), std::ptr::dangling::<u64>();
    }
    let flag = AtomicFlag::new(true);
    assert_eq!((flag.xchg(false, Full), flag.cmpxchg(false, true, Full), flag.load(Relaxed)), (true, Ok(false), true));
    let mut word = 5_u32;
    let at = &raw mut word;
    // SAFETY: nobody else has the pointer.
    unsafe {
        assert_eq!(atomic_load(at, Acquire), 5);
        atomic_store(at, 6, Release);
        assert_eq!((xchg(at, 7, Relaxed), cmpxchg(at, 7, 8, Full)), (6, Ok(7)));
    }
    assert_eq!(word, 8);
}

#[test]
fn locks_exclude() {
    let (spin, mutex) = (SpinLock::new(0), Mutex::new(0));
    thread::scope(|s| {
        for _ in 0..4 {
            s.spawn(|| {
                for _ in 0..ROUNDS {
                    *spin.lock() += 1;
                    if let Some(mut held) = mutex.try_lock() {
                        *held += 1;
                    } else {
                        *mutex.lock() += 1;
                    }
                }
            });
        }
    });
    assert!(!spin.is_locked());
    assert_eq!((spin.into_inner(), *mutex.lock()), (4 * ROUNDS, 4 * ROUNDS));
}

#[test]
fn grace_periods_wait_for_readers() {
    let domain = srcu::Domain::new();
    let slots = [Shared::new(0_u64), Shared::new(0)];
    let current = Atomic::new(0_usize);
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..ROUNDS {
                    let (first, second) = (domain.read_lock(), rcu::read_lock());
                    let slot = &slots[current.load(Acquire)];
                    // SAFETY: it is written only when no reader sees it.
                    let (before, after) = unsafe { (slot.get(), slot.get()) };
                    assert_eq!(before, after);
                    assert!(before % 2 == 0);
                    drop((first, second));
                }
            });
        }
        for round in 1..50 {
            let next = 1 - current.load(Relaxed);
            // SAFETY: no reader sees it: it was not current when the last grace period began.
            unsafe {
                slots[next].set(1);
                slots[next].set(2 * round);
            }
            current.store(next, Release);
            if round % 2 == 0 { domain.synchronize() } else { rcu::synchronize_rcu() }
        }
    });
}

#[test]
fn readers_follow_pointers() {
    let text = rcu::Rcu::new(Box::new("0".to_string()));
    thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                for _ in 0..ROUNDS {
                    let guard = rcu::read_lock();
                    assert!(text.dereference(&guard).unwrap().parse::<u32>().unwrap() < 50);
                }
            });
        }
        for n in 0..50 {
            drop(text.xchg(Some(Box::new(n.to_string()))));
        }
    });
    assert_eq!(text.dereference(&rcu::read_lock()).unwrap(), "49");
}

#[test]
fn threads_are_those_of_std() {
    let ready = Arc::new(Atomic::new(false));
    let there = ready.clone();
    let main = thread::current();
    let t = thread::spawn(move || {
        barrier::smp_mb();
        there.store(true, Release);
        main.unpark();
        "returned"
    });
    while !ready.load(Acquire) {
        thread::park();
        hint::spin_loop();
        thread::yield_now();
    }
    t.thread().unpark();
    assert_eq!(t.join().unwrap(), "returned");
    assert!(thread::spawn(|| std::panic::resume_unwind(Box::new("panic"))).join().is_err());
    let all = std::panic::catch_unwind(|| thread::scope(|s| _ = s.spawn(|| std::panic::resume_unwind(Box::new(())))));
    assert!(all.is_err());
}

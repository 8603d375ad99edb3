//! What memory holds: statics, owned values, values of the user's types.

use super::count;
use lkmm::atomic::{Acquire, Atomic, AtomicType, Full, Relaxed};
use lkmm::cell::Shared;
use lkmm::lock::SpinLock;
use lkmm::thread;
use std::sync::Arc;

#[test]
fn statics_belong_to_each_model() {
    static X: Atomic<i64> = Atomic::new(1);
    assert_eq!(count(|| assert_eq!(X.fetch_sub(1, Full), 1)), 1);
    assert_eq!(X.load(Relaxed), 1);
}

#[test]
fn what_a_static_lock_protects_is_new_in_every_run() {
    static NUMBERS: SpinLock<[u64; 3]> = SpinLock::new([0; 3]);
    static OTHERS: Shared<[u64; 3]> = Shared::new([1; 3]);
    let adds = || {
        let t = thread::spawn(|| NUMBERS.lock()[1] += 1);
        NUMBERS.lock()[1] += 1;
        t.join().unwrap();
        assert_eq!(*NUMBERS.lock(), [0, 2, 0]);
        let increment = |others: &mut [u64; 3]| {
            others[2] += 1;
            others[2]
        };
        // SAFETY: there is no other thread.
        assert_eq!(unsafe { OTHERS.with_mut(increment) }, 2);
    };
    assert_eq!(count(adds), 2);
    assert_eq!(*NUMBERS.lock(), [0; 3]);
}

#[test]
fn who_owns_an_atomic_finds_the_last_value() {
    use std::sync::Mutex;
    let found = Arc::new(Mutex::new(Vec::new()));
    let there = found.clone();
    let two_writers = move || {
        let mut x = (Atomic::new(0), Shared::new(0));
        thread::scope(|s| {
            for n in [1, 2] {
                let x = &x;
                s.spawn(move || x.0.store(n, Relaxed));
            }
        });
        *x.1.get_mut() += *x.0.get_mut();
        *x.0.get_mut() += 1;
        assert_eq!(x.0.load(Relaxed), x.1.into_inner() + 1);
        there.lock().unwrap().push(x.0.load(Relaxed));
    };
    assert_eq!(count(two_writers), 2);
    let mut found = found.lock().unwrap().clone();
    found.sort_unstable();
    found.dedup();
    assert_eq!(found, [2, 3]);
}

#[test]
fn an_enum_may_be_atomic() {
    #[derive(Clone, Copy, Debug, PartialEq)]
    #[repr(i8)]
    enum State {
        Idle,
        Busy = -1,
    }
    // SAFETY: it is an `i8`.
    unsafe impl AtomicType for State {
        type Repr = i8;
    }
    let one_wins = || {
        let state = Arc::new(Atomic::new(State::Idle));
        let there = state.clone();
        let t = thread::spawn(move || there.cmpxchg(State::Idle, State::Busy, Acquire).is_ok());
        let here = state.cmpxchg(State::Idle, State::Busy, Acquire);
        assert_ne!(here.is_ok(), t.join().unwrap());
        assert_eq!(here.is_err(), here == Err(State::Busy));
    };
    assert_eq!(count(one_wins), 2);
}

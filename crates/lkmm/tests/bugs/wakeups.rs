//! Who waits, and who wakes: each says what it did, and then looks what the other did. Between the two, both need a full
//! barrier, or neither sees the other.

use crate::pair::*;
use lkmm::lock::SpinLock;
use lkmm::thread;

pairs! {
    sleeper_without_mb: Livelock at ["sleeps"], sleep(smp_wmb, smp_mb, true) => sleep(smp_mb, smp_mb, true);
    waker_without_mb: Livelock at ["sleeps"], sleep(smp_mb, smp_wmb, true) => sleep(smp_mb, smp_mb, true);
    /// The condition is looked at before the sleeper is on the list.
    sleeper_that_looks_first: Livelock at ["sleeps"], sleep(smp_mb, smp_mb, false) => sleep(smp_mb, smp_mb, true);
    condition_looked_at_without_its_lock: Livelock at ["sleeps until signalled"], signal(false) => signal(true);
    two_sleepers_and_one_woken: Livelock at ["sleeps beside another"], two_sleepers(1) => two_sleepers(2);
    flag_that_nobody_sets: Livelock at ["until the flag is set"], waits(false) => waits(true);
    flags_set_in_a_circle: Livelock at ["until the other has begun"], circle(false) => circle(true);
    flag_waited_for_without_acquire: DataRace at ["made before the flag", "used after the flag"], flag(Relaxed) => flag(Acquire);
}

fn sleep(in_sleeper: Fence, in_waker: Fence, announce_first: bool) -> impl Model {
    move || {
        let [condition, sleeps] = &zeros();
        let sleeper = thread::current();
        let wake = || {
            condition.store(1, Relaxed);
            in_waker();
            if sleeps.load(Relaxed) == 1 {
                sleeper.unpark();
            }
        };
        thread::scope(|s| {
            s.spawn(wake);
            if announce_first {
                sleeps.store(1, Relaxed);
                in_sleeper();
                if condition.load(Relaxed) == 0 {
                    thread::park(); // sleeps
                }
            } else if condition.load(Relaxed) == 0 {
                sleeps.store(1, Relaxed);
                in_sleeper();
                thread::park(); // sleeps
            }
        });
    }
}

fn signal(locked: bool) -> impl Model {
    move || {
        // Is there a sleeper, and is the condition true?
        let (state, condition) = (SpinLock::new(false), Atomic::new(false));
        let sleeper = thread::current();
        thread::scope(|s| {
            s.spawn(|| {
                let guard = locked.then(|| state.lock());
                condition.store(true, Relaxed);
                drop(guard);
                if *state.lock() {
                    sleeper.unpark();
                }
            });
            let must_sleep = if locked {
                let mut sleeps = state.lock();
                *sleeps = !condition.load(Relaxed);
                *sleeps
            } else {
                let must_sleep = !condition.load(Relaxed);
                *state.lock() = must_sleep;
                must_sleep
            };
            if must_sleep {
                thread::park(); // sleeps until signalled
            }
        });
    }
}

fn two_sleepers(woken: usize) -> impl Model {
    move || {
        thread::scope(|s| {
            let sleep = || {
                thread::park(); // sleeps beside another
                1
            };
            let sleepers = [thread::spawn(sleep), thread::spawn(sleep)];
            s.spawn(move || sleepers.iter().take(woken).for_each(|sleeper| sleeper.thread().unpark()));
        });
    }
}

fn waits(set: bool) -> impl Model {
    move || {
        let flag = Atomic::new(false);
        let set = || {
            if set {
                flag.store(true, Release);
            }
        };
        let wait = || {
            while !flag.load(Acquire) {
                spin_loop(); // until the flag is set
            }
        };
        both(set, wait);
    }
}

fn circle(set_first: bool) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let each = |own: &Atomic<u32>, other: &Atomic<u32>| {
            if set_first {
                own.store(1, Release);
            }
            while other.load(Acquire) == 0 {
                spin_loop(); // until the other has begun
            }
            own.store(1, Release);
        };
        both(|| each(x, y), || each(y, x));
    }
}

fn flag(look: impl Load) -> impl Model {
    move || {
        let (flag, data) = (Atomic::new(false), Plain::new(0));
        let make = || {
            data.set(1); // made before the flag
            flag.store(true, Release);
        };
        let wait = || {
            while !flag.load(look) {
                spin_loop();
            }
            data.get(); // used after the flag
        };
        both(make, wait);
    }
}

//! What is initialised once, by whoever needs it first.

use crate::pair::*;
use lkmm::lock::SpinLock;

pairs! {
    double_check_without_acquire: DataRace at ["made once", "used by all"], double_check(Relaxed, Release, true) => double_check(Acquire, Release, true);
    double_check_without_release: DataRace at ["made once", "used by all"], double_check(Acquire, Relaxed, true) => double_check(Acquire, Release, true);
    /// Who waited for the lock finds that it was made meanwhile.
    double_check_without_second_check: DataRace at ["made once", "used by all"], double_check(Acquire, Release, false) => double_check(Acquire, Release, true);
    once_completed_without_release: DataRace at ["made by the first", "used by the others"], state(Relaxed, Acquire) => state(Release, Acquire);
    once_seen_without_acquire: DataRace at ["made by the first", "used by the others"], state(Release, Relaxed) => state(Release, Acquire);
    once_begun_in_two_steps: DataRace at ["made by somebody"], begins(false) => begins(true);
    /// Who lost the race must use what the winner made.
    once_box_of_the_loser: Panic at ["two objects"], race(false) => race(true);
    /// Who began and failed must let others begin.
    once_that_failed_and_tells_nobody: Livelock at ["is it made?"], fails(false) => fails(true);
}

fn double_check(look: impl Load, complete: impl Store, again: bool) -> impl Model {
    move || {
        let (is_made, lock, object) = (Atomic::new(false), SpinLock::new(()), Plain::new(0));
        let get = || {
            if !is_made.load(look) {
                let _guard = lock.lock();
                if !again || !is_made.load(Relaxed) {
                    object.set(1); // made once
                    is_made.store(true, complete);
                }
            }
            object.get() // used by all
        };
        both(get, get);
    }
}

fn state(complete: impl Store, look: impl Load) -> impl Model {
    move || {
        let (state, object) = (Atomic::new(0_u32), Plain::new(0));
        let get = || {
            if state.cmpxchg(0, 1, Relaxed).is_ok() {
                object.set(1); // made by the first
                state.store(2, complete);
                return;
            }
            while state.load(look) != 2 {
                spin_loop();
            }
            object.get(); // used by the others
        };
        both(get, get);
    }
}

fn begins(at_once: bool) -> impl Model {
    move || {
        let (begun, object) = (Atomic::new(false), Plain::new(0));
        let make = || {
            let is_first = if at_once {
                !begun.xchg(true, Full)
            } else {
                let is_first = !begun.load(Acquire);
                begun.store(true, Release);
                is_first
            };
            if is_first {
                object.set(1); // made by somebody
            }
        };
        both(make, make);
    }
}

fn race(of_the_winner: bool) -> impl Model {
    move || {
        let pointer = Atomic::new(0_u32);
        let get = |own: u32| match pointer.cmpxchg(0, own, Full) {
            Ok(_) => own,
            Err(other) if of_the_winner => other,
            Err(_) => own,
        };
        let (a, b) = both(|| get(1), || get(2));
        assert_eq!(a, b, "two objects");
    }
}

fn fails(tell: bool) -> impl Model {
    move || {
        let state = Atomic::new(0_u32);
        let fails = || {
            if state.cmpxchg(0, 1, Acquire).is_ok() && tell {
                state.store(0, Release);
            }
        };
        let makes = || {
            loop {
                match state.cmpxchg(0, 1, Acquire) {
                    Ok(_) => return state.store(2, Release),
                    Err(_) => spin_loop(), // is it made?
                }
            }
        };
        both(fails, makes);
    }
}

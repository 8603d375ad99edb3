//! Locks of one's own, and mistakes with those of the library.

use crate::pair::*;
use lkmm::lock::{Mutex, SpinLock};
use std::mem::ManuallyDrop;
use std::sync::Arc;

pairs! {
    test_and_set_without_acquire: DataRace at ["held by xchg"], test_and_set(Relaxed, Release) => test_and_set(Acquire, Release);
    test_and_set_without_release: DataRace at ["held by xchg"], test_and_set(Acquire, Relaxed) => test_and_set(Acquire, Release);
    test_and_set_in_two_steps: DataRace at ["held by test, then set"], test_then_set(false) => test_then_set(true);
    ticket_without_acquire: DataRace at ["held by ticket"], ticket(true, Relaxed, Release) => ticket(true, Acquire, Release);
    ticket_without_release: DataRace at ["held by ticket"], ticket(true, Acquire, Relaxed) => ticket(true, Acquire, Release);
    /// Who has the ticket of somebody who has gone waits for ever.
    ticket_drawn_in_two_steps: Livelock at ["is it my turn?"], ticket(false, Acquire, Release) => ticket(true, Acquire, Release);
    peterson_without_mb_between_writes: DataRace at ["held after Peterson"],
        peterson(smp_wmb, smp_mb, Acquire, Release) => peterson(smp_mb, smp_mb, Acquire, Release);
    peterson_without_mb_before_reads: DataRace at ["held after Peterson"],
        peterson(smp_mb, nothing, Acquire, Release) => peterson(smp_mb, smp_mb, Acquire, Release);
    peterson_without_acquire: DataRace at ["held after Peterson"],
        peterson(smp_mb, smp_mb, Relaxed, Release) => peterson(smp_mb, smp_mb, Acquire, Release);
    peterson_without_release: DataRace at ["held after Peterson"],
        peterson(smp_mb, smp_mb, Acquire, Relaxed) => peterson(smp_mb, smp_mb, Acquire, Release);
    dekker_without_mb: DataRace at ["held after Dekker"], dekker(wmb_and_rmb) => dekker(smp_mb);
    reader_leaves_without_release: DataRace at ["read while shared", "written alone"],
        read_write(Relaxed, Acquire, Release, Acquire) => read_write(Release, Acquire, Release, Acquire);
    writer_enters_without_acquire: DataRace at ["read while shared", "written alone"],
        read_write(Release, Relaxed, Release, Acquire) => read_write(Release, Acquire, Release, Acquire);
    writer_leaves_without_release: DataRace at ["read while shared", "written alone"],
        read_write(Release, Acquire, Relaxed, Acquire) => read_write(Release, Acquire, Release, Acquire);
    reader_enters_without_acquire: DataRace at ["read while shared", "written alone"],
        read_write(Release, Acquire, Release, Relaxed) => read_write(Release, Acquire, Release, Acquire);

    locks_in_opposite_orders: Deadlock at ["the other one"], opposite_orders(true) => opposite_orders(false);
    lock_twice: Deadlock at ["once more"], lock_again(false) => lock_again(true);
    lock_never_unlocked: Deadlock at ["who else wants it"], forgotten(true) => forgotten(false);
    lock_unlocked_twice: LockMisuse at ["to be unlocked"], unlocked_twice(true) => unlocked_twice(false);
    try_lock_ignored: DataRace at ["with or without"], try_lock_and(true) => try_lock_and(false);
    lock_seen_free: DataRace at ["nobody had it", "under the lock"], seen_free(true) => seen_free(false);
    lock_of_something_else: DataRace at ["under some lock"], some_lock(1) => some_lock(0);
    lock_dropped_at_once: DataRace at ["as if locked"], dropped_at_once(true) => dropped_at_once(false);
    read_without_the_lock: DataRace at ["read unlocked", "written locked"], half_locked(false) => half_locked(true);
    update_in_two_critical_sections: Panic at ["an update is lost"], two_sections(true) => two_sections(false);
    lock_taken_by_who_waits_for_its_holder: Deadlock at ["the child's", "while it is held"], join_locked(true) => join_locked(false);
}

fn test_and_set(take: impl Update, free: impl Store) -> impl Model {
    move || {
        let (held, data) = (Atomic::new(false), Plain::new(0));
        let add = || {
            while held.xchg(true, take) {
                spin_loop();
            }
            data.increment(); // held by xchg
            held.store(false, free);
        };
        both(add, add);
        assert_eq!(data.get(), 2);
    }
}

fn test_then_set(at_once: bool) -> impl Model {
    move || {
        let (held, data) = (Atomic::new(false), Plain::new(0));
        let add = || {
            if at_once {
                while held.cmpxchg(false, true, Acquire).is_err() {
                    spin_loop();
                }
            } else {
                while held.load(Acquire) {
                    spin_loop();
                }
                held.store(true, Relaxed);
            }
            data.increment(); // held by test, then set
            held.store(false, Release);
        };
        both(add, add);
    }
}

fn ticket(at_once: bool, look: impl Load, pass: impl Store) -> impl Model {
    move || {
        let [next, owner] = &zeros();
        let data = Plain::new(0);
        let add = || {
            let mine = if at_once {
                next.fetch_add(1, Relaxed)
            } else {
                let mine = next.load(Relaxed);
                next.store(mine + 1, Relaxed);
                mine
            };
            while owner.load(look) != mine {
                spin_loop(); // is it my turn?
            }
            data.increment(); // held by ticket
            owner.store(mine + 1, pass);
        };
        both(add, add);
    }
}

fn peterson(between_writes: Fence, before_reads: Fence, look: impl Load, leave: impl Store) -> impl Model {
    move || {
        let [first, second, last] = &zeros();
        let data = Plain::new(0);
        let enter = |own: &Atomic<u32>, other: &Atomic<u32>, number| {
            own.store(1, Relaxed);
            between_writes();
            last.store(number, Relaxed);
            before_reads();
            while other.load(look) == 1 && last.load(look) == number {
                spin_loop();
            }
            data.increment(); // held after Peterson
            own.store(0, leave);
        };
        both(|| enter(first, second, 1), || enter(second, first, 2));
    }
}

fn wmb_and_rmb() {
    smp_wmb();
    smp_rmb();
}

fn dekker(after_announcement: Fence) -> impl Model {
    move || {
        let [first, second] = &zeros();
        let data = Plain::new(0);
        let try_enter = |own: &Atomic<u32>, other: &Atomic<u32>| {
            own.store(1, Relaxed);
            after_announcement();
            if other.load(Acquire) == 0 {
                data.increment(); // held after Dekker
            }
            // It is not left again.
        };
        both(|| try_enter(first, second), || try_enter(second, first));
    }
}

/// The state counts readers; a writer makes it 100.
fn read_write(
    reader_leaves: impl Update,
    writer_enters: impl Update,
    writer_leaves: impl Store,
    reader_enters: impl Update,
) -> impl Model {
    move || {
        let (state, data) = (Atomic::new(0_u32), Plain::new(0));
        let read = || {
            let seen = state.load(Relaxed);
            if seen < 100 && state.cmpxchg(seen, seen + 1, reader_enters).is_ok() {
                data.get(); // read while shared
                state.fetch_sub(1, reader_leaves);
            }
        };
        let write = || {
            if state.cmpxchg(0, 100, writer_enters).is_ok() {
                data.set(1); // written alone
                state.store(0, writer_leaves);
            }
        };
        both(read, write);
    }
}

fn opposite_orders(opposite: bool) -> impl Model {
    move || {
        let locks = [SpinLock::new(()), SpinLock::new(())];
        let take = |first: usize| {
            let _first = locks[first].lock();
            let _second = locks[1 - first].lock(); // the other one
        };
        let other = if opposite { 1 } else { 0 };
        both(|| take(0), || take(other));
    }
}

fn lock_again(unlock: bool) -> impl Model {
    move || {
        let lock = SpinLock::new(0);
        let guard = lock.lock();
        if unlock {
            drop(guard);
        }
        *lock.lock() += 1; // once more
    }
}

fn forgotten(forget: bool) -> impl Model {
    move || {
        let lock = Arc::new(SpinLock::new(0));
        let there = lock.clone();
        lkmm::thread::spawn(move || *there.lock() += 1); // who else wants it
        let guard = lock.lock(); // or who else wants it
        if forget {
            std::mem::forget(guard);
        }
    }
}

fn unlocked_twice(twice: bool) -> impl Model {
    move || {
        let lock = SpinLock::new(0);
        let mut guard = ManuallyDrop::new(lock.lock()); // to be unlocked
        // SAFETY: its memory is there; that it is dropped twice is the bug.
        unsafe { ManuallyDrop::drop(&mut guard) };
        if twice {
            // SAFETY: as above.
            unsafe { ManuallyDrop::drop(&mut guard) };
        }
    }
}

fn try_lock_and(ignore: bool) -> impl Model {
    move || {
        let (lock, data) = (SpinLock::new(()), Plain::new(0));
        let add = || {
            let guard = lock.try_lock();
            if guard.is_some() || ignore {
                data.increment(); // with or without
            }
        };
        both(add, add);
    }
}

fn seen_free(only_look: bool) -> impl Model {
    move || {
        let (lock, data) = (SpinLock::new(()), Plain::new(0));
        let locked = || {
            let _guard = lock.lock();
            data.increment(); // under the lock
        };
        let looks = || {
            let _guard = (!only_look).then(|| lock.lock());
            if !only_look || !lock.is_locked() {
                data.increment(); // nobody had it
            }
        };
        both(locked, looks);
    }
}

fn some_lock(which: usize) -> impl Model {
    move || {
        let (locks, data) = ([SpinLock::new(()), SpinLock::new(())], Plain::new(0));
        let add = |lock: usize| {
            let _guard = locks[lock].lock();
            data.increment(); // under some lock
        };
        both(|| add(0), || add(which));
    }
}

/// `let _ = lock.lock()` does not hold the lock.
fn dropped_at_once(at_once: bool) -> impl Model {
    move || {
        let (lock, data) = (SpinLock::new(()), Plain::new(0));
        let add = || {
            let guard = lock.lock();
            let _held = if at_once {
                drop(guard);
                None
            } else {
                Some(guard)
            };
            data.increment(); // as if locked
        };
        both(add, add);
    }
}

fn half_locked(both_lock: bool) -> impl Model {
    move || {
        let (lock, data) = (SpinLock::new(()), Plain::new(0));
        let write = || {
            let _guard = lock.lock();
            data.set(1); // written locked
        };
        let read = || {
            let _guard = both_lock.then(|| lock.lock());
            data.get() // read unlocked
        };
        both(write, read);
    }
}

fn two_sections(two: bool) -> impl Model {
    move || {
        let sum = SpinLock::new(0_u32);
        let add = || {
            if two {
                let seen = *sum.lock();
                *sum.lock() = seen + 1;
            } else {
                *sum.lock() += 1;
            }
        };
        both(add, add);
        assert_eq!(*sum.lock(), 2, "an update is lost");
    }
}

fn join_locked(locked: bool) -> impl Model {
    move || {
        let lock = Arc::new(Mutex::new(0));
        let there = lock.clone();
        let child = lkmm::thread::spawn(move || *there.lock() += 1); // the child's
        let guard = lock.lock();
        if !locked {
            drop(guard);
        }
        child.join().unwrap(); // while it is held
    }
}

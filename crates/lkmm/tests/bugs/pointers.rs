//! Objects on the heap, found by pointers.

use crate::pair::*;
use lkmm::lock::{Mutex, RwLock, RwSemaphore, SpinLock};
use lkmm::rcu::{read_lock, synchronize_rcu};
use lkmm::thread;
use std::ptr;
use std::sync::Arc;

pairs! {
    list_entry_freed_without_grace_period: UseAfterFree at ["visited", "unlinked"], list(nothing, false) => list(synchronize_rcu, false);
    list_entry_leaked_by_its_reader: UseAfterFree at ["visited"], list(synchronize_rcu, true) => list(synchronize_rcu, false);
    config_made_twice_and_published_relaxed: DataRace at ["made by whoever comes first", "looked at by all"],
        config(Relaxed) => config(Release);
    box_published_relaxed: DataRace at ["found as it was made", "is it there?"], as_made(Relaxed) => as_made(Full);
    list_taken_that_was_pushed_relaxed: DataRace at ["taken from the list", "pushed to the list"], taken(Relaxed) => taken(Release);
    queue_of_locks_left_relaxed: DataRace at ["held after CLH"], clh(Relaxed) => clh(Release);
    config_made_without_the_lock: Panic at ["two of them"], config_once(false) => config_once(true);
    count_of_a_box_relaxed: UseAfterFree at ["count.fetch_sub(1, leave)", "used while counted"], counted(Relaxed) => counted(Full);
    stack_popped_and_freed: UseAfterFree at ["next of what is freed", "head.cmpxchg(seen, next, Full)"], stack(true) => stack(false);
    box_read_after_it_was_handed_over: UseAfterFree at ["read too late", "handed over"], handed_over(true) => handed_over(false);

    read_lock_upgraded: Deadlock at ["to write"], upgrade(false) => upgrade(true);
    read_locks_crosswise: Deadlock at ["the other one, to write"], read_and_write(true) => read_and_write(false);
    mutex_and_rwlock_in_opposite_orders: Deadlock at ["mutex second", "rwlock second"], mixed(true) => mixed(false);
    three_locks_in_a_circle: Deadlock at ["the next one"], circle(true) => circle(false);
}

struct Entry {
    value: Plain,
    next: Atomic<*mut Entry>,
}

fn entry(value: u32, next: *mut Entry) -> *mut Entry {
    Box::into_raw(Box::new(Entry { value: Plain::new(value), next: Atomic::new(next) }))
}

/// A list of two, the second of which is removed.
fn list(wait: Fence, leak: bool) -> impl Model {
    move || {
        let last = entry(2, ptr::null_mut()) as usize;
        let head = Atomic::new(entry(1, last as *mut Entry));
        let remove = || {
            // SAFETY: the first entry stays.
            unsafe { (*head.load(Relaxed)).next.store(ptr::null_mut(), Release) }; // unlinked
            wait(); // unlinked
            // SAFETY: it was a box, and nobody finds it any more.
            drop(unsafe { Box::from_raw(last as *mut Entry) });
        };
        let visit = || {
            let mut reader = Some(read_lock());
            let mut at = head.load(Relaxed);
            // SAFETY: what is found is there, or this is the bug.
            while let Some(found) = unsafe { at.as_ref() } {
                if leak && found.next.load(Relaxed).is_null() {
                    reader = None;
                }
                found.value.get(); // visited
                at = found.next.load(Relaxed); // visited
            }
            drop(reader);
        };
        both(remove, visit);
        // SAFETY: nobody else is left.
        drop(unsafe { Box::from_raw(head.load(Relaxed)) });
    }
}

/// Whoever comes first publishes it as it was made: nothing writes to it.
fn as_made(publish: impl Update) -> impl Model {
    move || {
        let slot = Atomic::new(ptr::null_mut::<Entry>());
        let get = || {
            let mut found = slot.load(Relaxed); // is it there?
            if found.is_null() {
                let own = entry(7, ptr::null_mut());
                found = match slot.cmpxchg(ptr::null_mut(), own, publish) {
                    Ok(_) => own,
                    Err(other) => {
                        // SAFETY: nobody knows it.
                        drop(unsafe { Box::from_raw(own) });
                        other
                    }
                };
            }
            // SAFETY: it is never freed before the end.
            assert_eq!(unsafe { (*found).value.get() }, 7); // found as it was made
        };
        both(get, get);
        // SAFETY: nobody else is left.
        drop(unsafe { Box::from_raw(slot.load(Relaxed)) });
    }
}

/// An entry of a list whose links are for who has taken all of it, and no matter of the model.
struct Link {
    value: Plain,
    next: *mut Link,
}

/// Two push to a list, and one takes all of it, twice. To take it needs no acquire: what is found depends on it.
fn taken(push: impl Update) -> impl Model {
    move || {
        let head = Atomic::new(ptr::null_mut::<Link>());
        let add = |value: u32| {
            let link = Box::into_raw(Box::new(Link { value: Plain::new(0), next: ptr::null_mut() }));
            let mut before = head.load(Relaxed);
            // SAFETY: nobody else knows it, until it is pushed.
            unsafe {
                (*link).value.set(value); // pushed to the list
                (*link).next = before;
                while let Err(found) = head.cmpxchg(before, link, push) {
                    (*link).next = found;
                    before = found;
                }
            }
        };
        let take = || {
            let mut sum = 0;
            let mut next = head.xchg(ptr::null_mut(), Relaxed);
            while !next.is_null() {
                // SAFETY: who takes it has it.
                let link = unsafe { Box::from_raw(next) };
                sum += link.value.get(); // taken from the list
                next = link.next;
            }
            sum
        };
        let sum = thread::scope(|s| {
            s.spawn(|| add(1));
            s.spawn(|| add(2));
            take() + take()
        });
        assert_eq!(sum + take(), 3);
    }
}

/// The lock of Craig, Landin and Hagersten: each waits at the node of the one before it, and frees it.
fn clh(leave: impl Store) -> impl Model {
    move || {
        let made = |is_held: bool| Box::into_raw(Box::new(Atomic::new(is_held)));
        let (tail, data) = (Atomic::new(made(false)), Plain::new(0));
        let add = || {
            let own = made(true);
            let before = tail.xchg(own, Full);
            // SAFETY: each node is freed by who comes next.
            unsafe {
                while (*before).load(Acquire) {
                    spin_loop();
                }
                drop(Box::from_raw(before));
                data.increment(); // held after CLH
                (*own).store(false, leave);
            }
        };
        both(add, add);
        // SAFETY: nobody else is left.
        drop(unsafe { Box::from_raw(tail.load(Relaxed)) });
    }
}

/// Whoever comes first makes it; it is found by its pointer.
fn config(publish: impl Store) -> impl Model {
    move || {
        let (slot, lock) = (Atomic::new(ptr::null_mut::<Entry>()), SpinLock::new(()));
        let get = || {
            let mut found = slot.load(Relaxed);
            if found.is_null() {
                let _guard = lock.lock();
                found = slot.load(Relaxed);
                if found.is_null() {
                    found = entry(0, ptr::null_mut());
                    // SAFETY: it was just made.
                    unsafe { (*found).value.set(1) }; // made by whoever comes first
                    slot.store(found, publish);
                }
            }
            // SAFETY: it is never freed before the end.
            unsafe { (*found).value.get() } // looked at by all
        };
        both(get, get);
        // SAFETY: nobody else is left.
        drop(unsafe { Box::from_raw(slot.load(Relaxed)) });
    }
}

fn config_once(exclude: bool) -> impl Model {
    move || {
        let (slot, lock, made) = (Atomic::new(ptr::null_mut::<Entry>()), Mutex::new(()), Atomic::new(0));
        let get = || {
            let _guard = exclude.then(|| lock.lock());
            if slot.load(Relaxed).is_null() {
                slot.store(entry(0, ptr::null_mut()), Release);
                made.add(1, Relaxed);
            }
        };
        both(get, get);
        assert_eq!(made.load(Relaxed), 1, "two of them");
    }
}

fn counted(leave: impl Update) -> impl Model {
    move || {
        let shared = Box::into_raw(Box::new((Atomic::new(2_u32), Plain::new(0))));
        let address = shared as usize;
        let put = || {
            // SAFETY: it is counted.
            let (count, value) = unsafe { &*(address as *const (Atomic<u32>, Plain)) };
            value.get(); // used while counted
            if count.fetch_sub(1, leave) == 1 {
                // SAFETY: this is the last one.
                drop(unsafe { Box::from_raw(address as *mut (Atomic<u32>, Plain)) });
            }
        };
        both(put, put);
    }
}

/// Treiber's stack, with two that pop.
fn stack(free: bool) -> impl Model {
    move || {
        let head = Atomic::new(entry(2, entry(1, ptr::null_mut())));
        let pop = || {
            loop {
                let seen = head.load(Acquire);
                // SAFETY: it is there, or this is the bug.
                let Some(first) = (unsafe { seen.as_ref() }) else { return };
                let next = first.next.load(Relaxed); // next of what is freed
                if head.cmpxchg(seen, next, Full).is_ok() {
                    if free {
                        // SAFETY: it was a box, and this thread has popped it.
                        drop(unsafe { Box::from_raw(seen) });
                    }
                    return;
                }
            }
        };
        both(pop, pop);
    }
}

fn handed_over(late: bool) -> impl Model {
    move || {
        let slot = Atomic::new(ptr::null_mut::<Entry>());
        let give = || {
            let own = entry(1, ptr::null_mut());
            if !late {
                // SAFETY: it is this thread's.
                unsafe { (*own).value.get() };
            }
            slot.store(own, Release);
            if late {
                // SAFETY: that it is not is the bug.
                unsafe { (*own).value.get() }; // read too late
            }
        };
        let take = || {
            let taken = slot.xchg(ptr::null_mut(), Acquire); // handed over
            if !taken.is_null() {
                // SAFETY: it was handed over.
                drop(unsafe { Box::from_raw(taken) });
            }
        };
        both(give, take);
    }
}

fn upgrade(release: bool) -> impl Model {
    move || {
        let lock = RwLock::new(0);
        let reader = lock.read();
        if release {
            drop(reader);
        }
        *lock.write() += 1; // to write
    }
}

fn read_and_write(crosswise: bool) -> impl Model {
    move || {
        let locks = Arc::new([RwLock::new(0), RwLock::new(0)]);
        let take = |first: usize| {
            let _reader = locks[first].read();
            *locks[1 - first].write() += 1; // the other one, to write
        };
        both(|| take(0), || take(usize::from(crosswise)));
    }
}

fn mixed(opposite: bool) -> impl Model {
    move || {
        let (mutex, rwlock) = (Mutex::new(0), RwSemaphore::new(0));
        let first = || {
            let _mutex = mutex.lock();
            *rwlock.write() += 1; // rwlock second
        };
        let second = || {
            let guard = rwlock.read();
            if !opposite {
                drop(guard);
            }
            *mutex.lock() += 1; // mutex second
        };
        both(first, second);
    }
}

fn circle(round: bool) -> impl Model {
    move || {
        let locks = [Mutex::new(()), Mutex::new(()), Mutex::new(())];
        let take = |first: usize, second: usize| {
            let _first = locks[first].lock();
            let _second = locks[second].lock(); // the next one
        };
        three(|| take(0, 1), || take(1, 2), || if round { take(2, 0) } else { take(0, 2) });
    }
}

//! RCU and SRCU. What is freed is written here.

use crate::pair::*;
use lkmm::cell::Shared;
use lkmm::lock::SpinLock;
use lkmm::rcu::{read_lock, synchronize_rcu};
use lkmm::srcu::Domain;
use std::mem::{ManuallyDrop, forget};

pairs! {
    published_without_release: DataRace at ["made before it is published", "found by a reader"], publish(Relaxed, true) => publish(Release, true);
    /// A comparison with the only value that it can be carries nothing on.
    dependency_lost_by_a_comparison: DataRace at ["made before it is published", "found by a reader"], publish(Release, false) => publish(Release, true);
    pointer_read_twice: Panic at ["half old, half new"], reads(true) => reads(false);
    removed_without_grace_period: DataRace at ["read by who began before", "freed after"], remove(nothing) => remove(synchronize_rcu);
    removed_with_mb_only: DataRace at ["read by who began before", "freed after"], remove(smp_mb) => remove(synchronize_rcu);
    /// A reader that began before must find what was there, and so does the mended one's, whoever has been run first.
    reused_without_grace_period: Panic at ["something else than was published"], reuse(nothing) => reuse(synchronize_rcu);
    counted_without_grace_period: Panic at ["a count is lost"], counted(nothing) => counted(synchronize_rcu);
    grace_period_before_the_removal: DataRace at ["read inside", "freed too early"], order(false, Reader::Holds) => order(true, Reader::Holds);
    reader_that_ends_too_early: DataRace at ["read inside", "freed too early"], order(true, Reader::Drops) => order(true, Reader::Holds);
    reader_that_is_none: DataRace at ["read inside", "freed too early"], order(true, Reader::None) => order(true, Reader::Holds);
    reader_split_in_two: DataRace at ["read inside", "freed too early"], order(true, Reader::Splits) => order(true, Reader::Holds);
    updaters_without_their_lock: Panic at ["an update of the list is lost"], updaters(false) => updaters(true);
    reader_never_ended: RcuMisuse at ["to be ended"], ends(0) => ends(1);
    reader_ended_twice: RcuMisuse at ["to be ended"], ends(2) => ends(1);
    grace_period_inside_of_a_reader: Deadlock at ["waits for itself"], waits_inside(true) => waits_inside(false);
    /// Only who sees the old value waits, and the reader has read it before.
    grace_period_inside_of_a_reader_that_saw_old: Deadlock at ["waits for itself, sometimes"], waits_sometimes(true) => waits_sometimes(false);
    grace_period_of_srcu_inside_of_an_rcu_reader: RcuMisuse at ["around the sleep", "may not sleep"], sleeps(true) => sleeps(false);

    wrong_domain: DataRace at ["read in the domain", "freed after the domain"], domains(0, Some(1)) => domains(0, Some(0));
    no_grace_period_of_the_domain: DataRace at ["read in the domain", "freed after the domain"], domains(0, None) => domains(0, Some(0));
    domain_never_left: RcuMisuse at ["to be left"], leaves(0) => leaves(1);
    domain_left_twice: RcuMisuse at ["to be left"], leaves(2) => leaves(1);
    domain_waits_for_its_reader: Deadlock at ["waits for its own reader"], waits_in_domain(0) => waits_in_domain(1);
}

fn publish(publish: impl Store, follow: bool) -> impl Model {
    move || {
        let (current, objects) = (Atomic::new(0_usize), [Plain::new(1), Plain::new(0)]);
        let update = || {
            objects[1].set(1); // made before it is published
            current.store(1, publish);
        };
        let read = || {
            let _guard = read_lock();
            let seen = current.load(Relaxed);
            if follow {
                objects[seen].get(); // found by a reader
            } else if seen == 1 {
                objects[1].get(); // found by a reader
            }
        };
        both(update, read);
    }
}

fn reads(twice: bool) -> impl Model {
    move || {
        let (current, objects) = (Atomic::new(0_usize), [(1, 1), (2, 2)]);
        let read = || {
            let _guard = read_lock();
            let first = current.load(Relaxed);
            let second = if twice { current.load(Relaxed) } else { first };
            (objects[first].0, objects[second].1)
        };
        let (_, (a, b)) = both(|| current.store(1, Release), read);
        assert_eq!(a, b, "half old, half new");
    }
}

fn remove(wait: Fence) -> impl Model {
    move || {
        let (current, objects) = (Atomic::new(0_usize), [Plain::new(1), Plain::new(1)]);
        let update = || {
            current.store(1, Release);
            wait();
            objects[0].set(0); // freed after
        };
        let read = || {
            let _guard = read_lock();
            objects[current.load(Relaxed)].get(); // read by who began before
        };
        both(update, read);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Reader {
    Holds,
    Drops,
    None,
    Splits,
}

fn reuse(wait: Fence) -> impl Model {
    move || {
        let (current, objects) = (Atomic::new(0_usize), [1, 2].map(|n| Shared::new([n; 3])));
        let update = || {
            current.store(1, Release);
            wait();
            // SAFETY: whoever reads it is waited for.
            unsafe { objects[0].set([3; 3]) };
        };
        let read = || {
            let _guard = read_lock();
            let seen = current.load(Relaxed);
            // SAFETY: as above.
            let found = unsafe { objects[seen].get() };
            assert_eq!(found, [seen as u32 + 1; 3], "something else than was published");
        };
        both(update, read);
        // SAFETY: nobody else is left.
        assert_eq!(unsafe { objects[0].get() }, [3; 3], "not reused");
    }
}

fn counted(wait: Fence) -> impl Model {
    move || {
        let (is_open, counts) = (Atomic::new(true), Shared::new((0_u32, 0_u64)));
        let update = || {
            is_open.store(false, Relaxed);
            wait();
            // SAFETY: whoever counts is waited for.
            unsafe { counts.with_mut(|(taken, count)| (*taken, *count) = (*count as u32, 10)) };
        };
        let read = || {
            let _guard = read_lock();
            let counts_it = is_open.load(Relaxed);
            if counts_it {
                // SAFETY: as above.
                unsafe { counts.with_mut(|(_, count)| *count += 1) };
            }
            counts_it
        };
        let (_, counted) = both(update, read);
        // SAFETY: nobody else is left.
        assert_eq!(unsafe { counts.get() }, (counted.into(), 10), "a count is lost");
    }
}

fn order(removed_first: bool, reader: Reader) -> impl Model {
    move || {
        let (current, objects) = (Atomic::new(0_usize), [Plain::new(1), Plain::new(1)]);
        let update = || {
            if removed_first {
                current.store(1, Release);
                synchronize_rcu();
            } else {
                synchronize_rcu();
                current.store(1, Release);
            }
            objects[0].set(0); // freed too early
        };
        let read = || {
            let mut guard = (reader != Reader::None).then(|| read_lock());
            let seen = current.load(Relaxed);
            if matches!(reader, Reader::Drops | Reader::Splits) {
                drop(guard.take());
            }
            if reader == Reader::Splits {
                guard = Some(read_lock());
            }
            objects[seen].get(); // read inside
            drop(guard);
        };
        both(update, read);
    }
}

fn updaters(exclude: bool) -> impl Model {
    move || {
        let (head, next, lock) = (Atomic::new(0_usize), [0, 1, 2].map(|_| Atomic::new(0_usize)), SpinLock::new(()));
        let add = |own: usize| {
            let _guard = exclude.then(|| lock.lock());
            next[own].store(head.load(Relaxed), Relaxed);
            head.store(own, Release);
        };
        both(|| add(1), || add(2));
        let first = head.load(Relaxed);
        assert_eq!(first + next[first].load(Relaxed), 3, "an update of the list is lost");
    }
}

fn ends(times: u32) -> impl Model {
    move || {
        let mut guard = ManuallyDrop::new(read_lock()); // to be ended
        for _ in 0..times {
            // SAFETY: its memory is there; that it is dropped twice is the bug.
            unsafe { ManuallyDrop::drop(&mut guard) };
        }
    }
}

fn waits_inside(inside: bool) -> impl Model {
    move || {
        let guard = read_lock();
        if inside {
            synchronize_rcu(); // waits for itself
        }
        drop(guard);
    }
}

fn waits_sometimes(inside: bool) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let write = || {
            x.store(1, Relaxed);
            y.store(1, Release);
        };
        let read = || {
            let mut guard = Some(read_lock());
            if x.load(Relaxed) == 0 && y.load(Relaxed) == 1 {
                guard = guard.filter(|_| inside);
                synchronize_rcu(); // waits for itself, sometimes
            }
            drop(guard);
        };
        both(write, read);
    }
}

fn sleeps(inside: bool) -> impl Model {
    move || {
        static DOMAIN: Domain = Domain::new();
        let guard = inside.then(|| read_lock()); // around the sleep
        DOMAIN.synchronize(); // may not sleep
        drop(guard);
    }
}

static DOMAINS: [Domain; 2] = [Domain::new(), Domain::new()];

fn domains(read: usize, wait: Option<usize>) -> impl Model {
    move || {
        let (current, objects) = (Atomic::new(0_usize), [Plain::new(1), Plain::new(1)]);
        let update = || {
            current.store(1, Release);
            if let Some(wait) = wait {
                DOMAINS[wait].synchronize();
            }
            objects[0].set(0); // freed after the domain
        };
        let read = || {
            let _guard = DOMAINS[read].read_lock();
            objects[current.load(Relaxed)].get(); // read in the domain
        };
        both(update, read);
    }
}

fn leaves(times: u32) -> impl Model {
    move || {
        let guard = DOMAINS[0].read_lock(); // to be left
        for _ in 1..times {
            // SAFETY: that it is dropped twice is the bug.
            drop(unsafe { std::ptr::read(&guard) });
        }
        if times == 0 {
            forget(guard);
        } else {
            drop(guard);
        }
    }
}

fn waits_in_domain(which: usize) -> impl Model {
    move || {
        let guard = DOMAINS[0].read_lock();
        DOMAINS[which].synchronize(); // waits for its own reader
        drop(guard);
    }
}

//! Bugs of published crates, each reduced to what went wrong.

use crate::pair::*;
use lkmm::barrier::smp_mb__after_atomic;

pairs! {
    /// Parker of `std`: who found that there was a token already did not release what it had done. The one who parked
    /// learnt of the first waker only.
    std_unpark_of_the_unparked: DataRace at ["done by a waker", "seen by the woken"], parker(false) => parker(true);
    /// `spin::RwLock`: the writer gave the lock back without release (RUSTSEC-2019-0013).
    spin_rwlock_relaxed: DataRace at ["under the write lock"], spin_rwlock(Relaxed) => spin_rwlock(Release);
    /// `spin::Once`: an initialiser that failed, and one that waited for it and took the end of the wait for success
    /// (RUSTSEC-2023-0031).
    spin_once_that_failed: Panic at ["it was never made"], spin_once(false) => spin_once(true);
    /// `tokio::sync::oneshot`: after the receiver has closed the channel, both may think that the value is theirs
    /// (RUSTSEC-2021-0124).
    tokio_oneshot_closed: DataRace at ["taken by the receiver", "taken back"], oneshot(false) => oneshot(true);
    /// `thread_local`: iteration over entries that are just being made (RUSTSEC-2022-0006).
    thread_local_iteration: DataRace at ["entry made", "entry seen"], entries(Relaxed, Acquire) => entries(Release, Acquire);
    thread_local_iteration_relaxed: DataRace at ["entry made", "entry seen"], entries(Release, Relaxed) => entries(Release, Acquire);
    /// `crossbeam-channel`: the first block is freed by who discards the messages, and again with the channel
    /// (RUSTSEC-2025-0024).
    crossbeam_channel_frees_a_block_twice: Panic at ["freed twice"], blocks(false) => blocks(true);
    /// `crossbeam-epoch`: a thread says in which epoch it is before it looks at anything, with a full barrier in between.
    epoch_pinned_without_mb: DataRace at ["seen while pinned", "freed as nobody is pinned"], pin(nothing, smp_mb) => pin(smp_mb, smp_mb);
    epoch_advanced_without_mb: DataRace at ["seen while pinned", "freed as nobody is pinned"], pin(smp_mb, nothing) => pin(smp_mb, smp_mb);
    /// Hazard pointers: a reader announces what it reads, and looks whether that is still there.
    hazard_pointer_without_mb: DataRace at ["seen under its hazard", "freed as no hazard"], hazard(smp_wmb, true) => hazard(smp_mb, true);
    hazard_pointer_without_second_look: DataRace at ["seen under its hazard", "freed as no hazard"], hazard(smp_mb, false) => hazard(smp_mb, true);
    /// `rayon`, `event-listener` and others: a job is pushed, and then sleepers are looked for.
    rayon_sleeper_without_mb: Panic at ["a job, and all asleep"], jobs(nothing, smp_mb) => jobs(smp_mb__after_atomic, smp_mb);
    rayon_pusher_without_mb: Panic at ["a job, and all asleep"], jobs(smp_mb__after_atomic, smp_wmb) => jobs(smp_mb__after_atomic, smp_mb);
    /// A mutex with three states: who was woken must take it as contended, or another sleeper is forgotten.
    futex_mutex_forgets_a_sleeper: Panic at ["a sleeper is forgotten"], futex(1) => futex(2);
    /// `futures::AtomicWaker`: a wake-up that comes while a waker is registered must be seen by who registers.
    atomic_waker_loses_a_wakeup: Panic at ["neither woke"], waker(false) => waker(true);
    /// Sequence lock of `crossbeam-utils`: the writer's first exchange acquires, which lets data go before its write half.
    crossbeam_seqlock_without_fence: Panic at ["seqlock: torn"], crossbeam_seqlock(nothing) => crossbeam_seqlock(smp_wmb);
}

fn parker(always: bool) -> impl Model {
    move || {
        let (token, data, late) = (Atomic::new(false), Plain::new(0), Atomic::new(false));
        let second = || {
            data.set(1); // done by a waker
            let had_token =
                if always { token.xchg(true, Release) } else { token.cmpxchg(false, true, Release).is_err() };
            late.store(had_token, Relaxed);
        };
        let park = || {
            // The second waker came when there was a token, so before this.
            if token.xchg(false, Acquire) && late.load(Relaxed) {
                data.get(); // seen by the woken
            }
        };
        three(|| token.xchg(true, Release), second, park);
    }
}

fn spin_rwlock(leave: impl Store) -> impl Model {
    move || {
        let (lock, data) = (Atomic::new(0_u32), Plain::new(0));
        let write = || {
            if lock.cmpxchg(0, 1, Acquire).is_ok() {
                data.increment(); // under the write lock
                lock.store(0, leave);
            }
        };
        both(write, write);
    }
}

fn spin_once(look_again: bool) -> impl Model {
    move || {
        let (state, value) = (Atomic::new(0_u32), Atomic::new(0_u32));
        let fails = || {
            if state.cmpxchg(0, 1, Acquire).is_ok() {
                state.store(0, Release);
            }
        };
        let makes = || {
            loop {
                match state.cmpxchg(0, 1, Acquire) {
                    Ok(_) => {
                        value.store(1, Relaxed);
                        state.store(2, Release);
                        return value.load(Relaxed);
                    }
                    Err(2) => return value.load(Relaxed),
                    Err(_) => {
                        while state.load(Acquire) == 1 {
                            spin_loop();
                        }
                        if !look_again {
                            return value.load(Relaxed);
                        }
                    }
                }
            }
        };
        assert_eq!(both(fails, makes).1, 1, "it was never made");
    }
}

/// Bit 1: there is a value. Bit 2: closed.
fn oneshot(unless_closed: bool) -> impl Model {
    move || {
        let (state, value) = (Atomic::new(0_u32), Plain::new(0));
        let send = || {
            value.set(1);
            let mut seen = state.load(Relaxed);
            while !(unless_closed && seen & 2 != 0) {
                match state.cmpxchg(seen, seen | 1, Full) {
                    Ok(_) => break,
                    Err(other) => seen = other,
                }
            }
            if seen & 2 != 0 {
                value.set(0); // taken back
            }
        };
        let receive = || {
            state.fetch_add(2, Full);
            if state.load(Acquire) & 1 != 0 {
                value.set(0); // taken by the receiver
            }
        };
        both(send, receive);
    }
}

fn entries(publish: impl Store, look: impl Load) -> impl Model {
    move || {
        let (present, entry) = (Atomic::new(false), Plain::new(0));
        let insert = || {
            entry.set(1); // entry made
            present.store(true, publish);
        };
        let iterate = || {
            if present.load(look) {
                entry.get(); // entry seen
            }
        };
        both(insert, iterate);
    }
}

fn blocks(take: bool) -> impl Model {
    move || {
        let [head, freed] = &zeros();
        let send = || head.cmpxchg(0, 1, Release);
        let discard = || {
            let block = if take { head.xchg(0, Full) } else { head.load(Acquire) };
            if block != 0 {
                freed.add(1, Relaxed);
            }
        };
        let _ = both(send, discard);
        if head.load(Relaxed) != 0 {
            freed.add(1, Relaxed);
        }
        assert_eq!(freed.load(Relaxed), 1, "freed twice");
    }
}

fn pin(after_pin: Fence, before_scan: Fence) -> impl Model {
    move || {
        let [pinned, removed] = &zeros();
        let object = Plain::new(1);
        let read = || {
            pinned.store(1, Relaxed);
            after_pin();
            if removed.load(Relaxed) == 0 {
                object.get(); // seen while pinned
            }
            pinned.store(0, Release);
        };
        let free = || {
            removed.store(1, Relaxed);
            before_scan();
            if pinned.load(Acquire) == 0 {
                object.set(0); // freed as nobody is pinned
            }
        };
        both(read, free);
    }
}

fn hazard(after_announcement: Fence, look_again: bool) -> impl Model {
    move || {
        let (current, hazard) = (Atomic::new(1_u32), Atomic::new(0_u32));
        let object = Plain::new(1);
        let read = || {
            let seen = current.load(Relaxed);
            hazard.store(seen, Relaxed);
            after_announcement();
            if seen == 1 && (!look_again || current.load(Acquire) == 1) {
                object.get(); // seen under its hazard
            }
            hazard.store(0, Release);
        };
        let free = || {
            current.store(2, Relaxed);
            smp_mb();
            if hazard.load(Acquire) != 1 {
                object.set(0); // freed as no hazard
            }
        };
        both(read, free);
    }
}

fn jobs(in_sleeper: Fence, in_pusher: Fence) -> impl Model {
    move || {
        let [sleepers, job] = &zeros();
        let sleep = || {
            sleepers.add(1, Relaxed);
            in_sleeper();
            job.load(Relaxed) == 0
        };
        let push = || {
            job.store(1, Relaxed);
            in_pusher();
            sleepers.load(Relaxed) == 0
        };
        let (slept, woke_nobody) = both(sleep, push);
        assert!(!(slept && woke_nobody), "a job, and all asleep");
    }
}

/// 0 is free, 1 is held, 2 is held and there may be sleepers. A sleeper sleeps here in that it is counted.
fn futex(woken_takes: u32) -> impl Model {
    move || {
        // Held, with two sleepers. One of them was woken, and takes it when the holder has left.
        let (state, sleepers) = (Atomic::new(0_u32), Atomic::new(1_u32));
        let unlock = || {
            if state.xchg(0, Full) == 2 {
                sleepers.fetch_sub(1, Relaxed);
            }
        };
        let woken = || {
            if state.cmpxchg(0, woken_takes, Acquire).is_ok() {
                unlock();
            }
        };
        let other = || {
            if state.cmpxchg(0, 1, Acquire).is_ok() {
                unlock();
            }
        };
        both(woken, other);
        if state.cmpxchg(0, woken_takes, Acquire).is_ok() {
            unlock();
        }
        assert!(sleepers.load(Relaxed) != 1, "a sleeper is forgotten");
    }
}

/// Bit 1: being registered. Bit 2: being woken.
fn waker(look: bool) -> impl Model {
    move || {
        let (state, slot, woken) = (Atomic::new(0_u32), Plain::new(0), Atomic::new(0_u32));
        let register = || {
            if state.cmpxchg(0, 1, Acquire).is_err() {
                woken.store(1, Relaxed);
                return;
            }
            slot.set(7);
            if state.cmpxchg(1, 0, Full).is_err() {
                // A wake-up came meanwhile: it is for this one.
                state.xchg(0, Full);
                if look {
                    woken.store(1, Relaxed);
                }
            }
        };
        let wake = || {
            if state.fetch_add(2, Full) == 0 {
                let found = slot.get();
                state.fetch_sub(2, Release);
                return (true, found);
            }
            (false, 0)
        };
        let (_, (took, found)) = both(register, wake);
        // Who found an empty slot came before the registration, and that looks at the condition afterwards.
        assert!(took || found == 7 || woken.load(Relaxed) == 1, "neither woke");
    }
}

fn crossbeam_seqlock(after_exchange: Fence) -> impl Model {
    move || {
        let [state, a, b] = &zeros();
        let write = || {
            state.xchg(1, Acquire);
            after_exchange();
            a.store(1, Relaxed);
            b.store(1, Relaxed);
            state.store(2, Release);
        };
        let read = || {
            let before = state.load(Acquire);
            let data = (a.load(Relaxed), b.load(Relaxed));
            smp_rmb();
            (before != 1 && state.load(Relaxed) == before).then_some(data)
        };
        let (_, data) = both(write, read);
        assert!(data.is_none_or(|(a, b)| a == b), "seqlock: torn");
    }
}

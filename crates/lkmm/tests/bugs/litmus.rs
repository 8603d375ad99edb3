//! The patterns of litmus tests, as Rust code: which barrier each needs.

use crate::pair::*;
use lkmm::barrier::{smp_mb__after_atomic, smp_mb__after_spinlock, smp_mb__after_unlock_lock, smp_mb__before_atomic};
use lkmm::lock::SpinLock;

pairs! {
    message_without_release: Panic at ["MP"], message(Relaxed, Acquire) => message(Release, Acquire);
    message_without_acquire: Panic at ["MP"], message(Release, Relaxed) => message(Release, Acquire);
    message_without_wmb: Panic at ["MP by barriers"], fenced_message(nothing, smp_rmb) => fenced_message(smp_wmb, smp_rmb);
    message_without_rmb: Panic at ["MP by barriers"], fenced_message(smp_wmb, nothing) => fenced_message(smp_wmb, smp_rmb);
    message_with_barriers_exchanged: Panic at ["MP by barriers"],
        fenced_message(smp_rmb, smp_wmb) => fenced_message(smp_wmb, smp_rmb);
    message_with_compiler_barriers: Panic at ["MP by barriers"],
        fenced_message(barrier, barrier) => fenced_message(smp_mb, smp_mb);
    plain_message_without_release: DataRace at ["what is sent", "what is received"],
        plain_message(Relaxed, Acquire) => plain_message(Release, Acquire);
    plain_message_without_acquire: DataRace at ["what is sent", "what is received"],
        plain_message(Release, Relaxed) => plain_message(Release, Acquire);

    store_buffering_without_first_mb: Panic at ["SB"], store_buffering(nothing, smp_mb) => store_buffering(smp_mb, smp_mb);
    store_buffering_without_second_mb: Panic at ["SB"], store_buffering(smp_mb, nothing) => store_buffering(smp_mb, smp_mb);
    store_buffering_with_wmb_and_rmb: Panic at ["SB"],
        store_buffering(wmb_and_rmb, wmb_and_rmb) => store_buffering(smp_mb, smp_mb);
    store_buffering_with_release_and_acquire: Panic at ["SB, exchanged"], exchanges(Release, Acquire) => exchanges(Full, Relaxed);
    store_buffering_with_relaxed_adds: Panic at ["SB, added"], adds(nothing) => adds(smp_mb__after_atomic);
    store_buffering_before_relaxed_adds: Panic at ["SB, before"], before_adds(nothing) => before_adds(smp_mb__before_atomic);
    /// An exchange that fails is no barrier, however it is ordered.
    store_buffering_with_a_failed_exchange: Panic at ["SB, cmpxchg"], compares(7) => compares(0);
    store_buffering_with_locks: Panic at ["SB, locks"], locks_as_barriers(nothing) => locks_as_barriers(smp_mb__after_spinlock);

    load_buffering_relaxed: Panic at ["LB"], load_buffering(Relaxed, Acquire) => load_buffering(Acquire, Acquire);
    load_buffering_without_release: Panic at ["LB, released"],
        load_buffering_released(Relaxed, Relaxed) => load_buffering_released(Release, Release);
    /// What the update writes follows from what it reads, and that is written because the update went by.
    load_buffering_through_an_update: Panic at ["LB, updated"], load_buffering_updated(Relaxed) => load_buffering_updated(Release);
    load_buffering_through_a_copy: Panic at ["LB, copied"], load_buffering_copied(Relaxed) => load_buffering_copied(Acquire);
    load_buffering_out_of_thin_control: Panic at ["LB, if"], load_buffering_if(false) => load_buffering_if(true);

    write_to_read_causality_without_release: Panic at ["WRC"], causality(Relaxed, Acquire) => causality(Release, Acquire);
    write_to_read_causality_without_acquire: Panic at ["WRC"], causality(Release, Relaxed) => causality(Release, Acquire);
    isa2_without_first_release: Panic at ["ISA2"], isa2(Relaxed, Acquire, Release, Acquire) => isa2(Release, Acquire, Release, Acquire);
    isa2_without_last_acquire: Panic at ["ISA2"], isa2(Release, Acquire, Release, Relaxed) => isa2(Release, Acquire, Release, Acquire);
    independent_reads_with_rmb: Panic at ["IRIW"], independent_reads(smp_mb, smp_rmb) => independent_reads(smp_mb, smp_mb);
    z6_without_mb_after_spinlock: Panic at ["Z6.0"], z6(nothing, smp_mb) => z6(smp_mb__after_spinlock, smp_mb);
    z6_without_mb: Panic at ["Z6.0"], z6(smp_mb__after_spinlock, smp_wmb) => z6(smp_mb__after_spinlock, smp_mb);
    r_without_first_mb: Panic at ["R:"], r(smp_wmb, smp_mb) => r(smp_mb, smp_mb);
    r_without_second_mb: Panic at ["R:"], r(smp_mb, smp_wmb) => r(smp_mb, smp_mb);
    s_without_order: Panic at ["S:"], s(Relaxed) => s(Acquire);
    two_writes_with_wmb: Panic at ["2+2W"], two_writes(smp_wmb) => two_writes(smp_mb);
    unlock_and_lock_is_no_full_barrier: Panic at ["unlock, lock"],
        unlock_lock(nothing) => unlock_lock(smp_mb__after_unlock_lock);
    /// A release covers what is read from it, or from an unbroken chain of updates of it; not a later store.
    release_then_relaxed_store: Panic at ["overwritten"], overwritten(Relaxed) => overwritten(Release);
    release_passed_on_by_load_and_store: Panic at ["passed on"], passed_on(false) => passed_on(true);
}

fn message(publish: impl Store, look: impl Load) -> impl Model {
    move || {
        let [data, flag] = &zeros();
        let send = || {
            data.store(1, Relaxed);
            flag.store(1, publish);
        };
        let (_, (seen, found)) = both(send, || (flag.load(look), data.load(Relaxed)));
        assert!(seen == 0 || found == 1, "MP");
    }
}

fn fenced_message(between_writes: Fence, between_reads: Fence) -> impl Model {
    move || {
        let [data, flag] = &zeros();
        let send = || {
            data.store(1, Relaxed);
            between_writes();
            flag.store(1, Relaxed);
        };
        let receive = || {
            let seen = flag.load(Relaxed);
            between_reads();
            (seen, data.load(Relaxed))
        };
        let (_, (seen, found)) = both(send, receive);
        assert!(seen == 0 || found == 1, "MP by barriers");
    }
}

fn plain_message(publish: impl Store, look: impl Load) -> impl Model {
    move || {
        let (data, flag) = (Plain::new(0), Atomic::new(false));
        let send = || {
            data.set(1); // what is sent
            flag.store(true, publish);
        };
        let receive = || {
            if flag.load(look) {
                data.get(); // what is received
            }
        };
        both(send, receive);
    }
}

fn wmb_and_rmb() {
    smp_wmb();
    smp_rmb();
}

fn store_buffering(first: Fence, second: Fence) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let each = |own: &Atomic<u32>, other: &Atomic<u32>, fence: Fence| {
            own.store(1, Relaxed);
            fence();
            other.load(Relaxed)
        };
        assert_ne!(both(|| each(x, y, first), || each(y, x, second)), (0, 0), "SB");
    }
}

fn exchanges(write: impl Update, read: impl Load) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let each = |own: &Atomic<u32>, other: &Atomic<u32>| {
            own.xchg(1, write);
            other.load(read)
        };
        assert_ne!(both(|| each(x, y), || each(y, x)), (0, 0), "SB, exchanged");
    }
}

fn adds(after: Fence) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let each = |own: &Atomic<u32>, other: &Atomic<u32>| {
            own.add(1, Relaxed);
            after();
            other.load(Relaxed)
        };
        assert_ne!(both(|| each(x, y), || each(y, x)), (0, 0), "SB, added");
    }
}

fn before_adds(before: Fence) -> impl Model {
    move || {
        let [x, y, other] = &zeros();
        let each = |own: &Atomic<u32>, next: &Atomic<u32>| {
            own.store(1, Relaxed);
            before();
            other.add(1, Relaxed);
            next.load(Relaxed)
        };
        assert_ne!(both(|| each(x, y), || each(y, x)), (0, 0), "SB, before");
    }
}

fn compares(expected: u32) -> impl Model {
    move || {
        let [x, y, mine, yours] = &zeros();
        let each = |own: &Atomic<u32>, other: &Atomic<u32>, between: &Atomic<u32>| {
            own.store(1, Relaxed);
            let _ = between.cmpxchg(expected, 1, Full);
            other.load(Relaxed)
        };
        assert_ne!(both(|| each(x, y, mine), || each(y, x, yours)), (0, 0), "SB, cmpxchg");
    }
}

fn locks_as_barriers(after_lock: Fence) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let locks = [SpinLock::new(()), SpinLock::new(())];
        let each = |own: &Atomic<u32>, other: &Atomic<u32>, lock: &SpinLock<()>| {
            own.store(1, Relaxed);
            let _guard = lock.lock();
            after_lock();
            other.load(Relaxed)
        };
        assert_ne!(both(|| each(x, y, &locks[0]), || each(y, x, &locks[1])), (0, 0), "SB, locks");
    }
}

fn load_buffering(first: impl Load, second: impl Load) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let a = || {
            let seen = x.load(first);
            y.store(1, Relaxed);
            seen
        };
        let b = || {
            let seen = y.load(second);
            x.store(1, Relaxed);
            seen
        };
        assert_ne!(both(a, b), (1, 1), "LB");
    }
}

fn load_buffering_released(first: impl Store, second: impl Store) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let a = || {
            let seen = x.load(Relaxed);
            y.store(1, first);
            seen
        };
        let b = || {
            let seen = y.load(Relaxed);
            x.store(1, second);
            seen
        };
        assert_ne!(both(a, b), (1, 1), "LB, released");
    }
}

fn load_buffering_updated(second: impl Store) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let take = || {
            let ticket = x.fetch_add(1, Relaxed);
            y.store(1, second);
            ticket
        };
        let reset = || {
            if y.load(Relaxed) == 1 {
                x.store(5, Relaxed);
            }
        };
        let (ticket, ()) = both(take, reset);
        assert_ne!(ticket, 5, "LB, updated");
    }
}

fn load_buffering_copied(first: impl Load) -> impl Model {
    move || {
        let [x, y, copy] = &zeros();
        let pass_on = || {
            copy.store(x.load(first), Relaxed);
            y.store(1, Relaxed);
        };
        let begin = || {
            if y.load(Relaxed) == 1 {
                x.store(1, Relaxed);
            }
        };
        both(pass_on, begin);
        assert_eq!(copy.load(Relaxed), 0, "LB, copied");
    }
}

/// A store under an `if` follows the load that decides it. If it is done on both branches, it does not.
fn load_buffering_if(decides: bool) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let each = |from: &Atomic<u32>, to: &Atomic<u32>| {
            let seen = from.load(Relaxed);
            if seen == 1 || !decides {
                to.store(1, Relaxed);
            }
            seen
        };
        // With the mended code, nobody begins.
        assert_ne!(both(|| each(x, y), || each(y, x)), (1, 1), "LB, if");
    }
}

fn causality(publish: impl Store, look: impl Load) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let pass_on = || {
            let seen = x.load(Relaxed);
            y.store(seen, publish);
        };
        let (_, _, (seen, found)) = three(|| x.store(1, Relaxed), pass_on, || (y.load(look), x.load(Relaxed)));
        assert!(seen == 0 || found == 1, "WRC");
    }
}

fn isa2(first: impl Store, second: impl Load, third: impl Store, fourth: impl Load) -> impl Model {
    move || {
        let [x, y, z] = &zeros();
        let send = || {
            x.store(1, Relaxed);
            y.store(1, first);
        };
        let pass_on = || {
            let seen = y.load(second);
            z.store(seen, third);
        };
        let (_, _, (seen, found)) = three(send, pass_on, || (z.load(fourth), x.load(Relaxed)));
        assert!(seen == 0 || found == 1, "ISA2");
    }
}

fn independent_reads(first: Fence, second: Fence) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let read = |one: &Atomic<u32>, other: &Atomic<u32>, fence: Fence| {
            let seen = one.load(Relaxed);
            fence();
            (seen, other.load(Relaxed))
        };
        let (_, a, b) = three(
            || x.store(1, Relaxed),
            || both(|| y.store(1, Relaxed), || read(x, y, first)).1,
            || read(y, x, second),
        );
        assert_ne!((a, b), ((1, 0), (1, 0)), "IRIW");
    }
}

fn z6(after_lock: Fence, between: Fence) -> impl Model {
    move || {
        let [x, y, z] = &zeros();
        let lock = SpinLock::new(());
        let first = || {
            let _guard = lock.lock();
            x.store(1, Relaxed);
            y.store(1, Relaxed);
        };
        let second = || {
            let _guard = lock.lock();
            after_lock();
            let seen = y.load(Relaxed);
            z.store(1, Relaxed);
            seen
        };
        let third = || {
            z.store(2, Relaxed);
            between();
            x.load(Relaxed)
        };
        let (_, seen, found) = three(first, second, third);
        assert!(seen == 0 || z.load(Relaxed) == 1 || found == 1, "Z6.0");
    }
}

fn r(first: Fence, second: Fence) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let writer = || {
            x.store(1, Relaxed);
            first();
            y.store(1, Relaxed);
        };
        let reader = || {
            y.store(2, Relaxed);
            second();
            x.load(Relaxed)
        };
        let (_, found) = both(writer, reader);
        assert!(y.load(Relaxed) == 1 || found == 1, "R: the later writer saw nothing");
    }
}

fn s(look: impl Load) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let first = || {
            x.store(2, Relaxed);
            smp_wmb();
            y.store(1, Relaxed);
        };
        let second = || {
            let seen = y.load(look);
            x.store(1, Relaxed);
            seen
        };
        let (_, seen) = both(first, second);
        assert!(seen == 0 || x.load(Relaxed) == 1, "S: the earlier write came last");
    }
}

fn two_writes(fence: Fence) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let write = |first: &Atomic<u32>, second: &Atomic<u32>| {
            first.store(1, Relaxed);
            fence();
            second.store(2, Relaxed);
        };
        both(|| write(x, y), || write(y, x));
        assert_ne!((x.load(Relaxed), y.load(Relaxed)), (1, 1), "2+2W");
    }
}

fn unlock_lock(after: Fence) -> impl Model {
    move || {
        let [x, y] = &zeros();
        let locks = [SpinLock::new(()), SpinLock::new(())];
        let twice = || {
            let first = locks[0].lock();
            x.store(1, Relaxed);
            drop(first);
            let _second = locks[1].lock();
            after();
            y.load(Relaxed)
        };
        let other = || {
            y.store(1, Relaxed);
            smp_mb();
            x.load(Relaxed)
        };
        assert_ne!(both(twice, other), (0, 0), "unlock, lock");
    }
}

fn overwritten(second: impl Store) -> impl Model {
    move || {
        let [data, flag] = &zeros();
        let send = || {
            data.store(1, Relaxed);
            flag.store(1, Release);
            flag.store(2, second);
        };
        let (_, (seen, found)) = both(send, || (flag.load(Acquire), data.load(Relaxed)));
        assert!(seen < 2 || found == 1, "overwritten");
    }
}

fn passed_on(atomically: bool) -> impl Model {
    move || {
        let [data, flag] = &zeros();
        let send = || {
            data.store(1, Relaxed);
            flag.store(1, Release);
        };
        let pass_on = || {
            if atomically {
                flag.fetch_add(2, Relaxed);
            } else {
                let seen = flag.load(Relaxed);
                flag.store(seen + 2, Relaxed);
            }
        };
        let (_, _, (seen, found)) = three(send, pass_on, || (flag.load(Acquire), data.load(Relaxed)));
        assert!(seen < 3 || found == 1, "passed on");
    }
}

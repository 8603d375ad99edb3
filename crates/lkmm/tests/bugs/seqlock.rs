//! The sequence lock: a writer makes a counter odd, writes, and makes it even again; a reader looks whether the counter
//! was even before, and is the same after.
//!
//! Four barriers: the odd counter comes before the data, and the data before the even one; a reader looks at the counter
//! before the data, and after.

use crate::pair::*;
use lkmm::lock::SpinLock;

pairs! {
    seqlock_without_first_wmb: Panic at ["torn"], seqlock(nothing, smp_wmb, smp_rmb, smp_rmb) => seqlock(smp_wmb, smp_wmb, smp_rmb, smp_rmb);
    seqlock_without_second_wmb: Panic at ["torn"], seqlock(smp_wmb, nothing, smp_rmb, smp_rmb) => seqlock(smp_wmb, smp_wmb, smp_rmb, smp_rmb);
    seqlock_without_first_rmb: Panic at ["torn"], seqlock(smp_wmb, smp_wmb, nothing, smp_rmb) => seqlock(smp_wmb, smp_wmb, smp_rmb, smp_rmb);
    seqlock_without_second_rmb: Panic at ["torn"], seqlock(smp_wmb, smp_wmb, smp_rmb, nothing) => seqlock(smp_wmb, smp_wmb, smp_rmb, smp_rmb);
    /// A release orders what comes before it: the data that follows may come first.
    seqlock_begun_by_a_release: Panic at ["torn, by release"], by_release(true, false) => by_release(false, false);
    /// An acquire orders what comes after it: the data that precedes may come last.
    seqlock_ended_by_an_acquire: Panic at ["torn, by release"], by_release(false, true) => by_release(false, false);
    seqlock_read_while_odd: Panic at ["torn, unlooked"], looks(false, true) => looks(true, true);
    seqlock_read_but_once: Panic at ["torn, unlooked"], looks(true, false) => looks(true, true);
    seqlock_of_plain_data: DataRace at ["written plainly", "read plainly"], plain(false) => plain(true);
    seqlock_with_two_writers: Panic at ["torn by two"], writers(false) => writers(true);
}

fn seqlock(after_odd: Fence, before_even: Fence, after_first: Fence, before_second: Fence) -> impl Model {
    move || {
        let [counter, a, b] = &zeros();
        let write = || {
            counter.store(1, Relaxed);
            after_odd();
            a.store(1, Relaxed);
            b.store(1, Relaxed);
            before_even();
            counter.store(2, Relaxed);
        };
        let read = || {
            let before = counter.load(Relaxed);
            after_first();
            let data = (a.load(Relaxed), b.load(Relaxed));
            before_second();
            (before % 2 == 0 && counter.load(Relaxed) == before).then_some(data)
        };
        let (_, data) = both(write, read);
        assert!(data.is_none_or(|(a, b)| a == b), "torn");
    }
}

fn by_release(begin: bool, end: bool) -> impl Model {
    move || {
        let [counter, a, b] = &zeros();
        let write = || {
            if begin {
                counter.store(1, Release);
            } else {
                counter.store(1, Relaxed);
                smp_wmb();
            }
            a.store(1, Relaxed);
            b.store(1, Relaxed);
            counter.store(2, Release);
        };
        let read = || {
            let before = counter.load(Acquire);
            let data = (a.load(Relaxed), b.load(Relaxed));
            let after = if end {
                counter.load(Acquire)
            } else {
                smp_rmb();
                counter.load(Relaxed)
            };
            (before % 2 == 0 && after == before).then_some(data)
        };
        let (_, data) = both(write, read);
        assert!(data.is_none_or(|(a, b)| a == b), "torn, by release");
    }
}

fn looks(whether_odd: bool, again: bool) -> impl Model {
    move || {
        let [counter, a, b] = &zeros();
        let write = || {
            counter.store(1, Relaxed);
            smp_wmb();
            a.store(1, Relaxed);
            b.store(1, Relaxed);
            counter.store(2, Release);
        };
        let read = || {
            let before = counter.load(Acquire);
            let data = (a.load(Relaxed), b.load(Relaxed));
            smp_rmb();
            let is_even = !whether_odd || before % 2 == 0;
            (is_even && (!again || counter.load(Relaxed) == before)).then_some(data)
        };
        let (_, data) = both(write, read);
        assert!(data.is_none_or(|(a, b)| a == b), "torn, unlooked");
    }
}

/// To look afterwards whether there was a race does not undo it: without marked accesses, the mend is not to read while
/// somebody writes.
fn plain(wait: bool) -> impl Model {
    move || {
        let (counter, data) = (Atomic::new(0_u32), Plain::new(0));
        let write = || {
            counter.store(1, Relaxed);
            smp_wmb();
            data.set(1); // written plainly
            counter.store(2, Release);
        };
        let read = || {
            let before = counter.load(Acquire);
            if before == 2 || !wait {
                data.get(); // read plainly
            }
        };
        both(write, read);
    }
}

fn writers(exclude: bool) -> impl Model {
    move || {
        let [counter, a, b] = &zeros();
        let lock = SpinLock::new(());
        let write = |value: u32| {
            let _guard = exclude.then(|| lock.lock());
            let before = counter.load(Relaxed);
            counter.store(before + 1, Relaxed);
            smp_wmb();
            a.store(value, Relaxed);
            b.store(value, Relaxed);
            counter.store(before + 2, Release);
        };
        both(|| write(1), || write(2));
        assert_eq!(a.load(Relaxed), b.load(Relaxed), "torn by two");
    }
}

//! Reference counts.
//!
//! Who drops a reference releases what was done with the object; who drops the last one acquires that, and frees it. To
//! free is to write here.

use crate::pair::*;

pairs! {
    count_dropped_without_release: DataRace at ["used before it is dropped", "freed by the last"],
        last(Relaxed, smp_mb) => last(Release, smp_mb);
    count_dropped_without_acquire: DataRace at ["used before it is dropped", "freed by the last"],
        last(Release, nothing) => last(Release, smp_mb);
    count_dropped_in_two_steps: Panic at ["freed by none or twice"], two_steps(false) => two_steps(true);
    count_read_again_to_see_who_is_last: Panic at ["freed by whoever looks"], reads_again(true) => reads_again(false);
    /// To take a reference from a count that may be zero.
    count_taken_from_zero: DataRace at ["freed at zero"], upgrade(false) => upgrade(true);
    /// To take what is shared with nobody, one must acquire what the others released.
    count_seen_one_without_acquire: DataRace at ["used by another", "taken as the only one"], unique(Relaxed) => unique(Acquire);
    count_that_wraps: Panic at ["as if the last"], saturates(false) => saturates(true);
}

fn last(drop: impl Update, before_free: Fence) -> impl Model {
    move || {
        let (count, object) = (Atomic::new(2_u32), Plain::new(1));
        let drop = || {
            object.get(); // used before it is dropped
            if count.fetch_sub(1, drop) == 1 {
                before_free();
                object.set(0); // freed by the last
            }
        };
        both(drop, drop);
    }
}

fn two_steps(at_once: bool) -> impl Model {
    move || {
        let (count, freed) = (Atomic::new(2_u32), Atomic::new(0_u32));
        let drop = || {
            let before = if at_once {
                count.fetch_sub(1, Full)
            } else {
                let before = count.load(Acquire);
                count.store(before - 1, Release);
                before
            };
            if before == 1 {
                freed.add(1, Relaxed);
            }
        };
        both(drop, drop);
        assert_eq!(freed.load(Relaxed), 1, "freed by none or twice");
    }
}

fn reads_again(again: bool) -> impl Model {
    move || {
        let (count, freed) = (Atomic::new(2_u32), Atomic::new(0_u32));
        let drop = || {
            let before = count.fetch_sub(1, Full);
            if if again { count.load(Acquire) == 0 } else { before == 1 } {
                freed.add(1, Relaxed);
            }
        };
        both(drop, drop);
        assert_eq!(freed.load(Relaxed), 1, "freed by whoever looks");
    }
}

fn upgrade(unless_zero: bool) -> impl Model {
    move || {
        let (count, object) = (Atomic::new(1_u32), Plain::new(1));
        let drop = || {
            if count.fetch_sub(1, Release) == 1 {
                smp_mb();
                object.set(0); // freed at zero
            }
        };
        let upgrade = || {
            if unless_zero {
                let mut seen = count.load(Relaxed);
                loop {
                    if seen == 0 {
                        return;
                    }
                    match count.cmpxchg(seen, seen + 1, Acquire) {
                        Ok(_) => break,
                        Err(other) => seen = other,
                    }
                }
            } else {
                count.fetch_add(1, Acquire);
            }
            object.get();
            if count.fetch_sub(1, Release) == 1 {
                smp_mb();
                object.set(0); // freed at zero
            }
        };
        both(drop, upgrade);
    }
}

/// As `Arc::get_mut` of `std` was until RustBelt was carried over to weak memory (Dang et al., 2020).
fn unique(look: impl Load) -> impl Model {
    move || {
        let (count, object) = (Atomic::new(2_u32), Plain::new(1));
        let other = || {
            object.get(); // used by another
            count.fetch_sub(1, Release);
        };
        let get_mut = || {
            if count.load(look) == 1 {
                object.set(2); // taken as the only one
            }
        };
        both(other, get_mut);
    }
}

/// The kernel's `refcount_t` stays where it is when it is about to wrap. (A count of three bits here.)
fn saturates(saturate: bool) -> impl Model {
    move || {
        let count = Atomic::new(6_u32);
        let take = || {
            let before = count.fetch_add(1, Relaxed);
            if saturate && before >= 6 {
                count.store(6, Relaxed);
            }
        };
        both(take, take);
        assert_ne!(count.load(Relaxed) % 8, 0, "as if the last");
    }
}

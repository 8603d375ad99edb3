//! The work-stealing deque of Chase and Lev, for weak memory as by Lê, Pop, Cohen and Zappa Nardelli (2013).
//!
//! The owner pushes and takes at the bottom, thieves steal at the top. The last task is decided by an exchange of the top.
//! A full barrier in `take` and one in `steal` see to it that of an owner and a thief who are after the same task, one
//! sees the other.

use crate::pair::*;

pairs! {
    deque_taken_without_mb: Panic at ["a task is done twice"], deque(smp_wmb, smp_mb, true) => deque(smp_mb, smp_mb, true);
    deque_stolen_without_mb: Panic at ["a task is done twice"], deque(smp_mb, nothing, true) => deque(smp_mb, smp_mb, true);
    deque_stolen_with_rmb: Panic at ["a task is done twice"], deque(smp_mb, smp_rmb, true) => deque(smp_mb, smp_mb, true);
    deque_whose_last_task_is_not_decided: Panic at ["a task is done twice"],
        deque(smp_mb, smp_mb, false) => deque(smp_mb, smp_mb, true);
    deque_pushed_without_release: Panic at ["there is no such task"], stolen(Relaxed, Acquire) => stolen(Release, Acquire);
    deque_stolen_without_acquire: Panic at ["there is no such task"], stolen(Release, Relaxed) => stolen(Release, Acquire);
}

/// Two tasks; the owner takes one, and two thieves steal one each.
fn deque(in_take: Fence, in_steal: Fence, decide: bool) -> impl Model {
    move || {
        let (top, bottom) = (Atomic::new(0_i32), Atomic::new(2_i32));
        let take = || {
            let own = 1;
            bottom.store(own, Relaxed);
            in_take();
            let first = top.load(Relaxed);
            if first < own || (first == own && (!decide || top.cmpxchg(first, first + 1, Full).is_ok())) {
                return Some(own);
            }
            None
        };
        let steal = || {
            let first = top.load(Relaxed);
            in_steal();
            let end = bottom.load(Acquire);
            (first < end && top.cmpxchg(first, first + 1, Full).is_ok()).then_some(first)
        };
        let (a, b, c) = three(take, steal, steal);
        assert!((a.is_none() || (a != b && a != c)) && (b.is_none() || b != c), "a task is done twice");
    }
}

fn stolen(push: impl Store, see: impl Load) -> impl Model {
    move || {
        let [top, bottom, task] = &zeros();
        let push = || {
            task.store(7, Relaxed);
            bottom.store(1, push);
        };
        let steal = || {
            let (first, end) = (top.load(Relaxed), bottom.load(see));
            if first == end {
                return 7;
            }
            let found = task.load(Relaxed);
            if top.cmpxchg(first, first + 1, Full).is_ok() { found } else { 7 }
        };
        assert_eq!(both(push, steal).1, 7, "there is no such task");
    }
}

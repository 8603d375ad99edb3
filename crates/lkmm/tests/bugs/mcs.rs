//! The lock of Mellor-Crummey and Scott: a queue of those who wait, each at a flag of its own.
//!
//! Five orderings: a thread that finds the queue empty acquires what the last holder released by emptying it; one that does
//! not publishes its node, whose flag is up, to its predecessor, waits for the flag to come down, and acquires what was
//! released by that.

use crate::pair::*;

pairs! {
    mcs_without_acquire_of_the_queue: DataRace at ["held after MCS"],
        mcs(Relaxed, Release, Acquire, Release, Release) => mcs(Acquire, Release, Acquire, Release, Release);
    /// The flag comes down before it goes up, and stays up.
    mcs_without_publication_of_the_node: Livelock at ["has the flag come down?"],
        mcs(Acquire, Relaxed, Acquire, Release, Release) => mcs(Acquire, Release, Acquire, Release, Release);
    mcs_without_acquire_of_the_flag: DataRace at ["held after MCS"],
        mcs(Acquire, Release, Relaxed, Release, Release) => mcs(Acquire, Release, Acquire, Release, Release);
    mcs_without_release_of_the_queue: DataRace at ["held after MCS"],
        mcs(Acquire, Release, Acquire, Relaxed, Release) => mcs(Acquire, Release, Acquire, Release, Release);
    mcs_without_release_of_the_flag: DataRace at ["held after MCS"],
        mcs(Acquire, Release, Acquire, Release, Relaxed) => mcs(Acquire, Release, Acquire, Release, Release);
}

struct Node {
    next: Atomic<u32>,
    waits: Atomic<u32>,
}

fn mcs(
    enqueue: impl Update,
    publish: impl Store,
    wait: impl Load,
    empty: impl Update,
    hand_over: impl Store,
) -> impl Model {
    move || {
        // Nodes are known by their numbers, from 1.
        let nodes: [Node; 3] = std::array::from_fn(|_| Node { next: Atomic::new(0), waits: Atomic::new(0) });
        let (tail, data) = (Atomic::new(0_u32), Plain::new(0));
        let add = |own: u32| {
            let node = &nodes[own as usize];
            node.waits.store(1, Relaxed);
            let before = tail.xchg(own, enqueue);
            if before != 0 {
                nodes[before as usize].next.store(own, publish);
                while node.waits.load(wait) == 1 {
                    spin_loop(); // has the flag come down?
                }
            }
            data.increment(); // held after MCS
            if node.next.load(Relaxed) == 0 {
                if tail.cmpxchg(own, 0, empty).is_ok() {
                    return;
                }
                while node.next.load(Relaxed) == 0 {
                    spin_loop();
                }
            }
            nodes[node.next.load(Relaxed) as usize].waits.store(0, hand_over);
        };
        both(|| add(1), || add(2));
    }
}

//! Variables inside of what the model does not look into: a header with a count in front, a queue of nodes with flags.

use crate::pair::*;
use lkmm::cell::{Shared, Slot};
use std::ptr;

pairs! {
    count_in_front_of_a_header_in_two_steps: Panic at ["counted by both"], count(false) => count(true);
    flag_in_front_of_a_header_relaxed: Panic at ["written before the flag"], message(Relaxed) => message(Release);
    rest_of_a_header_read_too_early: DataRace at ["all but the count", "the header, when it is whole"],
        rest(Relaxed) => rest(Release);
    slot_with_a_flag_in_front_published_relaxed: DataRace at ["whole slot", "slot, when it is whole"],
        slot(Relaxed) => slot(Release);
    /// The next holder reads its successor twice, and the second time cannot see less.
    mcs_of_nodes_on_the_heap_handed_over_relaxed: DataRace at ["held after MCS"], mcs(Relaxed) => mcs(Release);
}

struct Header {
    count: Atomic<u32>,
    data: Atomic<u32>,
    length: u64,
}

fn header() -> Header {
    Header { count: Atomic::new(0), data: Atomic::new(0), length: 0 }
}

fn count(at_once: bool) -> impl Model {
    move || {
        let shared = Shared::new(header());
        // SAFETY: nobody changes more than the atomics in it.
        let add = || unsafe {
            shared.with(|header| {
                if at_once {
                    header.count.add(1, Relaxed);
                } else {
                    header.count.store(header.count.load(Relaxed) + 1, Relaxed);
                }
            });
        };
        both(add, add);
        // SAFETY: nobody else is left.
        unsafe { shared.with(|header| assert_eq!(header.count.load(Relaxed), 2)) }; // counted by both
    }
}

fn message(publish: impl Store) -> impl Model {
    move || {
        let shared = Shared::new(header());
        // SAFETY: as above.
        let write = || unsafe {
            shared.with(|header| {
                header.data.store(1, Relaxed);
                header.count.store(1, publish);
            });
        };
        // SAFETY: as above.
        let read = || unsafe {
            shared.with(|header| {
                if header.count.load(Acquire) == 1 {
                    assert_eq!(header.data.load(Relaxed), 1); // written before the flag
                }
            });
        };
        both(write, read);
    }
}

fn rest(publish: impl Store) -> impl Model {
    move || {
        let (shared, ready) = (Shared::new(header()), Atomic::new(0));
        let write = || {
            // SAFETY: whoever reads it waits until it is ready, if that is told.
            unsafe { shared.with_mut(|header| header.length = 5) }; // all but the count
            ready.store(1, publish);
        };
        let read = || {
            if ready.load(Acquire) == 1 {
                // SAFETY: as above.
                unsafe { shared.with(|header| assert_eq!((header.count.load(Relaxed), header.length), (0, 5))) }; // the header, when it is whole
            }
        };
        both(write, read);
    }
}

fn slot(publish: impl Store) -> impl Model {
    move || {
        let (slot, ready): (Slot<Header>, _) = (Slot::uninit(), Atomic::new(0));
        let write = || {
            // SAFETY: as above.
            unsafe { slot.write(header()) }; // whole slot
            ready.store(1, publish);
        };
        let read = || {
            if ready.load(Acquire) == 1 {
                // SAFETY: as above.
                unsafe { slot.assume_init_with(|header| assert_eq!(header.count.load(Relaxed), 0)) }; // slot, when it is whole
            }
        };
        both(write, read);
    }
}

struct Node {
    next: Atomic<*mut Node>,
    waits: Atomic<bool>,
}

fn mcs(hand_over: impl Store) -> impl Model {
    move || {
        let (tail, data) = (Atomic::new(ptr::null_mut::<Node>()), Plain::new(0));
        let add = || {
            let own = Box::into_raw(Box::new(Node { next: Atomic::new(ptr::null_mut()), waits: Atomic::new(true) }));
            // SAFETY: nodes stay to the end of the execution.
            let node = unsafe { &*own };
            let before = tail.xchg(own, Full);
            if !before.is_null() {
                // SAFETY: as above.
                unsafe { (*before).next.store(own, Release) };
                while node.waits.load(Acquire) {
                    spin_loop();
                }
            }
            data.increment(); // held after MCS
            if node.next.load(Relaxed).is_null() {
                if tail.cmpxchg(own, ptr::null_mut(), Release).is_ok() {
                    return;
                }
                while node.next.load(Relaxed).is_null() {
                    spin_loop();
                }
            }
            // SAFETY: as above; it is not null any more.
            unsafe { (*node.next.load(Relaxed)).waits.store(false, hand_over) };
        };
        both(add, add);
    }
}

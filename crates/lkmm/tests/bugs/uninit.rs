//! Reads of what nothing has initialised.

use crate::pair::*;
use lkmm::cell::Slot;
use lkmm::lock::Mutex;
use lkmm::rcu::read_lock;
use lkmm::thread;
use std::sync::Arc;

pairs! {
    ring_that_counts_before_it_writes: Uninit at ["taken from the ring"], ring(Ring::CountsFirst, 7_u32) => ring(Ring::Right, 7_u32);
    ring_of_objects_that_counts_before_it_writes: Uninit at ["taken from the ring"],
        ring(Ring::CountsFirst, [1_u8; 3]) => ring(Ring::Right, [1_u8; 3]);
    ring_that_reads_one_too_far: Uninit at ["taken from the ring"], ring(Ring::TooFar, 7_u64) => ring(Ring::Right, 7_u64);
    ring_that_takes_full_for_empty: Uninit at ["taken from the ring"], ring(Ring::NeverEmpty, 7_u8) => ring(Ring::Right, 7_u8);
    /// A read that races with the write is told as a race, even if it finds nothing.
    slot_written_without_release: DataRace at ["written before the flag", "behind the flag"], flags(0, Relaxed) => flags(0, Release);
    slot_of_another_flag: Uninit at ["behind the flag"], flags(1, Release) => flags(0, Release);
    slot_read_in_a_reader: Uninit at ["read in the reader"], reader(false) => reader(true);
    /// The accesses are ordered by a lock: no order is missing, but the condition.
    slot_read_whoever_comes_first: Uninit at ["under the lock"], locked(false) => locked(true);
    static_slot: Uninit at ["of the static"], of_static(false) => of_static(true);
    box_that_is_never_written: Uninit at ["of the new box"], boxed(Boxed::Uninit) => boxed(Boxed::Zeroed);
    box_that_is_written_in_part: Uninit at ["of the new box"], boxed(Boxed::First) => boxed(Boxed::Both);
    box_that_is_counted_up_from_nothing: Uninit at ["counts up"], counted(false) => counted(true);
    node_published_before_its_link: Uninit at ["follows the link"], node(false) => node(true);
}

#[derive(Clone, Copy, PartialEq)]
enum Ring {
    Right,
    CountsFirst,
    TooFar,
    NeverEmpty,
}

/// One thread puts two values into a ring of two slots, another takes what is there. A lock orders what they do.
fn ring<T: Copy + PartialEq + std::fmt::Debug + Send + Sync + 'static>(how: Ring, value: T) -> impl Model {
    move || {
        let (slots, tail) = ([Slot::uninit(), Slot::uninit()], Mutex::new(0_usize));
        let put = || {
            for slot in &slots {
                let mut guard = tail.lock();
                if how == Ring::CountsFirst {
                    *guard += 1;
                    drop(guard);
                    guard = tail.lock();
                }
                // SAFETY: that is the question.
                unsafe { slot.write(value) };
                if how != Ring::CountsFirst {
                    *guard += 1;
                }
            }
        };
        let take = || {
            let mut head = 0;
            for _ in 0..2 {
                let tail = tail.lock();
                let is_there = match how {
                    Ring::TooFar => head <= *tail && head < 2,
                    Ring::NeverEmpty => true,
                    _ => head < *tail,
                };
                if is_there {
                    // SAFETY: that is the question.
                    assert_eq!(unsafe { slots[head].assume_init_read() }, value); // taken from the ring
                    head += 1;
                }
            }
        };
        both(put, take);
    }
}

fn flags(which: usize, publish: impl Store) -> impl Model {
    move || {
        let (slots, ready) = ([Slot::uninit(), Slot::uninit()], [Atomic::new(false), Atomic::new(false)]);
        let write = |n: usize| {
            // SAFETY: that is the question.
            unsafe { slots[n].write(n as u32) }; // written before the flag
            ready[n].store(true, publish);
        };
        let read = || {
            if ready[0].load(Acquire) {
                // SAFETY: that is the question.
                let found = unsafe { slots[which].assume_init_with(|value| *value) }; // behind the flag
                assert_eq!(found, 0);
            }
        };
        both(|| write(0), read);
        write(1);
    }
}

fn reader(looks: bool) -> impl Model {
    move || {
        let (slot, ready) = (Slot::uninit(), Atomic::new(false));
        let write = || {
            // SAFETY: that is the question.
            unsafe { slot.write(String::from("a value")) };
            ready.store(true, Release);
        };
        let read = || {
            let _reader = read_lock();
            if looks && !ready.load(Acquire) {
                return;
            }
            // SAFETY: that is the question.
            assert_eq!(unsafe { slot.assume_init_with(|value| value.len()) }, 7); // read in the reader
        };
        if looks {
            both(write, read);
        } else {
            read();
            write();
        }
        // SAFETY: it was written, and nobody else has it.
        drop(unsafe { slot.assume_init_read() });
    }
}

fn locked(looks: bool) -> impl Model {
    move || {
        let (slot, is_there) = (Slot::uninit(), Mutex::new(false));
        let write = || {
            let mut is_there = is_there.lock();
            // SAFETY: that is the question.
            unsafe { slot.write(7_u16) };
            *is_there = true;
        };
        let read = || {
            let is_there = is_there.lock();
            if *is_there || !looks {
                // SAFETY: that is the question.
                assert_eq!(unsafe { slot.assume_init_read() }, 7); // under the lock
            }
        };
        both(write, read);
    }
}

fn of_static(writes: bool) -> impl Model {
    static SLOTS: [Slot<u32>; 2] = [Slot::uninit(), Slot::new(1)];
    static OBJECT: Slot<[u8; 5]> = Slot::uninit();
    move || {
        let child = thread::spawn(move || {
            if writes {
                // SAFETY: that is the question.
                unsafe {
                    SLOTS[0].write(1);
                    OBJECT.write([1; 5]);
                }
            }
        });
        child.join().unwrap();
        // SAFETY: that is the question.
        unsafe {
            assert_eq!(SLOTS[1].assume_init_read() + SLOTS[0].assume_init_read(), 2); // of the static
            assert_eq!(OBJECT.assume_init_read(), [1; 5]);
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Boxed {
    Uninit,
    Zeroed,
    First,
    Both,
}

fn boxed(how: Boxed) -> impl Model {
    type Pair = [Atomic<u32>; 2];
    move || {
        let pair: *mut Pair = match how {
            Boxed::Zeroed => Box::into_raw(Box::<Pair>::new([Atomic::new(0), Atomic::new(0)])),
            _ => Box::into_raw(Box::<Pair>::new_uninit()).cast(),
        };
        // SAFETY: the memory is there; what is in it is the question.
        unsafe {
            if matches!(how, Boxed::First | Boxed::Both) {
                (&raw mut (*pair)[0]).write(Atomic::new(1));
            }
            if how == Boxed::Both {
                // What memory is filled with is a value as well.
                (&raw mut (*pair)[1]).write(Atomic::new(0xd6d6_d6d6));
                let first = &(*pair)[0];
                first.store(0xb9b9_b9b9, Relaxed);
                both(|| first.load(Relaxed), || first.fetch_add(1, Relaxed));
                assert_eq!(first.load(Relaxed), 0xb9b9_b9ba);
            }
            (*pair)[1].load(Relaxed); // of the new box
            drop(Box::from_raw(pair));
        }
    }
}

fn counted(written: bool) -> impl Model {
    move || {
        let count = Box::into_raw(Box::<Atomic<u64>>::new_uninit()).cast::<Atomic<u64>>();
        // SAFETY: as above.
        unsafe {
            if written {
                // A store initialises, too.
                (*count).store(0, Relaxed);
            }
            (*count).fetch_add(1, Relaxed); // counts up
            drop(Box::from_raw(count));
        }
    }
}

fn node(linked: bool) -> impl Model {
    struct Node {
        value: u32,
        next: Atomic<usize>,
    }
    move || {
        let head = Arc::new(Atomic::new(0_usize));
        let there = head.clone();
        let child = thread::spawn(move || {
            let found = there.load(Acquire) as *const Node;
            // SAFETY: as above.
            if let Some(node) = unsafe { found.as_ref() } {
                assert_eq!((node.value, node.next.load(Relaxed)), (1, 0)); // follows the link
            }
        });
        let node = Box::into_raw(Box::<Node>::new_uninit()).cast::<Node>();
        // SAFETY: as above.
        unsafe {
            (&raw mut (*node).value).write(1);
            if linked {
                (*node).next.store(0, Relaxed);
            }
            head.store(node as usize, Release);
            if !linked {
                (*node).next.store(0, Relaxed);
            }
            child.join().unwrap();
            drop(Box::from_raw(node));
        }
    }
}

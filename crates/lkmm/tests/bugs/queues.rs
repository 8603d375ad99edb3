//! Stacks, queues and buffers without locks.

use crate::pair::*;

pairs! {
    stack_pushed_without_release: DataRace at ["what is pushed", "what is popped"], stack(Relaxed) => stack(Release);
    /// The head is what it was before, and yet the stack is another one.
    stack_whose_head_comes_back: Panic at ["popped twice"], stack_reused(0) => stack_reused(1);
    stack_pushed_in_two_steps: Panic at ["a push is lost"], stack_pushes(false) => stack_pushes(true);

    queue_linked_without_release: DataRace at ["what is enqueued", "what is dequeued"], queue(Relaxed) => queue(Release);
    queue_linked_in_two_steps: Panic at ["a node is lost"], queue_links(false) => queue_links(true);

    ring_filled_without_release: DataRace at ["into the ring", "out of the ring"],
        ring(Relaxed, Acquire, Release, Acquire) => ring(Release, Acquire, Release, Acquire);
    ring_filled_without_acquire: DataRace at ["into the ring", "out of the ring"],
        ring(Release, Relaxed, Release, Acquire) => ring(Release, Acquire, Release, Acquire);
    ring_emptied_without_release: DataRace at ["into the ring", "out of the ring"],
        ring(Release, Acquire, Relaxed, Acquire) => ring(Release, Acquire, Release, Acquire);
    ring_emptied_without_acquire: DataRace at ["into the ring", "out of the ring"],
        ring(Release, Acquire, Release, Relaxed) => ring(Release, Acquire, Release, Acquire);
    ring_with_two_producers: DataRace at ["into the slot"], producers(false) => producers(true);

    /// As in a triple buffer: the exchange hands one buffer over, and takes another one back.
    buffers_exchanged_without_release: DataRace at ["written to the back", "read at the front"],
        buffers(Acquire, Full, false) => buffers(Full, Full, false);
    buffers_exchanged_without_acquire: DataRace at ["written to the back", "read at the front"],
        buffers(Full, Release, true) => buffers(Full, Full, true);
    /// The number of the buffer is what the buffer is found by, which orders as an acquire does; a comparison does not.
    buffers_exchanged_and_compared: DataRace at ["written to the back", "read at the front"],
        buffers(Full, Release, true) => buffers(Full, Release, false);
}

/// A node, known by its number from 1.
struct Node {
    value: Plain,
    next: Atomic<u32>,
}

fn nodes<const N: usize>() -> [Node; N] {
    std::array::from_fn(|_| Node { value: Plain::new(0), next: Atomic::new(0) })
}

/// Treiber's stack. (An exchange that fails acquires nothing, so the head is read again.)
fn stack(push: impl Update) -> impl Model {
    move || {
        let (nodes, head) = (nodes::<3>(), Atomic::new(0_u32));
        let add = |own: u32| {
            nodes[own as usize].value.set(own); // what is pushed
            let mut seen = head.load(Relaxed);
            loop {
                nodes[own as usize].next.store(seen, Relaxed);
                match head.cmpxchg(seen, own, push) {
                    Ok(_) => return,
                    Err(other) => seen = other,
                }
            }
        };
        let pop = || {
            loop {
                let seen = head.load(Acquire);
                if seen == 0 {
                    return 0;
                }
                if head.cmpxchg(seen, nodes[seen as usize].next.load(Relaxed), Relaxed).is_ok() {
                    return nodes[seen as usize].value.get(); // what is popped
                }
            }
        };
        three(|| add(1), || add(2), pop);
    }
}

/// The head is a node's number, and a count in tens, to which each pop adds this.
fn stack_reused(tag: u32) -> impl Model {
    move || {
        let (nodes, head) = (nodes::<3>(), Atomic::new(1_u32));
        nodes[1].next.store(2, Relaxed);
        let pop = || {
            loop {
                let seen = head.load(Acquire);
                if seen % 10 == 0 {
                    return 0;
                }
                let next = nodes[seen as usize % 10].next.load(Relaxed) + 10 * (seen / 10 + tag);
                if head.cmpxchg(seen, next, Full).is_ok() {
                    return seen % 10;
                }
            }
        };
        let push = |own: u32| {
            let mut seen = head.load(Relaxed);
            loop {
                nodes[own as usize].next.store(seen % 10, Relaxed);
                match head.cmpxchg(seen, own + 10 * (seen / 10), Release) {
                    Ok(_) => return,
                    Err(other) => seen = other,
                }
            }
        };
        let pops_and_pushes = || {
            let (first, second) = (pop(), pop());
            if first == 1 && second == 2 {
                push(1);
            }
            second
        };
        let (here, second) = both(pop, pops_and_pushes);
        let last = pop();
        assert!(second != 2 || (here != 2 && last != 2), "popped twice");
    }
}

fn stack_pushes(at_once: bool) -> impl Model {
    move || {
        let (nodes, head) = (nodes::<3>(), Atomic::new(0_u32));
        let push = |own: u32| {
            if at_once {
                let mut seen = head.load(Relaxed);
                nodes[own as usize].next.store(seen, Relaxed);
                while let Err(other) = head.cmpxchg(seen, own, Release) {
                    seen = other;
                    nodes[own as usize].next.store(seen, Relaxed);
                }
            } else {
                nodes[own as usize].next.store(head.load(Relaxed), Relaxed);
                head.store(own, Release);
            }
        };
        both(|| push(1), || push(2));
        let first = head.load(Relaxed);
        let second = nodes[first as usize].next.load(Relaxed);
        assert_eq!(first + second, 3, "a push is lost");
    }
}

/// The queue of Michael and Scott, with a node 0 that is no value, and the link of a last node 9.
fn queue(link: impl Update) -> impl Model {
    move || {
        let (nodes, head, tail) = (nodes::<3>(), Atomic::new(0_u32), Atomic::new(0_u32));
        nodes.iter().for_each(|node| node.next.store(9, Relaxed));
        let enqueue = |own: u32| {
            nodes[own as usize].value.set(own); // what is enqueued
            loop {
                let last = tail.load(Acquire);
                match nodes[last as usize].next.cmpxchg(9, own, link) {
                    Ok(_) => {
                        let _ = tail.cmpxchg(last, own, Release);
                        return;
                    }
                    Err(next) => _ = tail.cmpxchg(last, next, Release),
                }
            }
        };
        let dequeue = || {
            let first = head.load(Relaxed);
            let next = nodes[first as usize].next.load(Acquire);
            if next != 9 && head.cmpxchg(first, next, Relaxed).is_ok() {
                nodes[next as usize].value.get(); // what is dequeued
            }
        };
        three(|| enqueue(1), || enqueue(2), dequeue);
    }
}

fn queue_links(at_once: bool) -> impl Model {
    move || {
        let (nodes, tail) = (nodes::<3>(), Atomic::new(0_u32));
        let enqueue = |own: u32| {
            if at_once {
                let last = tail.xchg(own, Full);
                nodes[last as usize].next.store(own, Release);
            } else {
                let last = tail.load(Acquire);
                nodes[last as usize].next.store(own, Release);
                tail.store(own, Release);
            }
        };
        both(|| enqueue(1), || enqueue(2));
        let first = nodes[0].next.load(Relaxed);
        let second = nodes[first as usize].next.load(Relaxed);
        assert_eq!(first + second, 3, "a node is lost");
    }
}

/// A ring of one slot, one producer and one consumer.
fn ring(fill: impl Store, see_filled: impl Load, empty: impl Store, see_emptied: impl Load) -> impl Model {
    move || {
        let [head, tail] = &zeros();
        let slot = Plain::new(0);
        let produce = || {
            for n in 0..2 {
                if n - head.load(see_emptied) == 1 {
                    return;
                }
                slot.set(n); // into the ring
                tail.store(n + 1, fill);
            }
        };
        let consume = || {
            if tail.load(see_filled) != 0 {
                slot.get(); // out of the ring
                head.store(1, empty);
            }
        };
        both(produce, consume);
    }
}

fn producers(claim: bool) -> impl Model {
    move || {
        let (tail, slots) = (Atomic::new(0_u32), [Plain::new(0), Plain::new(0)]);
        let produce = |value: u32| {
            let own = if claim {
                tail.fetch_add(1, Relaxed)
            } else {
                let own = tail.load(Relaxed);
                tail.store(own + 1, Release);
                own
            };
            slots[own as usize].set(value); // into the slot
        };
        both(|| produce(1), || produce(2));
    }
}

/// The word says which buffer is between the two, plus ten if it is new.
fn buffers(hand_over: impl Update, take: impl Update, compare: bool) -> impl Model {
    move || {
        let (between, buffers) = (Atomic::new(1_u32), [Plain::new(0), Plain::new(0), Plain::new(0)]);
        let produce = || {
            let mut back = 0;
            for value in 1..3 {
                buffers[back as usize].set(value); // written to the back
                back = between.xchg(back + 10, hand_over) % 10;
            }
        };
        let consume = || {
            buffers[2].get(); // read at the front
            if between.load(Relaxed) >= 10 {
                let front = between.xchg(2, take) % 10;
                match front {
                    0 if compare => buffers[0].get(),       // read at the front
                    1 if compare => buffers[1].get(),       // read at the front
                    front => buffers[front as usize].get(), // read at the front
                };
            }
        };
        both(produce, consume);
    }
}

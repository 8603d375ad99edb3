//! How many executions there are: numbers that theory gives, and for classic algorithms the number that an enumerator
//! gives which runs the same closures and tries everything.
//!
//! What the threads share is on the stack of the first one, so that its address is the same in every run.

#[path = "common/naive.rs"]
mod naive;

#[path = "../../lkmm-search/tests/common/preemptions.rs"]
mod preemptions;

use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::check::{Builder, ClosureProgram, DependencyMode, models};
use lkmm::lock::SpinLock;
use lkmm::rcu::{self, Rcu};
use lkmm::{barrier, hint, thread};
use lkmm_search::open::{self, Options, Strategy};
use preemptions::fewest_preemptions;
use std::ops::ControlFlow;
use std::ptr;

/// More graphs than this the enumerator does not try.
const GRAPHS: usize = 200_000;

/// The threads that the search prefers.
const SCHEDULES: [&[usize]; 3] = [&[], &[2, 1, 0, 3], &[0, 2, 1, 3]];

/// The number of executions by the search, none of which fails.
fn search(f: impl Fn() + Send + Sync + 'static) -> u64 {
    let report = Builder::new().dependencies(DependencyMode::Declared).explore(f);
    println!("{report}");
    assert!(report.failure().is_none() && report.complete());
    report.executions()
}

/// The numbers of executions and of those with a cycle, by the enumerator and by the search, whichever threads it prefers.
fn count(f: impl Fn() + Send + Sync + Copy + 'static) -> (u64, u64) {
    let naive = naive::count(&mut ClosureProgram::new(f), GRAPHS);
    println!("{naive:?}");
    for schedule in SCHEDULES.map(Vec::from) {
        let options = Options { schedule, ..Options::new(models::lkmm()) };
        let found = open::explore(&mut ClosureProgram::new(f), &options, &mut |_| ControlFlow::Continue(()));
        let found = found.expect("the program has a meaning");
        assert_eq!((found.executions, found.cyclic), (naive.executions, naive.cyclic), "{:?}", options.schedule);
    }
    (naive.executions, naive.cyclic)
}

fn factorial(n: u64) -> u64 {
    (1..=n).product()
}

/// `n` threads that each do something with a variable.
fn together(n: u64, each: fn(&Atomic<u64>, u64)) -> impl Fn() + Send + Sync + Copy + 'static {
    move || {
        let x = Atomic::new(0);
        thread::scope(|s| {
            for i in 1..=n {
                let x = &x;
                s.spawn(move || each(x, i));
            }
        });
    }
}

/// `n` threads in a ring: each does something with its own variable and with that of the next.
fn ring(n: usize, each: fn(&Atomic<u32>, &Atomic<u32>) -> u32) -> impl Fn() + Send + Sync + Copy + 'static {
    move || {
        let x: [Atomic<u32>; 12] = std::array::from_fn(|_| Atomic::new(0));
        thread::scope(|s| {
            for i in 0..n {
                let (own, next) = (&x[i], &x[(i + 1) % n]);
                s.spawn(move || each(own, next));
            }
        });
    }
}

fn increment(x: &Atomic<u64>, _: u64) {
    x.fetch_add(1, Relaxed);
}

fn write(x: &Atomic<u64>, value: u64) {
    x.store(value, Relaxed);
}

#[test]
fn a_counter_has_n_factorial_executions() {
    for n in 1..=7 {
        assert_eq!(search(together(n, increment)), factorial(n));
    }
    for n in 1..=4 {
        assert_eq!(count(together(n, increment)), (factorial(n), 0));
    }
}

#[test]
fn writers_have_n_factorial_executions() {
    for n in 1..=7 {
        assert_eq!(search(together(n, write)), factorial(n));
    }
    for n in 1..=4 {
        assert_eq!(count(together(n, write)), (factorial(n), 0));
    }
}

fn write_then_read(own: &Atomic<u32>, next: &Atomic<u32>) -> u32 {
    own.store(1, Relaxed);
    next.load(Relaxed)
}

fn write_fence_then_read(own: &Atomic<u32>, next: &Atomic<u32>) -> u32 {
    own.store(1, Relaxed);
    barrier::smp_mb();
    next.load(Relaxed)
}

fn read_then_write(own: &Atomic<u32>, next: &Atomic<u32>) -> u32 {
    let seen = own.load(Relaxed);
    next.store(1, Relaxed);
    seen
}

#[test]
fn rings_of_store_buffering() {
    for n in 2..=7 {
        assert_eq!(search(ring(n, write_then_read)), 1 << n);
        assert_eq!(search(ring(n, write_fence_then_read)), (1 << n) - 1);
    }
    for n in 2..=3 {
        assert_eq!(count(ring(n, write_then_read)), (1 << n, 0));
        assert_eq!(count(ring(n, write_fence_then_read)), ((1 << n) - 1, 0));
    }
}

#[test]
fn rings_of_load_buffering() {
    for n in 2..=7 {
        assert_eq!(search(ring(n, read_then_write)), 1 << n);
    }
    for n in 2..=3 {
        assert_eq!(count(ring(n, read_then_write)), (1 << n, 1));
    }
}

#[test]
fn what_a_thread_returned_decides_whether_another_does_the_same() {
    for wanted in [0, 1] {
        let counted = count(move || {
            let [w, x, y, z] = [0; 4].map(Atomic::new);
            thread::scope(|s| {
                s.spawn(|| {
                    z.load(Relaxed);
                    y.store(1, Relaxed);
                });
                s.spawn(|| x.store(1, Relaxed));
                let seen = s.spawn(|| x.load(Relaxed)).join().unwrap();
                let other = y.load(Relaxed) == 1 && seen == wanted;
                if other { w.store(1, Relaxed) } else { z.store(1, Relaxed) }
            });
        });
        assert_eq!(counted.1, 1);
    }
}

#[test]
fn what_a_thread_was_given_decides_whether_it_does_the_same() {
    for wanted in [0, 1] {
        let counted = count(move || {
            let [w, x, y, z] = [0; 4].map(Atomic::new);
            thread::scope(|s| {
                let (w, y, z) = (&w, &y, &z);
                s.spawn(move || {
                    z.load(Relaxed);
                    y.store(1, Relaxed);
                });
                s.spawn(|| x.store(1, Relaxed));
                let seen = x.load(Relaxed);
                s.spawn(move || {
                    let other = y.load(Relaxed) == 1 && seen == wanted;
                    if other { w.store(1, Relaxed) } else { z.store(1, Relaxed) }
                });
            });
        });
        assert_eq!(counted.1, 1);
    }
}

#[test]
fn a_ticket_lock() {
    fn program(threads: u32) -> impl Fn() + Send + Sync + Copy {
        move || {
            let (next, owner, data) = (Atomic::new(0_u32), Atomic::new(0_u32), Shared::new(0_u32));
            thread::scope(|s| {
                for _ in 0..threads {
                    s.spawn(|| {
                        let ticket = next.fetch_add(1, Relaxed);
                        while owner.load(Acquire) != ticket {
                            hint::spin_loop();
                        }
                        // SAFETY: the lock is held.
                        unsafe { data.with_mut(|data| *data += 1) };
                        owner.store(ticket + 1, Release);
                    });
                }
            });
            assert_eq!(data.into_inner(), threads);
        }
    }
    assert_eq!(count(program(2)), (2, 0));
    assert_eq!(count(program(3)), (6, 0));
}

#[test]
fn a_spin_lock() {
    fn program(threads: u32) -> impl Fn() + Send + Sync + Copy {
        move || {
            let lock = SpinLock::new(0);
            thread::scope(|s| {
                for _ in 0..threads {
                    s.spawn(|| *lock.lock() += 1);
                }
                drop(lock.try_lock());
            });
        }
    }
    assert_eq!(count(program(1)), (3, 0));
    assert_eq!(count(program(2)), (10, 0));
}

/// A node of a stack, a queue or a list.
struct Node {
    value: Shared<u32>,
    next: Atomic<*mut Node>,
}

impl Node {
    fn new(value: u32) -> Node {
        Node { value: Shared::new(value), next: Atomic::new(ptr::null_mut()) }
    }
}

fn pointer(node: &Node) -> *mut Node {
    ptr::from_ref(node).cast_mut()
}

/// # Safety
/// The node is still there.
unsafe fn value(node: &Node) -> u32 {
    // SAFETY: nobody writes to it once it has been published.
    unsafe { node.value.get() }
}

/// Treiber's stack.
struct Stack(Atomic<*mut Node>);

impl Stack {
    fn push(&self, node: &Node) {
        let mut head = self.0.load(Relaxed);
        loop {
            node.next.store(head, Relaxed);
            match self.0.cmpxchg(head, pointer(node), Release) {
                Ok(_) => return,
                Err(found) => head = found,
            }
        }
    }

    fn pop(&self) -> Option<u32> {
        let mut head = self.0.load(Acquire);
        loop {
            // SAFETY: nodes outlive the stack.
            let node = unsafe { head.as_ref() }?;
            match self.0.cmpxchg(head, node.next.load(Relaxed), Acquire) {
                // SAFETY: as above.
                Ok(_) => return Some(unsafe { value(node) }),
                Err(found) => head = found,
            }
        }
    }
}

#[test]
fn a_treiber_stack() {
    fn program(pushes: usize, pops: usize) -> impl Fn() + Send + Sync + Copy {
        move || {
            let nodes = [1, 2, 3].map(Node::new);
            let stack = Stack(Atomic::new(ptr::null_mut()));
            thread::scope(|s| {
                let stack = &stack;
                for node in &nodes[..pushes] {
                    s.spawn(move || stack.push(node));
                }
                for _ in 0..pops {
                    s.spawn(move || stack.pop());
                }
            });
        }
    }
    let counts = [(1, 1), (1, 2), (2, 0), (2, 1), (3, 0)].map(|(pushes, pops)| count(program(pushes, pops)).0);
    assert_eq!(counts, [2, 7, 4, 26, 48]);
}

/// The queue of Michael and Scott.
struct Queue {
    head: Atomic<*mut Node>,
    tail: Atomic<*mut Node>,
}

impl Queue {
    fn enqueue(&self, node: &Node) {
        loop {
            let tail = self.tail.load(Acquire);
            // SAFETY: nodes outlive the queue, and its tail is never null.
            let last = unsafe { &*tail };
            let next = last.next.load(Acquire);
            if !next.is_null() {
                _ = self.tail.cmpxchg(tail, next, Release);
            } else if last.next.cmpxchg(ptr::null_mut(), pointer(node), Release).is_ok() {
                _ = self.tail.cmpxchg(tail, pointer(node), Release);
                return;
            }
        }
    }

    fn dequeue(&self) -> Option<u32> {
        loop {
            let head = self.head.load(Acquire);
            let tail = self.tail.load(Acquire);
            // SAFETY: as above.
            let next = unsafe { &*head }.next.load(Acquire);
            // SAFETY: as above.
            let first = unsafe { next.as_ref() }?;
            if head == tail {
                _ = self.tail.cmpxchg(tail, next, Release);
            }
            if self.head.cmpxchg(head, next, Release).is_ok() {
                // SAFETY: as above.
                return Some(unsafe { value(first) });
            }
        }
    }
}

#[test]
fn a_michael_scott_queue() {
    fn program(enqueues: usize, dequeues: usize) -> impl Fn() + Send + Sync + Copy {
        move || {
            let nodes = [0, 1, 2].map(Node::new);
            let queue = Queue { head: Atomic::new(pointer(&nodes[0])), tail: Atomic::new(pointer(&nodes[0])) };
            thread::scope(|s| {
                let queue = &queue;
                for node in &nodes[1..=enqueues] {
                    s.spawn(move || queue.enqueue(node));
                }
                for _ in 0..dequeues {
                    s.spawn(move || queue.dequeue());
                }
            });
        }
    }
    let counts = [(1, 1), (1, 2), (2, 0), (2, 1)].map(|(enqueues, dequeues)| count(program(enqueues, dequeues)).0);
    assert_eq!(counts, [4, 29, 16, 96]);
}

/// A thread in the queue of an MCS lock.
struct Waiter {
    next: Atomic<*mut Waiter>,
    waits: Atomic<bool>,
}

fn with_mcs_lock(tail: &Atomic<*mut Waiter>, own: &Waiter, then: impl FnOnce()) {
    let this = ptr::from_ref(own).cast_mut();
    // SAFETY: waiters outlive the lock.
    if let Some(before) = unsafe { tail.xchg(this, Full).as_ref() } {
        before.next.store(this, Release);
        while own.waits.load(Acquire) {
            hint::spin_loop();
        }
    }
    then();
    if own.next.load(Acquire).is_null() && tail.cmpxchg(this, ptr::null_mut(), Release).is_ok() {
        return;
    }
    loop {
        // SAFETY: as above.
        if let Some(next) = unsafe { own.next.load(Acquire).as_ref() } {
            return next.waits.store(false, Release);
        }
        hint::spin_loop();
    }
}

#[test]
fn an_mcs_lock() {
    fn program(threads: usize) -> impl Fn() + Send + Sync + Copy {
        move || {
            let waiters = [(); 3].map(|()| Waiter { next: Atomic::new(ptr::null_mut()), waits: Atomic::new(true) });
            let tail = Atomic::new(ptr::null_mut());
            let data = Shared::new(0);
            thread::scope(|s| {
                let (tail, data) = (&tail, &data);
                for own in &waiters[..threads] {
                    // SAFETY: the lock is held.
                    s.spawn(move || with_mcs_lock(tail, own, || unsafe { data.with_mut(|data| *data += 1) }));
                }
            });
            assert_eq!(data.into_inner(), threads);
        }
    }
    assert_eq!(count(program(2)), (6, 0));
    assert_eq!(count(program(3)), (66, 0));
}

#[test]
fn a_sequence_lock() {
    fn program(readers: usize, writes: u32) -> impl Fn() + Send + Sync + Copy {
        move || {
            let (sequence, data) = (Atomic::new(0_u32), [Atomic::new(0_u32), Atomic::new(0_u32)]);
            thread::scope(|s| {
                s.spawn(|| {
                    for n in 0..writes {
                        sequence.store(2 * n + 1, Relaxed);
                        barrier::smp_wmb();
                        data.iter().for_each(|x| x.store(n + 1, Relaxed));
                        sequence.store(2 * n + 2, Release);
                    }
                });
                for _ in 0..readers {
                    s.spawn(|| {
                        loop {
                            let before = sequence.load(Acquire);
                            if before % 2 == 0 {
                                let seen = [data[0].load(Relaxed), data[1].load(Relaxed)];
                                barrier::smp_rmb();
                                if sequence.load(Relaxed) == before {
                                    assert_eq!(seen[0], seen[1]);
                                    return;
                                }
                            }
                            hint::spin_loop();
                        }
                    });
                }
            });
        }
    }
    let counts = [(1, 1), (1, 2), (2, 1)].map(|(readers, writes)| count(program(readers, writes)).0);
    assert_eq!(counts, [2, 3, 4]);
}

/// An element of a list that is read under RCU, and outlives it.
struct Element(*mut Entry);

struct Entry {
    value: Shared<u32>,
    next: Rcu<Element>,
}

// SAFETY: entries are shared as references are.
unsafe impl Send for Element {}

// SAFETY: it is a pointer.
unsafe impl rcu::Pointer for Element {
    type Target = Entry;

    fn into_raw(self) -> *mut Entry {
        self.0
    }

    unsafe fn from_raw(raw: *mut Entry) -> Self {
        Element(raw)
    }
}

#[test]
fn an_rcu_list() {
    /// Readers go through a list of two, of which an updater takes the first.
    fn program(readers: usize) -> impl Fn() + Send + Sync + Copy {
        move || {
            let second = Entry { value: Shared::new(2), next: Rcu::empty() };
            let element = |entry: &Entry| Element(ptr::from_ref(entry).cast_mut());
            let first = Entry { value: Shared::new(1), next: Rcu::new(element(&second)) };
            let list = Rcu::new(element(&first));
            thread::scope(|s| {
                for _ in 0..readers {
                    s.spawn(|| {
                        let guard = rcu::read_lock();
                        let mut next = list.dereference(&guard);
                        while let Some(entry) = next {
                            // SAFETY: it is overwritten only when no reader sees it.
                            assert_ne!(unsafe { entry.value.get() }, 0);
                            next = entry.next.dereference(&guard);
                        }
                    });
                }
                drop(list.xchg(Some(element(&second))));
                // SAFETY: all readers that saw it are over.
                unsafe { first.value.set(0) };
            });
        }
    }
    assert_eq!([1, 2, 3].map(|readers| count(program(readers)).0), [2, 4, 8]);
}

/// How many executions of a closure there are with so many preemptions: by the search within a bound, and by a count for each execution.
fn count_preemptions(f: impl Fn() + Send + Sync + Copy + 'static) -> Vec<usize> {
    let explore = |strategy| {
        let mut counts = Vec::new();
        let options = Options { strategy, ..Options::new(models::lkmm()) };
        let found = &mut |found: &open::Found<'_>| {
            counts.extend(fewest_preemptions(&found.execution()));
            ControlFlow::Continue(())
        };
        open::explore(&mut ClosureProgram::new(f), &options, found).expect("the program has a meaning");
        counts.sort_unstable();
        counts
    };
    let all = explore(Strategy::Exhaustive);
    for most in 0..4 {
        let within: Vec<u32> = all.iter().copied().filter(|&n| n <= most).collect();
        assert_eq!(explore(Strategy::Preemptions(most)), within, "at most {most}");
    }
    (0..4).map(|n| all.iter().filter(|&&count| count == n).count()).collect()
}

#[test]
fn a_bound_on_preemptions_leaves_out_what_has_more() {
    let adders = |x: &Atomic<u64>, _| {
        x.fetch_add(1, Relaxed);
        x.fetch_add(1, Relaxed);
    };
    // Of the words over aabb and so on, by their blocks; those who spawn and join wait.
    assert_eq!(count_preemptions(together(2, adders)), [2, 2, 2, 0]);
    let ring = count_preemptions(ring(3, write_fence_then_read));
    assert_eq!(ring.iter().sum::<usize>(), 7);
    // The first thread goes on when it has started the others, unless it is preempted then; nobody has to be otherwise.
    let handed_over = count_preemptions(|| {
        let lock = SpinLock::new(0);
        thread::scope(|s| {
            for _ in 0..3 {
                s.spawn(|| {
                    *lock.lock() += 1;
                });
            }
            *lock.lock() += 1;
        });
    });
    assert_eq!(handed_over, [6, 18, 0, 0]);
    count_preemptions(|| {
        let (x, y, lock) = (Atomic::new(0), Atomic::new(0), SpinLock::new(()));
        thread::scope(|s| {
            let writer = s.spawn(|| {
                x.store(1, Relaxed);
                drop(lock.lock());
                y.store(1, Relaxed);
                y.store(2, Relaxed);
            });
            let reader = s.spawn(|| {
                y.load(Relaxed);
                drop(lock.try_lock());
                x.load(Relaxed)
            });
            reader.join().unwrap();
            x.store(2, Relaxed);
            writer.join().unwrap();
            y.load(Relaxed)
        });
    });
}

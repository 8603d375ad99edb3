//! Threads, and the stacks that they are on.

use super::current::Current;
use super::turn::Turn;
use super::{AHEAD, Runtime, running};
use crate::heap::{self, Arena};
use crate::history::History;
use crate::locations::CellId;
use crate::operation::{Kind, Operation};
use crate::stack::ReusedStack;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};
use lkmm_model::program::LocationId;
use lkmm_search::open::Answer;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::{self, NonNull};

type Thread = Coroutine<(), (), (), ReusedStack>;

/// A thread, of this run or of an earlier one.
pub(crate) struct Slot {
    pub(super) number: u32,
    pub(super) stack: NonNull<DefaultStack>,
    /// From where it allocates, if the model heap is there.
    pub(super) arena: Option<Arena>,
    pub(super) coroutine: Option<Thread>,
    pub(super) yielder: *const Yielder<(), ()>,
    /// What it has done and not yet reported, from `reported` on.
    pub(super) ahead: Vec<Operation>,
    pub(super) reported: usize,
    /// It waits for an answer.
    pub(super) asks: bool,
    /// It was given an answer that makes no sense in this run, and is not run again: what was so before, and what is now.
    pub(super) refused: Option<[&'static str; 2]>,
    /// It has read at this origin what was not initialised, and is not run again.
    pub(super) has_read_uninit: Option<u32>,
    /// The last operation that was reported.
    pub(super) pending: Option<Pending>,
    /// Its end has been reported.
    pub(super) has_ended: bool,
    /// What that was answered.
    pub(super) result: u64,
    /// The number of the event that it was.
    pub(super) answered: u32,
    /// How many events it has performed.
    pub(super) events: u32,
    /// How many threads it has spawned.
    pub(super) spawned: u32,
    /// Where what it returned is: a `ManuallyDrop<std::thread::Result<T>>` on its stack.
    pub(super) returned: *mut (),
    /// It has joined a thread that had panicked.
    pub(super) joined_a_panic: bool,
    /// What it may know otherwise than by reading a pointer: of threads, the first so many bytes of their arenas.
    pub(super) there: Vec<(u32, u32)>,
    /// The objects to which it has followed pointers.
    pub(super) followed: Vec<Followed>,
    /// The readers that it is in, of RCU or of an SRCU domain, with the origins where they began.
    pub(super) readers: Vec<(Option<CellId>, u32)>,
    /// The addresses of the spinlocks that it holds, with the origins where it took them.
    pub(super) spinlocks: Vec<(usize, u32)>,
    /// Its address is that of the token of `park`.
    pub(super) token: u64,
    /// The read that the value of a store depends on.
    pub(super) carried: Option<u32>,
    /// The reads that what it does now depends on.
    pub(super) branch: u32,
    /// What it has done since it last let others run.
    pub(super) turn: Turn,
    /// What it was answered.
    pub(super) answers: Vec<Answer>,
    /// What the events of an execution are to the thread; kept under the model heap.
    pub(super) history: History,
    /// Its thread-locals, in the order in which they were made. None when they have been dropped.
    pub(super) locals: Option<Vec<Local>>,
}

/// A variable of a thread.
pub(super) struct Local {
    /// Which variable.
    pub(super) key: usize,
    pub(super) value: *mut (),
    pub(super) drop: unsafe fn(*mut ()),
}

/// An operation that was reported.
#[derive(Clone, Copy)]
pub(super) struct Pending {
    /// Which of those that the thread did ahead.
    pub(super) at: usize,
    pub(super) origin: u32,
    pub(super) location: LocationId,
}

/// An object that a thread knows from a pointer that it read.
pub(super) struct Followed {
    pub(super) object: Range<usize>,
    /// The number of the read.
    pub(super) read: u32,
}

impl Slot {
    /// The operation that was reported last.
    pub(super) fn pending(&self) -> Option<Operation> {
        self.pending.map(|pending| self.ahead[pending.at])
    }

    /// Does it wait for the answer to what was reported last?
    pub(super) fn is_asking(&self) -> bool {
        self.asks && self.reported == self.ahead.len()
    }
}

impl Runtime {
    /// The slot of a thread, which is made if there never was one.
    pub(super) fn slot(&mut self, thread: u32) -> NonNull<Slot> {
        while self.slots.len() <= thread as usize {
            let arena = self.has_heap.then(Arena::new).flatten();
            arena.iter().for_each(|arena| arena.fill_with(self.fill));
            let stack = DefaultStack::new(self.stack_size).expect("memory for the stack of a thread");
            let slot = Slot {
                number: self.slots.len() as u32,
                stack: NonNull::from(Box::leak(Box::new(stack))),
                arena,
                coroutine: None,
                yielder: ptr::null(),
                ahead: Vec::with_capacity(AHEAD + 1),
                reported: 0,
                asks: false,
                refused: None,
                has_read_uninit: None,
                pending: None,
                has_ended: false,
                result: 0,
                answered: 0,
                events: 0,
                spawned: 0,
                returned: ptr::null_mut(),
                joined_a_panic: false,
                there: Vec::new(),
                followed: Vec::new(),
                readers: Vec::new(),
                spinlocks: Vec::new(),
                token: 0,
                carried: None,
                branch: 0,
                turn: Turn::default(),
                answers: Vec::new(),
                history: History::default(),
                locals: None,
            };
            self.slots.push(NonNull::from(Box::leak(Box::new(slot))));
            self.children.push(Vec::new());
        }
        self.slots[thread as usize]
    }

    /// Starts a thread: it runs when the search wants its first step.
    pub(super) fn start<T>(&mut self, thread: u32, closure: impl FnOnce() -> T) {
        let place = self.slot(thread).as_ptr();
        let is_kept = self.lives.is_some();
        self.started.push(thread);
        let body = move |yielder: &Yielder<(), ()>, ()| {
            // SAFETY: the slot is alive as long as the runtime, which outlives the coroutine; the yielder stays where it is
            // while the coroutine lives.
            unsafe { (*place).yielder = yielder };
            let returned = catch_unwind(AssertUnwindSafe(closure));
            let dropped = catch_unwind(|| running().into_iter().for_each(|runtime| Current::of(runtime).drop_locals()));
            let mut returned = ManuallyDrop::new(dropped.and(returned));
            // SAFETY: this is a thread of the runtime, and it is running.
            unsafe {
                let runtime = running().expect("a thread runs in its runtime").as_ptr();
                heap::use_arena(None);
                let kind = if returned.is_ok() { Kind::End } else { Kind::Failed((*runtime).number_panic()) };
                (*place).returned = (&raw mut returned).cast();
                (*place).ahead.push(Operation::new(kind, Location::caller()));
                loop {
                    (*(*place).yielder).suspend(());
                }
            }
        };
        // SAFETY: no thread runs on this stack: that of the last run has been abandoned, and no thread is started twice in
        // one run. What the closure borrows outlives the coroutine: it comes from the runtime, or from a thread that does
        // not end, or whose stack is not reset, earlier.
        unsafe {
            let slot = &mut *place;
            slot.ahead.clear();
            slot.there.clear();
            slot.followed.clear();
            slot.history.begin(is_kept);
            slot.answers.clear();
            (slot.carried, slot.branch, slot.turn) = (None, 0, Turn::default());
            slot.readers.clear();
            slot.spinlocks.clear();
            slot.locals.get_or_insert_default().clear();
            (slot.joined_a_panic, slot.refused, slot.has_read_uninit) = (false, None, None);
            (slot.reported, slot.events, slot.spawned, slot.answered) = (0, 0, 0, 0);
            (slot.asks, slot.pending, slot.has_ended, slot.returned) = (false, None, false, ptr::null_mut());
            slot.coroutine = Some(Coroutine::with_stack_unchecked(ReusedStack::new(slot.stack, slot.number), body));
        }
    }
}

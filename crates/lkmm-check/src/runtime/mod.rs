//! The runtime: a closure as an open program, whose threads are coroutines.
//!
//! Each execution is a real run of the closure from its beginning. A thread runs until it asks something (what does this
//! read return? has that thread ended?); then it leaves the processor to the search. What it does before, writes and
//! fences, it leaves in a queue, from which [`next`](lkmm_search::open::OpenProgram::next) hands out one step after the other.
//!
//! An execution that is given up leaves its coroutines where they are: their stacks are used again, nothing on them is
//! dropped. A thread that has ended stays on its stack as well, since its result lies there until it is joined. So
//! spawning allocates nothing: the closure goes from one stack to the other, and so does the result.
//!
//! Everything here happens in one thread of the operating system. `RUNNING` says which runtime's coroutine is running,
//! if one is; the search and what it calls are outside of the model.

mod current;
mod origins;
mod program;
mod slot;
mod turn;

pub(crate) use current::{Current, give_up, note_panic};
pub use program::ClosureProgram;
pub(crate) use program::{FILL, OTHER_FILL};

use crate::blocked::Watched;
use crate::heap::{self, Arena};
use crate::history::History;
use crate::life::Lives;
use crate::locations::Locations;
use crate::operation::KnownDependencies;
use crate::panics::Panic;
use lkmm_model::program::LocationId;
use lkmm_search::open::Answer;
use origins::Origins;
use slot::Slot;
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::ops::Range;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::Arc;

/// The size of a thread's stack if nothing else is said, in bytes: that which threads of `std` have. (What is not used takes no memory.)
pub(crate) const STACK: usize = 2 << 20;
/// So many steps are done ahead at most, for the sake of loops that never ask anything.
const AHEAD: usize = 32;
/// So many runs tell which memory a program uses.
const RUNS: u32 = 64;

thread_local! {
    static RUNNING: Cell<*mut Runtime> = const { Cell::new(ptr::null_mut()) };
}

/// The runtime whose code this is, if it is the code of a model's thread.
#[inline(always)]
pub(crate) fn running() -> Option<NonNull<Runtime>> {
    NonNull::new(RUNNING.get())
}

/// A closure, its threads, and the memory that they use.
pub(crate) struct Runtime {
    closure: Box<dyn Fn()>,
    stack_size: usize,
    /// So many steps a thread does ahead at most.
    ahead: usize,
    /// The model heap is there, and used.
    has_heap: bool,
    /// What the threads have instead of arenas in a run that does not count.
    first_run: Option<Box<Arena>>,
    /// Memory was accessed in that run that it had not allocated, statics excepted.
    captures: bool,
    /// So many locations that run had.
    counted_from: LocationId,
    /// What memory of the model heap holds when it is handed out, if that is known: so what is read as it was handed out was not
    /// initialised.
    fill: Option<u8>,
    /// Memory was accessed that the model heap would have given out, if it were there.
    lacks_heap: bool,
    /// An answer made no sense in its run.
    pub(crate) has_refused: bool,
    /// Who has read a pointer to what another thread has allocated has the address from there.
    follows_pointers: bool,
    slots: Vec<NonNull<Slot>>,
    /// The slot of the running thread.
    current: *mut Slot,
    /// The threads of this run.
    started: Vec<u32>,
    /// From a thread and a number among the threads that it spawns to the thread.
    children: Vec<Vec<u32>>,
    pub(crate) locations: Locations,
    origins: Origins,
    dependencies: KnownDependencies,
    /// The objects of this run, if the model heap is there.
    lives: Option<NonNull<Lives>>,
    watched: Arc<Watched>,
    /// Where a thread was left for ever. Nothing runs any more.
    pub(crate) blocked: Option<Blocked>,
    last_panic: Option<Panic>,
    /// The panics of all runs, each once.
    pub(crate) panics: Vec<Panic>,
    /// What is to be dropped when this run is over.
    deferred: Vec<Deferred>,
}

/// A thread that was left where it was.
pub(crate) struct Blocked {
    pub(crate) backtrace: Backtrace,
    /// It accessed this, which is not there. If none, it waits for something real.
    pub(crate) address: Option<usize>,
}

struct Deferred {
    object: *mut (),
    drop: unsafe fn(*mut ()),
}

impl Runtime {
    /// Forgets the threads of this run.
    fn abandon(&mut self) {
        let mut is_complete = true;
        for &thread in &self.started {
            // SAFETY: no thread runs, so nobody else uses the slot.
            let slot = unsafe { self.slots[thread as usize].as_mut() };
            is_complete &= !slot.returned.is_null();
            if let Some(mut coroutine) = slot.coroutine.take() {
                // SAFETY: what is on the stack is never used again; that it is not dropped is what this module says.
                unsafe { coroutine.force_reset() };
            }
        }
        // In an execution that was given up, values may be in two places, one of which would never have come to be.
        for deferred in self.deferred.drain(..).filter(|_| is_complete) {
            // SAFETY: whoever deferred this has handed over the object, with the function that drops it.
            unsafe { (deferred.drop)(deferred.object) };
        }
        for thread in self.started.drain(..) {
            // SAFETY: no thread runs, and what one has allocated does not outlive the run: so says the model heap.
            unsafe { self.slots[thread as usize].as_ref().arena.as_ref().inspect(|arena| arena.clear()) };
        }
        if let Some(mut lives) = self.lives {
            // SAFETY: no thread runs, so nobody else uses it.
            unsafe { lives.as_mut().clear() };
        }
    }

    fn restart(&mut self) {
        // (What is shared is accessed in the first runs.)
        if self.locations.runs() < RUNS && !self.lacks_heap {
            self.lacks_heap = self.has_moving_memory();
        }
        self.abandon();
        self.locations.restart();
        let closure: *const dyn Fn() = &raw const *self.closure;
        // SAFETY: the closure is dropped with the runtime, after the coroutine.
        self.start(0, move || unsafe { (*closure)() });
    }

    /// Where an origin is in the source.
    pub(crate) fn place(&self, origin: u32) -> Option<&'static Location<'static>> {
        self.origins.places.get(origin as usize).map(|known| known.0)
    }

    /// The object that a pointer points to, if another thread has allocated it.
    fn object_of_another(&self, bits: u64, thread: usize) -> Option<Range<usize>> {
        let address = usize::try_from(bits).ok().filter(|&address| heap::is_in_range(address))?;
        let object = self.lives()?.objects.iter().find(|object| object.contains(address))?;
        let (owner, _) = self.in_arena(object.start as u64)?;
        (owner as usize != thread).then_some(object.start..object.start + object.size)
    }

    /// What a thread and those before it had allocated is there for a thread that it starts.
    fn tell_what_is_there(&mut self, parent: usize, child: usize) {
        // SAFETY: the slots of two threads, which nobody else uses: one runs this, and the other has not begun.
        let (parent, child) = unsafe { (self.slots[parent].as_ref(), self.slots[child].as_mut()) };
        child.there.clear();
        if let Some(arena) = &parent.arena {
            child.there.extend_from_slice(&parent.there);
            child.there.push((parent.number, arena.used() as u32));
        }
    }

    /// Must a thread have come to this address through memory that the model does not see, from where a pointer had led it? What is there has come
    /// into being elsewhere, since the thread was started.
    fn is_led_to(&self, slot: &Slot, address: usize) -> bool {
        let Some((owner, offset)) = self.in_arena(address as u64) else { return false };
        let is_there = |&(thread, used): &(u32, u32)| thread == owner && offset < used;
        owner != slot.number && !slot.there.iter().any(is_there)
    }

    /// The objects of this run.
    pub(crate) fn lives(&self) -> Option<&Lives> {
        // SAFETY: whoever has a reference to the runtime is not the code of a thread, which alone changes them.
        self.lives.map(|lives| unsafe { lives.as_ref() })
    }

    /// What the threads of this run, and those of lower number, were answered.
    pub(crate) fn answers(&self) -> impl Iterator<Item = &[Answer]> {
        let threads = self.started.iter().max().map_or(0, |last| *last as usize + 1);
        self.slots[..threads].iter().enumerate().map(|(thread, slot)| {
            let has_run = self.started.contains(&(thread as u32));
            // SAFETY: slots live as long as the runtime, and no thread runs.
            if has_run { unsafe { &slot.as_ref().answers[..] } } else { &[] }
        })
    }

    /// The thread whose arena a pointer points into, and how far.
    pub(crate) fn in_arena(&self, bits: u64) -> Option<(u32, u32)> {
        let address = usize::try_from(bits).ok()?;
        self.slots.iter().enumerate().find_map(|(thread, slot)| {
            // SAFETY: as above.
            let offset = unsafe { slot.as_ref() }.arena.as_ref()?.offset(address)?;
            Some((thread as u32, offset as u32))
        })
    }

    /// What a thread did in this run.
    pub(crate) fn history(&self, thread: u32) -> &History {
        // SAFETY: slots live as long as the runtime, and no thread runs.
        unsafe { &self.slots[thread as usize].as_ref().history }
    }

    /// The number of the last panic; the same for those that say the same.
    fn number_panic(&mut self) -> u32 {
        let unknown =
            || Panic { message: "a panic that no hook has seen".to_string(), place: None, is_consequence: false };
        let mut panic = self.last_panic.take().unwrap_or_else(unknown);
        // SAFETY: the slot of the running thread is its own.
        panic.is_consequence = unsafe { (*self.current).joined_a_panic };
        let number = self.panics.iter().position(|known| *known == panic).unwrap_or_else(|| {
            self.panics.push(panic);
            self.panics.len() - 1
        });
        number as u32
    }
}

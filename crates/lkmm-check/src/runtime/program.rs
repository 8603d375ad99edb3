//! The closure as the search sees it: an open program.

use super::origins::Origins;
use super::slot::{Followed, Pending, Slot};
use super::{AHEAD, RUNNING, Runtime, STACK, running};
use crate::blocked::Watched;
use crate::heap::{self, Arena};
use crate::life::{self, Lives};
use crate::locations::{CellId, Locations};
use crate::operation::{Context, Kind, KnownDependencies, Operation};
use crate::panics::Panic;
use corosensei::stack::{DefaultStack, Stack as _};
use lkmm_model::event::Fence;
use lkmm_model::program::{LocationId, Value};
use lkmm_search::open::{Access, Answer, OpenError, OpenProgram, Step};
use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use std::panic::Location;
use std::ptr::{self, NonNull};

/// What memory of the model heap is filled with, and what with to see whether that was a coincidence.
pub(crate) const FILL: u8 = 0xd6;
pub(crate) const OTHER_FILL: u8 = 0xb9;

/// No object has an address below this.
const MARKS: u64 = 4096;

/// A closure as an [`OpenProgram`]. Thread 0 runs the closure itself.
///
/// [`Builder`](crate::Builder) is the way to check a closure; this is for those who explore one by other means.
pub struct ClosureProgram {
    runtime: NonNull<Runtime>,
}

impl ClosureProgram {
    /// A program that runs a closure, on stacks of 2 MiB.
    ///
    /// # Panics
    /// In a model: models do not nest.
    pub fn new(closure: impl Fn() + 'static) -> Self {
        Self::with_stack_size(Box::new(closure), STACK)
    }

    pub(crate) fn with_stack_size(closure: Box<dyn Fn()>, stack_size: usize) -> Self {
        assert!(running().is_none(), "a model inside of a model");
        crate::panics::install_hook();
        crate::invalid::install();
        let runtime = Runtime {
            closure,
            stack_size,
            ahead: AHEAD,
            has_heap: false,
            first_run: None,
            captures: false,
            counted_from: 0,
            fill: None,
            has_refused: false,
            lacks_heap: false,
            follows_pointers: false,
            slots: Vec::new(),
            current: ptr::null_mut(),
            started: Vec::new(),
            children: Vec::new(),
            locations: Locations::new(),
            origins: Origins::new(),
            dependencies: KnownDependencies::default(),
            lives: None,
            watched: Watched::new(),
            blocked: None,
            last_panic: None,
            panics: Vec::new(),
            deferred: Vec::new(),
        };
        ClosureProgram { runtime: NonNull::from(Box::leak(Box::new(runtime))) }
    }

    /// The runtime, while none of its threads is running.
    pub(crate) fn runtime(&self) -> &Runtime {
        // SAFETY: no thread runs, so nobody else uses it; it is freed with this value.
        unsafe { self.runtime.as_ref() }
    }

    fn runtime_mut(&mut self) -> &mut Runtime {
        // SAFETY: as above.
        unsafe { self.runtime.as_mut() }
    }

    /// Has the threads allocate from the model heap, if it is there. First comes a run that does not count, with ordinary
    /// memory: so what is allocated once and for all is not taken from arenas.
    pub(crate) fn use_heap(&mut self, first_run: impl FnOnce(&mut Self)) {
        if heap::is_installed() {
            self.runtime_mut().first_run = Some(Box::new(Arena::of_first_run()));
            first_run(self);
            let runtime = self.runtime_mut();
            runtime.captures = runtime.has_captured();
            runtime.abandon();
            runtime.first_run = None;
            runtime.counted_from = runtime.locations.count();
            (runtime.has_heap, runtime.has_refused, runtime.lacks_heap) = (true, false, false);
            runtime.locations.has_heap = true;
            runtime.lives = Some(NonNull::from(Box::leak(Box::new(Lives::new()))));
            for slot in &mut runtime.slots {
                // SAFETY: no thread runs, so nobody else uses the slot.
                unsafe { slot.as_mut().arena = Arena::new() };
            }
            self.fill_heap(Some(FILL));
        }
    }

    /// Has memory of the model heap, if it is there, hold this in each byte when it is handed out. A variable that holds it when it is
    /// first read is taken to be uninitialised.
    pub(crate) fn fill_heap(&mut self, fill: Option<u8>) {
        let runtime = self.runtime_mut();
        runtime.fill = fill.filter(|_| runtime.has_heap);
        runtime.locations.fill = runtime.fill;
        for slot in &runtime.slots {
            // SAFETY: no thread runs, so nobody else uses the slot.
            unsafe { slot.as_ref() }.arena.iter().for_each(|arena| arena.fill_with(runtime.fill));
        }
    }

    /// Is memory of the model heap filled?
    pub(crate) fn fills_heap(&self) -> bool {
        self.runtime().fill.is_some()
    }

    /// Has accesses depend, by their addresses, on the reads that returned pointers to their objects, if another thread has
    /// allocated these in the model heap. (That a load may return null only shows that the access might not happen. With a
    /// copy of the object, another address would show.)
    pub(crate) fn follow_pointers(&mut self, follow: bool) {
        self.runtime_mut().follows_pointers = follow;
    }

    /// Has each thread stop at each of its steps, even those that ask nothing.
    pub(crate) fn step_by_step(&mut self, each: bool) {
        self.runtime_mut().ahead = if each { 0 } else { AHEAD };
    }

    /// What can be looked at between two steps of the search.
    pub(crate) fn observer(&self) -> Observer {
        Observer(self.runtime)
    }

    /// Has memory been accessed that the model heap would have given out, if it were there?
    pub(crate) fn lacks_heap(&self) -> bool {
        let runtime = self.runtime();
        runtime.lacks_heap || runtime.has_moving_memory()
    }

    /// Has memory been accessed that was there before the first run, statics excepted? All runs share it, and all copies of the program. (Only the
    /// model heap knows.)
    pub(crate) fn captures(&self) -> bool {
        let runtime = self.runtime();
        runtime.captures || runtime.has_captured()
    }

    /// Were parts of variables accessed?
    pub(crate) fn has_mixed_sizes(&self) -> bool {
        self.runtime().locations.has_mixed_sizes
    }

    /// Is the model heap there?
    pub(crate) fn has_heap(&self) -> bool {
        self.runtime().has_heap
    }

    /// Where an [origin](lkmm_search::open::Event::origin) is in the source.
    pub fn place(&self, origin: u32) -> Option<&'static Location<'static>> {
        self.runtime().place(origin)
    }

    /// Is an origin a grace period?
    pub(crate) fn is_grace_period(&self, origin: u32) -> bool {
        let is = |kind| matches!(kind, Kind::WaitForReaders | Kind::Fence(Fence::SyncRcu) | Kind::SyncSrcu(_));
        self.runtime().origins.places.get(origin as usize).is_some_and(|known| is(known.1))
    }

    /// What is done at an origin, in a word.
    pub(crate) fn word(&self, origin: u32) -> &'static str {
        self.runtime().origins.places.get(origin as usize).map_or("", |known| known.1.word())
    }

    /// Where what a thread does next, or did last, stands in the source, unless it has ended.
    pub(crate) fn pending(&self, thread: usize) -> Option<&'static Location<'static>> {
        let slot = self.runtime().slots.get(thread)?;
        // SAFETY: no thread runs, so nobody else uses it.
        let operation = unsafe { slot.as_ref() }.pending()?;
        (!matches!(operation.kind, Kind::End | Kind::Failed(_))).then_some(operation.place)
    }

    /// What a thread said that [failed](Step::Failed) with this number.
    pub fn panic(&self, number: u32) -> Option<&Panic> {
        self.runtime().panics.get(number as usize)
    }

    /// Lets a thread run, from a place on, until it asks something or has done enough. (A processor expects that a call returns to where it
    /// came from. After a switch it is wrong about each, so there are to be few.)
    #[inline(always)]
    fn run(&mut self, thread: usize, after: Option<&'static Location<'static>>) {
        let slot = self.runtime().slots[thread];
        // SAFETY: the slot is alive as long as the runtime. The running thread uses the runtime and its slot, and nothing
        // here does so meanwhile, but for the coroutine, which no running thread touches.
        unsafe {
            (*self.runtime.as_ptr()).current = slot.as_ptr();
            (*self.runtime.as_ptr()).watched.count();
            let coroutine = (*slot.as_ptr()).coroutine.as_mut().expect("only threads that were spawned are run");
            RUNNING.set(self.runtime.as_ptr());
            let first = (*self.runtime.as_ptr()).first_run.as_deref();
            heap::use_arena((*slot.as_ptr()).arena.as_ref().or(first));
            if let Some(lives) = (*self.runtime.as_ptr()).lives {
                let ahead = (*slot.as_ptr()).ahead.len() - (*slot.as_ptr()).reported;
                let now = &mut (*lives.as_ptr()).now;
                (now.thread, now.index) = (thread as u32, (*slot.as_ptr()).events + ahead as u32);
                now.place = after;
                life::use_lives(lives.as_ptr());
                coroutine.resume(());
                life::use_lives(ptr::null_mut());
                // What is noted outlives the run.
                heap::use_arena(None);
                (*lives.as_ptr()).look();
            } else {
                coroutine.resume(());
            }
            heap::use_arena(None);
            RUNNING.set(ptr::null_mut());
        }
    }

    /// Lets a thread run to its end, of which the search knows from an earlier run, so that it has returned something.
    #[inline]
    fn finish(&mut self, thread: usize) {
        if self.slot(thread).returned.is_null() {
            self.run_on(thread);
        }
    }

    #[cold]
    fn run_on(&mut self, thread: usize) {
        let is_stopped = |slot: &Slot| !slot.returned.is_null() || slot.asks || slot.refused.is_some();
        while !is_stopped(self.slot(thread)) && self.runtime().blocked.is_none() {
            let after = self.slot(thread).pending().map(|operation| operation.place);
            self.run(thread, after);
        }
    }

    /// The runtime, and a slot.
    fn both(&mut self, thread: usize) -> (&mut Runtime, &mut Slot) {
        let runtime = self.runtime_mut();
        let mut slot = runtime.slots[thread];
        // SAFETY: no thread runs, so nobody else uses it; the runtime has but a pointer to it.
        (runtime, unsafe { slot.as_mut() })
    }

    fn slot(&mut self, thread: usize) -> &mut Slot {
        let mut slot = self.runtime().slots[thread];
        // SAFETY: no thread runs, so nobody else uses it.
        unsafe { slot.as_mut() }
    }
}

/// The runtime of a program that a search has.
#[derive(Clone, Copy)]
pub(crate) struct Observer(NonNull<Runtime>);

impl Observer {
    /// Looks at the runtime.
    ///
    /// # Safety
    /// The program is alive, and no function of it is being called.
    pub(crate) unsafe fn look(&self) -> &Runtime {
        // SAFETY: the caller's promise.
        unsafe { self.0.as_ref() }
    }

    /// Where a thread waits for a lock, if it does.
    ///
    /// # Safety
    /// As of [`look`](Self::look).
    pub(crate) unsafe fn wants_lock(&self, thread: usize) -> Option<&'static Location<'static>> {
        // SAFETY: the caller's promise.
        let slot = unsafe { self.look() }.slots.get(thread)?;
        // SAFETY: no thread runs, so nobody else uses it.
        let operation = unsafe { slot.as_ref() }.pending()?;
        matches!(operation.kind, Kind::Lock(_) | Kind::WaitForLock).then_some(operation.place)
    }
}

impl OpenProgram for ClosureProgram {
    fn threads(&self) -> usize {
        1
    }

    fn restart(&mut self) {
        self.runtime_mut().restart();
    }

    fn next(&mut self, thread: usize, expected: Option<LocationId>) -> Step {
        if self.runtime().blocked.is_some() {
            return Step::Error(OpenError::Outside { thread });
        }
        let slot = self.slot(thread);
        if let Some(why) = slot.refused {
            return refused(thread, why);
        }
        if let Some(origin) = slot.has_read_uninit {
            return Step::Error(OpenError::Uninit { origin });
        }
        if slot.reported == slot.ahead.len() {
            let after = slot.pending().map(|operation| operation.place);
            slot.ahead.clear();
            (slot.reported, slot.pending) = (0, None);
            self.run(thread, after);
            if self.runtime().blocked.is_some() {
                return Step::Error(OpenError::Outside { thread });
            }
            if let Some(why) = self.slot(thread).refused {
                return refused(thread, why);
            }
        }
        let (runtime, slot) = self.both(thread);
        let at = slot.reported;
        let operation = &slot.ahead[at];
        let location = operation.kind.cell().map_or(0, |cell| runtime.locations.number(cell, expected));
        let origin = runtime.origins.number(operation);
        let pending = Pending { at, origin, location };
        let events = slot.events;
        (slot.reported, slot.pending) = (at + 1, Some(pending));
        slot.has_ended |= matches!(operation.kind, Kind::End | Kind::Failed(_));
        if !slot.is_asking() {
            slot.events += 1;
            slot.history.add(&slot.ahead[at].kind, 1, false);
        }
        slot.ahead[at].step(runtime.context(pending, events))
    }

    fn access(&mut self, thread: usize, answer: Answer) -> Result<Option<Access>, OpenError> {
        let (runtime, slot) = self.both(thread);
        let pending = slot.pending.expect("a thread that waits for an answer has asked");
        Ok(slot.ahead[pending.at].access(answer, runtime.context(pending, slot.events)))
    }

    fn resume(&mut self, thread: usize, answer: Answer) {
        let (runtime, slot) = self.both(thread);
        let pending = slot.pending.expect("a thread that is answered has asked");
        let operation = &slot.ahead[pending.at];
        let (cell, place) = (operation.kind.cell(), operation.place);
        // (Unless it knew the answer.)
        let is_asking = slot.is_asking();
        if is_asking && runtime.is_foreign(cell, answer) {
            runtime.has_refused = true;
            slot.refused = Some(["a pointer was read", "no object is there"]);
            return;
        }
        slot.answers.push(answer);
        if !is_asking {
            return;
        }
        if matches!(answer, Answer::Value(Value::Symbol(_))) {
            slot.has_read_uninit = Some(pending.origin);
            return;
        }
        let done = operation.kind.done(answer);
        let joined = match operation.kind {
            Kind::Join(child) => Some(child),
            _ => None,
        };
        let has_only_read = match operation.kind {
            Kind::Load(..) | Kind::IsLocked(_) => true,
            Kind::Update { .. } => done.put.is_none_or(|bits| bits == done.result),
            Kind::TryLock(_) => answer == Answer::Held,
            _ => false,
        };
        slot.asks = false;
        slot.answered = slot.events;
        slot.events += done.events;
        slot.history.add(&operation.kind, done.events, done.fence_after);
        slot.result = done.result;
        match cell {
            Some(cell) if has_only_read => slot.turn.read(runtime.locations.address(cell), done.result, place),
            _ => slot.turn.change(),
        }
        if done.fence_after {
            slot.ahead.push(Operation::new(Kind::Fence(Fence::Mb), place));
        }
        let number = slot.answered;
        if let (true, Answer::Value(Value::Bits(bits))) = (runtime.follows_pointers, answer) {
            let object = self.runtime().object_of_another(bits, thread);
            self.slot(thread).followed.extend(object.map(|object| Followed { object, read: number }));
        }
        if let (Some(bits), Some(cell)) = (done.put, cell) {
            // SAFETY: the thread that waits for this answer has promised that the object is alive.
            unsafe { self.runtime_mut().locations.put(cell, bits) };
        }
        if let Some(child) = joined {
            self.finish(child as usize);
        }
    }

    fn settle(&mut self, location: LocationId, value: Value) {
        if let (true, Value::Bits(bits)) = (self.runtime().has_heap, value) {
            // SAFETY: memory of the model heap and of stacks is there as long as the run.
            unsafe { self.runtime_mut().locations.settle(location, bits) };
        }
    }

    fn may_stand_in(&self, location: LocationId, value: Value) -> bool {
        let Value::Bits(bits) = value else { return false };
        let Ok(address) = usize::try_from(bits) else { return true };
        let locations = &self.runtime().locations;
        // Only statics are there in every execution.
        if locations.is_pointer(location) { locations.is_static(address) } else { !heap::is_in_range(address) }
    }

    fn may_be_followed(&self, value: Value) -> bool {
        matches!(value, Value::Bits(bits) if (MARKS..=u64::MAX - MARKS).contains(&bits))
    }

    fn pointers_move(&self) -> bool {
        self.runtime().locations.pointers_move()
    }

    fn moves(&self, location: LocationId) -> bool {
        let runtime = self.runtime();
        runtime.locations.address_of(location).is_some_and(|address| runtime.moves(address))
    }

    fn is_moving(&self, location: LocationId, value: Value) -> bool {
        let (runtime, Value::Bits(bits)) = (self.runtime(), value) else { return false };
        runtime.locations.is_pointer(location) && runtime.points_to_what_moves(bits)
    }

    fn is_opaque(&self, location: LocationId) -> bool {
        self.runtime().locations.is_opaque(location)
    }

    fn name(&self, location: LocationId) -> u64 {
        let (address, generation) = self.runtime().locations.origin(location);
        let (owner, number) = match self.runtime().owned(address) {
            Some((owner, offset)) => (1 + u64::from(owner), offset.into()),
            None => (0, address as u64),
        };
        let mut hasher = FxHasher::default();
        (owner, number, generation).hash(&mut hasher);
        hasher.finish()
    }

    fn common(&self, value: Value) -> Option<Value> {
        let Value::Bits(bits) = value else { return Some(value) };
        let address = bits as usize;
        match self.runtime().owned(address) {
            Some((owner, offset)) => Some(Value::Address(owner, offset as i32)),
            // Anything may have been made of a pointer.
            None => {
                let is_small = !(1 << 32..u64::MAX << 32).contains(&bits);
                (is_small || self.runtime().locations.is_static(address)).then_some(value)
            }
        }
    }

    fn initial(&self, location: LocationId) -> Value {
        self.runtime().locations.initial(location).map_or(Value::Symbol(0), Value::Bits)
    }
}

/// A thread cannot go on, for something is not as it was before.
fn refused(thread: usize, why: [&str; 2]) -> Step {
    let [before, now] = why.map(String::from);
    Step::Error(OpenError::Nondeterminism { thread, before, origin: None, now })
}

impl Runtime {
    fn context(&mut self, Pending { origin, location, .. }: Pending, number: u32) -> Context<'_> {
        Context { origin, location, number, dependencies: &mut self.dependencies }
    }

    /// Without the model heap, a pointer of another run points to nothing. (A write that comes later may be read from, if its
    /// thread does the same all the same; what it writes is known from an earlier run.)
    fn is_foreign(&self, cell: Option<CellId>, answer: Answer) -> bool {
        match (answer, cell) {
            (Answer::Value(Value::Bits(bits)), Some(cell)) if !self.has_heap => {
                self.locations.is_foreign(cell, bits) && self.moves(bits as usize)
            }
            _ => false,
        }
    }

    /// Has this run accessed memory that was allocated, and not by the model heap, or had pointers to it?
    pub(super) fn has_moving_memory(&self) -> bool {
        let locations = &self.locations;
        !self.has_heap
            && (locations.addresses().any(|(_, address)| self.moves(address))
                || locations.pointers().any(|pointer| self.points_to_what_moves(pointer)))
    }

    /// Is what a pointer points to elsewhere in the next run? (Small numbers, of either sign, say something else.)
    fn points_to_what_moves(&self, pointer: u64) -> bool {
        (MARKS..=u64::MAX - MARKS).contains(&pointer) && self.moves(pointer as usize)
    }

    /// The arena or the stack of a thread that an address lies in, by a number, and how far into it.
    fn owned(&self, address: usize) -> Option<(u32, u32)> {
        if let Some((thread, offset)) = self.in_arena(address as u64) {
            return Some((2 * thread, offset));
        }
        self.slots.iter().zip(0..).find_map(|(slot, thread)| {
            // SAFETY: slots and stacks live as long as the runtime, and no thread runs.
            let stack = unsafe { slot.as_ref().stack.as_ref() };
            let range = stack.limit().get()..stack.base().get();
            range.contains(&address).then(|| (2 * thread + 1, (address - range.start) as u32))
        })
    }

    /// Has the code of the model accessed memory that it has not allocated, statics excepted?
    fn has_captured(&self) -> bool {
        let first = self.first_run.as_deref();
        let is_known = |address: usize| {
            self.locations.is_static(address)
                || self.owned(address).is_some()
                || self.is_token(address)
                || first.is_some_and(|first| first.has_allocated(address))
        };
        let counted = self.counted_from..self.locations.count();
        (self.has_heap || first.is_some())
            && counted.map(|location| self.locations.origin(location).0).any(|address| !is_known(address))
    }

    /// Does the token of a thread lie there? It is the runtime's.
    fn is_token(&self, address: usize) -> bool {
        // SAFETY: slots live as long as the runtime.
        self.slots.iter().any(|slot| unsafe { &raw const (*slot.as_ptr()).token } as usize == address)
    }

    /// Is what lies at an address elsewhere in the next run? Statics and the stacks of threads are where they were, and so is the model
    /// heap.
    fn moves(&self, address: usize) -> bool {
        // SAFETY: slots and stacks live as long as the runtime, and no thread runs.
        let stack = |slot: &NonNull<Slot>| unsafe { slot.as_ref().stack.as_ref() };
        let contains = |stack: &DefaultStack| (stack.limit().get()..stack.base().get()).contains(&address);
        !self.has_heap && !self.locations.is_static(address) && !self.slots.iter().any(|slot| contains(stack(slot)))
    }
}

impl Drop for ClosureProgram {
    fn drop(&mut self) {
        let runtime = self.runtime_mut();
        runtime.abandon();
        for &slot in &runtime.slots {
            // SAFETY: both were made by `Runtime::slot`, and no coroutine is left that uses them.
            unsafe {
                let slot = Box::from_raw(slot.as_ptr());
                drop(Box::from_raw(slot.stack.as_ptr()));
            }
        }
        // SAFETY: these were made by `use_heap` and `with_stack_size`.
        unsafe {
            drop(runtime.lives.map(|lives| Box::from_raw(lives.as_ptr())));
            drop(Box::from_raw(self.runtime.as_ptr()));
        }
    }
}

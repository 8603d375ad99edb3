//! The runtime: a closure as an open program, whose threads are coroutines.
//!
//! Each execution is a real run of the closure from its beginning. A thread runs until it asks something (what does this
//! read return? has that thread ended?); then it leaves the processor to the search. What it does before, writes and
//! fences, it leaves in a queue, from which [`next`](OpenProgram::next) hands out one step after the other.
//!
//! An execution that is given up leaves its coroutines where they are: their stacks are used again, nothing on them is
//! dropped. A thread that has ended stays on its stack as well, since its result lies there until it is joined. So
//! spawning allocates nothing: the closure goes from one stack to the other, and so does the result.
//!
//! Everything here happens in one thread of the operating system. `RUNNING` says which runtime's coroutine is running,
//! if one is; the search and what it calls are outside of the model.

use crate::heap::{self, Arena};
use crate::life::{self, Lives};
use crate::lifetimes::History;
use crate::locations::{CellId, Locations};
use crate::operation::{Context, Kind, KnownDependencies, Operation};
use crate::panics::Panic;
use crate::stack::ReusedStack;
use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, Yielder};
use lkmm_model::event::Fence;
use lkmm_model::program::{LocationId, Value};
use lkmm_search::open::{Access, Answer, OpenError, OpenProgram, Step};
use rustc_hash::FxHashMap;
use std::cell::Cell;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::ptr::{self, NonNull};

/// The size of a thread's stack if nothing else is said, in bytes.
pub(crate) const STACK: usize = 256 << 10;
/// So many steps are done ahead at most, for the sake of loops that never ask anything.
const AHEAD: usize = 32;

thread_local! {
    static RUNNING: Cell<*mut Runtime> = const { Cell::new(ptr::null_mut()) };
}

/// The runtime whose code this is, if it is the code of a model's thread.
#[inline(always)]
pub(crate) fn running() -> Option<NonNull<Runtime>> {
    NonNull::new(RUNNING.get())
}

type Thread = Coroutine<(), (), (), ReusedStack>;

/// A thread, of this run or of an earlier one.
pub(crate) struct Slot {
    number: u32,
    stack: NonNull<DefaultStack>,
    /// From where it allocates, if the model heap is there.
    arena: Option<Arena>,
    coroutine: Option<Thread>,
    yielder: *const Yielder<(), ()>,
    /// What it has done and not yet reported, from `reported` on.
    ahead: Vec<Operation>,
    reported: usize,
    /// It waits for an answer.
    asks: bool,
    /// It was given an answer that makes no sense in this run, and is not run again.
    is_refused: bool,
    /// The last operation that was reported, with its origin and its location.
    pending: Option<(Operation, u32, LocationId)>,
    /// What that was answered.
    result: u64,
    /// The number of the event that it was.
    answered: u32,
    /// How many events it has performed.
    events: u32,
    /// How many threads it has spawned.
    spawned: u32,
    /// Where what it returned is: a `ManuallyDrop<std::thread::Result<T>>` on its stack.
    returned: *mut (),
    /// It has joined a thread that had panicked.
    joined_a_panic: bool,
    /// The objects to which it has followed pointers.
    followed: Vec<Followed>,
    /// The readers that it is in: of RCU, or of an SRCU domain.
    readers: Vec<Option<CellId>>,
    /// Its address is that of the token of `park`.
    token: u64,
    /// The read that the value of a store depends on.
    carried: Option<u32>,
    /// The reads that what it does now depends on.
    branch: u32,
    /// What it was answered.
    answers: Vec<Answer>,
    /// What the events of an execution are to the thread; kept under the model heap.
    history: History,
}

/// An object that a thread knows from a pointer that it read.
struct Followed {
    object: Range<usize>,
    /// The number of the read.
    read: u32,
}

/// A closure, its threads, and the memory that they use.
pub(crate) struct Runtime {
    closure: Box<dyn Fn()>,
    stack_size: usize,
    /// The model heap is there, and used.
    has_heap: bool,
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
    last_panic: Option<Panic>,
    /// The panics of all runs, each once.
    pub(crate) panics: Vec<Panic>,
    /// What is to be dropped when this run is over.
    deferred: Vec<Deferred>,
}

struct Deferred {
    object: *mut (),
    drop: unsafe fn(*mut ()),
}

/// Places in the source, numbered.
struct Origins {
    numbers: FxHashMap<usize, u32>,
    /// With the first operation that was done there.
    places: Vec<(&'static Location<'static>, Kind)>,
    /// The last places that were asked for, by a few bits of their addresses.
    recent: [(usize, u32); 64],
}

impl Origins {
    fn new() -> Self {
        Origins { numbers: FxHashMap::default(), places: Vec::new(), recent: [(0, 0); 64] }
    }

    fn number(&mut self, operation: Operation) -> u32 {
        let key = ptr::from_ref(operation.place) as usize;
        let recent = key / align_of::<Location<'static>>() % self.recent.len();
        if self.recent[recent].0 != key {
            let number = *self.numbers.entry(key).or_insert_with(|| {
                self.places.push((operation.place, operation.kind));
                self.places.len() as u32 - 1
            });
            self.recent[recent] = (key, number);
        }
        self.recent[recent].1
    }
}

/// A closure as an [`OpenProgram`]. Thread 0 runs the closure itself.
///
/// [`Builder`](crate::Builder) is the way to check a closure; this is for those who explore one by other means.
pub struct ClosureProgram {
    runtime: NonNull<Runtime>,
}

impl ClosureProgram {
    /// A program that runs a closure, on stacks of 256 KiB.
    ///
    /// # Panics
    /// In a model: models do not nest.
    pub fn new(closure: impl Fn() + 'static) -> Self {
        Self::with_stack_size(Box::new(closure), STACK)
    }

    pub(crate) fn with_stack_size(closure: Box<dyn Fn()>, stack_size: usize) -> Self {
        assert!(running().is_none(), "a model inside of a model");
        crate::panics::install_hook();
        let runtime = Runtime {
            closure,
            stack_size,
            has_heap: false,
            has_refused: false,
            follows_pointers: false,
            slots: Vec::new(),
            current: ptr::null_mut(),
            started: Vec::new(),
            children: Vec::new(),
            locations: Locations::new(),
            origins: Origins::new(),
            dependencies: KnownDependencies::default(),
            lives: None,
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
            first_run(self);
            let runtime = self.runtime_mut();
            runtime.abandon();
            (runtime.has_heap, runtime.has_refused) = (true, false);
            runtime.lives = Some(NonNull::from(Box::leak(Box::new(Lives::new()))));
            for slot in &mut runtime.slots {
                // SAFETY: no thread runs, so nobody else uses the slot.
                unsafe { slot.as_mut().arena = Arena::new() };
            }
        }
    }

    /// Where a thread waits for a lock, if it does.
    pub(crate) fn wants_lock(&self, thread: usize) -> Option<&'static Location<'static>> {
        let slot = self.runtime().slots.get(thread)?;
        // SAFETY: no thread runs, so nobody else uses it.
        let (operation, ..) = unsafe { slot.as_ref() }.pending?;
        matches!(operation.kind, Kind::Lock(_)).then_some(operation.place)
    }

    /// Has accesses depend, by their addresses, on the reads that returned pointers to their objects, if another thread has
    /// allocated these in the model heap. (That a load may return null only shows that the access might not happen. With a
    /// copy of the object, another address would show.)
    pub(crate) fn follow_pointers(&mut self, follow: bool) {
        self.runtime_mut().follows_pointers = follow;
    }

    /// What can be looked at between two steps of the search.
    pub(crate) fn observer(&self) -> Observer {
        Observer(self.runtime)
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

    /// What a thread said that [failed](Step::Failed) with this number.
    pub fn panic(&self, number: u32) -> Option<&Panic> {
        self.runtime().panics.get(number as usize)
    }

    fn context(&mut self, (_, origin, location): (Operation, u32, LocationId), number: u32) -> Context<'_> {
        Context { origin, location, number, dependencies: &mut self.runtime_mut().dependencies }
    }

    /// Lets a thread run until it asks something or has done enough. (A processor expects that a call returns to where it
    /// came from. After a switch it is wrong about each, so there are to be few.)
    #[inline(always)]
    fn run(&mut self, thread: usize) {
        let slot = self.runtime().slots[thread];
        // SAFETY: the slot is alive as long as the runtime. The running thread uses the runtime and its slot, and nothing
        // here does so meanwhile, but for the coroutine, which no running thread touches.
        unsafe {
            (*self.runtime.as_ptr()).current = slot.as_ptr();
            let coroutine = (*slot.as_ptr()).coroutine.as_mut().expect("only threads that were spawned are run");
            RUNNING.set(self.runtime.as_ptr());
            heap::use_arena((*slot.as_ptr()).arena.as_ref());
            if let Some(lives) = (*self.runtime.as_ptr()).lives {
                let ahead = (*slot.as_ptr()).ahead.len() - (*slot.as_ptr()).reported;
                let now = &mut (*lives.as_ptr()).now;
                (now.thread, now.index) = (thread as u32, (*slot.as_ptr()).events + ahead as u32);
                now.place = (*slot.as_ptr()).pending.map(|pending| pending.0.place);
                life::use_lives(lives.as_ptr());
                coroutine.resume(());
                life::use_lives(ptr::null_mut());
                (*lives.as_ptr()).look();
            } else {
                coroutine.resume(());
            }
            heap::use_arena(None);
            RUNNING.set(ptr::null_mut());
        }
    }

    /// Without the model heap, a pointer of another run points to nothing. (A write that comes later may be read from, if its
    /// thread does the same all the same; what it writes is known from an earlier run.)
    fn is_foreign(&self, operation: Operation, answer: Answer) -> bool {
        match (answer, operation.kind.cell()) {
            (Answer::Value(Value::Bits(bits)), Some(cell)) => {
                !self.has_heap() && self.runtime().locations.is_foreign(cell, bits)
            }
            _ => false,
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
        while self.slot(thread).returned.is_null() && !self.slot(thread).asks && !self.slot(thread).is_refused {
            self.run(thread);
        }
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
}

impl OpenProgram for ClosureProgram {
    fn threads(&self) -> usize {
        1
    }

    fn restart(&mut self) {
        self.runtime_mut().restart();
    }

    fn next(&mut self, thread: usize, expected: Option<LocationId>) -> Step {
        let slot = self.slot(thread);
        if slot.is_refused {
            let [before, now] = ["a pointer was read", "no object is there"].map(String::from);
            return Step::Error(OpenError::Nondeterminism { thread, before, now });
        }
        if slot.reported == slot.ahead.len() {
            slot.ahead.clear();
            slot.reported = 0;
            self.run(thread);
        }
        let slot = self.slot(thread);
        let operation = slot.ahead[slot.reported];
        slot.reported += 1;
        let number = slot.events;
        if !slot.asks || slot.reported != slot.ahead.len() {
            slot.events += 1;
            slot.history.add(operation.kind, 1, false);
        }
        let runtime = self.runtime_mut();
        let location = operation.kind.cell().map_or(0, |cell| runtime.locations.number(cell, expected));
        let origin = runtime.origins.number(operation);
        self.slot(thread).pending = Some((operation, origin, location));
        operation.step(self.context((operation, origin, location), number))
    }

    fn access(&mut self, thread: usize, answer: Answer) -> Result<Option<Access>, OpenError> {
        let slot = self.slot(thread);
        let (pending, number) = (slot.pending.expect("a thread that waits for an answer has asked"), slot.events);
        Ok(pending.0.access(answer, self.context(pending, number)))
    }

    fn resume(&mut self, thread: usize, answer: Answer) {
        let slot = self.slot(thread);
        let (operation, ..) = slot.pending.expect("a thread that is answered has asked");
        if self.is_foreign(operation, answer) {
            self.runtime_mut().has_refused = true;
            self.slot(thread).is_refused = true;
            return;
        }
        let slot = self.slot(thread);
        let done = operation.kind.done(answer);
        slot.answers.push(answer);
        slot.asks = false;
        slot.answered = slot.events;
        slot.events += done.events;
        slot.history.add(operation.kind, done.events, done.fence_after);
        slot.result = done.result;
        if done.fence_after {
            slot.ahead.push(Operation::new(Kind::Fence(Fence::Mb), operation.place));
        }
        let number = slot.answered;
        if let (true, Answer::Value(Value::Bits(bits))) = (self.runtime().follows_pointers, answer) {
            let object = self.runtime().object_of_another(bits, thread);
            self.slot(thread).followed.extend(object.map(|object| Followed { object, read: number }));
        }
        if let (Some(bits), Some(cell)) = (done.put, operation.kind.cell()) {
            // SAFETY: the thread that waits for this answer has promised that the object is alive.
            unsafe { self.runtime_mut().locations.put(cell, bits) };
        }
        if let Kind::Join(child) = operation.kind {
            self.finish(child as usize);
        }
    }

    fn initial(&self, location: LocationId) -> Value {
        Value::Bits(self.runtime().locations.initial(location))
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

    /// The slot of a thread, which is made if there never was one.
    fn slot(&mut self, thread: u32) -> NonNull<Slot> {
        while self.slots.len() <= thread as usize {
            let stack = DefaultStack::new(self.stack_size).expect("memory for the stack of a thread");
            let slot = Slot {
                number: self.slots.len() as u32,
                stack: NonNull::from(Box::leak(Box::new(stack))),
                arena: self.has_heap.then(Arena::new).flatten(),
                coroutine: None,
                yielder: ptr::null(),
                ahead: Vec::with_capacity(AHEAD + 1),
                reported: 0,
                asks: false,
                is_refused: false,
                pending: None,
                result: 0,
                answered: 0,
                events: 0,
                spawned: 0,
                returned: ptr::null_mut(),
                joined_a_panic: false,
                followed: Vec::new(),
                readers: Vec::new(),
                token: 0,
                carried: None,
                branch: 0,
                answers: Vec::new(),
                history: History::default(),
            };
            self.slots.push(NonNull::from(Box::leak(Box::new(slot))));
            self.children.push(Vec::new());
        }
        self.slots[thread as usize]
    }

    /// Starts a thread: it runs when the search wants its first step.
    fn start<T>(&mut self, thread: u32, closure: impl FnOnce() -> T) {
        let place = self.slot(thread).as_ptr();
        let is_kept = self.lives.is_some();
        self.started.push(thread);
        let body = move |yielder: &Yielder<(), ()>, ()| {
            // SAFETY: the slot is alive as long as the runtime, which outlives the coroutine; the yielder stays where it is
            // while the coroutine lives.
            unsafe { (*place).yielder = yielder };
            let mut returned = ManuallyDrop::new(catch_unwind(AssertUnwindSafe(closure)));
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
            slot.followed.clear();
            slot.history.begin(is_kept);
            slot.answers.clear();
            (slot.carried, slot.branch) = (None, 0);
            slot.readers.clear();
            (slot.joined_a_panic, slot.is_refused) = (false, false);
            (slot.reported, slot.events, slot.spawned, slot.answered) = (0, 0, 0, 0);
            (slot.asks, slot.pending, slot.returned) = (false, None, ptr::null_mut());
            slot.coroutine = Some(Coroutine::with_stack_unchecked(ReusedStack::new(slot.stack, slot.number), body));
        }
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

/// Notes what a panicking thread says.
///
/// # Safety
/// This is the code of one of the runtime's threads.
pub(crate) unsafe fn note_panic(runtime: NonNull<Runtime>, panic: Panic) {
    // SAFETY: while its threads run, the runtime is theirs.
    unsafe { (*runtime.as_ptr()).last_panic = Some(panic) };
}

/// What a running thread does with its runtime. A `Current` exists in the code of the runtime's threads only.
#[derive(Clone, Copy)]
pub(crate) struct Current(NonNull<Runtime>);

impl Current {
    /// The runtime whose code this is.
    #[inline(always)]
    pub(crate) fn get() -> Option<Self> {
        running().map(Current)
    }

    /// Something that only this thread does now with the runtime.
    #[inline(always)]
    pub(crate) fn with<R>(self, then: impl FnOnce(&mut Runtime) -> R) -> R {
        // SAFETY: while its threads run, the runtime is theirs; only one runs, and `then` does not suspend it.
        let runtime = unsafe { &mut *self.0.as_ptr() };
        if !runtime.has_heap {
            return then(runtime);
        }
        heap::outside(|| then(runtime))
    }

    #[inline(always)]
    fn slot(self) -> *mut Slot {
        // SAFETY: while its threads run, the runtime is theirs.
        unsafe { (*self.0.as_ptr()).current }
    }

    /// Leaves an operation to be reported. Yields how many there are.
    #[inline(always)]
    fn queue(self, kind: Kind, place: &'static Location<'static>) -> usize {
        self.with(|runtime| {
            // SAFETY: the slot of the running thread is its own.
            let slot = unsafe { &mut *runtime.current };
            let mut operation = Operation::new(kind, place);
            if let (Some(cell), false) = (kind.cell(), slot.followed.is_empty()) {
                let address = runtime.locations.address(cell);
                let found = slot.followed.iter().rev().find(|followed| followed.object.contains(&address));
                operation.address_from = found.map(|followed| followed.read);
            }
            (operation.data_from, operation.branch) = (slot.carried, slot.branch);
            slot.ahead.push(operation);
            if let Some(mut lives) = runtime.lives {
                // SAFETY: the code that allocates does not run now.
                let now = unsafe { &mut lives.as_mut().now };
                now.index += 1;
                now.place = Some(place);
            }
            slot.ahead.len()
        })
    }

    /// The object that lies there is accessed through a pointer that this read has returned, from now on.
    pub(crate) fn follow(self, read: u32, object: Range<usize>) {
        self.with(|runtime| {
            // SAFETY: the slot of the running thread is its own.
            let slot = unsafe { &mut *runtime.current };
            if let Some(mut lives) = runtime.lives {
                // SAFETY: the code that allocates does not run now.
                let lives = unsafe { lives.as_mut() };
                lives.followed.push((object.start, lives.now));
            }
            slot.followed.push(Followed { object, read });
        });
    }

    /// The read that the value of the next store depends on.
    pub(crate) fn set_carried(self, read: Option<u32>) {
        // SAFETY: the slot of the running thread is its own.
        unsafe { (*self.slot()).carried = read };
    }

    /// What comes now depends on this read, too. Yields the branch in which the thread was.
    pub(crate) fn enter_branch(self, read: u32) -> u32 {
        self.with(|runtime| {
            // SAFETY: the slot of the running thread is its own.
            let slot = unsafe { &mut *runtime.current };
            let inner = runtime.dependencies.branch(slot.branch, read);
            std::mem::replace(&mut slot.branch, inner)
        })
    }

    /// Goes back to the branch in which the thread was.
    pub(crate) fn leave_branch(self, branch: u32) {
        // SAFETY: the slot of the running thread is its own.
        unsafe { (*self.slot()).branch = branch };
    }

    /// The running thread begins to be a reader of RCU, or of an SRCU domain.
    pub(crate) fn begin_reader(self, domain: Option<CellId>) {
        // SAFETY: the slot of the running thread is its own.
        self.with(|runtime| unsafe { (*runtime.current).readers.push(domain) });
    }

    /// The running thread ceases to be such a reader.
    pub(crate) fn end_reader(self, domain: Option<CellId>) {
        self.with(|runtime| {
            // SAFETY: the slot of the running thread is its own.
            let readers = unsafe { &mut (*runtime.current).readers };
            if let Some(at) = readers.iter().rposition(|reader| *reader == domain) {
                readers.remove(at);
            }
        });
    }

    /// Is the running thread such a reader?
    pub(crate) fn is_reader(self, domain: Option<CellId>) -> bool {
        // SAFETY: the slot of the running thread is its own.
        self.with(|runtime| unsafe { (*runtime.current).readers.contains(&domain) })
    }

    /// Queues an operation that asks nothing.
    #[inline(always)]
    pub(crate) fn post(self, kind: Kind, place: &'static Location<'static>) {
        let ahead = self.queue(kind, place);
        // Who unwinds keeps the processor.
        if ahead > AHEAD && !std::thread::panicking() {
            self.suspend();
        }
    }

    /// Queues an operation, and waits until it has been answered.
    #[inline(always)]
    pub(crate) fn ask(self, kind: Kind, place: &'static Location<'static>) -> u64 {
        let slot = self.slot();
        self.queue(kind, place);
        // SAFETY: the slot of the running thread is its own.
        unsafe {
            (*slot).asks = true;
            self.suspend();
            (*slot).result
        }
    }

    /// Leaves the processor to the search.
    #[inline(always)]
    pub(crate) fn suspend(self) {
        let slot = self.slot();
        // SAFETY: the yielder is that of the running thread.
        unsafe { (*(*slot).yielder).suspend(()) };
    }

    /// The number of the event that the last question was.
    pub(crate) fn answered(self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.slot()).answered }
    }

    /// The number of the running thread.
    pub(crate) fn thread(self) -> u32 {
        // SAFETY: as above.
        unsafe { (*self.slot()).number }
    }

    /// The cell of a thread's token.
    pub(crate) fn token(self, thread: u32) -> CellId {
        self.with(|runtime| {
            let slot = runtime.slots[thread as usize].as_ptr();
            // SAFETY: slots live as long as the runtime.
            runtime.locations.hidden(unsafe { &raw const (*slot).token } as usize)
        })
    }

    /// Starts a thread, and queues this as a step. Yields its number.
    ///
    /// # Safety
    /// What the closure borrows must live until the thread has been joined, or else until the end of the run.
    pub(crate) unsafe fn spawn<T>(self, closure: impl FnOnce() -> T, place: &'static Location<'static>) -> u32 {
        let child = self.with(|runtime| {
            // SAFETY: the slot of the running thread is its own.
            let (parent, nth) = unsafe {
                let slot = &mut *runtime.current;
                slot.spawned += 1;
                (slot.number as usize, slot.spawned as usize - 1)
            };
            if nth == runtime.children[parent].len() {
                let fresh = runtime.slots.len() as u32;
                runtime.children[parent].push(fresh);
            }
            let child = runtime.children[parent][nth];
            runtime.start(child, closure);
            child
        });
        self.post(Kind::Spawn(child), place);
        child
    }

    /// Waits until a thread has ended, and takes what it returned.
    ///
    /// # Safety
    /// The thread returns a `T`, and it is not joined twice.
    pub(crate) unsafe fn join<T>(self, thread: u32, place: &'static Location<'static>) -> std::thread::Result<T> {
        self.ask(Kind::Join(thread), place);
        let slot = self.with(|runtime| runtime.slots[thread as usize].as_ptr());
        // SAFETY: the thread has ended (the search says so), and left its result on its stack; the caller takes it once.
        unsafe {
            let returned = (*slot).returned.cast::<ManuallyDrop<std::thread::Result<T>>>();
            assert!(!returned.is_null(), "thread {thread} ended in an earlier run, and asks more in this one");
            let returned = ManuallyDrop::take(&mut *returned);
            (*self.slot()).joined_a_panic |= returned.is_err();
            returned
        }
    }

    /// Has an object dropped when the run is over.
    ///
    /// # Safety
    /// `drop` may be called with `object`, once, at any later time, outside of the model.
    pub(crate) unsafe fn defer(self, object: *mut (), drop: unsafe fn(*mut ())) {
        self.with(|runtime| runtime.deferred.push(Deferred { object, drop }));
    }
}

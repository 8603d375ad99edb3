//! What the code of a thread does with its runtime.

use super::slot::{Followed, Local, Slot};
use super::{Blocked, Deferred, Runtime, running};
use crate::heap;
use crate::locations::CellId;
use crate::operation::{Kind, Operation};
use crate::panics::Panic;
use lkmm_model::event::{Fence, Mode};
use std::backtrace::Backtrace;
use std::mem::ManuallyDrop;
use std::ops::Range;
use std::panic::Location;
use std::ptr::NonNull;

/// Notes what a panicking thread says.
///
/// # Safety
/// This is the code of one of the runtime's threads.
pub(crate) unsafe fn note_panic(runtime: NonNull<Runtime>, panic: Panic) {
    // SAFETY: while its threads run, the runtime is theirs.
    unsafe { (*runtime.as_ptr()).last_panic = Some(panic) };
}

/// The running thread waits for something real, or accesses what is not there, at this address: leaves it there for ever.
///
/// # Safety
/// This is the code of one of the runtime's threads, which was interrupted where it may allocate.
pub(crate) unsafe fn give_up(
    runtime: NonNull<Runtime>,
    address: Option<usize>,
    backtrace: impl FnOnce() -> Backtrace,
) -> ! {
    let backtrace = heap::outside(backtrace);
    // SAFETY: while its threads run, the runtime is theirs.
    unsafe { (*runtime.as_ptr()).blocked = Some(Blocked { backtrace, address }) };
    loop {
        Current(runtime).suspend();
    }
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

    /// The runtime that is running.
    pub(super) fn of(runtime: NonNull<Runtime>) -> Self {
        Current(runtime)
    }

    /// Something that only this thread does now with the runtime.
    #[inline(always)]
    pub(crate) fn with<R>(self, then: impl FnOnce(&mut Runtime) -> R) -> R {
        // SAFETY: while its threads run, the runtime is theirs; only one runs, and `then` does not suspend it.
        let runtime = unsafe { &mut *self.0.as_ptr() };
        if !runtime.has_heap && runtime.first_run.is_none() {
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
                let led =
                    || slot.followed.last().filter(|_| runtime.follows_pointers && runtime.is_led_to(slot, address));
                operation.address_from = found.or_else(led).map(|followed| followed.read);
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
    pub(crate) fn begin_reader(self, domain: Option<CellId>, place: &'static Location<'static>) {
        self.with(|runtime| {
            let kind = domain.map_or(Kind::Fence(Fence::RcuLock), |cell| Kind::Load(cell, Mode::SrcuLock));
            let origin = runtime.origins.number(&Operation::new(kind, place));
            // SAFETY: the slot of the running thread is its own.
            unsafe { (*runtime.current).readers.push((domain, origin)) };
        });
    }

    /// The running thread ceases to be such a reader.
    pub(crate) fn end_reader(self, domain: Option<CellId>) {
        self.with(|runtime| {
            // SAFETY: the slot of the running thread is its own.
            let readers = unsafe { &mut (*runtime.current).readers };
            if let Some(at) = readers.iter().rposition(|reader| reader.0 == domain) {
                readers.remove(at);
            }
        });
    }

    /// Where the running thread began to be such a reader.
    pub(crate) fn reader(self, domain: Option<CellId>) -> Option<u32> {
        let find = |slot: &Slot| slot.readers.iter().find(|reader| reader.0 == domain).map(|reader| reader.1);
        // SAFETY: the slot of the running thread is its own.
        self.with(|runtime| find(unsafe { &*runtime.current }))
    }

    /// The running thread has taken the spinlock at an address.
    pub(crate) fn hold(self, lock: usize, place: &'static Location<'static>) {
        self.with(|runtime| {
            let origin = runtime.origins.number(&Operation::new(Kind::WaitForLock, place));
            // SAFETY: the slot of the running thread is its own.
            unsafe { (*runtime.current).spinlocks.push((lock, origin)) };
        });
    }

    /// The running thread has released a lock, which may be a spinlock. (Readers may have it several times.)
    pub(crate) fn let_go(self, lock: usize) {
        self.with(|runtime| {
            // SAFETY: the slot of the running thread is its own.
            let locks = unsafe { &mut (*runtime.current).spinlocks };
            if let Some(at) = locks.iter().rposition(|held| held.0 == lock) {
                locks.remove(at);
            }
        });
    }

    /// Where the running thread took a spinlock that it holds.
    pub(crate) fn spinlock(self) -> Option<u32> {
        // SAFETY: the slot of the running thread is its own.
        self.with(|runtime| unsafe { (*runtime.current).spinlocks.last().map(|held| held.1) })
    }

    /// Queues an operation that asks nothing.
    #[inline(always)]
    pub(crate) fn post(self, kind: Kind, place: &'static Location<'static>) {
        let ahead = self.add(kind, place);
        // SAFETY: while its threads run, the runtime is theirs.
        let most = unsafe { (*self.0.as_ptr()).ahead };
        // Who unwinds keeps the processor.
        if ahead > most && !std::thread::panicking() {
            self.suspend();
        }
    }

    /// Queues an operation that asks nothing, and leaves the processor to the search, once.
    pub(crate) fn leave(self, kind: Kind, place: &'static Location<'static>) {
        self.add(kind, place);
        self.suspend();
    }

    #[inline(always)]
    fn add(self, kind: Kind, place: &'static Location<'static>) -> usize {
        let ahead = self.queue(kind, place);
        if !matches!(kind, Kind::Fence(_) | Kind::Load(..)) {
            // SAFETY: the slot of the running thread is its own.
            unsafe { (*self.slot()).turn.change() };
        }
        ahead
    }

    /// The running thread lets others run. Is there no use in its going on, for it would but do again what it has done?
    pub(crate) fn ends_turn(self, place: &'static Location<'static>) -> bool {
        // SAFETY: the slot of the running thread is its own.
        unsafe { (*self.slot()).turn.ends(place) }
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

    /// Something with the thread-locals of the running thread, unless they have been dropped.
    fn with_locals<R>(self, then: impl FnOnce(&mut Vec<Local>) -> R) -> Option<R> {
        // SAFETY: the slot of the running thread is its own.
        self.with(|runtime| unsafe { (*runtime.current).locals.as_mut().map(then) })
    }

    /// The variable of the running thread that is known by this key, which is made if there is none. `None` when they have been dropped.
    pub(crate) fn local<T: 'static>(self, key: usize, make: impl FnOnce() -> T) -> Option<*const T> {
        unsafe fn drop_boxed<T>(value: *mut ()) {
            // SAFETY: it was a box of this type, and is dropped once.
            drop(unsafe { Box::from_raw(value.cast::<T>()) });
        }
        let known = |locals: &mut Vec<Local>| locals.iter().find(|local| local.key == key).map(|local| local.value);
        if let Some(value) = self.with_locals(known)? {
            return Some(value.cast());
        }
        let value = Box::into_raw(Box::new(make()));
        self.with_locals(|locals| locals.push(Local { key, value: value.cast(), drop: drop_boxed::<T> }))?;
        Some(value)
    }

    /// The running thread has come to its end: drops what it has for itself, the last one first.
    pub(super) fn drop_locals(self) {
        while let Some(local) = self.with_locals(Vec::pop).flatten() {
            // SAFETY: it was put there with the value, and is called once.
            unsafe { (local.drop)(local.value) };
        }
        // SAFETY: the slot of the running thread is its own.
        unsafe { (*self.slot()).locals = None };
    }

    /// The cell of a thread's token.
    pub(crate) fn token(self, thread: u32) -> CellId {
        self.with(|runtime| {
            let slot = runtime.slots[thread as usize].as_ptr();
            // SAFETY: slots live as long as the runtime.
            runtime.locations.hidden(unsafe { &raw const (*slot).token } as usize)
        })
    }

    /// Starts a thread, and queues this as a step. Yields its number. It may belong to a class, of which it is the first unless that is
    /// named.
    ///
    /// # Safety
    /// What the closure borrows must live until the thread has been joined, or else until the end of the run.
    pub(crate) unsafe fn spawn<T>(
        self,
        closure: impl FnOnce() -> T,
        class: Option<Option<u32>>,
        place: &'static Location<'static>,
    ) -> u32 {
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
            runtime.tell_what_is_there(parent, child as usize);
            child
        });
        self.post(Kind::Spawn(child, class.map(|first| first.unwrap_or(child))), place);
        child
    }

    /// Waits until a thread has ended, and takes what it returned.
    ///
    /// # Safety
    /// The thread returns a `T`, and it is not joined twice.
    pub(crate) unsafe fn join<T>(self, thread: u32, place: &'static Location<'static>) -> std::thread::Result<T> {
        let slot = self.with(|runtime| runtime.slots[thread as usize].as_ptr());
        // SAFETY: slots live as long as the runtime.
        if unsafe { (*slot).has_ended } {
            // The search knows that; it will say so.
            self.post(Kind::Join(thread), place);
        } else {
            self.ask(Kind::Join(thread), place);
        }
        // SAFETY: the thread has ended (the search says so), and left its result on its stack; the caller takes it once.
        unsafe {
            while (*slot).returned.is_null() {
                // It may be tried whether threads do the same when they read something else.
                (*self.slot()).refused = Some(["a thread ended that it joins", "that one goes on"]);
                self.suspend();
            }
            let returned = (*slot).returned.cast::<ManuallyDrop<std::thread::Result<T>>>();
            let returned = ManuallyDrop::take(&mut *returned);
            (*self.slot()).joined_a_panic |= returned.is_err();
            (*self.slot()).there.push((thread, u32::MAX));
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

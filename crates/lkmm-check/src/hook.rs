//! What crate `lkmm` calls when its code runs in a model. Nothing else has a use for it.
//!
//! An operation asks [`model`] whether it is in a model. If it is not, it does what it always does; that costs a look at a
//! variable of the thread. If it is, the [`Model`] does it.
//!
//! A thread that panics keeps the processor until it has unwound (whether a thread panics is known to `std` for each thread
//! of the operating system), so what it does on the way is done for real, and is no step. But what ends a critical section ends it in the model:
//! a thread that failed holds no lock, and reads nothing any more.

use crate::locations::CellId;
use crate::memory::Size;
use crate::operation::Kind;
pub use crate::operation::{Ordering, Update};
use crate::runtime::Current;
use crate::versions::Versions;
pub use crate::versions::{LARGE, Memory};
pub use lkmm_model::event::{Fence, Mode};
use lkmm_search::open::Within;
use std::marker::PhantomData;
use std::panic::Location;

/// Where an operation stands in the source.
pub type Place = &'static Location<'static>;

/// The model that the calling code is part of.
#[derive(Clone, Copy)]
pub struct Model(Current);

/// An object whose value the model does not know; memory alone holds it.
#[derive(Clone, Copy)]
pub struct Opaque {
    cell: CellId,
    address: usize,
}

/// Was this built for benchmarks? Cargo builds those with the dependencies of tests, and so with the checker. `cargo lkmm bench` builds
/// with `LKMM_UNCHECKED` in the environment: then no operation asks whether it is in a model, and there are none.
pub const UNCHECKED: bool = option_env!("LKMM_UNCHECKED").is_some();

/// The model that the calling code is part of, if it is part of one and does not panic.
#[inline(always)]
pub fn model() -> Option<Model> {
    if UNCHECKED {
        return None;
    }
    Current::get().and_then(unless_panicking)
}

/// The model that the calling code is part of, even if it panics. Only what ends something that began in the model may use
/// it, and only if that asks nothing.
#[inline(always)]
pub fn model_of_guard() -> Option<Model> {
    if UNCHECKED {
        return None;
    }
    Current::get().map(Model)
}

fn unless_panicking(current: Current) -> Option<Model> {
    (!std::thread::panicking()).then_some(Model(current))
}

/// Is this code that a panicking thread of a model runs on its way out?
pub fn unwinds() -> bool {
    std::thread::panicking() && Current::get().is_some()
}

impl Model {
    /// Reads a value.
    ///
    /// # Safety
    /// There is a live object of this size at the address, aligned to its size. (So for all operations with an address.)
    pub unsafe fn load(self, address: usize, size: Size, mode: Mode, place: Place) -> u64 {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, size) });
        self.0.ask(Kind::Load(cell, mode), place)
    }

    /// Writes a value.
    ///
    /// # Safety
    /// As for [`load`](Self::load), and the bits are a value of the object's type.
    pub unsafe fn store(self, address: usize, size: Size, bits: u64, mode: Mode, place: Place) {
        let cell = self.0.with(|runtime| {
            // SAFETY: the caller's promise.
            unsafe {
                let cell = runtime.locations.value(address, size);
                runtime.locations.put(cell, bits);
                cell
            }
        });
        self.0.post(Kind::Store(cell, mode, bits), place);
    }

    /// From now on, the running thread knows the object of this size at this address from what its last read returned: its
    /// accesses to it depend on that read by address.
    pub fn follow(self, address: usize, bytes: usize) {
        self.0.follow(self.0.answered(), address..address + bytes);
    }

    /// The number of the last read of the running thread.
    pub fn answered(self) -> u32 {
        self.0.answered()
    }

    /// As [`follow`](Self::follow), with the read of this number.
    pub fn follow_from(self, read: u32, address: usize, bytes: usize) {
        self.0.follow(read, address..address + bytes);
    }

    /// The value of the store that `store` does depends on the read of this number.
    pub fn carry(self, read: u32, store: impl FnOnce()) {
        self.0.set_carried(Some(read));
        store();
        self.0.set_carried(None);
    }

    /// Whether `then` does what it does depends on the read of this number.
    pub fn branch<R>(self, read: u32, then: impl FnOnce() -> R) -> R {
        struct Leave(Current, u32);
        impl Drop for Leave {
            fn drop(&mut self) {
                self.0.leave_branch(self.1);
            }
        }
        let _leave = Leave(self.0, self.0.enter_branch(read));
        then()
    }

    /// Reads a value, and writes what the update makes of it. Yields the value that was read.
    ///
    /// # Safety
    /// As for [`store`](Self::store).
    pub unsafe fn update(self, address: usize, size: Size, update: Update, ordering: Ordering, place: Place) -> u64 {
        // SAFETY: the caller's promise.
        unsafe { self.read_modify_write(address, size, update, ordering, false, place) }
    }

    /// An update as Rust has it. If it fails, it is a load in a mode of its own (the kernel's `cmpxchg` is relaxed then). And who reads
    /// what it wrote has read what it found, also in its own thread: it is part of a release sequence.
    ///
    /// # Safety
    /// As for [`store`](Self::store).
    pub unsafe fn rust_update(
        self,
        address: usize,
        size: Size,
        update: Update,
        (ordering, fails): (Ordering, Mode),
        place: Place,
    ) -> u64 {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, size) });
        let mask = size.mask();
        self.0.ask(Kind::Update { cell, update, ordering, fails, bound: true, void: false, mask }, place)
    }

    /// An update that is relaxed and does not tell what it found (`atomic_add`).
    ///
    /// # Safety
    /// As for [`store`](Self::store).
    pub unsafe fn void_update(self, address: usize, size: Size, update: Update, place: Place) {
        // SAFETY: the caller's promise.
        unsafe { self.read_modify_write(address, size, update, Ordering::Relaxed, true, place) };
    }

    unsafe fn read_modify_write(
        self,
        address: usize,
        size: Size,
        update: Update,
        ordering: Ordering,
        void: bool,
        place: Place,
    ) -> u64 {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, size) });
        let (fails, bound, mask) = (Mode::Once, false, size.mask());
        self.0.ask(Kind::Update { cell, update, ordering, fails, bound, void, mask }, place)
    }

    /// A fence or an RCU event.
    pub fn fence(self, fence: Fence, place: Place) {
        match fence {
            Fence::RcuLock => self.0.begin_reader(None, place),
            Fence::RcuUnlock => self.0.end_reader(None),
            Fence::SyncRcu => self.wait_for_readers(None, place),
            _ => {}
        }
        match fence {
            // Whatever the thread frees next, it should not free before it must.
            Fence::SyncRcu => self.0.leave(Kind::Fence(fence), place),
            _ => self.0.post(Kind::Fence(fence), place),
        }
    }

    /// Reads a value of which the running thread has become the only owner, and has memory hold it: what was written last in
    /// the order of exploration need not be what was written last.
    ///
    /// # Safety
    /// As for [`store`](Self::store).
    pub unsafe fn settle(self, address: usize, size: Size, mode: Mode, place: Place) {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, size) });
        let bits = self.0.ask(Kind::Load(cell, mode), place);
        // SAFETY: the caller's promise, and some thread has written this there.
        self.0.with(|runtime| unsafe { runtime.locations.put(cell, bits) });
    }

    /// Where this run has an object whose value the model does not know.
    ///
    /// # Safety
    /// There is such an object, and nobody writes to it but where this function says it is.
    pub unsafe fn object<T>(self, at: *mut T) -> *mut T {
        // SAFETY: the caller's promise.
        self.0.with(|runtime| unsafe { runtime.locations.object(at) })
    }

    /// An object whose value the model does not know.
    pub fn opaque(self, address: usize) -> Opaque {
        Opaque { cell: self.0.with(|runtime| runtime.locations.opaque(address)), address }
    }

    /// Such an object that says whether it is initialised.
    ///
    /// # Safety
    /// The flag is the object's.
    pub unsafe fn opaque_slot(self, address: usize, is_init: *const bool) -> Opaque {
        // SAFETY: the caller's promise.
        Opaque { cell: self.0.with(|runtime| unsafe { runtime.locations.slot(address, None, *is_init) }), address }
    }

    /// Such an object is initialised from now on.
    ///
    /// # Safety
    /// As for [`opaque_slot`](Self::opaque_slot).
    pub unsafe fn set_init(self, object: Opaque, is_init: *mut bool) {
        // SAFETY: the caller's promise; the value of an opaque object is put nowhere.
        self.0.with(|runtime| unsafe {
            if runtime.locations.put_slot(object.cell, 0) {
                *is_init = true;
            }
        });
    }

    /// Reads an object, plainly. Yields the name of the write that it reads from.
    pub fn look(self, object: Opaque, place: Place) -> u64 {
        self.0.ask(Kind::Load(object.cell, Mode::Plain), place)
    }

    /// Writes an object, plainly, of which only memory knows what it holds.
    pub fn overwrite(self, object: Opaque, place: Place) {
        self.0.post(Kind::Store(object.cell, Mode::Plain, 0), place);
    }

    /// Copies what a write has left in an object, if memory holds something else.
    ///
    /// # Safety
    /// The memory is the object's, and there is as much where it is copied to.
    pub unsafe fn copy(self, object: Opaque, version: u64, memory: Memory, to: *mut u8) -> bool {
        self.0.with(|runtime| {
            let (versions, variables) = runtime.locations.versions(object.address);
            // SAFETY: the caller's promise.
            unsafe { versions.copy(object.cell, version, memory, to, &variables) }
        })
    }

    /// An object is about to be changed: what this write has left, if it is known.
    ///
    /// # Safety
    /// The memory is the object's, and nobody looks at it.
    pub unsafe fn begin_change(self, object: Opaque, after: Option<u64>, memory: Memory) {
        self.0.with(|runtime| {
            let (versions, variables) = runtime.locations.versions(object.address);
            // SAFETY: the caller's promise.
            unsafe { versions.begin(object.cell, after, memory, &variables) }
        });
    }

    /// It has been changed: a plain write.
    ///
    /// # Safety
    /// The memory is still there.
    pub unsafe fn end_change(self, object: Opaque, place: Place) {
        let thread = self.0.thread();
        let end = |versions: &mut Versions| {
            // SAFETY: the caller's promise.
            unsafe { versions.end(object.cell, thread, place) }
        };
        let version = self.0.with(|runtime| end(runtime.locations.versions(object.address).0));
        self.0.post(Kind::Store(object.cell, Mode::Plain, version), place);
    }

    /// It has been given up to change it.
    pub fn give_up_change(self, object: Opaque) {
        self.0.with(|runtime| runtime.locations.versions(object.address).0.forget(object.cell));
    }

    /// Has memory hold what a write has left in an object.
    ///
    /// # Safety
    /// The object is there, and nobody looks at it.
    pub unsafe fn settle_opaque(self, object: Opaque, version: u64) {
        self.0.with(|runtime| {
            let (versions, variables) = runtime.locations.versions(object.address);
            // SAFETY: the caller's promise.
            unsafe { versions.settle(object.cell, version, &variables) }
        });
    }

    /// Reads a variable, plainly, that says whether it is initialised.
    ///
    /// # Safety
    /// As for [`load`](Self::load), but that the object may not be initialised; the flag is the object's.
    pub unsafe fn load_slot(self, address: usize, size: Size, is_init: *const bool, place: Place) -> u64 {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.slot(address, Some(size), *is_init) });
        self.0.ask(Kind::Load(cell, Mode::Plain), place)
    }

    /// Writes such a variable.
    ///
    /// # Safety
    /// As for [`store`](Self::store) and [`load_slot`](Self::load_slot).
    pub unsafe fn store_slot(self, address: usize, size: Size, is_init: *mut bool, bits: u64, place: Place) {
        let cell = self.0.with(|runtime| {
            // SAFETY: the caller's promise.
            unsafe {
                let cell = runtime.locations.slot(address, Some(size), *is_init);
                if runtime.locations.put_slot(cell, bits) {
                    *is_init = true;
                }
                cell
            }
        });
        self.0.post(Kind::Store(cell, Mode::Plain, bits), place);
    }

    /// `spin_lock`; or `mutex_lock`, if who holds it, or waits for it, may sleep.
    ///
    /// # Safety
    /// The address is that of a live `u32`, which is 1 while the lock is held, and 0 otherwise.
    pub unsafe fn lock(self, address: usize, may_sleep: bool, place: Place) {
        if may_sleep {
            self.might_sleep(place);
        }
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, Size::Four) });
        self.0.ask(Kind::Lock(cell), place);
        if !may_sleep {
            self.hold(address, place);
        }
    }

    /// `spin_trylock`, or `mutex_trylock`. Was the lock free?
    ///
    /// # Safety
    /// As for [`lock`](Self::lock).
    pub unsafe fn try_lock(self, address: usize, may_sleep: bool, place: Place) -> bool {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, Size::Four) });
        let is_taken = self.0.ask(Kind::TryLock(cell), place) == 0;
        if is_taken && !may_sleep {
            self.hold(address, place);
        }
        is_taken
    }

    /// The running thread has taken the lock at this address, for which others spin.
    pub fn hold(self, address: usize, place: Place) {
        self.0.hold(address, place);
    }

    /// The running thread has released the lock at this address.
    pub fn let_go(self, address: usize) {
        self.0.let_go(address);
    }

    /// `spin_is_locked`.
    ///
    /// # Safety
    /// As for [`lock`](Self::lock).
    pub unsafe fn is_locked(self, address: usize, place: Place) -> bool {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, Size::Four) });
        self.0.ask(Kind::IsLocked(cell), place) != 0
    }

    /// `spin_unlock`.
    ///
    /// # Safety
    /// As for [`lock`](Self::lock).
    pub unsafe fn unlock(self, address: usize, place: Place) {
        let cell = self.0.with(|runtime| {
            // SAFETY: the caller's promise.
            unsafe {
                let cell = runtime.locations.value(address, Size::Four);
                runtime.locations.put(cell, 0);
                cell
            }
        });
        self.let_go(address);
        self.0.post(Kind::Unlock(cell), place);
    }

    /// `srcu_read_lock`. Yields what [`srcu_unlock`](Self::srcu_unlock) of this thread wants to have.
    ///
    /// # Safety
    /// The address is that of a live `u32`, which nothing else uses.
    pub unsafe fn srcu_lock(self, address: usize, place: Place) -> u32 {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, Size::Four) });
        self.0.begin_reader(Some(cell), place);
        self.0.ask(Kind::Load(cell, Mode::SrcuLock), place);
        self.0.answered()
    }

    /// `srcu_read_unlock`.
    ///
    /// # Safety
    /// As for [`srcu_lock`](Self::srcu_lock).
    pub unsafe fn srcu_unlock(self, address: usize, lock: u32, place: Place) {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, Size::Four) });
        self.0.end_reader(Some(cell));
        self.0.post(Kind::SrcuUnlock(cell, lock), place);
    }

    /// `synchronize_srcu`.
    ///
    /// # Safety
    /// As for [`srcu_lock`](Self::srcu_lock).
    pub unsafe fn synchronize_srcu(self, address: usize, place: Place) {
        // SAFETY: the caller's promise.
        let cell = self.0.with(|runtime| unsafe { runtime.locations.value(address, Size::Four) });
        self.wait_for_readers(Some(cell), place);
        self.0.leave(Kind::SyncSrcu(cell), place);
    }

    /// Any number below this one: each is explored.
    pub fn choose(self, below: u32, place: Place) -> u32 {
        self.0.ask(Kind::Choose(below), place) as u32
    }

    /// What this thread has read does not let it go on, and it would but read it again: this execution ends here for it.
    pub fn wait(self, place: Place) {
        self.0.leave(Kind::Wait, place);
    }

    /// This thread lets others run. If it has come here before, has done nothing since but read the same as the time before that,
    /// it [waits](Self::wait).
    pub fn yield_now(self, place: Place) {
        if self.0.ends_turn(place) {
            self.wait(place);
        }
    }

    /// As [`wait`](Self::wait), for a lock.
    pub fn wait_for_lock(self, place: Place) {
        self.0.leave(Kind::WaitForLock, place);
    }

    /// Waits for the readers of RCU, or of a domain. No execution of the model has a thread go on that is such a reader itself, or
    /// holds a spinlock. (That a reader of RCU waits for a domain, the model says by a flag.)
    fn wait_for_readers(self, domain: Option<CellId>, place: Place) {
        if self.0.reader(domain).is_some() {
            self.stop(Kind::WaitForReaders, place);
        }
        if let Some(lock) = self.0.spinlock() {
            self.stop(Kind::Sleep(Within::Spinlock, lock), place);
        }
    }

    /// The running thread is about to do what may sleep (`might_sleep`). No execution of the model has it go on if it is a reader of
    /// RCU, or holds a spinlock.
    pub fn might_sleep(self, place: Place) {
        if let Some(lock) = self.0.spinlock() {
            self.stop(Kind::Sleep(Within::Spinlock, lock), place);
        }
        if let Some(reader) = self.0.reader(None) {
            self.stop(Kind::Sleep(Within::Reader, reader), place);
        }
    }

    /// The running thread does not go on.
    fn stop(self, misuse: Kind, place: Place) -> ! {
        loop {
            self.0.leave(misuse, place);
        }
    }

    /// Waits for the running thread's token, and takes it. (Nobody else does: who has seen it finds it.)
    pub fn park(self, place: Place) {
        self.might_sleep(place);
        let cell = self.0.token(self.0.thread());
        while self.0.ask(Kind::Load(cell, Mode::Once), place) == 0 {
            self.wait(place);
        }
        self.0.ask(Self::of_token(cell, Update::CompareExchange(1, 0), Ordering::Acquire), place);
    }

    /// Gives a thread its token.
    pub fn unpark(self, thread: u32, place: Place) {
        let cell = self.0.token(thread);
        self.0.ask(Self::of_token(cell, Update::Exchange(1), Ordering::Release), place);
    }

    fn of_token(cell: CellId, update: Update, ordering: Ordering) -> Kind {
        Kind::Update { cell, update, ordering, fails: Mode::Once, bound: false, void: false, mask: u64::MAX }
    }

    /// The variable of the running thread that is known by this key (the address of a static, say), which is made if there is none. `None` when
    /// they have been dropped, as they are when the thread has ended, the last one first.
    pub fn local<T: 'static>(self, key: usize, make: impl FnOnce() -> T) -> Option<*const T> {
        self.0.local(key, make)
    }

    /// The number of the running thread.
    pub fn thread(self) -> u32 {
        self.0.thread()
    }

    /// Starts a thread.
    ///
    /// # Safety
    /// What the closure borrows must live until the thread has been joined, or else until the end of the run.
    pub unsafe fn spawn<T>(self, closure: impl FnOnce() -> T, place: Place) -> JoinHandle<T> {
        // SAFETY: the caller's promise.
        JoinHandle { thread: unsafe { self.0.spawn(closure, None, place) }, returns: PhantomData }
    }

    /// Starts a thread of a class: of threads that do the same when they read the same, and that are joined one right after the other, or not at
    /// all. `first` is the first of them; none if it is this one.
    ///
    /// # Safety
    /// As for [`spawn`](Self::spawn).
    pub unsafe fn spawn_alike<T>(self, closure: impl FnOnce() -> T, first: Option<u32>, place: Place) -> JoinHandle<T> {
        // SAFETY: the caller's promise.
        JoinHandle { thread: unsafe { self.0.spawn(closure, Some(first), place) }, returns: PhantomData }
    }

    /// Has an object dropped when the run is over, if it comes to an end. (A thread that waited for readers frees what
    /// they used. In the execution that is explored they are through with it; but they may not have run yet.)
    pub fn defer_drop<T: 'static>(self, object: T) {
        unsafe fn drop_boxed<T>(object: *mut ()) {
            // SAFETY: it was a box before `defer_drop` took it, and is dropped once.
            drop(unsafe { Box::from_raw(object.cast::<T>()) });
        }
        let object = Box::into_raw(Box::new(object));
        // SAFETY: the box is handed over, and borrows nothing.
        unsafe { self.0.defer(object.cast(), drop_boxed::<T>) };
    }
}

/// A thread of the model that can be joined.
#[derive(Debug)]
pub struct JoinHandle<T> {
    thread: u32,
    returns: PhantomData<T>,
}

// SAFETY: it is a number; what the thread returned goes to where it is joined, as `std`'s does.
unsafe impl<T> Send for JoinHandle<T> {}
// SAFETY: a shared reference to it yields the number only.
unsafe impl<T> Sync for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    /// The number of the thread.
    pub fn thread(&self) -> u32 {
        self.thread
    }

    /// Waits until the thread has ended. Yields what it returned, or what it panicked with.
    ///
    /// # Panics
    /// Outside of the thread's model, and in code that already panics.
    pub fn join(self, place: Place) -> std::thread::Result<T> {
        let model = model().expect("a thread of a model is joined in the model");
        model.might_sleep(place);
        // SAFETY: the handle was made by `spawn` for this type; it is used up.
        unsafe { model.0.join(self.thread, place) }
    }
}

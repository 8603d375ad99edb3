//! The model heap: an allocator under which every run of a model allocates at the same addresses.
//!
//! A thread of a model allocates from an arena of its own, so that the addresses it gets depend only on what it did before, and a
//! replay finds its objects where they were. When a run is over, its arenas are empty again, whether or not its objects
//! have been freed: executions that are given up leak nothing. Within a run no memory is used twice: a thread that
//! follows a pointer to what another one has freed finds what was there.
//!
//! All arenas lie in one range of addresses, so that whoever frees an object knows at a glance where it comes from.
//!
//! It is opt-in, by [`heap!`](crate::heap) in the crate of the tests, because it is a global allocator, and because of
//! what it asks: what is allocated in a model must not outlive the run. Things that threads of the model keep elsewhere, in a
//! static or in something that the closure captures, are to be allocated [`outside`].

use crate::life;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::ptr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The size of an arena: so much a thread can allocate in one run, in bytes. Beyond that it is given ordinary memory.
const ARENA: usize = 64 << 20;
/// So much of an object is filled, in bytes: larger ones are buffers, and are not atomics.
const FILLED: usize = 64 << 10;
/// The size of the range in which the arenas are: only a part that is used takes memory.
const RANGE: usize = 256 << 30;

/// Where the range begins; 0 as long as there is none.
static START: AtomicUsize = AtomicUsize::new(0);

/// The arenas that nobody uses, and how many there are altogether.
static FREE: Mutex<(Vec<usize>, usize)> = Mutex::new((Vec::new(), 0));

thread_local! {
    /// The arena from which the running code allocates.
    static CURRENT: Cell<*const Arena> = const { Cell::new(ptr::null()) };
}

/// An allocator that gives the threads of a model memory of their own, and everybody else that of another allocator.
#[derive(Debug, Default)]
pub struct Heap<A = System>(A);

impl Heap {
    /// Beside the allocator of the system.
    pub const fn new() -> Self {
        Heap(System)
    }
}

impl<A> Heap<A> {
    /// Beside another allocator.
    pub const fn beside(allocator: A) -> Self {
        Heap(allocator)
    }
}

/// Makes the model heap the global allocator of the crate: `lkmm::check::heap!();`, or `lkmm::check::heap!(A, a);` beside
/// an allocator of one's own. See [`Heap`](crate::Heap) for what it does.
#[macro_export]
macro_rules! heap {
    () => {
        #[global_allocator]
        static LKMM_MODEL_HEAP: $crate::Heap = $crate::Heap::new();
    };
    ($type:ty, $allocator:expr) => {
        #[global_allocator]
        static LKMM_MODEL_HEAP: $crate::Heap<$type> = $crate::Heap::beside($allocator);
    };
}

// SAFETY: memory comes from the other allocator and goes back there, or from an arena, which gives no memory out twice
// before it is emptied; then, says `Arena::clear`, nobody uses what it gave out.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Heap<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let arena = CURRENT.get();
        if !arena.is_null() {
            // SAFETY: an arena is alive while it is current.
            if let Some(memory) = unsafe { (*arena).take(layout) } {
                let number = outside(|| life::allocated(memory.addr(), layout.size()));
                // SAFETY: so says `take`.
                unsafe {
                    memory.cast::<u32>().sub(1).write(number);
                    (*arena).fill(memory, layout);
                }
                return memory;
            }
        }
        // SAFETY: the caller's promise.
        let memory = unsafe { self.0.alloc(layout) };
        if let Some(first) = first_run() {
            outside(|| first.borrow_mut().allocated.push(memory.addr()..memory.addr() + layout.size()));
        }
        memory
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        if let (false, Some(first)) = (is_in_arena(memory), first_run()) {
            outside(|| first.borrow_mut().freed.push((memory, layout)));
        } else if !is_in_arena(memory) {
            // SAFETY: the caller's promise; it comes from there.
            unsafe { self.0.dealloc(memory, layout) };
        } else {
            note_free(memory);
        }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !is_in_arena(memory) && first_run().is_none() {
            // SAFETY: the caller's promise; it comes from there.
            return unsafe { self.0.realloc(memory, layout, size) };
        }
        // SAFETY: the caller promises that the size fits the layout, and that the memory is of the old size.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(memory, moved, layout.size().min(size));
                self.dealloc(memory, layout);
            }
            moved
        }
    }
}

fn is_in_arena(memory: *mut u8) -> bool {
    is_in_range(memory.addr())
}

/// Does an address lie in the range of all arenas?
pub(crate) fn is_in_range(address: usize) -> bool {
    let start = START.load(Ordering::Relaxed);
    start != 0 && address.wrapping_sub(start) < RANGE
}

/// What is noted of the first run, if this is code of a model in it.
fn first_run() -> Option<&'static RefCell<FirstRun>> {
    let arena = CURRENT.get();
    // SAFETY: an arena is alive while it is current, which it is as long as this code runs.
    if arena.is_null() { None } else { unsafe { (*arena).first_run.as_ref() } }
}

/// A run that has ordinary memory, so that what is allocated once and for all is not taken from an arena.
///
/// What it frees is not freed before its end, and once: like the others, it may come to a use after free, and may free twice.
#[derive(Debug, Default)]
struct FirstRun {
    allocated: Vec<Range<usize>>,
    freed: Vec<(*mut u8, Layout)>,
}

impl Drop for FirstRun {
    fn drop(&mut self) {
        self.freed.sort_unstable_by_key(|freed| freed.0.addr());
        self.freed.dedup_by_key(|freed| freed.0.addr());
        for (memory, layout) in self.freed.drain(..) {
            // SAFETY: this was asked for in the run, whose code has ended.
            unsafe { std::alloc::dealloc(memory, layout) };
        }
    }
}

/// Code of a model frees what comes from an arena.
fn note_free(memory: *mut u8) {
    if !CURRENT.get().is_null() {
        // SAFETY: `alloc` has written it there.
        let number = unsafe { memory.cast::<u32>().sub(1).read() };
        outside(|| life::freed(memory.addr(), number));
    }
}

/// Runs code that allocates ordinary memory, though it is code of a model: for what outlives the run.
pub fn outside<R>(then: impl FnOnce() -> R) -> R {
    struct Restore(*const Arena);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.set(self.0);
        }
    }
    let _restore = Restore(CURRENT.replace(ptr::null()));
    then()
}

/// Is the model heap the global allocator?
pub(crate) fn is_installed() -> bool {
    let Some(arena) = Arena::new() else { return false };
    CURRENT.set(&raw const arena);
    let probe = Box::new(0_u64);
    CURRENT.set(ptr::null());
    is_in_arena(ptr::from_ref(&*probe).cast_mut().cast())
}

/// Has the code that runs now allocate from an arena, or from ordinary memory.
pub(crate) fn use_arena(arena: Option<&Arena>) {
    CURRENT.set(arena.map_or(ptr::null(), ptr::from_ref));
}

/// Memory for the objects of one thread.
#[derive(Debug)]
pub(crate) struct Arena {
    start: usize,
    used: Cell<usize>,
    fill: Cell<Option<u8>>,
    /// It is none: this is the first run.
    first_run: Option<RefCell<FirstRun>>,
}

impl Arena {
    /// An empty arena, if there is memory for one.
    pub(crate) fn new() -> Option<Arena> {
        let mut free = FREE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if START.load(Ordering::Relaxed) == 0 {
            START.store(reserve()?, Ordering::Relaxed);
        }
        let start = match free.0.pop() {
            Some(start) => start,
            None => {
                let start = START.load(Ordering::Relaxed) + free.1 * ARENA;
                if (free.1 + 1) * ARENA > RANGE || !commit(start) {
                    return None;
                }
                free.1 += 1;
                start
            }
        };
        Some(Arena { start, used: Cell::new(0), fill: Cell::new(None), first_run: None })
    }

    /// What the threads of the first run have instead of arenas: it has no memory of its own.
    pub(crate) fn of_first_run() -> Arena {
        Arena { start: 0, used: Cell::new(ARENA), fill: Cell::new(None), first_run: Some(RefCell::default()) }
    }

    /// Was memory allocated there in the first run, if this is it?
    pub(crate) fn has_allocated(&self, address: usize) -> bool {
        let is_there =
            |first: &RefCell<FirstRun>| first.borrow().allocated.iter().any(|range| range.contains(&address));
        self.first_run.as_ref().is_some_and(is_there)
    }

    /// Has the memory that is handed out from now on hold this in each byte.
    pub(crate) fn fill_with(&self, fill: Option<u8>) {
        self.fill.set(fill);
    }

    /// # Safety
    /// The memory is of this layout, and nobody else uses it.
    unsafe fn fill(&self, memory: *mut u8, layout: Layout) {
        if let Some(fill) = self.fill.get() {
            // SAFETY: the caller's promise.
            unsafe { memory.write_bytes(fill, layout.size().min(FILLED)) };
        }
    }

    /// Memory, with room for the object's number in front of it.
    fn take(&self, layout: Layout) -> Option<*mut u8> {
        if self.first_run.is_some() {
            return None;
        }
        let behind = self.start + self.used.get() + size_of::<u32>();
        let at = behind.checked_next_multiple_of(layout.align().max(align_of::<u32>()))?;
        let end = at.checked_add(layout.size())?;
        if end > self.start + ARENA {
            return None;
        }
        self.used.set(end - self.start);
        Some(ptr::with_exposed_provenance_mut(at))
    }

    /// How far into it an address is.
    pub(crate) fn offset(&self, address: usize) -> Option<usize> {
        address.checked_sub(self.start).filter(|offset| *offset < ARENA)
    }

    /// So much of it is used, in bytes.
    pub(crate) fn used(&self) -> usize {
        self.used.get()
    }

    /// Takes all memory back.
    ///
    /// # Safety
    /// Nobody uses it any more.
    pub(crate) unsafe fn clear(&self) {
        self.used.set(0);
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        if self.first_run.is_some() {
            return;
        }
        FREE.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).0.push(self.start);
    }
}

/// Reserves the range of all arenas.
#[cfg(unix)]
fn reserve() -> Option<usize> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
    // SAFETY: a new mapping, wherever the system wants it to be.
    let start = unsafe { libc::mmap(ptr::null_mut(), RANGE, libc::PROT_NONE, flags, -1, 0) };
    (start != libc::MAP_FAILED).then(|| start.expose_provenance())
}

/// Lets an arena be used.
#[cfg(unix)]
fn commit(start: usize) -> bool {
    let memory = ptr::with_exposed_provenance_mut(start);
    // SAFETY: it is part of the range that was reserved.
    unsafe { libc::mprotect(memory, ARENA, libc::PROT_READ | libc::PROT_WRITE) == 0 }
}

#[cfg(not(unix))]
fn reserve() -> Option<usize> {
    None
}

#[cfg(not(unix))]
fn commit(_: usize) -> bool {
    false
}

//! What was in objects whose values the model does not know.
//!
//! Of such an object the model knows which write a read reads from; what that has written, memory alone holds. But memory has what was written last in the
//! order of exploration, which need not be what the reader is to see: who reuses an object after a grace period may have been run before a reader of RCU
//! that still looks at what was there. So writes have names, what each has left is kept, and a read that is to see something else than memory holds is given
//! a copy. A read does not change memory, for others look at it by other means.
//!
//! Only objects without drop glue are treated so (a copy of an owner might be dropped), and without variables that have values of their own, as far as these are
//! known; and only small ones. An object that has been changed by other means since its last write is another one, made anew there: what it holds then it held at
//! first, and what was kept is forgotten. (One that is made anew with the same content is not noticed.)

use crate::locations::CellId;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::panic::Location;

/// The memory of an object that has no drop glue.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Where it is in this run.
    pub at: *mut u8,
    /// In bytes.
    pub size: usize,
}

/// What was there before anything was written in this run.
const FIRST: u64 = 0;

/// Of larger objects, in bytes, nothing is kept.
pub const LARGE: usize = 4096;

/// The contents of the objects of one run.
#[derive(Default)]
pub(crate) struct Versions {
    objects: FxHashMap<CellId, Object>,
}

struct Object {
    memory: Memory,
    /// The write that memory holds; `None` while one is on its way.
    now: Option<u64>,
    /// What each write has left there.
    kept: FxHashMap<u64, Bytes>,
    writes: Vec<Writes>,
}

/// How often a thread has written from a place, but for the first time.
struct Writes {
    thread: u32,
    place: &'static Location<'static>,
    count: u16,
}

/// What memory held.
struct Bytes(Box<[u8]>);

/// Where the variables are, which have values of their own, in so many bytes of an object.
type Variables<'a> = &'a dyn Fn(usize) -> Vec<Range<usize>>;

impl Versions {
    pub(crate) fn clear(&mut self) {
        self.objects.clear();
    }

    /// The object, with what was kept of it if that is still true.
    ///
    /// # Safety
    /// The memory is there.
    unsafe fn object(&mut self, cell: CellId, memory: Memory, variables: Variables<'_>) -> &mut Object {
        // SAFETY: the caller's promise.
        unsafe {
            let object = self.objects.entry(cell).or_insert_with(|| Object::new(memory));
            if !object.is_whole(memory, variables) {
                *object = Object { writes: std::mem::take(&mut object.writes), ..Object::new(memory) };
            }
            object
        }
    }

    /// Copies what a read sees that reads from this write, if memory holds something else. (If there are variables in the object, there are no copies.)
    ///
    /// # Safety
    /// The object's memory is there, and there is as much where it is copied to.
    pub(crate) unsafe fn copy(
        &mut self,
        cell: CellId,
        version: u64,
        memory: Memory,
        to: *mut u8,
        variables: Variables<'_>,
    ) -> bool {
        // SAFETY: the caller's promise.
        unsafe {
            let object = self.object(cell, memory, variables);
            let version = object.known(version);
            let is_elsewhere = object.now != Some(version) && variables(memory.size).is_empty();
            if is_elsewhere {
                object.kept[&version].write_to(to);
            }
            is_elsewhere
        }
    }

    /// An object is about to be changed. If that begins with what a write has left, memory gets that.
    ///
    /// # Safety
    /// The object's memory is there, and nobody looks at it.
    pub(crate) unsafe fn begin(&mut self, cell: CellId, after: Option<u64>, memory: Memory, variables: Variables<'_>) {
        // SAFETY: the caller's promise.
        unsafe {
            let object = self.object(cell, memory, variables);
            if let Some(after) = after {
                object.turn_to(after, variables);
            }
            object.now = None;
        }
    }

    /// The change has come to nothing that is known.
    pub(crate) fn forget(&mut self, cell: CellId) {
        self.objects.remove(&cell);
    }

    /// A thread has changed an object. Yields the name of the write: who writes from where, and how often it has done so.
    ///
    /// # Safety
    /// The object's memory is there.
    pub(crate) unsafe fn end(&mut self, cell: CellId, thread: u32, place: &'static Location<'static>) -> u64 {
        let Some(object) = self.objects.get_mut(&cell) else { return FIRST };
        let count = object.count(thread, place);
        let mut hasher = FxHasher::default();
        (place.file(), place.line(), place.column()).hash(&mut hasher);
        let version = (u64::from(thread) + 1) << 48 | (hasher.finish() & 0xffff_ffff) << 16 | u64::from(count);
        // SAFETY: the caller's promise.
        object.kept.insert(version, unsafe { Bytes::of(object.memory) });
        object.now = Some(version);
        version
    }

    /// Has memory hold what this write has left, for who looks at it by other means.
    ///
    /// # Safety
    /// The memory of the object, if anything was kept of it, is there, and nobody looks at it.
    pub(crate) unsafe fn settle(&mut self, cell: CellId, version: u64, variables: Variables<'_>) {
        let Some(object) = self.objects.get_mut(&cell) else { return };
        // SAFETY: the caller's promise.
        unsafe {
            if object.now.is_some() && object.is_whole(object.memory, variables) {
                object.turn_to(version, variables);
            }
        }
    }
}

impl Object {
    /// # Safety
    /// The memory is there.
    unsafe fn new(memory: Memory) -> Object {
        // SAFETY: the caller's promise.
        let first = unsafe { Bytes::of(memory) };
        Object { memory, now: Some(FIRST), kept: FxHashMap::from_iter([(FIRST, first)]), writes: Vec::new() }
    }

    /// Is it the same object, which holds what was left there? (While it is being changed, it holds anything.)
    ///
    /// # Safety
    /// The memory is there.
    unsafe fn is_whole(&self, memory: Memory, variables: Variables<'_>) -> bool {
        if (self.memory.at, self.memory.size) != (memory.at, memory.size) {
            return false;
        }
        let Some(now) = self.now else { return true };
        let kept = &self.kept[&now].0;
        // SAFETY: the caller's promise. (Volatile, as in `Bytes::of`.)
        let differs = |&offset: &usize| unsafe { memory.at.add(offset).read_volatile() } != kept[offset];
        let Some(first) = (0..memory.size).find(differs) else { return true };
        let variables = variables(memory.size);
        let is_in_variable = |offset: usize| variables.iter().any(|variable| variable.contains(&offset));
        (first..memory.size).filter(differs).all(is_in_variable)
    }

    /// A write that something is kept of. What was written to an object that was there before, this one holds at first.
    fn known(&self, version: u64) -> u64 {
        if self.kept.contains_key(&version) { version } else { FIRST }
    }

    /// Has memory hold what a write has left, if that was kept.
    ///
    /// # Safety
    /// The memory is there, and nobody looks at it.
    unsafe fn turn_to(&mut self, version: u64, variables: Variables<'_>) {
        let version = self.known(version);
        if self.now != Some(version) && variables(self.memory.size).is_empty() {
            // SAFETY: the caller's promise; what is kept is as large as the object.
            unsafe { self.kept[&version].write_to(self.memory.at) };
            self.now = Some(version);
        }
    }

    /// How often a thread has written from a place before.
    fn count(&mut self, thread: u32, place: &'static Location<'static>) -> u16 {
        let is_same = |write: &&mut Writes| (write.thread, write.place) == (thread, place);
        match self.writes.iter_mut().find(is_same) {
            Some(writes) => {
                writes.count = writes.count.saturating_add(1);
                writes.count
            }
            None => {
                self.writes.push(Writes { thread, place, count: 0 });
                0
            }
        }
    }
}

impl Bytes {
    /// What memory holds.
    ///
    /// # Safety
    /// The memory is there.
    unsafe fn of(memory: Memory) -> Bytes {
        // SAFETY: the caller's promise. The accesses are volatile, for it may be anything, and written by anybody.
        Bytes((0..memory.size).map(|offset| unsafe { memory.at.add(offset).read_volatile() }).collect())
    }

    /// # Safety
    /// There is as much memory.
    unsafe fn write_to(&self, at: *mut u8) {
        for (offset, byte) in self.0.iter().enumerate() {
            // SAFETY: the caller's promise.
            unsafe { at.add(offset).write_volatile(*byte) };
        }
    }
}

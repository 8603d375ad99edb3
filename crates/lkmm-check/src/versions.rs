//! What was in objects whose values the model does not know.
//!
//! Of such an object the model knows which write a read reads from; what that has written, memory alone holds. But memory has what was written last in the
//! order of exploration, which need not be what the reader is to see: who reuses an object after a grace period may have been run before a reader of RCU
//! that still looks at what was there. So writes have names, what they overwrite is kept, and before a read memory gets what the write that it reads from
//! had left there. Only plain data is treated so: to bring back the bytes of an owner may mean to drop twice what it owned.

use crate::locations::CellId;
use rustc_hash::FxHashMap;
use std::mem::MaybeUninit;
use std::ptr;

/// The memory of an object that is plain data.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// Where it is in this run.
    pub at: *mut u8,
    /// In bytes.
    pub size: usize,
}

/// What was there before anything was written in this run.
const FIRST: u64 = 0;

/// The contents of the objects of one run.
#[derive(Default)]
pub(crate) struct Versions {
    objects: FxHashMap<CellId, Object>,
}

struct Object {
    memory: Memory,
    /// The write that memory holds.
    now: u64,
    /// What others have left there.
    kept: FxHashMap<u64, Vec<MaybeUninit<u8>>>,
    /// How often each thread has written.
    writes: Vec<u32>,
}

impl Versions {
    pub(crate) fn clear(&mut self) {
        self.objects.clear();
    }

    /// The name of the next write of a thread to an object. It says who writes, and how often that one has written before.
    pub(crate) fn next(&mut self, cell: CellId, memory: Memory, thread: u32) -> u64 {
        let fresh = || Object { memory, now: FIRST, kept: FxHashMap::default(), writes: Vec::new() };
        let object = self.objects.entry(cell).or_insert_with(fresh);
        let thread = thread as usize;
        if object.writes.len() <= thread {
            object.writes.resize(thread + 1, 0);
        }
        object.writes[thread] += 1;
        (thread as u64 + 1) << 16 | u64::from(object.writes[thread])
    }

    /// An object is about to be written. What it holds is kept.
    ///
    /// # Safety
    /// The object is where it was said to be.
    pub(crate) unsafe fn begin(&mut self, cell: CellId, version: u64) {
        let Some(object) = self.objects.get_mut(&cell) else { return };
        // SAFETY: the caller's promise.
        unsafe { object.keep() };
        object.now = version;
    }

    /// An object is about to be read, as this write left it: memory gets that, but for the bytes that are something else. What no write of this run has left
    /// there cannot be had.
    ///
    /// # Safety
    /// As of [`begin`](Self::begin).
    pub(crate) unsafe fn restore(&mut self, cell: CellId, version: u64, is_else: impl Fn(usize) -> bool) {
        let Some(object) = self.objects.get_mut(&cell).filter(|object| object.now != version) else { return };
        if !object.kept.contains_key(&version) {
            return;
        }
        // SAFETY: the caller's promise, and what is kept has the size of the object.
        unsafe {
            object.keep();
            let Memory { at, size } = object.memory;
            for (offset, byte) in object.kept[&version].iter().enumerate().take(size) {
                if !is_else(at as usize + offset) {
                    at.add(offset).cast::<MaybeUninit<u8>>().write(*byte);
                }
            }
        }
        object.now = version;
    }
}

impl Object {
    /// Keeps what memory holds.
    ///
    /// # Safety
    /// As of [`Versions::begin`].
    unsafe fn keep(&mut self) {
        let Memory { at, size } = self.memory;
        self.kept.entry(self.now).or_insert_with(|| {
            let mut bytes = vec![MaybeUninit::uninit(); size];
            // SAFETY: the caller's promise.
            unsafe { ptr::copy_nonoverlapping(at.cast::<MaybeUninit<u8>>(), bytes.as_mut_ptr(), size) };
            bytes
        });
    }
}

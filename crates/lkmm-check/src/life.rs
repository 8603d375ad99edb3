//! The lives of the objects of the model heap: which there are, who freed them, and when.
//!
//! That an object is freed is no event of the search: nothing is explored for its sake. It is noted, with the *moment* at
//! which it happened, which is a place in the program order of a thread. When an execution is complete, `lifetimes` asks
//! the model whether all accesses to the object come before. What is freed stays as it is until the run is over, so that a
//! thread may find it, whose accesses the search happens to try later. Likewise when it was allocated, for what it holds at first is written
//! by no event either.
//!
//! Objects that `Arc` and `Rc` count, and what dies with them, are not judged: the model does not see the counts, and who
//! drops the last reference differs with the order in which threads are tried. Nobody says of an object that it is counted. It
//! is taken to be if it begins with two small numbers when it was just made, and with 0 when it dies; its contents die
//! while the first number is 0, and the second is not yet.

use std::cell::Cell;
use std::panic::Location;
use std::ptr;

/// So many references to one object there are at most.
const MANY: usize = 1 << 16;

thread_local! {
    /// The objects of the running code's run.
    static CURRENT: Cell<*mut Lives> = const { Cell::new(ptr::null_mut()) };
}

/// A place in the program order of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) thread: u32,
    /// The number of the thread's next event.
    pub(crate) index: u32,
    /// Where the thread's last operation stands.
    pub(crate) place: Option<&'static Location<'static>>,
}

/// An object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Object {
    pub(crate) start: usize,
    pub(crate) size: usize,
    /// When it was allocated. (What it holds at first came after.)
    pub(crate) made: Moment,
    /// When it was freed.
    pub(crate) freed: Option<Moment>,
    /// When it was freed again.
    pub(crate) freed_again: Option<Moment>,
    /// It is for the model to say whether it may be freed then.
    pub(crate) is_judged: bool,
    is_counted: bool,
}

impl Object {
    pub(crate) fn contains(&self, address: usize) -> bool {
        (self.start..self.start + self.size).contains(&address)
    }

    /// The first two words.
    fn counts(&self) -> Option<(usize, usize)> {
        if self.size < 2 * size_of::<usize>() || self.start % align_of::<usize>() != 0 {
            return None;
        }
        let at = ptr::with_exposed_provenance::<usize>(self.start);
        // SAFETY: it lies in an arena, whose memory is there, and zero if it was never written.
        unsafe { Some((at.read_volatile(), at.add(1).read_volatile())) }
    }
}

/// The objects of a run.
#[derive(Debug)]
pub(crate) struct Lives {
    /// In the order in which they were allocated.
    pub(crate) objects: Vec<Object>,
    /// Those that seem to be counted.
    counted: Vec<u32>,
    /// Whether the newest is has not been looked at.
    is_new: bool,
    /// Of the running thread.
    pub(crate) now: Moment,
    /// The addresses to which pointers have been followed.
    pub(crate) followed: Vec<(usize, Moment)>,
}

impl Lives {
    pub(crate) fn new() -> Self {
        Lives {
            objects: Vec::new(),
            counted: Vec::new(),
            is_new: false,
            now: Moment { thread: 0, index: 0, place: None },
            followed: Vec::new(),
        }
    }

    pub(crate) fn clear(&mut self) {
        self.objects.clear();
        self.counted.clear();
        self.followed.clear();
        self.is_new = false;
    }

    /// Sees whether the newest object is counted. By now it has been made.
    pub(crate) fn look(&mut self) {
        if !std::mem::take(&mut self.is_new) {
            return;
        }
        let Some(newest) = self.objects.last_mut() else { return };
        if newest.freed.is_none() && matches!(newest.counts(), Some((1..MANY, 1..MANY))) {
            newest.is_counted = true;
            self.counted.push(self.objects.len() as u32 - 1);
        }
    }

    fn allocate(&mut self, start: usize, size: usize) {
        self.look();
        let made = self.now;
        let (freed, freed_again) = (None, None);
        self.objects.push(Object { start, size, made, freed, freed_again, is_judged: false, is_counted: false });
        self.is_new = true;
    }

    fn free(&mut self, start: usize, number: u32) {
        self.look();
        let is_dying = |&object: &u32| {
            let object = self.objects[object as usize];
            object.freed.is_none() && matches!(object.counts(), Some((0, 1..MANY)))
        };
        let is_judged = !std::thread::panicking() && !self.counted.iter().any(is_dying);
        let Some(object) = self.objects.get_mut(number as usize).filter(|object| object.start == start) else { return };
        if object.freed.is_some() {
            object.freed_again.get_or_insert(self.now);
        } else {
            object.is_judged = is_judged && !(object.is_counted && matches!(object.counts(), Some((0, 0))));
            object.freed = Some(self.now);
        }
    }
}

/// Has what the code that runs now allocates and frees be noted, or not.
pub(crate) fn use_lives(lives: *mut Lives) {
    CURRENT.set(lives);
}

/// An object has been allocated. Yields its number in this run.
pub(crate) fn allocated(start: usize, size: usize) -> u32 {
    // SAFETY: whoever set it says that it is alive, and that nobody uses it while threads of the model run their own code.
    let Some(lives) = (unsafe { CURRENT.get().as_mut() }) else { return u32::MAX };
    lives.allocate(start, size);
    lives.objects.len() as u32 - 1
}

/// An object is freed.
pub(crate) fn freed(start: usize, number: u32) {
    // SAFETY: as above.
    if let Some(lives) = unsafe { CURRENT.get().as_mut() } {
        lives.free(start, number);
    }
}

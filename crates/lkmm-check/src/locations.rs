//! Locations: numbers for pieces of memory.
//!
//! A location is an address and a *generation*. In one run, the pieces of memory that have been accessed are *cells*. A cell
//! ends, and another begins at its address, when memory differs from what was last put there through the model: a slot of
//! a stack is used again, or memory that was freed, or it was written by means that the model does not see.
//!
//! A cell has the number that its address, its generation and what it held at first had in earlier runs; in a replay, that
//! which the search says it had (where threads allocate in another order than before, other addresses come out), if it
//! holds at first what it held then. If not, it is not the same cell: answers from an earlier run would be wrong in this one.
//!
//! What the model does not look into has a cell of its own, beside those of the variables in it.
//!
//! What a cell holds at first may be nothing: it is not initialised. Either a variable says so, or memory of the model heap has been left
//! as it was handed out.
//!
//! Memory holds what was written last, for whoever looks at it by other means. An exception are statics: models in
//! other threads of the process see them too, and so does the next run. They are never written; what they hold in this run
//! is known to the search alone, or is a copy.

use crate::heap;
use crate::memory::{self, Size};
use crate::statics::Statics;
use crate::table::Table;
use crate::versions::Versions;
use lkmm_model::program::LocationId;
use rustc_hash::FxHashMap;
use std::mem::MaybeUninit;
use std::ops::Range;

/// The number of a cell in this run.
pub(crate) type CellId = u32;

const NONE: u32 = u32::MAX;

/// What is known of the content of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A value, of which memory holds a copy.
    InMemory(Size),
    /// A value; memory holds the initial one and is never written.
    Hidden(Size),
    /// Something whose value the model does not know.
    Opaque,
}

impl Content {
    /// The size of a value that the model knows.
    fn size(self) -> Option<Size> {
        match self {
            Content::InMemory(size) | Content::Hidden(size) => Some(size),
            Content::Opaque => None,
        }
    }

    fn is_pointer(self) -> bool {
        matches!(self, Content::InMemory(Size::Pointer) | Content::Hidden(Size::Pointer))
    }
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    address: usize,
    generation: u32,
    location: LocationId,
    content: Content,
    /// None if it was not initialised.
    initial: Option<u64>,
    /// What was last put there.
    last: u64,
    /// Of a variable that says whether it is initialised: what it is to say.
    is_init: bool,
}

/// A location.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The last run that had it.
    run: u32,
    /// What it holds at first.
    initial: Option<u64>,
    /// Where it was when it was first accessed.
    address: usize,
    generation: u32,
    is_opaque: bool,
}

/// The cells of this run and the locations of all runs.
pub(crate) struct Locations {
    run: u32,
    cells: Vec<Cell>,
    /// From an address to the last cell there.
    current: Table,
    /// The same of cells whose value the model does not know.
    opaque: Table,
    /// What was in them.
    versions: Versions,
    numbers: FxHashMap<(usize, bool, u32, Option<u64>), LocationId>,
    known: Vec<Known>,
    statics: Statics,
    copies: FxHashMap<usize, Copy>,
    /// The pointers that were put somewhere in this run.
    pointers: Vec<(CellId, u64)>,
    /// There is the model heap, so that pointers are the same in each run.
    pub(crate) has_heap: bool,
    /// A location has held pointers.
    has_pointers: bool,
    /// A part of a variable was accessed, or more than one at once, or the variables overlap. (Only in the model heap, where nothing is used twice.)
    pub(crate) has_mixed_sizes: bool,
    /// What each byte of the model heap holds when it is handed out, if that is known.
    pub(crate) fill: Option<u8>,
}

/// What a run has instead of the content of a static.
struct Copy {
    run: u32,
    /// Aligned to sixteen bytes.
    memory: Vec<MaybeUninit<u128>>,
}

impl Locations {
    pub(crate) fn new() -> Self {
        Locations {
            run: 0,
            cells: Vec::new(),
            current: Table::new(),
            opaque: Table::new(),
            versions: Versions::default(),
            numbers: FxHashMap::default(),
            known: Vec::new(),
            statics: Statics::find(),
            copies: FxHashMap::default(),
            pointers: Vec::new(),
            has_heap: false,
            has_pointers: false,
            has_mixed_sizes: false,
            fill: None,
        }
    }

    /// How many runs there were.
    pub(crate) fn runs(&self) -> u32 {
        self.run
    }

    pub(crate) fn restart(&mut self) {
        self.run += 1;
        self.cells.clear();
        self.current.clear();
        self.opaque.clear();
        self.versions.clear();
        self.pointers.clear();
    }

    /// The cell that an access of a value goes to.
    ///
    /// # Safety
    /// There is a live object of this size at the address.
    pub(crate) unsafe fn value(&mut self, address: usize, size: Size) -> CellId {
        if let Some(id) = self.current.get(address) {
            let cell = &self.cells[id as usize];
            // SAFETY: the caller's promise.
            let is_untouched = || unsafe { memory::read(address, size) } == cell.last;
            let is_it = match cell.content {
                Content::Hidden(known) => known.is_as_large_as(size),
                Content::InMemory(known) => known.is_as_large_as(size) && is_untouched(),
                Content::Opaque => false,
            };
            if is_it {
                return id;
            }
        }
        // SAFETY: the caller's promise.
        let initial = unsafe { memory::read(address, size) };
        let hidden = self.statics.contain(address);
        let is_filled = self.fill.is_some_and(|fill| initial == u64::from_ne_bytes([fill; 8]) & size.mask());
        let initial = if is_filled && heap::is_in_range(address) { Err(initial) } else { Ok(initial) };
        self.begin(address, if hidden { Content::Hidden(size) } else { Content::InMemory(size) }, initial)
    }

    /// The cell of a variable that says whether it is initialised (a static: whether it was before the run). No size: the model does not
    /// know its value.
    ///
    /// # Safety
    /// There is a variable of this size at the address, and if it is initialised, a value in it.
    pub(crate) unsafe fn slot(&mut self, address: usize, size: Option<Size>, is_init: bool) -> CellId {
        let is_hidden = self.statics.contain(address);
        // SAFETY: the caller's promise.
        let read = |size| if is_init { unsafe { memory::read(address, size) } } else { 0 };
        if let Some(id) = self.table(size.is_none()).get(address) {
            let cell = &self.cells[id as usize];
            let is_untouched = cell.is_init == is_init;
            let is_same = match (cell.content, size) {
                (Content::Hidden(known), Some(size)) => known == size,
                (Content::InMemory(known), Some(size)) => {
                    known == size && is_untouched && (!is_init || read(size) == cell.last)
                }
                (Content::Opaque, None) => is_hidden || is_untouched,
                _ => false,
            };
            if is_same {
                return id;
            }
        }
        let content = match size {
            None => Content::Opaque,
            Some(size) if is_hidden => Content::Hidden(size),
            Some(size) => Content::InMemory(size),
        };
        let initial = size.map_or(0, read);
        let id = self.begin(address, content, if is_init { Ok(initial) } else { Err(initial) });
        self.cells[id as usize].is_init = is_init;
        id
    }

    /// Such a variable is written. May it say so?
    ///
    /// # Safety
    /// As for [`put`](Self::put).
    pub(crate) unsafe fn put_slot(&mut self, id: CellId, bits: u64) -> bool {
        self.cells[id as usize].is_init = true;
        // SAFETY: the caller's promise.
        unsafe { self.put(id, bits) };
        !self.statics.contain(self.address(id))
    }

    /// The cell of an object of the runtime, which is zero, and stays so in memory.
    pub(crate) fn hidden(&mut self, address: usize) -> CellId {
        match self.current.get(address) {
            Some(id) => id,
            None => self.begin(address, Content::Hidden(Size::Eight), Ok(0)),
        }
    }

    /// The cell of something whose value the model does not know.
    pub(crate) fn opaque(&mut self, address: usize) -> CellId {
        match self.opaque.get(address) {
            Some(id) => id,
            None => self.begin(address, Content::Opaque, Ok(0)),
        }
    }

    /// What was in objects whose values the model does not know; and what says where the variables are in the first bytes from an address on.
    pub(crate) fn versions(&mut self, address: usize) -> (&mut Versions, impl Fn(usize) -> Vec<Range<usize>>) {
        let Locations { versions, cells, current, .. } = self;
        let variables = move |bytes: usize| {
            let variable = |offset: usize| {
                let cell = current.get(address + offset).map(|id| cells[id as usize])?;
                let size = cell.content.size().filter(|size| offset + size.bytes() <= bytes)?;
                // SAFETY: it is part of an object that is there.
                let is_there = || unsafe { memory::read(cell.address, size) } == cell.last;
                let is_variable = cell.content == Content::Hidden(size) || is_there();
                is_variable.then_some(offset..offset + size.bytes())
            };
            (0..bytes).filter_map(variable).collect()
        };
        (versions, variables)
    }

    /// Does the value of a location say nothing but which write it is?
    pub(crate) fn is_opaque(&self, location: LocationId) -> bool {
        self.known.get(location as usize).is_some_and(|known| known.is_opaque)
    }

    /// Where cells are found whose value the model knows, or does not know.
    fn table(&self, is_opaque: bool) -> &Table {
        if is_opaque { &self.opaque } else { &self.current }
    }

    /// Begins a cell. An error is what memory holds that was not initialised.
    fn begin(&mut self, address: usize, content: Content, initial: Result<u64, u64>) -> CellId {
        let is_opaque = content == Content::Opaque;
        let before = self.table(is_opaque).get(address);
        let generation = before.map_or(0, |before| self.cells[before as usize].generation + 1);
        self.has_mixed_sizes |= !self.has_mixed_sizes && self.overlaps(address, content);
        let id = self.cells.len() as CellId;
        let (Ok(last) | Err(last)) = initial;
        let initial = initial.ok();
        self.cells.push(Cell { address, generation, location: NONE, content, initial, last, is_init: true });
        match is_opaque {
            true => self.opaque.set(address, id),
            false => self.current.set(address, id),
        }
        self.has_pointers |= content.is_pointer();
        id
    }

    /// Is there a value in the model heap already that takes a part of the memory of this one?
    fn overlaps(&self, address: usize, content: Content) -> bool {
        let Some(size) = content.size().filter(|_| heap::is_in_range(address)) else { return false };
        let other = |at: usize| self.current.get(at).and_then(|id| Some((at, self.cells[id as usize].content.size()?)));
        let mut others = (address.saturating_sub(7)..address + size.bytes()).filter_map(other);
        others.any(|(at, its)| at + its.bytes() > address && !(at == address && its.is_as_large_as(size)))
    }

    /// Are there pointers that have another value in each run?
    pub(crate) fn pointers_move(&self) -> bool {
        self.has_pointers && !self.has_heap
    }

    /// Something was written to a cell: puts it into memory.
    ///
    /// # Safety
    /// The object that the cell was made for is still alive, and the bits are a value of its type.
    pub(crate) unsafe fn put(&mut self, id: CellId, bits: u64) {
        let cell = &mut self.cells[id as usize];
        cell.last = bits;
        if cell.content.is_pointer() && !self.has_heap {
            self.pointers.push((id, bits));
        }
        if let Content::InMemory(size) = cell.content {
            // SAFETY: the caller's promise.
            unsafe { memory::write(cell.address, size, bits) };
        }
    }

    /// Has memory of the model heap hold this value of a location, unless something else has been done with it.
    ///
    /// # Safety
    /// The model heap still has what it handed out in this run, and the bits are a value that was put there.
    pub(crate) unsafe fn settle(&mut self, location: LocationId, bits: u64) {
        let is_it = |cell: &Cell| cell.location == location && cell.last != bits && heap::is_in_range(cell.address);
        let Some(id) = self.cells.iter().position(is_it) else { return };
        let cell = &self.cells[id];
        if cell.content == Content::Opaque {
            let (versions, variables) = self.versions(cell.address);
            // SAFETY: the caller's promise.
            return unsafe { versions.settle(id as CellId, bits, &variables) };
        }
        let is_current = self.current.get(cell.address) == Some(id as CellId);
        if let (true, Content::InMemory(size)) = (is_current, cell.content) {
            // SAFETY: the caller's promise.
            unsafe {
                if memory::read(cell.address, size) == cell.last {
                    self.put(id as CellId, bits);
                }
            }
        }
    }

    /// Is this a pointer of another run? Nothing in this one has put it there.
    pub(crate) fn is_foreign(&self, id: CellId, bits: u64) -> bool {
        let cell = &self.cells[id as usize];
        cell.content.is_pointer() && bits != 0 && Some(bits) != cell.initial && !self.pointers.contains(&(id, bits))
    }

    /// Where this run has an object whose value the model does not know: a static is copied, for each run anew, because other
    /// models and later runs see it too. Alignments beyond sixteen bytes are not kept, so these are not copied.
    ///
    /// # Safety
    /// There is such an object, and nobody writes to it if it is a static.
    pub(crate) unsafe fn object<T>(&mut self, at: *mut T) -> *mut T {
        if !self.statics.contain(at as usize) || align_of::<T>() > align_of::<u128>() {
            return at;
        }
        let words = size_of::<T>().div_ceil(size_of::<u128>());
        let fresh = || Copy { run: 0, memory: vec![MaybeUninit::uninit(); words] };
        let copy = self.copies.entry(at as usize).or_insert_with(fresh);
        if copy.run != self.run {
            copy.run = self.run;
            if copy.memory.len() < words {
                copy.memory.resize(words, MaybeUninit::uninit());
            }
            // SAFETY: both are objects of this size, one of which was just made.
            unsafe { copy.memory.as_mut_ptr().cast::<T>().copy_from_nonoverlapping(at, 1) };
        }
        copy.memory.as_mut_ptr().cast()
    }

    /// Is there a pointer at a location, in this run?
    pub(crate) fn is_pointer(&self, location: LocationId) -> bool {
        self.cells.iter().any(|cell| cell.location == location && cell.content.is_pointer())
    }

    /// Does an address lie in a static?
    pub(crate) fn is_static(&self, address: usize) -> bool {
        self.statics.contain(address)
    }

    /// Where a cell is.
    pub(crate) fn address(&self, id: CellId) -> usize {
        self.cells[id as usize].address
    }

    /// Where a location is in this run, if it is there.
    pub(crate) fn address_of(&self, location: LocationId) -> Option<usize> {
        self.cells.iter().find(|cell| cell.location == location).map(|cell| cell.address)
    }

    /// How many locations there are.
    pub(crate) fn count(&self) -> LocationId {
        self.known.len() as LocationId
    }

    /// The locations of this run, with their addresses.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (LocationId, usize)> + '_ {
        self.cells.iter().filter(|cell| cell.location != NONE).map(|cell| (cell.location, cell.address))
    }

    /// The pointers that cells hold in this run.
    pub(crate) fn pointers(&self) -> impl Iterator<Item = u64> + '_ {
        self.cells.iter().filter(|cell| cell.content.is_pointer()).map(|cell| cell.last)
    }

    /// The number of a cell's location. If it has none yet, it gets that which is expected.
    pub(crate) fn number(&mut self, id: CellId, expected: Option<LocationId>) -> LocationId {
        match self.cells[id as usize].location {
            NONE => self.give_number(id, expected),
            location => location,
        }
    }

    #[cold]
    fn give_number(&mut self, id: CellId, expected: Option<LocationId>) -> LocationId {
        let cell = self.cells[id as usize];
        let location = match expected.filter(|&location| self.fits(location, cell)) {
            Some(location) => location,
            None => self.fresh(cell),
        };
        let known = &mut self.known[location as usize];
        (known.run, known.initial) = (self.run, cell.initial);
        self.cells[id as usize].location = location;
        location
    }

    /// May this be the number of a cell? No other cell of this run has it.
    fn fits(&self, location: LocationId, cell: Cell) -> bool {
        let is_moving = |initial: Option<u64>| {
            initial.is_some_and(|pointer| pointer != 0 && !self.statics.contain(pointer as usize))
        };
        let has_moved = |initial: Option<u64>| {
            self.pointers_move() && cell.content.is_pointer() && is_moving(initial) && is_moving(cell.initial)
        };
        let known = self.known.get(location as usize).filter(|known| known.run != self.run);
        let is_opaque = cell.content == Content::Opaque;
        known.is_some_and(|known| {
            known.is_opaque == is_opaque && (known.initial == cell.initial || has_moved(known.initial))
        })
    }

    fn fresh(&mut self, cell: Cell) -> LocationId {
        let key = (cell.address, cell.content == Content::Opaque, cell.generation, cell.initial);
        match self.numbers.get(&key) {
            Some(&location) if self.fits(location, cell) => location,
            _ => {
                let location = self.known.len() as LocationId;
                let Cell { address, generation, initial, content, .. } = cell;
                let is_opaque = content == Content::Opaque;
                self.known.push(Known { run: self.run, initial, address, generation, is_opaque });
                self.numbers.insert(key, location);
                location
            }
        }
    }

    /// Where a location was when it was first accessed, and how many there had been before.
    pub(crate) fn origin(&self, location: LocationId) -> (usize, u32) {
        let Known { address, generation, .. } = self.known[location as usize];
        (address, generation)
    }

    /// The value of a location before anything was written to it; `None` if it is not initialised.
    pub(crate) fn initial(&self, location: LocationId) -> Option<u64> {
        self.known[location as usize].initial
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::UnsafeCell;

    fn at(x: &UnsafeCell<u32>) -> usize {
        x.get() as usize
    }

    #[test]
    fn a_generation_ends_when_memory_is_changed_by_other_means() {
        let x = UnsafeCell::new(7_u32);
        let mut locations = Locations::new();
        locations.restart();
        // SAFETY: `x` lives as long as the test, and nobody else uses it.
        unsafe {
            let first = locations.value(at(&x), Size::Four);
            locations.put(first, 8);
            assert_eq!(*x.get(), 8);
            assert_eq!(locations.value(at(&x), Size::Four), first);
            *x.get() = 9;
            let second = locations.value(at(&x), Size::Four);
            assert_ne!(first, second);
            assert_eq!((locations.number(first, None), locations.number(second, None)), (0, 1));
            assert_eq!((locations.initial(0), locations.initial(1)), (Some(7), Some(9)));
        }
    }

    #[test]
    fn numbers_are_those_of_the_last_run_unless_others_are_expected() {
        let (x, y) = (UnsafeCell::new(1_u32), UnsafeCell::new(2_u32));
        let mut locations = Locations::new();
        let z = UnsafeCell::new(2_u32);
        // SAFETY: as above.
        let mut run = |order: [&UnsafeCell<u32>; 2], expected: [Option<u32>; 2]| unsafe {
            locations.restart();
            let cells = order.map(|cell| locations.value(at(cell), Size::Four));
            [locations.number(cells[0], expected[0]), locations.number(cells[1], expected[1])]
        };
        assert_eq!(run([&x, &y], [None, None]), [0, 1]);
        assert_eq!(run([&y, &x], [None, None]), [1, 0]);
        assert_eq!(run([&z, &y], [Some(1), None]), [1, 2], "the number of an address may be taken");
        assert_eq!(run([&y, &x], [Some(0), Some(1)]), [2, 0], "what holds something else is something else");
    }

    #[test]
    fn statics_are_not_written() {
        static X: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(5);
        let mut locations = Locations::new();
        locations.restart();
        // SAFETY: `X` lives for ever.
        unsafe {
            let cell = locations.value(X.as_ptr() as usize, Size::Four);
            locations.put(cell, 6);
            assert_eq!(X.load(std::sync::atomic::Ordering::Relaxed), 5);
            assert_eq!(locations.value(X.as_ptr() as usize, Size::Four), cell);
        }
    }
}

//! Places in the source, numbered.

use crate::operation::{Kind, Operation};
use rustc_hash::FxHashMap;
use std::panic::Location;
use std::ptr;

/// Places in the source, numbered.
pub(super) struct Origins {
    numbers: FxHashMap<usize, u32>,
    /// With the first operation that was done there.
    pub(super) places: Vec<(&'static Location<'static>, Kind)>,
    /// The last places that were asked for, by a few bits of their addresses.
    recent: [(usize, u32); 64],
}

impl Origins {
    pub(super) fn new() -> Self {
        Origins { numbers: FxHashMap::default(), places: Vec::new(), recent: [(0, 0); 64] }
    }

    #[inline]
    pub(super) fn number(&mut self, operation: &Operation) -> u32 {
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

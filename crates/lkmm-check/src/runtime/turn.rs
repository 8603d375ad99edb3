//! Turns: what a thread does between one time that it lets others run and the next.
//!
//! To yield says only that others should run, so it may stand anywhere. But a loop that waits for another thread, and yields
//! in each turn, must end. If a turn changes nothing, and is the same as the end of the one before (same place, same reads, same
//! values), so is each that would follow, and the thread waits: other executions show how it goes on. (A loop that counts its
//! turns, and gives up in the end, is not seen to do so.)

use rustc_hash::FxHasher;
use std::hash::{Hash, Hasher};
use std::panic::Location;

/// What is known of the turn of a thread.
#[derive(Clone, Copy, Default)]
pub(crate) struct Turn {
    /// Of its reads since it has changed something, a hash.
    reads: u64,
    has_read: bool,
    has_changed_something: bool,
    /// The reads with which the turn before ended.
    before: Option<u64>,
}

impl Turn {
    /// The thread has read something, and changed nothing.
    pub(super) fn read(&mut self, address: usize, value: u64, place: &'static Location<'static>) {
        let mut hasher = FxHasher::default();
        (self.reads, address, value, std::ptr::from_ref(place)).hash(&mut hasher);
        self.reads = hasher.finish();
        self.has_read = true;
    }

    /// The thread has done something that others, or it itself, may notice.
    pub(super) fn change(&mut self) {
        (self.reads, self.has_read, self.has_changed_something) = (0, false, true);
    }

    /// The thread yields. Would it but do again what it has done?
    pub(super) fn ends(&mut self, place: &'static Location<'static>) -> bool {
        let turn = self.has_read.then(|| {
            let mut hasher = FxHasher::default();
            (self.reads, std::ptr::from_ref(place)).hash(&mut hasher);
            hasher.finish()
        });
        let is_same = turn.is_some() && turn == self.before && !self.has_changed_something;
        *self = Turn { before: turn, ..Turn::default() };
        is_same
    }
}

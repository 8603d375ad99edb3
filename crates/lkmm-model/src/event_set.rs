//! Sets of events as bit sets: one machine word for each 64 events.
//!
//! `W` is the number of words. A relation is one [`EventSet`] (its successors) for each event; see
//! [`relation`](crate::relation).

use std::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Sub};

/// A set of events out of at most `64 * W`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EventSet<const W: usize>([u64; W]);

impl<const W: usize> EventSet<W> {
    /// The empty set.
    pub const EMPTY: Self = EventSet([0; W]);

    /// Every event below `n`.
    ///
    /// # Panics
    /// If `n > 64 * W`.
    pub fn below(n: usize) -> Self {
        assert!(n <= 64 * W);
        let mut set = Self::EMPTY;
        for (i, word) in set.0.iter_mut().enumerate() {
            *word = match n.saturating_sub(64 * i) {
                0 => 0,
                k if k >= 64 => !0,
                k => (1 << k) - 1,
            };
        }
        set
    }

    /// The set of one event.
    #[inline]
    pub fn of(event: usize) -> Self {
        let mut set = Self::EMPTY;
        set.insert(event);
        set
    }

    /// Adds an event.
    #[inline]
    pub fn insert(&mut self, event: usize) {
        self.0[event / 64] |= 1 << (event % 64);
    }

    /// Takes an event out.
    #[inline]
    pub fn remove(&mut self, event: usize) {
        self.0[event / 64] &= !(1 << (event % 64));
    }

    /// Is the event in the set?
    #[inline]
    pub fn contains(&self, event: usize) -> bool {
        self.0[event / 64] >> (event % 64) & 1 != 0
    }

    /// Is the set empty?
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|&w| w == 0)
    }

    /// Do the sets share an event?
    #[inline]
    pub fn meets(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    /// The number of events.
    pub fn len(&self) -> usize {
        self.0.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// The events, in ascending order.
    #[inline]
    pub fn iter(&self) -> Iter<W> {
        Iter { words: self.0, index: 0 }
    }

    /// The lowest event.
    pub fn first(&self) -> Option<usize> {
        self.iter().next()
    }
}

/// Iterator over the events of a set; see [`EventSet::iter`].
pub struct Iter<const W: usize> {
    words: [u64; W],
    index: usize,
}

impl<const W: usize> Iterator for Iter<W> {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        while self.index < W {
            let word = self.words[self.index];
            if word != 0 {
                self.words[self.index] = word & (word - 1);
                return Some(64 * self.index + word.trailing_zeros() as usize);
            }
            self.index += 1;
        }
        None
    }
}

impl<const W: usize> FromIterator<usize> for EventSet<W> {
    fn from_iter<I: IntoIterator<Item = usize>>(events: I) -> Self {
        let mut set = Self::EMPTY;
        for event in events {
            set.insert(event);
        }
        set
    }
}

impl<const W: usize> BitOrAssign for EventSet<W> {
    #[inline]
    fn bitor_assign(&mut self, other: Self) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a |= b;
        }
    }
}

impl<const W: usize> BitAndAssign for EventSet<W> {
    #[inline]
    fn bitand_assign(&mut self, other: Self) {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a &= b;
        }
    }
}

impl<const W: usize> BitOr for EventSet<W> {
    type Output = Self;
    #[inline]
    fn bitor(mut self, other: Self) -> Self {
        self |= other;
        self
    }
}

impl<const W: usize> BitAnd for EventSet<W> {
    type Output = Self;
    #[inline]
    fn bitand(mut self, other: Self) -> Self {
        self &= other;
        self
    }
}

impl<const W: usize> Sub for EventSet<W> {
    type Output = Self;
    #[inline]
    fn sub(mut self, other: Self) -> Self {
        for (a, b) in self.0.iter_mut().zip(other.0) {
            *a &= !b;
        }
        self
    }
}

//! What a strengthening orders: pairs of accesses on the control paths of its process.
//!
//! Strengthenings do not add or remove accesses, so that the accesses of a path have the same numbers with and without one. By what
//! it orders, one strengthening is weaker than another, equal to it, or neither.

use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{Path, Thread};

/// Ways to order a pair. [`MB`] stands for all but itself: what a full fence orders, it orders at least as well.
const KINDS: usize = 7;
const MB: usize = 0;

/// Pairs that a thread may have, over all paths. Where there are more, nothing is compared.
const MANY: usize = 1 << 24;

/// The pairs of accesses that each way orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Orders(Vec<Vec<u64>>);

impl Orders {
    /// What is ordered in a thread.
    pub(super) fn of(thread: &Thread) -> Option<Orders> {
        let size: usize = thread.paths.iter().map(square).sum();
        if size > MANY {
            return None;
        }
        let mut orders = Orders(vec![vec![0; size.div_ceil(64)]; KINDS]);
        let mut base = 0;
        for path in &thread.paths {
            orders.add(path, base);
            base += square(path);
        }
        Some(orders)
    }

    fn add(&mut self, path: &Path, base: usize) {
        let accesses: Vec<usize> = (0..path.events.len()).filter(|&e| path.events[e].label.has_location()).collect();
        let count = accesses.len();
        let label = |n: usize| path.events[accesses[n]].label;
        let ordered = |a: usize, b: usize| a < b && !path.unordered.contains(&(a as u32, b as u32));
        let mut put = |kind: usize, first: usize, second: usize| {
            let bit = base + first * count + second;
            self.0[kind][bit / 64] |= 1 << (bit % 64);
        };
        for fence in 0..path.events.len() {
            let (kind, fits): (usize, fn(Label) -> bool) = match path.events[fence].label {
                Label::Fence(Fence::Mb) => (MB, |_| true),
                Label::Fence(Fence::Rmb) => (1, reads),
                Label::Fence(Fence::Wmb) => (2, writes),
                _ => continue,
            };
            let is_before = |&n: &usize| ordered(accesses[n], fence) && fits(label(n));
            for first in (0..count).filter(is_before) {
                let is_after = |&n: &usize| ordered(fence, accesses[n]) && fits(label(n));
                (0..count).filter(is_after).for_each(|second| put(kind, first, second));
            }
        }
        for second in 0..count {
            for first in (0..count).filter(|&first| ordered(accesses[first], accesses[second])) {
                if label(first) == Label::Read(Mode::Acquire) {
                    put(3, first, second);
                }
                if label(second) == Label::Write(Mode::Release) {
                    put(4, first, second);
                }
            }
        }
        let place = |event: u32| accesses.binary_search(&(event as usize)).ok();
        for (kind, pairs) in [(5, &path.addr), (6, &path.data)] {
            for (first, second) in pairs.iter().filter_map(|&(a, b)| Some((place(a)?, place(b)?))) {
                put(kind, first, second);
            }
        }
    }

    /// What it has and another one lacks.
    pub(super) fn beyond(&self, other: &Orders) -> Orders {
        let minus = |(a, b): (&Vec<u64>, &Vec<u64>)| a.iter().zip(b).map(|(a, b)| a & !b).collect();
        Orders(self.0.iter().zip(&other.0).map(minus).collect())
    }

    /// Does it order nothing?
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().flatten().all(|&word| word == 0)
    }

    /// Does another one order all of this, in the same way or by a full fence?
    pub(super) fn is_within(&self, other: &Orders) -> bool {
        let mb = &other.0[MB];
        let within = |(a, b): (&Vec<u64>, &Vec<u64>)| a.iter().zip(b).zip(mb).all(|((a, b), mb)| a & !(b | mb) == 0);
        self.0.iter().zip(&other.0).all(within)
    }
}

/// Are the accesses of two threads the same, path by path, but for how they are ordered?
pub(super) fn same_accesses(one: &Thread, other: &Thread) -> bool {
    let kinds = |path: &Path| -> Vec<(bool, bool, bool)> {
        let accesses = path.events.iter().filter(|event| event.label.has_location());
        accesses.map(|event| (reads(event.label), writes(event.label), event.atomic)).collect()
    };
    one.paths.len() == other.paths.len()
        && one.paths.iter().zip(&other.paths).all(|(one, other)| kinds(one) == kinds(other))
}

fn square(path: &Path) -> usize {
    let count = path.events.iter().filter(|event| event.label.has_location()).count();
    count * count
}

fn reads(label: Label) -> bool {
    matches!(label, Label::Read(_) | Label::LockRead | Label::LockFail | Label::ReadLocked | Label::ReadUnlocked)
}

fn writes(label: Label) -> bool {
    matches!(label, Label::Write(_) | Label::LockWrite | Label::Unlock)
}

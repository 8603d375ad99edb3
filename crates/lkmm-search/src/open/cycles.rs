//! Cycles of `po ∪ rf`: there is load buffering around them.
//!
//! A graph without one has an order in which each event comes after what it reads, so that all values follow from the first ones. Around a cycle none of the
//! reads comes first. So a write that is read there must write what it wrote before the cycle was closed: that value is one that some run of the program
//! has produced. All other values follow from these.

use super::graph::Graph;
use super::node::{Act, Id, Source};

impl Graph {
    /// Is there a cycle?
    pub(crate) fn is_cyclic(&self) -> bool {
        let mut done: Vec<usize> = vec![0; self.threads.len()];
        loop {
            let mut progress = false;
            for (thread, nodes) in self.threads.iter().enumerate() {
                while let Some(node) = nodes.get(done[thread]) {
                    let ready = match node.act {
                        Act::Read(_, Source::Event(w)) => (w.index as usize) < done[w.thread as usize],
                        Act::Join(child) => done[child as usize] == self.threads[child as usize].len(),
                        _ => true,
                    };
                    let started = self.start_of(thread).is_none_or(|s| (s.index as usize) < done[s.thread as usize]);
                    if !ready || !started {
                        break;
                    }
                    done[thread] += 1;
                    progress = true;
                }
            }
            if !progress {
                return done.iter().zip(&self.threads).any(|(&n, nodes)| n < nodes.len());
            }
        }
    }

    /// Of each thread, how many events come before an event by `po`, spawns and joins alone.
    pub(crate) fn before_by_threads(&self, id: Id) -> Vec<u32> {
        let mut lengths = vec![0; self.threads.len()];
        let mut open = vec![id];
        while let Some(Id { thread, index }) = open.pop() {
            let (thread, known) = (thread as usize, lengths[thread as usize]);
            lengths[thread] = known.max(index);
            for node in &self.threads[thread][known as usize..lengths[thread] as usize] {
                if let Act::Join(child) = node.act {
                    open.push(Id::new(child as usize, self.threads[child as usize].len()));
                }
            }
            if let (0, Some(start)) = (known, self.start_of(thread)) {
                open.push(Id { index: start.index + 1, ..start });
            }
        }
        lengths
    }

    /// Puts the events into an order in which each comes after those that it depends on by `po ∪ rf`, if these do not depend on it as well. Yields
    /// the writes that are read around a cycle.
    pub(crate) fn sort(&mut self) -> Vec<Id> {
        let prefixes = self.prefixes();
        let prefix = |id: Id| &prefixes[id.thread as usize][id.index as usize][..];
        // All events of a cycle have the same prefix; that of one which comes after it is larger. (The sort is stable.)
        self.order.sort_by_cached_key(|&id| prefix(id).iter().sum::<u32>());
        let mut read = Vec::new();
        for (id, node) in self.nodes() {
            if let Some(Source::Event(write)) = node.source() {
                if id.is_within(prefix(write)) && !read.contains(&write) {
                    read.push(write);
                }
            }
        }
        read
    }

    /// Of each event of each thread, how many events of each thread it depends on: what a clock is for events that are on no cycle.
    fn prefixes(&self) -> Vec<Vec<Vec<u32>>> {
        let none = vec![0; self.threads.len()];
        let mut prefixes: Vec<Vec<Vec<u32>>> =
            self.threads.iter().map(|nodes| vec![none.clone(); nodes.len()]).collect();
        loop {
            let mut is_larger = false;
            for &id in &self.order {
                let (thread, index) = (id.thread as usize, id.index as usize);
                let mut prefix = std::mem::take(&mut prefixes[thread][index]);
                let size: u32 = prefix.iter().sum();
                prefix[thread] = prefix[thread].max(id.index + 1);
                for before in self.directly_before(id) {
                    let its = &prefixes[before.thread as usize][before.index as usize];
                    // (Its own is taken out, but for that it need not be looked at.)
                    prefix.iter_mut().zip(its).for_each(|(mine, &its)| *mine = (*mine).max(its));
                }
                is_larger |= prefix.iter().sum::<u32>() > size;
                prefixes[thread][index] = prefix;
            }
            if !is_larger {
                return prefixes;
            }
        }
    }

    /// The events that one depends on without others in between.
    fn directly_before(&self, id: Id) -> impl Iterator<Item = Id> {
        let thread = id.thread as usize;
        let in_thread = match id.index.checked_sub(1) {
            Some(index) => Some(Id { index, ..id }),
            None => self.start_of(thread),
        };
        let other = match self.node(id).act {
            Act::Read(_, Source::Event(write)) => Some(write),
            Act::Join(child) => match self.threads[child as usize].len().checked_sub(1) {
                Some(last) => Some(Id::new(child as usize, last)),
                None => self.start_of(child as usize),
            },
            _ => None,
        };
        in_thread.into_iter().chain(other)
    }
}

//! How large a search is, and random walks through it.
//!
//! A search is a tree: where it branches, it does all that lies behind one branch, then all behind the next. Of this tree
//! nothing is known but the branches on the way to where the search is. But if all that branches off at one place is taken to be
//! of equal size, each branch has its *share* of the whole, and the sum of the shares of what is done says how much
//! that is. This is Knuth's method (Estimating the efficiency of backtrack programs, 1975), applied to a search that
//! has begun at one end of the tree.
//!
//! Knuth's own use of it is a *random walk*: where the search branches, one branch is taken, each with the same probability. The
//! share of the place where the walk ends is the probability to get there, and its inverse, on average over many walks,
//! the number of such places.

use super::OpenError;
use super::explore::Explorer;
use super::program::OpenProgram;

impl<P: OpenProgram> Explorer<'_, P> {
    /// Takes random walks through the search instead of the whole.
    pub(super) fn walk(&mut self, seed: u64, n: u64) -> Result<(), OpenError> {
        self.walker = Some(fastrand::Rng::with_seed(seed));
        let mut estimates = 0.0;
        let mut walks = 0;
        while walks < n {
            // Walks know nothing of each other.
            self.cores.clear();
            self.cyclic.clear();
            let executions = self.seen();
            let is_over = self.descend()?.is_break();
            let probability = std::mem::take(&mut self.statistics.share);
            if self.seen() > executions && probability > 0.0 {
                estimates += 1.0 / probability;
            }
            if is_over {
                break;
            }
            walks += 1;
            if let Some(progress) = &self.options.progress {
                progress.walked(self.statistics.executions, (walks, n), estimates);
            }
        }
        self.statistics.has_sampled = self.settle()?.is_continue() && walks == n;
        if estimates > 0.0 {
            self.statistics.share = (self.statistics.executions * walks) as f64 / estimates;
        }
        Ok(())
    }

    /// Complete executions so far, those among them that are still to be judged.
    fn seen(&self) -> u64 {
        self.statistics.executions + self.doubtful.len() as u64
    }

    /// Gives the graphs that were put by since then their share, and this one what is left, if it goes on. A random walk
    /// takes one of these ways, and forgets the others. Does this graph go on?
    pub(super) fn share_out(&mut self, since: usize, share: &mut f64, goes_on: bool) -> bool {
        let new = self.tasks.len() - since;
        if new == 0 {
            return goes_on;
        }
        let ways = new + usize::from(goes_on);
        let each = *share / ways as f64;
        self.tasks[since..].iter_mut().for_each(|task| task.share = each);
        let chosen = self.walker.as_mut().map(|walker| walker.usize(..ways));
        *share = if goes_on { each } else { 0.0 };
        match chosen {
            None => goes_on,
            Some(way) => {
                if way < new {
                    self.tasks.swap(since, since + way);
                    *share = 0.0;
                }
                let forgotten = self.tasks.drain(since + usize::from(way < new)..);
                self.spare.extend(forgotten.map(|task| task.graph));
                way == new
            }
        }
    }
}

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
        let mut has_sampled = true;
        while let (true, Some(number)) = (has_sampled, self.team.begin_walk(n)) {
            // What a walk is does not depend on who takes it.
            self.walker = Some(fastrand::Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            self.forget();
            let executions = self.seen();
            self.begin();
            has_sampled = self.descend()?.is_continue();
            let probability = std::mem::take(&mut self.statistics.share);
            let has_found = self.seen() > executions && probability > 0.0;
            let estimate = if has_found { 1.0 / probability } else { 0.0 };
            let (ended, estimates) = self.team.end_walk(estimate);
            if let Some(progress) = &self.options.progress {
                progress.walked((ended, n), estimates);
            }
        }
        self.tell();
        self.team.gather();
        self.listen();
        self.statistics.has_sampled = self.settle()?.is_continue() && has_sampled;
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

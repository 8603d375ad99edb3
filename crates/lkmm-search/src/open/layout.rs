//! Where the events of threads stand among the events of an execution, and what `po` is between them.
//!
//! The initial writes come first, then the events of each thread. What spawns and joins order becomes part of `po`: the
//! events of a thread come after those that came before its spawn, and before those that come after its join. So that
//! this orders more than a compiler barrier would, there is a full fence: before the new threads of a run of spawns, and
//! before what follows a run of joins. (Starting and ending a thread takes locks, wake-ups and more, so a full fence says
//! rather little.)

use super::traces::{Links, Seen};
use lkmm_model::event::{Fence, Label};
use lkmm_model::program::LocationId;

/// A place in an execution: the number of an event.
pub(crate) type Place = u32;

/// An event where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) thread: u32,
    pub(crate) label: Label,
    /// The event of the thread that it is, or that it comes with (a fence before something).
    pub(crate) index: u32,
    pub(crate) is_extra: bool,
}

/// The layout of some threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layout {
    /// Sorted.
    pub(crate) locations: Vec<LocationId>,
    /// The events of threads.
    pub(crate) events: Vec<Placed>,
    /// Where each event of each thread stands, if it does.
    pub(crate) places: Vec<Vec<Option<Place>>>,
    /// Of each event of a thread, in the order of `events`: of each thread, the place up to which its events are before it
    /// in `po`.
    before: Vec<Vec<Place>>,
    /// Of each thread, the place of its first event.
    first: Vec<Place>,
}

impl Layout {
    /// Lays out threads that consist of these events.
    pub(crate) fn new(threads: &[Vec<Seen>]) -> Layout {
        let mut layout = Layout { places: vec![Vec::new(); threads.len()], ..Layout::default() };
        layout.locations = threads.iter().flatten().filter_map(|seen| seen.location).collect();
        layout.locations.sort_unstable();
        layout.locations.dedup();
        for (thread, events) in threads.iter().enumerate() {
            layout.first.push(layout.next());
            for (index, seen) in events.iter().enumerate() {
                let before = events[..index].iter().rev().map(|seen| seen.links).find(|&links| links != Links::Silent);
                let (extra, own) = fences(before, seen);
                for (label, is_extra) in extra.map(|l| (l, true)).into_iter().chain(own.map(|l| (l, false))) {
                    layout.events.push(Placed { thread: thread as u32, label, index: index as u32, is_extra });
                }
                let place = layout.next();
                layout.places[thread].push(own.is_some().then(|| place - 1));
            }
        }
        layout.order(threads);
        layout
    }

    /// Forgets what only a plan in the making needs: what is left is where events stand.
    pub(crate) fn compact(&mut self) {
        (self.events, self.before) = (Vec::new(), Vec::new());
    }

    fn next(&self) -> Place {
        (self.locations.len() + self.events.len()) as Place
    }

    /// The number of events, initial writes included.
    pub(crate) fn len(&self) -> usize {
        self.next() as usize
    }

    pub(crate) fn initial(&self, location: LocationId) -> Place {
        self.locations.binary_search(&location).expect("an accessed location has an initial write") as Place
    }

    /// The events that `po` puts before one, which is given by its number in `events`, unless that leaves them unordered.
    pub(crate) fn before(&self, event: usize) -> impl Iterator<Item = Place> + '_ {
        let ends = self.first.iter().zip(&self.before[event]);
        ends.flat_map(|(&first, &end)| first..end)
    }

    /// Computes `po`.
    fn order(&mut self, threads: &[Vec<Seen>]) {
        let n = threads.len();
        let mut reached: Vec<Vec<Place>> = vec![self.first.clone(); n];
        let mut done = vec![0; n];
        let mut started: Vec<bool> = vec![true; n];
        // (A guess may spawn threads that are not there, and join them.)
        let spawned = |links: Links| match links {
            Links::Spawn(child) => Some(child as usize).filter(|&child| child < n),
            _ => None,
        };
        let joined = |links: Links| match links {
            Links::Join(child) => Some(child as usize).filter(|&child| child < n),
            _ => None,
        };
        for child in threads.iter().flatten().filter_map(|seen| spawned(seen.links)) {
            started[child] = false;
        }
        self.before = vec![Vec::new(); self.events.len()];
        loop {
            let ready = (0..n).find(|&t| {
                let next = threads[t].get(done[t]);
                let has_ended = |child: usize| started[child] && done[child] == threads[child].len();
                started[t] && next.is_some_and(|seen| joined(seen.links).is_none_or(has_ended))
            });
            // Where a guess makes threads wait for each other, some go on regardless: there are no such events yet.
            let stuck = || (0..n).find(|&t| done[t] < threads[t].len());
            let Some(thread) = ready.or_else(stuck) else { return };
            let seen = threads[thread][done[thread]];
            if let Some(child) = joined(seen.links) {
                let ended = reached[child].clone();
                reached[thread].iter_mut().zip(ended).for_each(|(mine, its)| *mine = (*mine).max(its));
            }
            let base = self.locations.len();
            let index = done[thread] as u32;
            while let Some(event) = self.events.get(reached[thread][thread] as usize - base) {
                if event.thread as usize != thread || event.index != index {
                    break;
                }
                let at = reached[thread][thread] as usize - base;
                self.before[at].clone_from(&reached[thread]);
                reached[thread][thread] += 1;
            }
            if let Some(child) = spawned(seen.links) {
                let own = self.first[child];
                reached[child] = reached[thread].clone();
                reached[child][child] = own;
                started[child] = true;
            }
            done[thread] += 1;
        }
    }
}

/// The fence that stands before an event of a thread, and what the event itself is to the model, given the event before it.
fn fences(before: Option<Links>, seen: &Seen) -> (Option<Label>, Option<Label>) {
    let joined = matches!(before, Some(Links::Join(_)));
    let mb = Label::Fence(Fence::Mb);
    match seen.links {
        Links::Spawn(_) if matches!(before, Some(Links::Spawn(_))) => (None, None),
        Links::Spawn(_) => (None, Some(mb)),
        Links::Join(_) | Links::Silent => (None, None),
        Links::None => {
            let fence = seen.fence_before.map(Label::Fence);
            (fence.or(joined.then_some(mb)), Some(seen.label))
        }
    }
}

//! What a thread did in a run, as far as it says which of its events is which in an execution.

use crate::operation::Kind;

/// How the numbers of a thread's events are those of its events in an execution.
///
/// The order of spawns and joins becomes part of `po` there, with fences: see `lkmm_search::open`.
#[derive(Debug, Default)]
pub(crate) struct History {
    is_kept: bool,
    /// Of each event, how many events of the thread stand before it in the execution.
    shown: Vec<u32>,
    pub(crate) total: u32,
    last: Link,
    pub(crate) links: Vec<(u32, Link)>,
}

/// What joins a thread to another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Link {
    #[default]
    None,
    Spawn(u32),
    Join(u32),
}

impl History {
    /// The thread begins.
    pub(crate) fn begin(&mut self, is_kept: bool) {
        self.shown.clear();
        self.links.clear();
        (self.is_kept, self.total, self.last) = (is_kept, 0, Link::None);
    }

    /// The thread has done something, which was so many events.
    #[inline]
    pub(crate) fn add(&mut self, kind: &Kind, events: u32, is_full: bool) {
        if self.is_kept {
            self.keep(kind, events, is_full);
        }
    }

    fn keep(&mut self, kind: &Kind, events: u32, is_full: bool) {
        let number = self.shown.len() as u32;
        let link = match *kind {
            Kind::Spawn(child, _) => Link::Spawn(child),
            Kind::Join(child) => Link::Join(child),
            Kind::Choose(_) | Kind::Wait | Kind::WaitForReaders | Kind::End | Kind::Failed(_) => {
                return self.shown.push(self.total);
            }
            _ => Link::None,
        };
        match link {
            Link::None => {
                let extra = u32::from(is_full || matches!(self.last, Link::Join(_)));
                self.shown.push(self.total);
                self.total += extra;
                for _ in 1..events {
                    self.total += 1;
                    self.shown.push(self.total);
                }
                self.total += 1;
            }
            link => {
                self.shown.push(self.total);
                self.total += u32::from(matches!(link, Link::Spawn(_)) && !matches!(self.last, Link::Spawn(_)));
                self.links.push((number, link));
            }
        }
        self.last = link;
    }

    /// The number of the event that this one, counted in the execution, belongs to.
    pub(crate) fn index(&self, event: u32) -> u32 {
        self.shown.partition_point(|&shown| shown <= event) as u32 - 1
    }

    /// The number of the first event by which the thread started another one.
    pub(crate) fn first_spawn(&self) -> Option<u32> {
        self.links.iter().find(|(_, link)| matches!(link, Link::Spawn(_))).map(|&(index, _)| index)
    }

    /// Has a thread been joined, and nothing been done since, at this index?
    pub(crate) fn just_joined(&self, index: u32) -> bool {
        let is_join = |(at, link): &&(u32, Link)| *at < index && matches!(link, Link::Join(_));
        self.links.iter().rfind(is_join).is_some_and(|(at, _)| {
            let done = |index: u32| self.shown.get(index as usize).copied().unwrap_or(self.total);
            done(index) == done(*at)
        })
    }
}

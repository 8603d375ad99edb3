//! The sets and relations that the events of a frame have by themselves, before anything reads from anything.

use super::Frame;
use crate::algebra::{BaseRelation, BaseSet};
use crate::event::{Fence, Label, Mode};
use crate::event_set::EventSet;

impl<const W: usize> Frame<W> {
    /// A base set.
    pub(crate) fn set(&self, set: BaseSet) -> EventSet<W> {
        let labels = &self.labels;
        let which = |p: &dyn Fn(Label) -> bool| (0..labels.len()).filter(|&i| p(labels[i])).collect();
        let mode = |m: Mode| which(&|l| l == Label::Read(m) || l == Label::Write(m));
        let fence = |f: Fence| which(&|l| l == Label::Fence(f));
        match set {
            BaseSet::All => EventSet::below(labels.len()),
            BaseSet::R => which(&|l| l.is_read()),
            BaseSet::W => which(&|l| l.is_write() || l == Label::Init),
            BaseSet::IW => which(&|l| l == Label::Init),
            BaseSet::ObservedInit => self.observed_init,
            BaseSet::RMW => self.atomic,
            BaseSet::Plain => mode(Mode::Plain),
            BaseSet::Acquire => mode(Mode::Acquire),
            BaseSet::Release => mode(Mode::Release),
            BaseSet::Noreturn => mode(Mode::Noreturn),
            BaseSet::SrcuLock => mode(Mode::SrcuLock),
            BaseSet::SrcuUnlock => mode(Mode::SrcuUnlock),
            BaseSet::SyncSrcu => which(&|l| l == Label::SyncSrcu),
            BaseSet::Fence(f) => fence(f),
            BaseSet::LKR => which(&|l| l == Label::LockRead),
            BaseSet::LKW => which(&|l| l == Label::LockWrite),
            BaseSet::UL => which(&|l| l == Label::Unlock),
            BaseSet::LF => which(&|l| l == Label::LockFail),
            BaseSet::RL => which(&|l| l == Label::ReadLocked),
            BaseSet::RU => which(&|l| l == Label::ReadUnlocked),
        }
    }

    /// A base relation. Of `rf`, `co` and values a frame knows nothing: these are empty.
    pub(crate) fn relation(&self, relation: BaseRelation) -> Vec<EventSet<W>> {
        let n = self.labels.len();
        match relation {
            BaseRelation::Po => self.po.clone(),
            BaseRelation::Rmw => self.rmw.clone(),
            BaseRelation::Addr => self.addr.clone(),
            BaseRelation::Data => self.data.clone(),
            BaseRelation::Ctrl => self.ctrl.clone(),
            BaseRelation::Loc => classes(&self.locations),
            BaseRelation::Int => classes(&self.threads),
            BaseRelation::Ext => {
                let initial: EventSet<W> = (0..n).filter(|&i| self.threads[i].is_none()).collect();
                let same = classes(&self.threads);
                let all = EventSet::below(n);
                (0..n).map(|i| all - if initial.contains(i) { initial } else { same[i] }).collect()
            }
            BaseRelation::Rf | BaseRelation::Co | BaseRelation::DifferentValues => vec![EventSet::EMPTY; n],
        }
    }

    /// Pairs of a first and a second set, matched like brackets, thread by thread.
    pub(crate) fn brackets(&self, open: EventSet<W>, close: EventSet<W>) -> Vec<EventSet<W>> {
        let mut rows = vec![EventSet::EMPTY; self.labels.len()];
        let mut stacks: Vec<(Option<u32>, Vec<usize>)> = Vec::new();
        for i in (open | close).iter() {
            let thread = self.threads[i];
            let at = match stacks.iter().position(|s| s.0 == thread) {
                Some(at) => at,
                None => {
                    stacks.push((thread, Vec::new()));
                    stacks.len() - 1
                }
            };
            if open.contains(i) {
                stacks[at].1.push(i);
            } else if let Some(j) = stacks[at].1.pop() {
                rows[j].insert(i);
            }
        }
        rows
    }
}

/// Relates the events of one class to each other; those of no class to none.
fn classes<const W: usize>(class: &[Option<u32>]) -> Vec<EventSet<W>> {
    let mut members: Vec<EventSet<W>> = Vec::new();
    for (i, class) in class.iter().enumerate() {
        if let Some(class) = *class {
            if members.len() <= class as usize {
                members.resize(class as usize + 1, EventSet::EMPTY);
            }
            members[class as usize].insert(i);
        }
    }
    class.iter().map(|c| c.map_or(EventSet::EMPTY, |c| members[c as usize])).collect()
}

//! The preemptions of an execution, counted by trying every order of its steps.

use lkmm_model::event::Label;
use lkmm_model::graph::Execution;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Events that a thread performs without being interrupted.
type Step = Vec<usize>;

struct Orders<'x> {
    x: &'x Execution,
    threads: Vec<Vec<Step>>,
    /// What comes before each event.
    before: BTreeMap<usize, BTreeSet<usize>>,
    fewest: HashMap<(Vec<usize>, Option<usize>), Option<u32>>,
}

/// The fewest preemptions of an execution. `None` if it has a cycle of `po ∪ rf`.
pub(crate) fn fewest_preemptions(x: &Execution) -> Option<u32> {
    let pairs = |relation: &[(u32, u32)]| -> Vec<(usize, usize)> {
        relation.iter().map(|&(a, b)| (a as usize, b as usize)).collect()
    };
    let (po, rf, co) = (pairs(&x.po), pairs(&x.rf), pairs(&x.co));
    let fr = rf.iter().flat_map(|&(w, r)| co.iter().filter(move |pair| pair.0 == w).map(move |pair| (r, pair.1)));
    let dependence = [po, rf.clone()].concat();
    let memory = [dependence.clone(), co.clone(), fr.collect()].concat();
    let count = |order| fewest(&mut Orders::new(x, order), Vec::new(), None);
    count(memory).or_else(|| count(dependence))
}

impl<'x> Orders<'x> {
    fn new(x: &'x Execution, order: Vec<(usize, usize)>) -> Self {
        let mut threads: Vec<Vec<Step>> = Vec::new();
        for (id, event) in x.events.iter().enumerate() {
            let Some(thread) = event.thread else { continue };
            threads.resize_with(threads.len().max(thread as usize + 1), Vec::new);
            let steps = &mut threads[thread as usize];
            let comes_with = |before: usize| {
                let is_lock = (x.events[before].label, event.label) == (Label::LockRead, Label::LockWrite);
                is_lock || x.rmw.contains(&(before as u32, id as u32))
            };
            match steps.last_mut().filter(|step| step.last().is_some_and(|&before| comes_with(before))) {
                Some(step) => step.push(id),
                None => steps.push(vec![id]),
            }
        }
        let mut before: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for (a, b) in order {
            if x.events[a].thread.is_some() && a != b {
                before.entry(b).or_default().insert(a);
            }
        }
        Orders { x, threads, before, fewest: HashMap::new() }
    }

    fn is_done(&self, done: &[usize], event: usize) -> bool {
        let thread = self.x.events[event].thread.expect("an event of a thread") as usize;
        self.threads[thread][..done[thread]].iter().flatten().any(|&e| e == event)
    }

    fn is_next(&self, done: &[usize], thread: usize) -> bool {
        let Some(step) = self.threads[thread].get(done[thread]) else { return false };
        let before = step.iter().filter_map(|event| self.before.get(event)).flatten();
        before.into_iter().all(|&event| step.contains(&event) || self.is_done(done, event))
    }

    fn is_preempted(&self, done: &[usize], thread: usize) -> bool {
        let Some(step) = self.threads[thread].get(done[thread]) else { return false };
        let event = &self.x.events[step[0]];
        let is_held = || {
            let others = (0..done.len()).filter(|&other| other != thread);
            others.into_iter().any(|other| {
                let events = self.threads[other][..done[other]].iter().flatten().map(|&e| &self.x.events[e]);
                let mut of_lock = events.filter(|e| e.location == event.location && e.label.is_lock_event());
                of_lock
                    .rfind(|e| matches!(e.label, Label::LockWrite | Label::Unlock))
                    .is_some_and(|e| e.label == Label::LockWrite)
            })
        };
        // Only joins have `po` come from another thread to one that has begun.
        let joins = |&(before, after): &(u32, u32)| {
            let by = self.x.events[before as usize].thread;
            by.is_some_and(|by| by as usize != thread)
                && step.contains(&(after as usize))
                && !self.is_done(done, before as usize)
        };
        let waits = event.label == Label::LockRead && is_held() || self.x.po.iter().any(joins);
        !waits
    }
}

fn fewest(orders: &mut Orders<'_>, mut done: Vec<usize>, running: Option<usize>) -> Option<u32> {
    done.resize(orders.threads.len(), 0);
    if done.iter().zip(&orders.threads).all(|(&n, steps)| n == steps.len()) {
        return Some(0);
    }
    let key = (done.clone(), running);
    if let Some(&known) = orders.fewest.get(&key) {
        return known;
    }
    let next: Vec<usize> = (0..done.len()).filter(|&thread| orders.is_next(&done, thread)).collect();
    let ways = next.into_iter().filter_map(|thread| {
        let cost = running.is_some_and(|running| running != thread && orders.is_preempted(&done, running));
        let mut after = done.clone();
        after[thread] += 1;
        Some(u32::from(cost) + fewest(orders, after, Some(thread))?)
    });
    let least = ways.min();
    orders.fewest.insert(key, least);
    least
}

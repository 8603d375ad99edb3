//! The memory models, one file each.

pub mod lkmm;
mod locks;
pub mod sc;
pub mod tso;

use crate::algebra::{Definition, NodeId, Requirement, Stage, Test};
use crate::event::{Fence, Label};
use crate::event_set::EventSet;
use crate::graph::{Event, EventId, Execution};
use crate::plan::{Frame, Input, Plan};
use std::sync::OnceLock;

/// The most events that an execution can have of which a model is asked: a relation between so many takes 2 MiB.
pub const MOST_EVENTS: usize = 4096;

/// A memory model: a name and a definition.
#[derive(Debug)]
pub struct Model {
    name: &'static str,
    title: &'static str,
    definition: Definition,
}

/// What a model says of one complete execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The first axiom that the execution violates; `None` if the model allows it.
    pub violated: Option<&'static str>,
    /// The flags that it raises, in the order of the definition. Empty if the execution is not allowed.
    pub flags: Vec<&'static str>,
}

/// The Linux-kernel memory model as of Linux 6.12.
pub fn lkmm() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| Model::new("lkmm-6.12", "Linux-kernel memory model, as of Linux 6.12", lkmm::definition()))
}

/// Sequential consistency (Lamport 1979).
pub fn sc() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| Model::new("sc", "Sequential consistency", sc::definition()))
}

/// Total store order (x86).
pub fn tso() -> &'static Model {
    static MODEL: OnceLock<Model> = OnceLock::new();
    MODEL.get_or_init(|| Model::new("tso", "Total store order (x86)", tso::definition()))
}

/// Every model.
pub fn all() -> [&'static Model; 3] {
    [lkmm(), sc(), tso()]
}

/// Finds a model by its name; `lkmm` is the newest version of that model.
///
/// ```
/// use lkmm_model::models;
///
/// let lkmm = models::by_name("lkmm").expect("it is always there");
/// assert_eq!(lkmm.name(), "lkmm-6.12");
/// let axioms: Vec<_> = lkmm.definition().axioms.iter().map(|axiom| axiom.name).collect();
/// assert!(axioms.contains(&"happens-before"));
/// assert!(models::by_name("c11").is_none());
/// ```
pub fn by_name(name: &str) -> Option<&'static Model> {
    let name = if name == "lkmm" { "lkmm-6.12" } else { name };
    all().into_iter().find(|m| m.name == name)
}

impl Model {
    /// A model of one's own; [`algebra`](crate::algebra) says how to define one.
    pub fn new(name: &'static str, title: &'static str, definition: Definition) -> Self {
        Model { name, title, definition }
    }

    /// The name by which `--model` knows it.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// One line on what it is.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// The definition.
    pub fn definition(&self) -> &Definition {
        &self.definition
    }

    /// Judges one complete execution.
    ///
    /// ```
    /// use lkmm_model::event::{Label, Mode};
    /// use lkmm_model::graph::{Event, Execution};
    /// use lkmm_model::models;
    ///
    /// // Two threads write to x, one of them plainly.
    /// let event = |label, thread| Event { label, thread, location: Some(0), value: None, atomic: false, origin: 0 };
    /// let execution = Execution {
    ///     events: vec![
    ///         event(Label::Init, None),
    ///         event(Label::Write(Mode::Plain), Some(0)),
    ///         event(Label::Write(Mode::Once), Some(1)),
    ///     ],
    ///     co: vec![(0, 1), (0, 2), (1, 2)],
    ///     ..Execution::default()
    /// };
    /// let judgement = models::lkmm().judge(&execution);
    /// assert_eq!((judgement.violated, &judgement.flags[..]), (None, &["data-race"][..]));
    /// ```
    ///
    /// # Panics
    /// If the execution has more than [`MOST_EVENTS`] events, or relates events that it does not have.
    pub fn judge(&self, execution: &Execution) -> Judgement {
        match execution.events.len() {
            0..=64 => self.judge_wide::<1>(execution),
            65..=128 => self.judge_wide::<2>(execution),
            129..=256 => self.judge_wide::<4>(execution),
            257..=1024 => self.judge_wide::<16>(execution),
            _ => self.judge_wide::<64>(execution),
        }
    }

    fn judge_wide<const W: usize>(&self, execution: &Execution) -> Judgement {
        let mut plan = self.plan_of::<W>(&self.definition, execution, &|_| false, false);
        match plan.check() {
            Err(axiom) => Judgement { violated: Some(axiom.name), flags: Vec::new() },
            Ok(()) => {
                let mut raised: Vec<_> = plan.raised().collect();
                plan.flag(|name| raised.push(name));
                let flags = self.definition.flags.iter().map(|f| f.name).filter(|name| raised.contains(name)).collect();
                Judgement { violated: None, flags }
            }
        }
    }

    /// May a partial execution grow into one that the model allows, as far as the axioms can tell that speak of
    /// partial executions ([`Stage`])?
    ///
    /// # Panics
    /// As [`judge`](Self::judge).
    pub fn allows_partial(&self, execution: &Execution) -> bool {
        match execution.events.len() {
            0..=64 => self.allows_partial_wide::<1>(execution),
            65..=128 => self.allows_partial_wide::<2>(execution),
            129..=256 => self.allows_partial_wide::<4>(execution),
            257..=1024 => self.allows_partial_wide::<16>(execution),
            _ => self.allows_partial_wide::<64>(execution),
        }
    }

    fn allows_partial_wide<const W: usize>(&self, execution: &Execution) -> bool {
        let grace_period = |event: &Event| matches!(event.label, Label::Fence(Fence::SyncRcu) | Label::SyncSrcu);
        let has_grace_period = execution.events.iter().any(grace_period);
        let waits = |axiom: &Requirement| match axiom.stage {
            Stage::Partial => false,
            Stage::PartialWithoutGracePeriod => has_grace_period,
            Stage::Complete => true,
        };
        self.plan_of::<W>(&self.definition, execution, &waits, true).check().is_ok()
    }

    /// The pairs of a derived relation (`fr`, `hb`, `prop`, …) of an execution; `None` if the model names no such
    /// relation.
    ///
    /// ```
    /// use lkmm_model::event::{Label, Mode};
    /// use lkmm_model::graph::{Event, Execution};
    /// use lkmm_model::models;
    ///
    /// // A thread reads x before another one writes it.
    /// let event = |label, thread| Event { label, thread, location: Some(0), value: None, atomic: false, origin: 0 };
    /// let execution = Execution {
    ///     events: vec![
    ///         event(Label::Init, None),
    ///         event(Label::Read(Mode::Once), Some(0)),
    ///         event(Label::Write(Mode::Once), Some(1)),
    ///     ],
    ///     rf: vec![(0, 1)],
    ///     co: vec![(0, 2)],
    ///     ..Execution::default()
    /// };
    /// assert_eq!(models::lkmm().relation(&execution, "fr"), Some(vec![(1, 2)]));
    /// assert_eq!(models::lkmm().relation(&execution, "ghb"), None, "that is a relation of TSO");
    /// ```
    pub fn relation(&self, execution: &Execution, name: &str) -> Option<Vec<(EventId, EventId)>> {
        let known = self.relations(execution, &|relation| relation == name);
        known.into_iter().map(|(_, pairs)| pairs).next()
    }

    /// The pairs of several derived relations of an execution, all of those that the model names and that are wanted. They cost hardly more
    /// than one.
    pub fn relations(
        &self,
        execution: &Execution,
        is_wanted: &dyn Fn(&'static str) -> bool,
    ) -> Vec<(&'static str, Vec<(EventId, EventId)>)> {
        let names = self.definition.names.iter().copied().filter(|&(name, _)| is_wanted(name)).collect();
        match execution.events.len() {
            0..=64 => relations_wide::<1>(self, execution, names),
            65..=256 => relations_wide::<4>(self, execution, names),
            _ => relations_wide::<16>(self, execution, names),
        }
    }

    fn plan_of<'d, const W: usize>(
        &self,
        definition: &'d Definition,
        execution: &Execution,
        skip_axiom: &dyn Fn(&Requirement) -> bool,
        skip_flags: bool,
    ) -> Plan<'d, W> {
        let frame = frame_of::<W>(execution);
        let all = EventSet::below(execution.events.len());
        let growing = || Input::Growing { domain: all, range: all };
        let mut plan = Plan::new(definition, &frame, growing(), growing(), skip_axiom, &|_| skip_flags, None);
        for &(w, r) in &execution.rf {
            plan.set_rf(w as usize, r as usize, true);
        }
        for &(a, b) in &execution.co {
            plan.set_co(a as usize, b as usize, true);
        }
        if plan.needs_different_values() {
            for (i, a) in execution.events.iter().enumerate() {
                for (j, b) in execution.events.iter().enumerate() {
                    plan.set_different_values(i, j, a.value != b.value);
                }
            }
        }
        plan
    }
}

fn relations_wide<const W: usize>(
    model: &Model,
    execution: &Execution,
    names: Vec<(&'static str, NodeId)>,
) -> Vec<(&'static str, Vec<(EventId, EventId)>)> {
    // A flag keeps a relation in the plan.
    let keep = |&(_, node): &(&'static str, NodeId)| Requirement {
        test: Test::Empty,
        node,
        name: "",
        stage: Stage::Complete,
        per_location: false,
    };
    let flags = names.iter().map(keep).collect();
    let definition = Definition { flags, axioms: Vec::new(), ..model.definition.clone() };
    let mut plan = model.plan_of::<W>(&definition, execution, &|_| false, false);
    let _ = plan.check();
    plan.flag(|_| {});
    names.into_iter().map(|(name, node)| (name, plan.pairs(node))).collect()
}

pub(crate) fn frame_of<const W: usize>(execution: &Execution) -> Frame<W> {
    let n = execution.events.len();
    let rows = |pairs: &[(EventId, EventId)]| {
        let mut rows = vec![EventSet::<W>::EMPTY; n];
        for &(a, b) in pairs {
            rows[a as usize].insert(b as usize);
        }
        rows
    };
    let events = &execution.events;
    Frame {
        labels: events.iter().map(|e| e.label).collect(),
        threads: events.iter().map(|e| e.thread).collect(),
        locations: events.iter().map(|e| e.location).collect(),
        atomic: (0..n).filter(|&i| events[i].atomic).collect(),
        observed_init: observed_init(execution),
        po: rows(&execution.po),
        rmw: rows(&execution.rmw),
        addr: rows(&execution.addr),
        data: rows(&execution.data),
        ctrl: rows(&execution.ctrl),
    }
}

/// Initial writes of observed locations.
fn observed_init<const W: usize>(execution: &Execution) -> EventSet<W> {
    let events = &execution.events;
    (0..events.len())
        .filter(|&i| {
            let e = &events[i];
            let observed = e.location.is_some_and(|l| execution.observed_locations.contains(&l));
            e.label == Label::Init && observed
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_model_says_which_axiom_is_sequential_consistency_per_location() {
        for model in all() {
            let marked = model.definition.axioms.iter().filter(|axiom| axiom.per_location);
            assert_eq!(marked.map(|axiom| axiom.name).collect::<Vec<_>>(), ["coherence"], "{}", model.name);
        }
    }
}

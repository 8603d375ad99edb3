//! What the memory model says of a graph.
//!
//! A model is specialised to events, `po`, locations and dependencies ([`Plan`]), which costs far more than to run the
//! result. So plans are kept, under the traces of the threads that they are made for. A plan that is to check partial
//! graphs is made for more events than a graph has: for those too that its threads are guessed to perform
//! ([`Traces::guess`]). The events that are not there yet have no `rf` and no `co`, and are behind all others in `po`, so
//! they add no cycle. (If the guess breaks an axiom by itself, the plan is made for the graph as it is.)

use super::OpenError;
use super::graph::Graph;
use super::layout::{Layout, Place};
use super::node::{Id, Source};
use super::traces::{Seen, Trace, Traces};
use lkmm_model::algebra::{Requirement, Stage};
use lkmm_model::event::{Fence, Label};
use lkmm_model::event_set::EventSet;
use lkmm_model::models::{MOST_EVENTS, Model};
use lkmm_model::plan::{Frame, Input, Plan};
use lkmm_model::program::LocationId;
use rustc_hash::FxHashMap;

/// Plans are dropped, all at once, when they take more bytes than this.
const MEMORY: usize = 48 << 20;

pub(crate) struct Judge {
    model: &'static Model,
    observed: Vec<LocationId>,
    partial: Plans,
    complete: Plans,
    whole: Plans,
    memory: usize,
    /// The traces of the plan that is looked for.
    key: Vec<Option<Trace>>,
}

/// Plans, under the traces that they are made for. The next one that is asked for is mostly the last one.
#[derive(Default)]
struct Plans {
    numbers: FxHashMap<Vec<Option<Trace>>, usize>,
    plans: Vec<Box<dyn Specialised>>,
    /// The traces of the plan that was found last, and its number.
    last: (Vec<Option<Trace>>, usize),
}

impl Plans {
    /// Looks for the plan of these traces.
    fn find(&mut self, key: &[Option<Trace>]) -> bool {
        if self.last.0 == key && !self.plans.is_empty() {
            return true;
        }
        let Some(&number) = self.numbers.get(key) else { return false };
        self.remember(key, number);
        true
    }

    fn add(&mut self, key: &[Option<Trace>], plan: Box<dyn Specialised>) {
        self.numbers.insert(key.to_vec(), self.plans.len());
        self.remember(key, self.plans.len());
        self.plans.push(plan);
    }

    fn remember(&mut self, key: &[Option<Trace>], number: usize) {
        self.last.0.clear();
        self.last.0.extend_from_slice(key);
        self.last.1 = number;
    }

    /// The plan that was found or added last.
    fn found(&mut self) -> &mut dyn Specialised {
        &mut *self.plans[self.last.1]
    }
}

/// What a model says of a complete execution.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_consistent: bool,
    pub(crate) flags: Vec<&'static str>,
}

impl Judge {
    pub(crate) fn new(model: &'static Model, observed: Vec<LocationId>) -> Judge {
        Judge {
            model,
            observed,
            partial: Plans::default(),
            complete: Plans::default(),
            whole: Plans::default(),
            memory: 0,
            key: Vec::new(),
        }
    }

    /// May a graph grow into an execution that the model allows, as far as the axioms can tell that speak of partial
    /// executions?
    pub(crate) fn allows_partial(&mut self, traces: &Traces, graph: &Graph) -> Result<bool, OpenError> {
        self.key.clear();
        self.key.extend((0..graph.threads.len()).map(|t| traces.guess(t, graph.last_node(t).map(|node| node.trace))));
        if !self.partial.find(&self.key) {
            let mut plan = self.specialise(traces, Purpose::Partial)?;
            if plan.is_broken() {
                self.key.clear();
                self.key.extend((0..graph.threads.len()).map(|t| graph.last_node(t).map(|node| node.trace)));
                plan = self.specialise(traces, Purpose::Partial)?;
                self.key.iter_mut().zip(0..).for_each(|(t, n)| *t = traces.guess(n, *t));
                return Ok(plan.check(graph));
            }
            self.partial.add(&self.key, plan);
        }
        Ok(self.partial.found().check(graph))
    }

    /// Judges a complete graph of which every part was checked: what is left are the axioms that speak of complete
    /// executions alone, and the flags.
    pub(crate) fn judge(&mut self, traces: &Traces, graph: &Graph) -> Result<Verdict, OpenError> {
        self.key.clear();
        self.key.extend((0..graph.threads.len()).map(|t| graph.last_node(t).map(|node| node.trace)));
        if !self.complete.find(&self.key) {
            let plan = self.specialise(traces, Purpose::Complete)?;
            self.complete.add(&self.key, plan);
        }
        Ok(self.complete.found().judge(graph))
    }

    /// Judges a complete graph of which no part was checked.
    pub(crate) fn judge_whole(&mut self, traces: &Traces, graph: &Graph) -> Result<Verdict, OpenError> {
        self.key.clear();
        self.key.extend((0..graph.threads.len()).map(|t| graph.last_node(t).map(|node| node.trace)));
        if !self.whole.find(&self.key) {
            let plan = self.specialise(traces, Purpose::Whole)?;
            self.whole.add(&self.key, plan);
        }
        Ok(self.whole.found().judge(graph))
    }

    /// Makes a plan for the threads of `self.key`.
    fn specialise(&mut self, traces: &Traces, purpose: Purpose) -> Result<Box<dyn Specialised>, OpenError> {
        if self.memory > MEMORY {
            self.partial = Plans::default();
            self.complete = Plans::default();
            self.whole = Plans::default();
            self.memory = 0;
        }
        let threads: Vec<Vec<Seen>> = self.key.iter().map(|&trace| traces.events(trace)).collect();
        let layout = Layout::new(&threads);
        let plan: Box<dyn Specialised> = match layout.len() {
            0..=64 => Box::new(PlanOf::<1>::new(self.model, &self.observed, traces, &threads, layout, purpose)),
            65..=128 => Box::new(PlanOf::<2>::new(self.model, &self.observed, traces, &threads, layout, purpose)),
            129..=256 => Box::new(PlanOf::<4>::new(self.model, &self.observed, traces, &threads, layout, purpose)),
            257..=1024 => Box::new(PlanOf::<16>::new(self.model, &self.observed, traces, &threads, layout, purpose)),
            1025..=MOST_EVENTS => {
                Box::new(PlanOf::<64>::new(self.model, &self.observed, traces, &threads, layout, purpose))
            }
            events => return Err(OpenError::TooManyEvents { events, limit: MOST_EVENTS }),
        };
        self.memory += plan.memory();
        Ok(plan)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To check graphs that grow.
    Partial,
    /// To judge complete graphs that were checked all the time.
    Complete,
    /// To judge complete graphs.
    Whole,
}

/// A plan with its layout, for some number of words a row.
trait Specialised {
    fn is_broken(&self) -> bool;
    fn check(&mut self, graph: &Graph) -> bool;
    fn judge(&mut self, graph: &Graph) -> Verdict;
    fn memory(&self) -> usize;
}

struct PlanOf<const W: usize> {
    model: &'static Model,
    plan: Plan<'static, W>,
    layout: Layout,
    /// There is nothing that `rf` and `co` can change.
    is_settled: bool,
}

impl<const W: usize> PlanOf<W> {
    fn new(
        model: &'static Model,
        observed: &[LocationId],
        traces: &Traces,
        threads: &[Vec<Seen>],
        mut layout: Layout,
        purpose: Purpose,
    ) -> Self {
        let frame = frame(observed, traces, threads, &layout);
        let grace_period = |label: &Label| matches!(label, Label::Fence(Fence::SyncRcu) | Label::SyncSrcu);
        let has_grace_period = frame.labels.iter().any(grace_period);
        let was_partial = |axiom: &Requirement| match axiom.stage {
            Stage::Partial => true,
            Stage::PartialWithoutGracePeriod => !has_grace_period,
            Stage::Complete => false,
        };
        let skip_axiom = |axiom: &Requirement| match purpose {
            Purpose::Partial => !was_partial(axiom),
            Purpose::Complete => was_partial(axiom),
            Purpose::Whole => false,
        };
        let which = |p: &dyn Fn(Label) -> bool| frame.labels.iter().map(|&l| p(l)).collect::<Vec<bool>>();
        let set = |bits: Vec<bool>| (0..bits.len()).filter(|&i| bits[i]).collect::<EventSet<W>>();
        let writes = set(which(&|l| l.is_write() || matches!(l, Label::Init | Label::LockWrite | Label::Unlock)));
        let reads = set(which(&|l| l.is_read() || l.is_lock_event() && !matches!(l, Label::LockWrite | Label::Unlock)));
        let mut plan = Plan::new(
            model.definition(),
            &frame,
            Input::Growing { domain: writes, range: reads },
            Input::Growing { domain: writes, range: writes },
            &skip_axiom,
            &|_| purpose == Purpose::Partial,
            None,
        );
        plan.compact();
        layout.compact();
        let is_settled = plan.is_settled();
        PlanOf { model, plan, layout, is_settled }
    }

    fn place(&self, id: Id) -> Place {
        self.layout.places[id.thread as usize][id.index as usize].expect("what is read or ordered is an event")
    }

    /// Tells the plan what reads what, and in which order the writes are.
    fn enter(&mut self, graph: &Graph) {
        self.plan.clear_inputs();
        for (id, node) in graph.nodes() {
            let (Some(source), Some(location)) = (node.source(), node.location) else { continue };
            let source = match source {
                Source::Initial => self.layout.initial(location),
                Source::Event(write) => self.place(write),
            };
            let read = self.place(id);
            self.plan.set_rf(source as usize, read as usize, true);
        }
        for writes in &graph.co {
            let initial = self.layout.initial(writes.location);
            for (at, &later) in writes.order.iter().enumerate() {
                let later = self.place(later) as usize;
                self.plan.set_co(initial as usize, later, true);
                for &earlier in &writes.order[..at] {
                    let earlier = self.place(earlier) as usize;
                    self.plan.set_co(earlier, later, true);
                }
            }
        }
    }
}

impl<const W: usize> Specialised for PlanOf<W> {
    fn is_broken(&self) -> bool {
        self.plan.broken().is_some()
    }

    fn check(&mut self, graph: &Graph) -> bool {
        if self.plan.broken().is_some() {
            return false;
        }
        if self.is_settled {
            return true;
        }
        self.enter(graph);
        self.plan.check().is_ok()
    }

    fn judge(&mut self, graph: &Graph) -> Verdict {
        if self.plan.broken().is_some() {
            return Verdict::default();
        }
        let mut flags: Vec<&'static str> = self.plan.raised().collect();
        if self.is_settled {
            return Verdict { is_consistent: true, flags };
        }
        self.enter(graph);
        if self.plan.check().is_err() {
            return Verdict::default();
        }
        if self.plan.needs_different_values() {
            let values: Vec<_> = graph.nodes().filter_map(|(id, node)| Some((id, node.known_value()?))).collect();
            for &(a, x) in &values {
                for &(b, y) in &values {
                    if let (Some(a), Some(b)) = (self.layout.place(a), self.layout.place(b)) {
                        self.plan.set_different_values(a as usize, b as usize, x != y);
                    }
                }
            }
        }
        self.plan.flag(|name| flags.push(name));
        flags.sort_by_key(|&flag| self.model.definition().flags.iter().position(|known| known.name == flag));
        Verdict { is_consistent: true, flags }
    }

    fn memory(&self) -> usize {
        self.plan.memory() + self.layout.len() * 64
    }
}

/// What a plan is specialised to.
fn frame<const W: usize>(observed: &[LocationId], traces: &Traces, threads: &[Vec<Seen>], layout: &Layout) -> Frame<W> {
    let n = layout.len();
    let initial = layout.locations.len();
    let empty = || vec![EventSet::<W>::EMPTY; n];
    let mut frame = Frame {
        labels: vec![Label::Init; initial],
        threads: vec![None; initial],
        locations: layout.locations.iter().copied().map(Some).collect(),
        atomic: EventSet::EMPTY,
        observed_init: (0..initial).filter(|&i| observed.contains(&layout.locations[i])).collect(),
        po: empty(),
        rmw: empty(),
        addr: empty(),
        data: empty(),
        ctrl: empty(),
    };
    for (event, placed) in layout.events.iter().enumerate() {
        let at = initial + event;
        let seen = &threads[placed.thread as usize][placed.index as usize];
        frame.labels.push(placed.label);
        frame.threads.push(Some(placed.thread));
        frame.locations.push(seen.location.filter(|_| !placed.is_extra));
        for before in layout.before(event) {
            frame.po[before as usize].insert(at);
        }
        let places = &layout.places[placed.thread as usize];
        let place = |&index: &u32| places.get(index as usize).copied().flatten();
        if !placed.is_extra {
            if seen.atomic {
                frame.atomic.insert(at);
            }
            if let Some(read) = seen.rmw.as_ref().and_then(place) {
                frame.rmw[read as usize].insert(at);
            }
        }
        let reasons = if placed.is_extra { seen.fence_reasons } else { seen.reasons };
        let Some(reasons) = traces.reasons_of(reasons) else { continue };
        for (rows, from) in
            [(&mut frame.addr, &reasons.addr), (&mut frame.data, &reasons.data), (&mut frame.ctrl, &reasons.ctrl)]
        {
            for read in from.iter().filter_map(place) {
                rows[read as usize].insert(at);
            }
        }
        for other in reasons.unordered.iter().filter_map(place) {
            frame.po[other as usize].remove(at);
        }
    }
    frame
}

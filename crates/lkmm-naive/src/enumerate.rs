//! Every execution of a program, by trying everything.
//!
//! For each combination of control paths, each source of each read and each coherence order of each location: solve the
//! value equations, build the whole [`Execution`], have it judged, and count it. A read is offered every write of the
//! program and the initial write of every location; only pairs whose addresses are *constants* that differ are left
//! out. It shares with the searches nothing but the types of `lkmm-model`, so that it can check them.
//!
//! Where it follows herd7 in detail:
//! * That a read reads from a write makes their *addresses* equal as well as their values, and this equation may be what
//!   determines a pointer (out of thin air, when the pointer is itself copied in a circle).
//! * A read-modify-write does not read from itself, not even where that would make an access to no location of it.
//! * A failed `spin_trylock` and a `spin_is_locked` that is true read, inside a critical section of their own thread,
//!   from that section's lock; elsewhere from any lock operation of another thread, and if there is none the path
//!   has no execution.
//! * An illegal operation is an error only if its execution is otherwise allowed (by the model; the filter has no say); an
//!   access to what is no location is one as soon as the equations have a solution.

use crate::model::{Judgement, merge_locks};
use crate::values::Solver;
use lkmm_model::event::Label;
use lkmm_model::graph::{Event, EventId, Execution};
use lkmm_model::program::{
    Expr, IllegalOperation, LocationId, Observable, Path, PathEvent, Program, Proposition, Term, Value,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// When to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The number of candidate executions (combinations of paths, `rf` and `co`) to build.
    pub candidates: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { candidates: 1_000_000 }
    }
}

/// What the executions of a program amount to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Executions whose final state satisfies the condition.
    pub positive: u64,
    /// Executions whose final state does not.
    pub negative: u64,
    /// Each final state with the number of its executions; symbols are numbered by first occurrence in the state.
    pub states: BTreeMap<Vec<Value>, u64>,
    /// Flags that some counted execution raised.
    pub flags: BTreeSet<&'static str>,
    /// Some consistent execution takes a path that was cut at the unroll bound.
    pub truncated: bool,
    /// Some counted execution reads, writes or ends with a value that nothing determines.
    pub thin_air: bool,
}

/// Why a program has no counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NaiveError {
    /// There are more candidate executions than [`Limits::candidates`].
    TooManyCandidates,
    /// An access goes to an address that is no location. (A read only ever does so together with the write it reads.)
    BadAddress {
        /// The address.
        value: Value,
        /// [`EventTemplate::origin`](lkmm_model::program::EventTemplate::origin) of the event.
        origin: u32,
    },
    /// A consistent execution applies an operator to values that it is not defined on.
    Illegal(IllegalOperation),
}

impl fmt::Display for NaiveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NaiveError::TooManyCandidates => f.write_str("too many candidate executions"),
            NaiveError::BadAddress { value, origin } => {
                write!(f, "event {origin} accesses {value:?}, which is no location")
            }
            NaiveError::Illegal(operation) => operation.fmt(f),
        }
    }
}

impl std::error::Error for NaiveError {}

/// Counts the executions of `program` that `judge` finds consistent.
///
/// # Errors
/// See [`NaiveError`].
pub fn enumerate(
    program: &Program,
    judge: &dyn Fn(&Execution) -> Judgement,
    limits: &Limits,
) -> Result<Counts, NaiveError> {
    enumerate_with(program, judge, limits, &mut |_, _| {})
}

/// As [`enumerate`], and hands each counted execution to `visit` with its final state.
///
/// # Errors
/// See [`NaiveError`].
pub fn enumerate_with(
    program: &Program,
    judge: &dyn Fn(&Execution) -> Judgement,
    limits: &Limits,
    visit: &mut dyn FnMut(&Execution, &[Value]),
) -> Result<Counts, NaiveError> {
    let mut observed_locations: Vec<LocationId> = Vec::new();
    for observable in &program.observed {
        if let Observable::Location(location) = *observable {
            observed_locations.push(location);
        }
    }
    observed_locations.sort_unstable();
    observed_locations.dedup();
    let mut run = Run { program, judge, visit, observed_locations, left: limits.candidates, counts: Counts::default() };
    for_each_choice(&path_counts(program), &mut |choice| run.paths(choice))?;
    Ok(run.counts)
}

/// An upper bound of the number of candidate executions that [`enumerate`] builds.
pub fn count_candidates(program: &Program) -> u64 {
    let mut total: u64 = 0;
    let counted: Result<(), ()> = for_each_choice(&path_counts(program), &mut |choice| {
        let paths = chosen_paths(program, choice);
        let events = thread_events(&paths);
        let sources = sources(program, &paths, &events).iter().fold(1u64, |n, s| n.saturating_mul(s.len() as u64));
        let mut orders: u64 = 1;
        let mut written: BTreeMap<Option<LocationId>, u64> = BTreeMap::new();
        for &event in events.iter().filter(|&&e| is_ordered(template(&paths, e).label)) {
            let n = written.entry(constant_location(&paths, event)).or_default();
            *n += 1;
            orders = orders.saturating_mul(*n);
        }
        total = total.saturating_add(sources.saturating_mul(orders));
        Ok(())
    });
    debug_assert!(counted.is_ok());
    total
}

/// An event of a chosen path: thread, and index in its path.
type ThreadEvent = (usize, PathEvent);

/// Where a read reads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    Initial(LocationId),
    Event(ThreadEvent),
}

fn path_counts(program: &Program) -> Vec<usize> {
    program.threads.iter().map(|thread| thread.paths.len()).collect()
}

fn chosen_paths<'p>(program: &'p Program, choice: &[usize]) -> Vec<&'p Path> {
    program.threads.iter().zip(choice).map(|(thread, &path)| &thread.paths[path]).collect()
}

fn thread_events(paths: &[&Path]) -> Vec<ThreadEvent> {
    let of_path = |(t, path): (usize, &&Path)| (0..path.events.len() as u32).map(move |e| (t, e)).collect::<Vec<_>>();
    paths.iter().enumerate().flat_map(of_path).collect()
}

fn template<'p>(paths: &[&'p Path], (thread, event): ThreadEvent) -> &'p lkmm_model::program::EventTemplate {
    &paths[thread].events[event as usize]
}

/// Does `co` order it before unlocks are merged?
fn is_ordered(label: Label) -> bool {
    label.is_write() || label == Label::LockWrite
}

/// Calls `f` with every combination of one number below each of `sizes`.
fn for_each_choice<E>(sizes: &[usize], f: &mut dyn FnMut(&[usize]) -> Result<(), E>) -> Result<(), E> {
    if sizes.contains(&0) {
        return Ok(());
    }
    let mut choice = vec![0; sizes.len()];
    loop {
        f(&choice)?;
        let mut digit = 0;
        loop {
            if digit == sizes.len() {
                return Ok(());
            }
            choice[digit] += 1;
            if choice[digit] < sizes[digit] {
                break;
            }
            choice[digit] = 0;
            digit += 1;
        }
    }
}

/// The location of an event whose address is a constant.
fn constant_location(paths: &[&Path], event: ThreadEvent) -> Option<LocationId> {
    match paths[event.0].exprs[template(paths, event).address? as usize] {
        Expr::Const(Value::Address(location, 0)) => Some(location),
        _ => None,
    }
}

/// What each event reads from, perhaps; a single `None` for an event that does not read, or whose `rf` is derived.
fn sources(program: &Program, paths: &[&Path], events: &[ThreadEvent]) -> Vec<Vec<Option<Source>>> {
    let may_meet = |a: ThreadEvent, b: Option<LocationId>| match (constant_location(paths, a), b) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let of_event = |&reader: &ThreadEvent| {
        let (from, initial): (fn(Label) -> bool, bool) = match template(paths, reader).label {
            Label::Read(_) => (Label::is_write, true),
            Label::LockFail | Label::ReadLocked => (|label| label == Label::LockWrite, false),
            Label::ReadUnlocked => (|label| label == Label::Unlock, true),
            _ => return vec![None],
        };
        let locations = (0..program.locations.len() as u32).filter(|&l| initial && may_meet(reader, Some(l)));
        let writers = events.iter().copied().filter(|&writer| {
            !is_pair(paths, reader, writer)
                && from(template(paths, writer).label)
                && may_meet(reader, constant_location(paths, writer))
        });
        locations.map(Source::Initial).chain(writers.map(Source::Event)).map(Some).collect()
    };
    events.iter().map(of_event).collect()
}

/// Are these the two halves of a read-modify-write?
fn is_pair(paths: &[&Path], reader: ThreadEvent, writer: ThreadEvent) -> bool {
    reader.0 == writer.0 && paths[reader.0].rmw.contains(&(reader.1, writer.1))
}

struct Run<'a> {
    program: &'a Program,
    judge: &'a dyn Fn(&Execution) -> Judgement,
    visit: &'a mut dyn FnMut(&Execution, &[Value]),
    observed_locations: Vec<LocationId>,
    left: u64,
    counts: Counts,
}

impl Run<'_> {
    fn paths(&mut self, choice: &[usize]) -> Result<(), NaiveError> {
        let paths = chosen_paths(self.program, choice);
        let events = thread_events(&paths);
        let sources = sources(self.program, &paths, &events);
        let sizes: Vec<usize> = sources.iter().map(Vec::len).collect();
        let Ok(solver) = Solver::new(&paths) else { return Ok(()) };
        for_each_choice(&sizes, &mut |choice| {
            self.spend()?;
            let rf: Vec<(ThreadEvent, Source)> =
                (0..events.len()).filter_map(|e| sources[e][choice[e]].map(|source| (events[e], source))).collect();
            self.reads_from(&paths, &events, &rf, solver.clone())
        })
    }

    fn spend(&mut self) -> Result<(), NaiveError> {
        self.left = self.left.checked_sub(1).ok_or(NaiveError::TooManyCandidates)?;
        Ok(())
    }

    /// Solves the equations, builds what does not depend on `co`, and tries every `co`.
    fn reads_from(
        &mut self,
        paths: &[&Path],
        events: &[ThreadEvent],
        rf: &[(ThreadEvent, Source)],
        mut solver: Solver,
    ) -> Result<(), NaiveError> {
        let address = |solver: &Solver, e: ThreadEvent| {
            template(paths, e).address.map(|address| solver.expr(e.0, address)).expect("a read or write has a location")
        };
        for &(reader, source) in rf {
            if !template(paths, reader).label.is_read() {
                continue; // An event of a lock, which has no value.
            }
            let (location, value) = match source {
                Source::Initial(l) => (self.program.address_of(l), self.program.locations[l as usize].init),
                Source::Event(w) => {
                    let value = template(paths, w).value.expect("a write has a value");
                    (address(&solver, w), solver.expr(w.0, value))
                }
            };
            let known = solver.read(reader.0, reader.1);
            if solver.unify(known, value).is_err() || solver.unify(address(&solver, reader), location).is_err() {
                return Ok(());
            }
        }
        if solver.solve().is_err() {
            return Ok(());
        }
        let (mut execution, first) = self.build(paths, events, &solver)?;
        if !lay_reads_from(&mut execution, &first, rf) {
            return Ok(());
        }
        let finals: Vec<Vec<Value>> = paths
            .iter()
            .enumerate()
            .map(|(t, path)| path.finals.iter().map(|&e| solver.expr(t, e)).collect())
            .collect();
        let truncated = paths.iter().any(|path| path.truncated);
        self.coherence_orders(&execution, &finals, truncated, solver.illegal)
    }

    /// The execution without `rf` and `co`, and of each thread the identity of its first event.
    fn build(
        &self,
        paths: &[&Path],
        events: &[ThreadEvent],
        solver: &Solver,
    ) -> Result<(Execution, Vec<EventId>), NaiveError> {
        let mut located = Vec::with_capacity(events.len());
        for &(t, e) in events {
            let event = template(paths, (t, e));
            let location = match event.address.map(|address| solver.expr(t, address)) {
                None => None,
                Some(value) => match self.program.location_at(value) {
                    None => {
                        let made_of = solver.illegal.filter(|_| matches!(value, Value::Symbol(_)));
                        return Err(
                            made_of.map_or(NaiveError::BadAddress { value, origin: event.origin }, NaiveError::Illegal)
                        );
                    }
                    location => location,
                },
            };
            let value = match event.label {
                Label::Read(_) => Some(solver.read(t, e)),
                Label::Write(_) => event.value.map(|value| solver.expr(t, value)),
                _ => None,
            };
            located.push(Event {
                label: event.label,
                thread: Some(t as u32),
                location,
                value,
                atomic: event.atomic,
                origin: event.origin,
            });
        }
        let accessed: BTreeSet<LocationId> = located.iter().filter_map(|event| event.location).collect();
        let mut execution = Execution { observed_locations: self.observed_locations.clone(), ..Execution::default() };
        execution.events = accessed
            .iter()
            .map(|&location| Event {
                label: Label::Init,
                thread: None,
                location: Some(location),
                value: Some(self.program.locations[location as usize].init),
                atomic: false,
                origin: 0,
            })
            .collect();
        execution.events.extend(located);
        let mut first = Vec::with_capacity(paths.len());
        let mut next = accessed.len() as u32;
        for path in paths {
            first.push(next);
            let last = next + path.events.len() as u32;
            let unordered = |a: u32, b: u32| path.unordered.contains(&(a - next, b - next));
            let later = |a: u32| (a + 1..last).map(move |b| (a, b));
            execution.po.extend((next..last).flat_map(later).filter(|&(a, b)| !unordered(a, b)));
            let shifted = |pairs: &[(u32, u32)]| pairs.iter().map(|&(a, b)| (a + next, b + next)).collect::<Vec<_>>();
            execution.rmw.extend(shifted(&path.rmw));
            execution.addr.extend(shifted(&path.addr));
            execution.data.extend(shifted(&path.data));
            execution.ctrl.extend(shifted(&path.ctrl));
            next = last;
        }
        for relation in [&mut execution.rmw, &mut execution.addr, &mut execution.data, &mut execution.ctrl] {
            relation.sort_unstable();
            relation.dedup();
        }
        Ok((execution, first))
    }

    fn coherence_orders(
        &mut self,
        execution: &Execution,
        finals: &[Vec<Value>],
        truncated: bool,
        illegal: Option<IllegalOperation>,
    ) -> Result<(), NaiveError> {
        let orders: Vec<Vec<Vec<EventId>>> = by_location(execution)
            .into_values()
            .map(|(initial, writes)| {
                let mut orders = Vec::new();
                permutations(&mut Vec::from([initial]), &writes, &mut orders);
                orders.retain(|order| unmatched_lock_is_last(execution, order));
                orders
            })
            .collect();
        let sizes: Vec<usize> = orders.iter().map(Vec::len).collect();
        for_each_choice(&sizes, &mut |choice| {
            self.spend()?;
            let chosen: Vec<&[EventId]> = orders.iter().zip(choice).map(|(of, &i)| of[i].as_slice()).collect();
            let state = self.final_state(execution, &chosen, finals);
            let holds = |proposition: &Option<Proposition>| {
                proposition.as_ref().is_none_or(|p| self.holds(p, execution, &chosen, finals))
            };
            // Whether a filter keeps an illegal operation is nobody's to say.
            if illegal.is_none() && !holds(&self.program.filter) {
                return Ok(());
            }
            let positive = holds(&self.program.condition);
            let mut execution = execution.clone();
            for order in &chosen {
                execution
                    .co
                    .extend(order.iter().enumerate().flat_map(|(i, &a)| order[i + 1..].iter().map(move |&b| (a, b))));
            }
            execution.co.sort_unstable();
            merge_locks(&mut execution);
            let judgement = (self.judge)(&execution);
            if !judgement.consistent {
                return Ok(());
            }
            if let Some(illegal) = illegal {
                return Err(NaiveError::Illegal(illegal));
            }
            if truncated {
                self.counts.truncated = true;
                return Ok(());
            }
            let symbolic = |value: &Value| matches!(value, Value::Symbol(_));
            if execution.events.iter().any(|e| e.value.as_ref().is_some_and(symbolic)) || state.iter().any(symbolic) {
                self.counts.thin_air = true;
            }
            self.counts.flags.extend(judgement.flags);
            *if positive { &mut self.counts.positive } else { &mut self.counts.negative } += 1;
            (self.visit)(&execution, &state);
            *self.counts.states.entry(state).or_default() += 1;
            Ok(())
        })
    }

    fn final_state(&self, execution: &Execution, orders: &[&[EventId]], finals: &[Vec<Value>]) -> Vec<Value> {
        let mut symbols = Vec::new();
        let canonical = |value: Value| match value {
            Value::Symbol(symbol) => Value::Symbol(symbols.iter().position(|&s| s == symbol).unwrap_or_else(|| {
                symbols.push(symbol);
                symbols.len() - 1
            }) as u32),
            value => value,
        };
        let last = |&observable| self.final_value(observable, execution, orders, finals);
        self.program.observed.iter().map(last).map(canonical).collect()
    }

    fn final_value(
        &self,
        observable: Observable,
        execution: &Execution,
        orders: &[&[EventId]],
        finals: &[Vec<Value>],
    ) -> Value {
        match observable {
            Observable::Register(thread, register) => finals[thread as usize][register as usize],
            Observable::Location(location) => {
                let event = |&e: &EventId| execution.events[e as usize];
                let order = orders.iter().find(|order| event(&order[0]).location == Some(location));
                // An LKW has no value: a lock keeps its initial one.
                let last = order.and_then(|order| order.iter().rev().find_map(|e| event(e).value));
                last.unwrap_or(self.program.locations[location as usize].init)
            }
        }
    }

    fn holds(
        &self,
        proposition: &Proposition,
        execution: &Execution,
        orders: &[&[EventId]],
        finals: &[Vec<Value>],
    ) -> bool {
        let value = |term: &Term| match *term {
            Term::Final(observable) => self.final_value(observable, execution, orders, finals),
            Term::Const(value) => value,
        };
        let holds = |p: &Proposition| self.holds(p, execution, orders, finals);
        match proposition {
            Proposition::Equal(a, b, equal) => (value(a) == value(b)) == *equal,
            Proposition::And(all) => all.iter().all(holds),
            Proposition::Or(any) => any.iter().any(holds),
            Proposition::Not(p) => !holds(p),
        }
    }
}

/// Adds `rf`, if locations match and events of locks read from where they may.
fn lay_reads_from(x: &mut Execution, first: &[EventId], rf: &[(ThreadEvent, Source)]) -> bool {
    let id = |(t, e): ThreadEvent| first[t] + e;
    for &(reader, source) in rf {
        let reader = id(reader);
        let location = x.events[reader as usize].location;
        let writer = match source {
            Source::Event(w) => id(w),
            Source::Initial(l) if location == Some(l) => {
                let initial = |e: &Event| e.label == Label::Init && e.location == location;
                x.events.iter().position(initial).expect("an accessed location has an initial write") as u32
            }
            Source::Initial(_) => return false,
        };
        if x.events[writer as usize].location != location || !lock_reads_well(x, reader, writer) {
            return false;
        }
        x.rf.push((writer, reader));
    }
    x.rf.sort_unstable();
    true
}

/// May this event of a lock read from there? (True for ordinary reads.)
fn lock_reads_well(x: &Execution, reader: EventId, writer: EventId) -> bool {
    let before = |a: EventId, b: EventId| x.po.contains(&(a, b));
    let event = |e: EventId| x.events[e as usize];
    let same_lock = |e: EventId| event(e).location == event(reader).location;
    let unlock_between = |from: EventId| {
        let between =
            |e: EventId| event(e).label == Label::Unlock && same_lock(e) && before(from, e) && before(e, reader);
        (0..x.events.len() as u32).any(between)
    };
    let external = event(writer).thread != event(reader).thread;
    match event(reader).label {
        Label::LockFail | Label::ReadLocked => {
            let holds = |e: EventId| {
                event(e).label == Label::LockWrite && same_lock(e) && before(e, reader) && !unlock_between(e)
            };
            let inside = (0..x.events.len() as u32).any(holds);
            if inside { holds(writer) } else { external }
        }
        Label::ReadUnlocked => external || (before(writer, reader) && !unlock_between(writer)),
        _ => true,
    }
}

/// Of each accessed location, its initial write and the writes that `co` orders.
fn by_location(x: &Execution) -> BTreeMap<LocationId, (EventId, Vec<EventId>)> {
    let mut all = BTreeMap::new();
    for (e, event) in x.events.iter().enumerate() {
        let Some(location) = event.location else { continue };
        if event.label == Label::Init {
            all.insert(location, (e as u32, Vec::new()));
        } else if is_ordered(event.label) {
            all.get_mut(&location).expect("initial writes come first").1.push(e as u32);
        }
    }
    all
}

/// Appends to `done` every continuation of `order` with all of `rest`.
fn permutations(order: &mut Vec<EventId>, rest: &[EventId], done: &mut Vec<Vec<EventId>>) {
    if rest.is_empty() {
        done.push(order.clone());
    }
    for (i, &next) in rest.iter().enumerate() {
        let mut others = rest.to_vec();
        others.remove(i);
        order.push(next);
        permutations(order, &others, done);
        order.pop();
    }
}

/// Does a lock operation that is never undone come after all others of its lock?
fn unmatched_lock_is_last(x: &Execution, order: &[EventId]) -> bool {
    let label = |e: EventId| x.events[e as usize].label;
    let same_lock = |a: EventId, b: EventId| x.events[a as usize].location == x.events[b as usize].location;
    let matched = |lock: EventId| {
        let next = x
            .po
            .iter()
            .filter(|&&(a, b)| a == lock && same_lock(a, b) && matches!(label(b), Label::LockWrite | Label::Unlock));
        next.map(|&(_, b)| b).min().is_some_and(|b| label(b) == Label::Unlock)
    };
    let locks: Vec<EventId> = order.iter().copied().filter(|&e| label(e) == Label::LockWrite).collect();
    locks.split_last().is_none_or(|(_, earlier)| earlier.iter().all(|&lock| matched(lock)))
}

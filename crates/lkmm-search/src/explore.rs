//! The closed search: every consistent execution of one candidate, by backtracking.
//!
//! The coherence order of each location is built from its first unit to its last (the last is chosen beforehand where the
//! verdict alone is asked for and depends on it), then each read gets its source. Three
//! things cut a branch: the equations between values ([`Values`]), coherence within the thread of a read (checked
//! directly, before anything is computed), and the model's axioms on the partial execution, which are monotone in `rf`
//! and `co`. The last is the dear one. It is skipped at depths where it has not been cutting: a complete execution is
//! always checked, so this costs and saves time only.

mod complete;

use crate::candidate::{Candidate, Choice};
use crate::combine::Combination;
use crate::run::{Goal, Run, Stop};
use crate::values::{Known, Source, Values};
use lkmm_model::event::Label;
use lkmm_model::event_set::EventSet;
use lkmm_model::plan::{Input, Plan};
use lkmm_model::program::{Observable, Program, Proposition, Term, Value};

/// How often the axioms were checked at one depth, and how often they cut.
#[derive(Clone, Copy, Default)]
struct Record {
    checks: u32,
    cuts: u32,
    skipped: u32,
}

impl Record {
    /// Is a check worth its time? Now and then one is made to find out.
    fn worth_it(&mut self) -> bool {
        if self.checks < 8 || self.cuts * 6 >= self.checks {
            return true;
        }
        self.skipped += 1;
        self.skipped % 64 == 0
    }
}

pub(crate) struct Explorer<'a, 'c, 'p, const W: usize> {
    combination: &'c Combination<'p>,
    candidate: Candidate<W>,
    values: Values<'c, 'p>,
    /// Reads whose values were assumed to be these addresses.
    assumed: &'a [(usize, Value)],
    plan: Plan<'static, W>,
    run: &'a mut Run<'p>,
    /// Rows of `co`, and of its inverse.
    co: Vec<EventSet<W>>,
    co_before: Vec<EventSet<W>>,
    /// Chosen source of each read.
    rf: Vec<Option<usize>>,
    /// Placed units of each location.
    placed: Vec<Vec<usize>>,
    /// The same, by unit.
    is_placed: Vec<Vec<bool>>,
    /// By location: the unit that is to be placed last, if that was chosen beforehand.
    last: Vec<Option<usize>>,
    /// What a choice costs; see [`Run::tick`].
    cost: u64,
    /// Locations whose order is to be searched: those with several units.
    open_groups: Vec<usize>,
    records: Vec<Record>,
    /// Complete executions that the model allowed, and that it did not. While nearly all are allowed, there is nothing to
    /// cut.
    accepted: u32,
    rejected: u32,
    /// Has anything changed since the axioms were last checked?
    unchecked: bool,
    truncated: bool,
    reads: Vec<usize>,
    /// Subtrees at this depth are shared out among the workers.
    share_depth: usize,
    subtrees: u64,
    /// Reads that had one source before the search began, when no coherence order was known.
    forced: Vec<usize>,
}

impl<'a, 'c, 'p, const W: usize> Explorer<'a, 'c, 'p, W> {
    /// Explores a candidate, whose `values` already say of some reads that they return the addresses `assumed`.
    pub(crate) fn explore(
        combination: &'c Combination<'p>,
        candidate: Candidate<W>,
        values: Values<'c, 'p>,
        assumed: &'a [(usize, Value)],
        run: &'a mut Run<'p>,
    ) -> Result<(), Stop> {
        let n = candidate.len();
        let truncated = combination.paths.iter().any(|path| path.truncated);
        let reads = candidate.choices.iter().map(|c| c.read).collect();
        let open_groups = (0..candidate.groups.len()).filter(|&g| candidate.groups[g].units.len() > 1).collect();
        let (rf, co) = inputs(&candidate);
        // The search chooses coherent sources only. It knows critical sections as wholes, and no more of locks.
        let coherent = !candidate.has_irregular_lock();
        let raised = &run.outcome.flags;
        let is_judged = run.is_judged();
        let plan = Plan::new(
            run.options.model.definition(),
            &candidate.frame,
            rf,
            co,
            &|axiom| !is_judged || axiom.per_location && coherent,
            &|flag| !is_judged || raised.contains(flag.name),
            run.deadline(),
        );
        if plan.is_expired() {
            return run.check_deadline();
        }
        if plan.broken().is_some() {
            return Ok(());
        }
        let mut explorer = Explorer {
            combination,
            values,
            assumed,
            plan,
            run,
            co: vec![EventSet::EMPTY; n],
            co_before: vec![EventSet::EMPTY; n],
            rf: vec![None; n],
            placed: vec![Vec::new(); candidate.groups.len()],
            is_placed: candidate.groups.iter().map(|g| vec![false; g.units.len()]).collect(),
            last: vec![None; candidate.groups.len()],
            cost: cost(&candidate, combination.program),
            open_groups,
            records: Vec::new(),
            accepted: 0,
            rejected: 0,
            unchecked: true,
            truncated,
            reads,
            share_depth: 0,
            subtrees: 0,
            forced: Vec::new(),
            candidate,
        };
        explorer.start()
    }

    /// Everything that is not a choice, then the search.
    fn start(&mut self) -> Result<(), Stop> {
        for g in 0..self.candidate.groups.len() {
            if self.candidate.groups[g].units.len() == 1 {
                self.place(g, 0);
            }
        }
        for i in 0..self.candidate.fixed_rf.len() {
            let (write, read) = self.candidate.fixed_rf[i];
            self.plan.set_rf(write, read, true);
            self.rf[read] = Some(write);
        }
        if !self.narrow()? {
            return Ok(());
        }
        let steps: usize = self.open_groups.iter().map(|&g| self.candidate.groups[g].units.len()).sum();
        self.records = vec![Record::default(); steps + self.candidate.choices.len() + 1];
        self.share_depth = self.depth_with_subtrees(16 * u64::from(self.run.share.of));
        self.choose_last(0)
    }

    /// Chooses which write comes last at each location whose final value is asked for, before any other order: with
    /// many writes, most of the orders end in one that the goal has no use for.
    fn choose_last(&mut self, at: usize) -> Result<(), Stop> {
        let Some(&g) = self.open_groups.get(at) else {
            return self.order_groups(0, 0);
        };
        if !self.is_asked_for(g) {
            return self.choose_last(at + 1);
        }
        for unit in 0..self.candidate.groups[g].units.len() {
            let is_followed = self.candidate.groups[g].after.iter().any(|before| before.contains(&unit));
            if is_followed && !self.run.ignores_coherence() {
                continue;
            }
            self.run.tick(self.cost)?;
            self.last[g] = Some(unit);
            if !self.goal_is_lost() {
                self.choose_last(at + 1)?;
            }
        }
        self.last[g] = None;
        Ok(())
    }

    /// Does the goal depend on the final value of a location that has nothing but ordinary writes?
    fn is_asked_for(&self, g: usize) -> bool {
        let group = &self.candidate.groups[g];
        let labels = &self.candidate.frame.labels;
        let program = self.run.program;
        let mut asked = [&program.filter, &program.condition].into_iter().flatten();
        matches!(self.run.goal, Goal::Positive | Goal::Negative)
            && group.units.iter().all(|unit| labels[unit.first].is_write())
            && asked.any(|p| mentions(p, Observable::Location(group.location)))
    }

    /// The depth at which there are about so many subtrees.
    fn depth_with_subtrees(&self, wanted: u64) -> usize {
        if self.run.share.of == 1 {
            return 0;
        }
        let groups = self.open_groups.iter().flat_map(|&g| (1..=self.candidate.groups[g].units.len()).rev());
        let branches = groups.chain(self.candidate.choices.iter().map(|c| c.sources.len()));
        let mut subtrees = 1;
        let mut depth = 0;
        for branch in branches {
            if subtrees >= wanted {
                break;
            }
            subtrees *= branch as u64;
            depth += 1;
        }
        depth
    }

    /// Does another worker explore the subtree that begins here? Every worker must ask in the same order, so above this
    /// depth nothing may depend on what a worker has seen.
    fn is_elsewhere(&mut self) -> bool {
        let number = self.subtrees;
        self.subtrees += 1;
        self.run.position.subtree += 1;
        number % u64::from(self.run.share.of) != u64::from(self.run.share.index)
    }

    /// Drops sources that contradict the equations or the goal by themselves, until nothing changes; then the reads with
    /// the fewest sources come first. False if some read has no source left.
    fn narrow(&mut self) -> Result<bool, Stop> {
        let mut choices = std::mem::take(&mut self.candidate.choices);
        let mut changed = true;
        while changed {
            changed = false;
            let mut i = 0;
            while i < choices.len() {
                self.run.tick(self.cost * choices[i].sources.len() as u64)?;
                let read = choices[i].read;
                let before = choices[i].sources.len();
                choices[i].sources.retain(|&w| self.is_possible(read, w));
                changed |= choices[i].sources.len() != before;
                match choices[i].sources[..] {
                    [] => return Ok(false),
                    [only] => {
                        if !self.assign(read, only) || self.goal_is_lost() {
                            return Ok(false);
                        }
                        self.set_rf(only, read);
                        self.forced.push(read);
                        choices.swap_remove(i);
                        changed = true;
                    }
                    _ => i += 1,
                }
            }
        }
        choices.sort_by_key(|c| (c.sources.len(), c.read));
        self.candidate.choices = choices;
        Ok(true)
    }

    fn is_possible(&mut self, read: usize, write: usize) -> bool {
        if !self.is_coherent(read, write) {
            return false;
        }
        let mark = self.values.mark();
        let possible = self.assign(read, write) && !self.goal_is_lost();
        self.values.undo(mark);
        possible
    }

    /// Places the units of the locations that have several, one location after the other.
    fn order_groups(&mut self, at: usize, depth: usize) -> Result<(), Stop> {
        if depth == self.share_depth && at < self.open_groups.len() && !self.placed_all(at) && self.is_elsewhere() {
            return Ok(());
        }
        let Some(&g) = self.open_groups.get(at) else {
            return self.choose_reads(0, depth);
        };
        if self.placed_all(at) {
            let here = Some(self.candidate.groups[g].location);
            let forced = self.forced.iter().filter(|&&read| self.candidate.frame.locations[read] == here);
            let coherent = forced.into_iter().all(|&read| self.rf[read].is_some_and(|w| self.is_coherent(read, w)));
            return if coherent { self.order_groups(at + 1, depth) } else { Ok(()) };
        }
        for unit in 0..self.candidate.groups[g].units.len() {
            if !self.can_place(g, unit) {
                continue;
            }
            self.run.tick(self.cost)?;
            self.place(g, unit);
            if !self.goal_is_lost() && self.is_consistent(depth) {
                self.order_groups(at, depth + 1)?;
            }
            self.unplace(g);
        }
        Ok(())
    }

    fn placed_all(&self, at: usize) -> bool {
        let g = self.open_groups[at];
        self.placed[g].len() == self.candidate.groups[g].units.len()
    }

    fn can_place(&self, g: usize, unit: usize) -> bool {
        let group = &self.candidate.groups[g];
        let is_placed = &self.is_placed[g];
        // From the last, which is the likeliest not to be there yet.
        !is_placed[unit]
            && (self.last[g] != Some(unit) || self.placed[g].len() + 1 == group.units.len())
            && (self.run.ignores_coherence() || group.after[unit].iter().rev().all(|&u| is_placed[u]))
            && (!group.units[unit].open || self.lock_writes_are_placed(g, unit))
    }

    /// Are all critical sections placed, other than the one of this unit?
    fn lock_writes_are_placed(&self, g: usize, unit: usize) -> bool {
        let group = &self.candidate.groups[g];
        let is_lock = |u: usize| self.candidate.frame.labels[group.units[u].first] == Label::LockWrite;
        (0..group.units.len()).all(|u| u == unit || !is_lock(u) || self.is_placed[g][u])
    }

    /// Appends a unit to the coherence order of its location.
    fn place(&mut self, g: usize, unit: usize) {
        self.edit_place(g, unit, true);
        self.placed[g].push(unit);
        self.is_placed[g][unit] = true;
        self.unchecked = true;
    }

    fn unplace(&mut self, g: usize) {
        let unit = self.placed[g].pop().expect("a unit was placed");
        self.is_placed[g][unit] = false;
        self.edit_place(g, unit, false);
    }

    fn edit_place(&mut self, g: usize, unit: usize, present: bool) {
        let group = &self.candidate.groups[g];
        let (this, initial) = (group.units[unit], group.initial);
        let mut before = [initial; 2];
        for previous in std::iter::once(None).chain(self.placed[g].iter().map(|&u| Some(u))) {
            if let Some(u) = previous {
                before = [group.units[u].first, group.units[u].last];
            }
            // For an ordinary write, first and last are the same event.
            for b in before {
                for a in [this.first, this.last] {
                    edit(&mut self.co, &mut self.co_before, b, a, present);
                    self.plan.set_co(b, a, present);
                }
            }
        }
        if this.first != this.last {
            edit(&mut self.co, &mut self.co_before, this.first, this.last, present);
            self.plan.set_co(this.first, this.last, present);
        }
        // The lock read reads from the immediate predecessor, if that is an unlock or the initial write.
        if let Some(read) = this.lock_read {
            let last = before[1];
            if matches!(self.candidate.frame.labels[last], Label::Init | Label::Unlock) {
                self.plan.set_rf(last, read, present);
                self.rf[read] = present.then_some(last);
            }
        }
    }

    fn choose_reads(&mut self, at: usize, depth: usize) -> Result<(), Stop> {
        let whole = at == self.candidate.choices.len();
        if (depth == self.share_depth || whole && depth < self.share_depth) && self.is_elsewhere() {
            return Ok(());
        }
        if whole {
            return self.complete();
        }
        let read = self.candidate.choices[at].read;
        for k in 0..self.candidate.choices[at].sources.len() {
            let write = self.candidate.choices[at].sources[k];
            if !self.is_coherent(read, write) {
                continue;
            }
            self.run.tick(self.cost)?;
            let mark = self.values.mark();
            if self.assign(read, write) && !self.goal_is_lost() {
                self.set_rf(write, read);
                let last = at + 1 == self.candidate.choices.len();
                if last || self.is_consistent(depth) {
                    self.choose_reads(at + 1, depth + 1)?;
                }
                self.plan.set_rf(write, read, false);
                self.rf[read] = None;
            }
            self.values.undo(mark);
        }
        Ok(())
    }

    fn set_rf(&mut self, write: usize, read: usize) {
        self.plan.set_rf(write, read, true);
        self.rf[read] = Some(write);
        self.unchecked = true;
    }

    /// Would the read, reading from the write, respect the coherence order within its own thread?
    fn is_coherent(&self, read: usize, write: usize) -> bool {
        if self.run.ignores_coherence() {
            return true;
        }
        let co_after = self.co[write];
        let co_before = self.co_before[write];
        let labels = &self.candidate.frame.labels;
        let po_loc = &self.candidate.po_loc;
        if po_loc[read].contains(write) {
            return false;
        }
        for other in self.candidate.initial..self.candidate.len() {
            let before = po_loc[other].contains(read);
            if !before && !po_loc[read].contains(other) {
                continue;
            }
            // What the other event writes, or reads from, must not be on the wrong side of the write.
            let touched = match labels[other] {
                Label::Write(_) | Label::LockWrite | Label::Unlock => Some(other),
                _ => self.rf[other],
            };
            if let Some(touched) = touched {
                let wrong = if before { co_after.contains(touched) } else { co_before.contains(touched) };
                if wrong {
                    return false;
                }
                let writes = touched == other;
                if !before && writes && touched == write {
                    return false;
                }
            }
        }
        true
    }

    /// Lets the values follow. False on a contradiction.
    fn assign(&mut self, read: usize, write: usize) -> bool {
        if !self.candidate.frame.labels[read].is_read() {
            return true;
        }
        let initial = self.candidate.initial;
        let source = if write < initial {
            Source::Initial(self.candidate.initial_values[write])
        } else {
            Source::Write(write - initial)
        };
        if self.values.source(read - initial) == Some(source) {
            return true;
        }
        self.values.assign(read - initial, source).is_ok()
    }

    /// Checks the axioms on the partial execution, unless that has not paid at this depth.
    fn is_consistent(&mut self, depth: usize) -> bool {
        let is_shared = depth < self.share_depth;
        let record = &mut self.records[depth];
        if !is_shared && (self.rejected * 8 <= self.accepted || !record.worth_it()) {
            return true;
        }
        record.checks += 1;
        let consistent = self.plan.check().is_ok();
        self.unchecked = false;
        record.cuts += u32::from(!consistent);
        consistent
    }

    /// Is the goal (or the filter) already out of reach?
    fn goal_is_lost(&self) -> bool {
        if self.run.goal == Goal::Errors {
            return !self.values.may_be_illegal();
        }
        let known = |observable| self.final_value(observable);
        let lost = |p: &Option<Proposition>, wanted| {
            p.as_ref().is_some_and(|p| p.evaluate(&known).is_some_and(|holds| holds != wanted))
        };
        lost(&self.run.program.filter, true)
            || match self.run.goal {
                // A truncated path is of interest whatever its state.
                _ if self.truncated => false,
                Goal::Everything | Goal::Errors => false,
                Goal::Positive => lost(&self.run.program.condition, true),
                Goal::Negative => lost(&self.run.program.condition, false),
            }
    }

    /// A final value, if it is known already.
    fn final_value(&self, observable: Observable) -> Option<Value> {
        let known = match observable {
            Observable::Register(thread, register) => {
                let path = self.combination.paths[thread as usize];
                self.values.expr(thread as usize, path.finals[register as usize])
            }
            Observable::Location(location) => {
                let Some(g) = self.candidate.groups.iter().position(|g| g.location == location) else {
                    return Some(self.run.program.locations[location as usize].init);
                };
                let group = &self.candidate.groups[g];
                let is_write = |w: &usize| self.candidate.frame.labels[*w].is_write();
                let last = match self.last[g] {
                    Some(unit) => Some(group.units[unit].first),
                    None if self.placed[g].len() < group.units.len() => return None,
                    None => self.placed[g].iter().rev().map(|&u| group.units[u].first).find(is_write),
                };
                match last {
                    Some(write) => self.values.written(write - self.candidate.initial),
                    None => Known::Is(self.candidate.initial_values[group.initial]),
                }
            }
        };
        match known {
            Known::Is(value) => Some(value),
            Known::Open | Known::Illegal(_) => None,
        }
    }
}

fn edit<const W: usize>(co: &mut [EventSet<W>], inverse: &mut [EventSet<W>], a: usize, b: usize, present: bool) {
    if present {
        co[a].insert(b);
        inverse[b].insert(a);
    } else {
        co[a].remove(b);
        inverse[b].remove(a);
    }
}

/// What a choice costs, roughly: a check of the axioms goes over a dozen matrices, and the propositions are evaluated.
fn cost<const W: usize>(candidate: &Candidate<W>, program: &Program) -> u64 {
    let atoms: usize = [&program.filter, &program.condition].into_iter().flatten().map(atoms).sum();
    let final_values = (atoms + program.observed.len()) * (1 + candidate.groups.len() / 8);
    (Run::UNIT as usize + candidate.len() * W * 8 + final_values) as u64
}

fn atoms(proposition: &Proposition) -> usize {
    match proposition {
        Proposition::Equal(..) => 1,
        Proposition::Not(inner) => atoms(inner),
        Proposition::And(parts) | Proposition::Or(parts) => parts.iter().map(atoms).sum(),
    }
}

fn mentions(proposition: &Proposition, observable: Observable) -> bool {
    match proposition {
        Proposition::Equal(a, b, _) => [a, b].into_iter().any(|term| *term == Term::Final(observable)),
        Proposition::Not(inner) => mentions(inner, observable),
        Proposition::And(parts) | Proposition::Or(parts) => parts.iter().any(|part| mentions(part, observable)),
    }
}

/// Bounds on `rf` and `co`; a coherence order that no choice decides is given as it is.
fn inputs<const W: usize>(candidate: &Candidate<W>) -> (Input<W>, Input<W>) {
    let mut sources = EventSet::EMPTY;
    let mut readers = EventSet::EMPTY;
    for Choice { read, sources: from } in &candidate.choices {
        readers.insert(*read);
        from.iter().for_each(|&w| sources.insert(w));
    }
    for &(write, read) in &candidate.fixed_rf {
        sources.insert(write);
        readers.insert(read);
    }
    let mut rows = vec![EventSet::EMPTY; candidate.len()];
    let (mut domain, mut range) = (EventSet::EMPTY, EventSet::EMPTY);
    let mut searched = false;
    for group in &candidate.groups {
        searched |= group.units.len() > 1;
        for unit in &group.units {
            if let Some(read) = unit.lock_read {
                readers.insert(read);
                sources.insert(group.initial);
                group.units.iter().for_each(|u| sources.insert(u.last));
            }
            for event in [unit.first, unit.last] {
                domain.insert(event);
                range.insert(event);
                domain.insert(group.initial);
                rows[group.initial].insert(event);
            }
            if unit.first != unit.last {
                rows[unit.first].insert(unit.last);
            }
        }
    }
    let co = if searched { Input::Growing { domain, range } } else { Input::Fixed(rows) };
    (Input::Growing { domain: sources, range: readers }, co)
}

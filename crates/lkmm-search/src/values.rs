//! Values: the equations of a candidate execution, propagated as `rf` grows and undone as it shrinks.
//!
//! A read is a variable; expressions over the reads of a thread are evaluated as soon as their operands are known, and a
//! write that becomes known hands its value to the reads that read from it. Nothing branches on values: a contradiction
//! (a branch not taken, a `cmpxchg` that should have succeeded) only tells the search that its last choice was wrong.
//!
//! What is still unknown when every read has its write is determined by nothing but itself. [`Values::settle`] then
//! solves the remaining equations by unification, as herd7 does: a circle of plain copies is a symbolic value (out of thin
//! air), anything else has no solution.

use crate::outcome::SearchError;
use crate::run::{Run, Stop};
use lkmm_model::program::{Constraint, Expr, ExprId, IllegalOperation, LocationId, Operator, Path, Program, Value};
use rustc_hash::{FxHashMap, FxHashSet};

/// What is known of an expression.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Known {
    Open,
    Is(Value),
    /// It applies an operator to values that it is not defined on.
    Illegal(IllegalOperation),
}

impl Known {
    /// The location that this is known to be the address of.
    pub(crate) fn location_in(self, program: &Program) -> Option<LocationId> {
        match self {
            Known::Is(address) => program.location_at(address),
            Known::Open | Known::Illegal(_) => None,
        }
    }
}

/// A choice contradicts the equations.
#[derive(Debug)]
pub(crate) struct Contradiction;

/// Facts about a path that every combination with it shares.
#[derive(Debug)]
pub(crate) struct PathFacts {
    /// For each event that is a read: the expressions above it, operands first.
    dependents: Vec<Vec<ExprId>>,
    /// For each expression: the constraints that mention it.
    constraints: Vec<Vec<u32>>,
    /// For each expression: the events that write its value.
    writers: Vec<Vec<u32>>,
    /// What is known without any read.
    constant: Vec<Known>,
    /// Operators that yield one operand whatever it is (`r + 0`), with that operand, or what that is a copy of.
    copy_of: Vec<Option<ExprId>>,
    /// For each expression: the reads below it.
    pub(crate) support: Vec<Vec<u32>>,
    /// Entries of `support` over all expressions: by far the largest of these tables can be that.
    pub(crate) size: usize,
}

impl PathFacts {
    /// `None` if the path's constraints contradict each other whatever the reads return.
    ///
    /// # Errors
    /// [`TooManyDependencies`](SearchError::TooManyDependencies) if the size is beyond `limit`.
    pub(crate) fn new(path: &Path, limit: usize) -> Result<Option<Self>, SearchError> {
        let n = path.exprs.len();
        let mut facts = PathFacts {
            dependents: vec![Vec::new(); path.events.len()],
            constraints: vec![Vec::new(); n],
            writers: vec![Vec::new(); n],
            constant: vec![Known::Open; n],
            copy_of: vec![None; n],
            support: vec![Vec::new(); n],
            size: 0,
        };
        for (id, expr) in path.exprs.iter().enumerate() {
            match *expr {
                Expr::Const(value) => facts.constant[id] = Known::Is(value),
                Expr::Read(event) => facts.support[id].push(event),
                Expr::Op(op, a, b) => {
                    facts.constant[id] = facts.constant_of(path, op, a, b);
                    facts.copy_of[id] = facts.operand_copied(op, a, b);
                    if facts.constant[id] == Known::Open {
                        let mut support = facts.support[a as usize].clone();
                        support.extend(&facts.support[b as usize]);
                        support.sort_unstable();
                        support.dedup();
                        facts.support[id] = support;
                    }
                }
            }
            facts.size += facts.support[id].len();
            if facts.size > limit {
                return Err(SearchError::TooManyDependencies);
            }
            for &read in &facts.support[id] {
                facts.dependents[read as usize].push(id as ExprId);
            }
        }
        for (event, template) in path.events.iter().enumerate() {
            if let (true, Some(value)) = (template.label.is_write(), template.value) {
                facts.writers[value as usize].push(event as u32);
            }
        }
        for (number, constraint) in path.constraints.iter().enumerate() {
            let (a, b) = operands(constraint);
            facts.constraints[a as usize].push(number as u32);
            if a != b {
                facts.constraints[b as usize].push(number as u32);
            }
            if holds(constraint, |e| facts.constant[e as usize]).is_err() {
                return Ok(None);
            }
        }
        Ok(Some(facts))
    }

    /// What an operator yields whatever the reads return. An expression is equal to itself without being known.
    fn constant_of(&self, path: &Path, op: Operator, a: ExprId, b: ExprId) -> Known {
        let same = self.variable(path, a) == self.variable(path, b);
        match op {
            Operator::Xor | Operator::Ne if same => Known::Is(Value::Int(0)),
            Operator::Eq if same => Known::Is(Value::Int(1)),
            _ => apply(op, self.constant[a as usize], self.constant[b as usize]),
        }
    }

    fn operand_copied(&self, op: Operator, a: ExprId, b: ExprId) -> Option<ExprId> {
        let zero = Known::Is(Value::Int(0));
        let operand = match op {
            Operator::Add | Operator::Or if self.constant[a as usize] == zero => b,
            Operator::Add | Operator::Or if self.constant[b as usize] == zero => a,
            _ => return None,
        };
        // A copy of a copy is one of the original, so that no chain of them is ever walked.
        Some(self.copy_of[operand as usize].unwrap_or(operand))
    }

    /// The expression that an expression is a copy of.
    fn variable(&self, path: &Path, expr: ExprId) -> Expr {
        let expr = self.copy_of[expr as usize].unwrap_or(expr);
        match path.exprs[expr as usize] {
            // Operators are told apart by where they stand.
            Expr::Op(op, ..) => Expr::Op(op, expr, expr),
            leaf => leaf,
        }
    }
}

fn operands(constraint: &Constraint) -> (ExprId, ExprId) {
    match *constraint {
        Constraint::Branch(e, _) => (e, e),
        Constraint::Equal(a, b) => (a, b),
    }
}

/// Does a constraint hold? `Ok(false)` if that is still open.
fn holds(constraint: &Constraint, known: impl Fn(ExprId) -> Known) -> Result<bool, Contradiction> {
    let verdict = match *constraint {
        Constraint::Branch(e, taken) => match known(e) {
            Known::Is(value) => value.is_true().map(|v| v == taken),
            Known::Open => None,
            Known::Illegal(_) => Some(true),
        },
        Constraint::Equal(a, b) => match (known(a), known(b)) {
            (Known::Is(a), Known::Is(b)) => Some(a == b),
            (Known::Illegal(_), _) | (_, Known::Illegal(_)) => Some(true),
            _ => None,
        },
    };
    match verdict {
        Some(false) => Err(Contradiction),
        Some(true) => Ok(true),
        None => Ok(false),
    }
}

fn apply(op: Operator, a: Known, b: Known) -> Known {
    match (a, b) {
        // Only what is a copy whatever the reads return is one; see `copy_of`.
        (Known::Is(Value::Symbol(_)), Known::Is(Value::Int(0)))
        | (Known::Is(Value::Int(0)), Known::Is(Value::Symbol(_))) => Known::Open,
        (Known::Is(a), Known::Is(b)) => match Value::apply(op, a, b) {
            Ok(Some(value)) => Known::Is(value),
            Ok(None) => Known::Open,
            Err(illegal) => Known::Illegal(illegal),
        },
        (Known::Illegal(i), _) | (_, Known::Illegal(i)) => Known::Illegal(i),
        _ => Known::Open,
    }
}

/// The threads of a combination: which path each takes, and where its events and expressions begin.
pub(crate) struct Combination<'p> {
    pub(crate) program: &'p Program,
    pub(crate) paths: Vec<&'p Path>,
    pub(crate) facts: Vec<&'p PathFacts>,
    /// First event of each thread, among the events of all threads.
    pub(crate) events: Vec<usize>,
    /// First expression of each thread.
    exprs: Vec<usize>,
    /// The thread of each event.
    pub(crate) thread_of: Vec<u32>,
}

impl<'p> Combination<'p> {
    pub(crate) fn new(program: &'p Program, paths: Vec<&'p Path>, facts: Vec<&'p PathFacts>) -> Self {
        let (mut events, mut exprs, mut thread_of) = (vec![0], vec![0], Vec::new());
        for (thread, path) in paths.iter().enumerate() {
            events.push(events[thread] + path.events.len());
            exprs.push(exprs[thread] + path.exprs.len());
            thread_of.resize(events[thread + 1], thread as u32);
        }
        Combination { program, paths, facts, events, exprs, thread_of }
    }

    /// The number of events of all threads.
    pub(crate) fn len(&self) -> usize {
        self.thread_of.len()
    }

    /// The template of an event, and its thread.
    pub(crate) fn template(&self, event: usize) -> (&'p lkmm_model::program::EventTemplate, usize) {
        let thread = self.thread_of[event] as usize;
        (&self.paths[thread].events[event - self.events[thread]], thread)
    }

    /// The reads below an expression of a thread, as events of the combination.
    pub(crate) fn support(&self, thread: usize, expr: ExprId) -> impl Iterator<Item = usize> + '_ {
        let base = self.events[thread];
        self.facts[thread].support[expr as usize].iter().map(move |&e| base + e as usize)
    }
}

/// Where a read reads from, for the propagation of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Source {
    /// A constant: the initial value of its location.
    Initial(Value),
    /// A write of some thread.
    Write(usize),
}

enum Undo {
    Expr(usize),
    Read(usize),
    Reader(usize),
    Source(usize),
}

/// The state of the propagation.
pub(crate) struct Values<'c, 'p> {
    combination: &'c Combination<'p>,
    exprs: Vec<Known>,
    /// Value of each read event.
    reads: Vec<Known>,
    sources: Vec<Option<Source>>,
    /// The reads that wait for the value of each write.
    readers: Vec<Vec<usize>>,
    trail: Vec<Undo>,
    queue: Vec<(usize, Known)>,
}

impl<'c, 'p> Values<'c, 'p> {
    pub(crate) fn new(combination: &'c Combination<'p>) -> Self {
        let mut exprs = Vec::with_capacity(*combination.exprs.last().expect("never empty"));
        for facts in &combination.facts {
            exprs.extend_from_slice(&facts.constant);
        }
        let n = combination.len();
        Values {
            combination,
            exprs,
            reads: vec![Known::Open; n],
            sources: vec![None; n],
            readers: vec![Vec::new(); n],
            trail: Vec::new(),
            queue: Vec::new(),
        }
    }

    /// A mark to come back to with [`undo`](Self::undo).
    pub(crate) fn mark(&self) -> usize {
        self.trail.len()
    }

    /// What is known of an expression of a thread.
    #[inline]
    pub(crate) fn expr(&self, thread: usize, expr: ExprId) -> Known {
        self.exprs[self.combination.exprs[thread] + expr as usize]
    }

    /// What is known of the value that a write writes.
    pub(crate) fn written(&self, event: usize) -> Known {
        let (template, thread) = self.combination.template(event);
        template.value.map_or(Known::Open, |value| self.expr(thread, value))
    }

    /// What is known of the value that a read returns.
    pub(crate) fn read(&self, event: usize) -> Known {
        self.reads[event]
    }

    /// What is known of the address of an event.
    pub(crate) fn address(&self, event: usize) -> Known {
        let (template, thread) = self.combination.template(event);
        template.address.map_or(Known::Open, |address| self.expr(thread, address))
    }

    /// Where a read reads from, if that has been chosen.
    pub(crate) fn source(&self, read: usize) -> Option<Source> {
        self.sources[read]
    }

    /// Lets a read read from a source, with all consequences. After a contradiction the state is in between: undo it.
    pub(crate) fn assign(&mut self, read: usize, source: Source) -> Result<(), Contradiction> {
        self.sources[read] = Some(source);
        self.trail.push(Undo::Source(read));
        let value = match source {
            Source::Initial(value) => Known::Is(value),
            Source::Write(write) => self.written(write),
        };
        match (value, source) {
            (Known::Open, Source::Write(write)) => {
                self.readers[write].push(read);
                self.trail.push(Undo::Reader(write));
                Ok(())
            }
            (value, _) => {
                self.queue.clear();
                self.queue.push((read, value));
                self.propagate()
            }
        }
    }

    fn propagate(&mut self) -> Result<(), Contradiction> {
        while let Some((read, value)) = self.queue.pop() {
            if self.reads[read] != Known::Open {
                if self.reads[read] != value {
                    return Err(Contradiction);
                }
                continue;
            }
            self.reads[read] = value;
            self.trail.push(Undo::Read(read));
            let thread = self.combination.thread_of[read] as usize;
            let facts = self.combination.facts[thread];
            let (events, exprs) = (self.combination.events[thread], self.combination.exprs[thread]);
            let path = self.combination.paths[thread];
            for &id in &facts.dependents[read - events] {
                let at = exprs + id as usize;
                if self.exprs[at] != Known::Open {
                    continue;
                }
                let known = match path.exprs[id as usize] {
                    Expr::Op(..) if facts.copy_of[id as usize].is_some() => {
                        facts.copy_of[id as usize].map_or(Known::Open, |operand| self.exprs[exprs + operand as usize])
                    }
                    Expr::Op(op, a, b) => apply(op, self.exprs[exprs + a as usize], self.exprs[exprs + b as usize]),
                    _ => value,
                };
                if known == Known::Open {
                    continue;
                }
                self.exprs[at] = known;
                self.trail.push(Undo::Expr(at));
                for &number in &facts.constraints[id as usize] {
                    holds(&path.constraints[number as usize], |e| self.exprs[exprs + e as usize])?;
                }
                for &write in &facts.writers[id as usize] {
                    let readers = &self.readers[events + write as usize];
                    self.queue.extend(readers.iter().map(|&reader| (reader, known)));
                }
            }
        }
        Ok(())
    }

    /// Takes back everything since the mark.
    pub(crate) fn undo(&mut self, mark: usize) {
        while self.trail.len() > mark {
            match self.trail.pop().expect("longer than the mark") {
                Undo::Expr(at) => self.exprs[at] = Known::Open,
                Undo::Read(read) => self.reads[read] = Known::Open,
                Undo::Source(read) => self.sources[read] = None,
                Undo::Reader(write) => {
                    self.readers[write].pop();
                }
            }
        }
    }

    /// The illegal operation of a candidate, if one of its expressions contains one.
    pub(crate) fn illegal(&self) -> Option<IllegalOperation> {
        self.exprs.iter().find_map(|known| match known {
            Known::Illegal(illegal) => Some(*illegal),
            _ => None,
        })
    }

    /// Is the value of every read in `reads` known?
    pub(crate) fn all_read(&self, reads: &[usize]) -> bool {
        reads.iter().all(|&read| self.reads[read] != Known::Open)
    }

    /// Solves what is left when every read has its source: copies in a circle become symbols. Undone by
    /// [`undo`](Self::undo) like any other step. False if there is no solution.
    pub(crate) fn settle(&mut self, run: &Run<'_>) -> Result<bool, Stop> {
        match self.solve(run) {
            Ok(()) => Ok(true),
            Err(Unsolved::Contradiction) => Ok(false),
            Err(Unsolved::Stopped(stop)) => Err(stop),
        }
    }

    fn solve(&mut self, run: &Run<'_>) -> Result<(), Unsolved> {
        let n = self.reads.len();
        let open: Vec<usize> = (0..n).filter(|&e| self.sources[e].is_some() && self.reads[e] == Known::Open).collect();
        let mut classes = Classes { parent: (0..n).collect(), value: vec![None; n] };
        // An equation may become a copy only when others have been solved (`x = (y ^ y) + 1`).
        let mut equations = self.open_equations(&open);
        loop {
            let before = equations.len();
            let mut left = Vec::new();
            for (a, b) in equations {
                run.check_deadline()?;
                match (self.side(&mut classes, a), self.side(&mut classes, b)) {
                    (Some(a), Some(b)) => equate(&mut classes, a, b)?,
                    _ => left.push((a, b)),
                }
            }
            equations = left;
            if equations.is_empty() {
                break;
            }
            if equations.len() == before {
                return Err(Unsolved::Contradiction);
            }
        }
        let mut symbols = Vec::new();
        for &read in &open {
            let root = classes.root(read);
            let value = classes.value[root].unwrap_or_else(|| {
                let number = symbols.iter().position(|&r| r == root).unwrap_or_else(|| {
                    symbols.push(root);
                    symbols.len() - 1
                });
                Value::Symbol(number as u32)
            });
            self.queue.clear();
            self.queue.push((read, Known::Is(value)));
            self.propagate()?;
        }
        Ok(self.verify()?)
    }

    /// The equations between open reads and what they read, and of `cmpxchg`s that succeed.
    fn open_equations(&self, open: &[usize]) -> Vec<(Operand, Operand)> {
        let mut equations = Vec::new();
        for &read in open {
            if let Some(Source::Write(write)) = self.sources[read] {
                let (template, thread) = self.combination.template(write);
                if let Some(value) = template.value {
                    equations.push((Operand::Read(read), Operand::Expr(thread, value)));
                }
            }
        }
        for (thread, path) in self.combination.paths.iter().enumerate() {
            for constraint in &path.constraints {
                if let Constraint::Equal(a, b) = *constraint {
                    if self.expr(thread, a) == Known::Open || self.expr(thread, b) == Known::Open {
                        equations.push((Operand::Expr(thread, a), Operand::Expr(thread, b)));
                    }
                }
            }
        }
        equations
    }

    /// What an operand is, if that can be said: a value, or a copy of a read.
    fn side(&self, classes: &mut Classes, operand: Operand) -> Option<Side> {
        let (thread, id) = match operand {
            Operand::Read(read) => return Some(classes.side(read)),
            Operand::Expr(thread, id) => (thread, id),
        };
        if let Some(side) = self.leaf(classes, thread, id) {
            return side;
        }
        // Operands have lower numbers, so they are done first, each once however often it is used.
        let exprs = &self.combination.paths[thread].exprs;
        let mut below = vec![id];
        let mut seen: FxHashSet<ExprId> = below.iter().copied().collect();
        let mut at = 0;
        while let Some(&expr) = below.get(at) {
            at += 1;
            if let (Expr::Op(_, a, b), None) = (exprs[expr as usize], self.leaf(classes, thread, expr)) {
                let operands = match self.combination.facts[thread].copy_of[expr as usize] {
                    Some(original) => [original, original],
                    None => [a, b],
                };
                below.extend(operands.into_iter().filter(|&operand| seen.insert(operand)));
            }
        }
        below.sort_unstable();
        let mut sides: FxHashMap<ExprId, Option<Side>> = FxHashMap::default();
        for expr in below {
            let side = self.leaf(classes, thread, expr).unwrap_or_else(|| {
                let of = |operand: ExprId| sides.get(&operand).copied().flatten();
                match (exprs[expr as usize], self.combination.facts[thread].copy_of[expr as usize]) {
                    (_, Some(original)) => of(original),
                    (Expr::Op(op, a, b), None) => combined(op, of(a)?, of(b)?),
                    _ => None,
                }
            });
            sides.insert(expr, side);
        }
        sides.get(&id).copied().flatten()
    }

    /// What an expression is that needs no other to be said first. `None` for an operator whose value is open.
    fn leaf(&self, classes: &mut Classes, thread: usize, id: ExprId) -> Option<Option<Side>> {
        if let Known::Is(value) = self.expr(thread, id) {
            return Some(Some(Side::Value(value)));
        }
        match self.combination.paths[thread].exprs[id as usize] {
            Expr::Const(value) => Some(Some(Side::Value(value))),
            Expr::Read(event) => Some(Some(classes.side(self.combination.events[thread] + event as usize))),
            Expr::Op(..) => None,
        }
    }

    /// Is the address of the event one that nothing determines: a copy of reads that copy each other in a circle?
    ///
    /// If so, one of these reads.
    pub(crate) fn circular_address(&self, event: usize) -> Option<usize> {
        let (template, thread) = self.combination.template(event);
        let mut at = template.address.map(|address| (thread, address));
        let mut seen = vec![false; self.reads.len()];
        while let Some((thread, expr)) = at {
            let Expr::Read(read) = self.combination.facts[thread].variable(self.combination.paths[thread], expr) else {
                return None;
            };
            let read = self.combination.events[thread] + read as usize;
            if std::mem::replace(&mut seen[read], true) {
                return Some(read);
            }
            let Some(Source::Write(write)) = self.sources[read] else { return None };
            let (template, thread) = self.combination.template(write);
            at = template.value.map(|value| (thread, value));
        }
        None
    }

    /// The read whose value the address of an event is, if it is a mere copy.
    pub(crate) fn address_copied_from(&self, event: usize) -> Option<usize> {
        let (template, thread) = self.combination.template(event);
        match self.combination.facts[thread].variable(self.combination.paths[thread], template.address?) {
            Expr::Read(read) => Some(self.combination.events[thread] + read as usize),
            _ => None,
        }
    }

    /// Gives a read a value that its source does not give it, with all consequences.
    pub(crate) fn assume(&mut self, read: usize, value: Value) -> Result<(), Contradiction> {
        self.queue.clear();
        self.queue.push((read, Known::Is(value)));
        self.propagate()
    }

    /// Every equation must have come out: no expression open, no constraint open, each read equal to its write.
    fn verify(&self) -> Result<(), Contradiction> {
        for (thread, path) in self.combination.paths.iter().enumerate() {
            for (id, _) in path.exprs.iter().enumerate() {
                if self.expr(thread, id as ExprId) == Known::Open {
                    return Err(Contradiction);
                }
            }
            for constraint in &path.constraints {
                if !holds(constraint, |e| self.expr(thread, e))? {
                    return Err(Contradiction);
                }
            }
        }
        for (read, source) in self.sources.iter().enumerate() {
            if let Some(Source::Write(write)) = *source {
                if self.written(write) != self.reads[read] {
                    return Err(Contradiction);
                }
            }
        }
        Ok(())
    }
}

/// An operator applied to two terms.
fn combined(op: Operator, a: Side, b: Side) -> Option<Side> {
    use Operator::{Eq, Ne, Xor};
    match (op, a, b) {
        (_, Side::Value(a), Side::Value(b)) => Value::apply(op, a, b).ok().flatten().map(Side::Value),
        (Xor | Ne, a, b) if a == b => Some(Side::Value(Value::Int(0))),
        (Eq, a, b) if a == b => Some(Side::Value(Value::Int(1))),
        _ => None,
    }
}

/// Why equations have not been solved.
enum Unsolved {
    /// They have no solution.
    Contradiction,
    /// The search is over.
    Stopped(Stop),
}

impl From<Contradiction> for Unsolved {
    fn from(_: Contradiction) -> Self {
        Unsolved::Contradiction
    }
}

impl From<Stop> for Unsolved {
    fn from(stop: Stop) -> Self {
        Unsolved::Stopped(stop)
    }
}

/// A term of an equation.
#[derive(Clone, Copy)]
enum Operand {
    Read(usize),
    Expr(usize, ExprId),
}

/// What a term is: a value, or equal to a class of reads (named by its root).
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Read(usize),
    Value(Value),
}

fn equate(classes: &mut Classes, a: Side, b: Side) -> Result<(), Contradiction> {
    match (a, b) {
        (Side::Value(a), Side::Value(b)) if a == b => Ok(()),
        (Side::Value(_), Side::Value(_)) => Err(Contradiction),
        (Side::Read(read), Side::Value(value)) | (Side::Value(value), Side::Read(read)) => {
            let root = classes.root(read);
            classes.fix(root, value)
        }
        (Side::Read(a), Side::Read(b)) => classes.unite(a, b),
    }
}

/// Union-find over reads.
struct Classes {
    parent: Vec<usize>,
    value: Vec<Option<Value>>,
}

impl Classes {
    fn side(&mut self, read: usize) -> Side {
        let root = self.root(read);
        self.value[root].map_or(Side::Read(root), Side::Value)
    }

    fn root(&mut self, mut a: usize) -> usize {
        while self.parent[a] != a {
            self.parent[a] = self.parent[self.parent[a]];
            a = self.parent[a];
        }
        a
    }

    fn fix(&mut self, root: usize, value: Value) -> Result<(), Contradiction> {
        match self.value[root].replace(value) {
            Some(old) if old != value => Err(Contradiction),
            _ => Ok(()),
        }
    }

    fn unite(&mut self, a: usize, b: usize) -> Result<(), Contradiction> {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.parent[b] = a;
            if let Some(value) = self.value[b] {
                self.fix(a, value)?;
            }
        }
        Ok(())
    }
}

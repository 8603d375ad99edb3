//! Operations: what a thread asks the runtime to do, and the steps of the model that this is.
//!
//! Each primitive becomes what the kernel's definitions make of it (`linux-kernel.def`): an atomic operation is a read
//! and a write with the annotations of its ordering, a fully ordered one stands between two `smp_mb()`, a `cmpxchg` that
//! fails is a relaxed read, and nothing else.

use crate::locations::CellId;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{LocationId, Value};
use lkmm_search::open::{Access, Answer, Dependencies, Event, OpenError, ReadKind, Reasons, Step, Within};
use rustc_hash::FxHashMap;
use std::panic::Location;

/// The ordering of an atomic read-modify-write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordering {
    /// `…_relaxed`.
    Relaxed,
    /// `…_acquire`.
    Acquire,
    /// `…_release`.
    Release,
    /// Both of these. The kernel has no such operation, but the model says what the two annotations mean together.
    AcquireRelease,
    /// No suffix: ordered before and after like `smp_mb()`.
    Full,
}

/// What an atomic read-modify-write makes of the value it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// Another value.
    Exchange(u64),
    /// The second value, if it was the first; otherwise the operation fails.
    CompareExchange(u64, u64),
    /// The sum with the first, wrapping, unless the value was the second; then the operation fails.
    AddUnless(u64, u64),
    /// The sum with this, wrapping.
    Add(u64),
    /// The difference to this, wrapping.
    Sub(u64),
    /// The bits that this has too.
    And(u64),
    /// The bits that one of them has.
    Or(u64),
    /// The bits that differ.
    Xor(u64),
}

impl Update {
    /// What is written; `None` if the operation fails.
    fn apply(&self, old: u64, mask: u64) -> Option<u64> {
        let new = match *self {
            Update::Exchange(new) => new,
            Update::CompareExchange(expected, new) => return (old == expected).then_some(new),
            Update::AddUnless(_, unless) if old == unless => return None,
            Update::Add(by) | Update::AddUnless(by, _) => old.wrapping_add(by),
            Update::Sub(by) => old.wrapping_sub(by),
            Update::And(by) => old & by,
            Update::Or(by) => old | by,
            Update::Xor(by) => old ^ by,
        };
        Some(new & mask)
    }

    /// What is written is computed from what was read.
    fn carries_the_value(&self) -> bool {
        !matches!(self, Update::Exchange(_) | Update::CompareExchange(..))
    }
}

/// What a thread does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Load(CellId, Mode),
    Store(CellId, Mode, u64),
    /// `fails`: how it reads if it fails. `bound`: whatever it writes depends on what it found. `void`: the value that was found
    /// is not asked for.
    Update {
        cell: CellId,
        update: Update,
        ordering: Ordering,
        fails: Mode,
        bound: bool,
        void: bool,
        mask: u64,
    },
    Fence(Fence),
    Lock(CellId),
    TryLock(CellId),
    IsLocked(CellId),
    Unlock(CellId),
    /// The second is the number of the `srcu_read_lock` that the index comes from.
    SrcuUnlock(CellId, u32),
    SyncSrcu(CellId),
    /// (With the first thread of its class, if it belongs to one.)
    Spawn(u32, Option<u32>),
    Join(u32),
    Choose(u32),
    Wait,
    /// For a lock that is made of atomic operations.
    WaitForLock,
    /// For readers of RCU to end, of which it is one itself.
    WaitForReaders,
    /// It may sleep where it may not, since it did at this origin what began that.
    Sleep(Within, u32),
    End,
    Failed(u32),
}

/// An operation, with where it stands in the source.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operation {
    pub(crate) kind: Kind,
    pub(crate) place: &'static Location<'static>,
    /// The read that its address comes from, if that is known.
    pub(crate) address_from: Option<u32>,
    /// The read that the value that it stores was declared to come from.
    pub(crate) data_from: Option<u32>,
    /// The reads that it was declared to depend on whether it happens: a number of [`KnownDependencies`].
    pub(crate) branch: u32,
}

impl Operation {
    pub(crate) fn new(kind: Kind, place: &'static Location<'static>) -> Self {
        Operation { kind, place, address_from: None, data_from: None, branch: 0 }
    }

    /// The step that it is.
    pub(crate) fn step(&self, cx: Context<'_>) -> Step {
        let Context { origin, location, .. } = cx;
        let mut event = |label| Event {
            dependencies: cx.dependencies.on(self.address_from, self.data_from, self.branch),
            ..Event::new(label, origin)
        };
        // (It was written just now, in small pieces. To copy it in large ones would mean to wait for it.)
        match self.kind {
            Kind::Load(..) | Kind::Update { .. } => Step::Read(ReadKind::Ordinary, location),
            Kind::Lock(_) => Step::Read(ReadKind::Lock, location),
            Kind::TryLock(_) => Step::Read(ReadKind::TryLock, location),
            Kind::IsLocked(_) => Step::Read(ReadKind::IsLocked, location),
            Kind::Store(_, mode, bits) => Step::Write(location, Some(Value::Bits(bits)), event(Label::Write(mode))),
            Kind::Unlock(_) => Step::Write(location, None, event(Label::Unlock)),
            Kind::SrcuUnlock(_, lock) => {
                let dependencies = cx.dependencies.on(self.address_from, Some(lock), self.branch);
                let event = Event { dependencies, ..Event::new(Label::Write(Mode::SrcuUnlock), origin) };
                Step::Write(location, Some(Value::Bits(0)), event)
            }
            Kind::SyncSrcu(_) => Step::Other(Some(location), event(Label::SyncSrcu)),
            Kind::Fence(fence) => Step::Other(None, event(Label::Fence(fence))),
            Kind::Spawn(thread, class) => {
                Step::Spawn { thread: thread as usize, class: class.map(|class| class as usize), origin }
            }
            Kind::Join(thread) => Step::Join { thread: thread as usize, origin },
            Kind::Choose(below) => Step::Choose(below),
            Kind::Wait | Kind::WaitForLock | Kind::WaitForReaders => Step::Wait { origin },
            Kind::Sleep(within, since) => Step::Error(OpenError::Sleep { origin, within, since }),
            Kind::End => Step::End { results: Vec::new(), cut: false },
            Kind::Failed(number) => Step::Failed(number),
        }
    }

    /// What a read would be if this were its answer.
    pub(crate) fn access(&self, answer: Answer, cx: Context<'_>) -> Option<Access> {
        let Context { origin, number, dependencies, .. } = cx;
        let (address_from, branch) = (self.address_from, self.branch);
        let known = dependencies.on(address_from, None, branch);
        let event = |label| Event { dependencies: known.clone(), ..Event::new(label, origin) };
        let simple = |label| Some(Access::new(event(label)));
        match (&self.kind, answer) {
            (&Kind::Load(_, mode), Answer::Value(_)) => simple(Label::Read(mode)),
            // Of what is not initialised, nothing is made.
            (&Kind::Update { fails, .. }, Answer::Value(Value::Symbol(_))) => simple(Label::Read(fails)),
            (&Kind::Update { ref update, ordering, fails, bound, void, mask, .. }, Answer::Value(Value::Bits(old))) => {
                let half = |label| Event { atomic: true, ..event(label) };
                let Some(new) = update.apply(old, mask) else {
                    return Some(Access::new(half(Label::Read(fails))));
                };
                let mut write = half(Label::Write(match ordering {
                    Ordering::Release | Ordering::AcquireRelease => Mode::Release,
                    _ => Mode::Once,
                }));
                write.rmw = Some(number);
                if bound || update.carries_the_value() {
                    write.dependencies = dependencies.on(address_from, Some(number), branch);
                }
                let mode = match ordering {
                    _ if void => Mode::Noreturn,
                    Ordering::Acquire | Ordering::AcquireRelease => Mode::Acquire,
                    _ => Mode::Once,
                };
                let fenced = ordering == Ordering::Full;
                Some(Access {
                    fence_before: fenced.then(|| Event::new(Label::Fence(Fence::Mb), origin)),
                    event: half(Label::Read(mode)),
                    write: Some((write, Some(Value::Bits(new)))),
                })
            }
            (Kind::Lock(_) | Kind::TryLock(_), Answer::Free) => {
                Some(Access { write: Some((event(Label::LockWrite), None)), ..Access::new(event(Label::LockRead)) })
            }
            (Kind::TryLock(_), Answer::Held) => simple(Label::LockFail),
            (Kind::IsLocked(_), Answer::Held) => simple(Label::ReadLocked),
            (Kind::IsLocked(_), Answer::Free) => simple(Label::ReadUnlocked),
            _ => None,
        }
    }
}

/// What an operation needs to know to become a step.
pub(crate) struct Context<'r> {
    /// Of the operation's place.
    pub(crate) origin: u32,
    /// Of its cell.
    pub(crate) location: LocationId,
    /// The number of its event.
    pub(crate) number: u32,
    pub(crate) dependencies: &'r mut KnownDependencies,
}

impl Kind {
    /// The cell that it goes to.
    pub(crate) fn cell(&self) -> Option<CellId> {
        match *self {
            Kind::Load(cell, _)
            | Kind::Store(cell, ..)
            | Kind::Update { cell, .. }
            | Kind::Lock(cell)
            | Kind::TryLock(cell)
            | Kind::IsLocked(cell)
            | Kind::Unlock(cell)
            | Kind::SrcuUnlock(cell, _)
            | Kind::SyncSrcu(cell) => Some(cell),
            _ => None,
        }
    }

    /// A word for it.
    pub(crate) fn word(&self) -> &'static str {
        match *self {
            Kind::Load(..) => "read",
            Kind::Store(..) => "write",
            Kind::Update { update, void, .. } => match update {
                Update::Exchange(_) => "xchg",
                Update::CompareExchange(..) => "cmpxchg",
                Update::AddUnless(..) => "add_unless",
                Update::Add(_) if void => "add",
                Update::Add(_) => "fetch_add",
                Update::Sub(_) => "fetch_sub",
                Update::And(_) => "fetch_and",
                Update::Or(_) => "fetch_or",
                Update::Xor(_) => "fetch_xor",
            },
            Kind::Spawn(..) => "spawn",
            Kind::Join(_) => "join",
            _ => "",
        }
    }

    /// What is done when it is answered.
    pub(crate) fn done(&self, answer: Answer) -> Done {
        let only = |result| Done { result, put: None, events: 1, fence_after: false };
        match (self, answer) {
            (&Kind::Update { ref update, ordering, mask, .. }, Answer::Value(Value::Bits(old))) => {
                let put = update.apply(old, mask);
                let events = 1 + u32::from(put.is_some());
                Done { result: old, put, events, fence_after: put.is_some() && ordering == Ordering::Full }
            }
            (_, Answer::Value(Value::Bits(value))) => only(value),
            (Kind::Lock(_) | Kind::TryLock(_), Answer::Free) => Done { put: Some(1), events: 2, ..only(0) },
            (_, Answer::Held) => only(1),
            (_, Answer::Choice(chosen)) => only(chosen.into()),
            (_, Answer::Free | Answer::Joined | Answer::Value(_)) => only(0),
        }
    }
}

/// What an answer comes to.
pub(crate) struct Done {
    /// What the thread is told.
    pub(crate) result: u64,
    /// What its cell holds from now on.
    pub(crate) put: Option<u64>,
    /// How many events it was.
    pub(crate) events: u32,
    /// An `smp_mb()` follows.
    pub(crate) fence_after: bool,
}

/// Dependencies, each made once.
#[derive(Default)]
pub(crate) struct KnownDependencies {
    /// Of data, on the read of this number.
    data: Vec<Dependencies>,
    /// Of the address, of a branch, or of several.
    others: FxHashMap<(Option<u32>, Option<u32>, u32), Dependencies>,
    /// The reads of each branch, in order.
    branches: Vec<Vec<u32>>,
}

impl KnownDependencies {
    /// The number of a branch in a branch, 0 being none.
    pub(crate) fn branch(&mut self, outer: u32, read: u32) -> u32 {
        let mut reads = outer.checked_sub(1).map_or(Vec::new(), |outer| self.branches[outer as usize].clone());
        if !reads.contains(&read) {
            reads.push(read);
            reads.sort_unstable();
        }
        let known = self.branches.iter().position(|branch| *branch == reads).unwrap_or_else(|| {
            self.branches.push(reads);
            self.branches.len() - 1
        });
        known as u32 + 1
    }

    /// The dependencies of an address on one read, of a value on another, and on those of a branch.
    #[inline]
    fn on(&mut self, addr: Option<u32>, data: Option<u32>, branch: u32) -> Dependencies {
        match (addr, data, branch) {
            (None, None, 0) => Dependencies::default(),
            (None, Some(data), 0) if (data as usize) < self.data.len() => self.data[data as usize].clone(),
            _ => self.make(addr, data, branch),
        }
    }

    #[cold]
    fn make(&mut self, addr: Option<u32>, data: Option<u32>, branch: u32) -> Dependencies {
        let make = |addr: Option<u32>, data: Option<u32>, ctrl: &[u32]| {
            let list = |read: Option<u32>| read.into_iter().collect();
            Dependencies::new(Reasons { addr: list(addr), data: list(data), ctrl: ctrl.to_vec(), ..Reasons::default() })
        };
        if let (None, Some(data), 0) = (addr, data, branch) {
            for number in self.data.len() as u32..=data {
                self.data.push(make(None, Some(number), &[]));
            }
            return self.data[data as usize].clone();
        }
        let ctrl = branch.checked_sub(1).map_or(&[][..], |branch| &self.branches[branch as usize]);
        self.others.entry((addr, data, branch)).or_insert_with(|| make(addr, data, ctrl)).clone()
    }
}

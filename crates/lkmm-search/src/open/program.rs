//! Open programs: threads that are run, one step at a time, and asked what they do next.
//!
//! Nothing is known of an open program but what its threads do when their reads return certain values. A thread is
//! [started](OpenProgram::start), yields its [next step](OpenProgram::next), is [told](OpenProgram::resume) what an
//! access to memory returned, and so on; to go back, the search starts it again and repeats the answers. The same answers
//! must lead to the same steps.
//!
//! What kind of event a read is may depend on its answer: a `cmpxchg_acquire` is an acquire only if it succeeds (and a
//! fully ordered one has its fences only then), a `spin_trylock` is an `LKR` or an `LF`. So a thread first says where it
//! reads, and, told what it read, what it did.

use lkmm_model::event::Label;
use lkmm_model::program::{IllegalOperation, LocationId, Value};

/// A program whose threads are run.
pub trait OpenProgram {
    /// The state of a running thread.
    type Thread;

    /// The number of threads.
    fn threads(&self) -> usize;

    /// The value of a location before anything is written to it.
    fn initial(&self, location: LocationId) -> Value;

    /// The locations whose final values are asked for (for the flag `lock-final`).
    fn observed_locations(&self) -> Vec<LocationId>;

    /// Starts a thread.
    fn start(&self, thread: usize) -> Self::Thread;

    /// Runs a thread up to its next step. After [`Step::Read`], [`resume`](Self::resume) must come before the next call.
    fn next(&self, thread: &mut Self::Thread) -> Step;

    /// Answers a read. Returns what the thread did thereby, or `None` if it cannot go on with this answer: then no
    /// execution has it.
    ///
    /// # Errors
    /// If what the thread does with the answer is not a step.
    fn resume(&self, thread: &mut Self::Thread, answer: Answer) -> Result<Option<Access>, OpenError>;
}

/// What a thread does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It waits for the answer of a read.
    Read(ReadKind, LocationId),
    /// A write: an ordinary one with its value, or an `LKW` or `UL`.
    Write(LocationId, Option<Value>, Event),
    /// An event that neither reads nor writes: a fence, or a `synchronize_srcu` of a domain.
    Other(Option<LocationId>, Event),
    /// It has ended.
    End {
        /// What it returned.
        results: Vec<Value>,
        /// It has been cut short: its execution is incomplete, and does not count.
        cut: bool,
    },
    /// It cannot go on: no execution has these answers.
    Stuck,
    /// It did what has no meaning. The search fails if an execution gets there.
    Failed(OpenError),
}

/// What a read may read from, and what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadKind {
    /// Ordinary writes; the answer is a value.
    Ordinary,
    /// `spin_lock`: waits until the lock is free, and then takes it with an `LKW`, its next step.
    Lock,
    /// `spin_trylock`: if the lock is free, takes it likewise.
    TryLock,
    /// `spin_is_locked`.
    IsLocked,
}

/// The answer to a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The value of an ordinary location.
    Value(Value),
    /// The lock is free.
    Free,
    /// The lock is held.
    Held,
}

/// An event that a thread performs. Other events of the thread are referred to by number, from 0; a
/// [fence before a read](Access::fence_before) has none.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it is.
    pub label: Label,
    /// Part of an atomic read-modify-write.
    pub atomic: bool,
    /// Where it stands in the source.
    pub origin: u32,
    /// The reads that its address depends on.
    pub addr: Vec<u32>,
    /// The reads that its value depends on.
    pub data: Vec<u32>,
    /// The reads whether it happens at all depends on.
    pub ctrl: Vec<u32>,
    /// The events before it that `po` leaves unordered with it.
    pub unordered: Vec<u32>,
    /// For the write of an atomic read-modify-write, the read.
    pub rmw: Option<u32>,
}

/// A read that was answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// A fence that stands before the read, and does so because of the answer.
    pub fence_before: Option<Event>,
    /// The read.
    pub event: Event,
}

/// Why a program cannot be explored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The control paths of a closed program's thread part where no answer decides between them.
    NoTree {
        /// The thread.
        thread: usize,
    },
    /// An unlock by a thread that does not hold the lock.
    StrayUnlock {
        /// [`Event::origin`].
        origin: u32,
    },
    /// A location is used as a lock, and otherwise.
    MixedLock(LocationId),
    /// A write goes to what is no location.
    BadAddress {
        /// The address.
        value: Value,
        /// [`Event::origin`].
        origin: u32,
    },
    /// An operator was applied to values that it is not defined on.
    Illegal(IllegalOperation),
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::NoTree { thread } => {
                write!(f, "the control paths of thread {thread} part where no read decides between them")
            }
            OpenError::StrayUnlock { .. } => f.write_str("unlock by a thread that does not hold the lock"),
            OpenError::MixedLock(location) => write!(f, "location {location} is used as a lock, and otherwise"),
            OpenError::BadAddress { value, .. } => write!(f, "memory access through {value:?}, which is no location"),
            OpenError::Illegal(operation) => operation.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}

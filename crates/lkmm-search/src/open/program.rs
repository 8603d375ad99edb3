//! Open programs: threads that are run, one step at a time, and asked what they do next.
//!
//! Nothing is known of an open program but what its threads do when their reads return certain values. The search runs it
//! as follows. [`restart`](OpenProgram::restart) puts it back to its beginning. [`next`](OpenProgram::next) runs one of its
//! threads up to the next thing that the memory model knows of, a [`Step`]. A step that asks something
//! ([`Step::asks`]) is answered by [`resume`](OpenProgram::resume) before the thread is run again; any other step has been
//! done when it is reported. To go back, the search restarts the program and gives the same answers again, thread by
//! thread, in an order in which every read comes after the write that it reads (if there is one). The same answers must
//! lead to the same steps.
//!
//! What kind of event a read is may depend on its answer: a `cmpxchg_acquire` is an acquire only if it succeeds (and a
//! fully ordered one has its fences only then), a `spin_trylock` is an `LKR` or an `LF`. So a thread first says where it
//! reads, and is then asked ([`access`](OpenProgram::access)) what it would do with one answer or another.

use lkmm_model::event::Label;
use lkmm_model::program::{IllegalOperation, LocationId, Value};
use std::rc::Rc;

/// A program whose threads are run. See the module's description for the order of calls.
pub trait OpenProgram {
    /// The number of threads that there are from the beginning: those of lower number. The others are
    /// [spawned](Step::Spawn).
    fn threads(&self) -> usize;

    /// Puts the program back to its beginning.
    fn restart(&mut self);

    /// Runs a thread up to its next step. In a replay, `expected` is the location of that step when it was taken before:
    /// a program that numbers its locations as they turn up must give it that number again.
    fn next(&mut self, thread: usize, expected: Option<LocationId>) -> Step;

    /// What a thread, which waits for the answer of a [`Step::Read`], does with this answer; `None` if it cannot go on
    /// with it: then no execution has it. The thread is not run.
    ///
    /// # Errors
    /// If what the thread does with the answer is not a step.
    fn access(&mut self, thread: usize, answer: Answer) -> Result<Option<Access>, OpenError>;

    /// Answers the step of a thread. All that [`access`](Self::access) says of this answer has then been done.
    fn resume(&mut self, thread: usize, answer: Answer);

    /// Of what has been written to a location so far in this run, this is the coherence-last. For programs whose code can look at memory by other means than
    /// steps: it may have been written earlier than another value.
    fn settle(&mut self, location: LocationId, value: Value) {
        let _ = (location, value);
    }

    /// The value of a location before anything is written to it.
    fn initial(&self, location: LocationId) -> Value;

    /// May a thread be told, to see what depends on it, that this location has a value that only other executions have? Not
    /// if it might do what has no meaning then: follow a pointer to what is not there, say.
    fn may_stand_in(&self, location: LocationId, value: Value) -> bool {
        let _ = (location, value);
        true
    }

    /// Can a value be followed as a pointer, without harm, wherever it leads?
    fn may_be_followed(&self, value: Value) -> bool {
        let _ = value;
        true
    }

    /// Do pointers have another value in each run? Then what one is follows from the write that it comes from.
    fn pointers_move(&self) -> bool {
        false
    }

    /// Is a location elsewhere in each run, so that it may have another number?
    fn moves(&self, location: LocationId) -> bool {
        let _ = location;
        false
    }

    /// Is this value of a location a pointer that has another value in each run?
    fn is_moving(&self, location: LocationId, value: Value) -> bool {
        let _ = (location, value);
        false
    }

    /// Does the value of a location say nothing but which write it is? Then nothing can be told of what depends on it, or it depends on.
    fn is_opaque(&self, location: LocationId) -> bool {
        let _ = location;
        false
    }

    /// A name of a location that is the same in each copy of the program.
    fn name(&self, location: LocationId) -> u64 {
        location.into()
    }

    /// What a value is called in all copies of the program: a pointer to what each of them has elsewhere has another name. `None` if it is not known whether
    /// it is the same in all of them.
    fn common(&self, value: Value) -> Option<Value> {
        Some(value)
    }

    /// The locations whose final values are asked for (for the flag `lock-final`).
    fn observed_locations(&self) -> Vec<LocationId> {
        Vec::new()
    }
}

/// What a thread does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// It reads, and waits for the [answer](Answer).
    Read(ReadKind, LocationId),
    /// A write: an ordinary one with its value, or a `UL`.
    Write(LocationId, Option<Value>, Event),
    /// An event that neither reads nor writes: a fence, or a `synchronize_srcu` of a domain.
    Other(Option<LocationId>, Event),
    /// It has started a thread, which has this number whenever this thread gets here in the same way. All that came
    /// before is ordered before all that the new thread does.
    Spawn {
        /// The new thread.
        thread: usize,
        /// The first thread of its class: threads that do the same when they are told the same, and of which the others see only what
        /// they write, and that all of them have ended. So they are spawned without anything in between, and joined so or not at all.
        /// Executions that differ in nothing but which of them did what are explored once.
        class: Option<usize>,
        /// [`Event::origin`].
        origin: u32,
    },
    /// It waits until a thread has ended, and is answered [`Answer::Joined`]. All that the thread did is ordered before all
    /// that follows.
    Join {
        /// The thread that it waits for.
        thread: usize,
        /// [`Event::origin`].
        origin: u32,
    },
    /// It wants any number below this one, and is answered [`Answer::Choice`]: each is explored.
    Choose(u32),
    /// It waits for another thread: what it has read since its last other step did not let it go on, and it would but read
    /// again. An execution in which those reads return something else shows how it goes on. (In one in which no thread can
    /// go on, it is run again, to see whether it waits again when it reads the newest values.)
    Wait {
        /// [`Event::origin`].
        origin: u32,
    },
    /// It has ended.
    End {
        /// What it returned.
        results: Vec<Value>,
        /// It has been cut short: its execution is incomplete, and does not count.
        cut: bool,
    },
    /// It has failed, for a reason that the program knows by this number, and ended. The other threads go on.
    Failed(u32),
    /// It cannot go on: no execution has these answers.
    Stuck,
    /// It did what has no meaning. The search fails if an execution gets there.
    Error(OpenError),
}

impl Step {
    /// Must the step be answered?
    pub fn asks(&self) -> bool {
        matches!(self, Step::Read(..) | Step::Join { .. } | Step::Choose(_))
    }
}

/// What a read may read from, and what it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadKind {
    /// Ordinary writes; the answer is a value.
    Ordinary,
    /// `spin_lock`: waits until the lock is free, and then takes it.
    Lock,
    /// `spin_trylock`: if the lock is free, takes it.
    TryLock,
    /// `spin_is_locked`.
    IsLocked,
}

/// The answer to a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The value of an ordinary location.
    Value(Value),
    /// The lock is free.
    Free,
    /// The lock is held.
    Held,
    /// The thread that was waited for has ended.
    Joined,
    /// The number that was chosen.
    Choice(u32),
}

impl Answer {
    /// The same, with another value.
    pub(crate) fn map(self, value: impl FnOnce(Value) -> Value) -> Answer {
        match self {
            Answer::Value(old) => Answer::Value(value(old)),
            other => other,
        }
    }
}

/// An event that a thread performs. Other events of the thread are referred to by number, from 0: every step has one,
/// and an atomic operation has a second one for its write. (A [fence before a read](Access::fence_before) has none.)
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it is.
    pub label: Label,
    /// Part of an atomic read-modify-write.
    pub atomic: bool,
    /// Where it stands in the source.
    pub origin: u32,
    /// For the write of an atomic read-modify-write, the read.
    pub rmw: Option<u32>,
    /// What it depends on.
    pub dependencies: Dependencies,
}

impl Event {
    /// An event that depends on nothing, and is no part of an atomic operation.
    pub fn new(label: Label, origin: u32) -> Event {
        Event { label, atomic: false, origin, rmw: None, dependencies: Dependencies::default() }
    }
}

/// The earlier reads of its thread that an event depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Dependencies(Option<Rc<Reasons>>);

/// What [`Dependencies`] consist of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reasons {
    /// The reads that its address depends on.
    pub addr: Vec<u32>,
    /// The reads that its value depends on.
    pub data: Vec<u32>,
    /// The reads whether it happens at all depends on.
    pub ctrl: Vec<u32>,
    /// The events before it that `po` leaves unordered with it.
    pub unordered: Vec<u32>,
}

impl Reasons {
    /// These and others.
    pub fn union(mut self, other: Reasons) -> Reasons {
        let pairs = [
            (&mut self.addr, other.addr),
            (&mut self.data, other.data),
            (&mut self.ctrl, other.ctrl),
            (&mut self.unordered, other.unordered),
        ];
        for (mine, its) in pairs {
            mine.extend(its);
            mine.sort_unstable();
            mine.dedup();
        }
        self
    }
}

impl Dependencies {
    /// These, if there are any.
    pub fn new(reasons: Reasons) -> Dependencies {
        let some = reasons != Reasons::default();
        Dependencies(some.then(|| Rc::new(reasons)))
    }

    /// What there is; `None` if there is nothing.
    pub fn reasons(&self) -> Option<&Reasons> {
        self.0.as_deref()
    }
}

/// A read that is answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Access {
    /// A fence that stands before the read, and does so because of the answer.
    pub fence_before: Option<Event>,
    /// The read.
    pub event: Event,
    /// The write that an atomic operation makes at once, or the `LKW` of a lock that is taken, with the value of the former.
    pub write: Option<(Event, Option<Value>)>,
}

impl Access {
    /// A read that is only that.
    pub fn new(event: Event) -> Access {
        Access { fence_before: None, event, write: None }
    }
}

/// Why a thread may not sleep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Within {
    /// It holds a spinlock.
    Spinlock,
    /// It is a reader of RCU.
    Reader,
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
    /// A thread may sleep where none may.
    Sleep {
        /// [`Event::origin`] of what may sleep.
        origin: u32,
        /// Why none may.
        within: Within,
        /// [`Event::origin`] of what began that.
        since: u32,
    },
    /// A thread read what nothing had written yet, and that is not initialised.
    Uninit {
        /// [`Event::origin`] of the read.
        origin: u32,
    },
    /// A thread waits for something that is no part of the program, and will wait for ever.
    Outside {
        /// The thread.
        thread: usize,
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
    /// An execution has more events than a model can be asked about.
    TooManyEvents {
        /// So many it has, or might have.
        events: usize,
        /// So many it can have.
        limit: usize,
    },
    /// A thread goes on and on: the execution has more events than a model can be asked about, or the thread has read the same again so often.
    Endless {
        /// The thread.
        thread: usize,
        /// [`Event::origin`] of what it did last.
        origin: u32,
        /// So many events an execution can have, or so often it may read the same.
        limit: usize,
    },
    /// Given the same answers again, a thread did something else.
    Nondeterminism {
        /// The thread.
        thread: usize,
        /// What it did before, in words.
        before: String,
        /// [`Event::origin`] of that, if it has one.
        origin: Option<u32>,
        /// What it did now.
        now: String,
    },
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::NoTree { thread } => {
                write!(f, "the control paths of thread {thread} part where no read decides between them")
            }
            OpenError::StrayUnlock { .. } => f.write_str("unlock by a thread that does not hold the lock"),
            OpenError::Sleep { within: Within::Spinlock, .. } => {
                f.write_str("sleeping with a spinlock held: everybody who wants the lock spins meanwhile")
            }
            OpenError::Sleep { within: Within::Reader, .. } => f.write_str(
                "sleeping in a reader of RCU: it leaves the processor, and by that RCU knows that there is no reader on it any more",
            ),
            OpenError::Uninit { .. } => f.write_str("a variable is read that nothing has initialised"),
            OpenError::Outside { thread } => {
                write!(f, "thread {thread} waits for something that is no part of the program")
            }
            OpenError::MixedLock(location) => write!(f, "location {location} is used as a lock, and otherwise"),
            OpenError::BadAddress { value, .. } => write!(f, "memory access through {value:?}, which is no location"),
            OpenError::Illegal(operation) => operation.fmt(f),
            OpenError::TooManyEvents { events, limit } => {
                write!(
                    f,
                    "an execution has {events} events, and at most {limit} can be judged; make the program smaller"
                )
            }
            OpenError::Endless { thread, limit, .. } => {
                write!(f, "thread {thread} goes on and on: it does this for the {limit}th time in one execution, or has come to so many events")
            }
            OpenError::Nondeterminism { thread, before, now, .. } => {
                write!(
                    f,
                    "thread {thread}, given the same values again, did something else: first {before}, then {now}"
                )
            }
        }
    }
}

impl std::error::Error for OpenError {}

//! What can be wrong with an execution: how it is seen, and what is said of it.

use crate::blocked::{self, Call};
use crate::explain::{self, Explanation};
use crate::lifetimes::{LifeFault, Wrong};
use crate::names::Names;
use crate::ordered;
use crate::panics::SourcePlace;
use crate::picture::Picture;
use crate::report::{Failure, FailureKind};
use crate::runtime::ClosureProgram;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::models::Model;
use lkmm_model::program::LocationId;
use lkmm_search::open::{Ending, Found, OpenError, OpenProgram, Waiting, Within};

/// A place in the source, if it is known.
pub(crate) type Place = Option<&'static std::panic::Location<'static>>;

/// What is wrong with an execution.
pub(crate) enum Fault {
    Panic(Vec<(usize, u32)>),
    /// With the place of the lock that a thread waits for.
    Blocked(Vec<(usize, Waiting, Place)>),
    Error(OpenError),
    Flag(&'static str),
    Life(Box<LifeFault>),
}

impl Fault {
    /// What all executions have in common that fail in the same way.
    pub(crate) fn way(&self, program: &ClosureProgram) -> String {
        match self {
            Fault::Panic(threads) => {
                let panics = threads.iter().filter_map(|&(_, number)| program.panic(number));
                let causes = panics.filter(|panic| !panic.is_consequence);
                let mut places: Vec<String> = causes.map(|panic| format!("{:?}", panic.place)).collect();
                places.sort_unstable();
                format!("panic {places:?}")
            }
            Fault::Blocked(threads) => {
                let is_deadlock = |waiting: &Waiting, lock: &Place| match waiting {
                    Waiting::Lock(_) | Waiting::Readers { .. } => true,
                    Waiting::Write { origin } => lock.is_some() || program.is_grace_period(*origin),
                    Waiting::Join { .. } => false,
                };
                format!("blocked {}", threads.iter().any(|(_, waiting, lock)| is_deadlock(waiting, lock)))
            }
            Fault::Error(error) => format!("{error:?}"),
            Fault::Flag(flag) => (*flag).to_string(),
            Fault::Life(life) => format!("{:?}", life.wrong),
        }
    }
}

/// What is wrong with an execution, if something is: the first of what is listed here.
pub(crate) fn fault(found: &Found<'_>, wants_lock: &dyn Fn(usize) -> Place) -> Option<Fault> {
    match found.ending() {
        // What races with the write that it should have read is told with the race.
        Ending::Error(OpenError::Uninit { .. }) if found.flags().contains(&"data-race") => {
            return Some(Fault::Flag("data-race"));
        }
        Ending::Failed(threads) => return Some(Fault::Panic(threads.clone())),
        Ending::Blocked(threads) => {
            let waits = threads.iter().map(|&(thread, waiting)| (thread, waiting, wants_lock(thread)));
            return Some(Fault::Blocked(waits.collect()));
        }
        Ending::Error(error) => return Some(Fault::Error(error.clone())),
        Ending::Complete | Ending::Cut | Ending::Dead => {}
    }
    found.flags().iter().copied().find(|flag| kind_of(flag).is_some()).map(Fault::Flag)
}

/// What a flag of the model says of the program. (`mixed-accesses` says nothing that is wrong.)
fn kind_of(flag: &str) -> Option<FailureKind> {
    match flag {
        "data-race" => Some(FailureKind::DataRace),
        "unmatched-rcu-lock" | "unmatched-rcu-unlock" | "unmatched-srcu-lock" | "unmatched-srcu-unlock" => {
            Some(FailureKind::RcuMisuse)
        }
        "multiple-srcu-matches" | "invalid-sleep" | "srcu-bad-value-match" => Some(FailureKind::RcuMisuse),
        "mixed-lock-accesses" | "unpaired-LKW" | "unpaired-LKR" | "unmatched-unlock" => Some(FailureKind::LockMisuse),
        _ => None,
    }
}

/// What is wrong with an execution, as a failure.
pub(crate) fn describe(program: &ClosureProgram, model: &Model, fault: Fault, execution: Execution) -> Failure {
    let fault = match fault {
        Fault::Life(fault) => return describe_life(program, model, *fault),
        fault => fault,
    };
    let place = |origin: u32| program.place(origin).map(SourcePlace::from);
    let mut locations: Vec<SourcePlace> = Vec::new();
    let mut endings = Vec::new();
    let mut marked: Vec<EventId> = Vec::new();
    let mut waits: Vec<(u32, EventId)> = Vec::new();
    let mut mend = Vec::new();
    let (kind, message) = match fault {
        Fault::Panic(threads) => {
            let panic = |&(thread, number): &(usize, u32)| Some((thread, program.panic(number)?));
            let mut panics: Vec<_> = threads.iter().filter_map(panic).collect();
            // Causes first.
            panics.sort_by_key(|(_, panic)| panic.is_consequence);
            for (thread, panic) in &panics {
                let at =
                    panic.place.as_ref().map_or(String::new(), |place| format!(" at {}:{}", place.file, place.line));
                let too = if panic.is_consequence { " too" } else { "" };
                endings.push((*thread as u32, format!("panics{too}{at}")));
                locations.extend(panic.place.clone());
            }
            (FailureKind::Panic, panics.first().map_or(String::new(), |(_, panic)| panic.message.clone()))
        }
        Fault::Blocked(threads) => {
            let (mut kind, mut is_grace_period) = (FailureKind::Livelock, false);
            let names = Names::of(&execution, &place, &|origin| program.word(origin));
            for (thread, waiting, lock) in threads {
                let (at, text) = match waiting {
                    Waiting::Lock(location) => {
                        kind = FailureKind::Deadlock;
                        waits.extend(holder(&execution, location).map(|event| (thread as u32, event)));
                        (lock.map(SourcePlace::from), format!("waits for lock {}", names.name(location)))
                    }
                    Waiting::Write { .. } if lock.is_some() => {
                        kind = FailureKind::Deadlock;
                        (lock.map(SourcePlace::from), "waits for a lock".to_string())
                    }
                    Waiting::Readers { origin } => {
                        kind = FailureKind::Deadlock;
                        is_grace_period = true;
                        (place(origin), "waits for readers".to_string())
                    }
                    Waiting::Join { thread, origin } => (place(origin), format!("waits for thread {thread}")),
                    Waiting::Write { origin } if program.is_grace_period(origin) => {
                        kind = FailureKind::Deadlock;
                        (place(origin), "waits for readers, being one".to_string())
                    }
                    Waiting::Write { origin } => (place(origin), "waits for another thread to write".to_string()),
                };
                let shown = at.as_ref().map_or(String::new(), |place| format!(" at {}:{}", place.file, place.line));
                endings.push((thread as u32, format!("{text}{shown}")));
                locations.extend(at);
            }
            let message = match kind {
                FailureKind::Deadlock if is_grace_period => {
                    "a grace period waits for a reader to end, and the reader waits for what comes only after the grace period \
                     (end the reader before it waits, or let go of what it waits for before the grace period)"
                }
                FailureKind::Deadlock => {
                    "threads wait for a lock that is never released, or for readers that never end"
                }
                _ => "threads wait for what no thread will do",
            };
            (kind, message.to_string())
        }
        Fault::Error(error) => {
            let failure = refused(program, &error);
            locations.extend_from_slice(failure.locations());
            mend = failure.explanation.mend;
            (failure.kind, failure.message)
        }
        Fault::Flag(flag) => {
            marked = if flag == "data-race" { racing(model, &execution) } else { misusing(model, flag, &execution) };
            if !marked.is_empty() {
                locations.extend(marked.iter().filter_map(|&id| place(execution.events[id as usize].origin)));
            }
            (kind_of(flag).unwrap_or(FailureKind::DataRace), sentence(flag).to_string())
        }
        Fault::Life(_) => unreachable!("it was described above"),
    };
    let mut picture =
        Picture::new(with_values(program, execution), &place, &|origin| program.word(origin), endings, marked);
    picture.waits = waits;
    let allowed = |x: &Execution| model.judge(x).violated.is_none();
    let explanation = match kind {
        FailureKind::Panic | FailureKind::Deadlock | FailureKind::Livelock | FailureKind::Uninit => {
            explain::explain(&picture, model, &|x, _| allowed(x))
        }
        FailureKind::DataRace => explain::explain(&picture, model, &|x, _| model.judge(x).flags.contains(&"data-race")),
        _ => Explanation { mend, ..Explanation::default() },
    };
    Failure { picture: Some(picture), explanation, ..Failure::new(kind, message, locations) }
}

/// An execution, without what only looks like a value.
fn with_values(program: &ClosureProgram, mut execution: Execution) -> Execution {
    for event in &mut execution.events {
        if event.location.is_some_and(|location| program.is_opaque(location)) {
            event.value = None;
        }
    }
    execution
}

/// What is wrong with the life of an object, as a failure.
fn describe_life(program: &ClosureProgram, model: &Model, fault: LifeFault) -> Failure {
    let (kind, message) = match fault.wrong {
        Wrong::Race => (
            FailureKind::DataRace,
            "an object is used, and nothing orders what made it before that (the second place is the last operation before it was made)",
        ),
        Wrong::UseAfterFree => (
            FailureKind::UseAfterFree,
            "an object is used, and nothing orders this before it is freed (the second place is the last operation before that)",
        ),
        Wrong::DoubleFree => {
            (FailureKind::DoubleFree, "an object is freed twice (the places are the last operations before that)")
        }
        Wrong::Leak => (FailureKind::Leak, "an object that was used at this place is never freed"),
    };
    let place = |origin: u32| match fault.noted(origin) {
        Some((place, _)) => place.map(SourcePlace::from),
        None => program.place(origin).map(SourcePlace::from),
    };
    let word = |origin: u32| fault.noted(origin).map_or_else(|| program.word(origin), |noted| noted.1);
    let locations = fault.places.iter().flatten().map(|&place| SourcePlace::from(place)).collect();
    let execution = with_values(program, fault.execution.clone());
    let picture = Picture::new(execution, &place, &word, Vec::new(), fault.marked.clone());
    let explanation = match fault.wrong {
        Wrong::Race | Wrong::UseAfterFree => explain::explain(&picture, model, &|x, marked| match *marked {
            [first, second] => model.judge(x).violated.is_none() && !ordered::orders(model, x, (first, second)),
            _ => false,
        }),
        Wrong::DoubleFree | Wrong::Leak => Explanation::default(),
    };
    Failure { picture: Some(picture), explanation, ..Failure::new(kind, message.to_string(), locations) }
}

/// Who holds a lock: the last one to take it.
fn holder(execution: &Execution, lock: LocationId) -> Option<EventId> {
    let ids = 0..execution.events.len() as EventId;
    let event = |id: EventId| &execution.events[id as usize];
    let takes = |&id: &EventId| event(id).label == Label::LockWrite && event(id).location == Some(lock);
    ids.filter(takes).find(|&id| !execution.co.iter().any(|&(from, to)| from == id && event(to).location == Some(lock)))
}

/// The two events of the first race.
fn racing(model: &Model, execution: &Execution) -> Vec<EventId> {
    let races = ["ww_race", "wr_race", "rw_race"];
    let pair = races.iter().find_map(|name| model.relation(execution, name)?.first().copied());
    pair.map_or(Vec::new(), |(a, b)| vec![a, b])
}

/// The events of RCU or SRCU that a flag is raised for.
fn misusing(model: &Model, flag: &str, execution: &Execution) -> Vec<EventId> {
    let sections = |name| model.relation(execution, name).unwrap_or_default();
    let (rcu, srcu) = (sections("rcu_rscs"), sections("srcu_rscs"));
    let events = |is: &dyn Fn(EventId, Label) -> bool| {
        let all = execution.events.iter().enumerate().map(|(id, event)| (id as EventId, event.label));
        all.filter(|&(id, label)| is(id, label)).map(|(id, _)| id).collect::<Vec<EventId>>()
    };
    let begins = |of: &[(EventId, EventId)], id| of.iter().filter(|&&(lock, _)| lock == id).count();
    let ends = |of: &[(EventId, EventId)], id| of.iter().filter(|&&(_, unlock)| unlock == id).count();
    match flag {
        "unmatched-rcu-lock" => events(&|id, label| label == Label::Fence(Fence::RcuLock) && begins(&rcu, id) == 0),
        "unmatched-rcu-unlock" => events(&|id, label| label == Label::Fence(Fence::RcuUnlock) && ends(&rcu, id) == 0),
        "unmatched-srcu-lock" => events(&|id, label| label == Label::Read(Mode::SrcuLock) && begins(&srcu, id) == 0),
        "unmatched-srcu-unlock" => events(&|id, label| label == Label::Write(Mode::SrcuUnlock) && ends(&srcu, id) == 0),
        "multiple-srcu-matches" => events(&|id, _| begins(&srcu, id) > 1 || ends(&srcu, id) > 1),
        "invalid-sleep" => {
            let is_in = |id, (lock, unlock)| execution.po.contains(&(lock, id)) && execution.po.contains(&(id, unlock));
            let sleeps = |id, label| label == Label::SyncSrcu && rcu.iter().any(|&section| is_in(id, section));
            let slept_in =
                |id| events(&sleeps).into_iter().any(|sync| rcu.iter().any(|&s| s.0 == id && is_in(sync, s)));
            events(&|id, label| sleeps(id, label) || slept_in(id))
        }
        _ => Vec::new(),
    }
}

fn sentence(flag: &str) -> &str {
    match flag {
        "data-race" => "two accesses are not ordered, of which at least one is plain, and one writes",
        "unmatched-rcu-lock" => "an RCU reader does not end",
        "unmatched-rcu-unlock" => "an RCU reader ends that has not begun",
        "unmatched-srcu-lock" => "an SRCU reader does not end",
        "unmatched-srcu-unlock" => "an SRCU reader ends that has not begun",
        "multiple-srcu-matches" => "an SRCU reader ends twice",
        "invalid-sleep" => "an RCU reader waits for SRCU readers",
        "srcu-bad-value-match" => "an SRCU reader ends with the index of another one",
        "unmatched-unlock" => "a lock is released that is not held",
        "mixed-lock-accesses" => "the memory of a lock is used otherwise",
        other => other,
    }
}

/// Why a program cannot be explored.
pub(crate) fn refused(program: &ClosureProgram, error: &OpenError) -> Failure {
    if let (OpenError::Outside { .. }, Some(left)) = (error, &program.runtime().blocked) {
        let call = blocked::caller(&left.backtrace);
        return left.address.map_or_else(|| blocked(call.clone()), |address| invalid(call.clone(), address));
    }
    let (kind, origins) = match error {
        OpenError::StrayUnlock { origin } => (FailureKind::LockMisuse, vec![*origin]),
        OpenError::Sleep { origin, since, .. } => (FailureKind::LockMisuse, vec![*origin, *since]),
        OpenError::Uninit { origin } => (FailureKind::Uninit, vec![*origin]),
        OpenError::Endless { origin, .. } => (FailureKind::TooLarge, vec![*origin]),
        OpenError::MixedLock(_) => (FailureKind::LockMisuse, Vec::new()),
        OpenError::Nondeterminism { .. } => return undetermined(program, error),
        _ => (FailureKind::TooLarge, Vec::new()),
    };
    let locations: Vec<_> = origins.iter().filter_map(|&origin| program.place(origin)).map(SourcePlace::from).collect();
    let mut message = error.to_string();
    if matches!(error, OpenError::Endless { .. }) {
        message.push_str(
            " (a loop that waits for another thread is to say so in each turn: `lkmm::hint::spin_loop()`, not that of `std`)",
        );
    }
    if let (OpenError::Sleep { within, .. }, [sleep, since]) = (error, &locations[..]) {
        return asleep(message, *within, [sleep, since].map(SourcePlace::clone));
    }
    Failure::new(kind, message, locations)
}

/// A thread did something else, given the same values again.
fn undetermined(program: &ClosureProgram, error: &OpenError) -> Failure {
    let mut message = error.to_string();
    let mut locations = Vec::new();
    if let OpenError::Nondeterminism { thread, before, origin: Some(origin), now } = error {
        let places = [program.place(*origin), program.pending(*thread)];
        let at = places
            .map(|place| place.map_or_else(String::new, |place| format!(" at {}:{}", place.file(), place.line())));
        let [first, then] = &at;
        message = format!(
            "thread {thread}, given the same values again, did something else: first {before}{first}, then {now}{then}"
        );
        locations.extend(places.into_iter().flatten().map(SourcePlace::from));
    }
    if !program.has_heap() {
        message.push_str(
            " (pointers differ from run to run, unless the crate of the test has the model heap: `lkmm::check::heap!();`)",
        );
    }
    Failure::new(FailureKind::Nondeterminism, message, locations)
}

/// A thread waits for something real.
fn blocked(call: Option<Call>) -> Failure {
    let mut message = "a thread waits for ever for a real lock (or channel, or thread): one of `std`, say".to_string();
    let mut locations = Vec::new();
    if let Some(Call { function, place }) = call {
        message.push_str(&format!(", in {function}"));
        locations.extend(place.map(|(file, line, column)| SourcePlace { file, line, column }));
    }
    message.push_str(
        ". All threads of a model are one thread of the operating system, and the model does not know that this one waits, so it cannot \
         let run the one that it waits for",
    );
    let mend = "what is held, or waited for, while the model may switch threads is to be of the model: `lkmm::lock::Mutex`, \
                `lkmm::thread::park` and the like (or loom's, over lkmm-loom)";
    let explanation = Explanation { mend: vec![mend.to_string()], ..Explanation::default() };
    Failure { explanation, ..Failure::new(FailureKind::Deadlock, message, locations) }
}

/// A thread accesses what is not there.
fn invalid(call: Option<Call>, address: usize) -> Failure {
    let mut message = format!("a thread accesses memory that is not there, at address {address:#x}");
    let mut locations = Vec::new();
    if let Some(Call { function, place }) = call {
        message.push_str(&format!(", in {function}"));
        locations.extend(place.map(|(file, line, column)| SourcePlace { file, line, column }));
    }
    message.push_str(
        ". It follows a pointer that is null or was never one. Nothing more was explored. (If no execution gives it such a pointer, say so: a `None` \
         or null that leads nowhere else is not followed)",
    );
    Failure::new(FailureKind::UseAfterFree, message, locations)
}

/// A thread sleeps, and may not since another place.
fn asleep(message: String, within: Within, [sleep, since]: [SourcePlace; 2]) -> Failure {
    let line = |place: &SourcePlace| format!("{}:{}", place.file, place.line);
    let (began, mend) = match within {
        Within::Spinlock => ("the lock was taken", "unlock it before, or make it a mutex"),
        Within::Reader => ("the reader began", "end the reader before, or make it one of an SRCU domain"),
    };
    let message = format!("{message} (what may sleep is at {}, {began} at {})", line(&sleep), line(&since));
    let explanation = Explanation { mend: vec![mend.to_string()], ..Explanation::default() };
    Failure { explanation, ..Failure::new(FailureKind::LockMisuse, message, vec![sleep, since]) }
}

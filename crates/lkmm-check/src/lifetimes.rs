//! Is an object used only while it lives?
//!
//! To allocate an object, and to free it, are to the model plain writes of the whole object. A thread that turns a pointer into a reference by an
//! operation of crate `lkmm` reads it, plainly, at that moment. An access is safe if the model orders it after the allocation, and before the
//! free, by what it asks of accesses of which one is plain, so that they do not race.
//!
//! All this is asked of executions that are complete, and changes nothing in what is explored. The execution is copied,
//! with an event for each allocation, each free, and each pointer that was followed, and the model's relations are computed on the copy.
//! The address of a free depends on the reads that returned a pointer to the object, and so does the address of an access to it. A thread to
//! which no read has returned one has found it in memory that the model does not see, where another pointer had led it.
//!
//! What the first thread allocates before it starts others is there for all of them, so it is not asked about.

use crate::heap;
use crate::history::Link;
use crate::life::{Moment, Object};
use crate::ordered::Safe;
use crate::runtime::Runtime;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::graph::{Event, EventId, Execution};
use lkmm_model::models::{MOST_EVENTS, Model};
use lkmm_model::program::{LocationId, Value};
use std::panic::Location;

/// The origins of events that are noted, not performed, begin here.
const NOTED: u32 = 1 << 31;

/// What is wrong with the life of an object.
#[derive(Debug)]
pub(crate) struct LifeFault {
    pub(crate) wrong: Wrong,
    /// The execution, with what was noted.
    pub(crate) execution: Execution,
    pub(crate) marked: Vec<EventId>,
    noted: Vec<(Option<&'static Location<'static>>, &'static str)>,
    pub(crate) places: [Option<&'static Location<'static>>; 2],
}

/// What can be wrong with the life of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It is used, and was not made before that.
    Race,
    UseAfterFree,
    DoubleFree,
    Leak,
}

impl LifeFault {
    /// Where something that was noted stands, and what it is.
    pub(crate) fn noted(&self, origin: u32) -> Option<(Option<&'static Location<'static>>, &'static str)> {
        self.noted.get(origin.checked_sub(NOTED)? as usize).copied()
    }
}

/// Something that happened at a moment.
struct Noted {
    moment: Moment,
    label: Label,
    /// Which of the objects it is about.
    object: Option<usize>,
    word: &'static str,
}

/// The objects of a run that came into being late or to their ends, and who used them.
struct Question<'a> {
    runtime: &'a Runtime,
    objects: Vec<&'a Object>,
    noted: Vec<Noted>,
    /// The locations in these objects.
    locations: Vec<(LocationId, usize)>,
}

/// What is noted of an object.
pub(crate) const ALLOCATE: &str = "allocate";
pub(crate) const DEREF: &str = "deref";
pub(crate) const FREE: &str = "free";

/// What is wrong with the lives of the objects in a complete execution, which was just run.
pub(crate) fn fault(
    runtime: &Runtime,
    model: &Model,
    leaks: bool,
    execution: &dyn Fn() -> Execution,
) -> Option<LifeFault> {
    let lives = runtime.lives()?;
    let again = lives.objects.iter().find_map(|object| Some((object.freed?, object.freed_again?)));
    if let Some((first, again)) = again {
        return Some(simple(Wrong::DoubleFree, execution(), [first.place, again.place]));
    }
    let question = Question::new(runtime);
    if let Some(fault) = question.and_then(|question| question.answer(model, &execution())) {
        return Some(fault);
    }
    if leaks {
        let is_alive = |address: usize| lives.objects.iter().any(|o| o.freed.is_none() && o.contains(address));
        let leaked = runtime.locations.addresses().find(|&(_, address)| is_alive(address))?;
        let execution = execution();
        let user = execution.events.iter().find(|e| e.thread.is_some() && e.location == Some(leaked.0))?;
        let place = runtime.place(user.origin);
        return Some(simple(Wrong::Leak, execution, [place, None]));
    }
    None
}

fn simple(wrong: Wrong, execution: Execution, places: [Option<&'static Location<'static>>; 2]) -> LifeFault {
    LifeFault { wrong, execution, marked: Vec::new(), noted: Vec::new(), places }
}

impl<'a> Question<'a> {
    /// None if there is nothing to ask about the objects that were used.
    fn new(runtime: &'a Runtime) -> Option<Self> {
        let lives = runtime.lives()?;
        let first_spawn = runtime.history(0).first_spawn().unwrap_or(u32::MAX);
        let is_late = |object: &Object| object.made.thread != 0 || object.made.index > first_spawn;
        let mut objects: Vec<&Object> = lives.objects.iter().filter(|o| o.is_judged || is_late(o)).collect();
        objects.sort_unstable_by_key(|object| object.start);
        let object_at = |address: usize| {
            let after = objects.partition_point(|object| object.start <= address);
            after.checked_sub(1).filter(|&at| objects[at].contains(address))
        };
        let locations: Vec<(LocationId, usize)> =
            runtime.locations.addresses().filter_map(|(l, address)| Some((l, object_at(address)?))).collect();
        let mut noted: Vec<Noted> = Vec::new();
        let note = |moment, label, object, word| Noted { moment, label, object, word };
        for &(address, moment) in &lives.followed {
            if let Some(object) = object_at(address) {
                noted.push(note(moment, Label::Read(Mode::Plain), Some(object), DEREF));
            }
        }
        let mut used: Vec<usize> = locations.iter().map(|l| l.1).chain(noted.iter().filter_map(|n| n.object)).collect();
        used.sort_unstable();
        used.dedup();
        for number in used {
            let object = objects[number];
            if is_late(object) {
                noted.push(note(object.made, Label::Write(Mode::Plain), Some(number), ALLOCATE));
            }
            if let Some(moment) = object.freed.filter(|_| object.is_judged) {
                if runtime.history(moment.thread).just_joined(moment.index) {
                    noted.push(note(moment, Label::Fence(Fence::Mb), None, ""));
                }
                noted.push(note(moment, Label::Write(Mode::Plain), Some(number), FREE));
            }
        }
        let is_asked = |noted: &Noted| noted.word == ALLOCATE || noted.word == FREE;
        noted.iter().any(is_asked).then_some(Question { runtime, objects, noted, locations })
    }

    /// The execution with what was noted, and where that stands; `None` if it is not the one that was run.
    fn copy(&self, old: &Execution) -> Option<Copy> {
        let threads =
            1 + old.events.iter().filter_map(|e| e.thread).chain(self.noted.iter().map(|n| n.moment.thread)).max()?;
        // What each thread did: what is noted comes before the event of its number.
        let mut rows: Vec<Vec<(u32, Item)>> = vec![Vec::new(); threads as usize];
        for (number, noted) in self.noted.iter().enumerate() {
            rows[noted.moment.thread as usize].push((noted.moment.index, Item::Noted(number)));
        }
        let mut done = vec![0; threads as usize];
        for (id, event) in old.events.iter().enumerate() {
            if let Some(thread) = event.thread {
                let index = self.runtime.history(thread).index(done[thread as usize]);
                rows[thread as usize].push((index, Item::Event(id as EventId)));
                done[thread as usize] += 1;
            }
        }
        for (thread, row) in rows.iter_mut().enumerate() {
            let history = self.runtime.history(thread as u32);
            if history.total != done[thread] {
                return None;
            }
            row.extend(history.links.iter().map(|&(index, link)| (index, Item::Link(link))));
            row.sort_by_key(|&(index, item)| (index, item.rank()));
        }
        let mut copy = Copy {
            execution: Execution::default(),
            of_old: vec![0; old.events.len()],
            of_noted: vec![0; self.noted.len()],
        };
        for (id, event) in old.events.iter().enumerate().filter(|(_, event)| event.thread.is_none()) {
            copy.of_old[id] = copy.execution.events.len() as EventId;
            copy.execution.events.push(*event);
        }
        for (_, item) in rows.iter().flatten() {
            let at = copy.execution.events.len() as EventId;
            match *item {
                Item::Event(id) => {
                    copy.of_old[id as usize] = at;
                    copy.execution.events.push(old.events[id as usize]);
                }
                Item::Noted(number) => {
                    copy.of_noted[number] = at;
                    copy.execution.events.push(self.event(number));
                }
                Item::Link(_) => {}
            }
        }
        copy.relate(old, &rows);
        self.depend(old, &mut copy);
        Some(copy)
    }

    fn event(&self, number: usize) -> Event {
        let noted = &self.noted[number];
        let location = noted.object.map(|object| self.runtime.locations.count() + object as LocationId);
        let value = noted.object.map(|_| Value::Bits(0));
        let origin = NOTED + number as u32;
        Event { label: noted.label, thread: Some(noted.moment.thread), location, value, atomic: false, origin }
    }

    /// Addresses come from the reads that returned them, or what led there.
    fn depend(&self, old: &Execution, copy: &mut Copy) {
        let reads = old.events.iter().enumerate().filter(|(_, event)| event.label.is_read());
        let pointer = |event: &Event| match event.value {
            Some(Value::Bits(bits)) => Some(bits as usize).filter(|&address| heap::is_in_range(address)),
            _ => None,
        };
        let pointers: Vec<(EventId, Option<u32>, usize)> =
            reads.filter_map(|(id, event)| Some((id as EventId, event.thread, pointer(event)?))).collect();
        for (number, noted) in self.noted.iter().enumerate().filter(|(_, noted)| noted.word != ALLOCATE) {
            let Some(object) = noted.object.map(|object| self.objects[object]) else { continue };
            let to = copy.of_noted[number];
            let own = pointers.iter().filter(|read| read.1 == Some(noted.moment.thread));
            let own: Vec<_> =
                own.map(|read| (copy.of_old[read.0 as usize], read.2)).filter(|read| read.0 < to).collect();
            let is_late = self.noted.iter().any(|other| other.object == noted.object && other.word == ALLOCATE);
            let is_own = !is_late || object.made.thread == noted.moment.thread;
            let is_known = is_own || own.iter().any(|read| object.contains(read.1));
            let leads_there = own.iter().filter(|read| !is_known || object.contains(read.1));
            copy.execution.addr.extend(leads_there.map(|read| (read.0, to)));
        }
    }

    /// The events of an execution that access an object, and the moments at which pointers to it were followed.
    fn uses(&self, old: &Execution, object: usize) -> Vec<Item> {
        let in_object = |event: &Event| {
            let is_here = |&(location, its): &(LocationId, usize)| its == object && event.location == Some(location);
            event.thread.is_some() && self.locations.iter().any(is_here)
        };
        let accesses = old.events.iter().enumerate().filter(|(_, event)| in_object(event));
        let is_deref = |&number: &usize| self.noted[number].word == DEREF && self.noted[number].object == Some(object);
        let derefs = (0..self.noted.len()).filter(is_deref);
        accesses.map(|(id, _)| Item::Event(id as EventId)).chain(derefs.map(Item::Noted)).collect()
    }

    fn answer(mut self, model: &Model, old: &Execution) -> Option<LifeFault> {
        if old.events.len() + self.noted.len() > MOST_EVENTS {
            return None;
        }
        let copy = self.copy(old)?;
        let po: rustc_hash::FxHashSet<(EventId, EventId)> = copy.execution.po.iter().copied().collect();
        let mut doubtful: Vec<(Wrong, Item, Item)> = Vec::new();
        for (number, noted) in self.noted.iter().enumerate() {
            let Some(object) = noted.object.filter(|_| noted.word != DEREF) else { continue };
            let pairs = self.uses(old, object).into_iter().map(|access| match noted.word {
                ALLOCATE => (Wrong::Race, Item::Noted(number), access),
                _ => (Wrong::UseAfterFree, access, Item::Noted(number)),
            });
            // Within a thread and over its start and its end, program order is enough.
            let is_doubtful = |&(_, first, second): &(Wrong, Item, Item)| !po.contains(&copy.pair(first, second));
            doubtful.extend(pairs.filter(is_doubtful));
        }
        if doubtful.is_empty() {
            return None;
        }
        let safe = Safe::new(model, &copy.execution);
        let is_safe = |first: Item, second: Item| safe.orders(&copy.execution, copy.pair(first, second));
        let (wrong, first, second) = doubtful.into_iter().find(|&(_, first, second)| !is_safe(first, second))?;
        // Other allocations say nothing.
        let is_told =
            |number: usize| matches!([first, second], [Item::Noted(n), _] | [_, Item::Noted(n)] if n == number);
        let mut number = 0..self.noted.len();
        let mut kept: Vec<usize> = Vec::new();
        self.noted.retain(|noted| {
            let number = number.next().unwrap_or_default();
            let is_kept = noted.word != ALLOCATE || is_told(number);
            kept.extend(is_kept.then_some(number));
            is_kept
        });
        let now = |item: Item| match item {
            Item::Noted(number) => Item::Noted(kept.iter().position(|&other| other == number).unwrap_or_default()),
            item => item,
        };
        let copy = self.copy(old)?;
        let pair = copy.pair(now(first), now(second));
        let noted: Vec<_> = self.noted.iter().map(|noted| (noted.moment.place, noted.word)).collect();
        let place = |event: EventId| {
            let origin = copy.execution.events[event as usize].origin;
            match origin.checked_sub(NOTED) {
                Some(number) => noted[number as usize].0,
                None => self.runtime.place(origin),
            }
        };
        let (access, other) = if wrong == Wrong::Race { (pair.1, pair.0) } else { pair };
        let places = [place(access), place(other)];
        Some(LifeFault { wrong, marked: vec![pair.0, pair.1], noted, places, execution: copy.execution })
    }
}

/// An item of what a thread did.
#[derive(Clone, Copy)]
enum Item {
    Noted(usize),
    Event(EventId),
    Link(Link),
}

impl Item {
    fn rank(self) -> u8 {
        match self {
            Item::Noted(_) => 0,
            Item::Event(_) => 1,
            Item::Link(_) => 2,
        }
    }
}

/// An execution with what was noted.
struct Copy {
    execution: Execution,
    /// From events of the original, and from what was noted, to events.
    of_old: Vec<EventId>,
    of_noted: Vec<EventId>,
}

impl Copy {
    /// Two items as events.
    fn pair(&self, first: Item, second: Item) -> (EventId, EventId) {
        let event = |item: Item| match item {
            Item::Noted(number) => self.of_noted[number],
            Item::Event(id) => self.of_old[id as usize],
            Item::Link(_) => unreachable!("a link is no event"),
        };
        (event(first), event(second))
    }

    /// Fills in the relations: those of the original, and the program order of what is noted.
    fn relate(&mut self, old: &Execution, rows: &[Vec<(u32, Item)>]) {
        let new = |pairs: &[(EventId, EventId)]| -> Vec<(EventId, EventId)> {
            pairs.iter().map(|&(a, b)| (self.of_old[a as usize], self.of_old[b as usize])).collect()
        };
        let [po, rf, co] = [&old.po, &old.rf, &old.co].map(|pairs| new(pairs));
        let [rmw, addr, data, ctrl] = [&old.rmw, &old.addr, &old.data, &old.ctrl].map(|pairs| new(pairs));
        let x = &mut self.execution;
        (x.po, x.rf, x.co, x.rmw, x.addr, x.data, x.ctrl) = (po, rf, co, rmw, addr, data, ctrl);
        x.observed_locations.clone_from(&old.observed_locations);
        let before = before(rows);
        let place = |&(thread, at): &(usize, usize)| match rows[thread][at].1 {
            Item::Event(id) => Some(self.of_old[id as usize]),
            Item::Noted(number) => Some(self.of_noted[number]),
            Item::Link(_) => None,
        };
        let is_noted = |&(thread, at): &(usize, usize)| matches!(rows[thread][at].1, Item::Noted(_));
        for (thread, row) in rows.iter().enumerate() {
            for (at, ends) in before[thread].iter().enumerate().take(row.len()) {
                let here = (thread, at);
                let Some(to) = place(&here) else { continue };
                for (other, &end) in ends.iter().enumerate() {
                    for from in (0..end).map(|from| (other, from)).filter(|from| is_noted(from) || is_noted(&here)) {
                        x.po.extend(place(&from).map(|from| (from, to)));
                    }
                }
            }
        }
        x.po.sort_unstable();
    }
}

/// Of each item of each thread, how many items of each thread are before it.
fn before(rows: &[Vec<(u32, Item)>]) -> Vec<Vec<Vec<usize>>> {
    let threads = rows.len();
    let mut before: Vec<Vec<Vec<usize>>> = rows.iter().map(|row| vec![vec![0; threads]; row.len()]).collect();
    // What is before the end of each thread. (Its last item may be a join.)
    let mut ends = vec![vec![0; threads]; threads];
    // Few rounds suffice: a spawn comes before what the thread does, and that before its join.
    for _ in 0..=threads {
        let mut start = vec![vec![0; threads]; threads];
        for (thread, row) in rows.iter().enumerate() {
            for (at, &(_, item)) in row.iter().enumerate() {
                let Item::Link(Link::Spawn(child)) = item else { continue };
                if let Some(first) = start.get_mut(child as usize) {
                    first.clone_from(&before[thread][at]);
                    first[thread] = at;
                }
            }
        }
        for (thread, row) in rows.iter().enumerate() {
            let mut reached = start[thread].clone();
            for (at, &(_, item)) in row.iter().enumerate() {
                reached[thread] = at;
                before[thread][at].clone_from(&reached);
                let Item::Link(Link::Join(child)) = item else { continue };
                if let Some(end) = ends.get(child as usize) {
                    reached.iter_mut().zip(end).for_each(|(mine, &its)| *mine = (*mine).max(its));
                }
            }
            reached[thread] = row.len();
            ends[thread] = reached;
        }
    }
    before
}

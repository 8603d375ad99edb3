//! A failure as JSON.
//!
//! One object. Its keys, which are kept stable:
//!
//! | key | value |
//! |---|---|
//! | `kind` | the name of the [`FailureKind`](crate::FailureKind) |
//! | `sentence` | what is wrong |
//! | `why` | sentences: which orders are missing |
//! | `mend` | sentences: changes that would forbid the execution, all of which are needed; empty if none is known |
//! | `locations` | the places that have to do with it, each `{"file","line","column"}` |
//! | `threads` | each `{"thread","ending"}`; `ending` is null if there is nothing to say about it |
//! | `events` | see below |
//! | `rf`, `co`, `fr` | pairs of `id`s; of `co` and `fr` the steps to the next write, between threads |
//! | `token` | what [`Builder::replay`](crate::Builder::replay) takes; null if there is none |
//!
//! An event has `id`, `thread` (null for an initial write), `operation` (the number that it has in the text; an atomic operation has several
//! events), `kind` (`read`, `write`, `fence`, `lock`, `initial`, …), `text`, `variable` (what the source
//! calls it; with `#1`, `#2`, … if it calls several the same) and `value` (text; null if it has none), `marked`
//! (the failure is about it), and `file`, `line`, `column`. Events of a thread stand in program order.

use crate::draw;
use crate::panics::SourcePlace;
use crate::picture::{Picture, Row};
use crate::report::Failure;
use lkmm_model::event::Label;
use lkmm_model::graph::EventId;
use lkmm_report::diagram::Relation;
use serde_json::{Value, json};

pub(crate) fn failure(failure: &Failure) -> String {
    let mut object = json!({
        "kind": format!("{:?}", failure.kind),
        "sentence": failure.message,
        "why": failure.explanation.why,
        "mend": failure.explanation.mend,
        "locations": failure.locations.iter().map(place).collect::<Vec<_>>(),
        "threads": [], "events": [], "rf": [], "co": [], "fr": [],
        "token": failure.token,
    });
    if let Some(picture) = &failure.picture {
        let rows = picture.rows();
        let ids = 0..picture.execution.events.len() as EventId;
        object["events"] = ids.map(|id| event(picture, &rows, id)).collect();
        object["threads"] = (0..picture.threads()).map(|number| thread(picture, number)).collect();
        let edges = draw::edges(&picture.execution);
        for relation in [Relation::Rf, Relation::Co, Relation::Fr] {
            let own = edges.iter().filter(|edge| edge.2 == relation).map(|&(from, to, _)| (from, to));
            let initial = |&&(from, _): &&(EventId, EventId)| picture.event(from).thread.is_none();
            let initial = picture.execution.rf.iter().filter(initial).filter(|_| relation == Relation::Rf);
            object[relation.name()] = initial.copied().chain(own).map(|(from, to)| json!([from, to])).collect();
        }
    }
    let mut text = format!("{object:#}");
    text.push('\n');
    text
}

fn thread(picture: &Picture, number: u32) -> Value {
    let ending = picture.endings.iter().find(|ending| ending.0 == number).map(|ending| &ending.1);
    json!({ "thread": number, "ending": ending })
}

fn event(picture: &Picture, rows: &[Row], id: EventId) -> Value {
    let event = picture.event(id);
    let row = Picture::row_of(rows, id);
    let text = row.map(|row| picture.text(rows, row).split_whitespace().collect::<Vec<_>>().join(" "));
    let place = picture.places[id as usize].as_ref();
    json!({
        "id": id,
        "thread": event.thread,
        "operation": row.map(|row| row.number),
        "kind": kind(event.label),
        "text": text,
        "variable": event.location.map(|location| picture.location_name(location)),
        "value": event.value.map(|_| picture.value(id)),
        "marked": picture.marked.contains(&id),
        "file": place.map(|place| &place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
    })
}

fn kind(label: Label) -> &'static str {
    match label {
        Label::Init => "initial",
        Label::Read(_) => "read",
        Label::Write(_) => "write",
        Label::Fence(_) | Label::SyncSrcu => "fence",
        Label::LockRead | Label::LockWrite => "lock",
        Label::Unlock => "unlock",
        Label::LockFail | Label::ReadLocked | Label::ReadUnlocked => "lock-test",
    }
}

fn place(place: &SourcePlace) -> Value {
    json!({ "file": place.file, "line": place.line, "column": place.column })
}

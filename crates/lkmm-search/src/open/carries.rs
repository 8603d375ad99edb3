//! Dependencies that carry nothing: those of the syntax without which an execution would not be allowed.
//!
//! Of an execution that is allowed with observed dependencies, and forbidden with syntactic ones, one wants to know which of
//! the latter forbid it. Those that the syntax shows on the same control paths are added to the execution, and then taken
//! away again one by one, as long as the model still forbids it: none of those that are left can be spared.

use super::closed;
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::models::Model;
use lkmm_model::program::Program;

/// The kind of a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The address of the later access is computed from what the load returned.
    Addr,
    /// Its value is.
    Data,
    /// A branch between them is.
    Ctrl,
}

/// A dependency between two events of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its kind.
    pub kind: Kind,
    /// The load.
    pub from: EventId,
    /// The event that depends on it.
    pub to: EventId,
}

/// Finds the dependencies of the syntax that forbid an execution, if it has only the others: so few that the model would
/// allow it without any one of them. Empty if they do not forbid it.
pub fn false_dependencies(program: &Program, model: &Model, execution: &Execution) -> Vec<Dependency> {
    let known = dependencies(execution);
    let mut all = syntactic_dependencies(program, execution);
    all.retain(|dependency| !known.contains(dependency));
    let forbids = |which: &[Dependency]| model.judge(&with(execution, which)).violated.is_some();
    if !forbids(&all) {
        return Vec::new();
    }
    let mut at = 0;
    while at < all.len() {
        let dependency = all.remove(at);
        if !forbids(&all) {
            all.insert(at, dependency);
            at += 1;
        }
    }
    all
}

/// The dependencies that an execution has.
pub fn dependencies(execution: &Execution) -> Vec<Dependency> {
    let Execution { addr, data, ctrl, .. } = execution;
    let of = |kind, pairs: &[(EventId, EventId)]| {
        pairs.iter().map(move |&(from, to)| Dependency { kind, from, to }).collect::<Vec<_>>()
    };
    [of(Kind::Addr, addr), of(Kind::Data, data), of(Kind::Ctrl, ctrl)].concat()
}

/// The dependencies that an execution has by the control paths that it takes.
pub fn syntactic_dependencies(program: &Program, execution: &Execution) -> Vec<Dependency> {
    let mut dependencies = Vec::new();
    for thread in 0..program.threads.len() {
        let of = |event: &EventId| execution.events[*event as usize].thread == Some(thread as u32);
        let events: Vec<EventId> = (0..execution.events.len() as EventId).filter(of).collect();
        let Some(path) = closed::path_of(program, thread, execution, &events) else { continue };
        for (kind, pairs) in [(Kind::Addr, &path.addr), (Kind::Data, &path.data), (Kind::Ctrl, &path.ctrl)] {
            let place = |&(from, to): &(u32, u32)| {
                let (from, to) = (events[from as usize], events[to as usize]);
                Dependency { kind, from, to }
            };
            dependencies.extend(pairs.iter().map(place));
        }
    }
    dependencies
}

fn with(execution: &Execution, dependencies: &[Dependency]) -> Execution {
    let mut execution = execution.clone();
    for dependency in dependencies {
        let pairs = match dependency.kind {
            Kind::Addr => &mut execution.addr,
            Kind::Data => &mut execution.data,
            Kind::Ctrl => &mut execution.ctrl,
        };
        pairs.push((dependency.from, dependency.to));
    }
    execution
}

//! Why a test has the verdict that it has: candidates that the model forbids, or the orders that an execution lacks.

use crate::Settings;
use lkmm_model::explain::{self, Edge, Violation};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::missing::missing;
use lkmm_model::models;
use lkmm_report::explanation::{Allowed, Explanation, Forbidden, Kind};
use lkmm_report::{Quantifier, Test};
use lkmm_search::{Coherence, Outcome, SearchError, Verdict, candidates};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// The time that an explanation may take.
const TIME: Duration = Duration::from_secs(5);

/// Candidates that are looked at, at most.
const CANDIDATES: u64 = 10_000;

/// Those that ignore coherence: they are many, and most contradict it in the same few ways.
const INCOHERENT: u64 = 1_000;

/// Kinds of reasons that are kept.
const KINDS: usize = 16;

/// Kinds of reasons that are told apart.
const MANY_KINDS: usize = 4_096;

/// Explains the answer to a test that asks something; before the deadline, if there is one.
pub(crate) fn explain(
    test: &Test,
    outcome: &Outcome,
    settings: &Settings,
    deadline: Option<Instant>,
) -> Option<Explanation> {
    test.program.condition.as_ref()?;
    let latest = Instant::now() + TIME;
    let until = deadline.map_or(latest, |deadline| deadline.min(latest));
    let satisfying = match outcome.verdict() {
        Verdict::Never => true,
        Verdict::Always => false,
        Verdict::Sometimes => {
            let satisfying = test.quantifier != Quantifier::Forall;
            let execution = if satisfying { &outcome.witness } else { &outcome.counter_witness };
            return Some(Explanation::Allowed(allowed(execution.as_deref()?, satisfying, settings, until)));
        }
    };
    let coherent = forbidden(test, satisfying, Coherence::Kept, settings, until);
    if coherent.candidates > 0 || coherent.cut.is_some() {
        return Some(Explanation::Forbidden(coherent));
    }
    Some(Explanation::Forbidden(forbidden(test, satisfying, Coherence::Ignored, settings, until)))
}

fn allowed(execution: &Execution, satisfying: bool, settings: &Settings, until: Instant) -> Allowed {
    let sequential = models::sc().judge(execution).violated.is_none();
    let mends = missing(settings.model, execution, until);
    let is_large = mends.is_empty() && execution.events.len() * 2 > explain::MAX_EVENTS;
    let cut = match Instant::now() >= until {
        true => Some("there was no more time to look for orders".into()),
        false => is_large.then(|| "it has too many events for that".into()),
    };
    Allowed { satisfying, sequential, cut, mends }
}

/// What a reason is, to one who reads the source: the axiom, and the edges between statements.
type Reason = (&'static str, Vec<(&'static str, bool, Place, Place)>);

/// A thread and a statement of it.
type Place = (Option<u32>, u32);

fn forbidden(test: &Test, satisfying: bool, coherence: Coherence, settings: &Settings, until: Instant) -> Forbidden {
    let mut known: HashMap<Reason, usize> = HashMap::new();
    let mut kinds: Vec<Kind> = Vec::new();
    let (mut seen, mut unexplained, mut cut) = (0, 0, None);
    let options = lkmm_search::Options {
        deadline: Some(until.saturating_duration_since(Instant::now())),
        memory: settings.memory,
        ..lkmm_search::Options::new(settings.model)
    };
    let most = if coherence == Coherence::Kept { CANDIDATES } else { INCOHERENT };
    let searched = candidates(&test.program, &options, satisfying, coherence, &mut |execution| {
        if seen == most || known.len() == MANY_KINDS {
            cut = Some(format!("only the first {seen} were looked at"));
            return ControlFlow::Break(());
        }
        seen += 1;
        let Some(violation) = explain::explain(settings.model, &execution) else {
            unexplained += 1;
            return ControlFlow::Continue(());
        };
        let new = kinds.len();
        let at = *known.entry(reason(&violation, &execution)).or_insert(new);
        match kinds.get_mut(at) {
            Some(kind) => kind.candidates += 1,
            None => kinds.push(Kind { candidates: 1, execution, violation }),
        }
        ControlFlow::Continue(())
    });
    match searched {
        Ok(()) => {}
        Err(SearchError::Timeout(_)) => cut = Some(format!("only {seen} were looked at, for there was no more time")),
        Err(error) => cut = Some(error.to_string()),
    }
    if unexplained > 0 && cut.is_none() {
        cut = Some(format!("{unexplained} have more than {} events, and are not explained", explain::MAX_EVENTS));
    }
    let all_kinds = kinds.len() as u64;
    kinds.sort_by_key(|kind| kind.violation.edges().len());
    kinds.truncate(KINDS);
    Forbidden { satisfying, candidates: seen, cut, coherent: coherence == Coherence::Kept, kinds, all_kinds }
}

fn reason(violation: &Violation, execution: &Execution) -> Reason {
    let place = |id: EventId| {
        let event = &execution.events[id as usize];
        (event.thread, event.origin)
    };
    let edge = |edge: &Edge<'_>| (edge.relation, edge.inverted, place(edge.from), place(edge.to));
    let mut edges: Vec<_> = violation.edges().iter().map(edge).collect();
    // A cycle begins anywhere.
    if let Some(first) = (0..edges.len()).min_by_key(|&at| &edges[at]) {
        edges.rotate_left(first);
    }
    edges.extend(violation.edges_besides().iter().map(edge));
    (violation.axiom, edges)
}

//! Which axiom forbids an execution once the orders are there that it lacks: by the shortest cycle of the relation that is to have none, in the
//! names of the model.

use crate::explain::Explainer;
use crate::picture::Picture;
use lkmm_model::change::{Change, apply};
use lkmm_model::graph::{EventId, Execution};

impl Explainer<'_> {
    /// Which axiom forbids an execution after these changes, and by which cycle: a sentence, in which the changes make so many orders.
    pub(crate) fn then(&self, changes: &[Change], orders: usize) -> Option<String> {
        let (execution, of_old) = apply(&self.picture.execution, changes);
        let axiom = self.model.judge(&execution).violated?;
        let relation = match axiom {
            "happens-before" => "hb",
            "propagation" => "pb",
            "rcu" => "rb",
            _ => return None,
        };
        let pairs = self.model.relation(&execution, relation)?;
        let number = |id: EventId| {
            let old = of_old.iter().position(|&new| new == id)? as EventId;
            Picture::row_of(self.rows, old).map(|row| row.number)
        };
        let corners = shortest_cycle(execution.events.len(), &pairs)?;
        let steps = self.steps(&execution);
        let mut cycle = number(*corners.first()?)?.to_string();
        for (n, &from) in corners.iter().enumerate() {
            let to = corners[(n + 1) % corners.len()];
            for (name, event) in shortest_path(&steps, from, to)? {
                cycle.push_str(&format!(" -{name}→ {}", number(event)?));
            }
        }
        let order = if orders == 1 { "that order" } else { "these orders" };
        Some(format!("with {order}, axiom `{axiom}` forbids it, by a cycle in `{relation}`: {cycle}"))
    }

    /// The relations that cycles consist of, each pair with its name; in front the ones that are to be preferred.
    fn steps(&self, x: &Execution) -> Vec<(&'static str, EventId, EventId)> {
        let external = |&&(a, b): &&(EventId, EventId)| x.events[a as usize].thread != x.events[b as usize].thread;
        let co = x.co.iter().filter(external).map(|&(a, b)| ("co", a, b));
        let rf = x.rf.iter().filter(external).map(|&(a, b)| ("rf", a, b));
        let mut steps: Vec<_> = rf.collect();
        for (relation, name) in [
            ("strong_fence", "strong_fence"),
            ("cumul_fence", "cumul_fence"),
            ("ppo", "ppo"),
            ("fre", "fr"),
            ("rb", "rb"),
        ] {
            let pairs = self.model.relation(x, relation).unwrap_or_default();
            steps.extend(pairs.into_iter().map(|(a, b)| (name, a, b)));
        }
        steps.extend(co);
        steps
    }
}

/// The shortest way from an event to another one, or back to itself.
fn shortest_path(
    steps: &[(&'static str, EventId, EventId)],
    from: EventId,
    to: EventId,
) -> Option<Vec<(&'static str, EventId)>> {
    let mut seen: Vec<EventId> = Vec::new();
    let mut paths: Vec<Vec<(&'static str, EventId)>> = vec![Vec::new()];
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            let end = path.last().map_or(from, |step| step.1);
            for &(name, _, next) in steps.iter().filter(|step| step.1 == end) {
                let path = [&path[..], &[(name, next)]].concat();
                if next == to {
                    return Some(path);
                }
                if !seen.contains(&next) {
                    seen.push(next);
                    longer.push(path);
                }
            }
        }
        paths = longer;
    }
    None
}

/// A cycle of least length.
fn shortest_cycle(events: usize, pairs: &[(EventId, EventId)]) -> Option<Vec<EventId>> {
    let cycles = (0..events as EventId).filter_map(|start| {
        let mut paths: Vec<Vec<EventId>> = vec![vec![start]];
        let mut seen = vec![false; events];
        while !paths.is_empty() {
            let mut longer = Vec::new();
            for path in &paths {
                for &(_, to) in pairs.iter().filter(|pair| Some(&pair.0) == path.last()) {
                    if to == start {
                        return Some(path.clone());
                    }
                    if !std::mem::replace(&mut seen[to as usize], true) {
                        longer.push([&path[..], &[to]].concat());
                    }
                }
            }
            paths = longer;
        }
        None
    });
    cycles.min_by_key(Vec::len)
}

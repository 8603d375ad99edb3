//! Does a model order an access to an object and the plain write that makes the object, or frees it?

use lkmm_model::event::{Label, Mode};
use lkmm_model::graph::{EventId, Execution};
use lkmm_model::models::Model;

/// Does a model order two events of which one is the plain write that makes an object, or that frees it, and the other one an access to it?
pub(crate) fn orders(model: &Model, execution: &Execution, pair: (EventId, EventId)) -> bool {
    Safe::new(model, execution).orders(execution, pair)
}

/// What a model says of the order of accesses of which one is plain, and writes.
pub(crate) enum Safe {
    /// Of reads before writes; and of writes, in both their roles.
    Lkmm { rw_xbstar: Vec<(EventId, EventId)>, ww_vis: Vec<(EventId, EventId)>, wr_vis: Vec<(EventId, EventId)> },
    /// All that is communicated orders.
    Strong(Vec<(EventId, EventId)>),
}

impl Safe {
    pub(crate) fn new(model: &Model, execution: &Execution) -> Self {
        let relation = |name| model.relation(execution, name);
        match (relation("rw_xbstar"), relation("ww_vis"), relation("wr_vis")) {
            (Some(rw_xbstar), Some(ww_vis), Some(wr_vis)) => Safe::Lkmm { rw_xbstar, ww_vis, wr_vis },
            _ => Safe::Strong([&execution.po[..], &execution.rf, &execution.co].concat()),
        }
    }

    pub(crate) fn orders(&self, execution: &Execution, pair: (EventId, EventId)) -> bool {
        let [first, second] = [pair.0, pair.1].map(|event| execution.events[event as usize].label);
        let is_plain = |label| label == Label::Write(Mode::Plain);
        let is_read = |label: Label| {
            label.is_read() || label.is_lock_event() && !matches!(label, Label::LockWrite | Label::Unlock)
        };
        match self {
            Safe::Lkmm { rw_xbstar, .. } if is_read(first) => rw_xbstar.contains(&pair),
            Safe::Lkmm { wr_vis, .. } if is_read(second) => wr_vis.contains(&pair),
            Safe::Lkmm { rw_xbstar, ww_vis, wr_vis } => {
                ww_vis.contains(&pair)
                    && (!is_plain(second) || wr_vis.contains(&pair))
                    && (!is_plain(first) || rw_xbstar.contains(&pair))
            }
            Safe::Strong(edges) => {
                let mut reached = vec![pair.0];
                let mut at = 0;
                while let Some(&from) = reached.get(at) {
                    at += 1;
                    let next: Vec<EventId> = edges.iter().filter(|edge| edge.0 == from).map(|edge| edge.1).collect();
                    let fresh = next.into_iter().filter(|event| !reached.contains(event)).collect::<Vec<_>>();
                    reached.extend(fresh);
                }
                reached.contains(&pair.1)
            }
        }
    }
}

//! The explanation of a verdict, as JSON: see the table of the [module](super).

use crate::explain::{Named, Names, turned};
use crate::explanation::{Allowed, Explanation, Forbidden};
use crate::palette::Palette;
use crate::report::{Report, Test};
use crate::wording;
use lkmm_model::explain::{Edge, Form, Violation};
use lkmm_model::missing::Mend;
use serde::Serialize;

#[derive(Serialize)]
pub(super) struct Why {
    kind: &'static str,
    condition: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    coherent: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kinds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasons: Option<Vec<Reason>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequential: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<Vec<Orders>>,
}

#[derive(Serialize)]
struct Reason {
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<u64>,
    axiom: &'static str,
    form: &'static str,
    edges: Vec<Step>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    besides: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    from: Place,
    to: Place,
    relation: &'static str,
    inverse: bool,
    within: Vec<&'static str>,
    via: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    thread: Option<u32>,
    line: Option<usize>,
    text: String,
    effect: String,
}

#[derive(Serialize)]
struct Orders {
    orders: Vec<Order>,
    then: Option<Reason>,
}

#[derive(Serialize)]
struct Order {
    before: Place,
    after: Place,
    would: Vec<String>,
}

impl From<Named> for Place {
    fn from(named: Named) -> Place {
        Place { thread: named.thread, line: named.line, text: named.text, effect: named.effect }
    }
}

impl Why {
    pub(super) fn new(report: &Report) -> Option<Why> {
        let test = report.test.as_ref()?;
        match report.explanation.as_ref()? {
            Explanation::Forbidden(forbidden) => Some(Why::forbidden(report, test, forbidden)),
            Explanation::Allowed(allowed) => Why::allowed(report, test, allowed),
        }
    }

    fn forbidden(report: &Report, test: &Test, forbidden: &Forbidden) -> Why {
        let palette = Palette::plain();
        let reasons = forbidden.kinds.iter().map(|kind| {
            let names = Names::new(report, test, &kind.execution, &palette);
            Reason { candidates: Some(kind.candidates), ..Reason::new(&kind.violation, &names) }
        });
        Why {
            kind: if forbidden.candidates == 0 { "impossible" } else { "forbidden" },
            condition: if forbidden.satisfying { "satisfied" } else { "violated" },
            candidates: Some(forbidden.candidates),
            cut: forbidden.cut.clone(),
            coherent: Some(forbidden.coherent),
            kinds: Some(forbidden.all_kinds),
            reasons: Some(reasons.collect()),
            sequential: None,
            missing: None,
        }
    }

    fn allowed(report: &Report, test: &Test, allowed: &Allowed) -> Option<Why> {
        let palette = Palette::plain();
        let outcome = report.outcome()?;
        let execution = if allowed.satisfying { &outcome.witness } else { &outcome.counter_witness };
        let execution = execution.as_deref()?;
        let orders = |mend: &Mend| {
            let names = Names::new(report, test, execution, &palette);
            let place = |event: u32| names.of(event).place;
            let order = |missing: &lkmm_model::missing::Missing| Order {
                before: names.of(missing.ends.0).into(),
                after: names.of(missing.ends.1).into(),
                would: missing.changes.iter().map(|&change| wording::change(change, &place)).collect(),
            };
            let orders = mend.missing.iter().map(order).collect();
            let changed = Names::new(report, test, execution, &palette).changed(mend);
            Orders { orders, then: mend.violation.as_ref().map(|violation| Reason::new(violation, &changed)) }
        };
        Some(Why {
            kind: "allowed",
            condition: if allowed.satisfying { "satisfied" } else { "violated" },
            candidates: None,
            cut: allowed.cut.clone(),
            coherent: None,
            kinds: None,
            reasons: None,
            sequential: Some(allowed.sequential),
            missing: Some(allowed.mends.iter().map(orders).collect()),
        })
    }
}

impl Reason {
    fn new(violation: &Violation, names: &Names<'_>) -> Reason {
        let step = |edge: &Edge<'_>| Step {
            from: names.of(edge.from).into(),
            to: names.of(edge.to).into(),
            relation: edge.relation,
            inverse: edge.inverted,
            within: edge.within.clone(),
            via: edge.via.iter().map(|&event| names.of(event).into()).collect(),
        };
        Reason {
            candidates: None,
            axiom: violation.axiom,
            form: match violation.form {
                Form::Cycle => "cycle",
                Form::Between => "between",
                Form::Path => "path",
            },
            edges: turned(violation).iter().map(step).collect(),
            besides: violation.edges_besides().iter().map(step).collect(),
        }
    }
}

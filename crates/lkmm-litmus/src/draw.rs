//! Which executions of a test are drawn: the one that answers its question, one that ends in a given state, or all.
//!
//! An answer that nothing shows, for the model forbids it, is drawn as the candidate that it forbids by the shortest cycle. How pictures look is for
//! [`pictures`](lkmm_report::pictures).

use crate::check::{Settings, check};
use lkmm_model::explain::MAX_EVENTS;
use lkmm_model::graph::Execution;
use lkmm_model::models::Model;
use lkmm_model::program::Value;
use lkmm_report::explanation::Explanation;
use lkmm_report::pictures::{self, Drawn, Pairs};
use lkmm_report::{Answer, Dependencies, Problem, Quantifier, Report, States, Test, html};
use lkmm_search::{Options, executions};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;
use std::time::Instant;

/// Executions of one state that a page has, at most.
const EACH: u64 = 8;
/// Executions that a page has, at most, without those that are forbidden.
const MOST: usize = 64;
/// Pairs of a relation that the model derives, and of all of them, at most: of others there would be more arrows than paper.
const PAIRS: usize = 150;
const ALL_PAIRS: usize = 500;
/// Executions that are looked at for them, at most.
const LOOKED_AT: u64 = 1_000_000;

/// Which executions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one that answers the question: if it is allowed, one that satisfies the condition (of `forall`, one that does not); if none is, the
    /// forbidden candidate that would.
    Answer,
    /// The first one that ends in the final state of this number, from 1, in the order in which they are listed.
    State(usize),
    /// Some of each state, and the forbidden candidates.
    All,
}

/// Checks a test, and draws executions of it; relations that the model derives are drawn as well if they are named. `file` is how the report
/// calls it.
///
/// ```
/// use lkmm_litmus::{Settings, Which, draw};
///
/// let source = "C CoRR\n{}\nP0(int *x) { WRITE_ONCE(*x, 1); }\n\
///     P1(int *x) { int r1 = READ_ONCE(*x); int r2 = READ_ONCE(*x); }\nexists (1:r1=1 /\\ 1:r2=0)";
/// let settings = Settings::new(lkmm_model::models::lkmm());
/// let (_, album) = draw("CoRR.litmus", source, &settings, Which::Answer, &[]);
/// let diagram = &album?.pages[0].diagram;
/// let cycle: Vec<&str> = diagram.edges.iter().filter(|edge| edge.is_bold).map(|edge| &*edge.name).collect();
/// assert_eq!(cycle, ["rf", "fr", "po_loc"]);
/// # Ok::<(), lkmm_report::Problem>(())
/// ```
///
/// # Errors
/// What is wrong with the test, or why there is nothing to draw. The report comes with it.
pub fn draw(
    file: impl Into<String>,
    source: impl Into<String>,
    settings: &Settings,
    which: Which,
    relations: &[String],
) -> (Report, Result<html::Album, Problem>) {
    let start = Instant::now();
    let settings = Settings {
        verdict: which == Which::Answer,
        dependencies: Dependencies::Syntactic,
        explain: !matches!(which, Which::State(_)),
        ..settings.clone()
    };
    let report = check(file, source, &settings);
    let album = match (&report.test, &report.answer) {
        (Some(test), Answer::Executions(_) | Answer::Verdict(_)) => {
            Drawer { report: &report, test, settings: &settings, relations, start, left_out: RefCell::default() }
                .album(which)
        }
        (_, Answer::Timeout(message)) => Err(Problem::new(message.as_str())),
        (_, Answer::Error(problem)) => Err(problem.clone()),
        (None, _) => Err(Problem::new("not checked")),
    };
    (report, album)
}

struct Drawer<'a> {
    report: &'a Report,
    test: &'a Test,
    settings: &'a Settings,
    relations: &'a [String],
    start: Instant,
    /// Relations that were too large for some picture.
    left_out: RefCell<BTreeSet<&'static str>>,
}

impl Drawer<'_> {
    fn album(&self, which: Which) -> Result<html::Album, Problem> {
        let known: Vec<&str> = self.settings.model.definition().names.iter().map(|name| name.0).collect();
        if let Some(unknown) = self.relations.iter().find(|name| !known.contains(&name.as_str())) {
            let problem = Problem::new(format!("{} has no relation `{unknown}`", self.settings.model.name()));
            return Err(problem.with_help(format!("it has {}", known.join(", "))));
        }
        let mut album =
            html::Album { title: self.test.name.clone(), source: self.report.source.clone(), ..html::Album::default() };
        match which {
            Which::Answer => album.pages.push(self.page("the answer".into(), self.answer()?, false)),
            Which::State(number) => self.add_state(&mut album, number)?,
            Which::All => self.add_all(&mut album)?,
        }
        Ok(album)
    }

    fn page(&self, heading: String, drawn: Drawn, with_all: bool) -> html::Page {
        let (relations, left_out) = relations(self.settings.model, &drawn.execution, self.relations, with_all);
        self.left_out.borrow_mut().extend(left_out);
        let drawn = Drawn { relations, ..drawn };
        html::Page { heading, diagram: pictures::diagram(self.report, &drawn).unwrap_or_default() }
    }

    /// The execution that answers the question.
    fn answer(&self) -> Result<Drawn, Problem> {
        let satisfying = self.test.quantifier != Quantifier::Forall;
        let outcome = self.report.outcome();
        let execution =
            outcome.and_then(
                |outcome| {
                    if satisfying { outcome.witness.as_deref() } else { outcome.counter_witness.as_deref() }
                },
            );
        if let Some(execution) = execution {
            let mend = match &self.report.explanation {
                Some(Explanation::Allowed(allowed)) if allowed.satisfying == satisfying => {
                    allowed.mends.first().cloned()
                }
                _ => None,
            };
            return Ok(Drawn { execution: execution.clone(), mend, ..Drawn::default() });
        }
        self.forbidden().into_iter().next().ok_or_else(|| {
            let has_none = outcome.is_none_or(|outcome| outcome.positive + outcome.negative == 0);
            let (why, help) = if has_none {
                let why = "there is nothing to draw: no execution of this test completes, and no candidate answers its question";
                (why, "`lkmm check --explain` says more")
            } else {
                let why = "there is nothing to draw: no candidate execution answers the question of this test, whatever is ordered";
                (why, "draw another one with --state N, or all with -o FILE.html; `lkmm check --states` lists the final states")
            };
            Problem::new(why).with_help(help)
        })
    }

    /// The candidates that the model forbids, one for each kind of reason.
    fn forbidden(&self) -> Vec<Drawn> {
        let Some(Explanation::Forbidden(forbidden)) = &self.report.explanation else { return Vec::new() };
        let drawn = |kind: &lkmm_report::explanation::Kind| Drawn {
            execution: kind.execution.clone(),
            violation: Some(kind.violation.clone()),
            ..Drawn::default()
        };
        forbidden.kinds.iter().map(drawn).collect()
    }

    fn add_state(&self, album: &mut html::Album, number: usize) -> Result<(), Problem> {
        let Some(outcome) = self.report.executions() else { return Ok(()) };
        let states = States::new(self.test, outcome);
        let Some(state) = number.checked_sub(1).and_then(|at| states.iter().nth(at)) else {
            let problem = match states.len() {
                0 => Problem::new("no execution of this test completes, so it has no final states"),
                1 => Problem::new(format!("the test has one final state, and no state {number}")),
                many => Problem::new(format!("the test has {many} final states, and no state {number}")),
            };
            return Err(match states.len() {
                0 => problem.with_help("leave out --state to draw what would answer its question"),
                _ => problem.with_help("`lkmm check --states` lists them; they are numbered from 1"),
            });
        };
        let finals = state.values();
        let heading = format!("state {number} of {}: {state}", states.len());
        let mut found = None;
        self.search(&mut |execution| {
            if execution.finals != finals {
                return ControlFlow::Continue(());
            }
            found = Some(execution);
            ControlFlow::Break(())
        })?;
        let Some(execution) = found else { return Err(Problem::new("no execution ends in this state after all")) };
        album.pages.push(self.page(heading, Drawn { execution, ..Drawn::default() }, false));
        Ok(())
    }

    fn add_all(&self, album: &mut html::Album) -> Result<(), Problem> {
        let Some(outcome) = self.report.executions() else { return Ok(()) };
        let states = States::new(self.test, outcome);
        let mut kept: Vec<Vec<Execution>> = Vec::new();
        let mut numbers: HashMap<&[Value], usize> = HashMap::new();
        let rows: Vec<_> = states.iter().take(MOST).collect();
        // Of each state as many as there is room for; of the first one more, if there are too many states.
        let each = ((MOST / rows.len().max(1)) as u64).clamp(1, EACH);
        for state in &rows {
            numbers.insert(state.values(), kept.len());
            kept.push(Vec::new());
        }
        let mut missing: u64 = rows.iter().map(|state| state.executions.min(each)).sum();
        let mut looked_at = 0;
        self.search(&mut |execution| {
            looked_at += 1;
            let number = numbers.get(&execution.finals[..]);
            if let Some(own) = number.map(|&number| &mut kept[number]).filter(|own| (own.len() as u64) < each) {
                own.push(execution);
                missing -= 1;
            }
            if missing == 0 || looked_at == LOOKED_AT { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        let answer = self.answer().ok().map(|drawn| drawn.execution);
        let is_answer = |execution: &Execution| answer.as_ref() == Some(execution);
        for (number, (state, own)) in rows.iter().zip(kept).enumerate() {
            let all = own.len();
            for (at, execution) in own.into_iter().enumerate() {
                let of = if all > 1 { format!(" ({} of {all})", at + 1) } else { String::new() };
                let heading = format!("allowed, state {} of {}{of}: {state}", number + 1, states.len());
                if is_answer(&execution) {
                    album.start = album.pages.len();
                }
                album.pages.push(self.page(heading, Drawn { execution, ..Drawn::default() }, true));
            }
        }
        let shown = album.pages.len() as u64;
        let of = outcome.positive + outcome.negative;
        if shown < of {
            album.notes.push(format!("{shown} of {of} executions are drawn, up to {each} of a state."));
        }
        if states.len() > rows.len() {
            album.notes.push(format!("Of {} final states, the first {} are drawn.", states.len(), rows.len()));
        }
        self.add_forbidden(album, &is_answer);
        let left_out: Vec<&str> = self.left_out.borrow().iter().copied().collect();
        if !left_out.is_empty() {
            album.notes.push(format!("Left out, where they have too many pairs: {}.", left_out.join(", ")));
        }
        if album.pages.is_empty() {
            return self.answer().map(|_| ());
        }
        Ok(())
    }

    fn add_forbidden(&self, album: &mut html::Album, is_answer: &dyn Fn(&Execution) -> bool) {
        for drawn in self.forbidden() {
            let axiom = drawn.violation.as_ref().map_or("", |violation| violation.axiom);
            let state = pictures::state(self.test, &drawn.execution.finals);
            if is_answer(&drawn.execution) {
                album.start = album.pages.len();
            }
            album.pages.push(self.page(format!("forbidden by {axiom}: {state}"), drawn, true));
        }
        if let Some(Explanation::Forbidden(forbidden)) = &self.report.explanation {
            let (kinds, all) = (forbidden.kinds.len() as u64, forbidden.all_kinds);
            if forbidden.candidates > kinds {
                let kinds = if kinds < all {
                    format!("the first {kinds} of {all} kinds of reasons")
                } else {
                    "each kind of reason".into()
                };
                album
                    .notes
                    .push(format!("Of {} forbidden candidates, one is drawn for {kinds}.", forbidden.candidates));
            }
        }
    }

    /// Looks at the executions that the model allows.
    fn search(&self, visit: &mut dyn FnMut(Execution) -> ControlFlow<()>) -> Result<(), Problem> {
        let left = self.settings.timeout.map(|limit| limit.saturating_sub(self.start.elapsed()));
        let options = Options { deadline: left, memory: self.settings.memory, ..Options::new(self.settings.model) };
        executions(&self.test.program, &options, visit).map_err(|error| Problem::new(error.to_string()))
    }
}

/// The relations of a model that are drawn: its atoms, those that are named, or all; and those that are too large for that.
fn relations(
    model: &'static Model,
    execution: &Execution,
    named: &[String],
    with_all: bool,
) -> (Vec<Pairs>, Vec<&'static str>) {
    let definition = model.definition();
    if execution.events.len() > MAX_EVENTS {
        return (Vec::new(), definition.names.iter().map(|name| name.0).collect());
    }
    let is_named = |name: &str| named.iter().any(|wanted| wanted == name);
    let is_atom =
        |name: &str| definition.names.iter().any(|&(own, node)| own == name && definition.atoms.contains(&node));
    let (mut kept, mut left_out, mut room) = (Vec::new(), Vec::new(), ALL_PAIRS);
    for (name, pairs) in model.relations(execution, &|name| with_all || is_atom(name) || is_named(name)) {
        let (is_atom, is_wanted) = (is_atom(name), is_named(name));
        if !is_atom && !is_wanted {
            if pairs.len() > PAIRS.min(room) {
                left_out.push(name);
                continue;
            }
            room -= pairs.len();
        }
        kept.push(Pairs { name, is_atom, is_wanted, pairs });
    }
    (kept, left_out)
}

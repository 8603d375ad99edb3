//! Orderings that a test does not need.
//!
//! Each ordering is relaxed by itself first: as far as the verdict, and whether there is a data race, stay what they are. Then as many as possible are relaxed
//! together: one after the other, the most expensive first, each as far as those before it leave it. To relax one more can only add executions
//! and races, so that what could not be relaxed once cannot be later, and nothing that is left can be relaxed by itself.

use super::candidates::ordering_cost;
use super::edit::{self, Edit, apply};
use super::oracle::{Answer, Oracle, Read, Stop};
use super::orders::same_accesses;
use super::{Kind, Step, has_race, problem};
use crate::Settings;
use crate::ast::Ordering;
use crate::sites::{self, Access, FenceSite, Side, Sites};
use lkmm_model::cost::{Architecture, Ordered};
use lkmm_model::event::Fence;
use lkmm_report::{Problem, Quantifier};
use lkmm_search::Verdict;

/// An ordering that can be relaxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakening {
    /// The change.
    pub step: Step,
    /// The source with it.
    pub source: String,
}

/// What came of [`weaken`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakened {
    /// The test's name.
    pub name: String,
    /// How the test asks for its condition.
    pub quantifier: Quantifier,
    /// The verdict, which stays.
    pub verdict: Verdict,
    /// Has the test a data race?
    pub race: bool,
    /// Was a loop cut, so that the verdict is that of fewer turns?
    pub truncated: bool,
    /// How many orderings there are that can be written in a weaker way.
    pub orderings: usize,
    /// What can be relaxed by itself, in the order of the text; of each place, the weakest.
    pub each: Vec<Weakening>,
    /// What can be relaxed together, in the order of the text.
    pub together: Vec<Step>,
    /// The source with all of that.
    pub source: String,
    /// Did the budget suffice? If not, more may be possible.
    pub complete: bool,
}

/// An ordering, and what it may become.
struct Place<'a> {
    site: Site<'a>,
    /// What it costs now.
    cost: u32,
    /// The weakest first; none is weaker than one before it.
    weaker: Vec<Weaker>,
}

enum Site<'a> {
    Access(&'a Access),
    Fence(&'a FenceSite),
}

struct Weaker {
    edits: Vec<Edit>,
    saves: u32,
    /// Is it the weakest of all? Otherwise the others are not weaker than it.
    weakest: bool,
}

/// Looks for orderings of a test that can be relaxed while its verdict stays: acquires, releases, fully ordered read-modify-writes and fences. Locks,
/// RCU and dependencies are left alone.
///
/// ```
/// use lkmm_litmus::repair::weaken;
/// use lkmm_litmus::Settings;
/// use lkmm_model::cost::Architecture;
///
/// let source = "C MP\n{}\nP0(int *x, int *y) { WRITE_ONCE(*x, 1); smp_mb(); smp_store_release(y, 1); }
/// P1(int *x, int *y) { int r0 = smp_load_acquire(y); int r1 = READ_ONCE(*x); }\nexists (1:r0=1 /\\ 1:r1=0)";
/// let found = weaken(source, &Settings::new(lkmm_model::models::lkmm()), Architecture::Aarch64)?;
/// // The fence or the release can go, and the fence costs more.
/// assert_eq!((found.each.len(), found.together.len()), (2, 1));
/// assert!(found.source.contains("WRITE_ONCE(*x, 1); smp_store_release(y, 1);"));
/// # Ok::<(), lkmm_report::Problem>(())
/// ```
///
/// # Errors
/// What is wrong with the test, or that the budget ran out before its verdict was known.
pub fn weaken(source: &str, settings: &Settings, arch: Architecture) -> Result<Weakened, Problem> {
    let mut oracle = Oracle::new(settings);
    let spent = |stop| problem(stop, settings);
    let read = oracle.read(source).map_err(spent)?;
    let now = oracle.answer(&read, true, settings.model).map_err(spent)?;
    let mut places = places(source, &read.sites, arch, &oracle);
    let mut found = Weakened {
        name: read.test.name.clone(),
        quantifier: read.test.quantifier,
        verdict: now.verdict,
        race: has_race(&now),
        truncated: now.truncated,
        orderings: places.len(),
        each: Vec::new(),
        together: Vec::new(),
        source: source.to_string(),
        complete: true,
    };
    let mut search = Search { source, oracle, read: &read, now, settings };
    if search.run(&mut places, &mut found).is_none() {
        found.complete = false;
    }
    found.each.sort_by_key(|weakening| weakening.step.span.start);
    found.together.sort_by_key(|step| step.span.start);
    Ok(found)
}

struct Search<'a> {
    source: &'a str,
    oracle: Oracle<'a>,
    read: &'a Read,
    now: Answer,
    settings: &'a Settings,
}

impl Search<'_> {
    /// Looks for all; `None` if the budget runs out.
    fn run(&mut self, places: &mut [Place<'_>], found: &mut Weakened) -> Option<()> {
        for place in places.iter() {
            for weaker in &place.weaker {
                let text = apply(self.source, &weaker.edits);
                if self.stays(&text)? {
                    found.each.push(Weakening { step: self.step(place, weaker), source: text });
                    if weaker.weakest {
                        break;
                    }
                }
            }
        }
        places.sort_by_key(|place| std::cmp::Reverse(place.cost));
        let mut edits: Vec<Edit> = Vec::new();
        for place in places.iter() {
            for weaker in &place.weaker {
                let all = [&edits[..], &weaker.edits].concat();
                let text = apply(self.source, &all);
                if self.stays(&text)? {
                    edits = all;
                    found.together.push(self.step(place, weaker));
                    found.source = text;
                    break;
                }
            }
        }
        Some(())
    }

    /// Are the verdict, and what the model complains of, the same?
    fn stays(&mut self, text: &str) -> Option<bool> {
        let read = match self.oracle.read(text) {
            Ok(read) => read,
            Err(Stop::Problem(_)) => return Some(false),
            Err(Stop::Spent) => return None,
        };
        // (A change of the text that is read as something else is none.)
        let (old, new) = (&self.read.test.program.threads, &read.test.program.threads);
        if !old.iter().zip(new).all(|(old, new)| same_accesses(old, new)) {
            return Some(false);
        }
        match self.oracle.answer(&read, true, self.settings.model) {
            Ok(answer) => Some(answer.verdict == self.now.verdict && answer.flags == self.now.flags),
            Err(Stop::Problem(_)) => Some(false),
            Err(Stop::Spent) => None,
        }
    }

    fn step(&self, place: &Place<'_>, weaker: &Weaker) -> Step {
        let (kind, process, span) = match place.site {
            Site::Access(access) => (Kind::Ordering, access.process, access.span.clone()),
            Site::Fence(fence) => (Kind::WeakerFence, fence.process, fence.span.clone()),
        };
        let before = self.source[span.clone()].to_string();
        // (A fence that goes takes its line with it.)
        let goes = weaker.edits.iter().any(|edit| edit.text.is_empty() && edit.span.end >= span.end);
        let goes = goes && kind == Kind::WeakerFence;
        let after = if goes { String::new() } else { edit::apply_within(self.source, &span, &weaker.edits) };
        Step { kind, process, span, before, after, cost: weaker.saves, edits: weaker.edits.clone() }
    }
}

/// The orderings of a test that can be written in a weaker way.
fn places<'a>(source: &str, sites: &'a Sites, arch: Architecture, oracle: &Oracle<'_>) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    for access in &sites.accesses {
        let cost = ordering_cost(arch, access.kind, access.ordering);
        let weaker = |&to: &Ordering| {
            let edits = edit::order(source, access, to)?;
            let saves = cost.saturating_sub(ordering_cost(arch, access.kind, to));
            Some(Weaker { edits, saves, weakest: to == Ordering::Relaxed })
        };
        let weaker: Vec<Weaker> = below(access).iter().filter_map(weaker).collect();
        places.push(Place { site: Site::Access(access), cost, weaker });
    }
    for site in &sites.fences {
        let rank = |fence| arch.cost(Ordered::Fence(fence)).0;
        let halves: &[Fence] = match site.fence {
            Fence::Mb => &[Fence::Wmb, Fence::Rmb],
            Fence::Rmb
            | Fence::Wmb
            | Fence::Barrier
            | Fence::BeforeAtomic
            | Fence::AfterAtomic
            | Fence::AfterSpinlock
            | Fence::AfterUnlockLock
            | Fence::AfterSrcuReadUnlock => &[],
            Fence::RcuLock | Fence::RcuUnlock | Fence::SyncRcu => continue,
        };
        let cost = rank(site.fence);
        let mut gone = edit::weaken_fence(source, site, None);
        // (C has no empty block; and the statement behind a branch without braces would take the place of what goes.)
        let is_branch = sites.gaps.iter().any(|gap| gap.statement == site.span && gap.side == Side::InBraces);
        if is_branch || oracle.read(&apply(source, std::slice::from_ref(&gone))).is_err() {
            if site.fence == Fence::Barrier {
                continue;
            }
            gone = edit::weaken_fence(source, site, Some(Fence::Barrier));
        }
        let mut weaker = vec![Weaker { edits: vec![gone], saves: cost, weakest: true }];
        weaker.extend(halves.iter().map(|&to| Weaker {
            edits: vec![edit::weaken_fence(source, site, Some(to))],
            saves: cost.saturating_sub(rank(to)),
            weakest: false,
        }));
        places.push(Place { site: Site::Fence(site), cost, weaker });
    }
    places.retain(|place| !place.weaker.is_empty());
    places
}

/// What an access may become that is weaker, the weakest first.
fn below(access: &Access) -> &'static [Ordering] {
    match (access.kind, access.ordering) {
        (_, Ordering::Relaxed) => &[],
        (sites::Kind::Rmw, Ordering::Full) => &[Ordering::Relaxed, Ordering::Acquire, Ordering::Release],
        _ => &[Ordering::Relaxed],
    }
}

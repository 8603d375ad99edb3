//! All the least sets of strengthenings that are enough.
//!
//! Strengthenings are partly ordered: a full fence orders all that a fence for writes at the same place does. What is looked for
//! are sets that are closed downwards in this order, so that a stronger strengthening counts as a superset of the weaker ones. Whether a
//! set is enough is asked of an oracle, which must be monotone: what is stronger than something that is enough is enough.
//!
//! The search is that for minimal hitting sets by counterexamples (Reiter's, with implicit sets, as MARCO does for minimal unsatisfiable
//! subsets). A set that is not enough is grown until nothing can be added; every set that is enough has something that the grown set lacks.
//! The candidates are the minimal sets that meet this demand for all grown sets so far. A candidate that is enough is minimal,
//! for each smaller set lies within a grown one. When all candidates are enough, there are no others. The cheapest
//! candidate is asked about first.

/// A set of strengthenings, by their numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Bits(Vec<u64>);

impl Bits {
    fn empty(count: usize) -> Bits {
        Bits(vec![0; count.div_ceil(64)])
    }

    fn has(&self, n: usize) -> bool {
        self.0[n / 64] >> (n % 64) & 1 == 1
    }

    fn add(&mut self, n: usize) {
        self.0[n / 64] |= 1 << (n % 64);
    }

    fn join(&self, other: &Bits) -> Bits {
        Bits(self.0.iter().zip(&other.0).map(|(a, b)| a | b).collect())
    }

    fn is_within(&self, other: &Bits) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & !b == 0)
    }
}

/// A partial order of strengthenings, which are numbers from 0.
#[derive(Clone, Debug)]
pub struct Order {
    /// Of each, what is not stronger, itself included.
    below: Vec<Bits>,
}

impl Order {
    /// The order of so many strengthenings, by whether the first of two is weaker than the second one, and another.
    /// (The relation must be transitive, and never hold both ways.)
    pub fn new(count: usize, is_weaker: impl Fn(usize, usize) -> bool) -> Order {
        let of = |n: usize| {
            let mut bits = Bits::empty(count);
            (0..count).filter(|&m| m == n || is_weaker(m, n)).for_each(|m| bits.add(m));
            bits
        };
        Order { below: (0..count).map(of).collect() }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.below.len()
    }

    /// Is a set at most as strong as another one?
    pub fn is_at_most(&self, weaker: &[usize], stronger: &[usize]) -> bool {
        weaker.iter().all(|&w| stronger.iter().any(|&s| self.below[s].has(w)))
    }

    /// The strongest of a set that is closed downwards.
    fn top(&self, set: &Bits) -> Vec<usize> {
        let members: Vec<usize> = (0..self.count()).filter(|&n| set.has(n)).collect();
        let is_top = |&&n: &&usize| members.iter().all(|&m| m == n || !self.below[m].has(n));
        members.iter().filter(is_top).copied().collect()
    }

    /// Is everything that is weaker than it in a set?
    fn may_be_added(&self, n: usize, set: &Bits) -> bool {
        let mut with = set.clone();
        with.add(n);
        !set.has(n) && self.below[n].is_within(&with)
    }
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Minimal {
    /// The least sets, the cheapest first; of each the strongest members. None, if all strengthenings together are not enough.
    pub sets: Vec<Vec<usize>>,
    /// Are these all? Not if the oracle gave up, or if there were more candidates than are kept.
    pub complete: bool,
}

/// What a candidate is.
enum Answer {
    /// Not enough.
    Lacks,
    /// Enough, and nothing less is.
    Enough,
    /// More than enough.
    IsMore,
}

struct Candidate {
    set: Bits,
    cost: u64,
    is_enough: bool,
}

/// All least sets of strengthenings that are enough. At a time, so many candidates are kept; where there are more, the cheapest of them.
///
/// The oracle gets the strongest members of a set, and says whether it is enough, or `None` to give up. What has been found
/// by then is minimal all the same.
///
/// ```
/// use lkmm_model::minimal::{Order, minimal_sets};
///
/// // 0 and 1 are weaker than 2; 3 is a place of its own. Enough is 0 with 3, and whatever is stronger.
/// let order = Order::new(4, |a, b| a < 2 && b == 2);
/// let enough = |set: &[usize]| Some((set.contains(&0) || set.contains(&2)) && set.contains(&3));
/// let found = minimal_sets(&order, |set| set.len() as u64, enough, 100);
/// assert_eq!((found.sets, found.complete), (vec![vec![0, 3]], true));
/// ```
pub fn minimal_sets(
    order: &Order,
    cost: impl Fn(&[usize]) -> u64,
    mut is_enough: impl FnMut(&[usize]) -> Option<bool>,
    most: usize,
) -> Minimal {
    let count = order.count();
    let mut all = Bits::empty(count);
    (0..count).for_each(|n| all.add(n));
    match is_enough(&order.top(&all)) {
        None => return Minimal::default(),
        Some(false) => return Minimal { sets: Vec::new(), complete: true },
        Some(true) => {}
    }
    // What is weaker comes first.
    let mut linear: Vec<usize> = (0..count).collect();
    let weaker = |n: usize| (0..count).filter(|&m| order.below[n].has(m)).count();
    linear.sort_by_key(|&n| weaker(n));
    let candidate = |set: Bits| Candidate { cost: cost(&order.top(&set)), set, is_enough: false };
    let mut candidates = vec![candidate(Bits::empty(count))];
    let mut complete = true;
    while let Some(next) =
        (0..candidates.len()).filter(|&n| !candidates[n].is_enough).min_by_key(|&n| candidates[n].cost)
    {
        // (Of candidates that were given up, one may have been smaller.)
        let answer = match is_enough(&order.top(&candidates[next].set)) {
            Some(true) if !complete => is_least(order, &candidates[next].set, &mut is_enough),
            Some(true) => Some(Answer::Enough),
            Some(false) => Some(Answer::Lacks),
            None => None,
        };
        match answer {
            None => {
                complete = false;
                break;
            }
            Some(Answer::Enough) => candidates[next].is_enough = true,
            Some(Answer::IsMore) => drop(candidates.swap_remove(next)),
            Some(Answer::Lacks) => {
                let Some(grown) = grow(order, &linear, candidates[next].set.clone(), &mut is_enough) else {
                    complete = false;
                    break;
                };
                let lacking: Vec<usize> = (0..count).filter(|&n| order.may_be_added(n, &grown)).collect();
                let (kept, missed): (Vec<_>, Vec<_>) =
                    candidates.into_iter().partition(|candidate| !candidate.set.is_within(&grown));
                candidates = kept;
                extend(order, &mut candidates, &missed, &lacking, &candidate);
                if candidates.len() > most {
                    candidates.sort_by_key(|candidate| (!candidate.is_enough, candidate.cost));
                    candidates.truncate(most);
                    complete = false;
                }
            }
        }
    }
    let mut found: Vec<Candidate> = candidates.into_iter().filter(|candidate| candidate.is_enough).collect();
    let mut sets: Vec<(u64, Vec<usize>)> = found.drain(..).map(|found| (found.cost, order.top(&found.set))).collect();
    sets.sort_by(|a, b| (a.0, a.1.len(), &a.1).cmp(&(b.0, b.1.len(), &b.1)));
    Minimal { sets: sets.into_iter().map(|(_, set)| set).collect(), complete }
}

/// Is a set that is enough a least one?
fn is_least(order: &Order, set: &Bits, is_enough: &mut impl FnMut(&[usize]) -> Option<bool>) -> Option<Answer> {
    for n in order.top(set) {
        let mut less = set.clone();
        less.0[n / 64] &= !(1 << (n % 64));
        if is_enough(&order.top(&less))? {
            return Some(Answer::IsMore);
        }
    }
    Some(Answer::Enough)
}

/// A greatest set around one, that is not enough.
fn grow(
    order: &Order,
    linear: &[usize],
    mut set: Bits,
    is_enough: &mut impl FnMut(&[usize]) -> Option<bool>,
) -> Option<Bits> {
    for &n in linear {
        if order.may_be_added(n, &set) {
            let mut with = set.clone();
            with.add(n);
            if !is_enough(&order.top(&with))? {
                set = with;
            }
        }
    }
    Some(set)
}

/// Extends the candidates that lack something by each of the least things that do, and keeps those that are minimal.
fn extend(
    order: &Order,
    candidates: &mut Vec<Candidate>,
    missed: &[Candidate],
    lacking: &[usize],
    candidate: &impl Fn(Bits) -> Candidate,
) {
    let mut extended: Vec<Bits> = Vec::new();
    for missed in missed {
        for &n in lacking {
            let set = missed.set.join(&order.below[n]);
            let is_larger = candidates.iter().any(|kept| kept.set.is_within(&set))
                || extended.iter().any(|other| other.is_within(&set));
            if !is_larger {
                extended.retain(|other| !set.is_within(other));
                extended.push(set);
            }
        }
    }
    candidates.extend(extended.into_iter().map(candidate));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All least sets, by trying every set that is closed downwards.
    fn by_force(order: &Order, is_enough: &dyn Fn(&[usize]) -> bool) -> Vec<Vec<usize>> {
        let count = order.count();
        let sets = (0u64..1 << count).map(|bits| Bits(vec![bits]));
        let closed = |set: &Bits| (0..count).all(|n| !set.has(n) || order.below[n].is_within(set));
        let enough: Vec<Bits> = sets.filter(|set| closed(set) && is_enough(&order.top(set))).collect();
        let least = enough.iter().filter(|set| !enough.iter().any(|other| other != *set && other.is_within(set)));
        let mut sets: Vec<Vec<usize>> = least.map(|set| order.top(set)).collect();
        sets.sort();
        sets
    }

    #[test]
    fn all_least_sets_are_found() {
        // Demands by a simple generator: a set is enough if it has something at least as strong as a member of each demand.
        let mut seed = 1u64;
        let mut random = move |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) % below
        };
        for _ in 0..300 {
            let count = 1 + random(8) as usize;
            // Triples: two weaker ones below a stronger one.
            let order = Order::new(count, |a, b| b % 3 == 2 && (a == b - 1 || a == b - 2));
            let demands: Vec<u64> = (0..random(5)).map(|_| random(1 << count)).collect();
            let enough = |set: &[usize]| {
                let strong = |demand: &u64| {
                    (0..count).filter(|n| demand >> n & 1 == 1).any(|n| set.iter().any(|&m| order.below[m].has(n)))
                };
                demands.iter().all(strong)
            };
            let found = minimal_sets(&order, |set| set.len() as u64, |set| Some(enough(set)), 1000);
            assert!(found.complete);
            let mut sets = found.sets.clone();
            sets.sort();
            assert_eq!(sets, by_force(&order, &enough));
            assert!(found.sets.windows(2).all(|pair| pair[0].len() <= pair[1].len()), "the cheapest first");
        }
    }

    #[test]
    fn what_is_found_among_few_candidates_is_minimal() {
        // One of three in each of five places: 243 least sets.
        let order = Order::new(15, |_, _| false);
        let enough = |set: &[usize]| Some((0..5).all(|place| set.iter().any(|n| n / 3 == place)));
        let cost = |set: &[usize]| set.iter().map(|&n| 1 + n as u64 % 3).sum();
        let all = minimal_sets(&order, cost, enough, 1000);
        assert_eq!((all.sets.len(), all.complete), (243, true));
        let some = minimal_sets(&order, cost, enough, 20);
        assert!(!some.complete && !some.sets.is_empty());
        assert!(some.sets.iter().all(|set| all.sets.contains(set)));
        assert_eq!(some.sets[0], [0, 3, 6, 9, 12]);
    }

    #[test]
    fn what_is_found_before_the_oracle_gives_up_is_minimal() {
        let order = Order::new(6, |_, _| false);
        let mut asked = 0;
        let found = minimal_sets(
            &order,
            |set| set.iter().map(|&n| 1 + n as u64).sum(),
            |set| {
                asked += 1;
                (asked < 12).then_some(!set.is_empty())
            },
            1000,
        );
        assert!(!found.complete && !found.sets.is_empty());
        assert!(found.sets.iter().all(|set| set.len() == 1));
    }
}

//! Relations between events, as bit matrices: row `i` is the set of the successors of event `i`.
//!
//! A relation is a slice of rows, so that the evaluator can keep all of its relations in one allocation. The functions
//! here write into a destination that the caller provides and allocate nothing.
//!
//! ```
//! use lkmm_model::event_set::EventSet;
//! use lkmm_model::relation;
//!
//! // 0 → 1 → 2, and its closure.
//! let mut path = [EventSet::<1>::EMPTY; 3];
//! path[0].insert(1);
//! path[1].insert(2);
//! let all = EventSet::below(3);
//! let mut order = Vec::with_capacity(3);
//! assert!(relation::topological_order(&path, all, &mut order));
//! assert_eq!(order, [2, 1, 0]);
//! let mut closure = [EventSet::EMPTY; 3];
//! relation::closure(&mut closure, &path, all, all, Some(&order));
//! assert_eq!(closure[0].iter().collect::<Vec<_>>(), [1, 2]);
//! ```

use crate::event_set::EventSet;

/// The rows of a relation.
pub type Rows<const W: usize> = [EventSet<W>];

/// The events that have a successor.
pub fn domain<const W: usize>(r: &Rows<W>) -> EventSet<W> {
    (0..r.len()).filter(|&i| !r[i].is_empty()).collect()
}

/// The events that are a successor.
pub fn range<const W: usize>(r: &Rows<W>) -> EventSet<W> {
    r.iter().fold(EventSet::EMPTY, |acc, &row| acc | row)
}

/// `dst = a ; b`, for the given rows of `dst`.
#[inline]
pub fn sequence<const W: usize>(dst: &mut Rows<W>, a: &Rows<W>, b: &Rows<W>, rows: EventSet<W>) {
    for i in rows.iter() {
        let mut row = EventSet::EMPTY;
        for k in a[i].iter() {
            row |= b[k];
        }
        dst[i] = row;
    }
}

/// `dst = a^-1 ; b`. Rows of `dst` outside of `rows` are left alone.
pub fn inverse_sequence<const W: usize>(dst: &mut Rows<W>, a: &Rows<W>, b: &Rows<W>, rows: EventSet<W>) {
    for i in rows.iter() {
        dst[i] = EventSet::EMPTY;
    }
    for (&a, &b) in a.iter().zip(b) {
        for i in (a & rows).iter() {
            dst[i] |= b;
        }
    }
}

/// `dst = a^-1`, for the given rows of `dst`.
pub fn inverse<const W: usize>(dst: &mut Rows<W>, a: &Rows<W>, rows: EventSet<W>) {
    for i in rows.iter() {
        dst[i] = EventSet::EMPTY;
    }
    for (k, &a) in a.iter().enumerate() {
        for i in (a & rows).iter() {
            dst[i].insert(k);
        }
    }
}

/// `dst = a+`, the transitive closure, for rows that include the domain of `a`.
///
/// `inner` holds at least the events that are in both the domain and the range, and `order` lists them successors first,
/// as [`topological_order`] does; without an order (there is a cycle) this is Warshall's algorithm (J. ACM 9(1), 1962).
pub fn closure<const W: usize>(
    dst: &mut Rows<W>,
    a: &Rows<W>,
    rows: EventSet<W>,
    inner: EventSet<W>,
    order: Option<&[u16]>,
) {
    let Some(order) = order else {
        for i in rows.iter() {
            dst[i] = a[i];
        }
        for k in inner.iter() {
            let through = dst[k];
            for i in rows.iter() {
                if dst[i].contains(k) {
                    dst[i] |= through;
                }
            }
        }
        return;
    };
    let through = |dst: &Rows<W>, i: usize| (a[i] & inner).iter().fold(a[i], |row, k| row | dst[k]);
    for &i in order {
        dst[usize::from(i)] = through(dst, usize::from(i));
    }
    for i in (rows - inner).iter() {
        dst[i] = through(dst, i);
    }
}

/// Lists the given rows so that successors come before predecessors. False if there is a cycle among them.
///
/// `order` is allocated only if it has not the capacity for all of them.
pub fn topological_order<const W: usize>(a: &Rows<W>, rows: EventSet<W>, order: &mut Vec<u16>) -> bool {
    order.clear();
    let mut unvisited = rows;
    let mut open = EventSet::EMPTY;
    // Each open event waits, in `stack`, for its first unvisited successor; there are at most as many as events.
    let mut stack = [[0; 64]; W];
    let stack: &mut [u16] = stack.as_flattened_mut();
    while let Some(root) = unvisited.first() {
        let mut depth = 0;
        let mut at = root;
        unvisited.remove(at);
        open.insert(at);
        loop {
            if a[at].meets(&open) {
                return false;
            }
            if let Some(next) = (a[at] & unvisited).first() {
                stack[depth] = at as u16;
                depth += 1;
                at = next;
                unvisited.remove(at);
                open.insert(at);
            } else {
                open.remove(at);
                order.push(at as u16);
                if depth == 0 {
                    break;
                }
                depth -= 1;
                at = usize::from(stack[depth]);
            }
        }
    }
    true
}

/// Is there no event that is related to itself?
pub fn is_irreflexive<const W: usize>(a: &Rows<W>, rows: EventSet<W>) -> bool {
    rows.iter().all(|i| !a[i].contains(i))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize, pairs: &[(usize, usize)]) -> Vec<EventSet<2>> {
        let mut r = vec![EventSet::EMPTY; n];
        for &(a, b) in pairs {
            r[a].insert(b);
        }
        r
    }

    #[test]
    fn the_closure_is_the_same_with_and_without_a_cycle() {
        let all = EventSet::below(100);
        let mut order = Vec::new();
        let path: Vec<_> = (0..99).map(|i| (i, i + 1)).collect();
        let mut dst = rows(100, &[]);
        let path = rows(100, &path);
        assert!(topological_order(&path, all, &mut order));
        closure(&mut dst, &path, all, all, Some(&order));
        assert!((0..100).all(|i| dst[i].len() == 99 - i));
        let ring: Vec<_> = (0..100).map(|i| (i, (i + 1) % 100)).collect();
        let ring = rows(100, &ring);
        assert!(!topological_order(&ring, all, &mut order));
        closure(&mut dst, &ring, all, all, None);
        assert!((0..100).all(|i| dst[i].len() == 100));
    }

    #[test]
    fn composition_and_inverse() {
        let all = EventSet::below(5);
        let a = rows(5, &[(0, 1), (0, 2), (3, 4)]);
        let b = rows(5, &[(1, 3), (2, 4), (4, 0)]);
        let mut dst = rows(5, &[]);
        sequence(&mut dst, &a, &b, all);
        assert_eq!(dst, rows(5, &[(0, 3), (0, 4), (3, 0)]));
        inverse_sequence(&mut dst, &a, &a, all);
        assert_eq!(dst, rows(5, &[(1, 1), (1, 2), (2, 1), (2, 2), (4, 4)]));
    }
}

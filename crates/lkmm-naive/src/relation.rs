//! Sets and relations as matrices of bits, one word a row: at most 128 events.
//!
//! Just enough algebra to write the model down. It shares nothing with the relations of `lkmm-model`, so that a mistake
//! in either shows.

use std::ops::{BitAnd, BitOr, Sub};

/// The number of events that can be represented.
pub(crate) const MAX_EVENTS: usize = 128;

/// A set of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Set {
    len: usize,
    bits: u128,
}

impl Set {
    pub(crate) fn new(len: usize, member: impl Fn(usize) -> bool) -> Set {
        assert!(len <= MAX_EVENTS, "{len} events; the naive model represents {MAX_EVENTS}");
        Set { len, bits: (0..len).filter(|&e| member(e)).fold(0, |bits, e| bits | 1 << e) }
    }

    pub(crate) fn contains(self, e: usize) -> bool {
        self.bits >> e & 1 == 1
    }

    pub(crate) fn is_empty(self) -> bool {
        self.bits == 0
    }

    /// `~S`
    pub(crate) fn not(self) -> Set {
        Set::new(self.len, |e| !self.contains(e))
    }

    /// `[S]`
    pub(crate) fn id(self) -> Relation {
        self.times(self) & &Relation::identity(self.len)
    }

    /// `S * T`
    pub(crate) fn times(self, other: Set) -> Relation {
        Relation { rows: (0..self.len).map(|e| if self.contains(e) { other.bits } else { 0 }).collect() }
    }
}

impl BitOr for Set {
    type Output = Set;
    fn bitor(self, other: Set) -> Set {
        Set { len: self.len, bits: self.bits | other.bits }
    }
}

impl BitAnd for Set {
    type Output = Set;
    fn bitand(self, other: Set) -> Set {
        Set { len: self.len, bits: self.bits & other.bits }
    }
}

impl Sub for Set {
    type Output = Set;
    fn sub(self, other: Set) -> Set {
        Set { len: self.len, bits: self.bits & !other.bits }
    }
}

/// A relation over events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    rows: Vec<u128>,
}

impl Relation {
    pub(crate) fn empty(len: usize) -> Relation {
        Relation { rows: vec![0; len] }
    }

    pub(crate) fn identity(len: usize) -> Relation {
        Relation { rows: (0..len).map(|e| 1 << e).collect() }
    }

    pub(crate) fn from_pairs(len: usize, pairs: &[(u32, u32)]) -> Relation {
        let mut relation = Relation::empty(len);
        for &(a, b) in pairs {
            relation.rows[a as usize] |= 1 << b;
        }
        relation
    }

    pub(crate) fn new(len: usize, related: impl Fn(usize, usize) -> bool) -> Relation {
        Relation { rows: (0..len).map(|a| Set::new(len, |b| related(a, b)).bits).collect() }
    }

    pub(crate) fn contains(&self, a: usize, b: usize) -> bool {
        self.rows[a] >> b & 1 == 1
    }

    pub(crate) fn pairs(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        self.rows.iter().enumerate().flat_map(|(a, &row)| members(row).map(move |b| (a as u32, b as u32)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.iter().all(|&row| row == 0)
    }

    /// `r^-1`
    pub(crate) fn inverse(&self) -> Relation {
        let mut inverse = Relation::empty(self.rows.len());
        for (a, b) in self.pairs() {
            inverse.rows[b as usize] |= 1 << a;
        }
        inverse
    }

    /// `r?`
    pub(crate) fn optional(&self) -> Relation {
        self | &Relation::identity(self.rows.len())
    }

    /// `r+`
    pub(crate) fn plus(&self) -> Relation {
        let mut closure = self.clone();
        loop {
            let next = &closure | &closure.then(self);
            if next == closure {
                return closure;
            }
            closure = next;
        }
    }

    /// `r*`
    pub(crate) fn star(&self) -> Relation {
        self.plus().optional()
    }

    /// `r ; s`
    pub(crate) fn then(&self, next: &Relation) -> Relation {
        let row = |&row: &u128| members(row).fold(0, |out, middle| out | next.rows[middle]);
        Relation { rows: self.rows.iter().map(row).collect() }
    }

    pub(crate) fn domain(&self) -> Set {
        Set::new(self.rows.len(), |a| self.rows[a] != 0)
    }

    pub(crate) fn range(&self) -> Set {
        Set { len: self.rows.len(), bits: self.rows.iter().fold(0, |all, row| all | row) }
    }

    pub(crate) fn is_irreflexive(&self) -> bool {
        (0..self.rows.len()).all(|e| !self.contains(e, e))
    }

    pub(crate) fn is_acyclic(&self) -> bool {
        self.plus().is_irreflexive()
    }

    fn zip(&self, other: &Relation, f: impl Fn(u128, u128) -> u128) -> Relation {
        Relation { rows: self.rows.iter().zip(&other.rows).map(|(&a, &b)| f(a, b)).collect() }
    }
}

fn members(mut row: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let first = (row != 0).then(|| row.trailing_zeros() as usize)?;
        row &= row - 1;
        Some(first)
    })
}

macro_rules! operator {
    ($trait:ident, $method:ident, $f:expr) => {
        impl $trait<&Relation> for &Relation {
            type Output = Relation;
            fn $method(self, other: &Relation) -> Relation {
                self.zip(other, $f)
            }
        }
        impl $trait<Relation> for &Relation {
            type Output = Relation;
            fn $method(self, other: Relation) -> Relation {
                self.zip(&other, $f)
            }
        }
        impl $trait<&Relation> for Relation {
            type Output = Relation;
            fn $method(self, other: &Relation) -> Relation {
                self.zip(other, $f)
            }
        }
        impl $trait<Relation> for Relation {
            type Output = Relation;
            fn $method(self, other: Relation) -> Relation {
                self.zip(&other, $f)
            }
        }
    };
}
operator!(BitOr, bitor, |a, b| a | b);
operator!(BitAnd, bitand, |a, b| a & b);
operator!(Sub, sub, |a, b| a & !b);

/// `seq!(a, b, c)` is `a ; b ; c`; the operands are relations by value or reference.
macro_rules! seq {
    ($first:expr $(, $next:expr)+ $(,)?) => {{
        let sequence = (&$first).clone();
        $( let sequence = sequence.then(&$next); )+
        sequence
    }};
}
pub(crate) use seq;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composition_closure_and_inverse() {
        let r = Relation::from_pairs(4, &[(0, 1), (1, 2), (2, 3)]);
        assert_eq!(seq!(r, r), Relation::from_pairs(4, &[(0, 2), (1, 3)]));
        assert_eq!(r.plus().pairs().count(), 6);
        assert!(r.is_acyclic());
        assert!(!(&r | Relation::from_pairs(4, &[(3, 0)])).is_acyclic());
        assert_eq!(r.inverse().inverse(), r);
        assert_eq!(r.star().pairs().count(), 10);
        assert_eq!(r.domain().not(), Set::new(4, |e| e == 3));
    }
}

//! Sets of events of one path, small for nearly all paths: a machine word, and more words when that is not enough.

/// A set of event indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct EventSet {
    low: u64,
    high: Vec<u64>,
}

impl EventSet {
    pub(super) fn insert(&mut self, event: u32) {
        if event < 64 {
            self.low |= 1 << event;
            return;
        }
        let word = event as usize / 64 - 1;
        if self.high.len() <= word {
            self.high.resize(word + 1, 0);
        }
        self.high[word] |= 1 << (event % 64);
    }

    pub(super) fn union(&mut self, other: &EventSet) {
        self.low |= other.low;
        if self.high.len() < other.high.len() {
            self.high.resize(other.high.len(), 0);
        }
        for (mine, theirs) in self.high.iter_mut().zip(&other.high) {
            *mine |= theirs;
        }
    }

    pub(super) fn contains(&self, event: u32) -> bool {
        let word = match (event as usize / 64).checked_sub(1) {
            None => self.low,
            Some(word) => self.high.get(word).copied().unwrap_or(0),
        };
        word >> (event % 64) & 1 == 1
    }

    /// The members, in ascending order.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::once(&self.low).chain(&self.high).enumerate().flat_map(|(i, &word)| {
            let mut rest = word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros())?;
                rest &= rest - 1;
                Some(i as u32 * 64 + bit)
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crosses_words() {
        let (mut a, mut b) = (EventSet::default(), EventSet::default());
        [3, 63, 64, 200].into_iter().for_each(|e| a.insert(e));
        [5, 130].into_iter().for_each(|e| b.insert(e));
        b.union(&a);
        assert_eq!(b.iter().collect::<Vec<_>>(), [3, 5, 63, 64, 130, 200]);
        assert!(b.contains(130) && !b.contains(131) && !b.contains(1000));
    }
}

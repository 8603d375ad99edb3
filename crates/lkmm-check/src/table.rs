//! A table from addresses to numbers, which is emptied for each run.

/// From addresses to numbers, in open addressing, emptied at no cost.
pub(crate) struct Table {
    entries: Vec<Entry>,
    used: usize,
    epoch: u32,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    key: usize,
    value: u32,
    epoch: u32,
}

impl Table {
    pub(crate) fn new() -> Self {
        Table { entries: vec![Entry::default(); 64], used: 0, epoch: 1 }
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
        self.epoch = self.epoch.wrapping_add(1);
        if self.epoch == 0 {
            self.entries.fill(Entry::default());
            self.epoch = 1;
        }
    }

    /// The entry of a key, or that where it would go.
    fn find(&self, key: usize) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = (key as u64 >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(20) as usize & mask;
        while self.entries[at].epoch == self.epoch && self.entries[at].key != key {
            at = (at + 1) & mask;
        }
        at
    }

    pub(crate) fn get(&self, key: usize) -> Option<u32> {
        let entry = self.entries[self.find(key)];
        (entry.epoch == self.epoch).then_some(entry.value)
    }

    pub(crate) fn set(&mut self, key: usize, value: u32) {
        if 2 * self.used >= self.entries.len() {
            let larger = vec![Entry::default(); 2 * self.entries.len()];
            let smaller = std::mem::replace(&mut self.entries, larger);
            for entry in smaller.into_iter().filter(|entry| entry.epoch == self.epoch) {
                let at = self.find(entry.key);
                self.entries[at] = entry;
            }
        }
        let at = self.find(key);
        self.used += usize::from(self.entries[at].epoch != self.epoch);
        self.entries[at] = Entry { key, value, epoch: self.epoch };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_grows_and_is_emptied() {
        let mut table = Table::new();
        for round in 0..3 {
            for key in 0..1000_usize {
                assert_eq!(table.get(key * 8), None);
                table.set(key * 8, key as u32 + round);
            }
            assert!((0..1000_usize).all(|key| table.get(key * 8) == Some(key as u32 + round)));
            table.clear();
        }
    }
}

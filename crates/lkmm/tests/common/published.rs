//! What is published by its index, by two threads: only the dependency of its access on the index keeps it from being read too early, and that shows when
//! the index is that of the other thread.

use lkmm::atomic::{Atomic, Full, Relaxed};
use lkmm::thread;
use std::sync::Arc;

pub(crate) fn by_index() {
    let index = Arc::new(Atomic::new(0));
    let data = Arc::new([Atomic::new(0), Atomic::new(0), Atomic::new(0)]);
    for n in [1, 2] {
        let (index, data) = (index.clone(), data.clone());
        thread::spawn(move || {
            data[n].store(n, Relaxed);
            let _ = index.cmpxchg(0, n, Full);
        });
    }
    let n = index.load(Relaxed);
    assert!(n == 0 || data[n].load(Relaxed) == n, "what was not published yet");
}

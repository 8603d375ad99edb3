//! What a loop says that waits for another thread.

/// Says that the thread has looked for something that another thread is to do, in vain, and will look again.
///
/// In a model, a loop that waits *must* say so: it would have no end otherwise. There, an execution in which the reads of
/// this turn failed ends here; others show how the thread goes on. So it belongs in loops that wait, and nowhere else: what comes
/// after it outside of such a loop would not be explored. ([`yield_now`](crate::thread::yield_now) may stand anywhere.)
#[doc(alias = "cpu_relax")]
#[inline]
#[cfg_attr(feature = "check", track_caller)]
pub fn spin_loop() {
    crate::in_model!(model, place => model.wait(place));
    core::hint::spin_loop();
}

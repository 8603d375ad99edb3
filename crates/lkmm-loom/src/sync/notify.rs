//! [`Notify`]: a token that one thread waits for.

use crate::state;
use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::check::hook;

/// A token: who waits for it takes it, and whoever gives it once it is there changes nothing. To give it is a release, and to
/// take it an acquire.
#[derive(Debug)]
pub struct Notify(Atomic<bool>);

impl Default for Notify {
    fn default() -> Self {
        Notify::new()
    }
}

impl Notify {
    /// The token is not there.
    pub const fn new() -> Self {
        Notify(Atomic::new(false))
    }

    /// Gives the token.
    #[track_caller]
    pub fn notify(&self) {
        hook::model().inspect(|&model| state::more(model));
        self.0.xchg(true, Release);
    }

    /// Waits for the token, and takes it. There are no spurious wakeups.
    #[track_caller]
    pub fn wait(&self) {
        hook::model().inspect(|&model| state::more(model));
        loop {
            while !self.0.load(Relaxed) {
                lkmm::hint::spin_loop();
            }
            if self.0.xchg(false, Acquire) {
                return;
            }
        }
    }
}

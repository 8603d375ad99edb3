//! [`Notify`]: a token that one thread waits for.

use crate::state;
use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::check::{self, hook};
use std::sync::atomic::{AtomicBool, Ordering};

/// A token: who waits for it takes it, and whoever gives it once it is there changes nothing. To give it is a release, and to
/// take it an acquire. As in loom, one thread waits for it, and is woken once without a token, or not: both are explored.
#[derive(Debug, Default)]
pub struct Notify {
    token: Token,
    /// The one who waits has been woken without a token. (Nobody else looks at it.)
    was_spurious: AtomicBool,
}

impl Notify {
    /// The token is not there.
    pub const fn new() -> Self {
        Notify { token: Token::new(), was_spurious: AtomicBool::new(false) }
    }

    /// Gives the token.
    #[track_caller]
    pub fn notify(&self) {
        self.token.give();
    }

    /// Waits for the token, and takes it.
    #[track_caller]
    pub fn wait(&self) {
        if !self.was_spurious.load(Ordering::Relaxed) && check::any(0..2) == 1 {
            self.was_spurious.store(true, Ordering::Relaxed);
            return;
        }
        self.token.take();
    }
}

/// The same, but who waits for it is woken only if it is there.
#[derive(Debug)]
pub(super) struct Token(Atomic<bool>);

impl Default for Token {
    fn default() -> Self {
        Token::new()
    }
}

impl Token {
    pub(super) const fn new() -> Self {
        Token(Atomic::new(false))
    }

    #[track_caller]
    pub(super) fn give(&self) {
        hook::model().inspect(|&model| state::step(model));
        self.0.xchg(true, Release);
    }

    #[track_caller]
    pub(super) fn take(&self) {
        hook::model().inspect(|&model| state::step(model));
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

//! Memory barriers.
//!
//! Outside of a model, each is a fence of `core` that is at least as strong.

use crate::in_model;
use core::sync::atomic::{Ordering, compiler_fence, fence};

macro_rules! barriers {
    ($($(#[$doc:meta])* $name:ident: $fence:ident, $real:expr;)*) => {
        $($(#[$doc])*
        #[allow(non_snake_case, reason = "the kernel's name")]
        #[inline]
        #[cfg_attr(feature = "check", track_caller)]
        pub fn $name() {
            in_model!(model, place => model.fence(lkmm_check::hook::Fence::$fence, place));
            $real;
        })*
    };
}

barriers! {
    /// All accesses before it come before all accesses after it.
    smp_mb: Mb, fence(Ordering::SeqCst);
    /// Reads before it come before reads after it.
    smp_rmb: Rmb, fence(Ordering::Acquire);
    /// Writes before it come before writes after it.
    smp_wmb: Wmb, fence(Ordering::Release);
    /// The compiler moves no access across it; the processor may.
    barrier: Barrier, compiler_fence(Ordering::SeqCst);
    /// With the atomic operation that follows (one that is not ordered by itself), as strong as [`smp_mb`].
    smp_mb__before_atomic: BeforeAtomic, fence(Ordering::SeqCst);
    /// With the atomic operation that precedes, as strong as [`smp_mb`].
    smp_mb__after_atomic: AfterAtomic, fence(Ordering::SeqCst);
    /// With the lock that was just taken, as strong as [`smp_mb`].
    smp_mb__after_spinlock: AfterSpinlock, fence(Ordering::SeqCst);
    /// With an unlock and the lock that was just taken, by the same thread or of the same lock, as strong as [`smp_mb`].
    smp_mb__after_unlock_lock: AfterUnlockLock, fence(Ordering::SeqCst);
    /// With the SRCU reader that just ended, as strong as [`smp_mb`].
    smp_mb__after_srcu_read_unlock: AfterSrcuReadUnlock, fence(Ordering::SeqCst);
}

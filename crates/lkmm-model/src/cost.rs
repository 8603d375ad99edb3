//! What orderings cost: which instructions the kernel emits for them, and a rank for each.
//!
//! The ranks compare, and measure nothing: 0 where an ordering emits no instruction of its own, 1 for an instruction that orders nothing
//! (or a bit in one that is there anyway), 2 for an access that is ordered itself, 3 and 4 for fences between some accesses, 8 and more for fences between
//! all. Source of the instructions: `arch/*/include/asm/{barrier,atomic,cmpxchg}.h` of Linux 6.12.

use crate::event::Fence;

/// An architecture that the table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// x86-64, whose loads and stores are ordered but for a store before a load.
    X86_64,
    /// 64-bit Arm with the atomics of Armv8.1.
    Aarch64,
    /// 64-bit RISC-V.
    Riscv64,
    /// 64-bit POWER.
    Powerpc64,
}

/// A way to order accesses that has a cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ordered {
    /// An address, or a value, that is computed from what a load has returned.
    Dependency,
    /// A load that is an acquire.
    Load,
    /// A store that is a release.
    Store,
    /// A fence, or what comes to one.
    Fence(Fence),
    /// A read-modify-write that is an acquire.
    RmwAcquire,
    /// A read-modify-write that is a release.
    RmwRelease,
    /// A read-modify-write that is fully ordered.
    RmwFull,
}

impl Architecture {
    /// All of them.
    pub const ALL: [Architecture; 4] =
        [Architecture::X86_64, Architecture::Aarch64, Architecture::Riscv64, Architecture::Powerpc64];

    /// Its name, as `uname -m` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Architecture::X86_64 => "x86-64",
            Architecture::Aarch64 => "aarch64",
            Architecture::Riscv64 => "riscv64",
            Architecture::Powerpc64 => "powerpc64",
        }
    }

    /// Its column in [`row`].
    const fn column(self) -> usize {
        match self {
            Architecture::X86_64 => 0,
            Architecture::Aarch64 => 1,
            Architecture::Riscv64 => 2,
            Architecture::Powerpc64 => 3,
        }
    }

    /// The rank of an ordering, and the instructions that it adds (none, if that is empty).
    ///
    /// ```
    /// use lkmm_model::cost::{Architecture, Ordered};
    /// use lkmm_model::event::Fence;
    ///
    /// assert_eq!(Architecture::X86_64.cost(Ordered::Fence(Fence::Rmb)), (0, ""));
    /// assert_eq!(Architecture::Aarch64.cost(Ordered::Fence(Fence::Rmb)), (4, "dmb ishld"));
    /// ```
    pub const fn cost(self, ordered: Ordered) -> (u32, &'static str) {
        row(ordered)[self.column()]
    }
}

impl Ordered {
    /// The orderings that `lkmm repair` proposes, as the table lists them.
    pub const ALL: [Ordered; 9] = [
        Ordered::Dependency,
        Ordered::Load,
        Ordered::Store,
        Ordered::Fence(Fence::Rmb),
        Ordered::Fence(Fence::Wmb),
        Ordered::Fence(Fence::Mb),
        Ordered::RmwAcquire,
        Ordered::RmwRelease,
        Ordered::RmwFull,
    ];

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Ordered::Dependency => "dependency",
            Ordered::Load => "acquire load",
            Ordered::Store => "release store",
            Ordered::Fence(fence) => fence.function(),
            Ordered::RmwAcquire => "acquire read-modify-write",
            Ordered::RmwRelease => "release read-modify-write",
            Ordered::RmwFull => "full read-modify-write",
        }
    }
}

/// The costs on x86-64, aarch64, riscv64 and powerpc64.
const fn row(ordered: Ordered) -> [(u32, &'static str); 4] {
    const NOTHING: (u32, &str) = (0, "");
    const FULL: [(u32, &str); 4] = [(8, "lock addl"), (8, "dmb ish"), (8, "fence rw,rw"), (8, "sync")];
    match ordered {
        Ordered::Dependency => [(1, "arithmetic"); 4],
        Ordered::Load => [NOTHING, (2, "ldar"), (4, "fence r,rw"), (4, "lwsync")],
        Ordered::Store => [NOTHING, (2, "stlr"), (4, "fence rw,w"), (4, "lwsync")],
        Ordered::Fence(Fence::Rmb) => [NOTHING, (4, "dmb ishld"), (4, "fence r,r"), (4, "lwsync")],
        Ordered::Fence(Fence::Wmb) => [NOTHING, (3, "dmb ishst"), (4, "fence w,w"), (4, "lwsync")],
        Ordered::Fence(Fence::Mb) => FULL,
        // The atomic operations of x86 order everything, and so does a lock.
        Ordered::Fence(Fence::BeforeAtomic | Fence::AfterAtomic | Fence::AfterSpinlock) => {
            [NOTHING, FULL[1], FULL[2], FULL[3]]
        }
        Ordered::Fence(Fence::AfterUnlockLock) => [NOTHING, NOTHING, NOTHING, FULL[3]],
        // A compiler barrier; what the reader or the grace period does anyway.
        Ordered::Fence(_) => [NOTHING; 4],
        Ordered::RmwAcquire => [NOTHING, (1, "the bit A"), (4, "fence r,rw"), (3, "isync")],
        Ordered::RmwRelease => [NOTHING, (1, "the bit L"), (4, "fence rw,w"), (4, "lwsync")],
        Ordered::RmwFull => [NOTHING, (2, "the bits A and L"), (8, ".aqrl, or fence rw,rw"), (16, "sync, twice")],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_orders_more_costs_no_less() {
        for arch in Architecture::ALL {
            let rank = |ordered| arch.cost(ordered).0;
            let full = rank(Ordered::Fence(Fence::Mb));
            for weaker in [Ordered::Load, Ordered::Store, Ordered::Fence(Fence::Rmb), Ordered::Fence(Fence::Wmb)] {
                assert!(rank(weaker) < full, "{} on {}", weaker.name(), arch.name());
            }
            for half in [Ordered::RmwAcquire, Ordered::RmwRelease] {
                assert!(rank(half) <= rank(Ordered::RmwFull), "{} on {}", half.name(), arch.name());
            }
            for ordered in Ordered::ALL {
                let (rank, instructions) = arch.cost(ordered);
                assert_eq!(rank == 0, instructions.is_empty(), "{} on {}", ordered.name(), arch.name());
            }
        }
    }
}

//! Events: what a thread does to memory, as the memory models see it.
//!
//! An event carries no value and no syntax. Its [`Label`] says which of the model's base sets it belongs to
//! (`R`, `W`, `F`, `Once`, `Acquire`, `Sync-rcu`, `LKR` …); the relations between events (`po`, `rf`, `co`, …) live
//! beside it, in a [`Program`](crate::program::Program) or an execution.
//!
//! Source of the names: `linux-kernel.bell` and `lock.cat` of Linux 6.12, `tools/memory-model`.

/// How a read or a write is annotated (`Accesses` of `linux-kernel.bell`, and the SRCU annotations).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A plain C access, which the compiler may tear, fuse, or repeat.
    Plain,
    /// `READ_ONCE`, `WRITE_ONCE`, and the relaxed halves of atomic operations.
    Once,
    /// `smp_load_acquire` and the read half of `…_acquire` operations.
    Acquire,
    /// `smp_store_release`, `rcu_assign_pointer` and the write half of `…_release` operations.
    Release,
    /// The read half of an atomic operation that returns no value (`atomic_inc`).
    Noreturn,
    /// `srcu_read_lock`, `srcu_down_read`: a read of the domain, which yields the index.
    SrcuLock,
    /// `srcu_read_unlock`, `srcu_up_read`: a write of the index to the domain.
    SrcuUnlock,
}

/// A fence, or an RCU event: an event without a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fence {
    /// `smp_mb()`, and both ends of a fully ordered atomic operation.
    Mb,
    /// `smp_rmb()`.
    Rmb,
    /// `smp_wmb()`.
    Wmb,
    /// `barrier()`, a compiler barrier.
    Barrier,
    /// `rcu_read_lock()`.
    RcuLock,
    /// `rcu_read_unlock()`.
    RcuUnlock,
    /// `synchronize_rcu()`, `synchronize_rcu_expedited()`.
    SyncRcu,
    /// `smp_mb__before_atomic()`.
    BeforeAtomic,
    /// `smp_mb__after_atomic()`.
    AfterAtomic,
    /// `smp_mb__after_spinlock()`.
    AfterSpinlock,
    /// `smp_mb__after_unlock_lock()`.
    AfterUnlockLock,
    /// `smp_mb__after_srcu_read_unlock()`.
    AfterSrcuReadUnlock,
}

impl Fence {
    /// The kernel's function for it, in C and in Rust.
    ///
    /// ```
    /// assert_eq!(lkmm_model::event::Fence::Wmb.function(), "smp_wmb");
    /// ```
    pub const fn function(self) -> &'static str {
        match self {
            Fence::Mb => "smp_mb",
            Fence::Rmb => "smp_rmb",
            Fence::Wmb => "smp_wmb",
            Fence::Barrier => "barrier",
            Fence::RcuLock => "rcu_read_lock",
            Fence::RcuUnlock => "rcu_read_unlock",
            Fence::SyncRcu => "synchronize_rcu",
            Fence::BeforeAtomic => "smp_mb__before_atomic",
            Fence::AfterAtomic => "smp_mb__after_atomic",
            Fence::AfterSpinlock => "smp_mb__after_spinlock",
            Fence::AfterUnlockLock => "smp_mb__after_unlock_lock",
            Fence::AfterSrcuReadUnlock => "smp_mb__after_srcu_read_unlock",
        }
    }
}

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Label {
    /// The initial write of a location (`IW`): it belongs to no thread.
    Init,
    /// A read (`R`).
    Read(Mode),
    /// A write (`W`).
    Write(Mode),
    /// A fence (`F`).
    Fence(Fence),
    /// `LKR`: the read half of `spin_lock` or of a `spin_trylock` that succeeds. Its `rf` is derived from `co`.
    LockRead,
    /// `LKW`: the write half of `spin_lock` or of a `spin_trylock` that succeeds.
    LockWrite,
    /// `UL`: `spin_unlock`.
    Unlock,
    /// `LF`: a `spin_trylock` that fails; it reads from an `LKW`.
    LockFail,
    /// `RL`: a `spin_is_locked` that is true; it reads from an `LKW`.
    ReadLocked,
    /// `RU`: a `spin_is_locked` that is false; it reads from a `UL` or the initial write.
    ReadUnlocked,
    /// `Sync-srcu`: `synchronize_srcu`. It has a location (the domain) and is no memory access.
    SyncSrcu,
}

impl Label {
    /// Does the event have a location? (Fences alone have none.)
    pub fn has_location(self) -> bool {
        !matches!(self, Label::Fence(_))
    }

    /// An ordinary read: its `rf` ranges over the initial write and the ordinary writes of its location.
    pub fn is_read(self) -> bool {
        matches!(self, Label::Read(_))
    }

    /// An ordinary write of a thread, which carries a value.
    pub fn is_write(self) -> bool {
        matches!(self, Label::Write(_))
    }

    /// One of the events of spinlocks (`LKR LKW UL LF RL RU`).
    pub fn is_lock_event(self) -> bool {
        matches!(
            self,
            Label::LockRead
                | Label::LockWrite
                | Label::Unlock
                | Label::LockFail
                | Label::ReadLocked
                | Label::ReadUnlocked
        )
    }
}

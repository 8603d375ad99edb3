//! The modules of loom: those of the tool, but for what is counted or weakened.

pub use tool::{MAX_THREADS, alloc, cell, future, hint, lazy_static, skip_branch, stop_exploring};
pub use tool::{thread, thread_local};

/// As in loom.
pub mod sync {
    pub use tool::sync::*;

    /// As in loom.
    pub mod atomic {
        pub use crate::atomics::*;
        pub use std::sync::atomic::Ordering;
        pub use tool::sync::atomic::spin_loop_hint;
    }
}

/// As in loom.
pub mod model {
    pub use crate::harness::{Builder, model};
}

pub use model::model;

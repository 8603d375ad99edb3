//! The Linux-kernel memory model for Rust code.
//!
//! Atomics, barriers, locks and RCU with the kernel's names and orderings. As they are, they run. With feature `check`, a
//! test can run code that uses them under *every* execution that the model allows:
//!
//! ```
//! use lkmm::atomic::{Atomic, Relaxed};
//! use lkmm::{barrier, thread};
//! use std::sync::Arc;
//!
//! lkmm::check::model(|| {
//!     let x = Arc::new([Atomic::new(0), Atomic::new(0)]);
//!     let t = thread::spawn({
//!         let x = x.clone();
//!         move || {
//!             x[0].store(1, Relaxed);
//!             barrier::smp_mb();
//!             x[1].load(Relaxed)
//!         }
//!     });
//!     x[1].store(1, Relaxed);
//!     barrier::smp_mb();
//!     let here = x[0].load(Relaxed);
//!     assert!(here == 1 || t.join().unwrap() == 1);
//! });
//! ```
//!
//! Outside of a model the same code does the real operations, whether the feature is on or not; if it is, each looks at a
//! variable of its thread first.

#![cfg_attr(not(any(feature = "std", feature = "check")), no_std)]
#![deny(unsafe_op_in_unsafe_fn)]

pub mod atomic;
pub mod barrier;
pub mod cell;
pub mod dep;
pub mod hint;
pub mod lock;
pub mod rcu;
pub mod refcount;
#[cfg(feature = "sources")]
pub mod sources;
pub mod srcu;
#[cfg(any(feature = "std", feature = "check"))]
pub mod thread;

#[cfg(feature = "check")]
pub use lkmm_check as check;

/// Do operations ask whether they are in a model? So if this crate was built with feature `check`, as a production build must not be
/// (`const _: () = assert!(!lkmm::CHECKED);` in a program sees to that), unless `cargo lkmm bench` builds.
#[cfg(not(feature = "check"))]
pub const CHECKED: bool = false;
#[cfg(feature = "check")]
#[allow(missing_docs, reason = "they are above")]
pub const CHECKED: bool = !lkmm_check::hook::UNCHECKED;

/// Does something in the model, if the code runs in one, and returns from the function with its result.
macro_rules! in_model {
    ($model:ident, $place:ident => $($body:tt)*) => {
        #[cfg(feature = "check")]
        if let Some($model) = lkmm_check::hook::model() {
            let $place = core::panic::Location::caller();
            return { $($body)* };
        }
    };
}
pub(crate) use in_model;

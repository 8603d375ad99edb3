//! loom's API over the checker of lkmm: a test that was written for loom runs under every execution that the Linux-kernel
//! memory model allows.
//!
//! One line of `Cargo.toml` changes:
//!
//! ```toml
//! [target.'cfg(loom)'.dependencies]
//! loom = { package = "lkmm-loom", version = "0.1", features = ["heap"] }
//! ```
//!
//! ```
//! use lkmm_loom as loom;
//! use loom::cell::UnsafeCell;
//! use loom::sync::Arc;
//! use loom::sync::atomic::{AtomicBool, Ordering};
//!
//! struct Slot(UnsafeCell<u32>, AtomicBool);
//! // SAFETY: the flag says who may look.
//! unsafe impl Sync for Slot {}
//!
//! loom::model(|| {
//!     let slot = Arc::new(Slot(UnsafeCell::new(0), AtomicBool::new(false)));
//!     let writer = slot.clone();
//!     loom::thread::spawn(move || {
//!         // SAFETY: nobody looks before the flag is set.
//!         writer.0.with_mut(|value| unsafe { *value = 42 });
//!         writer.1.store(true, Ordering::Release);
//!     });
//!     if slot.1.load(Ordering::Acquire) {
//!         // SAFETY: the flag is set after the last write.
//!         assert_eq!(slot.0.with(|value| unsafe { *value }), 42);
//!     }
//! });
//! ```
//!
//! # What C11's orderings become
//!
//! | C11 | here | compared with C11 |
//! |---|---|---|
//! | relaxed load, store, update | `READ_ONCE`, `WRITE_ONCE`, `…_relaxed` | the same: dependencies order nothing here either, unless that is [asked for](model::Builder::dependencies) |
//! | acquire load, release store | `smp_load_acquire`, `smp_store_release` | the same |
//! | acquire, release update | `…_acquire`, `…_release` | the same |
//! | acquire-release update | its read an acquire, its write a release | the same; the kernel has no such operation |
//! | a `compare_exchange` that fails | a load with the second ordering | the same; the kernel's is relaxed |
//! | sequentially consistent load | `smp_mb`, then `smp_load_acquire` | stronger: also the thread's *earlier relaxed* accesses are ordered before it |
//! | sequentially consistent store | `smp_mb`, then `smp_store_release` | stronger, likewise |
//! | sequentially consistent update | `smp_mb`, then the acquire-release update | stronger, likewise |
//! | any fence | `smp_mb` | acquire, release and acquire-release fences are **stronger** here: there is no barrier in the kernel that orders reads before writes, and not writes before reads |
//!
//! Nothing becomes weaker. (An update's write depends on its read, so that release sequences go through it, as in C11, also to
//! its own thread; the kernel's `cmpxchg` and `xchg` do not promise that.) So what is found here should be wrong under C11 as well; there is no model of C11
//! in lkmm yet, so this is argued, and not tested.
//! Not found is what goes wrong only because a fence is weaker than `smp_mb`, or because of what a sequentially consistent access
//! does not order.
//!
//! loom, for comparison, takes sequentially consistent accesses for acquire and release, explores no load buffering, and bounds the number of
//! threads.
//!
//! # What else differs
//!
//! * Threads that wait by [`thread::yield_now`] or [`hint::spin_loop`] may make a turn in vain; one that makes the same turn
//!   again, reading the same values and writing nothing, ends this execution for itself, because others show how it goes on. A loop that takes a lock
//!   in each turn is explored for ever.
//! * [`sync::Notify`], and so [`future::block_on`], wakes its waiter once for nothing, or not, as loom's does. [`sync::Condvar`] wakes those who wait in the order in which they came, [`cell::UnsafeCell`] is accessed when the closure
//!   begins and, if that did something in the model, again when it ends.
//! * Objects that are leaked are no failure.
//! * `preemption_bound`, `max_branches`, checkpoints and logs are accepted and do nothing; [`MAX_THREADS`] is a number for those who ask.

#![deny(unsafe_op_in_unsafe_fn)]

pub mod alloc;
pub mod cell;
pub mod future;
pub mod hint;
pub mod lazy_static;
mod macros;
pub mod model;
mod state;
pub mod sync;
pub mod thread;

#[doc(inline)]
pub use lkmm::thread_local;
pub use model::model;

/// loom allows so many threads. Here it is any number; this is for tests that ask.
pub const MAX_THREADS: usize = 64;

#[cfg(feature = "heap")]
lkmm::check::heap!();

/// In loom, begins a part that is explored. Here all is.
pub fn explore() {}

/// In loom, ends a part that is explored. Here all is.
pub fn stop_exploring() {}

/// In loom, gives up a branch of the exploration. Here none is given up.
pub fn skip_branch() {}

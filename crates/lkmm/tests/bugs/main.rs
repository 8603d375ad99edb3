//! Known bugs, each with its mended twin: every bug is found, with its kind and its place, and no twin is blamed.
//!
//! A model is a function of what may be weakened in it: orderings, barriers, steps. A line of [`pairs!`] calls it twice, and
//! the difference between the two calls is the bug. The text in brackets stands in the lines that the failure names.

#[macro_use]
mod pair;
mod counts;
mod crates;
mod deque;
mod grace;
mod indices;
mod inner;
mod litmus;
mod locks;
mod mcs;
mod once;
mod pointers;
mod queues;
mod readers;
mod seqlock;
mod sleep;
mod uninit;
mod wakeups;

lkmm::check::heap!();

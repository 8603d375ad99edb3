//! The Rust dialect against the compiler that it imitates.
//!
//! * What the dialect has is Rust that `rustc` accepts over crate `lkmm`; what is no Rust, both reject.
//! * Programs of one process that are made at random end with the same values in registers and locations when they run as
//!   when they are checked.

mod accepted;
mod compiler;
mod programs;
mod rejected;
mod values;

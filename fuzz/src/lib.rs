//! What the fuzz targets share: what must hold of every input, and inputs made from bytes.
#![forbid(unsafe_code)]

mod forms;
mod invariants;

pub use forms::source;
pub use invariants::{check, convert, parse, repair};

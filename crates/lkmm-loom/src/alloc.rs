//! As `std::alloc`. With feature `heap`, what is allocated is freed in the model.

pub use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};

/// A value that loom would miss if it were leaked. Here nobody does.
#[derive(Debug)]
pub struct Track<T>(T);

impl<T> Track<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Track(value)
    }

    /// The value.
    pub fn get_ref(&self) -> &T {
        &self.0
    }

    /// The value.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.0
    }

    /// The value.
    pub fn into_inner(self) -> T {
        self.0
    }
}

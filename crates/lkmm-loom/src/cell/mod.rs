//! As `std::cell`, with accesses that the model sees.

mod unsafe_cell;

pub use unsafe_cell::{ConstPtr, MutPtr, UnsafeCell};

/// As `std::cell::Cell`.
#[derive(Debug, Default)]
pub struct Cell<T>(UnsafeCell<T>);

impl<T> Cell<T> {
    /// A cell with this value.
    pub fn new(value: T) -> Self {
        Cell(UnsafeCell::new(value))
    }

    /// Writes a value.
    #[track_caller]
    pub fn set(&self, value: T) {
        drop(self.replace(value));
    }

    /// Exchanges the values of two cells.
    #[track_caller]
    pub fn swap(&self, other: &Self) {
        if !std::ptr::eq(self, other) {
            // SAFETY: they are two, and who has a cell does nothing with it meanwhile; what other threads do is for the model to find out.
            self.0.with_mut(|one| other.0.with_mut(|two| unsafe { std::ptr::swap(one, two) }));
        }
    }

    /// Writes a value. Yields that which was there.
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        // SAFETY: as above.
        self.0.with_mut(|cell| unsafe { cell.replace(value) })
    }

    /// The value.
    #[track_caller]
    pub fn get(&self) -> T
    where
        T: Copy,
    {
        // SAFETY: as above.
        self.0.with(|cell| unsafe { *cell })
    }

    /// Takes the value.
    #[track_caller]
    pub fn take(&self) -> T
    where
        T: Default,
    {
        self.replace(T::default())
    }

    /// The value.
    #[track_caller]
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T> From<T> for Cell<T> {
    fn from(value: T) -> Self {
        Cell::new(value)
    }
}

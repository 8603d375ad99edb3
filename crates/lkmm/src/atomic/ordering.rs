//! Orderings: types without content, so that an operation can say which it has.

/// No order, but that of dependencies.
#[derive(Clone, Copy, Debug)]
pub struct Relaxed;
/// The read comes before all that follows.
#[derive(Clone, Copy, Debug)]
pub struct Acquire;
/// The write comes after all that precedes.
#[derive(Clone, Copy, Debug)]
pub struct Release;
/// All that precedes comes before the operation, and that before all that follows, as with `smp_mb()` on both sides.
#[derive(Clone, Copy, Debug)]
pub struct Full;

/// An ordering as a value.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderingType {
    /// [`Relaxed`].
    Relaxed,
    /// [`Acquire`].
    Acquire,
    /// [`Release`].
    Release,
    /// [`Full`].
    Full,
}

mod sealed {
    pub trait Sealed {}
}

/// Any ordering.
pub trait Ordering: sealed::Sealed {
    /// Which it is.
    #[doc(hidden)]
    const TYPE: OrderingType;
}

/// The orderings of reads.
pub trait AcquireOrRelaxed: Ordering {}
/// The orderings of writes.
pub trait ReleaseOrRelaxed: Ordering {}

macro_rules! orderings {
    ($($name:ident $($of:ident)*;)*) => {
        $(impl sealed::Sealed for $name {}
        impl Ordering for $name {
            const TYPE: OrderingType = OrderingType::$name;
        }
        $(impl $of for $name {})*)*
    };
}

orderings! {
    Relaxed AcquireOrRelaxed ReleaseOrRelaxed;
    Acquire AcquireOrRelaxed;
    Release ReleaseOrRelaxed;
    Full;
}

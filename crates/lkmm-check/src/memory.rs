//! Real memory, as the operations of a model see it: values of one to eight bytes, as bits.

/// The size in bytes of a value that the model knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// One byte.
    One,
    /// Two bytes.
    Two,
    /// Four bytes.
    Four,
    /// Eight bytes.
    Eight,
    /// A pointer.
    Pointer,
}

impl Size {
    /// The size of a type, if the model can know its values.
    pub const fn of<T>() -> Option<Size> {
        match size_of::<T>() {
            1 => Some(Size::One),
            2 => Some(Size::Two),
            4 => Some(Size::Four),
            8 => Some(Size::Eight),
            _ => None,
        }
    }

    /// Is another one as large? (A pointer may be accessed as a number.)
    pub(crate) fn is_as_large_as(self, other: Size) -> bool {
        self.mask() == other.mask()
    }

    /// In bytes.
    pub(crate) fn bytes(self) -> usize {
        (self.mask().count_ones() / 8) as usize
    }

    /// The bits that a value of this size has.
    pub(crate) fn mask(self) -> u64 {
        match self {
            Size::One => u8::MAX.into(),
            Size::Two => u16::MAX.into(),
            Size::Four => u32::MAX.into(),
            Size::Eight => u64::MAX,
            Size::Pointer => usize::MAX as u64,
        }
    }
}

/// Reads what memory holds.
///
/// # Safety
/// There must be a live object of this size at the address, aligned to its size.
pub(crate) unsafe fn read(address: usize, size: Size) -> u64 {
    // SAFETY: the caller's promise. The accesses are volatile since the object may be an atomic, or written by other code.
    unsafe {
        match size {
            Size::One => (address as *const u8).read_volatile().into(),
            Size::Two => (address as *const u16).read_volatile().into(),
            Size::Four => (address as *const u32).read_volatile().into(),
            Size::Eight => (address as *const u64).read_volatile(),
            Size::Pointer => (address as *const usize).read_volatile() as u64,
        }
    }
}

/// Writes to memory.
///
/// # Safety
/// As for [`read`]; and the bits must be a value of the object's type.
pub(crate) unsafe fn write(address: usize, size: Size, bits: u64) {
    // SAFETY: the caller's promise.
    unsafe {
        match size {
            Size::One => (address as *mut u8).write_volatile(bits as u8),
            Size::Two => (address as *mut u16).write_volatile(bits as u16),
            Size::Four => (address as *mut u32).write_volatile(bits as u32),
            Size::Eight => (address as *mut u64).write_volatile(bits),
            Size::Pointer => (address as *mut usize).write_volatile(bits as usize),
        }
    }
}

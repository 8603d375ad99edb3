//! As `std::hint`.

/// As [`yield_now`](crate::thread::yield_now).
#[track_caller]
pub fn spin_loop() {
    crate::thread::yield_now();
}

/// Says that this is never reached.
///
/// # Panics
/// If it is.
///
/// # Safety
/// It is not.
#[track_caller]
pub unsafe fn unreachable_unchecked() -> ! {
    unreachable!("code is reached that promised not to be");
}

//! What [`lazy_static!`](crate::lazy_static!) makes.

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::lock::Mutex;
use std::fmt;
use std::ptr;

/// A static that is made when somebody first looks at it; in each execution anew, and never dropped.
///
/// Who makes it holds a lock, and releases what it made; everybody else acquires that.
pub struct Lazy<T: 'static> {
    init: fn() -> T,
    value: Atomic<*mut T>,
    lock: Mutex<()>,
}

impl<T: 'static> Lazy<T> {
    /// A static that a function makes.
    pub const fn new(init: fn() -> T) -> Self {
        Lazy { init, value: Atomic::new(ptr::null_mut()), lock: Mutex::new(()) }
    }

    /// What it is.
    #[track_caller]
    pub fn get(&'static self) -> &'static T {
        let mut value = self.value.load(Acquire);
        if value.is_null() {
            let _lock = self.lock.lock();
            value = self.value.load(Relaxed);
            if value.is_null() {
                value = Box::into_raw(Box::new((self.init)()));
                self.value.store(value, Release);
            }
        }
        // SAFETY: it is never freed.
        unsafe { &*value }
    }
}

impl<T> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").finish_non_exhaustive()
    }
}

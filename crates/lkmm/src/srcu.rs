//! Sleepable RCU: domains, each with readers and grace periods of its own.
//!
//! Outside of a model, a domain has two counters of readers. A reader counts itself on the current one. A grace period
//! makes the other one the current one and waits until the first is zero, twice: a reader may look which one is current, and
//! count itself only after that has changed.

use crate::in_model;
use core::fmt;
use core::marker::PhantomData;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// A domain.
///
/// ```
/// use lkmm::srcu::Domain;
///
/// static DOMAIN: Domain = Domain::new();
/// let reader = DOMAIN.read_lock();
/// drop(reader);
/// DOMAIN.synchronize();
/// ```
pub struct Domain {
    /// In a model, the domain is known by the address of this; it is 1 while somebody waits for a grace period.
    waiting: AtomicU32,
    current: AtomicUsize,
    readers: [AtomicUsize; 2],
}

/// A reader of a domain, until it is dropped.
#[must_use]
pub struct Guard<'d> {
    domain: &'d Domain,
    /// In a model, which `srcu_read_lock` of the thread it was; otherwise, where the reader is counted.
    index: u32,
    /// Where it began, if that was in a model.
    #[cfg(feature = "check")]
    place: Option<lkmm_check::hook::Place>,
    /// A reader ends in the thread in which it began.
    not_send: PhantomData<*mut ()>,
}

impl Domain {
    /// A domain without readers.
    pub const fn new() -> Self {
        Domain {
            waiting: AtomicU32::new(0),
            current: AtomicUsize::new(0),
            readers: [AtomicUsize::new(0), AtomicUsize::new(0)],
        }
    }

    /// Begins to read (`srcu_read_lock`).
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub fn read_lock(&self) -> Guard<'_> {
        in_model!(model, place => {
            // SAFETY: the word is used by the model alone.
            let index = unsafe { model.srcu_lock(self.waiting.as_ptr() as usize, place) };
            Guard { domain: self, index, place: Some(place), not_send: PhantomData }
        });
        let index = self.current.load(Ordering::Relaxed);
        self.readers[index].fetch_add(1, Ordering::SeqCst);
        Guard {
            domain: self,
            index: index as u32,
            #[cfg(feature = "check")]
            place: None,
            not_send: PhantomData,
        }
    }

    /// Begins to read, without a guard (`srcu_down_read`). Yields the index that ends it.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    #[must_use]
    pub fn down_read(&self) -> i32 {
        // SAFETY: the word is used by the model alone.
        in_model!(model, place => unsafe { model.srcu_lock(self.waiting.as_ptr() as usize, place) as i32 });
        let index = self.current.load(Ordering::Relaxed);
        self.readers[index].fetch_add(1, Ordering::SeqCst);
        index as i32
    }

    /// Ends what [`down_read`](Self::down_read) began (`srcu_up_read`).
    ///
    /// ```
    /// # static DOMAIN: lkmm::srcu::Domain = lkmm::srcu::Domain::new();
    /// let index = DOMAIN.down_read();
    /// // SAFETY: it was returned just now.
    /// unsafe { DOMAIN.up_read(index) };
    /// DOMAIN.synchronize();
    /// ```
    ///
    /// # Safety
    /// `down_read` of this domain has returned the index, and it is used once. In a model, by the thread that it was returned to.
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    pub unsafe fn up_read(&self, index: i32) {
        in_model!(model, place => {
            // SAFETY: the word is used by the model alone.
            unsafe { model.srcu_unlock(self.waiting.as_ptr() as usize, index as u32, place) }
        });
        self.readers[index as usize].fetch_sub(1, Ordering::SeqCst);
    }

    /// Waits until every reader that has begun has ended (`synchronize_srcu`).
    #[cfg_attr(feature = "check", track_caller)]
    pub fn synchronize(&self) {
        // SAFETY: the word is used by the model alone.
        in_model!(model, place => unsafe { model.synchronize_srcu(self.waiting.as_ptr() as usize, place) });
        while self.waiting.compare_exchange(0, 1, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            relax();
        }
        for _ in 0..2 {
            let before = self.current.fetch_xor(1, Ordering::SeqCst);
            while self.readers[before].load(Ordering::SeqCst) != 0 {
                relax();
            }
        }
        self.waiting.store(0, Ordering::SeqCst);
    }
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        #[cfg(feature = "check")]
        if let (Some(place), Some(model)) = (self.place, lkmm_check::hook::model_of_guard()) {
            // SAFETY: the word is used by the model alone.
            return unsafe { model.srcu_unlock(self.domain.waiting.as_ptr() as usize, self.index, place) };
        }
        self.domain.readers[self.index as usize].fetch_sub(1, Ordering::SeqCst);
    }
}

impl Default for Domain {
    fn default() -> Self {
        Domain::new()
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").finish_non_exhaustive()
    }
}

impl fmt::Debug for Guard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").finish_non_exhaustive()
    }
}

/// Lets others run for a while.
fn relax() {
    #[cfg(feature = "std")]
    std::thread::yield_now();
    #[cfg(not(feature = "std"))]
    core::hint::spin_loop();
}

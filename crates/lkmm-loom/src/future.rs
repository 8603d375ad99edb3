//! Futures, in a model.

use crate::sync::{Mutex, Notify};
use lkmm::check::hook;
use std::pin::pin;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Waker};

/// Polls a future until it is ready. Between two polls, waits until its waker has been woken; once, as in loom, also polls it when it has not.
#[track_caller]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let model = hook::model().expect("futures are waited for in a model");
    let notify = Box::into_raw(Box::new(Notify::new()));
    // SAFETY: it was just made. (Wakers are no counted references: the last one may be dropped by a thread that knows nothing of the others.)
    model.defer_drop(unsafe { Box::from_raw(notify) });
    // SAFETY: the vtable is for such pointers, and the object is there until the end of the run.
    let waker = unsafe { Waker::from_raw(RawWaker::new(notify.cast(), &VTABLE)) };
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        // SAFETY: as above.
        unsafe { &*notify }.wait();
    }
}

static VTABLE: RawWakerVTable = RawWakerVTable::new(
    |notify| RawWaker::new(notify, &VTABLE),
    // SAFETY: the pointer is one from `block_on`.
    |notify| unsafe { wake(notify) },
    // SAFETY: as above.
    |notify| unsafe { wake(notify) },
    |_| {},
);

unsafe fn wake(notify: *const ()) {
    // SAFETY: the object is there until the end of the run.
    unsafe { &*notify.cast::<Notify>() }.notify();
}

/// A waker that somebody registers and somebody else wakes, behind a lock.
#[derive(Debug, Default)]
pub struct AtomicWaker(Mutex<Option<Waker>>);

impl AtomicWaker {
    /// None is registered.
    pub fn new() -> Self {
        AtomicWaker::default()
    }

    /// Registers a waker instead of that which is registered.
    #[track_caller]
    pub fn register(&self, waker: Waker) {
        *self.lock() = Some(waker);
    }

    /// Registers a waker instead of that which is registered.
    #[track_caller]
    pub fn register_by_ref(&self, waker: &Waker) {
        self.register(waker.clone());
    }

    /// Wakes what is registered, and forgets it.
    #[track_caller]
    pub fn wake(&self) {
        if let Some(waker) = self.take_waker() {
            waker.wake();
        }
    }

    /// What is registered, which is no more.
    #[track_caller]
    pub fn take_waker(&self) -> Option<Waker> {
        self.lock().take()
    }

    #[track_caller]
    fn lock(&self) -> crate::sync::MutexGuard<'_, Option<Waker>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

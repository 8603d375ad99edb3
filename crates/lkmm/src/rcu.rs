//! Read-copy-update.
//!
//! A reader holds a [`Guard`]. Whoever removes what readers may look at waits for a grace period
//! ([`synchronize_rcu`]) before it is freed: then every reader that began before the removal has ended.
//!
//! Outside of a model, RCU is one [SRCU domain](crate::srcu).

use crate::{in_model, srcu};
use core::marker::PhantomData;

static DOMAIN: srcu::Domain = srcu::Domain::new();

/// A reader, until it is dropped. Readers nest.
#[must_use]
#[derive(Debug)]
pub struct Guard {
    /// None in a model.
    domain: Option<srcu::Guard<'static>>,
    not_send: PhantomData<*mut ()>,
}

impl Guard {
    /// Begins to read.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn new() -> Self {
        read_lock()
    }

    /// Ends the reader.
    #[cfg_attr(feature = "check", track_caller)]
    pub fn unlock(self) {}
}

impl Default for Guard {
    #[cfg_attr(feature = "check", track_caller)]
    fn default() -> Self {
        read_lock()
    }
}

impl Drop for Guard {
    #[inline]
    #[cfg_attr(feature = "check", track_caller)]
    fn drop(&mut self) {
        if self.domain.is_none() {
            in_model!(model, place => model.fence(lkmm_check::hook::Fence::RcuUnlock, place));
        }
    }
}

/// Begins to read (`rcu_read_lock`).
#[doc(alias = "rcu_read_lock")]
#[inline]
#[cfg_attr(feature = "check", track_caller)]
pub fn read_lock() -> Guard {
    in_model!(model, place => {
        model.fence(lkmm_check::hook::Fence::RcuLock, place);
        Guard { domain: None, not_send: PhantomData }
    });
    Guard { domain: Some(DOMAIN.read_lock()), not_send: PhantomData }
}

/// Waits until every reader that has begun has ended.
#[cfg_attr(feature = "check", track_caller)]
pub fn synchronize_rcu() {
    in_model!(model, place => model.fence(lkmm_check::hook::Fence::SyncRcu, place));
    DOMAIN.synchronize();
}

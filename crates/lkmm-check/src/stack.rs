//! Stacks that are mapped once, and used again by the thread of the same number in every run.
//!
//! So a variable on a stack has the same address in each run in which its thread does the same. Each stack ends in a guard
//! page: code that needs more than there is ends the process, and corrupts nothing.

use corosensei::stack::{DefaultStack, Stack, StackPointer};
use std::ptr::NonNull;

/// Stacks of different threads begin so far apart, modulo a page, in bytes.
const STEP: usize = 7 * 64;
const PAGE: usize = 4096;

/// The right to run a coroutine on a stack that somebody else owns, and keeps for longer than the coroutine.
pub(crate) struct ReusedStack {
    stack: NonNull<DefaultStack>,
    /// How many bytes below its base the coroutine begins.
    offset: usize,
}

impl ReusedStack {
    /// The stack of the thread of this number. All stacks are aligned to pages: if they began alike, the same few sets of the
    /// cache would have to hold them all.
    ///
    /// # Safety
    /// The stack must stay where it is while this value exists, and no other coroutine may be on it.
    pub(crate) unsafe fn new(stack: NonNull<DefaultStack>, thread: u32) -> Self {
        ReusedStack { stack, offset: (thread as usize * STEP) % PAGE }
    }

    fn stack(&self) -> &DefaultStack {
        // SAFETY: `new` demands that the stack is still there.
        unsafe { self.stack.as_ref() }
    }
}

// SAFETY: base and limit are those of a `DefaultStack`, which has a guard page, but for less than a page at the base.
unsafe impl Stack for ReusedStack {
    fn base(&self) -> StackPointer {
        let base = self.stack().base().get() - self.offset;
        StackPointer::new(base).expect("a stack is larger than a page")
    }

    fn limit(&self) -> StackPointer {
        self.stack().limit()
    }

    #[cfg(windows)]
    fn teb_fields(&self) -> corosensei::stack::StackTebFields {
        self.stack().teb_fields()
    }

    #[cfg(windows)]
    fn update_teb_fields(&mut self, stack_limit: usize, guaranteed_stack_bytes: usize) {
        // SAFETY: nobody else has a reference to the stack now: the coroutine that runs on it has it to itself.
        unsafe { self.stack.as_mut().update_teb_fields(stack_limit, guaranteed_stack_bytes) }
    }
}

//! Stacks that are mapped once, and used again by the thread of the same number in every run.
//!
//! So a variable on a stack has the same address in each run in which its thread does the same. Each stack ends in a guard
//! page: code that needs more than there is ends the process, and corrupts nothing.

use corosensei::stack::{DefaultStack, Stack, StackPointer};
use std::ptr::NonNull;

/// The right to run a coroutine on a stack that somebody else owns, and keeps for longer than the coroutine.
pub(crate) struct ReusedStack(NonNull<DefaultStack>);

impl ReusedStack {
    /// # Safety
    /// The stack must stay where it is while this value exists, and no other coroutine may be on it.
    pub(crate) unsafe fn new(stack: NonNull<DefaultStack>) -> Self {
        ReusedStack(stack)
    }

    fn stack(&self) -> &DefaultStack {
        // SAFETY: `new` demands that the stack is still there.
        unsafe { self.0.as_ref() }
    }
}

// SAFETY: base and limit are those of a `DefaultStack`, which has a guard page.
unsafe impl Stack for ReusedStack {
    fn base(&self) -> StackPointer {
        self.stack().base()
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
        unsafe { self.0.as_mut().update_teb_fields(stack_limit, guaranteed_stack_bytes) }
    }
}

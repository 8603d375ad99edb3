//! Threads of a model that access memory that is not there.
//!
//! A thread may be asked to go on with what a read has never returned before: null, say. If its code follows that, the system says so by a signal, and
//! the process would end. Instead the thread is made to call a function that leaves it where it is, for ever, as one is left that
//! [waits](crate::blocked) for something real, and the search ends with a failure that names the place.
//!
//! What happens at the end of a stack cannot be mended so: it is told, and ends the process.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) use linux::install;

/// Elsewhere such a thread ends the process.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) fn install() {}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod linux {
    use crate::runtime;
    use std::backtrace::Backtrace;
    use std::cell::Cell;
    use std::ffi::{c_int, c_void};
    use std::ptr;
    use std::sync::OnceLock;

    /// Closer than this to the stack pointer, an access has come to the end of the stack, in bytes.
    const NEAR: usize = 64 << 10;

    /// What was to be done with the signal before.
    static EARLIER: OnceLock<libc::sigaction> = OnceLock::new();

    thread_local! {
        /// What was accessed.
        static ADDRESS: Cell<usize> = const { Cell::new(0) };
    }

    /// Has such accesses noted, in threads of models.
    pub(crate) fn install() {
        EARLIER.get_or_init(|| {
            // SAFETY: the handler is one that takes three arguments; zeros are an empty mask, and no handler.
            unsafe {
                let mut ours: libc::sigaction = std::mem::zeroed();
                let mut earlier: libc::sigaction = std::mem::zeroed();
                ours.sa_sigaction = handle as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
                ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigaction(libc::SIGSEGV, &ours, &mut earlier);
                earlier
            }
        });
    }

    extern "C" fn handle(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
        // SAFETY: these are the arguments of a handler of this signal.
        let (address, context) = unsafe { ((*info).si_addr() as usize, &mut *context.cast::<libc::ucontext_t>()) };
        if runtime::running().is_some() && !std::thread::panicking() {
            if address.abs_diff(stack_pointer(context)) >= NEAR {
                ADDRESS.set(address);
                // SAFETY: this is the code of a thread of a model, whose stack has room.
                return unsafe { call(context, interrupted_for_good) };
            }
            let text =
                "lkmm: a thread of a model has come to the end of its stack (`Builder::stack_size` gives it more)\n";
            // SAFETY: the text is there.
            unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
        }
        // The access is tried again, and the earlier handler asked.
        if let Some(earlier) = EARLIER.get() {
            // SAFETY: it was what there was before.
            unsafe { libc::sigaction(signal, earlier, ptr::null_mut()) };
        }
    }

    /// What a thread is made to call where it accesses what is not there.
    extern "C" fn interrupted_for_good() -> ! {
        let runtime = runtime::running().expect("a thread of a model was interrupted");
        // SAFETY: this is the code of one of the runtime's threads. (If it was about to allocate, memory was in disorder before.)
        unsafe { runtime::give_up(runtime, Some(ADDRESS.get()), Backtrace::force_capture) }
    }

    #[cfg(target_arch = "x86_64")]
    fn stack_pointer(context: &libc::ucontext_t) -> usize {
        context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize
    }

    #[cfg(target_arch = "aarch64")]
    fn stack_pointer(context: &libc::ucontext_t) -> usize {
        context.uc_mcontext.sp as usize
    }

    /// Makes interrupted code call a function that does not return.
    ///
    /// # Safety
    /// There is room on its stack.
    #[cfg(target_arch = "x86_64")]
    unsafe fn call(context: &mut libc::ucontext_t, function: extern "C" fn() -> !) {
        let registers = &mut context.uc_mcontext.gregs;
        // Below what leaf functions may use; on entry, the address to return to lies at a multiple of 16 less 8.
        let top = ((registers[libc::REG_RSP as usize] as usize - 128) & !15) - 8;
        // SAFETY: the caller's promise.
        unsafe { ptr::with_exposed_provenance_mut::<i64>(top).write(registers[libc::REG_RIP as usize]) };
        registers[libc::REG_RSP as usize] = top as i64;
        registers[libc::REG_RIP as usize] = function as usize as i64;
    }

    /// As above.
    ///
    /// # Safety
    /// As above.
    #[cfg(target_arch = "aarch64")]
    unsafe fn call(context: &mut libc::ucontext_t, function: extern "C" fn() -> !) {
        let registers = &mut context.uc_mcontext;
        registers.sp = (registers.sp - 128) & !15;
        registers.regs[30] = registers.pc;
        registers.pc = function as usize as u64;
    }
}

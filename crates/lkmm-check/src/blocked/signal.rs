//! The signal that gets a blocked thread of a model back.

use crate::runtime;
use std::backtrace::Backtrace;
use std::ffi::{c_int, c_void};
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Nobody minds it who does not ask for it.
const SIGNAL: c_int = libc::SIGURG;

/// The thread that is to be interrupted; 0 if it has been.
static TARGET: AtomicI32 = AtomicI32::new(0);
/// Where the call that it is in returns to.
static RETURNS_TO: AtomicUsize = AtomicUsize::new(0);
/// What was to be done with the signal before.
static EARLIER: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

/// Interrupts a thread in a call. Is the thread of a model that was in it given up? (Not if it went on in the meantime, or is not the code of a
/// model.) Only the watcher calls this.
pub(super) fn interrupt(thread: i32, returns_to: usize) -> bool {
    RETURNS_TO.store(returns_to, Ordering::SeqCst);
    TARGET.store(thread, Ordering::SeqCst);
    // It is never freed: a handler may be late. (Few threads are ever interrupted.)
    let earlier = Box::into_raw(Box::new(MaybeUninit::<libc::sigaction>::zeroed())).cast::<libc::sigaction>();
    // SAFETY: the handler is one that takes three arguments; zeros are an empty mask.
    unsafe {
        let mut ours: libc::sigaction = std::mem::zeroed();
        ours.sa_sigaction = interrupted as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
        // It never returns if all goes well, so the signal must not stay blocked.
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_NODEFER;
        if libc::sigaction(SIGNAL, &ours, earlier) != 0 {
            return false;
        }
        EARLIER.store(earlier, Ordering::SeqCst);
        libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, SIGNAL);
    }
    for _ in 0..100 {
        if TARGET.load(Ordering::SeqCst) == 0 {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    let is_done = TARGET.swap(0, Ordering::SeqCst) == 0;
    // SAFETY: it was what there was before.
    unsafe { libc::sigaction(SIGNAL, earlier, ptr::null_mut()) };
    is_done
}

extern "C" fn interrupted(signal: c_int, info: *mut libc::siginfo_t, context: *mut c_void) {
    // SAFETY: it asks for nothing.
    let thread = unsafe { libc::gettid() };
    // SAFETY: this is the context that the handler was given.
    let is_in_call = || unsafe { is_in_call(context.cast(), RETURNS_TO.load(Ordering::SeqCst)) };
    if let (true, Some(runtime)) = (TARGET.load(Ordering::SeqCst) == thread && is_in_call(), runtime::running()) {
        // Whoever unwinds cannot be left: the rest of this thread of the system would be taken to unwind as well.
        if thread::panicking() {
            eprintln!(
                "lkmm: a thread of a model panics, and then waits for a lock of `std` for ever:\n{}",
                Backtrace::force_capture()
            );
            std::process::abort();
        }
        TARGET.store(0, Ordering::SeqCst);
        // SAFETY: this is the code of one of the runtime's threads, which was in a system call.
        unsafe { runtime::give_up(runtime, None, Backtrace::force_capture) }
    }
    // SAFETY: what it points to is there for ever.
    if let Some(earlier) = unsafe { EARLIER.load(Ordering::SeqCst).as_ref() } {
        if ![libc::SIG_DFL, libc::SIG_IGN].contains(&earlier.sa_sigaction) {
            // SAFETY: so was the handler installed, with three arguments or with one (which may be passed more).
            unsafe {
                let handler: extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) =
                    std::mem::transmute(earlier.sa_sigaction);
                handler(signal, info, context);
            }
        }
    }
}

/// Was the thread interrupted in a system call that returns to an address, and had nothing else ended it?
///
/// # Safety
/// This is the context that the handler of a signal was given.
#[cfg(target_arch = "x86_64")]
unsafe fn is_in_call(context: *const libc::ucontext_t, returns_to: usize) -> bool {
    // SAFETY: the caller's promise.
    let registers = unsafe { &(*context).uc_mcontext.gregs };
    registers[libc::REG_RIP as usize] as usize == returns_to
        && registers[libc::REG_RAX as usize] == -i64::from(libc::EINTR)
}

#[cfg(target_arch = "aarch64")]
unsafe fn is_in_call(context: *const libc::ucontext_t, returns_to: usize) -> bool {
    // SAFETY: the caller's promise.
    let registers = unsafe { &(*context).uc_mcontext };
    registers.pc as usize == returns_to && registers.regs[0] as i64 == -i64::from(libc::EINTR)
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
unsafe fn is_in_call(_: *const libc::ucontext_t, _: usize) -> bool {
    true
}

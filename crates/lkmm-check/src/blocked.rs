//! Threads of a model that wait for something real: a lock of `std`, a channel, another thread of the operating system.
//!
//! All threads of a model run on one thread of the operating system. If one of them waits there for what another one holds, nobody ever
//! runs again, and the test hangs. So somebody watches: a thread of its own, which is there when the first model is.
//!
//! *The protocol.* Each runtime has a [`Watched`], and counts in it how often it has let a thread run. The watcher looks at all of them a few
//! times a second. Whose count stays the same, while the system says that the thread is in one and the same `futex` call without a time
//! limit, is blocked; as long as another thread of the process does something else, and might wake it, the watcher waits longer. Then it sends the blocked
//! thread a signal. The handler finds itself on the stack of the thread of the model, which was interrupted in a system call, and so holds
//! no lock of the allocator. It notes where it is called from, and leaves the processor to the search as any operation does, for
//! ever. The search ends with an error. What is locked stays so: who else wants it blocks as well.
//!
//! The signal is `SIGURG`, which nobody minds who does not ask for it. Our handler is there only while a thread is interrupted, and passes
//! on what it has not been waiting for.
//!
//! All this is for Linux; elsewhere such a test hangs.

#[cfg(target_os = "linux")]
mod signal;
#[cfg(target_os = "linux")]
mod watcher;

use std::backtrace::Backtrace;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the watcher knows of a runtime.
#[derive(Debug)]
pub(crate) struct Watched {
    /// The thread of the operating system, by number.
    thread: i32,
    /// How often a thread of the model was let run.
    turns: AtomicU64,
}

impl Watched {
    /// A runtime of this thread, which is watched from now on.
    pub(crate) fn new() -> Arc<Self> {
        #[cfg(target_os = "linux")]
        {
            // SAFETY: it asks for nothing.
            let thread = unsafe { libc::gettid() };
            let watched = Arc::new(Watched { thread, turns: AtomicU64::new(0) });
            watcher::watch(&watched);
            watched
        }
        #[cfg(not(target_os = "linux"))]
        Arc::new(Watched { thread: 0, turns: AtomicU64::new(0) })
    }

    /// A thread of the model is let run. (Only the thread of the runtime counts.)
    #[inline]
    pub(crate) fn count(&self) {
        self.turns.store(self.turns.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }
}

/// Where a thread is blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) place: Option<(String, u32, u32)>,
}

/// The code whose call does not return: the innermost that is not of the standard library, nor of the system.
pub(crate) fn caller(backtrace: &Backtrace) -> Option<Call> {
    caller_in(&backtrace.to_string())
}

/// A backtrace has a line `  4: function`, and then, if that is known, `        at file:line:column`. It begins with the handler of the signal.
fn caller_in(backtrace: &str) -> Option<Call> {
    let mut lines = backtrace.lines().map(str::trim).peekable();
    let mut calls = Vec::new();
    while let Some(line) = lines.next() {
        let Some((_, function)) = line.split_once(": ").filter(|(number, _)| number.parse::<u32>().is_ok()) else {
            continue;
        };
        let place = lines.peek().and_then(|next| next.strip_prefix("at ")).and_then(place);
        calls.push(Call { function: function.to_string(), place });
    }
    let handler = calls.iter().position(|call| call.function.contains("interrupted"));
    let calls = calls.split_off(handler.map_or(0, |at| at + 1));
    let is_other = |call: &&Call| match &call.place {
        // What the system is made of is no Rust.
        Some((file, ..)) => {
            file.ends_with(".rs") && !file.starts_with("/rustc/") && !file.contains("/rustlib/src/rust/library/")
        }
        None => call.function.contains("::") && !is_of_std(&call.function),
    };
    calls.iter().find(|call| call.place.is_some() && is_other(call)).or_else(|| calls.iter().find(is_other)).cloned()
}

fn is_of_std(function: &str) -> bool {
    let path = function.trim_start_matches(['<', '&']);
    ["std::", "core::", "alloc::"].iter().any(|library| path.starts_with(library))
}

fn place(text: &str) -> Option<(String, u32, u32)> {
    let (rest, column) = text.rsplit_once(':')?;
    let (file, line) = rest.rsplit_once(':')?;
    let file = file.strip_prefix("./").unwrap_or(file);
    Some((file.to_string(), line.parse().ok()?, column.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "   0: outside<()>
             at ./src/heap.rs:1:2
   0: lkmm_check::blocked::signal::interrupted
             at ./src/blocked/signal.rs:1:2
   1: <unknown>
   2: syscall
             at misc/../sysdeps/unix/sysv/linux/x86_64/syscall.S:37:0
   3: lock_contended
             at /rustc/0123/library/std/src/sys/sync/mutex/futex.rs:65:13
   4: std::sync::mutex::Mutex<T>::lock
   5: mine::Queue<T>::take
             at ./tests/mine.rs:12:34
   6: mine::main";

    #[test]
    fn the_innermost_call_of_others_is_found() {
        let place = Some(("tests/mine.rs".to_string(), 12, 34));
        assert_eq!(caller_in(TEXT), Some(Call { function: "mine::Queue<T>::take".to_string(), place }));
        let stripped: Vec<&str> = TEXT.lines().filter(|line| !line.trim().starts_with("at ")).collect();
        assert_eq!(caller_in(&stripped.join("\n")).map(|call| call.function), Some("mine::Queue<T>::take".to_string()));
        assert_eq!(caller_in("disabled backtrace"), None);
    }
}

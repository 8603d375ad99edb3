//! The watcher: who is blocked?

use super::{Watched, signal};
use std::fs;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(200);
/// So long a thread is in one call before it is taken to be blocked, if no other thread could wake it.
const BLOCKED: Duration = Duration::from_secs(2);
/// And so long whatever others do.
const BLOCKED_ANYHOW: Duration = Duration::from_secs(20);

static RUNTIMES: Mutex<Vec<Weak<Watched>>> = Mutex::new(Vec::new());
static CHANGED: Condvar = Condvar::new();

fn runtimes() -> MutexGuard<'static, Vec<Weak<Watched>>> {
    RUNTIMES.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Has a runtime be watched as long as it is there.
pub(super) fn watch(watched: &Arc<Watched>) {
    static WATCHER: Once = Once::new();
    WATCHER.call_once(|| {
        // Without a watcher, a test that blocks hangs, and nothing else changes.
        drop(thread::Builder::new().name("lkmm-watcher".to_string()).spawn(look));
    });
    runtimes().push(Arc::downgrade(watched));
    CHANGED.notify_one();
}

/// A call in which a runtime was seen.
struct Seen {
    runtime: Arc<Watched>,
    turns: u64,
    call: Call,
    since: Instant,
}

/// A call of the system, as that describes it.
#[derive(Clone, PartialEq)]
struct Call {
    line: String,
    is_futex: bool,
    /// If it is one: it ends after some time.
    has_limit: bool,
    /// Where it returns to.
    returns_to: usize,
}

fn look() {
    let mut seen: Vec<Seen> = Vec::new();
    loop {
        let mut runtimes = runtimes();
        runtimes.retain(|runtime| runtime.strong_count() > 0);
        if runtimes.is_empty() {
            seen.clear();
            drop(CHANGED.wait(runtimes));
            continue;
        }
        let now: Vec<Arc<Watched>> = runtimes.iter().filter_map(Weak::upgrade).collect();
        drop(runtimes);
        seen = now.into_iter().filter_map(|runtime| look_at(runtime, &seen)).collect();
        seen.retain(|seen| !is_blocked(seen) || !signal::interrupt(seen.runtime.thread, seen.call.returns_to));
        thread::sleep(EVERY);
    }
}

/// The call that a runtime is in, if it is in one, and since when.
fn look_at(runtime: Arc<Watched>, before: &[Seen]) -> Option<Seen> {
    let turns = runtime.turns.load(Ordering::Relaxed);
    let call = waits(runtime.thread)?;
    let known =
        before.iter().find(|seen| Arc::ptr_eq(&seen.runtime, &runtime) && seen.turns == turns && seen.call == call);
    let since = known.map_or_else(Instant::now, |seen| seen.since);
    Some(Seen { runtime, turns, call, since })
}

fn is_blocked(seen: &Seen) -> bool {
    let time = seen.since.elapsed();
    time >= BLOCKED_ANYHOW || time >= BLOCKED && !another_goes_on()
}

/// The `futex` call without a time limit that a thread is in.
fn waits(thread: i32) -> Option<Call> {
    call(thread).filter(|call| call.is_futex && !call.has_limit)
}

/// The call that a thread is in; `None` if there is no such thread.
fn call(thread: i32) -> Option<Call> {
    let line = fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).ok().filter(|line| !line.is_empty())?;
    // The number of the call; six arguments, of which the fourth of `futex` is the time limit; the stack pointer; where it returns to.
    let fields: Vec<&str> = line.split_whitespace().collect();
    let hexadecimal = |field: &&str| usize::from_str_radix(field.strip_prefix("0x")?, 16).ok();
    let is_futex = fields.first().is_some_and(|number| *number == libc::SYS_futex.to_string());
    let has_limit = fields.get(4).and_then(hexadecimal) != Some(0);
    let returns_to = fields.get(8).and_then(hexadecimal).unwrap_or(0);
    Some(Call { is_futex, has_limit, returns_to, line })
}

/// May another thread of the process go on by itself? One that is in a `futex` call without a time limit waits for a thread. (So does the main
/// thread with one: it may be that of the test harness, which waits for the tests, and says now and then that it still does.)
fn another_goes_on() -> bool {
    // SAFETY: neither asks for anything.
    let (own, main) = unsafe { (libc::gettid(), libc::getpid()) };
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return true };
    let numbers = threads.flatten().filter_map(|thread| thread.file_name().to_str()?.parse::<i32>().ok());
    numbers.filter(|&thread| thread != own).any(|thread| match call(thread) {
        // Who has ended in the meantime is in no call.
        None => false,
        Some(call) => !call.is_futex || call.has_limit && thread != main,
    })
}

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

/// A `futex` call of a thread, as the system describes it.
#[derive(Clone, PartialEq)]
struct Call {
    line: String,
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
    let line = fs::read_to_string(format!("/proc/self/task/{thread}/syscall")).ok()?;
    // The number of the call; six arguments, the fourth of which is the time limit; the stack pointer; where it returns to.
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [number, _, _, _, limit, _, _, _, returns_to] = fields[..] else { return None };
    let hexadecimal = |field: &str| usize::from_str_radix(field.strip_prefix("0x")?, 16).ok();
    let returns_to = hexadecimal(returns_to)?;
    (number == libc::SYS_futex.to_string() && hexadecimal(limit) == Some(0)).then_some(Call { line, returns_to })
}

/// May another thread of the process go on by itself? (One that waits in a `futex` call waits for a thread.)
fn another_goes_on() -> bool {
    // SAFETY: it asks for nothing.
    let own = unsafe { libc::gettid() }.to_string();
    let Ok(threads) = fs::read_dir("/proc/self/task") else { return true };
    threads.flatten().filter(|thread| thread.file_name().to_str() != Some(&own)).any(|thread| {
        // Who has ended in the meantime has no line.
        let line = fs::read_to_string(thread.path().join("syscall")).unwrap_or_default();
        line.split_whitespace().next().is_some_and(|number| number != libc::SYS_futex.to_string())
    })
}

//! Where large tests are checked: on threads of their own, of which the process has few.
//!
//! A test of a few lines can have control paths of a hundred megabytes. Whoever checks many tests on many threads has
//! memory for small ones on each of them, and for a few large ones. So a test is read as a small one first, and if it is
//! none, it is handed over to one of these threads. (That they are always the same ones matters as well: an allocator keeps
//! what is given back for the thread that had it.)

use crate::lower::MAX_TOTAL;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, mpsc};

/// Events, expressions and dependencies that a small test may have.
pub(crate) const SMALL: usize = MAX_TOTAL >> 5;

/// Large tests that are checked at the same time.
const THREADS: usize = 2;

/// The stack of each thread: source is nested, and so are the functions that read it.
const STACK: usize = 64 << 20;

type Job = Box<dyn FnOnce() + Send>;

/// Where the threads take their work from.
static QUEUE: OnceLock<Mutex<mpsc::Sender<Job>>> = OnceLock::new();

/// Does some work when there is room for it, and waits for what comes of it. (Where there are no threads to be had, it is
/// done at once.)
pub(crate) fn in_turn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = mpsc::channel();
    let job: Job = Box::new(move || drop(sender.send(catch_unwind(AssertUnwindSafe(work)))));
    let queue = QUEUE.get_or_init(start).lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Err(mpsc::SendError(job)) = queue.send(job) {
        job();
    }
    let result = receiver.recv().expect("a job always sends what came of it");
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

fn start() -> Mutex<mpsc::Sender<Job>> {
    let (sender, receiver) = mpsc::channel::<Job>();
    let receiver = Arc::new(Mutex::new(receiver));
    for _ in 0..THREADS {
        let receiver = Arc::clone(&receiver);
        let next = move || receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let worker = move || {
            while let Ok(job) = next() {
                job();
            }
        };
        // The last receiver is gone if none of them starts, and nothing can be sent.
        let _ = std::thread::Builder::new().stack_size(STACK).spawn(worker);
    }
    Mutex::new(sender)
}

#[cfg(test)]
mod tests {
    use super::in_turn;

    #[test]
    fn everybody_gets_an_answer_even_after_a_panic() {
        let panics =
            |n: usize| std::panic::catch_unwind(|| in_turn(move || if n == 0 { panic!("on purpose") } else { n }));
        let answers: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..20).map(|n| scope.spawn(move || panics(n % 5).ok())).collect();
            asking.into_iter().map(|asking| asking.join().unwrap()).collect()
        });
        let expected: Vec<_> = (0..20).map(|n| Some(n % 5).filter(|&n| n > 0)).collect();
        assert_eq!(answers, expected);
    }
}

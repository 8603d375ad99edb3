//! Sleeping where one may not: with a spinlock held, or in a reader of RCU.

use crate::pair::*;
use lkmm::lock::{Mutex, RwLock, RwSemaphore, SpinLock};
use lkmm::rcu::{read_lock, synchronize_rcu};
use lkmm::srcu::Domain;
use lkmm::thread;

pairs! {
    grace_period_with_a_spinlock_held: LockMisuse at ["taken, and kept", "sleeps"], sleeps(Held::Spin) => sleeps(Held::Mutex);
    grace_period_with_a_spinlock_tried: LockMisuse at ["tried, and kept", "sleeps"], sleeps(Held::Tried) => sleeps(Held::Released);
    grace_period_of_srcu_with_a_spinlock_held: LockMisuse at ["taken, and kept", "sleeps"], sleeps(Held::SpinInSrcu) => sleeps(Held::Reader);

    /// Nobody has the mutex, or ever wants it.
    mutex_under_a_spinlock: LockMisuse at ["spins", "sleeps for a mutex"], mutex_under(true) => mutex_under(false);
    mutex_in_a_reader: LockMisuse at ["begins to read", "may wait for the writer"], mutex_in(Some(0)) => mutex_in(Some(1));
    semaphore_in_a_reader: LockMisuse at ["begins to read", "may wait for the semaphore"], mutex_in(Some(2)) => mutex_in(None);
    join_under_a_spinlock: LockMisuse at ["kept until the join", "joins"], joins(Kept::Spin) => joins(Kept::Mutex);
    join_in_a_reader: LockMisuse at ["kept until the join", "joins"], joins(Kept::Rcu) => joins(Kept::Srcu);
    join_while_reading: LockMisuse at ["kept until the join", "joins"], joins(Kept::Reading) => joins(Kept::ReadingSemaphore);
    join_while_writing: LockMisuse at ["kept until the join", "joins"], joins(Kept::Writing) => joins(Kept::Nothing);
    scope_that_ends_in_a_reader: LockMisuse at ["around the scope", "ends with its threads"], scope_in(true) => scope_in(false);
    park_in_a_reader: LockMisuse at ["not yet over", "parks"], parks(true) => parks(false);
    /// Only who finds the flag set keeps the lock.
    sleep_on_one_path_only: LockMisuse at ["taken on one path", "sleeps on one path"], path(true) => path(false);
}

#[derive(Clone, Copy, PartialEq)]
enum Kept {
    Spin,
    Mutex,
    Rcu,
    Srcu,
    Reading,
    ReadingSemaphore,
    Writing,
    Nothing,
}

fn mutex_under(nested: bool) -> impl Model {
    move || {
        let (spin, mutex) = (SpinLock::new(()), Mutex::new(0));
        let spins = spin.lock(); // spins
        if nested {
            *mutex.lock() += 1; // sleeps for a mutex
        } else {
            // To try is not to sleep, and who has a mutex may take a spinlock.
            *mutex.try_lock().unwrap() += 1;
            drop(spins);
            let _mutex = mutex.lock();
            let _spins = spin.lock(); // spins
        }
    }
}

fn mutex_in(which: Option<usize>) -> impl Model {
    static DOMAIN: Domain = Domain::new();
    move || {
        let (mutex, semaphore) = (Mutex::new(0), RwSemaphore::new(0));
        let read = || match which {
            Some(0) => {
                let _reader = read_lock(); // begins to read
                *mutex.lock() // may wait for the writer
            }
            Some(1) => {
                let _reader = DOMAIN.read_lock();
                *mutex.lock()
            }
            Some(_) => {
                let _reader = read_lock(); // begins to read
                *semaphore.read() // may wait for the semaphore
            }
            None => {
                drop(read_lock());
                *semaphore.read()
            }
        };
        // Another thread may be a reader, and have a spinlock.
        let (spin, other) = (SpinLock::new(0), RwLock::new(0));
        let holds = || {
            let (_reader, mut spin, other) = (read_lock(), spin.lock(), other.read());
            *spin += *other;
        };
        let write = || {
            *mutex.lock() += 1;
            *semaphore.write() += 1;
        };
        three(read, holds, write);
    }
}

fn joins(kept: Kept) -> impl Model {
    static DOMAIN: Domain = Domain::new();
    move || {
        let (spin, mutex) = (SpinLock::new(()), Mutex::new(()));
        let (spins, sleeps) = (RwLock::new(()), RwSemaphore::new(()));
        let child = thread::spawn(|| ());
        match kept {
            Kept::Spin => {
                let _guard = spin.lock(); // kept until the join
                child.join().unwrap(); // joins
            }
            Kept::Mutex => {
                let _guard = mutex.lock();
                child.join().unwrap();
            }
            Kept::Rcu => {
                let _guard = read_lock(); // kept until the join
                child.join().unwrap(); // joins
            }
            Kept::Srcu => {
                let _guard = DOMAIN.read_lock();
                child.join().unwrap();
            }
            Kept::Reading => {
                // The same thread may read several times.
                let _guard = spins.read(); // kept until the join
                drop(spins.read());
                child.join().unwrap(); // joins
            }
            Kept::ReadingSemaphore => {
                drop(spins.read());
                let _guard = sleeps.read();
                child.join().unwrap();
            }
            Kept::Writing => {
                let _guard = spins.try_write(); // kept until the join
                child.join().unwrap(); // joins
            }
            Kept::Nothing => {
                drop((spins.try_write(), spin.try_lock()));
                drop((spins.read(), spin.lock(), read_lock()));
                let _guard = sleeps.write();
                child.join().unwrap();
            }
        }
    }
}

fn scope_in(inside: bool) -> impl Model {
    move || {
        let x = Atomic::new(0_u32);
        let guard = inside.then(|| read_lock()); // around the scope
        thread::scope(|s| _ = s.spawn(|| x.store(1, Relaxed))); // ends with its threads
        drop(guard);
    }
}

fn parks(inside: bool) -> impl Model {
    move || {
        let sleeper = thread::spawn(move || {
            let guard = read_lock(); // not yet over
            let _kept = if inside {
                Some(guard)
            } else {
                drop(guard);
                None
            };
            thread::park(); // parks
        });
        sleeper.thread().unpark();
        sleeper.join().unwrap();
    }
}

fn path(keep: bool) -> impl Model {
    move || {
        let (flag, lock, mutex) = (Atomic::new(false), SpinLock::new(()), Mutex::new(0));
        let look = || {
            let mut guard = None;
            if flag.load(Relaxed) {
                guard = Some(lock.lock()); // taken on one path
            }
            if !keep {
                drop(guard.take());
            }
            *mutex.lock() += 1; // sleeps on one path
            drop(guard);
        };
        both(|| flag.store(true, Relaxed), look);
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Held {
    Spin,
    Tried,
    Mutex,
    Released,
    SpinInSrcu,
    Reader,
}

fn sleeps(held: Held) -> impl Model {
    static DOMAINS: [Domain; 2] = [Domain::new(), Domain::new()];
    move || {
        let (spin, mutex) = (SpinLock::new(0), Mutex::new(0));
        let update = || {
            let _reader = matches!(held, Held::SpinInSrcu | Held::Reader).then(|| DOMAINS[0].read_lock());
            let mut guard = None;
            if matches!(held, Held::Spin | Held::SpinInSrcu | Held::Released) {
                guard = Some(spin.lock()); // taken, and kept
            } else if held == Held::Tried {
                guard = spin.try_lock(); // tried, and kept
            }
            let _mutex = (held == Held::Mutex).then(|| mutex.lock());
            if held == Held::Released {
                guard = None;
            }
            match held {
                Held::SpinInSrcu | Held::Reader => DOMAINS[1].synchronize(), // sleeps
                _ => synchronize_rcu(),                                      // sleeps
            }
            drop(guard);
        };
        both(update, || *spin.lock() += 1);
    }
}

//! Deadlocks through grace periods. (Where readers sleep, they are those of a domain: readers of RCU may not.)

use crate::pair::*;
use lkmm::lock::Mutex;
use lkmm::rcu::{read_lock, synchronize_rcu};
use lkmm::srcu::Domain;
use lkmm::thread;

pairs! {
    lock_held_for_a_grace_period: Deadlock at ["waits for the reader", "reader wants the lock"], locked(true) => locked(false);
    thread_joined_by_the_reader_it_waits_for: Deadlock at ["waits for who joins it", "joined by a reader"],
        joined(true) => joined(false);
    /// The thread begins within the reader: no execution that comes to an end has the grace period after it.
    thread_of_the_reader_it_waits_for: Deadlock at ["waits for who started it", "joined by who started it"],
        child(true) => child(false);
    message_to_the_reader: Deadlock at ["waits for who told it", "waits for an answer"], answer(true) => answer(false);
    lock_tried_again_and_again: Deadlock at ["waits for who tries", "tries in a reader"], tries(true) => tries(false);
    parked_until_after_the_grace_period: Deadlock at ["waits for who is parked", "parked in a reader"], parked(true) => parked(false);
    flag_set_after_the_grace_period: Deadlock at ["waits for who spins", "spins in a reader"], flag(true) => flag(false);
    domains_crosswise: Deadlock at ["waits for the other domain"], crosswise(1) => crosswise(0);
    /// Between the reader and who waits for it is a third thread.
    lock_handed_on: Deadlock at ["waits for the reader", "wants the first lock", "reader wants the second lock"],
        chain(true) => chain(false);
    domain_of_the_lock: Deadlock at ["waits for the domain", "reader of a domain wants the lock"], domain(0) => domain(1);
}

static DOMAIN: Domain = Domain::new();

fn locked(kept: bool) -> impl Model {
    move || {
        let lock = Mutex::new(0);
        let update = || {
            let guard = lock.lock();
            if !kept {
                drop(guard);
                return DOMAIN.synchronize();
            }
            DOMAIN.synchronize(); // waits for the reader
        };
        let read = || {
            let _reader = DOMAIN.read_lock();
            *lock.lock() += 1; // reader wants the lock
        };
        both(update, read);
    }
}

fn joined(inside: bool) -> impl Model {
    move || {
        let child = thread::spawn(|| DOMAIN.synchronize()); // waits for who joins it
        let reader = DOMAIN.read_lock();
        let _reader = if inside {
            Some(reader)
        } else {
            drop(reader);
            None
        };
        child.join().unwrap(); // joined by a reader
    }
}

fn child(waits: bool) -> impl Model {
    move || {
        let _reader = DOMAIN.read_lock();
        let child = thread::spawn(move || {
            if waits {
                DOMAIN.synchronize(); // waits for who started it
            }
        });
        child.join().unwrap(); // joined by who started it
    }
}

fn answer(waits: bool) -> impl Model {
    move || {
        let (told, answered) = (Atomic::new(0), Atomic::new(0));
        let reader = || {
            let _reader = read_lock();
            told.store(1, Release);
            while answered.load(Acquire) == 0 {
                spin_loop(); // waits for an answer
            }
        };
        let updater = || {
            if told.load(Acquire) == 1 && waits {
                synchronize_rcu(); // waits for who told it
            }
            answered.store(1, Release);
        };
        both(reader, updater);
    }
}

fn flag(after: bool) -> impl Model {
    move || {
        let done = Atomic::new(false);
        let update = || {
            if !after {
                done.store(true, Release);
            }
            synchronize_rcu(); // waits for who spins
            done.store(true, Release);
        };
        let read = || {
            let _reader = read_lock();
            while !done.load(Acquire) {
                spin_loop(); // spins in a reader
            }
        };
        both(update, read);
    }
}

fn tries(kept: bool) -> impl Model {
    move || {
        let lock = Mutex::new(());
        let update = || {
            let guard = lock.lock();
            if !kept {
                drop(guard);
            }
            synchronize_rcu(); // waits for who tries
        };
        let read = || {
            let _reader = read_lock();
            while lock.try_lock().is_none() {
                spin_loop(); // tries in a reader
            }
        };
        both(update, read);
    }
}

fn parked(inside: bool) -> impl Model {
    move || {
        let child = thread::spawn(move || {
            let reader = inside.then(|| DOMAIN.read_lock());
            thread::park(); // parked in a reader
            drop(reader);
        });
        DOMAIN.synchronize(); // waits for who is parked
        child.thread().unpark();
        child.join().unwrap();
    }
}

fn crosswise(other: usize) -> impl Model {
    static DOMAINS: [Domain; 3] = [Domain::new(), Domain::new(), Domain::new()];
    move || {
        let wait = |read: usize, wait: usize| {
            let _reader = DOMAINS[read].read_lock();
            DOMAINS[wait].synchronize(); // waits for the other domain
        };
        // Who waits for a domain that nobody reads has nothing to wait for.
        both(|| wait(0, 1), || wait(1, if other == 1 { 0 } else { 2 }));
    }
}

fn chain(kept: bool) -> impl Model {
    move || {
        let locks = [Mutex::new(()), Mutex::new(())];
        let update = || {
            let guard = locks[0].lock();
            if !kept {
                drop(guard);
            }
            DOMAIN.synchronize(); // waits for the reader
        };
        let between = || {
            let _second = locks[1].lock();
            let _first = locks[0].lock(); // wants the first lock
        };
        let read = || {
            let _reader = DOMAIN.read_lock();
            let _second = locks[1].lock(); // reader wants the second lock
        };
        three(update, between, read);
    }
}

fn domain(waits: usize) -> impl Model {
    static DOMAINS: [Domain; 2] = [Domain::new(), Domain::new()];
    move || {
        let lock = Mutex::new(0);
        let update = || {
            let _guard = lock.lock();
            DOMAINS[waits].synchronize(); // waits for the domain
        };
        let read = || {
            let _reader = DOMAINS[0].read_lock();
            *lock.lock() += 1; // reader of a domain wants the lock
        };
        both(update, read);
    }
}

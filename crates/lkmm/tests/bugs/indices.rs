//! Dependencies that show only with a value that other executions have.

use crate::pair::*;

pairs! {
    /// Who reads the winner's index could have read the loser's, but that is never written in the same execution.
    index_of_the_winner_compared: DataRace at ["made by one of two", "found by its index"], winner(true) => winner(false);
    index_of_the_winner_published_too_early: DataRace at ["made by one of two", "found by its index"],
        passed_on(Relaxed) => passed_on(Release);
    /// The store's value shows that it depends on the load; the load is that of a ticket.
    pointer_to_a_static_compared: DataRace at ["made behind the pointer", "found by the pointer"], pointer(true) => pointer(false);
    index_of_a_ticket_ignored: DataRace at ["made for the ticket", "found by the ticket"], ticket(true) => ticket(false);
}

/// Two threads race to publish the index of what they have made.
fn winner(compare: bool) -> impl Model {
    move || {
        let (data, winner) = (<[Plain; 3]>::default(), Atomic::new(0_usize));
        let make = |own: usize| {
            data[own].set(1); // made by one of two
            let _ = winner.cmpxchg(0, own, Release);
        };
        let look = || match winner.load(Relaxed) {
            0 => 0,
            1 if compare => data[1].get(), // found by its index
            2 if compare => data[2].get(), // found by its index
            chosen => data[chosen].get(),  // found by its index
        };
        three(|| make(1), || make(2), look);
    }
}

/// Somebody passes the index on.
fn passed_on(publish: impl Store) -> impl Model {
    move || {
        let (data, winner, next) = (<[Plain; 3]>::default(), Atomic::new(0_usize), Atomic::new(0_usize));
        let make = |own: usize| {
            data[own].set(1); // made by one of two
            let _ = match own {
                1 => winner.cmpxchg(0, own, Release),
                _ => {
                    winner.store(own, publish);
                    Ok(0)
                }
            };
        };
        let pass = || next.store(winner.load(Relaxed), Release);
        let look = || {
            let chosen = next.load(Relaxed);
            if chosen != 0 {
                data[chosen].get(); // found by its index
            }
        };
        lkmm::thread::scope(|s| {
            s.spawn(|| make(1));
            s.spawn(|| make(2));
            s.spawn(pass);
            look();
        });
    }
}

static MADE: [Plain; 2] = [Plain::new(0), Plain::new(0)];

/// As [`winner`], with pointers.
fn pointer(compare: bool) -> impl Model {
    move || {
        let winner = Atomic::new(std::ptr::null_mut::<Plain>());
        let make = |own: usize| {
            MADE[own].set(1); // made behind the pointer
            let _ = winner.cmpxchg(std::ptr::null_mut(), (&raw const MADE[own]).cast_mut(), Release);
        };
        let look = || {
            let found = winner.load(Relaxed);
            if compare && std::ptr::eq(found, &MADE[0]) {
                MADE[0].get(); // found by the pointer
            // SAFETY: it is null, or points to a static.
            } else if let Some(found) = unsafe { found.as_ref() } {
                found.get(); // found by the pointer
            }
        };
        three(|| make(0), || make(1), look);
    }
}

/// What is made lies where a ticket says.
fn ticket(ignore: bool) -> impl Model {
    move || {
        let (data, next, last) = (<[Plain; 3]>::default(), Atomic::new(0_usize), Atomic::new(0_usize));
        let make = || {
            let own = next.fetch_add(1, Relaxed) + 1;
            data[own].set(1); // made for the ticket
            let _ = last.cmpxchg(0, own, Release);
        };
        let look = || {
            let last = last.load(Relaxed);
            if last != 0 {
                data[if ignore { 1 } else { last }].get(); // found by the ticket
            }
        };
        three(make, make, look);
    }
}

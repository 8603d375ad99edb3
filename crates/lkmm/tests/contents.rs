//! What reads find in objects whose values the model does not know: what the write has left that they read from, whoever was run first.

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::cell::{Shared, Slot};
use lkmm::check::{Builder, Report};
use lkmm::rcu::{read_lock, synchronize_rcu};
use lkmm::thread;

fn goes_well(model: impl Fn() + Send + Sync + 'static) -> Report {
    let report = Builder::new().explore(model);
    assert!(report.failure().is_none() && report.complete(), "{report}");
    report
}

fn fails(model: impl Fn() + Send + Sync + 'static, message: &str) {
    let report = Builder::new().explore(model);
    assert!(report.failure().is_some_and(|failure| failure.message().contains(message)), "{report}");
}

/// Each function in a thread of its own.
fn both(a: impl FnOnce() + Send, b: impl FnOnce() + Send) {
    thread::scope(|s| {
        s.spawn(a);
        s.spawn(b);
    });
}

/// An object is used for something else after a grace period; a reader that began before finds what was there.
fn reuse(object: &Shared<[u32; 3]>, reads_last: bool) {
    let current = Atomic::new(0_u32);
    let update = || {
        current.store(1, Release);
        synchronize_rcu();
        // SAFETY: readers are waited for.
        unsafe { object.set([3; 3]) };
    };
    let read = || {
        let _guard = read_lock();
        if current.load(Relaxed) == 0 {
            // SAFETY: it is waited for.
            assert_eq!(unsafe { object.get() }, [1; 3]);
        }
    };
    match reads_last {
        true => both(update, read),
        false => both(read, update),
    }
}

#[test]
fn the_owner_finds_what_was_written_last() {
    for reads_last in [true, false] {
        goes_well(move || {
            let object = Shared::new([1; 3]);
            reuse(&object, reads_last);
            assert_eq!(object.into_inner(), [3; 3]);
        });
        goes_well(move || {
            let mut object = Shared::new([1; 3]);
            reuse(&object, reads_last);
            assert_eq!(*object.get_mut(), [3; 3]);
        });
        goes_well(move || {
            let object = Box::new(Shared::new([1; 3]));
            reuse(&object, reads_last);
            // SAFETY: nobody else is left.
            assert_eq!(unsafe { *object.as_ptr() }, [3; 3]);
        });
    }
}

/// The second object lies where the first one lay, on the stack; and one of another size does.
#[test]
fn an_object_in_the_place_of_another_is_another_one() {
    #[inline(never)]
    fn phase<const N: usize>() {
        let (current, object) = (Atomic::new(0_u32), Shared::new([1_u32; N]));
        let update = || {
            current.store(1, Release);
            synchronize_rcu();
            // SAFETY: readers are waited for.
            unsafe { object.set([3; N]) };
        };
        let read = || {
            let _guard = read_lock();
            if current.load(Relaxed) == 0 {
                // SAFETY: it is waited for.
                unsafe { object.with_mut(|object| (object[0], object[N - 1]) = (object[N - 1], object[0])) };
                // SAFETY: as above.
                assert_eq!(unsafe { object.get() }, [1; N]);
            }
        };
        both(update, read);
    }
    goes_well(|| {
        phase::<3>();
        phase::<3>();
    });
    goes_well(|| {
        phase::<16>();
        phase::<3>();
    });
}

/// While it is being changed, the thread does something else.
#[test]
fn a_change_with_an_operation_in_it_is_whole() {
    goes_well(|| {
        let (current, is_ready, flag) = (Atomic::new(0_u32), Atomic::new(false), Atomic::new(7_u32));
        let object = Shared::new((1_u32, 1_u64));
        let update = || {
            current.store(1, Release);
            synchronize_rcu();
            let change = |object: &mut (u32, u64)| {
                object.0 = 2;
                object.1 = flag.load(Relaxed).into();
            };
            // SAFETY: readers are waited for.
            unsafe { object.with_mut(change) };
            is_ready.store(true, Release);
        };
        let read = || {
            let _guard = read_lock();
            if current.load(Relaxed) == 0 {
                // SAFETY: it is waited for.
                assert_eq!(unsafe { object.get() }, (1, 1));
            }
        };
        let read_later = || {
            if is_ready.load(Acquire) {
                // SAFETY: it was changed before.
                assert_eq!(unsafe { object.get() }, (2, 7));
            }
        };
        thread::scope(|s| {
            s.spawn(update);
            s.spawn(read);
            s.spawn(read_later);
        });
        // SAFETY: nobody else is left.
        assert_eq!(unsafe { object.get() }, (2, 7));
    });
}

#[test]
fn slots_hold_what_was_written() {
    goes_well(|| {
        let (current, slots) = (Atomic::new(0_usize), [Slot::new([1_u32; 3]), Slot::uninit()]);
        let update = || {
            // SAFETY: nobody knows of it.
            unsafe { slots[1].write([2; 3]) };
            current.store(1, Release);
            synchronize_rcu();
            // SAFETY: readers are waited for.
            unsafe { slots[0].write([3; 3]) };
        };
        let read = || {
            let _guard = read_lock();
            let at = current.load(Relaxed);
            // SAFETY: it was written before it was made current, and is waited for.
            assert_eq!(unsafe { slots[at].assume_init_read() }, [at as u32 + 1; 3]);
        };
        both(update, read);
    });
}

#[test]
fn statics_hold_what_was_written() {
    static OBJECT: Shared<[u32; 3]> = Shared::new([1; 3]);
    for reads_last in [true, false] {
        goes_well(move || {
            reuse(&OBJECT, reads_last);
            // SAFETY: nobody else is left.
            assert_eq!(unsafe { OBJECT.get() }, [3; 3]);
        });
    }
}

/// What a thread does follows from what was in the object, too: a late read that comes to nothing with one content does not with another.
#[test]
fn a_late_read_is_tried_with_each_content() {
    fails(
        || {
            let (x, y, z, is_ready) = (Atomic::new(0), Atomic::new(0), Atomic::new(0), Atomic::new(false));
            let object = Shared::new([0_u32; 3]);
            let look = || {
                if is_ready.load(Acquire) {
                    // SAFETY: it was written before.
                    let found = unsafe { object.get() };
                    let late = x.load(Relaxed);
                    if late == 0 || found[0] == 2 {
                        y.store(1, Relaxed);
                    }
                    assert_ne!(late, 1, "late");
                }
            };
            let fill = || {
                let more = z.load(Relaxed);
                // SAFETY: nobody looks at it before.
                unsafe { object.set([more + 1; 3]) };
                is_ready.store(true, Release);
            };
            thread::scope(|s| {
                s.spawn(look);
                s.spawn(fill);
                s.spawn(|| z.store(1, Relaxed));
                s.spawn(|| {
                    if y.load(Relaxed) == 1 {
                        x.store(1, Relaxed);
                    }
                });
            });
        },
        "late",
    );
}

/// What is written to an object does not depend on how often it was written before.
#[test]
fn a_write_more_makes_no_dependency() {
    fails(
        || {
            let (x, z) = (Atomic::new(0), Atomic::new(0));
            let object = Shared::new([0_u32; 3]);
            let write = || {
                let late = x.load(Relaxed);
                // SAFETY: no other thread has it.
                unsafe {
                    if late == 5 {
                        object.set([1; 3]);
                    }
                    object.set([2; 3]);
                    z.store(object.get()[0], Relaxed);
                }
                assert_ne!(late, 1, "late");
            };
            thread::scope(|s| {
                s.spawn(write);
                s.spawn(|| {
                    if z.load(Relaxed) == 2 {
                        x.store(1, Relaxed);
                    }
                });
                s.spawn(|| x.store(5, Relaxed));
            });
        },
        "late",
    );
}

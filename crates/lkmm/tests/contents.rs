//! What reads find in objects whose values the model does not know: what the write has left that they read from, whoever was run first.

use lkmm::atomic::{Acquire, Atomic, Relaxed, Release};
use lkmm::cell::{Shared, Slot};
use lkmm::check::{Builder, Report};
use lkmm::rcu::{read_lock, synchronize_rcu};
use lkmm::thread;
use std::mem::MaybeUninit;
use std::panic::AssertUnwindSafe;

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

/// The second object lies where the first one lay; it may be smaller.
#[test]
fn an_object_in_the_place_of_another_is_another_one() {
    fn phase<const N: usize>(object: &Shared<[u32; N]>) {
        let current = Atomic::new(0_u32);
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
                assert_eq!(unsafe { object.get() }, [1; N]);
            }
        };
        both(update, read);
    }
    goes_well(|| {
        for _ in 0..2 {
            let object = Shared::new([1; 3]);
            phase(&object);
        }
    });
    goes_well(|| {
        let mut place = MaybeUninit::<Shared<[u32; 16]>>::uninit();
        phase(place.write(Shared::new([1; 16])));
        // SAFETY: there is room for a smaller one.
        phase(unsafe { (*place.as_mut_ptr().cast::<MaybeUninit<_>>()).write(Shared::new([1; 3])) });
    });
    goes_well(|| {
        let mut object = Shared::new([0; 3]);
        // SAFETY: nobody else has it.
        unsafe { object.set([9; 3]) };
        *object.get_mut() = [1; 3];
        phase(&object);
    });
}

/// What was written by whom is in the execution; what exactly, is not.
#[test]
fn a_late_read_may_change_what_is_written_to_an_object() {
    fails(
        || {
            let (y, current, objects) =
                (Atomic::new(0), Atomic::new(0_usize), [(); 2].map(|()| Shared::new([0_u32; 3])));
            let write = || {
                let late = y.load(Relaxed);
                // SAFETY: nobody knows of it.
                unsafe {
                    match late {
                        1 => objects[1].set([1; 3]),
                        _ => objects[1].set([2; 3]),
                    }
                }
                current.store(1, Release);
                late
            };
            let look = || {
                // SAFETY: it was written before it was made current.
                unsafe { objects[current.load(Relaxed)].get() };
                y.store(1, Relaxed);
            };
            thread::scope(|s| {
                s.spawn(|| assert_ne!(write(), 1, "late"));
                s.spawn(look);
            });
        },
        "late",
    );
}

/// Who panics while an object is changed leaves what is there.
#[test]
fn a_change_that_is_given_up_stays() {
    goes_well(|| {
        let object = Shared::new([1_u32; 3]);
        let change = |object: &mut [u32; 3]| {
            object[0] = 2;
            panic!("given up");
        };
        // SAFETY: nobody else has it.
        let given_up = std::panic::catch_unwind(AssertUnwindSafe(|| unsafe { object.with_mut(change) }));
        assert!(given_up.is_err());
        // SAFETY: as above.
        assert_eq!(unsafe { object.get() }, [2, 1, 1]);
    });
}

/// Nothing is kept of what is large, and it is not copied to the stack.
#[test]
fn large_objects_are_read_in_place() {
    goes_well(|| {
        let object: Box<Shared<[u8; 4 << 20]>> =
            // SAFETY: zeros are such a value, and it has the layout of its content.
            unsafe { Box::from_raw(Box::into_raw(vec![0_u8; 4 << 20].into_boxed_slice()).cast()) };
        // SAFETY: nobody else has it.
        unsafe { object.with_mut(|bytes| bytes[7] = 1) };
        // SAFETY: as above.
        assert_eq!(unsafe { object.with(|bytes| bytes[7]) }, 1);
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

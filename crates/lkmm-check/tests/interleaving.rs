//! One sequentially consistent execution at a time, by a driver that knows nothing of memory models: a read returns what
//! was written last, and a random thread goes on. So the runtime is tested without the search.

use lkmm::atomic::{Acquire, Atomic, Full, Relaxed, Release};
use lkmm::cell::Shared;
use lkmm::lock::SpinLock;
use lkmm::{barrier, check, hint, srcu, thread};
use lkmm_check::ClosureProgram;
use lkmm_model::event::{Fence, Label, Mode};
use lkmm_model::program::{LocationId, Value};
use lkmm_search::open::{Access, Answer, OpenProgram, ReadKind, Step};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a thread did.
#[derive(Clone, Debug, PartialEq)]
struct Taken {
    step: Step,
    answer: Option<(Answer, Access)>,
}

#[derive(Debug, Default)]
struct Run {
    taken: Vec<(usize, Taken)>,
    failures: Vec<(String, u32)>,
    waiting: usize,
    memory: BTreeMap<LocationId, Value>,
}

#[derive(Clone, PartialEq)]
enum State {
    Ready,
    Asks(Step),
    Ended,
    Waits,
}

fn location(step: &Step) -> Option<LocationId> {
    match *step {
        Step::Read(_, location) | Step::Write(location, ..) | Step::Other(Some(location), _) => Some(location),
        _ => None,
    }
}

/// Runs the program once.
fn run(program: &mut ClosureProgram, seed: u64) -> Run {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut run = Run::default();
    let mut held: BTreeMap<LocationId, bool> = BTreeMap::new();
    let mut threads = BTreeMap::from([(0, State::Ready)]);
    program.restart();
    loop {
        let can_go_on = |state: &State| match state {
            State::Ready => true,
            State::Asks(Step::Join { thread, .. }) => threads[thread] == State::Ended,
            State::Asks(Step::Read(ReadKind::Lock, location)) => !held.get(location).is_some_and(|&held| held),
            State::Asks(_) => true,
            State::Ended | State::Waits => false,
        };
        let ready: Vec<usize> = threads.iter().filter(|(_, state)| can_go_on(state)).map(|(&t, _)| t).collect();
        let Some(&thread) = random.choice(&ready) else { break };
        if let State::Asks(step) = threads[&thread].clone() {
            let answer = match step {
                Step::Join { .. } => Answer::Joined,
                Step::Choose(below) => Answer::Choice(random.u32(..below)),
                Step::Read(ReadKind::Ordinary, at) => {
                    Answer::Value(*run.memory.entry(at).or_insert_with(|| program.initial(at)))
                }
                Step::Read(_, at) if held.get(&at).is_some_and(|&held| held) => Answer::Held,
                _ => Answer::Free,
            };
            let mut access = None;
            if let Step::Read(_, at) = step {
                let done = program.access(thread, answer).unwrap().unwrap();
                match done.write {
                    Some((_, Some(value))) => _ = run.memory.insert(at, value),
                    Some((_, None)) => _ = held.insert(at, true),
                    None => {}
                }
                access = Some((answer, done));
            }
            program.resume(thread, answer);
            run.taken.push((thread, Taken { step, answer: access }));
            threads.insert(thread, State::Ready);
            continue;
        }
        let step = program.next(thread, None);
        let mut state = State::Ready;
        match &step {
            Step::Write(at, Some(value), _) => _ = run.memory.insert(*at, *value),
            Step::Write(at, None, _) => _ = held.insert(*at, false),
            Step::Spawn { thread, .. } => assert!(threads.insert(*thread, State::Ready).is_none()),
            Step::Wait { .. } => {
                run.waiting += 1;
                state = State::Waits;
            }
            Step::End { .. } => state = State::Ended,
            Step::Failed(number) => {
                let panic = program.panic(*number).unwrap();
                run.failures.push((panic.message.clone(), panic.place.as_ref().map_or(0, |place| place.line)));
                state = State::Ended;
            }
            _ if step.asks() => state = State::Asks(step.clone()),
            Step::Other(..) => {}
            _ => panic!("{step:?}"),
        }
        if !step.asks() {
            run.taken.push((thread, Taken { step, answer: None }));
        }
        threads.insert(thread, state);
    }
    run
}

/// Runs the program once for each of many seeds.
fn runs(closure: impl Fn() + Send + Sync + 'static, then: impl Fn(&Run)) {
    let mut program = ClosureProgram::new(closure);
    for seed in 0..200 {
        then(&run(&mut program, seed));
    }
}

#[test]
fn increments_are_not_lost() {
    let closure = || {
        let x = Arc::new(Atomic::new(0_u32));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let x = x.clone();
                thread::spawn(move || x.fetch_add(1, Relaxed))
            })
            .collect();
        let mut old: Vec<u32> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        old.sort_unstable();
        assert_eq!(old, [0, 1, 2, 3]);
        assert_eq!(x.load(Relaxed), 4);
        assert_eq!(Arc::into_inner(x).map(|mut x| *x.get_mut()), Some(4), "memory holds the last value");
    };
    runs(closure, |run| assert_eq!(run.failures, []));
}

#[test]
fn the_same_answers_lead_to_the_same_steps_in_any_order_of_threads() {
    let mut program = ClosureProgram::new(|| {
        let x = Arc::new((Atomic::new(0_u32), Shared::new(7_u64), SpinLock::new([1, 2, 3])));
        let threads: Vec<_> = (0..3_u32)
            .map(|n| {
                let x = x.clone();
                thread::spawn(move || {
                    let on_stack = Atomic::new(n);
                    on_stack.add(1, Relaxed);
                    let inner = thread::spawn(move || check::any(0..3));
                    let mut locked = x.2.lock();
                    locked[0] += n;
                    // SAFETY: the lock is held.
                    unsafe { x.1.set(x.1.get() + 1) };
                    drop(locked);
                    let _ = x.0.cmpxchg(n, n + 1, Full);
                    on_stack.load(Acquire) as usize + inner.join().unwrap()
                })
            })
            .collect();
        threads.into_iter().for_each(|t| _ = t.join());
    });
    for seed in 0..200 {
        let before = run(&mut program, seed);
        assert_eq!(before.failures, []);
        // Thread by thread as far as spawns and joins allow, last thread first.
        let mut queues: BTreeMap<usize, Vec<&Taken>> = BTreeMap::new();
        for (thread, taken) in before.taken.iter().rev() {
            queues.entry(*thread).or_default().push(taken);
        }
        let mut alive = vec![0];
        program.restart();
        while let Some(position) = (0..alive.len()).rev().find(|&p| {
            let ended = |thread| queues.get(&thread).is_none_or(|q: &Vec<&Taken>| q.is_empty());
            queues[&alive[p]].last().is_some_and(|taken| match taken.step {
                Step::Join { thread, .. } => ended(thread),
                _ => true,
            })
        }) {
            let thread = alive[position];
            let taken = queues.get_mut(&thread).unwrap().pop().unwrap();
            let step = program.next(thread, location(&taken.step));
            assert_eq!(step, taken.step);
            match (&step, &taken.answer) {
                (Step::Spawn { thread, .. }, _) => alive.push(*thread),
                (Step::Join { .. }, _) => program.resume(thread, Answer::Joined),
                (_, Some((answer, access))) => {
                    assert_eq!(program.access(thread, *answer).unwrap().as_ref(), Some(access));
                    program.resume(thread, *answer);
                }
                // What was chosen is not recorded; nothing depends on it but what is returned.
                (Step::Choose(_), _) => program.resume(thread, Answer::Choice(0)),
                _ => {}
            }
        }
        assert!(queues.values().all(Vec::is_empty));
    }
}

/// The labels of thread 0.
fn labels(closure: impl Fn() + Send + Sync + 'static) -> Vec<Label> {
    let run = run(&mut ClosureProgram::new(closure), 0);
    assert_eq!(run.failures, []);
    let mut labels = Vec::new();
    for (_, taken) in run.taken.iter().filter(|(thread, _)| *thread == 0) {
        match (&taken.step, &taken.answer) {
            (_, Some((_, access))) => {
                labels.extend(access.fence_before.as_ref().map(|event| event.label));
                labels.push(access.event.label);
                labels.extend(access.write.as_ref().map(|(event, _)| event.label));
            }
            (Step::Write(_, _, event) | Step::Other(_, event), _) => labels.push(event.label),
            _ => {}
        }
    }
    labels
}

#[test]
fn primitives_become_what_the_definitions_of_the_kernel_make_of_them() {
    use Label::{Read as R, Write as W};
    use Mode::{Once, Plain};
    const MB: Label = Label::Fence(Fence::Mb);
    let x = || Atomic::new(1_i64);
    assert_eq!(labels(move || _ = x().load(Relaxed)), [R(Once)]);
    assert_eq!(labels(move || _ = x().load(Acquire)), [R(Mode::Acquire)]);
    assert_eq!(labels(move || x().store(-1, Relaxed)), [W(Once)]);
    assert_eq!(labels(move || x().store(-1, Release)), [W(Mode::Release)]);
    assert_eq!(labels(move || x().add(1, Relaxed)), [R(Mode::Noreturn), W(Once)]);
    assert_eq!(labels(move || assert_eq!(x().fetch_add(1, Full), 1)), [MB, R(Once), W(Once), MB]);
    assert_eq!(labels(move || _ = x().fetch_sub(1, Acquire)), [R(Mode::Acquire), W(Once)]);
    assert_eq!(labels(move || _ = x().xchg(1, Release)), [R(Once), W(Mode::Release)]);
    assert_eq!(labels(move || assert_eq!(x().cmpxchg(1, 2, Full), Ok(1))), [MB, R(Once), W(Once), MB]);
    assert_eq!(labels(move || assert_eq!(x().cmpxchg(3, 2, Full), Err(1))), [R(Once)]);
    assert_eq!(labels(move || assert_eq!(x().cmpxchg(3, 2, Acquire), Err(1))), [R(Once)]);
    assert_eq!(labels(barrier::smp_mb__after_spinlock), [Label::Fence(Fence::AfterSpinlock)]);
    let lock = [Label::LockRead, Label::LockWrite, Label::Unlock];
    assert_eq!(labels(|| _ = SpinLock::new(()).lock()), lock);
    assert_eq!(labels(|| assert!(SpinLock::new(()).try_lock().is_some())), lock);
    let locked = || {
        let lock = SpinLock::new(());
        let guard = lock.lock();
        assert!(lock.is_locked() && lock.try_lock().is_none());
        drop(guard);
        assert!(!lock.is_locked());
    };
    let expected = [lock[0], lock[1], Label::ReadLocked, Label::LockFail, Label::Unlock, Label::ReadUnlocked];
    assert_eq!(labels(locked), expected);
    let plain = || {
        let x = Shared::new(-5_i16);
        // SAFETY: there is one thread.
        unsafe { x.with_mut(|x| *x += 1) };
        // SAFETY: there is one thread.
        assert_eq!(unsafe { x.get() }, -4);
    };
    assert_eq!(labels(plain), [R(Plain), W(Plain), R(Plain)]);
    let text = || {
        let x = Shared::new(String::from("a"));
        // SAFETY: there is one thread.
        unsafe {
            x.with_mut(|x| x.push('b'));
            assert_eq!(x.with(String::len), 2);
        }
    };
    assert_eq!(labels(text), [W(Plain), R(Plain)]);
    let sleepable = || {
        let domain = srcu::Domain::new();
        drop(domain.read_lock());
        domain.synchronize();
    };
    assert_eq!(labels(sleepable), [R(Mode::SrcuLock), W(Mode::SrcuUnlock), Label::SyncSrcu]);
}

#[test]
fn panics_are_caught_with_their_place() {
    let line = line!() + 3;
    let closure = || {
        let t = thread::spawn(|| {
            assert_eq!(1 + 1, 3, "arithmetic");
        });
        assert!(t.join().is_err());
    };
    runs(closure, |run| {
        let [(message, at)] = &run.failures[..] else { panic!("{run:?}") };
        assert!(message.contains("arithmetic"));
        assert_eq!(*at, line);
    });
}

#[test]
fn what_unwinds_does_nothing_in_the_model_but_end_what_it_has_begun() {
    struct Sets(Atomic<u32>);
    impl Drop for Sets {
        fn drop(&mut self) {
            self.0.store(1, Relaxed);
            drop(SpinLock::new(()).lock());
        }
    }
    let closure = || {
        let lock = SpinLock::new(1);
        let _sets = Sets(Atomic::new(0));
        let _guard = lock.lock();
        panic!("while the lock is held");
    };
    runs(closure, |run| {
        assert_eq!(run.failures.len(), 1);
        let writes = run.taken.iter().filter(|(_, taken)| matches!(&taken.step, Step::Write(..)));
        assert_eq!(writes.count(), 1);
    });
}

#[test]
fn who_parks_gets_a_token_or_waits() {
    let closure = || {
        let data = Arc::new(Shared::new(0));
        let main = thread::current();
        let there = data.clone();
        thread::spawn(move || {
            // SAFETY: the other thread is not yet unparked.
            unsafe { there.set(1) };
            main.unpark();
        });
        thread::park();
        // SAFETY: it was set before this thread was unparked.
        assert_eq!(unsafe { data.get() }, 1);
    };
    let waited = std::cell::Cell::new(0);
    runs(closure, |run| {
        assert_eq!(run.failures, []);
        waited.set(waited.get() + run.waiting);
    });
    assert!((1..200).contains(&waited.get()), "{}", waited.get());
}

#[test]
fn scopes_join_their_threads_and_these_may_borrow() {
    let closure = || {
        let mut numbers = [1, 2, 3];
        let sum = Atomic::new(0);
        let longest = thread::scope(|s| {
            for number in &mut numbers {
                s.spawn(|| {
                    *number *= 2;
                    sum.add(*number, Relaxed);
                });
            }
            s.spawn(|| "text".to_string()).join().unwrap()
        });
        assert_eq!((numbers, sum.load(Relaxed), longest.as_str()), ([2, 4, 6], 12, "text"));
    };
    runs(closure, |run| assert_eq!(run.failures, []));
}

#[test]
fn loops_without_questions_are_cut_into_steps() {
    let x = Arc::new(Atomic::new(0));
    let mut program = ClosureProgram::new(move || (0..u64::MAX).for_each(|n| x.store(n, Relaxed)));
    program.restart();
    for n in 0..1000 {
        assert!(matches!(program.next(0, None), Step::Write(0, Some(Value::Bits(bits)), _) if bits == n));
    }
}

#[test]
fn who_waits_is_not_run_again() {
    let closure = || {
        let x = Arc::new(Atomic::new(false));
        thread::spawn({
            let x = x.clone();
            move || x.store(true, Release)
        });
        while !x.load(Acquire) {
            hint::spin_loop();
        }
        assert!(x.load(Relaxed));
    };
    runs(closure, |run| assert_eq!(run.failures, []));
}

#[test]
fn statics_are_new_in_every_run() {
    static X: Atomic<u32> = Atomic::new(3);
    runs(|| assert_eq!(X.fetch_add(1, Relaxed), 3), |run| assert_eq!(run.failures, []));
    assert_eq!(X.load(Relaxed), 3);
}

#[test]
fn models_do_not_nest() {
    let run = run(&mut ClosureProgram::new(|| _ = ClosureProgram::new(|| ())), 0);
    assert_eq!(run.failures[0].0, "a model inside of a model");
}

#[test]
fn other_threads_of_the_system_are_outside_of_the_model() {
    let closure = || {
        let x = Arc::new(Atomic::new(1));
        let there = x.clone();
        std::thread::spawn(move || there.fetch_add(1, Full)).join().unwrap();
        assert_eq!(x.load(Relaxed), 2);
    };
    assert_eq!(labels(closure).len(), 1);
}

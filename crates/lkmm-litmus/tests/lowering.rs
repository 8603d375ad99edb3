//! What statements come to: events, dependencies, order within a statement, and control paths.

use lkmm_litmus::{Options, parse};
use lkmm_model::event::Label;
use lkmm_model::program::{Constraint, Expr, Path, Value};
use lkmm_report::Test;

fn test_of(body: &str) -> Test {
    let source = format!(
        "C test\n{{ p=x; }}\nP0(int *x, int *y, int *z, int *p, spinlock_t *l)\n{{\n{body}\n}}\nexists (0:r0=1)\n"
    );
    parse(&source, &Options::default()).unwrap_or_else(|e| panic!("{body}: {e} at {:?}", e.span))
}

fn paths(body: &str) -> Vec<Path> {
    test_of(body).program.threads.remove(0).paths
}

/// The only path of a body without choices.
fn only(body: &str) -> Path {
    let mut paths = paths(body);
    assert_eq!(paths.len(), 1, "{body}");
    paths.remove(0)
}

type Pairs<'a> = &'a [(u32, u32)];

#[track_caller]
fn dependencies(body: &str, addr: Pairs, data: Pairs, ctrl: Pairs) {
    let path = paths(body).swap_remove(0);
    assert_eq!((&path.addr[..], &path.data[..], &path.ctrl[..]), (addr, data, ctrl), "{body}");
}

#[test]
fn values_carry_data_dependencies_even_when_they_do_not_matter() {
    dependencies("r0 = READ_ONCE(*x); WRITE_ONCE(*y, r0);", &[], &[(0, 1)], &[]);
    dependencies("r0 = READ_ONCE(*x) * 0; r1 = 1 + r0; *y = r1;", &[], &[(0, 1)], &[]);
    dependencies("WRITE_ONCE(*y, READ_ONCE(*x));", &[], &[(0, 1)], &[]);
    dependencies("r0 = READ_ONCE(*x); r0 = 1; *y = r0;", &[], &[], &[]);
}

#[test]
fn pointers_carry_address_dependencies() {
    dependencies("int *q = READ_ONCE(*p); r0 = READ_ONCE(*q);", &[(0, 1)], &[], &[]);
    dependencies("int *q = READ_ONCE(*p); WRITE_ONCE(*q, 1);", &[(0, 1)], &[], &[]);
    dependencies("*(READ_ONCE(*p)) = READ_ONCE(*x);", &[(0, 2)], &[(1, 2)], &[]);
    dependencies("int *q = READ_ONCE(*p); spin_lock(q);", &[(0, 1), (0, 2)], &[], &[]);
}

#[test]
fn an_address_goes_into_both_halves_of_an_exchange_but_only_the_first_of_an_addition() {
    dependencies("int *q = READ_ONCE(*p); r0 = xchg_relaxed(q, 1);", &[(0, 1), (0, 2)], &[], &[]);
    dependencies("int *q = READ_ONCE(*p); atomic_inc(q);", &[(0, 1)], &[(1, 2)], &[]);
}

#[test]
fn the_result_of_a_fully_ordered_operation_carries_nothing() {
    dependencies("r0 = xchg_relaxed(x, 1); *y = r0;", &[], &[(0, 2)], &[]);
    dependencies("r0 = xchg(x, 1); *y = r0;", &[], &[], &[]);
    dependencies(
        "r0 = atomic_fetch_add_relaxed(READ_ONCE(*z), x); *y = r0;",
        &[],
        &[(0, 2), (0, 3), (1, 2), (1, 3)],
        &[],
    );
}

#[test]
fn the_expected_value_of_a_cmpxchg_carries_nothing() {
    dependencies("r1 = READ_ONCE(*z); r0 = cmpxchg_relaxed(x, r1, 2);", &[], &[], &[]);
    dependencies("r1 = READ_ONCE(*z); r0 = cmpxchg_relaxed(x, 1, r1);", &[], &[(0, 2)], &[]);
}

#[test]
fn control_ends_with_the_arm_but_the_choice_of_a_value_does_not() {
    let direct = "if (READ_ONCE(*x)) WRITE_ONCE(*y, 1); WRITE_ONCE(*z, 1);";
    dependencies(direct, &[], &[], &[(0, 1)]);
    let chosen = "r0 = READ_ONCE(*x); if (r0) r1 = 1; else r1 = 2; if (r1) *y = 1;";
    dependencies(chosen, &[], &[], &[(0, 1)]);
    let chosen_by_the_read_itself = "if (READ_ONCE(*x)) r1 = 1; else r1 = 2; if (r1) *y = 1;";
    dependencies(chosen_by_the_read_itself, &[], &[], &[]);
    let through_an_address = "int *q = READ_ONCE(*p); if (READ_ONCE(*q)) smp_mb();";
    dependencies(through_an_address, &[(0, 1)], &[], &[(0, 2), (1, 2)]);
}

#[test]
fn a_failed_trylock_controls_only_through_a_local() {
    let failed = |body| {
        let paths = paths(body);
        paths.into_iter().find(|p| p.events[0].label == Label::LockFail).unwrap()
    };
    assert_eq!(failed("if (spin_trylock(l)) smp_mb(); else *x = 1;").ctrl, []);
    assert_eq!(failed("r0 = spin_trylock(l); if (r0) smp_mb(); else *x = 1;").ctrl, [(0, 1)]);
}

#[test]
fn later_turns_of_a_loop_depend_on_earlier_ones() {
    let turns = paths("while (READ_ONCE(*x)) *y = 1; *z = 1;");
    let counts: Vec<(usize, bool)> = turns.iter().map(|p| (p.events.len(), p.truncated)).collect();
    assert_eq!(counts, [(5, true), (6, false), (4, false), (2, false)]);
    // R0 W1 R2 W3 R4, then W5 after the loop.
    let inside = [(0, 1), (0, 2), (0, 3), (0, 4), (2, 3), (2, 4)];
    assert_eq!(turns[1].ctrl, inside);
    let counted = only("int i; for (i = 0; i < 2; i = i + 1) { WRITE_ONCE(*x, i); }");
    assert_eq!((counted.events.len(), counted.truncated), (2, false));
    let at_least_once = only("do { smp_mb(); } while (0);");
    assert_eq!((at_least_once.events.len(), at_least_once.truncated), (1, false));
    assert!(only("while (1) smp_mb();").truncated);
}

#[test]
fn other_loops_are_written_in_terms_of_while() {
    let same = |a: &str, b: &str| {
        let key = |p: &Path| (p.events.len(), p.addr.clone(), p.data.clone(), p.ctrl.clone(), p.truncated);
        let (a, b) = (paths(a), paths(b));
        assert_eq!(a.iter().map(key).collect::<Vec<_>>(), b.iter().map(key).collect::<Vec<_>>());
    };
    same(
        "for (r1 = READ_ONCE(*x); r1; r1 = READ_ONCE(*x)) WRITE_ONCE(*y, r1); *z = 1;",
        "r1 = READ_ONCE(*x); while (r1) { WRITE_ONCE(*y, r1); r1 = READ_ONCE(*x); } *z = 1;",
    );
    same("for (;;) smp_mb();", "while (1) smp_mb();");
    // The body runs once more than it is asked for, so it is asked for once less.
    let turns = paths("do { *y = 1; } while (READ_ONCE(*x)); *z = 1;");
    let counts: Vec<(usize, bool)> = turns.iter().map(|p| (p.events.len(), p.truncated)).collect();
    assert_eq!(counts, [(4, true), (5, false), (3, false)]);
    assert_eq!(turns[1].ctrl, [(1, 2), (1, 3)]);
}

#[test]
fn elements_of_arrays_are_locations_with_offsets() {
    let source = "C a\n{ uint16_t a[3] = {1,-1,a}; }\nP0(int *a) { int *r0 = a + 4; }\nlocations [a; a[2]]\n";
    let test = parse(source, &Options::default()).unwrap();
    let program = &test.program;
    let found = program.location_at(Value::Address(0, 4)).unwrap();
    assert_eq!(program.locations[found as usize].name, "a[2]");
    assert_eq!(program.address_of(found), Value::Address(0, 4));
    assert_eq!(program.location_at(Value::Address(0, 1)), None);
    let inits: Vec<Value> = program.locations.iter().map(|l| l.init).collect();
    assert_eq!(inits, [Value::Int(1), Value::Int(0xffff), Value::Address(0, 0)]);
    assert_eq!(test.observed, ["a", "a", "a", "a[2]"]);
    let elements: Vec<_> = test.formats.iter().map(|f| f.element).collect();
    assert_eq!(elements, [Some((0, 3)), Some((1, 3)), Some((2, 3)), None]);
}

#[test]
fn words_of_c_that_herd7_takes_for_names_are_warned_of() {
    let test = test_of("while (READ_ONCE(*x)) { break; }");
    assert_eq!(test.warnings.len(), 1);
    assert!(test.warnings[0].message.contains("break"));
}

#[test]
fn operands_are_unordered_and_the_rest_is_not() {
    assert_eq!(only("r0 = READ_ONCE(*x) + READ_ONCE(*y); smp_mb();").unordered, [(0, 1)]);
    assert_eq!(only("r0 = xchg(x, 1);").unordered, []);
    assert_eq!(only("r0 = xchg_relaxed(x, READ_ONCE(*y));").unordered, [(0, 1)]);
    // The write does not wait for the barrier behind the exchange.
    assert_eq!(only("WRITE_ONCE(*y, xchg(x, 1));").unordered, [(0, 4), (1, 4), (2, 4), (3, 4)]);
}

#[test]
fn a_cmpxchg_succeeds_or_only_reads() {
    let paths = paths("r0 = cmpxchg(x, 1, 2);");
    assert_eq!(paths.len(), 2);
    assert_eq!((paths[0].events.len(), &paths[0].rmw[..]), (4, &[(1, 2)][..]));
    assert!(matches!(paths[0].constraints[..], [Constraint::Equal(..)]));
    assert_eq!((paths[1].events.len(), paths[1].rmw.len()), (1, 0));
    assert!(paths[1].events[0].atomic);
    assert!(matches!(paths[1].constraints[..], [Constraint::Branch(_, false)]));
}

#[test]
fn constants_are_folded_and_decide_branches() {
    let path = only("int r0 = 3 - 2 - 1; if (r0 == 0) r0 = 7; else r0 = 8;");
    assert_eq!(path.exprs[path.finals[0] as usize], Expr::Const(Value::Int(7)));
    assert!(path.constraints.is_empty());
    let illegal = only("int r0 = x * 2;");
    assert!(matches!(illegal.exprs[illegal.finals[0] as usize], Expr::Op(..)));
}

#[test]
fn one_branch_decides_a_later_one_on_the_same_value() {
    assert_eq!(paths("int r1 = READ_ONCE(*x); if (r1) *y = 1; if (r1) *z = 1;").len(), 2);
}

#[test]
fn events_know_their_statement() {
    let test = test_of("int r0 = READ_ONCE(*x); if (r0 == 1)\n  WRITE_ONCE(*y, 1);");
    let events = &test.program.threads[0].paths[0].events;
    let texts: Vec<&str> = events.iter().map(|e| test.origins[e.origin as usize].text.as_str()).collect();
    assert_eq!(texts, ["int r0 = READ_ONCE(*x);", "WRITE_ONCE(*y, 1);"]);
}

#[test]
fn the_initial_state_reaches_locations_and_registers() {
    let source = "C init\n{ int x = 0x10; int *q = &x; y = x; atomic_t a = ATOMIC_INIT(3); spinlock_t *l; 0:r1 = y; }\n\
                  P0(int *z) { int r0 = r1; }\nlocations [a; l; z]\nexists (0:r0=y /\\ q=x /\\ w=0)\n";
    let test = parse(source, &Options::default()).unwrap();
    let inits: Vec<(&str, Value)> = test.program.locations.iter().map(|l| (l.name.as_str(), l.init)).collect();
    let address_of = |name| Value::Address(inits.iter().position(|(n, _)| *n == name).unwrap() as u32, 0);
    let zero = Value::Int(0);
    let expected = [
        ("a", Value::Int(3)),
        ("l", zero),
        ("q", address_of("x")),
        ("w", zero),
        ("x", Value::Int(16)),
        ("y", address_of("x")),
        ("z", zero),
    ];
    assert_eq!(inits, expected);
    assert_eq!(test.observed, ["0:r0", "[a]", "[l]", "[q]", "[w]", "[z]"]);
    let path = &test.program.threads[0].paths[0];
    assert_eq!(path.exprs[path.finals[0] as usize], Expr::Const(address_of("y")));
}

//! Smaller programs that still fail, and a dump to read them by.

use lkmm_model::event::Label;
use lkmm_model::program::{
    Constraint, Expr, ExprId, Location, Observable, Path, PathEvent, Program, Proposition, Term, Value,
};
use std::fmt::{Arguments, Write};

/// Removes what it can of a program that `fails`: threads, paths, events, constraints, dependencies, questions.
///
/// Greedy: the result fails, and no single further removal does.
pub fn shrink(program: Program, fails: &dyn Fn(&Program) -> bool) -> Program {
    let mut program = program;
    loop {
        let smaller = removals(&program).find(|smaller| fails(smaller));
        match smaller {
            Some(smaller) => program = smaller,
            None => return program,
        }
    }
}

/// Every program that lacks one thing, the largest things first.
fn removals(program: &Program) -> impl Iterator<Item = Program> + '_ {
    let threads = 0..program.threads.len();
    let without_thread = threads.clone().filter_map(|t| remove_thread(program, t));
    let paths = threads.flat_map(|t| (0..program.threads[t].paths.len()).map(move |p| (t, p)));
    let without_path = paths.clone().filter(|&(t, _)| program.threads[t].paths.len() > 1).map(|(t, p)| {
        let mut smaller = program.clone();
        smaller.threads[t].paths.remove(p);
        smaller
    });
    let changed_path = paths.flat_map(move |(t, p)| {
        path_removals(program, &program.threads[t].paths[p]).into_iter().map(move |path| {
            let mut smaller = program.clone();
            smaller.threads[t].paths[p] = path;
            smaller
        })
    });
    without_thread.chain(without_path).chain(changed_path).chain(question_removals(program))
}

fn question_removals(program: &Program) -> Vec<Program> {
    let change = |change: &dyn Fn(&mut Program)| {
        let mut smaller = program.clone();
        change(&mut smaller);
        smaller
    };
    let mut all = Vec::new();
    if program.filter.is_some() {
        all.push(change(&|p| p.filter = None));
    }
    if program.condition.is_some() {
        all.push(change(&|p| p.condition = None));
    }
    all.extend((0..program.observed.len()).map(|o| {
        change(&|p| {
            p.observed.remove(o);
        })
    }));
    let positive = |l: &Location| matches!(l.init, Value::Int(i) if i != 0);
    let inits = (0..program.locations.len()).filter(|&l| positive(&program.locations[l]));
    all.extend(inits.map(|l| change(&|p| p.locations[l].init = Value::Int(0))));
    all
}

fn remove_thread(program: &Program, thread: usize) -> Option<Program> {
    let mut smaller = program.clone();
    smaller.threads.remove(thread);
    let kept = |observable: Observable| match observable {
        Observable::Register(t, _) if t as usize == thread => None,
        Observable::Register(t, r) => Some(Observable::Register(t - u32::from(t as usize > thread), r)),
        location => Some(location),
    };
    smaller.observed = program.observed.iter().filter_map(|&observable| kept(observable)).collect();
    for question in [&mut smaller.filter, &mut smaller.condition] {
        *question = question.take().and_then(|p| rename(&p, &kept));
    }
    Some(smaller).filter(|p| !p.threads.is_empty())
}

/// The proposition over renamed observables; an atom that mentions a removed one is left out.
fn rename(proposition: &Proposition, kept: &dyn Fn(Observable) -> Option<Observable>) -> Option<Proposition> {
    let term = |term: &Term| match *term {
        Term::Final(observable) => kept(observable).map(Term::Final),
        constant => Some(constant),
    };
    let all = |parts: &[Proposition]| parts.iter().filter_map(|p| rename(p, kept)).collect();
    match proposition {
        Proposition::Equal(a, b, equal) => Some(Proposition::Equal(term(a)?, term(b)?, *equal)),
        Proposition::And(parts) => Some(Proposition::And(all(parts))),
        Proposition::Or(parts) => Some(Proposition::Or(all(parts))),
        Proposition::Not(p) => rename(p, kept).map(|p| Proposition::Not(Box::new(p))),
    }
}

fn path_removals(program: &Program, path: &Path) -> Vec<Path> {
    let change = |change: &dyn Fn(&mut Path)| {
        let mut smaller = path.clone();
        change(&mut smaller);
        smaller
    };
    let mut all: Vec<Path> = (0..path.events.len() as u32)
        .filter_map(|e| match path.events[e as usize].label {
            // The two halves of a lock operation go together.
            Label::LockRead => Some(remove_event(program, &remove_event(program, path, e), e)),
            Label::LockWrite => None,
            _ => Some(remove_event(program, path, e)),
        })
        .collect();
    all.extend((0..path.constraints.len()).map(|c| {
        change(&|p| {
            p.constraints.remove(c);
        })
    }));
    if path.truncated {
        all.push(change(&|p| p.truncated = false));
    }
    type RelationOf = fn(&mut Path) -> &mut Vec<(PathEvent, PathEvent)>;
    let relations: [RelationOf; 5] =
        [|p| &mut p.ctrl, |p| &mut p.addr, |p| &mut p.data, |p| &mut p.rmw, |p| &mut p.unordered];
    for relation in relations {
        let pairs = relation(&mut path.clone()).len();
        all.extend((0..pairs).map(|pair| {
            change(&|p| {
                relation(p).remove(pair);
            })
        }));
    }
    let operators = (0..path.exprs.len()).filter(|&e| matches!(path.exprs[e], Expr::Op(..)));
    all.extend(operators.map(|e| change(&|p| p.exprs[e] = Expr::Const(Value::Int(0)))));
    all
}

/// The path without an event; whoever used the value that it read gets the initial one (0 if the location is computed).
fn remove_event(program: &Program, path: &Path, event: PathEvent) -> Path {
    let mut smaller = path.clone();
    let initial = match path.events[event as usize].address.map(|address| path.exprs[address as usize]) {
        Some(Expr::Const(Value::Address(location, 0))) => program.locations[location as usize].init,
        _ => Value::Int(0),
    };
    smaller.events.remove(event as usize);
    let shifted = |e: PathEvent| e - u32::from(e > event);
    let relations = [&mut smaller.unordered, &mut smaller.addr, &mut smaller.data, &mut smaller.ctrl, &mut smaller.rmw];
    for relation in relations {
        relation.retain(|&(a, b)| a != event && b != event);
        relation.iter_mut().for_each(|pair| *pair = (shifted(pair.0), shifted(pair.1)));
    }
    for expr in &mut smaller.exprs {
        match *expr {
            Expr::Read(e) if e == event => *expr = Expr::Const(initial),
            Expr::Read(e) => *expr = Expr::Read(shifted(e)),
            _ => {}
        }
    }
    smaller
}

/// A dump of a program, for messages of failure.
pub fn describe(program: &Program) -> String {
    let mut out = String::new();
    let show = |out: &mut String, text: Arguments| out.write_fmt(text).expect("a string takes all text");
    for (l, location) in program.locations.iter().enumerate() {
        show(&mut out, format_args!("{l}: {} = {}\n", location.name, value(program, location.init)));
    }
    for (t, thread) in program.threads.iter().enumerate() {
        for (p, path) in thread.paths.iter().enumerate() {
            let cut = if path.truncated { ", truncated" } else { "" };
            show(&mut out, format_args!("P{t} path {p}{cut}\n"));
            for (e, event) in path.events.iter().enumerate() {
                show(&mut out, format_args!("  {e:2} {:?}", event.label));
                if let Some(address) = event.address {
                    show(&mut out, format_args!(" [{}]", expression(program, path, address)));
                }
                if let Some(value) = event.value {
                    show(&mut out, format_args!(" := {}", expression(program, path, value)));
                }
                out.push_str(if event.atomic { " atomic\n" } else { "\n" });
            }
            for constraint in &path.constraints {
                match *constraint {
                    Constraint::Branch(e, true) => {
                        show(&mut out, format_args!("  if {}\n", expression(program, path, e)));
                    }
                    Constraint::Branch(e, false) => {
                        show(&mut out, format_args!("  if not {}\n", expression(program, path, e)));
                    }
                    Constraint::Equal(a, b) => {
                        let (a, b) = (expression(program, path, a), expression(program, path, b));
                        show(&mut out, format_args!("  where {a} is {b}\n"));
                    }
                }
            }
            let relations = [
                ("unordered", &path.unordered),
                ("rmw", &path.rmw),
                ("addr", &path.addr),
                ("data", &path.data),
                ("ctrl", &path.ctrl),
            ];
            for (name, pairs) in relations.into_iter().filter(|(_, pairs)| !pairs.is_empty()) {
                show(&mut out, format_args!("  {name} {pairs:?}\n"));
            }
            for (register, &e) in thread.registers.iter().zip(&path.finals) {
                show(&mut out, format_args!("  {t}:{register} = {}\n", expression(program, path, e)));
            }
        }
    }
    let observed: Vec<String> = program.observed.iter().map(|&o| observable(program, o)).collect();
    show(&mut out, format_args!("observed {}\n", observed.join(" ")));
    for (name, question) in [("filter", &program.filter), ("condition", &program.condition)] {
        if let Some(proposition) = question {
            show(&mut out, format_args!("{name} {}\n", formula(program, proposition)));
        }
    }
    out
}

fn value(program: &Program, value: Value) -> String {
    let name = |l: u32| program.locations.get(l as usize).map_or("?", |location| location.name.as_str());
    match value {
        Value::Int(i) => i.to_string(),
        Value::Address(l, 0) => format!("&{}", name(l)),
        Value::Address(l, offset) => format!("&{}{offset:+}", name(l)),
        Value::Symbol(s) => format!("S{s}"),
        Value::Bits(bits) => format!("{bits:#x}"),
    }
}

fn expression(program: &Program, path: &Path, expr: ExprId) -> String {
    match path.exprs[expr as usize] {
        Expr::Const(v) => value(program, v),
        Expr::Read(event) => format!("R{event}"),
        Expr::Op(operator, a, b) => {
            format!("({} {operator} {})", expression(program, path, a), expression(program, path, b))
        }
    }
}

fn observable(program: &Program, observable: Observable) -> String {
    match observable {
        Observable::Register(t, r) => format!("{t}:{}", program.threads[t as usize].registers[r as usize]),
        Observable::Location(l) => program.locations[l as usize].name.clone(),
    }
}

fn formula(program: &Program, proposition: &Proposition) -> String {
    let term = |term: &Term| match *term {
        Term::Final(o) => observable(program, o),
        Term::Const(v) => value(program, v),
    };
    let join = |parts: &[Proposition], with: &str| {
        let parts: Vec<String> = parts.iter().map(|p| formula(program, p)).collect();
        format!("({})", parts.join(with))
    };
    match proposition {
        Proposition::Equal(a, b, equal) => format!("{} {} {}", term(a), if *equal { "=" } else { "<>" }, term(b)),
        Proposition::And(parts) => join(parts, " /\\ "),
        Proposition::Or(parts) => join(parts, " \\/ "),
        Proposition::Not(p) => format!("~{}", formula(program, p)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, Limits, enumerate, generate_from_seed, judge};

    /// A racy program shrinks to two conflicting accesses of two threads, and perhaps a load of the pointer to one.
    #[test]
    fn shrinks_a_data_race_to_two_accesses() {
        let races = |p: &Program| {
            enumerate(p, &judge, &Limits::default()).is_ok_and(|counts| counts.flags.contains("data-race"))
        };
        let racy: Vec<Program> =
            (0..).map(|seed| generate_from_seed(seed, &Config::default())).filter(|p| races(p)).take(10).collect();
        for program in racy {
            let small = shrink(program, &races);
            let events: usize = small.threads.iter().map(|t| t.paths[0].events.len()).sum();
            assert!(small.threads.len() == 2 && events <= 3, "{}", describe(&small));
        }
    }

    #[test]
    fn describes_every_generated_program() {
        for seed in 0..200 {
            let program = generate_from_seed(seed, &Config::default());
            assert_eq!(program, generate_from_seed(seed, &Config::default()));
            let dump = describe(&program);
            assert_eq!(dump.matches(" path ").count(), program.threads.iter().map(|t| t.paths.len()).sum::<usize>());
        }
    }
}

//! Lowering: from syntax to a [`Program`], with each thread unfolded into its control paths.

mod eval;
mod path;
mod sets;
mod structure;
mod thread;

use crate::Options;
use crate::ast::Process;
use crate::diagnostic::{Diagnostic, quoted};
use crate::state::condition::{Final, Prop, Side};
use crate::state::init::Entry;
use crate::state::{Literal, Place};
use lkmm_model::program::{Location, LocationId, Observable, Program, Proposition, Term, Thread, Value};
use std::collections::{BTreeMap, BTreeSet};

/// What a test comes to.
pub(crate) struct Lowered {
    pub(crate) program: Program,
    /// The observables as herd7 prints them.
    pub(crate) observed: Vec<String>,
}

/// Lowers a test.
pub(crate) fn lower(
    processes: &[Process],
    init: &[Entry],
    asked: &Final,
    options: &Options,
) -> Result<Lowered, Diagnostic> {
    let names = Names::new(processes, init, asked);
    let observed = asked.observed();
    let program = Program {
        locations: names.locations(init),
        threads: names.threads(processes, init, options)?,
        filter: asked.filter.as_ref().map(|prop| names.proposition(prop)),
        condition: asked.asked.then(|| names.proposition(&asked.prop)),
        observed: observed.iter().map(|place| names.observable(place)).collect(),
    };
    Ok(Lowered { program, observed: observed.iter().map(ToString::to_string).collect() })
}

/// The numbers of locations and of the registers that are asked for.
struct Names {
    /// In the order of their names, in which herd7 compares addresses.
    locations: BTreeMap<String, LocationId>,
    /// By process, in the order of their names.
    registers: Vec<BTreeMap<String, u32>>,
}

impl Names {
    fn new(processes: &[Process], init: &[Entry], asked: &Final) -> Self {
        let mut locations = BTreeSet::new();
        let mut registers = vec![BTreeSet::new(); processes.len()];
        for process in processes {
            let names = process.parameters.iter().map(|(register, _)| &process.registers[*register as usize]);
            locations.extend(names.cloned());
        }
        for entry in init {
            locations.extend(match &entry.place {
                Place::Global(name) => Some(name.clone()),
                Place::Register(..) => None,
            });
            locations.extend(match &entry.value {
                Literal::Address(name) => Some(name.clone()),
                Literal::Int(_) => None,
            });
        }
        let mut place = |place: &Place| match place {
            Place::Global(name) => drop(locations.insert(name.clone())),
            Place::Register(process, name) => {
                if let Some(names) = registers.get_mut(*process as usize) {
                    names.insert(name.clone());
                }
            }
        };
        asked.locations.iter().for_each(&mut place);
        for prop in asked.filter.iter().chain(Some(&asked.prop)) {
            prop.for_each_atom(&mut |left, right| {
                place(left);
                match right {
                    Side::Place(other) => place(other),
                    Side::Literal(Literal::Address(name)) => place(&Place::Global(name.clone())),
                    Side::Literal(Literal::Int(_)) => {}
                }
            });
        }
        let numbered = |names: BTreeSet<String>| names.into_iter().zip(0..).collect();
        Names { locations: numbered(locations), registers: registers.into_iter().map(numbered).collect() }
    }

    fn address(&self, name: &str) -> Value {
        // Every name in the test has a number.
        Value::Address(self.locations.get(name).copied().unwrap_or(0), 0)
    }

    fn value(&self, literal: &Literal) -> Value {
        match literal {
            Literal::Int(value) => Value::Int(*value),
            Literal::Address(name) => self.address(name),
        }
    }

    fn locations(&self, init: &[Entry]) -> Vec<Location> {
        let mut locations: Vec<Location> =
            self.locations.keys().map(|name| Location { name: name.clone(), init: Value::Int(0) }).collect();
        for entry in init {
            if let Place::Global(name) = &entry.place {
                if let Value::Address(id, _) = self.address(name) {
                    locations[id as usize].init = self.value(&entry.value);
                }
            }
        }
        locations
    }

    fn observable(&self, place: &Place) -> Observable {
        match place {
            Place::Global(name) => Observable::Location(self.locations.get(name).copied().unwrap_or(0)),
            Place::Register(process, name) => {
                let names = self.registers.get(*process as usize);
                Observable::Register(*process, names.and_then(|names| names.get(name)).copied().unwrap_or(0))
            }
        }
    }

    fn proposition(&self, prop: &Prop) -> Proposition {
        match prop {
            Prop::True => Proposition::And(Vec::new()),
            Prop::False => Proposition::Or(Vec::new()),
            Prop::Equal(place, side) => {
                let right = match side {
                    Side::Place(other) => Term::Final(self.observable(other)),
                    Side::Literal(literal) => Term::Const(self.value(literal)),
                };
                Proposition::Equal(Term::Final(self.observable(place)), right, true)
            }
            Prop::Not(inner) => match self.proposition(inner) {
                Proposition::Equal(left, right, equal) => Proposition::Equal(left, right, !equal),
                other => Proposition::Not(Box::new(other)),
            },
            Prop::And(parts) => Proposition::And(parts.iter().map(|p| self.proposition(p)).collect()),
            Prop::Or(parts) => Proposition::Or(parts.iter().map(|p| self.proposition(p)).collect()),
            Prop::Implies(left, right) => {
                Proposition::Or(vec![Proposition::Not(Box::new(self.proposition(left))), self.proposition(right)])
            }
        }
    }

    fn threads(&self, processes: &[Process], init: &[Entry], options: &Options) -> Result<Vec<Thread>, Diagnostic> {
        let mut given: Vec<Vec<&Entry>> = vec![Vec::new(); processes.len()];
        for entry in init {
            if let Place::Register(owner, _) = &entry.place {
                if let Some(entries) = given.get_mut(*owner as usize) {
                    entries.push(entry);
                }
            }
        }
        let mut budget = thread::Budget::new(options);
        let threads = processes.iter().zip(&self.registers).zip(&given);
        threads.map(|((process, asked), given)| self.thread(process, asked, given, &mut budget)).collect()
    }

    fn thread(
        &self,
        process: &Process,
        asked: &BTreeMap<String, u32>,
        init: &[&Entry],
        budget: &mut thread::Budget,
    ) -> Result<Thread, Diagnostic> {
        let mut names: Vec<&str> = process.registers.iter().map(String::as_str).collect();
        let mut index: BTreeMap<&str, u32> = names.iter().copied().zip(0..).collect();
        let mut number_of = |name| {
            *index.entry(name).or_insert_with(|| {
                names.push(name);
                (names.len() - 1) as u32
            })
        };
        let finals: Vec<u32> = asked.keys().map(|name| number_of(name)).collect();
        let mut given = BTreeMap::new();
        for entry in init {
            if let Place::Register(_, name) = &entry.place {
                let register = number_of(name);
                // The first registers of a process are its parameters.
                if (register as usize) < process.parameters.len() {
                    return Err(initialised_parameter(name, entry));
                }
                given.insert(register, self.value(&entry.value));
            }
        }
        let mut initial = vec![Value::Int(0); names.len()];
        for (register, _) in &process.parameters {
            initial[*register as usize] = self.address(&process.registers[*register as usize]);
        }
        for (register, value) in given {
            initial[register as usize] = value;
        }
        let paths = thread::paths(process, &initial, &finals, budget)?;
        Ok(Thread { registers: asked.keys().cloned().collect(), paths })
    }
}

fn initialised_parameter(name: &str, entry: &Entry) -> Diagnostic {
    Diagnostic::new(format!("{} is a parameter and cannot be initialised", quoted(name)), entry.span.clone())
        .help("a parameter is the address of the location of the same name")
}

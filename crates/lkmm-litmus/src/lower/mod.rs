//! Lowering: from syntax to a [`Program`], with each thread unfolded into its control paths.

mod eval;
mod path;
mod reads;
mod sets;
mod structure;
mod thread;

use crate::ast::Process;
use crate::state::condition::{Final, Prop, Side};
use crate::state::init::Entry;
use crate::state::types::{Declared, IntegerType};
use crate::state::{Literal, Place};
use crate::text::quoted;
use lkmm_model::program::{Element, Location, LocationId, Observable, Program, Proposition, Term, Thread, Value};
use lkmm_report::{Format, Origin, Problem};
use std::collections::{BTreeMap, BTreeSet};
pub(crate) use thread::{Budget, MAX_TOTAL};

/// What a test comes to.
pub(crate) struct Lowered {
    pub(crate) program: Program,
    /// The observables as herd7 prints them.
    pub(crate) observed: Vec<String>,
    /// How their values are shown.
    pub(crate) formats: Vec<Format>,
}

/// Lowers a test.
pub(crate) fn lower(
    processes: &[Process],
    origins: &[Origin],
    init: &[Entry],
    asked: &Final,
    budget: &mut Budget,
) -> Result<Lowered, Problem> {
    let names = Names::new(processes, init, asked);
    for (element, span) in &asked.elements {
        names.check_element(element).map_err(|message| Problem::at(message, span.clone()))?;
    }
    let (mut observed, mut formats, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for place in asked.observed() {
        let observables = names.observables(&place);
        let (name, integer) = names.shown(&place);
        for (index, observable) in (0..).zip(&observables) {
            observed.push(name.clone());
            formats.push(Format {
                bits: integer.bits,
                signed: integer.signed,
                element: (observables.len() > 1).then_some((index, observables.len() as u32)),
            });
            shown.push(*observable);
        }
    }
    let program = Program {
        locations: names.locations(init),
        elements: names.elements(),
        threads: names.threads(processes, init, budget)?,
        filter: asked.filter.as_ref().map(|prop| names.proposition(prop)),
        condition: asked.asked.then(|| names.proposition(&asked.prop)),
        observed: shown,
    };
    reads::check(&program, origins)?;
    Ok(Lowered { program, observed, formats })
}

/// The numbers of locations and of the registers that are asked for.
struct Names {
    /// In the order of their names, in which herd7 compares addresses. (Of elements of arrays, as `x[1]`.)
    locations: BTreeMap<String, LocationId>,
    /// By process, in the order of their names.
    registers: Vec<BTreeMap<String, u32>>,
    /// What the initial state declares.
    declared: BTreeMap<Place, Declared>,
}

/// The name of an element's location.
fn element_name(array: &str, index: u32) -> String {
    if index == 0 { array.to_string() } else { format!("{array}[{index}]") }
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
            if let Place::Global(name) = &entry.place {
                locations.extend((0..).zip(&entry.values).map(|(index, _)| element_name(name, index)));
            }
            locations.extend(entry.values.iter().filter_map(|value| match value {
                Literal::Address(name, _) => Some(name.clone()),
                Literal::Int(_) => None,
            }));
        }
        let mut place = |place: &Place| match place {
            Place::Global(name) | Place::Element(name, _) => drop(locations.insert(name.clone())),
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
                let mut literal = |literal: &Literal| match literal {
                    Literal::Address(name, _) => place(&Place::Global(name.clone())),
                    Literal::Int(_) => {}
                };
                match right {
                    Side::Place(other) => place(other),
                    Side::Literal(value) => literal(value),
                    Side::Vector(values) => values.iter().for_each(literal),
                }
            });
        }
        let numbered = |names: BTreeSet<String>| names.into_iter().zip(0..).collect();
        Names {
            locations: numbered(locations),
            registers: registers.into_iter().map(numbered).collect(),
            declared: init.iter().map(|entry| (entry.place.clone(), entry.declared)).collect(),
        }
    }

    fn declared(&self, place: &Place) -> Declared {
        self.declared.get(place).copied().unwrap_or(Declared::Untyped)
    }

    /// What a place is declared as, if that has elements.
    fn array(&self, name: &str) -> Option<(IntegerType, u32)> {
        match self.declared(&Place::Global(name.to_string())) {
            Declared::Array(integer, length) => Some((integer, length)),
            _ => None,
        }
    }

    /// Refuses elements of what is no array. (As in herd7, the location of a pointer is an array of one.)
    fn check_element(&self, place: &Place) -> Result<(), String> {
        let Place::Element(name, index) = place else { return Ok(()) };
        let length = match self.declared(&Place::Global(name.clone())) {
            Declared::Array(_, length) => length,
            Declared::Pointer => 1,
            Declared::Untyped | Declared::UntypedPointer | Declared::Integer(_) => {
                return Err(format!("`{name}` is no array: the initial state does not declare it as `int {name}[…]`"));
            }
        };
        if *index < length {
            Ok(())
        } else {
            Err(format!("there is no `{name}[{index}]`: the array has {length} elements"))
        }
    }

    fn location(&self, name: &str) -> LocationId {
        // Every name in the test has a number.
        self.locations.get(name).copied().unwrap_or(0)
    }

    fn value(&self, literal: &Literal) -> Value {
        match literal {
            Literal::Int(value) => Value::Int(*value),
            Literal::Address(name, offset) => Value::Address(self.location(name), *offset),
        }
    }

    fn locations(&self, init: &[Entry]) -> Vec<Location> {
        let mut locations: Vec<Location> =
            self.locations.keys().map(|name| Location { name: name.clone(), init: Value::Int(0) }).collect();
        for entry in init {
            if let Place::Global(name) = &entry.place {
                for (index, value) in (0..).zip(&entry.values) {
                    locations[self.location(&element_name(name, index)) as usize].init = self.value(value);
                }
            }
        }
        locations
    }

    fn elements(&self) -> Vec<Element> {
        let arrays = self.declared.iter().filter_map(|(place, declared)| match (place, declared) {
            (Place::Global(name), Declared::Array(integer, length)) => Some((name, integer.bytes(), *length)),
            _ => None,
        });
        let elements = arrays.flat_map(|(name, size, length)| {
            (1..length).map(move |index| Element {
                location: self.location(&element_name(name, index)),
                array: self.location(name),
                offset: size * index as i32,
            })
        });
        elements.collect()
    }

    /// The observables of a place: several for an array.
    fn observables(&self, place: &Place) -> Vec<Observable> {
        match place {
            Place::Global(name) => {
                let length = self.array(name).map_or(1, |(_, length)| length);
                (0..length).map(|index| Observable::Location(self.location(&element_name(name, index)))).collect()
            }
            Place::Element(name, index) => vec![Observable::Location(self.location(&element_name(name, *index)))],
            Place::Register(process, name) => {
                let names = self.registers.get(*process as usize);
                let register = names.and_then(|names| names.get(name)).copied().unwrap_or(0);
                vec![Observable::Register(*process, register)]
            }
        }
    }

    /// The name under which a place is shown, and the type of its integers.
    fn shown(&self, place: &Place) -> (String, IntegerType) {
        match place {
            Place::Global(name) if self.array(name).is_some() => (name.clone(), self.declared(place).shown()),
            Place::Element(name, _) => {
                // The location of a pointer is shown as an `int`, if it is shown as an array.
                (place.to_string(), self.array(name).map_or(IntegerType::INT, |(integer, _)| integer))
            }
            _ => (place.to_string(), self.declared(place).shown()),
        }
    }

    /// The final values of a place; those of processes that do not exist are 0.
    fn finals(&self, place: &Place) -> Vec<Term> {
        match place {
            Place::Register(process, _) if *process as usize >= self.registers.len() => {
                vec![Term::Const(Value::Int(0))]
            }
            _ => self.observables(place).into_iter().map(Term::Final).collect(),
        }
    }

    fn equal(&self, place: &Place, side: &Side) -> Proposition {
        let is_array =
            |place: &Place| matches!(place, Place::Global(name) if self.array(name).is_some_and(|(_, n)| n > 1));
        let left = self.finals(place);
        let (right, vector) = match side {
            Side::Place(other) => (self.finals(other), is_array(other)),
            Side::Literal(literal) => (vec![Term::Const(self.value(literal))], false),
            Side::Vector(values) => (values.iter().map(|v| Term::Const(self.value(v))).collect(), true),
        };
        if is_array(place) != vector || left.len() != right.len() {
            // An array is equal to no scalar, and to no array of another length.
            return Proposition::Or(Vec::new());
        }
        let mut parts: Vec<Proposition> =
            left.into_iter().zip(right).map(|(l, r)| Proposition::Equal(l, r, true)).collect();
        match (parts.pop(), parts.is_empty()) {
            (Some(only), true) => only,
            (last, _) => {
                parts.extend(last);
                Proposition::And(parts)
            }
        }
    }

    fn proposition(&self, prop: &Prop) -> Proposition {
        match prop {
            Prop::True => Proposition::And(Vec::new()),
            Prop::False => Proposition::Or(Vec::new()),
            Prop::Equal(place, side) => self.equal(place, side),
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

    fn threads(&self, processes: &[Process], init: &[Entry], budget: &mut Budget) -> Result<Vec<Thread>, Problem> {
        let mut given: Vec<Vec<&Entry>> = vec![Vec::new(); processes.len()];
        for entry in init {
            if let Place::Register(owner, _) = &entry.place {
                if let Some(entries) = given.get_mut(*owner as usize) {
                    entries.push(entry);
                }
            }
        }
        let thread = |((process, asked), given): ((&Process, &BTreeMap<String, u32>), &Vec<&Entry>)| {
            let (initial, finals) = self.locals(process, asked, given)?;
            let paths = thread::paths(process, &initial, &finals, budget)?;
            Ok(Thread { registers: asked.keys().cloned().collect(), paths })
        };
        processes.iter().zip(&self.registers).zip(&given).map(thread).collect()
    }

    /// The initial values of a process's locals, and those of them whose final values are asked for.
    fn locals(
        &self,
        process: &Process,
        asked: &BTreeMap<String, u32>,
        init: &[&Entry],
    ) -> Result<(Vec<Value>, Vec<u32>), Problem> {
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
                given.extend(entry.values.iter().map(|value| (register, self.value(value))));
            }
        }
        let mut initial = vec![Value::Int(0); names.len()];
        for (register, _) in &process.parameters {
            let location = self.location(&process.registers[*register as usize]);
            initial[*register as usize] = Value::Address(location, 0);
        }
        for (register, value) in given {
            initial[register as usize] = value;
        }
        Ok((initial, finals))
    }
}

fn initialised_parameter(name: &str, entry: &Entry) -> Problem {
    Problem::at(format!("{} is a parameter and cannot be initialised", quoted(name)), entry.span.clone())
        .with_help("a parameter is the address of the location of the same name")
}

//! Final states in herd7's order and spelling.
//!
//! herd7 sorts the columns of a state: registers by process and name, then locations by name (a name in the order of
//! its bytes, so `r10` comes before `r9`), then elements of arrays. It sorts the states by their columns: thin-air symbols,
//! integers by value, addresses by the name of their location. The search knows neither names nor columns, so
//! both orders are made here.

use crate::report::Test;
use lkmm_model::program::{Observable, Program, Proposition, Term, Value};
use lkmm_search::Outcome;
use std::cmp::Ordering;
use std::fmt::{self, Write};

/// The final states of an outcome, sorted.
pub struct States<'a> {
    test: &'a Test,
    columns: Vec<usize>,
    rows: Vec<(&'a [Value], u64)>,
}

impl<'a> States<'a> {
    /// Sorts the states of an outcome of `test`.
    pub fn new(test: &'a Test, outcome: &'a Outcome) -> States<'a> {
        let mut columns: Vec<usize> = (0..test.program.observed.len()).collect();
        columns.sort_by_key(|&c| column_key(&test.program, test.program.observed[c]));
        let mut rows: Vec<(&[Value], u64)> = outcome.states.iter().map(|(row, &n)| (row.as_slice(), n)).collect();
        let by_columns = |a: &[Value], b: &[Value]| {
            let compare = |&c: &usize| match (a.get(c), b.get(c)) {
                (Some(&a), Some(&b)) => compare_values(&test.program, a, b),
                (a, b) => a.is_some().cmp(&b.is_some()),
            };
            columns.iter().map(compare).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        };
        rows.sort_by(|(a, _), (b, _)| by_columns(a, b));
        States { test, columns, rows }
    }

    /// The number of states.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Is there none (every execution was forbidden, or none completes)?
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The states, in order.
    pub fn iter(&self) -> impl Iterator<Item = State<'_>> {
        self.rows.iter().map(|&(values, executions)| State { states: self, values, executions })
    }
}

/// One final state. Its [`Display`](fmt::Display) is herd7's state line: `0:r1=0; [x]=1;`.
pub struct State<'a> {
    states: &'a States<'a>,
    values: &'a [Value],
    /// The number of executions that end in it.
    pub executions: u64,
}

impl State<'_> {
    /// Each observable with its value, in order.
    pub fn cells(&self) -> impl Iterator<Item = (&str, Spelling<'_>)> {
        self.states.columns.iter().filter_map(|&c| {
            let name = self.states.test.observed.get(c).map_or("?", String::as_str);
            let value = *self.values.get(c)?;
            Some((name, Spelling { program: &self.states.test.program, value, symbol: self.symbol(value) }))
        })
    }

    /// The values, parallel to [`Program::observed`].
    pub(crate) fn values(&self) -> &[Value] {
        self.values
    }

    /// The number of a thin-air symbol: they count from 1 in the order in which they appear in the state.
    fn symbol(&self, value: Value) -> usize {
        let Value::Symbol(_) = value else { return 0 };
        let mut seen: Vec<Value> = Vec::new();
        for v in self.states.columns.iter().filter_map(|&c| self.values.get(c)) {
            if matches!(v, Value::Symbol(_)) && !seen.contains(v) {
                seen.push(*v);
            }
        }
        1 + seen.iter().position(|&v| v == value).unwrap_or(seen.len())
    }
}

impl fmt::Display for State<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.cells().enumerate() {
            if i > 0 {
                f.write_char(' ')?;
            }
            write!(f, "{name}={value};")?;
        }
        Ok(())
    }
}

/// A value with what is needed to spell it as herd7 does: `-1`, `x`, `x+1`, `S1`.
pub struct Spelling<'a> {
    program: &'a Program,
    value: Value,
    symbol: usize,
}

impl fmt::Display for Spelling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Value::Int(i) => write!(f, "{i}"),
            Value::Address(location, 0) => f.write_str(location_name(self.program, location)),
            Value::Address(location, offset) => write!(f, "{}+{offset}", location_name(self.program, location)),
            Value::Symbol(_) => write!(f, "S{}", self.symbol),
        }
    }
}

/// A value outside any state: a symbol keeps the number it has in its execution.
pub(crate) fn spell(program: &Program, value: Value) -> Spelling<'_> {
    let symbol = if let Value::Symbol(n) = value { n as usize } else { 0 };
    Spelling { program, value, symbol }
}

/// A location's name.
pub(crate) fn location_name(program: &Program, location: u32) -> &str {
    program.locations.get(location as usize).map_or("?", |l| l.name.as_str())
}

/// What herd7 sorts columns by: registers first, then locations, then elements of arrays.
fn column_key(program: &Program, observable: Observable) -> (u8, u32, &str, u32) {
    match observable {
        Observable::Register(thread, register) => {
            let registers = program.threads.get(thread as usize).map_or(&[][..], |t| &t.registers);
            (0, thread, registers.get(register as usize).map_or("", String::as_str), 0)
        }
        Observable::Location(location) => {
            let name = location_name(program, location);
            match name.strip_suffix(']').and_then(|n| n.split_once('[')) {
                Some((array, index)) => (2, 0, array, index.parse().unwrap_or(0)),
                None => (1, 0, name, 0),
            }
        }
    }
}

/// herd7's order of values: symbols, integers, addresses.
fn compare_values(program: &Program, a: Value, b: Value) -> Ordering {
    let rank = |v| match v {
        Value::Symbol(_) => 0,
        Value::Int(_) => 1,
        Value::Address(..) => 2,
    };
    match (a, b) {
        (Value::Address(x, i), Value::Address(y, j)) => {
            location_name(program, x).cmp(location_name(program, y)).then(i.cmp(&j))
        }
        (Value::Int(_), Value::Int(_)) | (Value::Symbol(_), Value::Symbol(_)) => a.cmp(&b),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// Does a final state satisfy a proposition? `None` when it speaks of something that the state does not hold.
pub(crate) fn satisfies(program: &Program, values: &[Value], proposition: &Proposition) -> Option<bool> {
    let term = |term| match term {
        Term::Const(value) => Some(value),
        Term::Final(observable) => {
            let column = program.observed.iter().position(|&o| o == observable)?;
            values.get(column).copied()
        }
    };
    match proposition {
        Proposition::Equal(a, b, equal) => Some((term(*a)? == term(*b)?) == *equal),
        Proposition::And(parts) => {
            parts.iter().try_fold(true, |all, part| Some(satisfies(program, values, part)? && all))
        }
        Proposition::Or(parts) => {
            parts.iter().try_fold(false, |any, part| Some(satisfies(program, values, part)? || any))
        }
        Proposition::Not(part) => Some(!satisfies(program, values, part)?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lkmm_model::program::{Location, Thread};

    fn test() -> Test {
        let location = |name: &str| Location { name: name.into(), init: Value::Int(0) };
        let registers = ["r9", "r10"].map(String::from).to_vec();
        let program = Program {
            locations: ["y", "x", "a[10]", "a[2]"].map(location).to_vec(),
            threads: vec![Thread::default(), Thread { registers, paths: Vec::new() }],
            observed: vec![
                Observable::Location(2),
                Observable::Location(3),
                Observable::Location(0),
                Observable::Register(1, 0),
                Observable::Register(1, 1),
            ],
            ..Program::default()
        };
        let observed = ["a[10]", "a[2]", "[y]", "1:r9", "1:r10"].map(String::from).to_vec();
        Test { program, observed, ..Test::default() }
    }

    fn lines(rows: &[[Value; 5]]) -> Vec<String> {
        let states = rows.iter().map(|row| (row.to_vec(), 1)).collect();
        let (test, outcome) = (test(), Outcome { states, ..Outcome::default() });
        States::new(&test, &outcome).iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn columns_are_sorted_as_herd7_does() {
        use Value::*;
        assert_eq!(
            lines(&[[Int(1), Int(2), Address(1, 0), Int(3), Address(0, 4)]]),
            ["1:r10=y+4; 1:r9=3; [y]=x; a[2]=2; a[10]=1;"]
        );
    }

    #[test]
    fn rows_are_sorted_by_column_symbols_first() {
        use Value::*;
        let row = |v| [Int(0), Int(0), Int(0), Int(0), v];
        let rows = [Address(0, 0), Address(1, 0), Int(10), Int(-1), Symbol(7)].map(row);
        let last: Vec<String> = lines(&rows).iter().map(|l| l.split(';').next().unwrap().into()).collect();
        assert_eq!(last, ["1:r10=S1", "1:r10=-1", "1:r10=10", "1:r10=x", "1:r10=y"]);
    }

    #[test]
    fn symbols_count_from_one_in_order_of_appearance() {
        use Value::*;
        assert_eq!(
            lines(&[[Int(0), Int(0), Symbol(3), Symbol(9), Symbol(3)]]),
            ["1:r10=S1; 1:r9=S2; [y]=S1; a[2]=0; a[10]=0;"]
        );
    }

    #[test]
    fn propositions_are_judged_on_states() {
        let program = test().program;
        let y = |n| Proposition::Equal(Term::Final(Observable::Location(0)), Term::Const(Value::Int(n)), true);
        let holds = |p: &Proposition| satisfies(&program, &[Value::Int(1); 5], p);
        assert_eq!(holds(&Proposition::And(vec![y(1), Proposition::Not(Box::new(y(2)))])), Some(true));
        assert_eq!(holds(&Proposition::Or(vec![y(0), y(2)])), Some(false));
        let unobserved = Term::Final(Observable::Location(1));
        assert_eq!(holds(&Proposition::Equal(unobserved, unobserved, true)), None);
    }
}

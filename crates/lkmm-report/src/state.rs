//! Final states in herd7's order and spelling.
//!
//! herd7 sorts the columns of a state: registers by process and name, then locations by name (a name in the order of
//! its bytes, so `r10` comes before `r9`), then elements of arrays. (An array that is observed as a whole counts as a location.) It sorts the states by their columns: thin-air symbols,
//! integers by value, addresses by the name of their location. The search knows neither names nor columns, so
//! both orders are made here.

use crate::report::{Format, Test};
use lkmm_model::program::{Observable, Program, Proposition, Value};
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
        columns.sort_by_key(|&c| column_key(test, c));
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
    /// Each observable with its value, in order; the elements of an array that is observed as a whole make one cell.
    pub fn cells(&self) -> impl Iterator<Item = (&str, Cell<'_>)> {
        let columns = &self.states.columns;
        (0..columns.len()).filter_map(move |at| {
            let count = match self.states.test.format(columns[at]).element {
                None => None,
                Some((0, count)) => Some(count as usize),
                Some(_) => return None,
            };
            let name = self.states.test.observed.get(columns[at]).map_or("?", String::as_str);
            let end = columns.len().min(at + count.unwrap_or(1));
            Some((name, Cell { state: self, columns: &columns[at..end], array: count.is_some() }))
        })
    }

    fn spelling(&self, column: usize) -> Option<Spelling<'_>> {
        let value = *self.values.get(column)?;
        let test = self.states.test;
        Some(Spelling { program: &test.program, value, symbol: self.symbol(value), format: test.format(column) })
    }

    /// The values, parallel to [`Program::observed`].
    pub fn values(&self) -> &[Value] {
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

/// The value of an observable: `1`, or for an array `{1,2}`.
pub struct Cell<'a> {
    state: &'a State<'a>,
    columns: &'a [usize],
    array: bool,
}

impl fmt::Display for Cell<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.array { "{" } else { "" })?;
        for (i, &column) in self.columns.iter().enumerate() {
            f.write_str(if i > 0 { "," } else { "" })?;
            self.state.spelling(column).map_or(Ok(()), |s| s.fmt(f))?;
        }
        f.write_str(if self.array { "}" } else { "" })
    }
}

/// A value with what is needed to spell it as herd7 does: `-1`, `x`, `x+1`, `S1`.
pub(crate) struct Spelling<'a> {
    program: &'a Program,
    value: Value,
    symbol: usize,
    format: Format,
}

impl fmt::Display for Spelling<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.value {
            Value::Int(i) => write!(f, "{}", self.format.integer(i)),
            Value::Address(location, 0) => f.write_str(location_name(self.program, location)),
            Value::Address(location, offset) => write!(f, "{}+{offset}", location_name(self.program, location)),
            Value::Symbol(_) => write!(f, "S{}", self.symbol),
            Value::Bits(bits) => write!(f, "{bits:#x}"),
        }
    }
}

/// A value outside any state: a symbol keeps the number it has in its execution.
pub(crate) fn spell(program: &Program, value: Value) -> Spelling<'_> {
    let symbol = if let Value::Symbol(n) = value { n as usize } else { 0 };
    Spelling { program, value, symbol, format: Format::default() }
}

impl Format {
    /// An integer as it is spelled.
    fn integer(self, value: i32) -> i64 {
        let shift = 64 - self.bits.clamp(1, 32);
        let bits = i64::from(value) << shift;
        if self.signed { bits >> shift } else { ((bits as u64) >> shift) as i64 }
    }
}

impl Test {
    fn format(&self, column: usize) -> Format {
        self.formats.get(column).copied().unwrap_or_default()
    }
}

/// A location's name.
pub(crate) fn location_name(program: &Program, location: u32) -> &str {
    program.locations.get(location as usize).map_or("?", |l| l.name.as_str())
}

/// What herd7 sorts columns by: registers first, then locations, then elements of arrays.
fn column_key(test: &Test, column: usize) -> (u8, u32, &str, u32) {
    let program = &test.program;
    match program.observed[column] {
        Observable::Register(thread, register) => {
            let registers = program.threads.get(thread as usize).map_or(&[][..], |t| &t.registers);
            (0, thread, registers.get(register as usize).map_or("", String::as_str), 0)
        }
        Observable::Location(location) => match (test.format(column).element, test.observed.get(column)) {
            (Some((index, _)), Some(array)) => (1, 0, array, index),
            (None, Some(name)) if name.ends_with(']') && !name.starts_with('[') => {
                let (array, index) = name.split_once('[').unwrap_or((name, ""));
                (2, 0, array, index.trim_end_matches(']').parse().unwrap_or(0))
            }
            _ => (1, 0, location_name(program, location), 0),
        },
    }
}

/// herd7's order of values: symbols, integers, addresses.
fn compare_values(program: &Program, a: Value, b: Value) -> Ordering {
    let rank = |v| match v {
        Value::Symbol(_) => 0,
        Value::Int(_) => 1,
        Value::Address(..) => 2,
        Value::Bits(_) => 3,
    };
    match (a, b) {
        (Value::Address(x, i), Value::Address(y, j)) => {
            location_name(program, x).cmp(location_name(program, y)).then(i.cmp(&j))
        }
        (Value::Int(_), Value::Int(_)) | (Value::Symbol(_), Value::Symbol(_)) | (Value::Bits(_), Value::Bits(_)) => {
            a.cmp(&b)
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

/// Does a final state satisfy a proposition? `None` when it speaks of something that the state does not hold.
pub(crate) fn satisfies(program: &Program, values: &[Value], proposition: &Proposition) -> Option<bool> {
    proposition.evaluate(&|observable| {
        let column = program.observed.iter().position(|&o| o == observable)?;
        values.get(column).copied()
    })
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
    fn types_decide_how_integers_are_spelled() {
        let spelled = |bits, signed, value| Format { bits, signed, element: None }.integer(value);
        assert_eq!([spelled(32, true, -1), spelled(32, false, -1)], [-1, 4_294_967_295]);
        assert_eq!([spelled(8, true, 200), spelled(8, false, 300), spelled(16, false, -1)], [-56, 44, 65535]);
    }

    #[test]
    fn an_array_is_one_cell_among_the_locations() {
        let element = |index| Format { element: Some((index, 2)), ..Format::default() };
        let test = Test {
            observed: ["a[2]", "[z]", "x", "x", "0:r1"].map(String::from).to_vec(),
            formats: vec![Format::default(), Format::default(), element(0), element(1)],
            program: Program {
                locations: ["a[2]", "z", "x", "x[1]"]
                    .map(|name| Location { name: name.into(), init: Value::Int(0) })
                    .to_vec(),
                threads: vec![Thread { registers: vec!["r1".into()], paths: Vec::new() }],
                observed: (0..4).map(Observable::Location).chain([Observable::Register(0, 0)]).collect(),
                ..Program::default()
            },
            ..Test::default()
        };
        let states = [(vec![Value::Int(5), Value::Int(6), Value::Int(7), Value::Address(2, 4), Value::Int(9)], 1)];
        let outcome = Outcome { states: states.into_iter().collect(), ..Outcome::default() };
        let lines: Vec<String> = States::new(&test, &outcome).iter().map(|s| s.to_string()).collect();
        assert_eq!(lines, ["0:r1=9; x={7,x+4}; [z]=6; a[2]=5;"]);
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
}

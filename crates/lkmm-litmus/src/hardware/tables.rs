//! The tables of a test: what there is in memory, what a final state consists of, and which states the model allows.

use super::Parts;
use crate::ast::{Language, Process};
use crate::convert::{Kind, has_operator, kinds};
use lkmm_model::program::{Observable, Operator, Proposition, Term, Value};
use lkmm_report::{Answer, Quantifier, Report};
use std::collections::BTreeMap;
use std::fmt::Write;

/// The most states of the model that are told to the program. It looks through them for each state that is new.
const MAX_STATES: usize = 1 << 16;

/// A string of C.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            // (Two question marks would be a trigraph.)
            ' '..='~' if c != '?' => out.push(c),
            _ => c.to_string().bytes().for_each(|byte| {
                let _ = write!(out, "\\{byte:03o}");
            }),
        }
    }
    out.push('"');
    out
}

/// A list of C, which is never empty.
fn list(items: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = items.into_iter().collect();
    if items.is_empty() { "{ 0 }".into() } else { format!("{{ {} }}", items.join(", ")) }
}

/// Why the model does not judge what is seen.
fn unjudged(parts: &Parts<'_>, report: &Report, states: usize) -> Option<String> {
    let outcome = match &report.answer {
        Answer::Executions(outcome) => outcome,
        Answer::Timeout(why) => return Some(why.clone()),
        Answer::Verdict(_) | Answer::Error(_) => return Some("its states are not known".into()),
    };
    if outcome.flags.contains("data-race") {
        Some("the test has a data race, so that a compiler may do what it likes".into())
    } else if outcome.truncated {
        Some("a loop was cut, so that states may be missing; raise --unroll".into())
    } else if states > MAX_STATES {
        Some(format!("it allows {states} states, and no more than {MAX_STATES} are compared"))
    } else if parts.processes.iter().any(|process| computes_otherwise(parts, process)) {
        Some("numbers without a sign, or of 64 bits, are compared or divided; the model takes all for 32 bits with a sign".into())
    } else {
        None
    }
}

/// Does a process compare or divide, and has it numbers of which the machine may think otherwise than the model: those that need 32 bits
/// and have no sign, and those of 64 bits?
fn computes_otherwise(parts: &Parts<'_>, process: &Process) -> bool {
    use Operator::{Div, Ge, Gt, Le, Lt};
    let text = &parts.source[process.text.clone()];
    let is_other = |word: &str| ["u32", "u64", "i64"].iter().any(|ty| word.ends_with(ty));
    process.language == Language::Rust
        && (text.split(|c: char| !c.is_alphanumeric() && c != '_').any(is_other)
            || ["<usize>", "<isize>", "mut usize", "mut isize"].iter().any(|ty| text.contains(ty)))
        && has_operator(process, |op| matches!(op, Lt | Le | Gt | Ge | Div))
}

/// The rest of the file: from the sizes of locations to the table of the test.
pub(super) fn tables(parts: &Parts<'_>, report: &Report, observed: Option<&Report>) -> String {
    let none = BTreeMap::new();
    let states = report.executions().map_or(&none, |outcome| &outcome.states);
    let unjudged = unjudged(parts, report, states.len());
    let mut rows: Vec<(&Vec<Value>, &str)> = Vec::new();
    if unjudged.is_none() {
        rows.extend(states.keys().map(|state| (state, "LKMM_ALLOWED")));
        let others = observed.and_then(Report::executions).map_or(&none, |outcome| &outcome.states);
        rows.extend(others.keys().filter(|state| !states.contains_key(*state)).map(|state| (state, "LKMM_OBSERVED")));
    }
    let values = rows.iter().flat_map(|(state, _)| state.iter().map(|value| encoded(parts, *value)));
    let test = parts.test;
    let mut out = memory(parts) + &observation(parts);
    let runs = (0..parts.processes.len()).map(|number| format!("run_{number}"));
    for (declaration, items) in [
        ("int64_t states[]", list(values)),
        ("int answers[]", list(rows.iter().map(|(_, answer)| answer.to_string()))),
        ("int registers_of[]", list(test.program.threads.iter().map(|thread| thread.registers.len().to_string()))),
    ] {
        let _ = writeln!(out, "static const {declaration} = {items};");
    }
    let _ = writeln!(out, "static void (*const run[])(struct lkmm_thread *) = {};\n", list(runs));
    let kind = match test.quantifier {
        Quantifier::Exists => "Allowed",
        Quantifier::NotExists => "Forbidden",
        Quantifier::Forall => "Required",
    };
    out += "const struct lkmm_test lkmm_test = {\n";
    for (member, value) in [
        ("name", quoted(&test.name)),
        ("kind", quoted(kind)),
        ("quantifier", quoted(&test.quantifier.to_string())),
        ("condition", quoted(&test.condition)),
        ("model", quoted(&report.model)),
        ("unjudged", unjudged.map_or("NULL".into(), |why| quoted(&why))),
        ("threads", parts.processes.len().to_string()),
        ("locations", parts.objects.len().to_string()),
        ("sizes", "sizes".into()),
        ("registers", "registers_of".into()),
        ("columns", test.program.observed.len().to_string()),
        ("column", "columns".into()),
        ("states", "states".into()),
        ("answers", "answers".into()),
        ("states_count", rows.len().to_string()),
        ("location_names", "location_names".into()),
        ("run", "run".into()),
        ("initialise", "initialise".into()),
        ("observe", "observe".into()),
        ("filter", "filter".into()),
        ("holds", "holds".into()),
    ] {
        let _ = writeln!(out, "\t.{member} = {value},");
    }
    out + "};\n"
}

/// Locations: their sizes, their names, and what they hold at first.
fn memory(parts: &Parts<'_>) -> String {
    let locations = &parts.test.program.locations;
    let kinds = kinds(parts.processes);
    let is_rust = parts.has(Language::Rust);
    // If there is one that is wide, all are multiples of its size, so that it is aligned wherever it lies.
    let unit = if parts.has_addresses || is_rust { 8 } else { 4 };
    let size = |object: &u32| {
        let elements = parts.test.program.elements.iter().filter(|element| element.array == *object).count() as u32;
        let is_domain = kinds.get(&locations[*object as usize].name) == Some(&Kind::Domain);
        let bytes = if is_domain && is_rust { 32 } else { 4 * (elements + 1) };
        bytes.next_multiple_of(unit)
    };
    let sizes: Vec<u32> = parts.objects.iter().map(size).collect();
    let mut out = format!("static const uint32_t sizes[] = {};\n", list(sizes.iter().map(u32::to_string)));
    let names = parts.objects.iter().map(|object| quoted(&locations[*object as usize].name));
    let _ = writeln!(out, "static const char *const location_names[] = {};\n", list(names));
    out += "static void initialise(char *const *cells)\n{\n\t(void)cells;\n";
    for (cell, bytes) in sizes.iter().enumerate() {
        let _ = writeln!(out, "\t__builtin_memset(cells[{cell}], 0, {bytes});");
    }
    for (location, declared) in locations.iter().enumerate() {
        let (cell, offset) = parts.cell(location as u32);
        let place = format!("(int64_t)cells[{cell}] + {offset}");
        match declared.init {
            Value::Int(0) | Value::Symbol(_) | Value::Bits(_) => {}
            Value::Int(value) => {
                // (In Rust it may have 64 bits, and each object has room for them.)
                let is_array = parts.test.program.elements.iter().any(|element| element.array == location as u32);
                let is_element = parts.test.program.elements.iter().any(|element| element.location == location as u32);
                let is_wide = is_rust && !is_array && !is_element;
                let width = if is_wide { 8 } else { parts.width_of(location as u32) };
                let _ = writeln!(out, "\tPLAIN_WRITE{width}({place}, INT64_C({value}));");
            }
            Value::Address(to, by) => {
                let (to, within) = parts.cell(to);
                let _ = writeln!(out, "\tPLAIN_WRITE8({place}, (int64_t)cells[{to}] + {});", within + by);
            }
        }
    }
    out + "}\n\n"
}

/// What a final state consists of, and what is asked of it.
fn observation(parts: &Parts<'_>) -> String {
    let test = parts.test;
    let column = |(at, name): (usize, &String)| {
        let format = test.formats.get(at).copied().unwrap_or_default();
        let (element, elements) = format.element.unwrap_or((0, 0));
        format!("{{ {}, {}, {}, {elements}, {element} }}", quoted(name), format.bits, u8::from(format.signed))
    };
    let columns: Vec<String> = test.observed.iter().enumerate().map(column).collect();
    let columns = if columns.is_empty() { vec!["{ \"\", 32, 1, 0, 0 }".to_string()] } else { columns };
    let mut out = format!("static const struct lkmm_column columns[] = {{ {} }};\n\n", columns.join(", "));
    out += &value(parts);
    out += "static void observe(char *const *cells, int64_t *const *registers, int64_t *state)\n{\n\
            \t(void)cells;\n\t(void)registers;\n\t(void)state;\n";
    for (at, observable) in test.program.observed.iter().enumerate() {
        let _ = writeln!(out, "\tstate[{at}] = {};", found(parts, *observable));
    }
    let filter = test.program.filter.as_ref();
    let filter = filter.map_or("1".into(), |filter| proposition(parts, filter, &|o| found(parts, o)));
    let seen = |observable: Observable| {
        let at = test.program.observed.iter().position(|other| *other == observable);
        at.map_or("0".into(), |at| format!("state[{at}]"))
    };
    let condition = test.program.condition.as_ref();
    let condition = condition.map_or("1".into(), |condition| proposition(parts, condition, &seen));
    out + &format!(
        "}}\n\nstatic int filter(char *const *cells, int64_t *const *registers)\n{{\n\t(void)cells;\n\t(void)registers;\n\
         \treturn {filter};\n}}\n\nstatic int holds(const int64_t *state)\n{{\n\t(void)state;\n\treturn {condition};\n}}\n\n"
    )
}

/// The function that tells addresses from numbers.
fn value(parts: &Parts<'_>) -> String {
    let mut out = String::from("static inline int64_t value(int64_t found, char *const *cells)\n{\n\t(void)cells;\n");
    if parts.has_addresses {
        out += "\tif (found == (int32_t)found)\n\t\treturn found;\n";
        for cell in 0..parts.objects.len() {
            let _ = writeln!(
                out,
                "\tif ((uint64_t)found - (uint64_t)cells[{cell}] < (sizes[{cell}] < 8 ? 8 : sizes[{cell}]))\n\
                 \t\treturn LKMM_ADDRESS({cell}, found - (int64_t)cells[{cell}]);"
            );
        }
        let _ = writeln!(out, "\treturn LKMM_ADDRESS({}, 0);", parts.objects.len());
    } else {
        out += "\treturn (int32_t)found;\n";
    }
    out + "}\n\n"
}

/// The final value of an observable in an instance.
fn found(parts: &Parts<'_>, observable: Observable) -> String {
    match observable {
        Observable::Register(thread, register) => format!("value(registers[{thread}][{register}], cells)"),
        Observable::Location(location) => {
            let (cell, offset) = parts.cell(location);
            let width = parts.width_of(location);
            format!("value(PLAIN_READ{width}(cells[{cell}] + {offset}), cells)")
        }
    }
}

/// A value as the harness has it.
fn encoded(parts: &Parts<'_>, value: Value) -> String {
    match value {
        Value::Int(value) => format!("INT64_C({value})"),
        Value::Address(location, by) => {
            let (cell, offset) = parts.cell(location);
            format!("LKMM_ADDRESS({cell}, {})", offset + by)
        }
        Value::Symbol(_) | Value::Bits(_) => "LKMM_ANY".into(),
    }
}

/// A proposition as an expression of C.
fn proposition(parts: &Parts<'_>, proposed: &Proposition, of: &dyn Fn(Observable) -> String) -> String {
    let term = |term: &Term| match term {
        Term::Final(observable) => of(*observable),
        Term::Const(value) => encoded(parts, *value),
    };
    let joined = |all: &[Proposition], symbol: &str, empty: &str| match all {
        [] => empty.to_string(),
        all => {
            let all: Vec<String> = all.iter().map(|part| proposition(parts, part, of)).collect();
            format!("({})", all.join(symbol))
        }
    };
    match proposed {
        Proposition::Equal(a, b, true) => format!("({} == {})", term(a), term(b)),
        Proposition::Equal(a, b, false) => format!("({} != {})", term(a), term(b)),
        Proposition::And(all) => joined(all, " && ", "1"),
        Proposition::Or(any) => joined(any, " || ", "0"),
        Proposition::Not(inner) => format!("!{}", proposition(parts, inner, of)),
    }
}

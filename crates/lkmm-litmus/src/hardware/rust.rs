//! Processes in Rust: their own text, over crate `lkmm`, and what calls it from C.
//!
//! The text of a process stays as it is, but for two insertions: a first parameter, the row of final registers, and statements at the
//! end of the body that write what the condition asks for there.

use super::{Parts, refused};
use crate::ast::{Language, Process, Stmt, StmtKind};
use lkmm_report::Problem;
use std::fmt::Write;

/// What stands before the processes: the names that they may use, and how they are called.
const BEGINNING: &str = include_str!("rust/processes.rs");

/// Types of atomics whose content would have to be extended by its sign.
const NARROW: [&str; 2] = ["<i8>", "<i16>"];

/// The declaration of a process, for C.
pub(super) fn declaration(number: usize) -> String {
    format!("void lkmm_rust_P{number}(char **cells, int64_t *registers);\n\n")
}

/// The file of all processes in Rust.
pub(super) fn file(parts: &Parts<'_>) -> Result<String, Problem> {
    let mut out = BEGINNING.to_string();
    for (number, process) in parts.processes.iter().enumerate() {
        if process.language == Language::Rust {
            out += "\n";
            out += &function(parts, number, process)?;
            let arguments = process.parameters.iter().map(|(register, _)| {
                let cell = parts.cell_of(&process.registers[*register as usize]);
                format!(", cell(*cells.add({cell}))")
            });
            let _ = write!(
                out,
                "\n#[unsafe(no_mangle)]\nunsafe extern \"C\" fn lkmm_rust_P{number}(cells: *const *mut c_void, registers: *mut i64) {{\n    \
                 // SAFETY: the harness has a cell for each location, and a row for the registers.\n    \
                 unsafe {{ P{number}(Registers(registers){}) }}\n}}\n",
                arguments.collect::<String>()
            );
        }
    }
    Ok(out)
}

/// The text of a process with its two insertions.
fn function(parts: &Parts<'_>, number: usize, process: &Process) -> Result<String, Problem> {
    let text = &parts.source[process.text.clone()];
    if let Some(at) = NARROW.iter().find_map(|narrow| text.find(narrow)) {
        let at = process.text.start + at;
        return Err(refused("an atomic of fewer than 32 bits with a sign".into(), at..at + 4));
    }
    // What the condition asks for is written where the body ends.
    if let [Stmt { kind: StmtKind::Labelled { label: 0, .. }, .. }] = &process.body[..] {
        return Err(refused("a process that returns early".into(), process.name.clone()));
    }
    let name_end = process.name.end - process.text.start;
    let (Some(open), Some(close)) = (text[name_end..].find('('), text.rfind('}')) else {
        return Err(refused("this function".into(), process.name.clone()));
    };
    let open = name_end + open + 1;
    let comma = if process.parameters.is_empty() { "" } else { ", " };
    let finals = parts.test.program.threads[number].registers.iter().enumerate();
    let finals: String =
        finals.map(|(at, name)| format!("    lkmm_registers.set({at}, {name}.into_register());\n")).collect();
    let end = if finals.is_empty() { String::new() } else { format!("\n    ;\n{finals}") };
    let (head, body) = (&text[..open], text[open..close].trim_end());
    Ok(format!("{head}lkmm_registers: Registers{comma}{body}{end}\n}}\n"))
}

//! `lkmm run`: tests on this machine, or written as projects for others.
//!
//! The program of a test judges by itself what it sees, and prints it; here it is built and started.

mod emit;
mod workshop;

use crate::args::Run;
use crate::diagnostics;
use crate::files::{self, Input};
use anstream::{AutoStream, ColorChoice};
use lkmm_litmus::{Settings, hardware};
use lkmm_model::models;
use lkmm_report::{Problem, Report};
use std::io::{self, Write};
use std::path::Path;
use workshop::Workshop;

/// What the program of a test ends with when the model forbids something that it has seen.
const FORBIDDEN: i32 = 1;
/// What it ends with when the test hangs; it has said so.
const HANGS: i32 = 3;

/// Runs what the arguments name, or writes it, and returns the exit code.
///
/// # Errors
/// Those of the standard output and of the temporary folder, and several tests for one project.
pub fn run(args: &Run) -> io::Result<u8> {
    let inputs = files::expand(&args.paths, None);
    if args.emit.is_some() && inputs.len() > 1 {
        let message = format!("{} tests for one project; name one test with --emit", inputs.len());
        return Err(io::Error::other(message));
    }
    let model = models::by_name(args.model)
        .ok_or_else(|| io::Error::other(format!("no model {}; see lkmm list-models", args.model)))?;
    let settings = Settings { timeout: Some(args.timeout), unroll: args.unroll, ..Settings::new(model) };
    let mut workshop = Workshop::new()?;
    let mut code = 0;
    for input in &inputs {
        match run_one(input, args, &settings, &mut workshop) {
            Ok(result) => code = code.max(result),
            Err((problem, source)) => {
                code = 2;
                let report = Report { file: input.name.clone(), source, ..Report::default() };
                let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
                // It may be closed, which matters not.
                let _ = writeln!(io::stderr(), "{}\n", diagnostics::render(&report, &problem, false, colours));
            }
        }
    }
    Ok(code)
}

/// Runs a test, or writes it. What is wrong comes with the source.
fn run_one(input: &Input, args: &Run, settings: &Settings, workshop: &mut Workshop) -> Result<u8, (Problem, String)> {
    let source = input.read(None).map_err(|problem| (problem, String::new()))?;
    let done = hardware::sources(&input.name, &source, settings).and_then(|sources| match &args.emit {
        Some(folder) => emit::write(&sources, folder).map(|()| 0),
        None => workshop.build(&sources).and_then(|program| start(&program, args)),
    });
    done.map_err(|problem| (problem, source))
}

/// Starts a program, which prints what comes of it, and yields the exit code of this test.
fn start(program: &Path, args: &Run) -> Result<u8, Problem> {
    let mut command = std::process::Command::new(program);
    command.args(["--seconds", &args.seconds.as_secs_f64().to_string(), "--affinity", &args.affinity]);
    let status = command.status().map_err(|error| Problem::new(format!("its program cannot be started: {error}")))?;
    match status.code() {
        Some(0) => Ok(0),
        Some(FORBIDDEN) => Ok(1),
        Some(HANGS) => Ok(2),
        _ => Err(Problem::new(format!("its program ended with {status}"))
            .with_help("does the test follow an address that is none?")),
    }
}

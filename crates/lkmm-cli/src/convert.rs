//! `lkmm convert`: tests in the other language, on the standard output or in a folder.

use crate::args::{Convert, To};
use crate::diagnostics;
use crate::files::{self, Input};
use anstream::{AutoStream, ColorChoice};
use lkmm_litmus::Language;
use lkmm_report::{Problem, Report};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

/// Converts what the arguments name, and returns the exit code.
///
/// # Errors
/// Those of the standard output and of the folder, and several tests without one.
pub fn run(args: &Convert) -> io::Result<u8> {
    let inputs = files::expand(&args.paths, None);
    if args.output.is_none() && inputs.len() > 1 {
        let message = format!("{} tests for one standard output; name a folder with -o", inputs.len());
        return Err(io::Error::other(message));
    }
    let to = match args.to {
        To::Rust => Language::Rust,
        To::C => Language::C,
    };
    let mut targets = Targets { folder: args.output.clone(), taken: BTreeMap::new() };
    let mut failed = false;
    for input in &inputs {
        if let Err((problem, source)) = convert(input, to, &args.paths, &mut targets)? {
            failed = true;
            let report = Report { file: input.name.clone(), source, ..Report::default() };
            let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
            // It may be closed, which matters not: the results are elsewhere.
            let _ = writeln!(io::stderr(), "{}\n", diagnostics::render(&report, &problem, false, colours));
        }
    }
    Ok(if failed { 2 } else { 0 })
}

/// Converts one test. What is wrong with it comes with its source.
fn convert(
    input: &Input,
    to: Language,
    named: &[PathBuf],
    targets: &mut Targets,
) -> io::Result<Result<(), (Problem, String)>> {
    let source = match input.read(None) {
        Ok(source) => source,
        Err(problem) => return Ok(Err((problem, String::new()))),
    };
    let text = match lkmm_litmus::convert(&source, to) {
        Ok(text) => text,
        Err(problem) => return Ok(Err((problem, source))),
    };
    match targets.of(input, named) {
        Ok(None) => io::stdout().lock().write_all(text.as_bytes())?,
        Ok(Some(path)) => {
            let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, text));
            written.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
        }
        Err(problem) => return Ok(Err((problem, String::new()))),
    }
    Ok(Ok(()))
}

/// Where tests are written.
struct Targets {
    folder: Option<PathBuf>,
    /// What is written already, and where it came from.
    taken: BTreeMap<PathBuf, String>,
}

impl Targets {
    /// The file for a test: its path below the directory that was named, or else its name. None for the standard output.
    fn of(&mut self, input: &Input, named: &[PathBuf]) -> Result<Option<PathBuf>, Problem> {
        let Some(folder) = &self.folder else { return Ok(None) };
        let below = input.path().and_then(|path| named.iter().find_map(|directory| path.strip_prefix(directory).ok()));
        let below = below.filter(|path| path.components().all(|part| matches!(part, Component::Normal(_))));
        let name =
            below.filter(|path| !path.as_os_str().is_empty()).or(input.path().and_then(Path::file_name).map(Path::new));
        let path = folder.join(name.unwrap_or(Path::new("stdin.litmus")));
        let same =
            |other: &Path| path.canonicalize().is_ok_and(|path| other.canonicalize().is_ok_and(|other| path == other));
        if input.path().is_some_and(same) {
            return Err(Problem::new("would be overwritten").with_help("name another folder with -o"));
        }
        if let Some(other) = self.taken.insert(path.clone(), input.name.clone()) {
            let message = format!("would be written where {other} was: {}", path.display());
            return Err(Problem::new(message).with_help("convert them into different folders"));
        }
        Ok(Some(path))
    }
}

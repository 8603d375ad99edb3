//! `lkmm check`: run the tests and print what came of them.

use crate::args::{Check, Deps, Format};
use crate::diagnostics;
use crate::files;
use crate::progress::Progress;
use crate::runner;
use anstream::{AutoStream, ColorChoice};
use lkmm_litmus::Settings;
use lkmm_model::models;
use lkmm_report::explanation::Explanation;
use lkmm_report::{Answer, Dependencies, Palette, Report, explain, herd, human, json, witness};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::ops::ControlFlow;
use std::time::Instant;

/// Checks what the arguments name, prints the results, and returns the exit code.
///
/// # Errors
/// Those of the standard output, the closed pipe among them, and contradictory arguments.
pub fn run(args: &Check) -> io::Result<u8> {
    if args.witness && args.format != Format::Human {
        return Err(io::Error::other("--witness prints text for people; leave out --format"));
    }
    if args.deps == Some(Deps::Both) && args.format != Format::Human {
        return Err(io::Error::other("--deps both prints text for people; leave out --format"));
    }
    if args.explain && args.format == Format::Herd {
        return Err(io::Error::other("--explain prints text for people, or JSON; leave out --format herd"));
    }
    if args.explain && args.deps.is_some_and(|deps| deps != Deps::Syntactic) {
        return Err(io::Error::other("--explain explains verdicts with syntactic dependencies; leave out --deps"));
    }
    let model = models::by_name(args.model)
        .ok_or_else(|| io::Error::other(format!("no model {}; see lkmm list-models", args.model)))?;
    let settings = Settings {
        dependencies: match args.deps {
            None | Some(Deps::Syntactic) => Dependencies::Syntactic,
            Some(Deps::Observed) => Dependencies::Observed,
            Some(Deps::Both) => Dependencies::Both,
        },
        compare_rust: args.deps.is_none() && args.format == Format::Human,
        verdict: args.verdict,
        jobs: args.jobs.map_or_else(processors, usize::from),
        timeout: args.timeout,
        max_executions: args.max_executions,
        unroll: args.unroll,
        witness: args.witness,
        explain: args.explain,
        ..Settings::new(model)
    };
    let inputs = files::expand(&args.paths, args.timeout);
    let mut printer = Printer::new(args);
    let mut progress = Progress::new(inputs.len());
    let mut result = Ok(());
    runner::run(&inputs, &settings, |report| {
        result = progress.step(|| printer.print(report));
        if result.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    progress.finish();
    result.and_then(|()| printer.finish())
}

pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// Prints reports as they come, and keeps what is to be printed last.
struct Printer {
    out: BufWriter<StdoutLock<'static>>,
    format: Format,
    states: bool,
    witness: bool,
    explain: bool,
    palette: Palette,
    colours_on_stderr: bool,
    start: Instant,
    summary: human::Summary,
    /// As text: a report with millions of states is better not kept.
    mismatches: Vec<Vec<u8>>,
    /// Why verdicts with observed dependencies are others, as text.
    differences: Vec<Vec<u8>>,
    diagnostics: Vec<String>,
}

impl Printer {
    fn new(args: &Check) -> Printer {
        let colours = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        Printer {
            out: BufWriter::new(io::stdout().lock()),
            format: args.format,
            states: args.states,
            witness: args.witness,
            explain: args.explain,
            palette: if colours { Palette::colours() } else { Palette::plain() },
            colours_on_stderr: AutoStream::choice(&io::stderr()) != ColorChoice::Never,
            start: Instant::now(),
            summary: human::Summary::default(),
            mismatches: Vec::new(),
            differences: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    fn print(&mut self, report: Report) -> io::Result<()> {
        self.summary.add(&report);
        // The standard error may be closed, which matters not: the results are on the standard output.
        match self.format {
            Format::Json => {
                json::write(&mut self.out, &report)?;
                self.out.flush()?;
                for warning in report.warnings() {
                    let _ = writeln!(
                        io::stderr(),
                        "{}",
                        diagnostics::render(&report, &warning, true, self.colours_on_stderr)
                    );
                }
            }
            Format::Herd => {
                herd::write(&mut self.out, &report)?;
                self.out.flush()?;
                let _ = herd::write_warnings(&mut io::stderr(), &report);
            }
            Format::Human => self.print_for_people(report)?,
        }
        self.out.flush()
    }

    fn print_for_people(&mut self, report: Report) -> io::Result<()> {
        human::write_line(&mut self.out, &report, &self.palette)?;
        if self.states {
            human::write_states(&mut self.out, &report, &self.palette)?;
        }
        // (An explanation of what happens begins with the execution that shows it.)
        let is_shown = self.explain && matches!(report.explanation, Some(Explanation::Allowed(_)));
        if self.witness && !is_shown {
            witness::write(&mut self.out, &report, &self.palette)?;
            writeln!(self.out)?;
        }
        if self.explain {
            explain::write(&mut self.out, &report, &self.palette)?;
            writeln!(self.out)?;
        }
        if let Some(test) = &report.test {
            let warnings = test.warnings.iter();
            self.diagnostics.extend(warnings.map(|w| diagnostics::render(&report, w, true, self.colours_on_stderr)));
        }
        if let Answer::Error(problem) = &report.answer {
            self.diagnostics.push(diagnostics::render(&report, problem, false, self.colours_on_stderr));
        }
        if report.mismatch().is_some() {
            let mut text = Vec::new();
            human::write_mismatch(&mut text, &report, &self.palette)?;
            self.mismatches.push(text);
        }
        let mut text = Vec::new();
        human::write_difference(&mut text, &report, &self.palette)?;
        self.differences.extend(Some(text).filter(|text| !text.is_empty()));
        Ok(())
    }

    /// Prints what comes last, and returns the exit code.
    fn finish(&mut self) -> io::Result<u8> {
        if self.format == Format::Human {
            for diagnostic in &self.diagnostics {
                let _ = writeln!(io::stderr(), "\n{diagnostic}");
            }
            for text in self.mismatches.iter().chain(&self.differences) {
                writeln!(self.out)?;
                self.out.write_all(text)?;
            }
            if self.summary.tests > 1 {
                writeln!(self.out)?;
                self.summary.write(&mut self.out, self.start.elapsed(), &self.palette)?;
            }
            self.out.flush()?;
        }
        Ok(self.summary.exit_code())
    }
}

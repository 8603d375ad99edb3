//! `lkmm draw`: executions as pictures, on the standard output or in a file.

use crate::args::{Draw, Picture};
use crate::diagnostics;
use crate::files::Input;
use crate::runner;
use anstream::{AutoStream, ColorChoice};
use lkmm_litmus::{Settings, Which};
use lkmm_model::models;
use lkmm_report::{Problem, Report, dot, html, svg};
use std::io::{self, Write};
use std::path::Path;

/// Draws what the arguments name, and returns the exit code.
///
/// # Errors
/// Those of the output, and names of it that do not say what to draw.
pub fn run(args: &Draw) -> io::Result<u8> {
    let form = form(args)?;
    let model = models::by_name(args.model)
        .ok_or_else(|| io::Error::other(format!("no model {}; see lkmm list-models", args.model)))?;
    let input = if args.file.as_os_str() == "-" { Input::stdin() } else { Input::file(&args.file) };
    let settings = Settings {
        jobs: std::thread::available_parallelism().map_or(1, |n| n.get()),
        timeout: args.timeout,
        unroll: args.unroll,
        ..Settings::new(model)
    };
    let which = match (args.state, form) {
        (Some(number), _) => Which::State(number),
        (None, Picture::Html) => Which::All,
        (None, Picture::Svg | Picture::Dot) => Which::Answer,
    };
    let drawn = runner::on_large_stack(|| draw(&input, &settings, which, &args.show))?;
    let (report, album) = drawn;
    let colours = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
    // It may be closed, which matters not: the picture is elsewhere.
    let tell = |problem: &Problem, is_warning: bool| {
        let _ = writeln!(io::stderr(), "{}", diagnostics::render(&report, problem, is_warning, colours));
    };
    let album = match album {
        Ok(album) => album,
        Err(problem) => {
            tell(&problem, false);
            return Ok(2);
        }
    };
    report.warnings().iter().for_each(|warning| tell(warning, true));
    let text = match form {
        Picture::Html => html::draw(&album),
        Picture::Svg => album.pages.first().map_or_else(String::new, |page| svg::draw(&page.diagram)),
        Picture::Dot => album.pages.first().map_or_else(String::new, |page| dot::draw(&page.diagram)),
    };
    match &args.output {
        None => io::stdout().lock().write_all(text.as_bytes())?,
        Some(path) => std::fs::write(path, text)
            .map_err(|error| io::Error::new(error.kind(), format!("cannot write {}: {error}", path.display())))?,
    }
    Ok(0)
}

/// What is to be drawn: what is asked for, or what the name of the output says.
fn form(args: &Draw) -> io::Result<Picture> {
    let suffix = args.output.as_deref().and_then(Path::extension).map(|suffix| suffix.to_string_lossy().to_lowercase());
    match (args.format, &args.output, suffix.as_deref()) {
        (Some(form), _, _) => Ok(form),
        (None, None, _) => Ok(Picture::Svg),
        (None, Some(_), Some("svg")) => Ok(Picture::Svg),
        (None, Some(_), Some("html" | "htm")) => Ok(Picture::Html),
        (None, Some(_), Some("dot" | "gv")) => Ok(Picture::Dot),
        (None, Some(path), suffix) => {
            let what = suffix.map_or("has no suffix".to_string(), |suffix| format!("ends in .{suffix}"));
            let message = format!(
                "{} {what}, which says not what to draw; let it end in .svg, .html or .dot, or add --format",
                path.display()
            );
            Err(io::Error::other(message))
        }
    }
}

fn draw(input: &Input, settings: &Settings, which: Which, show: &[String]) -> (Report, Result<html::Album, Problem>) {
    match input.read(settings.timeout) {
        Ok(source) => lkmm_litmus::draw(&input.name, source, settings, which, show),
        Err(problem) => (Report { file: input.name.clone(), ..Report::default() }, Err(problem)),
    }
}

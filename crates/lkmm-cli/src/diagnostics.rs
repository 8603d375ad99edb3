//! Problems with their source line and a caret, as compilers show them.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use lkmm_report::{Problem, Report};
use std::ops::Range;

/// Renders a problem of a report's source as an error or, with `warning`, as a warning.
pub fn render(report: &Report, problem: &Problem, warning: bool, colours: bool) -> String {
    let level = if warning { Level::WARNING } else { Level::ERROR };
    let mut group = match problem.span_in(&report.source) {
        Some(span) if !report.source.is_empty() => {
            level.primary_title(problem.message.as_str()).element(snippet(report, problem, span))
        }
        // There is no source line to stand under its name.
        _ => Group::with_title(level.primary_title(format!("{}: {}", report.file, problem.message))),
    };
    if let Some(help) = &problem.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let renderer = if colours { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&[group])
}

/// The longest place that is marked, in characters.
const MARKED: usize = 200;

fn snippet<'a>(
    report: &'a Report,
    problem: &'a Problem,
    span: Range<usize>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    // A place that runs over several lines is shown by its first.
    let line_end = report.source[span.start..].find('\n').map_or(report.source.len(), |n| span.start + n);
    let marked = report.source[span.clone()].char_indices().nth(MARKED).map_or(span.end, |(n, _)| span.start + n);
    let annotation = AnnotationKind::Primary.span(span.start..marked.min(line_end).max(span.start));
    let annotation = if problem.label.is_empty() { annotation } else { annotation.label(problem.label.as_str()) };
    Snippet::source(report.source.as_str()).path(report.file.as_str()).annotation(annotation)
}

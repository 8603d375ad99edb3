//! [`Diagram`]s as one page of HTML that needs nothing else: no network, no other file.
//!
//! Who reads it steps through the executions, hides and shows relations, and points at an arrow to see why it is there. The pictures are those of
//! [`svg`]; all else is some lines of script.

use crate::diagram::{Diagram, Edge, Relation};
use crate::svg::{self, class, escape};
use std::collections::BTreeSet;
use std::fmt::Write;

/// A picture, and how a list of pictures calls it.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// What it shows: `state 1 of 4: 0:r0=0; 1:r0=0;`.
    pub heading: String,
    /// The picture. Its arrows that are [extra](crate::diagram::Edge::is_extra) are hidden at first.
    pub diagram: Diagram,
}

/// Pictures that belong together.
#[derive(Clone, Debug, Default)]
pub struct Album {
    /// What they are about.
    pub title: String,
    /// The pictures.
    pub pages: Vec<Page>,
    /// The number of the one that is shown first.
    pub start: usize,
    /// The text that they are drawn of.
    pub source: String,
    /// Sentences, each a line, shown at the foot.
    pub notes: Vec<String>,
}

/// Draws a page.
///
/// ```
/// use lkmm_report::diagram::Diagram;
/// use lkmm_report::html::{Album, Page, draw};
///
/// let page = Page { heading: "the only one".into(), diagram: Diagram::default() };
/// let html = draw(&Album { title: "a < b".into(), pages: vec![page], ..Album::default() });
/// assert!(html.starts_with("<!doctype html>") && html.contains("<h1>a &lt; b</h1>"));
/// ```
pub fn draw(album: &Album) -> String {
    let pages = &album.pages;
    let mut out = String::new();
    let title = escape(&album.title);
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{}{}</style>\n</head>\n<body data-start=\"{}\">\n<h1>{title}</h1>\n",
        svg::STYLE,
        include_str!("html/page.css"),
        album.start
    );
    let all = Diagram {
        edges: pages.iter().flat_map(|page| page.diagram.edges.iter().cloned()).collect(),
        ..Diagram::default()
    };
    let _ = writeln!(
        out,
        "<svg width=\"0\" height=\"0\" style=\"position:absolute\" aria-hidden=\"true\">\n{}</svg>",
        svg::tips(&all)
    );
    let shown = all.edges.iter().filter(|edge| !edge.is_extra).map(|edge| edge.name.to_string()).collect();
    draw_controls(&mut out, pages, &all, &shown);
    for (number, page) in pages.iter().enumerate() {
        let hidden = if number == album.start { "" } else { " hidden" };
        let _ = writeln!(out, "<figure aria-label=\"{}\"{hidden}>", escape(&page.heading));
        out.push_str(&svg::draw_inside(&page.diagram, &shown));
        out.push_str("</figure>\n");
    }
    if !album.source.is_empty() {
        let _ = writeln!(out, "<details><summary>Source</summary>\n<pre>{}</pre></details>", numbered(&album.source));
    }
    out.push_str("<footer>\n");
    for note in &album.notes {
        let _ = writeln!(out, "<p>{}</p>", escape(note));
    }
    let _ = write!(out, "</footer>\n<script>\n{}</script>\n</body>\n</html>\n", include_str!("html/page.js"));
    out
}

/// The list of pictures, the relations that can be hidden, and the place for what is said of an arrow.
fn draw_controls(out: &mut String, pages: &[Page], all: &Diagram, shown: &BTreeSet<String>) {
    out.push_str("<nav aria-label=\"Executions\">\n<button id=\"back\" type=\"button\" aria-label=\"Previous execution\">◀</button>\n");
    out.push_str("<select id=\"picker\" aria-label=\"Execution\">\n");
    for (number, page) in pages.iter().enumerate() {
        let of = pages.len();
        let _ = writeln!(out, "<option value=\"{number}\">{}/{of}  {}</option>", number + 1, escape(&page.heading));
    }
    out.push_str("</select>\n<button id=\"on\" type=\"button\" aria-label=\"Next execution\">▶</button>\n");
    out.push_str("<small>or the arrow keys</small>\n</nav>\n<fieldset>\n<legend>Relations</legend>\n");
    let names: BTreeSet<(bool, Relation, String)> =
        all.edges.iter().map(|edge| (edge.is_extra, edge.relation, key(edge, shown))).collect();
    let mut known: Vec<&str> = Vec::new();
    for (is_extra, relation, name) in &names {
        // (One name may be of arrows of several kinds.)
        if known.contains(&name.as_str()) {
            continue;
        }
        known.push(name);
        let (checked, class, name) = (if *is_extra { "" } else { " checked" }, class(*relation), escape(name));
        let _ = writeln!(
            out,
            "<label title=\"{}\"><input type=\"checkbox\" data-toggle=\"{name}\"{checked}> \
             <svg width=\"26\" height=\"10\" aria-hidden=\"true\"><path class=\"{class}\" d=\"M0 5H26\"/></svg> {name}</label>",
            relation.meaning()
        );
    }
    out.push_str("<label><input type=\"checkbox\" id=\"cycle\"> only the cycle</label>\n</fieldset>\n");
    out.push_str(
        "<p id=\"rule\" aria-live=\"polite\">Point at an arrow, or reach it with Tab, to see why it is there.</p>\n",
    );
}

/// What is hidden and shown together with an arrow: all that are called so. Those that are hidden at first are apart from those that are not.
pub(crate) fn key(edge: &Edge, shown: &BTreeSet<String>) -> String {
    if edge.is_extra && shown.contains(&*edge.name) { format!("all {}", edge.name) } else { edge.name.to_string() }
}

/// A source with the numbers of its lines.
fn numbered(source: &str) -> String {
    source.lines().enumerate().map(|(n, line)| format!("{:>4}  {}\n", n + 1, escape(line))).collect()
}

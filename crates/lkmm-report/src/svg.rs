//! A [`Diagram`] as SVG: a file that needs nothing else, for the screen (light and dark) and for paper.
//!
//! Each thread is a column, from top to bottom. Arrows run beside and between the columns (`route.rs`), so that they never cross a text. What a
//! colour says is said by a label and by the kind of line too. The letters are those of a typewriter, whose widths are known without asking
//! a font.

mod route;
mod text;

pub(crate) use text::escape;

use crate::diagram::{Diagram, Edge, Node, Relation};
use crate::html::key;
use route::{Area, Labels, Path, Way};
use std::collections::BTreeSet;
use std::fmt::Write;
use text::{cut, fitting, width, wrap};

/// Sizes of letters.
const TITLE: f64 = 17.0;
const TEXT: f64 = 13.0;
const SMALL: f64 = 11.0;
const LABEL: f64 = 12.0;
/// Boxes.
const BOX_HEIGHT: f64 = 44.0;
const ROW_GAP: f64 = 28.0;
const PAD: f64 = 11.0;
/// Between columns beside what stands at their sides, and around everything.
const GUTTER: f64 = 104.0;
const MARGIN: f64 = 24.0;
/// From line to line of a text.
const LINE: f64 = 19.0;
/// The least width of a picture, for the sake of its sentences.
const LEAST_WIDTH: f64 = 640.0;

/// Draws a diagram.
///
/// ```
/// use lkmm_report::diagram::{Diagram, Node};
///
/// let node = Node { text: "read x = 0".into(), ..Node::default() };
/// let diagram = Diagram { columns: vec!["thread 0".into()], nodes: vec![node], ..Diagram::default() };
/// assert!(lkmm_report::svg::draw(&diagram).starts_with("<svg "));
/// ```
pub fn draw(diagram: &Diagram) -> String {
    let mut shown = diagram.clone();
    shown.edges.retain(|edge| !edge.is_extra);
    Drawing::new(&shown, None).draw()
}

/// Draws a diagram as a part of a page that has the [style](STYLE) and the [tips of arrows](tips) once, and whose script shows and hides arrows:
/// they say in `data-name` what they are called, and in `aria-label` why they are there.
pub(crate) fn draw_inside(diagram: &Diagram, shown: &BTreeSet<String>) -> String {
    Drawing::new(diagram, Some(shown)).draw()
}

/// A box where it stands.
#[derive(Clone, Copy)]
struct Place {
    left: f64,
    right: f64,
    top: f64,
    row: usize,
    column: usize,
}

struct Drawing<'a> {
    diagram: &'a Diagram,
    /// Of a part of a page: which arrows are shown at first.
    inside: Option<&'a BTreeSet<String>>,
    places: Vec<Place>,
    ways: Vec<Way>,
    /// Left and right of each column.
    columns: Vec<(f64, f64)>,
    width: f64,
    /// The top of the first row.
    top: f64,
    /// The end of the last row.
    bottom: f64,
    head: Vec<String>,
    foot: Vec<String>,
}

impl<'a> Drawing<'a> {
    fn new(diagram: &'a Diagram, inside: Option<&'a BTreeSet<String>>) -> Self {
        let rows = diagram.rows();
        let wide = |column: usize| {
            let own = diagram.nodes.iter().filter(|node| node.column == column);
            let texts = own.map(|node| width(&cut(&node.text), TEXT).max(width(&below(node), SMALL)));
            let title = width(&diagram.columns[column], TEXT);
            texts.fold(title.max(90.0), f64::max) + 2.0 * PAD
        };
        let widths: Vec<f64> = (0..diagram.columns.len()).map(wide).collect();
        let ways = route::ways(diagram, &rows, &widths);
        let beside = |column: usize| route::beside(diagram, &ways, column);
        let mut columns = Vec::new();
        let mut left = MARGIN + if widths.len() > 1 { beside(0) } else { 0.0 };
        for (column, wide) in widths.iter().enumerate() {
            columns.push((left, left + wide));
            let gutter = route::label_between(diagram, column) + 2.0 * PAD;
            left += wide + gutter.max(GUTTER) + if column > 0 { beside(column) } else { 0.0 };
        }
        let last = widths.len().saturating_sub(1);
        let natural = columns.last().map_or(0.0, |column| column.1 + beside(last)) + MARGIN;
        let width = natural.max(LEAST_WIDTH);
        // In the middle, where the sentences are wider.
        let shift = (width - natural) / 2.0;
        columns.iter_mut().for_each(|(left, right)| (*left, *right) = (*left + shift, *right + shift));
        let letters = fitting(width - 2.0 * MARGIN, TEXT);
        let wrapped = |texts: &[String]| texts.iter().flat_map(|text| wrap(text, letters)).collect::<Vec<_>>();
        let (head, foot) = (wrapped(&diagram.subtitles), wrapped(&diagram.notes));
        let title = if diagram.title.is_empty() { 0.0 } else { 30.0 };
        let top = MARGIN + title + LINE * head.len() as f64 + 56.0;
        let place = |(node, &row): (&Node, &usize)| {
            let (left, right) = columns[node.column];
            Place { left, right, top: top + row as f64 * (BOX_HEIGHT + ROW_GAP), row, column: node.column }
        };
        let places: Vec<Place> = diagram.nodes.iter().zip(&rows).map(place).collect();
        let bottom = places.iter().map(|place| place.top + BOX_HEIGHT).fold(top, f64::max);
        Drawing { diagram, inside, places, ways, columns, width, top, bottom, head, foot }
    }

    fn draw(&self) -> String {
        let mut out = String::new();
        let mut legend = String::new();
        let foot = self.draw_legend(&mut legend, self.bottom + 40.0) + 32.0;
        let lines = LINE * self.foot.len() as f64 + if self.foot.is_empty() { -18.0 } else { -8.0 };
        let (width, height) = (self.width, foot + lines + MARGIN / 2.0);
        let role = if self.inside.is_some() { "group" } else { "img" };
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"{role}\">"
        );
        let _ = writeln!(out, "<title>{}</title>", escape(&self.diagram.title));
        if self.inside.is_none() {
            let _ = write!(out, "<style>\n{STYLE}</style>\n{}", tips(self.diagram));
        }
        let _ = writeln!(out, "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>");
        self.draw_head(&mut out);
        self.draw_columns(&mut out);
        let labels = self.draw_edges(&mut out);
        self.draw_boxes(&mut out);
        out.push_str(&labels);
        out.push_str(&legend);
        for (n, line) in self.foot.iter().enumerate() {
            text(&mut out, "note", MARGIN, foot + LINE * n as f64, line);
        }
        out.push_str("</svg>\n");
        out
    }

    fn draw_head(&self, out: &mut String) {
        let mut y = MARGIN + 4.0;
        if !self.diagram.title.is_empty() {
            y += TITLE / 2.0;
            text(out, "title", MARGIN, y, &self.diagram.title);
            y += 30.0 - TITLE / 2.0;
        }
        for line in &self.head {
            text(out, "note", MARGIN, y, line);
            y += LINE;
        }
    }

    /// The titles of the columns, and a line down each: program order.
    fn draw_columns(&self, out: &mut String) {
        for (column, &(left, right)) in self.columns.iter().enumerate() {
            let middle = (left + right) / 2.0;
            let title = escape(&self.diagram.columns[column]);
            let _ = writeln!(
                out,
                "<text class=\"thread\" x=\"{middle:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{title}</text>",
                self.top - 16.0
            );
            let own = || self.places.iter().filter(|place| place.column == column);
            let first = own().map(|place| place.top).fold(f64::INFINITY, f64::min);
            let last = own().map(|place| place.top).fold(0.0, f64::max);
            if first < last {
                let _ = writeln!(out, "<path class=\"order\" d=\"M{middle:.1} {first:.1}V{last:.1}\"/>");
            }
        }
    }

    fn draw_boxes(&self, out: &mut String) {
        for (node, place) in self.diagram.nodes.iter().zip(&self.places) {
            let class = match (node.is_ending, node.is_marked) {
                (true, _) => "ending",
                (_, true) => "marked",
                _ => "box",
            };
            // What does not fit into the box is told to who points at it.
            let whole = [&node.text, &below_whole(node)].map(|text| escape(text));
            let is_cut = cut(&node.text) != node.text || below(node) != below_whole(node);
            let title = if is_cut { format!("><title>{}\n{}</title></rect>", whole[0], whole[1]) } else { "/>".into() };
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BOX_HEIGHT}\" rx=\"6\"{title}",
                place.left,
                place.top,
                place.right - place.left
            );
            let below = below(node);
            let y = place.top + if below.is_empty() { 26.0 } else { 18.5 };
            text(out, if node.is_ending { "end" } else { "what" }, place.left + PAD, y, &cut(&node.text));
            text(out, "where", place.left + PAD, place.top + 35.0, &below);
        }
    }

    /// On which side of its box an arrow is: -1 on the left, 1 on the right. Within the first column of several it runs on the left, where nothing
    /// else does.
    fn side(&self, column: usize, other: usize) -> f64 {
        match other.cmp(&column) {
            std::cmp::Ordering::Less => -1.0,
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal if column == 0 && self.columns.len() > 1 => -1.0,
            std::cmp::Ordering::Equal => 1.0,
        }
    }

    /// The heights at which arrows leave and reach their boxes: spread out over the side that they use, in the order of
    /// where they lead. Those that are not shown at first take no place from the others.
    fn ends(&self) -> Vec<(f64, f64)> {
        let edges = &self.diagram.edges;
        let mut ends = vec![(0.0, 0.0); edges.len()];
        let sides = [(false, -1.0), (false, 1.0), (true, -1.0), (true, 1.0)];
        for (node, (is_extra, side)) in (0..self.places.len()).flat_map(|node| sides.map(|side| (node, side))) {
            let mut own: Vec<(usize, bool)> = Vec::new();
            for (number, edge) in edges.iter().enumerate() {
                if edge.is_extra != is_extra || matches!(self.ways[number], Way::Straight { .. }) {
                    continue;
                }
                let (from, to) = (self.places[edge.from].column, self.places[edge.to].column);
                own.extend((edge.from == node && self.side(from, to) == side).then_some((number, true)));
                own.extend((edge.to == node && self.side(to, from) == side).then_some((number, false)));
            }
            own.sort_by_key(|&(number, is_from)| {
                let edge = &edges[number];
                let other = &self.places[if is_from { edge.to } else { edge.from }];
                (other.row, other.column, is_from)
            });
            let count = own.len() as f64;
            for (n, &(number, is_from)) in own.iter().enumerate() {
                let y = self.places[node].top + BOX_HEIGHT * (n as f64 + 1.0) / (count + 1.0);
                *if is_from { &mut ends[number].0 } else { &mut ends[number].1 } = y;
            }
        }
        ends
    }

    /// The way of each arrow on paper.
    fn paths(&self) -> Vec<Path> {
        let ends = self.ends();
        // Of each space between two rows, how many arrows run in it.
        let mut busy: Vec<usize> = Vec::new();
        let mut paths = Vec::new();
        for ((edge, &way), &(y1, y2)) in self.diagram.edges.iter().zip(&self.ways).zip(&ends) {
            let (a, b) = (self.places[edge.from], self.places[edge.to]);
            let side = self.side(a.column, b.column);
            let (x1, x2) = if side > 0.0 { (a.right, b.left) } else { (a.left, b.right) };
            paths.push(match way {
                Way::Straight { number, of } => {
                    let x = a.left + (a.right - a.left) * (number as f64 + 1.0) / (of as f64 + 1.0);
                    let is_down = a.row < b.row;
                    let bottom = BOX_HEIGHT * f64::from(u8::from(is_down));
                    route::straight(x, a.top + bottom, b.top + BOX_HEIGHT - bottom)
                }
                Way::Side { lane } => route::side(x1, y1, y2, lane, side),
                Way::Over if a.column.abs_diff(b.column) == 1 => route::between((x1, y1), (x2, y2)),
                Way::Over => {
                    let y = self.channel(a, b, (y1, y2), &mut busy);
                    let next = |column: usize, side: f64| if side > 0.0 { column + 1 } else { column - 1 };
                    let gutter = |column: usize, side: f64| match side > 0.0 {
                        true => self.columns[next(column, side)].0 - self.columns[column].1,
                        false => self.columns[column].0 - self.columns[next(column, side)].1,
                    };
                    route::across((x1, y1), (x2, y2), y, (gutter(a.column, side), gutter(b.column, -side)))
                }
            });
        }
        paths
    }

    /// Draws the arrows; returns their labels, which are drawn later.
    fn draw_edges(&self, out: &mut String) -> String {
        let paths = self.paths();
        let area = |place: &Place| Area {
            left: place.left,
            right: place.right,
            top: place.top,
            bottom: place.top + BOX_HEIGHT,
        };
        let boxes: Vec<Area> = self.places.iter().map(area).collect();
        let mut found = Labels::new(&self.diagram.edges, &paths, &boxes);
        let mut labels = String::new();
        for (number, (edge, path)) in self.diagram.edges.iter().zip(&paths).enumerate() {
            let (class, d) = (class(edge.relation), &path.text);
            let bold = if edge.is_bold { " bold" } else { "" };
            let said = escape(&format!("{}: {}", edge.name, edge.rule));
            let line = format!("class=\"{class}{bold}\" d=\"{d}\" marker-end=\"url(#{class})\"");
            let data = self.inside.map(|shown| data(number, edge, shown));
            let _ = match &data {
                None => writeln!(out, "<path {line}><title>{said}</title></path>"),
                Some(data) => writeln!(
                    out,
                    "<g class=\"edge\"{data} tabindex=\"0\" role=\"img\" aria-label=\"{said}\">\
                     <path class=\"hit\" d=\"{d}\"/><path {line}/></g>"
                ),
            };
            if matches!(edge.relation, Relation::Po | Relation::Wait) {
                continue;
            }
            let (x, y) = found.place(number, self.ways[number]);
            let data = data.unwrap_or_default();
            let _ = writeln!(
                labels,
                "<text class=\"label {class}-label\"{data} x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                y + 4.0,
                escape(&edge.name)
            );
        }
        labels
    }

    /// The height at which an arrow passes the columns between two boxes: that of one of its ends if nothing stands there, or
    /// else a space between two rows.
    fn channel(&self, a: Place, b: Place, (y1, y2): (f64, f64), busy: &mut Vec<usize>) -> f64 {
        let (low, high) = (a.column.min(b.column), a.column.max(b.column));
        let is_free = |row: usize| !self.places.iter().any(|p| p.row == row && low < p.column && p.column < high);
        if is_free(a.row) {
            return y1;
        }
        if is_free(b.row) {
            return y2;
        }
        // (Above the first row are the titles.)
        let gap = if b.row > a.row { a.row + 1 } else { a.row.max(1) };
        busy.resize(busy.len().max(gap + 1), 0);
        let lane = [0.0, -7.0, 7.0, -3.5, 3.5][busy[gap] % 5];
        busy[gap] += 1;
        self.top + gap as f64 * (BOX_HEIGHT + ROW_GAP) - ROW_GAP / 2.0 + lane
    }

    /// Draws what the kinds of arrows mean, in as many lines as that takes; returns the height of the last one.
    fn draw_legend(&self, out: &mut String, mut y: f64) -> f64 {
        let shown: Vec<&Edge> = self.diagram.edges.iter().filter(|edge| !edge.is_extra).collect();
        let mut relations: Vec<Relation> = shown.iter().map(|edge| edge.relation).collect();
        relations.sort_unstable();
        relations.dedup();
        let mut entries: Vec<(&str, bool, String)> = Vec::new();
        for relation in relations {
            let mut names: Vec<&str> =
                shown.iter().filter(|edge| edge.relation == relation).map(|edge| &*edge.name).collect();
            names.sort_unstable();
            names.dedup();
            let names = match relation {
                Relation::Po | Relation::Wait => String::new(),
                _ => format!("{}: ", names.join(", ")),
            };
            entries.push((class(relation), false, format!("{names}{}", relation.meaning())));
        }
        if shown.iter().any(|edge| edge.is_bold) {
            entries.push(("order", true, "the cycle".into()));
        }
        let mut x = MARGIN;
        for (class, is_bold, meaning) in entries {
            let wide = 35.0 + width(&meaning, SMALL);
            if x > MARGIN && x + wide > self.width - MARGIN {
                (x, y) = (MARGIN, y + LINE);
            }
            let (bold, tip) = match is_bold {
                true => (" bold", String::new()),
                false => ("", format!(" marker-end=\"url(#{class})\"")),
            };
            let _ =
                writeln!(out, "<path class=\"{class}{bold}\" d=\"M{x:.1} {0:.1}H{1:.1}\"{tip}/>", y - 4.0, x + 28.0);
            text(out, "where", x + 35.0, y, &meaning);
            x += wide + 24.0;
        }
        y
    }
}

/// What a script wants to know of an arrow.
fn data(number: usize, edge: &Edge, shown: &BTreeSet<String>) -> String {
    let bold = if edge.is_bold { " data-bold=\"\"" } else { "" };
    format!(" data-edge=\"{number}\" data-name=\"{}\"{bold}", escape(&key(edge, shown)))
}

/// What a kind of arrows is called in the style.
pub(crate) fn class(relation: Relation) -> &'static str {
    match relation {
        Relation::Fence => "fence",
        other => other.name(),
    }
}

/// What stands in the second line of a box.
fn below(node: &Node) -> String {
    cut(&below_whole(node))
}

fn below_whole(node: &Node) -> String {
    let parts = [node.place.as_str(), node.source.as_str()];
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" · ")
}

fn text(out: &mut String, class: &str, x: f64, y: f64, text: &str) {
    if !text.is_empty() {
        let text = escape(text);
        let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }
}

/// Colours and letters. The dark ones are for screens alone, so that paper stays white.
pub(crate) const STYLE: &str = include_str!("svg/style.css");

/// The tips of the arrows of a diagram.
pub(crate) fn tips(diagram: &Diagram) -> String {
    let mut classes: Vec<&str> = diagram.edges.iter().map(|edge| class(edge.relation)).collect();
    classes.sort_unstable();
    classes.dedup();
    let mut out = String::from("<defs>\n");
    for class in classes {
        let size = if class == "po" { 9 } else { 11 };
        let _ = writeln!(
            out,
            "<marker id=\"{class}\" viewBox=\"0 0 10 10\" refX=\"8\" refY=\"5\" markerWidth=\"{size}\" markerHeight=\"{size}\" \
             markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"{class}-tip\" d=\"M0 1L9 5L0 9z\"/></marker>"
        );
    }
    out.push_str("</defs>\n");
    out
}

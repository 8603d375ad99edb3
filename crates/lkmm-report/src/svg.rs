//! A [`Diagram`] as SVG: a file that needs nothing else, for the screen (light and dark) and for paper.
//!
//! Each thread is a column, from top to bottom. Arrows run in the gutters between columns, and from column to column over one
//! that lies between them in the space between two rows, so that they never cross a text. What a colour says is said by a label and by
//! the kind of line too. The letters are those of a typewriter, whose widths are known without asking a font.

use crate::diagram::{Diagram, Edge, Relation};
use std::fmt::Write;

/// The width of a letter as a part of its size: that of the widest of the usual fonts.
const LETTER: f64 = 0.605;
/// Sizes of letters.
const TITLE: f64 = 17.0;
const TEXT: f64 = 13.0;
const SMALL: f64 = 11.0;
/// The most letters of a text in a box.
const LONGEST: usize = 48;
/// Boxes.
const BOX_HEIGHT: f64 = 44.0;
const ROW_GAP: f64 = 24.0;
const PAD: f64 = 11.0;
/// Between columns, and around everything.
const GUTTER: f64 = 104.0;
const MARGIN: f64 = 24.0;
/// How far an arrow within a column bends outwards.
const BEND: f64 = 40.0;
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
    Drawing::new(diagram).draw()
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
    places: Vec<Place>,
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
    fn new(diagram: &'a Diagram) -> Self {
        let rows = diagram.rows();
        let wide = |column: usize| {
            let own = diagram.nodes.iter().filter(|node| node.column == column);
            let texts = own.map(|node| width(&cut(&node.text), TEXT).max(width(&below(node), SMALL)));
            let title = width(&diagram.columns[column], TEXT);
            texts.fold(title.max(90.0), f64::max) + 2.0 * PAD
        };
        let mut columns = Vec::new();
        let mut left = MARGIN;
        for column in 0..diagram.columns.len() {
            let right = left + wide(column);
            columns.push((left, right));
            left = right + GUTTER;
        }
        let last = diagram.columns.len().saturating_sub(1);
        let bends = |edge: &&Edge| [edge.from, edge.to].iter().all(|&end| diagram.nodes[end].column == last);
        let beside = if diagram.edges.iter().any(|edge| bends(&edge)) { BEND + 16.0 } else { 0.0 };
        let natural = columns.last().map_or(0.0, |column| column.1) + beside + MARGIN;
        let width = natural.max(LEAST_WIDTH);
        // In the middle, where the sentences are wider.
        let shift = (width - natural) / 2.0;
        columns.iter_mut().for_each(|(left, right)| (*left, *right) = (*left + shift, *right + shift));
        let letters = ((width - 2.0 * MARGIN) / (TEXT * LETTER)) as usize;
        let wrapped = |texts: &[String]| texts.iter().flat_map(|text| wrap(text, letters)).collect::<Vec<_>>();
        let (head, foot) = (wrapped(&diagram.subtitles), wrapped(&diagram.notes));
        let title = if diagram.title.is_empty() { 0.0 } else { 30.0 };
        let top = MARGIN + title + 19.0 * head.len() as f64 + 56.0;
        let place = |(node, &row): (&crate::diagram::Node, &usize)| {
            let (left, right) = columns[node.column];
            Place { left, right, top: top + row as f64 * (BOX_HEIGHT + ROW_GAP), row, column: node.column }
        };
        let places: Vec<Place> = diagram.nodes.iter().zip(&rows).map(place).collect();
        let bottom = places.iter().map(|place| place.top + BOX_HEIGHT).fold(top, f64::max);
        Drawing { diagram, places, columns, width, top, bottom, head, foot }
    }

    fn draw(&self) -> String {
        let mut out = String::new();
        let legend = self.bottom + 40.0;
        let height = legend
            + 14.0
            + 19.0 * self.foot.len() as f64
            + if self.foot.is_empty() { 0.0 } else { 10.0 }
            + MARGIN / 2.0;
        let width = self.width;
        let _ = writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" \
             height=\"{height:.0}\" role=\"img\">"
        );
        let _ = writeln!(out, "<title>{}</title>", escape(&self.diagram.title));
        out.push_str(STYLE);
        let _ = writeln!(out, "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>");
        self.draw_head(&mut out);
        self.draw_columns(&mut out);
        self.draw_edges(&mut out);
        self.draw_boxes(&mut out);
        self.draw_legend(&mut out, legend);
        for (n, line) in self.foot.iter().enumerate() {
            text(&mut out, "note", MARGIN, legend + 32.0 + 19.0 * n as f64, line);
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
            y += 19.0;
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
            let _ = writeln!(
                out,
                "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{BOX_HEIGHT}\" rx=\"6\"/>",
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

    /// The heights at which arrows leave and reach their boxes: spread out over the side that they use, in the order of
    /// where they lead.
    fn ends(&self) -> Vec<(f64, f64)> {
        let edges = &self.diagram.edges;
        let mut ends = vec![(0.0, 0.0); edges.len()];
        for node in 0..self.places.len() {
            for is_right in [false, true] {
                let mut own: Vec<(usize, bool)> = Vec::new();
                for (number, edge) in edges.iter().enumerate() {
                    let (from, to) = (self.places[edge.from].column, self.places[edge.to].column);
                    own.extend((edge.from == node && (to >= from) == is_right).then_some((number, true)));
                    own.extend((edge.to == node && (from >= to) == is_right).then_some((number, false)));
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
        }
        ends
    }

    fn draw_edges(&self, out: &mut String) {
        let ends = self.ends();
        let mut labels = String::new();
        // Of each space between two rows, how many arrows run in it.
        let mut busy: Vec<usize> = Vec::new();
        for (edge, &(y1, y2)) in self.diagram.edges.iter().zip(&ends) {
            let (a, b) = (self.places[edge.from], self.places[edge.to]);
            let name = edge.relation.name();
            let (path, (x, y)) = if a.column == b.column {
                within(a.right, y1, y2)
            } else if a.column.abs_diff(b.column) == 1 {
                let (x1, x2) = if a.column < b.column { (a.right, b.left) } else { (a.left, b.right) };
                between((x1, y1), (x2, y2))
            } else {
                let (x1, x2) = if a.column < b.column { (a.right, b.left) } else { (a.left, b.right) };
                across((x1, y1), (x2, y2), self.channel(a, b, y1, y2, &mut busy))
            };
            let _ = writeln!(out, "<path class=\"{name}\" d=\"{path}\" marker-end=\"url(#{name})\"/>");
            if !matches!(edge.relation, Relation::Po | Relation::Wait) {
                let _ = writeln!(
                    labels,
                    "<text class=\"label {name}-label\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                    y + 4.0
                );
            }
        }
        out.push_str(&labels);
    }

    /// The height at which an arrow passes the columns between two boxes: that of one of its ends if nothing stands there, or
    /// else a space between two rows.
    fn channel(&self, a: Place, b: Place, y1: f64, y2: f64, busy: &mut Vec<usize>) -> f64 {
        let (low, high) = (a.column.min(b.column), a.column.max(b.column));
        let is_free = |row: usize| !self.places.iter().any(|p| p.row == row && low < p.column && p.column < high);
        if is_free(a.row) {
            return y1;
        }
        if is_free(b.row) {
            return y2;
        }
        let gap = if b.row > a.row { a.row + 1 } else { a.row };
        busy.resize(busy.len().max(gap + 1), 0);
        let lane = [0.0, -6.0, 6.0, -3.0, 3.0][busy[gap] % 5];
        busy[gap] += 1;
        self.top + gap as f64 * (BOX_HEIGHT + ROW_GAP) - ROW_GAP / 2.0 + lane
    }

    fn draw_legend(&self, out: &mut String, y: f64) {
        let mut relations: Vec<Relation> = self.diagram.edges.iter().map(|edge| edge.relation).collect();
        relations.sort_unstable();
        relations.dedup();
        let mut x = MARGIN;
        for relation in relations {
            let name = relation.name();
            let meaning = match relation {
                Relation::Po => "spawn, join",
                Relation::Rf => "rf: is read by",
                Relation::Co => "co: is overwritten by",
                Relation::Fr => "fr: reads before",
                Relation::Wait => "waits for",
            };
            let _ = writeln!(
                out,
                "<path class=\"{name}\" d=\"M{x:.1} {0:.1}H{1:.1}\" marker-end=\"url(#{name})\"/>",
                y - 4.0,
                x + 28.0
            );
            text(out, "where", x + 35.0, y, meaning);
            x += 35.0 + width(meaning, SMALL) + 24.0;
        }
    }
}

/// From a box to another one in its column.
fn within(x: f64, y1: f64, y2: f64) -> (String, (f64, f64)) {
    let out = x + BEND;
    (
        format!("M{x:.1} {y1:.1}C{out:.1} {y1:.1} {out:.1} {y2:.1} {:.1} {y2:.1}", x + 2.0),
        (x + BEND * 0.75, (y1 + y2) / 2.0),
    )
}

/// From a box to one in the next column.
fn between((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> (String, (f64, f64)) {
    let bend = (x2 - x1) * 0.5;
    let tip = x2 - 2.0 * (x2 - x1).signum();
    let path = format!("M{x1:.1} {y1:.1}C{:.1} {y1:.1} {:.1} {y2:.1} {tip:.1} {y2:.1}", x1 + bend, x2 - bend);
    // Not in the middle, where arrows cross.
    let t: f64 = 0.25;
    let s = 1.0 - t;
    let x = s.powi(3) * x1 + 3.0 * s * s * t * (x1 + bend) + 3.0 * s * t * t * (x2 - bend) + t.powi(3) * x2;
    let y = (s.powi(3) + 3.0 * s * s * t) * y1 + (3.0 * s * t * t + t.powi(3)) * y2;
    (path, (x, y))
}

/// From a box to one that is further away, at a height where nothing is in the way.
fn across((x1, y1): (f64, f64), (x2, y2): (f64, f64), y: f64) -> (String, (f64, f64)) {
    let step = GUTTER * (x2 - x1).signum();
    let (a, b, tip) = (x1 + step, x2 - step, x2 - 2.0 * step.signum());
    let half = step / 2.0;
    let path = format!(
        "M{x1:.1} {y1:.1}C{0:.1} {y1:.1} {0:.1} {y:.1} {a:.1} {y:.1}H{b:.1}C{1:.1} {y:.1} {1:.1} {y2:.1} {tip:.1} {y2:.1}",
        x1 + half,
        b + half
    );
    (path, (x2 - step * 0.75, y + (y2 - y) * 0.15))
}

/// What stands in the second line of a box.
fn below(node: &crate::diagram::Node) -> String {
    let parts = [node.place.as_str(), node.source.as_str()];
    let text = parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<_>>().join(" · ");
    cut(&text)
}

fn width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * LETTER
}

fn cut(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_string();
    }
    let start: String = text.chars().take(LONGEST - 1).collect();
    format!("{}…", start.trim_end())
}

/// A text in lines of at most so many letters, if its words allow it.
fn wrap(text: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = |line: &String| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= letters;
        match lines.last_mut().filter(|line| fits(line)) {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) => line.extend([" ", word]),
            None => lines.push(word.to_string()),
        }
    }
    lines
}

fn text(out: &mut String, class: &str, x: f64, y: f64, text: &str) {
    if !text.is_empty() {
        let text = escape(text);
        let _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            letter if letter.is_control() && !letter.is_whitespace() => escaped.push('\u{fffd}'),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// Colours and letters. The dark ones are for screens alone, so that paper stays white.
const STYLE: &str = r##"<style>
text{font-family:ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#1f2328;white-space:pre}
.title{font-size:17px;font-weight:700}.note{font-size:13px}.thread{font-size:13px;font-weight:700}
.what{font-size:13px;font-weight:600}.end{font-size:13px;font-weight:600;fill:#b3261e}.where{font-size:11px;fill:#59636e}
.paper{fill:#fff}.box{fill:#f6f8fa;stroke:#afb8c1}.marked{fill:#fff1ef;stroke:#b3261e;stroke-width:2}
.ending{fill:none;stroke:#b3261e;stroke-dasharray:3 3}.order{fill:none;stroke:#afb8c1;stroke-width:2}
.po,.rf,.co,.fr,.wait{fill:none;stroke-width:1.8}
.po{stroke:#8c959f;stroke-dasharray:2 4}.rf{stroke:#1a7f37}.co{stroke:#7a3fd1;stroke-dasharray:9 4}.fr{stroke:#bc4c00;stroke-dasharray:5 3}
.wait{stroke:#b3261e;stroke-dasharray:3 3}
.label{font-size:12px;font-weight:700;stroke:#fff;stroke-width:4px;stroke-linejoin:round;paint-order:stroke}
.po-tip{fill:#8c959f}.wait-tip{fill:#b3261e}.rf-tip,.rf-label{fill:#1a7f37}.co-tip,.co-label{fill:#7a3fd1}.fr-tip,.fr-label{fill:#bc4c00}
@media screen and (prefers-color-scheme:dark){
text{fill:#e6edf3}.where{fill:#9aa4af}.end{fill:#ff8e85}
.paper{fill:#0d1117}.box{fill:#161b22;stroke:#4b535d}.marked{fill:#3a1715;stroke:#ff8e85}
.ending{stroke:#ff8e85}.order{stroke:#4b535d}
.po{stroke:#6e7681}.rf{stroke:#4ac26b}.co{stroke:#c297ff}.fr{stroke:#ffa657}.wait{stroke:#ff8e85}
.label{stroke:#0d1117}
.po-tip{fill:#6e7681}.wait-tip{fill:#ff8e85}.rf-tip,.rf-label{fill:#4ac26b}.co-tip,.co-label{fill:#c297ff}.fr-tip,.fr-label{fill:#ffa657}
}
</style>
<defs>
<marker id="po" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path class="po-tip" d="M0 1L9 5L0 9z"/></marker>
<marker id="rf" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="11" markerHeight="11" markerUnits="userSpaceOnUse" orient="auto"><path class="rf-tip" d="M0 1L9 5L0 9z"/></marker>
<marker id="co" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="11" markerHeight="11" markerUnits="userSpaceOnUse" orient="auto"><path class="co-tip" d="M0 1L9 5L0 9z"/></marker>
<marker id="fr" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="11" markerHeight="11" markerUnits="userSpaceOnUse" orient="auto"><path class="fr-tip" d="M0 1L9 5L0 9z"/></marker>
<marker id="wait" viewBox="0 0 10 10" refX="8" refY="5" markerWidth="11" markerHeight="11" markerUnits="userSpaceOnUse" orient="auto"><path class="wait-tip" d="M0 1L9 5L0 9z"/></marker>
</defs>
"##;

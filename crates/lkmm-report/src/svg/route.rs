//! The ways of arrows between boxes, and the places of their labels.
//!
//! An arrow takes one of four ways. Between boxes that follow each other in a column it runs straight from one to the other; past other boxes of its column
//! it bends out into a lane at the side of the column, the longer ones further out. To the next column it runs through the gutter; to one that is further away, over the columns between
//! in a space between two rows. So it never crosses a text. A label stands on its arrow, where it is least in the way.

use super::text;
use super::{LABEL, PAD};
use crate::diagram::{Diagram, Edge};
use std::fmt::Write;

/// How far the innermost arrow at the side of a column bends outwards, and the next one more.
const BEND: f64 = 30.0;
const LANE: f64 = 22.0;
/// The height of a label.
const LABEL_HEIGHT: f64 = 14.0;

/// What way an arrow takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Way {
    /// Straight down or up, as one of several.
    Straight { number: usize, of: usize },
    /// At the side of the column.
    Side { lane: usize },
    /// To another column.
    Over,
}

/// The ways of all arrows. (The width of each column is known, its place is not.)
pub(super) fn ways(diagram: &Diagram, rows: &[usize], widths: &[f64]) -> Vec<Way> {
    let mut ways = vec![Way::Over; diagram.edges.len()];
    let column = |node: usize| diagram.nodes[node].column;
    let span = |edge: &Edge| (rows[edge.from].min(rows[edge.to]), rows[edge.from].max(rows[edge.to]));
    let is_neighbour = |edge: &Edge| {
        let (top, bottom) = span(edge);
        let between = |node: &usize| column(*node) == column(edge.from) && top < rows[*node] && rows[*node] < bottom;
        !(0..diagram.nodes.len()).any(|node| between(&node))
    };
    for (at, &width) in widths.iter().enumerate() {
        let own: Vec<usize> = (0..diagram.edges.len())
            .filter(|&n| column(diagram.edges[n].from) == at && column(diagram.edges[n].to) == at)
            .collect();
        let mut bent: Vec<usize> = Vec::new();
        let mut straight: Vec<usize> = Vec::new();
        for &n in &own {
            let edge = &diagram.edges[n];
            let is_straight = is_neighbour(edge) && edge.from != edge.to && !edge.is_extra;
            if is_straight { straight.push(n) } else { bent.push(n) }
        }
        straight.sort_by_key(|&n| (span(&diagram.edges[n]), n));
        for together in straight.chunk_by(|&a, &b| span(&diagram.edges[a]) == span(&diagram.edges[b])) {
            let widest = together.iter().map(|&n| text::width(&diagram.edges[n].name, LABEL)).fold(0.0, f64::max);
            let room = ((width / (widest + PAD)) as usize).saturating_sub(1).max(1).min(together.len());
            for (number, &n) in together.iter().enumerate() {
                if number < room { ways[n] = Way::Straight { number, of: room } } else { bent.push(n) }
            }
        }
        // The shorter ones further in. Relations that are not shown at first each have the lanes behind those that are.
        bent.sort_by_key(|&n| (diagram.edges[n].is_extra, span(&diagram.edges[n]).1 - span(&diagram.edges[n]).0, n));
        let mut taken: Vec<(usize, (usize, usize), usize)> = Vec::new();
        for n in bent {
            let edge = &diagram.edges[n];
            let (top, bottom) = span(edge);
            let is_other = |other: usize| {
                let other = &diagram.edges[other];
                other.is_extra && (other.name != edge.name || !edge.is_extra)
            };
            let is_free = |lane: usize| {
                let mut in_lane = taken.iter().filter(|other| other.2 == lane && !is_other(other.0));
                in_lane.all(|other| other.1.1 <= top || bottom <= other.1.0)
            };
            let lane = (0..).find(|&lane| is_free(lane)).unwrap_or(0);
            taken.push((n, (top, bottom), lane));
            ways[n] = Way::Side { lane };
        }
    }
    ways
}

/// The space that arrows at the side of a column take.
pub(super) fn beside(diagram: &Diagram, ways: &[Way], column: usize) -> f64 {
    let own = diagram.edges.iter().zip(ways).filter(|(edge, _)| diagram.nodes[edge.from].column == column);
    let wide = own.map(|(edge, way)| match way {
        Way::Side { lane } => reach(*lane) + text::width(&edge.name, LABEL) / 2.0 + 6.0,
        _ => 0.0,
    });
    wide.fold(0.0, f64::max)
}

/// The width of the widest label of an arrow between a column and the next one.
pub(super) fn label_between(diagram: &Diagram, column: usize) -> f64 {
    let column_of = |node: usize| diagram.nodes[node].column;
    let crosses = |edge: &&Edge| {
        let (from, to) = (column_of(edge.from), column_of(edge.to));
        from.min(to) == column && from.max(to) == column + 1 && !edge.is_extra
    };
    diagram.edges.iter().filter(crosses).map(|edge| text::width(&edge.name, LABEL)).fold(0.0, f64::max)
}

/// How far an arrow in a lane gets from its column.
fn reach(lane: usize) -> f64 {
    BEND + LANE * lane as f64
}

/// A way on paper.
#[derive(Clone, Debug, Default)]
pub(super) struct Path {
    /// As SVG has it.
    pub(super) text: String,
    /// Points of it.
    points: Vec<(f64, f64)>,
}

impl Path {
    fn from(x: f64, y: f64) -> Path {
        Path { text: format!("M{x:.1} {y:.1}"), points: vec![(x, y)] }
    }

    fn line(mut self, x: f64, y: f64) -> Path {
        let &(x0, y0) = self.points.last().unwrap_or(&(x, y));
        let _ = if x0 == x { write!(self.text, "V{y:.1}") } else { write!(self.text, "H{x:.1}") };
        let steps = (((x - x0).abs() + (y - y0).abs()) / 16.0).ceil().max(4.0) as usize;
        self.points.extend((1..=steps).map(|n| {
            let t = n as f64 / steps as f64;
            (x0 + (x - x0) * t, y0 + (y - y0) * t)
        }));
        self
    }

    fn curve(mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), (x, y): (f64, f64)) -> Path {
        let &(x0, y0) = self.points.last().unwrap_or(&(x, y));
        let _ = write!(self.text, "C{x1:.1} {y1:.1} {x2:.1} {y2:.1} {x:.1} {y:.1}");
        self.points.extend((1..=20).map(|n| {
            let t = n as f64 / 20.0;
            let s = 1.0 - t;
            let of = |a: f64, b: f64, c: f64, d: f64| {
                s * s * s * a + 3.0 * s * s * t * b + 3.0 * s * t * t * c + t * t * t * d
            };
            (of(x0, x1, x2, x), of(y0, y1, y2, y))
        }));
        self
    }
}

/// From a box to the next one in its column.
pub(super) fn straight(x: f64, from: f64, to: f64) -> Path {
    Path::from(x, from).line(x, to - 2.0 * (to - from).signum())
}

/// From a box to another one in its column; `out` is -1 on the left, 1 on the right.
pub(super) fn side(x: f64, y1: f64, y2: f64, lane: usize, out: f64) -> Path {
    // (A curve gets three quarters of the way to the points that pull it.)
    let far = x + out * reach(lane) / 0.75;
    Path::from(x, y1).curve((far, y1), (far, y2), (x + 2.0 * out, y2))
}

/// From a box to one in the next column.
pub(super) fn between((x1, y1): (f64, f64), (x2, y2): (f64, f64)) -> Path {
    let bend = (x2 - x1) * 0.5;
    let tip = x2 - 2.0 * (x2 - x1).signum();
    Path::from(x1, y1).curve((x1 + bend, y1), (x2 - bend, y2), (tip, y2))
}

/// From a box to one that is further away, at a height where nothing is in the way. The gutters beside both are so wide.
pub(super) fn across((x1, y1): (f64, f64), (x2, y2): (f64, f64), y: f64, gutters: (f64, f64)) -> Path {
    let towards = (x2 - x1).signum();
    let (a, b, tip) = (x1 + gutters.0 * towards, x2 - gutters.1 * towards, x2 - 2.0 * towards);
    let (out, back) = ((x1 + a) / 2.0, (x2 + b) / 2.0);
    Path::from(x1, y1).curve((out, y1), (out, y), (a, y)).line(b, y).curve((back, y), (back, y2), (tip, y2))
}

/// A rectangle.
#[derive(Clone, Copy, Debug)]
pub(super) struct Area {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Area {
    fn around(points: &[(f64, f64)]) -> Area {
        let (far, none) = (f64::INFINITY, f64::NEG_INFINITY);
        let mut area = Area { left: far, top: far, right: none, bottom: none };
        for &(x, y) in points {
            (area.left, area.right) = (area.left.min(x), area.right.max(x));
            (area.top, area.bottom) = (area.top.min(y), area.bottom.max(y));
        }
        area
    }

    fn meets(&self, other: &Area) -> bool {
        let beside = self.right < other.left || other.right < self.left;
        !(beside || self.bottom < other.top || other.bottom < self.top)
    }

    fn shared(&self, other: &Area) -> f64 {
        let wide = (self.right.min(other.right) - self.left.max(other.left)).max(0.0);
        wide * (self.bottom.min(other.bottom) - self.top.max(other.top)).max(0.0)
    }

    fn holds(&self, (x, y): (f64, f64)) -> bool {
        self.left < x && x < self.right && self.top < y && y < self.bottom
    }
}

/// The labels that stand already, and what else they should not stand on.
pub(super) struct Labels<'a> {
    pub(super) edges: &'a [Edge],
    pub(super) paths: &'a [Path],
    pub(super) boxes: &'a [Area],
    /// What each path keeps to.
    bounds: Vec<Area>,
    placed: Vec<Area>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(edges: &'a [Edge], paths: &'a [Path], boxes: &'a [Area]) -> Labels<'a> {
        let bounds = paths.iter().map(|path| Area::around(&path.points)).collect();
        Labels { edges, paths, boxes, bounds, placed: Vec::new() }
    }

    /// Finds the middle of the label of an arrow.
    pub(super) fn place(&mut self, number: usize, way: Way) -> (f64, f64) {
        let wide = text::width(&self.edges[number].name, LABEL);
        let points = &self.paths[number].points;
        // Beside a straight arrow, on others.
        let shifts: &[f64] = if let Way::Straight { .. } = way { &[1.0, -1.0] } else { &[0.0] };
        let goal = if way == Way::Over { 0.28 } else { 0.5 };
        let mut best: Option<(f64, (f64, f64), Area)> = None;
        for (at, &(x, y)) in points.iter().enumerate() {
            let part = at as f64 / (points.len() - 1).max(1) as f64;
            for &shift in shifts.iter().filter(|_| (0.1..=0.9).contains(&part)) {
                let middle = (x + shift * (wide / 2.0 + 6.0), y);
                let area = Area {
                    left: middle.0 - wide / 2.0 - 2.0,
                    right: middle.0 + wide / 2.0 + 2.0,
                    top: y - LABEL_HEIGHT / 2.0,
                    bottom: y + LABEL_HEIGHT / 2.0,
                };
                let cost = self.cost(&area, number) + (part - goal).abs() * 40.0 + (1.0 - shift);
                if best.as_ref().is_none_or(|best| cost < best.0) {
                    best = Some((cost, middle, area));
                }
            }
        }
        let Some((_, middle, area)) = best else { return points.first().copied().unwrap_or_default() };
        self.placed.push(area);
        middle
    }

    /// How much a label in an area is in the way.
    fn cost(&self, area: &Area, number: usize) -> f64 {
        let labels: f64 = self.placed.iter().map(|other| area.shared(other)).sum();
        let boxes: f64 = self.boxes.iter().map(|other| area.shared(other)).sum();
        let is_shown = |other: usize| other != number && (self.edges[number].is_extra || !self.edges[other].is_extra);
        let others = self.paths.iter().enumerate().filter(|&(other, _)| is_shown(other));
        let is_near = |other: usize| self.bounds[other].meets(area);
        let crosses = |path: &Path| path.points.iter().any(|&point| area.holds(point));
        let crossed = others.filter(|&(other, path)| is_near(other) && crosses(path)).count();
        labels * 4.0 + boxes * 2.0 + crossed as f64 * 12.0
    }
}

//! The plot of the scaling benchmark: executions on one logarithmic axis, the time for each on the other.

use std::fmt::Write;

/// One measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// Processes.
    pub(crate) n: u32,
    /// Executions.
    pub(crate) executions: u64,
    /// Microseconds for all of them.
    pub(crate) us: f64,
}

impl Point {
    pub(crate) fn us_per_execution(&self) -> f64 {
        self.us / self.executions.max(1) as f64
    }
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 56.0;
const BOTTOM: f64 = 64.0;

/// Draws the time per execution over the number of processes; both lines of the axes are in plain numbers.
pub(crate) fn svg(points: &[Point]) -> String {
    let top = decade(points.iter().map(Point::us_per_execution).fold(1.0, f64::max));
    let (first, last) = (points.first().map_or(0, |p| p.n), points.last().map_or(1, |p| p.n));
    let x = |n: u32| LEFT + (WIDTH - LEFT - RIGHT) * f64::from(n - first) / f64::from((last - first).max(1));
    let y = |us: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (us.max(0.1) / 0.1).log10() / (top / 0.1).log10();
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"16\" fill=\"#222\">Time per execution, ring of N processes (write, full barrier, read)</text>\n\
         <text x=\"{LEFT}\" y=\"43\" fill=\"#666\">µs, one core; above each point the number of executions, 2^N − 1</text>"
    );
    let mut tick = 0.1;
    while tick <= top * 1.01 {
        let _ = writeln!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#666\">{tick}</text>",
            WIDTH - RIGHT,
            LEFT - 8.0,
            y(tick) + 4.0,
            y = y(tick),
        );
        tick = (tick * 100.0).round() / 10.0;
    }
    let line: Vec<String> = points.iter().map(|p| format!("{:.1},{:.1}", x(p.n), y(p.us_per_execution()))).collect();
    let _ =
        writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"#1f6feb\" stroke-width=\"2\"/>", line.join(" "));
    for p in points {
        let (px, py) = (x(p.n), y(p.us_per_execution()));
        let _ = writeln!(
            svg,
            "<circle cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"3.5\" fill=\"#1f6feb\"/>\n\
             <text x=\"{px:.1}\" y=\"{:.1}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#222\">{}</text>\n\
             <text x=\"{px:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#666\">{}</text>",
            py - 9.0,
            p.executions,
            HEIGHT - BOTTOM + 22.0,
            p.n,
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#222\">N</text>\n</svg>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 16.0,
    );
    svg
}

/// The power of ten at or above a number.
fn decade(us: f64) -> f64 {
    10f64.powf(us.log10().ceil())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_is_drawn_inside_the_frame() {
        let points: Vec<Point> =
            (2..=12).map(|n| Point { n, executions: (1 << n) - 1, us: 3.0 * f64::from(1 << n) }).collect();
        let svg = svg(&points);
        assert_eq!(svg.matches("<circle").count(), points.len());
        for (_, rest) in svg.match_indices("cy=\"").map(|(i, m)| (i, &svg[i + m.len()..])) {
            let y: f64 = rest.split('"').next().unwrap_or("").parse().expect("a number");
            assert!((TOP..=HEIGHT - BOTTOM).contains(&y), "{y}");
        }
    }
}

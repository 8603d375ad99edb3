//! `cargo xtask bench scaling`: does the cost grow with the answer?
//!
//! In the ring of N processes, each writes its own location, has a full barrier, and reads its neighbour's. Of the 2^N choices of
//! what the reads return only the one in which all return 0 is forbidden, so there are 2^N − 1 executions. A search that
//! tries candidates and throws most away shows it here as a time per execution that explodes with N.

use crate::lkmm;
use crate::plot::{self, Point};
use std::path::Path;

const SIZES: std::ops::RangeInclusive<u32> = 2..=12;
/// How often each ring is checked; the fastest counts.
const RUNS: usize = 5;

pub(crate) fn run() -> Result<bool, String> {
    let lkmm = lkmm::build()?;
    println!(" N  executions        time  µs/execution");
    let mut points = Vec::new();
    for n in SIZES {
        let point = measure(&lkmm, n)?;
        println!("{n:>2}  {:>10}  {:>7.3} ms  {:>12.2}", point.executions, point.us / 1e3, point.us_per_execution());
        points.push(point);
    }
    let at = |n| points.iter().find(|p| p.n == n).map_or(f64::NAN, Point::us_per_execution);
    let growth = at(12) / at(6);
    println!("\nfrom N = 6 to N = 12, the time per execution grows {growth:.2} times (at most 5 is wanted)");
    let path = lkmm::root().join("docs/scaling.svg");
    std::fs::create_dir_all(lkmm::root().join("docs")).map_err(|e| format!("cannot make docs: {e}"))?;
    std::fs::write(&path, plot::svg(&points)).map_err(|e| format!("cannot write {}: {e}", path.display()))?;
    println!("drawn in docs/scaling.svg");
    Ok(growth <= 5.0)
}

fn measure(lkmm: &Path, n: u32) -> Result<Point, String> {
    let source = ring(n);
    let mut best = Point { n, executions: 0, us: f64::INFINITY };
    for _ in 0..RUNS {
        let run = lkmm::check_source(lkmm, &["--jobs", "1"], &source)?;
        let object = run.lines.first().ok_or("lkmm printed nothing")?;
        let executions = object["executions"].as_u64().unwrap_or(0);
        if executions != (1 << n) - 1 {
            return Err(format!("the ring of {n} has {} executions, and {object} was found", (1u64 << n) - 1));
        }
        let us = object["time_us"].as_u64().unwrap_or(0) as f64;
        if us < best.us {
            best = Point { n, executions, us };
        }
    }
    Ok(best)
}

/// The litmus test of the ring of N processes.
fn ring(n: u32) -> String {
    let process = |i: u32| {
        let next = (i + 1) % n;
        format!(
            "P{i}(int *x{i}, int *x{next})\n{{\n\tint r;\n\n\tWRITE_ONCE(*x{i}, 1);\n\tsmp_mb();\n\tr = READ_ONCE(*x{next});\n}}\n\n"
        )
    };
    let processes: String = (0..n).map(process).collect();
    let condition: Vec<String> = (0..n).map(|i| format!("{i}:r=0")).collect();
    format!("C ring-{n}\n\n{{}}\n\n{processes}exists ({})\n", condition.join(" /\\ "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_closes() {
        let source = ring(3);
        assert!(source.contains("P2(int *x2, int *x0)") && source.contains("r = READ_ONCE(*x0);"));
        assert!(source.ends_with("exists (0:r=0 /\\ 1:r=0 /\\ 2:r=0)\n"));
    }
}

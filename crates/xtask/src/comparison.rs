//! `cargo xtask bench check`: small programs under lkmm, loom and shuttle, on one core, in the same run.
//!
//! The programs are in `benches/check-comparison`, a workspace of its own. Each is a process that is given ten seconds, and
//! says how many executions it has explored by then. A tool that did not finish a program is not asked for a larger one.

use crate::lkmm;
use std::path::{Path, PathBuf};
use std::process::Command;

const TOOLS: [&str; 3] = ["lkmm", "loom", "shuttle"];
/// Programs, and their sizes.
const PROGRAMS: &[(&str, &[usize])] = &[
    ("counter", &[2, 3, 4, 5, 6, 7, 8]),
    ("stack", &[1, 2, 3]),
    ("store-buffering", &[2, 3, 4]),
    ("lock", &[2, 3, 4]),
];
/// Seconds for a program.
const LIMIT: u32 = 10;

/// What a tool did with a program.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Figure {
    /// It was not asked.
    NotTried,
    /// It does not take the program.
    Refused,
    Explored {
        executions: u64,
        seconds: f64,
        finished: bool,
    },
}

pub(crate) fn run() -> Result<bool, String> {
    let binaries = build()?;
    let tools: String = TOOLS.iter().map(|tool| format!("{tool:>30}")).collect();
    println!("{:<18}{tools}   loom/lkmm, shuttle/lkmm", "");
    let columns = format!("{:>13}{:>7}{:>9} ", "executions", "s", "1/s").repeat(TOOLS.len());
    println!("{:<18}{columns}   executions; time", "program");
    for &(program, sizes) in PROGRAMS {
        let mut goes_on = [true; TOOLS.len()];
        for &size in sizes {
            let mut figures = [Figure::NotTried; TOOLS.len()];
            for (at, tool) in TOOLS.iter().enumerate() {
                if !goes_on[at] {
                    continue;
                }
                figures[at] = explore(&binaries.join(format!("with-{tool}")), program, size)?;
                goes_on[at] = matches!(figures[at], Figure::Explored { finished: true, .. });
            }
            let shown: String = figures.iter().map(show).collect();
            let ratios = figures[1..].iter().map(|&other| ratio(figures[0], other)).collect::<Vec<_>>();
            println!("{:<18}{shown}   {}", format!("{program} {size}"), ratios.join(", "));
        }
    }
    println!(
        "\n`>`: not finished in {LIMIT} s; `refused`: more threads than the tool takes; `-`: a smaller one did not finish"
    );
    Ok(true)
}

/// Builds the programs. Yields the folder where they are.
fn build() -> Result<PathBuf, String> {
    let target = lkmm::target().join("check-comparison");
    let status = lkmm::cargo()
        .args(["build", "--quiet", "--release", "--target-dir"])
        .arg(&target)
        .current_dir(lkmm::root().join("benches/check-comparison"))
        .status()
        .map_err(|e| format!("cannot run cargo: {e}"))?;
    if !status.success() {
        return Err("benches/check-comparison does not build".into());
    }
    Ok(target.join("release"))
}

fn explore(binary: &Path, program: &str, size: usize) -> Result<Figure, String> {
    let output = Command::new(binary)
        .args([program, &size.to_string(), &LIMIT.to_string()])
        .output()
        .map_err(|e| format!("cannot run {}: {e}", binary.display()))?;
    if !output.status.success() {
        return Ok(Figure::Refused);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    figure(&text).ok_or_else(|| format!("{} printed no figures: {text}", binary.display()))
}

/// The figures on the last line of what was printed.
fn figure(text: &str) -> Option<Figure> {
    let mut words = text.lines().next_back()?.split_whitespace();
    let (executions, seconds, finished) = (words.next()?, words.next()?, words.next()?);
    Some(Figure::Explored {
        executions: executions.parse().ok()?,
        seconds: seconds.parse().ok()?,
        finished: finished.parse().ok()?,
    })
}

fn show(figure: &Figure) -> String {
    match *figure {
        Figure::NotTried => format!("{:>29} ", "-"),
        Figure::Refused => format!("{:>29} ", "refused"),
        Figure::Explored { executions, seconds, finished } => {
            let more = if finished { ' ' } else { '>' };
            format!("{more:>2}{executions:>11}{seconds:>7.3}{:>9.0} ", executions as f64 / seconds)
        }
    }
}

/// How many times as many executions, and as much time, the other tool needs.
fn ratio(own: Figure, other: Figure) -> String {
    match (own, other) {
        (
            Figure::Explored { executions, seconds, finished: true },
            Figure::Explored { executions: theirs, seconds: their_seconds, finished },
        ) => {
            let more = if finished { "" } else { ">" };
            format!("{more}{:.0}; {more}{:.0}", theirs as f64 / executions as f64, their_seconds / seconds)
        }
        _ => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_compared() {
        let own = figure("6 0.5 true\n").expect("figures");
        let other = figure("a message\n60 2 false\n").expect("figures");
        assert_eq!(own, Figure::Explored { executions: 6, seconds: 0.5, finished: true });
        assert_eq!(ratio(own, other), ">10; >4");
        assert_eq!(ratio(own, Figure::Refused), "-");
        assert_eq!(figure("6 true"), None);
    }
}

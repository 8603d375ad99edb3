//! Enumerates generated programs and prints how fast, and what they are like: `speed [COUNT [FIRST_SEED]]`.

use lkmm_naive::{Config, Limits, count_candidates, enumerate, generate_from_seed, judge};
use std::collections::BTreeMap;
use std::time::Instant;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|a| a.parse::<u64>().expect("a number"));
    let count = arguments.next().unwrap_or(2000);
    let first = arguments.next().unwrap_or(0);
    let config = Config::default();
    let (mut candidates, mut executions) = (0, 0);
    let mut kinds: BTreeMap<String, u64> = BTreeMap::new();
    let start = Instant::now();
    for seed in first..first + count {
        let program = generate_from_seed(seed, &config);
        candidates += count_candidates(&program);
        let mut note = |kind: &str| *kinds.entry(kind.to_string()).or_default() += 1;
        match enumerate(&program, &judge, &Limits::default()) {
            Err(error) => note(&format!("error: {error}")),
            Ok(counts) => {
                executions += counts.positive + counts.negative;
                note(match (counts.positive, counts.negative) {
                    (0, 0) => "no execution",
                    (0, _) => "never",
                    (_, 0) => "always",
                    _ => "sometimes",
                });
                counts.flags.iter().for_each(|flag| note(&format!("flag {flag}")));
                if counts.truncated {
                    note("truncated");
                }
                if counts.thin_air {
                    note("thin air");
                }
            }
        }
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{count} programs, {candidates} candidates, {executions} executions in {seconds:.2} s");
    println!("{:.0} programs/s, {:.1} µs a candidate", count as f64 / seconds, seconds * 1e6 / candidates as f64);
    for (kind, programs) in kinds {
        println!("{programs:8} {kind}");
    }
}

//! Writes random litmus tests into a directory: `generate_litmus DIRECTORY COUNT [FIRST_SEED]`.

use lkmm_naive::{Config, generate_litmus};
use std::path::Path;

fn main() -> std::io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| arguments.get(i).map(|a| a.parse::<u64>().expect("a number"));
    let (Some(directory), Some(count)) = (arguments.first(), number(1)) else {
        eprintln!("usage: generate_litmus DIRECTORY COUNT [FIRST_SEED]");
        std::process::exit(2);
    };
    std::fs::create_dir_all(directory)?;
    let first = number(2).unwrap_or(0);
    for seed in first..first + count {
        let text = generate_litmus(seed, &Config::default()).text;
        std::fs::write(Path::new(directory).join(format!("random-{seed}.litmus")), text)?;
    }
    Ok(())
}

//! A short run of what the fuzz targets do, the same each time: known tests, malformed ones and generated ones, mutated some thousand
//! times. `cargo xtask fuzz` is the long run.

#[path = "../../../fuzz/src/forms.rs"]
#[allow(unreachable_pub, reason = "public in the fuzz crate")]
mod forms;
#[allow(unreachable_pub, reason = "public in the fuzz crate")]
#[path = "../../../fuzz/src/invariants.rs"]
mod invariants;

use fastrand::Rng;
use std::path::{Path, PathBuf};

/// Words that mutations put in, as the fuzzer takes them from the same dictionary.
const DICTIONARY: &str = include_str!("../../../fuzz/litmus.dict");

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The litmus tests in a folder and below, sorted by name, so that every run sees them in the same order.
fn tests_in(folder: &str) -> Vec<String> {
    let files = walkdir::WalkDir::new(root().join(folder)).sort_by_file_name().into_iter().filter_map(Result::ok);
    let tests = files.filter(|file| file.path().extension().is_some_and(|e| e == "litmus"));
    tests.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect()
}

fn words() -> Vec<&'static str> {
    let quoted = |line: &'static str| line.strip_prefix('"')?.strip_suffix('"');
    DICTIONARY.lines().filter_map(quoted).collect()
}

/// Cuts, copies, and puts in words and bytes, at a few places.
fn mutated(seed: &str, words: &[&str], rng: &mut Rng) -> String {
    let mut bytes = seed.as_bytes().to_vec();
    for _ in 0..rng.usize(1..4) {
        let at = rng.usize(..=bytes.len());
        let end = at + rng.usize(..24).min(bytes.len() - at);
        match rng.u8(..4) {
            0 => drop(bytes.drain(at..end)),
            1 => {
                let copy = bytes[at..end].to_vec();
                let to = rng.usize(..=bytes.len());
                drop(bytes.splice(to..to, copy));
            }
            2 => drop(bytes.splice(at..at, words[rng.usize(..words.len())].bytes())),
            _ => drop(bytes.splice(at..end, [rng.u8(..)])),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn the_parser_survives_mutations() {
    let seeds = [tests_in("litmus"), tests_in("crates/lkmm-litmus/tests/malformed")].concat();
    assert!(seeds.len() > 100, "only {} seeds", seeds.len());
    let (words, mut rng) = (words(), Rng::with_seed(1));
    for _ in 0..20_000 {
        invariants::parse(&mutated(&seeds[rng.usize(..seeds.len())], &words, &mut rng));
    }
}

#[test]
fn what_is_converted_can_be_read() {
    let (seeds, words, mut rng) = (tests_in("litmus"), words(), Rng::with_seed(3));
    for seed in &seeds {
        invariants::convert(seed);
    }
    for _ in 0..3_000 {
        invariants::convert(&mutated(&seeds[rng.usize(..seeds.len())], &words, &mut rng));
    }
}

#[test]
fn repairs_survive_mutations() {
    let (seeds, words, mut rng) = (tests_in("litmus"), words(), Rng::with_seed(4));
    for _ in 0..1_000 {
        invariants::repair(&mutated(&seeds[rng.usize(..seeds.len())], &words, &mut rng));
    }
}

#[test]
fn the_check_survives_mutations() {
    let (seeds, words, mut rng) = (tests_in("litmus"), words(), Rng::with_seed(2));
    for _ in 0..1_000 {
        invariants::check(&mutated(&seeds[rng.usize(..seeds.len())], &words, &mut rng));
    }
    for _ in 0..200 {
        let bytes: Vec<u8> = std::iter::once(255).chain(std::iter::repeat_with(|| rng.u8(..)).take(24)).collect();
        invariants::check(&forms::source(&bytes));
    }
}

//! The project's chores.
//!
//! | command | does |
//! |---|---|
//! | `cargo xtask test` | everything that must hold before a commit: format, lints, tests, documentation, litmus tests, corpora |
//! | `cargo xtask fresh` | of that only the guide: its code in a fresh crate, and the time to the first report |
//! | `cargo xtask browser [LKMM]` | of that only the pictures, in Chromium; drawn by that command, if it is named |
//! | `cargo xtask msrv` | of that only the check with the oldest compiler that the libraries promise to build with |
//! | `cargo xtask run` | of that only what runs litmus tests on this machine, and on an emulated one |
//! | `cargo xtask run-corpus [--seconds N]` | the corpora's tests of two processes on this machine, five minutes together if not told otherwise |
//! | `cargo xtask bench litmus` | the speed over the corpus, against the recorded times of herd7 |
//! | `cargo xtask bench check` | small programs under lkmm, loom and shuttle |
//! | `cargo xtask bench outside` | what operations cost outside of a model, with the checker and without it |
//! | `cargo xtask bench loom [--seconds N] [--mutants] [crate…]` | the loom tests of published crates, under lkmm and loom |
//! | `cargo xtask bench scaling` | how the cost of an execution grows with the program; draws `docs/scaling.svg` |
//! | `cargo xtask fuzz [--seconds N]` | the fuzz targets, ten minutes each if not told otherwise |
#![forbid(unsafe_code)]

mod bench;
mod browser;
mod comparison;
mod corpus;
mod fresh;
mod fuzz;
mod guide;
mod hardware;
mod lkmm;
mod msrv;
mod outside;
mod plot;
mod scaling;
mod suites;
mod table;
mod test;

use std::process::ExitCode;

const USAGE: &str =
    "usage: cargo xtask test | fresh | guide | browser [LKMM] | msrv | run | run-corpus [--seconds N] | fuzz [--seconds N] |
       bench litmus | bench check | bench loom [--seconds N] [--mutants] [crate…] | bench outside | bench scaling";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["test"] => test::run(),
        ["fresh"] => Ok(table::print(&[fresh::row()])),
        ["guide"] => Ok(table::print(&[guide::row()])),
        ["browser", lkmm] => Ok(table::print(&[browser::row(lkmm.as_ref())])),
        ["browser"] => lkmm::build().map(|lkmm| table::print(&[browser::row(&lkmm)])),
        ["msrv"] => Ok(table::print(&[msrv::row()])),
        ["run"] => hardware::run(),
        ["run-corpus", rest @ ..] => hardware::run_corpus(rest),
        ["bench", "litmus"] => bench::run(),
        ["bench", "check"] => comparison::run(),
        ["bench", "outside"] => outside::run(),
        ["bench", "loom", rest @ ..] => suites::run(rest),
        ["bench", "scaling"] => scaling::run(),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::from(2)
        }
    }
}

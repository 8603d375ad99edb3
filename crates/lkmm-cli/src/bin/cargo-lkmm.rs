//! The command `cargo lkmm`.

use clap::Parser;
use lkmm_cli::cargo::{self, args::Cargo};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let Cargo::Lkmm(arguments) = Cargo::parse();
    match cargo::run(&arguments.command, &mut io::stdout().lock()) {
        Ok(code) => ExitCode::from(code),
        Err(problem) => {
            let _ = writeln!(io::stderr(), "{problem}");
            ExitCode::from(2)
        }
    }
}

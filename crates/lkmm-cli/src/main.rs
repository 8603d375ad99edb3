//! The command `lkmm`.

use clap::{CommandFactory, Parser};
use lkmm_cli::args::{Cli, Command};
use lkmm_cli::{check, convert, draw, repair, run, weaken};
use std::io::{self, Write};
use std::process::ExitCode;

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Repair(args) => repair::run(&args),
        Command::Weaken(args) => weaken::run(&args),
        Command::Draw(args) => draw::run(&args),
        Command::Run(args) => run::run(&args),
        Command::ListModels => list_models(&mut io::stdout().lock()).map(|()| 0),
        Command::Completions { shell } => {
            // Into memory first: the generator itself would panic when the pipe is closed.
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "lkmm", &mut script);
            io::stdout().write_all(&script).map(|()| 0)
        }
        Command::Man { command } => man(command.as_deref()),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        // Whoever read our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "lkmm: {error}");
            ExitCode::from(2)
        }
    }
}

fn list_models(out: &mut dyn Write) -> io::Result<()> {
    let width = lkmm_model::models::all().iter().map(|m| m.name().len()).max().unwrap_or(0);
    lkmm_model::models::all().iter().try_for_each(|model| writeln!(out, "{:width$}  {}", model.name(), model.title()))
}

fn man(name: Option<&str>) -> io::Result<u8> {
    let mut command = Cli::command();
    command.build();
    let page = match name {
        None => command,
        Some(name) => match command.find_subcommand(name) {
            Some(found) => found.clone(),
            None => {
                let names: Vec<&str> = command.get_subcommands().map(|c| c.get_name()).collect();
                return Err(io::Error::other(format!("no command `{name}`; there are {}", names.join(", "))));
            }
        },
    };
    let mut roff = Vec::new();
    clap_mangen::Man::new(page).source(concat!("lkmm ", env!("CARGO_PKG_VERSION"))).render(&mut roff)?;
    io::stdout().write_all(&roff).map(|()| 0)
}

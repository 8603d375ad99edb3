//! The arguments of `lkmm`. Help texts, completions and man pages all come from here.

use crate::change_args::{Repair, Weaken};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use lkmm_model::models::{self, Model};
use std::path::PathBuf;
use std::time::Duration;

/// The model that is meant when none is named.
pub(crate) const DEFAULT_MODEL: &str = "lkmm";

/// Check concurrent code under the Linux-kernel memory model.
#[derive(Parser)]
#[command(name = "lkmm", version, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `lkmm`.
#[derive(Subcommand)]
pub enum Command {
    /// Check litmus tests: search every execution that the model allows
    Check(Check),
    /// Convert litmus tests from C to Rust, or back
    Convert(Convert),
    /// Propose orderings that forbid what a litmus test does not want
    Repair(Repair),
    /// Find orderings that a litmus test does not need
    Weaken(Weaken),
    /// Draw executions of a litmus test, as SVG, as a page to step through, or for Graphviz
    Draw(Draw),
    /// Run litmus tests on this machine, and compare what happens with what the model allows
    Run(Run),
    /// List the memory models, the default first
    ListModels,
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page of lkmm, or of one of its commands
    Man {
        /// The command
        command: Option<String>,
    },
}

/// The arguments of `lkmm check`.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 when every test did as expected (a test that expects nothing did, if it could be checked), \
    1 when some did not or ran out of a budget, 2 when some could not be checked."
)]
pub struct Check {
    /// What to check: files, directories (every *.litmus in them), @FILE (a list, one path a line), - (standard input)
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// How to print the results
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,

    /// Decide only whether the condition holds never, sometimes or always: much faster on large tests
    #[arg(long, conflicts_with = "states")]
    pub verdict: bool,

    /// Which dependencies order accesses: syntactic ones, unless something else is said; of tests with processes in Rust, the verdict with observed ones is
    /// printed too if it differs
    #[arg(long, value_enum)]
    pub deps: Option<Deps>,

    /// The memory model
    #[arg(long, value_name = "MODEL", default_value = DEFAULT_MODEL, value_parser = model_parser())]
    pub model: &'static str,

    /// Threads to use; as many as there are processors if not given
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,

    /// Give up on a test after so many seconds
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    pub timeout: Option<Duration>,

    /// Give up on a test that has more executions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_executions: Option<u64>,

    /// How often a loop is unrolled
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub unroll: u32,

    /// Print the final states of every test, those that satisfy its condition marked with *>
    #[arg(long)]
    pub states: bool,

    /// Print an execution that answers each test's question, thread by thread
    #[arg(long)]
    pub witness: bool,

    /// Print why each verdict is what it is: the cycles that forbid what does not happen, line by line, with the relations of the model;
    /// or an execution, and which order of two accesses is missing that would forbid it
    #[arg(long)]
    pub explain: bool,
}

/// The arguments of `lkmm convert`.
#[derive(Args)]
#[command(
    after_help = "The converted test has the same events and dependencies, and so the same verdict, states and counts. Processes that \
    are in the language already stay as they are.\n\n\
    Not converted to Rust are: __atomic_add_unless(); atomic_add_return() and its like, fully ordered, of what is no number; readers of RCU \
    that do not end in the function in which they begin, or end in one of two branches; locks and SRCU domains behind pointers, or \
    whose address is a value; locations that one process uses as a lock and otherwise; spin_trylock() in the middle of an expression; \
    atomic additions through a pointer to what holds addresses; \
    names that Rust does not have. Not converted to C are names that herd7 reserves.\n\n\
    Exit codes: 0 when every test was converted, 2 when some were not."
)]
pub struct Convert {
    /// The language to convert to
    #[arg(long, value_enum)]
    pub to: To,

    /// What to convert: files, directories (every *.litmus in them), @FILE (a list, one path a line), - (standard input)
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Write each test into this folder, under its own name; without it, one test is written to the standard output
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

/// The arguments of `lkmm run`.
#[derive(Args)]
#[command(
    after_help = "A test is compiled into a program whose threads run it millions of times, start each time together, and count the final states. \
    Processes in C are compiled by $CC or cc, those in Rust by $RUSTC or rustc; CFLAGS are flags for C.\n\n\
    A state that the model forbids is told when it is first seen, and again at the top. Behind the histogram stand the states that the model \
    allows and that were not seen. Nothing is judged of a test that has a data race, or a loop that the checker had to cut.\n\n\
    Not run are: arrays whose elements do not have four bytes or hold addresses; differences of addresses; RCU in C and in Rust in one test; atomics \
    of 8 or 16 bits with a sign. A test whose threads wait for what never comes is given up after 20 seconds.\n\n\
    Exit codes: 0 when the model allows all that was seen, 1 when it forbids something, 2 when some test could not be run."
)]
pub struct Run {
    /// What to run: files, directories (every *.litmus in them), @FILE (a list, one path a line), - (standard input)
    #[arg(required = true, value_name = "FILE")]
    pub paths: Vec<PathBuf>,

    /// How long to run each test
    #[arg(long, value_name = "N", default_value = "1", value_parser = seconds)]
    pub seconds: Duration,

    /// Where threads run: on one CPU each, which change from time to time (random) or do not (order); wherever the system puts them
    /// (none); or on the CPUs of these numbers
    #[arg(long, value_name = "random|order|none|CPU,CPU,…", default_value = "random", value_parser = affinity)]
    pub affinity: String,

    /// Do not run the test, but write its program here, as a project of cargo that builds on other machines and for them
    #[arg(long, value_name = "DIR")]
    pub emit: Option<PathBuf>,

    /// The memory model
    #[arg(long, value_name = "MODEL", default_value = DEFAULT_MODEL, value_parser = model_parser())]
    pub model: &'static str,

    /// How often the checker unrolls a loop
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub unroll: u32,

    /// How long the checker may search for the states that the model allows
    #[arg(long, value_name = "SECS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
}

/// The arguments of `lkmm draw`.
#[derive(Args)]
#[command(
    after_help = "One column a process, program order downward: what each operation does, in the text of the source, and arrows for rf, co, fr, dependencies, \
    and the orders of the model. Without --state, SVG and Graphviz get the execution that answers the test's question: one that satisfies its condition \
    (of forall, one that does not); or, if the model forbids that, the candidate execution with the shortest cycle, which is bold. A page of \
    HTML has up to 64 executions of all final states, eight of each, and a candidate for each reason why others are forbidden.\n\n\
    SVG and HTML need no other program and no network. Point at an arrow to see its rule.\n\n\
    Exit codes: 0 when something was drawn, 2 otherwise."
)]
pub struct Draw {
    /// The litmus test; - for the standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where to draw to: a file whose name ends in .svg, .html or .dot. Without it, SVG on the standard output
    #[arg(long, short, value_name = "OUT")]
    pub output: Option<PathBuf>,

    /// What to draw, if the name of the output does not say it
    #[arg(long, value_enum)]
    pub format: Option<Picture>,

    /// Draw an execution that ends in the final state of this number, from 1, as `lkmm check --states` lists them
    #[arg(long, value_name = "N")]
    pub state: Option<usize>,

    /// Draw these relations of the model too (hb, prop, …), which HTML shows at a click
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub show: Vec<String>,

    /// The memory model
    #[arg(long, value_name = "MODEL", default_value = DEFAULT_MODEL, value_parser = model_parser())]
    pub model: &'static str,

    /// Give up after so many seconds
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    pub timeout: Option<Duration>,

    /// How often a loop is unrolled
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub unroll: u32,
}

/// The forms of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    /// A picture
    Svg,
    /// A page with the pictures of many executions, to step through
    Html,
    /// The language of Graphviz
    Dot,
}

/// The languages of litmus tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum To {
    /// Functions over the API of crate lkmm, which is the kernel's
    Rust,
    /// The C of herd7, with the kernel's macros
    C,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A line a test, mismatches in full, a summary
    Human,
    /// The text of herd7, for scripts that read it
    Herd,
    /// One JSON object a line
    Json,
}

/// Which dependencies order accesses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Deps {
    /// Those that the syntax shows, as in herd7
    Syntactic,
    /// Those that show when the test is run: another value of one load changes a later address, value, or whether there is a
    /// store. The others a compiler may drop. Executions with values out of thin air are not looked for
    Observed,
    /// Syntactic ones; where observed ones lead to another verdict, it is printed too, with the dependencies that are the reason
    Both,
}

pub(crate) fn model_parser() -> impl TypedValueParser<Value = &'static str> {
    let newest = models::by_name(DEFAULT_MODEL).map_or("", Model::name);
    let newest = PossibleValue::new(DEFAULT_MODEL).help(format!("The newest of the kernel's: {newest}"));
    let models = models::all().into_iter().map(|model| PossibleValue::new(model.name()).help(model.title()));
    PossibleValuesParser::new(std::iter::once(newest).chain(models))
        .try_map(|name| models::by_name(&name).map(Model::name).ok_or("no such model"))
}

pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_string())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ if seconds > 0.0 => Err("too long; leave the option out to wait for ever".to_string()),
        _ => Err("a timeout is longer than 0 seconds".to_string()),
    }
}

/// Where threads run, as the harness reads it.
fn affinity(text: &str) -> Result<String, String> {
    let is_list = !text.is_empty() && text.split(',').all(|cpu| cpu.parse::<u16>().is_ok_and(|cpu| cpu < 1024));
    match text {
        "random" | "order" | "none" => Ok(text.into()),
        _ if is_list => Ok(text.into()),
        _ => Err("neither `random`, `order`, `none` nor a list of CPUs such as `0,1`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_default_model_is_the_kernels() {
        let Command::Check(args) = Cli::try_parse_from(["lkmm", "check", "x"]).map(|c| c.command).unwrap() else {
            panic!("`check` is the command");
        };
        assert_eq!(Some(args.model), models::by_name("lkmm").map(|m| m.name()));
    }

    #[test]
    fn timeouts_are_positive() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "-1", "nan", "inf", "1e300", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
        assert_eq!(seconds("inf"), seconds("1e300"));
        assert_ne!(seconds("inf"), seconds("nan"));
    }
}

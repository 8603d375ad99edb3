//! The arguments of `lkmm repair` and `lkmm weaken`.

use crate::args::{DEFAULT_MODEL, model_parser, seconds};
use clap::{Args, ValueEnum};
use lkmm_model::cost::Architecture;
use std::path::PathBuf;
use std::time::Duration;

/// The arguments of `lkmm repair`.
#[derive(Args)]
#[command(
    after_help = "What is forbidden: executions that satisfy the condition of `exists` and `~exists`, and those that violate that of `forall`.\n\n\
    What is proposed: every least set of strengthenings, the cheapest first. A load becomes an acquire, a store a release, a read-modify-write an \
    acquire, a release or fully ordered; a fence stands between two statements; an access depends on what a load returned. Least: no strengthening \
    of a set can be left out, or be a weaker one. A dependency stands in the text as a value that is always 0, as in `1 + (r0 != r0)`: it \
    means that the code must really have it, for a compiler drops one that carries nothing (lkmm check --deps observed).\n\n\
    Exit codes: 0 when every test has a repair or needs none, 1 when some have none, or the time ran out before one was found, 2 when some could \
    not be checked."
)]
pub struct Repair {
    /// What both commands take
    #[command(flatten)]
    pub common: Common,

    /// Forbid data races as well
    #[arg(long)]
    pub races: bool,

    /// Print at most so many sets for each test; with --json all are printed
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,

    /// Instead of the list, write the test with the changes of this set, counted from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub apply: Option<u32>,
}

/// The arguments of `lkmm weaken`.
#[derive(Args)]
#[command(
    after_help = "What is tried: acquires, releases, fully ordered read-modify-writes and fences. Locks, RCU and dependencies are left alone. The verdict \
    stays what it is, Never, Sometimes or Always, and there is no data race that was not there before.\n\n\
    Listed are first the orderings that can be relaxed by themselves, then those that can be relaxed together: the most expensive is relaxed first, \
    and none that is left can be relaxed.\n\n\
    Exit codes: 0 when every test was searched, whether anything can be relaxed or not, 1 when the time ran out, 2 when some could not be checked."
)]
pub struct Weaken {
    /// What both commands take
    #[command(flatten)]
    pub common: Common,

    /// Instead of the lists, write the test with all that can be relaxed together
    #[arg(long)]
    pub apply: bool,
}

/// What `lkmm repair` and `lkmm weaken` have in common.
#[derive(Args)]
pub struct Common {
    /// The tests: files, directories (every *.litmus in them), @FILE (a list, one path a line), - (standard input)
    #[arg(required_unless_present = "costs", value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Whose costs count: ranks of the instructions that the kernel emits, see --costs
    #[arg(long, value_enum, default_value_t = Arch::Aarch64)]
    pub arch: Arch,

    /// Print the costs on all architectures, and nothing else
    #[arg(long)]
    pub costs: bool,

    /// Print one JSON object for each test, a line each
    #[arg(long)]
    pub json: bool,

    /// Write what --apply makes of the test into this file, and not to the standard output
    #[arg(long, short, value_name = "FILE", requires = "apply")]
    pub output: Option<PathBuf>,

    /// The memory model
    #[arg(long, value_name = "MODEL", default_value = DEFAULT_MODEL, value_parser = model_parser())]
    pub model: &'static str,

    /// Threads that the search of a large test may use; as many as there are processors if not given
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,

    /// Search for so many seconds in each test; what is found by then is printed
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "60")]
    pub timeout: Duration,

    /// How often a loop is unrolled
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub unroll: u32,
}

/// The architectures whose costs are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Arch {
    /// Of accesses and fences, only a full fence costs something
    #[value(name = "x86-64", alias = "x86_64")]
    X86_64,
    /// 64-bit Arm
    #[value(alias = "arm64")]
    Aarch64,
    /// 64-bit RISC-V
    Riscv64,
    /// 64-bit POWER
    #[value(alias = "powerpc")]
    Powerpc64,
}

impl Arch {
    /// The column of the table.
    pub fn table(self) -> Architecture {
        match self {
            Arch::X86_64 => Architecture::X86_64,
            Arch::Aarch64 => Architecture::Aarch64,
            Arch::Riscv64 => Architecture::Riscv64,
            Arch::Powerpc64 => Architecture::Powerpc64,
        }
    }
}

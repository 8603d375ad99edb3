//! The arguments of `cargo lkmm`.

use crate::args::seconds;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// Cargo calls us with the name of the subcommand first.
#[derive(Parser)]
#[command(name = "cargo", bin_name = "cargo", version)]
pub enum Cargo {
    /// Model-check Rust code under the Linux-kernel memory model
    #[command(version, arg_required_else_help = true)]
    Lkmm(Arguments),
}

/// What follows `cargo lkmm`.
#[derive(Args)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `cargo lkmm`.
#[derive(Subcommand)]
pub enum Command {
    /// Run `cargo test`, and list what came of each model
    #[command(
        after_help = "Exit codes: 0 when all tests passed, 1 when some did not, 2 when there was nothing to run: a crate without \
        lkmm, or one that would ship with the checker."
    )]
    Test(Test),
    /// Run `cargo bench`, once it is sure that the crate is built without the checker
    Bench(Bench),
}

/// The arguments of `cargo lkmm test`.
#[derive(Args)]
pub struct Test {
    /// Only tests whose names contain this
    #[arg(value_name = "NAME")]
    pub name: Option<OsString>,

    /// How many tests run at a time; as many as there are processors if not given
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,

    /// How many processors explore each model: one if not given, 0 for all there are
    #[arg(long, value_name = "N")]
    pub model_jobs: Option<u16>,

    /// Give up on a model after so many seconds
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    pub timeout: Option<Duration>,

    /// Give up on a model after so many executions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_executions: Option<u64>,

    /// Take so many random walks through each model instead of a search
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub random: Option<u64>,

    /// What the random walks follow from
    #[arg(long, value_name = "N", requires = "random")]
    pub seed: Option<u64>,

    /// Explore only executions of each model that have no more preemptions
    #[arg(long, value_name = "N", conflicts_with = "random")]
    pub preemptions: Option<u32>,

    /// What to build.
    #[command(flatten)]
    pub selection: Selection,

    /// Only the tests of this file in tests/
    #[arg(long, value_name = "FILE")]
    pub test: Vec<OsString>,

    /// Only the unit tests of the library
    #[arg(long)]
    pub lib: bool,

    /// Only the tests in the documentation
    #[arg(long)]
    pub doc: bool,

    /// Go on when the tests of a file have failed
    #[arg(long)]
    pub no_fail_fast: bool,

    /// Arguments for the tests
    #[arg(last = true, value_name = "ARGS")]
    pub rest: Vec<OsString>,
}

/// The arguments of `cargo lkmm bench`.
#[derive(Args)]
pub struct Bench {
    /// Only benchmarks whose names contain this
    #[arg(value_name = "NAME")]
    pub name: Option<OsString>,

    /// What to build.
    #[command(flatten)]
    pub selection: Selection,

    /// Only this benchmark
    #[arg(long, value_name = "FILE")]
    pub bench: Vec<OsString>,

    /// Arguments for the benchmarks
    #[arg(last = true, value_name = "ARGS")]
    pub rest: Vec<OsString>,
}

/// The options of cargo that say what to build.
#[derive(Args, Default)]
pub struct Selection {
    /// Only this package
    #[arg(long, short, value_name = "SPEC")]
    pub package: Vec<OsString>,

    /// All packages of the workspace
    #[arg(long)]
    pub workspace: bool,

    /// Features to switch on
    #[arg(long, short = 'F', value_name = "FEATURES")]
    pub features: Vec<OsString>,

    /// All features
    #[arg(long)]
    pub all_features: bool,

    /// Without the feature `default`
    #[arg(long)]
    pub no_default_features: bool,

    /// Path to Cargo.toml
    #[arg(long, value_name = "PATH")]
    pub manifest_path: Option<PathBuf>,

    /// Do without the network
    #[arg(long)]
    pub offline: bool,

    /// Leave Cargo.lock as it is
    #[arg(long)]
    pub locked: bool,

    /// Build optimised: worth it for models that take longer than seconds
    #[arg(long, short, conflicts_with = "profile")]
    pub release: bool,

    /// The profile to build in
    #[arg(long, value_name = "NAME")]
    pub profile: Option<OsString>,
}

impl Selection {
    /// As arguments for the commands of cargo that find out what would be built.
    pub(super) fn packages(&self) -> Vec<OsString> {
        let mut args = self.place();
        let mut each = |flag: &str, values: &[OsString]| {
            args.extend(values.iter().flat_map(|value| [flag.into(), value.clone()]));
        };
        each("--package", &self.package);
        each("--features", &self.features);
        let flags = [
            (self.workspace, "--workspace"),
            (self.all_features, "--all-features"),
            (self.no_default_features, "--no-default-features"),
        ];
        args.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag.into()));
        args
    }

    /// Of these, what says where the packages are, and how to get at them.
    pub(super) fn place(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        if let Some(path) = &self.manifest_path {
            args.extend(["--manifest-path".into(), path.into()]);
        }
        let flags = [(self.offline, "--offline"), (self.locked, "--locked")];
        args.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, flag)| flag.into()));
        args
    }

    /// As arguments for the commands that build.
    pub(super) fn build(&self) -> Vec<OsString> {
        let mut args = self.packages();
        if self.release {
            args.push("--release".into());
        }
        if let Some(profile) = &self.profile {
            args.extend(["--profile".into(), profile.clone()]);
        }
        args
    }
}

//! Where feature `check` of lkmm is on: for tests it should be, in what is shipped it must not.
//!
//! `cargo tree` decides, for only cargo knows how it unifies features.
//!
//! A `--cfg` in the environment (`RUSTFLAGS="--cfg loom"`) belongs to the run, not to the crate: what such a build depends on is what the
//! tests are built with, and what is shipped is what a build depends on whose environment says nothing. Flags in the configuration of cargo
//! belong to all builds.

use super::args::Selection;
use super::{Problem, cargo, output};
use std::ffi::OsStr;

/// Lkmm as a crate is built with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Crate {
    Absent,
    /// Without the checker.
    Unchecked,
    Checked,
}

/// Whose flags for the compiler a build is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flags {
    /// Those of this run.
    Own,
    /// Those of a build whose environment names none.
    Ordinary,
}

/// Lkmm as the tests are built with it.
pub(super) fn tested(selection: &Selection) -> Result<Crate, Problem> {
    built(selection, Flags::Own, &["--edges", "normal,build,dev"])
}

/// Would there be a checker for the tests, if a `cfg` were set or the target were another one?
pub(super) fn is_conditional(selection: &Selection) -> Result<bool, Problem> {
    let all = built(selection, Flags::Own, &["--edges", "normal,build,dev", "--target", "all"])?;
    Ok(all == Crate::Checked)
}

/// # Errors
/// If lkmm is built with its checker where no test is built.
pub(super) fn check_shipped(selection: &Selection, flags: Flags) -> Result<(), Problem> {
    if built(selection, flags, &["--edges", "normal,build"])? != Crate::Checked {
        return Ok(());
    }
    let tree = tree(selection, flags, &["--edges", "normal,build,features", "--prefix", "depth", "--invert", "lkmm"])?;
    Err(Problem::Shipped(explain(&tree)))
}

fn built(selection: &Selection, flags: Flags, which: &[&str]) -> Result<Crate, Problem> {
    Ok(find(&tree(selection, flags, &[which, &["--prefix", "none", "--format", "{p}|{f}"]].concat())?))
}

fn tree(selection: &Selection, flags: Flags, args: &[&str]) -> Result<String, Problem> {
    let mut command = cargo("tree");
    command.args(selection.packages()).args(args);
    if flags == Flags::Ordinary {
        let names = std::env::vars_os().map(|(name, _)| name);
        names.filter(|name| sets_flags(name)).for_each(|name| _ = command.env_remove(name));
    }
    output("tree", command)
}

/// Is it a variable that says which flags the compiler is given?
fn sets_flags(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    matches!(name, "RUSTFLAGS" | "CARGO_ENCODED_RUSTFLAGS" | "CARGO_BUILD_RUSTFLAGS")
        || name.starts_with("CARGO_TARGET_") && name.ends_with("_RUSTFLAGS")
}

/// Looks for lkmm in lines `name version|features`.
fn find(tree: &str) -> Crate {
    let features = tree.lines().filter(|line| line.starts_with("lkmm v")).filter_map(|line| line.rsplit_once('|'));
    let mut found = Crate::Absent;
    for (_, features) in features {
        // A line that repeats an earlier one ends with a star.
        let is_checked = features.trim_end_matches(" (*)").split(',').any(|feature| feature == "check");
        if is_checked || found == Crate::Checked {
            found = Crate::Checked;
        } else {
            found = Crate::Unchecked;
        }
    }
    found
}

/// Who switches the feature on: the part of an inverted tree, its lines preceded by their depths, that is below it.
fn explain(tree: &str) -> String {
    let depth = |line: &str| line.bytes().take_while(u8::is_ascii_digit).count();
    let is_feature = |line: &&str| line.starts_with("1lkmm feature \"check\"");
    let mut path = String::new();
    for line in tree.lines().skip_while(|line| !is_feature(line)) {
        let (number, text) = line.split_at(depth(line));
        let number: usize = number.parse().unwrap_or(0);
        if number <= 1 && !path.is_empty() {
            break;
        }
        let text = text.replace(" (command-line)", "");
        let by = if number > 1 { "by " } else { "" };
        path.push_str(&format!("{:indent$}{by}{text}\n", "", indent = 2 * number));
    }
    path.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_are_found_in_trees() {
        assert_eq!(find("app v0.1.0 (/app)|default\nlkmm-check v0.1.0|check\n"), Crate::Absent);
        assert_eq!(find("app v0.1.0 (/app)|\nlkmm v0.1.0|std\n"), Crate::Unchecked);
        assert_eq!(find("app v0.1.0 (/app)|\nlkmm v0.1.0|check,std (*)\nlkmm v0.2.0|\n"), Crate::Checked);
    }

    #[test]
    fn who_switches_the_checker_on_is_named() {
        let tree = "0lkmm v0.1.0\n1lkmm feature \"default\"\n2app v0.1.0\n1lkmm feature \"check\"\n2a feature \"model\"\n\
                    3app v0.1.0 (/app)\n4app feature \"default\" (command-line)\n1lkmm feature \"std\"\n2lkmm feature \"check\" (*)\n";
        assert_eq!(
            explain(tree),
            "  lkmm feature \"check\"\n    by a feature \"model\"\n      by app v0.1.0 (/app)\n        by app feature \"default\""
        );
    }
}

//! This crate's own sources, for a program that writes projects which use it and need no registry: `lkmm run`.
//!
//! Feature `sources` switches it on. The checker is left out: the files make the crate as it is shipped.

/// The manifest of a crate `lkmm` that consists of [`FILES`]; its feature `std` is the one of this crate.
pub const MANIFEST: &str = concat!(
    "[package]\nname = \"lkmm\"\nversion = \"",
    env!("CARGO_PKG_VERSION"),
    "\"\nedition = \"2024\"\nrust-version = \"1.85\"\nlicense = \"MIT OR Apache-2.0\"\npublish = false\n\n[features]\nstd = []\n\n\
     [lints.rust]\nunexpected_cfgs = \"allow\"\n"
);

macro_rules! files {
    ($($path:literal)*) => {
        /// The path of each file below `src`, and its text.
        pub const FILES: &[(&str, &str)] = &[$(($path, include_str!($path))),*];
    };
}

files! {
    "lib.rs"
    "atomic.rs"
    "atomic/internal.rs"
    "atomic/ordering.rs"
    "atomic/predefine.rs"
    "barrier.rs"
    "cell.rs"
    "cell/opaque.rs"
    "cell/slot.rs"
    "dep.rs"
    "hint.rs"
    "lock.rs"
    "lock/rw.rs"
    "rcu.rs"
    "refcount.rs"
    "srcu.rs"
    "thread.rs"
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::{Path, PathBuf};

    /// Files below a folder.
    fn below(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            if entry.path().is_dir() { below(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }

    #[test]
    fn no_file_is_forgotten() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut found = Vec::new();
        below(&folder, &mut found);
        let mut found: Vec<String> =
            found.iter().map(|path| path.strip_prefix(&folder).expect("below").display().to_string()).collect();
        found.retain(|path| path != "sources.rs");
        found.sort();
        let mut listed: Vec<&str> = FILES.iter().map(|(path, _)| *path).collect();
        listed.sort();
        assert_eq!(listed, found);
    }
}

//! Reports in a folder: a failure as text, JSON and SVG.
//!
//! The files are named after the test, which is the name of the thread that runs it, or after the place in the source from which
//! the model was explored. Another model of the same test gets that place into its name too.

use crate::report::Failure;
use std::collections::HashMap;
use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Writes the files of a failure, and says where the picture is (or the text, if there is no execution to be drawn).
pub(crate) fn write(folder: &Path, failure: &Failure, caller: &Location<'_>) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let name = name(caller);
    let path = |kind: &str| folder.join(format!("{name}.{kind}"));
    std::fs::write(path("txt"), format!("{failure}\n"))?;
    std::fs::write(path("json"), failure.to_json())?;
    match failure.to_svg() {
        Some(svg) => {
            std::fs::write(path("svg"), svg)?;
            Ok(path("svg"))
        }
        None => Ok(path("txt")),
    }
}

fn name(caller: &Location<'_>) -> String {
    /// From which place the model of a test was explored that has the test's name to itself.
    static TAKEN: Mutex<Option<HashMap<String, String>>> = Mutex::new(None);
    let place = format!("{}-{}", crate::picture::short(caller.file()), caller.line());
    let thread = std::thread::current();
    let Some(test) = thread.name().filter(|name| *name != "main").map(clean) else { return clean(&place) };
    let mut taken = TAKEN.lock().unwrap_or_else(PoisonError::into_inner);
    let first = taken.get_or_insert_default().entry(test.clone()).or_insert_with(|| place.clone());
    if *first == place { test } else { format!("{test}-{}", clean(&place)) }
}

/// A name that every file system takes.
fn clean(name: &str) -> String {
    let name = name.replace("::", ".");
    let letters = name.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' });
    letters.take(150).collect()
}

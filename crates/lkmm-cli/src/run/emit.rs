//! A test's program as a project of cargo, written into a folder, with crate `lkmm` if it needs that.

use lkmm::sources;
use lkmm_litmus::hardware::{self, Sources};
use lkmm_report::Problem;
use std::fs;
use std::path::Path;

/// Writes the project into a folder that is not there yet, or empty.
pub(super) fn write(program: &Sources, folder: &Path) -> Result<(), Problem> {
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let problem = Problem::new(format!("{} is not empty", folder.display()));
        return Err(problem.with_help("name a folder that is not there yet"));
    }
    let files = hardware::cargo_project(program);
    files.iter().try_for_each(|(path, text)| write_file(&folder.join(path), text))?;
    if program.processes.is_some() {
        write_crate(&folder.join("lkmm"))?;
    }
    Ok(())
}

/// Writes crate `lkmm` into a folder.
pub(super) fn write_crate(folder: &Path) -> Result<(), Problem> {
    write_file(&folder.join("Cargo.toml"), sources::MANIFEST)?;
    sources::FILES.iter().try_for_each(|(path, text)| write_file(&folder.join("src").join(path), text))
}

/// Writes a file, and the folders that it is in.
pub(super) fn write_file(path: &Path, text: &str) -> Result<(), Problem> {
    let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    written.map_err(|error| Problem::new(format!("{} cannot be written: {error}", path.display())))
}

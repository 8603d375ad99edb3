//! Lines of source files, for reports.
//!
//! The compiler names files as it was told of them: from the root of the workspace, mostly, while tests run in the
//! folder of their package. So a file is looked for in the current folder, and in those that it is in.

use crate::panics::SourcePlace;
use rustc_hash::FxHashMap;

/// The files that were looked for.
#[derive(Default)]
pub(crate) struct Sources {
    files: FxHashMap<String, Option<String>>,
}

impl Sources {
    /// The text of a line, without the spaces around it; `None` if the file is not there.
    pub(crate) fn line(&mut self, place: &SourcePlace) -> Option<String> {
        let text = self.files.entry(place.file.clone()).or_insert_with(|| read(&place.file)).as_ref()?;
        Some(text.lines().nth(place.line.checked_sub(1)? as usize)?.trim().to_string())
    }
}

fn read(file: &str) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().find_map(|folder| std::fs::read_to_string(folder.join(file)).ok())
}

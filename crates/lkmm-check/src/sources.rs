//! Lines of source files, for reports.
//!
//! The compiler names files as it was told of them: from the root of the workspace, mostly, while tests run in the
//! folder of their package. So a file is looked for in the current folder, and in those that it is in.

use crate::panics::SourcePlace;
use rustc_hash::FxHashMap;

/// So many lines before the one of a place are looked at, for expressions that are spread over lines.
const BEFORE: usize = 10;

/// The files that were looked for.
#[derive(Default)]
pub(crate) struct Sources {
    files: FxHashMap<String, Option<String>>,
}

impl Sources {
    /// The text of a line, without the spaces around it; `None` if the file is not there.
    pub(crate) fn line(&mut self, place: &SourcePlace) -> Option<String> {
        Some(self.text(place)?.lines().nth(place.line.checked_sub(1)? as usize)?.trim().to_string())
    }

    /// The text before a place, in its line and in some before that, without comments; `None` if the file is not there, or has no such place.
    pub(crate) fn before(&mut self, place: &SourcePlace) -> Option<String> {
        let (line, column) = (place.line.checked_sub(1)? as usize, place.column.checked_sub(1)? as usize);
        let first = line.saturating_sub(BEFORE);
        let mut lines = self.text(place)?.lines().skip(first).take(line - first + 1);
        let mut before = String::new();
        for line in lines.by_ref().take(line - first) {
            before.push_str(line.split("//").next().unwrap_or(line));
            before.push('\n');
        }
        let last = lines.next()?;
        let end = last.char_indices().map(|(at, _)| at).chain([last.len()]).nth(column)?;
        before.push_str(&last[..end]);
        Some(before)
    }

    fn text(&mut self, place: &SourcePlace) -> Option<&str> {
        self.files.entry(place.file.clone()).or_insert_with(|| read(&place.file)).as_deref()
    }
}

fn read(file: &str) -> Option<String> {
    let here = std::env::current_dir().ok()?;
    here.ancestors().find_map(|folder| std::fs::read_to_string(folder.join(file)).ok())
}

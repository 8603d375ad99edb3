//! What a user names, as a list of inputs.
//!
//! Nothing is lost on the way: a path that is not there, a directory without tests or a list that cannot be read becomes an input
//! whose [`read`](Input::read) says what is wrong, so that it is reported in its place while the others are checked.

use lkmm_report::Problem;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The largest source that is read, in bytes. The longest test that people have written has some ten thousand.
pub const MAX_SOURCE: u64 = 1 << 20;
/// The largest list that is read, in bytes.
const MAX_LIST: u64 = 1 << 26;
/// How deep lists may name lists.
const MAX_NESTING: usize = 8;
/// How many inputs lists may name: nested lists multiply.
const MAX_LISTED: usize = 1 << 20;

/// One thing to check.
#[derive(Clone, Debug)]
pub struct Input {
    /// How reports call it.
    pub name: String,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    Stdin,
    Nowhere(Problem),
}

impl Input {
    /// A file.
    pub fn file(path: impl Into<PathBuf>) -> Input {
        let path = path.into();
        Input { name: path.display().to_string(), place: Place::File(path) }
    }

    /// The standard input.
    pub fn stdin() -> Input {
        Input { name: "<stdin>".into(), place: Place::Stdin }
    }

    fn nowhere(path: &Path, problem: Problem) -> Input {
        Input { name: path.display().to_string(), place: Place::Nowhere(problem) }
    }

    /// Reads the source. Bytes that are not UTF-8 (old tests have them in comments) become replacement characters.
    ///
    /// # Errors
    /// What is wrong with the path, the file or its size.
    pub fn read(&self) -> Result<String, Problem> {
        match &self.place {
            Place::Nowhere(problem) => Err(problem.clone()),
            Place::Stdin => read_bounded(io::stdin().lock()),
            Place::File(path) => {
                let file = File::open(path).map_err(|e| unreadable(&e))?;
                if file.metadata().is_ok_and(|m| m.is_dir()) {
                    return Err(Problem::new("is a directory"));
                }
                read_bounded(file)
            }
        }
    }
}

fn read_bounded(from: impl Read) -> Result<String, Problem> {
    let mut bytes = Vec::new();
    from.take(MAX_SOURCE + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&e))?;
    if bytes.len() as u64 > MAX_SOURCE {
        return Err(Problem::new("longer than 1 MiB").with_help("a litmus test is a few lines of C; is this one?"));
    }
    if bytes.contains(&0) {
        return Err(Problem::new("not a text").with_help("a litmus test is a few lines of C; is this one?"));
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// What is wrong, without the path: reports name it.
fn unreadable(error: &io::Error) -> Problem {
    let problem = Problem::new(format!("cannot be read: {}", describe(error)));
    match error.kind() {
        io::ErrorKind::NotFound => problem.with_help("name a .litmus file, a directory of them, or @LIST"),
        io::ErrorKind::PermissionDenied => problem.with_help("make it readable, for instance with chmod +r"),
        _ => problem,
    }
}

/// The error in words, without the number that the standard library appends.
fn describe(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// Turns paths into inputs: a directory into every `*.litmus` in it and below, sorted by name; `@FILE` (and, as in herd7, a file whose own
/// name starts with `@`) into the paths that it lists, one a line, lines that start with `#` left out; `-` into the
/// standard input.
///
/// A path in a list is relative to the list's own directory, as in herd7, or else to the working directory.
pub fn expand(paths: &[PathBuf]) -> Vec<Input> {
    let mut inputs = Vec::new();
    for path in paths {
        expand_one(path, &mut Vec::new(), &mut inputs);
    }
    inputs
}

/// `open` are the lists that are being read, the outermost first.
fn expand_one(path: &Path, open: &mut Vec<PathBuf>, inputs: &mut Vec<Input>) {
    if path.as_os_str() == "-" {
        inputs.push(Input::stdin());
    } else if let Some(list) = list_path(path) {
        expand_list(&list, open, inputs);
    } else if path.is_dir() {
        expand_directory(path, inputs);
    } else {
        inputs.push(Input::file(path));
    }
}

/// The file that holds a list, if the path stands for one.
fn list_path(path: &Path) -> Option<PathBuf> {
    let named = |text: Option<&str>| text.is_some_and(|t| t.len() > 1 && t.starts_with('@'));
    if named(path.file_name().and_then(|n| n.to_str())) && path.is_file() {
        return Some(path.to_path_buf());
    }
    let text = path.to_str().filter(|t| named(Some(t)))?;
    Some(PathBuf::from(&text[1..]))
}

fn expand_list(list: &Path, open: &mut Vec<PathBuf>, inputs: &mut Vec<Input>) {
    let identity = list.canonicalize().unwrap_or_else(|_| list.to_path_buf());
    if open.contains(&identity) {
        let problem = Problem::new("the list names itself");
        return inputs.push(Input::nowhere(list, problem.with_help("take its name out of it")));
    }
    if open.len() == MAX_NESTING {
        let problem = Problem::new(format!("lists name lists more than {MAX_NESTING} deep"));
        return inputs.push(Input::nowhere(list, problem.with_help("name their entries in one list")));
    }
    let mut bytes = Vec::new();
    let text = match File::open(list).and_then(|file| file.take(MAX_LIST).read_to_end(&mut bytes)) {
        Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => {
            let problem = Problem::new(format!("the list cannot be read: {}", describe(&error)));
            return inputs.push(Input::nowhere(list, problem.with_help("@LIST is a file that holds one path a line")));
        }
    };
    let base = list.parent().unwrap_or(Path::new(""));
    let entries: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    if entries.is_empty() {
        let problem = Problem::new("the list is empty");
        return inputs.push(Input::nowhere(list, problem.with_help("@LIST is a file that holds one path a line")));
    }
    open.push(identity);
    for entry in entries {
        if inputs.len() >= MAX_LISTED {
            if inputs.len() == MAX_LISTED {
                let problem = Problem::new(format!("lists name more than {MAX_LISTED} tests"));
                inputs.push(Input::nowhere(
                    list,
                    problem.with_help("the first of them were checked; name fewer at a time"),
                ));
            }
            break;
        }
        let beside = base.join(entry);
        let path = if beside.exists() { beside } else { PathBuf::from(entry) };
        expand_one(&path, open, inputs);
    }
    open.pop();
}

fn expand_directory(directory: &Path, inputs: &mut Vec<Input>) {
    let before = inputs.len();
    for entry in WalkDir::new(directory).sort_by_file_name() {
        match entry {
            Ok(entry) => {
                let is_test = entry.path().extension().is_some_and(|e| e == "litmus");
                if is_test && !entry.path().is_dir() {
                    inputs.push(Input::file(entry.into_path()));
                }
            }
            Err(error) => {
                let path = error.path().unwrap_or(directory).to_path_buf();
                let problem = match error.io_error() {
                    Some(io) => unreadable(io),
                    None => Problem::new(error.to_string()),
                };
                inputs.push(Input::nowhere(&path, problem));
            }
        }
    }
    if inputs.len() == before {
        let problem = Problem::new("no litmus test in this directory");
        inputs.push(Input::nowhere(directory, problem.with_help("tests in a directory are files named *.litmus")));
    }
}

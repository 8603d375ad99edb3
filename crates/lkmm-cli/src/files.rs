//! What a user names, as a list of inputs.
//!
//! Nothing is lost on the way: a path that is not there, a directory without tests or a list that cannot be read becomes an input
//! whose [`read`](Input::read) says what is wrong, so that it is reported in its place while the others are checked.

use lkmm_report::Problem;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;
use walkdir::WalkDir;

/// The largest source that is read, in bytes. The longest test that people have written has some ten thousand.
pub const MAX_SOURCE: u64 = 1 << 20;
/// The largest list that is read, in bytes.
const MAX_LIST: u64 = 1 << 26;
/// The longest line in it: no path is longer.
const MAX_PATH: usize = 4096;
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

    /// The file that it is, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Stdin | Place::Nowhere(_) => None,
        }
    }

    fn nowhere(path: &Path, problem: Problem) -> Input {
        Input { name: path.display().to_string(), place: Place::Nowhere(problem) }
    }

    /// Reads the source. Bytes that are not UTF-8 (old tests have them in comments) become replacement characters. Of
    /// what may never come (the standard input, a pipe) no more is waited for than `timeout`.
    ///
    /// # Errors
    /// What is wrong with the path, the file or its size.
    pub fn read(&self, timeout: Option<Duration>) -> Result<String, Problem> {
        match &self.place {
            Place::Nowhere(problem) => return Err(problem.clone()),
            Place::Stdin => in_time(timeout, || read_at_most(MAX_SOURCE, io::stdin().lock()))?,
            Place::File(path) if fs::metadata(path).is_ok_and(|m| m.is_dir()) => {
                return Err(Problem::new("is a directory"));
            }
            Place::File(path) => read_path(path, MAX_SOURCE, timeout)?,
        }
        .map_err(|error| unreadable(&error))
        .and_then(source)
    }
}

/// Reads a file, or what comes through a pipe in time, and one byte more than `most` if there is so much.
fn read_path(path: &Path, most: u64, timeout: Option<Duration>) -> Result<io::Result<Vec<u8>>, Problem> {
    let from = path.to_path_buf();
    let read = move || read_at_most(most, File::open(from)?);
    // Whoever opens a pipe waits for its other end.
    if fs::metadata(path).is_ok_and(|m| !m.is_file()) { in_time(timeout, read) } else { Ok(read()) }
}

fn read_at_most(most: u64, from: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Does what may wait for ever, and gives up waiting for it when time is up.
fn in_time<T: Send + 'static>(
    timeout: Option<Duration>,
    read: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    let Some(limit) = timeout else { return Ok(read()) };
    let (sender, receiver) = mpsc::channel();
    let reader = move || drop(sender.send(read()));
    let started = std::thread::Builder::new().spawn(reader);
    started.map_err(|error| Problem::new(format!("cannot start a thread: {error}")))?;
    receiver.recv_timeout(limit).map_err(|_| {
        let problem = Problem::new(format!("cannot be read: nothing came within {} s", limit.as_secs_f64()));
        problem.with_help("does somebody write to the other end of the pipe?")
    })
}

fn source(bytes: Vec<u8>) -> Result<String, Problem> {
    if bytes.len() as u64 > MAX_SOURCE {
        return Err(Problem::new("longer than 1 MiB").with_help("a litmus test is a few lines of code; is this one?"));
    }
    if bytes.contains(&0) {
        return Err(Problem::new("not a text").with_help("a litmus test is a few lines of code; is this one?"));
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
///
/// For a list that comes through a pipe no longer is waited than `timeout`.
pub fn expand(paths: &[PathBuf], timeout: Option<Duration>) -> Vec<Input> {
    let mut inputs = Vec::new();
    for path in paths {
        expand_one(path, &mut Lists { open: Vec::new(), timeout }, &mut inputs);
    }
    inputs
}

/// The lists that are being read.
struct Lists {
    /// The outermost first.
    open: Vec<PathBuf>,
    timeout: Option<Duration>,
}

fn expand_one(path: &Path, lists: &mut Lists, inputs: &mut Vec<Input>) {
    if path.as_os_str() == "-" {
        inputs.push(Input::stdin());
    } else if let Some(list) = list_path(path) {
        expand_list(&list, lists, inputs);
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

fn expand_list(list: &Path, lists: &mut Lists, inputs: &mut Vec<Input>) {
    let identity = list.canonicalize().unwrap_or_else(|_| list.to_path_buf());
    if lists.open.contains(&identity) {
        let problem = Problem::new("the list names itself");
        return inputs.push(Input::nowhere(list, problem.with_help("take its name out of it")));
    }
    if lists.open.len() == MAX_NESTING {
        let problem = Problem::new(format!("lists name lists more than {MAX_NESTING} deep"));
        return inputs.push(Input::nowhere(list, problem.with_help("name their entries in one list")));
    }
    let text = match read_list(list, lists.timeout) {
        Ok(text) => text,
        Err(problem) => return inputs.push(Input::nowhere(list, problem)),
    };
    let base = list.parent().unwrap_or(Path::new(""));
    let entries: Vec<&str> = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')).collect();
    if entries.is_empty() {
        return inputs.push(Input::nowhere(list, Problem::new("the list is empty").with_help(LIST)));
    }
    lists.open.push(identity);
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
        expand_one(&path, lists, inputs);
    }
    lists.open.pop();
}

/// What a list is.
const LIST: &str = "@LIST is a file that holds one path a line";

fn read_list(list: &Path, timeout: Option<Duration>) -> Result<String, Problem> {
    let bytes = read_path(list, MAX_LIST, timeout)?
        .map_err(|error| Problem::new(format!("the list cannot be read: {}", describe(&error))).with_help(LIST))?;
    if bytes.len() as u64 > MAX_LIST {
        return Err(Problem::new(format!("the list is longer than {} MiB", MAX_LIST >> 20)).with_help(LIST));
    }
    if bytes.contains(&0) || bytes.split(|&b| b == b'\n').any(|line| line.len() > MAX_PATH) {
        return Err(Problem::new("the list is not one of paths").with_help(LIST));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn expand_directory(directory: &Path, inputs: &mut Vec<Input>) {
    let before = inputs.len();
    for entry in WalkDir::new(directory).sort_by_file_name() {
        match entry {
            Ok(entry) => {
                let path = entry.into_path();
                if path.extension().is_none_or(|e| e != "litmus") || path.is_dir() {
                    continue;
                }
                inputs.push(if fs::metadata(&path).is_ok_and(|m| !m.is_file()) {
                    let problem = Problem::new("is a pipe or a device");
                    Input::nowhere(&path, problem.with_help("name it itself to have it read"))
                } else {
                    Input::file(path)
                });
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

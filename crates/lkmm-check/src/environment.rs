//! What the environment says of models, so that a front end can say it of all models of a test run.
//!
//! | variable | is |
//! |---|---|
//! | `LKMM_MAX_EXECUTIONS` | the number of executions after which a search ends |
//! | `LKMM_TIMEOUT` | the time after which a search ends, in seconds |
//! | `LKMM_JOBS` | the number of processors that one search uses (0: all there are) |
//! | `LKMM_RANDOM` | the number of random walks that take the place of the search |
//! | `LKMM_SEED` | what the walks follow from |
//! | `LKMM_PREEMPTIONS` | the number of preemptions that no execution goes beyond, if there are no walks |
//! | `LKMM_PROGRESS` | whether a line says how far a search is: `auto` (on a terminal), `never` or `always` |
//! | `LKMM_REPLAY` | the token of the execution to be run again, by the model that it is of |
//! | `LKMM_REPORTS` | the folder of failures, and of the summary of all models |

use lkmm_search::open::Strategy;
use std::path::PathBuf;
use std::time::Duration;

/// What takes the place of [`Builder::max_executions`](crate::Builder::max_executions).
pub(crate) fn max_executions() -> Option<u64> {
    variable("LKMM_MAX_EXECUTIONS", "a number of executions", |text| text.parse().ok())
}

/// What takes the place of [`Builder::timeout`](crate::Builder::timeout).
pub(crate) fn timeout() -> Option<Duration> {
    let seconds = |text: &str| Duration::try_from_secs_f64(text.parse().ok()?).ok();
    variable("LKMM_TIMEOUT", "a number of seconds", seconds)
}

/// What takes the place of [`Builder::jobs`](crate::Builder::jobs).
pub(crate) fn jobs() -> Option<usize> {
    variable("LKMM_JOBS", "a number of jobs", |text| text.parse().ok())
}

/// What takes the place of [`Builder::strategy`](crate::Builder::strategy).
pub(crate) fn strategy() -> Option<Strategy> {
    let preemptions = variable("LKMM_PREEMPTIONS", "a number of preemptions", |text| text.parse().ok());
    let Some(n) = variable("LKMM_RANDOM", "a number of random walks", |text| text.parse().ok()) else {
        return preemptions.map(Strategy::Preemptions);
    };
    let seed = variable("LKMM_SEED", "a seed (a number)", |text| text.parse().ok()).unwrap_or(0);
    Some(Strategy::Random { seed, n })
}

/// Is a line to say how far a search is? If nothing is said, it is on a terminal that can go back to a line, unless this is a
/// service that builds (`CI`), or cargo is to show no progress either.
pub(crate) fn progress(is_terminal: impl FnOnce() -> bool) -> bool {
    let meaning = |text: &str| match text {
        "auto" => Some(None),
        "always" => Some(Some(true)),
        "never" => Some(Some(false)),
        _ => None,
    };
    let is = |name: &str, value: &str| std::env::var_os(name).is_some_and(|v| v == value);
    let is_service = || std::env::var_os("CI").is_some_and(|v| !v.is_empty() && v != "false");
    let wanted = variable("LKMM_PROGRESS", "`auto`, `always` or `never`", meaning).flatten();
    wanted.unwrap_or_else(|| {
        is_terminal() && !is("TERM", "dumb") && !is_service() && !is("CARGO_TERM_PROGRESS_WHEN", "never")
    })
}

/// What takes the place of [`Builder::replay`](crate::Builder::replay), where that says nothing: a token.
pub(crate) fn replay() -> Option<String> {
    let text = std::env::var_os("LKMM_REPLAY").filter(|text| !text.is_empty())?;
    Some(text.to_string_lossy().into_owned())
}

/// The folder of reports.
pub(crate) fn reports() -> Option<PathBuf> {
    std::env::var_os("LKMM_REPORTS").filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// The value of a variable; nobody should believe that one counts which does not.
fn variable<T>(name: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text = std::env::var_os(name).filter(|text| !text.is_empty())?;
    match text.to_str().and_then(parse) {
        Some(value) => Some(value),
        None => panic!("{name}={} is not {what}", text.to_string_lossy()),
    }
}

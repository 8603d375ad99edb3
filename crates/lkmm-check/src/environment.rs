//! What the environment says of models, so that a front end can say it of all models of a test run.
//!
//! | variable | is |
//! |---|---|
//! | `LKMM_MAX_EXECUTIONS` | the number of executions after which a search ends |
//! | `LKMM_TIMEOUT` | the time after which a search ends, in seconds |
//! | `LKMM_RANDOM` | the number of random walks that take the place of the search |
//! | `LKMM_SEED` | what the walks follow from |
//! | `LKMM_REPORTS` | the folder of failures, and of the summary of all models |
//!
//! (`LKMM_REPLAY` is read where tokens are.)

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

/// What takes the place of [`Builder::strategy`](crate::Builder::strategy).
pub(crate) fn strategy() -> Option<Strategy> {
    let n = variable("LKMM_RANDOM", "a number of random walks", |text| text.parse().ok())?;
    let seed = variable("LKMM_SEED", "a seed (a number)", |text| text.parse().ok()).unwrap_or(0);
    Some(Strategy::Random { seed, n })
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

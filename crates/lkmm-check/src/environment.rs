//! What the environment says of models, so that a front end can say it of all models of a test run.
//!
//! | variable | is |
//! |---|---|
//! | `LKMM_MAX_EXECUTIONS` | the number of executions after which a search ends |
//! | `LKMM_TIMEOUT` | the time after which a search ends, in seconds |
//!
//! (`LKMM_REPLAY` is read where tokens are.)

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

/// The value of a variable; nobody should believe that one counts which does not.
fn variable<T>(name: &str, what: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
    let text = std::env::var_os(name).filter(|text| !text.is_empty())?;
    match text.to_str().and_then(parse) {
        Some(value) => Some(value),
        None => panic!("{name}={} is not {what}", text.to_string_lossy()),
    }
}

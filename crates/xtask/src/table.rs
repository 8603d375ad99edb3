//! The table at the end of a test run.

use std::time::Duration;

/// What came of one suite.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) suite: String,
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
    pub(crate) time: Duration,
    /// Why something was skipped or failed, in a few words.
    pub(crate) note: String,
}

/// Prints the suites, and last the line that scripts read. Returns whether nothing failed.
pub(crate) fn print(rows: &[Row]) -> bool {
    let width = rows.iter().map(|r| r.suite.chars().count()).max().unwrap_or(0).max("suite".len());
    println!("\n{:<width$}  {:>7}  {:>7}  {:>7}  {:>8}", "suite", "passed", "failed", "skipped", "seconds");
    for row in rows {
        let Row { suite, passed, failed, skipped, time, note } = row;
        let seconds = time.as_secs_f64();
        let line = format!("{suite:<width$}  {passed:>7}  {failed:>7}  {skipped:>7}  {seconds:>8.1}  {note}");
        println!("{}", line.trim_end());
    }
    let sum = |count: fn(&Row) -> u64| rows.iter().map(count).sum::<u64>();
    let (passed, failed, skipped) = (sum(|r| r.passed), sum(|r| r.failed), sum(|r| r.skipped));
    println!("\n{passed} passed, {failed} failed, {skipped} skipped");
    failed == 0
}

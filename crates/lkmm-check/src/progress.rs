//! One line on the terminal, for who waits for a model: how far its search is.
//!
//! A model that takes longer than a moment is named on the standard error, if that is a terminal, below whatever the test harness is
//! writing: the line is drawn under the cursor, which goes back to where it was. It is drawn again a few times a second, and erased when
//! the model has ended. Test threads explore models at the same time; these take turns.
//!
//! A thread of its own draws. It looks at numbers that the searches leave ([`Progress`]), so they know nothing of it, and it ends
//! when there is no model any more.

use crate::environment;
use crate::report::rounded;
use lkmm_search::open::Progress;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write, stderr};
use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A model that has ended by then is not worth a line.
const PATIENCE: Duration = Duration::from_secs(1);

/// So often the line is drawn.
const PERIOD: Duration = Duration::from_millis(200);

/// So many times in a row it is about the same model, if there are several.
const TURN: usize = 8;

/// Goes to the line below, which may have to be made first, leaves a mark in the line above, and sees to it that what is too long for the
/// terminal is cut.
const BEGIN: &str = "\x1bD\x1b[A\x1b7\x1b[B\r\x1b[K\x1b[?7l";

/// Goes back to the mark.
const END: &str = "\x1b[?7h\x1b8";

/// A model whose line may be drawn. It is no longer when this is dropped.
pub(crate) struct Shown(Arc<Model>);

struct Model {
    name: String,
    started: Instant,
    /// What the search says.
    progress: Arc<Progress>,
    /// When it ends at the latest, and after how many executions.
    deadline: Option<Instant>,
    max_executions: Option<u64>,
    /// An execution has failed.
    has_failed: AtomicBool,
}

/// The models that are being explored.
struct Screen {
    models: Vec<Arc<Model>>,
    /// There is a thread that draws.
    has_thread: bool,
    /// There is a line.
    is_drawn: bool,
}

static SCREEN: Mutex<Screen> = Mutex::new(Screen { models: Vec::new(), has_thread: false, is_drawn: false });

/// Shows how far the search for a model is from now on, which is explored from this place; `None` if nobody wants to see it.
pub(crate) fn show(
    place: &Location<'_>,
    progress: Arc<Progress>,
    deadline: Option<Instant>,
    max_executions: Option<u64>,
) -> Option<Shown> {
    if !environment::progress(|| stderr().is_terminal()) {
        return None;
    }
    let thread = thread::current();
    let name = match thread.name() {
        Some(test) if test != "main" => test.to_string(),
        _ => format!("{}:{}", crate::picture::short(place.file()), place.line()),
    };
    let (started, has_failed) = (Instant::now(), AtomicBool::new(false));
    let model = Arc::new(Model { name, started, progress, deadline, max_executions, has_failed });
    let mut screen = screen();
    screen.models.push(model.clone());
    if !screen.has_thread {
        screen.has_thread = thread::Builder::new().name("lkmm progress".into()).spawn(draw_on).is_ok();
    }
    Some(Shown(model))
}

fn screen() -> MutexGuard<'static, Screen> {
    SCREEN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shown {
    /// An execution failed: what follows is the search for a smaller one.
    pub(crate) fn fail(&self) {
        self.0.has_failed.store(true, Ordering::Relaxed);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let mut screen = screen();
        screen.models.retain(|model| !Arc::ptr_eq(model, &self.0));
        if screen.is_drawn {
            screen.draw("");
        }
    }
}

/// Draws the line again and again.
fn draw_on() {
    for turn in 0.. {
        thread::sleep(PERIOD);
        let mut screen = screen();
        if screen.models.is_empty() {
            screen.has_thread = false;
            return;
        }
        let now = Instant::now();
        let line = line(&screen.models, turn / TURN, now);
        if screen.is_drawn || !line.is_empty() {
            screen.draw(&line);
        }
    }
}

impl Screen {
    /// Draws a line, or none. That it cannot be drawn is of no interest.
    fn draw(&mut self, line: &str) {
        self.is_drawn = !line.is_empty();
        let _ = stderr().write_all(format!("{BEGIN}{line}{END}").as_bytes());
    }
}

/// The line: about one of the models that take long, and how many there are if it is not alone. Empty if none takes long.
fn line(models: &[Arc<Model>], turn: usize, now: Instant) -> String {
    let long: Vec<_> = models.iter().filter(|model| now.duration_since(model.started) >= PATIENCE).collect();
    match long[..] {
        [] => String::new(),
        [model] => model.line(now),
        _ => format!("{} models: {}", long.len(), long[turn % long.len()].line(now)),
    }
}

impl Model {
    fn line(&self, now: Instant) -> String {
        let Model { name, progress, .. } = self;
        if self.has_failed.load(Ordering::Relaxed) {
            return format!("{name}: failed; looking for a smaller execution that does");
        }
        let (executions, share) = (progress.executions(), progress.share());
        let time = now.duration_since(self.started);
        let mut line = format!("{name}: {executions} executions");
        if let Some(estimate) = progress.estimate() {
            let _ = write!(line, " of about {}", rounded(estimate));
        }
        let _ = write!(line, ", {} a second, {} done", rounded(executions as f64 / time.as_secs_f64()), percent(share));
        if let Some(left) = self.left(executions, share, time, now) {
            let _ = write!(line, ", about {} left", words(left));
        }
        line
    }

    /// How long it still takes, if that can be told.
    fn left(&self, executions: u64, share: f64, time: Duration, now: Instant) -> Option<Duration> {
        let by_share = (share > 0.0).then(|| time.as_secs_f64() * (1.0 - share).max(0.0) / share);
        let by_count = |most: u64| most.saturating_sub(executions) as f64 / executions as f64 * time.as_secs_f64();
        let by_count = self.max_executions.filter(|_| executions > 0).map(by_count);
        let by_clock = self.deadline.map(|deadline| deadline.saturating_duration_since(now).as_secs_f64());
        let least = [by_share, by_count, by_clock].into_iter().flatten().reduce(f64::min)?;
        // What takes years takes too long, and nobody knows how long.
        Duration::try_from_secs_f64(least).ok().filter(|left| left.as_secs() < 100 * 86400)
    }
}

fn percent(share: f64) -> String {
    match 100.0 * share {
        percent @ 10.0.. => format!("{:.0}%", percent.min(100.0).floor()),
        percent @ 0.1.. => format!("{percent:.1}%"),
        _ => "less than 0.1%".to_string(),
    }
}

/// A time, as far as it is of interest.
fn words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lkmm_model::build::ProgramBuilder;
    use lkmm_model::event::Mode;
    use lkmm_model::models;
    use lkmm_search::open::{ClosedProgram, Options, explore};
    use std::ops::ControlFlow;
    use std::slice;

    /// Four writers, of whose 24 executions the search has found the first 12.
    fn half_done() -> Arc<Progress> {
        let mut program = ProgramBuilder::new();
        let x = program.location("x", 0);
        for value in 1..=4 {
            program.thread().write(Mode::Once, x, value);
        }
        let (program, progress) = (program.finish(), Arc::new(Progress::default()));
        let options =
            Options { progress: Some(progress.clone()), max_executions: Some(12), ..Options::new(models::lkmm()) };
        explore(&mut ClosedProgram::new(&program), &options, &mut |_| ControlFlow::Continue(()))
            .expect("the program has a meaning");
        progress
    }

    fn model(name: &str, progress: Arc<Progress>, started: Instant) -> Arc<Model> {
        let name = name.to_string();
        let has_failed = AtomicBool::new(false);
        Arc::new(Model { name, started, progress, deadline: None, max_executions: None, has_failed })
    }

    #[test]
    fn a_line_says_how_far_a_search_is() {
        let started = Instant::now();
        let writers = model("writers", half_done(), started);
        assert_eq!(line(slice::from_ref(&writers), 0, started + Duration::from_millis(900)), "");
        let now = started + Duration::from_secs(6);
        let expected = "writers: 12 executions of about 24, 2 a second, 50% done, about 6 s left";
        assert_eq!(line(slice::from_ref(&writers), 0, now), expected);
        let until = |deadline, max_executions| Model {
            name: "writers".into(),
            progress: writers.progress.clone(),
            has_failed: AtomicBool::new(false),
            started,
            deadline,
            max_executions,
        };
        assert!(until(Some(now + Duration::from_secs(4)), None).line(now).ends_with("about 4 s left"));
        assert!(until(None, Some(16)).line(now).ends_with("about 2 s left"));
        writers.has_failed.store(true, Ordering::Relaxed);
        assert_eq!(line(&[writers], 0, now), "writers: failed; looking for a smaller execution that does");
    }

    #[test]
    fn models_take_turns() {
        let started = Instant::now();
        let fresh = || Arc::new(Progress::default());
        let later = started + Duration::from_secs(3600);
        let models = [model("a", fresh(), started), model("b", fresh(), started), model("c", fresh(), later)];
        let lines: Vec<String> = (0..3).map(|turn| line(&models, turn, later)).collect();
        assert_eq!(lines[0], "2 models: a: 0 executions, 0 a second, less than 0.1% done");
        assert_eq!(lines[1], "2 models: b: 0 executions, 0 a second, less than 0.1% done");
        assert_eq!(lines[2], lines[0]);
    }

    #[test]
    fn numbers_are_as_long_as_they_say_something() {
        assert_eq!(
            [1.0, 0.996, 0.1234, 0.01234, 0.0009].map(percent),
            ["100%", "99%", "12%", "1.2%", "less than 0.1%"]
        );
        let times = [3, 119, 120, 7199, 7200, 200_000].map(|seconds| words(Duration::from_secs(seconds)));
        assert_eq!(times, ["3 s", "119 s", "2 min", "119 min", "2 h", "2 days"]);
    }
}

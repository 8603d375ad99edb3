//! What an exploration came to.

use crate::explain::Explanation;
use crate::json;
use crate::panics::SourcePlace;
use crate::picture::Picture;
use crate::replay;
use crate::runtime::ClosureProgram;
use lkmm_report::svg;
use lkmm_search::open::{Statistics, Strategy};
use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// A thread panicked: an assertion, say.
    Panic,
    /// Two accesses race, at least one of which is plain, and a write.
    DataRace,
    /// An object is used that the model heap allocated, and this is not ordered before it is freed.
    UseAfterFree,
    /// An object is freed twice.
    DoubleFree,
    /// An object is never freed ([`Builder::leaks`](crate::Builder::leaks)).
    Leak,
    /// A variable is read that nothing has initialised: a `Slot` of crate `lkmm`, or what the model heap has handed out.
    Uninit,
    /// Threads wait for a lock, for a thread that waits, or for a reader that does.
    Deadlock,
    /// Threads wait for others to do something, and none will.
    Livelock,
    /// A lock is released by a thread that does not hold it, its memory is used otherwise, or a thread may sleep with a
    /// spinlock held or in a reader of RCU.
    LockMisuse,
    /// A reader does not end, ends twice, or waits for readers.
    RcuMisuse,
    /// An execution fails that a dependency forbids which shows when the code runs, but is not declared. In
    /// [`DependencyMode::Declared`](crate::DependencyMode::Declared) only.
    UndeclaredDependency,
    /// Given the same values again, a thread did something else.
    Nondeterminism,
    /// A [token](Failure::replay_token) does not fit the code.
    Replay,
    /// An execution is larger than what can be judged.
    TooLarge,
}

impl FailureKind {
    /// What usually helps, when no order is missing.
    fn advice(self) -> Option<&'static str> {
        Some(match self {
            FailureKind::Panic => {
                "make one step of what others must not see halfway: one atomic operation, or a lock around it"
            }
            FailureKind::DataRace => "mark the accesses (`Atomic`, with Relaxed), or hold one lock around both",
            FailureKind::UseAfterFree => {
                "free the object when nobody can reach it: remove it, wait for the readers (`synchronize_rcu`), free it; or count references"
            }
            FailureKind::DoubleFree => "let the thread free it that took it away, with `xchg` or `cmpxchg`",
            FailureKind::Leak => "let somebody own it until it is freed",
            FailureKind::Uninit => {
                "write it before others are told that it is there, and read only what one was told of"
            }
            FailureKind::Deadlock => {
                "take locks in one order everywhere, each once, release them, and wait for readers outside of readers"
            }
            FailureKind::Livelock => {
                "see to it that some thread does what this one waits for, whatever happened before"
            }
            FailureKind::LockMisuse => "release a lock where it was taken, through its guard",
            FailureKind::RcuMisuse => {
                "end each reader once, in the domain where it began, and sleep outside of readers"
            }
            FailureKind::Nondeterminism => {
                "take random numbers, times and addresses out of the model, or choose them with `check::any`; let the last `Arc` of \
                 `std` whose object does operations when it is dropped go after all joins, or make it an `lkmm::refcount::Arc`, whose \
                 count the model sees"
            }
            _ => return None,
        })
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            FailureKind::Panic => "a thread panicked",
            FailureKind::DataRace => "data race",
            FailureKind::UseAfterFree => "use after free",
            FailureKind::DoubleFree => "double free",
            FailureKind::Leak => "leak",
            FailureKind::Uninit => "uninitialised read",
            FailureKind::Deadlock => "deadlock",
            FailureKind::Livelock => "livelock",
            FailureKind::LockMisuse => "misuse of a lock",
            FailureKind::RcuMisuse => "misuse of RCU",
            FailureKind::UndeclaredDependency => "undeclared dependency",
            FailureKind::Nondeterminism => "the code is not deterministic",
            FailureKind::Replay => "replay failed",
            FailureKind::TooLarge => "an execution is too large",
        })
    }
}

/// An execution with something wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) locations: Vec<SourcePlace>,
    pub(crate) picture: Option<Picture>,
    pub(crate) explanation: Explanation,
    pub(crate) token: Option<String>,
    /// The name of the test, if this is one.
    pub(crate) test: Option<String>,
    /// Where it was written to; or why it could not be.
    pub(crate) file: Option<Result<PathBuf, String>>,
}

impl Failure {
    /// Without an execution.
    pub(crate) fn new(kind: FailureKind, message: String, locations: Vec<SourcePlace>) -> Self {
        Failure {
            kind,
            message,
            locations,
            picture: None,
            explanation: Explanation::default(),
            token: None,
            test: None,
            file: None,
        }
    }

    /// What is wrong.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// A sentence on it; for a panic, what the thread said.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The execution in a few characters: where `LKMM_REPLAY` is set to them, `cargo test` with the name of the test runs that execution alone,
    /// and [`Builder::replay`](crate::Builder::replay) does so anywhere. `None` if the code cannot be explored at all.
    pub fn replay_token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The places in the source that have to do with it: where a thread panicked, the accesses that race, where threads wait.
    pub fn locations(&self) -> &[SourcePlace] {
        &self.locations
    }

    /// Why nothing forbids the execution: sentences that name the orders that are missing. They speak of operations by the numbers that
    /// they have in the text and the picture.
    pub fn why(&self) -> &[String] {
        &self.explanation.why
    }

    /// What would forbid the execution: one change, or several that are needed together. Empty if no order within threads does.
    ///
    /// That this one execution is forbidden then is certain. There may be others.
    pub fn mend(&self) -> &[String] {
        &self.explanation.mend
    }

    /// Where the picture was written to, if reports are ([`Builder::reports`](crate::Builder::reports)): beside it are the text and JSON.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_ref()?.as_ref().ok().map(PathBuf::as_path)
    }

    /// The failure as one JSON object.
    ///
    /// Its keys: `kind`, `sentence`, `why`, `mend`, `locations` (each `{"file","line","column"}`), `threads` (each `{"thread","ending"}`),
    /// `events`, `rf`, `co` and `fr` (pairs of events; of `co` and `fr`, the steps to the next write of another thread), and `token`.
    /// An event has `id`, `thread` (null for an initial write), `operation` (its number in the text: the events of an atomic operation share
    /// one), `kind`, `text`, `variable`, `value` (as text), `marked` (the failure is about it), `file`, `line` and `column`.
    pub fn to_json(&self) -> String {
        json::failure(self)
    }

    /// The execution as a picture: an SVG file that needs nothing else. `None` if the code cannot be explored at all.
    pub fn to_svg(&self) -> Option<String> {
        let picture = self.picture.as_ref()?;
        let mut diagram = picture.diagram();
        diagram.title = self.kind.to_string();
        diagram.subtitles = self.message.lines().map(str::to_string).collect();
        let names = picture.other_names().join("; ");
        diagram.notes = (!names.is_empty()).then(|| format!("{names}.")).into_iter().chain(self.sentences()).collect();
        Some(svg::draw(&diagram))
    }

    /// Why it can happen, and what would forbid it: lines, with the source lines that they are about.
    fn lines(&self) -> Vec<String> {
        let Explanation { why, code, mend } = &self.explanation;
        let mut lines = Vec::new();
        for (n, sentence) in why.iter().enumerate() {
            let head = if n == 0 { "Why:" } else { "    " };
            let code = code.get(n).map_or(&[][..], Vec::as_slice);
            lines.push(format!("{head} {sentence}{}", if code.is_empty() { "." } else { ":" }));
            lines.extend(code.iter().map(|line| format!("       {line}")));
        }
        if !lines.is_empty() {
            lines.push(String::new());
        }
        match &mend[..] {
            [] => lines.extend(self.usual()),
            [mend] => lines.push(format!("Mend: {mend}.")),
            [first, rest @ ..] => {
                lines.push(format!("Mend: {first},"));
                lines.extend(rest.iter().map(|mend| format!(" and: {mend},")));
                lines.push("      for no single change is enough.".to_string());
            }
        }
        lines
    }

    /// The same in sentences.
    fn sentences(&self) -> Vec<String> {
        let Explanation { why, mend, .. } = &self.explanation;
        let why = (!why.is_empty()).then(|| format!("Why: {}.", why.join("; ")));
        let mend = match &mend[..] {
            [] => self.usual(),
            [mend] => Some(format!("Mend: {mend}.")),
            _ => Some(format!("Mend: {}, for no single change is enough.", mend.join(", and "))),
        };
        why.into_iter().chain(mend).collect()
    }

    fn usual(&self) -> Option<String> {
        self.kind.advice().map(|advice| format!("What usually helps: {advice}."))
    }
}

/// What an exploration came to.
#[derive(Clone, Debug)]
pub struct Report {
    pub(crate) executions: u64,
    pub(crate) complete: bool,
    pub(crate) out_of_budget: bool,
    pub(crate) sampled: bool,
    pub(crate) preemptions: Option<u32>,
    pub(crate) symmetric: bool,
    /// What part of the search was done: the whole is 1.
    pub(crate) share: f64,
    pub(crate) unchecked: Vec<&'static str>,
    /// `LKMM_REPLAY` is a token, and not of this model.
    pub(crate) is_token_of_another: bool,
    pub(crate) failure: Option<Failure>,
}

/// What keeps a report from saying more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Memory was allocated, and not from the model heap.
    lacks_heap: bool,
    /// What is initialised looked like what is not.
    ignores_uninit: bool,
    /// Memory was accessed that was there before.
    captures: bool,
    /// Parts of variables were accessed.
    mixes_sizes: bool,
}

const NO_HEAP: &str = "without the model heap (`lkmm::check::heap!();` in the crate of the test), use of freed or uninitialised \
                       memory is not found, and memory that is freed and allocated again can lead the checker astray";
const NO_UNINIT: &str =
    "uninitialised reads were not looked for: a variable held just what the model heap fills memory with";
const CAPTURES: &str = "shared variables that were made before the model (that the closure captures, say) begin each run with what the run before has \
                        left: make them in the closure, or as statics";
const MIXED_SIZES: &str = "memory was accessed in pieces of different sizes, which were taken for different variables: what one of them writes is not seen \
                           through the other, and what orders them is not checked";
const LEFT_OUT: &str =
    "executions were left out in which a pointer is read before it is written: these, too, need the model heap";

impl Limits {
    pub(crate) fn of(program: &ClosureProgram) -> Self {
        let ignores_uninit = program.has_heap() && !program.fills_heap();
        let (captures, mixes_sizes) = (program.captures(), program.has_mixed_sizes());
        Limits { lacks_heap: program.lacks_heap(), ignores_uninit, captures, mixes_sizes }
    }

    /// Do all runs share memory that was there before?
    pub(crate) fn captures(self) -> bool {
        self.captures
    }

    /// These and those of another copy of the program.
    pub(crate) fn and(self, other: Limits) -> Self {
        Limits {
            lacks_heap: self.lacks_heap || other.lacks_heap,
            ignores_uninit: self.ignores_uninit || other.ignores_uninit,
            captures: self.captures || other.captures,
            mixes_sizes: self.mixes_sizes || other.mixes_sizes,
        }
    }
}

impl Report {
    /// What the search came to.
    pub(crate) fn of(statistics: &Statistics, strategy: Strategy, limits: Limits, failure: Option<Failure>) -> Self {
        let bound = match strategy {
            Strategy::Preemptions(most) => Some(most),
            _ => None,
        };
        let Limits { lacks_heap, ignores_uninit, captures, mixes_sizes } = limits;
        let left_out = (statistics.has_left_out, LEFT_OUT);
        let unchecked = [
            (lacks_heap, NO_HEAP),
            (ignores_uninit, NO_UNINIT),
            (captures, CAPTURES),
            (mixes_sizes, MIXED_SIZES),
            left_out,
        ];
        let went_well = failure.is_none();
        let is_over = statistics.is_complete || statistics.has_sampled || statistics.has_reached_bound;
        Report {
            executions: statistics.executions,
            unchecked: unchecked.into_iter().filter(|(is_so, _)| *is_so).map(|(_, what)| what).collect(),
            complete: statistics.is_complete && !statistics.has_left_out && went_well,
            out_of_budget: !is_over && went_well,
            sampled: statistics.has_sampled && went_well,
            preemptions: bound.filter(|_| statistics.has_reached_bound && went_well),
            symmetric: statistics.has_symmetry,
            share: statistics.share,
            is_token_of_another: false,
            failure,
        }
    }

    /// Nothing could be explored.
    pub(crate) fn refused(failure: Failure) -> Self {
        Report {
            executions: 0,
            complete: false,
            out_of_budget: false,
            sampled: false,
            preemptions: None,
            symmetric: false,
            share: 0.0,
            unchecked: Vec::new(),
            is_token_of_another: false,
            failure: Some(failure),
        }
    }

    /// How many executions were explored. Each counts once, unless they are [random](crate::Strategy::Random).
    pub fn executions(&self) -> u64 {
        self.executions
    }

    /// Were these all that there are? Not if a budget ran out, if one of them failed, if the [strategy](crate::Strategy) asks for some of
    /// them only, or if some were left out ([`unchecked`](Self::unchecked)).
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Did a budget run out before the search came to its end?
    pub fn out_of_budget(&self) -> bool {
        self.out_of_budget
    }

    /// Were these all the [random](crate::Strategy::Random) ones that were asked for?
    pub fn sampled(&self) -> bool {
        self.sampled
    }

    /// Do some of the executions stand for others, which differ in nothing but which of several symmetric threads did what? (Those are
    /// the threads of `lkmm::thread::spawn_symmetric`.)
    pub fn symmetric(&self) -> bool {
        self.symmetric
    }

    /// The [bound](crate::Strategy::Preemptions) on preemptions, if these were all executions within it.
    pub fn preemptions(&self) -> Option<u32> {
        self.preemptions
    }

    /// About how many executions there are, those that were explored among them: exactly so many if these are all. The
    /// estimate takes what branches off at one place of the search to be of equal size (Knuth 1975). As a search begins in
    /// a corner, that can be wrong by orders of magnitude. [Random walks](crate::Strategy::Random) see more: their estimate is right on
    /// average, but if there are many more executions than walks, most estimates are too low, and a few far too high. `None` if nothing is
    /// known yet, or of those that have more [preemptions](crate::Strategy::Preemptions) than were allowed.
    pub fn estimate(&self) -> Option<f64> {
        if self.complete {
            return Some(self.executions as f64);
        }
        (self.preemptions.is_none() && self.executions > 0 && self.share > 0.0)
            .then(|| self.executions as f64 / self.share)
    }

    /// Was nothing checked, though the search came to its end?
    pub(crate) fn is_empty(&self) -> bool {
        self.executions == 0 && self.failure.is_none() && !self.out_of_budget
    }

    /// What could not be checked, in sentences: without the [model heap](crate::heap!), what needs it.
    pub fn unchecked(&self) -> &[&'static str] {
        &self.unchecked
    }

    /// What is to be known of all this, in sentences.
    pub(crate) fn notes(&self) -> impl Iterator<Item = &'static str> + '_ {
        let token = self.is_token_of_another.then_some(replay::OF_ANOTHER);
        self.unchecked.iter().copied().chain(token)
    }

    /// An execution that failed, if one did: the smallest of those that fail like the first, as far as a little search finds it.
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.executions;
        let s = if count == 1 { "" } else { "s" };
        let s = if self.symmetric { format!("{s} (up to symmetry)") } else { s.to_string() };
        match (&self.failure, self.preemptions) {
            (Some(failure), _) => write!(f, "{failure}\n({count} execution{s} explored)"),
            (None, None) if self.is_empty() => f.write_str("no execution comes to an end: nothing was checked"),
            (None, None) if !self.out_of_budget && !self.sampled => {
                write!(f, "{count} execution{s}, and all went well")
            }
            (None, _) if self.sampled => {
                let all = self.estimate().map_or(String::new(), |all| format!(" of about {}", rounded(all)));
                write!(f, "{count} random execution{s}{all}, and all went well")
            }
            (None, Some(most)) if count == 0 => {
                write!(f, "no execution has so few preemptions ({most} at most): nothing was checked")
            }
            (None, Some(most)) => {
                let preemptions = if most == 1 { "preemption" } else { "preemptions" };
                write!(f, "{count} execution{s} with at most {most} {preemptions}, and all went well")
            }
            (None, None) => {
                write!(
                    f,
                    "{count} execution{s}, and all went well; the budget ran out before the others were explored"
                )?;
                match self.estimate() {
                    Some(all) => write!(f, " (about {} are left)", rounded(all - count as f64)),
                    None => Ok(()),
                }
            }
        }?;
        self.notes().try_for_each(|what| write!(f, "\nMind: {what}."))
    }
}

/// An estimate, to two digits.
pub(crate) fn rounded(number: f64) -> String {
    match number {
        ..1e6 => {
            let unit = 10_f64.powf(number.max(1.0).log10().floor() - 1.0).max(1.0);
            format!("{}", (number / unit).round() * unit)
        }
        _ => format!("{number:.1e}"),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.kind, self.message)?;
        for place in &self.locations {
            writeln!(f, "  at {place}")?;
        }
        if let Some(picture) = &self.picture {
            write!(f, "\n{picture}")?;
        }
        let lines = self.lines();
        if !lines.is_empty() {
            writeln!(f)?;
        }
        lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        match &self.file {
            Some(Ok(path)) => writeln!(f, "\ndrawn in {}", path.display())?,
            Some(Err(error)) => writeln!(f, "\nno report was written: {error}")?,
            None => {}
        }
        match &self.token {
            Some(token) => {
                let test = self.test.as_deref().unwrap_or("<name of the test>");
                write!(f, "\nrun it again: LKMM_REPLAY={token} cargo test {test}")
            }
            None => Ok(()),
        }
    }
}

//! What a search answers.

use crate::open::OpenError;
use lkmm_model::graph::Execution;
use lkmm_model::program::{IllegalOperation, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The answer to a search of every execution of a program.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Executions whose final state satisfies the condition. (Within 0 and 1 when only the verdict was asked for.)
    pub positive: u64,
    /// Executions whose final state does not.
    pub negative: u64,
    /// Each final state with the number of its executions: the values of [`Program::observed`], in that order.
    ///
    /// [`Program::observed`]: lkmm_model::program::Program::observed
    pub states: BTreeMap<Vec<Value>, u64>,
    /// Names of the model's flags that some execution raised (`data-race`, …).
    pub flags: BTreeSet<&'static str>,
    /// Some control path was cut at the unroll bound, so outcomes may be missing.
    pub truncated: bool,
    /// Some execution holds a value that nothing determines (out of thin air).
    pub thin_air: bool,
    /// The first execution that satisfies the condition, if asked for.
    pub witness: Option<Box<Execution>>,
    /// The first execution that does not, if asked for.
    pub counter_witness: Option<Box<Execution>>,
    /// Executions that were judged, consistent or not: the work done.
    pub judged: u64,
}

/// How often the condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// In no execution (there may be none at all).
    Never,
    /// In some executions, and not in others.
    Sometimes,
    /// In every execution.
    Always,
}

impl Outcome {
    /// The verdict, as on herd7's `Observation` line.
    pub fn verdict(&self) -> Verdict {
        match (self.positive, self.negative) {
            (0, _) => Verdict::Never,
            (_, 0) => Verdict::Always,
            _ => Verdict::Sometimes,
        }
    }

    /// What is left of it when only the verdict is asked for.
    pub(crate) fn verdict_alone(self) -> Outcome {
        let (positive, negative) = (self.positive.min(1), self.negative.min(1));
        Outcome { positive, negative, states: BTreeMap::new(), flags: BTreeSet::new(), ..self }
    }
}

/// Why a search ended without an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SearchError {
    /// The deadline passed.
    Timeout(Duration),
    /// [`Options::max_executions`](crate::Options::max_executions) was reached.
    TooManyExecutions(u64),
    /// The final states take more than [`Options::memory`](crate::Options::memory).
    TooManyStates {
        /// States found.
        states: u64,
        /// Bytes that they may take.
        memory: u64,
    },
    /// What the expressions of the program depend on takes too much memory to tabulate.
    TooManyDependencies,
    /// One combination of control paths has more events than the engine represents.
    TooManyEvents {
        /// Events needed, the initial writes included.
        events: usize,
        /// Events possible.
        limit: usize,
    },
    /// A write goes to an address that is no location (a null or computed pointer); the event's origin.
    BadAddress {
        /// What the address evaluated to.
        value: Value,
        /// [`EventTemplate::origin`](lkmm_model::program::EventTemplate::origin) of the write.
        origin: u32,
    },
    /// A consistent execution applies an operator to values that it is not defined on.
    Illegal(IllegalOperation),
    /// The [open search](crate::open::search) does not support the program.
    Open(OpenError),
}

impl SearchError {
    /// Has a budget run out, that depends on more than the program? (Where, may depend on what other workers do.)
    pub(crate) fn is_budget(&self) -> bool {
        matches!(self, SearchError::Timeout(_) | SearchError::TooManyExecutions(_) | SearchError::TooManyStates { .. })
    }

    /// Would more [`memory`](crate::Options::memory) help?
    pub fn is_of_memory(&self) -> bool {
        matches!(self, SearchError::TooManyStates { .. } | SearchError::TooManyDependencies)
    }
}

impl std::fmt::Display for SearchError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SearchError::Timeout(limit) => {
                write!(f, "no answer within {:.1} s; raise --timeout, or ask for --verdict alone", limit.as_secs_f64())
            }
            SearchError::TooManyExecutions(limit) => {
                write!(f, "more than {limit} executions; raise --max-executions, or ask for --verdict alone")
            }
            SearchError::TooManyStates { states, memory } => write!(
                f,
                "more than {states} final states, which take {} MiB; observe fewer registers and locations, or ask for \
                 --verdict alone",
                memory >> 20
            ),
            SearchError::TooManyDependencies => {
                f.write_str("the values of the program depend on too many reads; split the test, or lower --unroll")
            }
            SearchError::TooManyEvents { events, limit } => {
                write!(f, "an execution has {events} events, and at most {limit} can be represented; lower --unroll")
            }
            SearchError::BadAddress { value, .. } => {
                let what = match value {
                    Value::Int(i) => format!("{i}"),
                    Value::Address(..) => "an address with an offset".into(),
                    Value::Symbol(_) => "an undetermined value".into(),
                    Value::Bits(bits) => format!("{bits:#x}"),
                };
                write!(f, "memory access through {what}, which is the address of no location")
            }
            SearchError::Illegal(operation) => operation.fmt(f),
            SearchError::Open(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SearchError {}

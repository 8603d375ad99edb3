//! Panics in the threads of a model: caught, remembered, and not printed.

use crate::{heap, runtime};
use std::any::Any;
use std::fmt;
use std::panic::{Location, PanicHookInfo};
use std::sync::Once;

/// What a thread said when it panicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Panic {
    /// The message.
    pub message: String,
    /// Where it panicked.
    pub place: Option<SourcePlace>,
    /// It had joined a thread that had panicked, so that this is hardly the cause.
    pub is_consequence: bool,
}

/// A place in the source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourcePlace {
    /// The file, as the compiler was told of it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
}

impl From<&Location<'_>> for SourcePlace {
    fn from(place: &Location<'_>) -> Self {
        SourcePlace { file: place.file().to_string(), line: place.line(), column: place.column() }
    }
}

impl fmt::Display for SourcePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What panics say that do not unwind: of checks that the compiler adds where debug assertions are on, and of functions that may not.
const ENDS_THE_PROCESS: [&str; 4] = [
    "null pointer dereference occurred",
    "misaligned pointer dereference",
    "unsafe precondition(s) violated",
    "panic in a function that cannot unwind",
];

/// Has panics in models noted instead of printed. Other panics go on to the hook that was there.
pub(crate) fn install_hook() {
    static INSTALLED: Once = Once::new();
    INSTALLED.call_once(|| {
        let otherwise = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| match runtime::running() {
            // SAFETY: this is code of one of the runtime's threads, and the runtime waits for it.
            Some(runtime) => heap::outside(|| unsafe {
                let panic = describe(info);
                if ENDS_THE_PROCESS.iter().any(|text| panic.message.starts_with(text)) {
                    let place = panic.place.as_ref().map_or(String::new(), |place| format!(" at {place}"));
                    eprintln!("lkmm: a thread of a model panics{place}, and cannot unwind: {}", panic.message);
                }
                runtime::note_panic(runtime, panic);
            }),
            None => otherwise(info),
        }));
    });
}

fn describe(info: &PanicHookInfo<'_>) -> Panic {
    Panic { message: message(info.payload()), place: info.location().map(SourcePlace::from), is_consequence: false }
}

/// What a panic's payload says.
pub(crate) fn message(payload: &(dyn Any + Send)) -> String {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_string(),
        (_, Some(text)) => text.clone(),
        _ => "a panic whose payload is no text".to_string(),
    }
}

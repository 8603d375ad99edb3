//! The atomics of the tool, one operation of which is weaker than the code asks for, if the environment says so.
//!
//! `LOOM_SUITE_MUTANT=src/lib.rs:12:9=Release` gives the operation at this place this ordering (to a fence `Relaxed`: it is
//! none any more). For the load of a `compare_exchange` that fails, it is what such an ordering allows.
//!
//! Nothing here allocates while a model runs.

use std::panic::Location;
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release};
use std::sync::{Mutex, OnceLock};
use tool::sync::atomic as tools;

type Place = &'static Location<'static>;

struct Mutant {
    file: String,
    line: u32,
    column: u32,
    order: Ordering,
}

static MUTANT: OnceLock<Option<Mutant>> = OnceLock::new();

/// Operations that were done, with what they are and their orderings.
static SITES: Mutex<([Option<(Place, &str, Ordering)>; 1024], usize)> = Mutex::new(([None; 1024], 0));

/// Reads the environment.
pub(crate) fn prepare() {
    MUTANT.get_or_init(|| {
        let text = std::env::var("LOOM_SUITE_MUTANT").ok()?;
        let (place, order) = text.split_once('=').expect("<file>:<line>:<column>=<ordering>");
        let mut parts = place.rsplitn(3, ':');
        let column = parts.next()?.parse().expect("a column");
        let line = parts.next()?.parse().expect("a line");
        let file = parts.next()?.to_string();
        let order = match order {
            "Relaxed" => Relaxed,
            "Acquire" => Acquire,
            "Release" => Release,
            "AcqRel" => AcqRel,
            other => panic!("no ordering {other}"),
        };
        Some(Mutant { file, line, column, order })
    });
}

/// Writes down the operations of the crate itself.
pub(crate) fn write_sites() {
    let (sites, count) = &*SITES.lock().unwrap();
    for (place, word, order) in sites[..*count].iter().flatten() {
        if place.file().starts_with("src/") {
            let text = format!("{}:{}:{}\t{word}\t{order:?}\n", place.file(), place.line(), place.column());
            crate::harness::append("LOOM_SUITE_SITES", &text);
        }
    }
}

/// The ordering of an operation.
fn at(place: Place, word: &'static str, order: Ordering) -> Ordering {
    if order != Relaxed {
        let (sites, count) = &mut *SITES.lock().unwrap();
        if !sites[..*count].iter().flatten().any(|site| (site.0, site.2) == (place, order)) && *count < sites.len() {
            sites[*count] = Some((place, word, order));
            *count += 1;
        }
    }
    match MUTANT.get() {
        Some(Some(mutant))
            if (mutant.line, mutant.column) == (place.line(), place.column()) && mutant.file == place.file() =>
        {
            mutant.order
        }
        _ => order,
    }
}

/// The orderings of a `compare_exchange`.
fn both(place: Place, success: Ordering, failure: Ordering) -> (Ordering, Ordering) {
    let strongest = if success == Relaxed { failure } else { success };
    let weaker = at(place, "compare_exchange", strongest);
    if weaker == strongest {
        return (success, failure);
    }
    let failure = match (weaker, failure) {
        (Relaxed | Release, _) | (_, Relaxed) => Relaxed,
        _ => Acquire,
    };
    (if success == Relaxed { Relaxed } else { weaker }, failure)
}

/// As in loom.
#[track_caller]
pub fn fence(order: Ordering) {
    let order = at(Location::caller(), "fence", order);
    if order != Relaxed {
        tools::fence(order);
    }
}

macro_rules! atomics {
    ($($name:ident$(<$parameter:ident>)?: $type:ty;)*) => {
        $(pub struct $name$(<$parameter>)?(tools::$name$(<$parameter>)?);

        impl$(<$parameter>)? $name$(<$parameter>)? {
            #[track_caller]
            pub fn new(value: $type) -> Self {
                $name(tools::$name::new(value))
            }

            /// # Safety
            /// As in loom.
            #[track_caller]
            pub unsafe fn unsync_load(&self) -> $type {
                // SAFETY: the caller's promise.
                unsafe { self.0.unsync_load() }
            }

            #[track_caller]
            pub fn into_inner(self) -> $type {
                self.0.into_inner()
            }

            #[track_caller]
            pub fn load(&self, order: Ordering) -> $type {
                self.0.load(at(Location::caller(), "load", order))
            }

            #[track_caller]
            pub fn store(&self, value: $type, order: Ordering) {
                self.0.store(value, at(Location::caller(), "store", order));
            }

            #[track_caller]
            pub fn swap(&self, value: $type, order: Ordering) -> $type {
                self.0.swap(value, at(Location::caller(), "swap", order))
            }

            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $type,
                new: $type,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$type, $type> {
                let (success, failure) = both(Location::caller(), success, failure);
                self.0.compare_exchange(current, new, success, failure)
            }

            #[track_caller]
            pub fn compare_exchange_weak(
                &self,
                current: $type,
                new: $type,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$type, $type> {
                self.compare_exchange(current, new, success, failure)
            }

            #[track_caller]
            pub fn fetch_update<F: FnMut($type) -> Option<$type>>(
                &self,
                success: Ordering,
                failure: Ordering,
                change: F,
            ) -> Result<$type, $type> {
                let (success, failure) = both(Location::caller(), success, failure);
                self.0.fetch_update(success, failure, change)
            }
        }

        impl$(<$parameter>)? std::fmt::Debug for $name$(<$parameter>)? {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl$(<$parameter>)? Default for $name$(<$parameter>)? {
            fn default() -> Self {
                $name(tools::$name::default())
            }
        })*
    };
}

macro_rules! updates {
    ($($name:ident: $type:ty, $($update:ident)*;)*) => {
        $(impl $name {
            $(#[track_caller]
            pub fn $update(&self, value: $type, order: Ordering) -> $type {
                self.0.$update(value, at(Location::caller(), stringify!($update), order))
            })*
        })*
    };
}

macro_rules! integers {
    ($($name:ident: $type:ty;)*) => {
        atomics! { $($name: $type;)* }
        $(updates! {
            $name: $type, fetch_add fetch_sub fetch_and fetch_nand fetch_or fetch_xor fetch_max fetch_min;
        }
        impl $name {
            #[track_caller]
            pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut $type) -> R) -> R {
                self.0.with_mut(f)
            }
        })*
    };
}

integers! {
    AtomicU8: u8;
    AtomicI8: i8;
    AtomicU16: u16;
    AtomicI16: i16;
    AtomicU32: u32;
    AtomicI32: i32;
    AtomicU64: u64;
    AtomicI64: i64;
    AtomicUsize: usize;
    AtomicIsize: isize;
}

atomics! {
    AtomicBool: bool;
    AtomicPtr<T>: *mut T;
}

updates! {
    AtomicBool: bool, fetch_and fetch_nand fetch_or fetch_xor;
}

impl<T> AtomicPtr<T> {
    #[track_caller]
    pub fn with_mut<R>(&mut self, f: impl FnOnce(&mut *mut T) -> R) -> R {
        self.0.with_mut(f)
    }
}

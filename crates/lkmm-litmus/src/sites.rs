//! Where orderings stand in a source, and where more of them could: what the parsers of both languages note for `repair`.
//!
//! The tree keeps no places but those of statements. A change of an ordering is a change of the text, so that everything else in it stays as it
//! is, and for that the place of each word counts.

use crate::ast::Ordering;
use crate::primitives::Place;
use lkmm_model::event::Fence;
use std::ops::Range;

/// What the parsers note.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sites {
    pub(crate) accesses: Vec<Access>,
    pub(crate) fences: Vec<FenceSite>,
    pub(crate) gaps: Vec<Gap>,
}

/// What an access does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Load,
    Store,
    Rmw,
}

/// An access whose ordering is written down.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) process: usize,
    /// The whole call.
    pub(crate) span: Range<usize>,
    pub(crate) kind: Kind,
    pub(crate) ordering: Ordering,
    pub(crate) spelling: Spelling,
    /// Of a store, the value that is stored.
    pub(crate) value: Option<Range<usize>>,
    /// What a value of 0 is called that may be added to it.
    pub(crate) zero: Zero,
}

/// How an ordering is written.
#[derive(Clone, Debug)]
pub(crate) enum Spelling {
    /// In the name of the function (C). The location is the first argument.
    Name { name: Range<usize>, place: Place, location: Range<usize> },
    /// As an argument (Rust).
    Argument(Range<usize>),
    /// `rcu::assign(location, value)` in Rust.
    Assign { name: Range<usize>, arguments: [Range<usize>; 2] },
}

/// How a comparison is made a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Zero {
    /// It is one (C).
    Itself,
    /// By a cast to this type (Rust).
    Cast(String),
    /// Not at all.
    None,
}

/// A fence, a statement of its own.
#[derive(Clone, Debug)]
pub(crate) struct FenceSite {
    pub(crate) process: usize,
    /// The whole statement, with its semicolon.
    pub(crate) span: Range<usize>,
    pub(crate) name: Range<usize>,
    pub(crate) fence: Fence,
}

/// A place where a statement may be added.
#[derive(Clone, Debug)]
pub(crate) struct Gap {
    pub(crate) process: usize,
    /// The statement beside it.
    pub(crate) statement: Range<usize>,
    pub(crate) side: Side,
}

/// On which side of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// Before it.
    Before,
    /// Before it, in braces that both need: it is a branch without any.
    InBraces,
    /// After it, the last one of a block.
    After,
}

impl Sites {
    /// Sorted by place, and each once: a parser may read the same text twice.
    pub(crate) fn settle(&mut self) {
        self.accesses.sort_by_key(|access| (access.span.start, access.span.end));
        self.accesses.dedup_by_key(|access| access.span.clone());
        self.fences.sort_by_key(|fence| fence.span.start);
        self.fences.dedup_by_key(|fence| fence.span.start);
        self.gaps.sort_by_key(|gap| (gap.statement.start, gap.statement.end, gap.side == Side::After));
        self.gaps.dedup_by_key(|gap| (gap.statement.clone(), gap.side));
    }
}

//! What variables are called in a report.
//!
//! Memory has no names when code runs, but the source has: what stands before the method at the place of an access, as `self.head` does in
//! `self.head.load(Relaxed)`. A variable is called what most of its accesses call it; of several such names it gets the shortest. Code can call it
//! otherwise elsewhere (two clones of an `Arc`, say): the report says where. Different variables that code calls the same somewhere (the `next` of
//! each of several nodes) are numbered: `self.next#1`, `self.next#2`. Where the source cannot be read, or what stands there is no
//! name, a variable is called after the place of its first access: `@main.rs:12`.

use crate::lifetimes::{ALLOCATE, DEREF, FREE};
use crate::panics::SourcePlace;
use crate::picture::short;
use crate::sources::Sources;
use lkmm_model::graph::Execution;
use lkmm_model::program::LocationId;

/// What is longer is no name, in characters.
const LONGEST: usize = 28;

/// The names of the variables of an execution.
#[derive(Clone, Debug)]
pub(crate) struct Names(Vec<Name>);

#[derive(Clone, Debug)]
struct Name {
    location: LocationId,
    /// What it is called in the report.
    name: String,
    /// What it is called in the source, and where, each once; the most frequent first.
    calls: Vec<(String, String)>,
}

impl Names {
    /// Names the variables of an execution; for each origin, there is the place of its events, and a word for what is done there.
    pub(crate) fn of(
        execution: &Execution,
        place: &dyn Fn(u32) -> Option<SourcePlace>,
        word: &dyn Fn(u32) -> &'static str,
    ) -> Self {
        let mut sources = Sources::default();
        let mut names: Vec<Name> = Vec::new();
        for event in execution.events.iter().filter(|event| event.thread.is_some()) {
            let (Some(location), Some(place)) = (event.location, place(event.origin)) else { continue };
            let line = format!("{}:{}", short(&place.file), place.line);
            // These are of a whole object, and stand at the place of what was done before.
            let is_of_object = matches!(word(event.origin), ALLOCATE | DEREF | FREE);
            let known = names.iter().position(|known| known.location == location).unwrap_or_else(|| {
                let of = if is_of_object { "object" } else { "" };
                names.push(Name { location, name: format!("{of}@{line}"), calls: Vec::new() });
                names.len() - 1
            });
            if !is_of_object {
                names[known].calls.extend(receiver(&mut sources, &place).map(|called| (called, line)));
            }
        }
        for name in &mut names {
            name.settle();
        }
        number(&mut names);
        Names(names)
    }

    /// What a variable is called.
    pub(crate) fn name(&self, location: LocationId) -> &str {
        self.0.iter().find(|known| known.location == location).map_or("?", |known| &known.name)
    }

    /// What else variables are called, and where: lines.
    pub(crate) fn others(&self) -> Vec<String> {
        let others = |known: &Name| {
            let calls: Vec<String> =
                known.calls.iter().skip(1).map(|(called, line)| format!("{called} at {line}")).collect();
            (!calls.is_empty()).then(|| format!("{} is {}", known.name, calls.join(", ")))
        };
        self.0.iter().filter_map(others).collect()
    }
}

impl Name {
    /// Chooses among what it is called.
    fn settle(&mut self) {
        let count = |called: &str| self.calls.iter().filter(|call| call.0 == called).count();
        // (The sort is stable: what comes first stays first.)
        let mut ranked: Vec<(usize, (String, String))> =
            self.calls.iter().map(|call| (count(&call.0), call.clone())).collect();
        ranked.sort_by_key(|(count, (called, _))| (std::cmp::Reverse(*count), called.chars().count()));
        let mut calls: Vec<(String, String)> = Vec::new();
        for (_, call) in ranked {
            if calls.iter().all(|known| known.0 != call.0) {
                calls.push(call);
            }
        }
        self.calls = calls;
        if let Some((called, _)) = self.calls.first() {
            self.name.clone_from(called);
        }
    }
}

/// Numbers variables whose names may be meant for others too.
fn number(names: &mut [Name]) {
    let given: Vec<String> = names.iter().map(|known| known.name.clone()).collect();
    let is_taken = |n: usize| {
        let is_called = |known: &Name| known.name == given[n] || known.calls.iter().any(|call| call.0 == given[n]);
        names.iter().enumerate().any(|(other, known)| other != n && is_called(known))
    };
    let taken: Vec<bool> = (0..names.len()).map(is_taken).collect();
    for (n, known) in names.iter_mut().enumerate().filter(|(n, _)| taken[*n]) {
        let before = given[..n].iter().filter(|name| **name == given[n]).count();
        known.name = format!("{}#{}", given[n], before + 1);
    }
}

/// The line of a place; if it goes on with a call that began in lines before, with what the method is called on.
pub(crate) fn code(sources: &mut Sources, place: &SourcePlace) -> Option<String> {
    let line = sources.line(place)?;
    let before = line.starts_with('.').then(|| receiver(sources, place)).flatten();
    Some(before.unwrap_or_default() + &line)
}

/// What the method is called on whose name stands at a place; `None` if nothing can be said in few words.
fn receiver(sources: &mut Sources, place: &SourcePlace) -> Option<String> {
    let before = sources.before(place)?;
    let operand = operand(before.trim_end().strip_suffix('.')?)?;
    (operand.chars().count() <= LONGEST).then_some(operand)
}

/// The expression at the end of a text that a method is called on: names, fields, indices and calls. Arguments of calls are left out, and so is
/// what makes a reference of a pointer around it.
fn operand(text: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    let mut rest = text.trim_end();
    loop {
        // What belongs to one step of the path: groups, and the name before them.
        while let Some(last @ (')' | ']' | '?' | '}')) = rest.chars().next_back() {
            let start = if last == '?' { rest.len() - 1 } else { opening(rest)? };
            let (before, group) = rest.split_at(start);
            let inner = group.get(1..group.len() - 1).unwrap_or("").split_whitespace().collect::<Vec<_>>().join(" ");
            let is_called = before.ends_with(|letter: char| is_name(letter) || matches!(letter, ')' | ']'));
            match last {
                '?' => parts.push("?".into()),
                ']' => parts.push(format!("[{inner}]")),
                ')' if is_called && inner.is_empty() => parts.push("()".into()),
                ')' if is_called => parts.push("(…)".into()),
                // All of a path, in parentheses or in a block.
                _ => {
                    parts.push(operand(inner.trim_start_matches(|letter| "&* ".contains(letter)))?);
                    return Some(joined(parts));
                }
            }
            rest = before;
        }
        let start = rest
            .rfind(|letter| !is_name(letter))
            .map_or(0, |at| at + rest[at..].chars().next().map_or(1, char::len_utf8));
        let (before, name) = rest.split_at(start);
        if name.is_empty() {
            return None;
        }
        parts.push(name.to_string());
        let before = before.trim_end();
        let (link, before) = match (before.strip_suffix('.'), before.strip_suffix("::")) {
            (Some(before), _) if !before.ends_with('.') => (".", before),
            (_, Some(before)) => ("::", before),
            _ => return Some(joined(parts)),
        };
        parts.push(link.to_string());
        rest = before.trim_end();
    }
}

fn joined(mut parts: Vec<String>) -> String {
    parts.reverse();
    parts.concat()
}

fn is_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Where the group begins with whose end a text ends.
fn opening(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, letter) in text.char_indices().rev() {
        match letter {
            ')' | ']' | '}' => depth += 1,
            '(' | '[' | '{' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use lkmm_model::event::{Label, Mode};
    use lkmm_model::graph::Event;

    #[test]
    fn what_a_method_is_called_on_is_read_from_the_source() {
        for (text, expected) in [
            ("x", Some("x")),
            ("    assert_eq!(data", Some("data")),
            ("return self.0", Some("self.0")),
            ("let n = 1..self\n            .slots[at + 1]\n            .next", Some("self.slots[at + 1].next")),
            ("crate::stats::READS", Some("crate::stats::READS")),
            ("&self.shards()[n % 4].lock(Relaxed, 3)?", Some("self.shards()[n % 4].lock(…)?")),
            ("unsafe { object.get() }", Some("object.get()")),
            ("unsafe { &*there.load(Acquire) }", Some("there.load(…)")),
            ("(*(*self.head).next)", Some("self.head.next")),
            ("if é.ü", Some("é.ü")),
            ("f::<u8>()", None),
            ("{ f(); x } ", Some("x")),
            (")", None),
            ("1 + ", None),
            ("", None),
        ] {
            let found = operand(text);
            assert_eq!(found.as_deref(), expected, "{text:?}");
        }
    }

    struct Object;

    impl Object {
        #[track_caller]
        fn place(&self) -> SourcePlace {
            std::panic::Location::caller().into()
        }
    }

    #[test]
    fn a_line_is_shown_with_what_it_goes_on_with() {
        let pair = (Object, Object);
        #[rustfmt::skip]
        let places = [
            pair.0.place(),
            pair // (the second one)
                .1
                .place(),
        ];
        let mut sources = Sources::default();
        let [first, second] = places.map(|place| (code(&mut sources, &place), receiver(&mut sources, &place)));
        assert_eq!(first, (Some("pair.0.place(),".into()), Some("pair.0".into())));
        assert_eq!(second, (Some("pair.1.place(),".into()), Some("pair.1".into())));
    }

    #[test]
    fn variables_that_are_called_the_same_are_numbered() {
        let access = |location, origin| {
            let label = Label::Write(Mode::Once);
            Event { label, thread: Some(0), location: Some(location), value: None, atomic: false, origin }
        };
        let events = vec![access(7, 3), access(9, 3), access(7, 5), access(4, 5), access(2, 6)];
        let place = |line| Some(SourcePlace { file: "src/nowhere.rs".into(), line, column: 1 });
        let word = |line| if line == 6 { "free" } else { "" };
        let names = Names::of(&Execution { events, ..Execution::default() }, &place, &word);
        let names = [7, 9, 4, 2].map(|location| names.name(location).to_string());
        assert_eq!(names, ["@nowhere.rs:3#1", "@nowhere.rs:3#2", "@nowhere.rs:5", "object@nowhere.rs:6"]);
    }
}

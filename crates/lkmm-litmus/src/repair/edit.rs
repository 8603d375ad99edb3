//! Changes of orderings as changes of the text: nothing else in a source moves.

use crate::ast::Ordering;
use crate::primitives::Place;
use crate::sites::{Access, FenceSite, Gap, Kind, Side, Spelling, Zero};
use lkmm_model::event::Fence;
use std::ops::Range;

/// A piece of text in place of another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced: bytes of the source. Empty if the text is inserted.
    pub span: Range<usize>,
    /// What is there then.
    pub text: String,
}

impl Edit {
    fn new(span: Range<usize>, text: impl Into<String>) -> Edit {
        Edit { span, text: text.into() }
    }

    fn insert(at: usize, text: impl Into<String>) -> Edit {
        Edit::new(at..at, text)
    }
}

/// A source with edits that do not overlap. Of those at one place, the first comes first.
///
/// ```
/// use lkmm_litmus::repair::{Edit, apply};
/// let edits = [Edit { span: 5..6, text: "y".into() }, Edit { span: 0..0, text: "(void) ".into() }];
/// assert_eq!(apply("read(x);", &edits), "(void) read(y);");
/// ```
pub fn apply(source: &str, edits: &[Edit]) -> String {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.span.start, edit.span.end));
    let (mut text, mut at) = (String::with_capacity(source.len() + 64), 0);
    for edit in sorted {
        text.push_str(source.get(at..edit.span.start).unwrap_or(""));
        text.push_str(&edit.text);
        at = at.max(edit.span.end);
    }
    text.push_str(source.get(at..).unwrap_or(""));
    text
}

/// A piece of a source with the edits that lie in it.
pub(super) fn apply_within(source: &str, span: &Range<usize>, edits: &[Edit]) -> String {
    let inner: Vec<Edit> = edits
        .iter()
        .filter(|edit| edit.span.start >= span.start && edit.span.end <= span.end)
        .map(|edit| Edit::new(edit.span.start - span.start..edit.span.end - span.start, edit.text.clone()))
        .collect();
    apply(&source[span.clone()], &inner)
}

/// Gives an access another ordering. `None` if the language, or the way it is written, has no word for that.
pub(super) fn order(source: &str, access: &Access, to: Ordering) -> Option<Vec<Edit>> {
    match &access.spelling {
        Spelling::Argument(argument) => {
            let text = &source[argument.clone()];
            let last = text.rfind("::").map_or(argument.start, |at| argument.start + at + 2);
            let last = last + (source[last..argument.end].len() - source[last..argument.end].trim_start().len());
            Some(vec![Edit::new(last..argument.end, rust_name(to))])
        }
        Spelling::Assign { name, arguments: [location, value] } => {
            let is_name = is_identifier(&source[location.clone()]);
            let (open, close) = if is_name { ("", ").store(") } else { ("(", ")).store(") };
            (to == Ordering::Relaxed).then(|| {
                vec![
                    Edit::new(name.start..location.start, open),
                    Edit::new(location.end..value.start, if is_name { ".store(" } else { &close[1..] }),
                    Edit::new(value.end..access.span.end, ", Relaxed)"),
                ]
            })
        }
        Spelling::Name { name, place, location } => {
            let (new, new_place) = c_name(&source[name.clone()], access.kind, to)?;
            let mut edits = vec![Edit::new(name.clone(), new)];
            match (*place, new_place.unwrap_or(*place)) {
                (Place::Lvalue, Place::Pointer) => {
                    source[location.clone()].strip_prefix('*')?;
                    edits.push(Edit::new(location.start..location.start + 1, ""));
                }
                (Place::Pointer, Place::Lvalue) => edits.extend(dereferenced(source, location)),
                _ => {}
            }
            Some(edits)
        }
    }
}

fn dereferenced(source: &str, location: &Range<usize>) -> Vec<Edit> {
    if is_identifier(&source[location.clone()]) {
        return vec![Edit::insert(location.start, "*")];
    }
    vec![Edit::insert(location.start, "*("), Edit::insert(location.end, ")")]
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn rust_name(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Relaxed => "Relaxed",
        Ordering::Acquire => "Acquire",
        Ordering::Release => "Release",
        Ordering::Full => "Full",
    }
}

/// The primitive of C that does the same with another ordering, and what its location is if that is not what it was.
fn c_name(name: &str, kind: Kind, to: Ordering) -> Option<(String, Option<Place>)> {
    let other = |new: &str, place| Some((new.to_string(), place));
    match (kind, to, name) {
        (Kind::Load, Ordering::Acquire, "atomic_read") => other("atomic_read_acquire", None),
        (Kind::Load, Ordering::Acquire, _) => other("smp_load_acquire", Some(Place::Pointer)),
        (Kind::Load, Ordering::Relaxed, "atomic_read_acquire") => other("atomic_read", None),
        (Kind::Load, Ordering::Relaxed, _) => other("READ_ONCE", Some(Place::Lvalue)),
        (Kind::Store, Ordering::Release, "atomic_set") => other("atomic_set_release", None),
        (Kind::Store, Ordering::Release, _) => other("smp_store_release", Some(Place::Pointer)),
        (Kind::Store, Ordering::Relaxed, "atomic_set_release") => other("atomic_set", None),
        (Kind::Store, Ordering::Relaxed, _) => other("WRITE_ONCE", Some(Place::Lvalue)),
        (Kind::Rmw, _, _) => {
            let stem = ["_relaxed", "_acquire", "_release"].iter().find_map(|suffix| name.strip_suffix(suffix));
            let suffix = match to {
                Ordering::Full => "",
                Ordering::Relaxed => "_relaxed",
                Ordering::Acquire => "_acquire",
                Ordering::Release => "_release",
            };
            other(&format!("{}{suffix}", stem.unwrap_or(name)), None)
        }
        _ => None,
    }
}

/// Puts a fence at a place, on a line of its own where the statement beside it stands on one.
pub(super) fn fence(source: &str, gap: &Gap, fence: Fence) -> Vec<Edit> {
    let Range { start, end } = gap.statement;
    let line = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let indent = &source[line..start];
    let is_own_line = indent.trim().is_empty();
    let separator = if is_own_line { format!("\n{indent}") } else { " ".to_string() };
    let call = format!("{}();", fence.function());
    match gap.side {
        Side::Before => vec![Edit::insert(start, call + &separator)],
        Side::InBraces => vec![Edit::insert(start, format!("{{ {call}{separator}")), Edit::insert(end, " }")],
        Side::After => vec![Edit::insert(end, separator + &call)],
    }
}

/// Takes a fence away, or puts a weaker one in its place.
pub(super) fn weaken_fence(source: &str, site: &FenceSite, to: Option<Fence>) -> Edit {
    if let Some(fence) = to {
        return Edit::new(site.name.clone(), fence.function());
    }
    let Range { start, mut end } = site.span;
    let line = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[end..].find('\n').map_or(source.len(), |at| end + at + 1);
    if source[line..start].trim().is_empty() && source[end..line_end].trim().is_empty() {
        return Edit::new(line..line_end, "");
    }
    end += source[end..line_end].len() - source[end..line_end].trim_start_matches([' ', '\t']).len();
    Edit::new(start..end, "")
}

/// Makes an access depend on a local: the value of a store, or the address of a load. What is added is 0, whatever the local holds.
pub(super) fn depend(source: &str, access: &Access, on: &str) -> Option<Vec<Edit>> {
    let (operand, zero) = match (&access.spelling, access.kind, &access.value) {
        (_, Kind::Store, Some(value)) => {
            let zero = match &access.zero {
                Zero::Itself => format!("({on} != {on})"),
                Zero::Cast(to) => format!("({on} != {on}) as {to}"),
                Zero::None => return None,
            };
            (value.clone(), zero)
        }
        (Spelling::Name { place, location, .. }, Kind::Load, _) => {
            let star = match place {
                Place::Lvalue => 1,
                Place::Pointer => 0,
            };
            if star == 1 {
                source[location.clone()].strip_prefix('*')?;
            }
            let pointer = location.start + star..location.end;
            let edits =
                vec![Edit::insert(pointer.start, "("), Edit::insert(pointer.end, format!(" + ({on} != {on}))"))];
            return Some(edits);
        }
        _ => return None,
    };
    let text = &source[operand.clone()];
    if is_identifier(text) || text.parse::<i32>().is_ok() {
        return Some(vec![Edit::insert(operand.end, format!(" + {zero}"))]);
    }
    Some(vec![Edit::insert(operand.start, "("), Edit::insert(operand.end, format!(") + {zero}"))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_stand_where_they_belong() {
        let edits = [Edit::insert(2, "<"), Edit::new(2..3, "C"), Edit::insert(4, ">")];
        assert_eq!(apply("abcdef", &edits), "ab<Cd>ef");
        assert_eq!(apply_within("abcdef", &(2..4), &edits), "<Cd>");
    }
}

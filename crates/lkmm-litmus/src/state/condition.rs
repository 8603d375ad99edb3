//! What is asked of the final state: `locations [ … ]`, `filter (…)`, and `exists`, `~exists` or `forall` with a
//! proposition; and the proposition printed as herd7 prints it.
//!
//! Implication binds more tightly than `/\`, which binds more tightly than `\/`.

use super::{Cursor, Literal, Place};
use crate::tokens::{Reader, Token};
use lkmm_report::{Problem, Quantifier};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::ops::Range;

const MAX_DEPTH: u32 = 200;

/// The right-hand side of an atom.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Side {
    Place(Place),
    Literal(Literal),
    /// `{1,2}`: the values of an array.
    Vector(Vec<Literal>),
}

/// A proposition over final states.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Prop {
    True,
    False,
    Equal(Place, Side),
    Not(Box<Prop>),
    And(Vec<Prop>),
    Or(Vec<Prop>),
    Implies(Box<Prop>, Box<Prop>),
}

/// The whole section.
pub(crate) struct Final {
    pub(crate) locations: Vec<Place>,
    pub(crate) filter: Option<Prop>,
    pub(crate) quantifier: Quantifier,
    pub(crate) prop: Prop,
    /// Is there a condition at all?
    pub(crate) asked: bool,
    /// The elements of arrays that it names, and where.
    pub(crate) elements: Vec<(Place, Range<usize>)>,
}

impl Final {
    /// The condition as herd7 prints it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{} (", self.quantifier);
        self.prop.print(&mut text, Above::Top);
        text.push(')');
        text
    }

    /// The places whose final values make a state, in the order of herd7's state lines.
    pub(crate) fn observed(&self) -> BTreeSet<Place> {
        let mut places: BTreeSet<Place> = self.locations.iter().cloned().collect();
        self.prop.for_each_atom(&mut |place, side| {
            places.insert(place.clone());
            if let Side::Place(other) = side {
                places.insert(other.clone());
            }
        });
        places
    }
}

/// What a printed proposition stands in.
#[derive(Clone, Copy, PartialEq)]
enum Above {
    Top,
    And,
    Or,
    Implies,
}

impl Prop {
    /// Visits every atom.
    pub(crate) fn for_each_atom(&self, visit: &mut impl FnMut(&Place, &Side)) {
        match self {
            Prop::True | Prop::False => {}
            Prop::Equal(place, side) => visit(place, side),
            Prop::Not(inner) => inner.for_each_atom(visit),
            Prop::And(parts) | Prop::Or(parts) => parts.iter().for_each(|p| p.for_each_atom(visit)),
            Prop::Implies(left, right) => {
                left.for_each_atom(visit);
                right.for_each_atom(visit);
            }
        }
    }

    fn print(&self, out: &mut String, above: Above) {
        // Writing to a string cannot fail.
        match self {
            Prop::True => out.push_str("true"),
            Prop::False => out.push_str("false"),
            Prop::Equal(place, Side::Place(other)) => drop(write!(out, "{place}={other}")),
            Prop::Equal(place, Side::Literal(value)) => drop(write!(out, "{place}={value}")),
            Prop::Equal(place, Side::Vector(values)) => {
                let values: Vec<String> = values.iter().map(ToString::to_string).collect();
                let place = place.to_string();
                let _ = write!(out, "{}={{{}}}", place.trim_matches(['[', ']']), values.join(","));
            }
            Prop::Not(inner) => {
                out.push_str("not (");
                inner.print(out, Above::Top);
                out.push(')');
            }
            Prop::And(parts) => list(parts, " /\\ ", Above::And, matches!(above, Above::Implies), out),
            Prop::Or(parts) => list(parts, " \\/ ", Above::Or, matches!(above, Above::And | Above::Implies), out),
            Prop::Implies(left, right) => {
                let parenthesised = matches!(above, Above::And | Above::Or);
                out.push_str(if parenthesised { "(" } else { "" });
                left.print(out, Above::Implies);
                out.push_str(" => ");
                right.print(out, Above::Implies);
                out.push_str(if parenthesised { ")" } else { "" });
            }
        }
    }
}

fn list(parts: &[Prop], separator: &str, here: Above, parenthesised: bool, out: &mut String) {
    out.push_str(if parenthesised { "(" } else { "" });
    for (i, part) in parts.iter().enumerate() {
        out.push_str(if i > 0 { separator } else { "" });
        part.print(out, here);
    }
    out.push_str(if parenthesised { ")" } else { "" });
}

impl Cursor<'_> {
    /// Parses the section.
    pub(crate) fn condition(mut self) -> Result<Final, Problem> {
        let locations = self.locations()?;
        let filter = if self.is_word(0, "filter") {
            self.advance();
            // As in herd7, a filter may speak of processes that do not exist; their registers are 0.
            let processes = std::mem::replace(&mut self.processes, usize::MAX);
            let filter = self.prop(0)?;
            self.processes = processes;
            Some(filter)
        } else {
            None
        };
        let start = self.tokens.at;
        let (quantifier, prop) = self.quantified()?;
        let asked = self.tokens.at > start;
        self.eat(";");
        if self.is_word(0, "with") {
            self.kinds()?;
        }
        if self.token(0) != Token::End {
            return Err(self.unexpected("the end of the condition"));
        }
        Ok(Final { locations, filter, quantifier, prop, asked, elements: self.elements })
    }

    fn locations(&mut self) -> Result<Vec<Place>, Problem> {
        let mut places = Vec::new();
        if !self.is_word(0, "locations") {
            return Ok(places);
        }
        self.advance();
        self.expect("[")?;
        while !self.is(0, "]") {
            if self.is_word(0, "fault") || self.is_word(0, "Fault") {
                return Err(self.unexpected("a location or a register"));
            }
            places.push(self.place_or_element()?);
            // A type may follow.
            if self.token(0) == Token::Name {
                self.advance();
            }
            self.eat("*");
            if !self.eat(";") && !self.is(0, "]") {
                return Err(self.unexpected("`;` or `]`"));
            }
        }
        self.advance();
        Ok(places)
    }

    fn quantified(&mut self) -> Result<(Quantifier, Prop), Problem> {
        let quantifier = match self.token(0) {
            Token::Keyword if matches!(self.text(0), "exists" | "final") => Quantifier::Exists,
            Token::Keyword if self.text(0) == "forall" => Quantifier::Forall,
            Token::Symbol("~") => {
                self.advance();
                if !self.is_word(0, "exists") {
                    return Err(self.unexpected("`exists`"));
                }
                Quantifier::NotExists
            }
            Token::Keyword if self.text(0) == "not" => {
                self.advance();
                if !self.is_word(0, "exists") {
                    return Err(self.unexpected("`exists`"));
                }
                Quantifier::NotExists
            }
            Token::Symbol("(") => return Ok((Quantifier::Exists, self.primary(0)?)),
            Token::Keyword if matches!(self.text(0), "observed" | "Observed") => {
                self.advance();
                return Ok((Quantifier::Exists, self.observations()?));
            }
            Token::End | Token::Symbol(";") => return Ok((Quantifier::Forall, Prop::True)),
            _ => return Err(self.unexpected("`exists`, `~exists` or `forall`")),
        };
        self.advance();
        Ok((quantifier, self.prop(0)?))
    }

    /// `x=1; y=2; and x=2;`: final states that were observed.
    fn observations(&mut self) -> Result<Prop, Problem> {
        let mut states = Vec::new();
        loop {
            let mut atoms = Vec::new();
            while !self.is_word(0, "and") && !matches!(self.token(0), Token::End | Token::Symbol(";")) {
                atoms.push(self.comparison()?);
                self.expect(";")?;
            }
            states.push(joined(atoms, Prop::And));
            if !self.is_word(0, "and") {
                return Ok(joined(states, Prop::Or));
            }
            self.advance();
        }
    }

    /// `with` and the quantifiers for other models, which are ignored.
    fn kinds(&mut self) -> Result<(), Problem> {
        self.advance();
        loop {
            self.name("the name of a model")?;
            self.expect(":")?;
            if !self.eat("~") && self.is_word(0, "not") {
                self.advance();
            }
            if !self.is_word(0, "exists") && !self.is_word(0, "forall") {
                return Err(self.unexpected("`exists` or `forall`"));
            }
            self.advance();
            if !self.eat(";") || self.token(0) == Token::End {
                return Ok(());
            }
        }
    }

    fn prop(&mut self, depth: u32) -> Result<Prop, Problem> {
        let mut parts = vec![self.conjunction(depth)?];
        while self.eat("\\/") {
            parts.push(self.conjunction(depth)?);
        }
        Ok(joined(parts, Prop::Or))
    }

    fn conjunction(&mut self, depth: u32) -> Result<Prop, Problem> {
        let mut parts = vec![self.implication(depth)?];
        while self.eat("/\\") {
            parts.push(self.implication(depth)?);
        }
        Ok(joined(parts, Prop::And))
    }

    fn implication(&mut self, depth: u32) -> Result<Prop, Problem> {
        let left = self.primary(depth)?;
        if !self.eat("=>") {
            return Ok(left);
        }
        let right = self.implication(self.deeper(depth)?)?;
        Ok(Prop::Implies(Box::new(left), Box::new(right)))
    }

    fn deeper(&self, depth: u32) -> Result<u32, Problem> {
        if depth < MAX_DEPTH {
            Ok(depth + 1)
        } else {
            Err(Problem::at(format!("nested more than {MAX_DEPTH} levels deep"), self.span()))
        }
    }

    fn primary(&mut self, depth: u32) -> Result<Prop, Problem> {
        let deeper = self.deeper(depth)?;
        if self.eat("(") {
            let inner = self.prop(deeper)?;
            self.expect(")")?;
            return Ok(inner);
        }
        if self.is(0, "~") || self.is_word(0, "not") {
            self.advance();
            return Ok(Prop::Not(Box::new(self.primary(deeper)?)));
        }
        for (word, prop) in [("true", Prop::True), ("false", Prop::False)] {
            if self.is_word(0, word) {
                self.advance();
                return Ok(prop);
            }
        }
        self.comparison()
    }

    /// A place, or an element of an array.
    fn place_or_element(&mut self) -> Result<Place, Problem> {
        let start = self.span().start;
        match self.place(false)? {
            Place::Global(name) if self.is(0, "[") => {
                let element = Place::Element(name, self.brackets()?);
                self.elements.push((element.clone(), start..self.last_end()));
                Ok(element)
            }
            place => Ok(place),
        }
    }

    fn comparison(&mut self) -> Result<Prop, Problem> {
        let bracketed = self.is(0, "[");
        let left = if bracketed { self.place(true)? } else { self.place_or_element()? };
        let differ = self.eat("!=") || self.eat("<>");
        if !differ && !self.eat("=") && !self.eat("==") {
            return Err(self.unexpected("`=` or `!=`"));
        }
        let element = matches!(left, Place::Element(..));
        let right = if self.is(0, "{") && !bracketed && !element {
            Side::Vector(self.vector()?)
        } else if differ || element {
            Side::Literal(self.literal()?)
        } else {
            self.right()?
        };
        let equal = Prop::Equal(left, right);
        Ok(if differ { Prop::Not(Box::new(equal)) } else { equal })
    }

    /// A value, or the final value of another place: `0:r1`, `*x` or `[x]`.
    fn right(&mut self) -> Result<Side, Problem> {
        let dereferenced = self.eat("*");
        if dereferenced || self.is(0, "[") || self.is(1, ":") {
            return Ok(Side::Place(self.place(true)?));
        }
        Ok(Side::Literal(self.literal()?))
    }
}

fn joined(mut parts: Vec<Prop>, join: fn(Vec<Prop>) -> Prop) -> Prop {
    match (parts.pop(), parts.is_empty()) {
        (Some(only), true) => only,
        (Some(last), false) => {
            parts.push(last);
            join(parts)
        }
        (None, _) => Prop::True,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(condition: &str) -> String {
        Cursor::new(condition, 0..condition.len(), &[])
            .map(|c| Cursor { processes: 2, ..c })
            .and_then(Cursor::condition)
            .unwrap()
            .text()
    }

    #[test]
    fn prints_as_herd7_does() {
        // Each pair was taken from a run of herd7.
        for (source, expected) in [
            ("exists (x=0x1 /\\ 0:r=-1 /\\ 0:r = 01)", "exists ([x]=1 /\\ 0:r=-1 /\\ 0:r=1)"),
            (
                "exists (P0:r = 1 /\\ 0:r == 1 /\\ ~0:r==2 /\\ (~(0:r=1) \\/ false))",
                "exists (0:r=1 /\\ 0:r=1 /\\ not (0:r=2) /\\ (not (0:r=1) \\/ false))",
            ),
            (
                "exists (x=1 /\\ (x=1 => 0:r=1 => x=2) \\/ (x=1 \\/ x=2) \\/ 0:r=x \\/ 0:r=1:r /\\ [x]=1 /\\ [x]=0:r \\/ 0:r=*x)",
                "exists ([x]=1 /\\ ([x]=1 => 0:r=1 => [x]=2) \\/ [x]=1 \\/ [x]=2 \\/ 0:r=x \\/ 0:r=1:r /\\ [x]=1 /\\ [x]=0:r \\/ 0:r=[x])",
            ),
            ("~ exists (0:r=1) with tso: exists", "~exists (0:r=1)"),
            ("locations [x;] (0:r=1)", "exists (0:r=1)"),
            ("locations [x;y*;z int; w int*; 0:r int;] forall true", "forall (true)"),
            ("", "forall (true)"),
        ] {
            assert_eq!(printed(source), expected, "{source}");
        }
    }

    #[test]
    fn observes_registers_before_locations() {
        let source = "locations [c; b; C; 0:r2; 0:r10; 1:r9] exists (x=1 /\\ 0:R=[y])";
        let observed = Cursor::new(source, 0..source.len(), &[])
            .map(|c| Cursor { processes: 2, ..c })
            .and_then(Cursor::condition)
            .unwrap()
            .observed();
        let texts: Vec<String> = observed.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["0:R", "0:r10", "0:r2", "1:r9", "[C]", "[b]", "[c]", "[x]", "[y]"]);
    }
}

//! Replay tokens: one execution of a closure in a few characters.
//!
//! A token says what each thread was answered. Replaying it is a search in which no other answers make sense, so that
//! little more than that execution is run. Where two executions differ in the order of writes (or of critical sections) alone, which
//! no thread has seen, the one that fails is found again. An execution with load buffering is built from answers that it does not
//! have: it is looked for among all.
//!
//! Pointers into the model heap are told as what they are in every process: the thread that has allocated, and how far
//! into its arena. What looks like another pointer is taken to be different in each process, and anything matches it.
//!
//! A token names the place in the source from which its model is explored, so that `LKMM_REPLAY` may be set for a whole test run: the model of that
//! place is replayed. Others must neither pass for replayed nor fail, so they are explored as usual, and say so.
//!
//! A token is the answers as numbers (LEB128: seven bits to a byte, the lowest first) in base 64 of the alphabet that
//! needs no escape in addresses of the web (RFC 4648, section 5).

use crate::runtime::{ClosureProgram, Runtime};
use lkmm_model::program::{LocationId, Value};
use lkmm_search::open::{Access, Answer, OpenError, OpenProgram, Step};
use std::fmt;
use std::io::{self, Write};
use std::panic::Location;
use std::sync::{Mutex, PoisonError};

/// The version of this format.
const VERSION: u128 = 1;
/// Values from here on, to the end of what is addressed, may be pointers.
const POINTERS: std::ops::Range<u64> = 1 << 32..1 << 48;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// An answer, as it is in every process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Bits(u64),
    Choice(u32),
    Free,
    Held,
    Joined,
    /// Something that is another one in each process.
    Any,
    /// What is in memory that nothing has initialised.
    Uninit,
    /// To an object of the model heap.
    Pointer {
        thread: u32,
        offset: u32,
    },
}

impl Told {
    fn of(runtime: &Runtime, answer: Answer) -> Self {
        match answer {
            Answer::Free => Told::Free,
            Answer::Held => Told::Held,
            Answer::Joined => Told::Joined,
            Answer::Choice(number) => Told::Choice(number),
            Answer::Value(Value::Bits(bits)) => match runtime.in_arena(bits) {
                Some((thread, offset)) => Told::Pointer { thread, offset },
                None if POINTERS.contains(&bits) => Told::Any,
                None => Told::Bits(bits),
            },
            Answer::Value(_) => Told::Uninit,
        }
    }

    /// In two bits, and the rest.
    fn encode(self, numbers: &mut Vec<u128>) {
        match self {
            Told::Bits(bits) => numbers.push(u128::from(bits) << 2),
            Told::Choice(number) => numbers.push(u128::from(number) << 2 | 1),
            Told::Free => numbers.push(2),
            Told::Held => numbers.push(1 << 2 | 2),
            Told::Joined => numbers.push(2 << 2 | 2),
            Told::Any => numbers.push(3 << 2 | 2),
            Told::Uninit => numbers.push(4 << 2 | 2),
            Told::Pointer { thread, offset } => numbers.extend([u128::from(thread) << 2 | 3, u128::from(offset)]),
        }
    }

    fn decode(numbers: &mut dyn Iterator<Item = u128>) -> Option<Self> {
        let number = numbers.next()?;
        let rest = number >> 2;
        Some(match number & 3 {
            0 => Told::Bits(rest.try_into().ok()?),
            1 => Told::Choice(rest.try_into().ok()?),
            2 => *[Told::Free, Told::Held, Told::Joined, Told::Any, Told::Uninit].get(usize::try_from(rest).ok()?)?,
            _ => Told::Pointer { thread: rest.try_into().ok()?, offset: numbers.next()?.try_into().ok()? },
        })
    }
}

/// A number for a place in the source, the same in every process (Fowler, Noll and Vo's hash 1a).
pub(crate) fn caller(place: &Location<'_>) -> u32 {
    let text = format!("{}:{}:{}", place.file(), place.line(), place.column());
    text.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// What is to be known where `LKMM_REPLAY` is not of a model.
pub(crate) const OF_ANOTHER: &str = "LKMM_REPLAY is the token of another model, or the code above this one has changed: this one was not replayed, \
                                     but explored as usual";

/// Says that a model is not replayed, past the test harness, which keeps what passing tests print. Of each place, once.
pub(crate) fn say_of_another(place: &Location<'_>) {
    static SAID: Mutex<Vec<u32>> = Mutex::new(Vec::new());
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if !said.contains(&caller(place)) {
        said.push(caller(place));
        let line = format!(
            "lkmm: not replayed, but explored as usual: the model at {place}, of which LKMM_REPLAY is no token\n"
        );
        // Who reads no errors is not to be stopped by one.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

/// What each thread of an execution was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// Stands for the place from which the model was explored.
    pub(crate) caller: u32,
    threads: Vec<Vec<Told>>,
}

impl Token {
    /// The token of the execution that was just run.
    pub(crate) fn of(runtime: &Runtime, caller: u32) -> Self {
        let told = |answers: &[Answer]| answers.iter().map(|&answer| Told::of(runtime, answer)).collect();
        Token { caller, threads: runtime.answers().map(told).collect() }
    }

    /// Do they tell of the same answers?
    pub(crate) fn is_same(&self, other: &Token) -> bool {
        self.threads == other.threads
    }

    /// A choice of a thread, by its number among its choices.
    pub(crate) fn choice(&self, thread: usize, number: usize) -> Option<u32> {
        let mut choices = self.threads.get(thread)?.iter().filter_map(|told| match told {
            Told::Choice(choice) => Some(*choice),
            _ => None,
        });
        choices.nth(number)
    }

    /// Reads a token; `None` if it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let numbers = numbers(&bytes(text.trim())?)?;
        let numbers = &mut numbers.into_iter();
        if numbers.next()? != VERSION {
            return None;
        }
        let mut token = Token { caller: numbers.next()?.try_into().ok()?, threads: Vec::new() };
        while let Some(length) = numbers.next() {
            let mut thread = Vec::new();
            for _ in 0..length {
                thread.push(Told::decode(numbers)?);
            }
            token.threads.push(thread);
        }
        Some(token)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut numbers = vec![VERSION, self.caller.into()];
        for thread in &self.threads {
            numbers.push(thread.len() as u128);
            thread.iter().for_each(|told| told.encode(&mut numbers));
        }
        let mut bytes = Vec::new();
        for mut number in numbers {
            while number > 0x7f {
                bytes.push(number as u8 | 0x80);
                number >>= 7;
            }
            bytes.push(number as u8);
        }
        for group in bytes.chunks(3) {
            let [a, b, c] = [0, 1, 2].map(|n| group.get(n).copied().map_or(0, u32::from));
            let bits = a << 16 | b << 8 | c;
            for n in 0..=group.len() {
                let letter = ALPHABET[(bits >> (18 - 6 * n) & 63) as usize];
                write!(f, "{}", char::from(letter))?;
            }
        }
        Ok(())
    }
}

/// The bytes that a text stands for.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for group in text.as_bytes().chunks(4) {
        let mut bits = 0;
        for (n, letter) in group.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == letter)?;
            bits |= value << (18 - 6 * n);
        }
        let all = [(bits >> 16) as u8, (bits >> 8) as u8, bits as u8];
        bytes.extend(&all[..group.len() - 1]);
    }
    Some(bytes)
}

/// The numbers that bytes stand for.
fn numbers(bytes: &[u8]) -> Option<Vec<u128>> {
    let mut numbers = Vec::new();
    let (mut number, mut shift) = (0_u128, 0);
    for &byte in bytes {
        if shift > 70 {
            return None;
        }
        number |= u128::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(number);
            (number, shift) = (0, 0);
        }
    }
    (shift == 0).then_some(numbers)
}

/// A program in which only the answers of a token make sense.
pub(crate) struct Replayed<'p> {
    program: &'p mut ClosureProgram,
    token: Token,
    /// Of each thread, how many answers it has been given, and whether the last one is not that of the token.
    given: Vec<(usize, bool)>,
}

impl<'p> Replayed<'p> {
    pub(crate) fn new(program: &'p mut ClosureProgram, token: Token) -> Self {
        Replayed { program, token, given: Vec::new() }
    }

    fn given(&mut self, thread: usize) -> &mut (usize, bool) {
        if self.given.len() <= thread {
            self.given.resize(thread + 1, (0, false));
        }
        &mut self.given[thread]
    }

    /// Is this what the token says the thread is told next? It says nothing of what comes after its end.
    fn fits(&mut self, thread: usize, answer: Answer) -> bool {
        let (number, _) = *self.given(thread);
        let told = self.token.threads.get(thread).and_then(|told| told.get(number));
        told.is_none_or(|&told| told == Told::Any || told == Told::of(self.program.runtime(), answer))
    }
}

impl OpenProgram for Replayed<'_> {
    fn threads(&self) -> usize {
        self.program.threads()
    }

    fn restart(&mut self) {
        self.given.clear();
        self.program.restart();
    }

    fn next(&mut self, thread: usize, expected: Option<LocationId>) -> Step {
        if self.given(thread).1 { Step::Stuck } else { self.program.next(thread, expected) }
    }

    fn access(&mut self, thread: usize, answer: Answer) -> Result<Option<Access>, OpenError> {
        if self.fits(thread, answer) { self.program.access(thread, answer) } else { Ok(None) }
    }

    fn resume(&mut self, thread: usize, answer: Answer) {
        if self.fits(thread, answer) {
            self.given(thread).0 += 1;
            self.program.resume(thread, answer);
        } else {
            self.given(thread).1 = true;
        }
    }

    fn initial(&self, location: LocationId) -> Value {
        self.program.initial(location)
    }

    fn may_stand_in(&self, location: LocationId, value: Value) -> bool {
        self.program.may_stand_in(location, value)
    }

    fn settle(&mut self, location: LocationId, value: Value) {
        self.program.settle(location, value);
    }

    fn may_be_followed(&self, value: Value) -> bool {
        self.program.may_be_followed(value)
    }

    fn pointers_move(&self) -> bool {
        self.program.pointers_move()
    }

    fn moves(&self, location: LocationId) -> bool {
        self.program.moves(location)
    }

    fn is_moving(&self, location: LocationId, value: Value) -> bool {
        self.program.is_moving(location, value)
    }

    fn is_opaque(&self, location: LocationId) -> bool {
        self.program.is_opaque(location)
    }

    fn name(&self, location: LocationId) -> u64 {
        self.program.name(location)
    }

    fn common(&self, value: Value) -> Option<Value> {
        self.program.common(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let pointer = Told::Pointer { thread: 3, offset: 1 << 20 };
        let all =
            vec![Told::Bits(0), Told::Bits(u64::MAX), Told::Choice(7), pointer, Told::Any, Told::Held, Told::Uninit];
        for threads in [vec![], vec![vec![]], vec![all, vec![], vec![Told::Free, Told::Joined]]] {
            let token = Token { caller: 200, threads };
            assert_eq!(Token::parse(&token.to_string()), Some(token));
        }
        for text in ["", "A", "%", "AQ", "AgA", "AQEB", "AQGA"] {
            assert_eq!(Token::parse(text), None, "{text:?}");
        }
    }
}

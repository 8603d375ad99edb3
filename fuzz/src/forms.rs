//! Sources made from the fuzzer's bytes, in two forms.
//!
//! Bytes that begin with 255 are the seed of a [generated](lkmm_naive::generate_litmus) test, which is well-formed, and edits of it: the
//! fuzzer gets past the parser at once, and near the edges of the language. All others are the text itself.

use lkmm_naive::{Config, generate_litmus};
use std::borrow::Cow;

/// What edits put into a test.
const TOKENS: &[&str] = &[
    "0",
    "-1",
    "1",
    "2147483647",
    "-2147483648",
    "r0",
    "r1",
    "*x",
    "*y",
    "*z",
    "(*x)",
    "x",
    "y",
    "(",
    ")",
    "{",
    "}",
    ";",
    ",",
    "=",
    "==",
    "!=",
    "<",
    "<=",
    "+",
    "-",
    "*",
    "/",
    "&",
    "|",
    "^",
    "if (r0)",
    "else",
    "while (r1)",
    "while (1)",
    "int r9 =",
    "READ_ONCE(*x)",
    "WRITE_ONCE(*x, r0);",
    "smp_mb();",
    "rcu_read_lock();",
    "rcu_read_unlock();",
    "synchronize_rcu();",
    "spin_lock(x);",
    "spin_unlock(x);",
    "spin_trylock(x)",
    "spin_is_locked(x)",
    "xchg(x, 1)",
    "cmpxchg(x, 0, 1)",
    "atomic_inc(x);",
    "atomic_add_unless(x, 1, 2)",
    "srcu_read_lock(x)",
    "synchronize_srcu(x);",
    "/\\",
    "\\/",
    "~",
    "=>",
    "0:r0=1",
    "[x]=1",
    "filter (0:r0=0)",
    "locations [x;]",
    "forall",
    "true",
    "false",
];

/// The source that bytes stand for. What is no text is replaced, as where files are read.
pub fn source(bytes: &[u8]) -> Cow<'_, str> {
    match bytes {
        [255, rest @ ..] => generated(rest),
        _ => String::from_utf8_lossy(bytes),
    }
}

fn generated(bytes: &[u8]) -> Cow<'_, str> {
    let (seed, edits) = bytes.split_at(bytes.len().min(4));
    let seed = seed.iter().fold(0u64, |n, &b| n << 8 | u64::from(b));
    let mut text = generate_litmus(seed, &Config::default()).text;
    for edit in edits.chunks_exact(4).take(16) {
        // The text is ASCII, so that every place in it is one to cut at.
        let at = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % (text.len() + 1);
        let removed = usize::from(edit[2] % 16).min(text.len() - at);
        let token = TOKENS.get(usize::from(edit[3])).copied().unwrap_or("");
        text.replace_range(at..at + removed, token);
    }
    Cow::Owned(text)
}

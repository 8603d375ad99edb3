//! The parser on any text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lkmm_fuzz::parse(&lkmm_fuzz::source(bytes)));

//! The whole of `lkmm check` on any text.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lkmm_fuzz::check(&lkmm_fuzz::source(bytes)));

//! Repairs and weakenings of any test.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lkmm_fuzz::repair(&lkmm_fuzz::source(bytes)));

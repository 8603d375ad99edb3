//! Runs a litmus test on this machine: hands the arguments to the harness.

#[cfg(lkmm_rust_processes)]
mod processes;

use std::ffi::{CString, c_char, c_int};

unsafe extern "C" {
    fn lkmm_harness(argc: c_int, argv: *mut *mut c_char) -> c_int;
}

fn main() {
    // No argument holds a zero byte.
    let arguments: Vec<CString> = std::env::args().filter_map(|argument| CString::new(argument).ok()).collect();
    let mut pointers: Vec<*mut c_char> = arguments.iter().map(|argument| argument.as_ptr().cast_mut()).collect();
    pointers.push(std::ptr::null_mut());
    // SAFETY: there are so many strings, then a null pointer, and nobody writes to them.
    let code = unsafe { lkmm_harness(arguments.len() as c_int, pointers.as_mut_ptr()) };
    std::process::exit(code);
}

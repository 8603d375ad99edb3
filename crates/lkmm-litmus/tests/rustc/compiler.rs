//! `rustc`, and crate `lkmm` compiled for it.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What a file begins with whose functions are processes.
pub(crate) const PRELUDE: &str = "#![allow(warnings)]
use lkmm::atomic::{self, atomic_load, atomic_store, ordering, Acquire, Atomic, AtomicFlag, Full, Relaxed, Release};
use lkmm::barrier::*;
use lkmm::cell::Shared;
use lkmm::lock::{Mutex, MutexGuard, SpinLock, SpinLockGuard};
use lkmm::rcu::{self, synchronize_rcu};
use lkmm::{hint, srcu};
use std::mem::forget;
use std::{mem, ptr};
";

/// A folder of this test alone.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("rustc");
        std::fs::create_dir_all(&folder).expect("a folder");
        let lkmm = Path::new(env!("CARGO_MANIFEST_DIR")).join("../lkmm/src/lib.rs");
        let output = rustc(&folder, &["--crate-name=lkmm", "--crate-type=rlib", "-Awarnings", "--cfg=feature=\"std\""])
            .arg(lkmm)
            .output()
            .expect("rustc runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        folder
    })
}

fn rustc(folder: &Path, flags: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("RUSTC").unwrap_or(OsString::from("rustc")));
    command.current_dir(folder).arg("--edition=2024").args(flags);
    command
}

/// Compiles a file, with flags.
pub(crate) fn compile(name: &str, source: &str, flags: &[&str]) -> Output {
    let folder = folder();
    let file = folder.join(name).with_extension("rs");
    std::fs::write(&file, source).expect("a file");
    rustc(folder, &["--extern=lkmm=liblkmm.rlib"]).args(flags).arg(file).output().expect("rustc runs")
}

/// What `rustc` says against a file, if anything.
pub(crate) fn refused(name: &str, source: &str) -> Option<String> {
    let output = compile(name, source, &["--crate-type=lib", "--emit=obj"]);
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The parameters of the processes that have them all.
pub(crate) const PARAMETERS: &str = "x: &Atomic<i32>, y: &Atomic<i32>, q: &Atomic<*mut i32>, p: *mut i32, a8: &Atomic<u8>, \
    a16: &Atomic<i16>, a64: &Atomic<i64>, au: &Atomic<u32>, flag: &Atomic<bool>, af: &AtomicFlag, s: &SpinLock<()>, \
    t: &SpinLock<()>, m: &Mutex<()>, d: &srcu::Domain, sh: &Shared<i32>";

/// Reads a process in the dialect, or a body of one; the error is what it says.
pub(crate) fn read(process: &str) -> Result<(), String> {
    let process = match process.strip_prefix("pub ") {
        Some(process) => process.to_string(),
        None => format!("fn P0({PARAMETERS}) {{ {process} }}"),
    };
    let read = lkmm_litmus::parse(&format!("Rust t\n{{}}\n{process}\n"), &lkmm_litmus::Options::default());
    read.map(drop).map_err(|problem| format!("{problem} ({})", problem.help.clone().unwrap_or_default()))
}

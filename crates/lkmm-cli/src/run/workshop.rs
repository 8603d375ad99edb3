//! Where programs are built: a temporary folder, which goes away with the command.
//!
//! What is the same for all tests (the harness, crate `lkmm`) is compiled once. A program without Rust needs a compiler of C alone.

use super::emit::{write_crate, write_file};
use lkmm_litmus::hardware::{MAIN, Sources};
use lkmm_report::Problem;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Flags for C, in the spirit of the kernel's own.
const CFLAGS: &[&str] = &["-std=gnu11", "-O2", "-fno-strict-aliasing", "-fwrapv", "-pthread"];
/// Flags for Rust.
const RUSTFLAGS: &[&str] =
    &["--edition=2024", "-Copt-level=3", "-Cpanic=abort", "-Ccodegen-units=1", "--cap-lints=allow"];

/// A folder, and what has been built in it.
pub(super) struct Workshop {
    folder: PathBuf,
    /// The harness, compiled with the function `main` and without.
    harness: [bool; 2],
    has_crate: bool,
    tests: u32,
}

impl Workshop {
    /// Makes the folder.
    ///
    /// # Errors
    /// Those of the system.
    pub(super) fn new() -> io::Result<Workshop> {
        let parent = std::env::temp_dir();
        for number in 0..1000 {
            let folder = parent.join(format!("lkmm-run-{}-{number}", std::process::id()));
            match std::fs::create_dir(&folder) {
                Ok(()) => return Ok(Workshop { folder, harness: [false; 2], has_crate: false, tests: 0 }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(io::Error::new(error.kind(), format!("{}: {error}", folder.display()))),
            }
        }
        Err(io::Error::other(format!("no free name for a folder in {}", parent.display())))
    }

    /// Builds the program of a test, and yields its path.
    ///
    /// # Errors
    /// Which compiler is missing, or what it says.
    pub(super) fn build(&mut self, sources: &Sources) -> Result<PathBuf, Problem> {
        for (name, text) in &sources.harness {
            write_file(&self.folder.join(name), text)?;
        }
        // A name of its own: the last program may still be running, or be kept by the system.
        self.tests += 1;
        let program = self.folder.join(format!("test{}{}", self.tests, std::env::consts::EXE_SUFFIX));
        write_file(&self.folder.join("test.c"), &sources.test)?;
        let is_rust = sources.processes.is_some();
        let main: &[&str] = if is_rust { &[] } else { &["-DLKMM_MAIN"] };
        let kind = if is_rust { "rust" } else { "c" };
        let mut compiling = Vec::new();
        for (name, object) in [
            ("harness", format!("harness-{kind}.o")),
            ("histogram", format!("histogram-{kind}.o")),
            ("test", "test.o".into()),
        ] {
            if name == "test" || !self.harness[usize::from(is_rust)] {
                let mut command = self.command(&compiler());
                command.args(CFLAGS).args(flags()).args(main).args([
                    "-fPIC",
                    "-c",
                    &format!("{name}.c"),
                    "-o",
                    &object,
                ]);
                compiling.push((spawn(&mut command)?, command));
            }
        }
        let compiled: Vec<_> = compiling.into_iter().map(|(child, command)| finish(child, &command)).collect();
        compiled.into_iter().collect::<Result<(), Problem>>()?;
        self.harness[usize::from(is_rust)] = true;
        let objects = [format!("harness-{kind}.o"), format!("histogram-{kind}.o"), "test.o".into()];
        match &sources.processes {
            None => self
                .execute(self.command(&compiler()).args(CFLAGS).args(flags()).args(objects).arg("-o").arg(&program))?,
            Some(processes) => self.link_rust(processes, &objects, &program)?,
        }
        Ok(program)
    }

    /// Builds what is in Rust, and links all.
    fn link_rust(&mut self, processes: &str, objects: &[String], program: &Path) -> Result<(), Problem> {
        if !self.has_crate {
            write_crate(&self.folder.join("lkmm"))?;
            let mut command = self.command(&rustc());
            command.args(RUSTFLAGS).args(["--crate-name=lkmm", "--crate-type=rlib", "--cfg=feature=\"std\""]);
            self.execute(command.args(["lkmm/src/lib.rs", "-o", "liblkmm.rlib"]))?;
            self.has_crate = true;
        }
        write_file(&self.folder.join("main.rs"), MAIN)?;
        write_file(&self.folder.join("processes.rs"), processes)?;
        let mut command = self.command(&rustc());
        command.args(RUSTFLAGS).args(["--crate-name=litmus", "--crate-type=bin", "--cfg=lkmm_rust_processes"]);
        command.args(objects.iter().map(|object| format!("-Clink-arg={object}")));
        if std::env::var_os("CC").is_some() {
            command.arg({
                let mut linker = OsString::from("-Clinker=");
                linker.push(compiler());
                linker
            });
        }
        self.execute(command.args(["--extern=lkmm=liblkmm.rlib", "-Clink-arg=-pthread", "main.rs", "-o"]).arg(program))
    }

    fn command(&self, program: &OsString) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }

    fn execute(&self, command: &mut Command) -> Result<(), Problem> {
        finish(spawn(command)?, command)
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What is left of it is in a temporary folder.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn named(variable: &str, default: &str) -> OsString {
    std::env::var_os(variable).filter(|value| !value.is_empty()).unwrap_or_else(|| default.into())
}

fn compiler() -> OsString {
    named("CC", "cc")
}

fn rustc() -> OsString {
    named("RUSTC", "rustc")
}

fn flags() -> Vec<String> {
    let flags = std::env::var("CFLAGS").unwrap_or_default();
    flags.split_whitespace().map(String::from).collect()
}

/// Starts a compiler.
fn spawn(command: &mut Command) -> Result<Child, Problem> {
    command.spawn().map_err(|error| {
        let name = command.get_program().display();
        let problem = Problem::new(format!("{name} cannot be run: {error}"));
        if command.get_program() == rustc() {
            problem.with_help("processes in Rust need rustc: install Rust from https://rustup.rs, name a compiler in RUSTC, or write the test in C with `lkmm convert --to c`")
        } else {
            problem.with_help("tests need a compiler of C: install one (on Debian, `apt install gcc libc6-dev`), or name one in CC")
        }
    })
}

/// Waits for a compiler, and tells what it complains of.
fn finish(child: Child, command: &Command) -> Result<(), Problem> {
    let name = command.get_program().display();
    let output =
        child.wait_with_output().map_err(|error| Problem::new(format!("{name} cannot be waited for: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let first: Vec<&str> = complaint.lines().take(30).collect();
    Err(Problem::new(format!("{name} refuses the program of this test:\n{}", first.join("\n"))))
}

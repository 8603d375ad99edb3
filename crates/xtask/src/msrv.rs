//! The oldest compiler that the libraries promise to build with.
//!
//! `rust-version` in the workspace's `Cargo.toml` is the promise. `LKMM_MSRV_RUSTC` names a compiler of that version; without
//! it, the `rustc` of the system (Debian's, for one, stands beside that of rustup) is taken if it is of that version. Else Debian's
//! package is fetched and unpacked below the target directory, once: nothing is installed, and nobody needs to be root.

use crate::lkmm;
use crate::table::Row;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// The crates that make the promise.
const LIBRARIES: &[&str] =
    &["lkmm-model", "lkmm-search", "lkmm-litmus", "lkmm-report", "lkmm-check", "lkmm", "lkmm-loom"];
/// Where systems put their own compiler.
const SYSTEM: &str = "/usr/bin/rustc";
/// Debian's package of a compiler, and the one beside it of the same version.
const PACKAGES: [&str; 2] = ["rustc-web", "libstd-rust-web-dev"];
/// How long to wait for a server, in seconds.
const PATIENCE: u32 = 20;

/// A compiler, and where its libraries are if that is no place of the system.
struct Compiler {
    rustc: PathBuf,
    libraries: Option<PathBuf>,
}

impl Compiler {
    fn at(rustc: impl Into<PathBuf>) -> Compiler {
        Compiler { rustc: rustc.into(), libraries: None }
    }

    /// What is below a folder into which Debian's packages were unpacked.
    fn unpacked(folder: &Path) -> Compiler {
        let libraries = folder.join(format!("usr/lib/{}-linux-gnu", std::env::consts::ARCH));
        Compiler { rustc: folder.join("usr/bin/rustc"), libraries: Some(libraries) }
    }

    /// Lets a command find the compiler's libraries.
    fn prepare<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        match &self.libraries {
            Some(libraries) => command.env("LD_LIBRARY_PATH", libraries),
            None => command,
        }
    }

    /// Is it of a version?
    ///
    /// # Errors
    /// What it is, or why it does not run.
    fn is(&self, version: &str) -> Result<(), String> {
        let found = output(self.prepare(Command::new(&self.rustc).arg("--version")))?;
        if found.starts_with(&format!("rustc {version}.")) {
            Ok(())
        } else {
            Err(format!("it is {}", found.lines().next().unwrap_or("mute")))
        }
    }

    fn check_libraries(&self) -> bool {
        println!("== libraries with {}", self.rustc.display());
        let mut command = lkmm::cargo();
        // Nothing is run but the macros of dependencies, which are not worth optimising.
        command.args(["check", "--quiet", "--config", "profile.dev.package.\"*\".opt-level=0"]);
        command.args(LIBRARIES.iter().flat_map(|name| ["--package", name]));
        // A folder of its own: the other compiler's results stay, and are not built again after this.
        command.arg("--target-dir").arg(lkmm::target().join("msrv")).env("RUSTC", &self.rustc);
        self.prepare(&mut command).current_dir(lkmm::root()).status().is_ok_and(|status| status.success())
    }
}

/// Checks the libraries with that compiler, or says why there is none.
pub(crate) fn row() -> Row {
    let start = Instant::now();
    let mut row = Row::default();
    match promised() {
        Err(message) => (row.failed, row.note) = (1, message),
        Ok(version) => {
            row.suite = format!("libraries with Rust {version}");
            match compiler(&version) {
                Err(message) => (row.failed, row.note) = (1, message),
                Ok(Err(missing)) => {
                    row.skipped = 1;
                    row.note = format!("no rustc {version}: {missing}; name one in LKMM_MSRV_RUSTC");
                }
                Ok(Ok(compiler)) if compiler.check_libraries() => row.passed = 1,
                Ok(Ok(_)) => (row.failed, row.note) = (1, "see above".into()),
            }
        }
    }
    row.time = start.elapsed();
    row
}

/// The `rust-version` of the workspace.
fn promised() -> Result<String, String> {
    let manifest = std::fs::read_to_string(lkmm::root().join("Cargo.toml")).map_err(|e| format!("Cargo.toml: {e}"))?;
    let line = manifest.lines().find_map(|l| l.strip_prefix("rust-version = \"")?.strip_suffix('"'));
    line.map(String::from).ok_or_else(|| "Cargo.toml has no rust-version".into())
}

/// A compiler of a version, or why there is none. One that is named must be of that version.
fn compiler(version: &str) -> Result<Result<Compiler, String>, String> {
    if let Some(named) = std::env::var_os("LKMM_MSRV_RUSTC") {
        let compiler = Compiler::at(named);
        let wrong = |e| format!("LKMM_MSRV_RUSTC={} is no rustc {version}: {e}", compiler.rustc.display());
        return compiler.is(version).map_err(wrong).map(|()| Ok(compiler));
    }
    let system = Compiler::at(SYSTEM);
    Ok(if system.is(version).is_ok() { Ok(system) } else { debians(version) })
}

/// Debian's compiler, unpacked below the target directory: there from an earlier run, or fetched now.
fn debians(version: &str) -> Result<Compiler, String> {
    let folder = lkmm::target().join(format!("rustc-{version}"));
    let compiler = Compiler::unpacked(&folder);
    if !compiler.rustc.exists() {
        // Under another name until all is there: what is left of an interrupted run must not count.
        let partial = folder.with_extension("partial");
        let _ = std::fs::remove_dir_all(&partial);
        std::fs::create_dir_all(&partial).map_err(|e| format!("cannot create {}: {e}", partial.display()))?;
        let fetched = fetch(version, &partial);
        let moved = fetched.and_then(|()| std::fs::rename(&partial, &folder).map_err(|e| e.to_string()));
        let _ = std::fs::remove_dir_all(&partial);
        moved?;
    }
    compiler.is(version).map_err(|e| format!("Debian's does not do: {e}"))?;
    Ok(compiler)
}

/// Fetches Debian's packages of a version with what they need, and unpacks them into a folder.
fn fetch(version: &str, folder: &Path) -> Result<(), String> {
    let [compiler, library] = PACKAGES;
    let known = output(Command::new("apt-cache").args(["madison", compiler]))?;
    let exact = known.lines().filter_map(|line| line.split('|').nth(1)).map(str::trim);
    let exact = exact.into_iter().find(|v| v.starts_with(&format!("{version}.")));
    let exact = exact.ok_or_else(|| {
        format!("apt knows no package {compiler} of this version (apt-get update brings its lists up to date)")
    })?;
    let runtime = format!("libstd-rust-web-{version}");
    let needs = output(Command::new("apt-cache").args(["depends", &runtime]))?;
    let llvm =
        needs.lines().filter_map(|line| line.trim().strip_prefix("Depends: ")).find(|n| n.starts_with("libllvm"));
    println!("== fetching Debian's {compiler} {exact}");
    let mut apt = Command::new("apt-get");
    apt.args(["download", "-o", "Acquire::Retries=0", "-o", &format!("Acquire::http::Timeout={PATIENCE}")]);
    apt.args([format!("{compiler}={exact}"), format!("{library}={exact}"), runtime]).args(llvm);
    output(apt.current_dir(folder))?;
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for archive in
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.extension() == Some(OsStr::new("deb")))
    {
        output(Command::new("dpkg").arg("-x").arg(&archive).arg(folder))?;
        std::fs::remove_file(&archive).map_err(|e| format!("{}: {e}", archive.display()))?;
    }
    Ok(())
}

/// What a command prints.
///
/// # Errors
/// That there is no such command, or the last line of what it complains of.
fn output(command: &mut Command) -> Result<String, String> {
    let name = Path::new(command.get_program()).file_name().map_or_else(String::new, |n| n.display().to_string());
    let output = command.stdin(Stdio::null()).output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => format!("there is no {name} here"),
        _ => format!("{name}: {e}"),
    })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name}: {}", complaint.lines().last().unwrap_or("failed")))
}

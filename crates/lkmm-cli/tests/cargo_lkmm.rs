//! `cargo lkmm`, run as users run it, in small crates outside of the workspace.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The crates are built into one folder, so that lkmm is built once; and there is one summary in it.
static TARGET: Mutex<()> = Mutex::new(());

/// A crate, and the right to build it.
struct Crate {
    folder: PathBuf,
    _target: MutexGuard<'static, ()>,
}

impl Crate {
    /// A crate of this name, with this at the end of its manifest and this in its library.
    fn new(name: &str, manifest: &str, library: &str) -> Crate {
        let target = TARGET.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cargo-lkmm").join(name);
        let new = Crate { folder, _target: target };
        let head = format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
        new.write("Cargo.toml", &format!("{head}{}", manifest.replace("LKMM", &lkmm().display().to_string())));
        // The versions that this project is tested with.
        new.write("Cargo.lock", &std::fs::read_to_string(lkmm().join("../../Cargo.lock")).expect("a lock file"));
        new.write("src/lib.rs", library);
        new
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder for tests");
        std::fs::write(path, text).expect("a folder for tests");
    }

    /// Runs `cargo lkmm`. Yields the exit code, the output and the errors.
    fn lkmm(&self, args: &[&str]) -> (i32, String, String) {
        self.lkmm_with("", args)
    }

    /// Runs `cargo lkmm` with these flags for the compiler.
    fn lkmm_with(&self, flags: &str, args: &[&str]) -> (i32, String, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lkmm"));
        let ours = |name: &str| name.starts_with("LKMM_") || name.starts_with("RUST_TEST");
        std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(ours)).for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.arg("lkmm").args(args).arg("--offline").current_dir(&self.folder);
        if !flags.is_empty() {
            command.env("RUSTFLAGS", flags);
        }
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cargo-lkmm/target");
        let Output { status, stdout, stderr } =
            command.env("CARGO_TARGET_DIR", target).output().expect("the command runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (status.code().expect("an exit code"), text(stdout), text(stderr))
    }
}

/// The folder of crate lkmm.
fn lkmm() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../lkmm")
}

const CHECKED: &str = "[dev-dependencies]\nlkmm = { path = \"LKMM\", features = [\"check\"] }\n[workspace]\n";

const MODELS: &str = r#"
#[cfg(test)]
mod tests {
    use lkmm::atomic::{Atomic, Relaxed};
    use lkmm::check::{Builder, model};
    use lkmm::thread;

    static X: Atomic<u32> = Atomic::new(0);

    fn add(threads: usize) -> impl Fn() + Send + Sync {
        move || (0..threads).for_each(|_| drop(thread::spawn(|| X.add(1, Relaxed))))
    }

    #[test]
    fn four() {
        model(add(4));
    }

    #[test]
    fn twelve() {
        assert!(Builder::new().explore(add(12)).failure().is_none());
    }

    #[test]
    fn lost() {
        model(|| {
            let add = || X.store(X.load(Relaxed) + 1, Relaxed);
            let t = thread::spawn(add);
            add();
            t.join().unwrap();
            assert_eq!(X.load(Relaxed), 2, "an increment is lost");
        });
    }
}
"#;

/// The line of a table that is about something.
fn line<'a>(table: &'a str, about: &str) -> &'a str {
    let found = table.lines().find(|line| line.starts_with(about));
    found.unwrap_or_else(|| panic!("no line on {about}:\n{table}"))
}

#[test]
fn tests_run_within_budgets_and_their_models_are_listed() {
    let models = Crate::new("models", CHECKED, MODELS);
    let (code, out, err) = models.lkmm(&["test", "--max-executions", "100", "--jobs", "2"]);
    assert_eq!(code, 1, "{out}\n{err}");
    let four = line(&out, "models tests::four ");
    assert!(four.contains(" 24 ") && four.ends_with("  complete"), "{four}");
    let twelve = line(&out, "models tests::twelve ");
    assert!(twelve.contains(" 100 ") && twelve.contains("  out of budget, about "), "{twelve}");
    assert!(line(&out, "models tests::lost ").contains("  Panic at src/lib.rs:31:"), "{out}");
    let (_, report) = out.split_once("report: ").expect("a link to a report");
    let picture = Path::new(report.lines().next().expect("a path"));
    assert!(picture.is_file() && picture.extension().is_some_and(|kind| kind == "svg"), "{out}");
    let report = std::fs::read_to_string(picture.with_extension("txt")).expect("a report");
    assert!(report.contains("an increment is lost") && report.contains("LKMM_REPLAY="), "{report}");
    assert!(line(&out, "3 models, ").ends_with(": 1 complete, 1 failed, 1 out of budget"), "{out}");

    let (code, out, err) = models.lkmm(&["test", "twelve", "--random", "50"]);
    assert_eq!(code, 0, "{out}\n{err}");
    assert!(line(&out, "models tests::twelve ").contains("  random walks, of about "), "{out}");
    assert!(line(&out, "1 model, 50 executions, ").ends_with(": 0 complete, 0 failed, 1 sampled"), "{out}");

    let (code, out, _) = models.lkmm(&["test", "nothing"]);
    assert!(code == 0 && out.contains("no model was explored"), "{out}");
}

#[test]
fn a_checker_that_would_be_shipped_is_refused() {
    let normal =
        "[dependencies]\nlkmm = { path = \"LKMM\" }\nother = { path = \"../other\", features = [\"model\"] }\n";
    drop(Crate::new(
        "other",
        "[dependencies]\nlkmm = { path = \"LKMM\" }\n[features]\nmodel = [\"lkmm/check\"]\n[workspace]\n",
        "",
    ));
    let app = Crate::new("app", &format!("{normal}{CHECKED}"), "");
    for command in ["test", "bench"] {
        let (code, out, err) = app.lkmm(&[command]);
        assert_eq!((code, out.as_str()), (2, ""), "{err}");
        assert!(err.contains("the checker would be shipped"), "{err}");
        assert!(err.contains("by other feature \"model\"\n      by app v0.1.0"), "{err}");
    }
    drop(app);
    // Where features of tests are mixed into builds, the checker is shipped as well.
    let mixed = format!("[dependencies]\nlkmm = {{ path = \"LKMM\" }}\n{CHECKED}resolver = \"1\"\n");
    let (code, _, err) = Crate::new("mixed", &mixed, "").lkmm(&["test"]);
    assert!(code == 2 && err.contains("resolver = \"2\" does not"), "{err}");
}

const LOOM: &str = r#"
#[cfg(loom)]
use loom::sync::atomic::{AtomicUsize, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
pub struct Counter(AtomicUsize);

impl Counter {
    pub fn add(&self) -> usize {
        self.0.fetch_add(1, Ordering::AcqRel)
    }
}

#[cfg(all(test, loom))]
#[test]
fn two_add() {
    loom::model(|| {
        let counter = loom::sync::Arc::new(Counter::default());
        let other = counter.clone();
        let thread = loom::thread::spawn(move || other.add());
        counter.add();
        thread.join().unwrap();
        assert_eq!(counter.add(), 2);
    });
}
"#;

/// The manifest that published crates have for loom, with our crate in its place.
const LOOM_MANIFEST: &str = "[target.'cfg(loom)'.dependencies]\n\
    loom = { package = \"lkmm-loom\", path = \"LKMM/../lkmm-loom\", features = [\"heap\"] }\n\
    [lints.rust]\nunexpected_cfgs = { level = \"warn\", check-cfg = ['cfg(loom)'] }\n[workspace]\n";

#[test]
fn what_depends_on_loom_under_its_cfg_is_tested_under_it() {
    let counter = Crate::new("counter", LOOM_MANIFEST, LOOM);
    let (code, out, err) = counter.lkmm_with("--cfg loom", &["test"]);
    assert_eq!(code, 0, "{out}\n{err}");
    assert!(line(&out, "counter two_add ").ends_with("  complete"), "{out}");
    assert!(line(&out, "1 model, ").ends_with(": 1 complete, 0 failed"), "{out}");
    // Benchmarks are built as the environment says, and would have the checker.
    let (code, _, err) = counter.lkmm_with("--cfg loom", &["bench"]);
    assert!(code == 2 && err.contains("the checker would be shipped"), "{err}");
    let (code, _, err) = counter.lkmm(&["test"]);
    assert!(code == 2 && err.contains("RUSTFLAGS=\"--cfg loom\" cargo lkmm test"), "{err}");
    // Flags in the configuration are those of all builds.
    counter.write(".cargo/config.toml", "[build]\nrustflags = [\"--cfg\", \"loom\"]\n");
    let (code, _, err) = counter.lkmm(&["test"]);
    assert!(code == 2 && err.contains("the checker would be shipped") && err.contains("by counter v0.1.0"), "{err}");
    std::fs::remove_dir_all(counter.folder.join(".cargo")).expect("the folder was written");
    drop(counter);
    // Without a `cfg`, or with one that is not that of the tests, it is shipped.
    for (name, condition) in [("always", "dependencies"), ("otherwise", "target.'cfg(not(loom))'.dependencies")] {
        let manifest = LOOM_MANIFEST.replace("target.'cfg(loom)'.dependencies", condition);
        let (code, _, err) = Crate::new(name, &manifest, LOOM).lkmm_with("--cfg loom", &["test"]);
        assert!(code == 2 && err.contains("the checker would be shipped"), "{name}: {err}");
    }
}

#[test]
fn what_is_missing_is_named_with_its_mend() {
    let mend = "cargo add --dev lkmm --features check";
    let (code, _, err) = Crate::new("without", "[workspace]\n", "").lkmm(&["test"]);
    assert!(code == 2 && err.contains("depends on lkmm\n") && err.contains(mend), "{err}");
    let unchecked = "[dependencies]\nlkmm = { path = \"LKMM\" }\n[workspace]\n";
    let (code, _, err) = Crate::new("unchecked", unchecked, "").lkmm(&["test"]);
    assert!(code == 2 && err.contains("without its checker") && err.contains(mend), "{err}");
    let (code, _, err) = Crate::new("broken", "[dependencies", "").lkmm(&["test"]);
    assert!(code == 2 && err.contains("cargo tree failed: ") && err.contains("Cargo.toml"), "{err}");
}

#[test]
fn benchmarks_are_built_without_the_checker() {
    let manifest = format!("[[bench]]\nname = \"speed\"\nharness = false\n[profile.bench]\nopt-level = 0\n{CHECKED}");
    let bench = Crate::new("benchmarks", &manifest, "");
    bench.write(
        "benches/speed.rs",
        "const _: () = assert!(!lkmm::CHECKED);\nfn main() {\n    println!(\"the checker is off\");\n}\n",
    );
    let (code, out, err) = bench.lkmm(&["bench", "--bench", "speed"]);
    assert!(code == 0 && out.contains("the checker is off"), "{out}\n{err}");
}

//! A test's program as a project of cargo, which needs nothing that is not in it but a compiler for each language.

use super::{MAIN, Sources};

const BUILD: &str = include_str!("rust/build.rs");
const README: &str = include_str!("rust/README.md");

/// The files of a project that builds the program: path and text. If processes are in Rust, crate `lkmm` has to stand beside them, in a
/// folder `lkmm`.
pub fn cargo_project(sources: &Sources) -> Vec<(String, String)> {
    let mut manifest = String::from(
        "[package]\nname = \"litmus\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n[workspace]\n\n\
         [profile.release]\npanic = \"abort\"\n",
    );
    let file = |path: &str, text: &str| (path.to_string(), text.to_string());
    let mut files: Vec<(String, String)> =
        sources.harness.iter().map(|(name, text)| (format!("c/{name}"), text.to_string())).collect();
    files.push(file("c/test.c", &sources.test));
    files.push(file("src/main.rs", MAIN));
    files.push(file("build.rs", BUILD));
    files.push(file("README.md", &README.replace("{name}", &sources.name)));
    files.push(file(".gitignore", "/target\n"));
    if let Some(processes) = &sources.processes {
        files.push(file("src/processes.rs", processes));
        manifest += "\n[dependencies]\nlkmm = { path = \"lkmm\", features = [\"std\"] }\n";
    }
    files.push(("Cargo.toml".into(), manifest));
    files
}

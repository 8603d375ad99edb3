//! Compiles what is in C, with `cc` or what the environment names, for the machine that cargo builds for.

use std::env;
use std::path::PathBuf;
use std::process::Command;

/// A variable of the environment, which cargo is to look at.
fn variable(name: &str) -> Option<String> {
    println!("cargo::rerun-if-env-changed={name}");
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The compiler of C for a target: `CC_<target>`, `TARGET_CC` or `CC`; else `cc`, or for another machine the one that Debian has for it.
fn compiler(target: &str, host: &str) -> String {
    let named = [format!("CC_{target}"), format!("CC_{}", target.replace('-', "_")), "TARGET_CC".into(), "CC".into()];
    named.iter().find_map(|name| variable(name)).unwrap_or_else(|| {
        let machine = target.split('-').next().unwrap_or("");
        match machine {
            _ if target == host => "cc".into(),
            "riscv64gc" | "riscv64a23" => "riscv64-linux-gnu-gcc".into(),
            machine => format!("{machine}-linux-gnu-gcc"),
        }
    })
}

fn main() {
    println!("cargo::rerun-if-changed=c");
    println!("cargo::rustc-check-cfg=cfg(lkmm_rust_processes)");
    if PathBuf::from("src/processes.rs").exists() {
        println!("cargo::rustc-cfg=lkmm_rust_processes");
    }
    let cargo = |name: &str| env::var(name).unwrap_or_default();
    let compiler = compiler(&cargo("TARGET"), &cargo("HOST"));
    let flags = variable("CFLAGS").unwrap_or_default();
    for name in ["harness", "histogram", "test"] {
        let object = PathBuf::from(cargo("OUT_DIR")).join(format!("{name}.o"));
        let mut command = Command::new(&compiler);
        command.args(["-std=gnu11", "-O2", "-fno-strict-aliasing", "-fwrapv", "-fPIC", "-pthread", "-c"]);
        command.args(flags.split_whitespace()).arg(format!("c/{name}.c")).arg("-o").arg(&object);
        match command.status() {
            Ok(status) if status.success() => {}
            Ok(status) => panic!("{compiler} ended with {status}"),
            Err(error) => panic!("cannot run {compiler}: {error}; install it, or name a compiler of C in CC"),
        }
        println!("cargo::rustc-link-arg-bins={}", object.display());
    }
}

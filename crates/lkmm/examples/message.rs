//! A message that overtakes itself: how a failure looks.
//!
//! `cargo run -p lkmm --features check --example message docs/failure.svg`

use lkmm::atomic::{Acquire, Atomic, Relaxed};
use lkmm::check::Builder;
use lkmm::thread;
use std::sync::Arc;

fn main() -> std::io::Result<()> {
    let report = Builder::new().explore(|| {
        let mailbox = Arc::new((Atomic::new(0), Atomic::new(false)));
        let shared = mailbox.clone();
        let writer = thread::spawn(move || {
            let (message, ready) = &*shared;
            message.store(42, Relaxed);
            ready.store(true, Relaxed);
        });
        let (message, ready) = &*mailbox;
        if ready.load(Acquire) {
            assert_eq!(message.load(Relaxed), 42);
        }
        writer.join().unwrap();
    });
    println!("{report}");
    let picture = report.failure().and_then(|failure| failure.to_svg());
    match (std::env::args().nth(1), picture) {
        (Some(file), Some(picture)) => std::fs::write(file, picture),
        _ => Ok(()),
    }
}

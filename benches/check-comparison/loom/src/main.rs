//! Small programs under loom.

#[path = "../../measure.rs"]
mod measure;
#[path = "../../programs.rs"]
mod programs;

mod tool {
    pub use loom::sync::Mutex;
    pub use loom::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
    pub use loom::thread;

    pub fn explore(f: impl Fn() + Send + Sync + 'static) {
        loom::model(f);
    }
}

fn main() {
    programs::run();
}

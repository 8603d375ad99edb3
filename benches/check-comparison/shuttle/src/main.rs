//! Small programs under shuttle: all its schedules, depth first.

#[path = "../../measure.rs"]
mod measure;
#[path = "../../programs.rs"]
mod programs;

mod tool {
    pub use shuttle::sync::Mutex;
    pub use shuttle::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
    pub use shuttle::thread;

    pub fn explore(f: impl Fn() + Send + Sync + 'static) {
        shuttle::check_dfs(f, None);
    }
}

fn main() {
    programs::run();
}

//! Building straight-line programs in Rust, without a litmus file.
//!
//! ```
//! use lkmm_model::build::ProgramBuilder;
//! use lkmm_model::event::{Fence, Mode};
//!
//! // Store buffering: P0 writes x and reads y, P1 writes y and reads x.
//! let mut program = ProgramBuilder::new();
//! let (x, y) = (program.location("x", 0), program.location("y", 0));
//! for (own, other) in [(x, y), (y, x)] {
//!     let mut thread = program.thread();
//!     thread.write(Mode::Once, own, 1);
//!     thread.fence(Fence::Mb);
//!     thread.read(Mode::Once, other, "r0");
//! }
//! let program = program.finish();
//! assert_eq!(program.threads.len(), 2);
//! ```

use crate::event::{Fence, Label, Mode};
use crate::program::{EventTemplate, Expr, ExprId, Location, LocationId, Observable, Path, Program, Thread, Value};

/// Builds a [`Program`] whose threads have one control path each.
#[derive(Debug, Default)]
pub struct ProgramBuilder {
    program: Program,
}

/// Builds one thread of a program.
#[derive(Debug)]
pub struct ThreadBuilder<'b> {
    program: &'b mut Program,
    thread: u32,
}

impl ProgramBuilder {
    /// An empty program.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a location with its initial value.
    pub fn location(&mut self, name: &str, init: i32) -> LocationId {
        self.program.locations.push(Location { name: name.into(), init: Value::Int(init) });
        (self.program.locations.len() - 1) as LocationId
    }

    /// Adds a thread.
    pub fn thread(&mut self) -> ThreadBuilder<'_> {
        self.program.threads.push(Thread { registers: Vec::new(), paths: vec![Path::default()] });
        let thread = (self.program.threads.len() - 1) as u32;
        ThreadBuilder { program: &mut self.program, thread }
    }

    /// The program. Every register is observed.
    pub fn finish(self) -> Program {
        self.program
    }
}

impl ThreadBuilder<'_> {
    fn path(&mut self) -> &mut Path {
        &mut self.program.threads[self.thread as usize].paths[0]
    }

    fn expr(&mut self, expr: Expr) -> ExprId {
        let exprs = &mut self.path().exprs;
        exprs.push(expr);
        (exprs.len() - 1) as ExprId
    }

    fn event(&mut self, label: Label, location: Option<LocationId>, value: Option<ExprId>) -> u32 {
        let address = location.map(|l| self.expr(Expr::Const(Value::Address(l, 0))));
        let events = &mut self.path().events;
        let index = events.len() as u32;
        events.push(EventTemplate { label, address, value, atomic: false, origin: index + 1 });
        index
    }

    /// Writes a constant.
    pub fn write(&mut self, mode: Mode, location: LocationId, value: i32) {
        let value = self.expr(Expr::Const(Value::Int(value)));
        self.event(Label::Write(mode), Some(location), Some(value));
    }

    /// Reads into a register, whose final value is observed.
    pub fn read(&mut self, mode: Mode, location: LocationId, register: &str) {
        let event = self.event(Label::Read(mode), Some(location), None);
        let value = self.expr(Expr::Read(event));
        let thread = &mut self.program.threads[self.thread as usize];
        thread.registers.push(register.into());
        thread.paths[0].finals.push(value);
        let number = (thread.registers.len() - 1) as u32;
        self.program.observed.push(Observable::Register(self.thread, number));
    }

    /// A fence, or an RCU event.
    pub fn fence(&mut self, fence: Fence) {
        self.event(Label::Fence(fence), None, None);
    }

    /// `spin_lock`.
    pub fn lock(&mut self, lock: LocationId) {
        self.event(Label::LockRead, Some(lock), None);
        self.event(Label::LockWrite, Some(lock), None);
    }

    /// `spin_unlock`.
    pub fn unlock(&mut self, lock: LocationId) {
        self.event(Label::Unlock, Some(lock), None);
    }
}

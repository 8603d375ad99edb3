//! Processes written in Rust: guards, where they begin and where they are dropped.

use super::guards::{self, Held};
use super::names;
use super::rust::Writer;
use super::scopes::{body, operands};
use crate::ast::{Register, Stmt, StmtKind};
use lkmm_report::Problem;

impl Writer<'_> {
    /// A name for a guard.
    pub(super) fn guard_name(&mut self, held: Held, statement: *const Stmt) -> String {
        let like = match held {
            Held::Srcu(register) => return self.names.register(register).to_string(),
            Held::Rcu => "reader".to_string(),
            Held::Lock(lock) => {
                let others = self.guarded.iter().any(|h| matches!(h, Held::Lock(other) if *other != lock));
                if others { format!("{}_guard", self.names.register(lock)) } else { "guard".into() }
            }
        };
        let underscore = if self.implicit.contains(&statement) { "_" } else { "" };
        let in_use = |name: &String| self.guards.iter().any(|(_, used)| used == name);
        let like = format!("{underscore}{like}");
        // The name of a guard that has been dropped is free again.
        if self.guards.iter().all(|(_, used)| *used != like) && self.is_guard_name(&like) {
            return like;
        }
        let numbered = (2..).map(|n| format!("{like}{n}"));
        let name = std::iter::once(like.clone()).chain(numbered).find(|name| !in_use(name) && self.is_guard_name(name));
        name.unwrap_or(like)
    }

    /// Is it no register's name?
    pub(super) fn is_guard_name(&self, name: &str) -> bool {
        !self.names.is_taken(name)
    }

    pub(super) fn begin_guard(&mut self, statement: &Stmt, held: Held) -> Result<(), Problem> {
        let text = match (&statement.kind, held) {
            (StmtKind::Lock(lock), _) => format!("{}.lock()", self.lock(lock)?),
            (StmtKind::Assign { value, .. }, _) => {
                let domain = operands(value).first().map(|address| self.lock(address));
                format!("{}.read_lock()", domain.unwrap_or(Ok(String::new()))?)
            }
            _ => "rcu::read_lock()".into(),
        };
        let name = self.guard_name(held, statement);
        self.guards.push((held, name.clone()));
        self.line(&format!("let {name} = {text};"));
        Ok(())
    }

    pub(super) fn end_guard(&mut self, statement: &Stmt, held: Held) -> Result<(), Problem> {
        let at = self.guards.iter().rposition(|(h, _)| *h == held);
        let Some((_, name)) = at.map(|at| self.guards.remove(at)) else {
            return Err(self.problem("something ends here that did not begin"));
        };
        if !self.implicit.contains(&std::ptr::from_ref(statement)) {
            self.line(&format!("drop({name});"));
        }
        Ok(())
    }

    /// `r = spin_trylock(l); if (r) …`
    pub(super) fn tried(
        &mut self,
        statement: &Stmt,
        lock: Register,
        register: Register,
        next: Option<&Stmt>,
    ) -> Result<(), Problem> {
        let Some(Stmt { kind: StmtKind::If { condition, then, otherwise }, .. }) = next else {
            return Err(self.problem("nothing asks whether this lock was taken"));
        };
        let lock_name = self.lock_named(lock)?;
        let attempt = self.names.fresh("attempt", names::rust);
        self.line(&format!("let {attempt} = {lock_name}.try_lock();"));
        let needed = self.uses.get(&register).is_some_and(|uses| uses.read > 1 || uses.assigned > 1)
            || self.is_observed(register);
        if needed {
            let text = format!("{attempt}.is_some() as i32");
            let name = self.names.register(register).to_string();
            let declares = self.declares(statement, register);
            self.line(&match declares {
                Some(mutable) => format!("let {mutable}{name} = {text};"),
                None => format!("{name} = {text};"),
            });
        }
        let holds = guards::asks_for(condition, register).unwrap_or(true);
        self.taken(lock, &attempt, holds, then, otherwise.as_deref(), "")
    }

    pub(super) fn is_observed(&self, register: Register) -> bool {
        self.names.is_kept(register)
    }

    /// `if let Some(guard) = … { … } else { … }`
    pub(super) fn taken(
        &mut self,
        lock: Register,
        attempt: &str,
        holds: bool,
        then: &Stmt,
        otherwise: Option<&Stmt>,
        before: &str,
    ) -> Result<(), Problem> {
        let nothing = Vec::new();
        let other = otherwise.map_or(nothing, body);
        let (taken, failed) = if holds { (body(then), other) } else { (other, body(then)) };
        let held = Held::Lock(lock);
        let ends = guards::implicit(&taken, &self.guarded, Some(held));
        let implicit = ends.contains(&std::ptr::null());
        self.implicit.extend(ends.into_iter().filter(|statement| !statement.is_null()));
        let guards = self.guards.clone();
        if implicit {
            self.implicit.insert(std::ptr::null());
        }
        let name = self.guard_name(held, std::ptr::null());
        self.implicit.remove(&std::ptr::null());
        let raw = !self.guarded.contains(&held);
        self.line(&format!("{before}if let Some({name}) = {attempt} {{"));
        self.indent += 1;
        if raw {
            self.line(&format!("forget({name});"));
        } else {
            self.guards.push((held, name));
        }
        self.statements(&taken)?;
        self.indent -= 1;
        let after = std::mem::replace(&mut self.guards, guards);
        if failed.is_empty() {
            self.line("}");
        } else {
            self.line("} else {");
            self.indent += 1;
            self.statements(&failed)?;
            self.indent -= 1;
            self.line("}");
        }
        self.guards = after;
        Ok(())
    }

    /// A `spin_trylock` whose lock is unlocked where its guard cannot be.
    pub(super) fn tried_and_forgotten(
        &mut self,
        statement: &Stmt,
        lock: Register,
        register: Register,
    ) -> Result<(), Problem> {
        let lock = self.lock_named(lock)?;
        let attempt = self.names.fresh("attempt", names::rust);
        self.line(&format!("let {attempt} = {lock}.try_lock();"));
        let name = self.names.register(register).to_string();
        let declares = self.declares(statement, register);
        self.line(&match declares {
            Some(mutable) => format!("let {mutable}{name} = {attempt}.is_some() as i32;"),
            None => format!("{name} = {attempt}.is_some() as i32;"),
        });
        self.line(&format!("forget({attempt});"));
        Ok(())
    }
}

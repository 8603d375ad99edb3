//! Graphs to which nothing can be added: complete executions, and such as end with threads that wait.

use super::execution::execution;
use super::explore::Explorer;
use super::graph::Graph;
use super::judge::Verdict;
use super::node::Act;
use super::observe::Values;
use super::program::{Answer, OpenError, OpenProgram, ReadKind, Step};
use super::{DependencyMode, Ending, Found, Waiting};
use lkmm_model::program::{LocationId, Value};
use std::ops::ControlFlow;

impl<P: OpenProgram> Explorer<'_, P> {
    /// Nothing can be added to a graph.
    pub(super) fn end(&mut self, graph: &mut Graph) -> Result<ControlFlow<()>, OpenError> {
        let ending = self.ending(graph)?;
        if matches!(ending, Ending::Blocked { .. } | Ending::Dead) {
            self.statistics.stuck += 1;
            if matches!(ending, Ending::Dead) || !self.options.report_blocked {
                return Ok(ControlFlow::Continue(()));
            }
        }
        let is_cyclic = graph.core.iter().any(|&n| n > 0) && graph.is_cyclic();
        // (Who waits for readers may have others wait for it.)
        if self.options.all_joins || !matches!(ending, Ending::Complete) || self.has_grace_period(graph) {
            self.add_last_joins(graph);
        }
        let is_observed = self.options.dependencies == DependencyMode::Observed;
        let is_too_far = self.is_too_far(graph) || self.is_mirrored(graph);
        // (What it writes is of interest all the same.)
        if is_too_far && !is_observed {
            return Ok(ControlFlow::Continue(()));
        }
        let verdict = self.judge.judge(&self.traces, graph)?;
        self.statistics.judged += 1;
        debug_assert!(
            is_observed || self.agrees(graph, &verdict),
            "the plan and the definition disagree on a complete execution"
        );
        if !verdict.is_consistent {
            // It may be that readers wait for this grace period, as they do in no execution that comes to an end.
            return match self.options.report_blocked {
                true => self.find_deadlocks(graph),
                false => Ok(ControlFlow::Continue(())),
            };
        }
        if is_observed {
            self.written.note(graph);
            if is_too_far {
                return Ok(ControlFlow::Continue(()));
            }
            let (verdict, is_doubtful) = self.judge_observed(graph, verdict)?;
            if !verdict.is_consistent {
                return Ok(ControlFlow::Continue(()));
            }
            if is_doubtful && !self.options.at_once {
                return self.defer(graph, ending, verdict, is_cyclic);
            }
            return self.hand_over(graph, ending, verdict, is_cyclic);
        }
        self.hand_over(graph, ending, verdict, is_cyclic)
    }

    /// Hands over an execution that is allowed, unless it has been found before. The program has been run to its end.
    pub(super) fn hand_over(
        &mut self,
        graph: &Graph,
        ending: Ending,
        verdict: Verdict,
        is_cyclic: bool,
    ) -> Result<ControlFlow<()>, OpenError> {
        if is_cyclic {
            let orbit = self.orbit(graph);
            if !self.takes_cyclic(orbit) {
                return Ok(ControlFlow::Continue(()));
            }
        }
        match ending {
            Ending::Error(OpenError::Sleep { .. } | OpenError::Uninit { .. }) if self.options.report_blocked => {}
            Ending::Error(error) => return Err(error),
            _ => {}
        }
        self.statistics.has_symmetry |= self.has_symmetry(graph);
        let is_over = matches!(ending, Ending::Complete | Ending::Failed(_));
        if is_over {
            if !self.team.count(self.options.max_executions) {
                return Ok(ControlFlow::Break(()));
            }
            self.statistics.executions += 1;
            if let Some(progress) = &self.options.progress {
                progress.found();
            }
            self.statistics.cyclic += u64::from(is_cyclic);
        }
        let program = &*self.run.program;
        let initial = |location: LocationId| program.initial(location);
        let results = |thread: usize| -> &[Value] {
            match self.run.known(thread) {
                Some(Step::End { results, .. }) => results,
                _ => &[],
            }
        };
        let found = Found {
            graph,
            traces: &self.traces,
            observed: &self.observed,
            initial: &initial,
            results: &results,
            ending,
            flags: &verdict.flags,
            is_cyclic,
        };
        if (self.found)(&found).is_break() {
            return Ok(ControlFlow::Break(()));
        }
        match is_over && self.options.report_blocked {
            true => self.find_deadlocks(graph),
            false => Ok(ControlFlow::Continue(())),
        }
    }

    /// Judges a complete graph again, with the dependencies that show, if they can matter. Yields whether those might that
    /// do not show yet, too.
    fn judge_observed(&mut self, graph: &mut Graph, verdict: Verdict) -> Result<(Verdict, bool), OpenError> {
        if verdict.flags.is_empty()
            && (graph.grew_sequentially() || self.sequential.allows_partial(&self.traces, graph)?)
        {
            return Ok((verdict, false));
        }
        let mut verdict = verdict;
        if self.observe(graph, Values::InSight)? {
            verdict = self.judge.judge_whole(&self.traces, graph)?;
        }
        let mut is_doubtful = self.is_doubtful(graph, &verdict)?;
        if is_doubtful && self.observe(graph, Values::OfAll)? {
            verdict = self.judge.judge_whole(&self.traces, graph)?;
            is_doubtful = self.is_doubtful(graph, &verdict)?;
        }
        if verdict.is_consistent {
            self.run_to_the_end(graph)?;
        }
        Ok((verdict, is_doubtful))
    }

    /// Is the verdict what the definition of the model says?
    fn agrees(&self, graph: &Graph, verdict: &Verdict) -> bool {
        let program = &*self.run.program;
        let execution = execution(&|location| program.initial(location), &self.observed, &self.traces, graph);
        let judgement = self.options.model.judge(&execution);
        judgement.violated.is_none() == verdict.is_consistent
            && (!verdict.is_consistent || judgement.flags == verdict.flags)
    }

    fn ending(&mut self, graph: &Graph) -> Result<Ending, OpenError> {
        let (mut failures, mut waiting) = (Vec::new(), Vec::new());
        let (mut is_cut, mut error) = (false, None);
        for thread in 0..graph.threads.len() {
            if !graph.has_started(thread, self.roots) {
                continue;
            }
            if let Some(node) = graph.last_node(thread).filter(|node| node.stuck) {
                match (node.act, node.location) {
                    (Act::Read(ReadKind::Lock, source), Some(location)) if graph.last(location) == source => {
                        waiting.push((thread, Waiting::Lock(location)));
                    }
                    _ => return Ok(Ending::Dead),
                }
                continue;
            }
            match self.run.step(thread) {
                Step::End { cut, .. } => is_cut |= cut,
                Step::Failed(number) => failures.push((thread, *number)),
                Step::Error(e) => error = Some(e.clone()),
                Step::Read(_, location) => waiting.push((thread, Waiting::Lock(*location))),
                Step::Join { thread: child, origin } => {
                    waiting.push((thread, Waiting::Join { thread: *child, origin: *origin }));
                }
                Step::Wait { origin } => {
                    let origin = *origin;
                    if !self.waits_in_vain(graph, thread)? {
                        return Ok(Ending::Dead);
                    }
                    waiting.push((thread, Waiting::Write { origin }));
                }
                _ => return Ok(Ending::Dead),
            }
        }
        Ok(match error {
            // Who waits for this thread waits because of it.
            Some(error @ (OpenError::Sleep { .. } | OpenError::Uninit { .. })) => Ending::Error(error),
            _ if !failures.is_empty() => Ending::Failed(failures),
            _ if !waiting.is_empty() => Ending::Blocked(waiting),
            Some(error) => Ending::Error(error),
            None if is_cut => Ending::Cut,
            None => Ending::Complete,
        })
    }

    /// Does a thread that waits come to wait again if it goes on, and reads the newest values? (It has gone on then: it is
    /// not to be asked any more.)
    fn waits_in_vain(&mut self, graph: &Graph, thread: usize) -> Result<bool, OpenError> {
        self.run.take(thread);
        // Who does so much between one wait and the next does something.
        for _ in 0..256 {
            match *self.run.step(thread) {
                Step::Wait { .. } => return Ok(true),
                Step::Read(kind, location) if kind != ReadKind::Lock => {
                    let newest = self.answer(graph, graph.last(location), location, kind);
                    let Some(access) = self.run.access(thread, newest)? else { return Ok(true) };
                    let changes = |(_, value): &(_, Option<Value>)| value.map(Answer::Value) != Some(newest);
                    if access.write.as_ref().is_some_and(changes) {
                        return Ok(false);
                    }
                    self.run.resume(thread, newest);
                }
                Step::Other(None, _) => drop(self.run.take(thread)),
                Step::Choose(1) => self.run.resume(thread, Answer::Choice(0)),
                _ => return Ok(false),
            }
        }
        Ok(false)
    }
}

//! What is new and has to wait: what was accepted is kept as it was meanwhile.

use std::collections::BTreeSet;
use std::time::Duration;

use super::prepare::Prepared;
use super::recorded::Until;
use super::run::Ended;
use super::{ApplyOptions, Engine, StepOutcome, StepResult};
use crate::cx::Cx;
use crate::engine::event::Event;
use crate::plan::{Cause, DriftBeside, FoundBeside, Plan, Step};
use crate::value::{Action, Error, ErrorKind, Key, Result};

/// How soon gates are asked again at the soonest, whatever time they name.
const SOONEST: Duration = Duration::from_secs(1);

impl Engine {
    /// What is new waits. It is told when that begins, and when the reason changes.
    pub(super) fn postpone(&self, reason: String, help: Option<&str>) {
        if self.shared.status().postponed.as_ref() == Some(&reason) {
            return;
        }
        self.shared.tell(|status| status.postponed = Some(reason.clone()));
        self.events.emit(&Event::Postponed { reason, help: help.map(str::to_owned) });
    }

    /// Nothing new waits any more.
    pub(super) fn go_on_with_what_is_new(&self) {
        if self.shared.status().postponed.is_some() {
            self.shared.tell(|status| status.postponed = None);
        }
    }

    /// Puts back what was applied before, where gates do not let a plan pass. Gives the end of that if there is something
    /// newer to be looked at.
    pub(super) async fn put_back(
        &mut self,
        cx: &Cx,
        denied: Prepared,
        interval: Duration,
    ) -> Result<Option<Ended>> {
        let (mut plan, verdict, line) = (denied.planned.plan.clone(), denied.verdict.clone(), denied.line);
        let Some(repairs) = Box::pin(self.repairs(cx, denied)).await? else { return Ok(None) };
        Box::pin(self.has_put_back(cx, &repairs.planned.plan, interval)).await?;
        let ended = Box::pin(self.supervise(cx, repairs, interval)).await?;
        // What waits is the news, and not that the rest is kept: what was put back differs no more.
        let is_back =
            |result: &&StepResult| matches!(result.outcome, StepOutcome::Done | StepOutcome::NotReady { .. });
        let back: BTreeSet<&Key> =
            ended.report.results.iter().filter(is_back).map(|result| &result.key).collect();
        plan.steps.retain(|step| step.cause != Cause::Drift || !back.contains(&step.key));
        plan.beside.retain(|beside| !back.contains(&beside.key));
        self.tell_of_plan(&plan, &verdict, line);
        Ok(ended.was_superseded.then_some(ended))
    }

    /// Does the same for who applies one plan: of what only puts back, that which the plan shows. Gives the error to end with.
    pub(super) async fn denied(
        &mut self,
        cx: &Cx,
        error: Error,
        denied: Prepared,
        options: &ApplyOptions,
    ) -> Error {
        if error.kind() != ErrorKind::Denied || denied.suspension.is_some() {
            return error;
        }
        match Box::pin(self.put_back_shown(cx, denied, options)).await {
            Ok(0) => error,
            Ok(put_back) => error.with("put back", put_back),
            Err(failed) => failed,
        }
    }

    async fn put_back_shown(
        &mut self,
        cx: &Cx,
        mut denied: Prepared,
        options: &ApplyOptions,
    ) -> Result<usize> {
        denied.planned.plan.beside = Box::pin(self.look_beside(cx, &denied)).await?;
        let shown: Vec<Step> = repairs_of(&denied.planned.plan).cloned().collect();
        let beside = denied.planned.plan.beside.clone();
        if shown.is_empty() && beside.is_empty() {
            return Ok(0);
        }
        let Some(mut repairs) = Box::pin(self.repairs(cx, denied)).await? else { return Ok(0) };
        let is_shown = |step: &Step| {
            let is_it = |shown: &Step| {
                (&shown.key, shown.action, &shown.diff, &shown.expect)
                    == (&step.key, step.action, &step.diff, &step.expect)
            };
            shown.iter().any(is_it) || beside.iter().any(|beside| puts_back(step, beside))
        };
        repairs.planned.plan.steps.retain(is_shown);
        let waiting = repairs.planned.plan.waiting();
        let until = Until::Stopped(options);
        let put_back = Box::pin(self.put_back_recorded(cx, &repairs.planned.plan, waiting, until)).await?;
        let put_back = put_back.iter().filter(|result| result.outcome.may_be_done()).count();
        let report = Box::pin(self.carry_out_until_stopped(cx, repairs, options)).await?;
        Ok(put_back + report.applied())
    }

    /// The plan that only puts back what was applied before, as far as gates let that pass; nothing if it does nothing.
    ///
    /// It is one of the revision that was accepted last: rules may deny what the newest one declares, and nothing of that is
    /// begun.
    async fn repairs(&mut self, cx: &Cx, denied: Prepared) -> Result<Option<Prepared>> {
        let plan = &denied.planned.plan;
        if repairs_of(plan).next().is_none() && plan.beside.is_empty() {
            return Ok(None);
        }
        let is_accepted = self.inventory().standing().newest() == Some(&plan.revision);
        let repairs = match is_accepted {
            true => Some(denied),
            false => Box::pin(self.prepare_accepted(cx)).await?,
        };
        let Some(mut repairs) = repairs else { return Ok(None) };
        self.leave_what_is_no_drift(cx, &mut repairs);
        match self.admit_in_part(&mut repairs) {
            Err(error) if error.is_of_gate() => Ok(None),
            admitted => admitted.map(|()| Some(repairs)),
        }
    }

    /// How long to wait where gates do not let a plan pass: until the next look, or until they let it pass by themselves.
    pub(super) fn wait_for_gates(&self, cx: &Cx, interval: Duration) -> Duration {
        let until = self.shared.status().denied_until();
        until.map_or(interval, |until| until.since(cx.now()).max(SOONEST).min(interval))
    }

    /// Says that what gates do not let pass waits.
    pub(super) fn postpone_for_gates(&self, cx: &Cx, error: &Error) {
        self.tell_of_failure(cx, error);
        self.postpone(error.to_string(), error.help_text());
    }
}

fn repairs_of(plan: &Plan) -> impl Iterator<Item = &Step> {
    plan.steps.iter().filter(|step| step.cause == Cause::Drift)
}

/// Whether a step puts back just what a plan shows beside the change that is pending.
fn puts_back(step: &Step, beside: &DriftBeside) -> bool {
    let is_it = match &beside.found {
        FoundBeside::Deleted => step.action == Action::Create,
        FoundBeside::Differs { fields, .. } => step.action == Action::Update && *fields == step.diff,
        _ => false,
    };
    is_it && step.key == beside.key
}

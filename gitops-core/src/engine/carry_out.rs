mod durable;
mod gathered;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use smol_str::SmolStr;

use super::effects::{Done, Sending, await_ready, send};
use super::prepare::Prepared;
use super::{Approval, Engine, Report, StepOutcome, StepResult, tamper};
use crate::audit::{AuditEntry, AuditEvent};
use crate::capability::Readiness;
use crate::event::Event;
use crate::journal::{Intent, OpResult, Record};
use crate::plan::{Cause, Plan, Step};
use crate::planner::Planned;
use crate::reconcile::{Effect, GraphReconciler, NodeState, Reconcile, Told};
use crate::value::{Applied, Key, Mark};
use crate::{Cx, Error, Outcome, Result};
use gathered::Gathered;

impl Engine {
    /// Makes everything durable that was learned, carries the steps out, and says what came of them.
    pub(super) async fn carry_out(
        &mut self,
        cx: &Cx,
        prepared: Prepared,
        approval: &Approval,
    ) -> Result<Report> {
        let Prepared { planned, settled, moves_the_line } = prepared;
        let records = self.bookkeeping(&planned, settled, moves_the_line);
        if records.is_empty() && planned.plan.steps.is_empty() && !self.ledger.is_behind() {
            return Ok(Report { plan: planned.plan, results: Vec::new() });
        }
        self.take_over(cx, approval.by()).await?;
        let open = self.inventory().open().count();
        self.ledger.commit(&records)?;
        if open > 0 {
            self.events.emit(&Event::Recovered { open });
            self.audit(cx, approval.by(), vec![AuditEvent::Recovered { open }]).await?;
        }
        let results = match planned.plan.steps.is_empty() {
            true => Vec::new(),
            false => self.drive(cx, &planned, approval).await?,
        };
        // A pass that was asked to stop still says what came of it.
        let cx = &cx.shielded().within(self.timeouts.call);
        self.ledger.end_pass(cx).await?;
        self.ledger.compact_if_due(cx).await?;
        let report = Report { plan: planned.plan, results };
        self.events.emit(&Event::Finished { applied: report.applied(), failed: report.failed() });
        Ok(report)
    }

    /// The records of what was learned while planning. No object changes by them.
    fn bookkeeping(&self, planned: &Planned, settled: Vec<Record>, moves_the_line: bool) -> Vec<Record> {
        let mut records = settled;
        let learned = planned.learned.iter();
        records.extend(learned.map(|(key, entry)| Record::Adopt { key: key.clone(), entry: entry.clone() }));
        let gone = planned.gone.iter().filter(|key| self.may_forget(key));
        records.extend(gone.map(|key| Record::Forget { key: key.clone() }));
        let revision = &planned.plan.revision;
        if moves_the_line && self.inventory().accepted() != Some(revision) {
            records.push(Record::Accepted { revision: revision.clone() });
        }
        records
    }

    async fn drive(&mut self, cx: &Cx, planned: &Planned, approval: &Approval) -> Result<Vec<StepResult>> {
        let plan = &planned.plan;
        let approved_by = approval.names_the_plan().then(|| approval.by().to_owned());
        let started = AuditEvent::PassStarted { plan: plan.id, revision: plan.revision.clone(), approved_by };
        self.audit(cx, approval.by(), vec![started]).await?;
        let limits =
            self.targets.iter().map(|(name, target)| (name.clone(), target.info().concurrency)).collect();
        let machine = GraphReconciler::new(&plan.steps, limits);
        let mut pass = Pass::new(self, planned, approval.by());
        pass.announce(cx).await?;
        let states = pass.run(cx, &machine).await?;
        let (results, actor) = (pass.results(&states), approval.by());
        self.note_corrections(cx, plan, &results);
        let report = Report { plan: plan.clone(), results: results.clone() };
        let (applied, failed) = (report.applied(), report.failed());
        let ended = AuditEvent::PassEnded {
            plan: plan.id,
            revision: plan.revision.clone(),
            applied,
            failed,
            unchanged: plan.unchanged,
        };
        self.audit(cx, actor, vec![ended]).await?;
        Ok(results)
    }
}

/// How many characters of an error are kept in journal and audit log.
const ERROR_LENGTH: usize = 1024;

impl Engine {
    /// Remembers which drift was corrected: what comes back again and again is contested.
    fn note_corrections(&mut self, cx: &Cx, plan: &Plan, results: &[StepResult]) {
        for (step, result) in plan.steps.iter().zip(results) {
            if step.cause == Cause::Drift && result.outcome.may_be_done() {
                self.contest.corrected(&step.key, cx.now());
            }
        }
    }
}

/// One run of the machine: the shell that carries its effects out.
struct Pass<'a> {
    engine: &'a mut Engine,
    planned: &'a Planned,
    steps: BTreeMap<&'a Key, &'a Step>,
    actor: &'a str,
    ops: BTreeMap<Key, SmolStr>,
    answers: BTreeMap<Key, Result<Applied>>,
    unready: BTreeMap<Key, String>,
    /// What is to be made durable, and waits for more of its kind.
    gathered: Gathered,
    running: FuturesUnordered<BoxFuture<'static, Done>>,
    /// What came back while something else was waited for.
    back: Vec<Done>,
}

impl<'a> Pass<'a> {
    fn new(engine: &'a mut Engine, planned: &'a Planned, actor: &'a str) -> Self {
        let steps = planned.plan.steps.iter().map(|step| (&step.key, step)).collect();
        Self {
            engine,
            planned,
            steps,
            actor,
            ops: BTreeMap::new(),
            answers: BTreeMap::new(),
            unready: BTreeMap::new(),
            gathered: Gathered::default(),
            running: FuturesUnordered::new(),
            back: Vec::new(),
        }
    }

    async fn run(&mut self, cx: &Cx, machine: &GraphReconciler) -> Result<BTreeMap<Key, NodeState>> {
        let (mut work, mut effects) = machine.start();
        let mut stopped = false;
        loop {
            if !stopped && cx.is_cancelled() {
                stopped = true;
                effects.extend(machine.step(&mut work, Told::Stop));
            }
            let turn = match self.begin(cx, effects) {
                Ok(()) if self.gathered.is_due(self.running.len()) => self.record_gathered(cx).await,
                Ok(()) => match machine.outcome(&work) {
                    Some(states) => return Ok(states),
                    None => Ok(self.wait(cx, stopped).await),
                },
                Err(error) => Err(error),
            };
            let told = match turn {
                Ok(told) => told,
                Err(error) => return Err(self.give_up(cx, error).await),
            };
            let told = tamper::told(cx, told).into_iter();
            effects = told.flat_map(|event| machine.step(&mut work, event)).collect();
        }
    }

    /// Sends what may be sent, and gathers what is to be recorded.
    fn begin(&mut self, cx: &Cx, effects: Vec<Effect>) -> Result<()> {
        let mut sendings: BTreeMap<SmolStr, Vec<Sending>> = BTreeMap::new();
        for effect in effects {
            match effect {
                Effect::RecordIntent(key) => {
                    let (record, entry) = self.intent(cx, &key);
                    self.gathered.add(cx, record, entry, Told::IntentDurable(key));
                }
                Effect::RecordOutcome(key) => {
                    let (record, entry) = self.outcome(cx, &key);
                    self.gathered.add(cx, record, entry, Told::OutcomeDurable(key));
                }
                Effect::Apply(key) => {
                    let sending = self.sending(&key)?;
                    sendings.entry(key.target().into()).or_default().push(sending);
                }
                Effect::AwaitReady(key) => self.await_ready(cx, key),
            }
        }
        for (name, sendings) in sendings {
            let target = self.engine.targets[&name].clone();
            self.running.extend(send(cx, &target, sendings, self.engine.timeouts));
        }
        Ok(())
    }

    /// Waits until something comes back, until what is gathered has waited long enough, or for a request to stop.
    async fn wait(&mut self, cx: &Cx, stopped: bool) -> Vec<Told> {
        tokio::select! {
            biased;
            Some(done) = self.running.next() => self.back.push(done),
            () = self.gathered.waited() => {},
            () = cx.cancelled(), if !stopped => {},
        }
        self.look();
        self.take_back()
    }

    /// Puts on its way what was begun, and sees what is back already, without waiting.
    fn look(&mut self) {
        while let Some(Some(done)) = self.running.next().now_or_never() {
            self.back.push(done);
        }
    }

    fn take_back(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.back).into_iter().flat_map(|done| self.finished(done)).collect()
    }

    fn intent(&mut self, cx: &Cx, key: &Key) -> (Record, AuditEntry) {
        let intent = self.intent_of(cx, key);
        let (op, action) = (intent.op.clone(), intent.action);
        let event = AuditEvent::Intent { op, key: key.clone(), action };
        (Record::Intent(intent), self.engine.audit_entry(cx, self.actor, event))
    }

    fn intent_of(&mut self, cx: &Cx, key: &Key) -> Intent {
        let step = self.steps[key];
        let object = self.planned.objects.get(key);
        let ledger = &mut self.engine.ledger;
        let op = self.ops.entry(key.clone()).or_insert_with(|| ledger.next_op()).clone();
        let declared = self.engine.declared.as_ref();
        let needs =
            |object| declared.and_then(|declared| declared.desired.needs(object).ok()).unwrap_or_default();
        Intent {
            op,
            plan: self.planned.plan.id,
            epoch: self.engine.ledger.epoch(),
            at: cx.now(),
            key: key.clone(),
            action: step.action,
            expect: step.expect.clone(),
            desired: step.desired,
            path: step.provenance.as_ref().map(|provenance| provenance.path.clone()).unwrap_or_default(),
            needs: object.map(|object| needs(object)).unwrap_or_default(),
            keep: object.is_some_and(|object| object.keep),
        }
    }

    fn outcome(&self, cx: &Cx, key: &Key) -> (Record, AuditEntry) {
        let op = self.ops.get(key).cloned().unwrap_or_default();
        let result = match &self.answers[key] {
            Ok(Applied::Present { uid, version }) => {
                OpResult::Present { uid: uid.clone(), version: version.clone() }
            }
            Ok(Applied::Absent) => OpResult::Absent,
            Ok(Applied::Deleting) => OpResult::Deleting,
            Err(error) if error.outcome() == Outcome::Unknown => OpResult::Unknown { error: brief(error) },
            Err(error) => OpResult::NotDone { error: brief(error) },
        };
        let event = AuditEvent::outcome(op.clone(), key.clone(), &result);
        let entry = self.engine.audit_entry(cx, self.actor, event);
        (Record::Outcome { op, key: key.clone(), result }, entry)
    }

    fn sending(&mut self, key: &Key) -> Result<Sending> {
        let step = self.steps[key];
        let owner = self.engine.inventory().owner().clone();
        let mark = Mark { owner, op: self.ops.get(key).cloned().unwrap_or_default() };
        let sending = Sending::new(step, self.planned.objects.get(key), mark)?;
        self.engine.events.emit(&Event::Started { key: key.clone(), action: step.action });
        Ok(sending)
    }

    fn await_ready(&mut self, cx: &Cx, key: Key) {
        let Some(Ok(applied)) = self.answers.get(&key) else { return };
        let target = self.engine.targets[key.target()].clone();
        let of_target = self.engine.ready_of.get(key.target()).copied();
        let patience = of_target.unwrap_or(self.engine.timeouts.ready);
        self.running.push(await_ready(cx, target, key, applied.clone(), patience));
    }

    fn finished(&mut self, done: Done) -> Vec<Told> {
        match done {
            Done::Answered(answers) => {
                answers.into_iter().map(|(key, answer)| self.answered(key, answer)).collect()
            }
            Done::Settled(key, readiness) => vec![self.settled(key, readiness)],
        }
    }

    fn answered(&mut self, key: Key, answer: Result<Applied>) -> Told {
        let event = match &answer {
            Ok(_) => Event::Applied { key: key.clone(), action: self.steps[&key].action },
            Err(error) => {
                self.engine.back_off.hear(error);
                let help = error.help_text().map(str::to_owned);
                Event::Failed {
                    key: key.clone(),
                    error: error.to_string(),
                    help,
                    unknown: error.is_unknown(),
                }
            }
        };
        self.engine.events.emit(&event);
        let done = answer.is_ok();
        self.answers.insert(key.clone(), answer);
        Told::Answered { key, done }
    }

    fn settled(&mut self, key: Key, readiness: Readiness) -> Told {
        let Some(reason) = readiness.reason() else { return Told::Settled { key, ready: true } };
        let reason = match readiness {
            Readiness::Stuck { since, .. } => format!("{reason}; it is stuck since {since}"),
            _ => reason.to_owned(),
        };
        self.engine.events.emit(&Event::Waiting { key: key.clone(), reason: reason.clone() });
        self.unready.insert(key.clone(), reason);
        Told::Settled { key, ready: false }
    }

    fn results(&self, states: &BTreeMap<Key, NodeState>) -> Vec<StepResult> {
        let Plan { steps, .. } = &self.planned.plan;
        let result = |step: &Step| StepResult {
            key: step.key.clone(),
            action: step.action,
            outcome: self.outcome_of(&step.key, states.get(&step.key)),
        };
        for (key, state) in states {
            if let NodeState::Blocked { by } = state {
                self.engine.events.emit(&Event::Blocked { key: key.clone(), by: by.clone() });
            }
        }
        steps.iter().map(result).collect()
    }

    fn outcome_of(&self, key: &Key, state: Option<&NodeState>) -> StepOutcome {
        match (state, self.answers.get(key)) {
            (Some(NodeState::Ready), _) => StepOutcome::Done,
            (Some(NodeState::Blocked { by }), _) => StepOutcome::Blocked { by: by.clone() },
            (_, Some(Ok(_))) => {
                StepOutcome::NotReady { reason: self.unready.get(key).cloned().unwrap_or_default() }
            }
            (_, Some(Err(error))) => StepOutcome::of(error),
            _ => StepOutcome::Skipped,
        }
    }
}

/// An error as it is kept: room for it was reserved.
fn brief(error: &Error) -> String {
    let text = error.to_string();
    match text.char_indices().nth(ERROR_LENGTH) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// An engine can be moved to, and looked at from, other threads.
const _: fn() = || {
    fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Engine>();
};

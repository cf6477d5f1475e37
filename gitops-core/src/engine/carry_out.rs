mod answers;
mod durable;
mod gathered;
mod listening;
mod progress;
mod records;
mod remains;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use smol_str::SmolStr;

use super::effects::{Done, Sending, await_ready, send};
use super::prepare::{Line, Prepared};
use super::proof::{Answer, Prover};
use super::recover::looked_up;
use super::{ApplyOptions, Engine, Phase, Report, StepResult, tamper};
use crate::capability::Readiness;
use crate::cx::{Cx, Time};
use crate::engine::event::Event;
use crate::engine::reconcile::{Effect, GraphReconciler, NodeState, Reconcile, Told};
use crate::plan::planner::Planned;
use crate::plan::{Blocked, BlockedBecause, Cause, Plan, Step};
use crate::state::audit::{AuditEvent, Purpose};
use crate::state::record::Record;
use crate::value::{Applied, Expect, Key, OwnerLabel, Result};
use gathered::Gathered;
use listening::Listening;

/// How long after something moved it is looked at: a watch that never falls silent costs one look in this time.
const PAUSE: Duration = Duration::from_secs(1);

impl Engine {
    /// Makes everything durable that was learned, carries the steps out, and says what came of them.
    pub(super) async fn carry_out(
        &mut self,
        cx: &Cx,
        prepared: Prepared,
        options: &ApplyOptions,
    ) -> Result<Report> {
        let Prepared { mut planned, concluded, line, approved_by, .. } = prepared;
        self.shared.tell(|status| status.phase = Phase::Syncing);
        let purpose = self.purpose(&planned.plan, line.goes_back);
        let records = self.bookkeeping(cx, &planned, concluded, line);
        let is_settled = records.is_empty() && !self.completes(&planned.plan);
        if is_settled && planned.plan.steps.is_empty() && !self.ledger.is_behind() {
            let report = Report { plan: planned.plan, results: Vec::new() };
            self.tell_of_report(cx, &report, line);
            return Ok(report);
        }
        self.take_over(cx, options.actor()).await?;
        let open = self.inventory().open().count();
        self.audit_rebound(cx, options.actor(), &planned.plan).await?;
        self.audit_completed(cx, options.actor(), &planned.plan).await?;
        if open > 0 {
            self.events.emit(&Event::Recovered { open });
            let events = std::iter::once(AuditEvent::Recovered { open }).chain(looked_up(&records));
            self.audit(cx, options.actor(), events.collect()).await?;
        }
        let records = self.clear_remains(cx, &planned.vanished, records).await;
        self.ledger.commit(&records).await?;
        let (results, ready) = match planned.plan.steps.is_empty() {
            true => Default::default(),
            false => self.drive(cx, &planned, options, approved_by, purpose).await?,
        };
        // What was waited for and became ready blocks nothing any more.
        let waits = |blocked: &Blocked| matches!(blocked.why, BlockedBecause::NotReady { .. });
        planned.plan.blocked.retain(|blocked| !(waits(blocked) && ready.contains(&blocked.key)));
        let report = Report { plan: planned.plan, results };
        if !line.is_of_record {
            self.awaited = (report.deferred() > 0).then(|| report.plan.revision.clone());
        }
        self.note_end(cx, &report, line).await?;
        self.tell_of_report(cx, &report, line);
        // A reconciliation that was asked to stop still says what came of it.
        let cx = &cx.shielded().within(self.timeouts.call);
        self.ledger.end_sync(cx).await?;
        self.ledger.compact_if_due(cx).await.inspect_err(|_| self.remove_if_damaged())?;
        self.events.emit(&Event::Finished {
            applied: report.applied(),
            failed: report.failed(),
            blocked: report.plan.blocked.len(),
            skipped: report.skipped(),
        });
        Ok(report)
    }

    /// The records of what was learned while planning. No object changes by them.
    fn bookkeeping(&self, cx: &Cx, planned: &Planned, concluded: Vec<Record>, line: Line) -> Vec<Record> {
        let mut records = concluded;
        let learned = planned.learned.iter();
        records.extend(learned.map(|(key, entry)| Record::Adopt { key: key.clone(), entry: entry.clone() }));
        let gone = planned.gone.iter().filter(|key| self.may_forget(key));
        records.extend(gone.map(|key| Record::Forget { key: key.clone() }));
        let revision = &planned.plan.revision;
        if line.moves && self.inventory().accepted() != Some(revision) {
            records.push(Record::Accepted { revision: revision.clone() });
            records.extend(self.lapsed(&planned.plan));
        }
        let begins = if line.is_of_record { None } else { self.beginning(cx, &planned.plan) };
        records.extend(begins);
        records
    }

    /// Gives what came of each step, and the prerequisites that are ready.
    async fn drive(
        &mut self,
        cx: &Cx,
        planned: &Planned,
        options: &ApplyOptions,
        approvers: Vec<String>,
        purpose: Purpose,
    ) -> Result<(Vec<StepResult>, BTreeSet<Key>)> {
        let plan = &planned.plan;
        let naming = options.names_the_plan().then(|| options.actor().to_owned());
        let approved_by = naming.or_else(|| (!approvers.is_empty()).then(|| approvers.join(", ")));
        let revision = plan.revision.clone();
        let started = AuditEvent::SyncStarted { plan: plan.id, revision, approved_by, purpose };
        self.audit(cx, options.actor(), vec![started]).await?;
        let limits =
            self.targets.iter().map(|(name, target)| (name.clone(), target.info().concurrency)).collect();
        let machine = GraphReconciler::new(&plan.steps, &plan.prerequisites, limits);
        let mut sync = SyncRun::new(cx, self, planned, options);
        sync.announce(cx).await?;
        let states = sync.run(cx, &machine).await?;
        sync.record_ready().await?;
        let (results, actor) = (sync.results(&states), options.actor());
        self.note_corrections(cx, plan, &results);
        self.note_blocked_steps(&results);
        let report = Report { plan: plan.clone(), results: results.clone() };
        let (applied, failed) = (report.applied(), report.failed());
        let ended = AuditEvent::SyncEnded {
            plan: plan.id,
            revision: plan.revision.clone(),
            applied,
            failed,
            unchanged: plan.unchanged,
            result: Some(report.result()),
            not_ready: report.not_ready(),
            missing: report.missing().len(),
            left: report.left(),
        };
        self.audit(cx, actor, vec![ended]).await?;
        let is_ready = |key: &&Key| states.get(key) == Some(&NodeState::Ready);
        let ready = plan.prerequisites.iter().map(|found| &found.key).filter(is_ready).cloned().collect();
        Ok((results, ready))
    }
}

impl Engine {
    /// Remembers which drift was corrected: what comes back again and again is flapping.
    fn note_corrections(&mut self, cx: &Cx, plan: &Plan, results: &[StepResult]) {
        for (step, result) in plan.steps.iter().zip(results) {
            if step.cause == Cause::Drift && result.outcome.may_be_done() {
                self.flap_guard.corrected(&step.key, cx.now());
            }
        }
    }
}

/// An object that was to be replaced is gone, or still to go: it is not made anew yet.
fn half_done(done: Done) -> Done {
    match done {
        Done::Settled(key, Readiness::Ready) => {
            let what = "the one before is gone, and the next reconciliation makes it anew";
            Done::Settled(key, Readiness::Progressing(what.to_owned()))
        }
        done => done,
    }
}

/// What was sent, or is waited for.
type Running = FuturesUnordered<BoxFuture<'static, Done>>;

/// One run of the machine: the shell that carries its effects out.
struct SyncRun<'a> {
    cx: Cx,
    engine: &'a mut Engine,
    planned: &'a Planned,
    steps: BTreeMap<&'a Key, &'a Step>,
    actor: &'a str,
    /// Whether a person named the plan.
    is_named: bool,
    ops: BTreeMap<Key, SmolStr>,
    answers: BTreeMap<Key, Result<Answer>>,
    /// The states in which adoptions left objects that are still to be changed.
    taken_over: BTreeMap<Key, Expect>,
    unready: BTreeMap<Key, String>,
    /// What is sent and not answered yet, with the time since when.
    under_way: BTreeMap<Key, Time>,
    /// What was seen of readiness and is to be remembered.
    readiness: Vec<Record>,
    /// What is new and was seen to be ready. Until that is recorded it is asked about once more, and so it may wait for the end.
    ready: Vec<Record>,
    /// What is to be made durable, and waits for more of its kind.
    gathered: Gathered,
    running: Running,
    /// What came back while something else was waited for.
    back: Vec<Done>,
    /// What the targets tell meanwhile.
    listening: Listening,
}

impl<'a> SyncRun<'a> {
    fn new(cx: &Cx, engine: &'a mut Engine, planned: &'a Planned, options: &'a ApplyOptions) -> Self {
        let steps = planned.plan.steps.iter().map(|step| (&step.key, step)).collect();
        Self {
            cx: cx.clone(),
            engine,
            planned,
            steps,
            actor: options.actor(),
            is_named: options.names_the_plan(),
            ops: BTreeMap::new(),
            answers: BTreeMap::new(),
            taken_over: BTreeMap::new(),
            unready: BTreeMap::new(),
            under_way: BTreeMap::new(),
            readiness: Vec::new(),
            ready: Vec::new(),
            gathered: Gathered::default(),
            running: FuturesUnordered::new(),
            back: Vec::new(),
            listening: Listening::default(),
        }
    }

    async fn run(&mut self, cx: &Cx, machine: &GraphReconciler) -> Result<BTreeMap<Key, NodeState>> {
        if self.engine.runs {
            self.listening = Listening::to(cx, &self.engine.targets);
        }
        let (mut work, mut effects) = machine.start();
        let mut stopped = false;
        loop {
            if !stopped && (cx.is_cancelled() || self.listening.has_drift) {
                stopped = true;
                cx.cancel();
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
            let turn = match turn {
                Ok(told) => self.record_readiness().await.map(|()| told),
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
                    let told = self.after_outcome(key);
                    self.gathered.add(cx, record, entry, told);
                }
                Effect::Apply(key) => {
                    let sending = self.sending(cx, &key)?;
                    sendings.entry(key.target().into()).or_default().push(sending);
                }
                Effect::AwaitReady(key) => self.await_ready(cx, key),
            }
        }
        for (name, sendings) in sendings {
            let (target, differ) = (self.engine.targets[&name].clone(), self.engine.differ.clone());
            let prover = Arc::new(Prover { target, differ });
            self.running.extend(send(cx, &prover, sendings, self.engine.timeouts));
        }
        Ok(())
    }

    /// Waits until something comes back, until what is gathered has waited long enough, or for a request to stop.
    async fn wait(&mut self, cx: &Cx, stopped: bool) -> Vec<Told> {
        if !self.back.is_empty() {
            return self.take_back();
        }
        let (can_tell, mut is_time) = (self.can_tell(), false);
        let busy = self.busy();
        tokio::select! {
            biased;
            Some(done) = self.running.next() => self.back.push(done),
            () = self.gathered.waited() => {},
            () = cx.cancelled(), if !stopped => {},
            // What moved is looked at before more is heard, so a watch that never falls silent holds nothing up.
            Some((name, moved)) = self.listening.next(), if !stopped && !self.listening.is_due => {
                self.listening.is_due = self.engine.take_moved(&name, moved);
            },
            has_drift = self.engine.has_drift_after(cx, PAUSE, busy), if !stopped && self.listening.is_due => {
                self.listening.is_due = false;
                self.listening.has_drift = has_drift;
            },
            () = progress::time_to_tell(cx), if can_tell => is_time = true,
        }
        if is_time {
            self.tell(cx);
        }
        self.look();
        self.take_back()
    }

    /// The objects whose change was begun, or is to repair drift, and is not known to be made. What waits may be put back meanwhile.
    fn busy(&self) -> BTreeSet<Key> {
        if !self.listening.is_due {
            return BTreeSet::new();
        }
        let is_made = |key: &&Key| self.answers.get(*key).is_some_and(Result::is_ok);
        let open = self.engine.inventory().open().map(|intent| &intent.key);
        let waits = |step: &&Step| step.cause != Cause::Drift && !self.ops.contains_key(&step.key);
        let busy = self.steps.values().copied().filter(|step| !waits(step)).map(|step| &step.key);
        busy.filter(|key| !is_made(key)).chain(open).cloned().collect()
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

    fn sending(&mut self, cx: &Cx, key: &Key) -> Result<Sending> {
        let step = self.steps[key];
        let owner = self.engine.inventory().owner().clone();
        let owner_label = OwnerLabel { owner, op: self.ops.get(key).cloned().unwrap_or_default() };
        let taken_over = self.taken_over.get(key).cloned();
        if taken_over.is_none() {
            self.engine.events.emit(&Event::Started { key: key.clone(), action: step.action });
        }
        self.under_way.insert(key.clone(), cx.now());
        Sending::new(step, self.planned.objects.get(key), owner_label, taken_over)
    }

    fn await_ready(&mut self, cx: &Cx, key: Key) {
        let Some(applied) = self.as_left(&key) else {
            let unknown = Readiness::Progressing("nothing is recorded of it".to_owned());
            self.running.push(async { Done::Settled(key, unknown) }.boxed());
            return;
        };
        let is_half_done = self.is_half_done(&key);
        let target = self.engine.targets[key.target()].clone();
        let of_target = self.engine.ready_of.get(key.target()).copied();
        let patience = of_target.unwrap_or(self.engine.timeouts.ready);
        let ready = await_ready(cx, target, key, applied, patience);
        self.running.push(if is_half_done { ready.map(half_done).boxed() } else { ready });
    }

    /// The state in which this reconciliation, or an earlier one, left an object.
    fn as_left(&self, key: &Key) -> Option<Applied> {
        if let Some(answer) = self.answers.get(key) {
            return answer.as_ref().ok().map(|answer| answer.applied.clone());
        }
        let entry = self.engine.inventory().entries().get(key);
        let (uid, version) = entry.and_then(|entry| entry.uid.clone().zip(entry.version.clone()))?;
        Some(Applied::Present { uid, version })
    }
}

/// An engine can be moved to, and looked at from, other threads.
const _: fn() = || {
    fn crosses_threads<T: Send + Sync>() {}
    crosses_threads::<Engine>();
};

//! People who order something: of an engine that they have to themselves, or of one that is at work.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use super::check;
use super::process::{Process, is_fatal};
use super::random::Random;
use super::state::Handle;
use super::twins;
use crate::cx::Cx;
use crate::engine::{Engine, Request, Requests};
use crate::gate::{Gate, Proposal, Verdict, gate};
use crate::plan::{Cause, Plan, Step};
use crate::state::approval::{Approver, Through};
use crate::value::{Action, Digest, Key, PlanId, Result, Revision, Uid};

/// What people ordered of an application, as far as the world knows it: of what nobody was told that it was done, nothing is known.
#[derive(Default)]
pub(super) struct Ordered {
    /// Whether it is known to be suspended.
    pub suspended: bool,
    /// The revision to which it is known to be pinned.
    pub pinned: Option<Revision>,
    /// What people said yes to, by the plan that they saw.
    pub given: BTreeMap<PlanId, Effects>,
    /// What of it is recorded and not done, the oldest first.
    pub approved: Vec<Effects>,
}

/// What was to be done to objects: how, to which incarnation, and with which body.
pub(super) type Effects = BTreeMap<Key, (Action, Option<Uid>, Option<Digest>)>;

/// The gate's name.
pub(super) const GATE: &str = "people";

/// Wants each change of every third object approved, unless it only puts back what others did; and notes for what it asked.
pub(super) fn asking(world: &Handle, life: usize) -> Arc<dyn Gate> {
    let world = world.clone();
    Arc::new(gate(GATE, 1, move |proposal: &Proposal<'_>| {
        let is_asked = |step: &&Step| step.cause != Cause::Drift && is_gated(&step.key);
        let asked = proposal.plan.steps.iter().filter(is_asked).map(|step| step.key.clone());
        let asked: Vec<Key> = asked.collect();
        let of_plan = asked.iter().map(|key| (proposal.plan.id, key.clone()));
        world.lock().lives[life].gated.extend(of_plan);
        let ask = |key: Key| Verdict::needs_approval(GATE, format!("{key} changes")).naming([key]);
        asked.into_iter().map(ask).fold(Verdict::Allow, Verdict::and)
    }))
}

/// Both keys of one object are asked about, or none.
fn is_gated(key: &Key) -> bool {
    Digest::of(twins::first(key).to_string().as_bytes()).as_bytes()[0].is_multiple_of(3)
}

fn effects(plan: &Plan) -> Effects {
    let effect = |step: &Step| {
        let uid = step.expect.as_ref().map(|expect| expect.uid.clone());
        (step.key.clone(), (step.action, uid, step.desired))
    };
    plan.steps.iter().map(effect).collect()
}

impl Process {
    /// A person suspends the application now and then, or lets it go on.
    pub(super) async fn order(&self, cx: &Cx, engine: &mut Engine, people: &mut Random) -> Result<()> {
        if !self.world.lock().has_orders || !people.chance(2500) {
            return Ok(());
        }
        let done = match engine.suspended(cx).await {
            Ok(None) => {
                let done = engine.suspend(cx, "somebody looks", "person").await;
                // Of one that failed nobody knows.
                self.world.lock().apps[self.app].ordered.suspended |= done.is_ok();
                done
            }
            Ok(Some(_)) => self.resume(cx, engine).await,
            Err(error) => Err(error),
        };
        match done {
            Err(error) if is_fatal(&error) => Err(error),
            _ => Ok(()),
        }
    }

    /// From the first moment of it on, changes may be sent again.
    async fn resume(&self, cx: &Cx, engine: &mut Engine) -> Result<()> {
        self.world.lock().apps[self.app].ordered.suspended = false;
        match engine.suspended(cx).await? {
            Some(_) => engine.resume(cx, "person").await.map(drop),
            None => Ok(()),
        }
    }

    /// What a person is going to ask of the engine once it is at work, if anything.
    pub(super) async fn intention(
        &self,
        cx: &Cx,
        engine: &mut Engine,
        people: &mut Random,
    ) -> Result<Option<Request>> {
        if !self.world.lock().has_reviews || !people.chance(6000) {
            return Ok(None);
        }
        match people.below(8) {
            0 => Ok(self.earlier(people).map(Request::pin)),
            1 => Ok(Some(Request::unpin())),
            2 => Ok(Some(Request::Reject { plan: None, reason: "somebody thinks again".to_owned() })),
            _ => self.approval(cx, engine).await,
        }
    }

    /// A revision without a flaw from which the accepted one descends.
    fn earlier(&self, people: &mut Random) -> Option<Revision> {
        let world = self.world.lock();
        let accepted = world.apps[self.app].book.shadow.accepted()?;
        people.pick(&world.origin(self.app).earlier(accepted.id())).cloned()
    }

    /// A yes to what a plan would do now, where nobody but the people's gate asks for one.
    async fn approval(&self, cx: &Cx, engine: &mut Engine) -> Result<Option<Request>> {
        let plan = match engine.plan(cx).await {
            Err(error) if is_fatal(&error) => return Err(error),
            Err(_) => return Ok(None),
            Ok(plan) => plan,
        };
        let verdict = engine.verdict(cx, &plan);
        let by = Approver::new("person", Through::Terminal { uid: 1 });
        match engine.approval_of(cx, &plan, by) {
            Ok(approval) if verdict.findings().all(|found| found.gate == GATE) => {
                let mut world = self.world.lock();
                world.apps[self.app].ordered.given.insert(approval.plan, effects(&plan));
                Ok(Some(Request::Approve { approval: Box::new(approval) }))
            }
            _ => Ok(None),
        }
    }

    /// Asks an engine at work for something after a while, from a process beside it, and waits for the answer.
    pub(super) async fn asks(&self, cx: &Cx, request: Option<Request>, wait: Duration) -> Infallible {
        if let Some(request) = request
            && self.asks_for(cx, &request, wait).await.is_ok()
        {
            self.is_done(request);
        }
        std::future::pending().await
    }

    fn is_done(&self, request: Request) {
        self.say(&format!("was told that it is done: {request:?}"));
        let ordered = &mut self.world.lock().apps[self.app].ordered;
        match request {
            Request::Pin { revision, .. } => ordered.pinned = Some(revision),
            Request::Reject { .. } => ordered.approved.clear(),
            _ => {}
        }
    }

    async fn asks_for(&self, cx: &Cx, request: &Request, wait: Duration) -> Result<()> {
        cx.sleep(wait).await?;
        let requests = {
            let mut world = self.world.lock();
            let app = &mut world.apps[self.app];
            if matches!(request, Request::Pin { .. } | Request::Unpin { .. }) {
                // From the first moment of it on, it may be so.
                app.ordered.pinned = None;
            }
            Requests::new(app.disk.store.clone(), &app.name)
        };
        let ticket = requests.ask(cx, "person", request.clone()).await?;
        requests.answered(cx, &ticket).await
    }

    /// Lets the application follow its source and go on, whatever was ordered.
    pub(super) async fn let_go(&self, cx: &Cx, engine: &mut Engine) -> Result<()> {
        // What was asked before comes first.
        engine.fulfil(cx, "person", &Request::Sync).await?;
        self.resume(cx, engine).await?;
        self.world.lock().apps[self.app].ordered.pinned = None;
        match engine.pinned(cx).await? {
            Some(_) => engine.unpin(cx, "person").await.map(drop),
            None => Ok(()),
        }
    }

    /// Faults are over: somebody goes back, and then lets the application follow its source again.
    pub(super) async fn go_back(&self, cx: &Cx, engine: &mut Engine) -> Result<()> {
        if !self.world.lock().has_reviews {
            return Ok(());
        }
        let Some(revision) = self.earlier(&mut Random::new(self.seed, 18)) else { return Ok(()) };
        engine.fulfil(cx, "person", &Request::pin(revision.clone())).await?;
        self.world.lock().apps[self.app].ordered.pinned = Some(revision.clone());
        let report = self.two_passes(cx, engine).await?;
        check::i51_a_rollback_reaches_its_revision(&mut self.world.lock(), self.app, &revision, &report);
        self.let_go(cx, engine).await?;
        let report = self.two_passes(cx, engine).await?;
        check::i16_converged(&mut self.world.lock(), self.app, &report);
        Ok(())
    }
}

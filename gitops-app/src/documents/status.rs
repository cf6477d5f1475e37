//! The document of `status`: what is live, whether it is what is declared, and whether it works.

use std::collections::BTreeSet;
use std::time::Duration;

use gitops_core::{
    Commit, Commits, Cx, Error, Key, OrphanedBecause, OwnedState, PendingRequest, Pin, Plan, Result,
    Revision, Suspension, Time, Verdict,
};
use serde::Serialize;

use super::Document;
use super::blocked::{self, BlockedPart};
use super::deployment::{self, Deployment};
use super::health::{self, Health, Troubled, Unready};
use super::held::{self, HeldPart};
use super::plan::{Summary, TargetPart};

use super::standing::{Live, Progress, Standing};
use crate::runner::Runner;
use crate::session::Session;

/// How many deployments are looked through for the last one that came to its end.
const REMEMBERED: usize = 50;

/// How long a source is asked what waits behind a pin: `status` answers also while it is away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether what is there is what is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub enum Sync {
    /// It is, and nothing is blocked.
    Synced,
    /// It is not.
    #[serde(rename = "OutOfSync")]
    Differs,
    /// The source or a target did not answer.
    Unknown,
}

/// What somebody asked of the process at work.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AskedFor {
    /// What, in one word: `suspend`, `approve`.
    pub ask: String,
    /// Who.
    pub by: String,
    /// Since when it waits.
    pub since: Time,
}

impl From<PendingRequest> for AskedFor {
    fn from(PendingRequest { ask, by, at: since, .. }: PendingRequest) -> Self {
        Self { ask, by, since }
    }
}

/// An object that left the source and stays.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct OrphanedPart {
    /// Which.
    pub key: Key,
    /// Why it stays.
    pub why: Option<OrphanedBecause>,
}

impl OrphanedPart {
    fn all(plan: &Plan) -> Vec<Self> {
        let part = |key: &Key| Self { key: key.clone(), why: plan.orphaned_because.get(key).copied() };
        plan.orphaned.iter().map(part).collect()
    }
}

/// The document of `status`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct StatusDocument<'a> {
    /// The application.
    pub application: String,
    /// Whether what is there is what is declared.
    pub sync: Sync,
    /// Whether it works.
    pub health: Health,
    /// Why nobody knows, if nobody does.
    pub reason: Option<String>,
    /// The source, as a person would name it.
    pub source: String,
    /// What of the source is followed.
    pub follows: String,
    /// Where it is applied.
    pub targets: Vec<TargetPart>,
    /// The revision that is declared.
    pub revision: Option<Revision>,
    /// Its commit, where the source can tell.
    pub commit: Option<Commit>,
    /// The last revision that was begun.
    pub accepted: Option<Revision>,
    /// The last revision that was applied completely.
    pub live: Option<Live>,
    /// The one that was begun since.
    pub progress: Option<Progress>,
    /// The revision to which it is pinned, and by whom.
    pub pinned: Option<Pin>,
    /// What the newest revision brings over that one and waits; nothing if it is not pinned, or the source can't tell.
    pub behind: Option<Commits>,
    /// Why nothing is written, if that is so.
    pub suspended: Option<Suspension>,
    /// What people asked of the process at work, and it has not taken up yet.
    pub asked: Vec<AskedFor>,
    /// The plan that comes next.
    pub plan_id: Option<String>,
    /// What the gates say of that.
    pub verdict: Option<Verdict>,
    /// What it changes, in numbers.
    pub summary: Option<Summary>,
    /// How many objects are owned.
    pub owned: usize,
    /// How many of them are claimed and were never seen.
    pub claimed: usize,
    /// How many are being deleted.
    pub deleting: usize,
    /// How many changes have no known outcome yet.
    pub unconfirmed: usize,
    /// How many resources the roots hold.
    pub components: usize,
    /// The resources that something is wrong with.
    pub troubled: Vec<Troubled>,
    /// The objects that do not work at the moment.
    pub unready: Vec<Unready>,
    /// The objects that left the source and stay, each with the reason.
    pub orphaned: Vec<OrphanedPart>,
    /// Who works with it; nothing if nobody does.
    pub runner: Option<Runner>,
    /// Why nobody knows who does, if nobody does.
    pub runner_unknown: Option<String>,
    /// What was deployed last.
    pub last: Option<Deployment>,
    /// The objects about which nothing may be done now.
    pub blocked: Vec<BlockedPart<'a>>,
    /// The deletions that wait for what is blocked.
    pub held: Vec<HeldPart<'a>>,
}

impl Document for StatusDocument<'_> {
    const KIND: &'static str = "Status";
}

impl<'a> StatusDocument<'a> {
    /// How an application stands, by the plan that comes next or by why there is none. It asks the targets whether what is
    /// owned works.
    ///
    /// # Errors
    /// The state or the audit log can't be read; a target of roots does not answer.
    ///
    /// # Cancel safety
    /// It writes nothing.
    pub async fn new(cx: &Cx, session: &Session, plan: &'a Result<Plan, Error>) -> Result<Self> {
        let (engine, inventory) = (&session.engine, session.engine.inventory());
        let components = session.components(cx).await?;
        let owned_components = components.values().map(Vec::len).sum();
        let unready: Vec<Unready> = session.unready(cx).await.into_iter().map(Unready::of).collect();
        let troubled = Troubled::of(components);
        let info = engine.source().info();
        // What is gone by now is none of ours any more, although only the next apply forgets it.
        let gone: BTreeSet<&Key> = plan.as_ref().map(|plan| plan.gone.iter().collect()).unwrap_or_default();
        let is_there = |key: &Key| !gone.contains(key);
        let in_state = |state: OwnedState| {
            let entries = inventory.entries().iter();
            entries.filter(|(key, entry)| entry.state == state && is_there(key)).count()
        };
        let (sync, reason) = match plan {
            Ok(plan) if plan.is_empty() && plan.drift.is_empty() => (Sync::Synced, None),
            Ok(_) => (Sync::Differs, None),
            Err(error) if error.diagnostics().is_empty() => (Sync::Unknown, Some(format!("{error:#}"))),
            Err(error) => (Sync::Unknown, Some(error.in_one_line())),
        };
        let plan = plan.as_ref().ok();
        let owned = inventory.entries().keys().filter(|key| is_there(key)).count();
        let (pinned, suspended) = (engine.pinned(cx).await?, engine.suspended(cx).await?);
        let behind = match &pinned {
            Some(pin) => waits_behind(cx, session, pin).await,
            None => None,
        };
        let asked = engine.handle().requests().pending(cx).await?;
        let mut deployments = deployment::last(cx, session.audit(), REMEMBERED, false).await?;
        let Standing { live, progress } = Standing::of(inventory, plan);
        let (runner, runner_unknown) = match session.runner(cx).await {
            Ok(runner) => (runner, None),
            Err(error) => (None, Some(format!("{error:#}"))),
        };
        let commit = match plan {
            Some(plan) => session.commit(cx, &plan.revision).await,
            None => None,
        };
        Ok(Self {
            application: engine.name().to_owned(),
            sync,
            health: health::fold(plan, owned, &unready, &troubled),
            reason,
            source: info.name,
            follows: info.follows,
            targets: TargetPart::all(&session.config),
            revision: plan.map(|plan| plan.revision.clone()),
            commit,
            accepted: inventory.accepted().cloned(),
            live,
            progress,
            pinned,
            behind,
            suspended,
            asked: asked.into_iter().map(AskedFor::from).collect(),
            plan_id: plan.map(|plan| plan.id.to_string()),
            verdict: plan.map(|plan| engine.verdict(cx, plan)),
            summary: plan.map(Summary::of),
            owned,
            claimed: in_state(OwnedState::Claimed),
            deleting: in_state(OwnedState::Deleting),
            unconfirmed: inventory.open().count(),
            components: owned_components,
            troubled,
            unready,
            orphaned: plan.map(OrphanedPart::all).unwrap_or_default(),
            runner,
            runner_unknown,
            last: (!deployments.is_empty()).then(|| deployments.swap_remove(0)),
            blocked: plan.map(blocked::all).unwrap_or_default(),
            held: plan.map(held::all).unwrap_or_default(),
        })
    }
}

/// What the newest revision of the source brings over the one to which the application is pinned.
async fn waits_behind(cx: &Cx, session: &Session, pin: &Pin) -> Option<Commits> {
    let (cx, source) = (cx.within(PATIENCE), session.engine.source());
    let newest = source.resolve(&cx).await.ok()?;
    Commits::find(source.history()?, &cx, &pin.revision, &newest).await.ok()
}

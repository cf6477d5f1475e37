//! What came of a merge, told on the commit: one status for each application, and a record of the deployment where the forge
//! has them.
// Long because what is told of a merge is decided in one place.

use gitops_app::config::{Config, GitRef};
use gitops_app::forge::patiently;
use gitops_app::review::{AfterMerge, holds};
use gitops_app::rollback::{status_name, taken_back};
use gitops_core::{
    Cx, EngineHandle, EngineStatus, ErrorKind, Event, GateMessage, HealthStatus, Obstacle, Phase, Pin,
    PlanId, Result, Revision, Time,
};
use gitops_forge::{
    ChangeRequest, CommitId, CommitStatus, Deployment, DeploymentState, ForgeExt, RequestState, StatusState,
};
use tokio::sync::broadcast::error::RecvError;

use super::commands::held_to;
use super::memory::{MergedAs, Outcome, Page};
use super::poll::AGAIN;
use super::{Shared, nobody};
use crate::event::ServerEvent;

/// What is to be said of a commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    pub commit: String,
    pub state: StatusState,
    pub text: String,
    /// Whether all that the commit declares is live.
    pub is_live: bool,
    /// Whether nothing goes on before somebody does something.
    pub needs_person: bool,
    pub awaits_approval: bool,
}

impl Shared {
    /// Tells the forge how an application is live, for as long as the context goes on.
    pub(super) async fn tell_of(&self, cx: &Cx, config: &Config) {
        while let Some(handle) = self.engine_of(cx, config).await {
            self.tell_while_open(cx, config, &handle).await;
        }
    }

    /// Returns when applications come or go: this one may have another engine then.
    async fn tell_while_open(&self, cx: &Cx, config: &Config, handle: &EngineHandle) {
        let (mut moved, mut status, mut events) = (self.board.moved(), handle.status(), handle.events());
        let mut merges = self.merges.subscribe();
        let (mut newest, mut said, mut not_before) = (None, Vec::new(), None);
        let mut held_back = None;
        loop {
            let now = status.borrow_and_update().clone();
            let tellings = telling_of(&now, newest.as_deref()).into_iter().chain(taken_back_of(&now));
            let tellings = tellings.chain(way_back_of(&now));
            // What there is to approve may be something else where the words are the same.
            let of_plan = |telling: Telling| {
                let plan = now.plan.filter(|_| telling.awaits_approval);
                (telling, plan)
            };
            let tellings: Vec<(Telling, Option<PlanId>)> = tellings.map(of_plan).collect();
            let is_due = not_before.is_none_or(|at| cx.now() >= at);
            if !tellings.is_empty() {
                said.retain(|said| tellings.contains(said));
            }
            let next = tellings.into_iter().find(|telling| !said.contains(telling));
            if let Some((telling, plan)) = next.filter(|_| is_due) {
                let told = Box::pin(self.tell_forge(cx, config, &telling)).await;
                match told {
                    Ok(()) => {
                        said.push((telling, plan));
                        not_before = None;
                        continue;
                    }
                    Err(error) if error.kind() == ErrorKind::Cancelled => return,
                    Err(error) => {
                        not_before = Some(cx.now().after(self.every.min(AGAIN)));
                        self.tell_failed(config, &error);
                    }
                }
            }
            // What is merged while the application is held to a revision is found by no plan.
            let held = now.pinned.clone().map(|pin| (is_back(&now, &pin), pin, *merges.borrow()));
            if held != held_back && not_before.is_none_or(|at: Time| cx.now() >= at) {
                match Box::pin(self.tell_held_back(cx, config, &now)).await {
                    Ok(()) => held_back = held,
                    Err(error) if error.kind() == ErrorKind::Cancelled => return,
                    Err(error) => {
                        not_before = Some(cx.now().after(self.every.min(AGAIN)));
                        self.tell_failed(config, &error);
                    }
                }
            }
            let wait = not_before.map(|at: Time| at.since(cx.now()));
            tokio::select! {
                biased;
                () = cx.cancelled() => return,
                _ = moved.changed() => return,
                _ = status.changed() => {}
                // What was said of the branch before it was known is to be said in that request too.
                _ = merges.changed() => said.clear(),
                event = events.recv() => match event {
                    Ok(Event::Resolved { revision }) => newest = Some(revision),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
                _ = cx.sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
        }
    }

    /// Says of what was merged that it waits, while the application is held to a revision that does not have it.
    pub(super) async fn tell_held_back(&self, cx: &Cx, config: &Config, status: &EngineStatus) -> Result<()> {
        let Some(pin) = &status.pinned else { return Ok(()) };
        let held = CommitId::parse(pin.revision.id())?;
        // What is gone back from does not wait: what became of it is said by itself.
        let left = taken_back(pin).or_else(|| Some(status.complete.as_ref()?.revision.id()));
        let left = left.map(CommitId::parse).transpose()?;
        for (number, merged) in self.memory.merged_into(cx, &config.name).await? {
            let commit = CommitId::parse(&merged)?;
            let is_left = match &left {
                Some(left) => holds(cx, config, left, &commit).await?,
                None => false,
            };
            if is_left || holds(cx, config, &held, &commit).await? {
                continue;
            }
            let text = format!("`{}` {}", config.name, held_to(pin, &config.name));
            let telling = Telling {
                commit: merged,
                state: StatusState::Pending,
                text,
                is_live: false,
                needs_person: true,
                awaits_approval: false,
            };
            let context = self.live_name(config);
            let status = CommitStatus::new(context, telling.state, &telling.text);
            self.note_told(cx, &config.name, &commit).await?;
            patiently(cx, || self.forge.ensure_status(cx, &commit, &status)).await?;
            self.tell_request(cx, config, number, &telling).await?;
        }
        match pin.ahead_of.is_none() && is_back(status, pin) {
            true => self.tell_gone_back(cx, config, pin).await,
            false => Ok(()),
        }
    }

    /// Says of commits that were told as live that they are so no longer, since somebody went back from them.
    async fn tell_gone_back(&self, cx: &Cx, config: &Config, pin: &Pin) -> Result<()> {
        let held = CommitId::parse(pin.revision.id())?;
        let text = format!("not live any more: {} went back to {}", pin.by, pin.revision.short());
        let is_live = |said: &CommitStatus| said.state == StatusState::Success;
        let gone = (StatusState::Failure, text.as_str());
        for commit in self.told(cx, &config.name).await? {
            if holds(cx, config, &held, &commit).await? {
                continue;
            }
            self.end_statuses(cx, &commit, &[self.live_name(config)], is_live, gone).await?;
        }
        Ok(())
    }

    pub(super) async fn tell_forge(&self, cx: &Cx, config: &Config, telling: &Telling) -> Result<()> {
        let telling = &Telling { text: self.tellable(&telling.text), ..telling.clone() };
        let commit = CommitId::parse(&telling.commit)?;
        // A request that can't be told must not keep the commit from saying it.
        let told = self.tell_requests(cx, config, telling).await;
        let context = self.live_name(config);
        let status = CommitStatus::new(context, telling.state, &telling.text);
        self.note_told(cx, &config.name, &commit).await?;
        let is_written = patiently(cx, || self.forge.ensure_status(cx, &commit, &status)).await?;
        if is_written {
            self.tell(&ServerEvent::Told {
                repository: self.repository.clone(),
                application: config.name.clone(),
                commit: telling.commit.clone(),
                state: format!("{:?}", telling.state).to_lowercase(),
                description: telling.text.clone(),
            });
        }
        if is_written && telling.is_live {
            self.end_rollback(cx, config, &commit).await?;
        }
        if let (Some(_), true) = (self.forge.deployments(), telling.is_live) {
            let deployment = self.deployment(config, commit, telling);
            patiently(cx, || self.forge.ensure_deployment(cx, &deployment)).await?;
        }
        told
    }

    /// Ends what was said on a commit while an application had gone back from it.
    async fn end_rollback(&self, cx: &Cx, config: &Config, commit: &CommitId) -> Result<()> {
        let name = status_name(&self.context, &config.name);
        let is_on = |said: &CommitStatus| said.state != StatusState::Success;
        let over = (StatusState::Success, "the rollback is over: live again");
        self.end_statuses(cx, commit, &[name], is_on, over).await.map(drop)
    }

    async fn tell_requests(&self, cx: &Cx, config: &Config, telling: &Telling) -> Result<()> {
        let (mut told, mut noted) = (Vec::new(), Ok(()));
        for request in self.merged_as(cx, &telling.commit).await? {
            // What waits of an earlier request waits there, whatever was merged on top of it.
            if self.memory.page(cx, request.number).await?.is_about_others_than(&config.name) {
                continue;
            }
            self.tell_request(cx, config, request.number, telling).await?;
            // What can't be noted now keeps nobody from being told: it is noted with the next word.
            noted = noted.and(self.audit_merge(cx, config, request.number).await);
            told.push(request.number);
        }
        // Of requests that were merged one after the other, or at once by a queue, the branch shows the last commit only.
        for (number, merged) in self.memory.merged_into(cx, &config.name).await? {
            let is_told = told.contains(&number);
            if !is_told
                && !holds(cx, config, &CommitId::parse(&telling.commit)?, &CommitId::parse(&merged)?).await?
            {
                continue;
            }
            if !is_told {
                let text = format!("with {}: {}", short(&telling.commit), telling.text);
                self.tell_request(cx, config, number, &Telling { text, ..telling.clone() }).await?;
                noted = noted.and(self.audit_merge(cx, config, number).await);
            }
            if telling.is_live && telling.state == StatusState::Success && noted.is_ok() {
                if !is_told {
                    self.end_wait(cx, config, &CommitId::parse(&merged)?, telling).await?;
                }
                let is_live = self.memory.change(cx, number, |page| page.is_live_in(&config.name)).await?;
                if is_live {
                    let request = patiently(cx, || self.forge.change_request(cx, number)).await?;
                    self.say_last(cx, &request).await?;
                }
            }
        }
        noted
    }

    /// Ends what waits on the commit of a merge, since it is live with a later one.
    async fn end_wait(&self, cx: &Cx, config: &Config, merged: &CommitId, live: &Telling) -> Result<()> {
        let text = format!("live with {}", short(&live.commit));
        let waits = |said: &CommitStatus| said.state == StatusState::Pending;
        let over = (StatusState::Success, text.as_str());
        self.end_statuses(cx, merged, &[self.live_name(config)], waits, over).await.map(drop)
    }

    /// The name of the status that tells how an application is live.
    fn live_name(&self, config: &Config) -> String {
        format!("{}/live/{}", self.context, config.name)
    }

    /// Remembers what a request was merged as, until that is live in all applications that it changes; the branch may have gone on
    /// before anybody looked. They look at once: no webhook may have told them of the push.
    pub(super) async fn note_merged(&self, cx: &Cx, request: &ChangeRequest) -> Result<()> {
        let Some(commit) = request.merge_commit.as_ref().filter(|_| request.state == RequestState::Merged)
        else {
            return Ok(());
        };
        let note = |page: &mut Page| {
            let waits = std::mem::take(&mut page.changes);
            let is_news = !waits.is_empty();
            if is_news {
                page.merged = Some(MergedAs { commit: commit.to_string(), waits });
            }
            is_news
        };
        if self.memory.change(cx, request.number, note).await? {
            self.merges.send_modify(|merges| *merges += 1);
            let by = format!("{}#{}", self.repository, request.number);
            self.wake_engines(cx, Some(&request.base.name), &by);
        }
        Ok(())
    }

    /// Has the audit log of an application say once who opened, reviewed and merged a request that changes it.
    async fn audit_merge(&self, cx: &Cx, config: &Config, number: u64) -> Result<()> {
        if !self.memory.page(cx, number).await?.is_unaudited_in(&config.name) {
            return Ok(());
        }
        if !self.asked(number).note_merged(cx, config, &nobody()).await? {
            return Ok(());
        }
        self.memory.change(cx, number, |page| page.is_audited_in(&config.name)).await
    }

    /// The record of what is live. Applications of one environment have one record each.
    fn deployment(&self, config: &Config, commit: CommitId, telling: &Telling) -> Deployment {
        let label = |config: &Config| config.labels.get("environment").cloned();
        let environment = label(config);
        let is_other = |other: &&Config| other.name != config.name;
        let is_shared = self.chosen.iter().filter(is_other).any(|other| label(other) == environment);
        let environment = match environment {
            Some(environment) if !is_shared => environment,
            Some(environment) => format!("{environment}/{}", config.name),
            None => config.name.clone(),
        };
        let reference = match &config.source.reference {
            GitRef::Branch(name) | GitRef::Tag(name) => name.clone(),
            _ => commit.to_string(),
        };
        let state = match telling.state {
            StatusState::Success => DeploymentState::Success,
            StatusState::Pending => DeploymentState::Running,
            _ => DeploymentState::Failure,
        };
        Deployment::new(environment, commit, reference).state(state, &telling.text)
    }

    /// Says in a request that was merged what came of it: where a person is needed, and where that was said before.
    async fn tell_request(&self, cx: &Cx, config: &Config, number: u64, telling: &Telling) -> Result<()> {
        let mut outcome =
            Outcome { needs_person: telling.needs_person, text: telling.text.clone(), ..Outcome::default() };
        if telling.awaits_approval {
            let page = self.memory.page(cx, number).await?;
            let asked = self.asked_of(number, &page).after_merge(cx, &[config], &nobody()).await?;
            let waiting =
                asked.into_iter().find(|after| !after.wanted.is_empty() && after.approved_by.is_none());
            if let Some(why) = waiting.as_ref().and_then(|after| after.dropped.as_ref()) {
                outcome.text.extend(["; ", why, ", and is asked for again"]);
            }
            if let Some(elsewhere) = waiting.as_ref().and_then(AfterMerge::elsewhere) {
                outcome.text.extend(["; ", &elsewhere]);
            }
            if let Some(after) = waiting.filter(|after| !after.asks_owners) {
                (outcome.effect, outcome.would) = (Some(after.effect.name()), after.would);
            }
        }
        let note = |page: &mut Page| {
            let is_said = outcome.needs_person || page.outcomes.contains_key(&config.name);
            if is_said {
                let outcome = outcome.clone().after(page.outcomes.get(&config.name));
                page.outcomes.insert(config.name.clone(), outcome);
            }
            is_said
        };
        match self.memory.change(cx, number, note).await? {
            true => self.show_answers(cx, number).await,
            false => Ok(()),
        }
    }
}

/// Whether the revision that an application is held to is live.
fn is_back(status: &EngineStatus, pin: &Pin) -> bool {
    status.complete.as_ref().is_some_and(|live| live.revision.id() == pin.revision.id())
}

/// What is to be said of a commit that was rolled back without anybody asking for it.
fn taken_back_of(status: &EngineStatus) -> Option<Telling> {
    let pin = status.pinned.as_ref()?;
    let commit = taken_back(pin)?.to_owned();
    let is_back = is_back(status, pin);
    if !is_back && status.phase != Phase::Idle {
        // It is on its way, or it looks again: what was said holds until it knows better.
        return None;
    }
    let (at, waits) = (pin.revision.short(), way_back_waits(status));
    let text = if let Some(waits) = &waits {
        format!("it failed its health, and the way back to {at} waits {waits}")
    } else {
        let how = if is_back { "rolled back" } else { "goes back" };
        format!(
            "it failed its health: {how} to {at}, and pinned there until the change is reverted on the branch"
        )
    };
    Some(Telling {
        commit,
        state: StatusState::Failure,
        text,
        is_live: false,
        needs_person: true,
        awaits_approval: waits.is_some() && !status.awaits_approval.is_empty(),
    })
}

/// What the way back to a revision waits for, while another one is live.
fn way_back_waits(status: &EngineStatus) -> Option<String> {
    let pin = status.pinned.as_ref().filter(|pin| pin.ahead_of.is_none())?;
    let is_left = status.complete.as_ref().is_some_and(|live| live.revision.id() != pin.revision.id());
    let is_planned = status.phase == Phase::Idle && status.revision.as_ref() == Some(&pin.revision);
    waits_for(status).filter(|_| is_left && is_planned)
}

/// What is to be said of the commit that is live while the way back from it waits for an approval.
fn way_back_of(status: &EngineStatus) -> Option<Telling> {
    let pin = status.pinned.as_ref().filter(|pin| taken_back(pin).is_none())?;
    let (live, waits) = (status.complete.as_ref()?.revision.id(), way_back_waits(status)?);
    let (at, by) = (pin.revision.short(), &pin.by);
    Some(Telling {
        commit: live.to_owned(),
        state: StatusState::Pending,
        text: format!("live; {by} takes it back to {at}, and the way back waits {waits}"),
        is_live: false,
        needs_person: true,
        awaits_approval: !status.awaits_approval.is_empty(),
    })
}

/// What the latest plan waits for by the word of gates, if they do not let it pass. A time comes first: forges cut what is long.
pub(super) fn waits_for(status: &EngineStatus) -> Option<String> {
    let told = |notes: &[GateMessage]| notes.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let (denied, wanted) = (told(&status.denied), told(&status.awaits_approval));
    let approval = format!("for an approval: {wanted}");
    match status.denied_until() {
        _ if denied.is_empty() && wanted.is_empty() => None,
        _ if denied.is_empty() => Some(approval),
        Some(until) if wanted.is_empty() => Some(format!("until {until}; {denied}")),
        Some(until) => Some(format!("until {until} and {approval}; {denied}")),
        None => Some(format!("for a gate that denies it: {denied}")),
    }
}

/// What is to be said of an application, if it stands still enough for that.
pub(super) fn telling_of(status: &EngineStatus, newest: Option<&str>) -> Option<Telling> {
    let last = status.last.as_ref().filter(|_| status.phase == Phase::Idle)?;
    let complete = status.complete.as_ref().map(|complete| complete.revision.id());
    let planned = status.revision.as_ref().map(Revision::id);
    let of = |commit: &str, state, text: String| Telling {
        commit: commit.to_owned(),
        state,
        text,
        is_live: complete == Some(commit),
        needs_person: state != StatusState::Success,
        awaits_approval: false,
    };
    // What is left of an apply that failed may be another effect than the approved one: then the failure is not over.
    let failed = |commit: &str| {
        let progress = status.progress.as_ref().filter(|progress| progress.revision.id() == commit);
        progress.and_then(|progress| progress.left.as_ref()?.error.as_deref())
    };
    let waits = |commit: &str| {
        let asks = !status.awaits_approval.is_empty();
        let waits = waits_for(status).unwrap_or_else(|| "for an approval".to_owned());
        let told = match failed(commit) {
            Some(error) => {
                let text = format!("the apply failed: {error}; what is left waits {waits}");
                of(commit, StatusState::Failure, text)
            }
            // What gates let pass from a time on is applied then.
            None => Telling {
                needs_person: asks || status.denied.is_empty(),
                ..of(commit, StatusState::Pending, format!("waits {waits}"))
            },
        };
        Telling { awaits_approval: asks || status.denied.is_empty(), ..told }
    };
    let error = last.error.as_deref().unwrap_or_default();
    match last.kind {
        Some(ErrorKind::Cancelled) => return None,
        Some(ErrorKind::NeedsApproval) => return planned.map(waits),
        Some(ErrorKind::Denied) if last.by_gate && status.denied_until().is_some() => {
            return planned.map(waits);
        }
        Some(ErrorKind::Denied) if last.by_gate => {
            return planned.map(|commit| of(commit, StatusState::Failure, error.to_owned()));
        }
        // A source or target that is away for a moment says nothing of what is live.
        Some(_) => {
            let commit = newest.filter(|newest| Some(*newest) != complete)?;
            return Some(of(commit, StatusState::Failure, format!("it can't be planned: {error}")));
        }
        None => {}
    }
    let commit = planned?;
    let is_live = complete == Some(commit);
    let mut blocked = status
        .blocked
        .iter()
        .filter(|blocked| !matches!(blocked.obstacle, Obstacle::Approval | Obstacle::Wait));
    Some(match (is_live, blocked.next()) {
        _ if !error.is_empty() => {
            let what = if is_live { "live, and a repair failed" } else { "the apply failed" };
            of(commit, StatusState::Failure, format!("{what}: {error}"))
        }
        (_, Some(first)) => {
            let text = format!("blocked: {}: {}", first.key, first.reason);
            of(commit, StatusState::Failure, text)
        }
        (false, None) if !status.awaits_approval.is_empty() => waits(commit),
        (false, None) => match &status.suspended {
            Some(suspended) => {
                let text = format!("suspended by {}: {}", suspended.by, suspended.reason);
                of(commit, StatusState::Pending, text)
            }
            None => Telling {
                needs_person: false,
                ..of(commit, StatusState::Pending, "is being applied".to_owned())
            },
        },
        (true, None) => {
            let state = match status.health {
                HealthStatus::Degraded => StatusState::Failure,
                HealthStatus::Progressing => StatusState::Pending,
                _ => StatusState::Success,
            };
            let needs_person = state == StatusState::Failure;
            Telling { needs_person, ..of(commit, state, live(status)) }
        }
    })
}

fn short(commit: &str) -> &str {
    commit.get(..12).unwrap_or(commit)
}

fn live(status: &EngineStatus) -> String {
    let pinned = status.pinned.as_ref().map(|pin| format!("; pinned by {}", pin.by));
    let health = match status.health {
        HealthStatus::Unknown => String::new(),
        health => format!(": {health}"),
    };
    format!("live{health}{}", pinned.unwrap_or_default())
}

//! Requests that are applied before they are merged.
//!
//! What is next is decided from what is durable alone: the pin of each application, which names the request that it is ahead of,
//! the request on the forge, and what is remembered of it. A process that was stopped between two steps goes on with the next.
// Long because each step that a request takes before its merge is decided in one place.

mod merge;

use std::collections::BTreeMap;
use std::time::Duration;

use gitops_app::config::{ApplyWhen, Config, GitRef};
use gitops_app::forge::patiently;
use gitops_app::review::{Told, holds};
use gitops_core::review::Outcome;
use gitops_core::{
    Cx, EngineHandle, EngineStatus, Error, ErrorKind, Phase, Pin, PlanId, Request, Result, Revision,
};
use gitops_forge::{ChangeRequest, CommitId, Mergeable, RequestState, StatusState};

use super::commands::not_at_work;
use super::memory::{Ahead, Entry, Page};
use super::outcome::telling_of;
use super::poll::AGAIN;
use super::{PATIENCE, Shared};
use crate::event::ServerEvent;

/// On whose behalf the server lets go of what it applied.
const SERVER: &str = "gitops serve";

/// What this process knows of what is applied of an application before its merge.
#[derive(Default)]
pub(super) struct Kept {
    /// The request that was ahead when it was looked at last.
    pub held: Option<u64>,
    /// What the request says of it, since this process wrote that or found it there.
    shown: Option<String>,
    /// The plan of which something is left, with whether it was carried out, since the request was last reviewed for that.
    left: Option<(PlanId, bool)>,
}

/// How the head of a request stands that is applied before its merge.
#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// All of it is live, and nothing is known not to work.
    Live,
    /// It is on its way.
    Waits(String),
    /// It can't be, as it is.
    Failed { why: String, needs_approval: bool },
}

impl Shared {
    /// Whether an application is applied before the merge of what changes it.
    pub(super) fn goes_ahead(config: &Config) -> bool {
        config.apply == ApplyWhen::BeforeMerge
    }

    /// The request, as the pins of applications name it.
    fn request_name(&self, number: u64) -> String {
        format!("{}#{number}", self.repository)
    }

    /// The request of this repository that a pin is ahead of.
    fn number_of(&self, pin: &Pin) -> Option<u64> {
        pin.ahead_of.as_ref()?.strip_prefix(&self.repository)?.strip_prefix('#')?.parse().ok()
    }

    /// What of a request somebody asked to apply, if it was that: an application, or all of it.
    pub(super) fn applies<'e>(&self, entry: &'e Entry) -> Option<&'e str> {
        let rest = entry.command.strip_prefix(self.flavour().command_prefix())?.strip_prefix("apply")?;
        (rest.is_empty() || rest.starts_with(' ')).then(|| rest.trim())
    }

    /// Has the head that was reviewed just now applied, if everything is as it must be for that; gives the answer to who asked.
    pub(super) async fn go_ahead(
        &self,
        cx: &Cx,
        entry: &Entry,
        page: &Page,
        told: &Told,
    ) -> Result<(bool, String)> {
        let named = self.applies(entry).filter(|name| !name.is_empty());
        let concerned = self.concerned(told);
        let meant: Vec<&Config> =
            concerned.iter().filter(|config| named.is_none_or(|name| name == config.name)).copied().collect();
        if let Some(why) = not_ready(entry, page, told, meant.is_empty()) {
            return Ok((false, why));
        }
        let (head, request) = (&told.request.head.commit, self.request_name(told.request.number));
        let ahead = Ahead {
            head: head.to_string(),
            base: told.request.base.name.clone(),
            applications: concerned.iter().map(|config| config.name.clone()).collect(),
            by: entry.by.clone(),
            said: BTreeMap::new(),
            rests_on: told.rests_on.clone(),
            is_let_go: false,
        };
        let before =
            self.memory.change(cx, told.request.number, |page| page.ahead.replace(ahead.clone())).await?;
        let by = format!("{} ({request} comment {})", entry.by, entry.comment);
        let mut applying = Vec::new();
        for config in meant {
            let go = Request::GoAhead {
                revision: Revision::new(head.as_str(), head.as_str()),
                request: request.clone(),
            };
            let asked = match self.board.handle(&config.name) {
                Some(handle) => handle.request(&cx.within(PATIENCE), &by, go).await,
                None => Err(not_at_work(&config.name)),
            };
            match asked {
                Ok(()) => applying.push(config.name.as_str()),
                Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
                Err(error) => {
                    if applying.is_empty() {
                        self.memory
                            .change(cx, told.request.number, |page| page.ahead.clone_from(&before))
                            .await?;
                        return Ok((false, error.with_help()));
                    }
                    let done = applying.join(", ");
                    return Ok((
                        false,
                        format!("{}; {done} is being applied, and nothing is merged", error.with_help()),
                    ));
                }
            }
        }
        self.ahead.notify_waiters();
        let applied = applying.join(", ");
        Ok((
            true,
            format!(
                "{applied}: {} is being applied; the request is merged once that has succeeded",
                short(head)
            ),
        ))
    }

    /// The applications that are applied before the merge and that the request changes, or has changed already.
    fn concerned(&self, told: &Told) -> Vec<&Config> {
        let changes = |config: &&Config| {
            let mut parts = told.reviewed.review.parts.iter();
            let part = parts.find(|part| part.application == config.name && part.looked_at_target);
            part.is_some_and(|part| !part.changes_nothing())
        };
        let name = self.request_name(told.request.number);
        let has = |config: &&Config| {
            let pin =
                self.board.handle(&config.name).and_then(|handle| handle.status().borrow().pinned.clone());
            pin.is_some_and(|pin| pin.ahead_of.as_ref() == Some(&name))
        };
        let of_branch = self.followers(&told.request).filter(|config| Self::goes_ahead(config));
        of_branch.filter(|config| changes(config) || has(config)).collect()
    }

    /// Looks after what is applied of an application before its merge, for as long as the context goes on. What was begun comes to its
    /// end also where the configuration does not allow it any more.
    pub(super) async fn keep_ahead(&self, cx: &Cx, config: &Config) {
        while let Some(handle) = self.engine_of(cx, config).await {
            self.keep_while_open(cx, config, &handle).await;
        }
    }

    /// Returns when applications come or go.
    async fn keep_while_open(&self, cx: &Cx, config: &Config, handle: &EngineHandle) {
        let (mut moved, mut status) = (self.board.moved(), handle.status());
        let Some(mut kept) = self.remembered(cx, config).await else { return };
        loop {
            let woken = self.ahead.notified();
            let now = status.borrow_and_update().clone();
            let mut wait = self.every;
            match Box::pin(self.carry_on(cx, config, handle, &now, &mut kept)).await {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Cancelled => return,
                Err(error) => {
                    wait = wait.min(AGAIN);
                    self.tell_failed(config, &error);
                }
            }
            tokio::select! {
                biased;
                () = cx.cancelled() => return,
                _ = moved.changed() => return,
                _ = status.changed() => {}
                () = woken => {}
                _ = cx.sleep(wait) => {}
            }
        }
    }

    /// What a process before this one said; nothing once the context is over.
    pub(super) async fn remembered(&self, cx: &Cx, config: &Config) -> Option<Kept> {
        loop {
            match self.memory.ahead_of(cx, &config.name).await {
                Ok(held) => return Some(Kept { held, ..Kept::default() }),
                Err(error) if error.kind() == ErrorKind::Cancelled => return None,
                Err(error) => self.tell_failed(config, &error),
            }
            cx.sleep(self.every.min(AGAIN)).await.ok()?;
        }
    }

    pub(super) fn tell_failed(&self, config: &Config, error: &Error) {
        let (repository, application) = (self.repository.clone(), config.name.clone());
        self.tell(&ServerEvent::TellFailed { repository, application, error: error.to_string() });
    }

    /// Does what is next for an application.
    pub(super) async fn carry_on(
        &self,
        cx: &Cx,
        config: &Config,
        handle: &EngineHandle,
        status: &EngineStatus,
        kept: &mut Kept,
    ) -> Result<()> {
        let ahead = status.pinned.as_ref().and_then(|pin| Some((pin, self.number_of(pin)?)));
        let Some((pin, number)) = ahead else {
            // Before its first plan an engine does not know to what it is pinned.
            if let (Some(number), Some(declared)) = (kept.held, &status.revision) {
                let (text, merged) = match &status.pinned {
                    None => self.what_became(cx, config, number, declared).await?,
                    Some(pin) => {
                        let (at, by) = (pin.revision.short(), &pin.by);
                        (format!("somebody let go of it: pinned to {at} by {by}"), false)
                    }
                };
                self.say(cx, number, config, &text, kept).await?;
                self.ends(cx, number, config, merged).await?;
                *kept = Kept::default();
            }
            return Ok(());
        };
        kept.held = Some(number);
        let request = patiently(cx, || self.forge.change_request(cx, number)).await?;
        let elsewhere = self.goes_elsewhere(cx, config, &request).await?;
        if request.state == RequestState::Open && elsewhere.is_none() {
            if status.phase == Phase::Planning && kept.shown.is_some() {
                // It looks again: what was said of it holds until it knows better.
                return Ok(());
            }
            self.review_what_is_left(number, status, kept);
        }
        let (text, ends) = match request.state {
            RequestState::Open | RequestState::Merged if elsewhere.is_some() => {
                (elsewhere.unwrap_or_default(), Some(false))
            }
            RequestState::Merged => ("merged: the branch is followed again".to_owned(), Some(true)),
            RequestState::Closed => (
                "the request was closed without a merge: what the branch has is applied again".to_owned(),
                Some(false),
            ),
            RequestState::Open if request.head.commit.as_str() != pin.revision.id() => {
                let (older, newer) = (pin.revision.short(), short(&request.head.commit));
                let text = format!(
                    "{older} stays applied, and the request was pushed to since ({newer}): apply that, or close the request"
                );
                (text, None)
            }
            RequestState::Open => match standing(status, pin) {
                Standing::Waits(why) => (why, None),
                Standing::Failed { why, needs_approval } => {
                    let again = if needs_approval {
                        "It is tried again once it is approved"
                    } else {
                        "It is tried again"
                    };
                    let ways = "push a change and apply that, or close the request";
                    (format!("{why}. {again}, and nothing is merged: {ways}"), None)
                }
                Standing::Live => Box::pin(self.merge(cx, config, &request, pin)).await?,
            },
        };
        self.say(cx, number, config, &text, kept).await?;
        if let Some(merged) = ends {
            // Once the pin is gone, nothing says any more that something is left to say.
            self.ends(cx, number, config, merged).await?;
            *kept = Kept::default();
            let end = Request::EndAhead { request: self.request_name(number), merged };
            handle.request(&cx.within(PATIENCE), SERVER, end).await?;
        }
        Ok(())
    }

    /// What became of a head that the application is not held to any more. A process that was killed may have let go of it for the
    /// branch, and another one taken up the `/apply` once more.
    async fn what_became(
        &self,
        cx: &Cx,
        config: &Config,
        number: u64,
        declared: &Revision,
    ) -> Result<(String, bool)> {
        let page = self.memory.page(cx, number).await?;
        if let Some(Ahead { head, base, .. }) = page.ahead
            && holds(cx, config, &CommitId::parse(declared.id())?, &CommitId::parse(&head)?).await?
        {
            return Ok((format!("applied, and `{base}` has it already: the branch is followed again"), true));
        }
        Ok(("somebody let go of it: what the branch has is applied".to_owned(), false))
    }

    /// What is said of a request that does not go into the branch any more for which it was applied. What it would be merged into may be
    /// another's, and is nothing that was planned.
    async fn goes_elsewhere(
        &self,
        cx: &Cx,
        config: &Config,
        request: &ChangeRequest,
    ) -> Result<Option<String>> {
        let now = &request.base.name;
        let meant = self.memory.page(cx, request.number).await?.ahead.map(|ahead| ahead.base);
        if config.source.reference.is_branch(now) && meant.as_ref().is_none_or(|meant| meant == now) {
            return Ok(None);
        }
        let followed = || match &config.source.reference {
            GitRef::Branch(name) | GitRef::Tag(name) | GitRef::Semver(name) | GitRef::Commit(name) => {
                name.clone()
            }
        };
        let meant = meant.unwrap_or_else(followed);
        let not_merged = if request.state == RequestState::Open { "let go of, and not merged: " } else { "" };
        Ok(Some(format!(
            "{not_merged}the request goes into `{now}` by now, and was applied for `{meant}`. What `{meant}` has is applied again"
        )))
    }

    /// Has a request reviewed again of which something is left: an apply that failed may have changed what there is to do, and so
    /// what there is to approve.
    fn review_what_is_left(&self, number: u64, status: &EngineStatus, kept: &mut Kept) {
        if status.phase != Phase::Idle {
            return;
        }
        let has_failed = status.last.as_ref().is_some_and(|last| last.error.is_some());
        let left = status.plan.filter(|_| has_failed || !status.awaits_approval.is_empty());
        let left = left.map(|plan| (plan, status.awaits_approval.is_empty()));
        if left != kept.left {
            kept.left = left;
            if left.is_some() {
                self.review_all(&[number]);
            }
        }
    }

    /// Says in the request how an application stands.
    async fn say(&self, cx: &Cx, number: u64, config: &Config, text: &str, kept: &mut Kept) -> Result<()> {
        let note = |page: &mut Page| {
            let text = self.tellable(text);
            page.ahead.as_mut().map(|ahead| ahead.said.insert(config.name.clone(), text))
        };
        let Some(_) = self.memory.change(cx, number, note).await? else { return Ok(()) };
        if kept.shown.as_deref() != Some(text) {
            self.show_answers(cx, number).await?;
            kept.shown = Some(text.to_owned());
        }
        Ok(())
    }

    /// The merge does not wait for an application any more; if that was let go of without a merge, there is none.
    async fn ends(&self, cx: &Cx, number: u64, config: &Config, merged: bool) -> Result<()> {
        let note = |page: &mut Page| {
            if let Some(ahead) = &mut page.ahead {
                ahead.applications.retain(|name| *name != config.name);
                ahead.is_let_go |= !merged;
            }
        };
        self.memory.change(cx, number, note).await
    }

    /// Lets go of what is applied before its merge, for who asks; nothing if nothing is.
    pub(super) async fn let_go(&self, cx: &Cx, config: &Config, by: &str) -> Result<Option<String>> {
        let handle = self.board.handle(&config.name).ok_or_else(|| not_at_work(&config.name))?;
        let status = handle.status().borrow().clone();
        let Some(request) = status.pinned.as_ref().and_then(|pin| pin.ahead_of.clone()) else {
            return Ok(None);
        };
        let end = Request::EndAhead { request: request.clone(), merged: false };
        handle.request(&cx.within(PATIENCE), by, end).await?;
        Ok(Some(format!("`{}` lets go of {request}: what the branch has is applied again", config.name)))
    }
}

/// Why nothing may be applied, if that is so.
fn not_ready(entry: &Entry, page: &Page, told: &Told, nothing_is_meant: bool) -> Option<String> {
    let Told { request, reviewed, asks_again, .. } = told;
    let known = page.head.as_ref().filter(|known| known.commit == request.head.commit.as_str());
    // Forges count in seconds.
    let is_read = known.is_some_and(|known| entry.at.after(Duration::from_secs(1)) > known.since);
    let why = match reviewed.review.outcome() {
        _ if !is_read => {
            "the request was pushed to since the command was written: read it, and give the command again"
        }
        _ if !reviewed.failed.is_empty() => "an application can't be planned; the comment says why",
        Outcome::NeedsApproval => "it is not approved",
        Outcome::Denied => "a gate denies it; the comment says which",
        Outcome::Failed => "it can't be planned; the comment says why",
        _ if !asks_again.is_empty() => "it changes who decides, so it is approved after the merge",
        _ if request.is_draft => "the request is a draft",
        _ if request.mergeable == Mergeable::No => "the forge says that the request can't be merged",
        _ if nothing_is_meant => {
            "no application that is meant is applied before the merge (`apply: before-merge`) and changed by the request"
        }
        _ => return None,
    };
    Some(why.to_owned())
}

/// How the head stands to which an application is pinned.
fn standing(status: &EngineStatus, pin: &Pin) -> Standing {
    let telling = telling_of(status, Some(pin.revision.id()));
    let Some(telling) = telling.filter(|telling| telling.commit == pin.revision.id()) else {
        return Standing::Waits("is being applied".to_owned());
    };
    match telling.state {
        StatusState::Success if telling.is_live => Standing::Live,
        StatusState::Failure | StatusState::Error => {
            Standing::Failed { why: telling.text, needs_approval: telling.awaits_approval }
        }
        _ => Standing::Waits(telling.text),
    }
}

fn short(commit: &CommitId) -> &str {
    commit.as_str().get(..12).unwrap_or(commit.as_str())
}

//! Promotion by rule: what has been live and healthy in one application for a time is proposed for another.

use gitops_app::config::{Config, PromoteConfig};
use gitops_app::forge::patiently;
use gitops_app::promote::{Kept, Promotion, end};
use gitops_app::rollback::deployed_at;
use gitops_app::session::Session;
use gitops_core::capability::Readiness;
use gitops_core::{
    Cx, EngineHandle, EngineStatus, ErrorKind, HealthStatus, Phase, Pin, Result, SyncStatus, Time,
};
use gitops_forge::RequestState;

use super::Shared;
use super::memory::Promoting;
use super::poll::AGAIN;
use crate::event::ServerEvent;

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// There is nothing to promote, or nothing is known yet.
    Nothing,
    /// It is time at this moment.
    Waits(Time),
    /// A request is there.
    Open(u64, &'static str),
    /// It was there, and is not made again.
    Over(u64),
    /// It was closed here, for nothing differs any more.
    Closed(u64),
    /// What stands in the way.
    Held(String),
}

/// What is known of a live revision, so that it is looked at once.
#[derive(Debug, Default)]
pub(super) struct Known {
    live: String,
    deployed: Option<Time>,
    /// What came of it, if nothing more is to be done for it.
    settled: Option<Look>,
}

impl Shared {
    /// Keeps the request of a promotion current, if the configuration has a rule, for as long as the context goes on.
    pub(super) async fn keep_promoting(&self, cx: &Cx, config: &Config) {
        let Some(rule) = &config.promote else { return };
        let (mut told, mut known) = (None, Known::default());
        while !cx.is_cancelled() {
            let mut moved = self.board.moved();
            let handle = self.board.handle(&rule.from);
            let mut status = handle.as_ref().map(EngineHandle::status);
            let found = match Box::pin(self.promote(cx, config, rule, &mut known)).await {
                Ok(found) => found,
                Err(error) if error.kind() == ErrorKind::Cancelled && cx.is_cancelled() => return,
                Err(error) => Look::Held(error.with_help()),
            };
            let wait = match found {
                Look::Waits(until) => until.since(cx.now()).min(self.every),
                Look::Held(_) => self.every.min(AGAIN),
                _ => self.every,
            };
            // What stands in the way is not looked at again at each step of an engine.
            let listens = !matches!(found, Look::Held(_));
            if !matches!(found, Look::Nothing | Look::Waits(_)) && told.as_ref() != Some(&found) {
                self.tell_of_promotion(config, &found);
                told = Some(found);
            }
            let changed = async {
                let has_changed = match status.as_mut().filter(|_| listens) {
                    Some(status) => status.changed().await.is_ok(),
                    None => false,
                };
                if !has_changed {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                biased;
                () = cx.cancelled() => return,
                _ = moved.changed() => {}
                () = changed => {}
                _ = cx.sleep(wait) => {}
            }
        }
    }

    fn tell_of_promotion(&self, config: &Config, found: &Look) {
        let (request, description) = match found {
            Look::Nothing | Look::Waits(_) => return,
            Look::Open(request, what) => (Some(*request), (*what).to_owned()),
            Look::Over(request) => {
                let what = "was merged or closed: what it brought is not proposed again";
                (Some(*request), what.to_owned())
            }
            Look::Closed(request) => (Some(*request), "closed: nothing differs any more".to_owned()),
            Look::Held(why) => (None, why.clone()),
        };
        let (repository, application) = (self.repository.clone(), config.name.clone());
        self.tell(&ServerEvent::Promotion { repository, application, request, description });
    }

    pub(super) async fn promote(
        &self,
        cx: &Cx,
        config: &Config,
        rule: &PromoteConfig,
        known: &mut Known,
    ) -> Result<Look> {
        if self.board.handle(&config.name).is_none() {
            return Ok(Look::Nothing);
        }
        let applications = self.applications();
        let from = applications.named(&rule.from)?;
        let Some(handle) = self.board.handle(&from.name) else {
            return Ok(Look::Held(format!("`{}` is not at work in this process", rule.from)));
        };
        let status = handle.status().borrow().clone();
        let Some(live) = live(&status) else {
            *known = Known::default();
            return match status.pinned.as_ref().filter(|pin| pin.ahead_of.is_none()) {
                Some(pin) => Box::pin(self.held(cx, config, rule, (from, pin))).await,
                None => self.under_way(cx, from, &status).await,
            };
        };
        if known.live != live {
            let deployed = deployed_at(cx, from).await?;
            *known = Known { live: live.to_owned(), deployed, settled: None };
        }
        if let Some(settled) = &known.settled {
            let settled = settled.clone();
            return self.settled(cx, settled).await;
        }
        self.end_left_promotion(cx, &config.name, &self.memory.promoting(cx, &config.name).await?).await?;
        let ours = self.warm.look(cx, from).await?;
        let ours = ours.session();
        let promoting = self.memory.promoting(cx, &config.name).await?;
        let unwell = promoting.unwell.filter(|(revision, _)| revision == live).map(|(_, at)| at);
        if let Some(why) = unwell_of(&status, &ours.unready(cx).await) {
            // Not each look is worth a write.
            if unwell.is_none_or(|at| cx.now().since(at) >= rule.after / 8) {
                let unwell = Some((live.to_owned(), cx.now()));
                self.memory
                    .promote(cx, &config.name, |promoting| promoting.unwell.clone_from(&unwell))
                    .await?;
            }
            return Ok(not_healthy(from, &why));
        }
        // What no deployment of the log brought has been there for longer than the log goes back.
        let since = known.deployed.into_iter().chain(unwell).max();
        if let Some(until) = since.map(|since| since.after(rule.after)).filter(|until| *until > cx.now()) {
            return Ok(Look::Waits(until));
        }
        let theirs = self.warm.look(cx, config).await?;
        let theirs = theirs.session();
        let promotion = Promotion::between(cx, ours, theirs, &rule.files).await?;
        if promotion.revision.id() != live {
            // What is newest on the branch has to be live first.
            return Ok(Look::Nothing);
        }
        let found = match promotion.is_empty() {
            true => self.withdraw(cx, config, &promotion, theirs).await?,
            false => match promotion.keep(cx, theirs, &*self.forge, &promoting.proposed).await? {
                Kept::Proposed { proposed, request, is_written } => {
                    let note = |promoting: &mut Promoting| promoting.proposed.clone_from(&proposed);
                    self.memory.promote(cx, &config.name, note).await?;
                    Look::Open(request, if is_written { "proposed" } else { "is proposed" })
                }
                Kept::Over { request } => Look::Over(request),
                _ => Look::Nothing,
            },
        };
        known.settled = Some(found.clone());
        Ok(found)
    }

    /// Nothing is live whole. Where a revision is on its way for as long as something of it does not work, that is what is in the way.
    async fn under_way(&self, cx: &Cx, from: &Config, status: &EngineStatus) -> Result<Look> {
        // The engine tells of a revision in progress with its next plan; until then it is at work on it.
        if status.progress.is_none() && status.phase != Phase::Syncing {
            return Ok(Look::Nothing);
        }
        let ours = self.warm.look(cx, from).await?;
        let why = unwell_of(status, &ours.session().unready(cx).await);
        Ok(why.map_or(Look::Nothing, |why| not_healthy(from, &why)))
    }

    /// The other application is held to a revision: what was proposed of a newer one is not what is proven there any more.
    async fn held(
        &self,
        cx: &Cx,
        config: &Config,
        rule: &PromoteConfig,
        (from, pin): (&Config, &Pin),
    ) -> Result<Look> {
        let promoting = self.memory.promoting(cx, &config.name).await?;
        let proposed = promoting.proposed;
        if promoting.left.is_none() && proposed.request().is_none() {
            return Ok(Look::Nothing);
        }
        let (ours, theirs) = (self.warm.look(cx, from).await?, self.warm.look(cx, config).await?);
        let (ours, theirs) = (ours.session(), theirs.session());
        self.close_left(cx, theirs, &config.name).await?;
        let there = Promotion::between_held(cx, ours, &pin.revision, theirs, &rule.files).await?;
        if !there.brings(&proposed)
            && let Some(open) = proposed.left_open(cx, &*self.forge, None, &config.name).await?
        {
            let at = pin.revision.short();
            let why = format!("`{}` is pinned to {at}, which does not have these versions", from.name);
            self.leave(cx, &config.name, open.number, &why).await?;
            self.close_left(cx, theirs, &config.name).await?;
        }
        Ok(Look::Nothing)
    }

    /// Ends the requests of promotions whose applications have other names now, or that no rule keeps any more.
    pub(super) async fn end_left_promotions(&self, cx: &Cx) -> Result<()> {
        for (to, promoting) in self.memory.all_promoting(cx).await? {
            self.end_left_promotion(cx, &to, &promoting).await?;
        }
        Ok(())
    }

    async fn end_left_promotion(&self, cx: &Cx, to: &str, promoting: &Promoting) -> Result<()> {
        let applications = self.applications();
        let config = applications.all.iter().find(|config| config.name == to);
        let from = config.and_then(|config| Some(config.promote.as_ref()?.from.as_str()));
        if let Some(left) = patiently(cx, || promoting.proposed.left_open(cx, &*self.forge, from, to)).await?
        {
            let why = match from {
                Some(from) => format!("`{to}` is promoted from `{from}` now"),
                None => format!("no rule promotes anything to `{to}` any more"),
            };
            self.leave(cx, to, left.number, &why).await?;
        } else if promoting.left.is_none() {
            return Ok(());
        }
        let Some(any) = self.chosen.first() else { return Ok(()) };
        let look = self.warm.look(cx, any).await?;
        self.close_left(cx, look.session(), to).await
    }

    /// Remembers that a request is to be closed. It is forgotten as what was proposed, so that nobody takes it for one that a person
    /// closed.
    async fn leave(&self, cx: &Cx, to: &str, number: u64, why: &str) -> Result<()> {
        let note = |promoting: &mut Promoting| {
            promoting.proposed.forget_last();
            promoting.left = Some((number, why.to_owned()));
        };
        self.memory.promote(cx, to, note).await
    }

    /// Closes the request that is to be closed, if there is one, and says why in it.
    async fn close_left(&self, cx: &Cx, session: &Session, to: &str) -> Result<()> {
        let Some((number, why)) = self.memory.promoting(cx, to).await?.left else { return Ok(()) };
        let request = match patiently(cx, || self.forge.change_request(cx, number)).await {
            Err(error) if error.is_not_found() => None,
            found => Some(found?).filter(|request| request.state == RequestState::Open),
        };
        if let Some(request) = request {
            let is_closed = end(cx, session, &*self.forge, (&request, to), &why).await?;
            let how = if is_closed { "closed" } else { "not kept current" };
            self.tell(&ServerEvent::Promotion {
                repository: self.repository.clone(),
                application: to.to_owned(),
                request: Some(number),
                description: format!("{how}: {why}"),
            });
        }
        self.memory.promote(cx, to, |promoting| promoting.left = None).await
    }

    /// Nothing differs: closes the request, if it is open. It is forgotten first, so that nobody takes it for one that a person
    /// closed.
    async fn withdraw(
        &self,
        cx: &Cx,
        config: &Config,
        promotion: &Promotion,
        theirs: &Session,
    ) -> Result<Look> {
        let Some(open) = promotion.needless(cx, theirs, &*self.forge).await? else {
            return Ok(Look::Nothing);
        };
        let forget = |promoting: &mut Promoting| promoting.proposed.forget_last();
        self.memory.promote(cx, &config.name, forget).await?;
        let is_closed = promotion.withdraw(cx, theirs, &*self.forge, &open).await?;
        Ok(if is_closed { Look::Closed(open.number) } else { Look::Nothing })
    }

    /// What is settled stays so, but that somebody may close the request or open it again.
    async fn settled(&self, cx: &Cx, settled: Look) -> Result<Look> {
        let (Look::Open(number, _) | Look::Over(number)) = settled else { return Ok(settled) };
        let request = patiently(cx, || self.forge.change_request(cx, number)).await?;
        Ok(match (settled, request.state) {
            (Look::Over(_), RequestState::Open) => Look::Open(number, "is proposed"),
            (Look::Open(..), RequestState::Merged | RequestState::Closed) => Look::Over(number),
            (settled, _) => settled,
        })
    }
}

fn not_healthy(from: &Config, why: &str) -> Look {
    Look::Held(format!("`{}` is not healthy: {why}", from.name))
}

/// The revision of an application that is live whole and is what its branch says, however well it is.
pub(super) fn live(status: &EngineStatus) -> Option<&str> {
    let complete = status.complete.as_ref().map(|complete| complete.revision.id())?;
    let is_newest = status.revision.as_ref().is_some_and(|revision| revision.id() == complete);
    let is_free = status.pinned.is_none() && status.suspended.is_none() && status.waits_for.is_none();
    (is_newest && is_free && status.sync == SyncStatus::Synced).then_some(complete)
}

/// What does not work, or not yet.
pub(super) fn unwell_of(status: &EngineStatus, unready: &[(gitops_core::Key, Readiness)]) -> Option<String> {
    let is_bad = |readiness: &Readiness| !matches!(readiness, Readiness::Unproven(_));
    if let Some((key, readiness)) = unready.iter().find(|(_, readiness)| is_bad(readiness)) {
        return Some(format!("{key}: {}", readiness.reason().unwrap_or("it does not work")));
    }
    let is_bad = matches!(status.health, HealthStatus::Progressing | HealthStatus::Degraded);
    is_bad.then(|| status.health.to_string())
}

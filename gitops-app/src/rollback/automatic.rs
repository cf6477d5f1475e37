//! A rollback that nobody asks for: a deployment that fails its health within the time that the configuration gives it is taken
//! back.
//!
//! What is next is decided from what is durable alone: the audit log, the pin, and what the forge shows. A process that is
//! stopped between two steps goes on with the next one, and none is made twice.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gitops_core::{
    Cx, EngineHandle, Error, ErrorKind, EventSink, Key, Pin, PinExpect, ReadinessRecord, Request, Result,
    Revision,
};
use gitops_forge::Forge;

use super::deployment::{Deployment, Judgement, was_left};
use super::{Progress, REMEMBERED, Revert, follow_again, good_before, number};
use crate::config::{Config, RollbackConfig};
use crate::forge::{Environment, Found, Named};
use crate::home;
use crate::session::Session;

/// Whose pin it is, before the revision that was taken back.
const BY: &str = "automatic rollback of ";

/// How long an engine has to take a request up.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often it is looked at least.
const LOOK: Duration = Duration::from_secs(60);

/// What came of a look.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// The application is pinned to a good revision.
    RolledBack {
        /// The revision that failed.
        bad: Revision,
        /// The revision that it went back to.
        good: Revision,
        /// What failed.
        why: String,
    },
    /// A request takes the bad revision back.
    Opened {
        /// The revision that failed.
        bad: Revision,
        /// The request, as people write it.
        request: String,
        /// Where it can be read.
        url: String,
    },
    /// It was merged: the application follows its branch again.
    Followed,
    /// Nothing more is done by itself.
    Stopped {
        /// Why.
        why: String,
    },
    /// It is tried again.
    Failed {
        /// What went wrong, in one line.
        error: String,
    },
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RolledBack { bad, good, why } => {
                write!(f, "rolled back from {} to {}: {why}", bad.short(), good.short())
            }
            Self::Opened { bad, request, url } => {
                write!(f, "request {request} takes {} back: {url}", bad.short())
            }
            Self::Followed => f.write_str("the branch is followed again: the bad revision was reverted"),
            Self::Stopped { why } => write!(f, "nothing more is rolled back by itself: {why}"),
            Self::Failed { error } => write!(f, "the rollback can't go on, and is tried again: {error}"),
        }
    }
}

/// The revision that a pin takes back, if nobody asked for it.
pub fn taken_back(pin: &Pin) -> Option<&str> {
    pin.by.strip_prefix(BY)
}

/// An application at work, and the forge on which its requests are made.
#[must_use]
pub struct Watch<'a> {
    config: &'a Config,
    handle: EngineHandle,
    /// With what its statuses begin with.
    forge: Option<(Arc<dyn Forge>, String)>,
    /// The revision of which it is known that its time is over.
    over: Mutex<Option<String>>,
}

impl<'a> Watch<'a> {
    /// Watches over an application whose engine is at work in this process. Where it names no forge, or one that can't be
    /// opened, nothing is done on one; a rollback that needs it says so.
    pub fn new(cx: &Cx, config: &'a Config, handle: EngineHandle, job: Option<&Environment>) -> Self {
        let found =
            config.forge.as_ref().and_then(|forge| Found::of(&Named::default(), Some(forge), job).ok());
        let forge = found.and_then(|found| Some((found.open(cx).ok()?, found.context().to_owned())));
        Self { config, handle, forge, over: Mutex::default() }
    }

    /// The same with a forge that is open; `context` is what its statuses begin with.
    pub fn on(self, forge: Arc<dyn Forge>, context: impl Into<String>) -> Self {
        Self { forge: Some((forge, context.into())), ..self }
    }

    /// Watches over rollbacks until the context ends: makes those that nobody has to ask for, if the configuration says so, and
    /// lets the application follow its branch again once the request landed that takes a bad revision back.
    ///
    /// Nothing is done while the application is suspended, has a request applied that is not merged, or is pinned by a person other than by `gitops rollback --revert`.
    /// `tell` hears each step once.
    ///
    /// # Cancel safety
    /// Dropping the future is as a crash: whoever watches next goes on.
    pub async fn run(&self, cx: &Cx, tell: impl Fn(&Step) + Send + Sync) {
        let mut told = None;
        loop {
            let step = match Box::pin(self.step(cx)).await {
                Ok(step) => step,
                Err(error) if error.kind() == ErrorKind::Cancelled && cx.is_cancelled() => return,
                Err(error) => Some(Step::Failed { error: error.with_help() }),
            };
            let goes_on = matches!(step, Some(Step::RolledBack { .. }));
            if step.is_some() && step != told {
                step.iter().for_each(&tell);
                told = step;
            }
            if !goes_on && cx.sleep(self.pace()).await.is_err() {
                return;
            }
        }
    }

    fn pace(&self) -> Duration {
        let within = self.config.rollback.as_ref().map(|rollback| rollback.within / 4);
        self.config.sync.interval.min(LOOK).min(within.unwrap_or(LOOK)).max(Duration::from_secs(1))
    }

    /// Makes the next step, if there is one; gives how far it is.
    ///
    /// # Errors
    /// Those of source, forge and engine: make the call again.
    ///
    /// # Cancel safety
    /// As [`run`](Self::run).
    pub async fn step(&self, cx: &Cx) -> Result<Option<Step>> {
        let status = self.handle.status().borrow().clone();
        let Some(revision) = &status.revision else { return Ok(None) };
        if status.suspended.is_some() {
            return Ok(None);
        }
        match (&status.pinned, &self.config.rollback) {
            // The request is not merged: whoever applied it has the word.
            (Some(pin), _) if pin.ahead_of.is_some() => Ok(None),
            (Some(pin), _) => match taken_back(pin) {
                Some(bad) => Box::pin(self.go_on(cx, pin, &Revision::new(bad, bad))).await,
                None => Box::pin(self.follow_again(cx)).await,
            },
            (None, Some(rollback)) if self.over().as_deref() != Some(revision.id()) => {
                let step = Box::pin(self.judge(cx, rollback)).await?;
                if matches!(step, Judged::Over) {
                    *self.over() = Some(revision.id().to_owned());
                }
                Ok(step.step())
            }
            (None, _) => Ok(None),
        }
    }

    fn over(&self) -> MutexGuard<'_, Option<String>> {
        self.over.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A person rolled back by `gitops rollback --revert`, perhaps.
    async fn follow_again(&self, cx: &Cx) -> Result<Option<Step>> {
        let Some((forge, context)) = &self.forge else { return Ok(None) };
        let nobody: Arc<dyn EventSink> = Arc::new(|_: &gitops_core::Event| {});
        match Box::pin(follow_again(cx, self.config, &**forge, context, &nobody)).await {
            Ok(true) => Ok(Some(Step::Followed)),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            // Most pins are no rollbacks with a request: what keeps one from being found is no news.
            Ok(false) | Err(_) => Ok(None),
        }
    }

    /// What is left of a rollback after the pin.
    async fn go_on(&self, cx: &Cx, pin: &Pin, bad: &Revision) -> Result<Option<Step>> {
        let Some((forge, context)) = &self.forge else { return Err(no_forge()) };
        let session = Session::builder(self.config).open(cx).await?;
        let revert = Revert::of(cx, &session, &**forge, bad, &pin.revision).await?;
        let request = match revert.progress(cx, &session, &**forge, context).await? {
            Progress::Landed => {
                let (by, expect) = (format!("rollback of {}", bad.short()), PinExpect::still(pin));
                let is_done = self.ask(cx, &by, Request::Unpin { expect }, |now| now != Some(pin)).await?;
                return Ok(is_done.then_some(Step::Followed));
            }
            Progress::Closed(request) => {
                revert.say(cx, &**forge, context, &request).await?;
                let why = format!(
                    "{} was closed without being merged, or what it brought is gone ({}); the application stays pinned to {}",
                    number(&**forge, &request),
                    request.web_url,
                    pin.revision.short()
                );
                return Ok(Some(Step::Stopped { why }));
            }
            Progress::Missing => revert.open(cx, &session, &**forge, context).await?,
            Progress::Open(request) => {
                revert.say(cx, &**forge, context, &request).await?;
                *request
            }
        };
        let unready = session.unready(cx).await;
        if let Some((key, readiness)) = unready.iter().find(|(_, readiness)| readiness.has_failed()) {
            let good = pin.revision.short();
            let reason = readiness.reason().unwrap_or_default();
            let why = format!("{good} is not healthy either ({key}: {reason})");
            return Ok(Some(Step::Stopped { why }));
        }
        let (request, url) = (number(&**forge, &request), request.web_url);
        Ok(Some(Step::Opened { bad: bad.clone(), request, url }))
    }

    /// Whether the last deployment failed, and goes back if so.
    async fn judge(&self, cx: &Cx, rollback: &RollbackConfig) -> Result<Judged> {
        let records = home::audit_log(cx, self.config).await?.newest(cx, REMEMBERED).await?;
        let Some(deployment) = Deployment::last(&records) else { return Ok(Judged::Over) };
        if deployment.is_over(cx.now(), rollback.within) {
            return Ok(Judged::Over);
        }
        let session = Session::builder(self.config).open(cx).await?;
        let engine = &session.engine;
        if engine.pinned(cx).await?.is_some() || engine.suspended(cx).await?.is_some() {
            return Ok(Judged::Wait);
        }
        let mut unready = session.unready(cx).await;
        // A person said to go on without it: that is no reason to go back.
        let entries = engine.inventory().entries();
        let is_released =
            |key: &Key| entries.get(key).is_some_and(|entry| entry.readiness == ReadinessRecord::Released);
        unready.retain(|(key, _)| !is_released(key));
        let why = match deployment.judge(cx.now(), rollback.within, &unready) {
            Judgement::Failed(why) => why,
            Judgement::Waits => return Ok(Judged::Wait),
            Judgement::Passed => return Ok(Judged::Over),
        };
        let bad = deployment.revision.clone();
        let by = format!("{BY}{}", bad.id());
        let stopped = |why: String| Ok(Judged::Step(Step::Stopped { why }));
        if was_left(&records, &by) {
            return stopped(format!(
                "{} was rolled back before, and applied again since; {why}",
                bad.short()
            ));
        }
        let Some(good) = good_before(&records, &bad) else {
            return stopped(format!("{why}; no earlier revision was applied whole and became ready"));
        };
        if self.forge.is_none() {
            return Err(no_forge());
        }
        // What can't be taken back by a request is not begun. A forge that is away holds nothing up.
        Revert::check(cx, &session, &bad, &good).await?;
        drop(session);
        let pin = Request::Pin { revision: good.clone(), expect: PinExpect::Followed };
        match self.ask(cx, &by, pin, |now| now.is_some()).await? {
            true => Ok(Judged::Step(Step::RolledBack { bad, good, why })),
            false => Ok(Judged::Wait),
        }
    }

    /// Asks the engine for something about the pin, and says whether it was done: not if a person ordered something else
    /// meanwhile. `moved` says of the pin that there is now whether that is so.
    async fn ask(
        &self,
        cx: &Cx,
        by: &str,
        request: Request,
        moved: impl FnOnce(Option<&Pin>) -> bool,
    ) -> Result<bool> {
        match self.handle.request(&cx.within(PATIENCE), by, request).await {
            Err(refused) if refused.kind() == ErrorKind::Denied => {
                let status = self.handle.status().borrow().clone();
                match moved(status.pinned.as_ref()) || status.suspended.is_some() {
                    true => Ok(false),
                    false => Err(refused),
                }
            }
            asked => asked.map(|()| true),
        }
    }
}

/// What came of the question whether a deployment failed.
enum Judged {
    /// It is asked again.
    Wait,
    /// It is not asked again before there is another one.
    Over,
    Step(Step),
}

impl Judged {
    fn step(self) -> Option<Step> {
        match self {
            Self::Step(step) => Some(step),
            Self::Wait | Self::Over => None,
        }
    }
}

fn no_forge() -> Error {
    Error::new(ErrorKind::Invalid, "the forge can't be opened on which the request is to be made")
        .help("see `forge:` in the configuration, and the token that it names")
}

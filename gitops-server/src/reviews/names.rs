//! What was said under names that the configuration has no longer: nobody would say anything else there, so it would stand for ever.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gitops_app::forge::patiently;
use gitops_core::{Cx, Digest, Document, Error, ErrorKind, Result, StateStore, Version};
use gitops_forge::{ChangeRequest, CommitId, CommitStatus, ForgeExt, Marker, StatusState};
use serde::{Deserialize, Serialize};

use super::Shared;
use super::superseded::is_gone;
use crate::event::ServerEvent;

/// Of how many commits it is remembered that they were told of an application.
const COMMITS: usize = 16;

/// How often the document is written again that another process wrote meanwhile.
const TRIES: usize = 16;

/// How what is said under a context begins that the configuration has no longer.
pub(super) const NOBODY: &str = "nobody says anything under";

/// The names under which something was said in one repository, over all contexts.
pub(super) struct Names {
    store: Arc<dyn StateStore>,
    document: String,
    /// Whether this process knows that nothing is left under a name that is gone.
    is_settled: AtomicBool,
}

/// The contexts, each with its applications, each with the commits that were told last how it is live.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Said {
    contexts: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

impl Names {
    /// Of a repository; `name` tells it from all others.
    pub fn new(store: Arc<dyn StateStore>, name: &str) -> Self {
        let document = format!("forge-names-{}", &Digest::of(name.as_bytes()).to_string()[..32]);
        Self { store, document, is_settled: AtomicBool::new(false) }
    }

    /// The configuration is another one: names may be gone.
    pub fn unsettle(&self) {
        self.is_settled.store(false, Relaxed);
    }

    /// Changes what is remembered, on the disk before this returns; gives it as it is then.
    async fn change(&self, cx: &Cx, change: impl Fn(&mut Said)) -> Result<Said> {
        for _ in 0..TRIES {
            let (before, version) = self.load(cx).await?;
            let mut said = before.clone();
            change(&mut said);
            if said == before {
                return Ok(said);
            }
            let document = Document { epoch: 0, bytes: serde_json::to_vec(&said)? };
            match self.store.swap(cx, &self.document, version.as_ref(), document).await {
                Err(error) if error.is_conflict() => {}
                written => return written.map(|_| said),
            }
        }
        Err(Error::new(ErrorKind::Unavailable, "the names on the forge are written by others all the time"))
    }

    async fn load(&self, cx: &Cx) -> Result<(Said, Option<Version>)> {
        let Some(stored) = self.store.load(cx, &self.document).await? else {
            return Ok((Said::default(), None));
        };
        // Whoever can't read it remembers nothing of it: what is left under old names is for a person to end then.
        let said = serde_json::from_slice(&stored.document.bytes).unwrap_or_default();
        Ok((said, Some(stored.version)))
    }
}

impl Said {
    fn of(&mut self, context: &str, application: &str) -> &mut Vec<String> {
        let applications = self.contexts.entry(context.to_owned()).or_default();
        applications.entry(application.to_owned()).or_default()
    }

    fn forget(&mut self, context: &str, application: &str) {
        if let Some(applications) = self.contexts.get_mut(context) {
            applications.remove(application);
        }
        self.contexts.retain(|_, applications| !applications.is_empty());
    }
}

impl Shared {
    /// Remembers that a commit is told how an application is live, before it is told.
    pub(super) async fn note_told(&self, cx: &Cx, application: &str, commit: &CommitId) -> Result<()> {
        let note = |said: &mut Said| {
            let commits = said.of(&self.context, application);
            if commits.last().is_none_or(|last| last != commit.as_str()) {
                commits.retain(|other| other != commit.as_str());
                commits.push(commit.to_string());
                commits.drain(..commits.len().saturating_sub(COMMITS));
            }
        };
        self.names.change(cx, note).await.map(drop)
    }

    /// The commits that were told last how an application is live.
    pub(super) async fn told(&self, cx: &Cx, application: &str) -> Result<Vec<CommitId>> {
        let mut said = self.names.load(cx).await?.0;
        said.of(&self.context, application).iter().map(|commit| CommitId::parse(commit)).collect()
    }

    /// Ends what was said under contexts and of applications that the configuration has no longer, on what is open and on what was told
    /// last. What could not be ended is ended by the next call.
    pub(super) async fn end_renamed(&self, cx: &Cx, open: &[ChangeRequest]) -> Result<()> {
        if self.names.is_settled.swap(true, Relaxed) {
            return Ok(());
        }
        let ended = self.try_end_renamed(cx, open).await;
        if ended.is_err() {
            self.names.unsettle();
        }
        ended
    }

    async fn try_end_renamed(&self, cx: &Cx, open: &[ChangeRequest]) -> Result<()> {
        let (now, ours) = (self.names_now(), self.chosen.iter().map(|config| &config.name));
        let ours: Vec<&String> = ours.collect();
        let note = |said: &mut Said| {
            for name in &ours {
                said.of(&self.context, name);
            }
        };
        for (context, applications) in self.names.change(cx, note).await?.contexts {
            if !now.iter().any(|(used, _)| *used == context) {
                for request in open {
                    self.end_of_context(cx, &context, request).await?;
                }
            }
            for (application, commits) in applications {
                if now.contains(&(context.clone(), application.clone())) {
                    continue;
                }
                for commit in &commits {
                    self.end_live(cx, (&context, &application), commit).await?;
                }
                self.end_issue(cx, (&context, &application)).await?;
                self.names.change(cx, |said| said.forget(&context, &application)).await?;
            }
        }
        self.end_left_promotions(cx).await
    }

    /// The names that the configuration has, of whatever repository: another process may speak under some of them.
    fn names_now(&self) -> BTreeSet<(String, String)> {
        let applications = self.applications();
        let of_others = applications.all.iter().filter_map(|config| {
            let forge = config.forge.as_ref()?;
            Some((forge.context.clone(), config.name.clone()))
        });
        let ours = self.chosen.iter().map(|config| (self.context.clone(), config.name.clone()));
        of_others.chain(ours).collect()
    }

    /// Nothing is planned or judged under the context any more: what is green there must let nobody merge, and what is pending must keep
    /// nobody waiting.
    async fn end_of_context(&self, cx: &Cx, context: &str, request: &ChangeRequest) -> Result<()> {
        let text = format!("{NOBODY} `{context}` any more: see `{}`", self.context);
        let is_open = |status: &CommitStatus| status.state != StatusState::Error;
        let names = ["plan", "policy"].map(|name| format!("{context}/{name}"));
        let ended =
            self.end_statuses(cx, &request.head.commit, &names, is_open, (StatusState::Error, &text)).await?;
        let marker = Marker::new(format!("review/{context}"))?;
        if patiently(cx, || self.forge.find_comment(cx, request.number, &marker)).await?.is_some() {
            let text = format!("{}. What was planned here is no longer kept current.", first_upper(&text));
            patiently(cx, || self.forge.upsert_comment(cx, request.number, &marker, &text)).await?;
        }
        if ended > 0 {
            self.tell(&ServerEvent::Superseded {
                repository: self.repository.clone(),
                request: request.number,
                commit: request.head.commit.to_string(),
                statuses: ended,
                description: text,
            });
        }
        Ok(())
    }

    /// How an application was live stays as it was said; what was still to come does not come under this name.
    async fn end_live(&self, cx: &Cx, (context, application): (&str, &str), commit: &str) -> Result<()> {
        let Ok(commit) = CommitId::parse(commit) else { return Ok(()) };
        let text = format!("the configuration has no application `{application}` under `{context}` any more");
        let is_pending = |status: &CommitStatus| status.state == StatusState::Pending;
        let names = [format!("{context}/live/{application}")];
        if self.end_statuses(cx, &commit, &names, is_pending, (StatusState::Error, &text)).await? > 0 {
            self.tell(&ServerEvent::Told {
                repository: self.repository.clone(),
                application: application.to_owned(),
                commit: commit.to_string(),
                state: "failure".to_owned(),
                description: text,
            });
        }
        Ok(())
    }

    async fn end_issue(&self, cx: &Cx, (context, application): (&str, &str)) -> Result<()> {
        if self.forge.issues().is_none() {
            return Ok(());
        }
        let marker = Marker::new(format!("drift/{context}/{application}"))?;
        if patiently(cx, || self.forge.close_issue(cx, &marker)).await? {
            let (repository, application) = (self.repository.clone(), application.to_owned());
            self.tell(&ServerEvent::Drift { repository, application, objects: 0 });
        }
        Ok(())
    }

    /// Ends the statuses of these names that are to be ended, with a state and why; gives how many those are.
    pub(super) async fn end_statuses(
        &self,
        cx: &Cx,
        commit: &CommitId,
        names: &[String],
        is_due: impl Fn(&CommitStatus) -> bool,
        (state, text): (StatusState, &str),
    ) -> Result<usize> {
        let limit = self.forge.info().context_chars;
        let fitted = |name: &String| CommitStatus::new(name.clone(), state, text).fitted(limit);
        let ends: Vec<CommitStatus> = names.iter().map(fitted).collect();
        let found = match patiently(cx, || self.forge.statuses(cx, commit)).await {
            Err(error) if is_gone(&error) => return Ok(0),
            found => found?,
        };
        let is_there =
            |end: &&CommitStatus| found.iter().any(|status| status.context == end.context && is_due(status));
        let mut ended = 0;
        for end in ends.iter().filter(is_there) {
            match patiently(cx, || self.forge.ensure_status(cx, commit, end)).await {
                Err(error) if is_gone(&error) => return Ok(ended),
                written => ended += usize::from(written?),
            }
        }
        Ok(ended)
    }
}

pub(super) fn first_upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

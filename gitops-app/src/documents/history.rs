//! The document of `history`: what was deployed, newest first; and that of one reconciliation in full.

use std::collections::BTreeMap;

use gitops_core::{Commit, Commits, Cx, LeftObject, Pin, Result, Revision};
use serde::Serialize;

use super::Document;
use super::deployment::{self, Attempt, Deployment};
use super::trail::Change;
use crate::session::Session;

/// The document of `history`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct HistoryDocument<'a> {
    /// The application.
    pub application: &'a str,
    /// The revision to which it is pinned, and by whom.
    pub pinned: Option<Pin>,
    /// What was deployed, newest first.
    pub deployments: Vec<Deployment>,
}

impl Document for HistoryDocument<'_> {
    const KIND: &'static str = "History";
}

impl<'a> HistoryDocument<'a> {
    /// The last deployments; attempts in a row that ended alike are one, unless all are asked for.
    ///
    /// # Errors
    /// The state or the audit log can't be read.
    ///
    /// # Cancel safety
    /// It writes nothing.
    pub async fn new(cx: &Cx, session: &'a Session, limit: usize, all: bool) -> Result<Self> {
        let mut deployments = deployment::last(cx, session.audit(), limit, all).await?;
        let mut authors = Authors::default();
        for deployment in &mut deployments {
            authors.describe(cx, session, deployment).await;
        }
        Ok(Self { application: session.engine.name(), pinned: session.engine.pinned(cx).await?, deployments })
    }
}

/// The document of `history show`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct ReconciliationDocument<'a> {
    /// The application.
    pub application: &'a str,
    /// What was planned, and how it ended.
    #[serde(flatten)]
    pub deployment: Deployment,
    /// What was sent, in this order.
    pub steps: Vec<Change>,
    /// What was not tried, is blocked or is not ready: the first of it.
    pub left: Vec<LeftObject>,
    /// The revision before, if there was another one.
    pub previous: Option<Revision>,
    /// The commits that the revision has and the one before has not; nothing where the source can't tell.
    pub brings: Option<Commits>,
    /// The commits that the revision before had and this one has not.
    pub undoes: Option<Commits>,
}

impl Document for ReconciliationDocument<'_> {
    const KIND: &'static str = "Reconciliation";
}

impl<'a> ReconciliationDocument<'a> {
    /// The reconciliation of a number.
    ///
    /// # Errors
    /// `NotFound` if none has it; the audit log can't be read.
    ///
    /// # Cancel safety
    /// It writes nothing.
    pub async fn new(cx: &Cx, session: &'a Session, number: u64) -> Result<Self> {
        let Attempt { mut deployment, steps, left, previous } =
            deployment::find(cx, session.audit(), number).await?;
        Authors::default().describe(cx, session, &mut deployment).await;
        let (brings, undoes) = match &previous {
            Some(previous) => (
                between(cx, session, previous, &deployment.revision).await,
                between(cx, session, &deployment.revision, previous).await,
            ),
            None => (None, None),
        };
        let application = session.engine.name();
        Ok(Self { application, deployment, steps, left, previous, brings, undoes })
    }
}

/// What a revision brings over another, where the source can tell.
async fn between(cx: &Cx, session: &Session, from: &Revision, to: &Revision) -> Option<Commits> {
    let history = session.engine.source().history()?;
    Commits::find(history, cx, from, to).await.ok()
}

/// The commits of revisions, each asked for once.
#[derive(Debug, Default)]
pub struct Authors(BTreeMap<String, Option<Commit>>);

impl Authors {
    /// Who made a revision, where the source still knows it.
    pub async fn of(&mut self, cx: &Cx, session: &Session, revision: &Revision) -> Option<Commit> {
        if !self.0.contains_key(revision.id()) {
            self.0.insert(revision.id().to_owned(), session.commit(cx, revision).await);
        }
        self.0.get(revision.id()).cloned().flatten()
    }

    async fn describe(&mut self, cx: &Cx, session: &Session, deployment: &mut Deployment) {
        let commit = self.of(cx, session, &deployment.revision).await;
        (deployment.author, deployment.summary) =
            commit.map(|commit| (commit.author, commit.summary)).unzip();
    }
}

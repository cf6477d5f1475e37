//! What a merge would do to one application.

use std::sync::Arc;

use gitops_core::capability::Readiness;
use gitops_core::review::{Context, Part, Rules};
use gitops_core::{
    Cx, Error, ErrorKind, EventSink, Merged, Result, Revision, SpeculativePlan, Through, Verdict,
};

use super::{Failed, Found, Planned, Sides, configuration, labels, programs};
use crate::config::{Applications, Config, GitRef};
use crate::session::{Access, Session};

/// A review that is being made.
pub(super) struct Reviewing<'a> {
    pub applications: &'a Applications,
    pub sides: &'a Sides,
    pub rules: &'a Rules,
    pub events: &'a Arc<dyn EventSink>,
    /// The repositories of which it is known that the configuration is that of the target branch.
    pub checked: Vec<String>,
}

/// Why there is no plan.
enum Stop {
    /// What somebody named is not there, or may not be used: nothing is reviewed.
    Named(Error),
    /// The application can't be planned.
    Failed(Error),
    /// The merge has conflicts.
    Conflict(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Reviewing<'_> {
    /// What the merge would do to an application; an error ends the whole review.
    pub async fn part(&mut self, cx: &Cx, config: &Config) -> Result<Result<Found, Failed>> {
        let (error, is_conflict) = match Box::pin(self.plan(cx, config)).await {
            Ok(found) => return Ok(Ok(found)),
            Err(Stop::Named(error)) => return Err(error),
            Err(Stop::Failed(error)) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(Stop::Failed(error)) => (error, false),
            Err(Stop::Conflict(error)) => (error, true),
        };
        Ok(Err(Failed { application: config.name.clone(), error, is_conflict }))
    }

    async fn plan(&mut self, cx: &Cx, config: &Config) -> Result<Found, Stop> {
        if !self.sides.is_trusted {
            programs::refuse(config)?;
        }
        let session = Session::builder(config).access(Access::Look).events(Arc::clone(self.events));
        let mut session = session.open(cx).await?;
        if let Some(follows) = self.follows_another(cx, &session).await? {
            return Ok(Found::NotConcerned(follows));
        }
        let base = named(find(cx, &session, &self.sides.base).await)?;
        let head = named(find(cx, &session, &self.sides.head).await)?;
        self.check_configuration(cx, &session, &base, &head).await.map_err(Stop::Named)?;
        let Merged { snapshot, merge_base, .. } = merge(cx, &session, &base, &head).await?;
        let before = match session.engine.plan_at(cx, &base).await {
            Err(error) if !may_be_mended(&error) => return Err(error.into()),
            before => before,
        };
        let after = session.engine.plan_of(cx, snapshot).await?;
        let opened = match merge_base.id() == base.id() {
            true => None,
            // Of a revision that can't be planned any more, nobody knows what it would have done.
            false => session.engine.plan_at(cx, &merge_base).await.ok(),
        };
        let context = self.context(cx, &session, config, &after).await;
        let part = part(before, &after, opened.as_ref(), &base, context);
        let approvals = session.engine.inventory().approvals();
        let approved_in = approvals.iter().filter_map(|approval| match &approval.by.through {
            Through::Review { review } => Some(review.clone()),
            _ => None,
        });
        let approved_in = approved_in.collect();
        Ok(Found::Part(Box::new(part), Box::new(Planned { plan: after, approved_in })))
    }

    /// What an application follows, if a merge into the target branch does not change it.
    async fn follows_another(&self, cx: &Cx, session: &Session) -> Result<Option<String>> {
        let base = self.sides.base.as_str();
        let follows = session.engine.source().info().follows;
        match &session.config.source.reference {
            GitRef::Branch(name) if base.strip_prefix("refs/heads/").unwrap_or(base) == name => Ok(None),
            // What is no branch is a commit of the branch that is followed.
            GitRef::Branch(_) => Ok(session.git.branch(cx, base).await?.map(|_| follows)),
            _ => Ok(Some(follows)),
        }
    }

    /// Sees once for each repository that the configuration is not the request's.
    async fn check_configuration(
        &mut self,
        cx: &Cx,
        session: &Session,
        base: &Revision,
        head: &Revision,
    ) -> Result<()> {
        let repository = &session.config.source.url;
        if !self.checked.contains(repository) {
            configuration::check(cx, self.applications, &session.git, base, head).await?;
            self.checked.push(repository.clone());
        }
        Ok(())
    }

    async fn context(
        &self,
        cx: &Cx,
        session: &Session,
        config: &Config,
        after: &SpeculativePlan,
    ) -> Context<'_> {
        let unready = session.unready(cx).await.into_iter();
        let unhealthy = unready.filter(|(_, readiness)| !matches!(readiness, Readiness::Unproven(_)));
        Context {
            labels: labels(config),
            rules: self.rules,
            verdict: after.verdict.clone(),
            unhealthy: unhealthy
                .map(|(key, readiness)| (key, readiness.reason().unwrap_or_default().to_owned()))
                .collect(),
            looked_at_target: session.has_state(),
        }
    }
}

/// An error of a side: there is no such revision.
fn named<T>(found: Result<T>) -> Result<T, Stop> {
    found.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Invalid => Stop::Named(error),
        _ => Stop::Failed(error),
    })
}

async fn find(cx: &Cx, session: &Session, name: &str) -> Result<Revision> {
    let history = session.engine.source().history().ok_or_else(unsupported)?;
    let found = history.find(cx, name).await?;
    Ok(Revision::new(found.id(), name.strip_prefix("refs/heads/").unwrap_or(name)))
}

async fn merge(cx: &Cx, session: &Session, base: &Revision, head: &Revision) -> Result<Merged, Stop> {
    let merging = session.engine.source().merge().ok_or_else(unsupported)?;
    merging.merged(cx, base, head).await.map_err(|error| match error.kind() {
        ErrorKind::Conflict => Stop::Conflict(error),
        // Faults with places are of a tree; else the two sides have no history in common.
        ErrorKind::Invalid if error.diagnostics().is_empty() => Stop::Named(error),
        _ => Stop::Failed(error),
    })
}

fn unsupported() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "this source can't merge revisions, so no request of it can be reviewed",
    )
}

/// Whether a request may mend what keeps the target branch from being planned: what is declared.
fn may_be_mended(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Invalid | ErrorKind::NotFound | ErrorKind::Limit)
}

fn part(
    before: Result<SpeculativePlan>,
    after: &SpeculativePlan,
    opened: Option<&SpeculativePlan>,
    base: &Revision,
    context: Context<'_>,
) -> Part {
    let opened = opened.map(|opened| &opened.plan);
    match before {
        Ok(before) => Part::of(&before.plan, &after.plan, opened, &context),
        Err(error) => {
            let message = format!("it can't be planned, so everything counts as of this change: {error}");
            let verdict = context.verdict.clone().and(Verdict::warn("target-branch", message));
            Part::alone(&after.plan, base.clone(), &Context { verdict, ..context })
        }
    }
}

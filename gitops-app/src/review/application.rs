//! What a merge would do to one application.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_core::capability::Readiness;
use gitops_core::review::window::WindowState;
use gitops_core::review::{Context, Part, Rules, declared};
use gitops_core::{
    Cause, Cx, Desired, Digest, Error, ErrorKind, EventSink, GateMessage, History, Key, Merge, Merged, Plan,
    Result, Revision, Snapshot, SpeculativePlan, Through, Verdict,
};
use gitops_git::GitSource;

use super::approvals::Places;
use super::not_followed::NotFollowed;
use super::repository::{self, Repository};
use super::unapplied::Since;
use super::{Failed, Found, Planned, Sides, Warm, configuration, labels, planner, programs};
use crate::config::{Applications, Config, WindowsConfig};
use crate::forge::tellable;
use crate::gates;
use crate::session::{Access, Session};

/// A review that is being made.
pub(super) struct Reviewing<'a> {
    pub applications: &'a Applications,
    pub sides: &'a Sides,
    /// What finds the risks of each application.
    pub rules: &'a BTreeMap<String, Rules>,
    pub events: &'a Arc<dyn EventSink>,
    /// Whether there are others: then one whose files the merge leaves as they are is not planned.
    pub are_several: bool,
    /// The sessions that earlier reviews left open.
    pub warm: Option<&'a Warm>,
    /// The repositories of which it is known that the configuration is that of the target branch, each with the files of the
    /// configuration that a working copy of it has.
    pub checked: BTreeMap<String, Vec<String>>,
    /// What the merge changes in the repositories of several applications.
    pub repositories: BTreeMap<String, Repository>,
    /// The files of the configuration that the merge changes in them.
    pub configuration: BTreeSet<String>,
}

/// What a merge does.
struct Compared {
    part: Part,
    plan: Plan,
    /// What gates want approved of it.
    findings: Vec<(GateMessage, Digest)>,
    /// The same of the target branch.
    findings_before: Vec<(GateMessage, Digest)>,
    /// Whether the target branch may have something that is not applied yet: the plan has that, too.
    has_unapplied: bool,
}

const NOT_ASKED: &str = "nobody vouches for the request, so no cluster is asked about it: Git is compared with Git, and nothing of it can be approved";

/// How many files a request may change.
pub(super) const CHANGED: usize = 1_000_000;

/// Why there is no plan.
pub(super) enum Stop {
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
        if self.are_several
            && let Some(found) = self.unconcerned(cx, config).await?
        {
            return Ok(found);
        }
        // When the merge comes, another time counts.
        let open = Config { windows: WindowsConfig::default(), ..config.clone() };
        let open = if self.sides.is_trusted { open } else { planner::acting(open) };
        let builder = Session::builder(&open).access(Access::Look).events(Arc::clone(self.events));
        let Some(warm) = self.warm.filter(|_| self.sides.is_trusted) else {
            let mut session = builder.open(cx).await?;
            // As a review that goes on from another one: what is merged is not what it tells of.
            session.engine.doubted_elsewhere(BTreeMap::new());
            return Box::pin(self.plan_in(cx, config, &mut session)).await;
        };
        let mut lent = warm.lend(cx, config).await?;
        if let Some(mut session) = lent.take(cx) {
            let planned = Box::pin(self.plan_again(cx, config, &mut session)).await;
            if !may_be_the_sessions(&planned) {
                lent.keep(cx, session);
                return planned;
            }
        }
        let mut session = Box::pin(lent.open(cx, builder)).await?;
        let planned = Box::pin(self.plan_in(cx, config, &mut session)).await;
        if !may_be_the_sessions(&planned) {
            lent.keep(cx, session);
        }
        planned
    }

    /// The same in a session that an earlier review left.
    async fn plan_again(&mut self, cx: &Cx, config: &Config, session: &mut Session) -> Result<Found, Stop> {
        session.engine.catch_up(cx).await?;
        Box::pin(self.plan_in(cx, config, session)).await
    }

    async fn plan_in(&mut self, cx: &Cx, config: &Config, session: &mut Session) -> Result<Found, Stop> {
        let reference = &session.config.source.reference;
        if let Some(follows) = self.follows_another(cx, reference, &session.git).await? {
            return Ok(Found::NotConcerned(follows));
        }
        let (base, head) = if let Some(known) = self.repositories.get(&repository::key(config)) {
            (known.base.clone(), known.head.clone())
        } else {
            let base = named(find(cx, &session.git, &self.sides.base).await)?;
            let head = named(find(cx, &session.git, &self.sides.head).await)?;
            self.check_configuration(cx, config, &session.git, &base, &head).await.map_err(Stop::Named)?;
            (base, head)
        };
        let merged = session.git.merged(cx, &base, &head).await;
        let Merged { snapshot, merge_base, .. } = merged.map_err(merging)?;
        let NotFollowed { verdict: said, refused } = NotFollowed::of(cx, session, &base, &head).await?;
        let compared = match session.has_state() && self.may_ask(config) {
            true => self.against_targets(cx, session, config, snapshot, (&base, &merge_base), said).await?,
            false => self.against_git(cx, session, config, snapshot, &base, said).await?,
        };
        let Compared { part, plan, findings, findings_before, has_unapplied } = compared;
        let complete = session.engine.inventory().complete().map(|complete| complete.revision.clone());
        let unapplied = has_unapplied.then_some(Since(complete)).filter(|since| !since.is(&base));
        let rules: Vec<(&str, Digest)> = findings.iter().map(|(found, rule)| (&*found.gate, *rule)).collect();
        let approvals = session.engine.inventory().approvals();
        let Places { approved_in, outdated_in } = Places::of(approvals, &rules);
        let approved_elsewhere =
            approvals.iter().any(|approval| !matches!(approval.by.through, Through::Review { .. }));
        let changed = session.git.changed(cx, &merge_base, &head, CHANGED).await?;
        let configuration = self.checked.get(&config.source.url).into_iter().flatten();
        let configuration = configuration.filter(|path| changed.contains(path)).cloned().collect();
        let (git, mark) = (session.git.clone(), session.mark);
        let pin = session.engine.pinned(cx).await?;
        let pinned_by = pin.filter(|pin| pin.ahead_of.is_none()).map(|pin| pin.by);
        let planned = Planned {
            plan,
            findings,
            findings_before,
            approved_elsewhere,
            approved_in,
            outdated_in,
            changed,
            configuration,
            git,
            base,
            mark,
            unapplied,
            pinned_by,
            refused,
        };
        Ok(Found::Part(Box::new(part), Box::new(planned)))
    }

    /// The plans of the target branch and of the merge, both against what is there now.
    async fn against_targets(
        &self,
        cx: &Cx,
        session: &mut Session,
        config: &Config,
        snapshot: Snapshot,
        (base, merge_base): (&Revision, &Revision),
        said: Verdict,
    ) -> Result<Compared, Stop> {
        // All of them from one look: what moves meanwhile is of no side.
        let first = match self.warm {
            Some(_) if self.sides.is_trusted => session.engine.again_at(cx, base).await,
            _ => session.engine.first_at(cx, base).await,
        };
        let before = match first {
            Err(error) if !may_be_mended(&error) => return Err(error.into()),
            before => before,
        };
        let after = session.engine.next_of(cx, snapshot).await?;
        let opened = match merge_base.id() == base.id() {
            true => None,
            // Of a revision that can't be planned any more, nobody knows what it would have done.
            false => session.engine.next_at(cx, merge_base).await.ok(),
        };
        let unhealthy = unhealthy(cx, session).await;
        let verdict = match unasked(session, &after.plan) {
            0 => after.verdict.clone(),
            roots => after.verdict.clone().and(Verdict::warn("drift", not_looked_at(roots))),
        };
        let mut context = self.context(cx, config, verdict.and(said));
        context.unhealthy = unhealthy;
        let has_unapplied = before.as_ref().map_or(true, |before| may_have_unapplied(&before.plan));
        let findings_before = before.as_ref().map(|before| before.findings.clone()).unwrap_or_default();
        let part = part(before, &after, opened.as_ref(), base, context);
        Ok(Compared { part, plan: after.plan, findings: after.findings, findings_before, has_unapplied })
    }

    /// What the target branch declares, and what the merge would: no target is asked, and nothing can be approved.
    async fn against_git(
        &self,
        cx: &Cx,
        session: &Session,
        config: &Config,
        snapshot: Snapshot,
        base: &Revision,
        said: Verdict,
    ) -> Result<Compared, Stop> {
        let revision = snapshot.revision.clone();
        let after = session.engine.declared_of(cx, snapshot).await?;
        let (before, error) = match session.engine.declared_at(cx, base).await {
            Ok(before) => (before, None),
            Err(error) if may_be_mended(&error) => (Desired::default(), Some(error)),
            Err(error) => return Err(error.into()),
        };
        // What a root is made of are whole files.
        let shows = |key: &Key| session.target_of_roots(key.target()).is_none();
        let plan = declared::between(&config.name, &before, &after, &revision, shows);
        let verdict = session.engine.verdict(cx, &plan);
        let verdict = match self.may_ask(config) {
            true => verdict,
            false => verdict.and(Verdict::warn("untrusted", NOT_ASKED)),
        };
        let mut context = self.context(cx, config, verdict.and(said));
        context.looked_at_target = false;
        let context = match error {
            Some(error) => not_planned(&error, context),
            None => context,
        };
        let part = Part::alone(&plan, base.clone(), &context);
        // Nothing can be approved.
        let (findings, findings_before) = (Vec::new(), Vec::new());
        Ok(Compared { part, plan, findings, findings_before, has_unapplied: false })
    }

    /// Whether the targets of an application may be asked about what a request brings: a dry run runs the webhooks of a cluster,
    /// so it takes somebody who vouches for the request, or an identity that can do nothing else.
    fn may_ask(&self, config: &Config) -> bool {
        self.sides.is_trusted || !planner::asks_clusters(config) || planner::has_all(config)
    }

    /// Sees once for each repository that the configuration is not the request's.
    pub(super) async fn check_configuration(
        &mut self,
        cx: &Cx,
        config: &Config,
        git: &GitSource,
        base: &Revision,
        head: &Revision,
    ) -> Result<()> {
        let repository = &config.source.url;
        if !self.checked.contains_key(repository) {
            let paths = configuration::check(cx, self.applications, git, base, head).await?;
            self.checked.insert(repository.clone(), paths);
        }
        Ok(())
    }

    fn context(&self, cx: &Cx, config: &Config, verdict: Verdict) -> Context<'_> {
        let labels = labels(config);
        let state = config.windows.at(&labels.environment, cx.now());
        let verdict =
            if matches!(state, WindowState::Open) { verdict } else { verdict.and(closed_now(&state)) };
        let rules = self.rules.get(&config.name).expect("each application that is chosen has rules");
        let mut context = Context::new(rules);
        (context.labels, context.verdict) = (labels, verdict);
        context
    }
}

/// Whether a plan does more than to put back what was applied before, or may do so once something else is there.
fn may_have_unapplied(plan: &Plan) -> bool {
    !plan.blocked.is_empty() || plan.steps.iter().any(|step| step.cause != Cause::Drift)
}

/// How many roots nothing was asked about: one that the merge does not touch is planned from its record, and to ask its providers
/// would be remembered.
fn unasked(session: &Session, plan: &Plan) -> usize {
    let is_blocked = |key: &Key| plan.blocked.iter().any(|blocked| blocked.key == *key);
    session.roots().filter(|(key, _)| plan.step(key).is_none() && !is_blocked(key)).count()
}

fn not_looked_at(roots: usize) -> String {
    let roots = if roots == 1 { "1 root".to_owned() } else { format!("{roots} roots") };
    format!("drift not looked at in {roots} that nothing here changes: `gitops drift` asks the providers")
}

/// What was made, and does not work.
async fn unhealthy(cx: &Cx, session: &Session) -> BTreeMap<Key, String> {
    let unready = session.unready(cx).await.into_iter();
    let unhealthy = unready.filter(|(_, readiness)| !matches!(readiness, Readiness::Unproven(_)));
    unhealthy.map(|(key, readiness)| (key, readiness.reason().unwrap_or_default().to_owned())).collect()
}

/// What is merged now waits for a change window.
fn closed_now(closed: &WindowState) -> Verdict {
    let denial = closed.verdict();
    let messages = denial.messages().iter().map(|note| note.message.clone());
    let messages: Vec<String> = messages.collect();
    Verdict::warn(gates::WINDOWS, format!("what is merged now waits: {}", messages.join("; ")))
}

/// An error of a side: there is no such revision.
pub(super) fn named<T>(found: Result<T>) -> Result<T, Stop> {
    found.map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Invalid => Stop::Named(error),
        _ => Stop::Failed(error),
    })
}

pub(super) async fn find(cx: &Cx, git: &GitSource, name: &str) -> Result<Revision> {
    let found = History::find(git, cx, name).await?;
    Ok(Revision::new(found.id(), name.strip_prefix("refs/heads/").unwrap_or(name)))
}

/// An error of a merge.
pub(super) fn merging(error: Error) -> Stop {
    match error.kind() {
        ErrorKind::Conflict => Stop::Conflict(error),
        // Faults with places are of a tree; else the two sides have no history in common.
        ErrorKind::Invalid if error.diagnostics().is_empty() => Stop::Named(error),
        _ => Stop::Failed(error),
    }
}

/// Whether what a session knows may be why nothing was planned: another one is opened then.
fn may_be_the_sessions(planned: &Result<Found, Stop>) -> bool {
    matches!(planned, Err(Stop::Failed(_)))
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
        Err(error) => Part::alone(&after.plan, base.clone(), &not_planned(&error, context)),
    }
}

fn not_planned<'a>(error: &Error, mut context: Context<'a>) -> Context<'a> {
    let error = tellable(&error.to_string(), &[]);
    let message = format!("it can't be planned, so everything counts as of this change: {error}");
    context.verdict = context.verdict.and(Verdict::warn("target-branch", message));
    context
}

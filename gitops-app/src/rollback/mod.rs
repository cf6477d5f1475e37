//! A rollback through a forge: the request that takes a bad revision back, and whether it landed.
//!
//! The application is pinned to a good revision meanwhile, so that nothing is applied of the bad one. Every step can be made
//! again: the commit that takes back is the same one each time, its branch is named after the bad revision, and what is
//! there already is left as it is.
// Long because the way of a revision back is followed from its choice to its end.

mod automatic;
mod deployment;

pub use automatic::{Step, Watch, taken_back};

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use gitops_core::{
    AuditEvent, AuditLog, AuditRecord, Cx, Error, ErrorKind, EventSink, Inventory, PinExpect, Relation,
    Request, Result, Revision, SyncResult, Time,
};
use gitops_forge::{
    ChangeRequest, CommitId, CommitStatus, Forge, ForgeExt, NewRequest, RequestQuery, RequestState,
    StatusState,
};
use gitops_git::GitSource;

use crate::config::{Config, GitRef};
use crate::forge::{patiently, revert_branches};
use crate::home;
use crate::order;
use crate::session::Session;
use crate::source;

/// How many entries of the audit log are looked through for the last good revision.
const REMEMBERED: usize = 1 << 16;

/// What takes a revision back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revert {
    application: String,
    /// The revision that is taken back.
    pub bad: Revision,
    /// The revision that the application goes back to.
    pub good: Revision,
    /// The commit that takes it back, on top of the bad one.
    pub commit: Revision,
    /// The branch of that commit.
    pub branch: String,
    /// The branch that it is to be merged into.
    pub target: String,
}

/// How far a request is that takes a revision back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Progress {
    /// Nobody opened it yet.
    Missing,
    /// It waits to be merged.
    Open(Box<ChangeRequest>),
    /// What is followed has it.
    Landed,
    /// It was closed without a merge.
    Closed(Box<ChangeRequest>),
}

/// The revision to take back and the one to go back to.
///
/// The bad one is what was applied last, other than the one to go back to. That is the named one; or the one to which the
/// application is pinned; or else the newest before the bad one that was applied whole, became ready, and was not gone back
/// from.
///
/// # Errors
/// `NotFound` if nothing was applied yet, or nothing good before it; what keeps the audit log from being read.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn bad_and_good(
    cx: &Cx,
    audit: &dyn AuditLog,
    named: Option<Revision>,
    pinned: Option<Revision>,
) -> Result<(Revision, Revision)> {
    chosen(&audit.newest(cx, REMEMBERED).await?, named, pinned)
}

fn chosen(
    records: &[AuditRecord],
    named: Option<Revision>,
    pinned: Option<Revision>,
) -> Result<(Revision, Revision)> {
    let ended = ended(records);
    let mut ended = ended.iter().rev();
    let goal = named.or(pinned);
    let is_other = |revision: &Revision| goal.as_ref().is_none_or(|goal| goal.id() != revision.id());
    let bad = ended.find(|(revision, _)| is_other(revision)).map(|(revision, _)| (*revision).clone());
    let bad = bad.ok_or_else(|| missing("no revision was applied that could be reverted"))?;
    let good = goal.or_else(|| good_before(records, &bad));
    let none = || missing("no earlier revision was applied whole and became ready");
    Ok((bad, good.ok_or_else(none)?))
}

/// The revision to go back to where nobody names one: what is live completely while a newer one is in progress; else the newest
/// good one before it.
///
/// # Errors
/// As [`bad_and_good`].
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn last_good(cx: &Cx, audit: &dyn AuditLog, inventory: &Inventory) -> Result<Revision> {
    match (inventory.progress(), inventory.complete()) {
        // Something newer was begun and did not get through.
        (Some(_), Some(live)) => Ok(live.revision.clone()),
        _ => bad_and_good(cx, audit, None, None).await.map(|(_, good)| good),
    }
}

/// The newest good revision before a bad one, as far as the audit log is looked back.
///
/// # Errors
/// What keeps the audit log from being read.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn good_revision_before(cx: &Cx, audit: &dyn AuditLog, bad: &Revision) -> Result<Option<Revision>> {
    Ok(good_before(&audit.newest(cx, REMEMBERED).await?, bad))
}

/// The newest revision that was applied whole, became ready, and was not gone back from, other than the bad one.
fn good_before(records: &[AuditRecord], bad: &Revision) -> Option<Revision> {
    let left = left_behind(records);
    let is_left = |revision: &Revision| revision.id() == bad.id() || left.contains(revision.id());
    let ended = ended(records);
    let good = ended.iter().rev().find(|(revision, end)| *end == End::Good && !is_left(revision));
    good.map(|(revision, _)| (*revision).clone())
}

/// The revisions from which somebody went back to another one.
fn left_behind(records: &[AuditRecord]) -> BTreeSet<&str> {
    let (mut last, mut left) = (None, BTreeSet::new());
    for record in records {
        match &record.entry.what {
            AuditEvent::Pinned { revision, .. } => {
                left.extend(last.filter(|last| *last != revision.id()));
            }
            _ => last = end_of(record).map(|(revision, _)| revision.id()).or(last),
        }
    }
    left
}

/// How the application of a revision ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It was applied whole and became ready.
    Good,
    /// Nothing of it failed, and something waited that was not changed yet.
    Waits,
    Bad,
}

/// The revisions that were applied, the oldest first.
fn ended(records: &[AuditRecord]) -> Vec<(&Revision, End)> {
    let mut found: Vec<(&Revision, End)> = Vec::new();
    for record in records {
        match (&record.entry.what, found.last_mut()) {
            // What waited needed no change.
            (AuditEvent::Completed { revision }, Some((last, end))) if last.id() == revision.id() => {
                *end = if *end == End::Waits { End::Good } else { *end };
            }
            _ => found.extend(end_of(record)),
        }
    }
    found
}

fn end_of(record: &AuditRecord) -> Option<(&Revision, End)> {
    match &record.entry.what {
        AuditEvent::SyncEnded { revision, result, failed, not_ready, missing, .. } => {
            let end = match (result, [*failed, *not_ready], *missing) {
                (Some(SyncResult::Succeeded) | None, [0, 0], 0) => End::Good,
                (Some(SyncResult::Partial), [0, 0], _) => End::Waits,
                _ => End::Bad,
            };
            Some((revision, end))
        }
        _ => None,
    }
}

fn missing(message: &str) -> Error {
    Error::new(ErrorKind::NotFound, message).help("name the revision to go back to: `gitops rollback REV`")
}

impl Revert {
    /// Makes the commit that takes a revision back, in the mirror alone.
    ///
    /// # Errors
    /// `Unsupported` if it is not a branch that the application follows; `Invalid` if the bad revision does not descend from the
    /// good one, or nothing of the application differs; what keeps a commit from being fetched; those of the forge, which says by which
    /// address it knows the account.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn of(
        cx: &Cx,
        session: &Session,
        forge: &dyn Forge,
        bad: &Revision,
        good: &Revision,
    ) -> Result<Self> {
        let git = proposing(cx, &session.git, forge).await?;
        Self::made(cx, session, &git, bad, good).await
    }

    /// Whether that commit can be made, where it does not matter whose it is.
    pub(crate) async fn check(cx: &Cx, session: &Session, bad: &Revision, good: &Revision) -> Result<()> {
        Self::made(cx, session, &session.git, bad, good).await.map(drop)
    }

    async fn made(
        cx: &Cx,
        session: &Session,
        git: &GitSource,
        bad: &Revision,
        good: &Revision,
    ) -> Result<Self> {
        let GitRef::Branch(target) = &session.config.source.reference else {
            let message = "a request can take a revision back only where a branch is followed";
            return Err(Error::new(ErrorKind::Unsupported, message).help("go back without `--revert`"));
        };
        let history = session.engine.source().history();
        let relation = match history {
            Some(history) => history.relation(cx, good, bad).await?,
            None => Relation::Diverged,
        };
        if relation != Relation::Newer {
            let message = format!(
                "{} does not come after {}, so it can't be reverted to that",
                bad.short(),
                good.short()
            );
            return Err(
                Error::new(ErrorKind::Invalid, message).help("name an earlier revision of the branch")
            );
        }
        let commit = git.restored(cx, good, bad).await?;
        let branch = format!("{}{}", revert_branches(&session.config.name), bad.short());
        let application = session.config.name.clone();
        Ok(Self { application, bad: bad.clone(), good: good.clone(), commit, branch, target: target.clone() })
    }

    /// How far the request is; nothing is written. `context` is what statuses begin with.
    ///
    /// # Errors
    /// Those of the forge and of the source.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn progress(
        &self,
        cx: &Cx,
        session: &Session,
        forge: &dyn Forge,
        context: &str,
    ) -> Result<Progress> {
        let commit = CommitId::parse(self.commit.id())?;
        if self.has_landed(cx, session, &self.commit).await? {
            return Ok(Progress::Landed);
        }
        let between = RequestQuery::Between { head: self.branch.clone(), base: self.target.clone() };
        // Whoever may push may have taken the branch first, for something else.
        let me = forge.me(cx).await?;
        let is_ours = |found: &ChangeRequest| found.author.is(&me) || found.head.commit == commit;
        if let Some(open) = forge.change_requests(cx, &between).await?.into_iter().find(is_ours) {
            return Ok(Progress::Open(Box::new(open)));
        }
        let mut found = forge.change_requests(cx, &RequestQuery::OfCommit(commit.clone())).await?;
        // Not every forge finds one by its commit that was closed or squashed.
        found.extend(self.said(cx, forge, context).await?);
        found.retain(is_ours);
        found.sort_by_key(|request| request.number);
        let Some(newest) = found.pop() else { return Ok(Progress::Missing) };
        match (newest.state, &newest.merge_commit) {
            (RequestState::Open, _) => Ok(Progress::Open(Box::new(newest))),
            (RequestState::Merged, Some(merged)) => {
                let merged = Revision::new(merged.as_str(), merged.as_str());
                match self.has_landed(cx, session, &merged).await? {
                    true => Ok(Progress::Landed),
                    // Merged, and what is followed does not have it: somebody moved the branch back.
                    false => Ok(Progress::Closed(Box::new(newest))),
                }
            }
            _ => Ok(Progress::Closed(Box::new(newest))),
        }
    }

    /// The request that the bad commit's status names.
    async fn said(&self, cx: &Cx, forge: &dyn Forge, context: &str) -> Result<Option<ChangeRequest>> {
        let context = self.status(forge, context, "").context;
        let statuses = match forge.statuses(cx, &CommitId::parse(self.bad.id())?).await {
            Err(error) if error.is_not_found() => return Ok(None),
            found => found?,
        };
        let said = statuses.into_iter().find(|status| status.context == context);
        let Some(number) = said.and_then(|status| named(&status.description)) else { return Ok(None) };
        match forge.change_request(cx, number).await {
            Ok(request) => Ok(Some(request).filter(|found| found.head.name == self.branch)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Says on the bad commit which request takes it back, or that it was closed, and what to do then.
    pub(crate) async fn say(
        &self,
        cx: &Cx,
        forge: &dyn Forge,
        context: &str,
        request: &ChangeRequest,
    ) -> Result<()> {
        let end = match request.state {
            RequestState::Open => BACK,
            RequestState::Closed => CLOSED,
            RequestState::Merged => GONE,
        };
        let text = format!("goes back to {}; {}{end}", self.good.short(), number(forge, request));
        let status = self.status(forge, context, &text);
        forge.ensure_status(cx, &CommitId::parse(self.bad.id())?, &status).await.map(drop)
    }

    /// What is said on the bad commit.
    fn status(&self, forge: &dyn Forge, context: &str, text: &str) -> CommitStatus {
        let name = status_name(context, &self.application);
        CommitStatus::new(name, StatusState::Failure, text).fitted(forge.info().context_chars)
    }

    /// Whether what is followed has a commit.
    async fn has_landed(&self, cx: &Cx, session: &Session, commit: &Revision) -> Result<bool> {
        let source = session.engine.source();
        let newest = source.resolve(cx).await?;
        if newest.id() == self.bad.id() {
            return Ok(false);
        }
        let Some(history) = source.history() else { return Ok(false) };
        match history.relation(cx, commit, &newest).await {
            Ok(relation) => Ok(matches!(relation, Relation::Same | Relation::Newer)),
            // Squashed or rebased: the repository has not this commit but another one.
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Pushes the commit, says on the bad one that it was taken back, and opens the request. What is there already stays as it
    /// is.
    ///
    /// # Errors
    /// `Conflict` if the branch has another commit; `Forbidden` if we may not push or open a request; those of the forge.
    ///
    /// # Cancel safety
    /// If the future is dropped, some of it was done; make the call again.
    pub async fn open(
        &self,
        cx: &Cx,
        session: &Session,
        forge: &dyn Forge,
        context: &str,
    ) -> Result<ChangeRequest> {
        session.git.push_to_branch(cx, &self.commit, &self.branch).await?;
        let title = format!("Take {} back to {}", session.config.name, self.good.short());
        let body = format!(
            "`{}` was rolled back from {} to {} and is pinned there. This request takes the change back on `{}`; once it is merged, \
             `gitops rollback --revert` lets the application follow the branch again.\n\nMake the change again in a request of its own.",
            session.config.name,
            self.bad.id(),
            self.good.id(),
            self.target,
        );
        let new = NewRequest::new(&self.branch, &self.target, title).body(body);
        let request = opened(cx, forge, &new).await?;
        self.say(cx, forge, context, &request).await?;
        Ok(request)
    }
}

/// When the last deployment of an application began, as the audit log has it; nothing if it has none. A repair of drift and a
/// commit that changed nothing there are no deployments.
///
/// # Errors
/// What keeps the audit log from being read.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn deployed_at(cx: &Cx, config: &Config) -> Result<Option<Time>> {
    let records = home::audit_log(cx, config).await?.newest(cx, REMEMBERED).await?;
    Ok(deployment::Deployment::last(&records).map(|last| last.since))
}

/// Whether the branch of an application was at a revision before it came to another one: what somebody merged as a part of something else
/// it never was.
///
/// # Errors
/// What keeps the repository from being read.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn was_at(cx: &Cx, config: &Config, newest: &Revision, revision: &Revision) -> Result<bool> {
    source::open(cx, config)?.was_at(cx, newest, revision).await
}

/// Lets an application follow its branch again if it was pinned by a rollback and the request that takes the bad revision back
/// landed. Gives whether it did. A process at work is asked to do it.
///
/// # Errors
/// Those of the forge and of the source; what keeps the state from being read or written.
///
/// # Cancel safety
/// If the future is dropped, it was done or not; make the call again.
pub async fn follow_again(
    cx: &Cx,
    config: &Config,
    forge: &dyn Forge,
    context: &str,
    events: &Arc<dyn EventSink>,
) -> Result<bool> {
    let session = Session::builder(config).open(cx).await?;
    let Some(pin) = session.engine.pinned(cx).await? else { return Ok(false) };
    let expect = PinExpect::still(&pin);
    let (bad, good) = bad_and_good(cx, session.audit(), None, Some(pin.revision)).await?;
    let revert = Revert::of(cx, &session, forge, &bad, &good).await?;
    match revert.progress(cx, &session, forge, context).await? {
        Progress::Landed => {}
        Progress::Missing => return Ok(false),
        Progress::Open(request) | Progress::Closed(request) => {
            revert.say(cx, forge, context, &request).await?;
            return Ok(false);
        }
    }
    drop(session);
    let by = format!("rollback of {}", bad.short());
    Box::pin(order::order(cx, config, events, &by, &Request::Unpin { expect })).await?;
    Ok(true)
}

/// A source whose commits the forge knows for those of the account that opens the request. While a commit is of an address of which the
/// forge knows no account, nobody can approve the request.
pub(crate) async fn proposing(cx: &Cx, git: &GitSource, forge: &dyn Forge) -> Result<GitSource> {
    let Some(commits) = forge.commits() else { return Ok(git.clone()) };
    match patiently(cx, || commits.own_address(cx)).await? {
        Some(address) => git.committing_as(&patiently(cx, || forge.me(cx)).await?.login, &address),
        None => Ok(git.clone()),
    }
}

/// How often a forge is asked that does not know a branch yet, a second apart.
const TRIES: u32 = 30;

/// Opens a request for a branch that was pushed just now: a forge knows of it a moment later.
pub(crate) async fn opened(cx: &Cx, forge: &dyn Forge, new: &NewRequest) -> Result<ChangeRequest> {
    let mut tries = 0;
    loop {
        tries += 1;
        match forge.ensure_request(cx, new).await {
            Err(error) if error.is_not_found() && tries < TRIES => cx.sleep(Duration::from_secs(1)).await?,
            Err(error) if error.is_not_found() => {
                return Err(error.help(format!(
                    "the branch `{}` was pushed, and the forge does not know it after {TRIES} tries, or the account may not open requests: look whether the forge shows it, and give the same command again",
                    new.head
                )));
            }
            opened => return opened.map(|opened| opened.value),
        }
    }
}

/// The name of the status which tells on a commit that an application goes back from it. `context` is what statuses begin with.
pub fn status_name(context: &str, application: &str) -> String {
    format!("{context}/rollback/{application}")
}

/// How the status of a bad commit ends.
const BACK: &str = " takes it back";
const CLOSED: &str = " was closed without a merge: open it again, or mend the branch and end the rollback";
const GONE: &str = " was merged, and what it brought is gone: mend the branch and end the rollback";

/// The request that such a status names.
fn named(description: &str) -> Option<u64> {
    let before = [BACK, CLOSED, GONE].into_iter().find_map(|end| description.strip_suffix(end))?;
    before.rsplit_once(['#', '!'])?.1.parse().ok()
}

/// A request as people write it there.
fn number(forge: &dyn Forge, request: &ChangeRequest) -> String {
    let sign = if forge.info().kind == "gitlab" { '!' } else { '#' };
    format!("{sign}{}", request.number)
}

#[cfg(test)]
mod tests;

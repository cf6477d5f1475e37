//! What was deployed, as the audit log tells it.

use gitops_core::{
    Action, AuditEvent, AuditLog, AuditRecord, Cx, Error, ErrorKind, LeftObject, LeftState, PlanId, Purpose,
    Result, Revision, SyncResult, Time,
};
use serde::Serialize;

use super::trail::{Change, Trail};

/// One plan that was carried out, as far as it went, with the retries of it that ended alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Deployment {
    /// Its number, counted from 1 for as long as the audit log lasts, for `history show` and `rollback`; of several attempts, the last's.
    #[serde(rename = "deployment")]
    pub number: u64,
    /// The number of its entry in the audit log, for `audit show`; of several attempts, the last one's.
    pub entry: u64,
    /// When it began; of several attempts, the first.
    pub started_at: Time,
    /// When it ended; of several attempts, the last.
    pub ended_at: Option<Time>,
    /// When the last attempt began.
    pub last_started_at: Time,
    /// The plan of the last attempt.
    pub plan_id: PlanId,
    /// The revision.
    pub revision: Revision,
    /// On whose behalf.
    pub by: String,
    /// Who named exactly this plan, or approved what needed an approval.
    pub approved_by: Option<String>,
    /// What it was for.
    pub purpose: Purpose,
    /// How it ended.
    pub result: Outcome,
    /// How many attempts in a row ended like this.
    pub attempts: usize,
    /// How many changes were made.
    pub applied: usize,
    /// How many of those were deletions.
    pub deleted: usize,
    /// How many failed, were blocked, have no known outcome, or are not ready.
    pub failed: usize,
    /// How many of those were made and are not ready.
    pub not_ready: usize,
    /// How many objects keep the revision from being live completely.
    pub missing: usize,
    /// How many of those awaited only an output of an object that it changed.
    pub awaiting: usize,
    /// How many objects were as they should be.
    pub unchanged: usize,
    /// Who wrote the revision, where the source still knows it.
    pub author: Option<String>,
    /// The first line of the revision's message, where the source still knows it.
    pub summary: Option<String>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// Everything was applied, and is ready.
    Succeeded,
    /// Everything was applied, and something is not ready.
    NotReady,
    /// Something was applied, and something was not.
    Partial,
    /// Nothing was applied.
    Failed,
    /// Somebody asked to stop before its end.
    Stopped,
    /// It did not come to an end: it is under way, or the process was killed.
    Unfinished,
}

impl Deployment {
    /// The deployment that a record begins, by the number that it has.
    fn begun(record: &AuditRecord, number: u64) -> Option<Self> {
        let AuditEvent::SyncStarted { plan, revision, approved_by, purpose } = &record.entry.what else {
            return None;
        };
        Some(Self {
            number,
            entry: record.number,
            started_at: record.entry.time,
            ended_at: None,
            last_started_at: record.entry.time,
            plan_id: *plan,
            revision: revision.clone(),
            by: record.entry.actor.clone(),
            approved_by: approved_by.clone(),
            purpose: *purpose,
            result: Outcome::Unfinished,
            attempts: 1,
            applied: 0,
            deleted: 0,
            failed: 0,
            not_ready: 0,
            missing: 0,
            awaiting: 0,
            unchanged: 0,
            author: None,
            summary: None,
        })
    }

    /// Takes its end in, if this is that.
    fn end(&mut self, record: &AuditRecord) {
        if let AuditEvent::Completed { revision } = &record.entry.what {
            return self.complete(revision);
        }
        let AuditEvent::SyncEnded {
            plan, applied, failed, unchanged, result, not_ready, missing, left, ..
        } = &record.entry.what
        else {
            return;
        };
        if self.plan_id != *plan || self.ended_at.is_some() {
            return;
        }
        self.ended_at = Some(record.entry.time);
        (self.applied, self.failed, self.unchanged) = (*applied, *failed, *unchanged);
        (self.not_ready, self.missing) = (*not_ready, *missing);
        self.awaiting = left.iter().filter(|left| left.state == LeftState::Awaits).count();
        self.result = match result {
            Some(SyncResult::Succeeded) => Outcome::Succeeded,
            Some(SyncResult::NotReady) => Outcome::NotReady,
            Some(SyncResult::Failed) => Outcome::Failed,
            Some(SyncResult::Stopped) => Outcome::Stopped,
            // An entry of an older version has only the numbers.
            None if *failed == 0 => Outcome::Succeeded,
            None if *applied == 0 => Outcome::Failed,
            _ => Outcome::Partial,
        };
    }

    /// What it left is as declared without another change. What failed did fail.
    fn complete(&mut self, revision: &Revision) {
        if self.revision == *revision && self.result == Outcome::Partial && self.failed == 0 {
            (self.result, self.missing, self.awaiting) = (Outcome::Succeeded, 0, 0);
        }
    }

    /// Whether all that it left awaited an output of what it changed: the next plan is its other half.
    fn is_first_half(&self) -> bool {
        self.result == Outcome::Partial
            && self.failed == 0
            && self.awaiting > 0
            && self.awaiting == self.missing
    }

    /// Takes the plan in that went on with what this one left.
    fn go_on(&mut self, next: Self) {
        let (applied, deleted) = (self.applied + next.applied, self.deleted + next.deleted);
        let (started_at, purpose) = (self.started_at, self.purpose);
        let approved_by = self.approved_by.take().or_else(|| next.approved_by.clone());
        *self = Self { started_at, approved_by, purpose, applied, deleted, ..next };
    }

    /// What came of it, in a few words.
    pub fn words(&self) -> String {
        let times = if self.attempts > 1 { format!(" ×{}", self.attempts) } else { String::new() };
        let (applied, not_ready) = (self.made(), self.not_ready);
        let not = (self.failed - self.not_ready.min(self.failed)).max(self.missing);
        match self.result {
            Outcome::Succeeded if self.only_deletes() => format!("deleted: {}", self.deleted),
            Outcome::Succeeded => format!("{} {applied}", self.done()),
            Outcome::NotReady => format!("not ready{times}: {applied} applied, {not_ready} not ready"),
            Outcome::Partial => format!("partly applied{times}: {applied} applied, {not} not"),
            Outcome::Failed => format!("failed{times}: 0 applied, {not} not"),
            Outcome::Stopped => format!("stopped{times}: {applied} applied, {not} not"),
            Outcome::Unfinished => format!("not finished{times}"),
        }
    }

    /// How many changes were made, and how many of them took something away.
    fn made(&self) -> String {
        match self.deleted {
            0 => self.applied.to_string(),
            deleted => format!("{} ({deleted} deleted)", self.applied),
        }
    }

    /// Whether it is a change of what is declared that only took something away.
    fn only_deletes(&self) -> bool {
        self.purpose == Purpose::Change && self.deleted > 0 && self.deleted == self.applied
    }

    fn done(&self) -> &'static str {
        match self.purpose {
            Purpose::Retry => "applied on retry:",
            Purpose::Repair => "drift repaired:",
            Purpose::Rollback => "rolled back:",
            _ => "applied:",
        }
    }

    /// Whether a change was made while it was carried out, and was known to be made by its end.
    fn is_of(&self, change: &Change) -> bool {
        self.ended_at.is_none() && change.of.as_ref().is_some_and(|of| of.number == self.number)
    }

    /// Whether another attempt at the same ended as this one did.
    fn is_repeated_by(&self, next: &Self) -> bool {
        let is_success = self.result == Outcome::Succeeded;
        let is_same = self.revision == next.revision && self.result == next.result && self.by == next.by;
        // A repair that fails is no retry of a revision: it is tried again as a repair.
        let is_retry = next.purpose == Purpose::Retry || next.purpose == self.purpose;
        is_same && !is_success && is_retry
    }

    /// Whether it is of what another one left.
    fn goes_on_with(&self, last: &Self) -> bool {
        let is_of_it = self.revision == last.revision && self.by == last.by;
        is_of_it && self.purpose == Purpose::Retry && self.result != Outcome::Failed
    }

    fn repeated_by(&mut self, next: Self) {
        let (started_at, purpose, attempts) = (self.started_at, self.purpose, self.attempts + next.attempts);
        *self = Self { started_at, purpose, attempts, ..next };
    }
}

/// The last deployments of an audit log, newest first; reads back no further than it must. Attempts in a row that ended alike
/// become one, unless all are asked for.
///
/// # Errors
/// The log can't be read, or its chain is broken.
pub async fn last(cx: &Cx, log: &dyn AuditLog, limit: usize, all: bool) -> Result<Vec<Deployment>> {
    let mut window = 1 << 10;
    loop {
        let records = log.newest(cx, window).await?;
        let mut found = all_of(&records);
        if !all {
            found = folded(found);
        }
        // The oldest may have attempts before the window, and its own end within it.
        if found.len() > limit || records.len() < window {
            let first = records.first().map_or(0, |first| first.number);
            let before = if records.len() < window { 0 } else { begun_before(cx, log, first).await? };
            found.reverse();
            found.truncate(limit);
            found.iter_mut().for_each(|deployment| deployment.number += before);
            return Ok(found);
        }
        window <<= 3;
    }
}

/// How many deployments began before an entry: what the later ones are counted from.
async fn begun_before(cx: &Cx, log: &dyn AuditLog, entry: u64) -> Result<u64> {
    let mut begun = 0;
    log.each(cx, &mut |record| {
        let is_one = matches!(record.entry.what, AuditEvent::SyncStarted { .. });
        begun += u64::from(is_one && record.number < entry);
        Ok(())
    })
    .await?;
    Ok(begun)
}

/// The deployments of records, numbered from the first of them.
fn all_of(records: &[AuditRecord]) -> Vec<Deployment> {
    let (mut found, mut trail): (Vec<Deployment>, Trail) = (Vec::new(), Trail::default());
    for record in records {
        if let (Some(change), Some(last)) = (trail.take(record), found.last_mut()) {
            last.deleted += usize::from(is_deletion(&change) && last.is_of(&change));
        }
        match Deployment::begun(record, trail.begun()) {
            Some(deployment) => found.push(deployment),
            None => found.iter_mut().last().into_iter().for_each(|last| last.end(record)),
        }
    }
    found
}

/// Whether a change took something away, or has begun to.
fn is_deletion(change: &Change) -> bool {
    change.action == Action::Delete && matches!(change.result.as_deref(), Some("done" | "deleting"))
}

/// Attempts in a row that ended alike become one, and so do plans of which each went on with what awaited the one before.
fn folded(all: Vec<Deployment>) -> Vec<Deployment> {
    let mut found: Vec<Deployment> = Vec::new();
    for next in all {
        match found.last_mut() {
            Some(last) if last.is_first_half() && next.goes_on_with(last) => last.go_on(next),
            Some(last) if last.is_repeated_by(&next) => last.repeated_by(next),
            _ => found.push(next),
        }
    }
    found
}

/// One attempt in full.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// The attempt.
    pub deployment: Deployment,
    /// What was sent, in this order, and what came of it.
    pub steps: Vec<Change>,
    /// What was not tried, is blocked or is not ready.
    pub left: Vec<LeftObject>,
    /// The revision of the last attempt before it that was of another one.
    pub previous: Option<Revision>,
}

/// The attempt of a number.
///
/// # Errors
/// `NotFound` if none has it; the log can't be read, or its chain is broken.
pub async fn find(cx: &Cx, log: &dyn AuditLog, number: u64) -> Result<Attempt> {
    let mut search = Search { number, ..Search::default() };
    log.each(cx, &mut |record| {
        search.take(&record);
        Ok(())
    })
    .await?;
    search.found()
}

#[derive(Default)]
struct Search {
    number: u64,
    attempt: Option<Attempt>,
    trail: Trail,
    is_over: bool,
    /// Whether another attempt began since.
    is_past: bool,
    /// The revisions of the attempts so far: the last one, and the last one before it that is another.
    last: Option<Revision>,
    before: Option<Revision>,
    /// How many began so far.
    begun: u64,
}

impl Search {
    fn take(&mut self, record: &AuditRecord) {
        if let Some(deployment) = Deployment::begun(record, self.begun + 1) {
            self.begun += 1;
            self.is_past |= self.attempt.is_some();
            self.is_over |= self.is_past;
            if self.last.as_ref() != Some(&deployment.revision) {
                self.before = self.last.replace(deployment.revision.clone());
            }
            if deployment.number == self.number {
                let previous = self.before.clone();
                self.trail = Trail::after(self.begun - 1);
                self.attempt = Some(Attempt { deployment, steps: Vec::new(), left: Vec::new(), previous });
            }
        }
        let Some(attempt) = &mut self.attempt else { return };
        let is_late = match record.entry.what {
            AuditEvent::Outcome { .. } => false,
            AuditEvent::Completed { .. } => self.is_past,
            _ => self.is_over,
        };
        if is_late {
            return;
        }
        // What was open at its end may have been looked up since.
        let change = self.trail.take(record);
        let is_deletion = |change: &Change| is_deletion(change) && attempt.deployment.is_of(change);
        attempt.deployment.deleted += usize::from(change.as_ref().is_some_and(is_deletion));
        attempt.steps.extend(change);
        match &record.entry.what {
            AuditEvent::SyncEnded { left, .. } => {
                attempt.left.clone_from(left);
                attempt.deployment.end(record);
                self.is_over = true;
            }
            AuditEvent::Completed { .. } => {
                attempt.deployment.end(record);
                attempt.left.retain(|_| attempt.deployment.result != Outcome::Succeeded);
            }
            _ => {}
        }
    }

    fn found(self) -> Result<Attempt> {
        let Some(mut attempt) = self.attempt else {
            let message = format!("no deployment has the number {}", self.number);
            let help = match self.begun {
                0 => "nothing was deployed yet".to_owned(),
                newest => format!("`gitops history` lists them; the last one is {newest}"),
            };
            return Err(Error::new(ErrorKind::NotFound, message).help(help));
        };
        attempt.steps.extend(self.trail.rest());
        attempt.steps.sort_by_key(|step| step.number);
        Ok(attempt)
    }
}

#[cfg(test)]
mod tests;

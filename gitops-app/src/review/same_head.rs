//! What is said on a head that several requests have: a status is of a commit, and what is true of the request into one branch must not
//! stand for that into another.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use gitops_core::{Cx, Error, Result};
use gitops_forge::{ChangeRequest, CommitId, CommitStatus, ForgeExt, RequestQuery, StatusState};

use super::request::Asked;
use crate::config::Config;
use crate::forge::{patiently, tellable};

/// A commit on which something is said, and the branch that this is about.
#[derive(Clone, Copy)]
pub(super) struct Head<'a> {
    pub commit: &'a CommitId,
    pub base: &'a str,
}

impl<'a> Head<'a> {
    /// That of a request.
    pub fn of(request: &'a ChangeRequest) -> Self {
        Self { commit: &request.head.commit, base: &request.base.name }
    }
}

/// Open requests of one head into other branches.
#[derive(Debug, Default)]
pub(super) struct Others(BTreeMap<String, Other>);

#[derive(Debug)]
struct Other {
    number: u64,
    /// Whether an application follows the branch, so that the request is reviewed as this one is.
    is_followed: bool,
}

impl Asked {
    /// The open requests that have this head and go into other branches.
    pub(super) async fn others(&self, cx: &Cx, head: Head<'_>, chosen: &[&Config]) -> Result<Others> {
        let open = patiently(cx, || self.forge.change_requests(cx, &RequestQuery::Open)).await?;
        let is_other =
            |other: &ChangeRequest| other.head.commit == *head.commit && other.base.name != head.base;
        let others = open.into_iter().filter(is_other).map(|other| {
            let (number, base) = (other.number, other.base.name);
            let is_followed = chosen.iter().any(|config| config.source.reference.is_branch(&base));
            (base, Other { number, is_followed })
        });
        Ok(Others(others.collect()))
    }

    /// Sets statuses of the head; gives how many were written.
    pub(super) async fn tell_statuses(
        &self,
        cx: &Cx,
        head: Head<'_>,
        own: &[CommitStatus],
        others: &Others,
    ) -> Result<usize> {
        let mut written = 0;
        // The review of another request may write at the same time: what it said meanwhile is seen by the second look.
        let looks = match (own.is_empty(), others.0.is_empty()) {
            (true, _) => 0,
            (false, true) => 1,
            (false, false) => 2,
        };
        for _ in 0..looks {
            let there = patiently(cx, || self.forge.statuses(cx, head.commit)).await?;
            for status in own.iter().flat_map(|own| self.on_head(own, head, others, &there)) {
                let ensure = || self.forge.ensure_status(cx, head.commit, &status);
                written += usize::from(patiently(cx, ensure).await?);
            }
        }
        Ok(written)
    }

    /// Says on the head that there is no plan, or that nobody can tell what the gates say of it. That it can't be said is less than
    /// what went wrong.
    pub(super) async fn tell_error(
        &self,
        cx: &Cx,
        head: Head<'_>,
        what: &str,
        error: &Error,
        chosen: &[&Config],
    ) {
        let context = format!("{}/{what}", self.context);
        let status = CommitStatus::new(
            context,
            StatusState::Error,
            &tellable(&error.to_string(), chosen.iter().copied()),
        );
        let others = self.others(cx, head, chosen).await.unwrap_or_default();
        if self.tell_statuses(cx, head, std::slice::from_ref(&status), &others).await.is_err() {
            let _ = self.forge.ensure_status(cx, head.commit, &status).await;
        }
    }

    /// The numbers of the others that are to be reviewed before anything of the head can be good.
    pub(super) async fn unreviewed(&self, cx: &Cx, head: Head<'_>, others: &Others) -> Result<Vec<u64>> {
        if others.0.is_empty() {
            return Ok(Vec::new());
        }
        let there = patiently(cx, || self.forge.statuses(cx, head.commit)).await?;
        let policy = format!("{}/policy", self.context);
        let is_missing = |base: &str| self.of_base(&policy, base, &there).is_none();
        let missing = others.0.iter().filter(|(base, other)| other.is_followed && is_missing(base));
        Ok(missing.map(|(_, other)| other.number).collect())
    }

    /// What is written for a status: where others have the head, it stands under a name of its own, and under its name the worst of all.
    fn on_head(
        &self,
        own: &CommitStatus,
        head: Head<'_>,
        others: &Others,
        there: &[CommitStatus],
    ) -> Vec<CommitStatus> {
        // One that was written once is kept current: the other request may be opened again.
        let is_named = !others.0.is_empty() || self.of_base(&own.context, head.base, there).is_some();
        let mut named = own.clone();
        named.context = self.named(&own.context, head.base);
        let mut all: Vec<CommitStatus> = is_named.then_some(named).into_iter().collect();
        if others.0.is_empty() {
            all.push(own.clone());
            return all;
        }
        let said = |base: &str, state, text: &str| (state, format!("into {base}: {text}"));
        let of_others =
            others.0.iter().filter_map(|(base, other)| match self.of_base(&own.context, base, there) {
                Some(found) => Some((base.as_str(), said(base, found.state, &found.description))),
                None if !other.is_followed => None,
                None => {
                    let number = other.number;
                    let why = format!("request {number} into {base} has this head, too: review it once more");
                    Some((base.as_str(), (StatusState::Pending, why)))
                }
            });
        let of_this = (head.base, said(head.base, own.state, &own.description));
        // The same one whoever says it.
        let worst =
            of_others.chain([of_this]).max_by_key(|(base, (state, _))| (rank(*state), Reverse(*base)));
        all.extend(
            worst.map(|(_, (state, text))| CommitStatus::new(own.context.clone(), known(state), &text)),
        );
        all
    }

    fn of_base<'t>(&self, context: &str, base: &str, there: &'t [CommitStatus]) -> Option<&'t CommitStatus> {
        let name = self.named(context, base);
        there.iter().find(|status| status.context == name)
    }

    /// The name of what is said of the request into one branch.
    fn named(&self, context: &str, base: &str) -> String {
        let limit = self.forge.info().context_chars;
        CommitStatus::new(format!("{context} into {base}"), StatusState::Pending, "").fitted(limit).context
    }
}

/// How bad a state is. One that only some forges have is not good.
fn rank(state: StatusState) -> u8 {
    match known(state) {
        StatusState::Success => 0,
        StatusState::Pending => 1,
        StatusState::Failure => 2,
        _ => 3,
    }
}

fn known(state: StatusState) -> StatusState {
    if state == StatusState::Other { StatusState::Pending } else { state }
}

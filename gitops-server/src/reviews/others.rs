//! What somebody asks of another context: several servers, or one with several files, may speak in one request.

use gitops_app::forge::patiently;
use gitops_core::review::{Command, Marker};
use gitops_core::{Cx, Result};
use gitops_forge::{ChangeRequest, Comment, CommentQuery, CommitStatus, ForgeExt, Permission, StatusState};

use super::Shared;
use super::memory::Entry;
use super::names::NOBODY;

/// How many digits tell one effect from another one: a slip in the rest of them is a slip, and no other effect.
const DIGITS: usize = 12;

impl Shared {
    /// Whether a command names an application that is none of ours, in a request in which another context speaks.
    pub(super) async fn is_for_others(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        command: &Command,
    ) -> Result<bool> {
        let named = match command {
            Command::Plan { application } | Command::Apply { application } => application.as_ref(),
            Command::Rollback { application, .. } | Command::Unlock { application } => Some(application),
            _ => None,
        };
        let is_ours = |name: &String| self.chosen.iter().any(|config| config.name == *name);
        match named.is_none_or(is_ours) {
            true => Ok(false),
            false => self.has_others(cx, request).await,
        }
    }

    /// The same of an `/approve` that waited for a review.
    pub(super) async fn is_approval_of_others(&self, cx: &Cx, number: u64, entry: &Entry) -> Result<bool> {
        let words = entry.command.strip_prefix(self.flavour().command_prefix());
        match words.and_then(|words| words.strip_prefix("approve ")) {
            Some(effect) => self.is_effect_of_others(cx, number, effect).await,
            None => Ok(false),
        }
    }

    /// Whether an effect is none that we show or ever showed, in a request in which another context speaks.
    pub(super) async fn is_effect_of_others(&self, cx: &Cx, number: u64, effect: &str) -> Result<bool> {
        let digits = effect.get(..DIGITS).unwrap_or(effect);
        let page = self.memory.page(cx, number).await?;
        if page.has_shown(digits) {
            return Ok(false);
        }
        let marker = self.review_marker()?;
        let ours = patiently(cx, || self.forge.find_comment(cx, number, &marker)).await?;
        if ours.is_some_and(|ours| ours.body.contains(digits)) {
            return Ok(false);
        }
        let request = patiently(cx, || self.forge.change_request(cx, number)).await?;
        self.has_others(cx, &request).await
    }

    /// Whether another context speaks in a request: it says something of its head, or wrote a comment. What somebody wrote who may not
    /// write to the repository is no word of a server.
    pub(super) async fn has_others(&self, cx: &Cx, request: &ChangeRequest) -> Result<bool> {
        // A head that is gone with its branch has none.
        let said = patiently(cx, || self.forge.statuses(cx, &request.head.commit)).await;
        if self.speaks_another(&said.unwrap_or_default()) {
            return Ok(true);
        }
        let (me, query) = (patiently(cx, || self.forge.me(cx)).await?, CommentQuery::default());
        let comments = patiently(cx, || self.forge.comments(cx, request.number, &query)).await?;
        for Comment { author, .. } in comments.iter().filter(|comment| is_of_another(comment, &self.context))
        {
            if author.is(&me)
                || patiently(cx, || self.forge.permission(cx, author)).await? >= Permission::Write
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether one of these statuses is what another context says of a plan and of the gates.
    fn speaks_another(&self, said: &[CommitStatus]) -> bool {
        let is_there = |name: String| said.iter().any(|status| status.context == name);
        let speaks = |status: &CommitStatus| {
            let is_gone = status.state == StatusState::Error && status.description.starts_with(NOBODY);
            let context = status.context.strip_suffix("/plan").filter(|context| *context != self.context);
            !is_gone && context.is_some_and(|context| is_there(format!("{context}/policy")))
        };
        said.iter().any(speaks)
    }

    /// Says nothing of a command that another context answers.
    pub(super) async fn leave_to_others(&self, cx: &Cx, number: u64, entry: &Entry) -> Result<()> {
        self.memory.change(cx, number, |page| page.leave_to_others(&entry.comment, entry.nth)).await
    }
}

/// Whether a comment is the review of another context. One that ended names no effect.
fn is_of_another(comment: &Comment, ours: &str) -> bool {
    let mut lines = comment.body.lines();
    let first = lines.next().and_then(|line| line.trim_end().strip_prefix("<!-- gitops: review/"));
    let context = first.and_then(|rest| rest.strip_suffix(" -->"));
    context.is_some_and(|context| context != ours) && lines.next().and_then(Marker::read).is_some()
}

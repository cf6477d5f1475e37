//! The comments of one request: commands are begun once, answered by an emoji at once, and carried out.

use std::collections::BTreeMap;

use gitops_app::forge::{AsWritten, is_certain, patiently};
use gitops_core::review::{Command, CommandFault};
use gitops_core::{Cx, ErrorKind, Result};
use gitops_forge::{
    ChangeRequest, Comment, CommentQuery, CommentWrite, Permission, Reaction, RequestState, User,
};

use super::Shared;
use super::answers::Answered;
use super::commands::{Done, words};
use super::memory::{COMMAND_AGE, Entry, Page, Stage};
use crate::event::ServerEvent;

/// From where the words of a comment are counted that are almost a command: a former version passed them over, and remembers by their
/// numbers which commands were carried out.
const SLIPS: usize = 100;

/// What people may do, of whom the forge was asked during a look.
pub(super) type Permissions = BTreeMap<String, Permission>;

/// A command in a comment.
pub(super) struct Asked<'a> {
    pub comment: &'a Comment,
    pub nth: usize,
    /// As it was typed.
    pub typed: &'a str,
    pub command: Result<Command, CommandFault>,
}

impl Shared {
    /// Reads the comments of a request, and carries out what is new in them. What the forge does not answer is asked again by
    /// the next poll.
    pub(super) async fn look(&self, cx: &Cx, number: u64) {
        let error = match Box::pin(self.try_look(cx, number)).await {
            Ok(()) => return,
            Err(error) if error.kind() == ErrorKind::Cancelled => return,
            Err(error) => error,
        };
        if let Some(seen) = self.seen().get_mut(&number) {
            seen.is_told = false;
        }
        self.merged().failed(cx.now(), number);
        let (repository, error) = (self.repository.clone(), error.to_string());
        self.tell(&ServerEvent::ReviewFailed { repository, request: number, error });
    }

    async fn try_look(&self, cx: &Cx, number: u64) -> Result<()> {
        let request = patiently(cx, || self.forge.change_request(cx, number)).await?;
        self.note_away(cx, &request).await?;
        if !self.is_ours(&request) {
            return Ok(());
        }
        if request.state == RequestState::Closed {
            return self.end_commands(cx, number).await;
        }
        let page = match request.state {
            RequestState::Open => self.know_head(cx, &request).await?,
            _ => self.memory.page(cx, number).await?,
        };
        let me = patiently(cx, || self.forge.me(cx)).await?;
        let query = CommentQuery::default();
        let comments = patiently(cx, || self.forge.comments(cx, number, &query)).await?;
        self.remove_doubles(cx, number, &me, &comments).await?;
        let shown = self.answered(&me, &comments)?;
        // The process may have been stopped after it answered and before it showed that, or somebody deleted the comment.
        let mut has_answers =
            page.is_unshown || page.answered().any(|entry| !shown.has(&entry.comment, entry.nth));
        let mut known = Permissions::new();
        let (unconfirmed, was_told) = self.confirm(cx, number, &me, &comments, &mut known).await?;
        let asked: Vec<Asked<'_>> = comments.iter().flat_map(|comment| asked_in(cx, &me, comment)).collect();
        has_answers |= self.give_up_gone(cx, number, &page, &asked).await?;
        for asked in asked {
            let id = asked.comment.id.as_str();
            if unconfirmed.contains_key(id) || page.is_of_others(id, asked.nth) {
                continue;
            }
            let is_over = match page.stage(&asked.comment.id, asked.nth) {
                // Without a memory of its own, what the server wrote on the forge tells what was carried out.
                None => shown.has(&asked.comment.id, asked.nth),
                Some(Stage::Answered { .. } | Stage::AwaitsReview) => true,
                Some(Stage::Begun) => false,
            };
            if !is_over {
                has_answers |= self.carry_out(cx, &request, &page, &asked, &mut known).await?;
            }
        }
        match has_answers || was_told {
            true => self.show_answers(cx, number).await,
            false => Ok(()),
        }
    }

    /// Ends what waits in the comments of a request that was closed: nobody waits for it any more.
    async fn end_commands(&self, cx: &Cx, number: u64) -> Result<()> {
        let why = "the server stopped while it carried this out, and the request was closed since";
        let end = |page: &mut Page| {
            page.unconfirmed.clear();
            page.give_up(|_| true, why);
        };
        self.memory.change(cx, number, end).await?;
        match self.memory.page(cx, number).await?.is_unshown {
            true => self.show_answers(cx, number).await,
            false => Ok(()),
        }
    }

    /// Answers commands that a process had begun when it was stopped, and that stand nowhere any more; gives whether there are such.
    async fn give_up_gone(&self, cx: &Cx, number: u64, page: &Page, asked: &[Asked<'_>]) -> Result<bool> {
        let is_gone = |entry: &Entry| {
            !asked.iter().any(|asked| (asked.comment.id.as_str(), asked.nth) == (&*entry.comment, entry.nth))
        };
        if !page.asked.iter().any(|entry| entry.stage == Stage::Begun && is_gone(entry)) {
            return Ok(false);
        }
        let why = "the server stopped while it carried this out, and its comment is gone or too old: see `gitops status`, and \
                   give the command again";
        self.memory.change(cx, number, |page| page.give_up(is_gone, why)).await?;
        Ok(true)
    }

    /// Learns which comments are as they were written. Gives those with an `/approve` that somebody else may have written, with their authors,
    /// and whether they are others than before: nothing in them is carried out until their authors confirm them.
    async fn confirm(
        &self,
        cx: &Cx,
        number: u64,
        me: &User,
        comments: &[Comment],
        known: &mut Permissions,
    ) -> Result<(BTreeMap<String, String>, bool)> {
        if self.forge.info().tells_edits {
            return Ok((BTreeMap::new(), false));
        }
        let approves = |asked: &Asked<'_>| matches!(asked.command, Ok(Command::Approve { .. }));
        let is_approval = |comment: &&Comment| {
            comment.created == comment.updated && asked_in(cx, me, comment).iter().any(approves)
        };
        let page = self.memory.page(cx, number).await?;
        let is_over = |comment: &Comment| page.answered().any(|entry| entry.comment == comment.id.as_str());
        let mut approvals = Vec::new();
        for comment in comments.iter().filter(is_approval).filter(|comment| !is_over(comment)) {
            // Of somebody who may not give it nothing is to be confirmed.
            if self.refusal(cx, comment, known).await?.is_none() {
                approvals.push(comment);
            }
        }
        let mut learnt = AsWritten::default();
        for comment in &approvals {
            if let Some(known) = self.written().of(&comment.id) {
                learnt.join(known);
            }
        }
        learnt.join(page.written.clone());
        let mut unconfirmed = BTreeMap::new();
        for comment in approvals {
            if !is_certain(cx, &*self.forge, number, comment, &learnt).await? {
                unconfirmed.insert(comment.id.to_string(), comment.author.login.to_string());
            }
        }
        let note = |page: &mut Page| {
            page.written.join(learnt.clone());
            let is_news = page.unconfirmed != unconfirmed;
            page.unconfirmed.clone_from(&unconfirmed);
            is_news
        };
        let is_news = self.memory.change(cx, number, note).await?;
        Ok((unconfirmed, is_news))
    }

    /// Leaves the oldest of our comments of each kind. A forge may carry out what it was told by a server that was killed meanwhile,
    /// after the next one had looked and written its own.
    async fn remove_doubles(&self, cx: &Cx, number: u64, me: &User, comments: &[Comment]) -> Result<()> {
        for marker in [self.review_marker()?, self.answers_marker()?] {
            let ours = |comment: &&Comment| comment.author.is(me) && marker.is_on(&comment.body);
            for younger in comments.iter().filter(ours).skip(1) {
                let delete = CommentWrite::Delete { id: younger.id.clone() };
                patiently(cx, || self.forge.write_comment(cx, number, &delete)).await?;
            }
        }
        Ok(())
    }

    /// The same for a request that is over, whose comments nobody looks at any more.
    pub(super) async fn look_at_doubles(&self, cx: &Cx, number: u64) -> Result<()> {
        let me = patiently(cx, || self.forge.me(cx)).await?;
        let query = CommentQuery::default();
        let comments = patiently(cx, || self.forge.comments(cx, number, &query)).await?;
        self.remove_doubles(cx, number, &me, &comments).await
    }

    /// Carries out a command; gives whether it was answered. `page` is from before it was begun.
    async fn carry_out(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        page: &Page,
        asked: &Asked<'_>,
        known: &mut Permissions,
    ) -> Result<bool> {
        let (number, comment) = (request.number, asked.comment);
        let entry = Entry {
            comment: comment.id.to_string(),
            nth: asked.nth,
            at: comment.created,
            by: comment.author.login.to_string(),
            command: words(self.flavour(), asked.typed, &asked.command),
            stage: Stage::Begun,
        };
        let was_begun = page.stage(&entry.comment, entry.nth).is_some();
        let refusal = self.refusal(cx, comment, known).await?;
        if !was_begun && !self.begin(cx, number, &entry, refusal.is_none()).await? {
            // Another process began it just now, or it is one of too many.
            return Ok(false);
        }
        self.react(cx, number, &comment.id, Reaction::Eyes).await;
        let done = match refusal {
            Some(why) => Done::No(why),
            None => match &asked.command {
                Err(fault) => Done::No(format!("{fault}. {}", self.help())),
                Ok(Command::Rollback { .. }) if was_begun => {
                    let why = "the server stopped while it carried this out: see `gitops status`, and give the command again";
                    Done::No(why.to_owned())
                }
                Ok(command) => match Box::pin(self.perform(cx, request, page, comment, command)).await {
                    Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
                    Err(error) => Done::No(error.with_help()),
                    Ok(done) => done,
                },
            },
        };
        let name = asked.command.as_ref().map_or("unknown", super::commands::name);
        let (result, answer) = match done {
            Done::ByOthers => return self.leave_to_others(cx, number, &entry).await.map(|()| false),
            Done::AfterReview => ("begun", None),
            Done::Yes(text) => ("done", Some((true, text))),
            Done::No(text) => ("refused", Some((false, text))),
        };
        self.metrics.command(name, result);
        let Some((is_done, text)) = answer else {
            let wait = |page: &mut Page| {
                if let Some(entry) = page.entry(&entry.comment, entry.nth) {
                    entry.stage = Stage::AwaitsReview;
                }
            };
            self.memory.change(cx, number, wait).await?;
            self.review_all(&[number]);
            return Ok(false);
        };
        self.settle(cx, number, &entry, is_done, text).await?;
        Ok(true)
    }

    /// Records that a command is carried out from now on; gives whether nobody did that before. Of those who may not give any a few are
    /// answered: whoever may comment must not have the server remember without an end, and forget others for it.
    async fn begin(&self, cx: &Cx, number: u64, entry: &Entry, is_allowed: bool) -> Result<bool> {
        let begin = |page: &mut Page| {
            let is_new = page.stage(&entry.comment, entry.nth).is_none();
            let is_begun = is_new && (is_allowed || page.has_room_for_refusals());
            match (is_new, is_begun) {
                (_, true) => page.asked.push(entry.clone()),
                (true, false) if entry.is_approval() => page.refuse_besides(&entry.comment),
                _ => {}
            }
            is_begun
        };
        self.memory.change(cx, number, begin).await
    }

    /// What of a request's commands the forge shows as answered.
    fn answered(&self, me: &User, comments: &[Comment]) -> Result<Answered> {
        let marker = self.answers_marker()?;
        let ours = comments.iter().find(|comment| comment.author.is(me) && marker.is_on(&comment.body));
        Ok(ours.map(|comment| Answered::read(&comment.body)).unwrap_or_default())
    }

    /// Puts an emoji on a comment, where the forge has them. It is a courtesy: one that fails changes nothing.
    pub(super) async fn react(&self, cx: &Cx, number: u64, comment: &str, reaction: Reaction) {
        if let Some(reactions) = self.forge.reactions() {
            let _ = reactions.react(cx, number, comment, reaction).await;
        }
    }

    pub(super) async fn react_to_answer(&self, cx: &Cx, number: u64, entry: &Entry, is_done: bool) {
        let reaction = if is_done { Reaction::ThumbsUp } else { Reaction::ThumbsDown };
        self.react(cx, number, &entry.comment, reaction).await;
    }
}

/// The commands in a comment. Our own comments and those of long ago have none.
fn asked_in<'a>(cx: &Cx, me: &User, comment: &'a Comment) -> Vec<Asked<'a>> {
    if comment.author.is(me) || cx.now().since(comment.created) > COMMAND_AGE {
        return Vec::new();
    }
    let (mut commands, mut slips) = (0.., SLIPS..);
    let commands = Command::read_typed(&comment.body).into_iter().map(|(typed, command)| {
        let is_slip = matches!(command, Err(CommandFault::Unknown { .. })) && !typed.starts_with("/gitops");
        let nth = if is_slip { slips.next() } else { commands.next() };
        Asked { comment, nth: nth.unwrap_or_default(), typed, command }
    });
    commands.collect()
}

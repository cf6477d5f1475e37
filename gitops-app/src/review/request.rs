//! The review of a request on a forge, told there: one comment, and statuses on its head.
// Long because all that can be said of a request before it is reviewed is in one place.

use std::collections::BTreeSet;
use std::sync::Arc;

use gitops_core::review::{Budget, Flavour, Link, Markdown, Outcome, Review};
use gitops_core::{Cx, Digest, Error, ErrorKind, EventSink, Result, Retry, Time, async_trait};
use gitops_forge::{
    ChangeRequest, Comment, CommitId, CommitStatus, Forge, ForgeExt, Marker, RequestState, StatusState,
};

use super::approvals::{Heard, Seal};
use super::judge::Judged;
use super::same_head::Head;
use super::statuses::{plan, policy, refused, windows_change};
use super::{Reviewed, Sides, Warm, approvals, review_with};
use crate::config::{Applications, Config, ForgeKind};
use crate::forge::AsWritten;
use crate::forge::patiently;

/// A request that is to be reviewed, and how that is told.
#[derive(Clone)]
#[must_use]
pub struct Asked {
    pub(super) forge: Arc<dyn Forge>,
    pub(super) kind: ForgeKind,
    pub(super) number: u64,
    pub(super) context: String,
    vouched: Option<bool>,
    vouched_for: Option<CommitId>,
    full_plan: Option<String>,
    shelf: Option<Arc<dyn Shelf>>,
    pub(super) keeps_approvals: bool,
    answers_commands: bool,
    pub(super) warm: Option<Arc<Warm>>,
    /// Comments whose commands count for nothing.
    pub(super) refused: BTreeSet<String>,
    /// Comments that a webhook told of.
    written: AsWritten,
    /// The reviews and comments on which it rests that the request is applied already, if it is.
    ahead: Option<BTreeSet<String>>,
    /// The head that was judged last before the merge, and the applications of which what was said of it counts after the merge.
    pub(super) judged: Option<(String, BTreeSet<String>)>,
    /// Until when what was approved is void.
    void_until: Option<Time>,
}

/// Where documents of reviews are kept for people to read.
#[async_trait]
pub trait Shelf: Send + Sync {
    /// Keeps a document with its digest; gives its address, which is the same for the same digest.
    ///
    /// # Errors
    /// Whatever keeps it from being kept. The comment is not written then.
    ///
    /// # Cancel safety
    /// Dropping the future may leave it kept.
    async fn keep(&self, cx: &Cx, digest: Digest, document: String, review: &Review) -> Result<String>;
}

/// What came of the review of a request.
#[derive(Debug)]
#[non_exhaustive]
pub struct Told {
    /// The request, as it was reviewed.
    pub request: ChangeRequest,
    /// Its sides.
    pub sides: Sides,
    /// The review.
    pub reviewed: Reviewed,
    /// Whether the comment was written or edited.
    pub wrote_comment: bool,
    /// How many statuses were written.
    pub statuses: usize,
    /// The applications of which an approval was stored.
    pub approved: Vec<String>,
    /// The reviews and comments on which these approvals rest, as `comment 12`.
    pub counted: BTreeSet<String>,
    /// Those, and the ones on which what was stored before rests.
    pub rests_on: BTreeSet<String>,
    /// The applications of which what was approved is not stored, since the request changes who decides, each with the files:
    /// after the merge it is asked again.
    pub asks_again: Vec<(String, Vec<String>)>,
    /// The open requests that have the same head, go into other branches, and are to be reviewed before anything of that head is green.
    pub unreviewed: Vec<u64>,
    /// From when on another review says something else although nobody does anything: an approval ends, or a change window begins or ends.
    /// Nothing if that is not within the next days.
    pub due: Option<Time>,
}

impl Asked {
    /// A request on a forge; `context` is what its statuses begin with, and what tells it from other reviews of the request.
    pub fn new(forge: Arc<dyn Forge>, kind: ForgeKind, number: u64, context: impl Into<String>) -> Self {
        Self {
            forge,
            kind,
            number,
            context: context.into(),
            vouched: None,
            vouched_for: None,
            full_plan: None,
            shelf: None,
            keeps_approvals: false,
            answers_commands: false,
            warm: None,
            refused: BTreeSet::new(),
            written: AsWritten::default(),
            ahead: None,
            judged: None,
            void_until: None,
        }
    }

    /// Says whether somebody vouches for it. Without that, whoever may push to the repository does, and a fork's owner
    /// does not.
    pub fn vouched(self, vouched: bool) -> Self {
        Self { vouched: Some(vouched), ..self }
    }

    /// Says that somebody vouches for one head commit, and for no other one that is pushed meanwhile.
    pub fn vouched_for(self, head: CommitId) -> Self {
        Self { vouched_for: Some(head), ..self }
    }

    /// Where the JSON document of the review can be read. A comment links it with its digest.
    pub fn full_plan(self, url: impl Into<String>) -> Self {
        Self { full_plan: Some(url.into()), ..self }
    }

    /// Keeps the document of the review where people can read it, and links it in the comment.
    pub fn kept_on(self, place: Arc<dyn Shelf>) -> Self {
        Self { shelf: Some(place), ..self }
    }

    /// Stores what reviewers approved in the state of each application, by which the same effect is applied after the merge
    /// without another question. Whoever may write that state answers for the forge.
    pub fn keeping_approvals(self) -> Self {
        Self { keeps_approvals: true, ..self }
    }

    /// Lists in the comment the commands that somebody answers.
    pub fn answering_commands(self) -> Self {
        Self { answers_commands: true, ..self }
    }

    /// Goes on from the sessions that earlier reviews left open, and leaves its own open for the next. Their events go to whom the
    /// review that opened them named.
    pub fn warm(self, warm: Arc<Warm>) -> Self {
        Self { warm: Some(warm), ..self }
    }

    /// Without the commands of some comments: their writers were refused when they gave them, and a right that somebody gets later approves
    /// nothing of before.
    pub fn without(self, comments: impl IntoIterator<Item = String>) -> Self {
        Self { refused: comments.into_iter().collect(), ..self }
    }

    /// With comments as webhooks told of them when they were written: where the forge does not tell each edit, these need nobody's
    /// confirmation.
    pub fn written(self, written: AsWritten) -> Self {
        Self { written, ..self }
    }

    /// Says that the request is applied already, and on which reviews and comments that rests: its plan is empty then, and a no of somebody
    /// holds back the merge alone.
    pub fn ahead(self, rests_on: BTreeSet<String>) -> Self {
        Self { ahead: Some(rests_on), ..self }
    }

    /// Says which head was judged last before the merge, and the applications of which nothing in it [asks again](Told::asks_again): what
    /// was approved of them before the merge counts after it too. Without that, only what is said after the merge counts after it.
    pub fn judged(self, head: impl Into<String>, applications: BTreeSet<String>) -> Self {
        Self { judged: Some((head.into(), applications)), ..self }
    }

    /// Says until when what was approved is void: the request was closed or went into another branch, and is back since.
    pub fn void_until(self, time: Time) -> Self {
        Self { void_until: Some(time), ..self }
    }

    pub(super) fn heard(&self) -> Heard<'_> {
        Heard { refused: &self.refused, written: &self.written, void_until: self.void_until }
    }

    /// Reviews the request, and tells it on the forge: at most one write for the comment and one for each of two statuses, and
    /// none where nothing changed. `document` gives the JSON document of a review, to which the comment may link.
    ///
    /// Where a gate or a rule of the configuration wants approvals, those of reviewers count as
    /// `gitops_core::review::approval` says, if the forge tells whose the commits are: without a rule, that of one person who
    /// may write, who is neither the author nor made a commit, and who approved what the comment showed for a minute at
    /// least, or named its effect by `/approve`.
    ///
    /// A request that changes nothing gets no comment, unless one is there that says otherwise.
    ///
    /// # Errors
    /// - `NotFound` if there is no such request.
    /// - `Stale` if the request is not open any more, or was pushed to meanwhile; nothing is written then.
    /// - Those of [`review`](super::review); the status says that there is no plan.
    /// - Those of the forge. What may pass is tried again, not before the forge asks for it; after an error make the same call
    ///   again.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the comment written and the statuses not; make the call again.
    pub async fn review(
        &self,
        cx: &Cx,
        applications: &Applications,
        chosen: &[&Config],
        events: &Arc<dyn EventSink>,
        document: impl Fn(&Sides, &Reviewed) -> String + Send + Sync,
    ) -> Result<Told> {
        let (began, request) = (cx.now(), self.request(cx).await?);
        check_open(&request)?;
        let (sides, head) = (self.sides(&request), Head::of(&request));
        let warm = self.warm.as_deref();
        let found = Box::pin(review_with(cx, applications, chosen, &sides, events, warm)).await;
        let is_pushed_to = |now: &ChangeRequest| now.head.commit != request.head.commit;
        let is_moved = |now: &ChangeRequest| now.base.name != request.base.name;
        // An older run must not write over what a newer one says.
        let now = self.request(cx).await?;
        check_open(&now)?;
        if is_pushed_to(&now) {
            return Err(stale(
                "the request was pushed to while it was reviewed",
                "the next run reviews what it is now",
            ));
        }
        if is_moved(&now) {
            let what = "the request was given another branch while it was reviewed";
            return Err(stale(what, "the next run reviews it for that branch"));
        }
        let mut reviewed = match found {
            Ok(reviewed) => reviewed,
            Err(error) => {
                self.tell_error(cx, head, "plan", &error, chosen).await;
                return Err(error);
            }
        };
        let marker = self.marker()?;
        let ours = patiently(cx, || self.forge.find_comment(cx, self.number, &marker)).await?;
        let judged = Box::pin(self.judge(cx, &request, &mut reviewed, ours.as_ref(), chosen, events)).await;
        let Judged { approved, counted, asks_again, ends } = match judged {
            Ok(judged) => judged,
            Err(error) => {
                if error.retry() == Retry::Never && error.kind() != ErrorKind::Cancelled {
                    // What was green by rules that held before must not stay so.
                    self.tell_error(cx, head, "policy", &error, chosen).await;
                }
                return Err(error);
            }
        };
        let is_told = reviewed.review.outcome() != Outcome::NoChanges || ours.is_some();
        let link = match is_told {
            true => self.link(cx, &reviewed, ours.as_ref(), || document(&sides, &reviewed)).await?,
            false => None,
        };
        let against = match &self.ahead {
            Some(rests_on) => self.withdrawal(cx, &request, rests_on).await?,
            None => None,
        };
        // Whoever is stopped in between leaves nothing green that the comment does not say yet, or says no more.
        let (green, others): (Vec<_>, Vec<_>) = self
            .statuses(&reviewed, against.as_deref())
            .into_iter()
            .partition(|status| status.state == StatusState::Success);
        let beside = self.others(cx, head, chosen).await?;
        let mut statuses = self.tell_statuses(cx, head, &others, &beside).await?;
        let wrote_comment = self.comment(cx, &reviewed, link, ours.as_ref()).await?;
        statuses += self.tell_statuses(cx, head, &green, &beside).await?;
        let unreviewed = self.unreviewed(cx, head, &beside).await?;
        let name = self.name();
        let stored = reviewed.plans.values().filter_map(|planned| planned.approved_in.get(&name));
        let rests_on = stored.flatten().chain(&counted).cloned().collect();
        let due = windows_change(&reviewed, chosen, began).into_iter().chain(ends).min();
        Ok(Told {
            request,
            sides,
            reviewed,
            wrote_comment,
            statuses,
            approved,
            counted,
            rests_on,
            asks_again,
            unreviewed,
            due,
        })
    }

    /// The request as it is now.
    pub(super) async fn request(&self, cx: &Cx) -> Result<ChangeRequest> {
        let error = match patiently(cx, || self.forge.change_request(cx, self.number)).await {
            Err(error) if error.is_not_found() => error,
            found => return found,
        };
        let what = format!("there is no request {} in `{}`", self.number, self.forge.info().repository);
        Err(Error::new(ErrorKind::NotFound, what)
            .with("answer", error)
            .help("see which number it has; a forge says the same of what the token may not see"))
    }

    /// The branch as Git has it now, and the commit that was reviewed.
    fn sides(&self, request: &ChangeRequest) -> Sides {
        let sides = Sides::new(format!("refs/heads/{}", request.base.name), request.head.commit.as_str());
        let is_vouched_for = self.vouched_for.as_ref() == Some(&request.head.commit);
        match self.vouched.unwrap_or(is_vouched_for || !request.is_fork()) {
            true => sides,
            false => sides.untrusted(),
        }
    }

    /// Where the full plan is; nothing where it is nowhere, or where there is no comment that could link it.
    async fn link(
        &self,
        cx: &Cx,
        reviewed: &Reviewed,
        ours: Option<&Comment>,
        document: impl FnOnce() -> String,
    ) -> Result<Option<Link>> {
        if self.full_plan.is_none() && self.shelf.is_none() {
            return Ok(None);
        }
        let (document, seal) = (document(), self.seal(reviewed));
        let digest = Digest::of(document.as_bytes());
        let url = match (&self.full_plan, &self.shelf) {
            (None, Some(place)) => place.keep(cx, digest, document, &reviewed.review).await?,
            // The same document of an earlier run will do: a run without news edits nothing. Not an address that somebody else wrote.
            (url, _) => ours
                .filter(|ours| seal.is_none() || approvals::shown(ours, seal).is_some())
                .and_then(|ours| linked(&ours.body, digest))
                .or(url.as_deref())
                .unwrap_or_default()
                .to_owned(),
        };
        let link = Link::new(url, digest).map_err(|error| Error::new(ErrorKind::Invalid, error.to_string()));
        link.map(Some)
    }

    /// What proves that our comment is as we wrote it.
    pub(super) fn seal(&self, reviewed: &Reviewed) -> Option<Seal> {
        Seal::of(&self.name(), reviewed.plans.values().filter_map(|planned| planned.mark.as_ref()))
    }

    fn marker(&self) -> Result<Marker> {
        Marker::new(format!("review/{}", self.context))
    }

    async fn comment(
        &self,
        cx: &Cx,
        reviewed: &Reviewed,
        link: Option<Link>,
        ours: Option<&Comment>,
    ) -> Result<bool> {
        if reviewed.review.outcome() == Outcome::NoChanges && ours.is_none() {
            return Ok(false);
        }
        let (marker, info) = (self.marker()?, self.forge.info());
        let room = info.comment_bytes - marker.stamp("").len() - approvals::LINE_BYTES;
        let name = format!("{} {} {}", info.kind, info.repository, self.number);
        // Who answers no commands leaves what somebody else says of them, and who links nothing the link to the same: a server and a job
        // would write over each other for ever.
        let lists_commands = self.answers_commands || ours.is_some_and(|ours| lists_commands(&ours.body));
        let render = |link: Option<Link>| {
            let markdown =
                Markdown::new(flavour(self.kind)).within(Budget::new(room, room)).marked(name.clone());
            let markdown = if lists_commands { markdown.with_commands() } else { markdown };
            link.into_iter().fold(markdown, Markdown::linking).render(&reviewed.review).text
        };
        let seal = self.seal(reviewed);
        let before = ours.and_then(|ours| approvals::shown(ours, seal));
        let is_there = |text: &str| {
            let stamped = approvals::without_line(&marker.stamp(text));
            let is_same = ours.is_some_and(|ours| approvals::without_line(&ours.body) == stamped);
            is_same && (before.is_some() || seal.is_none())
        };
        let theirs = ours.filter(|_| link.is_none()).and_then(|ours| link_in(&ours.body));
        let text = render(link);
        if is_there(&text) || theirs.is_some_and(|theirs| is_there(&render(Some(theirs)))) {
            return Ok(false);
        }
        let stamped = marker.stamp(&text);
        let sealed = approvals::seal(&stamped, reviewed.review.effect(), before, seal);
        let text = sealed.strip_prefix(&marker.stamp("")).unwrap_or(&text).to_owned();
        let upsert = || self.forge.upsert_comment(cx, self.number, &marker, &text);
        Ok(patiently(cx, upsert).await?.is_written)
    }

    /// `against` is why what is applied already must not be merged.
    pub(super) fn statuses(&self, reviewed: &Reviewed, against: Option<&str>) -> [CommitStatus; 2] {
        let policy = match (policy(reviewed), against, refused(reviewed)) {
            ((StatusState::Success, _), Some(why), _) => {
                (StatusState::Pending, format!("it is applied, and {why}"))
            }
            ((StatusState::Success, _), None, Some(why)) => (StatusState::Pending, why),
            (policy, ..) => policy,
        };
        let status = |name: &str, (state, text): (StatusState, String)| {
            CommitStatus::new(format!("{}/{name}", self.context), state, &text)
        };
        [status("plan", plan(reviewed)), status("policy", policy)]
    }
}

/// Where a comment of ours links the document of this digest.
fn linked(body: &str, digest: Digest) -> Option<&str> {
    links(body).find(|(_, of)| *of == digest.to_string()).map(|(url, _)| url)
}

/// What a comment of ours links.
fn link_in(body: &str) -> Option<Link> {
    links(body).find_map(|(url, digest)| Link::new(url, digest.parse().ok()?).ok())
}

/// The addresses of full plans in a comment, each with its digest.
fn links(body: &str) -> impl Iterator<Item = (&str, &str)> {
    body.lines().filter_map(|line| {
        let (url, rest) = line.trim_end().strip_prefix("[Full plan](<")?.split_once(">), BLAKE3 ")?;
        Some((url, rest.trim_matches('`')))
    })
}

/// Whether a comment of ours lists commands.
fn lists_commands(body: &str) -> bool {
    body.lines().any(|line| line.trim_end() == "### Commands")
}

fn check_open(request: &ChangeRequest) -> Result<()> {
    match request.state {
        RequestState::Open => Ok(()),
        RequestState::Merged => Err(stale("the request is merged", "`gitops plan` shows what is left of it")),
        RequestState::Closed => Err(stale("the request is closed", "open it again to have it reviewed")),
    }
}

fn stale(message: &str, help: &str) -> Error {
    Error::new(ErrorKind::Stale, message).help(help)
}

fn flavour(kind: ForgeKind) -> Flavour {
    match kind {
        ForgeKind::GitHub => Flavour::GitHub,
        ForgeKind::GitLab => Flavour::GitLab,
        ForgeKind::Gitea => Flavour::Gitea,
    }
}

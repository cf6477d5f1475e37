//! What people said of a request on its forge, as approvals of what the comment showed them.

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::review::approval::{Committer, Opinion, Person, Request, Shown, Vote};
use gitops_core::review::{Command, Marker, Review};
use gitops_core::{Approvals, Cx, Digest, ErrorKind, Hasher, Result, Through, Time};
use gitops_forge::{ChangeRequest, Comment, CommentQuery, Forge, Permission, ReviewState, User};

use crate::forge::patiently;
use crate::forge::{AsWritten, is_certain};

/// The hidden line that says since when a comment shows its effect, or 0 since it was last edited, and proves that we wrote it.
const SINCE: &str = "<!-- gitops-shown since=";

/// The requests of which an approval is stored, each with the reviews and comments that it rests on.
#[derive(Default)]
pub(super) struct Places {
    /// Those under the rules that ask now.
    pub approved_in: BTreeMap<String, BTreeSet<String>>,
    /// Those under other rules of the same gates.
    pub outdated_in: BTreeMap<String, BTreeSet<String>>,
}

impl Places {
    /// `rules` are the gates that ask now, each with the fingerprint of its rule.
    pub fn of(approvals: &Approvals, rules: &[(&str, Digest)]) -> Self {
        let mut places = Self::default();
        for approval in approvals.iter() {
            let Through::Review { review } = &approval.by.through else { continue };
            let (request, named) = review.split_once(": ").unwrap_or((review, ""));
            let is_of_rule = |(gate, rule): &(&str, Digest)| {
                let mut of_gate = approval.lifts.iter().filter(|lift| lift.gate == *gate).peekable();
                of_gate.peek().is_none() || of_gate.any(|lift| lift.rule == *rule)
            };
            let of = match rules.iter().all(is_of_rule) {
                true => &mut places.approved_in,
                false => &mut places.outdated_in,
            };
            of.entry(request.to_owned()).or_default().extend(named.split(", ").map(str::to_owned));
        }
        places
    }
}

/// Marks what was said under other rules than those that ask now, and not again since.
pub(super) fn mark_outdated(
    votes: &mut [Vote],
    outdated: Option<&BTreeSet<String>>,
    approved: Option<&BTreeSet<String>>,
) {
    let has = |places: Option<&BTreeSet<String>>, id: &str| places.is_some_and(|places| places.contains(id));
    for vote in votes {
        vote.under_another_rule = has(outdated, &vote.id) && !has(approved, &vote.id);
    }
}

/// What is known of comments besides.
#[derive(Clone, Copy)]
pub(super) struct Heard<'a> {
    /// Those that count for nothing.
    pub refused: &'a BTreeSet<String>,
    /// Those that a webhook told of.
    pub written: &'a AsWritten,
    /// Until when what was approved is void.
    pub void_until: Option<Time>,
}

impl Heard<'_> {
    /// Whether what was approved at a time is void. Forges tell whole seconds: what was said in that of the return is taken for earlier.
    fn is_void(&self, at: Time) -> bool {
        self.void_until.is_some_and(|until| at <= until)
    }
}

/// What the forge says of a request and of those who judged it; nothing where the forge does not say whose its commits are:
/// somebody could approve an own commit.
pub(super) async fn said(
    cx: &Cx,
    forge: &dyn Forge,
    request: &ChangeRequest,
    review: &Review,
    shown: Option<Shown>,
    heard: Heard<'_>,
) -> Result<Option<Request<'static>>> {
    let Some(commits) = forge.commits() else { return Ok(None) };
    let mut people = People { cx, forge, known: BTreeMap::new() };
    let commits = match patiently(cx, || commits.of_request(cx, request.number)).await {
        // A forge that is too old to say it.
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
        commits => commits?,
    };
    let made = commits.into_iter().flat_map(|commit| commit.people);
    let committers = made
        .map(|person| Committer::new(person.account.map(|account| account.login.to_string()), person.email));
    let author = people.person(&request.author).await?;
    let mut said = Request::new(author, cx.now());
    said.committers = committers.collect();
    let fork = request.head.repository.as_ref().filter(|_| request.is_fork());
    said.fork_owner = fork.map(|fork| fork.owner().to_owned());
    said.votes = people.votes(request, heard).await?;
    if let Some(shown) = shown {
        said.shown = review
            .parts
            .iter()
            .map(|part| {
                // The comment names the effect of all applications together: with it each one's is known.
                let effect = if shown.effect == review.effect() { part.effect } else { shown.effect };
                (part.application.clone(), vec![Shown::new(shown.at, effect)])
            })
            .collect();
    }
    Ok(Some(said))
}

/// When something was said. GitLab does not tell when somebody asked for changes, and shows it for as long as it stands: it is the last
/// word.
fn said_at(submitted: Option<Time>, opinion: Opinion, now: Time) -> Option<Time> {
    submitted.or_else(|| (opinion == Opinion::ChangesRequested).then_some(now))
}

/// The effects that a comment approves.
fn approved(body: &str) -> impl Iterator<Item = String> {
    let commands = Command::read(body).into_iter().flatten();
    commands.filter_map(|command| match command {
        Command::Approve { effect } => Some(effect),
        _ => None,
    })
}

/// The people on a forge, each asked about once.
struct People<'a> {
    cx: &'a Cx,
    forge: &'a dyn Forge,
    known: BTreeMap<User, Person>,
}

impl People<'_> {
    async fn person(&mut self, user: &User) -> Result<Person> {
        if let Some(known) = self.known.get(user) {
            return Ok(known.clone());
        }
        let permission = patiently(self.cx, || self.forge.permission(self.cx, user)).await?;
        let may_write = permission >= Permission::Write;
        let mut person = Person::new(user.login.as_str());
        (person.is_bot, person.may_write) = (user.is_bot, may_write);
        self.known.insert(user.clone(), person.clone());
        Ok(person)
    }

    /// Reviews, and commands in comments that nobody edited since: others may edit what somebody wrote.
    async fn votes(&mut self, request: &ChangeRequest, heard: Heard<'_>) -> Result<Vec<Vote>> {
        let (number, mut votes) = (request.number, Vec::new());
        for review in patiently(self.cx, || self.forge.reviews(self.cx, number)).await? {
            let opinion = match review.state {
                _ if review.is_dismissed => Opinion::Withdrawn,
                ReviewState::Approved => Opinion::Approved,
                ReviewState::ChangesRequested => Opinion::ChangesRequested,
                _ => continue,
            };
            let Some(at) = said_at(review.submitted, opinion, self.cx.now()) else { continue };
            let by = self.person(&review.author).await?;
            let mut vote = Vote::new(by, opinion, at, format!("review {}", review.id));
            vote.of_another_head = review.commit.is_some_and(|commit| commit != request.head.commit);
            vote.is_void = heard.is_void(at);
            votes.push(vote);
        }
        let query = CommentQuery::default();
        for comment in patiently(self.cx, || self.forge.comments(self.cx, number, &query)).await? {
            if comment.created != comment.updated || heard.refused.contains(comment.id.as_str()) {
                continue;
            }
            let effects: Vec<String> = approved(&comment.body).collect();
            if effects.is_empty() {
                continue;
            }
            let by = self.person(&comment.author).await?;
            // What a stranger says counts for nothing, and costs no question more.
            let is_certain =
                !by.may_write || is_certain(self.cx, self.forge, number, &comment, heard.written).await?;
            for effect in effects {
                let by = by.clone();
                let (at, id) = (comment.created, format!("comment {}", comment.id));
                let mut vote = Vote::new(by, Opinion::Approved, at, id).naming(effect);
                vote.may_be_of_another = !is_certain;
                vote.is_void = heard.is_void(at);
                votes.push(vote);
            }
        }
        Ok(votes)
    }
}

/// What proves that a comment is as we wrote it. On some forges whoever may write to the repository may edit the comments of others, and
/// what a comment shows decides what a review approves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal(Digest);

impl Seal {
    /// The one for the comment on a request about some applications, of which each has a mark that nobody knows who can't read its
    /// state; none if no application has a state.
    pub fn of<'m>(request: &str, marks: impl Iterator<Item = &'m Digest>) -> Option<Self> {
        let mut hasher = Hasher::new("gitops seal of comments");
        hasher.field(request);
        let mut has_state = false;
        for mark in marks {
            hasher.field(mark.to_string());
            has_state = true;
        }
        has_state.then(|| Self(hasher.finish()))
    }

    fn on(self, since: i64, text: &str) -> Digest {
        let mut hasher = Hasher::new("gitops sealed comment");
        hasher.field(self.0.to_string()).field(since.to_le_bytes()).field(text);
        hasher.finish()
    }
}

/// What our comment shows, and since when; nothing if it is not as we wrote it.
pub(super) fn shown(ours: &Comment, seal: Option<Seal>) -> Option<Shown> {
    let (since, proof) = ours.body.lines().find_map(sealed)?;
    let effect = Marker::read(ours.body.lines().nth(1)?)?.effect();
    let is_ours = seal?.on(since, &without_line(&ours.body)) == proof;
    let at = if since == 0 { ours.updated } else { Time::from_micros(since) };
    is_ours.then(|| Shown::new(at, effect))
}

/// What the hidden line says.
fn sealed(line: &str) -> Option<(i64, Digest)> {
    let (since, proof) = line.trim_end().strip_prefix(SINCE)?.strip_suffix(" -->")?.split_once(" proof=")?;
    Some((since.parse().ok()?, proof.parse().ok()?))
}

/// A comment that begins with its marker and its effect's, with the line that says since when it shows this effect and that it is ours.
/// `before` is what it showed.
pub(super) fn seal(comment: &str, effect: Digest, before: Option<Shown>, seal: Option<Seal>) -> String {
    let parts = comment.split_once('\n').and_then(|(first, rest)| Some((first, rest.split_once('\n')?)));
    let (Some((first, (second, rest))), Some(seal)) = (parts, seal) else { return comment.to_owned() };
    let since = before.filter(|before| before.effect == effect).map_or(0, |before| before.at.as_micros());
    let proof = seal.on(since, &without_line(comment));
    format!("{first}\n{second}\n{SINCE}{since} proof={proof} -->\n{rest}")
}

/// A text without that line.
pub(super) fn without_line(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.starts_with(SINCE));
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// How many bytes the line has at most.
pub(super) const LINE_BYTES: usize = SINCE.len() + 32 + 64 + 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(body: String, updated: i64) -> Comment {
        let at = Time::from_micros(updated);
        Comment::new("1", User::new("1", "gitops"), body, at)
    }

    fn sealed_by(mark: &[u8]) -> Option<Seal> {
        Seal::of("gitea platform/site#7", [Digest::of(mark)].iter())
    }

    fn text(effect: Digest, more: &str) -> String {
        format!("<!-- ours -->\n{}\nText\n{more}", Marker::new("a", effect))
    }

    /// A no without a time was passed over, and the approval of somebody else counted beside it.
    #[test]
    fn a_no_whose_time_the_forge_does_not_tell_is_the_last_word() {
        let (then, now) = (Time::from_micros(7), Time::from_micros(9));
        for (submitted, opinion, at) in [
            (None, Opinion::ChangesRequested, Some(now)),
            (Some(then), Opinion::ChangesRequested, Some(then)),
            (Some(then), Opinion::Approved, Some(then)),
            (None, Opinion::Approved, None),
            (None, Opinion::Withdrawn, None),
        ] {
            assert_eq!(said_at(submitted, opinion, now), at, "{opinion:?}");
        }
    }

    #[test]
    fn an_edit_that_shows_the_same_effect_does_not_begin_anew() {
        let (effect, ours) = (Digest::of(b"effect"), sealed_by(b"mark"));
        let first = comment(seal(&text(effect, ""), effect, None, ours), 7);
        let since = Some(Shown::new(Time::from_micros(7), effect));
        assert_eq!(shown(&first, ours), since);
        let edited = seal(&text(effect, "approved"), effect, shown(&first, ours), ours);
        let second = comment(edited.clone(), 90);
        assert_eq!(shown(&second, ours), since);
        // As a forge may give it back.
        let third = comment(edited.replace('\n', "\r\n"), 99);
        assert_eq!(shown(&third, ours), since);
        assert_eq!(without_line(&edited), without_line(&text(effect, "approved")));
        let other = Digest::of(b"other");
        let other = comment(seal(&text(other, ""), other, shown(&second, ours), ours), 120);
        assert_eq!(shown(&other, ours).map(|shown| shown.at), Some(Time::from_micros(120)));
    }

    /// Whoever may write may edit our comment: what it says then shows nothing.
    #[test]
    fn what_somebody_else_wrote_into_it_shows_nothing() {
        let (effect, ours) = (Digest::of(b"effect"), sealed_by(b"mark"));
        let body = seal(&text(effect, "more"), effect, None, ours);
        let proof = body.lines().nth(2).unwrap().to_owned();
        let edits = [
            body.replace("since=0", "since=1000000"),
            body.replace("since=0", "since=-1"),
            body.replace("more", "nothing"),
            body.replace(&effect.to_string(), &Digest::of(b"evil").to_string()),
            body.replace(&format!("{proof}\n"), ""),
            body.replace(&proof, "<!-- gitops-shown since=1000000 -->"),
            format!("{proof}\n{}", text(Digest::of(b"evil"), "more")),
        ];
        assert!(shown(&comment(body.clone(), 7), ours).is_some());
        for edit in edits {
            assert_eq!(shown(&comment(edit.clone(), 7), ours), None, "{edit}");
        }
        for other in
            [sealed_by(b"another"), Seal::of("gitea platform/site#8", [Digest::of(b"mark")].iter()), None]
        {
            assert_eq!(shown(&comment(body.clone(), 7), other), None);
        }
    }
}

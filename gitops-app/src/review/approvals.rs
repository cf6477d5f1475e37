//! What people said of a request on its forge, as approvals of what the comment showed them.

use std::collections::{BTreeMap, BTreeSet};

use gitops_core::review::approval::{Committer, Opinion, Person, Request, Shown, Vote};
use gitops_core::review::{Command, Marker, Review};
use gitops_core::{Approvals, Cx, Digest, ErrorKind, Result, Through, Time};
use gitops_forge::{ChangeRequest, Comment, CommentQuery, Forge, Permission, ReviewState, User};

use super::request::patiently;

/// The hidden line that says since when a comment shows its effect, where that is longer than it was last edited.
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

/// What the forge says of a request and of those who judged it; nothing where the forge does not say whose its commits are:
/// somebody could approve an own commit.
pub(super) async fn said(
    cx: &Cx,
    forge: &dyn Forge,
    request: &ChangeRequest,
    review: &Review,
    ours: Option<&Comment>,
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
    said.votes = people.votes(request.number).await?;
    if let Some(shown) = ours.and_then(shown) {
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
    async fn votes(&mut self, number: u64) -> Result<Vec<Vote>> {
        let mut votes = Vec::new();
        for review in patiently(self.cx, || self.forge.reviews(self.cx, number)).await? {
            let opinion = match review.state {
                _ if review.is_dismissed => Opinion::Withdrawn,
                ReviewState::Approved => Opinion::Approved,
                ReviewState::ChangesRequested => Opinion::ChangesRequested,
                _ => continue,
            };
            let Some(at) = review.submitted else { continue };
            let by = self.person(&review.author).await?;
            votes.push(Vote::new(by, opinion, at, format!("review {}", review.id)));
        }
        let query = CommentQuery::default();
        for comment in patiently(self.cx, || self.forge.comments(self.cx, number, &query)).await? {
            if comment.created != comment.updated {
                continue;
            }
            for command in Command::read(&comment.body).into_iter().flatten() {
                let Command::Approve { effect } = command else { continue };
                let by = self.person(&comment.author).await?;
                let (at, id) = (comment.created, format!("comment {}", comment.id));
                votes.push(Vote::new(by, Opinion::Approved, at, id).naming(effect));
            }
        }
        Ok(votes)
    }
}

/// What our comment shows, and since when.
pub(super) fn shown(ours: &Comment) -> Option<Shown> {
    let mut lines = ours.body.lines().skip(1);
    let effect = Marker::read(lines.next()?)?.effect();
    let since = lines.next().and_then(since);
    Some(Shown::new(since.unwrap_or(ours.updated), effect))
}

fn since(line: &str) -> Option<Time> {
    let text = line.trim_end().strip_prefix(SINCE)?.strip_suffix(" -->")?;
    text.parse::<i64>().ok().map(Time::from_micros)
}

/// A text that begins with its effect's marker, with since when a comment shows this effect.
pub(super) fn since_when(text: &str, effect: Digest, before: Option<Shown>) -> String {
    match (before.filter(|before| before.effect == effect), text.split_once('\n')) {
        (Some(before), Some((marker, rest))) => {
            format!("{marker}\n{SINCE}{} -->\n{rest}", before.at.as_micros())
        }
        _ => text.to_owned(),
    }
}

/// A text without that line.
pub(super) fn without_since(text: &str) -> String {
    let lines = text.lines().filter(|line| since(line).is_none());
    lines.map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

/// How many bytes the line has at most.
pub(super) const SINCE_BYTES: usize = SINCE.len() + 26;

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(body: String, updated: i64) -> Comment {
        let at = Time::from_micros(updated);
        Comment::new("1", User::new("1", "gitops"), body, at)
    }

    #[test]
    fn an_edit_that_shows_the_same_effect_does_not_begin_anew() {
        let effect = Digest::of(b"effect");
        let text = |more: &str| format!("{}\nText\n{more}", Marker::new("a", effect));
        let first = comment(format!("<!-- ours -->\n{}", text("")), 7);
        let edited = since_when(&text("approved"), effect, shown(&first));
        let second = comment(format!("<!-- ours -->\n{edited}"), 90);
        assert_eq!(shown(&second), Some(Shown::new(Time::from_micros(7), effect)));
        let third = since_when(&text("more"), effect, shown(&second));
        let third = comment(format!("<!-- ours -->\r\n{third}"), 99);
        assert_eq!(shown(&third).map(|shown| shown.at), Some(Time::from_micros(7)));
        assert_eq!(without_since(&edited), without_since(&text("approved")));
        let other = since_when(&text(""), Digest::of(b"other"), shown(&second));
        assert_eq!(other, text(""));
    }
}

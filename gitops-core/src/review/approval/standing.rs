// Long because whether a vote counts is read from top to bottom in one place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Serialize;

use super::person::same;
use super::unapplied;
use super::{
    ApprovalRule, ApprovalRules, Committer, Discounted, From, Opinion, Person, Shown, Unapplied, Vote,
};
use crate::cx::Time;
use crate::gate::Verdict;
use crate::review::Part;
use crate::review::owners::{CodeOwners, Owner, Requirement};
use crate::value::Digest;

/// What a forge says about a request and the people who judged it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request<'a> {
    /// Who opened it.
    pub author: Person,
    /// Who made its commits.
    pub committers: Vec<Committer>,
    /// Who ordered it of the account that opened it: a rollback is theirs as a change is its author's.
    pub orderers: Vec<String>,
    /// Who owns the fork that it comes from: whoever owns a repository can push to its branches.
    pub fork_owner: Option<String>,
    /// What people said, in any order.
    pub votes: Vec<Vote>,
    /// What the comment showed of each application, in any order.
    pub shown: BTreeMap<String, Vec<Shown>>,
    /// The members of the teams that rules and owners name, by `organisation/team`.
    pub teams: BTreeMap<String, Vec<String>>,
    /// The files that change, from the root of the repository: all of them, of a renamed file both names. A file that is left
    /// out asks none of its owners.
    pub changed: Vec<String>,
    /// What the target branch has and is not applied yet: an approval covers it too, so none of it may be its approver's own.
    pub unapplied: Vec<Unapplied>,
    /// The files that this changes: their owners are asked, too.
    pub unapplied_files: Vec<String>,
    /// The owners of files, read from the **base** branch.
    pub owners: Option<&'a CodeOwners>,
    /// Now.
    pub now: Time,
}

impl Request<'_> {
    /// A request without votes.
    pub fn new(author: Person, now: Time) -> Self {
        Self {
            author,
            committers: Vec::new(),
            orderers: Vec::new(),
            fork_owner: None,
            votes: Vec::new(),
            shown: BTreeMap::new(),
            teams: BTreeMap::new(),
            changed: Vec::new(),
            unapplied: Vec::new(),
            unapplied_files: Vec::new(),
            owners: None,
            now,
        }
    }

    /// Why the person has no say in this request, whatever was said.
    fn excludes(&self, person: &Person) -> Option<Discounted> {
        if person.is_bot {
            return Some(Discounted::Bot);
        }
        if person.is_same(&self.author) {
            return Some(Discounted::Author);
        }
        if self.committers.iter().any(|committer| committer.is(person)) {
            return Some(Discounted::Committer);
        }
        if self.orderers.iter().any(|login| same(login, &person.login)) {
            return Some(Discounted::Orderer);
        }
        let is_fork_owner = self.fork_owner.as_ref().is_some_and(|owner| same(owner, &person.login));
        is_fork_owner.then_some(Discounted::ForkOwner)
    }

    /// Why what was approved before does not stand any more; nothing if it does. `places` are the reviews and comments that it rests on, by
    /// [their names](Vote::id). Of what effect they were is not asked: that was judged when they were taken for approvals.
    ///
    /// Each must still be there, of somebody who may write and has a say, who did not take it back or ask for changes since; and nobody who
    /// has a say and `could_approve` may ask for changes.
    pub fn withdrawal<'p>(
        &self,
        places: impl IntoIterator<Item = &'p str>,
        could_approve: impl Fn(&Person) -> bool,
    ) -> Option<String> {
        let places: Vec<&str> = places.into_iter().collect();
        let has_say = |person: &Person| person.may_write && self.excludes(person).is_none();
        // What somebody else may have written takes nothing back. What it rests on was of its author when it was taken for an approval.
        let is_certain = |vote: &&Vote| !vote.may_be_of_another || places.contains(&vote.id.as_str());
        let of = |person: &Person| {
            let login = person.login.clone();
            self.votes.iter().filter(is_certain).filter(move |vote| same(&vote.by.login, &login))
        };
        let is_last = |vote: &&Vote| !of(&vote.by).any(|other| other.order() > vote.order());
        let asks = |vote: &&Vote| {
            vote.opinion == Opinion::ChangesRequested && has_say(&vote.by) && could_approve(&vote.by)
        };
        if let Some(no) = self.votes.iter().filter(asks).find(is_last) {
            return Some(format!("{} asks for changes ({})", no.by.login, no.id));
        }
        places.iter().copied().find_map(|place| {
            let Some(vote) = self.votes.iter().find(|vote| vote.id == place) else {
                return Some(format!("{place}, which approved it, is not there any more"));
            };
            let login = &vote.by.login;
            if vote.is_void {
                let gone = "the request was closed or given another branch since";
                return Some(format!("{gone} {login} approved it ({place})"));
            }
            let is_revoked =
                |other: &Vote| other.opinion != Opinion::Approved && other.order() > vote.order();
            // A forge may show what somebody said before the last word as taken back. Who approves the head as a whole after that approves
            // this again; a comment that names something else does not.
            let is_again = || {
                let last = of(&vote.by).max_by(|a, b| a.order().cmp(&b.order()));
                last.is_some_and(|last| {
                    last.opinion == Opinion::Approved && last.effect.is_none() && !last.of_another_head
                })
            };
            if (vote.opinion != Opinion::Approved || of(&vote.by).any(is_revoked)) && !is_again() {
                return Some(format!("{login} took back the approval ({place})"));
            }
            (!has_say(&vote.by))
                .then(|| format!("{login}, who approved it ({place}), may not do so any more"))
        })
    }

    /// All files of which an approval approves changes.
    fn files(&self) -> Vec<String> {
        let all: BTreeSet<&String> = self.changed.iter().chain(&self.unapplied_files).collect();
        all.into_iter().cloned().collect()
    }

    fn is_in_team(&self, team: &str, login: &str) -> bool {
        let members = self.teams.iter().filter(|(name, _)| same(name, team)).flat_map(|(_, members)| members);
        members.into_iter().any(|member| same(member, login))
    }
}

/// How far the approvals of an application are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Standing {
    /// Each rule that applies.
    pub rules: Vec<RuleStanding>,
    /// Votes that do not count, and why.
    pub discounted: Vec<DiscountedVote>,
    /// Changed files that decide what is applied and who approves: an approval is asked for again after the merge.
    pub asks_again_for: Vec<String>,
}

/// A vote that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DiscountedVote {
    /// Whose.
    pub by: String,
    /// The name of the review or the comment.
    pub id: String,
    /// Why.
    pub why: Discounted,
}

impl DiscountedVote {
    fn of(vote: &Vote, why: Discounted) -> Self {
        Self { by: vote.by.login.clone(), id: vote.id.clone(), why }
    }
}

/// How far one rule is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RuleStanding {
    /// The rule, and the group of owners.
    pub name: String,
    /// How many approvals it needs.
    pub needed: usize,
    /// Who approved.
    pub approved_by: Vec<String>,
    /// Who could approve, as far as names are known. Empty for anybody who may write, if nobody is [excluded](Self::excluded).
    pub candidates: Vec<String>,
    /// Whom the rule names, and who has no say in this request: its author, say.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded: Vec<String>,
    /// Who asked for changes and could have approved.
    pub changes_requested_by: Vec<String>,
    /// Whose approval expired.
    pub expired: Vec<String>,
    /// The address of a committer whose account nobody knows; while there is one, no approval counts.
    pub unknown_committer: Option<String>,
    /// Why nobody can tell who made what else is covered; while there is a reason, no approval counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
}

impl RuleStanding {
    /// Whether enough people approved and none of them asks for changes.
    pub fn is_met(&self) -> bool {
        self.approved_by.len() >= self.needed
            && self.changes_requested_by.is_empty()
            && self.unknown_committer.is_none()
            && self.untold.is_none()
    }
}

impl fmt::Display for RuleStanding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {} approvals", self.name, self.approved_by.len(), self.needed)?;
        let mut list = |what: &str, names: &[String]| match names.is_empty() {
            true => Ok(()),
            false => write!(f, "; {what} {}", names.join(", ")),
        };
        list("approved by", &self.approved_by)?;
        list("changes requested by", &self.changes_requested_by)?;
        list("expired:", &self.expired)?;
        if !self.is_met() {
            list("can be approved by", &self.candidates)?;
        }
        if !self.is_met() && self.candidates.is_empty() && !self.excluded.is_empty() {
            let excluded = self.excluded.join(", ");
            write!(f, "; {excluded} may not approve this request, and nobody else is named")?;
        }
        if let Some(why) = &self.untold {
            write!(f, "; none counts, since {why}")?;
        }
        let Some(email) = &self.unknown_committer else { return Ok(()) };
        write!(
            f,
            "; none counts, since no account is known for the committer {email}: add that address to the account"
        )
    }
}

impl Standing {
    /// Whether any rule asks for an approval.
    pub fn asks(&self) -> bool {
        !self.rules.is_empty()
    }

    /// Whether every rule is met.
    pub fn is_met(&self) -> bool {
        self.rules.iter().all(RuleStanding::is_met)
    }

    /// What it comes to, as a gate's verdict.
    pub fn verdict(&self) -> Verdict {
        let open = self.rules.iter().filter(|rule| !rule.is_met());
        open.fold(Verdict::Allow, |verdict, rule| {
            verdict.and(Verdict::needs_approval("approvals", rule.to_string()))
        })
    }
}

impl ApprovalRules {
    /// How far the approvals of an application are; `all` is the effect of the whole review, which an `/approve` may name
    /// too.
    ///
    /// - The latest word of a person counts: changes requested after an approval are a no.
    /// - The author, who made a commit, who owns the fork, and bots do not count.
    /// - A review approves the effect that the comment showed when it was submitted; not if that had changed in the minute
    ///   before. An `/approve` approves the effect that it names.
    /// - Where it covers what the target branch has and is not applied yet, each rule must be met once more for each such change by
    ///   people who did not make that either: nobody approves an own change through the request of somebody else.
    pub fn judge(&self, part: &Part, all: &Digest, request: &Request<'_>) -> Standing {
        let standing = self.judge_own(part, all, request);
        unapplied::joined(standing, request, |of_other| self.judge_own(part, all, of_other))
    }

    /// The same without what else an approval covers.
    fn judge_own(&self, part: &Part, all: &Digest, request: &Request<'_>) -> Standing {
        let mut discounted = Vec::new();
        let votes = counted(part, all, request, &mut discounted);
        let applying: Vec<&ApprovalRule> = self.rules.iter().filter(|rule| rule.applies_to(part)).collect();
        let default = ApprovalRule::new("gates", 1);
        let asks_nobody = applying.iter().all(|rule| rule.needed == 0);
        let needs_one = asks_nobody && matches!(part.verdict, Verdict::NeedsApproval { .. });
        let applying = applying.into_iter().chain(needs_one.then_some(&default));
        let unknown = match self.trusts_unknown_committers {
            true => None,
            false => request.committers.iter().find(|committer| is_unknown(committer, request)),
        };
        let rules = applying.flat_map(|rule| of_rule(rule, request, &votes)).map(|standing| RuleStanding {
            unknown_committer: unknown.map(|committer| committer.email.clone()),
            ..standing
        });
        let is_sensitive = |path: &&String| self.sensitive.is_match(path.as_str());
        Standing {
            rules: rules.collect(),
            discounted,
            asks_again_for: request.changed.iter().filter(is_sensitive).cloned().collect(),
        }
    }
}

impl ApprovalRules {
    /// Whether somebody could approve an application by one of the rules that apply to it. Whose files changed is not asked: an owner
    /// may be whoever may write.
    pub fn could_approve(&self, part: &Part, request: &Request<'_>, person: &Person) -> bool {
        let mut applying =
            self.rules.iter().filter(|rule| rule.needed > 0 && rule.applies_to(part)).peekable();
        if applying.peek().is_none() {
            return person.may_write;
        }
        let is_among = |rule: &ApprovalRule| match &rule.from {
            From::People { logins, teams } => is_named(logins, teams, request, person),
            From::Writers | From::CodeOwners => true,
        };
        person.may_write && applying.any(is_among)
    }
}

/// Whether nobody knows the account of a committer: neither by name, nor as the author.
fn is_unknown(committer: &Committer, request: &Request<'_>) -> bool {
    committer.login.is_none() && !request.author.has_email(&committer.email)
}

/// The latest vote of each person that counts for the effect of an application.
fn counted<'v>(
    part: &Part,
    all: &Digest,
    request: &'v Request<'_>,
    discounted: &mut Vec<DiscountedVote>,
) -> Vec<&'v Vote> {
    let shown = request.shown.get(&part.application).map_or(&[][..], Vec::as_slice);
    let mut latest: BTreeMap<String, &Vote> = BTreeMap::new();
    let mut votes: Vec<&Vote> = request.votes.iter().collect();
    // Reviews come after comments of the same second: only they say no.
    votes.sort_by(|a, b| a.order().cmp(&b.order()));
    for vote in votes {
        let covers = vote.covers(&part.effect, all, shown);
        // An `/approve` of another application's effect says nothing about this one, and one that may be of somebody else takes nothing
        // back that the person said.
        let is_nothing = matches!(covers, Err(Discounted::NamesOtherEffect | Discounted::NotConfirmed));
        if let (Err(why), true) =
            (covers, is_nothing && vote.opinion == Opinion::Approved && vote.effect.is_some())
        {
            discounted.push(DiscountedVote::of(vote, why));
        } else {
            let by = vote.by.login.to_lowercase();
            // Of two approvals of one second, one that does not count takes nothing from the one that does.
            let counts = |before: &&Vote| {
                before.at == vote.at
                    && before.opinion == Opinion::Approved
                    && before.covers(&part.effect, all, shown).is_ok()
            };
            if let (Err(why), Opinion::Approved, true) =
                (covers, vote.opinion, latest.get(&by).is_some_and(counts))
            {
                discounted.push(DiscountedVote::of(vote, why));
                continue;
            }
            let before = latest.insert(by, vote);
            let is_overruled = |before: &&Vote| {
                before.at == vote.at
                    && before.opinion == Opinion::Approved
                    && vote.opinion != Opinion::Approved
                    && before.order().1 != vote.order().1
            };
            let overruled = before.filter(is_overruled);
            discounted.extend(overruled.map(|before| DiscountedVote::of(before, Discounted::SameTime)));
        }
    }
    let mut counted = Vec::new();
    for vote in latest.into_values() {
        match discount(vote, part, all, request, shown) {
            Some(why) if vote.opinion == Opinion::Approved => {
                discounted.push(DiscountedVote::of(vote, why));
            }
            Some(_) => {}
            None => counted.push(vote),
        }
    }
    counted
}

/// Why a vote does not count. That of somebody who may not approve never does; an approval must be of the effect.
fn discount(
    vote: &Vote,
    part: &Part,
    all: &Digest,
    request: &Request<'_>,
    shown: &[Shown],
) -> Option<Discounted> {
    request.excludes(&vote.by).or_else(|| match vote.opinion {
        Opinion::Approved => vote.covers(&part.effect, all, shown).err(),
        Opinion::ChangesRequested | Opinion::Withdrawn => None,
    })
}

/// How far a rule is: one standing, or one for each group of owners.
fn of_rule(rule: &ApprovalRule, request: &Request<'_>, votes: &[&Vote]) -> Vec<RuleStanding> {
    let one = |named: Named, may: &dyn Fn(&Person) -> bool| {
        vec![standing(&rule.name, rule.needed, named, rule, request, votes, may)]
    };
    match &rule.from {
        From::Writers => one(Named::default(), &|person| person.may_write),
        From::People { logins, teams } => {
            let people = logins.iter().map(|login| (login.clone(), Some(Person::new(login))));
            let named = Named::of(request, people.chain(teams.iter().map(|team| (team.clone(), None))));
            one(named, &|person| person.may_write && is_named(logins, teams, request, person))
        }
        From::CodeOwners => match request.owners.map(|owners| owners.requirements(&request.files())) {
            Some(groups) if !groups.is_empty() => {
                groups.iter().map(|group| of_group(rule, group, request, votes)).collect()
            }
            _ => one(Named::default(), &|person| person.may_write),
        },
    }
}

/// Whom a rule names: those who could approve a request, and those who have no say in it.
#[derive(Default)]
struct Named {
    candidates: Vec<String>,
    excluded: Vec<String>,
}

impl Named {
    /// Each as it is written, with the person if it is one and no team.
    fn of(request: &Request<'_>, named: impl Iterator<Item = (String, Option<Person>)>) -> Self {
        let has_no_say =
            |person: &Option<Person>| person.as_ref().is_some_and(|one| request.excludes(one).is_some());
        let (excluded, candidates): (Vec<_>, Vec<_>) = named.partition(|(_, person)| has_no_say(person));
        let written =
            |those: Vec<(String, Option<Person>)>| those.into_iter().map(|(name, _)| name).collect();
        Self { candidates: written(candidates), excluded: written(excluded) }
    }
}

fn is_named(logins: &[String], teams: &[String], request: &Request<'_>, person: &Person) -> bool {
    logins.iter().any(|login| same(login, &person.login))
        || teams.iter().any(|team| request.is_in_team(team, &person.login))
}

fn of_group(
    rule: &ApprovalRule,
    group: &Requirement,
    request: &Request<'_>,
    votes: &[&Vote],
) -> RuleStanding {
    let owns = |person: &Person| {
        let is = |owner: &Owner| match owner {
            Owner::Email(email) => person.has_email(email),
            Owner::Name(name) => same(name, &person.login) || request.is_in_team(name, &person.login),
        };
        person.may_write && group.owners.iter().any(is)
    };
    let person = |owner: &Owner| match owner {
        Owner::Email(email) => {
            let mut person = Person::default();
            person.emails.push(email.clone());
            person
        }
        Owner::Name(name) => Person::new(name),
    };
    let owners = group.owners.iter().map(|owner| (owner.to_string(), Some(person(owner))));
    let name = format!("{} ({})", rule.name, group.name);
    let needed = rule.needed.max(group.needed);
    standing(&name, needed, Named::of(request, owners), rule, request, votes, &owns)
}

fn standing(
    name: &str,
    needed: usize,
    Named { candidates, excluded }: Named,
    rule: &ApprovalRule,
    request: &Request<'_>,
    votes: &[&Vote],
    may: &dyn Fn(&Person) -> bool,
) -> RuleStanding {
    let of = |opinion| votes.iter().filter(move |vote| vote.opinion == opinion && may(&vote.by));
    let is_expired = |vote: &Vote| rule.valid_for.is_some_and(|valid| request.now.since(vote.at) > valid);
    let names = |votes: Vec<&Vote>| -> Vec<String> {
        let names: BTreeSet<String> = votes.iter().map(|vote| vote.by.login.clone()).collect();
        names.into_iter().collect()
    };
    let (expired, valid): (Vec<&Vote>, Vec<&Vote>) =
        of(Opinion::Approved).copied().partition(|vote| is_expired(vote));
    RuleStanding {
        name: name.to_owned(),
        needed,
        approved_by: names(valid),
        candidates,
        excluded,
        changes_requested_by: names(of(Opinion::ChangesRequested).copied().collect()),
        expired: names(expired),
        unknown_committer: None,
        untold: None,
    }
}

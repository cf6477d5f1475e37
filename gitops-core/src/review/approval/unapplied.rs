//! What an approval covers beside the request: changes of the target branch that are not applied yet.

use super::{Committer, Discounted, DiscountedVote, Person, Request, RuleStanding, Standing};

/// A change that the target branch has and that is not applied yet, with those who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unapplied {
    /// How a reader knows it: the number of a request, or a commit.
    pub name: String,
    /// Who opened the request by which it came; nothing if somebody pushed it.
    pub author: Option<Person>,
    /// Who made its commits.
    pub committers: Vec<Committer>,
    /// Why nobody can tell who made it: then no approval counts.
    pub untold: Option<String>,
}

impl Unapplied {
    /// A change of some people.
    pub fn new(
        name: impl Into<String>,
        author: Option<Person>,
        committers: impl IntoIterator<Item = Committer>,
    ) -> Self {
        let committers = committers.into_iter().collect();
        Self { name: name.into(), author, committers, untold: None }
    }

    /// Changes of which nobody can tell who made them, with the reason.
    pub fn untold(name: impl Into<String>, why: impl Into<String>) -> Self {
        Self { name: name.into(), author: None, committers: Vec::new(), untold: Some(why.into()) }
    }

    /// The request as if those who made this change had made it, too.
    fn beside<'a>(&self, request: &Request<'a>) -> Request<'a> {
        let mut request = request.clone();
        let opened = self.author.iter().map(|author| Committer::new(Some(author.login.clone()), ""));
        request.committers.extend(opened.chain(self.committers.iter().cloned()));
        request
    }
}

/// How far the rules are if they must be met for each change by somebody who made neither it nor the request. What says nothing new is left
/// out.
pub(super) fn joined(
    mut standing: Standing,
    request: &Request<'_>,
    judge: impl Fn(&Request<'_>) -> Standing,
) -> Standing {
    let own = standing.rules.clone();
    let mut seen = own.clone();
    for other in &request.unapplied {
        let found = judge(&other.beside(request));
        let rules = found.rules.into_iter().map(|rule| RuleStanding { untold: other.untold.clone(), ..rule });
        let rules: Vec<RuleStanding> = rules.collect();
        if !rules.iter().all(RuleStanding::is_met) {
            discount(&mut standing, found.discounted);
        }
        for rule in rules {
            let by_the_same = |own: &RuleStanding| {
                own.name == rule.name && rule.approved_by.iter().all(|by| own.approved_by.contains(by))
            };
            if seen.contains(&rule) || rule.is_met() && own.iter().any(by_the_same) {
                continue;
            }
            seen.push(rule.clone());
            let name = format!("{} (with {})", rule.name, other.name);
            standing.rules.push(RuleStanding { name, ..rule });
        }
    }
    standing
}

/// Says of votes that do not count for another change alone that they are of who made it.
fn discount(standing: &mut Standing, votes: Vec<DiscountedVote>) {
    for vote in votes {
        let is_own = vote.why == Discounted::Committer;
        let is_told = standing.discounted.iter().any(|told| told.id == vote.id && told.by == vote.by);
        if is_own && !is_told {
            standing.discounted.push(DiscountedVote { why: Discounted::Unapplied, ..vote });
        }
    }
}

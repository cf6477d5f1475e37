use super::Person;
use crate::cx::Time;
use crate::value::Digest;

/// How long what a comment shows must have been there before an approval counts for it.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(60);

/// What one person said once: a review, or an `/approve` in a comment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent of each other")]
#[non_exhaustive]
pub struct Vote {
    /// Who; authenticated by the forge.
    pub by: Person,
    /// What.
    pub opinion: Opinion,
    /// When, by the forge's clock.
    pub at: Time,
    /// The name of the review or the comment in the forge, such as `review 12`. Of two of one kind at one time the one with the greater
    /// number is the later; of which kind the later is, no forge tells, and a no counts.
    pub id: String,
    /// The beginning of the effect that it names, of at least 40 digits; nothing for a review, which approves what the
    /// comment showed when it was submitted.
    pub effect: Option<String>,
    /// Whether it was an approval under another rule of a gate than the one that asks now.
    pub under_another_rule: bool,
    /// Whether it is a review of another head commit than the request has now. What was shown of that one nobody knows any more.
    pub of_another_head: bool,
    /// Whether somebody else may have written it: the forge does not tell whether it was edited, and its author did not confirm it.
    pub may_be_of_another: bool,
    /// Whether the request was closed or given another branch since: what was approved of it is void, also where it is back.
    pub is_void: bool,
}

/// What a person thinks of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// It may be applied.
    Approved,
    /// It must change first.
    ChangesRequested,
    /// What the person said before counts no longer: withdrawn, or dismissed by somebody.
    Withdrawn,
}

/// What the comment showed of an application, and from when on, by the forge's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shown {
    /// From when on.
    pub at: Time,
    /// The effect.
    pub effect: Digest,
}

impl Shown {
    /// This effect, shown from then on.
    pub fn new(at: Time, effect: Digest) -> Self {
        Self { at, effect }
    }
}

/// Why a vote does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Discounted {
    /// It is the author's own.
    Author,
    /// It is of somebody who made a commit of the request.
    Committer,
    /// It is of who ordered the rollback.
    Orderer,
    /// It is of the owner of the fork that the request comes from.
    ForkOwner,
    /// It is a bot's.
    Bot,
    /// Nothing was shown when it was given.
    NothingShown,
    /// What was shown when it was given is not what would be done now.
    OtherEffect,
    /// What was shown changed less than a minute before: the person may not have seen it.
    JustChanged,
    /// The effect that it names is too short, or not what would be done now.
    NamesOtherEffect,
    /// It was given under another rule of a gate.
    OtherRule,
    /// It is a review of another head commit.
    OtherHead,
    /// Others may have edited it in the second in which it was written, and its author did not confirm it.
    NotConfirmed,
    /// The request was closed or given another branch since it was given.
    Void,
    /// It covers a change of the same person that the target branch has and that is not applied yet.
    Unapplied,
    /// The same person asked for changes at the same time, and the forge does not tell which was later.
    SameTime,
}

impl std::fmt::Display for Discounted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Author => "the author's own approval does not count",
            Self::Committer => "somebody who made a commit of the request can't approve it",
            Self::Orderer => "who ordered the rollback can't approve it",
            Self::ForkOwner => "the owner of the fork can push to the request, and can't approve it",
            Self::Bot => "a bot can't approve",
            Self::NothingShown => "nothing was shown when it was given",
            Self::OtherEffect => "the effect changed after it was given",
            Self::JustChanged => "the effect changed less than a minute before it was given",
            Self::NamesOtherEffect => "it names another effect, or fewer than 40 digits of it",
            Self::OtherHead => "the request was pushed to after it was given",
            Self::OtherRule => "a gate has another rule since it was given",
            Self::NotConfirmed => {
                "others may edit a comment in the second in which it was written, and the forge does not tell it: put a thumb up on your own \
                 comment to confirm it"
            }
            Self::Void => "the request was closed or given another branch since it was given: approve again",
            Self::Unapplied => {
                "it covers a change of the same person, too, which is merged and not applied yet: somebody else has to approve that"
            }
            Self::SameTime => {
                "the same person asked for changes in the same second, and which was later can't be told: approve again"
            }
        })
    }
}

impl Vote {
    /// What a person said in the review or comment of this name.
    pub fn new(by: Person, opinion: Opinion, at: Time, id: impl Into<String>) -> Self {
        Self {
            by,
            opinion,
            at,
            id: id.into(),
            effect: None,
            under_another_rule: false,
            of_another_head: false,
            may_be_of_another: false,
            is_void: false,
        }
    }

    /// With the beginning of the effect that it names.
    #[must_use]
    pub fn naming(mut self, effect: impl Into<String>) -> Self {
        self.effect = Some(effect.into());
        self
    }

    /// What it is ordered by: forges tell times in seconds, and give numbers in the order in which they take things in.
    pub(super) fn order(&self) -> (Time, &str, u64, &str) {
        let (kind, number) = self.id.rsplit_once(' ').unwrap_or((&self.id, ""));
        (self.at, kind, number.parse().unwrap_or_default(), &self.id)
    }

    /// Whether an approval is of an effect; `all` is the effect of the whole review, of which this one is a part.
    pub(super) fn covers(&self, effect: &Digest, all: &Digest, shown: &[Shown]) -> Result<(), Discounted> {
        if self.may_be_of_another {
            return Err(Discounted::NotConfirmed);
        }
        if self.under_another_rule {
            return Err(Discounted::OtherRule);
        }
        let is_named = |named: &String| effect.is_named(named) || all.is_named(named);
        match &self.effect {
            Some(named) if !is_named(named) => return Err(Discounted::NamesOtherEffect),
            _ if self.is_void => return Err(Discounted::Void),
            Some(_) => return Ok(()),
            None => {}
        }
        if self.of_another_head {
            return Err(Discounted::OtherHead);
        }
        let (then, since) = shown_at(self.at, shown).ok_or(Discounted::NothingShown)?;
        if then != *effect {
            return Err(Discounted::OtherEffect);
        }
        (self.at.since(since) >= SETTLED).then_some(()).ok_or(Discounted::JustChanged)
    }
}

/// What was shown at a time, and since when without a break.
fn shown_at(at: Time, shown: &[Shown]) -> Option<(Digest, Time)> {
    let mut before: Vec<&Shown> = shown.iter().filter(|shown| shown.at <= at).collect();
    before.sort_by_key(|shown| shown.at);
    let last = before.last()?;
    let run = before.iter().rev().take_while(|shown| shown.effect == last.effect);
    run.last().map(|first| (last.effect, first.at))
}

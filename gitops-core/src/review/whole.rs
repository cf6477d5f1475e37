use std::cmp::Reverse;
use std::fmt;

use serde::Serialize;

use super::approval::{ApprovalRules, Request};
use super::{Context, Counts, Item, Part};
use crate::plan::Plan;
use crate::value::{Digest, Hasher};

/// What a request does to the applications that it touches.
///
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Review {
    /// The applications, the gravest first.
    pub parts: Vec<Part>,
    /// Applications that could not be planned.
    pub failures: Vec<Failure>,
}

/// An application that could not be planned.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Failure {
    /// The application.
    pub application: String,
    /// The environment; empty for none.
    pub environment: String,
    /// Why, for people.
    pub message: String,
}

impl Failure {
    /// An application that could not be planned, and why.
    pub fn new(
        application: impl Into<String>,
        environment: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { application: application.into(), environment: environment.into(), message: message.into() }
    }
}

/// What a review comes to. The gravest is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// The request changes nothing in any target.
    NoChanges,
    /// It may be merged and applied.
    Ready,
    /// Everything that needs an approval has it.
    Approved,
    /// It may be applied once somebody approved it.
    NeedsApproval,
    /// A gate denies it.
    Denied,
    /// An application could not be planned, or an object of it is blocked by the request.
    Failed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoChanges => "no changes",
            Self::Ready => "ready",
            Self::Approved => "approved",
            Self::NeedsApproval => "needs approval",
            Self::Denied => "denied",
            Self::Failed => "failed",
        })
    }
}

impl Review {
    /// The review of one application; see [`Part::of`].
    pub fn of(base: &Plan, head: &Plan, opened: Option<&Plan>, context: &Context<'_>) -> Self {
        [Part::of(base, head, opened, context)].into_iter().collect()
    }

    /// The same with applications that could not be planned.
    #[must_use]
    pub fn failing(mut self, failures: impl IntoIterator<Item = Failure>) -> Self {
        self.failures.extend(failures);
        self.failures.sort();
        self
    }

    /// The same with how far the approvals of each application are.
    #[must_use]
    pub fn judged(mut self, rules: &ApprovalRules, request: &Request<'_>) -> Self {
        let effect = self.effect();
        for part in &mut self.parts {
            part.approvals = Some(rules.judge(part, &effect, request));
        }
        self
    }

    /// What it comes to: the gravest of its applications.
    pub fn outcome(&self) -> Outcome {
        let failed = self.failures.iter().map(|_| Outcome::Failed);
        failed.chain(self.parts.iter().map(Part::outcome)).max().unwrap_or(Outcome::NoChanges)
    }

    /// How much there is in all applications.
    pub fn counts(&self) -> Counts {
        self.parts.iter().fold(Counts::default(), |sum, part| sum.plus(part.counts))
    }

    /// The steps of all applications with their application, the gravest first.
    pub fn items(&self) -> Vec<(&Part, &Item)> {
        let of_part = |part: &'_ Part| part.items.len();
        let mut items = Vec::with_capacity(self.parts.iter().map(of_part).sum());
        for part in &self.parts {
            items.extend(part.items.iter().map(|item| (part, item)));
        }
        let rank =
            |(part, item): &(&Part, &Item)| (item.is_reported_only, item.rank(part.labels.is_production));
        items.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| name(a).cmp(&name(b))));
        items
    }

    /// The digest of everything that an apply of the merge result would do, in all applications.
    pub fn effect(&self) -> Digest {
        let mut parts: Vec<(&str, &Digest)> =
            self.parts.iter().map(|part| (part.application.as_str(), &part.effect)).collect();
        parts.sort_unstable();
        let mut hasher = Hasher::new("gitops review effects");
        for (application, effect) in parts {
            hasher.field(application).field(effect.as_bytes());
        }
        hasher.finish()
    }

    /// Whether every target was looked at.
    pub fn looked_at_targets(&self) -> bool {
        self.parts.iter().all(|part| part.looked_at_target)
    }
}

fn name<'a>((part, item): &(&'a Part, &'a Item)) -> (&'a str, &'a crate::value::Key) {
    (&part.application, &item.step.key)
}

impl FromIterator<Part> for Review {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        let mut parts: Vec<Part> = parts.into_iter().collect();
        let gravest = |part: &Part| {
            let first = part.items.first();
            let rank = first.map(|item| (item.is_reported_only, item.rank(part.labels.is_production)));
            (rank.is_none(), rank, Reverse(part.level()), !part.labels.is_production)
        };
        parts.sort_by(|a, b| gravest(a).cmp(&gravest(b)).then_with(|| a.application.cmp(&b.application)));
        Self { parts, failures: Vec::new() }
    }
}

//! Reviews of requests: what a merge would do to the applications of a configuration, and whose doing each step is.
//!
//! Nothing is written: no state, no target and no reference is moved. What is fetched lies in the mirrors,
//! where it can be fetched again. The plans of the target branch and of the merge are made one after the other by one
//! engine, so that what the first has read costs the second nothing.
//!
//! # Whom a review believes
//! The configuration comes from the target branch, or from outside of the repository: see the errors
//! below. The rules, the gates and the owners come with it. What the request brings is data: files to render and to plan.
//! For a [request that nobody vouches for](Sides::untrusted), no application is planned of which a plan runs programs.

mod application;
mod approvals;
mod configuration;
mod judge;
mod merged;
mod not_followed;
mod noted;
mod owners;
mod planner;
mod programs;
mod queue;
mod repository;
mod request;
mod same_head;
mod stands;
mod statuses;
mod stored;
mod unapplied;
mod urgent;
mod warm;

pub use merged::AfterMerge;
pub use noted::{Noted, note_requests};
pub use queue::{ToldQueue, holds, queued};
pub use request::{Asked, Shelf, Told};
pub use stands::OnForge;
pub use urgent::two_people;
pub use warm::{Borrowed, Warm};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_core::review::{Failure, Part, Review, Rules};
use gitops_core::{Cx, Diagnostic, Digest, Error, EventSink, GateMessage, Plan, Result, Revision};
use gitops_git::GitSource;
use serde::Serialize;

use crate::config::{Applications, Config};
use crate::forge::tellable;
use crate::gates::labels;
use application::Reviewing;

/// The two sides of a request.
#[derive(Clone, Debug)]
#[must_use]
pub struct Sides {
    base: String,
    head: String,
    is_trusted: bool,
}

impl Sides {
    /// What is merged, and into what: branches, tags or commits. `base` is the target branch.
    pub fn new(base: impl Into<String>, head: impl Into<String>) -> Self {
        Self { base: base.into(), head: head.into(), is_trusted: true }
    }

    /// The same of a request that nobody vouches for: no program is run for it.
    pub fn untrusted(self) -> Self {
        Self { is_trusted: false, ..self }
    }

    /// What is merged into.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What is merged.
    pub fn head(&self) -> &str {
        &self.head
    }
}

/// A review, and what there is to say beside it.
#[derive(Debug)]
#[non_exhaustive]
pub struct Reviewed {
    /// What the merge would do.
    pub review: Review,
    /// The rules that find risks, by name; an application may know more kinds and another share than these.
    pub rules: Rules,
    /// Applications that could not be planned; the review tells of them too.
    pub failed: Vec<Failed>,
    /// Applications of the configuration that a merge into the target branch does not change.
    pub not_concerned: Vec<NotConcerned>,
    /// Applications of several whose files the merge leaves as they are: what drifted there is not the request's business.
    pub untouched: Vec<String>,
    /// The files that the request changes from which the configuration was read. What that changes is in no plan: the merge is judged by the
    /// configuration of the target branch.
    pub configuration: Vec<String>,
    /// The plans of the merge, by application.
    plans: BTreeMap<String, Planned>,
}

/// The plan of a merge, and what is stored of reviews.
#[derive(Debug)]
struct Planned {
    plan: Plan,
    /// What the gates want approved, each with the fingerprint of its rule.
    findings: Vec<(GateMessage, Digest)>,
    /// What they want approved of the target branch without the request.
    findings_before: Vec<(GateMessage, Digest)>,
    /// Whether an approval is stored that was given on no request.
    approved_elsewhere: bool,
    /// The requests of which an approval is stored, each with the reviews and comments that it rests on, as the approver's
    /// [`Through::Review`](gitops_core::Through) names them.
    approved_in: BTreeMap<String, BTreeSet<String>>,
    /// The same of approvals under other rules of gates than those that ask now.
    outdated_in: BTreeMap<String, BTreeSet<String>>,
    /// The files that the request changes, from the root of the repository.
    changed: Vec<String>,
    /// Of those, the ones from which the configuration was read.
    configuration: Vec<String>,
    /// Where the target branch can be read.
    git: GitSource,
    /// The target branch's commit.
    base: Revision,
    /// What nobody knows who can't read the state.
    mark: Option<Digest>,
    /// Since when the target branch may have something that is not applied yet, and that the plan has, too.
    unapplied: Option<unapplied::Since>,
    /// Who holds the application to a revision, if it does not follow its branch.
    pinned_by: Option<String>,
    /// Why a merge would not be applied: the branch was moved back, so the application does not follow it.
    refused: Option<String>,
}

/// An application that could not be planned.
#[derive(Debug)]
#[non_exhaustive]
pub struct Failed {
    /// Its name.
    pub application: String,
    /// Why.
    pub error: Error,
    /// Whether it is because the merge has conflicts.
    pub is_conflict: bool,
}

/// An application that a merge into the target branch does not change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NotConcerned {
    /// Its name.
    pub application: String,
    /// What it follows instead.
    pub follows: String,
}

/// Plans what a merge would do to some applications of a configuration.
///
/// Of several applications, one whose files the merge leaves as they are is not planned. One alone always is, for what drifted there.
///
/// An application that can't be planned keeps none of the others from being reviewed. One that follows another branch than the
/// target branch, a tag or a commit is not concerned; where the target branch is named by a commit, that counts as one of
/// the branch that is followed.
///
/// # Errors
/// - `NotFound` and `Invalid` for a side that does not exist, or is not the name of anything.
/// - `Denied` if the configuration was read from a working copy of the repository and is not that of the target branch: a
///   request must not choose the rules by which it is judged.
///
/// # Cancel safety
/// Dropping the future has no effect.
pub async fn review(
    cx: &Cx,
    applications: &Applications,
    chosen: &[&Config],
    sides: &Sides,
    events: &Arc<dyn EventSink>,
) -> Result<Reviewed> {
    Box::pin(review_with(cx, applications, chosen, sides, events, None)).await
}

/// The same, with sessions that earlier reviews left open.
async fn review_with(
    cx: &Cx,
    applications: &Applications,
    chosen: &[&Config],
    sides: &Sides,
    events: &Arc<dyn EventSink>,
    warm: Option<&Warm>,
) -> Result<Reviewed> {
    let of_application = |config: &&Config| Ok((config.name.clone(), config.risks.rules()?));
    let rules = chosen.iter().map(of_application).collect::<Result<BTreeMap<String, Rules>>>()?;
    let are_several = chosen.len() > 1;
    let mut reviewing = Reviewing {
        applications,
        sides,
        rules: &rules,
        events,
        are_several,
        warm,
        checked: BTreeMap::new(),
        repositories: BTreeMap::new(),
        configuration: BTreeSet::new(),
    };
    let (mut parts, mut failed) = (Vec::new(), Vec::new());
    let (mut not_concerned, mut untouched) = (Vec::new(), Vec::new());
    let mut plans = BTreeMap::new();
    for config in chosen {
        match reviewing.part(cx, config).await? {
            Ok(Found::Part(part, plan)) => {
                plans.insert(part.application.clone(), *plan);
                parts.push(*part);
            }
            Ok(Found::NotConcerned(follows)) => {
                not_concerned.push(NotConcerned { application: config.name.clone(), follows });
            }
            Ok(Found::Untouched) => untouched.push(config.name.clone()),
            Err(found) => failed.push(found),
        }
    }
    let environment = |name: &str| {
        let config = chosen.iter().find(|config| config.name == name);
        config.map(|config| labels(config).environment).unwrap_or_default()
    };
    let failures = failed.iter().map(|Failed { application, error, .. }| {
        let message = tellable(&message(error), chosen.iter().copied());
        Failure::new(application.clone(), environment(application), message)
    });
    let review = parts.into_iter().collect::<Review>().failing(failures.collect::<Vec<_>>());
    let mut configuration = reviewing.configuration;
    configuration.extend(plans.values().flat_map(|planned: &Planned| planned.configuration.clone()));
    let configuration = configuration.into_iter().collect();
    Ok(Reviewed { review, rules: Rules::default(), failed, not_concerned, untouched, configuration, plans })
}

/// How many faults of what is declared a message names.
const NAMED: usize = 5;

/// An error with the places of what is wrong.
fn message(error: &Error) -> String {
    let faults = error.diagnostics();
    let named = faults.iter().take(NAMED).map(placed);
    let more = faults.len().saturating_sub(NAMED);
    let more = (more > 0).then(|| format!("and {more} more"));
    std::iter::once(error.with_help()).chain(named).chain(more).collect::<Vec<_>>().join("; ")
}

/// A fault with its place, if it has one.
fn placed(fault: &Diagnostic) -> String {
    match &fault.span {
        _ if fault.path.is_empty() => fault.message.clone(),
        Some(span) => format!("{}:{}: {}", fault.path, span.line, fault.message),
        None => format!("{}: {}", fault.path, fault.message),
    }
}

/// What was found out about an application.
enum Found {
    Part(Box<Part>, Box<Planned>),
    NotConcerned(String),
    Untouched,
}

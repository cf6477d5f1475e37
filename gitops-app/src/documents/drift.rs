//! The document of `drift`: what was changed outside of Git.

use futures::{StreamExt, stream};
use gitops_core::{Cause, Cx, Error, ErrorKind, Key, Plan, Result, Revision, Step, Time};
use serde::Serialize;

use super::Document;
use super::beside::{self, BesidePart};
use super::blocked::{self, BlockedPart};
use super::plan::StepPart;
use crate::session::Session;

/// How many roots are asked about at once.
const AT_ONCE: usize = 4;

/// The document of `drift`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct DriftDocument<'a> {
    /// The application.
    pub application: &'a str,
    /// The revision with which was compared.
    pub revision: &'a Revision,
    /// When the targets were looked at.
    pub observed_at: Time,
    /// Whether the next apply puts it back.
    pub corrected: bool,
    /// What was changed, each with the step that puts it back.
    pub objects: Vec<StepPart<'a>>,
    /// What was changed outside of Git, and the pending commit changes too.
    pub beside: Vec<BesidePart<'a>>,
    /// The objects about which nothing may be done now.
    pub blocked: Vec<BlockedPart<'a>>,
    /// The objects of which nobody knows whether they drifted.
    pub not_looked_at: Vec<NotLookedAt>,
}

impl Document for DriftDocument<'_> {
    const KIND: &'static str = "Drift";
}

impl<'a> DriftDocument<'a> {
    /// The drift that a plan found, beside what was not looked at.
    pub fn new(plan: &'a Plan, mut not_looked_at: Vec<NotLookedAt>) -> Self {
        let only_drift = beside::only_drift(plan);
        let unknown = plan.beside.iter().filter(|beside| !beside.is_known());
        not_looked_at.extend(unknown.map(|beside| NotLookedAt {
            key: beside.key.clone(),
            reason: format!("{}; the pending commit may change it too", beside.found),
        }));
        Self {
            application: &plan.application,
            revision: &plan.revision,
            observed_at: plan.observed_at,
            corrected: plan.drift.is_empty(),
            objects: drifted(plan)
                .map(|step| StepPart::from(step).drifting(only_drift.contains(&step.key)))
                .collect(),
            beside: beside::known(plan),
            blocked: blocked::all(plan),
            not_looked_at,
        }
    }
}

/// The steps that put back what was changed outside of Git, whether they are to be done or only told. What a target changed
/// within the last write was changed outside of Git too. So was what a pending commit declares in other words and does not change.
pub fn drifted(plan: &Plan) -> impl Iterator<Item = &Step> {
    let only_drift = beside::only_drift(plan);
    let is_drift = move |step: &&Step| {
        step.cause == Cause::Drift || step.left_otherwise || only_drift.contains(&step.key)
    };
    plan.steps.iter().filter(is_drift).chain(&plan.drift)
}

/// An object of which nobody knows whether it drifted.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct NotLookedAt {
    /// Which one.
    pub key: Key,
    /// Why nobody knows.
    pub reason: String,
}

/// Says of each root that we own that its providers are not asked.
pub fn not_asked(session: &Session, reason: &str) -> Vec<NotLookedAt> {
    session.roots().map(|(key, _)| NotLookedAt { key: key.clone(), reason: reason.to_owned() }).collect()
}

/// Asks about each root that we own, a few at once: what moved is a part of the plan that is made next. Gives those about
/// which nobody answered, each with its error.
///
/// # Errors
/// `Cancelled`.
///
/// # Cancel safety
/// The tool that looks is ended; nothing was written.
pub async fn ask_providers(cx: &Cx, session: &Session) -> Result<Vec<(NotLookedAt, Error)>> {
    let looks = session.roots().map(|(key, target)| async move { (key, target.drift(cx, key).await) });
    let looks: Vec<_> = looks.collect();
    let answers: Vec<_> = stream::iter(looks).buffered(AT_ONCE).collect().await;
    let mut missed = Vec::new();
    for (key, answer) in answers {
        match answer {
            // What it found moved the root: the plan shows it, or what it finds of it beside a pending commit.
            Ok(_) => {}
            // One that was never applied has no drift; the plan says what is to be made.
            Err(error) if error.is_not_found() => {}
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(error) => {
                missed.push((NotLookedAt { key: key.clone(), reason: error.with_help() }, error));
            }
        }
    }
    Ok(missed)
}

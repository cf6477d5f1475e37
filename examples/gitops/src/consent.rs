//! Asks a person, or takes the consent that the command line gives.

use std::io::BufRead;

use gitops_app::session::Session;
use gitops_core::{ApplyOptions, AuditEvent, Cause, Error, ErrorKind, Plan, PlanId, Verdict};

use crate::actor::actor;
use crate::app::App;
use crate::cli::ConsentArgs;
use crate::exit::Exit;
use crate::failure::Failure;

/// How many of the newest entries of the audit log are looked through for plans.
const REMEMBERED: usize = 1 << 16;

/// How a plan is approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// By naming it.
    Named(String),
    /// In advance: to whatever the plan is.
    Given,
    /// By the file of a saved one.
    Saved,
    /// By an answer on the terminal.
    Ask,
}

impl Consent {
    /// How the plan will be approved; `saved` says that a saved plan was named.
    ///
    /// # Errors
    /// A usage error, before anything is done, if nobody can be asked and the command line gives no consent.
    pub fn new(app: &App, args: &ConsentArgs, saved: bool) -> Result<Self, Failure> {
        match (&args.plan_id, args.yes, saved) {
            (Some(id), ..) => named(id),
            (None, _, true) => Ok(Self::Saved),
            (None, true, false) => Ok(Self::Given),
            (None, false, false) if app.screen.can_ask() => Ok(Self::Ask),
            (None, false, false) => Err(Failure::usage(
                "nobody can be asked here: standard input or standard error is not a terminal, or the answer is JSON",
                "give `--yes`, a saved plan (`gitops plan --out FILE`), or `--plan-id ID`",
            )),
        }
    }

    /// How a plan is approved that could be made only after the first one was carried out; nothing if nobody can.
    pub fn of_what_follows(&self, app: &App) -> Option<Self> {
        match self {
            Self::Given => Some(Self::Given),
            Self::Ask => Some(Self::Ask),
            Self::Named(_) | Self::Saved => app.screen.can_ask().then_some(Self::Ask),
        }
    }

    /// The approval of this plan.
    ///
    /// # Errors
    /// `Stale` if another plan was named, `Cancelled` if the person says no or asks to stop. Nothing was written.
    pub async fn obtain(
        &self,
        app: &App,
        session: &Session,
        plan: &Plan,
        verdict: &Verdict,
    ) -> Result<ApplyOptions, Failure> {
        match self {
            Self::Named(id) if is_meant(app, session, plan, id).await? => {
                Ok(ApplyOptions::naming_the_plan(actor()).at_once())
            }
            Self::Named(id) => Err(another(app, plan, id)),
            Self::Given | Self::Saved => Ok(ApplyOptions::by(actor()).at_once()),
            Self::Ask => ask(app, session, plan, verdict).await,
        }
    }
}

fn named(id: &str) -> Result<Consent, Failure> {
    let fits = (PlanId::DIGITS..=64).contains(&id.len())
        && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    match fits {
        true => Ok(Consent::Named(id.to_owned())),
        false => Err(Failure::usage(
            format!("`{id}` is not a plan's id"),
            format!(
                "give at least {} of its hexadecimal digits, as `gitops plan` shows them",
                PlanId::DIGITS
            ),
        )),
    }
}

/// Whether somebody who names a plan means this one.
///
/// # Errors
/// A usage error if the text is no id or names two plans, `Stale` if it is another plan's.
pub async fn check_named(app: &App, session: &Session, plan: &Plan, id: &str) -> Result<(), Failure> {
    named(id)?;
    match is_meant(app, session, plan, id).await? {
        true => Ok(()),
        false => Err(another(app, plan, id)),
    }
}

fn another(app: &App, plan: &Plan, id: &str) -> Failure {
    let message = format!("the plan is now {}, not {id}; nothing was written", plan.id.short());
    Error::new(ErrorKind::Stale, message).help(format!("look at it: `{}`", app.command("plan"))).into()
}

/// Whether a text names this plan, and no other one that was applied before.
///
/// # Errors
/// `Invalid` if it names both: who typed it may have meant the other.
async fn is_meant(app: &App, session: &Session, plan: &Plan, text: &str) -> Result<bool, Failure> {
    if !plan.id.is_meant_by(text) {
        return Ok(false);
    }
    let applied = session.audit().newest(&app.cx, REMEMBERED).await?;
    let applied = applied.iter().filter_map(|record| match &record.entry.what {
        AuditEvent::SyncStarted { plan, .. } => Some(*plan),
        _ => None,
    });
    match also_meant(plan.id, text, applied) {
        None => Ok(true),
        Some(other) => Err(Failure::usage(
            format!("`{text}` names two plans: {} and {other}", plan.id),
            "give more digits of the one that you mean",
        )),
    }
}

/// Another plan that a text names too.
fn also_meant(plan: PlanId, text: &str, others: impl IntoIterator<Item = PlanId>) -> Option<PlanId> {
    others.into_iter().find(|other| *other != plan && other.is_meant_by(text))
}

/// One question after the whole table. A plan that a gate holds back takes more than a yes: its id.
async fn ask(app: &App, session: &Session, plan: &Plan, verdict: &Verdict) -> Result<ApplyOptions, Failure> {
    match verdict {
        // The engine refuses it with the gate's reason. What only puts back what was applied before is done all the same.
        Verdict::Deny { .. } if plan.steps.iter().any(|step| step.cause == Cause::Drift) => {
            confirmed(app, "A gate denies this plan. Put back its drift alone? Only `yes` will do: ").await
        }
        Verdict::Deny { .. } => Ok(ApplyOptions::by(actor())),
        Verdict::NeedsApproval { .. } => {
            let answer = question(app, "A gate wants this plan named. To apply it, type its id: ").await?;
            match is_meant(app, session, plan, &answer).await? {
                true => Ok(ApplyOptions::naming_the_plan(actor())),
                false => Err(declined()),
            }
        }
        _ => confirmed(app, "Apply this plan? Only `yes` will do: ").await,
    }
}

async fn confirmed(app: &App, ask: &str) -> Result<ApplyOptions, Failure> {
    match question(app, ask).await?.as_str() {
        "yes" | "y" => Ok(ApplyOptions::by(actor())),
        _ => Err(declined()),
    }
}

fn declined() -> Failure {
    let error = Error::new(ErrorKind::Cancelled, "not approved; nothing was written");
    Failure { exit: Exit::Failure, error }
}

async fn question(app: &App, text: &str) -> Result<String, Failure> {
    app.screen.complain(text);
    let line = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    });
    tokio::select! {
        () = app.cx.cancelled() => {
            Err(Error::new(ErrorKind::Cancelled, "stopped before anything was written").into())
        }
        line = line => {
            let line = line.map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))?;
            Ok(line?.trim().to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Somebody may have typed the id of a plan that was shown before, and another one begins alike.
    #[test]
    fn digits_that_two_plans_share_name_neither() {
        let id = |last: u8| {
            let mut bytes = [7; 32];
            bytes[31] = last;
            PlanId::new(gitops_core::Digest::from_bytes(bytes))
        };
        let (plan, other) = (id(1), id(2));
        let shared = plan.short();
        assert_eq!(also_meant(plan, &shared, [plan, other]), Some(other));
        assert_eq!(also_meant(plan, &shared, [plan]), None);
        assert_eq!(also_meant(plan, &plan.to_string(), [other]), None, "all of its digits name one");
    }
}

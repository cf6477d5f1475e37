//! Asks a person, or takes the consent that the command line gives.

use std::io::BufRead;

use gitops_core::{Approval, Error, ErrorKind, Plan, Verdict};

use crate::actor::actor;
use crate::app::App;
use crate::cli::ConsentArgs;
use crate::exit::Exit;
use crate::failure::Failure;

/// How a plan is approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// By naming it.
    Named(String),
    /// In advance: to whatever the plan is, or to the saved one.
    Given,
    /// By an answer on the terminal.
    Ask,
}

impl Consent {
    /// How the plan will be approved; `saved` says that a saved plan was named.
    ///
    /// # Errors
    /// A usage error, before anything is done, if nobody can be asked and the command line gives no consent.
    pub fn new(app: &App, args: &ConsentArgs, saved: bool) -> Result<Self, Failure> {
        match (&args.plan_id, args.yes || saved) {
            (Some(id), _) => named(id),
            (None, true) => Ok(Self::Given),
            (None, false) if app.screen.can_ask() => Ok(Self::Ask),
            (None, false) => Err(Failure::usage(
                "nobody can be asked here: standard input or standard error is not a terminal, or the answer is JSON",
                "give `--yes`, a saved plan (`gitops plan --out FILE`), or `--plan-id ID`",
            )),
        }
    }

    /// The approval of this plan.
    ///
    /// # Errors
    /// `Stale` if another plan was named, `Cancelled` if the person says no or asks to stop. Nothing was written.
    pub async fn obtain(&self, app: &App, plan: &Plan, verdict: &Verdict) -> Result<Approval, Failure> {
        match self {
            Self::Named(id) if plan.id.is_meant_by(id) => Ok(Approval::of_this_plan(actor())),
            Self::Named(id) => Err(another(app, plan, id)),
            Self::Given => Ok(Approval::of_any_plan(actor())),
            Self::Ask => ask(app, plan, verdict).await,
        }
    }
}

fn named(id: &str) -> Result<Consent, Failure> {
    let fits = (8..=64).contains(&id.len()) && id.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    match fits {
        true => Ok(Consent::Named(id.to_owned())),
        false => Err(Failure::usage(
            format!("`{id}` is not a plan's id"),
            "give at least 8 of its hexadecimal digits, as `gitops plan` shows them",
        )),
    }
}

fn another(app: &App, plan: &Plan, id: &str) -> Failure {
    let message = format!("the plan is now {}, not {id}; nothing was written", plan.id.short());
    Error::new(ErrorKind::Stale, message).help(format!("look at it: `{}`", app.command("plan"))).into()
}

/// One question after the whole table. A plan that a gate holds back takes more than a yes: its id.
async fn ask(app: &App, plan: &Plan, verdict: &Verdict) -> Result<Approval, Failure> {
    match verdict {
        // The engine refuses it with the gate's reason.
        Verdict::Deny { .. } => Ok(Approval::of_any_plan(actor())),
        Verdict::NeedsApproval { .. } => {
            let answer = question(app, "A gate wants this plan named. To apply it, type its id: ").await?;
            match plan.id.is_meant_by(&answer) {
                true => Ok(Approval::of_this_plan(actor())),
                false => Err(declined()),
            }
        }
        _ => match question(app, "Apply this plan? Only `yes` will do: ").await?.as_str() {
            "yes" | "y" => Ok(Approval::of_any_plan(actor())),
            _ => Err(declined()),
        },
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

//! `gitops approve`, `reject`, `suspend`, `resume` and `sync`: what a person orders until further notice, also while another
//! process is at work.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use gitops_app::config::Applications;
use gitops_app::documents::Document;
use gitops_app::session::Access;
use gitops_core::{Approver, ErrorKind, Plan, Request, Through};
use serde::Serialize;

use super::ask::{Doer, begin, have_done, order};
use super::{Ended, plan, urgent};
use crate::actor::{actor, uid};
use crate::app::App;
use crate::cli::{ApproveArgs, RejectArgs, ResumeArgs, SuspendArgs};
use crate::consent;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{self, style::escape};
use crate::progress;

/// The document of what was ordered.
#[derive(Debug, Serialize)]
struct OrderDocument {
    /// What was ordered: `approve`, `reject`, `suspend`, `resume` or `sync`.
    order: &'static str,
    by: String,
    /// Whether a process that was at work did it, and goes on with it at once.
    by_process: bool,
    /// Whether that process has not answered yet: it begins nothing new before it does.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    waits: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan_id: Option<String>,
    /// The digest of what the plan would do: the approval is worth as much as this is the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Document for OrderDocument {
    const KIND: &'static str = "Order";
}

impl OrderDocument {
    fn new(order: &'static str, doer: Doer) -> Self {
        let (by_process, waits) = (doer == Doer::AtWork, doer == Doer::Asked);
        Self { order, by: actor(), by_process, waits, plan_id: None, effect: None, reason: None }
    }

    fn of_plan(self, plan: &Plan) -> Self {
        let effect = Some(plan.effect().digest().to_string());
        Self { plan_id: Some(plan.id.to_string()), effect, ..self }
    }

    fn because(self, reason: &str) -> Self {
        Self { reason: Some(reason.to_owned()), ..self }
    }

    fn answer(&self, app: &App, text: &str) -> Ended {
        let goes_on = match (self.by_process, self.waits) {
            (true, _) => "The process at work has taken it up.\n",
            (_, true) => {
                "Not in force yet: the process at work has not answered. It ends what it has sent, and begins nothing new before it \
                 takes this up. `status` says when it has.\n"
            }
            _ => "",
        };
        let lines: Vec<String> = text.lines().map(escape).collect();
        app.answer(self, || format!("{}\n{goes_on}", lines.join("\n")))?;
        Ok(Exit::Ok)
    }
}

/// Approves what the plan with this id would do, for every process that applies it later.
pub async fn approve(app: &App, args: &ApproveArgs) -> Ended {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    consent::check_named(app, &session, &plan, &args.plan_id).await?;
    let verdict = session.engine.verdict(&app.cx, &plan);
    if !app.screen.is_json() {
        plan::show(app, &session, &plan, &verdict, plan::Shown::in_full(app, None)).await?;
    }
    let (by, until) = if args.urgent {
        urgent::approver(app, args, &session, &plan).await?
    } else {
        let until = args.until.map(|until: Duration| app.cx.now().after(until));
        (Approver::new(actor(), Through::Terminal { uid: uid() }), until)
    };
    let who = by.name.clone();
    let approval = session.engine.approval_of(&app.cx, &plan, by)?.until(until);
    drop(session);
    let request = Request::Approve { approval: Box::new(approval) };
    let doer = order(app, &request).await?;
    let document = OrderDocument { by: who, ..OrderDocument::new("approve", doer).of_plan(&plan) };
    let document = args.reason.iter().fold(document, |document, reason| document.because(reason));
    let next = app.command("apply --yes");
    let end = match until.filter(|_| args.urgent) {
        Some(until) => format!("until {until}, it is done,"),
        None => "until it is done,".to_owned(),
    };
    let text = format!(
        "Approved by {}: the effect {} of plan {}. It holds {end} or until the effect changes.\nApply it:  {next}",
        document.by,
        plan.effect().digest().short(),
        plan.id.short(),
    );
    document.answer(app, &text)
}

/// Takes back every approval that is not spent.
pub async fn reject(app: &App, args: &RejectArgs) -> Ended {
    let request = Request::Reject { plan: None, reason: args.reason.clone() };
    let document = OrderDocument::new("reject", order(app, &request).await?).because(&args.reason);
    let done = if document.waits { "A rejection is asked for" } else { "Rejected" };
    let text = format!("{done} by {}: nothing that was approved before holds any more.", document.by);
    document.answer(app, &text)
}

/// Stops all writes.
pub async fn suspend(app: &App, args: &SuspendArgs) -> Ended {
    let request = Request::Suspend { reason: args.reason.clone() };
    suspended(app, args, order(app, &request).await?)
}

/// Stops all writes of several applications, and gives who did it for each, in their order. Every process at work is asked before
/// any is waited for: one that does not answer, or can't be found, delays no other stop.
pub async fn suspend_each(
    app: &App,
    args: &SuspendArgs,
    applications: &Applications,
) -> BTreeMap<String, Result<Doer, Failure>> {
    let request = &Request::Suspend { reason: args.reason.clone() };
    let apps: Vec<App> = applications.all.iter().map(|config| app.of(applications, config)).collect();
    let begun = join_all(apps.iter().map(|app| begin(app, request))).await;
    let ends = apps.iter().zip(begun).map(|(app, begun)| async move {
        let done = match begun {
            Ok(Some(pending)) => pending.answered(&app.cx).await.map_err(Failure::from),
            Ok(None) => order(app, request).await,
            Err(failure) => Err(failure),
        };
        (app.config().name.clone(), done)
    });
    join_all(ends).await.into_iter().collect()
}

/// Tells that all writes are stopped.
pub fn suspended(app: &App, args: &SuspendArgs, doer: Doer) -> Ended {
    let document = OrderDocument::new("suspend", doer).because(&args.reason);
    let end = app.command("resume");
    let done = if document.waits { "A suspension is asked for" } else { "Suspended" };
    let text = format!(
        "{done} by {}: {}\nNothing is written until `{end}`; plan, diff, drift and status go on.",
        document.by, args.reason
    );
    document.answer(app, &text)
}

/// Shows what would be done, and goes on. With a yes it also goes on where nobody can say now what would be done: the
/// source or a target may be away for long, or this process may lack what they ask for.
pub async fn resume(app: &App, args: &ResumeArgs) -> Ended {
    let planned = Box::pin(planned(app)).await;
    let plan = match planned {
        Ok(plan) => Some(plan),
        Err(failure) if args.yes => {
            app.screen.complain(&output::error::human(&failure));
            None
        }
        Err(Failure { exit, error }) => {
            let error = error.with("to resume without a plan", app.command("resume --yes"));
            return Err(Failure { exit, error });
        }
    };
    let doer = match args.yes {
        true => order(app, &Request::Resume).await?,
        false => by_us(app).await?,
    };
    let document = OrderDocument::new("resume", doer);
    let document = match &plan {
        Some(plan) => document.of_plan(plan),
        None => document,
    };
    let text = format!("Resumed by {}. See what is next:  {}", document.by, app.command("plan"));
    document.answer(app, &text)
}

/// What would be done, which people are shown.
async fn planned(app: &App) -> Result<Plan, Failure> {
    let mut session = app.open(Access::Look, progress::sink(app)).await?;
    let plan = session.engine.plan(&app.cx).await?;
    if !app.screen.is_json() {
        let verdict = session.engine.verdict(&app.cx, &plan);
        plan::show(app, &session, &plan, &verdict, plan::Shown::in_full(app, None)).await?;
    }
    Ok(plan)
}

/// A process at work would apply the plan at once: that takes a yes.
async fn by_us(app: &App) -> Result<Doer, Failure> {
    let mut session = app.open_for_orders(progress::sink(app)).await.map_err(|error| {
        let help = "give `--yes` to ask that process to resume: it applies what is shown above at once";
        if error.kind() == ErrorKind::Locked { error.help(help) } else { error }
    })?;
    session.engine.fulfil(&app.cx, &actor(), &Request::Resume).await?;
    Ok(Doer::Us)
}

/// Has the process at work reconcile at once.
pub async fn sync(app: &App) -> Ended {
    have_done(app, &Request::Sync, "sync", "apply it yourself").await?;
    OrderDocument::new("sync", Doer::AtWork).answer(app, "Asked to sync now.")
}

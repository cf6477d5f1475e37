//! `gitops approve --urgent`: two people whom the forge knows approve, for hours at most.

use std::time::Duration;

use gitops_app::forge::{Environment, Found, Named};
use gitops_app::review::two_people;
use gitops_app::session::Session;
use gitops_core::review::window::BreakGlass;
use gitops_core::{Approver, Error, ErrorKind, Plan, Through, Time};

use crate::app::App;
use crate::cli::ApproveArgs;
use crate::failure::Failure;

/// How long it holds where nobody says it.
const HOUR: Duration = Duration::from_secs(3600);

/// Who approves a plan in an emergency, and until when.
pub async fn approver(
    app: &App,
    args: &ApproveArgs,
    session: &Session,
    plan: &Plan,
) -> Result<(Approver, Option<Time>), Failure> {
    let reason = args.reason.clone().unwrap_or_default();
    let number =
        args.request.ok_or_else(|| Failure::usage("nothing says on which request", "--request 7"))?;
    let job = Environment::of(|name| std::env::var(name).ok())?;
    let found = Found::of(&Named::default(), session.config.forge.as_ref(), job.as_ref())?;
    let forge = found.open(&app.cx)?;
    let info = forge.info();
    let now = app.cx.now();
    let invalid = |error: gitops_core::review::window::BreakGlassError| {
        Error::new(ErrorKind::Invalid, error.to_string())
    };
    let time = args.until.unwrap_or(HOUR);
    // What is wrong with the order is said before two people are asked to get up.
    BreakGlass::new(reason.clone(), ["one", "other"], now, time).map_err(invalid)?;
    let people = two_people(&app.cx, &*forge, number, &plan.effect().digest()).await?;
    let leave = BreakGlass::new(reason.clone(), people, now, time).map_err(invalid)?;
    let request = format!("{} {}#{number}", info.kind, info.repository);
    let by = Approver::new(leave.approvers().join(" and "), Through::Urgent { request, reason });
    Ok((by, Some(leave.until())))
}

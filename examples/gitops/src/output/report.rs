//! What came of an apply.

use std::collections::BTreeSet;
use std::fmt::Write;

use gitops_app::documents::{blocked, changes};
use gitops_core::{Obstacle, Report, StepOutcome, StepResult};

use super::style::{self, BOLD, DIM, GREEN, RED, YELLOW, count, escape, paint};
use super::table::{Cell, Columns, draw};
use crate::exit::Exit;

/// How the command ends: what failed or is blocked weighs more than what is not ready, and a stop more than both. What
/// is left undone is a failure, also where it ends by itself: everything was asked for.
pub fn exit(report: &Report) -> Exit {
    let has = |is: fn(&StepOutcome) -> bool| report.results.iter().any(|result| is(&result.outcome));
    let failed = |outcome: &StepOutcome| {
        matches!(
            outcome,
            StepOutcome::Failed { .. }
                | StepOutcome::Unknown { .. }
                | StepOutcome::Blocked { .. }
                | StepOutcome::Differs { .. }
        )
    };
    let of_steps = match () {
        () if has(|outcome| matches!(outcome, StepOutcome::Skipped)) => Exit::Interrupted,
        () if has(failed) => Exit::Failure,
        () if has(|outcome| matches!(outcome, StepOutcome::NotReady { .. })) => Exit::Degraded,
        () => Exit::Ok,
    };
    let of_blocked = report.plan.obstacles().map(|(_, obstacle)| match obstacle {
        Obstacle::MissingRights => Exit::Unauthorised,
        _ => Exit::Failure,
    });
    Exit::gravest(of_blocked.chain(Exit::of_blocked_fields(&report.plan)).chain([of_steps]))
}

/// The text for people: what was not done is listed, what was done is counted. `again` is the command to go on, `why` the
/// one that tells more of an object, `each` the one that lists what is blocked one by one.
pub fn human(report: &Report, columns: Columns, again: &str, why: &str, each: &str) -> String {
    let rows: Vec<Vec<Cell>> = report.results.iter().filter_map(row).collect();
    let mut out = head(report);
    out += &draw(&rows, columns);
    out += &helps(report);
    out += &super::blocked::section(&blocked::all(&report.plan), columns, why, Some(each));
    if exit(report) != Exit::Ok {
        let _ = writeln!(out, "Go on:  {}", paint(BOLD, again));
    }
    out
}

/// What a person can do about the steps that failed: each help once, for many steps fail for one reason.
fn helps(report: &Report) -> String {
    let helps: BTreeSet<&str> = report.results.iter().filter_map(help).collect();
    helps.into_iter().map(|help| style::help(help).trim_start_matches('\n').to_owned() + "\n").collect()
}

fn help(result: &StepResult) -> Option<&str> {
    match &result.outcome {
        StepOutcome::Failed { help, .. } | StepOutcome::Unknown { help, .. } => help.as_deref(),
        StepOutcome::Differs { .. } => Some(NOT_TAKEN),
        _ => None,
    }
}

/// What a person can do about a field that a target does not take.
const NOT_TAKEN: &str =
    "declare what the target keeps, leave the fields to it with an ignore rule, or change them at the target";

fn head(report: &Report) -> String {
    let (all, applied) = (report.results.len(), report.applied());
    let revision = escape(&report.plan.revision.to_string());
    match exit(report) {
        Exit::Ok if all == 0 => format!("{} nothing to do at {revision}.\n", paint(GREEN, "Applied:")),
        Exit::Ok => {
            let word = paint(GREEN, "Applied:");
            format!("{word} {}; the target is as declared at {revision}.\n", count(all, "change"))
        }
        Exit::Interrupted => {
            let left = report.skipped();
            format!(
                "{} {applied} of {} applied, {left} not tried.\n",
                paint(YELLOW, "Stopped:"),
                count(all, "change")
            )
        }
        Exit::Degraded => {
            let word = paint(YELLOW, "Applied, not healthy:");
            format!("{word} {} applied at {revision}, not everything is healthy.\n", count(applied, "change"))
        }
        _ => {
            let blocked = match report.plan.blocked.len() {
                0 => String::new(),
                blocked => format!(" {} blocked.", count(blocked, "object")),
            };
            let next = match report.deferred() {
                0 => String::new(),
                deferred => format!(" What {} awaited is there now.", count(deferred, "object")),
            };
            let fields = others_fields(report);
            let word = paint(RED, "Not everything is applied:");
            format!(
                "{word} {applied} of {} applied at {revision}.{blocked}{fields}{next}\n",
                count(all, "change")
            )
        }
    }
}

/// The declared fields that were left out of changes, because other clients own them.
fn others_fields(report: &Report) -> String {
    let fields = report.plan.steps.iter().flat_map(|step| &step.foreign);
    let (stored, owned): (Vec<_>, Vec<_>) =
        fields.filter(|field| field.is_blocked()).partition(|field| field.is_stored_otherwise());
    let of_owners = match owned.len() {
        0 => String::new(),
        1 => " 1 declared field has another owner.".to_owned(),
        many => format!(" {many} declared fields have other owners."),
    };
    let of_target = match stored.len() {
        0 => String::new(),
        1 => " 1 declared field is stored as something else.".to_owned(),
        many => format!(" {many} declared fields are stored as something else."),
    };
    of_owners + &of_target
}

fn row(result: &StepResult) -> Option<Vec<Cell>> {
    let (style, symbol, word, detail) = match &result.outcome {
        StepOutcome::Done => return None,
        StepOutcome::NotReady { reason } => (YELLOW, "~", "not ready", reason.clone()),
        StepOutcome::Differs { fields } => {
            (RED, "!", "differs", format!("the target holds something else: {}", fields.join(", ")))
        }
        StepOutcome::Failed { error, .. } => (RED, "x", "failed", error.clone()),
        StepOutcome::Unknown { error, .. } => (RED, "?", "unknown", error.clone()),
        StepOutcome::Blocked { by } => (YELLOW, "!", "blocked", format!("waits for {}", changes::object(by))),
        StepOutcome::Skipped => (DIM, "…", "not tried", String::new()),
        _ => (YELLOW, "?", "other", String::new()),
    };
    Some(vec![
        Cell::styled(style, symbol),
        Cell::styled(style, word),
        Cell::styled(style::of(result.action), result.action.to_string()),
        result.key.target().into(),
        changes::object(&result.key).into(),
        detail.into(),
    ])
}

#[cfg(test)]
mod tests;

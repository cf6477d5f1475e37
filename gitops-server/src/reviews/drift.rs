//! One issue for each application whose target differs from what was applied, as long as nobody corrects that.

use std::fmt::Write;

use gitops_app::config::Config;
use gitops_app::forge::patiently;
use gitops_core::redact::credentials;
use gitops_core::review::code_span;
use gitops_core::{
    Cause, Cx, Diff, DriftBeside, EngineHandle, EngineStatus, ErrorKind, FoundBeside, Phase, Plan, Result,
    Step, SyncResult, Time,
};
use gitops_forge::{ForgeExt, Marker};

use super::Shared;
use super::poll::AGAIN;
use crate::event::ServerEvent;

/// How many fields of an object the issue names, and how many bytes all objects have.
const FIELDS: usize = 6;
const ROOM: usize = 40_000;

/// How long a name is at most, in characters.
const NAME: usize = 150;

/// What the issue says; none if there is no drift.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Drift(Option<Told>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    text: String,
    objects: usize,
}

impl Shared {
    /// Keeps the issue of an application current, if its configuration wants one, for as long as the context goes on.
    pub(super) async fn keep_issue(&self, cx: &Cx, config: &Config) {
        if !config.forge.as_ref().is_some_and(|forge| forge.drift_issues) {
            return;
        }
        while let Some(handle) = self.engine_of(cx, config).await {
            self.keep_issue_while_open(cx, config, &handle).await;
        }
    }

    async fn keep_issue_while_open(&self, cx: &Cx, config: &Config, handle: &EngineHandle) {
        let (mut moved, mut status, plans) = (self.board.moved(), handle.status(), handle.plans());
        let (mut said, mut not_before) = (None, None);
        loop {
            let now = status.borrow_and_update().clone();
            let plan = plans.borrow().clone();
            let drift = plan.and_then(|plan| drift_of(config, &now, &plan));
            let is_due = not_before.is_none_or(|at| cx.now() >= at);
            if let Some(drift) = drift.filter(|drift| is_due && said.as_ref() != Some(drift)) {
                match Box::pin(self.tell_of_drift(cx, config, &drift)).await {
                    Ok(()) => (said, not_before) = (Some(drift), None),
                    Err(error) if error.kind() == ErrorKind::Cancelled => return,
                    Err(error) => {
                        not_before = Some(cx.now().after(self.every.min(AGAIN)));
                        let (repository, application) = (self.repository.clone(), config.name.clone());
                        let error = error.to_string();
                        self.tell(&ServerEvent::TellFailed { repository, application, error });
                    }
                }
            }
            let wait = not_before.map(|at: Time| at.since(cx.now()));
            tokio::select! {
                biased;
                () = cx.cancelled() => return,
                _ = moved.changed() => return,
                changed = status.changed() => if changed.is_err() { return },
                _ = cx.sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
        }
    }

    pub(super) async fn tell_of_drift(&self, cx: &Cx, config: &Config, drift: &Drift) -> Result<()> {
        let marker = Marker::new(format!("drift/{}/{}", self.context, config.name))?;
        let (is_written, objects) = match &drift.0 {
            Some(Told { text, objects }) => {
                let title = format!("Drift in {}", config.name);
                let upsert = || self.forge.upsert_issue(cx, &marker, &title, text);
                (patiently(cx, upsert).await?.is_written, *objects)
            }
            None => (patiently(cx, || self.forge.close_issue(cx, &marker)).await?, 0),
        };
        if is_written {
            let (repository, application) = (self.repository.clone(), config.name.clone());
            self.tell(&ServerEvent::Drift { repository, application, objects });
        }
        Ok(())
    }
}

/// What is to be said of an application's drift; nothing while it is not known: a target that is away for a moment closes no
/// issue. What is corrected at once is no news.
pub(super) fn drift_of(config: &Config, status: &EngineStatus, plan: &Plan) -> Option<Drift> {
    let last =
        status.last.as_ref().filter(|_| status.phase == Phase::Idle && status.plan == Some(plan.id))?;
    if last.kind.is_some() && !last.by_gate {
        return None;
    }
    let is_corrected = status.suspended.is_none()
        && matches!(last.result, Some(SyncResult::Succeeded | SyncResult::NotReady));
    let is_left = |step: &&Step| step.cause == Cause::Drift && !is_corrected;
    let steps = plan.drift.iter().chain(plan.steps.iter().filter(is_left)).map(line);
    let of_beside = |found: &DriftBeside| match plan.step(&found.key).filter(|_| found.only_drift) {
        Some(step) => line(step),
        None => line_beside(found),
    };
    let beside = plan.beside.iter().filter(|found| found.is_known() && !is_corrected).map(of_beside);
    let lines: Vec<String> = steps.chain(beside).collect();
    Some(Drift((!lines.is_empty()).then(|| Told { text: text(config, plan, &lines), objects: lines.len() })))
}

/// Names of objects and fields, and no values.
fn text(config: &Config, plan: &Plan, lines: &[String]) -> String {
    let name = code_span(&config.name, NAME);
    let revision = code_span(plan.revision.short(), NAME);
    let beside = plan.beside.iter().any(DriftBeside::is_known);
    let applied = if beside { "before commit" } else { "from commit" };
    let mut text = format!(
        "The target of {name} is not as it was applied {applied} {revision}: it was changed outside of Git, and is not corrected.\n\n"
    );
    let mut left = lines.len();
    for line in lines {
        if text.len() + line.len() > ROOM {
            break;
        }
        text.push_str(line);
        left -= 1;
    }
    if left > 0 {
        let _ = writeln!(text, "- and {left} more objects");
    }
    let command = code_span(&format!("gitops -a {} drift", config.name), NAME);
    let apply = code_span(&format!("gitops -a {} apply", config.name), NAME);
    let _ = write!(
        text,
        "\nSee it: {command}. Correct it with `sync: {{ drift: correct }}`, or by {apply} once no other process is at work; or declare what is there. This issue is closed by itself once nothing differs."
    );
    text
}

fn line(step: &Step) -> String {
    let key = code_span(&step.key.to_string(), NAME);
    format!("- {}: {key}{}\n", step.action, names(&step.diff))
}

/// An object that a pending commit changes too.
fn line_beside(beside: &DriftBeside) -> String {
    let key = code_span(&beside.key.to_string(), NAME);
    let (how, names) = match &beside.found {
        FoundBeside::Differs { fields, .. } => ("changed".to_owned(), names(fields)),
        found => (found.to_string(), String::new()),
    };
    format!("- {how}, while a commit for it waits: {key}{names}\n")
}

fn names(diff: &Diff) -> String {
    let fields: Vec<String> =
        diff.fields().iter().map(|field| code_span(&credentials(&field.path), NAME)).collect();
    let (shown, more) = fields.split_at(fields.len().min(FIELDS));
    let names = if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) };
    let more = if more.is_empty() { String::new() } else { format!(" and {} more fields", more.len()) };
    names + &more
}

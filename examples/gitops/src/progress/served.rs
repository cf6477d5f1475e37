//! What a server did: a line for people, or one JSON document per event on standard output.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gitops_app::documents::document;
use gitops_core::Cx;
use gitops_server::{ServerEvent, ServerEventDocument};

use crate::app::App;
use crate::output::Screen;
use crate::output::style::{GREEN, RED, YELLOW, escape, paint};

/// Writes the events of a server; they are numbered as one with those of its applications.
pub struct Served {
    cx: Cx,
    screen: Screen,
    seq: Arc<AtomicU64>,
}

impl Served {
    /// Where the command line wants it.
    pub fn new(app: &App) -> Self {
        Self { cx: app.cx.clone(), screen: app.screen, seq: app.events.clone() }
    }

    /// Writes one event. A reader that is gone must not stop the server.
    pub fn event(&self, event: &ServerEvent) {
        if self.screen.is_json() {
            let (seq, time) = (self.seq.fetch_add(1, Ordering::Relaxed), self.cx.now());
            let _ = self.screen.data(&document::line(&ServerEventDocument::new(seq, time, event)));
        } else if let Some(line) = line(event, self.screen.is_verbose()) {
            self.screen.note(&line);
        }
    }
}

/// The line of an event; nothing for one that changed nothing, unless everything is wanted.
fn line(event: &ServerEvent, is_verbose: bool) -> Option<String> {
    Some(match event {
        ServerEvent::Listening { address } => {
            format!("Listening on http://{address}: /healthz, /readyz, /metrics, /webhooks.")
        }
        ServerEvent::PollFailed { repository, error } => {
            format!("{} the requests of {repository}: {}", paint(RED, "can't ask for"), escape(error))
        }
        ServerEvent::Reviewed { comment: false, statuses: 0, .. } if !is_verbose => return None,
        ServerEvent::Reviewed { repository, request, head, outcome, comment, statuses, approved } => {
            let comment = if *comment { "comment written" } else { "comment unchanged" };
            let stored = match approved.is_empty() {
                true => String::new(),
                false => format!("; approvals stored: {}", approved.join(", ")),
            };
            let head = head.get(..12).unwrap_or(head);
            format!(
                "{} {repository}#{request} at {head}: {outcome}; {comment}, {statuses} statuses written{stored}",
                paint(GREEN, "reviewed")
            )
        }
        ServerEvent::ReviewFailed { repository, request, error } => {
            format!("{} {repository}#{request}: {}", paint(RED, "not reviewed:"), escape(error))
        }
        ServerEvent::Superseded { repository, request, commit, statuses, description } => {
            let commit = commit.get(..12).unwrap_or(commit);
            let said = escape(description);
            format!("{repository}#{request} at {commit}: {said}; {statuses} pending statuses ended")
        }
        ServerEvent::Queued { repository, commit, outcome, statuses, refused } => {
            let commit = commit.get(..12).unwrap_or(commit);
            let why = refused.as_ref().map(|why| format!(": {}", escape(why))).unwrap_or_default();
            format!(
                "{} {repository} at {commit} of the merge queue: {outcome}; {statuses} statuses written{why}",
                paint(GREEN, "reviewed")
            )
        }
        ServerEvent::QueueFailed { repository, commit, error } => {
            let commit = commit.get(..12).unwrap_or(commit);
            format!(
                "{} {repository} at {commit} of the merge queue: {}",
                paint(RED, "not reviewed:"),
                escape(error)
            )
        }
        ServerEvent::Commanded { repository, request, by, command, done, answer, .. } => {
            let style = if *done { GREEN } else { YELLOW };
            let answer = escape(answer.lines().next().unwrap_or_default());
            let by = escape(by);
            format!(
                "{} {by} in {repository}#{request}: {}: {answer}",
                paint(style, "command of"),
                escape(command)
            )
        }
        ServerEvent::Told { repository, application, commit, state, description } => {
            let commit = commit.get(..12).unwrap_or(commit);
            format!("{repository} {commit}: {application}: {state}: {}", escape(description))
        }
        ServerEvent::Drift { repository, application, objects: 0 } => {
            format!("{repository}: {application}: no drift any more; the issue is closed")
        }
        ServerEvent::Drift { repository, application, objects } => {
            format!("{repository}: {application}: the issue about drift names {objects} objects")
        }
        ServerEvent::Promotion { repository, application, request, description } => {
            let request = request.map(|request| format!("#{request} ")).unwrap_or_default();
            format!("{repository}: promotion to {application}: {request}{}", escape(description))
        }
        ServerEvent::TellFailed { repository, application, error } => {
            format!("{} {repository} of {application}: {}", paint(RED, "can't tell"), escape(error))
        }
        _ => return None,
    })
}

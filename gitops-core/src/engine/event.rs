//! The one observable log.

use std::sync::Arc;

use serde::Serialize;

use crate::plan::Obstacle;
use crate::value::{Action, Diagnostic, Key, PlanId};

/// Something that an engine did or learned.
///
/// Tests, progress bars, metrics and logs all read this one stream. An event never carries a value of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// An engine took up the state that an earlier process left.
    Recovered {
        /// Changes whose outcome had to be looked up.
        open: usize,
    },
    /// The source was asked what is newest.
    Resolved {
        /// The revision.
        revision: String,
    },
    /// A revision can be used, but somebody should know something about it.
    Warned {
        /// What it is.
        warning: Diagnostic,
    },
    /// The tree was turned into objects.
    Rendered {
        /// How many files were read and rendered; files that kept their id are not.
        parts: usize,
        /// How many objects are declared in all.
        objects: usize,
    },
    /// Targets were asked for objects.
    Observed {
        /// How many objects were asked for.
        asked: usize,
    },
    /// Targets were asked to preview changes.
    Previewed {
        /// How many.
        asked: usize,
        /// How many they could not; those objects are blocked.
        failed: usize,
    },
    /// A plan was made.
    Planned {
        /// Its id.
        plan: PlanId,
        /// How many objects were looked at.
        considered: usize,
        /// How many were compared field by field.
        diffed: usize,
        /// How many steps came of it.
        steps: usize,
        /// About how many objects nothing may be done.
        blocked: usize,
    },
    /// An intent is durable and its change is sent.
    Started {
        /// The object.
        key: Key,
        /// What is done.
        action: Action,
    },
    /// A change was made.
    Applied {
        /// The object.
        key: Key,
        /// What was done.
        action: Action,
    },
    /// A change is made and the object is not ready yet.
    Waiting {
        /// The object.
        key: Key,
        /// What it waits for.
        reason: String,
    },
    /// A change was made, and the target holds something else than was declared.
    Differs {
        /// The object.
        key: Key,
        /// The fields that differ: JSON pointers, the first few.
        fields: Vec<String>,
    },
    /// A change failed, or nobody knows whether it was made.
    Failed {
        /// The object.
        key: Key,
        /// What went wrong, in one line.
        error: String,
        /// What a person can do about it.
        help: Option<String>,
        /// Whether the change may have been made all the same.
        unknown: bool,
    },
    /// Nothing may be done about an object, or its step was not tried because of another object. Told when it begins and
    /// when the reason changes, not in each reconciliation.
    Blocked {
        /// The object.
        key: Key,
        /// What kind of thing blocks it.
        obstacle: Obstacle,
        /// Why, in one line.
        reason: String,
    },
    /// What blocked an object is gone.
    Unblocked {
        /// The object.
        key: Key,
        /// Why it was blocked.
        reason: String,
    },
    /// A target reported that objects may have moved.
    Moved {
        /// How many; nothing if it could be any.
        objects: Option<usize>,
    },
    /// A target's watch failed: all objects of the target are looked at.
    WatchFailed {
        /// The target, as keys name it.
        target: String,
        /// What went wrong, in one line.
        error: String,
    },
    /// Intents or outcomes were made durable.
    Journaled {
        /// How many records.
        records: usize,
    },
    /// A reconciliation is over.
    Finished {
        /// How many changes were made.
        applied: usize,
        /// How many failed, were blocked, or have an unknown outcome.
        failed: usize,
        /// About how many more objects nothing could be done.
        blocked: usize,
        /// How many changes were not tried, because somebody asked to stop or something newer came.
        skipped: usize,
    },
    /// Nothing newer is taken up, because the source can't be followed or what is new has to wait: meanwhile drift is repaired of
    /// the revision that was accepted last.
    KeepsAccepted {
        /// The revision's id.
        revision: String,
    },
    /// What is new is not taken up for now: gates do not let it pass, or another application comes first. Drift of what was
    /// accepted is repaired meanwhile. Told when it begins and when the reason changes, not in each reconciliation.
    Postponed {
        /// Why, in one line.
        reason: String,
        /// What a person can do about it.
        help: Option<String>,
    },
    /// Nothing is written for the application any more.
    Suspended {
        /// Why.
        reason: String,
        /// Who said so.
        by: String,
    },
    /// A suspended application goes on.
    Resumed {
        /// Who said so.
        by: String,
    },
    /// A reconciliation could not be made at all.
    ReconcileFailed {
        /// What went wrong, in one line.
        error: String,
        /// What a person can do about it.
        help: Option<String>,
        /// The faults in what is declared, each with its place, if that is why.
        diagnostics: Vec<Diagnostic>,
    },
}

/// Receives events; must return quickly and not fail.
pub trait EventSink: Send + Sync {
    /// Takes one event.
    fn event(&self, event: &Event);
}

impl<F: Fn(&Event) + Send + Sync> EventSink for F {
    fn event(&self, event: &Event) {
        self(event);
    }
}

/// Gives each event to every sink.
#[derive(Clone, Default)]
pub(crate) struct Events(Vec<Arc<dyn EventSink>>);

impl Events {
    pub(crate) fn add(&mut self, sink: Arc<dyn EventSink>) {
        self.0.push(sink);
    }

    pub(crate) fn emit(&self, event: &Event) {
        self.0.iter().for_each(|sink| sink.event(event));
    }
}

//! What there is to say about one step, in each form.

use std::fmt::Write;

use super::budget::{Form, Size, Sizes};
use super::escape::{code, fence};
use crate::review::hunk::{self, HunkLine};
use crate::review::text::object;
use crate::review::{Attribution, BlockedItem, Flag, Item, Withdrawn};
use crate::value::{Action, Key};

/// How long a name, a reason and a path are at most, in bytes.
const NAME: usize = 300;
const REASON: usize = 300;
const PATH: usize = 80;

/// How many paths a line names.
const PATHS: usize = 8;

/// How many flags a line names.
const FLAGS: usize = 6;

/// The heading under which an entry stands; they are shown in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    Blocked,
    Step(Attribution),
    Reported,
    Withdrawn,
}

impl Group {
    /// All of them, in order.
    pub(super) const ALL: [Self; 6] = [
        Self::Blocked,
        Self::Step(Attribution::ThisChange),
        Self::Step(Attribution::ExistingDrift),
        Self::Step(Attribution::BaseMoved),
        Self::Reported,
        Self::Withdrawn,
    ];

    pub(super) const fn heading(self) -> &'static str {
        match self {
            Self::Blocked => "**Blocked**: nothing is done to these\n\n",
            Self::Step(Attribution::ThisChange) => "**This change**\n\n",
            Self::Step(Attribution::ExistingDrift) => {
                "**Existing drift**: needed without this request too\n\n"
            }
            Self::Step(Attribution::BaseMoved) => {
                "**Base moved**: the target branch moved since the request was opened\n\n"
            }
            Self::Reported => "**Drift that is only reported**\n\n",
            Self::Withdrawn => "**No longer needed**\n\n",
        }
    }
}

/// One line of a unit in each of its forms but the last.
pub(super) struct Entry {
    pub(super) group: Group,
    pub(super) action: Option<Action>,
    forms: [String; 3],
}

impl Entry {
    pub(super) fn sizes(&self) -> Sizes {
        [Size::of(&self.forms[0]), Size::of(&self.forms[1]), Size::of(&self.forms[2])]
    }

    /// The text of a form; nothing for one that is only counted.
    pub(super) fn text(&self, form: Form) -> &str {
        self.forms.get(form as usize).map_or("", String::as_str)
    }

    pub(super) fn of_item(item: &Item) -> Self {
        let step = &item.step;
        let moved = if item.base_moved { " (**base moved**: the target branch changed it too)" } else { "" };
        let drifted =
            if item.drifted { " (**existing drift** too: it was changed outside of Git)" } else { "" };
        let name = format!("- **{}** {}{moved}{drifted}", verb(item), named(&step.key));
        let head = name.clone() + &place(item) + &flags(&item.flags);
        let lines = hunk::lines(step, hunk::HunkLimits::SOME);
        let reason = code(&step.reason.to_string(), REASON);
        let paths = match step.diff.fields().len() {
            0 => format!("{head}: {reason}\n"),
            all => format!("{head}: {}{}\n", paths(item), more(all, PATHS)),
        };
        let full = match lines.is_empty() {
            true => paths.clone(),
            false => format!("{head}: {reason}\n\n{}\n", fenced(&lines)),
        };
        let group = match item.is_reported_only {
            true => Group::Reported,
            false => Group::Step(item.attribution),
        };
        Self { group, action: Some(step.action), forms: [full, paths, name + "\n"] }
    }

    pub(super) fn of_withdrawn(withdrawn: &Withdrawn) -> Self {
        let why = match withdrawn.attribution {
            Attribution::BaseMoved => "the target branch moved",
            _ => "this change",
        };
        let line = format!("- {} {}: {why}\n", withdrawn.action, named(&withdrawn.key));
        Self {
            group: Group::Withdrawn,
            action: Some(withdrawn.action),
            forms: [line.clone(), line.clone(), line],
        }
    }

    pub(super) fn of_blocked(blocked: &BlockedItem) -> Self {
        let is_old = blocked.attribution != Attribution::ThisChange;
        let also = if is_old { " (on the target branch too)" } else { "" };
        let name = format!("- {}{also}", named(&blocked.key));
        let line = format!("{name}: {}\n", code(&blocked.why, REASON));
        Self { group: Group::Blocked, action: None, forms: [line.clone(), line, name + "\n"] }
    }
}

/// What is done, in a word; a change that removes components says so.
fn verb(item: &Item) -> String {
    match (item.step.action, item.loss()) {
        (action, Some(loss)) if action != loss => format!("{action} ({loss} within)"),
        (action, _) => action.to_string(),
    }
}

/// An object with its target.
pub(super) fn named(key: &Key) -> String {
    format!("{} in {}", code(&object(key), NAME), code(key.target(), PATH))
}

fn place(item: &Item) -> String {
    match &item.step.provenance {
        Some(place) if item.step.desired.is_none() => format!(" was {}", code(&place.to_string(), NAME)),
        Some(place) => format!(" {}", code(&place.to_string(), NAME)),
        None => String::new(),
    }
}

fn flags(flags: &[Flag]) -> String {
    if flags.is_empty() {
        return String::new();
    }
    let names: Vec<String> = flags.iter().take(FLAGS).map(|flag| code(&flag.rule, PATH)).collect();
    format!(" — {}{}", names.join(", "), more(flags.len(), FLAGS))
}

fn paths(item: &Item) -> String {
    let fields = item.step.diff.fields().iter().take(PATHS);
    fields.map(|field| code(&hunk::path(field), PATH)).collect::<Vec<_>>().join(", ")
}

pub(super) fn more(all: usize, shown: usize) -> String {
    if all > shown { format!(" and {} more", all - shown) } else { String::new() }
}

fn fenced(lines: &[HunkLine]) -> String {
    let fence = fence(lines.iter().map(|line| line.text.as_str()));
    let mut out = format!("{fence}diff\n");
    for line in lines {
        let _ = writeln!(out, "{} {}", line.sign, line.text);
    }
    out + &fence + "\n"
}

//! What would change, as a unified diff or field by field.

use gitops_app::documents::Document;
use gitops_app::documents::beside::BesidePart;
use gitops_app::documents::blocked::BlockedPart;
use gitops_app::documents::changes;
use gitops_app::documents::held::HeldPart;
use gitops_core::redact::credentials;
use gitops_core::{Action, Cause, Diff, FieldChange, Key, Plan, PlanId, Revision, Step, Value};
use serde::Serialize;
use similar::{ChangeTag, TextDiff};

use super::style::{self, BOLD, CYAN, GREEN, RED, YELLOW, escape, paint};
use super::unified;

/// How many equal lines are shown around what changes.
const CONTEXT: usize = 3;

/// One step and what it is compared with.
pub struct Compared<'a> {
    /// The step.
    pub step: &'a Step,
    /// Whether the plan does nothing about it, because drift is only reported.
    pub is_left: bool,
    /// How it differs from what was applied last, where the source moved too.
    pub beside: Option<BesidePart<'a>>,
    /// For what its deletion waits.
    pub held: Option<HeldPart<'a>>,
    /// What is declared, and of an object that is deleted what is live; nothing where only the fields are known.
    pub body: Option<Value>,
    /// What changes; for what is made or deleted, all of it.
    pub diff: Diff,
}

/// How differences are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As a unified diff of YAML, with so many equal lines around what changes.
    Unified(usize),
    /// As a list of fields.
    Fields,
}

/// The text for people; what is `blocked` comes after it.
pub fn human(objects: &[Compared<'_>], blocked: &[BlockedPart<'_>], form: Form) -> String {
    let one = |object: &Compared<'_>| match form {
        Form::Unified(context) => head(object) + &unified::object(object, context),
        Form::Fields => {
            object.diff.fields().iter().fold(head(object), |out, field| out + &self::field(field))
        }
    };
    match (objects, blocked) {
        ([], []) => "No changes.\n".to_owned(),
        ([], _) => "No changes, but not everything could be compared.\n".to_owned(),
        (objects, _) => objects.iter().map(one).collect(),
    }
}

fn head(Compared { step, is_left, beside, held, .. }: &Compared<'_>) -> String {
    let key = escape(&step.key.to_string());
    let style = style::of(step.action);
    let drift = match (step.cause, is_left) {
        (_, true) => "  (drift, not corrected: `sync.drift` is `report`)",
        (Cause::Drift, false) => "  (drift: changed outside of Git)",
        _ => "",
    };
    let beside = beside.as_ref().map(|part| match part.beside.is_known() {
        true if part.beside.only_drift => {
            "  (drift: changed outside of Git, and not by the commit)".to_owned()
        }
        true => format!("  (changed outside of Git too: {})", escape(&part.text)),
        false => format!("  ({})", escape(&part.text)),
    });
    let held = held.as_ref().map(|part| format!("  ({})", escape(&part.short())));
    format!(
        "{} {}  {}{}{}{}\n",
        paint(style, step.action.symbol()),
        paint(style, step.action),
        paint(BOLD, key),
        paint(YELLOW, drift),
        paint(YELLOW, beside.unwrap_or_default()),
        paint(YELLOW, held.unwrap_or_default())
    )
}

/// One field with both sides, or the lines of a text that come and go.
pub(super) fn field(field: &FieldChange) -> String {
    let name = escape(&credentials(field.path.trim_start_matches('/')));
    match changes::texts(field) {
        Some((before, after)) => lines(&name, &before, &after),
        None => format!("  {}\n", escape(&field.to_string())),
    }
}

/// Text of one line without an end, such as an image or a number of replicas, is a value and not a file.
fn value(name: &str, before: &str, after: &str) -> String {
    let sides = [(RED, '-', before), (GREEN, '+', after)].into_iter().filter(|(_, _, text)| !text.is_empty());
    let sides = sides.map(|(style, sign, text)| paint(style, format_args!("{sign}{}", escape(text))));
    [paint(CYAN, name)]
        .into_iter()
        .chain(sides)
        .flat_map(|line| ["  ".to_owned(), line, "\n".to_owned()])
        .collect()
}

fn lines(name: &str, before: &str, after: &str) -> String {
    if !before.contains('\n') && !after.contains('\n') {
        return value(name, before, after);
    }
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        lines.push(paint(CYAN, format_args!("{} {name}", hunk.header())));
        for change in hunk.iter_changes() {
            let text = escape(change.value().trim_end_matches(['\n', '\r']));
            lines.push(match change.tag() {
                ChangeTag::Equal => format!(" {text}"),
                ChangeTag::Insert => paint(GREEN, format_args!("+{text}")),
                ChangeTag::Delete => paint(RED, format_args!("-{text}")),
            });
            if change.missing_newline() {
                lines.push("\\ no newline at the end".to_owned());
            }
        }
    }
    lines.iter().flat_map(|line| ["  ", line, "\n"]).collect()
}

/// The document of `diff`.
#[derive(Serialize)]
pub struct DiffDocument<'a> {
    plan_id: PlanId,
    application: &'a str,
    revision: &'a Revision,
    objects: Vec<ObjectPart<'a>>,
    beside: Vec<&'a BesidePart<'a>>,
    blocked: &'a [BlockedPart<'a>],
    held: Vec<&'a HeldPart<'a>>,
}

impl Document for DiffDocument<'_> {
    const KIND: &'static str = "Diff";
}

#[derive(Serialize)]
struct ObjectPart<'a> {
    key: &'a Key,
    action: Action,
    fields: &'a Diff,
}

impl<'a> DiffDocument<'a> {
    /// The document of some steps of a plan.
    pub fn new(plan: &'a Plan, objects: &'a [Compared<'a>], blocked: &'a [BlockedPart<'a>]) -> Self {
        let part = |object: &'a Compared<'a>| ObjectPart {
            key: &object.step.key,
            action: object.step.action,
            fields: &object.diff,
        };
        Self {
            plan_id: plan.id,
            application: &plan.application,
            revision: &plan.revision,
            objects: objects.iter().map(part).collect(),
            beside: objects.iter().filter_map(|object| object.beside.as_ref()).collect(),
            blocked,
            held: objects.iter().filter_map(|object| object.held.as_ref()).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_of_one_line_is_shown_without_the_frame_of_a_file() {
        let change = |before: Option<&str>| {
            FieldChange::new("/image", before.map(Value::from), Some(Value::from("web:2")))
        };
        let shown = self::field(&change(Some("web:1"))) + &self::field(&change(None));
        insta::assert_snapshot!(anstream::adapter::strip_str(&shown).to_string(), @r"
        image
        -web:1
        +web:2
        image
        +web:2
        ");
    }

    #[test]
    fn lines_come_and_go_around_what_stays() {
        let field = FieldChange::new(
            "/content",
            Some(Value::from("one\ntwo\nthree\n")),
            Some(Value::from("one\n2\nthree\nfour")),
        );
        insta::assert_snapshot!(anstream::adapter::strip_str(&self::field(&field)).to_string(), @r"
        @@ -1,3 +1,4 @@ content
         one
        -two
        +2
         three
        +four
        \ no newline at the end
        ");
    }
}

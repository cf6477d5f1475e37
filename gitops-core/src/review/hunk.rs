//! The fields of a step, line by line.

use super::text::cut;
use crate::capability::FieldChange;
use crate::plan::Step;
use crate::value::Value;
use crate::value::redact::credentials;
use crate::value::text::on_one_line;

/// How many fields a hunk has, how many components it names, and how many lines of a text, of each side.
#[derive(Clone, Copy)]
pub(super) struct HunkLimits {
    fields: usize,
    components: usize,
    lines: usize,
}

impl HunkLimits {
    /// Those of a comment.
    pub const SOME: Self = Self { fields: 40, components: 40, lines: 20 };
    /// Everything.
    pub const NONE: Self = Self { fields: usize::MAX, components: usize::MAX, lines: usize::MAX };
}

/// How long a line is, in bytes.
const LINE: usize = 240;

/// One line: `-` for what is there, `+` for what comes, a blank for the rest.
pub(super) struct HunkLine {
    pub(super) sign: char,
    pub(super) text: String,
}

fn line(sign: char, text: impl AsRef<str>) -> HunkLine {
    let text = on_one_line(&credentials(text.as_ref()));
    // A line without a sign must not begin as a command of a forge does, also after blanks.
    let text = match sign == ' ' && text.trim_start().starts_with('/') {
        true => format!("field {text}"),
        false => text,
    };
    HunkLine { sign, text: cut(&text, LINE) }
}

/// The lines of a step: its components, then its fields.
pub(super) fn lines(step: &Step, limits: HunkLimits) -> Vec<HunkLine> {
    let changes = &step.components.changes;
    let components = changes.iter().take(limits.components).map(|change| {
        let sign = if change.risk.is_some() { '-' } else { ' ' };
        line(sign, format!("{} {}", change.action, change.name))
    });
    let mut lines: Vec<HunkLine> = components.collect();
    lines.extend(more(changes.len(), limits.components, "resources"));
    let fields = step.diff.fields();
    lines.extend(fields.iter().take(limits.fields).flat_map(|change| field(change, limits)));
    lines.extend(more(fields.len(), limits.fields, "fields"));
    lines
}

fn more(all: usize, shown: usize, what: &str) -> Option<HunkLine> {
    (all > shown).then(|| line(' ', format!("… {} more {what}", all - shown)))
}

/// The path of a field as people read it.
pub(super) fn path(field: &FieldChange) -> String {
    field.shown_path().trim_start_matches('/').replace("~1", "/").replace("~0", "~")
}

fn field(field: &FieldChange, limits: HunkLimits) -> Vec<HunkLine> {
    let path = path(field);
    if let Some(whom) = &field.stays_with {
        return vec![line(' ', format!("{path}: given up, and stays: {whom} sets it too"))];
    }
    if field.is_sensitive() && field.after.is_none() {
        return vec![line('-', format!("{path}: (sensitive)"))];
    }
    if field.is_sensitive() {
        return vec![line(' ', format!("{path} (sensitive, changed)"))];
    }
    if let Some((before, after)) = texts(field) {
        return of_texts(&path, before, after, limits.lines);
    }
    if field.before == field.after {
        let value = field.after.as_ref().map(ToString::to_string).unwrap_or_default();
        return vec![line(' ', format!("{path}: {value} (ownership reclaimed)"))];
    }
    let side =
        |sign, value: &Option<Value>| value.as_ref().map(|value| line(sign, format!("{path}: {value}")));
    [side('-', &field.before), side('+', &field.after)].into_iter().flatten().collect()
}

/// Both sides of a field whose value is text of several lines.
fn texts(field: &FieldChange) -> Option<(&str, &str)> {
    let text = |value: &'_ Option<Value>| matches!(value, None | Some(Value::Text(_)));
    if !text(&field.before) || !text(&field.after) {
        return None;
    }
    let before = field.before.as_ref().and_then(Value::as_text).unwrap_or_default();
    let after = field.after.as_ref().and_then(Value::as_text).unwrap_or_default();
    (before.lines().nth(1).is_some() || after.lines().nth(1).is_some()).then_some((before, after))
}

/// The lines between those with which both texts begin and end.
fn of_texts(path: &str, before: &str, after: &str, limit: usize) -> Vec<HunkLine> {
    // As a whole: a key has several lines.
    let (before, after) = (credentials(before), credentials(after));
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[same..], &after[same..]);
    let tail = before.iter().rev().zip(after.iter().rev()).take_while(|(a, b)| a == b).count();
    let (before, after) = (&before[..before.len() - tail], &after[..after.len() - tail]);
    let head = line(' ', format!("{path}: from line {}", same + 1));
    let side = |sign: char, lines: &[&str]| {
        let shown = lines.iter().take(limit).map(move |text| line(sign, text));
        shown.chain(more(lines.len(), limit, "lines")).collect::<Vec<_>>()
    };
    [vec![head], side('-', before), side('+', after)].into_iter().flatten().collect()
}

//! What a step does to the resources that its object is made of, a line each below it.

use anstyle::Style;
use gitops_app::documents::changes;
use gitops_core::{Action, ComponentChange, FieldChange, Step};

use super::style::{self, DIM};
use super::table::Cell;

/// How many are shown by name.
const SHOWN: usize = 20;

/// The rows below the step's own.
pub fn rows(step: &Step) -> Vec<Vec<Cell>> {
    let changes = &step.components.changes;
    let mut rows: Vec<_> = changes.iter().take(SHOWN).map(|change| row(step, change)).collect();
    if let Some(more) = changes.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        rows.push(vec!["".into(), "".into(), "".into(), format!("  and {more} more").into()]);
    }
    rows
}

fn row(step: &Step, change: &ComponentChange) -> Vec<Cell> {
    let (style, symbol) = sign(&change.action);
    let below = |field: &FieldChange| {
        let path = changes::within(field, change)?.strip_prefix('/')?;
        Some(FieldChange::new(path, field.before.clone(), field.after.clone()))
    };
    let fields: Vec<FieldChange> = step.diff.fields().iter().filter_map(below).collect();
    vec![
        Cell::styled(style, symbol),
        Cell::styled(style, &*change.action),
        step.key.target().into(),
        format!("  {}", change.name).into(),
        changes::some(&fields).into(),
    ]
}

/// The sign of an action, where it is one that objects have too.
fn sign(action: &str) -> (Style, &'static str) {
    let all = [Action::Create, Action::Update, Action::Replace, Action::Delete];
    match all.into_iter().find(|known| known.to_string() == action) {
        Some(action) => (style::of(action), action.symbol()),
        None => (DIM, "·"),
    }
}

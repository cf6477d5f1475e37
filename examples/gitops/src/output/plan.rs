//! A plan as people read it.

use std::fmt::Write;

use gitops_core::{Action, Cause, Held, Key, Note, Plan, Risk, Step, Verdict};

use super::style::{self, BOLD, CYAN, DIM, RED, YELLOW, count, escape, paint};
use super::table::{Cell, Columns, draw};
use super::{changes, components};

/// A plan, what the gates say of it, and how to draw it.
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What the gates say.
    pub verdict: &'a Verdict,
    /// How to keep columns apart.
    pub columns: Columns,
    /// The command that applies it, if there is one to show.
    pub next: Option<String>,
}

impl PlanView<'_> {
    /// The whole text: risks first, then the steps, drift by itself, what stands in the way, the sum, the way on.
    pub fn text(&self) -> String {
        let plan = self.plan;
        let of = |cause: Cause| plan.steps.iter().filter(move |step| step.cause == cause);
        let mut out = self.head();
        out += &risks(plan);
        out += &draw(&of(Cause::ThisChange).flat_map(rows).collect::<Vec<_>>(), self.columns);
        let corrected: Vec<&Step> = of(Cause::Drift).collect();
        out += &self.drift(&corrected, "corrected by this plan");
        out += &self.drift(&plan.drift.iter().collect::<Vec<_>>(), "left alone: `sync.drift` is `report`");
        out += &self.held();
        out += &kept(&plan.kept);
        out += &sum(plan);
        out += &verdict(self.verdict);
        if let Some(next) = self.next.as_ref().filter(|_| !plan.steps.is_empty()) {
            let _ = writeln!(out, "Apply it:  {}", paint(BOLD, next));
        }
        out
    }

    fn head(&self) -> String {
        let Plan { id, application, revision, observed_at, .. } = self.plan;
        format!(
            "{} {}  {application}  commit {}  {}\n",
            paint(BOLD, "Plan"),
            paint(BOLD, id.short()),
            escape(&revision.to_string()),
            paint(DIM, format_args!("observed {observed_at}")),
        )
    }

    fn drift(&self, steps: &[&Step], what: &str) -> String {
        match steps.is_empty() {
            true => String::new(),
            false => format!(
                "{} {} ({what})\n{}",
                paint(YELLOW, "Existing drift:"),
                count(steps.len(), "object"),
                draw(&steps.iter().copied().flat_map(rows).collect::<Vec<_>>(), self.columns)
            ),
        }
    }

    fn held(&self) -> String {
        let held = &self.plan.held;
        match held.is_empty() {
            true => String::new(),
            false => format!(
                "{} {} (nothing is done about it, and what needs it waits)\n{}",
                paint(YELLOW, "Held:"),
                count(held.len(), "object"),
                draw(&held.iter().map(held_row).collect::<Vec<_>>(), self.columns)
            ),
        }
    }
}

fn rows(step: &Step) -> Vec<Vec<Cell>> {
    [vec![row(step)], components::rows(step)].concat()
}

fn row(step: &Step) -> Vec<Cell> {
    let style = style::of(step.action);
    vec![
        Cell::styled(style, step.action.symbol()),
        Cell::styled(style, step.action.to_string()),
        step.key.target().into(),
        changes::object(&step.key).into(),
        changes::reason(step).into(),
        Cell::styled(CYAN, changes::place(step)),
    ]
}

fn held_row(held: &Held) -> Vec<Cell> {
    let key = &held.key;
    vec![
        Cell::styled(YELLOW, "!"),
        Cell::styled(YELLOW, "held"),
        key.target().into(),
        changes::object(key).into(),
        held.why.to_string().into(),
    ]
}

/// What a reviewer should look at twice, in one line.
fn risks(plan: &Plan) -> String {
    let kinds = [
        (Risk::Delete, "is deleted", "are deleted"),
        (Risk::Replace, "is replaced", "are replaced"),
        (Risk::Protected, "is protected", "are protected"),
        (Risk::Secret, "changes a secret", "change secrets"),
    ];
    let whole = kinds.iter().filter_map(|(risk, one, many)| risky(plan, *risk, one, many));
    let found: Vec<String> = whole.chain(plan.steps.iter().filter_map(losses)).collect();
    match found.is_empty() {
        true => String::new(),
        false => format!("{} {}\n", paint(RED, "High risk:"), found.join("; ")),
    }
}

fn risky(plan: &Plan, risk: Risk, one: &str, many: &str) -> Option<String> {
    let keys: Vec<String> = plan
        .steps
        .iter()
        .filter(|step| step.risk.contains(&risk) && is_of_the_object(step, risk))
        .map(|step| escape(&changes::object(&step.key)))
        .collect();
    match &keys[..] {
        [] => None,
        [key] => Some(format!("{key} {one}")),
        keys if keys.len() <= 3 => Some(format!("{} {many}", keys.join(", "))),
        keys => Some(format!("{} and {} more {many}", keys[..2].join(", "), keys.len() - 2)),
    }
}

/// Whether a risk is of the object itself: one that a component brings is told by [`losses`].
fn is_of_the_object(step: &Step, risk: Risk) -> bool {
    match risk {
        Risk::Delete => step.action == Action::Delete,
        Risk::Replace => step.action == Action::Replace,
        _ => true,
    }
}

/// What an object loses of what it is made of, the first three by name.
fn losses(step: &Step) -> Option<String> {
    let lost: Vec<String> =
        step.components.lost().map(|change| format!("{} {}", change.action, change.name)).collect();
    let object = changes::object(&step.key);
    match lost.len() {
        0 => None,
        1..=3 => Some(escape(&format!("{object} will {}", lost.join(", ")))),
        all => Some(escape(&format!("{object} will {} and {} more", lost[..2].join(", "), all - 2))),
    }
}

fn kept(kept: &[Key]) -> String {
    match kept.is_empty() {
        true => String::new(),
        false => format!(
            "Kept: {} no longer declared and not deleted, because pruning is off or they say so\n",
            count(kept.len(), "object")
        ),
    }
}

fn sum(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        let as_declared = plan.drift.is_empty() && plan.held.is_empty();
        let rest = if as_declared { "" } else { ", the others are listed above" };
        let verb = if plan.unchanged == 1 { "is" } else { "are" };
        return format!("No changes: {} {verb} as declared{rest}.\n", count(plan.unchanged, "object"));
    }
    let mut targets: Vec<&str> = plan.steps.iter().map(|step| step.key.target()).collect();
    targets.sort_unstable();
    targets.dedup();
    let whole = format!("Plan: {}; {} unchanged.\n", counts(plan, |_| true), plan.unchanged);
    let of_target = |target| format!("  {target}: {}\n", counts(plan, |step| step.key.target() == target));
    match targets.len() {
        1 => whole,
        _ => targets.into_iter().fold(whole, |sum, target| sum + &of_target(target)),
    }
}

fn counts(plan: &Plan, counted: impl Fn(&Step) -> bool) -> String {
    let n = |action| plan.steps.iter().filter(|step| step.action == action && counted(step)).count();
    format!(
        "{} to create, {} to update, {} to replace, {} to delete",
        n(Action::Create),
        n(Action::Update),
        n(Action::Replace),
        n(Action::Delete)
    )
}

fn verdict(verdict: &Verdict) -> String {
    let (style, word) = match verdict {
        Verdict::Allow => return String::new(),
        Verdict::Warn { .. } => (YELLOW, "Warning:"),
        Verdict::NeedsApproval { .. } => (YELLOW, "Needs an approval:"),
        Verdict::Deny { .. } => (RED, "Denied:"),
    };
    let line = |note: &Note| format!("{} {}\n", paint(style, word), escape(&note.to_string()));
    verdict.notes().iter().map(line).collect::<Vec<_>>().concat()
}

#[cfg(test)]
mod tests;

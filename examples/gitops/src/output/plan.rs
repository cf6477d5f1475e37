//! A plan as people read it.
// Long because one plan is drawn in one place.

use std::collections::BTreeMap;
use std::fmt::Write;

use gitops_app::documents::beside::{self, BesidePart};
use gitops_app::documents::{blocked::all as all_blocked, changes, held};
use gitops_core::{
    Action, Cause, Commits, ForeignOutcome, GateMessage, Key, OrphanedBecause, Plan, Rebound, Risk, Step,
    Strictness, Time, Verdict, Whose,
};

use super::folded::{self, Line, Rows};
use super::style::{self, BOLD, CYAN, DIM, GREEN, RED, YELLOW, count, escape, paint};
use super::table::{Cell, Columns, draw, fit};
use super::{blocked, commits, components};

/// A plan, what the gates say of it, and how to draw it.
pub struct PlanView<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// What the gates say.
    pub verdict: &'a Verdict,
    /// Where it is applied, as people say it.
    pub target: String,
    /// The commits that it brings, as far as they are shown.
    pub commits: Option<Brought<'a>>,
    /// How to keep columns apart.
    pub columns: Columns,
    /// The command that applies it, if there is one to show.
    pub next: Option<String>,
    /// The command that tells more of an object.
    pub why: String,
    /// The command that lists each object, where the same is said of many; nothing to list each here.
    pub each: Option<String>,
    /// Whether drift was looked for.
    pub drift_looked_for: bool,
}

/// The commits that a plan brings.
pub struct Brought<'a> {
    /// The commits.
    pub commits: &'a Commits,
    /// The time from which their age counts.
    pub now: Time,
    /// The command that lists all of them; nothing to list them here.
    pub all: Option<String>,
}

impl PlanView<'_> {
    /// The whole text: what is lost first, and once more at the end, then the steps, drift by itself, what stands in the way, the sum, the way on.
    pub fn text(&self) -> String {
        let plan = self.plan;
        let of = |cause: Cause| plan.steps.iter().filter(move |step| step.cause == cause);
        let mut out = self.head() + &self.brought();
        out += &rebound(&plan.rebound);
        let dangers = dangers(plan);
        out += &dangers;
        out += &secrets(plan);
        let changes = self.table(of(Cause::ThisChange));
        let corrected = self.table(of(Cause::Drift));
        let left = self.table(plan.drift.iter());
        out += &draw(&changes.rows, self.columns);
        out += &self.drift(&corrected, of(Cause::Drift).count(), "corrected by this plan");
        out += &self.drift(&left, plan.drift.len(), "not corrected: `sync.drift` is `report`");
        let is_folded = changes.is_folded || corrected.is_folded || left.is_folded;
        if let Some(each) = self.each.as_ref().filter(|_| is_folded) {
            let _ = writeln!(out, "  Each of them:  {each}");
        }
        out += &blocked::section(&all_blocked(plan), self.columns, &self.why, self.each.as_deref());
        out += &orphaned(plan);
        out += &sum(plan, self.drift_looked_for);
        // Once more, where the reader of a long plan is at the end.
        out += &dangers;
        out += &verdict(self.verdict);
        let is_denied = matches!(self.verdict, Verdict::Deny { .. });
        let does_nothing = plan.steps.is_empty() && plan.rebound.is_empty();
        if let Some(next) = self.next.as_ref().filter(|_| !does_nothing && !is_denied) {
            let _ = writeln!(out, "Apply it:  {}", paint(BOLD, next));
        }
        fit(&out, self.columns)
    }

    fn head(&self) -> String {
        let Plan { id, application, revision, observed_at, .. } = self.plan;
        format!(
            "{} {}  {application} → {}  commit {}  {}\n",
            paint(BOLD, "Plan"),
            paint(BOLD, id.short()),
            escape(&self.target),
            escape(&revision.to_string()),
            paint(DIM, format_args!("observed {observed_at}")),
        )
    }

    fn brought(&self) -> String {
        let Some(Brought { commits, now, all }) =
            self.commits.as_ref().filter(|brought| !brought.commits.list.is_empty())
        else {
            return String::new();
        };
        let from = escape(&commits.from.to_string());
        let sum = format!("{} {} since {from}\n", paint(BOLD, "Brings"), commits::sum(commits));
        match all {
            Some(all) => sum + &commits::newest(commits, *now, all),
            None => sum + &commits::table(&commits.list, *now, self.columns),
        }
    }

    fn drift(&self, Rows { rows, .. }: &Rows, objects: usize, what: &str) -> String {
        match objects {
            0 => String::new(),
            objects => format!(
                "{} {} ({what})\n{}",
                paint(YELLOW, "Existing drift:"),
                count(objects, "object"),
                draw(rows, self.columns)
            ),
        }
    }

    fn table<'s>(&self, steps: impl Iterator<Item = &'s Step>) -> Rows {
        let held = held::behind(self.plan);
        let waits = |step: &Step| held.get(&step.key).map_or("", String::as_str);
        folded::rows(steps.map(|step| line(self.plan, step, waits(step))).collect(), self.each.is_none())
    }
}

/// What is said of a step. What is protected or secret, and what more is to be said of, stands by itself.
fn line<'s>(plan: &Plan, step: &'s Step, waits: &str) -> Line<'s> {
    let below = [components::rows(step), asides(plan, step), beside_row(plan, step)].concat();
    let is_plain = |risk: &Risk| matches!(risk, Risk::Delete | Risk::Replace);
    let folds = below.is_empty() && step.risk.iter().all(is_plain);
    Line { key: &step.key, row: row(step, what(step) + waits), below, folds }
}

/// What a step changes. Of drift both sides are named: which one is live is all that it is about.
fn what(step: &Step) -> String {
    match step.cause {
        Cause::Drift => changes::drift(step),
        _ => changes::reason(step),
    }
}

/// What somebody changed of an object that the source changes too, on a line below its step.
fn beside_row(plan: &Plan, step: &Step) -> Vec<Vec<Cell>> {
    let row = |part: BesidePart<'_>| {
        let (word, text) = match part.beside.is_known() {
            true if part.beside.only_drift => {
                ("drifted", format!("  changed outside of Git, and not by the commit: {}", part.text))
            }
            true => ("drifted", format!("  changed outside of Git too: {}", part.text)),
            false => ("drifted?", format!("  {}", part.text)),
        };
        vec![Cell::styled(YELLOW, "!"), Cell::styled(YELLOW, word), step.key.target().into(), text.into()]
    };
    beside::of(plan, &step.key).map(row).into_iter().collect()
}

/// What goes with a delete, and the fields that other clients set: a line each below the step's own.
fn asides(plan: &Plan, step: &Step) -> Vec<Vec<Cell>> {
    let is_reported = plan.drift.iter().any(|left| left.key == step.key);
    let takes = step.takes.iter().map(|taken| {
        let style = if taken.whose == Whose::Ours { DIM } else { RED };
        (style, "takes", taken.to_string())
    });
    let foreign = step.foreign.iter().map(|field| {
        let (style, word) = match field.outcome {
            // Nothing of it is written.
            ForeignOutcome::Restored if is_reported => return (DIM, "reported", field.origin()),
            ForeignOutcome::Restored => (YELLOW, "restored"),
            ForeignOutcome::Left { .. } => (DIM, "left"),
            ForeignOutcome::StoredOtherwise { .. } => (RED, "otherwise"),
            _ => (RED, "blocked"),
        };
        (style, word, field.to_string())
    });
    let aside = |(style, word, text): (anstyle::Style, &'static str, String)| {
        vec![
            Cell::styled(style, "!"),
            Cell::styled(style, word),
            step.key.target().into(),
            format!("  {text}").into(),
        ]
    };
    takes.chain(foreign).map(aside).collect()
}

fn row(step: &Step, what: String) -> Vec<Cell> {
    let style = style::of(step.action);
    vec![
        Cell::styled(style, step.action.symbol()),
        Cell::styled(style, step.action.to_string()),
        step.key.target().into(),
        changes::object(&step.key).into(),
        what.into(),
        Cell::styled(CYAN, changes::place(step)),
    ]
}

/// What the state moves to, a line each.
fn rebound(moved: &[Rebound]) -> String {
    let line = |moved: &Rebound| format!("{} {}\n", paint(YELLOW, "Moves:"), escape(&moved.to_string()));
    moved.iter().map(line).collect()
}

/// What is lost by the plan, a line each, the gravest first.
fn dangers(plan: &Plan) -> String {
    let kinds = [
        (Risk::Delete, "will be DELETED", "will be DELETED"),
        (Risk::Replace, "will be DELETED and made anew", "will be DELETED and made anew"),
    ];
    let grave = [(Action::Delete, "DELETED"), (Action::Replace, "DELETED and made anew")];
    let grave = grave.iter().filter_map(|(action, what)| protected(plan, *action, what));
    let whole = grave.chain(kinds.iter().filter_map(|(risk, one, many)| risky(plan, *risk, one, many)));
    let found = whole.chain(plan.steps.iter().filter_map(losses));
    let lines: Vec<String> = found.map(|danger| format!("{} {danger}\n", paint(RED, "DANGER:"))).collect();
    lines.concat()
}

/// Secret material that changes: to be looked at twice, and no loss.
fn secrets(plan: &Plan) -> String {
    match risky(plan, Risk::Secret, "changes a secret", "change secrets") {
        Some(found) => format!("{} {found}\n", paint(YELLOW, "Look twice:")),
        None => String::new(),
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

/// How many protected objects are named.
const NAMED: usize = 5;

/// The protected objects that an action removes; first those that take with them what is not ours, or nobody knows what.
fn protected(plan: &Plan, action: Action, what: &str) -> Option<String> {
    let mut steps: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| step.action == action && step.risk.contains(&Risk::Protected))
        .collect();
    let strays = |step: &Step| step.takes.iter().filter(|taken| taken.whose != Whose::Ours).count();
    steps.sort_by_key(|step| std::cmp::Reverse((strays(step), step.takes.len())));
    let named: Vec<String> =
        steps.iter().take(NAMED).map(|step| escape(&changes::object(&step.key))).collect();
    let more = steps.len().checked_sub(NAMED).filter(|more| *more > 0);
    let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
    let noun = if steps.len() == 1 { "object" } else { "objects" };
    let head = format!("{} protected {noun} will be {what}", steps.len());
    (!steps.is_empty()).then(|| format!("{}: {}{more}", paint(RED, head), named.join(", ")))
}

/// Whether a risk is of the object itself: one that a component brings is told by [`losses`], one of what is protected by
/// [`protected`].
fn is_of_the_object(step: &Step, risk: Risk) -> bool {
    let is_plain = !step.risk.contains(&Risk::Protected);
    match risk {
        Risk::Delete => step.action == Action::Delete && is_plain,
        Risk::Replace => step.action == Action::Replace && is_plain,
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

/// What stays, by name as far as that is short, with each reason.
fn orphaned(plan: &Plan) -> String {
    let mut of_reason: BTreeMap<Option<OrphanedBecause>, Vec<&Key>> = BTreeMap::new();
    for key in &plan.orphaned {
        of_reason.entry(plan.orphaned_because.get(key).copied()).or_default().push(key);
    }
    of_reason.iter().map(|(why, keys)| orphaned_for(*why, keys)).collect()
}

fn orphaned_for(why: Option<OrphanedBecause>, keys: &[&Key]) -> String {
    let named: Vec<String> = keys.iter().take(NAMED).map(|key| escape(&changes::object(key))).collect();
    let more = keys.len().checked_sub(NAMED).filter(|more| *more > 0);
    let more = more.map(|more| format!(" and {more} more")).unwrap_or_default();
    let why = match why {
        Some(OrphanedBecause::PruningIsOff) => ", because pruning is off",
        Some(OrphanedBecause::DeclaredToStay) if keys.iter().all(|key| key.kind().kind() == "Root") => {
            ", by the policy `removal: retain`"
        }
        Some(OrphanedBecause::DeclaredToStay) => ", as was declared when it was applied last",
        Some(OrphanedBecause::Unlabelled) => ", because its owner label was taken off",
        Some(OrphanedBecause::MadeAnew) => {
            ", because others made it anew with our owner label (delete it, or take the label off)"
        }
        Some(OrphanedBecause::TargetGone) => {
            ", because its target is not set up any more (set it up again under its name to go on)"
        }
        Some(OrphanedBecause::MarkedToStay) => ", because an annotation on it says so",
        _ => "",
    };
    format!(
        "{} {} no longer declared and not deleted{why}: {}{more}\n",
        paint(YELLOW, "Orphaned:"),
        count(keys.len(), "object"),
        named.join(", ")
    )
}

fn sum(plan: &Plan, drift_looked_for: bool) -> String {
    match drift_looked_for {
        true => sums(plan),
        // What was not looked at is not as declared.
        false if plan.steps.is_empty() && plan.blocked.is_empty() => format!(
            "No changes are declared: {} stay as the last plan left them.\n{NOT_LOOKED_FOR}",
            count(plan.unchanged, "object")
        ),
        false => sums(plan) + NOT_LOOKED_FOR,
    }
}

const NOT_LOOKED_FOR: &str = "Drift was not looked for: without `--changed` it is.\n";

fn sums(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return without_steps(plan);
    }
    let mut targets: Vec<&str> = plan.steps.iter().map(|step| step.key.target()).collect();
    targets.sort_unstable();
    targets.dedup();
    let blocked = match plan.blocked.len() {
        0 => String::new(),
        blocked => format!(", {blocked} blocked"),
    };
    let whole = format!("Plan: {}{blocked}; {} unchanged.\n", counts(plan, |_| true), plan.unchanged);
    let of_target = |target| format!("  {target}: {}\n", counts(plan, |step| step.key.target() == target));
    match targets.len() {
        1 => whole,
        _ => targets.into_iter().fold(whole, |sum, target| sum + &of_target(target)),
    }
}

/// Nothing is to be done. Where something is blocked, that is not for want of changes.
fn without_steps(plan: &Plan) -> String {
    let is = |n: usize| if n == 1 { "is" } else { "are" };
    let declared = format!("{} {} as declared", count(plan.unchanged, "object"), is(plan.unchanged));
    let drifted = match plan.drift.len() {
        0 => String::new(),
        n => format!(", {n} drifted and not corrected"),
    };
    match plan.blocked.len() {
        0 => format!("No changes: {declared}{drifted}.\n"),
        n => format!(
            "Nothing can be applied: {} {} blocked{drifted}; {declared}.\n",
            count(n, "object"),
            is(n)
        ),
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

/// What each gate says, by itself: what is approved, or only to be known, is not denied because something beside it is.
fn verdict(verdict: &Verdict) -> String {
    let line = |(own, note): (Strictness, &GateMessage)| {
        let (style, word) = match own {
            Strictness::Warn if note.approved_by.is_some() => (GREEN, "Approved:"),
            Strictness::Warn => (YELLOW, "Warning:"),
            Strictness::NeedsApproval => (YELLOW, "Needs an approval:"),
            _ => (RED, "Denied:"),
        };
        format!("{} {}\n", paint(style, word), escape(&note.to_string()))
    };
    verdict.each().map(line).collect()
}

#[cfg(test)]
mod tests;

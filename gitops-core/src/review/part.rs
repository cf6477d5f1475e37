use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::approval::Standing;
use super::attribution::{Effects, effect_of, shown_of};
use super::rules::gravest;
use super::{Attribution, BlockedItem, Counts, Flag, Item, Outcome, RiskLevel, Rules, Withdrawn};
use crate::gate::Verdict;
use crate::plan::{Cause, Plan, Step};
use crate::value::{Digest, Effect, Key, PlanId, Revision};

/// Where an application belongs, in the words of its owner.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Labels {
    /// The environment, such as `staging`; empty for none.
    pub environment: String,
    /// Whether people depend on it: its steps are shown before those of others.
    pub is_production: bool,
}

impl Labels {
    /// An application in this environment.
    pub fn new(environment: impl Into<String>, is_production: bool) -> Self {
        Self { environment: environment.into(), is_production }
    }
}

/// What a review knows about an application apart from its plans.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Context<'a> {
    /// Where the application belongs.
    pub labels: Labels,
    /// The rules that find risks.
    pub rules: &'a Rules,
    /// What the gates say of the plan of the merge result.
    pub verdict: Verdict,
    /// Objects that were not healthy before, and why.
    pub unhealthy: BTreeMap<Key, String>,
    /// Whether the targets were looked at. If not, the plans compare Git with Git and can't be approved.
    pub looked_at_target: bool,
}

impl<'a> Context<'a> {
    /// No labels, every gate passed, everything healthy, the targets looked at.
    pub fn new(rules: &'a Rules) -> Self {
        Self {
            labels: Labels::default(),
            rules,
            verdict: Verdict::Allow,
            unhealthy: BTreeMap::new(),
            looked_at_target: true,
        }
    }
}

/// The plan that one side of a review was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Side {
    /// The plan; nothing where the target was not looked at, for such a plan has another id in each process.
    pub plan_id: Option<PlanId>,
    /// Its revision.
    pub revision: Revision,
}

impl Side {
    fn of(plan: &Plan, looked_at_target: bool) -> Self {
        Self { plan_id: looked_at_target.then_some(plan.id), revision: plan.revision.clone() }
    }

    /// The plan and the revision, for people who read them in code spans that `quote` makes.
    pub(super) fn words(&self, revision: &str, quote: impl Fn(&str) -> String) -> String {
        match &self.plan_id {
            Some(id) => format!("plan {} of {}", quote(&id.short()), quote(revision)),
            None => quote(revision),
        }
    }
}

/// What a request does to one application.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Part {
    /// The application.
    pub application: String,
    /// Where it belongs.
    pub labels: Labels,
    /// The plan of the target branch.
    pub base: Side,
    /// The plan of the merge result.
    pub head: Side,
    /// The digest of everything that an apply of the merge result would do. An approval names it. Where the target was not
    /// looked at, it is the digest of what is shown, and no approval covers it.
    pub effect: Digest,
    /// What the gates say.
    pub verdict: Verdict,
    /// Risks of the application as a whole, the gravest first.
    pub flags: Vec<Flag>,
    /// The steps of the merge result, the gravest first.
    pub items: Vec<Item>,
    /// Steps that are no longer needed.
    pub withdrawn: Vec<Withdrawn>,
    /// Objects about which nothing may be done.
    pub blocked: Vec<BlockedItem>,
    /// How many of all those there are.
    pub counts: Counts,
    /// Whether the targets were looked at.
    pub looked_at_target: bool,
    /// How far the approvals are, if anybody asked.
    pub approvals: Option<Standing>,
}

impl Part {
    /// Compares the plan of the target branch's head with that of the merge result; both against the same live state.
    ///
    /// `opened` is the plan of the target branch as it was when the request was opened, also against the live state.
    /// Without it nothing is attributed to a move of the target branch.
    ///
    /// Steps are compared by their [effect](Plan::effect), which is what people approve: what is done to which incarnation of
    /// an object, what comes of it, what goes with it and what it waits for. Revisions, versions and places in files are no
    /// part of that.
    pub fn of(base: &Plan, head: &Plan, opened: Option<&Plan>, context: &Context<'_>) -> Self {
        let before = Effects::of(base);
        let merged = Effects::of(head);
        let opened_effects = opened.map(Effects::of);
        let base_drift: BTreeSet<&Key> = drifted(base).collect();
        let item = |step: &Step, is_reported_only| Item {
            attribution: merged.attribute(&step.key, &before, opened_effects.as_ref()),
            flags: context.rules.of_step(step, context.unhealthy.get(&step.key).map(String::as_str)),
            base_moved: merged.moved_with(&step.key, &before, opened_effects.as_ref()),
            drifted: merged.attribute(&step.key, &before, opened_effects.as_ref()) == Attribution::ThisChange
                && base_drift.contains(&step.key),
            step: step.clone(),
            is_reported_only,
        };
        let steps = head.steps.iter().map(|step| item(step, false));
        let mut items: Vec<Item> = steps.chain(head.drift.iter().map(|step| item(step, true))).collect();
        let rank = |item: &Item| (item.is_reported_only, item.rank(context.labels.is_production));
        items.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.step.key.cmp(&b.step.key)));

        let withdrawn = withdrawn(base, opened, &before, &merged, head);
        let blocked = blocked(base, head);
        let still_unhealthy = context.unhealthy.keys().filter(|key| !merged.contains(key)).count();
        let mut counts = Counts {
            withdrawn: withdrawn.len(),
            blocked: blocked.len(),
            unchanged: head.unchanged,
            ..Counts::default()
        };
        items.iter().for_each(|item| counts.add(item));
        Self {
            application: head.application.clone(),
            labels: context.labels.clone(),
            base: Side::of(base, context.looked_at_target),
            head: Side::of(head, context.looked_at_target),
            effect: if context.looked_at_target { effect_of(head) } else { shown_of(head) },
            verdict: context.verdict.clone(),
            flags: context.rules.of_plan(head, still_unhealthy),
            items,
            withdrawn,
            blocked,
            counts,
            looked_at_target: context.looked_at_target,
            approvals: None,
        }
    }

    /// The same where the target branch can't be planned, which the request may be there to mend: everything is of this
    /// change. `base` is the target branch's revision.
    pub fn alone(head: &Plan, base: Revision, context: &Context<'_>) -> Self {
        let nothing = Plan {
            revision: base,
            steps: Vec::new(),
            drift: Vec::new(),
            blocked: Vec::new(),
            orphaned: Vec::new(),
            orphaned_because: BTreeMap::new(),
            effect: Effect::default(),
            ..head.clone()
        };
        let mut part = Self::of(&nothing, head, None, context);
        part.base.plan_id = None;
        part
    }

    /// What it comes to.
    ///
    /// What only compares Git with Git is never approved, and a denial is never lifted.
    pub fn outcome(&self) -> Outcome {
        let needs_approval = matches!(self.verdict, Verdict::NeedsApproval { .. });
        let asks = self.approvals.as_ref().is_some_and(Standing::asks);
        match &self.verdict {
            _ if self.newly_blocked().next().is_some() => Outcome::Failed,
            Verdict::Deny { .. } => Outcome::Denied,
            _ if self.is_approved() => Outcome::Approved,
            _ if needs_approval || asks => Outcome::NeedsApproval,
            _ if self.changes_nothing() => Outcome::NoChanges,
            _ => Outcome::Ready,
        }
    }

    /// Whether rules ask for approvals of it, and all are met. What only compares Git with Git never is.
    pub fn is_approved(&self) -> bool {
        self.looked_at_target
            && self.approvals.as_ref().is_some_and(|standing| standing.asks() && standing.is_met())
    }

    /// What the request blocks and does not end by itself.
    pub fn newly_blocked(&self) -> impl Iterator<Item = &BlockedItem> {
        let is_ours = |blocked: &&BlockedItem| blocked.attribution == Attribution::ThisChange;
        self.blocked.iter().filter(is_ours).filter(|blocked| !blocked.obstacle.ends_by_itself())
    }

    /// The gravest level of anything in it.
    pub fn level(&self) -> Option<RiskLevel> {
        let items = self.items.iter().filter_map(Item::level);
        items.chain(gravest(&self.flags)).max()
    }

    /// Whether an apply of the merge result would do nothing that the target branch would not, and nothing new is
    /// blocked.
    pub fn changes_nothing(&self) -> bool {
        let is_ours = |attribution| attribution == Attribution::ThisChange;
        self.counts.this_change.total() == 0
            && !self.withdrawn.iter().any(|withdrawn| is_ours(withdrawn.attribution))
            && !self.blocked.iter().any(|blocked| is_ours(blocked.attribution))
    }
}

/// What the target branch alone would put back.
fn drifted(base: &Plan) -> impl Iterator<Item = &Key> {
    let is_drift = |step: &&Step| step.cause == Cause::Drift || step.left_otherwise;
    base.steps.iter().filter(is_drift).chain(&base.drift).map(|step| &step.key)
}

/// The steps that are no longer needed: the target branch has them and the merge result has not, or the target branch
/// had them when the request was opened.
fn withdrawn(
    base: &Plan,
    opened: Option<&Plan>,
    before: &Effects,
    merged: &Effects,
    head: &Plan,
) -> Vec<Withdrawn> {
    let blocked: BTreeSet<&Key> = head.blocked.iter().map(|blocked| &blocked.key).collect();
    let gone = |step: &&Step| !merged.contains(&step.key) && !blocked.contains(&step.key);
    let of_base = base.steps.iter().filter(gone).map(|step| (step, Attribution::ThisChange));
    let of_opened = opened.into_iter().flat_map(|plan| &plan.steps).filter(gone);
    let of_opened = of_opened.filter(|step| !before.contains(&step.key));
    let all = of_base.chain(of_opened.map(|step| (step, Attribution::BaseMoved)));
    let mut withdrawn: Vec<Withdrawn> = all
        .map(|(step, attribution)| Withdrawn { key: step.key.clone(), action: step.action, attribution })
        .collect();
    withdrawn.sort_by(|a, b| (a.attribution, a.action, &a.key).cmp(&(b.attribution, b.action, &b.key)));
    withdrawn
}

fn blocked(base: &Plan, head: &Plan) -> Vec<BlockedItem> {
    let before: BTreeSet<&Key> = base.blocked.iter().map(|blocked| &blocked.key).collect();
    let mut blocked: Vec<BlockedItem> = head
        .obstacles()
        .map(|(blocked, obstacle)| BlockedItem {
            key: blocked.key.clone(),
            why: blocked.why.to_string(),
            obstacle,
            attribution: match before.contains(&blocked.key) {
                true => Attribution::ExistingDrift,
                false => Attribution::ThisChange,
            },
        })
        .collect();
    blocked.sort_by(|a, b| (a.attribution, &a.key).cmp(&(b.attribution, &b.key)));
    blocked
}

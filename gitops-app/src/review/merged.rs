//! A request that is merged: what the applications still want approved, and who approved it since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_core::review::approval::{ApprovalRules, Opinion, Unapplied, Vote};
use gitops_core::review::{Context, Outcome, Part, Review};
use gitops_core::{
    Approver, AuditEvent, AuditRecord, Cx, Digest, DriftBeside, Error, ErrorKind, EventSink, Plan,
    Request as Order, Result, Revision, Step, Through, Verdict,
};
use gitops_forge::{ChangeRequest, RequestState};

use super::unapplied::{Asking, Since};
use super::{Asked, approvals, labels, owners};
use crate::config::{Approvers, Config, WindowsConfig};
use crate::gates;
use crate::order;
use crate::session::{Access, Session};

/// How many steps are named of what waits.
const STEPS: usize = 6;

/// How an application stands after the merge of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AfterMerge {
    /// The application.
    pub application: String,
    /// What the gates want approved of the next apply; nothing if it needs nobody.
    pub wanted: Vec<String>,
    /// The digest of what the next apply would do: what `/approve` names.
    pub effect: Digest,
    /// What the next apply would do, a step a line: the first few, and how many more there are.
    pub would: Vec<String>,
    /// Who approved it. It is stored, and the engine goes on.
    pub approved_by: Option<String>,
    /// The reviews and comments by which they did: `comment 5`.
    pub approved_in: BTreeSet<String>,
    /// Whose approvals do not count, and why.
    pub discounted: Vec<String>,
    /// Who approved it so far where that is not enough.
    pub approved_so_far: BTreeSet<String>,
    /// The rules that are not met.
    pub open: Vec<String>,
    /// Why what was approved of it and stored is kept no longer: it found no room beside later ones, or was taken back.
    pub dropped: Option<String>,
    /// Whether a rule asks the owners of the files that changed, which nobody can tell after the merge: then no comment approves it.
    pub asks_owners: bool,
}

impl AfterMerge {
    /// Whether somebody's approval counts, although it is not enough.
    pub fn counts(&self, login: &str) -> bool {
        self.approved_so_far.iter().any(|by| by.eq_ignore_ascii_case(login))
    }

    /// Where it can be approved, if no comment does it.
    pub fn elsewhere(&self) -> Option<String> {
        let name = &self.application;
        self.asks_owners.then(|| {
            format!(
                "a rule asks the owners of what changed, which nobody can tell after the merge: approve it where the state is, by \
                 `gitops -a {name} plan` and `gitops -a {name} approve PLAN_ID`"
            )
        })
    }
}

impl Asked {
    /// Says what the applications that a merged request concerns still want approved: the approvals before the merge did not
    /// cover what is to be done now. An `/approve` that names exactly that is stored, if the same person could have approved
    /// the request.
    ///
    /// # Errors
    /// `Stale` if the request is not merged; those of the forge, and whatever keeps an application from being planned.
    ///
    /// # Cancel safety
    /// Dropping the future may leave an approval stored; make the call again.
    pub async fn after_merge(
        &self,
        cx: &Cx,
        chosen: &[&Config],
        events: &Arc<dyn EventSink>,
    ) -> Result<Vec<AfterMerge>> {
        let request = self.request(cx).await?;
        if request.state != RequestState::Merged {
            return Err(Error::new(ErrorKind::Stale, "the request is not merged"));
        }
        let is_concerned = |config: &&&Config| config.source.reference.is_branch(&request.base.name);
        let mut found = Vec::new();
        for config in chosen.iter().filter(is_concerned) {
            found.push(Box::pin(self.after_merge_of(cx, &request, config, events)).await?);
        }
        Ok(found)
    }

    async fn after_merge_of(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        config: &Config,
        events: &Arc<dyn EventSink>,
    ) -> Result<AfterMerge> {
        // What waits for a change window can be approved meanwhile, as before the merge.
        let open = Config { windows: WindowsConfig::default(), ..config.clone() };
        let mut session =
            Session::builder(&open).access(Access::Look).events(Arc::clone(events)).open(cx).await?;
        let plan = session.engine.plan(cx).await?;
        let verdict = session.engine.verdict(cx, &plan);
        let Verdict::NeedsApproval { messages } = &verdict else {
            let (application, effect) = (config.name.clone(), plan.effect().digest());
            let (wanted, discounted) = (Vec::new(), Vec::new());
            return Ok(AfterMerge {
                application,
                wanted,
                effect,
                would: Vec::new(),
                approved_by: None,
                approved_in: BTreeSet::new(),
                discounted,
                approved_so_far: BTreeSet::new(),
                open: Vec::new(),
                dropped: None,
                asks_owners: false,
            });
        };
        let wanted = messages.iter().map(ToString::to_string).collect();
        let rules = config.risks.rules()?;
        let mut context = Context::new(&rules);
        (context.labels, context.verdict) = (labels(config), verdict.clone());
        context.looked_at_target = session.has_state();
        let before = session.engine.inventory().accepted().cloned();
        let before = before.unwrap_or_else(|| Revision::new("nothing", "nothing"));
        let review = [Part::alone(&plan, before, &context)].into_iter().collect::<Review>();
        let said = approvals::said(cx, &*self.forge, request, &review, None, self.heard()).await?;
        let who = &config.approvals;
        // Which files changed is not known any more, and so not whose owners are to be asked.
        let by_owners = who.iter().any(|rule| matches!(rule.from, Approvers::CodeOwners { .. }));
        let said = match said {
            Some(mut said) if !by_owners => {
                self.leave_what_was_before(request, config, &mut said.votes);
                let pin = session.engine.pinned(cx).await?.filter(|pin| pin.ahead_of.is_none());
                said.orderers.extend(pin.and_then(|pin| self.ordered_on(&pin.by)));
                let through = Through::Review { review: self.name() };
                let asked = session.engine.approval_of(cx, &plan, Approver::new("", through))?;
                let rules: Vec<_> = asked.lifts.iter().map(|lift| (&*lift.gate, lift.rule)).collect();
                let places = approvals::Places::of(session.engine.inventory().approvals(), &rules);
                let of = |places: &'_ BTreeMap<_, _>| places.get(&self.name()).cloned();
                let (outdated, approved) = (of(&places.outdated_in), of(&places.approved_in));
                approvals::mark_outdated(&mut said.votes, outdated.as_ref(), approved.as_ref());
                said.teams = owners::teams(cx, &*self.forge, who, None, &[]).await?;
                said.unapplied = self.beside(cx, &session, &plan).await?;
                Some(said)
            }
            _ => None,
        };
        let judged = match &said {
            Some(said) => review.judged(&ApprovalRules::new(gates::rules(config)?), said),
            None => review,
        };
        let part = &judged.parts[0];
        let votes = part.approvals.iter().flat_map(|standing| &standing.discounted);
        let rules = part.approvals.iter().flat_map(|standing| &standing.rules);
        let mut after = AfterMerge {
            application: config.name.clone(),
            wanted,
            effect: part.effect,
            would: would(&plan),
            approved_by: None,
            approved_in: BTreeSet::new(),
            discounted: votes.map(|vote| format!("{}: {}", vote.by, vote.why)).collect(),
            approved_so_far: rules.clone().flat_map(|rule| rule.approved_by.clone()).collect(),
            open: rules.filter(|rule| !rule.is_met()).map(ToString::to_string).collect(),
            dropped: self.dropped(cx, &session, &plan).await?,
            asks_owners: by_owners,
        };
        if let (Outcome::Approved, Some(said)) = (part.outcome(), &said) {
            let approver = self.approver(part, said, &judged.effect());
            let by = approver.name.clone();
            after.approved_in = self.places_of(&approver).map(str::to_owned).collect();
            let approval = Box::new(session.engine.approval_of(cx, &plan, approver)?);
            drop(session);
            Box::pin(order::order(cx, config, events, &by, &Order::Approve { approval })).await?;
            after.approved_by = Some(by);
        }
        Ok(after)
    }

    /// Leaves out what was said before the merge where the request is asked again after it: it may have changed who decides. So it is
    /// where nobody judged it. Forges tell whole seconds: where it is asked again, what was said in that of the merge is taken for
    /// earlier.
    fn leave_what_was_before(&self, request: &ChangeRequest, config: &Config, votes: &mut Vec<Vote>) {
        let merged = request.merged.unwrap_or(request.updated);
        let judged = self.judged.as_ref().filter(|(head, _)| *head == request.head.commit.as_str());
        let is_settled = judged.map(|(_, settled)| settled.contains(&config.name));
        let counts = |vote: &Vote| match is_settled {
            Some(true) => true,
            Some(false) => vote.at > merged,
            None => vote.at >= merged,
        };
        votes.retain(|vote| vote.opinion != Opinion::Approved || counts(vote));
    }

    /// What else would be applied, with who made it.
    async fn beside(&self, cx: &Cx, session: &Session, plan: &Plan) -> Result<Vec<Unapplied>> {
        let complete = session.engine.inventory().complete();
        let since = Since(complete.map(|complete| complete.revision.clone()));
        let asking = Asking { cx, forge: &*self.forge, git: &session.git, number: self.number };
        match since.is(&plan.revision) {
            true => Ok(Vec::new()),
            false => asking.made(&since, &plan.revision).await,
        }
    }

    /// Why what was approved of this request and stored last is kept no longer: there was no room beside later ones, it was taken back, or
    /// it had expired when another approval came. Of one that is still there the plan says that it has expired.
    async fn dropped(&self, cx: &Cx, session: &Session, plan: &Plan) -> Result<Option<String>> {
        let (of_request, mut dropped) = (format!("{}: ", self.name()), None);
        let is_of_it = |by: &Approver| matches!(&by.through, Through::Review { review } if review.starts_with(&of_request));
        let (now, wanted) = (cx.now(), plan.effect().digest());
        let kept: Vec<&Approver> =
            session.engine.inventory().approvals().iter().map(|kept| &kept.by).collect();
        let mut take = |record: AuditRecord| {
            match record.entry.what {
                AuditEvent::Approved { by, until, effect, .. } if is_of_it(&by) => {
                    let is_gone = effect == wanted && !kept.contains(&&by);
                    let expired = until.filter(|until| *until <= now && is_gone);
                    dropped = expired.map(|until| format!("the approval by {} expired at {until}", by.name));
                }
                AuditEvent::ApprovalDropped { by, .. } if is_of_it(&by) => {
                    dropped = Some(format!("the approval by {} found no room beside later ones", by.name));
                }
                AuditEvent::Rejected { reason, .. } if record.entry.actor == self.name() => {
                    dropped = Some(format!("what was approved was withdrawn: {reason}"));
                }
                _ => {}
            }
            Ok(())
        };
        session.audit().each(cx, &mut take).await?;
        Ok(dropped)
    }
}

/// What an apply of a plan would do, a step a line.
fn would(plan: &Plan) -> Vec<String> {
    let line = |step: &Step| {
        let is_changed = |beside: &&DriftBeside| beside.key == step.key && beside.is_known();
        let by_others = plan.beside.iter().find(is_changed).map(|_| ", which was changed outside of Git too");
        format!("{} {}{}", step.action, step.key, by_others.unwrap_or_default())
    };
    let mut lines: Vec<String> = plan.steps.iter().take(STEPS).map(line).collect();
    let left = plan.steps.len().saturating_sub(STEPS);
    lines.extend((left > 0).then(|| format!("do {left} more: see `gitops -a {} plan`", plan.application)));
    lines
}

//! Whether what people said of a request, by which something was approved, still stands.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gitops_core::review::approval::{ApprovalRules, Request};
use gitops_core::review::{Context, Part, Review};
use gitops_core::{
    Approval, ApprovalCheck, ApprovalState, Cause, Cx, Error, ErrorKind, History, Key, Plan, Relation,
    Result, Revision, Through, Time, async_trait,
};
use gitops_forge::{ChangeRequest, Forge, RequestState};

use super::{Asked, approvals, labels, owners};
use crate::config::{Config, ForgeKind};
use crate::forge::patiently;
use crate::forge::{Found, Named, revert_branches};
use crate::gates;
use crate::session::{Access, Session};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a forge is left alone that could not be asked: meanwhile drift is repaired without a wait for it.
const AGAIN: Duration = Duration::from_secs(10);

impl Asked {
    /// Why what was approved of the request does not stand any more, if that is so; `places` are the reviews and comments that it rests
    /// on. The forge is asked. Whoever may write and asks for changes is against it, whatever rules there are.
    ///
    /// # Errors
    /// Those of the forge.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn withdrawal(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        places: &BTreeSet<String>,
    ) -> Result<Option<String>> {
        let places = places.iter().map(String::as_str);
        Ok(match self.said_now(cx, request).await? {
            Some(said) => said.withdrawal(places, |_| true),
            None => unknown(places),
        })
    }

    async fn said_now(&self, cx: &Cx, request: &ChangeRequest) -> Result<Option<Request<'static>>> {
        let nothing: Review = std::iter::empty().collect();
        approvals::said(cx, &*self.forge, request, &nothing, None, self.heard()).await
    }
}

/// What nobody can tell is not taken for an approval.
fn unknown<'p>(mut places: impl Iterator<Item = &'p str>) -> Option<String> {
    places
        .next()
        .map(|place| format!("the forge does not tell whose the commits are, so {place} does not count"))
}

/// Whether all that a plan would do by an approval puts back what was applied before.
fn repairs_only(plan: &Plan, approval: &Approval) -> bool {
    let approved: BTreeSet<&Key> = approval.effect.keys().collect();
    plan.steps.iter().filter(|step| approved.contains(&step.key)).all(|step| step.cause == Cause::Drift)
}

/// Whether a commit is a revision or one that the revision descends from. One that nobody has is neither.
async fn is_part_of(cx: &Cx, session: &Session, commit: &Revision, revision: &Revision) -> Result<bool> {
    match session.git.relation(cx, revision, commit).await {
        Ok(relation) => Ok(matches!(relation, Relation::Same | Relation::Older)),
        Err(error) if error.is_not_found() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Asks the forge of an application, right before it is applied by an approval that was given there, whether that still stands: who gave it
/// may have taken it back, and the request may have gone elsewhere, where no process heard of it.
pub struct OnForge {
    config: Config,
    opened: Mutex<Option<(Arc<dyn Forge>, ForgeKind)>>,
    /// Until when it is left alone, and why.
    away: Mutex<Option<(Time, ErrorKind, String)>>,
}

impl OnForge {
    /// The forge of an application, which is opened once it is asked; nothing where it has none.
    pub fn of(config: &Config) -> Option<Self> {
        config.forge.as_ref()?;
        Some(Self { config: config.clone(), opened: Mutex::default(), away: Mutex::default() })
    }

    /// The same with a forge that is open.
    pub fn opened(config: &Config, forge: Arc<dyn Forge>, kind: ForgeKind) -> Self {
        Self { config: config.clone(), opened: Mutex::new(Some((forge, kind))), away: Mutex::default() }
    }

    fn forge(&self, cx: &Cx) -> Result<(Arc<dyn Forge>, ForgeKind)> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(opened) = &*opened {
            return Ok(opened.clone());
        }
        let found = Found::of(&Named::default(), self.config.forge.as_ref(), None)?;
        Ok(opened.insert((found.open(cx)?, found.kind)).clone())
    }

    async fn ask(&self, cx: &Cx, plan: &Plan, approval: &Approval, review: &str) -> Result<ApprovalState> {
        let (forge, kind) = self.forge(cx)?;
        let (request, places) = review.split_once(": ").unwrap_or((review, ""));
        let info = forge.info();
        let ours = format!("{} {}#", info.kind, info.repository);
        let Some(number) = request.strip_prefix(&ours).and_then(|number| number.parse().ok()) else {
            let (kind, repository) = (info.kind, &info.repository);
            let why = format!("it was given on {request}, which is not of {kind} {repository}");
            return Ok(ApprovalState::Withdrawn(why));
        };
        let found = match patiently(cx, || forge.change_request(cx, number)).await {
            Err(error) if error.is_not_found() => {
                return Ok(ApprovalState::Withdrawn("the request is not there any more".to_owned()));
            }
            found => found?,
        };
        match self.of_plan(cx, &found, plan, approval).await? {
            ApprovalState::Stands => {}
            other => return Ok(other),
        }
        let places = places.split(", ").filter(|place| !place.is_empty());
        let against = match Asked::new(forge.clone(), kind, number, "").said_now(cx, &found).await? {
            None => unknown(places),
            Some(mut said) => {
                said.teams = owners::teams(cx, &*forge, &self.config.approvals, None, &[]).await?;
                let (rules, part) = (ApprovalRules::new(gates::rules(&self.config)?), self.part(plan)?);
                said.withdrawal(places, |person| rules.could_approve(&part, &said, person))
            }
        };
        Ok(against.map_or(ApprovalState::Stands, ApprovalState::Withdrawn))
    }

    /// Whether it is the change of this request that would be applied.
    async fn of_plan(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        plan: &Plan,
        approval: &Approval,
    ) -> Result<ApprovalState> {
        let brought = match request.state {
            RequestState::Closed => {
                return Ok(ApprovalState::Withdrawn("the request was closed without a merge".to_owned()));
            }
            RequestState::Merged => request.merge_commit.as_ref(),
            // Whoever merges by Git alone brings its head, and the forge may not see that as a merge.
            RequestState::Open => Some(&request.head.commit),
        };
        if !self.config.source.reference.is_branch(&request.base.name) {
            let why = format!("the request goes into `{}` by now", request.base.name);
            return Ok(ApprovalState::Withdrawn(why));
        }
        let Some(brought) = brought.map(|commit| Revision::new(commit.as_str(), commit.as_str())) else {
            return Ok(ApprovalState::Stands);
        };
        let session = Session::builder(&self.config).access(Access::Look).open(cx).await?;
        let complete = session.engine.inventory().complete().map(|complete| &complete.revision);
        // What is left of an approval when all of the request is live would be spent on whatever has the same effect later.
        if request.state == RequestState::Merged
            && let Some(complete) = complete
            && is_part_of(cx, &session, &brought, complete).await?
        {
            let (merged, live) = (brought.short(), complete.short());
            return Ok(ApprovalState::Withdrawn(format!(
                "the request was merged as {merged}, and that is live since {live}: it was approved for that"
            )));
        }
        // Drift that was approved on the request beside its change is repaired without a wait for the merge.
        if repairs_only(plan, approval) {
            return Ok(ApprovalState::Stands);
        }
        // The way back to a revision is no part of what it goes back to: it is approved on the request that takes the change back.
        let takes_back = request.head.name.starts_with(&revert_branches(&self.config.name));
        if takes_back && session.engine.pinned(cx).await?.is_some_and(|pin| pin.revision == plan.revision) {
            return Ok(ApprovalState::Stands);
        }
        if is_part_of(cx, &session, &brought, &plan.revision).await? {
            return Ok(ApprovalState::Stands);
        }
        let (is, planned) = (brought.short(), plan.revision.short());
        Ok(ApprovalState::GivenElsewhere(match request.state {
            RequestState::Merged => format!("the request was merged as {is}, which is no part of {planned}"),
            RequestState::Open | RequestState::Closed => {
                format!("the request is not merged, and its head {is} is no part of {planned}")
            }
        }))
    }

    /// What would be applied, as the rules of who look at it.
    fn part(&self, plan: &Plan) -> Result<Part> {
        let rules = self.config.risks.rules()?;
        let mut context = Context::new(&rules);
        context.labels = labels(&self.config);
        Ok(Part::alone(plan, Revision::new("nothing", "nothing"), &context))
    }
}

#[async_trait]
impl ApprovalCheck for OnForge {
    async fn check(&self, cx: &Cx, plan: &Plan, approval: &Approval) -> Result<ApprovalState> {
        let Through::Review { review } = &approval.by.through else {
            return Ok(ApprovalState::Stands);
        };
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, kind, why)) = away.filter(|(until, ..)| cx.now() < *until) {
            return Err(Error::new(kind, why));
        }
        let call = cx.within(PATIENCE);
        let asked = call.bounded(Box::pin(self.ask(&call, plan, approval, review))).await;
        cx.check()?;
        let failed = asked.as_ref().err();
        let away = failed.map(|error| (cx.now().after(AGAIN), error.kind(), error.to_string()));
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = away;
        asked
    }
}

//! How far the approvals of a request are, and what is stored of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use gitops_core::review::approval::{
    ApprovalRule, ApprovalRules, Opinion, Request, Standing, Unapplied, Vote,
};
use gitops_core::review::{Outcome, Part};
use gitops_core::{
    Approval, Approver, Cx, Digest, ErrorKind, EventSink, GateMessage, Request as Order, Result, Through,
    Time, Verdict,
};
use gitops_forge::{ChangeRequest, Comment};

use super::request::Asked;
use super::{Planned, Reviewed, approvals, owners, unapplied};
use crate::config::Config;
use crate::forge::patiently;
use crate::gates;
use crate::order;

/// The shortest time.
const MOMENT: Duration = Duration::from_micros(1);

/// What came of the approvals.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// The applications of which an approval was stored.
    pub approved: Vec<String>,
    /// The reviews and comments on which these rest.
    pub counted: BTreeSet<String>,
    /// Those of which none was, although it is whole, with the files that decide who may approve.
    pub asks_again: Vec<(String, Vec<String>)>,
    /// When the first of the approvals that count does so no longer.
    pub ends: Option<Time>,
}

/// An application whose approvals are asked about.
struct Asking<'a> {
    config: &'a Config,
    rules: Vec<ApprovalRule>,
}

impl Asked {
    /// Says how far the approvals are where a gate or a rule wants them, and stores those that are whole. One that is stored is
    /// taken back if its reviewers no longer stand by it.
    pub(super) async fn judge(
        &self,
        cx: &Cx,
        request: &ChangeRequest,
        reviewed: &mut Reviewed,
        ours: Option<&Comment>,
        chosen: &[&Config],
        events: &Arc<dyn EventSink>,
    ) -> Result<Judged> {
        let stored = self.unlift(reviewed);
        let mut asking = asking(reviewed, chosen)?;
        if asking.is_empty() {
            return Ok(Judged::default());
        }
        let shown = ours.and_then(|ours| approvals::shown(ours, self.seal(reviewed)));
        let said = approvals::said(cx, &*self.forge, request, &reviewed.review, shown, self.heard()).await?;
        let Some(said) = said else { return Ok(Judged::default()) };
        let is_lifted = |name: &str| stored.contains(name);
        let is_ours = request.author.is(&patiently(cx, || self.forge.me(cx)).await?);
        for (name, standing) in self.standings(cx, reviewed, &asking, (&said, is_ours), is_lifted).await {
            let standing = match (standing, asking.get(&name).filter(|_| is_lifted(&name))) {
                // By rules that nobody can read, nobody approved it.
                (Err(error), Some(Asking { config, .. })) if error.kind() == ErrorKind::Invalid => {
                    let reason = format!("who may approve it can't be told: {error}");
                    self.take_back(cx, config, events, reason).await?;
                    return Err(error);
                }
                (standing, _) => standing?,
            };
            let part = reviewed.review.parts.iter_mut().find(|part| part.application == name);
            if let Some(part) = part {
                part.approvals = Some(standing);
            }
        }
        let all = reviewed.review.effect();
        let of_part = |part: &Part| ends(part, &asking.get(&part.application)?.rules, &said, &all);
        // At its end it still counts.
        let ends = reviewed.review.parts.iter().filter_map(of_part).min().map(|end| end.after(MOMENT));
        for part in reviewed.review.parts.iter().filter(|part| stored.contains(&part.application)) {
            let Some(Asking { config, .. }) = asking.get(&part.application) else { continue };
            if part.outcome() == Outcome::Approved {
                // It is stored already.
                asking.remove(&part.application);
            } else {
                self.take_back(cx, config, events, "its reviewers no longer approve it".to_owned()).await?;
            }
        }
        let judged = match self.keeps_approvals {
            true => self.store(cx, reviewed, &asking, &said, events).await?,
            false => Judged::default(),
        };
        Ok(Judged { ends, ..judged })
    }

    /// Takes back what is stored of an application, if it is for this review to store and take back. What it says is the same.
    async fn take_back(
        &self,
        cx: &Cx,
        config: &Config,
        events: &Arc<dyn EventSink>,
        reason: String,
    ) -> Result<()> {
        if !self.keeps_approvals {
            return Ok(());
        }
        let reject = Order::Reject { plan: None, reason };
        Box::pin(order::order(cx, config, events, &self.name(), &reject)).await.map(drop)
    }

    /// How far each application is that asks, or why nobody can tell.
    async fn standings(
        &self,
        cx: &Cx,
        reviewed: &Reviewed,
        asking: &BTreeMap<String, Asking<'_>>,
        (said, is_ours): (&Request<'static>, bool),
        is_lifted: impl Fn(&str) -> bool,
    ) -> Vec<(String, Result<Standing>)> {
        let (all, mut found) = (reviewed.review.effect(), Vec::new());
        for part in &reviewed.review.parts {
            let Some(asking) = asking.get(&part.application) else { continue };
            let Some(planned) = reviewed.plans.get(&part.application) else { continue };
            let mut said = said.clone();
            // A request of ours is of who ordered it.
            let ordered_by = planned.pinned_by.as_deref().filter(|_| is_ours);
            said.orderers.extend(ordered_by.and_then(|by| self.ordered_on(by)));
            let (name, votes) = (self.name(), &mut said.votes);
            let places = (planned.outdated_in.get(&name), planned.approved_in.get(&name));
            approvals::mark_outdated(votes, places.0, places.1);
            if is_lifted(&part.application) {
                self.cover(&mut said, part, planned);
            }
            let standing = self.standing(cx, part, planned, asking, (&all, said)).await;
            found.push((part.application.clone(), standing));
        }
        found
    }

    /// How far one application is; `all` is the effect of the whole review.
    async fn standing(
        &self,
        cx: &Cx,
        part: &Part,
        planned: &Planned,
        Asking { config, rules }: &Asking<'_>,
        (all, said): (&Digest, Request<'static>),
    ) -> Result<Standing> {
        let configured = &config.approvals;
        let owners = owners::of(cx, self.kind, configured, planned).await?;
        let file = owners.as_ref().map(|owners| owners.file.clone());
        let owners = owners.as_ref().map(|owners| &owners.owners);
        let (unapplied, files) = self.unapplied(cx, config, planned, owners.is_some()).await?;
        let all_files: Vec<String> = planned.changed.iter().chain(&files).cloned().collect();
        let teams = owners::teams(cx, &*self.forge, configured, owners, &all_files).await?;
        let mut request: Request<'_> = said;
        (request.teams, request.changed, request.owners) = (teams, planned.changed.clone(), owners);
        (request.unapplied, request.unapplied_files) = (unapplied, files);
        let mut standing = ApprovalRules::new(rules.iter().cloned()).judge(part, all, &request);
        let decides = planned.configuration.iter().chain(&file).filter(|path| planned.changed.contains(path));
        let again = standing.asks_again_for.into_iter().chain(decides.cloned());
        standing.asks_again_for = again.collect::<BTreeSet<_>>().into_iter().collect();
        Ok(standing)
    }

    /// What else an approval would cover, with its files where their owners are asked.
    async fn unapplied(
        &self,
        cx: &Cx,
        config: &Config,
        planned: &Planned,
        asks_owners: bool,
    ) -> Result<(Vec<Unapplied>, Vec<String>)> {
        let Some(since) = &planned.unapplied else { return Ok(Default::default()) };
        let asking = unapplied::Asking { cx, forge: &*self.forge, git: &planned.git, number: self.number };
        let mut found = asking.made(since, &planned.base).await?;
        if !asks_owners {
            return Ok((found, Vec::new()));
        }
        if since.0.is_none() {
            let why = "nobody can tell whose files are applied for the first time";
            found.push(Unapplied::untold("what was never applied", why));
        }
        let files = asking.files(since, &planned.base, &config.source.path).await?;
        Ok((found, files))
    }

    /// Stores what is approved. Of a request that changes who decides nothing is stored: the rules by which it was judged are no
    /// longer those that hold after the merge.
    async fn store(
        &self,
        cx: &Cx,
        reviewed: &Reviewed,
        asking: &BTreeMap<String, Asking<'_>>,
        said: &Request<'_>,
        events: &Arc<dyn EventSink>,
    ) -> Result<Judged> {
        let (mut judged, all) = (Judged::default(), &reviewed.review.effect());
        for part in reviewed.review.parts.iter().filter(|part| part.outcome() == Outcome::Approved) {
            let Some(Asking { config, rules }) = asking.get(&part.application) else { continue };
            let Some(planned) = reviewed.plans.get(&part.application) else { continue };
            let again = part.approvals.iter().flat_map(|standing| standing.asks_again_for.clone());
            let again: Vec<String> = again.collect();
            if !again.is_empty() {
                judged.asks_again.push((part.application.clone(), again));
                continue;
            }
            let findings = together(&planned.findings);
            let approver = self.approver(part, said, all);
            judged.counted.extend(places(part, said, all).into_iter().map(str::to_owned));
            let approval = Approval::new(&planned.plan, findings, approver, cx.now())?;
            let approval = approval.until(ends(part, rules, said, all));
            let by = approval.by.name.clone();
            let request = Order::Approve { approval: Box::new(approval) };
            Box::pin(order::order(cx, config, events, &by, &request)).await?;
            judged.approved.push(part.application.clone());
        }
        Ok(judged)
    }

    /// Takes what a stored approval rests on for an approval of what is left of it: all that would be done now was approved, and what is
    /// no longer needed, since the engine or somebody did it, is missed by nobody.
    fn cover(&self, said: &mut Request<'_>, part: &Part, planned: &Planned) {
        let Some(places) = planned.approved_in.get(&self.name()) else { return };
        let of_approval = said.votes.iter_mut().filter(|vote| places.contains(&vote.id));
        for vote in of_approval.filter(|vote| vote.opinion == Opinion::Approved) {
            vote.effect = Some(part.effect.to_string());
            // It was known to be as its author wrote it when the approval was stored, and the time tells each edit since.
            vote.may_be_of_another = false;
        }
    }

    /// Where an approval of this request is stored: what gates want of it, whoever lifted that, in the place of their verdict; other
    /// warnings stay. Its reviewers are asked about each time: they may have taken it back. Gives those applications.
    ///
    /// The same where an approval of another request would do for what this one brings: it was of that request.
    fn unlift(&self, reviewed: &mut Reviewed) -> BTreeSet<String> {
        let (name, mut stored) = (self.name(), BTreeSet::new());
        for part in &mut reviewed.review.parts {
            let Some(planned) = reviewed.plans.get(&part.application) else { continue };
            let is_stored = planned.approved_in.contains_key(&name);
            let is_lifted = part.looked_at_target && matches!(part.verdict, Verdict::Warn { .. });
            if is_lifted && (is_stored || planned.is_approved_on_another()) {
                let findings = planned.findings.iter();
                let messages = GateMessage::gathered(findings.map(|(found, _)| found.clone()));
                if !messages.is_empty() {
                    let is_lifted =
                        |note: &&GateMessage| messages.iter().any(|found| found.gate == note.gate);
                    let others = part.verdict.messages().iter().filter(|note| !is_lifted(note));
                    let others = Verdict::Warn { messages: others.cloned().collect() };
                    part.verdict = Verdict::NeedsApproval { messages }.and(others);
                    stored.extend(is_stored.then(|| part.application.clone()));
                }
            }
        }
        stored
    }

    /// Who ordered something on a request of this repository, if it was that.
    pub(super) fn ordered_on(&self, by: &str) -> Option<String> {
        let info = self.forge.info();
        let (login, rest) = by.split_once(" (")?;
        rest.starts_with(&format!("{} {}#", info.kind, info.repository)).then(|| login.to_owned())
    }

    /// The request, as stored approvals name it.
    pub(super) fn name(&self) -> String {
        let info = self.forge.info();
        format!("{} {}#{}", info.kind, info.repository, self.number)
    }

    /// Who approved a part, and where that can be read; `all` is the effect of the whole review.
    pub(super) fn approver(&self, part: &Part, said: &Request<'_>, all: &Digest) -> Approver {
        let review = format!("{}: {}", self.name(), places(part, said, all).join(", "));
        Approver::new(approvers(part).into_iter().collect::<Vec<_>>().join(", "), Through::Review { review })
    }
}

impl Planned {
    /// Whether approvals of other requests lift what gates want of this one, beyond what the target branch waits for without it.
    fn is_approved_on_another(&self) -> bool {
        let waits = |found: &GateMessage| {
            self.findings_before.iter().any(|(before, _)| {
                before.gate == found.gate && found.keys.iter().all(|key| before.keys.contains(key))
            })
        };
        let is_new = self.findings.iter().any(|(found, _)| !waits(found));
        is_new && !self.approved_in.is_empty() && !self.approved_elsewhere
    }
}

/// Who approved an application.
fn approvers(part: &Part) -> BTreeSet<&str> {
    let rules = part.approvals.iter().flat_map(|standing| &standing.rules);
    rules.flat_map(|rule| &rule.approved_by).map(String::as_str).collect()
}

/// The reviews and comments in which they did.
fn places<'a>(part: &Part, said: &'a Request<'_>, all: &Digest) -> Vec<&'a str> {
    let last = approvers(part).into_iter().filter_map(|name| last_word(said, name, &part.effect, all));
    last.map(|vote| vote.id.as_str()).collect()
}

/// The applications of which a gate or a rule wants approvals that nobody gave yet.
fn asking<'a>(reviewed: &Reviewed, chosen: &[&'a Config]) -> Result<BTreeMap<String, Asking<'a>>> {
    let mut found = BTreeMap::new();
    for part in reviewed.review.parts.iter().filter(|part| part.looked_at_target) {
        let Some(config) = chosen.iter().find(|config| config.name == part.application) else { continue };
        let Some(planned) = reviewed.plans.get(&part.application) else { continue };
        let rules = gates::rules(config)?;
        // A rule about what a plan alone does not tell has no finding of the gate that somebody could have lifted.
        let only_here = || is_not_found(&planned.findings) && rules.iter().any(|rule| rule.applies_to(part));
        if matches!(part.verdict, Verdict::NeedsApproval { .. }) || only_here() {
            found.insert(part.application.clone(), Asking { config, rules });
        }
    }
    Ok(found)
}

fn is_not_found(findings: &[(GateMessage, Digest)]) -> bool {
    !findings.iter().any(|(found, _)| found.gate == gates::APPROVALS)
}

/// The findings with those of the rules joined, each of which is about one step.
fn together(findings: &[(GateMessage, Digest)]) -> Vec<(GateMessage, Digest)> {
    let is_of_rule = |found: &GateMessage| found.gate == gates::APPROVALS;
    let rule = findings.iter().find(|(found, _)| is_of_rule(found)).map(|(_, rule)| *rule);
    let of_rules = findings.iter().filter(|(found, _)| is_of_rule(found)).map(|(found, _)| found.clone());
    let of_rules = GateMessage::gathered(of_rules).into_iter().filter_map(|found| Some((found, rule?)));
    let others = findings.iter().filter(|(found, _)| !is_of_rule(found)).cloned();
    others.chain(of_rules).collect()
}

/// The review or the comment in which somebody approved last: an `/approve` that names what another application would do says nothing
/// of this one.
fn last_word<'a>(said: &'a Request<'_>, login: &str, effect: &Digest, all: &Digest) -> Option<&'a Vote> {
    let is_named = |vote: &Vote| {
        vote.effect.as_deref().is_none_or(|named| effect.is_named(named) || all.is_named(named))
    };
    let votes = said.votes.iter().filter(|vote| vote.by.login == login && vote.opinion == Opinion::Approved);
    votes.filter(|vote| is_named(vote)).max_by_key(|vote| (vote.at, &vote.id))
}

/// When the first of the approvals ends that the rules need.
fn ends(part: &Part, rules: &[ApprovalRule], said: &Request<'_>, all: &Digest) -> Option<Time> {
    let standing = part.approvals.as_ref()?;
    let ends = rules.iter().filter(|rule| rule.applies_to(part)).filter_map(|rule| {
        let of_rule = standing
            .rules
            .iter()
            .filter(|of| of.name == rule.name || of.name.starts_with(&format!("{} (", rule.name)));
        let people: BTreeSet<&String> = of_rule.flat_map(|of| &of.approved_by).collect();
        let given = people.into_iter().filter_map(|login| last_word(said, login, &part.effect, all));
        Some(given.map(|vote| vote.at).min()?.after(rule.valid_for?))
    });
    ends.min()
}

//! The gates of the rules of who and when.

use std::sync::Arc;

use gitops_core::review::approval::ApprovalRule;
use gitops_core::review::window::WindowState;
use gitops_core::review::{Labels, Rules};
use gitops_core::{
    Cause, Digest, Error, ErrorKind, Gate, Hasher, Key, Plan, Proposal, Result, Step, Through, Verdict,
};

use crate::config::{Config, RisksConfig, WindowsConfig};

/// The name of the gate that wants the approvals of the configuration's rules.
pub const APPROVALS: &str = "approvals";

/// The name of the gate that keeps change windows.
pub const WINDOWS: &str = "change-window";

/// The gates of a configuration's rules of who and when; none where it has none.
///
/// # Errors
/// `Invalid` for a pattern that can't be used.
pub fn of(config: &Config) -> Result<Vec<Arc<dyn Gate>>> {
    let mut gates: Vec<Arc<dyn Gate>> = Vec::new();
    if !config.approvals.is_empty() {
        gates.push(Arc::new(Who::new(config)?));
    }
    let labels = labels(config);
    let windows = config.windows.clone();
    if windows.digest() != WindowsConfig::default().digest() {
        gates.push(Arc::new(Hours { windows, environment: labels.environment }));
    }
    Ok(gates)
}

/// The rules of a configuration.
///
/// # Errors
/// `Invalid` for a pattern that can't be used.
pub fn rules(config: &Config) -> Result<Vec<ApprovalRule>> {
    let unusable = |error: gitops_core::review::approval::PatternError| {
        Error::new(ErrorKind::Invalid, error.to_string())
    };
    config.approvals.iter().map(|rule| rule.rule().map_err(unusable)).collect()
}

/// Where an application belongs: its label `environment`, of which `production` and `prod` are what people depend on.
pub(crate) fn labels(config: &Config) -> Labels {
    let environment = config.labels.get("environment").cloned().unwrap_or_default();
    let is_production = matches!(environment.as_str(), "production" | "prod");
    Labels::new(environment, is_production)
}

/// Wants an approval where a rule says how many people must approve. Who they are and how many is judged where they say it: on
/// the forge, before the approval is stored.
struct Who {
    rules: Vec<ApprovalRule>,
    labels: Labels,
    risks: Rules,
    fingerprint: Digest,
}

impl Who {
    fn new(config: &Config) -> Result<Self> {
        let mut hasher = Hasher::new("gitops approval rules");
        hasher.field(serde_json::to_vec(&config.approvals)?);
        // Without a word of them, what was approved before they could be said stays approved.
        if config.risks != RisksConfig::default() {
            hasher.field(serde_json::to_vec(&config.risks)?);
        }
        Ok(Self {
            rules: rules(config)?,
            labels: labels(config),
            risks: config.risks.rules()?,
            fingerprint: hasher.finish(),
        })
    }
}

impl Gate for Who {
    fn name(&self) -> &str {
        APPROVALS
    }

    fn check(&self, &Proposal { plan, .. }: &Proposal<'_>) -> Verdict {
        self.rules.iter().fold(Verdict::Allow, |verdict, rule| {
            let (name, needed) = (&rule.name, rule.needed);
            let approvals =
                if needed == 1 { "an approval".to_owned() } else { format!("{needed} approvals") };
            let message = format!("the rule `{name}` wants {approvals}");
            // Each step by itself: what two requests change is approved on each of them.
            let steps = rule.steps(plan, &self.labels, &self.risks).into_iter();
            let finding = |key: &Key| Verdict::needs_approval(APPROVALS, &message).naming([key.clone()]);
            let messages: Vec<_> = steps.flat_map(|key| finding(key).messages().to_vec()).collect();
            match messages.is_empty() {
                true => verdict,
                false => verdict.and(Verdict::NeedsApproval { messages }),
            }
        })
    }

    fn fingerprint(&self) -> Digest {
        self.fingerprint
    }
}

/// Denies changes outside of the change windows. What only puts back what was applied before goes on.
struct Hours {
    windows: WindowsConfig,
    environment: String,
}

fn changes(plan: &Plan) -> impl Iterator<Item = &Step> {
    plan.steps.iter().filter(|step| step.cause != Cause::Drift)
}

impl Gate for Hours {
    fn name(&self) -> &str {
        WINDOWS
    }

    fn check(&self, proposal: &Proposal<'_>) -> Verdict {
        let Proposal { plan, now, .. } = *proposal;
        if changes(plan).next().is_none() {
            return Verdict::Allow;
        }
        let state = self.windows.at(&self.environment, now);
        if matches!(state, WindowState::Open) {
            return Verdict::Allow;
        }
        match urgently(proposal) {
            Some(by) => Verdict::warn(WINDOWS, format!("opened by {by}")),
            None => state.verdict(),
        }
    }

    fn fingerprint(&self) -> Digest {
        self.windows.digest()
    }
}

/// Who approved in an emergency all that is changed, and for how long.
fn urgently(proposal: &Proposal<'_>) -> Option<String> {
    let Proposal { plan, now, approvals, .. } = *proposal;
    let covers = |approval: &&gitops_core::Approval| {
        changes(plan).all(|step| approval.effect.uncovered(&step.key, step.action, plan.effect()).is_none())
    };
    let mut urgent = approvals
        .iter()
        .filter(|approval| approval.is_valid(now) && matches!(approval.by.through, Through::Urgent { .. }));
    let approval = urgent.find(covers)?;
    let until = approval.until.map(|until| format!(" until {until}")).unwrap_or_default();
    Some(format!("{}{until}", approval.by))
}

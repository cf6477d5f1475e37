use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::plan::{Cause, Plan, Step};
use crate::review::{Attribution, Flag, Labels, Part, RiskLevel, Rules};
use crate::value::Key;

/// How many patterns a rule has at most, and how long each is, in bytes.
const PATTERNS: usize = 1_000;
const PATTERN_BYTES: usize = 1_000;

/// Files whose change always asks for an approval again after the merge, by default: they decide what is applied, and who
/// may approve.
const SENSITIVE: &[&str] = &[
    "**/gitops.y{,a}ml",
    "**/.gitops/**",
    "**/CODEOWNERS",
    ".github/**",
    ".gitlab-ci.yml",
    ".gitlab/**",
    ".gitea/**",
    ".forgejo/**",
    "**/Jenkinsfile",
];

/// How many people must approve what, and who they may be.
///
/// ```
/// use gitops_core::review::RiskLevel;
/// use gitops_core::review::approval::{ApprovalRule, From};
/// let rule = ApprovalRule::new("production", 2)
///     .from(From::people(["alice", "bob"], ["acme/platform"]))
///     .in_environment("prod")
///     .at_risk(RiskLevel::High);
/// assert_eq!(rule.needed, 2);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ApprovalRule {
    /// The rule's name, as it appears in messages.
    pub name: String,
    /// How many people must approve; with [`From::CodeOwners`], how many owners of each group at least.
    pub needed: usize,
    /// Who they may be.
    pub from: From,
    /// How long an approval is valid; without it, as long as the effect is the same.
    pub valid_for: Option<Duration>,
    environments: Vec<String>,
    applications: Vec<String>,
    kinds: Option<GlobSet>,
    at_risk: Option<RiskLevel>,
    risks: Vec<String>,
}

/// Who may approve.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum From {
    /// Anybody who may write to the repository.
    Writers,
    /// These accounts, and the members of these teams, as far as they may write.
    People {
        /// The accounts.
        logins: Vec<String>,
        /// The teams, as `organisation/team`.
        teams: Vec<String>,
    },
    /// The owners of the files that change, as the base branch says.
    CodeOwners,
}

impl From {
    /// Accounts and teams.
    pub fn people<L: Into<String>, T: Into<String>>(
        logins: impl IntoIterator<Item = L>,
        teams: impl IntoIterator<Item = T>,
    ) -> Self {
        let logins = logins.into_iter().map(Into::into).collect();
        Self::People { logins, teams: teams.into_iter().map(Into::into).collect() }
    }
}

/// A pattern of a rule that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` can't be used as a pattern: {why}")]
pub struct PatternError {
    pattern: String,
    why: String,
}

impl ApprovalRule {
    /// A rule for every application with changes; anybody who may write may approve.
    pub fn new(name: impl Into<String>, needed: usize) -> Self {
        Self {
            name: name.into(),
            needed,
            from: From::Writers,
            valid_for: None,
            environments: Vec::new(),
            applications: Vec::new(),
            kinds: None,
            at_risk: None,
            risks: Vec::new(),
        }
    }

    /// Says who may approve.
    #[must_use]
    pub fn from(mut self, from: From) -> Self {
        self.from = from;
        self
    }

    /// Lets an approval expire.
    #[must_use]
    pub fn valid_for(mut self, duration: Duration) -> Self {
        self.valid_for = Some(duration);
        self
    }

    /// Only for applications of an environment; several add up.
    #[must_use]
    pub fn in_environment(mut self, environment: impl Into<String>) -> Self {
        self.environments.push(environment.into());
        self
    }

    /// Only for an application; several add up.
    #[must_use]
    pub fn of_application(mut self, application: impl Into<String>) -> Self {
        self.applications.push(application.into());
        self
    }

    /// Only if an object of these kinds changes, such as `Namespace` or `*.rbac.authorization.k8s.io`.
    ///
    /// # Errors
    /// A pattern that is no glob, or too long, or one too many.
    pub fn of_kinds<P: AsRef<str>>(
        mut self,
        kinds: impl IntoIterator<Item = P>,
    ) -> Result<Self, PatternError> {
        self.kinds = Some(globs(kinds, false)?);
        Ok(self)
    }

    /// Only if a risk of this level or a graver one was found.
    #[must_use]
    pub fn at_risk(mut self, level: RiskLevel) -> Self {
        self.at_risk = Some(level);
        self
    }

    /// Only if a rule of this name found a risk; several add up.
    #[must_use]
    pub fn on_risk(mut self, rule: impl Into<String>) -> Self {
        self.risks.push(rule.into());
        self
    }

    /// Whether the rule applies to what a request does to an application. Existing drift is no part of that.
    pub fn applies_to(&self, part: &Part) -> bool {
        self.is_for(&part.labels.environment, &part.application)
            && !part.changes_nothing()
            && self.is_about(part)
    }

    /// The steps of a plan that the rule wants approved, without a review to tell whose doing they are: all that do more than to
    /// put back what was applied before, if the rule applies to them together. Whether something was healthy before is
    /// not known here, so a rule about that applies to nothing.
    pub fn steps<'p>(&self, plan: &'p Plan, labels: &Labels, rules: &Rules) -> Vec<&'p Key> {
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.cause != Cause::Drift).collect();
        let flags: Vec<Vec<Flag>> = steps.iter().map(|step| rules.of_step(step, None)).collect();
        let of_plan = rules.of_plan(plan, 0);
        let about: Vec<_> = steps.iter().copied().zip(flags.iter().map(Vec::as_slice)).collect();
        let applies = self.is_for(&labels.environment, &plan.application) && self.concerns(&about, &of_plan);
        if applies { steps.into_iter().map(|step| &step.key).collect() } else { Vec::new() }
    }

    fn is_for(&self, environment: &str, application: &str) -> bool {
        let among = |list: &[String], name: &str| list.is_empty() || list.iter().any(|entry| entry == name);
        among(&self.environments, environment) && among(&self.applications, application)
    }

    fn is_about(&self, part: &Part) -> bool {
        let items = part.items.iter().filter(|item| item.attribution == Attribution::ThisChange);
        let steps: Vec<_> = items.map(|item| (&item.step, item.flags.as_slice())).collect();
        self.concerns(&steps, &part.flags)
    }

    /// Whether it is about some of these steps, each with what was found in it.
    fn concerns(&self, steps: &[(&Step, &[Flag])], of_plan: &[Flag]) -> bool {
        let flags = || steps.iter().flat_map(|(_, flags)| *flags).chain(of_plan);
        let of_kind = |step: &Step| {
            let components = step.components.changes.iter();
            self.kinds.as_ref().is_none_or(|kinds| {
                kinds.is_match(step.key.kind().to_string())
                    || components.into_iter().any(|change| kinds.is_match(&change.kind))
            })
        };
        let at_risk = self.at_risk.is_none_or(|level| flags().any(|flag| flag.level >= level));
        let on_risk =
            self.risks.is_empty() || flags().any(|flag| self.risks.iter().any(|rule| *rule == flag.rule));
        (self.kinds.is_none() || steps.iter().any(|(step, _)| of_kind(step))) && at_risk && on_risk
    }
}

/// All rules about approvals.
#[derive(Clone, Debug)]
pub struct ApprovalRules {
    pub(super) rules: Vec<ApprovalRule>,
    pub(super) sensitive: GlobSet,
    pub(super) trusts_unknown_committers: bool,
}

impl ApprovalRules {
    /// These rules. Where none applies and a gate calls for an approval, one person who may write must approve.
    pub fn new(rules: impl IntoIterator<Item = ApprovalRule>) -> Self {
        let sensitive = globs(SENSITIVE, true).expect("the built-in patterns are valid");
        Self { rules: rules.into_iter().collect(), sensitive, trusts_unknown_committers: false }
    }

    /// The files whose change asks again after the merge, instead of the built-in ones: globs from the root.
    ///
    /// # Errors
    /// A pattern that is no glob, or too long, or one too many.
    pub fn sensitive<P: AsRef<str>>(
        mut self,
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, PatternError> {
        self.sensitive = globs(patterns, true)?;
        Ok(self)
    }

    /// Counts approvals although a commit of the request is of somebody whose account nobody knows. Whoever made that
    /// commit can then approve it, so by default no approval counts while there is one.
    #[must_use]
    pub fn trusting_unknown_committers(mut self) -> Self {
        self.trusts_unknown_committers = true;
        self
    }
}

/// A set of globs; in those of paths a `*` ends at a slash.
fn globs<P: AsRef<str>>(
    patterns: impl IntoIterator<Item = P>,
    is_path: bool,
) -> Result<GlobSet, PatternError> {
    let mut set = GlobSetBuilder::new();
    for (nth, pattern) in patterns.into_iter().enumerate() {
        let pattern = pattern.as_ref();
        let fault = |why: String| PatternError { pattern: pattern.chars().take(100).collect(), why };
        if nth >= PATTERNS || pattern.is_empty() || pattern.len() > PATTERN_BYTES {
            return Err(fault(format!(
                "a list has at most {PATTERNS} patterns of 1 to {PATTERN_BYTES} bytes"
            )));
        }
        let glob = GlobBuilder::new(pattern).literal_separator(is_path).empty_alternates(true).build();
        set.add(glob.map_err(|error| fault(error.kind().to_string()))?);
    }
    set.build().map_err(|error| PatternError { pattern: String::new(), why: error.kind().to_string() })
}

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Kinds;
use crate::plan::{Plan, Step};

/// How much a reviewer should care. The gravest is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskLevel {
    /// Good to know.
    Low,
    /// Look twice.
    Medium,
    /// Something is lost, or rights change.
    High,
    /// Data is lost, or something of others.
    Critical,
}

impl fmt::Display for RiskLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        })
    }
}

/// What a rule found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Flag {
    /// The rule's name.
    pub rule: Cow<'static, str>,
    /// How much a reviewer should care.
    pub level: RiskLevel,
    /// What it found, for people; may quote names and values of others.
    pub message: String,
}

/// What a rule about one step looks at.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct StepSubject<'a> {
    /// The step.
    pub step: &'a Step,
    /// The kinds that the rules know by name.
    pub kinds: &'a Kinds,
    /// Why the object was not healthy before, if it was not.
    pub unhealthy: Option<&'a str>,
}

/// What a rule about a whole application looks at.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct PlanSubject<'a> {
    /// The plan of the merge result.
    pub plan: &'a Plan,
    /// The share of the application's objects, in percent, from which a change is large.
    pub large_percent: u8,
    /// How many of the application's objects were not healthy before, without those that have a step.
    pub unhealthy: usize,
}

/// A rule that finds a risk: a name, a level, and a pure function.
///
/// ```
/// use gitops_core::review::{RiskLevel, Rule, Rules};
/// let rule = Rule::of_step("friday-web", RiskLevel::Medium, "The web front end changes", |subject| {
///     (subject.step.key.name() == "web").then(|| "the front end changes".to_owned())
/// });
/// let rules = Rules::default().with(rule);
/// assert!(rules.iter().any(|rule| rule.name() == "friday-web"));
/// ```
#[derive(Clone)]
pub struct Rule {
    name: Cow<'static, str>,
    level: RiskLevel,
    about: Cow<'static, str>,
    find: Find,
}

type FindInStep = dyn Fn(&StepSubject<'_>) -> Option<String> + Send + Sync;
type FindInPlan = dyn Fn(&PlanSubject<'_>) -> Option<String> + Send + Sync;

#[derive(Clone)]
enum Find {
    InStep(Arc<FindInStep>),
    InPlan(Arc<FindInPlan>),
}

impl Rule {
    /// A rule that looks at each step by itself; `about` says in one sentence what it finds.
    pub fn of_step(
        name: impl Into<Cow<'static, str>>,
        level: RiskLevel,
        about: impl Into<Cow<'static, str>>,
        find: impl Fn(&StepSubject<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), level, about: about.into(), find: Find::InStep(Arc::new(find)) }
    }

    /// A rule that looks at the plan of an application as a whole.
    pub fn of_plan(
        name: impl Into<Cow<'static, str>>,
        level: RiskLevel,
        about: impl Into<Cow<'static, str>>,
        find: impl Fn(&PlanSubject<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), level, about: about.into(), find: Find::InPlan(Arc::new(find)) }
    }

    /// The rule's name: stable, for configuration and machines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How grave a finding is.
    pub fn level(&self) -> RiskLevel {
        self.level
    }

    /// One sentence about what it finds.
    pub fn about(&self) -> &str {
        &self.about
    }

    fn flag(&self, message: String) -> Flag {
        Flag { rule: self.name.clone(), level: self.level, message }
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rule").field("name", &self.name).field("level", &self.level).finish_non_exhaustive()
    }
}

/// The rules of a review and what they know. The default has all [built-in rules](super#risk-rules).
#[derive(Clone, Debug)]
pub struct Rules {
    all: Vec<Rule>,
    kinds: Kinds,
    large_percent: u8,
}

impl Default for Rules {
    fn default() -> Self {
        Self { all: super::rules::built_in(), kinds: Kinds::default(), large_percent: 20 }
    }
}

impl Rules {
    /// The share of an application's objects, in percent, from which a change is large; 20 by default.
    #[must_use]
    pub fn large_from(mut self, percent: u8) -> Self {
        self.large_percent = percent;
        self
    }

    /// The kinds that the rules know by name.
    #[must_use]
    pub fn knowing(mut self, kinds: Kinds) -> Self {
        self.kinds = kinds;
        self
    }

    /// Adds a rule, in the place of one with the same name.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Self {
        self.all.retain(|other| other.name != rule.name);
        self.all.push(rule);
        self
    }

    /// Leaves a rule out. The steps that delete or replace come first all the same.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.all.retain(|rule| rule.name != name);
        self
    }

    /// The rules.
    pub fn iter(&self) -> impl Iterator<Item = &Rule> {
        self.all.iter()
    }

    /// What the rules find in a step, the gravest first.
    pub(super) fn of_step(&self, step: &Step, unhealthy: Option<&str>) -> Vec<Flag> {
        let subject = StepSubject { step, kinds: &self.kinds, unhealthy };
        let found = self.all.iter().filter_map(|rule| match &rule.find {
            Find::InStep(find) => find(&subject).map(|message| rule.flag(message)),
            Find::InPlan(_) => None,
        });
        gravest_first(found)
    }

    /// What the rules find in a whole plan, the gravest first.
    pub(super) fn of_plan(&self, plan: &Plan, unhealthy: usize) -> Vec<Flag> {
        let subject = PlanSubject { plan, large_percent: self.large_percent, unhealthy };
        let found = self.all.iter().filter_map(|rule| match &rule.find {
            Find::InPlan(find) => find(&subject).map(|message| rule.flag(message)),
            Find::InStep(_) => None,
        });
        gravest_first(found)
    }
}

fn gravest_first(found: impl Iterator<Item = Flag>) -> Vec<Flag> {
    let mut flags: Vec<Flag> = found.collect();
    flags.sort_by(|a, b| (b.level, &a.rule).cmp(&(a.level, &b.rule)));
    flags
}

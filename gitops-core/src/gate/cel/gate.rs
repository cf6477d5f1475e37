use std::collections::BTreeMap;
use std::sync::Arc;

use super::by_step::is_by_step;
use super::names::{self, Shape};
use super::{Expression, apart};
use crate::gate::{Gate, Proposal, Verdict};
use crate::plan::{Plan, Step};
use crate::source::Commits;
use crate::value::{Action, Digest, Hasher, Key, Result, Value};

/// A gate from an expression that must hold for a plan.
///
/// The expression sees three variables, with secrets masked:
/// - `plan`: `application`, `revision`, `owned`, `blocked`, and how many steps `create`, `update`, `replace`, `delete`;
/// - `steps`: of each its `key` (`target`, `group`, `kind`, `namespace`, `name`), `action`, `cause`, `reason` (with its
///   `code`), `risk` (a list), `path` (the file), `preview` (whether the target previewed it), `fields`: `path`,
///   `before` and `after` of each field that would change, as the target previewed it if it does; and `components`:
///   `name`, `kind`, `action`, `risk`, `before` and `after` of each part of it that would change, such as the resources
///   of a root module;
/// - `commits`: what the plan's revision brings over the accepted one: `known` (false where the source can't tell, or where
///   nothing was accepted before), `more` (whether there are more than are listed), and `list`, the newest first, of `id`,
///   `author`, `committer` (each as `Name <address>`), `time` and `summary`.
///
/// ```
/// use gitops_core::gate::cel::{CelGate, Expression};
/// use gitops_core::{Gate, Verdict};
/// let rule = Expression::parse("steps.all(s, s.key.kind != 'Namespace' || s.action != 'delete')")?;
/// let gate = CelGate::new("namespaces", rule, Verdict::deny("namespaces", "namespaces stay"));
/// assert_eq!(gate.name(), "namespaces");
/// # Ok::<(), gitops_core::Error>(())
/// ```
///
/// A rule of which each step alone decides, such as `steps.all(…)` and `!steps.exists(…)`, names the steps of which it is not
/// true, if `otherwise` asks for an approval: an engine at work leaves these out and carries out the others. Any other rule is
/// about the whole plan.
///
/// # Errors
/// A rule that can't be evaluated denies the plan, and says why: what nobody could check is not let through.
#[derive(Clone, Debug)]
pub struct CelGate {
    name: String,
    rule: Expression,
    otherwise: Verdict,
    /// Whether the rule can say of which steps it is not true.
    names_steps: bool,
}

impl CelGate {
    /// Looks whether a rule names only what a gate's expression can see. One that names more may hold all the same, since CEL does
    /// not evaluate what it need not: `plan.delete < 3 || plan.delet < 9`.
    ///
    /// # Errors
    /// `Invalid` with the first name that is not there, and what may have been meant. What is in `fields`, `components`, `reason`
    /// and values is not looked at: it is of many forms.
    pub fn check_names(rule: &Expression) -> Result<()> {
        apart(|| names::check(rule.program.expression(), VARIABLES))
            .map_err(|error| error.with("expression", rule.text()))
    }

    /// A gate that allows a plan for which the rule is true, and says `otherwise` of every other.
    pub fn new(name: impl Into<String>, rule: Expression, otherwise: Verdict) -> Self {
        let names_steps = matches!(otherwise, Verdict::NeedsApproval { .. })
            && apart(|| Ok(is_by_step(rule.program.expression()))).unwrap_or(false);
        Self { name: name.into(), rule, otherwise, names_steps }
    }

    /// The steps of which the rule is not true; none where that can't be told of each of them.
    fn failing(&self, plan: &Plan, variables: &BTreeMap<&str, Value>, steps: &[Value]) -> Vec<Key> {
        let alone: Vec<Value> = steps.iter().map(|step| Value::List(Arc::from([step.clone()]))).collect();
        let Ok(holds) = self.rule.holds_with_each(variables, "steps", &alone) else { return Vec::new() };
        let failing = plan.steps.iter().zip(holds).filter(|(_, holds)| !holds);
        failing.map(|(step, _)| step.key.clone()).collect()
    }
}

impl Gate for CelGate {
    fn name(&self) -> &str {
        &self.name
    }

    fn check(&self, &Proposal { plan, commits, .. }: &Proposal<'_>) -> Verdict {
        let steps: Vec<Value> = plan.steps.iter().map(step_data).collect();
        let all = Value::List(steps.iter().cloned().collect());
        let commits = commits_data(commits);
        let variables = BTreeMap::from([("plan", plan_data(plan)), ("steps", all), ("commits", commits)]);
        match self.rule.holds(&variables) {
            Ok(true) => Verdict::Allow,
            Ok(false) if self.names_steps => {
                self.otherwise.clone().naming(self.failing(plan, &variables, &steps))
            }
            Ok(false) => self.otherwise.clone(),
            Err(error) => Verdict::deny(&self.name, error.to_string()),
        }
    }

    fn fingerprint(&self) -> Digest {
        let mut hasher = Hasher::new("gitops cel gate");
        hasher.field(&self.name).field(self.rule.text()).field(format!("{:?}", self.otherwise)).finish()
    }
}

/// What the functions below make, by name.
static VARIABLES: &[(&str, Shape)] = &[
    ("plan", PLAN),
    ("steps", Shape::Each(&STEP)),
    (
        "commits",
        Shape::Members(&[("known", Shape::Any), ("more", Shape::Any), ("list", Shape::Each(&COMMIT))]),
    ),
];

const PLAN: Shape = Shape::Members(&[
    ("application", Shape::Any),
    ("revision", Shape::Any),
    ("owned", Shape::Any),
    ("blocked", Shape::Any),
    ("create", Shape::Any),
    ("update", Shape::Any),
    ("replace", Shape::Any),
    ("delete", Shape::Any),
]);

static STEP: Shape = Shape::Members(&[
    (
        "key",
        Shape::Members(&[
            ("target", Shape::Any),
            ("group", Shape::Any),
            ("kind", Shape::Any),
            ("namespace", Shape::Any),
            ("name", Shape::Any),
        ]),
    ),
    ("action", Shape::Any),
    ("cause", Shape::Any),
    ("reason", Shape::Any),
    ("risk", Shape::Any),
    ("path", Shape::Any),
    ("preview", Shape::Any),
    ("fields", Shape::Any),
    ("components", Shape::Any),
]);

static COMMIT: Shape = Shape::Members(&[
    ("id", Shape::Any),
    ("author", Shape::Any),
    ("committer", Shape::Any),
    ("time", Shape::Any),
    ("summary", Shape::Any),
    ("signer", Shape::Any),
]);

fn plan_data(plan: &Plan) -> Value {
    let count = |action: Action| (action.to_string(), number(plan.count(action)));
    let counts = [Action::Create, Action::Update, Action::Replace, Action::Delete].map(count);
    let rest = [
        ("application", Value::from(plan.application.as_str())),
        ("revision", plan.revision.id().into()),
        ("owned", number(plan.owned)),
        ("blocked", number(plan.blocked.len())),
    ];
    Value::map(counts.into_iter().chain(rest.map(|(name, value)| (name.to_owned(), value))))
}

fn commits_data(commits: Option<&Commits>) -> Value {
    let list = commits.map_or_else(|| Value::List(Arc::from([])), |commits| encoded(&commits.list));
    Value::map([
        ("known", commits.is_some().into()),
        ("more", commits.is_some_and(|commits| commits.more).into()),
        ("list", list),
    ])
}

fn number(count: usize) -> Value {
    Value::from(i64::try_from(count).unwrap_or(i64::MAX))
}

fn step_data(step: &Step) -> Value {
    let key = [
        ("target", step.key.target()),
        ("group", step.key.kind().group()),
        ("kind", step.key.kind().kind()),
        ("namespace", step.key.namespace()),
        ("name", step.key.name()),
    ];
    let path = step.provenance.as_ref().map_or("", |provenance| provenance.path.as_str());
    Value::map([
        ("key", Value::map(key.map(|(name, part)| (name, part.into())))),
        ("action", step.action.to_string().as_str().into()),
        ("cause", encoded(&step.cause)),
        ("reason", encoded(&step.reason)),
        ("risk", encoded(&step.risk)),
        ("path", path.into()),
        ("preview", step.preview.is_some().into()),
        ("fields", encoded(&step.diff)),
        ("components", encoded(&step.components.changes)),
    ])
}

/// What people would see: the serialised form masks secrets.
fn encoded(part: &impl serde::Serialize) -> Value {
    Value::encode(part).unwrap_or(Value::Null)
}

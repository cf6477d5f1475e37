use std::collections::BTreeMap;

use gitops_core::gate::cel::Expression;
use gitops_core::{GroupKind, Result, Value};
use serde_json::Value as Json;

use super::ObjectHealth;
use super::conditions::Conditions;

/// How objects of a kind do, as expressions in [CEL](https://cel.dev) over the object say: for kinds whose controllers have
/// conventions of their own.
///
/// They are asked in this order, and the first that holds decides: `suspended`, `in_progress`, `failed`, `current`,
/// `unproven`; if none does, the object is on its way. A generation that the controller has not seen answers before all but
/// `suspended`, for a controller does not look at what is suspended. What they may cost is limited: see
/// [`gitops_core::gate::cel`].
///
/// The expressions see `object`, and its `metadata`, `spec` and `status` (empty where there is none). So that a field that
/// is missing makes no fault, they see also:
/// - `is_true` and `is_false`: the types of the status's conditions that are `True` and `False`, as lists. Only
///   conditions of the present generation count, here and below.
/// - `conditions` and `reasons`: the conditions by their type, and the reason of each, which is empty where it has none.
/// - `phase` and `state`: those of the status, empty where it has none.
///
/// ```
/// use gitops_core::GroupKind;
/// use gitops_core::gate::cel::Expression;
/// use gitops_k8s::HealthRule;
/// let rule = HealthRule::of(
///     GroupKind::new("example.org", "Database"),
///     Expression::parse("'Ready' in is_true")?,
/// )
/// .failed(Expression::parse("phase == 'Broken'")?);
/// # let _ = rule;
/// # Ok::<(), gitops_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct HealthRule {
    of: GroupKind,
    suspended: Option<Expression>,
    in_progress: Option<Expression>,
    failed: Option<Expression>,
    current: Expression,
    unproven: Option<Expression>,
}

impl HealthRule {
    /// A rule for a kind, or for all kinds of a group that have none of their own: then the kind is `*`.
    pub fn of(kind: GroupKind, current: Expression) -> Self {
        Self { of: kind, suspended: None, in_progress: None, failed: None, current, unproven: None }
    }

    /// When somebody suspended an object, whatever the other expressions say.
    pub fn suspended(mut self, expression: Expression) -> Self {
        self.suspended = Some(expression);
        self
    }

    /// When an object that is not suspended is on its way, whatever the other expressions say.
    pub fn in_progress(mut self, expression: Expression) -> Self {
        self.in_progress = Some(expression);
        self
    }

    /// When an object will not work without a change.
    pub fn failed(mut self, expression: Expression) -> Self {
        self.failed = Some(expression);
        self
    }

    /// When an object says nothing, and its controller may never say more: after a while it counts as working, unproven.
    pub fn unproven(mut self, expression: Expression) -> Self {
        self.unproven = Some(expression);
        self
    }

    /// How an object does; one that the rule does not fit is on its way.
    pub(super) fn assess(&self, object: &Json, conditions: &Conditions<'_>) -> ObjectHealth {
        let health = self.decide(object, conditions);
        health.unwrap_or_else(|error| {
            ObjectHealth::Progressing(format!("its health rule can't be asked: {error}"))
        })
    }

    fn decide(&self, object: &Json, conditions: &Conditions<'_>) -> Result<ObjectHealth> {
        let variables = variables(object, conditions);
        let holds = |expression: &Option<Expression>| match expression {
            Some(expression) => expression.holds(&variables),
            None => Ok(false),
        };
        let why = |rule: &str| why(object, conditions, rule);
        if holds(&self.suspended)? {
            return Ok(ObjectHealth::Suspended(why("it is suspended")));
        }
        if let Some(unseen) = super::unseen(object) {
            return Ok(unseen);
        }
        if holds(&self.in_progress)? {
            return Ok(ObjectHealth::Progressing(why("its rule says that it is in progress")));
        }
        if holds(&self.failed)? {
            return Ok(ObjectHealth::Degraded(why("its rule says that it has failed")));
        }
        if self.current.holds(&variables)? {
            return Ok(ObjectHealth::Healthy);
        }
        Ok(match holds(&self.unproven)? {
            true => ObjectHealth::Unproven(why("its controller says nothing that proves that it works")),
            false => ObjectHealth::Progressing(why("its rule does not say that it is current")),
        })
    }
}

fn variables(object: &Json, conditions: &Conditions<'_>) -> BTreeMap<&'static str, Value> {
    let part = |name: &str| match &object[name] {
        Json::Null => Value::map::<&str>([]),
        part => Value::from_json(part.clone()),
    };
    let by_type = conditions.by_type();
    let with = |status: &str| {
        let names = by_type.iter().filter(|(_, condition)| condition["status"] == status);
        Value::List(names.map(|(name, _)| Value::from(*name)).collect())
    };
    let text = |value: &Json| Value::from(value.as_str().unwrap_or_default());
    let all = by_type.iter().map(|(name, condition)| (*name, Value::from_json(Json::clone(condition))));
    let reasons = by_type.iter().map(|(name, condition)| (*name, text(&condition["reason"])));
    BTreeMap::from([
        ("metadata", part("metadata")),
        ("spec", part("spec")),
        ("status", part("status")),
        ("object", Value::from_json(object.clone())),
        ("conditions", Value::map(all)),
        ("reasons", Value::map(reasons)),
        ("is_true", with("True")),
        ("is_false", with("False")),
        ("phase", text(&object["status"]["phase"])),
        ("state", text(&object["status"]["state"])),
    ])
}

/// The rule's answer, with what the object says of itself.
fn why(object: &Json, conditions: &Conditions<'_>, rule: &str) -> String {
    let ready = || conditions.status("Ready").map(|_| conditions.why("Ready"));
    let message = |field: &&str| object["status"][*field].as_str().filter(|text| !text.is_empty());
    let written =
        || ["message", "error", "reason", "phase", "state"].iter().find_map(message).map(str::to_owned);
    let told =
        ready().filter(|_| !conditions.is("Ready", "True")).or_else(written).or_else(|| conditions.told());
    told.map_or_else(|| rule.to_owned(), |told| format!("{rule}; {told}"))
}

/// The rules of a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct HealthRules(Vec<HealthRule>);

impl HealthRules {
    pub fn new(rules: Vec<HealthRule>) -> Self {
        Self(rules)
    }

    /// The rule for a kind: its own before that of its group, a later one before an earlier one.
    pub(super) fn of(&self, group: &str, kind: &str) -> Option<&HealthRule> {
        let find =
            |kind: &str| self.0.iter().rev().find(|rule| rule.of.group() == group && rule.of.kind() == kind);
        find(kind).or_else(|| find("*"))
    }

    /// Whether there is a rule for a kind, of the configuration or shipped.
    pub fn know(&self, group: &str, kind: &str) -> bool {
        self.of(group, kind).is_some()
            || !super::kinds::is_built_in(group) && super::shipped::rule(group, kind).is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::assess;
    use super::*;

    fn rules() -> HealthRules {
        let parse = |text: &str| Expression::parse(text).unwrap();
        let kind = |kind: &str| GroupKind::new("example.org", kind);
        let database = HealthRule::of(kind("Database"), parse("status.phase == 'Running'"))
            .in_progress(parse("has(status.migrating) && status.migrating"))
            .failed(parse("has(status.phase) && status.phase == 'Broken'"));
        HealthRules::new(vec![database, HealthRule::of(kind("*"), parse("spec.on"))])
    }

    fn doing(kind: &str, parts: Json) -> ObjectHealth {
        let mut object = json!({"apiVersion": "example.org/v1", "kind": kind, "metadata": {"generation": 2}});
        object.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        assess(&object, &rules())
    }

    #[test]
    fn the_first_expression_that_holds_decides_after_the_generation() {
        let status = |status: Json| doing("Database", json!({"status": status}));
        assert_eq!(status(json!({"phase": "Running"})), ObjectHealth::Healthy);
        assert!(matches!(status(json!({"phase": "Broken"})), ObjectHealth::Degraded(_)));
        assert!(matches!(
            status(json!({"phase": "Broken", "migrating": true})),
            ObjectHealth::Progressing(_)
        ));
        assert!(matches!(status(json!({"phase": "New"})), ObjectHealth::Progressing(_)));
        let stale = status(json!({"phase": "Running", "observedGeneration": 1}));
        assert!(matches!(stale, ObjectHealth::Progressing(why) if why.contains("generation 1 of 2")));
    }

    #[test]
    fn a_rule_that_does_not_fit_says_so_and_passes_nothing() {
        let found = doing("Database", json!({"status": {}}));
        assert!(
            matches!(&found, ObjectHealth::Progressing(why) if why.contains("can't be asked")),
            "{found:?}"
        );
    }

    #[test]
    fn a_kind_has_its_own_rule_before_that_of_its_group() {
        assert_eq!(doing("Other", json!({"spec": {"on": true}})), ObjectHealth::Healthy);
        assert!(matches!(doing("Database", json!({"spec": {"on": true}})), ObjectHealth::Progressing(_)));
    }
}

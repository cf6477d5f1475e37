use std::collections::BTreeMap;

use gitops_core::cel::Expression;
use gitops_core::{GroupKind, Result, Value};
use serde_json::Value as Json;

use super::Doing;
use super::conditions::Conditions;

/// How objects of a kind do, as expressions in [CEL](https://cel.dev) over the object say: for kinds whose controllers have
/// conventions of their own.
///
/// The expressions see `metadata`, `spec`, `status` (empty where there is none), and `object`, which has everything. They
/// are asked in this order, and the first that holds decides: `in_progress`, `failed`, `current`; if none does, the object
/// is on its way. A generation that the controller has not seen answers before them. What they may cost is limited: see
/// [`gitops_core::cel`].
///
/// ```
/// use gitops_core::GroupKind;
/// use gitops_core::cel::Expression;
/// use gitops_k8s::HealthRule;
/// let rule = HealthRule::of(
///     GroupKind::new("example.org", "Database"),
///     Expression::parse("has(status.phase) && status.phase == 'Running'")?,
/// )
/// .failed(Expression::parse("has(status.phase) && status.phase == 'Broken'")?);
/// # let _ = rule;
/// # Ok::<(), gitops_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct HealthRule {
    of: GroupKind,
    in_progress: Option<Expression>,
    failed: Option<Expression>,
    current: Expression,
}

impl HealthRule {
    /// A rule for a kind, or for all kinds of a group that have none of their own: then the kind is `*`.
    pub fn of(kind: GroupKind, current: Expression) -> Self {
        Self { of: kind, in_progress: None, failed: None, current }
    }

    /// When an object is on its way, whatever the other expressions say.
    pub fn in_progress(mut self, expression: Expression) -> Self {
        self.in_progress = Some(expression);
        self
    }

    /// When an object will not work without a change.
    pub fn failed(mut self, expression: Expression) -> Self {
        self.failed = Some(expression);
        self
    }

    fn assess(&self, object: &Json, conditions: &Conditions<'_>) -> Result<Doing> {
        let variables = variables(object);
        let holds = |expression: &Option<Expression>| match expression {
            Some(expression) => expression.holds(&variables),
            None => Ok(false),
        };
        if holds(&self.in_progress)? {
            return Ok(Doing::Coming(why(conditions, "its rule says that it is in progress")));
        }
        if holds(&self.failed)? {
            return Ok(Doing::Badly(why(conditions, "its rule says that it has failed")));
        }
        Ok(match self.current.holds(&variables)? {
            true => Doing::Well,
            false => Doing::Coming(why(conditions, "its rule does not say that it is current")),
        })
    }
}

fn variables(object: &Json) -> BTreeMap<&'static str, Value> {
    let part = |name: &str| match &object[name] {
        Json::Null => Value::map::<&str>([]),
        part => Value::from_json(part.clone()),
    };
    let parts = ["metadata", "spec", "status"].map(|name| (name, part(name)));
    parts.into_iter().chain([("object", Value::from_json(object.clone()))]).collect()
}

/// The rule's answer, with what the object says of itself.
fn why(conditions: &Conditions<'_>, rule: &str) -> String {
    match conditions.status("Ready") {
        Some(_) => format!("{rule}; {}", conditions.why("Ready")),
        None => rule.to_owned(),
    }
}

/// The rules of a target.
#[derive(Clone, Debug, Default)]
pub(crate) struct HealthRules(Vec<HealthRule>);

impl HealthRules {
    pub fn new(rules: Vec<HealthRule>) -> Self {
        Self(rules)
    }

    /// The rule for a kind: its own before that of its group, a later one before an earlier one.
    fn of(&self, group: &str, kind: &str) -> Option<&HealthRule> {
        let find =
            |kind: &str| self.0.iter().rev().find(|rule| rule.of.group() == group && rule.of.kind() == kind);
        find(kind).or_else(|| find("*"))
    }

    /// Whether there is a rule for a kind.
    pub fn know(&self, group: &str, kind: &str) -> bool {
        self.of(group, kind).is_some()
    }

    /// What the rule for an object says; nothing if there is none.
    pub(super) fn assess(&self, object: &Json, conditions: &Conditions<'_>) -> Option<Doing> {
        let api_version = object["apiVersion"].as_str().unwrap_or_default();
        let group = api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let rule = self.of(group, object["kind"].as_str().unwrap_or_default())?;
        let doing = rule.assess(object, conditions);
        Some(doing.unwrap_or_else(|error| Doing::Coming(format!("its health rule can't be asked: {error}"))))
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

    fn doing(kind: &str, parts: Json) -> Doing {
        let mut object = json!({"apiVersion": "example.org/v1", "kind": kind, "metadata": {"generation": 2}});
        object.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
        assess(&object, &rules())
    }

    #[test]
    fn the_first_expression_that_holds_decides_after_the_generation() {
        let status = |status: Json| doing("Database", json!({"status": status}));
        assert_eq!(status(json!({"phase": "Running"})), Doing::Well);
        assert!(matches!(status(json!({"phase": "Broken"})), Doing::Badly(_)));
        assert!(matches!(status(json!({"phase": "Broken", "migrating": true})), Doing::Coming(_)));
        assert!(matches!(status(json!({"phase": "New"})), Doing::Coming(_)));
        let stale = status(json!({"phase": "Running", "observedGeneration": 1}));
        assert!(matches!(stale, Doing::Coming(why) if why.contains("generation 1 of 2")));
    }

    #[test]
    fn a_rule_that_does_not_fit_says_so_and_passes_nothing() {
        let found = doing("Database", json!({"status": {}}));
        assert!(matches!(&found, Doing::Coming(why) if why.contains("can't be asked")), "{found:?}");
    }

    #[test]
    fn a_kind_has_its_own_rule_before_that_of_its_group() {
        assert_eq!(doing("Other", json!({"spec": {"on": true}})), Doing::Well);
        assert!(matches!(doing("Database", json!({"spec": {"on": true}})), Doing::Coming(_)));
    }
}

//! The built-in rules.

use super::{Flag, PlanSubject, RiskLevel, Rule, StepSubject};
use crate::plan::Reason;
use crate::value::{Action, ComponentChange, ForeignField, Risk, Taken, Value, Whose};

/// What a tool writes for a value that it does not know before an apply.
const KNOWN_LATER: &str = "(known after apply)";

/// Fields that can't be changed in place, or choose what an object rules over.
const FIXED: &[&str] = &[
    "/spec/selector",
    "/spec/volumeClaimTemplates",
    "/spec/serviceName",
    "/spec/clusterIP",
    "/spec/storageClassName",
    "/spec/volumeName",
    "/roleRef",
    "/spec/podSelector",
];

/// How many names a message has at most.
const NAMED: usize = 3;

/// All of them.
pub(super) fn built_in() -> Vec<Rule> {
    use RiskLevel::{Critical, High, Low, Medium};
    vec![
        Rule::of_step("delete", High, "An object, or a resource of one, is deleted", deletes),
        Rule::of_step(
            "replace",
            High,
            "An object, or a resource of one, is deleted and created again",
            replaces,
        ),
        Rule::of_step("protected", Critical, "Something protected is deleted or replaced", protected),
        Rule::of_step(
            "stateful-loss",
            Critical,
            "Something that holds data is deleted or replaced",
            stateful_loss,
        ),
        Rule::of_step("stateful-change", Medium, "Something that holds data changes", stateful_change),
        Rule::of_step(
            "container-loss",
            Critical,
            "A namespace or a definition is deleted or replaced",
            container_loss,
        ),
        Rule::of_step(
            "blast-radius",
            Critical,
            "A delete takes what others own, or nobody knows what",
            others,
        ),
        Rule::of_step("takes", High, "A delete takes more objects of the application with it", takes),
        Rule::of_step("access", High, "Rights change: RBAC, IAM, admission", access),
        Rule::of_step("fixed-field", High, "A selector or an immutable field changes", fixed_field),
        Rule::of_step("conflict", Medium, "A declared field belongs to another client", conflict),
        Rule::of_step("adopts", Medium, "An object that others made is adopted", adopts),
        Rule::of_step("unknown", Medium, "Values are known only after the apply", unknown),
        Rule::of_step("secret", Medium, "Secret material changes", secret),
        Rule::of_step("unhealthy-before", Medium, "The object was not healthy before", unhealthy),
        Rule::of_step("image-without-digest", Low, "An image is named by a tag that can move", image),
        Rule::of_plan("large-share", High, "A large part of the application changes", large_share),
        Rule::of_plan(
            "unhealthy-application",
            Medium,
            "Other objects are not healthy before",
            unhealthy_rest,
        ),
    ]
}

/// Whether a step removes its object.
fn removes(subject: &StepSubject<'_>) -> bool {
    matches!(subject.step.action, Action::Delete | Action::Replace)
}

fn deletes(subject: &StepSubject<'_>) -> Option<String> {
    if subject.step.action == Action::Delete {
        return Some(subject.step.reason.to_string());
    }
    components(subject, |change| change.risk == Some(Risk::Delete))
}

fn replaces(subject: &StepSubject<'_>) -> Option<String> {
    if subject.step.action == Action::Replace {
        return Some(subject.step.reason.to_string());
    }
    components(subject, |change| change.risk == Some(Risk::Replace))
}

fn protected(subject: &StepSubject<'_>) -> Option<String> {
    subject.step.risk.contains(&Risk::Protected).then(|| "it needs an approval that names it".to_owned())
}

fn stateful_loss(subject: &StepSubject<'_>) -> Option<String> {
    let kind = subject.step.key.kind().to_string();
    if removes(subject) && subject.kinds.is_stateful(&kind) {
        return Some(format!("{kind} holds data"));
    }
    components(subject, |change| change.risk.is_some() && subject.kinds.is_stateful(&change.kind))
}

fn stateful_change(subject: &StepSubject<'_>) -> Option<String> {
    let kind = subject.step.key.kind().to_string();
    if subject.step.action == Action::Update && subject.kinds.is_stateful(&kind) {
        return Some(format!("{kind} holds data"));
    }
    let changes = |change: &ComponentChange| change.risk.is_none() && change.before.is_some();
    components(subject, |change| changes(change) && subject.kinds.is_stateful(&change.kind))
}

fn container_loss(subject: &StepSubject<'_>) -> Option<String> {
    let step = subject.step;
    (removes(subject) && subject.kinds.is_container(step.key.kind())).then(|| match step.takes.len() {
        0 => "nothing is known to go with it".to_owned(),
        _ => format!("it takes {}", all(step.takes.iter())),
    })
}

fn others(subject: &StepSubject<'_>) -> Option<String> {
    let strays = || subject.step.takes.iter().filter(|taken| taken.whose != Whose::Ours);
    strays().next().is_some().then(|| all(strays()))
}

fn takes(subject: &StepSubject<'_>) -> Option<String> {
    let ours = || subject.step.takes.iter().filter(|taken| taken.whose == Whose::Ours);
    ours().next().is_some().then(|| all(ours()))
}

fn all<'a>(taken: impl Iterator<Item = &'a Taken>) -> String {
    taken.map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn access(subject: &StepSubject<'_>) -> Option<String> {
    let kind = subject.step.key.kind().to_string();
    if subject.kinds.gives_rights(&kind) {
        return Some(format!("{kind} gives rights"));
    }
    components(subject, |change| subject.kinds.gives_rights(&change.kind))
}

fn fixed_field(subject: &StepSubject<'_>) -> Option<String> {
    if let Reason::CannotChangeInPlace { why } = &subject.step.reason {
        return Some(why.clone());
    }
    if subject.step.action != Action::Update {
        return None;
    }
    let is_fixed = |path: &str| {
        FIXED.iter().any(|fixed| {
            path.strip_prefix(fixed).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let paths = subject.step.diff.fields().iter().map(|field| field.path.as_str());
    named(paths.filter(|path| is_fixed(path)))
}

fn conflict(subject: &StepSubject<'_>) -> Option<String> {
    let blocked = subject.step.foreign.iter().filter(|field| field.is_blocked());
    let origins: Vec<String> = blocked.map(ForeignField::origin).collect();
    named(origins.iter().map(String::as_str))
}

fn adopts(subject: &StepSubject<'_>) -> Option<String> {
    (subject.step.reason == Reason::Adopted)
        .then(|| "others made it; from now on it is changed and deleted here".to_owned())
}

fn unknown(subject: &StepSubject<'_>) -> Option<String> {
    let fields = subject.step.diff.fields().iter();
    let unknown = fields.filter(|field| field.after.as_ref().is_some_and(is_known_later)).count();
    let of_components = subject.step.components.changes.iter();
    let unknown =
        unknown + of_components.filter(|change| change.after.as_ref().is_some_and(is_known_later)).count();
    (unknown > 0).then(|| format!("{unknown} with values that are known only after the apply"))
}

fn is_known_later(value: &Value) -> bool {
    match value {
        Value::Placeholder(_) => true,
        Value::Text(text) => &**text == KNOWN_LATER,
        Value::List(items) => items.iter().any(is_known_later),
        Value::Map(members) => members.values().any(is_known_later),
        _ => false,
    }
}

fn secret(subject: &StepSubject<'_>) -> Option<String> {
    subject.step.risk.contains(&Risk::Secret).then(|| "secret material changes".to_owned())
}

fn unhealthy(subject: &StepSubject<'_>) -> Option<String> {
    subject.unhealthy.map(str::to_owned)
}

fn image(subject: &StepSubject<'_>) -> Option<String> {
    let mut found = Vec::new();
    for field in subject.step.diff.fields() {
        let name = field.path.rsplit('/').next().unwrap_or_default();
        field.after.iter().for_each(|value| images(name, value, &mut found));
    }
    found.sort_unstable();
    found.dedup();
    named(found.into_iter())
}

/// The images without a digest below a member.
fn images<'a>(name: &str, value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Text(image) if name == "image" && !image.contains("@sha256:") => found.push(image),
        Value::List(items) => items.iter().for_each(|item| images("", item, found)),
        Value::Map(members) => members.iter().for_each(|(name, value)| images(name, value, found)),
        _ => {}
    }
}

fn large_share(subject: &PlanSubject<'_>) -> Option<String> {
    let plan = subject.plan;
    let changed = plan.steps.iter().filter(|step| step.action != Action::Create).count();
    let is_large = plan.owned > 1 && changed * 100 > plan.owned * usize::from(subject.large_percent);
    is_large.then(|| format!("{changed} of {} objects change or go", plan.owned))
}

fn unhealthy_rest(subject: &PlanSubject<'_>) -> Option<String> {
    (subject.unhealthy > 0)
        .then(|| format!("{} objects that do not change are not healthy", subject.unhealthy))
}

/// The components of a step for which something holds, by name.
fn components(subject: &StepSubject<'_>, holds: impl Fn(&ComponentChange) -> bool) -> Option<String> {
    named(
        subject
            .step
            .components
            .changes
            .iter()
            .filter(|change| holds(change))
            .map(|change| change.name.as_str()),
    )
}

/// The first names, and how many more there are; nothing for no names.
fn named<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    let more = names.len().saturating_sub(NAMED);
    let first = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match (names.len(), more) {
        (0, _) => None,
        (_, 0) => Some(first),
        _ => Some(format!("{first} and {more} more")),
    }
}

/// The gravest level of some flags.
pub(super) fn gravest(flags: &[Flag]) -> Option<RiskLevel> {
    flags.iter().map(|flag| flag.level).max()
}

//! A plan of the tool as the fields of a diff: one path per resource and attribute, headed by what is done.

use gitops_core::{ComponentChange, Diff, FieldChange, Risk, Taken, Value, Whose};

use crate::tool::address::kind_of;
use crate::tool::json::{Action, OutputChange, Plan, Redact, ResourceChange, StateFile};

/// The fields of a plan: `/create/ADDRESS`, `/update/ADDRESS/ATTRIBUTE`, `/replace/ADDRESS`, `/delete/ADDRESS`,
/// `/forget/ADDRESS`, `/move/ADDRESS`, `/import/ADDRESS`, `/output/NAME`.
pub(crate) fn of_plan(plan: &Plan) -> Diff {
    let resources = plan.changes.iter().flat_map(of_resource);
    resources.chain(plan.outputs.iter().map(|(name, change)| of_output(name, change))).collect()
}

/// The fields of a root that is given up: every resource is left as it is.
pub(crate) fn of_forgotten(state: Option<&StateFile>, redact: &Redact) -> Diff {
    let addresses = state.into_iter().flat_map(|state| state.instances.keys());
    addresses.map(|address| field("forget", &redact.text(address), Some("managed".into()), None)).collect()
}

/// What a plan does to resources, as a gate sees it.
pub(crate) fn components_of_plan(plan: &Plan) -> Vec<ComponentChange> {
    let component = |change: &ResourceChange| {
        ComponentChange::new(&*change.shown, &*change.kind, word(change))
            .losing(risk(change.action))
            .between(change.before.clone(), change.after.clone())
    };
    plan.changes.iter().map(component).collect()
}

/// The resources that go with a root that is removed, by their addresses.
pub(crate) fn taken_by(plan: &Plan) -> Vec<Taken> {
    let goes = plan.changes.iter().filter(|change| change.action.is_dangerous());
    let names: Vec<String> = goes.map(|change| change.shown.clone()).collect();
    if names.is_empty() { Vec::new() } else { vec![Taken::new("resource", Whose::Ours, names)] }
}

/// What becomes of the resources of a root that is given up: nobody looks after them any more.
pub(crate) fn components_of_forgotten(state: Option<&StateFile>, redact: &Redact) -> Vec<ComponentChange> {
    let addresses = state.into_iter().flat_map(|state| state.instances.keys());
    let component = |address: &String| {
        ComponentChange::new(redact.text(address), kind_of(address), Action::Forget.to_string())
            .losing(risk(Action::Forget))
    };
    addresses.map(component).collect()
}

fn risk(action: Action) -> Option<Risk> {
    match action {
        Action::Replace => Some(Risk::Replace),
        action => action.is_dangerous().then_some(Risk::Delete),
    }
}

/// A move and an import are no-ops to the tool.
fn word(change: &ResourceChange) -> &'static str {
    match change.action {
        Action::NoOp if change.imported => "import",
        Action::NoOp => "move",
        action => action.word(),
    }
}

fn of_resource(change: &ResourceChange) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    let address = &change.shown;
    if let Some(previous) = &change.previous_address {
        fields.push(field("move", address, Some(previous.as_str().into()), Some(address.as_str().into())));
    }
    if change.imported {
        fields.push(field("import", address, None, Some("managed".into())));
    }
    match change.action {
        Action::NoOp | Action::Read => {}
        Action::Update => fields.extend(attributes(change)),
        Action::Replace => {
            fields.push(field("replace", address, None, Some(why(change).as_str().into())));
            fields.extend(attributes(change));
        }
        action => {
            fields.push(field(&action.to_string(), address, change.before.clone(), change.after.clone()));
        }
    }
    fields
}

/// The attributes that change.
fn attributes(change: &ResourceChange) -> Vec<FieldChange> {
    let (Some(Value::Map(before)), Some(Value::Map(after))) = (&change.before, &change.after) else {
        return vec![field(
            &change.action.to_string(),
            &change.shown,
            change.before.clone(),
            change.after.clone(),
        )];
    };
    let names = before.keys().chain(after.keys().filter(|name| !before.contains_key(name)));
    names
        .filter(|name| before.get(name) != after.get(name))
        .map(|name| {
            let place = format!("{}/{}", escaped(&change.shown), escaped(name));
            FieldChange::new(
                format!("/{}/{place}", change.action),
                before.get(name).cloned(),
                after.get(name).cloned(),
            )
        })
        .collect()
}

/// Why a resource can't be changed in place.
fn why(change: &ResourceChange) -> String {
    match (change.forced_by.is_empty(), &change.reason) {
        (false, _) => format!("because {} can't be changed in place", change.forced_by.join(", ")),
        (true, Some(reason)) => reason.replace('_', " "),
        (true, None) => "asked for".to_owned(),
    }
}

fn of_output(name: &str, change: &OutputChange) -> FieldChange {
    field("output", name, change.before.clone(), change.after.clone())
}

fn field(action: &str, address: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange::new(format!("/{action}/{}", escaped(address)), before, after)
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

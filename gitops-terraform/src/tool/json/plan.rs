use std::collections::BTreeMap;
use std::fmt;

use gitops_core::{Digest, Hasher, Result, SecretKey, Value};

use super::effect::effect;
use super::{Part, Reader, Redact, masked};
use crate::tool::address::canonical;

/// What is read of the document that the tool shows of a plan: not what it repeats of the state and the configuration,
/// which is most of it.
pub(crate) static READ: Part = Part::Members(&[
    ("format_version", Part::Whole),
    ("resource_changes", Part::Whole),
    ("resource_drift", Part::Whole),
    ("output_changes", Part::Whole),
    ("action_invocations", Part::Whole),
    ("deferred_changes", Part::Whole),
    ("complete", Part::Whole),
    ("errored", Part::Whole),
    ("variables", Part::Whole),
    ("configuration", Part::Members(&[("root_module", Part::Members(&ROOT))])),
]);

static ROOT: [(&str, Part); 3] =
    [("variables", Part::Whole), ("resources", Part::Items(&RESOURCE)), ("module_calls", Part::Each(&CALL))];

/// Which resources of a module, and of the modules that it calls, have provisioners.
static MODULE: [(&str, Part); 2] =
    [("resources", Part::Items(&RESOURCE)), ("module_calls", Part::Each(&CALL))];

static RESOURCE: Part = Part::Members(&[("provisioners", Part::Whole)]);

static CALL: Part = Part::Members(&CALLED);

static CALLED: [(&str, Part); 1] = [("module", Part::Members(&MODULE))];

/// A plan of the tool: what it would do to each resource and output. Secrets are masked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Plan {
    /// The resources that would change, in the order of their addresses; those that stay are left out.
    pub changes: Vec<ResourceChange>,
    /// The resources that were changed behind the state's back.
    pub drift: Vec<ResourceChange>,
    /// The outputs that would change, by name.
    pub outputs: BTreeMap<String, OutputChange>,
    /// Whether planning ended in an error.
    pub errored: bool,
    /// Whether the plan covers the whole configuration; targeted and deferred ones don't.
    pub complete: bool,
    /// The digest of the effect alone: equal for two plans that would do the same.
    pub effect: Digest,
    /// Whether it makes, replaces or removes a resource of a root in which resources have provisioners. What those do is in no plan.
    pub runs_provisioners: bool,
    /// The digest of actions that run beside the changes, and of what is deferred, if there is any.
    pub beside: Option<Digest>,
}

/// What a plan would do to one resource.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ResourceChange {
    /// The address of the instance.
    pub address: String,
    /// The same as it is shown: its key may hold a secret.
    pub shown: String,
    /// The address that it had before, if it is moved.
    pub previous_address: Option<String>,
    /// The resource's type.
    pub kind: String,
    /// What is done to it.
    pub action: Action,
    /// Why, in the tool's own word.
    pub reason: Option<String>,
    /// Whether it is taken over from what is there already.
    pub imported: bool,
    /// What it is, masked; nothing if it is not there.
    pub before: Option<Value>,
    /// What it becomes, masked; nothing if it goes.
    pub after: Option<Value>,
    /// The attributes that can't be changed in place.
    pub forced_by: Vec<String>,
}

/// What is done to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Action {
    /// Nothing.
    NoOp,
    /// A data source is read.
    Read,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// It is removed and made anew.
    Replace,
    /// It is removed.
    Delete,
    /// It is dropped from the state and left as it is.
    Forget,
    /// Something that is not understood here: the most dangerous is assumed.
    Unknown,
}

/// What a plan would do to one output.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct OutputChange {
    /// What is done to it.
    pub action: Action,
    /// Its value before, masked.
    pub before: Option<Value>,
    /// Its value afterwards, masked.
    pub after: Option<Value>,
}

impl Action {
    /// Whether something is lost by it.
    pub fn is_dangerous(self) -> bool {
        matches!(self, Self::Delete | Self::Replace | Self::Forget | Self::Unknown)
    }

    pub(super) fn of(change: &Reader<'_>) -> Result<Self> {
        let actions = change.items("actions")?;
        let words: Vec<&str> = actions.iter().filter_map(|action| action.value().as_text()).collect();
        Ok(match words[..] {
            ["no-op"] => Self::NoOp,
            ["read"] => Self::Read,
            ["create"] => Self::Create,
            ["update"] => Self::Update,
            ["delete"] => Self::Delete,
            ["forget"] => Self::Forget,
            ["delete", "create"] | ["create", "delete"] => Self::Replace,
            _ => Self::Unknown,
        })
    }
}

impl Action {
    /// The word for it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoOp => "no-op",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Forget => "forget",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl ResourceChange {
    /// Whether anything is done to it: a move and an import are changes too, though the tool calls them no-op.
    pub fn is_change(&self) -> bool {
        !matches!(self.action, Action::NoOp | Action::Read)
            || self.previous_address.is_some()
            || self.imported
    }

    fn read(reader: &Reader<'_>, key: &SecretKey) -> Result<Self> {
        let change = reader.required("change")?;
        let (before, after) = before_and_after(&change, key);
        let address = canonical(&reader.text("address")?);
        Ok(Self {
            previous_address: reader
                .optional_text("previous_address")
                .map(|other| canonical(&other))
                .filter(|other| *other != address),
            shown: address.clone(),
            address,
            kind: reader.optional_text("type").unwrap_or_default(),
            action: Action::of(&change)?,
            reason: reader.optional_text("action_reason"),
            imported: change.field("importing").is_some(),
            before,
            after,
            forced_by: forced_by(&change)?,
        })
    }
}

/// The values of a change with their marks applied: what is sensitive is a secret, what is unknown says so.
fn before_and_after(change: &Reader<'_>, key: &SecretKey) -> (Option<Value>, Option<Value>) {
    let no = Value::Bool(false);
    let part = |name: &str| change.value().get(name).unwrap_or(&no);
    let before =
        change.field("before").map(|before| masked(before.value(), part("before_sensitive"), &no, key));
    let unknown = part("after_unknown");
    let is_there = change.field("after").is_some() || unknown.as_bool() == Some(true);
    let value = change.value().get("after").unwrap_or(&Value::Null);
    let after = is_there.then(|| masked(value, part("after_sensitive"), unknown, key));
    (before, after)
}

fn forced_by(change: &Reader<'_>) -> Result<Vec<String>> {
    let step = |step: &Value| step.as_text().map_or_else(|| step.to_string(), str::to_owned);
    let path = |path: Reader<'_>| match path.value() {
        Value::List(steps) => steps.iter().map(step).collect::<Vec<_>>().join("."),
        other => step(other),
    };
    Ok(change.items("replace_paths")?.into_iter().map(path).collect())
}

impl Plan {
    /// The resources that are made, or made anew; not those that are taken over.
    pub(crate) fn created(&self) -> impl Iterator<Item = &ResourceChange> {
        let is_made = |change: &&ResourceChange| matches!(change.action, Action::Create | Action::Replace);
        self.changes.iter().filter(is_made).filter(|change| !change.imported)
    }

    /// The plan that does nothing.
    pub(crate) fn nothing(key: &SecretKey, effect_key: &[u8]) -> Result<Self> {
        Self::read(&Value::map([("format_version", Value::from("1.0"))]), key, effect_key)
    }

    /// Decodes the document that the tool shows of a saved plan.
    ///
    /// # Errors
    /// `Corrupt` if the document is of another shape, `Unsupported` if its format is of another major version.
    pub(crate) fn read(document: &Value, key: &SecretKey, effect_key: &[u8]) -> Result<Self> {
        let reader = Reader::new(document, "plan");
        let format = reader.text("format_version")?;
        if !(format.starts_with("1.") || format.starts_with("0.")) {
            return Err(reader.wrong(&format!("has the format version {format}, which is newer than 1")));
        }
        let all = |name: &str| -> Result<Vec<ResourceChange>> {
            reader.items(name)?.iter().map(|item| ResourceChange::read(item, key)).collect()
        };
        let mut changes = all("resource_changes")?;
        changes.retain(ResourceChange::is_change);
        let has_provisioners = reader
            .field("configuration")
            .and_then(|configuration| configuration.field("root_module"))
            .is_some_and(|root| has_provisioners(root.value()));
        let is_run = |change: &ResourceChange| {
            matches!(change.action, Action::Create | Action::Replace | Action::Delete | Action::Unknown)
        };
        Ok(Self {
            runs_provisioners: has_provisioners && changes.iter().any(is_run),
            beside: beside(&reader),
            changes,
            drift: all("resource_drift")?,
            outputs: outputs(&reader, key)?,
            errored: reader.flag("errored") == Some(true),
            complete: reader.flag("complete") != Some(false),
            effect: effect(&reader, effect_key)?,
        })
    }

    /// The same with secrets hidden that no mark of the tool covers.
    #[must_use]
    pub(crate) fn redacted(mut self, redact: &Redact) -> Self {
        let hide = |value: &mut Option<Value>| *value = value.take().map(|value| redact.value(&value));
        for change in self.changes.iter_mut().chain(&mut self.drift) {
            change.shown = redact.text(&change.shown);
            change.previous_address = change.previous_address.as_deref().map(|address| redact.text(address));
            hide(&mut change.before);
            hide(&mut change.after);
        }
        for change in self.outputs.values_mut() {
            hide(&mut change.before);
            hide(&mut change.after);
        }
        self
    }

    /// Whether applying it would change anything.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.outputs.is_empty()
    }
}

/// Whether a resource of a module, or of one that it calls, has provisioners.
fn has_provisioners(module: &Value) -> bool {
    let has = |resource: &Value| matches!(resource.get("provisioners"), Some(Value::List(list)) if !list.is_empty());
    let own = matches!(module.get("resources"), Some(Value::List(resources)) if resources.iter().any(has));
    let called = |call: &Value| call.get("module").is_some_and(has_provisioners);
    own || matches!(module.get("module_calls"), Some(Value::Map(calls)) if calls.values().any(called))
}

fn beside(reader: &Reader<'_>) -> Option<Digest> {
    let parts = ["action_invocations", "deferred_changes"].map(|name| reader.field(name));
    let mut hasher = Hasher::new("gitops terraform beside");
    let mut is_empty = true;
    let is_said = |part: &Reader<'_>| !matches!(part.value(), Value::List(items) if items.is_empty());
    for part in parts.into_iter().flatten().filter(is_said) {
        hasher.field(part.value().digest().as_bytes());
        is_empty = false;
    }
    (!is_empty).then(|| hasher.finish())
}

fn outputs(reader: &Reader<'_>, key: &SecretKey) -> Result<BTreeMap<String, OutputChange>> {
    let mut outputs = BTreeMap::new();
    for (name, change) in reader.members("output_changes")? {
        let action = Action::of(&change)?;
        let (before, after) = before_and_after(&change, key);
        if action != Action::NoOp {
            outputs.insert(name, OutputChange { action, before, after });
        }
    }
    Ok(outputs)
}

impl Redact {
    /// What a plan's document holds of secrets: marked values, and variables that are declared sensitive.
    pub(crate) fn of_plan(&mut self, document: &Value) -> Result<()> {
        let reader = Reader::new(document, "plan");
        for list in ["resource_changes", "resource_drift"] {
            for change in reader.items(list)?.iter().filter_map(|item| item.field("change")) {
                self.learn_change(&change);
            }
        }
        for (_, change) in reader.members("output_changes")? {
            self.learn_change(&change);
        }
        let declared =
            reader.field("configuration").and_then(|configuration| configuration.field("root_module"));
        let Some(declared) = declared else { return Ok(()) };
        for (name, variable) in declared.members("variables")? {
            let value = reader.field("variables").and_then(|variables| variables.field(&name));
            if let (Some(true), Some(value)) = (variable.flag("sensitive"), value) {
                self.learn(value.value().get("value").unwrap_or(&Value::Null));
            }
        }
        Ok(())
    }

    fn learn_change(&mut self, change: &Reader<'_>) {
        for (value, mask) in [("before", "before_sensitive"), ("after", "after_sensitive")] {
            if let (Some(value), Some(mask)) = (change.field(value), change.field(mask)) {
                self.learn_marked(value.value(), mask.value());
            }
        }
    }
}

#[cfg(test)]
mod tests;

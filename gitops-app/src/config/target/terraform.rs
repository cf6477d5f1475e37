//! Root modules of Terraform or OpenTofu as a target.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::Value;
use gitops_terraform::Removal;

use super::super::node::{Node, Place, Shape};
use super::super::reader::{Fields, Reader};
use super::values;

/// Which program works on which roots, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TerraformConfig {
    /// The program: `tofu` or `terraform`, by name or path.
    pub binary: PathBuf,
    /// The workspace of roots that name none.
    pub workspace: Option<String>,
    /// Variables that every root gets, if it declares them; a value may be another object's output.
    pub vars: Vec<(String, Value)>,
    /// Files of variables that every root gets, by their paths in the source.
    pub var_files: Vec<String>,
    /// Where the states are kept.
    pub backend: BackendConfig,
    /// Exactly these folders are roots; all with files of configuration if empty.
    pub roots: Vec<String>,
    /// What becomes of the resources of roots that leave the source.
    pub removal: Removal,
    /// The only folder that providers are taken from; fetched if nothing.
    pub mirror: Option<PathBuf>,
    /// Variables of the environment that the program gets.
    pub env: Vec<String>,
    /// How often the program is asked for drift; never if nothing.
    pub drift_every: Option<Duration>,
    /// How long a plan may take; as the target has it if nothing.
    pub plan_timeout: Option<Duration>,
    /// How long an apply may take; as the target has it if nothing.
    pub apply_timeout: Option<Duration>,
}

/// Where the states of roots are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BackendConfig {
    /// Where each root says; in the state folder if it says nothing.
    #[default]
    Declared,
    /// In the state folder, with their history.
    Managed,
    /// In a backend of this type of the tool's, with these settings.
    Block(String, Value),
}

const KEYS: [&str; 11] = [
    "binary",
    "workspace",
    "vars",
    "var_files",
    "backend",
    "roots",
    "removal",
    "mirror",
    "env",
    "drift_every",
    "timeouts",
];

/// Reads the content of `terraform:`.
pub fn read(reader: &Reader, node: &Node, owner: Place) -> Option<TerraformConfig> {
    let fields = reader.fields(node, "`terraform`", owner, &KEYS)?;
    let text = |name: &str| fields.get(name).and_then(|(_, node)| reader.text(node, &format!("`{name}`")));
    let texts = |name: &str| {
        let list = fields.get(name).map(|(_, node)| reader.texts(node, &format!("`{name}`")));
        list.unwrap_or_default()
    };
    let (plan_timeout, apply_timeout) = timeouts(reader, &fields);
    let roots = fields.limit("roots").map(|(_, node)| reader.texts(node, "`roots`")).unwrap_or_default();
    let policies = [("retain", Removal::Retain), ("destroy", Removal::Destroy), ("forget", Removal::Forget)];
    let removal = fields.get("removal").and_then(|(_, node)| reader.one_of(node, "`removal`", &policies));
    Some(TerraformConfig {
        binary: fields.get("binary").and_then(|(_, node)| binary(reader, node)).unwrap_or("tofu".into()),
        workspace: text("workspace"),
        vars: vars(reader, &fields),
        var_files: texts("var_files"),
        backend: backend(reader, &fields, roots.len() == 1),
        roots,
        removal: removal.unwrap_or_default(),
        mirror: fields.get("mirror").and_then(|(_, node)| reader.path(node, "`mirror`")),
        env: texts("env"),
        drift_every: super::super::duration_of(reader, &fields, "drift_every"),
        plan_timeout,
        apply_timeout,
    })
}

/// The limits under `timeouts`, for a plan and for an apply.
fn timeouts(reader: &Reader, fields: &Fields<'_>) -> (Option<Duration>, Option<Duration>) {
    let Some((place, node)) = fields.get("timeouts") else { return (None, None) };
    let Some(limits) = reader.fields(node, "`timeouts`", place, &["plan", "apply"]) else {
        return (None, None);
    };
    let limit = |name| super::super::duration_of(reader, &limits, name);
    (limit("plan"), limit("apply"))
}

/// A name is looked up where programs are; a path starts from the configuration's folder.
fn binary(reader: &Reader, node: &Node) -> Option<PathBuf> {
    let written = reader.text(node, "`binary`")?;
    Some(match written.contains('/') {
        true => reader.base(node.place).join(written),
        false => written.into(),
    })
}

fn vars(reader: &Reader, fields: &Fields<'_>) -> Vec<(String, Value)> {
    let members = values::members(reader, fields, "vars", "write `vars: { size: 3 }`");
    members
        .filter_map(|(name, node)| Some((name.text.clone(), values::value_or_output(reader, node)?)))
        .collect()
}

const EXAMPLE: &str =
    "write `backend: managed`, or `backend: { s3: { bucket: states, key: \"{root}.tfstate\" } }`";

/// `managed`, or the one type of a backend with its settings.
fn backend(reader: &Reader, fields: &Fields<'_>, is_one_root: bool) -> BackendConfig {
    let Some((place, node)) = fields.get("backend") else { return BackendConfig::Declared };
    match &node.shape {
        Shape::Text(word) if word == "managed" => BackendConfig::Managed,
        Shape::Map(members) if members.len() == 1 => {
            let (kind, node) = &members[0];
            let settings =
                values::value(reader, node).map(|settings| from_base(&settings, reader.base(node.place)));
            let settings = settings.filter(|settings| matches!(settings, Value::Map(_)));
            if !is_one_root && !settings.as_ref().is_some_and(names_the_root) {
                let message = "all roots would have one state: no setting of the backend holds `{root}`";
                reader.fault("GO0110", place, message, EXAMPLE);
            }
            settings
                .map_or(BackendConfig::Declared, |settings| BackendConfig::Block(kind.text.clone(), settings))
        }
        _ => {
            reader.fault(
                "GO0110",
                node.place,
                "`backend` must be `managed` or one type with its settings",
                EXAMPLE,
            );
            BackendConfig::Declared
        }
    }
}

/// Paths that begin with `./` or `../` start from the configuration's folder: the program runs elsewhere.
fn from_base(settings: &Value, base: &Path) -> Value {
    match settings {
        Value::Text(text) if text.starts_with("./") || text.starts_with("../") => {
            let path = std::path::absolute(base.join(&**text)).unwrap_or_else(|_| base.join(&**text));
            path.to_string_lossy().as_ref().into()
        }
        Value::Map(members) => Value::map(members.iter().map(|(name, value)| (name, from_base(value, base)))),
        other => other.clone(),
    }
}

fn names_the_root(settings: &Value) -> bool {
    match settings {
        Value::Text(text) => text.contains("{root}"),
        Value::Map(members) => members.values().any(names_the_root),
        _ => false,
    }
}

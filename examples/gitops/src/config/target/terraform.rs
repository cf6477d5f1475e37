//! Root modules of Terraform or OpenTofu as a target.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::Value;
use gitops_terraform::Removal;

use super::super::node::{Node, Place, Shape};
use super::super::reader::{Fields, Reader};
use super::values;

/// Which program works on which roots, and how.
#[derive(Debug, PartialEq, Eq)]
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
}

/// Where the states of roots are kept.
#[derive(Debug, Default, PartialEq, Eq)]
pub enum BackendConfig {
    /// Where each root says; in the state folder if it says nothing.
    #[default]
    Declared,
    /// In the state folder, with their history.
    Managed,
    /// In a backend of this type of the tool's, with these settings.
    Block(String, Value),
}

const KEYS: [&str; 10] = [
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
];

/// Reads the content of `terraform:`.
pub fn read(reader: &Reader<'_>, node: &Node, owner: Place, base: &Path) -> Option<TerraformConfig> {
    let fields = reader.fields(node, "`terraform`", owner, &KEYS)?;
    let text = |name: &str| fields.get(name).and_then(|(_, node)| reader.text(node, &format!("`{name}`")));
    let texts = |name: &str| {
        let list = fields.get(name).map(|(_, node)| reader.texts(node, &format!("`{name}`")));
        list.unwrap_or_default()
    };
    let roots = texts("roots");
    let policies = [("retain", Removal::Retain), ("destroy", Removal::Destroy), ("forget", Removal::Forget)];
    let removal = fields.get("removal").and_then(|(_, node)| reader.one_of(node, "`removal`", &policies));
    Some(TerraformConfig {
        binary: binary(text("binary"), base),
        workspace: text("workspace"),
        vars: vars(reader, &fields),
        var_files: texts("var_files"),
        backend: backend(reader, &fields, base, roots.len() == 1),
        roots,
        removal: removal.unwrap_or_default(),
        mirror: text("mirror").map(|path| base.join(path)),
        env: texts("env"),
        drift_every: super::super::duration_of(reader, &fields, "drift_every"),
    })
}

/// A name is looked up where programs are; a path starts from the configuration's folder.
fn binary(written: Option<String>, base: &Path) -> PathBuf {
    match written {
        Some(path) if path.contains('/') => base.join(path),
        Some(name) => name.into(),
        None => "tofu".into(),
    }
}

fn vars(reader: &Reader<'_>, fields: &Fields<'_, '_>) -> Vec<(String, Value)> {
    let members = values::members(reader, fields, "vars", "write `vars: { size: 3 }`");
    members
        .filter_map(|(name, node)| Some((name.text.clone(), values::value_or_output(reader, node)?)))
        .collect()
}

const EXAMPLE: &str =
    "write `backend: managed`, or `backend: { s3: { bucket: states, key: \"{root}.tfstate\" } }`";

/// `managed`, or the one type of a backend with its settings.
fn backend(reader: &Reader<'_>, fields: &Fields<'_, '_>, base: &Path, is_one_root: bool) -> BackendConfig {
    let Some((place, node)) = fields.get("backend") else { return BackendConfig::Declared };
    match &node.shape {
        Shape::Text(word) if word == "managed" => BackendConfig::Managed,
        Shape::Map(members) if members.len() == 1 => {
            let (kind, node) = &members[0];
            let settings = values::value(reader, node).map(|settings| from_base(&settings, base));
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

//! Root modules of Terraform or OpenTofu as a target.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gitops_core::{Hole, HolePart, Value};
use gitops_terraform::Removal;

use super::super::node::{Node, Place, Shape};
use super::super::reader::{Fields, Reader};
use super::output;

/// Which program works on which roots, and how.
#[derive(Debug, PartialEq, Eq)]
pub struct TerraformConfig {
    /// The program: `tofu` or `terraform`, by name or path.
    pub binary: PathBuf,
    /// The workspace of roots that name none.
    pub workspace: Option<String>,
    /// Variables that every root gets, if it declares them; a value may be another object's output.
    pub vars: Vec<(String, Value)>,
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

const KEYS: [&str; 8] = ["binary", "workspace", "vars", "roots", "removal", "mirror", "env", "drift_every"];

/// Reads the content of `terraform:`.
pub fn read(reader: &Reader<'_>, node: &Node, owner: Place, base: &Path) -> Option<TerraformConfig> {
    let fields = reader.fields(node, "`terraform`", owner, &KEYS)?;
    let text = |name: &str| fields.get(name).and_then(|(_, node)| reader.text(node, &format!("`{name}`")));
    let texts = |name: &str| {
        let list = fields.get(name).map(|(_, node)| reader.texts(node, &format!("`{name}`")));
        list.unwrap_or_default()
    };
    let policies = [("retain", Removal::Retain), ("destroy", Removal::Destroy), ("forget", Removal::Forget)];
    let removal = fields.get("removal").and_then(|(_, node)| reader.one_of(node, "`removal`", &policies));
    Some(TerraformConfig {
        binary: binary(text("binary"), base),
        workspace: text("workspace"),
        vars: vars(reader, &fields),
        roots: texts("roots"),
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
    let Some((_, node)) = fields.get("vars") else { return Vec::new() };
    let Shape::Map(members) = &node.shape else {
        let message = format!("`vars` must be a mapping of names to values, not {}", node.shape.article());
        reader.fault("GO0109", node.place, message, "write `vars: { size: 3 }`");
        return Vec::new();
    };
    let var = |name: &str, node: &Node| Some((name.to_owned(), value_or_output(reader, node)?));
    members.iter().filter_map(|(name, node)| var(&name.text, node)).collect()
}

/// A value, or `{ output: "KEY#NAME" }`: what another object gives out.
fn value_or_output(reader: &Reader<'_>, node: &Node) -> Option<Value> {
    match output::written(node) {
        Some(written) => {
            let output = HolePart::Output(output::read(reader, written)?);
            Some(Hole { parts: vec![output] }.into())
        }
        None => value(reader, node),
    }
}

fn value(reader: &Reader<'_>, node: &Node) -> Option<Value> {
    Some(match &node.shape {
        Shape::Null => Value::Null,
        Shape::Bool(value) => Value::Bool(*value),
        Shape::Text(text) => Value::from(text.as_str()),
        Shape::Number(text) => {
            let number = text.parse().map(Value::Number);
            let refuse = |_| {
                let message = format!("`{text}` is no number that can be kept exactly");
                reader.fault("GO0110", node.place, message, "put it in quotes, or write another number");
            };
            number.map_err(refuse).ok()?
        }
        Shape::List(items) => {
            Value::List(items.iter().filter_map(|item| value_or_output(reader, item)).collect())
        }
        Shape::Map(members) => {
            let member = |(name, node): &(super::super::node::Name, Node)| {
                Some((name.text.clone(), value_or_output(reader, node)?))
            };
            Value::map(members.iter().filter_map(member))
        }
    })
}

//! Rules by which objects of some kinds do well or badly, as CEL expressions.

use gitops_core::gate::cel::Expression;
use gitops_k8s::HealthRule;

use super::super::node::Node;
use super::super::reader::{Fields, Reader};
use super::kubernetes::kind;

const KEYS: [&str; 6] = ["kind", "suspended", "in_progress", "failed", "current", "unproven"];

const EXAMPLE: &str = "- { kind: Database.example.org, current: status.phase == 'Running' }";

/// The list under `health`.
pub fn read(reader: &Reader, node: &Node) -> Vec<HealthRule> {
    let items = reader.items(node, "`health`", &format!("write `{EXAMPLE}` in a line of its own"));
    items.iter().filter_map(|item| rule(reader, item)).collect()
}

fn rule(reader: &Reader, node: &Node) -> Option<HealthRule> {
    let fields = reader.fields(node, "a rule of `health`", node.place, &KEYS)?;
    let of = fields.require("kind", "kind: Database.example.org");
    let of = of.and_then(|(_, node)| reader.text(node, "`kind`"));
    fields.require("current", "current: status.phase == 'Running'");
    let [suspended, in_progress, failed, current, unproven] =
        ["suspended", "in_progress", "failed", "current", "unproven"]
            .map(|name| expression(reader, &fields, name));
    let rule = HealthRule::of(kind(&of?), current.ok()??);
    let rule = suspended.ok()?.into_iter().fold(rule, HealthRule::suspended);
    let rule = in_progress.ok()?.into_iter().fold(rule, HealthRule::in_progress);
    let rule = failed.ok()?.into_iter().fold(rule, HealthRule::failed);
    Some(unproven.ok()?.into_iter().fold(rule, HealthRule::unproven))
}

/// A fault that the reader has recorded.
struct Refused;

/// The expression of a key, if there is one.
fn expression(reader: &Reader, fields: &Fields<'_>, name: &str) -> Result<Option<Expression>, Refused> {
    let Some((_, node)) = fields.get(name) else { return Ok(None) };
    let text = reader.text(node, &format!("`{name}`")).ok_or(Refused)?;
    let help =
        "write a CEL expression over `metadata`, `spec` and `status`, such as `status.phase == 'Running'`";
    Expression::parse(&text).map(Some).map_err(|error| {
        reader.fault("GO0110", node.place, error.message().to_owned(), help);
        Refused
    })
}

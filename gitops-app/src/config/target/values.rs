//! Values of any form, and outputs of objects in their place.

use gitops_core::{OutputRef, Placeholder, PlaceholderPart, Value};

use super::super::node::{Name, Node, Shape};
use super::super::reader::{Fields, Reader};

/// The mapping of names to outputs under `outputs`: each fills `${NAME}`.
pub fn outputs(reader: &Reader, fields: &Fields<'_>) -> Vec<(String, OutputRef)> {
    let example = "write `outputs: { ADDRESS: \"infra:Root/-/network#address\" }`";
    let members = members(reader, fields, "outputs", example);
    members.filter_map(|(name, node)| Some((name.text.clone(), output(reader, node)?))).collect()
}

/// The members of a mapping that may be left out.
pub fn members<'n>(
    reader: &Reader,
    fields: &Fields<'n>,
    key: &str,
    example: &str,
) -> impl Iterator<Item = &'n (Name, Node)> {
    let members = match fields.get(key).map(|(_, node)| (node.place, &node.shape)) {
        None => &[][..],
        Some((_, Shape::Map(members))) => members,
        Some((place, shape)) => {
            let message = format!("`{key}` must be a mapping of names to values, not {}", shape.article());
            reader.fault("GO0109", place, message, example);
            &[]
        }
    };
    members.iter()
}

/// A value, or `{ output: "KEY#NAME" }`: what another object gives out.
pub fn value_or_output(reader: &Reader, node: &Node) -> Option<Value> {
    match &node.shape {
        Shape::Map(members) if matches!(&members[..], [(name, _)] if name.text == "output") => {
            let output = PlaceholderPart::Output(output(reader, &members[0].1)?);
            Some(Placeholder { parts: vec![output] }.into())
        }
        _ => value(reader, node),
    }
}

pub fn value(reader: &Reader, node: &Node) -> Option<Value> {
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
            let member =
                |(name, node): &(Name, Node)| Some((name.text.clone(), value_or_output(reader, node)?));
            Value::map(members.iter().filter_map(member))
        }
    })
}

fn output(reader: &Reader, node: &Node) -> Option<OutputRef> {
    let text = reader.text(node, "`output`")?;
    let parts = text.rsplit_once('#').and_then(|(key, name)| Some((key.parse().ok()?, name)));
    match parts {
        Some((key, name)) if !name.is_empty() => Some(OutputRef { key, output: name.into() }),
        _ => {
            let message = format!("`{text}` is no output of an object");
            let help = "write `KEY#NAME` with a key as `gitops graph` shows it: `tf:Root/-/network#address`";
            reader.fault("GO0110", node.place, message, help);
            None
        }
    }
}

//! Outputs of other objects, as values.

use gitops_core::OutputRef;

use super::super::node::{Node, Shape};
use super::super::reader::Reader;

/// The content of `{ output: "KEY#NAME" }`, if a value is written so.
pub fn written(node: &Node) -> Option<&Node> {
    match &node.shape {
        Shape::Map(members) if matches!(&members[..], [(name, _)] if name.text == "output") => {
            Some(&members[0].1)
        }
        _ => None,
    }
}

/// Reads `KEY#NAME`.
pub fn read(reader: &Reader<'_>, node: &Node) -> Option<OutputRef> {
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

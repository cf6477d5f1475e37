//! How large an object may be.

use crate::yaml::{Data, Fault, Node};

/// Bytes of an object that an API server stores.
const OBJECT: usize = 3 << 19;
/// Bytes of all annotations together.
const ANNOTATIONS: usize = 256 << 10;

/// # Errors
/// The object or its annotations are larger than an API server takes.
pub(super) fn check(node: &Node) -> Result<(), Fault> {
    let size = bytes(node);
    if size > OBJECT {
        let message = format!("the object has {size} bytes; an API server stores at most {OBJECT}");
        return Err(Fault::new("GO0408", node.place, message).help("split it"));
    }
    let Some(annotations) = node.at(&["metadata", "annotations"]) else { return Ok(()) };
    let size = text_bytes(annotations);
    match size > ANNOTATIONS {
        true => {
            let message =
                format!("the annotations have {size} bytes; an API server takes at most {ANNOTATIONS}");
            Err(Fault::new("GO0408", annotations.place, message).help("move the content into a ConfigMap"))
        }
        false => Ok(()),
    }
}

/// Keys and texts of a mapping.
fn text_bytes(node: &Node) -> usize {
    let Data::Map(members) = &node.data else { return 0 };
    members.iter().map(|member| member.name.len() + member.value.as_text().map_or(0, str::len)).sum()
}

/// About as many bytes as its JSON has.
fn bytes(node: &Node) -> usize {
    match &node.data {
        Data::Null | Data::Bool(_) => 5,
        Data::Number(number) => number.as_str().len(),
        Data::Text(text) => text.len() + 2,
        Data::Secret(secret) => secret.expose().len() + 2,
        // As large as what fills it; the target looks again.
        Data::Placeholder(_) => 0,
        Data::List(items) => 2 + items.iter().map(|item| bytes(item) + 1).sum::<usize>(),
        Data::Map(members) => {
            2 + members.iter().map(|member| member.name.len() + 4 + bytes(&member.value)).sum::<usize>()
        }
    }
}

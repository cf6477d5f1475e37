use gitops_core::Value;
use serde_json::Value as Json;

use super::Section;
use crate::yaml::{Data, Node};

/// One annotation or label.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark<'a> {
    pub section: Section,
    pub key: &'a str,
    pub value: &'a str,
}

const SECTIONS: [Section; 2] = [Section::Annotations, Section::Labels];

/// The annotations and labels of an object's body.
pub(super) fn of_value(body: &Value) -> impl Iterator<Item = Mark<'_>> {
    SECTIONS.into_iter().flat_map(move |section| {
        let members = match body.get("metadata").and_then(|metadata| metadata.get(section.name())) {
            Some(Value::Map(members)) => Some(members),
            _ => None,
        };
        let members = members.into_iter().flat_map(gitops_core::Map::iter);
        members.filter_map(move |(key, value)| Some(Mark { section, key, value: value.as_text()? }))
    })
}

/// The annotations and labels of an object as the server has it.
pub(super) fn of_json(object: &Json) -> impl Iterator<Item = Mark<'_>> {
    SECTIONS.into_iter().flat_map(move |section| {
        let members = object["metadata"][section.name()].as_object().into_iter().flatten();
        members.filter_map(move |(key, value)| Some(Mark { section, key, value: value.as_str()? }))
    })
}

/// The annotations and labels of a document.
pub(crate) fn of_node(node: &Node) -> impl Iterator<Item = Mark<'_>> {
    SECTIONS.into_iter().flat_map(move |section| {
        let members = match node.at(&["metadata", section.name()]).map(|node| &node.data) {
            Some(Data::Map(members)) => &members[..],
            _ => &[],
        };
        let mark = move |value| move |key| Mark { section, key, value };
        members.iter().filter_map(move |member| member.value.as_text().map(|value| mark(value)(&member.name)))
    })
}

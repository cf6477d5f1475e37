//! Whether an object fits the schema of its kind, as far as that can be told without sending it.

mod check;
pub(crate) mod nulls;
mod place;
pub(crate) mod quantity;
mod server;

pub(crate) use check::{Misfit, Step, check};
pub(crate) use place::{diagnostic, steps};
pub(crate) use server::Schemas;

use serde_json::Value as Json;

/// A schema, and the document that holds what it refers to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema<'a> {
    pub of: &'a Json,
    /// A document of `OpenAPI`; a definition refers to nothing.
    pub document: &'a Json,
}

impl<'a> Schema<'a> {
    /// The schema of a version in the declaration of a `CustomResourceDefinition`.
    pub fn of_definition(definition: &'a Json, version: &str) -> Option<Self> {
        let versions = definition["spec"]["versions"].as_array()?;
        let of = &versions.iter().find(|found| found["name"] == version)?["schema"]["openAPIV3Schema"];
        of.is_object().then_some(Self { of, document: &Json::Null })
    }

    /// The schema of a kind in a document of the server's.
    pub fn of_kind(document: &'a Json, group: &str, version: &str, kind: &str) -> Option<Self> {
        let is_it = |schema: &&Json| {
            let kinds = schema["x-kubernetes-group-version-kind"].as_array();
            let is = |found: &Json| {
                found["group"] == group && found["version"] == version && found["kind"] == kind
            };
            kinds.is_some_and(|kinds| kinds.iter().any(is))
        };
        let of = document["components"]["schemas"].as_object()?.values().find(is_it)?;
        Some(Self { of, document })
    }

    /// The same with another part of the document, followed to what it refers to.
    fn at(self, of: &'a Json) -> Self {
        let mut found = Self { of, ..self };
        for _ in 0..REFERENCES {
            let only =
                found.of["allOf"].as_array().and_then(|all| if all.len() == 1 { all.first() } else { None });
            let target = found.of["$ref"].as_str().and_then(|name| {
                let name = name.strip_prefix("#/components/schemas/")?;
                self.document["components"]["schemas"].get(name)
            });
            match target.or(only) {
                Some(of) => found.of = of,
                None => break,
            }
        }
        found
    }

    /// Whether a part of it is a quantity, such as `500Mi`.
    fn is_quantity(of: &Json) -> bool {
        let names =
            |of: &Json| of["$ref"].as_str().is_some_and(|name| name.ends_with("api.resource.Quantity"));
        names(of) || of["allOf"].as_array().is_some_and(|all| all.iter().any(names))
    }
}

/// How many references are followed one after the other.
const REFERENCES: usize = 8;

/// What is said of a field that a kind does not have.
const UNKNOWN: &str = "unknown field";

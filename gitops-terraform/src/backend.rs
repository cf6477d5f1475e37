use std::sync::Arc;

use gitops_core::{Result, Value};

use crate::json;
use crate::root::Place;
use crate::state_server::StateServer;

/// Where the states of roots are kept.
#[derive(Default)]
pub(crate) enum Backend {
    /// Where each root says.
    #[default]
    Declared,
    /// In a server of ours.
    Ours(Arc<StateServer>),
    /// In a backend of this type, with these settings.
    Block(String, Value),
}

impl Backend {
    /// Our server, if the states are there.
    pub fn server(&self) -> Option<&Arc<StateServer>> {
        match self {
            Self::Ours(server) => Some(server),
            Self::Declared | Self::Block(..) => None,
        }
    }

    /// The declaration that takes the place of a root's own, if one does.
    pub fn declaration(&self, place: &Place) -> Result<Option<String>> {
        let (kind, settings) = match self {
            Self::Declared => return Ok(None),
            Self::Ours(_) => ("http", Value::map([] as [(&str, Value); 0])),
            Self::Block(kind, settings) => (kind.as_str(), of_root(settings, place)),
        };
        let backend = Value::map([("backend", Value::map([(kind, settings)]))]);
        json::write(&Value::map([("terraform", backend)])).map(Some)
    }
}

/// The settings with the root's own name in them.
fn of_root(settings: &Value, place: &Place) -> Value {
    let inside = |value: &Value| of_root(value, place);
    match settings {
        Value::Text(text) => {
            let folder = if place.folder.is_empty() { "root" } else { &place.folder };
            text.replace("{root}", folder).replace("{workspace}", &place.workspace).as_str().into()
        }
        Value::List(items) => Value::List(items.iter().map(inside).collect()),
        Value::Map(members) => Value::map(members.iter().map(|(name, value)| (name, inside(value)))),
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_root_has_a_place_of_its_own() {
        let settings =
            Value::map([("key", Value::from("{root}/{workspace}.tfstate")), ("encrypt", true.into())]);
        let backend = Backend::Block("s3".to_owned(), settings);
        let place = Place { folder: "infra/net".to_owned(), workspace: "blue".to_owned() };
        let text = backend.declaration(&place).unwrap().unwrap();
        assert_eq!(
            text,
            r#"{"terraform":{"backend":{"s3":{"encrypt":true,"key":"infra/net/blue.tfstate"}}}}"#
        );
    }
}

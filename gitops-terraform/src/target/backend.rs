use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gitops_core::{Result, Value};

use crate::declare::hcl;
use crate::declare::module::RootModule;
use crate::disk;
use crate::root::{Keeper, Place};
use crate::state_server::StateServer;
use crate::target::site::Site;
use crate::tool::json;

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
    pub fn declaration(&self, root: &RootModule) -> Result<Option<String>> {
        let (kind, settings) = match self {
            Self::Declared => return Ok(None),
            Self::Ours(_) => ("http", Value::map([] as [(&str, Value); 0])),
            Self::Block(kind, settings) => (kind.as_str(), of_root(settings, root)),
        };
        let backend = Value::map([("backend", Value::map([(kind, settings)]))]);
        json::write(&Value::map([("terraform", backend)])).map(Some)
    }
}

impl Site<'_> {
    /// Where the state of a root is by what is declared now. What declares it is kept beside the tool's data for this
    /// place: the state is found there later, whatever is declared by then.
    pub fn place_of(&self, root: &RootModule) -> Result<Place> {
        let (folder, workspace) = (root.folder.clone(), root.workspace.clone());
        let backend = &self.workshop().backend;
        let declaration = backend.declaration(root)?;
        let keeper = match (backend, &declaration) {
            (Backend::Ours(_), _) => Keeper::Server,
            (_, Some(declaration)) => Keeper::declared(&[declaration]),
            (_, None) => Keeper::declared(&hcl::backends(root)),
        };
        let place = Place { folder, workspace, keeper };
        disk::private_folder(&place.data(&self.folder))?;
        let path = place.declaration(&self.folder);
        match declaration {
            Some(text) => disk::place(&path, text.as_bytes(), false)?,
            None => disk::remove(&path)?,
        }
        Ok(place)
    }

    /// Whether the target's own backend is another one than that where the root was applied. What roots declare themselves
    /// is a part of their declaration.
    pub fn is_to_move(&self) -> bool {
        let Some(place) = self.record().place.as_ref() else { return false };
        let backend = &self.workshop().backend;
        match (backend, place.keeper) {
            (Backend::Ours(_), keeper) => keeper != Keeper::Server,
            (Backend::Declared, keeper) => {
                keeper == Keeper::Server || place.declaration(&self.folder).exists()
            }
            (Backend::Block(..), applied) => {
                let mut root = RootModule::new(&place.folder, BTreeMap::new());
                root.workspace.clone_from(&place.workspace);
                let declaration = backend.declaration(&root).ok().flatten();
                declaration.is_none_or(|declaration| Keeper::declared(&[declaration]) != applied)
            }
        }
    }

    /// Removes the tool's data for places of plans that were never applied.
    pub fn drop_data_but_of(&self, place: &Place) -> Result<()> {
        let kept = self.folder.kept()?.map(|kept| kept.pins.place);
        let needed: BTreeSet<String> = [Some(place), self.record().place.as_ref(), kept.as_ref()]
            .into_iter()
            .flatten()
            .map(Place::data_name)
            .collect();
        let data = self.folder.data();
        let entries = std::fs::read_dir(&data).map_err(|error| disk::failed("list", &data, error))?;
        for entry in entries.flatten() {
            if !needed.contains(entry.file_name().to_string_lossy().as_ref()) {
                let path = entry.path();
                std::fs::remove_dir_all(&path).map_err(|error| disk::failed("remove", &path, error))?;
            }
        }
        Ok(())
    }
}

/// The settings with the root's own name in them.
fn of_root(settings: &Value, root: &RootModule) -> Value {
    let inside = |value: &Value| of_root(value, root);
    match settings {
        Value::Text(text) => {
            let folder = if root.folder.is_empty() { "root" } else { &root.folder };
            text.replace("{root}", folder).replace("{workspace}", &root.workspace).as_str().into()
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
        let root = RootModule { workspace: "blue".to_owned(), ..RootModule::new("infra/net", [].into()) };
        let text = backend.declaration(&root).unwrap().unwrap();
        assert_eq!(
            text,
            r#"{"terraform":{"backend":{"s3":{"encrypt":true,"key":"infra/net/blue.tfstate"}}}}"#
        );
    }
}

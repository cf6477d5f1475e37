use std::path::PathBuf;

use gitops_core::{Digest, Hasher};
use serde::{Deserialize, Serialize};

use super::Folder;

/// Where the state of a root is: all that it takes to find it again, whatever was planned since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The root's folder in the tree.
    pub folder: String,
    /// The workspace.
    pub workspace: String,
    /// Who keeps the state.
    pub keeper: Keeper,
}

/// Who keeps the state of a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Keeper {
    /// A server of ours.
    Server,
    /// A backend of the tool's; the digest of what declares it.
    Backend(Digest),
}

impl Keeper {
    /// The backend that is declared by these texts; the tool's own default if there are none.
    pub fn declared<T: AsRef<[u8]>>(by: &[T]) -> Self {
        let mut hasher = Hasher::new("gitops terraform backend 1");
        for text in by {
            hasher.field(text);
        }
        Self::Backend(hasher.finish())
    }

    /// What its folders are called.
    fn name(self) -> String {
        match self {
            Self::Server => "server".to_owned(),
            Self::Backend(declared) => declared.to_string()[..16].to_owned(),
        }
    }
}

impl Place {
    /// Stands for the place, in any process and on any machine.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("gitops terraform place 1");
        hasher.field(&self.folder).field(&self.workspace).field(self.keeper.name());
        if let Keeper::Backend(declared) = self.keeper {
            hasher.field(declared.as_bytes());
        }
        hasher.finish()
    }

    /// The root's files for this place, and what the tool writes beside them. A local state is among them, so each keeper
    /// has its own: where a backend begins, the tool would else move the states that lie there.
    pub fn tree(&self, folder: &Folder) -> PathBuf {
        match self.keeper == Keeper::declared::<&str>(&[]) {
            true => folder.path().join("tree"),
            false => folder.path().join("trees").join(self.keeper.name()),
        }
    }

    /// The tool's data for this place. Each keeper has its own, so that a plan under another one leaves it as it is.
    pub fn data(&self, folder: &Folder) -> PathBuf {
        folder.data().join(self.data_name())
    }

    /// The name of that folder.
    pub fn data_name(&self) -> String {
        self.keeper.name()
    }

    /// The declaration of the backend that takes the place of the root's own; there is none if the root's own holds.
    pub fn declaration(&self, folder: &Folder) -> PathBuf {
        self.data(folder).join("gitops-backend.tf.json")
    }

    /// The folder in which the tool is run.
    pub fn cwd(&self, folder: &Folder) -> PathBuf {
        self.tree(folder).join(&self.folder)
    }
}

use std::path::{Path, PathBuf};

use gitops_core::{Digest, Key, Result};

use crate::disk;

/// The folder in which the tool works on one root; nobody else's.
///
/// | Path | Holds |
/// | --- | --- |
/// | `tree/`, `trees/` | the root's files as declared, for each keeper of its state, and what the tool writes beside them: a local state |
/// | `data/` | the tool's own data, for each keeper: providers, modules, where the state is |
/// | `plan/` | saved plans |
/// | `home/`, `tmp/` | the tool's home and its temporary files |
/// | `apply.jsonl`, `apply.err` | what the latest apply printed |
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    path: PathBuf,
}

impl Folder {
    /// The folder of a root below the target's work folder, made if it is not there.
    pub fn open(work: &Path, key: &Key) -> Result<Self> {
        let folder = Self::at(work, key);
        for part in ["data", "plan", "home", "tmp"] {
            disk::private_folder(&folder.path.join(part))?;
        }
        Ok(folder)
    }

    /// The folder of a root, whether it is there or not.
    pub fn at(work: &Path, key: &Key) -> Self {
        Self { path: work.join("roots").join(name_of(key)) }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the tool keeps its data.
    pub fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// Where saved plans are.
    pub fn plans(&self) -> PathBuf {
        self.path.join("plan")
    }

    /// What the latest apply printed, line by line.
    pub fn journal(&self) -> PathBuf {
        self.path.join("apply.jsonl")
    }

    /// What the latest apply printed as errors.
    pub fn errors(&self) -> PathBuf {
        self.path.join("apply.err")
    }

    /// Removes what the latest apply printed, and the variables that it got: they may hold secrets.
    pub fn drop_reports(&self) -> Result<()> {
        [self.journal(), self.errors(), self.variables()].iter().try_for_each(|path| disk::remove(path))
    }

    /// The variables of a run; there only while it lasts.
    pub fn variables(&self) -> PathBuf {
        self.path.join("variables.tfvars.json")
    }
}

/// A name that fits any file system and any store.
pub(super) fn name_of(key: &Key) -> String {
    let mut name = Digest::of(key.to_string().as_bytes()).to_string();
    name.truncate(32);
    name
}

use std::path::PathBuf;

use gitops_core::{Digest, Result, Time};
use serde::{Deserialize, Serialize};

use super::{Folder, Place, Stamp};
use crate::disk;
use crate::root::warning::Warning;

/// What a saved plan was made from: it is applied only while all of it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pins {
    /// The state.
    pub state: Option<Stamp>,
    /// The declaration; nothing for a plan that destroys.
    pub body: Option<Digest>,
    /// The program.
    pub tool: Digest,
    /// Where the state is.
    pub place: Place,
}

/// A saved plan that waits to be applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The digest of what it would do.
    pub digest: Digest,
    /// What it was made from.
    pub pins: Pins,
    /// When it was made.
    pub at: Time,
    /// Whether it does nothing: then its file is not kept, and it can't be applied.
    #[serde(default)]
    pub does_nothing: bool,
    /// What the tool warned of when it made it.
    pub warnings: Vec<Warning>,
}

impl Folder {
    /// Where the tool writes a plan before it is kept.
    pub fn new_plan(&self) -> PathBuf {
        self.plans().join("new.tfplan")
    }

    /// The file of the kept plan.
    pub fn kept_plan(&self) -> PathBuf {
        self.plans().join("kept.tfplan")
    }

    fn kept_note(&self) -> PathBuf {
        self.plans().join("kept.json")
    }

    /// The plan that is kept, if there is one.
    pub fn kept(&self) -> Result<Option<Kept>> {
        let Some(bytes) = disk::read(&self.kept_note(), 1 << 20)? else { return Ok(None) };
        let kept: Option<Kept> = serde_json::from_slice(&bytes).ok();
        Ok(kept.filter(|kept| kept.does_nothing || self.kept_plan().is_file()))
    }

    /// Keeps the new plan in the place of an older one.
    pub fn keep(&self, kept: &Kept) -> Result<()> {
        disk::remove(&self.kept_note())?;
        let (new, place) = (self.new_plan(), self.kept_plan());
        std::fs::rename(&new, &place).map_err(|error| disk::failed("keep", &new, error))?;
        disk::place(&self.kept_note(), &serde_json::to_vec(kept)?, false)
    }

    /// Keeps of the plan only that it does nothing.
    pub fn keep_nothing(&self) -> Result<()> {
        let kept = self.kept()?;
        self.drop_plans()?;
        match kept {
            Some(kept) => {
                let kept = Kept { does_nothing: true, ..kept };
                disk::place(&self.kept_note(), &serde_json::to_vec(&kept)?, false)
            }
            None => Ok(()),
        }
    }

    /// Removes all saved plans: they hold secrets in clear.
    pub fn drop_plans(&self) -> Result<()> {
        [self.kept_note(), self.kept_plan(), self.new_plan()].iter().try_for_each(|path| disk::remove(path))
    }
}

use std::path::{Path, PathBuf};

use gitops_core::{Error, ErrorKind, Result, Value};

use super::{Folder, Keeper, Place};
use crate::disk;
use crate::tool::json::{self, StateFile};

/// The most bytes that a state may have.
pub(crate) const STATE_BYTES: u64 = 256 << 20;

/// Where the state of a root is kept, as the tool itself understood it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Home {
    /// In a server of ours, for this workspace.
    Server(String),
    /// In a file of this machine.
    File(PathBuf),
    /// Elsewhere: the tool must be asked.
    Elsewhere {
        /// The backend's type.
        kind: String,
        /// Its settings.
        settings: Value,
        /// The workspace.
        workspace: String,
    },
}

impl Home {
    /// Where the tool was told to keep the state when it was initialised for this place.
    pub fn of(folder: &Folder, place: &Place) -> Result<Self> {
        let workspace = place.workspace.clone();
        if place.keeper == Keeper::Server {
            return Ok(Self::Server(workspace));
        }
        let settings = disk::read(&place.data(folder).join("terraform.tfstate"), STATE_BYTES)?;
        let settings = settings.map(|bytes| json::parse(&bytes)).transpose()?;
        let backend = settings.as_ref().and_then(|settings| settings.get("backend"));
        let kind =
            backend.and_then(|backend| backend.get("type")).and_then(Value::as_text).unwrap_or("local");
        let config = backend.and_then(|backend| backend.get("config"));
        if kind != "local" {
            let settings = config.cloned().unwrap_or(Value::Null);
            return Ok(Self::Elsewhere { kind: kind.to_owned(), settings, workspace });
        }
        let option =
            |name| config.and_then(|config| config.get(name)).and_then(Value::as_text).map(str::to_owned);
        let file = match workspace.as_str() {
            "default" => option("path").unwrap_or_else(|| "terraform.tfstate".to_owned()),
            name => {
                let folder = option("workspace_dir").unwrap_or_else(|| "terraform.tfstate.d".to_owned());
                format!("{folder}/{name}/terraform.tfstate")
            }
        };
        Ok(Self::File(place.cwd(folder).join(file)))
    }
}

/// Where the tool keeps the state before the last one.
pub(crate) fn backup_of(path: &Path) -> PathBuf {
    let mut backup = path.as_os_str().to_owned();
    backup.push(".backup");
    backup.into()
}

/// The state in a file; nothing if there is none. `known` says that there was one.
///
/// # Errors
/// `Corrupt` if the file is empty and was a state: the tool truncates before it writes, and a plan made without it
/// would make everything a second time. A file that was never anything else is empty while it is locked.
pub(crate) fn read_file(path: &Path, known: bool) -> Result<Option<StateFile>> {
    let Some(bytes) = disk::read(path, STATE_BYTES)? else { return Ok(None) };
    let state = StateFile::read(&bytes)?;
    if state.is_none() && (known || backup_of(path).exists()) {
        let message = format!("the state file {} is empty: a write was cut short", path.display());
        let backup = backup_of(path);
        let name = backup.file_name().unwrap_or_default().to_string_lossy();
        return Err(Error::new(ErrorKind::Corrupt, message)
            .help(format!("put the file `{name}` beside it in its place, or a backup of yours")));
    }
    Ok(state)
}

use std::path::{Path, PathBuf};

use gitops_core::{Error, ErrorKind, Result};

use super::Advertised;
use crate::fault::{invalid, not_found, unreadable};
use crate::reference::sha256;

/// The branches and tags of a repository of this machine, read without a process.
pub(crate) fn advertised(folder: &Path, limit: usize) -> Result<Advertised> {
    let repository = open(folder)?;
    let mut refs = Advertised::default();
    let platform = repository.references().map_err(|error| damaged(folder, error))?;
    for place in ["refs/heads/", "refs/tags/"] {
        for reference in platform.prefixed(place).map_err(|error| damaged(folder, error))? {
            let reference = reference
                .map_err(|error| damaged(folder, gix::Error::from_error(gix::error::message!("{error}"))))?;
            let name = reference.name().as_bstr().to_string();
            let id = reference.into_fully_peeled_id().map_err(|error| damaged(folder, error))?;
            refs.add(&name, id.detach(), limit)?;
        }
    }
    Ok(refs)
}

/// The folder that holds the references of all worktrees of a repository.
pub(crate) fn common_folder(folder: &Path) -> Result<PathBuf> {
    let folder = open(folder)?.common_dir().to_owned();
    Ok(folder.canonicalize()?)
}

fn open(folder: &Path) -> Result<gix::Repository> {
    if !folder.exists() {
        return Err(not_found(format!("there is no folder {}", folder.display()))
            .help("check the path; a relative one starts at the folder that the configuration names"));
    }
    let opened = gix::open::Options::isolated().open(folder);
    opened.map(|repository| repository.to_thread_local()).map_err(|error| not_openable(folder, error))
}

fn not_openable(folder: &Path, error: gix::Error) -> Error {
    let config = [folder.join("config"), folder.join(".git/config")]
        .map(|file| std::fs::read_to_string(file).unwrap_or_default());
    if config.iter().any(|text| text.to_ascii_lowercase().contains("objectformat = sha256")) {
        return sha256();
    }
    let has_repository = folder.join(".git").exists() || folder.join("HEAD").exists();
    match has_repository {
        true => damaged(folder, error),
        false => invalid(format!("{} is not a Git repository", folder.display()))
            .help("name the folder that holds `.git`, or a bare repository; `git init` makes one"),
    }
}

fn damaged(folder: &Path, error: gix::Error) -> Error {
    match unreadable(&format!("the repository {}", folder.display()), error) {
        error if error.kind() == ErrorKind::Corrupt => {
            error.help("run `git fsck` in it and repair what it names")
        }
        error => error,
    }
}

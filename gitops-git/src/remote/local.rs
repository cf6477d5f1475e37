use std::path::{Path, PathBuf};

use gitops_core::{Error, ErrorKind, Result};
use gix::bstr::ByteSlice;

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
            // One that can't be read has no name here. It is in the way only of who follows it: see `broken`.
            let Ok(reference) = reference else { continue };
            let Ok(name) = reference.name().as_bstr().to_str().map(str::to_owned) else { continue };
            match reference.into_fully_peeled_id() {
                Ok(id) => refs.add(&name, id.detach(), limit)?,
                Err(error) => refs.add_broken(&name, error),
            }
        }
    }
    broken(repository.common_dir(), &mut refs);
    Ok(refs)
}

/// Notes the files of references that hold no reference, such as an empty one after a loss of power.
fn broken(common: &Path, refs: &mut Advertised) {
    let mut folders = vec![common.join("refs/heads"), common.join("refs/tags")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().filter_map(std::result::Result::ok) {
            let path = entry.path();
            let name = path.strip_prefix(common).ok().and_then(Path::to_str);
            match (path.is_dir(), name) {
                (true, _) => folders.push(path),
                (false, Some(name)) if refs.get(name).is_none() && refs.broken(name).is_none() => {
                    refs.add_broken(name, "it holds neither an id nor the name of another reference");
                }
                _ => {}
            }
        }
    }
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
    check_kind(folder)?;
    let opened = gix::open::Options::isolated().open(folder);
    opened.map(|repository| repository.to_thread_local()).map_err(|error| not_openable(folder, error))
}

/// Refuses repositories that are kept in a way that can't be read, before they are taken for damaged ones.
fn check_kind(folder: &Path) -> Result<()> {
    let config = [folder.join("config"), folder.join(".git/config")]
        .map(|file| std::fs::read_to_string(file).unwrap_or_default().to_ascii_lowercase());
    let has = |setting: &str| config.iter().any(|text| text.lines().any(|line| setting_of(line) == setting));
    let unsupported = |message: &str, help: &str| {
        Err(Error::new(ErrorKind::Unsupported, message).with("path", folder.display()).help(help))
    };
    match () {
        () if has("objectformat=sha256") => Err(sha256()),
        () if has("refstorage=reftable") => unsupported(
            "the repository keeps its branches and tags in a reftable, which is not supported",
            "run `git refs migrate --ref-format=files` in it, or name it by a URL of a server",
        ),
        () if config
            .iter()
            .any(|text| text.contains("partialclone") || text.contains("partialclonefilter")) =>
        {
            unsupported(
                "the repository is a partial clone: a part of its objects is missing",
                "name the repository that it was cloned from, or clone it without `--filter`",
            )
        }
        () => Ok(()),
    }
}

fn setting_of(line: &str) -> String {
    line.chars().filter(|c| !c.is_whitespace() && *c != '"').collect()
}

fn not_openable(folder: &Path, error: gix::Error) -> Error {
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

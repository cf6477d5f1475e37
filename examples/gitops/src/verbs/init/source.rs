//! The repository that `init` writes down.

use std::path::{Path, PathBuf};

use gitops_core::Result;

use super::text::Kind;
use crate::cli::InitArgs;

/// Where desired state comes from.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The repository.
    pub url: String,
    /// The branch.
    pub branch: String,
    /// The folder in it.
    pub path: String,
    /// The folder of the repository on this machine into which a first file can be written; nothing where the repository is
    /// elsewhere.
    pub folder: Option<PathBuf>,
    /// Whether there is no repository yet.
    pub is_new: bool,
}

impl Source {
    /// What the command line says, or else what is there: for the configuration in a folder.
    pub fn of(args: &InitArgs, base: &Path) -> Result<Self> {
        let kind = Kind::of(args);
        let path = args.path.clone();
        match &args.url {
            None if kind.example.is_some() => here(args, kind, base),
            url => {
                let url = url.clone().unwrap_or_else(|| "./site.git".to_owned());
                let branch = args.branch.clone().or_else(|| branch(&base.join(&url)));
                Ok(Self {
                    url,
                    branch: branch.unwrap_or_else(|| "main".to_owned()),
                    path: path.unwrap_or_else(|| kind.folder.to_owned()),
                    folder: None,
                    is_new: false,
                })
            }
        }
    }
}

/// The repository in which the configuration is, or will be.
fn here(args: &InitArgs, kind: &Kind, base: &Path) -> Result<Source> {
    let base = std::path::absolute(base)?;
    let root = base.ancestors().find(|folder| folder.join(".git").exists());
    let within = root.and_then(|root| base.strip_prefix(root).ok()).unwrap_or(Path::new(""));
    let up = vec![".."; within.components().count()].join("/");
    let folder = args.path.clone().unwrap_or_else(|| within.join(kind.folder).to_string_lossy().into_owned());
    Ok(Source {
        url: if up.is_empty() { ".".to_owned() } else { up },
        branch: args.branch.clone().or_else(|| branch(root?)).unwrap_or_else(|| "main".to_owned()),
        folder: Some(root.unwrap_or(&base).join(&folder)),
        path: folder,
        is_new: root.is_none(),
    })
}

/// The branch that is checked out in a repository of this machine.
fn branch(repository: &Path) -> Option<String> {
    let head = [repository.join(".git/HEAD"), repository.join("HEAD")];
    let head = head.iter().find_map(|path| std::fs::read_to_string(path).ok())?;
    Some(head.trim().strip_prefix("ref: refs/heads/")?.to_owned())
}

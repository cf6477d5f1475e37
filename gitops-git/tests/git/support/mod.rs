//! Real repositories, servers and the questions that tests ask of a source.

mod gitea;
mod proxy;
mod repo;
mod script;
mod sshd;

use std::collections::BTreeMap;
use std::path::PathBuf;

use gitops_core::{Cx, Entry, EntryKind, Error, Result, Snapshot, Source};

pub use gitea::{Gitea, credentials, gitea};
pub use proxy::{Fault, Proxy};
pub use repo::Repo;
pub use script::{CountedGit, StalledGit, script, with_sender};
pub use sshd::Sshd;

/// The newest tree of a source as path and text of each file.
pub async fn newest(source: &dyn Source) -> Result<BTreeMap<String, String>> {
    let cx = Cx::system();
    let revision = source.resolve(&cx).await?;
    files(&source.fetch(&cx, &revision).await?)
}

/// All files of a snapshot.
pub fn files(snapshot: &Snapshot) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![(String::new(), snapshot.root)];
    while let Some((folder, id)) = folders.pop() {
        for Entry { name, kind, id, .. } in snapshot.tree.list(&folder, &id)? {
            let path = if folder.is_empty() { name.to_string() } else { format!("{folder}/{name}") };
            match kind {
                EntryKind::Folder => folders.push((path, id)),
                EntryKind::Link => drop(files.insert(path, "(link)".to_owned())),
                EntryKind::File { .. } => {
                    let bytes = snapshot.tree.read(&path, &id)?;
                    files.insert(path, String::from_utf8_lossy(&bytes).into_owned());
                }
            }
        }
    }
    Ok(files)
}

/// Path and text of each file, to compare with.
pub fn expect(files: &[(&str, &str)]) -> BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// An error as a person gets it: kind, message and way out.
pub fn told(error: &Error) -> String {
    format!("{:?}: {}\nhelp: {}", error.kind(), error.message(), error.help_text().unwrap_or("NONE"))
}

/// The code and path of each diagnostic of an error.
pub fn findings(error: &Error) -> Vec<String> {
    error.diagnostics().iter().map(|found| format!("{} {}", found.code, found.path)).collect()
}

/// A program that the tests need, named by a variable.
pub fn needed(variable: &str, usual: Option<&str>) -> PathBuf {
    let path = std::env::var_os(variable).map(PathBuf::from).or_else(|| usual.map(PathBuf::from));
    match path.filter(|path| path.exists()) {
        Some(path) => path,
        None => {
            panic!("{variable} does not name a program that exists: run `cargo xtask test`, which sets it")
        }
    }
}

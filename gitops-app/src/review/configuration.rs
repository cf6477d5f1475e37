//! Whether the configuration is that of the target branch.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gitops_core::{Cx, Error, ErrorKind, History, Relation, Result, Revision};
use gitops_git::{Checkout, Entry, GitSource};

use crate::config::{Applications, is_read};

/// Refuses a configuration that lies in a working copy of the repository and differs from what the target branch has: a request
/// could have changed it, or the copy is behind. So it is with a list of signers. What lies elsewhere was put there by whoever runs
/// the review.
///
/// Gives the files of the configuration that lie in the working copy, from its root.
///
/// # Errors
/// `Denied`, with the file; what keeps the target branch from being read.
pub(super) async fn check(
    cx: &Cx,
    applications: &Applications,
    git: &GitSource,
    base: &Revision,
    head: &Revision,
) -> Result<Vec<String>> {
    let mut copies = Copies { git, sides: [base, head], known: BTreeMap::new() };
    let signers = applications.all.iter().filter_map(|config| config.source.signers.as_ref());
    for (file, _) in signers {
        if let Some((_, path)) = copies.find(cx, file).await? {
            compare(cx, git, base, file, &path).await?;
        }
    }
    let mut paths = Vec::new();
    for file in &applications.files {
        if let Some((_, path)) = copies.find(cx, file).await? {
            compare(cx, git, base, file, &path).await?;
            paths.push(path);
        }
    }
    let Some((folder, files)) = &applications.folder else { return Ok(paths) };
    let Some((checkout, path)) = copies.find(cx, folder).await? else { return Ok(paths) };
    // A file that is gone is a change too: with it go its applications and gates.
    let Some(Entry::Folder(names)) = git.entry(cx, base, &path).await? else {
        return Err(differs(folder, base));
    };
    let here: Vec<String> = files.iter().filter_map(|file| checkout.path_of(file)).collect();
    let is_here =
        |name: &String| here.iter().any(|here| *here == format!("{path}/{name}").trim_start_matches('/'));
    match names.iter().filter(|name| is_read(Path::new(name))).all(is_here) {
        true => Ok(paths),
        false => Err(differs(folder, base)),
    }
}

/// Refuses a file that differs from what the target branch has.
async fn compare(cx: &Cx, git: &GitSource, base: &Revision, file: &Path, path: &str) -> Result<()> {
    let bytes = std::fs::read(file)?;
    match git.entry(cx, base, path).await? == Some(Entry::File(bytes)) {
        true => Ok(()),
        false => Err(differs(file, base)),
    }
}

/// The working copies that a configuration lies in.
struct Copies<'a> {
    git: &'a GitSource,
    sides: [&'a Revision; 2],
    /// Whether what lies in a folder is in a copy of the repository.
    known: BTreeMap<PathBuf, bool>,
}

impl Copies<'_> {
    /// The working copy of the repository that a path lies in, and its name there.
    async fn find(&mut self, cx: &Cx, path: &Path) -> Result<Option<(Checkout, String)>> {
        let Some(checkout) = Checkout::of(path) else { return Ok(None) };
        let Some(name) = checkout.path_of(path) else { return Ok(None) };
        let folder = path.parent().unwrap_or(path).to_owned();
        let is_ours = match self.known.get(&folder) {
            Some(known) => *known,
            None if checkout.has_any(&self.sides) => true,
            None => self.is_of_history(cx, checkout.first_commits()).await?,
        };
        self.known.insert(folder, is_ours);
        Ok(is_ours.then_some((checkout, name)))
    }

    /// Whether the target branch has one of these commits in its history: a copy that is behind has neither side.
    async fn is_of_history(&self, cx: &Cx, commits: Vec<Revision>) -> Result<bool> {
        for commit in commits {
            let relation = self.git.relation(cx, &commit, self.sides[0]).await?;
            if matches!(relation, Relation::Same | Relation::Newer) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn differs(path: &Path, base: &Revision) -> Error {
    let message =
        format!("the configuration {} is not that of {}, the target branch", path.display(), base.name());
    Error::new(ErrorKind::Denied, message).of_gate().help(format!(
        "check out {} and run it there: a request must not choose the rules by which it is judged",
        base.name()
    ))
}

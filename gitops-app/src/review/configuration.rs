//! Whether the configuration is that of the target branch.

use std::path::Path;

use gitops_core::{Cx, Error, ErrorKind, Result, Revision};
use gitops_git::{Checkout, Entry, GitSource};

use crate::config::{Applications, is_read};

/// Refuses a configuration that lies in a working copy of the repository and differs from what the target branch has: a request
/// could have changed it. So it is with a list of signers. What lies elsewhere was put there by whoever runs the review.
///
/// # Errors
/// `Denied`, with the file; what keeps the target branch from being read.
pub(super) async fn check(
    cx: &Cx,
    applications: &Applications,
    git: &GitSource,
    base: &Revision,
    head: &Revision,
) -> Result<()> {
    let signers = applications.all.iter().filter_map(|config| config.source.signers.as_ref());
    for file in applications.files.iter().chain(signers.map(|(path, _)| path)) {
        let Some((_, path)) = in_checkout(file, base, head) else { continue };
        let bytes = std::fs::read(file)?;
        if git.entry(cx, base, &path).await? != Some(Entry::File(bytes)) {
            return Err(differs(file, base));
        }
    }
    let Some((folder, files)) = &applications.folder else { return Ok(()) };
    let Some((checkout, path)) = in_checkout(folder, base, head) else { return Ok(()) };
    // A file that is gone is a change too: with it go its applications and gates.
    let Some(Entry::Folder(names)) = git.entry(cx, base, &path).await? else {
        return Err(differs(folder, base));
    };
    let here: Vec<String> = files.iter().filter_map(|file| checkout.path_of(file)).collect();
    let is_here =
        |name: &String| here.iter().any(|here| *here == format!("{path}/{name}").trim_start_matches('/'));
    match names.iter().filter(|name| is_read(Path::new(name))).all(is_here) {
        true => Ok(()),
        false => Err(differs(folder, base)),
    }
}

/// The files of a configuration that lie in a working copy of the repository, from its root.
pub(super) fn paths(applications: &Applications, base: &Revision, head: &Revision) -> Vec<String> {
    let files = applications.files.iter();
    files.filter_map(|file| Some(in_checkout(file, base, head)?.1)).collect()
}

/// The working copy of the repository that a path lies in, and its name there.
fn in_checkout(path: &Path, base: &Revision, head: &Revision) -> Option<(Checkout, String)> {
    let checkout = Checkout::of(path)?;
    let path = checkout.path_of(path)?;
    checkout.has_any(&[base, head]).then_some((checkout, path))
}

fn differs(path: &Path, base: &Revision) -> Error {
    let message =
        format!("the configuration {} is not that of {}, the target branch", path.display(), base.name());
    Error::new(ErrorKind::Denied, message).of_gate().help(format!(
        "check out {} and run it there: a request must not choose the rules by which it is judged",
        base.name()
    ))
}

//! Applications stay apart: where each keeps its state, and that no target reaches into one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gitops_core::process::fs;
use gitops_core::{Error, ErrorKind, Result};

use super::{Config, TargetKind};

/// The folder that holds the states of applications that name no other.
pub(crate) const STATES: &str = ".gitops";

/// The state of an application that names no folder.
pub fn default_state(base: &Path, application: &str) -> PathBuf {
    base.join(STATES).join(application)
}

/// The copies of repositories of all applications that name no state. No application can have this name.
pub(super) fn default_mirrors(base: &Path) -> PathBuf {
    base.join(STATES).join("~mirrors")
}

/// Makes sure that applications stay apart: no two have one state, and no target writes to a state or to a configuration.
/// Who writes to a target must not write there: a commit could pin a revision, or change the configuration.
///
/// # Errors
/// `Invalid` with both paths.
pub fn check_apart(all: &[Config]) -> Result<()> {
    let mut guarded = BTreeMap::new();
    for config in all {
        let state = fs::without_links(&config.state)?;
        if let Some((path, _)) = overlaps(&guarded, &state) {
            let message =
                format!("the state of `{}` and that of another application are in one another", config.name);
            return Err(Error::new(ErrorKind::Invalid, message)
                .with("path", state.display())
                .with("other", path.display())
                .help("give each a `state:` of its own, or none: it is then `.gitops/NAME`"));
        }
        guarded.insert(state, "the state folder");
    }
    for config in all {
        guarded.insert(fs::without_links(&config.file)?, "the configuration");
    }
    all.iter().try_for_each(|config| check_roots(config, &guarded))?;
    check_roots_apart(all)?;
    // Beside the states are mirrors and what was rendered, which all applications believe.
    let beside = |config: &Config| Ok((fs::without_links(&config.base().join(STATES))?, "the state folder"));
    let beside = all.iter().map(beside).collect::<Result<_>>()?;
    all.iter().try_for_each(|config| check_roots(config, &beside))
}

fn check_roots(config: &Config, guarded: &BTreeMap<PathBuf, &str>) -> Result<()> {
    for target in &config.targets {
        let TargetKind::Directory { root, .. } = &target.kind else { continue };
        let found = fs::without_links(root)?;
        if let Some((path, what)) = overlaps(guarded, &found) {
            let message = format!("the root of the target `{}` and {what} lie in one another", target.name);
            return Err(Error::new(ErrorKind::Invalid, message)
                .with("root", found.display())
                .with("path", path.display())
                .help("a commit could write there: name a root beside it, such as `./live`, or another `state:`"));
        }
    }
    Ok(())
}

/// Two targets may have one root, where owner labels tell whose a file is. A root within another one has all its files twice, under
/// two names.
fn check_roots_apart(all: &[Config]) -> Result<()> {
    let mut roots: BTreeMap<PathBuf, &str> = BTreeMap::new();
    for target in all.iter().flat_map(|config| &config.targets) {
        let TargetKind::Directory { root, .. } = &target.kind else { continue };
        let found = fs::without_links(root)?;
        if roots.contains_key(&found) {
            continue;
        }
        if let Some((path, other)) = overlaps(&roots, &found) {
            let message =
                format!("the roots of the targets `{}` and `{other}` lie in one another", target.name);
            return Err(Error::new(ErrorKind::Invalid, message)
                .with("root", found.display())
                .with("other", path.display())
                .help(
                    "a file would be of both: give each a folder beside the other's, or both the same one",
                ));
        }
        roots.insert(found, &target.name);
    }
    Ok(())
}

/// The path that lies in another one, or in which that lies.
fn overlaps<'g>(guarded: &'g BTreeMap<PathBuf, &str>, path: &Path) -> Option<(&'g PathBuf, &'g str)> {
    let below = guarded.range(path.to_owned()..).next().filter(|(other, _)| other.starts_with(path));
    let found = below.or_else(|| path.ancestors().find_map(|above| guarded.get_key_value(above)));
    found.map(|(path, what)| (path, *what))
}

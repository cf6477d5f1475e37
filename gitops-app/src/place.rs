//! Where the state of an application is, and where it must not be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use gitops_core::process::fs;
use gitops_core::{Cx, Error, ErrorKind, Result, StateDir};

use crate::config::{Config, TargetKind};

/// The folder that holds the states of applications that name no other.
pub(crate) const STATES: &str = ".gitops";

/// The folder beside the states for what programs rendered. No application can have this name.
const RENDERS: &str = "~renders";

/// The folder in a state for what can be fetched again.
pub const MIRRORS: &str = "mirrors";

/// The folder in which a server of some applications remembers what it did on forges: beside their states. No application can
/// have its name.
pub fn of_server(base: &Path) -> PathBuf {
    base.join(STATES).join("~server")
}

/// The configuration, once it is sure that its state is its own: no target may write to it, and none is lying
/// somewhere else, from an older version or from before a renaming.
///
/// # Errors
/// `Invalid` with the way out.
pub async fn checked(cx: &Cx, mut config: Config, renamed_from: Option<&str>) -> Result<Config> {
    check_apart(std::slice::from_ref(&config))?;
    if config.home.is_some() {
        return Ok(config);
    }
    let former = renamed_from.map(|former| config.base().join(STATES).join(former));
    let former = former.filter(|path| config.has_default_state && *path != config.state && is_state(path));
    match (former, is_state(&config.state)) {
        (Some(former), true) => return Err(both(cx, &former, &config).await?),
        (Some(former), false) => {
            check_old_state(&config)?;
            config.state = former;
        }
        (None, false) if config.has_default_state => {
            check_old_state(&config)?;
            check_neighbours(cx, &config).await?;
        }
        (None, _) => {}
    }
    Ok(config)
}

/// An application that has a state under its former name and one under its own: it was applied before anybody said that it
/// was renamed.
async fn both(cx: &Cx, former: &Path, config: &Config) -> Result<Error> {
    let inventory = StateDir::peek(&config.state)?.inventory(cx).await?;
    let owns_nothing =
        inventory.is_none_or(|found| found.entries().is_empty() && found.open().next().is_none());
    let own = config.state.display();
    let help = match owns_nothing {
        true => format!("the new one owns nothing: remove it, `rm -r {own}`, and run the command again"),
        false => format!(
            "both own objects: take what {own} owns out of the source and apply, then remove that state"
        ),
    };
    let message = format!("`{}` has a state of its own and one under its former name", config.name);
    Ok(Error::new(ErrorKind::Invalid, message).with("former", former.display()).help(help))
}

/// Whether something was ever written to it: a plan leaves a mirror, which is no state.
fn is_state(folder: &Path) -> bool {
    folder.join("journal").exists() || folder.join("store").exists()
}

/// Where the state goes when the application was renamed; nothing if it is there.
pub fn destination(config: &Config) -> Option<PathBuf> {
    let state = default_state(config.base(), &config.name);
    (config.has_default_state && config.state != state).then_some(state)
}

/// The state of an application that names no folder.
pub fn default_state(base: &Path, application: &str) -> PathBuf {
    base.join(STATES).join(application)
}

/// The folder in which what programs rendered is kept: beside the default states, for all applications, or else in the
/// application's own.
pub fn renders(config: &Config) -> PathBuf {
    match config.state.parent().filter(|_| config.has_default_state) {
        Some(states) => states.join(RENDERS),
        None => config.state.join(RENDERS.trim_start_matches('~')),
    }
}

/// Moves the state of a renamed application to the folder of its new name.
///
/// # Errors
/// `Locked` if another process is at work with it.
pub fn relocate(cx: &Cx, from: &Path, to: &Path) -> Result<()> {
    let lock = StateDir::open(from, cx)?;
    if to.join(MIRRORS).is_dir() {
        // A plan under the new name left it; the state has its own.
        std::fs::remove_dir_all(to.join(MIRRORS))?;
    }
    let moved = std::fs::rename(from, to);
    drop(lock);
    moved.map_err(|error| fs::failed("move the state folder", from, error))
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
    all.iter().try_for_each(|config| check_roots(config, &guarded))
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

/// The path that lies in another one, or in which that lies.
fn overlaps<'g>(guarded: &'g BTreeMap<PathBuf, &str>, path: &Path) -> Option<(&'g PathBuf, &'g str)> {
    let below = guarded.range(path.to_owned()..).next().filter(|(other, _)| other.starts_with(path));
    let found = below.or_else(|| path.ancestors().find_map(|above| guarded.get_key_value(above)));
    found.map(|(path, what)| (path, *what))
}

/// Version 0.1 kept the state of the one application in the folder that holds the states of all of them now.
fn check_old_state(config: &Config) -> Result<()> {
    let old = config.base().join(STATES);
    if !is_state(&old) {
        return Ok(());
    }
    let (old, new) = (old.display(), config.state.display());
    let message = "there is a state of version 0.1, and states are kept below the application's name now";
    Err(Error::new(ErrorKind::Invalid, message).with("path", &old).help(format!(
        "move it: `mv {old} {old}-0.1 && mkdir -m 700 {old} && mv {old}-0.1 {new}`; or keep it where it is: write \
         `state: ./{STATES}` in {}",
        config.file.display()
    )))
}

/// A state of this application in the folder of another name was left there by a renaming that was taken back.
async fn check_neighbours(cx: &Cx, config: &Config) -> Result<()> {
    let Ok(folders) = std::fs::read_dir(config.base().join(STATES)) else { return Ok(()) };
    for folder in folders.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let Ok(Some(inventory)) = StateDir::peek(&folder)?.inventory(cx).await else { continue };
        if inventory.application() == config.name {
            let (from, to) = (folder.display(), config.state.display());
            let message = format!("the state of `{}` is in the folder of another name", config.name);
            return Err(Error::new(ErrorKind::Invalid, message)
                .with("path", &from)
                .help(format!("move it to its place: `mv {from} {to}`")));
        }
    }
    Ok(())
}

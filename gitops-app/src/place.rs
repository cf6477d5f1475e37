//! Where the state of an application is, and where it must not be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gitops_core::process::fs;
use gitops_core::{Cx, Error, ErrorKind, Result, StateDir};

pub use crate::config::apart::{check_apart, default_state};

use crate::config::Config;
use crate::config::apart::STATES;
use crate::config::suggest::suggestion;

/// The folder beside the states for what programs rendered. No application can have this name.
const RENDERS: &str = "~renders";

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
            if let Some(former) = renamed_from {
                return Err(no_state_of(former, &config));
            }
        }
        (None, _) => {}
    }
    Ok(config)
}

/// Nothing was ever applied under the name that the application is said to have had: without its state all would be made anew.
fn no_state_of(former: &str, config: &Config) -> Error {
    let folders = std::fs::read_dir(config.base().join(STATES)).into_iter().flatten().flatten();
    let states = folders.filter(|folder| is_state(&folder.path()));
    let names: Vec<String> = states.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    let message = format!("there is no state of `{former}`, from which `{}` would go on", config.name);
    Error::new(ErrorKind::Invalid, message).help(match known.is_empty() {
        true => "nothing was applied from here yet: leave `--renamed-from` out".to_owned(),
        false => suggestion(former, &known),
    })
}

/// An application that has a state under its former name and one under its own: it was applied before anybody said that it
/// was renamed.
async fn both(cx: &Cx, former: &Path, config: &Config) -> Result<Error> {
    // Whoever works under the new name already has opened what would be removed, and would write beside what comes in its place.
    drop(StateDir::open(&config.state, cx)?);
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

/// Whether something was ever written to it.
fn is_state(folder: &Path) -> bool {
    let store = folder.join("store");
    folder.join("journal").is_file() || (store.exists() && !is_of_application(&store))
}

/// Whether a folder is what an application keeps: one may be called `store`, too.
fn is_of_application(folder: &Path) -> bool {
    ["journal", "lock", "store", "terraform", "secret-key"].iter().any(|name| folder.join(name).exists())
}

/// Where the state goes when the application was renamed; nothing if it is there.
pub fn destination(config: &Config) -> Option<PathBuf> {
    let state = default_state(config.base(), &config.name);
    (config.has_default_state && config.state != state).then_some(state)
}

/// The folder in which what programs rendered is kept: beside the default states, for all applications, or else in the
/// application's own.
pub fn renders(config: &Config) -> PathBuf {
    match config.state.parent().filter(|_| config.has_default_state) {
        Some(states) => states.join(RENDERS),
        None => config.state.join(RENDERS.trim_start_matches('~')),
    }
}

/// The folders that no program of a source may read: the application's own state, the states that have their default places with
/// what lies beside them, and whatever other applications keep.
pub(crate) fn private(config: &Config) -> Vec<PathBuf> {
    let beside = config.state.parent().filter(|_| config.has_default_state).map(Path::to_owned);
    let mut found = vec![config.state.clone(), config.mirrors.clone(), config.base().join(STATES)];
    found.extend(beside);
    found.extend(config.others.iter().cloned());
    found
}

/// The same without those that lie in another one of them: what they keep out is the same.
pub(crate) fn fence(config: &Config) -> BTreeSet<PathBuf> {
    let all: BTreeSet<PathBuf> = private(config).into_iter().collect();
    let lies_in_another = |path: &Path| path.ancestors().skip(1).any(|above| all.contains(above));
    all.iter().filter(|path| !lies_in_another(path)).cloned().collect()
}

/// Moves the state of a renamed application to the folder of its new name.
///
/// # Errors
/// `Locked` if another process is at work with it.
pub fn relocate(cx: &Cx, from: &Path, to: &Path) -> Result<()> {
    let lock = StateDir::open(from, cx)?;
    make_room(to)?;
    let moved = std::fs::rename(from, to);
    drop(lock);
    moved.map_err(|error| fs::failed("move the state folder", from, error))
}

/// How often something is moved aside from one place.
const ASIDE: u32 = 100;

/// Moves aside what is in the place of a state and is none, such as the folders in which roots were planned under the new name before
/// anybody said that it is one. Nothing of it is removed.
fn make_room(place: &Path) -> Result<()> {
    if !place.exists() || is_state(place) {
        return Ok(());
    }
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let aside = |n: u32| place.with_file_name(format!("~{name}-before-{n}"));
    let aside = (1..=ASIDE).map(aside).find(|aside| !aside.exists()).ok_or_else(|| {
        Error::new(
            ErrorKind::Invalid,
            format!("{ASIDE} folders were moved aside from the place of the state"),
        )
        .with("path", place.display())
        .help("remove what you need no more of them")
    })?;
    std::fs::rename(place, &aside)
        .map_err(|error| fs::failed("move aside what is in the place of the state", place, error))
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

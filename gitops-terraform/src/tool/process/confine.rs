//! Keeps the tool, and all that it starts, from reading what is ours: other roots, their states, the journal, and the
//! environment of processes.

use std::path::{Path, PathBuf};

use gitops_core::{Error, ErrorKind, Result};

/// What a run may not read.
#[derive(Clone, Debug)]
pub(crate) struct Confinement {
    /// The folders that are ours, without links in their paths.
    pub private: Vec<PathBuf>,
    /// What is read within them nonetheless: the root's own folder, and what the tool needs.
    pub open: Vec<PathBuf>,
}

/// Whether the system keeps a run confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confined {
    /// It does.
    Yes,
    /// It can't.
    No,
}

impl Confinement {
    /// Everything that may be read: whatever is not on the way to a private folder, and what is open within one. Links are
    /// left out, for what they lead to is there by itself. Of what the system tells about processes, nothing is read.
    fn readable(&self) -> Vec<PathBuf> {
        let mut found = self.open.clone();
        let mut above = vec![PathBuf::from("/")];
        while let Some(folder) = above.pop() {
            for path in entries(&folder).filter(|path| path != Path::new("/proc")) {
                match () {
                    () if self.private.contains(&path) => {}
                    () if self.private.iter().any(|private| private.starts_with(&path)) => above.push(path),
                    () => found.push(path),
                }
            }
        }
        let is_of_a_process = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.bytes().all(|letter| letter.is_ascii_digit())
        };
        found.extend(entries(Path::new("/proc")).filter(|path| !is_of_a_process(path)));
        found
    }

    /// Starts something in a thread that is confined, and so is all that it starts.
    pub fn start<T: Send>(&self, start: impl FnOnce() -> T + Send) -> Result<(T, Confined)> {
        let runtime = tokio::runtime::Handle::current();
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let confined = enter(&self.readable())?;
                let _runtime = runtime.enter();
                Ok((start(), confined))
            });
            thread.join().unwrap_or_else(|_| Err(failed("the thread panicked")))
        })
    }
}

/// What lies in a folder, but for links.
fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let found = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_link = |entry: &std::fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_symlink());
    found.filter(move |entry| !is_link(entry)).map(|entry| entry.path())
}

/// Confines this thread for good.
#[cfg(target_os = "linux")]
fn enter(readable: &[PathBuf]) -> Result<Confined> {
    use landlock::{
        AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
        path_beneath_rules,
    };
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::ReadFile)
        .and_then(Ruleset::create)
        .and_then(|ruleset| ruleset.add_rules(path_beneath_rules(readable, AccessFs::ReadFile)));
    let status = ruleset.and_then(landlock::RulesetCreated::restrict_self).map_err(failed)?;
    Ok(match status.ruleset {
        RulesetStatus::NotEnforced => Confined::No,
        _ => Confined::Yes,
    })
}

/// Only Linux can.
#[cfg(not(target_os = "linux"))]
fn enter(_: &[PathBuf]) -> Result<Confined> {
    Ok(Confined::No)
}

fn failed(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Internal, format!("the tool could not be kept from what it may not read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_beside_the_private_folders_is_readable_and_nothing_above_or_in_them_is() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for path in ["ours/roots/one", "ours/roots/two", "beside", "deep/theirs", "deep/open"] {
            std::fs::create_dir_all(at(path)).unwrap();
        }
        std::os::unix::fs::symlink("/", at("link")).unwrap();
        let private = vec![at("ours"), at("deep/theirs"), at("deep/none"), at("ours/states")];
        let confinement = Confinement { private, open: vec![at("ours/roots/one")] };
        let readable = confinement.readable();
        for path in [at("beside"), at("deep/open"), at("ours/roots/one"), "/usr".into(), "/proc/sys".into()] {
            assert!(readable.contains(&path), "{}", path.display());
        }
        for path in [
            at(""),
            at("link"),
            at("ours"),
            at("ours/roots"),
            at("deep"),
            at("deep/theirs"),
            "/proc".into(),
            "/".into(),
        ] {
            assert!(!readable.contains(&path), "{}", path.display());
        }
        assert!(!readable.iter().any(|path| path.starts_with("/proc/1") || path.starts_with("/proc/self")));
    }
}

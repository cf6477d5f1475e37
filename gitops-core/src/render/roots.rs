//! Folders that must be there for a revision to mean anything.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::Render;
use super::part::faults;
use crate::source::{Entry, EntryKind, Snapshot};
use crate::value::{Diagnostic, Result, most_alike, nearest};

/// A folder that a renderer was told to render: one that is absent is a fault, and never the same as an empty one.
///
/// ```
/// use gitops_core::RenderRoot;
/// let chart = RenderRoot::folder("apps/cache").holding("a chart", ["Chart.yaml"]);
/// # let _ = chart;
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RenderRoot {
    folder: SmolStr,
    what: SmolStr,
    files: Vec<SmolStr>,
}

impl RenderRoot {
    /// A folder by its path below the source's root; the empty path is the root, which is always there.
    pub fn folder(path: &str) -> Self {
        Self { folder: path.trim_matches('/').into(), what: SmolStr::default(), files: Vec::new() }
    }

    /// The same, which must hold one of these files to be what it is taken for, such as "a chart".
    #[must_use]
    pub fn holding<N: Into<SmolStr>>(mut self, what: &str, files: impl IntoIterator<Item = N>) -> Self {
        self.what = what.into();
        self.files = files.into_iter().map(Into::into).collect();
        self
    }

    fn check(&self, snapshot: &Snapshot) -> Result<(), Box<Diagnostic>> {
        let Some(entries) = self.entries(snapshot)? else { return Ok(()) };
        let is_file = |entry: &Entry| matches!(entry.kind, EntryKind::File { .. });
        let found =
            entries.iter().filter(|entry| is_file(entry)).any(|entry| self.files.contains(&entry.name));
        if found || self.files.is_empty() {
            return Ok(());
        }
        let names = self.files.join("`, `");
        let message = format!("`{}` is no {}: it holds no `{names}`", self.shown(), self.what_bare());
        let names = entries.iter().map(|entry| entry.name.as_str());
        let fault = Diagnostic::error("GO0306", self.shown(), message);
        Err(Box::new(fault.help(instead(&self.files[0], &self.folder, names))))
    }

    /// What the folder holds; nothing to look at if it may be anything.
    fn entries(&self, snapshot: &Snapshot) -> Result<Option<Vec<Entry>>, Box<Diagnostic>> {
        let mut done = String::new();
        for name in self.folder.split('/').filter(|name| !name.is_empty()) {
            let entries = list(snapshot, &done)?;
            let is_it = |entry: &Entry| entry.name == name && entry.kind == EntryKind::Folder;
            if !entries.iter().any(is_it) {
                return Err(self.absent(&done, name, &entries));
            }
            done = join(&done, name);
        }
        if self.files.is_empty() { Ok(None) } else { list(snapshot, &done).map(Some) }
    }

    fn absent(&self, parent: &str, name: &str, entries: &[Entry]) -> Box<Diagnostic> {
        let message =
            format!("there is no folder `{}` in the source, and it is to be rendered", join(parent, name));
        let folders = entries.iter().filter(|entry| entry.kind == EntryKind::Folder);
        let help = instead(name, parent, folders.map(|entry| entry.name.as_str()));
        Box::new(Diagnostic::error("GO0306", self.shown(), message).help(help))
    }

    fn shown(&self) -> &str {
        if self.folder.is_empty() { "." } else { &self.folder }
    }

    fn what_bare(&self) -> &str {
        self.what.trim_start_matches("a ")
    }
}

/// # Errors
/// A fault for each folder that a renderer was told to render and that is not there, or is not what it is taken for.
pub(super) fn check(render: &dyn Render, snapshot: &Snapshot) -> Vec<Diagnostic> {
    let roots: BTreeSet<RenderRoot> = render.roots().into_iter().collect();
    let mut found: Vec<Diagnostic> =
        roots.iter().filter_map(|root| root.check(snapshot).err()).map(|fault| *fault).collect();
    found.dedup_by(|a, b| a.message == b.message);
    found
}

fn list(snapshot: &Snapshot, path: &str) -> Result<Vec<Entry>, Box<Diagnostic>> {
    let listed = snapshot.find(path).and_then(|entry| match entry {
        Some(Entry { kind: EntryKind::Folder, id, .. }) => snapshot.tree.list(path, &id),
        _ => Ok(Vec::new()),
    });
    listed.map_err(|error| Box::new(faults(path, &error).remove(0)))
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// How many names of a folder are shown.
const MOST: usize = 5;

/// What there is instead: the name that is meant, if one is near enough, else the first few.
fn instead<'a>(wanted: &str, folder: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    let shown = |name: &str| format!("`{}`", join(folder, name).chars().take(120).collect::<String>());
    if names.is_empty() {
        return "correct the path: there is nothing beside it".to_owned();
    }
    if let Some(name) = nearest(wanted, names.iter().copied()) {
        return format!("did you mean {}?", shown(name));
    }
    let more = names.len().saturating_sub(MOST);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let names = most_alike(wanted, names);
    let names: Vec<String> = names.into_iter().take(MOST).map(shown).collect();
    format!("correct the path, or take it out of the configuration: there is {}{more}", names.join(", "))
}

//! One folder, checked entry by entry.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use gitops_core::{Diagnostic, Entry, EntryKind, Error, Result};
use gix::objs::TreeRefIter;
use gix::objs::tree::{EntryKind as Mode, EntryRef, name_order};
use unicode_normalization::UnicodeNormalization;

use super::{ContentId, name};
use crate::fault::{over_limit, shown};
use crate::limits::GitLimits;
use crate::rules::{InFolder, Rules};

/// What is seen of a folder.
pub(crate) struct Listed {
    /// The entries in the order of their names.
    pub entries: Vec<Entry>,
    /// The patterns that fit something in it.
    pub used: BTreeSet<usize>,
    /// Bytes of its longest name, with the slash before it.
    pub longest: usize,
}

/// What the rules let through of a folder.
///
/// # Errors
/// `Invalid` with a diagnostic for each entry that can't be used, `Limit` for a folder that is too large or deep.
pub(crate) fn listed(rules: &Rules, limits: &GitLimits, path: &str, data: &[u8]) -> Result<Listed> {
    check_place(limits, path)?;
    let (here, scope) = (rules.within(path), rules);
    let (entries, faults) = (Vec::new(), Vec::new());
    let mut listing = Listing { scope, limits, path, rules: here, entries, faults, longest: 0 };
    listing.take_all(data)?;
    listing.entries.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    listing.find_collisions();
    match listing.faults.is_empty() {
        true => Ok(Listed { entries: listing.entries, used: listing.rules.used, longest: listing.longest }),
        false => Err(refused(path, listing.faults)),
    }
}

fn check_place(limits: &GitLimits, path: &str) -> Result<()> {
    let depth = if path.is_empty() { 0 } else { path.split('/').count() };
    if depth > limits.depth {
        let message = format!("folders are nested {depth} deep or deeper");
        return Err(over_limit(message, "depth", limits.depth).with("path", shown(path, 200)));
    }
    Ok(())
}

fn refused(path: &str, faults: Vec<Diagnostic>) -> Error {
    let place =
        if path.is_empty() { "the followed folder".to_owned() } else { format!("`{}`", shown(path, 200)) };
    let help = faults.iter().find_map(|fault| fault.help.clone()).unwrap_or_default();
    Error::invalid(format!("{place} holds something that can't be used: {}", faults[0].message), faults)
        .help(help)
}

struct Listing<'a> {
    /// All rules, for the ids of folders.
    scope: &'a Rules,
    limits: &'a GitLimits,
    path: &'a str,
    rules: InFolder<'a>,
    entries: Vec<Entry>,
    faults: Vec<Diagnostic>,
    longest: usize,
}

impl Listing<'_> {
    fn take_all(&mut self, data: &[u8]) -> Result<()> {
        let mut last: Option<EntryRef<'_>> = None;
        for (index, entry) in TreeRefIter::from_bytes(data, gix::hash::Kind::Sha1).enumerate() {
            if index >= self.limits.folder_entries {
                let message = format!("`{}` has too many entries", shown(self.path, 200));
                return Err(over_limit(message, "folder_entries", self.limits.folder_entries));
            }
            let Ok(entry) = entry else {
                self.fault("GO0206", b"", "the folder's object is malformed", REPAIR);
                return Ok(());
            };
            self.take(last.as_ref(), &entry)?;
            last = Some(entry);
        }
        Ok(())
    }

    fn take(&mut self, last: Option<&EntryRef<'_>>, entry: &EntryRef<'_>) -> Result<()> {
        let raw: &[u8] = entry.filename;
        if last.is_some_and(|last| !is_before(last, entry)) {
            self.fault("GO0206", raw, "the entry is there twice or out of order", REPAIR);
        }
        let name = match (name::fault(raw), std::str::from_utf8(raw)) {
            (None, Ok(name)) => name,
            (fault, _) => {
                let (code, message, help) = fault.unwrap_or_default();
                self.fault(code, raw, message, help);
                return Ok(());
            }
        };
        self.check_length(name)?;
        if !self.rules.ignores(name, matches!(entry.mode.kind(), Mode::Tree | Mode::Commit)) {
            self.take_named(name, entry);
        }
        Ok(())
    }

    fn check_length(&mut self, name: &str) -> Result<()> {
        self.longest = self.longest.max(1 + name.len());
        let limit = self.limits.path_bytes;
        match self.path.len() + 1 + name.len() > limit {
            true => {
                Err(over_limit("a path is too long", "path_bytes", limit).with("path", shown(self.path, 200)))
            }
            false => Ok(()),
        }
    }

    fn take_named(&mut self, name: &str, entry: &EntryRef<'_>) {
        match entry.mode.kind() {
            Mode::Tree => {
                let id = ContentId::of_folder(self.scope, &self.path_of(name), entry.oid.into());
                self.entries.push(Entry::new(name, EntryKind::Folder, id));
            }
            mode @ (Mode::Blob | Mode::BlobExecutable) => {
                if self.rules.includes(name) {
                    let kind = EntryKind::File { executable: mode == Mode::BlobExecutable };
                    let id = ContentId::File { id: entry.oid.into() }.digest();
                    self.entries.push(Entry::new(name, kind, id));
                }
            }
            Mode::Link => {
                let id = ContentId::Link { id: entry.oid.into() }.digest();
                self.entries.push(Entry::new(name, EntryKind::Link, id));
            }
            Mode::Commit => self.fault(
                "GO0204",
                name.as_bytes(),
                SUBMODULE,
                "put the files themselves there, or ignore it",
            ),
        }
    }

    /// Names that a system would take for one: those that ignore case, and those that write accents in one way only.
    fn find_collisions(&mut self) {
        let may_collide =
            |entry: &Entry| entry.name.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii());
        if !self.entries.iter().any(may_collide) {
            return;
        }
        let mut folded: Vec<_> =
            self.entries.iter().map(|entry| (folded(&entry.name), entry.name.clone())).collect();
        folded.sort_unstable();
        for pair in folded.windows(2).filter(|pair| pair[0].0 == pair[1].0) {
            let (one, other) = (&pair[0].1, &pair[1].1);
            let how = if one.to_lowercase() == other.to_lowercase() {
                "case"
            } else {
                "how its letters are encoded"
            };
            let message = format!("the name differs only in {how} from `{}`", shown(one, 200));
            self.fault("GO0205", other.as_bytes(), &message, "rename one of them, or ignore it");
        }
    }

    fn fault(&mut self, code: &'static str, name: &[u8], message: &str, help: &str) {
        let name = shown(&String::from_utf8_lossy(name), 200);
        self.faults.push(Diagnostic::error(code, shown(&self.path_of(&name), 400), message).help(help));
    }

    fn path_of(&self, name: &str) -> String {
        match self.path {
            "" => name.to_owned(),
            path => format!("{path}/{name}"),
        }
    }
}

const REPAIR: &str = "run `git fsck` in the repository and repair what it names";
const SUBMODULE: &str = "it is a submodule, whose files are in another repository";

/// The name as a system sees it that ignores case and composes accents.
fn folded(name: &str) -> String {
    name.to_lowercase().nfc().collect()
}

/// Whether the entries stand in the order in which Git sorts them, with no name twice.
fn is_before(last: &EntryRef<'_>, next: &EntryRef<'_>) -> bool {
    let order = name_order(last.filename, last.mode.is_tree(), next.filename, next.mode.is_tree());
    order == Ordering::Less && last.filename != next.filename
}

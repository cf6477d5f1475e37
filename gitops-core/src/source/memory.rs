//! A tree in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{Entry, EntryKind, Tree};
use crate::value::{Digest, Error, ErrorKind, Hasher, Result};

/// Files that are given as they are, as a tree.
#[derive(Default)]
pub(super) struct MemoryTree {
    folders: BTreeMap<Digest, Vec<Entry>>,
    files: BTreeMap<Digest, Arc<[u8]>>,
}

impl MemoryTree {
    pub(super) fn store(&mut self, folder: &str, files: &BTreeMap<String, Vec<u8>>) -> Result<Digest> {
        let mut folders: BTreeMap<&str, BTreeMap<String, Vec<u8>>> = BTreeMap::new();
        let mut entries: BTreeMap<SmolStr, Entry> = BTreeMap::new();
        for (path, bytes) in files {
            let name = path.split('/').next().unwrap_or_default();
            if matches!(name, "" | "." | "..") || name.contains('\0') {
                let message = format!("`{folder}{path}` is not a relative path without empty parts");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
            if let Some((name, rest)) = path.split_once('/') {
                folders.entry(name).or_default().insert(rest.to_owned(), bytes.clone());
            } else {
                let id = Digest::of(bytes);
                self.files.insert(id, bytes.as_slice().into());
                let kind = EntryKind::File { executable: false };
                entries.insert(name.into(), Entry { name: name.into(), kind, id });
            }
        }
        for (name, files) in folders {
            let id = self.store(&format!("{folder}{name}/"), &files)?;
            let entry = Entry { name: name.into(), kind: EntryKind::Folder, id };
            if entries.insert(name.into(), entry).is_some() {
                let message = format!("`{folder}{name}` is a file and a folder");
                return Err(Error::new(ErrorKind::Invalid, message));
            }
        }
        Ok(self.seal(entries.into_values().collect()))
    }

    fn seal(&mut self, entries: Vec<Entry>) -> Digest {
        let mut hasher = Hasher::new("gitops folder");
        for Entry { name, kind, id } in &entries {
            let kind = [u8::from(*kind == EntryKind::Folder)];
            hasher.field(name).field(kind).field(id.as_bytes());
        }
        let id = hasher.finish();
        self.folders.insert(id, entries);
        id
    }
}

impl Tree for MemoryTree {
    fn list(&self, path: &str, id: &Digest) -> Result<Vec<Entry>> {
        self.folders.get(id).cloned().ok_or_else(|| missing(path))
    }

    fn read(&self, path: &str, id: &Digest) -> Result<Arc<[u8]>> {
        self.files.get(id).cloned().ok_or_else(|| missing(path))
    }
}

fn missing(path: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("`{path}` is not in the snapshot"))
}

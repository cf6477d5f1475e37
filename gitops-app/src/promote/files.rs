//! The files of a snapshot, within limits.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitops_core::{EntryKind, Error, ErrorKind, Result, Snapshot};

/// How many files are compared, and how many bytes.
const FILES: usize = 20_000;
const BYTES: usize = 256 << 20;

/// Files by their name below the followed folder.
pub type Files = BTreeMap<String, Arc<[u8]>>;

/// All files of a snapshot. Links are passed over: nothing is declared behind them.
pub fn all(snapshot: &Snapshot) -> Result<Files> {
    let (mut found, mut bytes) = (Files::new(), 0);
    let mut folders = vec![(String::new(), snapshot.root)];
    while let Some((folder, id)) = folders.pop() {
        for entry in snapshot.tree.list(&folder, &id)? {
            let path =
                if folder.is_empty() { entry.name.to_string() } else { format!("{folder}/{}", entry.name) };
            match entry.kind {
                EntryKind::Folder => folders.push((path, entry.id)),
                EntryKind::File { .. } => {
                    let content = snapshot.tree.read(&path, &entry.id)?;
                    bytes += content.len();
                    found.insert(path, content);
                }
                EntryKind::Link => {}
            }
            if found.len() > FILES || bytes > BYTES {
                let message = format!("more than {FILES} files or {BYTES} bytes can't be compared");
                return Err(Error::new(ErrorKind::Limit, message)
                    .help("declare the application in a folder of its own"));
            }
        }
    }
    Ok(found)
}

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use super::{Document, StateStore, Stored, refuse_older};
use crate::fs;
use crate::value::{Digest, Version};
use crate::{Cx, Error, ErrorKind, Result};

const MAGIC: &[u8; 8] = b"GITOPSD\n";
const FORMAT: u8 = 1;
const HEADER: usize = 8 + 1 + 8 + 32;
const LIMIT: u64 = 1 << 30;

/// Documents as files in a folder, one each.
///
/// A file is `GITOPSD\n`, the format (1 byte), the epoch (8 bytes, little endian), the BLAKE3 digest of epoch and
/// content (32 bytes), and the content. It is replaced atomically and durably, with mode 0600. One process at a time
/// may use the folder: [`StateDir`](crate::StateDir) sees to that.
#[derive(Debug)]
pub struct FileStore {
    folder: PathBuf,
    lock: Mutex<()>,
}

impl FileStore {
    /// The store in an existing folder.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), lock: Mutex::new(()) }
    }

    fn path(&self, name: &str) -> Result<PathBuf> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match !name.is_empty() && name.bytes().all(plain) {
            true => Ok(self.folder.join(format!("{name}.doc"))),
            false => Err(Error::new(ErrorKind::Invalid, format!("`{name}` can't be the name of a document"))),
        }
    }
}

#[async_trait]
impl StateStore for FileStore {
    async fn load(&self, _: &Cx, name: &str) -> Result<Option<Stored>> {
        read(&self.path(name)?)
    }

    async fn swap(
        &self,
        _: &Cx,
        name: &str,
        expect: Option<&Version>,
        document: Document,
    ) -> Result<Version> {
        let path = self.path(name)?;
        let _one_at_a_time = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let current = read(&path)?;
        if current.as_ref().map(|stored| &stored.version) != expect {
            return Err(Error::new(ErrorKind::Conflict, format!("the document `{name}` moved")));
        }
        refuse_older(name, current.map(|stored| stored.document.epoch), document.epoch)?;
        let bytes = encode(&document);
        let version = version(&bytes);
        fs::replace(&path, &bytes).map_err(|error| Error::from(error).with("path", path.display()))?;
        Ok(version)
    }
}

fn encode(document: &Document) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + document.bytes.len());
    bytes.extend_from_slice(MAGIC);
    bytes.push(FORMAT);
    bytes.extend_from_slice(&document.epoch.to_le_bytes());
    bytes.extend_from_slice(checksum(document.epoch, &document.bytes).as_bytes());
    bytes.extend_from_slice(&document.bytes);
    bytes
}

fn checksum(epoch: u64, content: &[u8]) -> Digest {
    crate::value::Hasher::new("gitops document").field(epoch.to_le_bytes()).field(content).finish()
}

/// Equal documents have equal versions: replacing one by its equal is no change.
fn version(file: &[u8]) -> Version {
    Version::new(Digest::of(file).to_string())
}

fn read(path: &Path) -> Result<Option<Stored>> {
    let Some(file) =
        fs::read_if_there(path, LIMIT).map_err(|error| Error::from(error).with("path", path.display()))?
    else {
        return Ok(None);
    };
    let document = decode(&file).map_err(|(kind, message)| {
        Error::new(kind, message).with("path", path.display()).help(match kind {
            ErrorKind::Unsupported => "use a newer version of this program",
            _ => "restore the state folder from a backup; nothing is written until then",
        })
    })?;
    Ok(Some(Stored { document, version: version(&file) }))
}

fn decode(file: &[u8]) -> Result<Document, (ErrorKind, &'static str)> {
    let damaged = (ErrorKind::Corrupt, "the document is damaged");
    let (header, content) = file.split_at_checked(HEADER).ok_or(damaged)?;
    if &header[..8] != MAGIC {
        return Err(damaged);
    }
    if header[8] != FORMAT {
        return Err((ErrorKind::Unsupported, "the document was written by a newer version"));
    }
    let epoch = u64::from_le_bytes(header[9..17].try_into().map_err(|_| damaged)?);
    match checksum(epoch, content).as_bytes() == &header[17..] {
        true => Ok(Document { epoch, bytes: content.to_vec() }),
        false => Err(damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn stored() -> (tempfile::TempDir, FileStore, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::new(folder.path());
        let document = Document { epoch: 3, bytes: b"content".to_vec() };
        store.swap(&Cx::system(), "a", None, document).await.unwrap();
        let path = folder.path().join("a.doc");
        (folder, store, path)
    }

    #[tokio::test]
    async fn a_flip_of_any_bit_is_found() {
        let (_folder, store, path) = stored().await;
        let whole = std::fs::read(&path).unwrap();
        for bit in 0..whole.len() * 8 {
            let mut damaged = whole.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, damaged).unwrap();
            assert!(store.load(&Cx::system(), "a").await.is_err(), "bit {bit}");
        }
    }

    #[tokio::test]
    async fn a_cut_at_any_byte_is_found_and_empty_is_not_new() {
        let (_folder, store, path) = stored().await;
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let error = store.load(&Cx::system(), "a").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "cut at {length}");
        }
    }
}

//! A document as bytes: a header that tells damage from age, then the content.

use super::{Document, Stored};
use crate::value::{Digest, Error, ErrorKind, Hasher, Result, Version};

const MAGIC: &[u8; 8] = b"gitopsST";
const MAJOR: u32 = 1;
/// Magic, format, epoch, generation, checksum.
const HEADER: usize = 8 + 4 + 8 + 8 + 32;

/// A document and how many times it was replaced.
///
/// The generation makes each write another version, also one that brings an old content back.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) generation: u64,
    pub(super) stored: Stored,
}

impl Sealed {
    /// The document that takes the place of `before`.
    pub(super) fn after(before: Option<&Self>, name: &str, document: Document) -> Self {
        let generation = before.map_or(0, |before| before.generation) + 1;
        let version = Version::new(checksum(name, generation, &document).to_string());
        Self { generation, stored: Stored { document, version } }
    }

    pub(super) fn encode(&self, name: &str) -> Vec<u8> {
        let document = &self.stored.document;
        let mut bytes = Vec::with_capacity(HEADER + document.bytes.len());
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&MAJOR.to_le_bytes());
        bytes.extend_from_slice(&document.epoch.to_le_bytes());
        bytes.extend_from_slice(&self.generation.to_le_bytes());
        bytes.extend_from_slice(checksum(name, self.generation, document).as_bytes());
        bytes.extend_from_slice(&document.bytes);
        bytes
    }

    pub(super) fn decode(name: &str, bytes: &[u8]) -> Result<Self> {
        let (header, content) = bytes.split_at_checked(HEADER).ok_or_else(|| too_short(name, bytes))?;
        check_format(name, header)?;
        let document = Document { epoch: number(&header[12..20]), bytes: content.to_vec() };
        let generation = number(&header[20..28]);
        let digest = checksum(name, generation, &document);
        if digest.as_bytes() != &header[28..] {
            return Err(damaged(name, "its checksum differs"));
        }
        let version = Version::new(digest.to_string());
        Ok(Self { generation, stored: Stored { document, version } })
    }
}

fn check_format(name: &str, header: &[u8]) -> Result<()> {
    if &header[..8] != MAGIC {
        return Err(damaged(name, "it does not begin as a document does"));
    }
    match u32::from_le_bytes(header[8..12].try_into().expect("four bytes")) {
        MAJOR => Ok(()),
        0 => Err(damaged(name, "its format is 0")),
        newer => Err(Error::new(
            ErrorKind::Unsupported,
            format!("the document was written by a newer version: format {newer}, this one knows {MAJOR}"),
        )
        .with("document", name)
        .help("use the newer version; nothing was changed")),
    }
}

/// The checksum covers the name, so that a document under another's name is found out.
fn checksum(name: &str, generation: u64, document: &Document) -> Digest {
    let mut hasher = Hasher::new("gitops document");
    hasher.field(name).field(document.epoch.to_le_bytes()).field(generation.to_le_bytes());
    hasher.field(&document.bytes).finish()
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

fn too_short(name: &str, bytes: &[u8]) -> Error {
    match bytes.is_empty() {
        true => damaged(name, "its file is empty, and empty is not new"),
        false => damaged(name, "its file is cut short"),
    }
}

fn damaged(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("the stored document is damaged: {what}"))
        .with("document", name)
        .help("put the file back from a backup; do not delete it: it records what is owned")
}
